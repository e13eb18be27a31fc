"""Rosters: ids stay text, columns are proposed, movers become spells, managers become ids."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError
from peernet.ingest import propose_columns, read_people

TRAPS = (
    "\ufeffEmployee ID;Full Name;Work E-Mail;Department;Manager;Hire Date;Salary;Left\n"
    '00417;"Alm, Bo";BO@X.org;"A;B";;2020-01-01;90000;\n'
    "00418;José  García;jose@x.org;B;bo@x.org;2021-01-01;80000;2025-01-01\n"
    "NA;<b>Eve</b>\u200b;=cmd()@x.org;B;Nobody Known;2022-01-01;1;\n"
    "00420;José García;j2@x.org;C;jose garcia;2022-01-01;1;\n"
    "00421;Ødegård Åse;a@x.org;C;garcía bo alm;2022-01-01;1;\n"
    "00421;Ødegård Åse;a@x.org;C;garcía bo alm;2022-01-01;1;\n"
)


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(TRAPS, encoding="utf-8")
    return path


def test_hand_counts(traps: Path) -> None:
    records = read_people(traps)
    report, people = records.report, records.people
    assert (report.rows_read, report.rows_used) == (6, 5)
    assert report.rows_dropped == {"copy of another row": 1}
    assert report.dropped["rows"].iloc[0] == (7,)
    assert report.n_flagged("markup or invisible characters removed") == 1
    assert report.n_flagged("a cell looks like a formula (kept as text, guarded in every export)") == 1
    assert report.n_flagged("manager fits nobody on the roster (left empty)") == 3
    assert report.not_read == ("columns that look sensitive: 'Salary' (keep= reads them)",)
    assert list(people.index) == ["00417", "00418", "NA", "00420", "00421"]
    assert people.at["NA", "name"] == "Eve"
    assert people.at["00418", "name"] == "José García"
    assert people.at["00417", "unit"] == "A;B"
    assert people.at["00417", "email"] == "bo@x.org"
    assert people.at["00418", "manager"] == "00417"
    assert people.loc[["00417", "NA", "00420", "00421"], "manager"].isna().all()
    assert people.at["00418", "end"] == pd.Timestamp("2025-01-01", tz="UTC")
    assert len(report.files) == 1 and len(report.files["sha256"].iloc[0]) == 64
    assert "salary" not in " ".join(people.columns).lower()


def test_two_people_of_one_name_are_both_suggested_and_neither_is_applied(traps: Path) -> None:
    review = read_people(traps).report.unmatched
    both = review[review["given"] == "jose garcia"]
    assert sorted(both["suggested"]) == ["00418", "00420"]
    assert set(both["why"]) == {"several people have this name"}
    assert (review["person"] == "").all()


def test_kept_on_request(traps: Path) -> None:
    assert read_people(traps, keep=["Salary"]).people.at["00417", "Salary"] == "90000"


def test_mapping_is_proposed_by_heading_and_guesses_are_not_applied(tmp_path: Path) -> None:
    proposed = propose_columns(
        ["Pers.Nr.", "Nom complet", "Departmentt", "work_email", "Location"]
    ).set_index("column")
    assert proposed.loc["work_email"].tolist() == ["email", "heading"]
    assert proposed.loc["Pers.Nr."].tolist() == ["person", "heading"]
    assert proposed.loc["Departmentt"].tolist() == ["unit", "similar heading"]
    path = tmp_path / "r.csv"
    path.write_text("Key,Departmentt\n1,A\n", encoding="utf-8")
    with pytest.raises(DataError, match="Pass columns="):
        read_people(path)
    people = read_people(path, columns={"person": "Key"}).people
    assert list(people.columns) == ["Departmentt"]
    assert read_people(path, columns={"person": "Key", "unit": "Departmentt"}).people.at["1", "unit"] == "A"
    with pytest.raises(ValueError, match="no field 'unti'"):
        read_people(path, columns={"unti": "Departmentt"})
    with pytest.raises(DataError, match="Did you mean 'Key'"):
        read_people(path, columns={"person": "Kye"})


def spells(tmp_path: Path, text: str) -> pd.DataFrame:
    path = tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    records = read_people(path)
    out = records.spells
    assert records.people.index.is_unique
    return out.assign(start=out["start"].dt.strftime("%Y-%m-%d"), end=out["end"].dt.strftime("%Y-%m-%d"))


def test_movers_by_effective_date(tmp_path: Path) -> None:
    text = "id,unit,hire_date,termination_date,effective_from\n1,A,2020-01-01,,2020-01-01\n"
    text += "1,B,2020-01-01,2025-03-01,2024-05-01\n2,A,2021-01-01,,\n"
    table = spells(tmp_path, text)
    assert table.fillna("").to_numpy().tolist() == [
        ["1", "2020-01-01", "2024-05-01", "A"],
        ["1", "2024-05-01", "2025-03-01", "B"],
        ["2", "2021-01-01", "", "A"],
    ]


@pytest.mark.parametrize(("until", "end"), [("2024-04-30", "2024-05-01"), ("2024-05-01", "2024-05-01")])
def test_last_day_or_day_after(until: str, end: str, tmp_path: Path) -> None:
    table = spells(
        tmp_path, f"id,unit,effective_from,effective_to\n1,A,2020-01-01,{until}\n1,B,2024-05-01,\n"
    )
    assert table["end"].iloc[0] == end


def test_snapshots_are_folded(tmp_path: Path) -> None:
    rows = [("2024-01-01", "A"), ("2024-02-01", "A"), ("2024-03-01", "B"), ("2024-04-01", "A")]
    table = spells(tmp_path, "id,unit,snapshot\n" + "".join(f"1,{u},{d}\n" for d, u in rows))
    assert table.fillna("").to_numpy().tolist() == [
        ["1", "2024-01-01", "2024-03-01", "A"],
        ["1", "2024-03-01", "2024-04-01", "B"],
        ["1", "2024-04-01", "", "A"],
    ]


def test_several_heads_and_a_cycle_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("id,manager_id\n1,\n2,1\n3,\n4,5\n5,4\n", encoding="utf-8")
    report = read_people(path).report
    assert "the manager tree has 2 heads and 2 levels" in report.notes
    assert report.n_flagged("manages themselves over others (the manager tree has a cycle)") == 2


def test_excel_keeps_leading_zeros(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["employee_id", "name", "hire_date", "grade"])
    sheet.append(["00417", "Bo", pd.Timestamp("2020-02-03").to_pydatetime(), 3])
    sheet.append([418, "Cy", None, 4])
    sheet["A3"].number_format = "00000"
    book.save(tmp_path / "r.xlsx")
    people = read_people(tmp_path / "r.xlsx").people
    assert list(people.index) == ["00417", "00418"]
    assert people.at["00417", "start"] == pd.Timestamp("2020-02-03", tz="UTC")
    assert people.at["00417", "grade"] == "3"
