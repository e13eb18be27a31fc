"""Pictures of health and risk: topics, Lorenz curve, onboarding, repetition, turnover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet import plots
from peernet.silos._common import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.silos.changes import Turnover
    from peernet.silos.load import ExpertLoad
    from peernet.silos.newcomers import Onboarding
    from peernet.silos.risk import KnowledgeRisk

__all__ = ["plot_lorenz", "plot_onboarding", "plot_risk", "plot_turnover"]

_MOST_ROWS = 25


def _title(ax: Axes, text: str) -> None:
    """Set a wrapped title at the left."""
    plots.set_title(ax, text, 58)


def plot_risk(risk: KnowledgeRisk, ax: Axes | None = None) -> Axes:
    """Draw experts per topic, fewest at the top; for learners, what is lost as people leave."""
    ax = plots.axes(ax)
    if risk.of == "learners":
        ax.step(risk.curve["n_left"], 100 * risk.curve["share_lost"], where="post", color=plots.OKABE_ITO[0])
        ax.axhline(100 * risk.lost, color=plots.GREY, linestyle="--", linewidth=1)
        ax.set_xlabel(f"people gone, in the order of the greedy rules (of {risk.n_people})")
        ax.set_ylabel("learners without a teacher (%)")
        who = "person" if risk.bus_factor == 1 else "people"
        drawn = f"; the order drawn needs {risk.greedy}" if risk.greedy > risk.bus_factor else ""
        _title(
            ax,
            f"It takes {risk.bus_factor} {who} to leave more than {percent(risk.lost)} of {risk.n_items} "
            f"learners alone{drawn}"
            if risk.n_items
            else "No learners in these data",
        )
        return ax
    table = risk.table.head(_MOST_ROWS)
    place = np.arange(len(table))[::-1]
    n = table["n_experts"].to_numpy(dtype=float)
    unknown = table["n_unknown"].to_numpy(dtype=float)
    hue = [plots.OKABE_ITO[5] if k <= 1 else plots.OKABE_ITO[0] for k in n]
    ax.hlines(place, n, n + unknown, color=plots.GREY, linewidth=1.5)
    ax.scatter(n, place, c=hue, s=36, zorder=3)
    for k, y, colour in zip(n, place, hue, strict=True):
        ax.annotate(f"{k:.0f}", (k, y), xytext=(-7, 0), textcoords="offset points", ha="right", va="center",
                    fontsize=9, color=colour)  # fmt: skip
    ax.set_yticks(place, [plots.wrap(str(t), 34) for t in table.index])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(left=min(0.0, -0.06 * float(np.max(n + unknown, initial=1.0))))
    bar = "; grey: up to here if everybody not known were one" if unknown.any() else ""
    ax.set_xlabel(f"experts (people{bar})")
    ax.tick_params(axis="y", length=0)
    single = int((risk.table["n_experts"] <= 1).sum())
    more = (
        f" {len(risk.table) - len(table)} topics with more experts not drawn."
        if len(table) < len(risk.table)
        else ""
    )
    hang = "1 topic hangs" if single == 1 else f"{single or 'No'} topics hang"
    _title(ax, f"{hang} on one person; {risk.n_items} topics.{more}")
    return ax


def plot_lorenz(load: ExpertLoad, ax: Axes | None = None) -> Axes:
    """Draw the Lorenz curve, that of an even draw, and the published figure."""
    from matplotlib.patches import Rectangle

    from peernet.silos.load import CROSS_2016

    ax = plots.axes(ax)
    people, teaching, even = (100 * load.lorenz[c] for c in ("people", "teaching", "even_draw"))
    ax.plot([0, 100], [0, 100], color=plots.GREY, linewidth=1, linestyle=":")
    ax.plot(people, even, color=plots.OKABE_ITO[1], linewidth=1.6, linestyle="--")
    ax.plot(people, teaching, color=plots.OKABE_ITO[0], linewidth=2)
    (p0, p1), (s0, s1) = CROSS_2016
    ax.add_patch(
        Rectangle(
            (100 * (1 - p1), 100 * (1 - s1)), 100 * (p1 - p0), 100 * (s1 - s0), color=plots.OKABE_ITO[3],
            alpha=0.5, linewidth=0,
        )
    )  # fmt: skip
    ax.annotate("observed", (50, float(np.interp(50, people, teaching))), xytext=(8, -12),
                textcoords="offset points", color=plots.OKABE_ITO[0])  # fmt: skip
    if np.isfinite(even).all():
        ax.annotate("even draw", (50, float(np.interp(50, people, even))), xytext=(-8, 8), ha="right",
                    textcoords="offset points", color=plots.OKABE_ITO[1])  # fmt: skip
    ax.annotate(
        "Cross, Rebele & Grant 2016\n(their surveys, not a norm)", (100 * (1 - p1), 100 * (1 - s0) - 2), xytext=(4, 90),
        va="center", fontsize=8, color=plots.OKABE_ITO[3],
        arrowprops={"arrowstyle": "-", "color": plots.OKABE_ITO[3], "linewidth": 0.8},
    )  # fmt: skip
    ax.set_xlabel(f"people, from those who teach least (% of {load.n})")
    ax.set_ylabel("teaching, cumulated (%)")
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    _title(
        ax,
        f"{percent(load.top)} of people give {percent(load.top_share)} of the teaching; by an even draw "
        f"{percent(load.top_null)}",
    )
    return ax


def plot_onboarding(found: Onboarding, ax: Axes | None = None) -> Axes:
    """Draw the share of newcomers who had it, by days since joining, with bands."""
    curve = found.curve.assign(
        value=100 * (1 - found.curve["waiting"]),
        low_=100 * (1 - found.curve["high"]),
        high=100 * (1 - found.curve["low"]),
    )
    curve = curve.drop(columns="low").rename(columns={"low_": "low"})
    groups = [g for g in curve["group"].unique() if g != "all"] or ["all"]
    curve = curve[curve["group"].isin(groups)]
    ax = _several(curve, groups, found, ax)
    ax.set_ylim(0, 100)
    ax.set_xlim(left=0)
    _title(ax, found.headline())
    return ax


def _several(curve: pd.DataFrame, groups: list[str], found: Onboarding, ax: Axes | None) -> Axes:
    """Draw one curve a group, names in the colour of the line."""
    ax = plots.axes(ax)
    dashes = ("-", "--", "-.", ":")
    for k, group in enumerate(groups):
        part = curve[curve["group"] == group]
        hue = plots.OKABE_ITO[k] if k < len(plots.OKABE_ITO) else plots.GREY
        ax.fill_between(
            part["day"], part["low"], part["high"], step="post", color=hue, alpha=0.15, linewidth=0
        )
        ax.step(part["day"], part["value"], where="post", color=hue, linestyle=dashes[k % 4], linewidth=1.8)
        n = int(found.table.loc[found.table["group"] == group, "n"].iloc[0])
        ax.text(0.98, 0.04 + 0.06 * (len(groups) - 1 - k), f"{group} ({n})", transform=ax.transAxes, ha="right",
                color=hue)  # fmt: skip
    ax.set_xlabel("days since joining")
    ax.set_ylabel(plots.wrap(f"newcomers who had {found.what} (%)", 44))
    return ax


def plot_turnover(found: Turnover, ax: Axes | None = None) -> Axes:
    """Draw the share of ties kept, inside and across groups, beside what chance would keep."""
    ax = plots.axes(ax)
    table = found.table[np.isfinite(found.table["share_kept"])]
    place = np.arange(len(table))[::-1]
    value, low, high, null = (
        100 * table[c].to_numpy(dtype=float) for c in ("share_kept", "low", "high", "null_mean")
    )
    ax.hlines(place, low, high, color=plots.OKABE_ITO[0], linewidth=2)
    ax.plot(value, place, "o", color=plots.OKABE_ITO[0])
    ax.plot(null, place, "|", color=plots.OKABE_ITO[5], markersize=16, markeredgewidth=2)
    ax.set_yticks(
        place, [f"{w} ({k:.0f} + {g:.0f})" for w, k, g in table[["ties", "kept", "lost"]].to_numpy()]
    )
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(0, 100)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("ties kept (%); in brackets kept + lost; bar: what chance keeps")
    _title(ax, found.headline())
    return ax
