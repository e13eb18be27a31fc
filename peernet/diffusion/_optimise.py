"""Climbing the likelihood from many starts, and certifying that the top was reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._likelihood import Model

__all__ = ["Summit", "Surface", "climb", "root"]

Floats = NDArray[np.float64]
TOP = 1 - 1e-6
START_STRENGTHS = (0.1, 1.0, 10.0, 0.01, 100.0)
_MANY = 6
_BETA, _SHAPE, _SCALE = 25.0, 4.0, 40.0


class Surface:
    """The log-likelihood over working coordinates that are all bounded.

    A strength s with mean teaching T enters as q = sT / (1 + sT), in [0, 1): q = 1 would be a strength without bound.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        k = model.n_social
        self.n_social = k
        n_beta = sum(model.sizes)
        low = np.concatenate([np.zeros(k), np.full(n_beta, -_BETA), np.full(model.n_shape_params, -_SHAPE)])
        high = np.concatenate(
            [np.full(k, TOP), np.full(n_beta, _BETA), np.full(model.n_shape_params, _SHAPE)]
        )
        if model.baseline == "gamma" and not model.partial:
            low[k + n_beta + 1 :: 2], high[k + n_beta + 1 :: 2] = -_SCALE, _SCALE
        self.low, self.high = low, high
        self.evaluations = 0

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return len(self.low)

    def natural(self, z: Floats) -> Floats:
        """Return parameters as they are reported."""
        p = np.array(z, dtype=float)
        q = p[: self.n_social]
        p[: self.n_social] = q / (1.0 - q) / self.model.scale
        return p

    def working(self, p: Floats) -> Floats:
        """Return working coordinates of reported parameters."""
        z = np.array(p, dtype=float)
        strength = z[: self.n_social] * self.model.scale
        z[: self.n_social] = np.minimum(strength / (1.0 + strength), TOP)
        return z

    def slope(self, z: Floats) -> Floats:
        """Derivative of reported parameters by working coordinates."""
        out = np.ones(len(z))
        out[: self.n_social] = 1.0 / (1.0 - z[: self.n_social]) ** 2 / self.model.scale
        return out

    def __call__(self, z: Floats) -> tuple[float, Floats]:
        """Return log-likelihood and gradient."""
        self.evaluations += 1
        with np.errstate(all="ignore"):
            found = self.model.evaluate(self.natural(z))
        if not np.isfinite(found.value):
            return -1e12, np.zeros(len(z))
        return found.value, np.nan_to_num(found.gradient) * self.slope(z)

    def starts(self, n_starts: int, rng: np.random.Generator) -> list[Floats]:
        """Return starting points: strengths over four orders of magnitude, then coefficients away from 0."""
        out = []
        base = self._start()
        for j in range(n_starts):
            z = base.copy()
            strength = START_STRENGTHS[j % len(START_STRENGTHS)]
            z[: self.n_social] = strength / (1.0 + strength)
            if j:
                rest = len(z) - self.n_social
                z[self.n_social :] += rng.normal(0.0, 0.5, rest)
            if j >= len(START_STRENGTHS) and self.n_social:
                z[: self.n_social] = rng.uniform(0.0, 0.95, self.n_social)
            out.append(np.clip(z, self.low, self.high))
        return out

    def _start(self) -> Floats:
        """Return the centre: no covariate effects, a constant baseline of about the right level."""
        z = np.zeros(self.width)
        m = self.model
        if m.baseline == "gamma" and not m.partial:
            z[len(z) - m.n_shape_params + 1 :: 2] = np.log(_mean_wait(m))
        return z


def _mean_wait(model: Model) -> float:
    """Person-time per adoption, the scale of a constant baseline without teaching."""
    d = model.design
    cells = model._spread(d.a_lo, d.a_hi, np.ones(len(d.a_lo)))
    total = float(np.sum(cells * (d.g_hi - d.g_lo))) + 0.5 * d.n_events
    return max(total / max(d.n_events, 1), 1e-9)


@dataclass(frozen=True, eq=False)
class Summit:
    """The best point found, and how sure one may be of it."""

    z: Floats
    value: float
    gradient: float
    starts: list[dict[str, Any]]


def climb(
    surface: Surface, starts: list[Floats], free: NDArray[np.bool_] | None = None, *, patience: int = 60
) -> Summit:
    """Maximise from every start over the free coordinates; the others stay where the start has them."""
    free = np.ones(surface.width, dtype=bool) if free is None else free
    if not free.any():
        value, _ = surface(starts[0])
        return Summit(starts[0], value, 0.0, [{"value": value, "gradient": 0.0}])
    if free.sum() == 1 and np.flatnonzero(free)[0] < surface.n_social:
        return _line(surface, starts, int(np.flatnonzero(free)[0]))
    best: Summit | None = None
    record = []
    for start in starts:
        z = start
        if free.sum() > _MANY:
            z = _quasi_newton(surface, start, free)
        z, value, slope = _newton(surface, z, free, patience)
        if slope > 1e-5 * (1 + abs(value)) and patience > 30:
            z, value, slope = _newton(surface, _quasi_newton(surface, z, free), free, patience)
        record.append({"value": value, "gradient": slope})
        if best is None or value > best.value + 1e-10:
            best = Summit(z, value, slope, record)
    assert best is not None
    return Summit(best.z, best.value, best.gradient, record)


