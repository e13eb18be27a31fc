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
    "co_change": "file_changes",
    "save_records": "store",
    "load_records": "store",
    "split_recipients": "engines",
    "sessions_of": "engines",
    "first_answers": "engines",
    "Precision": "precision",
    "precision_of": "precision",
    "precision_sample": "precision",
    "read_viva": "viva",
    "read_moodle": "moodle",
    "read_xapi": "xapi",
    "read_meetings": "meetings",
    "read_calendar": "calendar",
    "read_mbox": "mbox",
    "read_github_reviews": "github_reviews",
    "read_events": "events",
    "read_canvas": "canvas",
    "read_mattermost": "mattermost",
    "read_zulip": "zulip",
    "read_discourse": "discourse",
    "read_stack_exchange": "stack_exchange",
    "read_teams": "teams",
    "read_surveymonkey": "surveymonkey",
    "read_limesurvey": "limesurvey",
    "read_google_forms": "forms",
    "read_microsoft_forms": "forms",
    "read_redcap": "redcap",
    "read_spss": "spss",
    "read_network_canvas": "network_canvas",
    "read_roster_grid": "layouts",
    "read_edge_list": "layouts",
    "draft_codebook": "draft",
    "confirm_directions": "draft",
    "reported_twice": "quality",
    "report_agreement": "quality",
    "combine_reports": "quality",
    "heaping": "quality",
    "scale_reliability": "quality",
    "icc": "quality",
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
    from peernet.ingest.calendar import read_calendar as read_calendar
    from peernet.ingest.canvas import read_canvas as read_canvas
    from peernet.ingest.codebook import Codebook as Codebook
    from peernet.ingest.completions import read_completions as read_completions
    from peernet.ingest.discourse import read_discourse as read_discourse
    from peernet.ingest.draft import confirm_directions as confirm_directions
    from peernet.ingest.draft import draft_codebook as draft_codebook
    from peernet.ingest.engines import first_answers as first_answers
    from peernet.ingest.engines import sessions_of as sessions_of
    from peernet.ingest.engines import split_recipients as split_recipients
    from peernet.ingest.events import read_events as read_events
    from peernet.ingest.file_changes import co_change as co_change
    from peernet.ingest.forms import read_google_forms as read_google_forms
    from peernet.ingest.forms import read_microsoft_forms as read_microsoft_forms
    from peernet.ingest.git import read_git as read_git
    from peernet.ingest.github_reviews import read_github_reviews as read_github_reviews
    from peernet.ingest.layouts import read_edge_list as read_edge_list
    from peernet.ingest.layouts import read_roster_grid as read_roster_grid
    from peernet.ingest.limesurvey import read_limesurvey as read_limesurvey
    from peernet.ingest.mattermost import read_mattermost as read_mattermost
    from peernet.ingest.mbox import read_mbox as read_mbox
    from peernet.ingest.meetings import read_meetings as read_meetings
    from peernet.ingest.moodle import read_moodle as read_moodle
    from peernet.ingest.network_canvas import read_network_canvas as read_network_canvas
    from peernet.ingest.people import propose_columns as propose_columns
    from peernet.ingest.people import read_people as read_people
    from peernet.ingest.precision import Precision as Precision
    from peernet.ingest.precision import precision_of as precision_of
    from peernet.ingest.precision import precision_sample as precision_sample
    from peernet.ingest.quality import combine_reports as combine_reports
    from peernet.ingest.quality import heaping as heaping
    from peernet.ingest.quality import icc as icc
    from peernet.ingest.quality import report_agreement as report_agreement
    from peernet.ingest.quality import reported_twice as reported_twice
    from peernet.ingest.quality import scale_reliability as scale_reliability
    from peernet.ingest.qualtrics import read_qualtrics as read_qualtrics
    from peernet.ingest.redcap import read_redcap as read_redcap
    from peernet.ingest.slack import read_slack as read_slack
    from peernet.ingest.spss import read_spss as read_spss
    from peernet.ingest.stack_exchange import read_stack_exchange as read_stack_exchange
    from peernet.ingest.store import load_records as load_records
    from peernet.ingest.store import save_records as save_records
    from peernet.ingest.survey import read_survey as read_survey
    from peernet.ingest.surveymonkey import read_surveymonkey as read_surveymonkey
    from peernet.ingest.teams import read_teams as read_teams
    from peernet.ingest.viva import read_viva as read_viva
    from peernet.ingest.xapi import read_xapi as read_xapi
    from peernet.ingest.zulip import read_zulip as read_zulip
