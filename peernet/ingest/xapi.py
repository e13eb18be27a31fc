"""xAPI statements (IEEE 9274.1.1): instructors, mentors and authors teach those who learn."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet._check import literal
from peernet.errors import DataError
from peernet.ingest._columns import Words, ints, text_column
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
_MET = ("attended",)  # verbs of being there with others
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


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
    are not kept: a statement is reduced to its ties as it is read, so that memory grows with ties and ids (some 200
    bytes a statement).

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
        (completed, passed ...; the first of a person and activity), ``sessions`` and the report. A session is an
        activity on one UTC day, where people "attended" it (roles "learner" and "teacher" = the instructor), or a
        statement that more than one person learned from (session = statement id).

    Raises
    ------
    DataError
        When a file is cut or holds no statement.
    """
    told = dict(verbs or {})
    for value in told.values():
        literal("verbs", value, ("learns", "teaches", "asks", "ignore"))
    trace = Traces("read_xapi", "xapi")
    reading = _Reading(trace, authors or {}, {**VERBS, **told}, _digests(people))
    voided: set[str] = set()
    for row in _statements(trace, path):
        trace.ledger.read("statements", 1)
        if _verb(row) == _VOIDED:
            voided.add(text(row.get("object"), "id"))
            trace.ledger.drop("statements", "voids another", (), stage="match", n=1)
        else:
            reading.take(row)
    if not reading.n_read:
        raise DataError("read_xapi: no statement was found. Give the JSON of /statements.")
    reading.close(voided)
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
    return replace(records, completions=reading.completions())


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


