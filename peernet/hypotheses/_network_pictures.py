"""Pictures of network regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet import plots
from peernet.results import format_p

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.hypotheses._fits import NetworkRegression
    from peernet.results import ModelFit

__all__ = ["plot_estimates", "plot_goodness", "plot_terms"]


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
    if not len(fit.null):
        scale = {"linear": "change in the response", "logit": "change in log-odds of a tie"}
        return plot_estimates(fit, scale.get(fit.model, "change in log of the response"), ax=ax)
    table = fit.params[fit.params["term"] != "intercept"]
    ax = plots.axes(ax)
    at = np.arange(len(table))[::-1]
    # p goes by absolute values, so the range does: a dot beyond it is one with p below 1 - level.
    near = np.nanquantile(np.abs(fit.null[:, table.index]), fit.level, axis=0)
    ax.hlines(at, -near, near, color=plots.GREY, linewidth=9, alpha=0.5)
    ax.plot(table["statistic"], at, "o", color=plots.OKABE_ITO[0])
    letter = "t" if fit.model == "linear" else "z"
    ax.set_xlabel(f"{letter} statistic (grey: {100 * fit.level:.4g} % of draws when people change places)")
    _name_terms(table, fit.level, at, ax)
    return ax


def plot_estimates(fit: ModelFit, what: str, ax: Axes | None = None) -> Axes:
    """Draw the terms of a model but the intercept: estimates with intervals; a term without one is a hollow dot.

    Parameters
    ----------
    fit : ModelFit
        The model.
    what : str
        What the estimates are.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
    """
    table = fit.params[fit.params["term"] != "intercept"]
    ax = plots.axes(ax)
    at = np.arange(len(table))[::-1]
    bare = table["low"].isna().to_numpy()
    ax.hlines(at[~bare], table["low"][~bare], table["high"][~bare], color=plots.OKABE_ITO[0])
    ax.plot(table["estimate"][~bare], at[~bare], "o", color=plots.OKABE_ITO[0])
    ax.plot(table["estimate"][bare], at[bare], "o", color=plots.OKABE_ITO[0], fillstyle="none")
    ax.set_xlabel(f"{what} (line: {100 * fit.level:.4g} % interval)")
    _name_terms(table, fit.level, at, ax)
    return ax


def _name_terms(table: pd.DataFrame, level: float, at: NDArray[np.intp], ax: Axes) -> None:
    """Write terms with their p, and in the title how many stand out, by the p that the table gives."""
    out = int((table["p_value"] <= 1 - level + 1e-12).sum())
    stand = "stands" if out == 1 else "stand"
    plots.set_title(ax, f"{out} of {len(table)} terms {stand} out from chance (p at most {1 - level:.3g})")
    ax.axvline(0.0, color="black", linewidth=0.8, linestyle=":")
    # Two lines a term where there is room, else one, in letters no higher than the rows.
    points = ax.get_window_extent().height * 72 / ax.figure.dpi / max(len(table), 1)
    between = "\n" if points > 24 else "  "
    words = [f"{t}{between}{format_p(p)}" for t, p in zip(table["term"], table["p_value"], strict=True)]
    ax.set_yticks(at, words)
    if points < 12:
        ax.tick_params(axis="y", labelsize=max(4.0, 0.8 * points))
    ax.set_ylim(-0.6, len(table) - 0.4)


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
        ax.set_ylim(bottom=-1)
    outside = ((table["observed"] < table["low"]) | (table["observed"] > table["high"])).sum()
    plots.set_title(
        ax, f"{outside} of {len(table)} counts (dots) lie outside 95 % of the model's draws (grey)"
    )
    return ax
