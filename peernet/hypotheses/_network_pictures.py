"""Pictures of network regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from peernet import plots
from peernet.results import format_p

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.hypotheses._fits import NetworkRegression

__all__ = ["plot_terms"]


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
