"""Every row of the expected verdicts for which there is a function, held against the files of the three worlds."""

from __future__ import annotations

import functools

import pytest

from peernet import Records
from peernet.datasets import WORLDS, expected_verdicts, load_meridian
from tests.datasets import verdicts

ALL = tuple(WORLDS)


@functools.cache
def records(world: str) -> Records:
    return load_meridian(world)  # type: ignore[arg-type]


@functools.cache
def evaluated(world: str) -> dict[str, str]:
    return verdicts.evaluated(records(world))


def test_every_row_is_tested_or_listed_as_open() -> None:
    parts = (verdicts.EVALUATED, verdicts.BY_FUNCTION, verdicts.NO_FUNCTION, verdicts.ELSEWHERE)
    assert set().union(*parts) == set(expected_verdicts().index)
    assert sum(map(len, parts)) == len(expected_verdicts())


@pytest.mark.parametrize("world", ALL)
@pytest.mark.parametrize("question", sorted(verdicts.EVALUATED))
def test_what_evaluate_says(question: str, world: str) -> None:
    assert evaluated(world)[question] == expected_verdicts().at[question, world]


@pytest.mark.filterwarnings("ignore::peernet.errors.PeerNetWarning")
@pytest.mark.parametrize("world", ALL)
@pytest.mark.parametrize("question", sorted(verdicts.BY_FUNCTION))
def test_what_the_functions_say(question: str, world: str) -> None:
    assert verdicts.BY_FUNCTION[question](records(world)) == expected_verdicts().at[question, world]
