"""Two waves side by side: who came, who left, what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.records._rosters import moved_between

if TYPE_CHECKING:
    from peernet.records.tables import Records

__all__ = ["changes_between"]


def changes_between(
    records: Records, first: str, second: str, *, relation: str | None = None
) -> pd.DataFrame:
    r"""What changed between two survey waves, counted so that turnover and silence are not read as change.

    A tie can be kept or lost only between people who were there both times, and seen only where the
    respondent answered both times. ``stability`` is the Jaccard share kept / (kept + gained + lost) among
    those ties; ties that came or went with people, or with somebody's silence, are counted apart.

    Parameters
    ----------
    records : Records
        With both waves merged, ids (or pseudonyms of one key) the same in both.
    first, second : str
        Names of the waves.
    relation : str, optional
        One relation; all by default, one row each.

    Returns
    -------
    pandas.DataFrame
        One row a relation: ``relation, joiners, leavers, movers, answered_both, kept, gained, lost, stability,
        gained_with_joiners, lost_with_leavers, not_comparable``. ``stability`` is NaN where no tie can be compared.
        ``movers`` are people who were there both times, in another unit the second time, by the rosters of the waves
        or, with dated rosters, by the spells in the middle of the answers; missing where no units are known.

    Raises
    ------
    DataError
        When a wave is not there.
    """
    waves = records.waves()
    lost = [w for w in (first, second) if w not in waves]
    if lost:
        raise DataError(f"changes_between: no wave {quoted(lost)}. Waves: {', '.join(waves) or 'none'}.")
    status = records.respondents.pivot_table(index="person", columns="wave", values="status", aggfunc="first")
    there = {w: set(status.index[status[w].notna() & (status[w] != "not_asked")]) for w in (first, second)}
    joined, left = there[second] - there[first], there[first] - there[second]
    both = set(status.index[(status[first] == "answered") & (status[second] == "answered")])
    objected = set(status.index[(status == "objected").any(axis=1)])
    wanted = list(records.roles) if relation is None else [relation]
    rows = [_one(records.nominations, r, (first, second), joined, left, both, objected) for r in wanted]
    table = pd.DataFrame(rows)
    moved = moved_between(records, first, second)
    table.insert(3, "movers", pd.Series([moved] * len(table), dtype="Int64"))
    return table


def _one(
    names: pd.DataFrame,
    relation: str,
    waves: tuple[str, str],
    joined: set[str],
    left: set[str],
    both: set[str],
    objected: set[str],
) -> dict[str, Any]:
    """Count one relation."""
    mine = names[names["relation"] == relation]
    ties = [
        {(r, n) for r, n in zip(part["respondent"], part["named"], strict=True) if not {r, n} & objected}
        for part in (mine[mine["wave"] == w] for w in waves)
    ]
    everybody = joined | left

    def comparable(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
        return {p for p in pairs if p[0] in both and not set(p) & everybody}

    before, after = (comparable(t) for t in ties)
    kept, gained, lost = len(before & after), len(after - before), len(before - after)
    came = {p for p in ties[1] - ties[0] if set(p) & joined}
    went = {p for p in ties[0] - ties[1] if set(p) & left}
    total = kept + gained + lost
    rest = len(ties[0] - before - went) + len(ties[1] - after - came)
    return {
        "relation": relation,
        "joiners": len(joined),
        "leavers": len(left),
        "answered_both": len(both),
        "kept": kept,
        "gained": gained,
        "lost": lost,
        "stability": kept / total if total else float("nan"),
        "gained_with_joiners": len(came),
        "lost_with_leavers": len(went),
        "not_comparable": rest,
    }
