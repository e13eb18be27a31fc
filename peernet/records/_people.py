"""What happens to single people in records: pseudonyms and erasure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet import privacy
from peernet._check import suggest
from peernet.errors import DataError
from peernet.records._scrub import FLOOR, people_in_words, scrub_answers, scrub_words
from peernet.records.tables import FRAMES, PERSON_COLUMNS, empty_table

if TYPE_CHECKING:
    from peernet.records.report import IngestReport
    from peernet.records.tables import Records

__all__ = ["erase", "ids_in", "objectors_of", "pseudonymise", "without_objectors"]

# Texts that may hold a name: a meeting called after its speaker, a channel after its owner, an id made of an e-mail.
_TEXTS = {"events": ("context", "topic"), "sessions": ("session",), "completions": ("title",)}
# Columns of people that say who somebody is.
IDENTIFYING = ("name", "email", "first_name", "last_name", "work_email", "login")

# Columns of people that say where somebody belongs, however few belong there.
_SHARED = ("unit", "site", "role", "manager", "dotted_line", "start", "end")
_NEARLY = 0.8  # share of distinct values from which a column of words is taken for a name


def ids_in(records: Records) -> set[str]:
    """Return every person id that occurs anywhere."""
    found = set(records.people.index)
    for name, columns in PERSON_COLUMNS.items():
        frame = getattr(records, name)
        for column in columns:
            if column in frame.columns:
                found |= set(frame[column].dropna())
    return found


def pseudonymise(records: Records, key: Any) -> Records:
    """Replace ids everywhere by the same keyed hash."""
    secret = privacy.load_key(key)
    own = _own_columns(records.people)
    people = records.people.drop(columns=[*own, *(c for c in IDENTIFYING if c in records.people.columns)])
    hashed = privacy.pseudonymise(people.reset_index(), ["person", *_also(people)], key=secret).set_index(
        "person"
    )
    changes: dict[str, Any] = {"people": hashed, "aliases": empty_table("aliases")}
    for name, columns in PERSON_COLUMNS.items():
        frame = getattr(records, name)
        present = [c for c in columns if c in frame.columns]
        frame = frame.drop(columns=own, errors="ignore") if name in ("spells", "rosters") else frame
        if name != "aliases" and len(frame):
            changes[name] = privacy.pseudonymise(frame, present, key=secret)
    known = people_in_words(records.people, IDENTIFYING)
    for name, columns in _TEXTS.items():
        frame = changes.get(name, getattr(records, name))
        for column in [c for c in columns if c in frame.columns and len(frame)]:
            # An id with an e-mail in it says nothing else: all of it goes.
            clean = {
                t: privacy.pseudonym(t, key=secret) if "@" in t else scrub_words(t, known)
                for t in frame[column].dropna().unique()
            }
            if any(t != c for t, c in clean.items()):
                frame = frame.assign(**{column: frame[column].map(clean, na_action="ignore").astype("str")})
        changes[name] = frame
    marks = {p: privacy.pseudonym(p, key=secret) for p in set(known.values())} if len(records.answers) else {}
    n_rare = 0
    if len(records.answers):
        changes["answers"], n_rare = scrub_answers(changes["answers"], known, marks)
    if records.objectors is not None:
        changes["objectors"] = frozenset(privacy.pseudonym(p, key=secret) for p in records.objectors)
    if len(records.events):
        # ids of messages and commits lead back to people, so only their order is kept
        numbers = [f"e{i}" for i in range(len(records.events))]
        changes["events"] = changes["events"].assign(evidence="", event_id=numbers)
    ids = ids_in(records)
    report = records.report
    notes = tuple(privacy.redact(n, ids) for n in report.notes)
    blank = report.unmatched.iloc[:0]
    if len(report.unmatched):
        notes += (f"{len(report.unmatched)} unmatched names are not kept: the records are pseudonymous",)
    if n_rare:
        notes += (f"{n_rare} answers in words that fewer than {FLOOR} people gave are withheld",)
    dropped = tuple(
        f"column {c!r} of people: nearly every value is one person's, so it says who they are" for c in own
    )
    changes["report"] = replace(report, unmatched=blank, notes=notes, not_read=(*report.not_read, *dropped))
    return replace(records, **changes)


def _own_columns(people: pd.DataFrame) -> list[str]:
    """List columns of words in which nearly everybody has a value of their own: a nickname, a staff number, a phone."""
    out = []
    for name in people.columns.difference([*IDENTIFYING, *_SHARED], sort=False):
        values = people[name].dropna()
        words = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
        if words and len(values) >= FLOOR and values.astype("str").nunique() > _NEARLY * len(values):
            out.append(str(name))
    return out


def _also(people: pd.DataFrame) -> list[str]:
    """Columns of people that hold ids of other people."""
    return [c for c in ("manager", "dotted_line") if c in people.columns]


def erase(records: Records, person: str) -> Records:
    """Remove every row that names the person."""
    if person not in ids_in(records):
        raise DataError(
            f"erase: {person!r} is not in the records.{suggest(person, records.people.index)} Nothing was changed."
        )
    names: set[str] = set()
    if person in records.people.index:
        row = records.people.loc[[person]]
        names = {str(v) for c in IDENTIFYING if c in row.columns for v in row[c].dropna()}
    frames = {name: getattr(records, name) for name in FRAMES}
    clean: dict[str, Any] = privacy.erase(
        frames, person, columns={**PERSON_COLUMNS, "people": ("manager", "dotted_line")}
    )
    report = records.report
    left = ~report.unmatched["given"].isin(names | {person}) & (report.unmatched["suggested"] != person)
    if records.objectors is not None:
        clean["objectors"] = records.objectors - {person}
    return replace(records, **clean, report=replace(report, unmatched=report.unmatched[left]))


def objectors_of(records: Records) -> frozenset[str]:
    """Return the people of whom nothing but the roster may be used."""
    if records.objectors is not None:
        return records.objectors
    asked = records.respondents
    if not len(asked) or "status" not in asked.columns:
        return frozenset()
    return frozenset(asked.loc[asked["status"] == "objected", "person"])


def without_objectors(records: Records, listed: Iterable[str] = ()) -> Records:
    """Leave people who object on the roster and among the respondents, and in no other table.

    They are the people ``listed`` and those of ``objectors_of``. Ties and events that touch them go,
    as do their own answers, courses and adoptions; in rows of others (author of a course, who assigned it) they are
    emptied. The report counts the rows.
    """
    asked = records.respondents
    objectors = objectors_of(records) | frozenset(listed)
    changes: dict[str, Any] = {}
    if listed:
        changes["objectors"] = objectors
    if len(asked) and objectors:
        mine = asked["person"].isin(objectors) & (asked["status"] != "objected")
        if mine.any():
            changes["respondents"] = asked.assign(status=asked["status"].mask(mine, "objected"))
    lost: dict[str, tuple[int, int]] = {}
    for name, columns in PERSON_COLUMNS.items():
        frame = getattr(records, name)
        if (
            not objectors
            or name in ("people", "spells", "rosters", "respondents", "aliases")
            or not len(frame)
        ):
            continue
        beside = [c for c in columns if c in ("author", "assigned_by", "manager") and c in frame.columns]
        about = [c for c in columns if c in frame.columns and c not in beside]
        hit = frame[about].isin(objectors).any(axis=1)
        named = [c for c in beside if frame.loc[~hit, c].isin(objectors).any()]
        if not hit.any() and not named:
            continue
        lost[name] = (len(frame), int(hit.sum()))
        kept = frame[~hit]
        changes[name] = kept.assign(**{c: kept[c].mask(kept[c].isin(objectors)) for c in named}).reset_index(
            drop=True
        )
    if not objectors or not (changes or listed):
        return records
    return replace(records, **changes, report=_told(records.report, len(objectors), lost))


def _told(report: IngestReport, n_objectors: int, lost: dict[str, tuple[int, int]]) -> IngestReport:
    """Count the rows about people who object, table by table, so that what was read is still used plus dropped."""
    rows = sum(n for _, n in lost.values())
    note = f"{n_objectors} people object: {rows} rows about them in other tables than the roster are not used"
    counted = [(name, n, gone) for name, (n, gone) in lost.items() if gone]
    if not counted:
        return replace(report, notes=(*report.notes, note))
    books = [
        {"what": f"{name} joined", "read": n, "matched": n, "used": n - gone} for name, n, gone in counted
    ]
    dropped = [
        {"what": f"{name} joined", "reason": "about people who object", "stage": "use", "n": gone, "rows": ()}
        for name, _, gone in counted
    ]

    def below(frame: pd.DataFrame, more: list[dict[str, Any]]) -> pd.DataFrame:
        new = pd.DataFrame(more, columns=frame.columns)
        return pd.concat([frame, new], ignore_index=True) if len(frame) else new

    return replace(
        report,
        ledger=below(report.ledger, books),
        dropped=below(report.dropped, dropped),
        notes=(*report.notes, note),
    )
