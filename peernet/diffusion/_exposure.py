"""What share of a person's teachers already had it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.diffusion._adopted import Adopted, read_adoptions
from peernet.diffusion._covariates import read_teacher_weight
from peernet.diffusion._missing import periods_of, say_if_all_missing
from peernet.diffusion._time import Period, Timeline, check_lag, timeline
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.privacy.permissions import require

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Networks", "exposure", "structural_equivalence"]

Networks: TypeAlias = PeerNetwork | Sequence[PeerNetwork]
Through = Literal["teachers", "learners"]
Via = Literal["ties", "structural_equivalence"]
Across = Literal["each", "any", "all", "mean"]
Compat = Literal["netdiffuseR"] | None
_TINY = 1e-20


def exposure(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    lag: int = 1,
    normalised: bool = True,
    weighted: bool = True,
    through: Through = "teachers",
    via: Via = "ties",
    teacher_weight: pd.Series[Any] | pd.DataFrame | None = None,
    group: str | None = None,
    power: float = 1.0,
    item: str | None = None,
    across: Across = "each",
    compat: Compat = None,
) -> pd.DataFrame:
    r"""Share of each person's teachers who had taken up the item some periods earlier.

    With :math:`w_{ji}` how much j teaches i (``net.adjacency[j, i]``), teacher weights :math:`x_j` and
    :math:`z_j(t) = 1` for people informed by the end of period t,

    .. math:: E_i(t) = \sum_j w_{ji}\, x_j\, z_j(t - L) \Big/ \sum_j w_{ji}\, x_j .

    Without ``normalised`` the numerator alone: the (weighted) number of informed teachers.

    Parameters
    ----------
    net : PeerNetwork or list of PeerNetwork
        Who teaches whom; a list holds one network a period, over the same people in the same order. A lagged column
        uses the network, the weights and the state of the earlier period.
    adoptions : pandas.DataFrame
        Columns ``person``, ``time`` and, optionally, ``item``, ``already_knew``.
    start, end : time or number
        The observed span; numbers without ``period`` are the first and last period, both included.
    period : {"day", "week", "month", "quarter", "year"} or float, optional
        Length of a period, as in ``adoption_curve``.
    lag : int
        Periods back, 1 by default: teaching comes before learning. 0 is contemporaneous, so that people who adopt
        together expose each other; negative looks ahead (a placebo).
    normalised : bool
        Divide by the exposure that the person would have if everybody were informed.
    weighted : bool
        Use tie weights; otherwise a tie counts 1.
    through : {"teachers", "learners"}
        Whose adoption counts: of those who teach the person, or of those the person teaches.
    via : {"ties", "structural_equivalence"}
        Teachers, or people in the same position (then weighted by their structural equivalence, see
        ``structural_equivalence``).
    teacher_weight : pandas.Series or DataFrame, optional
        Weight of each person as a teacher, indexed by person id; a DataFrame has one column a period. People it does
        not name are refused.
    group : str, optional
        Column of people: positions are compared within these groups only (structural equivalence).
    power : float
        Sharpness v of structural equivalence.
    item : str, optional
        Only this item.
    across : {"each", "any", "all", "mean"}
        With several items: an exposure to each, or one exposure to teachers who have any of them, all of them, or
        (mean) to the share of them that a teacher has.
    compat : {"netdiffuseR"}, optional
        People without teachers get 0, and structural equivalence is weighted by its inverse with unreachable pairs at
        distance 0, as in that package.

    Returns
    -------
    pandas.DataFrame, shape (n_people, n_periods)
        Index = person id, columns = periods; with several items, each by itself, the columns have two levels, item and
        period. In
        [0, 1] when normalised. NaN for people without teachers and in the first ``lag`` periods: no evidence. People
        who were asked for their teachers and did not answer are NaN too. A warning says so when nothing else is left.

    Raises
    ------
    DataError
        For unknown people or items, networks over other people, weights that are missing, negative or 0 for everybody,
        a lag that reaches beyond the span.
    PermissionLocked
        When the study behind the network does not list ``diffusion.exposure``.

    References
    ----------
    .. [1] Valente, T. W. (1995). *Network Models of the Diffusion of Innovations*. Hampton Press.
    .. [2] Burt, R. S. (1987). Social contagion and innovation. *American Journal of Sociology* 92(6).
       doi:10.1086/228667

    Examples
    --------
    >>> ties = pd.DataFrame({"teacher": ["ana", "bo"], "learner": ["cy", "cy"]})
    >>> seen = pd.DataFrame({"person": ["ana", "cy"], "time": [1, 2]})
    >>> float(exposure(PeerNetwork(["ana", "bo", "cy"], ties), seen, start=1, end=2).loc["cy", 2])
    0.5
    """
    for one in as_networks(net):
        require(one, "person_level", function="diffusion.exposure")
    out = exposure_table(
        net, adoptions, start=start, end=end, period=period, lag=lag, normalised=normalised, weighted=weighted,
        through=through, via=via, teacher_weight=teacher_weight, group=group, power=power, item=item,
        across=across, compat=compat,
    )  # fmt: skip
    say_if_all_missing(out, "exposure", why_unknown(as_networks(net), through, via))
    return out


def why_unknown(nets: list[PeerNetwork], through: Through, via: Via) -> list[tuple[bool, str]]:
    """Return what leaves nobody with an exposure, each with the words for it."""
    words = "who teaches them" if through == "teachers" else "whom they teach"
    return [
        (not any(answered(one, through).any() for one in nets), f"nobody said {words}"),
        (not any(one.n_ties for one in nets), "the network has no ties"),
        (via == "structural_equivalence", "nobody stands nearer to some people than to others"),
        (True, "nobody with known ties has a teacher whose weight is above 0"),
    ]


def exposure_table(
    net: Networks, adoptions: pd.DataFrame, *, start: Any, end: Any, period: Period = None, lag: int = 1,
    normalised: bool = True, weighted: bool = True, through: Through = "teachers", via: Via = "ties",
    teacher_weight: pd.Series[Any] | pd.DataFrame | None = None, group: str | None = None, power: float = 1.0,
    item: str | None = None, across: Across = "each", compat: Compat = None,
) -> pd.DataFrame:  # fmt: skip
    """Compute :func:`exposure` for what is made of it: models and tests, whose results name nobody."""
    literal("through", through, ("teachers", "learners"))
    literal("via", via, ("ties", "structural_equivalence"))
    literal("compat", compat, (None, "netdiffuseR"))
    literal("across", across, ("each", "any", "all", "mean"))
    nets = as_networks(net)
    items, moments = read_adoptions(adoptions, nets[0].ids, item)
    periods = timeline(moments, start, end, period)
    lag = check_lag(lag, periods)
    matrices = _matrices(nets, periods, weighted, through, via, group, power, compat)
    weight = _teacher_weights(teacher_weight, nets[0].ids, periods)
    known = np.column_stack([answered(one, through) for one in nets])
    states = {one.item: _informed(one, periods) for one in items}
    if across != "each" and states:
        stacked = np.stack(list(states.values()))
        joint = {"any": stacked.max(axis=0), "all": stacked.min(axis=0), "mean": stacked.mean(axis=0)}
        states = {across: joint[across]}
    tables = {
        name: pd.DataFrame(
            _exposed(state, matrices, weight, lag, normalised, compat, known),
            index=nets[0].ids,
            columns=periods.labels,
        )
        for name, state in states.items()
    }
    if item is not None or len(tables) == 1:
        return next(iter(tables.values()))
    if not tables:
        return pd.DataFrame(index=nets[0].ids, columns=periods.labels, dtype=np.float64)
    return pd.concat(tables, axis=1, names=["item", "period"])


def as_networks(net: Any) -> list[PeerNetwork]:
    """Return one network, or one a period, all over the same people in the same order."""
    nets = [net] if isinstance(net, PeerNetwork) else list(net) if isinstance(net, (list, tuple)) else []
    if not nets or not all(isinstance(one, PeerNetwork) for one in nets):
        raise DataError(f"net must be a PeerNetwork, or a list with one a period; got {type(net).__name__}.")
    for k, one in enumerate(nets[1:], 1):
        if not one.ids.equals(nets[0].ids):
            raise DataError(
                f"net: network {k} has other people (or another order) than network 0. Give all the same people."
            )
    return nets


def answered(net: PeerNetwork, through: Through) -> NDArray[np.bool_]:
    """Mark people whose teachers are known: asked about them and silent means unknown."""
    role = "learner" if through == "teachers" else "teacher"
    if net.respondent_is != role:
        return np.ones(net.n_people, dtype=bool)
    return (net.observed == "answered").to_numpy()


def _matrices(
    nets: list[PeerNetwork],
    periods: Timeline,
    weighted: bool,
    through: Through,
    via: Via,
    group: str | None,
    power: float,
    compat: Compat,
) -> list[Any]:
    """Return learner-by-teacher matrices, one, or one a period."""
    if len(nets) not in (1, periods.n):
        raise DataError(f"net: {len(nets)} networks for {periods.n} periods. Give one, or one a period.")
    out: list[Any] = []
    for one in nets:
        if via == "structural_equivalence":
            se = _equivalence(one, power, group, compat)
            np.fill_diagonal(se, 0.0)
            if compat == "netdiffuseR":
                se = np.divide(1.0, se, out=np.zeros_like(se), where=se > 0)
            out.append(se)
            continue
        matrix = one.adjacency.T.tocsr() if through == "teachers" else one.adjacency.copy()
        if not weighted:
            matrix = matrix.copy()
            matrix.data = np.ones_like(matrix.data)
        out.append(matrix)
    return out


def _teacher_weights(given: Any, ids: pd.Index[Any], periods: Timeline) -> NDArray[np.float64]:
    """Return the weight of each person as a teacher, people x 1 or people x periods."""
    if given is None:
        return np.ones((len(ids), 1))
    if not isinstance(given, (pd.Series, pd.DataFrame)):
        raise DataError(
            "teacher_weight must be a Series (or a DataFrame, one column a period) indexed by person id."
        )
    table = given.to_frame() if isinstance(given, pd.Series) else given
    if table.shape[1] not in (1, periods.n):
        raise DataError(
            f"teacher_weight has {table.shape[1]} columns for {periods.n} periods. Give one, or one a period."
        )
    values = read_teacher_weight(table, ids).to_numpy()
    if len(values) and not values.any():
        raise DataError(
            "teacher_weight is 0 for everybody, so nobody could teach. Give some people a weight above 0."
        )
    return values


def _informed(one: Adopted, periods: Timeline) -> NDArray[np.float64]:
    """Return people x periods: 1 for those informed by the end of it."""
    tau = periods_of(one, periods)
    state: NDArray[np.float64] = (tau[:, None] <= np.arange(periods.n)).astype(np.float64)
    return state


def _exposed(
    state: NDArray[np.float64],
    matrices: list[Any],
    weight: NDArray[np.float64],
    lag: int,
    normalised: bool,
    compat: Compat,
    known: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Compute people x periods; ``known`` has one column, or one a network."""
    n, count = state.shape
    informed = state * weight
    out = np.full((n, count), np.nan)
    wide = np.broadcast_to(weight, (n, count))
    used = [t for t in range(count) if 0 <= t - lag < count]
    if not used:
        return out
    source = np.array(used) - lag
    if len(matrices) == 1:
        top, below = matrices[0] @ informed[:, source], matrices[0] @ wide[:, source]
    else:
        top = np.column_stack([matrices[s] @ informed[:, s] for s in source])
        below = np.column_stack([matrices[s] @ wide[:, s] for s in source])
    if compat == "netdiffuseR":
        out[:, used] = top / (below + _TINY) if normalised else top
        return out
    values = np.divide(top, below, out=np.full_like(top, np.nan), where=below > 0) if normalised else top
    asked = known if known.shape[1] == 1 else known[:, source]
    out[:, used] = np.where((below > 0) & asked, values, np.nan)
    return out


