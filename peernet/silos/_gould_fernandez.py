"""Exact mean and SD of brokerage roles when every tie is there independently with one probability."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ROLES", "person_moments", "whole_moments"]

ROLES = ("coordinator", "itinerant", "gatekeeper", "representative", "liaison", "total")


def person_moments(sizes: NDArray[Any], density: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Mean and SD of a broker's roles by the broker's group, shape (n_groups, 6).

    With N ordered pairs (a, b) that give the role, mean :math:`N p^2 q`; two pairs covary by :math:`p^3 q^3` when they
    share one end, by 0 otherwise.
    """
    p, q = density, 1 - density
    k = len(sizes)
    n = int(sizes.sum())
    mean, variance = np.zeros((k, 6)), np.zeros((k, 6))
    for g in range(k):
        own, size = float(sizes[g] - 1), np.delete(np.asarray(sizes, dtype=np.float64), g)
        other = float(n - sizes[g])
        # For each role: pairs (a, b), and the pairs of such pairs that share only a, and only b.
        pairs = {
            0: (own * (own - 1), own * (own - 1) * (own - 2), own * (own - 1) * (own - 2)),
            1: (np.sum(size * (size - 1)), *(np.sum(size * (size - 1) * (size - 2)),) * 2),
            2: (other * own, other * own * (own - 1), own * other * (other - 1)),
            3: (own * other, own * other * (other - 1), other * own * (own - 1)),
            4: (np.sum(size * (other - size)), *(np.sum(size * (other - size) * (other - size - 1)),) * 2),
            5: ((n - 1.0) * (n - 2.0), *((n - 1.0) * (n - 2.0) * (n - 3.0),) * 2),
        }
        for role, (count, share_a, share_b) in pairs.items():
            mean[g, role] = count * p * p * q
            variance[g, role] = count * (p * p * q - p**4 * q * q) + (share_a + share_b) * p**3 * q**3
    return mean, np.sqrt(np.maximum(variance, 0.0))


def _indicator(k: int, role: int) -> NDArray[np.float64]:
    """Return f[group of a, group of v, group of b] = 1 where the three hold the role."""
    a, v, b = np.ogrid[:k, :k, :k]
    full = np.ones((k, k, k), dtype=bool)
    left, right, ends = (a == v) & full, (v == b) & full, (a == b) & full
    which = [
        left & right, ends & ~left, right & ~left, left & ~right, ~left & ~right & ~ends, full,
    ]  # fmt: skip
    chosen: NDArray[np.float64] = np.asarray(which[role], dtype=np.float64)
    return chosen


# The ties of an open path by the places (a, v, b) = (0, 1, 2) of their ends: two legs, and the absent one.
_TIES = ((0, 1), (1, 2), (0, 2))


def _triple_covariance(order: tuple[int, ...], p: float) -> float:
    """Covariance of two open paths over the same three people, the second in another order of them."""
    q = 1 - p
    first = {tie: r < 2 for r, tie in enumerate(_TIES)}
    second = {(order[i], order[j]): r < 2 for r, (i, j) in enumerate(_TIES)}
    joint = 1.0
    for tie in set(first) | set(second):
        wanted = {d[tie] for d in (first, second) if tie in d}
        joint *= 0.0 if len(wanted) == 2 else (p if wanted == {True} else q)
    return joint - (p * p * q) ** 2


def _pair_counts(f: NDArray[np.float64], sizes: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """For each of the three ties: third people c[gx, gy] that complete x -> y to a path with the role."""
    k = len(sizes)
    eye = np.eye(k)
    out = []
    for x, y in _TIES:
        third = 3 - x - y
        g = np.transpose(f, (x, y, third))
        left = sizes[None, None, :] - eye[:, None, :] - eye[None, :, :]
        out.append(np.sum(g * left, axis=2))
    return out


def _variance(f: NDArray[np.float64], sizes: NDArray[np.float64], p: float) -> float:
    """Variance of the number of open paths marked by f."""
    k = len(sizes)
    eye = np.eye(k)
    q = 1 - p
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    left = sizes[None, None, :] - eye[:, None, :] - eye[None, :, :]
    triples = pairs[:, :, None] * left
    total = 0.0
    for order in itertools.permutations(range(3)):
        # T2 is the path order[0] -> order[1] -> order[2] over T1's people: its f is looked up at their groups.
        moved = np.transpose(f, np.argsort(order))
        total += _triple_covariance(order, p) * float(np.sum(triples * f * moved))
    counts = _pair_counts(f, sizes)
    leg, mixed, closing = p**3 * q**3, -(p**4) * q * q, p**5 * q
    for r, s in itertools.product(range(3), repeat=2):
        cov = closing if r == s == 2 else mixed if 2 in (r, s) else leg
        (x1, y1), (x2, y2) = _TIES[r], _TIES[s]
        one = np.transpose(f, (x1, y1, 3 - x1 - y1))
        two = np.transpose(f, (x2, y2, 3 - x2 - y2))
        same_third = np.sum(one * two * left, axis=2)
        total += cov * float(np.sum(pairs * (counts[r] * counts[s] - same_third)))
    return total


def whole_moments(
    sizes: NDArray[Any], density: float, *, by_unit: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and SD of the roles summed over all brokers (1, 6), or over the brokers of each group (n_groups, 6).

    Two open paths covary when they share a tie (as leg or as the absent one). Pairs that share two people share one tie
    at most and are counted by group; pairs over the same three people are gone through one order at a time. sna's
    network-level SD of gatekeeper and representative leaves some of these out and is 4-6 % too large.
    """
    size = np.asarray(sizes, dtype=np.float64)
    k = len(size)
    p, q = density, 1 - density
    eye = np.eye(k)
    triples = (np.outer(size, size) - np.diag(size))[:, :, None] * (size - eye[:, None, :] - eye[None, :, :])
    units: list[int | None] = list(range(k)) if by_unit else [None]
    mean, sd = np.zeros((len(units), 6)), np.zeros((len(units), 6))
    for row, unit in enumerate(units):
        for role in range(6):
            f = _indicator(k, role)
            if unit is not None:
                f[:, np.arange(k) != unit, :] = 0.0
            mean[row, role] = float(np.sum(triples * f)) * p * p * q
            sd[row, role] = np.sqrt(max(_variance(f, size, p), 0.0))
    return mean, sd
