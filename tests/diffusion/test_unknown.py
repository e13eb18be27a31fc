"""Nothing is missing without a word: lags beyond the span, spans beside the data, weights and ties that say nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetWarning, PeerNetwork
from peernet.diffusion import (
    adopter_categories,
    adoption_curve,
    crossings,
    exposure,
    fit_event_history,
    infectiousness,
    opinion_leaders,
    structure_test,
    susceptibility,
    thresholds,
    wrong_knowledge_test,
)

IDS = list("abcdef")
PEOPLE = pd.DataFrame({"unit": list("xxxyyy")}, index=IDS)
TIES = pd.DataFrame({"teacher": list("abcde"), "learner": list("bcdef")})
NET = PeerNetwork(PEOPLE, TIES)
SEEN = pd.DataFrame({"person": IDS, "time": [1, 2, 3, 4, 5, None], "correct": [True, False] * 3})
SPAN: dict[str, Any] = {"start": 1, "end": 5}

LAGGED: dict[str, Callable[[int], Any]] = {
    "exposure": lambda lag: exposure(NET, SEEN, lag=lag, **SPAN),
    "thresholds": lambda lag: thresholds(NET, SEEN, lag=lag, **SPAN),
    "adopter_categories": lambda lag: adopter_categories(NET, SEEN, lag=lag, **SPAN),
    "fit_event_history": lambda lag: fit_event_history(NET, SEEN, lag=lag, **SPAN),
    "structure_test": lambda lag: structure_test(NET, SEEN, null="labels", lag=lag, n_draws=9, rng=1, **SPAN),
    "crossings": lambda lag: crossings(NET, SEEN, "unit", lag=lag, **SPAN),
    "wrong_knowledge_test": lambda lag: wrong_knowledge_test(NET, SEEN, lag=lag, n_draws=9, rng=1, **SPAN),
}


@pytest.mark.parametrize("name", LAGGED)
def test_a_lag_beyond_the_span_is_refused(name: str) -> None:
    with pytest.raises(
        DataError, match=r"lag=6 reaches beyond the span, which holds 5 periods.*at most [45]"
    ):
        LAGGED[name](6)


@pytest.mark.parametrize("name", LAGGED)
def test_a_lag_is_a_whole_number(name: str) -> None:
    with pytest.raises(ValueError, match=r"lag must be a whole number of periods; got 1\.5"):
        LAGGED[name](1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["crossings", "wrong_knowledge_test"])
def test_teaching_takes_no_negative_time(name: str) -> None:
    with pytest.raises(ValueError, match="lag must be at least 0"):
        LAGGED[name](-1)


def test_the_longest_lag_still_answers() -> None:
    assert exposure(NET, SEEN, lag=4, **SPAN)[5].notna().sum() == 5
    knew = SEEN.assign(already_knew=[True] + [False] * 5)
    assert not crossings(NET, knew, "unit", lag=5, **SPAN)["origin"].isna().any()


def test_a_single_period_has_no_lagged_exposure() -> None:
    with pytest.raises(DataError, match=r"holds one period.*lag=0 is contemporaneous"):
        exposure(NET, SEEN, start=1, end=1)


EMPTY = PeerNetwork(PEOPLE, TIES.iloc[:0])
SILENT = PeerNetwork(PEOPLE, TIES.iloc[:0], observed=pd.Series("silent", index=IDS), respondent_is="learner")
AT_ONCE = SEEN.assign(time=1)
NEVER = SEEN.assign(time=np.nan)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exposure(EMPTY, SEEN, **SPAN), "exposure is missing for everybody: the network has no ties"),
        (lambda: exposure(SILENT, SEEN, **SPAN), "nobody said who teaches them"),
        (lambda: thresholds(NET, AT_ONCE, **SPAN), "everybody adopted in the first period"),
        (lambda: thresholds(EMPTY, SEEN, **SPAN), "the network has no ties"),
        (lambda: thresholds(NET, NEVER, **SPAN), "nobody adopted within the span"),
        (
            lambda: adopter_categories(NET, NEVER, **SPAN),
            "the class of time is missing for everybody: nobody",
        ),
        (
            lambda: infectiousness(NET, NEVER, **SPAN),
            "infectiousness is missing for everybody: nobody adopted",
        ),
        (lambda: susceptibility(SILENT, SEEN, **SPAN), "nobody said who teaches them"),
        (
            lambda: adoption_curve(NET, SEEN, start=101, end=105),
            r"none of 5 lies within the span: 5 before it",
        ),
        (
            lambda: adoption_curve(NET, SEEN, start=-9, end=-5),
            r"5 after it \(not seen yet\). Check start and end",
        ),
    ],
)
def test_what_is_missing_for_everybody_is_said(call: Callable[[], Any], words: str) -> None:
    with pytest.warns(PeerNetWarning, match=words):
        call()


def test_teachers_without_any_weight_are_refused() -> None:
    with pytest.raises(DataError, match="teacher_weight is 0 for everybody"):
        exposure(NET, SEEN, teacher_weight=pd.Series(0.0, index=IDS), **SPAN)


def test_tests_that_are_not_defined_say_why() -> None:
    def named(net: PeerNetwork, seen: pd.DataFrame, statistic: Any) -> str:
        return structure_test(net, seen, statistic, null="labels", n_draws=9, rng=1, **SPAN).name

    assert "not defined: no ties" in named(EMPTY, SEEN, "mean_threshold")
    assert "not defined: nobody adopted within the span" in named(NET, NEVER, "moran")
    assert "not defined: all adopted at the same time" in named(NET, AT_ONCE, "moran")
    assert "not defined: nobody who adopted after" in named(NET, AT_ONCE, "mean_threshold")
    right = SEEN.assign(correct=True)
    assert (
        "not defined: nobody was taught by mostly wrong"
        in wrong_knowledge_test(NET, right, n_draws=9, **SPAN).name
    )
    assert "not defined: nobody whose knowledge" in wrong_knowledge_test(EMPTY, right, n_draws=9, **SPAN).name
    few = opinion_leaders(NET, SEEN.assign(time=[1, 2] + [None] * 4), n_draws=9, rng=1, **SPAN).summary()
    assert "is not defined: 2 adopters, and three are needed" in few
