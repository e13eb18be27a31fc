"""NBDA: the compiled-in-spells likelihood against a slow twin written person by person, event by event."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetwork
from peernet.diffusion import fit_nbda

# ---- the slow twin ------------------------------------------------------------------------------------------------


def hazard(baseline: str, scale: float, shape: float, t: float) -> tuple[float, float]:
    """Return (hazard, cumulative hazard) of the baseline."""
    if baseline == "constant":
        return 1 / scale, t / scale
    if baseline == "weibull":
        return shape / scale * (t / scale) ** (shape - 1) if t > 0 else 0.0, (t / scale) ** shape
    from scipy.stats import gamma

    f = gamma(shape, scale=scale)
    return f.pdf(t) / f.sf(t), -math.log(f.sf(t))


def rates(
    world: dict[str, Any], p: dict[str, Any], informed: set[int], available: set[int], when: float, item: str
) -> dict:
    """Return the rate R_i of everybody naive and present, at a moment."""
    out = {}
    for i in range(world["n"]):
        if i in informed or not world["present"](i, item, when):
            continue
        x, u, v = (world[k](i, item, when) for k in ("x", "u", "v"))
        taught = 0.0
        for k, net in enumerate(world["nets"](when)):
            for j in available:
                if world["present"](j, item, when):
                    taught += p["s"][k] * net[j, i] * world["w"][j]
        out[i] = math.exp(v @ p["b"]) * (math.exp(x @ p["a"]) + math.exp(u @ p["c"]) * taught)
    return out


def waited(
    world: dict[str, Any], p: dict[str, Any], baseline: str, informed: set, available: set, since: float, until: float,
    item: str,
) -> float:  # fmt: skip
    """Return the summed cumulative hazard over a stretch without events; somebody may leave at 3."""
    stops = [since, 3.0, until] if since < 3 < until else [since, until]
    total = 0.0
    for a, b in pairwise(stops):
        step = hazard(baseline, p["scale"], p["shape"], b)[1] - hazard(baseline, p["scale"], p["shape"], a)[1]
        total += step * sum(rates(world, p, informed, available, (a + b) / 2, item).values())
    return total


def slow(world: dict[str, Any], p: dict[str, Any], timing: str, ties: str, baseline: str) -> float:
    """Return the log-likelihood, from the formulas."""
    total = 0.0
    for item, times in world["times"].items():
        demos = {i for i in range(world["n"]) if times[i] == -1}
        events = sorted((t, i) for i, t in enumerate(times) if t > 0)
        if timing == "discrete":
            for t in range(1, world["end"] + 1):
                before = demos | {i for s, i in events if s < t}
                r = rates(world, p, before, before, t, item)
                step = (
                    hazard(baseline, p["scale"], p["shape"], t)[1]
                    - hazard(baseline, p["scale"], p["shape"], t - 1)[1]
                )
                for i, rate in r.items():
                    x = rate * step
                    total += math.log(-math.expm1(-x)) if times[i] == t else -x
            continue
        previous = 0.0
        for m, (t, learner) in enumerate(events):
            strictly = demos | {i for s, i in events if s < t}
            informed = demos | {i for _, i in events[:m]}
            available = informed if ties == "sequential" else strictly
            if timing == "order" and ties == "efron":
                informed = strictly
            r = rates(world, p, informed, available, t, item)
            if timing == "order":
                below = sum(r.values())
                if ties == "efron":
                    same = [i for s, i in events if s == t]
                    rank = same.index(learner)
                    below -= rank / len(same) * sum(r[i] for i in same)
                total += math.log(r[learner]) - math.log(below)
                continue
            h, _ = hazard(baseline, p["scale"], p["shape"], t)
            total += math.log(h * r[learner]) - waited(
                world, p, baseline, informed, available, previous, t, item
            )
            previous = t
        if timing == "continuous":
            everyone = demos | {i for _, i in events}
            total -= waited(world, p, baseline, everyone, everyone, previous, world["end"], item)
    return total


@pytest.fixture
def no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave intervals out: these tests ask for the likelihood only."""
    from peernet.diffusion import _fitting

    monkeypatch.setattr(_fitting, "profile_interval", lambda *_: (0.0, 1.0, 0.0))


# ---- random worlds ------------------------------------------------------------------------------------------------


