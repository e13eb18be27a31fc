"""Size and coverage of the network tests on data whose truth is known.

A short version runs with the other tests. The long one (2,000 data sets a line) is the table of
docs/calibration/network_tests.md: ``python tests/calibration/test_network_tests.py 2000`` (a second number: workers).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peernet import FitError, PeerNetWarning, PeerNetwork
from peernet.hypotheses import cug_test, dyadic_regression, fit_ergm, fit_peer_effects, mrqap, qap_correlation

SEED = 20_240_608
N = 24
# 5 % of 99 + 1 is a whole number, so an exact test rejects in exactly 5 %.
DRAWS = 99
World = Callable[[np.random.Generator, int], tuple[PeerNetwork, dict[str, pd.DataFrame]]]


def _table(values: np.ndarray) -> pd.DataFrame:
    ids = [f"p{i:02d}" for i in range(len(values))]
    return pd.DataFrame(values, index=ids, columns=ids)


def _weights(values: np.ndarray) -> PeerNetwork:
    """Return a network whose weights are the values moved above 0, which changes the intercept only."""
    shifted = values - values.min() + 1.0
    np.fill_diagonal(shifted, 0.0)
    return PeerNetwork.from_adjacency(_table(shifted), row_is="teacher")


def _ties(values: np.ndarray, density: float) -> PeerNetwork:
    """Return a network with ties where values are highest."""
    off = ~np.eye(len(values), dtype=bool)
    present = (values > np.quantile(values[off], 1 - density)) & off
    return PeerNetwork.from_adjacency(_table(present.astype(float)), row_is="teacher")


def _people_effects(rng: np.random.Generator, n: int, *, heavy: bool = False) -> np.ndarray:
    """Return noise plus an effect of each person in both roles: cells that share a person are alike."""
    u = rng.lognormal(0, 0.7, n) if heavy else rng.normal(size=n)
    v = rng.lognormal(0, 0.7, n) if heavy else 0.7 * u + 0.7 * rng.normal(size=n)
    return u[:, None] + v[None, :] + rng.normal(size=(n, n))


def collinear(rng: np.random.Generator, n: int) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """x correlates at .8 with z; z works, x does not; cells that share a person are alike in all."""
    z = _people_effects(rng, n)
    x = 0.8 * z + 0.6 * _people_effects(rng, n)
    return _weights(0.5 * z + _people_effects(rng, n)), {"x": _table(x), "z": _table(z)}


def autocorrelated(rng: np.random.Generator, n: int) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """Neither x nor z works; x and the errors are alike in cells that share a person."""
    x, z = _people_effects(rng, n), rng.normal(size=(n, n))
    return _weights(_people_effects(rng, n)), {"x": _table(x), "z": _table(z)}


def hidden(rng: np.random.Generator, n: int) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """As autocorrelated, but a strong z without structure hides that the errors have one."""
    x, z = _people_effects(rng, n), rng.normal(size=(n, n))
    return _weights(6.0 * z + _people_effects(rng, n)), {"x": _table(x), "z": _table(z)}


def skewed(rng: np.random.Generator, n: int) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """Ties and x are networks with log-normal popularity; neither x nor z works."""
    x = _ties(_people_effects(rng, n, heavy=True), 0.2).adjacency.toarray()
    z = _people_effects(rng, n)
    return _ties(_people_effects(rng, n, heavy=True), 0.2), {"x": _table(x), "z": _table(z)}


def counts(rng: np.random.Generator, n: int) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """Weights are counts of episodes with skewed popularity; neither x nor z works."""
    mean = np.exp(0.5 * _people_effects(rng, n) - 0.5)
    values = rng.poisson(mean).astype(float)
    np.fill_diagonal(values, 0.0)
    net = PeerNetwork.from_adjacency(_table(values), row_is="teacher")
    return net, {"x": _table(_people_effects(rng, n)), "z": _table(_people_effects(rng, n))}


def quiet(net: PeerNetwork, gone: object) -> PeerNetwork:
    """Return the network without the answers of some people: from whom they learn is unknown."""
    lost = set(gone)
    status = {i: "silent" if i in lost else "answered" for i in net.ids}
    heard = net.ties[~net.ties["learner"].isin(lost)]
    return PeerNetwork(net.people, heard, observed=status, respondent_is="learner")


UNIT = np.repeat(list("abc"), N // 3)
SILENT = N // 4
Asked = tuple[PeerNetwork, dict[str, pd.DataFrame], str, str]


def silent_at_random(rng: np.random.Generator) -> Asked:
    """As collinear, but a quarter of the people did not answer."""
    net, networks = collinear(rng, N)
    return quiet(net, rng.choice(net.ids, SILENT, replace=False)), networks, "weight ~ x + z", "x"


def silent_in_one_unit(rng: np.random.Generator) -> Asked:
    """Six of the eight people of unit a did not answer, and x is larger where unit a is; it does nothing."""
    inside = UNIT == "a"
    x, z = _people_effects(rng, N), _people_effects(rng, N)
    x = x + 1.5 * (inside[:, None] + inside[None, :])
    net = _weights(0.5 * z + _people_effects(rng, N))
    return quiet(net, net.ids[:SILENT]), {"x": _table(x), "z": _table(z)}, "weight ~ x + z", "x"


def silent_and_same_unit(rng: np.random.Generator) -> Asked:
    """The same silence; the question is whether people of a unit teach each other more, which they do not."""
    z = _people_effects(rng, N)
    net = _weights(0.5 * z + _people_effects(rng, N)).with_people(unit=UNIT)
    return quiet(net, net.ids[:SILENT]), {"z": _table(z)}, "weight ~ same(unit) + z", "same(unit)"


def without_age(rng: np.random.Generator) -> Asked:
    """Everybody answered; the age of a quarter is unknown. It does nothing."""
    z, age = _people_effects(rng, N), rng.normal(size=N)
    age[rng.choice(N, SILENT, replace=False)] = np.nan
    net = _weights(0.5 * z + _people_effects(rng, N)).with_people(age=age)
    return net, {"z": _table(z)}, "weight ~ diff(age) + z", "diff(age)"


def unknown_cells(rng: np.random.Generator) -> Asked:
    """As collinear, but a quarter of the cells of x, drawn one by one, are unknown."""
    net, networks = collinear(rng, N)
    return net, {**networks, "x": networks["x"].mask(rng.random((N, N)) < 0.25)}, "weight ~ x + z", "x"


SILENCES: dict[str, Callable[[np.random.Generator], Asked]] = {
    "silent at random": silent_at_random,
    "silent in one unit": silent_in_one_unit,
    "silent in one unit, same(unit)": silent_and_same_unit,
    "age unknown": without_age,
    "cells unknown": unknown_cells,
}
MOVED = ("dsp", "freedman-lane", "y", "qap_correlation, greater")


def of_silence(kind: str, n_sets: int, *, workers: int = 1, methods: tuple[str, ...] = MOVED) -> pd.Series:
    """Return sizes where something is unknown: people known alike change places (peernet), or all of them (sna).

    sna's p is b / R, peernet's (b + 1) / (R + 1): with 99 draws the first rejects at 4 / 99, the second at 5 / 100.
    """

    def one(rng: np.random.Generator) -> np.ndarray:
        net, networks, formula, term = SILENCES[kind](rng)
        found = []
        for compat, most in ((None, 0.05), ("sna", 4 / DRAWS)):
            for method in methods:
                options = {"n_draws": DRAWS, "rng": rng, "compat": compat}
                if method in PERMUTED:
                    table = mrqap(net, formula, networks=networks, method=method, **options).null_table
                    p = float(table.set_index("term").loc[term, "p_two_sided"])
                else:
                    # x goes with z in some worlds, and z works: the correlation of ties with x is not 0 there.
                    other = rng.permutation(N)
                    alone = term if term not in networks else networks[term].iloc[other, other].to_numpy()
                    second = alone if isinstance(alone, str) else _table(alone)
                    p = qap_correlation(net, second, alternative="greater", **options).p_value
                found.append(p <= most + 1e-12)
        return np.array(found)

    names = [f"{m}{', all move' if c else ''}" for c in (None, "sna") for m in methods]
    return pd.Series(_spread(one, n_sets, SEED + 5, workers).mean(axis=0), index=names)


WORLDS: dict[str, World] = {
    "collinear covariates": collinear,
    "autocorrelated errors": autocorrelated,
    "structure hidden by a strong covariate": hidden,
    "skewed degrees": skewed,
}
PERMUTED = ("dsp", "freedman-lane", "y", "x")
LINEAR = ("dsp", "freedman-lane", "y", "classical", "two-way", "dyadic", "jackknife")
GENERALISED = ("dsp", "y", "classical", "two-way", "dyadic")


def p_value(
    method: str,
    net: PeerNetwork,
    networks: dict[str, pd.DataFrame],
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> float:
    """Return the p-value of x by one method; NaN where it has no answer."""
    model, _, way = method.rpartition(" ")
    model = model or "linear"
    left = "weight" if net.weight.max() > 1 else "tie"
    formula = f"{left} ~ x + z"
    if way in PERMUTED:
        fit = mrqap(net, formula, networks=networks, model=model, method=way, n_draws=draws, rng=rng)
        return float(fit.params["p_value"][1])
    correction = "people" if way == "dyadic" else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PeerNetWarning)
            fit = dyadic_regression(
                net, formula, networks=networks, model=model, variance=way, correction=correction
            )
    except FitError:
        return float("nan")
    return float(fit.params["p_value"][1])


def _spread(
    one: Callable[[np.random.Generator], np.ndarray], n_sets: int, seed: int, workers: int
) -> np.ndarray:
    """Return the answers for all data sets, shape (n_sets, ...); a stream each, so that workers do not matter."""
    streams = np.random.SeedSequence(seed).spawn(n_sets)
    if workers == 1:
        return np.array([one(np.random.default_rng(s)) for s in streams])
    from joblib import Parallel, delayed

    def part(some: list[np.random.SeedSequence]) -> np.ndarray:
        return np.array([one(np.random.default_rng(s)) for s in some])

    parts = Parallel(n_jobs=workers)(delayed(part)(streams[i : i + 50]) for i in range(0, n_sets, 50))
    return np.concatenate(parts)


def sizes(
    methods: tuple[str, ...], world: World, n_sets: int, *, seed: int = SEED, n: int = N, workers: int = 1
) -> pd.Series:
    """Return the share of data sets in which x is significant at 5 %, all methods on the same data."""

    def one(rng: np.random.Generator) -> np.ndarray:
        net, networks = world(rng, n)
        return np.array([p_value(m, net, networks, rng) for m in methods])

    return pd.Series((_spread(one, n_sets, seed, workers) <= 0.05).mean(axis=0), index=methods)


def rejections(method: str, world: World, n_sets: int, *, seed: int = SEED, n: int = N) -> float:
    """Return the share of data sets in which x is significant at 5 %."""
    return float(sizes((method,), world, n_sets, seed=seed, n=n)[method])


def bounds(n_sets: int, level: float = 0.999, p: float = 0.05) -> tuple[float, float]:
    """Return the central binomial range of a share whose expectation is p."""
    from scipy import stats

    low, high = stats.binom.interval(level, n_sets, p)
    return low / n_sets, high / n_sets


def _bernoulli(rng: np.random.Generator, probability: np.ndarray) -> PeerNetwork:
    """Return a network with ties drawn one by one."""
    present = (rng.random(probability.shape) < probability) & ~np.eye(len(probability), dtype=bool)
    return PeerNetwork.from_adjacency(_table(present.astype(float)), row_is="teacher")


def _given_pairs(rng: np.random.Generator, n: int) -> PeerNetwork:
    """Return a network of independent pairs: 8 % mutual, 24 % one way."""
    kind = np.triu(rng.random((n, n)), 1)
    up = np.triu((kind > 0) & (kind < 0.20), 1)
    down = np.triu(((kind > 0) & (kind < 0.08)) | ((kind >= 0.20) & (kind < 0.32)), 1)
    return PeerNetwork.from_adjacency(_table((up | down.T).astype(float)), row_is="teacher")


def _conditional(null: str, rng: np.random.Generator) -> PeerNetwork:
    """Return a network that is uniform among those with the features that a null model keeps."""
    if null == "size":
        return _bernoulli(rng, np.full((N, N), 0.5))
    if null == "ties":
        return _bernoulli(rng, np.full((N, N), 0.2))
    if null == "dyad census":
        return _given_pairs(rng, N)
    if null == "degrees":
        # Ties with log-odds a_i + b_j: given all degrees every network is as likely, and degrees are skewed.
        return _bernoulli(
            rng, 1 / (1 + np.exp(1.8 - rng.gumbel(size=N)[:, None] - rng.normal(size=N)[None, :]))
        )
    unit = np.repeat([0, 1, 2], N // 3)
    net = _bernoulli(rng, np.where(unit[:, None] == unit[None, :], 0.4, 0.1))
    return net.with_people(unit=unit.astype(str))


NULLS = ("size", "ties", "dyad census", "degrees", "block densities")


def _cug(rng: np.random.Generator) -> np.ndarray:
    """Return p of transitivity given each feature, in networks that have nothing else."""
    out = []
    for null in NULLS:
        net = _conditional(null, rng)
        group = "unit" if null == "block densities" else None
        out.append(cug_test(net, "transitivity", null=null, group=group, n_draws=DRAWS, rng=rng).p_value)
    return np.array(out)


def _quiet_cug(rng: np.random.Generator) -> np.ndarray:
    """Return the same where six of the eight people of one unit did not answer."""
    out = []
    for null in NULLS:
        net = _conditional(null, rng)
        group = "unit" if null == "block densities" else None
        heard = quiet(net, net.ids[:SILENT])
        out.append(cug_test(heard, "transitivity", null=null, group=group, n_draws=DRAWS, rng=rng).p_value)
    return np.array(out)


def _quiet_peers(rng: np.random.Generator, *, everybody: bool = False) -> np.ndarray:
    """Return p of rho and of Moran's I where six of eight of one unit, whose outcomes differ, did not answer."""
    net = _bernoulli(rng, np.where(UNIT[:, None] == UNIT[None, :], 0.3, 0.08))
    inside = UNIT == "a"
    a = rng.normal(size=N)
    net = net if everybody else quiet(net, net.ids[:SILENT])
    net = net.with_people(a=a, unit=UNIT, y=a + 2.0 * inside + rng.normal(size=N))
    fits = [fit_peer_effects(net, "y ~ a + unit", method=m, n_draws=DRAWS, rng=rng) for m in ("ml", "2sls")]
    return np.array([*(f.params["p_value"].iloc[-1] for f in fits), *(f.moran.p_value for f in fits)])


