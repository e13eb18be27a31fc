"""Variances of regressions over pairs of people: sums of scores that share people, and the jackknife over people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from peernet._check import quoted
from peernet._parallel import track
from peernet.errors import FitError
from peernet.hypotheses import _glm

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cells", "covariance", "jackknife", "meat", "related"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Cells:
    """Response, regressors and the two people of each cell."""

    def __init__(
        self, y: Floats, x: Floats, rows: Rows, columns: Rows, names: tuple[str, ...], n: int
    ) -> None:
        self.y, self.x, self.rows, self.columns, self.names, self.n = y, x, rows, columns, names, n

    def people(self) -> int:
        """How many people take part in a cell."""
        return len(np.union1d(self.rows, self.columns))

    def keep(self, mask: NDArray[np.bool_]) -> Cells:
        """Return some of the cells."""
        return Cells(self.y[mask], self.x[mask], self.rows[mask], self.columns[mask], self.names, self.n)


def _sums(scores: Floats, group: Rows, n: int) -> Floats:
    """Return the sum of scores in each group, shape (n, K)."""
    return np.stack([np.bincount(group, column, n) for column in scores.T], axis=1)


def _by_pair(scores: Floats, cells: Cells) -> Floats:
    """Return the sum of scores over both directions of each pair."""
    low, high = np.minimum(cells.rows, cells.columns), np.maximum(cells.rows, cells.columns)
    key, inverse = np.unique(low * cells.n + high, return_inverse=True)
    return _sums(scores, inverse, len(key))


def meat(scores: Floats, cells: Cells, variance: str) -> tuple[Floats, float]:
    """Return the summed products of the scores that a variance takes as related, and its degrees of freedom."""
    n, k = scores.shape
    own = scores.T @ scores
    if variance in ("robust", "classical"):
        return own, float(n - k)
    taught, learned = _sums(scores, cells.rows, cells.n), _sums(scores, cells.columns, cells.n)
    n_teachers, n_learners = len(np.unique(cells.rows)), len(np.unique(cells.columns))
    if variance == "teacher":
        return taught.T @ taught, float(n_teachers - 1)
    if variance == "learner":
        return learned.T @ learned, float(n_learners - 1)
    if variance == "two-way":
        return taught.T @ taught + learned.T @ learned - own, float(min(n_teachers, n_learners) - 1)
    pairs = _by_pair(scores, cells)
    if variance == "pair":
        return pairs.T @ pairs, float(len(pairs) - 1)
    both = taught + learned
    return both.T @ both - pairs.T @ pairs, float(cells.people() - 1)


def related(values: Floats, cells: Cells, variance: str) -> Floats:
    """Return the summed products of values over different cells that a variance takes as related, by kind of relation.

    Kinds: the same teacher, the same learner, the rest (what one teaches and what one learns, and both directions).
    """
    column = values[:, None]
    sums = {
        k: float(meat(column, cells, k)[0][0, 0]) for k in ("robust", "teacher", "learner", "pair", "dyadic")
    }
    own = sums["robust"]
    teacher, learner = sums["teacher"] - own, sums["learner"] - own
    kinds = {
        "teacher": [teacher], "learner": [learner], "two-way": [teacher, learner], "pair": [sums["pair"] - own],
        "robust": [], "classical": [],
    }  # fmt: skip
    return np.array(kinds.get(variance, [teacher, learner, sums["dyadic"] - own - teacher - learner]))


def covariance(cells: Cells, fit: _glm.CellFit, model: str, variance: str) -> tuple[Floats, float, str]:
    """Return covariance, degrees of freedom, and a remark; NaN for a term whose own variance is not above 0."""
    n, k = fit.x.shape
    if variance == "classical":
        scale = fit.deviance / (n - k) if model == "linear" else 1.0
        return fit.bread * scale, float(n - k), ""
    scores = fit.x * fit.residual[:, None]
    inner, df = meat(scores, cells, variance)
    vcov = fit.bread @ inner @ fit.bread
    alone = np.diagonal(fit.bread @ (scores.T @ scores) @ fit.bread)
    return _checked(vcov, df, alone, cells.names, fit.infinite)


def _checked(
    vcov: Floats, df: float, alone: Floats, names: tuple[str, ...], infinite: Floats | None
) -> tuple[Floats, float, str]:
    """Turn variances that are not above 0 into NaN; say so, and where the matrix is not positive semi-definite."""
    own = np.diagonal(vcov)
    fine = np.ones(len(own), dtype=bool) if infinite is None else infinite == 0
    # A level of one person in its every pair: residuals add up to 0 there, whatever the truth.
    none = fine & (np.abs(own) <= 1e-9 * alone)
    gone = (fine & (own <= 0)) | none
    remarks = []
    if none.any():
        words = quoted([n for n, g in zip(names, none, strict=True) if g])
        remarks.append(
            f"The variance of {words} came out as 0, since it rests on the pairs of one person: no standard error, "
            "interval or p. Merge that person's level with another, or use mrqap."
        )
    if (gone & ~none).any():
        words = quoted([n for n, g in zip(names, gone & ~none, strict=True) if g])
        remarks.append(
            f"The variance of {words} came out negative, as this estimate can in small networks: no standard error, "
            "interval or p. Use variance='jackknife', or mrqap."
        )
    low = fine & ~gone & (own < alone / 2)
    if low.any():
        words = quoted([n for n, g in zip(names, low, strict=True) if g])
        remarks.append(
            f"The variance of {words} is less than half of what independent pairs would have: too good to be true in "
            "most networks. Hold it against variance='jackknife'."
        )
    values = np.linalg.eigvalsh(vcov / np.sqrt(np.outer(np.abs(own), np.abs(own)) + 1e-300))
    if not gone.any() and values.min() < -1e-10:
        remarks.append(
            f"{int((values < -1e-10).sum())} of {len(values)} eigenvalues of the variance are negative: no harm for "
            "single terms, but test terms together with variance='jackknife'."
        )
    out = vcov.copy()
    out[gone], out[:, gone] = np.nan, np.nan
    return out, df, " ".join(remarks)


def jackknife(
    cells: Cells, fit: _glm.CellFit, model: str, progress: bool, ids: Sequence[Any] | pd.Index[Any]
) -> tuple[Floats, str]:
    """Refit without each person in turn; with Firth's penalty throughout where a part has no maximum."""
    everybody = np.union1d(cells.rows, cells.columns)
    total: Floats = np.zeros((cells.x.shape[1],) * 2)
    refit = _without_linear(cells) if model == "linear" else _without_glm(cells, fit, model)
    for person in track(everybody, total=len(everybody), progress=progress, desc="people"):
        beta = refit(int(person))
        if beta is None and model != "linear" and not fit.firth:
            penalised = _glm.fit_cells(cells.x, cells.y, model, firth=True, names=cells.names)
            vcov, _ = jackknife(cells, penalised, model, progress, ids)
            return (
                vcov,
                "Without some person a covariate separates: the jackknife used Firth's penalty throughout.",
            )
        if beta is None:
            raise FitError(
                f"jackknife: without {ids[person]!r} some coefficient cannot be estimated, so it rests on that person "
                "alone. Drop the term, or test it with mrqap, which moves people."
            )
        total += np.outer(beta - fit.beta, beta - fit.beta)
    n = len(everybody)
    return total * (n - 1) / n, ""


