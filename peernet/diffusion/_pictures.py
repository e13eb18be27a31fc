"""Pictures of shares, thresholds, power and model weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

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
    blue = plots.OKABE_ITO[0]
    for y, one in enumerate(reversed(list(rows.values()))):
        if np.isnan(one.value):
            axes.text(0.01, y, "not defined: only innovators learned", va="center")
            continue
        axes.barh(y, one.ceiling, height=0.5, color=plots.GREY, alpha=0.25, linewidth=0)
        axes.plot([one.ceiling] * 2, [y - 0.25, y + 0.25], color=plots.GREY, linewidth=2)
        axes.plot(
            [one.low, one.high], [y, y], color=blue, linewidth=2.5, solid_capstyle="butt", clip_on=False
        )
        axes.plot([one.value], [y], "o", color=blue, clip_on=False)
        axes.text(
            max(one.value, 0.01),
            y + 0.08,
            f"{100 * one.value:.0f} %",
            color=blue,
            va="bottom",
            ha=_side(one.value),
        )
        axes.text(
            one.ceiling,
            y - 0.27,
            f"at most {100 * one.ceiling:.0f} %",
            color="0.35",
            va="top",
            ha=_side(one.ceiling),
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5},
        )
    axes.axvline(stated, color="black", linewidth=1, linestyle="--")
    axes.text(
        stated,
        len(rows) - 0.5,
        f" claim: {100 * stated:.0f} % ",
        va="bottom",
        ha="right" if stated > 0.5 else "left",
    )
    axes.set_yticks(range(len(rows)), [plots.wrap(str(name), 30) for name in reversed(rows)])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim((-0.7, len(rows) - 0.2) if len(rows) > 1 else (-1.1, 1.1))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    axes.set_xlabel(
        "share of learning along teaching ties\n(dot and interval; grey: the most these ties could carry)"
    )
    return axes


def _side(at: float) -> Literal["left", "center", "right"]:
    """Return how to set words at a place between 0 and 1, so that they stay on the picture."""
    return "left" if at < 0.08 else "right" if at > 0.92 else "center"


def plot_strengths(fit: Any, *, ax: Axes | None = None) -> Axes:
    """Draw strengths and coefficients of a diffusion model with their intervals; an arrow where there is no end."""
    axes = plots.axes(ax)
    t = fit.params
    t = t[[not str(term).startswith(("scale", "shape")) for term in t["term"]]]
    ends = t[["estimate", "low", "high"]].to_numpy(dtype=float)
    finite = ends[np.isfinite(ends)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    edge = high + 0.12 * max(high - min(low, 0.0), 1e-9)
    blue = plots.OKABE_ITO[0]
    axes.axvline(0.0, color=plots.GREY, linewidth=1, linestyle="--")
    names = []
    for y, (term, (value, left, right)) in enumerate(
        zip(reversed(t["term"].tolist()), ends[::-1], strict=True)
    ):
        names.append(plots.wrap(str(term), 34))
        if np.isnan(value):
            axes.text(0.0, y, " not answered by these data", va="center")
            continue
        if np.isfinite(left):
            axes.plot(
                [left, min(right, edge) if np.isfinite(right) or right > 0 else left],
                [y, y],
                color=blue,
                linewidth=2,
            )
        if np.isposinf(right):
            axes.plot([edge], [y], ">", color=blue, clip_on=False)
        if np.isfinite(value):
            axes.plot([value], [y], "o", color=blue)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.7, max(len(names) - 0.3, 0.7))
    axes.tick_params(axis="y", length=0)
    words = "s: strength per unit of tie weight, asocial rate = 1"
    if t["term"].astype("str").str.contains(": ", regex=False).any():
        words += "\ncovariates: effect on the log rate"
    axes.set_xlabel(words)
    return axes


def plot_bass(fit: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the observed cumulative share and the fitted curve."""
    axes = plots.axes(ax)
    t = fit.fitted
    axes.plot(t["period"], t["observed"], "o", color=plots.GREY, markersize=4)
    axes.plot(t["period"], t["fitted"], color=plots.OKABE_ITO[0], linewidth=2)
    axes.set_ylim(0, max(1.02 * float(t[["observed", "fitted"]].max().max()), 0.05))
    axes.yaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    axes.set_ylabel("share who had adopted")
    axes.set_xlabel("period (dots: observed; line: Bass curve)")
    _slim_dates(axes, t["period"])
    p, q = fit.params["estimate"].iloc[:2]
    plots.set_title(axes, f"by oneself p = {p:.3g}, imitation q = {q:.3g} a period")
    return axes


