"""How many had taken it up, and how fast."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet.diffusion._adopted import read_adoptions
from peernet.diffusion._missing import periods_of
from peernet.diffusion._time import Period, Timeline, timeline
from peernet.network import PeerNetwork

__all__ = ["adoption_curve", "hazard"]


def adoption_curve(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    item: str | None = None,
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    r"""Share of people who had taken up an item by the end of each period.

    With :math:`q_t` people informed at the end of period t among n,

    .. math:: \text{share}_t = q_t / n, \qquad \text{rate}_t = (q_t - q_{t-1}) / q_{t-1}.

    n includes those who never adopt, and those who knew before the span count from its first period on. ``low`` and
    ``high`` are Wilson's interval, for readers who see these people as a sample of people like them; for the people
    themselves the share is exact.

    Parameters
    ----------
    net : PeerNetwork
        Who could have adopted.
    adoptions : pandas.DataFrame
        Columns ``person``, ``time`` (missing = never seen to adopt) and, optionally, ``item``, ``already_knew``,
        ``assigned``.
    start, end : time or number
        The observed span. Numbers without ``period`` are the first and last period, both included; otherwise the span
        is [start, end). Adoptions after it have not been seen.
    period : {"day", "week", "month", "quarter", "year"} or float, optional
        Length of a period: a word for moments (default "month"; a number = days), a length for numbers.
    item : str, optional
        Only this item; default all of them.
    by : str, optional
        Column of ``net.people``: one curve a group. People without a group are left out.
    level : float
        Coverage of the interval.

    Returns
    -------
    pandas.DataFrame
        One row an item (and group) and period: ``item``, ``by``'s name, ``period``, ``new``, ``cumulative``, ``n``,
        ``share`` in [0, 1], ``low``, ``high``, ``rate`` (0 in the first period, NaN while nobody had adopted),
        ``assigned`` (how many of the new ones were told to) and ``already_knew`` (before the span).

    Raises
    ------
    DataError
        For unknown people, items or groups, repeated rows, times that fit no period, an empty span.

    Examples
    --------
    >>> people = PeerNetwork(["ana", "bo"], pd.DataFrame({"teacher": ["ana"], "learner": ["bo"]}))
    >>> seen = pd.DataFrame({"person": ["ana", "bo"], "time": [1, 3]})
    >>> adoption_curve(people, seen, start=1, end=3)["share"].tolist()
    [0.5, 0.5, 1.0]
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    items, moments = read_adoptions(adoptions, net.ids, item)
    periods = timeline(moments, start, end, period)
    groups: list[tuple[Any, NDArray[np.bool_]]] = [(None, np.ones(net.n_people, dtype=bool))]
    if by is not None:
        codes, names = net.codes(by)
        groups = [(name, codes == k) for k, name in enumerate(names)]
    parts = []
    for one in items:
        tau = periods_of(one, periods)
        for name, mask in groups:
            part = _curve(tau[mask], one.assigned[mask], periods, level)
            if by is not None:
                part.insert(0, by, name)
            part.insert(0, "item", one.item)
            parts.append(part)
    if parts:
        return pd.concat(parts, ignore_index=True)
    none = _curve(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), periods, level).iloc[:0]
    none.insert(0, "item", pd.Series(dtype="str"))
    if by is not None:
        none.insert(1, by, pd.Series(dtype="object"))
    return none


def _curve(
    tau: NDArray[np.int64], assigned: NDArray[np.bool_], periods: Timeline, level: float
) -> pd.DataFrame:
    """Count one group's adoptions by period."""
    from scipy.special import ndtri

    n = len(tau)
    inside = (tau >= 0) & (tau < periods.n)
    new = np.bincount(tau[inside], minlength=periods.n)
    told = np.bincount(tau[inside & assigned], minlength=periods.n)
    knew = int(np.count_nonzero(tau < 0))
    total = knew + np.cumsum(new)
    before = np.concatenate([[knew], total[:-1]])
    rate = np.divide(new, before, out=np.full(periods.n, np.nan), where=before > 0)
    if periods.n and not before[0]:
        rate[0] = 0.0
    share = total / n if n else np.full(periods.n, np.nan)
    low, high = wilson(total, n, float(ndtri(0.5 + level / 2)))
    return pd.DataFrame(
        {
            "period": periods.labels,
            "new": new,
            "cumulative": total,
            "n": n,
            "share": share,
            "low": low,
            "high": high,
            "rate": rate,
            "assigned": told,
            "already_knew": knew,
        }
    )


