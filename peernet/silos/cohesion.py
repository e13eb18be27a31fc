"""Health of the whole: reciprocity, who is left out, cores, and the usual census figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.privacy.permissions import require
from peernet.silos._common import collapse, scaled, shown
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "core_number",
    "isolates",
    "krackhardt_dimensions",
    "pagerank",
    "reciprocity",
    "transitivity",
    "triad_census",
]

Convention = Literal["edgewise", "dyadic_nonnull", "dyadic", "log_ratio", "correlation"]
_CONVENTIONS = ("edgewise", "dyadic_nonnull", "dyadic", "log_ratio", "correlation")


def _mutual(net: PeerNetwork) -> int:
    """Number of pairs that teach each other."""
    return net.n_ties - len(collapse(net.n_people, net.teacher, net.learner, net.weight, weighted=False)[0])


def _both_reported(net: PeerNetwork) -> PeerNetwork:
    """Return the people whose ties among each other are known in both directions."""
    status = net.observed
    known = status != "objected" if net.respondent_is is None else status == "answered"
    return net if known.all() else net.subset(known)


def reciprocity(net: PeerNetwork, *, convention: Convention = "edgewise", weighted: bool = False) -> float:
    r"""Share of ties that are returned.

    With M mutual, A one-way and N empty pairs of people, m = 2M + A ties, density d:

    * ``"edgewise"``: :math:`2M/m`, the share of ties that are returned (igraph's default; Lazega's lawyers .39);
    * ``"dyadic_nonnull"``: :math:`M/(M + A)`, the share of tied pairs that are mutual (igraph "ratio"; .24);
    * ``"dyadic"``: :math:`(M + N)/(M + A + N)`, which counts empty pairs as reciprocal (sna's default; .78);
    * ``"log_ratio"``: :math:`\ln((2M/m)/d)`, against what density alone gives (sna "edgewise.lrr");
    * ``"correlation"``: of :math:`a_{ij}` with :math:`a_{ji}`, 0 at chance given density.

    Where people reported their ties, only pairs of people who both answered count: whether a tie to a silent person is
    returned is not known, and counting it as unreturned would lower the share. People who objected never count.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    convention : {"edgewise", "dyadic_nonnull", "dyadic", "log_ratio", "correlation"}
        Which of them.
    weighted : bool
        Only for ``"edgewise"``: :math:`\sum \min(w_{ij}, w_{ji}) / \sum w_{ij}` over ordered pairs.

    Returns
    -------
    float
        In [0, 1] for the shares, [-1, 1] for the correlation. NaN without ties among people who answered (dyadic:
        without pairs).

    References
    ----------
    .. [1] Wasserman, S. & Faust, K. (1994). Social Network Analysis, section 13.3. Cambridge University Press.
    .. [2] Garlaschelli, D. & Loffredo, M. I. (2004). Patterns of link reciprocity in directed networks. Physical Review
       Letters 93, 268701. doi:10.1103/PhysRevLett.93.268701
    """
    literal("convention", convention, _CONVENTIONS)
    if weighted and convention != "edgewise":
        raise ValueError('weighted=True goes with convention="edgewise".')
    net = _both_reported(net)
    n, m = net.n_people, net.n_ties
    pairs = n * (n - 1) / 2
    if weighted and m:
        matrix = net.adjacency.copy()
        matrix.data = scaled(net.weight, True)
        return float(matrix.minimum(matrix.T.tocsr()).sum() / matrix.sum())
    mutual = _mutual(net)
    if convention == "dyadic":
        return float(1 - (m - 2 * mutual) / pairs) if pairs else float("nan")
    if not m:
        return float("nan")
    share, density = 2 * mutual / m, m / (2 * pairs)
    if convention == "edgewise":
        return share
    if convention == "dyadic_nonnull":
        return mutual / (m - mutual)
    if convention == "log_ratio":
        return float(np.log(share / density)) if share else float("-inf")
    return float((share - density) / (1 - density)) if density < 1 else float("nan")


def isolates(net: PeerNetwork) -> pd.DataFrame:
    """Who teaches nobody, learns from nobody, or neither, and whether that is known.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.

    Returns
    -------
    pandas.DataFrame, shape (n_people, 5)
        ``n_learners``, ``n_teachers`` (counts); ``kind``: isolate, teaches only, learns only, both; ``observed``: the
        person's status (objectors have no row); ``known``: False where the person did not answer and so the missing
        half may only be unsaid.
    """
    require(net, "person_level", function="silos.isolates")
    teaches = np.bincount(net.teacher, minlength=net.n_people)
    learns = np.bincount(net.learner, minlength=net.n_people)
    kind = np.select(
        [(teaches > 0) & (learns > 0), teaches > 0, learns > 0],
        ["both", "teaches only", "learns only"],
        "isolate",
    )
    answered = (net.observed == "answered").to_numpy()
    said = {"learner": learns > 0, "teacher": teaches > 0}.get(
        str(net.respondent_is), np.ones(net.n_people, bool)
    )
    columns = {"n_learners": teaches, "n_teachers": learns, "kind": kind, "observed": net.observed.to_numpy()}
    return pd.DataFrame(columns | {"known": answered | said | (net.respondent_is is None)}, index=net.ids)[
        (net.observed != "objected").to_numpy()
    ]


def core_number(
    net: PeerNetwork,
    *,
    role: Literal["pairs", "both", "teacher", "learner"] = "pairs",
    min_response: float | None = None,
) -> pd.Series[Any]:
    """Each person's core: the largest k such that they belong to a set whose members all have k ties inside it.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; weights do not matter.
    role : {"pairs", "both", "teacher", "learner"}
        What counts as a tie of a person: each contact once, ties of both directions (a mutual one twice, igraph's
        "all"), learners, or teachers. Ties that silent people would have reported are not there, so that numbers are
        lower bounds for everybody who would have been named.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series of int, shape (n_people,)
        0 for people without such ties; NaN (and a float) for people who did not report those ties, and for objectors.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Batagelj, V. & Zaversnik, M. (2003). An O(m) algorithm for cores decomposition of networks.
       arXiv:cs/0310049
    """
    require(net, "person_level", function="silos.core_number")
    require_response(net, "core_number", min_response)
    from peernet._graph import rows_of

    literal("role", role, ("pairs", "both", "teacher", "learner"))
    n = net.n_people
    a, b = np.asarray(net.teacher), np.asarray(net.learner)
    if role == "pairs":
        a, b, _ = collapse(n, a, b, net.weight, weighted=False)
    # A removal must lower the degree of those who counted the tie as theirs.
    lowers, lowered = {"teacher": (b, a), "learner": (a, b)}.get(
        role, (np.concatenate([a, b]), np.concatenate([b, a]))
    )
    ptr, idx, _ = rows_of(n, lowers, lowered, np.zeros(len(lowers)))
    core = _peel(ptr, idx, np.bincount(lowered, minlength=n))
    return shown(net, pd.Series(core, index=net.ids, name="core_number"), role)


def _peel(ptr: NDArray[Any], idx: NDArray[Any], degree: NDArray[Any]) -> NDArray[np.int64]:
    """Remove people in order of degree; ``idx`` of a row are those who lose a tie when it goes."""
    if len(idx) >= 20_000:
        from peernet.silos import _kernels

        fast: NDArray[np.int64] = _kernels.peel(ptr, idx, degree.astype(np.int64))
        return fast
    import heapq

    left = [int(d) for d in degree]
    heap = [(d, i) for i, d in enumerate(left)]
    heapq.heapify(heap)
    core, level, gone = np.zeros(len(left), dtype=np.int64), 0, [False] * len(left)
    while heap:
        d, i = heapq.heappop(heap)
        if gone[i] or d != left[i]:
            continue
        gone[i] = True
        level = max(level, d)
        core[i] = level
        for j in idx[ptr[i] : ptr[i + 1]].tolist():
            if not gone[j]:
                left[j] -= 1
                heapq.heappush(heap, (left[j], j))
    return core


def krackhardt_dimensions(net: PeerNetwork) -> pd.Series[Any]:
    """How far the network looks like a tree of command: connectedness, hierarchy, efficiency, lubness.

    All four are 1 for an out-tree. Connectedness: pairs joined by a path of any direction, over all pairs. Hierarchy:
    one less the share of pairs reachable both ways among those reachable at least one way. Efficiency: one less the
    ties above the least needed, over the most there could be. Lubness (least upper bound): one less the share of pairs
    without a least upper bound: somebody above both (or one of them) on whom every other such person has a path.

    Lubness follows the definition, which R's ``sna`` states too. Its code (2.7) asks instead for somebody above both
    who has a path *to* every other such person, the greatest upper bound (docs/validation/silos.md).

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; the teacher stands above.

    Returns
    -------
    pandas.Series
        Four numbers in [0, 1]; NaN where nothing could differ.

    References
    ----------
    .. [1] Krackhardt, D. (1994). Graph theoretical dimensions of informal organizations. In Carley & Prietula (eds),
       Computational Organization Theory, 89-111. Erlbaum.
    """
    from scipy.sparse.csgraph import connected_components

    n = net.n_people
    linked = (net.adjacency.toarray() > 0) if n else np.zeros((0, 0), dtype=bool)
    reach = _closure(linked)
    n_parts, part = connected_components(linked, directed=False) if n else (0, np.zeros(0, dtype=int))
    sizes = np.bincount(part, minlength=n_parts)
    pairs = n * (n - 1) / 2
    both, either = np.triu(reach & reach.T, 1).sum(), np.triu(reach | reach.T, 1).sum()
    least = float(np.sum(sizes - 1))
    spare, room = net.n_ties - least, float(np.sum(sizes * (sizes - 1) - (sizes - 1)))
    bad, most = 0, float(np.sum((sizes - 1) * (sizes - 2) / 2))
    above = reach | np.eye(n, dtype=bool)
    for p in range(n_parts):
        people = np.flatnonzero(part == p)
        inner = above[np.ix_(people, people)]
        for x in range(len(people)):
            for y in range(x + 1, len(people)):
                common = np.flatnonzero(inner[:, x] & inner[:, y])
                if not len(common) or not inner[np.ix_(common, common)].all(axis=0).any():
                    bad += 1
    values = {
        "connectedness": float(np.sum(sizes * (sizes - 1) / 2)) / pairs if pairs else np.nan,
        "hierarchy": 1 - both / either if either else np.nan,
        "efficiency": 1 - spare / room if room else np.nan,
        "lubness": 1 - bad / most if most else np.nan,
    }
    return pd.Series(values, name="krackhardt_dimensions")


def _closure(linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return who reaches whom by a directed path."""
    reach = linked.copy()
    while True:
        longer = reach | ((reach.astype(np.float32) @ reach.astype(np.float32)) > 0)
        if (longer == reach).all():
            return reach
        reach = longer


def triad_census(net: PeerNetwork) -> pd.Series[Any]:
    """How many groups of three people have each of the 16 patterns of ties.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. Reversing all ties swaps the patterns U and D of one kind.

    Returns
    -------
    pandas.Series of int, shape (16,)
        Index = code (mutual, one-way, empty pairs, and a letter), as in Holland and Leinhardt.

    References
    ----------
    .. [1] Holland, P. W. & Leinhardt, S. (1976). Local structure in social networks. Sociological Methodology 7, 1-45.
       doi:10.2307/270703
    """
    import networkx as nx

    graph: Any = nx.DiGraph()
    graph.add_nodes_from(range(net.n_people))
    graph.add_edges_from(zip(net.teacher.tolist(), net.learner.tolist(), strict=True))
    return pd.Series(nx.triadic_census(graph), name="triad_census")


def transitivity(net: PeerNetwork, *, directed: bool = True) -> float:
    """Share of two-step paths a -> v -> b (a not b) that are closed by a tie a -> b.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    directed : bool
        True: sna's "weak" transitivity. False: on pairs of people, igraph's global clustering coefficient.

    Returns
    -------
    float
        In [0, 1]; NaN without such paths.
    """
    matrix = (net.adjacency > 0).astype(np.float64)
    if not directed:
        matrix = ((matrix + matrix.T) > 0).astype(np.float64)
    paths = (matrix @ matrix).tocsr()
    every = float(paths.sum() - paths.diagonal().sum())
    return float(paths.multiply(matrix).sum() / every) if every else float("nan")


def pagerank(net: PeerNetwork, *, damping: float = 0.85, weighted: bool = False) -> pd.Series[Any]:
    """Each person's share of the steps of somebody who keeps asking: from a learner to one of their teachers.

    With probability ``damping`` the walk goes on to a teacher of the present person, else to anybody; people who learn
    from nobody send it anywhere.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; the walk goes against them.
    damping : float
        Probability of going on.
    weighted : bool
        Choose teachers by weight.

    Returns
    -------
    pandas.Series, shape (n_people,)
        Above 0, sums to 1. NaN for objectors and, where teachers report, for people who did not.

    References
    ----------
    .. [1] Page, L., Brin, S., Motwani, R. & Winograd, T. (1999). The PageRank citation ranking.
       Stanford InfoLab 1999-66.
    """
    require(net, "person_level", function="silos.pagerank")
    damping = number("damping", damping, 0, 1, open_high=True)
    n = net.n_people
    w = scaled(net.weight, weighted)
    total = np.bincount(net.learner, w, n)
    share = w / total[net.learner]
    rank = np.full(n, 1 / n) if n else np.empty(0)
    lost = total == 0
    for _ in range(10_000):
        spread = damping * rank[lost].sum() + (1 - damping) * rank.sum()
        new = spread / n + damping * np.bincount(net.teacher, share * rank[net.learner], n) if n else rank
        if np.abs(new - rank).sum() < 1e-15 * max(n, 1):
            break
        rank = new
    return shown(net, pd.Series(rank / rank.sum() if n else rank, index=net.ids, name="pagerank"), "teacher")
