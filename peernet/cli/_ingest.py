"""Read the exports of a study and keep them as joined tables.

With a study.toml in DIR, that is what decides: only the sources and channels it allows are read, and ids
become pseudonyms as it says. Without one, give the roster with --people; what the other files are is told by
what they hold, and ids become pseudonyms all the same, by a key that is kept outside DIR (--keep-ids leaves
them as they are). Each source is kept as soon as it is read, so an interrupted run goes on where it stopped,
and sources that have not changed are not read again. Nothing half-written is ever left under the final
names.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peernet.errors import DataError

__all__ = ["configure", "guess_kind", "run"]

_ROSTERS = ("hr_roster", "roster", "people", "employees")


@dataclass(frozen=True)
class _Source:
    """One thing to read."""

    kind: str
    path: Path
    options: str
    read: Callable[[], Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dir", type=Path, metavar="DIR", help="a study's folder, or a folder of exports")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT", help="where the tables go; default: DIR/records"
    )
    parser.add_argument(
        "--people", type=Path, metavar="FILE", help="the roster, where there is no study.toml"
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="key of the pseudonyms, where there is no study.toml; default: ~/.peernet/keys/DIR.key",
    )
    parser.add_argument(
        "--keep-ids",
        action="store_true",
        help="no pseudonyms, where there is no study.toml and the law allows it",
    )
    parser.add_argument("--force", action="store_true", help="read everything again")
    parser.add_argument("--list", action="store_true", help="say what would be read, and stop")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but the path")


def run(args: argparse.Namespace) -> int:
    """Read every source, keep each, join them, write the tables."""
    if not args.dir.is_dir():
        raise DataError(f"there is no folder {str(args.dir)!r}.")
    out = args.out or args.dir / "records"
    sources, left = (
        _study_sources(args.dir)
        if (args.dir / "study.toml").is_file()
        else _plain_sources(args.dir, args.people, out, None if args.list else _key(args))
    )
    if args.list:
        sys.stdout.writelines(f"{s.kind:<16}{s.path.name}\n" for s in sources)
        sys.stdout.writelines(f"{'not read':<16}{text}\n" for text in left)
        return 0
    from peernet.ingest import load_records, save_records
    from peernet.records import merge_records

    keep = out.with_name(f".{out.name}.parts")
    keep.mkdir(parents=True, exist_ok=True)
    parts = []
    names = set()
    for source in _shown(sources, quiet=args.quiet):
        folder = keep / f"{source.kind}-{_digest(source)}"
        names.add(folder.name)
        if args.force or not (folder / "records.json").is_file():
            save_records(source.read(), folder)
        elif not args.quiet:
            sys.stderr.write(f"{source.kind}: {source.path.name} has not changed\n")
        parts.append(load_records(folder))
    records = merge_records(parts, consent_covers=_consent(args.dir))
    save_records(records, out)
    for old in keep.iterdir():
        if old.name not in names:
            shutil.rmtree(old, ignore_errors=True)
    if not args.quiet:
        sys.stderr.write(records.summary() + "\n")
        sys.stderr.writelines(f"not read: {text}\n" for text in left)
    sys.stdout.write(f"{out}\n")
    return 0


def _consent(folder: Path) -> Any:
    """Return what consent in the survey covers: as study.toml says, else everything."""
    from peernet.records import Study

    return Study.open(folder).consent_covers if (folder / "study.toml").is_file() else "everything"


def _shown(sources: list[_Source], *, quiet: bool) -> Any:
    """Wrap the sources in a progress bar."""
    if quiet:
        return sources
    from tqdm.auto import tqdm

    return tqdm(sources, desc="ingest", unit=" source", file=sys.stderr)


def _digest(source: _Source) -> str:
    """Return a hash of a source: its bytes, how it is read, and the version that reads it."""
    from peernet import __version__

    digest = hashlib.sha256(f"{__version__}|{source.options}|".encode())
    files = (
        sorted(p for p in source.path.rglob("*") if p.is_file()) if source.path.is_dir() else [source.path]
    )
    for file in files:
        digest.update(file.relative_to(source.path.parent).as_posix().encode())
        with file.open("rb") as raw:
            while block := raw.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:24]


def _study_sources(folder: Path) -> tuple[list[_Source], list[str]]:
    """Return what a study allows; each source is read by a study that has only the roster and that source."""
    from peernet.records import Study

    study = Study.open(folder)
    if study.pseudonymous:
        study.key()  # made now, so that the first run and the next see the same files beside study.toml
    entries = study.sources()
    rosters = [e for e in entries if e["kind"] == "people"]
    rules = json.dumps(
        {k: v for k, v in study.settings.items() if k != "source"}, sort_keys=True, default=str
    )
    # A part was read with the roster, without those who were erased or object, and with the names confirmed.
    beside = [*(e["file"] for e in rosters), "erased.txt", "objections.csv", "aliases.csv", "pseudonyms.txt"]
    roster_bytes = "".join(
        f"{name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()} "
        for name in beside
        if (folder / name).is_file()
    )
    out = []
    for entry in entries:
        chosen = rosters if entry["kind"] == "people" else [*rosters, entry]

        def read(chosen: list[dict[str, Any]] = chosen) -> Any:
            part = Study(study.folder, {**study.settings, "source": chosen})
            return part.read()

        if entry["kind"] != "people" or entry is rosters[0]:
            options = json.dumps(entry, sort_keys=True, default=str) + rules + roster_bytes
            out.append(_Source(entry["kind"], folder / entry["file"], options, read))
    return out, []


def _key(args: argparse.Namespace) -> Path | None:
    """Return the key of the pseudonyms of a folder without study.toml; None to keep ids."""
    from peernet.privacy.pseudonyms import key_outside

    if args.keep_ids:
        return None
    return key_outside(args.dir, args.dir.resolve().name, args.key)


def _hidden(
    read: Callable[[], Any], key: Path | None, file: Path, who: Any = None, *, said_only: bool = False
) -> Any:
    """Read, and replace ids if there is a key: in what an error says, and in the records."""
    from peernet.records._redacting import without_ids

    try:
        records = read()
    except DataError as error:
        if key is None:
            raise
        raise DataError(without_ids(str(error), who, file=file)) from None
    return records if key is None or said_only else records.pseudonymise(key=key)


def _plain_sources(
    folder: Path, people: Path | None, out: Path, key: Path | None
) -> tuple[list[_Source], list[str]]:
    """Return what is recognised in a folder without a study.toml."""
    from peernet import ingest

    found = [
        (guess_kind(p), p)
        for p in sorted(folder.iterdir())
        if not p.name.startswith(".") and p.resolve() != out.resolve()
    ]
    roster = people or next((p for kind, p in found if kind == "people"), None)
    left = [f"{p.name}: not recognised" for kind, p in found if not kind and p != roster]
    chosen = [(kind, p) for kind, p in found if kind and kind != "people" and p != roster]
    needs = [p.name for kind, p in chosen if kind in ("slack", "completions")]
    if roster is None and needs:
        raise DataError(f"{needs[0]} needs the roster: pass --people FILE.")
    mark = hashlib.sha256(roster.read_bytes()).hexdigest() if roster is not None else ""
    mark += "clear" if key is None else hashlib.sha256(key.read_bytes()).hexdigest()
    who: Any = None
    out_sources = []
    if roster is not None:
        who = _hidden(lambda: ingest.read_people(roster), key, roster, said_only=True)
        out_sources = [_Source("people", roster, mark, lambda: _hidden(lambda: who, key, roster))]
    for kind, path in chosen:
        out_sources.append(_Source(kind, path, mark, partial(_read, kind, path, who, key)))
    if not out_sources:
        raise DataError(
            f"{folder} holds no export that is recognised. Give a study.toml, or call the reader that "
            "fits from Python."
        )
    return out_sources, left


def _read(kind: str, path: Path, who: Any, key: Path | None) -> Any:
    from peernet import ingest

    return _hidden(lambda: getattr(ingest, f"read_{kind}")(path, people=who), key, path, who)


def guess_kind(path: Path) -> str:
    """Tell what kind of export a file or folder is; empty where it cannot be told.

    Parameters
    ----------
    path : Path
        In a folder of exports.

    Returns
    -------
    str
        Such that ``ingest.read_<kind>`` reads it.
    """
    from peernet.ingest.git import repository_of

    if path.is_dir():
        names = {p.name.lower() for p in path.iterdir()}
        rules = (("stack_exchange", "posts.xml"), ("slack", "channels.json"), ("zulip", "realm.json"))
        return "git" if repository_of(path) else next((kind for kind, name in rules if name in names), "")
    name = path.name.lower()
    if name.endswith(".zip"):
        return _zip_kind(path)
    if name.endswith((".csv", ".xlsx", ".tsv")):
        stem = name.rsplit(".", 1)[0]
        if stem.startswith(_ROSTERS):
            return "people"
        return (
            "completions" if stem.startswith("completion") else "events" if stem.startswith("events") else ""
        )
    if name.endswith((".jsonl", ".ndjson")):
        with path.open("rb") as file:
            return "mattermost" if b'"version"' in file.read(200) else ""
    endings = ((".mbox", "mbox"), (".ics", "calendar"), (".parquet", "events"))
    return next((kind for ending, kind in endings if name.endswith(ending)), "")


def _zip_kind(path: Path) -> str:
    """Tell a zip by its members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {n.rsplit("/", 1)[-1] for n in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return ""
    return "slack" if "channels.json" in names else "zulip" if "realm.json" in names else ""
