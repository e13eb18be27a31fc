"""Streams and blocks: no answer depends on the number of workers, nothing touches global state."""

from __future__ import annotations

import numpy as np
import pytest

from peernet._parallel import block_sizes, run_blocks
from peernet._rng import as_rng, record, streams


def draw(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random(size)


def test_answers_do_not_depend_on_workers() -> None:
    one = np.concatenate(run_blocks(draw, 1000, rng=as_rng(3), n_jobs=1))
    two = np.concatenate(run_blocks(draw, 1000, rng=as_rng(3), n_jobs=2))
    np.testing.assert_array_equal(one, two)
    assert len(np.unique(one)) == 1000


def test_one_generator_used_twice_goes_on() -> None:
    rng = as_rng(3)
    a, b = (np.concatenate(run_blocks(draw, 10, rng=rng)) for _ in range(2))
    assert not np.array_equal(a, b)


def test_a_record_draws_the_same_again() -> None:
    rng = as_rng(8)
    rng.random(5)
    kept = record(rng)
    first = streams(rng, 2)[1].random(3)
    again = np.random.default_rng()
    again.bit_generator.state = kept["state"]
    np.testing.assert_array_equal(streams(again, 2)[1].random(3), first)
    assert record(as_rng(8))["entropy"] == 8


def test_blocks_cover_the_draws() -> None:
    assert block_sizes(130, 64) == [64, 64, 2]
    assert block_sizes(0, 64) == []


def test_global_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    run_blocks(draw, 100, rng=as_rng(None))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("wrong", [np.random.RandomState(1), "3", 1.5, True])
def test_what_is_no_seed_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="rng"):
        as_rng(wrong)  # type: ignore[arg-type]


def test_progress_shows_a_bar_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []

    def bar(items: object, total: int, desc: str) -> object:
        seen.append((desc, total))
        return items

    monkeypatch.setattr("tqdm.auto.tqdm", bar)
    run_blocks(draw, 200, rng=as_rng(1), desc="shuffling")
    assert seen == []
    run_blocks(draw, 200, rng=as_rng(1), progress=True, desc="shuffling")
    assert seen == [("shuffling", 4)]
