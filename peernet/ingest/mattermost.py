"""Mattermost bulk exports, one JSON object a line: replies teach whoever wrote the post."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

from peernet.ingest._fields import epoch_us, json_lines, rows_of, short, text, whole
from peernet.ingest._files import PathLike
from peernet.ingest._threads import (
    DIRECTION,
    Answers,
    Post,
    Threads,
    asks,
    is_thanks,
    thread_rule,
    thread_ties,
)
from peernet.ingest._traces import Traces, allowed, progress_bar
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_mattermost"]


def read_mattermost(
    path: PathLike,
    *,
    people: People | None = None,
    channels: Iterable[str] | None = None,
    include_private: bool = False,
    threads: Threads = "all",
    answers: Answers = "all",
    hours: float | None = None,
    weight: Literal["reply", "share"] = "reply",
    aliases: Aliases = None,
    progress: bool = False,
) -> Records:
    """Who answered whom, from a Mattermost bulk export (JSON lines, also packed with gzip).

    The file is read line by line and no text is held; memory grows with ties and attendances. Direction:
    everybody who replies to a post teaches its author. Posts have no ids in this format; the evidence is a
    hash of channel, author and time. Texts are looked at for a question mark and not kept.

    Parameters
    ----------
    path : path
        The ``.jsonl`` of the export.
    people : Records or pandas.DataFrame, optional
        The roster; user lines give the e-mail addresses. Without it, one person an account.
    channels : list of str, optional
        Channels to read (``channel`` or ``team/channel``); all public ones by default.
    include_private : bool
        Read private channels and direct messages too. They are counted and not looked at otherwise.
    threads : {"all", "questions"}
        "questions" keeps threads whose post ends with a question mark.
    answers : {"all", "first"}
        Every reply, or the first by somebody else only.
    hours : float, optional
        Only replies within so many hours of the post.
    weight : {"reply", "share"}
        1 a reply, or 1 a thread shared among its answers.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: user name or e-mail -> person.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Records
        ``events`` (kind "answer", time of the reply in UTC, ``context`` = channel, ``evidence`` = hash of channel,
        author and time, ``confirmed`` = the author reacted with thanks), ``sessions`` (session =
        thread) and the report; a half-written line is counted with its number.

    Raises
    ------
    DataError
        When no line is a JSON object.
    """
    rule = thread_rule(threads, answers, hours, weight)
    trace = Traces("read_mattermost", "mattermost")
    trace.says_confirmed = True
    wanted = allowed(channels)
    private: set[str] = set()
    for row in progress_bar(json_lines(path, trace.ledger, "lines"), progress, "mattermost"):
        kind = text(row, "type")
        body = row.get(kind) if kind else None
        if kind == "version":
            continue
        if not isinstance(body, dict):
            trace.ledger.flag("lines", "holds nothing under its type", n=1)
        elif kind == "user":
            _user(trace, body)
        elif kind == "bot":
            _bot(trace, body)
        elif kind == "channel" and text(body, "type") == "P":
            private.add(f"{text(body, 'team')}/{text(body, 'name')}".casefold())
        elif kind in ("post", "direct_post"):
            _thread(trace, body, kind, rule, wanted, private, include_private)
    return trace.records(
        people, aliases, direction=DIRECTION, time_zone="UTC (milliseconds since 1970)",
        notes=["message texts are not kept; readers leave no trace; chat is coordination as well as teaching"],
    )  # fmt: skip


def _user(trace: Traces, row: dict[str, Any]) -> None:
    """Read a user line."""
    login = text(row, "username").lower()
    if login:
        name = f"{text(row, 'first_name')} {text(row, 'last_name')}".strip() or text(row, "nickname")
        bot = "bot" in text(row, "roles").split() or row.get("is_bot") is True
        trace.account(login, name=name, email=text(row, "email"), login=login, bot=bot)


def _bot(trace: Traces, row: dict[str, Any]) -> None:
    """Read a line of newer exports that says which account is a bot."""
    login = text(row, "username").lower()
    if login:
        trace.account(login, name=text(row, "display_name"), login=login, bot=True)


def _thread(
    trace: Traces,
    row: dict[str, Any],
    kind: str,
    rule: Any,
    wanted: frozenset[str] | None,
    private: set[str],
    include_private: bool,
) -> None:
    """Read a post and its replies."""
    replies = rows_of(row.get("replies"))
    channel, team = text(row, "channel"), text(row, "team")
    place = short(f"{team}/{channel}" if channel else "direct messages")
    trace.ledger.read("messages", 1 + len(replies))
    closed = kind == "direct_post" or place.casefold() in private
    if closed and not include_private:
        trace.ledger.drop(
            "messages",
            "private channel or direct message (not opened)",
            (),
            stage="match",
            n=1 + len(replies),
        )
        return
    if wanted is not None and kind == "post" and not {channel.casefold(), place.casefold()} & wanted:
        trace.ledger.drop("messages", "channel was not asked for", (), stage="match", n=1 + len(replies))
        return
    first = _post(trace, row, place)
    if first is None:
        trace.ledger.drop(
            "messages",
            "has no author or time, or is a reply to such a post",
            (),
            stage="match",
            n=1 + len(replies),
        )
        return
    posts = [p for p in (_post(trace, reply, place) for reply in replies) if p is not None]
    lost = len(replies) - len(posts)
    trace.ledger.drop(
        "messages", "has no author or time, or is a reply to such a post", (), stage="match", n=lost
    )
    thread_ties(trace, [first, *sorted(posts, key=lambda p: p.time)], rule, what="messages", context=place)


def _post(trace: Traces, row: dict[str, Any], place: str) -> Post | None:
    """Reduce a message to who, when and whether it asks."""
    login, time = text(row, "user").lower(), epoch_us(whole(row, "create_at"), 1000)
    if not login or time is None:
        return None
    props = row.get("props")
    bot = (
        isinstance(props, dict)
        and str(props.get("from_webhook") or props.get("from_bot") or "").lower() == "true"
    )
    system = text(row, "type").startswith("system_")
    author = trace.account(login, login=login)
    thanked = frozenset(
        trace.account(text(r, "user").lower()) for r in rows_of(row.get("reactions"))
        if text(r, "user") and is_thanks(text(r, "emoji_name"))
    )  # fmt: skip
    key = hashlib.sha256(f"{place}|{login}|{time}".encode()).hexdigest()[:20]
    return Post(
        key, author, time, asks(text(row, "message")), thanked, bot or system or trace.accounts[author].bot
    )
