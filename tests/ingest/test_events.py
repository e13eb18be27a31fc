"""read_events: a plain table in any engine gives the same records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_events
from tests.ingest.traces import ANA, BO, CY, ROSTER, balance, only_data_errors, triples, well_formed

TABLE = pd.DataFrame(
    {
        "who": [
            "ana@firm.example",
            "p2",
            "cy",
            "renovate[bot]",
            "bo.b",
            "zoe",
            "ana@firm.example",
            "p2",
            None,
        ],
        "whom": ["p2", "cy", "007", "p2", "p2", "p2", "p2", "007", "p2"],
        "at": pd.to_datetime(
            ["2024-03-31T00:59", "2024-03-31T01:01"] + ["2024-06-01T12:00:00.5"] * 7, format="ISO8601"
        ),
        "hours": [1.0, 2.0, 0.5, 1.0, 1.0, 1.0, 0.0, float("nan"), 1.0],
        "where": ["x", "y", "y", "y", "y", "y", "y", "y", "y"],
    }
)
NAMES = {"teacher": "who", "learner": "whom", "time": "at", "weight": "hours", "context": "where"}


def check(records: Any) -> None:
    well_formed(records)
    assert triples(records) == [("event", ANA, BO), ("event", BO, CY), ("event", CY, ANA)]
    assert records.events["weight"].tolist() == [1.0, 2.0, 0.5]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T00:59Z")
    assert records.events["context"].tolist() == ["x", "y", "y"]
    assert balance(records)["rows"] == [9, 6, 6]
    assert records.report.n_dropped("no teacher or no learner") == 1
    assert records.report.n_dropped("weight is missing, infinite, zero or negative") == 2
    assert records.report.n_dropped("teacher or learner is a bot") == 1
    assert records.report.n_dropped("a person with themselves") == 1
    assert records.report.n_dropped("teacher or learner is not on the roster") == 1
    assert "zoe" in records.report.unmatched["given"].iloc[0]


@pytest.mark.parametrize("engine", ["pandas", "polars", "lazy", "duckdb", "pyarrow", "sqlframe"])
def test_every_engine(engine: str) -> None:
    frame: Any = TABLE
    if engine in ("polars", "lazy", "pyarrow"):
        import polars as pl

        frame = pl.from_pandas(TABLE)
        frame = frame.lazy() if engine == "lazy" else frame.to_arrow() if engine == "pyarrow" else frame
    elif engine == "duckdb":
        import duckdb

        con = duckdb.connect()
        con.register("t", TABLE)
        frame = con.sql("select * from t")
    elif engine == "sqlframe":
        from sqlframe.duckdb import DuckDBSession

        frame = DuckDBSession().createDataFrame(TABLE.astype({"who": object}).where(TABLE.notna(), None))
    check(read_events(frame, people=ROSTER, columns=NAMES))


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_files(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"e.{ending}"
    table = TABLE.assign(at=TABLE["at"].dt.tz_localize("UTC"))
    if ending == "parquet":
        table.to_parquet(path)
    elif ending == "csv":
        table.to_csv(path, index=False, lineterminator="\r\n")
    else:
        table.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
    check(read_events(path, people=ROSTER, columns=NAMES))


def test_numbers_texts_and_zones() -> None:
    base = {"teacher": ["a", "b"], "learner": ["b", "a"]}
    for unit, scale in (("s", 1), ("ms", 1000), ("us", 10**6)):
        time = [1_711_846_740 * scale, 1_711_846_741 * scale]
        got = read_events(pd.DataFrame({**base, "time": time}), time_unit=unit).events["time"].iloc[0]
        assert got == pd.Timestamp("2024-03-31T00:59Z")
    local = pd.DataFrame({**base, "time": ["31/03/2024 01:59", "31/03/2024 03:01"]})
    got = read_events(local, time_zone="Europe/Berlin").events["time"]
    assert list(got) == [pd.Timestamp("2024-03-31T00:59Z"), pd.Timestamp("2024-03-31T01:01Z")]
    with pytest.raises(DataError, match="day/month"):
        read_events(pd.DataFrame({**base, "time": ["01/03/2024", "02/03/2024"]}))
    with pytest.raises(DataError, match="has no column 'time'"):
        read_events(pd.DataFrame(base))
    with pytest.raises(ValueError, match="no field 'teecher'"):
        read_events(pd.DataFrame(base), columns={"teecher": "x"})
    with pytest.raises(DataError):
        read_events([1, 2])


def test_a_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    TABLE.to_parquet(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError):
        read_events(path, columns=NAMES)


@given(st.data())
def test_damaged_tables_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    good = TABLE.assign(at=TABLE["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    ending = data.draw(st.sampled_from(["csv", "jsonl", "parquet"]))
    path = tmp_path_factory.mktemp("e") / f"e.{ending}"
    if ending == "csv":
        good.to_csv(path, index=False)
    elif ending == "jsonl":
        good.to_json(path, orient="records", lines=True)
    else:
        good.to_parquet(path)
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    piece = data.draw(
        st.binary(max_size=5) | st.sampled_from([b'"', b",", b"\n", b"\xff", b"1e999", b"\x00"])
    )
    path.write_bytes(raw[:at] + piece + raw[at + data.draw(st.integers(0, 20)) :])
    only_data_errors(lambda: read_events(path, people=ROSTER, columns=NAMES))


@pytest.mark.parametrize("texts", [True, False])
def test_hours_that_clocks_repeat_or_skip(texts: bool) -> None:
    local = ["2024-03-31T02:30", "2024-07-01T12:00", "2024-10-27T02:30"]
    time: Any = local if texts else pd.to_datetime(local)
    table = pd.DataFrame({"teacher": "a", "learner": "b", "time": time})
    records = read_events(table, time_zone="Europe/Berlin")
    assert list(records.events["time"]) == [
        pd.Timestamp("2024-03-31T01:30Z"), pd.Timestamp("2024-07-01T10:00Z"), pd.Timestamp("2024-10-27T00:30Z"),
    ]  # fmt: skip
    assert records.report.n_flagged("time lies in the hour that the clocks repeat or skip") == 2


def test_whole_numbers_that_became_decimals_are_one_person() -> None:
    table = pd.DataFrame(
        {"teacher": [1.0, 2.0, None], "learner": [2, 1, 1], "time": pd.Timestamp("2024-01-01")}
    )
    records = read_events(table)
    assert list(records.people.index) == ["1", "2"]
    assert records.report.n_dropped("no teacher or no learner") == 1


@pytest.mark.parametrize(("time", "unit"), [(1_711_846_740_000, "s"), (1_711_846_740, "ms")])
def test_the_wrong_unit_of_time_is_refused(time: int, unit: Any) -> None:
    with pytest.raises(DataError, match="time_unit"):
        read_events(pd.DataFrame({"teacher": ["a"], "learner": ["b"], "time": [time]}), time_unit=unit)
