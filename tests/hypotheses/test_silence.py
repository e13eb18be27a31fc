"""What is unknown in the tests that move people: who may change places, empty levels, and draws that are lost."""

from __future__ import annotations

from itertools import pairwise, permutations, product

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.hypotheses import (
    cug_test,
    dyadic_regression,
    fit_ergm,
    fit_peer_effects,
    mrqap,
    qap_correlation,
)
from peernet.hypotheses._design import build, known_cells
from peernet.hypotheses._permute import keeps, known_alike, shuffler, two_sided_p


def network(
    n: int, seed: int, *, silent: tuple[int, ...] = (), role: str = "learner", **columns: object
) -> PeerNetwork:
    """Return a network of ones, twos and threes in which some people did not answer."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    values = (rng.random((n, n)) < 0.5) * rng.integers(1, 4, (n, n)) * (1.0 - np.eye(n))
    gone = {ids[i] for i in silent}
    people = pd.DataFrame({"age": rng.normal(40, 9, n), **columns}, index=ids)
    ties = PeerNetwork.from_adjacency(pd.DataFrame(values, ids, ids), row_is="teacher").ties
    status = {i: "silent" if i in gone else "answered" for i in ids}
    return PeerNetwork(people, ties[~ties[role].isin(gone)], observed=status, respondent_is=role)


def table(n: int, seed: int) -> pd.DataFrame:
    ids = [f"p{i}" for i in range(n)]
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, n)), ids, ids)


def refit(y: np.ndarray, x: list[np.ndarray]) -> np.ndarray:
    """Return t by least squares over the cells in which everything is known."""
    keep = np.isfinite(y) & np.all([np.isfinite(m) for m in x], axis=0)
    left, right = y[keep], np.stack([m[keep] for m in x], axis=1)
    beta = np.linalg.lstsq(right, left, rcond=None)[0]
    e = left - right @ beta
    spread = e @ e / (len(left) - right.shape[1])
    return np.asarray(beta / np.sqrt(spread * np.diagonal(np.linalg.inv(right.T @ right))))


@pytest.mark.parametrize("role", ["learner", "teacher"])
def test_people_change_places_among_those_who_answered_and_among_those_who_did_not(role: str) -> None:
    """Every arrangement of six people, two of them silent, by hand: 4! times 2!, with the same cells in each."""
    net, x, z = network(6, 1, silent=(0, 3), role=role), table(6, 2), table(6, 3)
    networks = {"x": x, "z": z}
    fit = mrqap(net, "weight ~ x + z", networks=networks, n_draws=1000, rng=0)
    assert len(fit.null) == 48 and fit.provenance["exact"] and fit.provenance["people_who_stay"] == 0
    assert "among those whose values are known alike" in fit.inference
    known = ~np.eye(6, dtype=bool)
    known[(slice(None), [0, 3]) if role == "learner" else [0, 3]] = False
    y = np.where(known, net.adjacency.toarray(), np.nan)
    one, a, b = (np.where(known, m, np.nan) for m in (np.ones((6, 6)), x.to_numpy(), z.to_numpy()))
    others = np.stack([one[known], b[known]], axis=1)
    e = np.full((6, 6), np.nan)
    e[known] = a[known] - others @ np.linalg.lstsq(others, a[known], rcond=None)[0]
    every = []
    for p, q in product(permutations([1, 2, 4, 5]), permutations([0, 3])):
        order = np.arange(6)
        order[[1, 2, 4, 5]], order[[0, 3]] = p, q
        moved = e[np.ix_(order, order)]
        assert (np.isfinite(moved) == known).all()
        every.append(refit(y, [one, moved, b])[1])
    np.testing.assert_allclose(np.sort(fit.null[:, 1]), np.sort(every), rtol=1e-8)
    want = (np.abs(every) >= abs(refit(y, [one, a, b])[1]) * (1 - 1e-9)).mean()
    assert fit.params["p_value"][1] == pytest.approx(want)


def test_everybody_changes_places_with_everybody_in_sna() -> None:
    net, networks = network(6, 1, silent=(0, 3)), {"x": table(6, 2)}
    theirs = mrqap(net, "weight ~ x", networks=networks, n_draws=1000, rng=0, compat="sna")
    assert len(theirs.null) == 720 and "known alike" not in theirs.inference
    assert len(qap_correlation(net, networks["x"], n_draws=1000, rng=0, compat="sna").null) == 720
    ours = qap_correlation(net, networks["x"], n_draws=1000, rng=0)
    assert len(ours.null) == 48 and "known alike" in ours.null_model


def test_missing_ages_and_other_silent_people_are_further_differences() -> None:
    net = network(9, 4, silent=(0,))
    age = net.people["age"].copy()
    age.iloc[[1, 2]] = np.nan
    other = network(9, 5, silent=(3, 4))
    design = build(net.with_people(age=age), "tie ~ other + diff(age)", {"other": other})
    codes = known_alike(design.known)
    assert sorted(np.bincount(codes)) == [1, 2, 2, 4]
    assert (
        codes[1] == codes[2] and codes[3] == codes[4] and len({codes[0], codes[1], codes[3], codes[5]}) == 4
    )
    assert keeps(design.mask, shuffler(net, None, None, codes).blocks)
    assert not keeps(design.mask, shuffler(net, None).blocks)


def test_single_unknown_cells_move_and_the_notes_say_what_that_does() -> None:
    net, x = network(8, 6), table(8, 7)
    assert not any(
        "move with people" in n for n in mrqap(net, "weight ~ x", networks={"x": x}, n_draws=9, rng=0).notes
    )
    some = x.mask(np.random.default_rng(0).random((8, 8)) < 0.25)
    fit = mrqap(net, "weight ~ x", networks={"x": some}, n_draws=9, rng=0)
    assert any("of the cells are unknown and move with people" in n for n in fit.notes)
    silent = mrqap(network(8, 6, silent=(1,)), "weight ~ x", networks={"x": x}, n_draws=9, rng=0)
    assert silent.provenance["cells_stay"] and not any("move with people" in n for n in silent.notes)


def test_within_units_and_among_those_known_alike() -> None:
    net = network(8, 6, silent=(0, 1), unit=list("aaaabbbb"))
    fit = mrqap(net, "weight ~ x", networks={"x": table(8, 7)}, within="unit", n_draws=10_000, rng=0)
    assert len(fit.null) == 2 * 2 * 24 and "within unit and among those" in fit.inference
    alone = network(4, 6, silent=(0, 2), unit=list("aabb"))
    with pytest.raises(DataError, match="whose values are known alike"):
        mrqap(alone, "weight ~ x", networks={"x": table(4, 7)}, within="unit")


def test_nothing_is_known_of_people_who_objected() -> None:
    net = network(7, 8)
    status = {i: "objected" if i == "p2" else "answered" for i in net.ids}
    heard = net.ties[(net.ties["teacher"] != "p2") & (net.ties["learner"] != "p2")]
    for role in ("learner", "teacher", None):
        known = known_cells(PeerNetwork(net.people, heard, observed=status, respondent_is=role))
        assert not known[2].any() and not known[:, 2].any() and known.sum() == 30


def test_random_networks_with_a_silent_person_are_uniform() -> None:
    """Four people, one silent: all networks with the known cells' features, each as often."""
    net = network(4, 9, silent=(3,))
    from peernet.hypotheses import _graphs

    known = known_cells(net)
    seen = (net.adjacency.toarray() > 0) & known
    rng = np.random.default_rng(0)
    draw = _graphs.drawer("ties", seen, known, None)
    counts = pd.Series([draw(rng).tobytes() for _ in range(3000)]).value_counts()
    from math import comb

    kinds = comb(int(known.sum()), int(seen.sum()))
    assert len(counts) == kinds
    assert ((counts - 3000 / kinds) ** 2 / (3000 / kinds)).sum() < kinds + 4 * np.sqrt(2 * kinds)
    assert cug_test(net, "reciprocity", null="ties", n_draws=19, rng=0).provenance["cells_left_out"] == 3


