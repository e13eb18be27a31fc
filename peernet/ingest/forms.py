"""Google Forms (CSV) and Microsoft Forms (xlsx): the question text is the heading."""

from __future__ import annotations

import re

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest._times import DateOrder
from peernet.ingest._vendor import add_fixed, expand_lists, number_repeats, split_choices, split_semicolons
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, roster_of, survey_records
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_google_forms", "read_microsoft_forms"]

# The CSV that Forms itself writes: 2022/11/30 10:39:41 PM GMT+1; a sheet has neither AM/PM with the zone nor the zone.
_STAMP = re.compile(
    r"^(\d{4})/(\d{1,2})/(\d{1,2}) (\d{1,2}):(\d{2}):(\d{2}) ([AP])M (?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?$"
)


def read_google_forms(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
) -> Records:
    """Answers of a Google Forms survey: the CSV that Forms itself writes, or the CSV or xlsx of its sheet.

    In a sheet ``Timestamp`` is local to the spreadsheet and states no zone: pass ``time_zone``. The CSV of
    Forms itself states the zone (``2022/11/30 10:39:41 PM GMT+1``). Grids are columns ``Question [Row]``; a
    question title that repeats is numbered (``Title (2)``). Several ticked names stand in one cell, joined by
    commas in a sheet and by semicolons in the CSV of Forms: give the column the kind ``nomination_list``;
    names of the roster that hold commas are recognised, the longest first.

    Parameters
    ----------
    path : path
        CSV or xlsx.
    codebook : path, pandas.DataFrame or Codebook
        Which column means what.
    people : Records or pandas.DataFrame
        The roster.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of the spreadsheet.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When ``Timestamp`` is missing, the form did not collect e-mails, or a direction is open.
    """
    ledger = Ledger("read_google_forms")
    raw = read_table(path, ledger, unique=False)
    frame = _named(raw, "Timestamp", "a Google Forms sheet")
    stamped = frame["Timestamp"].map(lambda c: bool(_STAMP.match(c.strip())))
    direct = bool(len(frame) and stamped.all())
    frame.loc[stamped, "Timestamp"] = frame.loc[stamped, "Timestamp"].map(_iso)
    book = add_fixed(
        Codebook.read(codebook),
        frame.columns,
        [
            ("Timestamp", "finished"),
            ("Email Address", "email"),
            ("Email address", "email"),
            ("Username", "email"),
        ],
    )
    _joinable(book, raw.name, "collect e-mail addresses in the form's settings")
    roster = roster_of(people)
    choices = [str(n) for c in ("name", "email") if c in roster.columns for n in roster[c].dropna()]
    frame, book = expand_lists(
        frame, book, split_semicolons if direct else lambda cell: split_choices(cell, choices)
    )
    ledger.read("rows", len(frame))
    return survey_records(
        frame,
        book,
        people,
        ledger,
        file=raw.name,
        wave=wave,
        aliases=aliases,
        bad_shares=bad_shares,
        time_zone=time_zone,
        date_order=date_order,
    )


def read_microsoft_forms(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
) -> Records:
    """Answers of a Microsoft Forms survey, from its xlsx.

    Several choices in a cell are joined by ``;``: give such a column of names the kind ``nomination_list``.
    ``anonymous`` as e-mail is nobody.

    Parameters
    ----------
    path : path
        xlsx (or the same saved as CSV).
    codebook : path, pandas.DataFrame or Codebook
        Which column means what.
    people : Records or pandas.DataFrame
        The roster.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of the form's owner; the file states none.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month, in a CSV.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When the fixed columns are missing, every answer is anonymous, or a direction is open.
    """
    ledger = Ledger("read_microsoft_forms")
    raw = read_table(path, ledger, unique=False)
    frame = _named(raw, "Completion time", "a Microsoft Forms workbook")
    book = add_fixed(
        Codebook.read(codebook),
        frame.columns,
        [("Email", "email"), ("Start time", "started"), ("Completion time", "finished")],
    )
    _joinable(book, raw.name, "let only people in your organisation answer and record their names")
    frame, book = expand_lists(frame, book, split_semicolons)
    for column in book.of("nomination", "choice", "learning_share")["column"]:
        if column in frame.columns:
            frame[column] = frame[column].str.rstrip(";")
    ledger.read("rows", len(frame))
    return survey_records(
        frame,
        book,
        people,
        ledger,
        file=raw.name,
        wave=wave,
        aliases=aliases,
        bad_shares=bad_shares,
        time_zone=time_zone,
        date_order=date_order,
    )


def _iso(cell: str) -> str:
    """Write the time of Forms' own CSV with its offset."""
    found = _STAMP.match(cell.strip())
    assert found is not None
    year, month, day, hour, minute, second, half, sign, hours, minutes = found.groups()
    clock = int(hour) % 12 + (12 if half == "P" else 0)
    offset = f"{sign or '+'}{int(hours or 0):02d}:{minutes or '00'}"
    return f"{year}-{int(month):02d}-{int(day):02d}T{clock:02d}:{minute}:{second}{offset}"


def _named(raw: RawTable, needed: str, what: str) -> pd.DataFrame:
    """Number repeated headings and check that the file is what it should be."""
    frame = raw.frame.set_axis(pd.Index(number_repeats(list(raw.frame.columns)), dtype="str"), axis=1)
    if needed not in frame.columns:
        raise DataError(
            f"{raw.name} has no column {needed!r}, so it is not {what}, or its header row is missing (row 1 reads: "
            f"{quoted(frame.columns[:6], 6)}). For another file with one header row use read_survey."
        )
    return frame.copy()


def _joinable(book: Codebook, file: str, remedy: str) -> None:
    """Say at once when nobody can be joined."""
    if not set(book.table["kind"]) & {"person", "email", "name"}:
        raise DataError(
            f"{file}: the answers are anonymous: no column says who answered, so nobody can be joined to the "
            "roster. Ties and "
            f"response by unit cannot be had from this file; next time, {remedy}."
        )
