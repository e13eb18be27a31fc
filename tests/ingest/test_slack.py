"""Slack exports: who teaches whom in a thread, and everything that is not teaching."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from peernet import DataError, Records
from peernet.ingest import read_slack

ROSTER = pd.DataFrame(
    {
        "name": ["Ana Ek", "Bo Alm", "Cy Fox", "Dee Oh"],
        "email": ["ana@x.org", "bo@x.org", "cy@x.org", "dee@x.org"],
    },
    index=["001", "002", "003", "004"],
)


def user(code: str, mail: str = "", name: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": code,
        "name": name.lower(),
        "deleted": False,
        "is_bot": False,
        "profile": {"email": mail, "real_name": name},
    } | more


USERS = [
    user("U1", "ANA@x.org", "Ana Ek"),
    user("U2", "bo@x.org", "Bo Alm"),
    user("U3", "cy@x.org", "Cy Fox", deleted=True),
    user("U4", "dee@old.org", "Dee Oh"),
    user("U5", "", "Guest One", is_restricted=True),
    user("UB", name="bot", is_bot=True),
    user("USLACKBOT", name="slackbot"),
]


def say(who: str, ts: str, thread: str = "", text: str = "ok", **more: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "message", "user": who, "text": text, "ts": ts}
    return out | ({"thread_ts": thread} if thread else {}) | more


T1, T2, T3, T4, OLD = (
    "1735725600.000100",
    "1735725700.000100",
    "1735725800.000100",
    "1735725900.000100",
    "1730000000.000100",
)
DAY1 = [
    say("U1", T1, T1, "How do I export?"),
    say("U2", "1735725601.123456", T1, parent_user_id="U1", reactions=[{"name": "pray", "users": ["U1"]}]),
    say("U2", "1735725601.123456", T1, subtype="thread_broadcast"),  # a copy
    say("U1", "1735725602.000000", T1, "Thanks"),  # the opener
    say("U3", "1735725603.000000", T1),  # left since, still on the roster
    say("U4", "1735725604.000000", T1),  # e-mail not on the roster
    say("U9", "1735725605.000000", T1),  # not in users.json
    say("UB", "1735725606.000000", T1, bot_id="B1", subtype="bot_message"),
    say("UB", T2, T2, "Build failed?", bot_id="B1"),
    say("U1", "1735725701.000000", T2),  # answers a bot
    say("U5", T3, T3, "Guest asks?"),
    say("U1", "1735725801.000000", T3),  # the opener is not on the roster
    say("U2", "1735725802.000000", OLD, parent_user_id="U1"),  # the question is outside the export
    say("U2", "1735725803.000000", OLD),  # and nobody knows who asked
    say("U2", "1735725804.000000"),  # stands alone
    say("U1", "1735725805.000000", subtype="channel_join"),
    {"type": "message", "user": "U1", "ts": 1735725806.5},  # the time is a number: its end is lost
    "not a message",
]
DAY2 = [say("U2", T4, T4, "Release is out."), say("U1", "1735812000.000000", T4)]
FILES: dict[str, Any] = {
    "users.json": USERS,
    "channels.json": [{"id": "C1", "name": "help"}, {"id": "C2", "name": "empty"}],
    "groups.json": [{"id": "G1", "name": "leads"}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "help/2025-01-01.json": DAY1,
    "help/2025-01-02.json": DAY2,
    "leads/2025-01-01.json": [say("U1", T1, T1, "SECRET?"), say("U2", T2, T1)],
    "D1/2025-01-01.json": [say("U2", T1, T1, "PRIVATE?"), say("U1", T2, T1)],
    "__MACOSX/help/._2025-01-01.json": "junk",
}


def export(folder: Path, files: dict[str, Any] = FILES, top: str = "") -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(top + name, json.dumps(value))
    return path


def pairs(records: Records) -> list[tuple[str, str]]:
    return list(records.events[["teacher", "learner"]].itertuples(index=False, name=None))


def test_hand_counts(tmp_path: Path) -> None:
    report = read_slack(export(tmp_path), people=ROSTER).report
    assert (report.rows_read, report.rows_used) == (20, 4)
    ledger = report.ledger.set_index("what")
    assert ledger.loc["messages"].tolist() == [20, 10, 4]
    gone = report.dropped[report.dropped["what"] == "messages"].set_index("reason")["n"].to_dict()
    assert gone == {
        "not a message with a time": 2,
        "service message (joined, left, renamed ...)": 1,
        "copy of a reply (thread_broadcast)": 1,
        "author is not on the roster": 2,
        "author is not in users.json": 1,
        "written by a bot or workflow": 2,
        "opens a thread": 2,
        "stands alone, in no thread": 1,
        "the opener writes in their own thread": 1,
        "answers a bot or workflow": 1,
        "the opener of the thread is not on the roster": 1,
        "nobody knows who opened the thread": 1,
    }
    assert report.n_flagged("the question is outside the export (opener known by parent_user_id)") == 1
    assert report.n_flagged("deleted accounts of people on the roster (their messages count)") == 1
    assert report.not_read == (
        "2 private conversations (private channels, group and direct messages): not opened",
    )


def test_the_one_who_replies_teaches_the_one_who_opened(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER)
    assert sorted(pairs(records)) == [("001", "002"), ("002", "001"), ("002", "001"), ("003", "001")]
    first = records.events.iloc[0]
    assert first["time"] == pd.Timestamp("2025-01-01 10:00:01.123456", tz="UTC")
    assert first["event_id"] == "C1:1735725601.123456"
    assert records.events["confirmed"].tolist() == [True, False, False, False]
    net = records.network()
    assert net.ties.set_index(["teacher", "learner"]).at[("002", "001"), "weight"] == 2


def test_no_text_is_kept(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER, include_private=["groups", "dms"])
    everything = "".join(frame.to_csv() for frame in records.tables().values()) + records.report.summary()
    for words in ("export?", "SECRET", "PRIVATE", "Thanks", "Release"):
        assert words not in everything


def test_private_conversations_need_a_recorded_opt_in(tmp_path: Path) -> None:
    path = export(tmp_path)
    broken = export(tmp_path / "..", FILES | {"leads/2025-01-01.json": {"never": "opened"}})
    assert len(pairs(read_slack(broken, people=ROSTER))) == 4
    broken.unlink()
    groups = read_slack(export(tmp_path), people=ROSTER, include_private=["groups"])
    assert len(pairs(groups)) == 5
    assert "opted in: 1 private conversations (groups) were read" in groups.report.notes
    assert "leads" not in set(groups.events["context"])
    assert groups.report.not_read[0].startswith("1 private")
    dms = read_slack(path, people=ROSTER, include_private="dms")  # type: ignore[arg-type]
    assert ("001", "002") in pairs(dms)


def test_questions_only(tmp_path: Path) -> None:
    path = export(tmp_path)
    asked = read_slack(path, people=ROSTER, threads="questions")
    assert sorted(pairs(asked)) == [("002", "001"), ("003", "001")]
    assert asked.report.n_dropped("the thread does not open with a question") == 2
    assert len(pairs(read_slack(path, people=ROSTER, threads="questions", help_channels=["#help"]))) == 4


def test_one_thread_one_weight(tmp_path: Path) -> None:
    events = read_slack(export(tmp_path), people=ROSTER, weight="share").events
    assert events["weight"].tolist() == [0.5, 0.5, 1.0, 1.0]


def test_equal_names_are_proposed_and_joined_only_by_alias(tmp_path: Path) -> None:
    path = export(tmp_path)
    review = read_slack(path, people=ROSTER).report.unmatched
    dee = review[review["suggested"] == "004"].iloc[0]
    assert dee["why"] == "same name, another e-mail"
    confirmed = review.assign(person=review["suggested"])
    assert ("004", "001") in pairs(read_slack(path, people=ROSTER, aliases=confirmed))
    assert ("004", "001") in pairs(read_slack(path, people=ROSTER, aliases={"U4": "004"}))


def test_folder_and_zip_in_a_folder_read_the_same(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    plain = pairs(read_slack(export(tmp_path), people=ROSTER))
    assert pairs(read_slack(export(inner, top="workspace/"), people=ROSTER)) == plain
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert pairs(read_slack(tmp_path / "unpacked", people=ROSTER)) == plain


def test_chosen_channels(tmp_path: Path) -> None:
    records = read_slack(export(tmp_path), people=ROSTER, channels=["empty"])
    assert not len(records.events)
    assert records.events["time"].dt.tz is not None
    assert records.report.not_read[0] == "1 public channels that were not asked for"


@pytest.mark.parametrize(
    "field", ["ts", "user", "thread_ts", "reactions", "text", "subtype", "parent_user_id", "bot_id"]
)
@pytest.mark.parametrize("value", [None, 7, [], {}, [[1]], {"users": 3}, True])
def test_fields_of_a_wrong_kind_do_no_harm(field: str, value: Any, tmp_path: Path) -> None:
    message = DAY1[1] | {field: value}  # type: ignore[operator]
    report = read_slack(
        export(tmp_path, FILES | {"help/2025-01-01.json": [DAY1[0], message]}), people=ROSTER
    ).report
    ledger = report.ledger.set_index("what").loc["messages"]
    lost = report.dropped.loc[report.dropped["what"] == "messages", "n"].sum()
    assert ledger["read"] == 4 and ledger["used"] == 4 - lost


def test_a_half_written_day_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in FILES.items():
            text = json.dumps(value)
            archive.writestr(name, text[:-40] if name == "help/2025-01-02.json" else text)
    with pytest.raises(DataError, match=r"2025-01-02\.json"):
        read_slack(path, people=ROSTER)


def test_colours_of_skin_and_byte_order_marks(tmp_path: Path) -> None:
    day = [
        say("U1", T1, T1, "How?"),
        say("U2", T2, T1, reactions=[{"name": "+1::skin-tone-4", "users": ["U1"]}]),
        say("U3", T3, T1, reactions=[{"name": "eyes", "users": ["U1"]}]),
    ]
    path = tmp_path / "e.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in (FILES | {"help/2025-01-01.json": day}).items():
            archive.writestr(name, "\ufeff" + json.dumps(value))
    events = read_slack(path, people=ROSTER, threads="questions").events
    assert events["confirmed"].tolist() == [True, False]
