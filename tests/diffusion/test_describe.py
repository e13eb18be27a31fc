"""Hazard, thresholds, Bass, Moran, leaders, structure, event history, ties that change, crossings, wrong knowledge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetWarning, PeerNetwork
from peernet.diffusion import (
    adopter_categories,
    crossings,
    fit_bass,
    fit_event_history,
    hazard,
    moran,
    opinion_leaders,
    simulate_nbda,
    structure_test,
    thresholds,
    tie_change,
    wrong_knowledge_test,
)
from peernet.diffusion.bass import curve

IDS = ["ana", "bo", "cy", "di"]
NET = PeerNetwork(
    pd.DataFrame({"unit": ["x", "x", "y", "y"]}, index=IDS),
    pd.DataFrame({"teacher": ["ana", "bo", "cy", "ana"], "learner": ["bo", "cy", "di", "cy"]}),
)
SEEN = pd.DataFrame({"person": IDS, "time": [1, 2, 3, np.nan]})
SPAN = {"start": 1, "end": 4}


def big(n: int = 80, seed: int = 2) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    a = (rng.random((n, n)) < 4 / n).astype(float)
    np.fill_diagonal(a, 0)
    return PeerNetwork.from_adjacency(a, row_is="teacher", ids=[f"p{k}" for k in range(n)])


def test_hazard_by_hand() -> None:
    got = hazard(NET, SEEN, **SPAN)
    assert got["at_risk"].tolist() == [4, 3, 2, 1]
    np.testing.assert_allclose(got["hazard"], [1 / 4, 1 / 3, 1 / 2, 0])
    np.testing.assert_allclose(got["survival"], [3 / 4, 1 / 2, 1 / 4, 1 / 4])
    np.testing.assert_allclose(got["cumulative_hazard"], np.cumsum([1 / 4, 1 / 3, 1 / 2, 0]))
    assert ((got["low"] <= got["survival"]) & (got["survival"] <= got["high"])).all()


def test_survival_interval_is_that_of_statsmodels() -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    rng = np.random.default_rng(1)
    time = rng.integers(1, 12, 60)
    frame = pd.DataFrame({"person": [f"p{k}" for k in range(60)], "time": np.where(time < 11, time, np.nan)})
    got = hazard(PeerNetwork(list(frame["person"]), NET.ties.iloc[:0]), frame, start=1, end=10)
    want = SurvfuncRight(np.minimum(time, 10.5), time < 11)
    np.testing.assert_allclose(got["survival"], want.surv_prob)


def test_thresholds_by_hand() -> None:
    got = thresholds(NET, SEEN, **SPAN)
    assert got.loc["bo", "threshold"] == 1.0 and got.loc["cy", "threshold"] == 1.0
    assert np.isnan(got.loc["ana", "threshold"]) and got.loc["ana", "left_censored"]
    assert np.isnan(got.loc["di", "threshold"])
    named = adopter_categories(NET, SEEN, **SPAN)
    assert named.loc["di"].tolist() == ["Non-Adopters"] * 2
    assert (
        named.loc["ana", "time_class"] == "Early Majority"
        or named.loc["ana", "time_class"] == "Early Adopters"
    )


@pytest.mark.parametrize("method", ["likelihood", "least_squares"])
def test_bass_recovers_its_parameters(method: str) -> None:
    n = 20000
    t = np.arange(1, 21.0)
    expected = np.diff(np.concatenate([[0], curve(0.03, 0.35, t)])) * n
    time = np.repeat(t, np.round(expected).astype(int))
    ids = [f"p{k}" for k in range(n)]
    frame = pd.DataFrame({"person": ids, "time": np.concatenate([time, np.full(n - len(time), np.nan)])})
    net = PeerNetwork.from_codes([], [], people=ids)
    fit = fit_bass(net, frame, start=1, end=20, method=method)
    np.testing.assert_allclose(fit.params["estimate"], [0.03, 0.35], rtol=2e-3)
    assert (fit.params["low"] < fit.params["estimate"]).all()
    half = fit_bass(
        net,
        frame.assign(time=frame["time"].where(np.arange(n) % 2 == 0)),
        start=1,
        end=20,
        method=method,
        market="free",
    )
    assert half.market == pytest.approx(n / 2, rel=0.03)
    assert "no evidence of learning from each other" in fit.summary()


def test_bass_says_when_it_cannot() -> None:
    with pytest.raises(FitError, match="three periods"):
        fit_bass(NET, SEEN, start=1, end=2)
    with pytest.raises(DataError, match="smaller than the 3 people"):
        fit_bass(NET, SEEN, market=2, **SPAN)


def test_moran_shuffles_agree_with_the_exact_moments() -> None:
    net = big()
    y = pd.Series(np.random.default_rng(1).normal(size=80) ** 3, index=net.ids)
    exact = moran(net, y)
    drawn = moran(net, y, n_draws=4000, rng=1)
    assert drawn.observed == exact.observed
    assert drawn.null.mean() == pytest.approx(exact.null_mean, abs=4 * exact.null_sd / 60)
    assert drawn.null.std() == pytest.approx(exact.null_sd, rel=0.06)
    same = moran(net, pd.Series(1.0, index=net.ids))
    assert np.isnan(same.observed)


def test_leaders_who_come_first_have_a_negative_correlation() -> None:
    net = big()
    degree = np.bincount(net.teacher, minlength=80)
    frame = pd.DataFrame({"person": net.ids, "time": 1.0 + np.argsort(np.argsort(-degree))})
    got = opinion_leaders(net, frame, start=1, end=80, rng=1)
    assert got.table.loc["teaches", "high"] < 0
    assert "adopted earlier" in got.summary()


@pytest.mark.parametrize("null", ["swap", "endpoints", "labels"])
def test_structure_test_does_not_depend_on_n_jobs(null: str) -> None:
    net = big()
    frame = simulate_nbda(net, s=2.0, rate=0.05, end=10, rng=1).adoptions().drop(columns=["already_knew"])
    one, two = (
        structure_test(net, frame, null=null, start=1, end=10, n_draws=300, rng=1, n_jobs=j) for j in (1, 2)
    )
    np.testing.assert_array_equal(one.null, two.null)
    assert one.null_model in one.summary()


def test_structure_test_takes_a_statistic_of_ones_own() -> None:
    got = structure_test(
        NET, SEEN, lambda net: float(net.n_ties), null="endpoints", n_draws=20, rng=1, **SPAN
    )
    assert (got.null == 4).all() and got.p_value == 1.0
    with pytest.raises(DataError, match="cannot move it"):
        structure_test(NET, SEEN, lambda net: 1.0, null="labels", **SPAN)


def test_labels_within_groups_stay_there() -> None:
    frame = pd.DataFrame({"person": IDS, "time": [1, 1, 4, 4]})
    got = structure_test(NET, frame, null="labels", within="unit", n_draws=20, rng=1, **SPAN)
    assert np.nanstd(got.null) == 0


def test_event_history_finds_the_effect_and_warns_of_lag_zero() -> None:
    net = big(150, 5)
    frame = (
        simulate_nbda(net, s=3.0, rate=0.03, end=12, n_items=3, rng=2)
        .adoptions()
        .drop(columns=["already_knew"])
    )
    fit = fit_event_history(net, frame, start=1, end=12)
    assert fit.params["estimate"][0] > 0 and fit.params["low"][0] > 0
    assert fit.params["term"].tolist() == ["exposure"]
    with pytest.warns(PeerNetWarning, match="expose each other"):
        fit_event_history(net, frame, start=1, end=12, lag=0, time_effects="linear", link="logit")
    with pytest.raises(FitError):
        fit_event_history(net, frame.assign(time=np.nan), start=1, end=12)


def test_tie_change_by_hand() -> None:
    later = PeerNetwork(NET.people, pd.DataFrame({"teacher": ["ana", "ana"], "learner": ["bo", "di"]}))
    got = tie_change([NET, later], pd.DataFrame({"person": ["ana", "bo"], "time": [1, 2]}), start=1, end=2)
    total = got[["made", "dropped", "kept", "absent"]].to_numpy().sum()
    assert total == 4 * 3
    assert (got["made"].sum(), got["dropped"].sum(), got["kept"].sum()) == (1, 3, 1)
    made = got[got["made"] == 1].iloc[0]
    assert (made["learner"], made["teacher"]) == ("has not", "has adopted")
    with pytest.raises(DataError, match="2 networks for 3 periods"):
        tie_change([NET, later], SEEN, start=1, end=3)


def test_crossings_by_hand() -> None:
    got = crossings(NET, SEEN, "unit", **SPAN).set_index("unit")
    assert got.loc["x", "first"] == 1 and got.loc["x", "origin"]
    assert got.loc["y", "first"] == 3 and not got.loc["y", "origin"]
    assert got.loc["y", "came_from"] == ("x",) and got.loc["y", "taught_by"] == ("ana", "bo")
    assert got.loc["y", "share_across"] == 1.0
    assert got.loc["x", "share_across"] == 0.0


def test_wrong_knowledge_is_passed_on() -> None:
    n = 60
    ids = [f"p{k:02d}" for k in range(n)]
    ties = pd.DataFrame({"teacher": [ids[k // 2] for k in range(2, n)], "learner": ids[2:]})
    net = PeerNetwork(ids, ties)
    wrong = np.zeros(n, dtype=bool)
    wrong[2] = True
    for k in range(4, n):
        wrong[k] = wrong[k // 2]
    frame = pd.DataFrame({"person": ids, "time": np.ceil(np.log2(np.arange(n) + 1)) + 1, "correct": ~wrong})
    got = wrong_knowledge_test(net, frame, start=1, end=8, n_draws=200, rng=1)
    assert got.observed > 0.9 and got.p_value < 0.02
    shuffled = frame.assign(correct=np.random.default_rng(1).permutation(frame["correct"]))
    assert wrong_knowledge_test(net, shuffled, start=1, end=8, n_draws=200, rng=1).p_value > 0.05
    with pytest.raises(DataError, match="no column 'correct'"):
        wrong_knowledge_test(net, SEEN.assign(person=ids[:4]), start=1, end=8)


def test_a_free_market_that_is_everybody_has_no_invented_interval() -> None:
    p, q, n, end = 0.03, 0.35, 5000, 20
    edges = np.arange(end + 1)
    share = (1 - np.exp(-(p + q) * edges)) / (1 + q / p * np.exp(-(p + q) * edges))
    time = np.searchsorted(share, np.random.default_rng(1).random(n)).astype(float)
    time[time > end] = np.nan
    net = PeerNetwork([f"p{k}" for k in range(n)], pd.DataFrame({"teacher": [], "learner": []}))
    seen = pd.DataFrame({"person": net.ids, "time": time})
    free = fit_bass(net, seen, start=1, end=end, market="free")
    given = fit_bass(net, seen, start=1, end=end)
    row = free.params.set_index("term")
    assert free.market == pytest.approx(n, abs=1)
    assert "Nobody is held back" in " ".join(free.notes)
    assert np.isnan(row.loc["market", "high"])
    assert row.loc["p", "low"] == pytest.approx(given.params["low"].iloc[0], rel=1e-3)
    assert row.loc["p", "low"] < p < row.loc["p", "high"]
    assert row.loc["q", "low"] < q < row.loc["q", "high"]
