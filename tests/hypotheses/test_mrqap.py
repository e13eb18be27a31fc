"""MRQAP: every method against a slow twin that refits from scratch, gaps, blocks, two modes, and wrong use."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, PeerNetwork
from peernet._rng import as_rng, streams
from peernet.hypotheses import _glm, _kernels, mrqap
from peernet.hypotheses._design import build
from peernet.hypotheses._permute import Shuffler, known_alike, shuffler


def world(
    n: int, seed: int, *, silent: tuple[str, ...] = (), gaps: bool = False
) -> tuple[PeerNetwork, dict[str, PeerNetwork]]:
    """Return a weighted network, another one, and people with attributes; some silent or with missing values."""
    rng = np.random.default_rng(seed)
    ids = [f"p{i}" for i in range(n)]
    people = pd.DataFrame(
        {"office": rng.choice(list("ab"), n), "age": rng.integers(20, 60, n) * 1.0}, index=ids
    )
    if gaps:
        people.loc[ids[2], "age"] = np.nan
    off = ~np.eye(n, dtype=bool)
    other = (rng.random((n, n)) < 0.3) & off
    own = (rng.random((n, n)) < 0.25 + 0.3 * other) & off
    values = own * rng.integers(1, 5, (n, n)).astype(float)
    for i in silent:
        values[:, ids.index(i)] = 0.0
    table = pd.DataFrame(values, index=ids, columns=ids)
    full = PeerNetwork.from_adjacency(table, row_is="teacher", people=people)
    status = {i: "silent" if i in silent else "answered" for i in ids}
    net = PeerNetwork(people, full.ties, observed=status, respondent_is="learner" if silent else None)
    return net, {"other": PeerNetwork.from_adjacency(other.astype(float), row_is="teacher", ids=ids)}


FORMULA = "weight ~ other + same(office) + diff(age)"


def ols_t(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    residual = y - x @ beta
    s2 = residual @ residual / (len(y) - x.shape[1])
    return beta / np.sqrt(np.diagonal(np.linalg.inv(x.T @ x)) * s2)


def relabellings(net: PeerNetwork, networks: dict, formula: str) -> Shuffler:
    """Return the relabellings that mrqap draws from: people change places among those known alike."""
    return shuffler(net, None, None, known_alike(build(net, formula, networks).known))


def slow(net: PeerNetwork, networks: dict, formula: str, method: str, p: np.ndarray) -> np.ndarray:
    """Do one permutation in the words of the papers: matrices with NaN, refits from scratch."""
    design = build(net, formula, networks)
    gone = ~design.mask
    y = np.where(gone, np.nan, design.y)
    x = np.where(gone, np.nan, design.x)
    k = len(x)

    def rows(*parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat = np.stack([q.ravel() for q in parts])
        keep = np.isfinite(flat).all(axis=0)
        return flat[0][keep], flat[1:, keep].T

    out = np.empty(k)
    for a in range(k):
        others = [b for b in range(k) if b != a]
        moved = list(x)
        if method == "dsp":
            mask = design.mask
            z, target = x[others][:, mask].T, x[a][mask]
            e = np.full_like(y, np.nan)
            e[mask] = target - z @ np.linalg.lstsq(z, target, rcond=None)[0]
            moved[a] = e[np.ix_(p, p)]
            left, right = rows(y, *moved)
        elif method == "x":
            moved[a] = x[a][np.ix_(p, p)]
            left, right = rows(y, *moved)
        elif method == "y":
            left, right = rows(y[np.ix_(p, p)], *x)
        else:
            mask = design.mask
            z = x[others][:, mask].T
            e = np.full_like(y, np.nan)
            e[mask] = y[mask] - z @ np.linalg.lstsq(z, y[mask], rcond=None)[0]
            left, right = rows(e[np.ix_(p, p)], *x)
        out[a] = ols_t(right, left)[a]
    return out


@pytest.mark.parametrize("method", ["dsp", "freedman-lane", "y", "x"])
@pytest.mark.parametrize("n", [12, 55])
@pytest.mark.parametrize("kind", ["whole", "gaps", "scattered"])
def test_draws_against_the_slow_twin(method: str, n: int, kind: str) -> None:
    silent, gaps = (("p1", "p5"), True) if kind == "gaps" else ((), False)
    net, networks = world(n, 3, silent=silent, gaps=gaps)
    if kind == "scattered":
        table = networks["other"].adjacency.toarray()
        table[[0, 3, 3, 7, 9], [5, 1, 8, 2, 4]] = np.nan
        networks = {"other": pd.DataFrame(table, net.ids, net.ids)}
    fit = mrqap(net, FORMULA, networks=networks, method=method, n_draws=65, rng=9)
    perms = relabellings(net, networks, FORMULA).draw(64, streams(as_rng(9), 2)[0])
    for at in (0, 40):
        np.testing.assert_allclose(
            fit.null[at], slow(net, networks, FORMULA, method, perms[at]), rtol=1e-7, atol=1e-8
        )
    design = build(net, FORMULA, networks)
    y, x = design.cells()
    np.testing.assert_allclose(fit.params["statistic"], ols_t(x, y), rtol=1e-9)
    assert fit.n == len(y)
    if kind == "gaps":
        lost = fit.provenance["cells_left_out"]
        assert lost["answers unknown"] == 2 * (n - 1) and lost["covariates unknown"] > 0
        assert "answers unknown" in fit.summary()


def test_nearly_collinear_regressors_keep_their_digits() -> None:
    """Residuals of 1e-5 of a regressor's size: products of the regressors themselves would lose the digits."""
    net, networks = world(12, 4)
    rng = np.random.default_rng(0)
    near = networks["other"].adjacency.toarray() + 1e-5 * rng.normal(size=(12, 12))
    more = {**networks, "near": pd.DataFrame(near, net.ids, net.ids)}
    formula = "weight ~ other + near"
    fit = mrqap(net, formula, networks=more, n_draws=64, rng=1)
    p = shuffler(net, None).draw(64, streams(as_rng(1), 1)[0])[3]
    np.testing.assert_allclose(fit.null[3], slow(net, more, formula, "dsp", p), rtol=1e-5, atol=1e-6)