# ---- levels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("units", "seed"), [("abbbbbbbcccc", 10), ("bbbbbbbbzccc", 13)])
def test_a_unit_of_one_person_has_no_pair_within(units: str, seed: int) -> None:
    net = network(12, seed, unit=list(units))
    lone = min(set(units), key=units.count)
    for fit in (
        mrqap(net, "tie ~ mix(unit)", n_draws=9, rng=0),
        dyadic_regression(net, "tie ~ mix(unit)", variance="classical"),
        fit_ergm(net, "edges + mutual + mix(unit)"),
    ):
        (note,) = [n for n in fit.notes if n.startswith("mix(unit)")]
        assert f"'mix(unit={lone}, {lone})'" in note and "held against mix(unit=" in note
        assert f"mix(unit={lone}, {lone})" not in set(fit.params["term"])
        assert fit.params["term"].str.startswith("mix(").sum() == 7
    # A saturated model: the prediction for a pair of units is the share of its pairs that are tied.
    plain = dyadic_regression(net, "tie ~ mix(unit)", variance="classical").params
    value = dict(zip(plain["term"], plain["estimate"], strict=True))
    tie, unit, off = net.adjacency.toarray() > 0, np.array(list(units)), ~np.eye(12, dtype=bool)
    for u, v in product(sorted(set(units)), repeat=2):
        cells = off & (unit == u)[:, None] & (unit == v)[None, :]
        if cells.any():
            # The one that the others are held against has no term of its own.
            assert value["intercept"] + value.get(f"mix(unit={u}, {v})", 0.0) == pytest.approx(
                tie[cells].mean()
            )


