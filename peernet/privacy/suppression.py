"""Minimum group sizes that hold: what is withheld cannot be computed from what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column as need
from peernet._check import count
from peernet.errors import DataError

__all__ = ["attack", "suppress", "suppress_slices"]

TOTAL = "total"
_EPS = 1e-6


@dataclass(frozen=True)
class _Release:
    """Cells as sums of atoms (the finest groups); some are shown, some only follow from others.

    ``rows[c]`` lists the atoms of cell c, ``value[c]`` its count, ``shown[c]`` whether it may be printed at all,
    ``fixed[c]`` whether that is settled, and ``cost[c]`` how much is lost when it is withheld. ``span[c]`` and
    ``reach[c]``, where given, say how wide the range of cell c must stay and how far up it must go; ``withheld``
    lists cells that are withheld from the start.
    """

    rows: list[NDArray[np.intp]]
    value: NDArray[np.float64]
    shown: NDArray[np.bool_]
    fixed: NDArray[np.bool_]
    cost: NDArray[np.float64]
    n_atoms: int
    atoms: NDArray[np.float64]
    span: NDArray[np.float64] | None = None
    reach: NDArray[np.float64] | None = None
    withheld: NDArray[np.bool_] | None = None


def _matrix(rows: Sequence[NDArray[np.intp]], n_atoms: int) -> Any:
    """Return cells x atoms as a sparse matrix."""
    from scipy.sparse import csr_array

    indptr = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    indices = np.concatenate([*rows, np.empty(0, dtype=np.intp)])
    return csr_array((np.ones(len(indices)), indices, indptr), shape=(len(rows), n_atoms))


def _extreme(
    matrix: Any, value: NDArray[np.float64], known: NDArray[np.bool_], cell: int, sign: float
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return the atoms that make a cell largest (sign 1) or smallest (-1) given what is known, and the dual prices.

    No atoms: nothing bounds the cell.
    """
    from scipy.optimize import linprog

    goal = -sign * matrix[[cell]].toarray()[0]
    if not known.any():
        return (None if sign > 0 else np.zeros(matrix.shape[1])), np.zeros(0)
    out = linprog(goal, A_eq=matrix[known], b_eq=value[known], bounds=(0, None), method="highs")
    if out.status == 3:
        return None, np.zeros(int(known.sum()))
    if out.status != 0:
        raise DataError("the tables contradict each other: their totals do not fit their cells.")
    return out.x, out.eqlin.marginals


def _protect(
    release: _Release, floor: int, worlds: list[NDArray[np.float64]] | None = None
) -> NDArray[np.bool_]:
    """Return which cells to withhold: those below the floor, and as many others as it takes to hide them.

    ``worlds`` holds atoms that agree with all that may be shown from the start, and collects more as they turn up.
    """
    matrix = _matrix(release.rows, release.n_atoms)
    value, shown = release.value, release.shown
    small = (value > 0) & (value < floor)
    span = np.where(small, float(floor), 0.0) if release.span is None else release.span
    reach = np.where(small, float(floor), 0.0) if release.reach is None else release.reach
    small = small | (span > 0)
    start = ((value > 0) & (value < floor)) if release.withheld is None else release.withheld
    withheld = start & shown & ~release.fixed
    high, low = value.copy(), value.copy()
    for world in worlds or ():
        high, low = np.maximum(high, matrix @ world), np.minimum(low, matrix @ world)
    tried = np.zeros(len(value), dtype=bool)
    for cell in np.flatnonzero(small):
        while high[cell] - low[cell] < span[cell] or high[cell] < reach[cell]:
            known = shown & ~withheld
            prices = np.zeros(len(value))
            for sign in (1.0, -1.0):
                atoms, duals = _extreme(matrix, value, known, int(cell), sign)
                if atoms is None:
                    high[cell] = np.inf
                else:
                    # What fits now also fits when more is withheld, so every solution counts for all cells.
                    if worlds is not None:
                        worlds.append(atoms)
                    high, low = np.maximum(high, matrix @ atoms), np.minimum(low, matrix @ atoms)
                if len(duals):
                    prices[known] = np.maximum(prices[known], np.abs(duals))
            if high[cell] - low[cell] >= span[cell] and high[cell] >= reach[cell]:
                break
            if not tried[cell] and not _can_be_hidden(release, matrix, int(cell), span[cell], reach[cell]):
                break
            tried[cell] = True
            choice = _next(release, known, prices, int(cell))
            if choice is None:
                break
            withheld[choice] = True
    return _give_back(release, matrix, withheld, small)


