"""Design-based means and ratios: R's survey package, full enumeration of small designs, closed forms, refusals."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet.errors import DataError
from peernet.hypotheses import design_mean, design_ratio

I = np.arange(30)  # noqa: E741
X, H = (I * 37) % 101, 1 + (I * 13) % 7
STRATUM, WEIGHT = np.array(list("abc"))[I // 10], 1 + (I * 7) % 5
CLUSTER = np.array([f"{a}{b}" for a, b in zip(STRATUM, I // 2, strict=True)])
PEOPLE, CLUSTERS, INSIDE = {"a": 40, "b": 15, "c": 100}, {"a": 12, "b": 6, "c": 20}, 3 + (I // 2) % 4
FULL: dict[str, Any] = {"strata": STRATUM, "population": PEOPLE}
WEIGHTED: dict[str, Any] = {"strata": STRATUM, "clusters": CLUSTER, "weights": WEIGHT}
TWO: dict[str, Any] = {"strata": STRATUM, "clusters": CLUSTER, "population": (CLUSTERS, INSIDE)}

# R 4.2.2, survey 4.1.1, i <- 0:29; x=(i*37)%%101, h=1+(i*13)%%7, s=c("a","b","c")[1+i%/%10], w=1+(i*7)%%5,
# c=paste0(s, i%/%2), N=c(40,15,100)[s], Nc=c(12,6,20)[s], M=3+(i%/%2)%%4:
# coef, SE, degf of svymean(~x, d); confint(..., df=degf(d)).
R_MEAN = {
    # svydesign(~1, strata=~s, fpc=~N)
    "strata, fpc": (FULL, 47.6612903225806, 5.8881342435382, 27, 35.5798367965564, 59.7427438486049),
    # svydesign(~1, weights=~w)
    "weights": ({"weights": WEIGHT}, 49.4444444444444, 5.9429632160667, 29, 37.2897199128405, 61.5991689760484),
    # svydesign(~1, strata=~s, weights=~w)
    "strata, weights": (
        {"strata": STRATUM, "weights": WEIGHT},
        49.4444444444444, 6.13306974775384, 27, 36.8604247763011, 62.0284641125878,
    ),
    # svydesign(~c, strata=~s, weights=~w)
    "clusters": (WEIGHTED, 49.4444444444444, 5.52209449968632, 12, 37.412834101893, 61.4760547869958),
    # svydesign(~c, strata=~s, fpc=~Nc)
    "clusters, fpc": (
        {"strata": STRATUM, "clusters": CLUSTER, "population": CLUSTERS},
        47.7315789473684, 4.0354514519509, 12, 38.9390855503586, 56.5240723443783,
    ),
    # svydesign(~c, fpc=~rep(38, 30))
    "clusters, one stratum": (
        {"clusters": CLUSTER, "population": 38},
        48.3333333333333, 3.46133615143291, 14, 40.9095056333314, 55.7571610333353,
    ),
    # svydesign(~c+p, strata=~s, fpc=~Nc+M), p = 1:30
    "two stages": (TWO, 46.6338862559242, 4.99545863244459, 12, 35.749716897482, 57.5180556143663),
    # subset(svydesign(~1, strata=~s, fpc=~N), h <= 3)
    "domain": ({**FULL, "domain": H <= 3}, 51.4513888888889, 8.14385784096945, 10, 33.3057428283718, 69.597034949406),
    # subset(svydesign(~c, strata=~s, weights=~w), h <= 3)
    "domain, clusters": (
        {**WEIGHTED, "domain": H <= 3},
        54.5384615384615, 8.89767156631009, 6, 32.7666435352618, 76.3102795416613,
    ),
    # fpc of stratum a = 10: everybody in a was seen
    "a census stratum": (
        {"strata": STRATUM, "population": {**PEOPLE, "a": 10}},
        48.228, 6.75022607028831, 27, 34.3776801558416, 62.0783198441584,
    ),
}  # fmt: skip
R_RATIO = {  # coef, SE, confint(svyratio(~x, ~h, d), df=degf(d))
    "strata, fpc": (FULL, 12.1504934210526, 2.25428648228428, 7.52507962381276, 16.7759072182925),
    "clusters": (WEIGHTED, 12.1917808219178, 2.39623313413328, 6.9708373263945, 17.4127243174411),
    "two stages": (TWO, 12.0363914373089, 2.58995040366515, 6.39337426960141, 17.6794086050163),
}


@pytest.mark.parametrize("name", R_MEAN)
def test_means_equal_r_survey(name: str) -> None:
    design, value, std_error, df, low, high = R_MEAN[name]
    found = design_mean(X, **design)
    np.testing.assert_allclose([found.value, found.std_error], [value, std_error], rtol=1e-12)
    np.testing.assert_allclose([found.df, found.low, found.high], [df, low, high], rtol=1e-11)


@pytest.mark.parametrize("name", R_RATIO)
def test_ratios_equal_r_survey(name: str) -> None:
    design, value, std_error, low, high = R_RATIO[name]
    found = design_ratio(X, H, **design)
    np.testing.assert_allclose(
        [found.value, found.std_error, found.low, found.high], [value, std_error, low, high], rtol=1e-11
    )


def test_design_effects_equal_r_survey() -> None:
    # svymean(~x, ..., deff=TRUE) with fpc; deff="replace" with weights only
    assert design_mean(X, **FULL).design_effect == pytest.approx(1.59935108402709, rel=1e-12)
    weighted = design_mean(X, strata=STRATUM, weights=WEIGHT)
    assert weighted.design_effect == pytest.approx(1.29715227748746, rel=1e-12)


def test_a_single_unit_in_a_stratum_is_refused_or_centred_as_r_adjusts_it() -> None:
    keep = np.r_[0:11, 20:30]
    with pytest.raises(DataError, match=r"1 have a single sampled unit \('b'\).*single_psu='centred'"):
        design_mean(X[keep], strata=STRATUM[keep], population=PEOPLE)
    found = design_mean(X[keep], strata=STRATUM[keep], population=PEOPLE, single_psu="centred")
    # options(survey.lonely.psu="adjust")
    np.testing.assert_allclose(
        [found.value, found.std_error], [49.141935483871, 6.09450102130191], rtol=1e-12
    )
    blind = design_mean(X[keep], strata=STRATUM[keep], population=PEOPLE, single_psu="zero")
    assert blind.std_error < found.std_error


def test_variance_is_unbiased_over_all_stratified_samples() -> None:
    strata = {"a": [3.0, 7.0, 8.0, 20.0], "b": [1.0, 2.0, 9.0, 9.0, 4.0]}
    truth = np.mean(strata["a"] + strata["b"])
    values, variances = [], []
    for one, two in product(combinations(strata["a"], 2), combinations(strata["b"], 3)):
        found = design_mean([*one, *two], strata=list("aabbb"), population={"a": 4, "b": 5})
        values.append(found.value)
        variances.append(found.std_error**2)
    assert np.mean(values) == pytest.approx(truth, rel=1e-12)
    assert np.mean(variances) == pytest.approx(np.var(values), rel=1e-10)


def test_two_stage_variance_is_unbiased_over_all_samples() -> None:
    clusters = [[1.0, 5.0, 6.0], [2.0, 9.0, 4.0], [0.0, 3.0, 12.0]]  # equal sizes: the ratio is linear
    truth = np.mean(clusters)
    values, variances = [], []
    for pair in combinations(range(3), 2):
        for inner in product(*(combinations(clusters[c], 2) for c in pair)):
            found = design_mean(
                np.concatenate(inner),
                clusters=[pair[0]] * 2 + [pair[1]] * 2,
                population=(3, {0: 3, 1: 3, 2: 3}),
            )
            values.append(found.value)
            variances.append(found.std_error**2)
    assert np.mean(values) == pytest.approx(truth, rel=1e-12)
    assert np.mean(variances) == pytest.approx(np.var(values), rel=1e-10)


def test_simple_random_sample_closed_form() -> None:
    x = np.array([2.0, 4.0, 9.0, 1.0, 7.0])
    found = design_mean(x, population=20)
    assert found.std_error == pytest.approx(np.sqrt((1 - 5 / 20) * x.var(ddof=1) / 5), rel=1e-14)
    assert found.fraction == 0.25
    assert found.design_effect == pytest.approx(1.0)
    plain = design_mean(x)
    assert plain.std_error == pytest.approx(x.std(ddof=1) / np.sqrt(5), rel=1e-14)


def test_a_census_is_a_point() -> None:
    found = design_mean([1.0, 2.0, 6.0], population=3)
    assert (found.low, found.value, found.high) == (3.0, 3.0, 3.0)


def test_hand_worked_example_of_the_docstring() -> None:
    # strata means 65 and 85, variances 50 each; N 4 and 12
    found = design_mean([60, 70, 80, 90], strata=["a", "a", "b", "b"], population={"a": 4, "b": 12})
    assert found.value == pytest.approx((4 * 65 + 12 * 85) / 16)
    variance = (4 / 16) ** 2 * (1 - 2 / 4) * 50 / 2 + (12 / 16) ** 2 * (1 - 2 / 12) * 50 / 2
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=1e-14)


def test_statsmodels_agrees_where_the_two_overlap() -> None:
    from statsmodels.regression.linear_model import OLS, WLS

    # one-way cluster-robust with its G/(G-1) correction is the with-replacement cluster estimator
    fit = OLS(X.astype(float), np.ones(30)).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(CLUSTER)[0], "use_correction": False}
    )
    found = design_mean(X, clusters=CLUSTER)
    assert found.std_error == pytest.approx(float(fit.bse[0]) * np.sqrt(15 / 14), rel=1e-10)
    assert design_mean(X, weights=WEIGHT).value == pytest.approx(
        float(WLS(X, np.ones(30), WEIGHT).fit().params[0])
    )


@given(st.permutations(range(30)), st.floats(0.1, 50))
def test_order_of_rows_and_unit_of_weights_do_not_matter(order: list[int], factor: float) -> None:
    one = design_mean(X, **WEIGHTED)
    other = design_mean(
        X[order], strata=STRATUM[order], clusters=CLUSTER[order], weights=WEIGHT[order] * factor
    )
    np.testing.assert_allclose([other.value, other.std_error], [one.value, one.std_error], rtol=1e-9)


def test_a_series_is_joined_by_id() -> None:
    ids = [f"p{k}" for k in I]
    x = pd.Series(X, index=ids, dtype=float)
    strata = pd.Series(STRATUM, index=ids).sample(frac=1, random_state=1)
    assert design_mean(x, strata=strata, population=PEOPLE).std_error == pytest.approx(5.8881342435382)
    with pytest.raises(DataError, match=r"strata: no entry for 1 of 30 people \('p3'\)"):
        design_mean(x, strata=strata.drop("p3"))


def test_missing_answers_are_left_out_and_counted() -> None:
    x = np.append(X.astype(float), np.nan)
    found = design_mean(x, strata=np.append(STRATUM, "c"), population=PEOPLE)
    assert found.value == pytest.approx(47.6612903225806)
    assert found.provenance["missing"] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"population": 2}, r"population: stratum 'all' has 3 sampled but a size of 2"),
        ({"strata": ["a", "b", None]}, r"strata: 1 of 3 are missing \(row 2\)"),
        ({"strata": ["a", "b"]}, r"strata has 2 entries for 3 values"),
        ({"strata": ["a", "a", "b"], "population": 9}, r"population is one number, but there are 2 stratum"),
        ({"strata": ["a", "a", "b"], "population": {"a": 9}}, r"no size for stratum 'b'"),
        ({"strata": ["a", "a", "b"], "population": [9, 8, 9]}, r"more than one size for stratum 'a'"),
        ({"strata": ["a", "b", "b"], "clusters": ["x", "x", "y"]}, r"'x' stand in more than one stratum"),
        ({"weights": [1, -1, 1]}, r"weights: 1 are missing or negative \(row 1\)"),
        ({"population": (9, 9)}, r"two stages need clusters"),
    ],
)
def test_broken_designs_are_refused(call: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        design_mean([1.0, 2.0, 3.0], **call)


def test_broken_values_and_options_are_refused() -> None:
    with pytest.raises(DataError, match="not all are numbers"):
        design_mean(["60 %", "70 %"])
    with pytest.raises(DataError, match="none of 2 values is present"):
        design_mean([np.nan, np.nan])
    with pytest.raises(DataError, match="denominator sums to zero"):
        design_ratio([1, 2], [0, 0])
    with pytest.raises(ValueError, match="single_psu must be one of 'error', 'centred', 'zero'"):
        design_mean([1, 2], single_psu="adjust")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level must be a number"):
        design_mean([1, 2], level=95)


def test_no_degrees_of_freedom_no_interval() -> None:
    found = design_mean([4.0, 6.0], clusters=["x", "x"], single_psu="zero")
    assert np.isnan(found.low) or found.std_error == 0


def test_clusters_in_strata_are_unbiased_over_all_samples_beside_a_stratum_of_everybody() -> None:
    rng = np.random.default_rng(3)
    firm = {"a": rng.normal(50, 10, (5, 2)), "b": rng.normal(60, 5, (4, 2)), "c": rng.normal(40, 5, (2, 2))}
    sizes = {name: len(clusters) for name, clusters in firm.items()}
    means, variances = [], []
    for left in combinations(range(5), 2):
        for right in combinations(range(4), 3):
            taken = {"a": left, "b": right, "c": (0, 1)}
            rows = [(s, f"{s}{c}", x) for s in firm for c in taken[s] for x in firm[s][c]]
            sample = pd.DataFrame(rows, columns=["stratum", "cluster", "x"])
            found = design_mean(
                sample["x"], strata=sample["stratum"], clusters=sample["cluster"], population=sizes
            )
            means.append(found.value)
            variances.append(found.std_error**2)
    assert np.mean(means) == pytest.approx(np.concatenate([v.ravel() for v in firm.values()]).mean())
    assert np.mean(variances) == pytest.approx(np.var(means))


def test_one_sampled_cluster_is_named_as_such() -> None:
    with pytest.raises(DataError, match="all are of one sampled cluster"):
        design_mean([1.0, 2.0, 3.0], clusters=["a", "a", "a"])