def make_world(
    rng: np.random.Generator, *, discrete: bool, moving: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a world for the twin, and the same as arguments of fit_nbda."""
    n, end = 9, 6
    ids = [f"p{k}" for k in range(n)]
    nets = [
        np.where(rng.random((n, n)) < 0.35, rng.integers(1, 4, (n, n)), 0).astype(float) for _ in range(3)
    ]
    for a in nets:
        np.fill_diagonal(a, 0)
    change = 3 if moving else None
    now = (
        (lambda t: [nets[0], nets[2] if moving and t >= change else nets[1]])
        if discrete or not moving
        else None
    )
    if now is None:

        def now(t: float) -> list[np.ndarray]:
            return [nets[0], nets[1]]

    people = pd.DataFrame(
        {"age": rng.normal(size=n).round(2), "near": rng.normal(size=n).round(2)}, index=ids
    )
    grow = rng.normal(size=(n, end + 1)).round(2)
    w = rng.integers(1, 4, n).astype(float)
    times, rows = {}, []
    for item in ("s", "t"):
        draw = rng.integers(1, end + 3, n).astype(float)
        if not discrete:
            draw = np.round(rng.uniform(0.2, end + 2, n), 1)
        knew = int(rng.integers(n))
        for i in range(n):
            rows.append((ids[i], item, draw[i] if i != knew else np.nan, i == knew))
        times[item] = [-1 if i == knew else (draw[i] if draw[i] <= end else 0) for i in range(n)]
    absent = int(rng.integers(n))
    for item in times:
        if times[item][absent] != -1:
            times[item][absent] = 0
    frame = pd.DataFrame(rows, columns=["person", "item", "time", "already_knew"])
    frame.loc[frame["person"] == ids[absent], "time"] = np.nan
    presence = pd.DataFrame({"person": ids, "end": [np.nan] * n})
    presence.loc[absent, "end"] = 3.0

    def present(i: int, item: str, t: float) -> bool:
        return i != absent or (t <= 3 if discrete else t < 3)

    def value(i: int, item: str, t: float) -> np.ndarray:
        return np.array([people["age"].iloc[i], grow[i, int(t)] if discrete and moving else 0.0])

    world = {
        "n": n, "end": end, "times": times, "nets": now, "w": w, "present": present,
        "x": value, "u": lambda i, item, t: np.array([people["near"].iloc[i]]),
        "v": lambda i, item, t: np.array([people["near"].iloc[i] ** 2]),
    }  # fmt: skip
    as_net = [PeerNetwork.from_adjacency(a, row_is="teacher", ids=ids, people=people) for a in nets]
    second: Any = {1: as_net[1], change: as_net[2]} if moving and discrete else as_net[1]
    long = pd.DataFrame(
        [(ids[i], t, people["age"].iloc[i], grow[i, t]) for i in range(n) for t in range(1, end + 1)],
        columns=["person", "time", "age", "grow"],
    )
    static = pd.DataFrame({"age": people["age"], "zero": 0.0})
    arguments = {
        "networks": {"one": as_net[0], "two": second}, "adoptions": frame, "start": 1 if discrete else 0, "end": end,
        "asocial": long if discrete and moving else static, "interaction": ["near"],
        "multiplicative": pd.DataFrame({"sq": people["near"] ** 2}, index=ids),
        "teacher_weight": pd.Series(w, index=ids), "presence": presence,
    }  # fmt: skip
    return world, arguments


POINT = {
    "s": [0.3, 0.7],
    "a": np.array([0.4, -0.3]),
    "c": np.array([-0.5]),
    "b": np.array([0.2]),
    "scale": 7.0,
    "shape": 1.3,
}


def at_point(fit: Any, baseline: str) -> float:
    second = "grow" if "asocial: grow" in set(fit.params["term"]) else "zero"
    given = {
        "asocial: age": 0.4, f"asocial: {second}": -0.3, "interaction: near": -0.5, "multiplicative: sq": 0.2,
        "scale": 7.0,
    }  # fmt: skip
    if baseline in ("weibull", "gamma"):
        given["shape"] = 1.3
    return fit.log_likelihood_at(s={"one": 0.3, "two": 0.7}, params=given)


CASES = [
    ("discrete", "apart", "constant", True), ("discrete", "apart", "weibull", True),
    ("discrete", "apart", "gamma", False),
    ("continuous", "apart", "constant", False), ("continuous", "sequential", "weibull", False),
    ("continuous", "apart", "gamma", False), ("order", "apart", "free", False), ("order", "sequential", "free", False),
    ("order", "efron", "free", False),
]  # fmt: skip


@pytest.mark.parametrize(("timing", "ties", "baseline", "moving"), CASES)
@pytest.mark.parametrize("world_number", range(2))
@pytest.mark.usefixtures("no_profile")
def test_likelihood_is_its_slow_twin(
    timing: str, ties: str, baseline: str, moving: bool, world_number: int
) -> None:
    rng = np.random.default_rng([world_number, 11])
    world, arguments = make_world(rng, discrete=timing == "discrete", moving=moving)
    point = dict(POINT) if baseline in ("weibull", "gamma") else POINT | {"shape": 1.0}
    if baseline == "free":
        point["scale"] = 1.0
    want = slow(world, point, timing, ties, baseline)
    fit = fit_nbda(**arguments, timing=timing, ties=ties, baseline=baseline, n_starts=1, rng=1)
    if baseline == "free":
        second = "grow" if moving else "zero"
        given = {
            "asocial: age": 0.4,
            f"asocial: {second}": -0.3,
            "interaction: near": -0.5,
            "multiplicative: sq": 0.2,
        }
        got = fit.log_likelihood_at(s={"one": 0.3, "two": 0.7}, params=given)
    else:
        got = at_point(fit, baseline)
    assert got == pytest.approx(want, abs=1e-8)


@pytest.mark.parametrize(("timing", "ties", "baseline", "moving"), CASES)
@pytest.mark.usefixtures("no_profile")
def test_gradient_is_exact(timing: str, ties: str, baseline: str, moving: bool) -> None:
    _, arguments = make_world(np.random.default_rng(5), discrete=timing == "discrete", moving=moving)
    fit = fit_nbda(**arguments, timing=timing, ties=ties, baseline=baseline, n_starts=1, rng=1)
    surface = fit._engine.surface
    z = np.clip(np.random.default_rng(3).normal(0.3, 0.2, surface.width), 0.05, 0.8)
    _, gradient = surface(z)
    for j in range(surface.width):
        up, down = z.copy(), z.copy()
        up[j] += 1e-5
        down[j] -= 1e-5
        slope = (surface(up)[0] - surface(down)[0]) / 2e-5
        assert gradient[j] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def small(n: int = 30, seed: int = 0) -> tuple[PeerNetwork, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    ids = [f"p{k:02d}" for k in range(n)]
    a = (rng.random((n, n)) < 0.15).astype(float)
    np.fill_diagonal(a, 0)
    net = PeerNetwork.from_adjacency(a, row_is="teacher", ids=ids)
    return net, pd.DataFrame({"person": ids, "time": rng.permutation(n) + 1.0})


def test_free_baseline_is_found_by_brute_force() -> None:
    net, seen = small(12)
    seen["time"] = (seen["time"] / 3).round().clip(1)
    fit = fit_nbda(net, seen, start=1, end=4, timing="discrete", rng=0)
    from scipy.optimize import minimize

    model = fit._engine.model
    best = minimize(
        lambda q: -model.evaluate(np.array([q[0] ** 2]), np.exp(np.append(q[1:], 0)[: model.n_levels])).value,
        np.zeros(model.n_levels + 1), method="Nelder-Mead", options={"maxiter": 8000, "xatol": 1e-9, "fatol": 1e-11},
    )  # fmt: skip
    # the last period ends with everybody informed, so its level is unbounded and adds nothing
    assert fit.log_likelihood >= -best.fun - 1e-6


def test_asocial_order_without_covariates_is_a_count() -> None:
    net, seen = small(30)
    fit = fit_nbda(net, seen, start=0, end=30, rng=0)
    assert fit.asocial is not None
    assert fit.asocial.log_likelihood == pytest.approx(-math.lgamma(31), abs=1e-9)
    assert -fit.asocial.log_likelihood == pytest.approx(74.658236, abs=1e-6)
    assert fit.asocial.k == 0 and fit.k == 1


def test_weights_and_strength_trade_off() -> None:
    net, seen = small()
    double = PeerNetwork(net.people, net.ties.assign(weight=2.0))
    one, two = (fit_nbda(x, seen, start=0, end=30, rng=0) for x in (net, double))
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-9)
    assert one.params["estimate"][0] == pytest.approx(2 * two.params["estimate"][0], rel=1e-5)
    weighted = fit_nbda(net, seen, start=0, end=30, rng=0, teacher_weight=pd.Series(2.0, index=net.ids))
    assert weighted.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-10)


def test_relabelled_people_and_shuffled_rows_change_nothing() -> None:
    net, seen = small()
    want = fit_nbda(net, seen, start=0, end=30, rng=0)
    order = np.random.default_rng(1).permutation(len(seen))
    new = dict(zip(net.ids, net.ids[order], strict=True))
    ties = net.ties.assign(teacher=net.ties["teacher"].map(new), learner=net.ties["learner"].map(new))
    again = fit_nbda(
        PeerNetwork(net.people, ties),
        seen.assign(person=seen["person"].map(new)).iloc[order],
        start=0,
        end=30,
        rng=0,
    )
    assert again.log_likelihood == pytest.approx(want.log_likelihood, abs=1e-9)
    assert again.params["estimate"][0] == pytest.approx(want.params["estimate"][0], rel=1e-6)


def test_item_specific_strengths_add_up() -> None:
    net, seen = small()
    both = pd.concat([seen.assign(item="s"), seen.assign(item="t", time=seen["time"].to_numpy()[::-1])])
    own = fit_nbda(net, both, start=0, end=30, shared=[], rng=0)
    apart = [fit_nbda(net, both, start=0, end=30, item=i, rng=0) for i in ("s", "t")]
    assert own.params["term"].tolist() == ["s[s]", "s[t]"]
    assert own.log_likelihood == pytest.approx(sum(f.log_likelihood for f in apart), abs=1e-8)
    common = fit_nbda(net, both, start=0, end=30, rng=0)
    assert common.log_likelihood <= own.log_likelihood + 1e-9
    assert common.k == 1 and own.k == 2


def test_demonstrators_teach_and_are_not_at_risk() -> None:
    net, seen = small()
    marked = fit_nbda(net, seen.assign(already_knew=seen["person"] == "p00"), start=0, end=30, rng=0)
    listed = fit_nbda(net, seen, start=0, end=30, demonstrators=["p00"], rng=0)
    early = fit_nbda(
        net, seen.assign(time=seen["time"].mask(seen["person"] == "p00", -5)), start=0, end=30, rng=0
    )
    assert marked.log_likelihood == listed.log_likelihood == early.log_likelihood
    assert marked.n == 29


def test_moments_and_days_are_the_same() -> None:
    net, seen = small()
    days = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(seen["time"], unit="D")
    as_days = fit_nbda(net, seen, start=0, end=31, timing="continuous", baseline="constant", rng=0)
    as_moments = fit_nbda(
        net,
        seen.assign(time=days),
        start="2024-01-01",
        end="2024-02-01",
        timing="continuous",
        baseline="constant",
        rng=0,
    )
    assert as_moments.log_likelihood == pytest.approx(as_days.log_likelihood, abs=1e-7)
    months = fit_nbda(
        net, seen.assign(time=days), start="2024-01-01", end="2024-02-01", timing="discrete", period="week"
    )
    assert months.n == 30


def test_assigned_adoptions_are_refused_until_they_are_dealt_with() -> None:
    net, seen = small()
    told = seen.assign(assigned=seen["time"] > 20, due=25.0)
    with pytest.raises(DataError, match=r"10 people were told to adopt.*deadline imitates contagion"):
        fit_nbda(net, told, start=0, end=30)
    kept = fit_nbda(net, told, start=0, end=30, assigned="exclude", rng=0)
    assert kept.n == 20
    modelled = fit_nbda(
        net, told, start=0, end=30, timing="continuous", baseline="constant", assigned="deadline", rng=0
    )
    assert {"asocial: assigned", "asocial: due_soon"} <= set(modelled.params["term"])
    assert modelled.n == 30
    moments = told.assign(
        time=pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(told["time"], unit="D"),
        due=pd.Timestamp("2024-01-26", tz="UTC"),
    )
    same = fit_nbda(
        net, moments, start="2024-01-01", end="2024-01-31", timing="continuous", baseline="constant",
        assigned="deadline", rng=0,
    )  # fmt: skip
    assert same.log_likelihood == pytest.approx(modelled.log_likelihood, abs=1e-5)


def test_nothing_to_learn_from_is_said() -> None:
    net, seen = small()
    bare = PeerNetwork(net.people, net.ties.iloc[:0])
    fit = fit_nbda(bare, seen, start=0, end=30, rng=0)
    assert np.isnan(fit.params["estimate"][0])
    assert any("not answered by these data" in note for note in fit.notes)
    with pytest.raises(FitError, match="nobody was seen to learn"):
        fit_nbda(net, seen.assign(time=np.nan), start=0, end=30)


def test_unbounded_strength_is_flagged() -> None:
    ids = [f"p{k}" for k in range(8)]
    chain = PeerNetwork(ids, pd.DataFrame({"teacher": ids[:-1], "learner": ids[1:]}))
    fit = fit_nbda(chain, pd.DataFrame({"person": ids, "time": range(1, 9)}), start=0, end=9, rng=0)
    assert np.isinf(fit.params["estimate"][0]) and np.isinf(fit.params["high"][0])
    assert any("unbounded" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"timing": "ordered"}, ValueError, "timing must be one of.*Did you mean 'order'"),
        ({"baseline": "constant"}, ValueError, "needs times"),
        ({"end": -1}, DataError, "must lie after start"),
        ({"start": "2024-01-01"}, DataError, "start is one too"),
        ({"asocial": ["tenure"]}, DataError, "no column 'tenure'"),
        ({"demonstrators": ["eve"]}, DataError, "demonstrators.*'eve'"),
        ({"teacher_weight": pd.Series({"p00": 1.0})}, DataError, "no weight for 29 people"),
        (
            {"presence": pd.DataFrame({"person": ["p00"]})},
            DataError,
            "29 people adopt 'item' while they are absent",
        ),
        ({"shared": ["s"]}, ValueError, "shared must be one of"),
        ({"period": 2}, ValueError, "period belongs to"),
        ({"n_starts": 0}, ValueError, "n_starts"),
        ({"ties": "breslow"}, ValueError, "ties must be one of"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    net, seen = small()
    with pytest.raises(error, match=message):
        fit_nbda(net, seen, **({"start": 0, "end": 30} | options))


def test_same_seed_same_fit_and_inputs_unchanged() -> None:
    net, seen = small()
    before = seen.copy()
    fits = [
        fit_nbda(
            net, seen, start=0, end=30, asocial=pd.Series(1.0 * (np.arange(30) % 2), index=net.ids), rng=4
        )
        for _ in "ab"
    ]
    pd.testing.assert_frame_equal(fits[0].params, fits[1].params)
    pd.testing.assert_frame_equal(seen, before)
    assert fits[0].converged and "a shared cause" in fits[0].summary()
    assert fits[0].to_frame()["term"].tolist() == ["s", "asocial: asocial"]


def two_hills() -> tuple[PeerNetwork, pd.DataFrame, pd.DataFrame]:
    """Return a diffusion whose likelihood falls from s = 0 and rises to a much higher hill far away.

    Somebody with a very strong tie to the first learner is passed over and leaves; everybody else learns in a chain.
    """
    chain = [f"c{k:02d}" for k in range(20)]
    ids = ["first", "passed over", *chain]
    ties = pd.DataFrame(
        {
            "teacher": ["first", *chain[:-1]],
            "learner": ["passed over", *chain[1:]],
            "weight": [1000.0, *[0.05] * 19],
        }
    )
    seen = pd.DataFrame({"person": ["first", *chain], "time": np.arange(1.0, 22.0)})
    presence = pd.DataFrame({"person": ids, "end": [np.nan, 2.5, *[np.nan] * 20]})
    return PeerNetwork(ids, ties), seen, presence


def test_the_higher_hill_is_found_where_a_single_start_stops_at_zero() -> None:
    from scipy.optimize import minimize

    net, seen, presence = two_hills()
    fit = fit_nbda(net, seen, start=0, end=22, presence=presence, rng=1)
    model = fit._engine.model

    def down(p: np.ndarray) -> tuple[float, np.ndarray]:
        found = model.evaluate(np.array(p))
        return -found.value, -found.gradient

    stuck = minimize(down, np.zeros(1), jac=True, method="L-BFGS-B", bounds=[(0, None)])
    assert stuck.x[0] == 0.0  # the start of NBDA; the slope there points down
    assert fit.log_likelihood > -stuck.fun + 5
    assert fit.params["estimate"][0] > 10 and fit.converged
    assert any("local optima" in note for note in fit.notes)
    assert fit.asocial is not None and fit.delta_aicc < -5


def test_a_deadline_window_without_a_deadline_and_unknown_columns_of_presence() -> None:
    net = PeerNetwork(list("ab"), pd.DataFrame({"teacher": ["a"], "learner": ["b"]}))
    seen = pd.DataFrame({"person": ["a", "b"], "time": [1, 2]})
    with pytest.raises(ValueError, match="deadline_window belongs to assigned='deadline'"):
        fit_nbda(net, seen, start=0, end=3, deadline_window=3)
    for other in ("from", "Start"):
        presence = pd.DataFrame({"person": ["a", "b"], other: [0, 1]})
        with pytest.raises(DataError, match=f"presence has the columns '{other}'"):
            fit_nbda(net, seen, start=0, end=3, presence=presence)
