"""Power of share surveys: statsmodels, the published rules of thumb, simulation, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binom
from statsmodels.stats.power import TTestIndPower, TTestPower

from peernet.hypotheses import share_power, smallest_correlation, smallest_difference, t_power


@pytest.mark.parametrize("n", [5, 20, 171])
@pytest.mark.parametrize("gap", [0.02, 0.05, 0.1])
def test_power_equals_statsmodels(n: int, gap: float) -> None:
    expected = TTestPower().power(gap / 0.2, n, 0.05)
    assert share_power(n=n, gap=gap).power == pytest.approx(expected, rel=1e-6)


def test_answers_needed_are_the_smallest_that_suffice() -> None:
    for gap in (0.03, 0.05, 0.1):
        need = TTestPower().solve_power(gap / 0.2, alpha=0.05, power=0.8)
        assert share_power(gap=gap).n == int(np.ceil(need))
    assert share_power(gap=0.05).n == 128
    found = share_power(half_width=0.03)
    assert found.half_width <= 0.03 < share_power(n=found.n - 1).half_width


def test_two_groups_and_correlations() -> None:
    for n in (51, 69, 129, 216):
        expected = TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8)
        assert smallest_difference(n, n) == pytest.approx(expected, rel=1e-5)  # its solver stops there
    for r, n in ((0.1, 783), (0.2, 194), (0.3, 85)):
        assert smallest_correlation(n) == pytest.approx(r, abs=6e-4)
    assert np.isnan(smallest_correlation(3))
    assert np.isnan(smallest_difference(1))


def test_teams_and_rosters_change_what_is_needed() -> None:
    # teams of 8 with icc .1: 1.7 times the variance, and as many degrees of freedom as teams less one
    teams = share_power(n=96, team_size=8, icc=0.1)
    assert teams.df == 11
    expected = stats.t.ppf(0.975, 11) * 0.2 * np.sqrt(1.7 / 96)
    assert teams.half_width == pytest.approx(expected, rel=1e-12)
    assert "12 sampled teams of 8 (11 degrees of freedom" in teams.summary()
    assert share_power(gap=0.05, population=200).n < share_power(gap=0.05).n
    assert share_power(n=200, gap=0.01, population=200).power == 1.0


def test_power_with_sampled_teams_is_what_a_simulation_gives() -> None:
    # 8 teams of 6: with 47 instead of 7 degrees of freedom the power would be said to be .76
    rng = np.random.default_rng(20261125)
    teams, size, icc, gap, draws = 8, 6, 0.2, 0.1, 4000
    effect = rng.normal(0, 0.2 * np.sqrt(icc), (draws, teams))
    mean = 0.8 - gap + effect + rng.normal(0, 0.2 * np.sqrt((1 - icc) / size), (draws, teams))
    t = (mean.mean(axis=1) - 0.8) / (mean.std(axis=1, ddof=1) / np.sqrt(teams))
    hits = int((np.abs(t) > stats.t.ppf(0.975, teams - 1)).sum())
    expected = share_power(n=teams * size, gap=gap, team_size=size, icc=icc).power
    low, high = binom.interval(0.999, draws, expected)
    assert low <= hits <= high
    assert not low <= draws * t_power(gap / (0.2 * np.sqrt(2 / 48)), 47) <= high
    need = share_power(gap=gap, team_size=size, icc=icc)
    assert need.n > share_power(gap=gap).n * 2
    assert share_power(n=need.n, gap=gap, team_size=size, icc=icc).power >= 0.8


def test_one_sided_power_and_limits() -> None:
    assert t_power(0.0, 30) == pytest.approx(0.05)
    assert t_power(0.0, 30, alternative="greater") == pytest.approx(0.05)
    assert t_power(2.0, 30, alternative="less") < 0.01
    assert t_power(-2.0, 30, alternative="less") == pytest.approx(t_power(2.0, 30, alternative="greater"))
    assert np.isnan(t_power(1.0, 0))
    assert t_power(60.0, 5) == 1.0


def test_power_is_what_a_simulation_gives() -> None:
    rng = np.random.default_rng(20261123)
    n, gap, draws = 40, 0.08, 3000
    x = rng.normal(0.8 - gap, 0.2, (draws, n))
    t = (x.mean(axis=1) - 0.8) / (x.std(axis=1, ddof=1) / np.sqrt(n))
    hits = int((np.abs(t) > 2.0227).sum())  # t(39), .975
    expected = share_power(n=n, gap=gap).power
    low, high = binom.interval(0.999, draws, expected)
    assert low <= hits <= high


def test_refusals_and_words() -> None:
    with pytest.raises(ValueError, match="give n, or gap, or half_width"):
        share_power()
    with pytest.raises(ValueError, match="nothing is left to solve for"):
        share_power(n=10, gap=0.1, power=0.8)
    with pytest.raises(ValueError, match="icc must be a number"):
        share_power(n=10, team_size=4, icc=2)
    with pytest.raises(ValueError, match="201 answers from 200 people"):
        share_power(n=201, gap=0.1, population=200)
    with pytest.raises(ValueError, match="fewer than two teams"):
        share_power(n=10, team_size=8, icc=0.1)
    with pytest.raises(ValueError, match=r"icc=0\.1 without teams"):
        share_power(n=10, icc=0.1)
    with pytest.raises(ValueError, match=r"gap is a share between 0 and 1; got 5\. Write 0\.05 for 5 %"):
        share_power(gap=5)
    with pytest.raises(ValueError, match=r"sd is a share between 0 and 1; got 20\. Write 0\.2 for 20 %"):
        share_power(gap=0.05, sd=20)
    with pytest.raises(ValueError, match="nothing is left to solve for"):
        share_power(half_width=0.05, power=0.9)
    with pytest.raises(ValueError, match="not even 20 answers are enough"):
        share_power(half_width=0.001, population=20, team_size=15)
    assert "168 answers of 232" in share_power(n=168, population=232).summary()


def test_the_picture_marks_n() -> None:
    from matplotlib import pyplot as plt

    ax = share_power(n=168, population=232).plot()
    assert any(np.allclose(line.get_xdata(), 168) for line in ax.lines)
    plt.close(ax.figure)


def test_answers_needed_come_in_whole_teams() -> None:
    found = share_power(half_width=0.03, team_size=8, icc=0.1)
    assert found.n % 8 == 0
    assert found.half_width <= 0.03 < share_power(n=found.n - 8, team_size=8, icc=0.1).half_width
    assert f"{found.n // 8} sampled teams of 8" in found.summary()
