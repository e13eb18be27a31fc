"""Equivalence, posterior, quantile, bootstrap, fractional logit, composition, imputation, raking, heaping, pooling."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

import peernet.hypotheses as hyp
from peernet.errors import DataError, FitError, PeerNetWarning
from peernet.results import Estimate

mpl.use("Agg")
SOURCES = ["peers", "manager", "courses", "trial"]


def firm(
    n: int = 200, units: int = 5, response: float = 0.7, rng: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(rng)
    ids = pd.Index([f"p{k:03}" for k in range(n)], name="person")
    unit = draw.integers(0, units, n)
    parts = draw.dirichlet([5, 2, 2, 1], n) + np.array([0.03, 0, 0, 0]) * unit[:, None]
    parts = 100 * parts / parts.sum(axis=1, keepdims=True)
    people = pd.DataFrame(
        {
            "unit": [f"u{k}" for k in unit],
            "site": draw.choice(["n", "s"], n),
            "told": draw.random(n) < response,
        },
        index=ids,
    )
    return pd.DataFrame(parts, index=ids, columns=SOURCES), people


TRUE, PEOPLE = firm()
SAID = TRUE[PEOPLE["told"]]
SHARE = hyp.social_share(SAID, people=PEOPLE)
X = (SAID["peers"] + SAID["manager"]) / 100
BEFORE: dict[str, Any] = {"set_on": "2025-09-01", "answered_from": "2025-11-03"}


# equivalence


def test_tost_by_hand() -> None:
    est = Estimate(name="m", value=0.79, low=0.77, high=0.81, std_error=0.01, n=41)
    found = hyp.equivalence_test(est, 0.8, margin=0.05, **BEFORE)
    assert found.p_below == pytest.approx(stats.t.sf(4.0, 40))
    assert found.p_above == pytest.approx(stats.t.cdf(-6.0, 40))
    assert found.p_value == pytest.approx(stats.t.sf(4.0, 40))
    assert found.verdict == "supported"
    half = stats.t.ppf(0.95, 40) * 0.01
    assert (found.low, found.high) == pytest.approx((0.79 - half, 0.79 + half))


def test_tost_equals_statsmodels() -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    x = X.to_numpy()
    found = hyp.equivalence_test(hyp.design_mean(x), 0.7, margin=0.04, **BEFORE)
    assert found.p_value == pytest.approx(DescrStatsW(x).ttost_mean(0.66, 0.74)[0], rel=1e-9)


def test_verdicts_of_the_three_kinds() -> None:
    def verdict(value: float, kind: Any, margin: float = 0.03, n: int = 100) -> str:
        est = Estimate(name="m", value=value, low=0, high=1, std_error=0.01, n=n)
        return hyp.equivalence_test(est, 0.8, margin=margin, kind=kind, **BEFORE).verdict

    assert verdict(0.80, "equivalence") == "supported"
    assert verdict(0.78, "equivalence") == "inconclusive"
    assert verdict(0.60, "equivalence") == "contradicted"
    assert verdict(0.95, "at least") == "supported"
    assert verdict(0.60, "at least") == "contradicted"
    assert verdict(0.60, "at most") == "supported"
    assert verdict(0.80, "equivalence", n=12) == "not answered by these data"


def test_a_margin_chosen_after_the_data_is_caught_by_name() -> None:
    with pytest.raises(DataError, match="a margin chosen after the data: it was set on 2025-12-01"):
        hyp.equivalence_test(SHARE, 0.8, margin=0.05, set_on="2025-12-01", answered_from="2025-11-03")
    with pytest.raises(ValueError, match="set_on must be a date"):
        hyp.equivalence_test(SHARE, 0.8, margin=0.05, set_on="soon", answered_from="2025-11-03")
    with pytest.raises(ValueError, match="margin must be a number"):
        hyp.equivalence_test(SHARE, 0.8, margin=0, **BEFORE)
    with pytest.raises(ValueError, match="when did the first answer come in"):
        hyp.equivalence_test(SHARE, 0.8, margin=0.05, set_on="2025-09-01")
    found = hyp.equivalence_test(SHARE, 0.8, margin=0.05, **BEFORE)
    assert (found.margin, found.set_on) == (0.05, "2025-09-01")
    assert "margin set on 2025-09-01" in found.summary()


def test_the_data_themselves_say_when_the_first_answer_came() -> None:
    from peernet.datasets import load_meridian

    share = hyp.social_share(load_meridian())
    first = share.provenance["first_answer"]
    assert first == "2025-11-03"
    assert hyp.equivalence_test(share, margin=0.05, set_on="2025-09-15").set_on == "2025-09-15"
    with pytest.raises(DataError, match="a margin chosen after the data"):
        hyp.equivalence_test(share, margin=0.05, set_on=first)
    # a later first day, said to make the margin look early, is refused
    with pytest.raises(
        DataError, match=r"answered_from=2025-12-24 is later than the first answer in these data"
    ):
        hyp.equivalence_test(share, margin=0.05, set_on="2025-12-01", answered_from="2025-12-24")


def test_units_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"claim is a share between 0 and 1; got 80\. Write 0\.8 for 80 %"):
        hyp.equivalence_test(SHARE, 80, margin=0.05, **BEFORE)
    with pytest.raises(ValueError, match=r"margin is a share between 0 and 1; got 5"):
        hyp.equivalence_test(SHARE, 0.8, margin=5, **BEFORE)
    percents = hyp.design_mean(100 * X)
    with pytest.raises(ValueError, match="one looks like a share, the other like a percentage"):
        hyp.equivalence_test(percents, margin=5, **BEFORE)
    with pytest.raises(ValueError, match="larger than anything it is compared with"):
        hyp.equivalence_test(hyp.design_mean(X), 0.8, margin=5, **BEFORE)
    assert hyp.equivalence_test(percents, 80, margin=5, **BEFORE).claim == 80
    for wrong in (
        lambda: hyp.social_share(SAID, claim=80), lambda: hyp.share_posterior(SHARE, claim=80),
        lambda: hyp.share_posterior(SHARE, within=5), lambda: hyp.share_quantile(SHARE, claim=80),
        lambda: hyp.heaping(SAID, claim=80), lambda: hyp.share_sensitivity(SAID, claim=80),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="is a share between 0 and 1; got"):
            wrong()


def test_silent_people_count_in_every_verdict() -> None:
    # 140 of 200 answered: the interval decides, the worst cases do not
    row = SHARE.row()
    far = float(row["value"]) + 0.06
    assert row["bound_high"] > far > row["high"]
    share = hyp.social_share(SAID, people=PEOPLE, claim=far)
    belief = hyp.share_posterior(share, claim=far)
    near = hyp.equivalence_test(share, far, margin=0.01, **BEFORE)
    same = hyp.equivalence_test(share, float(row["value"]), margin=0.05, **BEFORE)
    assert share.verdict == belief.verdict == near.verdict == same.verdict == "inconclusive"
    assert (near.alike_verdict, same.alike_verdict) == ("contradicted", "supported")
    assert "supported if silent people are like those who answered" in same.summary()
    assert "whatever they would say, the mean is" in belief.summary()
    assert (near.bound_low, near.bound_high) == (row["bound_low"], row["bound_high"])
    # far beyond what silence could do all four decide
    low = hyp.social_share(SAID, people=PEOPLE, claim=0.1)
    assert low.verdict == "contradicted"
    assert hyp.share_posterior(low, claim=0.1).verdict == "contradicted"
    assert hyp.equivalence_test(low, 0.1, margin=0.02, **BEFORE).verdict == "contradicted"
    # without a roster nothing is known of silence, and the interval decides
    assert (
        hyp.equivalence_test(hyp.social_share(SAID), float(X.mean()), margin=0.05, **BEFORE).verdict
        == "supported"
    )


def test_support_survives_silence_that_is_small_enough() -> None:
    told = np.arange(200) > 1  # two of two hundred are silent
    share = hyp.social_share(TRUE[told], people=PEOPLE)
    found = hyp.equivalence_test(share, round(share.value, 2), margin=0.03, **BEFORE)
    assert found.verdict == found.alike_verdict == "supported"
    # the worst cases decide by hand: both within the margin
    row = share.row()
    assert round(share.value, 2) - 0.03 < row["outer_low"] <= row["outer_high"] < round(share.value, 2) + 0.03


# Bayes


@pytest.mark.parametrize(("t", "n"), [(2.0, 100), (0.3, 20), (-3.1, 12), (8.0, 50)])
def test_jzs_is_the_density_ratio_averaged_over_a_cauchy_prior(t: float, n: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        top = quad(
            lambda d: stats.nct.pdf(abs(t), n - 1, d * np.sqrt(n)) * stats.cauchy.pdf(d, 0, 2**-0.5),
            -30, 30, points=[0, abs(t) / np.sqrt(n)], limit=1000,
        )[0]  # fmt: skip
    assert hyp.jzs_bayes_factor(t, n) == pytest.approx(top / stats.t.pdf(t, n - 1), rel=1e-6)


def test_jzs_agrees_with_a_simulation_of_both_hypotheses() -> None:
    rng = np.random.default_rng(4)
    n, draws = 20, 400_000
    effect = rng.standard_cauchy(draws) * 2**-0.5

    def t_of(shift: np.ndarray) -> np.ndarray:
        z = rng.standard_normal(draws) + shift * np.sqrt(n)
        return z / np.sqrt(rng.chisquare(n - 1, draws) / (n - 1))

    near = [np.mean(np.abs(t - 1.5) < 0.1) for t in (t_of(effect), t_of(np.zeros(draws)))]
    assert hyp.jzs_bayes_factor(1.5, n) == pytest.approx(near[0] / near[1], rel=0.04)


def test_posterior_probabilities_are_calibrated() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(600)
    said, hit = [], []
    for mu in truth:
        x = np.clip(mu + 0.15 * rng.standard_normal(25), None, None)
        m, s = x.mean(), x.std(ddof=1) / 5
        base, top = stats.t.cdf(-m / s, 24), stats.t.cdf((1 - m) / s, 24)
        said.append((stats.t.cdf((0.85 - m) / s, 24) - stats.t.cdf((0.75 - m) / s, 24)) / (top - base))
        hit.append(abs(mu - 0.8) < 0.05)
    assert np.sum(said) == pytest.approx(
        np.sum(hit), abs=3 * np.sqrt(np.sum(np.array(said) * (1 - np.array(said))) + 1)
    )


def test_posterior_and_interval_bayes_factor() -> None:
    row = SHARE.row()
    found = hyp.share_posterior(SHARE, claim=0.7, within=0.05)
    z = stats.t(row["df"], row["value"], row["std_error"])
    inside = z.cdf(0.75) - z.cdf(0.65)
    assert found.p_within == pytest.approx(inside, rel=1e-9)
    assert found.bf_interval == pytest.approx(inside / (1 - inside) / (0.1 / 0.9), rel=1e-6)
    assert found.value == pytest.approx(row["value"], abs=1e-4)
    assert found.bf_point == pytest.approx(
        hyp.jzs_bayes_factor((row["value"] - 0.7) / row["std_error"], row["n"], df=row["df"])
    )
    far = hyp.share_posterior(SHARE, claim=0.2)
    assert "speak against it" in far.summary()


# quantile


def test_quantile_without_a_roster_is_the_order_statistic() -> None:
    found = hyp.share_quantile(hyp.social_share(SAID), q=0.9)
    assert found.value == pytest.approx(np.quantile(X, 0.9, method="inverted_cdf"))
    assert found.low <= found.value <= found.high
    assert np.isnan(found.bound_low)
    with pytest.raises(DataError, match=r"cannot show the 0.999 quantile"):
        hyp.share_quantile(SHARE, q=0.999)


def test_woodruff_by_hand() -> None:
    n_h = PEOPLE["unit"][PEOPLE["told"]].value_counts()
    size = PEOPLE["unit"].value_counts()
    unit = PEOPLE["unit"][PEOPLE["told"]]
    weight = unit.map(size / n_h).to_numpy()
    x = X.to_numpy()
    order = np.argsort(x)
    mass = np.cumsum(weight[order]) / weight.sum()
    value = x[order][np.searchsorted(mass, 0.75)]
    y = pd.Series((x <= value).astype(float), index=unit.index)
    p = np.average(y, weights=weight)
    variance = sum(
        (size[u] / 200) ** 2 * (1 - n_h[u] / size[u]) * y[unit == u].var() / n_h[u] for u in size.index
    )
    t, k = stats.t.ppf(0.975, len(x) - len(size)), p * (1 - p) / variance
    half = t * np.sqrt(p * (1 - p) / k + t**2 / (4 * k**2)) / (1 + t**2 / k)
    low, high = (x[order][np.searchsorted(mass, q)] for q in (0.75 - half, 0.75 + half))
    found = hyp.share_quantile(SHARE, q=0.75)
    np.testing.assert_allclose([found.value, found.low, found.high], [value, low, high])


def test_quantile_bounds_are_those_of_the_filled_roster() -> None:
    for q in (0.2, 0.5, 0.75, 0.9):
        found = hyp.share_quantile(SHARE, q=q)
        silent = np.zeros(len(PEOPLE) - len(X))
        for fill, bound in ((0.0, found.bound_low), (1.0, found.bound_high)):
            whole = np.r_[X.to_numpy(), silent + fill]
            assert bound == pytest.approx(np.quantile(whole, q, method="inverted_cdf")), (q, fill)
    assert found.bound_high == 1.0
    assert found.low > 0.8 < found.bound_low  # people exceed 80 %, whatever the silent would say
    assert found.verdict == "contradicted"
    assert "whatever silent people would say" in found.summary()
    # nobody comes near 95 %, if silent people are alike; but they could all be at 100 %
    assert hyp.share_quantile(SHARE, q=0.9, claim=0.95).verdict == "inconclusive"
    assert hyp.share_quantile(hyp.social_share(SAID), q=0.9, claim=0.95).verdict == "contradicted"


def test_quantile_interval_covers() -> None:
    rng = np.random.default_rng(6)
    wide = (TRUE["peers"] + TRUE["manager"]) / 100
    truth = np.quantile(wide, 0.8, method="inverted_cdf")
    hits = 0
    for _ in range(200):
        told = rng.random(len(TRUE)) < 0.6
        found = hyp.share_quantile(hyp.social_share(TRUE[told], people=PEOPLE), q=0.8)
        hits += found.low - 1e-12 <= truth <= found.high + 1e-12
    assert hits >= stats.binom.ppf(0.0005, 200, 0.95)


# bootstrap


def test_rao_wu_has_the_variance_of_the_design() -> None:
    sizes = PEOPLE["unit"].value_counts().to_dict()
    design = hyp.design_mean(X, strata=PEOPLE["unit"], population=sizes)
    boot = hyp.bootstrap_mean(X, strata=PEOPLE["unit"], population=sizes, kind="rao-wu", n_draws=6000, rng=1)
    assert boot.std_error == pytest.approx(design.std_error, rel=0.04)
    assert boot.value == pytest.approx(design.value)
    people = hyp.bootstrap_mean(X, strata=PEOPLE["unit"], kind="people", n_draws=4000, rng=1)
    assert people.std_error > 1.5 * boot.std_error  # it does not know that most of the firm answered


def test_cluster_bootstrap_and_its_bias() -> None:
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(6), 10)
    x = rng.normal(0, 1, 6)[cluster] + rng.normal(0, 0.3, 60)
    design = hyp.design_mean(x, clusters=cluster)
    with pytest.warns(PeerNetWarning, match="bootstrap_mean: 6 clusters are fewer than 20"):
        wu = hyp.bootstrap_mean(x, clusters=cluster, kind="rao-wu", n_draws=6000, rng=3)
    with pytest.warns(PeerNetWarning, match="6 clusters"):
        plain = hyp.bootstrap_mean(x, clusters=cluster, kind="clusters", n_draws=6000, rng=3)
    assert "few units stand for all others" in plain.assumptions[-1]
    # drawing n - 1 of n rescaled by sqrt(1): the usual variance; drawing n of n: (n - 1) / n of it
    assert wu.std_error == pytest.approx(design.std_error, rel=0.04)
    assert plain.std_error == pytest.approx(design.std_error * np.sqrt(5 / 6), rel=0.04)


def test_bca_equals_scipy() -> None:
    rng = np.random.default_rng(7)
    x = rng.exponential(size=40)
    mine = hyp.bootstrap_mean(x, n_draws=20_000, rng=1)
    theirs = stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1))
    low, high = theirs.confidence_interval
    assert (mine.low, mine.high) == pytest.approx((low, high), abs=0.015)
    plain = hyp.bootstrap_mean(x, n_draws=20_000, rng=1, interval="percentile")
    assert mine.high > plain.high  # skewed to the right


def test_bootstrap_does_not_depend_on_workers_and_refuses_wrong_kinds() -> None:
    one, two = (hyp.bootstrap_mean(X, n_draws=700, rng=5, n_jobs=k) for k in (1, 2))
    assert (one.low, one.high) == (two.low, two.high)
    with pytest.raises(DataError, match="people are resampled"):
        hyp.bootstrap_mean(X, clusters=PEOPLE["unit"])
    with pytest.raises(DataError, match="needs clusters="):
        hyp.bootstrap_mean(X, kind="clusters")
    with pytest.raises(DataError, match="too few to resample"):
        hyp.bootstrap_mean([0.5])


# fractional logit


def test_fractional_logit_equals_statsmodels() -> None:
    import statsmodels.api as sm

    frame = pd.DataFrame(
        {"unit": PEOPLE["unit"], "hours": np.linspace(0, 9, len(PEOPLE))}, index=PEOPLE.index
    ).loc[X.index]
    z = np.column_stack(
        [np.ones(len(X)), *[(frame["unit"] == f"u{k}").astype(float) for k in range(1, 5)], frame["hours"]]
    )
    for clusters, options in (
        (None, {"cov_type": "HC0"}),
        (
            PEOPLE["site"] + PEOPLE["unit"],
            {"cov_type": "cluster", "cov_kwds": {
                "groups": pd.factorize((PEOPLE["site"] + PEOPLE["unit"])[X.index])[0], "use_correction": False}},
        ),
    ):  # fmt: skip
        fit = sm.GLM(X.to_numpy(), z, family=sm.families.Binomial()).fit(tol=1e-12, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PeerNetWarning)  # ten clusters
            mine = hyp.fit_fractional_logit(X, frame, clusters=clusters)
        np.testing.assert_allclose(mine.params["estimate"], fit.params, rtol=1e-7)
        factor = 1.0 if clusters is None else np.sqrt(10 / 9)
        np.testing.assert_allclose(mine.params["std_error"], factor * np.asarray(fit.bse), rtol=1e-6)
    margins = fit.get_margeff(dummy=True).margeff
    np.testing.assert_allclose(mine.params["effect"].iloc[1:], margins, rtol=1e-6)


def test_fractional_logit_without_covariates_is_the_mean() -> None:
    x = np.array([0.0, 1.0, 0.5, 0.8, 0.7] * 4)
    fit = hyp.fit_fractional_logit(x)
    assert fit.params["effect"].item() == pytest.approx(x.mean())
    assert fit.params["effect_std_error"].item() == pytest.approx(x.std() / np.sqrt(20))
    with pytest.raises(DataError, match="Divide percentages by 100"):
        hyp.fit_fractional_logit([60, 70])
    with pytest.raises(FitError, match="no finite estimate"):
        hyp.fit_fractional_logit([1.0] * 9 + [0.4, 0.6, 0.5] * 5, pd.Series(["a"] * 9 + ["b"] * 15))
    with pytest.raises(FitError, match="repeat each other"):
        hyp.fit_fractional_logit(x, pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)}))


def test_few_answers_and_few_of_a_kind_are_named_by_the_fractional_logit() -> None:
    rng = np.random.default_rng(1)
    with pytest.warns(PeerNetWarning, match="fit_fractional_logit: 12 answers are fewer than 20"):
        fit = hyp.fit_fractional_logit(rng.random(12))
    assert "12 answers: errors are too small" in fit.notes
    with pytest.warns(PeerNetWarning, match="8 clusters are fewer than 20"):
        hyp.fit_fractional_logit(rng.random(80), clusters=np.arange(80) % 8)
    group = pd.Series(["a"] * 57 + ["b"] * 3, name="unit")
    with pytest.warns(PeerNetWarning, match=r"unit: b \(against a\): 3 people on one side"):
        fit = hyp.fit_fractional_logit(rng.random(60), group)
    assert any("3 people on one side" in note for note in fit.notes)
    with pytest.raises(DataError, match="all answers are of one cluster"):
        hyp.fit_fractional_logit(rng.random(30), clusters=["a"] * 30)


# composition


def test_hotelling_by_hand_and_whichever_part_is_left_out() -> None:
    against = {"peers": 0.5, "manager": 0.2, "courses": 0.25, "trial": 0.05}
    found = hyp.composition_test(SAID, against)
    x = (SAID / 100).to_numpy()
    for keep in ([0, 1, 2], [1, 2, 3]):
        d = x.mean(axis=0)[keep] - np.array([0.5, 0.2, 0.25, 0.05])[keep]
        t2 = len(x) * d @ np.linalg.inv(np.cov(x[:, keep], rowvar=False)) @ d
        assert found.t2 == pytest.approx(t2, rel=1e-9)
    f = found.t2 * (len(x) - 3) / (3 * (len(x) - 1))
    assert found.p_value == pytest.approx(stats.f.sf(f, 3, len(x) - 3), rel=1e-9)
    assert found.verdict == "contradicted"
    assert "claimed is 50-20-25-5" in found.summary()


def test_composition_test_has_its_size() -> None:
    rng = np.random.default_rng(8)
    rejected = 0
    for _ in range(1000):
        x = pd.DataFrame(100 * rng.dirichlet([7, 2, 1], 60), columns=["work", "others", "courses"])
        rejected += hyp.composition_test(x, {"work": 0.7, "others": 0.2, "courses": 0.1}).p_value < 0.05
    low, high = stats.binom.interval(0.999, 1000, 0.05)
    assert low <= rejected <= high + 15  # answers are skewed; F is exact for normal ones


def test_composition_takes_silent_people_at_their_worst() -> None:
    against = {"peers": 0.5, "manager": 0.2, "courses": 0.25, "trial": 0.05}
    mean, n = (SAID / 100).mean(), len(SAID)
    claimed = pd.Series(against)
    for asked in (n, n + 2, n + 40, 4 * n):
        found = hyp.composition_test(SAID, against, asked=asked)
        # by brute force: is the claim a mix of what was said and of some division by the others?
        needed = (asked * claimed - n * mean[claimed.index]) / (asked - n) if asked > n else pd.Series([-1.0])
        could = bool((needed >= 0).all())
        assert found.alike_verdict == "contradicted"
        assert found.verdict == ("inconclusive" if could else "contradicted")
    assert found.verdict == "inconclusive"
    assert "their answers could bring the mean there" in found.summary()
    assert "whatever silent people would say" in hyp.composition_test(SAID, against, asked=n).summary()
    with pytest.raises(ValueError, match="fewer than the"):
        hyp.composition_test(SAID, against, asked=n - 1)
    with pytest.warns(PeerNetWarning, match="composition_test: 12 answers are fewer than 20"):
        few = hyp.composition_test(SAID.iloc[:12], against)
    assert few.verdict == "not answered by these data"


def test_composition_refusals() -> None:
    with pytest.raises(DataError, match=r"sum to 0\.9, not to 1"):
        hyp.composition_test(SAID, {"peers": 0.7, "others": 0.2})
    with pytest.raises(DataError, match=r"every source belongs to one part\. In no part: 'trial'"):
        hyp.composition_test(SAID, {"a": 0.7, "b": 0.3}, parts={"a": ["peers", "manager"], "b": ["courses"]})
    parts = {"social": ["peers", "manager"], "rest": ["courses", "trial"]}
    two = hyp.composition_test(SAID, {"social": 80, "rest": 20}, parts=parts)
    assert two.p_value == pytest.approx(stats.ttest_1samp(X, 0.8).pvalue, rel=1e-9)


# imputation


def test_rubins_rules_by_hand() -> None:
    q, u = np.array([0.60, 0.62, 0.64]), np.array([0.0004, 0.0005, 0.0003])
    w, b = u.mean(), q.var(ddof=1)
    total = w + (4 / 3) * b
    found = hyp.pool_imputations(q, u)
    assert found.std_error == pytest.approx(np.sqrt(total))
    assert found.df == pytest.approx(2 * (1 + w / ((4 / 3) * b)) ** 2)
    small = hyp.pool_imputations(q, u, df_complete=50)
    old, gamma = found.df, (4 / 3) * b / total
    seen = 51 / 53 * 50 * (1 - gamma)
    assert small.df == pytest.approx(1 / (1 / old + 1 / seen))
    with pytest.raises(DataError, match="two or more imputations"):
        hyp.pool_imputations([0.6], [0.1])


def test_imputation_agrees_with_the_design_and_covers() -> None:
    found = hyp.impute_share(SHARE, n_draws=400, rng=1)
    assert found.value == pytest.approx(SHARE.value, abs=0.002)
    assert found.std_error == pytest.approx(SHARE.std_error, rel=0.12)
    truth = (TRUE["peers"] + TRUE["manager"]).mean() / 100
    rng, hits = np.random.default_rng(9), 0
    for k in range(200):
        told = rng.random(len(TRUE)) < 0.6
        one = hyp.impute_share(hyp.social_share(TRUE[told], people=PEOPLE), n_draws=60, rng=k)
        hits += one.low <= truth <= one.high
    low, high = stats.binom.interval(0.999, 200, 0.95)
    assert low - 2 <= hits <= high


def test_the_dial_moves_the_mean_inside_the_bounds() -> None:
    means = [hyp.impute_share(SHARE, shift=s, n_draws=50, rng=2).value for s in (-1.0, -0.2, 0.0, 0.2, 1.0)]
    assert means == sorted(means)
    row = SHARE.row()
    assert means[0] == pytest.approx(row["bound_low"])
    assert means[-1] == pytest.approx(row["bound_high"])
    with pytest.raises(DataError, match="without a roster"):
        hyp.impute_share(hyp.social_share(SAID))


# raking


def test_raking_meets_every_margin_and_equals_r() -> None:
    i = np.arange(60)
    x, u, s = (
        ((i * 37) % 101) / 100,
        np.array(list("abc"))[(i * 7) % 3],
        np.array(["n", "m"])[(i * 11) % 13 % 2],
    )
    rest_u = np.repeat(list("abc"), np.array([40, 50, 60]) - [(u == c).sum() for c in "abc"])
    rest_s = np.repeat(["m", "n"], np.array([65, 85]) - [(s == c).sum() for c in "mn"])
    people = pd.DataFrame({"u": np.r_[u, rest_u], "s": np.r_[s, rest_s]}, index=[f"p{k}" for k in range(150)])
    values = pd.Series(x, index=people.index[:60])
    weight = hyp.rake(people, values.index, ["u", "s"])
    for name in ("u", "s"):
        counts = people[name].value_counts()
        np.testing.assert_allclose(weight.groupby(people[name]).sum()[counts.index], counts, rtol=1e-9)
    # survey 4.1.1: rake(svydesign(~1, weights=2.5, fpc=150), list(~u, ~s), ...)
    np.testing.assert_allclose(weight.iloc[:4], [2.26666666667, 2.16666666667, 2.6, 1.73333333333], rtol=1e-9)
    found = hyp.raked_mean(values, people, ["u", "s"])
    assert found.value == pytest.approx(0.492915555556, rel=1e-11)
    # R regresses on one margin after the other; here on all together, so a little less is left
    # and the degrees of freedom that the margins took (four of sixty) are given back
    assert found.std_error * np.sqrt(56 / 59) == pytest.approx(0.0302311961212, rel=0.003)


def test_raking_repairs_uneven_response_and_refuses_empty_categories() -> None:
    rng = np.random.default_rng(10)
    wide = (TRUE["peers"] + TRUE["manager"]) / 100
    shifted = wide + 0.2 * (PEOPLE["site"] == "n")
    hits, plain, draws = 0, 0, 150
    for _ in range(draws):
        told = rng.random(len(TRUE)) < np.where(PEOPLE["site"] == "n", 0.8, 0.3)
        found = hyp.raked_mean(shifted[told], PEOPLE, ["site", "unit"])
        naive = hyp.design_mean(shifted[told], population=len(PEOPLE))
        hits += found.low <= shifted.mean() <= found.high
        plain += naive.low <= shifted.mean() <= naive.high
    assert hits >= stats.binom.ppf(0.0005, draws, 0.95) - 2
    assert plain < 0.3 * draws
    with pytest.raises(DataError, match="nobody answered in unit 'u0'"):
        hyp.rake(PEOPLE, PEOPLE["unit"] != "u0", ["unit"])
    with pytest.raises(ValueError, match="margins must be a list"):
        hyp.rake(PEOPLE, PEOPLE["told"], "unit")


# heaping


def test_rounding_is_recovered_and_the_range_holds_the_truth() -> None:
    rng = np.random.default_rng(11)
    cells = rng.integers(1, 40, (4000, 2)).astype(float)
    step = rng.choice([10.0, 5.0, 1.0], 4000, p=[0.5, 0.3, 0.2])[:, None]
    peers, manager = (np.round(cells / step) * step).T
    said = pd.DataFrame({"peers": peers, "manager": manager, "courses": 100 - peers - manager})
    found = hyp.heaping(said)
    assert (found.tens, found.fives, found.ones) == pytest.approx((0.5, 0.3, 0.2), abs=0.05)
    truth = cells.sum(axis=1) / 100
    assert found.mean_low <= truth.mean() <= found.mean_high
    hand = hyp.heaping(
        pd.DataFrame({"peers": [80.0, 40, 73], "manager": [0.0, 40, 7], "courses": [20.0, 20, 20]})
    )
    assert (hand.at_claim, hand.at_least, hand.at_least_low, hand.at_least_high) == (1.0, 1.0, 0.0, 1.0)
    assert hand.mean_low == pytest.approx((75 + 75 + 79.5) / 300)
    assert hand.at_least_even == pytest.approx(0.5)


def test_rounding_is_seen_through_sums_that_a_reader_closed() -> None:
    raw = pd.DataFrame(
        {"peers": [40.0, 55, 33, 61.37], "manager": [20.0, 20, 34, 10], "courses": [30.0, 30, 30, 28.63]}
    )
    closed = raw.div(raw.sum(axis=1), axis=0) * 100
    from peernet.hypotheses._composition import rounding_grid

    grid, total = rounding_grid(closed.to_numpy() / 100)
    assert grid.tolist() == [10, 5, 1, 0]
    assert total.tolist() == [90, 105, 97, 100]
    found = hyp.heaping(closed.iloc[:1])
    assert found.mean_low == pytest.approx((60 - 5) / 90)


def test_the_rounding_band_of_the_share_holds_the_truth() -> None:
    rng = np.random.default_rng(31)
    ids = pd.Index([f"p{k}" for k in range(400)])
    true = rng.dirichlet([8, 2, 2], 400)
    step = np.where(rng.random(400) < 0.7, 10.0, 5.0)[:, None]
    said = pd.DataFrame(
        np.round(100 * true / step) * step, index=ids, columns=["peers", "manager", "courses"]
    )
    people = pd.DataFrame({"unit": "u"}, index=ids)
    found = hyp.social_share(said, people=people, tolerance=20)
    wide = true[:, :2].sum(axis=1)
    mean, above = found.row(), found.row("at least claim")
    assert mean["rounding_low"] <= wide.mean() <= mean["rounding_high"]
    assert above["rounding_low"] <= (wide >= 0.8).mean() <= above["rounding_high"]
    assert abs(above["rounding_even"] - (wide >= 0.8).mean()) < abs(above["value"] - (wide >= 0.8).mean())
    assert (
        above["all_low"]
        <= above["rounding_low"]
        <= above["value"]
        <= above["rounding_high"]
        <= above["all_high"]
    )
    assert "if they rounded up as often as down" in found.summary()
    whole = hyp.heaping(said, tolerance=20)
    assert whole.at_least_low == pytest.approx(above["rounding_low"])
    assert whole.at_least_even == pytest.approx(above["rounding_even"])
    exact = hyp.social_share(
        pd.DataFrame(true, index=ids, columns=said.columns), people=people, total=1, tolerance=0.1
    )
    assert exact.row()["rounding_low"] == exact.row()["rounding_high"] == exact.value
    assert "rounded" not in exact.summary()


# pooling


def test_paule_mandel_and_hartung_knapp_equal_statsmodels() -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    y, v = np.array([0.5, 0.62, 0.7, 0.55, 0.8]), np.array([0.001, 0.002, 0.0008, 0.003, 0.0015])
    estimates = [
        Estimate(name="share", value=a, low=0, high=1, std_error=np.sqrt(b), n=100)
        for a, b in zip(y, v, strict=True)
    ]
    found = hyp.pool_organisations(estimates)
    theirs = combine_effects(y, v, method_re="iterated", use_t=True, atol=1e-14, maxiter=500)
    assert found.spread**2 == pytest.approx(theirs.tau2, rel=1e-6)
    assert found.value == pytest.approx(theirs.mean_effect_re, rel=1e-8)
    assert found.std_error == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-6)
    assert found.next_low < found.low


def test_pooled_percentages_keep_their_prediction_interval() -> None:
    y, error = np.array([50.0, 62, 70, 58]), np.array([2.0, 3, 5, 2])
    points, shares = (
        hyp.pool_organisations(
            [
                Estimate(name="share", value=a / k, low=0, high=1, std_error=b / k, n=50)
                for a, b in zip(y, error, strict=True)
            ]
        )
        for k in (1, 100)
    )
    assert points.next_high == pytest.approx(100 * shares.next_high)
    assert points.next_low == pytest.approx(100 * shares.next_low)


def test_partial_pooling_is_the_posterior_over_mean_and_spread() -> None:
    """Twin on a grid of both parameters, without the closed form over the mean."""
    y, error = np.array([0.5, 0.62, 0.7, 0.58, 0.66]), np.array([0.02, 0.03, 0.05, 0.02, 0.04])
    found = hyp.pool_organisations(
        [
            Estimate(name="share", value=a, low=0, high=1, std_error=b, n=50)
            for a, b in zip(y, error, strict=True)
        ]
    )
    mu = np.linspace(0.2, 1, 801)
    tau = np.linspace(0, 5 * y.std(ddof=1) + 3 * error.max(), 401)[:, None]
    log = sum(stats.norm.logpdf(a, mu, np.hypot(b, tau)) for a, b in zip(y, error, strict=True))
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    for k in range(5):
        own = tau**2 / (tau**2 + error[k] ** 2)
        centre, variance = own * y[k] + (1 - own) * mu, own * error[k] ** 2
        mean = (chance * centre).sum()
        spread = np.sqrt((chance * (variance + centre**2)).sum() - mean**2)
        row = found.groups.iloc[k]
        assert row["pooled"] == pytest.approx(mean, abs=2e-4)
        assert row["high"] - row["pooled"] == pytest.approx(1.959964 * spread, rel=5e-3)


def test_pooling_refuses_two_quantities_and_missing_errors() -> None:
    def one(name: str, error: float = 0.1) -> Estimate:
        return Estimate(name=name, value=0.5, low=0, high=1, std_error=error, n=50)

    with pytest.raises(DataError, match="two quantities compared"):
        hyp.pool_organisations([one("strict"), one("wide"), one("wide")])
    with pytest.raises(DataError, match="no standard error"):
        hyp.pool_organisations([one("a"), one("a"), one("a", float("nan"))])
    with pytest.raises(DataError, match="three or more"):
        hyp.pool_organisations([one("a"), one("a")])


def test_partial_pooling_beats_the_units_alone() -> None:
    rng = np.random.default_rng(12)
    alone, pooled, hits, shown = 0.0, 0.0, 0, 0
    for k in range(40):
        n, units = 160, 10
        unit = np.sort(rng.integers(0, units, n))
        mean = rng.normal(0.6, 0.05, units)[unit]
        x = np.clip(mean + rng.normal(0, 0.18, n), 0, 1)
        people = pd.DataFrame({"unit": unit.astype(str)}, index=[f"p{j}" for j in range(n)])
        told = rng.random(n) < 0.5
        said = pd.DataFrame({"peers": x, "courses": 1 - x}, index=people.index)[told]
        found = hyp.unit_shares(hyp.social_share(said, people=people, total=1, tolerance=0.1), min_group=1)
        truth = pd.Series(x).groupby(unit.astype(str)).mean()
        table = found.groups.set_index("group").drop(index="(small units)", errors="ignore")
        truth = truth[table.index]
        alone += float(((table["value"] - truth) ** 2).sum())
        pooled += float(((table["pooled"] - truth) ** 2).sum())
        hits += int(((table["low"] <= truth) & (truth <= table["high"])).sum())
        shown += len(table)
        del k
    assert pooled < 0.9 * alone
    assert hits > 0.9 * shown


# sensitivity


def test_every_defensible_choice_is_tried() -> None:
    found = hyp.share_sensitivity(SAID, people=PEOPLE)
    assert len(found.table) == 2 * 3
    row = found.table.set_index(["counted", "sums"]).loc[("peers + manager", "odd sums closed")]
    assert row["value"] == pytest.approx(SHARE.value)
    assert "lies inside the interval of" in found.summary()


@pytest.fixture
def pictures() -> Iterator[Any]:
    from matplotlib import pyplot as plt

    yield plt
    plt.close("all")


def test_pictures_draw_what_they_say(pictures: Any) -> None:
    said = np.round(SAID / 10) * 10
    for thing in (
        hyp.heaping(said, tolerance=30), hyp.unit_shares(SHARE), hyp.share_sensitivity(SAID, people=PEOPLE),
        hyp.composition_test(SAID, {"peers": 0.7, "manager": 0.2, "courses": 0.05, "trial": 0.05}),
        hyp.share_quantile(SHARE), hyp.share_posterior(SHARE),
    ):  # fmt: skip
        ax = thing.plot()
        assert ax.get_xlabel()
        assert len(thing.to_frame())


def test_few_answers_are_named_everywhere() -> None:
    with pytest.warns(PeerNetWarning, match="fewer than 20"):
        few = hyp.social_share(SAID.iloc[:12])
    assert hyp.equivalence_test(few, 0.8, margin=0.1, **BEFORE).verdict == "not answered by these data"
    with pytest.warns(PeerNetWarning, match="share_posterior: 12 answers are fewer than 20"):
        belief = hyp.share_posterior(few)
    assert belief.verdict == "not answered by these data"
    assert "nothing is decided" in belief.summary()
    with pytest.warns(PeerNetWarning, match="bootstrap_mean: 12 answers are fewer than 20"):
        hyp.bootstrap_mean(X.iloc[:12], n_draws=100, rng=1)
    with pytest.warns(PeerNetWarning, match="design_ratio: 12 answers are fewer than 20"):
        hyp.design_ratio(X.iloc[:12], X.iloc[:12] + 1)
    with pytest.warns(PeerNetWarning, match="raked_mean: 12 answers are fewer than 20"):
        hyp.raked_mean(X.iloc[:12], PEOPLE, ["site"])
    with pytest.raises(DataError, match="what social_share returns"):
        hyp.share_posterior(hyp.design_mean([0.1, 0.2]))  # type: ignore[arg-type]
