"""The estimates behind a survey share: one quantity at a time, over a roster of strata."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.errors import DataError
from peernet.hypotheses._guards import FEW_ANSWERS
from peernet.hypotheses._roster import Roster, pool_small
from peernet.hypotheses.bounds import imbens_manski
from peernet.hypotheses.survey import Design, linearised_variance, make_design, t_interval

__all__ = [
    "Sampled",
    "Target",
    "quantity_row",
    "rounding_row",
    "unit_table",
    "verdict_of",
    "wilson_interval",
]

Target = Literal["roster", "superpopulation"]
Floats = NDArray[np.float64]


def wilson_interval(
    p: float, std_error: float, n: int, df: float, level: float, free: float
) -> tuple[float, float]:
    """Interval of a proportion from its design-based error: Wilson with the effective number of answers.

    ``free`` = 1 - sampled fraction, used where nobody or everybody is above and the standard error says nothing.
    """
    if free <= 0:
        return p, p
    from scipy.special import stdtrit

    variance = std_error**2
    if variance > 0 and df > 0:
        size, t = p * (1 - p) / variance, float(stdtrit(df, (1 + level) / 2))
    else:
        size, t = n / free, float(stdtrit(max(n - 1, 1), (1 + level) / 2))
    centre = (p + t**2 / (2 * size)) / (1 + t**2 / size)
    half = t * np.sqrt(p * (1 - p) / size + t**2 / (4 * size**2)) / (1 + t**2 / size)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


class Sampled:
    """The design of the answers and the design of the asking, over one roster."""

    def __init__(self, roster: Roster, target: Target) -> None:
        """Code both designs; units short of two people are pooled."""
        stratum, labels, self.pooled = pool_small(roster.unit, roster.answered)
        self.stratum, self.labels = stratum, np.asarray(labels, dtype=object)
        self.roster, self.target = roster, target
        self.answers = self._design(stratum, roster.answered)
        asked_in = pool_small(roster.unit, roster.asked)[0]
        self.asking = self._design(asked_in, roster.asked) if roster.known else None

    def _design(self, stratum: NDArray[np.intp], seen: NDArray[np.bool_]) -> Design:
        """Stratified sample of the people seen out of the roster; of a superpopulation if so asked."""
        names, sizes = np.unique(stratum, return_counts=True)
        where = np.flatnonzero(seen)
        if not len(where):
            raise DataError(
                "nobody answered: no person on the roster has usable shares. There is nothing to estimate."
            )
        codes = stratum[where]
        n_h = np.bincount(codes, minlength=len(names))
        if not self.roster.known or self.target == "superpopulation":
            weight = (sizes / np.maximum(n_h, 1))[codes]
            return make_design(
                np.ones(len(where), dtype=bool),
                None,
                strata=codes,
                clusters=None,
                weights=weight,
                population=None,
            )
        return make_design(
            np.ones(len(where), dtype=bool), None, strata=codes, clusters=None, weights=None,
            population=dict(zip(names, sizes, strict=True)),
        )  # fmt: skip

    def sizes(self) -> dict[str, int]:
        """Return the number of people in every stratum, those who objected included."""
        return {str(label): int(n) for label, n in zip(self.labels, np.bincount(self.stratum), strict=True)}

    def table(self) -> pd.DataFrame:
        """Return stratum, answered and asked for everybody on the roster who did not object."""
        roster = self.roster
        columns = {"stratum": self.labels[self.stratum], "answered": roster.answered, "asked": roster.asked}
        return pd.DataFrame(columns, index=roster.ids)[~roster.objected]

    def mean(self, x: Floats, design: Design) -> tuple[float, float, float]:
        """Return weighted mean, standard error and degrees of freedom."""
        total = design.weight.sum()
        value = float(np.sum(design.weight * x) / total)
        variance = linearised_variance(design.weight * (x - value) / total, design, "centred")
        return value, float(np.sqrt(max(variance, 0.0))), float(len(x) - len(design.n_h))


def quantity_row(frame: Sampled, x: Floats, *, share: bool, claim: float, level: float) -> dict[str, Any]:
    """Estimate one quantity with its interval, test, worst cases and breakdown point."""
    value, std_error, df = frame.mean(x, frame.answers)
    free = 1.0 if not np.isfinite(frame.answers.size) else 1 - len(x) / frame.answers.size
    if share:
        low, high = wilson_interval(value, std_error, len(x), df, level, free)
    else:
        if not df > 0 and free > 0:  # a single answer says nothing on its own spread
            std_error = float("nan")
        low, high = t_interval(value, std_error, df, level)
    row: dict[str, Any] = {
        "value": value, "low": low, "high": high, "std_error": std_error, "df": df, "n": len(x), "p_value": np.nan,
        "bound_low": np.nan, "bound_high": np.nan, "bound_low_error": np.nan, "bound_high_error": np.nan,
        "outer_low": np.nan, "outer_high": np.nan, "breakdown": np.nan, "verdict": "", "worst_case_verdict": "",
    }  # fmt: skip
    if frame.asking is not None:
        row.update(_worst_cases(frame, x, level))
    if share:
        return row
    if std_error > 0 and df > 0:
        from scipy.special import stdtr

        row["p_value"] = float(2 * stdtr(df, -abs(value - claim) / std_error))
    row["verdict"] = verdict_of(low, high, claim, len(x))
    if frame.asking is not None:
        row["worst_case_verdict"] = verdict_of(row["outer_low"], row["outer_high"], claim, len(x))
        row["breakdown"] = _needed(frame, x, claim)
    return row


def verdict_of(low: float, high: float, claim: float, n: int) -> str:
    """A claim outside the interval is contradicted; inside it nothing is decided; few answers decide nothing."""
    if n < FEW_ANSWERS or np.isnan(low):
        return "not answered by these data"
    return "inconclusive" if low - 1e-12 <= claim <= high + 1e-12 else "contradicted"


def rounding_row(
    frame: Sampled, low: Floats, high: Floats, claim: float | None, level: float, found: dict[str, Any]
) -> dict[str, float]:
    """What rounding leaves open for one quantity: least, most, and even; then with silence and sampling on top.

    ``low, high`` are the least and most that each person's share can have been. With a ``claim`` the quantity is the
    share of people at or above it, else the mean. ``found`` is the row of the answers as given.
    """
    known = frame.asking is not None
    if np.array_equal(low, high):
        sides = {
            "all_low": found["outer_low" if known else "low"],
            "all_high": found["outer_high" if known else "high"],
        }
        sides |= {"whole_low": found["low"], "whole_high": found["high"]}
        return {**dict.fromkeys(("rounding_low", "rounding_high", "rounding_even"), found["value"]), **sides}
    least, most = (
        (low, high) if claim is None else ((x >= claim - 1e-9).astype(np.float64) for x in (low, high))
    )
    even = (low + high) / 2
    if claim is not None:
        wide = np.where(high > low, high - low, 1.0)
        even = np.where(high > low, np.clip((high - claim) / wide, 0.0, 1.0), low >= claim - 1e-9)
    options: dict[str, Any] = {"share": claim is not None, "claim": 0.5, "level": level}
    bottom, top = quantity_row(frame, least, **options), quantity_row(frame, most, **options)
    return {
        "rounding_low": bottom["value"], "rounding_high": top["value"],
        "rounding_even": frame.mean(even, frame.answers)[0],
        "all_low": max(0.0, bottom["outer_low" if known else "low"]),
        "all_high": min(1.0, top["outer_high" if known else "high"]),
        "whole_low": max(0.0, bottom["low"]), "whole_high": min(1.0, top["high"]),
    }  # fmt: skip


def _filled(frame: Sampled, x: Floats, fill: float) -> Floats:
    """Return the answers of everybody asked, silent people filled with one value."""
    whole = np.full(len(frame.roster.ids), fill)
    whole[frame.roster.answered] = x
    return whole[frame.roster.asked]


def _worst_cases(frame: Sampled, x: Floats, level: float) -> dict[str, float]:
    """Bounds with every silent person at 0 and at 1, and the Imbens-Manski interval around them."""
    assert frame.asking is not None
    low, se_low, _ = frame.mean(_filled(frame, x, 0.0), frame.asking)
    high, se_high, _ = frame.mean(_filled(frame, x, 1.0), frame.asking)
    outer = imbens_manski(low, max(low, high), se_low, se_high, level=level)
    return {
        "bound_low": low, "bound_high": high, "bound_low_error": se_low, "bound_high_error": se_high,
        "outer_low": max(0.0, outer[0]), "outer_high": min(1.0, outer[1]),
    }  # fmt: skip


def _needed(frame: Sampled, x: Floats, claim: float) -> float:
    """Mean that silent people would need for the overall mean to be the claim; NaN when nobody is silent."""
    assert frame.asking is not None
    low = frame.mean(_filled(frame, x, 0.0), frame.asking)[0]
    silent = frame.mean(_filled(frame, x, 1.0), frame.asking)[0] - low
    return (claim - low) / silent if silent > 1e-12 else float("nan")


def unit_table(frame: Sampled, x: Floats, claim: float, level: float, min_group: int) -> pd.DataFrame:
    """Response and mean by unit; means of small groups are withheld, and one more where a difference would tell."""
    roster = frame.roster
    code, names = pd.factorize(roster.unit, sort=True)
    k = len(names)
    size, asked = np.bincount(code, minlength=k), np.bincount(code, roster.asked, k)
    mine = code[roster.answered]
    n = np.bincount(mine, minlength=k)
    safe = np.maximum(n, 1)
    mean = np.bincount(mine, x, k) / safe
    above = np.bincount(mine, x >= claim - 1e-9, k) / safe
    s2 = np.bincount(mine, (x - mean[mine]) ** 2, k) / np.maximum(n - 1, 1)
    finite = roster.known and frame.target == "roster"
    std_error = np.sqrt(s2 / safe * np.where(finite, 1 - n / size, 1.0))
    spans = [
        t_interval(m, s, c - 1, level) if c > 1 else (np.nan, np.nan)
        for m, s, c in zip(mean, std_error, n, strict=True)
    ]
    shown = n >= min_group
    hidden = (~shown) & (n > 0)
    if hidden.sum() == 1 and shown.any():
        shown[np.flatnonzero(shown)[np.argmin(n[shown])]] = False
    table = pd.DataFrame(
        {
            "unit": names,
            "people": size,
            "asked": asked.astype(int),
            "answered": n,
            "response": n / np.maximum(asked, 1),
        }
    )
    for name, values in (
        ("value", mean), ("low", [a for a, _ in spans]), ("high", [b for _, b in spans]), ("at_least", above),
    ):  # fmt: skip
        table[name] = np.where(shown, values, np.nan)
    table["shown"] = shown
    return table
