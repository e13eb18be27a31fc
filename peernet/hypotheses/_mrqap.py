"""Regression of a network on other networks and on people's attributes, tested by moving people (MRQAP)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.hypotheses import _glm
from peernet.hypotheses._design import Design, build, check_given, check_response, two_modes
from peernet.hypotheses._fits import NetworkRegression
from peernet.hypotheses._formula import INTERCEPT
from peernet.hypotheses._permute import (
    SMALL,
    inner_products,
    keeps,
    known_alike,
    null_draws,
    products,
    shuffler,
    two_sided_p,
)
from peernet.results import provenance

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["mrqap"]

Floats = NDArray[np.float64]
Perms = NDArray[np.intp]
Statistic = Callable[[Perms], Floats]
Model = Literal["linear", "logit", "poisson"]
Method = Literal["dsp", "freedman-lane", "y", "x"]
METHODS = {
    "dsp": "double semi-partialing (residuals of each regressor move)",
    "freedman-lane": "Freedman-Lane (residuals of the response move)",
    "y": "the response moves (not valid for one term among related ones)",
    "x": "each regressor moves (not valid for one term among related ones)",
}


def mrqap(
    net: PeerNetwork,
    formula: str,
    *,
    networks: Mapping[str, Any] | None = None,
    model: Model = "linear",
    method: Method = "dsp",
    within: str | None = None,
    two_mode: str | None = None,
    level: float = 0.95,
    compat: Literal["sna"] | None = None,
    n_draws: int = 2000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> NetworkRegression:
    r"""Regression over pairs of people whose p-values come from moving people, not from independent errors.

    For regressor k with the others collected in :math:`X_{-k}` (constant included), double semi-partialing takes the
    residual matrix :math:`E_k = X_k - X_{-k}\hat\gamma`, moves people, :math:`E_k^\pi[i, j] = E_k[\pi(i), \pi(j)]`,
    and refits the response on :math:`(X_{-k}, E_k^\pi)`. The t (linear) or z (logit, Poisson) statistic of
    :math:`E_k^\pi` over many :math:`\pi` is what chance gives for that of :math:`X_k`. The residuals are those of
    least squares in every model, as in ``sna::netlogit``.

    Parameters
    ----------
    net : PeerNetwork
        Its ties are the response. Isolates count: all pairs of different people are cells, except those that silent
        people would have filled (left out, not zero).
    formula : str
        ``"tie ~ ..."`` (0/1) or ``"weight ~ ..."`` (0 without a tie). Terms: the name of a network (its weights),
        ``tie(name)`` (0/1), ``reverse(name)``; and for columns of people ``teacher(x)``, ``learner(x)`` (words become
        one indicator a level but the first), ``same(x)``, ``diff(x)`` (absolute difference), ``signed(x)`` (teacher
        minus learner), ``mix(x)``. ``a:b`` is a product, ``- 1`` drops the intercept, which otherwise comes first.
    networks : mapping of str to PeerNetwork or pandas.DataFrame
        Networks over the same people in any order, or tables of values whose rows teach; NaN = unknown.
    model : {"linear", "logit", "poisson"}
        Logit needs ``tie``; Poisson takes counts or other weights.
    method : {"dsp", "freedman-lane", "y", "x"}
        What moves. "y" and "x" are for comparison: their size is wrong when regressors are related.
    within : str, optional
        Column of people inside which they change places, such as a site. People change places in any case only with
        those about whom as much is known (see Notes).
    two_mode : str, optional
        Column with two values, where all ties run from one kind of people to the other (mentors to mentees). Only such
        pairs are cells, and each kind is moved on its own.
    level : float
        Central share of the null that ``low`` and ``high`` enclose.
    compat : {"sna"}, optional
        p-values as b / R, which may be 0, one for the intercept as well, the null deviance without a constant, and
        everybody changes places with everybody, unknown cells with them.
    n_draws : int
        Permutations, shared by all terms. Where people can be arranged in no more ways, every one is used.
    rng : Generator, BitGenerator, seed or None
        Source of randomness.
    n_jobs : int
        Workers; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    NetworkRegression
        Table ``term, estimate, std_error, statistic, p_value, low, high``: ``std_error`` is NaN (permutation has
        none), ``low`` and ``high`` are null quantiles of the statistic, and ``p_value`` the share of draws whose
        statistic is as large in absolute value. One-sided ones are in ``null_table``. The intercept has NaN: moving
        people does not say what it would be by chance (``compat="sna"`` and ``null_table`` hold what sna reports).

    Raises
    ------
    DataError
        For networks over other people, constant or collinear regressors, unknown names, and a response that its
        regressors add up to exactly.

    Notes
    -----
    Where a regressor separates ties from non-ties (a logit with no finite estimate), the data and every draw are
    fitted with Firth's penalty, and ``notes`` say so.

    The column of somebody who did not say from whom they learn is unknown; so are row and column of somebody whose age
    is missing. If such people changed places with others, draws would lose cells that the data have, their statistics
    would be too small, and up to 9 % of data sets without an effect would be significant at 5 %
    (docs/calibration/network_tests.md). So people change places among those whose rows and columns are known alike, in
    the ties and in every term, and the cells stay the same in all draws. Single unknown cells of a table move with the
    residuals, and the number of cells then varies from draw to draw: with many of them p is too small.

    References
    ----------
    Dekker, Krackhardt, Snijders (2007). Psychometrika 72, 563-581. doi:10.1007/s11336-007-9016-1
    """
    rng = as_rng(rng)
    literal("model", model, ("linear", "logit", "poisson"))
    literal("method", method, tuple(METHODS))
    literal("compat", compat, ("sna", None))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    n_draws, used = count("n_draws", n_draws), record(rng)
    if method == "freedman-lane" and model != "linear":
        raise ValueError(
            'method="freedman-lane" moves residuals of the response, which only model="linear" has.'
        )
    check_given(net, networks)
    allowed, kinds = two_modes(net, two_mode)
    design = build(net, formula, networks, allowed=allowed)
    check_response(design, formula, model)
    x, y = design.cells()[1], design.cells()[0]
    fit = _glm.fit_cells(x, y, model, names=design.names)
    # sna lets everybody change places and unknown cells move along.
    alike = None if compat == "sna" else known_alike(design.known)
    shuffle = shuffler(net, within, kinds, alike)
    whole = keeps(design.mask, shuffle.blocks)
    if model == "linear":
        statistic = _linear(design, fit, method, whole)
    else:
        statistic = _glm_statistic(design, fit, model, method, n_draws)
    null, exact = null_draws(shuffle, statistic, n_draws=n_draws, rng=rng, n_jobs=n_jobs, progress=progress)
    observed = statistic(np.arange(net.n_people, dtype=np.intp)[None, :])[0]
    options = {"formula": formula, "model": model, "method": method, "within": within, "two_mode": two_mode}
    facts = provenance(
        "hypotheses.mrqap",
        net,
        options={**options, "level": level, "compat": compat, "n_draws": n_draws},
        rng=used,
        used={
            "cells_used": design.n_cells,
            "cells_left_out": design.left_out,
            "exact": exact,
            "people_who_stay": shuffle.stay,
            "cells_stay": whole,
        },
    )
    shown = observed if model == "linear" else fit.beta / np.sqrt(np.diagonal(fit.bread))
    return _result(design, fit, shown, observed, null, exact, shuffle.words, facts)


# ---- least squares --------------------------------------------------------------------------------------------------


def _linear(design: Design, fit: _glm.CellFit, method: str, whole: bool) -> Statistic:
    """Return the t statistics of all terms as a function of the relabelling."""
    k = len(design.x)
    if whole:
        mix = _mixture(fit) if method in ("dsp", "freedman-lane") else np.eye(k)
        if method in ("dsp", "x"):
            # Products of regressors lose the digits that near collinearity takes; residuals themselves keep them.
            steady = np.diagonal(fit.bread) * (fit.x**2).sum(axis=0) < 1e8
            return (
                _added(design, design.x, mix, True)
                if steady.all() or method == "x"
                else _added(design, _residual_matrices(design, fit), np.eye(k), False)
            )
        only_y = np.concatenate([np.zeros(k), [1.0]])[None]
        if method == "freedman-lane":
            only_y = np.concatenate([fit.beta[:, None] * mix - fit.beta, np.ones((k, 1))], axis=1)
        return _response(design, fit, only_y)
    if method in ("dsp", "x"):
        return _added_with_gaps(design, _residual_matrices(design, fit) if method == "dsp" else design.x)
    if method == "y":
        return _response_with_gaps(design, design.y[None])
    residuals = np.zeros_like(design.x)
    residuals[:, design.mask] = fit.residual
    return _response_with_gaps(design, residuals + fit.beta[:, None, None] * _residual_matrices(design, fit))


def _mixture(fit: _glm.CellFit) -> Floats:
    """Return the coefficients, shape (K, K), that make the residual of regressor a (row) out of all regressors."""
    inverse = np.linalg.inv(np.linalg.qr(fit.x, mode="r"))
    gram = inverse @ inverse.T
    out: Floats = (gram / np.diagonal(gram)).T
    return out


def _residual_matrices(design: Design, fit: _glm.CellFit) -> Floats:
    """Return the residuals of each regressor on the others, 0 outside the cells used."""
    out = np.zeros_like(design.x)
    out[:, design.mask] = _mixture(fit) @ fit.x.T
    return out


def _added(design: Design, basis: Floats, mix: Floats, lead: bool) -> Statistic:
    """Refit with one regressor moved, ``mix @ basis``; what stays in place is inverted once."""
    x, y = design.cells()[1], design.cells()[0]
    n, k = x.shape
    squares = ((mix @ basis[:, design.mask]) ** 2).sum(axis=1)
    run = products(
        basis, np.concatenate([design.x, design.y[None]]), lead=(lead and design.intercept, design.intercept)
    )
    rest = []
    for a in range(k):
        others = [b for b in range(k) if b != a]
        q, r = np.linalg.qr(x[:, others])
        inverse = np.linalg.inv(r)
        beta = inverse @ (q.T @ y)
        residual = y - x[:, others] @ beta
        rest.append((others, inverse @ inverse.T, beta, float(residual @ residual)))

    def statistic(perms: Perms) -> Floats:
        c = mix @ run(perms)
        out = np.empty((len(perms), k))
        for a, (others, inverse, beta, sse) in enumerate(rest):
            with_x = c[:, a, others]
            q = squares[a] - np.einsum("ri,ij,rj->r", with_x, inverse, with_x)
            out[:, a] = _t(c[:, a, k] - with_x @ beta, q, sse, n - k, squares[a])
        return out

    return statistic


def _t(c: Floats, q: Any, sse: Any, df: Any, size: Any) -> Floats:
    """Return the t statistic of an added regressor from its partial products."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = c / q / np.sqrt(np.maximum(sse - c**2 / q, 0.0) / df / q)
        out: Floats = np.where(q > 1e-12 * size, t, np.nan)
    return out


