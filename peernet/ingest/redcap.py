"""REDCap CSV exports: events, repeating instruments, checkbox columns, the data dictionary."""

from __future__ import annotations

from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text
from peernet.errors import DataError
from peernet.ingest._answers import BadShares
from peernet.ingest._files import PathLike, need_column, read_table
from peernet.ingest._vendor import expand_repeats, number_repeats
from peernet.ingest.codebook import Codebook
from peernet.ingest.survey import Aliases, People, survey_records
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_redcap"]

_EVENT, _FORM, _INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
# Headings of the same columns in an export with labels as headings.
_LABELLED = {
    "Event Name": _EVENT,
    "Repeat Instrument": _FORM,
    "Repeat Instance": _INSTANCE,
    "Survey Identifier": "redcap_survey_identifier",
    "Data Access Group": "redcap_data_access_group",
}


def read_redcap(
    path: PathLike,
    *,
    codebook: PathLike | pd.DataFrame | Codebook,
    people: People,
    record_id: str = "record_id",
    event: str | None = None,
    dictionary: PathLike | None = None,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    encoding: str | None = None,
) -> Records:
    """Answers of a REDCap project, from its CSV export (raw codes or labels).

    A name generator is a repeating instrument, one row a name: write its columns in the codebook once with
    slot ``*``. Columns ``<instrument>_complete`` can have the kind ``complete``: 0 counts as broken off.
    ``[not completed]`` is an empty time. In checkbox columns (``name___1``, or ``... (choice=...)`` where the
    headings are labels) ``Checked`` is 1 and ``Unchecked`` 0. With labels as headings ``record_id`` is often
    ``"Record ID"``.

    Parameters
    ----------
    path : path
        The export.
    codebook : path, pandas.DataFrame or Codebook
        Which column means what.
    people : Records or pandas.DataFrame
        The roster.
    record_id : str
        Column that numbers the records.
    event : str, optional
        Event of a longitudinal project; needed where there are several.
    dictionary : path, optional
        Data dictionary CSV: its choices become the labels of columns for which the codebook has none.
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
        When the record ids are missing, several events are in the file and none is named, or a direction is open.
    """
    ledger = Ledger("read_redcap")
    raw = read_table(path, ledger, encoding=encoding, unique=False)
    raw = raw._replace(frame=_headed(raw.frame))
    ids = need_column(raw.frame, record_id, raw.name).str.strip()
    if (ids == "").any():
        raise DataError(
            f"{raw.name}: {rows_text(raw.frame.index[ids == ''])} have no {record_id}. Export the file again."
        )
    frame = raw.frame.assign(**{record_id: ids}).replace("[not completed]", "")
    frame = _one_event(frame, event, raw.name, ledger)
    wide, n = _widen(frame, record_id, raw.name)
    ledger.read("rows", len(wide))
    book = expand_repeats(_labelled(Codebook.read(codebook), dictionary), n)
    return survey_records(
        wide,
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


def _headed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give labelled headings their names, repeated ones a number, and ticks their codes."""
    names = number_repeats([_LABELLED.get(str(c), str(c)) for c in frame.columns])
    out = frame.set_axis(pd.Index(names, dtype="str"), axis=1)
    ticks = [c for c in names if "___" in c or "(choice=" in c]
    for column in ticks:
        out[column] = out[column].replace({"Checked": "1", "Unchecked": "0"})
    return out


def _one_event(frame: pd.DataFrame, event: str | None, name: str, ledger: Ledger) -> pd.DataFrame:
    """Keep one event of a longitudinal project."""
    if _EVENT not in frame.columns:
        return frame
    events = list(dict.fromkeys(frame[_EVENT]))
    if event is None and len(events) > 1:
        raise DataError(
            f"{name} holds several events ({quoted(events)}). Read them one by one with event= and wave=."
        )
    chosen = events[0] if event is None and events else event
    if events and chosen not in events:
        raise DataError(f"{name} has no event {chosen!r}. Events: {quoted(events)}.")
    other = len(events) - 1
    if other > 0:
        ledger.not_read.append(f"{other} other events")
    return frame[frame[_EVENT] == chosen]


def _widen(frame: pd.DataFrame, record_id: str, name: str) -> tuple[pd.DataFrame, int]:
    """Put the rows of repeating instruments beside the base row of their record, as ``column#instance``."""
    if _INSTANCE not in frame.columns:
        _once(frame, record_id, name)
        return frame, 0
    number = frame[_INSTANCE].str.strip()
    bad = number[(number != "") & ~number.str.fullmatch(r"[1-9]\d{0,3}")]
    if len(bad):
        raise DataError(f"{name}: {rows_text(bad.index, bad)}: {_INSTANCE} must be a whole number.")
    # An instance without an instrument counts a whole event that repeats: its row is the base row.
    form = frame[_FORM].str.strip() if _FORM in frame.columns else number
    base = frame[(number == "") | (form == "")]
    again = frame[(number != "") & (form != "")]
    several = base[record_id].duplicated(keep=False) & (number[base.index] != "")
    if several.any():
        raise DataError(
            f"{name}: the event repeats for {int(base.loc[several, record_id].nunique())} records "
            f"({rows_text(base.index[several])}). Export one instance of it, or keep the last row of each record."
        )
    number = number.where(form != "", "")
    _once(base, record_id, name)
    lone = again[~again[record_id].isin(base[record_id])].drop_duplicates(record_id)
    fields = [c for c in frame.columns if c not in (record_id, _EVENT, _FORM, _INSTANCE)]
    base = pd.concat([base, lone.assign(**dict.fromkeys(fields, ""))])
    n = int(number[number != ""].astype("int64").max()) if len(again) else 0
    if n > 500:
        raise DataError(f"{name}: an instrument repeats {n} times. More than 500 are not read.")
    parts = [base]
    for k in range(1, n + 1):
        rows = again[number[again.index] == str(k)].set_index(record_id)[fields]
        # Several instruments may repeat; each fills its own columns and leaves the others empty.
        rows = rows.groupby(level=0).agg(_first_filled)
        rows = (
            rows.reindex(base[record_id].to_numpy(), fill_value="").set_axis(base.index).add_suffix(f"#{k}")
        )
        parts.append(rows)
    return pd.concat(parts, axis=1), n


def _first_filled(cells: pd.Series[Any]) -> str:
    return next((str(v) for v in cells if v), "")


def _once(frame: pd.DataFrame, record_id: str, name: str) -> None:
    """Refuse a record that stands twice."""
    twice = frame[record_id].duplicated(keep=False)
    if twice.any():
        bad = frame[record_id][twice]
        raise DataError(
            f"{name}: records stand more than once ({rows_text(bad.index, bad)}). Keep one row for each."
        )


def _labelled(book: Codebook, dictionary: PathLike | None) -> Codebook:
    """Take labels from the data dictionary."""
    if dictionary is None:
        return book
    raw = read_table(dictionary, Ledger("read_redcap"), short_rows=True)
    names = need_column(raw.frame, "Variable / Field Name", raw.name)
    choices = need_column(raw.frame, "Choices, Calculations, OR Slider Labels", raw.name)
    known = dict(zip(names, choices, strict=True))
    table = book.table.copy()
    table["labels"] = [
        label or known.get(column, "") for label, column in zip(table["labels"], table["column"], strict=True)
    ]
    return Codebook(table, book.name)
