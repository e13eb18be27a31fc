"""Who was asked, who answered, and which strata their answers stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column, quoted, suggest
from peernet._tables import STATUSES, as_ids
from peernet.errors import DataError

__all__ = ["NotAsked", "Roster", "first_answer", "from_records", "make_roster", "pool_small", "question_text"]

NotAsked = Literal["outside", "sampled"]
_NO_UNIT = "(no unit)"
POOLED = "(small units)"


class Roster(NamedTuple):
    """The people of the target population, with unit and status for this question."""

    ids: pd.Index[Any]
    unit: NDArray[np.object_]
    answered: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    objected: NDArray[np.bool_]
    counts: dict[str, int]
    known: bool


def from_records(records: Any, question: str, wave: Any) -> tuple[pd.DataFrame, pd.DataFrame | None, Any]:
    """Return shares (people x sources), the people table and the respondents of one wave of a study's records."""
    answers = getattr(records, "answers", None)
    if answers is None or not len(answers):
        raise DataError(
            f"records hold no answers, so nobody said {question!r}. Read the survey that asked for shares."
        )
    rows = answers[answers["question"] == question]
    if not len(rows):
        known = answers["question"].unique()
        raise DataError(
            f"records: no answers to the question {question!r}.{suggest(question, known)} Questions: {quoted(known)}. "
            "Name it in the codebook, or pass question=."
        )
    if "wave" in rows.columns:
        waves = rows["wave"].dropna().unique()
        if wave is None and len(waves) > 1:
            raise DataError(
                f"records: {question!r} was asked in waves {quoted(waves)}. Pass wave= to choose one."
            )
        wave = waves[0] if wave is None and len(waves) else wave
        if wave is not None and wave not in set(waves):
            raise DataError(f"records: {question!r} has no answers in wave {wave!r}. Waves: {quoted(waves)}.")
        if wave is not None:
            rows = rows[rows["wave"] == wave]
    double = rows.duplicated(["person", "item"], keep=False)
    if double.any():
        raise DataError(
            f"records: {rows.loc[double, 'person'].nunique()} people gave more than one share for a source "
            f"({quoted(rows.loc[double, 'person'].unique())}). Keep one answer a person and wave."
        )
    order = list(dict.fromkeys(rows["item"]))
    shares = rows.pivot(index="person", columns="item", values="value")[order]
    respondents = getattr(records, "respondents", None)
    if respondents is not None and "wave" in respondents.columns and wave is not None:
        respondents = respondents[respondents["wave"].isna() | (respondents["wave"] == wave)]
    return shares, respondents, getattr(records, "people", None)


def first_answer(respondents: pd.DataFrame | None) -> str:
    """Return the day of the first answer of a wave as ISO text; empty where nobody recorded it."""
    if respondents is None:
        return ""
    times = [respondents[c] for c in ("started", "finished") if c in respondents.columns]
    known = (
        pd.to_datetime(pd.concat(times), utc=True, errors="coerce").dropna()
        if times
        else pd.Series(dtype="object")
    )
    return str(known.min().date()) if len(known) else ""


def question_text(questions: Any, question: str) -> str:
    """Return a question as it was read, without the item that a survey tool hangs on it; empty without a codebook."""
    if questions is None or not len(questions) or not {"question", "text"} <= set(questions.columns):
        return ""
    texts = questions.loc[questions["question"] == question, "text"].dropna().astype("str")
    if not len(texts):
        return ""
    stem = texts.iloc[0].rsplit(" - ", 1)[0] if len(texts) > 1 else texts.iloc[0]
    return re.sub(r"\s*\([^()]*\bsum\b[^()]*\)$", "", " ".join(stem.split())).rstrip(": ")


def _statuses(respondents: Any, ids: pd.Index[Any]) -> pd.Series[Any]:
    """Return the status of everybody on the roster; missing for people without an entry."""
    if isinstance(respondents, pd.DataFrame):
        status = column(respondents, "status", "respondents")
        if "person" in respondents.columns:
            status = pd.Series(status.to_numpy(), index=respondents["person"])
    elif isinstance(respondents, (pd.Series, Mapping)):
        status = pd.Series(respondents, dtype="object")
    else:
        raise DataError(
            "respondents must be a table with person and status, or a mapping from person to status."
        )
    status.index = as_ids(status.index, "respondents")
    wrong = status[~status.isin(STATUSES)]
    if len(wrong):
        raise DataError(
            f"respondents: {len(wrong)} statuses are not known ({quoted(wrong.unique())}). "
            f"Allowed: {', '.join(STATUSES)}."
        )
    double = status.index[status.index.duplicated()]
    if len(double):
        raise DataError(
            f"respondents: {len(double)} people stand twice ({quoted(double.unique())}). Pass the rows of "
            "a single wave."
        )
    return status.reindex(ids)