def _can_be_hidden(release: _Release, matrix: Any, cell: int, span: float, reach: float) -> bool:
    """Say whether withholding everything that is still open would hide a cell from what is known for good."""
    settled = release.shown & release.fixed
    if not settled.any():
        return True
    ends = [_extreme(matrix, release.value, settled, cell, sign)[0] for sign in (1.0, -1.0)]
    if ends[0] is None:
        return True
    row = release.rows[cell]
    top = float(ends[0][row].sum())
    low = 0.0 if ends[1] is None else float(ends[1][row].sum())
    return top - low >= span and top >= reach


def _next(release: _Release, known: NDArray[np.bool_], prices: NDArray[np.float64], cell: int) -> int | None:
    """Choose the cheapest shown cell that pins the sensitive one down."""
    open_cells = known & ~release.fixed
    binding = np.flatnonzero(open_cells & (prices > _EPS))
    if not len(binding):
        mine = set(release.rows[cell].tolist())
        binding = np.array(
            [c for c in np.flatnonzero(open_cells) if mine & set(release.rows[c].tolist())], dtype=np.intp
        )
    if not len(binding):
        return None
    return int(binding[np.argmin(release.cost[binding])])


def _give_back(
    release: _Release, matrix: Any, withheld: NDArray[np.bool_], small: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Show again what follows exactly from the rest: hiding it protects nobody."""
    value, shown = release.value, release.shown
    out = withheld.copy()
    for cell in np.flatnonzero(withheld & ~small):
        ends = [_extreme(matrix, value, shown & ~out, int(cell), sign)[0] for sign in (1.0, -1.0)]
        if ends[0] is None or ends[1] is None:
            continue
        row = release.rows[cell]
        if ends[0][row].sum() - ends[1][row].sum() < 0.5:
            out[cell] = False
    return out


def suppress(
    table: pd.DataFrame, *, floor: int = 5, totals: bool = True, earlier: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Table of counts in which small cells, and what would give them away, are withheld (NaN).

    Cells with 1 to ``floor - 1`` people are withheld; then further cells, cheapest first, until for each of
    them the counts that agree with everything shown (row, column and grand totals included) span at least
    ``floor`` and reach it. Zeros are shown unless they would give a small cell away.

    Parameters
    ----------
    table : pandas.DataFrame
        Counts of people, whole numbers >= 0, without totals.
    floor : int
        Smallest count shown.
    totals : bool
        Whether row, column and grand totals are shown too; they are added as ``"total"``.
    earlier : pandas.DataFrame, optional
        What an earlier report has shown of the same counts, growing over time (a result of this function
        with the same rows and columns). Cells it has shown are known for good, and a growth by fewer than
        ``floor`` people is hidden too.

    Returns
    -------
    pandas.DataFrame
        The counts as floats, NaN = withheld; with ``totals`` one row and one column more.

    Raises
    ------
    DataError
        When a cell is not a count, or the earlier table has other rows or columns.

    References
    ----------
    .. [1] Fischetti, M. & Salazar, J. J. (2001). Solving the cell suppression problem on tabular data with linear
       constraints. *Management Science* 47(7), 1008-1027. doi:10.1287/mnsc.47.7.1008.9805

    Examples
    --------
    >>> counts = pd.DataFrame({"x": [20, 3], "y": [30, 40]}, index=["a", "b"])
    >>> int(suppress(counts, totals=False).isna().sum().sum())
    1
    """
    floor = count("floor", floor)
    values = _counts(table)
    n_rows, n_columns = values.shape
    atom = np.arange(values.size).reshape(values.shape)
    cells = [(i, j) for i, j in product(range(n_rows + totals), range(n_columns + totals))]
    members = [atom[_pick(i, n_rows)][:, _pick(j, n_columns)].ravel() for i, j in cells]
    value = np.array([values.ravel()[m].sum() for m in members])
    is_total = np.array([(i == n_rows) + (j == n_columns) for i, j in cells])
    fixed = np.zeros(len(cells), dtype=bool)
    shown = np.ones(len(cells), dtype=bool)
    atoms = values.ravel()
    if earlier is not None:
        members, value, shown, fixed, atoms = _grown(table, earlier, cells, members, value, values.size)
    cost = value[: len(cells)] + 1e4 * is_total + np.where(value[: len(cells)] == 0, 50.0, 0.0)
    cost = np.concatenate([cost, np.full(len(value) - len(cells), np.inf)])
    release = _Release(members, value, shown, fixed, cost, len(atoms), atoms)
    withheld = _protect(release, floor)[: len(cells)]
    out = np.where(withheld, np.nan, value[: len(cells)]).reshape(n_rows + totals, n_columns + totals)
    index = [*table.index, TOTAL] if totals else list(table.index)
    columns = [*table.columns, TOTAL] if totals else list(table.columns)
    return pd.DataFrame(
        out, index=pd.Index(index, name=table.index.name), columns=pd.Index(columns, name=table.columns.name)
    )


def _pick(position: int, n: int) -> Any:
    """Return one row, or all for a total."""
    return slice(None) if position == n else [position]


def _counts(table: pd.DataFrame) -> NDArray[np.float64]:
    """Check that a table holds counts."""
    if not isinstance(table, pd.DataFrame) or not table.size:
        raise DataError("suppress: give a table of counts with at least one row and one column.")
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(values) & (values >= 0) & (values == np.round(values)))
    if bad.any():
        where = [f"({table.index[i]!r}, {table.columns[j]!r})" for i, j in np.argwhere(bad)[:3]]
        raise DataError(
            f"suppress: {bad.sum()} cells are not counts ({', '.join(where)}). Give whole numbers of people, "
            "0 or more."
        )
    return np.asarray(values)


