"""What people leave behind: answers in chat and courses on the learning platform."""

from __future__ import annotations

import numpy as np
import pandas as pd

from peernet.datasets._design import DAYS, Design
from peernet.datasets._people import Floats, Structure
from peernet.datasets._ties import Ties

__all__ = ["COURSES", "chat_events", "completions", "launches", "work_seconds"]

COURSES = (
    ("C-A", "Query notebooks in practice", "text+exercise"),
    ("C-B", "Security basics", "video"),
    ("C-C", "Dashboards people read", "video+text"),
    ("C-D", "The contract playbook", "text"),
    ("C-01", "Running a retrospective", "video"),
    ("C-02", "Forecasting with spreadsheets", "text"),
    ("C-03", "Handling a difficult call", "video+text+exercise"),
    ("C-04", "Writing for customers", "text"),
    ("C-05", "Incident reports", "live"),
    ("C-06", "Statistics refresher", "video+exercise"),
    ("C-07", "Negotiation", "live"),
    ("C-08", "Accounting for non-accountants", "video+text+exercise"),
)


def launches(
    design: Design, where: Structure, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the day on which each unit got the sharing platform, in random order; a fifth of units never did."""
    n = design.n_units
    order = rng.permutation(n)
    day = np.full(n, -1)
    served = order[: max(1, n - n // 5)] if n > 1 else order
    day[served] = np.round(np.linspace(80, 240, len(served))).astype(int)
    return day


def work_seconds(day: Floats, rng: np.random.Generator) -> Floats:
    """Move days to working days and hours; seconds since the first day of the year, UTC."""
    whole = np.floor(day).astype(int)
    weekend = (whole + 2) % 7 >= 5  # day 0 was a Wednesday
    whole = np.where(weekend, whole - (whole + 2) % 7 + 4, whole)
    whole = np.maximum(whole, 0)
    hour = np.clip(rng.normal(11.5, 2.4, len(whole)), 6.5, 18.5)
    seconds = whole * 86_400.0 + hour * 3600 + rng.random(len(whole)) * 60
    return np.asarray(np.round(seconds), dtype=np.float64)


def chat_events(
    design: Design,
    where: Structure,
    ties: Ties,
    launch: np.ndarray[tuple[int], np.dtype[np.int64]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Answer questions: one row per help episode, in seconds of the year, with the place where it happened.

    Episodes of a tie arrive at ``chat_rate * weight`` a year from the day on which the tie exists, and
    ``exp(launch_effect)`` times as fast once the learner's unit has the platform. A part happens where no export
    looks: private channels and messages.
    """
    n_ties = len(ties.teacher)
    start = np.maximum(ties.since, 0)
    switch = launch[where.unit[ties.learner]]
    switch = np.where(switch < 0, DAYS, np.maximum(switch, start))
    per_day = design.chat_rate * ties.weight / DAYS
    before = rng.poisson(per_day * (switch - start))
    after = rng.poisson(per_day * np.exp(design.launch_effect) * (DAYS - switch))
    tie = np.repeat(np.tile(np.arange(n_ties), 2), np.r_[before, after])
    low, high = np.r_[start, switch], np.r_[switch, np.full(n_ties, DAYS)]
    bounds = np.repeat(np.arange(2 * n_ties), np.r_[before, after])
    asked = work_seconds(rng.uniform(low[bounds], np.maximum(high[bounds], low[bounds] + 1e-9)), rng)
    delay = np.round(np.exp(rng.normal(7.2, 1.2, len(tie))))
    delay += 86_400 * np.where(rng.random(len(tie)) < 0.08, rng.integers(1, 15, len(tie)), 0)
    teacher, learner = ties.teacher[tie], ties.learner[tie]
    same_unit = where.unit[teacher] == where.unit[learner]
    draw = rng.random(len(tie))
    place = np.where(draw < 0.12, "dm", np.where(draw < 0.2, "private", np.where(same_unit, "unit", "help")))
    there = (where.hired[learner] < asked / 86_400) & (where.left[learner] > asked / 86_400)
    there &= (where.hired[teacher] < asked / 86_400) & (where.left[teacher] > (asked + delay) / 86_400)
    frame = pd.DataFrame(
        {
            "asked": asked, "answered": asked + delay, "teacher": teacher, "learner": learner, "place": place,
            "topic": rng.choice(["tools", "customers", "process", "data"], size=len(tie)),
            "thanks": rng.random(len(tie)) < 0.4, "tie": tie,
        }
    )[there]  # fmt: skip
    if where.expert is not None:
        frame = pd.concat([frame, _expert_answers(where, where.expert, rng)])
    return frame.sort_values(["asked", "learner", "teacher"], kind="stable").reset_index(drop=True)


def _expert_answers(where: Structure, expert: int, rng: np.random.Generator) -> pd.DataFrame:
    """Ask the sole expert about the billing engine, from every unit; nobody else ever answers."""
    n = 70
    pool = np.flatnonzero((where.hired < 0) & (where.left > DAYS) & (np.arange(len(where.unit)) != expert))
    asked = work_seconds(rng.uniform(35, 360, n), rng)
    return pd.DataFrame(
        {
            "asked": asked, "answered": asked + np.round(np.exp(rng.normal(7.0, 1.0, n))), "teacher": expert,
            "learner": rng.choice(pool, n), "place": "expert", "topic": "billing engine", "thanks": rng.random(n) < 0.5,
            "tie": -1,
        }
    )  # fmt: skip


def completions(
    design: Design,
    where: Structure,
    spreads: dict[str, Floats],
    due: np.ndarray[tuple[int], np.dtype[np.int64]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return platform rows: the four skills as courses, then eight other courses, partly assigned, partly chosen.

    Elsewhere P(complete) = expit(.2 + able_i + choice_effect * chosen); score = 70 + 6 able_i + 10 media_effect *
    (number of media - 1) + 8 e, so one more medium is worth ``media_effect`` standard deviations of 10 points.
    """
    n = len(where.unit)
    able = 0.8 * rng.standard_normal(n)
    authors = rng.choice(np.flatnonzero(where.grade >= 3), size=len(COURSES))
    rows = []
    for k, (code, _, formats) in enumerate(COURSES):
        media = formats.count("+")
        if code[2:] in spreads:
            day = spreads[code[2:]]
            chosen = np.full(n, code != "C-B")
            takes = np.isfinite(day) | ((rng.random(n) < 0.1) if code != "C-B" else (where.left > DAYS))
            done = np.isfinite(day)
        else:
            takes = (rng.random(n) < 0.3) & (where.left > DAYS) & (where.hired < 0)
            chosen = rng.random(n) < 0.5
            done = rng.random(n) < 1 / (1 + np.exp(-(0.2 + able + design.choice_effect * chosen)))
            day = np.where(done, rng.uniform(10, DAYS - 1, n), np.inf)
        score = 70 + 6 * able + 10 * design.media_effect * media + 8 * rng.standard_normal(n)
        begun = np.where(done, day, rng.uniform(10, DAYS - 2, n)) - rng.exponential(3.0, n)
        minutes = np.round(np.exp(rng.normal(3.7, 0.5, n)))
        # People who never finish the assigned course have a due date all the same.
        limit = (
            due
            if code == "C-B"
            else np.minimum(np.round(np.where(done, day, 200) + rng.integers(5, 60, n)), DAYS)
        )
        who = np.flatnonzero(takes)
        rows.append(
            pd.DataFrame(
                {
                    "row": who, "course": k, "author": authors[k],
                    "chosen": chosen[who], "done": done[who], "day": day[who],
                    "begun": np.maximum(begun[who], np.maximum(where.hired[who], 0) + 0.3),
                    "due": np.where(chosen[who], -1, limit[who]),
                    "score": np.clip(np.round(score[who]), 0, 100), "minutes": minutes[who],
                }
            )
        )  # fmt: skip
    out = pd.concat(rows, ignore_index=True)
    ended = np.where(out["done"], out["day"], DAYS) - 0.02
    out["begun"] = np.clip(np.minimum(out["begun"].to_numpy(), ended), 0, None)
    return out
