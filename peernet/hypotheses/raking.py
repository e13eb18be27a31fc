"""Weights that make those who answered look like the roster on several margins at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import column, number, quoted
from peernet._tables import as_ids
from peernet.errors import DataError, FitError
from peernet.hypotheses._guards import warn_few
from peernet.hypotheses.survey import DesignEstimate, _numbers, linearised_variance, make_design, t_interval
from peernet.results import provenance

__all__ = ["rake", "raked_mean"]


def _codes(
    people: pd.DataFrame, answered: NDArray[np.bool_], margins: Sequence[str]
) -> list[NDArray[np.intp]]:
    """Return category codes of every margin, refusing categories in which nobody answered."""
    out = []
    for name in margins:
        code, names = pd.factorize(
            column(people, name).astype("object").where(people[name].notna(), "(none)"), sort=True
        )
        empty = np.bincount(code[answered], minlength=len(names)) == 0
        if empty.any():
            raise DataError(
                f"people: nobody answered in {name} {quoted(names[empty])}, so no weight can stand for "
                f"them. Merge these "
                "categories with others."
            )
        out.append(code)
    return out


def _who(people: pd.DataFrame, answered: ArrayLike | pd.Index | Sequence[str]) -> NDArray[np.bool_]:
    """Return who answered, from ids or from one truth value a person."""
    given = pd.Series(list(answered))  # type: ignore[arg-type]
    if len(given) == len(people) and pd.api.types.is_bool_dtype(given.dtype):
        if isinstance(answered, pd.Series):
            given = answered.reindex(people.index)
        return given.to_numpy(dtype=bool)
    ids = as_ids(given, "answered")
    lost = ids.difference(as_ids(people.index, "people"))
    if len(lost):
        raise DataError(
            f"answered: {len(lost)} ids are not in people ({quoted(lost)}). Add them to the roster."
        )
    found: NDArray[np.bool_] = as_ids(people.index, "people").isin(ids)
    return found


def rake(
    people: pd.DataFrame,
    answered: ArrayLike | pd.Index | Sequence[str],
    margins: Sequence[str],
    *,
    tolerance: float = 1e-10,
    n_rounds: int = 1000,
) -> pd.Series:
    r"""Weight of each answer so that the weighted answers match the roster on every margin.

    Iterative proportional fitting: :math:`w_i \leftarrow w_i N_k / \sum_{j \in k} w_j` for every category k of every
    margin in turn, until all margins hold.

    Parameters
    ----------
    people : DataFrame
        The roster.
    answered : ids, or one truth value per person
        Who answered.
    margins : sequence of str
        Columns of ``people``; a missing value is a category of its own.
    tolerance : float
        Largest relative error of a margin.
    n_rounds : int
        Most rounds.

    Returns
    -------
    pandas.Series
        Weights > 0 of those who answered, summing to the roster; index = person id, name ``"weight"``.

    Raises
    ------
    DataError
        For categories in which nobody answered, and ids that are not on the roster.
    FitError
        When margins cannot be met together.

    References
    ----------
    .. [1] Deming, W. E. & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency table.
    *Annals of
       Mathematical Statistics* 11, 427-444. doi:10.1214/aoms/1177731829
    """
    if not len(margins) or isinstance(margins, str):
        raise ValueError("margins must be a list of columns of people, such as ['unit', 'site'].")
    who = _who(people, answered)
    codes = _codes(people, who, margins)
    totals = [np.bincount(code) for code in codes]
    mine = [code[who] for code in codes]
    w = np.full(int(who.sum()), len(people) / who.sum())
    for _ in range(n_rounds):
        for code, total in zip(mine, totals, strict=True):
            w *= (total / np.bincount(code, w, len(total)))[code]
        worst = max(
            float(np.max(np.abs(np.bincount(code, w, len(total)) / total - 1)))
            for code, total in zip(mine, totals, strict=True)
        )
        if worst < tolerance:
            return pd.Series(w, index=people.index[who], name="weight")
    raise FitError(
        f"rake: margins {quoted(margins)} still differ by {worst:.1e} after {n_rounds} rounds. Use fewer of them."
    )


def raked_mean(
    values: pd.Series,
    people: pd.DataFrame,
    margins: Sequence[str],
    *,
    strata: str | None = None,
    level: float = 0.95,
) -> DesignEstimate:
    r"""Mean of the roster from raked weights, with the error that remains after the margins.

    The mean of :math:`x` under the raked weights; its variance is that of the residuals of x on the margins (weighted
    least squares, times (n - 1)/(n - rank)), as for any calibrated estimator: what the margins explain is no longer
    uncertain.

    Parameters
    ----------
    values : Series
        Answers by person id; NaN left out.
    people : DataFrame
        The roster.
    margins : sequence of str
        Columns to match.
    strata : str, optional
        Column of strata within which people answered; the whole roster is one by default.
    level : float
        Coverage of the interval.

    Returns
    -------
    DesignEstimate
        In the unit of ``values``, with finite population correction.

    Raises
    ------
    DataError, FitError
        As :func:`rake`.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 answers.

    References
    ----------
    .. [1] Deville, J.-C. & Särndal, C.-E. (1992). Calibration estimators in survey sampling. *J. American Statistical
       Association* 87, 376-382. doi:10.1080/01621459.1992.10475217
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    told = pd.Series(_numbers("values", values), index=as_ids(values.index, "values")).dropna()
    people = people.set_axis(as_ids(people.index, "people"), axis=0)
    weight = rake(people, told.index, margins)
    y, w = told.reindex(weight.index).to_numpy(), weight.to_numpy()
    who = people.index.isin(weight.index)
    dummies = np.column_stack([np.eye(code.max() + 1)[code[who]] for code in _codes(people, who, margins)])
    root = np.sqrt(w)
    fit, _, rank, _ = np.linalg.lstsq(dummies * root[:, None], y * root, rcond=None)
    if len(y) <= rank:
        raise DataError(
            f"values: {len(y)} answers cannot carry {rank} categories of margins. Use fewer margins."
        )
    warn_few("raked_mean", len(y), so="Use the worst-case bounds, or collect more answers.")
    # Residuals of fitted margins are too small by the degrees of freedom that the fit took.
    residual = (y - dummies @ fit) * np.sqrt((len(y) - 1) / (len(y) - rank))
    group = pd.Series("all", index=people.index) if strata is None else column(people, strata)
    design = make_design(
        np.ones(len(y), dtype=bool),
        None,
        strata=group[who].to_numpy(),
        clusters=None,
        weights=w,
        population=group.value_counts().to_dict(),
    )
    error = float(np.sqrt(linearised_variance(w * residual / w.sum(), design, "centred")))
    value, df = float(np.average(y, weights=w)), float(len(y) - rank)
    low, high = t_interval(value, error, df, level)
    return DesignEstimate(
        name="mean",
        value=value,
        low=low,
        high=high,
        level=level,
        std_error=error,
        df=df,
        n=len(y),
        n_psu=len(y),
        n_strata=len(design.n_h),
        fraction=len(y) / len(people),
        method=f"raked to {', '.join(margins)}",
        estimand="the mean of the roster",
        assumptions=("people answered at random given the margins",),
        provenance=provenance("hypotheses.raked_mean", options={"margins": list(margins), "level": level}),
    )
