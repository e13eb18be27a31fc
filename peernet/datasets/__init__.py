"""Data to learn and to test on: sample organisations with known truth, and published networks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    "Organisation": "peernet.datasets.organisation",
    "make_organisation": "peernet.datasets.make",
    "WORLDS": "peernet.datasets.worlds",
    "load_meridian": "peernet.datasets.worlds",
    "load_truth": "peernet.datasets.worlds",
    "make_world": "peernet.datasets.worlds",
    "sample_dir": "peernet.datasets.worlds",
    "load_lazega": "peernet.datasets.published",
    "load_krackhardt": "peernet.datasets.published",
    "load_medical_innovation": "peernet.datasets.published",
    "catalogue": "peernet.datasets.published",
    "expected_verdicts": "peernet.datasets.expected",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.datasets' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.datasets.expected import expected_verdicts
    from peernet.datasets.make import make_organisation
    from peernet.datasets.organisation import Organisation
    from peernet.datasets.published import catalogue, load_krackhardt, load_lazega, load_medical_innovation
    from peernet.datasets.worlds import WORLDS, load_meridian, load_truth, make_world, sample_dir
