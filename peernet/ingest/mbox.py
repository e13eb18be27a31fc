"""Mail archives, headers only: whoever answers a mail teaches the person who opened the thread."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from peernet._check import count, literal
from peernet.errors import DataError
from peernet.ingest._fields import iso_us
from peernet.ingest._files import PathLike, existing, file_facts
from peernet.ingest._traces import Traces, progress_bar
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_mbox"]

_PARSER = BytesHeaderParser(policy=policy.compat32)
_MAX_HEADERS = 256 * 1024
_ID = re.compile(r"<\s*([^<>\s]{1,500})\s*>")
_MACHINES = re.compile(
    r"^(no-?reply|do-?not-?reply|mailer-daemon|postmaster|notifications?|bounce|root|cron)\b", re.IGNORECASE
)


class _Mail(NamedTuple):
    """What is kept of a mail: ids as hashes, no subject, no text."""

    key: bytes
    parents: tuple[bytes, ...]
    sender: int
    time: int
    recipients: int


def read_mbox(
    path: PathLike,
    *,
    people: People | None = None,
    learner: Literal["opener", "parent"] = "opener",
    weight: Literal["recipients", "reply"] = "recipients",
    max_recipients: int = 10,
    lists: bool = False,
    aliases: Aliases = None,
    progress: bool = False,
) -> Records:
    """Who answered whose mails, from an mbox file, a Maildir or a folder of ``.eml`` files.

    Only headers are parsed; bodies are skipped unread, subjects are not kept, and message ids become hashes.
    A mail that answers another is found by ``In-Reply-To`` and ``References``. Direction: whoever answers
    teaches the person who opened the thread (``learner="opener"``) or wrote the mail that is answered
    (``"parent"``). One's own follow-ups, automatic mails, mailing lists, and mails to more than
    ``max_recipients`` people are left out, each counted.

    Parameters
    ----------
    path : path
        mbox file, Maildir, or folder of ``.eml`` files and mbox files.
    people : Records or pandas.DataFrame, optional
        The roster, matched by e-mail. Without it, one person an address.
    learner : {"opener", "parent"}
        Whom an answer teaches.
    weight : {"recipients", "reply"}
        1/k for an answer to k recipients (To and Cc), or 1.
    max_recipients : int
        Mails to more people are announcements.
    lists : bool
        Read mails of mailing lists too (``List-Id``, ``Precedence: list``).
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: address -> person.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Records
        ``events`` (kind "answer", time of the mail in UTC, ``evidence`` = hash of its Message-ID),
        ``sessions`` (session = thread) and the report.

    Raises
    ------
    DataError
        When there is no mail in it.
    """
    literal("learner", learner, ("opener", "parent"))
    literal("weight", weight, ("recipients", "reply"))
    count("max_recipients", max_recipients)
    trace = Traces("read_mbox", "mail")
    mails: dict[bytes, _Mail] = {}
    for headers in progress_bar(_headers(trace, existing(path, "read_mbox")), progress, "mail"):
        _keep(trace, headers, mails, max_recipients, lists)
    if not trace.ledger.report().rows_read:
        raise DataError(
            "read_mbox: no mail was found. Give an mbox file (each mail starts with 'From '), a Maildir "
            "or .eml files."
        )
    _ties(trace, mails, learner, weight)
    return trace.records(
        people,
        aliases,
        time_zone="UTC, from the offset in each Date",
        direction=f"whoever answers a mail teaches {'who opened the thread' if learner == 'opener' else 'its author'}",
        notes=[
            "only headers are read; subjects, bodies and message ids are not kept; mail is coordination "
            "as well as teaching"
        ],
    )


def _headers(trace: Traces, path: Path) -> Iterator[bytes]:
    """Yield the headers of every mail."""
    if path.is_dir():
        for found in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
            if not found.resolve().is_relative_to(path.resolve()):
                raise DataError(f"read_mbox: {found.name} points outside the folder. Remove it.")
            yield from _headers(trace, found)
        return
    trace.ledger.files.append(file_facts(path))
    with path.open("rb") as file:
        start = file.read(5)
        file.seek(0)
        if start == b"From ":
            yield from _mbox(file)
        else:
            yield _upto_blank(file)


def _upto_blank(file: Any) -> bytes:
    """Read the headers of a file that is one mail."""
    out = bytearray()
    while len(out) < _MAX_HEADERS and (line := file.readline(65536)).strip():
        out += line
    return bytes(out)


def _mbox(file: Any) -> Iterator[bytes]:
    """Cut an mbox at lines that start with 'From ' after a blank line; bodies are read past."""
    head: bytearray | None = None
    blank = True
    while line := file.readline(65536):
        if blank and line.startswith(b"From "):
            if head is not None:
                yield bytes(head)
            head = bytearray()
        elif head is not None:
            if line.strip():
                if len(head) < _MAX_HEADERS:
                    head += line
            else:
                yield bytes(head)
                head = None
        blank = not line.strip()
    if head is not None:
        yield bytes(head)


def _text(headers: Any, name: str) -> str:
    """Return a header as text; encoded words are decoded, nonsense is empty."""
    value = headers.get(name)
    if value is None:
        return ""
    try:
        return str(make_header(decode_header(str(value))))
    except (ValueError, LookupError, UnicodeError, TypeError, AttributeError):
        return str(value).encode("utf-8", "replace").decode("utf-8", "replace")


def _addresses(headers: Any, *names: str) -> list[tuple[str, str]]:
    """Return (name, address) of the people in address headers; Exchange's own form of address is one too."""
    raw = [str(v) for name in names for v in headers.get_all(name, [])]
    try:
        pairs = getaddresses(raw)
    except (ValueError, TypeError, IndexError, AttributeError):
        return []
    out = []
    for name, address in pairs:
        clean = " ".join(address.split()).lower()
        if "@" in clean or clean.startswith("/o="):
            out.append((name, clean))
    return list(dict.fromkeys(out))


