"""The kinds of answer: frozen, self-explaining, the same for every method."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet._numbers import MOST_ROWS, cell, format_number, format_p, html_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "VERDICTS",
    "Alternative",
    "Estimate",
    "HypothesisTest",
    "ModelFit",
    "Plan",
    "Result",
    "Simulation",
    "format_number",
    "format_p",
    "monte_carlo_p",
    "provenance",
]

Alternative = Literal["two-sided", "greater", "less"]
Verdict = Literal[
    "", "supported", "contradicted", "inconclusive", "not answered by these data", "not answerable"
]
VERDICTS = ("supported", "contradicted", "inconclusive", "not answered by these data", "not answerable")


def monte_carlo_p(
    observed: float, null: NDArray[np.float64], alternative: Alternative = "two-sided", *, rtol: float = 1e-9
) -> float:
    r"""p-value of an observed statistic among draws from its null model.

    With b draws at least as extreme among R, :math:`p = (b + 1) / (R + 1)`; two-sided is twice the smaller tail, at
    most 1. Draws that differ from the observed value only by rounding (relative ``rtol``) count as equal to it.

    Parameters
    ----------
    observed : float
        The statistic on the data. NaN gives NaN.
    null : numpy.ndarray, shape (n_draws,)
        Draws; those that are NaN are left out.
    alternative : {"two-sided", "greater", "less"}
        Which departures count against the null.
    rtol : float
        Rounding allowed when comparing.

    Returns
    -------
    float
        In (0, 1], never 0; NaN without an observed value or without draws.
    """
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    draws = null[np.isfinite(null)]
    if np.isnan(observed) or not len(draws):
        return float("nan")
    slack = rtol * max(abs(observed), float(np.max(np.abs(draws))), 1e-300)
    n = len(draws) + 1
    greater = (1 + np.count_nonzero(draws >= observed - slack)) / n
    less = (1 + np.count_nonzero(draws <= observed + slack)) / n
    return float(
        {"greater": greater, "less": less, "two-sided": min(1.0, 2 * min(greater, less))}[alternative]
    )


def provenance(
    function: str,
    net: Any = None,
    *,
    options: dict[str, Any] | None = None,
    rng: dict[str, Any] | None = None,
    used: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Record how an answer was made.

    Parameters
    ----------
    function : str
        Public name, such as ``"silos.ei_test"``.
    net : PeerNetwork, optional
        Its counts and what was dropped when it was built are kept.
    options : dict, optional
        The caller's options.
    rng : dict, optional
        From ``peernet._rng.record`` before the first draw.
    used : dict, optional
        People, ties, answers used and left out, with the reason.

    Returns
    -------
    dict
        ``function, version, options, rng, people, ties, dropped`` and the entries of ``used``.
    """
    from peernet import __version__

    out: dict[str, Any] = {"function": function, "version": __version__, "options": options or {}, "rng": rng}
    if net is not None:
        out.update(people=net.n_people, ties=net.n_ties, dropped=net.provenance.get("dropped", {}))
        status = net.observed.value_counts()
        out["answers"] = {str(k): int(v) for k, v in status.items()}
    out.update(used or {})
    return out


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What every answer carries beside its numbers.

    Attributes
    ----------
    estimand : str
        What is being estimated or tested, in words.
    verdict : str
        Where a claim is at stake: supported, contradicted, inconclusive, not answered by these data, not answerable.
    margin : float or None
        The margin set beforehand, where the verdict needs one.
    would_count_against : str
        What result would have spoken against the claim.
    assumptions : tuple of str
        What has to hold.
    provenance : dict
        Function, options, random numbers, version, people and ties used and dropped.
    """

    estimand: str = ""
    verdict: Verdict = ""
    margin: float | None = None
    would_count_against: str = ""
    assumptions: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    def summary(self) -> str:
        """Return the answer in words."""
        raise NotImplementedError

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a tidy table."""
        raise NotImplementedError

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the answer.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new one by default.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        """The answer in words."""
        return self.summary()

    def _notes(self) -> list[tuple[str, str]]:
        """Lines below the table."""
        notes = [("Estimand", self.estimand), ("Verdict", self.verdict)]
        notes += [("Would count against", self.would_count_against), ("Assumes", "; ".join(self.assumptions))]
        return [(k, v) for k, v in notes if v]

    def _repr_html_(self) -> str:
        """Answer in words, table, notes; deterministic, every text escaped."""
        words = "".join(f"<p>{escape(part)}</p>" for part in self.summary().split("\n") if part)
        notes = "".join(f"<li><b>{escape(k)}:</b> {escape(v)}</li>" for k, v in self._notes())
        return f'<div class="peernet-result">{words}{html_table(self.to_frame())}<ul>{notes}</ul></div>'

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        frame = self.to_frame()
        head = "| " + " | ".join(str(c) for c in frame.columns) + " |"
        rule = "|" + " --- |" * len(frame.columns)
        rows = [
            "| " + " | ".join(cell(v) for v in row) + " |"
            for row in frame.head(MOST_ROWS).itertuples(index=False)
        ]
        notes = [f"- **{k}:** {v}" for k, v in self._notes()]
        return "\n".join([self.summary(), "", head, rule, *rows, "", *notes])


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Estimate(Result):
    """A number with its interval.

    Attributes
    ----------
    name : str
        What it is, in words.
    value, low, high : float
        Estimate and interval, in ``unit``.
    level : float
        Coverage of the interval, 0.95 by default.
    unit : str
        Unit of the numbers; empty where there is none.
    std_error : float
        Standard error, NaN where the interval is not built on one.
    method : str
        How the interval was made.
    n : int
        Observations behind it.
    """

    name: str
    value: float
    low: float
    high: float
    level: float = 0.95
    unit: str = ""
    std_error: float = float("nan")
    method: str = ""
    n: int = 0

    def summary(self) -> str:
        """State value and interval in one sentence."""
        unit = f" {self.unit}" if self.unit else ""
        inside = f"[{format_number(self.low)}, {format_number(self.high)}]"
        how = f", {self.method}" if self.method else ""
        size = f"; n = {self.n}" if self.n else ""
        return (
            f"{self.name}: {format_number(self.value)}{unit} ({self.level:.0%} interval {inside}{how}{size})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row: name, value, low, high, level, std_error, n, method."""
        keys = ("name", "value", "low", "high", "level", "std_error", "n", "method")
        return pd.DataFrame([{k: getattr(self, k) for k in keys}])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a dot with its interval.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        return plots.plot_intervals(self.to_frame(), label="name", xlabel=self.unit or self.name, ax=ax)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class HypothesisTest(Result):
    """An observed statistic against its null distribution.

    Attributes
    ----------
    name : str
        What was measured, in words.
    observed : float
        The statistic on the data.
    null : numpy.ndarray, shape (n_draws,)
        The statistic on each draw from the null model, read-only; empty where the null is exact.
    null_model : str
        The null model, in words.
    alternative : {"two-sided", "greater", "less"}
        Which departures count against the null.
    null_mean, null_sd : float
        Exact where known, else of the draws.
    p_value : float
        In (0, 1]; Monte Carlo, (b + 1) / (R + 1), unless an exact one was given.
    """

    name: str
    observed: float
    null: NDArray[np.float64]
    null_model: str = ""
    alternative: Alternative = "two-sided"
    null_mean: float = float("nan")
    null_sd: float = float("nan")
    p_value: float = float("nan")

    def __post_init__(self) -> None:
        """Own a read-only copy of the draws and fill what follows from them."""
        literal("alternative", self.alternative, ("two-sided", "greater", "less"))
        null = np.array(self.null, dtype=np.float64)
        null.setflags(write=False)
        object.__setattr__(self, "null", null)
        draws = null[np.isfinite(null)]
        if np.isnan(self.null_mean):
            object.__setattr__(self, "null_mean", float(draws.mean()) if len(draws) else float("nan"))
        if np.isnan(self.null_sd):
            object.__setattr__(self, "null_sd", float(draws.std(ddof=1)) if len(draws) > 1 else float("nan"))
        if np.isnan(self.p_value):
            object.__setattr__(self, "p_value", monte_carlo_p(self.observed, null, self.alternative))

    @property
    def z(self) -> float:
        """(observed - null mean) / null sd; NaN where the null does not vary."""
        scale = max(abs(self.observed), abs(self.null_mean), 1e-300)
        if not self.null_sd > 1e-12 * scale:
            return float("nan")
        return float((self.observed - self.null_mean) / self.null_sd)

    @property
    def n_draws(self) -> int:
        """Number of draws from the null model."""
        return len(self.null)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central range of the null.

        Parameters
        ----------
        level : float
            Share of draws inside.
        """
        draws = self.null[np.isfinite(self.null)]
        if not len(draws):
            return float("nan"), float("nan")
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def summary(self) -> str:
        """State observed value, what chance gives, and p, in that order."""
        low, high = self.interval()
        spread = f", 95 % of draws in [{format_number(low)}, {format_number(high)}]" if self.n_draws else ""
        z = "" if np.isnan(self.z) else f"z = {self.z:.2f}, "
        draws = f", {self.n_draws} draws" if self.n_draws else ""
        return (
            f"{self.name} is {format_number(self.observed)}; chance gives {format_number(self.null_mean)}{spread} "
            f"({z}{self.alternative} {format_p(self.p_value)}; null model: {self.null_model or 'unnamed'}{draws})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row: name, observed, null_mean, null_sd, z, p_value, alternative, n_draws, null_model."""
        keys = (
            "name",
            "observed",
            "null_mean",
            "null_sd",
            "z",
            "p_value",
            "alternative",
            "n_draws",
            "null_model",
        )
        return pd.DataFrame([{k: getattr(self, k) for k in keys}])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the null as a histogram with the observed value as a line.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        return plots.plot_null(self, ax=ax)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ModelFit(Result):
    """A fitted model.

    Attributes
    ----------
    name : str
        The model, in words.
    params : pandas.DataFrame
        One row per term: ``term, estimate, std_error, statistic, p_value, low, high`` (NaN where a method has none).
    log_likelihood : float
        At the optimum; NaN where there is none.
    n : int
        Observations; the unit is said in ``n_unit``.
    n_unit : str
        What ``n`` counts: people, dyads, events.
    level : float
        Coverage of the intervals.
    converged : bool
        Whether the optimum is certified; ``notes`` say how.
    notes : tuple of str
        Warnings and remarks on the fit.
    """

    name: str
    params: pd.DataFrame
    log_likelihood: float = float("nan")
    n: int = 0
    n_unit: str = "observations"
    level: float = 0.95
    converged: bool = True
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """Name the model, then one line a term: estimate, interval, p."""
        lines = [
            f"{self.name} on {self.n} {self.n_unit}" + ("" if self.converged else " (NOT converged)") + "."
        ]
        for row in self.params.to_dict("records"):
            span = f"[{format_number(row['low'])}, {format_number(row['high'])}]"
            lines.append(
                f"  {row['term']}: {format_number(row['estimate'])} {span}, {format_p(row['p_value'])}"
            )
        return "\n".join([*lines, *self.notes])

    def to_frame(self) -> pd.DataFrame:
        """Return the table of terms."""
        return self.params.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the coefficients with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        frame = self.params.rename(columns={"estimate": "value"})
        return plots.plot_intervals(frame, label="term", xlabel="estimate", reference=0.0, ax=ax)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Simulation(Result):
    """Draws from a model.

    Attributes
    ----------
    name : str
        What was simulated.
    draws : numpy.ndarray
        First axis = draws.
    """

    name: str
    draws: NDArray[Any]

    def summary(self) -> str:
        """State how many draws there are and what they average."""
        finite = self.draws[np.isfinite(self.draws)] if self.draws.size else self.draws
        mean = float(finite.mean()) if finite.size else float("nan")
        return f"{self.name}: {len(self.draws)} draws, mean {format_number(mean)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per draw."""
        return pd.DataFrame(self.draws.reshape(len(self.draws), -1))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a histogram of the draws.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        axes = plots.axes(ax)
        axes.hist(self.draws[np.isfinite(self.draws)], bins=40, color=plots.GREY)
        axes.set_xlabel(self.name)
        axes.set_ylabel("draws")
        return axes


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Plan(Result):
    """What to do, and what it is expected to bring.

    Attributes
    ----------
    name : str
        What is planned.
    choices : pandas.DataFrame
        One row per choice.
    gain : float
        Expected gain over doing nothing, in ``unit``.
    unit : str
        Unit of the gain.
    """

    name: str
    choices: pd.DataFrame
    gain: float
    unit: str = ""

    def summary(self) -> str:
        """State the number of choices and the expected gain."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}: {len(self.choices)} choices, expected gain {format_number(self.gain)}{unit}."

    def to_frame(self) -> pd.DataFrame:
        """Return the choices."""
        return self.choices.copy()
