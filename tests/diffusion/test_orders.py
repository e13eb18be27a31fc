"""Learners of one moment: the sum over all orders against a twin that writes every order out."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.diffusion import fit_nbda, simulate_nbda, social_transmission_share

N, END = 9, 6.0
IDS = [f"p{k}" for k in range(N)]


def world(seed: int) -> dict[str, Any]:
    """Return two networks, covariates, teacher weights, somebody who leaves, and adoptions that fall together."""
    rng = np.random.default_rng(seed)
    nets = [
        np.where(rng.random((N, N)) < 0.35, rng.integers(1, 4, (N, N)), 0).astype(float) for _ in range(2)
    ]
    for a in nets:
        np.fill_diagonal(a, 0)
    time = rng.permutation(np.array([1.0, 1, 1, 3, 3, 5, 5, np.nan, np.nan]))
    gone = int(np.flatnonzero(np.isnan(time))[0])
    return {
        "nets": nets, "time": time, "gone": gone, "x": rng.normal(size=N).round(2), "w": rng.integers(1, 4, N) * 1.0,
    }  # fmt: skip


def arguments(world: dict[str, Any]) -> dict[str, Any]:
    one, two = (PeerNetwork.from_adjacency(a, row_is="teacher", ids=IDS) for a in world["nets"])
    cover = pd.DataFrame({"x": world["x"]}, index=IDS)
    presence = pd.DataFrame({"person": IDS, "end": [2.0 if k == world["gone"] else np.nan for k in range(N)]})
    return {
        "networks": {"one": one, "two": two}, "adoptions": pd.DataFrame({"person": IDS, "time": world["time"]}),
        "start": 0, "end": END, "asocial": cover, "interaction": cover, "multiplicative": cover,
        "teacher_weight": pd.Series(world["w"], index=IDS), "presence": presence, "ties": "any_order", "rng": 1,
        "n_starts": 1,
    }  # fmt: skip


POINT = {"s": (0.3, 0.7), "a": 0.4, "c": -0.5, "b": 0.2}


def rates(world: dict[str, Any], knows: set[int], when: float) -> dict[int, tuple[float, float]]:
    """Return (own, social) rate of everybody naive and present."""
    here = [i for i in range(N) if i != world["gone"] or when < 2.0]
    out = {}
    for i in here:
        if i in knows:
            continue
        x = world["x"][i]
        taught = sum(
            s * net[j, i] * world["w"][j]
            for s, net in zip(POINT["s"], world["nets"], strict=True)
            for j in knows & set(here)
        )
        both = math.exp(POINT["b"] * x)
        out[i] = (both * math.exp(POINT["a"] * x), both * math.exp(POINT["c"] * x) * taught)
    return out


def slow(world: dict[str, Any], timing: str, scale: float) -> tuple[float, dict[int, float]]:
    """Return the log-likelihood over all orders, and the expected social part of each learner."""
    moments = sorted({t for t in world["time"] if t == t})
    blocks = [[i for i in range(N) if world["time"][i] == t] for t in moments]
    weights, shares = [], []
    for choice in itertools.product(*[list(itertools.permutations(b)) for b in blocks]):
        total, knows, previous, part = 0.0, set(), 0.0, {}
        for t, block in zip(moments, choice, strict=True):
            if timing == "continuous":
                for a, b in itertools.pairwise([previous, 2.0, t] if previous < 2 < t else [previous, t]):
                    total -= (b - a) / scale * sum(map(sum, rates(world, knows, (a + b) / 2).values()))
            for i in block:
                found = rates(world, knows, t)
                own, taught = found[i]
                below = scale if timing == "continuous" else sum(map(sum, found.values()))
                total += math.log((own + taught) / below)
                part[i] = taught / (own + taught)
                knows = knows | {i}
            previous = t
        if timing == "continuous":
            total -= (END - previous) / scale * sum(map(sum, rates(world, knows, END - 0.1).values()))
        weights.append(total)
        shares.append(part)
    top = max(weights)
    chance = np.exp(np.array(weights) - top)
    mean = {i: float(np.average([s[i] for s in shares], weights=chance)) for i in shares[0]}
    return top + math.log(chance.sum()), mean


@pytest.mark.parametrize(
    ("timing", "baseline"), [("order", "free"), ("continuous", "constant"), ("continuous", "free")]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_sum_over_orders_is_its_slow_twin(
    timing: str, baseline: str, seed: int, monkeypatch: Any
) -> None:
    from peernet.diffusion import _fitting

    monkeypatch.setattr(_fitting, "profile_interval", lambda *_: (0.0, 1.0, 0.0))
    here = world(seed)
    fit = fit_nbda(**arguments(here), timing=timing, baseline=baseline)
    want, parts = slow(here, "order" if baseline == "free" else timing, 7.0)
    given = {"asocial: x": POINT["a"], "interaction: x": POINT["c"], "multiplicative: x": POINT["b"]}
    scale = {} if baseline == "free" else {"scale": 7.0}
    got = fit.log_likelihood_at(given, s=dict(zip(("one", "two"), POINT["s"], strict=True)), **scale)
    assert got == pytest.approx(want, abs=1e-10)
    from peernet.diffusion._share_profile import social_parts

    p = np.array([*POINT["s"], POINT["a"], POINT["c"], POINT["b"]])
    engine = fit._engine
    part, slope = social_parts(engine.model, p)
    assert part == pytest.approx([parts[i] for i in engine.design.e_person], abs=1e-10)
    surface = engine.surface
    z = np.array([0.3, 0.5, 0.2, -0.3, 0.1])
    gradient = surface(z)[1]
    for j in range(5):
        step = np.eye(5)[j] * 1e-5
        assert gradient[j] == pytest.approx(
            (surface(z + step)[0] - surface(z - step)[0]) / 2e-5, rel=1e-5, abs=1e-7
        )
        more, less = (social_parts(engine.model, p + sign * step)[0].sum() for sign in (1, -1))
        assert slope[j] == pytest.approx((more - less) / 2e-5, abs=1e-5)


def test_without_ties_in_time_nothing_changes() -> None:
    rng = np.random.default_rng(3)
    a = (rng.random((20, 20)) < 0.2) * 1.0
    np.fill_diagonal(a, 0)
    net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=[f"q{k:02d}" for k in range(20)])
    seen = pd.DataFrame({"person": net.ids, "time": rng.permutation(20) + 1.0})
    fits = [fit_nbda(net, seen, start=0, end=20, ties=t, rng=1) for t in ("apart", "any_order")]
    assert fits[0].log_likelihood == fits[1].log_likelihood
    shuffled = seen.assign(time=np.ceil(seen["time"] / 4))
    ones = [
        fit_nbda(net, x, start=0, end=20, ties="any_order", rng=1) for x in (shuffled, shuffled.iloc[::-1])
    ]
    assert ones[0].log_likelihood == pytest.approx(ones[1].log_likelihood, abs=1e-10)
    # without teaching every order of k is as likely as any other: the given order times k!
    want = fit_nbda(net, shuffled, start=0, end=20, ties="sequential", rng=1).asocial
    assert ones[0].asocial.log_likelihood == pytest.approx(want.log_likelihood + 5 * math.lgamma(5), abs=1e-9)


def test_share_adds_up_and_counts_those_of_the_same_moment() -> None:
    ties = pd.DataFrame({"teacher": ["a", "b"], "learner": ["b", "c"]})
    seen = pd.DataFrame({"person": list("abcde"), "time": [1, 1, 2, 3, np.nan]})
    net = PeerNetwork(list("abcde"), ties)
    fit = fit_nbda(net, seen, start=0, end=4, ties="any_order", rng=1)
    share = social_transmission_share(fit, rng=1)
    assert share.ceiling == pytest.approx(2 / 3)
    assert share.attribution["social"].sum() == pytest.approx(share.events["social"].sum())
    assert share.by_network.sum() == pytest.approx(share.value) == share.by_item.iloc[0]
    assert set(zip(share.attribution["teacher"], share.attribution["learner"], strict=True)) == {
        ("a", "b"),
        ("b", "c"),
    }
    apart = social_transmission_share(fit_nbda(net, seen, start=0, end=4, rng=1), rng=1)
    assert apart.ceiling == pytest.approx(1 / 3)


def test_what_cannot_be_summed_is_refused() -> None:
    ids = [f"p{k:02d}" for k in range(14)]
    net = PeerNetwork(ids, pd.DataFrame({"teacher": ids[:-1], "learner": ids[1:]}))
    seen = pd.DataFrame({"person": ids, "time": 1.0})
    with pytest.raises(DataError, match=r"14 people learned at the same moment.*at most 12"):
        fit_nbda(net, seen, start=0, end=2, ties="any_order")
    with pytest.raises(ValueError, match="in discrete time people of one period never teach"):
        fit_nbda(net, seen, start=1, end=2, timing="discrete", ties="any_order")


def test_draws_from_the_model_let_those_of_one_moment_teach() -> None:
    ids = ["a", "b", "c", "d"]
    net = PeerNetwork(ids, pd.DataFrame({"teacher": ["a"], "learner": ["b"], "weight": [1.0]}))
    seen = pd.DataFrame({"person": ids, "time": [1.0, 1.0, 2.0, np.nan]})
    fit = fit_nbda(net, seen, start=0, end=3, ties="any_order", rng=1)
    draws = simulate_nbda(fit, n_draws=50, rng=1).draws[:, 0]
    assert (np.isfinite(draws).sum(axis=1) == 3).all()


def test_efron_of_unlike_people_by_hand() -> None:
    # a first (1 of 3); then b, taught by a with weight 3, and c together, nobody left: b's rate exceeds their mean
    net = PeerNetwork(list("abc"), pd.DataFrame({"teacher": ["a"], "learner": ["b"], "weight": [3.0]}))
    seen = pd.DataFrame({"person": list("abc"), "time": [1, 2, 2]})
    fit = fit_nbda(net, seen, start=0, end=2, ties="efron", rng=1)
    by_hand = -math.log(3) + math.log(4) + math.log(1) - math.log(5) - math.log(5 / 2)
    assert fit.log_likelihood_at(s=1.0) == pytest.approx(by_hand, abs=1e-12)
    assert fit.log_likelihood >= fit.asocial.log_likelihood  # type: ignore[union-attr]


@pytest.mark.parametrize("ties", ["apart", "efron", "sequential", "any_order"])
def test_teaching_is_never_worse_than_none(ties: str, monkeypatch: Any) -> None:
    from peernet.diffusion import _fitting

    monkeypatch.setattr(_fitting, "profile_interval", lambda *_: (0.0, 1.0, 0.0))
    rng = np.random.default_rng(5)
    for _ in range(60):
        n = int(rng.integers(3, 9))
        a = (rng.random((n, n)) < 0.4) * (1.0 - np.eye(n))
        ids = [f"p{k}" for k in range(n)]
        net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=ids)
        seen = pd.DataFrame({"person": ids, "time": rng.integers(1, 4, n)})
        fit = fit_nbda(net, seen, start=0, end=4, ties=ties, n_starts=1, rng=1)
        assert fit.log_likelihood >= fit.asocial.log_likelihood - 1e-9  # type: ignore[union-attr]


def test_the_default_does_not_depend_on_the_order_of_people() -> None:
    rng = np.random.default_rng(3)
    n = 14
    ids = [f"p{k:02d}" for k in range(n)]
    ties = pd.DataFrame({"teacher": rng.choice(ids, 40), "learner": rng.choice(ids, 40)})
    ties = ties[ties["teacher"] != ties["learner"]].drop_duplicates()
    seen = pd.DataFrame({"person": ids, "time": rng.integers(1, 7, n)})
    found = {}
    for how in (None, "apart"):
        fits = []
        for seed in range(4):
            mixed = np.random.default_rng(seed).permutation(ids).tolist()
            net = PeerNetwork(mixed, ties.sample(frac=1, random_state=seed))
            fits.append(
                fit_nbda(net, seen.sample(frac=1, random_state=seed), start=0, end=6, ties=how, rng=1)
            )
        found[how] = fits
    values = [f.log_likelihood for f in found[None]]
    assert max(values) - min(values) < 1e-9
    shares = [social_transmission_share(f, sensitivity=False).value for f in found[None]]
    assert max(shares) - min(shares) < 1e-5
    same = fit_nbda(found[None][0]._engine.prepared.net, seen, start=0, end=6, timing="continuous", rng=1)
    assert same.log_likelihood == pytest.approx(values[0], abs=1e-9)
    assert not any("order of people" in note for note in found[None][0].notes)
    apart = [f.log_likelihood for f in found["apart"]]
    assert max(apart) - min(apart) > 1e-3
    assert all("order of people" in " ".join(f.notes) for f in found["apart"])
