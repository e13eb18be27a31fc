"""The other readings of "up to 80 %": what the top of the people, or of the units, reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet.errors import DataError
from peernet.hypotheses._estimation import wilson_interval
from peernet.hypotheses._guards import FEW_ANSWERS, as_share
from peernet.hypotheses._sample import Sample, sample_of
from peernet.hypotheses.shares import ShareEstimate, percent
from peernet.hypotheses.survey import linearised_variance, make_design
from peernet.results import Estimate, Verdict, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ShareQuantile", "share_quantile"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShareQuantile(Estimate):
    """A quantile of people's shares: "up to 80 %" read as what the top reaches.

    Attributes
    ----------
    q : float
        Which quantile: 0.95 = the share that one in twenty exceeds.
    claim : float
        The claimed upper end.
    units_at_claim, n_units : int
        Units whose own mean is at or above the claim, of those with enough answers.
    rounding_low, rounding_high : float
        The interval with everybody's share at the least and at the most that it can have been before rounding.
    bound_low, bound_high : float
        The quantile with every silent person at 0 and at 1; NaN where nothing is known of silent people.
    all_low, all_high : float
        With silence, rounding and sampling all at their worst; the verdict rests on these.
    """

    q: float
    claim: float = 0.8
    units_at_claim: int = 0
    n_units: int = 0
    rounding_low: float = float("nan")
    rounding_high: float = float("nan")
    bound_low: float = float("nan")
    bound_high: float = float("nan")
    all_low: float = float("nan")
    all_high: float = float("nan")

    def summary(self) -> str:
        """State the quantile, then the units."""
        text = (
            f"One person in {1 / (1 - self.q):.0f} puts social learning at {percent(self.value)} or more "
            f"({self.level:.0%} interval {percent(self.low)} to {percent(self.high)}, before rounding "
            f"{percent(self.rounding_low)} to {percent(self.rounding_high)}); {self.units_at_claim} of "
            f"{self.n_units} units with enough answers average {percent(self.claim)} or more. Read as an upper end, "
            f"'up to {percent(self.claim)}' is {self.verdict}"
        )
        if np.isnan(self.bound_low):
            return f"{text}."
        return (
            f"{text}; whatever silent people would say, one in {1 / (1 - self.q):.0f} is at {percent(self.bound_low)} "
            f"to {percent(self.bound_high)} or more ({percent(self.all_low)} to {percent(self.all_high)} with rounding "
            "and sampling at their worst as well)."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the quantile with its interval, what rounding and silence leave open, and the claimed upper end.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses._pictures import plot_one

        return plot_one(
            self,
            label=f"what one in {1 / (1 - self.q):.0f} exceeds",
            claim=self.claim,
            bounds=(self.bound_low, self.bound_high),
            brackets=(self.rounding_low, self.rounding_high),
            title=f"'Up to {percent(self.claim)}' read as an upper end: {self.verdict}",
            ax=ax,
        )


def _proportion(sample: Sample, y: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the interval of a weighted proportion under the design."""
    sizes = dict(zip(range(len(sample.names)), sample.size_h, strict=True)) if sample.finite else None
    design = make_design(
        np.ones(len(y), dtype=bool),
        None,
        strata=sample.stratum,
        clusters=None,
        weights=sample.weight,
        population=sizes,
    )
    w = sample.weight / sample.weight.sum()
    p = float(np.sum(w * y))
    std_error = float(np.sqrt(linearised_variance(w * (y - p), design, "centred")))
    free = 1 - len(y) / sample.size_h.sum() if sample.finite else 1.0
    return wilson_interval(p, std_error, len(y), len(y) - len(sample.names), level, free)


