"""Random networks with given features, and the statistics that conditional uniform tests look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["MODELS", "STATISTICS", "drawer", "measure"]

Present = NDArray[np.bool_]
MODELS = {
    "size": "random networks of this size, every tie a fair coin",
    "ties": "random networks with as many ties",
    "dyad census": "random networks with as many mutual, one-way and absent pairs",
    "degrees": "random networks in which everybody teaches and learns from as many",
    "block densities": "random networks with as many ties from each group to each group",
}


def reciprocity(present: Present) -> float:
    """Share of ties that are returned; NaN without ties."""
    ties = int(present.sum())
    return float((present & present.T).sum() / ties) if ties else float("nan")


def transitivity(present: Present) -> float:
    """Share of chains i -> j -> k (i, k different) that i -> k closes; NaN without chains."""
    if len(present) <= 400:
        a = present.astype(np.float64)
        paths = a @ a
        np.fill_diagonal(paths, 0.0)
        chains, closed = float(paths.sum()), float(paths[present].sum())
    else:
        from scipy.sparse import csr_array

        s = csr_array(present, dtype=np.float64)
        walks = s @ s
        chains, closed = float(walks.sum() - walks.trace()), float(s.multiply(walks).sum())
    return closed / chains if chains else float("nan")


def _centralization(degree: NDArray[np.int_]) -> float:
    """Freeman centralization of a directed degree; NaN for fewer than two people."""
    n = len(degree)
    return float((degree.max() - degree).sum() / (n - 1) ** 2) if n > 1 else float("nan")


STATISTICS: dict[str, Callable[[Present], float]] = {
    "reciprocity": reciprocity,
    "transitivity": transitivity,
    "teacher_centralization": lambda a: _centralization(a.sum(axis=1)),
    "learner_centralization": lambda a: _centralization(a.sum(axis=0)),
}


def measure(
    statistic: str | Callable[[PeerNetwork], float], people: pd.DataFrame
) -> tuple[Callable[[Present], float], str]:
    """Return the statistic as a function of a boolean matrix, and its name."""
    if isinstance(statistic, str):
        literal("statistic", statistic, tuple(STATISTICS))
        return STATISTICS[statistic], statistic.replace("_", " ")
    if not callable(statistic):
        raise TypeError(f"statistic must be a word or a function of a PeerNetwork; got {statistic!r}.")
    from peernet.network import PeerNetwork

    chosen = statistic

    def of_network(present: Present) -> float:
        teacher, learner = np.nonzero(present)
        value = chosen(PeerNetwork.from_codes(teacher, learner, people=people))
        try:
            return float(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"statistic must return one number for a PeerNetwork; got {type(value).__name__} {str(value)[:60]!r}."
            ) from None

    return of_network, getattr(statistic, "__name__", "statistic").replace("_", " ")


def drawer(
    null: str, seen: Present, known: Present, groups: NDArray[np.intp] | None, n_draws: int = 1
) -> Callable[[np.random.Generator], Present]:
    """Return a function that draws one network."""
    if null == "size":
        return lambda rng: known & (rng.random(known.shape) < 0.5)
    if null == "dyad census":
        return _dyad_census(seen, known)
    if null == "degrees":
        return _degrees(seen, n_draws)
    cells = np.flatnonzero(known)
    block = np.zeros(len(cells), dtype=np.intp)
    if groups is not None:
        code = groups + 1
        rows, columns = np.divmod(cells, len(seen))
        block = code[rows] * (code.max() + 1) + code[columns]
    parts = [cells[block == b] for b in np.unique(block)]
    sizes = [int(seen.ravel()[part].sum()) for part in parts]

    def draw(rng: np.random.Generator) -> Present:
        out = np.zeros(seen.size, dtype=bool)
        for part, size in zip(parts, sizes, strict=True):
            out[rng.choice(part, size, replace=False, shuffle=False)] = True
        return out.reshape(seen.shape)

    return draw


def _dyad_census(seen: Present, known: Present) -> Callable[[np.random.Generator], Present]:
    """Draw networks with the mutual, one-way and absent pairs of the data; half-known pairs keep their tie count."""
    upper = np.triu(np.ones_like(seen), 1)
    i, j = np.nonzero(known & known.T & upper)
    mutual = int((seen[i, j] & seen[j, i]).sum())
    single = int((seen[i, j] ^ seen[j, i]).sum())
    half = np.flatnonzero(known & ~known.T)
    half_ties = int(seen.ravel()[half].sum())

    def draw(rng: np.random.Generator) -> Present:
        out = np.zeros(seen.shape, dtype=bool)
        order = rng.permutation(len(i))
        both, one = order[:mutual], order[mutual : mutual + single]
        out[i[both], j[both]] = out[j[both], i[both]] = True
        down = rng.random(single) < 0.5
        out[np.where(down, i[one], j[one]), np.where(down, j[one], i[one])] = True
        if half_ties:
            out.ravel()[rng.choice(half, half_ties, replace=False, shuffle=False)] = True
        return out

    return draw


def _degrees(seen: Present, n_draws: int) -> Callable[[np.random.Generator], Present]:
    """Draw networks with the data's in- and out-degrees, each by a walk of its own from the data.

    A person whose answers are unknown has no tie in the role they report in, and no move gives them one.
    """
    from peernet.nulls._rewire import BURN_IN, advance, pace

    teacher, learner = (side.astype(np.int32) for side in np.nonzero(seen))
    ptr = np.searchsorted(teacher, np.arange(len(seen) + 1)).astype(np.int64)
    steps = BURN_IN * len(teacher) * pace(len(seen), len(teacher))
    strata = np.zeros(len(seen), dtype=np.int64)
    # Where the walks are short in all, numba's start-up takes longer than they do.
    compiled = steps * n_draws > 300_000

    def draw(rng: np.random.Generator) -> Present:
        moved = learner.copy()
        advance(ptr, teacher, moved, steps, rng, strata=strata, compiled=compiled)
        out = np.zeros(seen.shape, dtype=bool)
        out[teacher, moved] = True
        return out

    return draw
