"""From messages to events in the engine that holds them: answers, sessions, shares of many recipients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from peernet import _portable
from peernet._check import literal, number

__all__ = ["first_answers", "sessions_of", "split_recipients"]

TimeUnit = Literal["s", "ms", "us", "days"]
_PER_DAY: dict[str, float] = {"s": 86400.0, "ms": 86400.0e3, "us": 86400.0e6, "days": 1.0}


def first_answers(
    messages: Any,
    *,
    thread: str = "thread",
    author: str = "author",
    time: str = "time",
    message: str = "message",
    hours: float | None = 24.0,
    answers: Literal["first", "all"] = "first",
    time_unit: TimeUnit | None = None,
) -> Any:
    """Who answered whom, from a table of messages: first answer within 24 hours in the same thread.

    The opener of a thread wrote its earliest message (at equal times the smallest message id). Whoever else
    writes in it within ``hours`` teaches the opener. The work is done in the engine that holds the table;
    nothing is collected.

    Parameters
    ----------
    messages : pandas, Polars, DuckDB, PySpark, Dask or sqlframe frame, or a path
        One row a message.
    thread, author, time, message : str
        Columns: thread, author, time (UTC, or in any zone that says which) and an id that is unique within the thread.
    hours : float or None
        Latest answer after the first message; None = no limit.
    answers : {"first", "all"}
        The first answer of each thread, or every one.
    time_unit : {"s", "ms", "us", "days"}, optional
        What numbers in the time column count since 1970. Numbers without it are refused: seconds taken for days would
        put every answer outside ``hours``.

    Returns
    -------
    frame
        Of the same engine: thread, message, teacher, learner, time (numbers as days); ready for
        ``PeerNetwork.from_events``.

    Raises
    ------
    DataError
        When a column is missing, or times are numbers of no stated unit.
    """
    literal("answers", answers, ("first", "all"))
    if hours is not None:
        number("hours", hours, 0, open_low=True)
    frame = _days(_portable.as_lazy(messages), time, time_unit, "the table of messages")
    found = _portable.first_answer(
        frame, thread=thread, author=author, time=time, message=message, hours=hours, every=answers == "all"
    )
    return found.to_native()


def sessions_of(
    events: Any,
    *,
    by: str | Iterable[str] = ("teacher", "learner"),
    time: str = "time",
    gap_hours: float = 6.0,
    time_unit: TimeUnit | None = None,
) -> Any:
    """Events with ``session``: 1, 2, ... for each pair; a silence longer than ``gap_hours`` begins a new one.

    Ten messages in an afternoon are one act of teaching, not ten: fold sessions instead of messages.

    Parameters
    ----------
    events : pandas, Polars, DuckDB, PySpark or sqlframe frame, or a path
        Not Dask and not pyarrow, which have no ordered windows.
    by : str or list of str
        Columns within which sessions are counted.
    time : str
        UTC time, or a time in any zone that says which.
    gap_hours : float
        Silence that ends a session.
    time_unit : {"s", "ms", "us", "days"}, optional
        What numbers in the time column count since 1970; numbers without it are refused.

    Returns
    -------
    frame
        Of the same engine, with the column ``session``; numbers in the time column as days.

    Raises
    ------
    DataError
        When a column is missing, times are numbers of no stated unit, or the engine cannot.
    """
    number("gap_hours", gap_hours, 0, open_low=True)
    columns = [by] if isinstance(by, str) else list(by)
    frame = _days(_portable.as_lazy(events), time, time_unit, "the table")
    return _portable.sessionise(frame, columns, time, gap_hours).to_native()


def _days(frame: Any, time: str, unit: TimeUnit | None, what: str) -> Any:
    """Bring numbers in a time column to days."""
    if unit is not None:
        literal("time_unit", unit, tuple(_PER_DAY))
    return _portable.numbers_as_days(frame, time, None if unit is None else _PER_DAY[unit], what)


def split_recipients(
    events: Any, *, episode: str | Iterable[str] = "evidence", weight: str | None = None
) -> Any:
    """Events in which an episode with k rows weighs 1 in all: each of k recipients counts 1/k.

    Parameters
    ----------
    events : frame of any engine, or a path
        One row a teacher and learner.
    episode : str or list of str
        What makes rows one episode: the message, mail or meeting behind them.
    weight : str, optional
        Weight to be divided; 1 by default.

    Returns
    -------
    frame
        Of the same engine; ``weight`` (or the column named) divided by k.

    Raises
    ------
    DataError
        When a column is missing.
    """
    columns = [episode] if isinstance(episode, str) else list(episode)
    return _portable.split_episodes(_portable.as_lazy(events), columns, weight).to_native()
