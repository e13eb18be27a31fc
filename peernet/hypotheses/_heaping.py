"""How people rounded, and what the rounding alone can do to a claim of 80 %."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import literal
from peernet.errors import DataError
from peernet.hypotheses._composition import (
    READINGS,
    close_shares,
    read_sources,
    rounding_grid,
    rounding_range,
)
from peernet.hypotheses._guards import as_share
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
    at_least_even : float
        The same if people rounded up as often as down.
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
    at_least_even: float
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
            f"{percent(self.at_least_high)} ({percent(self.at_least)} as given; {percent(self.at_least_even)} if they "
            f"rounded up as often as down); the mean between "
            f"{percent(self.mean_low)} and {percent(self.mean_high)} ({percent(self.mean)} as given)."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a quantity: as given, least and most before rounding, and if rounding was even."""
        rows = [
            ("mean", self.mean, self.mean_low, self.mean_high),
            ("people at or above the claim", self.at_least, self.at_least_low, self.at_least_high),
        ]
        even = [self.mean, self.at_least_even]
        return pd.DataFrame(rows, columns=["quantity", "as given", "least", "most"]).assign(even=even)

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
        axes.set_ylim(0, 1.15 * max(self.values.max(), 1))
        axes.axvline(100 * self.claim, color=plots.OKABE_ITO[5], linestyle="--")
        axes.set_xlabel("share of learning called social, as given (percent)")
        axes.set_ylabel("people")
        axes.set_xlim(-2, 102)
        axes.annotate(
            f"claim {percent(self.claim)}: {percent(self.at_claim)} of people stand exactly there",
            (100 * self.claim, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize="small",
            color=plots.OKABE_ITO[5],
        )
        title = f"{percent(self.tens + self.fives)} of answers are in tens or fives"
        on = abs(100 * self.claim - 5 * round(20 * self.claim)) < 1e-9
        plots.set_title(axes, f"{title}, and the claim is one of them" if on else title)
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

    A person's grid is the coarsest of 10, 5, 1 on which all of their percentages lie, as given or before odd sums were
    closed to 100 (sums from 50 to 150 in fives are tried); parts on no grid count as not rounded. Each source may be
    off by half a grid, and the sources of a person sum to the whole before and after, so the social share may be off by
    half a grid times the smaller number of sources above zero on either side.

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
    as_share("claim", claim)
    meaning = dict(readings or READINGS)
    literal("reading", reading, list(meaning))
    kinds = read_sources(list(shares.columns), sources)
    parts = close_shares(shares, tolerance=tolerance, bad_sums="drop").parts.to_numpy()
    if not len(parts):
        raise DataError("shares: nobody gave parts that make a whole. There is no rounding to look at.")
    social = np.array([kinds[c] in meaning[reading] for c in shares.columns])
    grid, total = rounding_grid(parts)
    given = parts * total[:, None]
    tens, fives, ones = _digits(given[given > 0])
    low, high = rounding_range(parts, social, grid, total)
    x, edge = parts[:, social].sum(axis=1), claim - 1e-9
    wide = np.where(high > low, high - low, 1.0)
    even = np.where(high > low, np.clip((high - claim) / wide, 0.0, 1.0), low >= edge)
    return Heaping(
        tens=tens,
        fives=fives,
        ones=ones,
        n_answers=int((given > 0).sum()),
        n_people=len(parts),
        at_claim=float(np.isclose(x, claim).mean()),
        at_least=float((x >= edge).mean()),
        at_least_low=float((low >= edge).mean()),
        at_least_high=float((high >= edge).mean()),
        at_least_even=float(even.mean()),
        mean=float(x.mean()),
        mean_low=float(low.mean()),
        mean_high=float(high.mean()),
        claim=claim,
        values=pd.Series(np.round(100 * x).astype(int)).value_counts().sort_index(),
        estimand="rounding of the answers",
        assumptions=("people round each source to a grid of their own",),
        provenance=provenance("hypotheses.heaping", options={"reading": reading, "claim": claim}),
    )
