"""read_mbox: headers only, threads, lists, machines, clocks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.ingest import read_mbox
from tests.ingest.traces import ANA, BO, CY, ROSTER, balance, only_data_errors, triples, well_formed


def mail(
    sender: str,
    date: str,
    identity: str,
    to: str = "all@firm.example",
    answers: str = "",
    more: str = "",
    body: str = "text",
) -> str:
    refs = "".join(f"References: {answers}\nIn-Reply-To: {answers.split()[-1]}\n" for _ in [0] if answers)
    first = f"From {sender.split('<')[-1].strip('>')} Sun Mar 31 00:59:00 2024\n"
    head = f"From: {sender}\nDate: {date}\nMessage-ID: <{identity}>\nTo: {to}\n{refs}{more}"
    return f"{first}{head}\n{body}\n\n"


ANA_, BO_, CY_ = (
    "=?utf-8?q?Ana_=C3=85lm?= <Ana@firm.example>",
    '"Berg, Bo" <bo@firm.example>',
    "cy@firm.example",
)
PARTS = [
    mail(
        ANA_,
        "Sat, 30 Mar 2024 19:59:00 -0500",
        "q1",
        body=">From the start\nFrom here it goes on\n\nfrom: nobody",
    ),
    mail(
        BO_, "Sun, 31 Mar 2024 03:30:00 +0200", "a1", to="ana@firm.example, CY@firm.example", answers="<q1>"
    ),
    mail(CY_, "Sun, 31 Mar 2024 02:00:00 -0000", "a2", to="ana@firm.example", answers="<q1> <a1>"),
    mail(ANA_, "Sun, 31 Mar 2024 03:00:00 GMT", "a3", answers="<q1> <a1>"),  # the opener goes on
    mail(BO_, "Sun, 31 Mar 2024 04:00:00 GMT", "o1", answers="<never-seen>"),  # orphan
    mail(BO_, "Sun, 31 Mar 2024 05:00:00 GMT", "x1", answers="<q1>", more="Auto-Submitted: auto-replied\n"),
    mail("no-reply@firm.example", "Sun, 31 Mar 2024 05:00:00 GMT", "x2", answers="<q1>"),
    mail(BO_, "Sun, 31 Mar 2024 06:00:00 GMT", "x3", answers="<q1>", more="List-Id: <dev.firm.example>\n"),
    mail(
        BO_,
        "Sun, 31 Mar 2024 07:00:00 GMT",
        "x4",
        answers="<q1>",
        to=", ".join(f"p{k}@firm.example" for k in range(11)),
    ),
    mail(BO_, "no date", "x5", answers="<q1>"),
    mail("zoe@else.example", "Sun, 31 Mar 2024 08:00:00 GMT", "z1", answers="<q1>"),
    mail(BO_, "Sun, 31 Mar 2024 03:30:00 +0200", "a1", answers="<q1>"),  # twice
]


def archive(folder: Path, newline: str = "\n") -> Path:
    path = folder / "all.mbox"
    path.write_bytes("".join(PARTS).replace("\n", newline).encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_trap_is_counted(tmp_path: Path, newline: str) -> None:
    records = read_mbox(archive(tmp_path, newline), people=ROSTER)
    well_formed(records)
    assert triples(records) == [("answer", BO, ANA), ("answer", CY, ANA)]
    assert records.events["weight"].tolist() == [0.5, 1.0]
    assert list(records.events["time"]) == [
        pd.Timestamp("2024-03-31T01:30Z"),
        pd.Timestamp("2024-03-31T02:00Z"),
    ]
    assert balance(records)["mails"][0] == 12
    assert {d.reason: d.n for d in records.report.dropped.itertuples() if d.what == "mails"} == {
        "automatic (out of office, notifications ...)": 2, "from a mailing list": 1, "to more than 10 people": 1,
        "no sender or no readable date": 1, "the same mail again": 1, "answers nothing": 1,
        "what it answers is outside the archive": 1, "follows up on oneself": 1,
    }  # fmt: skip
    assert records.report.n_flagged("Date states no zone (read as UTC)") == 1
    assert records.report.n_dropped("teacher or learner is not on the roster") == 1


def test_nothing_of_a_text_is_kept(tmp_path: Path) -> None:
    records = read_mbox(archive(tmp_path))
    kept = (
        records.events.to_csv()
        + records.sessions.to_csv()
        + records.people.to_csv()
        + records.report.summary()
    )
    assert "q1" not in kept
    assert "goes on" not in kept
    assert records.people.loc["ana@firm.example", "name"]


def test_options(tmp_path: Path) -> None:
    path = archive(tmp_path)
    assert ("answer", CY, BO) in triples(read_mbox(path, people=ROSTER, learner="parent"))
    assert len(read_mbox(path, people=ROSTER, lists=True).events) == 3
    assert len(read_mbox(path, people=ROSTER, max_recipients=20).events) == 3
    assert set(read_mbox(path, people=ROSTER, weight="reply").events["weight"]) == {1.0}


def test_maildir_and_eml(tmp_path: Path) -> None:
    want = read_mbox(archive(tmp_path), people=ROSTER).events
    folder = tmp_path / "maildir" / "cur"
    folder.mkdir(parents=True)
    for k, part in enumerate(PARTS):
        (folder / f"{k:03d}.eml").write_text(part.split("\n", 1)[1], encoding="utf-8")
    got = read_mbox(tmp_path / "maildir", people=ROSTER).events
    pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"From \n\n",
        b"From x\n" + b"a" * 100_000,
        bytes(range(256)) * 10,
        "From é\n".encode("utf-16"),
    ],
)
def test_odd_files(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "m.mbox"
    path.write_bytes(raw)
    only_data_errors(lambda: read_mbox(path))
    with pytest.raises(DataError):
        read_mbox(tmp_path / "nowhere.mbox")


@given(st.data())
def test_damaged_mails_raise_data_errors_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("m") / "m.mbox"
    raw = "".join(PARTS).encode()
    at = data.draw(st.integers(0, len(raw) - 1))
    piece = data.draw(
        st.binary(max_size=12)
        | st.sampled_from([b"=?utf-8?b?////?=", b"=?x?q?a?=", b"<", b"\n", b"References: <q1>\n", b"(" * 300])
    )
    path.write_bytes(raw[:at] + piece + raw[at + data.draw(st.integers(0, 30)) :])
    only_data_errors(lambda: read_mbox(path, learner="parent", lists=True))
