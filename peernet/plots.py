"""Pictures: matplotlib primitives that draw numbers somebody else computed.

Every function takes ``ax=None`` and returns the ``Axes``; none shows, saves, sizes a figure or touches rcParams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._canvas import GREY, OKABE_ITO, PALE, axes, hues, wrap
from peernet._canvas import INK as INK
from peernet._canvas import set_title as set_title
from peernet._check import column
from peernet.errors import DataError
from peernet.privacy.permissions import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = [
    "GREY",
    "OKABE_ITO",
    "axes",
    "hues",
    "plot_curve",
    "plot_flow",
    "plot_heatmap",
    "plot_intervals",
    "plot_network",
    "plot_null",
    "wrap",
]


def plot_null(test: Any, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a null distribution as a histogram with the observed value as a line.

    Parameters
    ----------
    test : HypothesisTest
        Anything with ``observed``, ``null``, ``name``, ``null_mean``, ``null_sd``.
    title : str
        The message; none by default.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    draws = np.asarray(test.null)[np.isfinite(test.null)]
    if len(draws):
        bins = min(40, max(1, len(np.unique(draws))))
        # Draws that are all alike are a thin bar where they are, not one as wide as the axis.
        half = 0.01 * max(abs(float(draws[0])), 0.1)
        span = (draws[0] - half, draws[0] + half) if bins == 1 else None
        ax.hist(draws, bins=bins, range=span, color=PALE, edgecolor="white", linewidth=0.3)
        if span is not None and not abs(test.observed - draws[0]) > 10 * half:
            ax.set_xlim(draws[0] - 10 * half, draws[0] + 10 * half)
        ax.set_ylabel(f"draws ({len(draws):,} in all)".replace(",", " "))
    elif np.isfinite(test.null_sd) and test.null_sd > 0:
        grid = test.null_mean + test.null_sd * np.linspace(-4, 4, 200)
        ax.fill_between(grid, np.exp(-(((grid - test.null_mean) / test.null_sd) ** 2) / 2), color=PALE)
        ax.set_yticks([])
        ax.set_ylabel("null, normal with the exact mean and SD")
    if np.isfinite(test.observed):
        ax.axvline(test.observed, color=OKABE_ITO[5], linewidth=2)
        top = ax.get_ylim()[1]
        ax.set_ylim(0, top * 1.18)
        middle = np.mean(ax.get_xlim())
        side = "right" if test.observed > middle else "left"
        ax.annotate(
            f"observed {test.observed:.3g}", (test.observed, top * 1.12), ha=side, va="center", color=OKABE_ITO[5],
            xytext=(-5 if side == "right" else 5, 0), textcoords="offset points",
        )  # fmt: skip
    ax.set_xlabel(f"{test.name}, if only chance were at work" if test.name else "statistic under the null")
    set_title(ax, title)
    return ax


def plot_intervals(
    frame: pd.DataFrame,
    *,
    label: str,
    xlabel: str = "",
    reference: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one dot with its interval a row.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``value``, ``low``, ``high`` and ``label``.
    label : str
        Column with the words at the left.
    xlabel : str
        What is measured, with its unit.
    reference : float, optional
        A value to compare with, drawn as a line.
    title : str
        The message.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    value, low, high = (column(frame, c, "frame").to_numpy(dtype=float) for c in ("value", "low", "high"))
    place = np.arange(len(frame))[::-1]
    if reference is not None:
        ax.axvline(reference, color=GREY, linewidth=1, linestyle="--")
    ax.hlines(place, low, high, color=OKABE_ITO[0], linewidth=2)
    ax.plot(value, place, "o", color=OKABE_ITO[0], markersize=6)
    ax.set_yticks(place, [wrap(str(x), 34) for x in column(frame, label, "frame")])
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.set_xlabel(xlabel)
    ax.tick_params(axis="y", length=0)
    set_title(ax, title)
    return ax


def plot_heatmap(
    counts: pd.DataFrame,
    ratio: pd.DataFrame,
    *,
    hidden: pd.DataFrame | None = None,
    title: str = "",
    unit: str = "ties",
    ax: Axes | None = None,
) -> Axes:
    """Draw who teaches whom between groups: the count in words, the ratio to chance in colour.

    Parameters
    ----------
    counts, ratio : pandas.DataFrame
        Rows teach, columns learn; the same groups in both. A ratio of 1 is what chance gives.
    hidden : pandas.DataFrame of bool, optional
        Cells withheld under the group floor: hatched, without numbers.
    title : str
        The message.
    unit : str
        What is counted.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    from matplotlib.patches import Rectangle

    if list(counts.index) != list(ratio.index) or list(counts.columns) != list(ratio.columns):
        raise DataError("plot_heatmap: counts and ratio must have the same groups in the same order.")
    ax = axes(ax)
    mask = np.zeros(counts.shape, dtype=bool) if hidden is None else hidden.to_numpy(dtype=bool)
    value = ratio.to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        colour = np.clip(np.log2(value), -2.5, 2.5)
    colour[mask | ~np.isfinite(value)] = np.nan
    picture = ax.imshow(np.ma.masked_invalid(colour), cmap="PuOr_r", vmin=-3, vmax=3, aspect="auto")
    for (i, j), n in np.ndenumerate(counts.to_numpy(dtype=float)):
        if mask[i, j]:
            ax.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, hatch="////", edgecolor=PALE, linewidth=0)
            )
            continue
        red, green, blue, _ = picture.to_rgba(np.nan_to_num(colour[i, j]))
        ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK
        amount = f"{n:,.0f}".replace(",", " ") if n == round(n) else f"{n:.1f}"
        chance = f"×{value[i, j]:.2g}" if np.isfinite(value[i, j]) else "×–"
        ax.text(
            j, i, f"{amount}\n{chance}", ha="center", va="center", fontsize=8, color=ink, linespacing=1.05
        )
    ax.set_xticks(range(counts.shape[1]), [str(c) for c in counts.columns], rotation=35, ha="right")
    ax.set_yticks(range(counts.shape[0]), [str(c) for c in counts.index])
    ax.set_xlabel(f"who learns  ·  {unit}, and ×ratio to chance (orange above, violet below)")
    ax.set_ylabel("who teaches")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    set_title(ax, title)
    return ax