def _correlation(rng: np.random.Generator) -> np.ndarray:
    """Return p of the correlation of two unrelated networks with skewed degrees, two-sided and one-sided."""
    net, networks = skewed(rng, N)
    return np.array(
        [
            qap_correlation(net, networks["x"], alternative=a, n_draws=DRAWS, rng=rng).p_value
            for a in ("two-sided", "greater")
        ]
    )


def _peers(rng: np.random.Generator, n: int = 80) -> np.ndarray:
    """Return p of rho and of Moran's I by three estimators, without influence; some people teach many."""
    popular = rng.lognormal(0, 0.7, n)
    net = _bernoulli(rng, np.minimum(3.2 / n * popular / popular.mean(), 0.5)[:, None] * np.ones((n, n)))
    a, before = rng.normal(size=(2, n))
    net = net.with_people(a=a, before=before, y=a + 0.5 * before + rng.normal(size=n))
    fits = [
        fit_peer_effects(net, "y ~ a", n_draws=DRAWS, rng=rng),
        fit_peer_effects(net, "y ~ a", method="2sls", n_draws=DRAWS, rng=rng),
        fit_peer_effects(net, "y ~ a", method="lagged", lag="before", n_draws=DRAWS, rng=rng),
    ]
    return np.array([*(f.params["p_value"].iloc[-1] for f in fits), *(f.moran.p_value for f in fits)])


