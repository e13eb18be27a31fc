"""Learning shares, silence, heaping, names as typed, attitudes: what a survey sees of the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.datasets._design import SOURCES, TOPICS, Design
from peernet.datasets._names import mistype
from peernet.datasets._people import Floats, Structure
from peernet.datasets._ties import Ties

__all__ = [
    "attitudes",
    "nominations",
    "reported_shares",
    "respondents",
    "skills",
    "true_shares",
    "typed_names",
]


def _target(design: Design) -> Floats:
    """Return the roster mean of every source; what is not social is split 12 : 11 : 15 as at Meridian."""
    social, strict = design.social_share, design.strict_share
    rest, wide = 1 - social, social - strict
    mean = {
        "peers": strict, "manager": wide * 13 / 21, "outside": wide * 8 / 21,
        "courses": rest * 12 / 38, "reading": rest * 11 / 38, "trial": rest * 15 / 38,
    }  # fmt: skip
    return np.array([mean[source] for source in SOURCES])


def true_shares(design: Design, where: Structure, rng: np.random.Generator) -> Floats:
    """Draw everybody's learning shares; the mean over the people asked is exactly the design's.

    Dirichlet around unit means whose odds of social learning vary with ``unit_share_spread``; rows sum to 1.
    """
    mean = _target(design)
    keep = mean > 0
    shift = design.unit_share_spread * rng.standard_normal(design.n_units)
    social = np.array([source in ("peers", "manager", "outside") for source in SOURCES])
    centre = mean * np.exp(np.where(social[None, :], shift[where.unit][:, None], 0.0))
    centre /= centre.sum(axis=1, keepdims=True)
    size = max(0.5, design.social_share * (1 - design.social_share) / design.share_spread**2 - 1)
    draw = rng.standard_gamma(np.maximum(centre * size, 1e-9)) + 1e-12 * keep
    part = draw / draw.sum(axis=1, keepdims=True)
    asked = where.employed
    for _ in range(60):
        now = part[asked].mean(axis=0)
        if np.abs(now - mean).max() < 1e-13:
            break
        part = part * np.divide(mean, now, out=np.zeros_like(mean), where=now > 0)
        part /= part.sum(axis=1, keepdims=True)
    return np.asarray(part, dtype=np.float64)


def respondents(
    design: Design, where: Structure, share: Floats, rng: np.random.Generator
) -> NDArray[np.str_]:
    """Decide who answers; with ``silence_bias`` people who learn less socially keep silent more often.

    P(answer) = expit(c + silence_bias * z), z = standardised social share, c such that the mean is ``response_rate``.
    """
    asked = where.employed
    status = np.where(asked, "silent", "not_asked").astype("U9")
    z = share[:, 0] + share[:, 1] + share[:, 5]
    z = (z - z[asked].mean()) / (z[asked].std() or 1.0)
    if design.silence_bias == 0 or design.response_rate >= 1:
        chance = np.full(len(z), design.response_rate)
    else:
        low, high = -30.0, 30.0
        for _ in range(60):
            middle = (low + high) / 2
            mean = np.mean(1 / (1 + np.exp(-(middle + design.silence_bias * z[asked]))))
            low, high = (middle, high) if mean < design.response_rate else (low, middle)
        chance = 1 / (1 + np.exp(-(low + design.silence_bias * z)))
    draw = rng.random(len(z))
    status[asked & (draw < chance)] = "answered"
    objects = rng.random(len(z)) < design.objectors
    status[asked & objects] = "objected"
    return status


def reported_shares(
    design: Design, share: Floats, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.str_]]:
    """Return percentages as people write them, and the wording that they were shown.

    Wording B moves ``wording_shift`` of the whole to peers. Then people round to tens (chance ``heaping``) or to fives,
    each source by itself, so that sums need not be 100; ``sum_errors`` of them go further astray: 110, 90, 130, or
    fractions.
    """
    n = len(share)
    version = np.where(rng.random(n) < 0.5, "A", "B")
    seen = share.copy()
    if design.wording_shift:
        moved = np.clip(design.wording_shift, -seen[:, 0], 1 - seen[:, 0]) * (version == "B")
        rest = 1 - seen[:, 0]
        seen[:, 1:] *= (1 - np.divide(moved, rest, out=np.zeros(n), where=rest > 0))[:, None]
        seen[:, 0] += moved
    percent = 100 * seen
    heap = rng.random(n)
    step = np.where(
        heap < design.heaping, 10.0, np.where(heap < design.heaping + (1 - design.heaping) / 2, 5.0, 1.0)
    )
    rounded = np.round(percent / step[:, None]) * step[:, None]
    # Most people see the total on the screen and put their largest source right.
    settled = rng.random(n) < 0.7
    largest = rounded.argmax(axis=1)
    gap = 100 - rounded.sum(axis=1)
    fixed = rounded.copy()
    fixed[np.arange(n), largest] += gap
    rounded = np.where(settled[:, None] & (fixed.min(axis=1) >= 0)[:, None], fixed, rounded)
    astray = rng.random(n) < design.sum_errors
    kind = rng.integers(4, size=n)
    rounded[astray & (kind == 0), 0] += 10
    low = astray & (kind == 1)
    rounded[low, 4] = np.maximum(0, rounded[low, 4] - 10)
    rounded[astray & (kind == 2), 2] += 30
    fraction = astray & (kind == 3)
    rounded[fraction] /= 100
    return rounded, version


def nominations(
    design: Design, ties: Ties, status: NDArray[np.str_], rng: np.random.Generator
) -> pd.DataFrame:
    """Let those who answer name their teachers and their learners, strongest first, up to the cap.

    A tie comes to mind with chance ``recall``. Columns ``respondent, named`` (rows), ``relation, slot, tie``.
    """
    parts = []
    for relation, me, other in (
        ("learn_from", ties.learner, ties.teacher),
        ("comes_to_me", ties.teacher, ties.learner),
    ):
        comes = (
            (rng.random(len(me)) < design.recall)
            & (status[me] == "answered")
            & (status[other] != "not_asked")
        )
        rows = np.flatnonzero(comes)
        strength = ties.weight[rows] + rng.random(len(rows))
        rows = rows[np.lexsort((-strength, me[rows]))]
        who = me[rows]
        start = np.r_[0, np.flatnonzero(np.diff(who)) + 1] if len(who) else np.empty(0, int)
        length = np.diff(np.r_[start, len(who)])
        slot = np.arange(len(who)) - np.repeat(start, length) + 1
        parts.append(
            pd.DataFrame(
                {"respondent": who, "named": other[rows], "relation": relation, "slot": slot, "tie": rows}
            )
        )
    out = pd.concat(parts, ignore_index=True)
    return out[out["slot"] <= design.cap].reset_index(drop=True)


def typed_names(
    design: Design, named: pd.Series[int], people: pd.DataFrame, rng: np.random.Generator
) -> list[str]:
    """Write each name as typed: right, with a slip, or, for people who share a name, by e-mail."""
    shared = people["name"].duplicated(keep=False).to_numpy()
    names, mail = people["name"].to_numpy(), people["email"].to_numpy()
    first, last = people["first"].to_numpy(), people["last"].to_numpy()
    slip = rng.random(len(named)) < design.typos
    by_mail = rng.random(len(named)) < 0.7
    out = []
    for k, row in enumerate(named.to_numpy()):
        if shared[row] and by_mail[k]:
            out.append(str(mail[row]))
        elif slip[k]:
            out.append(mistype(first[row], last[row], rng))
        else:
            out.append(str(names[row]))
    return out


def skills(design: Design, where: Structure, rng: np.random.Generator) -> pd.DataFrame:
    """Rate five skills a year ago and now, and say who taught them, expecting to or not.

    ``after = 60 + .7 (before - 50) + 12 (teach_expected [expected] + teach_impromptu [impromptu]) + 12 e``: both
    effects are in SD of the unexplained rating. Whoever knew more was likelier to teach (``teacher_selection``).
    """
    parts = []
    for topic in TOPICS:
        n = len(where.unit)
        able = rng.standard_normal(n)
        odds = -0.9 + design.teacher_selection * able
        taught = rng.random(n) < 1 / (1 + np.exp(-odds))
        expected = taught & (rng.random(n) < 0.5)
        if topic == TOPICS[4] and where.expert is not None:
            able = np.where(np.arange(n) == where.expert, 3.0, able * 0.3 - 2.0)
            taught = np.arange(n) == where.expert
            expected = np.zeros(n, bool)
        before = 50 + 15 * able
        sd = 12.0
        after = 60 + 0.7 * (before - 50) + sd * rng.standard_normal(n)
        after += sd * (design.teach_expected * expected + design.teach_impromptu * (taught & ~expected))
        how = np.where(expected, 3, np.where(taught, 2, 1))
        if topic == TOPICS[4] and where.expert is not None:
            after = np.where(how == 1, np.minimum(after, 45), after)
        parts.append(
            pd.DataFrame(
                {"row": np.arange(n), "topic": topic, "before": before, "after": after, "taught": how}
            )
        )
    out = pd.concat(parts, ignore_index=True)
    out[["before", "after"]] = out[["before", "after"]].clip(0, 100).round().astype(int)
    return out


def attitudes(design: Design, where: Structure, mentored: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Draw safety (half between units), asking, motivation, engagement, hours and performance, on standard scales.

    ``asking = safety_effect * safety + noise``; ``performance = .3 formal + .3 informal + formal_informal * formal *
    informal + mentoring + noise``.
    """
    n = len(where.unit)
    unit_part = rng.standard_normal(design.n_units)[where.unit]
    safety = np.sqrt(0.3) * unit_part + np.sqrt(0.7) * rng.standard_normal(n)
    asking = design.safety_effect * safety + rng.standard_normal(n)
    formal, informal = rng.standard_normal(n), rng.standard_normal(n)
    performance = 0.3 * (formal + informal) + design.formal_informal * formal * informal + mentored
    performance = performance + rng.standard_normal(n)
    return pd.DataFrame(
        {
            "safety": safety, "asking": asking,
            "motivation": rng.standard_normal(n), "engagement": rng.standard_normal(n),
            "formal": formal, "informal": informal, "performance": performance,
        }
    )  # fmt: skip
