"""peernet: who teaches whom, who bridges silos, how knowledge spreads, and whether the claims hold.

Everything is a function over a :class:`PeerNetwork` (a table of people and a table of directed teaching ties) or a
:class:`Study`, and answers with one of a few results that explain themselves.

>>> import peernet as pn
>>> net, truth = pn.datasets.load_krackhardt(relation="advice"), None
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public names by topic; each is loaded when it is first used.
_exports: dict[str, str] = {
    # the data
    "PeerNetwork": "peernet.network",
    "Records": "peernet.records",
    "IngestReport": "peernet.records",
    "Study": "peernet.records",
    # the answers
    "Result": "peernet.results",
    "Estimate": "peernet.results",
    "HypothesisTest": "peernet.results",
    "ModelFit": "peernet.results",
    "Simulation": "peernet.results",
    "Plan": "peernet.results",
    # the refusals
    "PeerNetError": "peernet.errors",
    "DataError": "peernet.errors",
    "FitError": "peernet.errors",
    "PeerNetWarning": "peernet.errors",
}
_modules = (
    "claims",
    "datasets",
    "diffusion",
    "errors",
    "hypotheses",
    "ingest",
    "network",
    "nulls",
    "plots",
    "privacy",
    "records",
    "reports",
    "results",
    "silos",
)

__all__ = ["__version__", *_exports, *_modules]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _exports:
        value = getattr(importlib.import_module(_exports[name]), name)
    elif name in _modules:
        value = importlib.import_module(f"peernet.{name}")
    else:
        raise AttributeError(f"module 'peernet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet import claims as claims
    from peernet import datasets as datasets
    from peernet import diffusion as diffusion
    from peernet import errors as errors
    from peernet import hypotheses as hypotheses
    from peernet import ingest as ingest
    from peernet import network as network
    from peernet import nulls as nulls
    from peernet import plots as plots
    from peernet import privacy as privacy
    from peernet import records as records
    from peernet import reports as reports
    from peernet import results as results
    from peernet import silos as silos
    from peernet.errors import DataError as DataError
    from peernet.errors import FitError as FitError
    from peernet.errors import PeerNetError as PeerNetError
    from peernet.errors import PeerNetWarning as PeerNetWarning
    from peernet.network import PeerNetwork as PeerNetwork
    from peernet.records import IngestReport as IngestReport
    from peernet.records import Records as Records
    from peernet.records import Study as Study
    from peernet.results import Estimate as Estimate
    from peernet.results import HypothesisTest as HypothesisTest
    from peernet.results import ModelFit as ModelFit
    from peernet.results import Plan as Plan
    from peernet.results import Result as Result
    from peernet.results import Simulation as Simulation
