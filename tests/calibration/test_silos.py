"""Size and coverage of the silo tests where the truth is known. Long run: docs/calibration/silos.md."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from peernet import nulls, silos
from peernet.network import PeerNetwork

N, LEVEL = 40, 0.05


def bounds(n: int, p: float) -> tuple[int, int]:
    """99.9 % range of a binomial count."""
    low, high = binom.ppf([0.0005, 0.9995], n, p)
    return int(low), int(high)


def uneven_network(rng: np.random.Generator) -> PeerNetwork:
    """40 people of uneven activity in four teams and two sites, ties regardless of both."""
    active = rng.gamma(2.0, 1.0, N)
    rate = np.outer(active, rng.permutation(active))
    rate *= 200 / rate.sum()
    i, j = np.nonzero((rng.random((N, N)) < np.minimum(rate, 0.9)) & ~np.eye(N, dtype=bool))
    team = np.repeat([0, 1, 2, 3], [16, 12, 8, 4])
    net = PeerNetwork.from_codes(i, j, rng.exponential(1, len(i)) + 0.01, people=N)
    return net.with_people(team=team, site=np.arange(N) % 2)


def one_p_value(null: str, within: str | None, weighted: bool, rng: np.random.Generator) -> float:
    """p-value of one network drawn from the null model itself."""
    net = uneven_network(rng)
    if null == "labels":
        net = nulls.shuffle_labels(net, "team", within=within, rng=rng)
    else:
        # Active people sit in the first team: by labels alone this would be a pattern.
        order = np.argsort(-np.diff(net.adjacency.indptr), kind="stable")
        team = np.empty(N, dtype=int)
        team[order] = np.repeat([0, 1, 2, 3], [16, 12, 8, 4])
        net = nulls.rewire(net.with_people(team=team), within=within, n_steps=200 * net.n_ties, rng=rng)
    options = {"null": null, "within": within, "weighted": weighted}
    return silos.ei_test(net, "team", n_draws=199, rng=rng, **options).p_value


def rejections(n_sim: int, null: str, within: str | None, weighted: bool, entropy: int) -> int:
    """Tests rejected at 5 % among ``n_sim`` networks drawn from the null."""
    streams = np.random.SeedSequence(entropy).spawn(n_sim)
    return sum(one_p_value(null, within, weighted, np.random.default_rng(s)) <= LEVEL for s in streams)


CASES = [
    (null, within, weighted)
    for null in ("labels", "degrees")
    for within in (None, "site")
    for weighted in (True, False)
]


@pytest.mark.parametrize(("null", "within", "weighted"), CASES)
def test_size_of_ei_test(null: str, within: str | None, weighted: bool) -> None:
    n_sim = 150 if null == "labels" else 60
    low, high = bounds(n_sim, LEVEL)
    found = rejections(n_sim, null, within, weighted, 2026)
    assert (low if weighted else 0) <= found <= high


@pytest.mark.long
@pytest.mark.parametrize(("null", "within", "weighted"), CASES)
def test_size_of_ei_test_long(null: str, within: str | None, weighted: bool) -> None:
    n_sim = 4000 if null == "labels" else 2000
    low, high = bounds(n_sim, LEVEL)
    found = rejections(n_sim, null, within, weighted, 20260101)
    row = ("ei_test", null, within or "none", "yes" if weighted else "no", n_sim, f"{found / n_sim:.4f}")
    print("|", " | ".join(map(str, row)), f"| {low / n_sim:.4f} to {high / n_sim:.4f} |")
    # Counts of ties are lumpy, which makes an exact test a little conservative; weights are not.
    assert (low if weighted else 0.8 * low) <= found <= high


# ---- the interval of ei_estimate ------------------------------------------------------------------------------------


def people_drawn(n: int, pull: float, directed: bool, rng: np.random.Generator) -> tuple[PeerNetwork, float]:
    """A firm whose people are draws from a population of three kinds, and the population's E-I.

    Tie i -> j has chance 0.04 a_i b_j, ``pull`` times that inside a group; activities a, b have mean 1 and lie in
    [0.5, 1.5], so that no chance is cut off and the expected numbers of ties inside and outside follow by hand.
    """
    kind = np.array([0.5, 0.3, 0.2])
    team = rng.choice(3, size=n, p=kind)
    a, b = rng.uniform(0.5, 1.5, n), rng.uniform(0.5, 1.5, n)
    chance = 0.04 * np.outer(a, b) * np.where(team[:, None] == team, pull, 1.0)
    i, j = np.nonzero((rng.random((n, n)) < chance) & ~np.eye(n, dtype=bool))
    # A pair is tied unless both of its ties are missing; the four activities are independent and average to 1.
    tied = {c: 0.04 * c if directed else 0.08 * c - (0.04 * c) ** 2 for c in (1.0, pull)}
    inside, outside = tied[pull] * np.sum(kind**2), tied[1.0] * (1 - np.sum(kind**2))
    net = PeerNetwork.from_codes(i, j, people=n).with_people(team=team)
    return net, float((outside - inside) / (outside + inside))


def covered(n_sim: int, n: int, pull: float, directed: bool, entropy: int) -> tuple[int, int]:
    """Intervals that hold the population's E-I, and intervals that exist."""
    hits = known = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        net, truth = people_drawn(n, pull, directed, np.random.default_rng(stream))
        found = silos.ei_estimate(net, "team", directed=directed)
        known += bool(np.isfinite(found.low))
        hits += bool(found.low <= truth <= found.high)
    return hits, known


