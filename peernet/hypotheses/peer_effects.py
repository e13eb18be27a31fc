"""Do people resemble those who teach them? Network autocorrelation by maximum likelihood and by instruments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number, quoted
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.hypotheses import _autocorrelation as auto
from peernet.hypotheses import _moran
from peernet.hypotheses._design import check_given
from peernet.hypotheses._formula import parse
from peernet.results import HypothesisTest, ModelFit, format_number, format_p, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["PeerEffects", "fit_peer_effects"]

Method = Literal["ml", "2sls", "lagged"]
WARNING = (
    "One wave cannot tell influence from selection: people who are alike choose each other, and peers share a boss, a "
    "room and a task. rho is a resemblance, not an effect of teaching."
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PeerEffects(ModelFit):
    """How much people's outcomes go with those of their peers, given what else is known about them.

    Attributes
    ----------
    rho : float
        Coefficient of the peers' outcome: 0.5 says that half of a difference between peers is found in the person.
    sigma : float
        Standard deviation of the residuals, maximum likelihood (ml) or with N - K (others).
    effects : pandas.DataFrame
        Per term: direct, indirect and total effect of a unit on the outcome, each with ``_std_error`` (delta method),
        ``_low`` and ``_high``; indirect = through peers and back. Empty for method="lagged".
    moran : HypothesisTest or None
        Moran's I of the residuals: what resemblance is left, beside that of residuals of the same model fitted again
        to swapped residuals.
    df : float
        Degrees of freedom of the tests and intervals, people less terms.
    checks : dict
        Identification: ``independent`` (I, W, W squared), ``first_stage_f``, ``overidentification_p`` (2SLS).
    placebo : PeerEffects or None
        The same model for an outcome that peers cannot have changed.
    aic, null_log_likelihood : float
        Of the model (ml), and the log-likelihood of a mean and a spread alone.
    """

    rho: float
    sigma: float
    effects: pd.DataFrame
    df: float
    moran: HypothesisTest | None = None
    checks: dict[str, Any] = field(default_factory=dict)
    placebo: PeerEffects | None = None
    aic: float = float("nan")
    null_log_likelihood: float = float("nan")

    def sensitivity(self, strengths: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0)) -> pd.DataFrame:
        r"""Say what rho would be if peers also shared something unmeasured (VanderWeele 2011).

        A hidden trait that moves the outcome by :math:`\gamma` and is more common by :math:`\delta` for each unit of
        the peers' outcome adds :math:`\gamma\delta` to rho.

        Parameters
        ----------
        strengths : tuple of float
            Values of gamma in standard deviations of the residual; delta runs over the same, per standard deviation of
            the peers' outcome.

        Returns
        -------
        pandas.DataFrame
            gamma, delta, bias, rho, low, high (less the bias) and ``explains``: whether the interval then holds 0 or
            less. ``attrs["needed"]`` is the product gamma * delta that brings the near end of the interval to 0.

        References
        ----------
        VanderWeele (2011). Sociological Methods & Research 40, 240-255. doi:10.1177/0049124111404821
        """
        row = self.params.set_index("term").loc["rho"]
        unit = self.sigma / self.checks["lag_sd"]
        table = [(g, d, g * d * unit) for g in strengths for d in strengths]
        frame = pd.DataFrame(table, columns=["gamma", "delta", "bias"])
        sign = 1.0 if row["estimate"] >= 0 else -1.0
        for name in ("estimate", "low", "high"):
            frame["rho" if name == "estimate" else name] = row[name] - sign * frame["bias"]
        frame["explains"] = (frame["low"] <= 0) if sign > 0 else (frame["high"] >= 0)
        near = row["low"] if sign > 0 else -row["high"]
        frame.attrs["needed"] = float(max(near, 0.0) / unit)
        return frame

    def summary(self) -> str:
        """State the model, rho with its interval, the other terms, and what cannot be concluded."""
        lines = [super().summary()]
        for row in self.effects.to_dict("records"):
            parts = [
                f"{word} {format_number(row[part])} [{format_number(row[part + '_low'])}, "
                f"{format_number(row[part + '_high'])}]"
                for part, word in (("direct", "own"), ("indirect", "through peers"))
            ]
            lines.append(f"A unit of {row['term']} changes the outcome by: {', '.join(parts)}.")
        if self.moran is not None:
            lines.append(f"Residuals: {self.moran.summary()}")
        if self.placebo is not None:
            row = self.placebo.params.iloc[-1].to_dict()
            span = f"[{format_number(row['low'])}, {format_number(row['high'])}]"
            lines.append(
                f"Placebo outcome: rho {format_number(row['estimate'])} {span}, {format_p(row['p_value'])}."
            )
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the terms but the intercept with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses import _network_pictures

        return _network_pictures.plot_estimates(self, "change in the outcome", ax=ax)


def fit_peer_effects(
    net: PeerNetwork,
    formula: str,
    *,
    method: Method = "ml",
    influence: Literal["teachers", "learners", "both"] = "teachers",
    normalise: Literal["row", "none"] = "row",
    weighted: bool = True,
    lag: str | None = None,
    placebo: str | None = None,
    compat: Literal["sna"] | None = None,
    level: float = 0.95,
    n_draws: int = 999,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> PeerEffects:
    r"""Resemblance of people's outcomes to those of their peers (network autocorrelation, spatial lag).

    .. math:: y = \rho W y + X\beta + \varepsilon,

    with :math:`W_{ij}` = the weight of j's teaching in all teaching that i gets (``influence="teachers"``; the
    transpose of ``net.adjacency``, rows scaled to 1). "ml" maximises the profile likelihood
    :math:`-\tfrac n2\log(RSS(\rho)/n) + \log|I - \rho W| - \tfrac n2(1 + \log 2\pi)`; "2sls" instruments Wy by what
    peers' peers are like (WX, W squared X); "lagged" regresses on the peers' *earlier* outcome, :math:`W y_0`, and the
    person's own, by least squares.

    Parameters
    ----------
    net : PeerNetwork
        Who teaches whom. People who did not answer are left out, since their teachers are unknown, and so are people
        all of whose peers are left out; "lagged" uses what is known of earlier outcomes, whoever answered now. People
        without any peer stay, with a constant of their own (term ``no peers``): nobody's outcome is not an outcome of
        0, and without it rho would depend on where the scale of the outcome begins.
    formula : str
        ``"skill ~ age + role"`` over columns of people; words become one indicator a level but the first;
        ``peers(age)`` is the average among peers (contextual effect). Intercept first; ``- 1`` drops it.
    method : {"ml", "2sls", "lagged"}
        How rho is estimated. "ml" has errors from the curvature of the likelihood, "2sls" robust ones (HC1) and
        "lagged" those of HC3, since people popular as peers weigh much there. p and intervals take t with people
        less terms; software that takes the normal instead (sna, spatialreg) is bolder for few people.
    influence : {"teachers", "learners", "both"}
        Who counts as a peer: those one learns from, those one teaches, or either.
    normalise : {"row", "none"}
        Average or sum over peers. With sums rho depends on where the scale of the outcome begins.
    weighted : bool
        Weight peers by the weight of the tie.
    lag : str, optional
        Column with the earlier outcome, for ``method="lagged"``; it joins the terms if the formula does not name it.
    placebo : str, optional
        Column that peers cannot have changed (height, outcome before they met): the model is fitted to it as well. A
        rho there is selection or shared surroundings.
    compat : {"sna"}, optional
        Peers' outcome is 0 for people without peers and p is normal, as in ``sna::lnam`` and ``spatialreg``.
    level : float
        Coverage of the intervals.
    n_draws : int
        Permutations of residuals for Moran's I, each with the model fitted again; 0 leaves it out.
    rng : Generator, BitGenerator, seed or None
        Source of randomness.
    n_jobs : int
        Workers; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    PeerEffects
        Term ``rho`` last. Its estimate is biased downwards where the network is dense (Mizruchi and Neuman 2008),
        and its p too small for few people with their units as terms: a 5 % test rejected 10 % at 24 people.

    Raises
    ------
    DataError
        For missing columns, an outcome or lag not made of numbers, constant or collinear terms, an outcome among its
        own covariates (or its peers'), a network without ties, too few people.

    References
    ----------
    Leenders (2002). Social Networks 24, 21-47. doi:10.1016/S0378-8733(01)00049-1
    Long, Ervin (2000). American Statistician 54, 217-224 (HC3). doi:10.1080/00031305.2000.10474549
    Anselin, Kelejian (1997), on Moran's I of residuals. International Regional Science Review 20, 153-182.
    Kelejian, Prucha (1998). J. Real Estate Finance and Economics 17, 99-121. doi:10.1023/A:1007707430416
    Bramoulle, Djebbari, Fortin (2009). Journal of Econometrics 150, 41-55. doi:10.1016/j.jeconom.2008.12.021
    Mizruchi, Neuman (2008). Social Networks 30, 190-200. doi:10.1016/j.socnet.2008.02.002
    """
    check_given(net, None)
    rng = as_rng(rng)
    literal("method", method, ("ml", "2sls", "lagged"))
    literal("influence", influence, ("teachers", "learners", "both"))
    literal("normalise", normalise, ("row", "none"))
    literal("compat", compat, ("sna", None))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    n_draws, used = count("n_draws", n_draws, 0), record(rng)
    if (method == "lagged") != (lag is not None):
        raise ValueError(
            'lag names the column with the earlier outcome for method="lagged"; pass both or neither.'
        )
    model = parse(formula, verbs=("peers",))
    ways: dict[str, Any] = {
        "influence": influence,
        "normalise": normalise,
        "weighted": weighted,
        "compat": compat,
    }
    data = auto.prepare(net, model, **ways, lag=lag)
    fit = {"ml": auto.maximum_likelihood, "2sls": auto.two_stage, "lagged": auto.lagged}[method](data)
    moran = _residuals(data, fit, method, n_draws, rng, n_jobs, progress) if n_draws else None
    other = None
    if placebo is not None:
        swapped = replace(model, response=placebo)
        other_data = auto.prepare(net, swapped, **ways, lag=None)
        other_fit = auto.two_stage(other_data) if method == "2sls" else auto.maximum_likelihood(other_data)
        kind = method if method == "2sls" else "ml"
        other = _answer(
            other_data, other_fit, f"{placebo} (placebo)", kind, level, compat, None, None, {}, ()
        )
    options = {"formula": formula, "method": method, **ways}
    facts = provenance(
        "hypotheses.fit_peer_effects",
        net,
        options={
            **options,
            "lag": lag,
            "placebo": placebo,
            "level": level,
            "n_draws": n_draws,
        },
        rng=used,
        used={"people_used": len(data.y), "people_left_out": data.left_out, "ties_left_out": data.lost_ties},
    )
    remarks = _remarks(data, fit, method, normalise)
    return _answer(data, fit, formula, method, level, compat, moran, other, facts, remarks)


def _residuals(
    data: auto.Data,
    fit: auto.Fit,
    method: str,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> HypothesisTest:
    """Hold Moran's I of the residuals against the same model fitted again."""
    if method == "lagged":
        refit = _moran.refit_least_squares(np.column_stack([data.x, fit.lag]))
    else:
        build = {"ml": _moran.refit_maximum_likelihood, "2sls": _moran.refit_two_stage}[method]
        refit = build(data, fit)
    return _moran.residual_moran(
        data.w,
        fit.residual,
        refit,
        len(fit.beta),
        n_draws=n_draws,
        rng=rng,
        n_jobs=n_jobs,
        progress=progress,
    )


def _remarks(data: auto.Data, fit: auto.Fit, method: str, normalise: str) -> tuple[str, ...]:
    """Say what an analyst should know before believing the numbers."""
    out = [
        WARNING
        if method != "lagged"
        else WARNING.replace("One wave cannot", "Two waves help but cannot fully")
    ]
    alone = 0 if data.alone is None else int(data.alone.sum())
    if alone:
        how = (
            "they have a constant of their own"
            if auto.NO_PEERS in data.names
            else "their peers' outcome counts as 0, so that rho depends on where the scale of the outcome begins"
        )
        out.append(f"{alone} of {len(data.y)} people have no peers: {how}.")
    elif normalise == "none":
        out.append("Peers' outcomes are summed: rho depends on where the scale of the outcome begins.")
    if data.lost_ties:
        out.append(f"{data.lost_ties} ties to people left out are not in the peers' average.")
    gone = ", ".join(f"{v} {k}" for k, v in data.left_out.items() if v)
    if gone:
        out.append(f"Left out: {gone}.")
    if data.empty:
        out.append(f"Nobody of the people used has {quoted(data.empty)}; left out of the terms.")
    density = float((data.w > 0).mean())
    if method == "ml" and density > 0.1:
        out.append(f"The network is dense ({density:.0%} of pairs), where rho is biased downwards.")
    if fit.checks.get("first_stage_f", np.inf) < 10:
        out.append(
            f"Weak instruments: first-stage F = {fit.checks['first_stage_f']:.1f}, below 10; do not trust rho."
        )
    if method == "2sls" and not fit.checks["independent"]:
        out.append(
            "I, W and W squared are linearly dependent: peer effects are not identified in this network."
        )
    return tuple(out)


def _answer(
    data: auto.Data,
    fit: auto.Fit,
    formula: str,
    method: str,
    level: float,
    compat: str | None,
    moran: HypothesisTest | None,
    placebo: PeerEffects | None,
    facts: dict[str, Any],
    remarks: tuple[str, ...],
) -> PeerEffects:
    """Put the table together."""
    from scipy import stats

    error = np.sqrt(np.diagonal(fit.vcov))
    t = fit.beta / error
    df = np.inf if compat else fit.df
    half = stats.t.ppf((1 + level) / 2, df) * error
    names = [*fit.names, "rho"]
    params = pd.DataFrame(
        {
            "term": names,
            "estimate": fit.beta,
            "std_error": error,
            "statistic": t,
            "p_value": 2 * stats.t.sf(np.abs(t), df),
            "low": fit.beta - half,
            "high": fit.beta + half,
        }
    )
    words = {
        "ml": "maximum likelihood",
        "2sls": "two-stage least squares",
        "lagged": "earlier outcomes of peers",
    }
    parameters = len(names) + 1
    return PeerEffects(
        name=f"Peer effects, {formula}, {words[method]}",
        params=params,
        log_likelihood=fit.log_likelihood,
        n=len(data.y),
        n_unit="people",
        level=level,
        notes=remarks,
        rho=float(fit.beta[-1]),
        sigma=fit.sigma,
        df=df,
        effects=auto.impacts(data, fit, level, df) if method != "lagged" else pd.DataFrame(),
        moran=moran,
        checks={**fit.checks, "lag_sd": float(fit.lag.std(ddof=1))},
        placebo=placebo,
        aic=2 * parameters - 2 * fit.log_likelihood,
        null_log_likelihood=auto.normal_log_likelihood(data.y),
        estimand="resemblance of outcomes between peers, given the other terms",
        verdict="not answered by these data",
        would_count_against="rho near 0, or as large a rho for an outcome that peers cannot have changed",
        assumptions=(
            "W is known and is not itself a result of the outcome",
            "errors are independent given W",
        ),
        provenance=facts,
    )