def _grown(
    table: pd.DataFrame,
    earlier: pd.DataFrame,
    cells: list[tuple[int, int]],
    members: list[NDArray[np.intp]],
    value: NDArray[np.float64],
    n: int,
) -> tuple[
    list[NDArray[np.intp]], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]
]:
    """Add the cells of an earlier report, known for good, and the growth since, to be hidden when small."""
    rows, columns = [*table.index, TOTAL], [*table.columns, TOTAL]
    lost = set(earlier.index) - set(rows) | set(earlier.columns) - set(columns)
    if lost:
        raise DataError(
            f"suppress: the earlier table has other rows or columns ({sorted(map(str, lost))[:3]}). Give the "
            "same ones."
        )
    known: list[tuple[int, float]] = []
    for k, (i, j) in enumerate(cells):
        if rows[i] in earlier.index and columns[j] in earlier.columns:
            before = float(earlier.loc[rows[i], columns[j]])
            if np.isfinite(before):
                if before > value[k]:
                    raise DataError(
                        f"suppress: ({rows[i]!r}, {columns[j]!r}) has shrunk from {before:g} to "
                        f"{value[k]:g}; earlier= is for counts that grow."
                    )
                known.append((k, before))
    # Atoms 0..n-1 are the people of the earlier report, n..2n-1 those who came since.
    now = [np.concatenate([m, m + n]) for m in members]
    old = [members[k] for k, _ in known]
    new = [members[k] + n for k, _ in known]
    past = np.array([b for _, b in known])
    growth = np.array([value[k] - b for k, b in known])
    shown = np.concatenate([np.ones(len(now), bool), np.ones(len(old), bool), np.zeros(len(new), bool)])
    fixed = np.concatenate([np.zeros(len(now), bool), np.ones(len(old), bool), np.ones(len(new), bool)])
    return [*now, *old, *new], np.concatenate([value, past, growth]), shown, fixed, np.zeros(2 * n)


