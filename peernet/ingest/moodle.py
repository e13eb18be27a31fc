"""Moodle: answers in forums, feedback on submissions and, on request, who read what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from peernet.errors import DataError
from peernet.ingest._fields import epoch_us
from peernet.ingest._files import PathLike, RawTable, existing, read_table
from peernet.ingest._times import DateOrder, parse_times
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_moodle"]

_IDS = re.compile(r"id '(\d{1,18})'")
_POST = ("id", "discussion", "parent", "userid", "created")
_LOG = ("eventname", "userid", "timecreated")
_FEEDBACK = (
    r"\mod_assign\event\submission_graded",
    r"\mod_workshop\event\submission_assessed",
    r"\core\event\user_graded",
)
_VIEWED = r"\mod_forum\event\discussion_viewed"


def read_moodle(
    path: PathLike,
    *,
    people: People | None = None,
    views: bool = False,
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
    aliases: Aliases = None,
) -> Records:
    """Who answered whom in Moodle forums, and who gave feedback, from tables of its database or a log report.

    Tables are told by their columns, not by their names: ``forum_posts`` (id, discussion, parent, userid,
    created), the standard log (eventname, userid, timecreated, relateduserid, objectid ...), ``user`` (id,
    username, email), and the log *report* (nine columns, ids only inside the descriptions, headings in any
    language). Direction: the author of a reply teaches the author of the post above (kind "reply", needs
    ``forum_posts``); whoever grades a submission teaches its author (kind "feedback"). With ``views``, a
    discussion that was opened teaches: those who had posted in it, 1/k each, teach whoever viewed it (kind
    "read"). IP addresses and texts are not read.

    Parameters
    ----------
    path : path
        A CSV file, or a folder of them.
    people : Records or pandas.DataFrame, optional
        The roster; matched by e-mail or user name of the ``user`` table. Without it, one person a number.
    views : bool
        Also who opened which discussion.
    time_zone : str, optional
        Zone of the times in a log report, which states none.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month in a log report.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``moodle:<user id>`` or e-mail -> person.

    Returns
    -------
    Records
        ``events`` (kinds "reply", "read", "feedback"; time in UTC, weight 1, a view shared, ``context`` = course or
        forum, ``evidence`` = post or row of the log) and the report. Logs tell of no gatherings: no ``sessions``.

    Raises
    ------
    DataError
        When no table is recognised.
    """
    trace = Traces("read_moodle", "moodle")
    where = existing(path, "read_moodle")
    files = (
        sorted(p for p in where.iterdir() if p.is_file() and p.suffix.lower() in (".csv", ".tsv", ".txt"))
        if where.is_dir()
        else [where]
    )
    tables: dict[str, list[pd.DataFrame]] = {"posts": [], "log": [], "users": [], "report": []}
    for file in files:
        raw = read_table(file, trace.ledger, unique=False, short_rows=True)
        which = _which(raw)
        if which:
            tables[which].append(raw.frame)
        else:
            trace.ledger.not_read.append(f"{raw.name}: columns of no known table")
    if not (tables["posts"] or tables["log"] or tables["report"]):
        raise DataError(
            f"read_moodle: {where.name} holds neither forum_posts (id, discussion, parent, userid, "
            "created), a standard log (eventname, userid, "
            "timecreated) nor a log report. Export those tables as CSV."
        )
    for frame in tables["users"]:
        for row in frame.to_dict("records"):
            _user(trace, row)
    posts = _posts(trace, tables["posts"])
    _replies(trace, posts)
    for frame in tables["log"]:
        _log(trace, frame, posts, views)
    for frame in tables["report"]:
        _report(trace, frame, time_zone, date_order)
    return trace.records(
        people,
        aliases,
        time_zone="UTC (seconds since 1970)"
        if not tables["report"]
        else f"UTC; report times in {time_zone or 'UTC (assumed)'}",
        direction=(
            "the author of a reply teaches the author of the post above; who grades teaches who submitted"
        )
        + ("; who posted teaches who viewed the discussion" if views else ""),
        notes=["texts and addresses are not read; forums of courses are partly an assignment"],
    )


def _which(raw: RawTable) -> str:
    """Tell a table by its columns."""
    have = {str(c).strip().lower() for c in raw.frame.columns}
    raw.frame.columns = pd.Index([str(c).strip().lower() for c in raw.frame.columns])
    if raw.frame.columns.duplicated().any():
        return ""
    if set(_POST) <= have:
        return "posts"
    if set(_LOG) <= have:
        return "log"
    if {"id", "username"} <= have:
        return "users"
    sample = raw.frame.head(200).to_numpy().ravel()
    return "report" if len(raw.frame.columns) in (8, 9) and any(_IDS.search(str(c)) for c in sample) else ""


def _user(trace: Traces, row: dict[Any, Any]) -> None:
    """Read a row of the user table; 1 is the guest, 'deleted' ones lost their address."""
    number = str(row.get("id", "")).strip()
    if number.isdigit():
        gone = str(row.get("deleted", "0")).strip() == "1"
        name = f"{row.get('firstname', '')} {row.get('lastname', '')}"
        mail = "" if gone else str(row.get("email", "")).strip()
        trace.account(
            f"moodle:{number}",
            name=name,
            email=mail if "@" in mail else "",
            login="" if gone else str(row["username"]),
        )


def _posts(trace: Traces, frames: Iterable[pd.DataFrame]) -> dict[str, tuple[str, str, int, str]]:
    """Read posts: id -> (author, parent, time, discussion)."""
    out: dict[str, tuple[str, str, int, str]] = {}
    for frame in frames:
        trace.ledger.read("posts", len(frame))
        for i, row in zip(frame.index, frame.to_dict("records"), strict=True):
            number, author, time = (
                str(row["id"]).strip(),
                str(row["userid"]).strip(),
                epoch_us(str(row["created"])),
            )
            if not number.isdigit() or not author.isdigit() or time is None:
                trace.ledger.drop("posts", "no id, author or time", [i], stage="match")
            elif number in out:
                trace.ledger.drop("posts", "the same post again", [i], stage="match")
            elif str(row.get("deleted", "0")).strip() == "1":
                trace.ledger.drop("posts", "deleted", [i], stage="match")
            elif str(row.get("privatereplyto", "0")).strip() not in ("", "0"):
                trace.ledger.drop("posts", "private reply (not read)", [i], stage="match")
            else:
                out[number] = (author, str(row["parent"]).strip(), time, str(row["discussion"]).strip())
    return out


def _replies(trace: Traces, posts: dict[str, tuple[str, str, int, str]]) -> None:
    """Turn replies into ties."""
    for number, (author, parent, time, discussion) in posts.items():
        above = posts.get(parent)
        if parent in ("", "0"):
            trace.ledger.drop("posts", "opens a discussion", (), n=1)
        elif above is None:
            trace.ledger.drop("posts", "the post above is not in the export", (), n=1)
        elif above[0] == author:
            trace.ledger.drop("posts", "replies to oneself", (), n=1)
        else:
            teacher, learner = trace.account(f"moodle:{author}"), trace.account(f"moodle:{above[0]}")
            trace.tie(
                time, teacher, learner, "reply", context=f"discussion {discussion}", evidence=f"post/{number}"
            )


def _log(
    trace: Traces, frame: pd.DataFrame, posts: dict[str, tuple[str, str, int, str]], views: bool
) -> None:
    """Read a standard log."""
    trace.ledger.read("log rows", len(frame))
    by_discussion: dict[str, list[tuple[str, int]]] = {}
    for author, _, posted, discussion in posts.values():
        by_discussion.setdefault(discussion, []).append((author, posted))
    other = 0
    for i, row in zip(frame.index, frame.to_dict("records"), strict=True):
        name, user, time = (
            str(row["eventname"]).strip(),
            str(row["userid"]).strip(),
            epoch_us(str(row["timecreated"])),
        )
        related, course = str(row.get("relateduserid", "")).strip(), str(row.get("courseid", "")).strip()
        if name not in _FEEDBACK and not (views and name == _VIEWED):
            other += 1
            continue
        if time is None or not user.isdigit() or user == "0" or str(row.get("anonymous", "0")).strip() == "1":
            trace.ledger.drop("log rows", "no user or time, or anonymous", [i], stage="match")
            continue
        who = trace.account(f"moodle:{user}")
        key = f"log/{str(row.get('id', '')).strip() or i}"
        if name in _FEEDBACK:
            if not related.isdigit() or related in ("0", user):
                trace.ledger.drop("log rows", "feedback without a person, or on oneself", [i])
                continue
            trace.tie(
                time,
                who,
                trace.account(f"moodle:{related}"),
                "feedback",
                context=f"course {course}",
                evidence=key,
            )
            continue
        there = sorted(
            {
                a
                for a, t in by_discussion.get(str(row.get("objectid", "")).strip(), ())
                if t <= time and a != user
            }
        )
        if not there:
            trace.ledger.drop("log rows", "views a discussion in which nobody else had posted", [i])
        for author in there:
            trace.tie(
                time,
                trace.account(f"moodle:{author}"),
                who,
                "read",
                weight=1.0 / len(there),
                context=f"course {course}",
                evidence=key,
            )
    trace.ledger.drop("log rows", "another kind of event (logins, views, quizzes ...)", (), n=other)


def _report(trace: Traces, frame: pd.DataFrame, time_zone: str | None, order: DateOrder) -> None:
    """Read a log report: ids stand in the descriptions; only grading names two people."""
    trace.ledger.read("report rows", len(frame))
    values = frame.to_numpy()
    column = max(
        range(values.shape[1]), key=lambda k: sum(bool(_IDS.search(str(c))) for c in values[:200, k])
    )
    times = parse_times(
        frame.iloc[:, 0], "read_moodle, first column of the report", time_zone=time_zone, date_order=order
    )
    trace.ledger.flag("report rows", "time lies in the hour that the clocks repeat or skip", times.doubtful)
    micros = times.time.dt.tz_localize(None).astype("datetime64[us]").astype("int64").tolist()
    for k, i in enumerate(frame.index):
        ids = _IDS.findall(str(values[k, column]))
        moment = times.time.iloc[k]
        graded = (
            re.search(r"grad|bewert|calific|not[eé]", str(values[k, 5]).lower()) is not None and len(ids) >= 3
        )
        if pd.isna(moment) or not graded or ids[0] == ids[2]:
            reason = (
                "the time cannot be read"
                if pd.isna(moment)
                else "names no two people (a report holds no replies)"
            )
            trace.ledger.drop(
                "report rows", reason, [int(str(i))], stage="match" if pd.isna(moment) else "use"
            )
            continue
        teacher, learner = trace.account(f"moodle:{ids[0]}"), trace.account(f"moodle:{ids[2]}")
        trace.tie(micros[k], teacher, learner, "feedback", context="log report", evidence=f"report/{i}")
