"""A plain table of who taught whom, in whatever engine holds it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet import _portable
from peernet._check import literal, quoted, suggest
from peernet.errors import DataError
from peernet.ingest._fields import is_bot_name
from peernet.ingest._files import existing, file_facts
from peernet.ingest._times import DateOrder, parse_times, zone
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_events"]

DOUBTFUL = "time lies in the hour that the clocks repeat or skip"
_FIELDS = ("teacher", "learner", "time", "weight", "kind", "context", "topic", "evidence")
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000}


def read_events(
    events: Any,
    *,
    people: People | None = None,
    columns: Mapping[str, str] | None = None,
    kind: str = "event",
    source: str = "table",
    time_zone: str | None = None,
    time_unit: Literal["s", "ms", "us"] = "s",
    date_order: DateOrder = "auto",
    bots: bool = True,
    aliases: Aliases = None,
) -> Records:
    """Episodes of teaching from a plain table: one row, one teacher, one learner.

    The table may be a pandas, Polars, DuckDB, PySpark, Dask or sqlframe frame, or the path of Parquet, CSV
    or JSON lines (read by DuckDB). Only the columns named are taken out of the engine. For more rows than
    fit memory, fold them where they are with ``PeerNetwork.from_events``; this reader is for joining them
    with the rest of a study. Direction: as the columns say; there is no guessing which of two names teaches.

    Parameters
    ----------
    events : frame or path
        Needs a teacher, a learner and a time.
    people : Records or pandas.DataFrame, optional
        The roster; ids, e-mails and logins are matched. Without it, one person a value.
    columns : dict, optional
        Field -> heading: teacher, learner, time, weight, kind, context, topic, evidence. Default: the same
        names.
    kind, source : str
        Value of ``kind`` where there is no such column, and of ``source``.
    time_zone : str, optional
        Zone of times that state none; UTC by default.
    time_unit : {"s", "ms", "us"}
        What whole numbers in the time column count since 1970.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month in times given as text.
    bots : bool
        Leave out ids that bots go by (``...[bot]``, dependabot, ``x-bot``).
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches.

    Returns
    -------
    Records
        ``events`` and the report; ``sessions_of`` cuts a table of events into sessions.

    Raises
    ------
    DataError
        When a needed column is missing or a path cannot be read.
    """
    literal("time_unit", time_unit, tuple(_PER_SECOND))
    trace = Traces("read_events", source)
    is_path = isinstance(events, (str, os.PathLike))
    where = existing(events, "read_events") if is_path else None
    frame = _take(events, columns, where.name if where is not None else "events")
    if where is not None:
        trace.ledger.files.append(file_facts(where))
    else:
        trace.ledger.files.append(
            {"file": f"{type(events).__module__.split('.')[0]} frame", "sha256": "", "bytes": 0}
        )
    n = len(frame)
    trace.ledger.read("rows", n)
    zone = _times(frame, trace, time_zone, time_unit, date_order)
    frame = _clean(frame, trace, kind)
    if bots:
        for name in pd.unique(pd.concat([frame["teacher"], frame["learner"]])):
            if is_bot_name(str(name).split("@")[0]):
                trace.account(str(name), bot=True)
    trace.bulk(frame)
    return trace.records(people, aliases, direction="as the columns teacher and learner say", time_zone=zone)


def _take(events: Any, columns: Mapping[str, str] | None, name: str) -> pd.DataFrame:
    """Bring the columns that are used out of the engine."""
    import narwhals as nw

    given = dict(columns or {})
    for field in given:
        if field not in _FIELDS:
            raise ValueError(
                f"columns: no field {field!r}.{suggest(field, _FIELDS)} Fields: {', '.join(_FIELDS)}."
            )
    lazy = _portable.as_lazy(events)
    have = list(lazy.collect_schema().names())
    wanted = {field: given.get(field, field) for field in _FIELDS}
    missing = [
        h for f, h in wanted.items() if h not in have and (f in given or f in ("teacher", "learner", "time"))
    ]
    if missing:
        raise DataError(
            f"{name} has no column {quoted(missing)}.{suggest(missing[0], have)} Columns: {', '.join(have)}. "
            "Pass columns=."
        )
    kept = {f: h for f, h in wanted.items() if h in have}
    try:
        return _portable.collect(lazy.select(*[nw.col(h).alias(f) for f, h in kept.items()]))
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("duckdb", "_duckdb"):
            raise DataError(f"{name} cannot be read: {str(error).splitlines()[0][:200]}") from None
        raise


def _times(frame: pd.DataFrame, trace: Traces, time_zone: str | None, unit: str, order: DateOrder) -> str:
    """Turn the time column into microseconds, -1 where it says nothing."""
    column = frame["time"]
    said = "UTC, as stated in the table"
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        said = f"UTC ({unit} since 1970)"
        number = pd.to_numeric(column, errors="coerce").astype("float64")
        sane = number.between(3.15e8 * _PER_SECOND[unit], 4.1e9 * _PER_SECOND[unit])
        if number.notna().any() and not sane.any():
            raise DataError(
                f"read_events: no time lies between 1980 and 2100 when read as time_unit={unit!r} "
                f"(first: {number.dropna().iloc[0]:.0f}). Pass time_unit= 's', 'ms' or 'us'."
            )
        micro = (
            (number.where(sane, -1.0) * (1_000_000 // _PER_SECOND[unit]))
            .where(sane, -1)
            .round()
            .astype("int64")
        )
    elif isinstance(column.dtype, pd.DatetimeTZDtype) or str(column.dtype).startswith("datetime64"):
        stamp = pd.to_datetime(column)
        if stamp.dt.tz is None:
            said = f"local times of {time_zone}" if time_zone else "UTC (assumed: the table states no zone)"
            stamp = _localised(stamp, time_zone or "UTC", trace)
        micro = (
            stamp.dt.tz_convert("UTC")
            .dt.tz_localize(None)
            .astype("datetime64[us]")
            .astype("int64")
            .where(stamp.notna(), -1)
        )
    else:
        texts = column.astype("object").map(lambda v: "" if pd.isna(v) else str(v))
        parsed = parse_times(
            texts.set_axis(range(1, len(texts) + 1)),
            "read_events, column time",
            time_zone=time_zone,
            date_order=order,
        )
        said = parsed.zone or said
        trace.ledger.flag("rows", DOUBTFUL, parsed.doubtful)
        micro = (
            parsed.time.dt.tz_localize(None)
            .astype("int64")
            .where(parsed.time.notna(), -1)
            .set_axis(frame.index)
        )
    frame["time"] = micro
    return said


def _localised(stamp: pd.Series[Any], time_zone: str, trace: Traces) -> pd.Series[Any]:
    """Read local times as a zone's; in the hour that clocks repeat the first is meant, and it is flagged."""
    place = zone(time_zone)
    out = stamp.dt.tz_localize(place, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    doubtful = np.flatnonzero((out.isna() & stamp.notna()).to_numpy())
    trace.ledger.flag("rows", DOUBTFUL, (doubtful + 1).tolist())
    moments = {k: pd.Timestamp(stamp.iloc[k]).to_pydatetime(warn=False) for k in doubtful.tolist()}
    meant = {k: pd.Timestamp(m.replace(tzinfo=place).astimezone(dt.UTC)) for k, m in moments.items()}
    filled: pd.Series[Any] = out.reset_index(drop=True).fillna(pd.Series(meant, dtype=out.dtype))
    return filled.set_axis(stamp.index)


def _id(value: Any) -> str:
    """Write an id; one gap makes decimals of a column of whole numbers, and 2.0 is then 2."""
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _clean(frame: pd.DataFrame, trace: Traces, kind: str) -> pd.DataFrame:
    """Drop rows that say too little, and fill what is optional."""
    rows = pd.Series(range(1, len(frame) + 1), index=frame.index)

    def drop(bad: pd.Series[Any], reason: str) -> None:
        nonlocal frame
        listed = rows[bad[bad].index]
        trace.ledger.drop("rows", reason, listed.iloc[:1000], stage="match", n=len(listed))
        frame = frame[~bad]

    for end in ("teacher", "learner"):
        text = frame[end].astype("object").map(_id)
        frame[end] = text.astype("str")
    drop((frame["teacher"] == "") | (frame["learner"] == ""), "no teacher or no learner")
    drop(frame["time"] < 0, "no time, or one that cannot be read")
    if "weight" in frame.columns:
        weight = pd.to_numeric(frame["weight"], errors="coerce").astype("float64")
        frame = frame.assign(weight=weight)
        drop(~(weight.gt(0) & weight.lt(float("inf"))), "weight is missing, infinite, zero or negative")
    else:
        frame = frame.assign(weight=1.0)
    rest = {"kind": kind, "context": "", "topic": ""}
    filled = {
        f: frame[f].astype("object").map(lambda v, d=d: d if pd.isna(v) else str(v)).astype("str")
        if f in frame.columns
        else d
        for f, d in rest.items()
    }
    frame = frame.assign(**filled)
    given = (
        frame["evidence"].astype("object").map(lambda v: "" if pd.isna(v) else str(v))
        if "evidence" in frame.columns
        else None
    )
    number = "row/" + rows[frame.index].astype("str")
    frame = frame.assign(evidence=number if given is None else given.where(given != "", number))
    return frame.astype(dict.fromkeys(("kind", "context", "topic", "evidence"), "str"))