def suppress_slices(
    frame: pd.DataFrame,
    slices: Mapping[str, Sequence[str]],
    *,
    floor: int = 5,
    where: Mapping[str, str] | None = None,
    since: str | None = None,
    dates: Iterable[Any] = (),
) -> dict[str, pd.DataFrame]:
    """Counts of people by several slices and dates at once, safe when all are read side by side.

    Every slice is a table with its totals. A reader who has them all can subtract one from another: a slice of some
    people from the slice of all, a date from a later one. So the cells of all tables are protected
    together, and the differences between nested slices and dates count as cells.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a person.
    slices : dict
        Name -> columns of the table, one or two: ``{"unit by site": ["unit", "site"]}``.
    floor : int
        Smallest count shown.
    where : dict, optional
        Name of a slice -> True/False column: only those people are counted in it. Those left out are
        protected as well.
    since : str, optional
        Column with the date from which a person is counted; needed with ``dates``.
    dates : list, optional
        Dates of the reports, in order: each counts the people whose ``since`` is not later.

    Returns
    -------
    dict of pandas.DataFrame
        ``slice`` (or ``slice @ date``) -> counts with totals, NaN = withheld.

    Raises
    ------
    DataError
        When a column is missing or a slice names none.
    """
    floor = count("floor", floor)
    filters = dict(where or {})
    whens = list(dates)
    if not slices:
        raise DataError("suppress_slices: name at least one slice.")
    used = sorted({c for columns in slices.values() for c in columns} | set(filters.values()))
    table = pd.DataFrame({c: need(frame, c, "frame").astype("str") for c in used})
    if whens:
        if since is None:
            raise DataError(
                "suppress_slices: dates need since=, the column that says from when on a person is counted."
            )
        moment = need(frame, since, "frame")
        whens = _like(whens, moment, since)
        table["_when"] = [sum(bool(m > d) for d in whens) if pd.notna(m) else len(whens) for m in moment]
        table = table[table["_when"] < len(whens)]
    else:
        table["_when"] = 0
    names = _slice_cells(table, slices, filters, max(1, len(whens)))
    release, keys = names
    withheld = _protect(release, floor)
    return _fill(keys, release.value, withheld, slices, [str(d) for d in whens])


def _like(dates: list[Any], moment: pd.Series[Any], since: str) -> list[Any]:
    """Turn dates into what the column holds: times where it holds times."""
    try:
        if pd.api.types.is_datetime64_any_dtype(moment.dtype):
            zone = getattr(moment.dtype, "tz", None)
            times = [pd.Timestamp(d) for d in dates]
            dates = [t.tz_localize(zone) if t.tzinfo is None else t.tz_convert(zone) for t in times]
        _ = [m > d for m in moment.dropna().iloc[:1] for d in dates]
    except (TypeError, ValueError):
        raise DataError(
            f"suppress_slices: dates {dates!r} cannot be compared with column {since!r} ({moment.dtype}). Give both as "
            "times."
        ) from None
    return dates


def _slice_cells(
    table: pd.DataFrame, slices: Mapping[str, Sequence[str]], filters: Mapping[str, str], n_dates: int
) -> tuple[_Release, list[tuple[str, int, tuple[str, ...]]]]:
    """Write every cell of every slice, and every difference that a reader can form, as a sum of atoms."""
    columns = [c for c in table.columns if c != "_when"]
    levels = {c: sorted(table[c].unique()) for c in columns}
    grid = pd.DataFrame(
        list(product(*(levels[c] for c in columns), range(n_dates))), columns=[*columns, "_when"]
    )
    sizes = table.value_counts()
    key = grid.set_index([*columns, "_when"]).index
    atoms = (
        sizes.reorder_levels([*columns, "_when"])  # type: ignore[list-item]
        .reindex(key, fill_value=0)
        .to_numpy()
        .astype(np.float64)
    )
    rows: list[NDArray[np.intp]] = []
    keys: list[tuple[str, int, tuple[str, ...]]] = []
    shown: list[bool] = []
    total: list[int] = []
    when = grid["_when"].to_numpy()
    for name, by in slices.items():
        if not 1 <= len(by) <= 2:
            raise DataError(f"suppress_slices: slice {name!r} has {len(by)} columns; give one or two.")
        inside = (
            (grid[filters[name]] == "True").to_numpy() if name in filters else np.ones(len(grid), dtype=bool)
        )
        for labels in product(*([*levels[c], TOTAL] for c in by)):
            hit = np.ones(len(grid), dtype=bool)
            for c, label in zip(by, labels, strict=True):
                hit &= (grid[c] == label).to_numpy() if label != TOTAL else True
            for date in range(n_dates):
                options = (
                    [(when <= date, True), (when == date, False)] if n_dates > 1 else [(when <= date, True)]
                )
                for in_time, show in options:
                    for in_slice, print_it in ((inside, show), (~inside, False)):
                        if not print_it and (
                            not (hit & in_slice).any() or (in_slice is not inside and inside.all())
                        ):
                            continue
                        rows.append(np.flatnonzero(hit & in_slice & in_time))
                        keys.append((name, date, labels) if print_it else ("", date, labels))
                        shown.append(print_it)
                        total.append(sum(label == TOTAL for label in labels))
    value = np.array([atoms[r].sum() for r in rows])
    cost = value + 1e4 * np.array(total) + np.where(value == 0, 50.0, 0.0)
    mask = np.array(shown)
    return _Release(rows, value, mask, ~mask, np.where(mask, cost, np.inf), len(atoms), atoms), keys


