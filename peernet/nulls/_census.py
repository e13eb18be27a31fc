"""Uniform over networks with as many mutual, one-way and empty pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from peernet._check import count
from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.nulls._rewire import network_with

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["draw_dyad_census", "dyad_census"]


def _mutual(net: PeerNetwork) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the tie numbers of mutual pairs (both directions, aligned) and of one-way ties."""
    n = net.n_people
    key = net.teacher.astype(np.int64) * n + net.learner
    back = net.learner.astype(np.int64) * n + net.teacher
    place = np.searchsorted(key, back)
    there = np.zeros(len(key), dtype=bool)
    inside = place < len(key)
    there[inside] = key[place[inside]] == back[inside]
    first = np.flatnonzero(there & (net.teacher < net.learner))
    return first, place[first], np.flatnonzero(~there)


def _pairs(index: NDArray[np.int64], n: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the pair i < j behind each number 0 .. n(n-1)/2 - 1, counted j by j."""
    j = np.floor((1 + np.sqrt(8.0 * index + 1)) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > index
    j += (j + 1) * j // 2 <= index
    i = index - j * (j - 1) // 2
    return i.astype(np.int32), j.astype(np.int32)


def _draw(
    n: int, n_mutual: int, n_one_way: int, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Draw (teacher, learner): mutual pairs, their reverses, then one-way ties."""
    total = n * (n - 1) // 2
    index = (
        rng.choice(total, size=n_mutual + n_one_way, replace=False, shuffle=True) if total else np.empty(0)
    )
    i, j = _pairs(np.asarray(index, dtype=np.int64), n)
    flip = rng.integers(0, 2, size=len(i)).astype(bool)
    a, b = np.where(flip, j, i), np.where(flip, i, j)
    teacher = np.concatenate([a[:n_mutual], b[:n_mutual], a[n_mutual:]])
    learner = np.concatenate([b[:n_mutual], a[:n_mutual], b[n_mutual:]])
    return teacher, learner


def draw_dyad_census(
    net: PeerNetwork, *, n_draws: int, rng: RNGLike | SeedLike | None = None
) -> NDArray[np.int32]:
    """Ends of many networks with the dyad census of ``net``.

    Parameters
    ----------
    net : PeerNetwork
        The network whose census is kept.
    n_draws : int
        Draws.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    numpy.ndarray of int32, shape (n_draws, 2, n_ties)
        ``out[d, 0]`` teach ``out[d, 1]``.
    """
    rng = as_rng(rng)
    first, _, one_way = _mutual(net)
    size = count("n_draws", n_draws, 0)
    out = np.empty((size, 2, net.n_ties), dtype=np.int32)
    for draw in range(size):
        out[draw, 0], out[draw, 1] = _draw(net.n_people, len(first), len(one_way), rng)
    return out


def dyad_census(net: PeerNetwork, *, rng: RNGLike | SeedLike | None = None) -> PeerNetwork:
    """A network drawn uniformly from all with as many mutual, one-way and empty pairs of people.

    Weights go with the ties: the two weights of a mutual pair stay together on some mutual pair, those of one-way
    ties are dealt over one-way ties. Other columns of ``ties`` (time, topic) are dropped.

    Parameters
    ----------
    net : PeerNetwork
        The network whose census is kept.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    PeerNetwork
        A new network over the same people.

    References
    ----------
    .. [1] Holland, P. W. & Leinhardt, S. (1976). Local structure in social networks. Sociological Methodology 7,
       1-45. doi:10.2307/270703
    """
    rng = as_rng(rng)
    first, back, one_way = _mutual(net)
    teacher, learner = _draw(net.n_people, len(first), len(one_way), rng)
    weight = net.weight[np.concatenate([first, back, one_way])] if net.n_ties else np.empty(0)
    return network_with(net, teacher, learner, weight)
