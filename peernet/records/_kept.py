"""Tables that ``peernet ingest`` keeps in a study: erasure, objections and purging reach them too."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

from peernet.records._people import ids_in, without_objectors
from peernet.records.tables import FRAMES

__all__ = ["files", "forget", "leave_out"]

# The readers of kept tables sit above this layer.
_STORE = "peernet.ingest.store"
_NAME = "records.json"


def _folders(study: Path) -> list[Path]:
    """List the folders with kept records: the joined ones, and one for each source."""
    found = [study / "records", *sorted((study / ".records.parts").glob("*"))]
    return [f for f in found if (f / _NAME).is_file()]


def forget(study: Path, people: Iterable[str]) -> None:
    """Erase people, by any id they have, from everything kept."""
    store = importlib.import_module(_STORE)
    for folder in _folders(study):
        records = store.load_records(folder)
        present = sorted(set(people) & ids_in(records))
        for person in present:
            records = records.erase(person)
        if present:
            store.save_records(records, folder)


def leave_out(study: Path, objectors: Iterable[str], objections: Path) -> None:
    """Take people who object out of everything that was kept before ``objections`` was last changed."""
    changed = objections.stat().st_mtime_ns
    store = importlib.import_module(_STORE)
    for folder in [f for f in _folders(study) if (f / _NAME).stat().st_mtime_ns <= changed]:
        records = store.load_records(folder)
        present = set(objectors) & ids_in(records)
        out = without_objectors(records, present)
        if any(getattr(out, name) is not getattr(records, name) for name in FRAMES):
            store.save_records(out, folder)


def files(study: Path) -> list[Path]:
    """List the files of everything kept, leftovers of an interrupted run included."""
    roots = [study / name for name in (".records.parts", ".records.part", ".records.old")]
    if (study / "records" / _NAME).is_file():
        roots.append(study / "records")
    return [p for root in roots if not root.is_symlink() for p in root.rglob("*")]
