"""LimeSurvey CSV and xlsx exports: question codes with subquestions in brackets."""

from __future__ import annotations

import re

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import PathLike, read_table
from peernet.ingest._vendor import add_fixed, number_repeats
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, survey_records
from peernet.records.report import Ledger, tuples
from peernet.records.tables import Records

__all__ = ["read_limesurvey"]

_CODE = re.compile(r"^([A-Za-z][\w]*(?:\[[^\]]*\])*)(?:\.\s|\s*$)")
_WORDS = {
    "Response ID": "id",
    "Date submitted": "submitdate",
    "Last page": "lastpage",
    "Start language": "startlanguage",
    "Seed": "seed",
    "Date started": "startdate",
    "Date last action": "datestamp",
    "IP address": "ipaddr",
    "Referrer URL": "refurl",
    "Access code": "token",
    "Token": "token",
    "First name": "firstname",
    "Last name": "lastname",
    "Email address": "email",
}
_NEVER = ("ipaddr", "refurl")
_KINDS = (("email", "email"), ("startdate", "started"), ("submitdate", "finished"))


def read_limesurvey(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    encoding: str | None = None,
) -> Records:
    """Answers of a LimeSurvey survey; responses without ``submitdate`` are incomplete and left out, counted.

    Columns are called by question code (``Q1``, ``Q1[SQ001]``, ``Q1[SQ001][1]``, ``Q1[other]``), also where
    the export put the question text behind it (``Q1[SQ001]. Text``). IP addresses and referrers are dropped
    on read.

    Parameters
    ----------
    path : path
        CSV (``,`` or ``;``) or xlsx, headings as "question code" or "code and text", answers as codes or in full
        ("N/A" in a choice is a question that was not shown: no answer).
    codebook : path, pandas.DataFrame or Codebook
        Which column means what. The token is a person id only where the codebook says so.
    people : Records or pandas.DataFrame
        The roster.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of the server; the file states none.
    encoding : str, optional
        Where the file is not UTF-8.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When ``submitdate`` is missing, nobody can be joined, or a direction is open.
    """
    ledger = Ledger("read_limesurvey")
    raw = read_table(path, ledger, encoding=encoding, unique=False)
    names = [_WORDS.get(c) or _WORDS.get(c.replace("_", " ")) or _short(c) for c in raw.frame.columns]
    frame = raw.frame.set_axis(pd.Index(number_repeats(names), dtype="str"), axis=1)
    if "submitdate" not in frame.columns:
        raise DataError(
            f"{raw.name} has no column 'submitdate', or its header row is missing (row 1 reads: "
            f"{quoted(raw.frame.columns[:6], 6)}). "
            "Export it from LimeSurvey with question codes and all response columns."
        )
    gone = [c for c in _NEVER if c in frame.columns]
    if gone:
        ledger.not_read.append(f"{quoted(gone)}: dropped on read")
    frame = frame.drop(columns=gone)
    ledger.read("rows", len(frame))
    open_rows = frame["submitdate"].str.strip().isin(["", "N/A"])
    ledger.drop("rows", "broken off before the end (no submitdate)", frame.index[open_rows], stage="match")
    # Without a date stamp LimeSurvey writes 1980-01-01 for every answer.
    frame = frame[~open_rows].assign(
        submitdate=lambda f: f["submitdate"].mask(f["submitdate"].str.startswith("1980-01-01"), "")
    )
    book = add_fixed(Codebook.read(codebook), frame.columns, _KINDS)
    return survey_records(
        _shown(frame, book),
        book,
        people,
        ledger,
        file=raw.name,
        wave=wave,
        aliases=aliases,
        bad_shares=bad_shares,
        time_zone=time_zone,
        date_order="ymd",
    )


def _shown(frame: pd.DataFrame, book: Codebook) -> pd.DataFrame:
    """Empty the cells of yes/no and multiple-choice questions that somebody did not see: "answers in full" says N/A."""
    picked = [e.column for e in tuples(book.of("choice", "consent")) if e.column in frame.columns]
    return frame.assign(**{c: frame[c].mask(frame[c].str.strip() == "N/A", "") for c in picked})


def _short(heading: str) -> str:
    """Return the question code of a heading."""
    match = _CODE.match(heading)
    return match.group(1) if match else heading
