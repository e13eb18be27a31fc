"""How much of it was learned from others, and how much could have been."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._fitted import CAVEAT, PROVISO, NBDAFit
from peernet.diffusion._profile import chi2_tail
from peernet.diffusion._share_profile import ShareProfile, social_parts, source_parts
from peernet.errors import DataError, FitError
from peernet.privacy.permissions import withhold_ids
from peernet.results import Estimate, Verdict, format_number, format_p, provenance

__all__ = ["TransmissionShare", "social_transmission_share"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TransmissionShare(Estimate):
    """The share of acquisitions that followed teaching ties, with what it could have been at most.

    Attributes
    ----------
    ceiling : float
        Share at unlimited transmission: learners who had an informed teacher at all. No estimate can exceed it.
    value_no_first_period, low_no_first_period, high_no_first_period, ceiling_no_first_period : float
        The same when all learners of the first period are left out, who had nobody to learn from (NBDA leaves out one
        innovator a diffusion). The first period of a diffusion is the one in which anybody learned, not ``start``;
        with a demonstrator nobody is left out.
    against : float
        The stated share that was tested.
    against_p : float
        Likelihood-ratio p-value of the stated share, two-sided; of the ceiling where the stated share lies above it.
    zero_p, zero_p_full : float
        p-value of no social transmission: zero is a boundary, so half the chi-square tail; and the full tail that NBDA
        reports.
    by_network, by_item : pandas.Series
        Share along each network, and of each item (NaN where only an innovator learned it).
    events : pandas.DataFrame
        One row an acquisition: ``item, person, time, social`` (its social part), ``teachers`` (informed ones).
    attribution : pandas.DataFrame
        ``item, teacher, learner, network, social``: the social part of each acquisition, split by teacher. Ids are
        ``"withheld"`` here and in ``events`` where the study behind the network does not list this function.
    by_group : pandas.DataFrame
        Acquisitions attributed, rows teach, columns learn; empty without ``group``.
    share_across : float
        Share of the attributed transmission that crossed a group boundary; NaN without ``group``.
    cause_estimate, cause_interval : float
        How many times faster a shared cause would have to make people learn on their own, from the moment that a
        teacher of theirs has learned, for the estimate to become 0, and for 0 to enter the interval.
    missing_ties : pandas.DataFrame
        The share refitted after removing a part of the ties at random: what unmeasured ties do.
    bootstrap : pandas.DataFrame
        ``value, truth`` of each simulated data set (empty without ``n_draws``).
    bias : float
        Mean of value less truth in the bootstrap.
    notes : tuple of str
        Remarks on the interval.
    """

    ceiling: float
    value_no_first_period: float
    low_no_first_period: float
    high_no_first_period: float
    ceiling_no_first_period: float
    against: float
    against_p: float
    zero_p: float
    zero_p_full: float
    by_network: pd.Series[Any]
    by_item: pd.Series[Any]
    events: pd.DataFrame
    attribution: pd.DataFrame
    by_group: pd.DataFrame
    share_across: float = float("nan")
    cause_estimate: float = float("nan")
    cause_interval: float = float("nan")
    missing_ties: pd.DataFrame = field(default_factory=pd.DataFrame)
    bootstrap: pd.DataFrame = field(default_factory=pd.DataFrame)
    bias: float = float("nan")
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say the share, its ceiling, what it means for the claim, and the caveat, in one paragraph."""
        span = f"{100 * self.level:.0f} % interval {_percent(self.low)} to {_percent(self.high)}"
        lines = [
            f"{_percent(self.value)} of learning followed the teaching ties ({span}), of at most "
            f"{_percent(self.ceiling)} that these ties could carry; {CAVEAT}."
        ]
        if self.against > self.ceiling:
            lines.append(
                f"{100 * self.against:g} % cannot be reached with these ties, however strong teaching, or a shared "
                f"cause that looks like it, is: {_percent(1 - self.ceiling)} of learners had no informed teacher among "
                "those measured."
            )
        else:
            lines.append(
                f"{100 * self.against:g} % social: {format_p(self.against_p)}; none: {format_p(self.zero_p)}; "
                f"both {PROVISO}."
            )
        if self.cause_estimate > 1:
            lines.append(
                f"A shared cause that makes people {format_number(self.cause_estimate)} times as quick to learn "
                "on their own, once a teacher of theirs has learned, would explain it away."
            )
        if len(self.bootstrap):
            low, high = self.bootstrap_interval
            lines.append(
                f"Data sets simulated from the model, which knows no shared cause, put the share at {_percent(low)} to "
                f"{_percent(high)} (bias {100 * self.bias:+.1f} points, {len(self.bootstrap)} of them)."
            )
        return "\n".join([*lines, *self.notes])

    @property
    def bootstrap_interval(self) -> tuple[float, float]:
        """Basic parametric bootstrap interval: value less the errors on simulated data; NaN without ``n_draws``."""
        error = (self.bootstrap["value"] - self.bootstrap["truth"]).dropna()
        if not len(error):
            return float("nan"), float("nan")
        low, high = self.value - np.quantile(error, [(1 + self.level) / 2, (1 - self.level) / 2])
        return float(np.clip(low, 0.0, self.ceiling)), float(np.clip(high, 0.0, self.ceiling))

    def to_frame(self) -> pd.DataFrame:
        """Return both conventions, one row each."""
        rows = [
            ("one innovator a diffusion left out", self.value, self.low, self.high, self.ceiling),
            (
                "first period left out", self.value_no_first_period, self.low_no_first_period,
                self.high_no_first_period, self.ceiling_no_first_period,
            ),
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["convention", "value", "low", "high", "ceiling"])
        return frame.assign(level=self.level, n=self.n)

    def plot(self, ax: Any = None) -> Any:
        """Draw estimate and interval below the ceiling, with the stated share.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_share

        return plot_share(self, ax=ax)


def _percent(share: float) -> str:
    """Write a share as a percentage."""
    return "n/a" if np.isnan(share) else f"{100 * share:.1f} %"


def social_transmission_share(
    fit: NBDAFit,
    *,
    against: float = 0.8,
    group: str | None = None,
    level: float | None = None,
    sensitivity: bool = True,
    n_draws: int = 0,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> TransmissionShare:
    r"""Share of acquisitions that the fitted model attributes to teaching (propST), with its ceiling.

    For the m-th acquisition by learner l, :math:`P_m = B_l\, s\, T_l(m) / R_l(m)` is the part of the learner's rate
    that came from informed teachers, and

    .. math:: \text{share} = \sum_m P_m \big/ (M - \text{innovations}),

    innovations being the diffusions that began without a demonstrator (NBDA's rule). At unlimited s it becomes the
    share of learners with an informed teacher: the *ceiling*. The interval is the set of shares whose profile
    likelihood is not too low, whatever the number of parameters.

    Parameters
    ----------
    fit : NBDAFit
        From ``fit_nbda``.
    against : float
        A stated share to be tested, in (0, 1).
    group : str, optional
        Column of people: attribute transmission to pairs of groups.
    level : float, optional
        Coverage of the interval; the fit's by default.
    sensitivity : bool
        Also ask what a shared cause and missing ties would do.
    n_draws : int
        Simulated data sets of the parametric bootstrap (bias); 0 = none.
    rng : generator or seed, optional
        For the bootstrap and the removal of ties.
    n_jobs, progress : int, bool
        As everywhere.

    Returns
    -------
    TransmissionShare
        ``value``, ``low``, ``high``, ``ceiling`` in [0, 1]; NaN when a single person learned. The verdict on
        ``against``: contradicted (interval below it though the ties could have carried it), supported (interval not
        below it), not answered by these data (the ceiling lies below it), inconclusive otherwise.

    Raises
    ------
    DataError
        For what is not a fit of ``fit_nbda``.
    FitError
        For a fit without teaching.

    References
    ----------
    .. [1] Hoppitt, W., Boogert, N. J. & Laland, K. N. (2010). Detecting social transmission in networks. *Journal of
       Theoretical Biology* 263, 544-555. doi:10.1016/j.jtbi.2010.01.004
    """
    rng = as_rng(rng)
    if not isinstance(fit, NBDAFit):
        raise DataError(f"fit must come from fit_nbda; got {type(fit).__name__}.")
    number("against", against, 0, 1, open_low=True, open_high=True)
    count("n_draws", n_draws, 0)
    level = fit.level if level is None else number("level", level, 0, 1, open_low=True, open_high=True)
    if not fit.networks:
        raise FitError("this model has no teaching in it; take the share of the model that it stands beside.")
    start_state = record(rng)
    engine = fit._engine
    d, model = engine.design, engine.model
    part, _ = social_parts(model, engine.natural)
    by_rule = d.n_events - int(
        np.count_nonzero(~d.seeded & (np.bincount(d.e_item, minlength=len(d.items)) > 0))
    )
    # of several who may have been first, all but one may have been taught: there is no first period to leave out
    later = by_rule if model.orders is not None else int(np.count_nonzero(~d.e_first))
    notes: list[str] = []
    value, ceiling = (
        (float(part.sum() / by_rule), model.most_taught / by_rule) if by_rule else (np.nan, np.nan)
    )
    low, high, against_p = _interval(fit, by_rule, level, against, ceiling, notes)
    ratio = by_rule / later if later else float("nan")
    zero_p, zero_full = _zero_test(fit)
    events, attribution = _attribute(fit, part)
    by_group, across = _by_group(engine.prepared.net, attribution, group, notes)
    cause = missing = None
    if sensitivity and value > 1e-6:
        from peernet.diffusion._sensitivity import missing_ties, shared_cause

        cause = shared_cause(fit, level)
        missing = missing_ties(fit, by_rule, rng)
    draws, bias = pd.DataFrame(columns=["value", "truth"]), float("nan")
    if n_draws:
        from peernet.diffusion.simulate import bootstrap_share

        draws = bootstrap_share(fit, n_draws, rng, n_jobs, progress)
        bias = float((draws["value"] - draws["truth"]).mean())
    options = {"against": against, "level": level, "group": group, "n_draws": n_draws}
    net, here = engine.prepared.net, "diffusion.social_transmission_share"
    by_item = _by_item(fit, events)
    by_network = _by_network(fit, attribution, by_rule)
    events = withhold_ids(net, events, ["person"], function=here)
    attribution = withhold_ids(net, attribution, ["teacher", "learner"], function=here)
    return TransmissionShare(
        name="share of learning that followed teaching ties", value=value, low=low, high=high, level=level,
        unit="share",
        method="profile likelihood", n=d.n_events, ceiling=ceiling, value_no_first_period=value * ratio,
        low_no_first_period=low * ratio, high_no_first_period=high * ratio, ceiling_no_first_period=ceiling * ratio,
        against=against, against_p=against_p, zero_p=zero_p, zero_p_full=zero_full,
        by_network=by_network, by_item=by_item,
        events=events, attribution=attribution, by_group=by_group, share_across=across,
        cause_estimate=cause[0] if cause else float("nan"), cause_interval=cause[1] if cause else float("nan"),
        missing_ties=missing if missing is not None else pd.DataFrame(), bootstrap=draws, bias=bias,
        notes=(*notes, *fit.notes), verdict=_verdict(low, high, ceiling, against), margin=None,
        estimand="Share of acquisitions due to informed teachers, among these people, along the measured ties",
        would_count_against=f"An interval that lies below {against:.0%} although the ties could carry it",
        assumptions=fit.assumptions, provenance=provenance("diffusion.social_transmission_share",
        engine.prepared.net, options=options, rng=start_state, used=engine.prepared.used),
    )  # fmt: skip


def _interval(
    fit: NBDAFit, denominator: int, level: float, against: float, ceiling: float, notes: list[str]
) -> tuple[float, float, float]:
    """Return low, high and the p-value of the stated share."""
    engine = fit._engine
    if not denominator:
        notes.append("Only innovators were seen to learn: the share is not defined.")
        return float("nan"), float("nan"), float("nan")
    if ceiling == 0:
        notes.append("No learner had an informed teacher: the share is 0 whatever the strength of teaching.")
        return 0.0, 0.0, float("nan")
    profile = ShareProfile(engine.surface, engine.summit, engine.free, denominator)
    low, high = profile.interval(level)
    target = min(against, ceiling * (1 - 1e-6))
    with np.errstate(all="ignore"):
        fall = engine.summit.value - profile.likelihood(target)
    return low, min(high, ceiling), chi2_tail(2 * max(fall, 0.0))


def _verdict(low: float, high: float, ceiling: float, against: float) -> Verdict:
    """Judge a stated share."""
    if np.isnan(low) or ceiling < against:
        return "not answered by these data"
    if high < against:
        return "contradicted"
    return "supported" if low >= against else "inconclusive"


def _zero_test(fit: NBDAFit) -> tuple[float, float]:
    """Return the boundary p-value of no transmission, and the full chi-square one.

    With K strengths the null distribution is a mixture of chi-squares; binomial weights take them as uncorrelated.
    """
    from math import comb

    from scipy.special import gammaincc

    assert fit.asocial is not None
    free = int(fit._engine.free[: fit._engine.model.n_social].sum())
    ratio = max(0.0, 2 * (fit.log_likelihood - fit.asocial.log_likelihood))
    if not free:
        return float("nan"), float("nan")
    tails = [1.0 if ratio <= 0 else 0.0, *(float(gammaincc(j / 2, ratio / 2)) for j in range(1, free + 1))]
    mixed = sum(comb(free, j) / 2**free * tail for j, tail in enumerate(tails))
    return float(mixed), tails[free]


def _attribute(fit: NBDAFit, part: NDArray[np.float64]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List every acquisition with its social part, and split it by teacher."""
    engine = fit._engine
    d, model, ids = engine.design, engine.model, engine.prepared.net.ids
    names = np.array(d.items, dtype=object)
    known, together = source_parts(model, engine.natural)
    inner = np.flatnonzero(d.l_pupil >= 0)
    learner = np.concatenate([d.t_event, d.l_pupil[inner]])
    teacher = np.concatenate([d.t_teacher, d.e_person[d.l_event[inner]]])
    events = pd.DataFrame(
        {
            "item": names[d.e_item],
            "person": ids[d.e_person],
            "time": d.e_time + engine.prepared.edges[0],
            "social": part,
            "teachers": np.bincount(learner, minlength=d.n_events),
        }
    )
    attribution = pd.DataFrame(
        {
            "item": names[d.e_item[learner]],
            "teacher": ids[teacher],
            "learner": ids[d.e_person[learner]],
            "network": np.array(d.networks, dtype=object)[np.concatenate([d.t_net, d.l_net[inner]])],
            "social": np.concatenate([known, together[inner]]),
        }
    )
    return events, attribution


def _by_network(fit: NBDAFit, attribution: pd.DataFrame, denominator: int) -> pd.Series[Any]:
    """Return the share along each network."""
    names = pd.Index(fit.networks, name="network")
    sums = attribution.groupby("network")["social"].sum().reindex(names, fill_value=0.0)
    return (sums / denominator if denominator else sums * np.nan).rename("share")


def _by_item(fit: NBDAFit, events: pd.DataFrame) -> pd.Series[Any]:
    """Return the share of each item, its innovator left out; NaN where nobody else learned it."""
    d = fit._engine.design
    sums = events.groupby("item")["social"].agg(["sum", "size"]).reindex(list(d.items), fill_value=0.0)
    left = (sums["size"] - (~d.seeded & (sums["size"].to_numpy() > 0))).where(lambda x: x > 0)
    return (sums["sum"] / left).rename("share").rename_axis("item")


def _by_group(
    net: Any, attribution: pd.DataFrame, group: str | None, notes: list[str]
) -> tuple[pd.DataFrame, float]:
    """Sum attributed acquisitions by group of teacher and learner."""
    if group is None:
        return pd.DataFrame(), float("nan")
    of = net.column(group)
    teaches, learns = of.reindex(attribution["teacher"]), of.reindex(attribution["learner"])
    names = sorted(of.dropna().unique())
    both = teaches.notna().to_numpy() & learns.notna().to_numpy()
    table = (
        pd.DataFrame(
            {
                "teach": teaches.to_numpy()[both],
                "learn": learns.to_numpy()[both],
                "x": attribution["social"][both],
            }
        )
        .groupby(["teach", "learn"])["x"]
        .sum()
        .unstack(fill_value=0)
        .astype(np.float64)
        .reindex(index=names, columns=names, fill_value=0.0)
    )
    lost = float(attribution["social"][~both].sum())
    if lost > 0:
        notes.append(
            f"{lost:.2f} of {float(attribution['social'].sum()):.2f} attributed acquisitions involve people without "
            f"{group!r}: they are left out of by_group and share_across."
        )
    table.index.name, table.columns.name = f"{group} (teaches)", f"{group} (learns)"
    total = float(table.to_numpy().sum())
    across = 1 - float(np.trace(table.to_numpy())) / total if total > 0 else float("nan")
    return table, across
