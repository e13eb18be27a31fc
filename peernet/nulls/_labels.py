"""Shuffled labels: who is in which group is chance, who teaches whom is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import count
from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "LANES",
    "Segments",
    "draw_labels",
    "label_strata",
    "label_words",
    "lanes",
    "reporting",
    "segments",
    "shuffle_labels",
    "strata_codes",
    "without_stratum",
]

LANES = 64
_COMPILED_FROM = 2e7  # shuffled labels in one call from which numba's start-up is worth paying


class Segments:
    """People in order of stratum, so that a shuffle runs inside slices.

    Attributes
    ----------
    order : numpy.ndarray of int
        Row of the person at each position.
    rank : numpy.ndarray of int
        Position of each person: the inverse of ``order``.
    starts : numpy.ndarray of int64, shape (n_strata + 1,)
        First position of each stratum, and the end.
    """

    def __init__(self, strata: NDArray[Any]) -> None:
        self.order = np.argsort(strata, kind="stable")
        self.rank = np.empty_like(self.order)
        self.rank[self.order] = np.arange(len(strata))
        in_order = strata[self.order]
        cuts = np.flatnonzero(np.diff(in_order)) + 1 if len(strata) else np.empty(0, dtype=np.int64)
        self.starts = np.concatenate([[0], cuts, [len(strata)]]).astype(np.int64)


def strata_codes(net: PeerNetwork, within: str | Sequence[str] | None) -> NDArray[np.int64]:
    """Return the stratum of each person as a number; people whose stratum is missing are a stratum of their own."""
    n = net.n_people
    if within is None:
        return np.zeros(n, dtype=np.int64)
    columns = [within] if isinstance(within, str) else list(within)
    if not columns:
        raise ValueError("within is an empty list; pass None, a column of people, or a list of them.")
    frame = pd.DataFrame({str(k): net.column(name).to_numpy() for k, name in enumerate(columns)})
    missing = frame.isna().any(axis=1).to_numpy()
    codes: NDArray[np.int64] = np.array(frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup())
    if missing.any():
        codes[missing] = codes.max() + 1 + np.arange(missing.sum())
    return codes


def without_stratum(net: PeerNetwork, within: str | Sequence[str] | None) -> int:
    """Count people whose stratum is missing: their labels never move."""
    if within is None:
        return 0
    columns = [within] if isinstance(within, str) else list(within)
    return int(np.any([net.column(name).isna().to_numpy() for name in columns], axis=0).sum())


def reporting(net: PeerNetwork) -> NDArray[np.int64]:
    """Whose reports are in the network: 0 = reported, 1 = did not, 2 = objected (nothing about them is in it)."""
    # Compared as a column: a million texts are slow as objects.
    status = net.observed
    told = np.zeros(len(status), dtype=np.int64)
    if net.respondent_is is not None:
        told[(status != "answered").to_numpy(dtype=bool)] = 1
    told[(status == "objected").to_numpy(dtype=bool)] = 2
    return told


def label_strata(net: PeerNetwork, within: str | Sequence[str] | None) -> NDArray[np.int64]:
    """Strata inside which labels may be dealt out: those of ``within``, and people who reported apart from others.

    Ties that silent people would have reported are unknown, not absent. If labels moved between people who reported
    and people who did not, silence that is concentrated in one group would look like a silo.
    """
    codes, told = strata_codes(net, within), reporting(net)
    if not told.any():
        return codes
    both: NDArray[np.int64] = np.unique(codes * 3 + told, return_inverse=True)[1].astype(np.int64)
    return both


def label_words(net: PeerNetwork) -> str:
    """What to add to the name of a null that shuffles labels: "" where everybody reported."""
    return (
        " among those who reported and among those who did not" if len(np.unique(reporting(net))) > 1 else ""
    )


def segments(strata: NDArray[Any]) -> Segments:
    """Order people by stratum."""
    return Segments(np.asarray(strata))


def _bits(stream: np.random.Generator) -> np.random.SFC64:
    """Make the small fast generator that both paths share."""
    return np.random.SFC64(np.random.SeedSequence([int(x) for x in stream.integers(0, 2**32, size=4)]))


def lanes(
    labels: NDArray[Any], parts: Segments, size: int, stream: np.random.Generator, *, compiled: bool
) -> NDArray[Any]:
    """Draw ``size`` shuffles side by side: out[position, lane], positions as in ``parts.order``.

    Both paths read the same random words, so they give the same labels. Each swap picks one of k positions with
    probability within 2**-32 of 1/k.
    """
    bits = _bits(stream)
    in_order = np.ascontiguousarray(labels[parts.order])
    out = np.empty((len(labels), size), dtype=labels.dtype)
    if compiled:
        from peernet.nulls import _kernels

        state = np.array(bits.state["state"]["state"], dtype=np.uint64)
        _kernels.shuffle_lanes(in_order, parts.starts, state, out)
        return out
    where = [
        (low, i)
        for low, high in zip(parts.starts[:-1], parts.starts[1:], strict=True)
        for i in range(high - 1, low, -1)
    ]
    spans = np.maximum(np.diff(parts.starts) - 1, 0)
    n_words = (spans + 1) // 2
    words = bits.random_raw(size * int(n_words.sum())).reshape(size, -1)
    halves = np.stack([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)], axis=2).reshape(size, -1)
    odd = 2 * np.cumsum(n_words)[spans % 2 == 1] - 1
    halves = np.delete(halves, odd, axis=1)
    out[:] = in_order[:, None]
    column = np.arange(size)
    for k, (low, i) in enumerate(where):
        j = low + ((halves[:, k] * np.uint64(i - low + 1)) >> np.uint64(32)).astype(np.int64)
        held = out[i].copy()
        out[i] = out[j, column]
        out[j, column] = held
    return out


def draw_labels(
    labels: ArrayLike, n_draws: int, *, strata: ArrayLike | None = None, rng: RNGLike | SeedLike | None = None
) -> NDArray[Any]:
    """Shuffles of a label array, one a row, uniform over all orders that keep every stratum's labels in it.

    Parameters
    ----------
    labels : array_like, shape (n,)
        Labels, of any kind; a fixed number of each, whatever the draw.
    n_draws : int
        Draws.
    strata : array_like, shape (n,), optional
        Labels move only between positions of the same stratum.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    numpy.ndarray, shape (n_draws, n)
        Row d is draw d, in the order of ``labels``.

    Examples
    --------
    >>> draw_labels([0, 0, 1], 2, rng=1).sum(axis=1)
    array([1, 1])
    """
    rng = as_rng(rng)
    values = np.asarray(labels)
    size = count("n_draws", n_draws, 0)
    stratum = np.zeros(len(values), dtype=np.int64) if strata is None else pd.factorize(np.asarray(strata))[0]
    if len(stratum) != len(values):
        raise DataError(f"draw_labels: {len(stratum)} strata for {len(values)} labels.")
    index, names = pd.factorize(values, use_na_sentinel=False)
    parts = segments(stratum)
    drawn = lanes(index, parts, size, rng, compiled=size * len(values) >= _COMPILED_FROM)
    shuffled: NDArray[Any] = np.asarray(names)[drawn[parts.rank].T]
    return shuffled


def shuffle_labels(
    net: PeerNetwork,
    group: str,
    *,
    within: str | Sequence[str] | None = None,
    rng: RNGLike | SeedLike | None = None,
) -> PeerNetwork:
    """The same ties among people whose groups were dealt out again at random, group sizes kept.

    Uniform over all assignments of the labels to the people, or, with ``within``, over those that keep the labels of
    each stratum inside it (site, level ...): then only what the strata do not explain is left to chance. Where some
    people did not report their ties (``net.respondent_is``, ``net.observed``), labels move among those who reported and
    among those who did not: the ties that are unknown stay with the groups they are unknown of.

    Parameters
    ----------
    net : PeerNetwork
        The network; ties, weights and all other columns are kept.
    group : str
        Column of ``net.people`` to shuffle. People whose group is missing keep it missing.
    within : str or list of str, optional
        Columns whose joint values are the strata. People whose stratum is missing keep their label.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    PeerNetwork
        A new network.

    Raises
    ------
    DataError
        If a column is not in ``net.people``.
    """
    rng = as_rng(rng)
    values = net.column(group)
    known = np.flatnonzero(values.notna().to_numpy())
    parts = segments(label_strata(net, within)[known])
    moved = lanes(np.arange(len(known)), parts, 1, rng, compiled=False)[:, 0][parts.rank]
    taken = np.arange(len(values))
    taken[known] = known[moved]
    shuffled = values.iloc[taken].set_axis(values.index)
    return net.with_people(**{group: shuffled})
