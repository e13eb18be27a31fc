"""The E-I index against chance: shuffled labels and rewired ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from peernet._check import count, literal
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.nulls._labels import (
    LANES,
    label_strata,
    label_words,
    lanes,
    segments,
    strata_codes,
    without_stratum,
)
from peernet.nulls._rewire import BURN_IN, THIN, advance, deal_weights, pace
from peernet.results import Alternative, HypothesisTest, Verdict, provenance
from peernet.silos._common import Grouped, grouped, scaled
from peernet.silos._moments import inside_moments
from peernet.silos._response import require_response
from peernet.silos.ei import _pairs, _shares, _total

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["EITest", "ei_test"]

_BLOCK = 4 * LANES
LEVEL = 0.05
_COMPILED_FROM = 1e8


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

    def __post_init__(self) -> None:
        """Leave p open where the null cannot vary, and give the verdict on "ties stay inside more than chance"."""
        super().__post_init__()
        if self.still:
            object.__setattr__(self, "p_value", float("nan"))
        object.__setattr__(self, "verdict", self._verdict())

    @property
    def still(self) -> bool:
        """Whether every draw from the null gives the same number, so that nothing can be tested."""
        scale = max(abs(self.observed), abs(self.null_mean), 1e-300)
        away = abs(self.observed - self.null_mean)
        return bool(self.null_sd <= 1e-12 * scale and away <= 1e-9 * scale)

    def _verdict(self) -> Verdict:
        """Say whether ties stay inside more than the null has them, at 5 %."""
        if np.isnan(self.p_value):
            return "not answered by these data"
        if self.p_value > LEVEL:
            return "inconclusive"
        return "supported" if self.observed < self.null_mean else "contradicted"

    @property
    def z(self) -> float:
        """(observed - null mean) / null sd; NaN where the null does not vary or there are at most three people."""
        return float("nan") if self.n_people <= 3 else super().z

    def summary(self) -> str:
        """State observed value, what chance gives and p, and say what the ends of the scale mean."""
        fixed = " This null cannot vary: what it keeps settles the index, so there is nothing to test."
        return f"{super().summary()} -1: all ties stay inside, 1: all cross.{fixed if self.still else ''}"


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
    moments of Mantel (1967), within strata too; the p-value counts draws. Where some people did not report their ties,
    labels move among those who reported and among those who did not (their ties are unknown, not absent: otherwise
    silence in one group would pass for a silo). ``null="degrees"`` rewires the ties
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
        Strata of people; who has none keeps the label (counted in
        ``provenance["people_without_stratum"]``). Labels move only inside them; under ``"degrees"`` the ties from
        each stratum to each other
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
        ``observed``, ``null_mean``, ``null_sd``, ``z``, ``p_value``, ``null``. NaN without ties; z and p are NaN where
        the null cannot vary (one group, groups of one, ``within`` the group itself), z with three people or fewer.
        ``verdict`` is on "ties stay inside more than chance", at 5 %.

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
    strata = (label_strata if null == "labels" else strata_codes)(net, within)
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
        null_model=words[null] + (label_words(net) if null == "labels" else "") + beside,
        alternative=alternative,
        null_mean=mean,
        null_sd=sd,
        p_value=p,
        n_people=data.n,
        left_out=data.left_out,
        estimand=f"balance of ties outside and inside {group}, beyond {null_keeps}",
        would_count_against="more ties across groups than the null gives",
        assumptions=("under the null every such network is equally likely",),
        provenance=provenance(
            "silos.ei_test",
            net,
            options=options | {"n_draws": size, "alternative": alternative},
            rng=start,
            used={
                "people_with_group": data.n,
                "ties_left_out_without_group": data.left_out,
                "people_without_stratum": without_stratum(net, within),
            },
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