def _projected(surface: Surface, z: Floats, gradient: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the gradient without what pushes against a bound."""
    out = np.where(free, gradient, 0.0)
    out[(z <= surface.low) & (out < 0)] = 0.0
    out[(z >= surface.high) & (out > 0)] = 0.0
    return out


def _quasi_newton(surface: Surface, start: Floats, free: NDArray[np.bool_]) -> Floats:
    """Climb from one start with L-BFGS-B."""
    from scipy.optimize import minimize

    z = start.copy()

    def down(x: Floats) -> tuple[float, Floats]:
        z[free] = x
        value, gradient = surface(z)
        return -value, -gradient[free]

    bounds = list(zip(surface.low[free], surface.high[free], strict=True))
    options = {"maxiter": 300, "ftol": 1e-14, "gtol": 1e-7, "maxcor": 20}
    found = minimize(down, start[free], jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    z[free] = found.x
    return z.copy()


def _newton(
    surface: Surface, z: Floats, free: NDArray[np.bool_], patience: int
) -> tuple[Floats, float, float]:
    """Climb by damped Newton steps inside the bounds; flat or convex directions are followed uphill."""
    value, gradient = surface(z)
    curved: Floats | None = None
    before, moved = np.inf, np.zeros(len(z), dtype=bool)
    for _ in range(patience):
        slope = _projected(surface, z, gradient, free)
        steep = float(np.abs(slope).max())
        if steep < 1e-9 * (1 + abs(value)):
            break
        moving = free & (slope != 0)
        # second derivatives are kept while they still bring the slope down quickly
        if curved is None or steep > 0.2 * before or not np.array_equal(moving, moved):
            curved = hessian(surface, z, moving)
        before, moved = steep, moving
        step = np.zeros(len(z))
        step[moving] = _newton_step(curved, slope[moving])
        size = min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        for _ in range(14):
            trial = np.clip(z + size * step, surface.low, surface.high)
            new, new_gradient = surface(trial)
            if new > value + 1e-4 * float(slope @ (trial - z)) or (new >= value and size == 1.0):
                break
            size *= 0.3
        else:
            break
        gained = new - value
        z, value, gradient = trial, new, new_gradient
        if gained <= 1e-12 * (1 + abs(value)):
            break
    return z, value, float(np.abs(_projected(surface, z, gradient, free)).max())


def _newton_step(h: Floats, slope: Floats) -> Floats:
    """Return the Newton step, or the nearest uphill one where the surface is not concave."""
    values, vectors = np.linalg.eigh(-h)
    floor = max(1e-10, 1e-8 * float(np.abs(values).max(initial=1.0)))
    step: Floats = vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor))
    return step


def hessian(surface: Surface, z: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Return second derivatives over the coordinates inside their bounds (differences of the exact gradient)."""
    index = np.flatnonzero(inside)
    out = np.empty((len(index), len(index)))
    for row, j in enumerate(index):
        h = 1e-5 * max(1.0, abs(z[j]))
        up, down = z.copy(), z.copy()
        up[j], down[j] = min(z[j] + h, surface.high[j]), max(z[j] - h, surface.low[j])
        out[row] = (surface(up)[1][index] - surface(down)[1][index]) / (up[j] - down[j])
    return (out + out.T) / 2


def _line(surface: Surface, starts: list[Floats], j: int) -> Summit:
    """Maximise over a single strength: every hill that a grid of gradients shows is climbed."""
    z = starts[0].copy()
    seen: dict[float, tuple[float, float]] = {}

    def at(q: float) -> tuple[float, float]:
        if q not in seen:
            z[j] = q
            value, gradient = surface(z)
            seen[q] = (value, float(gradient[j]))
        return seen[q]

    grid = sorted({0.0, TOP, 0.03, 0.25, 0.75, 0.97} | {float(s[j]) for s in starts})
    tops = [0.0] if at(0.0)[1] <= 0 else []
    for left, right in pairwise(grid):
        if at(left)[1] > 0 >= at(right)[1]:
            tops.append(root(lambda q: at(q)[1], left, right, at(left)[1], at(right)[1], tolerance=1e-13))
    if at(grid[-1])[1] > 0 or not tops:
        tops.append(grid[-1])
    record = [{"value": at(q)[0], "gradient": abs(at(q)[1]) if 0 < q < TOP else 0.0} for q in tops]
    best = max(tops, key=lambda q: at(q)[0])
    z[j] = best
    value, slope = at(best)
    at_bound = (best <= 0 and slope <= 0) or (best >= TOP and slope >= 0)
    return Summit(z.copy(), value, 0.0 if at_bound else abs(slope), record)


def root(
    f: Callable[[float], float], left: float, right: float, at_left: float | None = None, at_right: float | None = None,
    *, tolerance: float = 1e-10, enough: float = 1e-11,
) -> float:  # fmt: skip
    """Find where ``f`` crosses 0 between two points of opposite sign (Illinois false position with bisection)."""
    a, b = left, right
    fa = f(a) if at_left is None else at_left
    fb = f(b) if at_right is None else at_right
    if fa == 0:
        return a
    if fb == 0:
        return b
    side = 0
    for count in range(100):
        c = b - fb * (b - a) / (fb - fa) if count % 8 != 7 else 0.5 * (a + b)
        if not min(a, b) < c < max(a, b):
            c = 0.5 * (a + b)
        fc = f(c)
        if fc == 0 or abs(b - a) < tolerance:
            return c
        if (fc > 0) == (fa > 0):
            a, fa = c, fc
            fb = fb * 0.5 if side == -1 else fb
            side = -1
        else:
            b, fb = c, fc
            fa = fa * 0.5 if side == 1 else fa
            side = 1
        if abs(fc) < enough and (abs(b - a) < 1e-4 or enough > 1e-9):
            return c
    return 0.5 * (a + b)
