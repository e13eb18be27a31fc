"""From the files that analysts have to tables that join: one reader a source, each with an account of what it did."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Public name -> module below peernet.ingest. A new reader is one line here and one module.
_exports: dict[str, str] = {
    "read_people": "people",
    "propose_columns": "people",
    "read_survey": "survey",
    "read_qualtrics": "qualtrics",
    "read_slack": "slack",
    "read_completions": "completions",
    "read_git": "git",
    "Codebook": "codebook",
}

__all__ = list(_exports)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_exports[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.ingest.codebook import Codebook
    from peernet.ingest.completions import read_completions
    from peernet.ingest.people import propose_columns, read_people
    from peernet.ingest.qualtrics import read_qualtrics
    from peernet.ingest.slack import read_slack
    from peernet.ingest.survey import read_survey
