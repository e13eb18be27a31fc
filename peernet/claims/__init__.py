"""Claims about peer learning as questions that data can answer: the register, the 80 %, the scorecard."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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


if TYPE_CHECKING:
    from peernet.claims._answerability import Answerability as Answerability
    from peernet.claims._answerability import answerability as answerability
    from peernet.claims._claims import Claim as Claim
    from peernet.claims._eighty import EightyPercent as EightyPercent
    from peernet.claims._eighty import eighty_percent as eighty_percent
    from peernet.claims._evaluate import Scorecard as Scorecard
    from peernet.claims._evaluate import evaluate as evaluate
    from peernet.claims._evaluate import holm as holm
    from peernet.claims._evidence import Evidence as Evidence
    from peernet.claims._pictures import plot_scorecard as plot_scorecard
    from peernet.claims._register import Register as Register
    from peernet.claims._register import register as register
    from peernet.claims._specification import SpecificationCurve as SpecificationCurve
    from peernet.claims._specification import specification_curve as specification_curve
    from peernet.claims._traces import TraceCurve as TraceCurve
    from peernet.claims._traces import trace_curve as trace_curve
