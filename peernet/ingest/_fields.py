"""Taking fields out of files that nobody has vetted: a missing or odd field is empty, never a crash."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peernet.errors import DataError
from peernet.ingest._files import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_MEMBER,
    MAX_MEMBERS,
    MAX_RATIO,
    RATIO_FROM,
    Archive,
    PathLike,
    existing,
    file_facts,
    load_json,
)
from peernet.records.report import Ledger

__all__ = [
    "Tar",
    "dig",
    "epoch_us",
    "is_bot_name",
    "iso_us",
    "json_documents",
    "json_lines",
    "open_export",
    "rows_of",
    "short",
    "text",
    "whole",
]

MAX_LINE = 64 * 1024**2
_EARLIEST = 315_532_800_000_000  # 1980, in microseconds
_LATEST = 4_102_444_800_000_000  # 2100
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICRO = dt.timedelta(microseconds=1)
_BOT = re.compile(
    r"\[bot\]|^(dependabot|renovate|github-actions|greenkeeper|snyk|mergify|codecov|pre-commit-ci|web-flow|slackbot|"
    r"buildbot|jenkins|semantic-release|travis|circleci)\b|(^|[-_. ])bot$",
    re.IGNORECASE,
)


def text(row: Any, key: str) -> str:
    """Return a text field (numbers as text); empty where it is missing or something else."""
    value = row.get(key) if isinstance(row, dict) else None
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def whole(row: Any, key: str) -> int | None:
    """Return a whole number, also when it is written as text."""
    value = row.get(key) if isinstance(row, dict) else None
    if isinstance(value, bool) or (isinstance(value, str) and len(value) > 20):
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?[0-9]+", value.strip()) else None
    return value if isinstance(value, int) else None


def dig(row: Any, *keys: str) -> Any:
    """Return what lies under nested keys, or None."""
    for key in keys:
        row = row.get(key) if isinstance(row, dict) else None
    return row


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; nothing for anything else."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def short(value: str, n: int = 200) -> str:
    """Return a label without line breaks, cut to n characters."""
    return " ".join(value.split())[:n]


def iso_us(value: Any) -> int | None:
    """Microseconds since 1970 of an ISO 8601 text; a text without zone is UTC; None where it is no such time."""
    if not isinstance(value, str) or not 8 <= len(value) <= 40:
        return None
    try:
        moment = dt.datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return _sane((moment - _EPOCH) // _MICRO)
    except (ValueError, OverflowError):
        return None


def epoch_us(value: Any, per_second: int = 1) -> int | None:
    """Microseconds since 1970 of a number (or text) of seconds, or of 1/per_second of them; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return _sane(value * 1_000_000 // per_second) if abs(value) < 10**18 else None
    if isinstance(value, float):
        return (
            _sane(round(value * 1_000_000 / per_second))
            if math.isfinite(value) and abs(value) < 1e18
            else None
        )
    if not isinstance(value, str):
        return None
    match = re.fullmatch(r"\s*([0-9]{9,17})(?:\.([0-9]{1,9}))?\s*", value)
    if match is None:
        return None
    part = int((match.group(2) or "0")[:6].ljust(6, "0"))
    return _sane((int(match.group(1)) * 1_000_000 + part) // per_second)


def _sane(micro: int) -> int | None:
    """Return the time when it lies between 1980 and 2100."""
    return micro if _EARLIEST <= micro < _LATEST else None


def is_bot_name(name: str) -> bool:
    """Say whether a name or login is one that bots go by."""
    return bool(_BOT.search(name.strip()))


def json_lines(path: PathLike, ledger: Ledger, what: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file with one JSON object a line (``.gz`` too), line by line.

    A line that is cut, wrongly encoded or not an object is dropped and counted under ``what`` with its
    number.

    Raises
    ------
    DataError
        When the file is empty, no line is an object, or a packed file breaks off.
    """
    where = existing(path, ledger.reader)
    if where.is_dir():
        raise DataError(f"{where.name} is a folder, not a file with one JSON object a line.")
    ledger.files.append(file_facts(where))
    good = number = 0
    with where.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        while True:
            try:
                line = file.readline(MAX_LINE + 1)
            except (zlib.error, EOFError, OSError) as error:
                raise DataError(
                    f"{where.name} is damaged after line {number} ({error}). The download was cut; fetch "
                    "it again."
                ) from None
            if not line:
                break
            number += 1
            if not line.strip():
                continue
            ledger.read(what, 1)
            value = _object(line[3:] if number == 1 and line.startswith(b"\xef\xbb\xbf") else line)
            if value is None:
                ledger.drop(what, "line is not a complete JSON object", [number], stage="match")
                continue
            good += 1
            yield value
    if not good:
        raise DataError(
            f"{where.name}: none of its {number} lines is a complete JSON object. Is it the right file? "
            "Export it again."
        )


def _object(line: bytes) -> dict[str, Any] | None:
    """Parse one line, or return nothing."""
    if len(line) > MAX_LINE:
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _too_deep(value) else None


def _too_deep(value: Any) -> bool:
    """Say whether a value is nested deeper than is read."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            x
            for v in level
            for x in (v.values() if isinstance(v, dict) else v)
            if isinstance(x, (dict, list))
        ]
        if not level:
            return False
    return True


class Tar:
    """A tar file read member by member and never unpacked; as :class:`Archive` in what it can do."""

    def __init__(self, path: PathLike, reader: str) -> None:
        self.path = existing(path, reader)
        self.name = self.path.name
        self.facts = file_facts(self.path)
        try:
            self._tar = tarfile.open(self.path, "r:*")
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
            raise self._damaged(error) from None
        try:
            self._members = self._vetted()
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
            self._tar.close()
            raise error if isinstance(error, DataError) else self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        return DataError(
            f"{self.name} is not a complete tar file ({error}). The download was cut; fetch it again."
        )

    def _vetted(self) -> dict[str, tarfile.TarInfo]:
        """List the files among the members, unless they are too many or unpack to too much."""
        files = [e for e in self._list() if e.isfile()]
        total, big = sum(e.size for e in files), max((e.size for e in files), default=0)
        dense = total > 16 * RATIO_FROM and total > MAX_RATIO * self.path.stat().st_size
        if len(files) > MAX_MEMBERS or total > MAX_BYTES or big > MAX_MEMBER or dense:
            raise DataError(
                f"{self.name} would unpack to {total} bytes in {len(files)} files; that is not read at once."
            )
        return {e.name.removeprefix("./"): e for e in files}

    def _list(self) -> list[tarfile.TarInfo]:
        """List the members, and stop at once where the sizes stated run away."""
        out: list[tarfile.TarInfo] = []
        total = 0
        for entry in self._tar:
            total += entry.size
            out.append(entry)
            if total > MAX_BYTES or len(out) > 2 * MAX_MEMBERS:
                raise DataError(f"{self.name} unpacks to more than {MAX_BYTES} bytes. It is not read.")
        return out

    def __enter__(self) -> Tar:
        return self

    def __exit__(self, *exc: object) -> None:
        self._tar.close()

    def names(self) -> list[str]:
        """Members, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """Return the bytes of a member."""
        try:
            file = self._tar.extractfile(self._members[name])
            return file.read(MAX_MEMBER + 1) if file is not None else b""
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
            raise DataError(
                f"{self.name}: member {name!r} is damaged ({error}). Fetch the export again."
            ) from None

    def json(self, name: str) -> Any:
        """Parse a JSON member."""
        return load_json(self.read(name), f"{self.name}: {name}")


def open_export(path: PathLike, reader: str) -> Archive | Tar:
    """Open a zip, a folder or a tar file."""
    where = existing(path, reader)
    if where.is_file():
        with where.open("rb") as file:
            head = file.read(262)
        if head[:2] in (b"\x1f\x8b", b"BZ") or head[257:262] == b"ustar":
            return Tar(where, reader)
    return Archive(where, reader)


def json_documents(path: PathLike, ledger: Ledger, what: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of every JSON document in a file, folder or zip; each line of JSON lines is a document.

    Raises
    ------
    DataError
        When a document is cut, or there is none.
    """
    where = existing(path, ledger.reader)
    lines = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".json.gz")
    if where.is_file() and where.name.lower().endswith(lines):
        for row in json_lines(where, ledger, f"lines ({what})"):
            yield where.name, row
        return
    if where.is_file() and where.suffix.lower() not in (".zip", ".tar", ".gz", ".tgz"):
        if where.stat().st_size > MAX_MEMBER:
            raise DataError(
                f"{where.name} has more than {MAX_MEMBER} bytes as one JSON document. Export it as JSON "
                "lines, or in parts."
            )
        ledger.files.append(file_facts(where))
        yield where.name, load_json(where.read_bytes(), where.name)
        return
    with open_export(where, ledger.reader) as archive:
        ledger.files.append(archive.facts)
        names = [n for n in archive.names() if n.lower().endswith(".json")]
        if not names:
            raise DataError(f"{archive.name} holds no .json file. Give the export as it was downloaded.")
        for name in names:
            yield name, archive.json(name)


def text_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the lines of a text file, one at a time; what is not text is replaced."""
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        yield from file
