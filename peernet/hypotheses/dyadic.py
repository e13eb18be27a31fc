"""Regression over pairs of people with standard errors that know that pairs share people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number, quoted
from peernet._parallel import track
from peernet.errors import DataError, FitError
from peernet.hypotheses import _effects, _glm
from peernet.hypotheses._fits import NetworkRegression
from peernet.hypotheses._formula import Design, build
from peernet.hypotheses._mrqap import COLUMNS, check_response, fit_numbers, notes, two_modes
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
        For networks over other people, constant or collinear regressors, unknown names.
    FitError
        Where a coefficient rests on one person alone (jackknife), or a fit does not settle.

    Notes
    -----
    The dyadic estimate need not be positive semi-definite in small networks; ``notes`` say where it is not, and
    negative eigenvalues are set to 0 where they would make a single variance negative. Where a regressor separates
    ties from non-ties Firth's penalty comes in, and ``notes`` say so. Standard errors of the logit take the weights at
    which R's glm stops: a nearly separated term's differ from those at full convergence in the fifth digit.

    References
    ----------
    Aronow, Samii, Assenova (2015). Political Analysis 23, 564-577. doi:10.1093/pan/mpv018
    Fafchamps, Gubert (2007). Journal of Development Economics 83, 326-350. doi:10.1016/j.jdeveco.2006.05.005
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
    allowed, _ = two_modes(net, two_mode)
    design = build(net, formula, networks, allowed=allowed)
    check_response(design, formula, model)
    y, x = design.cells()
    rows, columns = (side.astype(np.intp) for side in np.nonzero(design.mask))
    cells = _Cells(y, x, rows, columns, design.names, net.n_people)
    lost: dict[str, int] = {}
    if fixed_effects:
        cells, fit, lost = _absorbed(cells, design, model, fixed_effects)
    else:
        fit = _glm.fit_cells(x, y, model, names=design.names)
    if variance == "jackknife":
        vcov, remark = _jackknife(cells, fit, model, progress)
        df = float(cells.people() - 1)
    else:
        vcov, df, remark = _covariance(cells, fit, model, variance)
    people = cells.people()
    n, k = fit.x.shape
    vcov = vcov * {"people": people / max(people - 1, 1), "cells": n / (n - k), None: 1.0}[correction]
    options = {"formula": formula, "model": model, "variance": variance, "correction": correction}
    facts = provenance(
        "hypotheses.dyadic_regression",
        net,
        options={**options, "fixed_effects": fixed_effects, "two_mode": two_mode, "level": level},
        used={"cells_used": n, "cells_left_out": {**design.left_out, **lost}},
    )
    return _answer(cells, fit, vcov, df, remark, facts)


class _Cells:
    """Response, regressors and the two people of each cell."""

    def __init__(self, y: Floats, x: Floats, rows: Rows, columns: Rows, names: tuple[str, ...], n: int) -> None:
        self.y, self.x, self.rows, self.columns, self.names, self.n = y, x, rows, columns, names, n

    def people(self) -> int:
        """How many people take part in a cell."""
        return len(np.union1d(self.rows, self.columns))

    def keep(self, mask: NDArray[np.bool_]) -> _Cells:
        """Return some of the cells."""
        return _Cells(self.y[mask], self.x[mask], self.rows[mask], self.columns[mask], self.names, self.n)


def _absorbed(
    cells: _Cells, design: Design, model: str, which: str
) -> tuple[_Cells, _glm.CellFit, dict[str, int]]:
    """Fit with a constant for every teacher and (or) learner."""

    def sides(c: _Cells) -> tuple[Rows, ...]:
        return {"teacher": (c.rows,), "learner": (c.columns,), "two-way": (c.rows, c.columns)}[which]

    first = 1 if design.intercept else 0
    cells = _Cells(cells.y, cells.x[:, first:], cells.rows, cells.columns, cells.names[first:], cells.n)
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
        raise DataError(f"formula: {quoted(gone)} does not vary within a {which} fixed effect. Drop it or the effect.")
    r = np.abs(np.diagonal(np.linalg.qr(inside / inside.std(axis=0), mode="r"))) / np.sqrt(len(inside))
    if (r < 1e-7).any():
        bad = [cells.names[i] for i in np.flatnonzero(r < 1e-7)]
        raise DataError(f"formula: {quoted(bad)} is collinear with the terms before it and the fixed effects. Drop it.")
    if model == "poisson":
        return cells, _effects.poisson_effects(cells.x, cells.y, sides(cells)), lost
    within_y = _effects.absorb(cells.y[:, None], np.ones(len(cells.y)), sides(cells))[:, 0]
    fit = _glm._least_squares(inside, within_y)
    return cells, replace(fit, null_deviance=float(((cells.y - cells.y.mean()) ** 2).sum())), lost


def _sums(scores: Floats, group: Rows, n: int) -> Floats:
    """Return the sum of scores in each group, shape (n, K)."""
    return np.stack([np.bincount(group, column, n) for column in scores.T], axis=1)


def _by_pair(scores: Floats, cells: _Cells) -> Floats:
    """Return the sum of scores over both directions of each pair."""
    low, high = np.minimum(cells.rows, cells.columns), np.maximum(cells.rows, cells.columns)
    key, inverse = np.unique(low * cells.n + high, return_inverse=True)
    return _sums(scores, inverse, len(key))


def _covariance(cells: _Cells, fit: _glm.CellFit, model: str, variance: str) -> tuple[Floats, float, str]:
    """Return covariance, degrees of freedom, and a remark."""
    n, k = fit.x.shape
    if variance == "classical":
        scale = fit.deviance / (n - k) if model == "linear" else 1.0
        return fit.bread * scale, float(n - k), ""
    scores = fit.x * fit.residual[:, None]
    own = scores.T @ scores
    taught, learned = _sums(scores, cells.rows, cells.n), _sums(scores, cells.columns, cells.n)
    n_teachers, n_learners = len(np.unique(cells.rows)), len(np.unique(cells.columns))
    if variance == "robust":
        meat, df = own, n - k
    elif variance == "teacher":
        meat, df = taught.T @ taught, n_teachers - 1
    elif variance == "learner":
        meat, df = learned.T @ learned, n_learners - 1
    elif variance == "two-way":
        meat, df = taught.T @ taught + learned.T @ learned - own, min(n_teachers, n_learners) - 1
    else:
        pairs = _by_pair(scores, cells)
        meat, df = pairs.T @ pairs, len(pairs) - 1
        if variance == "dyadic":
            both = taught + learned
            meat, df = both.T @ both - meat, cells.people() - 1
    vcov = fit.bread @ meat @ fit.bread
    return _positive(vcov, float(df))


def _positive(vcov: Floats, df: float) -> tuple[Floats, float, str]:
    """Say where the variance is not positive semi-definite; clip it where a variance itself is not above 0."""
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(vcov)), 1e-300))
    values, vectors = np.linalg.eigh(vcov / np.outer(scale, scale))
    if values.min() >= -1e-10:
        return vcov, df, ""
    found = f"{int((values < -1e-10).sum())} of {len(values)} eigenvalues of the variance are negative"
    if (np.diagonal(vcov) > 0).all():
        return vcov, df, f"{found}: no harm for single terms, but test terms together with variance='jackknife'."
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T * np.outer(scale, scale)
    return clipped, df, f"{found}, and a term's own variance with them: set to 0. Prefer variance='jackknife'."


def _jackknife(cells: _Cells, fit: _glm.CellFit, model: str, progress: bool) -> tuple[Floats, str]:
    """Refit without each person in turn; with Firth's penalty throughout where a part has no maximum."""
    everybody = np.union1d(cells.rows, cells.columns)
    total: Floats = np.zeros((cells.x.shape[1],) * 2)
    refit = _without_linear(cells) if model == "linear" else _without_glm(cells, fit, model)
    for person in track(everybody, total=len(everybody), progress=progress, desc="people"):
        beta = refit(int(person))
        if beta is None and model != "linear" and not fit.firth:
            penalised = _glm.fit_cells(cells.x, cells.y, model, firth=True, names=cells.names)
            vcov, _ = _jackknife(cells, penalised, model, progress)
            return vcov, "Without some person a covariate separates: the jackknife used Firth's penalty throughout."
        if beta is None:
            raise FitError(
                f"jackknife: without the person in row {person} some coefficient cannot be estimated, so it rests on "
                "that person alone. Drop the term or use variance='dyadic'."
            )
        total += np.outer(beta - fit.beta, beta - fit.beta)
    n = len(everybody)
    return total * (n - 1) / n, ""


