"""Names given in a survey: free text in slots, cells of a roster grid, and what was said about each tie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from peernet._check import rows_text
from peernet.errors import DataError
from peernet.ingest._answers import code_cells
from peernet.ingest.codebook import Codebook
from peernet.records.identity import clean_text, match_names
from peernet.records.report import Ledger, tuples
from peernet.records.tables import empty_table

__all__ = ["nominations_of"]

Aliases = pd.DataFrame | Mapping[str, str] | None
_NOBODY = {"n/a", "n.a.", "-", "--", "none", "nobody", "no one", "niemand", "keine", "keiner", "personne"}


def nominations_of(
    frame: pd.DataFrame,
    who: pd.Series[Any],
    book: Codebook,
    roster: pd.DataFrame,
    aliases: Aliases,
    objectors: set[str],
    wave: str,
    ledger: Ledger,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collect the names given, match them, leave out self-mentions and repeats."""
    parts = [_roster_cells(frame, who, book, roster, ledger), *_typed(frame, book, roster, ledger)]
    filled = [p for p in parts if len(p)]
    names = (
        pd.concat(filled, ignore_index=True)
        if filled
        else pd.DataFrame(columns=["row", "given", "relation", "slot", "weight"])
    )
    if len(book.of("nomination", "roster")):
        ledger.read("names", len(names))
    found = match_names(names["given"], roster, aliases=aliases)
    names["named"], names["how"] = found.person, found.how
    names["respondent"] = names["row"].map(who).astype("str")
    lost = names["named"].isna()
    ledger.drop("names", "fits nobody on the roster", names.loc[lost, "row"], stage="match")
    loose = names[names["how"].isin(["normalised", "token-sorted"])]
    ledger.flag("names", "matched without accents, case or word order", loose["row"])
    names = names[~lost]
    self_named = names["named"] == names["respondent"]
    ledger.drop("names", "names themselves", names.loc[self_named, "row"])
    names = names[~self_named]
    shy = names["named"].isin(objectors)
    ledger.drop("names", "names somebody who objects", names.loc[shy, "row"])
    names = names[~shy]
    again = names.duplicated(["respondent", "named", "relation"])
    ledger.drop("names", "named twice by the same person", names.loc[again, "row"])
    names = names[~again].assign(wave=wave)
    front = list(empty_table("nominations").columns)
    extra = [c for c in names.columns if c not in (*front, "row", "given", "how")]
    out = names.sort_values(["relation", "row", "slot"], kind="stable")[[*front, *extra]].reset_index(
        drop=True
    )
    return out.astype(dict(empty_table("nominations").dtypes.items())), found.review


def _typed(frame: pd.DataFrame, book: Codebook, roster: pd.DataFrame, ledger: Ledger) -> list[pd.DataFrame]:
    """Collect what was typed into the slots of name generators, a word for nobody apart."""
    parts = []
    known = {*roster.index, *(roster["name"].dropna() if "name" in roster.columns else ())}
    slots = book.of("nomination")
    slots = slots.sort_values("slot", key=lambda c: c.astype("int64"), kind="stable")
    for entry in tuples(slots):
        cells = frame[entry.column].map(clean_text)
        marked = cells.index[(cells != frame[entry.column].map(lambda t: " ".join(t.split()))).to_numpy()]
        ledger.flag("names", "markup or invisible characters removed", marked)
        cells = cells[cells != ""]
        nobody = cells.str.casefold().isin(_NOBODY) & ~cells.isin(known)
        ledger.flag("names", "a word for nobody is typed in (no name given)", cells.index[nobody])
        cells = cells[~nobody]
        part = pd.DataFrame(
            {
                "row": cells.index,
                "given": cells.to_numpy(),
                "relation": entry.relation,
                "slot": int(entry.slot),
                "weight": 1.0,
            }
        )
        parts.append(_ratings(part, frame, book, str(entry.relation), str(entry.slot), ledger))
    _caps(frame, slots, ledger)
    return parts


def _ratings(
    part: pd.DataFrame, frame: pd.DataFrame, book: Codebook, relation: str, slot: str, ledger: Ledger
) -> pd.DataFrame:
    """Add what was said about the person in the same slot."""
    ratings = book.of("tie_rating")
    for entry in tuples(ratings[(ratings["relation"] == relation) & (ratings["slot"] == slot)]):
        cells = frame[entry.column].str.strip()
        cells = cells[cells != ""]
        value = code_cells(cells[~cells.isin([m for m in entry.missing.split("|") if m])], entry.labels)
        low, high = float(entry.low or "-inf"), float(entry.high or "inf")
        ok = value.between(low, high)
        what = f"ratings of {entry.question}"
        ledger.read(what, len(value))
        ledger.drop(what, "not a number or outside the scale", value.index[~ok])
        value = value[ok]
        nobody = ~value.index.isin(part["row"])
        ledger.drop(what, "rates an empty slot", value.index[nobody])
        part = part.assign(**{str(entry.question): part["row"].map(value).astype("float64")})
    return part


def _roster_cells(
    frame: pd.DataFrame, who: pd.Series[Any], book: Codebook, roster: pd.DataFrame, ledger: Ledger
) -> pd.DataFrame:
    """Read a roster grid: a tie where the cell reaches the cut."""
    out = []
    for entry in tuples(book.of("roster")):
        cells = frame[entry.column].str.strip()
        value = code_cells(cells.where(cells != "", "0"), entry.labels)
        bad = value.isna()
        ledger.flag(
            "names",
            "a cell of the grid is not a number or a known label (counted as no tie)",
            cells.index[bad],
        )
        cut = float(entry.cut) if entry.cut else None
        if cut is None and (value.dropna() > 1).any():
            row = value.index[(value > 1).to_numpy()]
            raise DataError(
                f"{book.name}: column {entry.column!r} holds ratings above 1 ({rows_text(row)}) and the "
                "codebook states no cut: "
                "from which value on is it a tie? Fill cut."
            )
        tie = value[value >= (cut if cut is not None else 1.0)]
        tie = tie[tie > 0]
        out.append(
            pd.DataFrame(
                {
                    "row": tie.index,
                    "given": entry.person,
                    "relation": entry.relation,
                    "slot": pd.NA,
                    "weight": tie.to_numpy(),
                }
            )
        )
    return (
        pd.concat([p for p in out if len(p)], ignore_index=True)
        if any(len(p) for p in out)
        else pd.DataFrame()
    )


def _caps(frame: pd.DataFrame, slots: pd.DataFrame, ledger: Ledger) -> None:
    """Say how many people used every slot: their further teachers or learners are unknown."""
    for relation, rows in slots.groupby("relation", sort=False):
        used = (frame[rows["column"]].map(str.strip) != "").sum(axis=1)
        some_name = used > 0
        full = used == len(rows)
        if len(rows) > 1 and full.any():
            share = full.sum() / max(1, some_name.sum())
            ledger.notes.append(
                f"{relation}: {int(full.sum())} of {int(some_name.sum())} people who named somebody filled "
                f"all {len(rows)} slots "
                f"({share:.0%}); the number of names is capped there"
            )
