"""How four skills spread: along the ties, by a deadline, by taste, and in too few people to say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peernet.datasets._design import DAYS, Design
from peernet.datasets._people import Floats, Structure
from peernet.datasets._ties import Ties

__all__ = ["DUE_DAYS", "Spread", "deadline_days", "social_days", "social_truth", "taste_days"]

DUE_DAYS = (90, 181, 272)
_NEVER = np.inf


class Spread(NamedTuple):
    """Day of adoption of each person (inf = not within the year) and, for learned skills, what was social in truth."""

    day: Floats
    base: float  # asocial rate a day
    s: float  # relative strength of one informed teacher
    share: float  # propST at the true parameters on this history, one innovator left out
    ceiling: float  # share of adopters who had an informed teacher


def taught_by(n: int, ties: Ties) -> Floats:
    """Return the 0/1 matrix of learners (rows) by teachers (columns) of ties that stood all year."""
    matrix = np.zeros((n, n))
    matrix[ties.learner, ties.teacher] = ties.since == 0
    return matrix


def _simulate(
    matrix: Floats, rate: Floats, s: float, present: NDArray[np.bool_], rng: np.random.Generator
) -> Floats:
    """Draw adoption times until all know: hazard_i(t) = rate_i (1 + s * number of informed teachers)."""
    n = len(matrix)
    day = np.full(n, _NEVER)
    waiting, teachers, now = present.copy(), np.zeros(n), 0.0
    while waiting.any():
        hazard = np.where(waiting, rate * (1 + s * teachers), 0.0)
        total = hazard.sum()
        if total <= 0:
            break
        now += rng.exponential(1 / total)
        who = int(np.searchsorted(np.cumsum(hazard), rng.random() * total, side="right"))
        day[who], waiting[who] = now, False
        teachers += matrix[:, who]
    return day


def social_truth(matrix: Floats, day: Floats, s: float) -> tuple[float, float]:
    """Return propST and its ceiling: an adoption by somebody with T informed teachers counts sT / (1 + sT)."""
    order = np.argsort(day, kind="stable")
    order = order[np.isfinite(day[order])]
    if len(order) < 2:
        return float("nan"), float("nan")
    informed = np.array([matrix[who, order[:k]].sum() for k, who in enumerate(order)])
    return (
        float((s * informed / (1 + s * informed)).sum() / (len(order) - 1)),
        float((informed > 0).sum() / (len(order) - 1)),
    )


def social_days(
    design: Design, where: Structure, ties: Ties, rng: np.random.Generator, *, only: int | None = None
) -> Spread:
    """Spread a skill along who teaches whom; with ``only``, slowly enough that so many people learn it in the year."""
    n = len(where.unit)
    matrix = taught_by(n, ties)
    present = (where.hired <= 0) & (where.left > DAYS)
    base = design.adoption_rate / DAYS
    day = _simulate(matrix, np.full(n, base), design.transmission, present, rng)
    if only is not None:
        ordered = np.sort(day)
        k = min(only, int(np.isfinite(ordered).sum()) - 1)
        stretch = DAYS / ((ordered[k - 1] + ordered[k]) / 2)
        day, base = day * stretch, base / stretch
    day = np.where(day < DAYS, day, _NEVER)
    share, ceiling = social_truth(matrix, day, design.transmission)
    return Spread(day, base, design.transmission, share, ceiling)


def deadline_days(
    design: Design, where: Structure, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Return days on which people finished an assigned course, and the days on which it was due for their unit.

    A share ``deadline`` finishes in the days before the due date (exponential, mean 6 days), the rest on any day.
    """
    n = len(where.unit)
    due = np.array(DUE_DAYS)[where.unit % len(DUE_DAYS)]
    late = due - rng.exponential(6.0, n) + 1.5
    any_day = rng.uniform(5, DAYS, n)
    day = np.where(rng.random(n) < design.deadline, late, any_day)
    day = np.maximum(day, where.hired + 5.0)
    gone = (day >= np.minimum(where.left, DAYS)) | (rng.random(n) < 0.04)
    return np.where(gone, _NEVER, day), due


def taste_days(design: Design, where: Structure, ties: Ties, rng: np.random.Generator) -> Floats:
    """Spread a skill by taste alone: certain trades and people who are asked a lot take it up first.

    hazard_i = adoption_rate / 7 * exp(taste * (3 [engineering or analysis] + 0.7 log(1 + learners_i) - mean)). Ties
    follow trades, so it looks like contagion; more so transposed, where those asked a lot have many "teachers".
    """
    n = len(where.unit)
    asked = np.bincount(ties.teacher[ties.since == 0], minlength=n)
    liking = 3.0 * (where.family <= 1) + 0.7 * np.log1p(asked)
    rate = design.adoption_rate / 7 / DAYS * np.exp(design.taste * (liking - liking.mean()))
    day = rng.exponential(1 / rate, n)
    day = np.where((where.hired <= 0) & (where.left > DAYS), day, _NEVER)
    return np.where(day < DAYS, day, _NEVER)
