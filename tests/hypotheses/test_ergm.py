"""Exact random graph models: closed forms, enumeration of all networks, missing answers, hand-over files."""

from __future__ import annotations

import importlib.util
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetwork
from peernet.hypotheses import fit_ergm, fit_ergmx, to_rsiena, to_statnet
from peernet.hypotheses._handover import _translate


def network(n: int, density: float, seed: int, *, silent: tuple[str, ...] = ()) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    people = pd.DataFrame({"office": rng.choice(list("ab"), n), "age": rng.normal(40, 8, n)}, index=ids)
    present = (rng.random((n, n)) < density) & ~np.eye(n, dtype=bool)
    full = PeerNetwork.from_adjacency(present.astype(float), row_is="teacher", ids=ids, people=people)
    status = {i: "silent" if i in silent else "answered" for i in ids}
    ties = full.ties[~full.ties["learner"].isin(silent)]
    return PeerNetwork(people, ties, observed=status, respondent_is="learner" if silent else None)


def census(net: PeerNetwork) -> tuple[int, int, int]:
    a = net.adjacency.toarray() > 0
    mutual = int((a & a.T).sum() / 2)
    single = int(a.sum()) - 2 * mutual
    n = net.n_people
    return mutual, single, n * (n - 1) // 2 - mutual - single


def test_edges_and_mutual_in_closed_form() -> None:
    net = network(15, 0.35, 0)
    m, a, n = census(net)
    fit = fit_ergm(net, "edges + mutual")
    edges = np.log(a / (2 * n))
    np.testing.assert_allclose(fit.params["estimate"], [edges, np.log(m / n) - 2 * edges], rtol=1e-9)
    pairs = m + a + n
    want = m * np.log(m / pairs) + a * np.log(a / pairs / 2) + n * np.log(n / pairs)
    assert fit.log_likelihood == pytest.approx(want)
    assert fit.aic == pytest.approx(4 - 2 * want)
    assert fit.bic == pytest.approx(2 * np.log(15 * 14) - 2 * want)


def test_sampson_as_published() -> None:
    """Sampson's monks, 18 people with 28 mutual, 32 one-way pairs: the exact estimates -1.760 and 2.320."""
    pairs = np.array(np.triu_indices(18, 1)).T
    present = np.zeros((18, 18))
    for i, j in pairs[:28]:
        present[i, j] = present[j, i] = 1
    for i, j in pairs[28:60]:
        present[i, j] = 1
    net = PeerNetwork.from_adjacency(present, row_is="teacher")
    fit = fit_ergm(net, "edges + mutual")
    np.testing.assert_allclose(fit.params["estimate"], [-1.760, 2.320], atol=6e-4)
    np.testing.assert_allclose(fit.params["std_error"], [0.2050, 0.4141], atol=6e-5)
    assert fit.log_likelihood == pytest.approx(-166.10, abs=0.005)


@pytest.mark.parametrize("silent", [(), ("p1",)])
def test_likelihood_by_enumerating_all_networks(silent: tuple[str, ...]) -> None:
    """Four people: 4,096 networks; those that agree with the answers over all of them."""
    net = network(4, 0.5, 3, silent=silent)
    formula = "edges + mutual + teacher(age) + same(office)"
    age = net.column("age").to_numpy(dtype=float)
    same = (net.column("office").to_numpy()[:, None] == net.column("office").to_numpy()[None, :]).astype(
        float
    )
    cells = [(i, j) for i in range(4) for j in range(4) if i != j]
    seen = net.adjacency.toarray() > 0
    known = [(i, j) for i, j in cells if f"p{j}" not in silent]
    theta = np.array([-0.4, 0.02, 0.3, 0.5])  # edges, teacher(age), same(office), mutual

    from peernet.hypotheses import ergm

    model, mutual = ergm.read_model(formula)
    data = ergm._pairs(net, model, mutual, None)
    whole, part = [], []
    for bits in product((0, 1), repeat=12):
        a = np.zeros((4, 4))
        for (i, j), bit in zip(cells, bits, strict=True):
            a[i, j] = bit
        g = np.array([a.sum(), (a * age[:, None]).sum(), (a * same).sum(), (a * a.T).sum() / 2])
        whole.append(theta @ g)
        if all(a[i, j] == seen[i, j] for i, j in known):
            part.append(theta @ g)
    want = np.log(np.exp(part).sum()) - np.log(np.exp(whole).sum())
    score = data.features @ theta
    top, _, _ = ergm._moments(score, data.features)
    low, _, _ = ergm._moments(np.where(data.consistent, score, -np.inf), data.features)
    assert float((low - top).sum()) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("silent", [(), ("p1", "p4")])
