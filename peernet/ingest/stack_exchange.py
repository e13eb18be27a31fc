"""Stack Exchange data dumps, streamed: whoever answers teaches whoever asked."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.errors import DataError
from peernet.ingest._columns import Texts, Words, ints
from peernet.ingest._fields import iso_us, short
from peernet.ingest._files import PathLike, existing, file_facts
from peernet.ingest._traces import Traces, progress_bar
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_stack_exchange"]

Ints = NDArray[np.int64]
_BLOCK = 1 << 18
_AT_ONCE = 100_000
_COMMUNITY = "-1"
_TAG = re.compile(r"[^<>|]+")


def read_stack_exchange(
    path: PathLike,
    *,
    people: People | None = None,
    weight: Literal["answer", "score", "share"] = "answer",
    accepted: float = 1.0,
    comments: bool = False,
    thread_sessions: bool = False,
    aliases: Aliases = None,
    progress: bool = False,
) -> Records:
    """Who answered whom, from the XML of a Stack Exchange data dump (``Posts.xml``, ``Users.xml``, ``Comments.xml``).

    The files are read a block at a time and never held; memory grows with the number of questions (about 100
    bytes each) and answers, not with the texts. Direction: whoever answers a question teaches whoever asked.
    Posts of deleted accounts and of the Community account (-1) are counted and not used; posts are public
    for good, but who wrote them was forgotten. Document types and entities are refused.

    Parameters
    ----------
    path : path
        Folder of the dump, or ``Posts.xml`` itself.
    people : Records or pandas.DataFrame, optional
        The roster, with aliases ``stack_exchange:<user id>``; dumps hold no e-mail addresses. Without it,
        one person an account.
    weight : {"answer", "score", "share"}
        1 an answer; log(1 + score), at least log 2 for scores below 1; or 1 a question shared among its
        answers.
    accepted : float
        Factor for the answer that the asker accepted, at least 1.
    comments : bool
        Also read ``Comments.xml``: whoever comments on a post teaches its author (kind "comment"). Weak.
    thread_sessions : bool
        Also who met at which question, as ``sessions``, for two-mode work. It takes as much room again as the events.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``stack_exchange:<user id>`` -> person.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Records
        ``events`` (kind "answer"; time of the answer in UTC, ``topic`` = tags of the question, ``evidence`` = post,
        ``confirmed`` = accepted), with ``thread_sessions`` also ``sessions`` (session = question, with whoever asked
        as "opener" and those who answered), and the report.

    Raises
    ------
    DataError
        When the XML is cut, has a document type, or there is no ``Posts.xml``.
    """
    literal("weight", weight, ("answer", "score", "share"))
    number("accepted", accepted, 1)
    posts = _file(path, "Posts.xml")
    trace = Traces("read_stack_exchange", "stack_exchange")
    trace.says_confirmed = True
    users = posts.with_name("Users.xml")
    if users.is_file():
        _users(trace, users, progress)
    questions = _Questions(comments, thread_sessions)
    _posts(trace, posts, questions, weight, accepted, progress)
    if comments:
        _comments(trace, _file(posts.parent, "Comments.xml"), questions, progress)
    return trace.records(
        people,
        aliases,
        time_zone="UTC (the dump states none; it is UTC)",
        direction="whoever answers a question teaches whoever asked"
        + ("; comments teach the author of the post" if comments else ""),
        notes=[
            "texts are not kept; votes are an audience without names; askers may come from outside the firm"
        ],
    )


class _Questions:
    """What is remembered of questions and authors, in a few numbers each."""

    def __init__(self, authors: bool, sessions: bool) -> None:
        self._authors, self.sessions = authors, sessions
        self.number, self.owner, self.tags = array("q"), array("q"), array("q")
        self.accepted, self.time = array("q"), array("q")
        self.post, self.author = array("q"), array("q")
        self.words = Words()

    def add(self, number: int, owner: int, time: int, tags: str, best: int | None) -> None:
        """Remember a question; owner -1 = nobody."""
        self.number.append(number)
        self.owner.append(owner)
        self.time.append(time)
        self.tags.append(self.words.code(tags))
        if best is not None:
            self.accepted.append(best)

    def wrote(self, post: int, account: int) -> None:
        """Remember the author of a post, where comments will ask for it."""
        if self._authors:
            self.post.append(post)
            self.author.append(account)


def _lookup(keys: array[int], wanted: Ints) -> Ints:
    """Return where each wanted number stands in ``keys`` (the last time, if twice); -1 = nowhere."""
    have = ints(keys)
    if not len(have):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(have, kind="stable")
    at = np.searchsorted(have[order], wanted, side="right") - 1
    found = order[np.maximum(at, 0)]
    return np.where((at >= 0) & (have[found] == wanted), found, -1)


def _file(path: PathLike, name: str) -> Path:
    """Find a file of the dump."""
    where = existing(path, "read_stack_exchange")
    if where.is_dir():
        hits = sorted(p for p in where.iterdir() if p.name.lower() == name.lower())
        if not hits:
            raise DataError(
                f"read_stack_exchange: {where.name} holds no {name}. Unpack the dump (.7z) first."
            )
        return hits[0]
    return where


def xml_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the attributes of every ``<row>``; nothing else is looked at, nothing is expanded.

    Raises
    ------
    DataError
        When the file is not well-formed, is cut, nests, or declares a document type.
    """
    found: list[dict[str, str]] = []
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > 8:
            raise DataError(f"{path.name} is nested; a data dump is a flat list of rows. It is not read.")
        if name == "row":
            found.append(attributes)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise DataError(
            f"{path.name} declares a document type or entities. Data dumps do not; it is not read."
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                parser.Parse(block, False)
                yield from found
                found.clear()
            parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path.name} is not complete XML ({error}). The download was cut; fetch it again."
        ) from None
    yield from found


