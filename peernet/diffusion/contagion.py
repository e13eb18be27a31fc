"""Who passes it on, who catches it, whether neighbours are alike."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet._tables import as_ids
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._exposure import Networks, Through, answered, as_networks, why_unknown
from peernet.diffusion._missing import periods_of, say_if_all_missing
from peernet.diffusion._time import Period, timeline
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.privacy.permissions import require
from peernet.results import Alternative, HypothesisTest, provenance

__all__ = ["infectiousness", "moran", "susceptibility"]

Discount = Literal["linear", "exponential"]
_TINY = 1e-15


def infectiousness(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    horizon: int = 1,
    discount: Discount = "linear",
    rate: float = 0.5,
    normalised: bool = True,
    weighted: bool = False,
    through: Literal["learners", "teachers"] = "learners",
    item: str | None = None,
) -> pd.Series[Any]:
    r"""How many of those a person teaches adopted right after them.

    With :math:`w_{ij}` how much i teaches j in period :math:`\tau_i + k` and weights :math:`d_k = k` (linear) or
    :math:`(1 + r)^{k-1}` (exponential),

    .. math:: I_i = \frac{\sum_k \sum_j w_{ij} 1[\tau_j = \tau_i + k] / d_k}
                         {\sum_k \sum_j w_{ij} 1[\tau_j \ge \tau_i + k] / d_k},

    divided, when normalised, by :math:`\sum_k \#\{j: \tau_j = \tau_i + k\} / d_k`: what everybody did in those periods.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``exposure``; one item.
    horizon : int
        Periods looked ahead, K.
    discount : {"linear", "exponential"}
        How later periods count.
    rate : float
        r of the exponential discount.
    normalised : bool
        Divide by what everybody did.
    weighted : bool
        Use tie weights.
    through : {"learners", "teachers"}
        Those the person teaches, or (as a contrast) those who teach the person.

    Returns
    -------
    pandas.Series
        At least 0, index = person id. 0 also for people with nobody left to reach; NaN for those who never adopt.
        Learners who did not say who teaches them are missing from it, not counted as unmoved.

    Raises
    ------
    DataError
        As ``exposure``.
    PermissionLocked
        When the study behind the network does not list ``diffusion.infectiousness``.

    References
    ----------
    .. [1] Valente, T. W., Dyal, S. R., Chu, K.-H., Wipfli, H. & Fujimoto, K. (2015). Diffusion of innovations theory
       applied to global tobacco control treaty ratification. *Social Science & Medicine* 145, 89-97.
       doi:10.1016/j.socscimed.2015.10.001
    """
    literal("through", through, ("learners", "teachers"))
    scores = _scores(
        net,
        adoptions,
        start,
        end,
        period,
        item,
        horizon,
        discount,
        rate,
        normalised,
        weighted,
        1,
        through,
        None,
    )
    return scores.rename("infectiousness")


def susceptibility(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    horizon: int = 1,
    discount: Discount = "linear",
    rate: float = 0.5,
    normalised: bool = True,
    weighted: bool = False,
    through: Literal["teachers", "learners"] = "teachers",
    item: str | None = None,
    compat: Literal["netdiffuseR"] | None = None,
) -> pd.Series[Any]:
    r"""How many of a person's teachers adopted right before them.

    With :math:`w_{ji}` how much j teaches i in period :math:`\tau_i - k + 1`,

    .. math:: S_i = \frac{\sum_k \sum_j w_{ji} 1[\tau_j = \tau_i - k] / d_k}
                         {\sum_k \sum_j w_{ji} 1[\tau_j \le \tau_i - k] / d_k},

    divided, when normalised, by :math:`\sum_k \#\{j: \tau_j = \tau_i - k\} / d_k`. Terms with
    :math:`\tau_i - k < 1` are skipped. People who never adopt count in neither sum.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``exposure``; one item.
    horizon, discount, rate, normalised, weighted
        As in ``infectiousness``.
    through : {"teachers", "learners"}
        Those who teach the person, or (as a contrast) those the person teaches.
    compat : {"netdiffuseR"}, optional
        Count people who never adopt in the denominator as if they had adopted before, as that package does by mistake.

    Returns
    -------
    pandas.Series
        At least 0, index = person id. 0 also for people none of whose teachers had adopted; NaN for never-adopters, and
        for people who were asked who teaches them and did not answer: their teachers are unknown.

    Raises
    ------
    DataError
        As ``exposure``.
    PermissionLocked
        When the study behind the network does not list ``diffusion.susceptibility``.
    """
    literal("through", through, ("learners", "teachers"))
    literal("compat", compat, (None, "netdiffuseR"))
    scores = _scores(
        net,
        adoptions,
        start,
        end,
        period,
        item,
        horizon,
        discount,
        rate,
        normalised,
        weighted,
        -1,
        through,
        compat,
    )
    return scores.rename("susceptibility")


def _scores(
    net: Networks, adoptions: pd.DataFrame, start: Any, end: Any, period: Period, item: str | None, horizon: int,
    discount: Discount, rate: float, normalised: bool, weighted: bool, sign: int, through: Through, compat: str | None,
) -> pd.Series[Any]:  # fmt: skip
    """Compute infectiousness (sign 1) or susceptibility (sign -1)."""
    literal("discount", discount, ("linear", "exponential"))
    count("horizon", horizon)
    number("rate", rate, 0)
    nets = as_networks(net)
    for each in nets:
        require(
            each, "person_level", function=f"diffusion.{'infectiousness' if sign > 0 else 'susceptibility'}"
        )
    items, moments = read_adoptions(adoptions, nets[0].ids, item)
    one = choose(items, "infectiousness" if sign > 0 else "susceptibility")
    periods = timeline(moments, start, end, period)
    if len(nets) not in (1, periods.n):
        raise DataError(f"net: {len(nets)} networks for {periods.n} periods. Give one, or one a period.")
    tau = periods_of(one, periods)
    adopted = (tau >= 0) & (tau < periods.n)
    n, last = len(tau), periods.n
    top, below, all_ = np.zeros(n), np.zeros(n), np.zeros(n)
    for k in range(1, horizon + 1):
        weight = 1.0 / k if discount == "linear" else (1.0 + rate) ** (1 - k)
        for t in np.unique(tau[adopted]):
            mine = np.flatnonzero(tau == t)
            other = t + sign * k
            slice_ = other if sign > 0 else other + 1
            # the first period has nobody before it, so a slice of 0 or less carries no term
            if slice_ >= last or (sign < 0 and slice_ < 1):
                continue
            matrix = facing(nets[slice_ if len(nets) > 1 else 0], through, weighted)[mine]
            same = (tau == other) & adopted
            reach = (tau >= other) & adopted if sign > 0 else (tau <= other) & adopted
            if compat == "netdiffuseR":
                reach = reach | (tau >= last)
            top[mine] += weight * (matrix @ same.astype(float))
            below[mine] += weight * (matrix @ reach.astype(float))
            all_[mine] += weight * same.sum()
    value = top / (below + _TINY)
    if normalised:
        value = value / (all_ + _TINY)
    known = np.logical_and.reduce([answered(each, through) for each in nets])
    out = pd.Series(np.where(adopted & known, value, np.nan), index=nets[0].ids)
    say_if_all_missing(
        out, "infectiousness" if sign > 0 else "susceptibility",
        [(not adopted.any(), "nobody adopted within the span"), *why_unknown(nets, through, "ties")[:1],
         (True, "no adopter with known ties is left")],
    )  # fmt: skip
    return out


def facing(net: PeerNetwork, through: str, weighted: bool) -> Any:
    """Return person x (learners or teachers)."""
    matrix = net.adjacency.copy() if through == "learners" else net.adjacency.T.tocsr()
    if not weighted:
        matrix = matrix.copy()
        matrix.data = np.ones_like(matrix.data)
    return matrix


def _values(values: Any, net: PeerNetwork) -> NDArray[np.float64]:
    """Return one number a person."""
    if not isinstance(values, pd.Series):
        raise DataError(f"values must be a Series indexed by person id; got {type(values).__name__}.")
    series = values.set_axis(as_ids(values.index, "values"))
    strange = series.index.difference(net.ids)
    if len(strange):
        raise DataError(f"values: {len(strange)} ids are not in people ({list(strange[:3])}).")
    twice = series.index[series.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"values: {len(twice)} people have several values ({list(twice[:3])}). Keep one each."
        )
    number_like = pd.api.types.is_numeric_dtype(series.dtype)
    if not number_like and series.notna().any():
        raise DataError(f"values must be numbers, one a person; got {series.dropna().iloc[0]!r}.")
    out = series.reindex(net.ids)
    wrong = np.isinf(out.to_numpy(dtype=np.float64, na_value=np.nan)) if number_like else np.zeros(0)
    if wrong.any():
        raise DataError(f"values: infinite for {int(wrong.sum())} people. Leave what is not known missing.")
    return out.to_numpy(dtype=np.float64, na_value=np.nan)


def moran(
    net: PeerNetwork,
    values: pd.Series[Any],
    *,
    weighted: bool = False,
    normalised: bool = True,
    near: Literal["ties", "paths"] = "ties",
    alternative: Alternative = "two-sided",
    n_draws: int = 0,
    rng: RNGLike | SeedLike | None = None,
) -> HypothesisTest:
    r"""Whether people resemble those who teach them (Moran's I).

    .. math:: I = \frac{n}{W} \frac{\sum_{ij} w_{ij} c_i c_j}{\sum_i c_i^2}, \qquad c_i = y_i - \bar y,

    with :math:`w_{ij}` the tie from learner i to teacher j. Mean -1/(n - 1) and variance under random assignment of the
    values are exact (Cliff & Ord); p is normal without draws, by shuffling the values with them.

    Parameters
    ----------
    net : PeerNetwork
        Who teaches whom.
    values : pandas.Series
        One number a person; people without one are left out with their ties.
    weighted : bool
        Use tie weights.
    normalised : bool
        Let each learner's weights sum to 1.
    near : {"ties", "paths"}
        Direct teachers, or all within six steps at weight 1 / steps.
    alternative : {"two-sided", "greater", "less"}
        Which departures count.
    n_draws : int
        Shuffles; 0 = exact moments and the normal approximation.
    rng : generator or seed, optional
        For the shuffles.

    Returns
    -------
    HypothesisTest
        ``observed`` about in [-1, 1]; NaN when nobody has a tie, or nobody differs.

    Raises
    ------
    DataError
        For values that are not indexed by person.

    References
    ----------
    .. [1] Moran, P. A. P. (1950). Notes on continuous stochastic phenomena. *Biometrika* 37, 17-23.
       doi:10.2307/2332142
    """
    rng = as_rng(rng)
    literal("near", near, ("ties", "paths"))
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    count("n_draws", n_draws, 0)
    state = record(rng)
    y = _values(values, net)
    keep = np.flatnonzero(np.isfinite(y))
    w = facing(net, "teachers", weighted).tocsr()[keep][:, keep].tocoo()
    row, column, weight = w.coords[0], w.coords[1], w.data
    if near == "paths":
        row, column, weight = _paths(net, keep)
    n = len(keep)
    if normalised and len(weight):
        weight = weight / (np.bincount(row, weight, n)[row] + 1e-20)
    c = y[keep] - y[keep].mean() if n else np.zeros(0)
    observed, mean, sd = _moran(row, column, weight, c)
    null = np.zeros(0)
    if n_draws and np.isfinite(observed):
        spread = float(c @ c)
        size = n / weight.sum() / spread
        null = np.array(
            [
                size * float(weight @ (d[row] * d[column]))
                for d in (rng.permutation(c) for _ in range(n_draws))
            ]
        )
    p = float("nan") if n_draws else _normal_p(observed, mean, sd, alternative)
    name = "Moran's I between learners and their teachers"
    if n < net.n_people:
        name += f" ({n} of {net.n_people} people have a value)"
    if not np.isfinite(observed):
        name += f", not defined: {_why_not(n, weight, c)}"
    return HypothesisTest(
        name=name, observed=observed, null=null, null_mean=mean, null_sd=sd,
        p_value=p, alternative=alternative, null_model="values assigned to people at random",
        estimand="Likeness of people and those who teach them",
        provenance=provenance("diffusion.moran", net, rng=state,
        options={"normalised": normalised, "near": near, "n_draws": n_draws},
        used={"used": n, "missing": net.n_people - n}),
    )  # fmt: skip


def _why_not(n: int, weight: Any, c: NDArray[np.float64]) -> str:
    """Say why Moran's I is not defined."""
    if n < 4:
        return "fewer than 4 values"
    return "no ties between people with values" if not weight.sum() > 0 else "all values are the same"


def _paths(net: PeerNetwork, keep: NDArray[np.intp]) -> tuple[Any, Any, Any]:
    """Return pairs within six steps along "learns from", weighted by 1 / steps."""
    from scipy.sparse.csgraph import shortest_path

    steps = shortest_path(net.adjacency.T.tocsr(), directed=True, unweighted=True)[np.ix_(keep, keep)]
    row, column = np.nonzero((steps > 0) & (steps <= 6))
    return row, column, 1.0 / steps[row, column]


def _moran(
    row: Any, column: Any, weight: NDArray[np.float64], c: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return Moran's I with mean and sd under random assignment."""
    n = len(c)
    total, spread = float(weight.sum()), float(c @ c)
    if n < 4 or total <= 0 or spread <= 0:
        return float("nan"), -1.0 / (n - 1) if n > 1 else float("nan"), float("nan")
    observed = n / total * float(weight @ (c[row] * c[column])) / spread
    from scipy.sparse import csr_array

    w = csr_array((weight, (row, column)), shape=(n, n))
    both = w + w.T
    s1 = 0.5 * float(both.multiply(both).sum())
    s2 = float(((np.asarray(w.sum(axis=0)) + np.asarray(w.sum(axis=1))) ** 2).sum())
    s3 = float((c**4).mean() / (c**2).mean() ** 2)
    s4 = (n * n - 3 * n + 3) * s1 - n * s2 + 3 * total**2
    s5 = n * (n - 1) * s1 - 2 * n * s2 + 6 * total**2
    mean = -1.0 / (n - 1)
    variance = (n * s4 - s3 * s5) / ((n - 1.0) * (n - 2) * (n - 3) * total**2) - mean**2
    return observed, mean, float(np.sqrt(max(variance, 0.0)))


def _normal_p(observed: float, mean: float, sd: float, alternative: str) -> float:
    """Return the normal p-value."""
    from scipy.special import ndtr

    if not np.isfinite(observed) or not sd > 0:
        return float("nan")
    z = (observed - mean) / sd
    return float({"two-sided": 2 * ndtr(-abs(z)), "greater": ndtr(-z), "less": ndtr(z)}[alternative])