def structural_equivalence(
    net: PeerNetwork,
    *,
    power: float = 1.0,
    group: str | None = None,
    compat: Compat = None,
) -> pd.DataFrame:
    r"""Share of each person's attention that goes to people in the same position.

    With :math:`z_{ij}` the geodesic distance from i to j along "learns from" divided by the largest one,

    .. math::
        d_{ij}^2 = (z_{ij} - z_{ji})^2 + \sum_{k \ne i, j} [(z_{ik} - z_{jk})^2 + (z_{ki} - z_{kj})^2], \qquad
        s_{ij} = \frac{(d_i^{max} - d_{ij})^v}{\sum_{k \ne i} (d_i^{max} - d_{ik})^v} .

    Parameters
    ----------
    net : PeerNetwork
        Weights are not used.
    power : float
        v, sharpness: the larger, the more only the nearest positions count.
    group : str, optional
        Column of people: positions are compared within groups; 0 across.
    compat : {"netdiffuseR"}, optional
        Distances count to 6 steps and unreachable pairs get 0 (as near as oneself), as in that package. By default
        they get one step more than the largest distance.

    Returns
    -------
    pandas.DataFrame, shape (n_people, n_people)
        Rows sum to 1; rows of people for whom all others are equally far are 0. Diagonal 0.

    Raises
    ------
    DataError
        For a group that is not a column of people.
    PermissionLocked
        When the study behind the network does not list ``diffusion.structural_equivalence``.
    """
    require(net, "person_level", function="diffusion.structural_equivalence")
    return pd.DataFrame(_equivalence(net, power, group, compat), index=net.ids, columns=net.ids)


