"""Where adoptions come from: completed courses, skill ratings, first use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, quoted, rows_text
from peernet._tables import as_ids
from peernet.diffusion._adopted import parse_moments, times_as_numbers
from peernet.diffusion._time import is_moment, to_number
from peernet.errors import DataError

__all__ = ["adoptions_from"]

Kind = Literal["completions", "ratings", "events"] | None
Undated = Literal["error", "drop"]
COLUMNS = ["person", "item", "time", "assigned", "due", "already_knew", "n_times", "source"]
_DONE = {
    "completed",
    "complete",
    "passed",
    "pass",
    "finished",
    "done",
    "attended",
    "certified",
    "true",
    "1",
    "yes",
}
_KNEW = {
    "already known", "already_known", "already knew", "already_knew", "knew", "known", "exempt", "exempted", "waived",
    "prior learning", "prior_learning", "tested out", "equivalent", "credited",
}  # fmt: skip
_OPEN = {
    "", "in progress", "in_progress", "started", "not started", "not_started", "enrolled", "registered", "assigned",
    "overdue", "failed", "fail", "incomplete", "withdrawn", "cancelled", "canceled", "no show", "no_show", "false", "0",
    "no", "expired", "open", "pending", "not completed", "not_completed", "dropped",
}  # fmt: skip
_SELF = {
    "self", "self-chosen", "self_chosen", "self-enrolled", "self_enrolled", "voluntary", "optional", "no", "false", "0",
    "", "none",
}  # fmt: skip
_TOLD = {"assigned", "mandatory", "required", "yes", "true", "1", "compulsory", "manager", "compliance"}


def adoptions_from(
    data: Any,
    *,
    kind: Kind = None,
    start: Any = None,
    question: str | None = None,
    at_least: float | None = None,
    done: Iterable[str] | None = None,
    knew: Iterable[str] | None = None,
    equivalents: Mapping[str, str] | None = None,
    undated: Undated = "error",
) -> pd.DataFrame:
    """Who took up what, and when for the first time, from the records an organisation keeps.

    The adoption is the first completion, the first rating of at least ``at_least``, or the first use; repeats
    (yearly refreshers) are counted and folded. Adoptions that were assigned are marked, because **a deadline
    imitates contagion**: colleagues who finish in the same week may have learned nothing from each other. People who
    already knew are kept apart: they can teach, but nobody saw them learn.

    Parameters
    ----------
    data : Records or pandas.DataFrame
        ``Records`` with ``adoptions``, ``completions``, skill ratings among ``answers``, or ``events``; or one such
        table. Completions: ``person, item, time`` and, where known, ``status``, ``assigned`` (True/False, a word, or
        who assigned it), ``due``. Ratings: ``person, item, value`` with ``time`` or a numeric ``wave``. Events:
        ``person`` (or ``learner``), ``item`` (or ``topic``), ``time``.
    kind : {"completions", "ratings", "events"}, optional
        What the table holds; by default told from its columns.
    start : time or number, optional
        Begin of observation: whoever had it before then already knew.
    question : str, optional
        Of answers, the ``question`` that holds the ratings.
    at_least : float, optional
        Rating from which on somebody counts as able. Required for ratings.
    done, knew : list of str, optional
        Further words of ``status`` that mean completed, and known beforehand.
    equivalents : mapping, optional
        From an item to the item it counts as: ``{"SQL 101 (classroom)": "SQL 101"}``.
    undated : {"error", "drop"}
        What to do with completions that carry no time.

    Returns
    -------
    pandas.DataFrame
        One row a person and item: ``person, item, time`` (missing = listed but never seen to adopt), ``assigned``
        (False = self-chosen; missing where the source does not say), ``due``, ``already_knew``, ``n_times``
        (repeats counted), ``source``. ``attrs["counts"]`` says how many rows went where.

    Raises
    ------
    DataError
        For missing columns, statuses that are not known, completions without a time.

    Examples
    --------
    >>> done = pd.DataFrame({"person": ["ana", "ana"], "item": ["sql", "sql"], "time": [5, 2]})
    >>> adoptions_from(done)[["person", "item", "time", "n_times"]].values.tolist()
    [['ana', 'sql', 2, 2]]
    """
    literal("kind", kind, (None, "completions", "ratings", "events"))
    literal("undated", undated, ("error", "drop"))
    frame, kind = _pick(data, kind, question)
    if kind == "completions":
        table = _completions(frame, _words(done, _DONE), _words(knew, _KNEW), undated)
    elif kind == "ratings":
        table = _ratings(frame, at_least)
    else:
        table = _events(frame)
    if equivalents is not None:
        table["item"] = _one_name(table["item"], equivalents)
    out = _fold(table, start)
    out["source"] = kind
    counts = out.attrs["counts"]
    counts["rows"] = len(frame)
    counts.update(table.attrs.get("counts", {}))
    return out


def _one_name(items: pd.Series[Any], equivalents: Mapping[str, str]) -> pd.Series[Any]:
    """Give items that count as the same one name, following chains of them."""
    if not isinstance(equivalents, Mapping):
        raise DataError(
            f"equivalents is a dict from a name to the name that it counts as; got {type(equivalents).__name__}."
        )
    step = {str(k): str(v) for k, v in equivalents.items()}
    absent = sorted(set(step) - set(items) - set(step.values()))
    if absent:
        raise DataError(
            f"equivalents: no item {quoted(absent)} in the records. Items: {quoted(sorted(set(items)), 8)}."
        )
    last = {}
    for name in step:
        end, passed = name, {name}
        while end in step and step[end] != end:
            end = step[end]
            if end in passed:
                raise DataError(
                    f"equivalents: {quoted(sorted(passed))} name each other in a circle. Choose one name."
                )
            passed.add(end)
        last[name] = end
    return items.replace(last)


def _words(more: Iterable[str] | None, known: set[str]) -> set[str]:
    """Add an analyst's words to the known ones."""
    return known | {str(w).strip().casefold() for w in (more or ())}


