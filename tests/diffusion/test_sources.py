"""Adoptions from completions, ratings and first use."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from peernet import DataError
from peernet.diffusion import adoptions_from

DONE = pd.DataFrame(
    {
        "person": ["a", "a", "b", "c", "d", "e"],
        "item": "sql",
        "time": ["2024-03-01", "2024-01-05", "2024-02-01", None, "2023-06-01", None],
        "status": ["Completed", "Completed", "passed", "in progress", "Completed", "exempt"],
        "assigned": [True, False, None, True, False, False],
        "due": ["2024-02-10", None, None, "2024-06-01", None, None],
    }
)


def test_first_completion_counts_and_the_rest_is_kept_apart() -> None:
    got = adoptions_from(DONE, start="2024-01-01").set_index("person")
    assert got.loc["a", "time"] == pd.Timestamp("2024-01-05", tz="UTC")
    assert got["n_times"].to_dict() == {"a": 2, "b": 1, "c": 0, "d": 1, "e": 0}
    assert got["already_knew"].to_dict() == {"a": False, "b": False, "c": False, "d": True, "e": True}
    assert not got.loc["a", "assigned"] and got.loc["c", "assigned"] and pd.isna(got.loc["b", "assigned"])
    assert pd.isna(got.loc["c", "time"]) and got.loc["c", "due"] == pd.Timestamp("2024-06-01", tz="UTC")
    counts = got.attrs["counts"]
    assert counts["adoptions"] == 2 and counts["already_knew"] == 2 and counts["never"] == 1
    assert counts["repeats_folded"] == 1 and counts["rows"] == 6


def test_equivalent_items_are_one() -> None:
    frame = DONE.assign(item=["sql", "sql room", "sql", "sql", "sql", "sql"])
    got = adoptions_from(frame, equivalents={"sql room": "sql"})
    pd.testing.assert_frame_equal(got, adoptions_from(DONE))


def test_records_give_the_same_as_their_table() -> None:
    records = SimpleNamespace(completions=DONE, adoptions=None, answers=None, events=None)
    pd.testing.assert_frame_equal(adoptions_from(records), adoptions_from(DONE))
    with pytest.raises(DataError, match="hold no answers"):
        adoptions_from(records, kind="ratings", at_least=3)


def test_ratings_at_a_threshold() -> None:
    frame = pd.DataFrame(
        {"person": list("aabbcc"), "item": "x", "value": [1, 4, 5, 5, 1, None], "wave": [1, 2, 1, 2, 1, 2]}
    )
    got = adoptions_from(frame, at_least=4).set_index("person")
    assert got.loc["a", "time"] == 2 and not got.loc["a", "already_knew"]
    assert got.loc["b", "already_knew"]
    assert pd.isna(got.loc["c", "time"])
    with pytest.raises(ValueError, match="at_least is required"):
        adoptions_from(frame)


def test_events_are_first_use() -> None:
    got = adoptions_from(pd.DataFrame({"learner": list("aab"), "topic": ["x", "x", None], "time": [3, 1, 2]}))
    assert got[["person", "item", "time", "n_times"]].values.tolist() == [["a", "x", 1, 2]]
    assert got.attrs["counts"]["without_item_dropped"] == 1


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"status": "sort of"}, {}, "status that is not known.*'sort of'"),
        ({"time": None}, {}, "completed without a time"),
        ({"assigned": "maybe"}, {}, "'assigned' is True, False"),
        ({"item": None}, {}, "6 rows have no item"),
        ({"time": 3}, {"start": "2024-01-01"}, "different kinds|are numbers"),
    ],
)
def test_bad_completions(change: dict, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        adoptions_from(DONE.assign(**change), **options)


def test_undated_completions_can_be_dropped_and_are_counted() -> None:
    got = adoptions_from(DONE.assign(time=None), undated="drop")
    assert got.attrs["counts"]["undated_dropped"] == 4
    assert (
        adoptions_from(DONE.assign(status="sort of"), done=["sort of"], undated="drop")["n_times"].sum() == 4
    )


def test_no_rows() -> None:
    assert len(adoptions_from(DONE.iloc[:0])) == 0
    assert len(adoptions_from(pd.DataFrame({"person": [], "item": [], "time": []}))) == 0


def test_equivalent_items_are_followed_to_one_name() -> None:
    done = pd.DataFrame({"person": ["a", "b", "c"], "item": ["x", "y", "z"], "time": [1, 2, 3]})
    assert set(adoptions_from(done, equivalents={"x": "y", "y": "z"})["item"]) == {"z"}
    assert set(adoptions_from(done, equivalents={"y": "x", "x": "x"})["item"]) == {"x", "z"}
    with pytest.raises(DataError, match="circle"):
        adoptions_from(done, equivalents={"x": "y", "y": "x"})
    with pytest.raises(DataError, match="no item 'X'"):
        adoptions_from(done, equivalents={"X": "y"})
    with pytest.raises(DataError, match="is a dict"):
        adoptions_from(done, equivalents=["x"])


def test_assigned_as_numbers_with_a_blank() -> None:
    done = pd.DataFrame({"person": list("abc"), "item": "x", "time": [1, 2, 3], "assigned": [0.0, 1.0, None]})
    told = adoptions_from(done)["assigned"]
    assert told.isna().tolist() == [False, False, True] and told.iloc[:2].tolist() == [False, True]
    with pytest.raises(DataError, match="assigned"):
        adoptions_from(done.assign(assigned=[0.5, 1.0, None]))
