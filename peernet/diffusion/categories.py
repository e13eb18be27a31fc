"""How many of one's teachers it took, and who came early."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._exposure import (
    Compat,
    Networks,
    Through,
    Via,
    as_networks,
    exposure_table,
    why_unknown,
)
from peernet.diffusion._missing import periods_of, say_if_all_missing
from peernet.diffusion._time import Period, timeline
from peernet.privacy.permissions import require

__all__ = ["adopter_categories", "thresholds"]

TIME_NAMES = ("Early Adopters", "Early Majority", "Late Majority", "Laggards")
THRESHOLD_NAMES = ("Very Low Thresh.", "Low Thresh.", "High Thresh.", "Very High Thresh.")
NEVER = "Non-Adopters"


def thresholds(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    lag: int = 1,
    normalised: bool = True,
    weighted: bool = True,
    through: Through = "teachers",
    via: Via = "ties",
    teacher_weight: pd.Series[Any] | pd.DataFrame | None = None,
    item: str | None = None,
    compat: Compat = None,
) -> pd.DataFrame:
    r"""Exposure at the moment of adoption: the share of a person's teachers who had it before them.

    :math:`\theta_i = E_i(\tau_i)` with the lagged exposure of ``exposure``. Whoever adopts in the first period, or knew
    before, may have done so at any exposure: their threshold is left-censored and marked.

    Parameters
    ----------
    net, adoptions, start, end, period, lag, normalised, weighted, through, via, teacher_weight, item, compat
        As in ``exposure``; one item.

    Returns
    -------
    pandas.DataFrame
        Index = person id: ``threshold`` (NaN for those who never adopt, have no teachers, or adopt within the first
        ``lag`` periods), ``time`` (period of adoption, missing = never) and ``left_censored``.

    Raises
    ------
    DataError
        As ``exposure``; when there are several items and none is named.
    PermissionLocked
        When the study behind the network does not list ``diffusion.thresholds``.
    """
    for one in as_networks(net):
        require(one, "person_level", function="diffusion.thresholds")
    out = _thresholds(
        net, adoptions, start=start, end=end, period=period, lag=lag, normalised=normalised, weighted=weighted,
        through=through, via=via, teacher_weight=teacher_weight, item=item, compat=compat,
    )  # fmt: skip
    say_if_all_missing(out["threshold"], "the threshold", _why_unknown(net, out, lag, through, via))
    return out


def _why_unknown(
    net: Networks, out: pd.DataFrame, lag: int, through: Through, via: Via
) -> list[tuple[bool, str]]:
    """Return what leaves nobody with a threshold, each with the words for it."""
    return [
        (not out["time"].notna().any(), "nobody adopted within the span"),
        (
            bool(lag > 0 and (out["left_censored"] | out["time"].isna()).all()),
            f"everybody adopted in the first period, and lag={lag} looks before it (lag=0 is contemporaneous)",
        ),
        *why_unknown(as_networks(net), through, via)[:2],
        (True, "no adopter has known teachers whose state is observed so many periods before"),
    ]


def _thresholds(
    net: Networks, adoptions: pd.DataFrame, *, start: Any, end: Any, period: Period = None, lag: int = 1,
    normalised: bool = True, weighted: bool = True, through: Through = "teachers", via: Via = "ties",
    teacher_weight: pd.Series[Any] | pd.DataFrame | None = None, item: str | None = None, compat: Compat = None,
) -> pd.DataFrame:  # fmt: skip
    """Compute thresholds."""
    nets = as_networks(net)
    items, moments = read_adoptions(adoptions, nets[0].ids, item)
    one = choose(items, "thresholds")
    periods = timeline(moments, start, end, period)
    table = exposure_table(
        net, adoptions, start=start, end=end, period=period, lag=lag, normalised=normalised, weighted=weighted,
        through=through, via=via, teacher_weight=teacher_weight, item=one.item if item is not None else None,
        compat=compat,
    ).to_numpy()  # fmt: skip
    tau = periods_of(one, periods)
    inside = (tau >= 0) & (tau < periods.n)
    value = np.full(len(tau), np.nan)
    value[inside] = table[np.flatnonzero(inside), tau[inside]]
    when = pd.Series(periods.labels[np.clip(tau, 0, periods.n - 1)], index=nets[0].ids).where(inside)
    return pd.DataFrame({"threshold": value, "time": when, "left_censored": tau <= 0}, index=nets[0].ids)


def adopter_categories(
    net: Networks,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    classes: Literal[4, 5] = 5,
    lag: int = 1,
    weighted: bool = True,
    item: str | None = None,
    compat: Compat = None,
) -> pd.DataFrame:
    """Early or late beside one's colleagues, and with how few or many teachers (Rogers; Valente).

    Cut-offs are mean - sd, mean and mean + sd of the adopters' periods (sample sd), intervals closed on the left; with
    five classes innovators lie below mean - 2 sd. The same four classes for thresholds.

    Parameters
    ----------
    net, adoptions, start, end, period, lag, weighted, item, compat
        As in ``thresholds``.
    classes : {4, 5}
        Five as Rogers; four merge innovators with early adopters, as netdiffuseR.

    Returns
    -------
    pandas.DataFrame
        Index = person id: ``time_class``, ``threshold_class``. Who never adopts is a "Non-Adopter"; a threshold that is
        not known is missing. ``attrs["time_cutoffs"]`` and ``attrs["threshold_cutoffs"]`` hold the three cut-offs; with
        fewer than two adopters they are NaN and so are the classes.

    Raises
    ------
    DataError
        As ``thresholds``.
    PermissionLocked
        When the study behind the network does not list ``diffusion.adopter_categories``.

    References
    ----------
    .. [1] Rogers, E. M. (2003). *Diffusion of Innovations*, 5th ed. Free Press.
    .. [2] Valente, T. W. (1996). Social network thresholds in the diffusion of innovations. *Social Networks* 18,
       69-89. doi:10.1016/0378-8733(95)00256-1
    """
    literal("classes", classes, (4, 5))
    nets = as_networks(net)
    for one in nets:
        require(one, "person_level", function="diffusion.adopter_categories")
    found = _thresholds(
        net,
        adoptions,
        start=start,
        end=end,
        period=period,
        lag=lag,
        weighted=weighted,
        item=item,
        compat=compat,
    )
    items, moments = read_adoptions(adoptions, nets[0].ids, item)
    periods = timeline(moments, start, end, period)
    tau = periods.codes(choose(items, "adopter_categories").time)
    inside = found["time"].notna().to_numpy()
    first = float(periods.labels[0]) if periods.whole else 1.0
    when = np.where(inside, tau + first, np.nan)
    if inside.sum() < 2:
        when_few = "one person" if inside.any() else "nobody"
        say_if_all_missing(
            np.full(1, np.nan),
            "the class of time",
            [(True, f"{when_few} adopted within the span, and two are needed")],
        )
    time_class, time_cuts = _classes(when, TIME_NAMES, classes)
    share_class, share_cuts = _classes(found["threshold"].to_numpy(), THRESHOLD_NAMES, 4)
    out = pd.DataFrame({"time_class": time_class, "threshold_class": share_class}, index=nets[0].ids)
    out.loc[~inside, :] = NEVER
    out.attrs["time_cutoffs"], out.attrs["threshold_cutoffs"] = time_cuts, share_cuts
    return out


def _classes(values: NDArray[Any], names: tuple[str, ...], classes: int) -> tuple[Any, list[float]]:
    """Cut values at mean - sd, mean, mean + sd, closed on the left."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return np.full(len(values), None, dtype=object), [float("nan")] * 3
    mean, sd = float(known.mean()), float(known.std(ddof=1))
    cuts = [mean - sd, mean, mean + sd]
    code = np.searchsorted(cuts, np.nan_to_num(values, nan=0.0), side="right")
    words = np.array(names, dtype=object)[code]
    if classes == 5:
        words[values < mean - 2 * sd] = "Innovators"
    words[~np.isfinite(values)] = None
    return words, cuts