def _without_linear(cells: Cells) -> Callable[[int], Floats | None]:
    """Return a function that fits without one person, by taking their products away."""
    x, y = cells.x, cells.y
    k = x.shape[1]
    gram, xy = x.T @ x, x.T @ y
    scale = np.sqrt(np.outer(np.diagonal(gram), np.diagonal(gram)))
    gone_gram, gone_xy = np.empty((cells.n, k, k)), np.empty((cells.n, k))
    for a in range(k):
        gone_xy[:, a] = _touching(x[:, a] * y, cells)
        for b in range(a + 1):
            gone_gram[:, a, b] = gone_gram[:, b, a] = _touching(x[:, a] * x[:, b], cells)

    def refit(person: int) -> Floats | None:
        left = gram - gone_gram[person]
        if np.linalg.cond(left / scale) > 1e12:
            return None
        beta: Floats = np.linalg.solve(left, xy - gone_xy[person])
        return beta

    return refit


def _touching(values: Floats, cells: Cells) -> Floats:
    """Return the sum of values over the cells that each person takes part in, shape (n,)."""
    out = np.bincount(cells.rows, values, cells.n) + np.bincount(cells.columns, values, cells.n)
    return np.asarray(out, dtype=np.float64)


def _without_glm(cells: Cells, fit: _glm.CellFit, model: str) -> Callable[[int], Floats | None]:
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