def _added_with_gaps(design: Design, moved: Floats) -> Statistic:
    """Refit with one regressor moved, where cells with unknown values move along and drop others."""
    k = len(design.x)
    mask = design.mask.astype(np.float64)
    still = np.concatenate([design.y[None], design.x])
    pairs, products = _products(design, mask, still)

    def statistic(perms: Perms) -> Floats:
        c = inner_products(perms, moved, still)
        squares = inner_products(perms, moved**2, mask[None])[:, :, 0]
        gram, n = _grams(inner_products(perms, mask[None], products)[:, 0], pairs, k + 1)
        out = np.empty((len(perms), k))
        for a in range(k):
            others = [b + 1 for b in range(k) if b != a]
            lhs, xy, xe = gram[:, others][:, :, others], gram[:, others, 0], c[:, a][:, others]
            by_y, by_e = _solve(lhs, xy), _solve(lhs, xe)
            q = squares[:, a] - (xe * by_e).sum(axis=1)
            sse = gram[:, 0, 0] - (xy * by_y).sum(axis=1)
            out[:, a] = _t(c[:, a, 0] - (xe * by_y).sum(axis=1), q, sse, n - k, squares[:, a])
        return out

    return statistic


def _products(design: Design, mask: Floats, stack: Floats) -> tuple[list[tuple[int, int]], Floats]:
    """Return the products of each pair of matrices, and the mask itself last."""
    pairs = [(a, b) for a in range(len(stack)) for b in range(a + 1)]
    return pairs, np.stack([*(stack[a] * stack[b] for a, b in pairs), mask])


