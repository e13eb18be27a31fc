"""Who teaches whom between groups, beside what chance gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.nulls._labels import label_strata
from peernet.silos._common import BIG, Grouped, collapse, grouped_to_show, known_pairs, known_ties, scaled

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["mixing_counts", "mixing_table", "pair_counts"]

Value = Literal[
    "count", "share", "row_share", "column_share", "density", "expected", "ratio", "residual", "z"
]
VALUES = ("count", "share", "row_share", "column_share", "density", "expected", "ratio", "residual", "z")


def mixing_counts(data: Grouped, weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the (n_groups, n_groups) sums of ties, or of ``weight``; rows teach."""
    k = len(data.names)
    # numpy sums in the same order, and needs 20 million ties to take as long as numba's start
    if len(data.teacher) >= 10 * BIG:
        from peernet.silos import _kernels

        ones = np.ones(1) if weight is None else weight
        big: NDArray[np.float64] = _kernels.mixing(
            k, data.teacher, data.learner, ones, data.codes.astype(np.int32)
        )
        return big
    cell = data.codes[data.teacher] * k + data.codes[data.learner]
    cells: NDArray[np.float64] = np.bincount(cell, weight, k * k).astype(np.float64).reshape(k, k)
    return cells


def pair_counts(sizes: NDArray[Any]) -> NDArray[np.float64]:
    """Return how many ordered pairs of people each pair of groups has."""
    size = sizes.astype(np.float64)
    return np.outer(size, size) - np.diag(size)


def mixing_table(
    net: PeerNetwork,
    group: str,
    *,
    value: Value = "count",
    null: Literal["labels", "degrees"] = "labels",
    directed: bool = True,
    weighted: bool = False,
) -> pd.DataFrame:
    r"""Ties from each group to each group: rows teach, columns learn.

    With :math:`m_{ab}` the ties from teachers in a to learners in b, sizes :math:`n_a`, :math:`m` all ties,

    ========================= =========================================================================================
    ``"count"``               :math:`m_{ab}`
    ``"share"``               :math:`m_{ab} / m`
    ``"row_share"``           :math:`m_{ab} / \sum_b m_{ab}`: where a group's teaching goes
    ``"column_share"``        :math:`m_{ab} / \sum_a m_{ab}`: where a group's learning comes from
    ``"density"``             :math:`m_{ab} / (n_a n_b)`, on the diagonal :math:`m_{aa} / (n_a (n_a - 1))`; of the pairs
                              (and ties) that somebody who answered would have reported
    ``"expected"``            what chance gives, :math:`x_{ab}`
    ``"ratio"``               :math:`m_{ab} / x_{ab}`: 1 is chance
    ``"residual"``            standardised: :math:`(m_{ab} - x_{ab}) / \sqrt{x_{ab} (1 - r_a) (1 - c_b)}` (see below)
    ``"z"``                   :math:`(m_{ab} - x_{ab}) / s_{ab}`, exact mean and SD under shuffled labels
    ========================= =========================================================================================

    Chance is ``null="labels"``: any pair of people is as likely to be tied, :math:`x_{ab} = m\, n_a n_b / (n (n - 1))`
    (:math:`n_a (n_a - 1)` on the diagonal); or ``null="degrees"``: groups teach and learn as much as they do, with
    partners at random, :math:`x_{ab} = m_{a \cdot} m_{\cdot b} / m`. Residuals use the share of pairs
    :math:`q_{ab}` in the first case, :math:`\sqrt{x_{ab} (1 - q_{ab})}`, and the row and column shares
    :math:`r_a, c_b` in the second (the adjusted residuals of a contingency table). Both take ties as independent,
    which they are not: read them as a first look and ``"z"`` or :func:`peernet.silos.ei_test` as the test. Summed
    weights have the variance :math:`\sum w^2 / m` times as large, so that their unit does not matter.

    Where some people did not report, their ties are unknown, not absent. Labels are then shuffled among those who did
    and among those who did not, and :math:`x_{ab}` is the mean of that: ties between the two kinds of people are spread
    over the pairs of those kinds.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out. Groups under the floor of the
        study, where the network carries its permissions, are pooled.
    value : {"count", "share", "row_share", "column_share", "density", "expected", "ratio", "residual", "z"}
        What the cells hold.
    null : {"labels", "degrees"}
        What chance keeps; for ``"expected"``, ``"ratio"``, ``"residual"``.
    directed : bool
        False: a pair of people counts once and the table is symmetric (its diagonal counts a pair once too).
    weighted : bool
        Sum weights instead of counting ties. Multiplying all weights changes no ratio, residual or z.

    Returns
    -------
    pandas.DataFrame, shape (n_groups, n_groups)
        Index named ``"teacher"``, columns named ``"learner"``, groups sorted. 0 is no tie; NaN where there is no pair
        of people (a group of one with itself), no tie to take a share of, or nothing to be expected.

    Raises
    ------
    DataError
        If ``group`` is not a column of ``net.people``.
    ValueError
        For an option that is not one of the words allowed, and for ``value="z"`` with another null than labels.

    References
    ----------
    .. [1] Newman, M. E. J. (2003). Mixing patterns in networks. Physical Review E 67, 026126.
       doi:10.1103/PhysRevE.67.026126
    .. [2] Agresti, A. (2013). Categorical Data Analysis, 3rd ed., section 3.3. Wiley.
    """
    literal("value", value, VALUES)
    literal("null", null, ("labels", "degrees"))
    if value == "z" and null != "labels":
        raise ValueError(
            'value="z" is exact for null="labels" only; use ei_test(null="degrees") or "residual".'
        )
    data = grouped_to_show(net, group, "silos.mixing_table")
    if value == "density":
        data = known_ties(net, data)
    scaled(data.weight[:1], weighted)  # refuses what is neither True nor False
    weight = data.weight if weighted else None
    if not directed:
        i, j, w = collapse(net.n_people, data.teacher, data.learner, data.weight, weighted=weighted)
        data = data._replace(teacher=i, learner=j, weight=w)
        weight = w
    counts = _folded(mixing_counts(data, weight), directed)
    cells = _cells(net, counts, data, value, null, weight, directed)
    names = data.names
    return pd.DataFrame(cells, index=names.rename("teacher"), columns=names.rename("learner"))


