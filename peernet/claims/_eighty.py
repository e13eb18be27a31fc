"""Three sides of "80 % of learning is social": what people say, what traces show, what diffusion implies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.claims._facts import records_of
from peernet.claims._inputs import exchange_rates, span_of
from peernet.claims._sides import implied_shares, known_words, says_share, traced
from peernet.claims._traces import TraceCurve
from peernet.errors import DataError
from peernet.hypotheses._guards import as_share, settled
from peernet.hypotheses.shares import ShareEstimate, percent
from peernet.results import Result, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "EightyPercent",
    "eighty_percent",
]

NOT_THE_SAME = (
    "What people say is a share of learning as remembered; traces count answers and courses, which have no "
    "common unit "
    "until somebody sets an exchange rate; diffusion gives the share of adoptions of one item that followed "
    "measured ties. "
    "They are three quantities: they may all be right and differ, so they are neither averaged nor drawn on one axis."
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EightyPercent(Result):
    """Three panels on one claim, each with its own quantity, axis and verdict.

    Attributes
    ----------
    claim : float
        The claimed share.
    says : ShareEstimate or None
        What people say.
    traces : TraceCurve or None
        What traces show.
    implied : pandas.DataFrame
        What diffusion implies, one row an item: ``item, n, value, low, high, ceiling, verdict``.
    table : pandas.DataFrame
        One row a reading: ``side, reading, quantity, value, low, high, ceiling, unit, verdict, why``.
    lacking : dict
        Side -> why there is no answer.
    """

    claim: float
    says: ShareEstimate | None
    traces: TraceCurve | None
    implied: pd.DataFrame
    table: pd.DataFrame
    lacking: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """Give each side its own sentences and verdict, then why they are not one number."""
        lines = []
        for side, part in (("What people say", self.says), ("What traces show", self.traces)):
            lines.append(
                f"{side}. " + (part.summary() if part is not None else f"No answer: {self.lacking[side]}")
            )
        if len(self.implied):
            rows = [
                f"{row['item']}: {percent(row['value'])} ({percent(row['low'])} to {percent(row['high'])}) "
                f"of {row['n']} "
                f"adoptions, ceiling {percent(row['ceiling'])}: {row['verdict']}"
                for row in self.implied.to_dict("records")
            ]
            lines.append("What diffusion implies. " + "; ".join(rows) + ".")
        if "What diffusion implies" in self.lacking:
            lines.append(f"What diffusion implies. No answer: {self.lacking['What diffusion implies']}")
        return "\n".join([*lines, NOT_THE_SAME])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a reading."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw three panels side by side, each with its own axis.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            The area to divide; by default 12 x 4.4 inches.
        """
        from peernet import plots

        if ax is None:
            from matplotlib import pyplot as plt

            ax = plt.subplots(figsize=(12, 4.4), layout="constrained")[1]
        axes = plots.axes(ax)
        axes.set_axis_off()
        left, middle, right = (
            axes.inset_axes(place)
            for place in ((0.13, 0, 0.22, 0.85), (0.46, 0, 0.22, 0.85), (0.78, 0, 0.22, 0.85))
        )
        self._plot_says(left)
        if self.traces is not None:
            self.traces.plot(middle)
            middle.xaxis.set_major_formatter("{x:g}")
            middle.set_xlabel("courses that one answered\nquestion is worth", fontsize="small")
            middle.set_ylabel("social share of traces (percent)", fontsize="small")
            middle.set_title("", loc="left")
            middle.set_title(f"What traces show\n{self.traces.verdict}", fontsize="medium")
        else:
            _absent(middle, "What traces show", self.lacking["What traces show"])
        self._plot_implied(right)
        axes.set_title(
            plots.wrap(f"Is it {percent(self.claim)}? Three questions, three answers, no average", 90)
        )
        return axes

    def _plot_says(self, ax: Axes) -> None:
        """Draw the means of the readings with bounds."""
        from peernet import plots

        if self.says is None:
            _absent(ax, "What people say", self.lacking["What people say"])
            return
        names = list(self.says.counted)
        for y, name in enumerate(names):
            row = self.says.row(reading=name)
            if np.isfinite(row["bound_low"]):
                ax.barh(
                    y,
                    100 * (row["bound_high"] - row["bound_low"]),
                    0.4,
                    100 * row["bound_low"],
                    color=plots.OKABE_ITO[0],
                    alpha=0.18,
                )
            ends = [100 * row["whole_low"], 100 * row["whole_high"]]
            ax.plot(ends, [y, y], color=plots.OKABE_ITO[0], linewidth=1)
            ax.plot([100 * row["low"], 100 * row["high"]], [y, y], color=plots.OKABE_ITO[0], linewidth=3)
            ax.plot(100 * row["value"], y, "o", color=plots.OKABE_ITO[0])
            _value(ax, 100 * row["value"], y)
            _verdict(ax, y, settled(row["verdict"], row["worst_case_verdict"]))
        words = "share of learning (percent; pale: whatever silent people would say; thin: round numbers, odd sums)"
        _finish(ax, names, self.claim, words, "What people say")

    def _plot_implied(self, ax: Axes) -> None:
        """Draw the social share of adoptions and its ceiling, by item."""
        from peernet import plots

        if not len(self.implied):
            _absent(ax, "What diffusion implies", self.lacking["What diffusion implies"])
            return
        for y, row in enumerate(self.implied.to_dict("records")):
            ax.plot([100 * row["low"], 100 * row["high"]], [y, y], color=plots.OKABE_ITO[2], linewidth=2.5)
            ax.plot(100 * row["value"], y, "o", color=plots.OKABE_ITO[2])
            _value(ax, 100 * row["value"], y)
            ax.plot(
                100 * row["ceiling"], y, "|", color=plots.INK, markersize=18, markeredgewidth=2.5, zorder=5
            )
            _verdict(ax, y, str(row["verdict"]))
        _finish(
            ax,
            list(self.implied["item"]),
            self.claim,
            "adoptions that followed ties (percent; | ceiling)",
            "What diffusion implies",
        )


