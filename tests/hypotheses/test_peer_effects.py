"""Peer effects: likelihood and instruments against slow twins, recovery of the truth, and what is said beside rho."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet.hypotheses import _autocorrelation as auto
from peernet.hypotheses import _moran as moran
from peernet.hypotheses import fit_peer_effects
from peernet.hypotheses._formula import parse


def world(n: int, seed: int, rho: float = 0.4, *, gamma: float = 0.0, degree: float = 4) -> PeerNetwork:
    """Return people whose outcome y follows (I - rho W) y = 1 + a + gamma W a + e, W = average over teachers."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    taught = (rng.random((n, n)) < degree / n) & ~np.eye(n, dtype=bool)
    w = taught.T / np.maximum(taught.T.sum(axis=1, keepdims=True), 1)
    a, e = rng.normal(size=n), rng.normal(size=n)
    y = np.linalg.solve(np.eye(n) - rho * w, 1 + a + gamma * (w @ a) + e)
    people = pd.DataFrame(
        {"y": y, "a": a, "placebo": rng.normal(size=n), "role": rng.choice(list("uv"), n)}, index=ids
    )
    return PeerNetwork.from_adjacency(taught.astype(float), row_is="teacher", ids=ids, people=people)


def data_of(net: PeerNetwork, formula: str = "y ~ a") -> auto.Data:
    model = parse(formula, verbs=("peers",))
    return auto.prepare(net, model, influence="teachers", normalise="row", weighted=True, lag=None)


def full_log_likelihood(theta: np.ndarray, data: auto.Data) -> float:
    """Log-likelihood in all parameters, by determinants."""
    beta, rho, variance = theta[:-2], theta[-2], theta[-1]
    n = len(data.y)
    m = np.eye(n) - rho * data.w
    e = m @ data.y - data.x @ beta
    return float(-n / 2 * np.log(2 * np.pi * variance) + np.linalg.slogdet(m)[1] - e @ e / (2 * variance))


def test_likelihood_is_at_its_maximum_and_errors_are_its_curvature() -> None:
    data = data_of(world(40, 1))
    fit = auto.maximum_likelihood(data)
    theta = np.array([*fit.beta, fit.sigma**2])
    best = full_log_likelihood(theta, data)
    assert best == pytest.approx(fit.log_likelihood, abs=1e-9)
    k, h = len(theta), 1e-4
    curvature = np.empty((k, k))
    for a in range(k):
        for b in range(k):

            def at(s: int, t: int, a: int = a, b: int = b) -> float:
                moved = theta.copy()
                moved[a] += s * h
                moved[b] += t * h
                return full_log_likelihood(moved, data)

            curvature[a, b] = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h * h)
        step = np.zeros(k)
        step[a] = 1e-3
        assert best > max(full_log_likelihood(theta + step, data), full_log_likelihood(theta - step, data))
    want = np.linalg.inv(-curvature)[: k - 1, : k - 1]
    np.testing.assert_allclose(fit.vcov, want, rtol=1e-3, atol=1e-6)


def test_log_determinant_paths_agree() -> None:
    w = data_of(world(30, 2)).w
    exact = auto._LogDet(w)
    sparse = auto._LogDet(w)
    sparse.values = None
    for rho in (-0.6, 0.1, 0.8):
        assert exact(rho) == pytest.approx(np.linalg.slogdet(np.eye(30) - rho * w)[1], abs=1e-10)
        assert sparse(rho) == pytest.approx(exact(rho), abs=1e-10)
    assert exact.bounds()[1] == pytest.approx(1.0)


