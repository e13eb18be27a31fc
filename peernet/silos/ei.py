"""The E-I index: whether ties stay inside groups, and more than chance would have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.nulls._labels import LANES, lanes, segments, strata_codes
from peernet.nulls._rewire import BURN_IN, THIN, advance, deal_weights, pace
from peernet.privacy.permissions import require
from peernet.results import Alternative, Estimate, HypothesisTest, provenance
from peernet.silos._common import BIG, Grouped, collapse, grouped, scaled
from peernet.silos._moments import inside_moments, tie_sums
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["EITest", "ei_by_unit", "ei_estimate", "ei_index", "ei_test", "expected_ei"]

_BLOCK = 4 * LANES
_COMPILED_FROM = 1e8
Role = Literal["both", "teacher", "learner"]


def _shares(internal: Any, external: Any) -> Any:
    """Return (E - I) / (E + I), NaN where both are 0."""
    total = np.asarray(external + internal, dtype=np.float64)
    out = np.full(total.shape, np.nan)
    return np.divide(external - internal, total, out=out, where=total > 0)


def _by_person(net: PeerNetwork, data: Grouped, weighted: bool) -> NDArray[np.float64]:
    """Return weight taught inside, taught outside, learned inside, learned outside; shape (n_people, 4)."""
    w = scaled(data.weight, weighted)
    if len(w) >= BIG:
        from peernet.silos import _kernels

        counted: NDArray[np.float64] = _kernels.person_ei(
            net.n_people, data.teacher, data.learner, w, data.codes
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
        not balance. Compare with chance (:func:`ei_test`, :func:`ei_by_unit`) before reading it: in a firm of many
        small units chance alone gives values far above 0.

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
    return pd.Series(_shares(inside, outside), index=net.ids, name="ei_index")


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
        One row a group: ``n_people``; ``inside`` (weight inside the group), ``teaches_outside``, ``learns_outside``;
        ``ei`` = (outside - inside) / (outside + inside) over ties in either direction, ``ei_teaches`` and
        ``ei_learns`` over the ties in which the group's people teach or learn; ``expected`` and ``expected_one_way``,
        what shuffled labels give for ``ei`` and for the other two (ratio of expected counts). NaN for groups without
        ties; ``expected`` is NaN where there is nobody to be tied to.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``.

    References
    ----------
    .. [1] Krackhardt, D. & Stern, R. N. (1988). Informal networks and organizational crises. Social Psychology
       Quarterly 51(2), 123-140. doi:10.2307/2786835
    """
    data = grouped(net, group)
    side = _by_person(net, data, weighted)
    known = data.codes >= 0
    k = len(data.names)
    sums = np.column_stack([np.bincount(data.codes[known], side[known, c], k) for c in range(4)])
    if weighted and len(data.weight):
        sums = sums * data.weight.max()
    inside, teaches, learns = sums[:, 0], sums[:, 1], sums[:, 3]
    size, n = data.sizes.astype(np.float64), data.n
    return pd.DataFrame(
        {
            "n_people": data.sizes,
            "inside": inside,
            "teaches_outside": teaches,
            "learns_outside": learns,
            "ei": _shares(inside, teaches + learns),
            "ei_teaches": _shares(inside, teaches),
            "ei_learns": _shares(inside, learns),
            "expected": _shares(size * (size - 1), 2 * size * (n - size)),
            "expected_one_way": _shares(size * (size - 1), size * (n - size)),
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
) -> Estimate:
    r"""E-I index of the whole network with an interval for who happened to be there.

    The standard error is the jackknife over people, less what it counts twice: with :math:`\theta_{-v}` the log odds of
    outside against inside without person v, and :math:`o_d, i_d` the weight of pair d outside and inside, of O and I,

    .. math:: s^2 = \frac{n - 1}{n} \sum_v (\theta_{-v} - \bar\theta)^2 - D, \quad
       D = \sum_d (o_d / O)^2 + \sum_d (i_d / I)^2,

    at least D. A pair hangs on two people, so its own chance (D) enters the sum twice, while what people bring with
    them (their unit, how active they are) enters once. Halving the whole sum, as is done for ties alone, leaves out
    half of the second part: with 200 people such intervals hold 86 to 89 % (docs/calibration/silos.md). The interval
    is made on the log odds and mapped back, so it stays inside [-1, 1].

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
    Estimate
        In [-1, 1]; NaN without ties; the interval is NaN where all ties are on one side (no spread to learn from) or
        there are fewer than four people.

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
    return Estimate(
        name=f"E-I index by {group}",
        value=value,
        low=low,
        high=high,
        level=level,
        std_error=error,
        method="jackknife over people",
        n=n,
        estimand=f"balance of ties outside (1) and inside (-1) {group}; chance gives {expected_ei(data.sizes):.3g}",
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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EITest(HypothesisTest):
    """E-I index of a network against chance.

    Attributes
    ----------
    n_people : int
        People with a known group. With three or fewer, z is NaN: there is no spread to speak of.
    left_out : int
        Ties left out because a group is missing.
    """

    n_people: int = 0
    left_out: int = 0

    @property
    def z(self) -> float:
        """(observed - null mean) / null sd; NaN where the null does not vary or there are at most three people."""
        return float("nan") if self.n_people <= 3 else super().z

    def summary(self) -> str:
        """State observed value, what chance gives and p, and say what the ends of the scale mean."""
        return f"{super().summary()} -1: all ties stay inside, 1: all cross."


def ei_test(
    net: PeerNetwork,
    group: str,
    *,
    null: Literal["labels", "degrees"] = "labels",
    within: str | Sequence[str] | None = None,
    directed: bool = True,
    weighted: bool = False,
    alternative: Alternative = "two-sided",
    min_response: float | None = None,
    n_draws: int = 2000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> EITest:
    r"""E-I index of the network, :math:`(E - I) / (E + I)`, against what chance would give.

    ``null="labels"`` deals the group labels out again (sizes kept, ties kept). Mean and SD are then exact, by the
    moments of Mantel (1967), within strata too; the p-value counts draws. ``null="degrees"`` rewires the ties
    instead, everybody's number of learners and teachers kept: the right question where some groups teach much more
    than others. Mean and SD are then those of the draws.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. People whose group is missing, and their ties, are left out.
    null : {"labels", "degrees"}
        The null model.
    within : str or list of str, optional
        Strata of people. Labels move only inside them; under ``"degrees"`` the ties from each stratum to each other
        one keep their number. Asks: is there a silo beyond what, say, the site explains?
    directed : bool
        False: a pair of people counts once, whoever teaches.
    weighted : bool
        Sum weights. Under ``"degrees"`` each teacher's weights are dealt anew over the teacher's ties.
    alternative : {"two-sided", "greater", "less"}
        "less": fewer ties cross than chance would have it.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    n_draws : int
        Draws from the null model. 0 with ``null="labels"``: exact moments only, p by the normal curve.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    EITest
        ``observed``, ``null_mean``, ``null_sd``, ``z``, ``p_value``, ``null``. NaN without ties; z is NaN where the
        null does not vary (one group, groups of one) and with three people or fewer.

    Raises
    ------
    DataError
        If a column is not in ``net.people``, or too few people told of their ties.

    References
    ----------
    .. [1] Krackhardt, D. & Stern, R. N. (1988). Informal networks and organizational crises. Social Psychology
       Quarterly 51(2), 123-140. doi:10.2307/2786835
    .. [2] Mantel, N. (1967). The detection of disease clustering and a generalized regression approach. Cancer
       Research 27(2), 209-220.
    .. [3] Hubert, L. J. (1987). Assignment Methods in Combinatorial Data Analysis. Dekker.
    """
    require_response(net, "ei_test", min_response)
    rng = as_rng(rng)
    literal("null", null, ("labels", "degrees"))
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    size = count("n_draws", n_draws, 0 if null == "labels" else 1)
    start = record(rng)
    whole = data = grouped(net, group)
    if not directed:
        data = _pairs(net, data, weighted)
    w = scaled(data.weight, weighted)
    inside, outside = _total(data, w)
    people = np.flatnonzero(data.codes >= 0)
    strata = strata_codes(net, within)
    mean = sd = p = float("nan")
    if null == "labels":
        rows = np.cumsum(data.codes >= 0) - 1
        i, j = rows[data.teacher], rows[data.learner]
        mean, sd = _exact(data.codes[people], i, j, w, strata[people], inside + outside)
        draws = _label_draws(
            data.codes[people], i, j, w if weighted else None, strata[people], size, rng, n_jobs, progress
        )
        if not size:
            p = _normal_p(float(_shares(inside, outside)), mean, sd, alternative)
    else:
        draws = _degree_draws(net, whole, weighted, directed, strata, size, rng, n_jobs, progress)
    options = {"group": group, "null": null, "within": within, "directed": directed, "weighted": weighted}
    words = {
        "labels": "group labels shuffled",
        "degrees": "ties rewired, numbers of learners and teachers kept",
    }
    null_keeps = "group sizes" if null == "labels" else "everybody's number of ties"
    beside = "" if within is None else f" within {within if isinstance(within, str) else ' x '.join(within)}"
    return EITest(
        name=f"E-I index by {group}",
        observed=float(_shares(inside, outside)),
        null=draws,
        null_model=words[null] + beside,
        alternative=alternative,
        null_mean=mean,
        null_sd=sd,
        p_value=p,
        n_people=data.n,
        left_out=data.left_out,
        estimand=f"balance of ties outside and inside {group}, beyond {null_keeps}",
        assumptions=("under the null every such network is equally likely",),
        provenance=provenance(
            "silos.ei_test",
            net,
            options=options | {"n_draws": size, "alternative": alternative},
            rng=start,
            used={"people_with_group": data.n, "ties_left_out_without_group": data.left_out},
        ),
    )


def _exact(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64],
    strata: NDArray[Any],
    total: float,
) -> tuple[float, float]:
    """Mean and SD of E-I under label shuffles."""
    if not total > 0:
        return float("nan"), float("nan")
    mean, sd = inside_moments(codes, i, j, w, strata)
    return 1 - 2 * mean / total, 2 * sd / total


def _normal_p(observed: float, mean: float, sd: float, alternative: str) -> float:
    """p-value by the normal curve, for a test without draws."""
    from scipy.special import ndtr

    if not sd > 0:
        return float("nan")
    less = float(ndtr((observed - mean) / sd))
    greater = float(ndtr((mean - observed) / sd))
    return {"less": less, "greater": greater, "two-sided": min(1.0, 2 * min(less, greater))}[alternative]


def _small(codes: NDArray[Any]) -> NDArray[Any]:
    """Return labels in the smallest type that holds them."""
    top = int(codes.max()) if len(codes) else 0
    return codes.astype(np.uint8 if top < 2**8 else np.uint16 if top < 2**16 else np.int32)


def _label_draws(
    codes: NDArray[Any],
    i: NDArray[Any],
    j: NDArray[Any],
    w: NDArray[np.float64] | None,
    strata: NDArray[Any],
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """E-I of many label shuffles; ``w`` None counts ties."""
    if not len(i):
        return np.full(n_draws, np.nan)
    parts = segments(strata)
    labels = _small(codes)
    a, b = parts.rank[i].astype(np.uint32), parts.rank[j].astype(np.uint32)
    compiled = n_draws * (len(codes) + 2 * len(i)) >= _COMPILED_FROM
    total = float(len(i)) if w is None else float(w.sum())

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        outside = np.empty(size)
        for begin in range(0, size, LANES):
            width = min(LANES, size - begin)
            drawn = lanes(labels, parts, LANES if compiled else width, stream, compiled=compiled)
            outside[begin : begin + width] = _outside(drawn, a, b, w, compiled)[:width]
        return 2 * outside / total - 1

    blocks = run_blocks(
        block, n_draws, rng=rng, block=_BLOCK, n_jobs=n_jobs, progress=progress, desc="label shuffles"
    )
    return np.concatenate(blocks) if blocks else np.empty(0)


def _outside(
    drawn: NDArray[Any], a: NDArray[Any], b: NDArray[Any], w: NDArray[np.float64] | None, compiled: bool
) -> NDArray[Any]:
    """Weight between different labels in each column of ``drawn``."""
    if compiled:
        from peernet.silos import _kernels

        lanes_of: Any = (
            _kernels.external_lanes(drawn, a, b)
            if w is None
            else _kernels.external_lanes_weighted(drawn, a, b, w)
        )
        return np.asarray(lanes_of, dtype=np.float64)
    across = drawn[a] != drawn[b]
    return np.asarray(across.sum(axis=0) if w is None else w @ across, dtype=np.float64)


def _degree_draws(
    net: PeerNetwork,
    data: Grouped,
    weighted: bool,
    directed: bool,
    strata: NDArray[Any],
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """E-I of many rewired networks."""
    m, n = len(data.teacher), net.n_people
    if not m:
        return np.full(n_draws, np.nan)
    ptr = np.searchsorted(data.teacher, np.arange(n + 1)).astype(np.int64)
    teacher = np.ascontiguousarray(data.teacher)
    block_size = 16
    more = m * pace(n, m)
    compiled = n_draws * (THIN + BURN_IN / block_size) * more >= 3e4
    w = scaled(data.weight, weighted)

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        learner = np.array(data.learner)
        out = np.empty(size)
        for d in range(size):
            steps = (THIN if d else BURN_IN) * more
            advance(ptr, teacher, learner, steps, stream, strata=strata, compiled=compiled)
            dealt = deal_weights(teacher, w, stream) if weighted else w
            drawn = data._replace(learner=learner, weight=dealt)
            if not directed:
                drawn = _pairs(net, drawn, weighted)
            out[d] = _shares(*_total(drawn, drawn.weight))
        return out

    blocks = run_blocks(
        block, n_draws, rng=rng, block=block_size, n_jobs=n_jobs, progress=progress, desc="rewirings"
    )
    return np.concatenate(blocks)
