"""Wrong use of the share methods: refused or reported by name; silence and rounding together; pictures with a claim."""

from __future__ import annotations

import warnings
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import peernet.hypotheses as hyp
from peernet.claims import trace_curve
from peernet.errors import DataError, PeerNetWarning
from peernet.results import Estimate

mpl.use("Agg")
IDS = [f"p{k:03}" for k in range(200)]
# 172 people at 50, 20 at 70, eight silent.
X = np.r_[np.full(172, 50.0), np.full(20, 70.0)]
SAID = pd.DataFrame({"peers": X, "courses": 100 - X}, index=IDS[:192])
ROSTER = pd.DataFrame(index=pd.Index(IDS, name="person"))


def share(**options: Any) -> Any:
    return hyp.social_share(SAID, people=ROSTER, unit=None, **options)


def test_a_quantile_is_contradicted_only_if_silence_rounding_and_sampling_together_cannot_reach_the_claim() -> (
    None
):
    found = hyp.share_quantile(share(claim=0.72), q=0.87)
    assert found.bound_high == 0.7  # silence alone
    assert found.rounding_high == pytest.approx(0.55)
    assert found.all_high == pytest.approx(0.75)
    assert found.verdict == "inconclusive"
    # By hand: the silent at 1 and everybody at the most before rounding, somewhat above the quantile.
    filled = np.sort(np.r_[share().rounding["wide", "most"], np.ones(8)])
    assert filled[int(np.ceil(0.87 * 200)) - 1] == pytest.approx(found.all_high)
    assert found.all_low <= min(found.low, found.bound_low, found.rounding_low)
    assert found.all_high >= max(found.high, found.bound_high, found.rounding_high)
    assert hyp.share_quantile(share(claim=0.95), q=0.87).verdict == "contradicted"
    assert "with rounding and sampling at their worst as well" in found.summary()


def test_a_reading_that_counts_every_source_is_refused() -> None:
    with pytest.raises(DataError, match=r"'wide' counts every source of this survey .* 100 % by construction"):
        hyp.social_share(SAID.rename(columns={"courses": "manager"}))
    with pytest.raises(DataError, match="shares must be a table, people x sources"):
        hyp.social_share(SAID["peers"])


def test_two_quantities_are_not_compared() -> None:
    curve = trace_curve(pd.Series([3, 5] * 15), pd.Series([1, 2] * 15))
    dates = {"set_on": "2025-01-01", "answered_from": "2025-02-01"}
    with pytest.raises(ValueError, match="two quantities compared: TraceCurve is no mean of answers"):
        hyp.equivalence_test(curve, 0.8, margin=0.05, **dates)  # type: ignore[arg-type]
    plain = Estimate(name="mean", value=0.7, low=0.6, high=0.8, std_error=0.05, n=50)
    assert hyp.equivalence_test(plain, 0.8, margin=0.05, **dates).df == 49
    firms = [Estimate(name="mean", value=v, low=0, high=1, std_error=0.05, n=50) for v in (0.6, 0.7, 0.8)]
    pooled = hyp.pool_organisations(firms)
    # Three firms are three units, however many people answered in them.
    assert hyp.equivalence_test(pooled, 0.8, margin=0.05, **dates).df == 2
    with pytest.raises(DataError, match="numbers 1 and 3 are the same estimate"):
        hyp.pool_organisations([firms[0], firms[1], firms[0]])


def test_margins_that_call_everything_the_same_are_said_to() -> None:
    dates: dict[str, Any] = {"set_on": "2025-01-01", "answered_from": "2025-02-01"}
    with pytest.warns(
        PeerNetWarning, match="margin=0.5 calls everything from 30 % to 100 % the same as 80 %"
    ):
        hyp.equivalence_test(share(), 0.8, margin=0.5, **dates)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hyp.equivalence_test(share(), 0.8, margin=0.05, **dates)
    with pytest.raises(ValueError, match="set_on is missing"):
        hyp.equivalence_test(share(), 0.8, margin=0.05, set_on=pd.NaT, answered_from="2025-02-01")


def test_a_composition_of_everybody_leaves_nothing_to_test() -> None:
    rng = np.random.default_rng(1)
    said = pd.DataFrame(100 * rng.dirichlet([7, 2, 1], 40), columns=["w", "o", "c"])
    claimed = {"w": 0.7, "o": 0.2, "c": 0.1}
    small = hyp.composition_test(said, claimed)
    assert any("no finite population correction" in a for a in small.assumptions)
    half = hyp.composition_test(said, claimed, population=80)
    assert half.t2 == pytest.approx(2 * small.t2)
    np.testing.assert_allclose(
        half.parts["high"] - half.parts["value"], (small.parts["high"] - small.parts["value"]) / np.sqrt(2)
    )
    census = hyp.composition_test(said, claimed, population=40, asked=40)
    assert np.isnan(census.p_value)
    assert census.verdict == "contradicted"
    mean = said.mean() / 100
    assert hyp.composition_test(said, mean.to_dict(), population=40).verdict == "supported"
    with pytest.raises(ValueError, match="fewer than the 40 people"):
        hyp.composition_test(said, claimed, population=30)


def test_the_finite_population_correction_of_a_composition_has_its_size() -> None:
    rng = np.random.default_rng(2)
    everybody = pd.DataFrame(100 * rng.dirichlet([7, 2, 1], 120), columns=["w", "o", "c"])
    truth = (everybody.mean() / 100).to_dict()
    draws = 300
    p = [
        hyp.composition_test(everybody.sample(80, random_state=k), truth, population=120).p_value
        for k in range(draws)
    ]
    assert 4 <= sum(x < 0.05 for x in p) <= 28  # 15 expected


@pytest.mark.parametrize("kind", ["equivalence", "posterior", "quantile", "imputed"])
def test_every_picture_shows_the_claim_and_what_silence_leaves_open(kind: str) -> None:
    from matplotlib import pyplot as plt

    result: Any = {
        "equivalence": lambda: hyp.equivalence_test(
            share(), 0.8, margin=0.05, set_on="2025-01-01", answered_from="2025-02-01"
        ),
        "posterior": lambda: hyp.share_posterior(share()),
        "quantile": lambda: hyp.share_quantile(share(), q=0.87),
        "imputed": lambda: hyp.impute_share(share(), rng=1),
    }[kind]()
    ax = result.plot()
    assert any("claim 80 %" in t.get_text() for t in ax.texts)
    assert ax.get_xlim() == (0, 100)
    bars = [p for p in ax.patches if p.get_alpha() == 0.18]
    assert bars[0].get_x() == pytest.approx(100 * result.bound_low)
    assert bars[0].get_width() == pytest.approx(100 * (result.bound_high - result.bound_low))
    margins = [p for p in ax.patches if p.get_alpha() == 0.12]
    assert len(margins) == (kind in ("equivalence", "posterior"))
    plt.close(ax.figure)
