"""What has been released so far, so that the next table gives nothing away together with all earlier ones."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column as need
from peernet._check import count, quoted
from peernet.errors import DataError
from peernet.privacy import _joint
from peernet.privacy.pseudonyms import load_key, pseudonym
from peernet.privacy.suppression import TOTAL

__all__ = ["ReleaseLedger"]

_UNKNOWN = "not known"
_FORMAT = 1


class ReleaseLedger:
    """Every table that left a study, and the next one cut so that all of them together hide what each withholds.

    A floor that holds in each table fails across tables: a later report, another slice, the same question a
    month on, and a reader subtracts. The ledger keeps, for each table released, its cells, what was shown,
    and a keyed hash of who was counted where. A new table is cut against all of them at once: the people are
    split into the groups that some table tells apart (somebody who came, left or moved between two dates
    is a group of their own), every printed number is an equation over these groups, and cells of the new table are
    withheld until linear programming leaves

    - each cell below the floor, in whichever report, a range at least ``floor`` wide that reaches ``floor``,
    - the same for what one printed cell leaves over inside another (a slice in the whole, one date in the next),
    - every group below the floor that the tables tell apart, alone or put together in any way, the same: a later table
      may ask for it, and what the earlier ones have given away cannot be taken back,
    - every other withheld cell more than one possible value.

    The same question about unchanged data gives the same table again, cell by cell; a cell that was
    shown stays shown, one that was withheld stays withheld wherever the same people are counted.

    Parameters
    ----------
    path : path
        File of the ledger (JSON, one table a line), made with the first release; in a study ``releases.jsonl``.
    key : path or bytes
        As in :func:`peernet.privacy.new_key`; people are in the file as keyed hashes only. The same key every time.
    floor : int
        Smallest count shown where a release names no other.

    Raises
    ------
    DataError
        When the file is not a ledger, or was written with another key: people would not be recognised, and every
        earlier table would count for nothing.

    Notes
    -----
    The reader is assumed to know which groups exist at all (that nobody of Sales works in Porto, that nobody
    left between two dates), and is therefore stronger than one who reads the numbers only. A linear program is
    solved for every small group; a table takes about a second at 240 people and a dozen earlier tables, four after
    seventeen. A later table with a higher floor than all before may find that some group is already known too well
    for it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, key: str | os.PathLike[str] | bytes, floor: int = 5
    ) -> None:
        self.path = Path(path)
        self.floor = count("floor", floor)
        self._key = load_key(key)
        self._read()

    def _read(self) -> None:
        """Read the file as it stands now."""
        self._seen = self.path.read_bytes() if self.path.exists() else b""
        self._tables = _load(self.path.name, self._seen, self._mark)

    @property
    def _mark(self) -> str:
        """Return what tells one key from another and says nothing about either."""
        return pseudonym("release ledger", key=self._key)

    def release(
        self,
        frame: pd.DataFrame,
        by: str | Sequence[str],
        *,
        name: str,
        where: str | None = None,
        value: str | None = None,
        floor: int | None = None,
        totals: bool = True,
        record: bool = True,
        today: dt.date | None = None,
    ) -> pd.DataFrame:
        """Counts (or means) of people by one or two columns, safe beside everything released before; then recorded.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row a person, index = person id, as of the date of the report.
        by : str or list of str
            One or two columns. Missing values count as the group ``"not known"``.
        name : str
            What the table is called in the ledger ("safety by unit, March").
        where : str, optional
            True/False column: only those people are counted. Those left out are protected as well.
        value : str, optional
            Numeric column: means are shown instead of counts, in the cells whose count may be shown. People
            without a value are not counted.
        floor : int, optional
            Smallest count shown in this table; the ledger's by default. 8 is usual for attitudes.
        totals : bool
            Whether row, column and grand totals are shown too, as ``"total"``.
        record : bool
            False only looks: nothing is written. Do that until the table is the one to be handed out, because every
            table released narrows what later ones can show.
        today : datetime.date, optional
            Date written beside it.

        Returns
        -------
        pandas.DataFrame
            Rows and columns as asked (a single column ``n`` or ``mean`` for one dimension), NaN = withheld.

        Raises
        ------
        DataError
            When a column is missing, ids stand twice, or another table of that name was released.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> people = pd.DataFrame({"unit": ["A"] * 20 + ["B"] * 30}, index=[f"p{i}" for i in range(50)])
        >>> place = pathlib.Path(tempfile.mkdtemp()) / "releases.jsonl"
        >>> book = ReleaseLedger(place, key=b"0123456789abcdef")
        >>> book.release(people, "unit", name="heads")["n"].tolist()
        [20.0, 30.0, 50.0]
        """
        self._read()  # another notebook may have released something since
        table, means = self._table(frame, by, name, where, value, floor, totals)
        again = next((t for t in self._tables if t.about["query"] == table.about["query"]), None)
        same_name = [t for t in self._tables if t.name == name and t is not again]
        if same_name and record:
            raise DataError(
                f"release: another table {name!r} was released on {same_name[0].about['date']}. Give this one a "
                "name of its own (its date, say)."
            )
        shown = again.shown if again else _joint.protect(self._tables, table)
        table.shown.update(shown)
        table.about["date"] = (today or dt.date.today()).isoformat()
        if record and again is None:
            self._write([*self._tables, table])
        return _lay_out(table, means)

    def _table(
        self,
        frame: pd.DataFrame,
        by: str | Sequence[str],
        name: str,
        where: str | None,
        value: str | None,
        floor: int | None,
        totals: bool,
    ) -> tuple[_joint.Printed, dict[tuple[int, ...], float] | None]:
        """Check what is asked and count it."""
        columns = (by,) if isinstance(by, str) else tuple(by)
        if not 1 <= len(columns) <= 2 or len(set(columns)) < len(columns):
            raise DataError(f"release: by names {len(columns)} columns; give one or two different ones.")
        if not name.strip():
            raise DataError("release: give the table a name, by which the ledger lists it.")
        twice = frame.index[frame.index.duplicated()]
        if len(twice):
            raise DataError(
                f"release: {len(twice)} people have more than one row. Give one row a person, index = id."
            )
        chosen = frame
        if where is not None:
            chosen = chosen[_yes(need(frame, where, "frame"), where)]
        if value is not None:
            chosen = chosen[_measured(need(chosen, value, "frame"), value)]
        texts = [need(chosen, c, "frame").astype("str").where(chosen[c].notna(), _UNKNOWN) for c in columns]
        levels = tuple(tuple(sorted(t.unique())) for t in texts)
        if totals and any(TOTAL in labels for labels in levels):
            raise DataError(f"release: a group is called {TOTAL!r}, as the totals are. Rename it.")
        places = [
            t.map({label: i for i, label in enumerate(ls)}) for t, ls in zip(texts, levels, strict=True)
        ]
        bases = list(zip(*(p.to_numpy().tolist() for p in places), strict=True))
        people = {self._hash(p): base for p, base in zip(chosen.index, bases, strict=True)}
        low = self.floor if floor is None else count("floor", floor)
        table = _joint.Printed(name, columns, levels, totals, low, people)
        table.about.update(query=_query(table, value), where=where or "", value=value or "")
        if value is None:
            return table, None
        numbers = pd.to_numeric(chosen[value]).to_numpy(dtype=np.float64)
        sums = dict.fromkeys(table.cells(), 0.0)
        for base, number in zip(bases, numbers, strict=True):
            for cell in table.above(base):
                sums[cell] += number
        counts = table.counts()
        return table, {c: s / counts[c] if counts[c] else np.nan for c, s in sums.items()}

    def _hash(self, person: object) -> str:
        """Return a person's mark in the ledger: another hash than the pseudonym, of the same key."""
        return pseudonym(f"release ledger: {person}", key=self._key)

    @property
    def tables(self) -> pd.DataFrame:
        """What was released: ``name, date, by, where, value, people, floor, cells, withheld, query``."""
        rows = [
            {
                "name": t.name,
                "date": t.about["date"],
                "by": ", ".join(t.by),
                "where": t.about["where"],
                "value": t.about["value"],
                "people": len(t.people),
                "floor": t.floor,
                "cells": len(t.shown),
                "withheld": sum(v is None for v in t.shown.values()),
                "query": t.about["query"][:16],
            }
            for t in self._tables
        ]
        columns = ["name", "date", "by", "where", "value", "people", "floor", "cells", "withheld", "query"]
        return pd.DataFrame(rows, columns=columns)

    def attack(self) -> pd.DataFrame:
        """Return what a reader of all tables can compute about each withheld cell: ``name, row, column, low, high``."""
        rows = []
        for number, cell, low, high in _joint.ranges(self._tables):
            table = self._tables[number]
            labels = [(*ls, TOTAL)[i] for i, ls in zip(cell, table.levels, strict=True)]
            second = labels[1] if len(labels) > 1 else "n"
            rows.append({"name": table.name, "row": labels[0], "column": second, "low": low, "high": high})
        return pd.DataFrame(rows, columns=["name", "row", "column", "low", "high"])

    def withdraw(self, name: str) -> None:
        """Take a table out of the ledger; only for one that nobody was shown.

        Parameters
        ----------
        name : str
            As in ``tables``.

        Raises
        ------
        DataError
            When no table has that name.
        """
        self._read()
        left = [t for t in self._tables if t.name != name]
        if len(left) == len(self._tables):
            raise DataError(f"withdraw: no table {name!r}. Released: {quoted(t.name for t in self._tables)}.")
        self._write(left)

    def erase(self, person: str) -> None:
        """Unlink a person from the ledger: the counts that were shown stay true, the hash is replaced by chance.

        Parameters
        ----------
        person : str
            The id as it stood in the frames.
        """
        self._read()
        mark, blank = self._hash(person), f"x{secrets.token_hex(10)}"
        for table in self._tables:
            if mark in table.people:
                table.people[blank] = table.people.pop(mark)
        if self._tables:
            self._write(self._tables)

    def _write(self, tables: Iterable[_joint.Printed]) -> None:
        """Replace the file as a whole."""
        kept = list(tables)
        if (self.path.read_bytes() if self.path.exists() else b"") != self._seen:
            raise DataError(
                f"{self.path.name} has changed since it was read: another notebook has released a table. Nothing was "
                "written; call again, and the new table is cut against that one too."
            )
        lines = [json.dumps(_to_json(t, self._mark), ensure_ascii=False, sort_keys=True) for t in kept]
        beside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            os.replace(beside, self.path)
        finally:
            beside.unlink(missing_ok=True)
        self._seen, self._tables = self.path.read_bytes(), kept

    def __repr__(self) -> str:
        """Say how much was released."""
        cells = sum(len(t.shown) for t in self._tables)
        hidden = sum(v is None for t in self._tables for v in t.shown.values())
        return f"ReleaseLedger: {len(self._tables)} tables released, {hidden} of {cells} cells withheld"


