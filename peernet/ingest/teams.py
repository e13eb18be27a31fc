"""Microsoft Teams channel messages as Microsoft Graph returns them: replies teach whoever opened the thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from peernet.errors import DataError
from peernet.ingest._fields import dig, iso_us, json_documents, rows_of, short, text
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
from peernet.ingest._traces import Traces, allowed
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_teams"]


def read_teams(
    path: PathLike,
    *,
    people: People | None = None,
    channels: Iterable[str] | None = None,
    include_chats: bool = False,
    threads: Threads = "all",
    answers: Answers = "all",
    hours: float | None = None,
    mentions: bool = False,
    weight: Literal["reply", "share"] = "reply",
    aliases: Aliases = None,
) -> Records:
    """Who answered whom in Teams channels, from the JSON of Microsoft Graph.

    Takes what ``/teams/{id}/channels/{id}/messages`` returns, with ``?$expand=replies`` or with the pages of
    ``/replies`` beside it: one JSON file a page, a folder or zip of them, or one message a line
    (``.jsonl``). ``/users`` pages among them are read for e-mail addresses. Direction: everybody who replies
    in a thread teaches the person who opened it; a reply whose opener is outside the export teaches nobody
    known and is counted. System messages, deleted messages, and apps are left out. Bodies are looked at for
    a question mark and not kept.

    Parameters
    ----------
    path : path
        File, folder or zip.
    people : Records or pandas.DataFrame, optional
        The roster; matched by e-mail or principal name. Without it, one person an account.
    channels : list of str, optional
        Ids (or names, where the messages carry ``channelName``) of the channels to read; all by default.
    include_chats : bool
        Messages of private chats (``chatId``) are not read unless this says so; chats have no threads: a
        message that follows another's within ``hours`` (24 if None) answers it.
    threads : {"all", "questions"}
        "questions" keeps threads whose first message ends with a question mark.
    answers : {"all", "first"}
        Every reply, or the first by somebody else only.
    hours : float, optional
        Only replies within so many hours of the question.
    mentions : bool
        Also an event of kind "mention" wherever a question calls somebody: the person mentioned teaches the
        author. Weak: whoever is called need not answer.
    weight : {"reply", "share"}
        1 a reply, or 1 a thread shared among its answers.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``teams:<user id>`` or e-mail -> person.

    Returns
    -------
    Records
        ``events`` (kind "answer", time of the reply in UTC, ``context`` = channel, ``evidence`` = message,
        ``confirmed`` = the asker reacted with thanks), ``sessions`` (session = thread) and the report.

    Raises
    ------
    DataError
        When a file is cut or no message is found.
    """
    rule = thread_rule(threads, answers, hours, weight)
    trace = Traces("read_teams", "teams")
    trace.says_confirmed = True
    wanted = allowed(channels)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    n_seen = 0
    for _, value in json_documents(path, trace.ledger, "messages"):
        for row in _flat(value):
            if "messageType" not in row and "createdDateTime" not in row:
                _person(trace, row)
                continue
            n_seen += 1
            _keep(trace, row, found, wanted, include_chats)
    if not n_seen:
        raise DataError(
            "read_teams: no message was found. Give the JSON that Graph returns for the messages of a "
            "channel."
        )
    rooms: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found.values():
        rooms.setdefault((_place(row), text(row, "replyToId") or text(row, "id")), []).append(row)
    chats: dict[str, list[Post]] = {}
    for (place, root), rows in sorted(rooms.items()):
        posts = [_post(trace, place, row) for row in rows]
        posts.sort(key=lambda p: (p.time, p.evidence))
        if place.startswith("chat:"):
            chats.setdefault(place, []).extend(posts)
            continue
        at = next((i for i, p in enumerate(posts) if p.evidence == f"{place}/{root}"), None)
        if at is None:
            trace.ledger.drop("messages", "the question is outside the export", (), n=len(posts))
            continue
        thread_ties(trace, [posts.pop(at), *posts], rule, what="messages", context=place)
    for place, posts in sorted(chats.items()):
        _in_turn(trace, sorted(posts, key=lambda p: (p.time, p.evidence)), place, hours or 24.0)
    if mentions:
        _mentions(trace, found.values())
    return trace.records(
        people,
        aliases,
        direction=DIRECTION + ("; whoever is mentioned in a question teaches its author" if mentions else ""),
        notes=[
            "message texts are not kept; readers leave no trace; chat is coordination as well as teaching"
        ],
    )


def _flat(value: Any) -> Iterator[dict[str, Any]]:
    """Yield messages and users of a page, replies after what they reply to."""
    rows = value if isinstance(value, list) else [value]
    for row in rows_of(rows):
        if isinstance(row.get("value"), list):
            yield from _flat(row["value"])
            continue
        yield row
        yield from (
            {"replyToId": text(row, "id"), "channelIdentity": row.get("channelIdentity"), **reply}
            for reply in rows_of(row.get("replies"))
        )


def _person(trace: Traces, row: dict[str, Any]) -> None:
    """Read a row of /users."""
    if text(row, "id") and (text(row, "mail") or text(row, "userPrincipalName")):
        trace.account(
            f"teams:{text(row, 'id')}",
            name=text(row, "displayName"),
            email=text(row, "mail") or text(row, "userPrincipalName"),
            login=text(row, "userPrincipalName"),
        )


def _place(row: dict[str, Any]) -> str:
    """Name the channel or chat of a message."""
    channel = dig(row, "channelIdentity", "channelId")
    if isinstance(channel, str) and channel:
        return short(text(row, "channelName") or channel)
    return f"chat:{short(text(row, 'chatId'))}" if text(row, "chatId") else "channel"


def _keep(
    trace: Traces,
    row: dict[str, Any],
    found: dict[tuple[str, str], dict[str, Any]],
    wanted: frozenset[str] | None,
    include_chats: bool,
) -> None:
    """Keep a message a person wrote in a channel that may be read."""
    place, ledger = _place(row), trace.ledger
    channel = dig(row, "channelIdentity", "channelId")
    names = {place.casefold(), str(channel).casefold()}
    ledger.read("messages", 1)
    sender = dig(row, "from", "user", "id")
    if place.startswith("chat:") and not include_chats:
        reason = "private chat (not read unless include_chats=True)"
    elif wanted is not None and not place.startswith("chat:") and not names & wanted:
        reason = "channel was not asked for"
    elif text(row, "messageType") not in ("", "message"):
        reason = "system message (joined, renamed, call ended ...)"
    elif row.get("deletedDateTime"):
        reason = "deleted"
    elif iso_us(row.get("createdDateTime")) is None or not text(row, "id"):
        reason = "has no id or time"
    elif (place, text(row, "replyToId") + "/" + text(row, "id")) in found:
        reason = "the same message again"
    elif not isinstance(sender, str) and not isinstance(dig(row, "from", "application"), dict):
        reason = "nobody is named as its author (deleted account)"
    else:
        found[place, text(row, "replyToId") + "/" + text(row, "id")] = row
        return
    ledger.drop("messages", reason, (), stage="match", n=1)


def _post(trace: Traces, place: str, row: dict[str, Any]) -> Post:
    """Reduce a message to who, when and whether it asks."""
    user = dig(row, "from", "user")
    bot = not isinstance(user, dict)
    sender = dig(row, "from", "application", "id") if bot else user.get("id")
    name = text(dig(row, "from", "application") if bot else user, "displayName")
    author = trace.account(f"teams:{sender}", name=name, bot=bot)
    thanked = set()
    for reaction in rows_of(row.get("reactions")):
        who = dig(reaction, "user", "user", "id")
        if isinstance(who, str) and is_thanks(text(reaction, "reactionType")):
            thanked.add(trace.account(f"teams:{who}"))
    time = iso_us(row.get("createdDateTime"))
    assert time is not None
    body = dig(row, "body")
    evidence = f"{place}/{text(row, 'id')}"
    return Post(
        evidence,
        author,
        time,
        asks(text(body, "content"), html=text(body, "contentType") == "html"),
        frozenset(thanked),
        bot,
    )


def _in_turn(trace: Traces, posts: list[Post], place: str, hours: float) -> None:
    """Chats: a message answers the one before it, when that asks and another person wrote it."""
    for before, post in zip([None, *posts], posts, strict=False):
        follows = (
            before is not None
            and before.asks
            and before.author != post.author
            and not (before.bot or post.bot)
        )
        if before is None or not follows or post.time - before.time > hours * 3.6e9:
            trace.ledger.drop("messages", "in a chat, and answers no question right before it", (), n=1)
            continue
        trace.tie(
            post.time,
            post.author,
            before.author,
            "answer",
            context=place,
            evidence=post.evidence,
            confirmed=before.author in post.thanked,
        )


def _mentions(trace: Traces, rows: Iterable[dict[str, Any]]) -> None:
    """Add who is called in questions."""
    for row in rows:
        post = _post(trace, _place(row), row)
        if not post.asks or post.bot:
            continue
        for mention in rows_of(row.get("mentions")):
            who = dig(mention, "mentioned", "user", "id")
            if isinstance(who, str):
                called = trace.account(f"teams:{who}", name=text(mention, "mentionText"))
                trace.tie(
                    post.time, called, post.author, "mention", context=_place(row), evidence=post.evidence
                )
