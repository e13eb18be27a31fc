"""SurveyMonkey CSV and xlsx exports: two header rows, the question above its rows or choices."""

from __future__ import annotations

import re

import pandas as pd

from peernet._check import rows_text
from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest._times import DateOrder
from peernet.ingest._vendor import add_fixed, number_repeats
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, survey_records
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_surveymonkey"]

_FIXED = ("Respondent ID", "Collector ID", "Start Date", "End Date", "Date Created", "Date Modified", "IP Address",
          "Email Address", "First Name", "Last Name", "Custom Data 1", "Custom Data")  # fmt: skip
_KINDS = (("Email Address", "email"), ("Start Date", "started"), ("Date Created", "started"), ("End Date", "finished"),
          ("Date Modified", "finished"))  # fmt: skip
_BARE = {"", "response", "open-ended response"}
_DAMAGED = re.compile(r"^\d([.,]\d+)?[eE]\+\d+$")


def read_surveymonkey(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
    encoding: str | None = None,
) -> Records:
    """Answers of a SurveyMonkey survey, from the export "all individual responses" with its two header rows.

    A column is called by its question, and by ``question | row`` where the second header row names a row or
    choice. IP addresses are dropped on read.

    Parameters
    ----------
    path : path
        CSV or xlsx.
    codebook : path, pandas.DataFrame or Codebook
        Which column means what; :func:`draft_codebook` lists the columns.
    people : Records or pandas.DataFrame
        The roster.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of the dates; the file states none.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.
    encoding : str, optional
        Where the file is not UTF-8.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When a header row is missing, a spreadsheet has damaged the respondent ids, or nobody can be joined.
    """
    ledger = Ledger("read_surveymonkey")
    raw = read_table(path, ledger, n_header=2, encoding=encoding, unique=False)
    frame = joined_headers(raw)
    bad = frame["Respondent ID"][frame["Respondent ID"].map(lambda c: bool(_DAMAGED.match(c)))]
    if len(bad):
        raise DataError(
            f"{raw.name}: a spreadsheet has damaged the respondent ids ({rows_text(bad.index, bad)}). "
            "Download the export again "
            "and do not save it in a spreadsheet."
        )
    if "IP Address" in frame.columns:
        frame = frame.drop(columns="IP Address")
        ledger.not_read.append("'IP Address': dropped on read")
    ledger.read("rows", len(frame))
    return survey_records(
        frame, add_fixed(Codebook.read(codebook), frame.columns, _KINDS), people, ledger, file=raw.name, wave=wave,
        aliases=aliases, bad_shares=bad_shares, time_zone=time_zone, date_order=date_order,
    )  # fmt: skip


def joined_headers(raw: RawTable) -> pd.DataFrame:
    """Join the two header rows into one name a column."""
    top, below = raw.head[0], [*raw.head[1], *[""] * len(raw.head[0])]
    if not top or top[0] != "Respondent ID":
        raise DataError(
            f"{raw.name}: the first column should be 'Respondent ID' and is {(top or [''])[0]!r}. The header "
            "rows are missing, or this is "
            "not a SurveyMonkey export of all individual responses."
        )
    width = max(len(top), max((i + 1 for i, c in enumerate(raw.head[1]) if c), default=0))
    top = [*top, *[""] * (width - len(top))]
    names, question = [], ""
    for over, under in zip(top, below, strict=False):
        question = over or question
        plain = question in _FIXED or under.lower() in _BARE
        names.append(question if plain else f"{question} | {under}")
    frame = raw.frame
    if frame.shape[1] < width:
        raise DataError(f"{raw.name}: the rows are shorter than the two header rows. Export the file again.")
    return frame.set_axis(pd.Index(number_repeats(names[: frame.shape[1]]), dtype="str"), axis=1)
