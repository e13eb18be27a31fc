"""A table of uncertain numbers that explains itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from peernet.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TableResult"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TableResult(Result):
    """Several numbers that belong together, with what chance gives or how sure they are.

    Attributes
    ----------
    name : str
        What is measured, in words.
    table : pandas.DataFrame
        One row a number.
    headline : str
        The answer in one sentence.
    """

    name: str
    table: pd.DataFrame
    headline: str = ""

    def summary(self) -> str:
        """State the answer in words."""
        return self.headline or f"{self.name}: {len(self.table)} rows."

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the numbers: intervals where there are some, else distances from chance.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _pictures

        return _pictures.plot_table(self.table, self.name, ax=ax)
