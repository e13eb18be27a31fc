"""Attendance of online meetings (Zoom, Microsoft Teams): who was there together, and who taught whom in a talk."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from peernet._check import count, literal
from peernet.errors import DataError
from peernet.ingest._fields import short
from peernet.ingest._files import PathLike, existing, file_facts, read_text
from peernet.ingest._times import DateOrder, parse_times
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_meetings"]

_JOIN = (
    "join time",
    "first join",
    "joined",
    "beitrittszeit",
    "erster beitritt",
    "heure d'arrivée",
    "hora de unión",
    "join_time",
)
_LEAVE = (
    "leave time",
    "last leave",
    "left",
    "austrittszeit",
    "letztes verlassen",
    "heure de départ",
    "hora de salida",
    "leave_time",
)
_SECTION = re.compile(r"^\s*\d\s*[.)]\s+\S")
_ORGANISER = re.compile(r"^(organi|host|gastgeber|presenter|referent)", re.IGNORECASE)


class _Stay(NamedTuple):
    """One stretch of presence."""

    account: int
    join: int
    leave: int
    organiser: bool


def read_meetings(
    path: PathLike,
    *,
    people: People | None = None,
    kind: Literal["meeting", "talk"] = "meeting",
    presenter: str | None = None,
    min_minutes: float = 5.0,
    max_people: int = 10,
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
    aliases: Aliases = None,
) -> Records:
    """Who was in online meetings together, from participants' reports of Zoom (CSV) and Teams (attendance CSV).

    Several joins of a person are merged. Direction. ``kind="meeting"``: being together has none; each pair
    gives two events, one each way, each of weight hours together / (2 (n - 1)) for n people, in meetings of
    at most ``max_people`` (more people: attendance only). ``kind="talk"``: the ``presenter``, or else the
    host or organiser of the report, teaches everybody else; weight = hours together. Titles are not kept.

    Parameters
    ----------
    path : path
        A report, or a folder of them (one meeting a file). Teams writes UTF-16 with tabs; both are
        recognised, also in other languages as far as their tables have the usual order.
    people : Records or pandas.DataFrame, optional
        The roster, matched by e-mail; by name, where a row has no e-mail and exactly one person has it.
    kind : {"meeting", "talk"}
        What these meetings are.
    presenter : str, optional
        E-mail or name of who spoke; for talks.
    min_minutes : float
        People who stayed for less are left out, as are pairs who met for less.
    max_people : int
        Largest meeting in which being together counts.
    time_zone : str, optional
        Zone of the times, which the reports do not state; UTC by default.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: e-mail or name -> person.

    Returns
    -------
    Records
        ``events`` (kind "co-attendance" or "talk", time in UTC, ``evidence`` = meeting),
        ``sessions`` (session = meeting) and the report.

    Raises
    ------
    DataError
        When a file is no such report, or day and month cannot be told apart.
    """
    literal("kind", kind, ("meeting", "talk"))
    count("max_people", max_people, 2)
    trace = Traces("read_meetings", "meetings")
    where = existing(path, "read_meetings")
    files = (
        sorted(p for p in where.rglob("*") if p.is_file() and p.suffix.lower() in (".csv", ".tsv", ".txt"))
        if where.is_dir()
        else [where]
    )
    if not files:
        raise DataError(f"read_meetings: {where.name} holds no .csv file.")
    zones: set[str] = set()
    for file in files:
        trace.ledger.files.append(file_facts(file))
        stays = _stays(trace, file, time_zone, date_order, zones)
        _together(trace, file, stays, kind, presenter, min_minutes, max_people)
    return trace.records(
        people, aliases, time_zone=" | ".join(sorted(zones)) or "UTC", by_name=True,
        direction="the presenter teaches everybody else in a talk" if kind == "talk"
        else "being in a meeting together has no direction: half each way, divided by the others present",
        notes=["presence is not attention; phone rooms show one name for several people"],
    )  # fmt: skip


def _rows(file: Path) -> list[list[str]]:
    """Split a report into rows of cells."""
    text = read_text(file)
    first = text[:4000]
    delimiter = (
        "\t" if first.count("\t") > first.count(",") else ";" if first.count(";") > first.count(",") else ","
    )
    try:
        return [
            [c.strip() for c in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        ]
    except csv.Error as error:
        raise DataError(
            f"{file.name} breaks off or is not a table ({error}). Download the report again."
        ) from None


def _header(rows: list[list[str]], file: Path) -> tuple[int, int, int]:
    """Find the table of participants: (row of its header, column of joins, column of leaves)."""
    found: list[tuple[int, int, int]] = []
    for i, row in enumerate(rows):
        low = [c.casefold().removesuffix("(utc)").strip() for c in row]
        join = next((k for k, c in enumerate(low) if c in _JOIN), None)
        leave = next((k for k, c in enumerate(low) if c in _LEAVE), None)
        if join is not None and leave is not None:
            found.append((i, join, leave))
    if not found:
        for i, row in enumerate(rows[:-1]):
            if _SECTION.match(row[0] if row else "") and len([c for c in rows[i + 1] if c]) >= 5:
                found.append((i + 1, 1, 2))  # another language; the order of columns is the same
    if not found:
        raise DataError(
            f"{file.name} holds no table with join and leave times. Give the participants' report of Zoom "
            "(not only unique users) or "
            "the attendance report of Teams."
        )
    # Teams lists single joins in a later section; that is the finer table.
    return found[-1]


def _stays(
    trace: Traces, file: Path, time_zone: str | None, order: DateOrder, zones: set[str]
) -> list[_Stay]:
    """Read who was there from when to when."""
    rows = _rows(file)
    at, join, leave = _header(rows, file)
    head = [c.casefold() for c in rows[at]]
    mail = next((k for k, c in enumerate(head) if "mail" in c or "correo" in c), None)
    role = next((k for k, c in enumerate(head) if c in ("role", "rolle", "rôle", "rol", "papel")), None)
    name = next((k for k, c in enumerate(head) if c.startswith(("name", "full name", "nom", "nombre"))), 0)
    body = []
    for i, row in enumerate(rows[at + 1 :], at + 2):
        if not any(row) or _SECTION.match(row[0]):
            break
        body.append((i, row + [""] * (len(head) - len(row))))
    host = _zoom_host(rows[:at])
    what = f"{file.name}, join and leave times"
    cells = pd.Series(
        [r[c] for _, r in body for c in (join, leave)],
        index=[i for i, _ in body for _ in (0, 1)],
        dtype="str",
    )
    stated = "UTC" if head[join].endswith("(utc)") else time_zone
    times = parse_times(cells, what, time_zone=stated, date_order=order)
    zones.add(times.zone or "UTC")
    trace.ledger.flag("joins", "lies in the hour that the clocks repeat or skip", sorted(set(times.doubtful)))
    trace.ledger.read("joins", len(body))
    micro = times.time.dt.tz_localize(None).astype("int64")
    known = times.time.notna().to_numpy()
    out = []
    for k, (i, row) in enumerate(body):
        person, address = short(row[name]), row[mail].strip().lower() if mail is not None else ""
        if not (person or address) or not (known[2 * k] and known[2 * k + 1]):
            trace.ledger.drop("joins", "no name or no readable time", [i], stage="match")
            continue
        a, b = int(micro.iloc[2 * k]), int(micro.iloc[2 * k + 1])
        if b < a:
            trace.ledger.drop("joins", "left before joining", [i], stage="match")
            continue
        person = re.sub(r"\s*\(.*\)\s*$", "", person)
        address = address if "@" in address else ""
        account = trace.account(address or f"name:{person}", name=person, email=address)
        organiser = (role is not None and bool(_ORGANISER.match(row[role]))) or (
            bool(address) and address == host
        )
        out.append(_Stay(account, a, b, organiser))
    return out


def _zoom_host(block: list[list[str]]) -> str:
    """Return the host's address from the block above Zoom's participants."""
    for head, row in pairwise(block):
        for k, cell in enumerate(head):
            if cell.casefold() in ("user email", "host email") and k < len(row) and "@" in row[k]:
                return row[k].strip().lower()
    return ""


def _merge(stays: list[_Stay]) -> dict[int, list[tuple[int, int]]]:
    """Join overlapping stretches of each person."""
    out: dict[int, list[tuple[int, int]]] = {}
    for stay in sorted(stays, key=lambda s: (s.account, s.join)):
        spans = out.setdefault(stay.account, [])
        if spans and stay.join <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], stay.leave))
        else:
            spans.append((stay.join, stay.leave))
    return out


def _overlap(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> float:
    """Minutes that two people were there together."""
    total = sum(max(0, min(b, d) - max(a, c)) for a, b in one for c, d in two)
    return total / 6e7


def _together(
    trace: Traces,
    file: Path,
    stays: list[_Stay],
    kind: str,
    presenter: str | None,
    min_minutes: float,
    most: int,
) -> None:
    """Turn presence into attendances and ties."""
    spans = _merge(stays)
    trace.ledger.read("people in meetings", len(spans))
    long = {a: s for a, s in spans.items() if sum(b - c for c, b in s) / 6e7 >= min_minutes}
    trace.ledger.drop(
        "people in meetings", f"stayed for less than {min_minutes:g} minutes", (), n=len(spans) - len(long)
    )
    if not long:
        return
    begin = min(s[0][0] for s in long.values())
    key = hashlib.sha256(f"{file.name}|{begin}".encode()).hexdigest()[:20]
    hosts = {s.account for s in stays if s.organiser}
    speaker = _presenter(trace, presenter, hosts, long) if kind == "talk" else None
    for account, inside in long.items():
        role = "speaker" if account == speaker else "organiser" if account in hosts else "attendee"
        trace.attend(f"meeting/{key}", account, inside[0][0], role, kind)
    if kind == "talk":
        if speaker is None:
            trace.ledger.notes.append(
                f"{file.name}: nobody knows who spoke; attendance only (pass presenter=)"
            )
            return
        for account in sorted(long):
            minutes = _overlap(long[speaker], long[account])
            if account != speaker and minutes >= min_minutes:
                trace.tie(
                    long[account][0][0],
                    speaker,
                    account,
                    "talk",
                    weight=minutes / 60,
                    evidence=f"meeting/{key}",
                )
        return
    if len(long) > most:
        trace.ledger.notes.append(f"{file.name}: {len(long)} people, more than {most}: attendance only")
        return
    for a, b in combinations(sorted(long), 2):
        minutes = _overlap(long[a], long[b])
        if minutes < min_minutes:
            continue
        value = minutes / 60 / (2 * (len(long) - 1))
        time = max(long[a][0][0], long[b][0][0])
        trace.tie(time, a, b, "co-attendance", weight=value, evidence=f"meeting/{key}")
        trace.tie(time, b, a, "co-attendance", weight=value, evidence=f"meeting/{key}")


def _presenter(trace: Traces, presenter: str | None, hosts: set[int], there: dict[int, Any]) -> int | None:
    """Return who spoke."""
    if presenter:
        wanted = presenter.strip().casefold()
        hits = [a for a in there if wanted in (trace.accounts[a].email, trace.accounts[a].name.casefold())]
    else:
        hits = [a for a in hosts if a in there]
    return hits[0] if len(hits) == 1 else None
