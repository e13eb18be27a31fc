"""Records: reports that balance, merging, identities, units at the time, levels, waves, a whole study."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError, IngestReport, Records, Study, privacy
from peernet.errors import PermissionLocked
from peernet.records import (
    changes_between,
    empty_table,
    findings_if_wrong,
    manager_tree,
    mark_levels,
    match_names,
    merge_records,
    normalise_name,
    purge,
    unit_at_event,
)
from peernet.records.report import Ledger

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "samples" / "meridian"


def when(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# ---- reports -------------------------------------------------------------------------------------------------------


def ledger() -> Ledger:
    book = Ledger("read_test")
    book.files.append({"file": "a<b>.csv", "sha256": "0" * 64, "bytes": 10})
    book.read("rows", 10)
    book.drop("rows", "preview", [4, 5], stage="match")
    book.drop("rows", "twice", [7])
    book.drop("rows", "twice", [9])
    book.flag("rows", "odd", [3])
    return book


def test_report_balances_and_tells() -> None:
    report = ledger().report()
    assert report.ledger.iloc[0].to_dict() == {"what": "rows", "read": 10, "matched": 8, "used": 6}
    assert report.rows_dropped == {"preview": 2, "twice": 2}
    assert report.n_dropped("twice") == 2 and report.n_dropped("never") == 0
    text = report.summary()
    assert "rows: 10 read, 8 matched, 6 used" in text and "2 dropped: twice (rows 7, 9)" in text
    assert report.to_frame()["n"].tolist() == [10, 8, 2, 2, 6, 1]
    assert "a&lt;b&gt;.csv" in report._repr_html_() and "<b>.csv" not in report._repr_html_()


def test_a_ledger_that_does_not_balance_is_a_bug() -> None:
    book = ledger()
    book.drop("rows", "more than there were", range(20))
    with pytest.raises(AssertionError, match="more rows dropped than read"):
        book.report()


def test_pictures() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot as plt

    report = ledger().report()
    ax = report.plot()
    assert [p.get_width() for p in ax.patches] == [10, 2, 8, 2, 6]
    with pytest.raises(DataError, match="knows no units"):
        report.plot_response()
    response = pd.DataFrame(
        {"unit": ["A", "B", "C"], "asked": [10, 8, 3], "answered": [5, 8, 3], "share": [0.5, 1.0, 1.0]}
    )
    survey = IngestReport(reader="read_survey", response=response)
    shown = survey.plot_response()
    assert [t.get_text() for t in shown.get_yticklabels()] == ["A", "B"]  # C is below the floor
    assert "13 of 18" in shown.get_title(loc="left")
    assert len(survey.plot_response(min_group=1).patches) == 3
    plt.close("all")


# ---- merging -------------------------------------------------------------------------------------------------------


def test_merge_joins_people_and_stacks_the_rest() -> None:
    a = Records(people=pd.DataFrame({"name": ["Ana", None]}, index=pd.Index(["1", "2"], name="person")))
    extra = pd.DataFrame({"name": ["Other", "Bo", "Cy"], "unit": ["A", "B", "C"]}, index=["1", "2", "3"])
    names = pd.DataFrame(
        {"respondent": ["1"], "named": ["2"], "relation": ["r"], "wave": ["1"], "slot": [1], "weight": [1.0]}
    )
    b = Records(people=extra, nominations=names, roles={"r": "learner"})
    both = merge_records([a, b])
    assert both.people["name"].tolist() == ["Ana", "Bo", "Cy"]
    assert both.people["unit"].tolist() == ["A", "B", "C"]
    assert len(merge_records([b, b]).nominations) == 1
    assert len(a.merge(b, b).nominations) == 1
    twice = Records(nominations=pd.concat([names, names], ignore_index=True))
    assert len(twice.merge(a).nominations) == 2  # rows that one file repeats are that file's business
    with pytest.raises(
        DataError, match="the respondent is the learner in relation 'r' of one file and the teacher"
    ):
        b.merge(Records(roles={"r": "teacher"}))
    with pytest.raises(DataError, match="takes Records, not 'int'"):
        merge_records([a, 3])  # type: ignore[list-item]


def test_merge_prefers_what_somebody_said_to_silence() -> None:
    def asked(*status: str) -> Records:
        table = pd.DataFrame(
            {
                "person": ["1", "2"],
                "wave": "w",
                "status": list(status),
                "started": when("2025-01-01"),
                "finished": when("2025-01-01"),
            }
        )
        return Records(respondents=table.astype(empty_table("respondents").dtypes.to_dict()))

    both = asked("answered", "silent").merge(asked("silent", "objected"))
    assert both.respondents.set_index("person")["status"].to_dict() == {"1": "answered", "2": "objected"}


def test_merge_refuses_an_alias_of_two_people() -> None:
    def alias(person: str) -> Records:
        return Records(aliases=pd.DataFrame({"person": [person], "system": ["slack"], "id": ["U1"]}))

    assert len(alias("1").merge(alias("1")).aliases) == 1
    with pytest.raises(DataError, match="aliases contradict each other for 'U1'"):
        alias("1").merge(alias("2"))


def test_empty_records_say_what_is_missing() -> None:
    with pytest.raises(DataError, match="there are neither events nor nominations"):
        Records().network()
    with pytest.raises(DataError, match="no question 'learning_share'"):
        Records().shares()
    assert repr(Records()) == "Records: nothing"


# ---- identities ----------------------------------------------------------------------------------------------------

ROSTER = pd.DataFrame(
    {
        "name": ["Bo Alm", "José García", "Anna Ek", "Øyvind Å", "Jan Ek", "Jan Ek"],
        "email": ["bo@x.org", "jg@x.org", "anna.ek@x.org", "o@x.org", "j1@x.org", "j2@x.org"],
    },
    index=["007", "008", "009", "010", "011", "012"],
)


@pytest.mark.parametrize(
    ("given_name", "person", "how"),
    [
        ("007", "007", "exact"),
        ("Bo Alm", "007", "exact"),
        ("  bo  ALM ", "007", "normalised"),
        ("Alm, Bo", "007", "token-sorted"),
        ("jose garcia", "008", "normalised"),
        ("García José", "008", "token-sorted"),
        ("JG@X.ORG", "008", "normalised"),
        ("Jose <jg@x.org>", "008", "exact"),
        ("Jan Ek", None, ""),
        ("B. Alm", None, ""),
        ("7", None, ""),
        ("", None, ""),
        ("Ana Ek", None, ""),
    ],
)
def test_matching(given_name: str, person: str | None, how: str) -> None:
    found = match_names([given_name], ROSTER)
    assert (None if pd.isna(found.person[0]) else found.person[0]) == person
    assert found.how[0] == how


def test_suggestions_say_why() -> None:
    review = match_names(["Jan Ek", "B. Alm", "7", "7.0", "Ana Ek", "Zzz Qqq"], ROSTER).review
    why = review.groupby("given")["why"].first().to_dict()
    assert why == {
        "Jan Ek": "several people have this name",
        "B. Alm": "initials fit",
        "7": "leading zeros differ",
        "7.0": "leading zeros differ",
        "Ana Ek": "similar spelling",
        "Zzz Qqq": "nobody is near",
    }
    assert review.set_index("given").loc[["B. Alm", "7", "7.0"], "suggested"].tolist() == [
        "007",
        "007",
        "007",
    ]
    assert (review["person"] == "").all()


def test_suggestions_do_not_need_rapidfuzz(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    review = match_names(["Ana Ek", "Zzz Qqq"], ROSTER).review
    assert review["suggested"].tolist() == ["009", ""]


@given(st.text(max_size=30))
def test_any_text_is_matched_or_reviewed_never_both(text: str) -> None:
    found = match_names([text], ROSTER)
    assert found.person.notna()[0] == (len(found.review) == 0 and bool(text.strip()))
    assert normalise_name(normalise_name(text)) == normalise_name(text)


def test_aliases_are_checked() -> None:
    table = pd.DataFrame({"given": ["Ana Ek", "nobody"], "person": ["009", ""]})
    assert match_names(["Ana Ek", "nobody"], ROSTER, aliases=table).how.tolist() == ["alias", ""]
    with pytest.raises(DataError, match=r"'Ana Ek' is given to two people \('009' and '007'\)"):
        match_names(
            [], ROSTER, aliases=pd.DataFrame({"given": ["Ana Ek", "Ana Ek"], "person": ["009", "007"]})
        )
    with pytest.raises(DataError, match="aliases needs the columns given"):
        match_names([], ROSTER, aliases=pd.DataFrame({"who": []}))


def test_findings_that_hang_on_one_match() -> None:
    confirmed = pd.DataFrame({"given": ["a", "b", "c"], "person": ["007", "008", ""]})

    def measure(table: pd.DataFrame) -> pd.Series[Any]:
        return pd.Series({"n": float(len(table)), "a": float("a" in set(table["given"])) * 10})

    out = findings_if_wrong(confirmed, measure)
    assert out.iloc[0].tolist() == ["a", "007", "a", 10.0, 0.0, -10.0]
    assert len(out) == 4


# ---- units at the time ---------------------------------------------------------------------------------------------

SPELLS = pd.DataFrame(
    {
        "person": ["1", "1", "2", "3"],
        "start": [when("2024-01-01"), when("2024-06-01"), pd.NaT, when("2024-01-01")],
        "end": [when("2024-06-01"), pd.NaT, pd.NaT, when("2024-02-01")],
        "unit": ["A", "B", "C", "D"],
    }
)


def test_unit_at_the_time_of_the_event() -> None:
    times = ["2023-12-31", "2024-01-01", "2024-05-31", "2024-06-01", "2024-02-01"]
    events = pd.DataFrame(
        {"time": [when(t) for t in times], "teacher": ["1", "1", "1", "1", "3"], "learner": ["2"] * 5}
    )
    out = unit_at_event(events.iloc[::-1], SPELLS)
    assert out.events.sort_index()["unit_teacher"].fillna("?").tolist() == ["?", "A", "A", "B", "?"]
    assert out.events["unit_learner"].tolist() == ["C"] * 5
    facts = out.known.set_index("end")
    assert facts.loc["teacher", ["n", "known", "moved"]].tolist() == [5, 3, 2]
    assert facts.at["teacher", "share"] == 0.6 and facts.at["learner", "share"] == 1


@given(
    st.lists(st.tuples(st.sampled_from("12"), st.integers(0, 40), st.integers(1, 9)), max_size=8),
    st.lists(st.tuples(st.sampled_from("123"), st.integers(0, 50)), min_size=1, max_size=8),
)
def test_range_join_against_a_loop(pieces: list[tuple[str, int, int]], asked: list[tuple[str, int]]) -> None:
    day = pd.Timedelta(days=1)
    origin, rows, free = when("2024-01-01"), [], {"1": 0, "2": 0}
    for number, (person, gap, length) in enumerate(pieces):
        start = free[person] + gap
        free[person] = start + length
        rows.append((person, origin + start * day, origin + free[person] * day, f"u{number}"))
    spells = pd.DataFrame(rows, columns=["person", "start", "end", "unit"]).astype(
        {"person": "str", "unit": "str", "start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"}
    )
    events = pd.DataFrame(
        [(origin + t * day, p, p) for p, t in asked], columns=["time", "teacher", "learner"]
    )
    got = unit_at_event(events, spells).events["unit_teacher"].fillna("").tolist()
    slow = [next((u for q, a, b, u in rows if q == p and a <= origin + t * day < b), "") for p, t in asked]
    assert got == slow


def test_overlapping_spells_are_refused() -> None:
    bad = SPELLS.assign(end=[when("2024-07-01"), pd.NaT, pd.NaT, when("2024-02-01")])
    with pytest.raises(DataError, match=r"1 people have spells that overlap \('1'\)"):
        unit_at_event(empty_table("events"), bad)


PEOPLE = pd.DataFrame(
    {"manager": [None, "a", "b", "a", None, "x", "y"]}, index=["a", "b", "c", "d", "e", "y", "x"]
)


def test_manager_tree() -> None:
    tree = manager_tree(PEOPLE)
    assert tree["depth"].tolist() == [0, 1, 2, 1, 0, -1, -1]
    assert tree["head"].tolist() == ["a", "a", "a", "a", "e", "", ""]
    assert tree["n_reports"].tolist() == [2, 1, 0, 0, 0, 1, 1]
    assert tree["cycle"].sum() == 2


def test_levels() -> None:
    pairs = [
        ("a", "c", "downward"),
        ("c", "a", "upward"),
        ("b", "c", "downward"),
        ("b", "d", "peer"),
        ("e", "a", "peer"),
        ("z", "a", "?"),
    ]
    events = pd.DataFrame(pairs, columns=["teacher", "learner", "level"]).assign(time=when("2024-03-01"))
    assert mark_levels(events, PEOPLE).fillna("?").tolist() == events["level"].tolist()
    then = pd.DataFrame({"person": ["c"], "start": [pd.NaT], "end": [pd.NaT], "manager": ["d"]})
    assert mark_levels(events.assign(teacher="d", learner="c"), PEOPLE, spells=then).eq("downward").all()


# ---- waves ---------------------------------------------------------------------------------------------------------


def test_changes_between_waves() -> None:
    def wave(name: str, status: dict[str, str], pairs: list[str], day: str) -> Records:
        asked = pd.DataFrame({"person": list(status), "wave": name, "status": list(status.values())})
        asked["started"] = asked["finished"] = when(day)
        ties = pd.DataFrame(
            {
                "respondent": [p[0] for p in pairs],
                "named": [p[1] for p in pairs],
                "relation": "r",
                "wave": name,
                "slot": 1,
                "weight": 1.0,
            }
        )
        return Records(respondents=asked, nominations=ties, roles={"r": "learner"})

    yes, no = "answered", "silent"
    one = wave(
        "b", {"1": yes, "2": yes, "3": yes, "4": no, "5": yes}, ["12", "13", "23", "15", "31"], "2024-01-01"
    )
    two = wave("a", {"1": yes, "2": yes, "3": no, "4": yes, "6": yes}, ["12", "21", "16", "41"], "2025-01-01")
    both = one.merge(two)
    assert both.waves() == ["b", "a"]
    row = changes_between(both, "b", "a").iloc[0]
    expected = {
        "joiners": 1,
        "leavers": 1,
        "answered_both": 2,
        "kept": 1,
        "gained": 1,
        "lost": 2,
        "gained_with_joiners": 1,
        "lost_with_leavers": 1,
        "not_comparable": 2,
    }
    assert {k: row[k] for k in expected} == expected
    assert row["stability"] == 0.25
    with pytest.raises(DataError, match="no wave 'c'"):
        changes_between(both, "b", "c")


# ---- studies -------------------------------------------------------------------------------------------------------

TOML = """
[study]
title = "Pilot"
purpose = "To see who learns from whom."
agreement = "works agreement 7"
retention = "2099-01-01"

