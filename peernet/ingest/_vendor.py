"""What the readers of survey tools share: fixed columns, lists of names in one cell, headings that repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from peernet.errors import DataError
from peernet.ingest.codebook import Codebook

__all__ = [
    "add_fixed",
    "expand_lists",
    "expand_repeats",
    "number_repeats",
    "split_choices",
    "split_names",
    "split_semicolons",
]


def add_fixed(book: Codebook, columns: Iterable[str], fixed: Sequence[tuple[str, str]]) -> Codebook:
    """Add the columns that every file of a tool has, where the codebook is silent about them.

    Who answered is left to the codebook as soon as it names a column for it.
    """
    here = set(columns)
    listed, kinds = set(book.table["column"]), set(book.table["kind"])
    said = bool(kinds & {"person", "email", "name"})
    extra = [
        {"column": c, "kind": k}
        for c, k in fixed
        if c in here and c not in listed and not (k in kinds or (said and k in ("person", "email", "name")))
    ]
    if not extra:
        return book
    more = pd.DataFrame(extra).reindex(columns=book.table.columns, fill_value="").astype("str")
    more.index = pd.Index([0] * len(more), name=book.table.index.name)
    return Codebook(pd.concat([book.table, more]), book.name)


def number_repeats(columns: Sequence[str]) -> list[str]:
    """Make headings distinct: the second ``Name`` becomes ``Name (2)``."""
    out: list[str] = []
    taken = set(columns)
    seen: dict[str, int] = {}
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        name = column if seen[column] == 1 else f"{column} ({seen[column]})"
        while seen[column] > 1 and name in taken:
            seen[column] += 1
            name = f"{column} ({seen[column]})"
        taken.add(name)
        out.append(name)
    return out


def split_semicolons(cell: str) -> list[str]:
    """Split ``a;b;`` as Microsoft Forms writes several choices."""
    return [part.strip() for part in cell.split(";") if part.strip()]


def split_choices(cell: str, choices: Sequence[str]) -> list[str]:
    """Split ``a, b`` where choices may hold commas themselves: known choices first, the longest before the others."""
    rest, out = cell.strip(), []
    known = sorted({c for c in choices if c}, key=len, reverse=True)
    while rest:
        hit = next((c for c in known if rest == c or rest.startswith(f"{c},")), None)
        piece = hit if hit is not None else rest.split(",", 1)[0]
        out.append(piece.strip())
        rest = rest[len(piece) :].lstrip(", ").strip()
    return [piece for piece in out if piece]


def split_names(cell: str, known: Sequence[str]) -> list[str]:
    """Split a list of names at semicolons; at commas (Qualtrics, SurveyMonkey) only where a part is somebody known.

    "Fox, Cy" is one person, "Cy Fox,Bo Alm" are two.
    """
    if ";" in cell or "," not in cell or cell.strip() in known:
        return split_semicolons(cell)
    parts = split_choices(cell, known)
    plain = {k.casefold() for k in known}
    return parts if any(part.casefold() in plain for part in parts) else split_semicolons(cell)


def expand_lists(
    frame: pd.DataFrame, book: Codebook, split: Callable[[str], list[str]]
) -> tuple[pd.DataFrame, Codebook]:
    """Turn columns of kind ``nomination_list`` into one nomination column a slot."""
    lists = book.of("nomination_list")
    if not len(lists):
        return frame, book
    frame, table = frame.copy(), book.table[book.table["kind"] != "nomination_list"]
    added = []
    for row, entry in lists.iterrows():
        if entry["column"] not in frame.columns:
            table = pd.concat([table, lists.loc[[row]]])
            continue
        cells = frame[entry["column"]].map(split)
        taken = int((table["relation"].eq(entry["relation"]) & table["kind"].eq("nomination")).sum())
        for slot in range(max(1, int(cells.map(len).max()) if len(cells) else 1)):
            name = f"{entry['column']} #{slot + 1}"
            frame[name] = cells.map(lambda names, k=slot: names[k] if k < len(names) else "").astype("str")
            added.append(
                {**entry.to_dict(), "column": name, "kind": "nomination", "slot": str(taken + slot + 1)}
            )
    more = pd.DataFrame(added, columns=table.columns).astype("str")
    more.index = pd.Index([0] * len(more), name=table.index.name)
    return frame, Codebook(pd.concat([table, more]), book.name)


def expand_repeats(book: Codebook, n: int) -> Codebook:
    """Write rows with the slot ``*`` out for the instances 1..n, column ``name#1`` and so on."""
    star = book.table["slot"] == "*"
    if not star.any():
        return book
    if not n:
        raise DataError(f"{book.name}: slot '*' stands for repeated instruments, and the file has none.")
    rows = [
        {**entry.to_dict(), "column": f"{entry['column']}#{k}", "slot": str(k)}
        for _, entry in book.table[star].iterrows()
        for k in range(1, n + 1)
    ]
    more = pd.DataFrame(rows, columns=book.table.columns).astype("str")
    more.index = pd.Index([0] * len(more), name=book.table.index.name)
    return Codebook(pd.concat([book.table[~star], more]), book.name)
