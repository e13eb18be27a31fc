"""Write an organisation as the files that analysts are handed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets._design import YEAR
from peernet.datasets._people import each
from peernet.datasets._programmes import cost_sheet
from peernet.datasets._traces import COURSES
from peernet.datasets._write_calendar import calendar_ics
from peernet.datasets._write_git import fast_import
from peernet.datasets._write_slack import slack_zip
from peernet.datasets._write_survey import codebook, survey_csv

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["files_of", "write_all"]

_OUTSIDE_AUTHOR = "courses@learning-vendor.example"


def files_of(firm: Organisation) -> dict[str, bytes]:
    """Return every file by name; the same organisation gives the same bytes."""
    return {
        "hr_roster.csv": _roster(firm),
        "survey_qualtrics.csv": survey_csv(firm),
        "codebook.csv": _csv(codebook(firm.design.cap)),
        "slack_export.zip": slack_zip(firm),
        "completions.csv": _completions(firm),
        "calendar.ics": calendar_ics(firm),
        "repository.fast-import": fast_import(firm),
        "mentoring.csv": _mentoring(firm),
        "mixed_groups.csv": _groups(firm),
        "platform_launch.csv": _launches(firm),
        "costs.csv": _csv(cost_sheet()),
        "truth.json": (json.dumps(firm.truth, ensure_ascii=False, indent=1) + "\n").encode(),
    }


def write_all(firm: Organisation, folder: Path) -> Path:
    """Write all files and their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    files = files_of(firm)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    (folder / "SHA256SUMS").write_bytes(sums.encode())
    return folder


def _csv(frame: pd.DataFrame) -> bytes:
    """Return a plain UTF-8 CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows(frame.itertuples(index=False, name=None))
    return out.getvalue().encode()


def _roster(firm: Organisation) -> bytes:
    """Return the roster, one row per person and spell."""
    people, where = firm.people, firm.structure
    units = firm.design.unit_names()
    rows: list[tuple[Any, ...]] = []
    for k, (person, row) in enumerate(people.iterrows()):
        hired = f"{row['start']:%Y-%m-%d}"
        ended = "" if pd.isna(row["end"]) else f"{row['end']:%Y-%m-%d}"
        manager = row["manager"] if isinstance(row["manager"], str) else ""
        spell = (person, row["name"], row["email"], row["role"], row["family"], row["grade"])
        tail = (row["site"], manager, hired, ended)
        if where.moved[k] >= 0:
            moved = pd.Timestamp(YEAR) + pd.Timedelta(days=int(where.moved[k]))
            rows.append((*spell, units[where.old_unit[k]], "", *tail, hired))
            rows.append((*spell, row["unit"], row["team"], *tail, f"{moved:%Y-%m-%d}"))
        else:
            rows.append((*spell, row["unit"], row["team"], *tail, hired))
    columns = [
        "employee_id", "name", "work_email", "job_title", "job_family", "grade", "department", "team", "location",
        "manager_id", "hire_date", "termination_date", "effective_from",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).sort_values(["employee_id", "effective_from"], kind="stable")
    return _csv(frame)


def _completions(firm: Organisation) -> bytes:
    """Return the platform's export."""
    rows, people = firm._completions, firm.people
    mail = people["email"].to_numpy()
    officer = mail[int(np.flatnonzero(firm.structure.grade == 6)[0])]
    out = []
    for row in each(rows):
        code, title, formats = COURSES[row.course]
        author = _OUTSIDE_AUTHOR if code in ("C-B", "C-06") else mail[row.author]
        manager = firm.structure.manager[row.row]
        assigner = officer if code == "C-B" or manager < 0 else mail[manager]
        status = "completed" if row.done else ("overdue" if 0 <= row.due < 365 else "in_progress")
        out.append(
            (
                mail[row.row], code, title, author, "" if row.chosen else assigner, status,
                f"{row.score:.0f}" if row.done else "", _moment(row.begun), _moment(row.day) if row.done else "",
                _day(int(row.due)) if row.due >= 0 else "", f"{row.minutes:.0f}", formats,
            )
        )  # fmt: skip
    columns = [
        "user_email", "course_id", "title", "author", "assigned_by", "status", "score", "started_at", "completed_at",
        "due_at", "minutes", "format",
    ]  # fmt: skip
    frame = pd.DataFrame(out, columns=columns).sort_values(
        ["started_at", "user_email", "course_id"], kind="stable"
    )
    return _csv(frame)


def _mentoring(firm: Organisation) -> bytes:
    """Return the programme's list: all juniors, their mentor if any, performance before and after (0-100)."""
    rows = firm.mentoring
    ids = firm.ids.to_numpy()
    mentor = rows["mentor"].to_numpy()
    frame = pd.DataFrame(
        {
            "employee_id": ids[rows["row"].to_numpy()],
            "mentor_id": np.where(mentor >= 0, ids[mentor], ""),
            "same_trade": np.where(mentor >= 0, rows["matched"].astype(int).astype(str), ""),
            "performance_2024": [f"{v:.0f}" for v in (60 + 10 * rows["before"]).clip(0, 100)],
            "performance_2025": [f"{v:.0f}" for v in (60 + 10 * rows["after"]).clip(0, 100)],
        }
    )
    return _csv(frame.sort_values("employee_id", kind="stable"))


def _groups(firm: Organisation) -> bytes:
    """Return who was drawn into which mixed group, and who was in the draw but stayed out."""
    rows = firm.groups
    group = ["" if g < 0 else f"G{g + 1:02d}" for g in rows["group"]]
    start = [_day(120) if g else "" for g in group]
    frame = pd.DataFrame({"employee_id": rows["person"], "group": group, "start": start})
    return _csv(frame.sort_values("employee_id", kind="stable"))


def _launches(firm: Organisation) -> bytes:
    """Return when each unit got the sharing platform."""
    rows = [(unit, "" if day < 0 else _day(int(day))) for unit, day in firm.launches.items()]
    return _csv(pd.DataFrame(rows, columns=["department", "launch_date"]))


def _day(day: int) -> str:
    """Write a day of the year as an ISO date."""
    return f"{pd.Timestamp(YEAR) + pd.Timedelta(days=day):%Y-%m-%d}"


def _moment(day: float) -> str:
    """Write a day of the year as an ISO time in UTC."""
    return f"{pd.Timestamp(YEAR) + pd.Timedelta(seconds=round(float(day) * 86_400)):%Y-%m-%dT%H:%M:%SZ}"