def test_without_intercept_and_one_term() -> None:
    net, networks = world(14, 5)
    formula = "weight ~ other - 1"
    fit = mrqap(net, formula, networks=networks, n_draws=64, rng=1)
    p = shuffler(net, None).draw(64, streams(as_rng(1), 1)[0])[3]
    np.testing.assert_allclose(fit.null[3], slow(net, networks, formula, "dsp", p))
    assert list(fit.params["term"]) == ["other"]


@pytest.mark.parametrize("model", ["logit", "poisson"])
@pytest.mark.parametrize("method", ["dsp", "y", "x"])
def test_glm_draws_against_statsmodels(model: str, method: str) -> None:
    import statsmodels.api as sm

    net, networks = world(13, 7, silent=("p2",))
    formula = FORMULA.replace("weight", "tie") if model == "logit" else FORMULA
    fit = mrqap(net, formula, networks=networks, model=model, method=method, n_draws=64, rng=2)
    design = build(net, formula, networks)
    p = relabellings(net, networks, formula).draw(64, streams(as_rng(2), 1)[0])[5]
    mask, k = design.mask, len(design.x)
    x_all = np.where(mask, design.x, np.nan)
    y = np.where(mask, design.y, np.nan)
    family = sm.families.Binomial() if model == "logit" else sm.families.Poisson()
    for a in range(k):
        x, left = x_all.copy(), y
        if method == "dsp":
            others = [b for b in range(k) if b != a]
            z = design.x[others][:, mask].T
            e = np.full_like(y, np.nan)
            e[mask] = design.x[a][mask] - z @ np.linalg.lstsq(z, design.x[a][mask], rcond=None)[0]
            x[a] = e[np.ix_(p, p)]
        elif method == "x":
            x[a] = x[a][np.ix_(p, p)]
        else:
            left = y[np.ix_(p, p)]
        keep = np.isfinite(left) & np.isfinite(x).all(axis=0)
        slow_fit = sm.GLM(left[keep], x[:, keep].T, family=family).fit(tol=1e-14, maxiter=200)
        assert fit.null[5, a] == pytest.approx(slow_fit.tvalues[a], rel=1e-6, abs=1e-6)


