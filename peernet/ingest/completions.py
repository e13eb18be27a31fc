"""Course completions from a learning platform: who finished what, when, whose work it is, by choice or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text, suggest
from peernet.errors import DataError
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest._times import DateOrder, parse_times
from peernet.ingest.people import _plain, same_heading
from peernet.ingest.survey import Aliases, People, roster_of
from peernet.records.identity import clean_text, match_names
from peernet.records.report import Ledger
from peernet.records.tables import Records, empty_table

__all__ = ["read_completions"]

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": (
        "person",
        "employee id",
        "user email",
        "email",
        "learner email",
        "user id",
        "user",
        "username",
        "learner",
    ),
    "item": ("item", "course id", "content id", "course code", "activity id", "item id", "course"),
    "title": ("title", "course title", "course name", "content title", "item title", "name"),
    "author": ("author", "author email", "created by", "instructor", "owner"),
    "assigned_by": ("assigned by", "assigner", "assigned by email"),
    "assigned": ("assigned", "is assigned", "mandatory", "required", "assignment type"),
    "status": ("status", "completion status", "state"),
    "started": (
        "started",
        "started at",
        "start date",
        "start time",
        "enrolled at",
        "enrollment date",
        "registered on",
    ),
    "time": (
        "time",
        "completed at",
        "completed",
        "completion date",
        "completed on",
        "date completed",
        "finished at",
    ),
    "due": ("due", "due at", "due date", "deadline"),
    "already_known": ("already known", "prior knowledge", "tested out", "knew already"),
    "score": ("score", "grade", "result"),
    "minutes": ("minutes", "duration", "time spent", "duration minutes"),
    "format": ("format", "content type", "type", "activity type"),
}
_NEEDED = ("person", "item", "time")
_TRUE = {"1", "yes", "true", "y", "assigned", "mandatory", "required"}
_DONE = {"completed", "complete", "passed", "done", "finished", "100", "tested out"}


def read_completions(
    path: PathLike,
    *,
    people: People,
    columns: Mapping[str, str] | None = None,
    aliases: Aliases = None,
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Records:
    """Completions of courses, one row a person and course, from a learning platform's CSV or xlsx.

    Rows without a completion stay (status says so, ``time`` is missing): started and never finished is
    information. The first completion of a person and course counts, later ones are dropped and counted.
    Authors who are not on the roster stay as given behind ``external:``, so that teaching from outside is
    not read as missing.

    Parameters
    ----------
    path : path
        The file.
    people : Records or pandas.DataFrame
        The roster.
    columns : dict, optional
        Field -> heading, where the proposed mapping is wrong: person, item, title, author, assigned_by,
        assigned, status, started, time (completed), due, already_known, score, minutes, format.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches of users.
    time_zone : str, optional
        Zone of times that state none.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.
    encoding, delimiter : str, optional
        Where they cannot be told from the file.

    Returns
    -------
    Records
        ``completions``: person, item, title, author, time (completed, UTC), started, assigned, assigned_by,
        due, status, already_known. Direction: the author teaches whoever completes, through content; no
        ``events`` are made of it, because reading is not answering. ``assigned`` is missing where
        the file says nothing about it.

    Raises
    ------
    DataError
        When a needed column is missing, times are mixed with and without zone, or nobody is on the roster.
    """
    ledger = Ledger("read_completions")
    raw = read_table(path, ledger, encoding=encoding, delimiter=delimiter)
    roster = roster_of(people)
    frame = _named(raw, columns, ledger)
    ledger.read("rows", len(frame))
    frame, review = _join(frame, raw.name, roster, aliases, ledger)
    frame = _times(frame, raw.name, time_zone, date_order, ledger)
    frame = _first_of_each(frame, ledger)
    frame = _authors(frame, roster, aliases, ledger)
    frame["assigned"] = _assigned(frame)
    known = frame["already_known"].str.lower().isin(_TRUE) if "already_known" in frame.columns else None
    frame["already_known"] = (
        known.astype("boolean") if known is not None else pd.Series(pd.NA, index=frame.index, dtype="boolean")
    )
    front = empty_table("completions")
    extra = [c for c in frame.columns if c not in front.columns]
    out = frame.reindex(columns=[*front.columns, *extra]).reset_index(drop=True)
    for column, kind in front.dtypes.items():
        out[column] = out[column].astype(kind)
    moments = out["time"].dropna()
    ledger.facts.update(
        unmatched=review,
        start=moments.min() if len(moments) else None,
        end=moments.max() if len(moments) else None,
        direction="content: the author teaches whoever completes",
    )
    return Records(people=roster, completions=out, report=ledger.report())


def _named(raw: RawTable, columns: Mapping[str, str] | None, ledger: Ledger) -> pd.DataFrame:
    """Give columns their field names, drop what is not known."""
    given = dict(columns or {})
    for field, heading in given.items():
        if field not in _SYNONYMS:
            raise ValueError(
                f"columns: no field {field!r}.{suggest(field, _SYNONYMS)} Fields: {', '.join(_SYNONYMS)}."
            )
        if heading not in raw.frame.columns:
            raise DataError(f"{raw.name} has no column {heading!r}.{suggest(heading, raw.frame.columns)}")
    plain = {c: _plain(c) for c in raw.frame.columns}
    found = {heading: field for field, heading in given.items()}
    for field, synonyms in _SYNONYMS.items():
        if field in given:
            continue
        hit = next(
            (c for s in synonyms for c in raw.frame.columns if same_heading(plain[c], s) and c not in found),
            None,
        )
        if hit is not None:
            found[hit] = field
    lost = [f for f in _NEEDED if f not in found.values()]
    if lost:
        have = ", ".join(str(c) for c in raw.frame.columns[:15])
        raise DataError(
            f"{raw.name} has no column for {quoted(lost)}, or its header row is missing (row 1 reads: {have}). "
            f"Pass columns={{{lost[0]!r}: '<heading>'}}."
        )
    left = [c for c in raw.frame.columns if c not in found]
    if left:
        ledger.not_read.append(f"columns {quoted(left)}")
    rows = [
        {"field": f, "column": h, "how": "as told" if f in given else "heading"} for h, f in found.items()
    ]
    ledger.facts["mapping"] = pd.DataFrame(rows, columns=["field", "column", "how"])
    return raw.frame[list(found)].rename(columns=found)


def _join(
    frame: pd.DataFrame, file: str, roster: pd.DataFrame, aliases: Aliases, ledger: Ledger
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the person and refuse rows without a course."""
    frame = frame.map(clean_text)
    blank = (frame["item"] == "") | (frame["person"] == "")
    ledger.drop("rows", "no person or no course", frame.index[blank], stage="match")
    frame = frame[~blank]
    found = match_names(frame["person"], roster, aliases=aliases)
    person = found.person.set_axis(frame.index)
    lost = person.isna()
    ledger.drop("rows", "person is not on the roster", frame.index[lost], stage="match")
    if len(frame) and lost.all():
        raise DataError(
            f"{file}: none of the {len(frame)} rows names somebody on the roster "
            f"({rows_text(frame.index, frame['person'])}). "
            "Is it the right roster?"
        )
    return frame.assign(person=person)[~lost], found.review


