"""All tables of a study side by side: which groups a reader can tell apart, and what they leave to be computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peernet.privacy.suppression import _EPS, _extreme, _matrix, _protect, _Release

__all__ = ["Printed", "protect", "ranges"]

_MOST_UNIONS = 50_000


@dataclass(frozen=True)
class Printed:
    """One table: its labels, the base cell of each person, and what was shown (None = withheld).

    ``levels`` holds the labels of one or two dimensions; position ``len(labels)`` of a dimension is its total.
    """

    name: str
    by: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    totals: bool
    floor: int
    people: dict[str, tuple[int, ...]]
    shown: dict[tuple[int, ...], float | None] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    def cells(self) -> list[tuple[int, ...]]:
        """Positions of all cells, totals included."""
        return list(product(*(range(len(labels) + self.totals) for labels in self.levels)))

    def counts(self) -> dict[tuple[int, ...], float]:
        """True count of each cell."""
        out = dict.fromkeys(self.cells(), 0.0)
        for base in self.people.values():
            for cell in self.above(base):
                out[cell] += 1
        return out

    def above(self, base: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
        """Cells in which somebody of a base cell is counted."""
        ends = [
            (at, len(labels)) if self.totals else (at,) for at, labels in zip(base, self.levels, strict=True)
        ]
        return product(*ends)


@dataclass(frozen=True)
class _Cells:
    """Cells of several tables as sets of atoms; equal sets are one row."""

    matrix: NDArray[np.bool_]  # distinct sets x atoms
    atoms: NDArray[np.float64]
    row: dict[tuple[int, tuple[int, ...]], int]  # (table, cell) -> set

    @property
    def value(self) -> NDArray[np.float64]:
        """People in each set."""
        return np.asarray(self.matrix @ self.atoms, dtype=np.float64)


def _cells(tables: Sequence[Printed]) -> _Cells:
    """Split the people into those that no table tells apart, and write every cell as a sum of them."""
    patterns: dict[tuple[Any, ...], int] = {}
    for person in dict.fromkeys(p for t in tables for p in t.people):
        pattern = tuple(t.people.get(person) for t in tables)
        patterns[pattern] = patterns.get(pattern, 0) + 1
    kinds = list(patterns)
    where: dict[tuple[int, tuple[int, ...]], list[int]] = {
        (number, cell): [] for number, table in enumerate(tables) for cell in table.cells()
    }
    for atom, pattern in enumerate(kinds):
        for number, base in enumerate(pattern):
            if base is not None:
                for cell in tables[number].above(base):
                    where[number, cell].append(atom)
    sets: dict[tuple[int, ...], int] = {}
    row = {key: sets.setdefault(tuple(members), len(sets)) for key, members in where.items()}
    matrix = np.zeros((len(sets), max(1, len(kinds))), dtype=bool)
    for members, number in sets.items():
        matrix[number, list(members)] = True
    sizes = np.array([patterns[k] for k in kinds] or [0], dtype=np.float64)
    return _Cells(matrix, sizes, row)


def _between(cells: _Cells, printed: NDArray[np.intp], floors: NDArray[np.float64]) -> dict[bytes, float]:
    """Return what printing one cell inside another leaves over, where that is a small group, with its floor."""
    inside = cells.matrix[printed].astype(np.float64)
    both = (inside * cells.atoms) @ inside.T
    size = np.diag(both)
    rest = size[:, None] - both
    nested = (both == size[None, :]) & (rest > 0) & (rest < np.maximum(floors[:, None], floors[None, :]))
    out: dict[bytes, float] = {}
    for big, small in np.argwhere(nested):
        key = (cells.matrix[printed[big]] & ~cells.matrix[printed[small]]).tobytes()
        out[key] = max(out.get(key, 0.0), float(max(floors[big], floors[small])))
    return out


def _release(
    tables: Sequence[Printed], unions: Mapping[bytes, tuple[float, float]]
) -> tuple[_Release, _Cells]:
    """Write the last table, everything shown before, and every group that must stay hidden, as one release.

    ``unions`` are further groups to hide, with the width and the top that their ranges must have.
    """
    cells = _cells(tables)
    n_sets = len(cells.matrix)
    value = cells.value
    known, hidden, fresh = (np.zeros(n_sets, dtype=bool) for _ in range(3))
    floors = np.zeros(n_sets)
    total = np.zeros(n_sets)
    last = len(tables) - 1
    for (number, cell), at in cells.row.items():
        table = tables[number]
        floors[at] = max(floors[at], table.floor)
        if number == last:
            fresh[at] = True
            total[at] = sum(c == len(labels) for c, labels in zip(cell, table.levels, strict=True))
        elif table.shown[cell] is None:
            hidden[at] = True
        else:
            known[at] = True
    # A cell that was shown once is known; hiding it now protects nobody.
    hidden &= ~known
    small = (value > 0) & (value < floors) & ~known
    span = np.where(small, floors, np.where(hidden & (value > 0), 1.0, 0.0))
    reach = np.where(small, floors, 0.0)
    printed = np.flatnonzero((known | fresh) & (value > 0))
    rows = [np.flatnonzero(r) for r in cells.matrix]
    more: dict[bytes, tuple[float, float]] = {
        key: (floor, floor) for key, floor in _between(cells, printed, floors[printed]).items()
    }
    floor = float(max(t.floor for t in tables))
    for atom in np.flatnonzero(cells.atoms < floor):
        more.setdefault(_group(cells, (int(atom),)), (floor, floor))
    for key, (width, top) in unions.items():
        old = more.get(key, (0.0, 0.0))
        more[key] = (max(width, old[0]), max(top, old[1]))
    have = {r.tobytes(): at for at, r in enumerate(cells.matrix)}
    for key in have.keys() & more.keys():  # a cell that is a group on its own: what is known stays known
        at, (width, top) = have[key], more[key]
        if not known[at]:
            span[at], reach[at] = max(span[at], width), max(reach[at], top)
    extra = [(np.frombuffer(k, dtype=bool), *v) for k, v in more.items() if k not in have]
    rows += [np.flatnonzero(r) for r, _, _ in extra]
    n_more = len(extra)
    no = np.zeros(n_more, dtype=bool)
    cost = value + 1e4 * total + np.where(value == 0, 50.0, 0.0)
    release = _Release(
        rows=rows,
        value=np.concatenate([value, [float(r @ cells.atoms) for r, _, _ in extra]]),
        shown=np.concatenate([known | fresh, no]),
        fixed=np.concatenate([known | ~fresh, ~no]),
        cost=np.concatenate([np.where(fresh, cost, np.inf), np.full(n_more, np.inf)]),
        n_atoms=len(cells.atoms),
        atoms=cells.atoms,
        span=np.concatenate([span, [s for _, s, _ in extra]]),
        reach=np.concatenate([reach, [r for _, _, r in extra]]),
        withheld=np.concatenate([(small | hidden) & fresh, no]),
    )
    return release, cells


def _group(cells: _Cells, atoms: Sequence[int]) -> bytes:
    """Write a set of atoms as a key."""
    inside = np.zeros(len(cells.atoms), dtype=bool)
    inside[list(atoms)] = True
    return inside.tobytes()


def _unions(
    cells: _Cells, known: NDArray[np.bool_], worlds: list[NDArray[np.float64]], floor: int
) -> dict[bytes, tuple[float, float]]:
    r"""Return the groups below the floor, made of several atoms, that are not yet seen to be open.

    A later table may ask for any of them. A union U below the floor f holds at most f - 1 in the true world, so that
    it is open as soon as one of its atoms reaches 2 f - 1; only other atoms are put together. A world w (numbers that
    fit everything printed) in which a part G holds no more than f below the most that any world gives it opens every
    union in which w puts nobody beside G: what is left to look at adds an atom that w does fill. ``worlds`` grows by
    the one in which all these atoms together hold least.
    """
    high = np.vstack([cells.atoms, *worlds]).max(axis=0)
    bounded = cells.matrix[known].any(axis=0)
    tight = np.flatnonzero((cells.atoms < floor) & bounded & (high < 2 * floor - 1))
    if len(tight) < 2:
        return {}
    matrix = _matrix([*(np.flatnonzero(r) for r in cells.matrix), tight], len(cells.atoms))
    value, given = np.append(cells.value, cells.atoms[tight].sum()), np.append(known, False)
    least, _ = _extreme(matrix, value, given, len(known), -1.0)
    worlds.append(np.zeros(len(cells.atoms)) if least is None else least)
    world = np.unique(np.vstack([cells.atoms, *worlds])[:, tight], axis=0)
    found = _narrow(world, cells.atoms[tight], floor)
    if found is None:
        return {_group(cells, (int(a),)): (float(floor), 2.0 * floor - 1) for a in tight}
    return {_group(cells, tight[list(g)].tolist()): (float(floor), float(floor)) for g in found}


def _narrow(world: NDArray[np.float64], size: NDArray[np.float64], floor: int) -> set[tuple[int, ...]] | None:
    """Return the smallest unions of atoms below the floor that no two worlds open; None: too many to look at."""
    filled = world > _EPS
    found: set[tuple[int, ...]] = set()
    seen: set[tuple[int, ...]] = {()}
    todo: list[tuple[int, ...]] = [()]
    while todo:
        group = todo.pop()
        held = world[:, list(group)].sum(axis=1)
        opens = np.flatnonzero(held <= held.max() - floor + _EPS) if group else np.arange(len(world))
        if not len(opens) or (group and held.max() < floor - _EPS):
            if len(group) > 1:
                found.add(group)
            continue
        by = opens[np.argmin(filled[opens].sum(axis=1))]
        room = floor - 1 - size[list(group)].sum()
        for atom in np.flatnonzero(filled[by] & (size <= room)).tolist():
            larger = tuple(sorted({*group, atom}))
            if larger not in seen:
                seen.add(larger)
                todo.append(larger)
        if len(seen) > _MOST_UNIONS:
            return None
    return found


def protect(earlier: Sequence[Printed], table: Printed) -> dict[tuple[int, ...], float | None]:
    """Return what may be shown of a table beside everything that was shown earlier.

    Kept from table to table: every group of people below the floor that the tables so far can tell apart, put together
    in any way, has a range at least a floor wide that reaches the floor. Then so has every group that a later table can
    ask for before anything of it is printed (a part of a group may hold nobody or everybody of it; who comes is not
    bounded), and withholding is always enough.
    """
    tables = [*earlier, table]
    floor = max(t.floor for t in tables)
    unions: dict[bytes, tuple[float, float]] = {}
    worlds: list[NDArray[np.float64]] = []
    withheld = np.zeros(0, dtype=bool)
    while True:
        release, cells = _release(tables, unions)
        # What was withheld in the last round stays so, and what fits it still fits.
        if release.withheld is not None:
            release.withheld[: len(withheld)] |= withheld[: len(cells.matrix)]
        withheld = _protect(release, floor, worlds)[: len(cells.matrix)]
        known = release.shown[: len(withheld)] & ~withheld
        more = {k: v for k, v in _unions(cells, known, worlds, floor).items() if unions.get(k) != v}
        if not more:
            break
        unions |= more
    counts = table.counts()
    last = len(tables) - 1
    return {c: None if withheld[cells.row[last, c]] else counts[c] for c in table.cells()}


def ranges(tables: Sequence[Printed]) -> list[tuple[int, tuple[int, ...], float, float]]:
    """Return the range that a reader of all tables can compute for each withheld cell: table, cell, low, high."""
    cells = _cells(tables)
    value = cells.value
    known = np.zeros(len(value), dtype=bool)
    for (number, cell), at in cells.row.items():
        known[at] |= tables[number].shown[cell] is not None
    matrix = _matrix([np.flatnonzero(r) for r in cells.matrix], len(cells.atoms))
    found: dict[int, tuple[float, float]] = {}
    out = []
    for (number, cell), at in cells.row.items():
        if tables[number].shown[cell] is not None:
            continue
        if at not in found:
            ends = [_extreme(matrix, value, known, at, sign)[0] for sign in (-1.0, 1.0)]
            low, high = (np.inf if e is None else float(e[cells.matrix[at]].sum()) for e in ends)
            found[at] = (low, high)
        out.append((number, cell, *found[at]))
    return out
