"""Teaching episodes with their times, read from the ties of a network or from a table of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column, rows_text
from peernet._portable import to_days
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["Episodes", "bound", "days_of", "ends_of", "episodes"]


class Episodes(NamedTuple):
    """Who taught whom, and when.

    Attributes
    ----------
    teacher, learner : numpy.ndarray of int
        Rows of ``net.people``.
    day : numpy.ndarray of float
        Days since 1970 for moments, else the numbers as they are.
    frame : pandas.DataFrame
        The rows kept.
    moments : bool
        Whether times are moments.
    left_out : dict
        Rows left out, by reason.
    """

    teacher: NDArray[np.intp]
    learner: NDArray[np.intp]
    day: NDArray[np.float64]
    frame: pd.DataFrame
    moments: bool
    left_out: dict[str, int]


def ends_of(net: PeerNetwork, frame: pd.DataFrame, table: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of teacher and learner; -1 = not in people."""
    teacher, learner = (
        net.ids.get_indexer(pd.Index(column(frame, end, table).astype("str")))
        for end in ("teacher", "learner")
    )
    return teacher, learner


def days_of(values: pd.Series[Any], name: str) -> tuple[NDArray[np.float64], bool]:
    """Return times as days (NaN = missing) and whether they were moments.

    Raises
    ------
    DataError
        For times that are text.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        stamps = pd.to_datetime(values, utc=True)
        days = (stamps - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return np.asarray(days, dtype=np.float64), True
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan)), False
    if values.isna().all():
        return np.full(len(values), np.nan), True
    wrong = values[values.notna()]
    raise DataError(
        f"{name}: {rows_text(wrong.index[:3], wrong.iloc[:3])} are no times. Convert the column with "
        "pd.to_datetime(..., utc=True), or give numbers."
    )


def bound(value: Any, name: str, moments: bool) -> float:
    """Return one end of the observed span in the unit of the times.

    Raises
    ------
    DataError
        When it is missing or of another kind than the times.
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if value is None or (not is_number and pd.isna(value)) or (is_number and not np.isfinite(value)):
        raise DataError(f"{name} is missing; the observed span is never guessed. Give its two ends.")
    if is_number == moments:
        kind = "moments, so give a moment such as '2025-02-01'" if moments else "numbers, so give a number"
        raise DataError(f"{name}: the times are {kind}; got {value!r}.")
    try:
        return float(value) if is_number else to_days(value)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: {value!r} is not a time. Write it as '2025-02-01'.") from error


def episodes(net: PeerNetwork, events: pd.DataFrame | None, *, function: str) -> Episodes:
    """Read the episodes of a table, or of the network's own ties.

    The time stands in ``time``, or in ``first`` (of folded ties: when a pair was first seen). Rows without a time, of
    people who are not in the network, or of one person teaching himself are left out and counted.

    Raises
    ------
    DataError
        When there is no time.
    """
    frame, table = (net.ties, "ties") if events is None else (events, "events")
    name = next((c for c in ("time", "first") if c in frame.columns), None)
    if name is None:
        raise DataError(
            f"{function}: {table} have no column 'time'. Use a network whose ties have times, or pass a table of "
            "events with teacher, learner and time (Records.events)."
        )
    teacher, learner = ends_of(net, frame, table)
    day, moments = days_of(frame[name], f"{table}[{name!r}]")
    if name == "first" and not moments and "n_episodes" in frame.columns:
        moments = bool(np.nanmin(day, initial=np.inf) > 7_000)  # from_events writes days since 1970
    strange = (teacher < 0) | (learner < 0)
    alone = ~strange & (teacher == learner)
    timeless = ~strange & ~alone & ~np.isfinite(day)
    keep = ~(strange | alone | timeless)
    left_out = {
        "people not in the network": int(strange.sum()),
        "without a time": int(timeless.sum()),
        "self": int(alone.sum()),
    }
    return Episodes(teacher[keep], learner[keep], day[keep], frame[keep], moments, left_out)
