"""Everything that is true of an organisation, by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from peernet.datasets._design import SOURCES, TOPICS
from peernet.datasets._programmes import COSTS, saving

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["truth_of"]


def truth_of(firm: Organisation) -> dict[str, Any]:
    """Collect the truth: knobs, counts, roster means, spread, planted effects, people with a part to play."""
    d = firm.design
    return {
        "knobs": firm.knobs(),
        "people": _people(firm),
        "learning_shares": _shares(firm),
        "network": _network(firm),
        "skills": _skills(firm),
        "effects": {
            "teaching": {
                "g_expected": d.teach_expected,
                "g_impromptu": d.teach_impromptu,
                "selection": d.teacher_selection,
            },
            "trust": {"per_sd_alike": d.similarity_trust, "usefulness_per_sd_trust": d.trust_usefulness},
            "peers_over_managers": d.peer_advantage,
            "safety_on_asking": d.safety_effect,
            "lunches": {"ceiling": d.lunch_effect, "talks_to_63_percent": d.lunch_saturation},
            "mentoring": {
                "gain": d.mentoring_effect,
                "matched": d.match_effect,
                "mentor_sd": d.mentor_spread,
            },
            "choice_log_odds": d.choice_effect,
            "mixing_new_tie": d.mixing_effect,
            "media_per_step": d.media_effect,
            "formal_informal": d.formal_informal,
            "launch_log_rate": d.launch_effect,
        },
        "costs": {
            "course_equivalence": d.course_equivalence,
            "saving_at_likely_values": round(
                saving({k: v[1] for k, v in COSTS.items()}, d.course_equivalence), 2
            ),
        },
        "planted": _planted(firm),
    }


def _round(value: float, digits: int = 6) -> float | None:
    """Round for the file; what is not a number becomes null."""
    return None if math.isnan(value) else round(float(value), digits)


def _people(firm: Organisation) -> dict[str, Any]:
    """Count people by unit and by status."""
    asked = firm.people["asked"]
    return {
        "on_roster": len(firm.people),
        "asked": int(asked.sum()),
        "by_unit": {str(k): int(v) for k, v in firm.people.groupby("unit", sort=True).size().items()},
        "status": {str(k): int(v) for k, v in firm.status.value_counts().sort_index().items()},
    }


def _shares(firm: Organisation) -> dict[str, Any]:
    """Roster means, what those who answered really had, and what they wrote."""
    asked = firm.people["asked"].to_numpy()
    social = firm.social_shares()
    answered = (firm.status == "answered").to_numpy()
    written = firm.reported_shares[list(SOURCES)]
    closed = written.div(written.sum(axis=1), axis=0)
    return {
        "roster_mean": {k: _round(v) for k, v in firm.shares[asked].mean().items()},
        "social_wide": _round(social.loc[asked, "wide"].mean()),
        "social_strict": _round(social.loc[asked, "strict"].mean()),
        "people_at_least_80_wide": _round((social.loc[asked, "wide"] >= 0.8).mean()),
        "people_at_least_80_strict": _round((social.loc[asked, "strict"] >= 0.8).mean()),
        "wide_of_those_who_answered": _round(social.loc[answered, "wide"].mean()),
        "wide_of_the_silent": _round(social.loc[asked & ~answered, "wide"].mean()),
        "wide_as_written_and_rescaled": _round(closed[["peers", "manager", "outside"]].sum(axis=1).mean()),
        "by_unit_wide": {
            str(k): _round(v)
            for k, v in social.loc[asked, "wide"].groupby(firm.people.loc[asked, "unit"]).mean().items()
        },
    }


def _network(firm: Organisation) -> dict[str, Any]:
    """Count ties and give the E-I index by unit, team and site: (external - internal) / all."""
    ties, people = firm._ties, firm.people
    out: dict[str, Any] = {
        "ties": len(ties.teacher),
        "episodes": int(ties.weight.sum()),
        "answers_in_chat": len(firm.events),
    }
    for group in ("unit", "team", "site"):
        code = people[group].to_numpy()
        same = code[ties.teacher] == code[ties.learner]
        size = people[group].value_counts().to_numpy()
        inside = float((size * (size - 1)).sum()) / (len(people) * (len(people) - 1))
        out[f"ei_{group}"] = _round(1 - 2 * same.mean())
        out[f"ei_{group}_by_chance"] = _round(1 - 2 * inside)
    return out


def _skills(firm: Organisation) -> dict[str, Any]:
    """Describe how each skill spread, and how much of it was social."""
    out: dict[str, Any] = {}
    d = firm.design
    ties = "ties" if d.transmission > 0 else "chance"
    driver = {
        "A": ties, "B": "deadline" if d.deadline > 0 else "chance", "C": "taste" if d.taste else "chance", "D": ties,
    }  # fmt: skip
    courses = {item: f"C-{item}" for item in driver}
    for item, group in firm.adoptions.groupby("item", sort=True):
        spread = firm.spreads.get(str(item))
        out[str(item)] = {
            "topic": TOPICS["ABCD".index(str(item))],
            "course": courses[str(item)],
            "driver": driver[str(item)],
            "adopters": int(group["time"].notna().sum()),
            "s": spread.s if spread else 0.0,
            "base_rate_per_day": _round(spread.base, 9) if spread else None,
            "social_share": _round(spread.share) if spread else 0.0,
            "ceiling": _round(spread.ceiling) if spread else None,
        }
    return out


def _planted(firm: Organisation) -> dict[str, Any]:
    """Name the people and units with a part to play."""
    d, where, ids = firm.design, firm.structure, firm.ids
    units = d.unit_names()
    rows = firm.people["name"].duplicated(keep=False).to_numpy()
    return {
        "vanishing_silo_units": units[1:3] if d.vanishing_silo else [],
        "unit_below_floor": units[-1] if d.small_unit else None,
        "hidden_team": [str(k) for k in ids[where.hidden == 1]],
        "lookalikes": [str(ids[k]) for k in where.lookalike] if where.lookalike else [],
        "sole_expert": {"person": str(ids[where.expert]), "topic": TOPICS[4]}
        if where.expert is not None
        else None,
        "same_name": [str(k) for k in ids[np.flatnonzero(rows)]],
        "split_ids": [str(k) for k in ids[firm.split]],
        "movers": [str(k) for k in ids[where.moved >= 0]],
        "lunch_ties": int((firm._ties.origin == "lunch").sum()),
        "group_ties": int((firm._ties.origin == "group").sum()),
    }
