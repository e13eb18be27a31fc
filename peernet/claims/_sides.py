"""The three sides of the 80 %, each from its own tables: what people say, traces, diffusion."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet._check import quoted, suggest
from peernet.claims._inputs import waves_of
from peernet.claims._traces import TraceCurve, trace_curve
from peernet.errors import DataError, FitError, PeerNetWarning
from peernet.hypotheses.shares import ShareEstimate, social_share

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "diffusion_methods",
    "free_items",
    "implied_shares",
    "known_words",
    "learning_network",
    "says_share",
    "traced",
]

_FEW = 20


def says_share(records: Any, claim: float, question: str, wave: Any, level: float) -> ShareEstimate:
    """Estimate what people say, few answers included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PeerNetWarning)
        unit = "unit" if "unit" in records.people.columns else None
        return social_share(
            records, claim=claim, question=question, wave=wave, level=level, bad_sums="drop", unit=unit
        )


def _inside(times: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Mark times in [start, end)."""
    known = pd.to_datetime(times, utc=True)
    return (known >= start) & (known < end)


def traced(
    records: Any, start: pd.Timestamp, end: pd.Timestamp, kinds: tuple[str, ...], **options: Any
) -> TraceCurve:
    """Count answers received and courses finished by learner in the span; other kinds of traces are no answers."""
    events, courses = records.events, records.completions
    if not len(events) or not len(courses):
        raise DataError("it takes traces of answers and a record of finished courses over the same span.")
    kind = events["kind"].astype("str")
    mine = kind.isin(kinds)
    if not mine.any():
        raise DataError(
            f"no trace is of the kind {' or '.join(kinds)}: the traces hold {quoted(kind.unique())}. Name those that "
            "are answered questions with kinds=."
        )
    other = kind[~mine].value_counts()
    answered = events[mine & _inside(events["time"], start, end)]
    done = courses[_inside(courses["time"], start, end) & courses["time"].notna()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PeerNetWarning)
        found = trace_curve(answered.groupby("learner").size(), done.groupby("person").size(), **options)
    left = f"; not counted: {', '.join(f'{n} of kind {k}' for k, n in other.items())}" if len(other) else ""
    return replace(found, counted=f"traces of kind {', '.join(kinds)}{left}")


def diffusion_methods() -> Any:
    """Return the package of diffusion methods, whichever of its modules hold them."""
    return importlib.import_module("peernet.diffusion")


def learning_network(records: Any, relation: str | None, wave: Any = None) -> PeerNetwork:
    """Return who teaches whom: the relation named, else the first that was asked of learners, else the traces."""
    roles = list(getattr(records, "roles", {}) or {})
    learned = [r for r in roles if records.roles[r] == "learner"] or roles
    chosen = relation or (learned[0] if learned else None)
    net: PeerNetwork = records.network(relation=chosen, wave=wave if chosen else None)
    return net


def free_items(records: Any, start: Any) -> tuple[pd.DataFrame, list[Any]]:
    """Return adoptions, and items that 20 or more people chose themselves and few were told to, most adopted first."""
    adopted = diffusion_methods().adoptions_from(records, start=start)
    told = adopted["assigned"].astype("boolean").fillna(False)
    n = adopted[~told & adopted["time"].notna()].groupby("item").size()
    mostly = told.groupby(adopted["item"]).mean()
    often = n[n >= _FEW].sort_values(ascending=False, kind="stable").index
    return adopted, [item for item in often if mostly[item] < 0.2]


def implied_shares(
    records: Any,
    start: Any,
    end: Any,
    relation: str | None,
    wave: Any,
    items: Any,
    claim: float,
    level: float,
    rng: Any,
) -> tuple[pd.DataFrame, str]:
    """Fit diffusion of self-chosen items along who teaches whom; return the rows and what was refused."""
    net = learning_network(records, relation, wave)
    if not net.n_ties:
        raise DataError("there are no ties of who teaches whom (names in a survey, or traces of answers).")
    adopted, free = free_items(records, start)
    chosen = free if items is None else list(items)
    rows, refused = [], []
    for item in chosen:
        try:
            fit = diffusion_methods().fit_nbda(
                net,
                adopted[adopted["item"] == item],
                start=start,
                end=end,
                assigned="exclude",
                level=level,
                rng=rng,
            )
            found = diffusion_methods().social_transmission_share(
                fit, against=claim, sensitivity=False, rng=rng
            )
        except (DataError, FitError) as error:
            refused.append(f"{item}: {error}")
            continue
        rows.append(
            {
                "item": item,
                "n": found.n,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "ceiling": found.ceiling,
                "verdict": found.verdict,
            }
        )
    why = "; ".join(refused)
    if not rows and not why:
        why = f"no item was taken up by {_FEW} or more people who chose it themselves."
    return pd.DataFrame(rows), why


def known_words(
    records: Any, *, relation: Any, question: str, items: Any, kinds: tuple[str, ...], wave: Any
) -> None:
    """Refuse words that the records do not hold; where a table is empty there is nothing to compare with."""
    adopted = [t for t in (records.adoptions, records.completions) if len(t)]
    answers, names, events = records.answers, records.nominations, records.events
    asked = answers.loc[answers["question"] == "first_use", "item"] if len(answers) else []
    there = {
        "relation": (relation, {*names["relation"], *(getattr(records, "roles", {}) or {})}),
        "question": (
            "learning_share" if question == "learning_share" else question,
            set(answers["question"]),
        ),
        "wave": (wave, set(waves_of(records))),
    }
    for name, (word, known) in there.items():
        standard = name == "question" and word == "learning_share"
        if word is None or standard or not known or str(word) in {str(k) for k in known}:
            continue
        raise ValueError(
            f"{name}={word!r}: the records hold none.{suggest(word, known)} Known: {quoted(sorted(map(str, known)))}."
        )
    lists = {
        "items": (items or [], {*(i for t in adopted for i in t["item"]), *asked}),
        "kinds": (kinds if kinds != ("answer",) else (), set(events["kind"].astype("str"))),
    }
    for name, (words, known) in lists.items():
        wrong = [w for w in words if w not in known]
        if wrong and known:
            raise ValueError(
                f"{name}: the records hold no {quoted(wrong)}.{suggest(wrong[0], known)} "
                f"Known: {quoted(sorted(map(str, known)))}."
            )