def plot_flow(
    counts: pd.DataFrame,
    *,
    hidden: pd.DataFrame | None = None,
    title: str = "",
    unit: str = "ties",
    ax: Axes | None = None,
) -> Axes:
    """Draw the teaching that crosses groups as ribbons from teaching group (left) to learning group (right).

    Parameters
    ----------
    counts : pandas.DataFrame
        Rows teach, columns learn. The diagonal (within groups) is left out and said so.
    hidden : pandas.DataFrame of bool, optional
        Cells withheld under the group floor; left out and counted in the label.
    title : str
        The message.
    unit : str
        What is counted.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    groups = list(counts.index)
    flow = counts.to_numpy(dtype=float).copy()
    inside = float(np.trace(flow))
    np.fill_diagonal(flow, 0.0)
    mask = np.zeros(flow.shape, dtype=bool) if hidden is None else hidden.to_numpy(dtype=bool).copy()
    np.fill_diagonal(mask, False)
    flow[mask] = 0.0
    total = flow.sum()
    colour = hues(groups, pd.Series(flow.sum(axis=1), index=groups))
    gap = 0.03 * max(total, 1.0)
    left = np.concatenate([[0], np.cumsum(flow.sum(axis=1) + gap)])[:-1]
    right = np.concatenate([[0], np.cumsum(flow.sum(axis=0) + gap)])[:-1]
    _ribbons(ax, flow, left.copy(), right.copy(), [colour[g] for g in groups])
    for k, g in enumerate(groups):
        out, into = flow[k].sum(), flow[:, k].sum()
        if out:
            ax.plot([0, 0], [left[k], left[k] + out], color=colour[g], linewidth=7, solid_capstyle="butt")
        if into:
            ax.plot([1, 1], [right[k], right[k] + into], color=colour[g], linewidth=7, solid_capstyle="butt")
        ax.text(
            -0.03,
            left[k] + out / 2,
            f"{g}  {out:,.0f}".replace(",", " "),
            ha="right",
            va="center",
            fontsize=9,
        )
        ax.text(
            1.03,
            right[k] + into / 2,
            f"{into:,.0f}  {g}".replace(",", " "),
            ha="left",
            va="center",
            fontsize=9,
        )
    ax.set_xlim(-0.35, 1.35)
    ax.invert_yaxis()
    ax.set_axis_off()
    set_title(ax, title)
    withheld = f"; {int(mask.sum())} small cells withheld" if mask.any() else ""
    note = (
        f"{unit} that cross groups: {total:,.0f}; within groups (left out): {inside:,.0f}{withheld}".replace(
            ",", " "
        )
    )
    ax.text(0.5, -0.02, f"teach (left) → learn (right).  {note}", transform=ax.transAxes, ha="center", va="top",
            fontsize=9, color=INK)  # fmt: skip
    return ax


def _ribbons(ax: Axes, flow: Any, left: Any, right: Any, colours: list[str]) -> None:
    """Draw one band a pair of groups, the band's height its amount."""
    s = np.linspace(0, 1, 40)
    ease = 3 * s**2 - 2 * s**3
    for i in range(len(flow)):
        for j in range(len(flow)):
            amount = flow[i, j]
            if amount > 0:
                lower = left[i] + (right[j] - left[i]) * ease
                ax.fill_between(s, lower, lower + amount, color=colours[i], alpha=0.35, linewidth=0)
                left[i] += amount
                right[j] += amount