def share_quantile(
    share: ShareEstimate,
    *,
    q: float = 0.95,
    reading: str | None = None,
    claim: float | None = None,
    min_group: int = 8,
    level: float = 0.95,
) -> ShareQuantile:
    r"""Share of learning that only the top of the people exceed, with Woodruff's interval.

    The weighted quantile :math:`\hat Q = \inf\{x : \hat F(x) \ge q\}`; the interval of :math:`\hat F` at
    :math:`\hat Q`
    (Wilson, with the design's error) is turned back into shares. "Up to 80 %" as an upper end is contradicted when the
    interval lies above the claim (people exceed it) or below (nobody comes near), and rounding, silent people (all at 0
    or all at 100 %) and sampling, all at their worst together, could not bring the quantile to the claim. A quantile
    of rounded answers is a round number: its interval alone hardly ever covers.

    Parameters
    ----------
    share : ShareEstimate
        From :func:`social_share`.
    q : float
        The quantile, in (0, 1).
    reading : str, optional
        The chosen reading by default.
    claim : float, optional
        The claimed upper end; that of ``share`` by default.
    min_group : int
        Smallest number of answers for which a unit's mean counts.
    level : float
        Coverage of the interval.

    Returns
    -------
    ShareQuantile
        In [0, 1]. ``low, high`` are values that people gave; ``rounding_low, rounding_high`` hold what was before.

    Raises
    ------
    DataError
        With fewer answers than the quantile can be seen with, ``1 / min(q, 1 - q)``.

    References
    ----------
    .. [1] Woodruff, R. S. (1952). Confidence intervals for medians and other position measures. *J. American
    Statistical
       Association* 47, 635-646. doi:10.1080/01621459.1952.10483443
    """
    number("q", q, 0, 1, open_low=True, open_high=True)
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("min_group", min_group)
    upper = share.claim if claim is None else as_share("claim", claim, closed=True)
    sample = sample_of(share, reading)
    n = len(sample.values)
    if n < 1 / min(q, 1 - q):
        raise DataError(
            f"share: {n} answers cannot show the {q:g} quantile. It takes {1 / min(q, 1 - q):.0f} or more."
        )
    value = _weighted(sample.values, sample.weight, q)
    below, above = _proportion(sample, (sample.values <= value).astype(np.float64), level)
    width = (above - below) / 2
    ends = max(q - width, 0.0), min(q + width, 1.0)
    low, high = (_weighted(sample.values, sample.weight, p) for p in ends)
    before = share.rounding[reading or share.reading]
    rounding = [_weighted(before[c].to_numpy(), sample.weight, p) for c, p in zip(before, ends, strict=True)]
    bounds = _bounds(share, sample, sample.values, sample.values, (q, q))
    worst = min(low, rounding[0]), max(high, rounding[1])
    if not np.isnan(bounds[0]):
        least, most = (before[c].to_numpy() for c in before)
        silence = _bounds(share, sample, least, most, ends)
        worst = min(worst[0], silence[0]), max(worst[1], silence[1])
    big = sample.n_h >= min_group
    means = np.bincount(sample.stratum, sample.values, len(sample.names)) / sample.n_h
    return ShareQuantile(
        name=f"{q:.0%} quantile of the social share",
        value=value,
        low=low,
        high=high,
        level=level,
        n=n,
        method="Woodruff",
        q=q,
        claim=upper,
        units_at_claim=int((means[big] >= upper - 1e-9).sum()),
        n_units=int(big.sum()),
        estimand="the share of social learning that only the top of the people exceed",
        rounding_low=rounding[0],
        rounding_high=rounding[1],
        bound_low=bounds[0],
        bound_high=bounds[1],
        all_low=worst[0],
        all_high=worst[1],
        verdict=_verdict(*worst, upper, n),
        would_count_against="an interval wholly above or below the claim",
        assumptions=share.assumptions,
        provenance=provenance("hypotheses.share_quantile", options={"q": q, "claim": upper, "level": level}),
    )


def _weighted(x: NDArray[np.float64], weight: NDArray[np.float64], p: float) -> float:
    """Return the weighted quantile, inf {x : F(x) >= p}."""
    order = np.argsort(x, kind="stable")
    mass = np.cumsum(weight[order]) / weight.sum()
    return float(x[order][min(int(np.searchsorted(mass, p - 1e-12)), len(x) - 1)])


def _bounds(
    share: ShareEstimate,
    sample: Sample,
    least: NDArray[np.float64],
    most: NDArray[np.float64],
    ends: tuple[float, float],
) -> tuple[float, float]:
    """Return the quantile ends[0] of the least with silent people at 0, and ends[1] of the most with them at 1.

    NaN without a roster.
    """
    if "asked" not in share.response:
        return float("nan"), float("nan")
    table = share.strata
    codes = pd.Categorical(table["stratum"].astype("str"), categories=sample.names).codes
    left_out = np.bincount(codes[~table["asked"].to_numpy(dtype=bool)], minlength=len(sample.names))
    # Each person asked stands for as many of their stratum as were not asked; those who objected were asked.
    stands_for = sample.size_h / (sample.size_h - left_out)
    silent = float(np.sum(stands_for * (sample.size_h - left_out - sample.n_h)))
    weight = stands_for[sample.stratum]
    total = float(weight.sum()) + silent

    def at(x: NDArray[np.float64], target: float) -> float:
        order = np.argsort(x, kind="stable")
        mass = np.cumsum(weight[order])
        return float(x[order][min(int(np.searchsorted(mass, target - 1e-9)), len(x) - 1)])

    bottom, top = ends[0] * total, ends[1] * total
    low = 0.0 if bottom <= silent + 1e-9 else at(least, bottom - silent)
    return low, 1.0 if top > weight.sum() + 1e-9 else at(most, top)


def _verdict(low: float, high: float, claim: float, n: int) -> Verdict:
    """Above the claim people exceed it, below nobody comes near."""
    if n < FEW_ANSWERS:
        return "not answered by these data"
    return "inconclusive" if low - 1e-9 <= claim <= high + 1e-9 else "contradicted"
