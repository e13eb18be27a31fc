"""Many means at once: units that borrow strength from each other, and organisations pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet.errors import DataError
from peernet.hypotheses._sample import sample_of
from peernet.hypotheses.shares import ShareEstimate, percent
from peernet.results import Estimate, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PooledMeans", "pool_organisations", "unit_shares"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PooledMeans(Estimate):
    """Means of several groups, and of the distribution they come from.

    ``value, low, high`` are the mean over groups and its interval.

    Attributes
    ----------
    groups : pandas.DataFrame
        One row a group: ``group, n, value, std_error`` (alone), ``pooled, low, high`` (with strength borrowed),
        ``weight``
        (of its own data, 1 = nothing borrowed), ``shown``.
    spread : float
        Estimated standard deviation of the true means between groups.
    spread_share : float
        Share of the variation between group means that is not sampling error, in [0, 1] (I squared).
    next_low, next_high : float
        Interval for the mean of a further group of the same kind.
    """

    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    spread: float = float("nan")
    spread_share: float = float("nan")
    next_low: float = float("nan")
    next_high: float = float("nan")

    def summary(self) -> str:
        """State the overall mean, how much groups differ, and what a further one might give."""
        return (
            f"{self.name}: {percent(self.value, 1)} over {len(self.groups)} groups ({self.level:.0%} interval "
            f"{percent(self.low, 1)} to {percent(self.high, 1)}). True means spread by {100 * self.spread:.1f} points "
            f"({percent(self.spread_share)} of what differs is more than sampling error); a further group "
            f"of the same kind "
            f"would lie between {percent(self.next_low)} and {percent(self.next_high)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the groups."""
        return self.groups.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each group alone (open) and pooled (filled, with interval), and the mean over groups.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        frame = self.groups[self.groups["shown"]].sort_values("pooled").reset_index(drop=True)
        rows = np.arange(len(frame))
        axes.axvline(100 * self.value, color=plots.GREY, linestyle="--")
        axes.hlines(rows, 100 * frame["low"], 100 * frame["high"], color=plots.OKABE_ITO[0], linewidth=2.5)
        axes.plot(100 * frame["pooled"], rows, "o", color=plots.OKABE_ITO[0], label="pooled")
        axes.plot(
            100 * frame["value"], rows, "o", color=plots.OKABE_ITO[5], markerfacecolor="white", label="alone"
        )
        axes.set_yticks(rows, [f"{g} (n = {n})" for g, n in zip(frame["group"], frame["n"], strict=True)])
        axes.set_xlabel("mean share (percent)")
        hidden = int((~self.groups["shown"]).sum())
        left = f"; {hidden} too small to show" if hidden else ""
        plots.set_title(axes, f"Groups spread by {100 * self.spread:.0f} points{left}")
        axes.legend(frameon=False)
        return axes


def _between(y: Floats, v: Floats) -> float:
    r"""Return the variance between true means that makes the weighted squares equal their expectation.

    Paule and Mandel: :math:`\sum (y_k - \hat\mu)^2 / (v_k + \tau^2) = K - 1`; 0 where even that is too much.
    """
    from scipy.optimize import brentq

    def excess(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2) - (len(y) - 1))

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.var(y, ddof=1)) + 1e-12
    while excess(top) > 0:
        top *= 2
    return float(brentq(excess, 0.0, top, xtol=1e-14))


def _shrunk(y: Floats, v: Floats) -> tuple[Floats, Floats, Floats]:
    """Return weights of the own data, posterior means and deviations, averaged over the unknown spread.

    Flat prior on the mean and on the standard deviation between groups, summed over a grid of the latter: fixing
    it at an
    estimate, often 0, makes intervals too short.
    """
    top = 5 * float(np.std(y, ddof=1)) + 3 * float(np.sqrt(v.max()))
    tau2 = (np.linspace(0, 1, 400)[:, None] * top) ** 2
    w = 1 / (v + tau2)
    total = w.sum(axis=1)
    mu = (w * y).sum(axis=1) / total
    log = 0.5 * (np.log(w).sum(axis=1) - np.log(total) - (w * (y - mu[:, None]) ** 2).sum(axis=1))
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    own = tau2 / (tau2 + v)
    mean = own * y + (1 - own) * mu[:, None]
    variance = own * v + (1 - own) ** 2 / total[:, None]
    pooled = chance @ mean
    return chance @ own, pooled, np.sqrt(chance @ (variance + mean**2) - pooled**2)


