"""Published indices of segregation, each with its convention stated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.privacy.permissions import require
from peernet.silos._common import (
    Grouped,
    collapse,
    grouped,
    grouped_to_show,
    known_pairs,
    known_ties,
    scaled,
    shown,
)
from peernet.silos.mixing import mixing_counts

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "assortativity",
    "assortativity_of",
    "coleman_index",
    "coleman_of",
    "freeman_segregation",
    "gupta_anderson_may",
    "gupta_of",
    "modularity",
    "odds_ratio_within",
    "spectral_of",
    "spectral_segregation",
]


def table_of(net: PeerNetwork, group: str, *, directed: bool, weighted: bool) -> tuple[NDArray[Any], Grouped]:
    """Return the mixing table; undirected: both halves hold a pair of groups, the diagonal holds each tie twice."""
    data = grouped(net, group)
    w = scaled(data.weight, weighted)
    if not directed:
        i, j, w = collapse(net.n_people, data.teacher, data.learner, w, weighted=weighted)
        data = data._replace(teacher=i, learner=j, weight=w)
    counts = mixing_counts(data, w)
    return (counts if directed else counts + counts.T), data


def coleman_of(counts: NDArray[Any], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Coleman's index of each row of a mixing table, from the pairs of people that could be tied."""
    total, inside = counts.sum(axis=1), np.diag(counts)
    own, every = np.diag(pairs), pairs.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = total * own / every
        gap = inside - expected
        value = np.where(gap >= 0, gap / (total - expected), gap / expected)
    return np.where((total > 0) & (own > 0) & (own < every), value, np.nan)


def coleman_index(
    net: PeerNetwork, group: str, *, role: Literal["teacher", "learner"] = "teacher", weighted: bool = False
) -> pd.Series[Any]:
    r"""Each group's preference for itself: 1 all ties inside, 0 as chance, -1 all outside.

    With :math:`D_k` the ties in which people of group k hold the ``role``, :math:`w_k` those inside the group and
    :math:`w^*_k = D_k (n_k - 1)/(n - 1)` expected by size (where some did not report: by the pairs that are known),

    .. math:: C_k = (w_k - w^*_k)/(D_k - w^*_k) \text{ if } w_k \ge w^*_k, \text{ else } (w_k - w^*_k)/w^*_k .

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    role : {"teacher", "learner"}
        Whose ties count. The literature takes the one who names; where people were asked from whom they learn, that
        is ``"learner"``. The two differ: in Lazega's firm associates ask up and partners do not ask down.
    weighted : bool
        Sum weights instead of counting ties.

    Returns
    -------
    pandas.Series, shape (n_groups,)
        In [-1, 1], named ``"coleman_index"``. NaN for groups of one, groups that hold everybody, groups without ties.

    References
    ----------
    .. [1] Coleman, J. S. (1958). Relational analysis. Human Organization 17(4), 28-36.
    .. [2] Bojanowski, M. & Corten, R. (2014). Measuring segregation in social networks. Social Networks 39, 14-32.
       doi:10.1016/j.socnet.2014.04.001
    """
    literal("role", role, ("teacher", "learner"))
    data = grouped_to_show(net, group, "silos.coleman_index")
    counts = mixing_counts(data, scaled(data.weight, weighted))
    pairs = known_pairs(net, data)
    value = coleman_of(*((counts, pairs) if role == "teacher" else (counts.T, pairs.T)))
    return pd.Series(value, index=data.names, name="coleman_index")


def assortativity_of(counts: NDArray[Any]) -> float:
    """Return Newman's coefficient of a mixing table."""
    total = counts.sum()
    if not total > 0:
        return float("nan")
    e = counts / total
    chance = float(e.sum(axis=1) @ e.sum(axis=0))
    return float((np.trace(e) - chance) / (1 - chance)) if chance < 1 - 1e-12 else float("nan")


def assortativity(net: PeerNetwork, group: str, *, directed: bool = True, weighted: bool = False) -> float:
    r"""Newman's assortativity: 1 all ties inside groups, 0 as chance given how much groups teach and learn.

    .. math:: r = (\sum_k e_{kk} - \sum_k a_k b_k) / (1 - \sum_k a_k b_k)

    with :math:`e` the mixing table as shares, :math:`a` its row and :math:`b` its column sums.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    directed : bool
        False: a pair of people counts once, whoever teaches. The two differ (Lazega by office: .476 and .445).
    weighted : bool
        Sum weights instead of counting ties.

    Returns
    -------
    float
        At most 1; the least value depends on the groups. Chance gives about -1 / (n - 1), not 0. NaN without ties or
        where one group holds all ties.

    References
    ----------
    .. [1] Newman, M. E. J. (2003). Mixing patterns in networks. Physical Review E 67, 026126.
       doi:10.1103/PhysRevE.67.026126
    """
    return assortativity_of(table_of(net, group, directed=directed, weighted=weighted)[0])


