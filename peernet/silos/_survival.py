"""Kaplan-Meier curves with late entry, restricted means and the log-rank test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curve", "kaplan_meier", "logrank", "median", "restricted_mean"]


class Curve(NamedTuple):
    """A Kaplan-Meier curve at its event times.

    Attributes
    ----------
    time : numpy.ndarray
        Times with an event, rising.
    at_risk, events : numpy.ndarray
        People at risk just before, and events at that time.
    waiting : numpy.ndarray
        Share still waiting after it.
    low, high : numpy.ndarray
        Pointwise interval.
    """

    time: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    waiting: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def _risk(
    at: NDArray[np.float64], entry: NDArray[np.float64], time: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count people with entry < t <= time."""
    left = len(time) - np.searchsorted(np.sort(time), at, side="left")
    return np.asarray(left - (len(entry) - np.searchsorted(np.sort(entry), at, side="left")), dtype=np.int64)


def kaplan_meier(
    entry: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.bool_], level: float
) -> Curve:
    r"""Return the curve :math:`S(t) = \prod_{s \le t} (1 - d_s / n_s)` with Greenwood's variance on log(-log S).

    Those at risk at s entered before s and are still there; entry below every time = from the start.
    """
    from scipy.special import ndtri

    at, d = np.unique(time[event], return_counts=True)
    n = _risk(at, entry, time)
    waiting = np.asarray(np.cumprod(1 - d / np.maximum(n, 1)), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.cumsum(np.where(n > d, d / (n * (n - d).astype(np.float64)), np.nan))
        spread = float(ndtri(0.5 + level / 2)) * np.sqrt(total) / np.abs(np.log(waiting))
        low, high = waiting ** np.exp(spread), waiting ** np.exp(-spread)
    out = waiting <= 0
    low, high = np.where(out, 0.0, low), np.where(out, np.nan, high)
    return Curve(at, n, d.astype(np.int64), waiting, low, high)


def median(curve: Curve) -> tuple[float, float, float]:
    """Return when half have had it, with the interval from inverting the band; infinite = not by the end."""

    def first(values: NDArray[np.float64]) -> float:
        reached = np.flatnonzero(values <= 0.5 + 1e-12)
        return float(curve.time[reached[0]]) if len(reached) else float("inf")

    return first(curve.waiting), first(curve.low), first(np.where(np.isnan(curve.high), 1.0, curve.high))


def restricted_mean(curve: Curve, horizon: float) -> tuple[float, float]:
    r"""Return the mean wait up to the horizon, :math:`\int_0^h S`, and its standard error."""
    keep = curve.time < horizon
    time, s = curve.time[keep], curve.waiting[keep]
    step = np.diff(np.concatenate([[0.0], time, [horizon]])) * np.concatenate([[1.0], s])
    n, d = curve.at_risk[keep].astype(np.float64), curve.events[keep].astype(np.float64)
    rest = np.cumsum(step[::-1])[::-1][1:]
    # Where everybody has had it the rest of the area is 0, and so is its part of the variance.
    part = np.divide(rest**2 * d, n * (n - d), out=np.zeros(len(d)), where=n > d)
    return float(step.sum()), float(np.sqrt(part.sum()))


def logrank(
    entry: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.bool_], group: NDArray[np.int64]
) -> tuple[float, int, float]:
    """Return chi-square, degrees of freedom and p of the log-rank test over groups 0, 1, ..."""
    from scipy.special import chdtrc

    k = int(group.max()) + 1 if len(group) else 0
    at = np.unique(time[event])
    if k < 2 or not len(at):
        return float("nan"), max(k - 1, 0), float("nan")
    n = np.column_stack([_risk(at, entry[group == g], time[group == g]) for g in range(k)]).astype(np.float64)
    place = np.searchsorted(at, time)
    d = np.column_stack([np.bincount(place[event & (group == g)], minlength=len(at)) for g in range(k)])
    total, dead = n.sum(axis=1), d.sum(axis=1)
    share = n / total[:, None]
    excess = (d - dead[:, None] * share).sum(axis=0)
    scale = np.divide(dead * (total - dead), total - 1, out=np.zeros(len(at)), where=total > 1)
    spread = np.diag((scale[:, None] * share).sum(axis=0)) - (share * scale[:, None]).T @ share
    rank = int(np.linalg.matrix_rank(spread[:-1, :-1])) if k > 1 else 0
    if rank < k - 1:
        return float("nan"), k - 1, float("nan")
    chi = float(excess[:-1] @ np.linalg.solve(spread[:-1, :-1], excess[:-1]))
    return chi, k - 1, float(chdtrc(k - 1, chi))
