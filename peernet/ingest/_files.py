"""Opening files that nobody has vetted: size, nesting, encoding and shape are checked before anything is believed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from struct import error as struct_error
from typing import Any, NamedTuple

import pandas as pd

from peernet._check import quoted, rows_text, some, suggest
from peernet.errors import DataError
from peernet.records.report import Ledger

__all__ = ["Archive", "RawTable", "file_facts", "load_json", "need_column", "read_table", "read_text"]

PathLike = str | os.PathLike[str]

MAX_BYTES = 2 * 1024**3  # one file, or all members of an archive, unpacked
MAX_MEMBER = 512 * 1024**2
MAX_MEMBERS = 200_000
MAX_RATIO = 200  # unpacked to packed; chat exports are below 30
RATIO_FROM = 4 * 1024**2  # smaller members may be as repetitive as they like
MAX_DEPTH = 64
_DELIMITERS = (",", ";", "\t", "|")


class RawTable(NamedTuple):
    """A table as it stands in the file: all text, nothing guessed.

    ``frame`` has the row numbers of a spreadsheet as its index (the first line of the file is row 1) and empty text
    where a cell is empty, so ``NA`` and ``None`` stay what they are: text.
    """

    frame: pd.DataFrame
    head: list[list[str]]
    facts: dict[str, Any]
    name: str


def existing(path: PathLike, what: str) -> Path:
    """Return the path of a file that can be read."""
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"{what}: give the path of a file; got {type(path).__name__}.")
    where = Path(path)
    if not where.exists():
        near = suggest(where.name, [p.name for p in where.parent.iterdir()]) if where.parent.is_dir() else ""
        raise DataError(f"{what}: there is no file {where.name!r} in {where.parent}.{near}")
    return where


def file_facts(path: Path) -> dict[str, Any]:
    """Return name, sha256 and size of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"file": path.name, "sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def read_text(path: Path, encoding: str | None = None) -> str:
    """Return the text of a file; byte-order marks are honoured, other encodings must be named."""
    if path.is_dir():
        raise DataError(f"{path.name} is a folder, not a file.")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(
            f"{path.name} has {path.stat().st_size} bytes; at most {MAX_BYTES} are read. Split the file."
        )
    raw = path.read_bytes()
    if not raw.strip():
        raise DataError(f"{path.name} is empty (0 rows). Export it again.")
    if raw[:4] == b"PK\x03\x04" or raw[:2] == b"\x1f\x8b":
        raise DataError(
            f"{path.name} is a packed file, not text. Give the reader that takes zip or xlsx, or unpack it."
        )
    return decode(raw, path.name, encoding)


def decode(raw: bytes, name: str, encoding: str | None = None) -> str:
    """Turn bytes into text, saying where it fails."""
    if encoding is None:
        marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
        encoding = next((e for mark, e in marks if raw.startswith(mark)), "utf-8-sig")
    try:
        text = raw.decode(encoding)
    except (UnicodeError, LookupError) as error:
        place = getattr(error, "start", None)
        row = f" at row {raw[:place].count(10) + 1}" if place is not None else ""
        raise DataError(
            f"{name} is not {encoding.removesuffix('-sig')} text{row}. Export it as UTF-8, or pass the "
            "encoding it has, "
            "for example encoding='cp1252'."
        ) from None
    if "\x00" in text:
        raise DataError(
            f"{name} holds NUL characters in row {text[: text.index(chr(0))].count(chr(10)) + 1}: it is not "
            "a text file."
        )
    return text


def read_table(
    path: PathLike,
    ledger: Ledger,
    *,
    n_header: int = 1,
    encoding: str | None = None,
    delimiter: str | None = None,
    unique: bool = True,
    short_rows: bool = False,
) -> RawTable:
    """Read CSV, TSV or xlsx as text with the row numbers of a spreadsheet."""
    where = existing(path, ledger.reader)
    if where.suffix.lower() in (".xlsx", ".xlsm"):
        from peernet.ingest._excel import sheet_rows

        rows = sheet_rows(where)
    else:
        rows = _csv_rows(read_text(where, encoding), where.name, delimiter)
    facts = file_facts(where)
    ledger.files.append(facts)
    return shape(rows, where.name, facts, n_header=n_header, unique=unique, short_rows=short_rows)