def _divide(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, NaN where there is nothing to divide by."""
    bottom = np.broadcast_to(bottom, top.shape)
    out: NDArray[np.float64] = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out


def _folded(counts: NDArray[np.float64], directed: bool) -> NDArray[np.float64]:
    """Return the table itself, or symmetric with pairs inside a group once."""
    return counts if directed else counts + counts.T - np.diag(np.diag(counts))


def _cells(
    net: PeerNetwork,
    counts: NDArray[np.float64],
    data: Grouped,
    value: str,
    null: str,
    weight: NDArray[np.float64] | None,
    directed: bool,
) -> NDArray[np.float64]:
    """Turn counts into what was asked for."""
    if value == "count":
        return counts if weight is not None else counts.astype(np.int64)
    total = counts.sum() if directed else float(np.triu(counts).sum())
    if value == "share":
        return _divide(counts, np.array(total))
    if value == "row_share":
        return _divide(counts, counts.sum(axis=1, keepdims=True))
    if value == "column_share":
        return _divide(counts, counts.sum(axis=0, keepdims=True))
    if value == "density":
        pairs = known_pairs(net, data, directed=directed)
        # A symmetric table holds each pair of groups twice, each pair of people inside a group once.
        return _divide(counts, pairs if directed else pairs - np.diag(np.diag(pairs)) / 2)
    if value == "z":
        return _exact_z(counts, data, weight, directed, label_strata(net, None))
    w = np.ones(len(data.teacher)) if weight is None else weight
    if null == "labels":
        expected, spread = _by_labels(data, w, total, directed, label_strata(net, None))
    else:
        expected, spread = _by_degrees(counts, total, directed, _lumps(w))
    if value == "expected":
        return expected
    if value == "ratio":
        return _divide(counts, expected)
    return _divide(counts - expected, spread)


def _lumps(w: NDArray[np.float64]) -> float:
    """Return the weight of a tie where all weigh the same, in general sum of squares over sum."""
    if not len(w):
        return float("nan")
    top = float(w.max())
    return top * float(np.sum((w / top) ** 2) / np.sum(w / top))


def _placed(
    data: Grouped, strata: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Return codes of the people with a group, both ends of ties among them, and their strata from 0."""
    known = data.codes >= 0
    rows = np.cumsum(known) - 1
    at = np.unique(strata[known], return_inverse=True)[1].astype(np.int64)
    return data.codes[known], rows[data.teacher], rows[data.learner], at


def _by_labels(
    data: Grouped, w: NDArray[np.float64], total: float, directed: bool, strata: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what shuffled labels give on average, and the spread that standardises the residuals."""
    from peernet.silos._cell_moments import cell_means

    k = len(data.names)
    if not total > 0:
        return np.full((k, k), np.nan), np.full((k, k), np.nan)
    codes, i, j, at = _placed(data, strata)
    expected = _folded(cell_means(codes, i, j, w, at, k), directed)
    return expected, np.sqrt(np.maximum(_lumps(w) * expected * (1 - expected / total), 0.0))


def _by_degrees(
    counts: NDArray[np.float64], total: float, directed: bool, lump: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what groups that teach and learn as much give, and the spread that standardises the residuals."""
    if not total > 0:
        return np.full_like(counts, np.nan, dtype=float), np.full_like(counts, np.nan, dtype=float)
    if directed:
        row, column = counts.sum(axis=1) / total, counts.sum(axis=0) / total
        expected = total * np.outer(row, column)
        return expected, np.sqrt(lump * expected * np.outer(1 - row, 1 - column))
    ends = (counts.sum(axis=1) + np.diag(counts)) / (2 * total)
    q = 2 * np.outer(ends, ends)
    np.fill_diagonal(q, ends**2)
    return total * q, np.sqrt(lump * total * q * (1 - q))


def _exact_z(
    counts: NDArray[np.float64],
    data: Grouped,
    weight: NDArray[np.float64] | None,
    directed: bool,
    strata: NDArray[Any],
) -> NDArray[np.float64]:
    """Return each cell's distance from its exact mean under shuffled labels, in exact SDs."""
    from peernet.silos._cell_moments import cell_moments

    w = np.ones(len(data.teacher)) if weight is None else weight
    top = float(w.max()) if len(w) else 1.0
    codes, i, j, at = _placed(data, strata)
    w = w / top
    if not directed:
        i, j, w = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([w, w])
        counts = counts + np.diag(np.diag(counts))
    mean, sd = cell_moments(codes, i, j, w, at, len(data.names))
    gap = counts / top - mean
    return _divide(gap, np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1e-300), sd, 0.0))