def _number(row: dict[str, str], key: str) -> int | None:
    """Return a whole number."""
    value = row.get(key, "")
    return int(value) if len(value) < 19 and re.fullmatch(r"-?[0-9]+", value) else None


def _users(trace: Traces, path: Path, progress: bool) -> None:
    """Read the names."""
    trace.ledger.files.append(file_facts(path))
    for row in progress_bar(xml_rows(path), progress, "Users.xml"):
        user = row.get("Id", "")
        if user and user != _COMMUNITY:
            trace.account(f"stack_exchange:{user}", name=row.get("DisplayName", ""))


def _owner(trace: Traces, row: dict[str, str]) -> int | None:
    """Return the account that owns a post."""
    user = row.get("OwnerUserId", "")
    return None if not user or user == _COMMUNITY else trace.account(f"stack_exchange:{user}")


def _posts(
    trace: Traces, path: Path, questions: _Questions, weight: str, accepted: float, progress: bool
) -> None:
    """Read questions and answers; an answer may stand before its question."""
    ledger = trace.ledger
    ledger.files.append(file_facts(path))
    answers = tuple(array("q") for _ in range(5))  # number, question, time, author, score
    for row in progress_bar(xml_rows(path), progress, "Posts.xml"):
        ledger.read("posts", 1)
        kind, number_, time = row.get("PostTypeId"), _number(row, "Id"), iso_us(row.get("CreationDate"))
        owner = _owner(trace, row)
        if kind not in ("1", "2"):
            ledger.drop("posts", "neither question nor answer (tag wiki ...)", (), stage="match", n=1)
        elif number_ is None or time is None:
            ledger.drop("posts", "has no id or time", (), stage="match", n=1)
        elif kind == "1":
            ledger.drop("posts", "is a question", (), n=1)
            tags = short(" ".join(_TAG.findall(row.get("Tags", ""))[:8]))
            best = _number(row, "AcceptedAnswerId")
            questions.add(number_, -1 if owner is None else owner, time, tags, best)
            if owner is not None:
                questions.wrote(number_, owner)
        elif owner is None:
            ledger.drop(
                "posts", "its author deleted the account, or is the Community", (), stage="match", n=1
            )
        else:
            questions.wrote(number_, owner)
            score = max(-(2**40), min(2**40, _number(row, "Score") or 0))
            said = (number_, _number(row, "ParentId") or 0, time, owner, score)
            for column, value in zip(answers, said, strict=True):
                column.append(value)
    _answers(trace, questions, [ints(column) for column in answers], weight, accepted)


