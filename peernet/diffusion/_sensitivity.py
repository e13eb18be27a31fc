"""What would explain a social share away: a shared cause, or ties that nobody measured."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._rng import streams
from peernet.diffusion._likelihood import Model
from peernet.diffusion._optimise import Surface, climb, root
from peernet.diffusion._profile import chi2_cut
from peernet.diffusion._risk import Design
from peernet.diffusion._share_profile import social_parts

if TYPE_CHECKING:
    from peernet.diffusion._fitted import NBDAFit

__all__ = ["missing_ties", "shared_cause"]

MOST_CAUSE = 50.0
REMOVED = (0.1, 0.2, 0.3)
ROUNDS = 8


def _exposed_design(design: Design) -> Design:
    """Add an asocial covariate that is 1 from the moment on at which a person has an informed teacher.

    Social spells carry the learner's covariate row, and asocial spells of that row share its intervals, so the two are
    joined by row.
    """
    d = design
    n_rows = len(d.values)
    a = len(d.names[0])
    values = np.insert(d.values, a, 0.0, axis=1)
    exposed = values.copy()
    exposed[:, a] = 1.0
    offset_of = d.g_item
    # teaching of one learner in one item begins once and goes on; with several rows each is cut by itself
    key = d.s_row * np.intp(len(d.items)) + offset_of[d.s_lo]
    begin = np.full(n_rows * len(d.items), d.n_intervals, dtype=np.intp)
    finish = np.zeros(n_rows * len(d.items), dtype=np.intp)
    np.minimum.at(begin, key, d.s_lo)
    np.maximum.at(finish, key, d.s_hi)
    mine = d.a_row * np.intp(len(d.items)) + offset_of[d.a_lo]
    cut = np.clip(begin[mine], d.a_lo, d.a_hi)
    stop = np.clip(finish[mine], cut, d.a_hi)
    parts = [(d.a_lo, cut, d.a_row), (cut, stop, d.a_row + n_rows), (stop, d.a_hi, d.a_row)]
    lo, hi, row = (np.concatenate(x) for x in zip(*parts, strict=True))
    keep = lo < hi
    had = (d.e_teaching > 0).any(axis=1)
    return dataclasses.replace(
        d, names=((*d.names[0], "shared cause"), *d.names[1:]), values=np.vstack([values, exposed]),
        a_lo=lo[keep], a_hi=hi[keep], a_row=row[keep], e_row=d.e_row + np.where(had, n_rows, 0),
    )  # fmt: skip


def shared_cause(fit: NBDAFit, level: float) -> tuple[float, float]:
    """Return how strong a shared cause must be for the estimate to vanish, and for 0 to enter the interval."""
    engine = fit._engine
    model = engine.model
    changed = Model(
        _exposed_design(engine.design),
        model.baseline,
        own_social=model.own_social,
        own_baseline=model.own_baseline,
    )
    surface = Surface(changed)
    place = changed.n_social + changed.sizes[0] - 1
    base = np.insert(engine.summit.z, place, 0.0)
    free = np.insert(engine.free, place, False)
    without = free.copy()
    without[: changed.n_social] = False
    cut = chi2_cut(level)

    def refit(log_cause: float) -> tuple[float, float]:
        start = base.copy()
        start[place] = log_cause
        full = climb(surface, [start], free)
        none = start.copy()
        none[: changed.n_social] = 0.0
        zero = climb(surface, [none], without)
        return float(full.z[: changed.n_social].sum()), full.value - zero.value

    most = float(np.log(MOST_CAUSE))

    def gone(log_cause: float) -> float:
        return refit(log_cause)[0] - 1e-6

    def within(log_cause: float) -> float:
        return refit(log_cause)[1] - cut

    estimate = _first_below(gone, most)
    return estimate, 1.0 if within(0.0) <= 0 else min(_first_below(within, most), estimate)


def _first_below(f: object, most: float) -> float:
    """Return exp of where a falling function crosses 0; infinity when it does not below ``most``."""
    assert callable(f)
    at_zero, at_most = f(0.0), f(most)
    if at_zero <= 0:
        return 1.0
    if at_most > 0:
        return float("inf")
    return float(np.exp(root(f, 0.0, most, at_zero, at_most, tolerance=1e-4)))


def missing_ties(fit: NBDAFit, denominator: int, rng: np.random.Generator) -> pd.DataFrame:
    """Refit after removing ties at random: what the share becomes when part of the teaching is not measured."""
    engine = fit._engine
    d, model = engine.design, engine.model
    n_edges = int(max(d.s_edge.max(initial=-1), d.t_edge.max(initial=-1), d.l_edge.max(initial=-1))) + 1
    rows = [(0.0, fit_share(engine.natural, model, denominator), _ceiling(model, denominator))]
    children = iter(streams(rng, len(REMOVED) * ROUNDS))
    for removed in REMOVED:
        found = []
        for _ in range(ROUNDS):
            keep = next(children).random(n_edges) >= removed
            smaller = Model(
                _thin(d, keep), model.baseline, own_social=model.own_social, own_baseline=model.own_baseline
            )
            surface = Surface(smaller)
            top = climb(surface, [surface.working(engine.natural)], engine.free)
            natural = surface.natural(top.z)
            found.append((fit_share(natural, smaller, denominator), _ceiling(smaller, denominator)))
        mean = np.mean(found, axis=0)
        rows.append((removed, float(mean[0]), float(mean[1])))
    return pd.DataFrame(rows, columns=["removed", "share", "ceiling"])


def fit_share(natural: NDArray[np.float64], model: Model, denominator: int) -> float:
    """Return the social share at given parameters."""
    return float(social_parts(model, natural)[0].sum()) / denominator


def _ceiling(model: Model, denominator: int) -> float:
    """Return the share of learners with an informed teacher."""
    return model.most_taught / denominator


def _thin(d: Design, keep: NDArray[np.bool_]) -> Design:
    """Remove ties from a design."""
    s, t, together = keep[d.s_edge], keep[d.t_edge], keep[d.l_edge]
    teaching = np.zeros_like(d.e_teaching)
    np.add.at(teaching, (d.t_event[t], d.t_net[t]), d.t_weight[t])
    return dataclasses.replace(
        d, e_teaching=teaching, s_lo=d.s_lo[s], s_hi=d.s_hi[s], s_net=d.s_net[s], s_item=d.s_item[s],
        s_weight=d.s_weight[s], s_row=d.s_row[s], s_edge=d.s_edge[s],
        t_event=d.t_event[t], t_teacher=d.t_teacher[t], t_net=d.t_net[t], t_weight=d.t_weight[t], t_edge=d.t_edge[t],
        l_event=d.l_event[together], l_pupil=d.l_pupil[together], l_net=d.l_net[together],
        l_weight=d.l_weight[together], l_row=d.l_row[together], l_edge=d.l_edge[together],
    )  # fmt: skip
