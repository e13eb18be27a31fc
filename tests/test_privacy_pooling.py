"""Pooling of groups under the floor."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError
from peernet.privacy import pool_small_groups


@given(st.lists(st.sampled_from("abcdef"), min_size=5, max_size=60), st.integers(1, 5))
def test_every_group_shown_is_large_enough_and_a_pool_hides_who_is_in_it(groups: list[str], floor: int) -> None:
    given_groups = pd.Series(groups)
    pooled = pool_small_groups(given_groups, floor=floor)
    assert pooled.value_counts().min() >= floor
    inside = given_groups[pooled == "small units, pooled"].nunique()
    assert inside != 1 or given_groups.nunique() == 1
    kept = pooled != "small units, pooled"
    assert (pooled[kept] == given_groups[kept]).all()
    if given_groups.value_counts().min() >= floor:
        assert kept.all()


def test_missing_groups_stay_missing_and_few_people_are_refused() -> None:
    groups = pd.Series(["a", None, "a", "b", "b"], index=list("vwxyz"))
    assert pool_small_groups(groups, floor=4).isna().tolist() == [False, True, False, False, False]
    with pytest.raises(DataError, match="4 people in all are fewer than the floor of 5"):
        pool_small_groups(groups, floor=5)
