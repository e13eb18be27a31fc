"""The HR roster: who is who, in which unit, since when, under whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text, suggest
from peernet.errors import DataError
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest._spells import build_spells, latest_rows
from peernet.ingest._times import DateOrder, parse_times
from peernet.records.identity import clean_text, match_names, normalise_name
from peernet.records.report import Ledger
from peernet.records.spells import manager_tree
from peernet.records.tables import Records, empty_table

__all__ = ["propose_columns", "read_people"]

# Field -> headings it goes by, in order of preference, without accents, case and punctuation.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": (
        "person",
        "person id",
        "employee id",
        "employee number",
        "employee no",
        "worker id",
        "personnel number",
        "pers nr",
        "personalnummer",
        "emp id",
        "staff id",
        "user id",
        "uid",
        "matricule",
        "id",
    ),
    "name": ("name", "full name", "display name", "employee name", "worker", "legal name"),
    "first_name": ("first name", "given name", "firstname", "vorname", "prenom", "preferred name"),
    "last_name": ("last name", "surname", "family name", "lastname", "nachname", "nom"),
    "email": (
        "email",
        "work email",
        "e mail",
        "email address",
        "mail",
        "user email",
        "upn",
        "user principal name",
    ),
    "unit": (
        "unit",
        "department",
        "org unit",
        "organisational unit",
        "organizational unit",
        "organization",
        "organisation",
        "business unit",
        "division",
        "abteilung",
        "team",
    ),
    "site": ("site", "location", "office", "work location", "office location", "city", "standort"),
    "role": ("role", "job title", "title", "position", "job", "function"),
    "grade": ("grade", "level", "job level", "band", "job grade"),
    "manager": (
        "manager",
        "manager id",
        "supervisor",
        "supervisor id",
        "reports to",
        "line manager",
        "manager email",
    ),
    "dotted_line": ("dotted line", "matrix manager", "functional manager", "dotted line manager"),
    "start": ("start", "hire date", "start date", "date of hire", "entry date", "joined", "eintritt"),
    "end": ("end", "termination date", "end date", "leave date", "exit date", "left", "austritt"),
    "effective_from": ("effective from", "valid from", "effective date", "from date", "spell start"),
    "effective_to": ("effective to", "valid to", "valid until", "to date", "effective end date", "spell end"),
    "snapshot": ("snapshot", "snapshot date", "as of", "as of date", "month", "report date", "stichtag"),
    "contractor": ("contractor", "worker type", "employment type", "employee type", "is contractor"),
}
_DATES = ("start", "end", "effective_from", "effective_to", "snapshot")
_SPELL_FIELDS = ("unit", "site", "role", "grade", "manager", "dotted_line")
_SENSITIVE = re.compile(
    r"salar|wage|bonus|payband|compensation|birth|\bdob\b|\bage\b|gender|\bsex\b|ethnic|race|religio|disab|marital|"
    r"nationalit|passport|\bssn\b|social security|national id|tax id|iban|bank|"
    r"home address|private|mobile|phone|health",
    re.IGNORECASE,
)


def _plain(heading: str) -> str:
    """Fold a heading: lower case, words only."""
    return " ".join(re.findall(r"[a-z0-9]+", normalise_name(heading).replace("_", " ")))


def same_heading(one: str, other: str) -> bool:
    """Say whether two folded headings are the same but for blanks (e mail, email)."""
    return one.replace(" ", "") == other.replace(" ", "")


def propose_columns(headings: Iterable[str]) -> pd.DataFrame:
    """Which column of a roster holds which field, as far as its heading tells.

    Parameters
    ----------
    headings : list of str
        First row of the file.

    Returns
    -------
    pandas.DataFrame
        ``field, column, how``; how is "heading" where a known heading was found, "similar heading" where
        one is near (that is proposed and never applied), "kept" for columns without a field.
    """
    names = [str(h) for h in headings]
    plain = {name: _plain(name) for name in names}
    rows: list[dict[str, str]] = []
    taken: set[str] = set()
    for field, synonyms in _SYNONYMS.items():
        hit = next((n for s in synonyms for n in names if same_heading(plain[n], s) and n not in taken), None)
        if hit is not None:
            taken.add(hit)
            rows.append({"field": field, "column": hit, "how": "heading"})
    found = {r["field"] for r in rows}
    known = {s: f for f, synonyms in _SYNONYMS.items() for s in synonyms if f not in found}
    for name in names:
        if name in taken:
            continue
        near = suggest(plain[name], known, 1) if len(plain[name]) > 3 else ""
        guess = near.split("'")[1] if near else ""
        if guess:
            rows.append({"field": known[guess], "column": name, "how": "similar heading"})
        else:
            rows.append({"field": "", "column": name, "how": "kept"})
    return pd.DataFrame(rows, columns=["field", "column", "how"])


def read_people(
    path: PathLike,
    *,
    columns: Mapping[str, str] | None = None,
    keep: Iterable[str] = (),
    aliases: pd.DataFrame | Mapping[str, str] | None = None,
    date_order: DateOrder = "auto",
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Records:
    """Roster of everybody who could teach or learn, from an HR export (CSV, TSV or xlsx).

    Ids are text: leading zeros stay, and people called ``NA`` or ``None`` exist. Several rows of one person
    are read as spells when the file dates them (``effective_from`` and ``effective_to``, or monthly
    snapshots): ``spells`` keeps them all, ``people`` the latest. Who is not in a later snapshot is taken to
    have left by then (flagged). Managers are given by id, e-mail or name.

    Parameters
    ----------
    path : path
        The file.
    columns : dict, optional
        Field -> heading in the file, where the proposed mapping is wrong or incomplete: ``{"person":
        "Pers.Nr."}``. Fields: person, name, first_name, last_name, email, unit, site, role, grade, manager,
        dotted_line, start, end, effective_from, effective_to, snapshot, contractor.
    keep : list of str
        Headings to keep although they look sensitive (pay, birth date, health ...): those are left out unread.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches for managers given by name.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.
    encoding, delimiter : str, optional
        Where they cannot be told from the file.

    Returns
    -------
    Records
        ``people``, ``spells``, ``aliases`` (e-mails) and the report, whose ``mapping`` says which column
        was read as what.

    Raises
    ------
    DataError
        When there is no id column, an id is missing, stands twice without dates or its spells overlap.
    """
    ledger = Ledger("read_people")
    raw = read_table(path, ledger, encoding=encoding, delimiter=delimiter)
    if not len(raw.frame):
        raise DataError(f"{raw.name} has a header and no rows (0 people). Export it again.")
    mapping = _mapping(raw, columns)
    frame = _rename(raw, mapping, set(keep), ledger)
    ledger.read("rows", len(frame))
    frame = _clean_ids(frame, raw.name)
    frame = _clean_cells(frame, ledger)
    for field in _DATES:
        if field in frame.columns:
            times = parse_times(frame[field], f"{raw.name}, column {field}", date_order=date_order)
            ledger.flag("rows", f"{field} is not a date", times.unreadable)
            frame[field] = times.time
    frame = _drop_copies(frame, ledger)
    spells, latest = build_spells(frame, raw.name, [f for f in _SPELL_FIELDS if f in frame.columns], ledger)
    people = latest_rows(frame, latest)
    _flags(frame, ledger)
    if "snapshot" in frame.columns and "effective_from" not in frame.columns:
        last = spells.drop_duplicates("person", keep="last").set_index("person")["end"].reindex(people.index)
        if last.notna().any():
            people["end"] = people["end"].fillna(last) if "end" in people.columns else last
    people, spells, review = _managers(people, spells, aliases, ledger)
    ledger.facts.update(mapping=mapping, unmatched=review, time_zone="dates, taken as UTC midnights")
    _tree_notes(people, ledger)
    return Records(people=people, spells=spells, aliases=_mail_aliases(people), report=ledger.report())


def _flags(frame: pd.DataFrame, ledger: Ledger) -> None:
    """Tell of dates turned round and of e-mails that several people share."""
    for first, last in (("start", "end"), ("effective_from", "effective_to")):
        if {first, last} <= set(frame.columns):
            wrong = frame[last] < frame[first]
            ledger.flag("rows", f"{last} lies before {first}: that covers no time", frame.index[wrong])
    if "email" in frame.columns:
        mail = frame.loc[frame["email"].fillna("") != "", ["person", "email"]].drop_duplicates()
        shared = mail.index[mail["email"].duplicated(keep=False)]
        ledger.flag("rows", "shares an e-mail with somebody else: it identifies neither", shared)


def _mapping(raw: RawTable, columns: Mapping[str, str] | None) -> pd.DataFrame:
    """Combine the proposed mapping with what the caller says."""
    proposed = propose_columns(raw.frame.columns)
    given = dict(columns or {})
    for field, heading in given.items():
        if field not in _SYNONYMS:
            raise ValueError(
                f"columns: no field {field!r}.{suggest(field, _SYNONYMS)} Fields: {', '.join(_SYNONYMS)}."
            )
        if heading not in raw.frame.columns:
            have = ", ".join(raw.frame.columns)
            raise DataError(
                f"{raw.name} has no column {heading!r}.{suggest(heading, raw.frame.columns)} Columns: {have}."
            )
    spare = proposed["field"].isin(given) | proposed["column"].isin(given.values())
    kept = proposed[~spare]
    said = pd.DataFrame(
        [{"field": f, "column": c, "how": "as told"} for f, c in given.items()], columns=kept.columns
    )
    lost = [c for c in proposed.loc[spare, "column"] if c not in given.values()]
    rest = pd.DataFrame([{"field": "", "column": c, "how": "kept"} for c in lost], columns=kept.columns)
    mapping = pd.concat([said, kept, rest], ignore_index=True)
    used = mapping[mapping["how"].isin(["as told", "heading"])]
    if "person" not in set(used["field"]):
        near = mapping[mapping["how"] == "similar heading"]
        hint = " ".join(f"Perhaps {c!r} is person." for c in near.loc[near["field"] == "person", "column"])
        raise DataError(
            f"{raw.name} has no column that is known to hold person ids, or its header row is missing (row 1 "
            "reads: "
            f"{', '.join(raw.frame.columns[:8])}). {hint} Pass columns={{'person': '<heading>'}}."
        )
    return mapping


def _rename(raw: RawTable, mapping: pd.DataFrame, keep: set[str], ledger: Ledger) -> pd.DataFrame:
    """Give columns their field names; leave sensitive ones out."""
    fields = {r.column: r.field for r in mapping.itertuples(index=False) if r.how in ("as told", "heading")}
    unwanted = [
        c for c in raw.frame.columns if c not in fields and c not in keep and _SENSITIVE.search(_plain(c))
    ]
    if unwanted:
        ledger.not_read.append(f"columns that look sensitive: {quoted(unwanted)} (keep= reads them)")
    return raw.frame.drop(columns=unwanted).rename(columns=fields)


def _clean_ids(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check ids; blanks around them go, nothing else changes."""
    ids = frame["person"].str.strip()
    missing = ids == ""
    if missing.any():
        rows = frame.index[missing]
        raise DataError(
            f"{name}: {len(rows)} of {len(frame)} people have no id ({rows_text(rows)}). Give each an id, or "
            "delete the rows."
        )
    odd = ids.str.contains(r"[<>\x00-\x1f\x7f]", regex=True) | (ids.str.len() > 200)
    if odd.any():
        raise DataError(
            f"{name}: {odd.sum()} ids hold markup, control characters or more than 200 characters "
            f"({rows_text(frame.index[odd], ids[odd].str.slice(0, 40))}). Correct the ids."
        )
    return frame.assign(person=ids)


