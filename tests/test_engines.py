"""PySpark and Dask fold events as pandas does, and a Dask cluster draws the same permutations (make test-engines)."""

from __future__ import annotations

import os
import shutil

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
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("PySpark needs a Java runtime (JRE 17 or later)")
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


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_numbers() -> None:
    """The same calls with joblib's Dask backend: network regression, correlation, random networks, residuals."""
    joblib = pytest.importorskip("joblib")
    distributed = pytest.importorskip("distributed")
    from peernet.hypotheses import cug_test, fit_peer_effects, mrqap, qap_correlation

    rng = np.random.default_rng(5)
    ids = [f"p{i}" for i in range(60)]
    people = pd.DataFrame({"age": rng.normal(40, 9, 60), "skill": rng.normal(size=60)}, index=ids)
    net, other = (
        PeerNetwork.from_adjacency(
            (rng.random((60, 60)) < 0.1) * (1 - np.eye(60)), row_is="teacher", people=people, ids=ids
        )
        for _ in range(2)
    )

    def answers(n_jobs: int) -> list[np.ndarray]:
        formula, networks = "tie ~ other + diff(age)", {"other": other}
        options = {"rng": 7, "n_jobs": n_jobs}
        return [
            mrqap(net, formula, networks=networks, n_draws=500, **options).null,
            mrqap(net, formula, networks=networks, model="logit", n_draws=200, **options).null,
            qap_correlation(net, other, n_draws=500, **options).null,
            cug_test(net, "transitivity", null="degrees", n_draws=64, **options).null,
            fit_peer_effects(net, "skill ~ age", n_draws=500, **options).moran.null,
        ]

    here = answers(1)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        there = answers(-1)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_array_equal(a, b)
