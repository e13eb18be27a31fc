"""Regression of adopting on exposure, period by period."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet._check import literal, number
from peernet.diffusion._adopted import read_adoptions
from peernet.diffusion._covariates import read_covariates, times_of
from peernet.diffusion._exposure import Compat, Networks, as_networks, exposure_table
from peernet.diffusion._frailty import Frail, fit_frailty
from peernet.diffusion._missing import periods_of
from peernet.diffusion._profile import chi2_tail
from peernet.diffusion._time import Period, timeline
from peernet.errors import FitError, PeerNetWarning
from peernet.results import ModelFit, provenance

__all__ = ["fit_event_history"]

Link = Literal["logit", "probit", "cloglog", "poisson"]


def fit_event_history(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    link: Link = "cloglog",
    lag: int = 1,
    normalised: bool = True,
    weighted: bool = True,
    covariates: Any = None,
    time_effects: Literal["each", "linear", "none"] = "each",
    cluster: Literal["person", "none"] = "person",
    frailty: Literal["none", "person"] = "none",
    item: str | None = None,
    level: float = 0.95,
    compat: Compat = None,
) -> ModelFit:
    r"""How the chance of adopting in a period changes with the share of teachers who have (discrete-time hazard).

    One row a person (and item) and period up to adoption; :math:`g(P(\text{adopts in } t)) = \alpha_t +
    \beta E_i(t - L) + x_i' \gamma`. The complementary log-log link makes exp(beta) a ratio of hazards. Exposure
    multiplies the rate here, while in ``fit_nbda`` teaching adds to it.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``exposure``; several items are pooled, with period effects of their own.
    link : {"cloglog", "logit", "probit", "poisson"}
        Regression; Poisson is the log link.
    lag : int
        Periods back. With 0, people who adopt together expose each other: a warning says so.
    normalised, weighted : bool
        Exposure as a share or count, with or without tie weights.
    covariates : list of str, Series or DataFrame, optional
        Columns of people, or values by person.
    time_effects : {"each", "linear", "none"}
        An effect for each period (and item), a line, or none. Periods without adopters tell nothing about exposure
        and are left to their own effect.
    cluster : {"person", "none"}
        Standard errors robust to dependence of a person's rows (over items); not used with frailty, which models it.
    frailty : {"none", "person"}
        Let people differ in how readily they adopt, for reasons nobody measured: a normal effect of each person on the
        scale of the link, integrated out (adaptive Gauss-Hermite). Those who are left late in a span are the slow ones;
        without frailty that pulls effects towards 0. With one item it is told apart by the shape of the curve alone,
        so give several.
    level : float
        Coverage of the intervals (Wald).
    compat : {"netdiffuseR"}, optional
        People without teachers get exposure 0; otherwise they are left out.

    Returns
    -------
    ModelFit
        Terms ``exposure``, covariates and ``period`` when linear; period effects are in the model, not in the table.
        With frailty a row ``frailty sd``: its statistic is the likelihood ratio against none, p takes the boundary into
        account.

    Raises
    ------
    DataError
        As ``exposure``.
    FitError
        When nobody adopts among the rows, or the regression does not converge.

    References
    ----------
    .. [1] Allison, P. D. (1982). Discrete-time methods for the analysis of event histories. *Sociological Methodology*
       13, 61-98. doi:10.2307/270718
    """
    literal("link", link, ("logit", "probit", "cloglog", "poisson"))
    literal("time_effects", time_effects, ("each", "linear", "none"))
    literal("cluster", cluster, ("person", "none"))
    literal("frailty", frailty, ("none", "person"))
    number("level", level, 0, 1, open_low=True, open_high=True)
    if lag <= 0:
        warnings.warn(
            "fit_event_history: with lag <= 0 people who adopt together expose each other, so exposure is partly a "
            "consequence of adopting. Use lag=1 or more.",
            PeerNetWarning,
            stacklevel=2,
        )
    nets = as_networks(net)
    rows, counts = _rows(
        nets, net, adoptions, start, end, period, lag, normalised, weighted, covariates, item, compat
    )
    names = [c for c in rows.columns if c not in ("y", "person", "period", "item", "time")]
    stratum = rows["item"] * (rows["time"].max() + 1) + rows["time"] if len(rows) else pd.Series(dtype=int)
    used = rows
    if time_effects == "each" and len(rows):
        used = rows[rows["y"].groupby(stratum).transform("sum") > 0]
    if not len(used) or used["y"].sum() == 0:
        raise FitError(
            "event history: nobody adopts in a period with a known exposure. Lengthen the span or lower the lag."
        )
    if (used["exposure"] == used["exposure"].iloc[0]).all():
        raise FitError("event history: exposure is the same for all rows, so its effect cannot be told.")
    design = used[names].astype(float).reset_index(drop=True)
    design, names = _time_columns(design, names, used, stratum, time_effects)
    y, person = used["y"].to_numpy(dtype=float), used["person"].to_numpy(dtype=np.intp)
    fitted: Any = _regress(link, y, design, person, cluster)
    params, notes = _terms(fitted, names, level), _notes(counts, len(items_of(adoptions)), frailty)
    value, converged = float(fitted.llf), bool(fitted.converged)
    if frailty == "person":
        found = fit_frailty(link, y, design.to_numpy(), person, np.clip(np.asarray(fitted.params), -20, 20))
        params, more = _frail_terms(found, names, value, level)
        value, converged = found.value, found.converged
        notes += more
    facts = provenance(
        "diffusion.fit_event_history",
        nets[0],
        options={"link": link, "lag": lag, "time_effects": time_effects, "frailty": frailty},
        used=counts,
    )
    return ModelFit(
        name=f"Event history ({link}, lag {lag}, period effects: {time_effects})", params=params,
        log_likelihood=value, n=len(rows), n_unit="person-periods", level=level,
        converged=converged, notes=tuple(notes), provenance=facts,
        estimand="Effect of the share of informed teachers on the chance of adopting in a period",
        assumptions=("no shared cause of exposure and adoption beyond the covariates and period effects",),
    )  # fmt: skip


def _notes(counts: dict[str, int], n_items: int, frailty: str) -> list[str]:
    """Say what was left out and what the coefficient is not."""
    notes = [
        "A shared cause (a manager, a deadline, a common need) that reaches connected people together raises the "
        "coefficient of exposure just as learning from each other does."
    ]
    if counts["without_teachers"]:
        notes.append(f"{counts['without_teachers']} rows of people without known teachers left out.")
    if frailty != "none" and n_items < 2:
        notes.append(
            "With a single item, frailty is told from the shape of the curve alone: read it with care."
        )
    return notes


def items_of(adoptions: pd.DataFrame) -> list[str]:
    """Return the items of an adoption table."""
    return sorted({str(v) for v in adoptions["item"]}) if "item" in adoptions.columns else ["item"]


def _rows(
    nets: Any, net: Networks, adoptions: pd.DataFrame, start: Any, end: Any, period: Period, lag: int, normalised: bool,
    weighted: bool, covariates: Any, item: str | None, compat: Compat,
) -> tuple[pd.DataFrame, dict[str, int]]:  # fmt: skip
    """Lay out one row a person, item and period at risk."""
    ids = nets[0].ids
    items, moments = read_adoptions(adoptions, ids, item)
    periods = timeline(moments, start, end, period)
    t = np.arange(periods.n)
    parts = []
    for k, one in enumerate(items):
        table = exposure_table(
            net, adoptions, start=start, end=end, period=period, lag=lag, normalised=normalised, weighted=weighted,
            item=one.item if "item" in adoptions.columns else None, compat=compat,
        ).to_numpy()  # fmt: skip
        tau = periods_of(one, periods)
        person, when = np.nonzero(t[None, :] <= tau[:, None])
        parts.append(
            pd.DataFrame(
                {
                    "y": (tau[person] == when).astype(int),
                    "exposure": table[person, when],
                    "person": person,
                    "item": k,
                    "time": when,
                }
            )
        )
    rows = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["y", "exposure", "person", "item", "time"])
    )
    rows = rows[(rows["time"] >= lag) & (rows["time"] - lag < periods.n)]
    known = rows["exposure"].notna()
    counts = {"rows": int(known.sum()), "without_teachers": int((~known).sum())}
    rows = rows[known].reset_index(drop=True)
    if covariates is not None:
        given = read_covariates(
            [("covariates", covariates), ("x", None), ("y", None)],
            nets[0].people,
            [one.item for one in items],
            lambda v, w: times_of(v, w, moments),
        )
        at = np.zeros(len(rows), dtype=np.intp)
        cells: dict[Any, Any] = dict(rows.groupby(["item", "time"]).indices)
        for (k, when), mine in cells.items():
            force = given.at(int(k), float(periods.edges[int(when)]), len(ids))
            at[mine] = force[rows["person"].to_numpy(dtype=np.intp)[mine]]
        for j, name in enumerate(given.names[0]):
            rows[name] = given.values[at, j]
    return rows, counts


def _time_columns(
    design: pd.DataFrame, names: list[str], used: pd.DataFrame, stratum: Any, time_effects: str
) -> tuple[pd.DataFrame, list[str]]:
    """Add period effects."""
    if time_effects == "each":
        dummies = pd.get_dummies(stratum.loc[used.index].reset_index(drop=True), prefix="t", dtype=float)
        return pd.concat([design, dummies], axis=1), names
    design = design.assign(constant=1.0)
    if time_effects == "linear":
        design["period"] = used["time"].to_numpy(dtype=float) + 1
        names = [*names, "period"]
    return design, names


def _regress(link: str, y: Any, design: pd.DataFrame, person: Any, cluster: str) -> Any:
    """Fit the generalised linear model."""
    import statsmodels.api as sm

    links = sm.families.links
    family: Any = {
        "logit": lambda: sm.families.Binomial(links.Logit()),
        "probit": lambda: sm.families.Binomial(links.Probit()),
        "cloglog": lambda: sm.families.Binomial(links.CLogLog()),
        "poisson": lambda: sm.families.Poisson(),
    }[link]()
    model = sm.GLM(y, design.to_numpy(), family=family)
    options: dict[str, Any] = {"maxiter": 200, "tol": 1e-12}
    if cluster == "person":
        options |= {"cov_type": "cluster", "cov_kwds": {"groups": person}}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fitted = model.fit(**options)
            if not np.isfinite(fitted.llf):
                raise ValueError("no finite likelihood")
            return fitted
        except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
            raise FitError(
                "event history: the regression cannot be fitted (a covariate separates adopters from the rest, "
                "or repeats another). Leave it out, or use fewer period effects."
            ) from error


def _terms(fitted: Any, names: list[str], level: float) -> pd.DataFrame:
    """Lay the terms out, period effects and constant left aside."""
    from scipy.special import ndtri

    columns = list(range(len(names)))
    if names[-1] == "period":
        columns[-1] = len(fitted.params) - 1
    z = float(ndtri(0.5 + level / 2))
    value = np.asarray(fitted.params)[columns]
    error = np.asarray(fitted.bse)[columns]
    return pd.DataFrame(
        {
            "term": names,
            "estimate": value,
            "std_error": error,
            "statistic": value / error,
            "p_value": np.asarray(fitted.pvalues)[columns],
            "low": value - z * error,
            "high": value + z * error,
        }
    )


def _frail_terms(
    found: Frail, names: list[str], without: float, level: float
) -> tuple[pd.DataFrame, list[str]]:
    """Lay the terms of the model with frailty out, its standard deviation last."""
    from scipy.special import ndtr, ndtri

    columns = list(range(len(names)))
    if names[-1] == "period":
        columns[-1] = len(found.params) - 1
    z = float(ndtri(0.5 + level / 2))
    variance = np.diag(found.cov)
    flat = variance <= 0  # no summit was reached in this direction: its error is not known
    error = np.sqrt(np.where(flat, np.nan, variance))[columns]
    value = found.params[columns]
    table = pd.DataFrame(
        {
            "term": names, "estimate": value, "std_error": error, "statistic": value / error,
            "p_value": 2 * ndtr(-np.abs(value / error)), "low": value - z * error, "high": value + z * error,
        }
    )  # fmt: skip
    ratio = max(0.0, 2 * (found.value - without))
    spread, loose = float(np.exp(found.log_sd)), 1e3 if flat[-1] else float(np.sqrt(variance[-1]))
    none, open_ended = not np.isfinite(loose), z * loose > 30
    row = {
        "term": "frailty sd", "estimate": 0.0 if none else spread, "statistic": ratio,
        "std_error": np.nan if open_ended else spread * loose,
        "p_value": 0.5 * chi2_tail(ratio) if ratio > 0 else 1.0,
        "low": 0.0 if none or open_ended else spread * np.exp(-z * loose),
        "high": np.nan if none or open_ended else spread * np.exp(z * loose),
    }  # fmt: skip
    notes = ["People do not differ beyond what the terms explain: frailty is 0."] if none else []
    if flat[:-1].any():
        notes.append("No summit was reached for some term: its standard error is not known.")
    if open_ended and not none:
        notes.append(
            "These data do not tell how much people differ: the interval of the frailty has no upper end."
        )
    return pd.concat([table, pd.DataFrame([row])], ignore_index=True), notes
