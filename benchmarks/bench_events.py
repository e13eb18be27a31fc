"""Ten million events in Parquet to weighted ties, beside hand-written DuckDB SQL; and a large network from codes."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from _measure import compare, quick

N = 200_000 if quick() else 10_000_000
PEOPLE = 100_000
HALF_LIFE = 90.0

MAKE = """
import sys, duckdb
n, people, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
con = duckdb.connect()
con.execute("SELECT setseed(0.5)")
con.execute("SET TimeZone = 'UTC'")
con.execute(f'''COPY (
  SELECT printf('p%06d', t) AS teacher, printf('p%06d', (t + 1 + o) % {people}) AS learner, w AS weight,
         TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(s) AS time
  FROM (SELECT CAST(floor(pow(random(), 3) * {people}) AS BIGINT) AS t,
               997 * CAST(floor(random() * 60) AS BIGINT) AS o,
               random() + 0.1 AS w, CAST(floor(random() * 31536000) AS BIGINT) AS s
        FROM range({n}))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)''')
"""

OURS = """
import sys, time, resource
started = time.perf_counter()
from peernet import _events
ties, facts = _events.fold(sys.argv[1], weight="weight", time="time", start=None, end=None, half_life=90.0, by=[],
                           self_ties="error", bad_weights="error")
took = time.perf_counter() - started
print(took, len(ties), ties["weight"].sum(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

SQL = """
import sys, time, resource
started = time.perf_counter()
import duckdb
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
ties = con.sql(f'''
  WITH e AS (SELECT * FROM read_parquet('{sys.argv[1]}')), last AS (SELECT max(time) AS t FROM e)
  SELECT teacher, learner, sum(weight * pow(2, -(epoch(last.t) - epoch(e.time)) / 86400.0 / 90.0)) AS weight,
         count(*) AS n_episodes, min(e.time) AS first, max(e.time) AS last
  FROM e, last GROUP BY teacher, learner''').df()
took = time.perf_counter() - started
print(took, len(ties), ties["weight"].sum(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def run(code: str, path: Path) -> tuple[float, int, float, float]:
    """Run in a fresh interpreter; return seconds, ties, total weight and peak GiB."""
    out = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    ).stdout
    took, ties, weight, peak = out.split()[-4:]  # DuckDB may draw a progress bar before
    return float(took), int(ties), float(weight), int(peak) / 2**20


def events() -> None:
    """Compare the fold with SQL on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        subprocess.run([sys.executable, "-c", MAKE, str(N), str(PEOPLE), str(path)], check=True)
        ours, theirs = [], []
        for _ in range(2 if quick() else 5):
            a, b = run(OURS, path), run(SQL, path)
            assert a[1] == b[1], (a, b)
            assert abs(a[2] / b[2] - 1) < 1e-9, (a, b)
            ours.append(a)
            theirs.append(b)
    compare(
        f"{N:,} events in Parquet to weighted ties", ours=[x[0] for x in ours], peer="DuckDB SQL by hand",
        theirs=[x[0] for x in theirs], at_least=1 / 1.3,
        note=f"{ours[0][1]:,} ties; imports included; peak {max(x[3] for x in ours):.2f} GiB against "
        f"{max(x[3] for x in theirs):.2f} GiB",
    )  # fmt: skip


def codes() -> None:
    """Say what a network of a million people and twenty million ties takes."""
    import numpy as np

    from peernet import PeerNetwork

    n, m = (10_000, 200_000) if quick() else (1_000_000, 20_000_000)
    rng = np.random.default_rng(1)
    teacher = rng.integers(0, n, m, dtype=np.int32)
    learner = ((teacher + rng.integers(1, n, m, dtype=np.int32)) % n).astype(np.int32)
    net = PeerNetwork.from_codes(teacher, learner, people=n)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"from_codes: {net.n_people:,} people, {net.n_ties:,} ties, peak {peak:.2f} GiB of the whole process"
    )


if __name__ == "__main__":
    codes()
    events()
