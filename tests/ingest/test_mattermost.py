"""read_mattermost: a bulk export, line by line, with every trap."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_mattermost
from tests.ingest.traces import (
    ANA,
    BO,
    CY,
    NESTED,
    ROSTER,
    balance,
    damaged_json,
    only_data_errors,
    triples,
    well_formed,
)

T = 1_711_846_740_123  # 2024-03-31T00:59:00.123Z, an hour before the clocks move in Berlin


def reply(who: str, after_minutes: float, **more: Any) -> dict[str, Any]:
    return {
        "user": who,
        "message": "Use the second tab.",
        "create_at": int(T + after_minutes * 60_000),
        **more,
    }


def post(
    who: str, message: str = "How?", channel: str = "help", replies: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    body = {
        "team": "t",
        "channel": channel,
        "user": who,
        "message": message,
        "create_at": T,
        "replies": replies or [],
        **more,
    }
    return {"type": "post", "post": body}


LINES: list[dict[str, Any]] = [
    {"type": "version", "version": 1},
    {"type": "channel", "channel": {"team": "t", "name": "help", "type": "O"}},
    {"type": "channel", "channel": {"team": "t", "name": "leads", "type": "P"}},
    {
        "type": "user",
        "user": {"username": "ana", "email": "Ana@Firm.example", "first_name": "Ana", "last_name": "Alm"},
    },
    {"type": "user", "user": {"username": "bo.b", "email": "bo@private.example"}},  # known by login
    {"type": "user", "user": {"username": "cyo", "email": "cy@firm.example"}},
    {"type": "user", "user": {"username": "botty", "email": "b@firm.example", "roles": "system_user bot"}},
    post(
        "ana",
        replies=[
            reply(
                "bo.b", 10, reactions=[{"user": "ana", "emoji_name": "white_check_mark", "create_at": T + 1}]
            ),
            reply("ana", 12),
            reply("botty", 13),
            reply("cyo", 60 * 30),
            reply("stranger", 14),
            reply("bo.b", 1, props={"from_webhook": "true"}),
            reply("", 15),
            {"user": "ana", "message": "?", "create_at": "soon"},
        ],
    ),
    post("bo.b", "Parking is full.", replies=[reply("cyo", 1)]),
    post("cyo", "alone?"),
    post("ana", "x?", channel="leads", replies=[reply("bo.b", 1)]),
    {
        "type": "direct_post",
        "direct_post": {
            "channel_members": ["ana", "bo.b"],
            "user": "ana",
            "message": "?",
            "create_at": T,
            "replies": [reply("bo.b", 2)],
        },
    },
    post("botty", "Build broke?", replies=[reply("ana", 3)]),
    {"type": "post", "post": "text"},
]


def export(folder: Path, tail: bytes = b'{"type": "post", "post": {"us') -> Path:
    path = folder / "export.jsonl"
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\r\n" for row in LINES) + b"\n" + tail)
    return path


def test_every_trap_is_counted(tmp_path: Path) -> None:
    records = read_mattermost(export(tmp_path), people=ROSTER)
    well_formed(records)
    assert triples(records) == [("answer", CY, BO), ("answer", BO, ANA), ("answer", CY, ANA)]
    books = balance(records)
    assert books["lines"] == [15, 14, 14]  # the blank line is none
    # 9 + 2 + 1 + 2 + 2 + 2 messages
    assert books["messages"][0] == 18
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "messages"} == {
        "private channel or direct message (not opened)": 4,
        "has no author or time, or is a reply to such a post": 2,
        "opens a thread": 3,
        "stands alone, unanswered": 1,
        "the opener writes in their own thread": 1,
        "written by a bot or app": 2,
        "answers a bot or app": 1,
    }
    assert books["events"] == [4, 3, 3]
    assert records.report.n_dropped("line is not a complete JSON object") == 1
    line = records.report.dropped.set_index("reason").loc["line is not a complete JSON object", "rows"]
    assert line == (16,)
    assert records.report.n_flagged("holds nothing under its type") == 1


def test_times_and_thanks(tmp_path: Path) -> None:
    events = read_mattermost(export(tmp_path), people=ROSTER, threads="questions").events
    assert events["time"].iloc[0] == pd.Timestamp("2024-03-31T01:09:00.123Z")
    assert events["confirmed"].tolist() == [True, False]
    assert events["context"].unique().tolist() == ["t/help"]
    assert events["event_id"].is_unique


def test_options_and_packed(tmp_path: Path) -> None:
    path = export(tmp_path)
    everything = read_mattermost(path, people=ROSTER, include_private=True)
    assert len(everything.events) == 5
    assert triples(read_mattermost(path, people=ROSTER, hours=24)) == [
        ("answer", CY, BO),
        ("answer", BO, ANA),
    ]
    assert (
        read_mattermost(path, people=ROSTER, channels=["t/other"]).report.n_dropped(
            "channel was not asked for"
        )
        == 14
    )
    packed = tmp_path / "export.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    pd.testing.assert_frame_equal(
        read_mattermost(packed, people=ROSTER).events, read_mattermost(path, people=ROSTER).events
    )
    packed.write_bytes(gzip.compress(path.read_bytes())[:-40])
    with pytest.raises(DataError, match="damaged"):
        read_mattermost(packed)
    assert set(read_mattermost(path).people.index) >= {"ana@firm.example", "stranger"}


@pytest.mark.parametrize("name", NESTED)
def test_odd_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "export.jsonl"
    path.write_bytes(NESTED[name])
    only_data_errors(lambda: read_mattermost(path))


@given(st.data())
def test_damaged_lines_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("m") / "export.jsonl"
    bad = data.draw(damaged_json(LINES[data.draw(st.integers(0, len(LINES) - 1))]))
    path.write_bytes(b"\n".join([json.dumps(LINES[3]).encode(), bad, json.dumps(LINES[7]).encode()]))
    only_data_errors(lambda: read_mattermost(path, include_private=True))


def test_bot_lines_of_newer_exports_and_colours_of_skin(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    thanks = {"user": "ana", "emoji_name": "+1_medium_dark_skin_tone", "create_at": T}
    rows = [
        {"type": "bot", "bot": {"username": "Helper", "owner": "ana", "display_name": "Help Desk"}},
        {"type": "user", "user": {"username": "ana", "email": "ana@firm.example"}},
        {"type": "user", "user": {"username": "bo.b", "email": "bo@firm.example", "delete_at": T}},
        post("ana", replies=[reply("helper", 1), reply("bo.b", 2, reactions=[thanks])]),
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    records = read_mattermost(path)
    well_formed(records)
    assert triples(records) == [("answer", "bo@firm.example", "ana@firm.example")]  # who left still taught
    assert records.events["confirmed"].tolist() == [True]
    assert records.report.n_dropped("written by a bot or app") == 1
