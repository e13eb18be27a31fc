"""Compiled loops of the silo measures; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["external_lanes", "external_lanes_weighted", "mixing", "person_ei"]


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
    n: int, teacher: NDArray[Any], learner: NDArray[Any], w: NDArray[np.float64], codes: NDArray[Any]
) -> NDArray[np.float64]:
    """Weight by person: taught inside, taught outside, learned inside, learned outside; shape (n, 4)."""
    out = np.zeros((n, 4))
    for e in range(len(teacher)):
        a, b = teacher[e], learner[e]
        across = np.int64(codes[a] != codes[b])
        out[a, across] += w[e]
        out[b, 2 + across] += w[e]
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