[privacy]
floor = 6

[sources]
allowed = ["people", "survey", "completions", "slack"]
channels = ["help-tools", "help-process"]

[analyses]
person_level = ["silos.bridging_share"]
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "keys"))
    folder = tmp_path / "pilot"
    shutil.copytree(SAMPLE, folder / "data")
    (folder / "study.toml").write_text(TOML, encoding="utf-8")
    return folder


def test_a_study_in_a_few_lines(study: Path) -> None:
    pilot = Study.open(study)
    net = pilot.network(relation="learn_from")
    assert net.n_people == 240 and net.n_ties > 500
    assert net.permissions.floor == 6
    privacy.require(net, "person_level", function="silos.bridging_share")
    with pytest.raises(
        PermissionLocked, match=r'write person_level = \["silos.constraint"\] under \[analyses\]'
    ):
        privacy.require(net, "person_level", function="silos.constraint")
    assert "Purpose: To see who learns from whom." in pilot.summary()
    assert "Not for assessing individuals" in pilot._repr_html_()


def test_names_in_words_are_not_kept() -> None:
    people = pd.DataFrame(
        {"name": ["Ana Ek", "Bo Alm", "Cy"], "email": ["ana@x.org", "bo@x.org", None], "unit": "A"},
        index=pd.Index(["00417", "b2", "c3"], name="person"),
    )
    said = ["bo  ALM", "a course", "Bo Alm, of course", "2025-03", "17 %", *["a colleague"] * 5, 4.0]
    answers = pd.DataFrame(
        {
            "person": ["00417", "b2", "c3", "00417", "b2", *[f"p{i}" for i in range(5)], "c3"],
            "wave": "1",
            "question": "episode_from",
            "item": "1",
            "value": said,
        }
    )
    sessions = (
        empty_table("sessions")
        .reindex(range(2))
        .assign(session=["Lunch with Ana Ék (Porto)", "ana@x.org-77"], person=["00417", "b2"])
    )
    key = b"0123456789abcdef"
    out = Records(people=people, answers=answers, sessions=sessions).pseudonymise(key=key)
    bo = privacy.pseudonym("b2", key=key)
    assert out.answers["value"].tolist() == [
        bo, "[withheld]", "[withheld]", "2025-03", "17 %", *["a colleague"] * 5, 4.0
    ]  # fmt: skip
    assert out.sessions["session"].tolist() == [
        "Lunch with [withheld] (Porto)", privacy.pseudonym("ana@x.org-77", key=key)
    ]  # fmt: skip
    assert "2 answers in words that fewer than 5 people gave are withheld" in out.report.notes


