"""Null models: uniform over exactly the networks they promise, nothing else changed."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from peernet import nulls
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.nulls._chain import chain_steps
from peernet.nulls._labels import lanes, segments


def network(pairs, n=5, **columns) -> PeerNetwork:
    people = pd.DataFrame(
        {"team": list("aabbc")[:n] if n <= 5 else ["a"] * n}, index=[f"p{i}" for i in range(n)]
    )
    ties = pd.DataFrame([(f"p{i}", f"p{j}") for i, j in pairs], columns=["teacher", "learner"])
    return PeerNetwork(people, ties.assign(**columns))


def all_graphs_with_degrees(n: int, out: tuple[int, ...], into: tuple[int, ...]) -> list[frozenset]:
    """Enumerate the simple digraphs with these degrees, row by row."""
    rows = [list(itertools.combinations([j for j in range(n) if j != i], out[i])) for i in range(n)]
    found = []
    for choice in itertools.product(*rows):
        learned = Counter(itertools.chain.from_iterable(choice))
        if all(learned[j] == into[j] for j in range(n)):
            found.append(frozenset((i, j) for i in range(n) for j in choice[i]))
    return found


def chi_square(counts: Counter, states: list) -> float:
    """p-value of uniformity over the states; a draw outside them fails."""
    assert set(counts) <= set(states)
    total = sum(counts.values())
    expected = total / len(states)
    statistic = sum((counts[s] - expected) ** 2 / expected for s in states)
    return float(chi2.sf(statistic, len(states) - 1))


GRAPHS = {
    "directed 3-cycle": [(0, 1), (1, 2), (2, 0)],
    "3-cycle and a bystander's tie": [(0, 1), (1, 2), (2, 0), (3, 0)],
    "chain": [(0, 1), (1, 2), (2, 3), (3, 4)],
    "mixed": [(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 0)],
    "two mutual": [(0, 1), (1, 0), (2, 3), (3, 2), (4, 0)],
    "dense": [(0, 1), (0, 2), (0, 3), (1, 2), (1, 4), (2, 0), (2, 3), (3, 4), (3, 1), (4, 0)],
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_rewiring_is_uniform_over_all_graphs_with_the_degrees(name: str) -> None:
    pairs = GRAPHS[name]
    net = network(pairs)
    dense = (net.adjacency.toarray() > 0).astype(int)
    states = all_graphs_with_degrees(5, tuple(dense.sum(1)), tuple(dense.sum(0)))
    drawn = nulls.draw_rewired(net, n_draws=60 * len(states) + 400, n_steps=3000, thin=120, rng=11)
    teacher = net.teacher.tolist()
    counts = Counter(frozenset(zip(teacher, row.tolist(), strict=True)) for row in drawn)
    if len(states) == 1:
        assert set(counts) == set(states)
        return
    assert len(counts) == len(states)
    assert chi_square(counts, states) > 0.001


def test_a_directed_three_cycle_turns_round_half_the_time() -> None:
    net = network(GRAPHS["directed 3-cycle"])
    turned = [
        (0, 2) in set(zip(r.teacher.tolist(), r.learner.tolist(), strict=True))
        for r in (nulls.rewire(net, rng=seed) for seed in range(400))
    ]
    assert abs(np.mean(turned) - 0.5) < 3.3 * 0.5 / np.sqrt(400)


def test_rejected_moves_count_as_steps() -> None:
    # From the star nothing can move: a chain that waited for accepted moves would never end.
    net = network([(0, 1), (0, 2), (0, 3), (0, 4)])
    assert nulls.rewire(net, n_steps=500, rng=1).adjacency.nnz == 4
    ptr = net.adjacency.indptr.astype(np.int64)
    words = np.random.default_rng(0).integers(0, 2**32, size=(500, 2), dtype=np.uint32)
    assert chain_steps(ptr, net.teacher.copy(), net.learner.copy(), np.zeros(5, np.int64), words) == 0


def test_the_compiled_chain_takes_the_same_steps() -> None:
    from peernet.nulls import _kernels

    rng = np.random.default_rng(3)
    dense = np.triu(rng.random((12, 12)) < 0.4, 1) | np.tril(rng.random((12, 12)) < 0.2, -1)
    net = network([(int(i), int(j)) for i, j in np.argwhere(dense)], n=12)
    ptr, words = (
        net.adjacency.indptr.astype(np.int64),
        rng.integers(0, 2**32, size=(5000, 2), dtype=np.uint32),
    )
    slow, fast, strata = net.learner.copy(), net.learner.copy(), np.arange(12) // 6
    moves = chain_steps(ptr, net.teacher.copy(), slow, strata, words)
    assert _kernels.rewire_steps(ptr, net.teacher.copy(), fast, strata, words) == moves > 100
    np.testing.assert_array_equal(slow, fast)


def test_rewiring_keeps_degrees_people_and_summed_teaching() -> None:
    rng = np.random.default_rng(5)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((20, 20)) < 0.2) if i != j]
    net = network(pairs, n=20, weight=rng.random(len(pairs)) + 0.1)
    new = nulls.rewire(net, rng=2)
    before, after = net.adjacency.toarray(), new.adjacency.toarray()
    assert (before != after).any()
    np.testing.assert_array_equal((before > 0).sum(0), (after > 0).sum(0))
    np.testing.assert_array_equal((before > 0).sum(1), (after > 0).sum(1))
    np.testing.assert_allclose(before.sum(1), after.sum(1))
    assert np.diag(after).sum() == 0
    assert sorted(new.weight) == sorted(net.weight)
    pd.testing.assert_frame_equal(new.people, net.people)


def test_rewiring_within_strata_keeps_the_flows_and_is_uniform() -> None:
    net = network(GRAPHS["dense"])
    codes = net.codes("team")[0]
    dense = (net.adjacency.toarray() > 0).astype(int)

    def flows(graph) -> tuple:
        return tuple(sorted(Counter((int(codes[i]), int(codes[j])) for i, j in graph).items()))

    here = frozenset(zip(net.teacher.tolist(), net.learner.tolist(), strict=True))
    graphs = all_graphs_with_degrees(5, tuple(dense.sum(1)), tuple(dense.sum(0)))
    states = [g for g in graphs if flows(g) == flows(here)]
    assert 1 < len(states) < len(graphs)
    drawn = nulls.draw_rewired(net, n_draws=80 * len(states), strata=codes, n_steps=3000, thin=200, rng=2)
    counts = Counter(frozenset(zip(net.teacher.tolist(), row.tolist(), strict=True)) for row in drawn)
    assert len(counts) == len(states)
    assert chi_square(counts, states) > 0.001
    new = nulls.rewire(net, within="team", rng=1)
    assert flows(zip(new.teacher.tolist(), new.learner.tolist(), strict=True)) == flows(here)


def test_labels_are_uniform_over_all_arrangements() -> None:
    states = list(set(itertools.permutations("aabbc")))
    drawn = nulls.draw_labels(list("aabbc"), 6000, rng=4)
    assert chi_square(Counter(map(tuple, drawn)), states) > 0.001


def test_labels_stay_in_their_strata() -> None:
    strata = [0, 1, 0, 1, 0]
    states = [
        s for s in set(itertools.permutations("aabbc"))
        if sorted(s[::2]) == ["a", "b", "c"] and sorted(s[1::2]) == ["a", "b"]
    ]  # fmt: skip
    drawn = nulls.draw_labels(list("aabbc"), 4000, strata=strata, rng=4)
    assert len(states) == 12
    assert chi_square(Counter(map(tuple, drawn)), states) > 0.001


@pytest.mark.parametrize("n_strata", [1, 3, 40])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_numpy_and_compiled_shuffles_are_the_same_numbers(n_strata: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 41).astype(dtype)
    parts = segments(rng.integers(0, n_strata, 41))
    slow = lanes(labels, parts, 70, np.random.default_rng(8), compiled=False)
    fast = lanes(labels, parts, 70, np.random.default_rng(8), compiled=True)
    np.testing.assert_array_equal(slow, fast)


def test_shuffle_labels_keeps_sizes_missing_labels_and_ties() -> None:
    people = pd.DataFrame(
        {"team": ["a", "b", None, "b", "c", "a"], "site": ["x", "x", "y", "y", "x", "y"]},
        index=[f"p{i}" for i in range(6)],
    )
    net = PeerNetwork(people, pd.DataFrame({"teacher": ["p0"], "learner": ["p1"]}))
    seen = set()
    for seed in range(60):
        new = nulls.shuffle_labels(net, "team", within="site", rng=seed)
        column = new.people["team"]
        assert column.isna().tolist() == people["team"].isna().tolist()
        assert sorted(column[people["site"] == "x"]) == ["a", "b", "c"]
        assert new.ties.equals(net.ties)
        seen.add(tuple(column.fillna("-")))
    assert len(seen) == 12


def test_people_without_a_stratum_keep_their_label() -> None:
    people = pd.DataFrame({"team": list("abcd"), "site": ["x", "x", None, None]}, index=list("pqrs"))
    net = PeerNetwork(people, pd.DataFrame(columns=["teacher", "learner"]))
    for seed in range(8):
        assert nulls.shuffle_labels(net, "team", within="site", rng=seed).people["team"].tolist()[2:] == [
            "c",
            "d",
        ]


def test_dyad_census_is_uniform() -> None:
    net = network([(0, 1), (1, 0), (1, 2)], n=4)
    dyads = list(itertools.combinations(range(4), 2))
    states = []
    for mutual in dyads:
        for i, j in dyads:
            if (i, j) != mutual:
                both = {mutual, mutual[::-1]}
                states += [frozenset(both | {(i, j)}), frozenset(both | {(j, i)})]
    drawn = nulls.draw_dyad_census(net, n_draws=6000, rng=9)
    counts = Counter(frozenset(zip(d[0].tolist(), d[1].tolist(), strict=True)) for d in drawn)
    assert len(states) == 60
    assert chi_square(counts, states) > 0.001


@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(0, 1))
def test_dyad_census_keeps_the_census_and_the_weights(seed: int, n: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((n, n)) < density) if i != j]
    net = network(pairs, n=n, weight=rng.random(len(pairs)) + 0.1)
    new = nulls.dyad_census(net, rng=rng)
    before, after = net.adjacency.toarray(), new.adjacency.toarray()

    def census(a: np.ndarray) -> list:
        return sorted(
            (min(x, y), max(x, y))
            for x, y in zip(a[np.triu_indices(n, 1)], a.T[np.triu_indices(n, 1)], strict=True)
        )

    assert census(before) == census(after)


def test_shuffled_times_keep_pairs_and_the_set_of_times() -> None:
    net = network([(0, 1), (1, 2), (2, 3), (3, 4)], time=[1.0, 2.0, np.nan, 4.0])
    orders = set()
    for seed in range(60):
        new = nulls.shuffle_times(net, rng=seed)
        assert new.ties[["teacher", "learner"]].equals(net.ties[["teacher", "learner"]])
        assert np.isnan(new.ties["time"].iloc[2])
        assert sorted(new.ties["time"].dropna()) == [1.0, 2.0, 4.0]
        orders.add(tuple(new.ties["time"].dropna()))
    assert len(orders) == 6


def test_shuffled_times_of_a_frame_stay_within() -> None:
    frame = pd.DataFrame({"person": list("aabb"), "time": [1, 2, 3, 4]}, index=[9, 8, 7, 6])
    for seed in range(8):
        new = nulls.shuffle_times(frame, within="person", rng=seed)
        assert sorted(new["time"].iloc[:2]) == [1, 2]
        assert new.index.tolist() == [9, 8, 7, 6]
    assert frame["time"].tolist() == [1, 2, 3, 4]


def test_the_same_seed_gives_the_same_network() -> None:
    net = network(GRAPHS["dense"])
    for fn in (nulls.rewire, nulls.dyad_census):
        assert fn(net, rng=7) == fn(net, rng=7)
    assert nulls.shuffle_labels(net, "team", rng=7) == nulls.shuffle_labels(net, "team", rng=7)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_networks_without_ties_or_with_few_people(n: int) -> None:
    for pairs in ([], [(0, 1)] if n > 1 else []):
        net = network(pairs, n=n)
        assert nulls.rewire(net, rng=0).n_ties == len(pairs)
        assert nulls.dyad_census(net, rng=0).n_ties == len(pairs)
        assert sorted(nulls.shuffle_labels(net, "team", rng=0).people["team"]) == sorted(net.people["team"])


def test_errors_say_what_there_is() -> None:
    net = network(GRAPHS["chain"])
    with pytest.raises(DataError, match=r"no column 'unit'.*Columns: team"):
        nulls.shuffle_labels(net, "unit")
    with pytest.raises(DataError, match="ties has no column 'time'"):
        nulls.shuffle_times(net)
    with pytest.raises(ValueError, match="empty list"):
        nulls.shuffle_labels(net, "team", within=[])
    with pytest.raises(DataError, match="4 strata for 3"):
        nulls.draw_labels([1, 2, 3], 1, strata=[1, 1, 1, 1])
