"""Rewired ties: everybody teaches as many and learns from as many people as before, whom is chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peernet._check import count
from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.errors import DataError
from peernet.nulls._chain import chain_steps
from peernet.nulls._labels import strata_codes

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["BURN_IN", "THIN", "advance", "deal_weights", "draw_rewired", "pace", "rewire"]

BURN_IN = 40  # steps for each tie before the first draw
THIN = 10  # steps for each tie between draws of one chain
_COMPILED_FROM = 30_000  # steps in one call from which numba's start-up is worth paying
_CHUNK = 1 << 20


def pace(n: int, m: int) -> int:
    """Return how many times more steps a dense graph needs: one over the share of pairs that are not tied.

    Most swaps in a dense graph would make a double tie and are rejected, so a chain of fixed length would hardly move.
    Below half of all pairs the answer is 1.
    """
    pairs = n * (n - 1)
    return pairs // (pairs - m) if 0 < m < pairs else 1


def _words(n_steps: int, stream: np.random.Generator) -> NDArray[np.uint32]:
    """Draw the random numbers of some steps."""
    return stream.integers(0, 2**32, size=(n_steps, 2), dtype=np.uint32)


def advance(
    ptr: NDArray[np.int64],
    teacher: NDArray[np.int32],
    learner: NDArray[np.int32],
    n_steps: int,
    stream: np.random.Generator,
    *,
    strata: NDArray[np.int64],
    compiled: bool,
) -> int:
    """Take ``n_steps`` steps of the chain on ``learner`` in place; the number of moves accepted."""
    step = chain_steps
    if compiled:
        from peernet.nulls import _kernels

        step = _kernels.rewire_steps
    accepted = 0
    for begin in range(0, n_steps, _CHUNK):
        accepted += step(ptr, teacher, learner, strata, _words(min(_CHUNK, n_steps - begin), stream))
    return accepted


def deal_weights(
    teacher: NDArray[np.int32], weight: NDArray[np.float64], stream: np.random.Generator
) -> NDArray[np.float64]:
    """Deal each teacher's weights over that teacher's ties at random; ``teacher`` is sorted."""
    order = np.lexsort((stream.random(len(weight)), teacher))
    return weight[order]


def _start(net: PeerNetwork) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return row pointers, teachers and a copy of the learners that the chain may change."""
    return net.adjacency.indptr.astype(np.int64), np.array(net.teacher), np.array(net.learner)


def draw_rewired(
    net: PeerNetwork,
    *,
    n_draws: int,
    strata: ArrayLike | None = None,
    n_steps: int | None = None,
    thin: int | None = None,
    rng: RNGLike | SeedLike | None = None,
) -> NDArray[np.int32]:
    """Learners of many rewired networks, one a row, aligned with ``net.teacher``.

    Parameters
    ----------
    net : PeerNetwork
        The network to rewire.
    n_draws : int
        Draws, all from one chain.
    strata : array_like of int, shape (n_people,), optional
        Keep the number of ties from each stratum to each other one as well.
    n_steps : int, optional
        Steps before the first draw; 40 for each tie by default, more where most pairs are tied.
    thin : int, optional
        Steps between draws; 10 for each tie by default, more where most pairs are tied. Draws of one chain are not
        independent: on graphs of four or five people neighbours still share up to a sixth of their deviation.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    numpy.ndarray of int32, shape (n_draws, n_ties)
        ``out[d, e]`` = row of the person whom ``net.teacher[e]`` teaches in draw d. The order of one teacher's
        learners means nothing.
    """
    rng = as_rng(rng)
    size = count("n_draws", n_draws, 0)
    ptr, teacher, learner = _start(net)
    m = len(learner)
    more = pace(net.n_people, m)
    first = count("n_steps", BURN_IN * m * more if n_steps is None else n_steps, 0)
    blocks = np.zeros(net.n_people, dtype=np.int64) if strata is None else np.asarray(strata, dtype=np.int64)
    between = count("thin", THIN * m * more if thin is None else thin, 0)
    out = np.empty((size, m), dtype=np.int32)
    compiled = first + between * size >= _COMPILED_FROM
    for draw in range(size):
        if m:
            steps = first if draw == 0 else between
            advance(ptr, teacher, learner, steps, rng, strata=blocks, compiled=compiled)
        out[draw] = learner
    return out


def rewire(
    net: PeerNetwork,
    *,
    within: str | Sequence[str] | None = None,
    n_steps: int | None = None,
    rng: RNGLike | SeedLike | None = None,
) -> PeerNetwork:
    r"""The same people, each teaching as many and learning from as many others as before, the partners dealt anew.

    A Markov chain over all simple directed graphs with these degrees. A step tries, with probability 3/4, to swap the
    learners of two ties drawn at random, :math:`a \to b, c \to d` into :math:`a \to d, c \to b`, else to reverse a
    directed 3-cycle found by a random walk. A move that would make a self-tie or a double tie leaves the graph as it
    is and counts as a step. Every move is as likely as its reverse and the two kinds connect all graphs, so the chain
    is uniform in the limit; with swaps alone a directed 3-cycle would be stuck for ever. Both were checked exactly on
    every graph of four and of five people (docs/validation/silos.md).

    Weights: a teacher's weights are dealt at random over the teacher's new ties, so each person's summed teaching is
    kept; what a person learns is kept as a number of ties, not as a sum of weights. Other columns of ``ties`` (time,
    topic) belong to ties that no longer exist and are dropped.

    Parameters
    ----------
    net : PeerNetwork
        The network.
    within : str or list of str, optional
        Columns of people: keep the number of ties from each stratum to each other one as well. The chain is then
        uniform over the networks that such moves reach from the one given, which need not be all there are.
    n_steps : int, optional
        Steps of the chain, rejected moves included; 40 for each tie by default, more where most pairs are tied.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    PeerNetwork
        A new network with the same in- and out-degrees.

    References
    ----------
    .. [1] Rao, A. R., Jana, R. & Bandyopadhyay, S. (1996). A Markov chain Monte Carlo method for generating random
       (0,1)-matrices with given marginals. Sankhya A 58, 225-242.
    .. [2] Artzy-Randrup, Y. & Stone, L. (2005). Generating uniformly distributed random networks. Physical Review E
       72, 056708. doi:10.1103/PhysRevE.72.056708
    """
    rng = as_rng(rng)
    strata = None if within is None else strata_codes(net, within)
    learner = draw_rewired(net, n_draws=1, strata=strata, n_steps=n_steps, rng=rng)[0]
    return network_with(net, np.array(net.teacher), learner, deal_weights(net.teacher, net.weight, rng))


def network_with(
    net: PeerNetwork, teacher: NDArray[np.int32], learner: NDArray[np.int32], weight: NDArray[np.float64]
) -> PeerNetwork:
    """Return a network with the same people and other ties."""
    from scipy.sparse import coo_array

    from peernet._convert import sorted_csr
    from peernet.network import PeerNetwork

    matrix = sorted_csr(coo_array((weight, (teacher, learner)), shape=(net.n_people, net.n_people)).tocsr())
    if matrix.nnz != len(weight):
        raise DataError("the rewired ties hold a pair twice; the network they came from was not simple.")
    facts = {"rows_given": len(weight), "dropped": dict(net.provenance.get("dropped", {}))}
    return PeerNetwork._from_matrix(
        net.people,
        matrix,
        facts,
        observed=net.observed,
        respondent_is=net.respondent_is,
        permissions=net.permissions,
    )