def _table(data: Any, name: str) -> pd.DataFrame | None:
    """Return a table of the records if it has rows."""
    value = getattr(data, name, None)
    return value if isinstance(value, pd.DataFrame) and len(value) else None


def _pick(data: Any, kind: Kind, question: str | None) -> tuple[pd.DataFrame, Any]:
    """Find the table to read and what it holds."""
    if isinstance(data, pd.DataFrame):
        frame = data
        if kind is None:
            columns = set(frame.columns)
            kind = (
                "ratings"
                if "value" in columns
                else "events"
                if columns & {"learner", "topic"}
                else "completions"
            )
    else:
        frame, kind = _of_records(data, kind, question)
    if kind == "ratings" and question is not None:
        _need(frame, ["question"], "answers")
        asked = frame["question"].astype("str")
        if question not in set(asked):
            raise DataError(f"answers: no question {question!r}. Questions: {quoted(sorted(set(asked)), 8)}.")
        frame = frame[asked == question]
    return frame, kind


def _of_records(data: Any, kind: Kind, question: str | None) -> tuple[pd.DataFrame, Kind]:
    """Find the table among records."""
    if not any(hasattr(data, name) for name in ("completions", "adoptions", "answers", "events")):
        raise DataError(f"adoptions_from reads Records or a DataFrame; got {type(data).__name__}.")
    if kind is None:
        stated = _table(data, "adoptions")
        if question is None and stated is not None:
            return stated, "completions"
        kind = "ratings" if question is not None else "completions"
    name = {"completions": "completions", "ratings": "answers", "events": "events"}[kind]
    frame = _table(data, name)
    if frame is None and isinstance(getattr(data, "extra", None), Mapping):
        found = data.extra.get(name)
        frame = found if isinstance(found, pd.DataFrame) else None
    if frame is None:
        raise DataError(
            f"the records hold no {name}, so no adoptions can be made of them. Read a source with them."
        )
    return frame, kind


def _need(frame: pd.DataFrame, columns: list[str], table: str) -> None:
    """Refuse tables without the columns."""
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        have = ", ".join(str(c) for c in frame.columns) or "none"
        raise DataError(f"{table} has no column {quoted(missing)}. Columns: {have}.")


def _base(frame: pd.DataFrame, item: str, person: str, table: str) -> pd.DataFrame:
    """Start the common table: who, what."""
    lost = np.flatnonzero(frame[item].isna())
    if len(lost):
        where = rows_text(frame.index[lost])
        raise DataError(f"{table}: {len(lost)} rows have no {item} ({where}). Name or remove them.")
    out = pd.DataFrame({"person": as_ids(frame[person], f"{table} ({person})").to_numpy()})
    out["item"] = frame[item].astype("str").to_numpy()
    return out


