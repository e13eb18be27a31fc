"""The rest of a Slack export: who is mentioned in questions, who was in a huddle, which replies came too late."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet.ingest._fields import dig, epoch_us
from peernet.records.report import Ledger
from peernet.records.tables import empty_table

if TYPE_CHECKING:
    from peernet.ingest._traces import Traces
    from peernet.ingest.slack import Reply, _Message

__all__ = ["attendances", "huddles", "mentioned", "mentions", "opened", "together", "too_late"]

_MENTION = re.compile(r"<@([A-Z0-9]{2,30})(?:\|[^>]*)?>")


def mentioned(body: str) -> tuple[str, ...]:
    """Return the users that a text mentions, once each."""
    return tuple(dict.fromkeys(_MENTION.findall(body)))


def opened(messages: Mapping[str, _Message], message: _Message) -> tuple[_Message | None, str, bool]:
    """Return the message that opened a thread, who wrote it, and whether it was deleted: then it is not there."""
    parent = messages.get(message.thread)
    if parent is None or parent.gone:
        return None, message.parent_user, parent is not None
    return parent, parent.user, False


def attendances(talks: Traces, code: str, messages: Mapping[str, _Message], who: Mapping[str, str]) -> None:
    """Note who wrote in which thread of a conversation, whoever opened a thread that is not in the export included."""
    threads: dict[str, dict[tuple[str, str], int]] = {}
    for message in messages.values():
        time, asked = epoch_us(message.ts), epoch_us(message.thread)
        if message.bot or message.gone or message.user not in who or time is None or asked is None:
            continue
        here = threads.setdefault(message.thread, {})
        if message.ts != message.thread:
            here.setdefault((who[message.user], "answer"), time)
        parent, opener, _ = opened(messages, message)
        if opener in who and (parent is None or not parent.bot):
            here.setdefault((who[opener], "opener"), asked)
    for thread, people in threads.items():
        for (person, role), time in people.items():
            talks.attend(f"{code}:{thread}", talks.account(person), time, role, "thread")


def together(threads: pd.DataFrame, met: pd.DataFrame) -> pd.DataFrame:
    """Join the sessions of threads and of huddles, in order of time."""
    if not len(met) or not len(threads):
        return threads if len(threads) else met
    both = pd.concat([threads, met], ignore_index=True)
    return both.sort_values(["time", "session", "person"], kind="stable", ignore_index=True)


def mentions(messages: Mapping[str, _Message], who: Mapping[str, str], ledger: Ledger) -> list[Reply]:
    """Events of those whom questions call."""
    from peernet.ingest.slack import Reply

    out = []
    for message in messages.values():
        if message.bot or not message.asks or message.user not in who:
            continue
        called = [u for u in message.mentioned if u in who and who[u] != who[message.user]]
        ledger.read("mentions in questions", len(message.mentioned))
        lost = len(message.mentioned) - len(called)
        ledger.drop(
            "mentions in questions",
            "of oneself, a bot, or somebody not on the roster",
            (),
            stage="match",
            n=lost,
        )
        out += [
            Reply(message.ts, who[u], who[message.user], message.thread, kind="mention", suffix=f"@{n + 1}")
            for n, u in enumerate(called)
        ]
    return out


def too_late(
    messages: Mapping[str, _Message],
    who: Mapping[str, str],
    bots: set[str],
    answers: str,
    hours: float | None,
) -> dict[str, str]:
    """Return the replies that the options leave out: ts -> reason."""
    out: dict[str, str] = {}
    if answers == "all" and hours is None:
        return out
    answered: set[str] = set()
    for message in sorted(messages.values(), key=lambda m: epoch_us(m.ts) or 0):
        if message.bot or message.user not in who or not message.thread or message.thread == message.ts:
            continue
        _, opener, _ = opened(messages, message)
        if opener not in who or opener in bots or who[opener] == who[message.user]:
            continue
        asked, said = epoch_us(message.thread), epoch_us(message.ts)
        if hours is not None and asked is not None and said is not None and said - asked > hours * 3.6e9:
            out[message.ts] = f"later than {hours:g} hours after the question"
        elif answers == "first" and message.thread in answered:
            out[message.ts] = "not the first answer"
        else:
            answered.add(message.thread)
    return out


def huddles(
    rows: list[dict[str, Any]], who: Mapping[str, str], bots: set[str], ledger: Ledger
) -> pd.DataFrame:
    """Who was in which huddle; nobody knows who spoke."""
    shape = empty_table("sessions")
    seen: set[tuple[str, str]] = set()
    found: list[dict[str, Any]] = []
    for row in rows:
        room = row.get("room")
        key = dig(room, "id")
        start = epoch_us(dig(room, "date_start")) or epoch_us(row.get("ts"))
        listed = dig(room, "participant_history") or dig(room, "participants")
        users = [u for u in listed if isinstance(u, str)] if isinstance(listed, list) else []
        ledger.read("people in huddles", len(users))
        kept = [u for u in users if u in who and u not in bots]
        ledger.drop(
            "people in huddles", "bots, or not on the roster", (), stage="match", n=len(users) - len(kept)
        )
        session = f"huddle/{key if isinstance(key, str) else row.get('ts')}"
        for user in kept:
            if start is None or (session, who[user]) in seen:
                ledger.drop("people in huddles", "the same person again, or no time", (), n=1)
                continue
            seen.add((session, who[user]))
            found.append(
                {"session": session, "person": who[user], "time": start, "role": "attendee", "kind": "huddle"}
            )
    if not found:
        return shape
    frame = pd.DataFrame(found).sort_values(["time", "session", "person"], kind="stable", ignore_index=True)
    frame["time"] = pd.to_datetime(frame["time"].astype("int64"), unit="us", utc=True)
    return frame.astype(dict(shape.dtypes.items()))[list(shape.columns)]
