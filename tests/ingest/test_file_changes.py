"""Who changes the same files: counts by hand, a slow twin, windows, roster."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peernet import ingest
from peernet.errors import DataError

NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
JANUARY = 1_735_689_600  # 2025-01-01


def repository(folder: Path, changes: list[tuple[str, int, str]]) -> Path:
    """Write (author, day, file) as commits, one each."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | NOBODY
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True, env=env)
    parts = ["feature done\n"]
    for k, (who, day, file) in enumerate(changes, 1):
        ident = f"{who} <{who}@firm.example> {JANUARY + 86_400 * day} +0000"
        parts.append(
            f"commit refs/heads/main\nmark :{k}\nauthor {ident}\ncommitter {ident}\ndata 2\nx\n"
            + (f"from :{k - 1}\n" if k > 1 else "")
            + f'M 100644 inline "{file}"\ndata {len(str(k))}\n{k}\n'
        )
    stream = "".join([*parts, "done\n"]).encode()
    subprocess.run(["git", "-C", str(folder), "fast-import", "--quiet"], input=stream, check=True, env=env)
    return folder


def roster(names: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"name": list(names), "email": [f"{n}@firm.example" for n in names]}, index=list(names)
    )


def weights(net: object) -> dict[tuple[str, str], float]:
    ties = net.ties  # type: ignore[attr-defined]
    return {(t, i): w for t, i, w in zip(ties["teacher"], ties["learner"], ties["weight"], strict=True)}


def test_shared_files_counted_by_hand(tmp_path: Path) -> None:
    changes = [
        ("a", 1, "x.py"), ("b", 2, "x.py"), ("a", 3, "y é.py"), ("b", 9, "y é.py"), ("b", 4, "x.py"),
        ("c", 5, "z.py"), ("bot[bot]", 6, "z.py"), ("stranger", 7, "z.py"),
    ]  # fmt: skip
    repo = repository(tmp_path, changes)
    net = ingest.co_change(repo, people=roster("abcd"))
    assert weights(net) == {("a", "b"): 2, ("b", "a"): 2}
    assert list(net.ids) == list("abcd")
    early = ingest.co_change(repo, people=roster("abcd"), start="2025-01-01", end="2025-01-10")
    assert weights(early) == {("a", "b"): 1, ("b", "a"): 1}  # day 9 is 10 January, not included
    assert ("c@firm.example", "stranger@firm.example") in weights(ingest.co_change(repo))


def test_equals_a_loop_over_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    changes = [(str(rng.choice(list("abcdefgh"))), k, f"f{rng.integers(12)}") for k in range(60)]
    net = ingest.co_change(repository(tmp_path, changes), people=roster("abcdefgh"), most_people=4)
    by_file: dict[str, set[str]] = defaultdict(set)
    for who, _, file in changes:
        by_file[file].add(who)
    expected: dict[tuple[str, str], float] = defaultdict(float)
    for who_changed in by_file.values():
        if len(who_changed) <= 4:
            for pair in permutations(sorted(who_changed), 2):
                expected[pair] += 1
    assert weights(net) == dict(expected)
    assert any(len(who_changed) > 4 for who_changed in by_file.values())


def test_nothing_to_go_by(tmp_path: Path) -> None:
    repo = repository(tmp_path, [("a", 1, "x"), ("b", 1, "y")])
    assert ingest.co_change(repo).n_ties == 0
    with pytest.raises(DataError, match=r"no commit of .* belongs to"):
        ingest.co_change(repo, people=roster("cd"))
    with pytest.raises(DataError, match=r"no commit of .* between 2026-01-01"):
        ingest.co_change(repo, start="2026-01-01")