def _pool(y: Floats, v: Floats, level: float) -> dict[str, Any]:
    """Return the mean over groups (Hartung-Knapp), the spread, and the shrunken means with their errors."""
    from scipy.special import ndtri, stdtrit

    k = len(y)
    tau2 = _between(y, v)
    w = 1 / (v + tau2)
    mu = float(np.sum(w * y) / w.sum())
    # Never narrower than the plain normal error: with few groups the Hartung-Knapp factor can be near zero by chance.
    factor = max(1.0, float(np.sum(w * (y - mu) ** 2)) / (k - 1))
    error = float(np.sqrt(factor / w.sum()))
    t = float(stdtrit(k - 1, (1 + level) / 2))
    ahead = float(stdtrit(max(k - 2, 1), (1 + level) / 2)) * np.sqrt(tau2 + error**2)
    own, pooled, spread = _shrunk(y, v)
    z = float(ndtri((1 + level) / 2))
    fixed = 1 / v
    q = float(np.sum(fixed * (y - np.sum(fixed * y) / fixed.sum()) ** 2))
    return {
        "value": mu, "std_error": error, "low": mu - t * error, "high": mu + t * error, "tau": float(np.sqrt(tau2)),
        "i2": max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0, "ahead": (mu - ahead, mu + ahead), "weight": own,
        "pooled": pooled, "pooled_low": pooled - z * spread, "pooled_high": pooled + z * spread,
    }  # fmt: skip


def _result(
    name: str, groups: pd.DataFrame, v: Floats, level: float, function: str, estimand: str
) -> PooledMeans:
    """Pool the groups and wrap the answer."""
    y = groups["value"].to_numpy(dtype=np.float64)
    found = _pool(y, v, level)
    shares = bool(((y >= 0) & (y <= 1)).all())
    table = groups.assign(
        pooled=found["pooled"], low=found["pooled_low"], high=found["pooled_high"], weight=found["weight"]
    )
    table.loc[~table["shown"], ["value", "std_error", "pooled", "low", "high"]] = np.nan
    return PooledMeans(
        name=name,
        value=found["value"],
        low=found["low"],
        high=found["high"],
        level=level,
        std_error=found["std_error"],
        n=int(groups["n"].sum()),
        method="random effects, Hartung-Knapp",
        groups=table,
        spread=found["tau"],
        spread_share=found["i2"],
        next_low=max(0.0, found["ahead"][0]) if shares else found["ahead"][0],
        next_high=min(1.0, found["ahead"][1]) if shares else found["ahead"][1],
        estimand=estimand,
        assumptions=("groups are of one kind", "their true means spread normally"),
        provenance=provenance(f"hypotheses.{function}", options={"level": level}),
    )


