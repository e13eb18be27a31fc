"""Whether those whom many learn from come first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._exposure import Through, answered
from peernet.diffusion._missing import periods_of
from peernet.diffusion._time import Period, timeline
from peernet.diffusion.contagion import facing
from peernet.network import PeerNetwork
from peernet.results import Result, format_number, provenance

__all__ = ["OpinionLeaders", "opinion_leaders"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OpinionLeaders(Result):
    """Whether those whom many learn from adopt early.

    Attributes
    ----------
    table : pandas.DataFrame
        Rows ``teaches`` (number of learners) and ``learns_from`` (number of teachers): ``correlation`` of the count
        with the period of adoption, ``low, high`` (bootstrap over adopters), ``n``.
    """

    table: pd.DataFrame

    def summary(self) -> str:
        """State the correlation of having learners with adopting late."""
        row = self.table.iloc[0]
        r = row["correlation"]
        if np.isnan(r):
            few = int(row["n"]) < 3
            return (
                "Whether people whom more colleagues learn from adopted earlier is not defined: "
                + (f"{int(row['n'])} adopters, and three are needed." if few else
                   "all adopted in the same period, or equally many learn from each.")
            )  # fmt: skip
        word = "earlier" if r < 0 else "later"
        clear = row["low"] * row["high"] > 0
        tail = "" if clear else "; the interval includes none at all"
        return (
            f"People whom more colleagues learn from adopted {word}: correlation with time {format_number(r)} "
            f"[{format_number(row['low'])}, {format_number(row['high'])}], {int(row['n'])} adopters{tail}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.reset_index()

    def plot(self, ax: Any = None) -> Any:
        """Draw both correlations with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        words = {"teaches": "number of learners", "learns_from": "number of teachers"}
        frame = self.table.reset_index().rename(columns={"correlation": "value"})
        frame["degree"] = frame["degree"].map(words)
        return plots.plot_intervals(
            frame, label="degree", xlabel="correlation with time of adoption (below 0: they come first)", reference=0.0,
            ax=ax,
        )  # fmt: skip


def opinion_leaders(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    item: str | None = None,
    weighted: bool = False,
    level: float = 0.95,
    n_draws: int = 1000,
    rng: RNGLike | SeedLike | None = None,
) -> OpinionLeaders:
    """Correlation of how many learn from a person with when the person adopts.

    Negative: those whom many learn from come first, and so can carry it on; positive: they hold out.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``adoption_curve``; one item. Adopters within the span only.
    weighted : bool
        Sum tie weights instead of counting people.
    level : float
        Coverage of the percentile bootstrap interval.
    n_draws : int
        Bootstrap samples of adopters.
    rng : generator or seed, optional
        For the bootstrap.

    Returns
    -------
    OpinionLeaders
        Pearson correlations in [-1, 1]; NaN with fewer than three adopters or no variation. People who did not say whom
        they learn from have an unknown number of teachers and are left out of that row (``n``).

    Raises
    ------
    DataError
        As ``adoption_curve``.
    """
    rng = as_rng(rng)
    count("n_draws", n_draws, 0)
    number("level", level, 0, 1, open_low=True, open_high=True)
    state = record(rng)
    items, moments = read_adoptions(adoptions, net.ids, item)
    one = choose(items, "opinion_leaders")
    periods = timeline(moments, start, end, period)
    tau = periods_of(one, periods)
    who = np.flatnonzero((tau >= 0) & (tau < periods.n))
    matrix = facing(net, "learners", weighted)
    rows = []
    sides: dict[str, Through] = {"teaches": "learners", "learns_from": "teachers"}
    for name, side in sides.items():
        mine = who[answered(net, side)[who]]
        degree, when = np.asarray(matrix.sum(axis=1 if side == "learners" else 0)).ravel()[mine], tau[mine]
        picks = rng.integers(0, max(len(mine), 1), size=(n_draws, len(mine)))
        r = _pearson(degree[None], when[None])[0] if len(mine) > 2 else float("nan")
        draws = _pearson(degree[picks], when[picks]) if len(mine) > 2 and n_draws else np.zeros(0)
        draws = draws[np.isfinite(draws)]
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) if len(draws) else (np.nan, np.nan)
        rows.append((name, r, low, high, len(mine)))
    table = pd.DataFrame(rows, columns=["degree", "correlation", "low", "high", "n"]).set_index("degree")
    facts = provenance(
        "diffusion.opinion_leaders", net, options={"n_draws": n_draws, "item": one.item}, rng=state
    )
    return OpinionLeaders(
        table=table, provenance=facts, estimand="Correlation of degree and time of adoption among adopters"
    )


def _pearson(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Return the correlation of each row; NaN without variation."""
    a, b = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    out: NDArray[np.float64] = np.full(len(below), np.nan)
    np.divide((a * b).sum(axis=1), below, out=out, where=below > 0)
    return out
