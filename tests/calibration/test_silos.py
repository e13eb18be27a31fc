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
        net = nulls.rewire(net.with_people(team=team), within=within, n_steps=100 * net.n_ties, rng=rng)
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