def test_a_study_is_pseudonymous_by_default(study: Path) -> None:
    pilot = Study.open(study)
    roster = pd.read_csv(study / "data" / "hr_roster.csv", dtype=str)
    text = (
        "".join(f.to_csv() for f in pilot.records.tables().values())
        + pilot.report.summary()
        + pilot.report._repr_html_()
    )
    assert not [i for i in roster["employee_id"].unique() if f",{i}," in text or f"\n{i}," in text]
    assert not [m for m in roster["work_email"].unique() if m in text]
    assert not [n for n in roster["name"].unique() if n in text]
    assert len(pilot.review()) > 5
    (key,) = (study.parent / "keys").glob("pilot-*.key")
    assert key.stat().st_mode & 0o077 == 0
    again = Study.open(study).records
    pd.testing.assert_frame_equal(again.nominations, pilot.records.nominations)


def test_a_study_keeps_to_its_key(study: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pilot = Study.open(study)
    someone = str(pd.read_csv(study / "data" / "hr_roster.csv", dtype=str)["employee_id"].iloc[5])
    n = len(pilot.erase(someone).people)
    retitled = (study / "study.toml").read_text(encoding="utf-8").replace('"Pilot"', '"Pilot, spring"')
    (study / "study.toml").write_text(retitled, encoding="utf-8")
    assert Study.open(study).title == "Pilot, spring"
    assert len(Study.open(study).records.people) == n  # erased stays erased, whatever the title
    monkeypatch.setenv("PEERNET_KEYS", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match="is not there"):
        Study.open(study).key()
    other = privacy.new_key(tmp_path / "other.key")
    (study / "study.toml").write_text(
        retitled.replace("[privacy]", f'[privacy]\nkey = "{other}"'), encoding="utf-8"
    )
    with pytest.raises(DataError, match="is not the key"):
        Study.open(study).key()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("[sources]\nchanels = []", "has no setting 'chanels'. Did you mean 'channels'"),
        ("[privacy]\nflor = 10", "has no setting 'flor'. Did you mean 'floor'"),
        ('[study]\nretention_date = "2001-01-01"', "Did you mean 'retention'"),
        ("[privacy]\npseudonymise = 0", "must be true or false"),
        ('[sources]\nallowed = ["people", "slak"]', "no kind of source 'slak'. Did you mean 'slack'"),
        ('[analyses]\nperson_level = ["silos.constrain"]', "Did you mean 'silos.constraint'"),
        ('analyses = ["a"]', "must be a section"),
    ],
)
def test_nothing_is_allowed_by_a_slip(tmp_path: Path, wrong: str, words: str) -> None:
    (tmp_path / "study.toml").write_text(wrong, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(words)):
        Study.open(tmp_path)


