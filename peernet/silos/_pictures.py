"""Pictures of silo tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.silos.bridging import Bridges

__all__ = ["plot_bridges", "plot_curves", "plot_profile", "plot_table"]


BAND = 1.96


def plot_table(table: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw values with intervals where a table has them, else each row's distance from chance in SDs, and a band."""
    words = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c].dtype)]
    label = table[words].astype(str).agg(", ".join, axis=1) if words else table.index.astype(str).to_series()
    frame = pd.DataFrame({"label": np.asarray(label)})
    if {"value", "low", "high"} <= set(table.columns):
        for column in ("value", "low", "high"):
            frame[column] = table[column].to_numpy()
        return plots.plot_intervals(frame, label="label", xlabel="value", title=title, ax=ax)
    z = table["z"].to_numpy(dtype=np.float64)
    frame = frame.assign(value=z, low=z, high=z)[np.isfinite(z)]
    xlabel = "distance from chance, in SDs of the null (band: 1.96 either way, 95 % where the null is normal)"
    axes = plots.plot_intervals(
        frame, label="label", xlabel=plots.wrap(xlabel, 60), reference=0.0, title=title, ax=ax
    )
    axes.axvspan(-BAND, BAND, color=plots.GREY, alpha=0.2, linewidth=0, zorder=0)
    return axes


def plot_profile(table: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw a row an index and a mark a null model: distances from chance in SDs."""
    ax = plots.axes(ax)
    measures = list(dict.fromkeys(table["measure"]))
    ax.axvline(0, color=plots.GREY, linewidth=1, linestyle="--")
    for k, (null, part) in enumerate(table.groupby("null", sort=False)):
        known = part[np.isfinite(part["z"])]
        rows = [len(measures) - 1 - measures.index(m) for m in known["measure"]]
        ax.plot(
            known["z"],
            rows,
            "osD^"[k % 4],
            color=plots.OKABE_ITO[k],
            markersize=7,
            label=str(null),
            alpha=0.85,
        )
    ax.set_yticks(range(len(measures))[::-1], measures)
    ax.set_ylim(-0.6, len(measures) - 0.4)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("distance from chance, in standard deviations of the null")
    ax.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    plots.set_title(ax, title)
    return ax


def plot_curves(table: pd.DataFrame, title: str, ax: Axes | None = None) -> Axes:
    """Draw a measure against the share of people who are silent, with a band of 90 % of draws."""
    axes, ends = plots.axes(ax), []
    for colour, (pattern, part) in zip(plots.OKABE_ITO, table.groupby("pattern", sort=False), strict=False):
        axes.fill_between(
            100 * part["share"], part["low"], part["high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(100 * part["share"], part["median"], color=colour)
        if np.isfinite(part["median"].iloc[-1]):
            ends.append((float(part["median"].iloc[-1]), str(pattern), colour))
    plots._end_labels(axes, float(100 * table["share"].max()), ends)
    axes.axhline(float(table["complete"].iloc[0]), color=plots.GREY, linestyle=":")
    axes.set_xlabel("people made silent (% of those who answered)")
    axes.set_ylabel(str(table["measure"].iloc[0]))
    plots.set_title(axes, title)
    return axes


def plot_bridges(found: Bridges, name: str, *, names: bool, ax: Axes | None = None) -> Axes:
    """Draw one measure of bridging: a dot with its interval a person, in the order of the values."""
    shown = found.table.dropna(subset=[f"{name}_low"]).sort_values(name)
    axes, place = plots.axes(ax), np.arange(len(shown))
    words = str(found.reliability.set_index("measure")["words"][name])
    low, high = shown[f"{name}_low"], shown[f"{name}_high"]
    axes.hlines(place, low, high, color=plots.OKABE_ITO[0], linewidth=1, alpha=0.5)
    axes.plot(shown[name], place, "o", color=plots.OKABE_ITO[0], markersize=3)
    if len(shown):
        axes.axvline(float(shown[name].median()), color=plots.GREY, linestyle="--", linewidth=1)
    if names:
        axes.set_yticks(place, [str(x) for x in shown.index], fontsize=6)
    else:
        axes.set_yticks([])
    axes.set_ylabel(f"people, in the order of their values ({len(shown)} of {len(found.table)})")
    axes.set_xlabel(f"{name.replace('_', ' ')}, {found.level:.0%} interval; dashed: median")
    plots.set_title(axes, f"{name.replace('_', ' ').capitalize()}: {words}")
    return axes