def _grams(values: Floats, pairs: list[tuple[int, int]], size: int) -> tuple[Floats, Floats]:
    """Return the matrix of products for each draw, and the number of cells."""
    gram = np.empty((len(values), size, size))
    for at, (a, b) in enumerate(pairs):
        gram[:, a, b] = gram[:, b, a] = values[:, at]
    return gram, values[:, -1]


def _solve(lhs: Floats, rhs: Floats) -> Floats:
    """Solve many small systems; NaN where one is singular."""
    if not lhs.shape[1]:
        return np.zeros_like(rhs)
    scale = np.sqrt(np.maximum(np.diagonal(lhs, axis1=1, axis2=2), 1e-300))
    unit = lhs / scale[:, :, None] / scale[:, None, :]
    bad = np.linalg.cond(unit) > 1e13
    unit[bad] = np.eye(lhs.shape[1])
    out = np.linalg.solve(unit, (rhs / scale)[:, :, None])[:, :, 0] / scale
    out[bad] = np.nan
    return out


def _response(design: Design, fit: _glm.CellFit, mix: Floats) -> Statistic:
    """Refit with the response moved: ``mix`` makes it, once or once a term, out of the regressors and y (last)."""
    k, df = len(design.x), design.n_cells - len(design.x)
    basis = np.concatenate([design.x, design.y[None]])
    lead = design.intercept
    if not mix[:, :k].any():
        basis, mix, lead = basis[k:], mix[:, k:], False
    squares = ((mix @ basis[:, design.mask]) ** 2).sum(axis=1)
    run = products(basis, design.x, lead=(lead, design.intercept))

    def statistic(perms: Perms) -> Floats:
        xy = mix @ run(perms)
        beta = xy @ fit.bread
        sse = squares - (beta * xy).sum(axis=2)
        t = beta / np.sqrt(np.maximum(sse, 0.0)[:, :, None] / df * np.diagonal(fit.bread))
        return t[:, 0] if len(mix) == 1 else np.ascontiguousarray(np.diagonal(t, axis1=1, axis2=2))

    return statistic


