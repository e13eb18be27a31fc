"""What every picture starts from: axes, colours, titles that are not cut."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GREY", "INK", "OKABE_ITO", "PALE", "axes", "hues", "set_title", "wrap"]

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY = "#9a9a9a"
INK = "#333333"
PALE = "#d9d9d9"


def axes(ax: Axes | None = None) -> Axes:
    """Return the axes given, or new ones, with the two idle spines off.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Where to draw.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(layout="constrained")[1]
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def wrap(text: str, width: int = 68) -> str:
    """Break a title into lines of about equal length, so that it is not cut and no word stands alone.

    Parameters
    ----------
    text : str
        One message.
    width : int
        Characters in a line.

    Returns
    -------
    str
        The same words with line breaks.
    """
    # A number and its % stay on one line: textwrap does not break at a no-break space.
    text = text.replace(" %", "\xa0%")
    lines = textwrap.wrap(text, width)
    for narrower in range(len(text) // max(len(lines), 1), width) if len(lines) > 1 else ():
        even = textwrap.wrap(text, max(narrower, 1))
        if len(even) == len(lines):
            lines = even
            break
    return "\n".join(lines).replace("\xa0%", " %")


def hues(names: Sequence[Any], sizes: pd.Series[Any] | None = None) -> dict[Any, str]:
    """Give the six largest groups a colour of their own and the others grey.

    Parameters
    ----------
    names : sequence
        Groups, in the order of the picture.
    sizes : pandas.Series, optional
        Size by group; without it the first six are coloured.

    Returns
    -------
    dict
        Colour by group.
    """
    order = list(names) if sizes is None else sorted(names, key=lambda g: -float(sizes.get(g, 0)))
    chosen = set(order[: len(OKABE_ITO)])
    palette = iter(OKABE_ITO)
    return {g: next(palette) if g in chosen else GREY for g in names}


def set_title(ax: Axes, text: str, width: int = 68) -> None:
    """Set a wrapped title at the left."""
    if text:
        ax.set_title(wrap(text, width), loc="left", fontsize=11, color=INK)
