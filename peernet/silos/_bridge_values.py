"""Measures of bridging on a part of the ties, without asking what the study allows: callers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from peernet.silos._common import Grouped, unknown_people

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["COUNTS", "LOW_IS_BRIDGING", "MEASURES", "TOP", "values_of"]

MEASURES = ("bridging_share", "participation", "brokerage", "constraint", "betweenness")
COUNTS = ("brokerage", "betweenness")
LOW_IS_BRIDGING = ("constraint",)
TOP = {"bridging_share": 1.0, "participation": 1.0}


def values_of(
    net: PeerNetwork, data: Grouped, keep: NDArray[np.bool_], chosen: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the measures on the ties under a mask, missing for people who did not report; (n_people, measures)."""
    n = net.n_people
    teacher, learner = np.asarray(net.teacher)[keep], np.asarray(net.learner)[keep]
    known = (data.codes[teacher] >= 0) & (data.codes[learner] >= 0)
    part = data._replace(teacher=teacher[known], learner=learner[known], weight=np.ones(int(known.sum())))
    out = np.full((n, len(chosen)), np.nan)
    for c, name in enumerate(chosen):
        if name in ("constraint", "betweenness"):
            out[:, c] = (_constraint if name == "constraint" else _betweenness)(n, teacher, learner)
        else:
            out[:, c] = {"bridging_share": _share, "participation": _spread, "brokerage": _paths}[name](
                net, part
            )
    out[unknown_people(net)] = np.nan
    return out


def _share(net: PeerNetwork, part: Grouped) -> NDArray[np.float64]:
    """Share of ties that cross groups."""
    across = (part.codes[part.teacher] != part.codes[part.learner]).astype(np.float64)
    ends = np.concatenate([part.teacher, part.learner])
    total = np.bincount(ends, minlength=net.n_people)
    crossing = np.bincount(ends, np.concatenate([across, across]), net.n_people)
    share: NDArray[np.float64] = np.full(net.n_people, np.nan)
    np.divide(crossing, total, out=share, where=total > 0)
    return share


def _spread(net: PeerNetwork, part: Grouped) -> NDArray[np.float64]:
    """Participation of ties of both directions."""
    from peernet.silos.spread import _by_group

    found = _by_group(net, part, "both", False)
    return np.where(found[:, 0] > 0, np.maximum(1 - found[:, 1], 0.0), np.nan)


def _paths(net: PeerNetwork, part: Grouped) -> NDArray[np.float64]:
    """Open paths through a person that cross a boundary."""
    from peernet.silos.brokers import _roles

    ptr = np.searchsorted(part.teacher, np.arange(net.n_people + 1)).astype(np.int64)
    codes = part.codes.astype(np.int32)
    roles = _roles(ptr, np.ascontiguousarray(part.learner), codes, len(part.names))
    return np.where(part.codes >= 0, roles[:, 1:].sum(axis=1), np.nan)


def _rows(n: int, teacher: NDArray[Any], learner: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pointers and learners."""
    return np.searchsorted(teacher, np.arange(n + 1)).astype(np.int64), np.ascontiguousarray(learner)


def _constraint(n: int, teacher: NDArray[Any], learner: NDArray[Any]) -> NDArray[np.float64]:
    """Burt's constraint, directions added."""
    from peernet._graph import symmetrise
    from peernet.silos.holes import _burt

    ptr, idx = _rows(n, teacher, learner)
    found: NDArray[np.float64] = _burt(*symmetrise(ptr, idx, np.ones(len(idx))))[:, 0]
    return found


def _betweenness(n: int, teacher: NDArray[Any], learner: NDArray[Any]) -> NDArray[np.float64]:
    """Betweenness in hops."""
    from peernet.silos.paths import _sums

    ptr, idx = _rows(n, teacher, learner)
    found: NDArray[np.float64] = _sums(ptr, idx, None, np.arange(n, dtype=np.int64), 1, False)[0]
    return found