def _equivalence(net: PeerNetwork, power: float, group: str | None, compat: Compat) -> NDArray[np.float64]:
    """Compute structural equivalence of all people."""
    literal("compat", compat, (None, "netdiffuseR"))
    out = np.zeros((net.n_people, net.n_people))
    codes = np.zeros(net.n_people, dtype=np.intp) if group is None else net.codes(group)[0]
    asks = net.adjacency.T.tocsr()
    for code in np.unique(codes[codes >= 0]):
        rows = np.flatnonzero(codes == code)
        out[np.ix_(rows, rows)] = _positions(asks[rows][:, rows], power, compat)
    return out


def _positions(asks: csr_array, power: float, compat: Compat) -> NDArray[np.float64]:
    """Compute structural equivalence of one group."""
    from scipy.sparse.csgraph import shortest_path

    n = asks.shape[0]
    steps = shortest_path(asks, directed=True, unweighted=True)
    np.fill_diagonal(steps, 0.0)
    if compat == "netdiffuseR":
        steps[steps > 6] = 0.0
    else:
        finite = steps[np.isfinite(steps)]
        steps[~np.isfinite(steps)] = (finite.max() if len(finite) else 0.0) + 1
    z = steps / steps.max() if steps.max() > 0 else steps
    profile = np.hstack([z, z.T])
    square = (profile**2).sum(axis=1)
    d2 = square[:, None] + square[None, :] - 2 * profile @ profile.T
    # the full profiles also hold columns i and j: (z_ii - z_ji)^2 + (z_ij - z_jj)^2, twice; the definition has one
    # (z_ij - z_ji)^2 in their place
    d2 += (z - z.T) ** 2 - 2 * (z**2 + z.T**2)
    d = np.sqrt(np.clip(d2, 0.0, None))
    np.fill_diagonal(d, 0.0)
    gap = np.clip(d.max(axis=1, keepdims=True) - d, 0.0, None) ** power
    gap[d >= d.max(axis=1, keepdims=True) - 1e-12] = 0.0
    np.fill_diagonal(gap, 0.0)
    total = gap.sum(axis=1, keepdims=True)
    share: NDArray[np.float64] = np.divide(gap, total, out=np.zeros((n, n)), where=total > 0)
    return share
