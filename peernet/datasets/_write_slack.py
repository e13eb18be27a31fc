"""The Slack workspace export of a synthetic year."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets._design import YEAR
from peernet.datasets._people import each

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation

__all__ = ["EXPORT_FROM", "slack_zip"]

EXPORT_FROM = 31  # day of the year; earlier questions are not in the export
_EPOCH = int(pd.Timestamp(YEAR, tz="UTC").timestamp())
_ASK = (
    "How do I {verb} the {thing}?", "Does anybody know how to {verb} the {thing}?",
    "What is the right way to {verb} the {thing}?",
    "Stuck with the {thing}. How did you {verb} it?",
)  # fmt: skip
_SAY = (
    "You {verb} the {thing} from the second tab.", "Use the template, then {verb} the {thing}.",
    "Call me, I will show you how to {verb} the {thing}.",
    "There is a note on how to {verb} the {thing} &amp; what to avoid.",
)  # fmt: skip
_VERBS = ("export", "reconcile", "configure", "restart", "check", "split", "archive", "share")
_THINGS = (
    "report",
    "ledger",
    "pipeline",
    "dashboard",
    "contract",
    "queue",
    "invoice",
    "forecast",
    "badge list",
)
_CHATTER = (
    "Lunch?",
    "Back in ten.",
    "Release is out.",
    "Thanks all!",
    "The coffee machine works again.",
    "Parking is full.",
)


def _code(prefix: str, number: int) -> str:
    """Return an id as Slack writes them."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    value, out = number * 7_919 + 60_466_176, ""
    while value:
        value, rest = divmod(value, 36)
        out = digits[rest] + out
    return f"{prefix}0{out}"


def slack_zip(firm: Organisation) -> bytes:
    """Return the export as a zip; entries in order of name, all dated 1980-01-01, so that bytes repeat."""
    rng = firm.stream("slack_file")
    users, members = _users(firm)
    places = _places(firm, members, rng)
    days = _messages(firm, members, places, rng)
    files: dict[str, Any] = {"users.json": users, "integration_logs.json": []}
    for kind in ("channels", "groups", "dms", "mpims"):
        files[f"{kind}.json"] = [place["row"] for place in places.values() if place["kind"] == kind]
    files |= days
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, json.dumps(files[name], ensure_ascii=False, separators=(",", ":")))
    return out.getvalue()


def _users(firm: Organisation) -> tuple[list[dict[str, Any]], list[str]]:
    """Return users.json and the Slack id of every person: leavers are deleted; bots, a guest, USLACKBOT among them."""
    people = firm.people
    rows, ids = [], []
    for k, (_, person) in enumerate(people.iterrows()):
        mail = str(person["email"])
        if firm.split[k]:
            mail = f"{mail.split('@')[0].replace('.', '')}@old-meridian.example"
        ids.append(_code("U", k + 1))
        rows.append(_user(ids[k], str(person["name"]), mail, deleted=bool(pd.notna(person["end"]))))
    for k, name in enumerate(("deploy-bot", "standup-bot")):
        bot = _user(_code("U", 9_000 + k), name, None)
        bot["is_bot"] = True
        bot["profile"]["bot_id"] = _code("B", k + 1)
        rows.append(bot)
    guest = _user(_code("U", 9_100), "Consultant (guest)", None)
    guest["is_restricted"] = guest["is_ultra_restricted"] = True
    rows += [guest, _user("USLACKBOT", "Slackbot", None)]
    return rows, ids


def _user(code: str, name: str, mail: str | None, deleted: bool = False) -> dict[str, Any]:
    """Return one row of users.json."""
    profile: dict[str, Any] = {"real_name": name, "display_name": name.split()[0].lower()}
    if mail:
        profile["email"] = mail
    return {
        "id": code, "team_id": "T0MERIDIAN", "name": re.sub(r"\W+", ".", name.lower()).strip("."), "deleted": deleted,
        "is_bot": False, "is_app_user": False, "is_restricted": False, "is_ultra_restricted": False,
        "tz": "Europe/Berlin", "updated": _EPOCH, "profile": profile,
    }  # fmt: skip


