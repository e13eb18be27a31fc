"""The scorecard: every claim on its own scale."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from peernet.hypotheses.shares import percent
from peernet.results import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.claims._evaluate import Scorecard

__all__ = ["plot_scorecard"]


def _colours() -> dict[str, str]:
    """Return the colour of each verdict."""
    from peernet import plots

    blue, orange, green = plots.OKABE_ITO[0], plots.OKABE_ITO[5], plots.OKABE_ITO[2]
    return {"supported": green, "contradicted": orange, "inconclusive": blue}


def _scale(row: Mapping[Any, Any]) -> tuple[float, float]:
    """Return the ends of a row's own scale, with room on both sides."""
    ends = [row["low"], row["high"], row["claimed"]]
    if str(row["unit"]).startswith("share of"):
        ends += [0.0, 1.0]
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    if (low, high) == (0.0, 1.0):
        return low, high
    room = 0.12 * max(high - low, 1e-9)
    return low - room, high + room


def plot_scorecard(card: Scorecard, *, ax: Axes | None = None) -> Axes:
    """Draw each estimate against its claimed value on a scale of its own, with verdict and what would settle it.

    Parameters
    ----------
    card : Scorecard
        From :func:`peernet.claims.evaluate`.
    ax : matplotlib Axes, optional
        The area to divide; by default a page of 11 x 9 inches.

    Returns
    -------
    matplotlib Axes
        Rows from top to bottom; dot and line are estimate and interval, the short upright line is the claimed value.
    """
    from peernet import plots

    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(11, 9), layout="constrained")[1]
    axes = plots.axes(ax)
    axes.set_axis_off()
    rows = card.table.to_dict("records")
    tall = 1 / len(rows)
    for k, row in enumerate(rows):
        bottom = 1 - (k + 1) * tall
        middle = bottom + tall / 2
        colour = _colours().get(row["verdict"], plots.GREY)
        known = not np.isnan(row["value"])
        parts = int((card.table["claim"] == row["claim"]).sum()) > 1
        words = row["quantity"] if known or parts else row["wording"]
        up = 0.18 * tall if known else 0.0
        label = f"{row['claim']}  " + textwrap.shorten(str(words), 48, placeholder=" ...")
        _text(axes, 0.0, middle + up, label, plots.INK)
        if known:
            unit = textwrap.shorten(_found(row), 62, placeholder=" ...")
            _text(axes, 0.035, middle - 0.27 * tall, unit, plots.GREY, size="x-small")
            _strip(axes.inset_axes((0.42, bottom + 0.3 * tall, 0.18, 0.45 * tall)), row, colour)
        _text(axes, 0.64, middle, row["verdict"], colour, weight="bold")
        settle = textwrap.wrap(str(row["would settle"]), 37, max_lines=2, placeholder=" ...")
        _text(axes, 0.83, middle, "\n".join(settle), plots.INK, size="x-small")
    counts = card.table["verdict"].value_counts()
    axes.set_title(plots.wrap(", ".join(f"{n} {v}" for v, n in counts.items()), 90), pad=22)
    heads = (
        (0.0, "claim"),
        (0.42, "dot: estimate; upright: claimed"),
        (0.64, "verdict"),
        (0.83, "would settle it"),
    )
    for x, words in heads:
        _text(axes, x, 1.005, words, plots.GREY, size="x-small")
    return axes


def _found(row: Mapping[Any, Any]) -> str:
    """Write the estimate in its unit, what was claimed, and the people behind it; no difference is claimed as 0."""
    unit = str(row["unit"])
    if not unit.startswith("share of"):
        return f"{format_number(row['value'], 2)} {unit}, n = {row['n']}"
    claimed = "" if np.isnan(row["claimed"]) else f", claimed {percent(float(row['claimed']))}"
    return f"{percent(float(row['value']))} of {unit.removeprefix('share of ')}{claimed}, n = {row['n']}"


def _text(
    ax: Axes, x: float, y: float, words: str, colour: str, *, weight: str = "normal", size: str = "small"
) -> None:
    """Write one cell."""
    ax.text(
        x,
        y,
        words,
        color=colour,
        va="center",
        ha="left",
        fontsize=size,
        fontweight=weight,
        transform=ax.transAxes,
    )


def _strip(ax: Axes, row: Mapping[Any, Any], colour: str) -> None:
    """Draw one row's estimate on its own scale, with the ends of the scale written out."""
    from peernet import plots

    low, high = _scale(row)
    shares = str(row["unit"]).startswith("share of")
    ax.set_xlim(low, high)
    ax.set_ylim(-1, 1)
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_position(("data", 0))
    ax.spines["bottom"].set_color("#dddddd")
    ax.spines["bottom"].set_zorder(0)
    ax.plot([row["low"], row["high"]], [0, 0], color=colour, linewidth=3, solid_capstyle="butt", zorder=3)
    ax.plot(row["value"], 0, "o", color=colour, markersize=5, zorder=4)
    ax.plot([row["claimed"], row["claimed"]], [-0.9, 0.9], color=plots.INK, linewidth=1.5, zorder=5)
    ax.set_yticks([])
    ax.set_xticks([])
    for x, side, away in ((low, "right", -3), (high, "left", 3)):
        words = percent(x) if shares else format_number(x, 2)
        ax.annotate(words, (x, 0), xytext=(away, 0), textcoords="offset points", ha=side, va="center",
                    fontsize="xx-small", color=plots.GREY)  # fmt: skip
