"""Open JupyterLab in a study.

Lab listens on this machine only and asks nothing of the network.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from peernet.errors import DataError

__all__ = ["configure", "lab_command", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "dir", nargs="?", type=Path, default=Path(), metavar="DIR", help="the study (default: here)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address instead of opening a browser"
    )
    parser.add_argument("--port", type=int, help="port to listen on")


def lab_command(folder: Path, *, browser: bool = True, port: int | None = None) -> list[str]:
    """The command that opens JupyterLab in a folder, with this Python."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}"]
    command += ["--ServerApp.ip=127.0.0.1", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command += ["--LabApp.extension_manager=readonly"]
    command += [] if browser else ["--no-browser"]
    command += [] if port is None else [f"--port={port}"]
    start = folder / "notebooks"
    return command + ([f"--LabApp.default_url=/lab/tree/{start.name}"] if start.is_dir() else [])


def run(args: argparse.Namespace) -> int:
    """Start it and wait until it ends."""
    if not args.dir.is_dir():
        raise DataError(f"{args.dir} is not a folder. Make a study with: peernet new-study {args.dir}")
    if importlib.util.find_spec("jupyterlab") is None:
        raise DataError("JupyterLab is not installed. Install it with: pip install 'peernet[lab]'")
    return subprocess.call(lab_command(args.dir, browser=not args.no_browser, port=args.port))
