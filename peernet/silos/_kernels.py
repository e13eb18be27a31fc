"""Compiled loops of the silo measures; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from peernet.silos import _dominators

__all__ = ["dominated", "external_lanes", "external_lanes_weighted", "mixing", "person_ei"]

for _part in (_dominators.postorder, _dominators.dominators):
    register_jitable(_part)
dominated = njit(cache=True, nogil=True)(_dominators.dominated)


@njit(cache=True, nogil=True)
def external_lanes(labels: NDArray[Any], i: NDArray[Any], j: NDArray[Any]) -> NDArray[np.int64]:
    """Ties between different labels, counted for 64 labellings side by side; labels are (n, 64)."""
    total = np.zeros(64, np.int64)
    few = np.zeros(64, np.uint8)
    m = len(i)
    for start in range(0, m, 255):
        few[:] = 0
        for e in range(start, min(start + 255, m)):
            one, two = labels[i[e]], labels[j[e]]
            for lane in range(64):
                few[lane] += np.uint8(one[lane] != two[lane])
        for lane in range(64):
            total[lane] += few[lane]
    return total


@njit(cache=True, nogil=True)
def external_lanes_weighted(
    labels: NDArray[Any], i: NDArray[Any], j: NDArray[Any], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weight between different labels, summed for 64 labellings side by side; labels are (n, 64)."""
    total = np.zeros(64)
    for e in range(len(i)):
        one, two, x = labels[i[e]], labels[j[e]], w[e]
        for lane in range(64):
            total[lane] += x * (one[lane] != two[lane])
    return total


