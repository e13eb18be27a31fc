"""Codebook drafts propose and quote; nothing is read before somebody confirms who teaches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError
from peernet.ingest import (
    Codebook,
    confirm_directions,
    draft_codebook,
    read_people,
    read_qualtrics,
    read_survey,
)

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "meridian"
TEXT = (
    "id,From whom did you learn most? 1,From whom did you learn most? 2,Who comes to you to learn? 1,"
    "Percentage learned from [Colleagues],Percentage learned from [Courses],I ask for help,Remarks\n"
    "001,Bo Alm,,Bo Alm,60,40,5,none\n002,Ana Ek,,,50,50,7,\n"
)
ROSTER = pd.DataFrame({"name": ["Ana Ek", "Bo Alm"]}, index=["001", "002"])


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    path = tmp_path / "s.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_draft_of_a_plain_file(survey: Path) -> None:
    draft = draft_codebook(survey).set_index("column")
    learn = draft.loc["From whom did you learn most? 2"]
    assert learn[["kind", "slot", "respondent_is", "proposed_respondent_is", "because"]].tolist() == [
        "nomination",
        "2",
        "",
        "learner",
        "From whom",
    ]
    comes = draft.loc["Who comes to you to learn? 1"]
    assert comes[["proposed_respondent_is", "because"]].tolist() == ["teacher", "Who comes to you"]
    assert draft["source"].loc[
        ["Percentage learned from [Colleagues]", "Percentage learned from [Courses]"]
    ].tolist() == ["peers", "courses"]
    assert draft.at["I ask for help", "kind"] == "likert" and draft.at["I ask for help", "high"] == "7"


def test_a_draft_is_refused_until_the_direction_is_confirmed(survey: Path, tmp_path: Path) -> None:
    draft = draft_codebook(survey, to=tmp_path / "codebook.csv")
    draft.loc[draft["column"] == "id", "kind"] = "person"
    said = r"nobody has confirmed who teaches in relation 'from_whom_did_you_learn_most'.* Proposed: 'learner', because"
    for book in (draft, tmp_path / "codebook.csv"):
        with pytest.raises(DataError, match=said):
            read_survey(survey, book, people=ROSTER)
    roles = {"from_whom_did_you_learn_most": "learner", "who_comes_to_you_to_learn": "teacher"}
    confirmed = confirm_directions(draft, roles)
    assert (draft["respondent_is"] == "").all()
    records = read_survey(survey, confirmed, people=ROSTER)
    assert records.roles == roles
    assert records.shares().loc["001"].tolist() == [60, 40]
    with pytest.raises(DataError, match=r"codebook.csv exists already"):
        draft_codebook(survey, to=tmp_path / "codebook.csv")
    with pytest.raises(DataError, match="no relation 'form_whom'"):
        confirm_directions(draft, {"form_whom": "learner"})
    with pytest.raises(ValueError, match="direction must be one of"):
        confirm_directions(draft, {"who_comes_to_you_to_learn": "both"})  # type: ignore[dict-item]


def test_draft_of_the_sample_reads_it_like_its_own_codebook() -> None:
    draft = draft_codebook(SAMPLE / "survey_qualtrics.csv")
    kinds = draft.set_index("column")["kind"]
    assert kinds[["ExternalReference", "RecipientEmail", "IPAddress", "Q1_1", "Q2_5", "Q3_1"]].tolist() == [
        "person",
        "email",
        "skip",
        "nomination",
        "nomination",
        "learning_share",
    ]
    proposed = draft[draft["kind"] == "nomination"].groupby("relation")["proposed_respondent_is"].first()
    assert proposed["q1"] == "learner" and proposed["q2"] == "teacher"
    people = read_people(SAMPLE / "hr_roster.csv")
    book = draft[
        draft["relation"].isin(["q1", "q2"]) | draft["kind"].isin(["person", "email", "learning_share"])
    ]
    book = confirm_directions(book, {"q1": "learner", "q2": "teacher"})
    own = read_qualtrics(SAMPLE / "survey_qualtrics.csv", codebook=SAMPLE / "codebook.csv", people=people)
    drafted = read_qualtrics(SAMPLE / "survey_qualtrics.csv", codebook=book, people=people)
    keep = ["respondent", "named"]
    objected = set(own.respondents.loc[own.respondents["status"] == "objected", "person"])
    mine = drafted.nominations[~drafted.nominations[keep].isin(objected).any(axis=1)]
    assert sorted(map(tuple, mine[keep].to_numpy())) == sorted(map(tuple, own.nominations[keep].to_numpy()))
    assert set(drafted.shares().columns) == set(own.shares().columns)


def test_the_codebook_of_the_instrument_kit_is_confirmed(project_root: Path) -> None:
    book = Codebook.read(project_root / "docs" / "instruments" / "codebook.csv")
    assert book.roles == {"learn_from": "learner", "comes_to_me": "teacher"}
    text = (project_root / "docs" / "instruments" / "questionnaire.md").read_text(encoding="utf-8")
    stems = {c.split("_")[0].rstrip("abc") for c in book.table["column"] if c.startswith("Q")}
    assert not [stem for stem in stems if f"`{stem}" not in text]
