"""Lay out the folder of a new study.

It gets a study.toml to fill in, a place for data that stays out of version control, notebooks to run, and a place
for reports. With --from-sample the data of the synthetic sample organisation are put in, to try things out on.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peernet.errors import DataError

__all__ = ["configure", "lay_out", "main_notebook", "run", "sample_folder", "starter"]

_PACKAGE = Path(__file__).resolve().parents[1]
_TEMPLATE = _PACKAGE / "_study_template"
_RENAMED = {"gitignore": ".gitignore"}
_SAMPLE_FILES = (
    "hr_roster.csv",
    "survey_qualtrics.csv",
    "codebook.csv",
    "slack_export.zip",
    "completions.csv",
)
_MAIN = "01_who_teaches_whom.ipynb"
# What the main notebook's parameters are in a study of one's own, and in a study with the sample's data.
_OWN = {"source": "../data", "organisation": "", "purpose": ""}
_SAMPLE = {"source": "../data"}
_SAMPLE_SETTINGS = {
    "organisation": '"Meridian (a synthetic organisation)"',
    "purpose": '"To try out peernet on an organisation that does not exist."',
    "agreement": '"none needed: no real person appears in these data"',
    "period_start": '"2025-01-01"',
    "period_end": '"2026-01-01"',
    "allowed": '["people", "survey", "slack", "completions"]',
    "channels": '["*"]',
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("dir", type=Path, metavar="DIR", help="a folder that does not exist yet, or is empty")
    parser.add_argument(
        "--from-sample", action="store_true", help="put in the data of the synthetic sample organisation"
    )


def run(args: argparse.Namespace) -> int:
    """Lay it out and say what to do next."""
    lay_out(args.dir, from_sample=args.from_sample)
    folder = args.dir
    look = [f"peernet report {folder / 'notebooks' / '00_what_is_here.ipynb'}", f"peernet lab {folder}"]
    fill = [
        f"fill in {folder / 'study.toml'}",
        f"put the exports into {folder / 'data'} ({folder / 'data' / 'README.md'} says which)",
    ]
    steps = [f"  {n}. {step}" for n, step in enumerate(look if args.from_sample else fill + look, 1)]
    sys.stdout.write("\n".join([f"{folder} is ready. Next:", *steps]) + "\n")
    return 0


def lay_out(folder: Path, *, from_sample: bool = False) -> None:
    """Copy the template of a study into a folder.

    Parameters
    ----------
    folder : Path
        Must not exist yet, or be empty. It appears whole or not at all.
    from_sample : bool
        Put in the data of the sample organisation and the settings that fit them.

    Raises
    ------
    DataError
        If something is there already, or the sample is not installed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is there already and not empty. Name a new folder.")
    sample = sample_folder() if from_sample else None
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = folder.with_name(f".{folder.resolve().name}.part")
    try:
        shutil.copytree(_TEMPLATE, half, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        values = _OWN if sample is None else _SAMPLE
        notebook = starter(json.loads(main_notebook().read_text(encoding="utf-8")), values)
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        (half / "notebooks" / _MAIN).write_text(text, encoding="utf-8")
        for plain, final in _RENAMED.items():
            (half / plain).rename(half / final)
        if sample is not None:
            for name in _SAMPLE_FILES:
                if (sample / name).is_file():
                    shutil.copyfile(sample / name, half / "data" / name)
            _fill_in(half / "study.toml")
        if folder.exists():
            folder.rmdir()
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def main_notebook() -> Path:
    """Where the main notebook is: in the installed package, or in the checkout.

    Returns
    -------
    Path
        The notebook.

    Raises
    ------
    DataError
        If it is in neither place.
    """
    for home in (_PACKAGE / "_notebooks", _PACKAGE.parent / "notebooks"):
        if (home / _MAIN).is_file():
            return home / _MAIN
    raise DataError(f"{_MAIN} is not installed with this peernet. Install it anew.")


def starter(notebook: dict[str, Any], values: Mapping[str, object]) -> dict[str, Any]:
    """A notebook as a study gets it: its code and prose, nothing that was computed.

    Parameters
    ----------
    notebook : dict
        As read from its file; it is changed.
    values : mapping of str to object
        What its parameters are to be; names that it does not have are left out.

    Returns
    -------
    dict
        The same notebook.
    """
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        if "parameters" in cell["metadata"].get("tags", []):
            source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            cell["source"] = _set_defaults(source, values).splitlines(keepends=True)
    return notebook


def _set_defaults(source: str, values: Mapping[str, object]) -> str:
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        value, name = node.value, node.targets[0].id
        if name in values and value.lineno == value.end_lineno:
            line = lines[value.lineno - 1].encode()
            new = json.dumps(values[name], ensure_ascii=False).encode()
            lines[value.lineno - 1] = (line[: value.col_offset] + new + line[value.end_col_offset :]).decode()
    return "".join(lines)


def sample_folder() -> Path:
    """Where the sample organisation's files are: in the installed package, or in the checkout.

    Returns
    -------
    Path
        A folder with at least a roster.

    Raises
    ------
    DataError
        If it is in neither place.
    """
    for home in (_PACKAGE / "_samples", _PACKAGE.parent / "data" / "samples"):
        if (home / "meridian" / _SAMPLE_FILES[0]).is_file():
            return home / "meridian"
    raise DataError("the sample organisation is not installed with this peernet; leave out --from-sample.")


def _fill_in(settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    for key, value in _SAMPLE_SETTINGS.items():
        text = re.sub(rf"^{key} = .*?(?=\s*#|$)", f"{key} = {value}", text, count=1, flags=re.M)
    settings.write_text(text, encoding="utf-8")
