"""The answer of a regression over pairs of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.results import ModelFit, format_number, format_p

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NetworkRegression"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NetworkRegression(ModelFit):
    """A regression over ordered pairs of people.

    Without standard errors (``mrqap``) the columns ``low`` and ``high`` of the table are the range of the *statistic*
    under the null model, and ``p_value`` is the share of draws with as large a statistic, in absolute value.

    Attributes
    ----------
    model : str
        linear, logit or poisson.
    inference : str
        How uncertainty was worked out, in words.
    n_people : int
        People with at least one cell used.
    null : numpy.ndarray, shape (n_draws, n_terms)
        Statistics under the null model; no rows where inference rests on standard errors.
    null_table : pandas.DataFrame
        Per term: null_mean, null_sd, null_q025, null_q975, p_two_sided, p_greater, p_less.
    vcov : pandas.DataFrame
        Covariance of the estimates, terms by terms; empty where there is none.
    df : float
        Degrees of freedom of the t distribution used; NaN where there is none.
    r_squared, residual_sd : float
        Of the linear model; NaN otherwise.
    deviance, null_deviance : float
        Of the model and of a constant alone (linear: residual and total sum of squares).
    aic, bic : float
        From the likelihood that takes pairs as independent: for comparing models on the same cells, not a test.
    """

    model: str
    inference: str
    n_people: int
    null: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    null_table: pd.DataFrame = field(default_factory=pd.DataFrame)
    vcov: pd.DataFrame = field(default_factory=pd.DataFrame)
    df: float = float("nan")
    r_squared: float = float("nan")
    residual_sd: float = float("nan")
    deviance: float = float("nan")
    null_deviance: float = float("nan")
    aic: float = float("nan")
    bic: float = float("nan")

    def summary(self) -> str:
        """Name the model, then one line a term: estimate, what it is held against, p."""
        lost = self.provenance.get("cells_left_out", {})
        gone = ", ".join(f"{v} left out ({k})" for k, v in lost.items() if v)
        lines = [
            f"{self.name} on {self.n} {self.n_unit} of {self.n_people} people"
            + (f"; {gone}" if gone else "")
            + ".",
            f"Inference: {self.inference}.",
        ]
        for row in self.params.to_dict("records"):
            span = f"[{format_number(row['low'])}, {format_number(row['high'])}]"
            words = f"  {row['term']}: {format_number(row['estimate'])}"
            if np.isnan(row["p_value"]):
                lines.append(f"{words} (not tested)")
                continue
            if len(self.null):
                words += f", statistic {format_number(row['statistic'])} against chance {span}"
            else:
                words += f" {span}"
            lines.append(f"{words}, {format_p(row['p_value'])}")
        return "\n".join([*lines, *self.notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the coefficients: intervals, or statistics against their null range.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses import _network_pictures

        return _network_pictures.plot_terms(self, ax=ax)
