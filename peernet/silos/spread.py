"""How widely each person's ties are spread over groups, and how central the person is in their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.privacy.permissions import require
from peernet.silos._common import BIG, Grouped, collapse, grouped, scaled, shown, unknown_people
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["bridging_share", "participation", "within_module_z"]

Role = Literal["both", "teacher", "learner", "pairs"]
_ROLES = ("both", "teacher", "learner", "pairs")


def _ends(net: PeerNetwork, data: Grouped, role: str, weighted: bool) -> list[tuple[Any, Any, Any]]:
    """Return (person, contact, weight) of the ties that count."""
    w = scaled(data.weight, weighted)
    if role == "pairs":
        i, j, w = collapse(net.n_people, data.teacher, data.learner, w, weighted=weighted)
        return [(i, j, w), (j, i, w)]
    teaches, learns = (data.teacher, data.learner, w), (data.learner, data.teacher, w)
    return {"teacher": [teaches], "learner": [learns], "both": [teaches, learns]}[role]


def _by_group(net: PeerNetwork, data: Grouped, role: str, weighted: bool) -> NDArray[np.float64]:
    """Return weight, sum of squared shares of the groups, and number of ties; shape (n, 3)."""
    n, k = net.n_people, max(len(data.names), 1)
    if role != "pairs" and weighted is False and len(data.weight) >= BIG:
        from peernet.silos import _kernels_people

        few = data.codes.astype(np.uint16 if k < 2**16 else np.uint32)
        counted: NDArray[np.float64] = _kernels_people.count_spread(
            n, data.teacher, data.learner, few, k, role != "learner", role != "teacher"
        )
        return counted
    ends = _ends(net, data, role, weighted)
    if sum(len(w) for *_, w in ends) >= BIG:
        from peernet._graph import rows_of
        from peernet.silos import _kernels

        person, contact, w = (np.concatenate(x) for x in zip(*ends, strict=True))
        ptr, idx, values = rows_of(n, person, contact.astype(np.int32), w)
        big: NDArray[np.float64] = _kernels.spread_over_groups(
            ptr, idx, values, data.codes.astype(np.int32), k
        )
        return big
    cells = np.concatenate([person * np.int64(k) + data.codes[contact] for person, contact, _ in ends])
    weights = np.concatenate([w for *_, w in ends])
    cell, back = np.unique(cells, return_inverse=True)
    in_cell = np.bincount(back, weights, len(cell))
    person = cell // k
    total = np.bincount(person, in_cell, n)
    share = in_cell / total[person]
    ties = np.bincount(cells // k, minlength=n)
    return np.column_stack([total, np.bincount(person, share**2, n), ties])


def participation(
    net: PeerNetwork,
    group: str,
    *,
    role: Role = "both",
    weighted: bool = False,
    normalised: bool = False,
    corrected: bool = False,
    min_response: float | None = None,
) -> pd.Series[Any]:
    r"""How evenly each person's ties are spread over groups: 0 all in one, towards 1 spread over many.

    .. math:: P_i = 1 - \sum_s (k_{is} / k_i)^2

    with :math:`k_{is}` the ties of i to people of group s (the own one included). Blau's index of the groups met.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``: formal units, or communities joined with ``with_people``. Ties with a missing group
        at either end are left out.
    role : {"both", "teacher", "learner", "pairs"}
        Ties of both directions, those taught, those learned, or each pair of people once.
    weighted : bool
        Sum weights instead of counting ties.
    normalised : bool
        Divide by the largest possible value, :math:`1 - 1/K` for K groups.
    corrected : bool
        Multiply by :math:`k_i / (k_i - 1)`: few ties cannot show many groups, which biases the plain index down.
        NaN then for people with one tie. For counts of ties only.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In [0, 1 - 1/K], or [0, 1] when normalised (corrected values can exceed it). NaN for people without ties, for
        people who did not report the ties that ``role`` counts (unknown), and for objectors.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Guimera, R. & Amaral, L. A. N. (2005). Functional cartography of complex metabolic networks. Nature 433,
       895-900. doi:10.1038/nature03288
    .. [2] Agresti, A. & Agresti, B. F. (1978). Statistical analysis of qualitative variation. Sociological Methodology
       9, 204-237. doi:10.2307/270810
    """
    require(net, "person_level", function="silos.participation")
    require_response(net, "participation", min_response)
    literal("role", role, _ROLES)
    if corrected and weighted:
        raise ValueError("corrected=True is for counts of ties; pass weighted=False.")
    data = grouped(net, group)
    found = _by_group(net, data, role, weighted)
    k = len(data.names)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 1 - found[:, 1]
        if corrected:
            value = value * found[:, 2] / (found[:, 2] - 1)
        if normalised:
            value = value / (1 - 1 / k) if k > 1 else np.full(len(value), np.nan)
    value = np.where(found[:, 0] > 0, np.maximum(value, 0.0), np.nan)
    if corrected:
        value = np.where(found[:, 2] > 1, value, np.nan)
    return shown(net, pd.Series(value, index=net.ids, name="participation"), role)


def within_module_z(
    net: PeerNetwork,
    group: str,
    *,
    role: Role = "pairs",
    weighted: bool = False,
    min_response: float | None = None,
) -> pd.Series[Any]:
    r"""How many ties a person has inside the own group, in standard deviations from the group's mean.

    .. math:: z_i = (k_{i g_i} - \bar{k}_{g_i}) / \sigma_{g_i}

    with the population standard deviation over the people of the group, those without ties included.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``.
    role : {"both", "teacher", "learner", "pairs"}
        Ties of both directions, those taught, those learned, or each pair of people once.
    weighted : bool
        Sum weights instead of counting ties.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        NaN for people without a group, in groups of one, and in groups whose people all have as many; for people who
        did not report the ties that ``role`` counts, who are left out of mean and spread too, and for objectors.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Guimera, R. & Amaral, L. A. N. (2005). Functional cartography of complex metabolic networks. Nature 433,
       895-900. doi:10.1038/nature03288
    """
    require(net, "person_level", function="silos.within_module_z")
    require_response(net, "within_module_z", min_response)
    literal("role", role, _ROLES)
    data = grouped(net, group)
    n, k = net.n_people, len(data.names)
    inside = np.zeros(n)
    for person, contact, w in _ends(net, data, role, weighted):
        same = data.codes[person] == data.codes[contact]
        inside += np.bincount(person[same], w[same], n)
    known = (data.codes >= 0) & ~unknown_people(net, role)
    code, value = data.codes[known], inside[known]
    size = np.maximum(np.bincount(code, minlength=k), 1)
    centred = value - (np.bincount(code, value, k) / size)[code]
    spread = np.sqrt(np.bincount(code, centred**2, k) / size)[code]
    top = value.max() if len(value) else 0.0
    z = np.full(n, np.nan)
    z[known] = np.divide(
        centred, spread, out=np.full(len(code), np.nan), where=spread > 1e-12 * max(top, 1e-300)
    )
    return shown(net, pd.Series(z, index=net.ids, name="within_module_z"), role)


def bridging_share(
    net: PeerNetwork,
    group: str,
    *,
    role: Literal["teacher", "learner", "both"] = "teacher",
    weighted: bool = True,
    min_response: float | None = None,
) -> pd.Series[Any]:
    r"""Share of each person's teaching that reaches another group.

    .. math:: b_i = \sum_{j : g_j \ne g_i} w_{ij} \big/ \sum_j w_{ij}

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    role : {"teacher", "learner", "both"}
        Share of teaching, of learning (that comes from another group), or of both together.
    weighted : bool
        Sum weights (default) or count ties.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In [0, 1], named ``"bridging_share"``. NaN for people who teach nobody: no evidence is not zero bridging;
        for people who did not report the ties that ``role`` counts, and for objectors. With ``role="teacher"`` people
        are known by what learners report.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Krackhardt, D. & Stern, R. N. (1988). Informal networks and organizational crises. Social Psychology
       Quarterly 51(2), 123-140. doi:10.2307/2786835
    """
    require(net, "person_level", function="silos.bridging_share")
    require_response(net, "bridging_share", min_response)
    literal("role", role, ("teacher", "learner", "both"))
    data = grouped(net, group)
    total, across = np.zeros(net.n_people), np.zeros(net.n_people)
    for person, contact, w in _ends(net, data, role, weighted):
        total += np.bincount(person, w, net.n_people)
        across += np.bincount(person, w * (data.codes[person] != data.codes[contact]), net.n_people)
    share = np.divide(across, total, out=np.full(net.n_people, np.nan), where=total > 0)
    return shown(net, pd.Series(share, index=net.ids, name="bridging_share"), role)
