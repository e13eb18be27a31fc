"""A second twin of the diffusion likelihoods, written from the published formulas, not from the code.

Worlds with everything awkward at once: people who knew, who were silent, who come and go, simultaneous learners,
isolates, weights over orders of magnitude, networks and covariates that change, strengths and baselines for each item.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork
from peernet.diffusion import fit_nbda, social_transmission_share


def cumulative(baseline: str, t: float, scale: float, shape: float) -> float:
    """Return the cumulative baseline hazard."""
    if t <= 0 or baseline == "constant":
        return max(t, 0.0) / scale
    if baseline == "weibull":
        return (t / scale) ** shape
    from scipy.special import gammaincc

    return -math.log(gammaincc(shape, t / scale))


def log_hazard(baseline: str, t: float, scale: float, shape: float) -> float:
    """Return the log of the baseline hazard."""
    if baseline == "constant":
        return -math.log(scale)
    if baseline == "weibull":
        return math.log(shape / scale) + (shape - 1) * math.log(t / scale)
    density = (shape - 1) * math.log(t / scale) - t / scale - math.lgamma(shape) - math.log(scale)
    return density + cumulative(baseline, t, scale, shape)


def best_level(rates: list[float], quiet: float) -> float:
    """Return the largest log-likelihood of a period whose level is free."""
    from scipy.optimize import brentq

    if not rates or quiet == 0:
        return 0.0
    high = 1.0
    while sum(r / math.expm1(min(r * high, 700)) for r in rates) > quiet:
        high *= 2
    level = brentq(
        lambda x: sum(r / math.expm1(min(r * x, 700)) for r in rates) - quiet, 1e-12, high, xtol=1e-15
    )
    return sum(math.log(-math.expm1(-r * level)) for r in rates) - level * quiet


@dataclass
class World:
    """A diffusion as plain lists."""

    n: int
    items: list[str]
    timing: str
    baseline: str
    ties: str
    start: float
    end: float
    weight: np.ndarray
    normalised: bool
    own_social: bool = False
    shared_baseline: bool = True
    nets: list[list[tuple[float, np.ndarray]]] = field(default_factory=list)
    changes: list[float] = field(default_factory=list)
    tau: dict[str, list[float | None]] = field(default_factory=dict)
    knew: dict[str, np.ndarray] = field(default_factory=dict)
    silent: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    presence: list[tuple[int, float | None, float | None]] | None = None
    covariates: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def there(self, i: int, t: float) -> bool:
        if self.presence is None:
            return True
        late = (lambda b: t <= b) if self.timing == "discrete" else (lambda b: t < b)
        return any(p == i and (a is None or a <= t) and (b is None or late(b)) for p, a, b in self.presence)

    def rate(
        self, p: dict[str, Any], item: str, i: int, t: float, informed: list[int]
    ) -> tuple[float, float]:
        """Return the asocial and the social rate."""
        part = {
            role: sum(p[c] * self.values[c](i, t) for c in names) for role, names in self.covariates.items()
        }
        taught = 0.0
        for k, versions in enumerate(self.nets):
            ties = [m for since, m in versions if since <= t][-1]
            total = ties[:, i].sum() if self.normalised else 1.0
            for j in informed:
                if ties[j, i] > 0 and self.there(j, t):
                    taught += p["s", k, item] * ties[j, i] / total * self.weight[j]
        both = math.exp(part["multiplicative"])
        return both * math.exp(part["asocial"]), both * math.exp(part["interaction"]) * taught

    def log_likelihood(self, p: dict[str, Any]) -> float:
        levels: dict[Any, list[Any]] = {}
        total = sum(self._item(p, item, levels) for item in self.items)
        return total + sum(best_level(rates, quiet) for rates, quiet in levels.values())

    def _item(self, p: dict[str, Any], item: str, levels: dict[Any, list[Any]]) -> float:
        tau, everybody = self.tau[item], range(self.n)
        risk = [i for i in everybody if not self.knew[item][i] and not self.silent[i]]

        def informed(t: float) -> list[int]:
            return [j for j in everybody if self.knew[item][j] or (tau[j] is not None and tau[j] < t)]

        def open_at(t: float) -> list[int]:
            return [i for i in risk if (tau[i] is None or tau[i] >= t) and self.there(i, t)]

        if self.timing == "discrete":
            return self._periods(p, item, levels, informed, open_at)
        total = 0.0
        partial = self.timing == "order" or self.baseline == "free"
        for t in sorted({tau[i] for i in risk if tau[i] is not None}):
            block = [i for i in risk if tau[i] == t]
            at = t if self.timing == "order" else self._before(t)
            still = [i for i in risk if (tau[i] is None or tau[i] >= t) and self.there(i, at)]
            known = informed(t)

            def rate(i: int, more: Any = (), at: float = at, known: list[int] = known) -> float:
                return sum(self.rate(p, item, i, at, [*known, *more]))

            total += self._block(block, still, rate, partial)
            if not partial:
                total += len(block) * log_hazard(self.baseline, t - self.start, p["scale"], p["shape"])
        return total if partial else total - self._waiting(p, item, informed, open_at)

    def _block(self, block: list[int], still: list[int], rate: Any, partial: bool) -> float:
        """Return what the learners of one moment add."""
        if self.ties == "any_order" and len(block) > 1:
            whole = 0.0
            for order in itertools.permutations(block):
                chance = 1.0
                for q, i in enumerate(order):
                    below = sum(rate(j, order[:q]) for j in still if j not in order[:q]) if partial else 1.0
                    chance *= rate(i, order[:q]) / below
                whole += chance
            return math.log(whole)
        total = 0.0
        together = self.ties == "efron" or (self.ties == "apart" and self.timing == "continuous")
        for q, i in enumerate(block):
            before = block[:q] if self.ties == "sequential" else []
            total += math.log(rate(i, before))
            if not partial:
                continue
            if together:
                below = sum(map(rate, still)) - q / len(block) * sum(map(rate, block))
            else:
                below = sum(rate(j, before) for j in still if j not in block[:q])
            total -= math.log(below)
        return total

    def _periods(
        self, p: dict[str, Any], item: str, levels: dict[Any, list[Any]], informed: Any, open_at: Any
    ) -> float:
        total = 0.0
        for t in range(int(self.start), int(self.end) + 1):
            rates = {i: sum(self.rate(p, item, i, t, informed(t))) for i in open_at(t)}
            learned = [r for i, r in rates.items() if self.tau[item][i] == t]
            quiet = sum(rates.values()) - sum(learned)
            if self.baseline == "free":
                cell = levels.setdefault(t if self.shared_baseline else (t, item), [[], 0.0])
                cell[0] += learned
                cell[1] += quiet
                continue
            at = (t - self.start, t - self.start + 1)
            step = np.diff([cumulative(self.baseline, x, p["scale"], p["shape"]) for x in at])[0]
            total += sum(math.log(-math.expm1(-r * step)) for r in learned) - quiet * step
        return total

    def _waiting(self, p: dict[str, Any], item: str, informed: Any, open_at: Any) -> float:
        """Return the cumulative hazard of everybody, stretch by stretch."""
        moments = [t for t in self.tau[item] if t is not None] + self.changes
        cuts = sorted({self.start, self.end, *[t for t in moments if self.start < t < self.end]})
        total = 0.0
        for a, b in itertools.pairwise(cuts):
            middle = (a + b) / 2
            waiting = sum(sum(self.rate(p, item, i, middle, informed(middle))) for i in open_at(middle))
            step = [cumulative(self.baseline, x - self.start, p["scale"], p["shape"]) for x in (a, b)]
            total += waiting * (step[1] - step[0])
        return total

    def _before(self, t: float) -> float:
        """Return a moment within the stretch that ends at t."""
        moments = [x for times in self.tau.values() for x in times if x is not None]
        return (max(x for x in [self.start, *self.changes, *moments] if x < t) + t) / 2


def make(rng: np.random.Generator) -> tuple[World, Any, pd.DataFrame, dict[str, Any]]:
    """Return an awkward world, and the same as arguments of fit_nbda."""

    def pick(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    def sometimes(chance: float) -> bool:
        return bool(rng.random() < chance)

    n, timing = int(rng.integers(4, 9)), pick("order", "continuous", "continuous", "discrete")
    baseline = "free" if timing == "order" else pick("free", "constant", "weibull", "gamma")
    ties = "apart" if timing == "discrete" else pick("apart", "efron", "sequential", "any_order")
    low = 3.0 if sometimes(0.3) else 1.0
    w = World(
        n,
        [f"i{k}" for k in range(pick(1, 1, 2))],
        timing,
        baseline,
        ties,
        low,
        low + 6,
        np.ones(n),
        sometimes(0.2),
    )
    ids = [f"p{k}" for k in range(n)]

    def moment() -> float:
        return float(low + pick(1, 2, 3)) if timing == "discrete" else float(low + rng.uniform(0.3, 5.5))

    w.silent = rng.random(n) < (0.25 if sometimes(0.5) else 0.0)
    people = pd.DataFrame(
        {"age": rng.normal(size=n), "z": rng.normal(size=n), "b": rng.normal(size=n)}, index=ids
    )
    told = pd.Series(np.where(w.silent, "silent", "answered"), index=ids)
    given: dict[str, Any] = {}
    for k in range(pick(1, 1, 2)):
        versions: list[tuple[float, np.ndarray]] = []
        for since in [-np.inf] if sometimes(0.6) else [-np.inf, moment()]:
            m = np.where(rng.random((n, n)) < rng.uniform(0.1, 0.6), 10.0 ** rng.integers(-1, 2, (n, n)), 0.0)
            m[np.eye(n, dtype=bool)] = m[:, w.silent] = m[rng.random(n) < 0.15] = 0.0
            versions.append((since, m))
        w.nets.append(versions)
        w.changes += [since for since, _ in versions if since > -np.inf]
        frames = {}
        for since, m in versions:
            i, j = np.nonzero(m)
            table = pd.DataFrame(
                {"teacher": np.array(ids)[i], "learner": np.array(ids)[j], "weight": m[i, j]}
            )
            frames[max(since, low)] = PeerNetwork(people, table, observed=told, respondent_is="learner")
        given[f"n{k}"] = frames
    options: dict[str, Any] = {
        "start": low if timing != "discrete" else int(low), "end": low + 6, "timing": timing, "baseline": baseline,
        "normalised": w.normalised,
    }  # fmt: skip
    if timing != "discrete":
        options["ties"] = ties
    if sometimes(0.3):
        w.weight = rng.choice([0.5, 1.0, 2.0], n)
        options["teacher_weight"] = pd.Series(w.weight, index=ids)
    rows = []
    for item in w.items:
        t = low + rng.integers(0, 7, n) if timing == "discrete" else low + rng.uniform(0.01, 6, n)
        if timing != "discrete" and sometimes(0.5):
            t = np.where(rng.random(n) < 0.6, np.ceil(t), t)
        kind = rng.choice(
            ["learns", "never", "knew", "knew long before", "later"], n, p=[0.6, 0.15, 0.1, 0.05, 0.1]
        )
        w.knew[item] = np.isin(kind, ["knew", "knew long before"])
        w.tau[item] = [float(x) if k == "learns" else None for x, k in zip(t, kind, strict=True)]
        shown = {"never": np.nan, "knew": np.nan, "knew long before": low - 1, "later": low + 9}
        rows += [
            (ids[i], item, float(t[i]) if kind[i] == "learns" else shown[kind[i]], kind[i] == "knew")
            for i in range(n)
        ]
    frame = pd.DataFrame(rows, columns=["person", "item", "time", "already_knew"])
    for role, name in (("asocial", "age"), ("interaction", "z"), ("multiplicative", "b")):
        w.covariates[role] = [f"{role}: {name}"] if sometimes(0.3) else []
        if w.covariates[role]:
            options[role] = [name]
            w.values[f"{role}: {name}"] = lambda i, t, name=name: people[name].iloc[i]
    if sometimes(0.3):
        turn, first, then = moment(), rng.normal(size=n), rng.normal(size=n)
        w.changes.append(turn)
        halves = [
            pd.DataFrame({"person": ids, "time": t, "cv": x}) for t, x in ((low - 1, first), (turn, then))
        ]
        options["asocial"], w.covariates["asocial"] = pd.concat(halves), ["asocial: cv"]
        w.values["asocial: cv"] = lambda i, t: (then if t >= turn else first)[i]
    if sometimes(0.4):
        w.presence = []
        for i in range(n):
            mine = [t for times in w.tau.values() if (t := times[i]) is not None]
            a, b = (moment() if sometimes(0.4) else None for _ in range(2))
            a = None if a is not None and mine and a > min(mine) else a
            b = None if b is not None and (mine or (a is not None and b <= a)) else b
            w.presence.append((i, a, b))
        w.changes += [x for _, a, b in w.presence for x in (a, b) if x is not None]
        table = pd.DataFrame([(ids[i], a, b) for i, a, b in w.presence], columns=["person", "start", "end"])
        options["presence"] = table.astype({"start": float, "end": float})
    shared = ["social", "baseline"]
    if len(w.items) > 1 and sometimes(0.6):
        shared = options["shared"] = [x for x in shared if sometimes(0.5)]
        w.shared_baseline = "baseline" in shared
    elif baseline == "free":
        w.shared_baseline = False
    w.own_social = "social" not in shared
    return w, given, frame.sample(frac=1, random_state=1), options


def draw(
    w: World, terms: list[str], rng: np.random.Generator
) -> tuple[dict[str, float], dict[str, float], dict[Any, Any]]:
    """Return random parameters: by term, of the baseline, and for the twin."""
    p = {t: float(rng.uniform(0, 3)) for t in terms if t == "s" or t.startswith("s[")}
    p |= {t: float(rng.normal(0, 0.7)) for t in terms if ": " in t}
    base = {
        k: float(np.exp(rng.normal(1, 0.5)))
        for k in ("scale", "shape")
        if any(t.startswith(k) for t in terms)
    }
    mine: dict[Any, Any] = {"scale": 1.0, "shape": 1.0} | base | p
    for k, item in itertools.product(range(len(w.nets)), w.items):
        name = f"[n{k}]" if len(w.nets) > 1 else ""
        if w.own_social and len(w.items) > 1:
            name = f"[n{k} | {item}]" if len(w.nets) > 1 else f"[{item}]"
        mine["s", k, item] = p[f"s{name}"]
    return p, base, mine


@pytest.mark.filterwarnings("ignore::peernet.errors.PeerNetWarning")
def test_every_likelihood_agrees_with_the_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    from peernet import FitError
    from peernet.diffusion import _fitting

    monkeypatch.setattr(_fitting, "profile_interval", lambda *_: (0.0, 1.0, 0.0))
    compared = quiet_teachers = 0
    for seed in range(40):
        rng = np.random.default_rng([20261125, seed])
        w, networks, frame, options = make(rng)
        try:
            fit = fit_nbda(networks, frame, n_starts=1, rng=1, **options)
        except FitError:
            continue
        p, base, mine = draw(w, list(fit.params["term"]), rng)
        assert fit.log_likelihood_at(p, **base) == pytest.approx(
            w.log_likelihood(mine), rel=1e-8, abs=1e-8
        ), seed
        compared += 1
        quiet_teachers += bool(w.silent.any()) and w.timing == "continuous" and w.baseline != "free"
    assert compared >= 32
    assert quiet_teachers >= 3  # people who teach though nobody knows who taught them, in continuous time


def test_somebody_silent_teaches_from_the_moment_they_learned_not_before() -> None:
    """By hand: b waits at rate 1 to 3 (a, silent, learns then), at 1 + s to 5, and learns; c waits to 6 at rate 1."""
    told = pd.Series(["silent", "answered", "answered"], index=list("abc"))
    net = PeerNetwork(
        list("abc"),
        pd.DataFrame({"teacher": ["a"], "learner": ["b"]}),
        observed=told,
        respondent_is="learner",
    )
    seen = pd.DataFrame({"person": list("abc"), "time": [3.0, 5.0, None]})
    fit = fit_nbda(net, seen, start=0, end=6, timing="continuous", baseline="constant", rng=1)
    s, scale = 2.0, 4.0
    expected = math.log((1 + s) / scale) - (3 + (1 + s) * 2 + 6) / scale
    assert fit.log_likelihood_at(s=s, scale=scale) == pytest.approx(expected, rel=1e-12)


def test_the_interval_of_the_share_is_that_of_a_fine_grid() -> None:
    """Two networks, order of learning: every pair of strengths is tried, and the share read off near the best."""
    rng = np.random.default_rng(20261125)
    n = 14
    ids = [f"p{k:02d}" for k in range(n)]
    a = (rng.random((2, n, n)) < 0.25).astype(float)
    a[:, np.arange(n), np.arange(n)] = 0.0
    order = rng.permutation(n)
    seen = pd.DataFrame({"person": np.array(ids)[order], "time": np.arange(1.0, n + 1)}).assign(
        time=lambda x: x["time"].where(x["time"] <= 11)
    )
    nets = {k: PeerNetwork.from_adjacency(m, row_is="teacher", ids=ids) for k, m in zip("ab", a, strict=True)}
    share = social_transmission_share(
        fit_nbda(nets, seen, start=0, end=12, rng=1), against=0.3, sensitivity=False
    )
    s = np.meshgrid(*[np.concatenate([[0.0], np.geomspace(1e-3, 1e5, 500)])] * 2, indexing="ij")
    value, social = np.zeros_like(s[0]), np.zeros_like(s[0])
    reached = 0
    for m in range(11):
        learner, before, left = order[m], order[:m], order[m:]
        taught = a[:, before][:, :, left].sum(axis=1)
        mine = a[:, before, learner].sum(axis=1)
        own = sum(x * t for x, t in zip(s, mine, strict=True))
        below = len(left) + sum(x * t.sum() for x, t in zip(s, taught, strict=True))
        value += np.log(1 + own) - np.log(below)
        social += own / (1 + own)
        reached += bool(mine.any())
    inside = social[value >= value.max() - 1.920729] / 10
    assert share.ceiling == pytest.approx(reached / 10)
    assert share.value == pytest.approx(social.flat[value.argmax()] / 10, abs=0.01)
    assert (share.low, share.high) == pytest.approx(
        (inside.min(), min(inside.max(), share.ceiling)), abs=0.01
    )
    fall = value.max() - value[np.abs(social / 10 - 0.3) < 0.004].max()
    assert share.against_p == pytest.approx(math.erfc(math.sqrt(fall)), abs=0.01)
