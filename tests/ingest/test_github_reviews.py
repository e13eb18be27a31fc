"""read_github_reviews: REST pages, GraphQL, GH Archive; rubber stamps, ghosts and bots."""

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
from peernet.ingest import read_github_reviews
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
    well_formed,
)

API = "https://api.github.com/repos/firm/tool"


def who(login: str | None, kind: str = "User") -> dict[str, Any] | None:
    return {"login": login, "id": 1, "type": kind} if login else None


def review(
    number: int,
    login: str | None,
    state: str,
    when: str | None,
    pull: int = 1,
    body: str = "",
    kind: str = "User",
) -> dict[str, Any]:
    return {
        "id": number,
        "user": who(login, kind),
        "state": state,
        "submitted_at": when,
        "body": body,
        "pull_request_url": f"{API}/pulls/{pull}",
    }


def comment(number: int, login: str, review_id: int | None, pull: int = 1) -> dict[str, Any]:
    return {
        "id": number,
        "user": who(login),
        "path": "a.py",
        "created_at": "2024-03-31T05:00:00Z",
        "pull_request_review_id": review_id,
        "pull_request_url": f"{API}/pulls/{pull}",
        "body": "x",
    }


PULLS = [
    {
        "number": 1,
        "url": f"{API}/pulls/1",
        "user": who("ana"),
        "created_at": "2024-03-30T00:00:00Z",
        "base": {"repo": {"full_name": "firm/tool"}},
    },
    {"number": 2, "url": f"{API}/pulls/2", "user": None},
    {"number": 3, "url": f"{API}/pulls/3", "user": who("Bo.B")},
    {"number": 4, "url": f"{API}/pulls/4", "user": who("dependabot[bot]", "Bot")},
]
REVIEWS = [
    review(
        11, "bo.b", "CHANGES_REQUESTED", "2024-03-31T01:00:00Z", body="Please split."
    ),  # 2 lines + words + changes = 4
    review(12, "cy", "APPROVED", "2024-03-31T02:00:00Z"),  # rubber stamp
    review(13, "ana", "COMMENTED", "2024-03-31T03:00:00Z", body="Done."),  # her own
    review(14, None, "APPROVED", "2024-03-31T04:00:00Z", body="Nice."),  # ghost
    review(15, "cy", "PENDING", None, body="draft"),
    review(16, "bo.b", "APPROVED", "2024-04-01T00:00:00Z", pull=2, body="ok"),  # whose?
    review(17, "cy", "COMMENTED", "2024-04-02T00:00:00Z", pull=3, body=""),  # 7 lines, capped
    review(18, "review-bot", "COMMENTED", "2024-04-02T00:00:00Z", pull=3, body="lint", kind="Bot"),
    review(19, "ana", "APPROVED", "2024-04-03T00:00:00Z", pull=4, body="ok"),  # of a bot's request
    review(20, "zoe", "APPROVED", "2024-04-03T00:00:00Z", pull=3, body="ok"),  # not on the roster
    review(11, "bo.b", "CHANGES_REQUESTED", "2024-03-31T01:00:00Z", body="Please split."),
]
COMMENTS = [comment(30, "bo.b", 11), comment(31, "bo.b", 11), *(comment(40 + k, "cy", 17, 3) for k in range(7)),
            comment(50, "ana", 99, 3), comment(51, "ana", None, 3), comment(30, "bo.b", 11)]  # fmt: skip


def export(folder: Path) -> Path:
    dump(folder / "reviews.json", REVIEWS)
    dump(folder / "comments.json", COMMENTS)
    dump(folder / "zz_pulls.json", PULLS)
    return folder


