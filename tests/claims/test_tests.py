"""Single tests: who counts, what is compared, and sizes where few people say anything."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from peernet.claims import _tests, evaluate
from peernet.datasets import load_meridian
from peernet.errors import DataError
from peernet.records import Records


@pytest.fixture(scope="module")
def meridian() -> Records:
    return load_meridian()


def _ties(several: int, rng: np.random.Generator) -> SimpleNamespace:
    """100 learners, of whom so many named two people, with ratings that have nothing to do with each other."""
    who = [f"p{k}" for k in range(100)]
    respondent = who + who[:several]
    n = len(respondent)
    ties = pd.DataFrame(
        {
            "respondent": respondent, "named": rng.choice(who, n), "relation": "x",
            "trust": rng.integers(1, 8, n).astype(float), "usefulness": rng.integers(1, 8, n).astype(float),
        }
    )  # fmt: skip
    people = pd.DataFrame(
        {"unit": rng.choice(list("ab"), 100), "site": rng.choice(list("xy"), 100)}, index=who
    )
    return SimpleNamespace(nominations=ties, roles={"x": "learner"}, people=people)


def test_people_with_one_tie_are_no_clusters() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        with pytest.raises(DataError, match=r"\d people trust those they rated unequally; 20 are needed"):
            _tests.trust_useful(_ties(4, rng), 0.95)
        with pytest.raises(DataError, match=r"\d people named both more and less similar people; 20"):
            _tests.trusted_like(_ties(4, rng), 0.95)


def test_only_people_who_can_compare_are_counted_and_the_size_holds() -> None:
    rng = np.random.default_rng(2)
    found = [_tests.trust_useful(_ties(40, rng), 0.95) for _ in range(200)]
    assert max(f.n for f in found) <= 40
    assert (
        8 <= sum(f.p < 0.05 for f in found) <= 38
    )  # 20 expected; 99.9 % binomial interval, a little liberal


def test_who_took_courses_of_one_kind_says_nothing_on_choice() -> None:
    rng = np.random.default_rng(3)
    people = [f"p{k}" for k in range(150)]
    who = people + people[:8]
    n = len(who)
    table = pd.DataFrame(
        {
            "person": who, "item": rng.choice(["c1", "c2"], n),
            "assigned": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "time": pd.to_datetime(np.where(rng.random(n) < 0.6, "2025-01-01", None)),
        }
    )  # fmt: skip
    with pytest.raises(
        DataError, match=r"\d people took both courses they chose and courses they were assigned"
    ):
        _tests.choice(SimpleNamespace(completions=table), 0.95)


def test_what_does_not_vary_is_not_called_too_few() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(150), np.ones(150)])
    with pytest.raises(
        DataError, match="150 people gave complete answers, but what is compared does not vary"
    ):
        _tests.clustered(rng.normal(size=150), x, np.arange(150), 1, unit="", how="", level=0.95)


def _asking(meridian: Records, units: int, within: float, rng: np.random.Generator) -> Records:
    """Safe units ask more (slope 2), but within units the safer person asks by ``within``."""
    people = [f"q{k}" for k in range(12 * units)]
    unit = np.arange(len(people)) % units
    own = rng.normal(size=len(people))
    safety = unit / 2 + own
    asking = unit + within * own + 0.5 * rng.normal(size=len(people))
    rows = [
        pd.DataFrame({"person": people, "wave": "1", "question": q, "item": "", "value": v})
        for q, v in (("safety", safety), ("asking", asking))
    ]
    roster = pd.DataFrame({"unit": [f"u{k}" for k in unit]}, index=pd.Index(people, name="person"))
    return Records(people=roster, answers=pd.concat(rows, ignore_index=True))


def test_safety_is_tested_within_units_and_between_them_apart(meridian: Records) -> None:
    rng = np.random.default_rng(5)
    table = evaluate(_asking(meridian, 24, -0.6, rng)).table.set_index("quantity")
    assert table.loc["asking by safety, within units", "verdict"] == "contradicted"
    assert table.loc["asking by safety, between units", "verdict"] == "supported"
    few = evaluate(_asking(meridian, 8, -0.6, rng)).table.set_index("quantity")
    assert few.loc["asking by safety, within units", "verdict"] == "contradicted"
    assert few.loc["asking by safety, between units", "why"].startswith(
        "8 units with complete answers are too few"
    )


def test_the_slope_within_units_is_that_of_unit_dummies_and_has_its_size(meridian: Records) -> None:
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(6)
    records = _asking(meridian, 8, 0.3, rng)
    found = _tests.safety_asking(records, 0.95)
    frame = _tests._by_unit(records)
    x = np.column_stack([frame["safety"], pd.get_dummies(frame["unit"]).to_numpy(dtype=float)])
    fit = OLS(frame["asking"].to_numpy(), x).fit()
    robust = fit.get_robustcov_results("HC0")
    n, units = len(frame), 8
    assert found.value == pytest.approx(fit.params[0])
    from scipy.stats import t

    error = (found.high - found.low) / 2 / t.ppf(0.975, n - units)
    assert error == pytest.approx(robust.bse[0] * np.sqrt(n / (n - units)))
    none = [_tests.safety_asking(_asking(meridian, 8, 0.0, rng), 0.95).p for _ in range(100)]
    assert sum(p < 0.05 for p in none) <= 14  # 5 expected


def test_other_peoples_managers_are_no_peers() -> None:
    manager = pd.Series({"a": "m", "b": "m", "m": "top", "o": "top", "c": "o", "top": None})
    ties = pd.DataFrame(
        {"respondent": ["a", "a", "a", "a", "m", "m", "top"], "named": ["m", "b", "o", "c", "a", "c", "a"]}
    )
    found = _tests.peer_or_manager(ties, manager)
    # own manager; colleague; somebody else's manager; colleague elsewhere; own report; colleague; no manager
    np.testing.assert_array_equal(found, [0, 1, np.nan, 1, np.nan, 1, np.nan])


def test_right_answers_are_counted_but_decide_nothing_without_experts(meridian: Records) -> None:
    rng = np.random.default_rng(7)
    people = meridian.answers["person"].unique()
    judged = pd.DataFrame(
        {
            "person": np.repeat(people, 2), "wave": "1", "question": "correct", "item": ["1", "2"] * len(people),
            "value": rng.integers(0, 2, 2 * len(people)).astype(float),
        }
    )  # fmt: skip
    table = evaluate(
        replace(meridian, answers=pd.concat([meridian.answers, judged], ignore_index=True))
    ).table
    row = table.set_index("claim").loc["ACC"]
    assert row["value"] == pytest.approx(judged["value"].mean())
    assert row["low"] < row["value"] < row["high"]
    assert row["n"] == len(people)
    assert row["verdict"] == "not answered by these data"
    assert "answers of experts" in row["why"]


def test_three_waves_of_names_show_ruts(meridian: Records) -> None:
    rng = np.random.default_rng(8)
    asked = pd.concat([meridian.respondents.assign(wave=w) for w in "123"], ignore_index=True)
    same = pd.concat([meridian.nominations.assign(wave=w) for w in "123"], ignore_index=True)
    answers = meridian.answers.assign(wave="3")
    table = evaluate(
        replace(meridian, answers=answers, nominations=same, respondents=asked), wave="3", rng=1
    ).table
    row = table.set_index("claim").loc["RUT"]
    assert row["value"] == 1.0
    assert row["claimed"] < 0.3
    assert row["verdict"] == "contradicted"
    other = same.assign(named=rng.permutation(same["named"].to_numpy()))
    other = other[other["named"] != other["respondent"]].drop_duplicates(
        ["respondent", "named", "relation", "wave"]
    )
    table = evaluate(
        replace(meridian, answers=answers, nominations=other, respondents=asked), wave="3", rng=1
    ).table
    assert table.set_index("claim").loc["RUT", "verdict"] == "inconclusive"