@njit(cache=True, nogil=True)
def person_ei(
    n: int,
    teacher: NDArray[np.int32],
    learner: NDArray[np.int32],
    w: NDArray[np.float64],
    codes: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Weight by person: taught inside, taught outside, learned inside, learned outside; shape (n, 4)."""
    out, learned = np.zeros((n, 4)), np.zeros((n, 2))
    people, of = learner.view(np.uint32), codes.view(np.uint32)
    for e in range(len(teacher)):
        a, b = teacher[e], people[e]
        across = np.int64(of[a] != of[b])
        out[a, across] += w[e]
        learned[b, across] += w[e]
    out[:, 2:] = learned
    return out


@njit(cache=True, nogil=True)
def mixing(
    k: int, teacher: NDArray[Any], learner: NDArray[Any], w: NDArray[np.float64], codes: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Sums between groups, rows teach; ``w`` of length 1 weighs every tie the same."""
    out = np.zeros((k, k))
    same = len(w) == 1
    for e in range(len(teacher)):
        x = w[0] if same else w[e]
        out[codes[teacher[e]], codes[learner[e]]] += x
    return out


@njit(cache=True, nogil=True)
def burt(ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Constraint, effective size, degree and hierarchy of each row of a symmetric matrix; shape (n, 4)."""
    n = len(ptr) - 1
    share, lead = np.empty(len(w)), np.empty(len(w))
    strength, strongest = np.zeros(n), np.zeros(n)
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            strength[i] += w[e]
            strongest[i] = max(strongest[i], w[e])
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            share[e] = w[e] / strength[i]
            lead[e] = w[e] / strongest[np.int64(idx[e])]
    out = np.full((n, 4), np.nan)
    slot = np.full(n, -1, np.int32)
    people = idx.view(np.uint32)
    widest = 1
    for i in range(n):
        widest = max(widest, ptr[i + 1] - ptr[i])
    reach = np.zeros(widest)
    for i in range(n):
        low, high = ptr[i], ptr[i + 1]
        degree = high - low
        out[i, 2] = degree
        if degree == 0:
            continue
        for e in range(low, high):
            slot[people[e]] = np.int32(e - low)
            reach[e - low] = share[e]
        redundant = 0.0
        for e in range(low, high):
            q, p = people[e], share[e]
            start, stop = ptr[q], ptr[q + np.uint32(1)]
            row, shares, leads = people[start:stop], share[start:stop], lead[start:stop]
            for f in range(len(row)):
                s = slot[row[f]]
                if s >= 0:
                    reach[np.uint32(s)] += p * shares[f]
                    redundant += p * leads[f]
        total = 0.0
        for s in range(degree):
            reach[s] *= reach[s]
            total += reach[s]
        out[i, 0] = total
        out[i, 1] = degree - redundant
        if degree > 1:
            entropy = 0.0
            for s in range(degree):
                r = reach[s] * degree / total
                if r > 0:
                    entropy += r * np.log(r)
            out[i, 3] = entropy / (degree * np.log(degree))
        for e in range(low, high):
            slot[idx[e]] = -1
    return out


@njit(cache=True, nogil=True)
def spread_over_groups(
    ptr: NDArray[np.int64], idx: NDArray[Any], w: NDArray[np.float64], codes: NDArray[np.int32], k: int
) -> NDArray[np.float64]:
    """Weight, sum over groups of squared share, and number of ties of each row; shape (n, 3)."""
    n = len(ptr) - 1
    out = np.zeros((n, 3))
    bag = np.zeros(k)
    people, of = idx.view(np.uint32), codes.view(np.uint32)
    for i in range(n):
        row, values = people[ptr[i] : ptr[i + 1]], w[ptr[i] : ptr[i + 1]]
        total = 0.0
        for e in range(len(row)):
            bag[of[row[e]]] += values[e]
            total += values[e]
        squares = 0.0
        over = 1.0 / total if total > 0 else 0.0
        for u in row:
            g = of[u]
            share = bag[g] * over
            squares += share * share
            bag[g] = 0.0
        out[i, 0], out[i, 1], out[i, 2] = total, squares, len(row)
    return out


@njit(cache=True, nogil=True)
def turned(ptr: NDArray[np.int64], idx: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return pointers and rows of the transposed matrix: who teaches each person."""
    n = len(ptr) - 1
    back_ptr, back = np.zeros(n + 1, np.int64), np.empty(len(idx), np.uint32)
    for u in idx:
        back_ptr[np.uint64(u) + np.uint64(1)] += 1
    for i in range(n):
        back_ptr[i + 1] += back_ptr[i]
    place = back_ptr[:-1].copy()
    for i in range(n):
        for u in idx[ptr[i] : ptr[i + 1]]:
            back[np.uint64(place[u])] = i
            place[u] += 1
    return back_ptr, back


@njit(cache=True, nogil=True)
def brokerage_roles(
    ptr: NDArray[np.int64], idx: NDArray[Any], codes: NDArray[np.int32], k: int
) -> NDArray[np.int64]:
    """Open paths a -> v -> b through each v by role: coordinator, itinerant, gatekeeper, representative, liaison."""
    # Unsigned and by slices: no index is checked for counting from the end.
    people, of = idx.view(np.uint32), codes.view(np.uint32)
    back_ptr, back = turned(ptr, people)
    out = _paths_by_role(ptr, people, back_ptr, back, of, k)
    _take_closed(ptr, people, back_ptr, back, of, out)
    return out


@njit(cache=True, nogil=True)
def _paths_by_role(
    ptr: NDArray[np.int64], people: NDArray[np.uint32], back_ptr: NDArray[np.int64], back: NDArray[np.uint32],
    of: NDArray[np.uint32], k: int,
) -> NDArray[np.int64]:  # fmt: skip
    """Count all paths a -> v -> b through each v by role, closed ones and those back to a included."""
    n = len(ptr) - 1
    out = np.zeros((n, 5), np.int64)
    into = np.zeros(k, np.int64)
    for v in range(n):
        g = of[v]
        teachers, learners = back[back_ptr[v] : back_ptr[v + 1]], people[ptr[v] : ptr[v + 1]]
        n_in, n_out = len(teachers), len(learners)
        if n_in == 0 or n_out == 0:
            continue
        for u in teachers:
            into[of[u]] += 1
        own_in: Any = into[g]
        own_out: Any = np.int64(0)
        reached: Any = np.int64(0)
        for u in learners:
            own_out += of[u] == g
            reached += into[of[u]]
        same = reached - own_in * own_out
        for u in teachers:
            into[of[u]] = 0
        out[v, 0] = own_in * own_out
        out[v, 1] = same
        out[v, 2] = (n_in - own_in) * own_out
        out[v, 3] = own_in * (n_out - own_out)
        out[v, 4] = (n_in - own_in) * (n_out - own_out) - same
    return out


@njit(cache=True, nogil=True)
def _take_closed(
    ptr: NDArray[np.int64], people: NDArray[np.uint32], back_ptr: NDArray[np.int64], back: NDArray[np.uint32],
    of: NDArray[np.uint32], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Take away paths that come back to where they began, and those whose ends are tied."""
    n = len(ptr) - 1
    # One byte a person: who learns from a stays in the nearest cache.
    mark, hit = np.zeros(n, np.uint8), np.empty(n + 1, np.uint32)
    for a in range(n):
        learners = people[ptr[a] : ptr[a + 1]]
        teachers = back[back_ptr[a] : back_ptr[a + 1]]
        if len(learners) == 0 or len(learners) + len(teachers) < 2:
            continue
        ga = of[a]
        for u in learners:
            mark[u] = 1
        # Paths through a that come back to where they began.
        for u in teachers:
            back_there = mark[u] != 0
            out[a, 0] -= back_there & (of[u] == ga)
            out[a, 1] -= back_there & (of[u] != ga)
        for w in learners:
            g = of[w]
            # Without a branch: whoever is no learner of a is overwritten by the next.
            n_own, n_source, n_all = 0, 0, 0
            for u in people[ptr[w] : ptr[w + np.uint32(1)]]:
                hit[n_all] = u
                n_all += mark[u]
            if n_all == 0:
                continue
            for u in hit[:n_all]:
                n_own += of[u] == g
                n_source += of[u] == ga
            if ga == g:
                out[w, 0] -= n_own
                out[w, 3] -= n_all - n_own
            else:
                out[w, 1] -= n_source
                out[w, 2] -= n_own
                out[w, 4] -= n_all - n_own - n_source
        for u in learners:
            mark[u] = 0


@njit(cache=True, nogil=True)
def peel(ptr: NDArray[np.int64], idx: NDArray[Any], degree: NDArray[np.int64]) -> NDArray[np.int64]:
    """Core numbers by bins of degree; row i of ``idx`` are those who lose a tie when i goes."""
    n = len(degree)
    top = 0
    for i in range(n):
        top = max(top, degree[i])
    start = np.zeros(top + 2, np.int64)
    for i in range(n):
        start[degree[i] + 1] += 1
    for d in range(top + 1):
        start[d + 1] += start[d]
    place, order, fill = np.empty(n, np.int64), np.empty(n, np.int64), start[:-1].copy()
    for i in range(n):
        place[i] = fill[degree[i]]
        order[place[i]] = i
        fill[degree[i]] += 1
    left = degree.copy()
    first = start[:-1].copy()
    for k in range(n):
        i = order[k]
        for e in range(ptr[i], ptr[i + 1]):
            j = np.int64(idx[e])
            if left[j] > left[i]:
                d = left[j]
                head = max(first[d], k + 1)
                other = order[head]
                order[head], order[place[j]] = j, other
                place[other], place[j] = place[j], head
                first[d] = head + 1
                left[j] = d - 1
    return left


@njit(cache=True, nogil=True)
def brandes(ptr: NDArray[np.int64], idx: NDArray[Any], pivots: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum over pivots of each person's dependency, and of its square; shortest paths in hops; shape (2, n)."""
    n = len(ptr) - 1
    out = np.zeros((2, n))
    dist, paths, delta = np.full(n, -1, np.int64), np.zeros(n), np.zeros(n)
    queue = np.empty(n, np.int64)
    for p in range(len(pivots)):
        s = pivots[p]
        dist[:] = -1
        paths[:] = 0.0
        delta[:] = 0.0
        dist[s], paths[s], queue[0] = 0, 1.0, s
        head, tail = 0, 1
        while head < tail:
            v = queue[head]
            head += 1
            for e in range(ptr[v], ptr[v + 1]):
                u = np.int64(idx[e])
                if dist[u] < 0:
                    dist[u] = dist[v] + 1
                    queue[tail] = u
                    tail += 1
                if dist[u] == dist[v] + 1:
                    paths[u] += paths[v]
        for k in range(tail - 1, -1, -1):
            v = queue[k]
            for e in range(ptr[v], ptr[v + 1]):
                u = np.int64(idx[e])
                if dist[u] == dist[v] + 1:
                    delta[v] += paths[v] / paths[u] * (1.0 + delta[u])
            if v != s:
                out[0, v] += delta[v]
                out[1, v] += delta[v] * delta[v]
    return out


@njit(cache=True, nogil=True)
def brandes_lengths(
    ptr: NDArray[np.int64], idx: NDArray[Any], length: NDArray[np.float64], pivots: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The same with lengths of ties above 0; paths that differ by rounding (1e-12) count as equally short."""
    n, m = len(ptr) - 1, len(idx)
    out = np.zeros((2, n))
    dist, paths, delta, done = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.bool_)
    order = np.empty(n, np.int64)
    heap_key, heap_id = np.empty(m + 1), np.empty(m + 1, np.int64)
    for p in range(len(pivots)):
        s = pivots[p]
        dist[:] = np.inf
        paths[:] = 0.0
        delta[:] = 0.0
        done[:] = False
        dist[s], paths[s] = 0.0, 1.0
        heap_key[0], heap_id[0] = 0.0, s
        size, settled = 1, 0
        while size > 0:
            key, v = heap_key[0], heap_id[0]
            size -= 1
            last_key, last_id = heap_key[size], heap_id[size]
            i = 0
            while 2 * i + 1 < size:
                c = 2 * i + 1
                if c + 1 < size and heap_key[c + 1] < heap_key[c]:
                    c += 1
                if heap_key[c] >= last_key:
                    break
                heap_key[i], heap_id[i] = heap_key[c], heap_id[c]
                i = c
            heap_key[i], heap_id[i] = last_key, last_id
            if done[v] or key > dist[v]:
                continue
            done[v] = True
            order[settled] = v
            settled += 1
            for e in range(ptr[v], ptr[v + 1]):
                u = np.int64(idx[e])
                far = dist[v] + length[e]
                if done[u]:
                    continue
                if far < dist[u] * (1 - 1e-12):
                    dist[u], paths[u] = far, paths[v]
                    i = size
                    size += 1
                    while i > 0 and heap_key[(i - 1) // 2] > far:
                        heap_key[i], heap_id[i] = heap_key[(i - 1) // 2], heap_id[(i - 1) // 2]
                        i = (i - 1) // 2
                    heap_key[i], heap_id[i] = far, u
                elif far <= dist[u] * (1 + 1e-12):
                    paths[u] += paths[v]
        for k in range(settled - 1, -1, -1):
            v = order[k]
            for e in range(ptr[v], ptr[v + 1]):
                u = np.int64(idx[e])
                far = dist[v] + length[e]
                if abs(far - dist[u]) <= 1e-12 * far and dist[u] > dist[v]:
                    delta[v] += paths[v] / paths[u] * (1.0 + delta[u])
            if v != s:
                out[0, v] += delta[v]
                out[1, v] += delta[v] * delta[v]
    return out
