"""How sure a number about one person is: intervals, the reliability of an order of people, and ranks."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.results import Verdict
from peernet.silos._bridge_values import COUNTS, LOW_IS_BRIDGING, TOP

__all__ = ["READABLE", "even_scale", "one_measure"]

READABLE = 0.7  # reliability from which an order is more signal than noise
NARROW = 0.1  # widest rank interval that still gets a rank, as a share of the people ranked
_FEWEST = 10


def one_measure(
    name: str,
    value: NDArray[np.float64],
    n_ties: NDArray[np.intp],
    sampled: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    few: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[str, Any]]:
    """Return value, low and high; rank, low and high; and how reliable the order is; ``sampled``: errors and draws."""
    se = np.fmax.reduce([errors for errors, _ in sampled.values()])
    if name == "bridging_share":
        se = np.where(se > 1e-12, se, _wilson(value, n_ties, 1.0)[1])
    wider = _widest({s: errors for s, (errors, _) in sampled.items()})
    known = np.isfinite(se) & (se > 1e-12) & (n_ties >= few) & np.isfinite(value)
    low, high = _interval(name, value, se, n_ties, known, level)
    at = even_scale(name, value)
    row = _reliability(name, at, se, known, low, high, value, rng)
    position = _ranks(name, at, sampled[wider][1], known, level)
    narrow = position[:, 2] - position[:, 1] <= max(NARROW * known.sum(), 1.0)
    given = narrow & known & (row["verdict"] == "supported")
    position[:, 0] = np.where(given, position[:, 0], np.nan)
    return np.column_stack([value, low, high]), position, row | {"wider": wider, "ranked": int(given.sum())}


def even_scale(name: str, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put values on the scale on which errors are even: fourth root of counts of paths, logarithm of constraint."""
    if name in COUNTS:
        return np.asarray(value**0.25)
    if name == "constraint":
        return np.log(value, out=np.full(len(value), np.nan), where=value > 0)
    return value


def _back(name: str, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put values back from that scale."""
    if name in COUNTS:
        return np.asarray(np.maximum(at, 0.0) ** 4)
    return np.asarray(np.exp(at)) if name == "constraint" else at


def _widest(errors: dict[str, NDArray[np.float64]]) -> str:
    """Return the scheme with the largest squared error on average."""
    size = {
        s: float(np.mean(e[np.isfinite(e)] ** 2)) if np.isfinite(e).any() else 0.0 for s, e in errors.items()
    }
    return max(size, key=lambda s: size[s])


def _interval(
    name: str,
    value: NDArray[Any],
    se: NDArray[Any],
    n_ties: NDArray[Any],
    known: NDArray[np.bool_],
    level: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval on the even scale, put back and kept inside the possible range."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    at = even_scale(name, value)
    low, high = _back(name, at - z * se), _back(name, at + z * se)
    if name == "bridging_share":
        middle, half = _wilson(value, n_ties, z)
        low, high = np.minimum(low, middle - half), np.maximum(high, middle + half)
    top = TOP.get(name, np.inf)
    return (
        np.where(known, np.clip(low, 0.0, top), np.nan),
        np.where(known, np.clip(high, 0.0, top), np.nan),
    )


def _wilson(value: NDArray[Any], n_ties: NDArray[Any], z: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Middle and half width of Agresti and Coull's interval of a share."""
    size = n_ties + z * z
    middle = (value * n_ties + z * z / 2) / size
    return middle, z * np.sqrt(np.maximum(middle * (1 - middle), 0.0) / size)


def _reliability(
    name: str,
    at: NDArray[np.float64],
    se: NDArray[np.float64],
    known: NDArray[np.bool_],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    value: NDArray[np.float64],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """One row of the table of reliability."""
    x, e = at[known], se[known] ** 2
    row: dict[str, Any] = {
        "measure": name,
        "people": len(x),
        "reliability": np.nan,
        "low": np.nan,
        "high": np.nan,
    }
    median = float(np.median(value[known])) if len(x) else np.nan
    row |= {"above": int(np.sum(low[known] > median)), "below": int(np.sum(high[known] < median))}
    verdict: Verdict = "not answered by these data"
    if len(x) >= _FEWEST:

        def share(rows: NDArray[np.intp]) -> NDArray[np.float64]:
            spread = np.var(x[rows], axis=-1, ddof=1)
            noise = np.mean(e[rows], axis=-1)
            ratio = np.divide(noise, spread, out=np.full(np.shape(noise), np.inf), where=spread > 0)
            return np.asarray(np.maximum(1 - ratio, 0.0))

        row["reliability"] = float(share(np.arange(len(x))))
        again = share(rng.integers(0, len(x), (400, len(x))))
        row["low"], row["high"] = (float(q) for q in np.quantile(again, [0.025, 0.975]))
        verdict = "inconclusive"
        if row["low"] >= READABLE:
            verdict = "supported"
    return row | {"verdict": verdict}


def _ranks(
    name: str, at: NDArray[np.float64], away: NDArray[np.float64], known: NDArray[np.bool_], level: float
) -> NDArray[np.float64]:
    """Rank, and the central range of ranks when the errors are drawn again, 1 = bridges most; (n_people, 3)."""
    out = np.full((len(at), 3), np.nan)
    people = np.flatnonzero(known)
    if not len(people):
        return out
    sign = 1.0 if name in LOW_IS_BRIDGING else -1.0
    moved = sign * (at[people] + away[:, people])
    place = np.argsort(np.argsort(moved, axis=1, kind="stable"), axis=1) + 1
    own = pd.Series(sign * at[people]).rank(method="average").to_numpy()
    low, high = np.quantile(place, [(1 - level) / 2, (1 + level) / 2], axis=0)
    out[people] = np.column_stack([own, np.minimum(low, own), np.maximum(high, own)])
    return out
