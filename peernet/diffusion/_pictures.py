"""Pictures of shares, thresholds, power and model weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_power", "plot_share", "plot_thresholds", "plot_weights"]


def plot_share(share: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the share with its interval, what the ties could carry at most, and the stated share.

    Parameters
    ----------
    share : TransmissionShare or dict of them
        One, or several by name.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The picture.
    """
    axes = plots.axes(ax)
    rows = dict(share) if isinstance(share, dict) else {"": share}
    stated = next(iter(rows.values())).against
    for y, (_, one) in enumerate(reversed(rows.items())):
        axes.barh(y, one.ceiling, height=0.5, color=plots.GREY, alpha=0.25, linewidth=0)
        axes.plot([one.low, one.high], [y, y], color=plots.OKABE_ITO[0], linewidth=2.5)
        axes.plot([one.value], [y], "o", color=plots.OKABE_ITO[0])
    axes.axvline(stated, color="black", linewidth=1, linestyle="--")
    top = len(rows) - 0.45
    axes.text(stated, top, f"stated: {100 * stated:.0f} % ", va="bottom", ha="right")
    axes.set_yticks(range(len(rows)), list(reversed(rows)))
    axes.set_ylim(-0.6, len(rows) - 0.1)
    axes.set_xlim(0, 1)
    axes.set_xlabel(
        "share of learning along teaching ties (dot and interval; grey = the most these ties could carry)"
    )
    return axes


def plot_thresholds(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw each adopter's threshold against the time of adoption, left-censored ones hollow.

    With a lag the adopters of the first period have no exposure before them: they are counted in the title, not drawn.

    Parameters
    ----------
    table : pandas.DataFrame
        From ``thresholds``.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The picture.
    """
    axes = plots.axes(ax)
    known = table[table["threshold"].notna() & table["time"].notna()]
    counts = known.groupby(["time", "threshold", "left_censored"]).size().rename("n").reset_index()
    for censored, part in counts.groupby("left_censored"):
        face = "none" if censored else plots.OKABE_ITO[0]
        axes.scatter(
            part["time"],
            part["threshold"],
            s=20 * part["n"],
            facecolor=face,
            edgecolor=plots.OKABE_ITO[0],
            alpha=0.7,
        )
    hidden = int((table["left_censored"] & table["threshold"].isna()).sum())
    title = f"{len(known)} of {len(table)} people have a known threshold (area = people)"
    if hidden:
        title += f"; {hidden} adopted in the first period, with nothing observed before them"
    axes.set_xlabel("period of adoption")
    axes.set_ylabel("share of teachers who had adopted before")
    axes.set_ylim(-0.05, 1.05)
    axes.set_title(
        plots.wrap(title),
        loc="left",
        fontsize="medium",
    )
    return axes


def plot_power(power: Any, *, ax: Axes | None = None) -> Axes:
    """Draw power by number of items.

    Parameters
    ----------
    power : NBDAPower
        From ``nbda_power``.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The picture.
    """
    axes = plots.axes(ax)
    t = power.table
    several = t["people"].nunique() > 1
    for k, (people, part) in enumerate(t.groupby("people")):
        colour = plots.OKABE_ITO[k % len(plots.OKABE_ITO)]
        axes.fill_between(
            part["items"], part["power_low"], part["power_high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(part["items"], part["power"], "o-", color=colour)
        if several:  # each line named at another of its points, so that names do not meet where lines do
            place = part.iloc[min(k, len(part) - 1)]
            axes.annotate(
                f"{people} people",
                (place["items"], place["power"]),
                (4, -12),
                textcoords="offset points",
                color=colour,
            )
    axes.axhline(0.8, color="black", linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("number of skills observed")
    axes.set_xticks(sorted(set(t["items"])))
    axes.set_ylabel("share of studies that detect it")
    axes.set_title(plots.wrap(power.summary().split(", provided")[0]), loc="left", fontsize="medium")
    return axes


def plot_weights(comparison: Any, *, ax: Axes | None = None) -> Axes:
    """Draw Akaike weights of models.

    Parameters
    ----------
    comparison : NBDAComparison
        From ``compare_nbda``.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The picture.
    """
    axes = plots.axes(ax)
    table = comparison.table.iloc[::-1]
    at = np.arange(len(table))
    axes.barh(at, table["weight"], color=plots.OKABE_ITO[0], height=0.6)
    axes.set_yticks(at, list(table["model"]))
    axes.set_xlim(0, 1)
    axes.set_xlabel("Akaike weight among the models compared")
    return axes
