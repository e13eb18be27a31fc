"""Where people were when it happened: unit at the time of the event, and who stands above whom."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from peernet._check import column as need
from peernet.errors import DataError

__all__ = ["UnitsAtEvents", "manager_tree", "mark_levels", "unit_at_event"]

_FIRST = pd.Timestamp("1900-01-01", tz="UTC")
_LAST = pd.Timestamp("2261-01-01", tz="UTC")


class UnitsAtEvents(NamedTuple):
    """Events with the units of both ends, and how often they were known.

    Attributes
    ----------
    events : pandas.DataFrame
        With ``<column>_teacher`` and ``<column>_learner``.
    known : pandas.DataFrame
        ``end, n, known, share, moved``: events in which the unit was known, and those in which it differs
        from the latest.
    """

    events: pd.DataFrame
    known: pd.DataFrame


def unit_at_event(events: pd.DataFrame, spells: pd.DataFrame, *, column: str = "unit") -> UnitsAtEvents:
    """Unit of teacher and learner at the time of each event, by range join; missing where no spell covers it.

    A spell holds in [start, end); a missing start or end is open. Somebody who has changed unit since is
    counted where they were then, so a mover does not make a bridge between silos.

    Parameters
    ----------
    events : pandas.DataFrame
        ``time`` (UTC), ``teacher``, ``learner``.
    spells : pandas.DataFrame
        ``person, start, end`` and the column.
    column : str
        What to look up: unit, site, role, manager.

    Returns
    -------
    UnitsAtEvents
        In the order of the events; NaN = not known, never the latest unit instead.

    Raises
    ------
    DataError
        When a column is missing or two spells of a person overlap.

    Examples
    --------
    >>> from peernet.records import empty_table
    >>> unit_at_event(empty_table("events"), empty_table("spells").assign(unit=[])).known["n"].tolist()
    [0, 0]
    """
    need(spells, column, "spells")
    table = _sorted_spells(spells)
    latest = table.groupby("person")[column].last()
    out = events.copy(deep=False)
    facts = []
    for end in ("teacher", "learner"):
        value = _as_of(need(events, end, "events"), need(events, "time", "events"), table, column)
        out[f"{column}_{end}"] = value
        now = events[end].map(latest)
        known = value.notna()
        moved = int((known & now.notna() & (value != now)).sum())
        share = float(known.mean()) if len(events) else float("nan")
        facts.append(
            {"end": end, "n": len(events), "known": int(known.sum()), "share": share, "moved": moved}
        )
    return UnitsAtEvents(out, pd.DataFrame(facts))


def _sorted_spells(spells: pd.DataFrame) -> pd.DataFrame:
    """Sort spells and refuse those that overlap."""
    table = spells.assign(
        _from=pd.to_datetime(spells["start"], utc=True).fillna(_FIRST).astype("datetime64[us, UTC]"),
        _to=pd.to_datetime(spells["end"], utc=True).fillna(_LAST).astype("datetime64[us, UTC]"),
    ).sort_values(["person", "_from"], kind="stable")
    nexts = table.groupby("person")["_from"].shift(-1)
    over = nexts.notna() & (table["_to"] > nexts)
    if over.any():
        who = sorted(table.loc[over, "person"].unique())
        raise DataError(
            f"spells: {len(who)} people have spells that overlap ({', '.join(repr(w) for w in who[:5])}). "
            "Correct their dates."
        )
    return table


def _as_of(person: pd.Series[Any], time: pd.Series[Any], table: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Look up one column for (person, time)."""
    if not len(person) or not len(table):
        return pd.Series([None] * len(person), index=person.index, dtype="str")
    left = pd.DataFrame(
        {
            "person": person.astype("str").to_numpy(),
            "time": pd.to_datetime(time, utc=True).astype("datetime64[us, UTC]").to_numpy(),
        }
    )
    left["time"] = left["time"].dt.tz_localize("UTC") if left["time"].dt.tz is None else left["time"]
    left["_row"] = np.arange(len(left))
    usable = left[left["time"].notna()].sort_values("time", kind="stable")
    right = (
        table[["person", "_from", "_to", column]]
        .astype({"person": "str"})
        .sort_values("_from", kind="stable")
    )
    joined = pd.merge_asof(usable, right, left_on="time", right_on="_from", by="person")
    value = joined[column].where(joined["time"] < joined["_to"])
    full = value.set_axis(joined["_row"].to_numpy()).reindex(range(len(left)))
    return pd.Series(full.to_numpy(), index=person.index, dtype=table[column].dtype)


