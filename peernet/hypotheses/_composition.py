"""Shares of learning by source: checked, closed to a whole, and read under declared meanings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number, quoted, rows_text, suggest
from peernet.errors import DataError

__all__ = [
    "READINGS",
    "SOURCE_KINDS",
    "BadSums",
    "Composition",
    "close_shares",
    "declared_sources",
    "read_sources",
    "reading_values",
    "rounding_grid",
    "rounding_range",
]

BadSums = Literal["error", "drop", "rescale"]
SOURCE_KINDS = ("social", "manager", "outside", "search", "formal", "solo")
READINGS: dict[str, tuple[str, ...]] = {
    "strict": ("social",),
    "wide": ("social", "manager", "outside", "search"),
}
_KNOWN = {
    "social": "social peer peers colleague colleagues coworkers co-workers team",
    "manager": "manager managers supervisor supervisors boss lead",
    "outside": "outside community external_peers customers network",
    "search": "search peer_content wiki intranet",
    "formal": "formal course courses training classroom e-learning elearning formal_training",
    "solo": "solo alone own self reading trial experience experiential trial_and_error on_the_job",
}
_KIND_OF = {word: kind for kind, words in _KNOWN.items() for word in words.split()}


class Composition(NamedTuple):
    """Closed shares (people x sources, rows sum to 1) and what happened to each row on the way."""

    parts: pd.DataFrame
    counts: dict[str, int]
    sums: pd.Series[Any]


def read_sources(columns: Sequence[Any], sources: Mapping[Any, str] | None) -> dict[Any, str]:
    """Return the kind of every source: as declared, else by a plain name that is known.

    Raises
    ------
    DataError
        For sources without a declared kind, kinds that do not exist, and declared sources that are not columns.
    """
    if sources is None:
        kinds = {c: _KIND_OF.get(str(c).strip().lower().replace(" ", "_"), "") for c in columns}
        open_ = [c for c, kind in kinds.items() if not kind]
        if open_:
            raise DataError(
                f"shares: what kind of source is {quoted(open_)}? Declare every source, for example "
                f"sources={{{open_[0]!r}: 'solo'}}; kinds: {', '.join(SOURCE_KINDS)}."
            )
        return kinds
    wrong = sorted({str(kind) for kind in sources.values()} - set(SOURCE_KINDS))
    if wrong:
        raise DataError(
            f"sources: {quoted(wrong)} is not a kind of source.{suggest(wrong[0], SOURCE_KINDS)} "
            f"Kinds: {', '.join(SOURCE_KINDS)}."
        )
    lost, extra = [c for c in columns if c not in sources], [c for c in sources if c not in list(columns)]
    if lost or extra:
        raise DataError(
            f"sources and the columns of shares differ: no kind for {quoted(lost) or 'none'}; declared but no column: "
            f"{quoted(extra) or 'none'}. Declare every source once, so that the whole is a whole."
        )
    return {c: sources[c] for c in columns}


def declared_sources(questions: Any, question: str, columns: Sequence[Any]) -> dict[Any, str] | None:
    """Return the kinds that a codebook declares (columns ``social_in`` and ``reading``); None where it declares none.

    In the strict reading = ``social``; in the wide one only = the kind of its plain name, else ``outside``; never = its
    ``reading``, ``formal`` or ``solo``.
    """
    if questions is None or not len(questions) or not {"social_in", "reading"} <= set(questions.columns):
        return None
    mine = questions[questions["question"] == question].set_index("item")
    said = mine["social_in"].fillna("")
    if not said.isin(["strict", "wide"]).any() or not set(columns) <= set(mine.index):
        return None
    kinds = {}
    for item in columns:
        plain = _KIND_OF.get(str(item).strip().lower().replace(" ", "_"), "")
        if said[item] == "strict":
            kinds[item] = "social"
        elif said[item] == "wide":
            kinds[item] = plain if plain in ("manager", "search") else "outside"
        else:
            kinds[item] = "formal" if mine["reading"].fillna("")[item] == "formal" else "solo"
    return kinds


def _table(shares: pd.DataFrame) -> tuple[NDArray[np.float64], pd.DataFrame]:
    """Return the cells as numbers, refusing text, infinities and negative shares."""
    double = shares.index[shares.index.duplicated()]
    if len(double):
        raise DataError(
            f"shares: {len(double)} people stand twice ({quoted(double.unique())}). Keep one row a person."
        )
    try:
        frame = shares.astype("float64")
    except (TypeError, ValueError) as error:
        raise DataError(
            f"shares: not all cells are numbers ({error}). Give percentages, blank where unanswered."
        ) from error
    cells = frame.to_numpy(dtype=np.float64, copy=True)
    bad = np.flatnonzero((np.isinf(cells) | (cells < 0)).any(axis=1))
    if len(bad):
        raise DataError(
            f"shares: {len(bad)} of {len(cells)} people have a negative or infinite share "
            f"({rows_text(bad, shares.index[bad])}). A share of learning is at least 0; correct them at the source."
        )
    return cells, frame


def close_shares(
    shares: pd.DataFrame, *, total: float = 100.0, tolerance: float = 10.0, bad_sums: BadSums = "error"
) -> Composition:
    """Close each person's shares to a whole and count what was done.

    Blanks beside a full sum are zeros; all blank or all zero is no answer; blanks that leave the sum short make the
    answer incomplete; a row that sums to about 1 where others sum to 100 was given in fractions. Sums within
    ``tolerance`` of ``total`` are divided by their sum; the others are refused, left out or closed (``bad_sums``).
    """
    literal("bad_sums", bad_sums, ("error", "drop", "rescale"))
    number("total", total, 0, open_low=True)
    number("tolerance", tolerance, 0, total, open_high=True)
    cells, frame = _table(shares)
    blank = np.isnan(cells)
    sums = np.nansum(cells, axis=1)
    silent = blank.all(axis=1) | (sums == 0)
    told = ~silent
    near = np.abs(sums - total) <= tolerance * (1 + 1e-12)
    incomplete = told & blank.any(axis=1) & (sums < total) & ~near
    fraction = told & (total == 100) & (np.abs(100 * sums - total) <= tolerance)
    if fraction.sum() > told.sum() / 2:
        raise DataError(
            "shares: most rows sum to about 1, not 100: these are fractions. Pass total=1 and tolerance=.1."
        )
    incomplete &= ~fraction
    wrong = told & ~near & ~incomplete & ~fraction
    if wrong.any() and bad_sums == "error":
        rows = np.flatnonzero(wrong)
        told_sums = ", ".join(f"{s:g}" for s in sums[rows[:3]])
        raise DataError(
            f"shares: {len(rows)} of {told.sum()} answers do not sum to {total:g} within {tolerance:g} "
            f"({rows_text(rows, shares.index[rows])}; sums {told_sums}{', ...' if len(rows) > 3 else ''}). They are no "
            "composition: correct them, pass bad_sums='drop' (or 'rescale'), or widen tolerance=."
        )
    keep = told & (near | fraction | ((bad_sums == "rescale") & wrong))
    parts = np.where(blank, 0.0, cells)[keep] / sums[keep, None]
    exact = np.isclose(sums, total, rtol=0, atol=1e-9 * total)
    counts = {
        "rows": len(cells), "exact": int((keep & exact).sum()),
        "rescaled": int((keep & ~exact & ~fraction).sum()), "fractions": int(fraction.sum()),
        "blanks_as_zero": int((keep & blank.any(axis=1)).sum()), "dropped_sums": int((wrong & ~keep).sum()),
        "incomplete": int(incomplete.sum()), "no_answer": int(silent.sum()),
    }  # fmt: skip
    table = pd.DataFrame(parts, index=frame.index[keep], columns=frame.columns)
    return Composition(table, counts, pd.Series(sums, index=frame.index, name="sum").where(told))


def reading_values(
    parts: pd.DataFrame, kinds: Mapping[Any, str], readings: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return people x readings: the share of learning that each reading counts as social, in [0, 1]."""
    out = {}
    for name, counted in readings.items():
        wrong = sorted(set(counted) - set(SOURCE_KINDS))
        if wrong or isinstance(counted, str):
            raise DataError(
                f"readings: {name!r} counts {quoted(wrong or [counted])}. Give a tuple of kinds: "
                f"{', '.join(SOURCE_KINDS)}."
            )
        columns = [c for c, kind in kinds.items() if kind in counted]
        if not columns:
            raise DataError(
                f"readings: no source of this survey is of a kind that {name!r} counts ({', '.join(counted)}). "
                "Check sources=, or leave the reading out with readings=."
            )
        if len(columns) == len(kinds):
            raise DataError(
                f"readings: {name!r} counts every source of this survey ({quoted(columns)}), so it is 100 % by "
                "construction. Ask for the other sources too, check sources=, or leave the reading out with readings=."
            )
        out[name] = np.clip(parts[columns].to_numpy().sum(axis=1), 0.0, 1.0)
    return pd.DataFrame(out, index=parts.index)


