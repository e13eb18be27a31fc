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
    # from files
    "read_calendar": "peernet.ingest",
    "read_canvas": "peernet.ingest",
    "read_completions": "peernet.ingest",
    "read_discourse": "peernet.ingest",
    "read_edge_list": "peernet.ingest",
    "read_events": "peernet.ingest",
    "read_git": "peernet.ingest",
    "read_github_reviews": "peernet.ingest",
    "read_google_forms": "peernet.ingest",
    "read_limesurvey": "peernet.ingest",
    "read_mattermost": "peernet.ingest",
    "read_mbox": "peernet.ingest",
    "read_meetings": "peernet.ingest",
    "read_microsoft_forms": "peernet.ingest",
    "read_moodle": "peernet.ingest",
    "read_network_canvas": "peernet.ingest",
    "read_people": "peernet.ingest",
    "read_qualtrics": "peernet.ingest",
    "read_redcap": "peernet.ingest",
    "read_roster_grid": "peernet.ingest",
    "read_slack": "peernet.ingest",
    "read_spss": "peernet.ingest",
    "read_stack_exchange": "peernet.ingest",
    "read_survey": "peernet.ingest",
    "read_surveymonkey": "peernet.ingest",
    "read_teams": "peernet.ingest",
    "read_viva": "peernet.ingest",
    "read_xapi": "peernet.ingest",
    "read_zulip": "peernet.ingest",
    "draft_codebook": "peernet.ingest",
    "merge_records": "peernet.records",
    # across methods
    "specification_curve": "peernet.claims",
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
    from peernet.claims import specification_curve as specification_curve
    from peernet.errors import DataError as DataError
    from peernet.errors import FitError as FitError
    from peernet.errors import PeerNetError as PeerNetError
    from peernet.errors import PeerNetWarning as PeerNetWarning
    from peernet.ingest import draft_codebook as draft_codebook
    from peernet.ingest import read_calendar as read_calendar
    from peernet.ingest import read_canvas as read_canvas
    from peernet.ingest import read_completions as read_completions
    from peernet.ingest import read_discourse as read_discourse
    from peernet.ingest import read_edge_list as read_edge_list
    from peernet.ingest import read_events as read_events
    from peernet.ingest import read_git as read_git
    from peernet.ingest import read_github_reviews as read_github_reviews
    from peernet.ingest import read_google_forms as read_google_forms
    from peernet.ingest import read_limesurvey as read_limesurvey
    from peernet.ingest import read_mattermost as read_mattermost
    from peernet.ingest import read_mbox as read_mbox
    from peernet.ingest import read_meetings as read_meetings
    from peernet.ingest import read_microsoft_forms as read_microsoft_forms
    from peernet.ingest import read_moodle as read_moodle
    from peernet.ingest import read_network_canvas as read_network_canvas
    from peernet.ingest import read_people as read_people
    from peernet.ingest import read_qualtrics as read_qualtrics
    from peernet.ingest import read_redcap as read_redcap
    from peernet.ingest import read_roster_grid as read_roster_grid
    from peernet.ingest import read_slack as read_slack
    from peernet.ingest import read_spss as read_spss
    from peernet.ingest import read_stack_exchange as read_stack_exchange
    from peernet.ingest import read_survey as read_survey
    from peernet.ingest import read_surveymonkey as read_surveymonkey
    from peernet.ingest import read_teams as read_teams
    from peernet.ingest import read_viva as read_viva
    from peernet.ingest import read_xapi as read_xapi
    from peernet.ingest import read_zulip as read_zulip
    from peernet.network import PeerNetwork as PeerNetwork
    from peernet.records import IngestReport as IngestReport
    from peernet.records import Records as Records
    from peernet.records import Study as Study
    from peernet.records import merge_records as merge_records
    from peernet.results import Estimate as Estimate
    from peernet.results import HypothesisTest as HypothesisTest
    from peernet.results import ModelFit as ModelFit
    from peernet.results import Plan as Plan
    from peernet.results import Result as Result
    from peernet.results import Simulation as Simulation
