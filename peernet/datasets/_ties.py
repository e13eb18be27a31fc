"""Who really teaches whom, what brought about the late ties, and how each tie is felt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.datasets._design import DAYS, Design
from peernet.datasets._people import Floats, Ints, Structure, each

__all__ = ["Ties", "draw_ties", "groups", "lunches", "pull", "tie_ratings"]

_NEVER = -40.0


class Ties(NamedTuple):
    """Teaching ties as rows; each pair once."""

    teacher: Ints
    learner: Ints
    weight: Ints  # episodes of help a year
    since: Ints  # day of the first possible episode
    origin: NDArray[np.str_]  # work, lunch, group


def pull(design: Design, where: Structure, rng: np.random.Generator) -> Floats:
    """Return the log-odds with which learner j (column) takes teacher i (row), up to a constant per learner."""
    n = len(where.unit)
    free = ((where.unit == 1) | (where.unit == 2)) & design.vanishing_silo
    activity = design.activity_spread * rng.standard_normal(n) + design.seniority * (where.grade - 2)
    same_unit = where.unit[:, None] == where.unit[None, :]
    same_site = where.site[:, None] == where.site[None, :]
    same_team = where.team[:, None] == where.team[None, :]
    own = np.where(free, 0.0, 1.0)[None, :]
    # Where the silo is to vanish, the pull of the place stands in for the pull of the unit.
    place = design.site_strength + np.where(free, design.silo_strength + design.team_strength, 0.0)[None, :]
    u = activity[:, None] + same_site * place
    u += (same_unit * design.silo_strength + same_team * design.team_strength) * own
    u += design.homophily * _alike(where)
    led = np.flatnonzero(where.manager >= 0)
    u[where.manager[led], led] += design.authority
    member = where.hidden == 1
    u[np.ix_(member, member)] += 5.0
    if where.lookalike is not None:
        for row in where.lookalike:
            u[row, :] += np.where(same_unit[row], 2.2, _NEVER)
            u[:, row] += np.where(same_unit[:, row], 0.0, _NEVER)
    np.fill_diagonal(u, -np.inf)
    return np.asarray(u, dtype=np.float64)


def _alike(where: Structure) -> Floats:
    """Return how alike two people are in trade and length of service, 0 to 2."""
    same_family = where.family[:, None] == where.family[None, :]
    log_tenure = np.log1p(np.maximum(0, DAYS - where.hired) / 365.25)
    near = np.exp(-np.abs(log_tenure[:, None] - log_tenure[None, :]))
    return np.asarray(same_family + near, dtype=np.float64)


def draw_ties(design: Design, where: Structure, late: list[pd.DataFrame], rng: np.random.Generator) -> Ties:
    """Let every learner take teachers one by one by their pull, then add the ties that lunches and groups brought."""
    u = pull(design, where, rng)
    n = len(u)
    k = 1 + rng.poisson(max(0.0, design.mean_teachers - 1), n) + 4 * where.hidden
    k[list(where.lookalike or ())] = 7
    k = np.minimum(k, n - 1)
    order = np.argsort(-(u + rng.gumbel(size=u.shape)), axis=0, kind="stable")
    most = int(k.max())
    learner = np.repeat(np.arange(n), k)
    teacher = order[:most].T[np.arange(most)[None, :] < k[:, None]]
    value = u[teacher, learner] - np.log(np.exp(u).mean(axis=0))[learner]
    weight = 1 + rng.poisson(np.clip(1.5 + 0.6 * value, 0.3, 8))
    since, origin = np.zeros(len(teacher), int), np.full(len(teacher), "work", dtype="U5")
    known = set((teacher * n + learner).tolist())
    parts: list[tuple[int, int, int, int, str]] = []
    for frame in late:
        for row in each(frame):
            key = int(row.teacher) * n + int(row.learner)
            if key not in known:
                known.add(key)
                parts.append(
                    (
                        int(row.teacher),
                        int(row.learner),
                        1 + int(rng.poisson(1)),
                        int(row.day),
                        str(row.origin),
                    )
                )
    if parts:
        t, lr, w, s, o = (np.array(column) for column in zip(*parts, strict=True))
        teacher, learner = np.concatenate([teacher, t]), np.concatenate([learner, lr])
        weight, since = np.concatenate([weight, w]), np.concatenate([since, s])
        origin = np.concatenate([origin, o])
    by = np.lexsort((learner, teacher))
    return Ties(teacher[by], learner[by], weight[by], since[by], origin[by])


def lunches(design: Design, where: Structure, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold lunch talks; return sessions (talk, day, row, role) and the new ties across units that they brought.

    After d talks heard from one speaker of another unit, a tie exists with probability
    ``lunch_effect * (1 - exp(-d / lunch_saturation))``: more is better, but less and less so.
    """
    n = len(where.unit)
    keen = rng.gamma(1.5, 1.0, n)
    speakers = rng.permutation(n)[: max(2, n // 12)]
    sessions: list[tuple[int, int, int, str]] = []
    n_talks = round(12 * design.lunches_per_month)
    days = np.sort(rng.integers(10, 350, size=n_talks))
    days -= np.maximum(0, (days + 2) % 7 - 4)  # day 0 was a Wednesday: weekends move back to Friday
    heard: dict[tuple[int, int], list[int]] = {}
    for talk, day in enumerate(days):
        speaker = int(rng.choice(speakers))
        here = np.flatnonzero((where.site == where.site[speaker]) & (where.hired < day) & (where.left > day))
        here = here[here != speaker]
        size = min(len(here), 3 + int(rng.poisson(6)))
        if size == 0:
            continue
        guests = rng.choice(here, size=size, replace=False, p=keen[here] / keen[here].sum())
        sessions.append((talk, int(day), speaker, "teacher"))
        for guest in np.sort(guests):
            sessions.append((talk, int(day), int(guest), "learner"))
            if where.unit[guest] != where.unit[speaker]:
                heard.setdefault((speaker, int(guest)), []).append(int(day))
    chance = {pair: rng.random() for pair in sorted(heard)}
    made = []
    for (speaker, guest), when in sorted(heard.items()):
        for dose, day in enumerate(when, start=1):
            reached = design.lunch_effect * (1 - np.exp(-dose / design.lunch_saturation))
            if chance[speaker, guest] < reached:
                made.append((speaker, guest, day, "lunch"))
                break
    return (
        pd.DataFrame(sessions, columns=["talk", "day", "row", "role"]),
        pd.DataFrame(made, columns=["teacher", "learner", "day", "origin"]),
    )


def groups(design: Design, where: Structure, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw half of the people at random into mixed groups of six; return members and the new ties among them."""
    n = len(where.unit)
    there = np.flatnonzero((where.hired < 120) & (where.left > 200))
    chosen = rng.permutation(there)[: len(there) // 2]
    n_groups = max(1, len(chosen) // 6)
    number = np.full(n, -1)
    number[chosen] = np.arange(len(chosen)) % n_groups
    rows = [(int(number[p]) if number[p] >= 0 else -1, int(p), bool(number[p] >= 0)) for p in there]
    made = []
    for g in range(n_groups):
        members = np.flatnonzero(number == g)
        for i in members:
            for j in members:
                if i != j and rng.random() < design.mixing_effect:
                    made.append((int(i), int(j), 120 + int(rng.integers(60)), "group"))
    return (
        pd.DataFrame(rows, columns=["group", "row", "treated"]),
        pd.DataFrame(made, columns=["teacher", "learner", "day", "origin"]),
    )


def tie_ratings(design: Design, where: Structure, ties: Ties, rng: np.random.Generator) -> pd.DataFrame:
    """Rate each tie as its learner feels it: trust and usefulness on a standard scale, and who stands above whom.

    ``trust = similarity_trust * alike + noise``; ``usefulness = trust_usefulness * trust + peer_advantage * peer +
    noise``.
    """
    alike = _alike(where)[ties.teacher, ties.learner]
    alike = (alike - alike.mean()) / (alike.std() or 1.0)
    up = where.manager[ties.learner] == ties.teacher
    down = where.manager[ties.teacher] == ties.learner
    direction = np.where(up, "manager", np.where(down, "report", "peer"))
    trust = design.similarity_trust * alike + rng.standard_normal(len(alike))
    useful = design.trust_usefulness * trust + design.peer_advantage * (direction == "peer")
    useful = useful + rng.standard_normal(len(alike))
    return pd.DataFrame({"alike": alike, "direction": direction, "trust": trust, "usefulness": useful})
