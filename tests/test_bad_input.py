"""Broken inputs: each is refused in words that say what, where (rows, ids) and what to do."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.ingest import Codebook, read_completions, read_people, read_qualtrics, read_slack, read_survey

PEOPLE = ["ana", "bo", "cy"]
ROSTER = pd.DataFrame(
    {"name": ["Ana Ek", "Bo Alm"], "email": ["ana@x.org", "bo@x.org"]}, index=["007", "008"]
)
BOOK = pd.DataFrame(
    [
        {"column": "id", "kind": "person"},
        {"column": "n1", "kind": "nomination", "relation": "advice", "respondent_is": "learner", "slot": 1},
        {"column": "s1", "kind": "learning_share", "source": "peers", "question": "learning_share"},
        {"column": "s2", "kind": "learning_share", "source": "courses", "question": "learning_share"},
    ]
)


def ties(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["teacher", "learner", "weight"][: len(rows[0])])


def names(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["respondent", "named"])


NETWORK: dict[str, tuple[Callable[[], Any], str]] = {
    "wrong direction word": (
        lambda: PeerNetwork.from_nominations(PEOPLE, names(("ana", "bo")), respondent_is="ego"),
        "respondent_is must be one of 'learner', 'teacher'; got 'ego'.",
    ),
    "ends that do not say who teaches": (
        lambda: PeerNetwork(PEOPLE, pd.DataFrame({"from": ["ana"], "to": ["bo"]})),
        "The columns 'from', 'to' do not say who teaches: rename them to teacher and learner",
    ),
    "duplicate ids": (
        lambda: PeerNetwork(["ana", "bo", "ana"], ties(("ana", "bo"))),
        "people: 1 ids stand more than once (rows 0, 2: 'ana', 'ana'). Keep one row per person",
    ),
    "missing id": (
        lambda: PeerNetwork(["ana", None, "cy"], ties(("ana", "cy"))),
        "people: 1 of 3 ids are missing (row 1).",
    ),
    "ids read as decimals": (
        lambda: PeerNetwork([7.0, 8.0], pd.DataFrame({"teacher": [7.0], "learner": [8.0]})),
        "ids are decimals (rows 0, 1: 7.0, 8.0), so leading zeros and missing cells are already lost. Read "
        "the ids as text",
    ),
    "self-ties": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo"), ("bo", "bo"), ("cy", "cy"))),
        "2 of 3 rows",
    ),
    "unknown people": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo"), ("ana", "zoe"))),
        "'zoe'",
    ),
    "NaN weights": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo", 1.0), ("bo", "cy", np.nan))),
        "1 of 2 weights are missing, infinite, zero or negative (row 1: nan).",
    ),
    "negative weights": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo", -2.0), ("bo", "cy", 1.0))),
        "(row 0: -2.0)",
    ),
    "weights in words": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo", "often"))),
        "ties: 1 weights are not numbers (row 0: 'often'). Give numbers above 0.",
    ),
    "status in other words": (
        lambda: PeerNetwork(
            PEOPLE, ties(("ana", "bo")), observed={"ana": "yes", "bo": "answered", "cy": "silent"}
        ),
        "'yes'",
    ),
    "column that is not there": (
        lambda: PeerNetwork(pd.DataFrame({"team": ["x"] * 3}, index=PEOPLE), ties(("ana", "bo"))).codes(
            "dept"
        ),
        "people has no column 'dept'. Columns: team.",
    ),
    "subset of strangers": (
        lambda: PeerNetwork(PEOPLE, ties(("ana", "bo"))).subset(["ana", "zoe"]),
        "subset: 1 ids are not in people ('zoe').",
    ),
}


@pytest.mark.parametrize("name", NETWORK)
def test_network(name: str) -> None:
    build, said = NETWORK[name]
    with pytest.raises((DataError, ValueError), match=re.escape(said)):
        build()


def write(folder: Path, text: str, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ROSTERS = {
    "empty file": ("", "file.csv is empty (0 rows). Export it again."),
    "blank file": ("\n , \n", "file.csv is empty (0 rows)."),
    "header only": ("id,name\n", "file.csv has a header and no rows (0 people)."),
    "header row missing": (
        "00417,Ana Ek,Sales\n00418,Bo Alm,Sales\n",
        "or its header row is missing (row 1 reads: 00417, Ana Ek, Sales)",
    ),
    "empty id": ("id,name\n1,Ana\n,Bo\n3,Cy\n", "1 of 3 people have no id (row 3). Give each an id"),
    "duplicate ids": (
        "id,unit\n007,A\n008,B\n007,C\n",
        "1 ids stand more than once with different values (rows 2, 4: '007', '007'). Keep one row per "
        "person, or date the rows",
    ),
    "spells that overlap": (
        "id,unit,effective_from,effective_to\n007,A,2024-01-01,2024-06-30\n007,B,2024-06-01,\n",
        "the spells of '007' overlap (row 2 end after the next one starts)",
    ),
    "two rows from the same day": (
        "id,unit,effective_from\n007,A,2024-01-01\n007,B,2024-01-01\n",
        "'007' have two rows with the same effective_from (rows 2, 3). Keep one.",
    ),
    "undated spell": (
        "id,unit,effective_from\n007,A,\n007,B,2024-01-01\n",
        "row 2: '007' have no effective_from although the person has several rows",
    ),
    "row that is too long": (
        "id,name\n1,Ana\n2,Alm, Bo\n",
        "row 3 has more cells than the header (3 instead of 2)",
    ),
    "cut in the middle of a row": (
        "id,name,unit\n1,Ana,A\n2,B",
        "row 3 has fewer cells than the header (2 instead of 3)",
    ),
    "open quotation mark": ('id,name\n1,"Ana\n2,Bo\n', "A quotation mark is open or the file was cut"),
    "two columns of one name": (
        "id,name,name\n1,a,b\n",
        "the header names 'name' more than once (columns 2, 3). Rename all but one.",
    ),
    "markup in an id": ("id,name\n<b>1</b>,Ana\n2,Bo\n", "1 ids hold markup, control characters"),
    "day or month first": (
        "id,hire date\n1,03/04/2024\n2,05/06/2024\n",
        "rows 2, 3 could be day/month or month/day ('03/04/2024'). Pass date_order='dmy' or 'mdy'.",
    ),
    "day and month first": (
        "id,hire date\n1,13/04/2024\n2,05/16/2024\n",
        "the day comes first in row 2 and the month in row 3. Two formats were mixed",
    ),
}


@pytest.mark.parametrize("name", ROSTERS)
def test_roster(name: str, tmp_path: Path) -> None:
    text, said = ROSTERS[name]
    with pytest.raises(DataError, match=re.escape(said)):
        read_people(write(tmp_path, text))


def test_roster_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("id,name\n1,Ana\n2,José\n".encode("cp1252"))
    with pytest.raises(
        DataError, match=r"file.csv is not utf-8 text at row 3. Export it as UTF-8, or pass the encoding"
    ):
        read_people(path)
    assert read_people(path, encoding="cp1252").people.at["2", "name"] == "José"


def test_roster_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "id\n1\n", "roster.csv")
    with pytest.raises(DataError, match=r"there is no file 'roser.csv'.*Did you mean 'roster.csv'\?"):
        read_people(tmp_path / "roser.csv")


SURVEYS = {
    "empty file": ("", "file.csv is empty (0 rows)"),
    "header row missing": (
        "007,Bo Alm,60,40\n",
        "4 columns of codebook are not in the file ('id', 'n1', 's1', 's2')",
    ),
    "shares summing to 130": (
        "id,n1,s1,s2\n007,Bo Alm,90,40\n008,,60,40\n",
        "1 answers do not sum to 100 (row 2 sum to 130): shares sum to less than 90 or more than 110.",
    ),
    "shares in words": ("id,n1,s1,s2\n007,,most,40\n", "a share is not a number"),
    "ids without their zeros": (
        "id,n1,s1,s2\n7,,60,40\n8,,50,50\n",
        "none of the 2 respondents is on the roster (rows 2, 3: '7', '8'). Is it the right roster, or have "
        "ids lost their leading zeros?",
    ),
    "anonymous link": (
        "id,n1,s1,s2\n,Bo Alm,60,40\n,,50,50\n",
        "all 2 answers are anonymous ('id' empty or 'anonymous'): an anonymous link was used",
    ),
}


@pytest.mark.parametrize("name", SURVEYS)
def test_survey(name: str, tmp_path: Path) -> None:
    text, said = SURVEYS[name]
    with pytest.raises(DataError, match=re.escape(said)):
        read_survey(write(tmp_path, text), BOOK, people=ROSTER, bad_shares="error")


CODEBOOKS = {
    "no direction": (
        {
            "column": "n1",
            "kind": "nomination",
            "relation": "advice",
            "slot": 1,
            "proposed_respondent_is": "learner",
            "because": "learn",
        },
        "nobody has confirmed who teaches in relation 'advice' (row 2: ''). Proposed: 'learner', because the "
        "question says 'learn'. "
        "Write respondent_is = 'learner' (the person named teaches) or 'teacher'",
    ),
    "wrong direction word": (
        {"column": "n1", "kind": "nomination", "relation": "advice", "slot": 1, "respondent_is": "asks"},
        "(row 2: 'asks')",
    ),
    "unknown kind": (
        {"column": "n1", "kind": "nominations"},
        "unknown kind in row 2: 'nominations'. Did you mean 'nomination' or",
    ),
    "no slot": (
        {
            "column": "n1",
            "kind": "nomination",
            "relation": "advice",
            "respondent_is": "learner",
            "slot": "first",
        },
        "row 2: 'first' need a slot, a whole number from 1.",
    ),
    "share without a source": (
        {"column": "s1", "kind": "learning_share"},
        "row 2: 's1' of kind learning_share say no source.",
    ),
}


@pytest.mark.parametrize("name", CODEBOOKS)
def test_codebook(name: str) -> None:
    row, said = CODEBOOKS[name]
    with pytest.raises(DataError, match=re.escape(said)):
        Codebook.read(pd.DataFrame([row]))


def qualtrics(zone: str = "Europe/Berlin", other: str | None = None, third: str | None = None) -> str:
    ids = [
        {"ImportId": "startDate", "timeZone": zone},
        {"ImportId": "endDate", "timeZone": other or zone},
        {"ImportId": "externalDataReference"},
    ]
    row3 = third or ",".join('"' + json.dumps(i).replace('"', '""') + '"' for i in ids)
    return f"StartDate,EndDate,ExternalReference\nStart,End,Ref\n{row3}\n2025-01-01 10:00:00,2025-01-01 10:05:00,007\n"


def test_qualtrics_header_row_missing(tmp_path: Path) -> None:
    path = write(tmp_path, qualtrics(third="2025-01-01 10:00:00,2025-01-01 10:05:00,007"))
    with pytest.raises(
        DataError, match=r"row 3 should hold the import ids of Qualtrics .* starts with '2025-01-01 10:00:00'"
    ):
        read_qualtrics(path, codebook=BOOK, people=ROSTER)


def test_qualtrics_mixed_time_zones(tmp_path: Path) -> None:
    path = write(tmp_path, qualtrics(other="America/Denver"))
    said = "row 3 states mixed time zones (StartDate in 'Europe/Berlin', EndDate in 'America/Denver')"
    with pytest.raises(DataError, match=re.escape(said)):
        read_qualtrics(path, codebook=BOOK, people=ROSTER)


def test_qualtrics_unknown_time_zone(tmp_path: Path) -> None:
    book = pd.DataFrame([{"column": "ExternalReference", "kind": "person"}])
    with pytest.raises(
        DataError, match=r"there is no time zone 'Mars/Olympus'. Use a name like 'Europe/Berlin'"
    ):
        read_qualtrics(write(tmp_path, qualtrics("Mars/Olympus")), codebook=book, people=ROSTER)


COMPLETIONS = {
    "mixed time zones": (
        "user_email,course_id,completed_at\nana@x.org,C1,2025-01-01T10:00:00Z\nbo@x.org,C1,2025-01-01 11:00\n",
        "times of mixed kinds: 1 state their time zone (row 2), 1 do not (row 3). Pass time_zone=",
    ),
    "no completion time": ("user_email,course_id\nana@x.org,C1\n", "has no column for 'time'"),
    "another firm": (
        "user_email,course_id,completed_at\nzoe@y.org,C1,2025-01-01\n",
        "none of the 1 rows names somebody on the roster (row 2: 'zoe@y.org')",
    ),
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_completions(name: str, tmp_path: Path) -> None:
    text, said = COMPLETIONS[name]
    with pytest.raises(DataError, match=re.escape(said)):
        read_completions(write(tmp_path, text), people=ROSTER)


def slack(folder: Path, files: dict[str, Any], *, raw: bool = False) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(name, value if raw or isinstance(value, bytes) else json.dumps(value))
    return path


GOOD: dict[str, Any] = {
    "users.json": [
        {"id": "U1", "profile": {"email": "ana@x.org"}},
        {"id": "U2", "profile": {"email": "bo@x.org"}},
    ],
    "channels.json": [{"id": "C1", "name": "help"}],
    "help/2025-01-01.json": [
        {
            "type": "message",
            "user": "U1",
            "text": "How?",
            "ts": "1735725600.000100",
            "thread_ts": "1735725600.000100",
        },
        {
            "type": "message",
            "user": "U2",
            "text": "So.",
            "ts": "1735725660.000200",
            "thread_ts": "1735725600.000100",
        },
    ],
}


def test_slack_good_export_is_read(tmp_path: Path) -> None:
    events = read_slack(slack(tmp_path, GOOD), people=ROSTER).events
    assert events[["teacher", "learner"]].to_numpy().tolist() == [["008", "007"]]


def test_slack_truncated_zip(tmp_path: Path) -> None:
    path = slack(tmp_path, GOOD)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        DataError,
        match=r"export.zip is not a complete zip file .*The download was cut; fetch the export again",
    ):
        read_slack(path, people=ROSTER)


def test_slack_damaged_member(tmp_path: Path) -> None:
    path = slack(tmp_path, GOOD)
    raw = bytearray(path.read_bytes())
    raw[45] ^= 0xFF
    path.write_bytes(bytes(raw))
    with pytest.raises(DataError, match=r"export.zip.*(damaged|complete)"):
        read_slack(path, people=ROSTER)


def test_slack_zip_bomb(tmp_path: Path) -> None:
    bomb = GOOD | {"help/2025-01-02.json": b" " * 60_000_000}
    with pytest.raises(
        DataError, match=r"member 'help/2025-01-02.json' would unpack from \d+ to 60000000 bytes .*zip bomb"
    ):
        read_slack(slack(tmp_path, bomb), people=ROSTER)


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "help\\..\\..\\evil.json", "C:/evil.json"]
)
def test_slack_path_escape(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"1 members have paths that leave the archive \('.*evil.json'\). It is not read."
    ):
        read_slack(slack(tmp_path, GOOD | {name: []}), people=ROSTER)


def test_slack_link_in_the_zip(tmp_path: Path) -> None:
    path = slack(tmp_path, GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("help/2025-01-03.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"1 members have paths that leave the archive"):
        read_slack(path, people=ROSTER)


def test_slack_folder_with_a_link_out(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    outside = write(tmp_path, "[]", "secret.json")
    (folder / "channels.json").symlink_to(outside)
    with pytest.raises(DataError, match=r"'channels.json' points outside the folder"):
        read_slack(folder, people=ROSTER)


def test_slack_cut_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"help/2025-01-01.json is not complete JSON"):
        read_slack(slack(tmp_path, GOOD | {"help/2025-01-01.json": b'[{"type": "mess'}), people=ROSTER)


@pytest.mark.parametrize("depth", [100, 1000, 100_000])
def test_slack_deep_json(depth: int, tmp_path: Path) -> None:
    deep = ("[" * depth + "]" * depth).encode()
    with pytest.raises(DataError, match=r"help/2025-01-01.json is nested more than 64 levels deep"):
        read_slack(slack(tmp_path, GOOD | {"help/2025-01-01.json": deep}), people=ROSTER)


def test_slack_another_archive(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"holds no channels.json, so it is not a Slack workspace export \(it holds 'a.json'\)",
    ):
        read_slack(slack(tmp_path, {"a.json": []}), people=ROSTER)


def test_slack_unknown_channel(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"channels.json has no channel 'halp'. Channels: 'help'."):
        read_slack(slack(tmp_path, GOOD), people=ROSTER, channels=["halp"])


def test_slack_wrong_opt_in_word(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"include_private must be one of 'groups', 'dms', 'mpims'; got 'all'."
    ):
        read_slack(slack(tmp_path, GOOD), people=ROSTER, include_private=["all"])


def test_ids_with_zeros_and_ids_called_na_are_people(tmp_path: Path) -> None:
    people = read_people(
        write(tmp_path, "employee_id,name\n007,Ana\nNA,Nadia\nNone,Noah\nnull,Nia\n1e3,Eve\n")
    ).people
    assert list(people.index) == ["007", "NA", "None", "null", "1e3"]
    assert people.at["NA", "name"] == "Nadia"


def test_shares_that_cannot_be_used_are_dropped_and_counted_with_their_rows(tmp_path: Path) -> None:
    text = "id,n1,s1,s2\n007,Bo Alm,90,40\n008,,0.6,0.4\n"
    records = read_survey(write(tmp_path, text), BOOK, people=ROSTER)
    gone = records.report.dropped.set_index("reason")
    assert gone.at["shares sum to less than 90 or more than 110", "rows"] == (2,)
    assert records.shares().loc["008"].tolist() == [60, 40]
    assert list(records.shares().index) == ["008"]


def test_there_are_at_least_25() -> None:
    assert len(NETWORK) + len(ROSTERS) + len(SURVEYS) + len(CODEBOOKS) + len(COMPLETIONS) >= 25
