"""Moran's I of the residuals of a fitted model, against residuals of the same model fitted again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from peernet._parallel import run_blocks
from peernet.hypotheses._autocorrelation import Data, Fit, instruments
from peernet.results import HypothesisTest

__all__ = ["morans_i", "refit_least_squares", "refit_maximum_likelihood", "refit_two_stage", "residual_moran"]

Floats = NDArray[np.float64]
# Takes errors, shape (N, draws), and returns the residuals of the model fitted to outcomes with these errors.
Refit = Callable[[Floats], Floats]


def morans_i(w: Floats, residual: Floats) -> Floats:
    """Return n e'We / (S0 e'e) for each column of residuals; S0 = sum of W."""
    out: Floats = (residual * (w @ residual)).sum(axis=0) * (len(w) / w.sum()) / (residual**2).sum(axis=0)
    return out


def _outside(x: Floats) -> Refit:
    """Return what takes out of columns all that X explains."""
    base = np.linalg.qr(x)[0]

    def rest(columns: Floats) -> Floats:
        out: Floats = columns - base @ (base.T @ columns)
        return out

    return rest


def refit_least_squares(z: Floats) -> Refit:
    """Residuals of least squares on Z do not depend on the coefficients: M e, M = I - Z (Z'Z)^-1 Z'."""
    return _outside(z)


def _lag_model(data: Data, fit: Fit, choose: Callable[[Floats, Floats], Floats]) -> Refit:
    """Return residuals M (y - rho W y) of outcomes y = (I - rho W)^-1 (X beta + e), ``choose`` giving rho anew."""
    rest, w, rho = _outside(data.x), data.w, float(fit.beta[-1])
    # A product a draw, not a solve: triangular solves of several threads at once got in each other's way.
    spread, mean = np.linalg.inv(np.eye(len(w)) - rho * w), data.x @ fit.beta[:-1]

    def refit(errors: Floats) -> Floats:
        y = spread @ (mean[:, None] + errors)
        e0, e1 = rest(y), rest(w @ y)
        out: Floats = e0 - choose(e0, e1) * e1
        return out

    return refit


def refit_two_stage(data: Data, fit: Fit) -> Refit:
    """With U spanning the instruments beyond X: rho = (U'MWy)'(U'My) / |U'MWy|^2."""
    base = np.linalg.qr(_outside(data.x)(instruments(data)))[0]

    def choose(e0: Floats, e1: Floats) -> Floats:
        a, b = base.T @ e0, base.T @ e1
        out: Floats = (a * b).sum(axis=0) / (b**2).sum(axis=0)
        return out

    return _lag_model(data, fit, choose)


def refit_maximum_likelihood(data: Data, fit: Fit) -> Refit:
    """Maximise the profile likelihood of every draw on one grid of rho, then the top of the parabola there."""
    from scipy.interpolate import CubicSpline

    assert fit.profile is not None
    rhos, log_dets = fit.profile
    grid = np.linspace(rhos[0], rhos[-1], max(len(rhos), 400))
    determinant, half, step = CubicSpline(rhos, log_dets)(grid), len(data.y) / 2, grid[1] - grid[0]

    def choose(e0: Floats, e1: Floats) -> Floats:
        a, b, c = (e0**2).sum(axis=0), (e0 * e1).sum(axis=0), (e1**2).sum(axis=0)
        rss = a[:, None] - 2 * b[:, None] * grid + c[:, None] * grid**2
        loss = half * np.log(rss) - determinant
        at = np.clip(loss.argmin(axis=1), 1, len(grid) - 2)
        left, mid, right = (np.take_along_axis(loss, (at + s)[:, None], axis=1)[:, 0] for s in (-1, 0, 1))
        bend = np.maximum(left - 2 * mid + right, 1e-300)
        out: Floats = grid[at] + step * np.clip((left - right) / (2 * bend), -1.0, 1.0)
        return out

    return _lag_model(data, fit, choose)


def residual_moran(
    w: Floats,
    residual: Floats,
    refit: Refit,
    n_terms: int,
    *,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int = 1,
    progress: bool = False,
) -> HypothesisTest:
    r"""Hold Moran's I of residuals against residuals that were fitted as well.

    Residuals are not errors: fitting K terms, rho above all, takes resemblance out of them, so that I of the data is
    to be held against I of residuals from the same fit. Each draw swaps the residuals, times
    :math:`\sqrt{N/(N-K)}`, between people, makes outcomes of them by the fitted model, fits that model again, and
    takes I of the new residuals.
    """
    n = len(residual)
    errors = residual * np.sqrt(n / (n - n_terms))

    def draw(size: int, stream: np.random.Generator) -> Floats:
        moved = stream.permuted(np.tile(errors, (size, 1)), axis=1)
        return morans_i(w, refit(moved.T))

    null = run_blocks(draw, n_draws, rng=rng, n_jobs=n_jobs, progress=progress, desc="residuals")
    return HypothesisTest(
        name="Moran's I of the residuals",
        observed=float(morans_i(w, residual[:, None])[0]),
        null=np.concatenate(null),
        null_model="people swap residuals, and the model is fitted again",
        estimand="resemblance of peers that the model leaves over",
        would_count_against="a value inside the range of such residuals",
        assumptions=("errors are exchangeable between people",),
    )
