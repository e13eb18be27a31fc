"""E-I index: hand-worked values, exact moments, nulls, odd networks."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import silos
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.nulls._labels import segments
from peernet.silos import ei as ei_module
from peernet.silos import ei_chance
from peernet.silos._moments import inside_moments


def make(pairs, team, weight=None, **people) -> PeerNetwork:
    ids = [f"p{i}" for i in range(len(team))]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    if weight is not None:
        ties["weight"] = weight
    return PeerNetwork(pd.DataFrame({"team": list(team), **people}, index=ids), ties)


def random_net(seed: int, n: int = 12, density: float = 0.3, k: int = 3) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((n, n)) < density) if i != j]
    return make(
        pairs, rng.choice(list("abcdef")[:k], n), rng.random(len(pairs)) + 0.1, site=rng.choice(["x", "y"], n)
    )


networks = st.builds(
    random_net, st.integers(0, 10**6), st.integers(2, 14), st.floats(0, 0.8), st.integers(1, 4)
)


# ---- per person -------------------------------------------------------------------------------------------------


def test_hand_worked_values() -> None:
    # p0 teaches p1 (own team), p2 and p3 (other); p2 teaches p0 back; p4 has no ties.
    net = make([(0, 1), (0, 2), (0, 3), (2, 0)], "aabbb", [5, 1, 1, 2])
    both = silos.ei_index(net, "team")
    assert both["p0"] == (3 - 1) / 4
    assert both["p1"] == -1
    assert both["p2"] == both["p3"] == 1
    assert np.isnan(both["p4"])
    assert silos.ei_index(net, "team", role="teacher")["p0"] == (2 - 1) / 3
    assert silos.ei_index(net, "team", role="learner")["p0"] == 1
    assert silos.ei_index(net, "team", directed=False)["p0"] == (2 - 1) / 3
    assert silos.ei_index(net, "team", weighted=True)["p0"] == pytest.approx((4 - 5) / 9, abs=1e-15)
    assert both.name == "ei_index"


def test_all_ties_outside_is_one_whatever_their_number() -> None:
    # A published package divides by the number of ties twice and says 0.2 here.
    net = make([(0, j) for j in range(1, 6)], "abbbbb")
    assert silos.ei_index(net, "team")["p0"] == 1


def test_missing_group_leaves_its_ties_out() -> None:
    net = make([(0, 1), (0, 2), (2, 1)], ["a", "a", None])
    value = silos.ei_index(net, "team")
    assert value["p0"] == value["p1"] == -1
    assert np.isnan(value["p2"])
    assert silos.ei_test(net, "team", n_draws=10, rng=1).left_out == 2


@given(networks)
def test_reversing_all_ties_swaps_the_roles(net: PeerNetwork) -> None:
    back = net.reverse()
    for weighted in (False, True):
        one = silos.ei_index(net, "team", role="teacher", weighted=weighted)
        pd.testing.assert_series_equal(one, silos.ei_index(back, "team", role="learner", weighted=weighted))
        whole = silos.ei_index(net, "team", weighted=weighted)
        pd.testing.assert_series_equal(whole, silos.ei_index(back, "team", weighted=weighted))


@given(networks, st.integers(0, 99))
def test_row_order_and_units_of_weight_change_nothing(net: PeerNetwork, seed: int) -> None:
    people, ties = net.people.sample(frac=1, random_state=seed), net.ties.sample(frac=1, random_state=seed)
    other = PeerNetwork(people, ties.assign(weight=ties["weight"] * 60))
    for weighted in (False, True):
        one = silos.ei_index(net, "team", weighted=weighted)
        pd.testing.assert_series_equal(one, silos.ei_index(other, "team", weighted=weighted).reindex(net.ids))
        a, b = (silos.ei_test(x, "team", weighted=weighted, n_draws=0) for x in (net, other))
        assert a.observed == pytest.approx(b.observed, abs=1e-12, nan_ok=True)
        assert a.null_sd == pytest.approx(b.null_sd, abs=1e-12, nan_ok=True)


def test_compiled_counts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net(3, 30)
    for weighted in (False, True):
        slow = silos.ei_index(net, "team", weighted=weighted)
        monkeypatch.setattr(ei_module, "BIG", 0)
        pd.testing.assert_series_equal(slow, silos.ei_index(net, "team", weighted=weighted))
        monkeypatch.undo()


# ---- by unit ----------------------------------------------------------------------------------------------------


def test_by_unit_hand_worked() -> None:
    net = make([(0, 1), (0, 2), (0, 3), (2, 0)], "aabbb")
    table = silos.ei_by_unit(net, "team")
    assert table.loc["a", ["inside", "teaches_outside", "learns_outside"]].tolist() == [1, 2, 1]
    assert table.loc["a", "ei"] == (3 - 1) / 4
    assert table.loc["a", "ei_teaches"] == (2 - 1) / 3
    assert table.loc["b", "ei_teaches"] == 1
    assert table.loc["a", "expected_one_way"] == pytest.approx((2 * 3 - 2) / (2 * 3 + 2))


def test_by_unit_expected_is_what_shuffles_give() -> None:
    from peernet.nulls import draw_labels

    net = random_net(2, 14, 0.4)
    codes = net.codes("team")[0]
    table = silos.ei_by_unit(net, "team")
    inside, outside = np.zeros(3), np.zeros(3)
    for labels in draw_labels(codes, 3000, rng=1):
        a, b = labels[net.teacher], labels[net.learner]
        inside += np.bincount(a[a == b], minlength=3)
        outside += np.bincount(a[a != b], minlength=3)
    np.testing.assert_allclose((outside - inside) / (outside + inside), table["expected_one_way"], atol=0.02)


# ---- exact moments ----------------------------------------------------------------------------------------------


def enumerate_inside(codes, i, j, w, strata) -> tuple[float, float]:
    """Mean and SD over every relabelling that keeps labels in their strata."""
    values = []
    blocks = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    for orders in itertools.product(*(itertools.permutations(block) for block in blocks)):
        moved = codes.copy()
        for block, order in zip(blocks, orders, strict=True):
            moved[block] = codes[list(order)]
        values.append(w[moved[i] == moved[j]].sum())
    return float(np.mean(values)), float(np.std(values))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "strata", [[0] * 7, [0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 1, 1, 1], list(range(7))]
)
def test_closed_form_equals_all_relabellings_of_seven_people(seed: int, strata: list[int]) -> None:
    rng = np.random.default_rng(seed)
    i, j = np.argwhere((rng.random((7, 7)) < 0.5) & ~np.eye(7, dtype=bool)).T
    w, codes, stratum = rng.random(len(i)), rng.integers(0, 3, 7), np.array(strata)
    mean, sd = inside_moments(codes, i, j, w, stratum)
    true_mean, true_sd = enumerate_inside(codes, i, j, w, stratum)
    assert mean == pytest.approx(true_mean, abs=1e-12)
    assert sd == pytest.approx(true_sd, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_closed_form_with_very_few_people(n: int) -> None:
    rng = np.random.default_rng(n)
    i, j = np.argwhere(~np.eye(n, dtype=bool)).T
    w, codes = rng.random(len(i)), np.arange(n) // 2
    assert inside_moments(codes, i, j, w) == pytest.approx(
        enumerate_inside(codes, i, j, w, np.zeros(n)), abs=1e-12
    )


def test_moments_of_a_large_network_lose_no_digits() -> None:
    from fractions import Fraction

    from peernet.silos._moments import _same_sums, mantel_moments, tie_sums

    rng = np.random.default_rng(0)
    n, m = 20_000, 100_000
    i, j = rng.integers(0, n, m), rng.integers(0, n, m)
    keep = np.unique((i * n + j)[i != j])
    i, j = keep // n, keep % n
    x = [Fraction(int(v)) for v in tie_sums(n, i, j, np.ones(len(i)))]
    y = [Fraction(int(v)) for v in _same_sums(np.bincount(rng.integers(0, 50, n)))]

    def parts(t, b, c, out, into, cross):
        r, s, q = out - b, into - b, cross - c
        return t, b, c, r, s, q, t * t - b - c - r - s - 2 * q

    (tx, bx, cx, rx, sx, qx, gx), (ty, by, cy, ry, sy, qy, gy) = parts(*x), parts(*y)
    n2, n3, n4 = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    second = (
        Fraction(bx * by + cx * cy, n2)
        + Fraction(rx * ry + sx * sy + 2 * qx * qy, n3)
        + Fraction(gx * gy, n4)
    )
    exact = second - Fraction(tx * ty, n2) ** 2
    variance = mantel_moments(tuple(map(float, x)), tuple(map(float, y)), n)[1]
    assert variance == pytest.approx(float(exact), rel=1e-9)


# ---- the test ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("within", [None, "site"])
@pytest.mark.parametrize("directed", [True, False])
def test_draws_agree_with_the_exact_moments(weighted: bool, within: str | None, directed: bool) -> None:
    net = random_net(8, 20)
    test = silos.ei_test(
        net, "team", within=within, weighted=weighted, directed=directed, n_draws=6000, rng=5
    )
    assert test.null.mean() == pytest.approx(test.null_mean, abs=4 * test.null_sd / np.sqrt(6000))
    assert test.null.std() == pytest.approx(test.null_sd, rel=0.05)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("within", [None, "site"])
def test_numpy_and_compiled_paths_give_the_same_numbers(
    weighted: bool, within: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = random_net(8, 40)
    slow = silos.ei_test(net, "team", within=within, weighted=weighted, n_draws=300, rng=5)
    monkeypatch.setattr(ei_chance, "_COMPILED_FROM", 0)
    fast = silos.ei_test(net, "team", within=within, weighted=weighted, n_draws=300, rng=5)
    np.testing.assert_allclose(slow.null, fast.null, rtol=0, atol=1e-13)
    assert slow.p_value == fast.p_value


def test_more_than_255_ties_and_groups_count_right_in_the_compiled_path() -> None:
    rng = np.random.default_rng(0)
    net = PeerNetwork.from_codes(rng.integers(0, 500, 4000), rng.integers(500, 1000, 4000), people=1000)
    net = net.with_people(team=rng.integers(0, 300, 1000))
    codes = ei_chance._small(net.codes("team")[0])
    assert codes.dtype == np.uint16
    drawn = np.repeat(codes[:, None], 64, axis=1)
    outside = ei_chance._outside(drawn, net.teacher, net.learner, None, True)
    assert (outside == (codes[net.teacher] != codes[net.learner]).sum()).all()
    assert segments(np.zeros(3)).starts.tolist() == [0, 3]


def test_the_answer_does_not_depend_on_the_number_of_threads() -> None:
    net = random_net(4, 20)
    for null in ("labels", "degrees"):
        one, two = (silos.ei_test(net, "team", null=null, n_draws=600, rng=3, n_jobs=k) for k in (1, 2))
        np.testing.assert_array_equal(one.null, two.null)


def test_degree_null_differs_from_labels_where_groups_differ_in_activity() -> None:
    # The small team does most of the teaching, to everybody alike: a pattern by labels, none by degrees.
    rng = np.random.default_rng(1)
    pairs = [
        (i, j) for i in range(40) for j in range(40) if i != j and rng.random() < (0.4 if i < 10 else 0.05)
    ]
    net = make(pairs, "a" * 10 + "b" * 30)
    test = silos.ei_test(net, "team", null="degrees", n_draws=500, rng=1)
    assert abs(test.z) < 3
    assert test.null_mean > silos.expected_ei(np.array([10, 30])) + 0.1


def test_degree_null_within_strata_explains_a_silo_made_by_sites() -> None:
    rng = np.random.default_rng(2)
    site = np.repeat([0, 1], 20)
    team = np.where(rng.random(40) < 0.85, site, 1 - site)
    rate = np.where(site[:, None] == site, 0.4, 0.05)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((40, 40)) < rate) if i != j]
    net = make(pairs, np.array(["a", "b"])[team], site=np.array(["x", "y"])[site])
    for null in ("labels", "degrees"):
        alone = silos.ei_test(net, "team", null=null, n_draws=400, rng=1)
        beside = silos.ei_test(net, "team", null=null, within="site", n_draws=400, rng=1)
        assert alone.z < -6
        assert abs(beside.z) < 3


def test_alternative_names_the_tail() -> None:
    net = random_net(0, 20)
    less, greater, both = (
        silos.ei_test(net, "team", alternative=a, n_draws=400, rng=1).p_value
        for a in ("less", "greater", "two-sided")
    )
    assert less + greater >= 1
    assert both == min(1, 2 * min(less, greater))


def test_summary_says_effect_then_chance_then_null_model() -> None:
    text = silos.ei_test(random_net(0, 20), "team", n_draws=100, rng=1).summary()
    assert text.index("E-I index by team") < text.index("chance gives") < text.index("group labels shuffled")


def test_without_draws_the_curve_gives_p() -> None:
    net = random_net(0, 60)
    exact = silos.ei_test(net, "team", n_draws=0)
    drawn = silos.ei_test(net, "team", n_draws=8000, rng=1)
    assert exact.null_sd == drawn.null_sd
    assert exact.p_value == pytest.approx(drawn.p_value, abs=0.05)
    assert silos.ei_test(net, "team", n_draws=0, rng=1).n_draws == 0


# ---- estimate ---------------------------------------------------------------------------------------------------


def test_estimate_is_the_index_and_its_interval_stays_inside() -> None:
    net = random_net(0, 20)
    found = silos.ei_estimate(net, "team")
    assert found.value == silos.ei_test(net, "team", n_draws=0).observed
    assert -1 < found.low < found.value < found.high < 1


def test_interval_covers_the_truth_of_a_model_with_known_rates() -> None:
    # Truth: expected ties outside against inside, everybody's group fixed.
    rng = np.random.default_rng(7)
    n, team = 60, np.repeat([0, 1, 2], 20)
    same = team[:, None] == team
    rate = np.where(same, 0.15, 0.04)
    np.fill_diagonal(rate, 0)
    truth = (rate[~same].sum() - rate[same].sum()) / rate.sum()
    covered = 0
    for _ in range(300):
        i, j = np.nonzero(rng.random((n, n)) < rate)
        net = PeerNetwork.from_codes(i, j, people=n).with_people(team=team)
        found = silos.ei_estimate(net, "team")
        covered += found.low <= truth <= found.high
    assert covered / 300 > 0.95 - 3.3 * np.sqrt(0.95 * 0.05 / 300)


# ---- odd networks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "team", "observed"),
    [
        ([], "ab", np.nan),
        ([], "", np.nan),
        ([(0, 1)], "ab", 1.0),
        ([(0, 1)], "aa", -1.0),
        ([(0, 1), (1, 2)], "abc", 1.0),
        ([(0, 1), (1, 2), (2, 3)], "aaaa", -1.0),
        ([], "aabbcc", np.nan),
    ],
)
@pytest.mark.parametrize("null", ["labels", "degrees"])
def test_small_and_odd_networks(pairs, team, observed, null) -> None:
    net = make(pairs, team)
    test = silos.ei_test(net, "team", null=null, n_draws=50, rng=1)
    assert test.observed == pytest.approx(observed, nan_ok=True)
    assert np.isnan(test.z)
    # Nothing could have come out differently: that is no test, and p = 1 would read as one.
    assert np.isnan(test.p_value) and test.verdict == "not answered by these data"
    assert len(silos.ei_by_unit(net, "team")) == len(set(team))
    assert np.isnan(silos.ei_estimate(net, "team").low)
    assert isinstance(test.summary(), str)


def test_three_people_have_no_z() -> None:
    test = silos.ei_test(make([(0, 1)], "aab"), "team", n_draws=50, rng=1)
    assert test.null_sd > 0
    assert np.isnan(test.z)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_weights_change_nothing(scale: float) -> None:
    net = random_net(1, 10)
    big = PeerNetwork(net.people, net.ties.assign(weight=net.ties["weight"] * scale))
    for null in ("labels", "degrees"):
        a, b = (silos.ei_test(x, "team", null=null, weighted=True, n_draws=60, rng=1) for x in (net, big))
        assert a.observed == pytest.approx(b.observed, abs=1e-12)
        assert a.z == pytest.approx(b.z, rel=1e-9)
    assert silos.ei_estimate(big, "team", weighted=True).value == pytest.approx(a.observed)


def test_wrong_words_name_the_right_ones() -> None:
    net = random_net(0)
    with pytest.raises(ValueError, match="'labels', 'degrees'"):
        silos.ei_test(net, "team", null="label")
    with pytest.raises(ValueError, match="'both', 'teacher', 'learner'"):
        silos.ei_index(net, "team", role="out")
    with pytest.raises(DataError, match=r"no column 'tema'.*Did you mean 'team'"):
        silos.ei_test(net, "tema")
    with pytest.raises(ValueError, match="n_draws"):
        silos.ei_test(net, "team", null="degrees", n_draws=0)
    with pytest.raises(ValueError, match="directed=False"):
        silos.ei_index(net, "team", role="teacher", directed=False)