def test_compiled_and_plain_glm_agree() -> None:
    rng = np.random.default_rng(8)
    n, k = 11, 3
    rows, columns = np.nonzero(~np.eye(n, dtype=bool))
    x = np.vstack([np.ones(len(rows)), rng.normal(size=(k - 1, len(rows)))])
    y = (rng.random(len(rows)) < 0.3).astype(float)
    moved = rng.normal(size=(n, n))
    moved[2, 4] = np.nan
    perms = np.array([rng.permutation(n) for _ in range(20)])
    for which in (-1, 2):
        source = np.where(rng.random((n, n)) < 0.4, 1.0, 0.0) if which < 0 else moved
        for poisson in (False, True):
            for firth in (False, True):
                a, b = np.empty((20, k)), np.empty((20, k))
                options = (which, np.zeros(k), poisson, firth, 1e-20)
                _glm.glm_batch(perms, rows, columns, x.copy(), y, source, *options, a)
                _kernels.glm_draws(perms, rows, columns, x.copy(), y, source, *options, b)
                np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
                assert np.isfinite(a).all()


def test_poisson_and_logit_fits_are_maxima() -> None:
    import statsmodels.api as sm

    net, networks = world(20, 9)
    for model, formula, family in (
        ("logit", FORMULA.replace("weight", "tie"), sm.families.Binomial()),
        ("poisson", FORMULA, sm.families.Poisson()),
    ):
        fit = mrqap(net, formula, networks=networks, model=model, n_draws=3, rng=0)
        y, x = build(net, formula, networks).cells()
        twin = sm.GLM(y, x, family=family).fit(tol=1e-14)
        np.testing.assert_allclose(fit.params["estimate"], twin.params, rtol=1e-8)
        np.testing.assert_allclose(fit.params["statistic"], twin.tvalues, rtol=1e-5)
        assert fit.log_likelihood == pytest.approx(twin.llf)
        assert fit.deviance == pytest.approx(twin.deviance)
        assert fit.null_deviance == pytest.approx(twin.null_deviance)


def test_every_arrangement_of_few_people() -> None:
    net, networks = world(5, 11)
    formula = "weight ~ other + diff(age)"
    fit = mrqap(net, formula, networks=networks, n_draws=120, rng=0)
    assert len(fit.null) == 120 and fit.provenance["exact"]
    every = np.array([slow(net, networks, formula, "dsp", np.array(p)) for p in permutations(range(5))])
    seen = slow(net, networks, formula, "dsp", np.arange(5))
    want = (np.abs(every) >= np.abs(seen) * (1 - 1e-9)).mean(axis=0)
    np.testing.assert_allclose(fit.null_table["p_two_sided"], want, atol=1e-12)
    np.testing.assert_allclose(fit.params["p_value"][1:], want[1:], atol=1e-12)
    assert (fit.null_table["p_two_sided"] >= 1 / 120).all()


def test_people_move_within_units_only() -> None:
    net, networks = world(10, 12)
    net = net.with_people(site=list("aaaabbbbcc"))
    fit = mrqap(net, "weight ~ same(site) + other", networks=networks, within="site", n_draws=100, rng=0)
    # The pattern of sites is the same after every move within sites, so it is not tested against chance.
    same = fit.null[:, 1]
    assert fit.params["term"][1] == "same(site)" and "within site" in fit.inference
    full = mrqap(net, "weight ~ same(site) + other", networks=networks, n_draws=100, rng=0)
    assert same.std() < full.null[:, 1].std()


