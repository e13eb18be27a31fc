"""Burt's structural holes: whether a person's contacts know each other anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.privacy.permissions import require
from peernet.silos._common import scaled, shown
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["constraint", "effective_size", "efficiency", "hierarchy", "structural_holes"]

_COMPILED_FROM = 3e6  # two-paths from which numba's start-up is worth paying


def symmetric(
    net: PeerNetwork, *, directed: bool, weighted: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return row pointers, columns and values of w_ij = a_ij + a_ji (or 1 for each pair when not ``directed``)."""
    from peernet._graph import symmetrise

    matrix = net.adjacency
    values = scaled(net.weight, weighted)
    ptr, idx, w = symmetrise(matrix.indptr, matrix.indices, values)
    if not directed and not weighted:
        w = np.ones_like(w)
    return ptr, idx, w


def _burt(ptr: NDArray[Any], idx: NDArray[Any], w: NDArray[Any]) -> NDArray[np.float64]:
    """Return constraint, effective size, degree and hierarchy of each person, shape (n, 4)."""
    degree = np.diff(ptr)
    if float(np.sum(degree.astype(np.float64) ** 2)) >= _COMPILED_FROM:
        from peernet.silos import _kernels

        fast: NDArray[np.float64] = _kernels.burt(ptr, idx, w)
        return fast
    return _burt_sparse(ptr, idx, w)


def _burt_sparse(ptr: NDArray[Any], idx: NDArray[Any], w: NDArray[Any]) -> NDArray[np.float64]:
    """Return the same by sparse products."""
    from scipy.sparse import csr_array

    n = len(ptr) - 1
    degree = np.diff(ptr)
    row = np.repeat(np.arange(n), degree)
    strength = np.bincount(row, w, n)
    strongest = np.zeros(n)
    np.maximum.at(strongest, row, w)
    out = np.full((n, 4), np.nan)
    out[:, 2] = degree
    if not len(w):
        return out
    share = csr_array((w / strength[row], idx, ptr), shape=(n, n))
    marginal = csr_array((w / strongest[row], idx, ptr), shape=(n, n))
    linked = csr_array((np.ones(len(w)), idx, ptr), shape=(n, n))
    indirect = (share @ share).multiply(linked).tocsr()
    total = (share + indirect).tocsr()
    total.sort_indices()
    dyadic = total.data**2
    live = degree > 0
    summed = np.bincount(row, dyadic, n)
    out[live, 0] = summed[live]
    redundancy = (share @ marginal.T).multiply(linked).sum(axis=1)
    out[live, 1] = degree[live] - np.asarray(redundancy).ravel()[live]
    many = degree > 1
    ratio = dyadic * degree[row] / summed[row]
    entropy = np.bincount(row, ratio * np.log(ratio, out=np.zeros_like(ratio), where=ratio > 0), n)
    out[many, 3] = entropy[many] / (degree[many] * np.log(degree[many]))
    return out


def structural_holes(
    net: PeerNetwork, *, directed: bool = True, weighted: bool = False, min_response: float | None = None
) -> pd.DataFrame:
    r"""How far each person's contacts are in touch with each other anyway: all of Burt's measures in one pass.

    Ties of the two directions are added, :math:`w_{ij} = a_{ij} + a_{ji}`; with :math:`p_{ij} = w_{ij} / \sum_q
    w_{iq}` and :math:`m_{jq} = w_{jq} / \max_k w_{jk}`,

    .. math:: c_{ij} = \Big(p_{ij} + \sum_{q} p_{iq} p_{qj}\Big)^2, \quad C_i = \sum_j c_{ij}, \quad
       S_i = \sum_j \Big(1 - \sum_q p_{iq} m_{jq}\Big), \quad
       H_i = \frac{\sum_j r_j \ln r_j}{N_i \ln N_i},\; r_j = \frac{c_{ij}}{C_i / N_i}

    over the :math:`N_i` contacts j of i, q running over everybody but i and j.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    directed : bool
        True: a mutual tie is twice as strong as a one-way tie (as in igraph and networkx). False: all pairs count 1,
        and effective size is then :math:`N - 2t/N` with t ties among the contacts (Borgatti).
    weighted : bool
        Use weights. Only their ratios matter.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.DataFrame, shape (n_people, 4)
        ``constraint`` (from about 0, many holes; can exceed 1 where there are two or three contacts),
        ``effective_size`` (1 .. number of contacts), ``efficiency`` = effective size / number of contacts (0 .. 1],
        ``hierarchy`` (0 even .. 1 all constraint from one contact; NaN with fewer than two contacts). NaN for people
        without contacts: no evidence is not freedom; for people who did not report their ties (half of them are
        unknown), and for objectors. The ties of the others are taken as reported.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Burt, R. S. (1992). Structural Holes. Harvard University Press.
    .. [2] Borgatti, S. P. (1997). Structural holes: unpacking Burt's redundancy measures. Connections 20(1), 35-38.
    """
    require(net, "person_level", function="silos.structural_holes")
    require_response(net, "structural_holes", min_response)
    return holes_of(net, directed=directed, weighted=weighted)


