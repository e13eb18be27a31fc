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
        for s in range(len(starts) - 1):
            # Unsigned throughout: a signed index costs a third more, for the sake of counting from the end.
            low = np.uint64(starts[s])
            span = np.uint64(starts[s + 1]) - low
            while span > one:
                word = a + b + counter
                counter += one
                a = b ^ (b >> s11)
                b = c + (c << three)
                c = ((c << s24) | (c >> s40)) + word
                i = low + span - one
                j = low + (((word & mask) * span) >> s32)
                buffer[i], buffer[j] = buffer[j], buffer[i]
                span -= one
                if span > one:
                    i = low + span - one
                    j = low + (((word >> s32) * span) >> s32)
                    buffer[i], buffer[j] = buffer[j], buffer[i]
                    span -= one
        for q in range(n):
            out[q, lane] = buffer[q]
    state[0], state[1], state[2], state[3] = a, b, c, counter
