"""Microsoft Teams channel messages as Microsoft Graph returns them: replies teach whoever opened the thread."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from peernet.errors import DataError
from peernet.ingest._columns import Texts, Words, ints
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
    a question mark and not kept. Pages are read one after another; what is held is some 100 bytes a message
    and the ties.

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
    found = _Found(mentions)
    n_seen = 0
    for _, value in json_documents(path, trace.ledger, "messages"):
        for row in _flat(value):
            if "messageType" not in row and "createdDateTime" not in row:
                _person(trace, row)
                continue
            n_seen += 1
            reason = _why_not(row, wanted, include_chats)
            trace.ledger.read("messages", 1)
            if reason:
                trace.ledger.drop("messages", reason, (), stage="match", n=1)
            else:
                found.add(row)
    if not n_seen:
        raise DataError(
            "read_teams: no message was found. Give the JSON that Graph returns for the messages of a "
            "channel."
        )
    chats: dict[str, list[Post]] = {}
    for place, root, posts in found.threads(trace):
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
        found.mentions(trace)
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


def _why_not(row: dict[str, Any], wanted: frozenset[str] | None, include_chats: bool) -> str:
    """Say why a message is no message of a person in a channel that may be read."""
    place = _place(row)
    channel = dig(row, "channelIdentity", "channelId")
    names = {place.casefold(), str(channel).casefold()}
    sender = dig(row, "from", "user", "id")
    if place.startswith("chat:") and not include_chats:
        return "private chat (not read unless include_chats=True)"
    if wanted is not None and not place.startswith("chat:") and not names & wanted:
        return "channel was not asked for"
    if text(row, "messageType") not in ("", "message"):
        return "system message (joined, renamed, call ended ...)"
    if row.get("deletedDateTime"):
        return "deleted"
    if iso_us(row.get("createdDateTime")) is None or not text(row, "id"):
        return "has no id or time"
    if not isinstance(sender, str) and not isinstance(dig(row, "from", "application"), dict):
        return "nobody is named as its author (deleted account)"
    return ""


class _Found:
    """Messages as they come, each reduced to some numbers and its ids at once; the rest goes with its page."""

    def __init__(self, mentions: bool) -> None:
        self._words = Words()
        self._ids, self._roots = Texts(), Texts()  # of the message, and of what it replies to (or its own)
        self._time, self._asks, self._bot = array("q"), array("b"), array("b")
        self._place, self._sender, self._name = array("i"), array("i"), array("i")
        self._reply = array("b")
        self._thanks: dict[int, tuple[str, ...]] = {}
        self._called: dict[int, tuple[tuple[str, str], ...]] | None = {} if mentions else None

    def add(self, row: dict[str, Any]) -> None:
        """Keep who, when, in which thread, and whether it asks."""
        at, code = len(self._time), self._words.code
        user = dig(row, "from", "user")
        bot = not isinstance(user, dict)
        sender = dig(row, "from", "application", "id") if bot else user.get("id")
        self._bot.append(bot)
        self._sender.append(code(f"teams:{sender}"))
        self._name.append(code(text(dig(row, "from", "application") if bot else user, "displayName")))
        self._place.append(code(_place(row)))
        self._time.append(iso_us(row.get("createdDateTime")) or 0)
        self._reply.append(bool(text(row, "replyToId")))
        self._ids.append(text(row, "id"))
        self._roots.append(text(row, "replyToId") or text(row, "id"))
        body = dig(row, "body")
        self._asks.append(asks(text(body, "content"), html=text(body, "contentType") == "html"))
        thanks = [
            dig(reaction, "user", "user", "id") for reaction in rows_of(row.get("reactions"))
            if is_thanks(text(reaction, "reactionType"))
        ]  # fmt: skip
        if thanks := [who for who in thanks if isinstance(who, str)]:
            self._thanks[at] = tuple(thanks)
        if self._called is None:
            return
        called = [
            (dig(m, "mentioned", "user", "id"), text(m, "mentionText")) for m in rows_of(row.get("mentions"))
        ]
        if called := [pair for pair in called if isinstance(pair[0], str)]:
            self._called[at] = tuple(called)

    def threads(self, trace: Traces) -> Iterator[tuple[str, str, list[Post]]]:
        """Yield (place, id of the opening message, messages), in order of both; copies of a message are counted."""
        n = len(self._time)
        rows = np.arange(n)
        place = self._words.ranks()[ints(self._place)] if n else rows
        root, own = self._roots.ranks(rows), self._ids.ranks(rows)
        order = np.lexsort((rows, ints(self._reply), own, root, place))
        same = np.zeros(n, dtype=bool)
        if n:
            a, b = order[:-1], order[1:]
            same[1:] = (place[a] == place[b]) & (root[a] == root[b]) & (own[a] == own[b])
            same[1:] &= ints(self._reply)[a] == ints(self._reply)[b]
        trace.ledger.drop("messages", "the same message again", (), stage="match", n=int(same.sum()))
        order = order[~same]
        self._kept = np.sort(order)
        ends = np.flatnonzero((np.diff(place[order]) != 0) | (np.diff(root[order]) != 0)) + 1
        words = self._words.all()
        for part in np.split(order, ends) if len(order) else ():
            first = int(part[0])
            posts = [self._post(trace, words, int(row)) for row in np.sort(part)]
            yield words[self._place[first]], self._roots[first], posts

    def _post(self, trace: Traces, words: list[str], row: int) -> Post:
        """Write a message out again."""
        bot = bool(self._bot[row])
        author = trace.account(words[self._sender[row]], name=words[self._name[row]], bot=bot)
        thanked = frozenset(trace.account(f"teams:{who}") for who in self._thanks.get(row, ()))
        evidence = f"{words[self._place[row]]}/{self._ids[row]}"
        return Post(evidence, author, self._time[row], bool(self._asks[row]), thanked, bot)

    def mentions(self, trace: Traces) -> None:
        """Add who is called in questions."""
        words, called = self._words.all(), self._called or {}
        for row in self._kept.tolist():
            if row not in called:
                continue
            post = self._post(trace, words, row)
            if not post.asks or post.bot:
                continue
            for who, name in called[row]:
                account = trace.account(f"teams:{who}", name=name)
                place = words[self._place[row]]
                trace.tie(post.time, account, post.author, "mention", context=place, evidence=post.evidence)


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
