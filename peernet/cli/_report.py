"""Run a notebook with your parameters and write its report.

The report is one HTML file: nothing in it runs, and it fetches nothing. Parameters are the names that the
notebook's cell tagged `parameters` assigns; --list-parameters shows them. Paths are taken from where you are.
In a study (a notebook below a folder with study.toml) its floor is the least `min_group`, sources that it does
not allow are left out, and nothing is rendered after the retention date.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from peernet.errors import DataError, PeerNetWarning

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    parser.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter (repeatable)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="OUT.html", help="where to write; default: reports/NAME.html"
    )
    parser.add_argument(
        "--pdf", action="store_true", help="also print it to PDF, if a Chromium or Chrome is found"
    )
    parser.add_argument("--show-code", action="store_true", help="keep the code, folded away")
    parser.add_argument(
        "--no-run", action="store_true", help="take the outputs that the notebook already holds"
    )
    parser.add_argument(
        "--timeout", type=float, default=600.0, metavar="SECONDS", help="for one cell (default: 600)"
    )
    parser.add_argument(
        "--cwd", type=Path, metavar="DIR", help="where the notebook runs; default: its own folder"
    )
    parser.add_argument(
        "--save-notebook", type=Path, metavar="OUT.ipynb", help="keep the executed notebook too"
    )
    parser.add_argument("--list-parameters", action="store_true", help="list what can be set, and stop")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but the path")


def run(args: argparse.Namespace) -> int:
    """Render, then print where."""
    from peernet import reports

    if args.list_parameters:
        for parameter in reports.notebook_parameters(args.notebook).values():
            about = f"  # {parameter.help}" if parameter.help else ""
            sys.stdout.write(f"{parameter.name} = {parameter.source}  ({parameter.kind}){about}\n")
        return 0
    values = _values(args.parameter)
    if not args.no_run:
        values, said_so = _within_study(args.notebook, values)
        sys.stderr.writelines(f"peernet: {text}\n" for text in said_so)
    if not args.quiet:
        sys.stderr.write(f"{args.notebook.name}\n")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", PeerNetWarning)
        out = reports.render(
            args.notebook,
            parameters=values,
            out=args.out,
            pdf=args.pdf,
            show_code=args.show_code,
            run=not args.no_run,
            timeout=args.timeout,
            cwd=args.cwd,
            save_notebook=args.save_notebook,
            progress=not args.quiet,
        )
    for warning in said:
        if issubclass(warning.category, PeerNetWarning):
            sys.stderr.write(f"peernet: {warning.message}\n")
    sys.stdout.write(f"{out}\n")
    if args.pdf and out.with_suffix(".pdf").is_file() and not said:
        sys.stdout.write(f"{out.with_suffix('.pdf')}\n")
    return 0


def _values(given: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for item in given:
        name, sign, value = item.partition("=")
        name = name.strip()
        if not sign or not name.isidentifier():
            raise DataError(f"-p {item}: write it as NAME=VALUE.")
        if name in values:
            raise DataError(f"-p {name} is given twice.")
        values[name] = value
    return values


# Parameters by which notebooks take their sources ("" leaves one out), and the kind that a study allows or not.
_SOURCES = {"roster": "people", "survey": "survey", "chat": "slack", "completions": "completions"}


def _within_study(notebook: Path, values: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Hold the parameters to what the study around a notebook allows; say what was changed."""
    import ast

    here = notebook.resolve().parent
    home = next((p for p in (here, *here.parents[:2]) if (p / "study.toml").is_file()), None)
    if home is None or not notebook.is_file():
        return values, []
    from peernet import reports
    from peernet.records import Study

    study = Study.open(home)
    study.still_kept()
    known = reports.notebook_parameters(notebook)
    out, said = dict(values), []
    if "min_group" in known:
        floor = study.permissions.floor
        stated = values.get("min_group", known["min_group"].source)
        try:
            asked = int(ast.literal_eval(stated))
        except (ValueError, SyntaxError, TypeError):
            asked = floor  # the notebook says what is wrong with it
        if asked < floor and "min_group" in values:
            raise DataError(
                f"min_group={asked} is below the floor of {study.title!r} ({floor}, in study.toml)."
            )
        if asked < floor:
            out["min_group"] = str(floor)
            said.append(f"groups of fewer than {floor} people are not shown (study.toml)")
    for name, kind in _SOURCES.items():
        if name not in known or known[name].source in ("''", '""'):
            continue
        reason = "" if study.allows_source(kind) else f"{kind!r} is not allowed"
        if not reason and kind == "slack" and not study.allows_channels():
            reason = "only some channels are allowed; read those with Study.open(...).network()"
        if reason:
            out[name] = ""
            said.append(f"{name} is left out: {reason} (study.toml)")
    return out, said
