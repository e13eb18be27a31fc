"""Argument and table checks: the only place that phrases data errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from peernet.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["column", "count", "literal", "number", "quoted", "rows_text", "some", "suggest"]


def quoted(values: Iterable[object], limit: int = 5) -> str:
    """Write values as ``'a', 'b', ... (12 in all)`` for an error message."""
    items = list(values)
    text = ", ".join(repr(v) for v in items[:limit])
    return text if len(items) <= limit else f"{text}, ... ({len(items)} in all)"


def some(values: Iterable[object], limit: int = 5) -> str:
    """Write numbers as ``3, 17, 40, ... (12 in all)`` for an error message."""
    items = list(values)
    text = ", ".join(str(v) for v in items[:limit])
    return text if len(items) <= limit else f"{text}, ... ({len(items)} in all)"


def rows_text(rows: Iterable[object], values: Iterable[object] | None = None, limit: int = 3) -> str:
    """Write row labels, with the offending values, as ``rows 17, 40: 'p091', 'p102'``."""
    labels = list(rows)
    word = "row" if len(labels) == 1 else "rows"
    where = ", ".join(str(r) for r in labels[:limit]) + (", ..." if len(labels) > limit else "")
    if values is None:
        return f"{word} {where}"
    shown = ", ".join(repr(getattr(v, "item", lambda v=v: v)()) for v in list(values)[:limit]) + (
        ", ..." if len(labels) > limit else ""
    )
    return f"{word} {where}: {shown}"


def suggest(word: object, known: Iterable[object], limit: int = 3) -> str:
    """Offer the nearest known words as ``Did you mean 'unit'?``, or nothing."""
    near = difflib.get_close_matches(str(word), [str(k) for k in known], n=limit, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def literal(name: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a word option that is not one of those allowed.

    Raises
    ------
    ValueError
        Naming the option, the value and the allowed words.
    """
    if value not in allowed:
        words = ", ".join(repr(a) for a in allowed)
        raise ValueError(f"{name} must be one of {words}; got {value!r}.{suggest(value, allowed)}")


def column(frame: pd.DataFrame, name: str, table: str = "people") -> pd.Series[Any]:
    """Return a column, or say which columns there are.

    Raises
    ------
    DataError
        If the column is missing.
    """
    if name in frame.columns:
        found = frame[name]
        if getattr(found, "ndim", 1) != 1:
            raise DataError(f"{table}: {found.shape[1]} columns are called {name!r}. Rename all but one.")
        return found
    columns = ", ".join(str(c) for c in frame.columns) or "none"
    raise DataError(f"{table} has no column {name!r}.{suggest(name, frame.columns)} Columns: {columns}.")


def count(name: str, value: object, minimum: int = 1) -> int:
    """Return a whole number of at least ``minimum``, or raise ``ValueError``."""
    import numbers

    given = None if isinstance(value, bool) else value
    whole = int(given) if isinstance(given, numbers.Integral) else minimum - 1
    if whole < minimum:
        raise ValueError(f"{name} must be a whole number of at least {minimum}; got {value!r}.")
    return whole


def number(
    name: str,
    value: object,
    low: float = float("-inf"),
    high: float = float("inf"),
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return a finite number within bounds, or raise ``ValueError``."""
    import math
    import numbers

    left, right = ("(" if open_low else "["), (")" if open_high else "]")
    given = None if isinstance(value, bool) else value
    x = float(given) if isinstance(given, numbers.Real) else math.nan
    ok = math.isfinite(x) and (x > low if open_low else x >= low) and (x < high if open_high else x <= high)
    if not ok:
        raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}; got {value!r}.")
    return x