def test_maximum_and_curvature(silent: tuple[str, ...]) -> None:
    from peernet.hypotheses import ergm

    net = network(18, 0.3, 4, silent=silent)
    fit = fit_ergm(net, "edges + mutual + mutual(office) + teacher(age) + learner(age)")
    model, mutual = ergm.read_model("edges + mutual + mutual(office) + teacher(age) + learner(age)")
    data = ergm._pairs(net, model, mutual, None)

    def value(theta: np.ndarray) -> float:
        score = data.features @ theta
        top, _, _ = ergm._moments(score, data.features)
        low, _, _ = ergm._moments(np.where(data.consistent, score, -np.inf), data.features)
        return float((low - top).sum())

    theta = fit.params["estimate"].to_numpy()
    k = len(theta)
    h = 1e-3 / np.abs(data.features).max(axis=(0, 1))
    curvature = np.empty((k, k))
    for a in range(k):
        for b in range(k):
            corners = 0.0
            for s, t in product((1, -1), repeat=2):
                moved = theta.copy()
                moved[a] += s * h[a]
                moved[b] += t * h[b]
                corners += s * t * value(moved)
            curvature[a, b] = corners / (4 * h[a] * h[b])
    np.testing.assert_allclose(fit.vcov, np.linalg.inv(-curvature), rtol=2e-3, atol=1e-6)
    assert value(theta) == pytest.approx(fit.log_likelihood)
    if silent:
        # Pairs of a silent and a heard person: one answer known. Pairs of two silent people: none.
        assert sum("one of two answers unknown" in n for n in fit.notes) == 1
        assert fit.n == 18 * 17 - 2 * 17


def test_symmetric_terms_equal_logit_without_mutual() -> None:
    from peernet.hypotheses import dyadic_regression

    net = network(14, 0.3, 5)
    exact = fit_ergm(net, "tie ~ same(office) + diff(age)").params
    logit = dyadic_regression(
        net, "tie ~ same(office) + diff(age)", model="logit", variance="classical"
    ).params
    assert list(exact["term"]) == ["edges", "same(office)", "diff(age)"]
    np.testing.assert_allclose(exact["estimate"], logit["estimate"], rtol=1e-6)
    np.testing.assert_allclose(exact["std_error"], logit["std_error"], rtol=1e-4)


def test_reversing_swaps_teacher_and_learner() -> None:
    net = network(16, 0.3, 6)
    a = fit_ergm(net, "edges + mutual + teacher(age)").params
    b = fit_ergm(net.reverse(), "edges + mutual + learner(age)").params
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-7)


def test_recovery_and_simulation() -> None:
    net = network(40, 0.2, 7)
    fit = fit_ergm(net, "edges + mutual + same(office)")
    draws = fit.simulate(200, rng=1)
    ties = np.array([d.n_ties for d in draws])
    assert abs(ties.mean() - net.n_ties) < 4 * ties.std() / np.sqrt(200)
    mutual = np.array([census(d)[0] for d in draws])
    assert abs(mutual.mean() - census(net)[0]) < 4 * mutual.std() / np.sqrt(200)
    refit = [fit_ergm(d, "edges + mutual + same(office)").params["estimate"] for d in draws[:60]]
    truth, error = fit.params["estimate"], np.std(refit, axis=0)
    assert (np.abs(np.mean(refit, axis=0) - truth) < 4 * error / np.sqrt(60) + 0.02).all()
    np.testing.assert_allclose(error, fit.params["std_error"], rtol=0.35)


def test_goodness_of_fit() -> None:
    net = network(20, 0.25, 8)
    fit = fit_ergm(net, "edges + mutual")
    good = fit.goodness(n_draws=60, rng=1)
    again = fit.goodness(n_draws=60, rng=1, n_jobs=2)
    pd.testing.assert_frame_equal(good.table, again.table)
    for name, total in (
        ("teaches", 20),
        ("learns from", 20),
        ("shared partners", net.n_ties),
        ("distance", 380),
    ):
        part = good.table[good.table["feature"] == name]
        assert part["observed"].sum() == total
    assert good.table.loc[good.table["feature"] == "triads", "observed"].sum() == 20 * 19 * 18 / 6
    assert good.table["p_value"].between(0, 1).all() and "central 95 %" in good.summary()
    # Closed triads that the model cannot make stand out.
    block = np.kron(np.eye(5), np.ones((4, 4))) - np.eye(20)
    cliques = PeerNetwork.from_adjacency(block, row_is="teacher")
    noisy = PeerNetwork(cliques.people, cliques.ties.iloc[3:])
    bad = fit_ergm(noisy, "edges + mutual").goodness(n_draws=40, rng=0).table.set_index(["feature", "value"])
    assert bad.loc[("triads", "300"), "observed"] > bad.loc[("triads", "300"), "high"]
    for feature in ("triads", "distance"):
        assert len(good.plot(feature=feature).get_xticks())
    import matplotlib.pyplot as plt

    plt.close("all")


def test_wrong_use() -> None:
    net = network(12, 0.3, 9)
    with pytest.raises(ValueError, match="fit_ergmx"):
        fit_ergm(net, "edges + triangle(office)")
    with pytest.raises(ValueError, match="fit_ergm models ties"):
        fit_ergm(net, "weight ~ mutual")
    a = np.triu((np.random.default_rng(0).random((12, 12)) < 0.3), 1).astype(float)
    with pytest.raises(FitError, match="mutual predicts ties perfectly"):
        fit_ergm(PeerNetwork.from_adjacency(a, row_is="teacher"), "edges + mutual")
    with pytest.raises(DataError, match="is 1 for every pair"):
        fit_ergm(net.with_people(one="x"), "edges + same(one)")


