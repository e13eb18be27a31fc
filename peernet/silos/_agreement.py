"""How far two ways of dividing the same people agree, adjusted for chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["adjusted_information", "adjusted_rand", "crossed", "overlap"]


def crossed(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.int64]:
    """Count people by both partitions; codes from 0."""
    k, m = int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1
    return np.bincount(a.astype(np.int64) * max(m, 1) + b, minlength=k * m).reshape(k, m)


def adjusted_rand(table: NDArray[Any]) -> float:
    r"""Rand index adjusted for chance (Hubert and Arabie 1985).

    .. math:: \frac{\sum_{ij} \binom{n_{ij}}{2} - e}{(a + b)/2 - e}, \quad e = ab / \binom n2

    with a and b the pairs of people together in the first and in the second partition. 1: the same; 0 on average when
    one of them is shuffled; NaN when both put everybody together or everybody apart.
    """
    pairs = [float(np.sum(x * (x - 1.0) / 2)) for x in (table, table.sum(axis=1), table.sum(axis=0))]
    n = float(table.sum())
    everything = n * (n - 1) / 2
    if not everything:
        return float("nan")
    expected = pairs[1] * pairs[2] / everything
    most = (pairs[1] + pairs[2]) / 2
    return (pairs[0] - expected) / (most - expected) if most - expected > 1e-12 * everything else float("nan")


def adjusted_information(table: NDArray[Any]) -> float:
    r"""Mutual information adjusted for chance (Vinh, Epps and Bailey 2010), exact expected value.

    .. math:: \frac{I - \mathrm E[I]}{(H_1 + H_2)/2 - \mathrm E[I]}

    The mean of the two entropies is scikit-learn's default; the larger one gives smaller values. NaN when the
    denominator is 0 (both put everybody together, or everybody apart).
    """
    from scipy.special import gammaln

    from peernet.silos import _kernels_leiden

    rows, columns = table.sum(axis=1).astype(np.int64), table.sum(axis=0).astype(np.int64)
    n = int(table.sum())
    if n < 2:
        return float("nan")
    live = table > 0
    x = table[live] / n
    independent = (np.outer(rows, columns)[live] / n) / n
    information = float(np.sum(x * np.log(x / independent)))
    entropies = [float(-np.sum(s[s > 0] / n * np.log(s[s > 0] / n))) for s in (rows, columns)]
    expected = float(
        _kernels_leiden.expected_information(
            rows[rows > 0], columns[columns > 0], gammaln(np.arange(n + 1) + 1.0)
        )
    )
    spare = sum(entropies) / 2 - expected
    return (information - expected) / spare if spare > 1e-12 else float("nan")


def overlap(a: NDArray[Any], runs: NDArray[Any]) -> NDArray[np.float64]:
    """For each community of ``a``: the Jaccard index of its best match in a run, on average over runs."""
    k = int(a.max(initial=-1)) + 1
    total = np.zeros(k)
    for run in runs:
        table = crossed(a, run).astype(np.float64)
        union = table.sum(axis=1, keepdims=True) + table.sum(axis=0, keepdims=True) - table
        total += np.max(table / np.maximum(union, 1.0), axis=1, initial=0.0)
    return total / max(len(runs), 1)
