"""What every measure of silos starts from: ties whose two ends have a known group."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.errors import DataError, PeerNetWarning
from peernet.nulls._labels import reporting
from peernet.privacy.permissions import allows
from peernet.privacy.pooling import pool_small_groups

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "BIG",
    "Grouped",
    "collapse",
    "counted",
    "floored",
    "grouped",
    "grouped_to_show",
    "known_pairs",
    "known_ties",
    "percent",
    "require_network",
    "scaled",
    "shown",
    "unknown_people",
]

T = TypeVar("T", bound="pd.Series[Any] | pd.DataFrame")
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


def require_network(net: Any, function: str = "", *, name: str = "net") -> None:
    """Refuse anything that is not a network, saying how to make one.

    Raises
    ------
    TypeError
        With what was passed.
    """
    from peernet.network import PeerNetwork as Network

    if isinstance(net, Network):
        return
    kind = type(net).__name__
    ways = {
        "Records": "records.network(relation=...) makes one",
        "DataFrame": "PeerNetwork(people, ties) makes one from tables, PeerNetwork.from_adjacency from a matrix",
        "DiGraph": "PeerNetwork.from_networkx(graph, edge_means=...) makes one",
        "Graph": "PeerNetwork.from_networkx(graph, edge_means=...) makes one of a directed graph",
    }
    where = f"{function}: " if function else ""
    raise TypeError(
        f"{where}{name} must be a PeerNetwork, got {kind}; {ways.get(kind, 'see peernet.PeerNetwork')}."
    )


def _checked_group(net: PeerNetwork, group: Any, codes: NDArray[np.intp], names: pd.Index[Any]) -> None:
    """Refuse or warn about columns that are hardly meant as groups.

    Raises
    ------
    DataError
        Numbers that differ from person to person.
    """
    known = int((codes >= 0).sum())
    if pd.api.types.is_numeric_dtype(names.dtype) and known >= 20 and len(names) > 0.5 * known:
        raise DataError(
            f"group={group!r}: {len(names)} different numbers among {known} people make hardly any groups. Cut them "
            f"into bands first: net.with_people({group}_band=pd.cut(net.people[{group!r}], 4))."
        )
    if len(names) > 1000 or not all(isinstance(x, str) for x in names):
        return
    plain: dict[str, str] = {}
    for label in names:
        key = " ".join(label.split()).casefold()
        if key in plain:
            warnings.warn(
                f"group={group!r}: {plain[key]!r} and {label!r} count as two groups; they differ in blanks or capitals "
                "only.",
                PeerNetWarning,
                stacklevel=4,
            )
        plain[key] = label


def grouped(net: PeerNetwork, group: str) -> Grouped:
    """Return groups and the ties that count; "" and blanks are a missing group."""
    require_network(net)
    if not isinstance(group, str):
        raise TypeError(
            f"group must be the name of a column of net.people, got {type(group).__name__}; join a list or Series "
            "first: net.with_people(group=...)."
        )
    codes, names = net.codes(group)
    blank = np.array([isinstance(x, str) and not x.strip() for x in names], dtype=bool)
    if blank.any():
        place = np.append(np.where(blank, -1, np.cumsum(~blank) - 1), -1)
        codes, names = place[codes], names[~blank]
    _checked_group(net, group, codes, names)
    teacher, learner, weight = net.teacher, net.learner, net.weight
    missing = codes < 0
    left_out = 0
    if missing.any():
        keep = ~(missing[teacher] | missing[learner])
        left_out = int(len(keep) - keep.sum())
        teacher, learner, weight = teacher[keep], learner[keep], weight[keep]
    sizes = np.bincount(codes[~missing], minlength=len(names))
    return Grouped(codes, names, sizes, teacher, learner, weight, left_out)


def floored(net: Any, floor: int) -> int:
    """Return the smallest group to be shown: what was asked for, at least the floor of the study."""
    granted = getattr(net, "permissions", None)
    return floor if granted is None else max(floor, int(granted.floor))


def grouped_to_show(net: PeerNetwork, group: str, function: str) -> Grouped:
    """Return groups whose own numbers may be shown: those under the floor of the study are pooled, with a warning.

    Nothing is pooled without a study, or where it allows the function numbers about single people.
    """
    data = grouped(net, group)
    if net.permissions is None or allows(net, "person_level", function=function):
        return data
    floor = int(net.permissions.floor)
    small = data.sizes < floor
    if not small.any():
        return data
    values = pd.Series(np.asarray(data.names, dtype=object)[data.codes], index=net.ids).where(data.codes >= 0)
    pooled = pool_small_groups(values, floor=floor)
    warnings.warn(
        f"{function}: {int(small.sum())} of {len(small)} groups of {group!r} have fewer than {floor} people, the floor "
        f"of the study {net.permissions.study!r}; they are shown together.",
        PeerNetWarning,
        stacklevel=3,
    )
    return grouped(net.with_people(**{group: pooled}), group)


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
        return np.asarray(np.outer(there, there) - np.diag(there))
    if not directed:
        quiet = there - reports
        every = np.outer(there, there) - np.diag(there)
        return np.asarray(every - (np.outer(quiet, quiet) - np.diag(quiet)))
    pairs = np.outer(there, reports) if net.respondent_is == "learner" else np.outer(reports, there)
    return np.asarray(pairs - np.diag(reports))


def unknown_people(net: PeerNetwork, role: str = "both") -> NDArray[np.bool_]:
    """Mark people whose ties in a role are unknown: they would have reported them and did not, or they objected.

    ``role`` is "teacher" or "learner" for ties in which a person teaches or learns; anything else for both. Ties that
    others report are known whether or not the person answered. Who was filled in by imputation counts as known.
    """
    told = reporting(net)
    # Read without the copy that the public view makes.
    filled = "imputed" in net._provenance
    if (
        filled
        or net.respondent_is is None
        or role == ({"learner": "teacher", "teacher": "learner"}[net.respondent_is])
    ):
        return np.asarray(told == 2)
    return np.asarray(told > 0)


def shown(net: PeerNetwork, values: T, role: str = "both") -> T:
    """Return a Series or DataFrame of people, missing where ties in the role are unknown (counted in ``attrs``)."""
    unknown = unknown_people(net, role)
    if not unknown.any():
        return values
    out: Any = values.astype(np.float64)
    out[unknown] = np.nan
    out.attrs["people_unknown"] = int(unknown.sum())
    hidden: T = out
    return hidden


def scaled(weight: NDArray[np.float64], weighted: bool) -> NDArray[np.float64]:
    """Return weights divided by the largest, or ones: shares and z stay the same and no square overflows."""
    if not isinstance(weighted, (bool, np.bool_)):
        raise TypeError(f"weighted must be True or False; got {weighted!r}.")
    if not weighted:
        return np.ones(len(weight))
    if not len(weight):
        return weight
    # A tie that vanishes beside the largest one is still a tie.
    out: NDArray[np.float64] = weight / weight.max()
    return np.maximum(out, 1e-290, out=out)


def collapse(
    n: int, teacher: NDArray[Any], learner: NDArray[Any], weight: NDArray[np.float64], *, weighted: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return each pair of people once (i < j), weights of the two directions added, or 1 unless weighted."""
    low = np.minimum(teacher, learner).astype(np.int64)
    high = np.maximum(teacher, learner).astype(np.int64)
    key, back = np.unique(low * n + high, return_inverse=True)
    total = np.bincount(back, weight, len(key)) if weighted else np.ones(len(key))
    return key // max(n, 1), key % max(n, 1), total


def counted(n: int, one: str, many: str) -> str:
    """Write ``1 unit``, ``2 units``."""
    return f"{n} {one if n == 1 else many}"


def percent(share: float) -> str:
    """Write a share as ``62 %``, missing as ``n/a``."""
    return "n/a" if np.isnan(share) else f"{100 * share:.0f} %"
