"""What inexact answers leave open about a mean: round numbers, and sums that had to be closed to a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.hypotheses._estimation import Sampled, quantity_row, verdict_of
from peernet.hypotheses.bounds import imbens_manski
from peernet.hypotheses.survey import t_interval

__all__ = ["ends_of", "exact_ends", "exact_interval", "exact_outer", "inexact_slack", "judge"]

Floats = NDArray[np.float64]


def inexact_slack(
    parts: Floats, social: NDArray[np.bool_], grid: Floats, total: Floats, sums: Floats
) -> tuple[Floats, Floats]:
    r"""Return how far each person's social share may count too much, and too little, in a mean.

    Rounding to the nearest g moves a mean only where it cannot go up as often as down. Of sources with zero of a
    person it cut up to g / 2; where a source's shares are not more common the larger they are, the mean over people
    moves by no more than that, on average g / 4 a zero: zeros among the social sources made the share too small, zeros
    among the others too large. Where answers about a source hardly differ (standard deviation below g / 2) all may
    have been rounded one way, and g / 2 counts. An answer that summed to S instead of the whole was divided by S; the
    |S - 1| too much or too little may have belonged to one side alone.

    Parameters
    ----------
    parts : array, people x sources
        Closed shares.
    social : array of bool
        Sources that count.
    grid, total : array
        From ``rounding_grid``.
    sums : array
        What each answer summed to, the whole being 1.

    Returns
    -------
    tuple of array
        In [0, 1]: what to take off, what to put on top.
    """
    zero = parts <= 1e-12
    step = (grid / total)[:, None]
    spread = parts.std(axis=0) if len(parts) else np.zeros(parts.shape[1])
    alike = (spread < step / 2) & ~zero.all(axis=0)
    either = np.where(alike, step / 2, 0.0)
    down = np.where(alike | ~zero, either, step / 4)
    # Whoever puts one source right to make the sum a whole passes the error of one side on to the other.
    over = np.maximum(down[:, ~social].sum(axis=1), either[:, social].sum(axis=1))
    under = np.maximum(down[:, social].sum(axis=1), either[:, ~social].sum(axis=1))
    x = parts[:, social].sum(axis=1)
    given, rest, gap = x * sums, (1 - x) * sums, np.abs(sums - 1)
    least = np.where(sums > 1, np.maximum(given - gap, 0.0), given)
    most = 1 - np.where(sums > 1, np.maximum(rest - gap, 0.0), rest)
    off = gap > 1e-9
    return over + np.where(off, x - least, 0.0).clip(0), under + np.where(off, most - x, 0.0).clip(0)


def exact_ends(
    frame: Sampled, x: Floats, slack: tuple[Floats, Floats], level: float, given: dict[str, Any]
) -> list[dict[str, float]]:
    """Return mean, error, worst case for silent people and its error: all answers as low, and as high, as may be.

    ``given`` is the row of the answers as they stand.
    """
    ends = []
    for y, side in ((x - slack[0], "low"), (x + slack[1], "high")):
        row = given
        if not np.array_equal(x, y):
            row = quantity_row(frame, np.clip(y, 0.0, 1.0), share=False, claim=0.5, level=level)
        ends.append(
            {"value": row["value"], "std_error": row["std_error"], "df": row["df"],
             "bound": row[f"bound_{side}"], "bound_error": row[f"bound_{side}_error"]}
        )  # fmt: skip
    return ends


def ends_of(exact: pd.DataFrame, reading: str) -> list[dict[str, float]]:
    """Return the two ends of one reading from a share's table ``exact``."""
    rows: dict[Any, dict[Any, Any]] = pd.DataFrame(exact.xs(reading)).to_dict("index")
    return [{str(k): float(v) for k, v in rows[side].items()} for side in ("low", "high")]


def exact_interval(ends: list[dict[str, float]], level: float) -> tuple[float, float]:
    """Return the interval of the mean with rounding and closing at their worst on either side."""
    bottom, top = ends
    return (
        t_interval(bottom["value"], bottom["std_error"], bottom["df"], level)[0],
        t_interval(top["value"], top["std_error"], top["df"], level)[1],
    )


def exact_outer(ends: list[dict[str, float]], level: float) -> tuple[float, float]:
    """Return the same with silent people at their worst too (Imbens-Manski); NaN where nothing is known of them."""
    bottom, top = ends
    if np.isnan(bottom["bound"]):
        return float("nan"), float("nan")
    low, high = bottom["bound"], top["bound"]
    found = imbens_manski(low, max(low, high), bottom["bound_error"], top["bound_error"], level=level)
    return max(0.0, found[0]), min(1.0, found[1])


def judge(row: dict[str, Any], ends: list[dict[str, float]], claim: float, level: float) -> dict[str, Any]:
    """Return the interval with rounding, and the verdicts on a claimed mean: silent people alike, and at worst."""
    low, high = exact_interval(ends, level)
    found: dict[str, Any] = {
        "whole_low": low,
        "whole_high": high,
        "verdict": verdict_of(low, high, claim, row["n"]),
    }
    outer = exact_outer(ends, level)
    if not np.isnan(outer[0]):
        found["worst_case_verdict"] = verdict_of(*outer, claim, row["n"])
    return found
