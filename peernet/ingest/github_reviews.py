"""Pull request reviews from GitHub: reviewers who say something teach the author."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from peernet._check import number
from peernet.errors import DataError
from peernet.ingest._fields import dig, is_bot_name, iso_us, json_documents, json_lines, rows_of, short, text
from peernet.ingest._files import PathLike
from peernet.ingest._traces import Traces, allowed
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_github_reviews"]

_URL = re.compile(r"(?:repos/|github[^/]*/|^)([^/\s]+/[^/\s]+)/pulls?/(\d+)")
_PAGES = (
    "data",
    "repository",
    "organization",
    "pullRequests",
    "pullRequest",
    "search",
    "nodes",
    "edges",
    "node",
    "items",
    "payload",
)


class _Review(NamedTuple):
    """A review, or the line comments of somebody outside a review."""

    pull: str
    who: int | None
    state: str
    time: int | None
    says: bool
    lines: int


class _Found:
    """What was found so far, in any order."""

    def __init__(self) -> None:
        self.author: dict[str, int | None] = {}
        self.reviews: dict[str, _Review] = {}
        self.comments: dict[str, tuple[str, int | None, int | None, str]] = {}


def read_github_reviews(
    path: PathLike,
    *,
    people: People | None = None,
    repositories: Iterable[str] | None = None,
    cap: float = 5.0,
    rubber_stamps: float = 0.0,
    aliases: Aliases = None,
) -> Records:
    """Who reviewed whose pull requests, from GitHub's JSON.

    Takes the REST pages of ``/pulls``, ``/pulls/{n}/reviews`` and ``/pulls/{n}/comments`` in any mixture of
    files, GraphQL answers, ``gh pr list --json number,author,reviews``, and GH Archive (one event a line,
    ``.json.gz``). Direction: a reviewer teaches the author of the pull request. Weight of a review: its line
    comments (at most ``cap``), plus 1 if it has words of its own, plus 1 if it asks for changes; an approval
    without a word is a rubber stamp and weighs ``rubber_stamps``. Comments by the author on the own pull
    request teach nobody. Texts are not kept.

    Parameters
    ----------
    path : path
        File, folder or zip.
    people : Records or pandas.DataFrame, optional
        The roster; logins are matched in a column ``login`` or ``github``, or through ``aliases``. Without
        it, one person a login.
    repositories : list of str, optional
        ``owner/name`` of the repositories to read; all by default.
    cap : float
        Most that the line comments of one review weigh.
    rubber_stamps : float
        Weight of an approval without words or line comments; 0 leaves it out (counted).
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: login -> person.

    Returns
    -------
    Records
        ``events`` (kinds "review" and, outside a review, "review comment"; time of the review in UTC, ``context`` =
        repository, ``evidence`` = pull request and review), ``sessions`` (session = pull request) and the report.

    Raises
    ------
    DataError
        When a file is cut or holds no review.
    """
    number("cap", cap, 0)
    number("rubber_stamps", rubber_stamps, 0)
    trace = Traces("read_github_reviews", "github")
    found = _Found()
    name = Path(path).name.lower() if isinstance(path, (str, os.PathLike)) else ""
    if name.endswith((".jsonl", ".ndjson", ".gz")) and not name.endswith(".tar.gz"):
        for row in json_lines(path, trace.ledger, "lines"):
            _walk(trace, row, found, "", "")
    else:
        for _, value in json_documents(path, trace.ledger, "pull requests"):
            _walk(trace, value, found, "", "")
    if not found.reviews and not found.comments:
        raise DataError(
            "read_github_reviews: no review was found. Give the JSON of /pulls/<n>/reviews beside that "
            "of /pulls."
        )
    _add_comments(found)
    _ties(trace, found, allowed(repositories), cap, rubber_stamps)
    return trace.records(
        people,
        aliases,
        direction="a reviewer teaches the author of the pull request",
        notes=[
            "texts are not kept; seniors review juniors by rule in many places: that is authority as "
            "much as teaching"
        ],
    )


def _walk(trace: Traces, value: Any, found: _Found, pull: str, repository: str) -> None:
    """Look for pull requests, reviews and comments, whatever is wrapped around them."""
    if isinstance(value, list):
        for row in value:
            _walk(trace, row, found, pull, repository)
        return
    if not isinstance(value, dict):
        return
    repository = text(value, "nameWithOwner") or text(dig(value, "repo"), "name") or repository
    nested = dig(value, "repository")
    repository = text(nested, "nameWithOwner") or text(nested, "full_name") or repository
    if isinstance(value.get("payload"), dict):
        _archive(trace, value["payload"], found, repository)
    elif "submitted_at" in value or "submittedAt" in value:
        _review(trace, value, found, pull)
    elif "pull_request_review_id" in value or ("pull_request_url" in value and "path" in value):
        _comment(trace, value, found, pull)
    elif "number" in value and ("user" in value or "author" in value):
        _pull(trace, value, found, repository)
    else:
        for key in _PAGES:
            _walk(trace, value.get(key), found, pull, repository)


def _archive(trace: Traces, payload: dict[str, Any], found: _Found, repository: str) -> None:
    """Read an event of GH Archive."""
    pull = dig(payload, "pull_request")
    key = _pull(trace, pull, found, repository) if isinstance(pull, dict) else ""
    if isinstance(payload.get("review"), dict):
        _review(trace, payload["review"], found, key)
    if isinstance(payload.get("comment"), dict) and key:
        _comment(trace, payload["comment"], found, key)


def _who(trace: Traces, row: dict[str, Any]) -> int | None:
    """Return the account of a user; None for deleted ones."""
    user = row.get("user") if isinstance(row.get("user"), dict) else row.get("author")
    login = text(user, "login").lower()
    if not login or login == "ghost":
        return None
    kind = text(user, "type") or text(user, "__typename")
    bot = (
        kind in ("Bot", "App")
        or is_bot_name(login)
        or (isinstance(user, dict) and user.get("is_bot") is True)
    )
    return trace.account(login, name=text(user, "name"), email=text(user, "email"), login=login, bot=bot)


def _key(row: dict[str, Any], repository: str = "") -> str:
    """Name a pull request as owner/name#number."""
    links = dig(row, "_links", "pull_request", "href")
    for value in (text(row, "pull_request_url"), links, text(row, "url"), text(row, "html_url")):
        match = _URL.search(value) if isinstance(value, str) else None
        if match:
            return f"{match.group(1).lower()}#{match.group(2)}"
    full = dig(row, "base", "repo", "full_name")
    repository = full if isinstance(full, str) and full else repository
    return f"{short(repository).lower()}#{text(row, 'number')}" if text(row, "number") else ""


