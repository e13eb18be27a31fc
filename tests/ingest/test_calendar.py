"""read_calendar: recurring meetings with exceptions, summer time, rooms, cancellations."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from tests.ingest.traces import ANA, BO, CY, ROSTER, balance, only_data_errors, well_formed

pytest.importorskip("icalendar")
pytest.importorskip("recurring_ical_events")
from peernet.ingest import read_calendar

ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
ANA_, BO_, CY_, ZOE = "ana@firm.example", "bo@firm.example", "cy@firm.example", "zoe@else.example"


def guest(mail: str, said: str = "ACCEPTED", kind: str = "INDIVIDUAL", name: str = "") -> str:
    return f"ATTENDEE;CUTYPE={kind};PARTSTAT={said}{f';CN={name}' if name else ''}:mailto:{mail}\n"


def meeting(
    uid: str, title: str, start: str, host: str, *guests: str, more: str = "", end: str = "DURATION:PT1H\n"
) -> str:
    head = f"BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20240101T000000Z\nSUMMARY:{title}\n{start}\n{end}"
    return f"{head}ORGANIZER:mailto:{host}\n{''.join(guests)}{more}END:VEVENT\n"


BERLIN = "DTSTART;TZID=Europe/Berlin:"
EVENTS = "".join(
    [
        # weekly across the change to summer time, four times; one left out, one moved to Friday
        meeting(
            "talk",
            "Lunch talk series",
            f"{BERLIN}20240320T120000",
            ANA_,
            guest(BO_),
            guest(CY_, "DECLINED"),
            guest(ZOE, "TENTATIVE"),
            guest("room1@firm.example", kind="ROOM"),
            more="RRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=Europe/Berlin:20240327T120000\n",
        ),
        meeting(
            "talk",
            "Lunch talk series",
            f"{BERLIN}20240412T120000",
            ANA_,
            guest(BO_),
            more="RECURRENCE-ID;TZID=Europe/Berlin:20240410T120000\n",
        ),
        # mentoring whose direction is known; and unknown; and three people, so none
        meeting("m1", "Mentoring", "DTSTART:20240401T080000Z", BO_, guest(CY_)),
        meeting("m2", "1:1 catch-up", "DTSTART:20240402T080000Z", ANA_, guest(CY_)),
        meeting("m3", "Mentoring circle", "DTSTART:20240403T080000Z", ANA_, guest(BO_), guest(CY_)),
        # the speaker is named in the title
        meeting(
            "s",
            "Cy Berg: a talk on indexes",
            "DTSTART:20240404T080000Z",
            ANA_,
            guest(CY_, name="Cy Berg"),
            guest(BO_),
        ),
        # no tie: cancelled, a whole day, alone, a plain meeting, a floating time, damaged, outside the window
        meeting("c", "Training", "DTSTART:20240405T080000Z", ANA_, guest(BO_), more="STATUS:CANCELLED\n"),
        meeting("d", "Workshop", "DTSTART;VALUE=DATE:20240406", ANA_, guest(BO_), end=""),
        meeting("a", "Talk", "DTSTART:20240407T080000Z", ANA_, guest(BO_, "NEEDS-ACTION")),
        meeting("p", "Weekly sync", "DTSTART:20240408T080000", ANA_, guest(BO_)),
        meeting("x", "Talk", "DTSTART:tomorrow", ANA_, guest(BO_)),
        meeting("o", "Talk", "DTSTART:20250101T080000Z", ANA_, guest(BO_)),
    ]
)
SPAN = {"start": "2024-01-01", "end": "2024-12-31"}


def ics(events: str = EVENTS) -> bytes:
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//\n{ZONE}{events}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def test_every_trap_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_bytes(ics())
    (tmp_path / "b.ics").write_bytes(
        ics(meeting("m1", "Mentoring", "DTSTART:20240401T080000Z", BO_, guest(CY_)))
    )
    records = read_calendar(tmp_path, people=ROSTER, mentors=[(CY_, BO_)], **SPAN)
    well_formed(records)
    talks = records.events[records.events["kind"] == "talk"]
    assert list(talks.loc[talks["teacher"] == ANA, "time"]) == [
        pd.Timestamp("2024-03-20T11:00Z"),  # winter time
        pd.Timestamp("2024-04-03T10:00Z"),  # summer time: noon all the same
        pd.Timestamp("2024-04-12T10:00Z"),  # moved
    ]
    assert sorted(zip(talks["teacher"], talks["learner"], strict=True)) == sorted(
        [(ANA, BO)] * 3 + [(CY, ANA), (CY, BO)]
    )
    half = records.events[records.events["kind"] == "mentoring, direction unknown"]
    assert sorted(half["weight"]) == [0.5, 0.5]
    known = records.events[records.events["kind"] == "mentoring"]
    assert [(r.teacher, r.learner, r.weight) for r in known.itertuples()] == [(CY, BO, 1.0)]
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "meetings"} == {
        "its time cannot be read": 1,
        "cancelled": 1,
        "lasts whole days (holiday, birthday ...)": 1,
        "fewer than two people come": 1,
        "neither talk nor mentoring (attendance only)": 2,
        "the same meeting in another calendar": 1,
    }
    assert balance(records)["meetings"][2] == 6


def test_options(tmp_path: Path) -> None:
    path = tmp_path / "a.ics"
    path.write_bytes(ics())
    wide = read_calendar(path, people=ROSTER, attendance="not declined", **SPAN)
    assert (
        wide.report.n_dropped("teacher or learner is not on the roster") == 2
    )  # Zoe was tentative in two talks
    shared = read_calendar(path, people=ROSTER, weight="share", **SPAN).events
    assert sorted(shared.loc[(shared["kind"] == "talk") & (shared["teacher"] == CY), "weight"]) == [0.5, 0.5]
    late = read_calendar(path, people=ROSTER, start="2024-04-12", end="2024-04-13").events
    assert len(late) == 1
    local = read_calendar(path, people=ROSTER, talks="sync", time_zone="Europe/Berlin", **SPAN).events
    assert pd.Timestamp("2024-04-08T06:00Z") in set(local["time"])
    with pytest.raises(ValueError, match="not a regular expression"):
        read_calendar(path, talks="(")


def test_meetings_without_end_need_one(tmp_path: Path) -> None:
    path = tmp_path / "a.ics"
    path.write_bytes(
        ics(meeting("e", "Talk", "DTSTART:20240101T080000Z", ANA_, guest(BO_), more="RRULE:FREQ=MONTHLY\n"))
    )
    with pytest.raises(DataError, match="recurs without end"):
        read_calendar(path)
    assert len(read_calendar(path, end="2024-07-01").events) == 6
    path.write_bytes(
        ics(meeting("e", "Talk", "DTSTART:20240101T080000Z", ANA_, guest(BO_), more="RRULE:FREQ=SECONDLY\n"))
    )
    assert len(read_calendar(path, end="2034-07-01").events) == 0


@pytest.mark.parametrize(
    "raw", [b"", b"BEGIN:VCALENDAR", b"hello", ics()[:900], bytes(range(256)), b"BEGIN:VEVENT\r\n" * 1000]
)
def test_odd_files_are_refused_in_words(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.ics"
    path.write_bytes(raw)
    with pytest.raises(DataError):
        read_calendar(path, **SPAN)


@given(st.data())
def test_damaged_calendars_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("c") / "a.ics"
    raw = ics()
    at = data.draw(st.integers(len(ZONE), len(raw) - 1))
    piece = data.draw(
        st.binary(max_size=6)
        | st.sampled_from([b"\r\nRRULE:FREQ=DAILY\r\n", b"\r\n", b";", b"9999999", b"-"])
    )
    path.write_bytes(raw[:at] + piece + raw[at + data.draw(st.integers(0, 12)) :])
    only_data_errors(lambda: read_calendar(path, **SPAN))