def _times(
    frame: pd.DataFrame, file: str, time_zone: str | None, date_order: DateOrder, ledger: Ledger
) -> pd.DataFrame:
    """Read the times; what claims to be complete and has no readable time is left out."""
    out = frame.copy()
    for column in ("time", "started", "due"):
        if column not in out.columns:
            continue
        parsed = parse_times(
            out[column], f"{file}, column {column}", time_zone=time_zone, date_order=date_order
        )
        if column == "time":
            ledger.facts["time_zone"] = parsed.zone
            bad = out.index.isin(parsed.unreadable)
            ledger.drop("rows", "the completion time cannot be read", out.index[bad])
        else:
            ledger.flag("rows", f"{column} cannot be read (left empty)", parsed.unreadable)
        ledger.flag("rows", f"{column} lies in the hour that the clocks repeat or skip", parsed.doubtful)
        out[column] = parsed.time
        if column == "time":
            out = out[~bad]
    out["status"] = out["status"].str.lower() if "status" in out.columns else ""
    done = out["time"].notna()
    claims = out["status"].isin(_DONE)
    ledger.drop("rows", "complete without a completion time", out.index[claims & ~done])
    out = out[done | ~claims]
    if "started" in out.columns:
        late = out["started"].notna() & out["time"].notna() & (out["started"] > out["time"])
        ledger.flag("rows", "completed before it was started", out.index[late])
    contradicts = out["time"].notna() & ~out["status"].isin(_DONE) & (out["status"] != "")
    ledger.flag("rows", "has a completion time but another status", out.index[contradicts])
    return out


def _first_of_each(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Keep the first completion of a person and course."""
    order = frame.sort_values("time", kind="stable", na_position="last")
    again = order.duplicated(["person", "item"])
    ledger.drop("rows", "completed the same course before", sorted(order.index[again]))
    return frame[~frame.index.isin(order.index[again])].copy()


def _authors(frame: pd.DataFrame, roster: pd.DataFrame, aliases: Aliases, ledger: Ledger) -> pd.DataFrame:
    """Match authors and assigners; people from outside keep a mark."""
    for column in ("author", "assigned_by"):
        if column not in frame.columns:
            continue
        found = match_names(frame[column], roster, aliases=aliases)
        person = found.person.set_axis(frame.index)
        outside = person.isna() & (frame[column] != "")
        if column == "author":
            ledger.flag("rows", "author is not on the roster (kept as external)", frame.index[outside])
        frame[column] = person.mask(outside, "external:" + frame[column])
    return frame


def _assigned(frame: pd.DataFrame) -> Any:
    """Tell assigned from self-chosen: said outright, or by who assigned it."""
    if "assigned" in frame.columns:
        said = frame["assigned"].str.lower()
        return said.isin(_TRUE).astype("boolean").mask((said == "").to_numpy())
    if "assigned_by" in frame.columns:
        return frame["assigned_by"].notna().astype("boolean")
    return pd.Series(pd.NA, index=frame.index, dtype="boolean")