def freeman_segregation(
    net: PeerNetwork, group: str, *, directed: bool = False, weighted: bool = False, truncate: bool = False
) -> float:
    r"""Freeman's segregation: the share of crossing ties that is missing; 1 none cross, 0 as chance.

    .. math:: S = 1 - p / \pi, \quad \pi = (n^2 - \sum_k n_k^2) / (n (n - 1))

    with :math:`p` the share of ties that cross and :math:`\pi` the share expected by group sizes: the share of pairs
    that cross, of those of which it is known whether they are tied (all, where everybody reported).

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    directed : bool
        Freeman defined it for undirected ties (the default): a pair of people counts once.
    weighted : bool
        Sum weights instead of counting ties.
    truncate : bool
        Set negative values (more crossing than chance) to 0, as in the first definition.

    Returns
    -------
    float
        At most 1. NaN without ties or with one group.

    References
    ----------
    .. [1] Freeman, L. C. (1978). Segregation in social networks. Sociological Methods & Research 6(4), 411-429.
       doi:10.1177/004912417800600401
    """
    counts, data = table_of(net, group, directed=directed, weighted=weighted)
    value = _freeman(counts, known_pairs(net, data, directed=directed))
    return max(value, 0.0) if truncate else value


def _freeman(counts: NDArray[Any], pairs: NDArray[Any]) -> float:
    """Return Freeman's index of a mixing table whose diagonal holds undirected ties twice."""
    total, everything = counts.sum(), pairs.sum()
    apart = everything - np.trace(pairs)
    if not total > 0 or not apart > 0:
        return float("nan")
    return float(1 - (1 - np.trace(counts) / total) / (apart / everything))


def odds_ratio_within(net: PeerNetwork, group: str, *, directed: bool = True) -> float:
    r"""Odds of a tie inside groups over the odds of a tie between groups; 1 is no preference.

    .. math:: \mathrm{OR} = \frac{m_w / (N_w - m_w)}{m_b / (N_b - m_b)}

    over the :math:`N_w` pairs of people inside and the :math:`N_b` between groups of which it is known whether they are
    tied: one of the pair answered and would have reported it, neither objected.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    directed : bool
        False: a pair of people counts once.

    Returns
    -------
    float
        From 0 to infinity (no tie crosses, or all possible ties inside are there). NaN without pairs of either kind
        and where both odds are 0 or both infinite.

    References
    ----------
    .. [1] Moody, J. (2001). Race, school integration, and friendship segregation in America. American Journal of
       Sociology 107(3), 679-716. doi:10.1086/338954
    """
    data = known_ties(net, grouped(net, group))
    pairs = known_pairs(net, data, directed=directed)
    if not directed:
        i, j, w = collapse(net.n_people, data.teacher, data.learner, data.weight, weighted=False)
        data = data._replace(teacher=i, learner=j, weight=w)
    counts = mixing_counts(data, None)
    return _odds_ratio(counts if directed else counts + counts.T, pairs)


def _odds_ratio(counts: NDArray[Any], pairs: NDArray[Any]) -> float:
    """Return the odds ratio of a mixing table (undirected: every tie twice)."""
    within, all_within = float(np.trace(counts)), float(np.trace(pairs))
    between, all_between = float(counts.sum()) - within, float(pairs.sum()) - all_within
    if not all_within or not all_between or within > all_within or between > all_between:
        return float("nan")
    top, bottom = within * (all_between - between), between * (all_within - within)
    if not bottom:
        return float("inf") if top else float("nan")
    return top / bottom


def gupta_of(counts: NDArray[Any]) -> float:
    """Return Gupta, Anderson and May's Q of a mixing table by rows."""
    rows = counts.sum(axis=1)
    live = rows > 0
    if live.sum() < 2:
        return float("nan")
    share = np.diag(counts)[live] / rows[live]
    return float((share.sum() - 1) / (live.sum() - 1))


def gupta_anderson_may(
    net: PeerNetwork,
    group: str,
    *,
    role: Literal["both", "teacher", "learner"] = "both",
    weighted: bool = False,
) -> float:
    r"""Mean share of ties inside the own group, every group counting the same: 1 all inside, 0 as if blind.

    .. math:: Q = \frac{\sum_k q_{kk} - 1}{K - 1}

    with :math:`q_{kk}` the share of group k's ties that stay inside and K groups.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    role : {"both", "teacher", "learner"}
        Whose ties count: those that a group's people teach, learn, or all (each tie at both ends, as R's netseg does).
    weighted : bool
        Sum weights instead of counting ties.

    Returns
    -------
    float
        In [-1 / (K - 1), 1]. Small groups count as much as large ones. Groups without such ties are left out; NaN
        with fewer than two groups that have some.

    References
    ----------
    .. [1] Gupta, S., Anderson, R. M. & May, R. M. (1989). Networks of sexual contacts: implications for the pattern of
       spread of HIV. AIDS 3(12), 807-817. doi:10.1097/00002030-198912000-00005
    """
    literal("role", role, ("both", "teacher", "learner"))
    counts, _ = table_of(net, group, directed=True, weighted=weighted)
    return gupta_of({"both": counts + counts.T, "teacher": counts, "learner": counts.T}[role])


