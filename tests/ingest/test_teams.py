"""read_teams: pages of Graph JSON with every trap, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_teams
from tests.ingest.traces import (
    ANA,
    BO,
    CY,
    DI,
    NESTED,
    ROSTER,
    balance,
    damaged_json,
    dump,
    only_data_errors,
    pack,
    triples,
    well_formed,
)


def user(who: str | None, name: str = "") -> dict[str, Any] | None:
    return {"user": {"id": who, "displayName": name or who, "userIdentityType": "aadUser"}} if who else None


def message(
    number: str, who: str | None, when: str, body: str = "text", to: str | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "id": number,
        "replyToId": to,
        "createdDateTime": when,
        "messageType": "message",
        "from": user(who),
        "body": {"contentType": "html", "content": body},
        "channelIdentity": {"teamId": "T", "channelId": "19:tools@thread"},
        "deletedDateTime": None,
        "mentions": [],
        "reactions": [],
    } | more


USERS = {
    "value": [
        {
            "id": "ua",
            "displayName": "Ana Alm",
            "mail": "Ana@firm.example",
            "userPrincipalName": "ana@firm.example",
        },
        {"id": "ub", "displayName": "Bo Berg", "mail": "bo@firm.example", "userPrincipalName": "x"},
        {"id": "uc", "displayName": "Cy", "mail": None, "userPrincipalName": "cy@firm.example"},
        {"id": "uz", "displayName": "Di Dahl", "mail": "di@else.example"},
    ]
}
THANKS = [{"reactionType": "👍", "createdDateTime": "2024-03-31T02:00:00Z", "user": {"user": {"id": "ua"}}}]
PAGE = {
    "@odata.nextLink": "https://graph.example/next",
    "value": [
        # a question with three replies: Bo (thanked), Ana herself, Cy
        message("1", "ua", "2024-03-31T00:59:00.123Z", "<p>How?</p>", mentions=[
            {"id": 0, "mentionText": "Bo", "mentioned": {"user": {"id": "ub", "displayName": "Bo"}}}],
            replies=[
                message("2", "ub", "2024-03-31T01:10:00Z", to="1", reactions=THANKS),
                message("3", "ua", "2024-03-31T01:20:00Z", to="1"),
                message("4", "uc", "2024-04-02T01:20:00Z", to="1"),
            ]),
        # no question; an app replies; somebody deleted replies; a stranger replies
        message("5", "ub", "2024-04-03T00:00:00Z", replies=[
            message("6", None, "2024-04-03T00:01:00Z", to="5") | {"from": {"application": {"id": "app"}}},
            message("7", None, "2024-04-03T00:02:00Z", to="5"),
            message("8", "uz", "2024-04-03T00:03:00Z", to="5"),
            message("9", "uc", "2024-04-03T00:04:00Z", to="5", deletedDateTime="2024-04-04T00:00:00Z"),
        ]),
        # an app's post is answered; a system message; one that stands alone
        message("10", None, "2024-04-05T00:00:00Z") | {"from": {"application": {"id": "app"}}},
        message("11", "ua", "2024-04-05T01:00:00Z", to="10"),
        message("12", None, "2024-04-06T00:00:00Z") | {"messageType": "systemEventMessage"},
        message("13", "uc", "2024-04-07T00:00:00Z"),
        # an orphan, a message without a time, the same message on two pages, another channel, a private chat
        message("14", "ub", "2024-04-08T00:00:00Z", to="99"),
        message("15", "ub", "not a time"),
        message("13", "uc", "2024-04-07T00:00:00Z"),
        message("16", "ub", "2024-04-09T00:00:00Z") | {"channelIdentity": {"teamId": "T", "channelId": "19:other"}},
        message("17", "ub", "2024-04-10T00:00:00Z", "Hm?") | {"channelIdentity": None, "chatId": "19:chat"},
        message("18", "ua", "2024-04-10T00:05:00Z") | {"channelIdentity": None, "chatId": "19:chat"},
    ],
}  # fmt: skip


def export(folder: Path) -> Path:
    dump(folder / "users.json", USERS)
    dump(folder / "messages-1.json", PAGE)
    return folder


def test_every_trap_is_counted(tmp_path: Path) -> None:
    records = read_teams(export(tmp_path), people=ROSTER, channels=["19:tools@thread"])
    well_formed(records)
    assert triples(records) == [("answer", BO, ANA), ("answer", CY, ANA)]
    report = records.report
    # 19 = 4 + 5 + 4 + 6 messages; the stranger's answer is an event that fits nobody
    books = balance(records)
    assert books["messages"][0] == 19
    assert books["messages"][2] == 3
    assert books["events"] == [3, 2, 2]
    assert {d.reason: d.n for d in report.dropped.itertuples() if d.what == "messages"} == {
        "private chat (not read unless include_chats=True)": 2,
        "channel was not asked for": 1,
        "system message (joined, renamed, call ended ...)": 1,
        "deleted": 1,
        "has no id or time": 1,
        "the same message again": 1,
        "nobody is named as its author (deleted account)": 1,
        "opens a thread": 3,
        "stands alone, unanswered": 1,
        "the opener writes in their own thread": 1,
        "written by a bot or app": 1,
        "answers a bot or app": 1,
        "the question is outside the export": 1,
    }
    assert report.unmatched[["given", "suggested", "why"]].to_numpy().tolist() == [
        ["di@else.example (teams:uz)", DI, "same name, another e-mail"]
    ]


def test_times_evidence_and_thanks(tmp_path: Path) -> None:
    events = read_teams(export(tmp_path), people=ROSTER).events
    assert events["time"].iloc[0] == pd.Timestamp("2024-03-31T01:10:00Z")
    assert events["evidence"].iloc[0] == "19:tools@thread/2"
    assert events["confirmed"].tolist() == [True, False]


def test_options(tmp_path: Path) -> None:
    path = export(tmp_path)
    assert triples(read_teams(path, people=ROSTER, hours=24)) == [("answer", BO, ANA)]
    assert triples(read_teams(path, people=ROSTER, answers="first")) == [("answer", BO, ANA)]
    everybody = read_teams(path, people=ROSTER, aliases={"di@else.example": DI})
    assert ("answer", DI, BO) in triples(everybody)
    questions = read_teams(path, people=ROSTER, aliases={"teams:uz": DI}, threads="questions")
    assert ("answer", DI, BO) not in triples(questions)
    assert ("mention", BO, ANA) in triples(read_teams(path, people=ROSTER, mentions=True))
    chats = read_teams(path, people=ROSTER, include_chats=True)
    assert ("answer", ANA, BO) in triples(chats)
    shared = read_teams(path, people=ROSTER, weight="share").events
    assert shared["weight"].tolist() == [0.5, 0.5]
    free = read_teams(path)
    assert set(free.people.index) == {
        "ana@firm.example",
        "bo@firm.example",
        "cy@firm.example",
        "di@else.example",
    }
    with pytest.raises(ValueError, match="threads must be one of"):
        read_teams(path, threads="some")  # type: ignore[arg-type]


def test_zip_and_lines(tmp_path: Path) -> None:
    folder = read_teams(export(tmp_path / "f"), people=ROSTER).events
    packed = pack(tmp_path / "t.zip", {"users.json": json.dumps(USERS), "page.json": json.dumps(PAGE)})
    pd.testing.assert_frame_equal(read_teams(packed, people=ROSTER).events, folder)
    lines = tmp_path / "t.jsonl"
    rows = [*USERS["value"], *PAGE["value"]]
    lines.write_text("\r\n".join(json.dumps(r) for r in rows) + '\n{"id": "1', encoding="utf-8")
    records = read_teams(lines, people=ROSTER)
    pd.testing.assert_frame_equal(records.events, folder)
    assert records.report.n_dropped("line is not a complete JSON object") == 1


@pytest.mark.parametrize("name", NESTED)
def test_odd_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "page.json"
    path.write_bytes(NESTED[name])
    with pytest.raises(DataError):
        read_teams(path)


@given(st.data())
def test_damaged_files_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("t") / "page.json"
    path.write_bytes(data.draw(damaged_json(PAGE)))
    only_data_errors(lambda: read_teams(path, mentions=True, include_chats=True))


@pytest.mark.parametrize("reaction", ["like", "👍🏽", "❤️", "❤", "heart", "🙏🏿"])
def test_reactions_in_words_and_pictures_of_any_colour(tmp_path: Path, reaction: str) -> None:
    thanks = {"reactionType": reaction, "user": {"user": {"id": "ua"}}}
    page = [
        message("1", "ua", "2024-03-31T00:59:00Z", "How?"),
        message("2", "ub", "2024-03-31T01:00:00Z", to="1", reactions=[thanks]),
        message("3", "uc", "2024-03-31T01:01:00Z", to="1", reactions=[thanks | {"reactionType": "angry"}]),
    ]
    dump(tmp_path / "users.json", USERS)
    (tmp_path / "p.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(page).encode())
    assert read_teams(tmp_path, people=ROSTER).events["confirmed"].tolist() == [True, False]