def _response_with_gaps(design: Design, moved: Floats) -> Statistic:
    """Refit with the response moved, where unknown cells move along."""
    k, mask = len(design.x), design.mask.astype(np.float64)
    pairs, products = _products(design, mask, design.x)

    def statistic(perms: Perms) -> Floats:
        xy = inner_products(perms, moved, design.x)
        squares = inner_products(perms, moved**2, mask[None])[:, :, 0]
        gram, n = _grams(inner_products(perms, mask[None], products)[:, 0], pairs, k)
        out = np.empty((len(perms), k))
        for a in range(k):
            own = 0 if len(moved) == 1 else a
            unit = np.zeros((len(perms), k))
            unit[:, a] = 1.0
            spread, beta = _solve(gram, unit)[:, a], _solve(gram, xy[:, own])
            sse = squares[:, own] - (beta * xy[:, own]).sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                out[:, a] = beta[:, a] / np.sqrt(np.maximum(sse, 0.0) / (n - k) * spread)
        return out

    return statistic


# ---- logit and Poisson ----------------------------------------------------------------------------------------------


def _glm_statistic(design: Design, fit: _glm.CellFit, model: str, method: str, n_draws: int) -> Statistic:
    """Return the z statistics of all terms as a function of the relabelling."""
    x, y = design.cells()[1], design.cells()[0]
    k, poisson = x.shape[1], model == "poisson"
    rows, columns = np.nonzero(design.mask)
    small = len(y) * k * n_draws <= 4_000_000
    tolerance = 1e-20 if len(design.mask) <= SMALL else 1e-9
    jobs: list[tuple[int, Floats, Floats]] = []
    if method == "y":
        jobs = [(-1, np.where(design.mask, design.y, np.nan), _glm._start(x, y, poisson))]
    else:
        moved = _residual_matrices(design, _glm.fit_cells(x, y, "linear")) if method == "dsp" else design.x
        for a in range(k):
            others = [b for b in range(k) if b != a]
            start = np.zeros(k)
            if others:
                start[others] = _glm.fit_cells(x[:, others], y, model, firth=fit.firth).beta
            jobs.append((a, np.where(design.mask, moved[a], np.nan), start))

    def statistic(perms: Perms) -> Floats:
        from peernet.hypotheses import _glm as glm

        run: Any = glm.glm_batch
        if not small:
            from peernet.hypotheses import _kernels

            run = _kernels.glm_draws
        out, z = np.empty((len(perms), k)), np.empty((len(perms), k))
        for which, matrix, start in jobs:
            columns_of_x = np.ascontiguousarray(x.T)
            run(perms, rows, columns, columns_of_x, y, matrix, which, start, poisson, fit.firth, tolerance, z)
            out[:, which if which >= 0 else slice(None)] = z[:, which] if which >= 0 else z
        return out

    return statistic


# ---- the answer -----------------------------------------------------------------------------------------------------