def test_what_has_no_finite_estimate_is_refused() -> None:
    rng = np.random.default_rng(40)
    ids = [f"p{i}" for i in range(16)]
    present = (rng.random((16, 16)) < 0.4) & ~np.eye(16, dtype=bool)
    people = pd.DataFrame({"one": "x"}, index=ids)
    net = PeerNetwork.from_adjacency(present.astype(float), row_is="teacher", ids=ids, people=people)
    few = PeerNetwork(net.people, net.ties.head(5))
    with pytest.raises(FitError, match="few predicts ties perfectly"):
        fit_ergm(net, "edges + mutual + few", networks={"few": few})
    with pytest.raises(DataError, match=r"'mutual\(one\)' follows from the terms before it"):
        fit_ergm(net, "edges + mutual + mutual(one)")
    with pytest.raises(DataError, match=r"reverse\(me\) is the modelled network turned round"):
        fit_ergm(net, "edges + reverse(me)", networks={"me": net})


def test_translation_to_ergm() -> None:
    net = network(6, 0.5, 10)
    given = "tie ~ edges + same(office) + teacher(age)+learner(office) + other + gwesp(0.5, fixed=TRUE)"
    want = ["edges", "nodematch('office')", "nodeocov('age')", "nodeifactor('office')", "edgecov('other')"]
    assert _translate(net, given, ["other"]) == " + ".join([*want, "gwesp(0.5, fixed=TRUE)"])


@pytest.mark.skipif(
    importlib.util.find_spec("ergmx") is None, reason="ergmx (GPL, an extra) is not installed"
)
def test_handed_over_models() -> None:
    net = network(20, 0.25, 11)
    exact = fit_ergm(net, "edges + mutual + same(office)").params
    theirs = fit_ergmx(net, "edges + mutual + same(office)", rng=1)
    order = [0, 2, 1]
    assert (np.abs(theirs.params["estimate"].to_numpy() - exact["estimate"].to_numpy()[order]) < 0.1).all()


@pytest.mark.skipif(importlib.util.find_spec("ergmx") is not None, reason="ergmx is installed")
def test_without_ergmx_the_way_to_get_it_is_named() -> None:
    with pytest.raises(ImportError, match=r"pip install 'peernet\[ergm\]'"):
        fit_ergmx(network(6, 0.5, 12), "edges")


def test_files_for_statnet(tmp_path: Path) -> None:
    net = network(6, 0.5, 13, silent=("p2",))
    where = to_statnet(net, tmp_path / "s", edge_means="asks", columns=["office"])
    table = pd.read_csv(where / "ties.csv", index_col=0)
    assert table.loc["p2"].drop("p2").isna().all()
    a = net.adjacency.toarray()
    keep = [i for i in range(6) if i != 2]
    np.testing.assert_array_equal(table.to_numpy()[keep], (a.T > 0)[keep])
    people = pd.read_csv(where / "people.csv")
    assert list(people.columns) == ["person", "office"]
    with pytest.raises(DataError, match="not an empty folder"):
        to_statnet(net, where, edge_means="asks")
    with pytest.raises(ValueError, match="edge_means must be one of"):
        to_statnet(net, tmp_path / "t", edge_means="sends")  # type: ignore[arg-type]


def test_files_for_rsiena(tmp_path: Path) -> None:
    first, second = network(6, 0.4, 14), network(6, 0.4, 15)
    second = PeerNetwork(first.people.assign(level=[1, 2, 3, 1, 2, 2]).iloc[::-1], second.ties)
    first = first.with_people(level=[1, 1, 3, 2, 2, 1])
    where = to_rsiena([first, second], tmp_path / "r", edge_means="asks", behaviour="level", columns=["age"])
    ids = pd.read_csv(where / "ids.csv")["person"].tolist()
    assert ids == list(first.ids)
    table = np.loadtxt(where / "ties2.txt")
    order = second.ids.get_indexer(ids)
    np.testing.assert_array_equal(table, (second.adjacency.toarray() > 0).T[np.ix_(order, order)])
    levels = np.loadtxt(where / "behaviour.txt")
    assert levels[:, 0].tolist() == [1, 1, 3, 2, 2, 1] and levels[:, 1].tolist() == [1, 2, 3, 1, 2, 2]
    text = (where / "model.R").read_text()
    assert "dim = c(6, 6, 2)" in text and 'type = "behavior"' in text and "covariate1" in text
    with pytest.raises(DataError, match="at least two"):
        to_rsiena([first], tmp_path / "x", edge_means="asks")
    with pytest.raises(DataError, match="wave 2 is not over"):
        to_rsiena([first, first.subset(["p0", "p1"])], tmp_path / "y", edge_means="asks")
    with pytest.raises(DataError, match="not made of numbers"):
        to_rsiena([first, second], tmp_path / "z", edge_means="asks", columns=["office"])
