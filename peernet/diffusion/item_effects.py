"""Some skills are passed on more readily than others: strengths of teaching that differ from item to item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import number
from peernet.diffusion._fitted import PROVISO, NBDAFit
from peernet.diffusion._likelihood import Model
from peernet.diffusion._profile import chi2_tail
from peernet.diffusion._share_profile import social_parts
from peernet.errors import FitError
from peernet.results import Result, format_number, format_p, provenance

__all__ = ["ItemEffects", "fit_item_effects"]

Floats = NDArray[np.float64]
NODES = 41
_LOW, _HIGH = -5.0, 1.6  # of log sd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ItemEffects(Result):
    """Strengths of teaching that vary between items.

    Attributes
    ----------
    table : pandas.DataFrame
        One row an item: ``item, factor, low, high`` (its strength as a multiple of the middle one, given its own data
        and the others'), ``share`` (expected share learned along the ties, by NBDA's rule), ``n``.
    params : pandas.DataFrame
        ``term, estimate``: strengths of the middle item, and coefficients.
    sd, sd_low, sd_high : float
        Standard deviation of the logarithm of the strengths between items, and its interval (Wald on the log scale).
    statistic, p_value : float
        Likelihood ratio against one strength for all, and its p-value (half the chi-square tail: 0 is a boundary).
    log_likelihood : float
        Of the model with item effects.
    level : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    params: pd.DataFrame
    sd: float
    sd_low: float
    sd_high: float
    statistic: float
    p_value: float
    log_likelihood: float
    level: float

    def summary(self) -> str:
        """Say how much items differ."""
        word = "differ" if self.p_value < 1 - self.level else "cannot be told to differ"
        return (
            f"{len(self.table)} items {word} in how strongly they are taught: sd of the log strength "
            f"{format_number(self.sd)} [{format_number(self.sd_low)}, {format_number(self.sd_high)}], "
            f"{format_p(self.p_value)}, {PROVISO}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the items."""
        return self.table.copy()

    def plot(self, ax: Any = None) -> Any:
        """Draw each item's strength beside the middle one.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        frame = self.table.rename(columns={"factor": "value"})
        return plots.plot_intervals(
            frame, label="item", xlabel="strength of teaching (1 = the middle item)", reference=1.0, ax=ax
        )


class _Point(NamedTuple):
    """The integrated likelihood at a point."""

    value: float
    gradient: Floats
    chance: Floats  # items x nodes


def fit_item_effects(fit: NBDAFit, *, level: float = 0.95) -> ItemEffects:
    r"""How much items differ in the strength with which they are taught (random item effects).

    Item d is taught with strength :math:`s_k e^{\sigma u_d}`, :math:`u_d` standard normal and integrated out, so that
    an item with few learners borrows from the others. Needs a fit of the order of learning (or of times with a free
    baseline), whose likelihood is a product over items.

    Parameters
    ----------
    fit : NBDAFit
        Of several items with common strengths (``shared`` as by default).
    level : float
        Coverage of the intervals.

    Returns
    -------
    ItemEffects
        The spread between items, its test, and each item's strength.

    Raises
    ------
    FitError
        For models of another kind, or when nothing was learned along the ties at the optimum.

    References
    ----------
    .. [1] Hoppitt, W. & Laland, K. N. (2013). *Social Learning*. Princeton University Press, section 5.4.
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    engine = fit._engine
    model, natural = engine.model, engine.natural
    if not fit.networks or not model.partial or model.own_social or len(fit.items) < 2:
        raise FitError(
            "item effects need a fit of several items with common strengths, timing='order' (or 'continuous' with a "
            "free baseline)."
        )
    alive = np.flatnonzero(engine.free[: model.n_social] & (natural[: model.n_social] * model.scale > 1e-6))
    if not len(alive):
        raise FitError(
            "nothing was learned along the ties at the optimum, so there is no strength that could differ between "
            "items."
        )
    theta, best, information = _maximise(model, natural, alive)
    width = len(alive) + sum(model.sizes)
    log_sd, point = float(theta[width]), best
    none = log_sd <= _LOW + 1e-6
    sd = 0.0 if none else float(np.exp(log_sd))
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    loose = float("nan") if none else float(np.sqrt(max(np.linalg.pinv(information)[width, width], 0.0)))
    ratio = max(0.0, 2 * (point.value - fit.log_likelihood))
    return ItemEffects(
        table=_items(model, theta, alive, point, fit, level), params=_params(model, theta, alive, fit), sd=sd,
        sd_low=0.0 if none else sd * np.exp(-z * loose), sd_high=sd * np.exp(z * loose) if not none else float("nan"),
        statistic=ratio, p_value=0.5 * chi2_tail(ratio) if ratio > 0 else 1.0, log_likelihood=point.value, level=level,
        estimand="Spread between items of the log strength of teaching", assumptions=fit.assumptions,
        provenance=provenance("diffusion.fit_item_effects", engine.prepared.net, options={"level": level},
        used=engine.prepared.used),
    )  # fmt: skip


def _nodes() -> tuple[Floats, Floats]:
    """Return standard normal nodes and the logarithm of their weights."""
    u, w = np.polynomial.hermite_e.hermegauss(NODES)
    keep = w > 1e-25
    return u[keep], np.log(w[keep] / w.sum())


def _unpack(model: Model, theta: Floats, alive: NDArray[np.intp]) -> tuple[Floats, float]:
    """Return natural parameters of the middle item, and the sd."""
    p = np.zeros(model.width)
    p[alive] = np.exp(theta[: len(alive)])
    p[model.n_social :] = theta[len(alive) : -1]
    return p, float(np.exp(theta[-1]))


def integrated(model: Model, theta: Floats, alive: NDArray[np.intp]) -> _Point:
    """Integrate each item's likelihood over its effect; parameters are log strengths, coefficients, log sd."""
    u, log_w = _nodes()
    p, sd = _unpack(model, theta, alive)
    points = []
    for x in u:
        q = p.copy()
        q[: model.n_social] *= np.exp(sd * x)
        points.append(q)
    values = np.stack([model.evaluate(q).by_item for q in points], axis=1) + log_w
    top = values.max(axis=1, keepdims=True)
    part = np.exp(values - top)
    chance = part / part.sum(axis=1, keepdims=True)
    gradient = np.zeros(len(theta))
    k = len(alive)
    for m, q in enumerate(points):
        found = model.evaluate(q, item_weight=chance[:, m]).gradient
        push = found[alive] * q[alive]
        gradient[:k] += push
        gradient[k:-1] += found[model.n_social :]
        gradient[-1] += sd * u[m] * push.sum()
    return _Point(float((top[:, 0] + np.log(part.sum(axis=1))).sum()), gradient, chance)


def _maximise(model: Model, natural: Floats, alive: NDArray[np.intp]) -> tuple[Floats, _Point, Floats]:
    """Return the best parameters, the point, and the information there."""
    from scipy.optimize import minimize

    k = len(alive)
    unit = np.log(model.scale[alive])
    bounds = [(-14.0 - x, 14.0 - x) for x in unit] + [(-25.0, 25.0)] * sum(model.sizes) + [(_LOW, _HIGH)]

    def down(theta: Floats) -> tuple[float, Floats]:
        with np.errstate(all="ignore"):
            at = integrated(model, theta, alive)
        return (-at.value, -at.gradient) if np.isfinite(at.value) else (1e12, np.zeros(len(theta)))

    best: Any = None
    for log_sd in (-0.7, -2.5):
        start = np.concatenate([np.log(natural[alive]), natural[model.n_social :], [log_sd]])
        start = np.clip(start, [b[0] for b in bounds], [b[1] for b in bounds])
        found = minimize(
            down, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-7}
        )
        if best is None or found.fun < best.fun - 1e-9:
            best = found
    theta = np.asarray(best.x)
    n = len(theta)
    information = np.empty((n, n))
    for j in range(n):
        h = np.eye(n)[j] * 1e-4
        information[j] = (down(theta + h)[1] - down(theta - h)[1]) / 2e-4
    assert k <= n
    return theta, integrated(model, theta, alive), (information + information.T) / 2


