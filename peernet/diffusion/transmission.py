"""Network-based diffusion analysis: whether who learned when follows who teaches whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._fitted import NBDAFit
from peernet.diffusion._fitting import Plan_, fit_prepared
from peernet.diffusion._likelihood import Baseline
from peernet.diffusion._orders import MOST_TOGETHER
from peernet.diffusion._prepare import Assigned, Prepared, Silent, prepare
from peernet.diffusion._risk import Ties, Timing
from peernet.diffusion._time import Period
from peernet.errors import DataError, FitError
from peernet.network import PeerNetwork
from peernet.results import provenance

__all__ = ["fit_nbda"]

Networks = PeerNetwork | Mapping[str, Any]
Shared = Literal["social", "baseline"]


def fit_nbda(
    networks: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    timing: Timing = "order",
    baseline: Baseline = "free",
    asocial: Any = None,
    interaction: Any = None,
    multiplicative: Any = None,
    teacher_weight: Any = None,
    demonstrators: Any = None,
    presence: pd.DataFrame | None = None,
    ties: Ties | None = None,
    shared: Sequence[Shared] | None = None,
    normalised: bool = False,
    assigned: Assigned = "refuse",
    deadline_window: float | None = None,
    silent: Silent = "exclude",
    period: Period = None,
    item: str | None = None,
    level: float = 0.95,
    n_starts: int = 6,
    rng: RNGLike | SeedLike | None = None,
) -> NBDAFit:
    r"""How strongly learning followed teaching ties: network-based diffusion analysis.

    A naive person i acquires at the rate

    .. math:: \lambda_i(t) = h_0(t) \Big[ e^{x_i a + v_i b}
              + e^{u_i c + v_i b} \sum_k s_k \sum_j w_{ji}^{(k)} \omega_j z_j(t) \Big],

    where j runs over those who were informed before (:math:`z_j = 1`), :math:`w_{ji}^{(k)}` is how much j teaches i
    in network k (``net.adjacency[j, i]``; the literature writes the transpose) and :math:`\omega_j` the weight of j as
    a teacher. *order* uses who learned before whom (partial likelihood), *continuous* the times, *discrete* the
    periods, in which only those informed in earlier periods can have taught. A constant baseline books every common
    trend as teaching; the free baseline and the order do not. The model without teaching is always fitted beside it.

    Parameters
    ----------
    networks : PeerNetwork or dict of them
        Who teaches whom. A value of the dict may itself be a dict from a moment to the network in force from then on,
        or, for discrete time, a list with one a period.
    adoptions : pandas.DataFrame
        ``person, time`` and, for several items, ``item``; ``already_knew`` and ``assigned`` as ``adoptions_from`` makes
        them. Missing time, or a time after ``end``: not seen to adopt. A time before ``start``: knew already.
    start, end : time or number
        The observed span, never guessed. Discrete whole numbers: first and last observed period, both included.
    timing : {"order", "continuous", "discrete"}
        What of the adoptions to use.
    baseline : {"free", "constant", "weibull", "gamma"}
        Asocial rate over time. Free: a level of its own for each period (discrete), or left open as in Cox's model
        (continuous: then the same as the order). The order model has no other.
    asocial, interaction, multiplicative : list of str or DataFrame, optional
        Covariates x, u, v: columns of the people, or a table indexed by person, or a long table with ``person``,
        ``time`` (from when a value is in force), optionally ``item``. Text becomes indicators. s is the strength for
        people whose covariates are 0, so centre continuous ones.
    teacher_weight : Series or dict, optional
        :math:`\omega_j`, such as demonstrations an hour; 1 by default.
    demonstrators : list, dict by item, or DataFrame, optional
        Who knew from the start; they teach and are not at risk.
    presence : pandas.DataFrame, optional
        ``person`` and, where known, ``item``, ``start``, ``end``: who was there. People without a row were absent: they
        neither learn nor teach. Ends are included in discrete time, excluded otherwise.
    ties : {"apart", "sequential", "efron", "any_order"}, optional
        Adoptions at the same time. efron (default): they cannot have taught each other, and the answer does not depend
        on the order of people; apart: the same, but they leave the risk set in the order of people (NBDA's ``ties``);
        sequential: the order of people is believed; any_order: one after the other in an order that nobody recorded,
        those first can have taught the rest: the likelihood is summed over all orders (NBDA's ``trueTies``), up to 12
        people at a moment. Periods know only apart.
    shared : list of {"social", "baseline"}, optional
        What several items have in common; the rest is fitted for each item. Default: strengths, and the baseline unless
        it is free.
    normalised : bool
        Let each learner's ties sum to 1 (the share of teachers informed, in place of their number).
    assigned : {"refuse", "exclude", "deadline"}
        Adoptions that were ordered. A deadline imitates contagion: they are refused, or excluded (they teach, their own
        adoption is not explained), or their deadline becomes an asocial cause.
    deadline_window : float, optional
        How long before it is due a deadline is felt; default a sixth of the span.
    silent : {"exclude", "keep"}
        People who were asked who teaches them and did not answer: their teachers are unknown, not absent. Excluded,
        they can teach but their own learning is not explained; kept, they count as having no teachers.
    period : str or float, optional
        Discrete time: length of a period, as in ``adoption_curve``.
    item : str, optional
        Only this item.
    level : float
        Coverage of the intervals (profile likelihood for strengths, Wald for coefficients).
    n_starts : int
        Starting points: strengths over four orders of magnitude, coefficients at random.
    rng : generator or seed, optional
        For the starting points.

    Returns
    -------
    NBDAFit
        ``params`` holds one row a term; a strength is NaN when no learner ever had a teacher who could have taught
        (nothing is known), infinity when the likelihood still rises at 10^6 times the asocial rate. p-values of
        strengths take the boundary into account (half the chi-square).

    Raises
    ------
    DataError
        For tables that do not fit together, assigned items, absent learners.
    FitError
        When nobody was seen to learn.

    References
    ----------
    .. [1] Hoppitt, W., Boogert, N. J. & Laland, K. N. (2010). Detecting social transmission in networks. *Journal of
       Theoretical Biology* 263, 544-555. doi:10.1016/j.jtbi.2010.01.004
    .. [2] Hasenjager, M. J., Leadbeater, E. & Hoppitt, W. (2021). Detecting and quantifying social transmission using
       network-based diffusion analysis. *Journal of Animal Ecology* 90, 8-26. doi:10.1111/1365-2656.13307

    Examples
    --------
    >>> ties = pd.DataFrame({"teacher": ["a", "b", "c"], "learner": ["b", "c", "d"]})
    >>> seen = pd.DataFrame({"person": ["a", "b", "c", "d"], "time": [1, 2, 3, 4]})
    >>> fit_nbda(PeerNetwork(list("abcd"), ties), seen, start=0, end=5, rng=1).n
    4
    """
    rng = as_rng(rng)
    literal("timing", timing, ("order", "continuous", "discrete"))
    literal("baseline", baseline, ("free", "constant", "weibull", "gamma"))
    if ties is None:
        ties = "apart" if timing == "discrete" else "efron"
    literal("ties", ties, ("apart", "sequential", "efron", "any_order"))
    literal("assigned", assigned, ("refuse", "exclude", "deadline"))
    literal("silent", silent, ("exclude", "keep"))
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("n_starts", n_starts)
    if timing == "discrete" and ties != "apart":
        raise ValueError(
            f"ties={ties!r} is for timing='order' or 'continuous': in discrete time people of one period never teach "
            "each other. Leave ties out."
        )
    if timing == "order" and baseline != "free":
        raise ValueError(
            f"baseline={baseline!r} needs times: the order of learning says nothing about the baseline."
        )
    if deadline_window is not None and assigned != "deadline":
        raise ValueError(f"deadline_window belongs to assigned='deadline'; got assigned={assigned!r}.")
    own_social, own_baseline = _sharing(shared, baseline)
    start_state = record(rng)
    prepared = prepare(
        networks, adoptions, timing=timing, start=start, end=end, period=period, item=item, asocial=asocial,
        interaction=interaction, multiplicative=multiplicative, teacher_weight=teacher_weight,
        demonstrators=demonstrators, presence=presence, ties=ties, normalised=normalised, assigned=assigned,
        deadline_window=deadline_window, silent=silent,
    )  # fmt: skip
    _check_events(prepared, timing, baseline)
    options = {
        "timing": timing, "baseline": baseline, "start": str(start), "end": str(end), "ties": ties, "level": level,
        "normalised": normalised, "assigned": assigned, "n_starts": n_starts, "shared": shared,
    }  # fmt: skip
    facts = provenance(
        "diffusion.fit_nbda", prepared.net, options=options, rng=start_state, used=prepared.used
    )
    plan = Plan_(baseline, own_social, own_baseline, level, n_starts)
    return fit_prepared(prepared, plan, rng, facts)


def _sharing(shared: Sequence[Shared] | None, baseline: Baseline) -> tuple[bool, bool]:
    """Return whether strengths and baseline are fitted for each item."""
    if shared is None:
        return False, baseline == "free"
    words: Iterable[Any] = shared if isinstance(shared, (list, tuple, set)) else [shared]
    chosen = list(words)
    for word in chosen:
        literal("shared", word, ("social", "baseline"))
    return "social" not in chosen, "baseline" not in chosen


def _check_events(prepared: Prepared, timing: Timing, baseline: Baseline) -> None:
    """Refuse what cannot be fitted."""
    d = prepared.design
    if d.n_events == 0:
        raise FitError(
            "nobody was seen to learn within the span, so there is nothing to explain. Check start and end, and "
            "whether everybody already knew or was told to."
        )
    most = int(np.bincount(d.e_g).max())
    if d.ties == "any_order" and most > MOST_TOGETHER:
        raise DataError(
            f"adoptions: {most} people learned at the same moment, and ties='any_order' sums over all orders of "
            f"at most {MOST_TOGETHER}. Use finer times, timing='discrete', or ties='efron'."
        )
    if timing == "continuous" and baseline != "free" and (d.e_time <= 0).any():
        who = prepared.net.ids[d.e_person[d.e_time <= 0]]
        raise DataError(
            f"adoptions: {len(who)} people adopt at the very start of the span ({list(who[:3])}), after no time "
            "at all. Let the span begin earlier, or mark them as already_knew."
        )
