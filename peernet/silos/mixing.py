"""Who teaches whom between groups, beside what chance gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal
from peernet.silos._common import BIG, Grouped, collapse, grouped

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["expected_counts", "mixing_counts", "mixing_table"]

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


def expected_counts(counts: NDArray[np.float64], sizes: NDArray[Any], null: str) -> NDArray[np.float64]:
    """Return the counts that chance gives: in proportion to pairs of people, or to out- and in-ties of groups."""
    total = counts.sum()
    if null == "labels":
        pairs = pair_counts(sizes)
        everything = pairs.sum()
        return total * pairs / everything if everything else np.full_like(pairs, np.nan)
    return np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total if total else np.full_like(counts, np.nan)


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
    ``"density"``             :math:`m_{ab} / (n_a n_b)`, on the diagonal :math:`m_{aa} / (n_a (n_a - 1))`
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
    which they are not: read them as a first look and ``"z"`` or :func:`peernet.silos.ei_test` as the test.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Ties with a missing group at either end are left out.
    value : {"count", "share", "row_share", "column_share", "density", "expected", "ratio", "residual", "z"}
        What the cells hold.
    null : {"labels", "degrees"}
        What chance keeps; for ``"expected"``, ``"ratio"``, ``"residual"``.
    directed : bool
        False: a pair of people counts once and the table is symmetric (its diagonal counts a pair once too).
    weighted : bool
        Sum weights instead of counting ties. Residuals and z treat weights as the data, not as counts.

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
    data = grouped(net, group)
    weight = data.weight if weighted else None
    if not directed:
        i, j, w = collapse(net.n_people, data.teacher, data.learner, data.weight, weighted=weighted)
        data = data._replace(teacher=i, learner=j, weight=w)
        weight = w
    counts = mixing_counts(data, weight)
    if not directed:
        counts = counts + counts.T - np.diag(np.diag(counts))
    cells = _cells(counts, data, value, null, weight, directed)
    names = data.names
    return pd.DataFrame(cells, index=names.rename("teacher"), columns=names.rename("learner"))


def _divide(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide, NaN where there is nothing to divide by."""
    bottom = np.broadcast_to(bottom, top.shape)
    out: NDArray[np.float64] = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom > 0)
    return out


def _cells(
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
    pairs = pair_counts(data.sizes)
    if not directed:
        # A symmetric table holds each pair of groups twice, each pair of people inside a group once.
        pairs = pairs - np.diag(np.diag(pairs)) / 2
    total = counts.sum() if directed else float(np.triu(counts).sum())
    if value == "share":
        return _divide(counts, np.array(total))
    if value == "row_share":
        return _divide(counts, counts.sum(axis=1, keepdims=True))
    if value == "column_share":
        return _divide(counts, counts.sum(axis=0, keepdims=True))
    if value == "density":
        return _divide(counts, pairs)
    if value == "z":
        return _exact_z(counts, data, weight, directed)
    expected, spread = _chance(counts, pairs, total, null, directed)
    if value == "expected":
        return expected
    if value == "ratio":
        return _divide(counts, expected)
    return _divide(counts - expected, spread)


def _chance(
    counts: NDArray[np.float64], pairs: NDArray[np.float64], total: float, null: str, directed: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return expected counts and the spread that standardises the residuals."""
    nothing = np.full_like(pairs, np.nan)
    if not total > 0:
        return nothing, nothing
    if null == "labels":
        everything = pairs.sum() if directed else float(np.triu(pairs).sum())
        q = pairs / everything
        return total * q, np.sqrt(total * q * (1 - q))
    if directed:
        row, column = counts.sum(axis=1) / total, counts.sum(axis=0) / total
        expected = total * np.outer(row, column)
        return expected, np.sqrt(expected * np.outer(1 - row, 1 - column))
    ends = (counts.sum(axis=1) + np.diag(counts)) / (2 * total)
    q = 2 * np.outer(ends, ends)
    np.fill_diagonal(q, ends**2)
    return total * q, np.sqrt(total * q * (1 - q))


def _exact_z(
    counts: NDArray[np.float64], data: Grouped, weight: NDArray[np.float64] | None, directed: bool
) -> NDArray[np.float64]:
    """Return each cell's distance from its exact mean under shuffled labels, in exact SDs."""
    from peernet.silos._moments import cell_moments

    people = np.flatnonzero(data.codes >= 0)
    rows = np.cumsum(data.codes >= 0) - 1
    w = np.ones(len(data.teacher)) if weight is None else weight
    top = float(w.max()) if len(w) else 1.0
    i, j, w = rows[data.teacher], rows[data.learner], w / top
    if not directed:
        i, j, w = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([w, w])
        counts = counts + np.diag(np.diag(counts))
    mean, sd = cell_moments(data.sizes, i, j, w, len(people))
    gap = counts / top - mean
    return _divide(gap, np.where(sd > 1e-12 * np.maximum(np.abs(mean), 1e-300), sd, 0.0))
