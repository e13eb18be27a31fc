"""`import peernet` is cheap: it loads hardly anything. Modules are counted, seconds are not."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = (
    "numpy",
    "pandas",
    "matplotlib",
    "statsmodels",
    "scipy",
    "numba",
    "networkx",
    "duckdb",
    "narwhals",
    "joblib",
)
PROBE = """
import sys
before = set(sys.modules)
{code}
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


def modules_loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter loads to run some code."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(code=code)], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_import_loads_none_of_the_slow_packages() -> None:
    loaded = modules_loaded_by("import peernet")
    assert not loaded & set(SLOW)


def test_import_loads_few_modules() -> None:
    loaded = modules_loaded_by("import peernet")
    assert "peernet" in loaded
    assert len([name for name in loaded if name.split(".")[0] == "peernet"]) <= 6
    assert len(loaded) <= 60, sorted(loaded)


def test_looking_around_loads_nothing_more() -> None:
    loaded = modules_loaded_by("import peernet; dir(peernet); peernet.__all__; peernet.__version__")
    assert not loaded & set(SLOW)


@pytest.mark.parametrize("name", ["silos", "diffusion", "hypotheses", "ingest", "claims", "planning"])
def test_a_science_folder_is_lazy_too(name: str) -> None:
    peernet = pytest.importorskip("peernet")
    if name not in dir(peernet):
        pytest.skip(f"peernet.{name} is not there yet")
    loaded = modules_loaded_by(f"import peernet.{name}")
    assert not loaded & set(SLOW)


def test_the_command_starts_without_the_slow_packages() -> None:
    loaded = modules_loaded_by("import peernet.cli")
    assert not loaded & set(SLOW)
