"""How a network introduces itself: one line, and a card for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["html", "line"]


def _thousands(n: int) -> str:
    """Write a count with thin groups: 1 964."""
    return f"{n:,}".replace(",", " ")


def _plural(n: int, one: str, many: str) -> str:
    return f"{_thousands(n)} {one if n == 1 else many}"


def _span(net: PeerNetwork) -> str:
    """Write the first and last time of the ties, or nothing."""
    if net._rows is None or "time" not in net._rows.columns or not len(net._rows):
        return ""
    first, last = net._rows["time"].min(), net._rows["time"].max()
    return f"{_day(first)} to {_day(last)}"


def _day(value: Any) -> str:
    return (
        str(value.date())
        if isinstance(value, pd.Timestamp)
        else f"{value:g}"
        if np.isreal(value)
        else str(value)
    )


def _isolates(net: PeerNetwork) -> int:
    """Count people who neither teach nor learn."""
    out = np.diff(net.adjacency.indptr) > 0
    into = np.zeros(net.n_people, dtype=bool)
    into[net.adjacency.indices] = True
    return int((~(out | into)).sum())


def line(net: PeerNetwork) -> str:
    """Return the repr."""
    span = _span(net)
    alone = _isolates(net)
    silent = int((net._observed != "answered").sum())
    return (
        f"PeerNetwork: {_plural(net.n_people, 'person', 'people')}, "
        f"{_plural(net.n_ties, 'teaching tie', 'teaching ties')}{f' ({span})' if span else ''}, "
        f"{_plural(alone, 'person', 'people')} with no ties"
        + (f", {_thousands(silent)} not answered" if silent else "")
    )


def html(net: PeerNetwork) -> str:
    """Return the card: counts and columns, never names."""
    status = net._observed.value_counts()
    facts = [
        ("people", _thousands(net.n_people)),
        ("teaching ties (teacher → learner)", _thousands(net.n_ties)),
        ("people with no ties", _thousands(_isolates(net))),
    ]
    if _span(net):
        facts.append(("episodes", f"{_thousands(len(net.ties))}, {_span(net)}"))
    if net.respondent_is:
        facts.append(("reported by", f"the {net.respondent_is}"))
    if len(status) > 1 or "answered" not in status.index:
        facts.append(
            (
                "answers",
                ", ".join(f"{_thousands(int(n))} {str(s).replace('_', ' ')}" for s, n in status.items()),
            )
        )
    dropped = {k: v for k, v in net._provenance.get("dropped", {}).items() if v}
    if dropped:
        lost = ", ".join(f"{_thousands(v)} {k.replace('_', ' ')}" for k, v in dropped.items())
        facts.append(("dropped on request", lost))
    columns = ", ".join(str(c) for c in net._people.columns) or "none"
    facts.append(("attributes of people", columns))
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal;color:#555">{escape(k)}</th>'
        f'<td style="text-align:left">{escape(v)}</td></tr>'
        for k, v in facts
    )
    return (
        '<table class="peernet-card"><caption style="text-align:left;font-weight:bold">'
        f"PeerNetwork</caption><tbody>{rows}</tbody></table>"
    )