def test_what_is_not_allowed_is_not_read_and_told(study: Path) -> None:
    pilot = Study.open(study)
    assert set(pilot.records.events["context"]) == {"help-tools", "help-process"}
    text = TOML.replace(', "completions", "slack"', "").replace('["help-tools", "help-process"]', "[]")
    (study / "study.toml").write_text(text, encoding="utf-8")
    (study / "data" / "slack_export.zip").write_bytes(b"never opened")
    less = Study.open(study)
    assert not len(less.records.events) and not len(less.records.completions)
    assert "source 'slack' (data/slack_export.zip): not allowed in study.toml" in less.report.not_read
    (study / "study.toml").write_text(TOML.replace('["help-tools", "help-process"]', "[]"), encoding="utf-8")
    assert any("no channel is allowed" in t for t in Study.open(study).report.not_read)


def test_sources_that_are_listed(study: Path) -> None:
    source = '[[source]]\nkind = "people"\nfile = "data/hr_roster.csv"\n'
    source += '[[source]]\nkind = "slack"\nfile = "data/slack_export.zip"\n'
    (study / "study.toml").write_text(
        TOML + source + 'channels = ["general", "help-tools"]\ninclude_private = ["dms"]\n', encoding="utf-8"
    )
    pilot = Study.open(study)
    assert set(pilot.records.events["context"]) == {"help-tools"}
    assert "channel 'general' in slack: not allowed in study.toml" in pilot.report.not_read
    assert "private conversations (dms) in slack: not allowed in study.toml" in pilot.report.not_read
    for line, said in (('colour = "red"', "no option 'colour'"), ('people = "x"', "no option 'people'")):
        (study / "study.toml").write_text(TOML + source + line, encoding="utf-8")
        with pytest.raises(DataError, match=said):
            Study.open(study).read()
    (study / "study.toml").write_text(TOML + source.replace('"slack"', '"slak"'), encoding="utf-8")
    with pytest.raises(DataError, match=r"no kind of source 'slak'. Did you mean 'slack'"):
        Study.open(study).read()


