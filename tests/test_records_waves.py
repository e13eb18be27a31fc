"""Waves with a roster each: who came, who left, who moved, and in which unit people were then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError, PeerNetwork, Records, Study, privacy
from peernet.cli import main
from peernet.ingest import load_records, read_edge_list, read_people
from peernet.records import changes_between

# Wave 1: e0-e5; wave 2: e0 has left, e6 has come, e1 has gone from A to B, e2 has another manager.
ONE = "person_id,name,email,unit,manager\n" + "".join(
    f"e{i},Ann B{i},a{i}@x.com,{'A' if i < 3 else 'B'},e5\n" for i in range(6)
)
TWO = "person_id,name,email,unit,manager\n" + "".join(
    f"e{i},Ann B{i},a{i}@x.com,{'A' if i == 2 else 'B'},{'e3' if i == 2 else 'e5'}\n" for i in range(1, 7)
)
# kept 1>2; lost 2>3; with a leaver 0>1; gained 3>4; with a joiner 6>1
TIES = {"1": "e1,e2\ne2,e3\ne0,e1\n", "2": "e1,e2\ne3,e4\ne6,e1\n"}
EXPECTED = {
    "joiners": 1, "leavers": 1, "movers": 1, "answered_both": 5, "kept": 1, "gained": 1, "lost": 1, "stability": 1 / 3,
    "gained_with_joiners": 1, "lost_with_leavers": 1, "not_comparable": 0,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "keys"))
    where = tmp_path / "waves"
    (where / "data").mkdir(parents=True)
    for wave, text in (("1", ONE), ("2", TWO)):
        (where / "data" / f"roster{wave}.csv").write_text(text, encoding="utf-8")
        # everybody answers: a row for each, to nobody where there is no tie
        ids = [line.split(",")[0] for line in text.splitlines()[1:]]
        (where / "data" / f"ties{wave}.csv").write_text("respondent,named\n" + TIES[wave], encoding="utf-8")
        (where / "data" / f"answered{wave}.csv").write_text("\n".join(ids), encoding="utf-8")
    return where


def toml(*, waves: bool, pseudonymise: bool = True) -> str:
    text = '[study]\ntitle = "Waves"\n[sources]\nallowed = ["people", "survey"]\n'
    text += "" if pseudonymise else "[privacy]\npseudonymise = false\n"
    for wave in ("1", "2"):
        text += f'[[source]]\nkind = "people"\nfile = "data/roster{wave}.csv"\n'
        text += f'wave = "{wave}"\n' if waves else ""
    for wave in ("1", "2"):
        text += (
            f'[[source]]\nkind = "edge_list"\nfile = "data/ties{wave}.csv"\nwave = "{wave}"\nrelation = "r"\n'
        )
        text += 'respondent_is = "learner"\n'
    return text


def answered(records: Records) -> Records:
    """Everybody who was there answers: an edge list alone cannot say who named nobody."""
    asked = records.respondents
    return replace(records, respondents=asked.assign(status=asked["status"].replace("silent", "answered")))


def by_hand(folder: Path) -> Records:
    parts = []
    for wave in ("1", "2"):
        people = read_people(folder / "data" / f"roster{wave}.csv")
        ties = folder / "data" / f"ties{wave}.csv"
        parts += [
            people,
            read_edge_list(ties, relation="r", respondent_is="learner", people=people, wave=wave),
        ]
    return parts[0].merge(*parts[1:])


def check(records: Records, name: dict[str, str]) -> None:
    row = changes_between(answered(records), "1", "2").iloc[0]
    assert {k: row[k] for k in EXPECTED} == pytest.approx(EXPECTED)
    first, second = records.roster("1"), records.roster("2")
    assert set(first.index) == {name[f"e{i}"] for i in range(6)}
    assert set(second.index) == {name[f"e{i}"] for i in range(1, 7)}
    assert (first.at[name["e1"], "unit"], second.at[name["e1"], "unit"]) == ("A", "B")
    assert (first.at[name["e2"], "manager"], second.at[name["e2"], "manager"]) == (name["e5"], name["e3"])
    assert len(records.people) == 7 and records.people.at[name["e1"], "unit"] == "B"  # the latest
    assert records.people.at[name["e0"], "unit"] == "A"
    nets = [records.network(relation="r", wave=w) for w in ("1", "2")]
    assert [n.n_people for n in nets] == [6, 6] and [n.n_ties for n in nets] == [3, 3]
    assert [n.people.at[name["e1"], "unit"] for n in nets] == ["A", "B"]
    assert any("2 waves have rosters of their own" in n for n in records.report.notes)


def test_two_rosters_read_by_hand(folder: Path) -> None:
    records = by_hand(folder)
    check(records, {f"e{i}": f"e{i}" for i in range(7)})
    assert "name" in records.roster("1").columns and "name" not in records.rosters.columns
    with pytest.raises(DataError, match=r"no wave '3'\. Waves: 1, 2"):
        records.roster("3")
    pd.testing.assert_frame_equal(records.roster(), records.people)
    # a third wave with the roster of the second, joined later, in any order
    people = read_people(folder / "data" / "roster2.csv")
    ties = folder / "data" / "ties2.csv"
    third = read_edge_list(ties, relation="r", respondent_is="learner", people=people, wave="3")
    for joined in (records.merge(third), third.merge(records)):
        assert set(joined.roster("3").index) == set(joined.roster("2").index)
        later = changes_between(answered(joined), "2", "3").iloc[0]
        assert (later["joiners"], later["leavers"], later["movers"], later["stability"]) == (0, 0, 0, 1)
        assert changes_between(answered(joined), "1", "3").iloc[0]["movers"] == 1


@pytest.mark.parametrize("pseudonymise", [True, False])
def test_two_rosters_in_a_study(folder: Path, pseudonymise: bool) -> None:
    (folder / "study.toml").write_text(toml(waves=True, pseudonymise=pseudonymise), encoding="utf-8")
    pilot = Study.open(folder)
    mark = {
        f"e{i}": privacy.pseudonym(f"e{i}", key=pilot.key()) if pseudonymise else f"e{i}" for i in range(7)
    }
    records = pilot.records
    check(records, mark)
    assert isinstance(pilot.network(relation="r", wave="1"), PeerNetwork)
    if pseudonymise:
        text = records.rosters.to_csv() + records.people.to_csv()
        assert not [w for w in ("Ann", "@", "e0", "e6") if w in text]
    gone = pilot.erase("e1")
    assert not gone.rosters.isin([mark["e1"]]).any(axis=None) and len(gone.rosters) == 10


def test_ingest_keeps_the_rosters(folder: Path) -> None:
    (folder / "study.toml").write_text(toml(waves=True), encoding="utf-8")
    assert main(["ingest", str(folder), "-q"]) == 0
    kept = load_records(folder / "records")
    check(kept, {f"e{i}": privacy.pseudonym(f"e{i}", key=Study.open(folder).key()) for i in range(7)})


def test_a_study_does_not_guess_whose_roster_it_is(folder: Path) -> None:
    (folder / "study.toml").write_text(toml(waves=False), encoding="utf-8")
    with pytest.raises(DataError, match=r'which roster is whose.*wave = "1" under its'):
        _ = Study.open(folder).records
    wrong = toml(waves=True).replace('roster2.csv"\nwave = "2"', 'roster2.csv"\nwave = "3"')
    (folder / "study.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(DataError, match=r"a survey is of wave '2' and no roster is \(they are of '1', '3'\)"):
        _ = Study.open(folder).records
    # one roster for both, or the same twice, needs no word
    (folder / "data" / "roster2.csv").write_text(ONE + "e6,Ann B6,a6@x.com,B,e5\n", encoding="utf-8")
    (folder / "data" / "roster1.csv").write_text(ONE + "e6,Ann B6,a6@x.com,B,e5\n", encoding="utf-8")
    (folder / "study.toml").write_text(toml(waves=False), encoding="utf-8")
    records = Study.open(folder).records
    assert not len(records.rosters)
    assert changes_between(records, "1", "2").iloc[0][["joiners", "leavers", "movers"]].tolist() == [0, 0, 0]


def test_movers_with_one_dated_roster(tmp_path: Path) -> None:
    roster = "person_id,unit,effective_from\n" + "".join(f"e{i},A,2024-01-01\n" for i in range(3))
    (tmp_path / "r.csv").write_text(roster + "e1,B,2025-01-01\n", encoding="utf-8")
    people = read_people(tmp_path / "r.csv")
    parts = []
    for wave, day in (("1", "2024-06-01"), ("2", "2025-06-01")):
        (tmp_path / "t.csv").write_text("respondent,named\ne0,e1\n", encoding="utf-8")
        part = read_edge_list(
            tmp_path / "t.csv", relation="r", respondent_is="learner", people=people, wave=wave
        )
        asked = part.respondents.assign(finished=pd.Timestamp(day, tz="UTC").as_unit("us"))
        parts.append(replace(part, respondents=asked))
    records = people.merge(*parts)
    assert not len(records.rosters)
    assert changes_between(records, "1", "2").iloc[0]["movers"] == 1
