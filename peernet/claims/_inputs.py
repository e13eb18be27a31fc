"""What the tests of claims are given: one span, one wave, numbers that are numbers, nobody who objected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from peernet._check import quoted, rows_text, suggest
from peernet.errors import DataError

__all__ = ["as_numbers", "at_wave", "exchange_rates", "learned_relations", "moment", "span_of", "waves_of"]

_ISO = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")


def moment(name: str, value: Any) -> pd.Timestamp:
    """Return a date or time as UTC; numbers, words and missing values are refused.

    Raises
    ------
    ValueError
        For anything that is not a date.
    """
    odd = isinstance(value, (bool, int, float, np.number)) or (
        isinstance(value, str) and not _ISO.match(value.strip())
    )
    try:
        found = pd.NaT if odd else pd.Timestamp(value)
    except (TypeError, ValueError):
        found = pd.NaT
    if pd.isna(found):
        raise ValueError(f"{name} must be a date such as '2025-01-31' or a time; got {value!r}.")
    return found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")


def span_of(function: str, start: Any, end: Any) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return [start, end) in UTC; None where neither was given.

    Raises
    ------
    ValueError
        For half a span, what is no date, and a span that ends before it starts.
    """
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ValueError(f"{function}: give both start and end of the span, or neither.")
    first, last = moment("start", start), moment("end", end)
    if last <= first:
        raise ValueError(f"{function}: the span ends ({end}) before it starts ({start}). Exchange the two.")
    return first, last


def exchange_rates(exchange: Any) -> tuple[float, float] | None:
    """Return the believable rates as two numbers.

    Raises
    ------
    ValueError
        For anything but two numbers above 0, the lower one first.
    """
    if exchange is None:
        return None
    try:
        low, high = (float(x) for x in exchange)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"exchange must be two rates, (lowest, highest) that were called believable; got {exchange!r}."
        ) from error
    if not (0 < low < np.inf and 0 < high < np.inf):
        raise ValueError(f"exchange must be two rates above 0; got {exchange!r}.")
    if low > high:
        raise ValueError(f"exchange must run from low to high; got {exchange}.")
    return low, high


def waves_of(records: Any) -> list[str]:
    """Return the waves in which questions were answered or names given, in order of their names."""
    found: set[str] = set()
    for name in ("answers", "nominations"):
        table = getattr(records, name, None)
        if isinstance(table, pd.DataFrame) and "wave" in table.columns:
            found |= {str(w) for w in table["wave"].dropna().unique()}
    return sorted(found)


def at_wave(records: Any, wave: Any, function: str) -> Any:
    """Return the records of one wave: answers, names and respondents; everything else as it is.

    Raises
    ------
    DataError
        When several waves were held and none is named.
    ValueError
        For a wave that does not exist.
    """
    waves = waves_of(records)
    if wave is None:
        if len(waves) > 1:
            raise DataError(
                f"{function}: the records hold waves {quoted(waves)}. Answers of two waves are not mixed: pass "
                "wave= to choose one for all questions."
            )
        return records
    if str(wave) not in waves:
        raise ValueError(
            f"{function}: nothing was answered in wave {wave!r}.{suggest(str(wave), waves)} "
            f"Waves: {quoted(waves) or 'none'}."
        )
    changes: dict[str, Any] = {}
    for name in ("answers", "nominations", "respondents"):
        table = getattr(records, name)
        if "wave" in table.columns:
            changes[name] = table[table["wave"].astype("str") == str(wave)].reset_index(drop=True)
    if len(getattr(records, "rosters", ())):
        changes["people"] = records.roster(str(wave))
    return replace(records, **changes)


def as_numbers(mine: pd.DataFrame, question: str) -> pd.Series[Any]:
    """Return the values of a question as numbers; blanks stay missing.

    Raises
    ------
    DataError
        For words, with the question, the words and the rows.
    """
    value = pd.to_numeric(mine["value"], errors="coerce")
    words = mine["value"].notna() & value.isna()
    if words.any():
        bad = mine.index[words]
        raise DataError(
            f"question {question!r}: {int(words.sum())} of {len(mine)} answers are words, not numbers "
            f"({quoted(mine.loc[words, 'value'].astype('str').unique())}; "
            f"{rows_text(bad, mine.loc[words, 'person'])}). Give numbers as in the codebook, blank where unanswered."
        )
    found: pd.Series[Any] = value.astype("float64")
    return found


def learned_relations(records: Any) -> list[str]:
    """Return the relations that were asked of learners.

    Raises
    ------
    DataError
        When there is none.
    """
    roles: Mapping[str, str] = getattr(records, "roles", {}) or {}
    learned = [relation for relation, role in roles.items() if role == "learner"]
    if not learned:
        raise DataError(
            "no relation is known to have been asked of learners (records.roles), so nobody can say who learned from "
            "whom. Give the direction in the codebook."
        )
    return learned
