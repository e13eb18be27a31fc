"""Copy the main notebook into the template of a study: no outputs, parameters that point at the study.

Usage: sync_study_template.py [--check]     (--check: change nothing, fail where the copy is out of date)
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[1]
MAIN = ROOT / "notebooks" / "01_who_teaches_whom.ipynb"
COPY = ROOT / "peernet" / "_study_template" / "notebooks" / MAIN.name


SAMPLE = re.compile(
    r"""(?m)^(?P<head>(?P<name>\w+)[^=\n]*=[^\n]*?)(?P<q>["'])[^"'\n]*data/samples/meridian/?(?P<file>[^"'\n]*)(?P=q)"""
)


def point(match: re.Match[str]) -> str:
    """Lead a parameter from the sample to the study's own folder."""
    place = ".." if match["name"] == "study" else "../data"
    path = f"{place}/{match['file']}" if match["file"] else place
    return f"{match['head']}{match['q']}{path}{match['q']}"


def starter(notebook: Any) -> Any:
    """Return a notebook as a new study gets it: its code and prose, nothing that was computed."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = SAMPLE.sub(point, cell.source)
    return copy


def main() -> int:
    """Write the copy, or compare it."""
    if not MAIN.is_file():
        print(f"template: {MAIN.relative_to(ROOT)} is not there, nothing was done", file=sys.stderr)
        return 1
    text = nbformat.writes(starter(nbformat.read(MAIN, as_version=4))) + "\n"
    if "--check" in sys.argv[1:]:
        return 0 if COPY.is_file() and COPY.read_text(encoding="utf-8") == text else 1
    COPY.write_text(text, encoding="utf-8")
    print(f"template: {COPY.relative_to(ROOT)} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
