"""Whether a number about a diffusion depends on who is tied to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._missing import periods_of
from peernet.diffusion._time import Period, check_lag, timeline
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.results import Alternative, HypothesisTest, provenance

__all__ = ["structure_test"]

Null = Literal["swap", "endpoints", "labels"]
Statistic = Literal["mean_threshold", "moran"] | Callable[[PeerNetwork], float]
Rows = NDArray[np.int32]
_NAMES = {"mean_threshold": "mean exposure at adoption", "moran": "likeness of learners and teachers in time"}
_NULLS = {
    "swap": "ties rewired, everybody keeps the number of teachers and of learners",
    "endpoints": "every learner's teachers drawn anew, the number of teachers kept",
    "labels": "adoption times dealt out anew among the people",
}


def structure_test(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    statistic: Statistic = "mean_threshold",
    *,
    null: Null,
    start: Any,
    end: Any,
    period: Period = None,
    lag: int = 1,
    within: str | None = None,
    item: str | None = None,
    compat: Literal["netdiffuseR"] | None = None,
    alternative: Alternative = "two-sided",
    n_draws: int = 1000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> HypothesisTest:
    """A statistic of the diffusion against networks in which ties do not matter.

    The null model decides: the same mean threshold can be ordinary among networks with the same degrees and
    extraordinary among networks that lose them. So it has no default and stands in every answer.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``adoption_curve``; one item.
    statistic : {"mean_threshold", "moran"} or callable
        Mean exposure at adoption (unweighted ties), likeness in time of adoption of learners and their teachers (those
        who never adopt stand one period after the last), or any function from a network to a number.
    null : {"swap", "endpoints", "labels"}
        Rewire and keep all degrees; draw each learner's teachers anew; deal adoption times out anew.
    lag : int
        Periods back for the threshold.
    within : str, optional
        Column of people: rewire or shuffle within its groups only.
    compat : {"netdiffuseR"}, optional
        Adopters without teachers count with a threshold of 0, as in that package; otherwise they are left out.
    alternative : {"two-sided", "greater", "less"}
        Which departures count.
    n_draws : int
        Draws from the null model.
    rng, n_jobs, progress
        As everywhere; the answer does not depend on ``n_jobs``.

    Returns
    -------
    HypothesisTest
        p = (b + 1) / (R + 1), two-sided twice the smaller tail; NaN when the statistic is not defined.

    Raises
    ------
    DataError
        As ``adoption_curve``; for a callable with ``null="labels"``, which shuffles times, not ties.
    """
    rng = as_rng(rng)
    literal("null", null, tuple(_NULLS))
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    count("n_draws", n_draws)
    if not callable(statistic):
        literal("statistic", statistic, ("mean_threshold", "moran"))
    elif null == "labels":
        raise DataError(
            "structure_test: a statistic of your own sees the network, so null='labels' cannot move it."
        )
    state = record(rng)
    items, moments = read_adoptions(adoptions, net.ids, item)
    one = choose(items, "structure_test")
    periods = timeline(moments, start, end, period)
    tau = periods_of(one, periods)
    lag = check_lag(lag, periods)
    strata = None if within is None else net.codes(within)[0].astype(np.int64)
    literal("compat", compat, (None, "netdiffuseR"))
    value = _statistic(net, statistic, tau, periods.n, lag, compat is not None)
    teacher = net.teacher.astype(np.int64)
    observed = value(teacher, net.learner.astype(np.int64), tau)
    draws = _draws(net, null, strata, value, tau, n_draws, rng, n_jobs, progress)
    name = statistic if isinstance(statistic, str) else getattr(statistic, "__name__", "statistic")
    words = _NULLS[null] + (f", within {within}" if within else "")
    title = _NAMES.get(name, name)
    if not np.isfinite(observed):
        title += f", not defined: {_why_not(net, statistic, tau, periods.n)}"
    return HypothesisTest(
        name=title,
        observed=observed, null=draws, null_model=words, alternative=alternative,
        estimand="Dependence of the diffusion on who is tied to whom",
        provenance=provenance("diffusion.structure_test", net, rng=state,
        options={"statistic": name, "null": null, "within": within, "lag": lag, "n_draws": n_draws}),
    )  # fmt: skip


def _why_not(net: PeerNetwork, statistic: Statistic, tau: NDArray[np.int64], last: int) -> str:
    """Say why a statistic is not defined."""
    if callable(statistic):
        return "the function gave no finite number"
    if not net.n_ties:
        return "no ties"
    if not ((tau >= 0) & (tau < last)).any():
        return "nobody adopted within the span"
    if statistic == "moran":
        return "all adopted at the same time"
    return "nobody who adopted after the first periods has known teachers"


Value = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], float]


def _statistic(
    net: PeerNetwork, statistic: Statistic, tau: NDArray[np.int64], last: int, lag: int, zeros: bool
) -> Value:
    """Return a function of (teacher rows, learner rows, periods) to the number."""
    n = net.n_people
    if callable(statistic):
        own = statistic

        def general(teacher: NDArray[np.int64], learner: NDArray[np.int64], tau: NDArray[np.int64]) -> float:
            return float(own(PeerNetwork.from_codes(teacher, learner, people=net.people)))

        return general
    if statistic == "mean_threshold":

        def mean_threshold(
            teacher: NDArray[np.int64], learner: NDArray[np.int64], tau: NDArray[np.int64]
        ) -> float:
            adopted = (tau >= lag) & (tau < last) if lag > 0 else (tau >= 0) & (tau < last)
            before = tau[teacher] <= tau[learner] - lag
            total = np.bincount(learner, minlength=n)
            informed = np.bincount(learner[before], minlength=n)
            use = adopted & ((total > 0) | zeros)
            return float((informed[use] / np.maximum(total[use], 1)).mean()) if use.any() else float("nan")

        return mean_threshold

    def moran(teacher: NDArray[np.int64], learner: NDArray[np.int64], tau: NDArray[np.int64]) -> float:
        c = tau - tau.mean()
        spread = float(c @ c)
        total = np.bincount(learner, minlength=n)
        whole = float((total > 0).sum())
        if not spread or not whole:
            return float("nan")
        return float(n / whole * np.sum(c[teacher] * c[learner] / total[learner]) / spread)

    return moran


def _draws(
    net: PeerNetwork, null: Null, strata: NDArray[np.int64] | None, value: Value, tau: NDArray[np.int64], n_draws: int,
    rng: np.random.Generator, n_jobs: int, progress: bool,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the statistic on each draw."""
    teacher, learner = net.teacher.astype(np.int64), net.learner.astype(np.int64)

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        out = np.empty(size)
        if null == "swap":
            from peernet.nulls import draw_rewired

            drawn = draw_rewired(net, n_draws=size, strata=strata, rng=stream)
            for d in range(size):
                out[d] = value(teacher, drawn[d].astype(np.int64), tau)
            return out
        for d in range(size):
            if null == "labels":
                out[d] = value(teacher, learner, _shuffled(tau, strata, stream))
            else:
                out[d] = value(_teachers(learner, teacher, net.n_people, strata, stream), learner, tau)
        return out

    parts = run_blocks(block, n_draws, rng=rng, block=250, n_jobs=n_jobs, progress=progress, desc="rewiring")
    return np.concatenate(parts)