def _completions(frame: pd.DataFrame, done: set[str], knew: set[str], undated: Undated) -> pd.DataFrame:
    """Read completions: status, assignment, due date."""
    _need(frame, ["person", "item", "time"], "completions")
    out = _base(frame, "item", "person", "completions")
    time = _times(frame["time"])
    state = _status(frame, done, knew, time)
    gone = (state == "done") & time.isna().to_numpy()
    if "status" not in frame.columns:
        gone[:] = False
    if gone.any() and undated == "error":
        rows = np.flatnonzero(gone)
        raise DataError(
            f"completions: {len(rows)} rows are completed without a time "
            f"({rows_text(frame.index[rows], out['person'].iloc[rows])}). "
            'Add the time, or pass undated="drop".'
        )
    out["time"] = time.where(pd.Series(state != "open", index=time.index)).to_numpy()
    out["assigned"] = _assigned(frame)
    out["due"] = _times(frame["due"]).to_numpy() if "due" in frame.columns else np.full(len(frame), np.nan)
    if not _same_kind(out):
        raise DataError("completions: 'time' and 'due' are of different kinds (numbers and moments).")
    out["already_knew"] = state == "knew"
    kept: pd.DataFrame = out[~gone].reset_index(drop=True)
    kept.attrs["counts"] = {"undated_dropped": int(gone.sum())}
    return kept


def _same_kind(out: pd.DataFrame) -> bool:
    """Say whether time and due are both numbers or both moments, where both are there."""
    kinds = {
        pd.api.types.is_datetime64_any_dtype(out[c].dtype) for c in ("time", "due") if out[c].notna().any()
    }
    return len(kinds) < 2


