"""How people rounded, and what the rounding alone can do to a claim of 80 %."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import literal, number
from peernet.errors import DataError
from peernet.hypotheses._composition import READINGS, close_shares, read_sources
from peernet.hypotheses.shares import percent
from peernet.results import Result, provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

__all__ = ["Heaping", "heaping"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Heaping(Result):
    """How answers pile up on round numbers.

    Attributes
    ----------
    tens, fives, ones : float
        Estimated share of answers given to the nearest ten, five and one.
    n_answers, n_people : int
        Cells above zero that were looked at, and people.
    at_claim : float
        Share of people exactly at the claim.
    at_least, at_least_low, at_least_high : float
        Share of people at or above the claim as given, and the least and most it could be before rounding.
    mean, mean_low, mean_high : float
        Mean as given, and the least and most it could be before rounding.
    claim : float
        The claim.
    values : pandas.Series
        Count of people at each reported share, in percent.
    """

    tens: float
    fives: float
    ones: float
    n_answers: int
    n_people: int
    at_claim: float
    at_least: float
    at_least_low: float
    at_least_high: float
    mean: float
    mean_low: float
    mean_high: float
    claim: float = 0.8
    values: pd.Series[Any] = field(default_factory=lambda: pd.Series(dtype="int64"), repr=False)

    def summary(self) -> str:
        """Say how people rounded and what that hides."""
        return (
            f"{percent(self.tens)} of answers were given to the nearest ten and {percent(self.fives)} to "
            f"the nearest five; "
            f"{percent(self.at_claim)} of people stand exactly at {percent(self.claim)}, which is such a heap. Before "
            f"rounding, the share of people at or above it could lie between {percent(self.at_least_low)} and "
            f"{percent(self.at_least_high)} ({percent(self.at_least)} as given); the mean between "
            f"{percent(self.mean_low)} and {percent(self.mean_high)} ({percent(self.mean)} as given)."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a quantity: as given, least and most before rounding."""
        rows = [
            ("mean", self.mean, self.mean_low, self.mean_high),
            ("people at or above the claim", self.at_least, self.at_least_low, self.at_least_high),
        ]
        return pd.DataFrame(rows, columns=["quantity", "as given", "least", "most"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many people gave each share.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        axes.vlines(self.values.index, 0, self.values, color=plots.OKABE_ITO[0], linewidth=2)
        axes.axvline(100 * self.claim, color=plots.OKABE_ITO[5], linestyle="--")
        axes.set_xlabel("share of learning called social, as given (percent)")
        axes.set_ylabel("people")
        axes.set_xlim(-2, 102)
        axes.set_ylim(bottom=0)
        axes.set_title(plots.wrap("Answers pile up on round numbers, and the claim is one of them"))
        return axes


def _digits(cells: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    r"""Return the maximum-likelihood shares of rounding to tens, fives and ones, from counts on each grid.

    Whole numbers off the fives come from ones only (chance 4/5), multiples of five off the tens from fives (1/2) or
    ones (1/10).
    """
    ten = np.isclose(cells % 10, 0) | np.isclose(cells % 10, 10)
    five = (np.isclose(cells % 5, 0) | np.isclose(cells % 5, 5)) & ~ten
    f10, f5 = ten.mean(), five.mean()
    ones = min(1.0, (1 - f10 - f5) / 0.8)
    fives = float(np.clip(2 * (f5 - ones / 10), 0, 1 - ones))
    return float(max(0.0, 1 - ones - fives)), fives, float(ones)


def heaping(
    shares: pd.DataFrame,
    *,
    sources: Mapping[Any, str] | None = None,
    reading: str = "wide",
    readings: Mapping[str, Sequence[str]] | None = None,
    claim: float = 0.8,
    tolerance: float = 10.0,
) -> Heaping:
    """How people rounded their shares, and the least and most that the answers could have been before.

    A person's grid is the coarsest of 10, 5, 1 on which all of their percentages lie. Each source may be off by half a
    grid, and the sources of a person sum to 100 before and after, so the social share may be off by half a grid times
    the smaller number of sources above zero on either side.

    Parameters
    ----------
    shares : DataFrame
        People x sources, percentages as given.
    sources, reading, readings
        As in :func:`social_share`.
    claim : float
        The claimed share, in (0, 1).
    tolerance : float
        Largest distance of a sum from 100; other rows are left out.

    Returns
    -------
    Heaping
        Shares in [0, 1]. The range before rounding is a worst case over everybody at once.

    Raises
    ------
    DataError
        When nobody gave a composition.
    """
    number("claim", claim, 0, 1, open_low=True, open_high=True)
    meaning = dict(readings or READINGS)
    literal("reading", reading, list(meaning))
    kinds = read_sources(list(shares.columns), sources)
    closed = close_shares(shares, tolerance=tolerance, bad_sums="drop")
    if not len(closed.parts):
        raise DataError("shares: nobody gave parts that make a whole. There is no rounding to look at.")
    raw = shares.loc[closed.parts.index].astype("float64").fillna(0.0)
    whole = raw[np.abs(raw.sum(axis=1) - 100) <= tolerance]
    cells = whole.to_numpy()
    social = np.array([kinds[c] in meaning[reading] for c in shares.columns])
    tens, fives, ones = _digits(cells[cells > 0])
    off = np.minimum(cells % 5, 5 - cells % 5).max(axis=1) > 1e-9
    odd = np.minimum(cells % 10, 10 - cells % 10).max(axis=1) > 1e-9
    grid = np.where(off, 1.0, np.where(odd, 5.0, 10.0))
    used = np.minimum((cells[:, social] > 0).sum(axis=1), (cells[:, ~social] > 0).sum(axis=1))
    slack = grid / 2 * np.maximum(used, 1)
    x = 100 * cells[:, social].sum(axis=1) / cells.sum(axis=1)
    low, high = np.clip(x - slack, 0, 100), np.clip(x + slack, 0, 100)
    edge = 100 * claim - 1e-9
    return Heaping(
        tens=tens,
        fives=fives,
        ones=ones,
        n_answers=int((cells > 0).sum()),
        n_people=len(cells),
        at_claim=float(np.isclose(x, 100 * claim).mean()),
        at_least=float((x >= edge).mean()),
        at_least_low=float((low >= edge).mean()),
        at_least_high=float((high >= edge).mean()),
        mean=float(x.mean() / 100),
        mean_low=float(low.mean() / 100),
        mean_high=float(high.mean() / 100),
        claim=claim,
        values=pd.Series(np.round(x).astype(int)).value_counts().sort_index(),
        estimand="rounding of the answers",
        assumptions=("people round each source to a grid of their own",),
        provenance=provenance("hypotheses.heaping", options={"reading": reading, "claim": claim}),
    )
