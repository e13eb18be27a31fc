"""Bounds for silent people: hand-worked values, limits, and coverage over what silence could hide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from peernet.errors import DataError
from peernet.hypotheses import breakdown_point, imbens_manski, manski_bounds

unit = st.floats(0, 1)


def test_hand_worked_bounds() -> None:
    assert manski_bounds(0.62, 0.75) == pytest.approx((0.465, 0.715))
    assert manski_bounds(3.0, 0.5, low=1, high=7) == pytest.approx((2.0, 5.0))
    assert breakdown_point(0.62, 0.75) == pytest.approx((0.8 - 0.465) / 0.25)
    assert np.isnan(breakdown_point(0.62, 1.0))


@given(unit, unit, unit)
def test_bounds_contain_every_possible_mean(mean: float, response: float, silent: float) -> None:
    low, high = manski_bounds(mean, response)
    truth = response * mean + (1 - response) * silent
    assert low - 1e-12 <= truth <= high + 1e-12
    assert high - low == pytest.approx(1 - response, abs=1e-12)


@given(unit, st.floats(0.01, 0.99))
def test_at_the_breakdown_point_the_mean_is_the_claim(mean: float, response: float) -> None:
    silent = breakdown_point(mean, response, 0.8)
    assert response * mean + (1 - response) * silent == pytest.approx(0.8)


def test_imbens_manski_limits_are_the_two_and_the_one_sided_interval() -> None:
    low, high = imbens_manski(0.5, 0.5, 0.1, 0.1)
    assert (low, high) == pytest.approx((0.5 - 0.1 * norm.ppf(0.975), 0.5 + 0.1 * norm.ppf(0.975)))
    low, high = imbens_manski(0.0, 1.0, 0.01, 0.01)
    assert (low, high) == pytest.approx((-0.01 * norm.ppf(0.95), 1 + 0.01 * norm.ppf(0.95)))
    assert imbens_manski(0.2, 0.4, 0.0, 0.0) == (0.2, 0.4)


def test_imbens_manski_solves_its_own_equation() -> None:
    for gap, se_low, se_high in ((0.01, 0.02, 0.03), (0.05, 0.04, 0.01), (0.3, 0.02, 0.05)):
        low, high = imbens_manski(0.4, 0.4 + gap, se_low, se_high, level=0.9)
        c = (0.4 - low) / se_low
        assert (high - 0.4 - gap) / se_high == pytest.approx(c)
        assert norm.cdf(c + gap / max(se_low, se_high)) - norm.cdf(-c) == pytest.approx(0.9, abs=1e-12)


def test_imbens_manski_covers_either_end_at_its_level() -> None:
    rng = np.random.default_rng(20261123)
    draws, se, gap = 4000, 0.05, 0.04
    hits = []
    for truth in (0.0, gap):
        centre = rng.normal(0.0, se, draws)
        inside = [low <= truth <= high for low, high in (imbens_manski(c, c + gap, se, se) for c in centre)]
        hits.append(np.mean(inside))
    # 99.9 % binomial half-width around .95 with 4000 draws is .0113
    assert abs(hits[0] - 0.95) < 0.0114
    assert abs(hits[1] - 0.95) < 0.0114


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"mean is a share between 0 and 1; got 62\. Write 0\.62 for 62 %"):
        manski_bounds(62, 0.75)
    with pytest.raises(ValueError, match=r"response is a share between 0 and 1; got 75"):
        manski_bounds(0.62, 75)
    with pytest.raises(ValueError, match="mean must be a number in"):
        manski_bounds(-0.1, 0.75)
    with pytest.raises(ValueError, match=r"claim is a share between 0 and 1; got 80\. Write 0\.8 for 80 %"):
        breakdown_point(0.62, 0.75, 80)
    with pytest.raises(ValueError, match=r"mean is a share"):
        breakdown_point(62, 0.75, 80)
    assert breakdown_point(62, 0.75, 80, high=100) == pytest.approx(134)
    with pytest.raises(ValueError, match="the bounds cross"):
        imbens_manski(0.6, 0.4, 0.1, 0.1)
    with pytest.raises(DataError, match="nobody answered"):
        breakdown_point(0.62, 0)
