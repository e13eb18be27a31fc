"""How unevenly teaching is shared: concentration, Gini coefficient, and what an even draw would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.results import HypothesisTest, format_number, format_p, provenance
from peernet.silos._common import floored, percent
from peernet.silos._episodes import days_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["CROSS_2016", "ExpertLoad", "expert_load", "gini"]

# Share of people, and of value-adding collaborations that come from them.
CROSS_2016 = ((0.03, 0.05), (0.20, 0.35))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ExpertLoad(HypothesisTest):
    """How unevenly teaching is shared, beside what an even draw gives; ``observed`` is the Gini coefficient.

    Attributes
    ----------
    low, high : float
        Interval of the Gini coefficient, people as the units.
    level : float
        Coverage of the intervals.
    top : float
        Share of people called the top.
    top_share, top_low, top_high : float
        Share of the teaching that the top gives, with interval.
    top_null : float
        The same under the even draw, on average.
    n : int
        People whose load is known.
    n_left_out : int
        People whose load is not known, or who objected.
    lorenz : pandas.DataFrame
        ``people``, ``teaching`` and ``even_draw``: cumulative shares from those who teach least; without names.
    hours : pandas.DataFrame
        Mean load, and that of the top, in ``unit`` a working day; empty where days are not known or the top is a group
        under the floor.
    weighted : bool
        Whether weights were counted.
    """

    low: float
    high: float
    level: float
    top: float
    top_share: float
    top_low: float
    top_high: float
    top_null: float
    n: int
    n_left_out: int
    lorenz: pd.DataFrame
    hours: pd.DataFrame
    weighted: bool = False

    def summary(self) -> str:
        """State the share of the top, the Gini coefficient, what an even draw gives, and the published figure."""
        f = format_number
        what = "teaching" if self.weighted else "teaching ties"
        out = (
            f"{percent(self.top)} of {self.n} people give {percent(self.top_share)} of the {what} "
            f"({percent(self.level)} interval "
            f"{percent(self.top_low)} to {percent(self.top_high)}); if everybody were equally likely to be asked, "
            f"they would give {percent(self.top_null)}. Gini {f(self.observed)} [{f(self.low)}, {f(self.high)}], "
            f"by an even draw {f(self.null_mean)} ({self.alternative} {format_p(self.p_value)}; null model: "
            f"{self.null_model}, {self.n_draws} draws). Cross, Rebele and Grant (2016) report 20 % to 35 % from "
            f"3 % to 5 % of people, "
            "from their own surveys and for value-adding collaborations: a line to look at, not a norm."
        )
        if len(self.hours):
            mean, high = self.hours["per_working_day"]
            out += f" A working day holds {f(mean)} {self.hours['unit'].iloc[0]} on average, {f(high)} for the top."
        return out

    def to_frame(self) -> pd.DataFrame:
        """Return two rows, Gini coefficient and share of the top: value, low, high, level, by an even draw."""
        rows = [
            ("Gini coefficient", self.observed, self.low, self.high, self.level, self.null_mean, self.p_value),
            (f"share of top {percent(self.top)}", self.top_share, self.top_low, self.top_high, self.level,
             self.top_null, float("nan")),
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["name", "value", "low", "high", "level", "null_mean", "p_value"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the Lorenz curve beside that of an even draw and the published figure.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _health_pictures

        return _health_pictures.plot_lorenz(self, ax=ax)


def gini(values: Any) -> float:
    r"""Gini coefficient: half the mean absolute difference between two people, over the mean.

    .. math:: G = \frac{\sum_i \sum_j |x_i - x_j|}{2 n^2 \bar x}
        = \frac{2 \sum_i i\, x_{(i)}}{n \sum_i x_i} - \frac{n + 1}{n}

    Parameters
    ----------
    values : array_like
        One number a person, 0 or more.

    Returns
    -------
    float
        0 when all are equal, (n - 1) / n when one has everything. NaN without people or when all are 0.

    Raises
    ------
    DataError
        For values that are negative or missing.

    References
    ----------
    .. [1] Gini, C. (1914). Sulla misura della concentrazione e della variabilita dei caratteri. Atti del R. Istituto
       Veneto di SLA 73, 1203-1248.

    Examples
    --------
    >>> gini([0, 0, 0, 8])
    0.75
    """
    given = np.asarray(values)
    if given.ndim != 1 or (len(given) and given.dtype.kind not in "biuf"):
        raise DataError(
            "gini: values must be one number a person, such as a Series or list; got "
            f"{given.ndim} dimensions of {given.dtype}."
        )
    x = np.sort(given.astype(np.float64))
    if len(x) and not (np.isfinite(x).all() and x[0] >= 0):
        raise DataError("gini: values must be finite and 0 or more. Leave missing people out first.")
    n = len(x)
    total = (x / x[-1]).sum() if n and x[-1] > 0 else 0.0
    if not total:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) @ (x / x[-1])) / (n * total) - (n + 1) / n)


def _top_share(x: NDArray[np.float64], top: float) -> float:
    """Return the share of the ``top`` of people, a part of a person counted in part."""
    down = np.sort(x)[::-1]
    k = top * len(x)
    whole = int(np.floor(k + 1e-9))
    part = (k - whole) * down[whole] if whole < len(x) and k - whole > 1e-9 else 0.0
    total = down.sum()
    return float((down[:whole].sum() + part) / total) if total > 0 else float("nan")


def _gini_influence(x: NDArray[np.float64], value: float) -> NDArray[np.float64]:
    """Return how much each person moves the Gini coefficient (Davidson 2009), centred."""
    n, mean = len(x), x.mean()
    order = np.argsort(x, kind="stable")
    s = x[order]
    place = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    below = np.cumsum(s) / n
    z = np.empty(n)
    z[order] = -(value + 1) * s + 2 * (s * place - (below - s / (2 * n)))
    return np.asarray((z - z.mean()) / mean, dtype=np.float64)


def _top_influence(x: NDArray[np.float64], top: float, value: float) -> NDArray[np.float64]:
    """Return how much each person moves the share of the top, centred."""
    edge = np.quantile(x, 1 - top)
    z = np.maximum(x - edge, 0) + top * edge - value * x
    return np.asarray((z - z.mean()) / x.mean(), dtype=np.float64)


def _interval(value: float, influence: NDArray[np.float64], level: float) -> tuple[float, float, float]:
    """Return an interval on the logit, so that it stays in (0, 1), and the standard error."""
    from scipy.special import stdtrit

    n = len(influence)
    if n < 3 or not 0 < value < 1:
        return float("nan"), float("nan"), float("nan")
    error = float(np.sqrt(np.sum(influence**2) / (n * (n - 1))))
    reach = float(stdtrit(n - 1, (1 + level) / 2)) * error / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-(centre + side)))) for side in (-reach, reach))
    return low, high, error


def expert_load(
    net: PeerNetwork,
    *,
    top: float = 0.05,
    weighted: bool = False,
    working_days: float | None = None,
    hours: float | None = None,
    min_group: int = 5,
    level: float = 0.95,
    n_draws: int = 1000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> ExpertLoad:
    r"""How much of the teaching comes from few people, and how much would by an even draw.

    With :math:`x_i` the learners of person i (or the weight of their teaching), n people, those who teach nobody
    included: the share of the ``top`` of people, the Lorenz curve, and the Gini coefficient :func:`gini`. Intervals
    take people as the units (influence functions; Davidson 2009) on the logit scale, for readers who see these
    people as a sample of people like them. With 50 people the interval of the top share holds the truth in 91 % of
    samples, not 95 (docs/calibration/silos_health.md).

    Even draws are not equal either: with two ties a person some are asked five times by luck. Under the null every
    learner keeps the number of teachers and the weights of their ties, and the teachers are drawn evenly, without
    repeats, from everybody else. A Gini coefficient is read against that.

    There is no list of people here, on purpose: load is not merit, and the numbers are not for judging anybody.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. Where teachers report, people who did not answer have an unknown load and
        are left out; where learners report, silent learners lower everybody's load and the shares are those of the ties
        reported. People who objected are left out always.
    top : float
        Share of people called the top.
    weighted : bool
        Sum weights (episodes, hours) instead of counting learners.
    working_days : float, optional
        Working days that the ties cover. Default: weekdays from the first to the last time in ``net.ties``, where they
        have moments; otherwise no load a day is given.
    hours : float, optional
        Hours that one tie (or one unit of weight) takes; the load is then in hours.
    min_group : int
        Where the top holds fewer people, its mean load is withheld.
    level : float
        Coverage of the intervals.
    n_draws : int
        Even draws.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    ExpertLoad
        ``observed`` (Gini), ``low``, ``high``, ``top_share`` with interval, ``null`` (Gini of the draws), ``p_value``
        (one-sided: more uneven than by an even draw), ``lorenz``, ``hours``. NaN without ties; intervals are NaN with
        fewer than three people.

    References
    ----------
    .. [1] Davidson, R. (2009). Reliable inference for the Gini index. Journal of Econometrics 150(1), 30-40.
       doi:10.1016/j.jeconom.2008.11.004
    .. [2] Cross, R., Rebele, R. & Grant, A. (2016). Collaborative overload. Harvard Business Review 94(1), 74-79.
    """
    rng = as_rng(rng)
    top = number("top", top, 0, 1, open_low=True, open_high=True)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    floor, draws = floored(net, count("min_group", min_group)), count("n_draws", n_draws)
    days = None if working_days is None else number("working_days", working_days, 0, open_low=True)
    each = None if hours is None else number("hours", hours, 0, open_low=True)
    start = record(rng)
    known = _known(net)
    w = net.weight if weighted else np.ones(net.n_ties)
    keep = known[net.teacher]
    scale = float(w[keep].max()) if keep.any() else 1.0
    x = np.asarray(np.bincount(net.teacher[keep], w[keep] / scale, net.n_people)[known], dtype=np.float64)
    value, share = gini(x) if len(x) else float("nan"), _top_share(x, top) if len(x) else float("nan")
    low = high = top_low = top_high = float("nan")
    if np.isfinite(value):
        low, high, _ = _interval(value, _gini_influence(x, value), level)
        top_low, top_high, _ = _interval(share, _top_influence(x, top, share), level)
    null, curve, top_null = _even(net, known, w / scale, top, draws, rng, n_jobs, progress)
    days = _days(net) if days is None else days
    options = {"top": top, "weighted": weighted, "working_days": days, "hours": each, "min_group": floor}
    return ExpertLoad(
        name="Gini coefficient of teaching",
        observed=value,
        null=null,
        null_model="teachers drawn evenly for every learner",
        alternative="greater",
        low=low,
        high=high,
        level=level,
        top=top,
        top_share=share,
        top_low=top_low,
        top_high=top_high,
        top_null=top_null,
        n=len(x),
        n_left_out=int((~known).sum()),
        lorenz=_lorenz(x, curve),
        hours=_hours(x * scale, top, days, each, floor, weighted),
        weighted=weighted,
        estimand="inequality of teaching among everybody who could teach",
        assumptions=("people are the units", "a tie not reported was not there, but for people left out"),
        provenance=provenance(
            "silos.expert_load",
            net,
            options=options | {"level": level, "n_draws": draws},
            rng=start,
            used={"people_with_known_load": len(x)},
        ),
    )


def _known(net: PeerNetwork) -> NDArray[np.bool_]:
    """Mark people whose load is known."""
    status = net.observed.to_numpy()
    if net.respondent_is == "teacher":
        return np.asarray(status == "answered")
    return np.asarray(status != "objected")


def _days(net: PeerNetwork) -> float | None:
    """Count weekdays from the first to the last moment in the ties."""
    ties = net.ties
    names = [c for c in ("time", "first", "last") if c in ties.columns]
    if not names or not len(ties):
        return None
    found = [days_of(ties[c], c) for c in names]
    days = np.concatenate([d[np.isfinite(d)] for d, _ in found])
    if not len(days):
        return None
    low, high = float(days.min()), float(days.max())
    # Folded ties keep moments as days since 1970.
    if not (found[0][1] or (names[0] == "first" and low > 7_000)):
        return None
    begin = np.datetime64("1970-01-01") + np.timedelta64(int(low), "D")
    return max(1.0, float(np.busday_count(begin, begin + np.timedelta64(int(high) - int(low) + 1, "D"))))


def _even(
    net: PeerNetwork,
    known: NDArray[np.bool_],
    w: NDArray[np.float64],
    top: float,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return Gini coefficients, the mean Lorenz curve and the mean share of the top under even draws."""
    pool = np.flatnonzero(known)
    keep = known[net.teacher]
    learner, w = net.learner[keep].astype(np.int64), w[keep]
    n = len(pool)
    full = np.bincount(learner, minlength=net.n_people) > n - known.astype(np.int64)
    if not len(learner) or n < 2 or full.any():
        return np.empty(0), np.full(n + 1, np.nan), float("nan")

    def block(
        size: int, stream: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        out, curve, share = np.empty(size), np.zeros(n + 1), np.empty(size)
        for d in range(size):
            dealt = np.bincount(_deal(learner, pool, net.n_people, stream), w, net.n_people)
            x = np.asarray(dealt[pool], dtype=np.float64)
            out[d], share[d] = gini(x), _top_share(x, top)
            curve[1:] += np.cumsum(np.sort(x)) / x.sum()
        return out, curve, share

    parts = run_blocks(block, n_draws, rng=rng, block=50, n_jobs=n_jobs, progress=progress, desc="even draws")
    draws, shares = (np.concatenate([p[k] for p in parts]) for k in (0, 2))
    return draws, cast(NDArray[np.float64], sum(p[1] for p in parts) / n_draws), float(shares.mean())


def _deal(
    learner: NDArray[np.int64], pool: NDArray[np.intp], n: int, stream: np.random.Generator
) -> NDArray[np.intp]:
    """Draw teachers evenly from ``pool`` for each tie: nobody twice for one learner, nobody for himself."""
    teacher = pool[stream.integers(0, len(pool), len(learner))]
    while True:
        _, first = np.unique(learner * n + teacher, return_index=True)
        again = np.ones(len(learner), dtype=bool)
        again[first] = False
        again |= teacher == learner
        bad = int(again.sum())
        if not bad:
            return teacher
        teacher[again] = pool[stream.integers(0, len(pool), bad)]


def _lorenz(x: NDArray[np.float64], even: NDArray[np.float64]) -> pd.DataFrame:
    """Return cumulative shares, from those who teach least, at most 101 points."""
    n = len(x)
    total = x.sum()
    curve = np.concatenate([[0.0], np.cumsum(np.sort(x)) / total]) if total > 0 else np.full(n + 1, np.nan)
    at = np.unique(np.linspace(0, n, min(n, 100) + 1).round().astype(int))
    return pd.DataFrame(
        {
            "people": at / max(n, 1),
            "teaching": curve[at],
            "even_draw": even[at] if len(even) == n + 1 else np.nan,
        }
    )


def _hours(
    x: NDArray[np.float64], top: float, days: float | None, hours: float | None, floor: int, weighted: bool
) -> pd.DataFrame:
    """Return the load a working day of everybody and of the top; nothing where the top is too small a group."""
    k = round(top * len(x))
    if days is None or not len(x) or k < floor:
        return pd.DataFrame(
            {"who": pd.Series(dtype="str"), "n": [], "per_working_day": [], "unit": pd.Series(dtype="str")}
        )
    rate = np.sort(x)[::-1] * (hours or 1.0) / days
    unit = "hours of teaching" if hours else "units of weight" if weighted else "learners"
    return pd.DataFrame(
        {
            "who": ["everybody", f"top {percent(top)}"],
            "n": [len(x), k],
            "per_working_day": [rate.mean(), rate[:k].mean()],
            "unit": unit,
        }
    )