def wilson(count: NDArray[Any], n: int, z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Wilson's interval of count / n; NaN where n is 0."""
    if n == 0:
        nothing = np.full(len(count), np.nan)
        return nothing, nothing.copy()
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def hazard(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    item: str | None = None,
    by: str | None = None,
    level: float = 0.95,
    compat: Literal["netdiffuseR"] | None = None,
) -> pd.DataFrame:
    r"""Share of those who had not yet adopted that did so in each period, with survival and cumulative hazard.

    With :math:`q_t` people informed at the end of period t among n,

    .. math:: h_t = \frac{q_t - q_{t-1}}{n - q_{t-1}}, \qquad S_t = \prod_{u \le t} (1 - h_u), \qquad
              H_t = \sum_{u \le t} h_u

    (Kaplan-Meier and Nelson-Aalen). Everybody is followed to the end of the span.

    Parameters
    ----------
    net, adoptions, start, end, period, item, by
        As in ``adoption_curve``.
    level : float
        Coverage of the survival interval (Greenwood's variance on the log-minus-log scale).
    compat : {"netdiffuseR"}, optional
        The hazard of the first period is 0 and, where nobody is left, 0, as in that package.

    Returns
    -------
    pandas.DataFrame
        One row an item (and group) and period: ``item``, ``by``'s name, ``period``, ``at_risk``, ``new``, ``hazard`` in
        [0, 1] (NaN where nobody is left), ``survival``, ``low``, ``high``, ``cumulative_hazard``, ``cumulative_se``.

    Raises
    ------
    DataError
        As ``adoption_curve``.
    """
    from scipy.special import ndtri

    literal("compat", compat, (None, "netdiffuseR"))
    curve = adoption_curve(net, adoptions, start=start, end=end, period=period, item=item, by=by, level=level)
    keys = ["item"] if by is None else ["item", by]
    out = curve[[*keys, "period", "new"]].copy()
    out.insert(len(keys) + 1, "at_risk", curve["n"] - curve["cumulative"] + curve["new"])
    at_risk, new = out["at_risk"].to_numpy(dtype=float), out["new"].to_numpy(dtype=float)
    rate = np.divide(new, at_risk, out=np.full(len(out), np.nan), where=at_risk > 0)
    out["hazard"] = rate
    step = pd.Series(np.nan_to_num(rate), index=out.index)
    group = [out[k] for k in keys]
    out["survival"] = (1 - step).groupby(group).cumprod()
    left = at_risk - new
    terms = np.divide(new, at_risk * left, out=np.zeros(len(out)), where=(at_risk > 0) & (left > 0))
    variance = pd.Series(terms, index=out.index).groupby(group).cumsum().to_numpy()
    survival = out["survival"].to_numpy()
    inner = (survival > 0) & (survival < 1)
    safe = np.where(inner, survival, 0.5)
    width = float(ndtri(0.5 + level / 2)) * np.sqrt(variance) / np.log(safe)
    out["low"] = np.where(inner, safe ** np.exp(-width), survival)
    out["high"] = np.where(inner, safe ** np.exp(width), survival)
    out["cumulative_hazard"] = step.groupby(group).cumsum()
    square = np.divide(new, at_risk**2, out=np.zeros(len(out)), where=at_risk > 0)
    out["cumulative_se"] = np.sqrt(pd.Series(square, index=out.index).groupby(group).cumsum())
    if compat == "netdiffuseR":
        first = out.groupby(keys).cumcount() == 0
        out["hazard"] = out["hazard"].fillna(0.0).mask(first, 0.0)
    return out