def _result(
    design: Design,
    fit: _glm.CellFit,
    shown: Floats,
    observed: Floats,
    null: Floats,
    exact: bool,
    blocks: str,
    facts: dict[str, Any],
) -> NetworkRegression:
    """Put the table together."""
    options = facts["options"]
    model, level = options["model"], options["level"]
    n = len(fit.x)
    rows, table = [], []
    for a, term in enumerate(design.names):
        draws = null[:, a][np.isfinite(null[:, a])]
        two, greater, less = two_sided_p(
            observed[a], draws, exact=exact, corrected=options["compat"] is None, lost=len(null) - len(draws)
        )
        tails = [(1 - level) / 2, (1 + level) / 2, 0.025, 0.975]
        low, high, q025, q975 = np.quantile(draws, tails) if len(draws) else [np.nan] * 4
        mean, sd = (draws.mean(), draws.std(ddof=1)) if len(draws) > 1 else (np.nan, np.nan)
        # Residuals of the constant that move are no draw of it without effect: its p tests nothing about 0.
        tested = term != INTERCEPT or options["compat"] == "sna"
        shown_p, shown_low, shown_high = (two, low, high) if tested else (np.nan,) * 3
        values = (term, fit.beta[a], np.nan, shown[a], shown_p, shown_low, shown_high)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
        table.append((term, mean, sd, q025, q975, two, greater, less))
    heads = ("term", "null_mean", "null_sd", "null_q025", "null_q975", "p_two_sided", "p_greater", "p_less")
    draws_word = f"all {len(null)} arrangements" if exact else f"{len(null)} permutations"
    return NetworkRegression(
        name=f"{model.capitalize()} regression, {options['formula']}",
        params=pd.DataFrame(rows, columns=COLUMNS),
        log_likelihood=fit.log_likelihood,
        n=n,
        n_unit="ordered pairs",
        level=level,
        notes=(*design.notes, *_gaps(design, facts), *notes(fit, null, design.names)),
        model=model,
        inference=f"{METHODS[options['method']]}; {draws_word} of people{blocks}",
        n_people=int((design.mask.any(axis=0) | design.mask.any(axis=1)).sum()),
        null=null,
        null_table=pd.DataFrame(table, columns=heads),
        **fit_numbers(fit, model, sna=options["compat"] == "sna"),
        estimand="change of the response with a regressor, the others held, over ordered pairs of different people",
        would_count_against="a statistic inside the range that moving people produces",
        assumptions=(f"people are exchangeable{blocks} given the other terms", "rows teach, columns learn"),
        provenance=facts,
    )


def _gaps(design: Design, facts: dict[str, Any]) -> tuple[str, ...]:
    """Say what single unknown cells do to p: they move, so that draws have fewer cells than the data."""
    lost = sum(design.left_out.values())
    if facts["cells_stay"] or not lost:
        return ()
    return (
        f"{lost / (lost + design.n_cells):.0%} of the cells are unknown and move with people, so that draws have fewer "
        "cells than the data and p is too small: where a quarter were, 8 % of data sets without an effect were "
        "significant at 5 %.",
    )


COLUMNS = ["term", "estimate", "std_error", "statistic", "p_value", "low", "high"]


def fit_numbers(fit: _glm.CellFit, model: str, *, sna: bool = False) -> dict[str, Any]:
    """Return fit measures."""
    n, k = fit.x.shape
    out: dict[str, Any] = {"deviance": fit.deviance, "null_deviance": fit.null_deviance}
    if model == "linear":
        out["r_squared"] = 1 - fit.deviance / fit.null_deviance
        out["residual_sd"] = float(np.sqrt(fit.deviance / (n - k)))
    elif sna and model == "logit":
        out["null_deviance"] = float(2 * n * np.log(2))
    parameters = k + 1 if model == "linear" else k
    out["aic"] = 2 * parameters - 2 * fit.log_likelihood
    out["bic"] = float(np.log(n) * parameters - 2 * fit.log_likelihood)
    return out


def notes(fit: _glm.CellFit, null: Floats, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the warnings that belong to a fit."""
    out = []
    if fit.firth:
        out.append(
            "A covariate separates ties from non-ties (plain estimates are infinite): Firth's penalty was used."
        )
    failed = int((~np.isfinite(null)).any(axis=1).sum()) if null.size else 0
    if failed:
        out.append(
            f"{failed} of {len(null)} draws had no estimate for some term: there they count as at "
            "least as large as the data, and are not in the range."
        )
    return tuple(out)
