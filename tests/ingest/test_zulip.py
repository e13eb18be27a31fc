"""read_zulip: an organisation export with every trap; topics as threads; flags as readers."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_zulip
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
    pack,
    triples,
    well_formed,
)

T = 1_711_846_740.25  # 2024-03-31T00:59:00.25Z
# The numbers of users are those of nobody on the roster, although 007 could be read as 7.
REALM: dict[str, Any] = {
    "zerver_userprofile": [
        {
            "id": 7,
            "email": "user7@zulip.example",
            "delivery_email": "ana@firm.example",
            "full_name": "Ana Alm",
            "is_bot": False,
        },
        {"id": 8, "email": "bo@firm.example", "full_name": "Bo Berg", "is_bot": False},
        {
            "id": 9,
            "delivery_email": "cy@firm.example",
            "full_name": "Cy",
            "is_bot": False,
            "is_active": False,
        },
        {"id": 10, "delivery_email": "b@firm.example", "full_name": "Helper", "is_bot": True},
    ],
    "zerver_userprofile_crossrealm": [{"id": 11, "email": "welcome-bot@zulip.com"}],
    "zerver_stream": [{"id": 1, "name": "help"}, {"id": 2, "name": "leads", "invite_only": True}],
    "zerver_recipient": [
        {"id": 101, "type": 2, "type_id": 1},
        {"id": 102, "type": 2, "type_id": 2},
        {"id": 103, "type": 1, "type_id": 7},
    ],
}


def message(
    number: int,
    sender: int | str,
    hours: float,
    topic: str = "SQL",
    recipient: int = 101,
    content: str = "text",
) -> dict[str, Any]:
    return {
        "id": number,
        "sender": sender,
        "recipient": recipient,
        "subject": topic,
        "content": content,
        "date_sent": T + 3600 * hours,
    }


PAGE: dict[str, Any] = {
    "zerver_message": [
        message(1, 7, 0, content="How? @**Bo Berg|8**"),
        message(2, 8, 1, topic="sql"),  # topics do not tell upper from lower case
        message(3, 10, 1.5),
        message(4, 7, 2),
        message(5, 9, 3),
        message(6, 9, 30, content="a new matter"),  # 27 hours of silence
        message(7, 7, 31),
        message(8, 11, 40, "welcome"),
        message(9, 9, 41, "welcome"),
        message(10, 8, 0, recipient=102),
        message(11, 7, 1, recipient=102),  # private stream
        message(12, 8, 0, recipient=103),  # direct
        message(13, 99, 5, "alone"),  # nobody has 99
        {"id": 14, "sender": 7, "recipient": 101, "subject": "x", "content": "?", "date_sent": None},
        message(5, 9, 3),
    ],
    "zerver_reaction": [
        {"message": 2, "user_profile": 7, "emoji_name": "+1"},
        {"message": 5, "user_profile": 8, "emoji_name": "check"},
    ],
    "zerver_usermessage": [
        {"message": 2, "user_profile": 9, "flags_mask": 1},
        {"message": 2, "user_profile": 7, "flags_mask": 1},
        {"message": 2, "user_profile": 10, "flags_mask": 1},
        {"message": 5, "user_profile": 8, "flags_mask": 9},
        {"message": 5, "user_profile": 99, "flags_mask": 0},
    ],
}


def export(folder: Path) -> Path:
    dump(folder / "z" / "realm.json", REALM)
    dump(folder / "z" / "messages-000001.json", {**PAGE, "zerver_message": PAGE["zerver_message"][:4]})
    dump(folder / "z" / "messages-000002.json", {"zerver_message": PAGE["zerver_message"][4:]})
    return folder / "z"


def test_every_trap_is_counted(tmp_path: Path) -> None:
    records = read_zulip(export(tmp_path), people=ROSTER)
    well_formed(records)
    assert triples(records) == [("answer", BO, ANA), ("answer", CY, ANA), ("answer", ANA, CY)]
    assert records.events["confirmed"].tolist() == [True, False, False]
    assert records.events["time"].iloc[0] == pd.Timestamp("2024-03-31T01:59:00.25Z")
    assert balance(records)["messages"][0] == 15
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "messages"} == {
        "stream is private or was not asked for": 2, "direct message (not read)": 1, "has no id, author or time": 1,
        "the same message again": 1, "opens a thread": 3, "stands alone, unanswered": 1, "written by a bot or app": 1,
        "the opener writes in their own thread": 1, "answers a bot or app": 1,
    }  # fmt: skip


def test_a_user_number_is_no_person_id(tmp_path: Path) -> None:
    roster = ROSTER.rename(index={"p4": "9"})
    assert "9" not in set(read_zulip(export(tmp_path), people=roster).events["teacher"])


def test_readers_and_other_options(tmp_path: Path) -> None:
    path = export(tmp_path)
    read = read_zulip(path, people=ROSTER, readers=True).events
    got = {(r.teacher, r.learner, r.weight) for r in read.itertuples() if r.kind == "read"}
    assert got == {(BO, CY, 1.0), (CY, BO, 1.0)}  # the asker and the bot are no audience
    assert triples(read_zulip(path, people=ROSTER, channels=["leads"])) == [("answer", ANA, BO)]
    assert len(read_zulip(path, people=ROSTER, gap_hours=48).events) == 3
    with pytest.raises(DataError, match="no stream 'nowhere'"):
        read_zulip(path, people=ROSTER, channels=["nowhere"])


def test_tar_and_zip_give_the_same(tmp_path: Path) -> None:
    folder = export(tmp_path)
    want = read_zulip(folder, people=ROSTER).events
    with tarfile.open(tmp_path / "z.tar.gz", "w:gz") as tar:
        tar.add(folder, "zulip-export")
    pd.testing.assert_frame_equal(read_zulip(tmp_path / "z.tar.gz", people=ROSTER).events, want)
    packed = pack(tmp_path / "z.zip", {p.name: p.read_bytes() for p in folder.iterdir()})
    pd.testing.assert_frame_equal(read_zulip(packed, people=ROSTER).events, want)
    raw = (tmp_path / "z.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError):
        read_zulip(tmp_path / "cut.tar.gz")


def test_a_tar_that_runs_away_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.tar"
    info = tarfile.TarInfo("realm.json")
    info.size = 3 * 1024**3
    path.write_bytes(info.tobuf() + b"\0" * 1024)
    with pytest.raises(DataError):
        read_zulip(path)
    links = tmp_path / "link.tar"
    with tarfile.open(links, "w") as tar:
        entry = tarfile.TarInfo("realm.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry, io.BytesIO())
    with pytest.raises(DataError, match="not a Zulip export"):
        read_zulip(links)


@pytest.mark.parametrize("name", NESTED)
def test_odd_files_are_refused_in_words(tmp_path: Path, name: str) -> None:
    path = export(tmp_path)
    (path / "messages-000001.json").write_bytes(NESTED[name])
    with pytest.raises(DataError):
        read_zulip(path)


@given(st.data())
def test_damaged_files_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("z")
    bad = data.draw(st.sampled_from(["realm.json", "messages-000001.json"]))
    for name, value in (("realm.json", REALM), ("messages-000001.json", PAGE)):
        (path / name).write_bytes(
            data.draw(damaged_json(value)) if name == bad else json.dumps(value).encode()
        )
    only_data_errors(lambda: read_zulip(path, readers=True))
