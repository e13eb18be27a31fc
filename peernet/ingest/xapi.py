"""xAPI statements (IEEE 9274.1.1): instructors, mentors and authors teach those who learn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import literal
from peernet.errors import DataError
from peernet.ingest._fields import dig, iso_us, json_documents, json_lines, rows_of, short, text
from peernet.ingest._files import PathLike
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People, roster_of
from peernet.records.tables import Records, empty_table

__all__ = ["VERBS", "read_xapi"]

# Last word of a verb's IRI -> what the actor does. "learns": from instructor or author; "teaches": the object;
# "asks": the object teaches.
VERBS: dict[str, str] = {
    **dict.fromkeys(
        (
            "experienced",
            "completed",
            "passed",
            "attended",
            "watched",
            "viewed",
            "read",
            "launched",
            "progressed",
            "mastered",
            "consumed",
            "finished",
            "listened",
            "earned",
            "satisfied",
            "answered",
            "attempted",
            "played",
        ),
        "learns",
    ),
    **dict.fromkeys(
        (
            "mentored",
            "tutored",
            "taught",
            "coached",
            "helped",
            "trained",
            "instructed",
            "supervised",
            "replied",
            "commented",
        ),
        "teaches",
    ),
    **dict.fromkeys(("asked", "requested", "consulted"), "asks"),
}
_VOIDED = "voided"
_DONE = ("completed", "passed", "finished", "mastered")


def read_xapi(
    path: PathLike,
    *,
    people: People | None = None,
    authors: Mapping[str, str] | None = None,
    verbs: Mapping[str, str] | None = None,
    aliases: Aliases = None,
) -> Records:
    """Who taught whom, from the statements of a learning record store.

    Direction, by verb (``VERBS``; the last word of its IRI counts): verbs of learning (completed, watched
    ...) make the actor the learner of ``context.instructor`` and of the author of the activity
    (``authors``); verbs of teaching (mentored, tutored, replied ...) make the actor the teacher of the
    person who is the object; verbs of asking the reverse. Members of a group learn 1/k each. Voided
    statements, and the voiding ones, are left out; sub-statements are not read. Names, scores and responses
    are not kept.

    Parameters
    ----------
    path : path
        JSON (an array, or ``{"statements": [...]}``), JSON lines, or a folder or zip of them.
    people : Records or pandas.DataFrame, optional
        The roster; matched by ``mbox``, also where only its SHA-1 is given, or by account name in a column
        ``login``. Without it, one person an identifier.
    authors : dict, optional
        Activity id -> e-mail (or account) of who wrote it.
    verbs : dict, optional
        More verbs, or other readings: last word of the IRI, or the whole IRI -> "learns", "teaches", "asks",
        "ignore".
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches.

    Returns
    -------
    Records
        ``events`` (kind = verb; time of the statement in UTC, weight 1 shared among its learners,
        ``topic`` = activity, ``evidence`` = statement id), ``completions``
        (completed, passed ...) and the report.

    Raises
    ------
    DataError
        When a file is cut or holds no statement.
    """
    told = dict(verbs or {})
    for value in told.values():
        literal("verbs", value, ("learns", "teaches", "asks", "ignore"))
    trace = Traces("read_xapi", "xapi")
    digests = _digests(people)
    statements: dict[str, dict[str, Any]] = {}
    voided: set[str] = set()
    for row in _statements(trace, path):
        trace.ledger.read("statements", 1)
        verb = _verb(row)
        if verb == _VOIDED:
            voided.add(text(row.get("object"), "id"))
            trace.ledger.drop("statements", "voids another", (), stage="match", n=1)
            continue
        key = text(row, "id") or f"without id {len(statements)}"
        if key in statements:
            trace.ledger.drop("statements", "the same statement again", (), stage="match", n=1)
            continue
        statements[key] = row
    if not statements:
        raise DataError("read_xapi: no statement was found. Give the JSON of /statements.")
    done: list[dict[str, Any]] = []
    for key, row in sorted(statements.items()):
        if key in voided:
            trace.ledger.drop("statements", "voided", (), stage="match", n=1)
            continue
        _read(trace, key, row, authors or {}, {**VERBS, **told}, digests, done)
    records = trace.records(
        people,
        aliases,
        direction=(
            "by verb: instructors and authors teach who learns; who mentors or replies teaches the "
            "person it is done to"
        ),
        notes=[
            "responses, scores and names of activities are not kept; having opened content is exposure, "
            "not learning"
        ],
    )
    return replace(records, completions=_completions(trace, done))


def _statements(trace: Traces, path: PathLike) -> Iterator[dict[str, Any]]:
    """Yield statements of any packaging."""
    name = Path(path).name.lower() if isinstance(path, (str, os.PathLike)) else ""
    if name.endswith((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")):
        yield from json_lines(path, trace.ledger, "lines")
        return
    for _, value in json_documents(path, trace.ledger, "statements"):
        inner = dig(value, "statements")
        listed = inner if isinstance(inner, list) else value if isinstance(value, list) else [value]
        yield from (row for row in rows_of(listed) if "actor" in row or "verb" in row)


def _verb(row: dict[str, Any]) -> str:
    """Return the last word of the verb's IRI."""
    iri = text(row.get("verb"), "id")
    return iri.rstrip("/").replace("#", "/").rsplit("/", 1)[-1].lower()


