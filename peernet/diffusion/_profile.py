"""Intervals by profile likelihood, standard errors, and chi-square tails without scipy.stats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._optimise import TOP, Summit, Surface, climb, hessian, root

__all__ = ["chi2_cut", "chi2_tail", "profile_interval", "profile_value", "standard_errors"]

Floats = NDArray[np.float64]


def chi2_tail(x: float) -> float:
    """Return P(chi-square with 1 degree of freedom > x)."""
    from scipy.special import erfc

    return float(erfc(np.sqrt(max(x, 0.0) / 2)))


def chi2_cut(level: float) -> float:
    """Return half the quantile of chi-square with 1 degree of freedom: how far the log-likelihood may fall."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2)) ** 2 / 2


def profile_value(
    surface: Surface, top: Summit, j: int, q: float, free: NDArray[np.bool_], near: Floats
) -> Summit:
    """Maximise over everything but one coordinate, from the nearest point known and from the optimum."""
    others = free.copy()
    others[j] = False
    starts = []
    for z in (near, top.z):
        begin = z.copy()
        begin[j] = q
        starts.append(begin)
    if not others.any() or np.array_equal(near, top.z) or others.sum() > 4:
        starts = starts[:1]
    return climb(surface, starts, others, patience=20)


def profile_interval(
    surface: Surface, top: Summit, j: int, level: float, free: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return low and high of a strength in natural units, and the likelihood ratio against 0."""
    cut = chi2_cut(level)
    peak = float(top.z[j])
    near = {"z": top.z}
    enough = 1e-11 if free.sum() == 1 else 1e-7

    def gap(q: float) -> float:
        found = profile_value(surface, top, j, q, free, near["z"])
        near["z"] = found.z
        return top.value - found.value - cut

    at_zero = gap(0.0) if peak > 0 else -cut
    ratio = max(0.0, 2 * (at_zero + cut))
    low = 0.0
    if at_zero > 0:
        near["z"] = top.z
        low = root(gap, 0.0, peak, at_zero, -cut, tolerance=1e-9, enough=enough)
    high = TOP
    if peak < TOP:
        near["z"] = top.z
        at_top = gap(TOP)
        if at_top > 0:
            left, at_left = peak, -cut
            right = min(TOP, max(0.05, 1.6 * peak))
            near["z"] = top.z
            at_right = gap(right)
            while at_right <= 0:
                left, at_left = right, at_right
                right = 0.5 * (right + 1.0) if right < 0.999 else TOP
                at_right = gap(right)
            high = root(gap, left, right, at_left, at_right, tolerance=1e-9, enough=enough)
    scale = surface.model.scale[j]
    upper = np.inf if high >= TOP else high / (1 - high) / scale
    return low / (1 - low) / scale, float(upper), ratio


def covariance(surface: Surface, top: Summit, free: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the covariance of working coordinates inside their bounds, and which those are."""
    inside = free & (top.z > surface.low + 1e-9) & (top.z < surface.high - 1e-9)
    if not inside.any():
        return np.zeros((0, 0)), inside
    with np.errstate(all="ignore"):
        information = -hessian(surface, top.z, inside)
    values, vectors = np.linalg.eigh(information)
    good = values > 1e-10 * max(1.0, float(np.abs(values).max()))
    if not good.all():
        return np.full((int(inside.sum()),) * 2, np.nan), inside
    return (vectors / values) @ vectors.T, inside


def standard_errors(
    surface: Surface, top: Summit, free: NDArray[np.bool_]
) -> tuple[Floats, list[tuple[str, float, float]]]:
    """Return standard errors of the natural parameters (NaN at bounds), and rows for the baseline."""
    model = surface.model
    cov, inside = covariance(surface, top, free)
    error = np.full(surface.width, np.nan)
    if inside.any():
        error[inside] = np.sqrt(np.diag(cov)) * surface.slope(top.z)[inside]
    if model.partial or model.baseline == "free":
        return error, []
    return error, _baseline_rows(surface, top, cov, inside, error)


def _baseline_rows(
    surface: Surface, top: Summit, cov: Floats, inside: NDArray[np.bool_], error: Floats
) -> list[tuple[str, float, float]]:
    """Describe scale and shape of a parametric baseline."""
    model = surface.model
    width = model.n_social + sum(model.sizes)
    natural = surface.natural(top.z)
    items = model.design.items
    tags = [f"[{items[g]}]" if model.own_baseline else "" for g in range(model.n_shapes)]
    rows: list[tuple[str, float, float]] = []
    if model.baseline == "gamma":
        for g, tag in enumerate(tags):
            for name, j in (("scale", width + 2 * g + 1), ("shape", width + 2 * g)):
                value = float(np.exp(natural[j]))
                rows.append((name + tag, value, value * float(error[j])))
        return rows
    level = model.evaluate(natural).level
    spread = _log_level_errors(surface, top, cov, inside)
    for g, tag in enumerate(tags):
        shape = float(np.exp(natural[width + g])) if model.baseline == "weibull" else 1.0
        with np.errstate(divide="ignore"):
            scale = float(level[g] ** (-1 / shape)) if level[g] > 0 else np.inf
        rows.append(("scale" + tag, scale, scale * spread[g]))
        if model.baseline == "weibull":
            rows.append(("shape" + tag, shape, shape * float(error[width + g])))
    return rows


def _log_level_errors(surface: Surface, top: Summit, cov: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Standard errors of log scale, through the profile: own information plus what the other parameters add."""
    model, z = surface.model, top.z
    found = model.evaluate(surface.natural(z))
    width = model.n_social + sum(model.sizes)

    def log_scale(at: Floats) -> Floats:
        natural = surface.natural(at)
        shape = np.exp(natural[width:]) if model.baseline == "weibull" else 1.0
        with np.errstate(divide="ignore"):
            return -np.log(model.evaluate(natural).level) / shape

    if model.design.timing == "discrete":
        length, _ = model.lengths(model.split(surface.natural(z))[4])
        x = np.minimum(found.level[model.e_level] * found.rate * length[model.design.e_g], 600.0)
        odds = 1.0 / np.expm1(np.maximum(x, 1e-300))
        own = np.bincount(model.e_level, x * x * odds * (1 + odds), model.n_levels)
    else:
        own = model.events_at.astype(float)
    shape = np.exp(surface.natural(z)[width:]) if model.baseline == "weibull" else np.ones(model.n_levels)
    with np.errstate(all="ignore"):
        variance = 1.0 / own / shape**2
        columns = []
        for j in np.flatnonzero(inside):
            h = 1e-5
            up, down = z.copy(), z.copy()
            up[j] = min(z[j] + h, surface.high[j])
            down[j] = max(z[j] - h, surface.low[j])
            columns.append((log_scale(up) - log_scale(down)) / (up[j] - down[j]))
        if columns:
            slope = np.array(columns).T
            variance = variance + np.einsum("gi,ij,gj->g", slope, cov, slope)
        return np.asarray(np.sqrt(variance))
