"""Slack workspace exports: whoever replies in a thread teaches whoever opened it."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from sys import intern
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from peernet._check import literal, number, quoted
from peernet.errors import DataError
from peernet.ingest import _slack_more
from peernet.ingest._columns import Texts, Words, in_order, ints, text_column
from peernet.ingest._fields import text
from peernet.ingest._files import Archive, PathLike
from peernet.ingest._slack_users import identify, rows, users
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People, roster_of
from peernet.records.report import Ledger
from peernet.records.tables import Records, empty_table

__all__ = ["read_slack"]

Private = Literal["groups", "dms", "mpims"]
_PRIVATE = ("groups", "dms", "mpims")
_TS = re.compile(r"^(\d{9,11})\.(\d{1,6})$")
_DAY_FILE = re.compile(r"^\d{4}-\d{2}-\d{2}\.json$")
_HUMAN = {"", "thread_broadcast", "me_message", "file_share", "file_comment", "reply_broadcast"}
_THANKS = {
    "pray",
    "white_check_mark",
    "heavy_check_mark",
    "bulb",
    "+1",
    "thumbsup",
    "heart",
    "raised_hands",
    "tada",
    "100",
}


class Reply(NamedTuple):
    """An event of one conversation, before it is put away."""

    ts: str
    teacher: str
    learner: str
    thread: str
    confirmed: bool = False
    weight: float = 1.0
    kind: str = "answer"
    suffix: str = ""


class _Message(NamedTuple):
    """What is kept of a message: no text."""

    user: str
    ts: str
    thread: str
    parent_user: str
    asks: bool
    thanked_by: frozenset[str]
    bot: bool
    mentioned: tuple[str, ...] = ()
    gone: bool = False


def read_slack(
    path: PathLike,
    *,
    people: People,
    channels: Iterable[str] | None = None,
    include_private: Iterable[Private] = (),
    threads: Literal["all", "questions"] = "all",
    help_channels: Iterable[str] = (),
    answers: Literal["all", "first"] = "all",
    hours: float | None = None,
    mentions: bool = False,
    weight: Literal["reply", "share"] = "reply",
    thread_sessions: bool = False,
    aliases: Aliases = None,
) -> Records:
    """Who answered whom, from a Slack workspace export (zip or unpacked folder).

    Direction: in a thread, everybody who replies teaches the person who opened it. Replies of the opener,
    of bots and workflows teach nobody. Copies of a reply in the channel (``thread_broadcast``) count once;
    a reply whose question was deleted or is outside the export is kept through ``parent_user_id``. Texts are
    looked at for a question mark and not kept. Users match the roster by e-mail or a confirmed alias; equal names are
    proposed only. Day files are opened one by one; what is held is one conversation (some 300 bytes a message)
    and the events.

    Parameters
    ----------
    path : path
        The export.
    people : Records or pandas.DataFrame
        The roster.
    channels : list of str, optional
        Public channels to read; all by default.
    include_private : list of {"groups", "dms", "mpims"}
        Private conversations are not opened unless named here; what was named stands in the report.
    threads : {"all", "questions"}
        "questions" keeps threads whose first message ends with a question mark, or in ``help_channels``; a
        reply whose question is outside the export is then left out.
    help_channels : list of str
        Channels in which every thread is a question.
    answers : {"all", "first"}
        Every reply, or the first by somebody else in each thread only.
    hours : float, optional
        Only replies within so many hours of the first message of the thread.
    mentions : bool
        Also an event of kind "mention" wherever a question calls somebody: the person mentioned teaches the
        author. Weak: whoever is called need not answer.
    weight : {"reply", "share"}
        1 a reply, or 1 a thread and learner shared among those who replied.
    thread_sessions : bool
        Also who wrote in which thread, as ``sessions``, for two-mode work. It takes as much room again as the events.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: Slack id, e-mail or label of ``report.unmatched`` -> person.

    Returns
    -------
    Records
        ``events``: kind "answer", time of the reply (UTC), ``context`` = channel, ``evidence`` = channel
        and ``ts`` (a text: as a number it would lose its end), ``confirmed`` = the asker reacted with
        thanks. ``sessions``: who was in which huddle, which gives no ties: nobody knows who spoke; with
        ``thread_sessions`` also who wrote in which thread (kind "thread", role "opener" or "answer").
        ``aliases`` of system "slack".

    Raises
    ------
    DataError
        When the archive is cut, escapes its folder, unpacks to too much or is not a Slack export.
    """
    literal("threads", threads, ("all", "questions"))
    literal("weight", weight, ("reply", "share"))
    literal("answers", answers, ("all", "first"))
    if hours is not None:
        number("hours", hours, 0, open_low=True)
    opted: list[str] = [include_private] if isinstance(include_private, str) else list(include_private)
    for word in opted:
        literal("include_private", word, _PRIVATE)
    ledger = Ledger("read_slack")
    ledger.read("messages", 0)
    roster = roster_of(people)
    helps = {str(c).lstrip("#") for c in help_channels}
    with Archive(path, "read_slack") as archive:
        ledger.files.append(archive.facts)
        root = _root(archive)
        accounts = users(archive, root)
        who, bots, review = identify(accounts, roster, aliases, ledger)
        places = _places(archive, root, channels, opted, ledger)
        found, talks = _Found(), Traces("read_slack", "slack")
        huddles: list[dict[str, Any]] = []
        for folder, (code, name, files) in places.items():
            messages = _messages(archive, files, bots, ledger, huddles)
            everything = threads == "all" or name in helps
            late = _slack_more.too_late(messages, who, bots, answers, hours)
            found.add(
                code,
                name or folder,
                _replies(messages, who, bots, accounts, everything, weight, ledger, late),
            )
            if mentions:
                found.add(code, name or folder, _slack_more.mentions(messages, who, ledger))
            if thread_sessions:
                _slack_more.attendances(talks, code, messages, who)
            del messages
    events = found.events()
    ledger.notes.append(
        "message texts are not kept; readers leave no trace; chat is coordination as well as teaching"
    )
    moments = events["time"]
    ledger.facts.update(
        direction="a reply in a thread teaches the person who opened it"
        + ("; whoever a question mentions teaches its author" if mentions else ""),
        time_zone="UTC (Slack time stamps)",
        unmatched=review,
        start=moments.min() if len(moments) else None,
        end=moments.max() if len(moments) else None,
    )
    pairs = [{"person": p, "system": "slack", "id": u} for u, p in sorted(who.items())]
    known = pd.DataFrame(pairs, columns=["person", "system", "id"]).astype("str")
    talks.ledger = ledger
    sessions = _slack_more.together(
        talks.sessions([account.handle for account in talks.accounts]),
        _slack_more.huddles(huddles, who, bots, ledger),
    )
    return Records(people=roster, events=events, sessions=sessions, aliases=known, report=ledger.report())


def _root(archive: Archive) -> str:
    """Find the folder that holds channels.json."""
    hits = [n for n in archive.names() if n.rsplit("/", 1)[-1] == "channels.json"]
    if not hits:
        have = [n for n in archive.names() if n.endswith(".json")][:5] or archive.names()[:5]
        raise DataError(
            f"{archive.name} holds no channels.json, so it is not a Slack workspace export (it holds "
            f"{quoted(have)}). "
            "Give the zip as it was downloaded."
        )
    return min(hits, key=lambda n: n.count("/"))[: -len("channels.json")]


def _places(
    archive: Archive, root: str, channels: Iterable[str] | None, opted: list[str], ledger: Ledger
) -> dict[str, tuple[str, str, list[str]]]:
    """Choose the conversations to open: folder -> (id, name shown, day files)."""
    files: dict[str, list[str]] = {}
    for path in archive.names():
        parts = path[len(root) :].split("/")
        if path.startswith(root) and len(parts) == 2 and _DAY_FILE.match(parts[1]):
            files.setdefault(parts[0], []).append(path)
    public = {text(row, "name"): text(row, "id") for row in rows(archive, f"{root}channels.json")}
    wanted = (
        None
        if channels is None
        else {str(c).lstrip("#") for c in ([channels] if isinstance(channels, str) else channels)}
    )
    if wanted is not None:
        unknown = sorted(wanted - set(public))
        if unknown:
            raise DataError(
                f"{archive.name}: channels.json has no channel {quoted(unknown)}. Channels: "
                f"{quoted(sorted(public), 12)}."
            )
        skipped = len(set(public) - wanted)
        ledger.not_read.append(f"{skipped} public channels that were not asked for")
    out: dict[str, tuple[str, str, list[str]]] = {}
    for name, code in public.items():
        if name in files and (wanted is None or name in wanted):
            out[name] = (code or name, name, files[name])
    for kind in opted:
        if f"{root}{kind}.json" not in archive.names():
            ledger.notes.append(f"{kind} were opted in, but the export holds no {kind}.json")
            continue
        n = 0
        for at, row in enumerate(rows(archive, f"{root}{kind}.json")):
            code, name = text(row, "id"), text(row, "name")
            folder = next((f for f in (name, code) if f and f in files), None)
            if folder is not None and folder not in out:
                out[folder] = (code or folder, f"private {kind} {at + 1}", files[folder])
                n += 1
        ledger.notes.append(f"opted in: {n} private conversations ({kind}) were read")
    closed = [f for f in files if f not in out and f not in public]
    if closed:
        ledger.not_read.append(
            f"{len(closed)} private conversations (private channels, group and direct messages): not opened"
        )
    return out


def _messages(
    archive: Archive, files: list[str], bots: set[str], ledger: Ledger, huddles: list[dict[str, Any]]
) -> dict[str, _Message]:
    """Read a conversation: messages by their ts, copies left out."""
    out: dict[str, _Message] = {}
    for path in sorted(files):
        value = archive.json(path)
        if not isinstance(value, list):
            raise DataError(f"{archive.name}: {path} is not a list of messages. Fetch the export again.")
        ledger.read("messages", len(value))
        for row in value:
            if not isinstance(row, dict) or not _TS.match(text(row, "ts")):
                ledger.drop("messages", "not a message with a time", (), stage="match", n=1)
                continue
            subtype, user = text(row, "subtype"), text(row, "user")
            bot = subtype == "bot_message" or bool(row.get("bot_id")) or user in bots
            if subtype == "huddle_thread":
                huddles.append(row)
                ledger.drop("messages", "huddle (attendance only)", (), stage="match", n=1)
                continue
            if subtype not in _HUMAN and subtype != "tombstone" and not bot:
                ledger.drop("messages", "service message (joined, left, renamed ...)", (), stage="match", n=1)
                continue
            message = _kept(row, user, bot)
            if message.ts in out:
                ledger.drop("messages", "copy of a reply (thread_broadcast)", (), stage="match", n=1)
                both = out[message.ts].thanked_by | message.thanked_by
                out[message.ts] = out[message.ts]._replace(thanked_by=both)
                continue
            out[message.ts] = message
    return out


def _kept(row: dict[str, Any], user: str, bot: bool) -> _Message:
    """Keep who, when and in which thread; the text goes."""
    body = text(row, "text").rstrip()
    reactions = row.get("reactions")
    thanked: set[str] = set()
    for reaction in reactions if isinstance(reactions, list) else []:
        if isinstance(reaction, dict) and text(reaction, "name").split("::")[0] in _THANKS:
            users = reaction.get("users")
            thanked |= {u for u in users if isinstance(u, str)} if isinstance(users, list) else set()
    ts, thread = text(row, "ts"), text(row, "thread_ts")
    return _Message(
        user=intern(user), ts=ts, thread=ts if thread == ts else thread,
        parent_user=intern(text(row, "parent_user_id")),
        asks=body.endswith(("?", "？", "؟", "?)", '?"')), thanked_by=frozenset(thanked), bot=bot,
        mentioned=_slack_more.mentioned(body), gone=text(row, "subtype") == "tombstone",
    )  # fmt: skip


def _replies(
    messages: dict[str, _Message],
    who: dict[str, str],
    bots: set[str],
    users: dict[str, dict[str, Any]],
    everything: bool,
    weight: str,
    ledger: Ledger,
    late: dict[str, str],
) -> list[Reply]:
    """Turn replies into events, counting what is left out."""
    out: list[Reply] = []

    def lose(reason: str, stage: Literal["match", "use"] = "use") -> None:
        ledger.drop("messages", reason, (), stage=stage, n=1)

    for message in messages.values():
        if message.gone:
            lose("deleted (only its place in the thread is left)", "match")
            continue
        if message.bot:
            lose("written by a bot or workflow", "match")
            continue
        if message.user not in who:
            lose(
                "author is not on the roster" if message.user in users else "author is not in users.json",
                "match",
            )
            continue
        if not message.thread or message.thread == message.ts:
            lose("opens a thread" if message.thread else "stands alone, in no thread")
            continue
        parent, opener, deleted = _slack_more.opened(messages, message)
        if parent is None:
            where = "was deleted" if deleted else "is outside the export"
            what = f"the question {where} (opener known by parent_user_id)"
            ledger.flag("messages", what, n=int(opener in who))
        if deleted and opener not in who:
            lose("the question was deleted, and nobody on the roster is named as its author", "match")
        elif opener in bots or (parent is not None and parent.bot):
            lose("answers a bot or workflow")
        elif not opener:
            lose("nobody knows who opened the thread")
        elif opener not in who:
            lose("the opener of the thread is not on the roster", "match")
        elif who[opener] == who[message.user]:
            lose("the opener writes in their own thread")
        elif not everything and (parent is None or not parent.asks):
            lose("the thread does not open with a question")
        elif message.ts in late:
            lose(late[message.ts])
        else:
            thanked = opener in message.thanked_by
            out.append(Reply(message.ts, who[message.user], who[opener], message.thread, thanked))
    if weight == "share":
        n = Counter(reply.thread for reply in out)
        out = [reply._replace(weight=1.0 / n[reply.thread]) for reply in out]
    return out


class _Found:
    """Events of all conversations, in a few bytes each."""

    def __init__(self) -> None:
        self._words, self._ids = Words(), Texts()
        self._time, self._weight, self._confirmed = array("q"), array("d"), array("b")
        self._codes = {name: array("i") for name in ("teacher", "learner", "kind", "context", "suffix")}

    def add(self, code: str, name: str, replies: Iterable[Reply]) -> None:
        """Put the events of a conversation away."""
        for reply in replies:
            match = _TS.match(reply.ts)
            assert match is not None  # messages without a time were left out
            self._time.append(int(match.group(1)) * 1_000_000 + int(match.group(2).ljust(6, "0")))
            self._weight.append(reply.weight)
            self._confirmed.append(reply.confirmed)
            self._ids.append(f"{code}:{reply.ts}{reply.suffix}")
            row = (reply.teacher, reply.learner, reply.kind, name, reply.suffix)
            for column, value in zip(self._codes.values(), row, strict=True):
                column.append(self._words.code(value))

    def events(self) -> pd.DataFrame:
        """Make the table of events, in order of time."""
        shape = empty_table("events")
        n = len(self._time)
        if not n:
            return shape.assign(confirmed=pd.Series(dtype="bool"))
        at = in_order(ints(self._time), self._ids, np.arange(n))
        column = {name: self._words.column(ints(self._codes.pop(name))[at]) for name in list(self._codes)}
        ids, self._ids = self._ids.column(at), Texts()
        plain = column.pop("suffix") == ""
        time, self._time = ints(self._time)[at], array("q")
        weight, self._weight = np.frombuffer(self._weight)[at], array("d")
        frame = pd.DataFrame(
            {
                "event_id": ids,
                "time": pd.to_datetime(time, unit="us", utc=True),
                **column,
                "weight": weight,
                "topic": text_column([""], np.zeros(n, dtype=np.int8)),
                "source": text_column(["slack"], np.zeros(n, dtype=np.int8)),
                "evidence": ids if plain.all() else ids.where(plain, ids.str.rsplit("@", n=1).str[0]),
            }
        ).astype(dict(shape.dtypes.items()))
        frame["confirmed"] = np.frombuffer(self._confirmed, dtype=np.int8)[at].astype(bool)
        return frame[[*shape.columns, "confirmed"]]
