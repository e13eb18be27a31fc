"""read_stack_exchange: a dump with every trap; nothing is expanded, memory stays flat."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_stack_exchange
from tests.ingest.traces import ROSTER, balance, only_data_errors, triples, well_formed

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
POSTS = (
    HEAD
    + """<posts>
  <row Id="1" PostTypeId="1" AcceptedAnswerId="3" CreationDate="2024-03-31T00:59:00.123" Score="5"
  OwnerUserId="7" Tags="&lt;sql&gt;&lt;etl&gt;" Body="&lt;p&gt;How?&lt;/p&gt;" /> <row Id="2" PostTypeId="2"
  ParentId="1" CreationDate="2024-03-31T02:00:00.000" Score="-3" OwnerUserId="8" /> <row Id="3"
  PostTypeId="2" ParentId="1" CreationDate="2024-03-31T03:00:00.000" Score="6" OwnerUserId="9" /> <row Id="4"
  PostTypeId="2" ParentId="1" CreationDate="2024-03-31T04:00:00.000" Score="1" OwnerUserId="7" /> <row Id="5"
  PostTypeId="2" ParentId="1" CreationDate="2024-03-31T05:00:00.000" Score="1" OwnerDisplayName="user5" />
  <row Id="6" PostTypeId="2" ParentId="99" CreationDate="2024-03-31T06:00:00.000" Score="1" OwnerUserId="8"
  /> <row Id="7" PostTypeId="2" ParentId="11" CreationDate="2024-03-31T07:00:00.000" Score="0"
  OwnerUserId="8" /> <row Id="8" PostTypeId="5" CreationDate="2024-03-31T08:00:00.000" OwnerUserId="-1" />
  <row Id="9" PostTypeId="1" CreationDate="2024-03-31T09:00:00.000" Tags="|sql|" OwnerDisplayName="gone" />
  <row Id="10" PostTypeId="2" ParentId="9" CreationDate="2024-03-31T10:00:00.000" OwnerUserId="8" /> <row
  Id="11" PostTypeId="1" CreationDate="2024-03-30T11:00:00.000" Tags="|law|" OwnerUserId="9" /> <row Id="12"
  PostTypeId="2" ParentId="1" CreationDate="later" OwnerUserId="8" />
</posts>"""
)
USERS = (
    HEAD + '<users><row Id="-1" DisplayName="Community" /><row Id="7" DisplayName="Ana Alm" />'
    '<row Id="8" DisplayName="Bo" /></users>'
)
COMMENTS = (
    HEAD
    + """<comments>
  <row Id="1" PostId="3" UserId="7" CreationDate="2024-04-01T00:00:00.000" Text="thanks" />
  <row Id="2" PostId="3" UserId="9" CreationDate="2024-04-01T00:00:00.000" />
  <row Id="3" PostId="5" UserId="7" CreationDate="2024-04-01T00:00:00.000" />
  <row Id="4" PostId="1" UserDisplayName="x" CreationDate="2024-04-01T00:00:00.000" />