def _query(table: _joint.Printed, value: str | None) -> str:
    """Hash what is asked of whom: equal for the same question about unchanged data."""
    asked = [table.by, table.levels, table.totals, table.floor, value, sorted(table.people.items())]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _lay_out(table: _joint.Printed, means: dict[tuple[int, ...], float] | None) -> pd.DataFrame:
    """Print a table."""
    numbers = {
        c: np.nan if n is None else (float(n) if means is None else means[c]) for c, n in table.shown.items()
    }
    labels = [[*ls, TOTAL] if table.totals else list(ls) for ls in table.levels]
    index = pd.Index(labels[0], name=table.by[0], dtype="str")
    if len(labels) == 1:
        column = "n" if means is None else "mean"
        return pd.DataFrame({column: [numbers[(i,)] for i in range(len(index))]}, index=index)
    grid = [[numbers[i, j] for j in range(len(labels[1]))] for i in range(len(index))]
    columns = pd.Index(labels[1], name=table.by[1], dtype="str")
    return pd.DataFrame(grid, index=index, columns=columns, dtype="float64")


def _yes(values: pd.Series[Any], column: str) -> NDArray[np.bool_]:
    """Read a True/False column; a missing value is False, words and other numbers are refused."""
    odd = [v for v in values.dropna().unique() if not (v is True or v is False or v in (0, 1))]
    if odd or (values.dtype.kind in "OTUS" and any(isinstance(v, str) for v in values.dropna())):
        raise DataError(
            f"release: where={column!r} must be a column of True and False; it holds {quoted(odd)}. Make one: "
            f'frame.assign({column}_yes=frame["{column}"] == "yes").'
        )
    return np.asarray(values.fillna(False).astype(bool))


