"""Course completions: times to UTC, assigned or chosen, first completion, authors from outside."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from peernet.ingest import read_completions

ROSTER = pd.DataFrame(
    {"name": ["Ana Ek", "Bo Alm"], "email": ["ana@x.org", "bo@x.org"]}, index=["001", "002"]
)
HEAD = "User Email,Course ID,Title,Author,Assigned By,Status,Started At,Completed At,Due At,Extra\n"
ROWS = [
    "ana@x.org,C1,<b>SQL</b>,bo@x.org,,completed,2025-01-01T09:00:00Z,2025-01-01T10:00:00+01:00,,x",
    "ANA@x.org,C1,SQL,bo@x.org,,completed,,2025-02-01T10:00:00Z,,x",
    "bo@x.org,C1,SQL,vendor@y.org,ana@x.org,overdue,2025-01-01T09:00:00Z,,2025-03-01,x",
    "zoe@x.org,C1,SQL,,,completed,,2025-02-01T10:00:00Z,,x",
    "bo@x.org,,SQL,,,completed,,2025-02-01T10:00:00Z,,x",
    "bo@x.org,C2,SQL,,,completed,,yesterday,,x",
    "bo@x.org,C3,SQL,,,completed,,,,x",
    "002,C4,SQL,Bo Alm,HR,completed,,2025-02-01T10:00:00Z,,x",
]


def write(folder: Path, rows: list[str], head: str = HEAD) -> Path:
    path = folder / "c.csv"
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_hand_counts(tmp_path: Path) -> None:
    records = read_completions(write(tmp_path, ROWS), people=ROSTER)
    report, table = records.report, records.completions
    assert (report.rows_read, report.rows_used) == (8, 3)
    assert report.rows_dropped == {
        "no person or no course": 1,
        "person is not on the roster": 1,
        "the completion time cannot be read": 1,
        "complete without a completion time": 1,
        "completed the same course before": 1,
    }
    assert report.dropped.set_index("reason")["rows"].to_dict()["completed the same course before"] == (3,)
    assert report.not_read == ("columns 'Extra'",)
    assert table[["person", "item"]].to_numpy().tolist() == [["001", "C1"], ["002", "C1"], ["002", "C4"]]
    assert table["time"].iloc[0] == pd.Timestamp("2025-01-01 09:00", tz="UTC")
    assert table["time"].isna().tolist() == [False, True, False]
    assert table["assigned"].tolist() == [False, True, True]
    assert table["author"].tolist() == ["002", "external:vendor@y.org", "002"]
    assert table["assigned_by"].fillna("").tolist() == ["", "001", "external:HR"]
    assert table["title"].iloc[0] == "SQL"
    assert table["due"].iloc[1] == pd.Timestamp("2025-03-01", tz="UTC")
    assert table["already_known"].isna().all()


@pytest.mark.parametrize(
    ("text", "utc", "doubtful"),
    [
        ("2025-07-01 10:00", "2025-07-01 08:00", 0),
        ("2025-01-01 10:00", "2025-01-01 09:00", 0),
        ("2025-10-26 02:30", "2025-10-26 00:30", 1),  # the hour that comes twice: the first is taken
        ("2025-03-30 02:30", "2025-03-30 01:30", 1),  # the hour that does not exist
    ],
)
def test_local_times_and_the_days_on_which_clocks_change(
    text: str, utc: str, doubtful: int, tmp_path: Path
) -> None:
    path = write(tmp_path, [f"ana@x.org,C1,{text}"], "email,course id,completed at\n")
    records = read_completions(path, people=ROSTER, time_zone="Europe/Berlin")
    assert records.completions["time"].iloc[0] == pd.Timestamp(utc, tz="UTC")
    assert records.report.n_flagged("time lies in the hour that the clocks repeat or skip") == doubtful
    assert records.report.time_zone == "local times of Europe/Berlin"


def test_zone_that_nobody_states_is_said_to_be_assumed(tmp_path: Path) -> None:
    path = write(tmp_path, ["ana@x.org,C1,13/02/2025 4:05 PM"], "email,course id,completed at\n")
    records = read_completions(path, people=ROSTER)
    assert records.completions["time"].iloc[0] == pd.Timestamp("2025-02-13 16:05", tz="UTC")
    assert "assumed" in records.report.time_zone


def test_nothing_said_about_assignment_is_missing_not_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, ["ana@x.org,C1,2025-02-13"], "email,course id,completed at\n")
    assert read_completions(path, people=ROSTER).completions["assigned"].isna().all()
