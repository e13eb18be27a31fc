"""Tests of single claims on a study's records: plain regressions with errors clustered by person."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.errors import DataError
from peernet.hypotheses.power import needed_shift

__all__ = [
    "Finding",
    "choice",
    "formal_informal",
    "peers_or_managers",
    "safety_asking",
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
    y: Floats, x: Floats, group: Any, k: int, *, unit: str, how: str, level: float, scale: float = 1.0
) -> Finding:
    r"""Coefficient k of a least-squares fit with errors clustered by ``group``, over ``scale``.

    :math:`V = \frac{G}{G - 1} (X'X)^{-1} \left( \sum_g X_g' u_g u_g' X_g \right) (X'X)^{-1}`, t with G - 1 degrees
    of freedom.
    """
    keep = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[keep], x[keep]
    code = pd.factorize(np.asarray(group)[keep])[0]
    groups = int(code.max()) + 1 if len(code) else 0
    if groups < 20 or np.linalg.matrix_rank(x) < x.shape[1]:
        raise DataError(
            f"{groups} people with complete answers that vary are too few for a test (20 needed)."
        )
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    scores = np.zeros((groups, x.shape[1]))
    np.add.at(scores, code, x * (y - x @ beta)[:, None])
    error = float(np.sqrt(groups / (groups - 1) * (bread @ scores.T @ scores @ bread)[k, k])) / scale
    value = float(beta[k]) / scale
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(groups - 1, (1 + level) / 2)) * error
    p = float(2 * stdtr(groups - 1, -abs(value) / error)) if error > 0 else float("nan")
    smallest = needed_shift(groups - 1, level=level) * error
    return Finding(value, value - half, value + half, p, groups, unit, how, smallest)


def _wide(records: Any, question: str) -> pd.DataFrame:
    """Return answers to a question as numbers, people x items."""
    answers = records.answers
    mine = answers[answers["question"] == question]
    if not len(mine):
        raise DataError(f"nobody was asked {question!r}.")
    if "wave" in mine.columns and mine["wave"].nunique() > 1:
        mine = mine[mine["wave"] == mine["wave"].dropna().iloc[-1]]
    table = mine.assign(value=pd.to_numeric(mine["value"], errors="coerce"))
    found: pd.DataFrame = table.pivot_table(
        index="person", columns="item", values="value", aggfunc="last", dropna=False, sort=True
    )
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
    learned = [r for r, role in records.roles.items() if role == "learner"]
    found: pd.DataFrame = names[names["relation"].isin(learned)]
    return found


def _within(frame: pd.DataFrame, columns: list[str], by: str) -> pd.DataFrame:
    """Return columns less their mean within groups."""
    values = frame[columns].astype("float64")
    found: pd.DataFrame = values - values.groupby(frame[by]).transform("mean")
    return found


def trust_useful(records: Any, level: float) -> Finding:
    """Usefulness of a tie per standard deviation of trust, within learner."""
    ties = _ties(records).dropna(subset=["trust", "usefulness"])
    inner = _within(ties, ["trust", "usefulness"], "respondent")
    sd = ties[["trust", "usefulness"]].astype("float64").std(ddof=1)
    return clustered(
        inner["usefulness"].to_numpy() / sd["usefulness"],
        inner[["trust"]].to_numpy() / sd["trust"],
        ties["respondent"],
        0,
        unit="standard deviations per standard deviation",
        level=level,
        how="within learner; errors by learner",
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
    return clustered(
        inner["trust"].to_numpy() / sd,
        inner[["alike"]].to_numpy(),
        frame["respondent"],
        0,
        unit=f"standard deviations per shared {' / '.join(used)}",
        level=level,
        how="within learner; errors by learner",
    )


def peers_or_managers(records: Any, level: float) -> Finding:
    """Usefulness of peers less that of the own manager, within learner, in standard deviations."""
    ties = _ties(records).dropna(subset=["usefulness"])
    boss = ties["respondent"].map(records.people["manager"])
    frame = ties.assign(peer=(boss != ties["named"]).astype("float64").where(boss.notna())).dropna(
        subset=["peer"]
    )
    both = frame.groupby("respondent")["peer"].transform("nunique") > 1
    if frame.loc[both, "respondent"].nunique() < 20:
        n = frame.loc[both, "respondent"].nunique()
        raise DataError(f"{n} people rated both a peer and their own manager; 20 are needed.")
    frame = frame[both]
    inner = _within(frame, ["usefulness", "peer"], "respondent")
    sd = float(frame["usefulness"].astype("float64").std(ddof=1))
    return clustered(
        inner["usefulness"].to_numpy() / sd,
        inner[["peer"]].to_numpy(),
        frame["respondent"],
        0,
        unit="standard deviations",
        level=level,
        how="within learners who rated both; errors by learner",
    )


def safety_asking(records: Any, level: float) -> Finding:
    """Asking per standard deviation of safety, over people."""
    safety, asking = (_wide(records, q).mean(axis=1) for q in ("safety", "asking"))
    frame = pd.DataFrame({"safety": _standard(safety), "asking": _standard(asking)}).dropna()
    x = np.column_stack([np.ones(len(frame)), frame["safety"]])
    return clustered(
        frame["asking"].to_numpy(),
        x,
        frame.index,
        1,
        unit="standard deviations per standard deviation",
        level=level,
        how="over people, between and within units together; robust errors",
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
    x = inner[["own", *dummies.columns]].to_numpy()
    return clustered(
        inner["done"].to_numpy(),
        x,
        frame["person"],
        0,
        unit="share of courses finished",
        level=level,
        how="within person and course; errors by person",
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
