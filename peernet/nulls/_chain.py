"""One chain over simple directed graphs with fixed degrees; ``_kernels`` compiles the same function."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["chain_steps"]


def chain_steps(
    ptr: NDArray[np.int64],
    teacher: NDArray[Any],
    learner: NDArray[Any],
    strata: NDArray[np.int64],
    words: NDArray[np.uint32],
) -> int:
    """Take one step a row of ``words`` (n_steps, 2), moving ``learner`` in place; return the moves accepted.

    The slots of a teacher stay in place, only learners move, so ``ptr`` and ``teacher`` hold throughout. A step tries
    a swap or, one time in four, the reversal of a directed 3-cycle; a move that is not allowed leaves the graph.
    Moves that would change the number of ties from one stratum to another are not allowed.
    """
    m = np.int64(len(learner))
    accepted = 0
    f: Any = np.int64(0)
    for t in range(len(words)):
        draw, second = np.int64(words[t, 0]), np.int64(words[t, 1])
        e = (draw * m) >> 32
        a, b = teacher[e], learner[e]
        if draw & 3:
            f = (second * m) >> 32
            c, d = teacher[f], learner[f]
            if a == c or b == d or a == d or c == b or (strata[a] != strata[c] and strata[b] != strata[d]):
                continue
            free = True
            for s in range(ptr[a], ptr[a + 1]):
                if learner[s] == d:
                    free = False
                    break
            if free:
                for s in range(ptr[c], ptr[c + 1]):
                    if learner[s] == b:
                        free = False
                        break
            if free:
                learner[e], learner[f] = d, b
                accepted += 1
            continue
        n_out = ptr[b + 1] - ptr[b]
        if n_out == 0:
            continue
        f = np.int64(ptr[b] + ((second * n_out) >> 32))
        c = learner[f]
        if c == a or (strata[a] != strata[b] and strata[b] != strata[c] and strata[c] != strata[a]):
            continue
        closing: Any = np.int64(-1)
        free = True
        for s in range(ptr[c], ptr[c + 1]):
            if learner[s] == a:
                closing = s
            if learner[s] == b:
                free = False
                break
        if not free or closing < 0:
            continue
        for s in range(ptr[b], ptr[b + 1]):
            if learner[s] == a:
                free = False
                break
        if free:
            for s in range(ptr[a], ptr[a + 1]):
                if learner[s] == c:
                    free = False
                    break
        if free:
            learner[e], learner[f], learner[closing] = c, a, b
            accepted += 1
    return accepted
