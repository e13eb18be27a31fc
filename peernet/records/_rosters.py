"""Which roster holds for which survey wave, where rosters are not dated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet._tables import as_ids

if TYPE_CHECKING:
    from peernet.records.tables import Records

__all__ = [
    "dated", "facts_of", "join_people", "kept_rosters", "moved_between", "n_moved", "roster_of", "same_people",
    "stacked",
]  # fmt: skip

# Columns that say who somebody is: kept once, in people.
_WHO = ("name", "email", "first_name", "last_name", "work_email", "login")


def kept_rosters(parts: list[Records]) -> dict[str, pd.DataFrame]:
    """Return the people of each wave, indexed by person, where records of several waves have different rosters.

    A wave's roster is the people table beside its respondents; where two files of one wave have different ones, all
    people of both. Empty where every wave has the same roster, so that one table says it all.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    explicit = False
    for part in parts:
        if len(part.rosters):
            explicit = True
            for wave, rows in part.rosters.groupby("wave", sort=False):
                found.setdefault(str(wave), []).append(rows.drop(columns="wave").set_index("person"))
        for wave in part.respondents["wave"].unique() if len(part.people) and len(part.respondents) else ():
            if not (part.rosters["wave"] == wave).any():
                found.setdefault(str(wave), []).append(facts_of(part.people))
    tables = {}
    for wave, frames in found.items():
        table = frames[0]
        for frame in frames[1:]:
            if frame is not table:
                more = frame.loc[frame.index.difference(table.index, sort=False)]
                table = pd.concat([table, more]) if len(more) else table
        tables[wave] = table
    first, *others = tables.values() if tables else (pd.DataFrame(),)
    return tables if explicit or not all(same_people(first, t) for t in others) else {}


def facts_of(people: pd.DataFrame) -> pd.DataFrame:
    """Return a roster without the columns that say who somebody is: those are kept once."""
    return people.drop(columns=list(_WHO), errors="ignore")


def same_people(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Say whether two rosters hold the same people with the same facts, whatever the order of rows and columns."""
    if one is other:
        return True
    if len(one) != len(other) or not other.index.isin(one.index).all():
        return False
    shared = [c for c in one.columns if c in other.columns and c not in _WHO]
    mine, theirs = (f[shared].astype("str").fillna("") for f in (one, other.reindex(one.index)))
    return bool((mine == theirs).all(axis=None))


def n_moved(frames: list[pd.DataFrame]) -> int:
    """Count people whose unit differs between two tables."""
    units = [f["unit"].dropna() for f in {id(f): f for f in frames}.values() if "unit" in f.columns]
    if len(units) < 2:
        return 0
    every = pd.concat(units)
    return int((every.groupby(level=0).nunique() > 1).sum())


def join_people(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Take each attribute from the first table that has it."""
    out = frames[0]
    for frame in frames[1:]:
        if frame is not out and len(frame.index):
            order = out.index.append(frame.index.difference(out.index, sort=False))
            columns = [*out.columns, *(c for c in frame.columns if c not in out.columns)]
            out = out.combine_first(frame).reindex(index=order, columns=columns)
    index: pd.Index[Any] = as_ids(out.index, "people").rename("person")
    return out.set_axis(index)


def stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Write the rosters of all waves in one long table."""
    frames = [
        t.rename_axis("person").reset_index().assign(person=lambda f: f["person"].astype("str"), wave=wave)
        for wave, t in tables.items()
    ]
    out = pd.concat(frames, ignore_index=True)
    first = ["person", "wave"]
    return out[first + [c for c in out.columns if c not in first]].astype({"wave": "str"})


def roster_of(records: Records, wave: str | None) -> pd.DataFrame:
    """Return the people of a wave; everybody where no roster of its own is kept."""
    rows = records.rosters[records.rosters["wave"] == wave] if len(records.rosters) else records.rosters
    if not len(rows):
        return records.people
    table = rows.drop(columns="wave").set_index("person")
    table = table.dropna(axis=1, how="all")
    who = records.people.reindex(table.index)
    for column in [c for c in _WHO if c in who.columns][::-1]:
        table.insert(0, column, who[column])
    return table


def moved_between(records: Records, first: str, second: str, *, column: str = "unit") -> int | None:
    """Count people who were there in both waves with another unit in the second; None where units are not known.

    Each wave's own roster says it where rosters were kept, else the spells at the middle of the answers.
    """
    units = [_units(records, wave, column) for wave in (first, second)]
    before, after = units
    if before is None or after is None:
        return None
    both = before.index.intersection(after.index)
    then, now = before.loc[both], after.loc[both]
    return int((then.notna() & now.notna() & (then != now)).sum())


def _units(records: Records, wave: str, column: str) -> pd.Series[Any] | None:
    """Return the units of those who were there in a wave."""
    from peernet.records.spells import unit_at_event

    asked = records.respondents[records.respondents["wave"] == wave]
    there = asked.loc[asked["status"] != "not_asked", "person"]
    if len(records.rosters) and (records.rosters["wave"] == wave).any():
        own = roster_of(records, wave)
        return own[column].reindex(there) if column in own.columns else None
    spells = records.spells
    middle = asked["finished"].median() if len(asked) else pd.NaT
    if column not in spells.columns or not spells["person"].duplicated().any() or pd.isna(middle):
        return records.people[column].reindex(there) if column in records.people.columns else None
    events = pd.DataFrame({"time": middle, "teacher": there.to_numpy(), "learner": there.to_numpy()})
    events["time"] = pd.to_datetime(events["time"], utc=True)
    at = unit_at_event(events, spells, column=column).events[f"{column}_teacher"]
    return pd.Series(at.to_numpy(), index=there.to_numpy())


def dated(records: Records) -> bool:
    """Say whether a roster dates its rows, beyond the day on which somebody joined."""
    spells = records.spells
    if not len(spells):
        return False
    if spells["person"].duplicated().any():
        return True
    started = records.people["start"] if "start" in records.people.columns else None
    joined = spells["person"].map(started) if started is not None else pd.Series(pd.NaT, index=spells.index)
    return bool((spells["start"].notna() & (spells["start"] != joined)).any())
