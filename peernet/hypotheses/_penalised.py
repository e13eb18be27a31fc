r"""Inference for terms that separate: profiles of Firth's penalised likelihood, scaled for pairs that share people.

Under separation a term's residuals are all but 0 at the estimate, and so is any sandwich built from them; the
likelihood itself is not quadratic. What still holds is the drop of the penalised likelihood
:math:`l^*(\beta) = l(\beta) + \tfrac12 \log|I(\beta)|` (Heinze and Schemper 2002).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from peernet.hypotheses._glm import CellFit, _deviance, _mean

__all__ = ["penalised_test", "profile_interval"]

Floats = NDArray[np.float64]


def _penalised(x: Floats, y: Floats, beta: Floats, poisson: bool) -> float:
    """Return the penalised log-likelihood; minus infinity where the information is singular."""
    eta = x @ beta
    mu, w = _mean(eta, poisson)
    sign, log_det = np.linalg.slogdet((x * w[:, None]).T @ x)
    return _deviance(y, eta, mu, poisson)[0] + 0.5 * float(log_det) if sign > 0 else -np.inf


def _restricted(
    x: Floats, y: Floats, term: int, value: float, start: Floats, poisson: bool
) -> tuple[Floats, float]:
    """Maximise the penalised likelihood with one coefficient held; return coefficients and value.

    Newton's steps with the information of the others; a step that would lower the value is halved.
    """
    others = [k for k in range(x.shape[1]) if k != term]
    beta = start.copy()
    beta[term] = value
    best = _penalised(x, y, beta, poisson)
    for _ in range(100):
        mu, w = _mean(x @ beta, poisson)
        bread = np.linalg.pinv((x * w[:, None]).T @ x)
        leverage = w * np.einsum("ij,jk,ik->i", x, bread, x, optimize=True)
        u = y - mu + leverage * (0.5 if poisson else 0.5 - mu)
        z = x[:, others]
        score = z.T @ u
        step = np.linalg.lstsq((z * w[:, None]).T @ z, score, rcond=None)[0] if others else np.zeros(0)
        size = 1.0
        while size > 1e-6:
            new = beta.copy()
            new[others] += size * step
            reached = _penalised(x, y, new, poisson)
            if reached >= best - 1e-12 * abs(best):
                break
            size /= 2
        else:
            return beta, best
        beta, best = new, reached
        if float(step @ score) < 1e-14:
            break
    return beta, best


def penalised_test(
    fit: CellFit, y: Floats, term: int, poisson: bool, related: Callable[[Floats], Floats]
) -> tuple[float, float]:
    r"""Return the scaled penalised likelihood-ratio statistic of one coefficient being 0, and its scale.

    With :math:`s_d` the term's efficient score per unit of residual at the fit without it, the scale

    .. math:: \lambda = \max\Bigl(1, 1 + \sum_k \rho_k \sum_{(d, d')} s_d s_{d'} / \sum_d s_d^2\Bigr)

    compares the variance of the term's score with that for independent pairs (Rotnitzky and Jewell 1990); (d, d') runs
    over related cells of kind k, and :math:`\rho_k \ge 0` is the correlation of standardised residuals over such
    pairs of those cells that nothing separates, since the others have no residuals left. NaN where every cell is told
    apart, so that nothing says how cells go together.

    ``related`` returns the sums over the kinds for one value a cell.
    """
    assert fit.infinite is not None
    free = (np.abs(fit.x @ fit.infinite) < 1e-9).astype(np.float64)
    beta, below = _restricted(fit.x, y, term, 0.0, fit.beta, poisson)
    top = _penalised(fit.x, y, fit.beta, poisson)
    _, w = _mean(fit.x @ beta, poisson)
    root = np.sqrt(w)
    others = np.delete(fit.x, term, axis=1) * root[:, None]
    s = fit.x[:, term] * root
    s = s - others @ np.linalg.lstsq(others, s, rcond=None)[0]
    between = related(s)
    scale = 1.0
    if len(between):
        mu, at = _mean(fit.x @ fit.beta, poisson)
        r = free * (y - mu) / np.sqrt(np.maximum(at, 1e-300))
        pairs = related(free)
        if not (pairs > 0).all():
            return float("nan"), float("nan")
        rho = np.maximum(related(r) / pairs * free.sum() / float(r @ r), 0.0)
        scale = max(1.0, 1.0 + float(rho @ between) / float(s @ s))
    return max(0.0, 2 * (top - below)) / scale, scale


def profile_interval(fit: CellFit, y: Floats, term: int, poisson: bool, drop: float) -> tuple[float, float]:
    """Return where the profile of the penalised likelihood is ``drop`` below its top, on both sides; inf: nowhere."""
    from scipy.optimize import brentq

    top = _penalised(fit.x, y, fit.beta, poisson)
    ends = []
    for side in (-1.0, 1.0):
        near, start, step = float(fit.beta[term]), fit.beta, 0.5
        last = [start]

        def excess(value: float, last: list[Floats] = last) -> float:
            at, reached = _restricted(fit.x, y, term, value, last[0], poisson)
            last[0] = at
            return top - reached - drop

        far = near + side * step
        while (short := excess(far) < 0) and step < 200:
            near, step = far, 1.6 * step
            far = near + side * step
        ends.append(side * np.inf if short else float(brentq(excess, near, far, xtol=1e-6)))
    return ends[0], ends[1]