def test_two_stage_by_hand() -> None:
    data = data_of(world(50, 3))
    fit = auto.two_stage(data)
    z = np.column_stack([data.x, data.wy])
    a = data.x[:, 1]
    q = np.column_stack([data.x, data.w @ a, data.w @ data.w @ a])
    p = q @ np.linalg.solve(q.T @ q, q.T)
    beta = np.linalg.solve(z.T @ p @ z, z.T @ p @ data.y)
    np.testing.assert_allclose(fit.beta, beta, rtol=1e-8)
    e = data.y - z @ beta
    bread = np.linalg.inv(z.T @ p @ z)
    meat = (p @ z).T @ ((p @ z) * (e**2)[:, None])
    np.testing.assert_allclose(fit.vcov, bread @ meat @ bread * 50 / 47, rtol=1e-7)
    assert fit.checks["instruments"] == 2 and 0 <= fit.checks["overidentification_p"] <= 1


@pytest.mark.parametrize("method", ["ml", "2sls"])
def test_the_truth_is_found(method: str) -> None:
    found = [fit_peer_effects(world(250, s), "y ~ a", method=method, n_draws=0).rho for s in range(12)]
    assert np.mean(found) == pytest.approx(0.4, abs=0.06)
    fit = fit_peer_effects(world(400, 99, gamma=0.8), "y ~ a + peers(a)", method=method, n_draws=0)
    got = fit.params.set_index("term")["estimate"]
    assert got["peers(a)"] == pytest.approx(0.8, abs=0.35) and got["a"] == pytest.approx(1, abs=0.15)


def test_direction_matters() -> None:
    net = world(200, 4, rho=0.6)
    right = fit_peer_effects(net, "y ~ a", n_draws=0)
    wrong = fit_peer_effects(net, "y ~ a", influence="learners", n_draws=0)
    turned = fit_peer_effects(net.reverse(), "y ~ a", influence="learners", n_draws=0)
    assert right.rho > wrong.rho + 0.2
    assert right.rho == pytest.approx(turned.rho, abs=1e-8)
    assert right.log_likelihood > wrong.log_likelihood
    both = fit_peer_effects(net, "y ~ a", influence="both", n_draws=0)
    again = fit_peer_effects(net.reverse(), "y ~ a", influence="both", n_draws=0)
    assert both.rho == pytest.approx(again.rho, abs=1e-7)


def test_effects_are_what_a_change_brings() -> None:
    from scipy import stats

    net = world(60, 5, gamma=0.5)
    fit = fit_peer_effects(net, "y ~ a + peers(a)", n_draws=0)
    data = data_of(net, "y ~ a + peers(a)")
    beta = fit.params.set_index("term")["estimate"]
    s = np.linalg.inv(np.eye(60) - beta["rho"] * data.w) @ (
        beta["a"] * np.eye(60) + beta["peers(a)"] * data.w
    )
    row = fit.effects.iloc[0]
    assert row["direct"] == pytest.approx(np.trace(s) / 60)
    assert row["total"] == pytest.approx(s.sum() / 60)
    assert row["indirect"] == pytest.approx(row["total"] - row["direct"])
    assert row["total_high"] - row["total"] == pytest.approx(
        stats.t.ppf(0.975, fit.df) * row["total_std_error"], rel=1e-6
    )
    assert "A unit of a changes the outcome by: own" in fit.summary() and "through peers" in fit.summary()
    assert row["indirect_low"] < row["indirect"] < row["indirect_high"]
    # Delta-method errors against draws of the parameters.
    raw = auto.maximum_likelihood(data)
    rng = np.random.default_rng(0)
    draws = []
    for b in rng.multivariate_normal(raw.beta, raw.vcov, 1500):
        if abs(b[-1]) < 0.95:
            t = np.linalg.inv(np.eye(60) - b[-1] * data.w) @ (b[1] * np.eye(60) + b[2] * data.w)
            draws.append((np.trace(t) / 60, t.sum() / 60))
    spread = np.array(draws)
    assert row["direct_std_error"] == pytest.approx(spread[:, 0].std(), rel=0.1)
    width = np.subtract(*np.quantile(spread[:, 1], [0.84, 0.16])) / 2
    assert row["total_std_error"] == pytest.approx(width, rel=0.25)