def manager_tree(people: pd.DataFrame) -> pd.DataFrame:
    """Place of each person in the manager tree; several heads are allowed.

    Parameters
    ----------
    people : pandas.DataFrame
        Index = person, column ``manager`` (missing for a head).

    Returns
    -------
    pandas.DataFrame
        Index ``person``: ``depth`` (0 for a head, -1 in a cycle), ``n_reports`` (direct), ``head`` (whose
        tree), ``cycle``.

    Raises
    ------
    DataError
        When there is no column ``manager``.
    """
    manager = need(people, "manager")
    boss = {str(p): (str(m) if pd.notna(m) and m in people.index else None) for p, m in manager.items()}
    depth: dict[str, int] = {}
    head: dict[str, str] = {}
    for person in boss:
        path: list[str] = []
        at: str | None = person
        while at is not None and at not in depth and at not in path:
            path.append(at)
            at = boss[at]
        if at is not None and at in path:
            for member in path:
                depth[member], head[member] = -1, ""
            continue
        base, top = (depth[at], head[at]) if at is not None else (-1, "")
        for steps, member in enumerate(reversed(path), 1):
            stuck = at is not None and base == -1
            depth[member] = -1 if stuck else base + steps
            head[member] = "" if stuck else (top or path[-1])
    reports = pd.Series(list(boss.values()), dtype="str").dropna().value_counts()
    index = people.index
    return pd.DataFrame(
        {
            "depth": [depth[str(p)] for p in index],
            "n_reports": reports.reindex(index).fillna(0).astype("int64").to_numpy(),
            "head": [head[str(p)] for p in index],
            "cycle": [depth[str(p)] == -1 for p in index],
        },
        index=index,
    )


def mark_levels(
    events: pd.DataFrame, people: pd.DataFrame, *, spells: pd.DataFrame | None = None
) -> pd.Series[Any]:
    """Whether teaching went between peers, up or down the manager tree.

    ``downward``: the teacher is the manager of the learner, directly or over others; ``upward``: the
    learner is the manager of the teacher; ``peer``: neither. The claim that people learn from each other is
    about peers; a manager who teaches is authority.

    Parameters
    ----------
    events : pandas.DataFrame
        ``teacher, learner`` and, with ``spells``, ``time``.
    people : pandas.DataFrame
        Index = person, column ``manager``.
    spells : pandas.DataFrame, optional
        With a column ``manager``: the direct manager at the time of the event is used beside the present tree.

    Returns
    -------
    pandas.Series
        peer, upward, downward; missing where an end is not on the roster. Named ``"level"``.

    Raises
    ------
    DataError
        When there is no column ``manager``.
    """
    manager = need(people, "manager")
    boss = {str(p): (str(m) if pd.notna(m) else "") for p, m in manager.items()}
    above: dict[str, frozenset[str]] = {}
    for person in boss:
        seen: list[str] = []
        at = boss.get(person, "")
        while at and at not in seen and at != person:
            seen.append(at)
            at = boss.get(at, "")
        above[person] = frozenset(seen)
    then_t, then_l = _managers_then(events, spells)
    out: list[str | None] = []
    for teacher, learner, of_teacher, of_learner in zip(
        events["teacher"], events["learner"], then_t, then_l, strict=True
    ):
        if teacher not in boss or learner not in boss:
            out.append(None)
        elif teacher == of_learner or (not of_learner and teacher in above[learner]):
            out.append("downward")
        elif learner == of_teacher or (not of_teacher and learner in above[teacher]):
            out.append("upward")
        elif teacher in above[learner] and learner not in above[teacher]:
            out.append("downward")
        elif learner in above[teacher]:
            out.append("upward")
        else:
            out.append("peer")
    return pd.Series(out, index=events.index, name="level", dtype="str")


def _managers_then(events: pd.DataFrame, spells: pd.DataFrame | None) -> tuple[list[str], list[str]]:
    """Return the direct managers of teacher and learner at the time, empty where not known."""
    if spells is None or "manager" not in spells.columns or "time" not in events.columns:
        blank = [""] * len(events)
        return blank, blank
    known = unit_at_event(events, spells, column="manager").events
    return tuple(known[f"manager_{end}"].fillna("").tolist() for end in ("teacher", "learner"))  # type: ignore[return-value]
