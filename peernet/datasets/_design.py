"""The knobs of a synthetic organisation, and their checks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from peernet._check import count, number

__all__ = ["DAYS", "FAMILIES", "SITES", "SOURCES", "SURVEY_DAY", "TOPICS", "UNITS", "YEAR", "Design"]

YEAR = "2025-01-01"  # day 0
DAYS = 365
SURVEY_DAY = 306  # 2025-11-03
UNITS = (
    "Engineering", "Operations", "Customer Support", "Sales", "Data and Analytics", "Finance", "Marketing", "Legal",
)  # fmt: skip
SITES = ("Berlin", "Porto", "Gdańsk")
FAMILIES = ("engineering", "analysis", "operations", "customer", "commercial", "corporate")
SOURCES = ("peers", "manager", "courses", "reading", "trial", "outside")
TOPICS = ("query notebooks", "security basics", "dashboard design", "contract playbook", "billing engine")

_SHARES = (
    "social_share", "strict_share", "response_rate", "heaping", "sum_errors", "typos", "objectors", "recall",
    "movers", "turnover", "split_ids", "lunch_effect", "mixing_effect", "deadline",
)  # fmt: skip
_POSITIVE = ("mean_teachers", "lunch_saturation", "share_spread", "adoption_rate", "chat_rate")
_NOT_NEGATIVE = ("activity_spread", "unit_share_spread", "mentor_spread", "transmission", "lunches_per_month")
_COUNTS = {"n_people": 8, "n_units": 1, "n_sites": 1, "cap": 1, "hidden_team": 0, "small_skill": 0}
_FLAGS = ("vanishing_silo", "small_unit", "lookalikes", "sole_expert", "same_names")


@dataclass(frozen=True, kw_only=True)
class Design:
    """All knobs of :func:`make_organisation`, by the same names."""

    n_people: int
    n_units: int
    n_sites: int
    mean_teachers: float
    activity_spread: float
    seniority: float
    silo_strength: float
    site_strength: float
    team_strength: float
    homophily: float
    authority: float
    social_share: float
    strict_share: float
    share_spread: float
    unit_share_spread: float
    response_rate: float
    silence_bias: float
    heaping: float
    sum_errors: float
    wording_shift: float
    cap: int
    recall: float
    typos: float
    objectors: float
    split_ids: float
    teach_expected: float
    teach_impromptu: float
    teacher_selection: float
    similarity_trust: float
    trust_usefulness: float
    peer_advantage: float
    safety_effect: float
    lunches_per_month: float
    lunch_effect: float
    lunch_saturation: float
    mentoring_effect: float
    match_effect: float
    mentor_selection: float
    mentor_spread: float
    choice_effect: float
    mixing_effect: float
    media_effect: float
    course_equivalence: float
    formal_informal: float
    launch_effect: float
    transmission: float
    adoption_rate: float
    deadline: float
    taste: float
    small_skill: int
    chat_rate: float
    movers: float
    turnover: float
    vanishing_silo: bool
    small_unit: bool
    lookalikes: bool
    sole_expert: bool
    same_names: bool
    hidden_team: int

    def __post_init__(self) -> None:
        """Refuse values that make no organisation."""
        for field in dataclasses.fields(self):
            self._check(field.name, getattr(self, field.name))
        if self.strict_share > self.social_share:
            raise ValueError(
                f"strict_share ({self.strict_share:g}) is part of social_share ({self.social_share:g}) "
                "and cannot exceed it."
            )
        if self.social_share in (0.0, 1.0) or self.strict_share == 0.0:
            raise ValueError("social_share and strict_share must lie strictly between 0 and 1.")
        per_unit = (self.n_people - (4 if self.small_unit else 0)) / max(
            1, self.n_units - int(self.small_unit)
        )
        if per_unit < 4:
            raise ValueError(
                f"n_people={self.n_people} is too few for {self.n_units} units of at least four people."
            )
        traps = self.vanishing_silo or self.lookalikes or self.small_unit
        if traps and (self.n_units < 7 or self.n_sites < 2):
            raise ValueError("vanishing_silo, lookalikes and small_unit need n_units >= 7 and n_sites >= 2.")
        if (self.hidden_team or self.lookalikes or self.sole_expert) and self.n_people < 60:
            raise ValueError("hidden_team, lookalikes and sole_expert need n_people >= 60.")

    @staticmethod
    def _check(name: str, value: Any) -> None:
        """Check one knob by the kind of number it is."""
        if name in _COUNTS:
            count(name, value, _COUNTS[name])
        elif name in _FLAGS:
            if not isinstance(value, bool):
                raise ValueError(f"{name} must be True or False; got {value!r}.")
        elif name in _SHARES:
            number(name, value, 0, 1, open_low=name == "response_rate")
        elif name in _POSITIVE:
            number(name, value, 0, open_low=True)
        elif name in _NOT_NEGATIVE:
            number(name, value, 0)
        else:
            number(name, value)

    def unit_names(self) -> list[str]:
        """Return the names of the units."""
        names = [*UNITS, *(f"Unit {k}" for k in range(len(UNITS) + 1, self.n_units + 1))][: self.n_units]
        if self.small_unit:
            names[-1] = "Legal"
        return names

    def site_names(self) -> list[str]:
        """Return the names of the sites."""
        return [*SITES, *(f"Site {k}" for k in range(len(SITES) + 1, self.n_sites + 1))][: self.n_sites]
