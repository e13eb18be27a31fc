"""Every example in a docstring, and the one that opens the README, gives what it says."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path

import pytest

import peernet

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PUBLISHED = re.compile(r"load_(?:lazega|krackhardt|medical_innovation)")


def examples() -> dict[str, doctest.DocTest]:
    """Return the docstrings that hold examples, by the name of what they document."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found: dict[str, doctest.DocTest] = {}
    for info in pkgutil.walk_packages(peernet.__path__, "peernet."):
        try:
            module = importlib.import_module(info.name)
        except ImportError:
            continue  # test_public_names says so
        found |= {test.name: test for test in finder.find(module, module.__name__) if test.examples}
    package = finder.find(peernet, "peernet")
    return found | {test.name: test for test in package if test.examples}


EXAMPLES = examples()


def need_data(text: str) -> None:
    """Skip what uses published data where there are none."""
    if PUBLISHED.search(text) and not os.environ.get("PEERNET_DATA"):
        pytest.skip("PEERNET_DATA is not set: published data are not on this machine")


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_docstring_example(name: str) -> None:
    test = EXAMPLES[name]
    need_data(test.docstring or "")
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=said.append, clear_globs=False)
    assert runner.failures == 0, "".join(said)


def readme_example() -> str:
    """Return the first block of Python in the README."""
    block = re.search(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert block, "the README has no example"
    return block[1]


def test_the_readme_opens_with_an_example_of_about_ten_lines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("```python") < text.index("\n## ")
    lines = [line for line in readme_example().splitlines() if line.strip()]
    assert 5 <= len(lines) <= 14


def test_the_readme_example_runs() -> None:
    need_data(readme_example())
    exec(compile(readme_example(), "README.md", "exec"), {})
