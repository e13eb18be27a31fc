"""Folding streams of episodes into ties, in the engine that holds them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number, quoted
from peernet._portable import as_lazy, check_time, collect, is_duckdb, to_days, with_days
from peernet._tables import as_ids
from peernet.errors import DataError

__all__ = ["Coded", "fold", "join_facts"]


class Coded(NamedTuple):
    """A tie list as numbers, one row a pair, in order of teacher and learner; no text is held but the ids.

    Attributes
    ----------
    ids : pandas.Index
        Everybody in a tie, sorted.
    teacher, learner : ndarray of int32, shape (n_ties,)
        Rows of ``ids``.
    columns : dict of str to ndarray, shape (n_ties,)
        ``weight``, ``n_episodes`` and, where there is a time, ``first`` and ``last``.
    """

    ids: pd.Index[Any]
    teacher: NDArray[np.int32]
    learner: NDArray[np.int32]
    columns: dict[str, NDArray[Any]]

    def frame(self) -> pd.DataFrame:
        """Write the ties out with the ids of people."""
        ends = {"teacher": self.ids[self.teacher], "learner": self.ids[self.learner]}
        return pd.DataFrame({**ends, **self.columns})

    def without_self_ties(self) -> tuple[Coded, int]:
        """Leave out people with themselves, and say how many episodes that were."""
        own = self.teacher == self.learner
        if not own.any():
            return self, 0
        ends = np.concatenate([self.teacher[~own], self.learner[~own]])
        used, codes = np.unique(ends, return_inverse=True)
        teacher, learner = np.split(codes.astype(np.int32), 2)
        kept = {name: values[~own] for name, values in self.columns.items()}
        lost = int(self.columns["n_episodes"][own].sum())
        return Coded(self.ids[used], teacher, learner, kept), lost


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
) -> tuple[pd.DataFrame | Coded, dict[str, Any]]:
    """Return the tie list (teacher, learner, by, weight, n_episodes, first, last) and what was dropped.

    The plan is the same for every engine. What DuckDB holds comes out as numbers (:class:`Coded`): turning
    millions of its texts into Python's takes longer than all the rest.
    """
    import narwhals as nw

    literal("self_ties", self_ties, ("error", "drop"))
    literal("bad_weights", bad_weights, ("error", "drop"))
    if half_life is not None:
        number("half_life", half_life, 0, open_low=True)
    if start is not None and end is not None and not to_days(start) < to_days(end):
        raise ValueError(f"start={start!r} is not before end={end!r}: no event can lie in that window.")
    frame = as_lazy(events)
    names = frame.collect_schema().names()
    time = time if time in names else None
    keep = ["teacher", "learner", *by]
    wanted = [*keep, weight] if weight else keep
    _need(names, wanted, needs_time=time is None, asked=(start, end, half_life))
    if time:
        check_time(frame, time)
    columns = [nw.col(c) for c in keep]
    columns.append(nw.col(weight).cast(nw.Float64).alias("_w") if weight else nw.lit(1.0).alias("_w"))
    frame = frame.select(*columns, *([time] if time else []))
    coded = not by and _codable(frame)
    # Comparing the texts of every row is dear: numbers are compared instead, once a pair, where no window hides rows.
    early = not coded or start is not None or end is not None
    counts = _census(frame, time, early)
    _refuse(frame, counts, self_ties, bad_weights)
    if counts["bad"]:
        frame = frame.filter((nw.col("_w") > 0) & nw.col("_w").is_finite())
    if counts["own"]:
        frame = frame.filter(nw.col("teacher") != nw.col("learner"))
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
    grouped = _group(frame, keep, bool(time))
    ties: pd.DataFrame | Coded
    if coded:
        ties = _coded(nw.to_native(grouped), bool(time))
        if not early:
            ties, counts["own"] = ties.without_self_ties()
            _refuse(frame, counts, self_ties, bad_weights)
        n_kept = int(ties.columns["n_episodes"].sum())
    else:
        ties = _finish(collect(grouped.sort(*keep)))
        n_kept = int(ties["n_episodes"].sum())
    facts = {
        "rows_given": counts["n"],
        "dropped": {"unknown": 0, "self_ties": counts["own"], "bad_weights": counts["bad"]},
        "window": [None if start is None else str(start), None if end is None else str(end)],
        "half_life_days": half_life,
        "rows_in_window": n_kept,
    }
    return ties, facts


def _need(names: list[str], wanted: list[str], *, needs_time: bool, asked: tuple[Any, ...]) -> None:
    missing = [c for c in wanted if c not in names]
    if missing:
        raise DataError(f"events has no column {quoted(missing)}. Columns: {', '.join(names)}.")
    if needs_time and any(x is not None for x in asked):
        raise DataError(
            "events has no time column, so start, end and half_life cannot be used. Name it with time=."
        )


def _census(frame: Any, time: str | None, own_too: bool) -> dict[str, Any]:
    """Count rows, gaps, bad weights and (unless later) self-ties, and find the last time, in one pass."""
    import narwhals as nw

    w = nw.col("_w")
    bad = ~((w > 0) & w.is_finite()) | w.is_null()
    own = (nw.col("teacher") == nw.col("learner")) & ~bad
    one, none = nw.lit(1.0), nw.lit(0.0)
    parts = [
        nw.when(bad).then(one).otherwise(one).sum().alias("n"),
        nw.when(bad).then(one).otherwise(none).sum().alias("bad"),
    ]
    if own_too:
        parts.append(nw.when(own).then(one).otherwise(none).sum().alias("own"))
    gaps = ["teacher", "learner", *([time] if time else [])]
    parts += [nw.when(nw.col(c).is_null()).then(one).otherwise(none).sum().alias(f"_no_{c}") for c in gaps]
    if isinstance(frame, nw.DataFrame) and not len(frame):
        return {"n": 0, "bad": 0, "own": 0, "last": 0.0}
    table = frame.select(*parts, *([nw.col(time).max().alias("last")] if time else []))
    if time:
        table = with_days(table.rename({"last": "_last"}), "_last", "last").drop("_last")
    row = collect(table).iloc[0].to_dict()
    counts: dict[str, Any] = {"own": 0}
    counts |= {str(k): int(v) if pd.notna(v) else 0 for k, v in row.items() if k != "last"}
    for name in gaps:
        missing = counts.pop(f"_no_{name}")
        if missing:
            raise DataError(
                f"events: {missing} of {counts['n']} rows have no {name}. Fill or filter them first."
            )
    last = row.get("last")
    counts["last"] = float(last) if last is not None and pd.notna(last) else 0.0
    if counts["last"] > 1_000_000:
        raise DataError(
            f"events: {time} reaches {counts['last']:g}. Numbers count days; these look like (milli)seconds. "
            "Convert them with pd.to_datetime(..., unit='s')."
        )
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

    parts = [nw.col("_w").sum().alias("weight"), nw.len().alias("n_episodes")]
    if timed:
        parts += [nw.col("_t").min().alias("first"), nw.col("_t").max().alias("last")]
    return frame.group_by(*keep).agg(*parts)


def _codable(frame: Any) -> bool:
    """Say whether the ids are text or whole numbers in DuckDB; decimals are for the errors of the other way."""
    if not is_duckdb(frame):
        return False
    schema = frame.collect_schema()
    kinds = [schema[end] for end in ("teacher", "learner")]
    return kinds[0] == kinds[1] and (kinds[0].is_integer() or str(kinds[0]) == "String")


def _coded(grouped: Any, timed: bool) -> Coded:
    """Fetch a grouped DuckDB relation as numbers: the ids become codes in DuckDB, after the reduction."""
    ties, ids = (f"peernet_{what}_{uuid4().hex}" for what in ("ties", "ids"))
    names = ["weight", "n_episodes", *(("first", "last") if timed else ())]
    try:
        grouped.query("grouped", f"CREATE TEMP TABLE {ties} AS SELECT * FROM grouped")
        ends = f"SELECT teacher AS id FROM {ties} UNION SELECT learner FROM {ties}"
        # encode: in the order of bytes, whatever collation the session has
        order = "CAST(row_number() OVER (ORDER BY encode(CAST(id AS VARCHAR))) - 1 AS INTEGER)"
        grouped.query("grouped", f"CREATE TEMP TABLE {ids} AS SELECT id, {order} AS code FROM ({ends})")
        found = grouped.query(
            "grouped", f"SELECT CAST(id AS VARCHAR) AS id FROM {ids} ORDER BY code"
        ).fetchnumpy()
        rows = _columns(
            grouped.query(
                "grouped",
                f"SELECT a.code AS teacher, b.code AS learner, {', '.join(names)} FROM {ties} AS t "
                f"JOIN {ids} AS a ON a.id = t.teacher JOIN {ids} AS b ON b.id = t.learner",
            )
        )
    finally:
        for table in (ties, ids):
            grouped.query("grouped", f"DROP TABLE IF EXISTS {table}")
    index = as_ids(pd.Series(found["id"].tolist(), dtype="str"), "events (teacher and learner)")
    return _in_order(index.rename("person"), rows, names)


def _columns(relation: Any) -> dict[str, Any]:
    """Fetch a relation column by column: through Arrow where it is installed, which need not grow its arrays."""
    if find_spec("pyarrow") is None:
        found: dict[str, Any] = relation.fetchnumpy()
        return found
    table = relation.to_arrow_table()
    return {name: table.column(name) for name in table.column_names}


def _in_order(ids: pd.Index[Any], rows: dict[str, Any], names: list[str]) -> Coded:
    """Sort by teacher and learner, column by column, letting go of each as it is done."""
    from scipy.sparse import coo_array

    ends = np.asarray(rows.pop("teacher")), np.asarray(rows.pop("learner"))
    n = len(ends[0])
    place = coo_array((np.arange(n, dtype=np.int32), ends), shape=(len(ids), len(ids))).tocsr()
    del ends
    place.sort_indices()
    at = place.data
    teacher = np.repeat(np.arange(len(ids), dtype=np.int32), np.diff(place.indptr))
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        kind = np.int64 if name == "n_episodes" else np.float64
        columns[name] = np.asarray(rows.pop(name)).astype(kind, copy=False)[at]
    return Coded(ids, teacher, place.indices.astype(np.int32, copy=False), columns)


def _finish(table: pd.DataFrame) -> pd.DataFrame:
    """Bring the columns of the tie list to the same kinds for every engine."""
    for end in ("teacher", "learner"):
        if pd.api.types.is_integer_dtype(table[end].dtype):
            table[end] = table[end].astype("str")
    table["n_episodes"] = table["n_episodes"].astype(np.int64)
    for column in ("weight", "first", "last"):
        if column in table:
            table[column] = table[column].astype(np.float64)
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