def holes_of(net: PeerNetwork, *, directed: bool, weighted: bool) -> pd.DataFrame:
    """Return the table of :func:`structural_holes` without asking what the study allows."""
    found = _burt(*symmetric(net, directed=directed, weighted=weighted))
    with np.errstate(divide="ignore", invalid="ignore"):
        efficiency_ = found[:, 1] / found[:, 2]
    columns = {"constraint": found[:, 0], "effective_size": found[:, 1], "efficiency": efficiency_}
    return shown(net, pd.DataFrame(columns | {"hierarchy": found[:, 3]}, index=net.ids))


def constraint(
    net: PeerNetwork, *, directed: bool = True, weighted: bool = False, min_response: float | None = None
) -> pd.Series[Any]:
    """Each person's constraint: high where all contacts are in touch with each other, low where there are holes.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; both directions are added.
    directed : bool
        True: a mutual tie is twice as strong as a one-way tie. False: every pair counts 1.
    weighted : bool
        Use weights.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        See :func:`structural_holes` for the formula. NaN for people without contacts.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Burt, R. S. (1992). Structural Holes. Harvard University Press.
    """
    require(net, "person_level", function="silos.constraint")
    require_response(net, "constraint", min_response)
    return holes_of(net, directed=directed, weighted=weighted)["constraint"]


def effective_size(
    net: PeerNetwork, *, directed: bool = True, weighted: bool = False, min_response: float | None = None
) -> pd.Series[Any]:
    """Each person's number of contacts, less what is redundant because they are in touch with each other.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; both directions are added.
    directed : bool
        True: a mutual tie is twice as strong as a one-way tie. False: every pair counts 1 (Borgatti's n - 2t/n).
    weighted : bool
        Use weights.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In contacts; see :func:`structural_holes`. NaN for people without contacts.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Burt, R. S. (1992). Structural Holes. Harvard University Press.
    """
    require(net, "person_level", function="silos.effective_size")
    require_response(net, "effective_size", min_response)
    return holes_of(net, directed=directed, weighted=weighted)["effective_size"]


def efficiency(
    net: PeerNetwork, *, directed: bool = True, weighted: bool = False, min_response: float | None = None
) -> pd.Series[Any]:
    """Each person's effective size over the number of contacts: the share of contacts that is not redundant.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; both directions are added.
    directed : bool
        True: a mutual tie is twice as strong as a one-way tie. False: every pair counts 1.
    weighted : bool
        Use weights.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In (0, 1]; NaN for people without contacts.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Burt, R. S. (1992). Structural Holes. Harvard University Press.
    """
    require(net, "person_level", function="silos.efficiency")
    require_response(net, "efficiency", min_response)
    return holes_of(net, directed=directed, weighted=weighted)["efficiency"]


def hierarchy(
    net: PeerNetwork, *, directed: bool = True, weighted: bool = False, min_response: float | None = None
) -> pd.Series[Any]:
    """How far each person's constraint comes from one contact: 0 evenly from all, 1 from one alone.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; both directions are added.
    directed : bool
        True: a mutual tie is twice as strong as a one-way tie. False: every pair counts 1.
    weighted : bool
        Use weights.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In [0, 1]; NaN for people with fewer than two contacts.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Burt, R. S. (1992). Structural Holes, section 2.4. Harvard University Press.
    """
    require(net, "person_level", function="silos.hierarchy")
    require_response(net, "hierarchy", min_response)
    return holes_of(net, directed=directed, weighted=weighted)["hierarchy"]
