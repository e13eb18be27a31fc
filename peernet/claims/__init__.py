"""Claims about peer learning as questions that data can answer: the register, the 80 %, the scorecard."""

from __future__ import annotations

import importlib
from typing import Any

# Public names by topic; each is loaded when it is first used. Modules carry an underscore, or the function of the same
# name would be hidden by its module.
_exports: dict[str, str] = {
    "Answerability": "peernet.claims._answerability",
    "Claim": "peernet.claims._claims",
    "EightyPercent": "peernet.claims._eighty",
    "Evidence": "peernet.claims._evidence",
    "Register": "peernet.claims._register",
    "Scorecard": "peernet.claims._evaluate",
    "SpecificationCurve": "peernet.claims._specification",
    "TraceCurve": "peernet.claims._traces",
    "answerability": "peernet.claims._answerability",
    "eighty_percent": "peernet.claims._eighty",
    "specification_curve": "peernet.claims._specification",
    "trace_curve": "peernet.claims._traces",
    "evaluate": "peernet.claims._evaluate",
    "holm": "peernet.claims._evaluate",
    "plot_scorecard": "peernet.claims._pictures",
    "register": "peernet.claims._register",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.claims' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
