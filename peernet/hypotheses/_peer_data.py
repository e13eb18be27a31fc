"""People's outcomes, regressors and peers as arrays for models of network autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column, quoted
from peernet.errors import DataError
from peernet.hypotheses._formula import INTERCEPT, Formula

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["NO_PEERS", "Data", "full_rank", "prepare"]

Floats = NDArray[np.float64]
NO_PEERS = "no peers"


@dataclass(frozen=True, eq=False)
class Data:
    """Outcome, regressors, weights and (lagged) peers' earlier outcome of the people used.

    ``lost_ties`` run to people left out, ``alone`` marks people without any peer, ``empty`` are levels that nobody of
    the people used has.
    """

    y: Floats
    x: Floats
    names: tuple[str, ...]
    w: Floats
    peers_before: Floats | None
    left_out: dict[str, int]
    lost_ties: int = 0
    alone: NDArray[np.bool_] | None = None
    empty: tuple[str, ...] = ()

    @property
    def wy(self) -> Floats:
        """Outcome of the peers."""
        return self.w @ self.y


def _columns(people: pd.DataFrame, name: str) -> list[tuple[str, Floats]]:
    """Return a column as numbers (times as days), or one indicator a level; NaN = missing.

    Raises
    ------
    DataError
        For words of which (nearly) everybody has their own.
    """
    values = column(people, name)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = (values - values.min()) / pd.Timedelta(days=1)
    elif not pd.api.types.is_numeric_dtype(values.dtype):
        values = values.infer_objects()
    if pd.api.types.is_numeric_dtype(values.dtype):
        return [(name, values.to_numpy(dtype=np.float64, na_value=np.nan))]
    codes, levels = pd.factorize(values, sort=True)
    if not len(levels):
        raise DataError(f"formula: {name} is missing for everybody. Drop it.")
    if len(levels) > 2 and len(levels) > (codes >= 0).sum() / 2:
        raise DataError(
            f"formula: {name} is read as words ({quoted(levels)}), {len(levels)} different ones for "
            f"{(codes >= 0).sum()} people. If they are numbers or times, make them so with with_people(...)."
        )
    return [(f"{name}={v}", np.where(codes < 0, np.nan, codes == k)) for k, v in enumerate(levels)]


def _ties_to_peers(net: PeerNetwork, influence: str, weighted: bool) -> Floats:
    """Return the weights of ties to peers: row = the person, columns = the peers."""
    a: Floats = net.adjacency.toarray().astype(np.float64)
    if not weighted:
        a = (a > 0).astype(np.float64)
    return {"teachers": a.T, "learners": a, "both": a + a.T}[influence].copy()


def _scaled(ties: Floats, normalise: str) -> Floats:
    """Return rows that sum to 1 (or 0 where there are no peers), or the ties as they are."""
    if normalise == "none":
        return ties
    total = ties.sum(axis=1, keepdims=True)
    out: Floats = np.divide(ties, total, out=np.zeros_like(ties), where=total > 0)
    return out


def _with_known_peers(ties: Floats, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Take out, by turns, people who have peers but none among those kept: their peers' outcome is unknown."""
    some = (ties > 0).any(axis=1)
    while True:
        left = keep & ~(some & ~(ties[:, keep] > 0).any(axis=1))
        if left.sum() == keep.sum():
            return left
        keep = left


def _known_average(ties: Floats, values: Floats, normalise: str) -> Floats:
    """Return the average (sum) over peers whose value is known; NaN for people who have peers but none such."""
    known = np.isfinite(values)
    out: Floats = _scaled(ties * known, normalise) @ np.where(known, values, 0.0)
    out[(ties > 0).any(axis=1) & ~(ties[:, known] > 0).any(axis=1)] = np.nan
    return out


def prepare(
    net: PeerNetwork,
    model: Formula,
    *,
    influence: str,
    normalise: str,
    weighted: bool,
    lag: str | None,
    compat: str | None = None,
) -> Data:
    """Turn a formula over people into arrays, leaving out people about whom something is unknown.

    Raises
    ------
    DataError
        For missing columns, too few people, no ties, constant or collinear terms.
    """
    people = net.people
    y = _outcome(people, model.response, "the outcome")
    before = None if lag is None else _outcome(people, lag, "lag")
    own, peer, worded = _terms(people, model)
    ties = _ties_to_peers(net, influence, weighted)
    silent = (net.observed != "answered").to_numpy() & (net.respondent_is is not None)
    values = [y, *(v for _, v in own)]
    averages = [v for _, v in peer]
    if before is None:
        values += averages
    else:
        # Earlier outcomes of peers who did not answer now are as good as others.
        averages = [_known_average(ties, v, normalise) for v in [*averages, before]]
        values += [before, *averages]
    known = np.isfinite(np.column_stack(values)).all(axis=1)
    keep = known & ~silent
    if before is None:
        keep = _with_known_peers(ties, keep)
    left_out = {
        "people who did not answer": int(silent.sum()),
        "people with missing values": int((~known & ~silent).sum()),
        "people all of whose peers are left out": int((known & ~silent & ~keep).sum()),
    }
    dropped, empty = _held_against(own + peer, worded, keep)
    w = _scaled(ties[np.ix_(keep, keep)], normalise)
    lost = int((ties[np.ix_(keep, ~keep)] > 0).sum()) if before is None else 0
    parts = [(INTERCEPT, np.ones(int(keep.sum())))] if model.intercept else []
    parts += [(n, v[keep]) for n, v in own]
    means = [w @ v[keep] for v in averages] if before is None else [v[keep] for v in averages]
    parts += [(n, v) for (n, _), v in zip(peer, means, strict=False)]
    parts = [(n, v) for n, v in parts if n not in dropped]
    if before is not None and str(lag) not in [n for n, _ in own]:
        parts.append((str(lag), before[keep]))
    x = np.column_stack([v for _, v in parts]) if parts else np.empty((int(keep.sum()), 0))
    alone: NDArray[np.bool_] = (ties[keep] > 0).sum(axis=1) == 0
    constant: Floats = alone[:, None].astype(np.float64)
    data = Data(
        y[keep],
        x,
        tuple(n for n, _ in parts),
        w,
        None if before is None else means[-1],
        left_out,
        lost,
        alone,
        empty,
    )
    _refuse(data, model)
    origin = normalise == "row" and model.intercept and compat is None
    if origin and alone.any() and full_rank(x, constant).shape[1]:
        data = replace(data, x=np.column_stack([x, constant]), names=(*data.names, NO_PEERS))
    return data


