"""Least squares, logit and Poisson fits over cells, with Firth's penalty where a regressor separates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peernet._check import quoted
from peernet.errors import FitError

__all__ = ["CellFit", "fit_cells", "glm_batch", "separation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellFit:
    """Coefficients with what variances are built from.

    ``bread`` is the inverse of X'WX (W = 1 in the linear model), ``residual`` is y - mu, ``working`` W; ``infinite``
    is the direction in which plain estimates run to infinity because terms separate (0 for the others; None: nowhere).
    """

    beta: Floats
    bread: Floats
    residual: Floats
    working: Floats
    log_likelihood: float
    deviance: float
    null_deviance: float
    firth: bool
    x: Floats
    infinite: Floats | None = None


def fit_cells(
    x: Floats, y: Floats, model: str, *, firth: bool = False, names: tuple[str, ...] = ()
) -> CellFit:
    """Fit y on x, shape (N, K); Firth's penalty comes in by itself where the maximum does not exist.

    Raises
    ------
    FitError
        If the iterations do not settle.
    """
    if model == "linear":
        return _least_squares(x, y)
    poisson = model == "poisson"
    direction: Floats | None = None
    if not firth:
        beta, bread, ok, last = _reweighted(x, y, poisson)
        suspicious = not ok or np.abs(x @ beta).max() > 12
        direction = separation(x, y, poisson) if suspicious else None
        firth = direction is not None
        if not ok and not firth:
            beta, bread, ok = _newton(x, y, poisson, False, _start(x, y, poisson))
            last = _mean(x @ beta, poisson)[1]
        elif ok and not firth:
            beta = _newton(x, y, poisson, False, beta)[0]
    if firth:
        beta, bread, ok = _newton(x, y, poisson, True, _start(x, y, poisson))
    if not ok:
        raise FitError(
            f"the {model} model with {quoted(names)} did not converge in 200 steps. Rescale very large covariates or "
            "drop terms that hardly vary."
        )
    mu, working = _mean(x @ beta, poisson)
    log_likelihood, deviance = _deviance(y, x @ beta, mu, poisson)
    _, null_deviance = _deviance(y, *_flat(y, poisson), poisson)
    residual = y - mu
    if not firth:
        residual, working = residual * last / np.maximum(working, 1e-300), last
    if firth:
        leverage = working * np.einsum("ij,jk,ik->i", x, bread, x, optimize=True)
        residual = residual + leverage * (0.5 if poisson else 0.5 - mu)
    return CellFit(
        beta, bread, residual, working, log_likelihood, deviance, null_deviance, firth, x, direction
    )


def _reweighted(x: Floats, y: Floats, poisson: bool) -> tuple[Floats, Floats, bool, Floats]:
    """Iterate as R's glm does, whose standard errors and scores take the weights before the last step.

    It stops when the deviance changes by less than 1e-8 of itself; a nearly separated term's standard error differs
    from that at the very maximum in the fifth digit.
    """
    mu = y + 0.1 if poisson else (y + 0.5) / 2
    eta = np.log(mu) if poisson else np.log(mu / (1 - mu))
    before = _deviance(y, eta, mu, poisson)[1]
    beta: Floats = np.zeros(x.shape[1])
    bread: Floats = np.full((x.shape[1],) * 2, np.nan)
    w = mu
    for _ in range(25):
        w = mu if poisson else mu * (1 - mu)
        root = np.sqrt(w)
        try:
            with np.errstate(all="ignore"):
                q, r = np.linalg.qr(x * root[:, None])
                inverse: Floats = _inverse(r)
                beta = inverse @ (q.T @ (root * (eta + (y - mu) / w)))
        except np.linalg.LinAlgError:
            return beta, bread, False, w
        if not np.isfinite(beta).all() or np.abs(x @ beta).max() > 500:
            return beta, bread, False, w
        bread = np.dot(inverse, inverse.T)
        eta = x @ beta
        mu, _ = _mean(eta, poisson)
        deviance = _deviance(y, eta, mu, poisson)[1]
        if abs(deviance - before) / (abs(deviance) + 0.1) < 1e-8:
            return beta, bread, True, w
        before = deviance
    return beta, bread, False, w


def _least_squares(x: Floats, y: Floats) -> CellFit:
    """Ordinary least squares by QR."""
    q, r = np.linalg.qr(x)
    inverse = np.linalg.inv(r)
    beta = inverse @ (q.T @ y)
    residual = y - x @ beta
    n, sse = len(y), float(residual @ residual)
    log_likelihood = -n / 2 * (np.log(2 * np.pi * sse / n) + 1) if sse > 0 else float("inf")
    total = float(((y - y.mean()) ** 2).sum())
    bread = inverse @ inverse.T
    return CellFit(beta, bread, residual, np.ones(n), float(log_likelihood), sse, total, False, x)


def _mean(eta: Floats, poisson: bool) -> tuple[Floats, Floats]:
    """Return the mean and the weight of each cell."""
    if poisson:
        mu = np.exp(np.minimum(eta, 300.0))
        return mu, mu
    mu = 1.0 / (1.0 + np.exp(-np.clip(eta, -700, 700)))
    return mu, mu * (1.0 - mu)


def _flat(y: Floats, poisson: bool) -> tuple[Floats, Floats]:
    """Return linear predictor and mean of the model with a constant only."""
    mean = np.full(len(y), y.mean())
    return (np.log(mean) if poisson else np.log(mean / (1 - mean))), mean


def _deviance(y: Floats, eta: Floats, mu: Floats, poisson: bool) -> tuple[float, float]:
    """Return log-likelihood and deviance."""
    from scipy.special import gammaln, xlogy

    if poisson:
        log_likelihood = float((y * eta - mu - gammaln(y + 1)).sum())
        return log_likelihood, float(2 * (xlogy(y, y) - y * eta - (y - mu)).sum())
    log_likelihood = float((y * eta - np.logaddexp(0.0, eta)).sum())
    return log_likelihood, -2.0 * log_likelihood


def _start(x: Floats, y: Floats, poisson: bool) -> Floats:
    """Start from the constant model where x has a constant column in front, else from zero."""
    beta = np.zeros(x.shape[1])
    if x.shape[1] and np.all(x[:, 0] == 1.0):
        m = float(np.clip(y.mean(), 1e-6, None if poisson else 1 - 1e-6))
        beta[0] = np.log(m) if poisson else np.log(m / (1 - m))
    return beta


def _inverse(a: Floats) -> Floats:
    """Invert a matrix."""
    return np.asarray(np.linalg.inv(a), dtype=np.float64)


def _newton(x: Floats, y: Floats, poisson: bool, firth: bool, beta: Floats) -> tuple[Floats, Floats, bool]:
    """Maximise the (penalised) likelihood; say whether it settled."""
    bread: Floats = np.full((x.shape[1],) * 2, np.nan)
    for _ in range(200 if firth else 40):
        mu, w = _mean(x @ beta, poisson)
        try:
            bread = _inverse((x * w[:, None]).T @ x)
        except np.linalg.LinAlgError:
            return beta, bread, False
        u = y - mu
        if firth:
            leverage = w * np.einsum("ij,jk,ik->i", x, bread, x, optimize=True)
            u = u + leverage * (0.5 if poisson else 0.5 - mu)
        score = x.T @ u
        step = bread @ score
        if not np.isfinite(step).all():
            return beta, bread, False
        beta = beta + step * min(1.0, 4.0 / max(float(np.abs(x @ step).max()), 1e-300))
        if float(step @ score) < 1e-22 * len(y) or float(np.abs(x @ step).max()) < 1e-11:
            mu, w = _mean(x @ beta, poisson)
            return beta, _inverse((x * w[:, None]).T @ x), True
    return beta, bread, False


def separation(x: Floats, y: Floats, poisson: bool) -> Floats | None:
    """Return a direction b of coefficients that predicts cells perfectly, or None where a maximum exists.

    Linear programme of Konis: maximise the sum of s x'b subject to s x'b >= 0, |b| <= 1. Every cell
    that such a direction tells apart adds to the sum.
    """
    from scipy.optimize import linprog

    scale = np.abs(x).max(axis=0)
    z = x / np.where(scale > 0, scale, 1.0)
    if poisson:
        positive = np.unique(z[y > 0], axis=0)
        below = np.unique(z[y == 0], axis=0)
        found: Any = linprog(
            below.sum(axis=0),
            A_ub=below if len(below) else None,
            b_ub=np.zeros(len(below)) if len(below) else None,
            A_eq=positive,
            b_eq=np.zeros(len(positive)),
            bounds=(-1, 1),
        )
    else:
        signed = np.unique(z * (2 * y - 1)[:, None], axis=0)
        found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    if found.status != 0 or found.fun > -1e-7:
        return None
    way: Floats = np.where(np.abs(found.x) > 1e-7, found.x, 0.0) / np.where(scale > 0, scale, 1.0)
    return way


def glm_batch(
    perms: NDArray[np.intp],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    x: Floats,
    y: Floats,
    moved: Floats,
    which: int,
    start: Floats,
    poisson: bool,
    firth: bool,
    tolerance: float,
    out: Floats,
) -> None:
    """Do what the compiled ``glm_draws`` does, all draws of a block at once: for small networks, without start-up."""
    values = moved[perms[:, rows], perms[:, columns]]
    valid = np.isfinite(values).astype(np.float64)
    values = np.where(valid > 0, values, 0.0)
    k, (size, n) = len(x), values.shape
    full = np.broadcast_to(x, (size, k, n)).copy()
    response = np.broadcast_to(y, (size, n))
    if which >= 0:
        full[:, which] = values
    else:
        response = values
    beta = np.broadcast_to(start, (size, k)).copy()
    open_, bread = np.ones(size, dtype=bool), np.full((size, k, k), np.nan)
    out[:] = np.nan
    for _ in range(60):
        at = np.flatnonzero(open_)
        if not len(at):
            return
        z, ok = full[at], valid[at]
        mu, w = _mean(np.einsum("rkn,rk->rn", z, beta[at]), poisson)
        w = w * ok
        info = (z * w[:, None]) @ z.transpose(0, 2, 1)
        good = np.isfinite(info).all(axis=(1, 2)) & (
            np.linalg.cond(np.where(np.isfinite(info), info, 0)) < 1e14
        )
        open_[at[~good]] = False
        at, z, ok, mu, w, info = at[good], z[good], ok[good], mu[good], w[good], info[good]
        bread[at] = np.linalg.inv(info)
        u = ok * (response[at] - mu)
        if firth:
            leverage = w * ((bread[at] @ z) * z).sum(axis=1)
            u = u + leverage * (0.5 if poisson else 0.5 - mu)
        score = np.einsum("rkn,rn->rk", z, u)
        step = np.einsum("rkl,rl->rk", bread[at], score)
        size_of = np.abs(step * np.sqrt(np.diagonal(info, axis1=1, axis2=2) / ok.sum(axis=1)[:, None])).max(
            axis=1
        )
        beta[at] += step * np.minimum(1.0, 2.0 / np.maximum(size_of, 1e-300))[:, None]
        done = at[(step * score).sum(axis=1) < tolerance]
        out[done] = beta[done] / np.sqrt(np.diagonal(bread[done], axis1=1, axis2=2))
        open_[done] = False