def _times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return times as numbers or UTC moments."""
    numbers, moments = times_as_numbers(values, str(values.name))
    if not moments:
        return pd.Series(numbers, index=values.index) if values.dtype == object else values
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        zoned: pd.Series[Any] = (
            values.dt.tz_localize("UTC") if values.dt.tz is None else values.dt.tz_convert("UTC")
        )
        return zoned
    return parse_moments(values)


def _status(frame: pd.DataFrame, done: set[str], knew: set[str], time: pd.Series[Any]) -> NDArray[Any]:
    """Return done, knew or open for each row."""
    name = next((c for c in ("already_knew", "already_known") if c in frame.columns), None)
    if name is not None:
        flag = frame[name].astype("boolean").fillna(False).to_numpy(dtype=bool)
    else:
        flag = np.zeros(len(frame), dtype=bool)
    if "status" not in frame.columns:
        return np.where(flag, "knew", np.where(time.isna(), "open", "done"))
    words = (
        frame["status"]
        .astype("object")
        .where(frame["status"].notna(), "")
        .astype("str")
        .str.strip()
        .str.casefold()
    )
    strange = ~words.isin(done | knew | _OPEN)
    if strange.any():
        rows = np.flatnonzero(strange)
        raise DataError(
            f"completions: {len(rows)} rows have a status that is not known "
            f"({rows_text(frame.index[rows], frame['status'].iloc[rows])}). "
            "Name it in done= or knew=, or remove the rows."
        )
    blank = (words == "").to_numpy() & time.notna().to_numpy()
    state = np.where(words.isin(knew), "knew", np.where(words.isin(done) | blank, "done", "open"))
    return np.where(flag, "knew", state)


def _assigned(frame: pd.DataFrame) -> pd.Series[Any]:
    """Say of each row whether it was assigned; missing where nothing tells."""
    name = next((c for c in ("assigned", "assigned_by") if c in frame.columns), None)
    if name is None:
        due = frame["due"].notna() if "due" in frame.columns else None
        empty = pd.Series(pd.NA, index=range(len(frame)), dtype="boolean")
        return empty if due is None else empty.mask(due.to_numpy(), True)
    values = frame[name].reset_index(drop=True)
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("boolean")
    if (
        name == "assigned"
        and pd.api.types.is_numeric_dtype(values.dtype)
        and values.dropna().isin([0, 1]).all()
    ):
        return values.astype("Float64").astype("boolean")
    words = values.astype("object").where(values.notna(), None)
    out: list[Any] = []
    for word in words:
        text = "" if word is None else str(word).strip().casefold()
        if name == "assigned_by":
            out.append(text not in _SELF)
        elif word is None:
            out.append(pd.NA)
        elif text in _TOLD or text in _SELF:
            out.append(text in _TOLD)
        else:
            raise DataError(f"completions: 'assigned' is True, False or a word for it; got {word!r}.")
    return pd.Series(out, dtype="boolean")


def _ratings(frame: pd.DataFrame, at_least: float | None) -> pd.DataFrame:
    """Read skill ratings: the first one at the threshold, known beforehand if it is the first of all."""
    if at_least is None:
        raise ValueError("at_least is required for ratings: from which value on does somebody count as able?")
    when = "time" if "time" in frame.columns and frame["time"].notna().any() else "wave"
    _need(frame, ["person", "item", "value", when], "answers")
    out = _base(frame, "item", "person", "answers")
    value = pd.to_numeric(frame["value"], errors="coerce")
    bad = np.flatnonzero(value.isna() & frame["value"].notna())
    if len(bad):
        where = rows_text(frame.index[bad], frame["value"].iloc[bad])
        raise DataError(f"answers: {len(bad)} ratings are not numbers ({where}). Give numbers.")
    time = _times(frame[when])
    lost = np.flatnonzero(time.isna() & value.notna())
    if len(lost):
        where_ = rows_text(frame.index[lost])
        raise DataError(f"answers: {len(lost)} ratings have no {when} ({where_}). Add it or remove them.")
    able = (value >= at_least).to_numpy()
    first = (
        time.where(value.notna()).groupby([out["person"].to_numpy(), out["item"].to_numpy()]).transform("min")
    )
    out["time"] = time.where(pd.Series(able, index=time.index)).to_numpy()
    out["assigned"] = pd.Series(pd.NA, index=out.index, dtype="boolean")
    out["due"] = np.nan
    out["already_knew"] = able & (time == first).to_numpy(dtype=bool)
    return out


def _events(frame: pd.DataFrame) -> pd.DataFrame:
    """Read first use."""
    person = "person" if "person" in frame.columns else "learner"
    item = "item" if "item" in frame.columns else "topic"
    _need(frame, [person, item, "time"], "events")
    named = frame[frame[item].notna() & frame[person].notna()]
    out = _base(named, item, person, "events")
    out["time"] = _times(named["time"]).to_numpy()
    out["assigned"] = pd.Series(pd.NA, index=out.index, dtype="boolean")
    out["due"] = np.nan
    out["already_knew"] = False
    out.attrs["counts"] = {"without_item_dropped": len(frame) - len(named)}
    return out


def _fold(table: pd.DataFrame, start: Any) -> pd.DataFrame:
    """Keep the first adoption of each person and item."""
    order = table.sort_values(["person", "item", "time"], kind="stable", na_position="last")
    keys = [order["person"], order["item"]]
    out = order.drop_duplicates(["person", "item"]).reset_index(drop=True)
    times = order["time"].notna().groupby(keys).sum().to_numpy()
    out["n_times"] = np.maximum(times, 0)
    out["already_knew"] = order["already_knew"].groupby(keys).any().to_numpy()
    due = order.groupby(["person", "item"], sort=True)["due"].first()
    out["due"] = due.to_numpy() if not isinstance(due.dtype, pd.DatetimeTZDtype) else due.array
    told = order.groupby(["person", "item"], sort=True)["assigned"].first()
    out["assigned"] = told.array
    if start is not None and out["time"].notna().any():
        number, moments = times_as_numbers(out["time"])
        if moments != is_moment(start):
            kind = "moments" if moments else "numbers"
            raise DataError(f"start: adoption times are {kind}; got {start!r}.")
        out["already_knew"] |= number < to_number(start, moments, "start")
    seen = out["time"].notna() & ~out["already_knew"]
    out.attrs["counts"] = {
        "adoptions": int(seen.sum()),
        "assigned": int((seen & out["assigned"].fillna(False)).sum()),
        "self_chosen": int((seen & ~out["assigned"].fillna(True)).sum()),
        "already_knew": int(out["already_knew"].sum()),
        "never": int((out["time"].isna() & ~out["already_knew"]).sum()),
        "repeats_folded": int(np.maximum(out["n_times"] - 1, 0).sum()),
    }
    return out[[c for c in COLUMNS if c in out.columns]]
