"""Exact mean and standard deviation of every cell of a mixing table when group labels are shuffled within strata."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peernet.silos._moments import Sums, _ratio, _same_sums, mantel_moments, tie_sums

__all__ = ["cell_means", "cell_moments"]


def _counted(codes: NDArray[Any], strata: NDArray[Any], k: int) -> NDArray[np.float64]:
    """Return how many people of each stratum are in each group."""
    counts = np.zeros((int(strata.max()) + 1 if len(strata) else 1, k))
    np.add.at(counts, (strata, codes), 1.0)
    return counts


def cell_means(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    strata: NDArray[Any],
    k: int,
) -> NDArray[np.float64]:
    r"""Mean of every cell of the mixing table (rows teach) when labels are shuffled within strata.

    .. math:: x_{ab} = \sum_{st} m_{st} \frac{n_{sa} (n_{tb} - [s = t][a = b])}{n_s (n_t - [s = t])}

    with :math:`m_{st}` the ties from stratum s to t and :math:`n_{sa}` the people of s in group a. All people must have
    a group; strata are numbered from 0.
    """
    counts = _counted(codes, strata, k)
    n_strata, size = len(counts), counts.sum(axis=1)
    ties = np.bincount(strata[i] * n_strata + strata[j], w, n_strata**2).reshape(n_strata, n_strata)
    out = np.zeros((k, k))
    for s, t in zip(*np.nonzero(ties), strict=True):
        pairs = np.outer(counts[s], counts[t]) - (np.diag(counts[s]) if s == t else 0.0)
        out += ties[s, t] * pairs / (size[s] * (size[t] - (s == t)))
    return out


def cell_moments(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    strata: NDArray[Any],
    k: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Mean and SD of every cell of the mixing table (rows teach) when labels are shuffled within strata.

    Inside a stratum cell (a, b) is the Mantel statistic of the ties with the matrix that is 1 from a to b. A tie
    between strata s and t is :math:`(p_{sa} + d_{ia})(p_{tb} + d_{jb})` with p the share of a group in the stratum and
    d the rest: a constant, two terms that are linear in one stratum's shuffle and go with the Mantel statistic there,
    and a product that is uncorrelated with all else (see :func:`peernet.silos._moments.inside_moments`).

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (n,)
        Group of each person, no -1.
    i, j : numpy.ndarray of int
        Teacher and learner of each tie; ties are distinct.
    w : numpy.ndarray of float
        Weights, at most about 1.
    strata : numpy.ndarray of int, shape (n,)
        Stratum of each person, numbered from 0.
    k : int
        Groups.

    Returns
    -------
    tuple of numpy.ndarray, shape (k, k)
        Mean and standard deviation.
    """
    counts = _counted(codes, strata, k)
    mean = cell_means(codes, i, j, w, strata, k)
    variance = np.zeros((k, k))
    inner = strata[i] == strata[j]
    for s in range(len(counts)):
        people = np.flatnonzero(strata == s)
        if len(people) < 2:
            continue
        here = inner & (strata[i] == s)
        place = np.cumsum(strata == s) - 1
        ties = (place[i[here]], place[j[here]], w[here])
        # How often each person of s teaches, and learns from, people of other strata, by the groups expected there.
        out, into = np.zeros((len(people), k)), np.zeros((len(people), k))
        for person, other, side in ((i, j, out), (j, i, into)):
            away = ~inner & (strata[person] == s)
            share = counts[strata[other[away]]] / counts[strata[other[away]]].sum(axis=1, keepdims=True)
            np.add.at(side, place[person[away]], w[away][:, None] * share)
        variance += _stratum_variance(counts[s], ties, out, into)
    for s in range(len(counts)):
        for t in range(s + 1, len(counts)):
            variance += _between_variance(counts[s], counts[t], strata, (s, t), i, j, w)
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _stratum_variance(
    counts: NDArray[np.float64],
    ties: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]],
    out: NDArray[np.float64],
    into: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Variance of every cell's ties inside one stratum and of what its labels meet in other strata."""
    n, k = out.shape
    x = tie_sums(n, *ties)
    teaches, learns = np.bincount(ties[0], ties[2], n), np.bincount(ties[1], ties[2], n)
    linear = bool(out.any() or into.any())
    variance = np.zeros((k, k))
    for a in range(k):
        for b in range(k):
            p, q = float(counts[a]), float(counts[b])
            same = a == b
            y: Sums = _same_sums(np.array([p])) if same else (p * q, p * q, 0.0, p * q * q, q * p * p, 0.0)
            variance[a, b] = mantel_moments(x, y, n)[1]
            if not linear:
                continue
            score = np.zeros((n, k))
            score[:, a] += out[:, b]
            score[:, b] += into[:, a]
            across = score @ counts / n
            free = score - across[:, None] - score.mean(axis=0) + across.mean()
            # f of a tie's ends, plus that of everybody else, who are drawn from one label of a and one of b less
            ends = teaches @ free[:, a] + learns @ free[:, b]
            rest = _ratio(float((teaches + learns) @ (free[:, a] + free[:, b])), n - 2)
            together = p * (q - same) / (n * (n - 1)) * (ends + rest)
            variance[a, b] += float(np.sum(free**2 @ counts)) / (n - 1) + 2 * float(together)
    return variance


def _between_variance(
    here: NDArray[np.float64],
    there: NDArray[np.float64],
    strata: NDArray[Any],
    which: tuple[int, int],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Variance of the products of deviations of every cell between two strata, both directions of ties."""
    from scipy.sparse import csr_array

    s, t = which
    k, sizes = len(here), (here.sum(), there.sum())
    if min(sizes) < 2:
        return np.zeros((k, k))
    place = np.where(strata == s, np.cumsum(strata == s), np.cumsum(strata == t)) - 1
    shape = (int(sizes[0]), int(sizes[1]))
    go, back = (strata[i] == s) & (strata[j] == t), (strata[i] == t) & (strata[j] == s)
    forth = csr_array((w[go], (place[i[go]], place[j[go]])), shape=shape)
    home = csr_array((w[back], (place[j[back]], place[i[back]])), shape=shape)

    def centred(one: Any, two: Any) -> float:
        """Sum of products of two matrices centred by rows and columns."""
        rows = one.sum(axis=1) @ two.sum(axis=1) / shape[1]
        columns = one.sum(axis=0) @ two.sum(axis=0) / shape[0]
        return float(one.multiply(two).sum() - rows - columns + one.sum() * two.sum() / (shape[0] * shape[1]))

    factor = sizes[0] * sizes[1] / ((sizes[0] - 1) * (sizes[1] - 1))
    p, q = here / sizes[0], there / sizes[1]
    v, u = p * (1 - p), q * (1 - q)
    mixed = (np.diag(p) - np.outer(p, p)) * (np.diag(q) - np.outer(q, q))
    return np.asarray(
        factor
        * (
            centred(forth, forth) * np.outer(v, u)
            + centred(home, home) * np.outer(u, v)
            + 2 * centred(forth, home) * mixed
        )
    )
