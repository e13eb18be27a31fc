"""Tests of single claims on a study's records: plain regressions with errors clustered by person."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import quoted
from peernet.claims._inputs import as_numbers, learned_relations, waves_of
from peernet.errors import DataError
from peernet.hypotheses.power import needed_shift

__all__ = [
    "Finding",
    "choice",
    "formal_informal",
    "peers_or_managers",
    "safety_asking",
    "safety_between",
    "teaching",
    "trust_useful",
    "trusted_like",
]

Floats = NDArray[np.float64]


class Finding(NamedTuple):
    """One estimate with its cluster-robust interval, against zero, and the smallest effect that it could show."""

    value: float
    low: float
    high: float
    p: float
    n: int
    unit: str
    how: str
    smallest: float = float("nan")


def clustered(
    y: Floats,
    x: Floats,
    group: Any,
    k: int,
    *,
    unit: str,
    how: str,
    level: float,
    scale: float = 1.0,
    spent: int = 0,
    who: str = "people",
) -> Finding:
    r"""Coefficient k of a least-squares fit with errors clustered by ``group``, over ``scale``.

    :math:`V = \frac{G}{G - 1 - a} (X'X)^{-1} \left( \sum_g X_g' u_g u_g' X_g \right) (X'X)^{-1}`, t with G - 1 - a
    degrees of freedom; a (``spent``) counts means that were taken off across groups beforehand.
    """
    keep = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[keep], x[keep]
    code = pd.factorize(np.asarray(group)[keep])[0]
    groups = int(code.max()) + 1 if len(code) else 0
    if groups < 20:
        are = "is" if groups == 1 else "are"
        raise DataError(f"{_number(groups, who)} with complete answers {are} too few for a test (20 needed).")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise DataError(
            f"{_number(groups, who)} gave complete answers, but what is compared does not vary among them, or moves "
            "exactly with another term: nothing to test."
        )
    df = groups - 1 - spent
    if df < 1:
        raise DataError(f"{groups} {who} in {spent + 1} units are too few for a test.")
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    scores = np.zeros((groups, x.shape[1]))
    np.add.at(scores, code, x * (y - x @ beta)[:, None])
    error = float(np.sqrt(groups / df * (bread @ scores.T @ scores @ bread)[k, k])) / scale
    value = float(beta[k]) / scale
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, (1 + level) / 2)) * error
    p = float(2 * stdtr(df, -abs(value) / error)) if error > 0 else float("nan")
    smallest = needed_shift(df, level=level) * error
    return Finding(value, value - half, value + half, p, groups, unit, how, smallest)


def _number(n: int, who: str) -> str:
    """Count people or units."""
    return f"{n} {who if n != 1 else {'people': 'person', 'units': 'unit'}.get(who, who)}"


def _wide(records: Any, question: str) -> pd.DataFrame:
    """Return answers to a question as numbers, people x items."""
    answers = records.answers
    mine = answers[answers["question"] == question]
    if not len(mine):
        raise DataError(f"nobody was asked {question!r}.")
    if "wave" in mine.columns and mine["wave"].nunique() > 1:
        raise DataError(
            f"{question!r} was asked in waves {quoted(waves_of(records))}. Pass wave= to choose one."
        )
    double = mine.duplicated(["person", "item"], keep=False)
    if double.any():
        raise DataError(
            f"{mine.loc[double, 'person'].nunique()} people answered {question!r} more than once "
            f"({quoted(mine.loc[double, 'person'].unique())}). Keep one answer a person, item and wave."
        )
    table = mine.assign(value=as_numbers(mine, question), item=mine["item"].fillna(""))
    found: pd.DataFrame = table.pivot(index="person", columns="item", values="value").sort_index(axis=1)
    return found


def _standard(x: pd.Series) -> pd.Series:
    """Return values in standard deviations from their mean."""
    return (x - x.mean()) / x.std(ddof=1)


def teaching(records: Any, expected: bool, level: float) -> Finding:
    """Gain in the taught topic after earlier skill, in standard deviations of what that leaves (ANCOVA over topics)."""
    before, after, taught = (_wide(records, q).stack() for q in ("skill_before", "skill_after", "taught"))
    frame = pd.DataFrame({"before": before, "after": after, "taught": taught}).dropna()
    topics = pd.get_dummies(frame.index.get_level_values("item"), drop_first=True).to_numpy(dtype=np.float64)
    x = np.column_stack(
        [np.ones(len(frame)), frame["before"], frame["taught"] == 3, frame["taught"] == 2, topics]
    ).astype(np.float64)
    y = frame["after"].to_numpy(dtype=np.float64)
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    scale = float(np.sqrt(left @ left / max(len(y) - x.shape[1], 1)))
    people = frame.index.get_level_values("person")
    return clustered(
        y,
        x,
        people,
        2 if expected else 3,
        unit="standard deviations",
        level=level,
        scale=scale,
        how="skill after on skill before, taught and topic; errors by person",
    )


def _ties(records: Any) -> pd.DataFrame:
    """Return nominations whose respondent is the learner, with ratings and both people's attributes."""
    names = records.nominations
    found: pd.DataFrame = names[names["relation"].isin(learned_relations(records))]
    if "wave" in found.columns and found["wave"].nunique() > 1:
        raise DataError(f"names were given in waves {quoted(waves_of(records))}. Pass wave= to choose one.")
    return found


