"""Compiled loops of the null models; arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from peernet.nulls._chain import chain_steps

__all__ = ["rewire_steps", "shuffle_lanes"]

rewire_steps = njit(cache=True, nogil=True)(chain_steps)


@njit(cache=True, nogil=True)
def shuffle_lanes(
    labels: NDArray[Any], starts: NDArray[np.int64], state: NDArray[np.uint64], out: NDArray[Any]
) -> None:
    """Write one shuffle of ``labels`` within segments in each column of ``out``; ``state`` (SFC64) advances."""
    a, b, c, counter = state[0], state[1], state[2], state[3]
    n, lanes = out.shape
    mask = np.uint64(0xFFFFFFFF)
    one, three = np.uint64(1), np.uint64(3)
    s11, s24, s40, s32 = np.uint64(11), np.uint64(24), np.uint64(40), np.uint64(32)
    buffer = np.empty(n, labels.dtype)
    for lane in range(lanes):
        buffer[:] = labels
        word = np.uint64(0)
        fresh = False
        for s in range(len(starts) - 1):
            low = starts[s]
            for i in range(starts[s + 1] - 1, low, -1):
                if fresh:
                    half = word >> s32
                    fresh = False
                else:
                    word = a + b + counter
                    counter += one
                    a = b ^ (b >> s11)
                    b = c + (c << three)
                    c = ((c << s24) | (c >> s40)) + word
                    half = word & mask
                    fresh = True
                j = low + np.int64((half * np.uint64(i - low + 1)) >> s32)
                held = buffer[i]
                buffer[i] = buffer[j]
                buffer[j] = held
        for i in range(n):
            out[i, lane] = buffer[i]
    state[0], state[1], state[2], state[3] = a, b, c, counter
