"""One headline under every defensible choice of window, decay, weight, threshold and null model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet._parallel import track
from peernet._rng import RNGLike, SeedLike, as_rng, record, streams
from peernet.errors import DataError, PeerNetError
from peernet.network import PeerNetwork
from peernet.results import Estimate, HypothesisTest, Result, format_number, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.ingest.precision import Precision

__all__ = ["SpecificationCurve", "Weighting", "specification_curve"]

Weighting = Literal["sum", "log", "presence"]
_CHOICES = ("window", "half_life", "weighting", "threshold", "null")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SpecificationCurve(Result):
    """A headline number under every combination of choices.

    Attributes
    ----------
    name : str
        The headline, in words.
    table : pandas.DataFrame
        One row a combination: ``window, half_life, weighting, threshold, null, value, low, high, p_value, n_ties,
        why``
        (why there is no value).
    moved_by : pandas.Series
        How far each choice moves the headline: range of its means over the options of that choice.
    reference : float or None
        Value to compare with; drawn as a line.
    level : float
        p-values below 1 - level count as told apart from the null.
    """

    name: str
    table: pd.DataFrame
    moved_by: pd.Series[Any] = field(default_factory=lambda: pd.Series(dtype="float64"))
    reference: float | None = None
    level: float = 0.95

    def summary(self) -> str:
        """State range and median, how many combinations agree, and which choice moves the headline most."""
        t = self.table
        known = t["value"].dropna()
        if not len(known):
            return f"{self.name}: none of {len(t)} combinations of choices gives a value."
        text = (
            f"{self.name} over {len(t)} combinations of choices: {format_number(float(known.min()))} to "
            f"{format_number(float(known.max()))}, median {format_number(float(known.median()))}."
        )
        if len(known) < len(t):
            text += f" {len(t) - len(known)} give no value."
        tested = t["p_value"].dropna()
        if len(tested):
            text += f" {int((tested < 1 - self.level).sum())} of {len(tested)} tell it apart from their null model."
        if self.reference is not None:
            above = int((known > self.reference).sum())
            text += f" {above} lie above {format_number(self.reference)}, {len(known) - above} do not."
        if len(self.moved_by) and self.moved_by.max() > 0:
            first = self.moved_by.idxmax()
            text += (
                f" It moves most with the {str(first).replace('_', ' ')} (by "
                f"{format_number(float(self.moved_by.max()))})."
            )
        return text

    def to_frame(self) -> pd.DataFrame:
        """Return one row a combination."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the sorted headline above, and the choices behind each value below.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            The area to divide; tall ones read best (9 x 6 inches).
        """
        from peernet import plots

        axes = plots.axes(ax)
        axes.set_axis_off()
        top, bottom = axes.inset_axes((0.2, 0.52, 0.8, 0.46)), axes.inset_axes((0.2, 0.0, 0.8, 0.46))
        shown = self.table.dropna(subset=["value"]).sort_values("value", kind="stable").reset_index(drop=True)
        x = np.arange(len(shown))
        plots.axes(top)
        apart = (shown["p_value"] < 1 - self.level).to_numpy()
        span = shown["low"].notna().to_numpy()
        top.vlines(x[span], shown["low"][span], shown["high"][span], color="#d9d9d9", linewidth=2)
        top.plot(x[~apart], shown["value"][~apart], "o", color=plots.GREY, markersize=4)
        top.plot(x[apart], shown["value"][apart], "o", color=plots.OKABE_ITO[0], markersize=4)
        if self.reference is not None:
            top.axhline(self.reference, color=plots.OKABE_ITO[5], linestyle="--")
        top.set_ylabel(plots.wrap(self.name, 24))
        top.set_xticks([])
        plots.axes(bottom)
        labels: list[str] = []
        for choice in _CHOICES:
            options = list(dict.fromkeys(self.table[choice]))
            if len(options) < 2:
                continue
            for option in options:
                here = x[(shown[choice] == option).to_numpy()]
                bottom.plot(here, np.full(len(here), -len(labels)), "|", color=plots.INK, markersize=6)
                labels.append(f"{choice.replace('_', ' ')}: {option}")
        bottom.set_yticks([-k for k in range(len(labels))], labels, fontsize="small")
        bottom.set_xlim(top.get_xlim())
        bottom.set_xticks([])
        bottom.set_xlabel(
            f"{len(shown)} combinations of choices, sorted"
            + (" (blue: told apart from the null)" if apart.any() else "")
        )
        plots.set_title(axes, self._message())
        return axes

    def _message(self) -> str:
        """One sentence: range, and what moves it."""
        known = self.table["value"].dropna()
        if not len(known):
            return "No combination of choices gives a value"
        text = f"From {format_number(float(known.min()), 2)} to {format_number(float(known.max()), 2)}"
        if len(self.moved_by) and self.moved_by.max() > 0:
            text += f": it moves most with the {str(self.moved_by.idxmax()).replace('_', ' ')}"
        return text


def _windows(windows: Any) -> dict[str, tuple[Any, Any]]:
    """Return named windows; a pair gets its ends as its name."""
    if isinstance(windows, Mapping):
        named = {str(k): tuple(v) for k, v in windows.items()}
    else:
        named = {f"{a} to {b}": (a, b) for a, b in windows}
    if not named:
        raise ValueError("windows: give at least one (start, end).")
    for name, (start, end) in named.items():
        if start is None or end is None or not pd.Timestamp(start) < pd.Timestamp(end):
            raise ValueError(f"windows: {name!r} does not run from a start to a later end.")
    return {k: (v[0], v[1]) for k, v in named.items()}


def _fold(
    events: Any,
    people: Any,
    window: tuple[Any, Any],
    half_life: float | None,
    weighting: Weighting,
    threshold: float,
) -> PeerNetwork:
    """Fold events into the network of one combination; the threshold is on the summed weight before it is turned."""
    column = "weight" if "weight" in getattr(events, "columns", ()) else None
    net = PeerNetwork.from_events(
        events,
        people,
        weight=column,
        start=window[0],
        end=window[1],
        half_life=half_life,
        unknown="drop",
        self_ties="drop",
    )
    ties = net.ties
    ties = ties[ties["weight"] >= threshold]
    if weighting == "log":
        ties = ties.assign(weight=np.log1p(ties["weight"]))
    elif weighting == "presence":
        ties = ties.assign(weight=1.0)
    return PeerNetwork(net.people, ties.reset_index(drop=True))


def _numbers(answer: Any) -> dict[str, float]:
    """Return value, interval and p-value of whatever a headline gives."""
    if isinstance(answer, HypothesisTest):
        return {"value": answer.observed, "low": np.nan, "high": np.nan, "p_value": answer.p_value}
    if isinstance(answer, Estimate):
        p = float(getattr(answer, "p_value", np.nan))
        return {"value": answer.value, "low": answer.low, "high": answer.high, "p_value": p}
    if isinstance(answer, (int, float, np.integer, np.floating)) and not isinstance(answer, bool):
        return {"value": float(answer), "low": np.nan, "high": np.nan, "p_value": np.nan}
    raise TypeError(
        f"headline must return a number, an Estimate or a HypothesisTest; got {type(answer).__name__}."
    )


def specification_curve(
    events: Any,
    headline: Callable[..., Any],
    *,
    windows: Mapping[str, tuple[Any, Any]] | Sequence[tuple[Any, Any]],
    half_lives: Sequence[float | None] = (None,),
    weightings: Sequence[Weighting] = ("sum",),
    thresholds: Sequence[float] = (0.0,),
    nulls: Sequence[str | None] = (None,),
    people: pd.DataFrame | None = None,
    name: str = "",
    reference: float | None = None,
    precision: Precision | None = None,
    n_draws: int = 40,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> SpecificationCurve:
    """How far a headline depends on choices that somebody else could have made differently.

    Every combination of window, half-life, weighting, threshold and null model is folded into a network of its own and
    handed to ``headline``. All of them are reported: choosing the pleasant one afterwards is then in plain sight. The
    combinations share their data, so they are no independent replications.

    Parameters
    ----------
    events : DataFrame or Records
        Episodes: ``teacher, learner, time`` and, where there is one, ``weight``. Of Records its events and people.
    headline : callable
        ``headline(net)`` or ``headline(net, null=...)``; if it takes ``rng`` it gets a stream of its own. Returns
        a number,
        an Estimate or a HypothesisTest.
    windows : mapping or sequence of (start, end)
        Windows [start, end), with names or without.
    half_lives : sequence of float or None
        Days in which an episode loses half its weight; None = no decay.
    weightings : sequence of {"sum", "log", "presence"}
        Tie weight: sum of its episodes, log(1 + sum), or 1.
    thresholds : sequence of float
        Smallest (decayed) sum of episode weights that makes a tie.
    nulls : sequence of str or None
        Null models, handed to ``headline`` as ``null``; None = not handed.
    people : DataFrame, optional
        The roster. Without it the people are those in the events of each window.
    name : str
        The headline in words; its function name by default.
    reference : float, optional
        A value to compare with.
    precision : Precision, optional
        How good the rule behind the events is, from :func:`peernet.ingest.precision_of`. Every combination is then
        computed in ``n_draws`` worlds in which only a part of each kind of event was teaching, and
        :meth:`peernet.ingest.precision.Precision.carry` joins them: value = mean, interval = that of the
        headline and of the rule together, p-value = median. It says how many events of a kind are wrong, not
        which: where the wrong ones lie elsewhere in the network than the right ones of their kind, the bias stays.
    n_draws : int
        Worlds of each combination; used with ``precision`` only.
    level : float
        Coverage of intervals carried from ``precision``; p-values below 1 - level count as told apart.
    rng : Generator, seed or None
        Random numbers.
    n_jobs, progress
        Threads, and a progress bar; the numbers do not depend on them.

    Returns
    -------
    SpecificationCurve
        One row a combination; the value is NaN, with the reason, where a network or the headline cannot be made.

    Raises
    ------
    DataError
        When events lack their columns, or are of a kind that ``precision`` says nothing about.
    ValueError
        For windows that run backwards, unknown weightings, a null for a headline that takes none.

    References
    ----------
    .. [1] Simonsohn, U., Simmons, J. P. & Nelson, L. D. (2020). Specification curve analysis. *Nature Human
    Behaviour* 4,
       1208-1214. doi:10.1038/s41562-020-0912-z
    """
    rng = as_rng(rng)
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("n_draws", n_draws, 2)
    named = _windows(windows)
    for weighting in weightings:
        literal("weightings", weighting, ("sum", "log", "presence"))
    for threshold in thresholds:
        number("thresholds", threshold, 0)
    if people is None and hasattr(events, "events"):
        people = events.people if len(events.people) else None
    question = _Question(
        _columns_of(getattr(events, "events", events)), people, headline, named, precision, n_draws, level
    )
    if any(null is not None for null in nulls) and "null" not in question.takes:
        raise ValueError("nulls are given, but headline takes no null=. Write headline(net, null).")
    if precision is not None:
        _judged(precision, question.events)
    jobs = list(product(named, half_lives, weightings, thresholds, nulls))
    seed = record(rng)
    table = pd.DataFrame(_each(question.answer, jobs, rng, n_jobs, progress))
    title = name or getattr(headline, "__name__", "headline").replace("_", " ").strip("<>")
    return SpecificationCurve(
        name=title,
        table=table,
        moved_by=_moved(table),
        reference=reference,
        level=level,
        estimand="the headline, under each combination of choices",
        assumptions=("every choice is one that somebody could defend", "combinations share their data"),
        provenance=provenance(
            "specification_curve",
            options={
                "windows": {k: [str(x) for x in v] for k, v in named.items()},
                "half_lives": list(half_lives),
                "weightings": list(weightings),
                "thresholds": list(thresholds),
                "nulls": list(nulls),
                "precision": None if precision is None else precision.value,
                "n_draws": None if precision is None else n_draws,
            },
            rng=seed,
        ),
    )


def _columns_of(frame: Any) -> Any:
    """Return the events, refused where columns are missing."""
    needed = ("teacher", "learner", "time")
    lost = [c for c in needed if c not in getattr(frame, "columns", needed)]
    if lost:
        raise DataError(f"events have no column {', '.join(lost)}. It takes teacher, learner and time.")
    return frame


class _Question:
    """What is asked of every combination."""

    def __init__(
        self,
        events: Any,
        people: pd.DataFrame | None,
        headline: Callable[..., Any],
        windows: Mapping[str, tuple[Any, Any]],
        precision: Precision | None,
        n_draws: int,
        level: float,
    ) -> None:
        self.events, self.people, self.headline, self.windows = events, people, headline, windows
        self.precision, self.n_draws, self.level = precision, n_draws, level
        self.takes = inspect.signature(headline).parameters

    def answer(self, job: tuple[Any, ...], stream: np.random.Generator) -> dict[str, Any]:
        """Fold the events as one combination says, and ask the headline."""
        window, half_life, weighting, threshold, null = job
        row: dict[str, Any] = {
            "window": window,
            "half_life": "none" if half_life is None else f"{half_life:g} days",
            "weighting": weighting,
            "threshold": threshold,
            "null": "none" if null is None else null,
            **dict.fromkeys(("value", "low", "high", "p_value"), np.nan),
            "n_ties": 0,
            "why": "",
        }
        options: dict[str, Any] = {} if null is None else {"null": null}
        if "rng" in self.takes:
            options["rng"] = stream

        def ask(events: Any) -> tuple[Any, int]:
            net = _fold(events, self.people, self.windows[window], half_life, weighting, threshold)
            return self.headline(net, **options), net.n_ties

        try:
            if self.precision is None:
                answer, row["n_ties"] = ask(self.events)
                row.update(_numbers(answer))
            else:
                row.update(_in_worlds(self.precision, self.events, ask, self.n_draws, self.level, stream))
            if np.isnan(row["value"]):
                row["why"] = f"the headline is no number on these {row['n_ties']} ties"
        except PeerNetError as error:
            row["why"] = str(error)
        return row


def _judged(precision: Precision, events: Any) -> None:
    """Refuse events that the precision says nothing about, before anything is computed."""
    if not isinstance(events, pd.DataFrame):
        raise DataError(
            "precision is carried through a pandas table of events or Records; collect them first."
        )
    lost = [c for c in ("source", "kind") if c not in events.columns]
    if lost:
        raise DataError(f"precision is known by source and kind; events have no column {', '.join(lost)}.")
    precision.check(events)


def _in_worlds(
    precision: Precision,
    events: Any,
    ask: Callable[[Any], tuple[Any, int]],
    n_draws: int,
    level: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return a headline with the doubt about the rule in its interval, the median p-value and number of ties."""
    from peernet.records.tables import Records

    p_values: list[float] = []
    sizes: list[int] = []

    def measure(world: Records) -> float | Estimate:
        answer, n_ties = ask(world.events)
        found = _numbers(answer)
        p_values.append(found["p_value"])
        sizes.append(n_ties)
        sure = isinstance(answer, Estimate) and np.isfinite(answer.std_error)
        return answer if isinstance(answer, Estimate) and sure else found["value"]

    found = precision.carry(Records(events=events), measure, n_draws=n_draws, level=level, rng=rng)
    known = [p for p in p_values if np.isfinite(p)]
    return {
        "value": found.value, "low": found.low, "high": found.high,
        "p_value": float(np.median(known)) if known else np.nan, "n_ties": int(np.median(sizes)),
    }  # fmt: skip


def _each(
    one: Any, jobs: list[Any], rng: np.random.Generator, n_jobs: int, progress: bool
) -> list[dict[str, Any]]:
    """Run every combination with a stream of its own, in order."""
    own = streams(rng, len(jobs))
    if n_jobs == 1:
        pairs = track(list(zip(jobs, own, strict=True)), total=len(jobs), progress=progress)
        return [one(job, stream) for job, stream in pairs]
    from joblib import Parallel, delayed

    found: list[dict[str, Any]] = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(one)(job, stream) for job, stream in zip(jobs, own, strict=True)
    )
    return found


def _moved(table: pd.DataFrame) -> pd.Series[Any]:
    """Range of the means of the headline over the options of each choice."""
    known = table.dropna(subset=["value"])
    moved = {}
    for choice in _CHOICES:
        means = known.groupby(choice)["value"].mean()
        if table[choice].nunique() > 1:
            moved[choice] = float(means.max() - means.min()) if len(means) else 0.0
    return pd.Series(moved, dtype="float64", name="moved_by")
