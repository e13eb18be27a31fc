"""Zulip organisation exports: in a topic, those who write after a question teach whoever asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from peernet._check import number
from peernet.errors import DataError
from peernet.ingest._fields import dig, epoch_us, open_export, rows_of, short, text, whole
from peernet.ingest._files import PathLike
from peernet.ingest._threads import Answers, Post, Threads, asks, is_thanks, thread_rule, thread_ties
from peernet.ingest._traces import Traces, allowed
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_zulip"]

_READ = 1  # bit 0 of flags_mask in zerver_usermessage
_MESSAGES = re.compile(r"(^|/)messages-\d+\.json$")


def read_zulip(
    path: PathLike,
    *,
    people: People | None = None,
    channels: Iterable[str] | None = None,
    gap_hours: float = 24.0,
    threads: Threads = "all",
    answers: Answers = "all",
    hours: float | None = None,
    readers: bool = False,
    weight: Literal["reply", "share"] = "reply",
    aliases: Aliases = None,
) -> Records:
    """Who answered whom in Zulip topics, from an organisation export (tar.gz, zip or folder).

    A topic is a thread; a topic that lies silent for ``gap_hours`` and is taken up again is a new one.
    Direction: those who write after the first message teach its author. Direct messages are never read. With
    ``readers``, Zulip's own flags tell who has read an answer, which no other chat does: whoever read it,
    and did not ask, learns from its author (kind "read", weight 1/k for k readers).

    Parameters
    ----------
    path : path
        The export, with ``realm.json`` and ``messages-000001.json`` ...
    people : Records or pandas.DataFrame, optional
        The roster; matched by delivery e-mail. Without it, one person an account.
    channels : list of str, optional
        Streams to read; all public ones by default. Private streams are read only when named here.
    gap_hours : float
        Silence that ends a thread.
    threads : {"all", "questions"}
        "questions" keeps threads whose first message ends with a question mark.
    answers : {"all", "first"}
        Every reply, or the first by somebody else only.
    hours : float, optional
        Only replies within so many hours of the first message.
    readers : bool
        Also who read the answers.
    weight : {"reply", "share"}
        1 a reply, or 1 a thread shared among its answers.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``zulip:<user id>`` or e-mail -> person.

    Returns
    -------
    Records
        ``events`` (kinds "answer" and "read"; time in UTC, ``context`` = stream, ``evidence`` = message id,
        ``confirmed`` = the opener reacted with thanks), ``sessions`` (session = thread) and the report. Names of topics
        are not kept: they are texts.

    Raises
    ------
    DataError
        When a file is cut or it is no Zulip export.
    """
    rule = thread_rule(threads, answers, hours, weight)
    number("gap_hours", gap_hours, 0, open_low=True)
    trace = Traces("read_zulip", "zulip")
    trace.says_confirmed = True
    with open_export(path, "read_zulip") as archive:
        trace.ledger.files.append(archive.facts)
        realm = next((n for n in archive.names() if n.rsplit("/", 1)[-1] == "realm.json"), None)
        files = [n for n in archive.names() if _MESSAGES.search(n)]
        if realm is None or not files:
            raise DataError(
                f"{archive.name} holds no realm.json and messages-000001.json: it is not a Zulip export."
            )
        world = _world(trace, archive.json(realm), allowed(channels))
        thanks: dict[int, set[int]] = {}
        talks: dict[tuple[str, str], list[_Message]] = {}
        read_by: dict[int, list[int]] = {}
        for name in files:
            page = archive.json(name)
            _reactions(trace, page, thanks)
            _messages(trace, page, world, talks)
            if readers:
                _flags(trace, page, read_by)
    _threads(trace, talks, thanks, rule, gap_hours)
    if readers:
        _read(trace, talks, read_by, gap_hours)
    return trace.records(
        people, aliases, time_zone="UTC (seconds since 1970)",
        direction="in a topic, everybody who writes after the first message teaches its author"
        + ("; the author of an answer teaches who read it" if readers else ""),
        notes=["message texts and topics are not kept; direct messages are not read"],
    )  # fmt: skip


class _Message(NamedTuple):
    """What is kept of a message."""

    id: int
    author: int
    time: int
    asks: bool


class _World(NamedTuple):
    """Streams that may be read: recipient -> name."""

    streams: dict[int, str]
    closed: set[int]


def _world(trace: Traces, realm: Any, wanted: frozenset[str] | None) -> _World:
    """Read people and streams."""
    for table in ("zerver_userprofile", "zerver_userprofile_mirrordummy", "zerver_userprofile_crossrealm"):
        for row in rows_of(dig(realm, table)):
            bot = row.get("is_bot") is True or table.endswith("crossrealm")
            mail = text(row, "delivery_email") or text(row, "email")
            if text(row, "id"):
                trace.account(f"zulip:{text(row, 'id')}", name=text(row, "full_name"), email=mail, bot=bot)
    names: dict[int, str] = {}
    private: set[str] = set()
    for row in rows_of(dig(realm, "zerver_stream")):
        number_ = whole(row, "id")
        if number_ is not None:
            names[number_] = short(text(row, "name"))
            if row.get("invite_only") is True:
                private.add(names[number_])
    streams: dict[int, str] = {}
    closed: set[int] = set()
    skipped: set[str] = set()
    for row in rows_of(dig(realm, "zerver_recipient")):
        recipient, stream = whole(row, "id"), whole(row, "type_id")
        if recipient is None or whole(row, "type") != 2 or stream not in names:
            continue
        name = names[stream]
        open_ = name not in private if wanted is None else name.casefold() in wanted
        if open_:
            streams[recipient] = name
        else:
            closed.add(recipient)
            skipped.add(name)
    if wanted is not None:
        lost = sorted(w for w in wanted if w not in {n.casefold() for n in names.values()})
        if lost:
            raise DataError(
                f"read_zulip: there is no stream {lost[0]!r}. Streams: {', '.join(sorted(names.values())[:12])}."
            )
    if skipped:
        trace.ledger.not_read.append(f"{len(skipped)} streams that are private or were not asked for")
    return _World(streams, closed)


def _reactions(trace: Traces, page: Any, thanks: dict[int, set[int]]) -> None:
    """Note who thanked for which message."""
    for row in rows_of(dig(page, "zerver_reaction")):
        message, user = whole(row, "message"), text(row, "user_profile")
        if message is not None and user and is_thanks(text(row, "emoji_name")):
            thanks.setdefault(message, set()).add(trace.account(f"zulip:{user}"))


def _messages(trace: Traces, page: Any, world: _World, talks: dict[tuple[str, str], list[_Message]]) -> None:
    """Sort messages into topics."""
    rows = dig(page, "zerver_message")
    if not isinstance(rows, list):
        raise DataError("read_zulip: a file of messages holds no zerver_message. Export it again.")
    trace.ledger.read("messages", len(rows))
    for row in rows:
        number_, time, recipient = whole(row, "id"), epoch_us(dig(row, "date_sent")), whole(row, "recipient")
        sender = text(row, "sender")
        if number_ is None or time is None or not sender:
            reason = "has no id, author or time"
        elif recipient in world.closed:
            reason = "stream is private or was not asked for"
        elif recipient not in world.streams:
            reason = "direct message (not read)"
        else:
            author = trace.account(f"zulip:{sender}")
            key = (world.streams[recipient], text(row, "subject").casefold())
            talks.setdefault(key, []).append(_Message(number_, author, time, asks(text(row, "content"))))
            continue
        trace.ledger.drop("messages", reason, (), stage="match", n=1)


def _flags(trace: Traces, page: Any, read_by: dict[int, list[int]]) -> None:
    """Note who has read what."""
    for row in rows_of(dig(page, "zerver_usermessage")):
        message, user, mask = whole(row, "message"), text(row, "user_profile"), whole(row, "flags_mask")
        if message is not None and user and mask is not None and mask & _READ:
            read_by.setdefault(message, []).append(trace.account(f"zulip:{user}"))


def _cut(messages: list[_Message], gap_hours: float) -> list[list[_Message]]:
    """Cut a topic where it lay silent."""
    out: list[list[_Message]] = []
    for message in sorted(set(messages), key=lambda m: (m.time, m.id)):
        if out and message.time - out[-1][-1].time <= gap_hours * 3.6e9:
            out[-1].append(message)
        else:
            out.append([message])
    return out


def _threads(
    trace: Traces,
    talks: dict[tuple[str, str], list[_Message]],
    thanks: dict[int, set[int]],
    rule: Any,
    gap_hours: float,
) -> None:
    """Turn topics into ties."""
    for (stream, _), messages in sorted(talks.items()):
        trace.ledger.drop(
            "messages", "the same message again", (), stage="match", n=len(messages) - len(set(messages))
        )
        for part in _cut(messages, gap_hours):
            posts = [
                Post(
                    f"zulip/{m.id}",
                    m.author,
                    m.time,
                    m.asks,
                    frozenset(thanks.get(m.id, ())),
                    trace.accounts[m.author].bot,
                )
                for m in part
            ]
            thread_ties(trace, posts, rule, what="messages", context=stream)


def _read(
    trace: Traces,
    talks: dict[tuple[str, str], list[_Message]],
    read_by: dict[int, list[int]],
    gap_hours: float,
) -> None:
    """Add who read the answers."""
    for (stream, _), messages in sorted(talks.items()):
        for part in _cut(messages, gap_hours):
            opener = part[0].author
            for m in part[1:]:
                if m.author == opener or trace.accounts[m.author].bot:
                    continue
                audience = sorted(
                    {
                        u
                        for u in read_by.get(m.id, ())
                        if u not in (m.author, opener) and not trace.accounts[u].bot
                    }
                )
                for user in audience:
                    trace.tie(
                        m.time,
                        m.author,
                        user,
                        "read",
                        weight=1.0 / len(audience),
                        context=stream,
                        evidence=f"zulip/{m.id}",
                    )
