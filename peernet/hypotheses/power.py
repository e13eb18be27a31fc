"""How many answers it takes, and what a survey of this size could have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet.results import Alternative, Result, format_number, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SharePower", "share_power", "smallest_correlation", "smallest_difference", "t_power"]

Solved = Literal["n", "gap", "power", "half_width"]


def t_power(shift: float, df: float, level: float = 0.95, alternative: Alternative = "two-sided") -> float:
    r"""Chance that a t test rejects when its statistic is shifted.

    :math:`P(|T| > t_{1-\alpha/2})` for T noncentral t with ``df`` and noncentrality ``shift``;
    one tail for a one-sided test.

    Parameters
    ----------
    shift : float
        True effect in standard errors.
    df : float
        Degrees of freedom.
    level : float
        One minus the size of the test.
    alternative : {"two-sided", "greater", "less"}
        Direction of the test.

    Returns
    -------
    float
        In [0, 1]; NaN without degrees of freedom.

    Examples
    --------
    >>> round(t_power(2.8, 1000), 2)
    0.8
    """
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    if not df > 0:
        return float("nan")
    from scipy.special import nctdtr, stdtrit

    signed = -shift if alternative == "less" else shift
    if alternative != "two-sided":
        return float(1 - nctdtr(df, signed, stdtrit(df, level)))
    edge = float(stdtrit(df, (1 + level) / 2))
    size = abs(signed)
    # Far below the lower edge the noncentral t underflows to NaN; that tail is then empty.
    low = float(np.nan_to_num(nctdtr(df, size, -edge)))
    return float(min(1.0, 1 - float(nctdtr(df, size, edge)) + low)) if size < 37 else 1.0


def _needed_shift(df: float, power: float, level: float) -> float:
    """Return the smallest effect, in standard errors, that is seen with the power asked for."""
    if not df > 0:
        return float("nan")
    from scipy.optimize import brentq

    return float(brentq(lambda s: t_power(s, df, level) - power, 0.0, 36.0 if df > 2 else 5000.0))


def smallest_difference(
    n: int, other: int | None = None, *, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest difference of means, in standard deviations, that groups of these sizes would show.

    Parameters
    ----------
    n : int
        People in the one group (or pairs, without ``other``).
    other : int, optional
        People in the other group.
    power, level : float
        Chance of seeing it, and one minus the size of the two-sided t test.

    Returns
    -------
    float
        In standard deviations; NaN for groups too small for a test.

    Examples
    --------
    >>> round(smallest_difference(216, 216), 2)
    0.27
    """
    if other is None:
        return _needed_shift(n - 1, power, level) / np.sqrt(n) if n > 1 else float("nan")
    if n < 1 or other < 1:
        return float("nan")
    return _needed_shift(n + other - 2, power, level) * float(np.sqrt(1 / n + 1 / other))


