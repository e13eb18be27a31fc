"""Error messages about pseudonymous data: ids, names and e-mails go, headings stay readable."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from peernet import privacy
from peernet.errors import PeerNetError
from peernet.records._people import IDENTIFYING
from peernet.records.identity import normalise_name
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["without_ids"]

# The readers of tables and codebooks sit above this layer.
_FILES, _CODEBOOK, _ROSTER = "peernet.ingest._files", "peernet.ingest.codebook", "peernet.ingest.people"
_QUOTED = re.compile(r"'[^']*'")
_WORDS = {"'person'", "'dmy'", "'mdy'", "'cp1252'", "'<heading>'"}
_OFFENDERS = re.compile(r"((?:rows?|ids?|people|names?)[^:()]*): (?:'[^']*'(?:, )?)+(?:\.\.\.)?")
# A single word, or a number: it may stand in a heading without meaning the person who is called so.
_WEAK = re.compile(r"[^\W\d]+|\d+")
_HEAD = "\x00{}\x00"


def without_ids(
    message: str,
    people: Records | None,
    *,
    file: Path | None = None,
    codebook: str | Path | None = None,
    told: tuple[str, ...] = (),
) -> str:
    """Take ids, names and e-mails out of an error message about pseudonymous data.

    Headings of the file and columns of the codebook stay, unless they are somebody's id, name or e-mail, or hold a
    whole name; a heading in which only a word is somebody's name ("May we use it?" where there is a May) is no person.
    Where the header row is missing, the first row is data.

    Parameters
    ----------
    message : str
        What the reader said.
    people : Records or None
        The roster; None while it is read itself: then everything in quotation marks may be a person.
    file : Path, optional
        The file that was read.
    codebook : path, optional
        Its codebook.
    told : tuple of str
        Words of study.toml, such as headings in ``columns``.

    Returns
    -------
    str
        The message without people.
    """
    row = _first_row(file)
    if people is None:
        heads = {*told, *(row if _is_roster_header(row) else ())}
        message = _OFFENDERS.sub(r"\1: [withheld]", message)
        kept, message = _put_aside(message, heads)
        message = _QUOTED.sub(lambda w: w.group(0) if _stays(w.group(0)) else "[withheld]", message)
        cells = () if _is_roster_header(row) else row
        for cell in sorted((c for c in cells if c.strip()), key=len, reverse=True):
            message = re.sub(rf"(?<!\w){re.escape(cell.strip())}(?!\w)", "[withheld]", message)
        return _put_back(message, kept)
    known = {str(p) for p in people.people.index}
    for column in IDENTIFYING:
        if column in people.people.columns:
            known |= {str(v) for v in people.people[column].dropna()}
    weak = {k for k in known if _WEAK.fullmatch(k)}
    columns, grid = _columns_of(codebook)
    folded = {normalise_name(k) for k in known}
    own = {h for h in row if normalise_name(h) not in folded} if not columns or columns & set(row) else set()
    message = _OFFENDERS.sub(r"\1: [withheld]", privacy.redact(message, known - weak))
    kept, message = _put_aside(message, {*own, *told, *(columns - grid)})
    return _put_back(privacy.redact(message, weak), kept)


def _stays(quoted: str) -> bool:
    """Say whether a quoted word is one of ours, or a heading put aside."""
    return quoted in _WORDS or bool(re.fullmatch("'\x00\\d+\x00'", quoted))


def _put_aside(message: str, headings: set[str]) -> tuple[list[str], str]:
    """Replace headings, where they stand as such (in quotes or in a list), by numbers."""
    kept: list[str] = []
    for heading in sorted((h for h in headings if h.strip()), key=len, reverse=True):
        found = rf"(?:(?<=')|(?<=: )|(?<=, )|(?<=column )){re.escape(heading)}(?=['\",.:;)]|$)"
        message, n = re.subn(found, _HEAD.format(len(kept)), message)
        if n:
            kept.append(heading)
    return kept, message


def _put_back(message: str, kept: list[str]) -> str:
    """Write the headings again."""
    return re.sub("\x00(\\d+)\x00", lambda number: kept[int(number.group(1))], message)


def _first_row(file: Path | None) -> list[str]:
    """Return the first row of a table; nothing where the file is none or cannot be read."""
    if file is None or file.suffix.lower() not in (".csv", ".tsv", ".txt", ".xlsx", ".xlsm"):
        return []
    read_table = importlib.import_module(_FILES).read_table
    try:
        head = read_table(file, Ledger("without_ids"), unique=False, short_rows=True).head
    except PeerNetError:
        return []
    return [str(c) for c in head[0]] if head else []


def _is_roster_header(row: list[str]) -> bool:
    """Say whether the first row of a roster holds headings: at least one is known."""
    known = importlib.import_module(_ROSTER).propose_columns(row)
    return bool((known["how"] == "heading").any())


def _columns_of(codebook: str | Path | None) -> tuple[set[str], set[str]]:
    """Return the columns that a codebook lists, and those among them that stand for a person each."""
    if codebook is None:
        return set(), set()
    try:
        table = importlib.import_module(_CODEBOOK).Codebook.read(codebook).table
    except PeerNetError:
        return set(), set()
    return set(table["column"]), set(table.loc[table["kind"] == "roster", "column"])
