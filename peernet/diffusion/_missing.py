"""Saying so when an answer is missing for everybody, or nothing happened within the span."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peernet.diffusion._adopted import Adopted
from peernet.diffusion._time import Timeline
from peernet.errors import PeerNetWarning

__all__ = ["periods_of", "say_if_all_missing"]


def periods_of(one: Adopted, periods: Timeline) -> NDArray[np.int64]:
    """Return the period in which each person took an item up: -1 = knew before, ``n`` = not within the span.

    When all adoptions lie outside the span, a warning says on which side.
    """
    tau = periods.codes(one.time)
    tau[one.knew] = -1
    given = np.isfinite(one.time) & ~one.knew
    inside = (tau >= 0) & (tau < periods.n)
    if given.any() and not inside.any():
        early = int(np.count_nonzero(given & (tau < 0)))
        late = int(np.count_nonzero(given)) - early
        parts = [f"{early} before it (they count as having known already)"] if early else []
        parts += [f"{late} after it (not seen yet)"] if late else []
        warnings.warn(
            f"adoptions of {one.item!r}: none of {early + late} lies within the span: {' and '.join(parts)}. "
            "Check start and end.",
            PeerNetWarning,
            stacklevel=4,
        )
    return tau


def say_if_all_missing(values: Any, what: str, reasons: Sequence[tuple[bool, str]]) -> None:
    """Warn when every value is missing, with the first reason that holds."""
    numbers = np.asarray(values, dtype=np.float64)
    if not numbers.size or not np.isnan(numbers).all():
        return
    why = next((text for holds, text in reasons if holds), "see the docstring for when it is missing")
    warnings.warn(f"{what} is missing for everybody: {why}.", PeerNetWarning, stacklevel=3)