def _few_peers(rng: np.random.Generator) -> np.ndarray:
    """Return the same of 24 people."""
    return _peers(rng, N)


def _exact(rng: np.random.Generator) -> np.ndarray:
    """Return Wald p of a covariate without effect beside reciprocity, and of reciprocity where there is none."""
    x = {"x": _table(rng.normal(size=(N, N)))}
    given = fit_ergm(_given_pairs(rng, N), "edges + mutual + x", networks=x).params["p_value"]
    none = fit_ergm(_bernoulli(rng, np.full((N, N), 0.2)), "edges + mutual + x", networks=x).params["p_value"]
    return np.array([given[1], none[2]])


PEERS = tuple(
    f"{what} {m}" for what in ("rho by", "Moran's I of the residuals,") for m in ("ml", "2sls", "lagged")
)
OTHERS: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], tuple[str, ...]]] = {
    "qap": (_correlation, ("qap_correlation, two-sided", "qap_correlation, greater")),
    "cug": (_cug, tuple(f"cug_test given {n}" for n in NULLS)),
    "ergm": (_exact, ("fit_ergm, covariate", "fit_ergm, mutual")),
    "peers": (_peers, tuple(f"{m}, 80 people" for m in PEERS)),
    "few peers": (_few_peers, tuple(f"{m}, 24 people" for m in PEERS)),
}
QUIET: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], tuple[str, ...]]] = {
    "quiet cug": (_quiet_cug, tuple(f"cug_test given {n}" for n in NULLS)),
    "quiet peers": (
        _quiet_peers,
        ("rho by ml", "rho by 2sls", "Moran's I of the residuals, ml", "Moran's I of the residuals, 2sls"),
    ),
    "all peers": (
        lambda rng: _quiet_peers(rng, everybody=True),
        tuple(
            f"{m}, everybody answered"
            for m in (
                "rho by ml",
                "rho by 2sls",
                "Moran's I of the residuals, ml",
                "Moran's I of the residuals, 2sls",
            )
        ),
    ),
}