def unit_shares(
    share: ShareEstimate, *, reading: str | None = None, min_group: int = 8, level: float = 0.95
) -> PooledMeans:
    r"""Mean share of every unit, small units drawn towards the others as far as their few answers warrant.

    With unit means :math:`y_k`, sampling variances :math:`v_k = (1 - f_k) s^2 / n_k` (:math:`s^2` pooled over
    units) and
    the variance between units :math:`\tau^2`, :math:`\tilde y_k = \lambda_k y_k + (1 - \lambda_k) \mu`,
    :math:`\lambda_k = \tau^2 / (\tau^2 + v_k)`, averaged over the posterior of :math:`\tau` (flat prior). Units
    that merely look best or worst because they are small no
    longer do.

    Parameters
    ----------
    share : ShareEstimate
        From :func:`social_share`.
    reading : str, optional
        The chosen reading by default.
    min_group : int
        Units with fewer answers take part but are not shown.
    level : float
        Coverage of the intervals.

    Returns
    -------
    PooledMeans
        In [0, 1].

    Raises
    ------
    DataError
        With fewer than three units.

    References
    ----------
    .. [1] Paule, R. C. & Mandel, J. (1982). Consensus values and weighting factors. *J. Research of the National
    Bureau
       of Standards* 87, 377-385. doi:10.6028/jres.087.022
    .. [2] Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. *Bayesian
    Analysis* 1,
       515-534. doi:10.1214/06-BA117A
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("min_group", min_group)
    sample = sample_of(share, reading)
    k = len(sample.names)
    if k < 3:
        raise DataError(f"share: {k} units are too few to borrow strength from. It takes three or more.")
    n = sample.n_h
    mean = np.bincount(sample.stratum, sample.values, k) / n
    pooled = float(np.sum((sample.values - mean[sample.stratum]) ** 2) / max(len(sample.values) - k, 1))
    free = 1 - n / sample.size_h if sample.finite else np.ones(k)
    v = np.maximum(free * pooled / n, 1e-12)
    groups = pd.DataFrame(
        {"group": sample.names, "n": n, "value": mean, "std_error": np.sqrt(v), "shown": n >= min_group}
    )
    return _result(
        "mean share of units", groups, v, level, "unit_shares", "mean share of each unit of the roster"
    )


def _same(a: Estimate, b: Estimate) -> bool:
    """Say whether two estimates have the same mean, error and answers."""
    return (a.value, a.std_error, a.n) == (b.value, b.std_error, b.n)


def pool_organisations(
    estimates: Sequence[Estimate], *, names: Sequence[str] | None = None, level: float = 0.95
) -> PooledMeans:
    r"""Mean share over organisations, how much they differ, and what the next one might give.

    Random effects: variance between organisations by Paule and Mandel, the mean weighted by
    :math:`1 / (v_k + \tau^2)`, its interval by Hartung and Knapp (t with K - 1 degrees of freedom), and a prediction
    interval for a further organisation (t with K - 2).

    Parameters
    ----------
    estimates : sequence of Estimate
        One an organisation, all of one quantity and reading, with standard errors.
    names : sequence of str, optional
        Of the organisations; numbered by default.
    level : float
        Coverage of the intervals.

    Returns
    -------
    PooledMeans
        In the unit of the estimates.

    Raises
    ------
    DataError
        For fewer than three organisations, one given twice, estimates without an error, and two quantities mixed.

    References
    ----------
    .. [1] Hartung, J. & Knapp, G. (2001). A refined method for the meta-analysis of controlled clinical trials with
       binary outcome. *Statistics in Medicine* 20, 3875-3889. doi:10.1002/sim.1009
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    if len(estimates) < 3:
        raise DataError(
            f"estimates: {len(estimates)} organisations cannot show how much they differ. Give three or more."
        )
    kinds = {e.name for e in estimates}
    if len(kinds) > 1:
        raise DataError(
            f"estimates: two quantities compared ({'; '.join(sorted(kinds))}). Pool one quantity at a time."
        )
    y, v = np.array([e.value for e in estimates]), np.array([e.std_error for e in estimates]) ** 2
    if not (np.isfinite(v).all() and (v > 0).all()):
        raise DataError(
            "estimates: some have no standard error. Where everybody answered pass target='superpopulation'."
        )
    twice = [(i + 1, k + 1) for k in range(len(y)) for i in range(k) if _same(estimates[i], estimates[k])]
    if twice:
        first, second = twice[0]
        raise DataError(
            f"estimates: numbers {first} and {second} are the same estimate. One organisation counts once; leave "
            "the second out."
        )
    labels = [str(k + 1) for k in range(len(y))] if names is None else [str(x) for x in names]
    if len(labels) != len(y):
        raise DataError(f"names: {len(labels)} names for {len(y)} organisations.")
    groups = pd.DataFrame(
        {"group": labels, "n": [e.n for e in estimates], "value": y, "std_error": np.sqrt(v), "shown": True}
    )
    return _result(
        estimates[0].name, groups, v, level, "pool_organisations", "mean share of organisations of this kind"
    )
