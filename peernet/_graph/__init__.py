"""Primitives over sparse rows that more than one science folder needs; compiled for large networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["rows_of", "symmetrise"]

_COMPILED_FROM = 2_000_000


def rows_of(
    n: int, row: NDArray[Any], column: NDArray[Any], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64]]:
    """Sort triples by row: pointers, columns and values; columns within a row in the order given."""
    if len(row) >= _COMPILED_FROM:
        from peernet._graph import _kernels

        made: tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64]] = _kernels.rows_of(
            n, row, column, value
        )
        return made
    order = np.argsort(row, kind="stable")
    ptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))]).astype(np.int64)
    return ptr, column[order], value[order]


def symmetrise(
    ptr: NDArray[Any], idx: NDArray[Any], value: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return A + A' of a sparse matrix with sorted columns and no diagonal, columns sorted again."""
    n = len(ptr) - 1
    if len(idx) >= _COMPILED_FROM // 40:
        from peernet._graph import _kernels

        made: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]] = _kernels.symmetrise(
            ptr.astype(np.int64), idx, value
        )
        return made
    row = np.repeat(np.arange(n, dtype=np.int64), np.diff(ptr))
    keys = np.concatenate([row * n + idx, idx.astype(np.int64) * n + row])
    cell, back = np.unique(keys, return_inverse=True)
    summed = np.bincount(back, np.concatenate([value, value]), len(cell))
    pointers = np.searchsorted(cell, np.arange(n + 1, dtype=np.int64) * n)
    return pointers.astype(np.int64), (cell % max(n, 1)).astype(np.int32), summed.astype(np.float64)
