"""Fixtures and profiles that every test shares."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TQDM_DISABLE", "1")

settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=500)
settings.load_profile(os.environ.get("PEERNET_HYPOTHESIS", "default"))

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder of published data files; absent on most machines."""
    where = os.environ.get("PEERNET_DATA")
    if not where:
        pytest.skip("PEERNET_DATA is not set: published data are not on this machine")
    folder = Path(where).resolve()
    if not folder.is_dir():
        pytest.fail(f"PEERNET_DATA names {folder}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def reference_dir(published_data: Path) -> Path:
    """The folder of values that other software computed on the published data."""
    folder = published_data.parent / "reference-values"
    if not folder.is_dir():
        pytest.skip("no reference-values folder beside PEERNET_DATA")
    return folder


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test drew, without loading matplotlib for tests that draw nothing."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
