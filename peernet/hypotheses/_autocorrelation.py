"""Estimators of the network autocorrelation model and what is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.errors import DataError, FitError
from peernet.hypotheses._formula import INTERCEPT
from peernet.hypotheses._peer_data import NO_PEERS, Data, full_rank, prepare

__all__ = ["NO_PEERS", "Data", "Fit", "impacts", "instruments", "lagged", "maximum_likelihood",
           "normal_log_likelihood", "prepare", "two_stage"]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """Estimates, rho last; ``profile``: values of rho and log |det(I - rho W)| at them (maximum likelihood)."""

    beta: Floats
    vcov: Floats
    sigma: float
    residual: Floats
    log_likelihood: float
    lag: Floats
    names: tuple[str, ...]
    checks: dict[str, Any] = field(default_factory=dict)
    profile: tuple[Floats, Floats] | None = None

    @property
    def df(self) -> float:
        """People less terms, rho among them."""
        return float(len(self.residual) - len(self.beta))


def normal_log_likelihood(y: Floats) -> float:
    """Log-likelihood of a mean and a spread alone."""
    return float(-len(y) / 2 * (np.log(2 * np.pi * y.var()) + 1))


class _LogDet:
    """log |det(I - rho W)|: by eigenvalues, once, or by sparse factors in large networks."""

    def __init__(self, w: Floats) -> None:
        self.w = w
        self.values: NDArray[np.complex128] | None = None
        if len(w) <= 1500:
            self.values = np.linalg.eigvals(w).astype(np.complex128)

    def bounds(self) -> tuple[float, float]:
        """Return the interval around 0 in which I - rho W is invertible."""
        top = float(np.abs(self.w).sum(axis=1).max())
        if self.values is None:
            return -1 / top, 1 / top
        real = self.values.real[np.abs(self.values.imag) < 1e-9]
        high = 1 / real.max() if real.max(initial=0.0) > 1e-9 else 10 / top
        low = 1 / real.min() if real.min(initial=0.0) < -1e-9 else -10 / top
        return float(low), float(high)

    def __call__(self, rho: float) -> float:
        """Return the log determinant."""
        if self.values is not None:
            return float(np.log(np.abs(1 - rho * self.values)).sum())
        from scipy.sparse import csc_array, eye_array
        from scipy.sparse.linalg import splu

        factors = splu(csc_array(eye_array(len(self.w)) - rho * csc_array(self.w)))
        return float(np.log(np.abs(factors.U.diagonal())).sum())


def maximum_likelihood(data: Data) -> Fit:
    """Maximise the profile likelihood over rho; errors from the observed information of (beta, rho, sigma squared).

    Raises
    ------
    FitError
        If the information at the maximum is not positive definite.
    """
    from scipy.optimize import minimize_scalar

    y, x, w = data.y, data.x, data.w
    n, wy = len(y), data.wy
    project = np.linalg.pinv(x)
    e0, e1 = y - x @ (project @ y), wy - x @ (project @ wy)
    log_det = _LogDet(w)
    low, high = log_det.bounds()

    def negative(rho: float, determinant: float | None = None) -> float:
        rss = float(((e0 - rho * e1) ** 2).sum())
        return float(n / 2 * np.log(rss / n) - (log_det(rho) if determinant is None else determinant))

    inside = low + (high - low) * (np.arange(1, 400 if n <= 1500 else 20) / (400 if n <= 1500 else 20))
    dets = np.array([log_det(r) for r in inside])
    at = int(np.argmin([negative(r, d) for r, d in zip(inside, dets, strict=True)]))
    step = inside[1] - inside[0]
    # Bounded search stops at 1e-10 of its bracket, well inside the 1e-4 that sna's optimiser reaches.
    found = minimize_scalar(
        negative, bounds=(inside[at] - step, inside[at] + step), method="bounded", options={"xatol": 1e-12}
    )
    rho = float(found.x)
    beta = project @ (y - rho * wy)
    residual = y - rho * wy - x @ beta
    variance = float(residual @ residual) / n
    g = w @ np.linalg.inv(np.eye(n) - rho * w)
    k = x.shape[1]
    info = np.zeros((k + 2, k + 2))
    info[:k, :k] = x.T @ x / variance
    info[:k, k] = info[k, :k] = x.T @ wy / variance
    info[k, k] = float((g * g.T).sum()) + float(wy @ wy) / variance
    info[k, k + 1] = info[k + 1, k] = float(residual @ wy) / variance**2
    info[k + 1, k + 1] = n / (2 * variance**2)
    vcov = np.linalg.inv(info)[: k + 1, : k + 1]
    if not (np.diagonal(vcov) > 0).all():
        raise FitError(
            "peer effects: the likelihood is flat at its maximum. Drop terms or use method='2sls'."
        )
    log_likelihood = -float(negative(rho)) - n / 2 * (1 + np.log(2 * np.pi))
    checks = {"rho_bounds": (low, high), "independent": _independent(w)}
    profile = (inside, dets)
    return Fit(
        np.append(beta, rho),
        vcov,
        float(np.sqrt(variance)),
        residual,
        log_likelihood,
        wy,
        data.names,
        checks,
        profile,
    )


def _independent(w: Floats) -> bool:
    """Say whether I, W and W squared are linearly independent."""
    parts = [np.eye(len(w)), w, w @ w]
    gram = np.array([[float((a * b).sum()) for a in parts] for b in parts])
    scale = np.sqrt(np.diagonal(gram))
    unit = gram / np.maximum(np.outer(scale, scale), 1e-300)
    return bool(np.linalg.eigvalsh(unit).min() > 1e-9)


def instruments(data: Data) -> Floats:
    """Return what peers and their peers are like (WX, W squared X; W cubed X beside contextual terms), beyond X.

    Raises
    ------
    DataError
        Where no characteristic of peers can serve as an instrument.
    """
    x, w = data.x, data.w
    varies = np.ptp(x, axis=0) > 0
    if not any(v and n != NO_PEERS for v, n in zip(varies, data.names, strict=True)):
        varies[:] = False
    # The indicator of no peers makes the instruments, too, free of where the scales of the terms begin.
    varying = x[:, varies]
    powers = [w @ varying, w @ (w @ varying), w @ (w @ (w @ varying))]
    contextual = any(name.startswith("peers(") for name in data.names)
    extra = full_rank(x, np.column_stack(powers if contextual else powers[:2]))
    if not extra.shape[1]:
        raise DataError(
            "2sls: no term gives an instrument beyond the regressors themselves. Add a covariate of people, or use ml."
        )
    return extra


def two_stage(data: Data) -> Fit:
    """Instrument the peers' outcome by peers' and their peers' characteristics; HC1 errors.

    Raises
    ------
    DataError
        Where no characteristic of peers can serve as an instrument.
    """
    from scipy import stats

    y, x, w, wy = data.y, data.x, data.w, data.wy
    n, extra = len(y), instruments(data)
    q = np.column_stack([x, extra])
    z = np.column_stack([x, wy])
    fitted = q @ np.linalg.lstsq(q, z, rcond=None)[0]
    inverse = np.linalg.inv(fitted.T @ z)
    beta = inverse @ (fitted.T @ y)
    residual = y - z @ beta
    k = z.shape[1]
    scores = fitted * residual[:, None]
    vcov = inverse @ (scores.T @ scores) @ inverse.T * n / (n - k)
    small = ((wy - x @ np.linalg.lstsq(x, wy, rcond=None)[0]) ** 2).sum()
    large = ((wy - q @ np.linalg.lstsq(q, wy, rcond=None)[0]) ** 2).sum()
    m = extra.shape[1]
    f = (small - large) / m / (large / max(n - q.shape[1], 1)) if n > q.shape[1] else float("nan")
    projected = q @ np.linalg.lstsq(q, residual, rcond=None)[0]
    over = float(projected @ projected / (residual @ residual) * n)
    checks = {
        "independent": _independent(w),
        "first_stage_f": float(f),
        "instruments": m,
        "overidentification_p": float(stats.chi2.sf(over, m - 1)) if m > 1 else float("nan"),
    }
    sigma = float(np.sqrt(residual @ residual / (n - k)))
    return Fit(beta, vcov, sigma, residual, float("nan"), wy, data.names, checks)


def lagged(data: Data) -> Fit:
    """Regress on the peers' earlier outcome; HC3 errors, since those popular as peers weigh much.

    Raises
    ------
    DataError
        Where the peers' earlier outcome follows from the other terms.
    """
    assert data.peers_before is not None
    lag = data.peers_before
    z = np.column_stack([data.x, lag])
    n, k = z.shape
    if np.linalg.matrix_rank(z) < k:
        raise DataError("lagged: the peers' earlier outcome follows from the other terms. Drop one of them.")
    bread = np.linalg.inv(z.T @ z)
    beta = bread @ (z.T @ data.y)
    residual = data.y - z @ beta
    leverage = ((z @ bread) * z).sum(axis=1)
    scores = z * (residual / np.maximum(1 - leverage, 1e-9))[:, None]
    vcov = bread @ (scores.T @ scores) @ bread
    rss = float(residual @ residual)
    log_likelihood = float(-n / 2 * (np.log(2 * np.pi * rss / n) + 1))
    return Fit(beta, vcov, float(np.sqrt(rss / (n - k))), residual, log_likelihood, lag, data.names, {})


def impacts(data: Data, fit: Fit, level: float, df: float) -> pd.DataFrame:
    """Return direct, indirect and total effects with delta-method errors and intervals by t.

    A term x with peers' term gamma has the effects S (beta I + gamma W), S = (I - rho W)^-1.
    """
    from scipy import stats

    n, w, rho = len(data.y), data.w, float(fit.beta[-1])
    s = np.linalg.inv(np.eye(n) - rho * w)
    slope = s @ w @ s
    rows = []
    for at, name in enumerate(fit.names):
        if name in (INTERCEPT, NO_PEERS) or name.startswith("peers("):
            continue
        other = fit.names.index(f"peers({name})") if f"peers({name})" in fit.names else None
        own = [float(np.trace(s)) / n, float(s.sum()) / n]
        by_rho = [np.trace(slope) / n * fit.beta[at], slope.sum() / n * fit.beta[at]]
        through = [float(np.trace(s @ w)) / n, float((s @ w).sum()) / n]
        gamma = 0.0 if other is None else float(fit.beta[other])
        by_rho = [
            b + gamma * t
            for b, t in zip(by_rho, (np.trace(slope @ w) / n, (slope @ w).sum() / n), strict=True)
        ]
        values: list[float] = []
        gradients: list[Floats] = []
        for part in (0, 1):
            gradient = np.zeros(len(fit.beta))
            gradient[at], gradient[-1] = own[part], by_rho[part]
            if other is not None:
                gradient[other] = through[part]
            gradients.append(gradient)
            values.append(own[part] * float(fit.beta[at]) + through[part] * gamma)
        gradients.append(gradients[1] - gradients[0])
        direct, total, indirect = (float(np.sqrt(np.maximum(g @ fit.vcov @ g, 0.0))) for g in gradients)
        rows.append((name, values[0], values[1] - values[0], values[1], direct, indirect, total))
    heads = [
        "term",
        "direct",
        "indirect",
        "total",
        "direct_std_error",
        "indirect_std_error",
        "total_std_error",
    ]
    out = pd.DataFrame(rows, columns=heads)
    half = float(stats.t.ppf((1 + level) / 2, df))
    for name in ("direct", "indirect", "total"):
        out[f"{name}_low"] = out[name] - half * out[f"{name}_std_error"]
        out[f"{name}_high"] = out[name] + half * out[f"{name}_std_error"]
    return out
