"""Any measure of a network as numbers that can be compared with those of a damaged copy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import suggest
from peernet.results import Estimate, HypothesisTest

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["CATALOGUE", "Numbers", "numbers_of", "resolve"]

Call = Callable[["PeerNetwork"], Any]


class Numbers(NamedTuple):
    """What a measure gave.

    Attributes
    ----------
    kind : str
        "number", "people" (one a person) or "cells" (one a group, pair of groups, or kind).
    values : pandas.Series
        The numbers by label; of a number, one row.
    """

    kind: str
    values: pd.Series[Any]


def _ei(net: PeerNetwork, group: str) -> Any:
    from peernet.silos.ei import ei_estimate

    return ei_estimate(net, group)


def _isolates(net: PeerNetwork) -> float:
    tied = np.zeros(net.n_people, dtype=bool)
    tied[net.teacher] = tied[net.learner] = True
    return float(1 - tied.mean()) if len(tied) else float("nan")


def _degree(end: str) -> Call:
    def count(net: PeerNetwork) -> pd.Series[Any]:
        return pd.Series(np.bincount(getattr(net, end), minlength=net.n_people), index=net.ids)

    return count


def _mean_ties(net: PeerNetwork) -> float:
    return net.n_ties / net.n_people if net.n_people else float("nan")


# Names that are not functions of their own, and the column that stands for a function with several.
OWN: dict[str, tuple[Callable[..., Any], bool]] = {
    "ei": (_ei, True),
    "mean_ties": (_mean_ties, False),
    "n_learners": (_degree("teacher"), False),
    "n_teachers": (_degree("learner"), False),
    "isolates": (_isolates, False),
}
COLUMN = {
    "brokerage": "total",
    "structural_holes": "constraint",
    "ei_by_unit": "ei",
    "betweenness_sample": "betweenness",
}
OPTIONS: dict[str, dict[str, Any]] = {"mixing_table": {"value": "share"}}
CATALOGUE = (
    "mean_ties", "ei", "ei_by_unit", "mixing_table", "coleman_index", "assortativity", "freeman_segregation",
    "odds_ratio_within", "gupta_anderson_may", "modularity", "reciprocity", "transitivity", "triad_census",
    "krackhardt_dimensions", "isolates", "n_learners", "n_teachers", "ei_index", "spectral_segregation", "brokerage",
    "constraint", "effective_size", "efficiency", "hierarchy", "participation", "within_module_z", "bridging_share",
    "betweenness", "core_number", "pagerank",
)  # fmt: skip


def resolve(measure: str | Call, group: str | None) -> tuple[str, Call]:
    """Return the name of a measure and a function of the network alone.

    Raises
    ------
    ValueError
        For a name that is no measure of silos, a measure that needs a group, or one that needs more than a group.
    """
    if not isinstance(measure, str):
        if not callable(measure):
            raise ValueError(f"measure must be a name or a function of a network; got {measure!r}.")
        name = getattr(measure, "__name__", "measure")
        # A function that wants a group is called with it, so that silos.constraint and silos.ei_index both work.
        return name, _bound(name, measure, group)
    if measure in OWN:
        function, wants = OWN[measure]
        if wants:
            return measure, _with_group(measure, function, group)
        return measure, function
    from peernet import silos

    if measure not in silos.__all__:
        known = sorted({*CATALOGUE, *OWN})
        raise ValueError(
            f"measure: silos has no {measure!r}.{suggest(measure, known)} Measures: {', '.join(known)}; or pass a "
            "function of a network."
        )
    return measure, _bound(measure, getattr(silos, measure), group)


def _with_group(name: str, function: Callable[..., Any], group: str | None) -> Call:
    """Bind the group."""
    if group is None:
        raise ValueError(f"{name} compares groups: pass group=, a column of net.people.")
    return lambda net: function(net, group, **OPTIONS.get(name, {}))


def _bound(name: str, function: Callable[..., Any], group: str | None) -> Call:
    """Turn a public function into one of the network alone."""
    try:
        takes = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return function
    needed = [
        p.name
        for p in takes[1:]
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if needed == ["group"]:
        return _with_group(name, function, group)
    if needed:
        raise ValueError(
            f"{name} needs {' and '.join(needed)}: pass a function of the network alone, such as "
            f"lambda net: silos.{name}(net, ...)."
        )
    return function


def numbers_of(value: Any, net: PeerNetwork, name: str, column: str | None) -> Numbers:
    """Return what a measure gave as labelled numbers.

    Raises
    ------
    ValueError
        If there are no numbers in it.
    """
    if isinstance(value, Estimate):
        value = value.value
    elif isinstance(value, HypothesisTest):
        value = value.observed
    elif hasattr(value, "to_frame") and not isinstance(value, (pd.Series, pd.DataFrame, pd.Index)):
        value = value.to_frame()
    if isinstance(value, pd.DataFrame):
        value = _column(value, column or COLUMN.get(name), name)
    if isinstance(value, pd.Series):
        per_person = len(value) == net.n_people and value.index.equals(net.ids)
        return Numbers("people" if per_person else "cells", value.astype(np.float64))
    try:
        return Numbers("number", pd.Series([float(value)], index=[name]))
    except (TypeError, ValueError):
        raise ValueError(f"{name} gave {type(value).__name__}, not numbers.") from None


def _column(frame: pd.DataFrame, column: str | None, name: str) -> pd.Series[Any]:
    """Return one column, or all cells of a square table."""
    numeric = frame.select_dtypes("number")
    if column is not None:
        if column not in numeric.columns:
            raise ValueError(
                f"{name} has no numbers in column {column!r}; there are {', '.join(map(str, numeric))}."
            )
        return numeric[column]
    if frame.shape[0] == frame.shape[1] and frame.index.equals(frame.columns):
        return pd.Series(frame.to_numpy(dtype=np.float64).ravel(), index=range(frame.size))
    if numeric.shape[1] == 0:
        raise ValueError(f"{name} gave a table without numbers.")
    return numeric.iloc[:, -1]


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mid-ranks."""
    found: NDArray[np.float64] = np.asarray(pd.Series(values).rank(), dtype=np.float64)
    return found


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation over people who have both values; NaN where either does not vary."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return float("nan")
    x: Any = ranks(a[both])
    y: Any = ranks(b[both])
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else float("nan")


def top_kept(a: NDArray[np.float64], b: NDArray[np.float64], part: float = 0.1) -> float:
    """Share of the people in the top tenth by ``a`` who are in the top tenth by ``b``; ties count in part."""
    known = np.isfinite(a)
    k = int(np.ceil(part * known.sum()))
    if not k:
        return float("nan")
    return float(
        np.sum(_tops(np.where(known, a, -np.inf), k) * _tops(np.where(np.isfinite(b), b, -np.inf), k)) / k
    )


def _tops(values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return the chance of each person to be among the k largest when ties are broken at random."""
    edge = np.partition(values, -k)[-k]
    above, at = values > edge, values == edge
    chance: NDArray[np.float64] = above + at * ((k - above.sum()) / at.sum())
    return chance
