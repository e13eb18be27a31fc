"""Compiled loops over sparse rows; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["rows_of", "symmetrise"]


@njit(cache=True, nogil=True)
def rows_of(
    n: int, row: NDArray[Any], column: NDArray[Any], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64]]:
    """Sort triples by row, stable."""
    ptr = np.zeros(n + 1, np.int64)
    for e in range(len(row)):
        ptr[row[e] + 1] += 1
    for i in range(n):
        ptr[i + 1] += ptr[i]
    place = ptr[:-1].copy()
    idx, out = np.empty_like(column), np.empty_like(value)
    for e in range(len(row)):
        p = place[row[e]]
        idx[p], out[p] = column[e], value[e]
        place[row[e]] = p + 1
    return ptr, idx, out


@njit(cache=True, nogil=True)
def symmetrise(
    ptr: NDArray[np.int64], idx: NDArray[Any], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Merge each row of a matrix with the same row of its transpose; columns sorted."""
    n, m = len(ptr) - 1, len(idx)
    back_ptr = np.zeros(n + 1, np.int64)
    for e in range(m):
        back_ptr[idx[e] + 1] += 1
    for i in range(n):
        back_ptr[i + 1] += back_ptr[i]
    place = back_ptr[:-1].copy()
    back, back_value = np.empty(m, np.int32), np.empty(m)
    for i in range(n):
        for e in range(ptr[i], ptr[i + 1]):
            p = place[idx[e]]
            back[p], back_value[p] = i, value[e]
            place[idx[e]] = p + 1
    out_ptr = np.zeros(n + 1, np.int64)
    out_idx, out = np.empty(2 * m, np.int32), np.empty(2 * m)
    k = 0
    for i in range(n):
        a, b = ptr[i], back_ptr[i]
        while a < ptr[i + 1] or b < back_ptr[i + 1]:
            if b >= back_ptr[i + 1] or (a < ptr[i + 1] and idx[a] < back[b]):
                out_idx[k], out[k] = idx[a], value[a]
                a += 1
            elif a >= ptr[i + 1] or back[b] < idx[a]:
                out_idx[k], out[k] = back[b], back_value[b]
                b += 1
            else:
                out_idx[k], out[k] = idx[a], value[a] + back_value[b]
                a += 1
                b += 1
            k += 1
        out_ptr[i + 1] = k
    return out_ptr, out_idx[:k].copy(), out[:k].copy()