def other_tests(kind: str, n_sets: int, *, workers: int = 1) -> pd.Series:
    """Return the size of tests that are not regressions over pairs."""
    one, names = {**OTHERS, **QUIET}[kind]
    found = _spread(one, n_sets, SEED + 1, workers)
    return pd.Series((found <= 0.05).mean(axis=0), index=names)


VARIANCES = (
    ("dyadic", None),
    ("dyadic", "people"),
    ("jackknife", None),
    ("two-way", None),
    ("classical", None),
)


def coverages(n: int, n_sets: int, *, workers: int = 1, variances: tuple = VARIANCES) -> pd.Series:
    """Return how often the 95 % interval of a coefficient of 0.3 holds it, all variances on the same data."""

    def one(rng: np.random.Generator) -> np.ndarray:
        x = _people_effects(rng, n)
        net = _weights(0.3 * x + _people_effects(rng, n))
        held = []
        for variance, correction in variances:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PeerNetWarning)
                fit = dyadic_regression(
                    net, "weight ~ x", networks={"x": _table(x)}, variance=variance, correction=correction
                )
            held.append(fit.params["low"][1] <= 0.3 <= fit.params["high"][1])
        return np.array(held)

    names = [f"{v}, correction={c!r}" if c else v for v, c in variances]
    return pd.Series(_spread(one, n_sets, SEED + 2, workers).mean(axis=0), index=names)


