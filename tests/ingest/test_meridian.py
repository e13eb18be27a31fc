"""Round trip: what the generator wrote is read back exactly, or reported as dropped with the reason."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peernet import Records, datasets
from peernet.ingest import read_completions, read_people, read_qualtrics, read_slack


@pytest.fixture(scope="module")
def firm() -> datasets.Organisation:
    return datasets.make_world("meridian")


@pytest.fixture(scope="module")
def folder(firm: datasets.Organisation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(firm.write(tmp_path_factory.mktemp("meridian")))


@pytest.fixture(scope="module")
def perfect(firm: datasets.Organisation) -> Records:
    return firm.records(as_written=True, events=True)


@pytest.fixture(scope="module")
def people(folder: Path) -> Records:
    return read_people(folder / "hr_roster.csv")


@pytest.fixture(scope="module")
def survey(folder: Path, people: Records) -> Records:
    return read_qualtrics(folder / "survey_qualtrics.csv", codebook=folder / "codebook.csv", people=people)


def test_people(people: Records, perfect: Records) -> None:
    shared = [c for c in ("name", "email", "unit", "site", "manager") if c in perfect.people.columns]
    mine = people.people.loc[perfect.people.index, shared]
    assert len(people.people) == len(perfect.people)
    assert mine.fillna("").astype("str").equals(perfect.people[shared].fillna("").astype("str"))
    key = ["person", "unit"]
    assert set(map(tuple, people.spells[key].to_numpy())) == set(map(tuple, perfect.spells[key].to_numpy()))


def test_who_answered(survey: Records, perfect: Records) -> None:
    mine, theirs = (r.respondents.set_index("person")["status"].sort_index() for r in (survey, perfect))
    assert mine.to_dict() == theirs.to_dict()


def test_names_are_read_back_or_reported(survey: Records, perfect: Records) -> None:
    keys = ["respondent", "named", "relation"]
    mine = set(map(tuple, survey.nominations[keys].to_numpy()))
    theirs = set(map(tuple, perfect.nominations[keys].to_numpy()))
    assert mine <= theirs  # no name was given to the wrong person
    report = survey.report
    lost = len(theirs) - len(mine)
    said = report.n_dropped("fits nobody on the roster") + report.n_dropped("names somebody who objects")
    assert lost <= said
    review = report.unmatched[report.unmatched["suggested"] != ""]
    wrong = review[review["why"] != "several people have this name"]
    names = survey.people["name"]
    assert (wrong["suggested"].map(names) == wrong["suggested_name"]).all()


def test_shares_are_read_back_or_reported(survey: Records, perfect: Records) -> None:
    mine, theirs = survey.shares(), perfect.shares()
    assert np.allclose(mine.sum(axis=1), 100)
    assert set(mine.index) <= set(theirs.index) | set(mine.index)
    both = mine.index.intersection(theirs.index)
    assert len(both) >= 0.95 * len(mine)
    assert (
        np.nanmax(np.abs(mine.loc[both, theirs.columns].to_numpy() - theirs.loc[both].to_numpy())) < 0.6
    )  # as typed
    ledger = survey.report.ledger.set_index("what").loc["learning shares"]
    lost = survey.report.dropped.loc[survey.report.dropped["what"] == "learning shares", "n"].sum()
    assert ledger["read"] - lost == ledger["used"] == len(mine)


def test_chat_is_read_back(folder: Path, people: Records, perfect: Records) -> None:
    mine = read_slack(folder / "slack_export.zip", people=people).events
    theirs = perfect.events

    def keys(frame: pd.DataFrame) -> Counter[tuple[str, str, pd.Timestamp]]:
        return Counter(zip(frame["teacher"], frame["learner"], frame["time"].dt.floor("s"), strict=True))

    assert not keys(theirs) - keys(mine)  # every answer that the public export shows is read
    surplus = keys(mine) - keys(theirs)
    bystanders = Counter()
    public = {row["name"] for row in member(folder, "channels.json")}
    with zipfile.ZipFile(folder / "slack_export.zip") as archive:
        for name in archive.namelist():
            if name.split("/")[0] in public and "/" in name:
                for message in json.loads(archive.read(name)):
                    if message.get("text", "").startswith("Following"):
                        bystanders[pd.Timestamp(int(message["ts"].split(".")[0]), unit="s", tz="UTC")] += 1
    # Replies that teach nothing cannot be told from answers without their text; nothing else is surplus.
    assert Counter(moment for _, _, moment in surplus.elements()) == bystanders


def member(folder: Path, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(folder / "slack_export.zip") as archive:
        found: list[dict[str, str]] = json.loads(archive.read(name))
    return found


def test_completions_are_read_back(folder: Path, people: Records, perfect: Records) -> None:
    mine = read_completions(folder / "completions.csv", people=people).completions
    theirs = perfect.completions
    keys = ["person", "item"]
    both = mine.merge(theirs, on=keys, suffixes=("", "_true"))
    assert len(both) == len(mine) == len(theirs)
    assert (both["time"].isna() == both["time_true"].isna()).all()
    done = both["time"].notna()
    gap = (both.loc[done, "time"] - both.loc[done, "time_true"]).abs()
    assert gap.max() <= pd.Timedelta(seconds=1)
    assert (both["assigned"] == both["assigned_true"]).all()
