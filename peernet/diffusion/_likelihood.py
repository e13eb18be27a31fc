"""The likelihood of who learned when, with its gradient.

Working parameters, in this order: social strengths s_k (>= 0), asocial, interaction and multiplicative coefficients,
then the shape of the baseline. The level of the baseline is solved for in closed form or by a one-dimensional Newton
step that cannot fail, so it is not among them (gamma: shape and scale are).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._orders import Orders, Sums
from peernet.diffusion._risk import Design

__all__ = ["Baseline", "Evaluation", "Model"]

Baseline = Literal["free", "constant", "weibull", "gamma"]
Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
_CLIP = 40.0


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Log-likelihood at a point, its gradient, and the pieces that a share is made of."""

    value: float
    gradient: Floats
    level: Floats
    social: Floats
    rate: Floats
    by_item: Floats  # log-likelihood of each item (order only)


class Model:
    """A design with a baseline and a sharing of parameters: evaluates the log-likelihood."""

    def __init__(self, design: Design, baseline: Baseline, *, own_social: bool, own_baseline: bool) -> None:
        d = self.design = design
        self.partial = d.timing == "order" or (d.timing == "continuous" and baseline == "free")
        self.baseline = baseline
        n_networks = len(d.networks)
        self.own_social = own_social and len(d.items) > 1
        self.own_baseline = own_baseline and len(d.items) > 1
        self.n_social = n_networks * (len(d.items) if self.own_social else 1)
        self.sizes = tuple(len(names) for names in d.names)
        self._cut_values()
        self._social_columns()
        self._baseline_groups()
        self._cells()
        self.scale = self._scales()
        # without several learners at any moment there is one order, and nothing to sum
        self.orders = Orders(d, self.partial) if d.ties == "any_order" else None
        if self.orders is not None and not self.orders.groups:
            self.orders = None
        k = len(d.networks)
        self.l_column = d.l_net + (d.e_item[d.l_event] * k if self.own_social and len(d.l_event) else 0)

    # ---- layout -------------------------------------------------------------------------------------------------

    def _cut_values(self) -> None:
        """Split covariate columns by role."""
        a, i, m = self.sizes
        v = self.design.values
        self.x, self.u, self.v = v[:, :a], v[:, a : a + i], v[:, a + i : a + i + m]

    def _social_columns(self) -> None:
        """Give each network (and item, where strengths are item-specific) its column."""
        d, k = self.design, len(self.design.networks)
        if not self.own_social:
            self.e_teaching, self.s_column = d.e_teaching, d.s_net
            return
        out = np.zeros((d.n_events, self.n_social))
        for net in range(k):
            out[np.arange(d.n_events), d.e_item * k + net] = d.e_teaching[:, net]
        self.e_teaching, self.s_column = out, d.s_item * k + d.s_net

    def _baseline_groups(self) -> None:
        """Say which intervals share a baseline level, and which items a shape."""
        d = self.design
        self.shape_of = d.g_item if self.own_baseline else np.zeros(d.n_intervals, dtype=np.intp)
        self.n_shapes = len(d.items) if self.own_baseline else 1
        if self.baseline == "free":
            position = np.arange(d.n_intervals)
            if not self.own_baseline and d.timing == "discrete":
                position = position - np.searchsorted(d.g_item, d.g_item)
            self.level_of = position
        else:
            self.level_of = self.shape_of
        self.n_levels = int(self.level_of.max()) + 1 if len(self.level_of) else 0
        self.e_level = self.level_of[d.e_g]
        self.n_shape_params = (
            0 if self.partial else {"weibull": 1, "gamma": 2}.get(self.baseline, 0) * self.n_shapes
        )
        self.width = self.n_social + sum(self.sizes) + self.n_shape_params
        self.events_at = np.bincount(self.e_level, minlength=self.n_levels)
        order = np.lexsort((np.arange(d.n_events), d.e_g))
        first = np.searchsorted(d.e_g[order], d.e_g[order], side="left")
        self.rank, self.size = np.zeros(d.n_events), np.ones(d.n_events)
        if self.partial and d.ties != "sequential":
            self.rank[order] = np.arange(d.n_events) - first
            self.size = np.bincount(d.e_g, minlength=d.n_intervals)[d.e_g].astype(float)

    def _cells(self) -> None:
        """Sum what does not depend on parameters, once."""
        d = self.design
        self.plain_a = not (self.sizes[0] or self.sizes[2])
        self.plain_b = not (self.sizes[1] or self.sizes[2])
        self.a_cells = self._spread(d.a_lo, d.a_hi, np.ones(len(d.a_lo))) if self.plain_a else None
        self.columns = [np.flatnonzero(self.s_column == k) for k in range(self.n_social)]
        self.b_cells = self._social_cells(None) if self.plain_b else None

    def _spread(self, lo: Ints, hi: Ints, weight: Floats) -> Floats:
        """Sum spells over the intervals that they cover."""
        n = self.design.n_intervals
        steps = _binned(hi, weight, n + 1) - _binned(lo, weight, n + 1)
        total = np.cumsum(steps[::-1])[::-1][1:]
        return np.maximum(total, 0.0)

    def _social_cells(self, factor: Floats | None) -> Floats:
        """Sum teaching over the risk set, intervals x strengths."""
        d = self.design
        out = np.zeros((d.n_intervals, self.n_social))
        for k, rows in enumerate(self.columns):
            if len(rows):
                weight = d.s_weight[rows] if factor is None else d.s_weight[rows] * factor[d.s_row[rows]]
                out[:, k] = self._spread(d.s_lo[rows], d.s_hi[rows], weight)
        return out

    def _scales(self) -> Floats:
        """Return the mean teaching behind each strength: s times it is a number near 1 when teaching matters."""
        out = np.ones(self.n_social)
        for k in range(self.n_social):
            seen = self.e_teaching[:, k][self.e_teaching[:, k] > 0]
            if len(seen):
                out[k] = seen.mean()
            elif len(self.columns[k]):
                out[k] = self.design.s_weight[self.columns[k]].mean()
        return out

    # ---- evaluation ---------------------------------------------------------------------------------------------

    def split(self, p: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Cut a parameter vector into s, asocial, interaction, multiplicative, shape."""
        k = self.n_social
        a, i, m = self.sizes
        cuts = np.cumsum([k, a, i, m])
        return p[:k], p[k : cuts[1]], p[cuts[1] : cuts[2]], p[cuts[2] : cuts[3]], p[cuts[3] :]

    def _factors(self, a: Floats, c: Floats, b: Floats) -> tuple[Floats | None, Floats | None]:
        """Return exp of the asocial and of the social linear predictor by covariate row; None = 1."""
        common = self.v @ b if len(b) else 0.0
        asocial = None if self.plain_a else np.exp(np.clip(self.x @ a + common, -_CLIP, _CLIP))
        social = None if self.plain_b else np.exp(np.clip(self.u @ c + common, -_CLIP, _CLIP))
        return asocial, social

    def evaluate(
        self, p: Floats, level: Floats | None = None, item_weight: Floats | None = None
    ) -> Evaluation:
        """Return log-likelihood and gradient at natural parameters; a given ``level`` is not solved for.

        With ``item_weight`` (order only) each item's log-likelihood counts so often.
        """
        d = self.design
        s, a, c, b, shape = self.split(p)
        asocial, social = self._factors(a, c, b)
        own = np.ones(d.n_events) if asocial is None else asocial[d.e_row]
        learned = self.e_teaching @ s
        if social is not None:
            learned = learned * social[d.e_row]
        rate = own + learned
        cells_a = self.a_cells if self.a_cells is not None else self._spread(d.a_lo, d.a_hi, asocial[d.a_row])  # type: ignore[index]
        cells_b = self.b_cells if self.b_cells is not None else self._social_cells(social)
        total = cells_a + cells_b @ s
        sums = None if self.orders is None else self.orders.sums(rate, total, self.link(s, social))
        values = np.zeros(0)
        if self.partial:
            values, alpha, gamma = self._ordered(rate, total, sums)
            level, tail = np.zeros(0), np.zeros(0)
            w = np.ones(len(d.items)) if item_weight is None else item_weight
            value, alpha, gamma = float(values @ w), alpha * w[d.e_item], gamma * w[d.g_item]
            if sums is not None and len(d.l_event):
                sums = sums._replace(by_link=sums.by_link * w[d.e_item[d.l_event]])
        else:
            value, alpha, gamma, level, tail = self._timed(rate, total, shape, level, sums)
        links = None if sums is None else sums.by_link
        gradient = self._chain(alpha, gamma, own, learned, s, asocial, social, cells_b, links)
        return Evaluation(value, np.concatenate([gradient, tail]), level, learned, rate, values)

    def link(self, s: Floats, social: Floats | None) -> Floats:
        """Return the rate that each link adds once its teacher knows."""
        amount: Floats = s[self.l_column] * self.design.l_weight
        if social is not None:
            amount = amount * social[self.design.l_row]
        return amount

    def order_sums(self, p: Floats) -> Sums:
        """Return the sums over orders at natural parameters."""
        assert self.orders is not None
        d = self.design
        s, a, c, b, _ = self.split(p)
        asocial, social = self._factors(a, c, b)
        own = np.ones(d.n_events) if asocial is None else asocial[d.e_row]
        learned = self.e_teaching @ s if social is None else (self.e_teaching @ s) * social[d.e_row]
        cells_a = self.a_cells if self.a_cells is not None else self._spread(d.a_lo, d.a_hi, asocial[d.a_row])  # type: ignore[index]
        cells_b = self.b_cells if self.b_cells is not None else self._social_cells(social)
        return self.orders.sums(own + learned, cells_a + cells_b @ s, self.link(s, social))

    @property
    def most_taught(self) -> int:
        """Most learners who can have been taught: of several who may have been first in an item, one was."""
        d = self.design
        n = len(d.items)
        most = np.bincount(d.e_item, minlength=n) - ~d.seeded
        return int(np.minimum(np.bincount(d.e_item[self.teachable], minlength=n), np.maximum(most, 0)).sum())

    @property
    def teachable(self) -> NDArray[np.bool_]:
        """Whether each learner had a teacher who knew, or who may have learned first at the same moment."""
        out = np.asarray((self.e_teaching > 0).any(axis=1), dtype=np.bool_)
        if self.orders is not None:
            out[self.design.l_pupil[self.design.l_pupil >= 0]] = True
        return out

    def _ordered(self, rate: Floats, total: Floats, sums: Sums | None) -> tuple[Floats, Floats, Floats]:
        """Log-likelihood of the order by item (Efron for events of one interval); derivatives by rate and total."""
        d = self.design
        n_items = len(d.items)
        if sums is not None:
            assert self.orders is not None
            alone: NDArray[np.bool_] = np.logical_not(self.orders.tied)
            inverse = np.where(alone, 1.0 / np.maximum(total[d.e_g], rate), 0.0)
            value = _binned(sums.item, sums.value, n_items)
            value += _binned(d.e_item[alone], np.log((rate * inverse)[alone]), n_items)
            return (
                value, np.where(alone, 1.0 / rate, sums.by_rate),
                sums.by_total - _binned(d.e_g, inverse, d.n_intervals),
            )  # fmt: skip
        blocks = _binned(d.e_g, rate, d.n_intervals)
        part = self.rank / self.size
        # rounding aside the risk sum is never below the block; Efron's mean of the block may be below a single rate
        below = np.maximum(total, blocks)[d.e_g] - part * blocks[d.e_g]
        value = _binned(d.e_item, np.log(rate) - np.log(below), n_items)
        inverse = 1.0 / below
        gamma = -_binned(d.e_g, inverse, d.n_intervals)
        shared = _binned(d.e_g, part * inverse, d.n_intervals)
        return value, 1.0 / rate + shared[d.e_g], gamma

    def _timed(
        self, rate: Floats, total: Floats, shape: Floats, level: Floats | None, sums: Sums | None
    ) -> tuple[float, Floats, Floats, Floats, Floats]:
        """Log-likelihood of the times, its derivatives by rate and total, the levels, the gradient of the shape."""
        d = self.design
        length, slopes = self.lengths(shape)
        quiet = _binned(self.level_of, length * total, self.n_levels)
        if d.timing == "discrete":
            amount = rate * length[d.e_g]
            if level is None:
                level = self._solve(amount, quiet)
            at = level[self.e_level]
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                x = at * amount
                odds = np.where(np.isfinite(at), 1.0 / np.expm1(np.minimum(x, 700.0)), 0.0)
                value = float(np.sum(np.where(np.isfinite(at), np.log(-np.expm1(-x)), 0.0)))
            finite = np.where(np.isfinite(level), level, 0.0)
            value -= float(np.sum(finite * quiet))
            alpha = np.where(np.isfinite(at), at, 0.0) * length[d.e_g] * odds
            gamma = -finite[self.level_of] * length
            by_length = _binned(d.e_g, np.where(np.isfinite(at), at, 0.0) * rate * odds, d.n_intervals)
            tail = [float(np.sum(slope * (by_length - finite[self.level_of] * total))) for slope in slopes]
            return value, alpha, gamma, level, np.array(tail)
        found = self._continuous(rate, total, shape, level, length, slopes, quiet)
        if sums is None:
            return found
        tied = self.orders.tied  # type: ignore[union-attr]
        value = found[0] + float(np.sum(sums.value) - np.sum(np.log(rate[tied])))
        return value, np.where(tied, sums.by_rate, found[1]), *found[2:]

    def _continuous(
        self, rate: Floats, total: Floats, shape: Floats, level: Floats | None, length: Floats, slopes: list[Floats],
        quiet: Floats,
    ) -> tuple[float, Floats, Floats, Floats, Floats]:  # fmt: skip
        """Continuous time: the hazard at each event, less the cumulative hazard of everybody at risk."""
        log_hazard, hazard_slopes = self._log_hazard(shape)
        if level is None:
            with np.errstate(divide="ignore", invalid="ignore"):
                level = np.where(quiet > 0, self.events_at / quiet, 0.0)
            if self.baseline == "gamma":
                level = np.ones(self.n_levels)
        with np.errstate(divide="ignore"):
            log_level = np.log(level[self.e_level])
        value = float(np.sum(log_level + log_hazard + np.log(rate)) - np.sum(level * quiet))
        gamma = -level[self.level_of] * length
        tail = [
            float(np.sum(by_event) - np.sum(slope * level[self.level_of] * total))
            for by_event, slope in zip(hazard_slopes, slopes, strict=True)
        ]
        return value, 1.0 / rate, gamma, level, np.array(tail)

    def _solve(self, amount: Floats, quiet: Floats) -> Floats:
        """Solve for the level of each group: sum r / expm1(r L) = quiet, by Newton from below (monotone)."""
        if self.baseline == "gamma":
            return np.ones(self.n_levels)
        n, group = self.n_levels, self.e_level
        weight = _binned(group, amount, n)
        open_ = (self.events_at > 0) & (quiet > 0)
        level = np.where(self.events_at > 0, np.inf, 0.0)
        level[open_] = self.events_at[open_] / (quiet[open_] + weight[open_])
        target = np.where(open_, quiet, 1.0)
        work = np.where(open_, level, 1.0)
        for _ in range(60):
            x = np.minimum(work[group] * amount, 600.0)
            odds = 1.0 / np.expm1(x)
            f = _binned(group, amount * odds, n) - target
            slope = _binned(group, amount * amount * odds * (1.0 + odds), n)
            step = np.divide(f, slope, out=np.zeros(n), where=open_ & (slope > 0))
            work = work + step
            if np.all(np.abs(step) <= 1e-14 * work):
                break
        level[open_] = work[open_]
        return level

    def lengths(self, shape: Floats) -> tuple[Floats, list[Floats]]:
        """Return the baseline's increment over each interval at level 1, and its derivative by each shape parameter."""
        d = self.design
        if self.baseline == "constant":
            return d.g_hi - d.g_lo, []
        if self.baseline == "free":
            return np.ones(d.n_intervals), []
        if self.baseline == "weibull":
            k = np.exp(shape)[self.shape_of]
            increments, slope = _weibull(d.g_lo, d.g_hi, k)
            return increments, [np.where(self.shape_of == j, slope, 0.0) for j in range(self.n_shapes)]
        log_shape, log_scale = shape[0::2], shape[1::2]
        base = _gamma_increment(d.g_lo, d.g_hi, log_shape[self.shape_of], log_scale[self.shape_of])
        out: list[Floats] = []
        for j in range(self.n_shapes):
            for which in (0, 1):
                out.append(np.where(self.shape_of == j, self._gamma_slope(log_shape, log_scale, which), 0.0))
        return base, out

    def _gamma_slope(self, log_shape: Floats, log_scale: Floats, which: int) -> Floats:
        """Differentiate the gamma increments by log shape or log scale (central difference)."""
        d, h = self.design, 1e-5
        ends = []
        for sign in (1, -1):
            a = log_shape + (sign * h if which == 0 else 0.0)
            b = log_scale + (sign * h if which == 1 else 0.0)
            ends.append(_gamma_increment(d.g_lo, d.g_hi, a[self.shape_of], b[self.shape_of]))
        return (ends[0] - ends[1]) / (2 * h)

    def _log_hazard(self, shape: Floats) -> tuple[Floats, list[Floats]]:
        """Return the log baseline hazard at each event at level 1, and its derivative by each shape parameter."""
        d = self.design
        mine = self.shape_of[d.e_g]
        if self.baseline == "weibull":
            k = np.exp(shape)[mine]
            log_t = np.log(np.maximum(d.e_time, 1e-300))
            value = np.log(k) + (k - 1) * log_t
            return value, [np.where(mine == j, 1.0 + k * log_t, 0.0) for j in range(self.n_shapes)]
        if self.baseline == "gamma":
            log_shape, log_scale = shape[0::2], shape[1::2]
            value = _gamma_log_hazard(d.e_time, log_shape[mine], log_scale[mine])
            out, h = [], 1e-5
            for j in range(self.n_shapes):
                for which in (0, 1):
                    up = _gamma_log_hazard(
                        d.e_time, log_shape[mine] + h * (which == 0), log_scale[mine] + h * (which == 1)
                    )
                    down = _gamma_log_hazard(
                        d.e_time, log_shape[mine] - h * (which == 0), log_scale[mine] - h * (which == 1)
                    )
                    out.append(np.where(mine == j, (up - down) / (2 * h), 0.0))
            return value, out
        return np.zeros(d.n_events), []

    def _chain(
        self, alpha: Floats, gamma: Floats, own: Floats, learned: Floats, s: Floats, asocial: Floats | None,
        social: Floats | None, cells_b: Floats, links: Floats | None,
    ) -> Floats:  # fmt: skip
        """Turn derivatives by event rates and interval totals into derivatives by parameters."""
        d = self.design
        factor = alpha if social is None else alpha * social[d.e_row]
        by_s = self.e_teaching.T @ factor + cells_b.T @ gamma
        if links is not None:
            amount = links * d.l_weight if social is None else links * d.l_weight * social[d.l_row]
            by_s += _binned(self.l_column, amount, self.n_social)
        if self.plain_a and self.plain_b:
            return by_s
        n_rows = len(d.values)
        gathered = np.concatenate([[0.0], np.cumsum(gamma)])
        by_a = np.zeros(n_rows)
        if asocial is not None:
            by_a = _binned(d.e_row, alpha * own, n_rows)
            by_a += asocial * _binned(d.a_row, gathered[d.a_hi] - gathered[d.a_lo], n_rows)
        by_b = np.zeros(n_rows)
        if social is not None:
            by_b = _binned(d.e_row, alpha * learned, n_rows)
            weight = d.s_weight * s[self.s_column] * (gathered[d.s_hi] - gathered[d.s_lo])
            by_b += social * _binned(d.s_row, weight, n_rows)
            if links is not None:
                by_b += _binned(d.l_row, links * self.link(s, social), n_rows)
        return np.concatenate([by_s, self.x.T @ by_a, self.u.T @ by_b, self.v.T @ (by_a + by_b)])


def _binned(where: Ints, weight: Floats, n: int) -> Floats:
    """Sum weights by bin, as real numbers."""
    return np.bincount(where, weight, n).astype(np.float64, copy=False)


def _weibull(lo: Floats, hi: Floats, k: Floats) -> tuple[Floats, Floats]:
    """Return hi^k - lo^k and its derivative by log k."""
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(lo > 0, lo**k, 0.0)
        high = np.where(hi > 0, hi**k, 0.0)
        low_slope = np.where(lo > 0, low * np.log(lo), 0.0)
        high_slope = np.where(hi > 0, high * np.log(hi), 0.0)
    return high - low, k * (high_slope - low_slope)


def _gamma_cumulative(t: Floats, log_shape: Floats, log_scale: Floats) -> Floats:
    """Return the cumulative hazard of a gamma distribution, -log of its survival."""
    from scipy.special import gammainc, gammaincc, gammaln

    k, x = np.exp(log_shape), t * np.exp(-log_scale)
    tail = gammaincc(k, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (
            x
            + gammaln(k)
            - (k - 1) * np.log(np.maximum(x, 1e-300))
            - np.log1p((k - 1) / np.maximum(x, 1e-300))
        )
        near = np.where(
            tail > 0.5, -np.log1p(-np.minimum(gammainc(k, x), 0.75)), -np.log(np.maximum(tail, 1e-300))
        )
        out: Floats = np.where(tail > 1e-280, near, far)
    return out


def _gamma_increment(lo: Floats, hi: Floats, log_shape: Floats, log_scale: Floats) -> Floats:
    """Return the gamma baseline's cumulative hazard over each interval."""
    return _gamma_cumulative(hi, log_shape, log_scale) - _gamma_cumulative(lo, log_shape, log_scale)


def _gamma_log_hazard(t: Floats, log_shape: Floats, log_scale: Floats) -> Floats:
    """Return the log hazard of a gamma distribution."""
    from scipy.special import gammaln

    k, x = np.exp(log_shape), t * np.exp(-log_scale)
    density = (k - 1) * np.log(np.maximum(x, 1e-300)) - x - gammaln(k) - log_scale
    out: Floats = density + _gamma_cumulative(t, log_shape, log_scale)
    return out
