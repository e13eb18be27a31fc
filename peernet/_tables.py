"""Validation of the two tables behind a network: people and ties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, quoted, rows_text, suggest
from peernet.errors import DataError

__all__ = ["STATUSES", "CleanTies", "Unknown", "as_ids", "clean_observed", "clean_people", "clean_ties"]

Unknown = Literal["error", "drop", "add"]
Policy = Literal["error", "drop"]
STATUSES = ("answered", "silent", "not_asked", "objected")
_MISNAMED = {"source", "target", "from", "to", "ego", "alter", "src", "dst", "sender", "receiver", "i", "j"}


class CleanTies(NamedTuple):
    """Validated tie rows with their integer ends and the count of every opt-out used."""

    frame: pd.DataFrame
    teacher: NDArray[np.int32]
    learner: NDArray[np.int32]
    people: pd.DataFrame
    dropped: dict[str, int]


def as_ids(values: Any, where: str, *, allow_missing: bool = False) -> pd.Index[Any]:
    """Return person ids as text, refusing what would change on the way.

    Whole numbers become their digits. Decimals are refused: they are ids that a spreadsheet has damaged
    (``007`` read as 7.0).

    Raises
    ------
    DataError
        For missing or decimal ids, with their rows.
    """
    series = pd.Series(values).reset_index(drop=True)
    missing = series.isna().to_numpy()
    if missing.any() and not allow_missing:
        rows = np.flatnonzero(missing)
        raise DataError(
            f"{where}: {missing.sum()} of {len(series)} ids are missing ({rows_text(rows)}). "
            "Give every person an id; read ids as text (dtype=str, keep_default_na=False) if 'NA' or 'None' is one."
        )
    if pd.api.types.is_bool_dtype(series.dtype):
        raise DataError(f"{where}: ids are True/False. Give the column of person ids.")
    if pd.api.types.is_float_dtype(series.dtype) and not missing.all():
        rows = np.flatnonzero(~missing)
        raise DataError(
            f"{where}: ids are decimals ({rows_text(rows, series[rows])}), so leading zeros and missing cells are "
            "already lost. Read the ids as text, for example pd.read_csv(..., dtype={'person': str})."
        )
    if pd.api.types.is_string_dtype(series.dtype) and series.dtype != object:
        _refuse_blank(series, where)
        return pd.Index(series)
    if pd.api.types.is_integer_dtype(series.dtype):
        return pd.Index(series.astype("str"))
    return pd.Index(_object_ids(series, missing, where), dtype="str")


def _refuse_blank(series: pd.Series[Any], where: str) -> None:
    """Refuse ids that are empty or only blanks."""
    blank = np.flatnonzero((series.str.strip() == "").fillna(False).to_numpy(dtype=bool))
    if len(blank):
        raise DataError(f"{where}: {len(blank)} ids are empty ({rows_text(blank)}). Give every person an id.")


def _object_ids(series: pd.Series[Any], missing: NDArray[np.bool_], where: str) -> list[str | None]:
    """Turn a mixed column into text, whole numbers as digits."""
    out: list[str | None] = []
    bad: list[int] = []
    for row, value in enumerate(series):
        if missing[row]:
            out.append(None)
        elif isinstance(value, str):
            out.append(value)
        elif isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            out.append(str(value))
        else:
            bad.append(row)
    if bad:
        raise DataError(
            f"{where}: {len(bad)} ids are neither text nor whole numbers ({rows_text(bad, series[bad])}). "
            "Turn them into text first."
        )
    return out


def clean_people(people: Any) -> pd.DataFrame:
    """Return the people table, index = unique text ids named ``person``.

    Raises
    ------
    DataError
        For duplicate, missing or decimal ids, or columns that share a name.
    """
    if isinstance(people, pd.DataFrame):
        frame = people.copy(deep=False)
        if "person" in frame.columns:
            frame = frame.set_index("person")
    elif isinstance(people, (pd.Index, pd.Series, list, tuple, np.ndarray)):
        frame = pd.DataFrame(index=pd.Index(people))
    else:
        raise DataError(
            f"people must be a DataFrame indexed by person id (or with a column 'person'), or a list of ids; "
            f"got {type(people).__name__}."
        )
    if isinstance(frame.index, pd.MultiIndex):
        raise DataError(
            "people: the index has several levels. Make one id of them, for example city + '-' + id."
        )
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise DataError(f"people: several columns are called {quoted(twice.unique())}. Rename all but one.")
    frame.index = as_ids(frame.index, "people").rename("person")
    double = frame.index.duplicated(keep=False)
    if double.any():
        rows = np.flatnonzero(double)
        names = frame.index[double].unique()
        raise DataError(
            f"people: {len(names)} ids stand more than once ({rows_text(rows, frame.index[rows])}). "
            "Keep one row per person (movers belong in a table of spells), or make the ids distinct."
        )
    return frame


def _need_columns(ties: pd.DataFrame) -> None:
    """Refuse tie tables without named directions."""
    missing = [c for c in ("teacher", "learner") if c not in ties.columns]
    if not missing:
        return
    other = [str(c) for c in ties.columns if str(c).lower() in _MISNAMED]
    hint = (
        f" The columns {quoted(other)} do not say who teaches: rename them to teacher and learner, or use "
        "PeerNetwork.from_nominations(..., respondent_is='learner' or 'teacher')."
        if other
        else " Name the two ends of a tie teacher and learner."
    )
    columns = ", ".join(str(c) for c in ties.columns) or "none"
    raise DataError(f"ties has no column {quoted(missing)}. Columns: {columns}.{hint}")


def _weights(frame: pd.DataFrame, policy: str) -> NDArray[np.bool_]:
    """Mark rows whose weight is missing, infinite, zero or negative."""
    weight = frame["weight"]
    if not pd.api.types.is_numeric_dtype(weight.dtype) or pd.api.types.is_bool_dtype(weight.dtype):
        parsed = pd.to_numeric(weight, errors="coerce")
        bad = np.flatnonzero(parsed.isna().to_numpy())
        if len(bad):
            raise DataError(
                f"ties: {len(bad)} weights are not numbers ({rows_text(frame.index[bad], weight.iloc[bad])}). "
                "Give numbers above 0."
            )
        frame["weight"] = parsed
    values = frame["weight"].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong: NDArray[np.bool_] = ~(np.isfinite(values) & (values > 0))
    if wrong.any() and policy == "error":
        rows = np.flatnonzero(wrong)
        shown = [float(v) for v in values[rows[:3]]]
        raise DataError(
            f"ties: {wrong.sum()} of {len(frame)} weights are missing, infinite, zero or negative "
            f"({rows_text(frame.index[rows], shown)}). A tie has a weight above 0; leave absent ties out, or pass "
            'bad_weights="drop".'
        )
    return wrong


def clean_ties(
    people: pd.DataFrame, ties: Any, *, unknown: Unknown, self_ties: Policy, bad_weights: Policy
) -> CleanTies:
    """Check tie rows against the people and apply the opt-outs, counting each.

    Raises
    ------
    DataError
        For missing columns, unknown people, self-ties and bad weights, with rows and ids.
    """
    literal("unknown", unknown, ("error", "drop", "add"))
    literal("self_ties", self_ties, ("error", "drop"))
    literal("bad_weights", bad_weights, ("error", "drop"))
    if not isinstance(ties, pd.DataFrame):
        raise DataError(
            f"ties must be a DataFrame with columns teacher and learner; got {type(ties).__name__}."
        )
    _need_columns(ties)
    frame = ties.copy(deep=False)
    labels = frame.index
    frame["teacher"] = as_ids(frame["teacher"], "ties (teacher)").to_numpy()
    frame["learner"] = as_ids(frame["learner"], "ties (learner)").to_numpy()
    if "weight" not in frame.columns:
        frame["weight"] = 1.0
    dropped = {"unknown": 0, "self_ties": 0, "bad_weights": 0}
    wrong = _weights(frame, bad_weights)
    dropped["bad_weights"] = int(wrong.sum())
    own = (frame["teacher"] == frame["learner"]).to_numpy(dtype=bool)
    if own.any() and self_ties == "error":
        rows = np.flatnonzero(own)
        raise DataError(
            f"ties: {own.sum()} of {len(frame)} rows are self-ties, a person teaching themselves "
            f'({rows_text(labels[rows], frame["teacher"].iloc[rows])}). Remove them, or pass self_ties="drop".'
        )
    dropped["self_ties"] = int((own & ~wrong).sum())
    people, lost = _resolve(people, frame, unknown)
    dropped["unknown"] = int((lost & ~own & ~wrong).sum()) if unknown == "drop" else 0
    keep = ~(wrong | own | lost)
    if not keep.all():
        frame = frame[keep]
    frame = frame.reset_index(drop=True)
    first = ["teacher", "learner", "weight"]
    frame = frame[first + [c for c in frame.columns if c not in first]]
    frame["weight"] = frame["weight"].astype(np.float64)
    teacher = people.index.get_indexer(pd.Index(frame["teacher"])).astype(np.int32)
    learner = people.index.get_indexer(pd.Index(frame["learner"])).astype(np.int32)
    return CleanTies(frame, teacher, learner, people, dropped)


def _resolve(
    people: pd.DataFrame, frame: pd.DataFrame, unknown: Unknown
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Find tie rows that name nobody in people; refuse, drop or add them."""
    lost = np.zeros(len(frame), dtype=bool)
    for end in ("teacher", "learner"):
        absent = people.index.get_indexer(pd.Index(frame[end])) < 0
        if not absent.any():
            continue
        if unknown == "error":
            rows = np.flatnonzero(absent)
            names = frame[end].iloc[rows]
            raise DataError(
                f"ties: {absent.sum()} of {len(frame)} rows name a {end} who is not in people "
                f"({rows_text(frame.index[rows], names)}).{_zeros(names, people.index)} "
                'Add them to people, or pass unknown="drop" (or unknown="add").'
            )
        if unknown == "add":
            new = pd.Index(frame[end][absent].unique(), name="person")
            people = people.reindex(people.index.append(new).rename("person"))
        else:
            lost |= absent
    return people, lost


