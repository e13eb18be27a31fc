"""Who could have learned, and from whom, in each interval: a diffusion laid out as spells.

Every item gets its own run of intervals (periods, or the stretches between events). A *spell* is a piece of the risk
sum that does not change over a run of intervals: a naive person with constant covariates (asocial), or a tie from an
informed teacher to a naive learner (social). Sums over the risk set are then cumulative sums over intervals, so the
likelihood costs as much as there are spells, not people times events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import quoted, rows_text
from peernet.diffusion._covariates import Covariates, Edges, Spans
from peernet.errors import DataError

__all__ = ["Design", "ItemHistory", "Timing", "build_design"]

Timing = Literal["order", "continuous", "discrete"]
Ties = Literal["apart", "sequential", "efron", "any_order"]
Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ItemHistory:
    """One item: when each person learned (NaN = not seen), who knew beforehand, who learns without being at risk."""

    name: str
    time: Floats
    knew: NDArray[np.bool_]
    passive: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Design:
    """All items as intervals, events and spells; intervals are numbered through all items."""

    timing: Timing
    ties: Ties
    items: tuple[str, ...]
    networks: tuple[str, ...]
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    values: Floats
    g_item: Ints
    g_lo: Floats
    g_hi: Floats
    e_g: Ints
    e_item: Ints
    e_person: Ints
    e_time: Floats
    e_row: Ints
    e_teaching: Floats
    e_first: NDArray[np.bool_]
    a_lo: Ints
    a_hi: Ints
    a_row: Ints
    s_lo: Ints
    s_hi: Ints
    s_net: Ints
    s_item: Ints
    s_weight: Floats
    s_row: Ints
    s_edge: Ints
    t_event: Ints
    t_teacher: Ints
    t_net: Ints
    t_weight: Floats
    t_edge: Ints
    l_event: Ints  # links from learners of a moment with several: teacher's event, learner's (-1 = not at it)
    l_pupil: Ints
    l_net: Ints
    l_weight: Floats
    l_row: Ints
    l_edge: Ints
    seeded: NDArray[np.bool_]
    n_at_risk: Ints
    histories: tuple[ItemHistory, ...] = field(default=(), repr=False)

    @property
    def n_events(self) -> int:
        """Acquisitions in all items."""
        return len(self.e_g)

    @property
    def n_intervals(self) -> int:
        """Intervals in all items."""
        return len(self.g_item)


class _Clock:
    """Intervals of one item, and from which interval on a change at some moment counts."""

    def __init__(self, timing: Timing, bounds: Floats, lo: Floats, hi: Floats) -> None:
        self.timing, self.bounds, self.lo, self.hi = timing, bounds, lo, hi
        self.n = len(lo)

    def since(self, time: Floats) -> Ints:
        """First interval in which something that begins at ``time`` holds."""
        side: Literal["left", "right"] = "right" if self.timing == "continuous" else "left"
        return np.searchsorted(self.bounds, time, side=side)

    def until(self, time: Floats) -> Ints:
        """First interval in which something that ends at ``time`` no longer holds (discrete: last period included)."""
        side: Literal["left", "right"] = "left" if self.timing == "order" else "right"
        return np.searchsorted(self.bounds, time, side=side)


def _meet(
    key: Ints, lo: Ints, hi: Ints, pointer: Ints, other_lo: Ints, other_hi: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Intersect each interval with all intervals of the same person: (row, other row, lo, hi) of non-empty ones."""
    counts = pointer[key + 1] - pointer[key]
    row = np.repeat(np.arange(len(key)), counts)
    begin = (
        np.repeat(pointer[key] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        if len(key)
        else counts
    )
    other = np.arange(len(row)) + begin
    low, high = np.maximum(lo[row], other_lo[other]), np.minimum(hi[row], other_hi[other])
    keep = low < high
    return row[keep], other[keep], low[keep], high[keep]


@dataclass(frozen=True, eq=False)
class _Segments:
    """Runs of intervals over which a person is there with constant covariates, sorted by person."""

    person: Ints
    lo: Ints
    hi: Ints
    row: Ints
    pointer: Ints


def _pointer(person: Ints, n: int) -> Ints:
    """Return where each person's rows begin."""
    return np.concatenate([[0], np.cumsum(np.bincount(person, minlength=n))]).astype(np.intp)


def _covariate_segments(cov: Covariates, clock: _Clock, item: int, n: int) -> _Segments:
    """Return the covariate rows in force, by person and interval."""
    if not cov.varies:
        whole = np.arange(n)
        return _Segments(whole, np.zeros(n, np.intp), np.full(n, clock.n), whole, np.arange(n + 1))
    mine = np.flatnonzero((cov.item < 0) | (cov.item == item))
    order = mine[np.lexsort((cov.since[mine], cov.person[mine]))]
    person, since = cov.person[order], cov.since[order]
    lo = np.where(since == -np.inf, 0, clock.since(since)).astype(np.intp)
    last = np.append(person[1:] != person[:-1], True)
    hi = np.where(last, clock.n, np.append(lo[1:], clock.n)).astype(np.intp)
    keep = lo < hi
    return _Segments(person[keep], lo[keep], hi[keep], order[keep], _pointer(person[keep], n))


def _presence_segments(
    presence: Spans, clock: _Clock, item: int, n: int, name: str
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (person, lo, hi, pointer) of the runs of intervals in which people are there."""
    mine = np.flatnonzero((presence.item < 0) | (presence.item == item))
    lo = np.where(presence.start[mine] == -np.inf, 0, clock.since(presence.start[mine]))
    hi = np.where(presence.end[mine] == np.inf, clock.n, clock.until(presence.end[mine]))
    order = np.lexsort((lo, presence.person[mine]))
    person, lo, hi = presence.person[mine][order], lo[order], hi[order]
    clash = (person[1:] == person[:-1]) & (lo[1:] < hi[:-1])
    if clash.any():
        raise DataError(
            f"presence: {int(clash.sum())} spells of the same person overlap (item {name!r}). Join them into one."
        )
    keep = lo < hi
    return person[keep], lo[keep], hi[keep], _pointer(person[keep], n)


def _clock(
    timing: Timing, ties: Ties, time: Floats, edges: Floats, breaks: Floats
) -> tuple[_Clock, Ints, Ints]:
    """Return the intervals of one item, the interval of each event, and the interval after its block."""
    order = np.argsort(time, kind="stable")
    if timing == "discrete":
        period = np.searchsorted(edges, time, side="right") - 1
        clock = _Clock(timing, edges[:-1], edges[:-1] - edges[0], edges[1:] - edges[0])
        return clock, period, period + 1
    ranked = time[order]
    if timing == "continuous":
        stops = np.unique(np.concatenate([ranked, breaks, edges[-1:]]))
        if ties == "sequential" and len(ranked):
            again = np.flatnonzero(ranked[1:] == ranked[:-1]) + 1
            stops = np.sort(np.concatenate([stops, ranked[again]]))
        clock = _Clock(timing, stops, np.concatenate([edges[:1], stops[:-1]]) - edges[0], stops - edges[0])
    else:
        stops = np.unique(ranked) if ties in ("efron", "any_order") else ranked
        clock = _Clock(timing, stops, np.arange(len(stops), dtype=float), np.arange(1.0, len(stops) + 1))
    where = np.empty(len(time), dtype=np.intp)
    begin = np.searchsorted(stops, ranked, side="left")
    if ties == "sequential" or (timing == "order" and ties == "apart"):
        begin = begin + np.arange(len(ranked)) - np.searchsorted(ranked, ranked, side="left")
    where[order] = begin
    after = where + 1 if ties == "sequential" else np.searchsorted(stops, time, side="right").astype(np.intp)
    return clock, where, after


class _Pieces:
    """Arrays gathered item by item."""

    def __init__(self) -> None:
        self.lists: dict[str, list[NDArray[Any]]] = {}

    def add(self, **arrays: NDArray[Any]) -> None:
        """Keep one item's arrays."""
        for name, values in arrays.items():
            self.lists.setdefault(name, []).append(values)

    def joined(self) -> dict[str, NDArray[Any]]:
        """Return everything end to end."""
        return {name: np.concatenate(values) for name, values in self.lists.items()}


def build_design(
    histories: Sequence[ItemHistory],
    *,
    ids: pd.Index[Any],
    timing: Timing,
    ties: Ties,
    edges: Floats,
    networks: tuple[str, ...],
    ties_of: Sequence[Edges],
    covariates: Covariates,
    presence: Spans | None,
    teacher_weight: Floats | None,
) -> Design:
    """Lay all items out as intervals, events and spells."""
    pieces = _Pieces()
    seeded, at_risk = [], []
    breaks = _breaks(edges, ties_of, covariates, presence)
    offset = events = 0
    for k, history in enumerate(histories):
        n_g, n_e, risk = _one_item(
            pieces, history, k, ids, timing, ties, edges, breaks, ties_of, covariates, presence, teacher_weight,
            offset, events, len(networks),
        )  # fmt: skip
        offset += n_g
        events += n_e
        at_risk.append(risk)
        seeded.append(_seeded(history))
    return Design(
        timing=timing,
        ties=ties,
        items=tuple(h.name for h in histories),
        networks=networks,
        names=covariates.names,
        values=covariates.values,
        seeded=np.array(seeded, dtype=bool),
        n_at_risk=np.array(at_risk, dtype=np.intp),
        histories=tuple(histories),
        **pieces.joined(),
    )


def _breaks(edges: Floats, ties_of: Sequence[Edges], cov: Covariates, presence: Spans | None) -> Floats:
    """Return the moments at which a network, covariate or presence changes."""
    times = [np.array([e.since for e in ties_of]), cov.since]
    if presence is not None:
        times += [presence.start, presence.end]
    found = np.unique(np.concatenate(times))
    inner: Floats = found[(found > edges[0]) & (found < edges[-1])]
    return inner


def _seeded(history: ItemHistory) -> bool:
    """Say whether somebody could have taught the first person whose learning is to be explained."""
    if history.knew.any():
        return True
    told = history.time[history.passive & np.isfinite(history.time)]
    rest = history.time[~history.passive & np.isfinite(history.time)]
    return bool(len(told) and (not len(rest) or told.min() < rest.min()))


def _one_item(
    pieces: _Pieces,
    history: ItemHistory,
    item: int,
    ids: pd.Index[Any],
    timing: Timing,
    ties: Ties,
    edges: Floats,
    breaks: Floats,
    ties_of: Sequence[Edges],
    cov: Covariates,
    presence: Spans | None,
    teacher_weight: Floats | None,
    offset: int,
    events: int,
    n_networks: int,
) -> tuple[int, int, int]:
    """Lay one item out; returns its intervals, events and people at risk."""
    n = len(history.time)
    learns = np.isfinite(history.time) & ~history.knew
    # those whose own learning is not explained begin to teach at their moment, within what was one stretch
    told = history.time[learns & history.passive]
    all_clock, all_where, all_after = _clock(
        timing, ties, history.time[learns & ~history.passive], edges,
        np.concatenate([breaks, told[(told > edges[0]) & (told < edges[-1])]]),
    )  # fmt: skip
    person = np.flatnonzero(learns & ~history.passive)
    clock, where = all_clock, all_where
    stop, can_teach = np.full(n, clock.n), np.full(n, clock.n)
    event = np.full(n, -1)
    stop[person], can_teach[person], event[person] = where + 1, all_after, np.arange(len(person))
    others = np.flatnonzero(learns & history.passive)
    can_teach[others] = np.minimum(clock.since(np.nextafter(history.time[others], np.inf)), clock.n)
    stop[others] = 0
    stop[history.passive] = 0
    stop[history.knew], can_teach[history.knew] = 0, 0
    here = _covariate_segments(cov, clock, item, n)
    there = None if presence is None else _presence_segments(presence, clock, item, n, history.name)
    if there is not None:
        row, _, lo, hi = _meet(here.person, here.lo, here.hi, there[3], there[1], there[2])
        here = _Segments(here.person[row], lo, hi, here.row[row], _pointer(here.person[row], n))
    e_row = _rows_at(here, person, where, ids, history.name)
    lo, hi = here.lo, np.minimum(here.hi, stop[here.person])
    own = event[here.person] >= 0
    if timing == "discrete":
        hi = np.where(own, np.minimum(hi, stop[here.person] - 1), hi)
    keep = lo < hi
    pieces.add(a_lo=lo[keep] + offset, a_hi=hi[keep] + offset, a_row=here.row[keep])
    teaching = _social(
        pieces, timing, ties, ties_of, clock, here, there, stop, can_teach, event, where, teacher_weight, item, offset,
        events, n_networks,
    )  # fmt: skip
    first = np.zeros(len(person), dtype=bool)
    if len(person) and not _seeded(history):
        first = history.time[person] == history.time[person].min()
        if timing == "discrete" or ties == "sequential":
            first = where == where.min()
    pieces.add(
        g_item=np.full(clock.n, item), g_lo=clock.lo, g_hi=clock.hi,
        e_g=where + offset, e_item=np.full(len(person), item), e_person=person,
        e_time=history.time[person] - edges[0], e_row=e_row, e_teaching=teaching, e_first=first,
    )  # fmt: skip
    return clock.n, len(person), int(np.count_nonzero(stop))


def _rows_at(here: _Segments, person: Ints, where: Ints, ids: pd.Index[Any], name: str) -> Ints:
    """Return the covariate row of each learner at their event; being absent then is an error."""
    key, found, _, _ = _meet(person, where, where + 1, here.pointer, here.lo, here.hi)
    if len(key) < len(person):
        absent = np.setdiff1d(np.arange(len(person)), key)
        raise DataError(
            f"presence: {len(absent)} people adopt {name!r} while they are absent ({quoted(ids[person[absent]])}). "
            "Correct the presence or the time of adoption."
        )
    out = np.empty(len(person), dtype=np.intp)
    out[key] = here.row[found]
    return out


def _social(
    pieces: _Pieces,
    timing: Timing,
    ties: Ties,
    ties_of: Sequence[Edges],
    clock: _Clock,
    here: _Segments,
    there: tuple[Ints, Ints, Ints, Ints] | None,
    stop: Ints,
    can_teach: Ints,
    event: Ints,
    where: Ints,
    teacher_weight: Floats | None,
    item: int,
    offset: int,
    events: int,
    n_networks: int,
) -> Floats:
    """Add the social spells of one item; returns the teaching that each learner had at their event, by network."""
    teaching = np.zeros((len(where), n_networks))
    numbered = 0
    for tie in ties_of:
        begin = 0 if tie.since == -np.inf else int(clock.since(np.array([tie.since]))[0])
        finish = clock.n if tie.until == np.inf else int(clock.since(np.array([tie.until]))[0])
        together = tie if ties == "any_order" else None
        _links(
            pieces, together, begin, finish, here, there, stop, event, where, teacher_weight, events, numbered
        )
        lo = np.maximum(can_teach[tie.teacher], begin)
        hi = np.minimum(stop[tie.learner], finish)
        keep = np.flatnonzero(lo < hi)
        learner, teacher, weight = tie.learner[keep], tie.teacher[keep], tie.weight[keep]
        lo, hi, edge = lo[keep], hi[keep], keep + numbered
        numbered += len(tie.learner)
        if teacher_weight is not None:
            weight = weight * teacher_weight[teacher]
        if there is not None:
            row, _, lo, hi = _meet(teacher, lo, hi, there[3], there[1], there[2])
            learner, teacher, weight, edge = learner[row], teacher[row], weight[row], edge[row]
        row, other, lo, hi = _meet(learner, lo, hi, here.pointer, here.lo, here.hi)
        learner, teacher, weight, edge = learner[row], teacher[row], weight[row], edge[row]
        value = here.row[other]
        mine = event[learner]
        at = where[mine] if len(where) else np.zeros_like(mine)
        active = np.flatnonzero((mine >= 0) & (lo <= at) & (at < hi) & (weight > 0))
        teaching[:, tie.network] += np.bincount(mine[active], weight[active], len(where))
        pieces.add(
            t_event=mine[active] + events, t_teacher=teacher[active], t_weight=weight[active],
            t_net=np.full(len(active), tie.network), t_edge=edge[active],
        )  # fmt: skip
        if timing == "discrete":
            hi = np.where(mine >= 0, np.minimum(hi, at), hi)
        keep = np.flatnonzero((lo < hi) & (weight > 0))
        pieces.add(
            s_lo=lo[keep] + offset, s_hi=hi[keep] + offset, s_net=np.full(len(keep), tie.network),
            s_item=np.full(len(keep), item), s_weight=weight[keep], s_row=value[keep], s_edge=edge[keep],
        )  # fmt: skip
    return teaching


def _links(
    pieces: _Pieces, tie: Edges | None, begin: int, finish: int, here: _Segments,
    there: tuple[Ints, Ints, Ints, Ints] | None, stop: Ints, event: Ints, where: Ints, teacher_weight: Floats | None,
    events: int, numbered: int,
) -> None:  # fmt: skip
    """Add what learners of one moment teach, had they been first: to each other, and to those still naive."""
    none = np.zeros(0, dtype=np.intp)
    if tie is None or not len(where):
        pieces.add(l_event=none, l_pupil=none, l_net=none, l_weight=np.zeros(0), l_row=none, l_edge=none)
        return
    several = np.bincount(where)[where] > 1
    source = event[tie.teacher]
    at = where[source]
    keep = np.flatnonzero(
        (source >= 0)
        & several[source]
        & (at >= begin)
        & (at < finish)
        & (stop[tie.learner] > at)
        & (tie.weight > 0)
    )
    if there is not None:
        row, _, _, _ = _meet(tie.teacher[keep], at[keep], at[keep] + 1, there[3], there[1], there[2])
        keep = keep[row]
    row, other, _, _ = _meet(tie.learner[keep], at[keep], at[keep] + 1, here.pointer, here.lo, here.hi)
    keep = keep[row]
    weight = (
        tie.weight[keep] if teacher_weight is None else tie.weight[keep] * teacher_weight[tie.teacher[keep]]
    )
    pupil = event[tie.learner[keep]]
    mate = (pupil >= 0) & (where[pupil] == at[keep])
    pieces.add(
        l_event=source[keep] + events, l_pupil=np.where(mate, pupil + events, -1),
        l_net=np.full(len(keep), tie.network), l_weight=weight, l_row=here.row[other], l_edge=keep + numbered,
    )  # fmt: skip


def check_inside(time: Floats, edges: Floats, ids: pd.Index[Any], name: str) -> None:
    """Refuse adoption times that are not whole periods."""
    inside = np.isfinite(time) & (time >= edges[0]) & (time < edges[-1])
    broken = np.flatnonzero(inside & (time != np.floor(time)))
    if len(broken):
        raise DataError(
            f"adoptions of {name!r}: {len(broken)} times are not whole periods "
            f"({rows_text(ids[broken], time[broken].tolist())}). Cut them into periods, or use timing='continuous'."
        )
