"""The subset of narwhals that runs alike on pandas, Polars, DuckDB, PySpark, Dask and sqlframe."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text, suggest
from peernet.errors import DataError

__all__ = [
    "as_lazy",
    "check_time",
    "collect",
    "epoch_days",
    "epoch_seconds",
    "first_answer",
    "is_duckdb",
    "numbers_as_days",
    "scan",
    "sessionise",
    "split_episodes",
    "to_days",
    "with_days",
    "within",
]

_READERS = {
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".json": "read_json",
}


_UTC = ("UTC", "Etc/UTC")
# What DuckDB may hold before it spills to disk, where a file is read for the caller: at 100 million events more
# memory saves no time. A relation that the caller opened keeps the caller's settings.
_MEMORY = 2 * 1024**3


def scan(path: str | os.PathLike[str]) -> Any:
    """Open a Parquet, CSV or JSONL file (or a pattern of files) as a lazy DuckDB relation.

    Ids are read as text: ``all_varchar`` for CSV, with weight and time converted, so that leading zeros
    survive.
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
    con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
    _spare(con)
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


def _spare(con: Any) -> None:
    """Lower the memory of a session that was opened here, and give it a place to spill to."""
    import tempfile

    told = con.sql("SELECT current_setting('memory_limit') AS m").fetchall()[0][0]
    number, unit = str(told).split()
    size = float(number) * {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}.get(unit, 1)
    if size > _MEMORY:
        con.execute(f"SET memory_limit = '{_MEMORY >> 20}MiB'")
    folder = os.path.join(tempfile.gettempdir(), f"peernet-{os.getpid()}.duckdb").replace("'", "''")
    con.execute(f"SET temp_directory = '{folder}'")


def is_duckdb(frame: Any) -> bool:
    """Say whether DuckDB holds a frame."""
    import narwhals as nw

    return type(nw.to_native(frame)).__module__.startswith(("duckdb", "_duckdb"))


def as_lazy(events: Any) -> Any:
    """Return any supported frame (or path) as a narwhals frame, lazy where its engine is."""
    import narwhals as nw

    if isinstance(events, (str, os.PathLike)):
        events = scan(events)
    try:
        return nw.from_native(_plain_zones(events) if isinstance(events, pd.DataFrame) else events)
    except TypeError as error:
        raise DataError(
            f"events must be a pandas, Polars, DuckDB, PySpark, Dask or sqlframe frame, or a path; "
            f"got {type(events).__name__}."
        ) from error


def _plain_zones(events: pd.DataFrame) -> pd.DataFrame:
    """Bring times of zones that narwhals does not read, or loses on the way ("America/New_York"), to UTC."""
    import narwhals as nw

    zoned = [
        name for name, kind in nw.from_native(events).schema.items()
        if (kind == nw.Unknown and isinstance(events.dtypes[name], pd.DatetimeTZDtype))
        or (isinstance(events.dtypes[name], pd.ArrowDtype) and _zone(kind) not in (None, *_UTC))
    ]  # fmt: skip
    moved = {name: events[name].dt.tz_convert("UTC") for name in zoned}
    return events.assign(**moved) if moved else events


def _zone(kind: Any) -> str | None:
    """Return the zone of a narwhals type."""
    found: str | None = getattr(kind, "time_zone", None)
    return found


def collect(frame: Any) -> pd.DataFrame:
    """Bring a (small) frame into pandas."""
    import narwhals as nw

    if isinstance(frame, nw.DataFrame):
        return frame.to_pandas().reset_index(drop=True)
    native = frame.to_native()
    if type(native).__module__.startswith(("duckdb", "_duckdb")):
        with warnings.catch_warnings():
            # DuckDB 2.0 calls pandas in a way that pandas 3 deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
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
    zone = _zone(dtype)
    if zone not in (None, *_UTC):
        if not type(nw.to_native(frame)).__module__.startswith(("pandas", "polars", "pyarrow")):
            raise DataError(
                f"events: {column} is in {zone}, which its engine cannot convert here. Set the session to UTC (Spark: "
                "spark.conf.set('spark.sql.session.timeZone', 'UTC'); DuckDB: SET TimeZone = 'UTC'), or in Dask "
                f"assign({column}=frame[{column!r}].dt.tz_convert('UTC')), and make the frame again."
            )
        time = time.dt.convert_time_zone("UTC")
    return epoch_seconds(time) / 86400.0


def check_time(frame: Any, column: str) -> None:
    """Refuse what is no time, or in a zone that cannot be converted, before anything is computed."""
    import narwhals as nw

    if not (is_duckdb(frame) and frame.collect_schema()[column] == nw.Datetime):
        epoch_days(frame, column)


def with_days(frame: Any, column: str, name: str) -> Any:
    """Add a time column as days; DuckDB has an own function for it, which takes a third of the arithmetic's time.

    It counts from the moment, whatever zone the session shows times in.
    """
    import narwhals as nw

    native = nw.to_native(frame)
    if is_duckdb(frame) and frame.collect_schema()[column] == nw.Datetime:
        quoted_name = column.replace('"', '""')
        return nw.from_native(native.project(f'*, epoch("{quoted_name}") / 86400.0 AS {name}'))
    return frame.with_columns(epoch_days(frame, column).alias(name))


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


def need(frame: Any, columns: Iterable[str], what: str) -> list[str]:
    """Return the columns of a frame, or say which of those needed are missing."""
    have = list(frame.collect_schema().names())
    missing = [c for c in columns if c not in have]
    if missing:
        raise DataError(
            f"{what} has no column {quoted(missing)}.{suggest(missing[0], have)} Columns: {', '.join(have)}."
        )
    return have


