"""The codebook: which column of a survey means what, and who teaches in each relation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import rows_text, suggest
from peernet.errors import DataError
from peernet.ingest._files import PathLike, read_table
from peernet.records.report import Ledger

__all__ = ["KINDS", "Codebook"]

KINDS = (
    "person",
    "email",
    "name",
    "consent",
    "started",
    "finished",
    "complete",
    "nomination",
    "tie_rating",
    "roster",
    "nomination_list",
    "learning_share",
    "wording",
    "likert",
    "rating",
    "choice",
    "date",
    "number",
    "text",
    "skip",
)
COLUMNS = (
    "column",
    "kind",
    "relation",
    "respondent_is",
    "slot",
    "person",
    "question",
    "item",
    "source",
    "reading",
    "social_in",
    "low",
    "high",
    "reverse",
    "missing",
    "labels",
    "cut",
    "text",
    "proposed_respondent_is",
    "because",
)
_TIES = ("nomination", "nomination_list", "roster")
_READINGS = ("", "social", "formal", "solo")


@dataclass(frozen=True, eq=False)
class Codebook:
    """What each column of a survey file means; columns that are not listed are not read.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a column: ``column, kind, relation, respondent_is, slot, person, question, item, source,
        reading, social_in, low, high, reverse, missing, labels, cut, text``; all text, empty where nothing
        is said. Index = row in the file.
    name : str
        Of the file, for messages.

    Notes
    -----
    Kinds: ``person``, ``email``, ``name`` (who answered); ``consent``, ``started``, ``finished``,
    ``complete``; ``nomination`` (a name, one column a slot), ``tie_rating`` (about the name in
    the same slot), ``nomination_list`` (several names in one cell, between ``;`` or ``,``), ``roster`` (one
    column a person of the roster, ``person`` says whom); ``learning_share`` (constant sum over ``source``), ``likert``,
    ``rating``, ``number``, ``choice``, ``wording``, ``date``, ``text``; ``skip``.
    """

    table: pd.DataFrame
    name: str = "codebook"

    @classmethod
    def read(cls, codebook: PathLike | pd.DataFrame | Codebook) -> Codebook:
        """Codebook from a CSV file or a table, checked: kinds known, directions confirmed.

        Parameters
        ----------
        codebook : path, pandas.DataFrame or Codebook
            The columns listed in :class:`Codebook`; those missing count as empty.

        Raises
        ------
        DataError
            For unknown kinds, a column listed twice, and relations whose direction nobody has confirmed.
        """
        if isinstance(codebook, Codebook):
            return codebook
        if isinstance(codebook, pd.DataFrame):
            return cls(_checked(_as_text(codebook), "codebook"), "codebook")
        if not isinstance(codebook, (str, os.PathLike)):
            raise DataError(f"codebook: give a path or a DataFrame; got {type(codebook).__name__}.")
        raw = read_table(codebook, Ledger("codebook"), short_rows=True)
        return cls(_checked(raw.frame, Path(codebook).name), Path(codebook).name)

    def of(self, *kinds: str) -> pd.DataFrame:
        """Rows of some kinds.

        Parameters
        ----------
        *kinds : str
            One or more of the kinds.

        Returns
        -------
        pandas.DataFrame
            In the order of the file.
        """
        return self.table[self.table["kind"].isin(kinds)]

    @property
    def roles(self) -> dict[str, Any]:
        """Relation -> role of the respondent, learner or teacher."""
        ties = self.of(*_TIES)
        return {str(r): str(role) for r, role in zip(ties["relation"], ties["respondent_is"], strict=True)}

    def without(self, questions: list[str], relations: list[str]) -> Codebook:
        """Codebook that leaves some questions or relations unread.

        Parameters
        ----------
        questions, relations : list of str
            Names to leave out.
        """
        table = self.table
        gone = table["relation"].isin(relations) & (table["relation"] != "")
        gone |= table["question"].isin(questions) & (table["question"] != "")
        return Codebook(table[~gone], self.name)


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a table made in Python into text cells."""
    out = frame.reset_index(drop=True)
    out.index = pd.Index(range(2, len(out) + 2), name="row")

    def cell(value: Any) -> str:
        if value is None or value is pd.NA or (isinstance(value, float) and value != value):
            return ""
        if isinstance(value, bool):
            return "1" if value else ""
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

    return out.map(cell).astype("str")


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check a codebook."""
    for column in ("column", "kind"):
        if column not in frame.columns:
            have = ", ".join(str(c) for c in frame.columns)
            raise DataError(
                f"{name} has no column {column!r}, or its header row is missing. Columns: {have}."
            )
    table = frame.copy()
    for column in COLUMNS:
        table[column] = (
            table[column].str.strip()
            if column in table.columns
            else pd.Series("", index=table.index, dtype="str")
        )
    for column in ("slot", "item", "reverse", "low", "high", "missing"):
        table[column] = table[column].str.replace(
            r"^(\d+)\.0$", r"\1", regex=True
        )  # whole numbers, as spreadsheets save them
    table = table[(table["column"] != "") & (table["kind"] != "skip")]
    wrong = ~table["kind"].isin(KINDS)
    if wrong.any():
        bad = table.loc[wrong, "kind"]
        raise DataError(
            f"{name}: unknown kind in {rows_text(bad.index, bad)}.{suggest(bad.iloc[0], KINDS)} Kinds: "
            f"{', '.join(KINDS)}."
        )
    double = table["column"].duplicated(keep=False)
    if double.any():
        bad = table.loc[double, "column"]
        raise DataError(
            f"{name}: a column is listed more than once ({rows_text(bad.index, bad)}). Keep one row for each."
        )
    _check_directions(table, name)
    _check_rest(table, name)
    return table


def _check_directions(table: pd.DataFrame, name: str) -> None:
    """Refuse relations whose direction is not confirmed, or is said two ways."""
    ties = table[table["kind"].isin([*_TIES, "tie_rating"])]
    unnamed = ties[ties["relation"] == ""]
    if len(unnamed):
        raise DataError(
            f"{name}: {rows_text(unnamed.index, unnamed['column'])} name no relation. Fill the column relation."
        )
    for relation, rows in ties[ties["kind"].isin(_TIES)].groupby("relation", sort=False):
        roles = set(rows["respondent_is"])
        if roles <= {"learner"} or roles <= {"teacher"}:
            continue
        bad = rows[~rows["respondent_is"].isin(["learner", "teacher"])]
        if not len(bad):
            raise DataError(
                f"{name}: relation {relation!r} has both directions (rows {rows.index[0]} to "
                f"{rows.index[-1]}). Keep one."
            )
        proposal = next((p for p in bad["proposed_respondent_is"] if p), "")
        because = next((b for b in bad["because"] if b), "")
        hint = (
            f" Proposed: {proposal!r}{f', because the question says {because!r}' if because else ''}."
            if proposal
            else ""
        )
        raise DataError(
            f"{name}: nobody has confirmed who teaches in relation {relation!r} "
            f"({rows_text(bad.index, bad['respondent_is'])})."
            f"{hint} Write respondent_is = 'learner' (the person named teaches) or 'teacher' (the person "
            "named learns)."
        )


def _check_rest(table: pd.DataFrame, name: str) -> None:
    """Check slots, persons of roster columns, sources and readings."""
    slots = table[table["kind"].isin(["nomination", "tie_rating"])]
    bad = slots[~slots["slot"].str.fullmatch(r"[1-9]\d{0,3}|\*")]
    if len(bad):
        raise DataError(f"{name}: {rows_text(bad.index, bad['slot'])} need a slot, a whole number from 1.")
    again = slots[slots.duplicated(["kind", "relation", "slot", "question"], keep=False)]
    if len(again):
        raise DataError(
            f"{name}: {rows_text(again.index, again['column'])} have the same relation and slot. Number the slots."
        )
    names = slots[slots["kind"] == "nomination"]
    orphan = slots[
        (slots["kind"] == "tie_rating")
        & ~slots.set_index(["relation", "slot"]).index.isin(names.set_index(["relation", "slot"]).index)
    ]
    if len(orphan):
        raise DataError(
            f"{name}: the ratings in {rows_text(orphan.index, orphan['column'])} belong to a slot without a name."
        )
    for kind, field in (("roster", "person"), ("learning_share", "source"), ("tie_rating", "question")):
        rows = table[(table["kind"] == kind) & (table[field] == "")]
        if len(rows):
            raise DataError(f"{name}: {rows_text(rows.index, rows['column'])} of kind {kind} say no {field}.")
    odd = table[~table["reading"].isin(_READINGS)]
    if len(odd):
        raise DataError(f"{name}: {rows_text(odd.index, odd['reading'])}: reading is social, formal or solo.")
    odd = table[~table["social_in"].isin(["", "strict", "wide"])]
    if len(odd):
        raise DataError(
            f"{name}: {rows_text(odd.index, odd['social_in'])}: social_in is strict, wide or empty."
        )
    for field in ("low", "high", "cut"):
        number = pd.to_numeric(table[field].where(table[field] != ""), errors="coerce")
        odd = table[(table[field] != "") & number.isna()]
        if len(odd):
            raise DataError(f"{name}: {rows_text(odd.index, odd[field])}: {field} must be a number.")