def plot_simulated(simulation: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the cumulative share of adopters of each item: the middle of the draws and the central 90 % of them."""
    axes = plots.axes(ax)
    draws = simulation.draws
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        axes.text(0.5, 0.5, "nobody adopts", ha="center", transform=axes.transAxes)
        return axes
    at = np.linspace(finite.min(), finite.max(), 200)
    x: Any = at
    if simulation.moments:
        x = pd.to_datetime(at * 86_400_000, unit="ms")
    ends: list[tuple[float, str, str]] = []
    for k, item in enumerate(simulation.items):
        curves = np.stack(
            [np.searchsorted(np.sort(d[np.isfinite(d) | np.isneginf(d)]), at, "right") for d in draws[:, k]]
        )
        low, middle, high = np.quantile(curves / draws.shape[2], [0.05, 0.5, 0.95], axis=0)
        colour = plots.OKABE_ITO[k] if k < len(plots.OKABE_ITO) else plots.GREY
        axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(x, middle, color=colour)
        ends.append((float(middle[-1]), str(item), colour))
    if 1 < len(ends) <= len(plots.OKABE_ITO):
        for (_, words, colour), height in zip(ends, _apart([y for y, _, _ in ends]), strict=True):
            axes.annotate(
                words, (x[-1], height), (4, 0), textcoords="offset points", color=colour, va="center"
            )
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f} %")
    axes.set_ylabel("share of people who had adopted")
    axes.set_xlabel("time (line: middle of the draws; band: 90 % of them)")
    _slim_dates(axes, x)
    plots.set_title(axes, simulation.summary())
    return axes


def _slim_dates(axes: Axes, values: Any) -> None:
    """Write dates on the x axis shortly, so that they do not run into each other."""
    if not pd.api.types.is_datetime64_any_dtype(pd.Series(values).dtype):
        return
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


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
    if counts["threshold"].max() <= 1 or not len(counts):
        axes.set_ylim(-0.05, 1.05)
    _slim_dates(axes, known["time"])
    plots.set_title(axes, title)
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
    ends: list[tuple[float, str, str]] = []
    for k, (people, part) in enumerate(t.groupby("people")):
        colour = plots.OKABE_ITO[k % len(plots.OKABE_ITO)]
        axes.fill_between(
            part["items"], part["power_low"], part["power_high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.plot(part["items"], part["power"], "o-", color=colour)
        if several:
            ends.append((float(part["power"].iloc[-1]), f"{people} people", colour))
    for (_, words, colour), height in zip(ends, _apart([y for y, _, _ in ends]), strict=True):
        axes.annotate(
            words, (t["items"].max(), height), (8, 0), textcoords="offset points", color=colour, va="center"
        )
    if several:
        axes.margins(x=0.12)
    axes.axhline(0.8, color="black", linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("number of skills observed")
    axes.set_xticks(sorted(set(t["items"])))
    axes.set_ylabel("share of studies that detect it")
    plots.set_title(axes, power.summary().split(", provided")[0])
    return axes


def _apart(heights: list[float], gap: float = 0.06) -> list[float]:
    """Move heights so that no two are nearer than a gap, keeping their order."""
    out = np.array(heights, dtype=float)
    order = np.argsort(out, kind="stable")
    for below, above in pairwise(order):
        out[above] = max(out[above], out[below] + gap)
    return list(out - max(0.0, float(out.max(initial=0.0)) - 1.0))


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