def _within(frame: pd.DataFrame, columns: list[str], by: str) -> pd.DataFrame:
    """Return columns less their mean within groups."""
    values = frame[columns].astype("float64")
    found: pd.DataFrame = values - values.groupby(frame[by]).transform("mean")
    return found


def _varying(inner: pd.Series[Any], by: pd.Series[Any], what: str) -> NDArray[np.bool_]:
    """Mark rows of people in whom a centred quantity varies: the others say nothing on it and are no clusters."""
    keep: NDArray[np.bool_] = (inner.abs().groupby(by).transform("max") > 1e-9).to_numpy(dtype=bool)
    n = int(by[keep].nunique())
    if n < 20:
        raise DataError(f"{n} people {what}; 20 are needed, since only within them can it be compared.")
    return keep


def trust_useful(records: Any, level: float) -> Finding:
    """Usefulness of a tie per standard deviation of trust, within learner."""
    ties = _ties(records).dropna(subset=["trust", "usefulness"])
    inner = _within(ties, ["trust", "usefulness"], "respondent")
    sd = ties[["trust", "usefulness"]].astype("float64").std(ddof=1)
    keep = _varying(inner["trust"], ties["respondent"], "trust those they rated unequally")
    return clustered(
        inner["usefulness"].to_numpy()[keep] / sd["usefulness"],
        inner[["trust"]].to_numpy()[keep] / sd["trust"],
        ties["respondent"][keep],
        0,
        unit="standard deviations per standard deviation",
        level=level,
        how="within learners who trust some more than others; errors by learner",
    )


def trusted_like(records: Any, level: float) -> Finding:
    """Trust in people who are more alike (unit, site, trade), in standard deviations of trust per shared attribute."""
    ties = _ties(records).dropna(subset=["trust"])
    people = records.people
    same = pd.Series(0.0, index=ties.index)
    used = [c for c in ("unit", "site", "job_family") if c in people.columns]
    if not used:
        raise DataError("the roster holds no unit, site or trade, so nobody can be called alike.")
    for name in used:
        mine, theirs = ties["respondent"].map(people[name]), ties["named"].map(people[name])
        same += (mine == theirs).astype("float64").where(mine.notna() & theirs.notna())
    frame = ties.assign(alike=same).dropna(subset=["alike"])
    inner = _within(frame, ["trust", "alike"], "respondent")
    sd = float(frame["trust"].astype("float64").std(ddof=1))
    keep = _varying(inner["alike"], frame["respondent"], "named both more and less similar people")
    words = {"unit": "unit", "site": "site", "job_family": "trade"}
    return clustered(
        inner["trust"].to_numpy()[keep] / sd,
        inner[["alike"]].to_numpy()[keep],
        frame["respondent"][keep],
        0,
        unit="standard deviations per thing in common",
        level=level,
        how=f"within learner; in common: {', '.join(words[c] for c in used)}; errors by learner",
    )


def peers_or_managers(records: Any, level: float) -> Finding:
    """Usefulness of peers less that of the own manager, within learner, in standard deviations.

    A peer manages nobody and does not report to the learner; managers of other people are authorities too and are left
    out, as are people who report to the learner.
    """
    ties = _ties(records).dropna(subset=["usefulness"])
    frame = ties.assign(peer=peer_or_manager(ties, records.people["manager"])).dropna(subset=["peer"])
    inner = _within(frame, ["usefulness", "peer"], "respondent")
    keep = _varying(inner["peer"], frame["respondent"], "rated both a peer and their own manager")
    sd = float(frame["usefulness"].astype("float64").std(ddof=1))
    return clustered(
        inner["usefulness"].to_numpy()[keep] / sd,
        inner[["peer"]].to_numpy()[keep],
        frame["respondent"][keep],
        0,
        unit="standard deviations",
        level=level,
        how="within learners who rated both; people who manage others than the learner, or report to the learner, "
        "are left out; errors by learner",
    )


