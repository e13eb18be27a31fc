"""The rewiring chain, exactly: every move of every small graph, read from the compiled steps themselves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from scipy.stats import chi2, kstest

from peernet.nulls._kernels import rewire_steps
from peernet.nulls._rewire import BURN_IN, advance, pace

# A graph of n people is a number: bit b is set when pair b (row by row, no diagonal) is tied.


@njit(cache=True)
def moves(
    n: int, graph: int, strata: NDArray[np.int64], to: NDArray[np.int64], chance: NDArray[np.float64]
) -> int:
    """Write where one step leads from a graph, and with what chance, by feeding the step every choice it can draw.

    A choice of e among m, and of f among its c, is one interval of random words; any word inside it stands for all.
    The two lowest bits of the first word choose the kind of move.
    """
    pair_of = -np.ones((n, n), np.int64)
    teacher, base, ptr = np.empty(n * n, np.int32), np.empty(n * n, np.int32), np.zeros(n + 1, np.int64)
    m = b = 0
    for i in range(n):
        for j in range(n):
            if i != j:
                pair_of[i, j] = b
                if (graph >> b) & 1:
                    teacher[m], base[m] = i, j
                    m += 1
                b += 1
        ptr[i + 1] = m
    words, found = np.empty((1, 2), np.uint32), 0
    for e in range(m):
        for swap in range(2):
            choices = m if swap else ptr[base[e] + 1] - ptr[base[e]]
            part = (0.75 if swap else 0.25) / m
            if choices == 0:
                to[found], chance[found] = graph, part
                found += 1
            for f in range(choices):
                words[0, 0] = (np.int64(np.ceil(e * 2.0**32 / m)) + 8) // 4 * 4 + swap
                words[0, 1] = np.int64(np.ceil(f * 2.0**32 / choices)) + 4
                learner = base[:m].copy()
                rewire_steps(ptr, teacher[:m], learner, strata, words)
                after = np.int64(0)
                for s in range(m):
                    bit = np.int64(1) << pair_of[teacher[s], learner[s]]
                    after = -1 if teacher[s] == learner[s] or after & bit else after | bit
                    if after < 0:
                        return -1
                to[found], chance[found] = after, part / choices
                found += 1
    return found


@njit(cache=True)
def scan(n: int, strata: NDArray[np.int64], inflow: NDArray[np.float64], root: NDArray[np.int64]) -> bool:
    """Add up what flows into every graph when all are equally likely, and join graphs that a step connects."""
    to, chance = np.empty(4 * n**4, np.int64), np.empty(4 * n**4)
    for graph in range(len(inflow)):
        found = moves(n, graph, strata, to, chance)
        if found < 0:
            return False
        if found == 0:
            inflow[graph] += 1.0
        for k in range(found):
            inflow[to[k]] += chance[k]
            a, b = graph, to[k]
            while root[a] != a:
                a = root[a]
            while root[b] != b:
                b = root[b]
            root[max(a, b)] = min(a, b)
    return True


def kinds(n: int, strata: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the classes of graphs with the same degrees and the same ties from stratum to stratum."""
    graphs = np.arange(1 << n * (n - 1))
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    bits = [(graphs >> b) & 1 for b in range(len(pairs))]
    columns = [
        [bit for bit, p in zip(bits, pairs, strict=True) if p[end] == i] for i in range(n) for end in (0, 1)
    ]
    ends = [(int(strata[i]), int(strata[j])) for i, j in pairs]
    columns += [[bit for bit, e in zip(bits, ends, strict=True) if e == cell] for cell in sorted(set(ends))]
    label = np.zeros(len(graphs), dtype=np.int64)
    for column in columns:
        label = np.unique(label * 32 + np.sum(column, axis=0), return_inverse=True)[1]
    return label


def census(n: int, strata: tuple[int, ...]) -> dict[str, Any]:
    """Check every graph of n people: largest departure from stationarity, classes, parts that moves connect."""
    codes = np.array(strata, dtype=np.int64)
    inflow, root = np.zeros(1 << n * (n - 1)), np.arange(1 << n * (n - 1))
    assert scan(n, codes, inflow, root), "a step made a self-tie or a double tie"
    while (root != root[root]).any():
        root = root[root]
    label = kinds(n, codes)
    parts = len(np.unique(root))
    return {
        "error": float(np.abs(inflow - 1).max()),
        "classes": int(label.max()) + 1,
        "parts": parts,
        "inside": len(np.unique(root * (label.max() + 1) + label)) == parts,
    }


SMALL = [
    (4, (0, 0, 0, 0), 2656, 2656),
    (4, (0, 0, 0, 1), 2656, 2656),
    (4, (0, 0, 1, 1), 3312, 3378),
    (4, (0, 0, 1, 2), 3456, 3488),
]