def _shuffled(
    tau: NDArray[np.int64], strata: NDArray[np.int64] | None, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal periods out anew, within strata if given."""
    if strata is None:
        return rng.permutation(tau)
    out = tau.copy()
    order = np.argsort(strata, kind="stable")
    keys = rng.random(len(tau))
    out[order] = tau[np.lexsort((keys, strata))]
    return out


def _teachers(
    learner: NDArray[np.int64],
    teacher: NDArray[np.int64],
    n: int,
    strata: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw every learner's teachers anew: distinct, not oneself, and from the same stratum as the old one if asked."""
    pools = (
        [np.arange(n)]
        if strata is None
        else [np.flatnonzero(strata == g) for g in range(int(strata.max()) + 1)]
    )
    group = np.zeros(len(learner), dtype=np.int64) if strata is None else strata[teacher]
    out = np.empty_like(teacher)
    todo = np.arange(len(learner))
    sizes = np.array([len(p) for p in pools])
    flat = np.concatenate(pools)
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for _ in range(1000):
        pick = (rng.random(len(todo)) * sizes[group[todo]]).astype(np.int64)
        out[todo] = flat[begin[group[todo]] + pick]
        pair = learner * n + out
        order = np.argsort(pair, kind="stable")
        double = np.zeros(len(pair), dtype=bool)
        double[order[1:]] = pair[order[1:]] == pair[order[:-1]]
        todo = np.flatnonzero(double | (out == learner))
        if not len(todo):
            return out
    return teacher
