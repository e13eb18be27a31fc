"""Delete the raw data of a study whose retention date has passed.

Without --yes nothing is deleted: the files are listed. study.toml, notebooks and reports stay.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import sys
from pathlib import Path

from peernet.errors import DataError
from peernet.records import _kept
from peernet.records.study import Study

__all__ = ["configure", "purge", "run"]

_BESIDE = ("aliases.csv", "objections.csv", "review.csv", "erased.txt", "releases.jsonl", "pseudonyms.txt")


def purge(
    folder: str | os.PathLike[str], *, yes: bool = False, now: bool = False, today: dt.date | None = None
) -> list[Path]:
    """Raw data of a study, deleted once its retention date has passed; returns the files concerned.

    Deleted are all files below ``data/``, sources that study.toml names inside the folder, the tables that
    ``peernet ingest`` keeps there (``records/`` and ``.records.parts/``; those written elsewhere with --out
    are left to you), and the lists of people beside study.toml. ``purged.txt`` records the day, the names and
    the sha256 of what went. The key of the pseudonyms lies elsewhere and is left to its keeper.

    Parameters
    ----------
    folder : path
        The study.
    yes : bool
        Delete; without it the files are only listed.
    now : bool
        Also before the retention date.
    today : datetime.date, optional
        For the retention date.

    Returns
    -------
    list of pathlib.Path
        The files, relative to the folder.

    Raises
    ------
    DataError
        When there is no study, or its retention date has not come and ``now`` is not given.
    """
    study = Study.open(folder)
    day = today or dt.date.today()
    if not now and (study.retention is None or day < study.retention):
        until = (
            f"are kept until {study.retention}" if study.retention else "have no retention date in study.toml"
        )
        raise DataError(
            f"the data of {study.title!r} {until}. To delete them all the same: peernet purge {study.folder} "
            "--now --yes"
        )
    found = _files(study)
    relative = [path.relative_to(study.folder.resolve()) for path in found]
    if not yes:
        return relative
    lines = [
        f"{day.isoformat()} {_sha256(path)}  {name.as_posix()}"
        for path, name in zip(found, relative, strict=True)
    ]
    for path in found:
        path.unlink()
    kept = [study.folder / name for name in ("records", ".records.parts", ".records.part", ".records.old")]
    for root in [study.folder / "data", *kept]:
        below = sorted((p for p in root.rglob("*") if p.is_dir()), reverse=True)
        for folder in [*below, root] if root in kept and root.is_dir() else below:
            if not any(folder.iterdir()):
                folder.rmdir()
    with (study.folder / "purged.txt").open("a", encoding="utf-8") as log:
        log.writelines(f"{line}\n" for line in lines)
    return relative


def _files(study: Study) -> list[Path]:
    """List what is to go; links are not followed and nothing outside the folder is touched."""
    root = study.folder.resolve()
    found = {p for p in (study.folder / "data").rglob("*") if p.is_file() or p.is_symlink()}
    found |= {study.folder / name for name in _BESIDE}
    found |= set(_kept.files(study.folder))
    for entry in study.sources():
        path = study.folder / entry["file"]
        found |= set(path.rglob("*")) if path.is_dir() else {path}
    inside = {p.parent.resolve() / p.name for p in found if p.is_symlink() or p.is_file()}
    return sorted(p for p in inside if p.is_relative_to(root))


def _sha256(path: Path) -> str:
    """Hash a file, or the target's name of a link."""
    if path.is_symlink():
        return hashlib.sha256(os.readlink(path).encode()).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``peernet purge``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of the command.
    """
    parser.add_argument("dir", type=Path, metavar="DIR", help="the folder of the study")
    parser.add_argument("--yes", action="store_true", help="delete; without it the files are only listed")
    parser.add_argument("--now", action="store_true", help="also before the retention date")


def run(args: argparse.Namespace) -> int:
    """Run ``peernet purge``.

    Parameters
    ----------
    args : argparse.Namespace
        ``dir``, ``yes``, ``now``.

    Returns
    -------
    int
        0.
    """
    found = purge(args.dir, yes=args.yes, now=args.now)
    verb = "deleted" if args.yes else "would be deleted (add --yes)"
    lines = [f"{len(found)} files {verb}:", *(f"  {path}" for path in found)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
