"""Who works where: units, teams, sites, managers, tenure, moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.datasets._design import DAYS, FAMILIES, SURVEY_DAY, YEAR, Design
from peernet.datasets._names import draw_names, emails

__all__ = ["Structure", "draw_ids", "each", "people_frame", "structure"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_TITLES = {
    "engineering": "Engineer", "analysis": "Analyst", "operations": "Operations Specialist",
    "customer": "Customer Advisor", "commercial": "Account Manager", "corporate": "Officer",
}  # fmt: skip
_RANK = {1: "Junior ", 2: "", 3: "Senior ", 4: "Lead ", 5: "Head, ", 6: "Chief Executive"}


class Structure(NamedTuple):
    """Integer codes of everybody's place; one entry per person."""

    unit: Ints
    team: Ints
    site: Ints
    family: Ints
    grade: Ints
    manager: Ints  # row of the manager, -1 for the head of the firm
    hired: Ints  # day, counted from the first day of the year
    left: Ints  # day, or a day far ahead
    moved: Ints  # day of the move to the present unit, or -1
    old_unit: Ints
    hidden: Ints  # 1 = member of the hidden team
    lookalike: tuple[int, int] | None
    expert: int | None

    @property
    def employed(self) -> NDArray[np.bool_]:
        """Who was there on the first day of the survey, so who was asked."""
        return (self.hired <= SURVEY_DAY) & (self.left > SURVEY_DAY)


def _sizes(design: Design) -> list[int]:
    """Share people out over units, unevenly; the small unit has four."""
    regular = design.n_units - int(design.small_unit)
    people = design.n_people - (4 if design.small_unit else 0)
    weight = np.linspace(1.25, 0.75, regular) if regular > 1 else np.ones(1)
    exact = people * weight / weight.sum()
    sizes = np.floor(exact).astype(int)
    sizes[np.argsort(exact - sizes)[::-1][: people - sizes.sum()]] += 1
    return [*sizes.tolist(), *([4] if design.small_unit else [])]


def _sites(design: Design, unit: Ints, rng: np.random.Generator) -> Ints:
    """Place people: most at the site of their unit; two units fill the last site when a silo is to vanish there."""
    open_sites = design.n_sites - int(design.vanishing_silo)
    home = unit % open_sites
    site = np.where(rng.random(len(unit)) < 0.6, home, rng.integers(open_sites, size=len(unit)))
    if design.vanishing_silo:
        site[(unit == 1) | (unit == 2)] = design.n_sites - 1
    return site.astype(np.int64)


