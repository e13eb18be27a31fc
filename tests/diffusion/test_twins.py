"""Describing, on random data, against twins written cell by cell from the formulas; silent people; several items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork
from peernet.diffusion import (
    adoption_curve,
    crossings,
    exposure,
    hazard,
    infectiousness,
    moran,
    opinion_leaders,
    susceptibility,
    thresholds,
    tie_change,
    wrong_knowledge_test,
)

N, LAST = 14, 7
IDS = [f"p{k:02d}" for k in range(N)]


def world(seed: int) -> tuple[np.ndarray, list[float], PeerNetwork, pd.DataFrame]:
    """Return a valued matrix (teacher in the row), periods of adoption, and both as peernet takes them."""
    rng = np.random.default_rng(seed)
    a = np.where(rng.random((N, N)) < 0.3, rng.integers(1, 5, (N, N)), 0).astype(float)
    np.fill_diagonal(a, 0)
    tau = [float(t) if t <= LAST else np.nan for t in rng.integers(1, LAST + 3, N)]
    net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=IDS)
    return a, tau, net, pd.DataFrame({"person": IDS, "time": tau})


SPAN = {"start": 1, "end": LAST}
SEEDS = pytest.mark.parametrize("seed", range(3))


def cell(a: Any, tau: Any, w: Any, i: int, t: int, lag: int, normalised: bool, weighted: bool) -> float:
    """Return the exposure of person i in period t."""
    if not 1 <= t - lag <= LAST:
        return np.nan
    top = below = 0.0
    for j in range(N):
        tie = a[j, i] if weighted else float(a[j, i] > 0)
        below += tie * w[j]
        top += tie * w[j] * (tau[j] <= t - lag)
    return np.nan if below == 0 else top / below if normalised else top


@SEEDS
@pytest.mark.parametrize("lag", [-1, 0, 1, 3])
@pytest.mark.parametrize(
    ("normalised", "weighted"), [(True, True), (False, True), (True, False), (False, False)]
)
def test_exposure(seed: int, lag: int, normalised: bool, weighted: bool) -> None:
    a, tau, net, seen = world(seed)
    w = np.random.default_rng(seed).integers(0, 3, N).astype(float)
    options: dict[str, Any] = {"lag": lag, "normalised": normalised, "weighted": weighted}
    got = exposure(net, seen, teacher_weight=pd.Series(w, index=IDS), **options, **SPAN)
    want = [[cell(a, tau, w, i, t, lag, normalised, weighted) for t in range(1, LAST + 1)] for i in range(N)]
    np.testing.assert_allclose(got, want, rtol=1e-12)
    back = exposure(net, seen, through="learners", **options, **SPAN)
    ones = np.ones(N)
    turned = [
        [cell(a.T, tau, ones, i, t, lag, normalised, weighted) for t in range(1, LAST + 1)] for i in range(N)
    ]
    np.testing.assert_allclose(back, turned, rtol=1e-12)
    limen = thresholds(net, seen, **options, **SPAN)["threshold"]
    at = [
        np.nan if tau[i] != tau[i] else cell(a, tau, ones, i, int(tau[i]), lag, normalised, weighted)
        for i in range(N)
    ]
    np.testing.assert_allclose(limen, at, rtol=1e-12)


@SEEDS
def test_a_network_a_period_uses_that_of_the_earlier_period(seed: int) -> None:
    nets = [world(seed + 10 * t) for t in range(1, LAST + 1)]
    _, tau, _, seen = world(seed)
    got = exposure([n[2] for n in nets], seen, lag=2, **SPAN)
    for t in range(3, LAST + 1):
        a = nets[t - 3][0]
        np.testing.assert_allclose(
            got[t], [cell(a, tau, np.ones(N), i, t, 2, True, True) for i in range(N)], rtol=1e-12
        )
    assert got[[1, 2]].isna().all().all()


def score(
    a: Any, tau: Any, i: int, sign: int, horizon: int, discount: str, normalised: bool, weighted: bool
) -> float:
    """Return infectiousness (sign 1) or susceptibility (sign -1) of one person."""
    if tau[i] != tau[i]:
        return np.nan
    top = below = everybody = 0.0
    for k in range(1, horizon + 1):
        other = tau[i] + sign * k
        if (sign > 0 and other > LAST) or (sign < 0 and other < 1):
            continue
        d = 1 / k if discount == "linear" else 1.5 ** (1 - k)
        for j in range(N):
            if tau[j] != tau[j]:
                everybody_has, beyond = False, sign > 0
            else:
                everybody_has, beyond = tau[j] == other, tau[j] >= other if sign > 0 else tau[j] <= other
            tie = a[i, j] if sign > 0 else a[j, i]
            tie = tie if weighted else float(tie > 0)
            # only those who adopt some time can still adopt, so never-adopters are in neither sum
            beyond = beyond and tau[j] == tau[j]
            top += d * tie * everybody_has
            below += d * tie * beyond
            everybody += d * everybody_has
    value = top / below if below else 0.0
    return value / everybody if normalised and everybody else value if not normalised else 0.0


@SEEDS
@pytest.mark.parametrize(("horizon", "discount"), [(1, "linear"), (3, "linear"), (3, "exponential")])
@pytest.mark.parametrize("normalised", [True, False])
def test_infectiousness_and_susceptibility(seed: int, horizon: int, discount: Any, normalised: bool) -> None:
    a, tau, net, seen = world(seed)
    options: dict[str, Any] = {"horizon": horizon, "discount": discount, "normalised": normalised}
    for weighted in (True, False):
        give = infectiousness(net, seen, weighted=weighted, **options, **SPAN)
        take = susceptibility(net, seen, weighted=weighted, **options, **SPAN)
        for sign, got in ((1, give), (-1, take)):
            want = [score(a, tau, i, sign, horizon, discount, normalised, weighted) for i in range(N)]
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-13)


@SEEDS
def test_moran_and_the_curve(seed: int) -> None:
    a, tau, net, seen = world(seed)
    y = np.random.default_rng(seed).normal(size=N)
    w = np.array([[a[j, i] for j in range(N)] for i in range(N)])
    w = np.divide(
        w, w.sum(axis=1, keepdims=True), out=np.zeros_like(w), where=w.sum(axis=1, keepdims=True) > 0
    )
    c = y - y.mean()
    want = N / w.sum() * sum(w[i, j] * c[i] * c[j] for i in range(N) for j in range(N)) / (c @ c)
    assert moran(net, pd.Series(y, index=IDS), weighted=True).observed == pytest.approx(want)
    curve, rate = adoption_curve(net, seen, **SPAN), hazard(net, seen, **SPAN)
    for t in range(1, LAST + 1):
        had = sum(x <= t for x in tau)
        before = sum(x <= t - 1 for x in tau)
        assert curve["share"][t - 1] == pytest.approx(had / N)
        assert rate["hazard"][t - 1] == pytest.approx((had - before) / (N - before))


def test_one_exposure_to_several_items() -> None:
    _, tau, net, seen = world(1)
    other = pd.DataFrame({"person": IDS, "time": np.random.default_rng(2).permutation(tau)})
    both = pd.concat([seen.assign(item="s"), other.assign(item="t")])
    each = exposure(net, both, **SPAN)
    either = seen.assign(time=np.fmin(seen["time"], other["time"]))
    together = seen.assign(time=np.maximum(seen["time"], other["time"]))
    pd.testing.assert_frame_equal(exposure(net, both, across="any", **SPAN), exposure(net, either, **SPAN))
    pd.testing.assert_frame_equal(exposure(net, both, across="all", **SPAN), exposure(net, together, **SPAN))
    mean = exposure(net, both, across="mean", **SPAN)
    np.testing.assert_allclose(mean, (each["s"] + each["t"]) / 2)
    with pytest.raises(ValueError, match="across must be one of"):
        exposure(net, both, across="sum", **SPAN)


def silent(net: PeerNetwork, who: list[str]) -> PeerNetwork:
    """Return the network as it is known when these people did not say who teaches them."""
    observed = dict.fromkeys(net.ids, "answered") | dict.fromkeys(who, "silent")
    ties = net.ties[~net.ties["learner"].isin(who)]
    return PeerNetwork(net.people, ties, observed=observed, respondent_is="learner")


def test_silent_people_are_unknown_and_not_without_teachers() -> None:
    _, _, net, seen = world(2)
    seen["time"] = seen["time"].fillna(LAST)
    here = silent(net, ["p03", "p05"])
    others = [i for i in IDS if i not in ("p03", "p05")]
    for function in (exposure, susceptibility, thresholds):
        got, full = (pd.DataFrame(function(x, seen, **SPAN)) for x in (here, net))
        column = "threshold" if function is thresholds else list(got.columns)
        assert got.loc[["p03", "p05"], column].isna().to_numpy().all(), function.__name__
        pd.testing.assert_frame_equal(got.loc[others], full.loc[others])
    leaders = opinion_leaders(here, seen, n_draws=0, **SPAN).table
    assert leaders["n"].tolist() == [N, N - 2]
    assert infectiousness(here, seen, **SPAN).notna().all()


def test_ties_of_silent_people_are_neither_made_nor_dropped() -> None:
    _, _, net, seen = world(2)
    nets = [net] * (LAST - 1) + [silent(net, ["p03"])]
    got = tie_change(nets, seen, **SPAN)
    assert got["dropped"].sum() == 0 and got["made"].sum() == 0
    last = got[got["period"] == LAST]
    assert last[["made", "dropped", "kept", "absent"]].to_numpy().sum() == (N - 1) * (N - 1)


def test_a_group_first_reached_through_somebody_silent_has_an_unknown_origin() -> None:
    people = pd.DataFrame({"unit": ["x", "y"]}, index=["ana", "bo"])
    ties = pd.DataFrame({"teacher": ["ana"], "learner": ["bo"]})
    seen = pd.DataFrame({"person": ["ana", "bo"], "time": [1, 2]})
    known = crossings(PeerNetwork(people, ties), seen, "unit", start=1, end=2).set_index("unit")
    assert known["origin"].tolist() == [True, False]
    here = silent(PeerNetwork(people, ties), ["bo"])
    assert crossings(here, seen, "unit", start=1, end=2).set_index("unit").loc["y", "origin"] is pd.NA


def test_wrong_knowledge_holds_its_level() -> None:
    rejected = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        a = (rng.random((40, 40)) < 0.12) * 1.0
        np.fill_diagonal(a, 0)
        net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=[f"q{k:02d}" for k in range(40)])
        frame = pd.DataFrame(
            {"person": net.ids, "time": rng.integers(1, 9, 40), "correct": rng.random(40) < 0.6}
        )
        found = wrong_knowledge_test(net, frame, start=1, end=8, n_draws=99, rng=seed)
        rejected += found.p_value <= 0.05
    assert rejected <= 10  # 99.9 % binomial bound of 60 at 5 %
