"""Records on disk, and `peernet ingest`: whole or not at all, resumed, nothing read twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from peernet import DataError
from peernet.cli import main
from peernet.cli._ingest import guess_kind
from peernet.datasets import sample_dir
from peernet.ingest import load_records, read_completions, read_people, read_slack, save_records
from peernet.records import Records, merge_records

MERIDIAN = sample_dir("meridian")


@pytest.fixture(autouse=True)
def _keys_apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path_factory.mktemp("keys")))


def same(a: Records, b: Records) -> None:
    assert a.tables().keys() == b.tables().keys()
    for name, frame in a.tables().items():
        other = getattr(b, name)
        if name == "people":
            frame, other = frame.sort_index(), other.sort_index()
        pd.testing.assert_frame_equal(frame, other, check_dtype=name != "people", check_index_type=False)
    assert a.roles == b.roles
    assert a.report.summary() == b.report.summary()


@pytest.fixture(scope="module")
def records() -> Records:
    people = read_people(MERIDIAN / "hr_roster.csv")
    return merge_records(
        [
            people,
            read_slack(MERIDIAN / "slack_export.zip", people=people),
            read_completions(MERIDIAN / "completions.csv", people=people),
        ]
    )


def test_there_and_back(tmp_path: Path, records: Records) -> None:
    folder = save_records(records, tmp_path / "r")
    same(records, load_records(folder))
    save_records(Records(people=records.people), folder)  # replaces
    assert len(load_records(folder).events) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r"]


def test_answers_of_mixed_kinds(tmp_path: Path) -> None:
    answers = pd.DataFrame(
        {
            "person": ["a", "a", "b"],
            "wave": "1",
            "question": "q",
            "item": ["x", "y", "x"],
            "value": [1.5, "=cmd()", None],
        }
    ).astype({"value": object})
    got = load_records(save_records(Records(answers=answers), tmp_path / "r")).answers
    assert got["value"].tolist()[:2] == [1.5, "=cmd()"]
    assert got["value"].iloc[2] is None


def test_damage_is_said(tmp_path: Path, records: Records) -> None:
    with pytest.raises(DataError, match="holds no records"):
        load_records(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="holds no records"):
        save_records(records, tmp_path / "mine")
    folder = save_records(records, tmp_path / "r")
    (folder / "events.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="damaged"):
        load_records(folder)
    (folder / "records.json").write_text("{}")
    with pytest.raises(DataError):
        load_records(folder)


def exports(folder: Path) -> Path:
    for name in ("hr_roster.csv", "slack_export.zip", "completions.csv"):
        (folder / name).write_bytes((MERIDIAN / name).read_bytes())
    (folder / "notes.txt").write_text("x")
    return folder


def test_ingest_a_folder(tmp_path: Path, records: Records, capsys: pytest.CaptureFixture[str]) -> None:
    folder = exports(tmp_path)
    assert main(["ingest", str(folder), "--list"]) == 0
    said = capsys.readouterr().out
    assert "slack" in said
    assert "notes.txt: not recognised" in said
    assert main(["ingest", str(folder), "-q"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "records")
    got = load_records(folder / "records")
    key = next(Path(os.environ["PEERNET_KEYS"]).iterdir())
    pd.testing.assert_frame_equal(got.events, records.pseudonymise(key=key).events)
    assert len(got.completions) == len(records.completions)
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent != folder]
    roster = pd.read_csv(MERIDIAN / "hr_roster.csv", dtype=str)
    texts = [*roster["employee_id"], *roster["name"], *roster["work_email"]]
    frames = [pd.read_parquet(p).astype("str") for p in files if p.suffix == ".parquet"]
    assert not any(f.isin(texts).any().any() for f in frames)
    said = "".join(p.read_text() for p in files if p.suffix == ".json")
    assert not [t for t in texts if f'"{t}"' in said or f"'{t}'" in said]


def test_ids_are_kept_only_when_asked(tmp_path: Path, records: Records) -> None:
    folder = exports(tmp_path)
    assert main(["ingest", str(folder), "-q", "--keep-ids"]) == 0
    pd.testing.assert_frame_equal(load_records(folder / "records").events, records.events)
    assert not list(Path(os.environ["PEERNET_KEYS"]).iterdir())
    own = tmp_path.parent / f"{tmp_path.name}.key"
    assert main(["ingest", str(folder), "-q", "--key", str(own)]) == 0
    assert own.stat().st_mode & 0o077 == 0
    assert not len(load_records(folder / "records").aliases)


def test_a_key_beside_the_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = exports(tmp_path)
    assert main(["ingest", str(folder), "--key", str(folder / "key")]) == 2
    assert "the key of the pseudonyms lies inside" in capsys.readouterr().err


def test_errors_of_a_pseudonymous_run_name_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = exports(tmp_path)
    lines = (folder / "hr_roster.csv").read_text(encoding="utf-8").splitlines()
    (folder / "hr_roster.csv").write_text("\n".join([*lines, lines[1].replace("@", "@x.")]), encoding="utf-8")
    person = lines[1].split(",")[0]
    assert main(["ingest", str(folder)]) == 2
    said = capsys.readouterr().err
    assert person not in said and "withheld" in said
    assert main(["ingest", str(folder), "--keep-ids"]) == 2
    assert person in capsys.readouterr().err


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from peernet import ingest

    folder, calls = exports(tmp_path), []
    real = {"slack": read_slack, "completions": read_completions}

    def stop(*_: Any, **__: Any) -> Records:
        raise KeyboardInterrupt

    def counted(kind: str) -> Any:
        def read(*a: Any, **k: Any) -> Records:
            calls.append(kind)
            return real[kind](*a, **k)

        return read

    monkeypatch.setattr(ingest, "read_completions", counted("completions"), raising=False)
    monkeypatch.setattr(ingest, "read_slack", stop, raising=False)
    assert main(["ingest", str(folder), "-q"]) == 130
    assert not (folder / "records").exists()
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".part")]
    monkeypatch.setattr(ingest, "read_slack", counted("slack"), raising=False)
    assert main(["ingest", str(folder)]) == 0
    assert calls == ["completions", "slack"]
    assert "has not changed" in capsys.readouterr().err
    assert main(["ingest", str(folder), "-q"]) == 0
    assert calls == ["completions", "slack"]
    (folder / "completions.csv").write_bytes((MERIDIAN / "completions.csv").read_bytes() + b"\n")
    assert main(["ingest", str(folder), "-q"]) == 0
    assert calls == ["completions", "slack", "completions"]
    assert len(list((folder / ".records.parts").iterdir())) == 3


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(tmp_path / "nowhere")]) == 2
    assert main(["ingest", str(tmp_path)]) == 2
    (tmp_path / "slack_export.zip").write_bytes((MERIDIAN / "slack_export.zip").read_bytes())
    assert main(["ingest", str(tmp_path)]) == 2
    assert "--people" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.mbox", b"", "mbox"),
        ("a.ics", b"", "calendar"),
        ("e.parquet", b"", "events"),
        ("x.zip", b"no", ""),
        ("x.bin", b"", ""),
        ("m.jsonl", json.dumps({"type": "version", "version": 1}).encode(), "mattermost"),
        ("completions_2024.csv", b"", "completions"),
        ("HR_Roster.xlsx", b"", "people"),
    ],
)
def test_kinds_are_told_by_what_is_there(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert guess_kind(tmp_path / name) == kind


KILLED = """
import os, sys
from peernet.cli import main
from peernet.ingest import store
real = store._write
def write(table, path):
    if path.parent.name.startswith(sys.argv[1]) and path.name == "events.parquet":
        path.write_bytes(b"PAR1 half a file")
        os.kill(os.getpid(), 9)
    real(table, path)
store._write = write
main(["ingest", sys.argv[2], "-q", "--keep-ids"])
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_run_leaves_no_half_records(tmp_path: Path, records: Records) -> None:
    folder = exports(tmp_path)
    for where, n_whole in (
        (".slack-", 2),
        (".records.part", 3),
    ):  # inside a source, then inside what is joined
        done = subprocess.run([sys.executable, "-c", KILLED, where, str(folder)], check=False)
        assert done.returncode == -9
        assert not (folder / "records").exists()
        whole = [p.parent for p in (folder / ".records.parts").rglob("records.json")]
        assert len([load_records(p) for p in whole]) == n_whole
    assert main(["ingest", str(folder), "-q", "--keep-ids"]) == 0
    pd.testing.assert_frame_equal(load_records(folder / "records").events, records.events)
    assert not [p for p in folder.rglob("*") if p.name.endswith((".part", ".old"))]