def _places(firm: Organisation, members: list[str], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Return every conversation by a key of ours: its folder, its kind, its row in the index file."""
    where = firm.structure
    out: dict[str, dict[str, Any]] = {}

    def add(key: str, kind: str, name: str, who: list[str]) -> None:
        code = _code({"channels": "C", "groups": "G", "dms": "D", "mpims": "G"}[kind], len(out) + 1)
        row: dict[str, Any] = {"id": code, "created": _EPOCH, "members": who}
        if kind != "dms":
            row |= {
                "name": name,
                "creator": members[0],
                "is_archived": False,
                "topic": {"value": ""},
                "purpose": {"value": ""},
            }
        if kind == "channels":
            row["is_general"] = name == "general"
        out[key] = {"kind": kind, "folder": code if kind == "dms" else name, "row": row}

    add("general", "channels", "general", members)
    for code, unit in enumerate(firm.design.unit_names()):
        slug = re.sub(r"\W+", "-", unit.lower())
        add(
            f"unit-{code}",
            "channels",
            f"team-{slug}",
            [m for m, u in zip(members, where.unit, strict=True) if u == code],
        )
        add(
            f"private-{code}",
            "groups",
            f"{slug}-leads",
            [m for m, u in zip(members, where.unit, strict=True) if u == code][:6],
        )
    for topic in ("tools", "customers", "process", "data"):
        add(f"help-{topic}", "channels", f"help-{topic}", members)
    if where.expert is not None:
        add("expert", "channels", "help-billing-engine", members)
    add("mpim", "mpims", "mpdm-lunch-1", members[:3])
    pairs = firm._chat.loc[firm._chat["place"] == "dm", ["teacher", "learner"]].to_numpy()
    for a, b in sorted({(int(min(p)), int(max(p))) for p in pairs}):
        add(f"dm-{a}-{b}", "dms", "", [members[a], members[b]])
    return out


def _place_key(event: Any, unit: Any) -> str:
    """Return the conversation in which an episode happened."""
    if event.place == "dm":
        return f"dm-{min(event.teacher, event.learner)}-{max(event.teacher, event.learner)}"
    if event.place in ("unit", "private"):
        return f"{event.place}-{unit[event.learner]}"
    return "expert" if event.place == "expert" else f"help-{event.topic}"


def _messages(
    firm: Organisation, members: list[str], places: dict[str, dict[str, Any]], rng: np.random.Generator
) -> dict[str, list[dict[str, Any]]]:
    """Return the day files: every help episode as a thread, with the noise that exports are full of."""
    box: dict[str, list[dict[str, Any]]] = {key: [] for key in places}
    used: dict[str, set[str]] = {key: set() for key in places}

    def stamp(key: str, second: float) -> str:
        """Write a time that is unique in its conversation, as Slack does."""
        micro = int(rng.integers(1_000_000))
        while (text := f"{_EPOCH + int(second)}.{micro:06d}") in used[key]:
            micro = (micro + 1) % 1_000_000
        used[key].add(text)
        return text

    for event in each(firm._chat):
        key = _place_key(event, firm.structure.unit)
        _thread(
            event, members, _passing(places[key]), box[key], lambda second, key=key: stamp(key, second), rng
        )
    for key, place in places.items():
        _noise(key, place, members, box[key], lambda second, key=key: stamp(key, second), rng)
    first = _EPOCH + EXPORT_FROM * 86_400
    last = _EPOCH + 365 * 86_400
    days: dict[str, list[dict[str, Any]]] = {}
    for key, messages in box.items():
        for message in sorted(messages, key=lambda m: str(m["ts"])):
            second = int(str(message["ts"]).split(".")[0])
            if first <= second < last:
                day = pd.Timestamp(second, unit="s").strftime("%Y-%m-%d")
                days.setdefault(f"{places[key]['folder']}/{day}.json", []).append(message)
    return days


def _passing(place: dict[str, Any]) -> list[str]:
    """Return who may pass by a thread: members of public channels."""
    return list(place["row"]["members"]) if place["kind"] == "channels" else []


def _thread(
    event: Any,
    members: list[str],
    who: list[str],
    box: list[dict[str, Any]],
    stamp: Any,
    rng: np.random.Generator,
) -> None:
    """Add a question and its answer; sometimes thanks, a word from the asker, a copy to the channel."""
    asker, helper = members[event.learner], members[event.teacher]
    words = {
        "verb": _VERBS[int(rng.integers(len(_VERBS)))],
        "thing": _THINGS[int(rng.integers(len(_THINGS)))],
    }
    opened, replied = stamp(event.asked), stamp(event.answered)
    question = str(rng.choice(_ASK)).format(**words)
    if rng.random() < 0.12:
        question = f"<@{helper}> {question}"
    parent: dict[str, Any] = {
        "type": "message",
        "user": asker,
        "text": question,
        "ts": opened,
        "thread_ts": opened,
    }
    reply: dict[str, Any] = {
        "type": "message", "user": helper, "text": str(rng.choice(_SAY)).format(**words), "ts": replied,
        "thread_ts": opened, "parent_user_id": asker,
    }  # fmt: skip
    if event.thanks:
        name = str(rng.choice(["pray", "white_check_mark", "bulb"]))
        reply["reactions"] = [{"name": name, "users": [asker], "count": 1}]
    replies = [reply]
    if rng.random() < 0.2:
        thanks = {"type": "message", "user": asker, "text": "Works, thank you!", "ts": stamp(event.answered + 240),
                  "thread_ts": opened, "parent_user_id": asker}  # fmt: skip
        replies.append(thanks)
    if rng.random() < 0.05 and who:
        bystander = str(rng.choice(who))
        if bystander not in (asker, helper):
            replies.append(
                {"type": "message", "user": bystander, "text": "Following, I wonder too.",
                 "ts": stamp(event.asked + 120), "thread_ts": opened, "parent_user_id": asker}
            )  # fmt: skip
    if rng.random() < 0.03:
        copy = {k: v for k, v in reply.items() if k != "reactions"}
        replies.append(copy | {"subtype": "thread_broadcast"})
    parent |= {
        "reply_count": len({m["ts"] for m in replies}), "reply_users": sorted({str(m["user"]) for m in replies}),
        "reply_users_count": len({m["user"] for m in replies}), "latest_reply": max(str(m["ts"]) for m in replies),
    }  # fmt: skip
    box += [parent, *replies]


def _noise(
    key: str,
    place: dict[str, Any],
    members: list[str],
    box: list[dict[str, Any]],
    stamp: Any,
    rng: np.random.Generator,
) -> None:
    """Add joins, chatter, questions that nobody answered, bots."""
    who = place["row"]["members"]
    if place["kind"] == "dms" or not who:
        return

    def moment() -> float:
        day = int(rng.integers(0, 365))
        return float(day * 86_400 + rng.integers(25_000, 62_000))

    for user in who[:: max(1, len(who) // 6)][:6]:
        second = float(rng.integers(0, 150 * 86_400))
        box.append(
            {
                "type": "message",
                "subtype": "channel_join",
                "user": user,
                "text": f"<@{user}> has joined the channel",
                "ts": stamp(second),
            }
        )
    for _ in range(40 if place["kind"] == "channels" and key != "expert" else 6):
        user = str(rng.choice(who))
        text = str(rng.choice(_CHATTER))
        extra = {"subtype": "me_message"} if rng.random() < 0.05 else {}
        box.append({"type": "message", "user": user, "text": text, "ts": stamp(moment())} | extra)
    if key.startswith("help-"):
        for _ in range(15):
            words = {"verb": str(rng.choice(_VERBS)), "thing": str(rng.choice(_THINGS))}
            text = str(rng.choice(_ASK)).format(**words)
            box.append({"type": "message", "user": str(rng.choice(who)), "text": text, "ts": stamp(moment())})
    if key == "general":
        for _ in range(60):
            bot = {"bot_id": _code("B", 1), "user": _code("U", 9_000), "text": "Deployed build &lt;main&gt;."}
            box.append({"type": "message", "subtype": "bot_message", **bot, "ts": stamp(moment())})