def test_levels_of_which_all_are_silent_are_left_out_and_told() -> None:
    net = network(9, 11, silent=(0, 1, 2), unit=list("aaabbbccc"))
    fit = mrqap(net, "weight ~ learner(unit)", n_draws=9, rng=0)
    assert list(fit.params["term"]) == ["intercept", "learner(unit=c)"]
    assert any("'learner(unit=a)'; left out" in n and "held against learner(unit=b)" in n for n in fit.notes)
    only = network(6, 12, silent=(0, 1, 2), unit=list("aaabbb"))
    with pytest.raises(DataError, match=r"learner\(unit\) is learner\(unit=b\) for every pair"):
        mrqap(only, "weight ~ learner(unit)")


def test_peer_effects_leave_out_levels_that_nobody_has() -> None:
    rng = np.random.default_rng(13)
    unit, skill = ["a"] * 2 + ["b"] * 9 + ["c"] * 9, rng.normal(size=20)
    net = network(20, 13, silent=(0, 1), unit=unit, skill=skill)
    fit = fit_peer_effects(net, "skill ~ unit", n_draws=0)
    assert "unit=c" in set(fit.params["term"]) and "unit=b" not in set(fit.params["term"])
    assert any("Nobody of the people used has 'unit=a'" in n for n in fit.notes)
    with pytest.raises(DataError, match="missing for everybody"):
        fit_peer_effects(
            net.with_people(role=pd.Series([None] * 20, net.ids, dtype="string")), "skill ~ role"
        )


def test_a_level_of_one_person_has_no_dyadic_error() -> None:
    """Residuals add up to 0 over the pairs of the one person: the sandwich is 0, whatever the truth."""
    net = network(12, 10, unit=list("abbbbbbbcccc"))
    with pytest.warns(UserWarning, match="with 12 people"):
        fit = dyadic_regression(net, "tie ~ mix(unit)", model="logit")
    row = fit.params.set_index("term").loc["mix(unit=b, a)"]
    assert row[["std_error", "p_value", "low", "high"]].isna().all()
    assert any("rests on the pairs of one person" in n for n in fit.notes)


