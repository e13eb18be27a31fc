"""What every measure of silos starts from: ties whose two ends have a known group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.nulls._labels import reporting

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["BIG", "Grouped", "collapse", "grouped", "known_pairs", "known_ties", "percent", "scaled"]

BIG = 2_000_000  # ties from which numba's start-up is worth paying for one pass over them


class Grouped(NamedTuple):
    """Groups and the ties between people whose group is known.

    Attributes
    ----------
    codes : numpy.ndarray, shape (n_people,)
        Group number of each person, -1 = missing.
    names : pandas.Index
        Group names.
    sizes : numpy.ndarray, shape (n_groups,)
        People in each group.
    teacher, learner : numpy.ndarray
        Rows of the two ends of each tie kept.
    weight : numpy.ndarray
        Summed weight of each tie kept.
    left_out : int
        Ties left out because a group is missing.
    """

    codes: NDArray[np.intp]
    names: pd.Index[Any]
    sizes: NDArray[np.intp]
    teacher: NDArray[Any]
    learner: NDArray[Any]
    weight: NDArray[np.float64]
    left_out: int

    @property
    def n(self) -> int:
        """People with a known group."""
        return int(self.sizes.sum())


def grouped(net: PeerNetwork, group: str) -> Grouped:
    """Return groups and the ties that count."""
    codes, names = net.codes(group)
    teacher, learner, weight = net.teacher, net.learner, net.weight
    missing = codes < 0
    left_out = 0
    if missing.any():
        keep = ~(missing[teacher] | missing[learner])
        left_out = int(len(keep) - keep.sum())
        teacher, learner, weight = teacher[keep], learner[keep], weight[keep]
    sizes = np.bincount(codes[~missing], minlength=len(names))
    return Grouped(codes, names, sizes, teacher, learner, weight, left_out)


def known_ties(net: PeerNetwork, data: Grouped) -> Grouped:
    """Return the data without ties of pairs that count as unknown: reported for silent people, or of objectors."""
    told = reporting(net)
    if not told.any():
        return data
    keep = (told[data.teacher] < 2) & (told[data.learner] < 2)
    if net.respondent_is is not None:
        keep &= told[data.teacher if net.respondent_is == "teacher" else data.learner] == 0
    return data._replace(teacher=data.teacher[keep], learner=data.learner[keep], weight=data.weight[keep])


def known_pairs(net: PeerNetwork, data: Grouped, *, directed: bool = True) -> NDArray[np.float64]:
    """Ordered pairs of people (rows teach) of whom it is known whether one teaches the other.

    Known is what somebody who answered would have reported; pairs with objectors are not. Undirected: at least one of
    the two answered (both orders are counted).
    """
    k = len(data.names)
    told, live = reporting(net), data.codes >= 0
    reports = np.bincount(data.codes[live & (told == 0)], minlength=k).astype(np.float64)
    there = np.bincount(data.codes[live & (told < 2)], minlength=k).astype(np.float64)
    if net.respondent_is is None:
        return np.outer(there, there) - np.diag(there)
    if not directed:
        quiet = there - reports
        return np.outer(there, there) - np.diag(there) - (np.outer(quiet, quiet) - np.diag(quiet))
    pairs = np.outer(there, reports) if net.respondent_is == "learner" else np.outer(reports, there)
    return np.asarray(pairs - np.diag(reports))


def scaled(weight: NDArray[np.float64], weighted: bool) -> NDArray[np.float64]:
    """Return weights divided by the largest, or ones: shares and z stay the same and no square overflows."""
    if not weighted:
        return np.ones(len(weight))
    # A tie that vanishes beside the largest one is still a tie.
    return np.maximum(weight / weight.max(), 1e-290) if len(weight) else weight


def collapse(
    n: int, teacher: NDArray[Any], learner: NDArray[Any], weight: NDArray[np.float64], *, weighted: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return each pair of people once (i < j), weights of the two directions added, or 1 unless weighted."""
    low = np.minimum(teacher, learner).astype(np.int64)
    high = np.maximum(teacher, learner).astype(np.int64)
    key, back = np.unique(low * n + high, return_inverse=True)
    total = np.bincount(back, weight, len(key)) if weighted else np.ones(len(key))
    return key // max(n, 1), key % max(n, 1), total


def percent(share: float) -> str:
    """Write a share as ``62 %``, missing as ``n/a``."""
    return "n/a" if np.isnan(share) else f"{100 * share:.0f} %"
