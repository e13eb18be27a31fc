"""Canvas discussions: whoever replies teaches the author of the entry."""

from __future__ import annotations

from typing import Any

from peernet.errors import DataError
from peernet.ingest._fields import dig, iso_us, json_documents, rows_of, short, text
from peernet.ingest._files import PathLike
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_canvas"]


def read_canvas(path: PathLike, *, people: People | None = None, aliases: Aliases = None) -> Records:
    """Who answered whom in Canvas discussions, from the JSON of ``/discussion_topics/{id}/view``.

    Direction: a reply teaches the author of the entry above it; an entry on the topic itself teaches nobody,
    because the topic is the teacher's task. Deleted entries have no author; their replies are counted and
    not used. The ``/view`` document holds the whole tree; ``/entries`` lists only recent replies and is
    refused. Messages are not kept.

    Parameters
    ----------
    path : path
        JSON file, or a folder or zip with one file a topic; the name of the file is the ``context``. Lists
        of users (``/courses/{id}/users``, with ``email`` or ``login_id``) among them give the addresses.
    people : Records or pandas.DataFrame, optional
        The roster. Without it, one person an account.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``canvas:<user id>`` or e-mail -> person.

    Returns
    -------
    Records
        ``events`` (kind "reply", time in UTC, weight 1, ``evidence`` = topic and entry),
        ``sessions`` (session = topic) and the report.

    Raises
    ------
    DataError
        When a file is cut or holds no discussion.
    """
    trace = Traces("read_canvas", "canvas")
    n = 0
    for name, value in json_documents(path, trace.ledger, "topics"):
        for user in rows_of(value):
            if text(user, "id") and (text(user, "email") or text(user, "login_id")):
                _account(
                    trace,
                    text(user, "id"),
                    text(user, "name"),
                    text(user, "email") or text(user, "login_id"),
                    text(user, "login_id"),
                )
        view = dig(value, "view")
        if isinstance(view, list):
            n += 1
            _topic(trace, short(name.rsplit("/", 1)[-1].removesuffix(".json")), value)
    if not n:
        raise DataError(
            "read_canvas: no discussion was found. Give the JSON of /discussion_topics/<id>/view."
        )
    return trace.records(
        people, aliases, direction="a reply teaches the author of the entry above it",
        notes=["messages are not kept; course forums are partly an assignment: replying may have been marked"],
    )  # fmt: skip


def _account(trace: Traces, user: str, name: str = "", email: str = "", login: str = "") -> int:
    """Return the account of a user id."""
    return trace.account(f"canvas:{user}", name=name, email=email if "@" in email else "", login=login)


def _topic(trace: Traces, context: str, value: Any) -> None:
    """Walk the tree of entries, then those that are newer than the tree."""
    for person in rows_of(dig(value, "participants")):
        if text(person, "id"):
            _account(trace, text(person, "id"), text(person, "display_name"))
    authors: dict[str, int | None] = {}
    stack: list[tuple[dict[str, Any], int | None, bool]] = [
        (entry, None, True) for entry in rows_of(dig(value, "view"))
    ]
    while stack:
        entry, parent, top = stack.pop()
        author = _entry(trace, context, entry, parent, top)
        authors[text(entry, "id")] = author
        stack += [(reply, author, False) for reply in rows_of(entry.get("replies"))]
    for entry in rows_of(dig(value, "new_entries")):
        above = text(entry, "parent_id")
        if text(entry, "id") in authors:
            trace.ledger.read("entries", 1)
            trace.ledger.drop("entries", "the same entry again", (), stage="match", n=1)
        else:
            authors[text(entry, "id")] = _entry(trace, context, entry, authors.get(above), not above)


def _entry(trace: Traces, context: str, entry: dict[str, Any], parent: int | None, top: bool) -> int | None:
    """Read an entry, and return its author."""
    ledger = trace.ledger
    ledger.read("entries", 1)
    user, time = text(entry, "user_id"), iso_us(entry.get("created_at"))
    if not user or time is None or entry.get("deleted") is True:
        ledger.drop("entries", "deleted, or without author or time", (), stage="match", n=1)
        return None
    author = _account(trace, user)
    trace.attend(f"canvas/{context}", author, time, "entry" if top else "reply", "discussion")
    if top:
        ledger.drop("entries", "answers the topic itself", (), n=1)
    elif parent is None:
        ledger.drop("entries", "the entry above was deleted", (), n=1)
    elif parent == author:
        ledger.drop("entries", "replies to oneself", (), n=1)
    else:
        evidence = f"canvas/{context}/{text(entry, 'id')}"
        trace.tie(time, author, parent, "reply", context=context, evidence=evidence)
    return author