@pytest.mark.parametrize("pull", [1.0, 6.0])
def test_coverage_of_ei_estimate(pull: float) -> None:
    hits, known = covered(200, 80, pull, True, 41)
    assert known == 200
    assert hits >= bounds(200, 0.95)[0]


@pytest.mark.long
@pytest.mark.parametrize("n", [20, 40, 80, 200])
@pytest.mark.parametrize("pull", [1.0, 6.0])
@pytest.mark.parametrize("directed", [True, False])
def test_coverage_of_ei_estimate_long(n: int, pull: float, directed: bool) -> None:
    n_sim = 2000
    hits, known = covered(n_sim, n, pull, directed, 20260102)
    low, high = (x / n_sim for x in bounds(n_sim, 0.95))
    kind = "directed" if directed else "pairs"
    print(
        f"| ei_estimate | {kind} | {n} | {pull:g} | {known} | {hits / known:.4f} | {low:.4f} to {high:.4f} |"
    )
    assert hits / known >= low - (0.01 if n < 40 else 0)


# ---- sizes of the profile and of the brokerage test -----------------------------------------------------------------


def from_null(null: str, rng: np.random.Generator) -> PeerNetwork:
    """A network drawn from one of the null models, of people of uneven activity."""
    net = uneven_network(rng)
    if null == "labels":
        return nulls.shuffle_labels(net, "team", rng=rng)
    if null == "labels within site":
        return nulls.shuffle_labels(net, "team", within="site", rng=rng)
    order = np.argsort(-np.diff(net.adjacency.indptr), kind="stable")
    team = np.empty(N, dtype=int)
    team[order] = np.repeat([0, 1, 2, 3], [16, 12, 8, 4])
    return nulls.rewire(net.with_people(team=team), n_steps=200 * net.n_ties, rng=rng)


PROFILE = ("labels", "labels within site", "degrees")


def profile_rejections(null: str, n_sim: int, entropy: int) -> tuple[dict[str, int], int]:
    """Rejections at 5 % of each measure, and profiles with any rejection after Holm."""
    each: dict[str, int] = {}
    any_holm = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        found = silos.segregation_profile(from_null(null, rng), "team", within="site", n_draws=199, rng=rng)
        mine = found.table[found.table["null"] == null]
        for name, p in zip(mine["measure"], mine["p_value"], strict=True):
            each[name] = each.get(name, 0) + bool(p <= LEVEL)
        any_holm += bool((mine["p_holm"] <= LEVEL).any())
    return each, any_holm


@pytest.mark.parametrize("null", PROFILE)
def test_size_of_segregation_profile(null: str) -> None:
    n_sim = 15
    each, any_holm = profile_rejections(null, n_sim, 51)
    high = bounds(n_sim, LEVEL)[1]
    assert len(each) == 6 and max(each.values()) <= high and any_holm <= high


