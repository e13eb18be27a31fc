"""Bass's curve: how much of the spread is by itself, how much by imitation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._missing import periods_of
from peernet.diffusion._time import Period, timeline
from peernet.errors import DataError, FitError
from peernet.network import PeerNetwork
from peernet.results import ModelFit, format_number, provenance

__all__ = ["BassFit", "fit_bass"]

Floats = NDArray[np.float64]
Market = Literal["people", "free"] | int


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BassFit(ModelFit):
    """A fitted Bass curve.

    Attributes
    ----------
    fitted : pandas.DataFrame
        ``period, observed, fitted``: cumulative shares of the people.
    method : str
        Least squares or likelihood.
    market : float
        Number of people who would ever adopt.
    rss : float
        Sum of squared residuals of the cumulative shares.
    """

    fitted: pd.DataFrame
    method: str
    market: float
    rss: float

    def summary(self) -> str:
        """Give p, q and the market, and say what q is not."""
        p, q = self.params.to_dict("records")[:2]
        return "\n".join(
            [
                f"Bass curve ({self.method}): innovation p = {format_number(p['estimate'])} "
                f"[{format_number(p['low'])}, {format_number(p['high'])}] and imitation q = "
                f"{format_number(q['estimate'])} [{format_number(q['low'])}, {format_number(q['high'])}] a period, "
                f"{format_number(self.market)} people in the end. q describes the shape of the curve: any common trend "
                "gives the same shape, so it is no evidence of learning from each other.",
                *self.notes,
            ]
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the observed cumulative share and the fitted curve.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_bass

        return plot_bass(self, ax=ax)


def curve(p: float, q: float, t: Floats) -> Floats:
    """Return Bass's cumulative share at times t."""
    total = p + q
    if abs(total) < 1e-9:
        return p * t / (1 + p * t)
    decay = np.exp(-np.clip(total * t, -700, 700))
    out: Floats = (1 - decay) / (1 + (q / p) * decay)
    return out


def fit_bass(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    item: str | None = None,
    method: Literal["least_squares", "likelihood"] = "likelihood",
    market: Market = "people",
    level: float = 0.95,
) -> BassFit:
    r"""Innovation and imitation in the adoption curve (Bass).

    .. math:: F(t) = \frac{1 - e^{-(p+q)t}}{1 + (q/p) e^{-(p+q)t}}, \qquad t = 1, ..., T \text{ from the first period.}

    *least_squares* fits the cumulative share, whose errors are correlated, so its intervals are too short; *likelihood*
    takes the number of new adopters of each period as what it is, a multinomial count.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``adoption_curve``; one item.
    method : {"least_squares", "likelihood"}
        How to fit.
    market : {"people", "free"} or int
        How many would ever adopt: everybody in the network, a number to be estimated, or a given one.
    level : float
        Coverage of the intervals (on the log scale for p and the likelihood; linear for least squares).

    Returns
    -------
    BassFit
        Terms ``p``, ``q`` per period (p > 0) and, when free, ``market`` (no interval where it stands at everybody).

    Raises
    ------
    DataError
        For a market smaller than the number of adopters.
    FitError
        With fewer than three periods, or nobody adopting.

    References
    ----------
    .. [1] Bass, F. M. (1969). A new product growth for model consumer durables. *Management Science* 15, 215-227.
       doi:10.1287/mnsc.15.5.215
    """
    literal("method", method, ("least_squares", "likelihood"))
    number("level", level, 0, 1, open_low=True, open_high=True)
    items, moments = read_adoptions(adoptions, net.ids, item)
    one = choose(items, "fit_bass")
    periods = timeline(moments, start, end, period)
    tau = periods_of(one, periods)
    new = np.bincount(tau[(tau >= 0) & (tau < periods.n)], minlength=periods.n).astype(float)
    size = _market(market, net.n_people, int((tau < periods.n).sum()))
    n = float(net.n_people - (tau < 0).sum()) if size is None else size - float((tau < 0).sum())
    if periods.n < 3 or new.sum() == 0:
        raise FitError("a Bass curve needs at least three periods and one adopter.")
    t = np.arange(1.0, periods.n + 1)
    free = size is None
    fit = _least_squares if method == "least_squares" else _likelihood
    theta, cov, value, notes = fit(t, new, n, free)
    share = theta[2] if free else 1.0
    observed = np.cumsum(new) / n
    fitted = share * curve(theta[0], theta[1], t)
    rss = float(((observed - fitted) ** 2).sum())
    params = _table(theta, cov, n, level, method)
    facts = provenance(
        "diffusion.fit_bass", net, options={"method": method, "market": market, "item": one.item}
    )
    return BassFit(
        name="Bass curve", params=params, log_likelihood=value, n=int(new.sum()), n_unit="adopters", level=level,
        notes=tuple(notes), fitted=pd.DataFrame({"period": periods.labels, "observed": observed, "fitted": fitted}),
        method=method.replace("_", " "), market=float(n * share), rss=rss, provenance=facts,
        estimand="Rates of adopting by oneself (p) and in proportion to those who have (q)",
    )  # fmt: skip


def _market(market: Any, n: int, adopted: int) -> float | None:
    """Return the size of the market, None = to be estimated."""
    if market == "people":
        return float(n)
    if market == "free":
        return None
    if isinstance(market, bool) or not isinstance(market, (int, np.integer)):
        raise ValueError(f"market must be 'people', 'free' or a whole number; got {market!r}.")
    if market < max(adopted, 1):
        raise DataError(f"market: {market} is smaller than the {adopted} people who adopted.")
    return float(market)


