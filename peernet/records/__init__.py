"""What readers return (:class:`Records`), how it is joined, and the study it belongs to (:class:`Study`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    "Records": "tables",
    "merge_records": "_merging",
    "empty_table": "tables",
    "IngestReport": "report",
    "match_names": "identity",
    "normalise_name": "identity",
    "findings_if_wrong": "identity",
    "unit_at_event": "spells",
    "mark_levels": "spells",
    "manager_tree": "spells",
    "changes_between": "waves",
    "Study": "study",
    "purge": "_purge",
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
    from peernet.records._merging import merge_records as merge_records
    from peernet.records._purge import purge as purge
    from peernet.records.identity import findings_if_wrong as findings_if_wrong
    from peernet.records.identity import match_names as match_names
    from peernet.records.identity import normalise_name as normalise_name
    from peernet.records.report import IngestReport as IngestReport
    from peernet.records.spells import manager_tree as manager_tree
    from peernet.records.spells import mark_levels as mark_levels
    from peernet.records.spells import unit_at_event as unit_at_event
    from peernet.records.study import Study as Study
    from peernet.records.tables import Records as Records
    from peernet.records.tables import empty_table as empty_table
    from peernet.records.waves import changes_between as changes_between
