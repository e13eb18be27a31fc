"""What a diffusion model says once it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import quoted
from peernet.diffusion._likelihood import Evaluation, Model
from peernet.diffusion._optimise import Summit, Surface
from peernet.diffusion._prepare import Prepared
from peernet.diffusion._risk import Design
from peernet.results import ModelFit, format_number

__all__ = ["CAVEAT", "PROVISO", "WORDS", "Engine", "NBDAFit"]

WORDS = {
    "order": "order of learning",
    "continuous": "times of learning",
    "discrete": "periods of learning",
}
CAVEAT = (
    "a shared cause (a manager, a deadline, a common need) that reaches connected people together looks the same as "
    "learning from each other"
)
PROVISO = "provided that no shared cause reached connected people together"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBDAFit(ModelFit):
    """A diffusion model with its asocial twin beside it.

    Attributes
    ----------
    timing : str
        What of the adoptions was used: their order, their times, or their periods.
    baseline : str
        The asocial rate over time.
    items, networks : tuple of str
        What spread, along which networks.
    k : int
        Parameters, baseline included.
    aic, aicc : float
        Akaike's criterion, and with the small-sample correction, n = acquisitions.
    asocial : NBDAFit or None
        The same model without teaching; None on that model itself.
    certificate : dict
        Largest gradient at the optimum, smallest curvature, starts and how many of them agree, coordinates at a bound.
    starts : pandas.DataFrame
        Log-likelihood reached from every start.
    baseline_table : pandas.DataFrame
        Level of the baseline by item and interval (empty for the order model).
    """

    timing: str
    baseline: str
    items: tuple[str, ...]
    networks: tuple[str, ...]
    k: int
    asocial: NBDAFit | None = None
    certificate: dict[str, Any] = field(default_factory=dict)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame)
    baseline_table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    _engine: Engine = field(default=None, repr=False)  # type: ignore[assignment]

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 k - 2 log-likelihood."""
        return 2 * self.k - 2 * self.log_likelihood

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few acquisitions; infinite when n - k - 1 <= 0."""
        left = self.n - self.k - 1
        return self.aic + 2 * self.k * (self.k + 1) / left if left > 0 else float("inf")

    @property
    def delta_aicc(self) -> float:
        """AICc of this model less that of its asocial twin: below 0 speaks for teaching."""
        return float("nan") if self.asocial is None else self.aicc - self.asocial.aicc

    def plot(self, ax: Any = None) -> Any:
        """Draw strengths and coefficients with their intervals; an arrow where an interval has no end.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_strengths

        return plot_strengths(self, ax=ax)

    def log_likelihood_at(
        self,
        params: Mapping[str, float] | None = None,
        *,
        s: float | Mapping[str, float] | None = None,
        scale: float | None = None,
        shape: float | None = None,
    ) -> float:
        """Log-likelihood at given parameters; what is not given stays at the optimum, the level of the baseline apart.

        The level (``scale``) of a constant, Weibull or free baseline is at its best for the other parameters unless it
        is given.

        Parameters
        ----------
        params : mapping, optional
            From terms of the table to values.
        s : float or mapping, optional
            Strength of teaching, or a mapping from network to strength.
        scale, shape : float, optional
            Of the baseline; the free baseline is always at its best.

        Returns
        -------
        float
            The log-likelihood.

        Raises
        ------
        ValueError
            For terms that the model does not have.
        """
        given: dict[str, Any] = {"params": dict(params or {})}
        given |= {k: v for k, v in (("s", s), ("scale", scale), ("shape", shape)) if v is not None}
        return self._engine.value_at(self, given)

    def summary(self) -> str:
        """Say what the data say of teaching, then the terms."""
        if self.asocial is None:
            head = f"{self.name}: log-likelihood {self.log_likelihood:.3f}, AICc {self.aicc:.2f}."
            return "\n".join([head, *self.notes])
        diff = self.delta_aicc
        if np.isnan(diff) or np.isinf(diff):
            words = "the models cannot be compared by AICc here"
        elif diff < -2:
            words = f"teaching along the network explains them better than none (AICc lower by {-diff:.2f})"
        elif diff > 2:
            words = f"a model without teaching explains them better (AICc lower by {diff:.2f})"
        else:
            words = f"models with and without teaching explain them about equally well (AICc {diff:+.2f} with teaching)"
        what = WORDS[self.timing]
        lines = [f"From the {what} of {self.n} acquisitions: {words}; {CAVEAT}."]
        for row in self.params.to_dict("records"):
            span = (
                f" [{format_number(row['low'])}, {format_number(row['high'])}]"
                if not np.isnan(row["high"])
                else ""
            )
            lines.append(f"  {row['term']}: {format_number(row['estimate'])}{span}")
        if not self.converged:
            lines.append("NOT certified as the optimum: see certificate.")
        return "\n".join([*lines, *self.notes])


class Engine:
    """What a fit is made of: model, surface and where it stands."""

    def __init__(self, prepared: Prepared, surface: Surface, summit: Summit, free: NDArray[np.bool_]) -> None:
        self.prepared, self.surface, self.summit, self.free = prepared, surface, summit, free
        self.natural = surface.natural(summit.z)
        with np.errstate(all="ignore"):
            self.evaluation: Evaluation = surface.model.evaluate(self.natural)

    @property
    def model(self) -> Model:
        """The likelihood."""
        return self.surface.model

    @property
    def design(self) -> Design:
        """The data as intervals and spells."""
        return self.surface.model.design

    def value_at(self, fit: NBDAFit, params: Mapping[str, Any]) -> float:
        """Evaluate the log-likelihood at parameters given by name."""
        model, p = self.model, self.natural.copy()
        terms = list(fit.params["term"])
        given = dict(cast(Mapping[str, float], params["params"])) if "params" in params else {}
        given |= {k: v for k, v in params.items() if k not in ("params", "s")}
        if "s" in params:
            s = params["s"]
            named = [t for t in terms if t == "s" or t.startswith("s[")]
            if isinstance(s, Mapping):
                short = [t[2:-1] for t in named]
                if set(s) != set(short):
                    raise ValueError(
                        f"s: give a strength for each of {quoted(short, 8)}; got {quoted(list(s), 8)}."
                    )
                p[: len(named)] = [s[t] for t in short]
            else:
                p[: len(named)] = s
        strange = [k for k in given if k not in terms and k not in ("scale", "shape")]
        if strange:
            raise ValueError(f"params: no term {strange}. Terms: {', '.join(terms)}.")
        width = model.n_social + sum(model.sizes)
        for j, term in enumerate(terms[:width]):
            p[j] = given.get(term, p[j])
        if (p[: model.n_social] < 0).any() or any(given.get(k, 1.0) <= 0 for k in ("scale", "shape")):
            raise ValueError("strengths are at least 0, scale and shape above 0.")
        level = _given_level(model, p, given, width)
        return model.evaluate(p, level).value


def _given_level(model: Model, p: NDArray[np.float64], given: Mapping[str, float], width: int) -> Any:
    """Put a given shape and scale where the model keeps them."""
    if model.partial or model.baseline == "free":
        return None
    if "shape" in given and model.n_shape_params:
        step = 2 if model.baseline == "gamma" else 1
        p[width::step] = np.log(given["shape"])
    if "scale" not in given:
        return None
    if model.baseline == "gamma":
        p[width + 1 :: 2] = np.log(given["scale"])
        return None
    power = np.exp(p[width:]) if model.baseline == "weibull" else np.ones(model.n_levels)
    return float(given["scale"]) ** -power
