"""Calibration of the social share: coverage of its interval, size of its tests, what a common trend does.

Short runs stand in every test run; the long ones (``-m long -s``) print the table of docs/calibration/diffusion.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork
from peernet.diffusion import fit_nbda, simulate_nbda, social_transmission_share
from peernet.diffusion.simulate import true_share

ROOT_SEED = 20261123


def random_network(n: int, teachers: int, seed: int) -> PeerNetwork:
    """Return n people with about so many teachers each."""
    rng = np.random.default_rng([ROOT_SEED, seed])
    a = (rng.random((n, n)) < teachers / n).astype(float)
    np.fill_diagonal(a, 0)
    return PeerNetwork.from_adjacency(a, row_is="teacher", ids=[f"p{k:03d}" for k in range(n)])


def halves(net: PeerNetwork, seed: int) -> dict[str, PeerNetwork]:
    """Return the ties of a network dealt out to two networks."""
    first = np.random.default_rng([ROOT_SEED, seed]).random(len(net.ties)) < 0.5
    return {"one": PeerNetwork(net.people, net.ties[first]), "two": PeerNetwork(net.people, net.ties[~first])}


BOTH = random_network(60, 5, 4)
NOISE = pd.DataFrame({"noise": np.random.default_rng([ROOT_SEED, 5]).normal(size=60)}, index=BOTH.ids)
# share in the middle of what is possible, far from 0 and from the ceiling
DESIGNS: dict[str, dict[str, Any]] = {
    "periods, constant baseline": {
        "net": random_network(60, 5, 1), "world": {"s": 0.4, "rate": 0.04, "end": 12, "n_items": 3},
        "fit": {"timing": "discrete", "baseline": "constant", "start": 1, "end": 12},
    },
    "periods, free baseline": {
        "net": random_network(80, 4, 2), "world": {"s": 0.6, "rate": 0.05, "end": 10, "n_items": 4},
        "fit": {"timing": "discrete", "baseline": "free", "start": 1, "end": 10},
    },
    "order": {
        "net": random_network(50, 6, 3),
        "world": {"s": 0.5, "rate": 0.05, "end": 10, "n_items": 4, "timing": "continuous"},
        "fit": {"timing": "order", "start": 0, "end": 10},
    },
    "order, two networks and a covariate": {
        "net": BOTH, "networks": halves(BOTH, 6), "truth": [0.5, 0.5, 0.0],
        "world": {"s": 0.5, "rate": 0.05, "end": 10, "n_items": 4, "timing": "continuous"},
        "fit": {"timing": "order", "start": 0, "end": 10, "asocial": NOISE},
    },
}  # fmt: skip
TREND = tuple(np.linspace(0.3, 2.5, 10))
NULLS: dict[str, dict[str, Any]] = {
    "no teaching, order": DESIGNS["order"] | {"world": DESIGNS["order"]["world"] | {"s": 0.0, "rate": 0.1}},
    "no teaching, constant": DESIGNS["periods, constant baseline"]
    | {"world": DESIGNS["periods, constant baseline"]["world"] | {"s": 0.0, "rate": 0.1}},
    "no teaching, free": DESIGNS["periods, free baseline"]
    | {"world": DESIGNS["periods, free baseline"]["world"] | {"s": 0.0, "rate": 0.1}},
    "common trend, free": DESIGNS["periods, free baseline"]
    | {"world": DESIGNS["periods, free baseline"]["world"] | {"s": 0.0, "rate": 0.1, "trend": TREND}},
    "common trend, constant": DESIGNS["periods, free baseline"]
    | {
        "world": DESIGNS["periods, free baseline"]["world"] | {"s": 0.0, "rate": 0.1, "trend": TREND},
        "fit": DESIGNS["periods, free baseline"]["fit"] | {"baseline": "constant"},
    },
}


def run(design: dict[str, Any], n: int, stream: int) -> dict[str, float]:
    """Simulate and analyse n data sets."""
    rng = np.random.default_rng([ROOT_SEED, 99, stream])
    worlds = simulate_nbda(design["net"], **design["world"], n_draws=n, rng=rng)
    covered, rejected, value, truth, ceiling, width = [], [], [], [], [], []
    for k in range(n):
        networks = design.get("networks", design["net"])
        fit = fit_nbda(networks, worlds.adoptions(k), **design["fit"], n_starts=3, rng=rng)
        share = social_transmission_share(fit, sensitivity=False)
        real = true_share(fit, np.array(design.get("truth", [design["world"]["s"]])))
        covered.append(share.low - 1e-7 <= real <= share.high + 1e-7)
        rejected.append(share.zero_p < 0.05)
        value.append(share.value)
        truth.append(real)
        ceiling.append(share.ceiling)
        width.append(share.high - share.low)
    bias = np.array(value) - np.array(truth)
    return {
        "coverage": float(np.mean(covered)), "rejected": float(np.mean(rejected)), "truth": float(np.mean(truth)),
        "value": float(np.mean(value)), "bias": float(bias.mean()), "bias_se": float(bias.std(ddof=1) / np.sqrt(n)),
        "ceiling": float(np.mean(ceiling)), "width": float(np.mean(width)),
    }  # fmt: skip


def bounds(p: float, n: int) -> tuple[float, float]:
    """Return the 99.9 % binomial bounds of a proportion."""
    from scipy.stats import binom

    return binom.ppf(0.0005, n, p) / n, binom.ppf(0.9995, n, p) / n


@pytest.mark.parametrize("name", [k for k in DESIGNS if "two networks" not in k])
def test_interval_covers_short(name: str) -> None:
    found = run(DESIGNS[name], 60, 1)
    low, high = bounds(0.95, 60)
    assert low <= found["coverage"] <= high
    assert abs(found["bias"]) < 0.05


@pytest.mark.parametrize("name", [k for k in NULLS if k != "common trend, constant"])
def test_zero_test_has_its_size_short(name: str) -> None:
    found = run(NULLS[name], 60, 2)
    assert found["rejected"] <= bounds(0.05, 60)[1]


def test_a_constant_baseline_takes_a_trend_for_teaching_short() -> None:
    assert run(NULLS["common trend, constant"], 30, 3)["rejected"] > 0.6


@pytest.mark.long
@pytest.mark.parametrize("name", DESIGNS)
def test_interval_covers(name: str) -> None:
    found = run(DESIGNS[name], 1000, 11)
    print(f"| {name} | 1000 |", " | ".join(f"{found[k]:.3f}" for k in ("truth", "ceiling", "value", "bias", "bias_se", "width", "coverage")), "|")  # fmt: skip  # noqa: E501
    assert 0.92 <= found["coverage"] <= 0.98


@pytest.mark.long
@pytest.mark.parametrize("name", NULLS)
def test_zero_test_has_its_size(name: str) -> None:
    found = run(NULLS[name], 1000, 12)
    print(f"| {name} | 1000 | {found['rejected']:.3f} | {found['value']:.3f} | {found['coverage']:.3f} |")
    low, high = bounds(0.05, 1000)
    if name == "common trend, constant":
        assert found["rejected"] > 0.6
    else:
        assert low <= found["rejected"] <= high
