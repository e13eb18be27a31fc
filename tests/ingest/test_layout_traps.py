"""Traps in rosters, grids and surveys that once passed without a word."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError, privacy
from peernet.ingest import icc, read_people, read_roster_grid, read_survey

ROSTER = pd.DataFrame(
    {"name": ["Ann Lee", "Ann Lee", "Bo Alm"], "unit": ["A", "A", "B"]}, index=["1", "2", "3"]
)
BOOK = pd.DataFrame(
    [
        {"column": "id", "kind": "person"},
        {"column": "n", "kind": "nomination", "relation": "l", "respondent_is": "learner", "slot": "1"},
        {"column": "c", "kind": "consent"},
    ]
)


def put(folder: Path, text: str) -> Path:
    path = folder / "f.csv"
    path.write_text(text, encoding="utf-8")
    return path


def told(report: object) -> str:
    return str(report.summary())  # type: ignore[attr-defined]


def test_a_row_without_answers_is_no_answer(tmp_path: Path) -> None:
    records = read_survey(put(tmp_path, "id,n,c\n1,3,yes\n2,,\n3,,yes\n1,,\n"), BOOK, people=ROSTER)
    assert records.respondents["status"].tolist() == ["answered", "silent", "answered"]
    assert records.report.rows_dropped == {"every answer is empty: did not answer": 2}
    assert len(records.nominations) == 1  # the empty second row of 1 does not take the first away


def test_a_survey_without_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a header and no answers"):
        read_survey(put(tmp_path, "id,n,c\n"), BOOK, people=ROSTER)


def test_missing_from_later_snapshots(tmp_path: Path) -> None:
    rows = "1,A,2025-01-31\n1,A,2025-02-28\n1,B,2025-03-31\n2,A,2025-01-31\n3,A,2025-01-31\n3,A,2025-03-31\n"
    records = read_people(put(tmp_path, "person_id,unit,snapshot_date\n" + rows))
    dated = records.spells.assign(**{c: records.spells[c].dt.strftime("%m-%d") for c in ("start", "end")})
    assert dated.fillna("")[["person", "start", "end", "unit"]].to_numpy().tolist() == [
        ["1", "01-31", "03-31", "A"],
        ["1", "03-31", "", "B"],
        ["2", "01-31", "02-28", "A"],
        ["3", "01-31", "02-28", "A"],
        ["3", "03-31", "", "A"],
    ]
    assert records.people["end"].notna().tolist() == [False, True, False]
    assert "not in the next snapshot" in told(records.report)


def test_dates_turned_round_and_shared_mail_are_told(tmp_path: Path) -> None:
    rows = "1,a@x.com,2025-05-01,2024-01-01\n2,a@x.com,2020-01-01,\n3,b@x.com,2020-01-01,2021-01-01\n"
    text = told(read_people(put(tmp_path, "person_id,email,start_date,end_date\n" + rows)).report)
    assert "end lies before start: that covers no time" in text and "shares an e-mail" in text


def test_missing_codes_in_a_grid_are_no_ties(tmp_path: Path) -> None:
    path = put(tmp_path, "id,1,2,3\n1,,4,99\n2,-1,,3\n3,0,0,\n")
    records = read_roster_grid(path, people=ROSTER, relation="l", respondent_is="learner", cut=3)
    assert records.nominations[["respondent", "named"]].to_numpy().tolist() == [["1", "2"], ["2", "3"]]
    assert "a missing code or a negative number" in told(records.report)
    path = put(tmp_path, "id,1,2,3\n1,,40,99\n")
    wide = read_roster_grid(path, people=ROSTER, relation="l", respondent_is="learner", cut=3)
    assert wide.nominations["weight"].tolist() == [40, 99]
    with pytest.raises(DataError, match=r"2 people are called 'Ann Lee' \('1', '2'\)"):
        read_roster_grid(
            put(tmp_path, "id,Ann Lee\n1,1\n"), people=ROSTER, relation="l", respondent_is="learner"
        )


def test_icc_of_nobody() -> None:
    with pytest.raises(DataError, match="none of the 2 people"):
        icc(pd.Series([1.0, 2.0], index=["a", "b"]), pd.Series(["x", "y"], index=["c", "d"]))


def test_dates_of_slices_may_be_words() -> None:
    frame = pd.DataFrame({"u": ["A"] * 12, "d": pd.to_datetime(["2025-01-01"] * 6 + ["2025-03-01"] * 6)})
    words = privacy.suppress_slices(frame, {"u": ["u"]}, since="d", dates=["2025-02-01", "2025-04-01"])
    times = [pd.Timestamp("2025-02-01"), pd.Timestamp("2025-04-01")]
    same = privacy.suppress_slices(frame, {"u": ["u"]}, since="d", dates=times)
    assert words.keys() == same.keys()
    assert all((words[k].to_numpy() == same[k].to_numpy()).all() for k in words)
    with pytest.raises(DataError, match="cannot be compared"):
        privacy.suppress_slices(frame, {"u": ["u"]}, since="d", dates=["soon"])


def test_words_for_nobody_are_no_names(tmp_path: Path) -> None:
    records = read_survey(
        put(tmp_path, "id,n,c\n1,Niemand,yes\n2,n/a,yes\n3,Zed Who,yes\n"), BOOK, people=ROSTER
    )
    assert records.report.unmatched["given"].unique().tolist() == ["Zed Who"]
    assert "a word for nobody is typed in" in told(records.report)
    assert records.respondents["status"].tolist() == ["answered"] * 3


def test_several_choices_in_one_cell_are_no_number(tmp_path: Path) -> None:
    """With numeric values Qualtrics writes two ticks as 1,3: a decimal comma would make 1.3 of them."""
    people = pd.DataFrame(index=["a", "b", "c", "d"])
    rows = [{"column": "ID", "kind": "person"}]
    rows += [{"column": "C", "kind": "choice", "question": "media", "labels": "1=chat|2=mail|3=phone"}]
    (tmp_path / "s.csv").write_text('ID,C\na,"1,3"\nb,Mail\nc,7\nd,3\n', encoding="utf-8")
    records = read_survey(tmp_path / "s.csv", pd.DataFrame(rows), people=people)
    assert records.answers[["person", "value"]].to_numpy().tolist() == [["b", 2.0], ["d", 3.0]]
    assert records.report.n_dropped("several choices in one cell, or none of the known ones") == 2


def test_lists_of_names_are_split_at_commas_only_between_people(tmp_path: Path) -> None:
    """Qualtrics joins several choices by commas; a comma within a name is not a border."""
    people = pd.DataFrame({"name": ["Ana Ek", "Bo Alm", "Cy Fox", "Dee, Jr."]}, index=["a", "b", "c", "d"])
    rows = [{"column": "ID", "kind": "person"}]
    rows += [{"column": "N", "kind": "nomination_list", "relation": "r", "respondent_is": "learner"}]
    (tmp_path / "s.csv").write_text(
        'ID,N\na,"Bo Alm,Cy Fox"\nb,"Dee, Jr.,Zed Who"\nc,"Dee, Jr."\nd,Ana Ek;Bo Alm\n', encoding="utf-8"
    )
    records = read_survey(tmp_path / "s.csv", pd.DataFrame(rows), people=people)
    given = records.nominations[["respondent", "named"]].to_numpy().tolist()
    assert given == [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"], ["d", "a"], ["d", "b"]]
    assert records.report.unmatched["given"].tolist() == ["Zed Who"]
