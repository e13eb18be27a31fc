"""Pictures of survey shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.hypotheses.shares import ShareEstimate

__all__ = ["plot_ladder"]


def plot_ladder(share: ShareEstimate, *, ax: Axes | None = None) -> Axes:
    """Draw the 80 ladder: every reading's mean, worst cases and people at or above the claim, against the claim.

    Parameters
    ----------
    share : ShareEstimate
        From :func:`peernet.hypotheses.social_share`.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        Percent from 0 to 100; dots and lines are means with intervals, pale bars what silent people could hide,
        open squares the share of people at or above the claim (percent of people, not of learning), brackets what
        people's own rounding leaves open.
    """
    from peernet import plots

    axes = plots.axes(ax)
    blue, orange = plots.OKABE_ITO[0], plots.OKABE_ITO[5]
    ticks: list[float] = []
    labels: list[str] = []
    y = 0.0
    for name in share.counted:
        mean, above = share.row("mean", name), share.row("at least claim", name)
        for row, what in (
            (mean, "mean share of learning"),
            (above, f"people at {100 * share.claim:.0f} % or more"),
        ):
            learning = what.startswith("mean")
            colour = blue if learning else plots.GREY
            if np.isfinite(row["bound_low"]):
                axes.barh(y, 100 * (row["bound_high"] - row["bound_low"]), 0.5, 100 * row["bound_low"],
                          color=colour, alpha=0.18, linewidth=0)  # fmt: skip
            axes.plot(
                [100 * row["low"], 100 * row["high"]],
                [y, y],
                color=colour,
                linewidth=2.5,
                solid_capstyle="butt",
            )
            if row["rounding_high"] > row["rounding_low"]:
                for end, mark in (("rounding_low", "["), ("rounding_high", "]")):
                    axes.annotate(mark, (100 * row[end], y), ha="center", va="center", color=colour)
            axes.plot(100 * row["value"], y, "o" if learning else "s", color=colour, markersize=7,
                      markerfacecolor=colour if learning else "white")  # fmt: skip
            axes.annotate(f"{100 * row['value']:.0f} %", (100 * row["value"], y), xytext=(0, 9),
                          textcoords="offset points", ha="center", color=colour, fontsize="small")  # fmt: skip
            ticks.append(y)
            labels.append(f"{name}: {what}")
            y -= 1.0
        y -= 0.5
    axes.axvline(100 * share.claim, color=orange, linewidth=1.5, linestyle="--")
    axes.annotate(f"claim {100 * share.claim:.0f} %", (100 * share.claim, 1), xycoords=("data", "axes fraction"),
                  xytext=(3, -2), textcoords="offset points", va="top", color=orange, fontsize="small")  # fmt: skip
    axes.set_yticks(ticks, labels)
    axes.set_ylim(y + 0.7, 1.0)
    axes.set_xlim(0, 100)
    rounded = (share.readings["rounding_high"] > share.readings["rounding_low"]).any()
    axes.set_xlabel(
        f"percent (line: {100 * share.level:.0f} % interval; pale bar: range over all silent answers"
        + ("; [ ]: before rounding)" if rounded else ")"),
        fontsize="small",
    )
    axes.set_title(plots.wrap(_message(share)))
    return axes


def _message(share: ShareEstimate) -> str:
    """One sentence: where the mean stands against the claim."""
    mean = share.row()
    place = {
        "contradicted": "below" if mean["value"] < share.claim else "above",
        "inconclusive": "not told apart from",
    }.get(share.verdict, "too few answers to place against")
    claim = f"{100 * share.claim:.0f} %"
    value = f"{100 * mean['value']:.0f} % ({share.reading} reading)"
    return f"Share of learning called social: {value}, {place} the claimed {claim}"