def _items(
    model: Model, theta: Floats, alive: NDArray[np.intp], point: _Point, fit: NBDAFit, level: float
) -> pd.DataFrame:
    """Describe each item: its strength beside the middle one, and its expected share."""
    u, _ = _nodes()
    p, sd = _unpack(model, theta, alive)
    d = model.design
    shares = np.zeros(len(d.items))
    for m, x in enumerate(u):
        q = p.copy()
        q[: model.n_social] *= np.exp(sd * x)
        part = social_parts(model, q)[0]
        shares += point.chance[:, m] * np.bincount(d.e_item, part, len(d.items))
    n = np.bincount(d.e_item, minlength=len(d.items))
    left = n - (~d.seeded & (n > 0))
    rows = []
    for k, item in enumerate(d.items):
        below = np.cumsum(point.chance[k])
        low, middle, high = (
            float(np.exp(sd * np.interp(q, below - point.chance[k] / 2, u)))
            for q in ((1 - level) / 2, 0.5, (1 + level) / 2)
        )
        rows.append((item, middle, low, high, shares[k] / left[k] if left[k] else np.nan, int(n[k])))
    return pd.DataFrame(rows, columns=["item", "factor", "low", "high", "share", "n"])


def _params(model: Model, theta: Floats, alive: NDArray[np.intp], fit: NBDAFit) -> pd.DataFrame:
    """List the strengths of the middle item and the coefficients."""
    p, _ = _unpack(model, theta, alive)
    return pd.DataFrame({"term": fit.params["term"].iloc[: model.width].to_numpy(), "estimate": p})