def _value(ax: Axes, x: float, y: float) -> None:
    """Write an estimate above its dot."""
    if np.isfinite(x):
        ax.annotate(
            f"{x:.0f} %", (x, y), xytext=(0, 7), textcoords="offset points", ha="center", fontsize="small"
        )


def _verdict(ax: Axes, y: float, words: str) -> None:
    """Write a verdict under its row."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    ax.annotate(words, (2, y - 0.33), fontsize="x-small", va="center", bbox=box, zorder=6)


def _absent(ax: Axes, title: str, why: str) -> None:
    """Say in a panel why it is empty."""
    import textwrap

    ax.set_axis_off()
    ax.set_title(title, fontsize="medium")
    ax.text(
        0.5,
        0.5,
        "\n".join(textwrap.wrap(f"No answer: {why}", 30)),
        ha="center",
        va="center",
        fontsize="small",
    )


def _finish(ax: Axes, names: list[str], claim: float, xlabel: str, title: str) -> None:
    """Name the rows and draw the claim."""
    from peernet import plots

    plots.axes(ax)
    ax.axvline(100 * claim, color=plots.OKABE_ITO[5], linestyle="--", linewidth=1.2, zorder=1)
    ax.set_yticks(range(len(names)), [str(n) for n in names])
    ax.set_ylim(-0.6, len(names) - 0.4)
    ax.set_xlim(0, 100)
    ax.set_xlabel("\n".join(plots.wrap(xlabel, 34).split("\n")), fontsize="small")
    ax.set_title(title, fontsize="medium")


def eighty_percent(
    source: Any,
    *,
    claim: float = 0.8,
    start: Any = None,
    end: Any = None,
    relation: str | None = None,
    items: str | list[str] | None = None,
    exchange: tuple[float, float] | None = None,
    kinds: str | tuple[str, ...] = "answer",
    question: str = "learning_share",
    wave: Any = None,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
) -> EightyPercent:
    """Is 80 % of learning social? What people say, what traces show, what diffusion implies: three answers, no average.

    *Says*: the survey's shares, strict and wide. *Traces*: answered questions against finished courses, a curve
    over the
    exchange rate, never one number. *Diffusion*: of items that people chose themselves, the share of adoptions that
    followed teaching ties, beside the ceiling that these ties could carry. Items that were mostly assigned are
    left out: a
    deadline imitates contagion.

    Parameters
    ----------
    source : Study or Records
        What was read.
    claim : float
        The claimed share, in (0, 1).
    start, end : time, optional
        Span that traces and adoptions cover, [start, end); never guessed. Without them only the survey is used.
    relation : str, optional
        Relation whose ties carry the diffusion; the first that asks learners by default.
    items : str or list of str, optional
        Items to follow; by default those with 20 or more adoptions, less than a fifth of them assigned.
    exchange : (low, high), optional
        What an answered question was called worth, in courses, before looking.
    kinds : str or tuple of str
        Kinds of traces (column ``kind`` of the events) that are answered questions; meetings, mentions and the like
        are not, unless named here.
    question, wave
        Of the learning shares; the wave also of the names given.
    level : float
        Coverage of the intervals.
    rng : Generator, seed or None
        For the starting points of the diffusion fits.

    Returns
    -------
    EightyPercent
        A verdict per reading; sides without data say why.

    Raises
    ------
    TypeError
        For a source that is neither a study nor records.
    ValueError
        For half a span or one that ends before it starts, and for relations, questions, items, kinds and waves that the
        records do not hold.
    """
    rng = as_rng(rng)
    as_share("claim", claim)
    span, exchange = span_of("eighty_percent", start, end), exchange_rates(exchange)
    records = records_of(source)
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    chosen = [items] if isinstance(items, str) else items
    known_words(records, relation=relation, question=question, items=chosen, kinds=kinds, wave=wave)
    lacking: dict[str, str] = {}
    says: ShareEstimate | None = None
    traces: TraceCurve | None = None
    implied = pd.DataFrame()
    try:
        says = says_share(records, claim, question, wave, level)
    except DataError as error:
        lacking["What people say"] = str(error)
    if span is None:
        lacking["What traces show"] = "the span of the traces was not said (start=, end=)."
        lacking["What diffusion implies"] = "the span of the adoptions was not said (start=, end=)."
    else:
        try:
            traces = traced(records, *span, kinds, claim=claim, exchange=exchange, level=level)
        except DataError as error:
            lacking["What traces show"] = str(error)
        try:
            implied, why = implied_shares(records, *span, relation, wave, chosen, claim, level, rng)
            if why:
                lacking["What diffusion implies"] = why
        except DataError as error:
            lacking["What diffusion implies"] = str(error)
    return EightyPercent(
        claim=claim,
        says=says,
        traces=traces,
        implied=implied,
        table=_table(says, traces, implied, lacking),
        lacking=lacking,
        estimand="three quantities, kept apart",
        assumptions=(NOT_THE_SAME,),
        provenance=provenance(
            "claims.eighty_percent",
            options={
                "claim": claim,
                "start": str(start),
                "end": str(end),
                "relation": relation,
                "kinds": kinds,
                "wave": wave,
                "level": level,
            },
        ),
    )


def _table(
    says: ShareEstimate | None, traces: TraceCurve | None, implied: pd.DataFrame, lacking: dict[str, str]
) -> pd.DataFrame:
    """One row a reading, each with its own quantity and unit."""
    rows = _says_rows(says) if says is not None else []
    if traces is not None:
        why = "traces have no denominator" if traces.exchange is None else "at the rates called believable"
        curve = {"value": traces.value, "low": traces.low, "high": traces.high, "verdict": traces.verdict}
        rows.append(_row("traces", "exchange rate", traces.name, curve, traces.unit, why))
    for found in implied.to_dict("records"):
        unable = found["verdict"].startswith("not")
        why = "the measured ties could carry no more" if unable else "from who adopted after whom"
        what = "share of adoptions that followed ties"
        rows.append(
            _row("diffusion", str(found["item"]), what, found, "share of adoptions", why, found["ceiling"])
        )
    for side, why in lacking.items():
        if side == "What diffusion implies" and len(implied):
            continue
        word = side.split()[1] if side != "What people say" else "says"
        empty = dict.fromkeys(("value", "low", "high"), np.nan) | {"verdict": "not answered by these data"}
        rows.append(_row(word, "", "", empty, "", why))
    return pd.DataFrame(rows)


def _row(
    side: str, reading: str, quantity: str, found: Any, unit: str, why: str, ceiling: float = float("nan")
) -> dict[str, Any]:
    """Build one row; ``found`` holds value, low, high and verdict."""
    return {
        "side": side,
        "reading": reading,
        "quantity": quantity,
        "value": found["value"],
        "low": found["low"],
        "high": found["high"],
        "ceiling": ceiling,
        "unit": unit,
        "verdict": found["verdict"],
        "why": why,
    }


def _says_rows(says: ShareEstimate) -> list[dict[str, Any]]:
    """One row a reading of what people say; what would change the verdict is named."""
    rows = []
    for name in says.counted:
        row = says.row(reading=name)
        like, worst = str(row["verdict"]), str(row["worst_case_verdict"])
        final, why = settled(like, worst), "silent people could change it"
        if final == like:
            why = "whatever silent people would say" if worst else "nothing is known of silent people"
        found = row.to_dict() | {"verdict": final}
        what, unit = "mean share of learning", "share of learning"
        rows.append(_row("says", name, what, found, unit, why, row["bound_high"]))
    return rows
