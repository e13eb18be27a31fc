"""Ties reported twice, heaping, alpha, ICC: against hand-worked and other software's values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError, Records
from peernet.ingest import combine_reports, heaping, icc, report_agreement, reported_twice, scale_reliability


def records() -> Records:
    names = [
        ("a", "b", "learn"),
        ("a", "c", "learn"),
        ("b", "c", "learn"),
        ("b", "a", "come"),
        ("b", "d", "come"),
        ("d", "a", "learn"),
    ]
    table = pd.DataFrame(names, columns=["respondent", "named", "relation"]).assign(
        wave="1", slot=1, weight=1.0
    )
    status = {"a": "answered", "b": "answered", "c": "silent", "d": "answered"}
    asked = pd.DataFrame(
        {
            "person": list(status),
            "wave": "1",
            "status": list(status.values()),
            "started": pd.NaT,
            "finished": pd.NaT,
        }
    )
    people = pd.DataFrame(index=pd.Index(list("abcd"), name="person"))
    return Records(
        people=people, nominations=table, respondents=asked, roles={"learn": "learner", "come": "teacher"}
    )


def test_reported_twice() -> None:
    table = reported_twice(records(), "learn", "come").set_index(["teacher", "learner"])
    # a says "I learn from b" and b says "a comes to me": the same tie, b -> a, from both ends.
    assert table.loc[("b", "a")].tolist() == [True, True]
    assert table.loc[("b", "d")].tolist() == [False, True]
    assert table.loc[("a", "d")].tolist() == [True, False]
    assert table.loc[("c", "a"), "by_learner"] and pd.isna(table.loc[("c", "a"), "by_teacher"])
    row = report_agreement(records(), "learn", "come").iloc[0]
    assert row[["union", "intersection", "only_learner", "only_teacher", "one_end_silent"]].tolist() == [
        3,
        1,
        1,
        1,
        2,
    ]
    assert row["agreement"] == pytest.approx(1 / 3)


def test_combined_networks() -> None:
    assert combine_reports(records(), "learn", "come", rule="union").n_ties == 5
    both = combine_reports(records(), "come", "learn", rule="intersection")
    assert both.ties[["teacher", "learner"]].to_numpy().tolist() == [["b", "a"]]
    assert both.observed["c"] == "silent"
    with pytest.raises(DataError, match="both ask the learner"):
        reported_twice(Records(roles={"x": "learner", "y": "learner"}), "x", "y")
    with pytest.raises(DataError, match="no relation 'z'"):
        reported_twice(records(), "learn", "z")


def test_alpha_by_hand_and_interval() -> None:
    items = pd.DataFrame({"x": [1, 2, 3, 4], "y": [2, 2, 4, 4], "z": [1, 3, 3, 5]})
    total = items.sum(axis=1)
    expected = 1.5 * (1 - items.var(ddof=1).sum() / total.var(ddof=1))
    result = scale_reliability(items)
    assert result.value == pytest.approx(expected)
    assert result.low < result.value < result.high <= 1
    assert scale_reliability(pd.DataFrame({"x": [1, 2, 3], "y": [1, 2, 3]})).value == pytest.approx(1)
    assert np.isnan(scale_reliability(pd.DataFrame({"x": [1, 1, 1], "y": [2, 2, 2]})).value)
    with pytest.raises(DataError, match="at least two items; got 1"):
        scale_reliability(items[["x"]])


def test_alpha_covers_the_truth() -> None:
    rng = np.random.default_rng(5)
    k, truth = 5, 5 * 0.4 / (1 + 4 * 0.4)  # Spearman-Brown with inter-item correlation .4
    hits = 0
    for _ in range(400):
        common = rng.standard_normal((60, 1)) * np.sqrt(0.4)
        result = scale_reliability(
            pd.DataFrame(common + np.sqrt(0.6) * rng.standard_normal((60, k))), level=0.9
        )
        hits += result.low <= truth <= result.high
    assert 340 <= hits <= 378  # 99.9 % binomial bounds around 360


def test_icc_balanced_by_hand() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])
    out = icc(values, pd.Series(list("aaabbb"))).iloc[0]
    between, inside = 3 * 2 * 2.0**2, 1.0
    assert out["icc1"] == pytest.approx((between - inside) / (between + 2 * inside))
    assert out["icc2"] == pytest.approx((between - inside) / between)
    assert out["f"] == pytest.approx(24) and out["k0"] == 3


@given(st.lists(st.integers(2, 6), min_size=2, max_size=5), st.integers(0, 99))
def test_icc_against_scipy_anova(sizes: list[int], seed: int) -> None:
    from scipy import stats

    rng = np.random.default_rng(seed)
    group = pd.Series(np.repeat([f"g{k}" for k in range(len(sizes))], sizes))
    values = pd.Series(rng.standard_normal(len(group)) + np.repeat(rng.standard_normal(len(sizes)), sizes))
    out = icc(values, group).iloc[0]
    f, p = stats.f_oneway(*(values[group == g] for g in group.unique()))
    assert out["f"] == pytest.approx(f) and out["p_value"] == pytest.approx(p)
    assert out["icc2"] == pytest.approx(1 - 1 / f)
    shuffled = values.sample(frac=1, random_state=seed)
    assert icc(shuffled, group).iloc[0]["icc1"] == pytest.approx(out["icc1"])


def test_icc_without_evidence_is_missing() -> None:
    assert np.isnan(icc(pd.Series([1.0, 2.0]), pd.Series(["a", "b"]))["icc1"].iloc[0])


def test_heaping() -> None:
    result = heaping(pd.Series([0, 10, 37, 50, np.nan, 100, 12.5]))
    assert result.value == pytest.approx(4 / 6) and result.n == 6
    assert np.isnan(heaping(pd.Series([], dtype=float)).value)
    assert heaping(pd.Series([5.0, 10.0]), step=5).value == 1