def peer_or_manager(ties: pd.DataFrame, manager: pd.Series[Any]) -> pd.Series[Any]:
    """Return 1 for a peer, 0 for the own manager, NaN for other managers, own reports, and people without a manager."""
    boss, theirs = ties["respondent"].map(manager), ties["named"].map(manager)
    own = boss == ties["named"]
    other = ~own & (ties["named"].isin(set(manager.dropna())) | (theirs == ties["respondent"]))
    return (~own).astype("float64").where(boss.notna() & ~other)


def _by_unit(records: Any) -> pd.DataFrame:
    """Return safety and asking, each in standard deviations over people, with the unit; people without one are out."""
    safety, asking = (_wide(records, q).mean(axis=1) for q in ("safety", "asking"))
    if "unit" not in records.people.columns:
        raise DataError("the roster holds no units, so within and between units cannot be told apart.")
    frame = pd.DataFrame({"safety": _standard(safety), "asking": _standard(asking)})
    return frame.assign(unit=records.people["unit"].reindex(frame.index)).dropna()


def safety_asking(records: Any, level: float) -> Finding:
    """Asking per standard deviation of safety, among people of one unit."""
    frame = _by_unit(records)
    inner = _within(frame, ["safety", "asking"], "unit")
    keep = (inner["safety"].abs().groupby(frame["unit"]).transform("max") > 1e-9).to_numpy(dtype=bool)
    inner, units = inner[keep], frame["unit"][keep]
    return clustered(
        inner["asking"].to_numpy(),
        inner[["safety"]].to_numpy(),
        inner.index,
        0,
        unit="standard deviations per standard deviation",
        level=level,
        spent=max(int(units.nunique()) - 1, 0),
        how=f"among people of the same of {units.nunique()} units; robust errors",
    )


def safety_between(records: Any, level: float) -> Finding:
    """Mean asking of a unit per standard deviation (of people) of its mean safety."""
    means = _by_unit(records).groupby("unit").mean()
    x = np.column_stack([np.ones(len(means)), means["safety"]])
    return clustered(
        means["asking"].to_numpy(),
        x,
        means.index,
        1,
        unit="standard deviations per standard deviation",
        level=level,
        spent=1,
        who="units",
        how="over means of units; robust errors",
    )


def choice(records: Any, level: float) -> Finding:
    """Completion of self-chosen less that of assigned courses, within person, as a share of courses."""
    courses = records.completions
    frame = courses.assign(
        done=courses["time"].notna().astype("float64"), own=1.0 - courses["assigned"].astype("float64")
    )
    frame = frame.dropna(subset=["own"])
    # Courses that everybody has to take, or nobody, say nothing on choice: their topic would be mistaken for it.
    mixed = frame.groupby("item")["own"].transform("mean").between(0.1, 0.9)
    frame = frame[mixed]
    if not len(frame):
        raise DataError("every course was either assigned to all or chosen by all.")
    dummies = pd.get_dummies(frame["item"], drop_first=True).astype("float64")
    inner = _within(frame.join(dummies), ["done", "own", *dummies.columns], "person")
    keep = _varying(
        inner["own"], frame["person"], "took both courses they chose and courses they were assigned"
    )
    x = inner[["own", *dummies.columns]].to_numpy()[keep]
    # A course that none of them took says nothing and would make the fit singular.
    x = x[:, (np.abs(x) > 1e-12).any(axis=0)]
    return clustered(
        inner["done"].to_numpy()[keep],
        x,
        frame["person"][keep],
        0,
        unit="difference in the share of courses finished",
        level=level,
        how="within people who took courses of both kinds, and within course; errors by person",
    )


def formal_informal(records: Any, level: float) -> Finding:
    """Performance by the product of formal and informal learning, each in standard deviations."""
    hours, now = _wide(records, "hours"), _wide(records, "performance").mean(axis=1)
    if hours.shape[1] != 2:
        raise DataError(f"hours of learning came in {hours.shape[1]} kinds; formal and informal are needed.")
    frame = pd.DataFrame(
        {
            "f": _standard(np.log1p(hours.iloc[:, 0])),
            "i": _standard(np.log1p(hours.iloc[:, 1])),
            "y": _standard(now),
        }
    ).dropna()
    x = np.column_stack([np.ones(len(frame)), frame["f"], frame["i"], frame["f"] * frame["i"]])
    return clustered(
        frame["y"].to_numpy(),
        x,
        frame.index,
        3,
        unit="standard deviations per product",
        level=level,
        how="log hours, standardised; robust errors",
    )
