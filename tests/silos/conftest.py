"""The sample worlds, read once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from peernet import datasets
from peernet.records import Records


@pytest.fixture(scope="session")
def records_of() -> Callable[[str], Records]:
    """Return the records of a sample world."""
    return cache(datasets.load_meridian)
