"""Formulas over pairs of people: ``tie ~ friendship + teacher(seniority) + same(office) + diff(age)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, quoted, suggest
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["Design", "Formula", "Term", "build", "known_cells", "parse", "term_matrix"]

COLUMN_VERBS = ("teacher", "learner", "same", "diff", "signed", "mix")
NETWORK_VERBS = ("tie", "weight", "reverse")
# Words of other packages and of people in a hurry: who is meant has to be said, not guessed.
_ROLES = ("teacher(x) is about the one who teaches (the row), learner(x) about the one who learns (the column). "
          "Say which is meant.")  # fmt: skip
FOREIGN = {
    **dict.fromkeys(("sender", "receiver", "ego", "alter", "source", "target", "sending", "receiving"), _ROLES),
    **dict.fromkeys(("nodeicov", "nodeocov", "nodeifactor", "nodeofactor", "nodecov", "nodefactor"), _ROLES),
    **dict.fromkeys(("nodematch", "match", "homophily"), "Write same(x)."),
    **dict.fromkeys(("absdiff", "distance", "difference"), "Write diff(x)."),
    **dict.fromkeys(("edgecov", "dyadcov"), "Write the name of the network alone, and give it in networks={...}."),
    **dict.fromkeys(("log", "sqrt", "exp", "scale", "I", "C", "factor"),
                    "Add the changed column first, net.with_people(new=...), and name it here."),
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>'[^']*'|\"[^\"]*\"|`[^`]*`)|(?P<name>[^\W\d][\w.]*)|(?P<other>[-+:*()01~]))"
)
INTERCEPT = "intercept"


@dataclass(frozen=True)
class Term:
    """One factor of a formula: a network by name, or a verb with what it is applied to."""

    verb: str
    argument: str

    @property
    def name(self) -> str:
        """The term as it is written in tables."""
        return self.argument if self.verb == "network" else f"{self.verb}({self.argument})"


@dataclass(frozen=True)
class Formula:
    """A parsed formula: response, products of terms, and whether there is an intercept."""

    response: str
    products: tuple[tuple[Term, ...], ...]
    intercept: bool


@dataclass(frozen=True, eq=False)
class Design:
    """Response and regressors as matrices over ordered pairs; rows teach, columns learn.

    ``x[0]`` is the constant where the model has one; ``mask`` marks the cells with every value known.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    names: tuple[str, ...]
    mask: NDArray[np.bool_]
    left_out: dict[str, int]
    intercept: bool

    @property
    def n_cells(self) -> int:
        """Ordered pairs used."""
        return int(self.mask.sum())

    def cells(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return y, shape (N,), and X, shape (N, K), over the cells used, row by row."""
        return self.y[self.mask], np.ascontiguousarray(self.x[:, self.mask].T)


# ---- words ----------------------------------------------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    """Cut a formula in names, quoted names and signs."""
    out: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"formula: cannot read {text[at:].strip()[:20]!r} in {text!r}.")
        out.append(found.group().strip())
        at = found.end()
    return out


class _Reader:
    """Recursive descent over the tokens of the right-hand side."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self.text, self.at = tokens, text, 0

    def peek(self) -> str:
        """Next token, or nothing."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        """Consume a token."""
        token = self.peek()
        if not token or (wanted and token != wanted):
            place = f"before {token!r}" if token else "at the end"
            raise ValueError(f"formula: expected {wanted or 'a term'!r} {place} in {self.text!r}.")
        self.at += 1
        return token

    def atom(self) -> Term:
        """Read a network name or a verb with its argument."""
        word = self.take()
        if word in "+-:*()~01":
            raise ValueError(f"formula: expected a term instead of {word!r} in {self.text!r}.")
        if self.peek() != "(":
            return Term("network", word.strip("'\"`"))
        self.take("(")
        argument = self.take()
        if argument in "+-:*()~" or self.peek() != ")":
            raise ValueError(
                f"formula: {word}(...) takes one name in {self.text!r}. Quote names with blanks; for a transformed "
                "column add it first, net.with_people(log_age=...)."
            )
        self.take(")")
        return Term(word, argument.strip("'\"`"))

    def product(self) -> list[tuple[Term, ...]]:
        """Read a:b (the product) or a*b (both and the product)."""
        found: list[tuple[Term, ...]] = [(self.atom(),)]
        while self.peek() in (":", "*"):
            sign, right = self.take(), self.atom()
            product = [(*left, right) for left in found]
            found = product if sign == ":" else [*found, (right,), *product]
        return found


def parse(text: str, *, verbs: tuple[str, ...] = (*COLUMN_VERBS, *NETWORK_VERBS)) -> Formula:
    """Read a formula.

    Raises
    ------
    ValueError
        For what cannot be read, unknown verbs and terms given twice.
    """
    if not isinstance(text, str):
        raise TypeError(f"formula must be text such as 'tie ~ friendship + same(office)'; got {text!r}.")
    left, sign, right = text.partition("~")
    if not sign or "~" in right:
        raise ValueError(f"formula: {text!r} needs one '~', for example 'tie ~ friendship + same(office)'.")
    reader = _Reader(_tokens(right), text)
    products: list[tuple[Term, ...]] = []
    intercept, positive = True, True
    while reader.peek() or not products:
        if reader.peek() in ("0", "1"):
            intercept = (reader.take() == "1") == positive
        elif not positive:
            raise ValueError(f"formula: only the intercept can be taken away (- 1) in {text!r}.")
        else:
            products += reader.product()
        if not reader.peek():
            break
        positive = reader.take() == "+"
        if reader.tokens[reader.at - 1] not in "+-" or not reader.peek():
            raise ValueError(f"formula: expected '+' between terms in {text!r}.")
    for term in (factor for product in products for factor in product):
        if term.verb in FOREIGN and term.verb not in verbs:
            raise ValueError(
                f"formula: {term.name}: {term.verb} is no word of formulas here. {FOREIGN[term.verb]}"
            )
        if term.verb not in (*verbs, "network"):
            literal(f"formula: the verb of {term.name}", term.verb, verbs)
    names = [":".join(t.name for t in p) for p in products]
    double = sorted({n for n in names if names.count(n) > 1})
    if double:
        raise ValueError(f"formula: {quoted(double)} stands twice in {text!r}.")
    return Formula(left.strip().strip("'\"`"), tuple(products), intercept)


# ---- matrices -------------------------------------------------------------------------------------------------------


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
    a silent learner, the row of a silent teacher.
    """
    known = ~np.eye(net.n_people, dtype=bool)
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
    """Return one indicator matrix for each level but the first (teacher, learner) or each pair of groups (mix)."""
    codes, names = net.codes(term.argument)
    n = net.n_people
    level = np.where(codes < 0, np.nan, codes.astype(np.float64))
    rows, columns = np.broadcast_to(level[:, None], (n, n)), np.broadcast_to(level[None, :], (n, n))
    out = []
    if term.verb == "mix":
        unknown = np.isnan(rows) | np.isnan(columns)
        for a, first in enumerate(names):
            for b, second in enumerate(names):
                hit = np.where(unknown, np.nan, (rows == a) & (columns == b))
                out.append((f"mix({term.argument}={first}, {second})", hit))
        return out[1:]
    side = rows if term.verb == "teacher" else columns
    for a, name in enumerate(names[1:], start=1):
        hit = np.where(np.isnan(side), np.nan, side == a)
        out.append((f"{term.verb}({term.argument}={name})", hit))
    return out


def term_matrix(
    net: PeerNetwork, term: Term, networks: Mapping[str, Any] | None = None
) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the columns that a term stands for, as (name, matrix); rows teach, columns learn, NaN = unknown.

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
        return _words(net, term)
    if term.verb in ("teacher", "learner"):
        side = number[:, None] if term.verb == "teacher" else number[None, :]
        return [(term.name, np.broadcast_to(side, (n, n)).copy())]
    gap = number[:, None] - number[None, :]
    return [(term.name, np.abs(gap) if term.verb == "diff" else gap)]


def _no_network(net: PeerNetwork, term: Term, given: Mapping[str, Any]) -> str:
    """Say which networks there are, and how to use a column if that was meant."""
    name = term.argument
    if term.verb == "network" and name in net.people.columns:
        return (
            f"formula: {name!r} is a column of people, and a pair has two of them. Write teacher({name}), "
            f"learner({name}), same({name}) or diff({name})."
        )
    if name in ("mutual", "edges"):
        return f"formula: {name} is a term of fit_ergm; here the constant stands for edges."
    known = ", ".join(map(repr, given)) or "none"
    return f"formula: no network is called {name!r}.{suggest(name, given)} networks holds: {known}."


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
    columns: list[tuple[str, NDArray[np.float64]]] = [(INTERCEPT, np.ones((n, n)))] if model.intercept else []
    for product in model.products:
        parts: list[tuple[str, NDArray[np.float64]]] = [("", np.ones((n, n)))]
        for term in product:
            new = term_matrix(net, term, networks)
            parts = [(f"{a}:{b}" if a else b, left * right) for a, left in parts for b, right in new]
        columns += parts
    off = ~np.eye(n, dtype=bool) if allowed is None else allowed & ~np.eye(n, dtype=bool)
    known = off & known_cells(net)
    x = np.stack([c for _, c in columns]) if columns else np.empty((0, n, n))
    finite = np.isfinite(x).all(axis=0) if len(x) else np.ones((n, n), dtype=bool)
    mask = known & finite
    left_out = {
        "answers unknown": int((off & ~known).sum()),
        "covariates unknown": int((known & ~finite).sum()),
    }
    design = Design(y, x, tuple(c for c, _ in columns), mask, left_out, model.intercept)
    _refuse(design)
    if not keep_unanswered:
        x[:, ~mask] = 0.0
    return Design(np.where(mask, y, 0.0), x, design.names, mask, left_out, model.intercept)


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
