"""A made-up organisation for benchmarks: heavy-tailed activity, most ties inside units, many returned."""

from __future__ import annotations

import numpy as np

from peernet.network import PeerNetwork

__all__ = ["organisation"]


def organisation(
    n: int, m: int, units: int, *, inside: float = 0.7, returned: float = 0.38, seed: int = 1
) -> PeerNetwork:
    """Make n people in units and m distinct directed weighted ties, a share inside units, a share returned."""
    rng = np.random.default_rng(seed)
    unit = np.sort(rng.integers(0, units, n))
    start = np.searchsorted(unit, np.arange(units + 1))
    active = rng.pareto(2.5, n) + 0.2
    share = np.cumsum(active)

    def chosen(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Draw one person each from rows low up to high, by activity."""
        floor = np.where(low > 0, share[low - 1], 0.0)
        at = floor + rng.random(len(low)) * (share[high - 1] - floor)
        return np.minimum(np.searchsorted(share, at, side="right"), high - 1)

    # With x the share of base ties that are mirrored, 2x / (1 + x) of all ties are returned.
    mirrored = returned / (2 - returned)
    keys = np.empty(0, dtype=np.int64)
    while True:
        base = round(m / (1 + mirrored))
        if len(keys) >= base:
            break
        size = int(1.2 * (base - len(keys))) + 100
        teacher = chosen(np.zeros(size, dtype=np.int64), np.full(size, n))
        stays = rng.random(size) < inside
        low = np.where(stays, start[unit[teacher]], 0)
        high = np.where(stays, start[unit[teacher] + 1], n)
        learner = chosen(low, high)
        more = (np.minimum(teacher, learner) * n + np.maximum(teacher, learner))[teacher != learner]
        keys = np.unique(np.concatenate([keys, more]))
    keys = rng.permutation(keys)[:base]
    one, two = keys // n, keys % n
    swap = rng.random(base) < 0.5
    teacher, learner = np.where(swap, two, one), np.where(swap, one, two)
    back = rng.permutation(base)[: m - base]
    teacher, learner = np.concatenate([teacher, learner[back]]), np.concatenate([learner, teacher[back]])
    weight = rng.exponential(1, m) + 0.1
    return PeerNetwork.from_codes(teacher, learner, weight, people=n).with_people(unit=unit)
