"""Null models: what a network would look like if chance alone had made it.

Each function takes a :class:`peernet.PeerNetwork` and returns one, so that any measure can be held against any null;
the ``draw_*`` functions do the same on arrays, for thousands of draws.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    "shuffle_labels": "peernet.nulls._labels",
    "rewire": "peernet.nulls._rewire",
    "dyad_census": "peernet.nulls._census",
    "shuffle_times": "peernet.nulls._times",
    "draw_labels": "peernet.nulls._labels",
    "draw_rewired": "peernet.nulls._rewire",
    "draw_dyad_census": "peernet.nulls._census",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.nulls' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.nulls._census import draw_dyad_census, dyad_census
    from peernet.nulls._labels import draw_labels, shuffle_labels
    from peernet.nulls._rewire import draw_rewired, rewire
    from peernet.nulls._times import shuffle_times
