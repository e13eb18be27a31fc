"""Leiden, consensus, agreement of partitions, communities: twins, enumeration, other software, odd networks."""

from __future__ import annotations

import itertools
import math
import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.errors import PermissionLocked
from peernet.network import PeerNetwork
from peernet.privacy import Permissions
from peernet.silos import _kernels_leiden as kernels
from peernet.silos._agreement import adjusted_information, adjusted_rand, crossed, overlap
from peernet.silos.informal import Pairs, mates, pairs_of, rewired


def planted(
    seed: int, groups: int = 4, size: int = 12, inside: float = 0.5, outside: float = 0.03
) -> PeerNetwork:
    graph = nx.planted_partition_graph(groups, size, inside, outside, seed=seed)
    rng = np.random.default_rng(seed)
    ids = pd.Index([f"p{i:02d}" for i in range(groups * size)])
    ends = np.array(list(graph.edges())).reshape(-1, 2)
    swap = rng.random(len(ends)) < 0.5
    ends[swap] = ends[swap][:, ::-1]
    people = pd.DataFrame({"unit": np.repeat(list("abcdefgh")[:groups], size)}, index=ids)
    return PeerNetwork(people, pd.DataFrame({"teacher": ids[ends[:, 0]], "learner": ids[ends[:, 1]]}))


def slow_modularity(a: np.ndarray, part: np.ndarray, resolution: float) -> float:
    k, m2 = a.sum(1), a.sum()
    same = part[:, None] == part
    return float(((a / m2 - resolution * np.outer(k, k) / m2**2) * same).sum())


def dense(pairs: Pairs) -> np.ndarray:
    n = len(pairs.ptr) - 1
    a = np.zeros((n, n))
    a[pairs.owner, pairs.idx] = pairs.w
    return a


# ---- Leiden -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [0.5, 1.0, 3.0])
def test_modularity_equals_its_definition_and_no_single_move_helps(resolution: float) -> None:
    for seed in range(4):
        pairs = pairs_of(planted(seed, outside=0.1), weighted=False)
        part, quality = kernels.leiden(*pairs, resolution, seed)
        a = dense(pairs)
        assert quality == pytest.approx(slow_modularity(a, part, resolution), abs=1e-12)
        for i, c in itertools.product(range(len(part)), range(part.max() + 2)):
            moved = part.copy()
            moved[i] = c
            assert slow_modularity(a, moved, resolution) <= quality + 1e-12


def test_communities_are_connected_and_a_seed_repeats() -> None:
    pairs = pairs_of(planted(3, outside=0.15), weighted=False)
    part, _ = kernels.leiden(*pairs, 1.0, 7)
    graph = nx.from_numpy_array(dense(pairs))
    assert all(
        nx.is_connected(graph.subgraph(np.flatnonzero(part == c).tolist())) for c in range(part.max() + 1)
    )
    np.testing.assert_array_equal(part, kernels.leiden(*pairs, 1.0, 7)[0])


def test_best_of_small_networks_by_enumeration() -> None:
    """Every division of seven people: the best of twenty runs is the optimum."""

    def divisions(n: int):
        if n == 0:
            yield []
            return
        for rest in divisions(n - 1):
            for c in range(max(rest, default=-1) + 2):
                yield [*rest, c]

    everything = np.array(list(divisions(7)))
    for seed in range(5):
        graph = nx.gnm_random_graph(7, 9, seed=seed)
        a = nx.to_numpy_array(graph)
        best = max(slow_modularity(a, part, 1.0) for part in everything)
        row, column = np.nonzero(a)
        ptr = np.searchsorted(row, np.arange(8)).astype(np.int64)
        found = max(
            kernels.leiden(ptr, column.astype(np.int64), np.ones(len(row)), 1.0, s)[1] for s in range(20)
        )
        assert found == pytest.approx(best, abs=1e-12)


def test_karate_club_reaches_the_known_optimum() -> None:
    a = nx.to_numpy_array(nx.karate_club_graph(), weight=None)
    row, column = np.nonzero(a)
    ptr = np.searchsorted(row, np.arange(35)).astype(np.int64)
    runs = [kernels.leiden(ptr, column.astype(np.int64), np.ones(len(row)), 1.0, s)[1] for s in range(10)]
    # Brandes et al. (2008), by integer programming.
    assert max(runs) == pytest.approx(0.4197896, abs=1e-7)


