"""read_discourse and read_canvas: forums with every trap, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_canvas, read_discourse
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


def post(at: int, who: str | None, when: str, to: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": at,
        "username": who,
        "created_at": when,
        "post_number": at,
        "post_type": 1,
        "reply_to_post_number": to,
        "topic_id": 5,
    } | more


TOPIC: dict[str, Any] = {
    "id": 5, "title": "How?", "category_id": 3, "archetype": "regular", "tags": ["sql"],
    "post_stream": {"posts": [
        post(1, "ANA", "2024-03-31T00:59:00.000Z"),
        post(2, "bo.b", "2024-03-31T01:59:00.000Z", accepted_answer=True),
        post(3, "cy", "2024-03-31T03:00:00.000Z", to=2),
        post(4, "ana", "2024-03-31T04:00:00.000Z"),
        post(5, "system", "2024-03-31T05:00:00.000Z", post_type=3),
        post(6, "zed", "2024-03-31T06:00:00.000Z"),
        post(7, "bo.b", "2024-03-31T06:00:00.000Z", hidden=True),
        post(8, "bo.b", "2024-03-31T07:00:00.000Z", to=77),
        post(9, None, "2024-03-31T08:00:00.000Z"),
        post(3, "cy", "2024-03-31T03:00:00.000Z", to=2),
    ]},
}  # fmt: skip
MORE = {"post_stream": {"posts": [post(10, "cy", "2024-04-01T00:00:00Z")]}, "id": 5}
PRIVATE = {
    "id": 6,
    "archetype": "private_message",
    "post_stream": {"posts": [post(1, "ana", "2024-04-01T00:00:00Z"), post(2, "cy", "2024-04-01T00:00:00Z")]},
}
USER = {"id": 1, "username": "Zed", "email": "di@firm.example", "name": "Di"}


def forum(folder: Path) -> Path:
    dump(folder / "t5.json", TOPIC)
    dump(folder / "t5-2.json", MORE)
    dump(folder / "t6.json", PRIVATE)
    return folder


def test_discourse_counts(tmp_path: Path) -> None:
    records = read_discourse(forum(tmp_path), people=ROSTER, accepted=3)
    well_formed(records)
    assert triples(records) == [("answer", BO, ANA), ("reply", CY, BO), ("answer", CY, ANA)]
    assert records.events["weight"].tolist() == [3.0, 1.0, 1.0]
    assert records.events["confirmed"].tolist() == [True, False, False]
    assert records.events["topic"].tolist() == ["sql"] * 3
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T01:59Z")
    books = balance(records)
    assert books["posts"][0] == 13
    assert books["events"] == [4, 3, 3]
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "posts"} == {
        "the same post again": 1,
        "private message (not read)": 2,
        "small action or whisper (closed, moved, staff note ...)": 1,
        "hidden or deleted": 1,
        "has no author or time": 1,
        "opens a topic": 1,
        "replies to oneself": 1,
        "what it replies to is outside the export": 1,
    }


def test_discourse_users_and_categories(tmp_path: Path) -> None:
    dump(forum(tmp_path) / "u.json", USER)
    assert ("answer", "p4", ANA) in triples(read_discourse(tmp_path, people=ROSTER))
    assert len(read_discourse(tmp_path, people=ROSTER, categories=[4]).events) == 0
    with pytest.raises(ValueError, match="accepted"):
        read_discourse(tmp_path, accepted=0.5)


def entry(number: int, who: int | None, when: str | None, *replies: Any, **more: Any) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": number,
        "user_id": who,
        "created_at": when,
        "message": "<p>text</p>",
        "replies": list(replies),
    }
    return {k: v for k, v in out.items() if v is not None} | more


VIEW: dict[str, Any] = {
    "participants": [
        {"id": 1, "display_name": "Ana"},
        {"id": 2, "display_name": "Bo"},
        {"id": 3, "display_name": "Cy"},
    ],
    "unread_entries": [],
    "entry_ratings": {},
    "view": [
        entry(
            10,
            1,
            "2024-03-31T00:59:00Z",
            entry(
                11,
                2,
                "2024-03-31T02:00:00Z",
                entry(12, 3, "2024-03-31T03:00:00+02:00"),
                entry(13, 2, "2024-03-31T05:00:00Z"),
            ),
            entry(14, None, "2024-04-01T00:00:00Z", entry(15, 3, "2024-04-01T01:00:00Z"), deleted=True),
        ),
        entry(16, 3, None),
    ],
}
PEOPLE = [
    {"id": 1, "name": "Ana Alm", "email": "ana@firm.example"},
    {"id": 2, "login_id": "bo.b", "name": "Bo"},
    {"id": 3, "email": "cy@firm.example"},
]


def test_canvas_counts(tmp_path: Path) -> None:
    dump(tmp_path / "week-1.json", VIEW)
    dump(tmp_path / "zz_users.json", PEOPLE)
    records = read_canvas(tmp_path, people=ROSTER)
    well_formed(records)
    assert triples(records) == [("reply", CY, BO), ("reply", BO, ANA)]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T01:00Z")
    assert records.events["context"].tolist() == ["week-1"] * 2
    assert balance(records)["entries"] == [7, 5, 2]
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "entries"} == {
        "deleted, or without author or time": 2,
        "answers the topic itself": 1,
        "the entry above was deleted": 1,
        "replies to oneself": 1,
    }
    assert records.report.unmatched.empty
    assert sorted(set(records.sessions["person"])) == [ANA, BO, CY]


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("read", [read_discourse, read_canvas])
def test_odd_files_are_refused_in_words(tmp_path: Path, name: str, read: Any) -> None:
    (tmp_path / "t.json").write_bytes(NESTED[name])
    with pytest.raises(DataError):
        read(tmp_path)


@given(st.data())
def test_damaged_files_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("f")
    read, value = data.draw(st.sampled_from([(read_discourse, TOPIC), (read_canvas, VIEW)]))
    (folder / "t.json").write_bytes(data.draw(damaged_json(value)))
    (folder / "u.json").write_text(json.dumps(PEOPLE))
    only_data_errors(lambda: read(folder))


def test_discourse_bots_have_negative_numbers(tmp_path: Path) -> None:
    posts = [
        post(1, "ana", "2024-03-31T00:59:00Z", user_id=1),
        post(2, "gpt_helper", "2024-03-31T01:00:00Z", user_id=-1201),
        post(3, "bo.b", "2024-03-31T01:01:00Z", to=2, user_id=2),
        post(4, "bo.b", "2024-03-31T01:02:00Z", user_id=2),
    ]
    dump(tmp_path / "t.json", {"id": 5, "post_stream": {"posts": posts}})
    records = read_discourse(tmp_path, people=ROSTER)
    assert triples(records) == [("answer", BO, ANA)]
    assert records.report.n_dropped("teacher or learner is a bot") == 2


@pytest.mark.parametrize("read", [read_discourse, read_canvas])
def test_a_byte_order_mark_does_no_harm(tmp_path: Path, read: Any) -> None:
    page = TOPIC if read is read_discourse else VIEW
    (tmp_path / "t.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(page).encode())
    assert len(read(tmp_path).events) > 0


def test_canvas_entries_newer_than_the_tree(tmp_path: Path) -> None:
    new = [
        entry(20, 1, "2024-04-02T00:00:00Z", parent_id=12),  # answers Cy
        entry(21, 2, "2024-04-02T01:00:00Z", parent_id=20),  # answers the new one
        entry(22, 2, "2024-04-02T02:00:00Z", parent_id=None),
        entry(12, 3, "2024-03-31T01:00:00Z", parent_id=11),  # edited, and in the tree
    ]
    dump(tmp_path / "w.json", VIEW | {"new_entries": new})
    dump(tmp_path / "zz_users.json", PEOPLE)
    records = read_canvas(tmp_path, people=ROSTER)
    assert triples(records)[2:] == [("reply", ANA, CY), ("reply", BO, ANA)]
    assert balance(records)["entries"] == [11, 8, 4]
    assert records.report.n_dropped("the same entry again") == 1


def test_discourse_says_how_many_posts_of_a_topic_are_missing(tmp_path: Path) -> None:
    posts = [post(1, "ana", "2024-03-31T00:59:00Z"), post(2, "bo.b", "2024-03-31T01:00:00Z")]
    dump(tmp_path / "t.json", {"id": 5, "post_stream": {"posts": posts, "stream": list(range(40))}})
    report = read_discourse(tmp_path, people=ROSTER).report
    assert report.flagged.loc[report.flagged["what"] == "posts", "n"].tolist() == [38]