def _pull(trace: Traces, row: dict[str, Any], found: _Found, repository: str) -> str:
    """Read a pull request, and what hangs on it."""
    key = _key(row, repository)
    if not key:
        return ""
    author = _who(trace, row)
    if key not in found.author:
        trace.ledger.read("pull requests", 1)
        found.author[key] = author
    elif found.author[key] is None:
        found.author[key] = author
    for name, read in (("reviews", _review), ("review_comments", _comment), ("reviewThreads", None)):
        inner = row.get(name)
        listed = inner if isinstance(inner, list) else dig(inner, "nodes")
        for part in rows_of(listed):
            if read is not None:
                read(trace, part, found, key)
            else:
                for comment in rows_of(dig(part, "comments", "nodes")):
                    _comment(trace, comment, found, key)
    return key


def _review(trace: Traces, row: dict[str, Any], found: _Found, pull: str) -> None:
    """Read a review."""
    pull = _key({k: v for k, v in row.items() if k != "number"}) or pull
    trace.ledger.read("reviews", 1)
    identity = text(row, "id") or text(row, "node_id") or f"{len(found.reviews)}"
    if not pull or f"{pull}/{identity}" in found.reviews:
        reason = "the same review again" if pull else "names no pull request"
        trace.ledger.drop("reviews", reason, (), stage="match", n=1)
        return
    nodes = dig(row, "comments", "nodes")
    total = dig(row, "comments", "totalCount")
    lines = (
        len(nodes)
        if isinstance(nodes, list)
        else total
        if isinstance(total, int) and 0 <= total < 10**6
        else 0
    )
    time = iso_us(row.get("submitted_at") or row.get("submittedAt"))
    says = bool(text(row, "body").strip())
    found.reviews[f"{pull}/{identity}"] = _Review(
        pull, _who(trace, row), text(row, "state").upper(), time, says, lines
    )