def plot_curve(
    frame: pd.DataFrame,
    *,
    x: str = "time",
    line: str | None = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one step line (and its band) a group, with the name at its end.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``x`` and ``value``; ``low`` and ``high`` draw a band.
    x : str
        Column along the axis.
    line : str, optional
        Column that tells lines apart.
    xlabel, ylabel : str
        Axis labels with units.
    title : str
        The message.
    ax : matplotlib Axes, optional
        Where to draw.
    """
    ax = axes(ax)
    parts: list[tuple[Any, pd.DataFrame]] = (
        [("", frame)] if line is None else list(frame.groupby(line, sort=False))
    )
    dashes = ("-", "--", "-.", ":")
    ends: list[tuple[float, str, str]] = []
    for k, (name, part) in enumerate(parts):
        hue = OKABE_ITO[k] if k < len(OKABE_ITO) else GREY
        if {"low", "high"} <= set(part.columns):
            ax.fill_between(
                part[x], part["low"], part["high"], step="post", color=hue, alpha=0.18, linewidth=0
            )
        ax.step(part[x], part["value"], where="post", color=hue, linestyle=dashes[k % 4], linewidth=1.8)
        if name != "" and len(part):
            ends.append((float(part["value"].iloc[-1]), str(name), hue))
    _end_labels(ax, frame[x].max(), ends)
    if pd.api.types.is_datetime64_any_dtype(frame[x].dtype):
        from matplotlib import dates

        where: Any = dates.AutoDateLocator(maxticks=7)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(where)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(where))  # type: ignore[no-untyped-call]
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    set_title(ax, title)
    return ax


def _end_labels(ax: Axes, at: Any, ends: list[tuple[float, str, str]]) -> None:
    """Write names at the ends of lines, pushed apart where they would overlap."""
    low, high = ax.get_ylim()
    step = 0.055 * (high - low)
    place = -np.inf
    for value, name, hue in sorted(ends):
        place = max(value, place + step)
        ax.annotate(
            name, (at, place), xytext=(5, 0), textcoords="offset points", color=hue, va="center", fontsize=9
        )


_MOST_PEOPLE = 300


def plot_network(
    net: PeerNetwork,
    group: str,
    *,
    names: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw people in one box a group, ties between them; dot size = how many a person teaches.

    For the analyst's own eyes: the place of a dot can identify a person.

    Parameters
    ----------
    net : PeerNetwork
        At most 300 people; more make no picture (draw the heatmap).
    group : str
        Column of ``people`` that makes the boxes.
    names : bool
        Write ids beside the five people who teach most. Off by default.
    title : str
        The message.
    ax : matplotlib Axes, optional
        Where to draw.

    Raises
    ------
    DataError
        For more than 300 people.
    PermissionLocked
        When the study behind the network does not list ``plots.plot_network``.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    require(net, "person_level", function="plots.plot_network")
    if net.n_people > _MOST_PEOPLE:
        raise DataError(
            f"plot_network draws at most {_MOST_PEOPLE} people; the network has {net.n_people}. "
            "Draw units instead (silos.plot_mixing, silos.plot_flow), or take a subset."
        )
    ax = axes(ax)
    codes, groups = net.codes(group)
    place, boxes = _boxes(net, codes, len(groups))
    taught = np.bincount(net.teacher, minlength=net.n_people)
    sizes = pd.Series(np.bincount(codes[codes >= 0], minlength=len(groups)), index=groups)
    colour = hues(list(groups), sizes)
    hue = [colour[groups[c]] if c >= 0 else GREY for c in codes]
    across = codes[net.teacher] != codes[net.learner]
    for wanted, tone, alpha in ((True, "#8c8c8c", 0.22), (False, "#6f6f6f", 0.5)):
        pick = across == wanted
        ends = np.stack([place[net.teacher[pick]], place[net.learner[pick]]], axis=1)
        ax.add_collection(LineCollection(list(ends), colors=tone, linewidths=0.5, alpha=alpha, zorder=1))
    for k, (x, y, w, h) in enumerate(boxes):
        name = groups[k] if k < len(groups) else "(no group)"
        ax.add_patch(Rectangle((x, y), w, h, fill=False, edgecolor=PALE, linewidth=0.8, zorder=0))
        ax.text(
            x + w / 2, y + h, f"{name}", ha="center", va="bottom", fontsize=9, color=colour.get(name, GREY)
        )
    ax.scatter(
        place[:, 0], place[:, 1], s=12 + 6 * taught, c=hue, edgecolors="white", linewidths=0.4, zorder=2
    )
    if names:
        for i in np.argsort(-taught, kind="stable")[:5]:
            ax.annotate(str(net.ids[i]), place[i], xytext=(4, 4), textcoords="offset points", fontsize=8)
    ax.set_axis_off()
    ax.autoscale_view()
    set_title(ax, title)
    note = f"{net.n_people} people, {net.n_ties} ties, all drawn; pale ties cross groups; bigger dot = teaches more"
    ax.text(0.5, -0.01, note, transform=ax.transAxes, ha="center", va="top", fontsize=8, color=INK)
    return ax


def _boxes(
    net: PeerNetwork, codes: Any, n_groups: int
) -> tuple[Any, list[tuple[float, float, float, float]]]:
    """Place groups on a grid and people inside their box by a spring layout with a fixed seed."""
    import networkx as nx

    labels = np.where(codes >= 0, codes, n_groups)
    used = [k for k in range(n_groups + 1) if (labels == k).any()]
    wide = int(np.ceil(np.sqrt(len(used))))
    place = np.zeros((net.n_people, 2))
    boxes = [(0.0, 0.0, 0.0, 0.0)] * (max(used, default=-1) + 1)
    for spot, k in enumerate(used):
        who = np.flatnonzero(labels == k)
        x, y = (spot % wide) * 1.25, -(spot // wide) * 1.25
        boxes[k] = (x, y, 1.0, 1.0)
        graph = nx.from_scipy_sparse_array(
            net.adjacency[who][:, who].astype(bool).astype(float), create_using=nx.Graph
        )
        spread = nx.spring_layout(graph, seed=7, k=1.6 / np.sqrt(max(len(who), 1)), iterations=80)
        local = np.array([spread[i] for i in range(len(who))]).reshape(-1, 2)
        span = np.ptp(local, axis=0)
        unit = (
            (local - local.min(axis=0)) / np.where(span > 0, span, 1.0) if len(who) > 1 else local * 0 + 0.5
        )
        place[who] = np.array([x, y]) + 0.08 + 0.84 * unit
    return place, [b for b in boxes if b[2] > 0] if len(used) <= n_groups else boxes
