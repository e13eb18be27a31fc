"""One folding of events into ties, the same in every engine and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork


def make_events(n: int = 3000, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    teacher = rng.integers(0, 40, n)
    learner = (teacher + rng.integers(1, 40, n)) % 40
    time = pd.Timestamp("2023-11-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 400 * 86400, n), unit="s")
    return pd.DataFrame(
        {
            "teacher": [f"{i:03d}" for i in teacher],
            "learner": [f"{i:03d}" for i in learner],
            "weight": rng.gamma(2.0, 1.0, n),
            "time": time.as_unit("us"),
            "topic": rng.choice(["sql", "law"], n),
        }
    )


EVENTS = make_events()


def slow_fold(events: pd.DataFrame, half_life: float, start: str, end: str) -> dict[tuple[str, str], float]:
    """The definition, event by event."""
    out: dict[tuple[str, str], float] = {}
    low, high = pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC")
    for row in events.itertuples():
        if low <= row.time < high:
            age = (high - row.time) / pd.Timedelta(days=1)
            key = (row.teacher, row.learner)
            out[key] = out.get(key, 0.0) + row.weight * 2 ** (-age / half_life)
    return out


def engines() -> dict[str, Any]:
    import duckdb
    import polars as pl

    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("ev", EVENTS)
    return {
        "pandas": EVENTS,
        "polars": pl.from_pandas(EVENTS),
        "polars lazy": pl.from_pandas(EVENTS).lazy(),
        "duckdb": con.sql("select * from ev"),
        "pyarrow": pl.from_pandas(EVENTS).to_arrow(),
    }


@pytest.mark.parametrize("engine", ["pandas", "polars", "polars lazy", "duckdb", "pyarrow", "sqlframe"])
def test_every_engine_agrees_with_the_definition(engine: str) -> None:
    table = EVENTS
    if engine == "sqlframe":
        table = EVENTS.head(60)  # sqlframe writes every row into its SQL text
        from sqlframe.duckdb import DuckDBSession

        events = DuckDBSession().createDataFrame(table.assign(time=table["time"].dt.tz_localize(None)))
    else:
        events = engines()[engine]
    options: dict[str, Any] = {"half_life": 45.0, "start": "2024-01-01", "end": "2024-10-01"}
    net = PeerNetwork.from_events(events, weight="weight", **options)
    want = slow_fold(table, **options)
    ties = net.ties
    got = dict(zip(zip(ties["teacher"], ties["learner"], strict=True), ties["weight"], strict=True))
    assert got.keys() == want.keys()
    for key, value in want.items():
        assert got[key] == pytest.approx(value, rel=1e-12)
    assert ties["n_episodes"].sum() == net.provenance["rows_in_window"]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_files_keep_leading_zeros_and_give_the_same_ties(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"events.{ending}"
    if ending == "parquet":
        EVENTS.to_parquet(path)
    elif ending == "csv":
        EVENTS.to_csv(path, index=False)
    else:
        EVENTS.to_json(path, orient="records", lines=True, date_format="iso", date_unit="us")
    a = PeerNetwork.from_events(path, weight="weight", half_life=30)
    b = PeerNetwork.from_events(EVENTS, weight="weight", half_life=30)
    assert list(a.ids) == list(b.ids)
    assert "003" in a.ids
    pd.testing.assert_frame_equal(a.ties, b.ties, rtol=1e-12)


def test_decay_is_measured_back_from_the_last_event_by_default() -> None:
    events = pd.DataFrame(
        {
            "teacher": ["a", "a"],
            "learner": ["b", "c"],
            "time": pd.to_datetime(["2024-01-01", "2024-01-11"], utc=True),
        }
    )
    net = PeerNetwork.from_events(events, half_life=10)
    assert list(net.ties["weight"]) == [0.5, 1.0]
    assert net.provenance["half_life_days"] == 10


def test_by_keeps_topics_apart_and_numbers_are_days() -> None:
    net = PeerNetwork.from_events(EVENTS, by="topic")
    assert set(net.ties["topic"]) == {"sql", "law"}
    assert net.ties["n_episodes"].sum() == len(EVENTS)
    days = pd.DataFrame({"teacher": ["a", "a"], "learner": ["b", "b"], "time": [0.0, 5.0]})
    assert PeerNetwork.from_events(days, half_life=5).ties["weight"].iloc[0] == 1.5
    assert PeerNetwork.from_events(days, start=1).ties["weight"].iloc[0] == 1.0


def test_opt_outs_are_counted_in_episodes() -> None:
    events = pd.DataFrame(
        {"teacher": ["a", "a", "b", "q", "q"], "learner": ["a", "b", "a", "a", "a"], "w": [1, 1, -1, 1, 1]}
    )
    net = PeerNetwork.from_events(
        events, ["a", "b"], weight="w", unknown="drop", self_ties="drop", bad_weights="drop"
    )
    assert net.n_ties == 1
    assert net.provenance["dropped"] == {"unknown": 2, "self_ties": 1, "bad_weights": 1}
    assert net.provenance["rows_given"] == 5


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda e: e.rename(columns={"teacher": "sender"}),
            r"events has no column 'teacher'\. Columns: sender, learner",
        ),
        (lambda e: e.assign(learner=e["teacher"]), r"3000 of 3000 rows are self-ties"),
        (lambda e: e.assign(weight=0.0), r"3000 of 3000 weights are missing, infinite, zero or negative"),
        (lambda e: e.assign(weight=e["weight"].where(e.index > 1)), r"2 of 3000 weights are missing"),
        (lambda e: e.assign(time=e["time"].where(e.index != 7)), r"1 of 3000 rows have no time"),
        (lambda e: e.assign(teacher=e["teacher"].where(e.index != 7)), r"1 of 3000 rows have no teacher"),
        (lambda e: e.assign(time=e["time"].astype(str)), r"time holds String, not times .*utc=True"),
        (
            lambda e: e.assign(time=["2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00Z"] * 1500),
            r"time mixes time zones \(rows 0, 1",
        ),
    ],
)
def test_bad_events_are_refused_in_words(change: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        PeerNetwork.from_events(change(EVENTS), weight="weight")


def test_bad_paths_and_objects() -> None:
    with pytest.raises(DataError, match="no file at"):
        PeerNetwork.from_events("nowhere.parquet")
    with pytest.raises(DataError, match="cannot tell the format"):
        PeerNetwork.from_events("events.doc")
    with pytest.raises(DataError, match="must be a pandas, Polars"):
        PeerNetwork.from_events([1, 2])
    with pytest.raises(DataError, match="no time column"):
        PeerNetwork.from_events(EVENTS.drop(columns="time"), half_life=3)


def test_other_time_zones_are_converted() -> None:
    local = EVENTS.assign(time=EVENTS["time"].dt.tz_convert("America/Denver"))
    a = PeerNetwork.from_events(local, start="2024-03-01", end="2024-04-01", half_life=9)
    b = PeerNetwork.from_events(EVENTS, start="2024-03-01", end="2024-04-01", half_life=9)
    pd.testing.assert_frame_equal(a.ties, b.ties)


def coded_and_plain(events: pd.DataFrame, *args: Any, **options: Any) -> tuple[PeerNetwork, PeerNetwork]:
    """The same events from DuckDB, whose ties come out as numbers, and from pandas."""
    import duckdb

    con = duckdb.connect()
    con.register("e", events)
    relation = con.sql("SELECT * FROM e")
    both = (
        PeerNetwork.from_events(relation, *args, **options),
        PeerNetwork.from_events(events, *args, **options),
    )
    left = con.sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall()[0][0]
    assert left == 0  # nothing is left in the caller's session
    return both


@pytest.mark.parametrize("people", [None, "reversed", "more"])
def test_numbers_from_duckdb_make_the_network_that_texts_make(people: str | None) -> None:
    ids = sorted({*EVENTS["teacher"], *EVENTS["learner"]})
    given = {"reversed": ids[::-1], "more": [*ids, "zz", "000a"]}.get(people or "")
    a, b = coded_and_plain(EVENTS, given, weight="weight", half_life=20)
    assert "_coded" in a.__dict__ and "_coded" not in b.__dict__
    assert list(a.ids) == list(b.ids)
    pd.testing.assert_frame_equal(a.ties, b.ties, rtol=1e-12)
    np.testing.assert_allclose(a.adjacency.toarray(), b.adjacency.toarray(), rtol=1e-12)
    for change in (
        lambda n: n.reverse(),
        lambda n: n.subset(ids[3:20]),
        lambda n: n.where(lambda t: t["n_episodes"] > 2),
        lambda n: n.with_people(unit="u"),
        lambda n: n.aggregate(),
    ):
        x, y = change(a), change(b)
        pd.testing.assert_frame_equal(x.ties, y.ties, rtol=1e-12)
        np.testing.assert_allclose(x.adjacency.toarray(), y.adjacency.toarray(), rtol=1e-12)
    assert a == a.subset(list(a.ids))


def test_opt_outs_and_unknown_people_count_alike_in_duckdb() -> None:
    extra = pd.DataFrame(
        {"teacher": ["007", "only"], "learner": ["007", "only"], "weight": [1.0, 2.0], "topic": "sql"}
    ).assign(time=EVENTS["time"].iloc[0])
    events = pd.concat([EVENTS, extra], ignore_index=True)
    for options in ({}, {"start": "2023-12-01"}):
        a, b = coded_and_plain(events, self_ties="drop", **options)
        assert a.provenance == b.provenance
        assert "only" not in a.ids and list(a.ids) == list(b.ids)
        pd.testing.assert_frame_equal(a.ties, b.ties)
    with pytest.raises(DataError, match=r"2 of 3002 rows are self-ties"):
        coded_and_plain(events)
    with pytest.raises(DataError, match="not in people"):
        coded_and_plain(EVENTS, [f"{i:03d}" for i in range(39)])
    a, b = coded_and_plain(EVENTS, [f"{i:03d}" for i in range(39)], unknown="drop")
    assert a.provenance == b.provenance and a.provenance["dropped"]["unknown"] > 0


def test_whole_numbers_as_ids_and_no_rows_in_duckdb() -> None:
    events = EVENTS.assign(
        teacher=EVENTS["teacher"].astype("int64"), learner=EVENTS["learner"].astype("int64")
    )
    a, b = coded_and_plain(events)
    assert set(a.ids) == set(b.ids)
    assert a.n_ties == b.n_ties
    np.testing.assert_allclose(a.adjacency.toarray(), b.adjacency.toarray())
    a, b = coded_and_plain(EVENTS, start="2030-01-01")
    assert a.n_people == b.n_people == 0


def test_windows_that_run_backwards_and_seconds_taken_for_days() -> None:
    events = pd.DataFrame({"teacher": ["a"], "learner": ["b"], "time": [1_711_846_740]})
    with pytest.raises(DataError, match="look like"):
        PeerNetwork.from_events(events, half_life=30)
    dated = events.assign(time=pd.Timestamp("2024-02-01"))
    with pytest.raises(ValueError, match="is not before end"):
        PeerNetwork.from_events(dated, start="2024-03-01", end="2024-01-01")
