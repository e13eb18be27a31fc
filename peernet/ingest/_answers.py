"""Cells of a survey to values: shares that should sum to 100, scales, names and ratings."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet._check import rows_text
from peernet.errors import DataError
from peernet.ingest.codebook import Codebook
from peernet.records.report import Ledger

__all__ = ["BadShares", "parse_labels", "read_items", "read_number", "read_shares"]

BadShares = Literal["drop", "error"]
_NUMBER = re.compile(
    r"^[<>~≈ca. ]*([+-]?\d{1,12}(?:[.,]\d{1,9})?)\s*(%|percent|prozent|pct)?$", re.IGNORECASE
)
_OPTION = re.compile(r"\s*([^=,|]+?)\s*[=,]\s*([^|]*)")


def read_number(text: str) -> float:
    """Read ``40``, ``40 %`` or ``37,5``; NaN where it is something else."""
    match = _NUMBER.match(text.strip())
    return float(match.group(1).replace(",", ".")) if match else float("nan")


def parse_labels(text: str) -> dict[str, str]:
    """Read ``1=Never|2=Monthly`` (or ``1, Never | 2, Monthly``) as code -> label."""
    out: dict[str, str] = {}
    for part in text.split("|"):
        match = _OPTION.fullmatch(part)
        if match:
            out[match.group(1)] = match.group(2).strip()
    return out


def read_shares(
    frame: pd.DataFrame,
    book: Codebook,
    ledger: Ledger,
    *,
    bad_shares: BadShares,
    what: str = "learning shares",
) -> pd.DataFrame:
    """Return ``row, question, item, value`` in percent; each row of a question sums to 100.

    Sums in [90, 110] are scaled to 100, sums near 1 are fractions, the others are left out; all are counted
    with their rows.
    """
    parts = []
    for question, rows in book.of("learning_share").groupby("question", sort=False):
        cells = frame[rows["column"]].map(str.strip)
        answered = (cells != "").any(axis=1)
        cells = cells[answered]
        ledger.read(what, len(cells))
        values = cells.map(read_number).to_numpy(dtype=np.float64, copy=True)
        blank = (cells == "").to_numpy()
        text = np.isnan(values) & ~blank
        values[blank] = 0.0
        total = np.nansum(values, axis=1)
        problem = np.full(len(cells), "", dtype=object)
        problem[text.any(axis=1)] = "a share is not a number"
        problem[(problem == "") & (values < 0).any(axis=1)] = "a share is below 0"
        fraction = (
            (problem == "")
            & (np.abs(total - 1) <= 0.1 + 1e-9)
            & (np.nanmax(values, axis=1, initial=0.0) <= 1)
        )
        values[fraction] *= 100
        total = np.where(fraction, 100 * total, total)
        off = (problem == "") & (np.abs(total - 100) > 1) & ~fraction
        problem[off & blank.any(axis=1)] = "a share is empty and the rest does not sum to 100"
        problem[(problem == "") & ((total < 90) | (total > 110))] = (
            "shares sum to less than 90 or more than 110"
        )
        free = problem == ""
        if bad_shares == "error" and not free.all():
            _refuse(pd.Series(problem[~free], index=cells.index[~free]), total[~free], str(question))
        index = cells.index
        ledger.flag(what, "sum differs from 100 by more than 1", index[off])
        ledger.flag(what, "written as fractions that sum to 1 (taken times 100)", index[fraction & free])
        ledger.flag(what, "sum in [90, 110] scaled to 100", index[free & (np.abs(total - 100) > 1e-9)])
        for reason in dict.fromkeys(problem[~free]):
            ledger.drop(what, str(reason), index[problem == reason])
        scaled = 100 * values[free] / total[free][:, None]
        _heaping(ledger, values[free & ~fraction], what)
        table = pd.DataFrame(scaled, index=index[free], columns=rows["source"].to_numpy())
        long = table.stack().reset_index()
        long.columns = pd.Index(["row", "item", "value"])
        parts.append(long.assign(question=str(question) or "learning_share"))
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["row", "item", "value", "question"])
    )


def _refuse(problem: pd.Series[Any], total: np.ndarray[Any, Any], question: str) -> None:
    """Raise on shares that cannot be used."""
    shown = [f"{t:g}" for t in total[:3]]
    raise DataError(
        f"{question or 'learning_share'}: {len(problem)} answers do not sum to 100 "
        f"({rows_text(problem.index)} sum to "
        f"{', '.join(shown)}): {problem.iloc[0]}. Correct them, or pass bad_shares='drop' to leave them out, "
        "counted."
    )


def _heaping(ledger: Ledger, values: np.ndarray[Any, Any], what: str) -> None:
    """Note how many shares are round tens."""
    if values.size:
        tens = float(np.mean(np.isclose(values % 10, 0)))
        ledger.notes.append(f"{tens:.0%} of the {what} are multiples of ten (heaping)")


def read_items(frame: pd.DataFrame, book: Codebook, ledger: Ledger) -> pd.DataFrame:
    """Return ``row, question, item, value`` of scales, numbers, choices and dates; reverse-coded items are turned."""
    rows: list[pd.DataFrame] = []
    for entry in book.of("likert", "rating", "number", "choice", "wording", "date", "text").itertuples():
        cells = frame[entry.column].map(str.strip)
        question, item = str(entry.question) or str(entry.column), str(entry.item)
        cells = cells[cells.ne("")]
        gone = cells.isin([m for m in str(entry.missing).split("|") if m])
        what = f"answers to {question}"
        ledger.read(what, len(cells))
        ledger.drop(what, "don't know or no answer", cells.index[gone])
        cells = cells[~gone]
        value: pd.Series[Any] = cells
        if entry.kind in ("likert", "rating", "number") or (entry.kind == "choice" and entry.labels):
            value = _coded(cells, entry, ledger, what)
        rows.append(
            pd.DataFrame(
                {
                    "row": value.index,
                    "question": question,
                    "item": item,
                    "value": value.astype("object").to_numpy(),
                }
            )
        )
    return (
        pd.concat(rows, ignore_index=True)
        if rows
        else pd.DataFrame(columns=["row", "question", "item", "value"])
    )


def code_cells(cells: pd.Series[Any], labels: str) -> pd.Series[Any]:
    """Turn codes or label texts into numbers."""
    known = parse_labels(labels)
    by_label = {label.casefold(): code for code, label in known.items()}

    def one(text: str) -> float:
        code = text if text in known else by_label.get(text.casefold(), text)
        return read_number(code)

    return cells.map(one).astype("float64")


def _coded(cells: pd.Series[Any], entry: Any, ledger: Ledger, what: str) -> pd.Series[Any]:
    """Read numbers, check the ends of the scale, turn reverse-coded items."""
    value = code_cells(cells, str(entry.labels))
    if entry.kind == "choice":
        # "1,3" is two choices, not 1.3; a code without a label is none of those that were offered.
        codes = [read_number(code) for code in parse_labels(str(entry.labels))]
        odd = value.notna() & ~value.isin(codes)
        ledger.drop(
            what, "several choices in one cell, or none of the known ones", value.index[odd.to_numpy()]
        )
        cells, value = cells[~odd], value[~odd]
    low = float(entry.low) if entry.low else -math.inf
    high = float(entry.high) if entry.high else math.inf
    ledger.drop(what, "not a number or a known label", cells.index[value.isna().to_numpy()])
    value = value[value.notna()]
    out = (value < low) | (value > high)
    ledger.drop(
        what, f"outside the scale {entry.low or '-inf'} to {entry.high or 'inf'}", value.index[out.to_numpy()]
    )
    value = value[~out]
    if str(entry.reverse).lower() in ("1", "yes", "true", "x"):
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"codebook: column {entry.column!r} is reverse-coded but has no ends of its scale. Fill low "
                "and high."
            )
        value = low + high - value
    return value