def _held_against(
    terms: list[tuple[str, Floats]], worded: list[list[str]], keep: NDArray[np.bool_]
) -> tuple[set[str], tuple[str, ...]]:
    """Return the levels to leave out, of each column of words those that nobody has and the first of the others."""
    some = {n: bool((v[keep] == 1).any()) for n, v in terms}
    dropped: set[str] = set()
    empty: list[str] = []
    for levels in worded:
        there = [n for n in levels if some[n]]
        gone = [n for n in levels if not some[n]] if len(there) > 1 else []
        dropped |= {*gone, (there or levels)[0]}
        empty += gone
    return dropped, tuple(empty)


def _outcome(people: pd.DataFrame, name: str, what: str) -> Floats:
    """Return a column that has to be made of numbers."""
    values = column(people, name)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        raise DataError(f"formula: {what} {name!r} is not made of numbers. Make it so with with_people(...).")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _terms(
    people: pd.DataFrame, model: Formula
) -> tuple[list[tuple[str, Floats]], list[tuple[str, Floats]], list[list[str]]]:
    """Return own columns, those of which peers' average is to be taken, and the names of each column of words."""
    own: list[tuple[str, Floats]] = []
    peer: list[tuple[str, Floats]] = []
    worded: list[list[str]] = []
    for product in model.products:
        if len(product) > 1:
            raise ValueError(
                "formula: products are not taken here; add the product as a column with with_people(...)."
            )
        found = _columns(people, product[0].argument)
        if product[0].verb == "peers":
            if product[0].argument == model.response:
                raise DataError(
                    f"formula: peers({model.response}) is in the model already: rho is its coefficient."
                )
            peer += [(f"peers({n})", v) for n, v in found]
            found = peer[-len(found) :]
        else:
            own += found
        if found[0][0] not in (product[0].argument, f"peers({product[0].argument})"):
            worded.append([n for n, _ in found])
    return own, peer, worded


def _refuse(data: Data, model: Formula) -> None:
    """Refuse what cannot be estimated."""
    n, k = data.x.shape
    if n < k + 3:
        raise DataError(
            f"formula: {n} people have every value known, too few for {k + 2} parameters {data.left_out}."
        )
    if not data.w.any():
        raise DataError(
            "fit_peer_effects: nobody of the people used has a peer. Check the ties and who is left out."
        )
    if np.ptp(data.y) == 0:
        raise DataError(f"formula: {model.response} is {data.y[0]:g} for all {n} people used.")
    for at, name in enumerate(data.names):
        if name != INTERCEPT and np.ptp(data.x[:, at]) == 0:
            raise DataError(f"formula: {name} is the same for all {n} people used. Drop it.")
    scale = np.sqrt((data.x**2).mean(axis=0))
    r = np.abs(np.diagonal(np.linalg.qr(data.x / scale, mode="r"))) / np.sqrt(n)
    if (r < 1e-9).any():
        names = [data.names[i] for i in np.flatnonzero(r < 1e-9)]
        raise DataError(
            f"formula: {quoted(names)} follows exactly from the terms before it. Drop one of them."
        )
    beta = np.linalg.lstsq(data.x / scale, data.y, rcond=None)[0]
    if float(((data.y - data.x / scale @ beta) ** 2).mean()) <= max(
        1e-18 * data.y.var(), 1e-28 * (data.y**2).mean()
    ):
        top = float(np.abs(beta).max(initial=0.0))
        used = [n for n, b in zip(data.names, beta, strict=True) if n != INTERCEPT and abs(b) > 1e-7 * top]
        raise DataError(
            f"formula: {model.response} follows exactly from {quoted(used)}: residuals are 0, so nothing is left for "
            "peers to explain. Is the outcome, or a copy of it, among its own covariates? Drop that term."
        )


def full_rank(x: Floats, extra: Floats) -> Floats:
    """Return the columns of ``extra`` that add something to ``x``."""
    kept: list[Floats] = []
    base = np.linalg.qr(x)[0] if x.shape[1] else np.empty((len(extra), 0))
    for c in extra.T:
        rest = c - base @ (base.T @ c)
        rest = rest - base @ (base.T @ rest)
        if np.linalg.norm(rest) > 1e-8 * (np.linalg.norm(c) + 1e-300):
            kept.append(c)
            base = np.column_stack([base, rest / np.linalg.norm(rest)])
    return np.column_stack(kept) if kept else np.empty((len(extra), 0))
