"""Calendars (ICS): mentoring meetings and talks, every occurrence of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import pandas as pd

from peernet._check import literal
from peernet.errors import DataError
from peernet.ingest._fields import is_bot_name, short
from peernet.ingest._files import MAX_MEMBER, PathLike, existing, file_facts
from peernet.ingest._times import zone
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.identity import normalise_name
from peernet.records.tables import Records

__all__ = ["read_calendar"]

TALK = (
    r"\b(talk|lunch ?(and|&|n'?|-)? ?learn|brown ?bag|training|workshop|demo|tutorial|teach|lightning|onboarding|"
    r"schulung|vortrag)\b"
)
MENTORING = r"\b(mentor\w*|1 ?: ?1|1-on-1|one-on-one|coaching|pairing|pair programming|shadowing|mentoring)\b"
_MAX = 20_000
_TITLED = re.compile(r"^\s*([^:]{2,60}?)\s*:\s*\S")


class _Guest(NamedTuple):
    """Somebody invited."""

    account: int
    name: str
    coming: bool


def read_calendar(
    path: PathLike,
    *,
    people: People | None = None,
    start: Any = None,
    end: Any = None,
    talks: str = TALK,
    mentoring: str = MENTORING,
    mentors: Iterable[tuple[str, str]] = (),
    attendance: Literal["accepted", "not declined"] = "accepted",
    weight: Literal["one", "share", "hours"] = "one",
    time_zone: str | None = None,
    aliases: Aliases = None,
) -> Records:
    """Talks and mentoring meetings from calendar files (``.ics``), recurring ones unfolded, exceptions respected.

    Direction. A *talk* (title matches ``talks``): whoever is named before the colon of the title ("Ana Alm:
    indexes"), if invited, else the organiser, teaches everybody else who accepted. *Mentoring* (title
    matches ``mentoring`` and exactly two people come): the mentor teaches the mentee where ``mentors`` says
    who is who; otherwise nobody knows, and it is kept as two events of half the weight, one each way (kind
    "mentoring, direction unknown"). Every other meeting is coordination: it gives attendances and no ties.
    Having accepted is not having come. Titles are looked at and not kept.

    Needs the packages ``icalendar`` and ``recurring-ical-events`` (``pip install peernet[ingest]``).

    Parameters
    ----------
    path : path
        An ``.ics`` file, or a folder of them; the same meeting in several calendars counts once.
    people : Records or pandas.DataFrame, optional
        The roster, matched by e-mail. Without it, one person an address.
    start, end : time, optional
        Occurrences in [start, end). ``end`` is needed where a meeting recurs without end.
    talks, mentoring : str
        Regular expressions for titles, without regard to case.
    mentors : list of (str, str), optional
        Pairs (mentor, mentee), as e-mail addresses; pairs with a gap are left out.
    attendance : {"accepted", "not declined"}
        Who counts as coming; the organiser does unless they declined.
    weight : {"one", "share", "hours"}
        Of a talk, for each learner: 1; 1/k for k learners; or its hours. Mentoring: 1, or its hours.
    time_zone : str, optional
        Zone of times without one ("floating"); UTC by default.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: address -> person.

    Returns
    -------
    Records
        ``events`` (kinds "talk", "mentoring"; evidence = hash of meeting and day), ``sessions`` (session =
        occurrence; role speaker, organiser, attendee) and the report.

    Raises
    ------
    DataError
        When a file is no calendar, a package is missing, or a meeting recurs without end and ``end`` is not
        given.
    """
    literal("attendance", attendance, ("accepted", "not declined"))
    literal("weight", weight, ("one", "share", "hours"))
    patterns = {}
    for kind, text in (("talk", talks), ("mentoring", mentoring)):
        try:
            patterns[kind] = re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"{kind}: {text!r} is not a regular expression ({error}).") from None
    trace = Traces("read_calendar", "calendar")
    pairs = {(a.strip().lower(), b.strip().lower()) for a, b in mentors if pd.notna(a) and pd.notna(b)}
    place = zone(time_zone) if time_zone else dt.UTC
    window = (_bound(start, dt.datetime(1990, 1, 1, tzinfo=dt.UTC)), _bound(end, None))
    seen: set[str] = set()
    for calendar, name in _calendars(trace, path):
        for event in _occurrences(trace, calendar, name, window):
            try:
                _meeting(trace, event, seen, patterns, pairs, attendance, weight, place, window)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
                if isinstance(error, DataError):
                    raise
                trace.ledger.drop("meetings", "cannot be read", (), stage="match", n=1)
    return trace.records(
        people,
        aliases,
        time_zone=f"UTC; times without a zone are in {time_zone or 'UTC'}",
        direction=(
            "the speaker or organiser of a talk teaches who accepted; a mentor teaches the mentee "
            "(both ways, half each, if unknown)"
        ),
        notes=[
            "titles and descriptions are not kept; who accepted need not have come; unscheduled meetings "
            "leave no trace"
        ],
    )


def _bound(value: Any, otherwise: dt.datetime | None) -> dt.datetime | None:
    """Read a bound of the window."""
    if value is None:
        return otherwise
    stamp = pd.Timestamp(value)
    moment: dt.datetime = (
        stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    ).to_pydatetime()
    return moment


def _calendars(trace: Traces, path: PathLike) -> Iterable[tuple[Any, str]]:
    """Yield the calendars of a file or folder."""
    try:
        import icalendar
    except ImportError:
        raise DataError("read_calendar needs the package icalendar: pip install 'peernet[ingest]'.") from None
    where = existing(path, "read_calendar")
    files = sorted(p for p in where.rglob("*.ics") if p.is_file()) if where.is_dir() else [where]
    if not files:
        raise DataError(f"read_calendar: {where.name} holds no .ics file.")
    for file in files:
        if file.stat().st_size > MAX_MEMBER:
            raise DataError(f"{file.name} has more than {MAX_MEMBER} bytes. Export the calendar in parts.")
        trace.ledger.files.append(file_facts(file))
        try:
            found = icalendar.Calendar.from_ical(file.read_bytes(), multiple=True)
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            IndexError,
            OverflowError,
            RecursionError,
        ) as error:
            raise DataError(
                f"{file.name} is not a complete calendar ({str(error)[:120]}). Export it again."
            ) from None
        calendars = [c for c in found if getattr(c, "name", "") == "VCALENDAR"]
        if not calendars:
            raise DataError(f"{file.name} holds no VCALENDAR. Is it an .ics file?")
        yield from ((c, file.name) for c in calendars)


def _occurrences(trace: Traces, calendar: Any, name: str, window: tuple[Any, Any]) -> Iterable[Any]:
    """Yield every occurrence in the window."""
    try:
        import recurring_ical_events
    except ImportError:
        raise DataError(
            "read_calendar needs the package recurring-ical-events: pip install 'peernet[ingest]'."
        ) from None
    kept = []
    for part in calendar.subcomponents:
        if getattr(part, "name", "") == "VEVENT":
            reason = _odd(part, window[1])
            if reason:
                trace.ledger.read("meetings", 1)
                trace.ledger.drop("meetings", reason, (), stage="match", n=1)
                continue
        kept.append(part)
    calendar.subcomponents = kept
    start, end = window[0], window[1] or dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    try:
        query = recurring_ical_events.of(calendar, skip_bad_series=True)
        for n, event in enumerate(query.between(start, end)):
            if n >= _MAX * max(1, len(kept)) // 4 + _MAX:
                raise DataError(
                    f"{name}: more than {n} occurrences. Pass start= and end= for the study's period."
                )
            trace.ledger.read("meetings", 1)
            yield event
    except DataError:
        raise
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
    ) as error:
        raise DataError(
            f"{name}: a recurring meeting cannot be unfolded ({str(error)[:120]}). Export the calendar again."
        ) from None


def _odd(event: Any, end: Any) -> str:
    """Say why a meeting is not unfolded; refuse those without end."""
    if event.errors:
        damaged = {str(key).upper() for key, _ in event.errors}
        if damaged & {"DTSTART", "DTEND", "RRULE", "DURATION", "RECURRENCE-ID", "EXDATE"}:
            return "its time cannot be read"
    if "DTSTART" not in event or not hasattr(event.get("DTSTART"), "dt"):
        return "its time cannot be read"
    rules = event.get("RRULE")
    for rule in rules if isinstance(rules, list) else [rules] if rules is not None else []:
        how = {str(k).upper(): v for k, v in rule.items()} if hasattr(rule, "items") else {}
        often = str((how.get("FREQ") or [""])[0]).upper()
        if often in ("SECONDLY", "MINUTELY", "HOURLY", ""):
            return "recurs every hour or oftener: not a meeting"
        if "COUNT" not in how and "UNTIL" not in how and end is None:
            raise DataError(
                "read_calendar: a meeting recurs without end. Pass end=, the end of the study's period."
            )
    return ""


def _when(value: Any, place: dt.tzinfo) -> dt.datetime:
    """Return a moment in UTC; a date is its midnight."""
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    moment: dt.datetime = value if value.tzinfo is not None else value.replace(tzinfo=place)
    return moment.astimezone(dt.UTC)


def _meeting(
    trace: Traces,
    event: Any,
    seen: set[str],
    patterns: dict[str, re.Pattern[str]],
    pairs: set[tuple[str, str]],
    attendance: str,
    weight: str,
    place: dt.tzinfo,
    window: tuple[Any, Any],
) -> None:
    """Read one occurrence."""
    ledger = trace.ledger
    begin = _when(event["DTSTART"].dt, place)
    finish = _when(event["DTEND"].dt, place) if "DTEND" in event else begin
    key = hashlib.sha256(f"{event.get('UID', '')}|{begin.isoformat()}".encode()).hexdigest()[:20]
    title = short(str(event.get("SUMMARY", "")))
    organiser, guests = _guests(trace, event, attendance)
    coming = {g.account: g for g in guests if g.coming}
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        reason = "cancelled"
    elif not window[0] <= begin or (window[1] is not None and begin >= window[1]):
        reason = "begins outside the window"
    elif key in seen:
        reason = "the same meeting in another calendar"
    elif not isinstance(event["DTSTART"].dt, dt.datetime):
        reason = "lasts whole days (holiday, birthday ...)"
    elif len(coming) < 2:
        reason = "fewer than two people come"
    else:
        reason = ""
    if reason:
        ledger.drop("meetings", reason, (), stage="match", n=1)
        return
    seen.add(key)
    micro = int(begin.timestamp()) * 1_000_000
    hours = max(0.25, (finish - begin).total_seconds() / 3600)
    speaker = _speaker(title, organiser, coming) if patterns["talk"].search(title) else None
    is_mentoring = len(coming) == 2 and bool(patterns["mentoring"].search(title))
    for account in coming:
        role = "speaker" if account == speaker else "organiser" if account == organiser else "attendee"
        trace.attend(
            f"calendar/{key}",
            account,
            micro,
            role,
            "talk" if speaker is not None else "mentoring" if is_mentoring else "meeting",
        )
    if is_mentoring:
        _mentoring(trace, micro, coming, pairs, hours if weight == "hours" else 1.0, key)
    elif speaker is not None:
        learners = [a for a in coming if a != speaker]
        value = {"one": 1.0, "share": 1.0 / len(learners), "hours": hours}[weight]
        for learner in learners:
            trace.tie(micro, speaker, learner, "talk", weight=value, evidence=f"calendar/{key}")
    else:
        reason = (
            "matches talks, but nobody knows who speaks"
            if patterns["talk"].search(title)
            else "neither talk nor mentoring (attendance only)"
        )
        ledger.drop("meetings", reason, (), n=1)


def _guests(trace: Traces, event: Any, attendance: str) -> tuple[int | None, list[_Guest]]:
    """Return the organiser and everybody invited; rooms and lists are no guests."""
    organiser: int | None = None
    out: dict[int, _Guest] = {}
    raw = event.get("ORGANIZER")
    first = raw[0] if isinstance(raw, list) and raw else raw
    attendees = event.get("ATTENDEE", [])
    listed = attendees if isinstance(attendees, list) else [attendees]
    for at, person in enumerate([first, *listed]):
        if person is None:
            continue
        address = re.sub(r"^mailto:", "", str(person).strip(), flags=re.IGNORECASE).lower()
        how = getattr(person, "params", {})
        if (
            str(how.get("CUTYPE", "INDIVIDUAL")).upper() in ("ROOM", "RESOURCE", "GROUP")
            or "@" not in address
        ):
            continue
        name = str(how.get("CN", ""))
        account = trace.account(
            address,
            name=name if "@" not in name else "",
            email=address,
            bot=is_bot_name(address.split("@")[0]),
        )
        said = str(how.get("PARTSTAT", "")).upper()
        if at == 0:
            organiser = account
            coming = said != "DECLINED"
        elif account == organiser:
            coming = said != "DECLINED"
        else:
            coming = said == "ACCEPTED" or (attendance == "not declined" and said != "DECLINED")
        out[account] = _Guest(account, name, coming)
    return organiser, list(out.values())


def _speaker(title: str, organiser: int | None, coming: dict[int, _Guest]) -> int | None:
    """Return who speaks: named before the colon of the title, or the organiser."""
    named = _TITLED.match(title)
    if named:
        words = normalise_name(named.group(1))
        hits = [a for a, g in coming.items() if g.name and normalise_name(g.name) == words]
        if len(hits) == 1:
            return hits[0]
    return organiser if organiser in coming else None


def _mentoring(
    trace: Traces, time: int, coming: dict[int, _Guest], pairs: set[tuple[str, str]], value: float, key: str
) -> None:
    """Add a meeting of two."""
    a, b = coming
    mail = {i: trace.accounts[i].email for i in (a, b)}
    for one, two in ((a, b), (b, a)):
        if (mail[one], mail[two]) in pairs:
            trace.tie(time, one, two, "mentoring", weight=value, evidence=f"calendar/{key}")
            return
    for one, two in ((a, b), (b, a)):
        trace.tie(
            time, one, two, "mentoring, direction unknown", weight=value / 2, evidence=f"calendar/{key}"
        )
