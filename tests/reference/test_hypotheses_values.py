"""Network tests against R's sna and sandwich on Krackhardt's managers, every stored value.

R puts the one who asks in the row; peernet the teacher. All regressors here are networks or symmetric, and all
networks are transposed together, so the values are the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import PeerNetwork
from peernet.datasets import load_krackhardt
from peernet.hypotheses import cug_test, dyadic_regression, fit_peer_effects, mrqap, qap_correlation
from peernet.hypotheses._design import build

FORMULA = "tie ~ friendship + reports_to + same(dept) + diff(age)"
TERMS = ["intercept", "friendship", "reports_to", "same(dept)", "diff(age)"]
KEYS = ["(intercept)", "friendship", "reports_to", "same_dept", "abs_age_diff"]


@pytest.fixture(scope="module")
def reference(reference_dir: Path) -> dict[str, Any]:
    return json.loads((reference_dir / "hypotheses_krackhardt.json").read_text())


@pytest.fixture(scope="module")
def nets(published_data: Path) -> dict[str, PeerNetwork]:
    return {r: load_krackhardt(relation=r) for r in ("advice", "friendship", "reports_to")}


def others(nets: dict[str, PeerNetwork]) -> dict[str, PeerNetwork]:
    return {k: v for k, v in nets.items() if k != "advice"}


def proportion_close(ours: float, n: int, theirs: float, reps: int) -> bool:
    """Say whether two Monte Carlo proportions agree within 4 standard errors."""
    p = (ours * n + theirs * reps + 1) / (n + reps + 2)
    return abs(ours - theirs) <= 4 * np.sqrt(p * (1 - p) * (1 / n + 1 / reps)) + 1.5 / min(n, reps)


def mean_close(a: float, sd: float, n: int, b: float, sd_b: float, m: int) -> bool:
    return abs(a - b) <= 4 * np.sqrt(sd**2 / n + sd_b**2 / m) + 1e-9


def quantile_close(ours: float, theirs: float, sd: float, n: int, m: int, draws: np.ndarray) -> bool:
    """Say whether two Monte Carlo 2.5 or 97.5 % quantiles agree within 4 standard errors."""
    width = max(0.35 * sd, 1e-12)
    density = np.mean(np.abs(draws - theirs) < width / 2) / width
    error = np.sqrt(0.025 * 0.975 * (1 / n + 1 / m)) / max(density, 1e-3)
    return abs(ours - theirs) <= 4 * error + 1e-9


@pytest.mark.parametrize(
    ("key", "model", "method"),
    [
        ("netlm_qapspp", "linear", "dsp"),
        ("netlm_qapy", "linear", "y"),
        ("netlm_qapx", "linear", "x"),
        ("netlogit_qapspp", "logit", "dsp"),
        ("netlogit_qapy", "logit", "y"),
    ],
)
def test_mrqap(reference: Any, nets: Any, key: str, model: Any, method: Any) -> None:
    want = reference["mrqap"]["krackhardt_hightech"][key]
    reps, n_draws = want["reps"], 5000 if model == "linear" else 1000
    fit = mrqap(
        nets["advice"], FORMULA, networks=others(nets), model=model, method=method, compat="sna", n_draws=n_draws, rng=8
    )
    tolerance = 1e-8 if model == "linear" else 1e-5
    assert list(fit.to_frame()["term"]) == TERMS and fit.n == 420
    for at, name in enumerate(KEYS):
        row, null, theirs = fit.params.iloc[at], fit.null_table.iloc[at], want["coef"][name]
        assert row["estimate"] == pytest.approx(theirs["estimate"], abs=tolerance)
        assert row["statistic"] == pytest.approx(theirs["tstat"], abs=tolerance)
        assert np.isnan(row["std_error"])
        for ours, other in (("p_two_sided", "p_abs"), ("p_greater", "p_geq"), ("p_less", "p_leq")):
            assert proportion_close(null[ours], n_draws, theirs[other], reps), (name, ours)
        sd, sd_theirs = null["null_sd"], theirs["null_sd"]
        assert mean_close(null["null_mean"], sd, n_draws, theirs["null_mean"], sd_theirs, reps), name
        # The spread of a standard deviation, with room for tails heavier than normal.
        assert abs(sd - sd_theirs) <= 4 * 1.3 * sd * np.sqrt(0.5 * (1 / n_draws + 1 / reps)) + 1e-9, name
        for q in ("null_q025", "null_q975"):
            assert quantile_close(null[q], theirs[q], sd, n_draws, reps, fit.null[:, at]), (name, q)
    if model == "linear" and "r2" in want:
        assert fit.r_squared == pytest.approx(want["r2"], abs=1e-8)
        assert fit.residual_sd == pytest.approx(want["resid_se"], abs=1e-8)
    if model == "logit":
        for name in ("deviance", "null_deviance", "aic", "bic"):
            assert getattr(fit, name) == pytest.approx(want[name], abs=1e-5), name


@pytest.mark.parametrize(("key", "model"), [("netlm_classical", "linear"), ("netlogit_classical", "logit")])
def test_classical_p_values(reference: Any, nets: Any, key: str, model: Any) -> None:
    want = reference["mrqap"]["krackhardt_hightech"][key]
    fit = dyadic_regression(nets["advice"], FORMULA, networks=others(nets), model=model, variance="classical")
    for at, name in enumerate(KEYS):
        theirs = want["coef"][name]
        assert fit.params["statistic"][at] == pytest.approx(theirs["tstat"], abs=1e-8 if model == "linear" else 1e-5)
        assert fit.params["p_value"][at] == pytest.approx(theirs["p_abs"], rel=1e-5, abs=1e-8)
    if model == "logit":
        np.testing.assert_allclose(fit.params["std_error"], want["se"], atol=1e-5)


def test_friendship_is_the_warning(nets: Any) -> None:
    """Krackhardt's friendship effect: .032 as if pairs were independent, .153 when people are moved."""
    naive = dyadic_regression(nets["advice"], FORMULA, networks=others(nets), variance="classical").params
    moved = mrqap(nets["advice"], FORMULA, networks=others(nets), n_draws=5000, rng=1).params
    assert naive["p_value"][1] == pytest.approx(0.0319, abs=1e-4)
    assert proportion_close(moved["p_value"][1], 5000, 0.153, 5000)


