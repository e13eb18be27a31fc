"""From the analyst's tables to a design: spans, demonstrators, deadlines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import number as check_number
from peernet._check import quoted
from peernet._tables import as_ids
from peernet.diffusion._adopted import Adopted, read_adoptions
from peernet.diffusion._covariates import (
    Covariates,
    Edges,
    Spans,
    item_rows,
    person_rows,
    read_covariates,
    read_networks,
    read_presence,
    read_teacher_weight,
    times_of,
)
from peernet.diffusion._risk import Design, ItemHistory, Ties, Timing, build_design, check_inside
from peernet.diffusion._time import Period, timeline, to_number
from peernet.errors import DataError
from peernet.network import PeerNetwork

__all__ = ["Assigned", "Prepared", "Silent", "prepare"]

Assigned = Literal["refuse", "exclude", "deadline"]
Silent = Literal["exclude", "keep"]
Floats = NDArray[np.float64]


class Prepared(NamedTuple):
    """A design with what was found on the way."""

    design: Design
    net: PeerNetwork
    edges: Floats
    notes: tuple[str, ...]
    used: dict[str, Any]
    ties_of: list[Edges]
    covariates: Covariates
    presence: Spans | None
    teacher_weight: Floats | None
    moments: bool


def prepare(
    networks: Any,
    adoptions: pd.DataFrame,
    *,
    timing: Timing,
    start: Any,
    end: Any,
    period: Period,
    item: str | None,
    asocial: Any,
    interaction: Any,
    multiplicative: Any,
    teacher_weight: Any,
    demonstrators: Any,
    presence: Any,
    ties: Ties,
    normalised: bool,
    assigned: Assigned,
    deadline_window: float | None,
    silent: Silent,
) -> Prepared:
    """Check everything and lay it out."""
    first = _first_network(networks)
    items, moments = read_adoptions(adoptions, first.ids, item)
    if not items:
        raise DataError("adoptions has no rows. List everybody who adopted, and when.")
    edges, versions = _span(timing, moments, start, end, period)
    if timing == "discrete" and not moments and period is None:
        for one in items:
            check_inside(one.time, edges, first.ids, one.item)
    net, names, ties_of = read_networks(
        networks, normalised, lambda t, what: to_number(t, moments, what), versions
    )
    labels = [one.item for one in items]
    seeds = _demonstrators(demonstrators, net.ids, labels)
    unheard = _silent(networks, net) if silent == "exclude" else np.zeros(net.n_people, dtype=bool)
    histories, told = [], []
    for k, one in enumerate(items):
        history, marked = _history(one, seeds[:, k], timing, edges, net.ids, assigned, unheard)
        histories.append(history)
        told.append(marked)
    notes: list[str] = []
    if unheard.any():
        notes.append(
            f"{int(unheard.sum())} people did not say who teaches them: they can teach, "
            "their own learning is not explained."
        )
    roles: list[tuple[str, Any]] = [
        ("asocial", asocial),
        ("interaction", interaction),
        ("multiplicative", multiplicative),
    ]
    if assigned == "deadline" and np.any(told):
        table = _deadlines(asocial, net.people, items, told, edges, deadline_window, timing, moments, notes)
        roles[0] = ("asocial", table)
    covariates = read_covariates(roles, net.people, labels, lambda v, what: _numbers(v, what, moments))
    spans = read_presence(presence, net.ids, labels, lambda v, what: _numbers(v, what, moments))
    weights = _weights(teacher_weight, net.ids)
    design = build_design(
        histories, ids=net.ids, timing=timing, ties=ties, edges=edges, networks=names, ties_of=ties_of,
        covariates=covariates, presence=spans, teacher_weight=weights,
    )  # fmt: skip
    notes += _outside(items, seeds, edges, timing) + _far_from_zero(covariates) + _row_order(design)
    used = {
        "items": labels,
        "events": design.n_events,
        "already_knew": int(sum(h.knew.sum() for h in histories)),
        "silent_excluded": int(unheard.sum()),
        "assigned_excluded": int(sum(m.sum() for m in told)) if assigned == "exclude" else 0,
    }
    return Prepared(design, net, edges, tuple(notes), used, ties_of, covariates, spans, weights, moments)


def _outside(items: list[Adopted], seeds: NDArray[np.bool_], edges: Floats, timing: Timing) -> list[str]:
    """Say how many adoptions lie outside the span, and what they count as."""
    time = np.stack([one.time for one in items])
    knew = np.stack([one.knew for one in items])
    last = edges[-1]
    early = (time < edges[0]) & ~knew
    late = (time >= last if timing == "discrete" else time > last) & ~knew
    shown = seeds.T & np.isfinite(time) & (time >= edges[0]) & ~late & ~knew
    notes = []
    if early.any():
        notes.append(
            f"{int(early.sum())} adoptions lie before the span: these people count as having known already."
        )
    if late.any():
        notes.append(f"{int(late.sum())} adoptions lie after the span: they are not seen.")
    if shown.any():
        notes.append(
            f"{int(shown.sum())} adoptions are of demonstrators: they teach from the start, nothing else."
        )
    return notes


def _far_from_zero(covariates: Covariates) -> list[str]:
    """Say for whom a strength holds when a covariate that it depends on is never near 0."""
    notes = []
    names = [name for role in covariates.names[:2] for name in role]
    for name, values in zip(names, covariates.values.T, strict=False):
        middle, spread = float(values.mean()), float(values.std())
        if abs(middle) > 3 * spread > 0 and len(np.unique(values)) > 2:
            notes.append(
                f"s is the strength for people whose {name!r} is 0, which is far from all (mean {middle:.3g}, sd "
                f"{spread:.2g}): centre it."
            )
    return notes


def _row_order(design: Design) -> list[str]:
    """Say when the order of people in the table decides part of the answer."""
    if design.timing != "order" or design.ties != "apart":
        return []
    moments = np.stack([design.e_item.astype(np.float64), design.e_time])
    _, size = np.unique(moments, axis=1, return_counts=True)
    together = int(size[size > 1].sum())
    if not together:
        return []
    return [
        f"{together} acquisitions share a moment with another: with ties='apart' the answer depends on the order of "
        "people; compare ties='efron'."
    ]


def _first_network(networks: Any) -> PeerNetwork:
    """Return some network, whose people are everybody's."""
    value = networks
    while isinstance(value, (Mapping, list, tuple)):
        if not len(value):
            raise DataError("networks is empty. Give a PeerNetwork, or a dict of them by name.")
        value = next(iter(value.values())) if isinstance(value, Mapping) else value[0]
    if not isinstance(value, PeerNetwork):
        raise DataError(
            f"networks must be a PeerNetwork, or a dict of them by name; got {type(value).__name__}."
        )
    return value