def smallest_correlation(n: int, *, power: float = 0.8, level: float = 0.95) -> float:
    r"""Smallest correlation that n independent pairs would show.

    From Fisher's z: :math:`\tanh((z_{1-\alpha/2} + z_{power}) / \sqrt{n - 3})`.

    Parameters
    ----------
    n : int
        Pairs.
    power, level : float
        Chance of seeing it, and one minus the size of the two-sided test.

    Returns
    -------
    float
        In [0, 1]; NaN for fewer than four pairs.

    Examples
    --------
    >>> round(smallest_correlation(194), 2)
    0.2
    """
    if n < 4:
        return float("nan")
    from scipy.special import ndtri

    return float(np.tanh((ndtri((1 + level) / 2) + ndtri(power)) / np.sqrt(n - 3)))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SharePower(Result):
    """What a survey of n answers can tell about a mean share.

    Attributes
    ----------
    n : int
        Answers.
    gap : float
        Distance between the true and the claimed mean, in [0, 1].
    power : float
        Chance of contradicting the claim at that distance.
    half_width : float
        Expected half-width of the interval.
    solved : str
        Which of these was asked for.
    sd, level : float
        Spread of the shares between people, and level of the interval.
    design_effect : float
        Variance over that of a simple random sample: answers inside sampled teams resemble each other.
    population : int or None
        People on the roster, for the finite population correction.
    """

    n: int
    gap: float
    power: float
    half_width: float
    solved: Solved
    sd: float = 0.2
    level: float = 0.95
    design_effect: float = 1.0
    population: int | None = None

    def summary(self) -> str:
        """State the answers needed, or what so many could show, in points."""
        points = f"{100 * self.half_width:.1f} points"
        of = f" of {self.population}" if self.population else ""
        text = f"{self.n} answers{of} give a mean share to within {points} ({self.level:.0%} interval)"
        if np.isfinite(self.gap):
            text += (
                f" and contradict a claim {100 * self.gap:.1f} points away with a chance of {self.power:.0%}"
            )
        return (
            text
            + f"; spread between people {100 * self.sd:.0f} points, design effect {format_number(self.design_effect)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row: n, gap, power, half_width and what they rest on."""
        keys = ("n", "gap", "power", "half_width", "sd", "level", "design_effect", "population", "solved")
        return pd.DataFrame([{k: getattr(self, k) for k in keys}])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the smallest gap that is seen against the number of answers.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        top = self.population or max(4 * self.n, 400)
        n = np.unique(np.geomspace(10, max(top - 1, 11), 80).astype(int))
        aim = self.power if np.isfinite(self.power) else 0.8
        se = [_std_error(int(k), self.sd, self.design_effect, self.population) for k in n]
        gaps = [100 * s * _needed_shift(max(k - 1, 1), aim, self.level) for k, s in zip(n, se, strict=True)]
        axes.plot(n, gaps, color=plots.OKABE_ITO[0])
        axes.axvline(self.n, color=plots.OKABE_ITO[5], linestyle="--")
        axes.annotate(f"n = {self.n}", (self.n, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                      textcoords="offset points", va="top", color=plots.OKABE_ITO[5])  # fmt: skip
        axes.set_xlabel("answers")
        axes.set_ylabel(f"smallest gap seen with {aim:.0%} power (points)".replace("%", " %", 1))
        axes.set_ylim(bottom=0)
        axes.set_title(plots.wrap("How far from the claim the mean must be for this survey to say so"))
        return axes


def _std_error(n: int, sd: float, design_effect: float, population: int | None) -> float:
    """Standard error of a mean of n answers."""
    free = 1.0 if population is None else max(1 - n / population, 0.0)
    return float(sd * np.sqrt(design_effect * free / n))


def share_power(
    *,
    n: int | None = None,
    gap: float | None = None,
    power: float | None = None,
    half_width: float | None = None,
    sd: float = 0.2,
    population: int | None = None,
    team_size: float = 1.0,
    icc: float = 0.0,
    level: float = 0.95,
) -> SharePower:
    r"""Answers needed for a gap or a precision, or what n answers can see.

    The two-sided t test of mean = claim has noncentrality gap / se with
    :math:`se = \sigma \sqrt{d (1 - n / N) / n}`, :math:`d = 1 + (m - 1) \rho` for sampled teams of m with intraclass
    correlation :math:`\rho` (leave them at 1 and 0 where everybody was asked).

    Give ``n`` (with ``gap``: power; else the smallest gap), or ``gap`` (answers needed), or ``half_width`` (answers
    needed for an interval that wide).

    Parameters
    ----------
    n : int, optional
        Answers.
    gap : float, optional
        Distance between true and claimed mean, in (0, 1).
    power : float, optional
        Chance of contradicting the claim; 0.8 where it is not what is asked for.
    half_width : float, optional
        Half-width of the interval wanted, in (0, 1).
    sd : float
        Standard deviation of shares between people; about .20 in published surveys.
    population : int, optional
        People on the roster; None = no finite population correction.
    team_size, icc : float
        Size of sampled teams and resemblance inside them.
    level : float
        Level of the interval.

    Returns
    -------
    SharePower
        All four quantities; ``gap`` and ``power`` are NaN where only a half-width was asked for.

    Raises
    ------
    ValueError
        When none, or too many, of the quantities are given, or the roster is too small for what is asked.

    Examples
    --------
    >>> share_power(gap=0.05).n, share_power(gap=0.10).n
    (128, 34)
    """
    number("sd", sd, 0, open_low=True)
    number("level", level, 0, 1, open_low=True, open_high=True)
    effect = 1 + (number("team_size", team_size, 1) - 1) * number("icc", icc, 0, 1)
    if n is None and (gap is None) == (half_width is None):
        raise ValueError(
            "share_power: give n, or gap, or half_width (one of them; gap together with n gives the power)."
        )
    if (n is not None and half_width is not None) or (n is not None and gap is not None and power is not None):
        raise ValueError("share_power: nothing is left to solve for. Leave out what you want to know.")
    aim = 0.8 if power is None else number("power", power, 0, 1, open_low=True, open_high=True)
    solved: Solved = "n"
    if n is not None:
        count("n", n, 2)
        se = _std_error(n, sd, effect, population)
        if gap is None:
            gap, power, solved = se * _needed_shift(n - 1, aim, level), aim, "gap"
        else:
            power, solved = (t_power(gap / se, n - 1, level) if se > 0 else 1.0), "power"
    elif gap is not None:
        number("gap", gap, 0, 1, open_low=True)
        n = _smallest_n(lambda k: _seen(gap, k, sd, effect, population, level) >= aim, population)
        power = _seen(gap, n, sd, effect, population, level)
    else:
        wide = number("half_width", half_width, 0, 1, open_low=True)
        n = _smallest_n(lambda k: _half(k, sd, effect, population, level) <= wide, population)
    return SharePower(
        n=n, gap=float("nan") if gap is None else gap, power=float("nan") if power is None else power,
        half_width=_half(n, sd, effect, population, level), solved=solved, sd=sd, level=level, design_effect=effect,
        population=population, estimand="mean share of learning that is social",
        assumptions=("people answer at random inside units", f"shares spread by {sd:g} between people"),
        provenance=provenance("hypotheses.share_power", options={"sd": sd, "icc": icc, "team_size": team_size}),
    )  # fmt: skip


def _seen(gap: float, n: int, sd: float, effect: float, population: int | None, level: float) -> float:
    """Return the power at n answers."""
    se = _std_error(n, sd, effect, population)
    return 1.0 if se == 0 else t_power(gap / se, n - 1, level)


def _half(n: int, sd: float, effect: float, population: int | None, level: float) -> float:
    """Return the expected half-width at n answers."""
    from scipy.special import stdtrit

    return float(stdtrit(max(n - 1, 1), (1 + level) / 2)) * _std_error(n, sd, effect, population)


def _smallest_n(enough: object, population: int | None) -> int:
    """Return the smallest n that is enough, by bisection."""
    assert callable(enough)
    top = population if population is not None else 10**8
    if not enough(top):
        raise ValueError(
            f"share_power: not even {top} answers are enough. Ask for a larger gap or half-width."
        )
    low, high = 2, top
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
