"""Errors about pseudonymous data name nobody and keep headings readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from peernet import DataError, Study
from peernet.cli import main
from peernet.ingest import read_people
from peernet.records._redacting import without_ids

NAMES = ["May", "Grace Hill", "Will Art", "Trust", "Ana María Ruiz"]
ROSTER = "person_id,name,email,unit\n" + "".join(
    f"{100 + i},{name},p{i}@x.com,A\n" for i, name in enumerate(NAMES)
)
BOOK = (
    "column,kind,relation,respondent_is,slot,question,low,high,person,cut\nID,person,,,,,,,,\n"
    "May we use it?,consent,,,,,,,,\nTrust,likert,,,,trust,1,7,,\nAsk Grace Hill,rating,,,,gh,1,100,,\n"
    "Will Art,roster,r,learner,,,,,102,1\n"
)
HEAD = "ID,May we use it?,Trust,Ask Grace Hill,Will Art\n"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "keys"))
    (tmp_path / "pilot" / "data").mkdir(parents=True)
    return tmp_path / "pilot"


def said(folder: Path, *, roster: str = ROSTER, survey: str = "", options: str = "") -> str:
    """Open a study with these files and return what the refusal says."""
    text = '[study]\ntitle = "S"\n[sources]\nallowed = ["people", "survey"]\n'
    text += f'[[source]]\nkind = "people"\nfile = "data/r.csv"\n{options}'
    (folder / "data" / "r.csv").write_text(roster, encoding="utf-8")
    if survey:
        (folder / "data" / "s.csv").write_text(survey, encoding="utf-8")
        (folder / "data" / "c.csv").write_text(BOOK, encoding="utf-8")
        text += '[[source]]\nkind = "survey"\nfile = "data/s.csv"\ncodebook = "data/c.csv"\n'
    (folder / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        _ = Study.open(folder).records
    return str(caught.value)


def test_a_heading_with_a_word_that_is_a_name_stays(study: Path) -> None:
    text = said(study, survey=HEAD + "100,perhaps,3,1,0\n101,yes,4,4,0\n")
    assert text.startswith("column May we use it?: row 2: [withheld] are neither yes nor no.")


def test_headings_that_are_a_person_go(study: Path) -> None:
    text = said(study, survey="ID,May we use,Trust me,Grace Hill,Art\n100,yes,3,1,0\n")
    assert "('May we use it?', 'Trust', 'Ask [withheld]', '[withheld]')" in text
    assert "Row 1 reads: ID, May we use, Trust me, [withheld], Art." in text


def test_where_the_header_row_is_missing_the_first_row_is_data(study: Path) -> None:
    text = said(study, survey="May,yes,3,1,0\n101,yes,4,4,0\n")
    assert "Row 1 reads: [withheld], yes, 3, 1, 0." in text
    text = said(study, roster=ROSTER.split("\n", 1)[1])
    assert "row 1 reads: [withheld], [withheld], [withheld], [withheld])" in text
    assert not [w for w in ("100", "May", "@") if w in text]


def test_the_roster_itself(study: Path) -> None:
    text = said(study, options='columns = {unit = "Abteilung"}\n')
    assert text == "r.csv has no column 'Abteilung'. Columns: person_id, name, email, unit."
    assert "'unit'" not in said(
        study, roster=ROSTER + "unit,x,y,A\nunit,z,y,B\n"
    )  # an id that is called like a column
    text = said(study, roster=ROSTER.replace("person_id", "Kennung"))
    assert "row 1 reads: Kennung, name, email, unit" in text


def test_people_in_lists_go_whatever_the_headings_are(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(ROSTER, encoding="utf-8")
    people = read_people(tmp_path / "r.csv")
    (tmp_path / "s.csv").write_text(HEAD, encoding="utf-8")
    message = "2 ids (rows 3, 4: 'Trust', 'Ana María Ruiz'); column Trust; 101 and May wrote to p2@x.com"
    assert without_ids(message, people, file=tmp_path / "s.csv") == (
        "2 ids (rows 3, 4: [withheld]); column [withheld]; [withheld] and [withheld] wrote to [withheld]"
    )
    # without a codebook the heading Trust may be the person


def test_ingest_without_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "keys"))
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "people.csv").write_text("100,Grace Hill,g@x.com,A\n101,Bo Ek,b@x.com,A\n", encoding="utf-8")
    assert main(["ingest", str(folder), "-q"]) != 0
    shown = capsys.readouterr()
    assert not [w for w in ("Grace", "g@x.com") if w in shown.err + shown.out]