def test_two_modes() -> None:
    rng = np.random.default_rng(13)
    ids = [f"m{i}" for i in range(4)] + [f"t{i}" for i in range(3)]
    people = pd.DataFrame({"kind": ["mentor"] * 4 + ["trainee"] * 3, "age": rng.normal(40, 9, 7)}, index=ids)
    values = np.zeros((7, 7))
    values[:4, 4:] = rng.integers(0, 3, (4, 3))
    net = PeerNetwork.from_adjacency(pd.DataFrame(values, ids, ids), row_is="teacher", people=people)
    fit = mrqap(net, "weight ~ diff(age)", two_mode="kind", n_draws=200, rng=0)
    assert fit.n == 12 and len(fit.null) == 24 * 6
    block = values[:4, 4:]
    gap = np.abs(people["age"].to_numpy()[:4, None] - people["age"].to_numpy()[None, 4:])
    every = []
    for p in permutations(range(4)):
        for q in permutations(range(3)):
            x = np.column_stack([np.ones(12), gap[np.ix_(p, q)].ravel()])
            every.append(ols_t(x, block.ravel())[1])
    np.testing.assert_allclose(np.sort(fit.null[:, 1]), np.sort(every), rtol=1e-8)
    with pytest.raises(DataError, match="stay within one"):
        mrqap(net.with_people(kind=list("xyxyxyx")), "weight ~ diff(age)", two_mode="kind")
    with pytest.raises(DataError, match="it needs two"):
        mrqap(net.with_people(kind="x"), "weight ~ diff(age)", two_mode="kind")


def test_workers_and_progress_do_not_change_the_answer() -> None:
    net, networks = world(60, 14)
    for model, formula in (("linear", FORMULA), ("logit", FORMULA.replace("weight", "tie"))):
        one = mrqap(net, formula, networks=networks, model=model, n_draws=130, rng=4)
        two = mrqap(net, formula, networks=networks, model=model, n_draws=130, rng=4, n_jobs=2, progress=True)
        np.testing.assert_array_equal(one.null, two.null)
    other = mrqap(net, FORMULA, networks=networks, n_draws=130, rng=5)
    assert not np.array_equal(one.null, other.null)


def test_reversing_the_networks_swaps_teacher_and_learner() -> None:
    net, networks = world(16, 15)
    fit = mrqap(net, "weight ~ other + teacher(age) + learner(office)", networks=networks, n_draws=3, rng=0)
    back = {k: v.reverse() for k, v in networks.items()}
    turned = mrqap(
        net.reverse(), "weight ~ other + learner(age) + teacher(office)", networks=back, n_draws=3, rng=0
    )
    np.testing.assert_allclose(fit.params["estimate"], turned.params["estimate"], rtol=1e-9)
    wrong = mrqap(
        net.reverse(), "weight ~ other + teacher(age) + learner(office)", networks=back, n_draws=3, rng=0
    )
    assert not np.allclose(fit.params["estimate"], wrong.params["estimate"])


def test_relabelling_people_changes_nothing() -> None:
    net, networks = world(15, 16)
    order = list(np.random.default_rng(0).permutation(net.ids))
    mixed = PeerNetwork(net.people.loc[order], net.ties.sample(frac=1, random_state=1))
    a = mrqap(net, FORMULA, networks=networks, n_draws=2, rng=0).params
    b = mrqap(mixed, FORMULA, networks=networks, n_draws=2, rng=0).params
    np.testing.assert_allclose(a["statistic"], b["statistic"], rtol=1e-9)


