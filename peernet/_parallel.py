"""Work cut in fixed blocks, a random stream each, so that no answer depends on the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from peernet._rng import streams

__all__ = ["block_sizes", "run_blocks", "track"]

T = TypeVar("T")


def block_sizes(n: int, block: int) -> list[int]:
    """Cut ``n`` draws into blocks of ``block``, the last one shorter."""
    whole, rest = divmod(n, block)
    return [block] * whole + ([rest] if rest else [])


def track(
    items: Iterable[T], *, total: int | None = None, progress: bool = False, desc: str = ""
) -> Iterable[T]:
    """Show a progress bar over ``items`` when asked, else hand them through."""
    if not progress:
        return items
    from tqdm.auto import tqdm

    bar: Iterable[T] = tqdm(items, total=total, desc=desc or None)
    return bar


def run_blocks(
    fn: Callable[[int, np.random.Generator], T],
    n: int,
    *,
    rng: np.random.Generator,
    block: int = 64,
    n_jobs: int = 1,
    progress: bool = False,
    desc: str = "",
) -> list[T]:
    """Run ``fn(size, stream)`` for each block of ``n`` draws and return the answers in order.

    Parameters
    ----------
    fn : callable
        Takes the number of draws of the block and the block's own generator.
    n : int
        Draws in all.
    rng : numpy.random.Generator
        Parent of the streams.
    block : int
        Draws in a block. Part of the definition of the answer: never derived from ``n_jobs``.
    n_jobs : int
        Workers, as in joblib (threads by default; ``joblib.parallel_config`` chooses another backend).
    progress : bool
        Show a bar.
    desc : str
        Words beside the bar.
    """
    sizes = block_sizes(n, block)
    children = streams(rng, len(sizes))
    jobs: list[tuple[int, np.random.Generator]] = list(zip(sizes, children, strict=True))
    if n_jobs == 0 or isinstance(n_jobs, bool):
        raise ValueError(f"n_jobs must be a number of threads, or -1 for all; got {n_jobs!r}.")
    if n_jobs == 1:
        return [fn(size, child) for size, child in track(jobs, total=len(jobs), progress=progress, desc=desc)]
    from joblib import Parallel, delayed

    pool: Any = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    answers = pool(delayed(fn)(size, child) for size, child in jobs)
    return list(track(answers, total=len(jobs), progress=progress, desc=desc))
