"""Print the versions of peernet and what it computes with."""

from __future__ import annotations

import argparse
import platform
import sys
from importlib import metadata

__all__ = ["configure", "run"]

_PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "networkx",
    "statsmodels",
    "matplotlib",
    "numba",
    "duckdb",
    "narwhals",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print one line per package."""
    lines = [f"peernet {_version('peernet')}", f"python {platform.python_version()}"]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
