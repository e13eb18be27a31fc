"""Silo measures on a million people and 20 million ties, beside igraph's constraint; CPU seconds, one thread.

igraph runs in a child process, so that the peak memory told is that of peernet alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _measure import compare, cpu_seconds, peak_memory, quick
from _organisation import organisation

from peernet import silos
from peernet.silos import _kernels, holes

N, M, UNITS = (2_000, 40_000, 20) if quick() else (1_000_000, 20_000_000, 500)

IGRAPH = """
import json, sys, time
import numpy as np
import igraph
with np.load(sys.argv[1]) as kept:
    n, ends, weight = int(kept["n"]), np.column_stack([kept["teacher"], kept["learner"]]), kept["weight"].tolist()
graph = igraph.Graph(n, ends, directed=True)
del ends
started = time.process_time()
found = np.array(graph.constraint(weights=weight))
took = time.process_time() - started
np.save(sys.argv[2], found)
print(json.dumps({"seconds": took, "version": igraph.__version__}))
"""


def main() -> None:
    net = organisation(N, M, UNITS)
    size = f"{net.n_people:,} people, {net.n_ties:,} ties"
    codes, _ = net.codes("unit")
    teacher, learner, weight = np.array(net.teacher), np.array(net.learner), np.array(net.weight)
    codes = codes.astype(np.int32)
    k = int(codes.max()) + 1
    ptr, idx = net.adjacency.indptr.astype(np.int64), np.array(net.adjacency.indices)

    limit = 1.0  # a promise in seconds is stated as "peer" of that many seconds
    ours = cpu_seconds(lambda: _kernels.mixing(k, teacher, learner, weight, codes), repeat=5)
    theirs = cpu_seconds(lambda: np.bincount(codes[teacher] * k + codes[learner], weight, k * k), repeat=2)
    compare(f"mixing table, {size}", ours=ours, peer="np.bincount", theirs=theirs, note="CPU time")
    compare(
        f"mixing table, {size}",
        ours=ours,
        peer="promise: 0.5 s",
        theirs=[0.5],
        at_least=limit,
        note="CPU time",
    )
    ours = cpu_seconds(lambda: _kernels.person_ei(N, teacher, learner, weight, codes), repeat=5)
    compare(
        f"E-I of everybody, {size}",
        ours=ours,
        peer="promise: 0.5 s",
        theirs=[0.5],
        at_least=limit,
        note="CPU time",
    )
    ours = cpu_seconds(lambda: _kernels.spread_over_groups(ptr, idx, weight, codes, k), repeat=5)
    compare(f"participation, {size}", ours=ours, peer="promise: 0.5 s", theirs=[0.5], at_least=limit,
            note="teaching ties; CPU time")  # fmt: skip
    ours = cpu_seconds(lambda: _kernels.brokerage_roles(ptr, idx, codes, k), repeat=1, warm_up=0)
    compare(f"Gould-Fernandez roles of everybody, {size}", ours=ours, peer="promise: 20 s", theirs=[20.0],
            at_least=limit, note="CPU time")  # fmt: skip
    warm = organisation(50, 300, 5)
    _kernels.burt(*holes.symmetric(warm, directed=True, weighted=True))
    both = cpu_seconds(
        lambda: _kernels.burt(*holes.symmetric(net, directed=True, weighted=True)), repeat=1, warm_up=0
    )
    calls = {
        "mixing_table": lambda: silos.mixing_table(net, "unit"),
        "ei_index": lambda: silos.ei_index(net, "unit"),
        "participation": lambda: silos.participation(net, "unit"),
    }
    for name, call in calls.items():
        took = cpu_seconds(call, repeat=3)
        compare(f"silos.{name} as called, {size}", ours=took, peer="promise: 0.5 s", theirs=[0.5],
                at_least=limit, note="tables made in the time; CPU time")  # fmt: skip
    peak = peak_memory()
    print(f"Burt, symmetric rows made in the time: {both[0]:.1f} s")
    if peak:
        print(f"peak memory of peernet with everything above: {peak / 2**30:.2f} GiB (promise: 6)")
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "ties.npz", Path(folder) / "constraint.npy"
        np.savez(given, n=N, teacher=teacher, learner=learner, weight=weight)
        mine = _kernels.burt(*holes.symmetric(net, directed=True, weighted=True))[:, 0] if quick() else None
        done = subprocess.run(
            [sys.executable, "-c", IGRAPH, str(given), str(answer)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"igraph: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'was stopped'}")
            return
        told = json.loads(done.stdout)
        if mine is not None:
            assert np.allclose(mine, np.load(answer), equal_nan=True)
        compare(f"Burt: constraint, effective size and hierarchy, {size}", ours=both, theirs=[told["seconds"]],
                peer=f"igraph {told['version']}, constraint only", at_least=3.5,
                note="its graph built before; CPU time")  # fmt: skip


if __name__ == "__main__":
    main()
