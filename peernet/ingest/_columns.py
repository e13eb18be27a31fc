"""Columns in a few bytes a row while a file is read, and their way into a table without a second copy in between."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Texts", "Words", "in_order", "ints", "text_column"]

Ints = NDArray[np.int64]


def ints(column: array[int]) -> Ints:
    """Return an array of whole numbers without copying."""
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    return np.frombuffer(column, dtype=f"i{column.itemsize}")


def text_column(words: Sequence[str], codes: NDArray[Any]) -> pd.Series[Any]:
    """Write out ``words[codes]`` as text, without a Python object a row."""
    dtype: Any = pd.StringDtype(na_value=np.nan)
    if dtype.storage != "pyarrow":
        plain: pd.Series[Any] = pd.Series(np.array(words, dtype=object)[codes], dtype=dtype)
        return plain
    import pyarrow as pa

    known = pa.array(list(words), pa.large_string())
    return pd.Series(dtype.__from_arrow__(known.take(pa.array(codes.astype(np.int64, copy=False)))))


class Words:
    """Texts that come again and again, each kept once."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}

    def code(self, value: str) -> int:
        """Return the number of a text."""
        return self._code.setdefault(value, len(self._code))

    def all(self) -> list[str]:
        """Return the texts in the order of their numbers."""
        return list(self._code)

    def column(self, codes: NDArray[Any]) -> pd.Series[Any]:
        """Write texts out by number."""
        return text_column(list(self._code), codes)

    def ranks(self) -> Ints:
        """Return the place of each number in the alphabet."""
        order = sorted(range(len(self._code)), key=list(self._code).__getitem__)
        out = np.empty(len(order), dtype=np.int64)
        out[order] = np.arange(len(order))
        return out


class Texts:
    """Texts that come once, end to end in one buffer: their bytes and 16 more each."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])
        self._hashes = array("q")

    def __len__(self) -> int:
        return len(self._hashes)

    def append(self, value: str) -> None:
        """Add a text."""
        self._bytes += value.encode("utf-8", "replace")
        self._ends.append(len(self._bytes))
        self._hashes.append(hash(value))

    def extend(self, values: Iterable[str]) -> None:
        """Add several texts."""
        for value in values:
            self.append(value)

    def last_is(self, value: str) -> bool:
        """Say whether the last text is this one."""
        return bool(len(self._hashes)) and self._hashes[-1] == hash(value) and self[len(self) - 1] == value

    def __getitem__(self, row: int) -> str:
        return self._bytes[self._ends[row] : self._ends[row + 1]].decode("utf-8")

    def column(self, rows: NDArray[Any]) -> pd.Series[Any]:
        """Write texts out in an order of rows."""
        dtype: Any = pd.StringDtype(na_value=np.nan)
        if dtype.storage != "pyarrow" or not len(self):
            plain: pd.Series[Any] = pd.Series([self[int(r)] for r in rows], dtype=dtype)
            return plain
        import pyarrow as pa

        ends = np.frombuffer(self._ends, dtype=np.int64)
        all_of_it = pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(ends), pa.py_buffer(self._bytes))
        return pd.Series(dtype.__from_arrow__(all_of_it.take(pa.array(rows.astype(np.int64, copy=False)))))

    def ranks(self, rows: NDArray[Any]) -> Ints:
        """Return the place of the texts of some rows in the alphabet; equal texts share one."""
        ends = ints(self._ends)
        width = int((ends[rows + 1] - ends[rows]).max()) if len(rows) else 0
        if width <= 64:  # side by side in one array: a third of what as many objects take
            found: Any = np.zeros(len(rows), dtype=f"S{max(width, 1)}")
            for k, row in enumerate(rows.tolist()):
                found[k] = bytes(self._bytes[self._ends[row] : self._ends[row + 1]])
        else:
            found = np.array([self[row] for row in rows.tolist()], dtype=object)
        return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.int64)

    def all_differ(self) -> bool:
        """Say whether no text comes twice, as far as that can be told without looking at them."""
        found = np.sort(ints(self._hashes))
        return not bool((found[1:] == found[:-1]).any())

    def codes(self) -> Ints:
        """Return a number for each row, the same where the texts are the same."""
        _, first, codes = np.unique(ints(self._hashes), return_index=True, return_inverse=True)
        again = np.flatnonzero(first[codes] != np.arange(len(codes)))
        if all(self[int(r)] == self[int(first[codes[r]])] for r in again):
            return np.asarray(codes, dtype=np.int64)
        return np.asarray(pd.factorize(pd.Series([self[r] for r in range(len(self))]))[0], dtype=np.int64)


def in_order(time: Ints, texts: Texts, rows: NDArray[Any], *ranks: Ints) -> NDArray[np.intp]:
    """Order by time, text and further ranks; texts are looked at only where times are equal."""
    first = np.argsort(time, kind="stable")
    same = time[first[1:]] == time[first[:-1]]
    if not same.any():
        return first
    tied = np.zeros(len(first), dtype=bool)
    tied[1:] = same
    tied[:-1] |= same
    place = np.flatnonzero(tied)
    again = first[place]
    keys = (*(rank[again] for rank in ranks[::-1]), texts.ranks(rows[again]), time[again])
    first[place] = again[np.lexsort(keys)]
    return first