def coverage(variance: str, n: int, n_sets: int, correction: str | None = "people") -> float:
    """Return how often the 95 % interval of a coefficient of 0.3 holds it."""
    return float(coverages(n, n_sets, variances=((variance, correction),)).iloc[0])


def separating(rng: np.random.Generator, n: int, beta: float) -> tuple[PeerNetwork, dict[str, pd.DataFrame]]:
    """Return ties of which all bosses' (one boss a person, n / 4 bosses) are there: the plain logit is infinite.

    The log-odds of every tie are -0.85, a boss's are beta more; a copula makes pairs that share people alike.
    """
    boss = np.zeros((n, n))
    few = n // 4
    boss[rng.integers(few, size=n - few), np.arange(few, n)] = 1.0
    while True:
        u, v, e = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, n))
        z = np.sqrt(0.3) * (u[:, None] + v[None, :]) + np.sqrt(0.4) * e
        from scipy.special import expit, ndtr

        present = (ndtr(z) < expit(beta * boss - 0.85)) & ~np.eye(n, dtype=bool)
        if present[boss > 0].all():
            return PeerNetwork.from_adjacency(_table(present.astype(float)), row_is="teacher"), {
                "boss": _table(boss)
            }


SEPARATING = ((16, 3.0), (24, 4.0))


