"""Strengths that differ between items: the integral against quadrature, and worlds with known spread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from peernet import FitError, PeerNetwork
from peernet.diffusion import fit_item_effects, fit_nbda, simulate_nbda
from peernet.diffusion.item_effects import integrated


def world(strengths: list[float], n: int = 50, seed: int = 1) -> tuple[PeerNetwork, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    a = (rng.random((n, n)) < 5 / n) * 1.0
    np.fill_diagonal(a, 0)
    net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=[f"p{k:02d}" for k in range(n)])
    parts = [
        simulate_nbda(net, s=s, rate=0.05, end=12, timing="continuous", rng=seed + k)
        .adoptions()
        .assign(item=f"i{k:02d}")
        for k, s in enumerate(strengths)
    ]
    return net, pd.concat(parts, ignore_index=True)


def test_the_integral_and_its_gradient() -> None:
    net, seen = world([0.2, 2.0, 0.6], n=20)
    age = pd.Series(np.random.default_rng(3).normal(size=20), index=net.ids, name="age")
    fit = fit_nbda(net, seen, start=0, end=12, asocial=age, rng=1)
    model = fit._engine.model
    alive, theta = np.array([0]), np.array([-0.4, 0.3, np.log(0.8)])
    got = integrated(model, theta, alive)
    want = 0.0
    for k in range(3):

        def inside(u: float, k: int = k) -> float:
            value = model.evaluate(np.array([np.exp(-0.4 + 0.8 * u), 0.3])).by_item[k]
            return float(np.exp(value + 40) * norm.pdf(u))

        want += np.log(quad(inside, -8, 8, epsabs=1e-14, limit=200)[0]) - 40
    assert got.value == pytest.approx(want, abs=1e-5)
    for j in range(3):
        h = np.eye(3)[j] * 1e-5
        slope = (integrated(model, theta + h, alive).value - integrated(model, theta - h, alive).value) / 2e-5
        assert got.gradient[j] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_items_that_differ_are_told_apart() -> None:
    net, seen = world([0.05, 0.1, 0.1, 4.0, 5.0, 6.0])
    fit = fit_nbda(net, seen, start=0, end=12, rng=1)
    found = fit_item_effects(fit)
    assert found.p_value < 0.05 and found.sd_low < found.sd < found.sd_high
    assert found.log_likelihood >= fit.log_likelihood - 1e-6
    factor = found.table.set_index("item")["factor"]
    assert factor[["i00", "i01", "i02"]].max() < factor[["i03", "i04", "i05"]].min()
    assert found.table["share"].between(0, 1).all()
    assert "no shared cause" in found.summary() and found.plot() is not None


def test_items_that_do_not_differ_are_not() -> None:
    net, seen = world([0.6] * 5, seed=9)
    found = fit_item_effects(fit_nbda(net, seen, start=0, end=12, rng=1))
    assert found.p_value > 0.05
    assert found.table["factor"].between(0.3, 3.0).all()


def test_what_has_no_item_effects_is_refused() -> None:
    net, seen = world([0.6, 0.6])
    with pytest.raises(FitError, match="several items with common strengths"):
        fit_item_effects(fit_nbda(net, seen, start=0, end=12, item="i00", rng=1))
    with pytest.raises(FitError, match="several items with common strengths"):
        fit_item_effects(fit_nbda(net, seen, start=0, end=12, shared=["baseline"], rng=1))