def test_separation_brings_in_firth() -> None:
    net, _ = world(12, 17)
    inside = net.ties.assign(weight=1.0).iloc[::4]
    boss = PeerNetwork(net.people, inside)
    fit = mrqap(net, "tie ~ boss + diff(age)", networks={"boss": boss}, model="logit", n_draws=50, rng=0)
    assert any("Firth" in note for note in fit.notes)
    assert np.isfinite(fit.params[["estimate", "statistic", "p_value"]].iloc[1:]).all().all()
    y, x = build(net, "tie ~ boss + diff(age)", {"boss": boss}).cells()
    # At the maximum of the penalised likelihood its slope is 0 in every direction.
    beta = fit.params["estimate"].to_numpy()

    def penalised(b: np.ndarray) -> float:
        mu = 1 / (1 + np.exp(-x @ b))
        info = (x * (mu * (1 - mu))[:, None]).T @ x
        return float((y * (x @ b) - np.logaddexp(0, x @ b)).sum() + 0.5 * np.linalg.slogdet(info)[1])

    for a in range(3):
        step = np.zeros(3)
        step[a] = 1e-4 / np.abs(x[:, a]).max()
        assert penalised(beta) >= max(penalised(beta + step), penalised(beta - step))


def test_isolates_are_cells() -> None:
    net, _ = world(10, 18)
    more = PeerNetwork(pd.concat([net.people, net.people.iloc[:2].set_axis(["x", "y"])]), net.ties)
    assert mrqap(more, "tie ~ diff(age)", n_draws=2, rng=0).n == 12 * 11


def test_wrong_use() -> None:
    net, networks = world(10, 19)
    for model, formula in (
        ("linear", "weight ~ copy"),
        ("logit", "tie ~ other + tie(copy)"),
        ("poisson", "weight ~ copy"),
    ):
        with pytest.raises(
            DataError, match="is the response, or a copy of it, among its own covariates".capitalize()
        ):
            mrqap(net, formula, networks={**networks, "copy": net}, model=model)
    with pytest.raises(ValueError, match=r"method must be one of 'dsp'"):
        mrqap(net, FORMULA, networks=networks, method="qap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"only model="):
        mrqap(net, "tie ~ other", networks=networks, model="logit", method="freedman-lane")
    with pytest.raises(ValueError, match=r"write 'tie ~ \.\.\.'"):
        mrqap(net, "weight ~ other", networks=networks, model="logit")
    with pytest.raises(ValueError, match="n_draws"):
        mrqap(net, FORMULA, networks=networks, n_draws=0)
    with pytest.raises(TypeError, match="RandomState"):
        mrqap(net, FORMULA, networks=networks, rng=np.random.RandomState(0))  # type: ignore[arg-type]


def test_the_answer_explains_itself() -> None:
    net, networks = world(15, 20)
    fit = mrqap(net, FORMULA, networks=networks, n_draws=200, rng=0)
    frame = fit.to_frame()
    assert list(frame.columns) == ["term", "estimate", "std_error", "statistic", "p_value", "low", "high"]
    assert frame["term"][0] == "intercept" and frame["std_error"].isna().all()
    np.testing.assert_allclose(frame["low"][1:], np.quantile(fit.null, 0.025, axis=0)[1:])
    as_large = (abs(fit.null) >= abs(frame["statistic"].to_numpy())).sum(axis=0)
    np.testing.assert_allclose(frame["p_value"][1:], ((1 + as_large) / 201)[1:])
    # Moving people is no test of the intercept; sna gives one all the same.
    assert frame.loc[0, ["p_value", "low", "high"]].isna().all() and "(not tested)" in fit.summary()
    theirs = mrqap(net, FORMULA, networks=networks, n_draws=200, rng=0, compat="sna").to_frame()
    np.testing.assert_allclose(theirs["p_value"], as_large / 200)
    text = fit.summary()
    assert "double semi-partialing" in text and "against chance" in text and "15 people" in text
    assert fit.provenance["rng"]["entropy"] == 0
    ax = fit.plot()
    assert "t statistic" in ax.get_xlabel() and len(ax.get_yticks()) == 3
    import matplotlib.pyplot as plt

    plt.close("all")
