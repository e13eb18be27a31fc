"""Dated roster rows to spells: what held for whom in [start, end)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text
from peernet.errors import DataError
from peernet.records.report import Ledger
from peernet.records.tables import empty_table

__all__ = ["build_spells", "latest_rows"]

_DAY = pd.Timedelta(days=1)
_FAR = pd.Timestamp("2262-01-01", tz="UTC")


def build_spells(
    frame: pd.DataFrame, name: str, fields: list[str], ledger: Ledger
) -> tuple[pd.DataFrame, pd.Index[Any]]:
    """Return spells and the row number of each person's latest row."""
    twice = frame["person"].duplicated(keep=False)
    dated = "effective_from" in frame.columns or "snapshot" in frame.columns
    if twice.any() and not dated:
        rows = frame.index[twice]
        people = frame.loc[twice, "person"].unique()
        raise DataError(
            f"{name}: {len(people)} ids stand more than once with different values "
            f"({rows_text(rows, frame.loc[twice, 'person'])}). "
            "Keep one row per person, or date the rows (effective_from, or a snapshot date)."
        )
    if not dated:
        spells = _one_each(frame, fields)
        return spells, frame.index
    column = "effective_from" if "effective_from" in frame.columns else "snapshot"
    ordered = frame.assign(_from=_starts(frame, column, name))
    ordered = ordered.sort_values(["person", "_from"], kind="stable")
    same = ordered.duplicated(["person", "_from"], keep=False)
    if same.any():
        rows = ordered.index[same]
        raise DataError(
            f"{name}: {quoted(ordered.loc[same, 'person'].unique())} have two rows with the same {column} "
            f"({rows_text(rows)}). Keep one."
        )
    latest = pd.Index(ordered.groupby("person", sort=False).tail(1).index)
    n_moves = int((ordered.groupby("person").size() > 1).sum())
    if n_moves:
        ledger.notes.append(f"{n_moves} people have several spells (movers); people holds the latest")
    later = ordered.groupby("person")["_from"].shift(-1)
    if "effective_to" in ordered.columns:
        end = _ends(ordered, later, name, ledger)
    else:
        end = _next_snapshot(ordered, later, ledger) if column == "snapshot" else later
    if "end" in ordered.columns:
        end = end.fillna(ordered["end"])
    spells = pd.DataFrame(
        {
            "person": ordered["person"],
            "start": ordered["_from"],
            "end": end,
            **{f: ordered[f] for f in fields},
        }
    )
    if column == "snapshot":
        spells = _fold(spells, fields)
    return _typed(spells), latest


def _next_snapshot(ordered: pd.DataFrame, later: pd.Series[Any], ledger: Ledger) -> pd.Series[Any]:
    """End each row at the file's next snapshot: who is not in it is not known to be there any more."""
    days = sorted(ordered["_from"].dropna().unique())
    end = ordered["_from"].map(dict(pairwise(days))).astype(ordered["_from"].dtype)
    gone = later.isna() & end.notna()
    ledger.flag("rows", "not in the next snapshot: the spell ends there", ordered.index[gone | (end < later)])
    if "end" in ordered.columns:
        end = end.mask((ordered["end"] > ordered["_from"]) & (ordered["end"] < end), ordered["end"])
    return end


def _starts(frame: pd.DataFrame, column: str, name: str) -> pd.Series[Any]:
    """Return the start of every row; a single undated row starts with the person."""
    start = frame[column]
    if "start" in frame.columns and column == "effective_from":
        start = start.fillna(frame["start"])
    twice = frame["person"].duplicated(keep=False)
    lost = start.isna() & twice
    if lost.any():
        raise DataError(
            f"{name}: {rows_text(frame.index[lost], frame.loc[lost, 'person'])} have no {column} although "
            "the person has "
            "several rows. Date them, or delete them."
        )
    return start


def _ends(ordered: pd.DataFrame, later: pd.Series[Any], name: str, ledger: Ledger) -> pd.Series[Any]:
    """Read effective_to as the last day or the first day after, whichever the file means; refuse overlaps."""
    end = ordered["effective_to"]
    both = end.notna() & later.notna()
    inclusive = bool((end + _DAY == later)[both].any()) and not bool((end == later)[both].any())
    if inclusive:
        ledger.notes.append("effective_to is the last day of a spell in this file; one day was added")
        end = end + _DAY
    over = both & (end > later)
    if over.any():
        rows = ordered.index[over]
        raise DataError(
            f"{name}: the spells of {quoted(ordered.loc[over, 'person'].unique())} overlap "
            f"({rows_text(rows)} end after the "
            "next one starts). Correct effective_to."
        )
    return end.fillna(later)


def _one_each(frame: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    """Make one spell of every person, over their whole time in the firm."""
    none = pd.Series(pd.NaT, index=frame.index).dt.tz_localize("UTC")
    start = frame["start"] if "start" in frame.columns else none
    end = frame["end"] if "end" in frame.columns else none
    return _typed(
        pd.DataFrame({"person": frame["person"], "start": start, "end": end, **{f: frame[f] for f in fields}})
    )


def _fold(spells: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    """Join consecutive snapshots that say the same."""
    values = spells[fields].fillna("") if fields else pd.DataFrame(index=spells.index)
    changed = (values != values.groupby(spells["person"]).shift()).any(axis=1) | ~spells[
        "person"
    ].duplicated()
    changed |= (
        spells["start"] != spells.groupby("person")["end"].shift()
    )  # a snapshot without them lies between
    number = changed.cumsum()
    first = spells.groupby(number).head(1).set_axis(number[changed].to_numpy())
    last = spells.groupby(number)["end"].last()
    return first.assign(end=last)


def _typed(spells: pd.DataFrame) -> pd.DataFrame:
    """Give the columns the types of an empty table."""
    types = empty_table("spells").dtypes
    out = spells.reset_index(drop=True)
    for column in ("start", "end"):
        out[column] = out[column].astype(types[column])
    return out


def latest_rows(frame: pd.DataFrame, latest: pd.Index[Any]) -> pd.DataFrame:
    """Return one row per person, in the order of first appearance, indexed by id."""
    order = frame["person"].drop_duplicates()
    rows = frame.loc[latest].set_index("person").reindex(order)
    if "start" in frame.columns:
        rows["start"] = frame.groupby("person")["start"].min().reindex(order)
    rows = rows.drop(columns=[c for c in ("effective_from", "effective_to", "snapshot") if c in rows.columns])
    for column in rows.columns:
        if pd.api.types.is_string_dtype(rows[column].dtype):
            rows[column] = rows[column].mask(rows[column] == "")
    rows.index = pd.Index(rows.index, dtype="str", name="person")
    return rows