def separated(n: int, beta: float, n_sets: int, *, workers: int = 1) -> pd.Series:
    """Return how often the profile interval of a separating term holds the truth, dyadic and as if independent."""

    def one(rng: np.random.Generator) -> np.ndarray:
        net, networks = separating(rng, n, beta)
        held = []
        for variance in ("dyadic", "classical"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PeerNetWarning)
                row = dyadic_regression(
                    net, "tie ~ boss", networks=networks, model="logit", variance=variance
                ).params.iloc[1]
            held += [row["low"] <= beta <= row["high"], row["p_value"] <= 0.05]
        return np.array(held)

    names = ["holds", "p <= .05", "holds, pairs as independent", "p <= .05, pairs as independent"]
    return pd.Series(_spread(one, n_sets, SEED + 3, workers).mean(axis=0), index=names)


# People, bosses, reports of each: x has so few ones that chance alone leaves all or none of their ties.
BY_CHANCE = ((16, 1, 4), (24, 2, 4), (24, 6, 1))


def separated_by_chance(n: int, bosses: int, reports: int, n_sets: int, *, workers: int = 1) -> pd.Series:
    """Return how often a rare covariate without effect is significant, in all sets and in those it separates."""
    from scipy.special import ndtr

    boss = np.zeros((n, n))
    for b in range(bosses):
        boss[b, bosses + b * reports : bosses + (b + 1) * reports] = 1.0

    def one(rng: np.random.Generator) -> np.ndarray:
        u, v, e = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, n))
        z = np.sqrt(0.3) * (u[:, None] + v[None, :]) + np.sqrt(0.4) * e
        present = (ndtr(z) < 0.3) & ~np.eye(n, dtype=bool)
        apart = present[boss > 0].all() or not present[boss > 0].any()
        p = []
        for variance in ("dyadic", "classical"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PeerNetWarning)
                fit = dyadic_regression(
                    PeerNetwork.from_adjacency(_table(present.astype(float)), row_is="teacher"),
                    "tie ~ boss",
                    networks={"boss": _table(boss)},
                    model="logit",
                    variance=variance,
                )
            p.append(fit.params["p_value"][1])
        return np.array([apart, *p])

    found = _spread(one, n_sets, SEED + 4, workers)
    apart, wrong = found[:, 0] > 0, found[:, 1:] <= 0.05
    return pd.Series(
        {
            "share of sets in which the term separates": apart.mean(),
            "rejected among those": wrong[apart, 0].mean(),
            "rejected among those, pairs as independent": wrong[apart, 1].mean(),
            "rejected where it does not separate": wrong[~apart, 0].mean(),
            "no answer where it does not separate": np.isnan(found[~apart, 1]).mean(),
            "rejected in all sets": wrong[:, 0].mean(),
        }
    )


@pytest.mark.parametrize("world", list(WORLDS))
def test_size_of_double_semi_partialing(world: str) -> None:
    low, high = bounds(150)
    assert low <= rejections("dsp", WORLDS[world], 150) <= high


def test_what_goes_wrong_elsewhere() -> None:
    """Independent errors, two-way clustering and moving the response fail where double semi-partialing holds."""
    _, high = bounds(120)
    assert rejections("classical", autocorrelated, 120) > 0.3
    assert rejections("two-way", autocorrelated, 120) > high
    assert rejections("y", hidden, 120) > high
    assert rejections("dsp", hidden, 120) <= high


def test_dyadic_intervals_cover_where_classical_ones_do_not() -> None:
    assert coverage("dyadic", 50, 120) > 0.86
    assert coverage("classical", 50, 120, None) < 0.6


def test_sizes_of_the_other_tests() -> None:
    low, high = bounds(60)
    for kind in ("qap", "ergm"):
        found = other_tests(kind, 60)
        assert found.between(low, high).all(), found


def test_intervals_of_separating_terms_hold_the_truth() -> None:
    """The old sandwich was all but 0 there."""
    found = separated(16, 3.0, 12)
    assert found["holds"] >= 0.75


@pytest.mark.long
@pytest.mark.parametrize("world", list(WORLDS))
def test_size_in_the_long_run(world: str) -> None:
    low, high = bounds(2000)
    found = sizes(("dsp", "freedman-lane"), WORLDS[world], 2000)
    assert found.between(low, high).all(), found


@pytest.mark.long
def test_size_of_generalised_models_in_the_long_run() -> None:
    low, high = bounds(2000)
    for model, world in (("logit", skewed), ("poisson", counts)):
        assert low <= rejections(f"{model} dsp", world, 2000) <= high