def _clean_cells(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Take markup out of texts and join first and last names."""
    out = frame.copy()
    marked: set[int] = set()
    formulas: set[int] = set()
    for column in out.columns:
        if column == "person":
            continue
        cells = out[column]
        clean = cells.map(clean_text)
        marked |= set(cells.index[(clean != cells.map(lambda t: " ".join(t.split()))).to_numpy()])
        formulas |= set(clean.index[clean.str.match(r"[=+@]|-\D").to_numpy()])
        out[column] = clean
    ledger.flag("rows", "markup or invisible characters removed", sorted(marked))
    ledger.flag(
        "rows", "a cell looks like a formula (kept as text, guarded in every export)", sorted(formulas)
    )
    if "name" not in out.columns and {"first_name", "last_name"} <= set(out.columns):
        out["name"] = (out["first_name"] + " " + out["last_name"]).str.strip()
    out = out.drop(
        columns=[c for c in ("first_name", "last_name") if c in out.columns and "name" in out.columns]
    )
    if "email" in out.columns:
        out["email"] = out["email"].str.lower()
    return out


def _drop_copies(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Drop rows that repeat another one word for word."""
    copies = frame.duplicated()
    ledger.drop("rows", "copy of another row", frame.index[copies])
    return frame[~copies]


def _managers(
    people: pd.DataFrame, spells: pd.DataFrame, aliases: Any, ledger: Ledger
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Turn managers given as e-mail or name into ids."""
    reviews = []
    for column in ("manager", "dotted_line"):
        for frame in (people, spells):
            if column not in frame.columns:
                continue
            given = frame[column].fillna("")
            found = match_names(given, people, aliases=aliases)
            frame[column] = found.person.set_axis(frame.index)
            if frame is people:
                reviews.append(found.review)
                lost = int(((given != "").to_numpy() & found.person.isna().to_numpy()).sum())
                ledger.flag("rows", f"{column} fits nobody on the roster (left empty)", n=lost)
    review = pd.concat(reviews, ignore_index=True) if reviews else match_names([], people).review
    return people, spells, review


def _tree_notes(people: pd.DataFrame, ledger: Ledger) -> None:
    """Say how many heads the manager tree has, and whether it bites its tail."""
    if "manager" not in people.columns:
        return
    tree = manager_tree(people)
    if tree["cycle"].any():
        ledger.flag(
            "rows",
            "manages themselves over others (the manager tree has a cycle)",
            n=int(tree["cycle"].sum()),
        )
    roots = int((tree["depth"] == 0).sum())
    ledger.notes.append(
        f"the manager tree has {roots} {'head' if roots == 1 else 'heads'} and "
        f"{int(tree['depth'].max()) + 1} levels"
    )
    if "name" in people.columns:
        same = people["name"].map(normalise_name)
        n = int((same.duplicated(keep=False) & (same != "")).sum())
        if n:
            ledger.notes.append(
                f"{n} people share their name with somebody; names alone do not identify them"
            )


def _mail_aliases(people: pd.DataFrame) -> pd.DataFrame:
    """Make e-mails the first aliases."""
    if "email" not in people.columns:
        return empty_table("aliases")
    mail = people["email"].fillna("")
    mail = mail[(mail != "") & ~mail.duplicated(keep=False)]
    frame = pd.DataFrame({"person": mail.index, "system": "email", "id": mail.to_numpy()})
    return frame.astype("str")
