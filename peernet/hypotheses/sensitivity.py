"""How far the social share moves with what counts as social, and with how odd sums are treated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses._composition import read_sources
from peernet.hypotheses._guards import as_share
from peernet.hypotheses.shares import percent, social_share
from peernet.results import Result, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ShareSensitivity", "share_sensitivity"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShareSensitivity(Result):
    """The social share under every defensible choice.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a choice: ``counted`` (sources called social), ``sums`` (treatment of odd sums), ``value, low,
        high, n``,
        ``contains_claim``.
    claim : float
        The claim.
    """

    table: pd.DataFrame
    claim: float = 0.8

    def summary(self) -> str:
        """State the range, what moves it most, and how many choices leave the claim inside."""
        t = self.table
        by_source = t.groupby("counted")["value"].mean()
        by_sums = t.groupby("sums")["value"].mean()
        inside = int(t["contains_claim"].sum())
        return (
            f"Over {len(t)} choices the social share runs from {percent(t['value'].min())} to "
            f"{percent(t['value'].max())}. "
            f"What counts as social moves it by {100 * (by_source.max() - by_source.min()):.0f} points, the "
            f"treatment of "
            f"odd sums by {100 * (by_sums.max() - by_sums.min()):.1f}. The claim of {percent(self.claim)} "
            f"lies inside the "
            f"interval of {inside} of them."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the choices."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every choice, lowest first, with its interval.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        frame = self.table.sort_values("value").reset_index(drop=True)
        rows = np.arange(len(frame))
        axes.hlines(rows, 100 * frame["low"], 100 * frame["high"], color=plots.GREY, linewidth=1.5)
        axes.plot(100 * frame["value"], rows, "o", color=plots.OKABE_ITO[0], markersize=4)
        axes.axvline(100 * self.claim, color=plots.OKABE_ITO[5], linestyle="--")
        axes.set_yticks(rows, [f"{c} ({s})" for c, s in zip(frame["counted"], frame["sums"], strict=True)])
        axes.tick_params(axis="y", labelsize="x-small")
        axes.set_xlim(0, 100)
        axes.set_xlabel("social share of learning (percent)")
        by_source = 100 * np.ptp(self.table.groupby("counted")["value"].mean())
        width = 100 * float((self.table["high"] - self.table["low"]).mean())
        plots.set_title(
            axes,
            f"What counts as social moves the share by {by_source:.0f} points; intervals are {width:.0f} wide",
        )
        return axes


def share_sensitivity(
    shares: pd.DataFrame,
    *,
    sources: Mapping[Any, str] | None = None,
    people: pd.DataFrame | None = None,
    unit: str | None = "unit",
    respondents: Any = None,
    claim: float = 0.8,
    total: float = 100.0,
    tolerance: float = 10.0,
    level: float = 0.95,
) -> ShareSensitivity:
    """Social share under every set of sources that holds the social ones, and three treatments of odd sums.

    Sources of kind ``social`` always count, those of kind ``formal`` and ``solo`` never; every combination of the
    others
    (manager, outside, search) is tried, each with odd sums left out, closed, and only exact sums kept.

    Parameters
    ----------
    shares, sources, people, unit, respondents, claim, total, tolerance, level
        As in :func:`social_share`.

    Returns
    -------
    ShareSensitivity
        One row a choice, values in [0, 1].

    Raises
    ------
    DataError
        When no source is social, and as :func:`social_share`.
    """
    as_share("claim", claim)
    kinds = read_sources(list(shares.columns), sources)
    core = [c for c, kind in kinds.items() if kind == "social"]
    open_ = [c for c, kind in kinds.items() if kind in ("manager", "outside", "search")]
    if not core:
        raise DataError("sources: none is of kind 'social'. Declare which source means peers.")
    rows = []
    for size in range(len(open_) + 1):
        for extra in combinations(open_, size):
            marked = {c: "social" if c in core or c in extra else "solo" for c in shares.columns}
            for name, bad, width in (
                ("odd sums left out", "drop", tolerance),
                ("odd sums closed", "rescale", tolerance),
                ("exact sums only", "drop", 1e-9),
            ):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", PeerNetWarning)
                    try:
                        found = social_share(
                            shares, sources=marked, reading="strict", readings={"strict": ("social",)}, people=people,
                            unit=unit, respondents=respondents, claim=claim, total=total, tolerance=width,
                            bad_sums=bad, level=level,  # type: ignore[arg-type]
                        )  # fmt: skip
                    except DataError:
                        continue
                rows.append(
                    {
                        "counted": " + ".join(str(c) for c in [*core, *extra]), "sums": name, "value": found.value,
                        "low": found.low, "high": found.high, "n": found.n,
                        "contains_claim": bool(found.low <= claim <= found.high),
                    }
                )  # fmt: skip
    if not rows:
        raise DataError("shares: no treatment of sums leaves an answer. Check total= and tolerance=.")
    return ShareSensitivity(
        table=pd.DataFrame(rows),
        claim=claim,
        estimand="mean share of learning called social, under each choice",
        assumptions=("every choice is one that somebody could defend",),
        provenance=provenance("hypotheses.share_sensitivity", options={"claim": claim, "level": level}),
    )
