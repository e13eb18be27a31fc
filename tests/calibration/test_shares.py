"""Intervals of survey shares cover what they say; bounds contain the truth; popular alternatives do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet.hypotheses import design_mean, social_share

SEED = 20261123
SOURCES = ("peers", "manager", "courses", "reading", "trial", "outside")


def inside_binomial(hits: int, draws: int, level: float) -> bool:
    """Say whether a count of hits is one that a chance of ``level`` gives in 99.9 % of runs."""
    low, high = binom.interval(0.999, draws, level)
    return bool(low <= hits <= high)


def organisations(draws: int, **knobs: Any) -> Any:
    """Yield true shares, roster, status and the true wide shares of everybody asked, before anybody rounded."""
    from peernet.datasets.organisation import make_organisation

    for child in np.random.SeedSequence(SEED).spawn(draws):
        firm = make_organisation(rng=child, **knobs)
        people = pd.DataFrame(
            {"unit": firm.structure.unit}, index=[f"p{k}" for k in range(firm.design.n_people)]
        )
        parts = pd.DataFrame(firm._shares, index=people.index, columns=list(SOURCES))
        status = pd.Series(firm._status, index=people.index)
        asked = (status != "not_asked").to_numpy()
        wide = parts[["peers", "manager", "outside"]].sum(axis=1)[asked]
        yield parts[status == "answered"], people, status, wide.to_numpy()


@pytest.mark.slow
def test_social_share_covers_the_roster_mean_at_its_level() -> None:
    draws, mean_hits, share_hits, inside = 1500, 0, 0, 0
    for parts, people, status, wide in organisations(draws):
        found = social_share(parts, total=1, tolerance=0.01, people=people, respondents=status)
        mean, above = found.row(), found.row("at least claim")
        truth, true_above = wide.mean(), (wide >= 0.8).mean()
        mean_hits += mean["low"] <= truth <= mean["high"]
        share_hits += above["low"] <= true_above <= above["high"]
        inside += mean["bound_low"] <= truth <= mean["bound_high"]
        inside += above["bound_low"] <= true_above <= above["bound_high"]
    assert inside_binomial(mean_hits, draws, 0.95), mean_hits
    assert share_hits >= binom.ppf(0.0005, draws, 0.95), share_hits
    assert share_hits <= 0.985 * draws, share_hits
    assert inside == 2 * draws


def test_bounds_contain_the_truth_when_silence_is_informative() -> None:
    draws, covered, inside = 150, 0, 0
    for parts, people, status, wide in organisations(draws, silence_bias=1.5):
        found = social_share(parts, total=1, tolerance=0.01, people=people, respondents=status)
        row = found.row()
        inside += row["bound_low"] <= wide.mean() <= row["bound_high"]
        covered += row["low"] <= wide.mean() <= row["high"]
    assert inside == draws
    assert covered < 0.2 * draws  # and the interval, which believes in random answering, does not cover


def one_firm(rng: np.random.Generator, n: int = 240, units: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Return unit and share of everybody in a firm whose units differ."""
    unit = rng.integers(0, units, n)
    centre = np.clip(rng.normal(0.62, 0.06, units), 0.3, 0.9)[unit]
    return unit, rng.beta(8 * centre, 8 * (1 - centre))


def test_popular_alternatives_fail_where_ours_holds() -> None:
    rng = np.random.default_rng(SEED)
    draws = 600
    hits = {"strata, fpc": 0, "no fpc": 0, "units as sampled clusters": 0}
    width = dict.fromkeys(hits, 0.0)
    for _ in range(draws):
        unit, x = one_firm(rng)
        told = rng.random(len(x)) < 0.7
        sizes = dict(enumerate(np.bincount(unit)))
        ways = {
            "strata, fpc": design_mean(x[told], strata=unit[told], population=sizes),
            "no fpc": design_mean(x[told], strata=unit[told]),
            "units as sampled clusters": design_mean(x[told], clusters=unit[told]),
        }
        for name, found in ways.items():
            hits[name] += found.low <= x.mean() <= found.high
            width[name] += found.high - found.low
    assert inside_binomial(hits["strata, fpc"], draws, 0.95), hits
    assert hits["no fpc"] > 0.98 * draws, hits  # covers too often: 1.8 times too wide
    assert hits["units as sampled clusters"] == draws, hits
    assert width["units as sampled clusters"] > 3 * width["strata, fpc"]


def test_sampled_clusters_are_covered_with_t_and_not_with_the_normal() -> None:
    rng = np.random.default_rng(SEED + 1)
    draws, hits, normal = 800, 0, 0
    for _ in range(draws):
        effect = rng.normal(0, 0.1, 8)
        cluster = np.repeat(np.arange(8), 12)
        x = 0.6 + effect[cluster] + rng.normal(0, 0.15, 96)
        found = design_mean(x, clusters=cluster)
        hits += found.low <= 0.6 <= found.high
        normal += abs(found.value - 0.6) <= 1.959964 * found.std_error
    assert inside_binomial(hits, draws, 0.95), hits
    assert not inside_binomial(normal, draws, 0.95), normal


def test_two_stage_samples_are_covered() -> None:
    rng = np.random.default_rng(SEED + 2)
    sizes = rng.integers(15, 30, 60)
    cluster = np.repeat(np.arange(60), sizes)
    x = np.clip(rng.normal(0.6, 0.1, 60)[cluster] + rng.normal(0, 0.15, len(cluster)), 0, 1)
    members = [np.flatnonzero(cluster == c) for c in range(60)]
    draws, hits = 600, 0
    for _ in range(draws):
        chosen = rng.choice(60, 25, replace=False)
        rows = np.concatenate([rng.choice(members[c], 8, replace=False) for c in chosen])
        found = design_mean(x[rows], clusters=cluster[rows], population=(60, dict(enumerate(sizes))))
        hits += found.low <= x.mean() <= found.high
    assert inside_binomial(hits, draws, 0.95), hits


def test_the_test_of_the_mean_has_its_size() -> None:
    rng = np.random.default_rng(SEED + 3)
    unit, x = one_firm(rng)
    people = pd.DataFrame({"unit": unit}, index=[f"p{k}" for k in range(len(x))])
    parts = pd.DataFrame({"peers": x, "courses": 1 - x}, index=people.index)
    draws, rejected = 700, 0
    for _ in range(draws):
        told = rng.random(len(x)) < 0.6
        found = social_share(parts[told], total=1, tolerance=0.01, people=people, claim=float(x.mean()))
        rejected += found.row()["p_value"] < 0.05
    assert inside_binomial(rejected, draws, 0.05), rejected
