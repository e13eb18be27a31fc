"""How long newcomers wait for their first teacher, and for the first one outside their unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet.errors import DataError
from peernet.results import Result, format_number, format_p, provenance
from peernet.silos._common import floored, percent
from peernet.silos._episodes import Episodes, bound, days_of, episodes
from peernet.silos._survival import Curve, kaplan_meier, logrank, median, restricted_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["Onboarding", "onboarding"]

_COHORTS = {"joined month": "M", "joined quarter": "Q", "joined year": "Y"}
_LEAST_EVENTS = 10  # events in all below which no test is made
_ALL = "all"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Onboarding(Result):
    """How long newcomers wait, those who are still waiting counted as far as they were seen.

    Attributes
    ----------
    what : str
        What they wait for, in words.
    curve : pandas.DataFrame
        Kaplan-Meier: ``group, day, at_risk, events, waiting, low, high``; ``waiting`` is the share still without after
        ``day`` days, ``low`` and ``high`` its pointwise interval.
    table : pandas.DataFrame
        One row a group (first all): ``n``, ``n_events``, ``n_left`` (left the firm without), ``n_waiting`` (when the
        window closed), ``median`` with ``median_low``, ``median_high`` (days; infinite = not reached), ``mean`` wait
        up to the horizon with ``mean_low``, ``mean_high``.
    horizon : float
        Days up to which mean waits are taken.
    level : float
        Coverage of the intervals.
    chi2, df, p_value : float
        Log-rank test over the groups; NaN without groups or with few events.
    difference : tuple of float
        Mean wait of the second group less that of the first, low, high; NaN unless there are two.
    left_out : dict
        People left out, by reason.
    """

    what: str
    curve: pd.DataFrame
    table: pd.DataFrame
    horizon: float
    level: float
    chi2: float = float("nan")
    df: int = 0
    p_value: float = float("nan")
    difference: tuple[float, float, float] = (float("nan"),) * 3
    left_out: dict[str, int]

    def headline(self) -> str:
        """Say when half of the newcomers had it."""
        row = self.table.iloc[0]
        middle = row["median"]
        if not np.isfinite(middle):
            return f"Fewer than half of {row['n']:.0f} newcomers had {self.what} while they were seen"
        return f"Half of {row['n']:.0f} newcomers had {self.what} within {format_number(middle)} days"

    def summary(self) -> str:
        """State the median wait, those still waiting, and the test between groups."""
        row, f = self.table.iloc[0], format_number
        parts = [
            f"{self.headline()} ({percent(self.level)} interval {_days(row['median_low'])} to "
            f"{_days(row['median_high'])}). "
            f"{row['n_events']:.0f} had it; {row['n_waiting']:.0f} still waited when the window closed, "
            f"{row['n_left']:.0f} left without; both are counted as far as they were seen. Mean wait up to day "
            f"{f(self.horizon)}: {f(row['mean'])} days [{f(row['mean_low'])}, {f(row['mean_high'])}]."
        ]
        if len(self.table) > 1:
            if np.isnan(self.p_value):
                parts.append("Groups are not tested: there are too few events.")
            else:
                parts.append(
                    f"Groups differ: chi-square {f(self.chi2)} on {self.df} df, {format_p(self.p_value)} (log-rank)."
                    if self.p_value < 1 - self.level
                    else f"No difference between groups was found (log-rank {format_p(self.p_value)}): inconclusive."
                )
            value, low, high = self.difference
            if np.isfinite(value):
                one, two = self.table["group"].iloc[1:3]
                parts.append(
                    f"Mean wait of {two!r} less that of {one!r}: {f(value)} days [{f(low)}, {f(high)}]."
                )
        if row["n_left"]:
            parts.append("The curve says how it would be if nobody left (leaving is treated as unrelated).")
        dropped = {k: v for k, v in self.left_out.items() if v}
        if dropped:
            parts.append("Left out: " + ", ".join(f"{v} {k}" for k, v in dropped.items()) + ".")
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of newcomers who had it, with bands.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _health_pictures

        return _health_pictures.plot_onboarding(self, ax=ax)


def _days(value: float) -> str:
    """Write a number of days that may not be reached."""
    return "not reached" if np.isinf(value) else format_number(value)


class _Newcomers(NamedTuple):
    """Who is followed: rows of people, entry and exit in days since joining, event, left the firm."""

    row: NDArray[np.intp]
    joined: NDArray[np.float64]
    entry: NDArray[np.float64]
    time: NDArray[np.float64]
    event: NDArray[np.bool_]
    left: NDArray[np.bool_]
    left_out: dict[str, int]


def onboarding(
    net: PeerNetwork,
    events: pd.DataFrame | None = None,
    *,
    start: Any,
    end: Any,
    joined: str = "start",
    left: str | None = "end",
    outside: str | None = None,
    n_teachers: int = 1,
    by: str | None = None,
    before: Literal["leave out", "late entry"] = "leave out",
    horizon: float | None = None,
    min_group: int = 5,
    level: float = 0.95,
) -> Onboarding:
    r"""Days from joining to the first teacher (or the k-th, or the first outside the own unit), censoring handled.

    Kaplan-Meier with :math:`d_s` events and :math:`n_s` people at risk s days after joining,

    .. math:: S(t) = \prod_{s \le t} (1 - d_s / n_s),

    Greenwood's variance on the scale of :math:`\log(-\log S)`; median by inverting the band; restricted mean wait
    :math:`\int_0^h S`; log-rank test over groups. Whoever is still without when the window closes, or leaves, is
    counted as long as they were seen. Leaving competes with learning: the curve shows how it would be without it.

    Parameters
    ----------
    net : PeerNetwork
        People with the day they joined, and (unless ``events`` are given) ties with ``time`` or ``first``. Where
        learners report, people who did not answer are left out: their teachers are unknown.
    events : pandas.DataFrame, optional
        ``teacher``, ``learner``, ``time``, such as ``records.events``.
    start, end : time or number
        The observed window [start, end). Never guessed. Earlier events count as history, later ones are not seen.
    joined : str
        Column of people with the day they joined.
    left : str, optional
        Column of people with the day they left (missing = still there); None if not known.
    outside : str, optional
        Column of people, such as "unit": wait for the first teacher of another group. Where the events hold
        ``<outside>_teacher`` and ``<outside>_learner`` (from ``records.unit_at_event``), those at the time are used.
    n_teachers : int
        Wait until so many distinct teachers.
    by : str, optional
        Compare groups: a column of people, or "joined month", "joined quarter", "joined year".
    before : {"leave out", "late entry"}
        What to do with people who joined before ``start``. Whether they had had a teacher by then is not known from
        the window, so they are left out. "late entry" counts them from ``start`` on (left truncation), unless an
        earlier event shows that they had had it: right only if the events before ``start`` are complete.
    horizon : float, optional
        Days up to which the mean wait is taken. Default: the longest time that every group was followed.
    min_group : int
        Groups with fewer newcomers are pooled.
    level : float
        Coverage of the intervals.

    Returns
    -------
    Onboarding
        ``curve``, ``table``, ``p_value``. No test with fewer than 10 events in all. With few newcomers every step of
        the curve is one person's day: show others the table.

    Raises
    ------
    DataError
        Without the columns, without newcomers, or with fewer of them than ``min_group``.

    References
    ----------
    .. [1] Kaplan, E. L. & Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
    .. [2] Klein, J. P. & Moeschberger, M. L. (2003). Survival Analysis, sections 4.3-4.6 and 7.3. Springer.
    .. [3] Rollag, K., Parise, S. & Cross, R. (2005). Getting new hires up to speed quickly. MIT Sloan Management
       Review 46(2), 35-41.
    .. [4] Morrison, E. W. (2002). Newcomers' relationships. Academy of Management Journal 45(6), 1149-1160.
    """
    literal("before", before, ("leave out", "late entry"))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    k, floor = count("n_teachers", n_teachers), floored(net, count("min_group", min_group))
    rows = episodes(net, events, function="silos.onboarding")
    low, high = bound(start, "start", rows.moments), bound(end, "end", rows.moments)
    if not low < high:
        raise DataError(f"silos.onboarding: the end ({end}) is not after the start ({start}).")
    when = _reached(net, rows, outside, k, high)
    people = _follow(net, rows.moments, when, low, high, joined, left, before)
    if len(people.row) < floor:
        raise DataError(
            f"silos.onboarding: {len(people.row)} people who joined in the window can be followed, fewer than "
            f"min_group={floor}. Widen the window. Left out: {people.left_out}."
        )
    codes, names = _groups(net, people, by, floor, rows.moments)
    reach = _horizon(people, codes, horizon)
    labels = [_ALL, *names]
    members = [np.ones(len(people.row), dtype=bool), *(codes == g for g in range(len(names)))]
    curves = [kaplan_meier(people.entry[m], people.time[m], people.event[m], level) for m in members]
    table = pd.DataFrame([_row(*x, people, reach, level) for x in zip(labels, curves, members, strict=True)])
    chi, df, p = float("nan"), max(len(names) - 1, 0), float("nan")
    if len(names) > 1 and people.event.sum() >= _LEAST_EVENTS:
        known = codes >= 0
        chi, df, p = logrank(people.entry[known], people.time[known], people.event[known], codes[known])
    what = "their first teacher" if k == 1 else f"{k} teachers"
    what += f" outside their {outside}" if outside else ""
    return Onboarding(
        what=what,
        curve=pd.concat([_frame(n, c) for n, c in zip(labels, curves, strict=True)], ignore_index=True),
        table=table,
        horizon=reach,
        level=level,
        chi2=chi,
        df=df,
        p_value=p,
        difference=_difference(curves[1:], reach, level),
        left_out=people.left_out,
        estimand=f"days from joining to {what}, if nobody left",
        assumptions=(
            "leaving and the end of the window are unrelated to the wait",
            "a teacher who left no trace is not seen",
        ),
        provenance=provenance(
            "silos.onboarding",
            net,
            options={"start": str(start), "end": str(end), "outside": outside, "n_teachers": k, "by": by}
            | {"before": before, "horizon": reach, "min_group": floor, "level": level},
            used={"people_followed": len(people.row), "people_left_out": people.left_out,
                  "episodes_left_out": rows.left_out},
        ),
    )  # fmt: skip


def _reached(
    net: PeerNetwork, rows: Episodes, outside: str | None, k: int, end: float
) -> NDArray[np.float64]:
    """Return the day on which each person had the k-th distinct teacher, infinite = not before ``end``."""
    keep = rows.day < end
    if outside is not None:
        if {f"{outside}_teacher", f"{outside}_learner"} <= set(rows.frame.columns):
            one, two = (rows.frame[f"{outside}_{e}"] for e in ("teacher", "learner"))
        else:
            values = net.column(outside)
            one, two = values.iloc[rows.teacher], values.iloc[rows.learner]
        a, b = one.astype("object").to_numpy(), two.astype("object").to_numpy()
        keep &= one.notna().to_numpy() & two.notna().to_numpy() & (a != b)
    frame = pd.DataFrame({"t": rows.teacher[keep], "l": rows.learner[keep], "d": rows.day[keep]})
    first = frame.groupby(["l", "t"], sort=False)["d"].min().sort_values(kind="stable").reset_index()
    nth = first[first.groupby("l").cumcount() == k - 1]
    out = np.full(net.n_people, np.inf)
    out[nth["l"].to_numpy(dtype=np.intp)] = nth["d"].to_numpy()
    return out


def _dates(net: PeerNetwork, column: str, moments: bool) -> NDArray[np.float64]:
    """Read a column of dates of people, of the same kind as the times of the events."""
    values = net.column(column)
    days, is_moment = days_of(values, f"people[{column!r}]")
    if is_moment != moments and np.isfinite(days).any():
        kinds = ("moments", "numbers") if moments else ("numbers", "moments")
        raise DataError(
            f"people[{column!r}] holds {kinds[1]}, the times of the episodes are {kinds[0]}; convert one of them."
        )
    return days


def _follow(
    net: PeerNetwork,
    moments: bool,
    when: NDArray[np.float64],
    low: float,
    high: float,
    joined: str,
    left: str | None,
    before: str,
) -> _Newcomers:
    """Choose the newcomers and how long each was seen."""
    start = _dates(net, joined, moments)
    gone = np.full(net.n_people, np.nan)
    if left is not None and left in net.people.columns:
        gone = _dates(net, left, moments)
    elif left not in (None, "end"):
        net.column(str(left))  # says which columns there are
    gone = np.where(np.isnan(gone), np.inf, gone)
    status = net.observed.to_numpy()
    unsaid = (status == "objected") | ((status != "answered") & (net.respondent_is == "learner"))
    early = start < low
    reasons = {
        "without a day of joining": np.isnan(start),
        "who joined after the window": start >= high,
        "whose teachers are unknown": unsaid,
        "who left before the window or before joining": (gone <= np.maximum(start, low)),
        "who had it before they joined": when < start,
        "who joined before the window": early if before == "leave out" else np.zeros(len(start), dtype=bool),
        "who had it before the window": early & (when < low),
    }
    keep = np.ones(net.n_people, dtype=bool)
    left_out = {}
    for reason, mask in reasons.items():
        left_out[reason] = int((keep & mask).sum())
        keep &= ~mask
    row = np.flatnonzero(keep)
    stop = np.minimum(gone[row], high)
    event = when[row] <= stop
    event &= when[row] < high
    time = np.where(event, when[row], stop) - start[row]
    # What happens at the very start of the window is seen, so they are at risk of it.
    entry = np.where(early[row], np.nextafter(low - start[row], -np.inf), -1.0)
    return _Newcomers(row, start[row], entry, time, event, ~event & (gone[row] < high), left_out)


def _groups(
    net: PeerNetwork, people: _Newcomers, by: str | None, floor: int, moments: bool
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the group of each newcomer, small groups pooled."""
    from peernet.privacy import pool_small_groups

    if by is None:
        return np.full(len(people.row), -1, dtype=np.int64), []
    if by in _COHORTS and by not in net.people.columns:
        if not moments:
            raise DataError(
                f"by={by!r} needs moments; with numbers add a column of cohorts (net.with_people) and name it."
            )
        values = pd.Series(pd.to_datetime(people.joined, unit="D").to_period(_COHORTS[by]).astype("str"))
    else:
        values = net.column(by).iloc[people.row].reset_index(drop=True)
    codes, names = pd.factorize(pool_small_groups(values, floor=floor), sort=True)
    return codes.astype(np.int64), [str(n) for n in names]


