"""read_slack: mentions, huddles, first answers, and answers in time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_slack
from tests.ingest.traces import (
    ANA,
    BO,
    CY,
    ROSTER,
    balance,
    damaged_json,
    only_data_errors,
    pack,
    triples,
    well_formed,
)


def user(code: str, mail: str, **more: Any) -> dict[str, Any]:
    return {"id": code, "name": code, "profile": {"email": mail, "real_name": code}} | more


def say(
    who: str, second: float, thread: float | None = None, text: str = "ok", **more: Any
) -> dict[str, Any]:
    out = {"type": "message", "user": who, "text": text, "ts": f"{1_711_846_740 + second:.6f}"}
    return out | ({"thread_ts": f"{1_711_846_740 + thread:.6f}"} if thread is not None else {}) | more


USERS = [
    user("U1", "ana@firm.example"),
    user("U2", "bo@firm.example"),
    user("U3", "cy@firm.example"),
    user("UB", "b@x.example", is_bot=True),
]
ROOM = {
    "id": "R1",
    "participants": [],
    "participant_history": ["U1", "U2", "UB", "U9", "U1"],
    "date_start": 1_711_846_800,
}
DAY = [
    say("U1", 0, 0, "<@U2> or <@UB|bot> or <@U1>: how?"),
    say("U2", 3600, 0),
    say("U3", 7200, 0),
    say("U2", 3600 * 30, 0),
    say("U3", 9000, None, "<@U1> is away."),  # no question
    say("U3", 9100, None, "", subtype="huddle_thread", room=ROOM),
    say("U3", 9200, None, "", subtype="huddle_thread", room="gone"),
    say("U2", 9300, -500_000, parent_user_id="U1"),  # the question is outside; five days old
]
FILES: dict[str, Any] = {
    "users.json": USERS,
    "channels.json": [{"id": "C1", "name": "help"}],
    "help/2024-03-31.json": DAY,
}


def export(folder: Path, files: dict[str, Any] = FILES) -> Path:
    return pack(folder / "slack.zip", {name: json.dumps(value) for name, value in files.items()})


def test_mentions_are_events_of_their_own(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER, mentions=True)
    well_formed(records)
    assert [(r.teacher, r.learner) for r in records.events.itertuples() if r.kind == "mention"] == [(BO, ANA)]
    assert records.report.ledger.set_index("what").loc["mentions in questions"].tolist() == [3, 1, 1]
    assert "mentions" in records.report.direction
    assert not [k for k, *_ in triples(read_slack(export(tmp_path), people=ROSTER)) if k == "mention"]


def test_huddles_are_attendance(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER)
    assert sorted(records.sessions["person"]) == [ANA, BO]
    assert set(records.sessions["kind"]) == {"huddle"}
    assert records.sessions["time"].iloc[0] == pd.Timestamp(1_711_846_800, unit="s", tz="UTC")
    assert balance(records)["people in huddles"] == [5, 3, 2]
    assert records.report.n_dropped("huddle (attendance only)") == 2


def test_threads_are_sessions_when_asked_for(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER, thread_sessions=True)
    well_formed(records)
    threads = records.sessions[records.sessions["kind"] == "thread"]
    asked = f"C1:{1_711_846_740:.6f}"
    # Bo answered the first thread twice, which is one attendance; the opener of the old thread is known by id alone.
    assert sorted(zip(threads["session"], threads["person"], threads["role"], strict=True)) == sorted(
        [
            (asked, ANA, "opener"), (asked, BO, "answer"), (asked, CY, "answer"),
            (f"C1:{1_711_346_740:.6f}", ANA, "opener"), (f"C1:{1_711_346_740:.6f}", BO, "answer"),
        ]
    )  # fmt: skip
    assert (records.sessions["kind"] == "huddle").sum() == 2
    assert records.sessions["time"].is_monotonic_increasing


GONE = {"subtype": "tombstone", "text": "This message was deleted.", "hidden": True}
DELETED = [
    say("USLACKBOT", 0, 0, **GONE),  # whose author the replies name
    say("U2", 10, 0, parent_user_id="U1"),
    say("U1", 20, 0, parent_user_id="U1"),
    say("USLACKBOT", 100, 100, **GONE),  # whose author nobody names
    say("U2", 110, 100, parent_user_id="USLACKBOT"),
    say("U3", 120, 100),
    say("UB", 200, 200, "I am a bot"),
    say("U3", 210, 200, parent_user_id="UB"),
]


def test_replies_to_a_deleted_question_answer_no_bot(tmp_path: Path) -> None:
    files = FILES | {
        "help/2024-03-31.json": DELETED,
        "users.json": [*USERS, {"id": "USLACKBOT", "name": "slackbot"}],
    }
    records = read_slack(export(tmp_path, files), people=ROSTER, thread_sessions=True)
    well_formed(records)
    assert triples(records) == [("answer", BO, ANA)]
    report = records.report
    assert {d.reason: d.n for d in report.dropped.itertuples() if d.what == "messages"} == {
        "deleted (only its place in the thread is left)": 2,
        "the question was deleted, and nobody on the roster is named as its author": 2,
        "the opener writes in their own thread": 1,
        "written by a bot or workflow": 1,
        "answers a bot or workflow": 1,
    }
    assert report.n_flagged("the question was deleted (opener known by parent_user_id)") == 2
    assert ("USLACKBOT" in set(records.sessions["person"])) is False
    assert read_slack(export(tmp_path, files), people=ROSTER, threads="questions").events.empty


def test_first_answers_and_answers_in_time(tmp_path: Path) -> None:
    path = export(tmp_path)
    assert len(read_slack(path, people=ROSTER).events) == 4
    soon = read_slack(path, people=ROSTER, hours=24)
    assert triples(soon) == [("answer", BO, ANA), ("answer", CY, ANA)]
    assert soon.report.n_dropped("later than 24 hours after the question") == 2
    first = read_slack(path, people=ROSTER, hours=24, answers="first")
    assert triples(first) == [("answer", BO, ANA)]
    with pytest.raises(ValueError, match="answers must be one of"):
        read_slack(path, people=ROSTER, answers="some")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no channel"):
        read_slack(path, people=ROSTER, channels=["nowhere"])


@given(st.data())
def test_damaged_exports_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    bad = data.draw(st.sampled_from(sorted(FILES)))
    raw = {name: json.dumps(value).encode() for name, value in FILES.items()} | {
        bad: data.draw(damaged_json(FILES[bad]))
    }
    path = pack(tmp_path_factory.mktemp("s") / "slack.zip", raw)
    only_data_errors(lambda: read_slack(path, people=ROSTER, mentions=True, hours=3, answers="first"))
