"""Permutations of people, whole or within blocks, and the inner products that they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations, product
from math import factorial, prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from peernet._check import quoted
from peernet._parallel import run_blocks
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "Shuffler",
    "inner_products",
    "keeps",
    "known_alike",
    "null_draws",
    "products",
    "shuffler",
    "two_sided_p",
]

Floats = NDArray[np.float64]
BLOCK = 64
# Up to here numpy is quick enough, its matrix products stay on one thread, and numba's start-up is spared.
SMALL = 48


@dataclass(frozen=True, eq=False)
class Shuffler:
    """Relabellings of ``n`` people that keep everybody within their block; ``words`` say which blocks, if any."""

    n: int
    blocks: tuple[NDArray[np.intp], ...]
    words: str = ""

    @property
    def stay(self) -> int:
        """How many people never move."""
        return self.n - sum(len(b) for b in self.blocks)

    @property
    def count(self) -> int:
        """How many relabellings there are."""
        return prod(factorial(len(b)) for b in self.blocks)

    def draw(self, size: int, stream: np.random.Generator) -> NDArray[np.intp]:
        """Return random relabellings, shape (size, n)."""
        out = np.tile(np.arange(self.n, dtype=np.intp), (size, 1))
        for block in self.blocks:
            out[:, block] = stream.permuted(out[:, block], axis=1)
        return out

    def every(self, size: int) -> Iterator[NDArray[np.intp]]:
        """Yield all relabellings, the identity first, in chunks of ``size``."""
        rows: list[NDArray[np.intp]] = []
        for parts in product(*(permutations(b) for b in self.blocks)):
            row = np.arange(self.n, dtype=np.intp)
            for block, part in zip(self.blocks, parts, strict=True):
                row[block] = part
            rows.append(row)
            if len(rows) == size:
                yield np.array(rows)
                rows = []
        if rows:
            yield np.array(rows)


def known_alike(known: Sequence[NDArray[np.bool_]]) -> NDArray[np.intp]:
    """Return whose cells are known in the same roles: people differ where a whole row or column of a matrix is unknown.

    The column of somebody who did not say from whom they learn is unknown, and so are row and column of somebody
    whose age is missing. If such people changed places with others, known cells would be lost in every draw but not in
    the data, and fewer cells make the statistics of the draws smaller than they should be.
    """
    flags = []
    for matrix in known:
        off = matrix & ~np.eye(len(matrix), dtype=bool)
        flags += [off.any(axis=1), off.any(axis=0)]
    return np.unique(np.column_stack(flags), axis=0, return_inverse=True)[1].ravel().astype(np.intp)


def keeps(mask: NDArray[np.bool_], blocks: Sequence[NDArray[np.intp]]) -> bool:
    """Say whether every relabelling within blocks leaves a matrix as it is: swaps of neighbours are enough."""
    for block in blocks:
        for a, b in pairwise(block):
            rest = np.ones(len(mask), dtype=bool)
            rest[[a, b]] = False
            alike = (mask[a] == mask[b]) & (mask[:, a] == mask[:, b])
            if not alike[rest].all() or mask[a, b] != mask[b, a]:
                return False
    return True


def shuffler(
    net: PeerNetwork,
    within: str | None,
    second: NDArray[np.intp] | None = None,
    alike: NDArray[np.intp] | None = None,
) -> Shuffler:
    """Return the relabellings of a network's people, within a column and further divisions if given.

    Raises
    ------
    DataError
        For people without a value of ``within``, or if nobody can change places.
    """
    codes = np.zeros(net.n_people, dtype=np.intp)
    if within is not None:
        codes, _ = net.codes(within)
        if (codes < 0).any():
            lost = net.ids[codes < 0]
            raise DataError(
                f"within: {len(lost)} people have no {within!r} ({quoted(lost)}). Give them one with with_people(...), "
                "or subset(...) to those who have."
            )
    if second is not None:
        codes = codes * (second.max() + 1) + second
    groups = len(np.unique(codes))
    if alike is not None:
        codes = codes * (alike.max() + 1) + alike
    apart = len(np.unique(codes)) > groups
    blocks = tuple(b for c in np.unique(codes) if len(b := np.flatnonzero(codes == c)) > 1)
    if not blocks:
        alone = "every block holds one person" + (
            " whose values are known alike (who answered, who did not)" if apart else ""
        )
        raise DataError(f"within: {alone}, so nobody can change places. Use coarser blocks.")
    words = f" within {within}" if within else ""
    if apart:
        words += (" and" if within else "") + " among those whose values are known alike"
    return Shuffler(net.n_people, blocks, words)


def null_draws(
    shuffle: Shuffler,
    statistic: Callable[[NDArray[np.intp]], Floats],
    *,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> tuple[Floats, bool]:
    """Return the statistic on random relabellings, or on every one where there are no more than ``n_draws``."""
    if shuffle.count <= n_draws:
        return np.concatenate([statistic(perms) for perms in shuffle.every(1024)]), True
    parts = run_blocks(
        lambda size, stream: statistic(shuffle.draw(size, stream)),
        n_draws,
        rng=rng,
        block=BLOCK,
        n_jobs=n_jobs,
        progress=progress,
        desc="permutations",
    )
    return np.concatenate(parts), False


def inner_products(perms: NDArray[np.intp], moved: Floats, still: Floats) -> Floats:
    """Return sum over i, j of moved[a, p[i], p[j]] * still[b, i, j], shape (n_perms, n_moved, n_still)."""
    n = moved.shape[1]
    if n <= SMALL:
        fixed = still.reshape(len(still), -1).T
        taken = (moved[:, p[:, None], p].reshape(len(moved), -1) @ fixed for p in perms)
        return np.stack(list(taken))
    from peernet.hypotheses import _kernels

    out = np.empty((len(perms), len(moved), len(still)))
    _kernels.cross(perms, np.ascontiguousarray(moved), np.ascontiguousarray(still), out)
    return out


def products(
    moved: Floats, still: Floats, *, lead: tuple[bool, bool]
) -> Callable[[NDArray[np.intp]], Floats]:
    """Return :func:`inner_products` as a function of the relabelling, where matrices with few entries cost only those.

    ``lead`` says whether the first of ``moved`` and of ``still`` is the constant 1 over the cells used, outside which
    every matrix is 0 and to which every relabelling keeps: its products are sums.
    """
    first, other = int(lead[0]), int(lead[1])
    sums_moved, sums_still = moved.sum(axis=(1, 2)), still.sum(axis=(1, 2))
    a, b = np.ascontiguousarray(moved[first:]), np.ascontiguousarray(still[other:])
    n = moved.shape[1]
    few_a, few_b = ([np.count_nonzero(m) < 0.15 * n * n for m in stack] for stack in (a, b))
    entries_a, entries_b = ([_entries(m) if f else None for m, f in zip(s, few, strict=True)]
                            for s, few in ((a, few_a), (b, few_b)))  # fmt: skip
    full_a, full_b = (
        np.flatnonzero(~np.array(few_a, dtype=bool)),
        np.flatnonzero(~np.array(few_b, dtype=bool)),
    )

    def inner(perms: NDArray[np.intp]) -> Floats:
        if n <= SMALL:
            return inner_products(perms, a, b)
        from peernet.hypotheses import _kernels

        out = np.empty((len(perms), len(a), len(b)))
        back = np.argsort(perms, axis=1)
        line = np.empty(len(perms))
        for i, left in enumerate(entries_a):
            for j, right in enumerate(entries_b):
                if left is not None:
                    _kernels.sparse_cross(back, *left, b[j], line)
                elif right is not None:
                    _kernels.sparse_cross(perms, *right, a[i], line)
                else:
                    continue
                out[:, i, j] = line
        if len(full_a) and len(full_b):
            out[np.ix_(np.arange(len(perms)), full_a, full_b)] = inner_products(perms, a[full_a], b[full_b])
        return out

    def run(perms: NDArray[np.intp]) -> Floats:
        out = np.empty((len(perms), len(moved), len(still)))
        out[:, first:, other:] = inner(perms) if len(a) and len(b) else 0.0
        if first:
            out[:, 0] = sums_still
        if other:
            out[:, :, 0] = sums_moved
        return out

    return run


def _entries(matrix: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return where each row's entries start, their columns and their values (none where all are 1)."""
    rows, columns = np.nonzero(matrix)
    values = matrix[rows, columns]
    ptr = np.searchsorted(rows, np.arange(len(matrix) + 1)).astype(np.intp)
    return ptr, columns.astype(np.intp), np.empty(0) if (values == 1).all() else values


def two_sided_p(
    observed: float, null: Floats, *, exact: bool, corrected: bool = True, lost: int = 0
) -> tuple[float, float, float]:
    """Return p for |null| >= |observed|, null >= observed, null <= observed.

    Random draws count the data as one of them, (b + 1) / (R + 1); an exact null holds the data already, and
    ``corrected=False`` gives b / R. Each of ``lost`` draws without a value counts as at least as extreme, so that p
    is not too small for want of them.
    """
    draws = null[np.isfinite(null)]
    if not len(draws) or not np.isfinite(observed):
        return float("nan"), float("nan"), float("nan")
    slack = 1e-9 * max(abs(observed), float(np.abs(draws).max()), 1e-300)
    one = 0 if exact or not corrected else 1
    tails = (np.abs(draws) >= abs(observed) - slack, draws >= observed - slack, draws <= observed + slack)
    a, b, c = (float((np.count_nonzero(t) + lost + one) / (len(draws) + lost + one)) for t in tails)
    return a, b, c
