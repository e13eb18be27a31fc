"""The matrices that the terms of a formula stand for, over the pairs of people whose values are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, quoted, suggest
from peernet.errors import DataError
from peernet.hypotheses._formula import (
    INTERCEPT,
    MEANT,
    NETWORK_VERBS,
    STRUCTURE,
    Formula,
    Term,
    parse,
)

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["Design", "build", "check_given", "check_response", "known_cells", "term_matrix", "two_modes"]


@dataclass(frozen=True, eq=False)
class Design:
    """Response and regressors as matrices over ordered pairs; rows teach, columns learn.

    ``x[0]`` is the constant where the model has one; ``mask`` marks the cells with every value known, ``known`` those
    of the response and of each regressor.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    names: tuple[str, ...]
    mask: NDArray[np.bool_]
    left_out: dict[str, int]
    intercept: bool
    known: tuple[NDArray[np.bool_], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_cells(self) -> int:
        """Ordered pairs used."""
        return int(self.mask.sum())

    def cells(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return y, shape (N,), and X, shape (N, K), over the cells used, row by row."""
        return self.y[self.mask], np.ascontiguousarray(self.x[:, self.mask].T)


def check_given(net: Any, networks: Any) -> None:
    """Refuse what is not a network, and networks that are not given by name.

    Raises
    ------
    TypeError
        Naming what came and what is wanted.
    """
    if not hasattr(net, "adjacency"):
        raise TypeError(
            f"net must be a PeerNetwork; got {type(net).__name__}. Build one: PeerNetwork(people, ties), or "
            "PeerNetwork.from_networkx(...), PeerNetwork.from_adjacency(...)."
        )
    if networks is not None and not isinstance(networks, Mapping):
        raise TypeError(
            f"networks must be a mapping of names to networks, such as {{'friendship': net2}}; got "
            f"{type(networks).__name__}."
        )


def _cell_values(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a table of pairs as numbers, or say which cell is not one."""
    try:
        values = np.array(table.to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        numbers = np.column_stack(
            [pd.to_numeric(table.iloc[:, k], errors="coerce") for k in range(table.shape[1])]
        )
        bad = np.isnan(numbers.astype(np.float64)) & table.notna().to_numpy()
        at = np.argwhere(bad)
        where = f" ({table.iat[at[0][0], at[0][1]]!r}, row {table.index[at[0][0]]!r})" if len(at) else ""
        raise DataError(
            f"networks: {name!r} has {len(at)} cells that are not numbers{where}. Use 0, 1 or weights; NaN = unknown."
        ) from None
    return _finite(values, f"networks: {name!r}")


def _finite(values: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Refuse infinite values: they are not unknown, and no number either."""
    if np.isinf(values).any():
        raise DataError(f"{what} has {int(np.isinf(values).sum())} infinite values. NaN = unknown.")
    return values


def known_cells(net: PeerNetwork) -> NDArray[np.bool_]:
    """Mark the ordered pairs of different people whose tie or absence of a tie is known.

    Where ties were reported, the cells that a person who did not answer would have filled are unknown: the column of
    a silent learner, the row of a silent teacher. Nothing is known of people who objected, in either role.
    """
    known = ~np.eye(net.n_people, dtype=bool)
    gone = (net.observed == "objected").to_numpy()
    known[gone, :] = known[:, gone] = False
    silent = (net.observed != "answered").to_numpy()
    if net.respondent_is == "learner":
        known[:, silent] = False
    elif net.respondent_is == "teacher":
        known[silent, :] = False
    return known


def _aligned(net: PeerNetwork, other: Any, name: str) -> NDArray[np.float64]:
    """Return another network (or table of pairs) as a matrix in the order of ``net``; NaN = unknown."""
    if isinstance(other, pd.DataFrame):
        if other.index.equals(net.ids) and other.columns.equals(net.ids) and net.ids.is_unique:
            return _cell_values(other, name)
        rows, columns = other.index.astype(str), other.columns.astype(str)
        for ids, what in ((rows, "rows"), (columns, "columns")):
            _same_people(net, ids, f"{name} ({what})")
        table = other.set_axis(rows, axis=0).set_axis(columns, axis=1).loc[net.ids, net.ids]
        return _cell_values(table, name)
    if not hasattr(other, "adjacency"):
        raise TypeError(
            f"networks: {name!r} must be a PeerNetwork or a table of pairs; got {type(other).__name__}."
        )
    values: NDArray[np.float64] = other.adjacency.toarray().astype(np.float64, copy=False)
    values[~known_cells(other)] = np.nan
    np.fill_diagonal(values, 0.0)
    if other.ids.equals(net.ids):
        return values
    _same_people(net, other.ids, name)
    order = other.ids.get_indexer(net.ids)
    return np.ascontiguousarray(values[np.ix_(order, order)])


def _same_people(net: PeerNetwork, ids: pd.Index[Any], name: str) -> None:
    """Refuse a second network over other people."""
    if ids.has_duplicates:
        raise DataError(f"networks: {name} lists {quoted(ids[ids.duplicated()])} more than once.")
    lost, strange = net.ids.difference(ids), ids.difference(net.ids)
    if len(lost) or len(strange):
        raise DataError(
            f"networks: {name} is not over the same people: {len(lost)} of {net.n_people} are missing "
            f"({quoted(lost)}) and {len(strange)} are not in net ({quoted(strange)}). Build both over one roster, "
            "people without ties included; net.subset(...) keeps those in both."
        )


def _numbers(net: PeerNetwork, term: Term) -> NDArray[np.float64] | None:
    """Return a column as numbers (times as days), or None where it is made of words."""
    values = net.column(term.argument)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days: pd.Series[Any] = (values - values.min()) / pd.Timedelta(days=1)
        return days.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_numeric_dtype(values.dtype) and not isinstance(values.dtype, pd.CategoricalDtype):
        return _finite(values.to_numpy(dtype=np.float64, na_value=np.nan), f"column {term.argument!r}")
    return None


def _words(net: PeerNetwork, term: Term) -> list[tuple[str, NDArray[np.float64]]]:
    """Return one indicator matrix for each level (teacher, learner) or each pair of groups (mix)."""
    codes, names = net.codes(term.argument)
    n = net.n_people
    level = np.where(codes < 0, np.nan, codes.astype(np.float64))
    rows, columns = np.broadcast_to(level[:, None], (n, n)), np.broadcast_to(level[None, :], (n, n))
    if term.verb == "mix":
        unknown = np.isnan(rows) | np.isnan(columns)
        return [
            (
                f"mix({term.argument}={first}, {second})",
                np.where(unknown, np.nan, (rows == a) & (columns == b)),
            )
            for a, first in enumerate(names)
            for b, second in enumerate(names)
        ]
    side = rows if term.verb == "teacher" else columns
    return [
        (f"{term.verb}({term.argument}={name})", np.where(np.isnan(side), np.nan, side == a))
        for a, name in enumerate(names)
    ]


def _is_words(net: PeerNetwork, term: Term) -> bool:
    """Say whether a term stands for indicators of levels, one of which the others are held against."""
    if term.verb == "mix":
        return True
    return term.verb in ("teacher", "learner") and _numbers(net, term) is None


def term_matrix(
    net: PeerNetwork, term: Term, networks: Mapping[str, Any] | None = None, *, every: bool = False
) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the columns that a term stands for, as (name, matrix); rows teach, columns learn, NaN = unknown.

    Of words the first level is left out, unless ``every`` level is asked for.

    Raises
    ------
    DataError
        For networks and columns that are not there, and for words where numbers are needed.
    """
    given = networks or {}
    if term.verb == "network" or term.verb in NETWORK_VERBS:
        if term.argument not in given:
            raise DataError(_no_network(net, term, given))
        values = _aligned(net, given[term.argument], term.argument)
        if term.verb == "tie":
            values = np.where(np.isnan(values), np.nan, values > 0)
        return [(term.name, values.T.copy() if term.verb == "reverse" else values)]
    n = net.n_people
    if term.verb == "same":
        codes, _ = net.codes(term.argument)
        same = (codes[:, None] == codes[None, :]).astype(np.float64)
        same[(codes < 0)[:, None] | (codes < 0)[None, :]] = np.nan
        return [(term.name, same)]
    number = _numbers(net, term)
    if number is None or term.verb == "mix":
        if term.verb in ("diff", "signed"):
            raise DataError(
                f"{term.name}: column {term.argument!r} is not made of numbers, so it has no difference. "
                f"Use same({term.argument})."
            )
        return _words(net, term)[0 if every else 1 :]
    if term.verb in ("teacher", "learner"):
        side = number[:, None] if term.verb == "teacher" else number[None, :]
        return [(term.name, np.broadcast_to(side, (n, n)).copy())]
    gap = number[:, None] - number[None, :]
    return [(term.name, np.abs(gap) if term.verb == "diff" else gap)]


def _no_network(net: PeerNetwork, term: Term, given: Mapping[str, Any]) -> str:
    """Say which networks there are, and how to use a column if that was meant."""
    name, columns = term.argument, [str(c) for c in net.people.columns]
    if term.verb == "network":
        if name in columns:
            return (
                f"formula: {name!r} is a column of people, and a pair has two of them. Write teacher({name}), "
                f"learner({name}), same({name}) or diff({name})."
            )
        if name in STRUCTURE or MEANT.get(name.lower()) in STRUCTURE:
            word = MEANT.get(name.lower(), name)
            return f"formula: {name}: {word} is a term of fit_ergm; here the constant stands for edges." + (
                " reverse(name) of another network, or fit_ergm, is about ties that are returned."
                if word == "mutual"
                else ""
            )
    known = ", ".join(map(repr, given)) or "none"
    near = suggest(name, given)
    if not near and term.verb == "network" and (close := suggest(name, columns)):
        near = f"{close} Columns of people go into teacher(x), learner(x), same(x) or diff(x)."
    return f"formula: no network is called {name!r}.{near} networks holds: {known}."


def build(
    net: PeerNetwork,
    formula: str | Formula,
    networks: Mapping[str, Any] | None = None,
    *,
    allowed: NDArray[np.bool_] | None = None,
    keep_unanswered: bool = False,
) -> Design:
    """Turn a formula into matrices, leaving out what is unknown and refusing what cannot be estimated.

    Outside the cells used all values are 0; ``keep_unanswered`` leaves regressors as they are there, NaN = unknown.

    Raises
    ------
    DataError
        For networks over other people, constant or collinear regressors, or too few cells.
    """
    check_given(net, networks)
    model = parse(formula) if isinstance(formula, str) else formula
    literal("formula: the response", model.response, ("tie", "weight"))
    n = net.n_people
    y = net.adjacency.toarray().astype(np.float64, copy=False)
    if model.response == "tie":
        y = (y > 0).astype(np.float64)
    terms = {t: term_matrix(net, t, networks, every=True) for p in model.products for t in p}
    off = ~np.eye(n, dtype=bool) if allowed is None else allowed & ~np.eye(n, dtype=bool)
    known = off & known_cells(net)
    worded = [t for t in terms if _is_words(net, t)]
    usable = known & np.all(
        [np.isfinite(m).all(axis=0) for m in (np.stack([c for _, c in terms[t]]) for t in terms if terms[t])]
        or [known],
        axis=0,
    )
    notes = []
    for term in worded:
        terms[term], words = _held_against(term, terms[term], usable)
        notes += words
    columns: list[tuple[str, NDArray[np.float64]]] = [(INTERCEPT, np.ones((n, n)))] if model.intercept else []
    for product in model.products:
        parts: list[tuple[str, NDArray[np.float64]]] = [("", np.ones((n, n)))]
        for term in product:
            parts = [(f"{a}:{b}" if a else b, left * right) for a, left in parts for b, right in terms[term]]
        columns += parts
    x = np.stack([c for _, c in columns]) if columns else np.empty((0, n, n))
    each = tuple(off & np.isfinite(m) for m in x)
    finite = np.all(each, axis=0) if each else off
    mask = known & finite
    left_out = {
        "answers unknown": int((off & ~known).sum()),
        "covariates unknown": int((known & ~finite).sum()),
    }
    design = Design(
        y, x, tuple(c for c, _ in columns), mask, left_out, model.intercept, (known, *each), tuple(notes)
    )
    _refuse(design)
    if not keep_unanswered:
        x[:, ~mask] = 0.0
    return replace(design, y=np.where(mask, y, 0.0))


def _held_against(
    term: Term, levels: list[tuple[str, NDArray[np.float64]]], usable: NDArray[np.bool_]
) -> tuple[list[tuple[str, NDArray[np.float64]]], list[str]]:
    """Leave out the levels without a pair of different people and the first of the others; say which are empty.

    Raises
    ------
    DataError
        If fewer than two levels have pairs.
    """
    filled = [bool((matrix[usable] == 1).any()) for _, matrix in levels]
    there = [level for level, some in zip(levels, filled, strict=True) if some]
    if len(there) < 2:
        only = f"is {there[0][0]} for every pair" if there else "is known for no pair"
        raise DataError(
            f"formula: {term.name} {only} of different people used, so its effect cannot be told from the intercept. "
            "Drop it."
        )
    empty = [name for (name, _), some in zip(levels, filled, strict=True) if not some]
    if not empty:
        return there[1:], []
    words = (
        f"{term.name}: no pair of different people used is {quoted(empty)}; left out. The others are held against "
        f"{there[0][0]}."
    )
    return there[1:], [words]


def _refuse(design: Design) -> None:
    """Refuse designs whose coefficients are not identified, naming the culprit."""
    y, x = design.cells()
    if len(y) <= len(design.names):
        raise DataError(
            f"formula: {len(y)} pairs of people have every value known, too few for {len(design.names)} coefficients "
            f"(left out: {design.left_out}). Fill the gaps or drop terms."
        )
    if np.ptp(y) == 0:
        raise DataError(f"formula: the response is {y[0]:g} in all {len(y)} cells used: nothing to explain.")
    start = 1 if design.intercept else 0
    for name, values in zip(design.names[start:], x.T[start:], strict=True):
        if np.ptp(values) == 0:
            raise DataError(
                f"formula: {name} is {values[0]:g} for every pair of different people used, so its effect cannot be "
                "told from the intercept. Drop it"
                + (", or merge this level with another with with_people(...)." if "=" in name else ".")
            )
    scale = np.sqrt((x**2).mean(axis=0))
    z = x / np.where(scale > 0, scale, 1.0)
    r: NDArray[np.float64] = np.asarray(np.linalg.qr(z, mode="r"))
    bad = np.flatnonzero(np.abs(np.diagonal(r)) / np.sqrt(len(y)) < 1e-7)
    if len(bad):
        names = [design.names[b] for b in bad]
        raise DataError(
            f"formula: {quoted(names)} follows exactly from the terms before it (collinear): their effects cannot "
            "be told apart. Drop one of them."
        )
    _refuse_perfect(y, z, r, design.names)


def _refuse_perfect(
    y: NDArray[np.float64], z: NDArray[np.float64], r: NDArray[np.float64], names: tuple[str, ...]
) -> None:
    """Refuse a response that its regressors (scaled: ``z`` = Q ``r``) add up to exactly: no error is left."""
    beta, residual = np.zeros(z.shape[1]), y
    for _ in range(2):  # Seminormal equations lose digits; the second step gives them back.
        beta = beta + np.linalg.solve(r, np.linalg.solve(r.T, z.T @ residual))
        residual = y - z @ beta
    if float((residual**2).mean()) > max(1e-18 * float(y.var()), 1e-28 * float((y**2).mean())):
        return
    top = float(np.abs(beta).max(initial=0.0))
    used = [n for n, b in zip(names, beta, strict=True) if n != INTERCEPT and abs(b) > 1e-7 * top]
    raise DataError(
        f"formula: the response follows exactly from {quoted(used)}: residuals are 0, so there is nothing to test "
        "by. Is the response, or a copy of it, among its own covariates? Drop that term."
    )


def check_response(design: Design, formula: str, model: str) -> None:
    """Refuse a response that a model cannot have."""
    y = design.y[design.mask]
    if model == "logit" and not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(
            f"model='logit' needs ties present or absent: write 'tie ~ ...' instead of {formula!r}."
        )


def two_modes(
    net: PeerNetwork, column: str | None
) -> tuple[NDArray[np.bool_] | None, NDArray[np.intp] | None]:
    """Return the cells from one kind of people to the other, and everybody's kind."""
    if column is None:
        return None, None
    codes, names = net.codes(column)
    if len(names) != 2 or (codes < 0).any():
        missing = int((codes < 0).sum())
        raise DataError(
            f"two_mode: {column!r} has {len(names)} values and {missing} missing; it needs two, and none missing."
        )
    wrong = int((codes[net.teacher] == codes[net.learner]).sum())
    sides = np.unique(codes[net.teacher])
    if wrong or len(sides) != 1:
        raise DataError(
            f"two_mode: ties must run from one value of {column!r} to the other, but {wrong} of {net.n_ties} stay "
            f"within one and {len(sides)} of the two teach. Keep one direction with where(...), or omit two_mode."
        )
    teaches = codes == sides[0]
    return teaches[:, None] & ~teaches[None, :], codes
