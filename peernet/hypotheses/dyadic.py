"""Regression over pairs of people with standard errors that know that pairs share people."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number, quoted
from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses import _effects, _glm
from peernet.hypotheses._design import Design, build, check_given, check_response, two_modes
from peernet.hypotheses._fits import NetworkRegression
from peernet.hypotheses._mrqap import COLUMNS, fit_numbers, notes
from peernet.hypotheses._pair_variance import Cells, covariance, jackknife, related
from peernet.hypotheses._penalised import penalised_test, profile_interval
from peernet.results import provenance

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["dyadic_regression"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Model = Literal["linear", "logit", "poisson"]
Variance = Literal["dyadic", "jackknife", "two-way", "teacher", "learner", "pair", "robust", "classical"]
VARIANCES = {
    "dyadic": "dyadic-robust standard errors (pairs that share a person are related)",
    "jackknife": "jackknife over people (all pairs of one person left out at a time)",
    "two-way": "two-way clustering by teacher and learner (misses pairs i teaches, i learns: for comparison)",
    "teacher": "clustering by teacher (for comparison)",
    "learner": "clustering by learner (for comparison)",
    "pair": "clustering by unordered pair (for comparison)",
    "robust": "heteroskedasticity-robust, pairs independent (for comparison)",
    "classical": "classical standard errors, pairs independent (for comparison)",
}
FEW = 100
FEW_WORDS = (
    "dyadic_regression: with {people} people dyadic-robust standard errors are too small: a 5 % test rejects "
    "11-14 % of data sets without an effect at 24 people, 10-12 % at 36, 8-10 % at 50, 6-9 % at 100. {instead}"
)


def dyadic_regression(
    net: PeerNetwork,
    formula: str,
    *,
    networks: Mapping[str, Any] | None = None,
    model: Model = "linear",
    variance: Variance = "dyadic",
    correction: Literal["people", "cells"] | None = None,
    fixed_effects: Literal["teacher", "learner", "two-way"] | None = None,
    two_mode: str | None = None,
    level: float = 0.95,
    progress: bool = False,
) -> NetworkRegression:
    r"""Regression over pairs of people with dyadic-robust standard errors and degrees of freedom by people.

    With scores :math:`u_d` of the ordered pairs d, :math:`S_i` their sum over the pairs that i takes part in, as
    teacher or learner, and :math:`D_{ij} = u_{ij} + u_{ji}`,

    .. math:: V = A^{-1}\Bigl(\sum_i S_i S_i' - \sum_{i<j} D_{ij} D_{ij}'\Bigr)A^{-1}, \quad A = X'WX,

    which adds up the products of all pairs of pairs that share a person, in time linear in the number of pairs. The
    jackknife takes :math:`\frac{n-1}{n}\sum_i (b_{(-i)} - b)(b_{(-i)} - b)'`, every pair of person i left out.

    Parameters
    ----------
    net : PeerNetwork
        Its ties are the response; isolates count. Cells that silent people would have filled are left out, not zero.
    formula : str
        As in :func:`mrqap`.
    networks : mapping of str to PeerNetwork or pandas.DataFrame
        Networks over the same people, or tables of values whose rows teach.
    model : {"linear", "logit", "poisson"}
        Logit needs ``tie``; Poisson takes counts or other weights.
    variance : {"dyadic", "jackknife", "two-way", "teacher", "learner", "pair", "robust", "classical"}
        "dyadic" or "jackknife"; the others are for comparison and too small in most networks.
    correction : {"people", "cells"}, optional
        Multiply the variance by n / (n - 1) (Cameron and Miller) or N / (N - K) (Fafchamps and Gubert). None: as is.
    fixed_effects : {"teacher", "learner", "two-way"}, optional
        A constant for every teacher and (or) learner, absorbed. Terms that do not vary within are then refused. Not for
        logit, where such constants bias the other terms.
    two_mode : str, optional
        Column with two values, where all ties run from one kind of people to the other.
    level : float
        Coverage of the intervals.
    progress : bool
        Show a bar over the people of the jackknife.

    Returns
    -------
    NetworkRegression
        Estimates, standard errors, t statistics with (people with cells) - 1 degrees of freedom, intervals. The
        comparison variances take what their users take: N - K degrees of freedom, or clusters - 1.

    Raises
    ------
    DataError
        For networks over other people, constant or collinear regressors, unknown names, and a response that its
        regressors add up to exactly.
    FitError
        Where a coefficient rests on one person alone (jackknife), or a fit does not settle.

    Warns
    -----
    PeerNetWarning
        For variance="dyadic" with fewer than 100 people, where it is too small: docs/calibration/network_tests.md.

    Notes
    -----
    The dyadic estimate need not be positive semi-definite in small networks: ``notes`` say where it is not, and a
    term whose own variance comes out negative has NaN instead of a standard error, interval and p. (Setting negative
    eigenvalues to 0, as is common, invents an error that is too small.)

    Where a regressor separates ties from non-ties (its plain estimate is infinite) Firth's penalty comes in. Such a
    term has no standard error; ``low``, ``high`` and ``p_value`` are those of the profile of the penalised likelihood,
    whose drop is divided by how much larger the variance of the term's score is than for independent pairs, taking the
    correlations between cells that share a person from those that nothing separates. ``notes`` name the terms.

    Standard errors of the logit take the weights at which R's glm stops: a nearly separated term's differ from those
    at full convergence in the fifth digit.

    References
    ----------
    Aronow, Samii, Assenova (2015). Political Analysis 23, 564-577. doi:10.1093/pan/mpv018
    Fafchamps, Gubert (2007). Journal of Development Economics 83, 326-350. doi:10.1016/j.jdeveco.2006.05.005
    Heinze, Schemper (2002). Statistics in Medicine 21, 2409-2419. doi:10.1002/sim.1047
    Rotnitzky, Jewell (1990). Biometrika 77, 485-497. doi:10.1093/biomet/77.3.485
    """
    literal("model", model, ("linear", "logit", "poisson"))
    literal("variance", variance, tuple(VARIANCES))
    literal("correction", correction, ("people", "cells", None))
    literal("fixed_effects", fixed_effects, ("teacher", "learner", "two-way", None))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    if fixed_effects and (model == "logit" or variance == "jackknife"):
        raise ValueError(
            "fixed_effects go with model='linear' or 'poisson' and variance='dyadic': in a logit they bias the other "
            "terms (a linear model gives differences in tie probability), and a jackknife would drop them by turns."
        )
    check_given(net, networks)
    allowed, _ = two_modes(net, two_mode)
    design = build(net, formula, networks, allowed=allowed)
    check_response(design, formula, model)
    y, x = design.cells()
    rows, columns = (side.astype(np.intp) for side in np.nonzero(design.mask))
    cells = Cells(y, x, rows, columns, design.names, net.n_people)
    lost: dict[str, int] = {}
    if fixed_effects:
        cells, fit, lost = _absorbed(cells, design, model, fixed_effects)
    else:
        fit = _glm.fit_cells(x, y, model, names=design.names)
    people = cells.people()
    if variance == "jackknife":
        vcov, remark = jackknife(cells, fit, model, progress, net.ids)
        df = float(people - 1)
    else:
        vcov, df, remark = covariance(cells, fit, model, variance)
    if variance == "dyadic" and people < FEW:
        instead = (
            "The jackknife takes no fixed effects: distrust p-values near 5 %, or use mrqap without them."
            if fixed_effects
            else "Use variance='jackknife', which keeps its word there, or mrqap."
        )
        warnings.warn(FEW_WORDS.format(people=people, instead=instead), PeerNetWarning, stacklevel=2)
    n, k = fit.x.shape
    factor = {"people": people / max(people - 1, 1), "cells": n / (n - k), None: 1.0}[correction]
    options = {"formula": formula, "model": model, "variance": variance, "correction": correction}
    facts = provenance(
        "hypotheses.dyadic_regression",
        net,
        options={**options, "fixed_effects": fixed_effects, "two_mode": two_mode, "level": level},
        used={"cells_used": n, "cells_left_out": {**design.left_out, **lost}},
    )
    remarks = (*design.notes, *([remark] if remark else []))
    return _answer(cells, fit, vcov * factor, df, remarks, facts)


def _absorbed(
    cells: Cells, design: Design, model: str, which: str
) -> tuple[Cells, _glm.CellFit, dict[str, int]]:
    """Fit with a constant for every teacher and (or) learner."""

    def sides(c: Cells) -> tuple[Rows, ...]:
        return {"teacher": (c.rows,), "learner": (c.columns,), "two-way": (c.rows, c.columns)}[which]

    first = 1 if design.intercept else 0
    cells = Cells(cells.y, cells.x[:, first:], cells.rows, cells.columns, cells.names[first:], cells.n)
    if not cells.names:
        raise DataError("formula: with fixed effects there has to be a term besides the intercept.")
    lost = {}
    if model == "poisson":
        keep = _effects.varying(cells.y, sides(cells))
        lost = {"people without any response under fixed effects": int((~keep).sum())}
        cells = cells.keep(keep)
    inside = _effects.absorb(cells.x, np.ones(len(cells.y)), sides(cells))
    gone = [n for n, a, b in zip(cells.names, inside.T, cells.x.T, strict=True) if a.std() < 1e-9 * b.std()]
    if gone:
        raise DataError(
            f"formula: {quoted(gone)} does not vary within a {which} fixed effect. Drop it or the effect."
        )
    r = np.abs(np.diagonal(np.linalg.qr(inside / inside.std(axis=0), mode="r"))) / np.sqrt(len(inside))
    if (r < 1e-7).any():
        bad = [cells.names[i] for i in np.flatnonzero(r < 1e-7)]
        raise DataError(
            f"formula: {quoted(bad)} is collinear with the terms before it and the fixed effects. Drop it."
        )
    if model == "poisson":
        return cells, _effects.poisson_effects(cells.x, cells.y, sides(cells)), lost
    within_y = _effects.absorb(cells.y[:, None], np.ones(len(cells.y)), sides(cells))[:, 0]
    fit = _glm._least_squares(inside, within_y)
    return cells, replace(fit, null_deviance=float(((cells.y - cells.y.mean()) ** 2).sum())), lost


def _answer(
    cells: Cells, fit: _glm.CellFit, vcov: Floats, df: float, remarks: tuple[str, ...], facts: dict[str, Any]
) -> NetworkRegression:
    """Put the table together."""
    from scipy import stats

    options = facts["options"]
    level = options["level"]
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.diagonal(vcov))
        t = fit.beta / error
    half = stats.t.ppf((1 + level) / 2, df) * error
    p = 2 * stats.t.sf(np.abs(t), df)
    low, high = fit.beta - half, fit.beta + half
    for term in [] if fit.infinite is None else np.flatnonzero(fit.infinite):
        error[term] = t[term] = np.nan
        p[term], low[term], high[term], words = _separating(cells, fit, int(term), df, options)
        remarks += (words,)
        vcov[term], vcov[:, term] = np.nan, np.nan
    columns = [cells.names, fit.beta, error, t, p, low, high]
    effects = f", {options['fixed_effects']} fixed effects" if options["fixed_effects"] else ""
    return NetworkRegression(
        name=f"{options['model'].capitalize()} regression, {options['formula']}{effects}",
        params=pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))),
        log_likelihood=fit.log_likelihood,
        n=len(cells.y),
        n_unit="ordered pairs",
        level=level,
        notes=(*notes(fit, np.empty((0, 0)), cells.names), *remarks),
        model=options["model"],
        inference=f"{VARIANCES[options['variance']]}, {df:.0f} degrees of freedom",
        n_people=cells.people(),
        vcov=pd.DataFrame(vcov, index=list(cells.names), columns=list(cells.names)),
        df=df,
        **fit_numbers(fit, options["model"]),
        estimand="change of the response with a regressor, the others held, over ordered pairs of different people",
        would_count_against="an interval that holds 0 well inside",
        assumptions=("pairs without a person in common are independent", "rows teach, columns learn"),
        provenance=facts,
    )


def _separating(
    cells: Cells, fit: _glm.CellFit, term: int, df: float, options: dict[str, Any]
) -> tuple[float, float, float, str]:
    """Return p, low, high and words for a term whose plain estimate is infinite."""
    from scipy import stats

    poisson, variance = options["model"] == "poisson", options["variance"]
    statistic, scale = penalised_test(fit, cells.y, term, poisson, lambda v: related(v, cells, variance))
    if np.isnan(scale):
        words = (
            f"{cells.names[term]} tells all ties from non-ties: no residual is left to give an interval or p."
        )
        return np.nan, np.nan, np.nan, words
    critical = float(stats.t.ppf((1 + options["level"]) / 2, df)) ** 2
    low, high = profile_interval(fit, cells.y, term, poisson, critical * scale / 2)
    shared = f", its drop divided by {scale:.2g} because pairs share people" if scale > 1 else ""
    words = (
        f"{cells.names[term]} separates, so it has no standard error: interval and p are those of the profile of the "
        f"penalised likelihood{shared}. mrqap tests the term by moving people."
    )
    return float(stats.f.sf(statistic, 1, df)), low, high, words
