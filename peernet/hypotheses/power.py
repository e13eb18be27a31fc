"""How many answers it takes, and what a survey of this size could have seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet.hypotheses._guards import as_share
from peernet.results import Alternative, Result, format_number, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SharePower", "share_power", "smallest_correlation", "smallest_difference", "t_power"]

Solved = Literal["n", "gap", "power", "half_width"]
FEW_TEAMS = 20


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


def needed_shift(df: float, power: float = 0.8, level: float = 0.95) -> float:
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
        return needed_shift(n - 1, power, level) / np.sqrt(n) if n > 1 else float("nan")
    if n < 1 or other < 1:
        return float("nan")
    return needed_shift(n + other - 2, power, level) * float(np.sqrt(1 / n + 1 / other))


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
    df : float
        Degrees of freedom of the test: answers, or sampled teams, minus one.
    population : int or None
        People on the roster, for the finite population correction.
    team_size : float
        Answers per sampled team; 1 where people were sampled.
    """

    n: int
    gap: float
    power: float
    half_width: float
    solved: Solved
    sd: float = 0.2
    level: float = 0.95
    design_effect: float = 1.0
    df: float = float("nan")
    population: int | None = None
    team_size: float = 1.0

    def summary(self) -> str:
        """State the answers needed, or what so many could show, in points."""
        points = f"{100 * self.half_width:.1f} points"
        of = f" of {self.population}" if self.population else ""
        text = f"{self.n} answers{of} give a mean share to within {points} ({self.level:.0%} interval)"
        if np.isfinite(self.gap):
            text += (
                f" and contradict a claim {100 * self.gap:.1f} points away with a chance of {self.power:.0%}"
            )
        text += f"; spread between people {100 * self.sd:.0f} points"
        if self.team_size == 1:
            return text + "."
        teams = self.n / self.team_size
        few = f"; fewer than {FEW_TEAMS} teams: the interval is wide and its level approximate"
        return (
            f"{text}, {format_number(teams)} sampled teams of {format_number(self.team_size)} "
            f"({format_number(self.df)} degrees of freedom, design effect {format_number(self.design_effect)})"
            f"{few if teams < FEW_TEAMS else ''}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row: n, gap, power, half_width and what they rest on."""
        keys = (
            "n",
            "gap",
            "power",
            "half_width",
            "sd",
            "level",
            "design_effect",
            "df",
            "population",
            "solved",
        )
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
        n = n[n >= 2 * self.team_size]
        plan = _Plan(self.sd, self.design_effect, self.population, self.team_size, self.level)
        gaps = [100 * plan.std_error(int(k)) * needed_shift(plan.df(int(k)), aim, self.level) for k in n]
        axes.plot(n, gaps, color=plots.OKABE_ITO[0])
        axes.axvline(self.n, color=plots.OKABE_ITO[5], linestyle="--")
        axes.annotate(f"n = {self.n}", (self.n, 1), xycoords=("data", "axes fraction"), xytext=(3, -2),
                      textcoords="offset points", va="top", color=plots.OKABE_ITO[5])  # fmt: skip
        axes.set_xlabel("answers")
        axes.set_ylabel(f"smallest gap seen with {aim:.0%} power (points)".replace("%", " %", 1))
        axes.set_ylim(bottom=0)
        plots.set_title(axes, "How far from the claim the mean must be for this survey to say so")
        return axes


class _Plan(NamedTuple):
    """A design: what n answers give under it."""

    sd: float
    effect: float
    population: int | None
    team: float
    level: float

    def df(self, n: int) -> float:
        """Degrees of freedom: answers, or sampled teams, minus one."""
        return n / self.team - 1

    def std_error(self, n: int) -> float:
        """Standard error of a mean of n answers."""
        free = 1.0 if self.population is None else max(1 - n / self.population, 0.0)
        return float(self.sd * np.sqrt(self.effect * free / n))

    def power(self, gap: float, n: int) -> float:
        """Chance of contradicting a claim that is ``gap`` away."""
        se = self.std_error(n)
        return 1.0 if se == 0 else t_power(gap / se, self.df(n), self.level)

    def half_width(self, n: int) -> float:
        """Expected half-width of the interval."""
        from scipy.special import stdtrit

        se = self.std_error(n)
        return 0.0 if se == 0 else float(stdtrit(self.df(n), (1 + self.level) / 2)) * se


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
    correlation :math:`\rho` (leave them at 1 and 0 where everybody was asked), and n/m - 1 degrees of freedom: with
    sampled teams it is the number of *teams* that counts.

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
        Answers per sampled team and resemblance inside teams; a resemblance without teams is refused.
    level : float
        Level of the interval.

    Returns
    -------
    SharePower
        All four quantities; ``gap`` and ``power`` are NaN where only a half-width was asked for.

    Raises
    ------
    ValueError
        When none, or too many, of the quantities are given, there are more answers than people, fewer than two teams,
        or the roster is too small for what is asked.

    Examples
    --------
    >>> share_power(gap=0.05).n, share_power(gap=0.10).n
    (128, 34)
    """
    plan = _plan(sd, population, team_size, icc, level)
    if n is None and (gap is None) == (half_width is None):
        raise ValueError(
            "share_power: give n, or gap, or half_width (one of them; gap together with n gives the power)."
        )
    if (n is not None and (half_width is not None or (gap is not None and power is not None))) or (
        half_width is not None and power is not None
    ):
        raise ValueError("share_power: nothing is left to solve for. Leave out what you want to know.")
    aim = 0.8 if power is None else number("power", power, 0, 1, open_low=True, open_high=True)
    if gap is not None:
        as_share("gap", gap)
    solved: Solved = "n"
    if n is not None:
        _possible(n, population, team_size)
        if gap is None:
            gap, power, solved = plan.std_error(n) * needed_shift(plan.df(n), aim, level), aim, "gap"
        else:
            power, solved = plan.power(gap, n), "power"
    elif gap is not None:
        distance = gap
        n = _smallest_n(lambda k: plan.power(distance, k) >= aim, population, team_size)
        power = plan.power(gap, n)
    else:
        wide = as_share("half_width", half_width)
        n = _smallest_n(lambda k: plan.half_width(k) <= wide, population, team_size)
    options = {"sd": sd, "icc": icc, "team_size": team_size, "population": population, "level": level}
    return SharePower(
        n=n, gap=float("nan") if gap is None else gap, power=float("nan") if power is None else power,
        half_width=plan.half_width(n), solved=solved, sd=sd, level=level, design_effect=plan.effect,
        df=plan.df(n), population=population, team_size=team_size,
        estimand="mean share of learning that is social",
        assumptions=("people answer at random inside units", f"shares spread by {sd:g} between people"),
        provenance=provenance("hypotheses.share_power", options=options),
    )  # fmt: skip


def _plan(sd: float, population: int | None, team_size: float, icc: float, level: float) -> _Plan:
    """Check the design and return it."""
    as_share("sd", sd)
    if sd > 0.5:
        raise ValueError(f"sd must be at most 0.5, the largest spread that shares can have; got {sd!r}.")
    number("level", level, 0, 1, open_low=True, open_high=True)
    if population is not None:
        count("population", population, 2)
    effect = 1 + (number("team_size", team_size, 1) - 1) * number("icc", icc, 0, 1)
    if icc > 0 and team_size == 1:
        raise ValueError(
            f"share_power: icc={icc:g} without teams. Say how many answers a team gives (team_size=)."
        )
    return _Plan(sd, effect, population, team_size, level)


def _possible(n: int, population: int | None, team_size: float) -> None:
    """Refuse more answers than people, and fewer than two units to compare."""
    count("n", n, 2)
    if population is not None and n > population:
        raise ValueError(
            f"share_power: {n} answers from {population} people. n must not exceed population; leave population out "
            "if the answers stand for people beyond the roster."
        )
    if n < 2 * team_size:
        raise ValueError(
            f"share_power: {n} answers in teams of {team_size:g} are fewer than two teams, whose spread is unknown. "
            "Sample more teams."
        )


def _smallest_n(enough: Callable[[int], bool], population: int | None, team_size: float) -> int:
    """Return the smallest n that is enough, by bisection; in whole teams where the roster has as many people."""
    low, high = int(np.ceil(2 * team_size)), population if population is not None else 10**8
    if low > high or not enough(high):
        raise ValueError(
            f"share_power: not even {high} answers are enough. Ask for a larger gap or half-width."
        )
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    whole = int(np.ceil(np.ceil(low / team_size) * team_size))
    return whole if population is None or whole <= population else low