@pytest.mark.parametrize("engine", ["igraph", "networkit"])
def test_other_engines_agree_when_installed(engine: str) -> None:
    if engine == "igraph":
        pytest.importorskip("igraph")
        found = silos.communities(planted(1), engine="igraph", n_runs=6, n_draws=0, rng=1)
        own = silos.communities(planted(1), n_runs=6, n_draws=0, rng=1)
        assert adjusted_rand(_table(found, own)) == 1
        assert found.best_modularity == pytest.approx(own.best_modularity, abs=1e-12)
        return
    from importlib.util import find_spec

    if find_spec(engine) is None:
        with pytest.raises(ImportError, match="peernet\\[communities\\]"):
            silos.communities(planted(1), engine="networkit")
    with pytest.raises(ValueError, match="engine"):
        silos.communities(planted(1), engine="louvain")


def _table(one: silos.Communities, two: silos.Communities) -> np.ndarray:
    a, b = (pd.factorize(x.membership())[0] for x in (one, two))
    return crossed(a, b)


# ---- swaps ------------------------------------------------------------------------------------------------------


def test_swaps_keep_contacts_pairs_of_units_and_simplicity() -> None:
    net = planted(2, outside=0.2)
    pairs = pairs_of(net, weighted=False)
    blocks = net.codes("unit")[0].astype(np.int64)
    for drawn in rewired(pairs, blocks, 5, np.random.default_rng(1)):
        a = dense(drawn)
        np.testing.assert_array_equal(a, a.T)
        assert a.max() == 1
        assert np.trace(a) == 0
        np.testing.assert_array_equal(a.sum(1), dense(pairs).sum(1))
        one = np.eye(4)[blocks]
        np.testing.assert_array_equal(one.T @ a @ one, one.T @ dense(pairs) @ one)
        assert (a != dense(pairs)).any()
    assert (pairs.idx[mates(pairs)] == pairs.owner).all()


def test_swaps_are_uniform_over_graphs_with_the_same_contacts() -> None:
    """All graphs of six people with two contacts each: 70, the two triangles among them."""
    ring = nx.to_numpy_array(nx.cycle_graph(6))
    row, column = np.nonzero(ring)
    pairs = Pairs(
        np.searchsorted(row, np.arange(7)).astype(np.int64), column.astype(np.int64), np.ones(len(row))
    )
    drawn = rewired(pairs, np.zeros(6, np.int64), 7000, np.random.default_rng(2))
    seen = pd.Series([dense(d).tobytes() for d in drawn]).value_counts()
    assert len(seen) == 70
    # Draws five steps a pair apart are correlated a little, hence the wide bound.
    assert ((seen - 100) ** 2 / 100).sum() < 150


# ---- agreement --------------------------------------------------------------------------------------------------


def test_agreement_is_zero_on_average_over_all_shuffles() -> None:
    a = np.array([0, 0, 0, 1, 1, 2, 2])
    b = np.array([0, 0, 1, 1, 1, 1, 2])
    shuffles = [np.array(p) for p in itertools.permutations(b)]
    rand = np.mean([adjusted_rand(crossed(a, s)) for s in shuffles])
    assert rand == pytest.approx(0, abs=1e-12)
    log = np.array([math.lgamma(x + 1.0) for x in range(8)])
    expected = kernels.expected_information(np.bincount(a), np.bincount(b), log)

    def information(s: np.ndarray) -> float:
        t = crossed(a, s) / 7
        independent = np.outer(t.sum(1), t.sum(0))
        return float(np.sum(t[t > 0] * np.log(t[t > 0] / independent[t > 0])))

    assert expected == pytest.approx(np.mean([information(s) for s in shuffles]), abs=1e-12)
    assert np.mean([adjusted_information(crossed(a, s)) for s in shuffles]) == pytest.approx(0, abs=1e-12)


def test_agreement_by_hand_and_at_the_edges() -> None:
    a, b = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    assert adjusted_rand(crossed(a, b)) == pytest.approx((1 - 2 * 1 / 6) / (1.5 - 2 / 6))
    # scikit-learn's documentation: adjusted_mutual_info_score([0, 0, 1, 1], [0, 0, 1, 1]) is 1, of all apart 0.
    assert adjusted_information(crossed(a, a)) == pytest.approx(1)
    assert adjusted_information(crossed(np.zeros(4, int), np.arange(4))) == pytest.approx(0, abs=1e-12)
    assert np.isnan(adjusted_rand(crossed(np.zeros(4, int), np.zeros(4, int))))
    assert np.isnan(adjusted_information(crossed(np.zeros(1, int), np.zeros(1, int))))
    np.testing.assert_allclose(overlap(a, np.array([a, b])), [1.0, 0.75])


