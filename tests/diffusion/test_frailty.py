"""Event history with a person effect: the integral against quadrature, and what it finds in worlds with known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from peernet import PeerNetwork
from peernet.diffusion import fit_event_history
from peernet.diffusion._frailty import person_likelihood

CHANCE = {
    "logit": lambda e: 1 / (1 + np.exp(-e)),
    "probit": norm.cdf,
    "cloglog": lambda e: 1 - np.exp(-np.exp(e)),
    "poisson": np.exp,
}


@pytest.mark.parametrize("link", CHANCE)
def test_the_integral_is_that_of_adaptive_quadrature(link: str) -> None:
    rng = np.random.default_rng(4)
    person = np.repeat(np.arange(4), [3, 8, 1, 5])
    x = np.column_stack([rng.normal(size=17), np.ones(17)])
    y = (rng.random(17) < 0.3).astype(float)
    beta, sd = np.array([0.6, -1.2]), 1.3
    got = person_likelihood(link, y, x, person, beta, sd)

    def inside(u: float, i: int) -> float:
        eta = x[person == i] @ beta + sd * u
        mine = y[person == i]
        if link == "poisson":
            return float(np.exp(np.sum(mine * eta - np.exp(eta))) * norm.pdf(u))
        p = CHANCE[link](eta)
        return float(np.prod(np.where(mine > 0, p, 1 - p)) * norm.pdf(u))

    want = [np.log(quad(inside, -9, 9, args=(i,), epsabs=1e-13, limit=200)[0]) for i in range(4)]
    np.testing.assert_allclose(got, want, rtol=2e-6)


def world(sd: float, seed: int = 3) -> tuple[PeerNetwork, pd.DataFrame]:
    """Return people who differ in readiness, and six items that spread by a complementary log-log hazard."""
    rng = np.random.default_rng(seed)
    n, periods = 120, 9
    ids = [f"p{k:03d}" for k in range(n)]
    a = (rng.random((n, n)) < 4 / n).astype(float)
    np.fill_diagonal(a, 0)
    degree = a.sum(axis=0)
    own = sd * rng.normal(size=n)
    parts = []
    for item in "abcdef":
        knows, time = np.zeros(n), np.full(n, np.nan)
        for t in range(1, periods + 1):
            share = np.divide(knows @ a, degree, out=np.zeros(n), where=degree > 0)
            new = np.isnan(time) & (rng.random(n) < 1 - np.exp(-np.exp(-2.7 + share + own)))
            time[new], knows[new] = t, 1.0
        parts.append(pd.DataFrame({"person": ids, "item": item, "time": time}))
    net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=ids)
    return net, pd.concat(parts, ignore_index=True)


def test_it_finds_how_much_people_differ() -> None:
    net, seen = world(1.0)
    options: dict[str, Any] = {"start": 1, "end": 9, "time_effects": "linear"}
    plain = fit_event_history(net, seen, **options)
    frail = fit_event_history(net, seen, frailty="person", **options)
    table = frail.params.set_index("term")
    assert table.loc["frailty sd", "low"] < 1.0 < table.loc["frailty sd", "high"]
    assert table.loc["frailty sd", "p_value"] < 1e-6 and frail.converged
    assert table.loc["exposure", "low"] < 1.0 < table.loc["exposure", "high"]
    assert frail.log_likelihood > plain.log_likelihood
    # slow people are left late, which hides the effect of the teachers who have gathered by then
    assert table.loc["exposure", "estimate"] > plain.params["estimate"][0]
    assert "shared cause" in frail.summary()


def test_without_differences_it_is_the_plain_regression() -> None:
    net, seen = world(0.0)
    options: dict[str, Any] = {"start": 1, "end": 9, "time_effects": "linear"}
    plain = fit_event_history(net, seen, cluster="none", **options)
    frail = fit_event_history(net, seen, frailty="person", **options)
    table = frail.params.set_index("term")
    assert table.loc["frailty sd", "p_value"] > 0.01
    assert frail.log_likelihood >= plain.log_likelihood - 1e-4
    if table.loc["frailty sd", "estimate"] < 0.1:
        np.testing.assert_allclose(table["estimate"].iloc[:2], plain.params["estimate"], rtol=1e-2)
    one = fit_event_history(net, seen[seen["item"] == "a"], frailty="person", **options)
    assert any("single item" in note for note in one.notes)


def test_covariates_that_change_are_taken_when_they_hold() -> None:
    net, seen = world(0.0)
    seen = seen[seen["item"] == "a"]
    table = pd.DataFrame(
        [(p, t, float(t >= 5)) for p in net.ids for t in range(1, 10)], columns=["person", "time", "late"]
    )
    got = fit_event_history(net, seen, start=1, end=9, covariates=table, time_effects="none", link="logit")
    from peernet.diffusion import exposure

    share = exposure(net, seen, start=1, end=9)
    rows = [
        (float(tau == t), share.loc[p, t], float(t >= 5))
        for p, tau in zip(seen["person"], seen["time"], strict=True)
        for t in range(2, 10)
        if not tau < t and share.loc[p, t] == share.loc[p, t]
    ]
    import statsmodels.api as sm

    y, x, late = np.array(rows).T
    want = sm.Logit(y, np.column_stack([x, late, np.ones(len(y))])).fit(disp=0)
    np.testing.assert_allclose(got.params["estimate"], want.params[:2], rtol=1e-6)


def test_a_direction_without_a_summit_has_no_error() -> None:
    from peernet.diffusion._frailty import Frail
    from peernet.diffusion.event_history import _frail_terms

    for variance, without in (([-1.0, 4.0, 0.01], True), ([1.0, 4.0, -0.01], False)):
        found = Frail(np.array([1.0, 2.0]), 0.0, np.diag(variance), -10.0, converged=False)
        table, notes = _frail_terms(found, ["exposure", "level"], -12.0, 0.95)
        rows = table.set_index("term")
        assert np.isnan(rows.loc["exposure", "std_error"]) == without
        assert np.isnan(rows.loc["frailty sd", "high"]) == (not without)
        assert any(("No summit" if without else "no upper end") in note for note in notes)
        assert rows.loc["level", "std_error"] == 2.0