def _no_gaps(frame: Any, columns: list[str], what: str) -> None:
    """Refuse rows that say nothing in one of the columns, and count them."""
    import narwhals as nw

    one, none = nw.lit(1.0), nw.lit(0.0)
    parts = [
        nw.when(nw.col(c).is_null()).then(one).otherwise(none).sum().alias(f"_gaps_{k}")
        for k, c in enumerate(columns)
    ]
    row = collect(frame.select(*parts))
    for k, column in enumerate(columns):
        n = row[f"_gaps_{k}"].iloc[0] if len(row) else 0
        if pd.notna(n) and n > 0:
            raise DataError(f"{what}: {int(n)} rows have no {column}. Fill or filter them first.")


def numbers_as_days(frame: Any, time: str, per_day: float | None, what: str) -> Any:
    """Divide numbers in a time column into days; without ``per_day`` they are refused, for nobody knows their unit.

    Raises
    ------
    DataError
        For numbers whose unit was not said, and for a unit of what are no numbers.
    """
    import narwhals as nw

    need(frame, [time], what)
    if not frame.collect_schema()[time].is_numeric():
        if per_day is not None:
            raise DataError(
                f"{what}: {time} holds {frame.collect_schema()[time]}, no numbers. Leave out time_unit."
            )
        return frame
    if per_day is None:
        raise DataError(
            f'{what}: {time} holds numbers. Say what they count since 1970 with time_unit= "s", "ms", "us" or '
            '"days"; the result has days, as PeerNetwork.from_events takes them.'
        )
    return frame.with_columns((nw.col(time).cast(nw.Float64) / per_day).alias(time))


def within(frame: Any, later: str, earlier: str, hours: float) -> Any:
    """Expression: 0 <= later - earlier <= hours, for two time columns (numbers count days)."""
    gap = (epoch_days(frame, later) - epoch_days(frame, earlier)) * 24.0
    return (gap >= 0.0) & (gap <= hours + 1e-7)


def sessionise(frame: Any, by: list[str], time: str, gap_hours: float) -> Any:
    """Add ``session``: 1, 2, ... within ``by``; a silence longer than ``gap_hours`` begins a new one.

    Raises
    ------
    DataError
        For engines without ordered windows (Dask, pyarrow).
    """
    import narwhals as nw

    if type(nw.to_native(frame)).__module__.split(".")[0] in ("dask", "dask_expr", "pyarrow"):
        raise DataError(
            "sessions need ordered windows, which Dask and pyarrow do not have. Cut the sessions in "
            "pandas, Polars, "
            "DuckDB or Spark, or within each partition after a shuffle by person."
        )
    need(frame, [*by, time], "the table")
    frame = with_days(frame, time, "_t")
    frame = frame.with_columns(_before=nw.col("_t").shift(1).over(*by, order_by="_t"))
    late = (nw.col("_t") - nw.col("_before")) * 24.0 > gap_hours + 1e-7
    frame = frame.with_columns(
        _new=nw.when(late | nw.col("_before").is_null()).then(nw.lit(1)).otherwise(nw.lit(0))
    )
    frame = frame.with_columns(session=nw.col("_new").cum_sum().over(*by, order_by="_t").cast(nw.Int64))
    return frame.drop("_t", "_before", "_new")


def _earliest(frame: Any, thread: str, message: str) -> Any:
    """Keep the first row of each thread; at equal times the smallest message id."""
    import narwhals as nw

    frame = frame.with_columns(_first=nw.col("_t").min().over(thread)).filter(
        nw.col("_t") == nw.col("_first")
    )
    return frame.with_columns(_least=nw.col(message).min().over(thread)).filter(
        nw.col(message) == nw.col("_least")
    )


def first_answer(
    frame: Any, *, thread: str, author: str, time: str, message: str, hours: float | None, every: bool = False
) -> Any:
    """Rows ``thread, message, teacher, learner, time``: who first (or, with ``every``, who) answered whoever opened.

    The opener of a thread is the author of its earliest message; an answer is by somebody else, not before
    it and, unless ``hours`` is None, not later than that.
    """
    import narwhals as nw

    need(frame, [thread, author, time, message], "the table of messages")
    _no_gaps(frame, [thread, author, time, message], "the table of messages")
    table = with_days(frame, time, "_t").select(thread, message, author, time, "_t")
    table = table.unique(subset=[thread, message], keep="any")
    opener = _earliest(table, thread, message).select(
        thread, nw.col(author).alias("learner"), nw.col("_t").alias("_asked")
    )
    answers = table.join(opener, on=thread, how="inner").filter(
        (nw.col(author) != nw.col("learner")) & (nw.col("_t") >= nw.col("_asked"))
    )
    if hours is not None:
        answers = answers.filter((nw.col("_t") - nw.col("_asked")) * 24.0 <= hours + 1e-7)
    if not every:
        answers = _earliest(answers, thread, message)
    return answers.select(thread, message, nw.col(author).alias("teacher"), "learner", time)


def split_episodes(frame: Any, episode: list[str], weight: str | None) -> Any:
    """Divide the weight of each row by the number of rows of its episode, so that k recipients count 1/k each."""
    import narwhals as nw

    need(frame, [*episode, *([weight] if weight else [])], "events")
    _no_gaps(frame, episode, "events")
    counts = frame.with_columns(_one=nw.lit(1.0)).group_by(*episode).agg(nw.col("_one").sum().alias("_k"))
    name = weight or "weight"
    value = nw.col(weight).cast(nw.Float64) if weight else nw.lit(1.0)
    joined = frame.join(counts, on=episode, how="inner")
    return joined.with_columns((value / nw.col("_k")).alias(name)).drop("_k")
