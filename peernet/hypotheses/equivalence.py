"""Evidence *for* a claim: equivalence and non-inferiority, with a margin that was set before the answers came in."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet._check import literal, number
from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses._guards import FEW_ANSWERS, as_share, settled
from peernet.hypotheses._inexact import ends_of, exact_outer
from peernet.hypotheses.pooling import PooledMeans
from peernet.hypotheses.shares import ShareEstimate, percent
from peernet.hypotheses.survey import DesignEstimate, t_interval
from peernet.results import Estimate, Verdict, format_number, format_p, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["EquivalenceTest", "equivalence_test"]

Kind = Literal["equivalence", "at least", "at most"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EquivalenceTest(Estimate):
    """Whether a mean is close enough to a claim, or not below (above) it by more than a margin.

    ``low, high`` are the interval that decides: its level is 2 ``level`` - 1 (two one-sided tests). Of a survey share
    it leaves open what rounding and odd sums can do, so that it is wider than sampling alone makes it.

    Attributes
    ----------
    claim : float
        The claimed mean.
    kind : {"equivalence", "at least", "at most"}
        Within the margin on both sides; not below claim - margin; not above claim + margin.
    p_value : float
        Of the hypothesis that the mean lies outside; small = supported.
    p_below, p_above : float
        One-sided p-values of lying below claim - margin, and above claim + margin.
    df : float
        Degrees of freedom.
    set_on : str
        Date on which the margin was set.
    exact_low, exact_high : float
        The mean with round numbers and odd sums at their worst; ``value`` twice where answers are exact.
    bound_low, bound_high : float
        The mean with every silent person at 0 and at 1; NaN where nothing is known of silent people.
    alike_verdict : str
        The verdict if silent people are like those of their unit who answered; ``verdict`` holds whatever they would
        say.
    """

    claim: float
    kind: Kind
    p_value: float
    p_below: float = float("nan")
    p_above: float = float("nan")
    df: float = float("nan")
    set_on: str = ""
    exact_low: float = float("nan")
    exact_high: float = float("nan")
    bound_low: float = float("nan")
    bound_high: float = float("nan")
    alike_verdict: str = ""

    def summary(self) -> str:
        """State the interval, the margin and when it was set, the verdict, then p."""
        points = f"{format_number(100 * (self.margin or 0))} points"
        where = {
            "equivalence": f"within {points} of {percent(self.claim)}",
            "at least": f"not more than {points} below {percent(self.claim)}",
            "at most": f"not more than {points} above {percent(self.claim)}",
        }[self.kind]
        text = (
            f"{self.name}: {percent(self.value, 1)} ({2 * self.level - 1:.0%} interval {percent(self.low, 1)} to "
            f"{percent(self.high, 1)}). That it is {where} (margin set on {self.set_on}) is {self.verdict}"
        )
        p = "" if np.isnan(self.p_value) else f" ({format_p(self.p_value)})"
        if self.exact_high - self.exact_low > 1e-9:
            p += (
                f"; round numbers and odd sums leave {percent(self.exact_low, 1)} to {percent(self.exact_high, 1)} "
                "open before any sampling, which the interval holds"
            )
            if self.kind == "equivalence" and 2 * (self.margin or 0) <= self.exact_high - self.exact_low:
                p += ": more than the margins, so no number of such answers could support it"
        if np.isnan(self.bound_low):
            return f"{text}{p}."
        span = f"whatever silent people would say, the mean is {percent(self.bound_low)} to {percent(self.bound_high)}"
        if self.verdict == self.alike_verdict:
            return f"{text}{p}; {span}."
        return f"{text}: {self.alike_verdict} if silent people are like those who answered{p}, but {span}."

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the interval that decides against the claim and its margins, and what silent people leave open.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from dataclasses import replace

        from peernet.hypotheses._pictures import plot_one

        top = max(abs(self.value), abs(self.claim))
        if top > 1:
            return super().plot(ax)
        margin = self.margin or 0.0
        band = (
            0.0 if self.kind == "at most" else self.claim - margin,
            1.0 if self.kind == "at least" else self.claim + margin,
        )
        return plot_one(
            replace(self, level=2 * self.level - 1),
            label=self.name,
            claim=self.claim,
            band=band,
            bounds=(self.bound_low, self.bound_high),
            title=f"Margin of {format_number(100 * margin)} points, set on {self.set_on}: {self.verdict}",
            ax=ax,
        )


def _unit(estimate: Estimate, claim: float, margin: float) -> None:
    """Refuse other quantities than means, and a claim or margin in percent beside an estimate in shares."""
    if type(estimate) is not Estimate and not isinstance(
        estimate, (ShareEstimate, DesignEstimate, PooledMeans)
    ):
        of = f" in {estimate.unit}" if getattr(estimate, "unit", "") else ""
        raise ValueError(
            f"equivalence_test: two quantities compared: {type(estimate).__name__} is no mean of answers but "
            f"{getattr(estimate, 'name', 'another thing')}{of}. Give what social_share, design_mean, design_ratio, "
            "bootstrap_mean or pool_organisations returns."
        )
    if isinstance(estimate, ShareEstimate):
        as_share("claim", claim)
        as_share("margin", margin)
        shares = [max(0.0, claim - margin), min(1.0, claim + margin)]
        if shares[1] - shares[0] >= 0.5:
            warnings.warn(
                f"equivalence_test: margin={margin:g} calls everything from {percent(shares[0])} to "
                f"{percent(shares[1])} the same as {percent(claim)}: most shares would pass. A margin is the largest "
                "difference that would change nothing.",
                PeerNetWarning,
                stacklevel=3,
            )
        return
    small, large = sorted((abs(claim), abs(estimate.value)))
    if 0 < small <= 1 < large <= 100 and large > 15 * small:
        raise ValueError(
            f"claim={claim:g} and an estimate of {estimate.value:g}: one looks like a share, the other like a "
            "percentage. Give both in one unit."
        )
    if margin > 2 * max(abs(claim), abs(estimate.value)):
        raise ValueError(
            f"margin={margin:g} is larger than anything it is compared with (claim {claim:g}, estimate "
            f"{estimate.value:g}). Give it in the unit of the estimate."
        )


def _asked_before(estimate: Estimate, set_on: Any, answered_from: Any) -> dt.date:
    """Return the day on which the margin was set, refusing one that is not before the first answer."""
    when = _date("set_on", set_on)
    known = str(estimate.provenance.get("first_answer", ""))
    if answered_from is None and not known:
        raise ValueError(
            "equivalence_test: when did the first answer come in? These data do not say; pass answered_from=<date>."
        )
    first = _date("answered_from", known if answered_from is None else answered_from)
    if known and _date("answered_from", known) < first:
        raise DataError(
            f"answered_from={first} is later than the first answer in these data ({known}). Leave answered_from out."
        )
    if when >= first:
        raise DataError(
            f"a margin chosen after the data: it was set on {when}, the first answer is of {first}. Set it before the "
            "next wave; of these data report the interval."
        )
    return when


def _date(name: str, value: Any) -> dt.date:
    """Return a date from a date, a time or ISO text."""
    if value is pd.NaT:
        raise ValueError(f"{name} is missing (NaT); give a date such as '2025-10-01'.")
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise ValueError(f"{name} must be a date such as '2025-10-01'; got {value!r}.") from error


def _error(estimate: Estimate) -> tuple[float, float, int]:
    """Return standard error, degrees of freedom and answers of an estimate."""
    if isinstance(estimate, ShareEstimate):
        return estimate.std_error, float(estimate.row()["df"]), estimate.n
    if isinstance(estimate, DesignEstimate):
        return estimate.std_error, estimate.df, estimate.n
    if isinstance(estimate, PooledMeans):
        return estimate.std_error, float(len(estimate.groups) - 1), estimate.n
    if not np.isfinite(estimate.std_error) or estimate.n < 2:
        raise DataError(
            "estimate: it carries no standard error. Give what social_share or design_mean returns."
        )
    return estimate.std_error, float(estimate.n - 1), estimate.n


Pair = tuple[float, float]


def _ends(estimate: Estimate, std_error: float) -> tuple[Pair, Pair]:
    """Return least and most that inexact answers leave open, each with its error; of others the estimate twice."""
    if not isinstance(estimate, ShareEstimate):
        return (estimate.value, std_error), (estimate.value, std_error)
    low, high = ends_of(estimate.exact, estimate.reading)
    return (low["value"], low["std_error"]), (high["value"], high["std_error"])


def _one_sided(end: Pair, edge: float, df: float) -> Pair:
    """Return the p-values of lying above and below an edge; NaN where there is no sampling error."""
    mean, std_error = end
    if not (std_error > 0 and df > 0):
        return float("nan"), float("nan")
    from scipy.special import stdtr

    t = (mean - edge) / std_error
    return float(stdtr(df, t)), float(stdtr(df, -t))


def _silence(estimate: Estimate, level: float) -> tuple[Pair, Pair]:
    """Return the range over all silent answers and the interval around it; NaN where nobody is known to be silent."""
    if not isinstance(estimate, ShareEstimate):
        return (float("nan"),) * 2, (float("nan"),) * 2
    row = estimate.row()
    bounds = float(row["bound_low"]), float(row["bound_high"])
    return bounds, exact_outer(ends_of(estimate.exact, estimate.reading), level)


def equivalence_test(
    estimate: Estimate,
    claim: float = 0.8,
    *,
    margin: float,
    set_on: Any,
    answered_from: Any = None,
    kind: Kind = "equivalence",
    level: float = 0.95,
) -> EquivalenceTest:
    r"""Whether the mean is as claimed, up to a margin set beforehand (two one-sided t tests).

    :math:`t_1 = (m - (c - d)) / s`, :math:`t_2 = (m - (c + d)) / s`,
    :math:`p = \max\{P(T > t_1), P(T < t_2)\}`; the same as the (2 level - 1) interval inside the margins.
    ``"at least"`` (non-inferiority) uses :math:`t_1` alone, ``"at most"`` :math:`t_2`. A test of mean = claim that does
    not reject is no support: this one can give it. As in :func:`social_share`, silent people count: the verdict is
    decided only if the interval around the worst cases (Imbens and Manski, at ``level``: each end then errs with
    1 - ``level`` at most) decides it too. Round numbers and odd sums count as well: of a survey share :math:`t_1` takes
    the least mean that they leave open, :math:`t_2` the most.

    Parameters
    ----------
    estimate : Estimate
        From :func:`social_share`, :func:`design_mean` or :func:`design_ratio`.
    claim : float
        The claimed mean, in the unit of the estimate.
    margin : float
        What counts as the same, > 0, in the unit of the estimate.
    set_on : date or str
        When the margin was written down; kept in the result.
    answered_from : date or str, optional
        When the first answer came in. Known where :func:`social_share` was given the records of a study, and then a
        later day is refused.
    kind : {"equivalence", "at least", "at most"}
        Both sides, or one.
    level : float
        One minus the size of each one-sided test.

    Returns
    -------
    EquivalenceTest
        ``verdict``: supported; contradicted (the whole interval outside the margins); else inconclusive; with fewer
        than 20 answers not answered by these data. When everybody answered there is nothing to test and p is NaN.

    Raises
    ------
    DataError
        For a margin that was chosen after the data.
    ValueError
        For percentages beside shares, and for estimates that are no mean (two quantities compared).

    Warns
    -----
    PeerNetWarning
        For a margin that takes in half of all shares or more.

    References
    ----------
    .. [1] Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power approach.
       *J. Pharmacokinetics and Biopharmaceutics* 15, 657-680. doi:10.1007/BF01068419
    """
    literal("kind", kind, ("equivalence", "at least", "at most"))
    number("margin", margin, 0, open_low=True)
    number("level", level, 0.5, 1, open_low=True, open_high=True)
    number("claim", claim)
    _unit(estimate, claim, margin)
    when = _asked_before(estimate, set_on, answered_from)
    std_error, df, n = _error(estimate)
    ends = _ends(estimate, std_error)
    low = t_interval(*ends[0], df, 2 * level - 1)[0]
    high = t_interval(*ends[1], df, 2 * level - 1)[1]
    p_below, p_above = _one_sided(ends[0], claim - margin, df)[1], _one_sided(ends[1], claim + margin, df)[0]
    p = {"equivalence": max(p_below, p_above), "at least": p_below, "at most": p_above}[kind]
    alike = _verdict(low, high, claim, margin, kind, n)
    bounds, outer = _silence(estimate, level)
    worst = "" if np.isnan(outer[0]) else _verdict(*outer, claim, margin, kind, n)
    return EquivalenceTest(
        name=estimate.name,
        value=estimate.value,
        low=low,
        high=high,
        level=level,
        std_error=std_error,
        n=n,
        method="two one-sided t tests",
        claim=claim,
        kind=kind,
        p_value=p,
        p_below=p_below,
        p_above=p_above,
        df=df,
        set_on=str(when),
        exact_low=ends[0][0],
        exact_high=ends[1][0],
        bound_low=bounds[0],
        bound_high=bounds[1],
        alike_verdict=alike,
        margin=margin,
        verdict=settled(alike, worst),
        estimand=estimate.estimand,
        would_count_against="an interval wholly outside the margins",
        assumptions=estimate.assumptions,
        provenance=provenance(
            "hypotheses.equivalence_test",
            options={"claim": claim, "margin": margin, "kind": kind, "level": level, "set_on": str(when)},
        ),
    )


def _verdict(low: float, high: float, claim: float, margin: float, kind: Kind, n: int) -> Verdict:
    """Inside the margins supports, wholly outside contradicts, else nothing is decided."""
    if n < FEW_ANSWERS or np.isnan(low):
        return "not answered by these data"
    bottom = -np.inf if kind == "at most" else claim - margin
    top = np.inf if kind == "at least" else claim + margin
    if bottom < low and high < top:
        return "supported"
    return "contradicted" if high < bottom or low > top else "inconclusive"
