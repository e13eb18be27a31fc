"""Pictures of network regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet import plots
from peernet.results import format_p

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.hypotheses._fits import NetworkRegression

__all__ = ["plot_goodness", "plot_terms"]


def plot_terms(fit: NetworkRegression, ax: Axes | None = None) -> Axes:
    """Draw the terms of a regression: estimates with intervals, or statistics against their null range.

    Parameters
    ----------
    fit : NetworkRegression
        The regression.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
    """
    table = fit.params[fit.params["term"] != "intercept"]
    ax = plots.axes(ax)
    at = np.arange(len(table))[::-1]
    if len(fit.null):
        ax.hlines(at, table["low"], table["high"], color=plots.GREY, linewidth=9, alpha=0.5)
        ax.plot(table["statistic"], at, "o", color=plots.OKABE_ITO[0])
        letter = "t" if fit.model == "linear" else "z"
        ax.set_xlabel(f"{letter} statistic (grey: the central {fit.level:.0%} when people change places)")
        outside = ((table["statistic"] < table["low"]) | (table["statistic"] > table["high"])).sum()
        ax.set_title(plots.wrap(f"{outside} of {len(table)} terms lie outside what chance gives"))
    else:
        ax.hlines(at, table["low"], table["high"], color=plots.OKABE_ITO[0])
        ax.plot(table["estimate"], at, "o", color=plots.OKABE_ITO[0])
        scale = {"linear": "change in the response", "logit": "change in log-odds of a tie"}
        ax.set_xlabel(f"{scale.get(fit.model, 'change in log of the response')} (line: {fit.level:.0%} interval)")
        outside = ((table["low"] > 0) | (table["high"] < 0)).sum()
        ax.set_title(plots.wrap(f"{outside} of {len(table)} terms differ clearly from 0"))
    ax.axvline(0.0, color="black", linewidth=0.8, linestyle=":")
    words = [f"{t}\n{format_p(p)}" for t, p in zip(table["term"], table["p_value"], strict=True)]
    ax.set_yticks(at, words)
    ax.set_ylim(-0.6, len(table) - 0.4)
    return ax


def plot_goodness(table: pd.DataFrame, feature: str, ax: Axes | None = None) -> Axes:
    """Draw a family of features: the data as dots over the range of the draws.

    Parameters
    ----------
    table : pandas.DataFrame
        value, observed, mean, low, high.
    feature : str
        What the values are.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
    """
    ax = plots.axes(ax)
    at = np.arange(len(table))
    ax.vlines(at, table["low"], table["high"], color=plots.GREY, linewidth=6, alpha=0.5)
    ax.plot(at, table["mean"], "_", color=plots.GREY, markersize=9)
    ax.plot(at, table["observed"], "o", color=plots.OKABE_ITO[0], markersize=4)
    step = max(1, len(table) // 24)
    ax.set_xticks(at[::step], table["value"].iloc[::step], rotation=90 if feature == "triads" else 0)
    what = {"teaches": ("people taught", "people"), "learns from": ("people learned from", "people"),
            "shared partners": ("people on the way i to k to j", "ties"), "distance": ("steps", "ordered pairs"),
            "triads": ("kind of triad", "triads")}[feature]  # fmt: skip
    ax.set_xlabel(what[0])
    ax.set_ylabel(what[1])
    if feature == "triads":
        ax.set_yscale("symlog", linthresh=10)
    outside = ((table["observed"] < table["low"]) | (table["observed"] > table["high"])).sum()
    ax.set_title(plots.wrap(f"{outside} of {len(table)} counts (dots) lie outside 95 % of the model's draws (grey)"))
    return ax