@pytest.mark.parametrize(
    ("key", "other"),
    [("friendship", None), ("reports_to", None), ("same_dept", "same(dept)"), ("abs_age_diff", "diff(age)")],
)
def test_qap_correlation(reference: Any, nets: Any, key: str, other: str | None) -> None:
    want = reference["qap_correlation"]["krackhardt_hightech"][key]
    for tail, name in (("greater", "p_greater_eq"), ("less", "p_less_eq")):
        test = qap_correlation(
            nets["advice"], other or nets[key], alternative=tail, compat="sna", n_draws=10_000, rng=4
        )
        assert test.observed == pytest.approx(want["gcor"], abs=1e-8)
        assert proportion_close(test.p_value, 10_000, want[name], want["reps"])
    assert mean_close(test.null_mean, test.null_sd, 10_000, want["perm_mean"], want["perm_sd"], want["reps"])
    assert test.null_sd == pytest.approx(want["perm_sd"], rel=4 * 1.3 / 100)


def test_correlation_matrix(reference: Any, nets: Any) -> None:
    want = np.array(reference["qap_correlation"]["krackhardt_hightech_matrix"])
    design = build(nets["advice"], FORMULA, others(nets))
    tables = [design.y, *design.x[1:]]
    ids = nets["advice"].ids
    frames = [pd.DataFrame(t, index=ids, columns=ids) for t in tables]
    for i in range(4):
        base = PeerNetwork.from_adjacency(tables[i], row_is="teacher", ids=ids)
        for j in range(i + 1, 5):
            got = qap_correlation(base, frames[j], n_draws=1, rng=0).observed
            assert got == pytest.approx(want[i, j], abs=1e-8)


