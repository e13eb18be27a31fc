"""Pictures of survey shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.hypotheses.shares import ShareEstimate
    from peernet.results import Estimate

__all__ = ["plot_ladder", "plot_one"]


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
    words = f"percent (line: {100 * share.level:.0f} % interval; pale bar: range over all silent answers"
    axes.set_xlabel(
        plots.wrap(words + ("; [ ]: before rounding, had all rounded one way)" if rounded else ")"), 70),
        fontsize="small",
    )
    plots.set_title(axes, _message(share))
    return axes


def plot_one(
    estimate: Estimate,
    *,
    label: str,
    title: str,
    claim: float | None = None,
    band: tuple[float, float] | None = None,
    bounds: tuple[float, float] = (float("nan"), float("nan")),
    brackets: tuple[float, float] = (float("nan"), float("nan")),
    ax: Axes | None = None,
) -> Axes:
    """Draw one share with its interval against the claim, in percent.

    Parameters
    ----------
    estimate : Estimate
        ``value, low, high, level`` in [0, 1].
    label, title : str
        What the row is, and what it says.
    claim : float, optional
        Drawn as a broken line.
    band : (low, high), optional
        The margins around the claim, shaded.
    bounds : (low, high)
        What silent people leave open: pale bar.
    brackets : (low, high)
        What rounding leaves open.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        Percent from 0 to 100.
    """
    from peernet import plots

    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(7.2, 2.6), layout="constrained")[1]
    axes = plots.axes(ax)
    blue, orange = plots.OKABE_ITO[0], plots.OKABE_ITO[5]
    if band is not None:
        bottom, top = (float(np.clip(100 * x, 0, 100)) for x in band)
        axes.axvspan(bottom, top, color=orange, alpha=0.12, linewidth=0)
    low, high = bounds
    parts = [f"line: {100 * estimate.level:.0f} % interval"]
    if np.isfinite(low):
        axes.barh(0, 100 * (high - low), 0.5, 100 * low, color=blue, alpha=0.18, linewidth=0)
        parts.append("pale bar: range over all silent answers")
    axes.plot(
        [100 * estimate.low, 100 * estimate.high],
        [0, 0],
        color=blue,
        linewidth=2.5,
        solid_capstyle="butt",
    )
    if np.isfinite(brackets[0]) and brackets[1] > brackets[0]:
        for end, mark in zip(brackets, "[]", strict=True):
            axes.annotate(mark, (100 * end, 0), ha="center", va="center", color=blue, fontsize="large")
        parts.append("[ ]: before rounding")
    axes.plot(100 * estimate.value, 0, "o", color=blue, markersize=7)
    axes.annotate(f"{100 * estimate.value:.0f} %", (100 * estimate.value, 0), xytext=(0, 9),
                  textcoords="offset points", ha="center", color=blue, fontsize="small")  # fmt: skip
    if claim is not None:
        axes.axvline(100 * claim, color=orange, linewidth=1.5, linestyle="--")
        axes.annotate(f"claim {100 * claim:.0f} %", (100 * claim, 1), xycoords=("data", "axes fraction"),
                      xytext=(3, -2), textcoords="offset points", va="top", color=orange, fontsize="small")  # fmt: skip
        parts += ["shaded: the margins"] if band is not None else []
    axes.set_yticks([0], [plots.wrap(label, 22)])
    axes.set_ylim(-0.8, 1.0)
    axes.set_xlim(0, 100)
    axes.set_xlabel(plots.wrap(f"percent ({'; '.join(parts)})", 84), fontsize="small")
    plots.set_title(axes, title, 60)
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
