"""Drawing adoption times from the model behind ``fit_nbda``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._risk import Design, ItemHistory
from peernet.errors import DataError
from peernet.network import PeerNetwork

if TYPE_CHECKING:
    from peernet.diffusion._fitted import NBDAFit

__all__ = ["Generator", "histories_of"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def histories_of(design: Design, times: Floats) -> list[ItemHistory]:
    """Return simulated times as histories; -inf marks those who knew, people told to adopt stay as they were."""
    out = []
    for old, time in zip(design.histories, times, strict=True):
        fresh = np.where(old.passive, old.time, np.where(np.isfinite(time), time, np.nan))
        out.append(ItemHistory(old.name, fresh, old.knew, old.passive))
    return out


class Generator:
    """Everything needed to draw: teaching matrices, factors, baseline, who knows, who is there."""

    def __init__(self) -> None:
        self.kind = "discrete"
        self.labels: Floats = np.zeros(0)
        self.matrices: list[list[Any]] = []  # item -> period -> learner x teacher, strengths included
        self.asocial: list[list[Any]] = []  # item -> period -> factor by person
        self.social: list[list[Any]] = []
        self.level: list[Floats] = []  # item -> cumulative baseline by period
        self.there: list[list[Any]] = []
        self.knew: list[Bools] = []
        self.passive: list[Floats] = []  # time at which people outside the risk set learn, NaN = never
        self.risk: list[Bools] = []
        self.moments: list[Floats] = []
        self.span = (0.0, 1.0)
        self.shape = (1.0, 1.0, "constant")
        self.together = False  # whether people of one moment can have taught each other

    @classmethod
    def from_network(
        cls, net: PeerNetwork, s: float, rate: float, start: int, end: int, n_items: int, knew: Bools,
        trend: Sequence[float] | None, timing: str,
    ) -> Generator:  # fmt: skip
        """Describe a diffusion on one network."""
        out = cls()
        periods = end - start + 1
        factor = np.ones(periods) if trend is None else np.asarray(trend, dtype=float)
        if factor.shape != (periods,) or not (np.isfinite(factor) & (factor >= 0)).all():
            raise DataError(f"trend must hold {periods} numbers of at least 0, one a period.")
        matrix = net.adjacency.T.tocsr() * s
        ones = np.ones(net.n_people)
        out.labels = np.arange(start, end + 1, dtype=float)
        for _ in range(n_items):
            out.matrices.append([matrix] * periods)
            out.asocial.append([ones] * periods)
            out.social.append([ones] * periods)
            out.there.append([None] * periods)
            out.level.append(rate * factor)
            out.knew.append(knew)
            out.risk.append(~knew)
            out.passive.append(np.full(net.n_people, np.nan))
        out.kind = "steps" if timing == "continuous" else "discrete"
        return out

    @classmethod
    def from_fit(cls, fit: NBDAFit) -> Generator:
        """Describe the model that was fitted."""
        engine = fit._engine
        d, model, prepared = engine.design, engine.model, engine.prepared
        natural, level = engine.natural, engine.evaluation.level
        s, a, c, b, shape = model.split(natural)
        asocial, social = model._factors(a, c, b)
        rows = len(d.values)
        asocial = np.ones(rows) if asocial is None else asocial
        social = np.ones(rows) if social is None else social
        changing = (
            prepared.covariates.varies
            or prepared.presence is not None
            or len({(e.since, e.until) for e in prepared.ties_of}) > 1
        )
        if d.timing != "discrete" and changing:
            raise DataError(
                "simulation: covariates, presence or networks that change are drawn in discrete time only. Fit with "
                "timing='discrete'."
            )
        out = cls()
        out.kind = d.timing if d.timing == "discrete" else ("order" if model.partial else "continuous")
        out.labels = prepared.edges[:-1]
        out.together = d.ties in ("sequential", "any_order")
        out.span = (float(prepared.edges[0]), float(prepared.edges[-1]))
        length = None if model.partial else model.lengths(shape)[0]
        n = prepared.net.n_people
        for k, history in enumerate(d.histories):
            mine = np.flatnonzero(d.g_item == k)
            starts = prepared.edges[:-1] if d.timing == "discrete" else prepared.edges[:1]
            out.matrices.append([_matrix(prepared, model, s, k, t, n) for t in starts])
            rows_at = [prepared.covariates.at(k, t, n) for t in starts]
            out.asocial.append([asocial[r] for r in rows_at])
            out.social.append([social[r] for r in rows_at])
            out.there.append([_there(prepared, k, t, n) for t in starts])
            if length is not None:
                out.level.append(np.minimum(level[model.level_of[mine]], 1e12) * length[mine])
            out.knew.append(history.knew)
            out.passive.append(np.where(history.passive, history.time, np.nan))
            out.risk.append(~history.knew & ~history.passive)
            out.moments.append(
                np.sort(history.time[np.isfinite(history.time) & ~history.knew & ~history.passive])
            )
        if out.kind == "continuous":
            out.shape = _curve(model, shape, level)
            if model.own_baseline:
                raise DataError(
                    "simulation: continuous time with a baseline for each item is not drawn; fit by item."
                )
        return out

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return times, items x people; NaN = never, -inf = knew."""
        one = {
            "discrete": self._discrete,
            "steps": self._steps,
            "order": self._order,
            "continuous": self._continuous,
        }
        return np.stack([one[self.kind](k, rng) for k in range(len(self.knew))])

    def _begin(self, k: int) -> tuple[Floats, Floats]:
        """Return empty times and who is informed."""
        time = np.where(self.knew[k], -np.inf, np.nan)
        return time, self.knew[k].astype(float)

    def _discrete(self, k: int, rng: np.random.Generator) -> Floats:
        """Draw period by period; teaching comes from those informed in earlier periods."""
        time, informed = self._begin(k)
        open_ = self.risk[k].copy()
        for t, label in enumerate(self.labels):
            there = self.there[k][t]
            teaching = self.matrices[k][t] @ (informed if there is None else informed * there)
            hazard = (self.asocial[k][t] + self.social[k][t] * teaching) * self.level[k][t]
            new = open_ & (rng.random(len(time)) < -np.expm1(-hazard))
            if there is not None:
                new &= there
            time[new] = label
            open_ &= ~new
            informed[new] = 1.0
            informed[self.passive[k] == label] = 1.0
        return time

    def _pick(self, k: int, informed: Floats, open_: Bools, t: int) -> Floats:
        """Return the rates of those who can still learn."""
        rates = self.asocial[k][t] + self.social[k][t] * (self.matrices[k][t] @ informed)
        return np.where(open_, rates, 0.0)

    def _steps(self, k: int, rng: np.random.Generator) -> Floats:
        """Draw in continuous time with a baseline that is constant within periods."""
        time, informed = self._begin(k)
        open_ = self.risk[k].copy()
        now, t = 0.0, 0
        rates = self._pick(k, informed, open_, 0)
        while t < len(self.labels) and open_.any():
            total = rates.sum() * self.level[k][t]
            wait = rng.exponential() / total if total > 0 else np.inf
            if now + wait >= t + 1:
                now, t = float(t + 1), t + 1
                continue
            now += wait
            who = int(rng.choice(len(rates), p=rates / rates.sum()))
            time[who], open_[who], informed[who] = self.labels[0] - 1 + now, False, 1.0
            rates = self._pick(k, informed, open_, 0)
        return time

    def _order(self, k: int, rng: np.random.Generator) -> Floats:
        """Draw the order at the observed moments; people of one moment do not teach each other."""
        time, informed = self._begin(k)
        open_ = self.risk[k].copy()
        for moment in np.unique(self.moments[k]):
            informed[self.passive[k] < moment] = 1.0
            rates = self._pick(k, informed, open_, 0)
            for _ in range(int(np.count_nonzero(self.moments[k] == moment))):
                if rates.sum() <= 0:
                    break
                who = int(rng.choice(len(rates), p=rates / rates.sum()))
                time[who], open_[who], rates[who] = moment, False, 0.0
                if self.together:
                    informed[who] = 1.0
                    rates = self._pick(k, informed, open_, 0)
            informed[time == moment] = 1.0
        return time

    def _continuous(self, k: int, rng: np.random.Generator) -> Floats:
        """Draw waiting times on the scale of the cumulative baseline."""
        time, informed = self._begin(k)
        open_ = self.risk[k].copy()
        start, end = self.span
        scale, power, kind = self.shape
        clock, limit = 0.0, _cumulative(end - start, scale, power, kind)
        changes = np.sort(self.passive[k][np.isfinite(self.passive[k])])
        while open_.any():
            rates = self._pick(k, informed, open_, 0)
            clock += rng.exponential() / max(rates.sum(), 1e-300)
            if clock >= limit:
                break
            moment = start + _inverse(clock, scale, power, kind)
            if len(changes) and moment >= changes[0]:
                clock = _cumulative(changes[0] - start, scale, power, kind)
                informed[self.passive[k] == changes[0]] = 1.0
                changes = changes[1:]
                continue
            who = int(rng.choice(len(rates), p=rates / rates.sum()))
            time[who], open_[who], informed[who] = moment, False, 1.0
        return time


