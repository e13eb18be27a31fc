"""Adoption tables, checked and laid out by person row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import quoted, rows_text, suggest
from peernet._tables import as_ids
from peernet.diffusion._time import _EPOCH, _SLASHED
from peernet.errors import DataError

_NUMBER = re.compile(r"[+-]?\d{1,6}([.,]\d+)?")

__all__ = ["Adopted", "choose", "read_adoptions", "times_as_numbers"]


class Adopted(NamedTuple):
    """Who took up one item, and when, in the row order of the people.

    ``time`` is NaN for never; ``knew`` marks people who had it before they were watched; ``assigned`` marks
    adoptions that somebody else demanded; ``due`` is the deadline, NaN for none.
    """

    item: str
    time: NDArray[np.float64]
    knew: NDArray[np.bool_]
    assigned: NDArray[np.bool_]
    due: NDArray[np.float64]


def times_as_numbers(values: pd.Series[Any], name: str = "time") -> tuple[NDArray[np.float64], bool]:
    """Return times as numbers, and whether they were moments (then: days since 1970)."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        series = values.dt.tz_localize("UTC") if values.dt.tz is None else values.dt.tz_convert("UTC")
        days = (series - _EPOCH) / pd.Timedelta(days=1)
        return days.to_numpy(dtype=np.float64, na_value=np.nan), True
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        odd = np.flatnonzero(np.isinf(numbers))
        if len(odd):
            raise DataError(
                f"adoptions: {len(odd)} values of {name!r} are infinite ({rows_text(values.index[odd])}). "
                "Leave the time of somebody who never adopted missing."
            )
        return numbers, False
    if values.isna().all():
        return np.full(len(values), np.nan), False
    if len(values) and all(
        isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in values.dropna()
    ):
        return times_as_numbers(pd.to_numeric(values), name)
    if _numeric_text(values):
        raise DataError(
            f"adoptions: {name!r} holds numbers written as text ({quoted(values.dropna().unique(), 3)}). Turn them "
            "into numbers with pandas.to_numeric."
        )
    try:
        moments = parse_moments(values, name)
    except DataError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"adoptions: {name!r} holds what is neither a number nor a time ({quoted(values.dropna().unique(), 3)})."
        ) from error
    return times_as_numbers(moments, name)


def _numeric_text(values: pd.Series[Any]) -> bool:
    """Say whether every value is a number written as text (of at most six digits: 20240301 is a date)."""
    given = values.dropna()
    return bool(len(given)) and all(isinstance(v, str) and _NUMBER.fullmatch(v.strip()) for v in given)


def parse_moments(values: pd.Series[Any], name: str = "time") -> pd.Series[Any]:
    """Read text as UTC moments: ISO 8601 first, then whatever each cell looks like.

    Dates such as 03/04/2024 are read by the one order of day and month that fits them all; if both do, or none, they
    are refused.
    """
    try:
        return pd.to_datetime(values, utc=True, format="ISO8601")
    except ValueError:
        return pd.to_datetime(values, utc=True, format="mixed", dayfirst=_day_first(values, name))


def _day_first(values: pd.Series[Any], name: str) -> bool:
    """Say whether dates such as 25/03/2024 have the day in front; those that fit both orders are refused."""
    found = values.astype("str").str.extract(_SLASHED).dropna()
    if not len(found):
        return False
    first, second = found[0].astype(int), found[1].astype(int)
    if (first > 12).any() == (second > 12).any():
        rows = found.index[:3]
        how = "day and month cannot be told apart" if (first <= 12).all() else "both orders occur"
        raise DataError(
            f"adoptions: {len(found)} values of {name!r} are dates: {how} "
            f"({rows_text(rows, values.loc[rows].tolist())}). Write them as 2024-03-25, or read them with "
            "pandas.to_datetime(..., dayfirst=True or False)."
        )
    return bool((first > 12).any())


