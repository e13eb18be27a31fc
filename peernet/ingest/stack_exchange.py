"""Stack Exchange data dumps, streamed: whoever answers teaches whoever asked."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from xml.parsers import expat

from peernet._check import literal, number
from peernet.errors import DataError
from peernet.ingest._fields import iso_us, short
from peernet.ingest._files import PathLike, existing, file_facts
from peernet.ingest._traces import Traces, progress_bar
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_stack_exchange"]

_BLOCK = 1 << 20
_COMMUNITY = "-1"
_TAG = re.compile(r"[^<>|]+")


def read_stack_exchange(
    path: PathLike,
    *,
    people: People | None = None,
    weight: Literal["answer", "score", "share"] = "answer",
    accepted: float = 1.0,
    comments: bool = False,
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
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``stack_exchange:<user id>`` -> person.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Records
        ``events`` (kind "answer"; ``topic`` = tags of the question, ``evidence`` = post, ``confirmed`` =
        accepted) and the report.

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
    questions = _Questions(comments)
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
    """What is remembered of questions, by their number."""

    def __init__(self, authors: bool) -> None:
        self.owner: dict[int, int] = {}
        self._authors = authors
        self.accepted: set[int] = set()
        self.tags: dict[int, str] = {}
        self.author: dict[int, int] = {}
        self._pool: dict[str, str] = {}

    def wrote(self, post: int, account: int) -> None:
        """Remember the author of a post, where comments will ask for it."""
        if self._authors:
            self.author[post] = account

    def share(self, tags: str) -> str:
        """Keep one copy of each set of tags."""
        return self._pool.setdefault(tags, tags)


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
    answers = array("q")
    n_by: dict[int, int] = {}
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
            questions.owner[number_] = -1 if owner is None else owner
            questions.tags[number_] = questions.share(" ".join(_TAG.findall(row.get("Tags", ""))[:8]))
            best = _number(row, "AcceptedAnswerId")
            if best is not None:
                questions.accepted.add(best)
            if owner is not None:
                questions.wrote(number_, owner)
        elif owner is None:
            ledger.drop(
                "posts", "its author deleted the account, or is the Community", (), stage="match", n=1
            )
        else:
            questions.wrote(number_, owner)
            parent = _number(row, "ParentId") or 0
            n_by[parent] = n_by.get(parent, 0) + 1
            answers.extend(
                (number_, parent, time, owner, max(-(2**40), min(2**40, _number(row, "Score") or 0)))
            )
    for i in range(0, len(answers), 5):
        number_, parent, time, owner, score = answers[i : i + 5]
        asker = questions.owner.get(parent)
        if asker is None or asker < 0:
            reason = (
                "its question is not in the dump"
                if asker is None
                else "the asker deleted the account, or is the Community"
            )
            ledger.drop("posts", reason, (), stage="match", n=1)
            continue
        best = number_ in questions.accepted
        value = {"answer": 1.0, "score": math.log1p(max(score, 1)), "share": 1.0 / n_by[parent]}[weight]
        trace.tie(
            time,
            owner,
            asker,
            "answer",
            weight=value * (accepted if best else 1.0),
            topic=short(questions.tags.get(parent, "")),
            evidence=f"post/{number_}",
            confirmed=best,
        )


def _comments(trace: Traces, path: Path, questions: _Questions, progress: bool) -> None:
    """Read comments."""
    ledger = trace.ledger
    ledger.files.append(file_facts(path))
    for row in progress_bar(xml_rows(path), progress, "Comments.xml"):
        ledger.read("comments", 1)
        time, user, post = iso_us(row.get("CreationDate")), row.get("UserId", ""), _number(row, "PostId")
        author = questions.author.get(post) if post is not None else None
        if time is None or not user or user == _COMMUNITY or author is None:
            ledger.drop("comments", "author or post unknown (deleted)", (), stage="match", n=1)
        else:
            who = trace.account(f"stack_exchange:{user}")
            if who == author:
                ledger.drop("comments", "on one's own post", (), n=1)
                continue
            trace.tie(time, who, author, "comment", evidence=f"comment/{row.get('Id', '')}")