def _curve(model: Any, shape: Floats, level: Floats) -> tuple[float, float, str]:
    """Return level (or scale), shape and kind of a parametric baseline."""
    if model.baseline == "weibull":
        return float(level[0]), float(np.exp(shape[0])), "weibull"
    if model.baseline == "gamma":
        return float(np.exp(shape[1])), float(np.exp(shape[0])), "gamma"
    return float(level[0]), 1.0, "constant"


def _cumulative(t: float, scale: float, power: float, kind: str) -> float:
    """Return the cumulative baseline."""
    if kind == "gamma":
        from scipy.special import gammaincc

        return float(-np.log(max(gammaincc(power, t / scale), 1e-300)))
    return float(scale * t**power)


def _inverse(cumulated: float, scale: float, power: float, kind: str) -> float:
    """Return the time at which the cumulative baseline reaches a value."""
    if kind == "gamma":
        from scipy.special import gammainccinv

        return float(scale * gammainccinv(power, np.exp(-cumulated)))
    return float((cumulated / scale) ** (1 / power))


def _matrix(prepared: Any, model: Any, s: Floats, item: int, t: float, n: int) -> Any:
    """Return learner x teacher teaching with strengths, in force at a moment."""
    from scipy.sparse import csr_array

    k = len(model.design.networks)
    total: Any = csr_array((n, n))
    for e in prepared.ties_of:
        if not e.since <= t < e.until:
            continue
        strength = s[item * k + e.network] if model.own_social else s[e.network]
        if strength == 0:
            continue
        weight = (
            e.weight if prepared.teacher_weight is None else e.weight * prepared.teacher_weight[e.teacher]
        )
        total = total + csr_array((strength * weight, (e.learner, e.teacher)), shape=(n, n))
    return total.tocsr()


def _there(prepared: Any, item: int, t: float, n: int) -> Any:
    """Return who is there at a moment; None = everybody."""
    spans = prepared.presence
    if spans is None:
        return None
    mine = ((spans.item < 0) | (spans.item == item)) & (spans.start <= t) & (t <= spans.end)
    out = np.zeros(n, dtype=bool)
    out[spans.person[mine]] = True
    return out
