"""PySpark and Dask fold events as pandas does (make test-engines)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork

pytestmark = pytest.mark.engines


def make_events() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    teacher = rng.integers(0, 30, 2000)
    time = pd.Timestamp("2023-11-01") + pd.to_timedelta(rng.integers(0, 400 * 86400, 2000), unit="s")
    return pd.DataFrame(
        {
            "teacher": [f"{i:03d}" for i in teacher],
            "learner": [f"{i:03d}" for i in (teacher + rng.integers(1, 30, 2000)) % 30],
            "weight": rng.gamma(2.0, 1.0, 2000),
            "time": time.as_unit("us"),
        }
    )


def check(events: object) -> None:
    want = PeerNetwork.from_events(
        make_events(), weight="weight", half_life=45, start="2024-01-01", end="2024-10-01"
    )
    got = PeerNetwork.from_events(events, weight="weight", half_life=45, start="2024-01-01", end="2024-10-01")
    assert list(got.ids) == list(want.ids)
    pd.testing.assert_frame_equal(got.ties, want.ties, rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_pyspark() -> None:
    sql = pytest.importorskip("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    try:
        rows = [tuple(r) for r in make_events().astype({"time": object}).itertuples(index=False)]
        rows = [(t, k, float(w), s.to_pydatetime()) for t, k, w, s in rows]
        check(
            session.createDataFrame(rows, "teacher string, learner string, weight double, time timestamp_ntz")
        )
    finally:
        session.stop()


@pytest.mark.filterwarnings("ignore")
def test_dask() -> None:
    dd = pytest.importorskip("dask.dataframe")
    check(dd.from_pandas(make_events(), npartitions=3))
