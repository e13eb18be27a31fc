"""read_xapi, read_moodle and read_viva: tables and statements with every trap."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_moodle, read_viva, read_xapi
from tests.ingest.traces import (
    ANA,
    BO,
    CY,
    NESTED,
    ROSTER,
    balance,
    damaged_json,
    dump,
    only_data_errors,
    triples,
    well_formed,
)

V = "http://adlnet.gov/expapi/verbs/"
ANA_ = {"objectType": "Agent", "mbox": "mailto:Ana@firm.example", "name": "Ana"}
BO_ = {"account": {"homePage": "https://lms.example", "name": "bo.b"}}
CY_ = {"mbox_sha1sum": hashlib.sha1(b"mailto:cy@firm.example").hexdigest()}
COURSE = {"id": "https://lms.example/c/1", "definition": {"name": {"en": "Secret"}}}


def statement(
    number: int,
    actor: Any,
    verb: str,
    thing: Any,
    when: str | None = "2024-03-31T02:59:00+02:00",
    **more: Any,
) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "actor": actor,
        "verb": {"id": V + verb},
        "object": thing,
        "timestamp": when,
    } | more


STATEMENTS = [
    statement(1, ANA_, "completed", COURSE, context={"instructor": BO_}),
    statement(2, CY_, "completed", COURSE),
    statement(3, BO_, "mentored", {"objectType": "Agent", **ANA_}),
    statement(4, ANA_, "asked", {"objectType": "Agent", **CY_}),
    statement(5, ANA_, "http://x#liked", COURSE),
    statement(6, ANA_, "completed", COURSE, context={"instructor": CY_}),
    statement(7, BO_, "voided", {"objectType": "StatementRef", "id": "s6"}),
    statement(
        8,
        {"objectType": "Group", "member": [ANA_, CY_, ANA_]},
        "attended",
        COURSE,
        context={"instructor": BO_},
    ),
    statement(9, None, "completed", COURSE),
    statement(10, ANA_, "completed", COURSE, when=None),
    statement(1, ANA_, "completed", COURSE, context={"instructor": BO_}),
    statement(11, BO_, "mentored", COURSE),
    statement(12, BO_, "completed", COURSE, context={"instructor": BO_}),
]


def test_xapi_counts(tmp_path: Path) -> None:
    path = dump(tmp_path / "s.json", {"statements": STATEMENTS, "more": "/x"})
    records = read_xapi(path, people=ROSTER)
    well_formed(records)
    got = sorted((r.kind, r.teacher, r.learner, r.weight) for r in records.events.itertuples())
    assert got == sorted(
        [
            ("completed", BO, ANA, 1.0),
            ("mentored", BO, ANA, 1.0),
            ("asked", CY, ANA, 1.0),
            ("attended", BO, ANA, 0.5),
            ("attended", BO, CY, 0.5),
        ]
    )
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T00:59Z")
    assert balance(records)["statements"][0] == 13
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "statements"} == {
        "voids another": 1, "the same statement again": 1, "voided": 1, "names no actor or no time": 2,
        "verb is neither learning nor teaching": 1, "nobody is known to have taught it (no instructor, no author)": 1,
        "is done to nobody (its object is no person)": 1,
    }  # fmt: skip
    assert sorted(records.completions["person"]) == sorted([ANA, CY, BO])
    assert "Secret" not in records.events.to_csv()


def test_xapi_authors_verbs_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(json.dumps(s) for s in STATEMENTS) + '\n{"id": "half', encoding="utf-8")
    records = read_xapi(
        path, people=ROSTER, authors={COURSE["id"]: "bo@firm.example"}, verbs={"http://x#liked": "learns"}
    )
    assert ("completed", BO, CY) in triples(records)
    assert records.report.n_dropped("line is not a complete JSON object") == 1
    assert set(records.completions["author"]) == {BO}
    with pytest.raises(ValueError, match="verbs must be one of"):
        read_xapi(path, verbs={"liked": "maybe"})


@pytest.mark.parametrize("name", NESTED)
def test_xapi_odd_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(NESTED[name])
    with pytest.raises(DataError):
        read_xapi(path)


@given(st.data())
def test_xapi_damaged(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("x") / "s.json"
    path.write_bytes(data.draw(damaged_json(STATEMENTS)))
    only_data_errors(lambda: read_xapi(path, authors={str(COURSE["id"]): "bo@firm.example"}))


POSTS = """id,discussion,parent,userid,created,subject,message
1,5,0,2,1711846740,Secret,"Line one
line two"
2,5,1,3,1711850000,Re,x
3,5,2,2,1711850100,Re,x
4,5,3,2,1711850200,Re,x
5,5,99,3,1711850300,Re,x
6,5,1,4,soon,Re,x
2,5,1,3,1711850000,Re,x
"""
USERS = """id,username,email,firstname,lastname,deleted
2,ana,ana@firm.example,Ana,Alm,0
3,x,BO@firm.example,Bo,B,0
4,cy,,Cy,O,0
"""
LOG = r"""id,eventname,component,userid,relateduserid,objectid,courseid,timecreated,anonymous,ip
1,\mod_assign\event\submission_graded,mod_assign,4,2,9,7,1711860000,0,10.0.0.1
2,\mod_forum\event\discussion_viewed,mod_forum,4,,5,7,1711850050,0,10.0.0.1
3,\core\event\user_loggedin,core,2,,,0,1711850060,0,10.0.0.1
4,\mod_assign\event\submission_graded,mod_assign,0,2,9,7,1711860000,0,
5,\mod_forum\event\discussion_viewed,mod_forum,2,,5,7,1711846741,0,
"""


def moodle(folder: Path) -> Path:
    for name, value in (
        ("mdl_forum_posts.csv", POSTS),
        ("mdl_user.csv", USERS),
        ("mdl_logstore_standard_log.csv", LOG),
    ):
        (folder / name).write_text(value.replace("\n", "\r\n"), encoding="utf-8")
    return folder


def test_moodle_counts(tmp_path: Path) -> None:
    records = read_moodle(moodle(tmp_path), people=ROSTER, views=True)
    well_formed(records)
    got = sorted((r.kind, r.teacher, r.learner, r.weight) for r in records.events.itertuples())
    assert got == sorted(
        [
            ("reply", BO, ANA, 1.0),
            ("reply", ANA, BO, 1.0),
            ("feedback", CY, ANA, 1.0),
            ("read", ANA, CY, 0.5),
            ("read", BO, CY, 0.5),
        ]
    )
    books = balance(records)
    assert books["posts"] == [7, 5, 2]
    assert books["log rows"] == [5, 4, 2]
    kept = records.events.to_csv() + records.report.summary()
    assert "10.0.0.1" not in kept
    assert "Secret" not in kept
    assert len(read_moodle(tmp_path, people=ROSTER).events) == 3


def test_moodle_report(tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    path.write_text(
        "Zeit,Vollständiger "
        "Name,Betroffene/r,Kontext,Komponente,Ereignisname,Beschreibung,Herkunft,IP-Adresse\n"
        '"31.03.24, 08:00:00",Cy,Ana,Kurs,Aufgabe,Abgabe wurde bewertet,'
        "\"The user with id '4' has graded the submission '12' id '12' for the user with id "
        "'2'.\",web,10.0.0.1\n"
        '"31.03.24, 09:00:00",Cy,-,Kurs,Forum,Diskussion angezeigt,'
        "\"The user with id '4' has viewed the discussion with id '5'.\",web,1\n",
        encoding="utf-8",
    )
    records = read_moodle(
        path, people=ROSTER, aliases={"moodle:4": CY, "moodle:2": ANA}, time_zone="Europe/Berlin"
    )
    assert triples(records) == [("feedback", CY, ANA)]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T06:00Z")
    assert balance(records)["report rows"] == [2, 2, 1]


@given(st.data())
def test_moodle_damaged(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = moodle(tmp_path_factory.mktemp("m"))
    name = data.draw(st.sampled_from(sorted(p.name for p in folder.iterdir())))
    raw = (folder / name).read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    (folder / name).write_bytes(
        raw[:at]
        + data.draw(st.binary(max_size=5) | st.just(b'"'))
        + raw[at + data.draw(st.integers(0, 20)) :]
    )
    only_data_errors(lambda: read_moodle(folder, views=True))


P, S = "PrimaryCollaborator_", "SecondaryCollaborator_"
P2P = (
    f"{P}PersonId,{S}PersonId,MetricDate,Diverse_tie_score,Strong_tie_score,Strong_tie_type,{P}Organization,{S}Organization\n"
    "007,p2,31/03/2024,1,4,Strong,HR,IT\np2,p3,31/03/2024,1,0,None,IT,IT\np3,p3,31/03/2024,1,2,Strong,IT,IT\np3,zz,never,1,2,Strong,IT,IT\n"
)
G2G = (
    f"{P}Organization,{P}Organization_GroupSize,{S}Organization,{S}Organization_GroupSize,MetricDate,Group_collaboration_time_invested\n"
    "HR,12,IT,30,2024-03-31,8\nHR,12,Within Group,12,2024-03-31,20\nIT,30,Other_Collaborators,,2024-03-31,5\n"
)


def test_viva_people(tmp_path: Path) -> None:
    path = tmp_path / "p2p.csv"
    path.write_text("\ufeff" + P2P, encoding="utf-8")
    records = read_viva(path, people=ROSTER)
    well_formed(records)
    assert {(r.teacher, r.learner, r.weight) for r in records.events.itertuples()} == {
        (ANA, BO, 2.0),
        (BO, ANA, 2.0),
    }
    assert balance(records)["rows"] == [4, 2, 1]
    free = read_viva(path)
    assert free.people.loc["007", "unit"] == "HR"
    assert "none" in free.report.direction


def test_viva_groups(tmp_path: Path) -> None:
    path = tmp_path / "g2g.csv"
    path.write_text(G2G, encoding="utf-8")
    records = read_viva(path)
    assert {(r.teacher, r.learner, r.weight) for r in records.events.itertuples()} == {
        ("HR", "IT", 4.0),
        ("IT", "HR", 4.0),
    }
    assert records.people.loc["HR", ["size", "within"]].tolist() == [12, 20]
    assert balance(records)["rows"] == [3, 2, 1]
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="has neither"):
        read_viva(path)


@given(st.data())
def test_viva_damaged(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("v") / "v.csv"
    raw = data.draw(st.sampled_from([P2P.encode(), G2G.encode()]))
    at = data.draw(st.integers(0, len(raw) - 1))
    path.write_bytes(
        raw[:at]
        + data.draw(st.binary(max_size=5) | st.just(b","))
        + raw[at + data.draw(st.integers(0, 20)) :]
    )
    only_data_errors(lambda: read_viva(path))


def test_viva_pairs_written_from_both_sides_count_once(tmp_path: Path) -> None:
    path = tmp_path / "p2p.csv"
    head = f"{P}PersonId,{S}PersonId,MetricDate,Strong_tie_score\r\n"
    path.write_text(
        head + "007,p2,2024-03-31,4\r\np2,007,2024-03-31,6\r\n007,p2,2024-04-30,4\r\n007,p3,2024-03-31,5\r\n",
        encoding="utf-8",
    )
    records = read_viva(path, people=ROSTER)
    got = {(r.teacher, r.learner, r.time.day, r.weight) for r in records.events.itertuples()}
    assert got == {
        (ANA, BO, 31, 2.5), (BO, ANA, 31, 2.5), (ANA, BO, 30, 2.0), (BO, ANA, 30, 2.0),
        (ANA, CY, 31, 2.5), (CY, ANA, 31, 2.5),
    }  # fmt: skip
    assert balance(records)["rows"] == [4, 4, 3]
    assert records.report.n_dropped("the same pair and date again (from the other side)") == 1


def test_moodle_times_in_the_hours_that_clocks_repeat_or_skip(tmp_path: Path) -> None:
    path = tmp_path / "logs.csv"
    said = "\"The user with id '4' has graded the submission with id '9' for the user with id '2'.\""
    rows = [
        f'"{when}",A,B,C,D,Graded,{said},web,1'
        for when in ("2024-10-27 02:30:00", "2024-03-31 02:30:00", "2024-07-01 12:00:00")
    ]
    head = (
        "Time,User full name,Affected user,Event context,Component,Event name,Description,Origin,IP address"
    )
    path.write_text("\r\n".join([head, *rows]), encoding="utf-8")
    records = read_moodle(
        path, people=ROSTER, aliases={"moodle:4": CY, "moodle:2": ANA}, time_zone="Europe/Berlin"
    )
    assert list(records.events["time"]) == [
        pd.Timestamp("2024-03-31T01:30Z"), pd.Timestamp("2024-07-01T10:00Z"), pd.Timestamp("2024-10-27T00:30Z"),
    ]  # fmt: skip
    assert records.report.n_flagged("time lies in the hour that the clocks repeat or skip") == 2


def test_xapi_mentors_are_no_learners_of_their_own_group(tmp_path: Path) -> None:
    group = {"objectType": "Group", "member": [ANA_, BO_, CY_]}
    path = dump(tmp_path / "s.json", [statement(1, BO_, "mentored", group)])
    events = read_xapi(path, people=ROSTER).events
    assert {(r.teacher, r.learner, r.weight) for r in events.itertuples()} == {(BO, ANA, 0.5), (BO, CY, 0.5)}


def test_xapi_sessions_are_who_attended_and_who_learned_together(tmp_path: Path) -> None:
    group = {"objectType": "Group", "member": [ANA_, BO_, CY_]}
    late = "2024-03-31T23:59:00-01:00"  # the first of April in UTC
    rows = [
        statement(1, BO_, "mentored", group),
        statement(2, ANA_, "attended", COURSE, context={"instructor": BO_}),
        statement(3, CY_, "attended", COURSE),
        statement(4, CY_, "attended", COURSE, when=late),
        statement(5, ANA_, "attended", COURSE, when=late),
        statement(6, BO_, "voided", {"objectType": "StatementRef", "id": "s5"}),
        statement(7, BO_, "mentored", {"objectType": "Agent", **ANA_}),  # two people: a tie says it all
    ]
    records = read_xapi(dump(tmp_path / "s.json", rows), people=ROSTER)
    well_formed(records)
    got = sorted((r.session, r.person, r.role, r.kind) for r in records.sessions.itertuples())
    course = COURSE["id"]
    assert got == sorted(
        [
            ("s1", ANA, "learner", "mentored"), ("s1", CY, "learner", "mentored"), ("s1", BO, "teacher", "mentored"),
            (f"{course} 2024-03-31", ANA, "learner", "attended"), (f"{course} 2024-03-31", BO, "teacher", "attended"),
            (f"{course} 2024-03-31", CY, "learner", "attended"), (f"{course} 2024-04-01", CY, "learner", "attended"),
        ]
    )  # fmt: skip


def test_xapi_takes_back_what_a_voided_statement_said(tmp_path: Path) -> None:
    rows = [
        statement(k, ANA_, "completed", {"id": f"https://lms.example/c/{k % 3}"}, context={"instructor": BO_})
        for k in range(1, 30)
    ]
    voiding = [
        statement(100 + k, BO_, "voided", {"objectType": "StatementRef", "id": f"s{k}"}) for k in (1, 7, 29)
    ]
    kept = [row for row in rows if row["id"] not in ("s1", "s7", "s29")]
    first = read_xapi(dump(tmp_path / "a.json", [*voiding[:2], *rows, voiding[2]]), people=ROSTER)
    second = read_xapi(dump(tmp_path / "b.json", kept), people=ROSTER)
    pd.testing.assert_frame_equal(first.events, second.events)
    pd.testing.assert_frame_equal(first.completions, second.completions)
    assert first.report.n_dropped("voided") == 3
    assert balance(first)["statements"] == [32, 26, 26]
