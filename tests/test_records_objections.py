"""People who object in a survey are in no table of joined records but the roster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from peernet import Records


def _no_from_b() -> tuple[Records, Records]:
    """A survey in which b says no, and traces of a, b and c."""
    asked = pd.DataFrame(
        {"person": ["a", "b", "c"], "wave": "1", "status": ["answered", "objected", "answered"]}
    )
    people = pd.DataFrame(index=pd.Index(["a", "b", "c"], dtype="str", name="person"))
    survey = Records(people=people, respondents=asked, roles={"advice": "learner"})
    events = pd.DataFrame(
        {
            "teacher": ["a", "b", "a"],
            "learner": ["b", "c", "c"],
            "kind": "answer",
            "weight": 1.0,
            "source": "chat",
        }
    ).assign(event_id=["e1", "e2", "e3"], time=pd.Timestamp("2025-03-01", tz="UTC"))
    traces = Records(
        people=people,
        events=events,
        sessions=pd.DataFrame({"session": ["s", "s"], "person": ["a", "b"]}),
        adoptions=pd.DataFrame(
            {"person": ["b", "c"], "item": "sql", "time": pd.Timestamp("2025-04-01", tz="UTC")}
        ),
        completions=pd.DataFrame(
            {"person": ["b", "c"], "item": "C-1", "author": ["a", "b"], "assigned_by": None}
        ),
    )
    return survey, traces


@pytest.mark.parametrize("turned", [False, True])
def test_merging_leaves_out_who_objects_and_counts_it(turned: bool) -> None:
    survey, traces = _no_from_b()
    joined = traces.merge(survey) if turned else survey.merge(traces)
    for name in ("events", "sessions", "adoptions", "completions"):
        assert not (getattr(joined, name) == "b").any(axis=None)
    assert joined.events["event_id"].tolist() == ["e3"]
    assert joined.completions["person"].tolist() == ["c"] and joined.completions["author"].isna().all()
    assert list(joined.people.index) == ["a", "b", "c"]
    report = joined.report
    books = report.ledger.set_index("what")
    for name, n, gone in (("events", 3, 2), ("sessions", 2, 1), ("adoptions", 2, 1), ("completions", 2, 1)):
        assert report.n_dropped("about people who object", f"{name} joined") == gone
        assert books.loc[f"{name} joined", ["read", "used"]].tolist() == [n, n - gone]
    assert (
        "1 people object: 5 rows about them in other tables than the roster are not used" in report.summary()
    )
    net = joined.network()
    assert net.observed.to_dict() == {"a": "answered", "b": "objected", "c": "answered"}
    assert net.ties[["teacher", "learner"]].to_numpy().tolist() == [["a", "c"]]
    # joining more later does not bring them back, nor what was put in by hand
    later = joined.merge(replace(traces, events=traces.events.assign(event_id=["f1", "f2", "f3"])))
    assert not later.events[["teacher", "learner"]].isin(["b"]).any(axis=None)
    by_hand = replace(joined, events=traces.events)
    assert not by_hand.network().ties[["teacher", "learner"]].isin(["b"]).any(axis=None)


def test_consent_that_covers_the_survey_alone(tmp_path: Path) -> None:
    from peernet.ingest import load_records, save_records

    survey, traces = _no_from_b()
    joined = survey.merge(traces, consent_covers="survey")
    assert len(joined.events) == 3 and len(joined.completions) == 2
    assert set(joined.network().observed) == {"answered"}
    assert joined.network(relation="advice").observed["b"] == "objected"
    assert load_records(save_records(joined, tmp_path / "kept")).objectors == frozenset()
    # a no to everything holds: joined with another survey without the word, that one's objectors go
    other = replace(
        survey, respondents=survey.respondents.assign(wave="2", status=["objected", "silent", "answered"])
    )
    both = joined.merge(other)
    assert both.objectors == {"a"} and both.events[["teacher", "learner"]].to_numpy().tolist() == [["b", "c"]]
    hashed = both.pseudonymise(key=b"0123456789abcdef")
    assert len(hashed.objectors or ()) == 1 and (hashed.objectors or frozenset()) < set(hashed.people.index)
    assert both.erase("a").objectors == frozenset()
    with pytest.raises(ValueError, match="consent_covers"):
        survey.merge(traces, consent_covers="chat")  # type: ignore[arg-type]


def test_answers_of_another_wave_go_too() -> None:
    survey, _ = _no_from_b()
    before = pd.DataFrame({"person": ["a", "b"], "wave": "0", "question": "q", "item": "q", "value": [1, 2]})
    earlier = Records(
        people=survey.people,
        respondents=survey.respondents.assign(wave="0", status="answered"),
        answers=before.astype({"value": "object"}),
    )
    joined = earlier.merge(survey)
    assert joined.wide("q").index.tolist() == ["a"]
    assert (joined.respondents.query("person == 'b'")["status"] == "objected").all()
