"""Network-based diffusion analysis: whether who learned when follows who teaches whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._likelihood import Baseline, Evaluation, Model
from peernet.diffusion._optimise import TOP, Summit, Surface, climb
from peernet.diffusion._prepare import Assigned, Prepared, Silent, prepare
from peernet.diffusion._profile import chi2_tail, profile_interval, standard_errors
from peernet.diffusion._risk import Design, Timing
from peernet.diffusion._time import Period
from peernet.errors import DataError, FitError
from peernet.network import PeerNetwork
from peernet.results import ModelFit, format_number, provenance

__all__ = ["NBDAFit", "fit_nbda"]

Networks = PeerNetwork | Mapping[str, Any]
Shared = Literal["social", "baseline"]
_WORDS = {
    "order": "order of learning",
    "continuous": "times of learning",
    "discrete": "periods of learning",
}
CAVEAT = (
    "a shared cause (a manager, a deadline, a common need) that reaches connected people together looks the same as "
    "learning from each other"
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBDAFit(ModelFit):
    """A diffusion model with its asocial twin beside it.

    Attributes
    ----------
    timing : str
        What of the adoptions was used: their order, their times, or their periods.
    baseline : str
        The asocial rate over time.
    items, networks : tuple of str
        What spread, along which networks.
    k : int
        Parameters, baseline included.
    aic, aicc : float
        Akaike's criterion, and with the small-sample correction, n = acquisitions.
    asocial : NBDAFit or None
        The same model without teaching; None on that model itself.
    certificate : dict
        Largest gradient at the optimum, smallest curvature, starts and how many of them agree, coordinates at a bound.
    starts : pandas.DataFrame
        Log-likelihood reached from every start.
    baseline_table : pandas.DataFrame
        Level of the baseline by item and interval (empty for the order model).
    """

    timing: str
    baseline: str
    items: tuple[str, ...]
    networks: tuple[str, ...]
    k: int
    asocial: NBDAFit | None = None
    certificate: dict[str, Any] = field(default_factory=dict)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame)
    baseline_table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    _engine: Engine = field(default=None, repr=False)  # type: ignore[assignment]

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 k - 2 log-likelihood."""
        return 2 * self.k - 2 * self.log_likelihood

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few acquisitions; infinite when n - k - 1 <= 0."""
        left = self.n - self.k - 1
        return self.aic + 2 * self.k * (self.k + 1) / left if left > 0 else float("inf")

    @property
    def delta_aicc(self) -> float:
        """AICc of this model less that of its asocial twin: below 0 speaks for teaching."""
        return float("nan") if self.asocial is None else self.aicc - self.asocial.aicc

    def log_likelihood_at(
        self,
        params: Mapping[str, float] | None = None,
        *,
        s: float | Mapping[str, float] | None = None,
        scale: float | None = None,
        shape: float | None = None,
    ) -> float:
        """Log-likelihood at given parameters; what is not given stays at the optimum.

        Parameters
        ----------
        params : mapping, optional
            From terms of the table to values.
        s : float or mapping, optional
            Strength of teaching, or a mapping from network to strength.
        scale, shape : float, optional
            Of the baseline; the free baseline is always at its best.

        Returns
        -------
        float
            The log-likelihood.

        Raises
        ------
        ValueError
            For terms that the model does not have.
        """
        given: dict[str, Any] = {"params": dict(params or {})}
        given |= {k: v for k, v in (("s", s), ("scale", scale), ("shape", shape)) if v is not None}
        return self._engine.value_at(self, given)

    def summary(self) -> str:
        """Say what the data say of teaching, then the terms."""
        if self.asocial is None:
            head = f"{self.name}: log-likelihood {self.log_likelihood:.3f}, AICc {self.aicc:.2f}."
            return "\n".join([head, *self.notes])
        diff = self.delta_aicc
        if np.isnan(diff) or np.isinf(diff):
            words = "the models cannot be compared by AICc here"
        elif diff < -2:
            words = f"teaching along the network explains them better than none (AICc lower by {-diff:.2f})"
        elif diff > 2:
            words = f"a model without teaching explains them better (AICc lower by {diff:.2f})"
        else:
            words = f"models with and without teaching explain them about equally well (AICc {diff:+.2f} with teaching)"
        what = _WORDS[self.timing]
        lines = [f"From the {what} of {self.n} acquisitions: {words}; {CAVEAT}."]
        for row in self.params.to_dict("records"):
            span = (
                f" [{format_number(row['low'])}, {format_number(row['high'])}]"
                if not np.isnan(row["high"])
                else ""
            )
            lines.append(f"  {row['term']}: {format_number(row['estimate'])}{span}")
        if not self.converged:
            lines.append("NOT certified as the optimum: see certificate.")
        return "\n".join([*lines, *self.notes])


class Engine:
    """What a fit is made of: model, surface and where it stands."""

    def __init__(self, prepared: Prepared, surface: Surface, summit: Summit, free: NDArray[np.bool_]) -> None:
        self.prepared, self.surface, self.summit, self.free = prepared, surface, summit, free
        self.natural = surface.natural(summit.z)
        with np.errstate(all="ignore"):
            self.evaluation: Evaluation = surface.model.evaluate(self.natural)

    @property
    def model(self) -> Model:
        """The likelihood."""
        return self.surface.model

    @property
    def design(self) -> Design:
        """The data as intervals and spells."""
        return self.surface.model.design

    def value_at(self, fit: NBDAFit, params: Mapping[str, Any]) -> float:
        """Evaluate the log-likelihood at parameters given by name."""
        model, p = self.model, self.natural.copy()
        terms = list(fit.params["term"])
        given = dict(cast(Mapping[str, float], params["params"])) if "params" in params else {}
        given |= {k: v for k, v in params.items() if k not in ("params", "s")}
        if "s" in params:
            s = params["s"]
            named = [t for t in terms if t == "s" or t.startswith("s[")]
            values = [s[t[2:-1]] for t in named] if isinstance(s, Mapping) else [s] * len(named)
            p[: len(named)] = values
        strange = [k for k in given if k not in terms and k not in ("scale", "shape")]
        if strange:
            raise ValueError(f"params: no term {strange}. Terms: {', '.join(terms)}.")
        width = model.n_social + sum(model.sizes)
        for j, term in enumerate(terms[:width]):
            p[j] = given.get(term, p[j])
        level = _given_level(model, p, given, width)
        return model.evaluate(p, level).value


def _given_level(model: Model, p: NDArray[np.float64], given: Mapping[str, float], width: int) -> Any:
    """Put a given shape and scale where the model keeps them."""
    if model.partial or model.baseline == "free":
        return None
    if "shape" in given and model.n_shape_params:
        step = 2 if model.baseline == "gamma" else 1
        p[width::step] = np.log(given["shape"])
    if "scale" not in given:
        return None
    if model.baseline == "gamma":
        p[width + 1 :: 2] = np.log(given["scale"])
        return None
    power = np.exp(p[width:]) if model.baseline == "weibull" else np.ones(model.n_levels)
    return float(given["scale"]) ** -power


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
    ties: Literal["apart", "sequential", "efron"] | None = None,
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
    ties : {"apart", "sequential", "efron"}, optional
        Adoptions at the same time. apart (default): they cannot have taught each other, and leave the risk set in the
        order of people; efron: the same without an order; sequential: the order of people is believed.
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
    ties = "apart" if ties is None else ties
    literal("ties", ties, ("apart", "sequential", "efron"))
    literal("assigned", assigned, ("refuse", "exclude", "deadline"))
    literal("silent", silent, ("exclude", "keep"))
    number("level", level, 0, 1, open_low=True, open_high=True)
    count("n_starts", n_starts)
    if timing == "order" and baseline != "free":
        raise ValueError(
            f"baseline={baseline!r} needs times: the order of learning says nothing about the baseline."
        )
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


@dataclass(frozen=True)
class Plan_:
    """How to fit a design."""

    baseline: Baseline
    own_social: bool
    own_baseline: bool
    level: float
    n_starts: int


def _sharing(shared: Sequence[Shared] | None, baseline: Baseline) -> tuple[bool, bool]:
    """Return whether strengths and baseline are fitted for each item."""
    if shared is None:
        return False, baseline == "free"
    words: Iterable[str] = [shared] if isinstance(shared, str) else shared
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
    if timing == "continuous" and baseline != "free" and (d.e_time <= 0).any():
        who = prepared.net.ids[d.e_person[d.e_time <= 0]]
        raise DataError(
            f"adoptions: {len(who)} people adopt at the very start of the span ({list(who[:3])}), after no time "
            "at all. Let the span begin earlier, or mark them as already_knew."
        )


def fit_prepared(prepared: Prepared, plan: Plan_, rng: np.random.Generator, facts: dict[str, Any]) -> NBDAFit:
    """Fit the social model and its asocial twin."""
    twin_design = _without_teaching(prepared.design)
    twin = _fit_one(prepared._replace(design=twin_design), plan, rng, facts, None)
    return _fit_one(prepared, plan, rng, facts, twin)


def _without_teaching(design: Design) -> Design:
    """Return the same data without any ties."""
    a, i, m = (len(n) for n in design.names)
    none = np.zeros(0, dtype=np.intp)
    keep = [*range(a), *range(a + i, a + i + m)]
    return dataclasses.replace(
        design, networks=(), names=(design.names[0], (), design.names[2]), values=design.values[:, keep],
        e_teaching=np.zeros((design.n_events, 0)), s_lo=none, s_hi=none, s_net=none, s_item=none,
        s_weight=np.zeros(0), s_row=none, s_edge=none, t_event=none, t_teacher=none, t_net=none, t_weight=np.zeros(0),
        t_edge=none,
    )  # fmt: skip


def _fit_one(
    prepared: Prepared, plan: Plan_, rng: np.random.Generator, facts: dict[str, Any], twin: NBDAFit | None
) -> NBDAFit:
    """Fit one model and describe it."""
    d = prepared.design
    model = Model(d, plan.baseline, own_social=plan.own_social, own_baseline=plan.own_baseline)
    surface = Surface(model)
    dead = np.array(
        [not model.e_teaching[:, k].any() and not len(model.columns[k]) for k in range(model.n_social)],
        dtype=bool,
    )
    free = np.ones(surface.width, dtype=bool)
    free[: model.n_social] = ~dead
    starts = surface.starts(plan.n_starts, rng)
    for z in starts:
        z[: model.n_social][dead] = 0.0
    summit = climb(surface, starts, free)
    engine = Engine(prepared, surface, summit, free)
    certificate, notes = _certify(engine, dead)
    params = _table(engine, dead, plan.level, summit)
    k = int(free.sum()) + (0 if model.partial or model.baseline == "gamma" else model.n_levels)
    words = "with teaching along " + ", ".join(d.networks) if d.networks else "without teaching"
    return NBDAFit(
        name=f"Diffusion model ({_WORDS[d.timing]}, {words})", params=params, log_likelihood=summit.value,
        n=d.n_events, n_unit="acquisitions", level=plan.level, converged=bool(certificate["certified"]),
        notes=(*notes, *prepared.notes), timing=d.timing, baseline=plan.baseline, items=d.items, networks=d.networks,
        k=k, asocial=twin, certificate=certificate, starts=pd.DataFrame(summit.starts),
        baseline_table=_baseline_table(engine), _engine=engine, provenance=facts,
        estimand="Strength of social transmission relative to the asocial rate, per unit of tie weight",
        assumptions=(
            "ties as measured, in the direction given",
            "a person can be taught only by those who learned earlier",
            f"no {CAVEAT.split(' that')[0].removeprefix('a ')} beyond the covariates and the baseline",
        ),
    )  # fmt: skip


def _certify(engine: Engine, dead: NDArray[np.bool_]) -> tuple[dict[str, Any], list[str]]:
    """Check that the point is a maximum, and note what an analyst should know."""
    from peernet.diffusion._optimise import hessian

    surface, top, free = engine.surface, engine.summit, engine.free
    z = top.z
    inside = free & (z > surface.low + 1e-9) & (z < surface.high - 1e-9)
    curvature = float("nan")
    if inside.any():
        with np.errstate(all="ignore"):
            curvature = float(np.linalg.eigvalsh(-hessian(surface, z, inside)).min())
    agree = sum(abs(s["value"] - top.value) < 1e-4 for s in top.starts)
    smooth = top.gradient < 1e-4 * (1 + abs(top.value)) ** 0.5
    flat = inside.any() and curvature < -1e-4
    certificate = {
        "certified": bool(smooth and not flat),
        "gradient": top.gradient,
        "curvature": curvature,
        "starts": len(top.starts),
        "starts_agreeing": int(agree),
        "evaluations": surface.evaluations,
        "at_bound": np.flatnonzero(free & ~inside).tolist(),
    }
    notes = []
    k = surface.n_social
    if dead.any():
        notes.append(
            "Nobody could have been taught along some network: its strength is not answered by these data."
        )
    if (z[:k] >= TOP - 1e-9).any():
        notes.append("The likelihood still rises at the largest strength: unbounded; read the share, not s.")
    if len(z) > k and (np.abs(z[k:]) >= np.abs(surface.high[k:]) - 1e-6).any():
        notes.append(
            "A coefficient runs away (a covariate separates learners from the rest); read no size into it."
        )
    if len(top.starts) > 1 and agree < len(top.starts) and k:
        notes.append(
            f"{agree} of {len(top.starts)} starts or hills reach the best likelihood; the others are local optima."
        )
    return certificate, notes


def terms(model: Model) -> list[str]:
    """Name the parameters in their order."""
    d = model.design
    if model.n_social == 1:
        names = ["s"]
    elif model.own_social and len(d.networks) == 1:
        names = [f"s[{item}]" for item in d.items]
    elif model.own_social:
        names = [f"s[{net} | {item}]" for item in d.items for net in d.networks]
    else:
        names = [f"s[{net}]" for net in d.networks]
    for role, columns in zip(("asocial", "interaction", "multiplicative"), d.names, strict=True):
        names += [f"{role}: {c}" for c in columns]
    return names


def _table(engine: Engine, dead: NDArray[np.bool_], level: float, top: Summit) -> pd.DataFrame:
    """Describe every parameter: estimate, standard error, test, interval."""
    from scipy.special import ndtr, ndtri

    model, surface = engine.model, engine.surface
    names = terms(model)
    error, baseline_rows = standard_errors(engine.surface, engine.summit, engine.free)
    rows = []
    for j, name in enumerate(names):
        estimate = engine.natural[j]
        if j < model.n_social:
            if dead[j]:
                rows.append((name, np.nan, np.nan, np.nan, np.nan, 0.0, np.inf))
                continue
            if top.z[j] >= TOP - 1e-9:
                estimate = np.inf
            low, high, ratio = profile_interval(surface, top, j, level, engine.free)
            rows.append(
                (name, estimate, error[j], ratio, 0.5 * chi2_tail(ratio) if ratio > 0 else 1.0, low, high)
            )
            continue
        z = estimate / error[j] if error[j] > 0 else np.nan
        half = float(ndtri(0.5 + level / 2)) * error[j]
        rows.append((name, estimate, error[j], z, float(2 * ndtr(-abs(z))), estimate - half, estimate + half))
    columns = ["term", "estimate", "std_error", "statistic", "p_value", "low", "high"]
    rows += [(n, e, s, np.nan, np.nan, np.nan, np.nan) for n, e, s in baseline_rows]
    return pd.DataFrame(rows, columns=columns)


def _baseline_table(engine: Engine) -> pd.DataFrame:
    """List the baseline's cumulative increment by item and interval."""
    model, d = engine.model, engine.design
    if model.partial:
        return pd.DataFrame(columns=["item", "from", "to", "increment"])
    length, _ = model.lengths(model.split(engine.natural)[4])
    level = engine.evaluation.level[model.level_of]
    with np.errstate(invalid="ignore"):
        increment = level * length
    items = np.array(d.items, dtype=object)[d.g_item]
    return pd.DataFrame({"item": items, "from": d.g_lo, "to": d.g_hi, "increment": increment})
