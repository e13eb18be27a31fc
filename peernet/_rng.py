"""Random numbers as in SPEC 7: a generator or a seed in, one stream for each fixed block of work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["RNGLike", "SeedLike", "as_rng", "record", "streams"]

RNGLike: TypeAlias = np.random.Generator | np.random.BitGenerator
SeedLike: TypeAlias = int | np.integer[Any] | Sequence[int] | np.random.SeedSequence


def as_rng(rng: RNGLike | SeedLike | None = None) -> np.random.Generator:
    """Return a generator: the one given, one made from a seed, or a fresh one.

    Raises
    ------
    TypeError
        For numpy's legacy ``RandomState`` and anything else that is neither generator nor seed.
    """
    if isinstance(rng, np.random.RandomState):
        raise TypeError(
            "rng: the legacy RandomState is not taken; pass np.random.default_rng(seed) or a seed."
        )
    if isinstance(rng, bool) or isinstance(rng, (str, float)):
        raise TypeError(f"rng must be a Generator, a whole number seed or None; got {rng!r}.")
    return np.random.default_rng(rng)


def record(rng: np.random.Generator) -> dict[str, Any]:
    """Describe a generator so that a result can be drawn again: kind, entropy and present state."""
    bits = rng.bit_generator
    seed = getattr(bits, "seed_seq", None)
    entropy = getattr(seed, "entropy", None)
    return {"kind": type(bits).__name__, "entropy": entropy, "state": bits.state}


def streams(rng: np.random.Generator, n: int) -> list[np.random.Generator]:
    """Return ``n`` independent generators that depend only on the state of ``rng``.

    The parent advances by a fixed amount, so two calls with one generator differ, and the streams do not depend
    on how many workers use them.
    """
    root = np.random.SeedSequence([int(x) for x in rng.integers(0, 2**63, size=4)])
    return [np.random.default_rng(child) for child in root.spawn(n)]
