"""Dyadic regression: variances against the double sum over pairs of pairs, fixed effects against dummies, wrong use."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetWarning, PeerNetwork
from peernet.hypotheses import dyadic_regression
from peernet.hypotheses._design import build

# Small networks on purpose; the warning has a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore:dyadic_regression. with")


def world(n: int, seed: int, *, silent: bool = False) -> tuple[PeerNetwork, dict[str, PeerNetwork]]:
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    people = pd.DataFrame(
        {"office": rng.choice(list("ab"), n), "age": rng.integers(20, 60, n) * 1.0}, index=ids
    )
    off = ~np.eye(n, dtype=bool)
    other = (rng.random((n, n)) < 0.3) & off
    values = ((rng.random((n, n)) < 0.3 + 0.3 * other) & off) * rng.integers(1, 5, (n, n)).astype(float)
    if silent:
        values[:, 2] = 0
    full = PeerNetwork.from_adjacency(pd.DataFrame(values, ids, ids), row_is="teacher", people=people)
    status = {i: "silent" if silent and i == "p2" else "answered" for i in ids}
    net = PeerNetwork(people, full.ties, observed=status, respondent_is="learner")
    return net, {"other": PeerNetwork.from_adjacency(other.astype(float), row_is="teacher", ids=ids)}


FORMULA = "weight ~ other + teacher(age) + same(office)"


def formula_of(model: str) -> str:
    return FORMULA.replace("weight", "tie") if model == "logit" else FORMULA


def slow_variance(net, networks, formula, model, shares) -> np.ndarray:
    """Add the products of all pairs of cells for which ``shares(i, j, k, l)`` says that they are related."""
    import statsmodels.api as sm

    design = build(net, formula, networks)
    y, x = design.cells()
    family = {"linear": sm.families.Gaussian, "logit": sm.families.Binomial, "poisson": sm.families.Poisson}[
        model
    ]()
    fit = sm.GLM(y, x, family=family).fit(tol=1e-14)
    mu = fit.fittedvalues
    w = {"linear": np.ones_like(mu), "logit": mu * (1 - mu), "poisson": mu}[model]
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    u = x * (y - mu)[:, None]
    ends = np.argwhere(design.mask)
    meat = np.zeros((x.shape[1],) * 2)
    for a, (i, j) in enumerate(ends):
        for b, (k, m) in enumerate(ends):
            if shares(i, j, k, m):
                meat += np.outer(u[a], u[b])
    return bread @ meat @ bread


RELATED = {
    "dyadic": lambda i, j, k, m: bool({i, j} & {k, m}),
    "two-way": lambda i, j, k, m: i == k or j == m,
    "teacher": lambda i, j, k, m: i == k,
    "learner": lambda i, j, k, m: j == m,
    "pair": lambda i, j, k, m: {i, j} == {k, m},
    "robust": lambda i, j, k, m: (i, j) == (k, m),
}


@pytest.mark.parametrize("variance", list(RELATED))
@pytest.mark.parametrize("model", ["linear", "logit", "poisson"])
def test_variance_against_the_double_sum(variance: str, model: str) -> None:
    net, networks = world(9, 1, silent=True)
    fit = dyadic_regression(net, formula_of(model), networks=networks, model=model, variance=variance)
    assert fit.n == 8 * 8
    want = slow_variance(net, networks, formula_of(model), model, RELATED[variance])
    got = fit.vcov.to_numpy()
    gone = np.diagonal(want) <= 0
    assert np.array_equal(np.isnan(got), gone[:, None] | gone[None, :])
    np.testing.assert_allclose(got[~gone][:, ~gone], want[~gone][:, ~gone], rtol=1e-4, atol=1e-9)
    frame = fit.to_frame()
    np.testing.assert_allclose(frame["std_error"], np.sqrt(np.diagonal(fit.vcov)))
    np.testing.assert_allclose(frame["statistic"], frame["estimate"] / frame["std_error"])


def test_degrees_of_freedom_are_people() -> None:
    from scipy import stats

    net, networks = world(12, 2)
    fit = dyadic_regression(net, FORMULA, networks=networks, level=0.9)
    row = fit.params.iloc[1]
    assert fit.df == 11 and fit.n == 132 and fit.n_people == 12
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(row["statistic"]), 11))
    assert row["high"] - row["estimate"] == pytest.approx(stats.t.ppf(0.95, 11) * row["std_error"])
    plain = fit.vcov.to_numpy()
    people = dyadic_regression(net, FORMULA, networks=networks, correction="people")
    cells = dyadic_regression(net, FORMULA, networks=networks, correction="cells")
    np.testing.assert_allclose(people.vcov, plain * 12 / 11)
    np.testing.assert_allclose(cells.vcov, plain * 132 / 128)


@pytest.mark.parametrize("model", ["linear", "logit", "poisson"])
def test_jackknife_against_refits(model: str) -> None:
    import statsmodels.api as sm

    net, networks = world(14, 3)
    fit = dyadic_regression(net, formula_of(model), networks=networks, model=model, variance="jackknife")
    design = build(net, formula_of(model), networks)
    y, x = design.cells()
    ends = np.argwhere(design.mask)
    family = {"linear": sm.families.Gaussian, "logit": sm.families.Binomial, "poisson": sm.families.Poisson}[
        model
    ]()
    total = np.zeros((4, 4))
    for person in range(14):
        keep = (ends != person).all(axis=1)
        step = (
            sm.GLM(y[keep], x[keep], family=family).fit(tol=1e-13).params - fit.params["estimate"].to_numpy()
        )
        total += np.outer(step, step)
    np.testing.assert_allclose(fit.vcov, total * 13 / 14, rtol=1e-5, atol=1e-10)
    assert "jackknife" in fit.summary()


@pytest.mark.parametrize("which", ["teacher", "learner", "two-way"])
@pytest.mark.parametrize("model", ["linear", "poisson"])
def test_fixed_effects_against_dummies(which: str, model: str) -> None:
    import statsmodels.api as sm

    net, networks = world(11, 14)
    formula = "weight ~ other + diff(age)"
    fit = dyadic_regression(net, formula, networks=networks, model=model, fixed_effects=which)
    design = build(net, formula, networks)
    y, x = design.cells()
    ends = np.argwhere(design.mask)
    dummies = [
        ends[:, s : s + 1] == np.arange(11)[None, (1 if s and which == "two-way" else 0) :] for s in (0, 1)
    ]
    used = {"teacher": dummies[:1], "learner": [ends[:, 1:] == np.arange(11)], "two-way": dummies}[which]
    full = np.column_stack([x[:, 1:], *used]).astype(float)
    keep = np.ones(len(y), dtype=bool)
    if model == "poisson":
        assert "people without any response under fixed effects" in fit.provenance["cells_left_out"]
    family = sm.families.Gaussian() if model == "linear" else sm.families.Poisson()
    twin = sm.GLM(y[keep], full[keep], family=family).fit(tol=1e-14)
    assert list(fit.params["term"]) == ["other", "diff(age)"]
    np.testing.assert_allclose(fit.params["estimate"], twin.params[:2], rtol=1e-7)
    # By Frisch and Waugh the covariance of the terms is that of the full model's first rows.
    mu = twin.fittedvalues
    w = np.ones_like(mu) if model == "linear" else mu
    bread = np.linalg.inv((full * w[:, None]).T @ full)
    u = full * (y - mu)[:, None]
    s = np.stack([u[(ends == p).any(axis=1)].sum(axis=0) for p in range(11)])
    low, high = ends.min(axis=1), ends.max(axis=1)
    d = [u[(low == a) & (high == b)].sum(axis=0) for b in range(11) for a in range(b)]
    meat = s.T @ s - sum(np.outer(v, v) for v in d)
    np.testing.assert_allclose(fit.vcov, (bread @ meat @ bread)[:2, :2], rtol=1e-5, atol=1e-10)


def test_fixed_effects_refuse() -> None:
    net, networks = world(11, 5)
    with pytest.raises(DataError, match=r"teacher\(age\)' does not vary within a teacher"):
        dyadic_regression(net, FORMULA, networks=networks, fixed_effects="teacher")
    with pytest.raises(ValueError, match="in a logit they bias"):
        dyadic_regression(net, "tie ~ other", networks=networks, model="logit", fixed_effects="two-way")
    with pytest.raises(DataError, match="does not vary within a two-way"):
        dyadic_regression(net, "weight ~ signed(age) + other", networks=networks, fixed_effects="two-way")
    table = networks["other"].adjacency.toarray() + net.column("age").to_numpy(dtype=float)[:, None]
    shifted = pd.DataFrame(table, net.ids, net.ids)
    with pytest.raises(DataError, match="collinear"):
        dyadic_regression(
            net,
            "weight ~ other + shifted",
            networks={**networks, "shifted": shifted},
            fixed_effects="two-way",
        )
    net, networks = world(11, 4)
    with pytest.raises(FitError, match="estimate is infinite"):
        dyadic_regression(
            net, "weight ~ other + same(office)", networks=networks, model="poisson", fixed_effects="two-way"
        )


def test_reversing_and_relabelling() -> None:
    net, networks = world(13, 6)
    fit = dyadic_regression(net, FORMULA, networks=networks)
    back = {k: v.reverse() for k, v in networks.items()}
    turned = dyadic_regression(net.reverse(), FORMULA.replace("teacher", "learner"), networks=back)
    np.testing.assert_allclose(fit.vcov, turned.vcov, rtol=1e-9)
    order = list(np.random.default_rng(0).permutation(net.ids))
    mixed = PeerNetwork(net.people.loc[order], net.ties, observed=net.observed, respondent_is="learner")
    again = dyadic_regression(mixed, FORMULA, networks=networks)
    np.testing.assert_allclose(fit.params["std_error"], again.params["std_error"], rtol=1e-9)


def separating(seed: int = 7) -> tuple[PeerNetwork, PeerNetwork]:
    """Return a network and another one whose ties are all among its own."""
    net, _ = world(12, seed)
    return net, PeerNetwork(net.people, net.ties.assign(weight=1.0).iloc[::4])


@pytest.mark.parametrize("variance", ["dyadic", "jackknife", "classical"])
def test_separation_has_no_standard_error_but_a_profile(variance: str) -> None:
    net, boss = separating()
    formula = "tie ~ boss + diff(age)"
    fit = dyadic_regression(net, formula, networks={"boss": boss}, model="logit", variance=variance)
    assert any("Firth" in note for note in fit.notes) and any("boss separates" in note for note in fit.notes)
    row = fit.params.iloc[1]
    assert row[["std_error", "statistic"]].isna().all() and fit.vcov.loc["boss"].isna().all()
    assert row["low"] < row["estimate"] < row["high"] and 0 < row["p_value"] < 1
    assert fit.params.iloc[2][["std_error", "p_value", "low"]].notna().all()
    assert (row["low"] > 0) == (row["p_value"] < 0.05)


def test_profile_against_a_search_over_the_penalised_likelihood() -> None:
    """Independent pairs: 2 (top - profile at 0) is an F; the interval ends where the drop reaches its quantile."""
    from scipy import optimize, stats

    net, boss = separating()
    fit = dyadic_regression(
        net, "tie ~ boss + diff(age)", networks={"boss": boss}, model="logit", variance="classical"
    )
    y, x = build(net, "tie ~ boss + diff(age)", {"boss": boss}).cells()
    x = x / [1, 1, 10]

    def negative(b: np.ndarray) -> float:
        mu = 1 / (1 + np.exp(-x @ b))
        w = mu * (1 - mu)
        return -float(
            (y * (x @ b) - np.logaddexp(0, x @ b)).sum() + 0.5 * np.linalg.slogdet((x * w[:, None]).T @ x)[1]
        )

    def profile(value: float) -> float:
        start = fit.params["estimate"].to_numpy()[[0, 2]] * [1, 10]
        found = optimize.minimize(
            lambda o: negative(np.array([o[0], value, o[1]])), start, method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
        )  # fmt: skip
        return float(found.fun)

    row = fit.params.iloc[1]
    top = profile(row["estimate"])
    df = fit.n - 3
    assert "divided by" not in fit.notes[1]
    statistic = 2 * (profile(0.0) - top)
    quantile = stats.t.ppf(0.975, df) ** 2
    drops = np.array([2 * (profile(row[e]) - top) for e in ("low", "high")])
    np.testing.assert_allclose(drops / drops[0], 1, rtol=1e-3)
    assert drops[0] / quantile == pytest.approx(1, rel=1e-3)
    assert row["p_value"] == pytest.approx(stats.f.sf(statistic * quantile / drops[0], 1, df), rel=1e-3)


def test_poisson_separates_where_a_covariate_says_exactly_where_there_is_nothing() -> None:
    net, _ = world(12, 7)
    never = (net.adjacency.toarray() == 0) & (np.random.default_rng(0).random((12, 12)) < 0.3)
    np.fill_diagonal(never, False)
    table = pd.DataFrame(never.astype(float), net.ids, net.ids)
    count = dyadic_regression(net, "weight ~ never + diff(age)", networks={"never": table}, model="poisson")
    row = count.params.iloc[1]
    assert any("Firth" in note for note in count.notes) and row["estimate"] < -1
    assert np.isnan(row["std_error"]) and row["low"] < row["estimate"] < row["high"]


def test_the_scale_of_a_profile_against_loops() -> None:
    from peernet.hypotheses import _glm, _pair_variance, _penalised

    net, boss = separating()
    design = build(net, "tie ~ boss + diff(age)", {"boss": boss})
    y, x = design.cells()
    fit = _glm.fit_cells(x, y, "logit")
    assert fit.infinite is not None and list(fit.infinite != 0) == [False, True, False]
    ends = np.argwhere(design.mask)
    cells = _pair_variance.Cells(y, x, ends[:, 0], ends[:, 1], design.names, 12)
    v = np.random.default_rng(0).normal(size=len(y))
    kinds = {"teacher": 0.0, "learner": 0.0, "rest": 0.0}
    for a, (i, j) in enumerate(ends):
        for b, (k, m) in enumerate(ends):
            if a != b and {i, j} & {k, m}:
                kinds["teacher" if i == k else "learner" if j == m else "rest"] += v[a] * v[b]
    np.testing.assert_allclose(_pair_variance.related(v, cells, "dyadic"), list(kinds.values()), atol=1e-9)
    np.testing.assert_allclose(
        _pair_variance.related(v, cells, "two-way"), list(kinds.values())[:2], atol=1e-9
    )
    assert len(_pair_variance.related(v, cells, "classical")) == 0
    plain, one = _penalised.penalised_test(fit, y, 1, False, lambda v: np.zeros(0))
    scaled, more = _penalised.penalised_test(
        fit, y, 1, False, lambda v: _pair_variance.related(v, cells, "dyadic")
    )
    assert one == 1 and more >= 1 and scaled == pytest.approx(plain / more)


def test_a_term_that_tells_everything_has_no_interval() -> None:
    net, _ = world(12, 7)
    values = net.adjacency.toarray() + np.random.default_rng(0).uniform(0, 0.5, (12, 12))
    table = pd.DataFrame(values, net.ids, net.ids)
    fit = dyadic_regression(net, "tie ~ table", networks={"table": table}, model="logit")
    assert fit.params.loc[1, ["std_error", "p_value", "low", "high"]].isna().all()
    assert any("tells all ties from non-ties" in note for note in fit.notes)


def test_a_perfect_fit_is_refused_by_name() -> None:
    net, networks = world(12, 7)
    with pytest.raises(DataError, match=r"follows exactly from 'copy': residuals are 0"):
        dyadic_regression(net, "weight ~ copy + other", networks={**networks, "copy": net})
    with pytest.raises(DataError, match="follows exactly from 'copy'"):
        twice = PeerNetwork(net.people, net.ties.assign(weight=2.5))
        dyadic_regression(net, "tie ~ copy + other", model="logit", networks={**networks, "copy": twice})
    part = PeerNetwork(net.people, net.ties.iloc[::2])
    rest = PeerNetwork(net.people, net.ties.iloc[1::2])
    with pytest.raises(DataError, match="follows exactly from 'part', 'rest'"):
        dyadic_regression(
            net, "weight ~ part + other + rest", networks={**networks, "part": part, "rest": rest}
        )
    # Nearly perfect is allowed, and so is a small spread on top of a large number.
    noisy = net.adjacency.toarray() + np.random.default_rng(0).normal(0, 1e-4, (12, 12))
    table = pd.DataFrame(noisy, net.ids, net.ids)
    assert dyadic_regression(net, "weight ~ near", networks={"near": table}).r_squared > 0.999


def test_a_negative_variance_is_not_a_small_one() -> None:
    """NaN and words instead of an invented error; the jackknife has an answer."""
    found = 0
    for seed in range(40):
        net, networks = world(8, seed)
        want = slow_variance(net, networks, FORMULA, "linear", RELATED["dyadic"])
        gone = np.diagonal(want) <= 0
        if not gone.any():
            continue
        found += 1
        fit = dyadic_regression(net, FORMULA, networks=networks)
        assert np.array_equal(fit.params["std_error"].isna(), gone)
        assert fit.params.loc[gone, ["p_value", "low", "high"]].isna().all().all()
        assert any("came out negative" in note for note in fit.notes)
        kept = fit.params["std_error"][~gone]
        np.testing.assert_allclose(kept, np.sqrt(np.diagonal(want)[~gone]))
        assert "n/a" in fit.summary() or "not tested" in fit.summary()
        break
    assert found


def test_few_people_bring_a_warning_with_the_measured_size() -> None:
    net, networks = world(20, 3)
    with pytest.warns(PeerNetWarning, match=r"with 20 people .* rejects .* Use variance='jackknife'"):
        dyadic_regression(net, FORMULA, networks=networks)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dyadic_regression(net, FORMULA, networks=networks, variance="jackknife")


def test_a_coefficient_that_rests_on_one_person() -> None:
    net, _ = world(12, 8)
    special = net.with_people(chief=[1.0] + [0.0] * 11)
    with pytest.raises(FitError, match="rests on that person alone"):
        dyadic_regression(special, "weight ~ teacher(chief) + diff(age)", variance="jackknife")


def test_wrong_words_and_the_answer() -> None:
    net, networks = world(12, 9)
    with pytest.raises(ValueError, match="variance must be one of 'dyadic'"):
        dyadic_regression(net, FORMULA, networks=networks, variance="cluster")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="correction must be one of"):
        dyadic_regression(net, FORMULA, networks=networks, correction="hc1")  # type: ignore[arg-type]
    fit = dyadic_regression(net, FORMULA, networks=networks)
    assert list(fit.to_frame().columns) == [
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "low",
        "high",
    ]
    assert "132 ordered pairs of 12 people" in fit.summary() and "11 degrees of freedom" in fit.summary()
    assert "change in the response" in fit.plot().get_xlabel()
    import matplotlib.pyplot as plt

    plt.close("all")
