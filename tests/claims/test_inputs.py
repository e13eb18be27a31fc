"""What the tests of claims are given: spans, waves, words, people who objected; wrong use is named, never guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet.claims import _inputs, eighty_percent, evaluate, holm, register, trace_curve
from peernet.claims._facts import records_of
from peernet.datasets import load_meridian
from peernet.errors import DataError
from peernet.records import Records

SPAN: dict[str, Any] = {"start": "2025-01-01", "end": "2026-01-01"}


@pytest.fixture(scope="module")
def meridian() -> Records:
    return load_meridian()


@pytest.fixture(scope="module")
def two_waves(meridian: Records) -> Records:
    """Wave a as it is; in wave b performance, asking, taught and later skill are shuffled among people."""
    a, b = meridian.answers.assign(wave="a"), meridian.answers.assign(wave="b")
    rng = np.random.default_rng(0)
    for question in ("performance", "asking", "taught", "skill_after"):
        mine = (b["question"] == question).to_numpy()
        b.loc[mine, "value"] = rng.permutation(b.loc[mine, "value"].to_numpy())
    tables = {
        name: pd.concat([getattr(meridian, name).assign(wave=w) for w in "ab"], ignore_index=True)
        for name in ("nominations", "respondents")
    }
    return replace(meridian, answers=pd.concat([a, b], ignore_index=True), **tables)


def test_a_time_with_a_zone_is_a_time() -> None:
    utc = pd.Timestamp("2025-01-01", tz="UTC")
    for given in ("2025-01-01", utc, pd.Timestamp("2025-01-01"), utc.tz_convert("Europe/Berlin"), utc.date()):
        assert _inputs.moment("start", given) == utc
    for given in (0, 365, 1.5, np.int64(3), True, "January", "", pd.NaT, None, "2025-13-45"):
        with pytest.raises(ValueError, match="start must be a date such as"):
            _inputs.moment("start", given)


def test_both_functions_refuse_a_span_that_ends_before_it_starts() -> None:
    for function in (evaluate, eighty_percent):
        with pytest.raises(ValueError, match=r"the span ends .* before it starts"):
            function(Records(), start="2026-01-01", end="2025-01-01")
        with pytest.raises(ValueError, match="start must be a date"):
            function(Records(), start=0, end=365)


def test_a_zone_changes_no_number(meridian: Records) -> None:
    utc = {k: pd.Timestamp(v, tz="UTC") for k, v in SPAN.items()}
    with_zone, without = (eighty_percent(meridian, **s, items="C-A", rng=1).table for s in (utc, SPAN))
    pd.testing.assert_frame_equal(with_zone, without)
    # A single name is one item, not its letters.
    assert with_zone.loc[with_zone["side"] == "diffusion", "reading"].tolist() == ["C-A"]


def test_two_waves_are_not_mixed_and_the_order_of_rows_decides_nothing(two_waves: Records) -> None:
    with pytest.raises(DataError, match="evaluate: the records hold waves 'a', 'b'"):
        evaluate(two_waves)
    with pytest.raises(ValueError, match="nothing was answered in wave 'c'"):
        evaluate(two_waves, wave="c")
    turned = replace(two_waves, answers=two_waves.answers.iloc[::-1].reset_index(drop=True))
    for wave, verdict in (("a", "supported"), ("b", "inconclusive")):
        there, back = (evaluate(r, wave=wave).table for r in (two_waves, turned))
        pd.testing.assert_frame_equal(there.drop(columns="how"), back.drop(columns="how"))
        assert (
            there.loc[there["quantity"] == "gain of those who expected to teach", "verdict"].item() == verdict
        )
    assert there.loc[there["claim"] == "H3", "n"].max() < 177  # one wave of names


def test_words_where_numbers_belong_are_named(meridian: Records) -> None:
    answers = meridian.answers.copy()
    rows = answers.index[answers["question"] == "performance"][:60]
    answers.loc[rows, "value"] = "n/a"
    table = evaluate(replace(meridian, answers=answers)).table
    row = table[table["claim"] == "H12"].iloc[0]
    assert row["verdict"] == "not answered by these data"
    assert "question 'performance': 60 of 177 answers are words" in row["why"]
    assert "'n/a'" in row["why"]


def test_a_test_that_was_refused_stays_on_the_card_with_its_reason(meridian: Records) -> None:
    bare = replace(meridian, people=meridian.people.drop(columns=["unit", "site", "job_family"]))
    table = evaluate(bare).table.set_index("quantity")
    assert table.loc["usefulness by trust", "verdict"] == "supported"
    for quantity, why in (
        ("trust by likeness", "no unit, site or trade"),
        ("asking by safety, within units", "the roster holds no units"),
        ("asking by safety, between units", "the roster holds no units"),
    ):
        assert table.loc[quantity, "verdict"] == "not answered by these data"
        assert why in table.loc[quantity, "why"]
    empty = evaluate(replace(meridian, roles={})).table
    assert empty.loc[empty["claim"] == "H3", "why"].str.contains("asked of learners").all()


def _taught_by(events: pd.DataFrame, people: list[str]) -> pd.DataFrame:
    """Events, the first of which were taught by other people."""
    out = events.copy()
    out.loc[range(len(people)), "teacher"] = people
    return out


def test_who_objected_is_in_no_other_table(meridian: Records) -> None:
    asked = meridian.respondents
    objected = set(asked.loc[asked["status"] == "objected", "person"])
    # Merging has left them out; put some back, as in records joined by hand.
    assert len(objected) == 2 and not meridian.events[["teacher", "learner"]].isin(objected).any(axis=None)
    mine = pd.DataFrame({"person": sorted(objected), "item": "sql", "title": "SQL"})
    mine = pd.concat([meridian.completions, mine], ignore_index=True)
    mine.loc[0, "author"] = sorted(objected)[0]
    meridian = replace(
        meridian,
        events=_taught_by(meridian.events, sorted(objected)),
        completions=mine.astype(meridian.completions.dtypes.to_dict()),
    )
    found = records_of(meridian)
    assert not found.events[["teacher", "learner"]].isin(objected).any(axis=None)
    for name in ("completions", "answers", "sessions", "adoptions"):
        assert not getattr(found, name)["person"].isin(objected).any()
    assert not found.completions[["author", "assigned_by"]].isin(objected).any(axis=None)
    assert set(found.people.index) == set(meridian.people.index)
    assert (found.respondents["status"] == "objected").sum() == len(objected)
    assert f"{len(objected)} people object" in found.report.notes[-1]
    # Courses that somebody else finished stay, also where an objector wrote them.
    others = meridian.completions[~meridian.completions["person"].isin(objected)]
    assert len(found.completions) == len(others)
    assert records_of(Records(people=meridian.people)).report.notes == ()


def test_only_answers_are_answered_questions(meridian: Records) -> None:
    meetings = meridian.events.assign(kind="meeting", event_id=meridian.events["event_id"] + "m")
    both = replace(meridian, events=pd.concat([meridian.events, meetings], ignore_index=True))
    plain, mixed = (
        eighty_percent(r, **SPAN, items="C-A", exchange=(0.02, 0.6), rng=1).traces for r in (meridian, both)
    )
    assert plain is not None
    assert mixed is not None
    assert mixed.answers == plain.answers
    assert mixed.verdict == plain.verdict == "contradicted"
    assert f"not counted: {plain.answers} of kind meeting" in mixed.summary()
    none = eighty_percent(replace(meridian, events=meetings), **SPAN, items="C-A", rng=1)
    assert "no trace is of the kind answer: the traces hold 'meeting'" in none.lacking["What traces show"]
    named = eighty_percent(replace(meridian, events=meetings), **SPAN, items="C-A", kinds="meeting", rng=1)
    assert named.traces is not None
    assert named.traces.answers == plain.answers


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"relation": "friends"}, "relation='friends'.*Known: 'comes_to_me', 'learn_from'"),
        ({"question": "learning_shar"}, "question='learning_shar'.*learning_share"),
        ({"items": ["nope"]}, "items: the records hold no 'nope'"),
        ({"kinds": "reply"}, "kinds: the records hold no 'reply'.*'answer'"),
        ({"wave": "9"}, "wave='9'.*Known: '1'"),
        ({"exchange": 0.1}, "exchange must be two rates"),
        ({"exchange": (0.0, 1.0)}, "two rates above 0"),
    ],
)
def test_a_misspelt_word_is_an_error(meridian: Records, option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eighty_percent(meridian, **SPAN, **option)


def test_counts_are_counts() -> None:
    some = pd.Series([3, 5] * 15)
    for bad, message in (
        (pd.Series([-3, 5] * 15), "15 of 30 counts are negative"),
        (pd.Series([1, 2], index=["a", "a"]), "1 learners stand twice"),
        (pd.DataFrame({"a": [1]}), "answers must be a Series of counts"),
        (pd.Series(["x", 2]), "not all counts are numbers"),
    ):
        with pytest.raises(DataError, match=message):
            trace_curve(bad, some)  # type: ignore[arg-type]
    for p in ([5, 20], ["a"], [-0.1]):
        with pytest.raises(ValueError, match="p_values must"):
            holm(p)


def test_the_register_promises_no_effect_for_data_that_are_not_there(meridian: Records) -> None:
    table = register(meridian).table.set_index("claim")["smallest effect"]
    assert table[["DIF", "RUT", "ACC", "H6", "H7"]].isna().all()
    own = evaluate(meridian).table.set_index("quantity")["smallest"]
    assert table["H8"] > 0.95 * own["finishing self-chosen less assigned courses"]
    assert table["H4"] > 0.95 * own["usefulness of peers less managers"]
    assert table["H3"] > 0.95 * own["usefulness by trust"]


def test_a_study_drops_the_traces_of_who_said_no_in_its_survey(meridian: Records, tmp_path: Path) -> None:
    from peernet.records._reading import _without

    asked = meridian.respondents
    objected = set(asked.loc[asked["status"] == "objected", "person"])
    meridian = replace(meridian, events=_taught_by(meridian.events, sorted(objected)))
    read = _without(SimpleNamespace(folder=tmp_path), meridian)  # type: ignore[arg-type]
    assert objected
    assert len(read.events) < len(meridian.events)
    assert not read.events[["teacher", "learner"]].isin(objected).any(axis=None)
    assert not read.completions["person"].isin(objected).any()
    dropped = sum(len(getattr(meridian, n)) - len(getattr(read, n)) for n in ("events", "completions"))
    assert f"2 people object: {dropped} rows" in read.report.notes[-1]
