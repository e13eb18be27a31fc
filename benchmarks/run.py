"""Run every benchmarks/bench_*.py in its own process, store the raw output, print a table of ratios."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "duckdb",
    "narwhals",
    "networkx",
    "statsmodels",
    "igraph",
    "polars",
)
LAUNCH = """
import resource, runpy, sys
sys.path.insert(0, {folder!r})
sys.argv = [{script!r}]
try:
    runpy.run_path({script!r}, run_name="__main__")
finally:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print("peak_rss_bytes", peak, file=sys.stderr)
"""


def processor() -> str:
    """Return the processor's model as the system states it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Return the machine's memory in GiB, where the system tells."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def machine() -> dict[str, Any]:
    """Describe the machine without naming it: no host, no user, no path."""
    versions = {}
    for name in ("peernet", *PACKAGES):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "versions": versions,
    }


def run(script: Path, quick: bool) -> dict[str, Any]:
    """Run one benchmark and return all that is known about the run."""
    environment = os.environ | {"PEERNET_BENCH_QUICK": "1" if quick else "0", "TQDM_DISABLE": "1"}
    code = LAUNCH.format(folder=str(HERE), script=str(script))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - started
    lines = done.stdout.splitlines()
    comparisons = [json.loads(line) for line in lines if line.startswith("{")]
    peak = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("peak_rss_bytes ")]
    failed = done.returncode != 0 or not comparisons
    return {
        "benchmark": script.stem,
        "command": f"python benchmarks/run.py {script.stem.removeprefix('bench_')}"
        + (" --quick" if quick else ""),
        "quick": quick,
        "failed": failed,
        "error": done.stderr[-2000:] if failed else "",
        "wall_s": round(took, 2),
        "load_before": load,
        "peak_rss_bytes": int(peak[-1]) if peak else None,
        "comparisons": comparisons,
        "said": [line for line in lines if not line.startswith("{")],
        "machine": machine(),
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Lay the comparisons of several runs out as a Markdown table."""
    rows = [("what", "peernet", "beside", "its time", "ratio", "promised", "note")]
    for one in runs:
        for line in one["comparisons"]:
            promised = line["at_least"]
            kept = (
                ""
                if promised is None
                else f"{promised:g} x " + ("kept" if line["ratio"] >= promised else "MISSED")
            )
            theirs = line["scale"] * median(line["theirs_s"])
            ours = f"{median(line['ours_s']):.4g} s"
            rows.append(
                (
                    line["name"],
                    ours,
                    line["peer"],
                    f"{theirs:.4g} s",
                    f"{line['ratio']:.3g} x",
                    kept,
                    line["note"],
                )
            )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def bad(one: dict[str, Any]) -> bool:
    """Say whether a run failed or missed what it promised."""
    missed = [c for c in one["comparisons"] if c["at_least"] is not None and c["ratio"] < c["at_least"]]
    return bool(one["failed"] or missed)


def main() -> int:
    """Run what was asked for; 1 when a benchmark failed or a promised ratio was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="run the benchmarks whose name contains one of these words")
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing stored, nothing judged")
    parser.add_argument("--table", action="store_true", help="print the stored results and run nothing")
    options = parser.parse_args()
    if options.table:
        stored = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
        print(table(stored))
        return int(any(bad(one) for one in stored))
    scripts = sorted(HERE.glob("bench_*.py"))
    chosen = [s for s in scripts if not options.only or any(word in s.stem for word in options.only)]
    if not chosen:
        print(f"bench: no benchmark matches; there are {', '.join(s.stem for s in scripts)}", file=sys.stderr)
        return 1
    runs = []
    for script in chosen:
        print(f"bench: {script.stem} ...", file=sys.stderr, flush=True)
        one = run(script, options.quick)
        runs.append(one)
        if one["failed"]:
            print(one["error"] or f"{script.stem} printed no comparison", file=sys.stderr)
        elif not options.quick:
            RESULTS.mkdir(exist_ok=True)
            path = RESULTS / f"{script.stem.removeprefix('bench_')}.json"
            path.write_text(json.dumps(one, indent=1) + "\n", encoding="utf-8")
    print(table(runs))
    return int(any(bad(one) for one in runs))


if __name__ == "__main__":
    raise SystemExit(main())
