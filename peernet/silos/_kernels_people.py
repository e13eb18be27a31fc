"""Compiled counts of each person's ties by group; ties sorted by teacher in, arrays out.

Counting needs no weights: half the memory of the general loops in ``_kernels`` is read. Learners are met in random
order, so what is kept of them is packed into one number a person.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["count_ei", "count_spread"]

_LOW = np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True)
def count_ei(
    n: int, teacher: NDArray[np.int32], learner: NDArray[np.int32], codes: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Ties by person: taught inside, taught outside, learned inside, learned outside; shape (n, 4)."""
    out = np.zeros((n, 4), np.int32)
    people, of = learner.view(np.uint32), codes.view(np.uint32)
    # All ties learned in the low half, those from outside in the high half.
    learned = np.zeros(n, np.uint64)
    m = len(teacher)
    start = 0
    while start < m:
        a = teacher[start]
        stop = start
        while stop < m and teacher[stop] == a:
            stop += 1
        g = of[a]
        outside = np.uint64(0)
        for b in people[start:stop]:
            across = np.uint64(of[b] != g)
            learned[b] += np.uint64(1) + (across << np.uint64(32))
            outside += across
        out[a, 0] += np.int32(stop - start - np.int64(outside))
        out[a, 1] += np.int32(outside)
        start = stop
    for i in range(n):
        outside = learned[i] >> np.uint64(32)
        out[i, 2], out[i, 3] = np.int32((learned[i] & _LOW) - outside), np.int32(outside)
    return out


@njit(cache=True, nogil=True)
def _teachers_groups(
    n: int, teacher: NDArray[np.int32], learner: NDArray[np.int32], codes: NDArray[Any]
) -> tuple[NDArray[np.uint32], NDArray[Any]]:
    """Return for each learner the groups of the teachers, one after the other, and where each learner's end."""
    people = learner.view(np.uint32)
    place = np.zeros(n + 1, np.uint32)
    for b in people:
        place[b + np.uint32(1)] += np.uint32(1)
    for i in range(n):
        place[i + 1] += place[i]
    groups = np.empty(len(people), codes.dtype)
    for e in range(len(people)):
        b = people[e]
        groups[place[b]] = codes[np.uint32(teacher[e])]
        place[b] += np.uint32(1)
    return place, groups


@njit(cache=True, nogil=True)
def count_spread(
    n: int, teacher: NDArray[np.int32], learner: NDArray[np.int32], codes: NDArray[Any], k: int, taught: bool,
    learned: bool,
) -> NDArray[np.float64]:  # fmt: skip
    """Number of ties, sum over groups of squared share, and number of ties again, of each person; shape (n, 3).

    Counted are ties ``taught``, ``learned`` or both; ``codes`` are unsigned.
    """
    out = np.zeros((n, 3))
    people = learner.view(np.uint32)
    ends, groups = np.zeros(n + 1, np.uint32), np.zeros(0, codes.dtype)
    if learned:
        ends, groups = _teachers_groups(n, teacher, learner, codes)
    bag = np.zeros(k, np.int64)
    m, start, first = len(teacher), 0, np.int64(0)
    for i in range(n):
        squares = total = np.int64(0)
        stop, last = start, np.int64(ends[i])
        if taught:
            while stop < m and teacher[stop] == i:
                stop += 1
            for u in people[start:stop]:
                g = codes[u]
                squares += 2 * bag[g] + 1
                bag[g] += 1
            total += stop - start
        for g in groups[first:last]:
            squares += 2 * bag[g] + 1
            bag[g] += 1
        total += last - first
        for u in people[start:stop]:
            bag[codes[u]] = 0
        for g in groups[first:last]:
            bag[g] = 0
        start, first = stop, last
        if total > 0:
            out[i, 0], out[i, 2] = total, total
            out[i, 1] = squares / (np.float64(total) * total)
    return out
