"""Who bridges silos, and is it more than chance? Every number comes with its null model and its convention."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    # do ties stay inside groups?
    "ei_index": "peernet.silos.ei",
    "ei_by_unit": "peernet.silos.ei",
    "ei_estimate": "peernet.silos.ei",
    "ei_test": "peernet.silos.ei",
    "expected_ei": "peernet.silos.ei",
    "EITest": "peernet.silos.ei",
    "mixing_table": "peernet.silos.mixing",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.silos' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.silos.ei import EITest, ei_by_unit, ei_estimate, ei_index, ei_test, expected_ei
    from peernet.silos.mixing import mixing_table