_SUMS = np.arange(50.0, 151.0, 5.0)


def _on_grid(cells: NDArray[np.float64], step: float) -> NDArray[np.bool_]:
    """Mark rows whose entries (last axis) are all multiples of a step."""
    off = np.abs(cells - step * np.round(cells / step))
    marked: NDArray[np.bool_] = off.max(axis=-1) < 1e-6
    return marked


def rounding_grid(parts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each person's grid (10, 5, 1 points; 0 = not rounded) and what the answer summed to before it was closed.

    The grid is the coarsest on which all parts lie. Parts that lie on none were perhaps closed from another sum: sums
    from 50 to 150 are tried in fives for tens and fives, from 80 to 120 in ones for ones.
    """
    cells = 100 * parts
    grid, total = np.zeros(len(cells)), np.full(len(cells), 100.0)
    for step in (1.0, 5.0, 10.0):
        grid[_on_grid(cells, step)] = step
    for steps, sums in (((5.0, 10.0), _SUMS), ((1.0,), np.arange(80.0, 121.0))):
        left = np.flatnonzero(grid == 0)
        if not len(left):
            break
        tried = cells[left, None, :] * (sums / 100)[:, None]
        for step in steps:
            fits = _on_grid(tried, step)
            rows, first = fits.any(axis=1), fits.argmax(axis=1)
            grid[left[rows]], total[left[rows]] = step, sums[first[rows]]
    return grid, total


def rounding_range(
    parts: NDArray[np.float64],
    social: NDArray[np.bool_],
    grid: NDArray[np.float64],
    total: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and most that each person's social share can have been before it was rounded, in [0, 1].

    ``grid`` and ``total`` are those of ``rounding_grid``.
    Each source may be off by half a grid, and the sources sum to the whole before and after, so the social share may be
    off by half a grid times the smaller number of sources above zero on either side.
    """
    used = np.minimum((parts[:, social] > 0).sum(axis=1), (parts[:, ~social] > 0).sum(axis=1))
    slack = grid / 2 * np.maximum(used, 1) / total
    x = parts[:, social].sum(axis=1)
    return np.clip(x - slack, 0.0, 1.0), np.clip(x + slack, 0.0, 1.0)
