"""Reading the sources of a study within what it may do."""

from __future__ import annotations

import importlib
import inspect
import io
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet import privacy
from peernet._check import quoted, suggest
from peernet.errors import DataError
from peernet.privacy.pseudonyms import key_outside
from peernet.records import _kept
from peernet.records._merging import merge_records
from peernet.records._people import IDENTIFYING, ids_in, without_objectors
from peernet.records._redacting import without_ids
from peernet.records._rosters import dated, facts_of, same_people, stacked
from peernet.records.report import UNMATCHED
from peernet.records.tables import Records

if TYPE_CHECKING:
    from peernet.records.study import Study

__all__ = ["erase", "key_of", "read_all"]

_SURVEYS = {
    "survey",
    "qualtrics",
    "surveymonkey",
    "limesurvey",
    "google_forms",
    "microsoft_forms",
    "redcap",
    "spss",
    "network_canvas",
    "roster_grid",
    "edge_list",
}
# Readers are found by the kind of source: kind "slack" -> read_slack here. They sit above this layer.
_READERS = "peernet.ingest"


def reader_of(kind: str) -> Callable[..., Records]:
    """Return the reader of a kind of source."""
    package = importlib.import_module(_READERS)
    known = sorted(n.removeprefix("read_") for n in package.__all__ if n.startswith("read_"))
    if kind not in known:
        raise DataError(
            f"study.toml: no kind of source {kind!r}.{suggest(kind, known)} Kinds: {', '.join(known)}."
        )
    reader: Callable[..., Records] = getattr(package, f"read_{kind}")
    return reader


def known_kind(kind: str) -> None:
    """Refuse a kind of source that no reader reads, so that a misspelt one is not just never read."""
    if kind != "survey":
        reader_of(kind)


def known_functions(analysis: str, functions: tuple[str, ...]) -> None:
    """Refuse functions that do not exist: a misspelt one would stay locked, and nobody would know why."""
    for name in functions:
        package, _, function = name.partition(".")
        if name == "*":
            continue
        names = getattr(importlib.import_module("peernet"), "__all__", [])
        home = importlib.import_module(f"peernet.{package}") if package in names else None
        known = [f"{package}.{f}" for f in getattr(home, "__all__", [])]
        if name not in known or not function:
            raise DataError(
                f"study.toml: {analysis} under [analyses] lists {name!r}, and there is no such function."
                f"{suggest(name, known)} Write package.function, such as silos.constraint."
            )


def is_allowed(study: Study, kind: str) -> bool:
    """Say whether a kind of source may be read; ``survey`` stands for every survey tool."""
    return kind in study.allowed or (kind in _SURVEYS and "survey" in study.allowed)


def read_all(study: Study) -> tuple[Records, pd.DataFrame]:
    """Read, join and pseudonymise; return the records and the names that fit nobody, in clear."""
    left: list[str] = []
    chosen: list[dict[str, Any]] = []
    for entry in study.sources():
        reader_of(entry["kind"])
        if is_allowed(study, entry["kind"]):
            chosen.append(entry)
        else:
            left.append(f"source {entry['kind']!r} ({entry['file']}): not allowed in study.toml")
    rosters = [e for e in chosen if e["kind"] == "people"]
    if not rosters:
        raise DataError(
            f"{study.title!r} has no roster to read: add 'people' to allowed under [sources], and "
            "data/hr_roster.csv or a "
            "[[source]] of that kind. Everything else is joined to it."
        )
    aliases = _aliases(study)
    parts: list[Records] = []
    people: Records | None = None
    for entry in rosters:
        got = _read_one(study, entry, people, aliases, left)
        assert got is not None  # rosters have no channels that could be left out
        parts.append(got)
        people = _joined(study, parts, people)
    others = [e for e in chosen if e["kind"] != "people"]
    own = _rosters_of_waves(study, rosters, parts, others)
    for entry in others:
        wave = str(entry.get("wave", "1")) if own and entry["kind"] in _SURVEYS else None
        got = _read_one(study, entry, own[wave] if wave else people, aliases, left)
        if got is not None:
            parts.append(replace(got, rosters=stacked({wave: facts_of(got.people)})) if wave else got)
    records = _joined(study, parts, people)
    review = records.report.unmatched
    records = _without(study, records)
    if study.pseudonymous:
        records = records.pseudonymise(key=key_of(study))
    notes = (f"study {study.title!r}: allowed sources are {', '.join(study.allowed)}", *records.report.notes)
    report = replace(records.report, not_read=(*records.report.not_read, *left), notes=notes)
    return replace(records, report=report, permissions=study.permissions), review