def test_earlier_outcomes() -> None:
    net = world(300, 6)
    data = data_of(net)
    rng = np.random.default_rng(7)
    later = 0.5 * data.y + 0.3 * (data.w @ data.y) + rng.normal(size=300)
    fit = fit_peer_effects(
        net.with_people(later=later), "later ~ a", method="lagged", lag="y", n_draws=99, rng=1
    )
    got = fit.params.set_index("term")["estimate"]
    assert got["rho"] == pytest.approx(0.3, abs=0.12) and got["y"] == pytest.approx(0.5, abs=0.1)
    z = np.column_stack([data.x[:, :2], data.y, data.x[:, 2:], data.w @ data.y])
    np.testing.assert_allclose(fit.params["estimate"], np.linalg.lstsq(z, later, rcond=None)[0], rtol=1e-8)
    named = fit_peer_effects(
        net.with_people(later=later), "later ~ a + y", method="lagged", lag="y", n_draws=0
    )
    np.testing.assert_allclose(named.params["estimate"], fit.params["estimate"])
    with pytest.raises(ValueError, match="pass both or neither"):
        fit_peer_effects(net, "y ~ a", method="lagged")


def test_residuals_placebo_and_sensitivity() -> None:
    net = world(150, 8, rho=0.5)
    fit = fit_peer_effects(net, "y ~ a", placebo="placebo", n_draws=199, rng=2)
    assert fit.moran is not None and fit.moran.p_value > 0.01
    assert fit.placebo is not None and fit.placebo.params["p_value"].iloc[-1] > 0.01
    assert "Placebo outcome" in fit.summary() and "Moran" in fit.summary()
    # A model that forgets the peers leaves their resemblance in the residuals.
    data = data_of(net)
    e = data.y - data.x @ np.linalg.lstsq(data.x, data.y, rcond=None)[0]
    refit = moran.refit_least_squares(data.x)
    test = moran.residual_moran(data.w, e, refit, 2, n_draws=199, rng=np.random.default_rng(0))
    assert test.p_value < 0.02
    assert test.observed == pytest.approx(150 / data.w.sum() * (e @ data.w @ e) / (e @ e))
    table = fit.sensitivity()
    row = fit.params.iloc[-1]
    needed = table.attrs["needed"] * fit.sigma / fit.checks["lag_sd"]
    assert row["low"] - needed == pytest.approx(0, abs=1e-9)
    assert (table["rho"] < row["estimate"]).all() and table["explains"].any() and not table["explains"].all()


@pytest.mark.parametrize("method", ["ml", "2sls"])
def test_residuals_are_fitted_again_as_the_estimator_does(method: str) -> None:
    """The quick refit of many outcomes at once against the estimator itself, one outcome at a time."""
    data = data_of(world(60, 16))
    estimate, quick = {"ml": (auto.maximum_likelihood, moran.refit_maximum_likelihood),
                       "2sls": (auto.two_stage, moran.refit_two_stage)}[method]  # fmt: skip
    fit = estimate(data)
    errors = np.random.default_rng(17).normal(size=(60, 5))
    got = quick(data, fit)(errors)
    for column, e in zip(got.T, errors.T, strict=True):
        y = np.linalg.solve(np.eye(60) - fit.beta[-1] * data.w, data.x @ fit.beta[:-1] + e)
        again = estimate(auto.Data(y, data.x, data.names, data.w, None, {}))
        np.testing.assert_allclose(column, again.residual, atol=2e-4 if method == "ml" else 1e-9)


def test_large_networks_refit_from_fewer_determinants() -> None:
    """Above 1,500 people the likelihood is known at 20 values of rho; a spline through them has to do."""
    data = data_of(world(60, 18))
    fit = auto.maximum_likelihood(data)
    rhos, dets = fit.profile
    few = auto.Fit(fit.beta, fit.vcov, fit.sigma, fit.residual, fit.log_likelihood, fit.lag, fit.names, {},
                   (rhos[9::20], dets[9::20]))  # fmt: skip
    errors = np.random.default_rng(19).normal(size=(60, 5))
    fine, coarse = (moran.refit_maximum_likelihood(data, f)(errors) for f in (fit, few))
    np.testing.assert_allclose(coarse, fine, atol=2e-3)


