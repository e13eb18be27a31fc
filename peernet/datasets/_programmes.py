"""Mentoring and what peer teaching costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from peernet.datasets._design import Design
from peernet.datasets._people import Structure

__all__ = ["COSTS", "cost_sheet", "mentoring", "saving"]

# Low, most likely and high value of every input of the cost model.
COSTS: dict[str, tuple[float, float, float, str]] = {
    "replaced_hours": (600, 900, 1300, "course hours a year"),
    "fee": (35, 55, 90, "EUR per course hour"),
    "travel": (0, 8, 25, "EUR per course hour"),
    "wage": (38, 46, 60, "EUR per hour, all costs included"),
    "teacher_preparation": (0.05, 0.15, 0.4, "hours of a teacher per replaced hour"),
    "teacher_time": (0.1, 0.25, 0.6, "hours of a teacher per replaced hour"),
    "learner_time": (0.7, 1.0, 1.4, "hours of a learner per replaced hour"),
    "platform": (9_000, 12_000, 16_000, "EUR a year"),
    "coordination": (150, 240, 400, "hours a year"),
}


def mentoring(design: Design, where: Structure, rng: np.random.Generator) -> pd.DataFrame:
    """Pair juniors with mentors, six each, and rate everybody's performance before and after on a standard scale.

    ``gain = mentoring_effect * mentored + match_effect * same trade + mentor's own effect + noise``, the mentors' own
    effects with SD ``mentor_spread``. With ``mentor_selection`` those who did better before were likelier to get one.
    """
    n = len(where.unit)
    there = (where.hired < 0) & (where.left > 10_000 - 1)
    senior, junior = np.flatnonzero((where.grade >= 3) & there), np.flatnonzero((where.grade <= 2) & there)
    mentors = rng.permutation(senior)[: max(2, n // 30)]
    before = rng.standard_normal(n)
    wish = design.mentor_selection * before[junior] + rng.gumbel(size=len(junior))
    chosen = junior[np.argsort(-wish)[: min(6 * len(mentors), 2 * len(junior) // 3)]]
    chosen = rng.permutation(chosen)
    mentor = np.full(n, -1)
    mentor[chosen] = mentors[np.arange(len(chosen)) % len(mentors)]
    has = mentor >= 0
    matched = has & (where.family[mentor] == where.family)
    own = np.zeros(n)
    own[mentors] = design.mentor_spread * rng.standard_normal(len(mentors))
    gain = design.mentoring_effect * has + design.match_effect * matched + np.where(has, own[mentor], 0.0)
    after = 0.6 * before + gain + 0.8 * rng.standard_normal(n)
    out = pd.DataFrame(
        {
            "row": np.arange(n),
            "mentor": mentor,
            "matched": matched,
            "before": before,
            "after": after,
            "mentor_effect": own,
        }
    )
    return out.iloc[np.sort(junior)].reset_index(drop=True)


def saving(value: dict[str, float], equivalence: float) -> float:
    """Return what a year of peer teaching saves in EUR: replaced courses at their equivalence, less time and platform.

    ``hours * equivalence * (fee + travel + wage) - hours * wage * (preparation + teaching + learning) - platform
    - coordination * wage``
    """
    hours, wage = value["replaced_hours"], value["wage"]
    gain = hours * equivalence * (value["fee"] + value["travel"] + wage)
    time = value["teacher_preparation"] + value["teacher_time"] + value["learner_time"]
    return gain - hours * wage * time - value["platform"] - value["coordination"] * wage


def cost_sheet() -> pd.DataFrame:
    """Return the inputs of the cost model with their ranges."""
    rows = [(name, *values) for name, values in COSTS.items()]
    return pd.DataFrame(rows, columns=["input", "low", "likely", "high", "unit"])
