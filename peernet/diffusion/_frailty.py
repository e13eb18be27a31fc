"""A chance of adopting that differs from person to person for reasons nobody measured, integrated out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from peernet.errors import FitError

__all__ = ["Frail", "fit_frailty", "person_likelihood", "row_likelihood"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
NODES = 21
ROUNDS = 6
_LOW, _HIGH = -6.0, 3.0  # of log sd: below, there is no frailty to speak of


class Frail(NamedTuple):
    """A regression with a normal person effect: coefficients and log sd, their covariance, log-likelihood."""

    params: Floats
    log_sd: float
    cov: Floats
    value: float
    converged: bool


def row_likelihood(link: str, y: Floats, eta: Floats) -> tuple[Floats, Floats]:
    """Return the log-likelihood of each row and its derivative by the linear predictor; rows x nodes."""
    from scipy.special import log_ndtr

    eta = np.clip(eta, -30.0, 30.0)
    took = y > 0
    if link == "logit":
        return -np.logaddexp(0.0, np.where(took, -eta, eta)), np.where(took, 1.0, 0.0) - 1 / (
            1 + np.exp(-eta)
        )
    if link == "poisson":
        return y * eta - np.exp(eta), y - np.exp(eta)
    if link == "cloglog":
        rate = np.exp(np.minimum(eta, 6.0))
        return (
            np.where(took, np.log(-np.expm1(-rate)), -rate),
            np.where(took, rate / np.expm1(rate), -rate),
        )
    side = np.where(took, eta, -eta)
    value = log_ndtr(side)
    slope = np.exp(-0.5 * side**2 - value) / np.sqrt(2 * np.pi)
    return value, np.where(took, slope, -slope)


class _Data(NamedTuple):
    link: str
    y: Floats
    x: Floats
    person: Ints
    n: int


class _Nodes(NamedTuple):
    """Where each person's effect is looked at: people x nodes, and the log weight of each node."""

    at: Floats
    weight: Floats


def _by_person(data: _Data, values: Floats) -> Floats:
    """Sum rows by person."""
    out = np.zeros((data.n, values.shape[1]))
    np.add.at(out, data.person, values)
    return out


def _nodes(data: _Data, beta: Floats, sd: float) -> _Nodes:
    """Place Gauss-Hermite nodes around the most likely effect of each person."""
    z, w = np.polynomial.hermite.hermgauss(NODES)
    base = (data.x @ beta)[:, None]
    u = np.zeros((data.n, 1))
    spread = np.ones((data.n, 1))
    for _ in range(30):
        eta = base + sd * u[data.person]
        slope = sd * _by_person(data, row_likelihood(data.link, data.y[:, None], eta)[1]) - u
        ends = [row_likelihood(data.link, data.y[:, None], eta + h)[1] for h in (1e-4, -1e-4)]
        curve = 1.0 - sd**2 * _by_person(data, (ends[0] - ends[1]) / 2e-4)
        step = np.clip(slope / np.maximum(curve, 0.2), -1.0, 1.0)
        u = u + step
        spread = 1.0 / np.sqrt(np.maximum(curve, 0.2))
        if np.abs(step).max() < 1e-8:
            break
    at = u + spread * np.sqrt(2.0) * z
    weight = np.log(w) + z**2 + np.log(spread * np.sqrt(2.0)) - 0.5 * at**2 - 0.5 * np.log(2 * np.pi)
    return _Nodes(at, weight)


def _value(data: _Data, beta: Floats, sd: float, nodes: _Nodes) -> tuple[Floats, Floats, Floats]:
    """Return each person's log-likelihood, the rows' slopes, and how likely each node is."""
    eta = (data.x @ beta)[:, None] + sd * nodes.at[data.person]
    rows, slope = row_likelihood(data.link, data.y[:, None], eta)
    inside = _by_person(data, rows) + nodes.weight
    top = inside.max(axis=1, keepdims=True)
    part = np.exp(inside - top)
    total = part.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], slope, part / total


def person_likelihood(link: str, y: Floats, x: Floats, person: Ints, beta: Floats, sd: float) -> Floats:
    """Return the log-likelihood of each person at given coefficients and standard deviation of the effect."""
    data = _Data(link, y, x, person, int(person.max()) + 1)
    return _value(data, beta, sd, _nodes(data, beta, sd))[0]


def fit_frailty(link: str, y: Floats, x: Floats, person: Ints, start: Floats) -> Frail:
    """Fit coefficients and the sd of the person effect by maximum likelihood."""
    from scipy.optimize import minimize

    data = _Data(link, y, x, np.unique(person, return_inverse=True)[1], len(np.unique(person)))
    k = x.shape[1]

    def down(theta: Floats, nodes: _Nodes) -> tuple[float, Floats]:
        sd = float(np.exp(theta[k]))
        values, slope, chance = _value(data, theta[:k], sd, nodes)
        weighted = slope * chance[data.person]
        gradient = np.append(x.T @ weighted.sum(axis=1), sd * (weighted * nodes.at[data.person]).sum())
        return -float(values.sum()), -gradient

    best = None
    for log_sd in (-0.7, -3.0):
        theta, value = np.append(start, log_sd), np.inf
        for _ in range(ROUNDS):
            nodes = _nodes(data, theta[:k], float(np.exp(theta[k])))
            bounds = [(-40.0, 40.0)] * k + [(_LOW, _HIGH)]
            found = minimize(
                down, theta, args=(nodes,), jac=True, method="L-BFGS-B", bounds=bounds,
                options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8},
            )  # fmt: skip
            theta = found.x
            if abs(value - found.fun) < 1e-8 * (1 + abs(found.fun)):
                break
            value = found.fun
        if best is None or found.fun < best[0] - 1e-9:
            best = (float(found.fun), theta, nodes)
    assert best is not None
    value, theta, nodes = best
    if not np.isfinite(value) or np.abs(theta[:k]).max(initial=0.0) > 39:
        raise FitError(
            "event history: the regression with frailty cannot be fitted (a covariate separates adopters from the "
            "rest). Leave it out, or use fewer period effects."
        )
    free = k + (theta[k] > _LOW + 1e-6)
    information = np.empty((free, free))
    for j in range(free):
        h = np.zeros(k + 1)
        h[j] = 1e-5
        information[j] = (down(theta + h, nodes)[1] - down(theta - h, nodes)[1])[:free] / 2e-5
    cov = np.full((k + 1, k + 1), np.nan)
    cov[:free, :free] = np.linalg.pinv((information + information.T) / 2)
    gradient = down(theta, nodes)[1][:free]
    return Frail(theta[:k], float(theta[k]), cov, -value, bool(np.abs(gradient).max() < 1e-2))