def test_resemblance_of_errors_is_found_in_the_residuals() -> None:
    """Where errors, not outcomes, resemble those of peers, rho takes some of it and Moran's I finds the rest."""
    net = world(200, 20, rho=0.0, degree=5)
    data = data_of(net)
    e = np.linalg.solve(np.eye(200) - 0.8 * data.w, np.random.default_rng(21).normal(size=200))
    disturbed = net.with_people(y=1 + 3 * data.x[:, 1] + e)
    for method in ("ml", "2sls"):
        fit = fit_peer_effects(disturbed, "y ~ a", method=method, n_draws=199, rng=3)
        assert fit.moran.p_value <= 0.02, method


def test_few_people_have_t_and_errors_that_know_leverage() -> None:
    from scipy import stats

    net = world(24, 22).with_people(early=np.random.default_rng(23).normal(size=24))
    for method, terms in (("ml", 3), ("2sls", 3), ("lagged", 4)):
        lag = {"lag": "early"} if method == "lagged" else {}
        fit = fit_peer_effects(net, "y ~ a", method=method, n_draws=0, level=0.9, **lag)
        assert fit.df == 24 - terms
        row = fit.params.iloc[-1]
        assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(row["statistic"]), fit.df))
        assert row["high"] - row["low"] == pytest.approx(2 * stats.t.ppf(0.95, fit.df) * row["std_error"])
    # HC3 is the jackknife but for a factor: compare with leaving out each person.
    data = auto.prepare(net, parse("y ~ a", verbs=("peers",)), influence="teachers", normalise="row", weighted=True,
                        lag="early")  # fmt: skip
    z = np.column_stack([data.x, data.peers_before])
    full = np.linalg.lstsq(z, data.y, rcond=None)[0]
    rest = [np.delete(np.arange(24), i) for i in range(24)]
    moves = np.array([np.linalg.lstsq(z[k], data.y[k], rcond=None)[0] - full for k in rest])
    np.testing.assert_allclose(auto.lagged(data).vcov, moves.T @ moves, rtol=1e-7)


