"""What silent people could have said: worst-case bounds, intervals around them, and where a conclusion breaks."""

from __future__ import annotations

import numpy as np

from peernet._check import number
from peernet.errors import DataError
from peernet.hypotheses._guards import as_share

__all__ = ["breakdown_point", "imbens_manski", "manski_bounds"]


def _inside(name: str, value: float, low: float, high: float) -> float:
    """Return a number between the smallest and the largest answer; of shares, refuse percentages by name."""
    if (low, high) == (0, 1):
        return as_share(name, value, closed=True)
    return number(name, value, low, high)


def manski_bounds(
    mean: float, response: float, *, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    r"""Range of the population mean whatever the silent people would have said.

    With response rate r and mean m of those who answered, :math:`[r m + (1 - r) a,\; r m + (1 - r) b]` for answers
    in [a, b]. It assumes nothing; its width is (1 - r)(b - a).

    Parameters
    ----------
    mean : float
        Mean of the answers, in [low, high].
    response : float
        Share of the population that answered, in [0, 1].
    low, high : float
        Smallest and largest possible answer.

    Returns
    -------
    tuple of float
        Lower and upper bound.

    Raises
    ------
    ValueError
        For a mean or a response rate out of range.

    References
    ----------
    .. [1] Manski, C. F. (1989). Anatomy of the selection problem. *Journal of Human Resources* 24(3), 343-360.
       doi:10.2307/145818

    Examples
    --------
    >>> manski_bounds(0.5, 0.75)
    (0.375, 0.625)
    """
    _inside("mean", mean, low, high)
    as_share("response", response, closed=True)
    return response * mean + (1 - response) * low, response * mean + (1 - response) * high


def imbens_manski(
    low: float, high: float, se_low: float, se_high: float, *, level: float = 0.95
) -> tuple[float, float]:
    r"""Interval that covers a mean known only up to bounds that are themselves estimated.

    :math:`[l - c\, s_l,\; u + c\, s_u]` with c from :math:`\Phi(c + (u - l) / \max(s_l, s_u)) - \Phi(-c) = level`.
    c runs from the two-sided normal quantile (bounds coincide) to the one-sided one (bounds far apart): the mean can
    be near one end only.

    Parameters
    ----------
    low, high : float
        Estimated bounds.
    se_low, se_high : float
        Their standard errors; zero where everybody was asked, and then the bounds are returned.
    level : float
        Coverage of the mean (not of the whole range).

    Returns
    -------
    tuple of float
        The interval.

    Raises
    ------
    ValueError
        When the bounds cross or a standard error is negative.

    References
    ----------
    .. [1] Imbens, G. W. & Manski, C. F. (2004). Confidence intervals for partially identified parameters.
       *Econometrica* 72(6), 1845-1857. doi:10.1111/j.1468-0262.2004.00555.x

    Examples
    --------
    >>> low, high = imbens_manski(0.4, 0.6, 0.02, 0.02)
    >>> round(low, 4), round(high, 4)
    (0.3671, 0.6329)
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    number("se_low", se_low, 0)
    number("se_high", se_high, 0)
    if high < low:
        raise ValueError(f"the bounds cross: low {low:g} is above high {high:g}.")
    widest = max(se_low, se_high)
    if widest == 0:
        return low, high
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    gap = (high - low) / widest
    c = brentq(
        lambda x: ndtr(x + gap) - ndtr(-x) - level, 0.0, float(ndtri((1 + level) / 2)) + 1.0, xtol=1e-14
    )
    return low - c * se_low, high + c * se_high


def breakdown_point(
    mean: float, response: float, claim: float = 0.8, *, low: float = 0.0, high: float = 1.0
) -> float:
    r"""What silent people would have had to say on average for the overall mean to equal a claim.

    :math:`(c - r m) / (1 - r)`. Above ``high`` or below ``low`` means that no answers of theirs would have brought the
    mean to the claim.

    Parameters
    ----------
    mean : float
        Mean of the answers, in [low, high].
    response : float
        Share of the population that answered, in (0, 1].
    claim : float
        The claimed mean, in [low, high].
    low, high : float
        Smallest and largest possible answer.

    Returns
    -------
    float
        In the unit of ``mean``; NaN when everybody answered.

    Raises
    ------
    ValueError
        For a mean, a claim or a response rate out of range.
    DataError
        When nobody answered.

    Examples
    --------
    >>> round(breakdown_point(0.62, 0.75), 2)
    1.34
    """
    as_share("response", response, closed=True)
    _inside("mean", mean, low, high)
    _inside("claim", claim, low, high)
    if response == 0:
        raise DataError(
            "response is 0: nobody answered, so there is no mean to break. Collect answers first."
        )
    if response == 1:
        return float("nan")
    return float(np.divide(claim - response * mean, 1 - response))
