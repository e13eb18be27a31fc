"""The E-I index: whether ties stay inside groups, and more than chance would have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.privacy.permissions import require
from peernet.results import Estimate, provenance
from peernet.silos._common import BIG, Grouped, collapse, grouped, grouped_to_show, known_pairs, scaled, shown
from peernet.silos._moments import tie_sums
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["EIEstimate", "ei_by_unit", "ei_estimate", "ei_index", "expected_ei"]

Role = Literal["both", "teacher", "learner"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EIEstimate(Estimate):
    """E-I index of a network with its interval.

    Attributes
    ----------
    chance : float
        What shuffled labels give on average; NaN where there is nobody to be tied to.
    """

    chance: float = float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the index with its interval beside what chance gives.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        known = not np.isnan(self.chance)
        axes = plots.plot_intervals(
            self.to_frame(),
            label="name",
            xlabel="-1: all ties stay inside, 1: all cross" + ("; dashed: chance" if known else ""),
            reference=self.chance if known else None,
            ax=ax,
        )
        axes.set_xlim(-1.05, 1.05)
        if known:
            side, shift = ("right", -4) if self.chance > 0 else ("left", 4)
            axes.annotate(
                f"chance {self.chance:.2f}", (self.chance, -0.5), xytext=(shift, 0), textcoords="offset points",
                ha=side, color=plots.GREY, fontsize=9,
            )  # fmt: skip
        return axes


def _shares(internal: Any, external: Any) -> Any:
    """Return (E - I) / (E + I), NaN where both are 0."""
    total = np.asarray(external + internal, dtype=np.float64)
    out = np.full(total.shape, np.nan)
    return np.divide(external - internal, total, out=out, where=total > 0)


def _by_person(net: PeerNetwork, data: Grouped, weighted: bool) -> NDArray[np.float64]:
    """Return weight taught inside, taught outside, learned inside, learned outside; shape (n_people, 4)."""
    if len(data.weight) >= BIG and weighted is False:
        from peernet.silos import _kernels_people

        ties: NDArray[np.int32] = _kernels_people.count_ei(
            net.n_people,
            data.teacher.astype(np.int32, copy=False),
            data.learner.astype(np.int32, copy=False),
            data.codes.astype(np.int32),
        )
        return ties.astype(np.float64)
    w = scaled(data.weight, weighted)
    if len(w) >= BIG:
        from peernet.silos import _kernels

        counted: NDArray[np.float64] = _kernels.person_ei(
            net.n_people,
            data.teacher.astype(np.int32, copy=False),
            data.learner.astype(np.int32, copy=False),
            w,
            data.codes.astype(np.int32),
        )
        return counted
    across = (data.codes[data.teacher] != data.codes[data.learner]).astype(np.int64)
    flat = [
        np.bincount(2 * end + across, w, 2 * net.n_people).reshape(-1, 2)
        for end in (data.teacher, data.learner)
    ]
    return np.hstack(flat)


def expected_ei(sizes: NDArray[Any]) -> float:
    """E-I that label shuffles give on average: 2 ext / (n (n - 1)) - 1 with ext = n^2 - sum of squared sizes.

    Parameters
    ----------
    sizes : numpy.ndarray of int
        People in each group.

    Returns
    -------
    float
        In [-1, 1]; NaN with fewer than two people. It does not depend on the ties or their weights.
    """
    n = int(np.sum(sizes))
    if n < 2:
        return float("nan")
    same = int(np.sum(np.asarray(sizes, dtype=np.int64) ** 2))
    return 2 * (n * n - same) / (n * (n - 1)) - 1


def ei_index(
    net: PeerNetwork,
    group: str,
    *,
    role: Role = "both",
    directed: bool = True,
    weighted: bool = False,
    min_response: float | None = None,
) -> pd.Series[Any]:
    r"""Each person's balance of ties outside and inside the own group: -1 all inside, 1 all outside.

    .. math:: \mathrm{EI}_i = (E_i - I_i) / (E_i + I_i)

    with :math:`E_i` and :math:`I_i` the ties (or their weights) of person i to people of other groups and of the own.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    role : {"both", "teacher", "learner"}
        Which ties of a person count: all, those in which the person teaches, or those in which they learn.
    directed : bool
        False: a pair of people counts once, whoever teaches (weights of both directions added).
    weighted : bool
        Sum weights instead of counting ties.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.Series, shape (n_people,)
        In [-1, 1], indexed like ``net.people``, named ``"ei_index"``. NaN for people without such ties: no evidence is
        not balance; for people who did not report the ties that ``role`` counts (unknown, ``attrs["people_unknown"]``),
        and for objectors. Compare with chance (:func:`ei_test`, :func:`ei_by_unit`) before reading it: in a firm of
        many small units chance alone gives values far above 0.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``, or too few people told of their ties.

    References
    ----------
    .. [1] Krackhardt, D. & Stern, R. N. (1988). Informal networks and organizational crises. Social Psychology
       Quarterly 51(2), 123-140. doi:10.2307/2786835
    """
    require(net, "person_level", function="silos.ei_index")
    require_response(net, "ei_index", min_response)
    literal("role", role, ("both", "teacher", "learner"))
    data = grouped(net, group)
    if not directed:
        if role != "both":
            raise ValueError(f'directed=False counts each pair once, so role must be "both"; got {role!r}.')
        data = _pairs(net, data, weighted)
    side = _by_person(net, data, weighted)
    inside = {"teacher": side[:, 0], "learner": side[:, 2], "both": side[:, 0] + side[:, 2]}[role]
    outside = {"teacher": side[:, 1], "learner": side[:, 3], "both": side[:, 1] + side[:, 3]}[role]
    return shown(net, pd.Series(_shares(inside, outside), index=net.ids, name="ei_index"), role)


def _pairs(net: PeerNetwork, data: Grouped, weighted: bool) -> Grouped:
    """Return the data with each pair of people once."""
    i, j, w = collapse(net.n_people, data.teacher, data.learner, scaled(data.weight, True), weighted=weighted)
    return data._replace(teacher=i, learner=j, weight=w)


def ei_by_unit(net: PeerNetwork, group: str, *, weighted: bool = False) -> pd.DataFrame:
    r"""Each group's balance of ties outside and inside, beside what its size alone would give.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    weighted : bool
        Sum weights instead of counting ties.

    Returns
    -------
    pandas.DataFrame
        One row a group (groups under the floor of a study are pooled): ``n_people``; ``inside`` (weight inside the
        group), ``teaches_outside``, ``learns_outside``;
        ``ei`` = (outside - inside) / (outside + inside) over ties in either direction, ``ei_teaches`` and
        ``ei_learns`` over the ties in which the group's people teach or learn; ``expected`` and ``expected_one_way``,
        what shuffled labels give for ``ei`` and for the other two (ratio of expected counts, over the pairs of people
        of which somebody who answered would have told; the one-way value is for the role that reports). NaN for groups
        without ties; ``expected`` is NaN where there is nobody to be tied to.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``.

    References
    ----------
    .. [1] Krackhardt, D. & Stern, R. N. (1988). Informal networks and organizational crises. Social Psychology
       Quarterly 51(2), 123-140. doi:10.2307/2786835
    """
    data = grouped_to_show(net, group, "silos.ei_by_unit")
    side = _by_person(net, data, weighted)
    known = data.codes >= 0
    k = len(data.names)
    sums = np.column_stack([np.bincount(data.codes[known], side[known, c], k) for c in range(4)])
    if weighted and len(data.weight):
        sums = sums * data.weight.max()
    inside, teaches, learns = sums[:, 0], sums[:, 1], sums[:, 3]
    pairs = known_pairs(net, data)
    own = np.diag(pairs)
    taught, learned = pairs.sum(axis=1) - own, pairs.sum(axis=0) - own
    return pd.DataFrame(
        {
            "n_people": data.sizes,
            "inside": inside,
            "teaches_outside": teaches,
            "learns_outside": learns,
            "ei": _shares(inside, teaches + learns),
            "ei_teaches": _shares(inside, teaches),
            "ei_learns": _shares(inside, learns),
            "expected": _shares(own, taught + learned),
            "expected_one_way": _shares(own, learned if net.respondent_is == "learner" else taught),
        },
        index=data.names,
    )


def _total(data: Grouped, w: NDArray[np.float64]) -> tuple[float, float]:
    """Return the weight inside and outside groups."""
    across = data.codes[data.teacher] != data.codes[data.learner]
    outside = float(w[across].sum())
    return float(w.sum()) - outside, outside


def ei_estimate(
    net: PeerNetwork,
    group: str,
    *,
    directed: bool = True,
    weighted: bool = False,
    level: float = 0.95,
    min_response: float | None = None,
) -> EIEstimate:
    r"""E-I index of the whole network with an interval for who happened to be there.

    The standard error is the jackknife over people, less what it counts twice: with :math:`\theta_{-v}` the log odds of
    outside against inside without person v, and :math:`o_d, i_d` the weight of pair d outside and inside, of O and I,

    .. math:: s^2 = \frac{n - 1}{n} \sum_v (\theta_{-v} - \bar\theta)^2 - D, \quad
       D = \sum_d (o_d / O)^2 + \sum_d (i_d / I)^2,

    at least D; in the logarithms and in D, half a mean weight is added to O and to I. The interval is
    :math:`\ln(O / I) \pm t_{n-1} s` (Student's t with n - 1 degrees of freedom), mapped back, so that it stays inside
    [-1, 1]. A pair hangs on two people, so its own chance (D) enters the sum twice, while what people bring with them
    (their unit, how active they are) enters once. Halving the whole sum, as is done for ties alone, leaves out half of
    the second part: with 200 people such intervals hold 86 to 89 % (docs/calibration/silos.md). With 20 people ours is
    too wide (the 95 % interval holds 97 to 98 %); from 40 people on it holds 94 to 96 %.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    directed : bool
        False: a pair of people counts once.
    weighted : bool
        Sum weights instead of counting ties.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    level : float
        Coverage of the interval.

    Returns
    -------
    EIEstimate
        In [-1, 1], with ``chance`` beside it; NaN without ties; the interval is NaN where all ties are on one side (no
        spread to learn from) or there are fewer than four people.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Snijders, T. A. B. & Borgatti, S. P. (1999). Non-parametric standard errors and tests for network
       statistics. Connections 22(2), 161-170.
    .. [2] Aronow, P. M., Samii, C. & Assenova, V. A. (2015). Cluster-robust variance estimation for dyadic data.
       Political Analysis 23(4), 564-577. doi:10.1093/pan/mpv018
    """
    require_response(net, "ei_estimate", min_response)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    data = grouped(net, group)
    if not directed:
        data = _pairs(net, data, weighted)
    w = scaled(data.weight, weighted)
    inside, outside = _total(data, w)
    value = float(_shares(inside, outside))
    low = high = error = float("nan")
    n = data.n
    side = _by_person(net, data._replace(weight=w), True) if len(w) else np.zeros((net.n_people, 4))
    scale = w.max() if len(w) else 1.0
    known = data.codes >= 0
    left_in = inside - scale * (side[known, 0] + side[known, 2])
    left_out = outside - scale * (side[known, 1] + side[known, 3])
    if n >= 4 and inside > 0 and outside > 0:
        from scipy.special import stdtrit

        # Half a unit of weight on each side keeps the odds finite when one person carries all ties of a kind.
        half = 0.5 * float(np.mean(w))
        odds = np.log(np.maximum(left_out, 0) + half) - np.log(np.maximum(left_in, 0) + half)
        own = _pair_chance(net, data, w, (inside + half, outside + half))
        spread = float(np.sqrt(max((n - 1) / n * np.sum((odds - odds.mean()) ** 2) - own, own)))
        centre = float(np.log(outside) - np.log(inside))
        reach = float(stdtrit(n - 1, (1 + level) / 2)) * spread
        low, high = (float(np.tanh((centre + side_) / 2)) for side_ in (-reach, reach))
        error = spread * (1 - value**2) / 2
    used = {"ties_left_out_without_group": data.left_out, "people_with_group": n}
    chance = _by_chance(net, data)
    return EIEstimate(
        name=f"E-I index by {group}",
        chance=chance,
        value=value,
        low=low,
        high=high,
        level=level,
        std_error=error,
        method="jackknife over people",
        n=n,
        estimand=f"balance of ties outside (1) and inside (-1) {group}; chance gives {chance:.3g}",
        assumptions=(
            "people are exchangeable draws of who might have been there",
            "silent people's ties are unknown",
        ),
        provenance=provenance(
            "silos.ei_estimate",
            net,
            options={"group": group, "directed": directed, "weighted": weighted},
            used=used,
        ),
    )


def _by_chance(net: PeerNetwork, data: Grouped) -> float:
    """E-I of the pairs of people of which somebody who answered would have told."""
    pairs = known_pairs(net, data)
    return float(_shares(np.trace(pairs), pairs.sum() - np.trace(pairs)))


def _pair_chance(
    net: PeerNetwork, data: Grouped, w: NDArray[np.float64], totals: tuple[float, float]
) -> float:
    """Return the squared influence of every pair of people on the log odds, added up."""
    across = data.codes[data.teacher] != data.codes[data.learner]
    own = 0.0
    for part, total in ((~across, totals[0]), (across, totals[1])):
        _, squares, mutual, *_ = tie_sums(
            net.n_people, data.teacher[part], data.learner[part], w[part] / total
        )
        own += squares + mutual
    return own
