"""Fitting a prepared diffusion: the model with teaching, its twin without, and what is certain about either."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.diffusion._fitted import CAVEAT, WORDS, Engine, NBDAFit
from peernet.diffusion._likelihood import Baseline, Model
from peernet.diffusion._optimise import TOP, Summit, Surface, climb, hessian
from peernet.diffusion._prepare import Prepared
from peernet.diffusion._profile import chi2_tail, profile_interval, standard_errors
from peernet.diffusion._risk import Design

__all__ = ["Plan_", "fit_prepared", "terms"]


@dataclass(frozen=True)
class Plan_:
    """How to fit a design."""

    baseline: Baseline
    own_social: bool
    own_baseline: bool
    level: float
    n_starts: int


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
        t_edge=none, l_event=none, l_pupil=none, l_net=none, l_weight=np.zeros(0), l_row=none, l_edge=none,
    )  # fmt: skip


def _fit_one(
    prepared: Prepared, plan: Plan_, rng: np.random.Generator, facts: dict[str, Any], twin: NBDAFit | None
) -> NBDAFit:
    """Fit one model and describe it."""
    d = prepared.design
    model = Model(d, plan.baseline, own_social=plan.own_social, own_baseline=plan.own_baseline)
    surface = Surface(model)
    used = [
        *np.flatnonzero(model.e_teaching.any(axis=0)),
        *np.unique(model.s_column),
        *np.unique(model.l_column),
    ]
    dead = ~np.isin(np.arange(model.n_social), used)
    free = np.ones(surface.width, dtype=bool)
    free[: model.n_social] = ~dead
    starts = surface.starts(plan.n_starts, rng)
    for z in starts:
        z[: model.n_social][dead] = 0.0
    summit = climb(surface, starts, free)
    if twin is not None and summit.value < twin.log_likelihood:
        # the model without teaching is a point of this one (covariates of teaching at 0): no start may end below it
        (a, i, _), k, z = model.sizes, model.n_social, twin._engine.summit.z
        alone = np.zeros(surface.width)
        alone[k : k + a], alone[k + a + i :] = z[:a], z[a:]
        again = climb(surface, [alone], free)
        if again.value > summit.value:
            summit = replace(again, starts=[*summit.starts, *again.starts])
    engine = Engine(prepared, surface, summit, free)
    certificate, notes = _certify(engine, dead)
    params = _table(engine, dead, plan.level, summit)
    k = int(free.sum()) + (0 if model.partial or model.baseline == "gamma" else model.n_levels)
    words = "with teaching along " + ", ".join(d.networks) if d.networks else "without teaching"
    return NBDAFit(
        name=f"Diffusion model ({WORDS[d.timing]}, {words})", params=params, log_likelihood=summit.value,
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
