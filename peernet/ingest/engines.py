"""From messages to events in the engine that holds them: answers, sessions, shares of many recipients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from peernet import _portable
from peernet._check import literal, number

__all__ = ["first_answers", "sessions_of", "split_recipients"]


def first_answers(
    messages: Any,
    *,
    thread: str = "thread",
    author: str = "author",
    time: str = "time",
    message: str = "message",
    hours: float | None = 24.0,
    answers: Literal["first", "all"] = "first",
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
        Columns: thread, author, UTC time (or a number of days) and an id that is unique within the thread.
    hours : float or None
        Latest answer after the first message; None = no limit.
    answers : {"first", "all"}
        The first answer of each thread, or every one.

    Returns
    -------
    frame
        Of the same engine: thread, message, teacher, learner, time; ready for ``PeerNetwork.from_events``.

    Raises
    ------
    DataError
        When a column is missing.
    """
    literal("answers", answers, ("first", "all"))
    if hours is not None:
        number("hours", hours, 0, open_low=True)
    frame = _portable.as_lazy(messages)
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
        UTC time, or a number of days.
    gap_hours : float
        Silence that ends a session.

    Returns
    -------
    frame
        Of the same engine, with the column ``session``.

    Raises
    ------
    DataError
        When a column is missing or the engine cannot.
    """
    number("gap_hours", gap_hours, 0, open_low=True)
    columns = [by] if isinstance(by, str) else list(by)
    return _portable.sessionise(_portable.as_lazy(events), columns, time, gap_hours).to_native()


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