def _comment(trace: Traces, row: dict[str, Any], found: _Found, pull: str) -> None:
    """Read a comment on a line."""
    pull = _key({k: v for k, v in row.items() if k != "number"}) or pull
    trace.ledger.read("line comments", 1)
    identity = text(row, "id") or f"{len(found.comments)}"
    if not pull or f"{pull}/{identity}" in found.comments:
        reason = "the same comment again" if pull else "names no pull request"
        trace.ledger.drop("line comments", reason, (), stage="match", n=1)
        return
    time = iso_us(row.get("created_at") or row.get("createdAt"))
    found.comments[f"{pull}/{identity}"] = (pull, _who(trace, row), time, text(row, "pull_request_review_id"))


def _add_comments(found: _Found) -> None:
    """Count line comments with their review; those without one stand for themselves, by pull request and person."""
    names: dict[tuple[str, int | None], str] = {}
    for comment, (pull, who, time, review) in found.comments.items():
        key = f"{pull}/{review}"
        if review and key in found.reviews and found.reviews[key].who == who:
            old = found.reviews[key]
            found.reviews[key] = old._replace(lines=old.lines + 1)
            continue
        loose = names.setdefault((pull, who), f"{pull}/comment {comment}")
        old = found.reviews.get(loose, _Review(pull, who, "LOOSE", time, False, 0))
        times = [t for t in (old.time, time) if t is not None]
        found.reviews[loose] = old._replace(lines=old.lines + 1, time=min(times) if times else None)


def _ties(trace: Traces, found: _Found, wanted: frozenset[str] | None, cap: float, stamp: float) -> None:
    """Turn reviews into ties."""
    ledger = trace.ledger
    for key, review in sorted(found.reviews.items()):
        loose = review.state == "LOOSE"
        what, count = ("line comments", review.lines) if loose else ("reviews", 1)
        repository = review.pull.rsplit("#", 1)[0]
        author = found.author.get(review.pull)
        weight = min(cap, review.lines) + (review.says and not loose) + (review.state == "CHANGES_REQUESTED")
        if wanted is not None and repository.casefold() not in wanted:
            ledger.drop(what, "repository was not asked for", (), stage="match", n=count)
        elif review.state == "PENDING" or review.time is None:
            ledger.drop(what, "not submitted, or without a time", (), stage="match", n=count)
        elif review.who is None or author is None:
            reason = (
                "the reviewer deleted the account"
                if review.who is None
                else "nobody knows whose pull request it is"
            )
            ledger.drop(what, reason, (), stage="match", n=count)
        elif review.who == author:
            ledger.drop(what, "on one's own pull request", (), n=count)
        elif weight <= 0 and stamp <= 0:
            ledger.drop(what, "approved without a word (rubber stamp)", (), n=count)
        else:
            kind = "review comment" if loose else "review"
            trace.tie(
                review.time,
                review.who,
                author,
                kind,
                weight=float(weight or stamp),
                context=repository,
                evidence=key,
            )
            trace.attend(review.pull, review.who, review.time, "reviewer", "pull request")
            trace.attend(review.pull, author, review.time, "author", "pull request")