def _answers(trace: Traces, questions: _Questions, answers: list[Ints], weight: str, accepted: float) -> None:
    """Join answers with their questions, some at a time."""
    ledger = trace.ledger
    accepted_ones, words = np.unique(ints(questions.accepted)), questions.words.all()
    owners, tags = np.append(ints(questions.owner), -1), np.append(ints(questions.tags), 0)
    taught = np.zeros(len(answers[0]), dtype=bool)
    asked, times = np.unique(answers[1], return_counts=True) if weight == "share" else (answers[1][:0],) * 2
    for begin in range(0, len(answers[0]), _AT_ONCE):
        number_, parent, time, author, score = (column[begin : begin + _AT_ONCE] for column in answers)
        at = _lookup(questions.number, parent)
        owner = owners[at]  # at -1: nobody
        lost, gone = at < 0, (at >= 0) & (owner < 0)
        ledger.drop("posts", "its question is not in the dump", (), stage="match", n=int(lost.sum()))
        reason = "the asker deleted the account, or is the Community"
        ledger.drop("posts", reason, (), stage="match", n=int(gone.sum()))
        best = np.isin(number_, accepted_ones)
        if weight == "share":
            value = 1.0 / times[np.searchsorted(asked, parent)]
        else:
            value = np.log1p(np.maximum(score, 1)) if weight == "score" else np.ones(len(parent))
        value = value * np.where(best, accepted, 1.0)
        used = np.flatnonzero(~lost & ~gone)
        taught[begin + used] = True
        for i in used.tolist():
            trace.tie(
                int(time[i]), int(author[i]), int(owner[i]), "answer", weight=float(value[i]),
                topic=words[tags[at[i]]], evidence=f"post/{number_[i]}", confirmed=bool(best[i]),
            )  # fmt: skip

    if questions.sessions:
        _sessions(trace, questions, [column[taught] for column in answers[:4]])


def _sessions(trace: Traces, questions: _Questions, answers: list[Ints]) -> None:
    """Note who met at which question: whoever asked, and those who answered."""
    number_, time, author = answers[1], answers[2], answers[3]
    order = np.argsort(number_, kind="stable")
    at = _lookup(questions.number, number_)
    before = -1
    for i in order.tolist():
        session = f"question/{number_[i]}"
        if at[i] != before:
            before = at[i]
            trace.attend(session, questions.owner[before], questions.time[before], "opener", "question")
        trace.attend(session, int(author[i]), int(time[i]), "answer", "question")


def _comments(trace: Traces, path: Path, questions: _Questions, progress: bool) -> None:
    """Read comments."""
    ledger = trace.ledger
    ledger.files.append(file_facts(path))
    said, posts, whose = Texts(), array("q"), array("q")
    times = array("q")
    unknown = "author or post unknown (deleted)"
    for row in progress_bar(xml_rows(path), progress, "Comments.xml"):
        ledger.read("comments", 1)
        time, user, post = iso_us(row.get("CreationDate")), row.get("UserId", ""), _number(row, "PostId")
        if time is None or not user or user == _COMMUNITY or post is None:
            ledger.drop("comments", unknown, (), stage="match", n=1)
            continue
        said.append(row.get("Id", ""))
        posts.append(post)
        times.append(time)
        whose.append(trace.account(f"stack_exchange:{user}"))
    at = _lookup(questions.post, ints(posts))
    author = np.append(ints(questions.author), -1)[at]
    own = (at >= 0) & (author == ints(whose))
    ledger.drop("comments", unknown, (), stage="match", n=int((at < 0).sum()))
    ledger.drop("comments", "on one's own post", (), n=int(own.sum()))
    for i in np.flatnonzero((at >= 0) & ~own).tolist():
        trace.tie(times[i], whose[i], int(author[i]), "comment", evidence=f"comment/{said[i]}")
