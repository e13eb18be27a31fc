"""Betweenness: on how many shortest ways from one person to another somebody stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import track
from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.privacy.permissions import require
from peernet.silos._common import collapse, scaled, shown
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["betweenness", "betweenness_sample"]

Distance = Literal["hops", "inverse", "negative_log"]


def _rows(
    net: PeerNetwork, distance: str, directed: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return sparse rows and lengths (None: every tie is one step)."""
    from peernet._graph import rows_of

    literal("distance", distance, ("hops", "inverse", "negative_log"))
    a, b, w = np.asarray(net.teacher), np.asarray(net.learner), scaled(net.weight, True)
    if not directed:
        i, j, w = collapse(net.n_people, a, b, w, weighted=True)
        a, b, w = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([w, w])
        w = w / w.max() if len(w) else w
    ptr, idx, w = rows_of(net.n_people, a.astype(np.int32), b.astype(np.int32), w)
    if distance == "hops":
        return ptr, idx, None
    return ptr, idx, 1 / w if distance == "inverse" else 1 - np.log(w)


def _sums(
    ptr: Any, idx: Any, length: Any, pivots: NDArray[np.int64], n_jobs: int, progress: bool
) -> NDArray[Any]:
    """Add up dependencies over pivots."""
    from peernet.silos import _kernels

    parts = [pivots[s : s + 256] for s in range(0, len(pivots), 256)]
    shown = track(parts, total=len(parts), progress=progress, desc="starting points")
    call: Any = _kernels.brandes if length is None else _kernels.brandes_lengths
    extra = () if length is None else (length,)
    if n_jobs == 1:
        found = [call(ptr, idx, *extra, part) for part in shown]
    else:
        from joblib import Parallel, delayed

        found = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(call)(ptr, idx, *extra, part) for part in shown
        )
    total: NDArray[Any] = np.sum(found, axis=0) if len(pivots) else np.zeros((2, len(ptr) - 1))
    return total


def betweenness(
    net: PeerNetwork,
    *,
    distance: Distance = "hops",
    directed: bool = True,
    normalised: bool = False,
    min_response: float | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> pd.Series[Any]:
    r"""On how many of the shortest ways between two others each person stands.

    .. math:: b_v = \sum_{s \ne v \ne t} \sigma_{st}(v) / \sigma_{st}

    with :math:`\sigma_{st}` the shortest paths from s to t and :math:`\sigma_{st}(v)` those through v. Weights are
    strengths, so a distance has to be chosen: a strong tie is short.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. Reversing all ties changes nothing.
    distance : {"hops", "inverse", "negative_log"}
        Length of a tie: 1, the largest weight over its weight, or 1 + ln of that.
    directed : bool
        False: pairs of people, weights of both directions added; each unordered pair s, t counts once.
    normalised : bool
        Divide by the number of pairs of others.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    n_jobs : int
        Threads.
    progress : bool
        Show a bar.

    Returns
    -------
    pandas.Series, shape (n_people,)
        From 0; people without ties stand between nobody and have 0. NaN for people who did not report their ties (ways
        through them are unknown; ``attrs["people_unknown"]``) and for objectors. Cost grows as people times ties: above
        some 20,000 people use :func:`betweenness_sample`.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Freeman, L. C. (1977). A set of measures of centrality based on betweenness. Sociometry 40(1), 35-41.
       doi:10.2307/3033543
    .. [2] Brandes, U. (2008). On variants of shortest-path betweenness centrality. Social Networks 30(2), 136-145.
       doi:10.1016/j.socnet.2007.11.001
    """
    require(net, "person_level", function="silos.betweenness")
    require_response(net, "betweenness", min_response)
    ptr, idx, length = _rows(net, distance, directed)
    n = net.n_people
    value = _sums(ptr, idx, length, np.arange(n, dtype=np.int64), n_jobs, progress)[0] / (
        1 if directed else 2
    )
    if normalised:
        pairs = (n - 1) * (n - 2) / (1 if directed else 2)
        value = value / pairs if pairs else np.full(n, np.nan)
    return shown(net, pd.Series(value, index=net.ids, name="betweenness"))


def betweenness_sample(
    net: PeerNetwork,
    *,
    n_pivots: int = 500,
    distance: Distance = "hops",
    directed: bool = True,
    min_response: float | None = None,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    r"""Betweenness estimated from the ways that start at some people drawn at random, with its error.

    The dependency of n_pivots starting points, drawn without replacement, times n / n_pivots: unbiased. The standard
    error is that of a mean with finite population correction; ``error_bound`` holds for all people at once with
    probability ``level``, whatever the network (Hoeffding and the union bound): a dependency lies in [0, n - 2].

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    n_pivots : int
        Starting points; with as many as there are people the answer is exact.
    distance : {"hops", "inverse", "negative_log"}
        Length of a tie, as in :func:`betweenness`.
    directed : bool
        False: pairs of people.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    level : float
        Probability with which the bound holds.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads.
    progress : bool
        Show a bar.

    Returns
    -------
    pandas.DataFrame, shape (n_people, 3)
        ``betweenness``; ``std_error`` of each person, too small where few starting points are drawn (1.96 of them held
        73 to 88 % in a network of 40); ``error_bound``, which holds for everybody at once with probability ``level``.
        NaN for people who did not report their ties, and for objectors.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Brandes, U. & Pich, C. (2007). Centrality estimation in large networks. International Journal of Bifurcation
       and Chaos 17(7), 2303-2318. doi:10.1142/S0218127407018403
    """
    require(net, "person_level", function="silos.betweenness_sample")
    require_response(net, "betweenness_sample", min_response)
    rng = as_rng(rng)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    n = net.n_people
    k = min(count("n_pivots", n_pivots, 1), n)
    ptr, idx, length = _rows(net, distance, directed)
    pivots = np.sort(rng.choice(n, size=k, replace=False)).astype(np.int64) if n else np.empty(0, np.int64)
    if not n:
        return pd.DataFrame(columns=["betweenness", "std_error", "error_bound"], index=net.ids, dtype=float)
    sums = _sums(ptr, idx, length, pivots, n_jobs, progress)
    half = 1 if directed else 2
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(sums[1] - sums[0] ** 2 / k, 0) / (k - 1) if k > 1 else np.full(n, np.nan)
        error = n * np.sqrt(variance / k * (1 - k / n)) / half
    bound = (
        0.0 if k == n or not n else n * max(n - 2, 0) * np.sqrt(np.log(2 * n / (1 - level)) / (2 * k)) / half
    )
    columns = {"betweenness": sums[0] * n / max(k, 1) / half, "std_error": error if k < n else np.zeros(n)}
    return shown(net, pd.DataFrame(columns | {"error_bound": np.full(n, bound)}, index=net.ids))
