"""Adoption curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError, PeerNetwork
from peernet.diffusion import adoption_curve

NET = PeerNetwork(
    pd.DataFrame({"unit": ["x", "x", "y", "y"]}, index=["ana", "bo", "cy", "di"]),
    pd.DataFrame({"teacher": ["ana"], "learner": ["bo"]}),
)


def seen(**time: float) -> pd.DataFrame:
    return pd.DataFrame({"person": list(time), "time": list(time.values())})


def test_hand_worked_curve_counts_never_adopters_in_n() -> None:
    curve = adoption_curve(NET, seen(ana=1, bo=3, cy=3, di=np.nan), start=1, end=4)
    assert curve["new"].tolist() == [1, 0, 2, 0]
    assert curve["share"].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert curve["rate"].tolist() == [0.0, 0.0, 2.0, 0.0]
    assert (curve["low"] <= curve["share"]).all() and (curve["share"] <= curve["high"]).all()


def test_after_the_span_is_not_seen_and_before_it_is_known() -> None:
    curve = adoption_curve(NET, seen(ana=0, bo=2, cy=9), start=1, end=3)
    assert curve["cumulative"].tolist() == [1, 2, 2]
    assert curve["already_knew"].tolist() == [1, 1, 1]


def test_calendar_periods_are_half_open() -> None:
    frame = pd.DataFrame({"person": ["ana", "bo", "cy"], "time": ["2024-01-31", "2024-02-01", "2024-03-01"]})
    curve = adoption_curve(NET, frame, start="2024-01-01", end="2024-03-01")
    assert curve["new"].tolist() == [1, 1]
    assert adoption_curve(NET, frame, start="2024-01-01", end="2024-03-02", period="week")["new"].sum() == 3


def test_groups_add_up_and_items_are_apart() -> None:
    frame = pd.DataFrame(
        {"person": ["ana", "bo", "cy"], "item": ["s", "t", "s"], "time": [1, 1, 2], "assigned": True}
    )
    whole = adoption_curve(NET, frame, start=1, end=2)
    parts = adoption_curve(NET, frame, start=1, end=2, by="unit")
    assert parts.groupby(["item", "period"])["new"].sum().tolist() == whole["new"].tolist()
    assert whole["assigned"].tolist() == whole["new"].tolist()
    assert adoption_curve(NET, frame, start=1, end=2, item="t")["cumulative"].tolist() == [1, 1]


def test_nobody_adopts_is_an_answer() -> None:
    empty = pd.DataFrame({"person": [], "time": []})
    assert len(adoption_curve(NET, empty, start=1, end=3)) == 0
    assert (adoption_curve(NET, seen(ana=np.nan), start=1, end=3)["share"] == 0).all()


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (seen(eve=1), {}, "not in people.*row 0: 'eve'"),
        (pd.DataFrame({"who": ["ana"], "time": [1]}), {}, "no column 'person'"),
        (pd.DataFrame({"person": ["ana", "ana"], "time": [1, 2]}), {}, "2 rows repeat a person and item"),
        (seen(ana=1.5), {}, "not whole periods.*period="),
        (seen(ana=np.inf), {}, "infinite"),
        (seen(ana=1), {"start": 3, "end": 1}, "lies before start"),
        (seen(ana=1), {"start": "2024-01-01"}, "start is one too"),
        (seen(ana=1), {"start": None}, "start is one too"),
        (seen(ana=1), {"item": "sql"}, "no item 'sql'"),
        (seen(ana=1), {"by": "dept"}, "no column 'dept'"),
        (seen(ana=1), {"end": 10**9}, "more than 100000"),
    ],
)
def test_bad_input_says_what_where_and_what_to_do(frame: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        adoption_curve(NET, frame, **({"start": 1, "end": 3} | options))


@pytest.mark.filterwarnings("ignore:adoptions of")
@given(st.lists(st.one_of(st.none(), st.integers(-3, 12)), min_size=1, max_size=12), st.randoms())
def test_shuffled_rows_and_relabelled_people_give_the_same_curve(times: list, random: object) -> None:
    ids = [f"p{k}" for k in range(len(times))]
    frame = pd.DataFrame({"person": ids, "time": pd.array(times, dtype="Float64")})
    net = PeerNetwork(ids, pd.DataFrame({"teacher": [], "learner": []}))
    curve = adoption_curve(net, frame, start=1, end=8)
    order = list(range(len(ids)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = adoption_curve(net, frame.iloc[order], start=1, end=8)
    pd.testing.assert_frame_equal(curve, again)
    assert curve["cumulative"].is_monotonic_increasing
    assert curve["share"].between(0, 1).all()
    late = adoption_curve(net, frame.assign(time=frame["time"] + 100), start=101, end=108)
    assert late["cumulative"].tolist() == curve["cumulative"].tolist()
