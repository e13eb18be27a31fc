"""What the answers say about a claim in probabilities: posterior of the mean share, Bayes factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peernet._check import number
from peernet.errors import DataError
from peernet.hypotheses._estimation import verdict_of
from peernet.hypotheses._guards import FEW_ANSWERS, as_share, settled, warn_few
from peernet.hypotheses._inexact import ends_of, exact_outer
from peernet.hypotheses._sample import sample_of
from peernet.hypotheses.shares import ShareEstimate, percent
from peernet.results import Estimate, format_number, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SharePosterior", "jzs_bayes_factor", "share_posterior"]


def jzs_bayes_factor(
    t: float, n: float, *, df: float | None = None, scale: float = 0.7071067811865476
) -> float:
    r"""Odds by which data favour some difference over none (one-sample JZS Bayes factor, BF10).

    .. math:: BF_{10} = \frac{\int_0^\infty (1 + n g r^2)^{-1/2}
       \left(1 + \frac{t^2}{(1 + n g r^2)\nu}\right)^{-(\nu+1)/2} (2\pi)^{-1/2} g^{-3/2} e^{-1/(2g)} \, dg}
       {(1 + t^2/\nu)^{-(\nu+1)/2}}

    that is, a Cauchy prior of scale r on the effect in standard deviations; equal to the ratio of the noncentral
    to the
    central t density averaged over that prior.

    Parameters
    ----------
    t : float
        One-sample t statistic of mean = claim.
    n : float
        (Effective) number of answers.
    df : float, optional
        Degrees of freedom; n - 1 by default.
    scale : float
        Scale r of the prior; 0.707 is customary.

    Returns
    -------
    float
        > 0; above 1 favours a difference, below 1 the point null. NaN where t is NaN.

    References
    ----------
    .. [1] Rouder, J. N. et al. (2009). Bayesian t tests for accepting and rejecting the null hypothesis.
       *Psychonomic Bulletin & Review* 16, 225-237. doi:10.3758/PBR.16.2.225

    Examples
    --------
    >>> round(jzs_bayes_factor(2.0, 100), 3)
    0.747
    """
    number("n", n, 1, open_low=True)
    number("scale", scale, 0, open_low=True)
    nu = n - 1 if df is None else number("df", df, 0, open_low=True)
    if not np.isfinite(t):
        return float("nan")
    from scipy.integrate import quad

    def integrand(u: float) -> float:
        # g = exp(u): the mass of g spans many orders of magnitude.
        g = np.exp(u)
        wide = 1 + n * g * scale**2
        log = -0.5 * np.log(wide) - (nu + 1) / 2 * np.log1p(t**2 / (wide * nu))
        log += -0.5 * np.log(2 * np.pi) - 0.5 * u - 1 / (2 * g) + (nu + 1) / 2 * np.log1p(t**2 / nu)
        return float(np.exp(log - shift))

    grid = np.linspace(-8.0, 60.0, 681)
    shift = 0.0
    with np.errstate(under="ignore", over="ignore"):
        heights = np.array([_log_height(u, t, n, nu, scale) for u in grid])
        shift = float(heights.max())
        peak = float(grid[heights.argmax()])
        mass = sum(
            quad(integrand, a, b, limit=200)[0]
            for a, b in ((-8.0, peak), (peak, peak + 10), (peak + 10, 80.0))
        )
    return float(np.exp(np.log(mass) + shift))


def _log_height(u: float, t: float, n: float, nu: float, scale: float) -> float:
    """Log of the integrand at g = exp(u)."""
    wide = 1 + n * np.exp(u) * scale**2
    log = -0.5 * np.log(wide) - (nu + 1) / 2 * np.log1p(t**2 / (wide * nu)) - 0.5 * np.log(2 * np.pi)
    return float(log - 0.5 * u - 0.5 * np.exp(-u) + (nu + 1) / 2 * np.log1p(t**2 / nu))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SharePosterior(Estimate):
    """Posterior of a mean share, with the weight of evidence for and against a claim.

    ``value`` is the posterior mean, ``low, high`` the central interval.

    Attributes
    ----------
    claim, within : float
        The claim, and the half-width of the interval null around it.
    p_within, p_above : float
        Posterior probability of lying within claim +- ``within``, and above the claim.
    bf_interval : float
        Bayes factor of within against outside: posterior odds over prior odds (uniform prior on [0, 1]); above 1
        favours the claim.
    bf_point : float
        JZS Bayes factor of some difference against none (BF10); above 1 speaks against the claim. NaN when everybody
        answered.
    bound_low, bound_high : float
        The mean with every silent person at 0 and at 1; NaN where nothing is known of silent people.
    """

    claim: float
    within: float
    p_within: float
    p_above: float
    bf_interval: float
    bf_point: float
    bound_low: float = float("nan")
    bound_high: float = float("nan")

    def summary(self) -> str:
        """State the posterior and the two Bayes factors in words."""
        near = f"{percent(self.claim - self.within)} to {percent(self.claim + self.within)}"
        odds = self.bf_interval
        if odds >= 1:
            side = "favour it beyond doubt" if np.isinf(odds) else f"favour it {format_number(odds)} to 1"
        else:
            side = "speak against it " + (
                f"{format_number(1 / odds)} to 1" if odds > 1e-6 else "more than a million to 1"
            )
        text = (
            f"{self.name}: {percent(self.value, 1)}, with {self.level:.0%} probability {percent(self.low, 1)} to "
            f"{percent(self.high, 1)}. The probability of {near} is {format_number(self.p_within)}; the "
            f"answers {side}."
        )
        if self.verdict == "not answered by these data":
            text += f" {self.n} answers are fewer than {FEW_ANSWERS}: nothing is decided."
        if np.isfinite(self.bound_low) and self.bound_high > self.bound_low:
            text += (
                f" All this takes silent people to be like those who answered; whatever they would say, the mean is "
                f"{percent(self.bound_low)} to {percent(self.bound_high)}, and {percent(self.claim)} is {self.verdict}."
            )
        return text

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the posterior interval against the claim and its neighbourhood, and what silent people leave open.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses._pictures import plot_one

        near = f"{percent(self.claim - self.within)} to {percent(self.claim + self.within)}"
        return plot_one(
            self,
            label=self.name,
            claim=self.claim,
            band=(self.claim - self.within, self.claim + self.within),
            bounds=(self.bound_low, self.bound_high),
            title=f"Probability of {near}: {format_number(self.p_within)}; {percent(self.claim)} is {self.verdict}",
            ax=ax,
        )


_SHIFTS = 65


class _Belief:
    """Posterior of the mean: t around m cut to [0, 1], or a mean of such curves over what rounding may have moved."""

    def __init__(self, m: float, s: float, df: float, low: float, high: float) -> None:
        """Place the middles of equal parts of [low, high]; one at m where answers are exact."""
        steps = (np.arange(_SHIFTS) + 0.5) / _SHIFTS
        self.at = low + (high - low) * steps if high - low > 1e-12 else np.array([m])
        self.s, self.df, self.m = s, df, m
        self.ends = (low, high)

    @property
    def exact(self) -> bool:
        """No sampling error."""
        return self.s == 0 or not self.df > 0

    def below(self, x: float, closed: bool = True) -> float:
        """Probability of a mean of at most x (or below it)."""
        from scipy.special import stdtr

        if self.exact:
            low, high = self.ends
            if high - low > 1e-12:
                return float(np.clip((x - low) / (high - low), 0, 1))
            return float(self.m <= x if closed else self.m < x)
        base, top, now = (stdtr(self.df, (y - self.at) / self.s) for y in (0.0, 1.0, min(max(x, 0.0), 1.0)))
        return float(np.mean((now - base) / (top - base)))

    def quantile(self, q: float) -> float:
        """Mean below which the probability is q."""
        from scipy.optimize import brentq
        from scipy.special import stdtr, stdtrit

        if self.exact:
            return float(self.ends[0] + q * (self.ends[1] - self.ends[0]))
        if len(self.at) == 1:
            base, top = stdtr(self.df, -self.m / self.s), stdtr(self.df, (1 - self.m) / self.s)
            return float(self.m + self.s * stdtrit(self.df, base + q * (top - base)))
        return float(brentq(lambda x: self.below(x) - q, 0.0, 1.0, xtol=1e-12))

    def mean(self) -> float:
        """Posterior mean."""
        if self.exact:
            return float(np.mean(self.ends))
        grid = np.linspace(0, 1, 4001)
        heights = np.exp(-(self.df + 1) / 2 * np.log1p(((grid - self.at[:, None]) / self.s) ** 2 / self.df))
        return float(np.mean(heights @ grid / heights.sum(axis=1)))


def share_posterior(
    share: ShareEstimate,
    *,
    reading: str | None = None,
    claim: float = 0.8,
    within: float = 0.05,
    level: float = 0.95,
) -> SharePosterior:
    r"""Posterior of the mean share under a flat prior, and Bayes factors for a claim.

    With the design-based mean m, its error s and :math:`\nu` degrees of freedom, :math:`\mu \mid data` is t around m,
    cut to [0, 1] (exact for normal answers and a flat prior on the mean). What round numbers and odd sums may have
    moved the mean by counts as equally likely anywhere in its range (see :func:`social_share`), so that the posterior
    is a mean of such t curves. The interval null is
    :math:`|\mu - c| \le d`: :math:`BF = \frac{P(in \mid data) / P(out \mid data)}{P(in) / P(out)}`.

    Parameters
    ----------
    share : ShareEstimate
        From :func:`social_share`.
    reading : str, optional
        The chosen reading by default.
    claim : float
        The claimed mean, in (0, 1).
    within : float
        Half-width of the interval null.
    level : float
        Probability of the interval.

    Returns
    -------
    SharePosterior
        Probabilities in [0, 1]; Bayes factors >= 0, infinite or 0 where the answers leave no doubt. ``verdict`` is
        contradicted if the interval leaves out the claim whatever silent people would say, else inconclusive: support
        takes a margin that was set beforehand (:func:`equivalence_test`).

    Raises
    ------
    DataError
        With a single answer from a larger population.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 answers: the posterior is that of normal answers.

    References
    ----------
    .. [1] Morey, R. D. & Rouder, J. N. (2011). Bayes factor approaches for testing interval null hypotheses.
       *Psychological Methods* 16, 406-419. doi:10.1037/a0024377
    """
    as_share("claim", claim)
    as_share("within", within)
    number("level", level, 0, 1, open_low=True, open_high=True)
    sample = sample_of(share, reading)
    row = share.row(reading=reading)
    warn_few("share_posterior", len(sample.values), so="The verdict is 'not answered by these data'.")
    m, s, df = float(row["value"]), float(row["std_error"]), float(row["df"])
    if np.isnan(s):
        raise DataError("share: a single answer says nothing on its own spread, so there is no posterior.")
    far = ends_of(share.exact, reading or share.reading)
    belief = _Belief(m, s, df, far[0]["value"], far[1]["value"])
    inside, above = (
        belief.below(claim + within) - belief.below(claim - within, closed=False),
        1 - belief.below(claim),
    )
    low, high = (belief.quantile(q) for q in ((1 - level) / 2, (1 + level) / 2))
    prior = min(1.0, claim + within) - max(0.0, claim - within)
    odds = np.inf if inside >= 1 else inside / (1 - inside)
    n = len(sample.values)
    outer = exact_outer(far, level)
    worst = "" if np.isnan(outer[0]) else verdict_of(*outer, claim, n)
    return SharePosterior(
        name=f"mean share that is social ({reading or share.reading} reading)",
        value=belief.mean(),
        low=low,
        high=high,
        level=level,
        std_error=s,
        n=n,
        method="t posterior, flat prior on [0, 1]",
        claim=claim,
        within=within,
        p_within=inside,
        p_above=above,
        bf_interval=float(odds / (prior / (1 - prior))),
        bf_point=jzs_bayes_factor((m - claim) / s, n, df=df) if s > 0 and df > 0 and n > 1 else float("nan"),
        bound_low=float(row["bound_low"]),
        bound_high=float(row["bound_high"]),
        verdict=settled(verdict_of(low, high, claim, n), worst),
        estimand=share.estimand,
        would_count_against=f"an interval of the mean that leaves out {percent(claim)}",
        assumptions=(*share.assumptions, "flat prior on the mean"),
        provenance=provenance(
            "hypotheses.share_posterior", options={"claim": claim, "within": within, "level": level}
        ),
    )
