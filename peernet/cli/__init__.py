"""The ``peernet`` command: a table of commands, each loaded only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """One line of the table: a module with ``configure(parser)`` and ``run(args) -> int``, and its summary."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "report": Command("peernet.cli._report", "run a notebook and write its report as one offline HTML file"),
    "new-study": Command("peernet.cli._new_study", "lay out the folder of a new study"),
    "ingest": Command("peernet.cli._ingest", "read the exports of a study and keep them as joined tables"),
    "purge": Command(
        "peernet.records._purge", "delete the raw data of a study whose retention date has passed"
    ),
    "lab": Command("peernet.cli._lab", "open JupyterLab in a study"),
    "version": Command("peernet.cli._version", "print the versions of peernet and what it computes with"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the program's name. Default: those of the process.

    Returns
    -------
    int
        0 when done; 2 for wrong usage and for data, notebooks or studies that cannot be used, said in one
        line on stderr (``--debug`` shows where).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return 0 if arguments else 2
    name = "version" if arguments[0] in ("--version", "-V") else arguments[0]
    if name not in COMMANDS:
        return _refuse(f"there is no command {name!r}.{_near(name)} Try: peernet --help")
    return _run(name, arguments[1:], debug)


def _run(name: str, arguments: list[str], debug: bool) -> int:
    import argparse

    from peernet.errors import PeerNetError

    module = importlib.import_module(COMMANDS[name].module)
    parser = argparse.ArgumentParser(
        prog=f"peernet {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return int(module.run(args))
    except (PeerNetError, OSError) as error:
        if debug:
            raise
        return _refuse(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        return _refuse("stopped") and 130


def _refuse(message: str) -> int:
    sys.stderr.write(f"peernet: {message}\n")
    return 2


def _near(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{command.summary}" for name, command in COMMANDS.items()]
    return (
        "usage: peernet COMMAND ...\n\n"
        "Who teaches whom at work: silos, diffusion and tested claims about peer learning.\n\n"
        "commands:\n" + "\n".join(lines) + "\n\n`peernet COMMAND --help` tells more.\n"
    )
