"""Silo measures beside numpy, scipy, networkx and igraph on 10,000 people and 100,000 ties.

Times are CPU seconds of the process, which hold on a busy machine; everything runs in one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pandas as pd
from _measure import compare, quick

from peernet import silos
from peernet.network import PeerNetwork

N, M, UNITS = (500, 5_000, 10) if quick() else (10_000, 100_000, 50)
DRAWS = 200 if quick() else 10_000


def seconds(call: Callable[[], object], *, repeat: int = 5, warm_up: int = 1) -> list[float]:
    """Time a call ``repeat`` times after ``warm_up`` untimed ones; CPU seconds of this process."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeat):
        started = time.process_time()
        call()
        times.append(time.process_time() - started)
    return times


def organisation(n: int, m: int, units: int, seed: int = 1) -> PeerNetwork:
    """People in units, 70 % of ties inside the unit, a few people far more active than most."""
    rng = np.random.default_rng(seed)
    unit = np.sort(rng.integers(0, units, n))
    start = np.searchsorted(unit, np.arange(units + 1))
    active = rng.pareto(2.5, n) + 0.2
    teacher = rng.choice(n, 3 * m, p=active / active.sum())
    low, high = start[unit[teacher]], start[unit[teacher] + 1]
    inside = low + (rng.random(3 * m) * (high - low)).astype(np.int64)
    learner = np.where(rng.random(3 * m) < 0.7, inside, rng.choice(n, 3 * m, p=active / active.sum()))
    key = pd.unique((teacher * n + learner)[teacher != learner])[:m]
    net = PeerNetwork.from_codes(key // n, key % n, rng.exponential(1, len(key)) + 0.1, people=n)
    return net.with_people(unit=unit)


def ei_of(codes: np.ndarray, teacher: np.ndarray, learner: np.ndarray) -> float:
    """Return E-I by numpy."""
    return 2 * np.mean(codes[teacher] != codes[learner]) - 1


def bench_ei(net: PeerNetwork) -> None:
    """Label null: draws of the E-I index."""
    codes, _ = net.codes("unit")
    teacher, learner = np.array(net.teacher), np.array(net.learner)
    rng = np.random.default_rng(0)

    def numpy_draws(k: int) -> list[float]:
        return [ei_of(rng.permutation(codes), teacher, learner) for _ in range(k)]

    graph = net.to_networkx()
    names = list(graph)

    def networkx_draws(k: int) -> list[float]:
        found = []
        for _ in range(k):
            label = dict(zip(names, rng.permutation(codes).tolist(), strict=True))
            nx.set_node_attributes(graph, label, "unit")
            outside = sum(graph.nodes[u]["unit"] != graph.nodes[v]["unit"] for u, v in graph.edges())
            found.append(2 * outside / graph.number_of_edges() - 1)
        return found

    ours = silos.ei_test(net, "unit", n_draws=DRAWS, rng=1)
    slow = np.array(numpy_draws(min(DRAWS, 400)))
    assert abs(slow.mean() - ours.null.mean()) < 5 * ours.null_sd / np.sqrt(len(slow))
    assert abs(np.mean(networkx_draws(2)) - ours.null_mean) < 5 * ours.null_sd
    fast = seconds(lambda: silos.ei_test(net, "unit", n_draws=DRAWS, rng=1), repeat=5)
    what = f"ei_test, labels, {DRAWS:,} draws, {net.n_people:,} people, {net.n_ties:,} ties"
    part = max(DRAWS // 10, 20)
    plain = seconds(lambda: numpy_draws(part), repeat=3)
    compare(what, ours=fast, peer="numpy permutation", theirs=plain, scale=DRAWS / part, at_least=12,
            note=f"from {part} draws; CPU time, compiled before")  # fmt: skip
    loop = seconds(lambda: networkx_draws(20), repeat=3, warm_up=0)
    compare(what, ours=fast, peer=f"networkx {nx.__version__} loop", theirs=loop, scale=DRAWS / 20, at_least=700,
            note="from 20 draws; CPU time, compiled before")  # fmt: skip


if __name__ == "__main__":
    organisation_net = organisation(N, M, UNITS)
    bench_ei(organisation_net)