def _flags(frame: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return a True/False column, absent or missing = False."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    values = frame[name]
    wrong = ~(values.isna() | values.isin([True, False]))
    if wrong.any():
        rows = np.flatnonzero(wrong)
        raise DataError(
            f"adoptions: {name!r} is True or False; {rows_text(frame.index[rows], values.iloc[rows])}. "
            "diffusion.adoptions_from reads other words."
        )
    return values.astype("boolean").fillna(False).to_numpy(dtype=bool)


def _check_table(adoptions: Any, ids: pd.Index[Any]) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Return the table with text ids and the row of each person."""
    if not isinstance(adoptions, pd.DataFrame):
        raise DataError(
            f"adoptions must be a DataFrame with columns person, item, time; got {type(adoptions).__name__}. "
            "diffusion.adoptions_from makes one."
        )
    missing = [c for c in ("person", "time") if c not in adoptions.columns]
    if missing:
        columns = ", ".join(str(c) for c in adoptions.columns) or "none"
        raise DataError(f"adoptions has no column {quoted(missing)}. Columns: {columns}.")
    twice = adoptions.columns[adoptions.columns.duplicated()]
    if len(twice):
        raise DataError(
            f"adoptions: several columns are called {quoted(twice.unique())}. Rename all but one."
        )
    frame = adoptions.copy(deep=False)
    frame["person"] = as_ids(frame["person"], "adoptions (person)").to_numpy()
    rows = ids.get_indexer(pd.Index(frame["person"]))
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        names = frame["person"].iloc[lost]
        raise DataError(
            f"adoptions: {len(lost)} of {len(frame)} rows name a person who is not in people "
            f"({rows_text(frame.index[lost], names)}).{suggest(names.iloc[0], ids[:5000], 1)} "
            "Add them to people, or remove the rows."
        )
    return frame, rows


def read_adoptions(adoptions: Any, ids: pd.Index[Any], item: str | None = None) -> tuple[list[Adopted], bool]:
    """Check an adoption table and lay it out, one ``Adopted`` an item, in order of item name.

    Returns the items and whether times are moments.
    """
    frame, rows = _check_table(adoptions, ids)
    time, moments = times_as_numbers(frame["time"])
    due = np.full(len(frame), np.nan)
    if "due" in frame.columns:
        due, due_moments = times_as_numbers(frame["due"], "due")
        if np.isfinite(due).any() and np.isfinite(time).any() and due_moments != moments:
            raise DataError("adoptions: 'time' and 'due' are of different kinds (numbers and moments).")
    knew, assigned = _flags(frame, "already_knew"), _flags(frame, "assigned")
    items = _item_names(frame)
    names = _wanted(items, item)
    codes = pd.Index(names).get_indexer(pd.Index(items))
    double = pd.DataFrame({"item": codes, "row": rows}).duplicated(keep=False).to_numpy() & (codes >= 0)
    if double.any():
        where = np.flatnonzero(double)
        raise DataError(
            f"adoptions: {len(where)} rows repeat a person and item "
            f"({rows_text(frame.index[where], frame['person'].iloc[where])}). One row each: the first time counts; "
            "diffusion.adoptions_from folds repeats."
        )
    out = []
    n = len(ids)
    for k, name in enumerate(names):
        mine = codes == k
        layers = [_spread(n, rows[mine], values[mine], np.nan) for values in (time, due)]
        flags = [_spread(n, rows[mine], values[mine], False) for values in (knew, assigned)]
        out.append(Adopted(name, layers[0], flags[0], flags[1], layers[1]))
    return out, moments


def _item_names(frame: pd.DataFrame) -> NDArray[Any]:
    """Return the item of each row as text; one item where there is no such column."""
    if "item" not in frame.columns:
        return np.full(len(frame), "item", dtype=object)
    lost = np.flatnonzero(frame["item"].isna())
    if len(lost):
        where = rows_text(frame.index[lost])
        raise DataError(f"adoptions: {len(lost)} rows have no item ({where}). Name or remove them.")
    return np.array([str(v) for v in frame["item"]], dtype=object)


def _wanted(items: Iterable[str], item: str | None) -> list[str]:
    """Return the items to use: the one asked for, or all of them in order."""
    known = sorted(set(items))
    if item is None:
        _one_name_each(known)
        return known
    if str(item) not in known:
        raise DataError(f"adoptions has no item {item!r}.{suggest(item, known)} Items: {quoted(known, 8)}.")
    return [str(item)]


def _one_name_each(names: list[str]) -> None:
    """Refuse items whose names differ only in capitals or spaces: most likely one item written in two ways."""
    seen: dict[str, str] = {}
    for name in names:
        plain = " ".join(name.split()).casefold()
        if plain in seen:
            raise DataError(
                f"adoptions: the items {seen[plain]!r} and {name!r} differ only in capitals or spaces. If they are "
                "one, give it one name (diffusion.adoptions_from(..., equivalents=...)); if not, rename one."
            )
        seen[plain] = name


def _spread(n: int, rows: NDArray[np.intp], values: NDArray[Any], empty: Any) -> NDArray[Any]:
    """Lay values out over the people."""
    out = np.full(n, empty, dtype=values.dtype)
    out[rows] = values
    return out


def choose(items: list[Adopted], what: str) -> Adopted:
    """Return the only item, or say that one has to be named."""
    if len(items) == 1:
        return items[0]
    if not items:
        raise DataError(f"{what}: adoptions has no rows, so there is no item to look at.")
    raise DataError(
        f"{what}: adoptions holds {len(items)} items ({quoted([a.item for a in items])}). Say which with item=."
    )