def _zeros(names: Iterable[str], index: pd.Index[Any]) -> str:
    """Say so when the unknown ids would be known but for leading zeros or case."""
    first = next(iter(names))
    bare = {str(i).lstrip("0").casefold().strip(): i for i in index}
    match = bare.get(first.lstrip("0").casefold().strip())
    if match is not None:
        return f" {first!r} looks like {match!r}: were leading zeros, blanks or capitals lost on the way?"
    return suggest(first, index[:5000], limit=1)


def clean_observed(observed: Any, people: pd.DataFrame) -> pd.Series[Any]:
    """Return the answer status of every person.

    Raises
    ------
    DataError
        For a status that is not known or ids that are not in people.
    """
    if observed is None:
        return pd.Series("answered", index=people.index, name="observed", dtype="str")
    if isinstance(observed, str):
        observed = pd.Series(observed, index=people.index)
    if isinstance(observed, pd.DataFrame):
        observed = observed["status"] if "status" in observed.columns else observed.iloc[:, 0]
    if isinstance(observed, Mapping):
        observed = pd.Series(dict(observed), dtype="object")
    if not isinstance(observed, pd.Series):
        raise DataError(
            "observed must be a Series or dict from person id to a status, such as {'p1': 'silent'}."
        )
    series = observed.copy()
    series.index = as_ids(series.index, "observed")
    stranger = series.index.difference(people.index)
    if len(stranger):
        raise DataError(
            f"observed: {len(stranger)} ids are not in people ({quoted(stranger)}). Add or remove them."
        )
    series = series.reindex(people.index)
    if series.isna().any():
        lost = series.index[series.isna()]
        raise DataError(
            f"observed: no status for {len(lost)} people ({quoted(lost)}). Give one of {STATUSES}."
        )
    wrong = ~series.isin(STATUSES)
    if wrong.any():
        raise DataError(
            f"observed: {wrong.sum()} statuses are not known ({quoted(series[wrong].unique())}). "
            f"Allowed: {', '.join(STATUSES)}."
        )
    return series.astype("str").rename("observed")