def chain(n: int, silent: tuple[str, ...] = (), seed: int = 24) -> PeerNetwork:
    """Return people each of whom teaches the next."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i:02d}" for i in range(n)]
    people = pd.DataFrame(
        {"y": rng.normal(size=n), "y0": rng.normal(size=n), "a": rng.normal(size=n)}, index=ids
    )
    ties = pd.DataFrame({"teacher": ids[:-1], "learner": ids[1:]})
    status = {i: "silent" if i in silent else "answered" for i in ids}
    return PeerNetwork(people, ties[~ties["learner"].isin(silent)], observed=status, respondent_is="learner")


@pytest.mark.parametrize("method", ["ml", "2sls", "lagged"])
def test_the_origin_of_the_scale_does_not_matter(method: str) -> None:
    """People without peers have a constant of their own, so 0 is not a value like others."""
    net = world(80, 25, degree=3)
    assert (net.adjacency.sum(axis=0) == 0).sum() >= 2
    early = np.random.default_rng(26).normal(size=80)
    more = {"lag": "early"} if method == "lagged" else {}
    fits = [
        fit_peer_effects(
            net.with_people(y=net.column("y") + c, early=early + c, a=net.column("a") + d),
            "y ~ a + peers(a)",
            method=method,
            n_draws=0,
            **more,
        ).params.set_index("term")
        for c, d in ((0.0, 0.0), (50.0, -30.0))
    ]
    for name in ("estimate", "std_error"):
        for term in ("a", "peers(a)", "rho"):
            assert fits[1].loc[term, name] == pytest.approx(fits[0].loc[term, name], rel=1e-5, abs=1e-6)
    assert "no peers" in fits[0].index
    if method == "ml":
        theirs = [
            fit_peer_effects(net.with_people(y=net.column("y") + c), "y ~ a", compat="sna", n_draws=0)
            for c in (0.0, 50.0)
        ]
        assert abs(theirs[0].rho - theirs[1].rho) > 0.1 and np.isinf(theirs[0].df)
        assert any("where the scale of the outcome begins" in note for note in theirs[0].notes)


def test_outcomes_of_people_with_isolates_are_covered() -> None:
    held = []
    for seed in range(25):
        net = world(60, 100 + seed, rho=0.5, degree=3)
        fit = fit_peer_effects(net.with_people(y=net.column("y") + 50), "y ~ a", n_draws=0)
        row = fit.params.iloc[-1]
        held.append(row["low"] <= 0.5 <= row["high"])
    assert np.mean(held) >= 0.8


def test_unknown_peers_are_not_no_peers() -> None:
    """The outcome of people who learn from silent ones alone cannot be averaged: they are left out, not 0."""
    whole = fit_peer_effects(chain(14), "y ~ a", n_draws=0)
    assert any("1 of 14 people have no peers" in note for note in whole.notes)
    data = data_of(chain(14, ("p05",)))
    # p05 did not answer, p06 learns from p05 alone, p07 from p06 alone, and so on to the end of the chain.
    assert len(data.y) == 5 and data.left_out["people all of whose peers are left out"] == 8
    assert data.alone.sum() == 1
    both = chain(14, ("p05",))
    extra = pd.DataFrame({"teacher": ["p00"], "learner": ["p06"]})
    ties = pd.concat([both.ties[["teacher", "learner"]], extra])
    known = PeerNetwork(both.people, ties, observed=both.observed, respondent_is="learner")
    data = data_of(known)
    assert len(data.y) == 13 and data.lost_ties == 1
    assert any("1 ties to people left out" in n for n in fit_peer_effects(known, "y ~ a", n_draws=0).notes)


def test_earlier_outcomes_of_silent_peers_count() -> None:
    net = chain(14, ("p05",))
    fit = fit_peer_effects(net, "y ~ a", method="lagged", lag="y0", n_draws=0)
    assert fit.n == 13 and fit.provenance["people_left_out"]["people all of whose peers are left out"] == 0
    people = net.people
    rows = [i for i in net.ids if i != "p05"]
    before = [0.0 if i == "p00" else people["y0"][f"p{int(i[1:]) - 1:02d}"] for i in rows]
    z = np.column_stack([np.ones(13), people.loc[rows, ["a", "y0"]], np.array(rows) == "p00", before])
    want = np.linalg.lstsq(z, people.loc[rows, "y"], rcond=None)[0]
    np.testing.assert_allclose(fit.params["estimate"], want, rtol=1e-8)
    people.loc["p03", "y0"] = np.nan
    gap = PeerNetwork(people, net.ties, observed=net.observed, respondent_is="learner")
    assert fit_peer_effects(gap, "y ~ a", method="lagged", lag="y0", n_draws=0).n == 11


def test_workers_do_not_change_the_answer() -> None:
    net = world(50, 9)
    a = fit_peer_effects(net, "y ~ a", n_draws=200, rng=3)
    b = fit_peer_effects(net, "y ~ a", n_draws=200, rng=3, n_jobs=2)
    np.testing.assert_array_equal(a.moran.null, b.moran.null)


def test_who_is_left_out_and_what_is_said() -> None:
    net = world(60, 10)
    people = net.people
    people.loc["p3", "a"] = np.nan
    status = {i: "silent" if i in ("p7", "p8") else "answered" for i in net.ids}
    heard = net.ties[~net.ties["learner"].isin(["p7", "p8"])]
    partial = PeerNetwork(people, heard, observed=status, respondent_is="learner")
    fit = fit_peer_effects(partial, "y ~ a + role", n_draws=0)
    assert fit.n == 55 and fit.provenance["people_left_out"] == {
        "people who did not answer": 2, "people with missing values": 1, "people all of whose peers are left out": 2,
    }  # fmt: skip
    text = fit.summary()
    assert "cannot tell influence from selection" in text and "2 people who did not answer" in text
    assert fit.verdict == "not answered by these data"
    assert list(fit.params["term"]) == ["intercept", "a", "role=v", "no peers", "rho"]
    lonely = PeerNetwork(pd.concat([net.people, net.people.iloc[:2].set_axis(["x", "z"])]), net.ties)
    assert any("have no peers" in note for note in fit_peer_effects(lonely, "y ~ a", n_draws=0).notes)


def test_identification_checks() -> None:
    # Three cliques of equal size: I, W and W squared are dependent, so 2SLS has nothing to go by.
    block = np.kron(np.eye(3), np.ones((4, 4))) - np.eye(12)
    rng = np.random.default_rng(11)
    people = pd.DataFrame(
        {"y": rng.normal(size=12), "a": rng.normal(size=12)}, index=[f"p{i}" for i in range(12)]
    )
    net = PeerNetwork.from_adjacency(block, row_is="teacher", ids=people.index, people=people)
    fit = fit_peer_effects(net, "y ~ a", method="2sls", n_draws=0)
    assert not fit.checks["independent"] and any("not identified" in n for n in fit.notes)
    assert auto.two_stage(data_of(world(60, 12))).checks["independent"]
    weak = fit_peer_effects(
        world(60, 13).with_people(n=rng.normal(size=60)), "placebo ~ n", method="2sls", n_draws=0
    )
    assert weak.checks["first_stage_f"] < 10 and any("Weak instruments" in n for n in weak.notes)
    with pytest.raises(DataError, match="no term gives an instrument"):
        fit_peer_effects(world(40, 14), "y ~ 1", method="2sls", n_draws=0)


def test_wrong_use() -> None:
    net = world(30, 15)
    net = net.with_people(one=1.0, double=2 * net.column("a"))
    with pytest.raises(DataError, match="one is the same for all"):
        fit_peer_effects(net, "y ~ a + one")
    with pytest.raises(DataError, match="'double' follows exactly"):
        fit_peer_effects(net, "y ~ a + double")
    with pytest.raises(DataError, match=r"y follows exactly from 'copy': residuals are 0"):
        fit_peer_effects(net.with_people(copy=3 + 2 * net.column("y")), "y ~ a + copy")
    with pytest.raises(DataError, match=r"y follows exactly from 'y'"):
        fit_peer_effects(net, "y ~ y", method="2sls")
    with pytest.raises(DataError, match="not made of numbers"):
        fit_peer_effects(net, "role ~ a")
    with pytest.raises(DataError, match=r"no column 'agee'"):
        fit_peer_effects(net, "y ~ agee")
    with pytest.raises(DataError, match="nobody of the people used has a peer"):
        fit_peer_effects(PeerNetwork(net.people, net.ties.iloc[:0]), "y ~ a")
    text = net.with_people(early=net.column("a").map("{:.2f}".format), when=pd.Timestamp("2024-01-01"))
    with pytest.raises(DataError, match="lag 'early' is not made of numbers"):
        fit_peer_effects(text, "y ~ a", method="lagged", lag="early")
    with pytest.raises(DataError, match=r"early is read as words .*29 different ones for 30 people"):
        fit_peer_effects(text, "y ~ early")
    with pytest.raises(DataError, match=r"peers\(y\) is in the model already"):
        fit_peer_effects(net, "y ~ peers(y)")
    days = np.arange(30)
    joined = net.with_people(joined=pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D"), days=days)
    a, b = (fit_peer_effects(joined, f"y ~ {c}", n_draws=0).params for c in ("joined", "days"))
    np.testing.assert_allclose(a["estimate"], b["estimate"])
    with pytest.raises(DataError, match="too few"):
        fit_peer_effects(net.subset(["p0", "p1", "p2", "p3"]), "y ~ a")