def _horizon(people: _Newcomers, codes: NDArray[np.int64], horizon: float | None) -> float:
    """Return how far mean waits are taken: as far as somebody of every group was followed."""
    if horizon is not None:
        return number("horizon", horizon, 0, open_low=True)
    return float(min(people.time[codes == g].max() for g in np.unique(codes)))


def _row(
    label: str,
    curve: Curve,
    mine: NDArray[np.bool_],
    people: _Newcomers,
    horizon: float,
    level: float,
) -> dict[str, Any]:
    """Return one row of the table."""
    from scipy.special import ndtri

    middle, low, high = median(curve)
    mean, error = restricted_mean(curve, horizon)
    reach = float(ndtri(0.5 + level / 2)) * error
    event, left = people.event[mine], people.left[mine]
    return {
        "group": label,
        "n": int(mine.sum()),
        "n_events": int(event.sum()),
        "n_left": int(left.sum()),
        "n_waiting": int((~event & ~left).sum()),
        "median": middle,
        "median_low": low,
        "median_high": high,
        "mean": mean,
        "mean_low": max(mean - reach, 0.0),
        "mean_high": min(mean + reach, horizon),
    }


def _difference(curves: list[Curve], horizon: float, level: float) -> tuple[float, float, float]:
    """Return the difference of two mean waits with its interval."""
    from scipy.special import ndtri

    if len(curves) != 2:
        return float("nan"), float("nan"), float("nan")
    (one, s1), (two, s2) = (restricted_mean(c, horizon) for c in curves)
    reach = float(ndtri(0.5 + level / 2)) * float(np.hypot(s1, s2))
    return two - one, two - one - reach, two - one + reach


def _frame(label: str, curve: Curve) -> pd.DataFrame:
    """Return a curve as a table that begins with everybody waiting."""
    n0 = int(curve.at_risk[0]) if len(curve.at_risk) else 0
    return pd.DataFrame(
        {
            "group": label,
            "day": np.concatenate([[0.0], curve.time]),
            "at_risk": np.concatenate([[n0], curve.at_risk]),
            "events": np.concatenate([[0], curve.events]),
            "waiting": np.concatenate([[1.0], curve.waiting]),
            "low": np.concatenate([[1.0], curve.low]),
            "high": np.concatenate([[1.0], curve.high]),
        }
    )