def _hierarchy(unit: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Return team, grade and manager row: teams of about six, a lead each, a head per unit, one head of all."""
    n = len(unit)
    team, grade, manager = np.zeros(n, int), rng.integers(1, 4, size=n), np.zeros(n, int)
    next_team = 0
    for code in range(int(unit.max()) + 1):
        rows = np.flatnonzero(unit == code)
        head, n_teams = rows[0], max(1, round(len(rows) / 6))
        part = np.arange(len(rows)) % n_teams
        team[rows] = next_team + part
        grade[head], manager[head] = 5, 0
        for k in range(n_teams):
            members = rows[part == k]
            lead = members[1] if members[0] == head and len(members) > 1 else members[0]
            manager[members] = lead
            if lead != head:
                grade[lead], manager[lead] = 4, head
        manager[head] = 0
        next_team += n_teams
    grade[0], manager[0] = 6, -1
    return team, grade, manager


def structure(design: Design, rng: np.random.Generator) -> Structure:
    """Draw everybody's place in the firm."""
    n = design.n_people
    unit = np.repeat(np.arange(design.n_units), _sizes(design)).astype(np.int64)
    site = _sites(design, unit, rng)
    team, grade, manager = _hierarchy(unit, rng)
    family = np.where(rng.random(n) < 0.5, unit % len(FAMILIES), rng.integers(len(FAMILIES), size=n))
    if design.vanishing_silo:
        pair = (unit == 1) | (unit == 2)
        family[pair] = rng.integers(len(FAMILIES), size=int(pair.sum()))
    hired = -np.round(365 * (rng.exponential(3.0, n) + 0.7 * (grade - 1)) + 1).astype(np.int64)
    left = np.full(n, 10_000)
    special = _special(design, unit, grade, rng)
    ordinary = np.flatnonzero((grade <= 3) & ~special.taken)
    out = rng.permutation(ordinary)
    n_turn, n_move = round(design.turnover * n), round(design.movers * n)
    joiners, leavers = out[: n_turn // 2], out[n_turn // 2 : n_turn]
    joined = rng.integers(20, 340, size=len(joiners))
    hired[joiners] = np.where(
        joined < SURVEY_DAY - 16, joined, joined + 24
    )  # nobody joins while the survey runs
    left[leavers] = rng.integers(40, SURVEY_DAY - 6, size=len(leavers))
    moved, old_unit = np.full(n, -1), unit.copy()
    stay = (unit == design.n_units - 1) & design.small_unit
    fixed = stay | (((unit == 1) | (unit == 2)) & design.vanishing_silo)
    rest = out[n_turn:]
    movers = rest[~fixed[rest]][:n_move]
    hired[movers] = np.minimum(hired[movers], -30)
    moved[movers] = rng.integers(90, 270, size=len(movers))
    choices = np.flatnonzero([not fixed[unit == u].all() for u in range(design.n_units)])
    if len(choices) > 1:
        shift = rng.integers(1, len(choices), size=len(movers))
        old_unit[movers] = choices[(np.searchsorted(choices, unit[movers]) + shift) % len(choices)]
    else:
        moved[movers] = -1
    return Structure(
        unit, team, site, family, grade, manager, hired, left, moved, old_unit,
        special.hidden, special.lookalike, special.expert,
    )  # fmt: skip


class _Special(NamedTuple):
    """People with a part to play."""

    hidden: Ints
    lookalike: tuple[int, int] | None
    expert: int | None
    taken: NDArray[np.bool_]


def _special(design: Design, unit: Ints, grade: Ints, rng: np.random.Generator) -> _Special:
    """Choose the hidden team (one or two of each larger unit), the two who look like one, the sole expert."""
    n, taken = len(unit), np.zeros(len(unit), bool)
    hidden = np.zeros(n, np.int64)
    plain = np.flatnonzero(grade <= 3)
    if design.hidden_team:
        pool = rng.permutation(
            plain[(unit[plain] != 1) & (unit[plain] != 2)] if design.vanishing_silo else plain
        )
        if design.small_unit:
            pool = pool[unit[pool] != design.n_units - 1]
        order = np.argsort(
            [np.count_nonzero(unit[pool[:k]] == unit[p]) for k, p in enumerate(pool)], kind="stable"
        )
        hidden[pool[order][: design.hidden_team]] = 1
    taken |= hidden == 1
    lookalike = None
    if design.lookalikes:
        pick = [int(rng.choice(plain[(unit[plain] == u) & ~taken[plain]])) for u in (3, 5)]
        lookalike = (pick[0], pick[1])
        taken[pick] = True
    expert = None
    if design.sole_expert:
        expert = int(rng.choice(plain[(unit[plain] == 0) & ~taken[plain]]))
        taken[expert] = True
    return _Special(hidden, lookalike, expert, taken)


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """Go through the rows of a frame, columns by name."""
    return iter(frame.itertuples(index=False))


def draw_ids(n: int, rng: np.random.Generator) -> pd.Index[str]:
    """Draw employee ids: digits with at least one leading zero."""
    digits = 5 if n <= 9_000 else len(str(n)) + 1
    number = rng.choice(10 ** (digits - 1) - 40, size=n, replace=False) + 40
    return pd.Index([f"{k:0{digits}d}" for k in number.tolist()], name="person", dtype="str")


def people_frame(
    design: Design, where: Structure, ids: pd.Index[str], rng: np.random.Generator
) -> pd.DataFrame:
    """Give everybody a name and an address; index = employee id."""
    n = design.n_people
    first, last = draw_names(n, rng)
    if where.lookalike is not None:
        a, b = where.lookalike
        first[a], last[a], first[b], last[b] = "Maria", "Oliveira", "Mario", "Oliveira"
    if design.same_names:
        plain = [
            k
            for k in np.flatnonzero(where.grade <= 3)
            if k not in (where.lookalike or ()) and k != where.expert
        ]
        one = plain[0]
        two = next(k for k in plain if where.unit[k] != where.unit[one])
        first[one] = first[two] = "Jan"
        last[one] = last[two] = "Kowalski"
    day = pd.Timestamp(YEAR)
    families = np.array(FAMILIES)[where.family]
    titles = [_title(int(g), f) for g, f in zip(where.grade, families, strict=True)]
    units, sites = np.array(design.unit_names()), np.array(design.site_names())
    frame = pd.DataFrame(
        {
            "name": [f"{a} {b}" for a, b in zip(first, last, strict=True)],
            "first": first,
            "last": last,
            "email": emails(first, last),
            "unit": units[where.unit],
            "team": [f"{units[u]} {t + 1}" for u, t in zip(where.unit, _team_number(where), strict=True)],
            "site": sites[where.site],
            "family": families,
            "role": titles,
            "grade": where.grade,
            "manager": [ids[m] if m >= 0 else None for m in where.manager],
            "start": day + pd.to_timedelta(where.hired, unit="D"),
            "end": (day + pd.to_timedelta(where.left, unit="D")).where(where.left < DAYS),
            "tenure": np.round(np.maximum(0, SURVEY_DAY - where.hired) / 365.25, 2),
            "asked": where.employed,
        },
        index=ids,
    )
    return frame


def _team_number(where: Structure) -> Ints:
    """Number the teams within their unit from 0."""
    first = np.full(int(where.unit.max()) + 1, 10**9)
    np.minimum.at(first, where.unit, where.team)
    return np.asarray(where.team - first[where.unit], dtype=np.int64)


def _title(grade: int, family: str) -> str:
    """Write a job title."""
    if grade == 6:
        return _RANK[6]
    return f"Head, {family.capitalize()}" if grade == 5 else f"{_RANK[grade]}{_TITLES[family]}"