# ---- draws without a value, warnings, words -------------------------------------------------------------------------


def test_lost_draws_never_make_p_smaller() -> None:
    null = np.array([-2.0, 0.1, 0.5, 3.0])
    assert two_sided_p(2.5, null, exact=False)[0] == pytest.approx(2 / 5)
    assert two_sided_p(2.5, null, exact=False, lost=5)[0] == pytest.approx(7 / 10)
    assert two_sided_p(2.5, null, exact=True, lost=1)[1] == pytest.approx(2 / 5)


def test_dyadic_errors_warn_below_a_hundred_people() -> None:
    with pytest.warns(UserWarning, match="with 99 people .* Use variance='jackknife'"):
        dyadic_regression(network(99, 1), "tie ~ diff(age)")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dyadic_regression(network(100, 1), "tie ~ diff(age)")
    with pytest.warns(UserWarning, match="The jackknife takes no fixed effects"):
        dyadic_regression(network(20, 1), "tie ~ diff(age)", fixed_effects="two-way")


NEAR = {
    "edge + mutual": "Did you mean 'edges'",
    "edges + mutal": "Did you mean 'mutual'",
    "edges + reciprocity": "Did you mean 'mutual'",
    "edges + triangles": "Did you mean 'gwesp'",
    "edges + gwespp(age)": "Did you mean 'gwesp'",
    "edges + gwesp(0.5, fixed=TRUE)": "fit_ergmx",
    "edges + mutual(agee)": "Did you mean 'age'",
    "edges + sme(age)": "Did you mean 'same'",
    "edges + age": r"Write teacher\(age\)",
}


@pytest.mark.parametrize("formula", NEAR)
def test_near_misses_of_random_graph_terms(formula: str) -> None:
    with pytest.raises(ValueError, match=NEAR[formula]):
        fit_ergm(network(6, 1), formula)


def test_near_misses_elsewhere() -> None:
    from peernet.hypotheses._handover import _translate

    net, networks = network(6, 1), {"friends": table(6, 2)}
    for formula, words in {
        "tie ~ freinds": "Did you mean 'friends'",
        "tie ~ agee": "Did you mean 'age'.* Columns of people go into teacher",
        "tie ~ diff(agee)": "Did you mean 'age'",
        "tie ~ techer(age)": "Did you mean 'teacher'",
        "ties ~ friends": "Did you mean 'tie'",
        "tie ~ edge": "the constant stands for edges",
        "tie ~ reciprocity": "mutual is a term of fit_ergm",
    }.items():
        with pytest.raises(ValueError, match=words):
            mrqap(net, formula, networks=networks)
    with pytest.raises(DataError, match="Did you mean 'edges'"):
        _translate(net, "edge + mutual", [])
    with pytest.raises(DataError, match="Did you mean 'friends'"):
        _translate(net, "edges + freinds", ["friends"])
    assert _translate(net, "edges + density + friends + gwesp(0.5)", ["friends"]).endswith(
        "edgecov('friends') + gwesp(0.5)"
    )


def test_many_terms_are_named_in_rows_of_their_own() -> None:
    import matplotlib.pyplot as plt

    net = network(30, 14, unit=list("abcde") * 6)
    fit = dyadic_regression(net, "tie ~ mix(unit)", variance="classical")
    figure, ax = plt.subplots(figsize=(7, 3.8))
    fit.plot(ax=ax)
    figure.canvas.draw()
    rows = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert len(rows) == 24
    tops = sorted(rows, key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1.0 for low, high in pairwise(tops))
    plt.close("all")


def test_a_null_without_spread_is_drawn_where_it_is() -> None:
    import matplotlib.pyplot as plt

    net = network(8, 15)
    test = cug_test(net, "reciprocity", null="dyad census", n_draws=20, rng=0)
    low, high = test.plot().get_xlim()
    assert test.observed - 0.2 < low < test.observed < high < test.observed + 0.2
    plt.close("all")
