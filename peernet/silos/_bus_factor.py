"""Fewest people whose leaving leaves enough topics without an expert: exact and greedy."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Exact", "enumerate_least", "exact_least", "greedy_removals", "needed"]

_MOST_SETS = 20_000
_NODES = 2_000


class Exact(NamedTuple):
    """Size of the smallest removal.

    Attributes
    ----------
    size : int
        People in the best removal found.
    lower : int
        No removal is smaller; equal to ``size`` where it is proved.
    """

    size: int
    lower: int


def needed(n_items: int, lost: float) -> int:
    """Return the least number of items that is more than the share ``lost`` of all."""
    return int(np.floor(lost * n_items + 1e-9)) + 1


def greedy_removals(sets: list[NDArray[np.intp]], goal: int) -> list[int]:
    """Return people in an order that leaves ``goal`` items without anybody: the better of two simple rules.

    Rule 1 (Avelino): again and again, whoever is an expert of most items that still have one. Rule 2: again and again,
    all experts of the item with the fewest left. People whose leaving proved unnecessary are kept.
    """
    one = _pruned(sets, _most_items_first(sets, goal), goal)
    two = _pruned(sets, _weakest_item_first(sets, goal), goal)
    return one if len(one) <= len(two) else two


def _lost(sets: list[NDArray[np.intp]], gone: set[int]) -> int:
    """Count items of which nobody is left."""
    return sum(all(int(p) in gone for p in s) for s in sets)


def _most_items_first(sets: list[NDArray[np.intp]], goal: int) -> list[int]:
    """Remove whoever holds most of what is left."""
    people = max((int(s.max()) for s in sets if len(s)), default=-1) + 1
    load = np.zeros(people, dtype=np.int64)
    of: list[list[int]] = [[] for _ in range(people)]
    for t, s in enumerate(sets):
        load[s] += 1
        for p in s.tolist():
            of[p].append(t)
    left = np.array([len(s) for s in sets])
    orphaned = int((left == 0).sum())
    gone: list[int] = []
    while orphaned < goal:
        p = int(np.argmax(load))
        gone.append(p)
        load[p] = -1
        for t in of[p]:
            left[t] -= 1
            orphaned += int(left[t] == 0)
        # An item that nobody holds any more counts for nobody; all its experts are gone by then.
    return gone


def _weakest_item_first(sets: list[NDArray[np.intp]], goal: int) -> list[int]:
    """Remove all that is left of the item with the fewest experts."""
    rest = [set(s.tolist()) for s in sets]
    of: dict[int, list[int]] = {}
    for t, r in enumerate(rest):
        for p in r:
            of.setdefault(p, []).append(t)
    heap = [(len(r), t) for t, r in enumerate(rest) if r]
    heapify(heap)
    orphaned = len(sets) - len(heap)
    gone: list[int] = []
    while orphaned < goal:
        size, t = heappop(heap)
        if size != len(rest[t]) or not size:
            continue
        for p in sorted(rest[t]):
            gone.append(p)
            for u in of[p]:
                rest[u].discard(p)
                orphaned += not rest[u]
                heappush(heap, (len(rest[u]), u))
    return gone


def _pruned(sets: list[NDArray[np.intp]], gone: list[int], goal: int) -> list[int]:
    """Take back everybody whose leaving was not needed, the last first."""
    if len(sets) * len(gone) > 200_000:
        return gone
    kept = list(gone)
    for p in reversed(gone):
        trial = [q for q in kept if q != p]
        if _lost(sets, set(trial)) >= goal:
            kept = trial
    return kept


def enumerate_least(sets: list[NDArray[np.intp]], goal: int) -> int:
    """Return the smallest union of ``goal`` sets by trying them all."""
    masks = [sum(1 << int(p) for p in s) for s in sets]
    best = 10**9
    for chosen in combinations(masks, goal):
        union = 0
        for mask in chosen:
            union |= mask
        best = min(best, union.bit_count())
    return best


def exact_least(sets: list[NDArray[np.intp]], goal: int, start: int) -> Exact:
    """Return the smallest removal, with the bound that proves it; ``start`` is the size of a known one.

    With x_p = 1 when person p leaves and y_t = 1 when topic t is lost: minimise sum x_p subject to y_t <= x_p for every
    expert p of t and sum y_t >= goal (an integer programme; HiGHS). People who hold the same topics are one variable.
    """
    ready = sum(not len(s) for s in sets)
    if ready >= goal:
        return Exact(0, 0)
    sets = [s for s in sets if len(s)]
    goal -= ready
    if comb(len(sets), goal) <= _MOST_SETS:
        size = enumerate_least(sets, goal)
        return Exact(size, size)
    holds: dict[int, list[int]] = {}
    for t, s in enumerate(sets):
        for p in s.tolist():
            holds.setdefault(p, []).append(t)
    alike: dict[tuple[int, ...], int] = {}
    for topics in holds.values():
        alike[tuple(topics)] = alike.get(tuple(topics), 0) + 1
    return _programme(list(alike), np.array(list(alike.values()), dtype=np.float64), len(sets), goal, start)


def _programme(
    kinds: list[tuple[int, ...]], cost: NDArray[np.float64], n_items: int, goal: int, start: int
) -> Exact:
    """Solve the integer programme within a fixed number of nodes, so that the answer does not depend on the clock."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    k = len(kinds)
    kind = np.repeat(np.arange(k), [len(t) for t in kinds])
    item = np.concatenate([np.array(t) for t in kinds])
    m = len(kind)
    rows = np.concatenate([np.arange(m), np.arange(m), np.full(n_items, m)])
    columns = np.concatenate([kind, k + item, k + np.arange(n_items)])
    values = np.concatenate([np.ones(m), -np.ones(m), np.ones(n_items)])
    matrix = csr_array((values, (rows, columns)), shape=(m + 1, k + n_items))
    low = np.concatenate([np.zeros(m), [goal]])
    # Once the lost topics are whole numbers the people follow.
    whole = np.concatenate([np.zeros(k), np.ones(n_items)])
    out = milp(
        np.concatenate([cost, np.zeros(n_items)]),
        integrality=whole,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, low, np.inf),
        options={"node_limit": _NODES, "mip_rel_gap": 0.0},
    )
    bound = getattr(out, "mip_dual_bound", None)
    found = start if out.x is None else min(start, round(float(out.fun)))
    proved = 1 if bound is None or not np.isfinite(bound) else int(np.ceil(float(bound) - 1e-6))
    return Exact(found, found if out.status == 0 else min(proved, found))