def _rosters_of_waves(
    study: Study, entries: list[dict[str, Any]], rosters: list[Records], others: list[dict[str, Any]]
) -> dict[str, Records]:
    """Return the roster of each survey wave, where study.toml says which is whose; refuse to guess where it matters.

    A roster with ``wave`` belongs to that wave; those without belong to every wave that has none of its own.
    """
    waves = list(dict.fromkeys(str(e.get("wave", "1")) for e in others if e["kind"] in _SURVEYS))
    general = [r for e, r in zip(entries, rosters, strict=True) if "wave" not in e]
    if len(general) == len(rosters):
        loose = [r for r in general if not dated(r)]
        versions = any(
            a.people.index.isin(b.people.index).mean() > 0.5 and not same_people(a.people, b.people)
            for a, b in combinations(loose, 2)
        )
        if len(waves) > 1 and versions:
            raise DataError(
                f"study.toml: {len(loose)} rosters without dates hold the same people and differ, and the surveys have "
                f"{len(waves)} waves ({quoted(waves)}): which roster is whose? Write the wave beside each roster, "
                f'wave = "{waves[0]}" under its [[source]], or date its rows (effective_from).'
            )
        return {}
    named = sorted({str(e["wave"]) for e in entries if "wave" in e})
    out: dict[str, Records] = {}
    for wave in waves:
        mine = [r for e, r in zip(entries, rosters, strict=True) if str(e.get("wave", wave)) == wave]
        own = [r for e, r in zip(entries, rosters, strict=True) if str(e.get("wave", "")) == wave]
        if not mine:
            raise DataError(
                f"study.toml: a survey is of wave {wave!r} and no roster is (they are of {quoted(named)})."
                f"{suggest(wave, named)} Write the same wave under the [[source]] of both, or leave wave out of a "
                "roster that holds for every wave."
            )
        out[wave] = _joined(study, own or mine, None)
    return out


def _joined(study: Study, parts: list[Records], people: Records | None) -> Records:
    """Merge; where they contradict each other, name nobody in a pseudonymous study."""
    try:
        return merge_records(parts, consent_covers=study.consent_covers)
    except DataError as error:
        if not study.pseudonymous:
            raise
        raise DataError(without_ids(str(error), people or parts[0])) from None


def _read_one(
    study: Study, entry: dict[str, Any], people: Records | None, aliases: pd.DataFrame | None, left: list[str]
) -> Records | None:
    """Read one source with its options, cut down to what is allowed."""
    kind = entry["kind"]
    reader = reader_of(kind)
    takes = inspect.signature(reader).parameters
    options = {k: v for k, v in entry.items() if k not in ("kind", "file")}
    if kind == "people":
        options.pop("wave", None)
    wrong = [k for k in options if k not in takes or k in ("path", "people", "aliases")]
    if wrong:
        words = ", ".join(k for k in takes if k not in ("path", "people", "aliases"))
        raise DataError(f"study.toml: source {kind!r} has no option {quoted(wrong)}. Options: {words}.")
    if "codebook" in options:
        options["codebook"] = str(study.folder / options["codebook"])
    if "people" in takes and kind != "people":
        options["people"] = people
    if "aliases" in takes and aliases is not None:
        options["aliases"] = aliases
    needed = [
        k for k, p in takes.items() if p.kind is p.KEYWORD_ONLY and p.default is p.empty and k not in options
    ]
    if needed:
        raise DataError(f"study.toml: source {kind!r} ({entry['file']}) needs {quoted(needed)}.")
    if not _limit_channels(study, kind, takes, options, left):
        return None
    try:
        return reader(study.folder / entry["file"], **options)
    except DataError as error:
        if not study.pseudonymous:
            raise
        file, told = (
            study.folder / entry["file"],
            tuple(map(str, dict(options.get("columns") or {}).values())),
        )
        said = without_ids(str(error), people, file=file, codebook=options.get("codebook"), told=told)
        raise DataError(said) from None


def _limit_channels(study: Study, kind: str, takes: Any, options: dict[str, Any], left: list[str]) -> bool:
    """Take out channels and private conversations that are not allowed; say whether anything is left to read."""
    rules = study.settings.get("sources", {})
    if "include_private" in takes:
        asked = list(options.get("include_private", []))
        may = rules.get("private", [])
        left += [
            f"private conversations ({p}) in {kind}: not allowed in study.toml" for p in asked if p not in may
        ]
        options["include_private"] = [p for p in asked if p in may]
    if "channels" not in takes or "channels" not in rules or "*" in rules["channels"]:
        return True
    may = [str(c).lstrip("#") for c in rules["channels"]]
    asked = [str(c).lstrip("#") for c in options.get("channels", may)]
    left += [f"channel {c!r} in {kind}: not allowed in study.toml" for c in asked if c not in may]
    options["channels"] = [c for c in asked if c in may]
    if not options["channels"]:
        left.append(
            f"source {kind!r}: no channel is allowed (channels under [sources] in study.toml; "
            '["*"] allows all public ones)'
        )
        return False
    return True


def _aliases(study: Study) -> pd.DataFrame | None:
    """Read the confirmed matches."""
    path = study.folder / "aliases.csv"
    if not path.is_file():
        return None
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    for column in table.columns:
        table[column] = table[column].str.replace(r"^'(?=[=+\-@])", "", regex=True)
    return table


