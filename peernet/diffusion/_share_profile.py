"""Profile likelihood over the share of learning that was social, whatever the number of parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._likelihood import Model
from peernet.diffusion._optimise import TOP, Summit, Surface, climb, root
from peernet.diffusion._profile import chi2_cut

__all__ = ["ShareProfile", "social_parts", "source_parts"]

Floats = NDArray[np.float64]
_WIDE = 25.0  # log of the sizes of strengths that are tried, either way


def source_parts(model: Model, p: Floats) -> tuple[Floats, Floats]:
    """Return the social part of each event that each teacher who knew accounts for, and each link at its moment."""
    d = model.design
    s, a, c, b, _ = model.split(p)
    asocial, social = model._factors(a, c, b)
    k = len(d.networks)
    column = d.t_net + (d.e_item[d.t_event] * k if model.own_social and len(d.t_event) else 0)
    taught = s[column] * d.t_weight
    if social is not None:
        taught = taught * social[d.e_row[d.t_event]]
    if model.orders is not None:
        sums = model.order_sums(p)
        return taught * sums.inverse[d.t_event], model.link(s, social) * sums.inverse_link
    own = np.ones(d.n_events) if asocial is None else asocial[d.e_row]
    learned = np.bincount(d.t_event, taught, d.n_events)
    return taught / (own + learned)[d.t_event], np.zeros(len(d.l_event))


def _parts_of_orders(model: Model, p: Floats) -> Floats:
    """Return the expected social part of each event, over all orders of those who learned together."""
    d = model.design
    known, together = source_parts(model, p)
    inner = d.l_pupil >= 0
    by_known = np.bincount(d.t_event, known, d.n_events)
    out = by_known + np.bincount(d.l_pupil[inner], together[inner], d.n_events)
    return np.asarray(out, dtype=np.float64)


def social_parts(model: Model, p: Floats) -> tuple[Floats, Floats]:
    """Return P of each event (its social part) and the derivative of their sum by each parameter."""
    if model.orders is not None:
        part = _parts_of_orders(model, p)
        slope = np.zeros(len(p))
        for j in range(len(p) - model.n_shape_params):
            h = 1e-5 * max(abs(p[j]), 1e-3)
            up, down = p.copy(), p.copy()
            up[j], down[j] = p[j] + h, max(p[j] - h, 0.0) if j < model.n_social else p[j] - h
            ends = (_parts_of_orders(model, x).sum() for x in (up, down))
            slope[j] = (next(ends) - next(ends)) / (up[j] - down[j])
        return part, slope
    d = model.design
    s, a, c, b, _ = model.split(p)
    asocial, social = model._factors(a, c, b)
    own = np.ones(d.n_events) if asocial is None else asocial[d.e_row]
    factor = np.ones(d.n_events) if social is None else social[d.e_row]
    learned = factor * (model.e_teaching @ s)
    rate = own + learned
    part = learned / rate
    both = part * (1.0 - part)
    slope = np.zeros(len(p))
    k, n_a, n_i = model.n_social, model.sizes[0], model.sizes[1]
    slope[:k] = model.e_teaching.T @ (factor * own / rate**2)
    slope[k : k + n_a] = -model.x[d.e_row].T @ both
    slope[k + n_a : k + n_a + n_i] = model.u[d.e_row].T @ both
    return part, slope


class _Fixed:
    """The likelihood on the set of parameters whose social share is a given number.

    Coordinates are a direction of the strengths (fixed for a single one) and all other parameters; the size of the
    strengths follows from the share.
    """

    def __init__(self, surface: Surface, total: float) -> None:
        self.surface, self.model, self.total = surface, surface.model, total
        self.n_social = 0
        k = surface.n_social
        self.low = np.concatenate([np.zeros(k), surface.low[k:]])
        self.high = np.concatenate([np.ones(k), surface.high[k:]])
        self.evaluations = 0
        self.log_size = 0.0

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return len(self.low)

    def parameters(self, z: Floats) -> tuple[Floats, float] | None:
        """Return the parameters at a direction, and the size of the strengths; None where the share is out of reach."""
        k = self.surface.n_social
        p = z.copy()
        direction = z[:k] / self.model.scale
        if self.model.orders is None:
            log_size = self._size(p, direction)
            if log_size is None:
                return None
        else:

            def gap(at: float) -> float:
                p[:k] = direction * np.exp(at)
                return float(social_parts(self.model, p)[0].sum()) - self.total

            low, high = -_WIDE, _WIDE
            at_low, at_high = gap(low), gap(high)
            if at_low > 0 or at_high < 0:
                return None
            log_size = root(gap, low, high, at_low, at_high, tolerance=1e-13)
        size = float(np.exp(log_size))
        p[:k] = direction * size
        return p, size

    def _size(self, p: Floats, direction: Floats) -> float | None:
        """Solve sum of r e^x / (1 + r e^x) = total for x by held Newton steps; r = social over asocial at size 1."""
        from scipy.special import expit

        model = self.model
        taught = model.e_teaching @ direction
        if not (model.plain_a and model.plain_b):
            _, a, c, b, _ = model.split(p)
            asocial, social = model._factors(a, c, b)
            rows = model.design.e_row
            taught = taught if social is None else taught * social[rows]
            taught = taught if asocial is None else taught / asocial[rows]
        odds = np.log(taught[taught > 0])
        low, high = -_WIDE, _WIDE
        if expit(low + odds).sum() > self.total or expit(high + odds).sum() < self.total:
            return None
        x = min(max(self.log_size, low), high)
        for _ in range(100):
            part = expit(x + odds)
            gap = float(part.sum()) - self.total
            low, high = (x, high) if gap < 0 else (low, x)
            slope = float(part @ (1.0 - part))
            step = -gap / slope if slope > 0 else np.inf
            there = x + step if low < x + step < high else 0.5 * (low + high)
            done = abs(there - x) < 1e-13 * (1.0 + abs(x))
            x = there
            if done or high - low < 1e-13:
                break
        self.log_size = x
        return x

    def __call__(self, z: Floats) -> tuple[float, Floats]:
        """Return log-likelihood and gradient along the set."""
        self.evaluations += 1
        k = self.surface.n_social
        with np.errstate(all="ignore"):
            found = self.parameters(z)
            if found is None:
                return -1e12, np.zeros(len(z))
            p, size = found
            at = self.model.evaluate(p)
            if not np.isfinite(at.value):
                return -1e12, np.zeros(len(z))
            slope = social_parts(self.model, p)[1]
            direction = z[:k] / self.model.scale
            up = float(at.gradient[:k] @ direction)
            along = float(slope[:k] @ direction)
            gradient = at.gradient.copy()
            gradient[:k] *= size / self.model.scale
            slope[:k] *= size / self.model.scale
            gradient -= slope * (up / along if along > 0 else 0.0)
        return at.value, np.nan_to_num(gradient)


class ShareProfile:
    """The likelihood of each possible social share."""

    def __init__(self, surface: Surface, top: Summit, free: NDArray[np.bool_], denominator: float) -> None:
        self.surface, self.top, self.free = surface, top, free
        self.denominator = denominator
        self.model = surface.model
        self.n_social = surface.n_social
        part, _ = social_parts(self.model, surface.natural(top.z))
        self.value = float(part.sum()) / denominator
        self.ceiling = self.model.most_taught / denominator
        self.near: Floats | None = None
        # without covariates the strength alone decides the share, so its profile is the share's
        self.simple = self.n_social == 1 and not any(self.model.sizes)

    def strength_of(self, share: float) -> float:
        """Return the coordinate of the single strength that gives a share (no covariates)."""

        def gap(q: float) -> float:
            s = np.array([q / (1.0 - q) / self.model.scale[0]])
            return float(social_parts(self.model, s)[0].sum()) / self.denominator - share

        if gap(TOP) <= 0:
            return TOP
        return root(gap, 0.0, TOP, tolerance=1e-15)

    def likelihood(self, share: float) -> float:
        """Return the largest log-likelihood among parameters with this share."""
        if share <= 0:
            return self._at_strengths(np.zeros(self.n_social)).value
        if self.simple:
            return self._at_strengths(np.array([self.strength_of(share)])).value
        fixed = _Fixed(self.surface, share * self.denominator)
        strengths = self.top.z[: self.n_social] / (1 - self.top.z[: self.n_social])
        starts = [self._direction(strengths, self.top.z), self._direction(np.ones(self.n_social), self.top.z)]
        if self.near is not None:
            starts.insert(0, self.near)
        free = self.free.copy()
        if self.n_social == 1:
            free[0] = False
            starts = starts[:-1]
        found = climb(fixed, starts, free, patience=20)  # type: ignore[arg-type]
        if found.value > -1e11:
            self.near = found.z
        return found.value

    def _direction(self, strengths: Floats, z: Floats) -> Floats:
        """Return a starting point with strengths as a direction."""
        out = z.copy()
        strengths = np.where(self.free[: self.n_social], strengths, 0.0)
        most = strengths.max(initial=0.0)
        alive = self.free[: self.n_social].astype(float)
        out[: self.n_social] = np.maximum(strengths / most, 1e-3) * alive if most > 0 else alive
        return out

    def _at_strengths(self, q: Floats) -> Summit:
        """Refit everything else with the strengths fixed."""
        others = self.free.copy()
        others[: self.n_social] = False
        begin = self.top.z.copy()
        begin[: self.n_social] = q
        return climb(self.surface, [begin], others, patience=30)

    def interval(self, level: float) -> tuple[float, float]:
        """Return the shares whose likelihood is not too far below the best."""
        cut = chi2_cut(level)

        def gap(share: float) -> float:
            return self.top.value - self.likelihood(share) - cut

        low = 0.0
        at_zero = gap(0.0)
        if at_zero > 0:
            self.near = None
            low = root(gap, 0.0, self.value, at_zero, -cut, tolerance=1e-8, enough=1e-7)
        edge = self.ceiling * (1 - 1e-5)
        if self.value >= edge:
            return low, self.ceiling
        self.near = None
        left, at_left = self.value, -cut
        for step in (0.15, 0.3, 0.5, 0.75, 1.0):
            right = self.value + step * (edge - self.value)
            at_right = gap(right)
            if at_right > 0:
                return low, root(gap, left, right, at_left, at_right, tolerance=1e-8, enough=1e-7)
            left, at_left = right, at_right
        return low, self.ceiling