@pytest.mark.long
@pytest.mark.parametrize("null", PROFILE)
def test_size_of_segregation_profile_long(null: str) -> None:
    n_sim = 400
    each, any_holm = profile_rejections(null, n_sim, 20260103)
    low, high = bounds(n_sim, LEVEL)
    for name, found in (each | {"any of them, after Holm": any_holm}).items():
        print(
            f"| segregation_profile | {null} | {name} | {found / n_sim:.3f} | {low / n_sim:.3f} to {high / n_sim:.3f} |"
        )
    assert all(0.6 * low <= found <= high for found in each.values()) and any_holm <= high


def brokerage_rejections(null: str, by: str, n_sim: int, entropy: int) -> dict[str, list[float]]:
    """p-values of each role over networks drawn from the null itself."""
    out: dict[str, list[float]] = {}
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        if null == "ties":
            drawn = (rng.random((N, N)) < 0.12) & ~np.eye(N, dtype=bool)
            net = PeerNetwork.from_codes(*np.nonzero(drawn), people=N)
            net = net.with_people(team=np.repeat([0, 1, 2, 3], [16, 12, 8, 4]))
        elif null == "blocks":
            net = uneven_network(rng)
            net = nulls.rewire(net, within="team", n_steps=200 * net.n_ties, rng=rng)
        else:
            net = from_null(null, rng)
        table = silos.brokerage_test(net, "team", null=null, by=by, n_draws=199, rng=rng).table
        for role, p in zip(table["role"], table["p_value"], strict=True):
            out.setdefault(role, []).append(p)
    return out


@pytest.mark.parametrize("null", ["ties", "labels", "degrees", "blocks"])
def test_size_of_brokerage_test(null: str) -> None:
    n_sim = 20
    for role, p in brokerage_rejections(null, "whole", n_sim, 61).items():
        assert np.sum(np.array(p) <= LEVEL) <= bounds(n_sim, LEVEL)[1] + 1, role


@pytest.mark.long
@pytest.mark.parametrize("by", ["whole", "unit"])
@pytest.mark.parametrize("null", ["ties", "labels", "degrees", "blocks"])
def test_size_of_brokerage_test_long(null: str, by: str) -> None:
    n_sim = 400
    low, high = bounds(n_sim, LEVEL)
    for role, found in brokerage_rejections(null, by, n_sim, 20260104).items():
        p = np.array(found)
        p = p[np.isfinite(p)]
        share = np.mean(p <= LEVEL)
        print(
            f"| brokerage_test | {null} | {by} | {role} | {share:.3f} | {low / n_sim:.3f} to {high / n_sim:.3f} |"
        )
        assert share <= (0.09 if null == "ties" else high / n_sim)


# ---- betweenness from a sample --------------------------------------------------------------------------------------


def betweenness_misses(n_sim: int, n_pivots: int, entropy: int) -> tuple[int, float]:
    """Samples in which anybody is outside the error bound, and the share of people within 1.96 standard errors."""
    out, inside = 0, []
    net = uneven_network(np.random.default_rng(entropy))
    exact = silos.betweenness(net)
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        found = silos.betweenness_sample(net, n_pivots=n_pivots, rng=np.random.default_rng(stream))
        gap = (found["betweenness"] - exact).abs()
        out += bool((gap > found["error_bound"]).any())
        moved = found["std_error"] > 0
        inside.append(float((gap[moved] <= 1.96 * found["std_error"][moved]).mean()))
    return out, float(np.mean(inside))


def test_error_bound_of_betweenness_sample() -> None:
    out, inside = betweenness_misses(100, 20, 71)
    assert out <= bounds(100, 0.05)[1]
    assert inside > 0.75


@pytest.mark.long
@pytest.mark.parametrize("n_pivots", [5, 10, 20, 30])
def test_error_bound_of_betweenness_sample_long(n_pivots: int) -> None:
    out, inside = betweenness_misses(2000, n_pivots, 20260106)
    print(f"| betweenness_sample | {n_pivots} of {N} | {out / 2000:.4f} | {inside:.3f} |")
    assert out <= bounds(2000, 0.05)[1]