@pytest.mark.long
@pytest.mark.parametrize("kind", ["qap", "cug", "ergm"])
def test_size_of_the_other_tests_in_the_long_run(kind: str) -> None:
    # Two-sided p-values of 99 draws reject in 4 %.
    low, high = bounds(2000, p=0.04)[0], bounds(2000)[1]
    found = other_tests(kind, 2000)
    assert found.between(low, high).all(), found


def test_silence_in_one_unit_is_no_effect_of_the_unit() -> None:
    """If all change places, the correlation of ties with same(unit) is significant in one of seven null data sets."""
    low, high = bounds(100)
    found = of_silence("silent in one unit, same(unit)", 100, methods=("qap_correlation, greater",))
    assert low <= found.iloc[0] <= high < 0.2


@pytest.mark.long
@pytest.mark.parametrize("kind", [k for k in SILENCES if k != "cells unknown"])
def test_size_where_people_are_silent_in_the_long_run(kind: str) -> None:
    low, high = bounds(2000)
    found = of_silence(kind, 2000)[list(MOVED)]
    assert found.between(low, high).all(), found


READING = """## How to read it

- Double semi-partialing and Freedman-Lane keep their size in every world, and so does double semi-partialing of logit
  and Poisson models.
- Moving the response fails where a strong covariate hides that the errors are alike in cells that share a person.
- Ordinary least squares (`classical`) takes pairs as independent and rejects five to ten times too often. Two-way
  clustering misses that what a person teaches and what the same person learns go together.
- Dyadic-robust errors are too small for few people: `dyadic_regression` warns below 100. With skewed degrees they are
  too small at 100 as well (9 %). The jackknife keeps its word within a few thousandths (too cautious with skewed
  degrees at 24 people, .068 at 100), and its intervals cover.
- The tests given random networks, the correlation and the Wald tests of the exact model are calibrated in networks that
  are what their null says. rho of `fit_peer_effects` and Moran's I of its residuals keep their size at 24 and at 80
  people, some of them without peers.
- The interval of a term that separates is cautious: it held the truth in every set. Where a rare covariate without
  effect separates by chance, 1 to 7 % have p below .05; the danger is in sets next to these, where one tie in few cells
  keeps the covariate from separating and the sandwich is far too small. Test rare covariates with `mrqap`.
- Where people are silent or a column has gaps, people change places among those known alike, and the tests keep their
  size. If all change places and unknown cells move along, as in sna, draws lose cells that the data have: regressions
  reject 7 to 9 %, and the correlation with same(unit) takes silence in one unit for an effect of the unit (12 %).
- Single cells unknown at random still move along, here too: with a quarter of them p is too small, and `mrqap` says so.
- rho is too bold for so few people with their units as terms, and as bold where all 24 answered: silence is not the
  cause."""


def _cell(share: float, n_sets: int) -> str:
    """Write a share, bold outside the binomial range of 5 %."""
    low, high = bounds(n_sets)
    return f"{share:.3f}" if low <= share <= high else f"**{share:.3f}**"


def _rows(table: pd.DataFrame, n_sets: int | None) -> list[str]:
    """Write a table; shares that should be 5 % are held against their range."""
    lines = [
        f"| {table.index.name} | " + " | ".join(map(str, table.columns)) + " |",
        "|---|" + "---|" * table.shape[1],
    ]
    for name, row in table.iterrows():
        words = ["" if np.isnan(v) else _cell(v, n_sets) if n_sets else f"{v:.3f}" for v in row]
        lines.append(f"| {name} | " + " | ".join(words) + " |")
    print("\n".join(lines), file=sys.stderr, flush=True)
    return lines


def _silence(n_sets: int, workers: int) -> list[str]:
    """Write the tables of what silence does."""
    found = {k: of_silence(k, n_sets, workers=workers) for k in SILENCES}
    table = pd.DataFrame(found).rename_axis("method")
    fewer = n_sets // 4
    quieter = pd.concat([other_tests(kind, fewer, workers=workers) for kind in QUIET])
    return [
        "## Where something is unknown: share of data sets in which a term without effect is significant at 5 %",
        "",
        *_rows(table, n_sets),
        "",
        f"A quarter of {N} people is silent (their learning unknown), or their age, or a quarter of the cells of x. In",
        "one unit: six of its eight people. `all move`: `compat='sna'`, everybody changes places and unknown cells",
        "move with them.",
        "",
        f"## Other tests where six of the eight people of one unit are silent, {fewer} sets",
        "",
        *_rows(quieter.to_frame("rejected at 5 %").rename_axis("test"), fewer),
        "",
        f"Two-sided tests of {DRAWS} draws reject in 4 %; rho has terms for units.",
    ]