def _without_linear(cells: _Cells) -> Callable[[int], Floats | None]:
    """Return a function that fits without one person, by taking their products away."""
    x, y = cells.x, cells.y
    gram, xy = x.T @ x, x.T @ y
    scale = np.sqrt(np.outer(np.diagonal(gram), np.diagonal(gram)))

    def refit(person: int) -> Floats | None:
        touch = (cells.rows == person) | (cells.columns == person)
        gone = x[touch]
        left = gram - gone.T @ gone
        if np.linalg.cond(left / scale) > 1e12:
            return None
        beta: Floats = np.linalg.solve(left, xy - gone.T @ y[touch])
        return beta

    return refit


def _without_glm(cells: _Cells, fit: _glm.CellFit, model: str) -> Callable[[int], Floats | None]:
    """Return a function that fits without one person, starting from the fit of all."""

    def refit(person: int) -> Floats | None:
        left = (cells.rows != person) & (cells.columns != person)
        x, y = cells.x[left], cells.y[left]
        try:
            beta, _, ok = _glm._newton(x, y, model == "poisson", fit.firth, fit.beta)
        except np.linalg.LinAlgError:
            return None
        return beta if ok else None

    return refit


def _answer(
    cells: _Cells, fit: _glm.CellFit, vcov: Floats, df: float, remark: str, facts: dict[str, Any]
) -> NetworkRegression:
    """Put the table together."""
    from scipy import stats

    options = facts["options"]
    error = np.sqrt(np.diagonal(vcov))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = fit.beta / error
    half = stats.t.ppf((1 + options["level"]) / 2, df) * error
    p = 2 * stats.t.sf(np.abs(t), df)
    columns = [cells.names, fit.beta, error, t, p, fit.beta - half, fit.beta + half]
    effects = f", {options['fixed_effects']} fixed effects" if options["fixed_effects"] else ""
    return NetworkRegression(
        name=f"{options['model'].capitalize()} regression, {options['formula']}{effects}",
        params=pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))),
        log_likelihood=fit.log_likelihood,
        n=len(cells.y),
        n_unit="ordered pairs",
        level=options["level"],
        notes=(*notes(fit, np.empty((0, 0)), cells.names), *([remark] if remark else [])),
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
