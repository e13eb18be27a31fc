"""Silo measures beside numpy, scipy, networkx and igraph on 10,000 people and 100,000 ties.

Directed, weighted, heavy-tailed, 70 % of ties inside 500 units, 38 % returned. Times are CPU seconds of the process,
which hold on a busy machine; everything runs in one thread. ``bench_silos_large.py`` does it for a million people.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
from _measure import compare, cpu_seconds, quick
from _organisation import organisation

from peernet import silos
from peernet.network import PeerNetwork

N, M, UNITS = (500, 5_000, 10) if quick() else (10_000, 100_000, 500)
DRAWS = 200 if quick() else 10_000


def seconds(call: Callable[[], object], *, repeat: int = 5, warm_up: int = 1) -> list[float]:
    """Time a call in CPU seconds."""
    return cpu_seconds(call, repeat=repeat, warm_up=warm_up)


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


def bench_kernels(net: PeerNetwork) -> None:
    """Compiled loops on arrays beside the quickest plain way to the same numbers."""
    from scipy.sparse import csr_array

    from peernet.silos import _kernels, holes

    codes = net.codes("unit")[0].astype(np.int32)
    k, n = int(codes.max()) + 1, net.n_people
    ptr, idx = net.adjacency.indptr.astype(np.int64), np.array(net.adjacency.indices)
    teacher, learner, w = np.array(net.teacher), np.array(net.learner), np.array(net.weight)
    size = f"{n:,} people, {net.n_ties:,} ties"

    assert np.allclose(
        _kernels.mixing(k, teacher, learner, w, codes),
        np.bincount(codes[teacher] * k + codes[learner], w, k * k).reshape(k, k),
    )
    compare(f"mixing table, {size}", ours=seconds(lambda: _kernels.mixing(k, teacher, learner, w, codes), repeat=15),
            peer="np.bincount", at_least=1.5,
            theirs=seconds(lambda: np.bincount(codes[teacher] * k + codes[learner], w, k * k), repeat=15),
            note="weighted; arrays in, CPU time")  # fmt: skip

    indicator = csr_array((np.ones(n), (np.arange(n), codes)), shape=(n, k))
    matrix = net.adjacency

    def by_scipy() -> np.ndarray:
        met = matrix @ indicator
        return (
            1 - np.asarray(met.multiply(met).sum(axis=1)).ravel() / np.asarray(met.sum(axis=1)).ravel() ** 2
        )

    with np.errstate(invalid="ignore"):
        ours = 1 - _kernels.spread_over_groups(ptr, idx, w, codes, k)[:, 1]
        live = np.diff(ptr) > 0
        assert np.allclose(ours[live], by_scipy()[live])
        compare(f"participation, {size}", peer="scipy.sparse product", theirs=seconds(by_scipy, repeat=9),
                ours=seconds(lambda: _kernels.spread_over_groups(ptr, idx, w, codes, k), repeat=15), at_least=5,
                note="teaching ties; CPU time")  # fmt: skip

    followers = {v: idx[ptr[v] : ptr[v + 1]].tolist() for v in range(n)}
    known = {v: set(x) for v, x in followers.items()}
    group = codes.tolist()

    def loop() -> list[list[int]]:
        counts = [[0] * 5 for _ in range(n)]
        for a in range(n):
            for v in followers[a]:
                for b in followers[v]:
                    if b != a and b not in known[a]:
                        x, y, z = group[a], group[v], group[b]
                        role = (0 if y == z else 3) if x == y else (2 if y == z else (1 if x == z else 4))
                        counts[v][role] += 1
        return counts

    fast = _kernels.brokerage_roles(ptr, idx, codes, k)
    assert (np.array(loop()) == fast).all()
    compare(f"Gould-Fernandez roles of everybody, {size}", peer="loops over dicts and sets", at_least=60,
            ours=seconds(lambda: _kernels.brokerage_roles(ptr, idx, codes, k), repeat=15),
            theirs=seconds(loop, repeat=5), note="CPU time")  # fmt: skip

    rows = holes.symmetric(net, directed=True, weighted=True)
    assert np.allclose(_kernels.burt(*rows), holes._burt_sparse(*rows), equal_nan=True)
    both = seconds(lambda: _kernels.burt(*rows), repeat=9)
    compare(f"Burt: constraint, effective size and hierarchy, {size}", ours=both, peer="scipy.sparse products",
            theirs=seconds(lambda: holes._burt_sparse(*rows), repeat=3), note="weighted; CPU time")  # fmt: skip
    graph = net.to_networkx()
    few = list(graph)[:3]
    theirs = seconds(lambda: (nx.constraint(graph, few, "weight"), nx.effective_size(graph, few, "weight")),
                     repeat=1, warm_up=0)  # fmt: skip
    compare(f"Burt: constraint, effective size and hierarchy, {size}", ours=both, scale=n / len(few), theirs=theirs,
            peer=f"networkx {nx.__version__}, node by node", note=f"from {len(few)} people; CPU time")  # fmt: skip
    at_once = seconds(lambda: (nx.constraint(graph, weight="weight"), nx.effective_size(graph, weight="weight")),
                      repeat=1, warm_up=0)  # fmt: skip
    compare(f"Burt: constraint, effective size and hierarchy, {size}", ours=both, theirs=at_once, at_least=300,
            peer=f"networkx {nx.__version__}, constraint and effective size, sparse path", note="CPU time")  # fmt: skip
    try:
        import igraph
    except ImportError:
        print("igraph is not installed: constraint was not timed beside it")
        return
    other = net.to_igraph()
    assert np.allclose(_kernels.burt(*rows)[:, 0], other.constraint(weights="weight"), equal_nan=True)
    compare(f"Burt: constraint, effective size and hierarchy, {size}", ours=both,
            peer=f"igraph {igraph.__version__}, constraint only",
            theirs=seconds(lambda: other.constraint(weights="weight"), repeat=9), at_least=1.5,
            note="CPU time")  # fmt: skip


def bench_communities(net: PeerNetwork) -> None:
    """One run of Leiden to the end beside igraph's, at the same quality."""
    from peernet.silos import _kernels_leiden
    from peernet.silos._engines import leiden_of_igraph, leiden_of_networkit
    from peernet.silos.informal import pairs_of

    pairs = pairs_of(net, weighted=False)
    first = pairs.owner < pairs.idx
    ends, w = np.column_stack([pairs.owner[first], pairs.idx[first]]), pairs.w[first]
    n, size = net.n_people, f"{net.n_people:,} people, {int(first.sum()):,} pairs"
    ours = [_kernels_leiden.leiden(*pairs, 1.0, s)[1] for s in range(5)]
    times = seconds(lambda: _kernels_leiden.leiden(*pairs, 1.0, 1), repeat=5)
    for name, engine in (("igraph", leiden_of_igraph), ("networkit", leiden_of_networkit)):
        try:
            found = [np.asarray(engine(n, ends, w, 1.0, s + 1), dtype=np.int64) for s in range(5)]
        except ImportError:
            print(f"{name} is not installed: Leiden was not timed beside it")
            continue
        quality = [
            _kernels_leiden._modularity(*pairs, np.unique(f, return_inverse=True)[1], 1.0) for f in found
        ]
        compare(f"Leiden, one run, {size}", ours=times, peer=name,
                theirs=seconds(lambda engine=engine: engine(n, ends, w, 1.0, 1), repeat=3),
                note=f"mean modularity of 5 runs {np.mean(ours):.4f}, {name} {np.mean(quality):.4f}; its graph built "
                "in the time")  # fmt: skip


if __name__ == "__main__":
    organisation_net = organisation(N, M, UNITS)
    bench_ei(organisation_net)
    bench_kernels(organisation_net)
    bench_communities(organisation_net)