def _key(identity: str) -> bytes:
    """Hash a message id."""
    return hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=10).digest()


def _time(trace: Traces, value: str) -> int | None:
    """Read a Date."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        trace.ledger.flag("mails", "Date states no zone (read as UTC)", n=1)
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return iso_us(moment.astimezone(dt.UTC).isoformat())
    except (OverflowError, ValueError):
        return None


def _keep(trace: Traces, raw: bytes, mails: dict[bytes, _Mail], max_recipients: int, lists: bool) -> None:
    """Reduce a mail to who, when, to how many, and what it answers."""
    ledger = trace.ledger
    ledger.read("mails", 1)
    headers = _PARSER.parsebytes(raw)
    sender = _addresses(headers, "From") or _addresses(headers, "Sender")
    time = _time(trace, _text(headers, "Date")) if headers.get("Date") is not None else None
    precedence = _text(headers, "Precedence").strip().lower()
    automatic = _text(headers, "Auto-Submitted").strip().lower() not in ("", "no") or precedence in (
        "bulk",
        "junk",
    )
    listed = headers.get("List-Id") is not None or precedence == "list"
    recipients = {a for _, a in _addresses(headers, "To", "Cc")}
    identity = _ID.search(_text(headers, "Message-ID"))
    key = _key(identity.group(1) if identity else raw.decode("latin-1"))
    if not sender or time is None:
        reason = "no sender or no readable date"
    elif automatic or _MACHINES.match(sender[0][1].split("@")[0]):
        reason = "automatic (out of office, notifications ...)"
    elif listed and not lists:
        reason = "from a mailing list"
    elif len(recipients) > max_recipients:
        reason = f"to more than {max_recipients} people"
    elif key in mails:
        reason = "the same mail again"
    else:
        links = [
            m.group(1) for name in ("References", "In-Reply-To") for m in _ID.finditer(_text(headers, name))
        ]
        parents = tuple(_key(x) for x in dict.fromkeys(links))[-50:]
        who = trace.account(
            sender[0][1], name=sender[0][0], email=sender[0][1] if "@" in sender[0][1] else ""
        )
        mails[key] = _Mail(key, parents, who, time, max(1, len(recipients)))
        return
    ledger.drop("mails", reason, (), stage="match", n=1)


def _root(mail: _Mail, mails: dict[bytes, _Mail]) -> _Mail | None:
    """Follow a mail up to the first that is in the archive."""
    seen = {mail.key}
    here = mail
    while True:
        above = next((mails[p] for p in here.parents if p in mails and p not in seen), None)
        if above is None:
            return None if here is mail else here
        seen.add(above.key)
        here = above


def _ties(trace: Traces, mails: dict[bytes, _Mail], learner: str, weight: str) -> None:
    """Turn answers into ties."""
    for mail in sorted(mails.values(), key=lambda m: (m.time, m.key)):
        if not mail.parents:
            trace.ledger.drop("mails", "answers nothing", (), n=1)
            continue
        root = _root(mail, mails)
        parent = next((mails[p] for p in reversed(mail.parents) if p in mails and p != mail.key), None)
        other = root if learner == "opener" else parent
        if other is None or root is None:
            trace.ledger.drop("mails", "what it answers is outside the archive", (), n=1)
            continue
        if other.sender == mail.sender:
            trace.ledger.drop("mails", "follows up on oneself", (), n=1)
            continue
        if other.time > mail.time:
            trace.ledger.flag("mails", "answered before it was sent (a clock is wrong)", n=1)
        value = 1.0 / mail.recipients if weight == "recipients" else 1.0
        trace.tie(
            mail.time, mail.sender, other.sender, "answer", weight=value, evidence=f"mail/{mail.key.hex()}"
        )
        session = f"thread/{root.key.hex()}"
        trace.attend(session, root.sender, root.time, "opener", "mail")
        trace.attend(session, mail.sender, mail.time, "answer", "mail")