def modularity(
    net: PeerNetwork, group: str, *, directed: bool = False, weighted: bool = False, resolution: float = 1.0
) -> float:
    r"""How much more weight falls inside groups than degrees alone would put there.

    .. math:: Q = \sum_k (e_{kk} - \gamma\, a_k b_k)

    with :math:`e` the mixing table as shares, :math:`a` and :math:`b` its row and column sums.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    directed : bool
        True: the directed version of Leicht and Newman; False (default): pairs of people once, as community
        detection does.
    weighted : bool
        Sum weights instead of counting ties.
    resolution : float
        The factor :math:`\gamma`; 1 is the usual.

    Returns
    -------
    float
        In [-1, 1]; 0 is what degrees give. NaN without ties.

    References
    ----------
    .. [1] Leicht, E. A. & Newman, M. E. J. (2008). Community structure in directed networks. Physical Review Letters
       100, 118703. doi:10.1103/PhysRevLett.100.118703
    """
    resolution = number("resolution", resolution, 0, np.inf, open_low=True)
    counts, _ = table_of(net, group, directed=directed, weighted=weighted)
    return modularity_of(counts, resolution)


def modularity_of(counts: NDArray[Any], resolution: float = 1.0) -> float:
    """Return the modularity of a mixing table."""
    total = counts.sum()
    if not total > 0:
        return float("nan")
    e = counts / total
    return float(np.trace(e) - resolution * (e.sum(axis=1) @ e.sum(axis=0)))


def spectral_segregation(net: PeerNetwork, group: str, *, weighted: bool = False) -> pd.Series[Any]:
    r"""Each person's segregation in the sense that their contacts' contacts, and so on, stay in the group.

    On pairs of people (undirected), with :math:`r_{ij} = w_{ij} / \sum_k w_{ik}` over *all* contacts, restrict
    :math:`r` to the people of one group and to one of its connected parts. Its largest eigenvalue :math:`\lambda` is
    the part's index and :math:`\lambda\, x_i / \bar{x}` that of person i, with x the eigenvector.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; direction is dropped, as in the paper.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    weighted : bool
        Sum weights of the two directions instead of counting a pair once.

    Returns
    -------
    pandas.Series, shape (n_people,)
        From 0 (no contact in the own group); 1 on average in a part none of whose ties leave the group. NaN for people
        without ties, people who did not report theirs and objectors. Named ``"spectral_segregation"``; the mean over a
        group is the group's index.

    References
    ----------
    .. [1] Echenique, F. & Fryer, R. G. (2007). A measure of segregation based on social interactions. Quarterly
       Journal of Economics 122(2), 441-485. doi:10.1162/qjec.122.2.441
    """
    require(net, "person_level", function="silos.spectral_segregation")
    data = grouped(net, group)
    w = scaled(data.weight, weighted)
    i, j, w = collapse(net.n_people, data.teacher, data.learner, w, weighted=weighted)
    value = spectral_of(data.codes, i, j, w)
    return shown(net, pd.Series(value, index=net.ids, name="spectral_segregation"))


def spectral_of(
    codes: NDArray[Any], i: NDArray[Any], j: NDArray[Any], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each person's spectral segregation from pairs of people, each pair once."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(codes)
    strength = np.bincount(i, w, n) + np.bincount(j, w, n)
    value = np.where(strength > 0, 0.0, np.nan)
    same = codes[i] == codes[j]
    i, j, w = i[same], j[same], w[same]
    # The matrix is similar to a symmetric one: w_ij / sqrt(s_i s_j), whose eigenvector is x sqrt(s).
    cell = w / np.sqrt(strength[i]) / np.sqrt(strength[j])
    half = coo_array((cell, (i, j)), shape=(n, n)).tocsr()
    matrix = (half + half.T).tocsr()
    n_parts, part = connected_components(matrix, directed=False)
    order = np.argsort(part, kind="stable")
    for people in np.split(order, np.cumsum(np.bincount(part, minlength=n_parts))[:-1]) if n else []:
        if len(people) > 1:
            top, vector = _leading(matrix[people][:, people])
            x = vector / np.sqrt(strength[people])
            value[people] = top * x / x.mean()
    return np.asarray(value, dtype=np.float64)


def _leading(matrix: Any) -> tuple[float, NDArray[np.float64]]:
    """Return the largest eigenvalue of a symmetric matrix of one part, with its positive eigenvector."""
    if matrix.shape[0] <= 600:
        values, vectors = np.linalg.eigh(matrix.toarray())
        return float(values[-1]), np.abs(vectors[:, -1])
    from scipy.sparse.linalg import eigsh

    values, vectors = eigsh(matrix, k=1, which="LA", v0=np.ones(matrix.shape[0]), tol=1e-13)
    return float(values[0]), np.abs(vectors[:, 0])