def _digests(people: People | None) -> dict[str, str]:
    """Return SHA-1 of mailto addresses -> address, for statements that hide them so."""
    if people is None:
        return {}
    roster = roster_of(people)
    mails: list[str] = [str(m) for m in roster["email"].dropna()] if "email" in roster.columns else []
    return {hashlib.sha1(f"mailto:{m}".encode(), usedforsecurity=False).hexdigest(): m for m in mails}


def _agents(trace: Traces, agent: Any, digests: Mapping[str, str], depth: int = 0) -> list[int]:
    """Return the accounts of an agent, or of the members of a group."""
    if not isinstance(agent, dict):
        return []
    mail = text(agent, "mbox").removeprefix("mailto:").strip().lower()
    mail = mail or digests.get(text(agent, "mbox_sha1sum").lower(), "")
    account = agent.get("account")
    login = text(account, "name")
    handle = (
        mail
        or (f"{text(account, 'homePage')}|{login}" if login else "")
        or text(agent, "openid")
        or text(agent, "mbox_sha1sum")
    )
    if handle:
        return [trace.account(handle, name=text(agent, "name"), email=mail, login=login)]
    if depth > 2:
        return []
    return [a for m in rows_of(agent.get("member")) for a in _agents(trace, m, digests, depth + 1)]


def _read(
    trace: Traces,
    key: str,
    row: dict[str, Any],
    authors: Mapping[str, str],
    verbs: Mapping[str, str],
    digests: Mapping[str, str],
    done: list[dict[str, Any]],
) -> None:
    """Read one statement."""
    verb = _verb(row)
    role = verbs.get(text(row.get("verb"), "id")) or verbs.get(verb, "")
    time = iso_us(row.get("timestamp")) or iso_us(row.get("stored"))
    actors = _agents(trace, row.get("actor"), digests)
    thing = row.get("object")
    kind = text(thing, "objectType") or "Activity"
    activity = short(text(thing, "id")) if kind == "Activity" else ""
    reason, others = "", []
    if time is None or not actors:
        reason = "names no actor or no time"
    elif role in ("", "ignore"):
        reason = "verb is neither learning nor teaching"
    elif role in ("teaches", "asks"):
        others = _agents(trace, thing, digests) if kind in ("Agent", "Group") else []
        reason = "" if others else "is done to nobody (its object is no person)"
    else:
        others = _agents(trace, dig(row, "context", "instructor"), digests)
        author = authors.get(text(thing, "id"))
        if author:
            others.append(
                trace.account(author.lower(), email=author.lower() if "@" in author else "", login=author)
            )
        if activity and time is not None:
            done += [
                {"a": a, "item": activity, "time": time, "author": author or "", "verb": verb} for a in actors
            ]
        reason = "" if others else "nobody is known to have taught it (no instructor, no author)"
    if reason or time is None:
        trace.ledger.drop("statements", reason, (), stage="match" if "names no" in reason else "use", n=1)
        return
    pairs = (
        [(o, a) for o in others for a in actors]
        if role in ("learns", "asks")
        else [(a, o) for a in actors for o in others]
    )
    pairs = [p for p in pairs if p[0] != p[1]] or pairs  # who mentors their own group is none of its learners
    learners = len({p[1] for p in pairs})
    for teacher, learner in dict.fromkeys(pairs):
        trace.tie(time, teacher, learner, verb, weight=1.0 / learners, topic=activity, evidence=key)


def _completions(trace: Traces, done: list[dict[str, Any]]) -> pd.DataFrame:
    """Make the table of completions: the first of a person and activity."""
    shape = empty_table("completions")
    by_mail = {
        a.email or a.handle: trace.person[i] for i, a in enumerate(trace.accounts) if i < len(trace.person)
    }
    rows = [
        {
            "person": trace.person[d["a"]],
            "item": d["item"],
            "time": pd.Timestamp(d["time"], unit="us", tz="UTC"),
            "status": d["verb"],
            "author": by_mail.get(d["author"].lower())
            or (f"external:{d['author']}" if d["author"] else None),
        }
        for d in done
        if d["verb"] in _DONE and trace.person[d["a"]] is not None
    ]
    if not rows:
        return shape
    frame = (
        pd.DataFrame(rows)
        .sort_values("time", kind="stable")
        .drop_duplicates(["person", "item"], ignore_index=True)
    )
    frame = frame.reindex(columns=shape.columns)
    for column, kind in shape.dtypes.items():
        frame[column] = frame[column].astype(kind)
    return frame
