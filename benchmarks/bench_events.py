"""Ten million events in Parquet to ties and unit flows, beside DuckDB SQL by hand; a large network from codes."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from _measure import compare, quick

N = 200_000 if quick() else 10_000_000
PEOPLE = 100_000

MAKE = """
import sys, duckdb
n, people, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
partners = 60 if n <= 10_000_000 else 300
con = duckdb.connect()
con.execute("SELECT setseed(0.5)")
con.execute("SET TimeZone = 'UTC'")
con.execute(f'''COPY (
  SELECT printf('p%06d', t) AS teacher, printf('p%06d', (t + 1 + o) % {people}) AS learner, w AS weight,
         TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(s) AS time
  FROM (SELECT CAST(floor(pow(random(), 3) * {people}) AS BIGINT) AS t,
               997 * CAST(floor(random() * {partners}) AS BIGINT) AS o,
               random() + 0.1 AS w, CAST(floor(random() * 31536000) AS BIGINT) AS s
        FROM range({n}))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)''')
"""

# CPU seconds, which hold on a busy machine. Both begin at the file and end with the same in memory: every tie (teacher,
# learner, weight, episodes, first, last) and the table of flows between units. The SQL leaves itself the fastest way
# out, Arrow, and a second time pandas.
OURS = """
import sys, time, resource
t0 = time.process_time()
import duckdb, pandas, peernet, scipy.sparse
from peernet import PeerNetwork, silos
t1 = time.process_time()
people = pandas.read_csv(sys.argv[2], dtype="str", index_col="person")
net = PeerNetwork.from_events(sys.argv[1], people, weight="weight", half_life=90.0)
flows = silos.mixing_table(net, "unit", weighted=True)
t2 = time.process_time()
print(t2 - t0, t2 - t1, net.n_ties, net.weight.sum(), flows.iloc[:250].to_numpy().sum(),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

SQL = """
import sys, time, resource
t0 = time.process_time()
import duckdb, pandas, pyarrow
t1 = time.process_time()
con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = false")
con.execute(f'''CREATE TEMP TABLE ties AS
  WITH e AS (SELECT * FROM read_parquet('{sys.argv[1]}') WHERE teacher <> learner AND weight > 0 AND isfinite(weight)),
       last AS (SELECT max(time) AS t FROM e)
  SELECT teacher, learner, sum(weight * exp(-ln(2) / 90 * (epoch(last.t) - epoch(e.time)) / 86400.0)) AS weight,
         count(*) AS n_episodes, min(e.time) AS first, max(e.time) AS last
  FROM e, last GROUP BY teacher, learner''')
con.execute(f"CREATE TEMP TABLE people AS SELECT * FROM read_csv('{sys.argv[2]}', all_varchar = true)")
flows = con.sql('''
  SELECT a.unit AS teaches, b.unit AS learns, sum(weight) AS weight
  FROM ties JOIN people a ON a.person = teacher JOIN people b ON b.person = learner GROUP BY ALL''').df()
flows = flows.pivot(index="teaches", columns="learns", values="weight").fillna(0.0)
ties = con.sql("FROM ties").OUT()
t2 = time.process_time()
total = con.sql("SELECT sum(weight) FROM ties").fetchall()[0][0]
print(t2 - t0, t2 - t1, len(ties), total, flows.iloc[:250].to_numpy().sum(),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
WAYS = {"ours": OURS, "arrow": SQL.replace("OUT", "to_arrow_table"), "pandas": SQL.replace("OUT", "df")}


def run(code: str, path: Path) -> tuple[float, float, int, float, float, float]:
    """Run in a fresh interpreter; return CPU seconds with and without imports, ties, two sums and peak GiB."""
    command = [sys.executable, "-W", "ignore", "-c", code, str(path), str(path.with_name("people.csv"))]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    whole, work, ties, weight, own, peak = out.split()[-6:]
    return float(whole), float(work), int(ties), float(weight), float(own), int(peak) / 2**20


def make(folder: Path, n: int) -> Path:
    """Write events, and people in 500 units."""
    path = folder / "events.parquet"
    subprocess.run(
        [sys.executable, "-c", MAKE, str(n), str(PEOPLE), str(path)], check=True, capture_output=True
    )
    rows = "".join(f"p{i:06d},unit {i * 7 % 500:03d}\n" for i in range(PEOPLE))
    path.with_name("people.csv").write_text("person,unit\n" + rows, encoding="utf-8")
    return path


def events() -> None:
    """Compare the fold with SQL on the same file, in turns."""
    took: dict[str, list[tuple[float, float, int, float, float, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder), N)
        for _ in range(1 if quick() else 3):
            for way, code in WAYS.items():
                took[way].append(run(code, path))
            a, b = took["ours"][-1], took["arrow"][-1]
            assert a[2] == b[2], (a, b)
            assert abs(a[3] / b[3] - 1) < 1e-9 and abs(a[4] / b[4] - 1) < 1e-9, (a, b)
    peak = {way: max(x[5] for x in rows) for way, rows in took.items()}
    assert quick() or peak["ours"] < 1.2, peak
    for way, at, judged, what in (
        ("arrow", 1, 1 / 1.3, "imports not counted"),
        ("arrow", 0, None, "imports counted"),
        ("pandas", 0, None, "imports counted"),
    ):
        compare(
            f"{N:,} events in Parquet to weighted ties and unit flows, {what}",
            ours=[x[at] for x in took["ours"]], peer=f"DuckDB SQL by hand, ties to {way}",
            theirs=[x[at] for x in took[way]], at_least=judged,
            note=f"{took['ours'][0][2]:,} ties; peak {peak['ours']:.2f} GiB against {peak[way]:.2f} GiB",
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