def make_roster(
    people: Any, unit: str | None, respondents: Any, answered: pd.Index[Any], not_asked_are: NotAsked
) -> Roster:
    """Join the answers to the people; without people everybody known is an answer and nothing is said on silence.

    People who objected count as heads of whom nothing is known; what they may have written is not looked at.
    """
    if people is None:
        n = len(answered)
        yes = np.ones(n, dtype=bool)
        return Roster(answered, np.full(n, "all", dtype=object), yes, yes, ~yes, {"answered": n}, known=False)
    if isinstance(people, pd.Series):
        people = people.to_frame(unit or "unit")
    if "person" in people.columns:
        people = people.set_index("person")
    ids = as_ids(people.index, "people")
    if ids.has_duplicates:
        raise DataError(f"people: {quoted(ids[ids.duplicated()])} stand twice. Keep one row a person.")
    strangers = answered.difference(ids)
    if len(strangers):
        raise DataError(
            f"shares: {len(strangers)} of {len(answered)} people who answered are not in people ({quoted(strangers)})."
            f"{suggest(strangers[0], ids)} Add them to the roster, or leave their rows out."
        )
    if unit is None:
        units: NDArray[np.object_] = np.full(len(ids), "all", dtype=object)
    else:
        if unit not in people.columns:
            raise DataError(
                f"people has no column {unit!r} for the units.{suggest(unit, people.columns)} "
                "Pass unit=<column>, or unit=None for one stratum."
            )
        units = people[unit].astype("object").to_numpy(dtype=object, copy=True)
        units[pd.isna(units)] = _NO_UNIT
    told = ids.isin(answered)
    stated = pd.Series(pd.NA, index=ids) if respondents is None else _statuses(respondents, ids)
    # People without an entry were asked and are silent.
    status = stated.fillna("silent").astype("str")
    objected = (status == "objected").to_numpy()
    not_asked = (status == "not_asked").to_numpy()
    for word in ("not_asked", "silent"):
        odd = ids[(stated == word).fillna(False).to_numpy(dtype=bool) & told]
        if len(odd):
            raise DataError(
                f"respondents: {len(odd)} people have shares but the status {word} ({quoted(odd)}). Correct the "
                "status, or leave their shares out."
            )
    told &= ~objected
    unusable = (
        (status == "answered").to_numpy() & ~told & ~objected if respondents is not None else ~told & told
    )
    keep = ~not_asked if not_asked_are == "outside" else np.ones(len(ids), dtype=bool)
    counts = {
        "people": int(keep.sum()), "asked": int((keep & ~not_asked).sum()), "answered": int((told & keep).sum()),
        "silent": int((keep & ~not_asked & ~told & ~objected & ~unusable).sum()),
        "unusable": int((keep & unusable).sum()), "not_asked": int(not_asked.sum()),
        "objected": int(objected.sum()),
    }  # fmt: skip
    return Roster(ids[keep], units[keep], told[keep], ~not_asked[keep], objected[keep], counts, known=True)


def pool_small(
    unit: NDArray[np.object_], seen: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], list[Any], list[Any]]:
    """Return stratum codes in which every stratum has two people seen, or all of them; and what was pooled.

    Units short of two are pooled with each other, then with the smallest of the others until they suffice.
    """
    code, names = pd.factorize(unit, sort=False)
    size = np.bincount(code, minlength=len(names))
    n = np.bincount(code, seen, len(names))
    short = (n < 2) & (n < size)
    labels = [str(name) for name in names]
    pooled = [names[k] for k in np.flatnonzero(short)]
    if not short.any():
        return code, labels, []
    merged = np.flatnonzero(short)
    for k in sorted(np.flatnonzero(~short), key=lambda k: size[k]):
        if n[merged].sum() >= 2:
            break
        merged = np.append(merged, k)
    mapping = np.arange(len(names))
    mapping[merged] = merged[0]
    labels[merged[0]] = POOLED
    fresh, old = pd.factorize(mapping[code], sort=False)
    return fresh, [labels[k] for k in old], pooled
