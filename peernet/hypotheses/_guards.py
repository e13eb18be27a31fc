"""What every method of shares refuses or says in the same words: percentages, few answers, silence."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

from peernet._check import number
from peernet.errors import PeerNetWarning

__all__ = ["FEW_ANSWERS", "as_share", "settled", "warn_few"]

FEW_ANSWERS = 20


def as_share(name: str, value: object, *, closed: bool = False) -> float:
    """Return a share of a whole, in (0, 1) or [0, 1]; a percentage is refused with the share that it stands for.

    Raises
    ------
    ValueError
        For anything else.
    """
    given = float(value) if isinstance(value, Real) else 0.0
    if 1 < given <= 100:
        raise ValueError(
            f"{name} is a share between 0 and 1; got {value!r}. Write {given / 100:g} for {given:g} %."
        )
    return number(name, value, 0, 1, open_low=not closed, open_high=not closed)


def warn_few(function: str, n: int, what: str = "answers", *, so: str, stacklevel: int = 3) -> bool:
    """Say by name that an approximation needs more answers (or clusters) than there are; return whether it was said."""
    if n >= FEW_ANSWERS:
        return False
    warnings.warn(
        f"{function}: {n} {what} are fewer than {FEW_ANSWERS}: intervals rest on an approximation that needs "
        f"more. {so}",
        PeerNetWarning,
        stacklevel=stacklevel,
    )
    return True


def settled(alike: Any, worst: Any) -> Any:
    """One verdict of two: decided only if silent people could not change it (``worst`` is empty without a roster)."""
    return alike if worst in ("", alike) or alike not in ("supported", "contradicted") else "inconclusive"
