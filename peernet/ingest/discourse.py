"""Discourse topics: whoever replies teaches whom they reply to; an accepted answer weighs more."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any, NamedTuple

from peernet._check import number
from peernet.errors import DataError
from peernet.ingest._fields import dig, iso_us, json_documents, rows_of, short, text, whole
from peernet.ingest._files import PathLike
from peernet.ingest._traces import Traces, allowed
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_discourse"]


def read_discourse(
    path: PathLike,
    *,
    people: People | None = None,
    categories: Iterable[str] | None = None,
    accepted: float = 1.0,
    aliases: Aliases = None,
) -> Records:
    """Who answered whom in a Discourse forum, from topics as JSON (``/t/{id}.json``, all posts).

    Direction: a post teaches the author of the post that it replies to, or of the topic where it names none.
    Small actions (closed, moved ...), hidden posts, deleted posts, and system accounts are left out, private
    messages are not read. A topic is a page of JSON; the posts of ``/t/{id}/posts.json`` pages of the same
    topic are joined. Texts are not kept.

    Parameters
    ----------
    path : path
        JSON file, folder or zip of them, or one topic a line. User pages (``/admin/users/...json`` with
        ``email``) among them give the addresses.
    people : Records or pandas.DataFrame, optional
        The roster; matched by e-mail or, in a column ``login`` or ``username``, by user name. Without it,
        one person an account.
    categories : list of str, optional
        Ids of the categories to read; all by default.
    accepted : float
        Weight of an answer that was accepted as the solution, at least 1. Other posts weigh 1.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: user name or e-mail -> person.

    Returns
    -------
    Records
        ``events`` (kind "answer" to the topic, "reply" within it; time of the post in UTC, ``context`` = category,
        ``topic`` = tags, ``evidence`` = topic and number of the post, ``confirmed`` = accepted),
        ``sessions`` (session = topic) and the report.

    Raises
    ------
    DataError
        When a file is cut or holds no topic.
    """
    number("accepted", accepted, 1)
    trace = Traces("read_discourse", "discourse")
    trace.says_confirmed = True
    wanted = allowed(None if categories is None else [str(c) for c in categories])
    topics: dict[str, _Topic] = {}
    for _, value in json_documents(path, trace.ledger, "topics"):
        for row in rows_of(value if isinstance(value, list) else [value]):
            _collect(trace, row, topics)
    if not any(t.posts for t in topics.values()):
        raise DataError("read_discourse: no post was found. Give the JSON of topics (/t/<id>.json).")
    for key in sorted(topics):
        _ties(trace, key, topics.pop(key), wanted, accepted)
    return trace.records(
        people,
        aliases,
        direction="a post teaches the author of what it replies to (the topic's where it names nothing)",
        notes=["texts are not kept; views and likes are an audience without names"],
    )


class _Post(NamedTuple):
    """What is kept of a post: no text."""

    author: str
    name: str
    time: int | None
    bot: bool
    lost: str
    parent: int
    solved: bool


class _Topic:
    """A topic whose pages may come one after another."""

    __slots__ = ("category", "posts", "private", "tags", "told")

    def __init__(self) -> None:
        self.posts: dict[int, _Post] = {}
        self.category, self.tags = "", ""
        self.private, self.told = False, 0


def _collect(trace: Traces, row: dict[str, Any], topics: dict[str, _Topic]) -> None:
    """Read a page: a topic, more posts of one, or a user."""
    if text(row, "username") and text(row, "email"):
        trace.account(
            text(row, "username").lower(),
            name=text(row, "name"),
            email=text(row, "email"),
            login=text(row, "username"),
        )
        return
    posts = rows_of(dig(row, "post_stream", "posts"))
    fallback = text(posts[0], "topic_id") if posts else ""
    key = text(row, "id") or fallback
    if not key:
        return
    topic = topics.setdefault(key, _Topic())
    topic.private = topic.private or text(row, "archetype") == "private_message"
    topic.category = intern(text(row, "category_id") or topic.category)
    tags = row.get("tags")
    topic.tags = intern(
        topic.tags
        or (" ".join(short(t, 40) for t in tags if isinstance(t, str)) if isinstance(tags, list) else "")
    )
    listed = dig(row, "post_stream", "stream")
    told = len(listed) if isinstance(listed, list) else whole(row, "posts_count") or 0
    topic.told = max(topic.told, told)
    for post in posts:
        trace.ledger.read("posts", 1)
        at = whole(post, "post_number")
        if at is None or at in topic.posts:
            reason = "has no number" if at is None else "the same post again"
            trace.ledger.drop("posts", reason, (), stage="match", n=1)
        else:
            topic.posts[at] = _kept(post)


def _kept(post: dict[str, Any]) -> _Post:
    """Reduce a post to who, when, and what it answers."""
    lost = ""
    if whole(post, "post_type") not in (None, 1):
        lost = "small action or whisper (closed, moved, staff note ...)"
    elif post.get("hidden") is True or post.get("deleted_at") or post.get("user_deleted") is True:
        lost = "hidden or deleted"
    username = text(post, "username")
    # Discourse itself and its bots have negative user numbers.
    bot = username.lower() in ("system", "discobot") or (whole(post, "user_id") or 0) < 0
    return _Post(
        author=intern(username), name=intern(text(post, "name")), time=iso_us(post.get("created_at")), bot=bot,
        lost=lost, parent=whole(post, "reply_to_post_number") or 1, solved=post.get("accepted_answer") is True,
    )  # fmt: skip


def _ties(trace: Traces, key: str, topic: _Topic, wanted: frozenset[str] | None, accepted: float) -> None:
    """Turn the posts of a topic into ties."""
    posts, ledger = topic.posts, trace.ledger
    if topic.private or (wanted is not None and topic.category.casefold() not in wanted):
        reason = "private message (not read)" if topic.private else "category was not asked for"
        ledger.drop("posts", reason, (), stage="match", n=len(posts))
        return
    if topic.told > len(posts):
        what = "of a topic are not in the export (a page holds 20: fetch /t/<id>/posts.json for the rest)"
        ledger.flag("posts", what, n=topic.told - len(posts))
    context = f"category {topic.category}" if topic.category else ""
    for at in sorted(posts):
        post = posts[at]
        if post.time is None or not post.author or post.lost:
            reason = post.lost if post.time is not None and post.author else "has no author or time"
            ledger.drop("posts", reason, (), stage="match", n=1)
            continue
        who = trace.account(post.author.lower(), name=post.name, login=post.author, bot=post.bot)
        trace.attend(f"discourse/{key}", who, post.time, "opener" if at == 1 else "reply", "topic")
        if at == 1:
            ledger.drop("posts", "opens a topic", (), n=1)
            continue
        parent = posts.get(post.parent)
        if parent is None or not parent.author:
            ledger.drop("posts", "what it replies to is outside the export", (), n=1)
            continue
        learner = trace.account(parent.author.lower(), bot=parent.bot)
        if learner == who:
            ledger.drop("posts", "replies to oneself", (), n=1)
            continue
        trace.tie(
            post.time, who, learner, "answer" if post.parent == 1 else "reply",
            weight=accepted if post.solved else 1.0, context=context, topic=topic.tags,
            evidence=f"discourse/{key}/{at}", confirmed=post.solved,
        )  # fmt: skip
