"""From an executed notebook to one offline HTML page, and the helpers that notebooks write it with."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peernet.reports._errors import ReportError as ReportError
    from peernet.reports.blocks import cover as cover
    from peernet.reports.blocks import file_hashes as file_hashes
    from peernet.reports.blocks import plain as plain
    from peernet.reports.blocks import prose as prose
    from peernet.reports.blocks import show as show
    from peernet.reports.blocks import table as table
    from peernet.reports.exporter import ReportExporter as ReportExporter
    from peernet.reports.offline import check_offline as check_offline
    from peernet.reports.parameters import Parameter as Parameter
    from peernet.reports.parameters import notebook_parameters as notebook_parameters
    from peernet.reports.pdf import find_browser as find_browser
    from peernet.reports.pdf import print_pdf as print_pdf
    from peernet.reports.rendering import execute as execute
    from peernet.reports.rendering import render as render

_exports = {
    "cover": "blocks",
    "show": "blocks",
    "table": "blocks",
    "prose": "blocks",
    "plain": "blocks",
    "file_hashes": "blocks",
    "render": "rendering",
    "execute": "rendering",
    "notebook_parameters": "parameters",
    "Parameter": "parameters",
    "ReportExporter": "exporter",
    "check_offline": "offline",
    "find_browser": "pdf",
    "print_pdf": "pdf",
    "ReportError": "_errors",
}

__all__ = list(_exports)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    if name not in _exports:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_exports[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
