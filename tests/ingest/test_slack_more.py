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