# ---- communities ------------------------------------------------------------------------------------------------


def test_planted_groups_are_found_stable_and_beyond_chance() -> None:
    net = planted(1)
    found = silos.communities(net, n_runs=20, n_draws=40, rng=1)
    assert found.verdict == "supported"
    assert found.n_communities == 4
    assert (found.table["stability"] > 0.9).all()
    assert adjusted_rand(crossed(net.codes("unit")[0], pd.factorize(found.membership())[0])) == 1
    joined = net.with_people(community=found.membership())
    assert silos.modularity(joined, "community") == pytest.approx(found.modularity, abs=1e-12)
    assert found.tests["observed"].tolist() == [found.test.observed, 4]
    assert "4 communities" in found.summary()


def test_random_networks_are_no_more_divided_than_chance() -> None:
    rejected = 0
    for seed in range(12):
        net = planted(seed, groups=1, size=40, inside=0.12)
        rejected += silos.communities(net, n_runs=5, n_draws=19, rng=seed).test.p_value <= 0.05
    assert rejected <= 4


def test_higher_resolution_gives_more_communities_and_order_does_not_matter() -> None:
    net = planted(2, outside=0.1)
    few, many = (silos.communities(net, resolution=r, n_runs=6, n_draws=0, rng=1) for r in (0.5, 4.0))
    assert few.n_communities < many.n_communities
    rng = np.random.default_rng(0)
    other = PeerNetwork(net.people, net.ties.iloc[rng.permutation(net.n_ties)])
    again = silos.communities(other, resolution=4.0, n_runs=6, n_draws=0, rng=1)
    pd.testing.assert_series_equal(many.membership(), again.membership())
    back = silos.communities(net.reverse(), resolution=4.0, n_runs=6, n_draws=0, rng=1)
    pd.testing.assert_series_equal(many.membership(), back.membership())


def test_membership_is_locked_and_the_rest_is_not() -> None:
    net = planted(1).with_permissions(Permissions(study="Pilot"))
    found = silos.communities(net, n_runs=4, n_draws=4, rng=1)
    assert found.n_communities == 4
    with pytest.raises(PermissionLocked, match=r"silos\.communities is locked"):
        found.membership()
    assert not any(person.encode() in pickle.dumps(found) for person in net.ids)
    allowed = planted(1).with_permissions(
        Permissions(study="Pilot", analyses={"person_level": ("silos.communities",)})
    )
    assert len(silos.communities(allowed, n_runs=4, n_draws=4, rng=1).membership()) == net.n_people


@pytest.mark.parametrize(("pairs", "n"), [([], 0), ([], 1), ([], 3), ([(0, 1)], 2), ([(0, 1), (2, 3)], 5)])
def test_small_and_odd_networks(pairs: list, n: int) -> None:
    ids = [f"p{i}" for i in range(n)]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    found = silos.communities(PeerNetwork(ids, ties), n_runs=4, n_draws=4, rng=1)
    assert found.n_communities == len(pairs)
    assert found.people_left_out == n - 2 * len(pairs)
    assert len(found.membership().dropna()) == 2 * len(pairs)
    assert isinstance(found.summary(), str)
    assert isinstance(found._repr_html_(), str)
    if not pairs:
        assert found.verdict == "not answered by these data"
        assert np.isnan(found.modularity)


def test_extreme_weights_give_values() -> None:
    net = planted(4)
    weight = np.where(np.arange(net.n_ties) % 2 == 0, 1e300, 1e-300)
    heavy = PeerNetwork(net.people, net.ties.assign(weight=weight))
    found = silos.communities(heavy, weighted=True, n_runs=4, n_draws=4, rng=1)
    assert 0 < found.modularity < 1
    pd.testing.assert_frame_equal(
        silos.communities(heavy, n_runs=4, n_draws=4, rng=1).table,
        silos.communities(net, n_runs=4, n_draws=4, rng=1).table,
    )