def _csv_rows(text: str, name: str, delimiter: str | None) -> list[list[str]]:
    """Split text in rows and cells."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda d: (_count_outside(first, d), -_DELIMITERS.index(d)))
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows.extend(reader)
    except csv.Error as error:
        raise DataError(
            f"{name} breaks off or is not a table: {error} in row {len(rows) + 1}. "
            "A quotation mark is open or the file was cut; export it again."
        ) from None
    return rows


def _count_outside(line: str, delimiter: str) -> int:
    """Count delimiters outside quotation marks."""
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def shape(
    rows: list[list[str]],
    name: str,
    facts: dict[str, Any],
    *,
    n_header: int,
    unique: bool,
    short_rows: bool = False,
) -> RawTable:
    """Turn rows of cells into a table below a header."""
    numbers = [i for i, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if not numbers:
        raise DataError(f"{name} is empty (0 rows). Export it again.")
    if len(numbers) < n_header:
        raise DataError(
            f"{name} has {len(numbers)} rows; {n_header} header rows were expected. Export it again."
        )
    head = [[cell.strip() for cell in rows[i - 1]] for i in numbers[:n_header]]
    columns = head[0]
    while (
        columns
        and not columns[-1]
        and all(len(rows[i - 1]) < len(columns) or not rows[i - 1][len(columns) - 1].strip() for i in numbers)
    ):
        columns = columns[:-1]
    width = len(columns)
    body = numbers[n_header:]
    long_rows = [i for i in body if any(cell.strip() for cell in rows[i - 1][width:])]
    short = [] if short_rows else [i for i in body if len(rows[i - 1]) < width]
    for bad, word in ((long_rows, "more"), (short, "fewer")):
        if bad:
            cells = [len(rows[i - 1]) for i in bad[:3]]
            raise DataError(
                f"{name}: {rows_text(bad)} {'has' if len(bad) == 1 else 'have'} {word} cells than the header "
                f"({some(cells)} "
                f"instead of {width}). The file was cut, or a separator stands in a cell without quotation "
                "marks; export it again."
            )
    if unique:
        double = sorted({c for c in columns if columns.count(c) > 1})
        if double:
            where = [i + 1 for i, c in enumerate(columns) if c in double]
            raise DataError(
                f"{name}: the header names {quoted(double)} more than once (columns {some(where)}). Rename "
                "all but one."
            )
    padded = [(rows[i - 1] + [""] * width)[:width] for i in body]
    frame = pd.DataFrame(
        padded,
        columns=pd.Index(columns, dtype="str"),
        index=pd.Index(body, name="row", dtype="int64"),
        dtype="str",
    )
    return RawTable(frame, head, facts, name)


def need_column(frame: pd.DataFrame, name: str, file: str) -> pd.Series[Any]:
    """Return a column of a file, or say which there are."""
    if name in frame.columns:
        found: pd.Series[Any] = frame[name]
        return found
    columns = ", ".join(str(c) for c in frame.columns[:40]) or "none"
    raise DataError(f"{file} has no column {name!r}.{suggest(name, frame.columns)} Columns: {columns}.")


def load_json(raw: bytes, name: str) -> Any:
    """Parse JSON that may be cut, wrongly encoded or nested without end."""
    text = decode(raw, name)
    if not text.strip():
        raise DataError(f"{name} is empty. Export it again.")
    try:
        value = json.loads(text)
    except RecursionError:
        raise DataError(f"{name} is nested more than {MAX_DEPTH} levels deep; it is not read.") from None
    except ValueError as error:
        raise DataError(
            f"{name} is not complete JSON ({str(error)[:120]}). The export was cut; make it again."
        ) from None
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            x
            for v in level
            for x in (v.values() if isinstance(v, dict) else v if isinstance(v, list) else ())
            if isinstance(x, (dict, list))
        ]
        if not level:
            return value
    raise DataError(f"{name} is nested more than {MAX_DEPTH} levels deep; it is not read.")


class Archive:
    """A zip file or a folder, read member by member and never unpacked.

    Parameters
    ----------
    path : path
        Zip file or folder.
    reader : str
        Name of the reading function, for messages.
    """

    def __init__(self, path: PathLike, reader: str) -> None:
        self.path = existing(path, reader)
        self.name = self.path.name
        self._zip: zipfile.ZipFile | None = None
        if self.path.is_dir():
            self._members = self._walk()
            self.facts = self._folder_facts()
        else:
            self._members = self._open()
            self.facts = file_facts(self.path)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def _walk(self) -> dict[str, Any]:
        """List a folder; links out of it are refused."""
        root = self.path.resolve()
        out: dict[str, Any] = {}
        for found in sorted(self.path.rglob("*")):
            if not found.resolve().is_relative_to(root):
                raise DataError(
                    f"{self.name}: {found.relative_to(self.path).as_posix()!r} points outside the folder. "
                    "Remove it."
                )
            if found.is_file():
                out[found.relative_to(self.path).as_posix()] = found
        total = sum(p.stat().st_size for p in out.values())
        if len(out) > MAX_MEMBERS or total > MAX_BYTES:
            raise DataError(
                f"{self.name}: {len(out)} files of {total} bytes are more than is read at once. Split the export."
            )
        return out

    def _folder_facts(self) -> dict[str, Any]:
        """Hash a folder by the names and hashes of its files."""
        digest = hashlib.sha256()
        size = 0
        for name, path in self._members.items():
            facts = file_facts(path)
            size += facts["bytes"]
            digest.update(f"{facts['sha256']}  {name}\n".encode())
        return {"file": f"{self.name}/", "sha256": digest.hexdigest(), "bytes": size}

    def _open(self) -> dict[str, Any]:
        """List a zip file after checking names, sizes and ratios."""
        try:
            self._zip = zipfile.ZipFile(self.path)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct_error) as error:
            raise DataError(
                f"{self.name} is not a complete zip file ({error}). The download was cut; fetch the export again."
            ) from None
        try:
            return self._vetted(entries)
        except DataError:
            self._zip.close()
            raise

    def _vetted(self, entries: list[zipfile.ZipInfo]) -> dict[str, Any]:
        """Refuse members that escape, link, repeat or explode."""
        bad = [e.filename for e in entries if _escapes(e)]
        if bad:
            raise DataError(
                f"{self.name}: {len(bad)} members have paths that leave the archive ({quoted(bad)}). It is "
                "not read."
            )
        files = [e for e in entries if not e.is_dir()]
        if len(files) > MAX_MEMBERS:
            raise DataError(f"{self.name} has {len(files)} members; at most {MAX_MEMBERS} are read.")
        total = sum(e.file_size for e in files)
        big = [e for e in files if e.file_size > MAX_MEMBER]
        dense = [
            e for e in files if e.file_size > RATIO_FROM and e.file_size > MAX_RATIO * max(1, e.compress_size)
        ]
        packed = max(1, sum(e.compress_size for e in files))
        if big or dense or total > MAX_BYTES or (total > 16 * RATIO_FROM and total > MAX_RATIO * packed):
            worst = (big or dense or sorted(files, key=lambda e: -e.file_size))[0]
            raise DataError(
                f"{self.name}: member {worst.filename!r} would unpack from {worst.compress_size} to "
                f"{worst.file_size} bytes "
                f"({total} in all). That looks like a zip bomb and is not read."
            )
        if any(e.flag_bits & 1 for e in files):
            raise DataError(f"{self.name} is protected by a password. Unpack it, and give the folder.")
        kept = [
            e
            for e in files
            if not e.filename.startswith("__MACOSX/") and not e.filename.rsplit("/", 1)[-1].startswith("._")
        ]
        names = [e.filename for e in kept]
        double = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
        if double:
            raise DataError(f"{self.name} holds {quoted(double)} more than once. Make the export again.")
        return {e.filename: e for e in kept}

    def names(self) -> list[str]:
        """Members, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """Return the bytes of a member, never more than allowed."""
        member = self._members[name]
        if self._zip is None:
            return bytes(member.read_bytes())
        try:
            with self._zip.open(member) as file:
                raw = file.read(MAX_MEMBER + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
            struct_error,
        ) as error:
            raise DataError(
                f"{self.name}: member {name!r} is damaged ({error}). Fetch the export again."
            ) from None
        if len(raw) > MAX_MEMBER:
            raise DataError(
                f"{self.name}: member {name!r} unpacks to more than {MAX_MEMBER} bytes. It is not read."
            )
        return raw

    def json(self, name: str) -> Any:
        """Parse a JSON member."""
        return load_json(self.read(name), f"{self.name}: {name}")

    def each(self, suffix: str) -> Iterator[str]:
        """Yield members with an ending."""
        return (n for n in self.names() if n.lower().endswith(suffix))


def _escapes(entry: zipfile.ZipInfo) -> bool:
    """Say whether a member would land outside, or is a link."""
    name = entry.filename
    path = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":"
    linked = stat.S_ISLNK(entry.external_attr >> 16)
    return path.is_absolute() or ".." in path.parts or drive or linked or "\x00" in name
