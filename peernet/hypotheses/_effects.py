"""Fixed effects of teachers and learners, taken out of cells instead of estimated one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from peernet.errors import FitError
from peernet.hypotheses._glm import CellFit

__all__ = ["absorb", "poisson_effects", "varying"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def absorb(values: Floats, weight: Floats, sides: tuple[Rows, ...]) -> Floats:
    """Return columns, shape (N, K), less their weighted mean at each teacher and (or) learner, by turns.

    Raises
    ------
    FitError
        If the turns do not settle.
    """
    out = values.copy()
    totals = [np.bincount(side, weight) for side in sides]
    scale = np.maximum(np.sqrt((values**2).mean(axis=0)), 1e-300)
    for _ in range(20_000):
        moved = 0.0
        for side, total in zip(sides, totals, strict=True):
            for k in range(out.shape[1]):
                mean = np.bincount(side, weight * out[:, k], len(total))
                mean = np.divide(mean, total, out=np.zeros_like(mean), where=total > 0)
                out[:, k] -= mean[side]
                moved = max(moved, float(np.abs(mean).max() / scale[k]))
        if moved < 1e-13 or len(sides) == 1:
            return out
    raise FitError(
        "fixed effects of teachers and learners did not settle; use fixed_effects='teacher' or 'learner'."
    )


def varying(y: Floats, sides: tuple[Rows, ...]) -> NDArray[np.bool_]:
    """Mark cells whose teacher and learner have some response above 0, until nothing more drops out."""
    keep = np.ones(len(y), dtype=bool)
    while True:
        before = keep.sum()
        for side in sides:
            keep &= (np.bincount(side[keep], y[keep], side.max() + 1) > 0)[side]
        if keep.sum() == before:
            return keep


def poisson_effects(x: Floats, y: Floats, sides: tuple[Rows, ...]) -> CellFit:
    """Fit a Poisson model with fixed effects by reweighted least squares on absorbed columns.

    Raises
    ------
    FitError
        If the iterations do not settle.
    """
    mu = (y + y.mean()) / 2
    eta, before = np.log(mu), np.inf
    for _ in range(200):
        z = eta + (y - mu) / mu
        parts = absorb(np.column_stack([z, x]), mu, sides)
        left, right = parts[:, 1:], parts[:, 0]
        bread = np.linalg.inv((left * mu[:, None]).T @ left)
        beta = bread @ (left.T @ (mu * right))
        eta = z - (right - left @ beta)
        mu = np.exp(np.minimum(eta, 300.0))
        from scipy.special import gammaln, xlogy

        deviance = float(2 * (xlogy(y, y) - xlogy(y, mu) - (y - mu)).sum())
        if abs(deviance - before) < 1e-12 * (abs(deviance) + 0.1):
            if (np.abs(beta) * np.ptp(x, axis=0) > 10).any():
                raise FitError(
                    "Poisson with fixed effects: some term predicts exactly where there are no ties once every person "
                    "has a constant, so its estimate is infinite. Drop the term or the fixed effects."
                )
            log_likelihood = float((xlogy(y, mu) - mu - gammaln(y + 1)).sum())
            left = absorb(x, mu, sides)
            bread = np.linalg.inv((left * mu[:, None]).T @ left)
            flat = float(2 * (xlogy(y, y) - y * np.log(y.mean())).sum())
            return CellFit(beta, bread, y - mu, mu, log_likelihood, deviance, flat, False, left)
        before = deviance
    raise FitError("the Poisson model with fixed effects did not converge. Drop terms that hardly vary.")
