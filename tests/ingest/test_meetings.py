"""read_meetings: Zoom's two stacked tables, Teams' UTF-16 sections, joins merged, overlap by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_meetings
from tests.ingest.traces import ANA, BO, CY, ROSTER, balance, only_data_errors, triples, well_formed

ZOOM = (
    "Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants\r\n"
    "852 1848 6288,Secret topic,03/31/2024 08:00:00 AM,03/31/2024 09:00:00 AM,Ana@firm.example,60,4\r\n"
    "\r\n"
    "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,Recording Consent\r\n"
    "Ana Alm,ana@firm.example,03/31/2024 08:00:00 AM,03/31/2024 09:00:00 AM,60,No,\r\n"
    "Berg (Bo B.),bo@firm.example,03/31/2024 08:00:00 AM,03/31/2024 08:20:00 AM,20,No,\r\n"
    "Berg (Bo B.),bo@firm.example,03/31/2024 08:10:00 AM,03/31/2024 08:30:00 AM,20,No,\r\n"
    "Cy Ødegård,,03/31/2024 08:25:00 AM,03/31/2024 09:00:00 AM,35,Yes,\r\n"
    "Di Dahl,di@firm.example,03/31/2024 08:57:00 AM,03/31/2024 09:00:00 AM,3,No,\r\n"
    "Zoe,,03/31/2024 08:00:00 AM,03/31/2024 09:00:00 AM,60,Yes,\r\n"
    "Ghost,,soon,later,1,Yes,\r\n"
)
TEAMS = (
    "1. Summary\nMeeting title\tSecret\nAttended participants\t3\nStart time\t3/31/24, 8:00:00 AM\n\n"
    "2. Participants\nName\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tParticipant ID (UPN)\tRole\n"
    "Ana Alm\t3/31/24, 8:00:00 AM\t3/31/24, 9:00:00 AM\t1h\tana@firm.example\tana@firm.example\tOrganizer\n"
    "Bo Berg\t3/31/24, 8:00:00 AM\t3/31/24, 9:00:00 AM\t40m\tbo@firm.example\tbo@firm.example\tPresenter\n"
    "Cy\t3/31/24, 8:30:00 AM\t3/31/24, 9:00:00 AM\t30m\tcy@firm.example\tcy@firm.example\tAttendee\n\n"
    "3. In-Meeting Activities\nName\tJoin Time\tLeave Time\tDuration\tEmail\tRole\n"
    "Ana Alm\t3/31/24, 8:00:00 AM\t3/31/24, 9:00:00 AM\t1h\tana@firm.example\tOrganizer\n"
    "Bo Berg\t3/31/24, 8:00:00 AM\t3/31/24, 8:20:00 AM\t20m\tbo@firm.example\tAttendee\n"
    "Bo Berg\t3/31/24, 8:40:00 AM\t3/31/24, 9:00:00 AM\t20m\tbo@firm.example\tAttendee\n"
    "Cy\t3/31/24, 8:30:00 AM\t3/31/24, 9:00:00 AM\t30m\tcy@firm.example\tAttendee\n"
)
GERMAN = (
    "1. Zusammenfassung\nBesprechungstitel\tGeheim\n\n2. Teilnehmer\n"
    "Name\tErster Beitritt\tLetztes Verlassen\tDauer\tE-Mail\tTeilnehmer-ID\tRolle\n"
    "Ana Alm\t31.03.24, 08:00:00\t31.03.24, 09:00:00\t1 Std.\tana@firm.example\tx\tOrganisator\n"
    "Bo Berg\t31.03.24, 08:30:00\t31.03.24, 09:00:00\t30 Min.\tbo@firm.example\tx\tTeilnehmer\n"
)


def zoom(folder: Path) -> Path:
    path = folder / "participants.csv"
    path.write_bytes(b"\xef\xbb\xbf" + ZOOM.encode())
    return path


def test_zoom_talk(tmp_path: Path) -> None:
    records = read_meetings(zoom(tmp_path), people=ROSTER, kind="talk", time_zone="America/New_York")
    well_formed(records)
    assert [(r.teacher, r.learner, r.weight) for r in records.events.itertuples()] == [
        (ANA, BO, 0.5),
        (ANA, CY, pytest.approx(35 / 60)),
    ]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T12:00Z")
    books = balance(records)
    assert books["joins"] == [7, 6, 6]
    assert books["people in meetings"] == [5, 5, 4]
    assert records.report.n_dropped("teacher or learner is not on the roster") == 1
    roles = dict(zip(records.sessions["person"], records.sessions["role"], strict=True))
    assert roles == {ANA: "speaker", BO: "attendee", CY: "attendee"}
    kept = records.events.to_csv() + records.sessions.to_csv() + records.report.summary()
    assert "Secret" not in kept


def test_zoom_meeting_is_symmetric_and_split(tmp_path: Path) -> None:
    events = read_meetings(zoom(tmp_path), people=ROSTER).events
    got = {(r.teacher, r.learner): r.weight for r in events.itertuples()}
    # four people stay (Zoe is a stranger): hours together / (2 * 3)
    assert got == {
        (ANA, BO): pytest.approx(0.5 / 6), (BO, ANA): pytest.approx(0.5 / 6), (ANA, CY): pytest.approx(35 / 60 / 6),
        (CY, ANA): pytest.approx(35 / 60 / 6), (BO, CY): pytest.approx(5 / 60 / 6), (CY, BO): pytest.approx(5 / 60 / 6),
    }  # fmt: skip
    assert len(read_meetings(zoom(tmp_path), people=ROSTER, max_people=3).events) == 0
    spoke = read_meetings(zoom(tmp_path), people=ROSTER, kind="talk", presenter="Cy Ødegård").events
    assert set(spoke["teacher"]) == {CY}


def test_teams_utf16_uses_single_joins(tmp_path: Path) -> None:
    path = tmp_path / "attendance.csv"
    path.write_bytes(TEAMS.encode("utf-16"))
    records = read_meetings(path, people=ROSTER, kind="talk")
    well_formed(records)
    assert [(r.teacher, r.learner, r.weight) for r in records.events.itertuples()] == [
        (ANA, BO, pytest.approx(40 / 60)),
        (ANA, CY, 0.5),
    ]


def test_other_languages_and_folders(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_bytes(GERMAN.encode("utf-16"))
    records = read_meetings(tmp_path, people=ROSTER, kind="talk", time_zone="Europe/Berlin")
    assert triples(records) == [("talk", ANA, BO)]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T06:30Z")
    unknown = GERMAN.replace("Erster Beitritt", "Alku").replace("Letztes Verlassen", "Loppu")
    (tmp_path / "g.csv").write_bytes(unknown.encode("utf-16"))
    assert triples(read_meetings(tmp_path, people=ROSTER, kind="talk")) == [("talk", ANA, BO)]


def test_day_and_month(tmp_path: Path) -> None:
    path = zoom(tmp_path)
    path.write_text(ZOOM.replace("03/31/2024", "03/04/2024"), encoding="utf-8")
    with pytest.raises(DataError, match="date_order"):
        read_meetings(path)
    assert read_meetings(path, date_order="dmy").events["time"].iloc[0].month == 4


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"a,b\n1,2\n",
        b'"open',
        TEAMS.encode("utf-16")[:301],
        bytes(range(256)),
        b"Name,Join Time,Leave Time\n",
    ],
)
def test_odd_files(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(raw)
    only_data_errors(lambda: read_meetings(path))


@given(st.data())
def test_damaged_reports_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("m") / "m.csv"
    raw = data.draw(st.sampled_from([ZOOM.encode(), TEAMS.encode()]))
    at = data.draw(st.integers(0, len(raw) - 1))
    path.write_bytes(
        raw[:at]
        + data.draw(st.binary(max_size=5) | st.just(b"\n\n"))
        + raw[at + data.draw(st.integers(0, 20)) :]
    )
    only_data_errors(lambda: read_meetings(path, kind=data.draw(st.sampled_from(["meeting", "talk"]))))


def test_meetings_in_the_hours_that_clocks_repeat_or_skip(tmp_path: Path) -> None:
    path = tmp_path / "participants.csv"
    head = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes)\r\n"
    rows = [
        f"x,{who}@firm.example,{day} {start},{day} {end},60\r\n"
        for who in ("ana", "bo")
        for day, start, end in (("2024-10-27", "01:30:00", "03:30:00"),)
    ]
    path.write_text(head + "".join(rows), encoding="utf-8")
    options = {
        "people": ROSTER,
        "kind": "talk",
        "presenter": "ana@firm.example",
        "time_zone": "Europe/Berlin",
    }
    events = read_meetings(path, **options).events
    assert events["time"].iloc[0] == pd.Timestamp("2024-10-26T23:30Z")
    assert events["weight"].tolist() == [
        3.0
    ]  # from half past one to half past three are three hours on this night
    path.write_text(head + "".join(rows).replace("2024-10-27", "2024-03-31"), encoding="utf-8")
    events = read_meetings(path, **options).events
    assert events["weight"].tolist() == [1.0]


def test_headings_that_state_utc_are_believed(tmp_path: Path) -> None:
    text = TEAMS.replace("Join Time\t", "Join Time (UTC)\t").replace("Leave Time\t", "Leave Time (UTC)\t")
    path = tmp_path / "attendance.csv"
    path.write_bytes(text.encode("utf-16"))
    records = read_meetings(path, people=ROSTER, kind="talk", time_zone="Europe/Berlin")
    assert [(r.teacher, r.learner, r.weight) for r in records.events.itertuples()] == [
        (ANA, BO, pytest.approx(40 / 60)),
        (ANA, CY, 0.5),
    ]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T08:00Z")