def test_every_trap_is_counted(tmp_path: Path) -> None:
    records = read_github_reviews(export(tmp_path), people=ROSTER)
    well_formed(records)
    got = {(r.kind, r.teacher, r.learner, r.weight) for r in records.events.itertuples()}
    assert got == {("review", BO, ANA, 4.0), ("review", CY, BO, 5.0), ("review comment", ANA, BO, 2.0)}
    books = balance(records)
    assert books["reviews"][0] == 11
    assert books["line comments"][0] == 12
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what in ("reviews", "line comments")} == {
        "the same review again": 1, "the same comment again": 1, "approved without a word (rubber stamp)": 1,
        "on one's own pull request": 1, "the reviewer deleted the account": 1, "not submitted, or without a time": 1,
        "nobody knows whose pull request it is": 1,
    }  # fmt: skip
    assert records.report.n_dropped("teacher or learner is a bot") == 2
    assert records.report.n_dropped("teacher or learner is not on the roster") == 1
    assert records.events["context"].unique().tolist() == ["firm/tool"]
    assert records.events["time"].min() == pd.Timestamp("2024-03-31T01:00Z")


def test_options(tmp_path: Path) -> None:
    path = export(tmp_path)
    stamps = read_github_reviews(path, people=ROSTER, rubber_stamps=0.25).events
    assert 0.25 in set(stamps["weight"])
    assert 7.0 in set(read_github_reviews(path, people=ROSTER, cap=100).events["weight"])
    assert len(read_github_reviews(path, repositories=["firm/other"]).events) == 0
    assert "zoe" in read_github_reviews(path).people.index


def test_graphql_and_the_command_line_tool(tmp_path: Path) -> None:
    nodes = [
        {
            "number": 1,
            "author": {"login": "ana", "__typename": "User"},
            "reviews": {
                "nodes": [
                    {
                        "id": "R1",
                        "author": {"login": "bo.b"},
                        "state": "COMMENTED",
                        "submittedAt": "2024-03-31T01:00:00Z",
                        "body": "so",
                        "comments": {"totalCount": 3},
                    },
                    {
                        "id": "R2",
                        "author": None,
                        "state": "APPROVED",
                        "submittedAt": "2024-03-31T01:00:00Z",
                        "body": "so",
                    },
                ]
            },
        }
    ]
    value = {"data": {"repository": {"nameWithOwner": "Firm/Tool", "pullRequests": {"nodes": nodes}}}}
    records = read_github_reviews(dump(tmp_path / "g.json", value), people=ROSTER)
    assert [(r.teacher, r.learner, r.weight, r.context) for r in records.events.itertuples()] == [
        (BO, ANA, 4.0, "firm/tool")
    ]
    listed = [{"number": 1, "author": {"login": "ana"}, "reviews": nodes[0]["reviews"]["nodes"]}]  # type: ignore[index]
    assert len(read_github_reviews(dump(tmp_path / "c.json", listed), people=ROSTER).events) == 1


def test_gh_archive(tmp_path: Path) -> None:
    lines = [
        {
            "type": "PullRequestReviewEvent",
            "repo": {"name": "firm/tool"},
            "payload": {"action": "created", "review": REVIEWS[0], "pull_request": PULLS[0]},
        },
        {
            "type": "PullRequestReviewCommentEvent",
            "repo": {"name": "firm/tool"},
            "payload": {"comment": COMMENTS[0], "pull_request": PULLS[0]},
        },
        {"type": "WatchEvent", "repo": {"name": "firm/tool"}, "payload": {"action": "started"}},
    ]
    path = tmp_path / "2024-03-31-1.json.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(x) for x in lines).encode() + b'\n{"type": "Pull'))
    records = read_github_reviews(path, people=ROSTER)
    assert [(r.teacher, r.learner, r.weight) for r in records.events.itertuples()] == [(BO, ANA, 3.0)]
    assert records.report.n_dropped("line is not a complete JSON object") == 1


@pytest.mark.parametrize("name", NESTED)
def test_odd_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    (tmp_path / "r.json").write_bytes(NESTED[name])
    with pytest.raises(DataError):
        read_github_reviews(tmp_path)


@given(st.data())
def test_damaged_files_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("g")
    (folder / "r.json").write_bytes(data.draw(damaged_json([PULLS, REVIEWS, COMMENTS])))
    only_data_errors(lambda: read_github_reviews(folder, rubber_stamps=1))