</comments>"""
)
IDS = {"stack_exchange:7": "007", "stack_exchange:8": "p2", "stack_exchange:9": "p3"}


def site(folder: Path) -> Path:
    for name, text in (("Posts.xml", POSTS), ("Users.xml", USERS), ("Comments.xml", COMMENTS)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_questions_are_sessions_when_asked_for(tmp_path: Path) -> None:
    records = read_stack_exchange(site(tmp_path), people=ROSTER, aliases=IDS, thread_sessions=True)
    well_formed(records)
    rows = records.sessions.itertuples()
    assert sorted((r.session, r.person, r.role, str(r.time)[:16]) for r in rows) == [
        ("question/1", "007", "answer", "2024-03-31 04:00"),
        ("question/1", "007", "opener", "2024-03-31 00:59"),
        ("question/1", "p2", "answer", "2024-03-31 02:00"),
        ("question/1", "p3", "answer", "2024-03-31 03:00"),
        ("question/11", "p2", "answer", "2024-03-31 07:00"),
        ("question/11", "p3", "opener", "2024-03-30 11:00"),
    ]
    assert not len(read_stack_exchange(site(tmp_path), people=ROSTER, aliases=IDS).sessions)


def test_every_trap_is_counted(tmp_path: Path) -> None:
    records = read_stack_exchange(site(tmp_path), people=ROSTER, aliases=IDS)
    well_formed(records)
    assert triples(records) == [("answer", "p2", "007"), ("answer", "p3", "007"), ("answer", "p2", "p3")]
    assert records.events["topic"].tolist() == ["sql etl", "sql etl", "law"]
    assert records.events["confirmed"].tolist() == [False, True, False]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T02:00Z")
    books = balance(records)
    assert books["posts"] == [12, 7, 4]
    assert books["events"] == [4, 4, 3]
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "posts"} == {
        "neither question nor answer (tag wiki ...)": 1, "has no id or time": 1, "is a question": 3,
        "its author deleted the account, or is the Community": 1, "its question is not in the dump": 1,
        "the asker deleted the account, or is the Community": 1,
    }  # fmt: skip


def test_without_aliases_names_are_only_proposed(tmp_path: Path) -> None:
    records = read_stack_exchange(site(tmp_path), people=ROSTER)
    assert len(records.events) == 0
    assert records.report.unmatched.set_index("given").loc["Ana Alm (stack_exchange:7)", "suggested"] == "007"


def test_weights_and_comments(tmp_path: Path) -> None:
    path = site(tmp_path)
    by_score = read_stack_exchange(path, weight="score", accepted=2).events
    assert by_score["weight"].tolist() == pytest.approx([math.log(2), 2 * math.log(7), math.log(2)])
    shared = read_stack_exchange(path, weight="share").events
    assert shared["weight"].tolist() == pytest.approx(
        [1 / 3, 1 / 3, 1.0]
    )  # the asker's own answer is one of three
    talk = read_stack_exchange(path, people=ROSTER, aliases=IDS, comments=True)
    assert ("comment", "007", "p3") in triples(talk)
    assert balance(talk)["comments"] == [4, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><posts><row Id="1" Tags="&b;"/></posts>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><posts/>',
        "<a>" * 1000 + "</a>" * 1000,
        POSTS[: len(POSTS) // 2],
        "",
        "not xml",
        "<posts><row Id=1/></posts>",
    ],
)
def test_entities_cuts_and_nesting_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "Posts.xml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError):
        read_stack_exchange(tmp_path)


def test_no_dump(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no Posts\.xml"):
        read_stack_exchange(tmp_path)


@given(st.data())
def test_damaged_files_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = site(tmp_path_factory.mktemp("s"))
    raw = POSTS.encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    piece = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"-", b'"', b"99999999999999999999", b"\xff", b""])
    )
    (folder / "Posts.xml").write_bytes(raw[:at] + piece + raw[at + data.draw(st.integers(0, 4)) :])
    only_data_errors(lambda: read_stack_exchange(folder, comments=True))


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    body = "x" * 20_000
    with (tmp_path / "Posts.xml").open("w") as file:
        file.write(HEAD + "<posts>\n")
        for k in range(1, 1501):
            kind = 'PostTypeId="1"' if k % 2 else f'PostTypeId="2" ParentId="{k - 1}"'
            file.write(
                f'<row Id="{k}" {kind} CreationDate="2024-01-01T00:00:00" OwnerUserId="{k % 97}" Body="{body}" />\n'
            )
        file.write("</posts>")
    read_stack_exchange(site(tmp_path / "warm") if (tmp_path / "warm").mkdir() is None else tmp_path)
    tracemalloc.start()
    records = read_stack_exchange(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(records.events) == 750
    assert peak < 12e6  # the file has 30 MB
