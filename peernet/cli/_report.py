"""Run a notebook with your parameters and write its report.

The report is one HTML file: nothing in it runs, and it fetches nothing. Parameters are the names that the
notebook's cell tagged `parameters` assigns; --list-parameters shows them. Paths are taken from where you are.
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
    if not args.quiet:
        sys.stderr.write(f"{args.notebook.name}\n")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", PeerNetWarning)
        out = reports.render(
            args.notebook,
            parameters=_values(args.parameter),
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
