"""The shared calendar of a synthetic year: lunch talks and mentoring meetings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets._design import YEAR

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["calendar_ics"]

_ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
END:STANDARD
END:VTIMEZONE""".split("\n")
_TOPICS = (
    "what we learned from the migration",
    "reading a contract",
    "forecasting, honestly",
    "answers customers like",
)


def calendar_ics(firm: Organisation) -> bytes:
    """Return an iCalendar file: CRLF, folded lines, recurring meetings with exceptions, cancelled ones, rooms."""
    rng = firm.stream("calendar_file")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Meridian//Calendar//EN", "METHOD:PUBLISH", *_ZONE]
    for event in [*_talks(firm, rng), *_meetings(firm, rng)]:
        lines += ["BEGIN:VEVENT", *event, "END:VEVENT"]
    return "".join(_fold(line) for line in [*lines, "END:VCALENDAR"]).encode()


def _fold(line: str) -> str:
    """Fold a line at 75 octets, never inside a character, as RFC 5545 asks."""
    out, used = "", 0
    for letter in line:
        size = len(letter.encode())
        if used + size > 75:
            out, used = f"{out}\r\n ", 1
        out, used = out + letter, used + size
    return f"{out}\r\n"


def _moment(day: int, hour: int, minute: int = 0) -> str:
    """Write a local time."""
    return f"{pd.Timestamp(YEAR) + pd.Timedelta(days=day, hours=hour, minutes=minute):%Y%m%dT%H%M%S}"


def _person(firm: Organisation, row: int, word: str, extra: str = "") -> str:
    """Write an organiser or attendee."""
    person = firm.people.iloc[row]
    return f"{word};CN={person['name']}{extra}:mailto:{person['email']}"


def _talks(firm: Organisation, rng: np.random.Generator) -> list[list[str]]:
    """Write each lunch talk: the speaker organises, guests accepted, others declined or never answered, a room."""
    out = []
    for talk, rows in firm._lunches[0].groupby("talk", sort=True):
        speaker = int(rows.loc[rows["role"] == "teacher", "row"].iloc[0])
        guests = rows.loc[rows["role"] == "learner", "row"].tolist()
        day = int(rows["day"].iloc[0])
        site = firm.people.iloc[speaker]["site"]
        title = (
            f"Lunch talk: {firm.people.iloc[speaker]['name']}\\, {_TOPICS[int(rng.integers(len(_TOPICS)))]}"
        )
        event = [
            f"UID:lunch-{talk}@meridian.example", "DTSTAMP:20250101T080000Z",
            f"DTSTART;TZID=Europe/Berlin:{_moment(day, 12)}", f"DTEND;TZID=Europe/Berlin:{_moment(day, 13)}",
            f"SUMMARY:{title}", f"LOCATION:{site}\\, canteen",
            "CATEGORIES:LUNCH TALK", _person(firm, speaker, "ORGANIZER"),
        ]  # fmt: skip
        event += [
            _person(firm, int(g), "ATTENDEE", ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED") for g in guests
        ]
        known = {speaker, *guests}
        for state in ("DECLINED", "NEEDS-ACTION"):
            other = int(rng.integers(len(firm.ids)))
            if other not in known:
                known.add(other)
                event.append(_person(firm, other, "ATTENDEE", f";ROLE=OPT-PARTICIPANT;PARTSTAT={state}"))
        event.append(
            f"ATTENDEE;CN=Canteen {site};CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room.{talk}@meridian.example"
        )
        out.append(event)
    cancelled = [line.replace("UID:lunch-", "UID:cancelled-") for line in out[0]] if out else []
    return [*out, [*cancelled, "STATUS:CANCELLED"]] if cancelled else out


def _meetings(firm: Organisation, rng: np.random.Generator) -> list[list[str]]:
    """Write mentoring pairs: every two weeks from March, at one local time across the clock change, one date out."""
    pairs = firm.mentoring[firm.mentoring["mentor"] >= 0]
    out: list[list[str]] = []
    for mentee, mentor in pairs[["row", "mentor"]].to_numpy().tolist():
        day = 61 + int(rng.integers(0, 10))
        day -= max(0, (day + 2) % 7 - 4)
        hour = int(rng.integers(9, 17))
        start = _moment(day, hour)
        event: list[Any] = [
            f"UID:mentoring-{firm.ids[mentee]}@meridian.example", "DTSTAMP:20250201T080000Z",
            f"DTSTART;TZID=Europe/Berlin:{start}", "DURATION:PT45M", "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=16",
            f"EXDATE;TZID=Europe/Berlin:{_moment(day + 28, hour)}", "SUMMARY:Mentoring", "CATEGORIES:MENTORING",
            _person(firm, mentor, "ORGANIZER"), _person(firm, mentor, "ATTENDEE", ";ROLE=CHAIR;PARTSTAT=ACCEPTED"),
            _person(firm, mentee, "ATTENDEE", ";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED"),
        ]  # fmt: skip
        out.append(event)
    if out:
        # One occurrence of the first pair was moved by a day.
        first = out[0]
        was = next(line for line in first if line.startswith("DTSTART")).split(":", 1)[1]
        moved = pd.Timestamp(was) + pd.Timedelta(days=42)
        keep = [line for line in first if not line.startswith(("DTSTART", "RRULE", "EXDATE"))]
        out.append(
            [
                *keep[:2], f"RECURRENCE-ID;TZID=Europe/Berlin:{moved:%Y%m%dT%H%M%S}",
                f"DTSTART;TZID=Europe/Berlin:{moved + pd.Timedelta(days=1):%Y%m%dT%H%M%S}", "SEQUENCE:1", *keep[2:],
            ]
        )  # fmt: skip
    return out