class _Reading:
    """Statements as they come, each reduced to some numbers at once; voided ones are taken back at the end."""

    def __init__(
        self, trace: Traces, authors: Mapping[str, str], verbs: Mapping[str, str], digests: Mapping[str, str]
    ) -> None:
        self._trace, self._authors, self._verbs, self._digests = trace, authors, verbs, digests
        self.n_read = 0
        self._number: dict[int | str, int] = {}
        self._words = Words()
        self._reason = array("i")  # of each statement; 0 = used
        self._tie_of, self._attendance_of = array("i"), array("i")  # the statement behind each
        self._done = {name: array("q") for name in ("statement", "account", "item", "time", "author", "verb")}
        self._words.code("")

    def take(self, row: dict[str, Any]) -> None:
        """Read one statement, unless it came before."""
        key = text(row, "id") or f"without id {self.n_read}"
        if self._number.setdefault(_compact(key), self.n_read) != self.n_read:
            self._trace.ledger.drop("statements", "the same statement again", (), stage="match", n=1)
            return
        self._reason.append(self._words.code(self._read(key, row)))
        self.n_read += 1

    def close(self, voided: set[str]) -> None:
        """Take back what was voided, and count what gave no tie."""
        ledger, reasons = self._trace.ledger, ints(self._reason)
        gone = np.zeros(self.n_read, dtype=bool)
        gone[[self._number[k] for k in map(_compact, voided) if k in self._number]] = True
        ledger.drop("statements", "voided", (), stage="match", n=int(gone.sum()))
        words = self._words.all()
        times = np.bincount(reasons[~gone], minlength=len(words))
        for code in np.flatnonzero(times[1:]) + 1:
            stage: Literal["match", "use"] = "match" if "names no" in words[code] else "use"
            ledger.drop("statements", words[code], (), stage=stage, n=int(times[code]))
        self._number.clear()
        if gone.any():
            self._trace.forget(gone[ints(self._tie_of)], gone[ints(self._attendance_of)])
            keep = ~gone[ints(self._done["statement"])]
            self._done = {name: array("q", ints(c)[keep].tobytes()) for name, c in self._done.items()}

    def _read(self, key: str, row: dict[str, Any]) -> str:
        """Note the ties and attendances of a statement; return why there are none."""
        verb = _verb(row)
        role = self._verbs.get(text(row.get("verb"), "id")) or self._verbs.get(verb, "")
        time = iso_us(row.get("timestamp")) or iso_us(row.get("stored"))
        actors = list(dict.fromkeys(_agents(self._trace, row.get("actor"), self._digests)))
        thing = row.get("object")
        kind = text(thing, "objectType") or "Activity"
        activity = short(text(thing, "id")) if kind == "Activity" else ""
        if time is None or not actors:
            return "names no actor or no time"
        if role in ("", "ignore"):
            return "verb is neither learning nor teaching"
        if role in ("teaches", "asks"):
            others = _agents(self._trace, thing, self._digests) if kind in ("Agent", "Group") else []
            reason = "is done to nobody (its object is no person)"
        else:
            others = _agents(self._trace, dig(row, "context", "instructor"), self._digests)
            reason = "nobody is known to have taught it (no instructor, no author)"
            author = self._authors.get(text(thing, "id"), "")
            self._finished(actors, activity, time, author, verb)
            if verb in _MET and activity:
                self._met(f"{activity} {_day(time)}", time, "attended", learner=actors, teacher=others)
            if author:
                mail = author.lower() if "@" in author else ""
                others.append(self._trace.account(author.lower(), email=mail, login=author))
        others = list(dict.fromkeys(others))
        if not others:
            return reason
        here, there = (others, actors) if role in ("learns", "asks") else (actors, others)
        pairs = [(a, b) for a in here for b in there]
        pairs = [
            p for p in pairs if p[0] != p[1]
        ] or pairs  # who mentors their own group is none of its learners
        learners = list(dict.fromkeys(p[1] for p in pairs))
        if len(learners) > 1 and verb not in _MET:
            self._met(key, time, verb, learner=learners, teacher=[a for a in here if a not in learners])
        for teacher, learner in pairs:
            weight = 1.0 / len(learners)
            self._trace.tie(time, teacher, learner, verb, weight=weight, topic=activity, evidence=key)
            self._tie_of.append(self.n_read)
        return ""

    def _met(self, session: str, time: int, kind: str, **roles: Iterable[int]) -> None:
        """Note who was together in something."""
        for role, accounts in roles.items():
            for account in dict.fromkeys(accounts):
                self._trace.attend(session, account, time, role, kind)
                self._attendance_of.append(self.n_read)

    def _finished(self, actors: list[int], activity: str, time: int, author: str, verb: str) -> None:
        """Note who finished an activity."""
        if not activity or verb not in _DONE:
            return
        code = self._words.code
        for actor in actors:
            row = (self.n_read, actor, code(activity), time, code(author), code(verb))
            for column, value in zip(self._done.values(), row, strict=True):
                column.append(value)

    def completions(self) -> pd.DataFrame:
        """Make the table of completions: the first of a person and activity."""
        shape, trace, words = empty_table("completions"), self._trace, self._words.all()
        by_mail = {
            a.email or a.handle: trace.person[i]
            for i, a in enumerate(trace.accounts)
            if i < len(trace.person)
        }
        author = [by_mail.get(w.lower()) or (f"external:{w}" if w else None) for w in words]
        table = pd.DataFrame({name: ints(column) for name, column in self._done.items()})
        person = pd.Series(trace.person, dtype="str")
        table["person"] = person.reindex(table["account"]).to_numpy()
        table = table[table["person"].notna()].sort_values(["time", "verb", "author"], kind="stable")
        table = table.drop_duplicates(["person", "item"], ignore_index=True)
        if not len(table):
            return shape
        frame = pd.DataFrame(
            {
                "person": table["person"],
                "item": text_column(words, table["item"].to_numpy()),
                "time": pd.to_datetime(table["time"], unit="us", utc=True),
                "status": text_column(words, table["verb"].to_numpy()),
                "author": pd.Series(author, dtype="str").reindex(table["author"]).to_numpy(),
            }
        ).reindex(columns=shape.columns)
        return frame.astype(dict(shape.dtypes.items()))


def _compact(key: str) -> int | str:
    """Return the number that a UUID writes out, which takes a third of the room, or the text itself."""
    return int(key.replace("-", ""), 16) if _UUID.fullmatch(key) else key


def _day(time: int) -> str:
    """Return the UTC day of a time."""
    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=time)).date().isoformat()
