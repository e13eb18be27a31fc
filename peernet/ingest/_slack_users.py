"""Who the users of a Slack export are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from peernet.errors import DataError
from peernet.ingest._fields import text
from peernet.ingest._files import Archive
from peernet.ingest.survey import Aliases
from peernet.records.identity import clean_text, match_names
from peernet.records.report import UNMATCHED, Ledger

__all__ = ["identify", "rows", "users"]


def rows(archive: Archive, name: str) -> list[dict[str, Any]]:
    """Read a JSON list of objects."""
    value = archive.json(name)
    if not isinstance(value, list):
        raise DataError(
            f"{archive.name}: {name} is not a list. It was changed after the export; fetch it again."
        )
    return [row for row in value if isinstance(row, dict)]


def users(archive: Archive, root: str) -> dict[str, dict[str, Any]]:
    """Read users.json (org_users.json in Enterprise Grid)."""
    names = archive.names()
    name = next((n for n in (f"{root}users.json", f"{root}org_users.json") if n in names), None)
    if name is None:
        raise DataError(
            f"{archive.name} holds no users.json: nobody can be told. Give the zip as it was downloaded."
        )
    return {text(row, "id"): row for row in rows(archive, name) if text(row, "id")}


def identify(
    users: dict[str, dict[str, Any]], roster: pd.DataFrame, aliases: Aliases, ledger: Ledger
) -> tuple[dict[str, str], set[str], pd.DataFrame]:
    """Match users to the roster by alias and e-mail; propose by name."""
    bots = {
        u
        for u, row in users.items()
        if row.get("is_bot") is True or row.get("is_app_user") is True or u == "USLACKBOT"
    }
    human = [u for u in users if u not in bots]
    profile = {u: row["profile"] if isinstance(row.get("profile"), dict) else {} for u, row in users.items()}
    mail = {u: text(profile[u], "email").strip() for u in human}
    name = {
        u: clean_text(text(profile[u], "real_name") or text(users[u], "real_name") or text(users[u], "name"))
        for u in human
    }
    label = {u: f"{mail[u] or name[u]} ({u})" for u in human}
    who: dict[str, str] = {}
    for form in (lambda u: u, lambda u: label[u], lambda u: mail[u]):
        left = [u for u in human if u not in who]
        found = match_names([form(u) for u in left], roster, aliases=aliases, columns=("email",))
        for user, person in zip(left, found.person, strict=True):
            if pd.notna(person):
                who[user] = str(person)
    lost = [u for u in human if u not in who]
    ledger.read("users", len(users))
    ledger.drop("users", "bots and apps", (), stage="match", n=len(bots))
    ledger.drop("users", "not on the roster", (), stage="match", n=len(lost))
    gone = [u for u in who if users[u].get("deleted") is True]
    ledger.flag("users", "deleted accounts of people on the roster (their messages count)", n=len(gone))
    shared = pd.Series(who, dtype="str").duplicated(keep=False)
    ledger.flag("users", "several accounts of one person", n=int(shared.sum()))
    return who, bots, _review(lost, label, mail, name, roster)


def _review(
    lost: list[str], label: dict[str, str], mail: dict[str, str], name: dict[str, str], roster: pd.DataFrame
) -> pd.DataFrame:
    """Propose people for users whose e-mail is not on the roster."""
    rows = []
    by_name = match_names([name[u] for u in lost], roster)
    near = (
        by_name.review.drop_duplicates("given").set_index("given") if len(by_name.review) else by_name.review
    )
    for user, person in zip(lost, by_name.person, strict=True):
        if pd.notna(person):
            why = "same name, another e-mail" if mail[user] else "same name, no e-mail"
            offer = {
                "suggested": person,
                "suggested_name": str(roster.at[person, "name"]),
                "score": 1.0,
                "why": why,
            }
        elif name[user] in near.index:
            best = near.loc[name[user]]
            offer = {k: best[k] for k in ("suggested", "suggested_name", "score", "why")}
        else:
            offer = {"suggested": "", "suggested_name": "", "score": float("nan"), "why": "nobody is near"}
        rows.append({"given": label[user], "n": 1, **offer, "person": ""})
    return pd.DataFrame(rows, columns=UNMATCHED)