def _silent(networks: Any, first: PeerNetwork) -> NDArray[np.bool_]:
    """Mark people who were to report their teachers, in some network, and did not."""
    if isinstance(networks, PeerNetwork):
        if networks.respondent_is != "learner":
            return np.zeros(first.n_people, dtype=bool)
        return np.asarray(networks.observed != "answered", dtype=bool)
    values = networks.values() if isinstance(networks, Mapping) else networks
    parts = [_silent(value, first) for value in values]
    return np.asarray(np.logical_or.reduce(parts), dtype=bool)


def _numbers(values: Any, what: str, moments: bool) -> Floats:
    """Read a column of times in the kind of the adoptions."""
    return times_of(values, what, moments)


def _span(
    timing: Timing, moments: bool, start: Any, end: Any, period: Period
) -> tuple[Floats, Floats | None]:
    """Return the bounds of the span (discrete: of every period) and where each period begins."""
    if timing == "discrete":
        periods = timeline(moments, start, end, period)
        return periods.edges, periods.edges[:-1]
    if period is not None:
        raise ValueError(
            "period belongs to timing='discrete'; order and continuous time use the times as they are."
        )
    low, high = to_number(start, moments, "start"), to_number(end, moments, "end")
    if high <= low:
        raise DataError(f"end ({end!r}) must lie after start ({start!r}).")
    return np.array([low, high]), None


def _demonstrators(given: Any, ids: pd.Index[Any], items: list[str]) -> NDArray[np.bool_]:
    """Return people x items: who was trained beforehand to start the spread."""
    out = np.zeros((len(ids), len(items)), dtype=bool)
    if given is None:
        return out
    if isinstance(given, pd.DataFrame):
        if "person" not in given.columns:
            raise DataError("demonstrators: a table needs a column 'person' (and, if they differ, 'item').")
        rows, of = (
            person_rows(given["person"], ids, "demonstrators"),
            item_rows(given, items, "demonstrators"),
        )
        for row, k in zip(rows, of, strict=True):
            out[row, :] |= k < 0
            if k >= 0:
                out[row, k] = True
        return out
    if isinstance(given, Mapping):
        strange = [name for name in given if str(name) not in items]
        if strange:
            raise DataError(
                f"demonstrators: no item {quoted(strange)} in adoptions. Items: {quoted(items, 8)}."
            )
        for name, people in given.items():
            out[person_rows(list(people), ids, "demonstrators"), items.index(str(name))] = True
        return out
    values = [given] if isinstance(given, str) else list(given)
    out[person_rows(values, ids, "demonstrators"), :] = True
    return out


