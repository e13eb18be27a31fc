"""From moments to periods: the one place that says which period an adoption falls in."""

from __future__ import annotations

import datetime as dt
import numbers
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, rows_text
from peernet.errors import DataError

__all__ = ["MOST_PERIODS", "Period", "Timeline", "check_lag", "is_moment", "timeline", "to_number"]

Period = Literal["day", "week", "month", "quarter", "year"] | float | None
MOST_PERIODS = 100_000
_SLASHED = re.compile(r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b")  # 03/04/2024: day or month first?
_WORDS: dict[str, pd.DateOffset] = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(weeks=1),
    "month": pd.DateOffset(months=1),
    "quarter": pd.DateOffset(months=3),
    "year": pd.DateOffset(years=1),
}
_EPOCH = pd.Timestamp("1970-01-01", tz="UTC")


def is_moment(value: object) -> bool:
    """Say whether a value is a date or time, not a number."""
    return isinstance(value, (str, dt.date, np.datetime64))


def to_utc(value: Any, name: str) -> pd.Timestamp:
    """Read one moment; without a zone it is UTC."""
    if isinstance(value, str) and _SLASHED.match(value):
        raise DataError(
            f"{name}: {value!r} may be read with the day or the month in front. Write it as '2024-03-25'."
        )
    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name}: {value!r} is not a time. Write it as '2024-03-01' or give a Timestamp."
        ) from error
    if pd.isna(moment):
        raise DataError(f"{name} is missing; the observed span is never guessed. Give its two ends.")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def to_number(value: Any, moments: bool, name: str) -> float:
    """Return one end of the span as a number: itself, or days since 1970 for a moment."""
    if moments:
        if not is_moment(value):
            raise DataError(
                f"{name}: adoption times are moments, so {name} is one too, such as '2024-01-01'; "
                f"got {value!r}."
            )
        return float((to_utc(value, name) - _EPOCH) / pd.Timedelta(days=1))
    if not _is_number(value):
        raise DataError(f"{name}: adoption times are numbers, so {name} is one too; got {value!r}.")
    return float(value)


def _is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    return real and bool(np.isfinite(float(value)))


@dataclass(frozen=True)
class Timeline:
    """Consecutive periods of an observed span.

    Attributes
    ----------
    labels : pandas.Index
        Name of each period: its number, or the moment at which it begins.
    edges : numpy.ndarray, shape (n + 1,)
        Bounds of the periods, in the unit of the adoption times (days since 1970 for moments).
    whole : bool
        Whether periods are whole numbers, both ends included.
    """

    labels: pd.Index[Any]
    edges: NDArray[np.float64]
    whole: bool

    @property
    def n(self) -> int:
        """Number of periods."""
        return len(self.labels)

    def codes(self, time: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the period of each time from 0; -1 = before the span, ``n`` = after it or never."""
        if self.whole:
            inside = np.isfinite(time) & (time >= self.edges[0]) & (time < self.edges[-1])
            broken = np.flatnonzero(inside & (time != np.floor(time)))
            if len(broken):
                raise DataError(
                    f"adoptions: {len(broken)} times are not whole periods "
                    f"({rows_text(broken, time[broken].tolist())}). "
                    "Pass period= (a length) to cut the span into periods."
                )
        safe = np.where(np.isnan(time), np.inf, time)
        found = np.searchsorted(self.edges, safe, side="right") - 1
        return np.minimum(found, self.n).astype(np.int64)


def timeline(moments: bool, start: Any, end: Any, period: Period = None) -> Timeline:
    """Cut the observed span into periods.

    Whole-number periods (``period`` None, times that are numbers) run from ``start`` to ``end``, both included; a
    length or a word cuts the half-open span [start, end).
    """
    low, high = to_number(start, moments, "start"), to_number(end, moments, "end")
    if moments:
        return _moments(to_utc(start, "start"), to_utc(end, "end"), period)
    if period is None:
        if low != np.floor(low) or high != np.floor(high):
            raise DataError(
                f"start and end are the first and last period, whole numbers; got {start!r} and {end!r}."
            )
        if high < low:
            raise DataError(f"end ({end!r}) lies before start ({start!r}).")
        _enough(high - low + 1)
        numbers_ = np.arange(int(low), int(high) + 1)
        return Timeline(pd.Index(numbers_, name="period"), np.arange(low, high + 2.0), True)
    length = _length(period)
    if high <= low:
        raise DataError(f"end ({end!r}) must lie after start ({start!r}).")
    count = int(np.ceil((high - low) / length - 1e-9))
    _enough(count)
    starts = low + length * np.arange(count)
    return Timeline(pd.Index(starts, name="period"), np.append(starts, high), False)


def _length(period: Any) -> float:
    """Check a period given as a length."""
    if _is_number(period) and period > 0:
        return float(period)
    if isinstance(period, str):
        raise ValueError(
            f"period: adoption times are numbers, so a period is a length above 0; got {period!r}."
        )
    raise ValueError(f"period must be a length above 0; got {period!r}.")


def _moments(start: pd.Timestamp, end: pd.Timestamp, period: Period) -> Timeline:
    """Cut [start, end) at calendar steps or every so many days."""
    if end <= start:
        raise DataError(f"end ({end}) must lie after start ({start}).")
    if period is None or isinstance(period, str):
        word = "month" if period is None else period
        literal("period", word, tuple(_WORDS))
        step: Any = _WORDS[word]
    else:
        step = pd.Timedelta(days=_length(period))
    _enough((end - start) / pd.Timedelta(days=1) / max((start + step - start) / pd.Timedelta(days=1), 1e-9))
    starts = [start]
    while (following := start + len(starts) * step) < end:
        starts.append(following)
    labels = pd.DatetimeIndex(starts, name="period")
    days = ((labels - _EPOCH) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)
    return Timeline(labels, np.append(days, (end - _EPOCH) / pd.Timedelta(days=1)), False)


def check_lag(lag: Any, periods: Timeline, *, before: bool = False, least: int | None = None) -> int:
    """Return the lag as a number of periods that the span holds.

    With ``before`` people who knew before the span stand one period before its first, so one more is possible.
    """
    if isinstance(lag, bool) or not isinstance(lag, (int, np.integer)):
        raise ValueError(f"lag must be a whole number of periods; got {lag!r}.")
    steps = int(lag)
    if least is not None and steps < least:
        raise ValueError(f"lag must be at least {least}; got {lag}.")
    most = periods.n - (not before)
    if abs(steps) > most:
        what = "one period" if periods.n == 1 else f"{periods.n} periods"
        raise DataError(
            f"lag={lag} reaches beyond the span, which holds {what}: nothing is known of anybody so far "
            f"{'back' if steps > 0 else 'ahead'}. "
            + (
                f"Take a lag of at most {most}, shorter periods, or a longer span."
                if most
                else "Take shorter periods or a longer span (lag=0 is contemporaneous)."
            )
        )
    return steps


def _enough(count: float) -> None:
    """Refuse spans cut so fine that nothing can be computed."""
    if count > MOST_PERIODS:
        raise DataError(f"the span holds {count:.0f} periods, more than {MOST_PERIODS}. Take longer periods.")