def _starts(first: float, free: bool) -> list[Floats]:
    """Return starting points."""
    base = [
        (max(first, 1e-3), 0.5),
        (max(first, 1e-3), 0.05),
        (0.01, 0.3),
        (0.1, -0.05),
        (0.3, 0.01),
        (0.001, 1.0),
    ]
    return [np.array([p, q, 0.8] if free else [p, q]) for p, q in base]


def _model(theta: Floats, t: Floats, free: bool) -> Floats:
    """Return the cumulative share of the people."""
    return (theta[2] if free else 1.0) * curve(theta[0], theta[1], t)


def _least_squares(t: Floats, new: Floats, n: float, free: bool) -> tuple[Floats, Floats, float, list[str]]:
    """Fit the cumulative shares by least squares."""
    from scipy.optimize import least_squares

    y = np.cumsum(new) / n
    low, high = [1e-9, -5.0, 1e-6], [5.0, 10.0, 1.0]
    width = 3 if free else 2
    best = None
    for start in _starts(y[0], free):
        found = least_squares(
            lambda x: _model(x, t, free) - y,
            start,
            bounds=(low[:width], high[:width]),
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
        )
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    left = max(len(t) - width, 1)
    variance = 2 * best.cost / left
    cov = variance * np.linalg.pinv(best.jac.T @ best.jac)
    notes = [
        "Least squares on cumulative shares: the residuals are correlated, so the intervals are too short."
    ]
    return best.x, cov, float("nan"), notes


def _likelihood(t: Floats, new: Floats, n: float, free: bool) -> tuple[Floats, Floats, float, list[str]]:
    """Fit the counts of each period as a multinomial."""
    from scipy.optimize import minimize

    never = n - new.sum()

    def unpack(x: Floats) -> Floats:
        out = [np.exp(x[0]), np.exp(x[1]) - np.exp(x[0])]
        return np.array([*out, 1 / (1 + np.exp(-x[2]))] if free else out)

    def down(x: Floats) -> float:
        f = _model(unpack(x), np.concatenate([[0.0], t]), free)
        step, rest = np.maximum(np.diff(f), 1e-300), max(1 - f[-1], 1e-300)
        return -float(new @ np.log(step) + never * np.log(rest))

    best = None
    for start in _starts(new[0] / n, free):
        x = np.array([np.log(start[0]), np.log(max(start[0] + start[1], 1e-3)), 1.5][: len(start)])
        bounds = [(-20, 2.5), (-20, 2.5), (-15, 15)][: len(x)]
        found = minimize(down, x, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9})
        found = minimize(
            down, found.x, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-9, "fatol": 1e-11}
        )
        if best is None or found.fun < best.fun - 1e-10:
            best = found
    assert best is not None
    theta = unpack(best.x)
    if free and abs(best.x[2]) > 9:
        # the market stands at its bound, where a curvature says nothing: p and q as if it were known
        _, inner, _, notes = _likelihood(t, new, n, False)
        cov = np.full((3, 3), np.nan)
        cov[:2, :2] = inner
        notes.append("Nobody is held back: the market is everybody, and its interval is not defined.")
        return theta, cov, -float(best.fun), notes
    h = 1e-4
    k = len(best.x)
    hess = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            e, g = np.eye(k)[i] * h, np.eye(k)[j] * h
            hess[i, j] = (
                down(best.x + e + g) - down(best.x + e - g) - down(best.x - e + g) + down(best.x - e - g)
            ) / (4 * h * h)  # fmt: skip
    jac = np.zeros((k, k))
    for i in range(k):
        e = np.eye(k)[i] * 1e-6
        jac[:, i] = (unpack(best.x + e) - unpack(best.x - e)) / 2e-6
    notes = []
    values = np.linalg.eigvalsh(hess)
    if values.min() <= 1e-8 * max(1.0, float(values.max())):
        notes.append(
            "The curve does not tell its parameters apart (too short, or no bend): the intervals are not defined."
        )
        return theta, np.full((k, k), np.nan), -float(best.fun), notes
    return theta, jac @ np.linalg.inv(hess) @ jac.T, -float(best.fun), notes


def _table(theta: Floats, cov: Floats, n: float, level: float, method: str) -> pd.DataFrame:
    """Lay the terms out."""
    from scipy.special import ndtr, ndtri

    z = float(ndtri(0.5 + level / 2))
    rows = []
    for j, name in enumerate(("p", "q", "market")[: len(theta)]):
        scale = n if name == "market" else 1.0
        value, error = float(theta[j]) * scale, float(np.sqrt(cov[j, j])) * scale
        low, high = value - z * error, value + z * error
        if name == "p" and method == "likelihood" and error > 0:
            low, high = value * np.exp(-z * error / value), value * np.exp(z * error / value)
        high = min(high, scale) if name == "market" else high  # nobody outside the people can adopt
        statistic = value / error if error > 0 and name != "market" else np.nan
        p = float(2 * ndtr(-abs(statistic))) if np.isfinite(statistic) else np.nan
        rows.append((name, value, error, statistic, p, low, high))
    return pd.DataFrame(
        rows, columns=["term", "estimate", "std_error", "statistic", "p_value", "low", "high"]
    )