def _fill(
    keys: list[tuple[str, int, tuple[str, ...]]],
    value: NDArray[np.float64],
    withheld: NDArray[np.bool_],
    slices: Mapping[str, Sequence[str]],
    dates: list[str],
) -> dict[str, pd.DataFrame]:
    """Lay the cells out as tables."""
    out: dict[str, dict[tuple[str, ...], float]] = {}
    for (name, date, labels), number, hidden in zip(keys, value, withheld, strict=True):
        if name:
            title = f"{name} @ {dates[date]}" if dates else name
            out.setdefault(title, {})[labels] = np.nan if hidden else float(number)
    tables = {}
    for title, cells in out.items():
        by = list(slices[title.rsplit(" @ ", 1)[0] if dates else title])
        rows = list(dict.fromkeys(labels[0] for labels in cells))
        if len(by) == 1:
            frame = pd.DataFrame({"n": [cells[(r,)] for r in rows]}, index=pd.Index(rows, name=by[0]))
        else:
            columns = list(dict.fromkeys(labels[1] for labels in cells))
            grid = [[cells[(r, c)] for c in columns] for r in rows]
            frame = pd.DataFrame(
                grid, index=pd.Index(rows, name=by[0]), columns=pd.Index(columns, name=by[1])
            )
        tables[title] = frame
    return tables


def attack(shown: pd.DataFrame, *, totals: bool = True) -> pd.DataFrame:
    """What a reader can work out about the withheld cells of a table: the range that agrees with everything shown.

    Parameters
    ----------
    shown : pandas.DataFrame
        Result of :func:`suppress`, NaN = withheld.
    totals : bool
        Whether its last row and column are totals.

    Returns
    -------
    pandas.DataFrame
        ``row, column, low, high`` for each withheld cell; infinity where nothing bounds it.
    """
    n_rows, n_columns = (s - totals for s in shown.shape)
    atom = np.arange(n_rows * n_columns).reshape(n_rows, n_columns)
    cells = list(product(range(shown.shape[0]), range(shown.shape[1])))
    members = [atom[_pick(i, n_rows)][:, _pick(j, n_columns)].ravel() for i, j in cells]
    value = shown.to_numpy(dtype=np.float64).ravel()
    known = np.isfinite(value)
    matrix = _matrix(members, atom.size)
    rows: list[dict[str, Any]] = []
    for cell in np.flatnonzero(~known):
        ends = [_extreme(matrix, np.nan_to_num(value), known, int(cell), sign)[0] for sign in (-1.0, 1.0)]
        low, high = (np.inf if e is None else float(e[members[int(cell)]].sum()) for e in ends)
        i, j = cells[int(cell)]
        rows.append({"row": shown.index[i], "column": shown.columns[j], "low": low, "high": high})
    return pd.DataFrame(rows, columns=["row", "column", "low", "high"])
