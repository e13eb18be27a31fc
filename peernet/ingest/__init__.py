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
    from peernet.ingest.calendar import read_calendar
    from peernet.ingest.canvas import read_canvas
    from peernet.ingest.codebook import Codebook
    from peernet.ingest.completions import read_completions
    from peernet.ingest.discourse import read_discourse
    from peernet.ingest.draft import confirm_directions, draft_codebook
    from peernet.ingest.engines import first_answers, sessions_of, split_recipients
    from peernet.ingest.events import read_events
    from peernet.ingest.forms import read_google_forms, read_microsoft_forms
    from peernet.ingest.git import read_git
    from peernet.ingest.github_reviews import read_github_reviews
    from peernet.ingest.layouts import read_edge_list, read_roster_grid
    from peernet.ingest.limesurvey import read_limesurvey
    from peernet.ingest.mattermost import read_mattermost
    from peernet.ingest.mbox import read_mbox
    from peernet.ingest.meetings import read_meetings
    from peernet.ingest.moodle import read_moodle
    from peernet.ingest.network_canvas import read_network_canvas
    from peernet.ingest.people import propose_columns, read_people
    from peernet.ingest.precision import Precision, precision_of, precision_sample
    from peernet.ingest.quality import (
        combine_reports,
        heaping,
        icc,
        report_agreement,
        reported_twice,
        scale_reliability,
    )
    from peernet.ingest.qualtrics import read_qualtrics
    from peernet.ingest.redcap import read_redcap
    from peernet.ingest.slack import read_slack
    from peernet.ingest.spss import read_spss
    from peernet.ingest.stack_exchange import read_stack_exchange
    from peernet.ingest.store import load_records, save_records
    from peernet.ingest.survey import read_survey
    from peernet.ingest.surveymonkey import read_surveymonkey
    from peernet.ingest.teams import read_teams
    from peernet.ingest.viva import read_viva
    from peernet.ingest.xapi import read_xapi
    from peernet.ingest.zulip import read_zulip
