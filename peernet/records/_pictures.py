"""Pictures of an ingest report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from peernet import plots
from peernet.errors import DataError
from peernet.records.report import tuples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.records.report import IngestReport

__all__ = ["response", "waterfall"]

_MOST = 9  # losses drawn by name; the rest is one bar


def waterfall(report: IngestReport, ax: Axes | None) -> Axes:
    """Draw read, each loss, matched, used."""
    ax = plots.axes(ax)
    if not len(report.ledger):
        raise DataError("plot: the report counts nothing.")
    what = str(report.ledger["what"].iloc[0])
    head = report.ledger.iloc[0]
    mine = report.dropped[report.dropped["what"] == what]
    steps: list[tuple[str, int, int]] = [("read", 0, int(head["read"]))]
    level = int(head["read"])
    for stage, name in (("match", "matched"), ("use", "used")):
        losses = mine[mine["stage"] == stage].sort_values("n", ascending=False, kind="stable")
        shown = [(str(r.reason), int(r.n)) for r in tuples(losses.head(_MOST))]
        if len(losses) > _MOST:
            shown.append((f"{len(losses) - _MOST} other reasons", int(losses["n"].iloc[_MOST:].sum())))
        for reason, n in shown:
            steps.append((reason, level - n, level))
            level -= n
        steps.append((name, 0, level))
    rows = np.arange(len(steps))[::-1]
    full = {"read", "matched", "used"}
    for y, (name, low, high) in zip(rows, steps, strict=True):
        ax.barh(y, high - low, left=low, height=0.7, color=plots.OKABE_ITO[0] if name in full else plots.GREY)
        sign = "" if name in full else "−"
        ax.annotate(
            f"{sign}{high - low}",
            (high, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.set_yticks(rows, [plots.wrap(name, 36) for name, _, _ in steps])
    ax.set_xlim(0, max(1, steps[0][2]) * 1.12)
    ax.set_xlabel(f"number of {what}")
    used, read = steps[-1][2], steps[0][2]
    plots.set_title(ax, f"{used} of {read} {what} were used ({report.reader})")
    return ax


def response(report: IngestReport, ax: Axes | None, min_group: int) -> Axes:
    """Draw who answered, by unit."""
    frame = report.response
    if not len(frame):
        raise DataError(
            f"plot_response: {report.reader} knows no units to show the response of. Pass people= with a "
            "column unit."
        )
    ax = plots.axes(ax)
    n_units = len(frame)
    frame = frame[frame["asked"] >= min_group].sort_values("share", kind="stable")
    rows = np.arange(len(frame))
    ax.barh(rows, 100 * frame["share"], height=0.7, color=plots.OKABE_ITO[0])
    for y, row in zip(rows, tuples(frame), strict=True):
        share = 0.0 if np.isnan(row.share) else 100 * row.share
        ax.annotate(
            f"{row.answered} of {row.asked}", (share, y), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize="small",
        )  # fmt: skip
    ax.set_yticks(rows, [plots.wrap(str(u), 36) for u in frame["unit"]])
    asked, answered = int(frame["asked"].sum()), int(frame["answered"].sum())
    hidden = n_units - len(frame)
    units = "unit" if hidden == 1 else "units"
    small = f" ({hidden} {units} with fewer than {min_group} people left out)" if hidden else ""
    ax.set_xlim(0, 118)
    ax.set_xticks([0, 25, 50, 75, 100])
    ax.set_xlabel("people asked who answered, percent")
    plots.set_title(ax, f"{answered} of {asked} people asked have answered{small}")
    return ax
