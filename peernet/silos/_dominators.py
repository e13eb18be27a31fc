"""Who stands on every path: what a network loses when one person leaves; ``_kernels`` compiles the same functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["dominated", "dominators", "postorder"]


def dominated(
    ptr: NDArray[Any],
    idx: NDArray[Any],
    back_ptr: NDArray[Any],
    back_idx: NDArray[Any],
    first: int,
    last: int,
    lost: NDArray[np.int64],
    reaches: NDArray[np.int64],
    reached: NDArray[np.int64],
) -> None:
    """Add, over sources ``first`` to ``last`` - 1, the people who are reached through v only to ``lost[v]``.

    For each source the immediate dominators of all people reached (Cooper, Harvey and Kennedy's iteration in reverse
    postorder); v is on every path to its subtree. ``reaches`` and ``reached`` count people reached by and reaching.
    """
    n = len(ptr) - 1
    number = np.full(n, -1, np.int64)  # place in postorder
    order = np.empty(n, np.int64)
    room = np.empty((2, n + 1), np.int64)
    seen = np.full(n, -1, np.int64)
    above = np.full(n, -1, np.int64)
    size = np.empty(n, np.int64)
    for source in range(first, last):
        count = postorder(ptr, idx, source, seen, number, order, room)
        dominators(back_ptr, back_idx, source, count, seen, number, order, above)
        reaches[source] += count - 1
        for k in range(count):
            size[order[k]] = 1
        for k in range(count - 1):
            w = order[k]
            reached[w] += 1
            lost[w] += size[w] - 1
            size[above[w]] += size[w]


def postorder(
    ptr: NDArray[Any],
    idx: NDArray[Any],
    source: int,
    seen: NDArray[np.int64],
    number: NDArray[np.int64],
    order: NDArray[np.int64],
    room: NDArray[np.int64],
) -> int:
    """Walk from a source, depth first: write who is reached in postorder, mark them in ``seen``; return how many."""
    stack, at = room[0], room[1]
    count = 0
    top = 0
    stack[0] = source
    seen[source] = source
    at[source] = ptr[source]
    while top >= 0:
        v = stack[top]
        if at[v] < ptr[v + 1]:
            w = idx[at[v]]
            at[v] += 1
            if seen[w] != source:
                seen[w] = source
                at[w] = ptr[w]
                top += 1
                stack[top] = w
        else:
            number[v] = count
            order[count] = v
            count += 1
            top -= 1
    return count


def dominators(
    back_ptr: NDArray[Any],
    back_idx: NDArray[Any],
    source: int,
    count: int,
    seen: NDArray[np.int64],
    number: NDArray[np.int64],
    order: NDArray[np.int64],
    above: NDArray[np.int64],
) -> None:
    """Write the immediate dominator of everybody reached into ``above``, passing over them until nothing changes."""
    for k in range(count):
        above[order[k]] = -1
    above[source] = source
    changed = True
    while changed:
        changed = False
        for k in range(count - 2, -1, -1):
            w = order[k]
            best = -1
            for e in range(back_ptr[w], back_ptr[w + 1]):
                u = back_idx[e]
                if seen[u] != source or above[u] < 0:
                    continue
                if best < 0:
                    best = u
                    continue
                one, two = u, best
                while one != two:
                    while number[one] < number[two]:
                        one = above[one]
                    while number[two] < number[one]:
                        two = above[two]
                best = one
            if above[w] != best:
                above[w] = best
                changed = True
