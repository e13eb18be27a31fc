"""Folding streams of episodes into ties, in the engine that holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from peernet._check import literal, number, quoted
from peernet._portable import as_lazy, collect, epoch_days, to_days, with_days
from peernet.errors import DataError

__all__ = ["fold", "join_facts"]


def fold(
    events: Any,
    *,
    weight: str | None,
    time: str | None,
    start: Any,
    end: Any,
    half_life: float | None,
    by: list[str],
    self_ties: str,
    bad_weights: str,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the tie list (teacher, learner, by, weight, n_episodes, first, last) and what was dropped."""
    import narwhals as nw

    literal("self_ties", self_ties, ("error", "drop"))
    literal("bad_weights", bad_weights, ("error", "drop"))
    if half_life is not None:
        number("half_life", half_life, 0, open_low=True)
    frame = as_lazy(events)
    names = frame.collect_schema().names()
    time = time if time in names else None
    keep = ["teacher", "learner", *by]
    wanted = [*keep, weight] if weight else keep
    _need(names, wanted, needs_time=time is None, asked=(start, end, half_life))
    if time:
        epoch_days(frame, time)  # refuses what is no time before anything is computed
    columns = [nw.col(c) for c in keep]
    columns.append(nw.col(weight).cast(nw.Float64).alias("_w") if weight else nw.lit(1.0).alias("_w"))
    frame = frame.select(*columns, *([time] if time else []))
    counts = _census(frame, time)
    _refuse(frame, counts, self_ties, bad_weights)
    fine = (nw.col("_w") > 0) & nw.col("_w").is_finite() & (nw.col("teacher") != nw.col("learner"))
    frame = frame.filter(fine)
    last = to_days(end) if end is not None else counts["last"]
    if time:
        frame = with_days(frame, time, "_t")
        if start is not None:
            frame = frame.filter(nw.col("_t") >= to_days(start))
        if end is not None:
            frame = frame.filter(nw.col("_t") < to_days(end))
        if half_life is not None:
            # 2 ** (-age / half_life), written with exp because ** is not portable
            frame = frame.with_columns(
                _w=nw.col("_w") * ((nw.col("_t") - last) * (np.log(2.0) / half_life)).exp()
            )
    table = collect(_group(frame, keep, bool(time)).sort(*keep))
    facts = {
        "rows_given": counts["n"],
        "dropped": {"unknown": 0, "self_ties": counts["own"], "bad_weights": counts["bad"]},
        "window": [None if start is None else str(start), None if end is None else str(end)],
        "half_life_days": half_life,
        "rows_in_window": int(table["n_episodes"].sum()) if len(table) else 0,
    }
    return _finish(table, keep, facts), facts


def _need(names: list[str], wanted: list[str], *, needs_time: bool, asked: tuple[Any, ...]) -> None:
    missing = [c for c in wanted if c not in names]
    if missing:
        raise DataError(f"events has no column {quoted(missing)}. Columns: {', '.join(names)}.")
    if needs_time and any(x is not None for x in asked):
        raise DataError(
            "events has no time column, so start, end and half_life cannot be used. Name it with time=."
        )


def _census(frame: Any, time: str | None) -> dict[str, Any]:
    """Count rows, gaps, self-ties and bad weights, and find the last time, in one pass of the engine."""
    import narwhals as nw

    w = nw.col("_w")
    bad = ~((w > 0) & w.is_finite()) | w.is_null()
    own = (nw.col("teacher") == nw.col("learner")) & ~bad
    one, none = nw.lit(1.0), nw.lit(0.0)
    parts = [
        nw.when(bad).then(one).otherwise(one).sum().alias("n"),
        nw.when(bad).then(one).otherwise(none).sum().alias("bad"),
        nw.when(own).then(one).otherwise(none).sum().alias("own"),
    ]
    gaps = ["teacher", "learner", *([time] if time else [])]
    parts += [nw.when(nw.col(c).is_null()).then(one).otherwise(none).sum().alias(f"_no_{c}") for c in gaps]
    if isinstance(frame, nw.DataFrame) and not len(frame):
        return {"n": 0, "bad": 0, "own": 0, "last": 0.0}
    table = frame.select(*parts, *([nw.col(time).max().alias("last")] if time else []))
    if time:
        table = table.with_columns(last=epoch_days(table, "last"))
    row = collect(table).iloc[0].to_dict()
    counts: dict[str, Any] = {str(k): int(v) if pd.notna(v) else 0 for k, v in row.items() if k != "last"}
    for name in gaps:
        missing = counts.pop(f"_no_{name}")
        if missing:
            raise DataError(
                f"events: {missing} of {counts['n']} rows have no {name}. Fill or filter them first."
            )
    last = row.get("last")
    counts["last"] = float(last) if last is not None and pd.notna(last) else 0.0
    return counts


def _refuse(frame: Any, counts: dict[str, Any], self_ties: str, bad_weights: str) -> None:
    """Raise for what was not opted out of."""
    import narwhals as nw

    if counts["bad"] and bad_weights == "error":
        raise DataError(
            f"events: {counts['bad']} of {counts['n']} weights are missing, infinite, zero or negative. "
            'Filter them, or pass bad_weights="drop".'
        )
    if counts["own"] and self_ties == "error":
        sample = collect(frame.filter(nw.col("teacher") == nw.col("learner")).select("teacher").head(3))
        raise DataError(
            f"events: {counts['own']} of {counts['n']} rows are self-ties, a person teaching themselves "
            f'({quoted(sample["teacher"].tolist(), 3)}). Filter them, or pass self_ties="drop".'
        )


def _group(frame: Any, keep: list[str], timed: bool) -> Any:
    """Group by the ends of the tie."""
    import narwhals as nw

    frame = frame.with_columns(_one=nw.lit(1.0))
    parts = [nw.col("_w").sum().alias("weight"), nw.col("_one").sum().alias("n_episodes")]
    if timed:
        parts += [nw.col("_t").min().alias("first"), nw.col("_t").max().alias("last")]
    return frame.group_by(*keep).agg(*parts)


def _finish(table: pd.DataFrame, keep: list[str], facts: dict[str, Any]) -> pd.DataFrame:
    """Bring the columns of the tie list to the same kinds for every engine."""
    for end in ("teacher", "learner"):
        if pd.api.types.is_integer_dtype(table[end].dtype):
            table[end] = table[end].astype("str")
    table["n_episodes"] = table["n_episodes"].astype(np.int64)
    table["weight"] = table["weight"].astype(np.float64)
    return table


def join_facts(
    base: dict[str, Any], facts: dict[str, Any], ties: pd.DataFrame, known: pd.Index[Any], unknown: str
) -> dict[str, Any]:
    """Count what was dropped in episodes, unknown people included."""
    dropped = dict(facts["dropped"])
    if unknown == "drop" and len(ties):
        lost = ~(ties["teacher"].isin(known) & ties["learner"].isin(known))
        dropped["unknown"] = int(ties.loc[lost, "n_episodes"].sum())
    return {**base, **facts, "dropped": dropped}
