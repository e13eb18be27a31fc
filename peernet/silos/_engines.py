"""Leiden by other packages, where they are installed."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from peernet._check import literal

__all__ = ["check_engine", "leiden_of_igraph", "leiden_of_networkit"]

ENGINES = ("peernet", "igraph", "networkit")


def leiden_of_igraph(n: int, ends: NDArray[Any], w: NDArray[Any], resolution: float, start: int) -> Any:
    """Leiden by igraph."""
    import random

    import igraph

    graph = igraph.Graph(n, ends.tolist())
    igraph.set_random_number_generator(random.Random(start))
    try:
        return graph.community_leiden(
            "modularity", weights=w.tolist(), resolution=resolution, n_iterations=-1
        ).membership
    finally:
        igraph.set_random_number_generator(random)


def leiden_of_networkit(n: int, ends: NDArray[Any], w: NDArray[Any], resolution: float, start: int) -> Any:
    """Parallel Leiden by NetworKit, in one thread, so that a seed repeats."""
    import networkit

    threads = networkit.getMaxNumberOfThreads()
    graph = networkit.Graph(n, weighted=True)
    for (i, j), x in zip(ends.tolist(), w.tolist(), strict=True):
        graph.addEdge(i, j, x)
    networkit.setNumberOfThreads(1)
    networkit.setSeed(start % 2**31, False)
    try:
        run = networkit.community.ParallelLeiden(graph, randomize=True, gamma=resolution)
        run.run()
        return run.getPartition().getVector()
    finally:
        networkit.setNumberOfThreads(threads)


def check_engine(engine: str) -> None:
    """Refuse an engine that is not there, and say how to get it."""
    from importlib.util import find_spec

    literal("engine", engine, ENGINES)
    if engine != "peernet" and find_spec(engine) is None:
        raise ImportError(
            f"engine={engine!r} needs the package {engine}, which is not installed. Install peernet[communities] "
            '(igraph is under the GPL), or leave engine="peernet", which needs nothing.'
        )
