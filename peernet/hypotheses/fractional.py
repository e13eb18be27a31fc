"""What shares depend on: fractional logit with honest errors, and average effects in points."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import number, rows_text
from peernet.errors import DataError, FitError, PeerNetWarning
from peernet.hypotheses._guards import warn_few
from peernet.hypotheses.survey import _aligned, _labels, _numbers
from peernet.results import ModelFit, provenance

__all__ = ["fit_fractional_logit"]

Floats = NDArray[np.float64]


def _columns(
    covariates: pd.DataFrame | pd.Series | None, index: Any, n: int
) -> tuple[Floats, list[str], list[bool]]:
    """Return the design matrix with an intercept, term names, and which columns are 0/1."""
    parts, names, binary = [np.ones(n)], ["intercept"], [False]
    frame = pd.DataFrame() if covariates is None else pd.DataFrame(covariates)
    for name in frame.columns:
        column = _aligned(f"covariate {name!r}", frame[name], index, n)
        gone = np.flatnonzero(column.isna())
        if len(gone):
            raise DataError(
                f"covariate {name!r}: {len(gone)} of {n} are missing ({rows_text(gone)}). Leave them out."
            )
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            parts.append(column.to_numpy(dtype=np.float64))
            names.append(str(name))
            binary.append(set(np.unique(parts[-1])) <= {0.0, 1.0})
            continue
        levels = sorted(column.unique(), key=str)
        for level in levels[1:]:
            parts.append((column == level).to_numpy(dtype=np.float64))
            names.append(f"{name}: {level} (against {levels[0]})")
            binary.append(True)
    return np.column_stack(parts), names, binary


def _solve(y: Floats, x: Floats, weight: Floats) -> Floats:
    """Return the quasi-likelihood estimate by Newton steps."""
    beta = np.zeros(x.shape[1])
    mean = float(np.clip(np.average(y, weights=weight), 1e-6, 1 - 1e-6))
    beta[0] = np.log(mean / (1 - mean))
    for _ in range(100):
        mu = 1 / (1 + np.exp(-x @ beta))
        score = x.T @ (weight * (y - mu))
        hessian = (x * (weight * mu * (1 - mu))[:, None]).T @ x
        try:
            step = np.linalg.solve(hessian, score)
        except np.linalg.LinAlgError as error:
            if np.linalg.matrix_rank(x) == x.shape[1]:
                break
            raise FitError(
                "fractional logit: covariates repeat each other. Leave one of them out."
            ) from error
        beta = beta + step * min(1.0, 5 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-10:
            return beta
    raise FitError(
        "fractional logit: no finite estimate. A group of people all at 0 or all at 100 % has none: merge "
        "it with another."
    )


def _effects(x: Floats, beta: Floats, weight: Floats, binary: list[bool]) -> tuple[Floats, Floats]:
    """Return average effects on the share and their gradients: a step from 0 to 1, or the slope."""
    share = weight / weight.sum()
    effect, gradient = np.full(len(beta), np.nan), np.full((len(beta), len(beta)), np.nan)
    for k in range(1, len(beta)):
        if binary[k]:
            one, zero = x.copy(), x.copy()
            one[:, k], zero[:, k] = 1.0, 0.0
            high, low = 1 / (1 + np.exp(-one @ beta)), 1 / (1 + np.exp(-zero @ beta))
            effect[k] = np.sum(share * (high - low))
            gradient[k] = (share * high * (1 - high)) @ one - (share * low * (1 - low)) @ zero
        else:
            mu = 1 / (1 + np.exp(-x @ beta))
            slope = mu * (1 - mu)
            effect[k] = beta[k] * np.sum(share * slope)
            gradient[k] = beta[k] * ((share * slope * (1 - 2 * mu)) @ x)
            gradient[k, k] += np.sum(share * slope)
    return effect, gradient


def _few(
    x: Floats, names: list[str], binary: list[bool], group: NDArray[np.intp], clustered: bool
) -> list[str]:
    """Warn of too few answers, clusters or people of one kind for sandwich errors; return what was said."""
    notes = []
    what, n, least = ("clusters", int(group.max()) + 1, 2) if clustered else ("answers", len(x), 5)
    if n < 2:
        raise DataError(
            "clusters: all answers are of one cluster, so the spread between clusters is unknown."
        )
    so = "Errors come out too small: read the sign, not the p-value."
    if warn_few("fit_fractional_logit", n, what, so=so, stacklevel=4):
        notes.append(f"{n} {what}: errors are too small")
    for k in np.flatnonzero(binary):
        sides = [len(np.unique(group[x[:, k] == side])) for side in (0.0, 1.0)]
        if min(sides) < least:
            words = f"{names[k]}: {min(sides)} {what if clustered else 'people'} on one side"
            warnings.warn(
                f"fit_fractional_logit: {words}. Its error comes out too small; merge the level with another.",
                PeerNetWarning,
                stacklevel=3,
            )
            notes.append(f"{words}: its error is too small")
    return notes


class _Answers(NamedTuple):
    """Answers, terms, weights and cluster codes; names of terms, which of them are 0/1, and how many answers lack."""

    y: Floats
    x: Floats
    weight: Floats
    group: NDArray[np.intp]
    names: list[str]
    binary: list[bool]
    missing: int


def _answers(values: Any, covariates: Any, clusters: Any, weights: Any) -> _Answers:
    """Read and align the arguments, refusing percentages, bad weights and more terms than answers."""
    index = values.index if isinstance(values, pd.Series) else None
    y = _numbers("values", values)
    keep = ~np.isnan(y)
    if ((y[keep] < 0) | (y[keep] > 1)).any():
        raise DataError("values: shares must lie in [0, 1]. Divide percentages by 100.")
    x, names, binary = _columns(covariates, index, len(y))
    w = np.ones(len(y))
    if weights is not None:
        w = _numbers("weights", _aligned("weights", weights, index, len(y)))
    wrong = np.flatnonzero(~(w >= 0))
    if len(wrong):
        raise DataError(f"weights: {len(wrong)} are missing or negative ({rows_text(wrong)}). Give >= 0.")
    group = np.arange(len(y))
    if clusters is not None:
        group = pd.factorize(_labels("clusters", clusters, index, len(y)))[0]
    if keep.sum() <= x.shape[1]:
        raise DataError(
            f"values: {keep.sum()} answers cannot carry {x.shape[1]} terms. Use fewer covariates."
        )
    group = pd.factorize(group[keep])[0]
    return _Answers(y[keep], x[keep], w[keep], group, names, binary, int((~keep).sum()))


def _sandwich(
    y: Floats, x: Floats, w: Floats, mu: Floats, group: NDArray[np.intp], clustered: bool
) -> tuple[Floats, int]:
    """Return the robust covariance of the coefficients and the number of clusters."""
    bread = np.linalg.inv((x * (w * mu * (1 - mu))[:, None]).T @ x)
    scores = np.zeros((group.max() + 1, x.shape[1]))
    np.add.at(scores, group, x * (w * (y - mu))[:, None])
    groups = len(scores)
    v: Floats = bread @ (scores.T @ scores) @ bread * (groups / (groups - 1) if clustered else 1.0)
    return v, groups


def fit_fractional_logit(
    values: ArrayLike | pd.Series,
    covariates: pd.DataFrame | pd.Series | None = None,
    *,
    clusters: ArrayLike | pd.Series | None = None,
    weights: ArrayLike | pd.Series | None = None,
    level: float = 0.95,
) -> ModelFit:
    r"""How a share between 0 and 1 depends on unit, role or hours.

    Bernoulli quasi-likelihood of :math:`E[x \mid z] = 1 / (1 + e^{-z'b})`, with 0 and 1 allowed, and the sandwich
    :math:`V = A^{-1} B A^{-1}`, :math:`A = \sum w \mu (1 - \mu) z z'`, :math:`B = \sum_g s_g s_g'` over clusters g of
    scores :math:`s_g = \sum_{i \in g} w_i z_i (x_i - \mu_i)`, times G / (G - 1) with clusters and without a correction
    for people (HC0). Intervals are normal, t with G - 1 with clusters.

    Parameters
    ----------
    values : array-like or Series, shape (n,)
        Shares in [0, 1]; NaN left out.
    covariates : DataFrame or Series, optional
        Numbers as they are; words, categories and truth values become steps against the first level. None = mean only.
    clusters, weights : array-like or Series, optional
        Groups whose members may resemble each other; sampling weights >= 0.
    level : float
        Coverage of the intervals.

    Returns
    -------
    ModelFit
        ``estimate, low, high`` in log odds; columns ``effect, effect_std_error`` give average effects in shares (a
        step
        from 0 to 1, or the slope), and for the intercept the share at zero of all covariates.

    Raises
    ------
    DataError
        For values outside [0, 1] or missing covariates.
    FitError
        When covariates repeat each other or a group is all 0 or all 1.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 answers or clusters, or a level of a covariate that fewer than 5 people (2 clusters) have:
        the sandwich is then too small.

    References
    ----------
    .. [1] Papke, L. E. & Wooldridge, J. M. (1996). Econometric methods for fractional response variables. *J. Applied
       Econometrics* 11, 619-632. doi:10.1002/(SICI)1099-1255(199611)11:6<619::AID-JAE418>3.0.CO;2-1
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    y, x, w, group, names, binary, missing = _answers(values, covariates, clusters, weights)
    notes = _few(x, names, binary, group, clusters is not None)
    beta = _solve(y, x, w)
    mu = 1 / (1 + np.exp(-x @ beta))
    v, groups = _sandwich(y, x, w, mu, group, clusters is not None)
    df = groups - 1 if clusters is not None else np.inf
    params = _params(names, beta, v, df, level)
    effect, gradient = _effects(x, beta, w, binary)
    params["effect"], params["effect_std_error"] = (
        effect,
        np.sqrt(np.einsum("ij,jk,ik->i", gradient, v, gradient)),
    )
    at_zero = 1 / (1 + np.exp(-beta[0]))
    params.loc[0, ["effect", "effect_std_error"]] = [at_zero, at_zero * (1 - at_zero) * np.sqrt(v[0, 0])]
    with np.errstate(divide="ignore", invalid="ignore"):
        loglik = float(np.sum(w * (y * np.log(mu) + (1 - y) * np.log1p(-mu))))
    how = f"{groups} clusters, G/(G-1)" if clusters is not None else "robust to spread (HC0)"
    return ModelFit(
        name=f"fractional logit, errors {how}",
        params=params,
        log_likelihood=loglik,
        n=len(y),
        n_unit="people",
        level=level,
        notes=(
            "log odds; the column effect is in shares",
            "the likelihood is a quasi-likelihood: do not compare AIC",
            *notes,
        ),
        estimand="how the mean share differs with the covariates",
        assumptions=("the mean share is logistic in the covariates",),
        provenance=provenance("hypotheses.fit_fractional_logit", used={"missing": missing, "level": level}),
    )


def _params(names: list[str], beta: Floats, v: Floats, df: float, level: float) -> pd.DataFrame:
    """Return the table of terms."""
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    se = np.sqrt(np.diag(v))
    z = beta / se
    half = se * float(ndtri((1 + level) / 2) if np.isinf(df) else stdtrit(df, (1 + level) / 2))
    p = 2 * (ndtr(-np.abs(z)) if np.isinf(df) else stdtr(df, -np.abs(z)))
    return pd.DataFrame(
        {"term": names, "estimate": beta, "std_error": se, "statistic": z, "p_value": p}
        | {"low": beta - half, "high": beta + half}
    )
