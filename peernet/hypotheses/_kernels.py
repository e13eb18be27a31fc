"""Compiled loops of the permutation tests. Arrays in, arrays out; each has a slow twin in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["cross", "glm_draws", "newton", "sparse_cross"]

Floats = NDArray[Any]
Ints = NDArray[Any]


@njit(cache=True, nogil=True)
def cross(perms: Ints, moved: Floats, still: Floats, out: Floats) -> None:
    """Fill ``out[r, a, b]`` with sum over i, j of moved[a, p_r[i], p_r[j]] * still[b, i, j]."""
    n_moved, n_still, n = moved.shape[0], still.shape[0], moved.shape[1]
    lanes = min(n, 256)
    buffer = np.empty((n_moved, lanes))
    total = np.empty((n_moved * n_still, lanes))
    for r in range(perms.shape[0]):
        p = perms[r]
        for a in range(n_moved):
            for b in range(n_still):
                out[r, a, b] = 0.0
        for first in range(0, n, lanes):
            width = min(lanes, n - first)
            total[:] = 0.0
            pj = p[first : first + width]
            for i in range(n):
                for a in range(n_moved):
                    row = moved[a, p[i]]
                    line = buffer[a]
                    for j in range(width):
                        line[j] = row[pj[j]]
                for b in range(n_still):
                    fixed = still[b, i][first : first + width]
                    for a in range(n_moved):
                        line = buffer[a]
                        lane = total[a * n_still + b]
                        for j in range(width):
                            lane[j] += line[j] * fixed[j]
            for a in range(n_moved):
                for b in range(n_still):
                    lane = total[a * n_still + b]
                    s = 0.0
                    for j in range(width):
                        s += lane[j]
                    out[r, a, b] += s


@njit(cache=True, nogil=True)
def sparse_cross(perms: Ints, ptr: Ints, learner: Ints, weight: Floats, dense: Floats, out: Floats) -> None:
    """Fill ``out[r]`` with sum over ties i -> j of weight * dense[p_r[i], p_r[j]]; ties by teacher from ``ptr``.

    Without weights every tie counts 1.
    """
    unit = len(weight) == 0
    for r in range(perms.shape[0]):
        p = perms[r]
        total = 0.0
        for i in range(len(ptr) - 1):
            row = dense[p[i]]
            first, second = 0.0, 0.0
            end = ptr[i + 1]
            t = ptr[i]
            if unit:
                while t + 1 < end:
                    first += row[p[learner[t]]]
                    second += row[p[learner[t + 1]]]
                    t += 2
                if t < end:
                    first += row[p[learner[t]]]
            else:
                while t < end:
                    first += weight[t] * row[p[learner[t]]]
                    t += 1
            total += first + second
        out[r] = total


@njit(cache=True, nogil=True)
def _solve(h: Floats, g: Floats, inverse: Floats) -> bool:
    """Fill ``inverse`` with that of the positive definite ``h``, ``g`` with inverse @ g; say if it worked."""
    k = len(g)
    low = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            s = h[i, j]
            for m in range(j):
                s -= low[i, m] * low[j, m]
            if i == j:
                if not s > 1e-12 * h[i, i] or not h[i, i] > 0.0:
                    return False
                low[i, i] = np.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
    for c in range(k):
        column = np.zeros(k)
        column[c] = 1.0
        for i in range(k):
            for m in range(i):
                column[i] -= low[i, m] * column[m]
            column[i] /= low[i, i]
        for i in range(k - 1, -1, -1):
            for m in range(i + 1, k):
                column[i] -= low[m, i] * column[m]
            column[i] /= low[i, i]
        inverse[:, c] = column
    g[:] = inverse @ g
    return True


@njit(cache=True, nogil=True)
def _evaluate(
    x: Floats,
    y: Floats,
    valid: Floats,
    beta: Floats,
    poisson: bool,
    inverse: Floats,
    firth: bool,
    h: Floats,
    g: Floats,
) -> None:
    """Fill the information ``h`` and the score ``g`` at ``beta``; ``inverse`` is of the last ``h``, for Firth."""
    k, n = x.shape
    lanes = 128
    eta, w, u = np.empty(lanes), np.empty(lanes), np.empty(lanes)
    scaled = np.empty(lanes)
    h_lane = np.zeros((k * (k + 1) // 2, lanes))
    g_lane = np.zeros((k, lanes))
    for first in range(0, n, lanes):
        m = min(lanes, n - first)
        eta[:] = 0.0
        for a in range(k):
            xa, b = x[a][first : first + m], beta[a]
            for c in range(m):
                eta[c] += b * xa[c]
        yy, ok = y[first : first + m], valid[first : first + m]
        if poisson:
            for c in range(m):
                mu = np.exp(min(eta[c], 300.0))
                w[c], u[c] = ok[c] * mu, ok[c] * (yy[c] - mu)
        else:
            for c in range(m):
                mu = 1.0 / (1.0 + np.exp(-eta[c]))
                w[c], u[c] = ok[c] * mu * (1.0 - mu), ok[c] * (yy[c] - mu)
        if firth:
            for c in range(m):
                leverage = 0.0
                for a in range(k):
                    for b2 in range(k):
                        leverage += x[a, first + c] * inverse[a, b2] * x[b2, first + c]
                leverage *= w[c]
                if poisson:
                    u[c] += 0.5 * leverage
                else:
                    u[c] += leverage * (0.5 - 1.0 / (1.0 + np.exp(-eta[c])))
        at = 0
        for a in range(k):
            xa, lane = x[a][first : first + m], g_lane[a]
            for c in range(m):
                lane[c] += xa[c] * u[c]
                scaled[c] = xa[c] * w[c]
            for b2 in range(a + 1):
                xb, row = x[b2][first : first + m], h_lane[at]
                for c in range(m):
                    row[c] += scaled[c] * xb[c]
                at += 1
    at = 0
    for a in range(k):
        g[a] = g_lane[a].sum()
        for b2 in range(a + 1):
            h[a, b2] = h[b2, a] = h_lane[at].sum()
            at += 1


@njit(cache=True, nogil=True)
def newton(
    x: Floats,
    y: Floats,
    valid: Floats,
    beta: Floats,
    poisson: bool,
    firth: bool,
    tolerance: float,
    inverse: Floats,
) -> bool:
    """Maximise in place from ``beta``; ``inverse`` ends as the inverse information. False where it fails."""
    k = len(beta)
    h, g, step = np.empty((k, k)), np.empty(k), np.empty(k)
    cells = max(valid.sum(), 1.0)
    if firth:
        _evaluate(x, y, valid, beta, poisson, inverse, False, h, g)
        if not _solve(h, g, inverse):
            return False
    for _ in range(60):
        _evaluate(x, y, valid, beta, poisson, inverse, firth, h, g)
        step[:] = g
        if not _solve(h, step, inverse):
            return False
        decrement = 0.0
        for a in range(k):
            decrement += step[a] * g[a]
        if not np.isfinite(decrement):
            return False
        size = 0.0
        for a in range(k):
            size = max(size, abs(step[a]) * np.sqrt(h[a, a] / cells))
        shrink = min(1.0, 2.0 / size) if size > 0.0 else 1.0
        for a in range(k):
            beta[a] += shrink * step[a]
        if decrement < tolerance:
            return True
    return False


@njit(cache=True, nogil=True)
def glm_draws(
    perms: Ints,
    rows: Ints,
    columns: Ints,
    x: Floats,
    y: Floats,
    moved: Floats,
    which: int,
    start: Floats,
    poisson: bool,
    firth: bool,
    tolerance: float,
    out: Floats,
) -> None:
    """Fill ``out[r]`` with the z statistics after moving one regressor (``which`` >= 0) or the response (-1).

    ``moved[p[i], p[j]]`` replaces the values of cell (i, j); NaN leaves the cell out. ``x``, shape (K, N), is
    overwritten in row ``which``.
    """
    k, n = x.shape
    valid = np.ones(n)
    beta, inverse = np.empty(k), np.empty((k, k))
    response = y.copy()
    for r in range(perms.shape[0]):
        p = perms[r]
        target = x[which] if which >= 0 else response
        for c in range(n):
            value = moved[p[rows[c]], p[columns[c]]]
            known = not np.isnan(value)
            target[c] = value if known else 0.0
            valid[c] = 1.0 if known else 0.0
        beta[:] = start
        ok = newton(x, response, valid, beta, poisson, firth, tolerance, inverse)
        for a in range(k):
            out[r, a] = beta[a] / np.sqrt(inverse[a, a]) if ok else np.nan