def test_cug(reference: Any, nets: Any) -> None:
    want = reference["cug"]["krackhardt_advice"]
    names = {"grecip_edgewise": "reciprocity", "gtrans_weak": "transitivity"}
    nulls = {"size": "size", "edges": "ties", "dyad.census": "dyad census"}
    assert nets["advice"].n_ties == want["edges"]
    for key, theirs in want["cug"].items():
        statistic, null = key.split("|")
        for tail, name in (("greater", "p_geq"), ("less", "p_leq")):
            test = cug_test(
                nets["advice"], names[statistic], null=nulls[null], alternative=tail, compat="sna", rng=5
            )
            assert test.observed == pytest.approx(theirs["obs"], abs=1e-8)
            assert proportion_close(test.p_value, 1000, theirs[name], theirs["reps"]), key
        assert mean_close(test.null_mean, test.null_sd, 1000, theirs["null_mean"], theirs["null_sd"], theirs["reps"])
        assert test.null_sd == pytest.approx(theirs["null_sd"], rel=4 * 1.2 / np.sqrt(1000))
    # The one who asks sends the tie in R: its indegree is ours of teachers.
    for name, key in (("teacher", "indeg_centralization"), ("learner", "outdeg_centralization")):
        test = cug_test(nets["advice"], f"{name}_centralization", null="ties", n_draws=1, rng=0)
        assert test.observed == pytest.approx(want[key], abs=1e-8)
    given = cug_test(nets["advice"], "reciprocity", null="dyad census", n_draws=20, rng=0)
    assert given.p_value == 1 and np.isnan(given.z)


@pytest.mark.parametrize(
    ("variance", "key"),
    [
        ("classical", "se_classical"),
        ("robust", "se_HC0"),
        ("learner", "se_cluster_ego_HC0"),
        ("pair", "se_cluster_dyad_HC0"),
        ("two-way", "se_twoway_ego_alter_HC0"),
        ("dyadic", "se_dyadic_nodesum"),
    ],
)
@pytest.mark.filterwarnings("ignore:dyadic_regression. with 21 people")
def test_dyadic_errors(reference: Any, nets: Any, variance: Any, key: str) -> None:
    want = reference["dyadic_robust"]["krackhardt_hightech"]
    fit = dyadic_regression(nets["advice"], FORMULA, networks=others(nets), variance=variance)
    np.testing.assert_allclose(fit.params["estimate"], want["lpm"]["coef"], atol=1e-8)
    np.testing.assert_allclose(fit.params["std_error"], want["lpm"][key], atol=1e-8)
    if key in want["logit"]:
        logit = dyadic_regression(nets["advice"], FORMULA, networks=others(nets), variance=variance, model="logit")
        np.testing.assert_allclose(logit.params["estimate"], want["logit"]["coef"], atol=1e-5)
        np.testing.assert_allclose(logit.params["std_error"], want["logit"][key], atol=1e-5)
        if variance == "dyadic":
            np.testing.assert_allclose(logit.vcov, want["logit"]["vcov_dyadic"], atol=1e-5)
    if variance == "dyadic":
        np.testing.assert_allclose(fit.vcov, want["lpm"]["vcov_dyadic"], atol=1e-8)
        assert fit.df == 20


def test_network_autocorrelation(reference: Any, nets: Any) -> None:
    want = reference["lnam"]["krackhardt_tenure_advice_effects"]
    level = {"CEO": 1, "vice president": 2, "manager": 3}
    net = nets["advice"].with_people(level=nets["advice"].column("level").map(level).astype(float))
    fit = fit_peer_effects(net, "tenure ~ age + level", n_draws=19, rng=0)
    got = fit.params.set_index("term")
    assert got["estimate"]["rho"] == pytest.approx(want["rho1"], abs=1e-4)
    assert fit.log_likelihood >= want["lnlik"] - 1e-9
    assert fit.log_likelihood == pytest.approx(want["lnlik"], abs=1e-6)
    np.testing.assert_allclose(got["estimate"][["intercept", "age", "level"]], want["beta"], rtol=2e-4)
    np.testing.assert_allclose(got["std_error"][["intercept", "age", "level"]], want["beta_se"], rtol=2e-3)
    assert got["std_error"]["rho"] == pytest.approx(want["rho1_se"], rel=2e-3)
    assert fit.sigma == pytest.approx(want["sigma"], abs=1e-3)
    assert fit.aic == pytest.approx(want["aic"], abs=1e-5)
    # sna's null model takes the sample's standard deviation with n - 1, which does not maximise its likelihood.
    tenure = net.column("tenure").to_numpy(dtype=float)
    n, s = len(tenure), tenure.std(ddof=1)
    assert -n / 2 * np.log(2 * np.pi * s**2) - (n - 1) / 2 == pytest.approx(want["lnlik_null"], abs=1e-8)
    assert fit.null_log_likelihood > want["lnlik_null"]
