"""What traces show: answered questions against finished courses, as a curve over what an answer is worth."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet._check import number, quoted, rows_text
from peernet.claims._inputs import exchange_rates
from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses._guards import as_share, warn_few
from peernet.hypotheses.shares import percent
from peernet.hypotheses.survey import design_ratio
from peernet.results import Estimate, Verdict, format_number, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TraceCurve", "trace_curve"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TraceCurve(Estimate):
    """Social share of what left traces, as a curve over the exchange rate "one answered question = x of a course".

    ``value, low, high`` are the exchange rate at which the traces would give the claimed share.

    Attributes
    ----------
    claim : float
        The claimed share.
    curve : pandas.DataFrame
        ``rate, share, low, high``; rates on a logarithmic grid.
    answers, courses : int
        Answered questions and finished courses.
    exchange : tuple of float or None
        Rates that were called believable beforehand.
    counted : str
        What was counted as an answered question, where it was said.
    """

    claim: float
    curve: pd.DataFrame
    answers: int
    courses: int
    exchange: tuple[float, float] | None = None
    counted: str = ""

    def share(self, rate: float) -> float:
        """Return the social share at an exchange rate.

        Parameters
        ----------
        rate : float
            Courses that one answered question is worth.

        Returns
        -------
        float
            In [0, 1].
        """
        return rate * self.answers / (rate * self.answers + self.courses)

    def summary(self) -> str:
        """Say what would have to be believed for the claim to hold."""
        text = (
            f"Traces: {self.answers} answered questions{f' ({self.counted})' if self.counted else ''} and "
            f"{self.courses} finished courses. They give "
            f"{percent(self.claim)} "
            f"social if one answer is worth {format_number(self.value)} of a course ({self.level:.0%} interval "
            f"{format_number(self.low)} to {format_number(self.high)}). "
        )
        if self.exchange is None:
            return text + "The traces cannot say what it is worth, so the claim is not answerable from them."
        a, b = self.exchange
        return text + (
            f"Called believable beforehand: {format_number(a)} to {format_number(b)}, which gives "
            f"{percent(self.share(a))} to {percent(self.share(b))}: {self.verdict}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve, and where it reaches the claim.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        axes.fill_between(
            self.curve["rate"], 100 * self.curve["low"], 100 * self.curve["high"], color="#d9d9d9"
        )
        axes.plot(self.curve["rate"], 100 * self.curve["share"], color=plots.OKABE_ITO[0])
        if self.exchange is not None:
            axes.axvspan(
                *self.exchange, color=plots.OKABE_ITO[1], alpha=0.25, linewidth=0, label="called believable"
            )
            axes.legend(frameon=False, fontsize="x-small", loc="upper left")
        axes.axhline(100 * self.claim, color=plots.OKABE_ITO[5], linestyle="--")
        axes.plot([self.value], [100 * self.claim], "o", color=plots.OKABE_ITO[5])
        axes.set_xscale("log")
        axes.set_ylim(0, 100)
        axes.set_xlabel("courses that one answered question is worth")
        axes.set_ylabel("social share of traces (percent)")
        plots.set_title(
            axes, f"{percent(self.claim)} if an answer is worth {format_number(self.value, 2)} courses", 40
        )
        return axes


def _counts(name: str, given: pd.Series) -> pd.Series:
    """Return counts by learner, refusing what is no count, negative ones and people who stand twice."""
    if not isinstance(given, pd.Series):
        raise DataError(
            f"{name} must be a Series of counts with the learners as index; got {type(given).__name__}. From a table "
            "of events: events.groupby('learner').size()."
        )
    if given.index.has_duplicates:
        twice = given.index[given.index.duplicated()].unique()
        raise DataError(
            f"{name}: {len(twice)} learners stand twice ({quoted(twice)}). Keep one count a learner."
        )
    try:
        found = given.astype("float64")
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: not all counts are numbers ({error}).") from error
    bad = np.flatnonzero(((found < 0) | np.isinf(found)).to_numpy())
    if len(bad):
        raise DataError(
            f"{name}: {len(bad)} of {len(found)} counts are negative or infinite "
            f"({rows_text(bad, found.index[bad])}). Correct them at the source."
        )
    return found


def trace_curve(
    answers: pd.Series,
    courses: pd.Series,
    *,
    claim: float = 0.8,
    exchange: tuple[float, float] | None = None,
    level: float = 0.95,
) -> TraceCurve:
    r"""Social share of traces over the exchange rate between an answered question and a course.

    With A answered questions and C courses finished, the share at rate x is :math:`x A / (x A + C)`; it equals the
    claim
    c at :math:`x^* = \frac{c}{1 - c} \frac{C}{A}`, whose interval is that of the ratio C/A over learners. Traces
    have no
    denominator (nobody records learning alone), so there is a curve and never one number.

    Parameters
    ----------
    answers, courses : Series
        By learner: questions answered to them, and courses they finished, in the same span. People on one side
        only count
        as 0 on the other.
    claim : float
        The claimed share, in (0, 1).
    exchange : (low, high), optional
        Rates called believable before looking. Without them the verdict is "not answerable".
    level : float
        Coverage of the intervals.

    Returns
    -------
    TraceCurve
        Rates > 0.

    Raises
    ------
    DataError
        Without answers or without courses, for negative counts and learners who stand twice.
    ValueError
        For rates that are not two numbers above 0, the lower one first.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 learners.
    """
    as_share("claim", claim)
    number("level", level, 0, 1, open_low=True, open_high=True)
    exchange = exchange_rates(exchange)
    answers, courses = _counts("answers", answers), _counts("courses", courses)
    index = answers.index.union(courses.index)
    a, c = (x.reindex(index).fillna(0.0).astype("float64") for x in (answers, courses))
    if not (a.sum() > 0 and c.sum() > 0):
        raise DataError(
            f"traces: {a.sum():.0f} answered questions and {c.sum():.0f} finished courses. It takes both: "
            f"one side alone is "
            "100 % or 0 % of nothing."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PeerNetWarning)
        ratio = design_ratio(c, a, level=level)
    few = warn_few("trace_curve", len(index), "learners", so="The verdict is 'not answered by these data'.")
    odds = claim / (1 - claim)
    low, high = max(ratio.low, 0.0), ratio.high
    rate = np.geomspace(1e-3, 1e2, 201) * max(ratio.value, 1e-9)
    curve = pd.DataFrame({"rate": rate, "share": rate / (rate + ratio.value)})
    curve["low"], curve["high"] = rate / (rate + high), rate / (rate + low)
    verdict: Verdict = "not answerable"
    if exchange is not None:
        least, most = exchange
        outside = odds * high < least or odds * low > most
        verdict = "contradicted" if outside else "inconclusive"
        verdict = "not answered by these data" if few else verdict
    return TraceCurve(
        name=f"exchange rate at which traces give {percent(claim)}",
        value=odds * ratio.value,
        low=odds * low,
        high=odds * high,
        level=level,
        unit="courses an answer",
        std_error=odds * ratio.std_error,
        n=len(index),
        method="ratio over learners",
        claim=claim,
        curve=curve,
        answers=int(a.sum()),
        courses=int(c.sum()),
        exchange=exchange,
        verdict=verdict,
        estimand="the worth of an answer at which the traces would give the claimed share",
        would_count_against="believable rates that all give another share",
        assumptions=("traces are as complete for answers as for courses", "learning alone leaves no trace"),
        provenance=provenance(
            "claims.trace_curve", options={"claim": claim, "exchange": exchange, "level": level}
        ),
    )