def test_erasing_lasts(study: Path) -> None:
    pilot = Study.open(study)
    person = pd.read_csv(study / "data" / "hr_roster.csv", dtype=str)["employee_id"].iloc[3]
    mark = privacy.pseudonym(person, key=pilot.key())
    assert (pilot.records.events["teacher"] == mark).any() or (pilot.records.answers["person"] == mark).any()
    pilot.erase(person)
    for records in (pilot.records, Study.open(study).records):
        assert len(records.people) == 239
        assert not any(
            frame.isin([mark, person]).any().any() or mark in frame.index
            for frame in records.tables().values()
        )
    assert person not in (study / "erased.txt").read_text(encoding="utf-8")
    with pytest.raises(DataError, match="is not in the study"):
        pilot.erase("nobody")


def test_objectors_are_in_no_table_but_the_roster(study: Path) -> None:
    person = "00417"
    roster = pd.read_csv(study / "data" / "hr_roster.csv", dtype=str)
    person = roster["employee_id"].iloc[5]
    (study / "objections.csv").write_text(f"person\n{person}\n", encoding="utf-8")
    pilot = Study.open(study)
    mark = privacy.pseudonym(person, key=pilot.key())
    records = pilot.records
    assert mark in records.people.index
    assert records.respondents.set_index("person").at[mark, "status"] == "objected"
    assert not records.events[["teacher", "learner"]].isin([mark]).any().any()
    assert not records.nominations[["respondent", "named"]].isin([mark]).any().any()
    assert mark not in set(records.answers["person"]) | set(records.completions["person"]) | set(
        records.completions["author"]
    )
    assert pilot.network(relation="learn_from").observed[mark] == "objected"


