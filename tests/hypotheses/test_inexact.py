"""Round numbers and odd sums in verdicts on a mean: hand-worked slack, truth before rounding, every user of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import peernet.hypotheses as hyp
from peernet.errors import DataError
from peernet.hypotheses._composition import rounding_grid
from peernet.hypotheses._inexact import inexact_slack

SOCIAL = np.array([True, True, False, False])
COLUMNS = ["peers", "manager", "courses", "trial"]
BEFORE = {"set_on": "2025-01-01", "answered_from": "2025-06-01"}


def slack(percent: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return slack in points for answers as written."""
    cells = np.array(percent, dtype=float)
    sums = cells.sum(axis=1) / 100
    parts = cells / cells.sum(axis=1, keepdims=True)
    grid, total = rounding_grid(parts)
    less, more = inexact_slack(parts, SOCIAL, grid, total, sums)
    return 100 * less, 100 * more


def test_slack_by_hand() -> None:
    less, more = slack(
        [
            [60, 0, 40, 0],  # tens, a zero on either side: 2.5 points both ways
            [90, 10, 0, 0],  # tens, two zeros among the others: the share may count 5 too much
            [35, 5, 20, 40],  # no zero: rounding goes up as often as down
            [37.3, 12.2, 30.1, 20.4],  # not rounded
            [55, 10, 20, 25],  # sums to 110: 59.1 as closed, 55 if all ten were social, 65 if none was
            [20, 20, 30, 20],  # sums to 90: 44.4 as closed, 40 to 50
        ]
    )
    np.testing.assert_allclose(less, [2.5, 5, 0, 0, 65 / 1.1 - 55, 40 / 0.9 - 40])
    np.testing.assert_allclose(more, [2.5, 0, 0, 0, 65 - 65 / 1.1, 50 - 40 / 0.9])


def test_answers_that_hardly_differ_may_all_have_been_rounded_one_way() -> None:
    less, more = slack([[60, 0, 40, 0]] * 9 + [[50, 0, 50, 0]])  # spread of 3 points on a grid of 10
    np.testing.assert_allclose(less, 7.5)
    np.testing.assert_allclose(more, 7.5)


def one_way(rng: np.random.Generator, n: int, alpha: list[float], step: float) -> tuple[pd.DataFrame, float]:
    """Return answers rounded source by source, the largest put right, and the true mean."""
    true = rng.dirichlet(alpha, n)
    said = step * np.round(100 * true / step)
    rows = np.arange(n)
    largest = said.argmax(axis=1)
    said[rows, largest] += 100 - said.sum(axis=1)
    return pd.DataFrame(said, columns=COLUMNS), float(true[:, :2].sum(axis=1).mean())


@settings(max_examples=25, deadline=None)
@given(
    rng=st.integers(0, 10_000),
    alpha=st.lists(st.floats(0.3, 5), min_size=4, max_size=4),
    step=st.sampled_from([5.0, 10.0, 20.0]),
)
def test_the_mean_before_rounding_is_inside(rng: int, alpha: list[float], step: float) -> None:
    said, true = one_way(np.random.default_rng(rng), 400, alpha, step)
    share = hyp.social_share(said, readings={"both": ("social", "manager")}, reading="both")
    row = share.row()
    assert row["whole_low"] <= row["low"] < row["high"] <= row["whole_high"]
    far = share.exact.loc["both", "value"]
    # 400 people: rounding that is not systematic leaves at most 4 standard deviations of its own.
    noise = 4 * step / 100 / np.sqrt(400)
    assert far["low"] - noise <= true <= far["high"] + noise


def test_verdicts_use_the_wider_interval_and_say_so() -> None:
    rng = np.random.default_rng(5)
    said, _ = one_way(rng, 200, [4, 0.5, 1, 0.5], 10.0)
    share = hyp.social_share(said)
    row = share.row()
    near = share.row()["high"] + 0.004
    assert near < row["whole_high"]
    again = hyp.social_share(said, claim=float(near))
    assert again.row()["p_value"] < 0.05  # of the answers as given
    assert again.verdict == "inconclusive"
    assert "round numbers and odd sums alone could bring it there: inconclusive" in again.summary()
    low, high = (share.exact.loc[("wide", end)] for end in ("low", "high"))
    test = hyp.equivalence_test(share, share.value, margin=0.05, **BEFORE)
    assert test.p_below == pytest.approx(
        stats.t.sf((low["value"] - share.value + 0.05) / low["std_error"], row["df"])
    )
    assert test.p_above == pytest.approx(
        stats.t.cdf((high["value"] - share.value - 0.05) / high["std_error"], row["df"])
    )
    assert (test.verdict == "supported") == (max(test.p_below, test.p_above) < 0.05)
    tight = hyp.equivalence_test(share, share.value, margin=0.01, **BEFORE)
    assert tight.verdict == "inconclusive"
    assert "no number of such answers could support it" in tight.summary()


def test_exact_answers_change_nothing() -> None:
    rng = np.random.default_rng(6)
    said = pd.DataFrame(100 * rng.dirichlet([4, 1, 2, 1], 60), columns=COLUMNS)
    share = hyp.social_share(said)
    row = share.row()
    assert (row["whole_low"], row["whole_high"]) == (row["low"], row["high"])
    test = hyp.equivalence_test(share, 0.62, margin=0.05, **BEFORE)
    assert test.exact_low == test.exact_high == share.value
    assert "round numbers" not in test.summary()


def test_the_posterior_is_a_mean_of_shifted_posteriors() -> None:
    rng = np.random.default_rng(7)
    said, _ = one_way(rng, 80, [3, 0.5, 1, 0.5], 10.0)
    share = hyp.social_share(said)
    row, far = share.row(), share.exact.loc["wide", "value"]
    found = hyp.share_posterior(share, claim=0.7, within=0.04)
    shift = np.random.default_rng(1).uniform(far["low"], far["high"], 400_000)
    drawn = shift + row["std_error"] * np.random.default_rng(2).standard_t(row["df"], len(shift))
    drawn = drawn[(drawn > 0) & (drawn < 1)]
    assert found.value == pytest.approx(drawn.mean(), abs=5e-4)
    np.testing.assert_allclose([found.low, found.high], np.quantile(drawn, [0.025, 0.975]), atol=1e-3)
    assert found.p_within == pytest.approx((np.abs(drawn - 0.7) <= 0.04).mean(), abs=4e-3)
    everybody = hyp.social_share(said, people=pd.DataFrame({"unit": ["a"] * 80}))
    known = hyp.share_posterior(everybody)
    ends = everybody.exact.loc["wide", "value"]
    assert ends["low"] < known.low < known.high < ends["high"]


def test_a_single_answer_has_no_interval() -> None:
    said = pd.DataFrame([[50, 10, 30, 10]], columns=COLUMNS)
    with pytest.warns(match="1 answers are fewer than 20"):
        share = hyp.social_share(said)
    assert np.isnan(share.low)
    assert share.verdict == "not answered by these data"
    with pytest.warns(match="1 answers"), pytest.raises(DataError, match="a single answer"):
        hyp.share_posterior(share)


def test_a_reader_who_closed_the_sums_leaves_only_rounding() -> None:
    said = pd.DataFrame([[60, 10, 40, 0]] * 3 + [[30, 20, 20, 30]] * 27, columns=COLUMNS)
    closed = said.div(said.sum(axis=1), axis=0) * 100
    wide, narrow = (hyp.social_share(x).row() for x in (said, closed))
    assert wide["value"] == pytest.approx(narrow["value"])
    assert wide["whole_high"] > narrow["whole_high"]
