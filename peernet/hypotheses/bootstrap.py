"""Bootstrap intervals of a mean: people, sampled clusters, Rao-Wu for strata and finite populations; BCa."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.hypotheses._guards import warn_few
from peernet.hypotheses.survey import Design, Population, _numbers, make_design
from peernet.results import Estimate, provenance

__all__ = ["bootstrap_mean"]

Kind = Literal["people", "clusters", "rao-wu"]
Interval = Literal["percentile", "bca"]
_BLOCK = 256


def _multiplicities(design: Design, kind: Kind, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw weight factors of the primary units, shape (size, n_psu)."""
    n_psu = len(design.psu_stratum)
    out = np.empty((size, n_psu))
    for h in range(len(design.n_h)):
        members = np.flatnonzero(design.psu_stratum == h)
        n = len(members)
        if kind != "rao-wu" or n == 1:
            out[:, members] = rng.multinomial(n, np.full(n, 1 / n), size) if n > 1 else 1.0
            continue
        drawn = rng.multinomial(n - 1, np.full(n, 1 / n), size)
        scale = np.sqrt(max(1 - n / design.size_h[h], 0.0))
        out[:, members] = 1 - scale + scale * n / (n - 1) * drawn
    return out


def _acceleration(y: NDArray[np.float64], design: Design, value: float) -> float:
    """Return the acceleration from the influence of the primary units inside strata."""
    total = np.bincount(design.psu, design.weight * (y - value), len(design.psu_stratum))
    mean = np.bincount(design.psu_stratum, total, len(design.n_h)) / design.n_h
    free = np.sqrt(np.maximum(1 - design.n_h / design.size_h, 0.0))
    z = (total - mean[design.psu_stratum]) * free[design.psu_stratum]
    spread = float(np.sum(z**2))
    return float(np.sum(z**3) / (6 * spread**1.5)) if spread > 0 else 0.0


def _bca(draws: NDArray[np.float64], value: float, acceleration: float, level: float) -> tuple[float, float]:
    """Return bias-corrected and accelerated quantiles."""
    from scipy.special import ndtr, ndtri

    below = np.mean(draws < value) + np.mean(draws == value) / 2
    bias = float(ndtri(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws))))
    z: NDArray[np.float64] = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    at = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(draws, at)
    return float(low), float(high)


def _resampled(
    values: Any,
    top: NDArray[np.float64],
    kind: str,
    strata: Any,
    clusters: Any,
    weights: Any,
    population: Any,
) -> Design:
    """Return the design whose first-stage units are resampled; refuse what the bootstrap cannot follow."""
    if isinstance(population, tuple):
        raise DataError(
            "population: the bootstrap follows one stage. Give sizes of the first stage, or use design_mean."
        )
    if clusters is not None and kind == "people":
        raise DataError("clusters are given but people are resampled. Pass kind='clusters' or kind='rao-wu'.")
    if clusters is None and kind == "clusters":
        raise DataError("kind='clusters' needs clusters=.")
    index = values.index if isinstance(values, pd.Series) else None
    present = ~np.isnan(top)
    design = make_design(
        present, index, strata=strata, clusters=clusters, weights=weights, population=population
    )
    if len(design.psu_stratum) < 2:
        raise DataError(f"values: {len(design.psu_stratum)} unit is too few to resample. Give two or more.")
    return design


def bootstrap_mean(
    values: ArrayLike | pd.Series,
    *,
    strata: ArrayLike | pd.Series | None = None,
    clusters: ArrayLike | pd.Series | None = None,
    weights: ArrayLike | pd.Series | None = None,
    population: Population = None,
    kind: Kind = "people",
    interval: Interval = "bca",
    level: float = 0.95,
    n_draws: int = 2000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Estimate:
    r"""Mean with a bootstrap interval that follows the design.

    *people* resamples :math:`n_h` people within each stratum, *clusters* whole clusters. Both ignore the finite
    population
    and understate the error of few units by n/(n-1). *Rao-Wu* draws :math:`n_h - 1` of the :math:`n_h` units and
    rescales the weights, :math:`w^* = w (1 - \lambda_h + \lambda_h \frac{n_h}{n_h - 1} r)`,
    :math:`\lambda_h = \sqrt{1 - f_h}`, so that its variance is that of :func:`design_mean`.

    Parameters
    ----------
    values, strata, clusters, weights, population
        As in :func:`design_mean`; sizes of one stage only.
    kind : {"people", "clusters", "rao-wu"}
        What is resampled.
    interval : {"bca", "percentile"}
        BCa corrects bias and skewness, with the acceleration from the influence of the units.
    level : float
        Coverage of the interval.
    n_draws : int
        Bootstrap samples.
    rng : Generator, seed or None
        Random numbers.
    n_jobs, progress
        Threads, and a progress bar; the numbers do not depend on them.

    Returns
    -------
    Estimate
        ``std_error`` is the standard deviation of the draws.

    Raises
    ------
    DataError
        For clusters without ``kind="clusters"`` or ``"rao-wu"``, and for fewer than two units.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 people or clusters: few units resampled give intervals that are too short, with BCa too;
        :func:`design_mean` has a t interval.

    References
    ----------
    .. [1] Rao, J. N. K. & Wu, C. F. J. (1988). Resampling inference with complex survey data. *J. American Statistical
       Association* 83, 231-241. doi:10.1080/01621459.1988.10478591
    .. [2] Efron, B. (1987). Better bootstrap confidence intervals. *J. American Statistical Association* 82, 171-185.
       doi:10.1080/01621459.1987.10478410
    """
    rng = as_rng(rng)
    literal("kind", kind, ("people", "clusters", "rao-wu"))
    literal("interval", interval, ("bca", "percentile"))
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("n_draws", n_draws, 2)
    top = _numbers("values", values)
    design = _resampled(values, top, kind, strata, clusters, weights, population)
    few = warn_few(
        "bootstrap_mean",
        len(design.psu_stratum),
        "answers" if clusters is None else "clusters",
        so="Intervals of few units come out too short; use design_mean, whose t interval knows their number.",
    )
    y, seed = top[design.rows], record(rng)
    value = float(np.sum(design.weight * y) / design.weight.sum())
    above = np.bincount(design.psu, design.weight * y, len(design.psu_stratum))
    below = np.bincount(design.psu, design.weight, len(design.psu_stratum))

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        factor = _multiplicities(design, kind, size, stream)
        found: NDArray[np.float64] = (factor @ above) / (factor @ below)
        return found

    draws = np.concatenate(
        run_blocks(block, n_draws, rng=rng, block=_BLOCK, n_jobs=n_jobs, progress=progress)
    )
    if interval == "bca":
        low, high = _bca(draws, value, _acceleration(y, design, value), level)
    else:
        low, high = (float(v) for v in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    options: dict[str, Any] = {"kind": kind, "interval": interval, "level": level, "n_draws": n_draws}
    return Estimate(
        name="mean",
        value=value,
        low=low,
        high=high,
        level=level,
        std_error=float(draws.std(ddof=1)),
        n=len(y),
        method=f"{kind} bootstrap, {interval}, {n_draws} draws",
        estimand="the mean in the population that was sampled",
        assumptions=(
            "units of a stratum answered at random",
            *(["few units stand for all others: the interval is too short"] if few else []),
        ),
        provenance=provenance("hypotheses.bootstrap_mean", options=options, rng=seed),
    )
