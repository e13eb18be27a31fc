"""Qualtrics CSV and TSV exports: three header rows, the time zone in the third."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest._vendor import add_fixed
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, survey_records
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_qualtrics"]

_NEVER = ("IPAddress", "LocationLatitude", "LocationLongitude")
_REAL = {"0", "ip address", "2", "imported", "32", "offline", ""}
_DONE = {"1", "true", "yes"}
_FIXED = (
    ("ExternalReference", "person"),
    ("RecipientEmail", "email"),
    ("StartDate", "started"),
    ("EndDate", "finished"),
)
_DATES = ("StartDate", "EndDate", "RecordedDate")


def read_qualtrics(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook | None = None,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    encoding: str | None = None,
) -> Records:
    """Answers of a Qualtrics survey, from the CSV or TSV export with its three header rows.

    Previews and broken-off responses are left out and counted (``Status``, ``Finished``); of people who
    answered twice the last finished response counts; people are joined by ``ExternalReference``, then
    ``RecipientEmail``. IP addresses and locations are dropped on read. ``-99`` (seen but unanswered) counts
    as empty. Items that the codebook marks as reverse-coded are turned.

    Parameters
    ----------
    path : path
        The export, with "numeric values" or "choice text".
    codebook : path, pandas.DataFrame or Codebook
        Which column means what; :func:`draft_codebook` proposes one.
    people : Records or pandas.DataFrame
        The roster.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches: ``report.unmatched`` with ``person`` filled in.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of the dates where row 3 states none.
    encoding : str, optional
        Where the file is not UTF-8.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When a header row is missing, time zones are mixed, nobody can be joined, or a direction is open.
    """
    ledger = Ledger("read_qualtrics")
    raw = read_table(path, ledger, n_header=3, encoding=encoding)
    zone = _check_headers(raw) or time_zone
    if codebook is None:
        raise DataError(
            f"{raw.name}: read_qualtrics needs a codebook that says which column means what. "
            "draft_codebook(path) proposes one."
        )
    book = add_fixed(Codebook.read(codebook), raw.frame.columns, _FIXED)
    frame = raw.frame.drop(columns=[c for c in _NEVER if c in raw.frame.columns])
    gone = [c for c in _NEVER if c in raw.frame.columns]
    if gone:
        ledger.not_read.append(f"{quoted(gone)}: dropped on read")
    ledger.read("rows", len(frame))
    frame = _filters(frame, ledger)
    unseen = frame == "-99"
    ledger.flag("rows", "-99 (seen but unanswered) taken as empty", frame.index[unseen.any(axis=1)])
    frame = frame.mask(unseen, "")
    return survey_records(
        frame,
        book,
        people,
        ledger,
        file=raw.name,
        wave=wave,
        aliases=aliases,
        bad_shares=bad_shares,
        time_zone=zone,
        date_order="ymd",
    )


def header_ids(raw: RawTable) -> list[dict[str, Any]] | None:
    """Read the JSON of the third header row, or nothing where it is not there."""
    out: list[dict[str, Any]] = []
    for cell in raw.head[2][: len(raw.frame.columns)] if len(raw.head) > 2 else []:
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or "ImportId" not in value:
            return None
        out.append(value)
    return out or None


def _check_headers(raw: RawTable) -> str | None:
    """Check the three header rows and return the time zone that they state."""
    ids = header_ids(raw)
    if ids is None or len(ids) != len(raw.frame.columns):
        shown = ", ".join(repr(c[:30]) for c in (raw.head[2] if len(raw.head) > 2 else [])[:3])
        raise DataError(
            f'{raw.name}: row 3 should hold the import ids of Qualtrics ({{"ImportId": ...}}) but starts with '
            f"{shown}. A header "
            "row is missing, or this is not a Qualtrics CSV: export it again as CSV and do not edit it in a "
            "spreadsheet (the legacy export has two header rows: choose the present format), or "
            "use read_survey for a file with one header row."
        )
    zones = {
        str(column): str(entry["timeZone"])
        for column, entry in zip(raw.frame.columns, ids, strict=True)
        if "timeZone" in entry and column in _DATES
    }
    if len(set(zones.values())) > 1:
        stated = ", ".join(f"{column} in {zone!r}" for column, zone in zones.items())
        raise DataError(
            f"{raw.name}: row 3 states mixed time zones ({stated}). Export the file again with one time zone."
        )
    return next(iter(zones.values()), None)


def _filters(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Leave out previews and unfinished responses."""
    for column, ok, reason in (
        ("Status", _REAL, "preview, test or spam (Status)"),
        ("Finished", _DONE, "broken off before the end (Finished)"),
    ):
        if column in frame.columns:
            keep = frame[column].str.strip().str.lower().isin(ok)
            ledger.drop("rows", reason, frame.index[~keep], stage="match")
            frame = frame[keep]
    return frame
