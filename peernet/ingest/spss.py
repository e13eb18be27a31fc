"""SPSS .sav files, as Qualtrics, LimeSurvey and REDCap write them: values with their labels."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import MAX_BYTES, PathLike, existing, file_facts
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, survey_records
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_spss"]


def read_spss(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
) -> Records:
    """Answers of a survey in an SPSS file; value labels are used where the codebook states none.

    Ids that were saved as numbers have lost their leading zeros: save them as text. User-missing values
    count as empty.

    Parameters
    ----------
    path : path
        The .sav or .zsav file.
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
        Zone of the times; the file states none.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When pyreadstat is missing, the file is none that SPSS wrote, or nobody can be joined.
    """
    ledger = Ledger("read_spss")
    where = existing(path, "read_spss")
    try:
        import pyreadstat
    except ImportError:
        raise DataError("reading .sav needs pyreadstat. Install peernet[ingest], or export CSV.") from None
    if where.is_dir() or not where.stat().st_size or where.stat().st_size > MAX_BYTES:
        raise DataError(f"{where.name} is empty, a folder or too large. Export it again.")
    try:
        table, meta = pyreadstat.read_sav(str(where), user_missing=False)
    except Exception as error:
        raise DataError(
            f"{where.name} is not an SPSS file that can be read ({str(error)[:100]}). Export it again."
        ) from None
    ledger.files.append(file_facts(where))
    frame = table.astype("object").map(_text).astype("str")
    frame.columns = pd.Index([str(c) for c in frame.columns], dtype="str")
    frame.index = pd.Index(range(1, len(frame) + 1), name="row")
    ledger.notes.append("rows are numbered as cases in SPSS, from 1")
    if not len(frame):
        raise DataError(f"{where.name} is empty (0 cases). Export it again.")
    ledger.read("rows", len(frame))
    book = Codebook.read(codebook)
    labels = {
        str(column): "|".join(f"{_text(code)}={_plain(label)}" for code, label in known.items())
        for column, known in meta.variable_value_labels.items()
    }
    filled = book.table.copy()
    filled["labels"] = [
        own or labels.get(c, "") for own, c in zip(filled["labels"], filled["column"], strict=True)
    ]
    return survey_records(
        frame, Codebook(filled, book.name), people, ledger, file=where.name, wave=wave, aliases=aliases,
        bad_shares=bad_shares, time_zone=time_zone, date_order="ymd",
    )  # fmt: skip


def _plain(label: Any) -> str:
    """Write a label without the signs that separate labels."""
    return str(label).replace("|", "/").replace("=", ":")


def _text(value: Any) -> str:
    """Write a value as it is meant."""
    if isinstance(value, str):
        return value.strip()
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, (dt.datetime, pd.Timestamp)):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