def test_confirmed_names_are_used(study: Path) -> None:
    pilot = Study.open(study)
    before, review = len(pilot.records.nominations), pilot.review()
    near = review[review["why"] == "similar spelling"].head(3)
    privacy.to_csv(near.assign(person=near["suggested"])[["given", "person"]], study / "aliases.csv")
    after = Study.open(study)
    assert len(after.records.nominations) > before
    assert len(after.review()) == len(review) - 3


def test_released_tables_are_cut_against_each_other(study: Path) -> None:
    pilot = Study.open(study)
    heads = pilot.release("unit", name="heads by unit")["n"]
    assert np.isnan(heads["Legal"]) and heads.isna().sum() == 2  # four people, and one unit more to hide them
    safety = pilot.records.wide("safety").astype(float).mean(axis=1).rename("safety")
    shown = pilot.release("unit", name="safety", frame=safety, value="safety", attitudes=True)["mean"]
    assert np.isnan(shown["Legal"]) and shown.notna().sum() >= 5
    both = Study.open(study).release(["unit", "site"], name="units and sites")
    assert both.loc["total"].notna().all()
    assert both["total"].isna().equals(heads.isna())
    ledger = Study.open(study).ledger
    assert ledger.tables["floor"].tolist() == [6, 8, 6]
    spans = ledger.attack()
    assert (spans["high"] - spans["low"] >= 1).all()
    text = (study / "releases.jsonl").read_text(encoding="utf-8")
    assert not [p for p in pilot.records.people.index if p in text]
    with pytest.raises(DataError, match="frame has no column 'team_spirit'"):
        pilot.release("team_spirit", name="x")


def test_a_ledger_forgets_who_was_erased_and_goes_with_the_data(study: Path) -> None:
    pilot = Study.open(study)
    pilot.release("unit", name="heads")
    before = (study / "releases.jsonl").read_text(encoding="utf-8")
    pilot.erase(str(pilot.records.people.index[9]))
    after = (study / "releases.jsonl").read_text(encoding="utf-8")
    people = [set(json.loads(t)["people"]) for t in (before, after)]
    assert len(people[0] - people[1]) == 1 and len(people[0]) == len(people[1])
    assert Path("releases.jsonl") in purge(study, yes=True, now=True)
    assert not (study / "releases.jsonl").exists()


