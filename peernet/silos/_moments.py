"""Exact mean and standard deviation of the ties inside groups when group labels are shuffled."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sums: TypeAlias = tuple[float, float, float, float, float, float]

__all__ = ["inside_moments", "mantel_moments", "tie_sums"]


def _ratio(top: float, bottom: float) -> float:
    """Return top / bottom, 0 where both vanish because there are too few people."""
    return top / bottom if bottom else 0.0


def _centred(t: float, b: float, c: float, out_sq: float, in_sq: float, cross: float, n: int) -> Sums:
    """Return B, C, R, S, Q and G of a matrix whose off-diagonal mean was subtracted.

    From the sum t, sum of squares b, sum of x_ij x_ji c, and sums over people of out^2, in^2, out * in.
    """
    n2 = n * (n - 1)
    mean = _ratio(t, n2)
    line = t / n
    bb = b - mean * t
    cc = c - mean * t
    rr = out_sq - line * t - bb
    ss = in_sq - line * t - bb
    qq = cross - line * t - cc
    return bb, cc, rr, ss, qq, -bb - cc - rr - ss - 2 * qq


def mantel_moments(x: Sums, y: Sums, n: int) -> tuple[float, float]:
    r"""Mean and variance of :math:`\sum_{i \ne j} x_{ij} y_{\pi(i)\pi(j)}` over all permutations.

    Each matrix is given by its sum, sum of squares, sum of x_ij x_ji, and sums over people of out^2, in^2, out * in.
    Both are centred first, so that the variance is not the difference of two large numbers.
    """
    n2, n3, n4 = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    if n < 2:
        return 0.0, 0.0
    bx, cx, rx, sx, qx, gx = _centred(*x, n)
    by, cy, ry, sy, qy, gy = _centred(*y, n)
    variance = (
        _ratio(bx * by + cx * cy, n2) + _ratio(rx * ry + sx * sy + 2 * qx * qy, n3) + _ratio(gx * gy, n4)
    )
    return x[0] * y[0] / n2, max(variance, 0.0)


def tie_sums(n: int, i: NDArray[Any], j: NDArray[Any], w: NDArray[np.float64]) -> Sums:
    """Return the six sums of a sparse matrix without repeated cells."""
    out, into = np.bincount(i, w, n), np.bincount(j, w, n)
    key = i.astype(np.int64) * n + j
    back = j.astype(np.int64) * n + i
    sorted_already = bool(np.all(key[1:] > key[:-1]))
    order = np.arange(len(key)) if sorted_already else np.argsort(key, kind="stable")
    in_order = key[order]
    place = np.minimum(np.searchsorted(in_order, back), max(len(key) - 1, 0))
    found = in_order[place] == back if len(key) else np.empty(0, dtype=bool)
    mutual = float(np.sum(w[found] * w[order[place[found]]])) if len(key) else 0.0
    return float(w.sum()), float(w @ w), mutual, float(out @ out), float(into @ into), float(out @ into)


def _same_sums(counts: NDArray[Any]) -> Sums:
    """Return the six sums of the matrix that is 1 where two different people share a group."""
    c = counts.astype(np.float64)
    pairs = float(np.sum(c * (c - 1)))
    line = float(np.sum(c * (c - 1) ** 2))
    return pairs, pairs, pairs, line, line, line


def inside_moments(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    strata: NDArray[Any] | None = None,
) -> tuple[float, float]:
    r"""Mean and SD of the weight inside groups, :math:`I = \sum_{ij} w_{ij} 1[g_i = g_j]`, under label shuffles.

    One stratum: the moments of Mantel (1967) with the group matrix kept implicit. Several: with
    :math:`z_{ik} = p_{s(i)k} + d_{ik}` (share of group k in i's stratum, and the rest) I falls into parts that
    depend on one stratum's shuffle only, and products :math:`d_{ik} d_{jk}` between two strata, which are uncorrelated
    with all else; each part has a closed form. All people must have a group; ties are distinct.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (n,)
        Group of each person, no -1.
    i, j : numpy.ndarray of int
        Ends of the ties.
    w : numpy.ndarray of float
        Weights, at most about 1.
    strata : numpy.ndarray of int, shape (n,), optional
        Stratum of each person.

    Returns
    -------
    tuple of float
        Mean and standard deviation.
    """
    n = len(codes)
    k = int(codes.max()) + 1 if n else 0
    if strata is None or len(np.unique(strata)) < 2:
        mean, variance = mantel_moments(tie_sums(n, i, j, w), _same_sums(np.bincount(codes, minlength=k)), n)
        return mean, float(np.sqrt(variance))
    return _within(codes, i, j, w, np.unique(strata, return_inverse=True)[1], k)


def _within(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    strata: NDArray[Any],
    k: int,
) -> tuple[float, float]:
    """Mean and SD of the weight inside groups when labels are shuffled within strata."""
    n, n_strata = len(codes), int(strata.max()) + 1
    counts = np.zeros((n_strata, k))
    np.add.at(counts, (strata, codes), 1.0)
    share = counts / counts.sum(axis=1, keepdims=True)
    si, sj = strata[i], strata[j]
    inner = si == sj
    a, b, x = i[~inner], j[~inner], w[~inner]
    mean = float(np.sum(x * np.einsum("ek,ek->e", share[strata[a]], share[strata[b]])))
    score = np.zeros((n, k))
    np.add.at(score, a, x[:, None] * share[strata[b]])
    np.add.at(score, b, x[:, None] * share[strata[a]])
    variance = _between(strata, share, counts.sum(axis=1), a, b, x)
    order = np.argsort(si[inner], kind="stable")
    ei, ej, ew = i[inner][order], j[inner][order], w[inner][order]
    cuts = np.searchsorted(strata[ei], np.arange(n_strata + 1))
    rows = np.argsort(strata, kind="stable")
    ends = np.searchsorted(strata[rows], np.arange(n_strata + 1))
    place = np.empty(n, dtype=np.int64)
    for s in range(n_strata):
        people = rows[ends[s] : ends[s + 1]]
        place[people] = np.arange(len(people))
        part = slice(cuts[s], cuts[s + 1])
        m, v = _one_stratum(place[ei[part]], place[ej[part]], ew[part], counts[s], score[people])
        mean, variance = mean + m, variance + v
    return mean, float(np.sqrt(max(variance, 0.0)))


def _one_stratum(
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    counts: NDArray[np.float64],
    score: NDArray[np.float64],
) -> tuple[float, float]:
    """Mean of the ties inside one stratum; variance of those plus the scores that its labels meet elsewhere."""
    n = len(score)
    if n < 2:
        return 0.0, 0.0
    mean, variance = mantel_moments(tie_sums(n, i, j, w), _same_sums(counts), n)
    across = score @ counts / n
    free = score - across[:, None] - score.mean(axis=0) + across.mean()
    variance += float(np.sum(free**2 @ counts)) / (n - 1)
    if n > 2:
        tied = np.bincount(i, w, n) + np.bincount(j, w, n)
        together = float(tied @ (free @ (counts * (counts - 1))))
        variance += 2 * together / ((n - 1) * (n - 2))
    return mean, variance


def _between(
    strata: NDArray[Any],
    share: NDArray[np.float64],
    sizes: NDArray[np.float64],
    a: NDArray[Any],
    b: NDArray[Any],
    x: NDArray[np.float64],
) -> float:
    """Variance of the products of deviations between pairs of strata."""
    if not len(x):
        return 0.0
    n, n_strata = len(strata), len(sizes)
    swap = strata[a] > strata[b]
    low, high = np.where(swap, b, a).astype(np.int64), np.where(swap, a, b).astype(np.int64)
    cell, back = np.unique(low * n + high, return_inverse=True)
    pair = np.bincount(back, x, len(cell))
    low, high = cell // n, cell % n
    block = strata[low] * np.int64(n_strata) + strata[high]
    blocks, which = np.unique(block, return_inverse=True)
    squares = np.bincount(which, pair**2)
    totals = np.bincount(which, pair)
    lines = []
    for end in (low, high):
        line, where = np.unique(which.astype(np.int64) * n + end, return_inverse=True)
        lines.append(np.bincount(line // n, np.bincount(where, pair) ** 2, len(blocks)))
    sa, sb = sizes[blocks // n_strata], sizes[blocks % n_strata]
    centred = squares - lines[0] / sb - lines[1] / sa + totals**2 / (sa * sb)
    spread = share[:, :, None] * (np.eye(share.shape[1]) - share[:, None, :])
    inner = np.einsum("skl,skl->s", spread[blocks // n_strata], spread[blocks % n_strata])
    live = (sa > 1) & (sb > 1)
    factor = np.where(live, sa * sb / np.maximum((sa - 1) * (sb - 1), 1), 0.0)
    return float(np.sum(inner * factor * centred))
