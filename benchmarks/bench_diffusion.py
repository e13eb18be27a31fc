"""Diffusion: fits with intervals, many items, rewired networks, beside the times that NBDA and netdiffuseR took in R.

The R times were measured once and are stored here (NBDA 0.9.6 and netdiffuseR 1.25.0 on R 4.2.2, CPU seconds of the fit
alone); ours are CPU seconds too and include reading the tables, the asocial twin and the profile interval.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from _measure import compare, cpu_seconds, quick

from peernet import PeerNetwork
from peernet.diffusion import fit_nbda, simulate_nbda, social_transmission_share, structure_test

NBDA_MEDICAL, NBDA_ROWS, NETDIFFUSER_SWAPS = [3.205], [16.0], [20.9]


def network(n: int, mean: float, seed: int) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    size = int(n * mean)
    teacher, learner = rng.integers(0, n, size), rng.integers(0, n, size)
    keep = teacher != learner
    pairs = np.unique(np.column_stack([teacher, learner])[keep], axis=0)
    return PeerNetwork.from_codes(pairs[:, 0], pairs[:, 1], people=n)


def spread(net: PeerNetwork, periods: int, items: int, rate: float, s: float, seed: int) -> pd.DataFrame:
    draws = simulate_nbda(net, s=s, rate=rate, end=periods, n_items=items, rng=seed)
    return draws.adoptions().drop(columns=["already_knew"])


def medical() -> None:
    net = network(125, 2.4, 1)
    seen = spread(net, 17, 1, 0.1, 0.15, 2)

    def ours() -> object:
        fit = fit_nbda(net, seen, start=1, end=17, timing="discrete", baseline="constant", rng=1)
        return social_transmission_share(fit, sensitivity=False)

    compare(
        "discrete fit, 125 people x 17 periods, interval and share", ours=cpu_seconds(ours, repeat=9), peer="NBDA",
        theirs=NBDA_MEDICAL, at_least=100, note="theirs: stored, fit without interval",
    )  # fmt: skip


def many_rows() -> None:
    net = network(300, 4, 3)
    seen = spread(net, 60, 1, 0.015, 0.3, 4)
    rows = int(np.minimum(seen["time"].fillna(60), 60).sum())

    def ours() -> object:
        return fit_nbda(net, seen, start=1, end=60, timing="discrete", baseline="constant", rng=1)

    compare(
        "discrete fit, ten thousand risk rows", ours=cpu_seconds(ours, repeat=9), peer="NBDA", theirs=NBDA_ROWS,
        scale=rows / 10092, at_least=200, note=f"theirs: stored, scaled to our {rows} rows",
    )  # fmt: skip


def many_items() -> None:
    n, items = (500, 3) if quick() else (10_000, 20)
    net = network(n, 10, 5)
    seen = spread(net, 12, items, 0.03, 0.2, 6)
    took = {
        ties: cpu_seconds(
            lambda ties=ties: fit_nbda(net, seen, start=0, end=12, ties=ties, rng=1), repeat=1, warm_up=0
        )
        for ties in ("efron", "apart")
    }
    fit = fit_nbda(net, seen, start=0, end=12, rng=1)
    share = cpu_seconds(lambda: social_transmission_share(fit, sensitivity=False), repeat=1, warm_up=0)
    print(
        f"order model, {n} people, {items} items: {took['efron'][0]:.1f} s (Efron), {took['apart'][0]:.1f} s (apart), "
        f"share with interval {share[0]:.1f} s more, CPU"
    )


def rewired() -> None:
    net = network(125, 2.4, 7)
    seen = spread(net, 18, 1, 0.1, 0.15, 8)
    n_draws = 100 if quick() else 1000

    def ours() -> object:
        return structure_test(net, seen, null="swap", start=1, end=18, n_draws=n_draws, rng=1)

    compare(
        "structure_test, 1,000 rewirings, 125 people", ours=cpu_seconds(ours, repeat=5), peer="netdiffuseR",
        theirs=NETDIFFUSER_SWAPS, scale=n_draws / 1000, at_least=50, note="theirs: stored; compile time apart",
    )  # fmt: skip


if __name__ == "__main__":
    medical()
    many_rows()
    rewired()
    many_items()
