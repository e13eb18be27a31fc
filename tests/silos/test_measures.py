"""Indices, structural holes, spread, paths, cohesion, profile: hand-worked values, twins, odd networks."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import silos
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.silos import _kernels, cohesion, holes, spread
from peernet.silos.profile import holm


def make(pairs, team, weight=None) -> PeerNetwork:
    ids = [f"p{i}" for i in range(len(team))]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    if weight is not None:
        ties["weight"] = weight
    return PeerNetwork(pd.DataFrame({"team": list(team)}, index=ids), ties)


def random_net(seed: int, n: int = 12, density: float = 0.3, k: int = 3) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((n, n)) < density) if i != j]
    return make(pairs, rng.choice(list("abcdef")[:k], n), rng.random(len(pairs)) + 0.1)


networks = st.builds(
    random_net, st.integers(0, 10**6), st.integers(2, 14), st.floats(0, 0.8), st.integers(1, 4)
)


def slow_burt(w: np.ndarray) -> np.ndarray:
    """Constraint, effective size, degree, hierarchy by loops."""
    n = len(w)
    out = np.full((n, 4), np.nan)
    for i in range(n):
        contacts = np.flatnonzero(w[i])
        out[i, 2] = len(contacts)
        if not len(contacts):
            continue
        share = w / np.where(w.sum(1) > 0, w.sum(1), 1)[:, None]
        c = np.array(
            [
                (share[i, j] + sum(share[i, q] * share[q, j] for q in range(n) if q not in (i, j))) ** 2
                for j in contacts
            ]
        )
        out[i, 0] = c.sum()
        out[i, 1] = sum(
            1 - sum(share[i, q] * w[j, q] / w[j].max() for q in range(n) if q not in (i, j)) for j in contacts
        )
        if len(contacts) > 1:
            r = c / c.mean()
            out[i, 3] = np.sum(r * np.log(r)) / (len(c) * np.log(len(c)))
    return out


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_structural_holes_equal_loops(weighted: bool, directed: bool) -> None:
    for seed in range(6):
        net = random_net(seed, 11, 0.1 * (seed + 1))
        a = net.adjacency.toarray() if weighted else (net.adjacency.toarray() > 0).astype(float)
        w = a + a.T if directed or weighted else np.maximum(a, a.T)
        slow = slow_burt(w)
        rows = holes.symmetric(net, directed=directed, weighted=weighted)
        np.testing.assert_allclose(holes._burt_sparse(*rows), slow, atol=1e-12)
        np.testing.assert_allclose(_kernels.burt(*rows), slow, atol=1e-12)
        frame = silos.structural_holes(net, directed=directed, weighted=weighted)
        np.testing.assert_allclose(frame["efficiency"], slow[:, 1] / slow[:, 2], atol=1e-12)


@given(networks)
def test_constraint_is_that_of_networkx(net: PeerNetwork) -> None:
    graph = net.to_networkx()
    theirs = nx.constraint(graph, weight="weight")
    np.testing.assert_allclose(silos.constraint(net, weighted=True), [theirs[i] for i in net.ids], atol=1e-12)


def test_a_triangle_constrains_above_one() -> None:
    assert silos.constraint(make([(0, 1), (1, 2), (2, 0)], "abc"))["p0"] == pytest.approx(1.125)


@pytest.mark.parametrize("role", ["both", "teacher", "learner", "pairs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_participation_equals_loops(role: str, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net(3, 14)
    codes = net.codes("team")[0]
    a = net.adjacency.toarray()
    a = a if weighted else (a > 0).astype(float)
    w = {"teacher": a, "learner": a.T, "both": a + a.T, "pairs": a + a.T if weighted else np.maximum(a, a.T)}[
        role
    ]
    k = np.stack([w[:, codes == g].sum(1) for g in range(3)], axis=1)
    slow = 1 - ((k / k.sum(1, keepdims=True)) ** 2).sum(1)
    np.testing.assert_allclose(
        silos.participation(net, "team", role=role, weighted=weighted), slow, atol=1e-12
    )
    monkeypatch.setattr(spread, "BIG", 0)
    np.testing.assert_allclose(
        silos.participation(net, "team", role=role, weighted=weighted), slow, atol=1e-12
    )


def test_small_degree_correction_is_unbiased() -> None:
    # The corrected index of k ties estimates the chance that two ties of a person go to different groups.
    rng = np.random.default_rng(0)
    p, n = np.array([0.6, 0.3, 0.1]), 4000
    teacher, learner = np.repeat(np.arange(n), 3), n + np.arange(3 * n)
    net = PeerNetwork.from_codes(teacher, learner, people=4 * n)
    net = net.with_people(team=rng.choice(list("abc"), 4 * n, p=p))
    for corrected, bias in ((True, 1.0), (False, 2 / 3)):
        found = silos.participation(net, "team", role="teacher", corrected=corrected)[:n]
        assert found.mean() == pytest.approx(bias * (1 - np.sum(p**2)), abs=4 * found.std() / np.sqrt(n))


def test_bridging_share_by_hand() -> None:
    net = make([(0, 1), (0, 2)], "xxy", [3, 1])
    share = silos.bridging_share(net, "team")
    assert share["p0"] == 0.25
    assert share[["p1", "p2"]].isna().all()
    assert silos.bridging_share(net, "team", role="learner")["p2"] == 1


def test_indices_by_hand() -> None:
    net = make([(0, 1), (1, 0), (0, 2), (3, 4)], "aabbb")
    coleman = silos.coleman_index(net, "team")
    assert coleman["a"] == pytest.approx((2 - 0.75) / (3 - 0.75))
    assert coleman["b"] == pytest.approx((1 - 0.5) / (1 - 0.5))
    assert silos.odds_ratio_within(net, "team") == pytest.approx((3 / 5) / (1 / 11))
    assert silos.freeman_segregation(net, "team", directed=True) == pytest.approx(1 - (1 / 4) / (12 / 20))
    assert silos.gupta_anderson_may(net, "team", role="teacher") == pytest.approx(2 / 3 + 1 - 1)


@given(networks)
def test_reversing_keeps_the_symmetric_indices(net: PeerNetwork) -> None:
    back = net.reverse()
    for fn in (
        silos.assortativity,
        silos.freeman_segregation,
        silos.odds_ratio_within,
        silos.gupta_anderson_may,
    ):
        assert fn(net, "team") == pytest.approx(fn(back, "team"), nan_ok=True, abs=1e-12)
    pd.testing.assert_series_equal(
        silos.coleman_index(net, "team"), silos.coleman_index(back, "team", role="learner")
    )
    pd.testing.assert_series_equal(silos.betweenness(net), silos.betweenness(back))


@given(networks)
def test_modularity_is_that_of_networkx(net: PeerNetwork) -> None:
    if not net.n_ties:
        assert np.isnan(silos.modularity(net, "team"))
        return
    codes = net.codes("team")[0]
    parts = [set(net.ids[codes == g]) for g in np.unique(codes)]
    graph = net.to_networkx()
    theirs = nx.community.modularity(graph, parts, weight=None)
    assert silos.modularity(net, "team", directed=True) == pytest.approx(theirs, abs=1e-12)
    flat = nx.community.modularity(graph.to_undirected(), parts, weight=None)
    assert silos.modularity(net, "team") == pytest.approx(flat, abs=1e-12)


def test_a_closed_group_has_spectral_segregation_one() -> None:
    value = silos.spectral_segregation(make([(0, 1), (1, 2), (2, 0), (3, 4)], "aaabc"), "team")
    assert value[:3].to_numpy() == pytest.approx([1, 1, 1])
    assert value["p3"] == value["p4"] == 0
    assert np.isnan(silos.spectral_segregation(make([], "ab"), "team")).all()


# ---- paths ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("distance", ["hops", "inverse"])
def test_betweenness_is_that_of_networkx(directed: bool, distance: str) -> None:
    for seed in range(4):
        net = random_net(seed, 15, 0.2)
        graph = nx.DiGraph() if directed else nx.Graph()
        graph.add_nodes_from(net.ids)
        for i, j, w in zip(net.ids[net.teacher], net.ids[net.learner], net.weight, strict=True):
            graph.add_edge(
                i, j, weight=w + (0 if directed or not graph.has_edge(i, j) else graph[i][j]["weight"])
            )
        for _, _, data in graph.edges(data=True):
            data["length"] = 1 / data["weight"]
        theirs = nx.betweenness_centrality(
            graph, normalized=False, weight=None if distance == "hops" else "length"
        )
        ours = silos.betweenness(net, distance=distance, directed=directed)
        np.testing.assert_allclose(ours, [theirs[i] for i in net.ids], atol=1e-9)


def test_sampled_betweenness_is_unbiased_and_bounded() -> None:
    net = random_net(5, 40, 0.1)
    exact = silos.betweenness(net)
    whole = silos.betweenness_sample(net, n_pivots=100, rng=1)
    np.testing.assert_allclose(whole["betweenness"], exact, atol=1e-9)
    assert (whole["error_bound"] == 0).all()
    draws = [silos.betweenness_sample(net, n_pivots=20, rng=s) for s in range(200)]
    mean = np.mean([d["betweenness"] for d in draws], axis=0)
    error = np.std([d["betweenness"] for d in draws], axis=0) / np.sqrt(200)
    assert (np.abs(mean - exact) <= 4 * error + 1e-9).all()
    assert all((np.abs(d["betweenness"] - exact) <= d["error_bound"]).all() for d in draws)
    said = np.sqrt(np.mean([d["std_error"] ** 2 for d in draws], axis=0))
    busy = exact.to_numpy() > exact.mean()
    np.testing.assert_allclose(said[busy], error[busy] * np.sqrt(200), rtol=0.35)


# ---- cohesion ---------------------------------------------------------------------------------------------------


@given(networks)
def test_cores_are_those_of_networkx_and_of_the_compiled_twin(net: PeerNetwork) -> None:
    theirs = nx.core_number(net.to_networkx().to_undirected())
    assert silos.core_number(net).to_dict() == theirs
    assert silos.core_number(net, role="both").to_dict() == nx.core_number(net.to_networkx())


@pytest.mark.parametrize("role", ["pairs", "both", "teacher", "learner"])
def test_compiled_peeling(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        net = random_net(seed, 30, 0.15)
        slow = silos.core_number(net, role=role)
        with monkeypatch.context() as patch:
            patch.setattr(
                cohesion, "_peel", lambda ptr, idx, degree: _kernels.peel(ptr, idx, degree.astype(np.int64))
            )
            pd.testing.assert_series_equal(slow, silos.core_number(net, role=role))


def test_reciprocity_by_hand() -> None:
    net = make([(0, 1), (1, 0), (1, 2)], "abc", [4, 1, 1])
    assert silos.reciprocity(net) == pytest.approx(2 / 3)
    assert silos.reciprocity(net, weighted=True) == pytest.approx(2 / 6)
    assert silos.reciprocity(net, convention="dyadic") == pytest.approx(2 / 3)
    assert silos.reciprocity(net, convention="dyadic_nonnull") == 0.5


def test_isolates_tells_unsaid_from_absent() -> None:
    people = ["ana", "bo", "cy", "di"]
    named = pd.DataFrame({"respondent": ["ana"], "named": ["bo"]})
    net = PeerNetwork.from_nominations(people, named, respondent_is="learner", respondents=["ana", "di"])
    table = silos.isolates(net)
    assert table["kind"].tolist() == ["learns only", "teaches only", "isolate", "isolate"]
    assert table["known"].tolist() == [True, False, False, True]


@given(networks)
def test_pagerank_is_that_of_networkx(net: PeerNetwork) -> None:
    theirs = nx.pagerank(net.to_networkx(edge_means="asks"), tol=1e-14, max_iter=1000, weight="weight")
    ours = silos.pagerank(net, weighted=True)
    np.testing.assert_allclose(ours, [theirs[i] for i in net.ids], atol=1e-9)


def test_an_out_tree_has_all_four_dimensions_one() -> None:
    shape = silos.krackhardt_dimensions(make([(0, 1), (0, 2), (1, 3), (1, 4)], "abcde"))
    assert (shape == 1).all()


def test_lubness_by_hand() -> None:
    # a and b above c, c above d and e, d above f: only a and b have nobody above both, 1 bad pair of at most 10.
    shape = silos.krackhardt_dimensions(make([(0, 2), (1, 2), (2, 3), (2, 4), (3, 5)], "abcdef"))
    assert shape["lubness"] == pytest.approx(0.9)


def test_transitivity_by_hand() -> None:
    assert silos.transitivity(make([(0, 1), (1, 2), (0, 2), (2, 3)], "abcd")) == pytest.approx(1 / 3)


# ---- profile ----------------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, np.nan])), [0.03, 0.06, 0.06, np.nan])


def test_profile_agrees_with_the_single_measures() -> None:
    net = random_net(1, 20)
    need = PeerNetwork(net.people, net.ties.iloc[::2])
    table = silos.segregation_profile(net, "team", need=need, n_draws=400, rng=1).to_frame()
    assert len(table) == 12
    row = table[(table["measure"] == "E-I index") & (table["null"] == "labels")].iloc[0]
    test = silos.ei_test(net, "team", n_draws=400, rng=1)
    assert row["observed"] == pytest.approx(test.observed)
    assert row["null_mean"] == pytest.approx(test.null_mean, abs=4 * test.null_sd / 20)
    assert table["observed"][1] == pytest.approx(silos.assortativity(net, "team"))
    assert (table["p_holm"].dropna() >= table["p_value"].dropna()).all()
    assert row["needed"] == pytest.approx(silos.ei_test(need, "team", directed=False, n_draws=0).observed)


def test_profile_does_not_depend_on_threads() -> None:
    net = random_net(1, 20)
    one, two = (silos.segregation_profile(net, "team", n_draws=150, rng=1, n_jobs=k).table for k in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_need_gap_by_hand_and_direction() -> None:
    need = make(list(itertools.combinations(range(8), 2)), "aaaabbbb")
    net = make([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (0, 4)], "aaaabbbb")
    gap = silos.need_gap(net, "team", need)
    odds = np.log(1.5 / 15.5) - np.log(7.5 / 5.5)
    assert gap.value == pytest.approx(odds)
    assert gap.low < gap.value < gap.high
    assert silos.need_gap(net.reverse(), "team", need).value == pytest.approx(odds)
    with pytest.raises(DataError, match="same person ids"):
        silos.need_gap(net, "team", PeerNetwork(["zoe"], pd.DataFrame(columns=["teacher", "learner"])))


# ---- odd networks -----------------------------------------------------------------------------------------------

ODD = [
    ([], ""),
    ([], "a"),
    ([], "ab"),
    ([(0, 1)], "ab"),
    ([(0, 1)], "aa"),
    ([(0, 1), (2, 3)], "aabb"),
    ([], "aabbc"),
]
PER_PERSON = ["participation", "within_module_z", "bridging_share", "spectral_segregation"]
NUMBERS = ["assortativity", "freeman_segregation", "odds_ratio_within", "gupta_anderson_may", "modularity"]


@pytest.mark.parametrize(("pairs", "team"), ODD)
def test_small_and_odd_networks(pairs: list, team: str) -> None:
    net = make(pairs, team)
    for name in PER_PERSON:
        value = getattr(silos, name)(net, "team")
        assert value.index.equals(net.ids)
        assert value.name == name
    for name in NUMBERS:
        assert isinstance(getattr(silos, name)(net, "team"), float)
    for fn in (silos.structural_holes, silos.betweenness, silos.core_number, silos.isolates, silos.pagerank):
        assert len(fn(net)) == net.n_people
    silos.reciprocity(net), silos.transitivity(net), silos.coleman_index(net, "team")
    assert isinstance(silos.segregation_profile(net, "team", n_draws=5, rng=1).summary(), str)


def test_extreme_weights_give_values() -> None:
    net = make([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)], "aabb", [1e300, 1e-300, 1.0, 1e300, 1e-300])
    for name in PER_PERSON:
        if name in ("participation", "bridging_share"):
            assert np.isfinite(getattr(silos, name)(net, "team", weighted=True)).any()
    assert np.isfinite(silos.structural_holes(net, weighted=True)["constraint"]).all()
    assert np.isfinite(silos.betweenness(net, distance="inverse")).all()


def test_reciprocity_counts_only_pairs_who_both_answered() -> None:
    ties = pd.DataFrame({"teacher": list("abcad"), "learner": list("bacca")})
    people = list("abcd")
    status = {"a": "answered", "b": "answered", "c": "answered", "d": "silent"}
    ties = ties[ties["teacher"] != ties["learner"]]
    seen = PeerNetwork(people, ties)
    told = PeerNetwork(people, ties, observed=status, respondent_is="learner")
    assert silos.reciprocity(seen) == pytest.approx(2 / 4)  # ab, ba of ab, ba, ac, da
    # d was named by a, but nobody knows whether d learns from a.
    assert silos.reciprocity(told) == pytest.approx(2 / 3)
    # ab mutual, bc empty, ac one-way
    assert silos.reciprocity(told, convention="dyadic") == pytest.approx(2 / 3)
    assert silos.reciprocity(told, weighted=True) == pytest.approx(2 / 3)
    objected = PeerNetwork(people, ties, observed=status | {"d": "objected"})
    assert silos.reciprocity(objected) == pytest.approx(2 / 3)
