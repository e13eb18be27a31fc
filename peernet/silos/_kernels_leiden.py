"""Compiled Leiden algorithm, swaps of undirected pairs, and the expected mutual information; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["expected_information", "leiden", "swap_pairs"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_THETA = 0.01  # randomness of the refinement, in units of the mean weight of a pair


@njit(cache=True, nogil=True)
def _next(state: NDArray[np.uint64]) -> Any:
    """Return 64 random bits (splitmix64)."""
    state[0] += _GOLDEN
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _unit(state: NDArray[np.uint64]) -> float:
    """Return a random number in [0, 1)."""
    return float(_next(state) >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True)
def _below(state: NDArray[np.uint64], n: int) -> Any:
    """Return a random whole number below n; the bias of n / 2^53 does not matter here."""
    return min(np.int64(_unit(state) * n), n - 1)


@njit(cache=True, nogil=True)
def _shuffled(n: int, state: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the numbers below n in random order."""
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = _below(state, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


@njit(cache=True, nogil=True)
def _numbered(comm: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Number communities 0, 1, ... in the order of their first member."""
    n = len(comm)
    new = np.full(n, -1, np.int64)
    out = np.empty(n, np.int64)
    k = 0
    for i in range(n):
        c = comm[i]
        if new[c] < 0:
            new[c] = k
            k += 1
        out[i] = new[c]
    return out, k


@njit(cache=True, nogil=True)
def _filled(comm: NDArray[np.int64], k: NDArray[np.float64]) -> tuple[
    NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], int
]:  # fmt: skip
    """Return weight and size of each community, the numbers of empty ones, and how many these are."""
    n = len(comm)
    total, size = np.zeros(n), np.zeros(n, np.int64)
    for i in range(n):
        total[comm[i]] += k[i]
        size[comm[i]] += 1
    empty = np.empty(n, np.int64)
    n_empty = 0
    for c in range(n):
        if size[c] == 0:
            empty[n_empty] = c
            n_empty += 1
    return total, size, empty, n_empty


@njit(cache=True, nogil=True)
def _towards(
    i: int, ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], comm: NDArray[np.int64],
    bag: NDArray[np.float64], seen: NDArray[np.int64],
) -> int:  # fmt: skip
    """Add the ties of i to the bag of each community; list these communities in ``seen``, return how many."""
    n_seen = 0
    for e in range(ptr[i], ptr[i + 1]):
        j = np.int64(idx[e])
        if j == i:
            continue
        c = comm[j]
        if bag[c] == 0.0:
            seen[n_seen] = c
            n_seen += 1
        bag[c] += w[e]
    return n_seen


@njit(cache=True, nogil=True)
def _move(
    ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], k: NDArray[np.float64],
    comm: NDArray[np.int64], rate: float, state: NDArray[np.uint64],
) -> bool:  # fmt: skip
    """Move single nodes to the community that gains most until no move gains; say whether any moved."""
    n = len(comm)
    total, size, empty, n_empty = _filled(comm, k)
    queue, waits = _shuffled(n, state), np.ones(n, np.bool_)
    bag, seen = np.zeros(n), np.empty(n, np.int64)
    head, waiting = 0, n
    moved = False
    while waiting > 0:
        i = queue[head]
        head = head + 1 if head + 1 < n else 0
        waiting -= 1
        waits[i] = False
        old = comm[i]
        n_seen = _towards(i, ptr, idx, w, comm, bag, seen)
        total[old] -= k[i]
        size[old] -= 1
        stay = bag[old] - rate * k[i] * total[old]
        slack = 1e-12 * k[i]
        best, gain = old, stay
        for s in range(n_seen):
            c = seen[s]
            value = bag[c] - rate * k[i] * total[c]
            if value > gain + slack:
                best, gain = c, value
        if gain < -slack and size[old] > 0:
            n_empty -= 1
            best = empty[n_empty]
        elif size[old] == 0 and best != old:
            empty[n_empty] = old
            n_empty += 1
        for s in range(n_seen):
            bag[seen[s]] = 0.0
        comm[i] = best
        total[best] += k[i]
        size[best] += 1
        if best != old:
            moved = True
            for e in range(ptr[i], ptr[i + 1]):
                j = np.int64(idx[e])
                if not waits[j] and comm[j] != best:
                    waits[j] = True
                    tail = head + waiting
                    queue[tail if tail < n else tail - n] = j
                    waiting += 1
    return moved


@njit(cache=True, nogil=True)
def _refine(
    ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], k: NDArray[np.float64],
    comm: NDArray[np.int64], rate: float, state: NDArray[np.uint64], theta: float,
) -> NDArray[np.int64]:  # fmt: skip
    """Split each community into well-connected parts: single nodes join parts at random, by gain."""
    n = len(comm)
    part, part_total, part_size = np.arange(n), k.copy(), np.ones(n, np.int64)
    total, cut = np.zeros(n), np.zeros(n)
    for i in range(n):
        total[comm[i]] += k[i]
        for e in range(ptr[i], ptr[i + 1]):
            j = np.int64(idx[e])
            if j != i and comm[j] == comm[i]:
                cut[i] += w[e]
    bag, seen, chance = np.zeros(n), np.empty(n, np.int64), np.empty(n)
    for i in _shuffled(n, state):
        whole = total[comm[i]]
        if part_size[part[i]] > 1 or cut[i] < rate * k[i] * (whole - k[i]):
            continue
        n_seen = 0
        for e in range(ptr[i], ptr[i + 1]):
            j = np.int64(idx[e])
            if j == i or comm[j] != comm[i]:
                continue
            p = part[j]
            if bag[p] == 0.0:
                seen[n_seen] = p
                n_seen += 1
            bag[p] += w[e]
        top = 0.0
        for s in range(n_seen):
            p = seen[s]
            chance[s] = bag[p] - rate * k[i] * part_total[p]
            if cut[p] < rate * part_total[p] * (whole - part_total[p]):
                chance[s] = -1.0
            top = max(top, chance[s])
        own = np.exp(-top / theta)
        weight_sum = own
        for s in range(n_seen):
            chance[s] = np.exp((chance[s] - top) / theta) if chance[s] >= 0.0 else 0.0
            weight_sum += chance[s]
        pick = _unit(state) * weight_sum - own
        chosen = part[i]
        if pick >= 0.0:
            for s in range(n_seen):
                if chance[s] > 0.0:
                    chosen = seen[s]
                    pick -= chance[s]
                    if pick < 0.0:
                        break
        if chosen != part[i]:
            cut[chosen] += cut[i] - 2.0 * bag[chosen]
            part_total[chosen] += k[i]
            part_size[chosen] += 1
            part_size[part[i]] = 0
            part[i] = chosen
        for s in range(n_seen):
            bag[seen[s]] = 0.0
    return part


@njit(cache=True, nogil=True)
def _fold(
    ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], k: NDArray[np.float64],
    part: NDArray[np.int64], n_parts: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Make each part one node; ties inside a part are left out, its strength keeps them."""
    n = len(part)
    start = np.zeros(n_parts + 1, np.int64)
    for i in range(n):
        start[part[i] + 1] += 1
    for p in range(n_parts):
        start[p + 1] += start[p]
    members, fill = np.empty(n, np.int64), start[:-1].copy()
    for i in range(n):
        members[fill[part[i]]] = i
        fill[part[i]] += 1
    new_ptr, new_k = np.zeros(n_parts + 1, np.int64), np.zeros(n_parts)
    new_idx, new_w = np.empty(len(idx), np.int64), np.empty(len(idx))
    bag, seen = np.zeros(n_parts), np.empty(n_parts, np.int64)
    at = 0
    for p in range(n_parts):
        n_seen = 0
        for s in range(start[p], start[p + 1]):
            i = members[s]
            new_k[p] += k[i]
            for e in range(ptr[i], ptr[i + 1]):
                q = part[np.int64(idx[e])]
                if q == p:
                    continue
                if bag[q] == 0.0:
                    seen[n_seen] = q
                    n_seen += 1
                bag[q] += w[e]
        for s in range(n_seen):
            q = seen[s]
            new_idx[at], new_w[at] = q, bag[q]
            bag[q] = 0.0
            at += 1
        new_ptr[p + 1] = at
    return new_ptr, new_idx[:at].copy(), new_w[:at].copy(), new_k


@njit(cache=True, nogil=True)
def _modularity(
    ptr: NDArray[np.int64],
    idx: NDArray[Any],
    w: NDArray[np.float64],
    comm: NDArray[np.int64],
    resolution: float,
) -> float:
    """Return modularity of a symmetric matrix without diagonal."""
    n = len(comm)
    total, inside, everything = np.zeros(n), 0.0, 0.0
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            total[comm[i]] += w[e]
            everything += w[e]
            if comm[np.int64(idx[e])] == comm[i]:
                inside += w[e]
    if everything == 0.0:
        return np.nan
    expected = 0.0
    for c in range(n):
        expected += (total[c] / everything) ** 2
    return inside / everything - resolution * expected


@njit(cache=True, nogil=True)
def leiden(
    ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], resolution: float, start: int
) -> tuple[NDArray[np.int64], float]:
    """Communities of a symmetric matrix without diagonal by the Leiden algorithm, and their modularity.

    Rounds of moving, refining and folding, begun again from what they found until that gains nothing.
    """
    n = len(ptr) - 1
    state = np.array([np.uint64(start)], np.uint64)
    strength, everything = np.zeros(n), 0.0
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            strength[i] += w[e]
        everything += strength[i]
    best = np.arange(n)
    if everything == 0.0:
        return best, np.nan
    rate, theta = resolution / everything, _THETA * everything / len(w)
    quality = -np.inf
    for _ in range(100):
        base = best.copy()
        low_ptr, low_idx, low_w, low_k = ptr, idx.astype(np.int64), w, strength
        comm, owner = base.copy(), np.arange(n)
        while True:
            _move(low_ptr, low_idx, low_w, low_k, comm, rate, state)
            comm, n_comm = _numbered(comm)
            for i in range(n):
                base[i] = comm[owner[i]]
            if n_comm == len(comm):
                break
            part, n_parts = _numbered(_refine(low_ptr, low_idx, low_w, low_k, comm, rate, state, theta))
            if n_parts == len(comm):
                part, n_parts = comm, n_comm
            upper = np.empty(n_parts, np.int64)
            for i in range(len(comm)):
                upper[part[i]] = comm[i]
            for i in range(n):
                owner[i] = part[owner[i]]
            low_ptr, low_idx, low_w, low_k = _fold(low_ptr, low_idx, low_w, low_k, part, n_parts)
            comm = upper
        found = _modularity(ptr, idx, w, base, resolution)
        if found <= quality + 1e-12:
            break
        best, quality = base, found
    best, _ = _numbered(best)
    return best, quality


@njit(cache=True, nogil=True)
def swap_pairs(
    ptr: NDArray[np.int64], idx: NDArray[np.int64], mate: NDArray[np.int64], w: NDArray[np.float64],
    block: NDArray[np.int64], n_steps: int, start: int,
) -> int:  # fmt: skip
    """Swap the ends of two pairs a-b, c-d into a-d, c-b, in place; the number of swaps made.

    ``mate[s]`` is the slot of the same pair in the other person's row. A swap is made when b and d, or a and c, are of
    one block, and when it makes neither a self-tie nor a double one; a refused one counts as a step. The weight stays
    with a and with c.
    """
    n, m = len(ptr) - 1, len(idx)
    owner = np.empty(m, np.int64)
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            owner[e] = i
    state = np.array([np.uint64(start)], np.uint64)
    done = 0
    for _ in range(n_steps if m > 2 else 0):
        s, t = _below(state, m), _below(state, m)
        a, b, c, d = owner[s], idx[s], owner[t], idx[t]
        if a == c or b == d or a == d or b == c or not (block[b] == block[d] or block[a] == block[c]):
            continue
        there = False
        for one, two in ((a, d), (c, b)):
            if ptr[two + 1] - ptr[two] < ptr[one + 1] - ptr[one]:
                one, two = two, one
            for e in range(ptr[one], ptr[one + 1]):
                if idx[e] == two:
                    there = True
                    break
        if there:
            continue
        of_b, of_d = mate[s], mate[t]
        idx[s], idx[of_d], mate[s], mate[of_d] = d, a, of_d, s
        idx[t], idx[of_b], mate[t], mate[of_b] = b, c, of_b, t
        w[of_d], w[of_b] = w[s], w[t]
        done += 1
    return done


@njit(cache=True, nogil=True)
def expected_information(
    rows: NDArray[np.int64], columns: NDArray[np.int64], log_factorial: NDArray[np.float64]
) -> float:
    """Mean mutual information (nats) of two partitions with these sizes when one is shuffled."""
    n = rows.sum()
    f = log_factorial
    total = 0.0
    for a in rows:
        for b in columns:
            fixed = f[a] + f[b] + f[n - a] + f[n - b] - f[n]
            for x in range(max(1, a + b - n), min(a, b) + 1):
                chance = np.exp(fixed - f[x] - f[a - x] - f[b - x] - f[n - a - b + x])
                total += x / n * np.log(n * x / (a * b)) * chance
    return total
