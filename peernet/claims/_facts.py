"""What a study's records hold, counted once: the basis of what can be answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from peernet.claims._tests import peer_or_manager

__all__ = ["Facts", "facts_of", "records_of"]

Facts = dict[str, float]
_QUESTIONS = (
    "safety", "asking", "motivation", "engagement", "performance", "hours", "skill_before", "skill_after", "taught",
    "correct",
)  # fmt: skip
_LUNCH, _MENTOR = ("lunch", "lunches", "talk"), ("mentoring", "mentor")


def records_of(source: Any) -> Any:
    """Return the records of a study, or the records given, without what was recorded about people who objected.

    Raises
    ------
    TypeError
        For anything that is neither.
    """
    inner = getattr(source, "records", source)
    inner = inner() if callable(inner) else inner
    if not hasattr(inner, "answers") or not hasattr(inner, "people"):
        raise TypeError(f"give a Study or Records; got {type(source).__name__}.")
    from peernet.records import Records
    from peernet.records._people import without_objectors

    return without_objectors(inner) if isinstance(inner, Records) else inner


def _frame(records: Any, name: str) -> pd.DataFrame:
    """Return a table, empty where the records have none."""
    table = getattr(records, name, None)
    return table if isinstance(table, pd.DataFrame) else pd.DataFrame()


def _people_with(answers: pd.DataFrame, question: str) -> int:
    """Count people with an answer to a question."""
    if not len(answers):
        return 0
    mine = answers[(answers["question"] == question) & answers["value"].notna()]
    return int(mine["person"].nunique())


def _kinds(table: pd.DataFrame, words: tuple[str, ...]) -> pd.DataFrame:
    """Return rows whose kind contains one of the words."""
    if not len(table) or "kind" not in table.columns:
        return table.iloc[:0]
    kind = table["kind"].astype("str").str.lower()
    return table[np.logical_or.reduce([kind.str.contains(word) for word in words])]


def facts_of(source: Any) -> Facts:
    """Count what the records hold, by name; zero where there is nothing.

    ``people, units, managers, roles``; of the survey ``asked, answered, waves, names, name_givers, shares``, the number
    of people with an answer to each question, rated ties, wordings; ``traces, courses, finishers, self_chosen,
    assigned``; ``items, adopters``; ``lunches, mentored, mentors, launches, costs, groups``.
    """
    records = records_of(source)
    people, answers = _frame(records, "people"), _frame(records, "answers")
    facts: Facts = {"people": len(people)}
    facts["units"] = people["unit"].nunique() if "unit" in people.columns else 0
    facts["managers"] = int(people["manager"].notna().sum()) if "manager" in people.columns else 0
    facts["roles"] = people["role"].nunique() if "role" in people.columns else 0
    facts |= _survey_facts(records, answers)
    facts |= _trace_facts(records)
    facts |= _programme_facts(records)
    facts["ties"] = max(facts["names"], facts["traces"])
    facts["dated"] = max(facts["traces"], float(facts["waves"] > 1))
    facts["adopters_per_item"] = facts["adopters"] / max(facts["items"], 1)
    facts |= {"methods": 0, "months_after": 0}
    return {k: float(v) for k, v in facts.items()}


def _survey_facts(records: Any, answers: pd.DataFrame) -> dict[str, Any]:
    """Count what was asked and answered."""
    respondents, names = _frame(records, "respondents"), _frame(records, "nominations")
    status = respondents["status"] if "status" in respondents.columns else pd.Series(dtype="str")
    out: dict[str, Any] = {
        "asked": int((status != "not_asked").sum()), "answered": int((status == "answered").sum()),
        "waves": int(respondents["wave"].nunique()) if "wave" in respondents.columns else 0,
        "names": len(names), "name_givers": int(names["respondent"].nunique()) if len(names) else 0,
        "shares": _people_with(answers, "learning_share"),
        "taught_expected": 0, "wordings": 0, "items": 0, "adopters": 0,
    }  # fmt: skip
    for question in _QUESTIONS:
        out[question] = _people_with(answers, question)
    out["rated_both"] = _rated_both(records, names)
    out["rated_within"] = _rated_within(names)
    for rating in ("usefulness", "trust"):
        out[f"rated_{rating}"] = int(names[rating].notna().sum()) if rating in names.columns else 0
    if len(answers):
        worded = answers.loc[answers["question"] == "wording", "value"].dropna().astype("str")
        out["wordings"] = int(worded.nunique())
        used = answers[(answers["question"] == "first_use") & answers["value"].notna()]
        out["items"], out["adopters"] = int(used["item"].nunique()), len(used)
        taught = answers.loc[answers["question"] == "taught", "value"].dropna().astype("str")
        out["taught_expected"] = int(
            (taught.str.lower().str.contains("knew|expect") | taught.isin(["3", "3.0"])).sum()
        )
    return out


def _rated_both(records: Any, names: pd.DataFrame) -> int:
    """Count people who rated the usefulness of both their own manager and a peer."""
    people = _frame(records, "people")
    if not len(names) or "usefulness" not in names.columns or "manager" not in people.columns:
        return 0
    learned = [r for r, role in (getattr(records, "roles", {}) or {}).items() if role == "learner"]
    rated = names[names["usefulness"].notna() & names["relation"].isin(learned)]
    peer = peer_or_manager(rated, people["manager"])
    return int((peer.groupby(rated["respondent"]).nunique() > 1).sum())


def _rated_within(names: pd.DataFrame) -> int:
    """Count names rated for both trust and usefulness, less one for each learner: what is left within learners."""
    if not {"trust", "usefulness"} <= set(names.columns):
        return 0
    rated = names.dropna(subset=["trust", "usefulness"])
    return max(len(rated) - int(rated["respondent"].nunique()), 0)


def _both_kinds(courses: pd.DataFrame) -> tuple[int, float]:
    """Return people who took chosen and assigned courses, and the error of their mean difference for a spread of one.

    Courses that nearly all or nearly nobody chose are left out, as in the test.
    """
    frame = courses.dropna(subset=["assigned"])
    own = 1.0 - frame["assigned"].astype("float64")
    mixed = own.groupby(frame["item"]).transform("mean").between(0.1, 0.9)
    table = own[mixed].groupby(frame.loc[mixed, "person"]).agg(["sum", "count"])
    chosen, told = table["sum"], table["count"] - table["sum"]
    both = (chosen > 0) & (told > 0)
    weight = (chosen * told / table["count"])[both]
    return int(both.sum()), float(1 / np.sqrt(weight.sum())) if both.any() else 0.0


def _trace_facts(records: Any) -> dict[str, Any]:
    """Count traces of teaching, courses and adoptions."""
    events, courses, adopted = (_frame(records, n) for n in ("events", "completions", "adoptions"))
    out: dict[str, Any] = {
        "traces": len(events),
        "trace_kinds": int(events["kind"].nunique()) if len(events) else 0,
    }
    out |= {"courses": 0, "finishers": 0, "self_chosen": 0, "assigned": 0, "media": 0}
    out |= {"both_kinds": 0, "choice_error": 0.0}
    if len(courses):
        out["courses"] = int(courses["item"].nunique())
        out["finishers"] = int(courses["time"].notna().sum()) if "time" in courses.columns else 0
        if "assigned" in courses.columns:
            assigned = courses["assigned"].astype("boolean")
            out["both_kinds"], out["choice_error"] = _both_kinds(courses)
            out["assigned"], out["self_chosen"] = int(assigned.sum()), int((~assigned).sum())
        if "format" in courses.columns:
            out["media"] = int(courses["format"].nunique())
    if len(adopted):
        out["items"], out["adopters"] = int(adopted["item"].nunique()), int(adopted["time"].notna().sum())
    elif out["finishers"]:
        out["items"], out["adopters"] = out["courses"], out["finishers"]
    return out


def _programme_facts(records: Any) -> dict[str, Any]:
    """Count lunches, mentoring pairs, cost sheets, launches."""
    sessions, events = _frame(records, "sessions"), _frame(records, "events")
    mentoring = _kinds(events, _MENTOR)
    return {
        "lunches": int(_kinds(sessions, _LUNCH)["session"].nunique()) if len(sessions) else 0,
        "mentored": int(mentoring["learner"].nunique()) if len(mentoring) else 0,
        "mentors": int(mentoring["teacher"].nunique()) if len(mentoring) else 0,
        "launches": len(_frame(records, "launches")), "costs": len(_frame(records, "costs")),
        "groups": len(_frame(records, "groups")),
    }  # fmt: skip