def _objectors(study: Study, records: Records) -> list[str]:
    """Read objections.csv: ids, or e-mails and names that only one person has; refuse entries that are nobody."""
    path = study.folder / "objections.csv"
    text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    if not text.strip():
        return []
    table = pd.read_csv(
        io.StringIO(text), dtype=str, keep_default_na=False, skip_blank_lines=False, sep=",", index_col=False
    )
    if "person" not in table.columns:
        raise DataError(
            f"objections.csv needs a column person. Columns: {', '.join(map(str, table.columns))}."
        )
    given = table["person"].str.strip()
    other: dict[str, set[str]] = {}
    for column in [
        c for c in IDENTIFYING if c in records.people.columns and c not in ("first_name", "last_name")
    ]:
        for person, value in records.people[column].dropna().items():
            other.setdefault(str(value).strip().casefold(), set()).add(str(person))
    for person, value in zip(records.aliases["person"], records.aliases["id"], strict=True):
        other.setdefault(str(value).strip().casefold(), set()).add(str(person))
    known = ids_in(records)
    found: list[str] = []
    lost: list[str] = []
    for row, entry in enumerate(given, 2):
        same = {entry} if entry in known else other.get(entry.casefold(), set())
        if len(same) == 1:
            found += same
        elif entry:
            lost.append(str(row))
    if lost:
        raise DataError(
            f"objections.csv: {len(lost)} people in it are nobody in the study, or several (rows "
            f"{', '.join(lost[:10])}{', ...' if len(lost) > 10 else ''}). Write the id of the roster, so that nobody "
            "who objects is used; remove the rows of people who are in no file."
        )
    return sorted(set(found))


def _without(study: Study, records: Records) -> Records:
    """Remove people who were erased, and everything but the roster row of those who object, on either occasion."""
    objectors = _objectors(study, records)
    records = without_objectors(records, objectors)
    if objectors:
        there = privacy.load_key(key_of(study)) if study.pseudonymous else None
        kept = {*objectors, *(privacy.pseudonym(p, key=there) for p in objectors)} if there else objectors
        _kept.leave_out(study.folder, kept, study.folder / "objections.csv")
    gone = _erased(study)
    if gone:
        key = privacy.load_key(key_of(study))
        for person in [p for p in records.people.index if privacy.pseudonym(p, key=key) in gone]:
            records = records.erase(person)
    return records


def _erased(study: Study) -> set[str]:
    """Read the hashes of people who were erased."""
    path = study.folder / "erased.txt"
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()


def erase(study: Study, person: str) -> Records:
    """Erase a person from the records and remember the hash."""
    records = study.records
    mark = privacy.pseudonym(person, key=key_of(study))
    known = set(records.people.index)
    if study.pseudonymous and mark in known:
        inside = mark
    elif person in known:
        inside, mark = person, (person if study.pseudonymous else mark)
    else:
        raise DataError(f"erase: {person!r} is not in the study {study.title!r}. Nothing was changed.")
    out = records.erase(inside)
    study.ledger.erase(inside)
    path = study.folder / "erased.txt"
    path.write_text("\n".join(sorted(_erased(study) | {mark})) + "\n", encoding="utf-8")
    _kept.forget(study.folder, {person, inside, mark})
    if study._review is not None:
        study._review = study._review[study._review["suggested"] != person].reindex(columns=UNMATCHED)
    return out


def key_of(study: Study) -> Path:
    """Return the key file, outside the study; a study remembers which key is its own.

    ``pseudonyms.txt`` beside study.toml holds the name of the key file and a fingerprint that says nothing about the
    key. A new title, or another key under the same name, would make everybody somebody else: erased people would come
    back, and the ledger of releases would recognise nobody. So another key than the one remembered is refused.
    """
    stated = study.settings.get("privacy", {}).get("key")
    if stated:
        path = Path(os.path.expanduser(str(stated)))
        stated = path if path.is_absolute() else study.folder / path
    beside = study.folder / "pseudonyms.txt"
    lines = beside.read_text(encoding="utf-8").split("\n") if beside.is_file() else []
    name, mark = (lines[0], lines[1]) if len(lines) > 1 else (f"{study.title} {secrets.token_hex(3)}", "")
    if mark and not _there(study, name, stated):
        raise DataError(
            f"the key of this study's pseudonyms is not there ({stated.name if stated else name}). Restore it, or give "
            "its place as key under [privacy] in study.toml. Without it nobody who was erased can be recognised. "
            f"To begin anew with another key, delete {beside.name}, erased.txt, releases.jsonl and records/."
        )
    path = key_outside(study.folder, name, stated)
    own = privacy.pseudonym("peernet study", key=path)
    if mark and own != mark:
        raise DataError(
            f"{path.name} is not the key that this study's pseudonyms were made with ({beside.name} remembers another "
            "one). Give that key under [privacy] in study.toml."
        )
    if not mark:
        beside.write_text(f"{name}\n{own}\n", encoding="utf-8")
    return path


def _there(study: Study, name: str, stated: Path | None) -> bool:
    """Say whether the key exists already."""
    return stated.is_file() if stated else key_outside(study.folder, name, make=False).is_file()