def test_errors_of_a_broken_roster_or_survey_name_nobody(study: Path) -> None:
    """Damage of every kind to the files of a pseudonymous study: no id, name or e-mail in what is said."""
    roster = pd.read_csv(study / "data" / "hr_roster.csv", dtype=str)
    secret = {*roster["employee_id"], *roster["name"], *roster["work_email"]}
    rng = np.random.default_rng(5)
    said = 0
    (study / "data" / "slack_export.zip").unlink()
    for name in ("hr_roster.csv", "survey_qualtrics.csv"):
        path = study / "data" / name
        whole = path.read_bytes()
        rows = whole.decode("utf-8-sig").split("\n")
        for damage in range(6):
            lines = list(rows)
            at = int(rng.integers(4, len(lines) - 1))
            if damage == 0:
                lines.insert(at, lines[at].replace("@", "@other."))  # the same id twice
            elif damage == 1:
                lines[at] = lines[at].replace(",", ",,", 1)  # cells moved
            elif damage == 2:
                lines[at] = lines[at].replace("2025", "the year of the hare")
            elif damage == 3:
                lines[at] += '"'
            elif damage == 4:
                lines = [lines[0].replace("e", "ee"), *lines[1:]]
            else:
                lines = [line for line in lines if rng.random() < 0.5]
            path.write_text("\n".join(lines), encoding="utf-8")
            try:
                Study.open(study).read()
            except DataError as error:
                said += 1
                assert not [t for t in secret if t in str(error)], str(error)
        path.write_bytes(whole)
    assert said >= 3


def test_retention_and_purge(study: Path) -> None:
    pilot = Study.open(study)
    last = dt.date(2099, 1, 1)
    with pytest.raises(DataError, match=r"were to be deleted on 2099-01-01; .* peernet purge pilot"):
        pilot.read(today=last)
    with pytest.raises(DataError, match="are kept until 2099-01-01"):
        purge(study, yes=True)
    listed = purge(study, today=last)
    assert (study / "data" / "hr_roster.csv").exists() and len(listed) >= 6
    outside = study.parent / "keep.txt"
    outside.write_text("x", encoding="utf-8")
    (study / "data" / "link").symlink_to(outside)
    purge(study, yes=True, today=last)
    assert list((study / "data").rglob("*")) == [] and (study / "study.toml").exists()
    assert outside.exists()
    assert "data/hr_roster.csv" in (study / "purged.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[sources]", "[source_s]", "unknown section 'source_s'. Did you mean 'sources'"),
        (
            '["people", "survey", "completions", "slack"]',
            '"people"',
            "allowed under .sources. must be a list of words",
        ),
        ("floor = 6", 'floor = "6"', "floor under .privacy. must be a whole number"),
        ('"2099-01-01"', '"soon"', "retention must be a day, YYYY-MM-DD; it is 'soon'"),
        (
            '["silos.bridging_share"]',
            '"yes"',
            "person_level under .analyses. must be a list of function names",
        ),
        ("[study]", "[study", "study.toml cannot be read"),
    ],
)
def test_settings_that_are_wrong(old: str, new: str, said: str, study: Path) -> None:
    (study / "study.toml").write_text(TOML.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        Study.open(study)


def test_a_key_inside_the_study_is_refused(study: Path) -> None:
    (study / "study.toml").write_text(
        TOML.replace("floor = 6", 'floor = 6\nkey = "data/key"'), encoding="utf-8"
    )
    with pytest.raises(DataError, match="the key of the pseudonyms lies inside the study"):
        Study.open(study).read()


def test_errors_about_pseudonymous_data_name_nobody(study: Path) -> None:
    path = study / "data" / "hr_roster.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1].replace("@", "@x.")]) + "\n", encoding="utf-8")
    person = lines[1].split(",")[0]
    with pytest.raises(DataError) as caught:
        Study.open(study).read()
    assert person not in str(caught.value) and "withheld" in str(caught.value)
    (study / "study.toml").write_text(
        TOML.replace("floor = 6", "floor = 6\npseudonymise = false"), encoding="utf-8"
    )
    with pytest.raises(DataError, match=person):
        Study.open(study).read()


def test_no_study_here(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no study.toml. Lay out a study with: peernet new-study"):
        Study.open(tmp_path)