@pytest.mark.parametrize(("n", "strata", "classes", "parts"), SMALL)
def test_every_graph_of_four_people(n: int, strata: tuple[int, ...], classes: int, parts: int) -> None:
    found = census(n, strata)
    # Rows of the transition matrix sum to 1 by construction; columns that do so too leave the uniform law as it is.
    assert found["error"] < 1e-12 and found["inside"]
    assert (found["classes"], found["parts"]) == (classes, parts)


@pytest.mark.long
@pytest.mark.parametrize(
    ("strata", "classes", "parts"),
    [
        ((0, 0, 0, 0, 0), 225025, 225025),
        ((0, 0, 0, 0, 1), 225025, 225025),
        ((0, 0, 0, 1, 1), 337117, 342483),
        ((0, 0, 1, 1, 2), 527229, 543361),
    ],
)
def test_every_graph_of_five_people(strata: tuple[int, ...], classes: int, parts: int) -> None:
    found = census(5, strata)
    assert found["error"] < 1e-12 and found["inside"]
    assert (found["classes"], found["parts"]) == (classes, parts)


def component(n: int, graph: int) -> tuple[list[int], NDArray[np.float64]]:
    """Return the graphs that moves reach from one, and the exact transition matrix between them."""
    to, chance = np.empty(4 * n**4, np.int64), np.empty(4 * n**4)
    strata, states, rows = np.zeros(n, np.int64), [graph], []
    for state in states:
        found = moves(n, state, strata, to, chance)
        rows.append((to[:found].copy(), chance[:found].copy()))
        states += sorted(set(to[:found].tolist()) - set(states))
    matrix = np.zeros((len(states), len(states)))
    for r, (ends, part) in enumerate(rows):
        np.add.at(matrix, (np.full(len(ends), r), [states.index(g) for g in ends.tolist()]), part)
    return states, matrix


def number(n: int, ties: list[tuple[int, int]]) -> int:
    """Return the number of a graph."""
    return sum(1 << (i * (n - 1) + j - (j > i)) for i, j in ties)


CYCLE = [(0, 1), (1, 2), (2, 0)]
# The slowest of all graphs of five people with four graphs of its degrees, and the two of the short tests.
CHAINS = {
    "directed 3-cycle": (5, CYCLE),
    "3-cycle and a bystander's tie": (5, [*CYCLE, (3, 0)]),
    "mixed": (5, [(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 0)]),
    "nearly full": (
        4,
        [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1)],
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_detailed_balance_and_the_length_of_the_chain(name: str) -> None:
    n, ties = CHAINS[name]
    _, matrix = component(n, number(n, ties))
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
    values = np.linalg.eigvalsh(matrix)
    assert abs(values[-1] - 1) < 1e-12
    slow = max(values[-2], -values[0])
    steps = BURN_IN * len(ties) * pace(n, len(ties))
    assert slow**steps < 1e-4


def independent_p(n: int, ties: list[tuple[int, int]], n_chains: int, stream: np.random.Generator) -> float:
    """p-value of uniformity of the ends of independent chains, each as long as the first draw's."""
    states, _ = component(n, number(n, ties))
    ties = sorted(ties)
    teacher, learner = (np.array(end, dtype=np.int32) for end in zip(*ties, strict=True))
    ptr = np.searchsorted(teacher, np.arange(n + 1)).astype(np.int64)
    steps, free = BURN_IN * len(ties) * pace(n, len(ties)), np.zeros(n, np.int64)
    counts = dict.fromkeys(states, 0)
    for _ in range(n_chains):
        end = learner.copy()
        advance(ptr, teacher, end, steps, stream, strata=free, compiled=True)
        counts[number(n, list(zip(teacher.tolist(), end.tolist(), strict=True)))] += 1
    seen = np.array(list(counts.values()))
    expected = n_chains / len(states)
    return float(chi2.sf(np.sum((seen - expected) ** 2) / expected, len(states) - 1))


@pytest.mark.parametrize("name", CHAINS)
def test_independent_chains_are_uniform(name: str) -> None:
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(77).spawn(10)]
    p = [independent_p(*CHAINS[name], 200, stream) for stream in streams]
    assert chi2.sf(-2 * np.sum(np.log(p)), 2 * len(p)) > 0.001


@pytest.mark.long
@pytest.mark.parametrize("name", CHAINS)
def test_independent_chains_are_uniform_long(name: str) -> None:
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(20260105).spawn(300)]
    p = np.array([independent_p(*CHAINS[name], 1000, stream) for stream in streams])
    combined = float(chi2.sf(-2 * np.sum(np.log(p)), 2 * len(p)))
    print(
        f"| {name} | {len(p)} | {np.mean(p < 0.05):.3f} | {combined:.3f} | {kstest(p, 'uniform').pvalue:.3f} |"
    )
    assert combined > 0.001 and np.mean(p < 0.05) < 0.1


def test_dense_graphs_get_longer_chains() -> None:
    assert [pace(5, m) for m in (0, 9, 10, 17, 19, 20)] == [1, 1, 2, 6, 20, 1]
    assert all(pace(30, a) <= pace(30, b) for a, b in pairwise(range(1, 870)))
