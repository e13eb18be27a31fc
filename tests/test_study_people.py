"""People in a study: objections, erasure and locks hold on every path."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from peernet import DataError, Records, Study, privacy, silos
from peernet.cli import main
from peernet.errors import PermissionLocked
from peernet.ingest import load_records, save_records
from peernet.records import merge_records, purge
from peernet.records._people import ids_in

ROSTER = "person_id,name,email,unit\n" + "".join(
    f"e{i:02},Ann B{i},a{i}@x.com,{'A' if i < 6 else 'B'}\n" for i in range(12)
)
COURSES = "employee_id,course_id,title,author,completed_at\n" + "".join(
    f"e{i:02},c1,Course,e07,2025-01-{i + 1:02}\n" for i in range(12)
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "keys"))
    folder = tmp_path / "small"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "hr_roster.csv").write_text(ROSTER, encoding="utf-8")
    (folder / "data" / "completions.csv").write_text(COURSES, encoding="utf-8")
    (folder / "data" / "ties.csv").write_text(
        "respondent,named\n" + "".join(f"e{i:02},e{(i + 1) % 12:02}\n" for i in range(12)), encoding="utf-8"
    )
    (folder / "study.toml").write_text(
        '[study]\ntitle = "Small"\n[sources]\nallowed = ["people", "edge_list", "completions"]\n'
        '[[source]]\nkind = "people"\nfile = "data/hr_roster.csv"\n'
        '[[source]]\nkind = "completions"\nfile = "data/completions.csv"\n'
        '[[source]]\nkind = "edge_list"\nfile = "data/ties.csv"\nrelation = "l"\nrespondent_is = "learner"\n',
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize("entry", ["e07", "a7@x.com", "A7@X.com", "Ann B7"])
def test_an_author_who_objects_takes_nobody_elses_courses_along(study: Path, entry: str) -> None:
    (study / "objections.csv").write_text(f"person\n{entry}\n", encoding="utf-8")
    pilot = Study.open(study)
    mark = privacy.pseudonym("e07", key=pilot.key())
    records = pilot.records
    done = records.completions
    assert len(done) == 11 and done["author"].isna().all() and mark not in set(done["person"])
    assert records.respondents.set_index("person").at[mark, "status"] == "objected"
    assert not records.nominations.isin([mark]).any().any() and mark in records.people.index
    assert any("1 people object: 3 rows" in n for n in records.report.notes)  # one course, two ties


def test_objectors_who_are_nobody_are_refused(study: Path) -> None:
    (study / "objections.csv").write_text("person\ne03\nE007\n\nzzz\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"2 people in it are nobody .*rows 3, 5") as error:
        Study.open(study).read()
    assert "zzz" not in str(error.value)
    (study / "objections.csv").write_text("", encoding="utf-8")
    assert len(Study.open(study).records.completions) == 12


def test_the_lock_is_not_lost_on_the_way_to_a_network(study: Path, tmp_path: Path) -> None:
    records = Study.open(study).records
    save_records(records, tmp_path / "kept")
    for kept in (
        records,
        load_records(tmp_path / "kept"),
        merge_records([Records(), records]),
        records.erase(records.people.index[0]),
    ):
        assert kept.permissions == Study.open(study).permissions
        with pytest.raises(PermissionLocked, match="the study 'Small' does not allow it"):
            silos.constraint(kept.network(relation="l"))
    assert Records().permissions is None


def test_two_studies_allow_what_both_do() -> None:
    one = privacy.Permissions("a", {"person_level": ("silos.constraint", "silos.k"), "x": ("*",)}, 5, 8)
    two = privacy.Permissions("b", {"person_level": ("*",), "y": ("*",)}, 7, 8)
    both = merge_records([Records(permissions=one), Records(permissions=two), Records()]).permissions
    assert both is not None and both.study == "a + b" and (both.floor, both.floor_attitudes) == (7, 8)
    assert both.allows("person_level", function="silos.constraint") and both.allows(
        "person_level", function="silos.k"
    )
    assert (
        not both.allows("person_level", function="silos.z") and not both.allows("x") and not both.allows("y")
    )


def test_a_release_knows_its_people(study: Path) -> None:
    pilot = Study.open(study)
    clear = pd.DataFrame({"sub": [True] * 11}, index=[f"e{i:02}" for i in range(11)])
    with pytest.raises(DataError, match=r"11 of the 11 rows of frame are nobody in the study.*pseudonyms"):
        pilot.release("unit", name="sub", frame=clear, where="sub")
    mine = clear.set_axis([privacy.pseudonym(i, key=pilot.key()) for i in clear.index])
    assert pilot.release("unit", name="sub", frame=mine, where="sub").at["total", "n"] == 11


def ids_kept(study: Path) -> set[str]:
    folders = [study / "records", *(study / ".records.parts").iterdir()]
    return set().union(*(ids_in(load_records(f)) for f in folders))


def test_erasure_objection_and_purge_reach_what_ingest_keeps(study: Path) -> None:
    assert main(["ingest", str(study), "-q"]) == 0
    pilot = Study.open(study)
    erased, objects = (privacy.pseudonym(i, key=pilot.key()) for i in ("e03", "e07"))
    assert {erased, objects} <= ids_kept(study)
    pilot.erase("e03")
    assert erased not in ids_kept(study)
    (study / "objections.csv").write_text("person\ne07\n", encoding="utf-8")
    for step in ("read", "ingest"):
        _ = Study.open(study).records if step == "read" else main(["ingest", str(study), "-q"])
        kept = load_records(study / "records")
        assert erased not in ids_kept(study) and objects in kept.people.index
        assert len(kept.completions) == 10 and not kept.nominations.isin([objects]).any().any()
        assert kept.permissions == pilot.permissions
    gone = purge(study, yes=True, now=True)
    assert Path("pseudonyms.txt") in gone
    assert sorted(p.name for p in study.iterdir()) == ["data", "purged.txt", "study.toml"]


def test_columns_that_say_who_somebody_is_are_dropped(study: Path) -> None:
    head, *rows = ROSTER.strip().split("\n")
    more = [f"{row},nick{i},{i:04},{'x' if i % 3 else 'y'}" for i, row in enumerate(rows)]
    text = "\n".join([f"{head},nickname,employee no,shift", *more])
    (study / "data" / "hr_roster.csv").write_text(text + "\n", encoding="utf-8")
    records = Study.open(study).records
    assert "shift" in records.people and "unit" in records.people
    assert "nick" not in records.people.to_csv() and "0003" not in records.people.to_csv()
    assert sum("so it says who they are" in t for t in records.report.not_read) == 2


def test_another_unit_in_a_later_roster_is_told() -> None:
    one, two = (Records(people=pd.DataFrame({"unit": u}, index=["a", "b"])) for u in (["A", "A"], ["A", "B"]))
    assert any("1 people have another unit" in n for n in merge_records([one, two]).report.notes)
    assert merge_records([one, one]).report.notes == ()


def test_a_study_says_what_consent_covers(study: Path) -> None:
    file = study / "study.toml"
    toml = file.read_text(encoding="utf-8")
    assert Study.open(study).consent_covers == "everything"
    file.write_text(f'{toml}[privacy]\nconsent_covers = "survey"\n', encoding="utf-8")
    pilot = Study.open(study)
    assert pilot.consent_covers == "survey" and pilot.records.objectors == frozenset()
    file.write_text(f'{toml}[privacy]\nconsent_covers = "chat"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r'consent_covers under \[privacy\] must be "everything" or "survey"'):
        Study.open(study)
