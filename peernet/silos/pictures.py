"""Pictures of a network for which there is no result to draw: mixing, E-I by unit, a measure over people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet import plots
from peernet._check import column, count
from peernet.errors import DataError
from peernet.privacy.permissions import require
from peernet.silos._common import floored, percent
from peernet.silos.ei import ei_by_unit
from peernet.silos.mixing import mixing_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["plot_ei", "plot_mixing", "plot_people"]


def plot_mixing(
    net: PeerNetwork,
    group: str,
    *,
    null: Literal["labels", "degrees"] = "labels",
    weighted: bool = False,
    min_group: int = 5,
    ax: Axes | None = None,
) -> Axes:
    """Draw who teaches whom between groups: count, and ratio to chance in colour (:func:`mixing_table`).

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``.
    null : {"labels", "degrees"}
        What chance is: labels dealt out again, or ties given each group's teaching and learning.
    weighted : bool
        Sum weights instead of counting ties.
    min_group : int
        Cells of smaller groups are hatched and not counted in the title.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        Rows teach, columns learn.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``.
    """
    floor = floored(net, count("min_group", min_group, 1))
    counts = mixing_table(net, group, weighted=weighted)
    expected = mixing_table(net, group, value="expected", null=null, weighted=weighted)
    ratio = mixing_table(net, group, value="ratio", null=null, weighted=weighted)
    small = net.people[group].value_counts().reindex(counts.index).to_numpy() < floor
    hidden = pd.DataFrame(small[:, None] | small[None, :], index=counts.index, columns=counts.columns)
    seen, chance = (float(np.trace(t.to_numpy()[~small][:, ~small])) for t in (counts, expected))
    total = float(counts.to_numpy()[~small][:, ~small].sum())
    title = f"No ties between people with a {group} of {floor} or more"
    if total > 0:
        title = f"{percent(seen / total)} of teaching stays inside a {group}; chance gives {percent(chance / total)}"
    unit = "weight" if weighted else "ties"
    return plots.plot_heatmap(counts, ratio, hidden=hidden, title=title, unit=unit, ax=ax)


def plot_ei(
    net: PeerNetwork, group: str, *, weighted: bool = False, min_group: int = 5, ax: Axes | None = None
) -> Axes:
    """Draw each group's E-I index beside what its size alone would give (:func:`ei_by_unit`).

    Whether a gap is more than chance: :func:`segregation_by_unit`, which has a picture with intervals.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``.
    weighted : bool
        Sum weights instead of counting ties.
    min_group : int
        Smaller groups are not drawn; the axis says how many.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        A row a group, the one furthest below chance at the top.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``.
    """
    floor = floored(net, count("min_group", min_group, 1))
    table = ei_by_unit(net, group, weighted=weighted)
    large = table[table["n_people"] >= floor]
    shown = large.dropna(subset=["ei"]).assign(gap=lambda t: t["ei"] - t["expected"]).sort_values("gap")
    ax, place = plots.axes(ax), np.arange(len(shown))[::-1]
    ax.axvline(0, color=plots.GREY, linewidth=0.8)
    ax.hlines(place, shown["expected"], shown["ei"], color=plots.GREY, linewidth=1.5)
    ax.plot(shown["expected"], place, "|", color=plots.INK, markersize=13, markeredgewidth=1.8)
    ax.plot(shown["ei"], place, "o", color=plots.OKABE_ITO[0], markersize=7)
    ax.set_yticks(place, [plots.wrap(str(g), 34) for g in shown.index])
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlim(-1.05, 1.05)
    ax.tick_params(axis="y", length=0)
    left = len(table) - len(shown)
    note = f"; {left} not drawn: under {floor} people or without ties" if left else ""
    ax.set_xlabel(f"E-I index: -1 all inside, 1 all outside\ndot seen, bar what chance gives{note}")
    below = int((shown["gap"] < 0).sum())
    said = f"{below} of {len(shown)} have fewer ties outside the own {group} than chance would give"
    plots.set_title(ax, said)
    return ax


def plot_people(
    net: PeerNetwork,
    values: pd.Series[Any],
    group: str | None = None,
    *,
    min_group: int = 5,
    ax: Axes | None = None,
) -> Axes:
    """Draw how a measure spreads over people, in a row a group: a dot a person, no names, the median as a bar.

    For ``constraint``, ``participation``, ``core_number`` and everything else that is one number a person. Where a
    row's people differ by no more than chance, the order of dots means nothing: :func:`bridges` has intervals.

    Parameters
    ----------
    net : PeerNetwork
        The network in which the values were measured.
    values : pandas.Series
        One number a person; people who are missing or NaN are left out and counted.
    group : str, optional
        Column of ``net.people``; without it all people are one row.
    min_group : int
        Rows with fewer people are not drawn.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
        Rows in the order of their medians, the highest at the top.

    Raises
    ------
    DataError
        If the values are not indexed by people of the network, or ``group`` is not a column.
    PermissionLocked
        If the network is a study's and the study does not allow numbers about single people.
    """
    require(net, "person_level", function="silos.plot_people")
    floor = floored(net, count("min_group", min_group, 1))
    strange = ~values.index.isin(net.ids)
    if strange.any() or not values.index.is_unique:
        raise DataError(
            f"plot_people: values must be a Series with one row a person; {int(strange.sum())} of {len(values)} labels "
            "are not ids of this network or stand twice. Pass what a measure such as silos.constraint(net) returned."
        )
    kept = values.astype(np.float64).dropna()
    kind = (
        column(net.people, group, "people").reindex(kept.index)
        if group
        else pd.Series("all", index=kept.index)
    )
    rows = [
        (str(g), np.sort(part.to_numpy())) for g, part in kept.groupby(kind.to_numpy()) if len(part) >= floor
    ]
    rows.sort(key=lambda row: (float(np.median(row[1])), row[0]))
    ax = plots.axes(ax)
    for k, (_, part) in enumerate(rows):
        # Spread by a fixed sequence, so that equal values do not cover each other and the picture repeats.
        height = k + 0.5 * (np.arange(1, len(part) + 1) * 0.6180339887 % 1 - 0.5)
        ax.plot(part, height, "o", color=plots.OKABE_ITO[0], markersize=3.5, alpha=0.5, markeredgewidth=0)
        ax.plot([np.median(part)] * 2, [k - 0.36, k + 0.36], color=plots.INK, linewidth=2)
    ax.set_yticks(range(len(rows)), [plots.wrap(f"{g} ({len(part)})", 34) for g, part in rows])
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    ax.tick_params(axis="y", length=0)
    word = str(values.name or "value").replace("_", " ")
    ax.set_xlabel(f"{word}; a dot a person, bar: median")
    drawn = sum(len(part) for _, part in rows)
    title = f"{word[0].upper()}{word[1:]} of {drawn} of {net.n_people} people"
    if len(rows) > 1:
        title += f": medians {_median(rows[0][1])} to {_median(rows[-1][1])}"
    plots.set_title(ax, title)
    return ax


def _median(part: Any) -> str:
    """Write the median of some values."""
    return f"{float(np.median(part)):.3g}"
