"""What every benchmark shares: timing, and one JSON line a comparison."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

__all__ = ["compare", "cpu_seconds", "peak_memory", "quick", "seconds"]


def quick() -> bool:
    """Say whether small sizes will do: the run only shows that the benchmark works."""
    return os.environ.get("PEERNET_BENCH_QUICK") == "1"


def seconds(call: Callable[[], object], *, repeat: int = 5, warm_up: int = 1) -> list[float]:
    """Time a call ``repeat`` times after ``warm_up`` untimed ones; wall-clock seconds."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def cpu_seconds(call: Callable[[], object], *, repeat: int = 5, warm_up: int = 1) -> list[float]:
    """Do the same in CPU seconds of this process, which hold on a busy machine."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return times


def peak_memory() -> int | None:
    """Return the largest resident size that this process has had, in bytes; None where it is not told."""
    try:
        import resource
    except ImportError:
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def compare(
    name: str,
    *,
    ours: list[float],
    peer: str,
    theirs: list[float],
    scale: float = 1.0,
    at_least: float | None = None,
    note: str = "",
) -> float:
    """Print one comparison as a JSON line and return the ratio of the medians (peer / ours)."""
    ratio = scale * statistics.median(theirs) / statistics.median(ours)
    line = {
        "name": name,
        "peer": peer,
        "ours_s": ours,
        "theirs_s": theirs,
        "scale": scale,
        "ratio": ratio,
        "at_least": None if quick() else at_least,
        "note": note,
    }
    print(json.dumps(line), flush=True)
    return ratio