def _history(
    one: Adopted,
    seeds: NDArray[np.bool_],
    timing: Timing,
    edges: Floats,
    ids: pd.Index[Any],
    assigned: Assigned,
    unheard: NDArray[np.bool_],
) -> tuple[ItemHistory, NDArray[np.bool_]]:
    """Cut one item's adoptions to the span."""
    knew = one.knew | seeds | (one.time < edges[0])
    last = edges[-1]
    seen = one.time < last if timing == "discrete" else one.time <= last
    time = np.where(seen & ~knew, one.time, np.nan)
    told = one.assigned & ~knew
    if assigned == "refuse" and told.any():
        raise DataError(
            f"adoptions of {one.item!r}: {told.sum()} people were told to adopt ({quoted(ids[told])}). "
            "A deadline imitates contagion, so they are not counted as learning from others. Pass assigned='exclude' "
            "(they can teach, their own adoption is not explained) or assigned='deadline' (the deadline becomes an "
            "asocial cause)."
        )
    passive = (unheard | told if assigned == "exclude" else unheard) & ~knew
    return ItemHistory(one.item, time, knew, passive), told


def _deadlines(
    asocial: Any,
    people: pd.DataFrame,
    items: list[Adopted],
    told: list[NDArray[np.bool_]],
    edges: Floats,
    window: float | None,
    timing: Timing,
    moments: bool,
    notes: list[str],
) -> pd.DataFrame:
    """Add the deadline as an asocial cause: being told at all, and the time shortly before it is due."""
    if timing == "order":
        raise ValueError(
            "assigned='deadline' needs timing='continuous' or 'discrete': the order knows no dates."
        )
    if isinstance(asocial, pd.DataFrame) and ("time" in asocial.columns or "item" in asocial.columns):
        raise DataError(
            "assigned='deadline': give other asocial covariates by person; those that change are not combined."
        )
    span = float(edges[-1] - edges[0])
    width = span / 6 if window is None else check_number("deadline_window", window, 0, open_low=True)
    base = _plain(asocial, people)
    rows = []
    for one, marked in zip(items, told, strict=True):
        due = np.where(marked, one.due, np.nan)
        for person in range(len(people)):
            begin = edges[0] if np.isnan(due[person]) else min(edges[0], due[person] - width)
            stamps = [(begin - 1.0, 0.0)]
            if np.isfinite(due[person]):
                stamps += [
                    (due[person] - width, 1.0),
                    (due[person] + (1.0 if timing == "discrete" else 0.0), 0.0),
                ]
            for since, value in stamps:
                rows.append((person, one.item, since, float(marked[person]), value))
    table = pd.DataFrame(rows, columns=["row", "item", "time", "assigned", "due_soon"])
    if moments:
        table["time"] = pd.to_datetime(
            (table["time"] * 86_400_000).round().astype("int64"), unit="ms", utc=True
        )
    table.insert(0, "person", people.index[table["row"]])
    for name in base.columns:
        table[name] = base[name].to_numpy()[table["row"]]
    constant = [c for c in ("assigned", "due_soon") if table[c].nunique() < 2]
    notes.append(
        f"Deadline modelled as an asocial cause: told to adopt, and the last {width:g} before it is due."
    )
    return table.drop(columns=["row", *constant])


def _plain(asocial: Any, people: pd.DataFrame) -> pd.DataFrame:
    """Return constant asocial covariates as a frame over people."""
    if asocial is None:
        return pd.DataFrame(index=people.index)
    if isinstance(asocial, (list, tuple, str)):
        names = [asocial] if isinstance(asocial, str) else list(asocial)
        return people[names]
    frame = asocial.to_frame() if isinstance(asocial, pd.Series) else asocial.copy()
    frame.index = as_ids(frame.index, "asocial")
    return frame.reindex(people.index)


def _weights(given: Any, ids: pd.Index[Any]) -> Floats | None:
    """Return the weight of each person as a teacher."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        given = pd.Series(dict(given), dtype=float)
    if not isinstance(given, pd.Series):
        raise DataError("teacher_weight must be a Series (or dict) indexed by person id.")
    return read_teacher_weight(given, ids).iloc[:, 0].to_numpy()
