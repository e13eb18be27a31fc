"""The portable helpers give the same values on every engine, and those of the definition written out slowly."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork, _portable
from peernet.ingest import first_answers, sessions_of, split_recipients

ENGINES = ["pandas", "polars", "lazy", "duckdb", "sqlframe"]


def make(n: int = 400, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 60 * 24 * 20, n)  # many equal times
    return pd.DataFrame(
        {
            "thread": [f"t{i:02d}" for i in rng.integers(0, 60, n)],
            "message": [f"m{i:04d}" for i in rng.permutation(n)],
            "author": [f"{i:02d}" for i in rng.integers(0, 9, n)],
            "time": (pd.Timestamp("2024-02-25") + pd.to_timedelta(minutes - minutes % 30, unit="m")).as_unit(
                "us"
            ),
        }
    )


MESSAGES = make()


def on(engine: str, frame: pd.DataFrame) -> Any:
    if engine == "pandas":
        return frame
    if engine in ("polars", "lazy"):
        import polars as pl

        found = pl.from_pandas(frame)
        return found.lazy() if engine == "lazy" else found
    if engine == "duckdb":
        import duckdb

        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        con.register("frame", frame)
        return con.sql("select * from frame")
    from sqlframe.duckdb import DuckDBSession

    return DuckDBSession().createDataFrame(frame)


def rows(frame: Any) -> pd.DataFrame:
    return _portable.collect(_portable.as_lazy(frame))


def slow_answers(messages: pd.DataFrame, hours: float | None, every: bool) -> set[tuple[str, str, str, str]]:
    out = set()
    for thread, part in messages.sort_values(["time", "message"]).groupby("thread"):
        first = part.iloc[0]
        for row in part.iloc[1:].itertuples():
            late = hours is not None and row.time - first["time"] > pd.Timedelta(hours=hours)
            if row.author != first["author"] and not late:
                out.add((str(thread), row.message, row.author, first["author"]))
                if not every:
                    break
    return out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("hours", "answers"), [(24.0, "first"), (36.5, "all"), (None, "first")])
def test_first_answers(engine: str, hours: float | None, answers: Any) -> None:
    if engine == "sqlframe" and hours != 24.0:
        pytest.skip("its optimiser takes half a minute a query; one is enough")
    found = rows(first_answers(on(engine, MESSAGES), hours=hours, answers=answers))
    got = set(zip(found["thread"], found["message"], found["teacher"], found["learner"], strict=True))
    assert got == slow_answers(MESSAGES, hours, answers == "all")
    assert len(found) == len(got) > 10


@pytest.mark.parametrize("engine", ENGINES[:-1])
def test_answers_fold_in_their_engine(engine: str) -> None:
    net = PeerNetwork.from_events(first_answers(on(engine, MESSAGES), hours=24.0))
    want = Counter((t, k) for _, _, t, k in slow_answers(MESSAGES, 24.0, False))
    ties = net.ties
    assert dict(zip(zip(ties["teacher"], ties["learner"], strict=True), ties["weight"], strict=True)) == want


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("gap", [1.0, 6.0])
def test_sessions(engine: str, gap: float) -> None:
    if engine == "sqlframe" and gap == 1.0:
        pytest.skip("its optimiser is slow; one is enough")
    found = rows(sessions_of(on(engine, MESSAGES), by=["thread"], gap_hours=gap))
    want: dict[str, int] = {}
    for _, part in MESSAGES.sort_values("time").groupby("thread"):
        number, last = 0, None
        for row in part.itertuples():
            number += last is None or row.time - last > pd.Timedelta(hours=gap)
            want[row.message], last = number, row.time
    assert dict(zip(found["message"], found["session"], strict=True)) == want


@pytest.mark.parametrize("engine", ENGINES)
def test_many_recipients(engine: str) -> None:
    events = pd.DataFrame(
        {
            "teacher": ["a", "a", "a", "b"],
            "learner": ["b", "c", "d", "a"],
            "evidence": ["m1", "m1", "m1", "m2"],
            "w": [3.0, 3.0, 6.0, 2.0],
        }
    )
    found = rows(split_recipients(on(engine, events), weight="w")).sort_values(["teacher", "learner"])
    assert found["w"].tolist() == [1.0, 1.0, 2.0, 2.0]
    plain = rows(split_recipients(on(engine, events.drop(columns="w")))).sort_values(["teacher", "learner"])
    assert plain["weight"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])


@pytest.mark.parametrize("engine", ENGINES)
def test_within(engine: str) -> None:
    import narwhals as nw

    base = pd.Timestamp("2024-03-31T00:00")
    frame = pd.DataFrame(
        {"n": [0, 1, 2, 3], "a": [base] * 4, "b": [base + pd.Timedelta(h, "h") for h in (-1, 0, 24, 24.001)]}
    )
    frame = frame.astype({"a": "datetime64[us]", "b": "datetime64[us]"})
    lazy = _portable.as_lazy(on(engine, frame))
    kept = _portable.collect(lazy.filter(_portable.within(lazy, "b", "a", 24)).select(nw.col("n")))
    assert sorted(kept["n"]) == [1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_epoch_seconds_by_value(engine: str) -> None:
    times = pd.to_datetime(
        ["1970-01-01", "1999-12-31T23:59:59", "2000-02-29T12:00", "2024-02-29T23:59:59.999999", "2100-03-01"],
        format="ISO8601",
    )
    frame = pd.DataFrame({"time": times.astype("datetime64[us]")})
    lazy = _portable.as_lazy(on(engine, frame))
    got = sorted(_portable.collect(lazy.select(_portable.epoch_days(lazy, "time").alias("d")))["d"])
    want = [(t - pd.Timestamp(0)) / pd.Timedelta(days=1) for t in times]
    assert got == pytest.approx(want, abs=1e-10)


def test_missing_columns_and_engines_without_windows() -> None:
    with pytest.raises(DataError, match="no column 'thread'"):
        first_answers(MESSAGES.drop(columns="thread"))
    with pytest.raises(DataError, match="no column 'evidence'"):
        split_recipients(MESSAGES)
    with pytest.raises(ValueError, match="answers must be one of"):
        first_answers(MESSAGES, answers="some")  # type: ignore[arg-type]
    import polars as pl

    with pytest.raises(DataError, match="ordered windows"):
        sessions_of(pl.from_pandas(MESSAGES).to_arrow(), by="thread")


def check_engine(frame: Any, sessions: bool) -> None:
    """Answers, shares of recipients and, where there are ordered windows, sessions as pandas gives them."""
    got = rows(first_answers(frame, hours=24.0))
    found = set(zip(got["thread"], got["message"], got["teacher"], got["learner"], strict=True))
    assert found == slow_answers(MESSAGES, 24.0, False)
    shared = rows(split_recipients(frame, episode="thread"))
    assert shared["weight"].sum() == pytest.approx(MESSAGES["thread"].nunique())
    if sessions:
        want = sessions_of(MESSAGES, by=["thread"]).set_index("message")["session"].to_dict()
        ours = rows(sessions_of(frame, by=["thread"]))
        assert dict(zip(ours["message"], ours["session"], strict=True)) == want
    else:
        with pytest.raises(DataError, match="ordered windows"):
            sessions_of(frame, by=["thread"])


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_dask() -> None:
    dd = pytest.importorskip("dask.dataframe")
    check_engine(dd.from_pandas(MESSAGES, npartitions=3), sessions=False)


@pytest.mark.engines
@pytest.mark.filterwarnings("ignore")
def test_pyspark() -> None:
    sql = pytest.importorskip("pyspark.sql")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("PySpark needs a Java runtime (JRE 17 or later)")
    session = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    try:
        data = [(r.thread, r.message, r.author, r.time.to_pydatetime()) for r in MESSAGES.itertuples()]
        frame = session.createDataFrame(
            data, "thread string, message string, author string, time timestamp_ntz"
        )
        check_engine(frame, sessions=True)
    finally:
        session.stop()


@pytest.mark.parametrize("zone", ["America/New_York", "Etc/GMT+5", "Europe/Berlin"])
def test_times_in_any_zone_are_the_same_moments(zone: str) -> None:
    times = pd.to_datetime(["2024-03-10T06:59:00Z", "2024-03-10T07:01:00Z"])
    table = pd.DataFrame({"teacher": "a", "learner": "b", "time": times})
    want = PeerNetwork.from_events(table, half_life=1.0).ties
    got = PeerNetwork.from_events(table.assign(time=times.tz_convert(zone)), half_life=1.0).ties
    pd.testing.assert_frame_equal(got, want)
    assert got["first"].iloc[0] * 86400 == pytest.approx(times[0].timestamp())


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "UTC", "+05:30"])
def test_zones_of_duckdb_sessions_and_of_arrow_are_the_same_moments(zone: str) -> None:
    import duckdb
    import pyarrow as pa

    times = pd.to_datetime(["2024-03-10T06:59:00Z", "2024-03-10T07:01:00Z", "2024-03-31T00:30:00Z"]).as_unit(
        "us"
    )
    table = pd.DataFrame({"teacher": list("aab"), "learner": list("bca"), "time": times})
    want = PeerNetwork.from_events(table, half_life=1.0, end="2024-04-01").ties
    arrow = table.assign(time=table["time"].astype(pd.ArrowDtype(pa.timestamp("us", tz=zone))))
    frames: list[Any] = [arrow, pa.Table.from_pandas(arrow)]
    if not zone.startswith("+"):
        session = duckdb.connect()
        session.execute(f"SET TimeZone = '{zone}'")
        session.register("rows_", table.astype({"teacher": object, "learner": object}))
        frames.append(session.sql("SELECT teacher, learner, time FROM rows_"))
        assert "TIME ZONE" in str(frames[-1].types[2])
    for frame in frames:
        got = PeerNetwork.from_events(frame, half_life=1.0, end="2024-04-01").ties
        pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_answers_and_sessions_in_a_session_of_another_zone(zone: str) -> None:
    import duckdb

    session = duckdb.connect()
    session.execute(f"SET TimeZone = '{zone}'")
    zoned = MESSAGES.assign(time=MESSAGES["time"].dt.tz_localize("UTC"))
    session.register("rows_", zoned.astype({"thread": object, "message": object, "author": object}))
    frame = session.sql("SELECT * FROM rows_")
    got = first_answers(frame, hours=36.5, answers="all").project("thread, message, teacher, learner")
    assert set(got.fetchall()) == slow_answers(MESSAGES, 36.5, True)
    want = dict(
        sessions_of(MESSAGES, by=["thread"], gap_hours=6.0)[["message", "session"]].to_numpy().tolist()
    )
    assert (
        dict(sessions_of(frame, by=["thread"], gap_hours=6.0).project("message, session").fetchall()) == want
    )


def test_an_engine_that_cannot_convert_a_zone_says_how_to() -> None:
    import duckdb
    import narwhals as nw

    session = duckdb.connect()
    session.execute("SET TimeZone = 'Asia/Tokyo'")
    lazy = nw.from_native(session.sql("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS time"))
    with pytest.raises(DataError, match=r"time is in Asia/Tokyo.*SET TimeZone = 'UTC'"):
        _portable.epoch_days(lazy, "time")


@pytest.mark.parametrize("engine", ENGINES[:-1])
@pytest.mark.parametrize(("unit", "per_day"), [("s", 86400), ("ms", 86_400_000), ("days", 1)])
def test_numbers_need_their_unit(engine: str, unit: Any, per_day: int) -> None:
    days = (MESSAGES["time"] - pd.Timestamp(0)) / pd.Timedelta(days=1)
    numbers = MESSAGES.assign(time=days * per_day)
    with pytest.raises(DataError, match=r"time holds numbers.*time_unit="):
        first_answers(on(engine, numbers))
    with pytest.raises(DataError, match=r"time holds numbers.*time_unit="):
        sessions_of(on(engine, numbers), by="thread")
    found = rows(first_answers(on(engine, numbers), time_unit=unit, hours=24.0))
    got = set(zip(found["thread"], found["message"], found["teacher"], found["learner"], strict=True))
    assert got == slow_answers(MESSAGES, 24.0, False)
    assert found["time"].max() == pytest.approx(days[MESSAGES["message"].isin(found["message"])].max())
    with pytest.raises(DataError, match="Leave out time_unit"):
        first_answers(on(engine, MESSAGES), time_unit=unit)


def test_rows_without_a_key_are_refused_and_counted() -> None:
    events = pd.DataFrame({"teacher": "a", "learner": list("bcde"), "evidence": ["x", "x", None, None]})
    with pytest.raises(DataError, match="2 rows have no evidence"):
        split_recipients(events)
    gaps = MESSAGES.assign(time=MESSAGES["time"].mask(MESSAGES.index < 3))
    with pytest.raises(DataError, match="3 rows have no time"):
        first_answers(gaps)
    with pytest.raises(DataError, match="3 rows have no author"):
        first_answers(MESSAGES.assign(author=MESSAGES["author"].mask(MESSAGES.index < 3)))