def _measured(values: pd.Series[Any], column: str) -> NDArray[np.bool_]:
    """Say who has a number; words and infinite numbers are refused, not left out."""
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = values.notna() & (numbers.isna() | np.isinf(numbers.fillna(0.0)))
    if wrong.any():
        raise DataError(
            f"release: {int(wrong.sum())} of {len(values)} values of {column!r} are not numbers "
            f"({quoted(values[wrong].unique())}). Correct them, or set them to missing."
        )
    return np.asarray(numbers.notna())


def _to_json(table: _joint.Printed, mark: str) -> dict[str, Any]:
    """Write one table as plain values."""
    return {
        "format": _FORMAT,
        "key": mark,
        "name": table.name,
        "by": table.by,
        "levels": table.levels,
        "totals": table.totals,
        "floor": table.floor,
        "about": table.about,
        "shown": [[*cell, n] for cell, n in table.shown.items()],
        "people": {p: list(base) for p, base in table.people.items()},
    }


def _load(name: str, content: bytes, mark: str) -> list[_joint.Printed]:
    """Read a ledger; an empty one is begun."""
    tables = []
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
        try:
            raw = json.loads(line)
            if raw["format"] != _FORMAT:
                raise ValueError(raw["format"])
            other = raw["key"] != mark
            tables.append(
                _joint.Printed(
                    name=raw["name"],
                    by=tuple(raw["by"]),
                    levels=tuple(tuple(ls) for ls in raw["levels"]),
                    totals=bool(raw["totals"]),
                    floor=int(raw["floor"]),
                    people={p: tuple(base) for p, base in raw["people"].items()},
                    shown={tuple(row[:-1]): row[-1] for row in raw["shown"]},
                    about=dict(raw["about"]),
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(
                f"{name}: line {number} is no table of a ledger. Restore the file from a copy: without it "
                "nobody knows what readers already have."
            ) from None
        if other:
            raise DataError(
                f"{name} was written with another key: with this one nobody in it is recognised, and a table cut "
                "against it could give people away. Give the key of the earlier releases."
            )
    return tables