def main(n_sets: int = 2000, workers: int = 1) -> None:
    """Write the page; the number of workers does not change it."""
    low, high = bounds(n_sets)
    linear = pd.DataFrame({w: sizes(LINEAR, f, n_sets, workers=workers) for w, f in WORLDS.items()})
    lines = [
        "# Calibration: network tests",
        "",
        f"`python tests/calibration/test_network_tests.py {n_sets}`, one run, seed {SEED}, {n_sets} data sets a cell,",
        f"{N} people, {DRAWS} permutations. A 5 % test that keeps its word rejects between {low:.3f} and {high:.3f} of",
        "the sets (99.9 % binomial range). **Bold**: outside it. The worlds are described in that file's functions; in",
        "one world all methods see the same data.",
        "",
        "## Linear model: share of data sets in which a covariate without effect is significant at 5 %",
        "",
        *_rows(linear.rename_axis("method"), n_sets),
        "",
        "`dsp`, `freedman-lane`, `y`: `mrqap(method=...)`. The others: `dyadic_regression(variance=...)`, where",
        "`classical` is ordinary least squares and `dyadic` has `correction='people'`.",
    ]
    glm = {
        "logit, skewed degrees": sizes(
            tuple(f"logit {m}" for m in GENERALISED), skewed, n_sets, workers=workers
        ),
        "Poisson, skewed counts": sizes(
            tuple(f"poisson {m}" for m in GENERALISED), counts, n_sets, workers=workers
        ),
    }
    table = pd.DataFrame({k: v.set_axis(GENERALISED) for k, v in glm.items()})
    lines += ["", "## Logit and Poisson, the same question", "", *_rows(table.rename_axis("method"), n_sets)]
    found = pd.concat([other_tests(kind, n_sets, workers=workers) for kind in OTHERS])
    lines += ["", "## Other tests", "", *_rows(found.to_frame("rejected at 5 %").rename_axis("test"), n_sets)]
    lines += ["", "Twice the smaller tail of 99 draws is at most .05 in 4 % of null data sets: the two-sided"]
    lines += ["`qap_correlation`, `cug_test` and Moran's I are to be held against that (0.027 to 0.056)."]
    people = {
        f"{n} people": pd.concat(
            {
                w: sizes(("dyadic", "jackknife"), f, n_sets, n=n, workers=workers)
                for w, f in (("autocorrelated errors", autocorrelated), ("skewed degrees", skewed))
            }
        )
        for n in (36, 50, 100)
    }
    by_size = pd.DataFrame(people)
    by_size.index = pd.Index([f"{v}, {w}" for w, v in by_size.index], name="variance")
    lines += ["", "## Linear model by number of people", "", *_rows(by_size, n_sets)]
    held = pd.DataFrame({f"{n} people": coverages(n, n_sets, workers=workers) for n in (24, 50, 100)})
    lines += [
        "",
        "## Coverage of 95 % intervals of a coefficient of 0.3",
        "",
        *_rows(held.rename_axis("variance"), None),
    ]
    fewer = n_sets // 20
    apart = pd.DataFrame(
        {f"{n} people, truth {b:g}": separated(n, b, fewer, workers=workers) for n, b in SEPARATING}
    )
    lines += ["", f"## Intervals of a term that separates (logit, {fewer} sets in which it does)", ""]
    lines += [*_rows(apart.rename_axis("profile interval"), None), ""]
    chance = pd.DataFrame(
        {
            f"{n} people, {b} x {k} cells": separated_by_chance(n, b, k, n_sets, workers=workers)
            for n, b, k in BY_CHANCE
        }
    )
    lines += ["## A rare covariate without effect (logit, dyadic errors), which may separate by chance", ""]
    lines += [*_rows(chance.rename_axis("share"), None), "", *_silence(n_sets, workers), "", READING]
    Path("docs/calibration/network_tests.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:]))
