"""Means and ratios from sampled people, with the design of the sample in the interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import literal, number, quoted, rows_text
from peernet.errors import DataError
from peernet.hypotheses._guards import warn_few
from peernet.results import Estimate, format_number, provenance

__all__ = ["DesignEstimate", "SinglePSU", "design_mean", "design_ratio"]

SinglePSU = Literal["error", "centred", "zero"]
Population = float | Mapping[Any, float] | pd.Series | ArrayLike | tuple[Any, Any] | None
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DesignEstimate(Estimate):
    """A mean or ratio with a design-based interval.

    Attributes
    ----------
    df : float
        Degrees of freedom of the t interval: sampled clusters (people where nobody is clustered) minus strata.
    n_psu, n_strata : int
        Primary sampling units and strata that were used.
    design_effect : float
        Variance over that of a simple random sample of as many people (with its finite population correction where
        ``population`` was given); NaN where that is zero.
    fraction : float
        Share of the population that was observed; NaN where its size is unknown.
    """

    df: float = float("nan")
    n_psu: int = 0
    n_strata: int = 1
    design_effect: float = float("nan")
    fraction: float = float("nan")

    def to_frame(self) -> pd.DataFrame:
        """Return one row: the estimate, its interval and the design behind it."""
        keys = ("df", "n_psu", "n_strata", "design_effect", "fraction")
        return super().to_frame().assign(**{k: getattr(self, k) for k in keys})


class Design(NamedTuple):
    """A sampling design in integer codes: one entry per row, then one per stratum and per cluster."""

    rows: NDArray[np.intp]
    weight: Floats
    stratum: NDArray[np.intp]
    psu: NDArray[np.intp]
    psu_stratum: NDArray[np.intp]
    n_h: Floats
    size_h: Floats
    m_c: Floats
    size_c: Floats
    names: pd.Index[Any]
    size: float


def _aligned(name: str, column: Any, index: pd.Index[Any] | None, n: int) -> pd.Series[Any]:
    """Return a column as a Series over the rows of the values, joined by id where both carry ids."""
    if isinstance(column, pd.Series) and index is not None and not column.index.equals(index):
        if column.index.has_duplicates or index.has_duplicates:
            raise DataError(
                f"{name}: its ids repeat and are not in the order of the values. Give one row per id."
            )
        lost = index.difference(column.index)
        if len(lost):
            raise DataError(
                f"{name}: no entry for {len(lost)} of {n} people ({quoted(lost)}). Give every id a value."
            )
        column = column.reindex(index)
    series = pd.Series(column).reset_index(drop=True)
    if len(series) != n:
        raise DataError(f"{name} has {len(series)} entries for {n} values. Give one entry per value.")
    return series


def _numbers(name: str, values: Any) -> Floats:
    """Return numbers with NaN for missing, refusing text and infinities."""
    try:
        out = np.asarray(pd.Series(values).astype("float64"), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: not all are numbers ({error}). Turn them into numbers first.") from error
    bad = np.flatnonzero(np.isinf(out))
    if len(bad):
        raise DataError(
            f"{name}: {len(bad)} of {len(out)} are infinite ({rows_text(bad)}). Correct or remove them."
        )
    return out


def _labels(name: str, column: Any, index: pd.Index[Any] | None, n: int) -> pd.Series[Any]:
    """Return labels for every row; a missing label is an error."""
    if column is None:
        return pd.Series("all", index=range(n))
    series = _aligned(name, column, index, n)
    gone = np.flatnonzero(series.isna())
    if len(gone):
        raise DataError(
            f"{name}: {len(gone)} of {n} are missing ({rows_text(gone)}). Name one, such as 'none'."
        )
    return series


def _sizes(
    population: Any, codes: NDArray[np.intp], names: pd.Index[Any], index: Any, what: str, n: int
) -> Floats:
    """Return the population size of each stratum (or cluster), from a number, a mapping or a column."""
    by_row = isinstance(population, (np.ndarray, list)) or (
        isinstance(population, pd.Series) and index is not None and population.index.equals(index)
    )
    if by_row:
        given = _numbers("population", population)
        if len(given) != n:
            raise DataError(
                f"population has {len(given)} entries for {n} values. Give one per value, or a mapping."
            )
        sizes = np.full(len(names), np.nan)
        sizes[codes] = given
        uneven = names[np.unique(codes[~np.isclose(given, sizes[codes], rtol=0, atol=0)])]
        if len(uneven):
            raise DataError(
                f"population: more than one size for {what} {quoted(uneven)}. Give one size for each."
            )
        return sizes
    if isinstance(population, (Mapping, pd.Series)):
        table = pd.Series(dict(population), dtype="object")
        lost = names.difference(table.index)
        if len(lost):
            raise DataError(f"population: no size for {what} {quoted(lost)}. Give the size of each {what}.")
        return _numbers("population", table.reindex(names))
    if len(names) > 1:
        raise DataError(
            f"population is one number, but there are {len(names)} {what} ({quoted(names)}). "
            f"Give a mapping from each {what} to its size."
        )
    return np.full(1, number("population", population, 0, open_low=True))


def make_design(
    present: NDArray[np.bool_],
    index: Any,
    *,
    strata: Any,
    clusters: Any,
    weights: Any,
    population: Population,
) -> Design:
    """Code a design over the rows that are present; see :func:`design_mean` for the parameters."""
    n = len(present)
    rows = np.flatnonzero(present)
    stratum, names = pd.factorize(_labels("strata", strata, index, n)[rows], sort=True)
    if clusters is None:
        psu, psu_names = np.arange(len(rows)), pd.Index(rows)
    else:
        labels = _labels("clusters", clusters, index, n)[rows].reset_index(drop=True)
        psu, psu_names = pd.factorize(labels)
        places = pd.DataFrame({"psu": psu, "stratum": stratum}).drop_duplicates()
        twice = places["psu"][places["psu"].duplicated()].to_numpy()
        if len(twice):
            raise DataError(
                f"clusters: {quoted(psu_names[twice])} stand in more than one stratum. Clusters lie inside strata: "
                "make the names distinct, such as stratum + '-' + cluster."
            )
    psu_stratum = np.zeros(len(psu_names), dtype=np.intp)
    psu_stratum[psu] = stratum
    n_h = np.bincount(psu_stratum, minlength=len(names)).astype(np.float64)
    m_c = np.bincount(psu, minlength=len(psu_names)).astype(np.float64)
    first, second = population if isinstance(population, tuple) else (population, None)
    if second is not None and clusters is None:
        raise DataError("population: two stages need clusters. Say clusters=, or give one size per stratum.")
    size_h = np.full(len(names), np.inf)
    size_c = m_c.copy() if second is None else np.full(len(psu_names), np.inf)
    kept = None if index is None else index[rows]
    if first is not None:
        size_h = _sizes(_picked(first, rows, n, index), stratum, pd.Index(names), kept, "stratum", len(rows))
    if second is not None:
        size_c = _sizes(_picked(second, rows, n, index), psu, pd.Index(psu_names), kept, "cluster", len(rows))
    _enough(n_h, size_h, names, "stratum")
    _enough(m_c, size_c, psu_names, "cluster")
    if weights is not None:
        weight = _numbers("weights", _aligned("weights", weights, index, n))[rows]
        wrong = np.flatnonzero(~(weight >= 0))
        if len(wrong):
            raise DataError(
                f"weights: {len(wrong)} are missing or negative ({rows_text(rows[wrong])}). Give >= 0."
            )
    elif first is not None:
        weight = (size_h / n_h)[stratum] * (size_c / m_c)[psu]
    else:
        weight = np.ones(len(rows))
    total = float(weight.sum()) if first is not None else float("inf")
    return Design(rows, weight, stratum, psu, psu_stratum, n_h, size_h, m_c, size_c, pd.Index(names), total)


def _picked(sizes: Any, rows: NDArray[np.intp], n: int, index: Any) -> Any:
    """Keep the entries of a column of sizes that belong to the rows in use; mappings and numbers pass through."""
    if isinstance(sizes, list):
        sizes = np.asarray(sizes, dtype=np.float64)
    if isinstance(sizes, np.ndarray) and sizes.ndim == 1 and len(sizes) == n:
        return sizes[rows]
    if isinstance(sizes, pd.Series) and index is not None and sizes.index.equals(index):
        return sizes.to_numpy()[rows]
    return sizes


def _enough(sampled: Floats, sizes: Floats, names: Any, what: str) -> None:
    """Refuse samples larger than their population."""
    over = np.flatnonzero(~(sizes >= sampled * (1 - 1e-12)))
    if len(over):
        k = over[0]
        raise DataError(
            f"population: {what} {pd.Index(names).tolist()[k]!r} has {sampled[k]:.0f} sampled but a size of "
            f"{sizes[k]:g} ({len(over)} such). Give sizes that count everybody, the sampled included."
        )


def linearised_variance(z: Floats, design: Design, single_psu: SinglePSU) -> float:
    r"""Variance of a total of weighted influence values ``z`` under the design.

    .. math:: V = \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_c (z_{hc} - \bar z_h)^2
              + \sum_h f_h \sum_c (1 - f_c) \frac{m_c}{m_c - 1} \sum_i (z_{hci} - \bar z_{hc})^2
    """
    totals = np.bincount(design.psu, z, len(design.psu_stratum))
    f_h = design.n_h / design.size_h
    lonely = (design.n_h == 1) & (f_h < 1 - 1e-12)
    if lonely.any() and single_psu == "error" and len(design.n_h) == 1:
        raise DataError(
            "values: all are of one sampled cluster (or person), so the spread between those that could have been "
            "sampled is unknown. Sample two or more; where everybody was asked, units are strata= and not clusters=."
        )
    if lonely.any() and single_psu == "error":
        raise DataError(
            f"strata: {lonely.sum()} have a single sampled unit ({quoted(design.names[lonely])}), so their spread is "
            "unknown. Merge them with a neighbour, or pass single_psu='centred' (spread around the overall mean)."
        )
    mean_h = np.bincount(design.psu_stratum, totals, len(design.n_h)) / design.n_h
    centre = np.where(lonely, 0.0 if single_psu == "centred" else mean_h, mean_h)
    squares = np.bincount(design.psu_stratum, (totals - centre[design.psu_stratum]) ** 2, len(design.n_h))
    variance = float(np.sum((1 - f_h) * design.n_h / np.maximum(design.n_h - 1, 1) * squares))
    f_c = design.m_c / design.size_c
    if (f_c < 1 - 1e-12).any():
        if (single := (design.m_c == 1) & (f_c < 1 - 1e-12)).any() and single_psu == "error":
            raise DataError(
                f"clusters: {single.sum()} have a single sampled person, so their inner spread is unknown. Sample two "
                "or more a cluster, or pass single_psu='zero'."
            )
        inner = z - (totals / design.m_c)[design.psu]
        spread = np.bincount(design.psu, inner**2, len(totals)) * design.m_c / np.maximum(design.m_c - 1, 1)
        within = np.where(np.isfinite(f_c), (1 - f_c) * spread, 0.0)
        variance += float(np.sum(np.nan_to_num(f_h)[design.psu_stratum] * within))
    return variance


def t_interval(value: float, std_error: float, df: float, level: float) -> tuple[float, float]:
    """Return value -+ t quantile x standard error; NaN without degrees of freedom unless nothing is uncertain."""
    if std_error == 0:
        return value, value
    if not df > 0:
        return float("nan"), float("nan")
    from scipy.special import stdtrit

    half = float(stdtrit(df, (1 + level) / 2)) * std_error
    return value - half, value + half


def _estimate(
    y: Floats, x: Floats, design: Design, inside: NDArray[np.bool_], single_psu: SinglePSU, level: float
) -> dict[str, Any]:
    """Estimate sum w y / sum w x with its linearised interval."""
    w = np.where(inside, design.weight, 0.0)
    y, x = np.where(inside, y, 0.0), np.where(inside, x, 0.0)
    below = float(np.sum(w * x))
    if not below > 0:
        raise DataError("the denominator sums to zero: no weight is left. Check weights, x and domain.")
    value = float(np.sum(w * y)) / below
    variance = linearised_variance(w * (y - value * x) / below, design, single_psu)
    std_error = float(np.sqrt(max(variance, 0.0)))
    used = np.bincount(design.psu, w != 0, len(design.psu_stratum)) > 0
    df = float(used.sum() - len(np.unique(design.psu_stratum[used])))
    low, high = t_interval(value, std_error, df, level)
    n = int(np.count_nonzero(w))
    size = float(np.sum(w)) if np.isfinite(design.size) else float("nan")
    spread = np.sum(w * (y - value * x) ** 2) / np.sum(w) * n / max(n - 1, 1) * (np.sum(w) / below) ** 2
    simple = spread / max(n, 1) * (1.0 if np.isnan(size) else max(1 - n / size, 0.0))
    return {
        "value": value, "low": low, "high": high, "level": level, "std_error": std_error, "df": df, "n": n,
        "n_psu": int(used.sum()), "n_strata": len(design.n_h), "fraction": n / size,
        "design_effect": float(variance / simple) if simple > 0 else float("nan"),
    }  # fmt: skip


def _method(result: dict[str, Any], clusters: Any, population: Any) -> str:
    """Name the interval in words."""
    kind = "sampled clusters" if clusters is not None else "people"
    strata = f" in {result['n_strata']} strata" if result["n_strata"] > 1 else ""
    fpc = ", finite population" if population is not None else ""
    return f"t with {format_number(result['df'])} df, {kind}{strata}{fpc}"


def design_mean(
    values: ArrayLike | pd.Series,
    *,
    strata: ArrayLike | pd.Series | None = None,
    clusters: ArrayLike | pd.Series | None = None,
    weights: ArrayLike | pd.Series | None = None,
    population: Population = None,
    domain: ArrayLike | pd.Series | None = None,
    level: float = 0.95,
    single_psu: SinglePSU = "error",
) -> DesignEstimate:
    r"""Mean of a population, estimated from a sample by its design.

    With weights :math:`w_i`, :math:`m = \sum w_i x_i / \sum w_i`; its variance is that of the total of
    :math:`z_i = w_i (x_i - m) / \sum w` (Taylor linearisation), with sampled clusters c in strata h,

    .. math:: V = \sum_h (1 - f_h) \frac{n_h}{n_h - 1} \sum_c (z_{hc} - \bar z_h)^2, \quad f_h = n_h / N_h,

    plus, where people are sampled inside clusters, :math:`\sum_h f_h \sum_c (1 - f_c) m_c s^2_c`. The interval is
    t with (clusters - strata) degrees of freedom. In a survey of a whole firm every unit is asked, so units are
    **strata**, never clusters.

    Parameters
    ----------
    values : array-like or Series, shape (n,)
        Numbers; NaN = no answer, left out as though not sampled (counted in ``provenance``).
    strata, clusters : array-like or Series, shape (n,), optional
        Stratum and sampled cluster of each value; a Series is joined by id. Without clusters people are the units.
    weights : array-like or Series, shape (n,), optional
        Sampling weights, >= 0. By default population / sample size, and equal without ``population``.
    population : number, mapping, array-like or (clusters, people), optional
        Size of the population: a number, a mapping from stratum to size, or one entry per value. Sizes count people,
        and clusters where clusters are sampled; a pair gives clusters per stratum and people per cluster (two stages).
        None = infinite.
    domain : array-like of bool, shape (n,), optional
        The mean of these people only, with the design of everybody.
    level : float
        Coverage of the interval.
    single_psu : {"error", "centred", "zero"}
        A stratum with a single sampled unit: refuse; measure its spread around the overall mean; ignore its spread.

    Returns
    -------
    DesignEstimate
        In the unit of ``values``. The interval is NaN without degrees of freedom, and a point when everybody was seen.

    Raises
    ------
    DataError
        For columns that do not match, samples larger than their population, strata with a single unit.

    References
    ----------
    .. [1] Lumley, T. (2010). *Complex Surveys*. Wiley. doi:10.1002/9780470580066
    .. [2] Cochran, W. G. (1977). *Sampling Techniques*, 3rd ed. Wiley.

    Examples
    --------
    >>> est = design_mean([60, 70, 80, 90], strata=["a", "a", "b", "b"], population={"a": 4, "b": 12})
    >>> round(est.value, 2), round(est.std_error, 3)
    (80.0, 3.536)
    """
    ones = np.ones(np.size(np.asarray(values)))
    return _run(
        "design_mean", values, ones, strata=strata, clusters=clusters, weights=weights, population=population,
        domain=domain, level=level, single_psu=single_psu,
    )  # fmt: skip


def design_ratio(
    y: ArrayLike | pd.Series,
    x: ArrayLike | pd.Series,
    *,
    strata: ArrayLike | pd.Series | None = None,
    clusters: ArrayLike | pd.Series | None = None,
    weights: ArrayLike | pd.Series | None = None,
    population: Population = None,
    domain: ArrayLike | pd.Series | None = None,
    level: float = 0.95,
    single_psu: SinglePSU = "error",
) -> DesignEstimate:
    r"""Ratio of two totals, such as social hours over all hours of learning.

    :math:`R = \sum w_i y_i / \sum w_i x_i`, with the variance of the total of :math:`z_i = w_i (y_i - R x_i) /
    \sum w x` under the design (see :func:`design_mean`). It is not the mean of the people's own ratios: people who
    learn for more hours count for more.

    Parameters
    ----------
    y, x : array-like or Series, shape (n,)
        Numerator and denominator of each person; rows with a NaN in either are left out.
    strata, clusters, weights, population, domain, level, single_psu
        As in :func:`design_mean`.

    Returns
    -------
    DesignEstimate
        In units of y per x.

    Raises
    ------
    DataError
        As :func:`design_mean`, and when the denominator sums to zero.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 answers: the linearisation is an approximation.

    References
    ----------
    .. [1] Cochran, W. G. (1977). *Sampling Techniques*, 3rd ed., chapter 6. Wiley.

    Examples
    --------
    >>> round(design_ratio([1, 2, 6] * 7, [2, 4, 6] * 7).value, 3)
    0.75
    """
    return _run(
        "design_ratio", y, x, strata=strata, clusters=clusters, weights=weights, population=population,
        domain=domain, level=level, single_psu=single_psu,
    )  # fmt: skip


def _run(
    function: str, y: Any, x: Any, *, domain: Any, level: float, single_psu: SinglePSU, **given: Any
) -> DesignEstimate:
    """Check the inputs of both estimators, estimate, and wrap the answer."""
    number("level", level, 0, 1, open_low=True, open_high=True)
    literal("single_psu", single_psu, ("error", "centred", "zero"))
    index = y.index if isinstance(y, pd.Series) else None
    top = _numbers("values" if function == "design_mean" else "y", y)
    below = _numbers("x", _aligned("x", x, index, len(top)))
    present = ~(np.isnan(top) | np.isnan(below))
    inside = np.ones(len(top), dtype=bool)
    if domain is not None:
        inside = _labels("domain", domain, index, len(top)).to_numpy(dtype=bool)
        present |= ~inside
    if not (present & inside).any():
        raise DataError(f"{function}: none of {len(top)} values is present. There is nothing to average.")
    design = make_design(present, index, **given)
    keep = design.rows
    found = _estimate(top[keep], below[keep], design, inside[keep], single_psu, level)
    if function == "design_ratio":
        warn_few(
            function, int(inside[keep].sum()), so="Give more answers, or report the bounds.", stacklevel=4
        )
    name = "mean" if function == "design_mean" else "ratio of totals"
    options = {"level": level, "single_psu": single_psu, **{k: v is not None for k, v in given.items()}}
    missing = int(len(top) - len(keep))
    return DesignEstimate(
        name=name,
        method=_method(found, given["clusters"], given["population"]),
        estimand=f"the {name} in the population that was sampled",
        assumptions=(
            "people inside a stratum answered at random",
            "the design given is the one that was used",
        ),
        provenance=provenance(f"hypotheses.{function}", options=options, used={"missing": missing}),
        **found,
    )
