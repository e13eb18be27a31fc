"""The subset of narwhals that runs alike on pandas, Polars, DuckDB, PySpark, Dask and sqlframe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import rows_text
from peernet.errors import DataError

__all__ = ["as_lazy", "collect", "epoch_days", "epoch_seconds", "scan", "to_days"]

_READERS = {
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".json": "read_json",
}


def scan(path: str | os.PathLike[str]) -> Any:
    """Open a Parquet, CSV or JSONL file (or a pattern of files) as a lazy DuckDB relation.

    Ids are read as text: ``all_varchar`` for CSV, with weight and time converted, so that leading zeros survive.
    """
    import duckdb

    text = os.fspath(path)
    stem = text[:-3] if text.endswith(".gz") else text
    suffix = Path(stem).suffix.lower()
    if suffix not in _READERS:
        raise DataError(
            f"cannot tell the format of {Path(text).name!r}. Known endings: {', '.join(_READERS)}."
        )
    if not any(c in text for c in "*?[") and not Path(text).exists():
        raise DataError(f"no file at {text!r}.")
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    try:
        if _READERS[suffix] != "read_csv":
            return getattr(con, _READERS[suffix])(text)
        names = con.read_csv(text, all_varchar=True).columns
        types = {"weight": "DOUBLE", "time": "TIMESTAMPTZ"}
        sniffed = con.read_csv(text)
        kinds = dict(zip(sniffed.columns, [str(t) for t in sniffed.types], strict=True))
        ids = {
            n: "VARCHAR"
            for n in names
            if n in ("teacher", "learner") or (kinds[n] == "BIGINT" and n not in types)
        }
        return con.read_csv(text, dtype=ids)
    except duckdb.Error as error:
        why = str(error).splitlines()[0]
        raise DataError(f"{Path(text).name}: DuckDB cannot read it as {suffix[1:]}: {why}") from error


def as_lazy(events: Any) -> Any:
    """Return any supported frame (or path) as a narwhals frame, lazy where its engine is."""
    import narwhals as nw

    if isinstance(events, (str, os.PathLike)):
        events = scan(events)
    try:
        return nw.from_native(events)
    except TypeError as error:
        raise DataError(
            f"events must be a pandas, Polars, DuckDB, PySpark, Dask or sqlframe frame, or a path; "
            f"got {type(events).__name__}."
        ) from error


def collect(frame: Any) -> pd.DataFrame:
    """Bring a (small) frame into pandas."""
    import narwhals as nw

    if isinstance(frame, nw.DataFrame):
        return frame.to_pandas().reset_index(drop=True)
    native = frame.to_native()
    if type(native).__module__.startswith(("duckdb", "_duckdb")):
        table: pd.DataFrame = native.df()
        return table
    if type(native).__module__.startswith("sqlframe"):
        return pd.DataFrame([tuple(r) for r in native.collect()], columns=frame.collect_schema().names())
    out: pd.DataFrame = frame.collect(backend="pandas").to_native()
    return out.reset_index(drop=True)


def epoch_seconds(time: Any) -> Any:
    """Seconds since 1970 of a UTC time expression, by arithmetic that every engine knows."""
    import narwhals as nw

    year = time.dt.year().cast(nw.Int64)
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    since = leaps - (1969 // 4 - 1969 // 100 + 1969 // 400)
    days = (year - 1970) * 365 + since + time.dt.ordinal_day().cast(nw.Int64) - 1
    clock = time.dt.hour().cast(nw.Int64) * 3600 + time.dt.minute().cast(nw.Int64) * 60
    clock = clock + time.dt.second().cast(nw.Int64)
    return (days * 86400 + clock).cast(nw.Float64) + time.dt.microsecond().cast(nw.Float64) / 1e6


def epoch_days(frame: Any, column: str) -> Any:
    """Time column as days: since 1970 for dates and times, as it is for numbers.

    Raises
    ------
    DataError
        When the column is text, or in a zone that its engine cannot convert.
    """
    import narwhals as nw

    dtype = frame.collect_schema()[column]
    time = nw.col(column)
    if dtype.is_numeric():
        return time.cast(nw.Float64)
    if dtype == nw.Date:
        return epoch_seconds(time.cast(nw.Datetime("us"))) / 86400.0
    if dtype != nw.Datetime:
        raise DataError(_why_no_time(frame, column))
    zone = getattr(dtype, "time_zone", None)
    if zone not in (None, "UTC", "Etc/UTC"):
        module = type(nw.to_native(frame)).__module__
        if not module.startswith(("pandas", "polars")):
            raise DataError(f"events: {column} is in {zone}. Convert it to UTC in its engine first.")
        time = time.dt.convert_time_zone("UTC")
    return epoch_seconds(time) / 86400.0


def _why_no_time(frame: Any, column: str) -> str:
    """Say what is wrong with a time column that holds no times."""
    values = pd.Series(collect(frame.select(column).head(1000))[column])
    texts = values.astype("str")
    zones = texts.str.extract(r"([+-]\d\d:?\d\d|Z|UTC)$")[0].fillna("none")
    advice = "Read it with pd.to_datetime(..., utc=True)."
    if zones.nunique() > 1:
        first = [int((zones == z).to_numpy().argmax()) for z in zones.unique()[:3]]
        return f"events: {column} mixes time zones ({rows_text(first, texts.iloc[first])}). {advice}"
    kind = frame.collect_schema()[column]
    return f"events: {column} holds {kind}, not times ({rows_text([0], texts.iloc[:1])}). {advice}"


def to_days(value: Any) -> float:
    """A bound in the unit of ``epoch_days``: UTC times as days since 1970, numbers as they are."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    stamp = pd.Timestamp(value)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return float((stamp - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1))
