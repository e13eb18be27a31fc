"""Whole-network tests: correlation of two networks (QAP) and conditional uniform graphs (CUG)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.hypotheses import _design, _graphs
from peernet.hypotheses._formula import parse
from peernet.hypotheses._permute import inner_products, known_alike, null_draws, shuffler, two_sided_p
from peernet.results import Alternative, HypothesisTest, monte_carlo_p, provenance

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["cug_test", "qap_correlation"]

Floats = NDArray[np.float64]
CugNull = Literal["size", "ties", "dyad census", "degrees", "block densities"]
_ALTERNATIVES = ("two-sided", "greater", "less")


def qap_correlation(
    net: PeerNetwork,
    other: Any,
    *,
    networks: Mapping[str, Any] | None = None,
    within: str | None = None,
    two_mode: str | None = None,
    weighted: bool = True,
    alternative: Alternative = "two-sided",
    compat: Literal["sna"] | None = None,
    n_draws: int = 2000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> HypothesisTest:
    r"""Correlation of two networks over the same people, against people who change places (QAP).

    Over the ordered pairs of different people whose values are known in both,

    .. math:: r = \frac{\sum_{i \ne j} (a_{ij} - \bar a)(b_{ij} - \bar b)}
              {\sqrt{\sum (a_{ij} - \bar a)^2 \sum (b_{ij} - \bar b)^2}},

    and the null moves whole people: :math:`b_{\pi(i)\pi(j)}`, which keeps the structure of both networks and breaks
    only the link between them. Both matrices have teachers in the rows.

    Parameters
    ----------
    net : PeerNetwork
        The first network. Cells that silent people would have filled are left out, not zero, and people change places
        only with those about whom as much is known: those who answered with those who answered (see :func:`mrqap`).
    other : PeerNetwork, str or pandas.DataFrame
        The second network over the same people, in any order; or one term of a formula, such as ``"same(office)"`` or
        ``"diff(age)"``; or a table of values, rows teach, columns learn, NaN = unknown.
    networks : mapping, optional
        Networks that a term may name.
    within : str, optional
        Column of people inside which they change places.
    two_mode : str, optional
        Column with two values, such as teacher and pupil, between which all ties run: only pairs from the one to the
        other count, and people change places within their kind.
    weighted : bool
        Correlate summed weights; False: ties present or absent.
    alternative : {"two-sided", "greater", "less"}
        Two-sided is twice the smaller tail.
    compat : {"sna"}, optional
        p-values as b / R, which may be 0, and unknown cells that move with people, as in ``sna::qaptest``.
    n_draws : int
        Permutations. Where people can be arranged in no more ways than this, every one is used and p is exact.
    rng : Generator, BitGenerator, seed or None
        Source of randomness.
    n_jobs : int
        Workers; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    HypothesisTest
        ``observed`` in [-1, 1]; the mean of the null is near 0, its spread is not 1 / sqrt(number of pairs).

    Raises
    ------
    DataError
        For other people, or if one of the networks does not vary.

    References
    ----------
    Krackhardt (1988), Predicting with networks. Social Networks 10, 359-381. doi:10.1016/0378-8733(88)90004-4

    Examples
    --------
    >>> from peernet import PeerNetwork
    >>> people = pd.DataFrame({"unit": ["x", "x", "y", "y"]}, index=["a", "b", "c", "d"])
    >>> ties = pd.DataFrame({"teacher": ["a", "b", "c", "d"], "learner": ["b", "a", "d", "a"]})
    >>> qap_correlation(PeerNetwork(people, ties), "same(unit)").provenance["exact"]
    True
    """
    rng = as_rng(rng)
    literal("alternative", alternative, _ALTERNATIVES)
    literal("compat", compat, ("sna", None))
    n_draws, used = count("n_draws", n_draws), record(rng)
    _design.check_given(net, networks)
    allowed, kinds = _design.two_modes(net, two_mode)
    a = net.adjacency.toarray().astype(np.float64)
    if not weighted:
        a = (a > 0).astype(np.float64)
    a[~_design.known_cells(net)] = np.nan
    name, b = _second(net, other, networks, weighted)
    if allowed is not None:
        a[~allowed] = b[~allowed] = np.nan
    off = ~np.eye(len(a), dtype=bool) if allowed is None else allowed
    # sna lets everybody change places and unknown cells move along.
    alike = None if compat == "sna" else known_alike((np.isfinite(a) & off, np.isfinite(b) & off))
    shuffle = shuffler(net, within, kinds, alike)
    statistic, observed = _correlation(a, b)
    null, exact = null_draws(shuffle, statistic, n_draws=n_draws, rng=rng, n_jobs=n_jobs, progress=progress)
    same = float(statistic(np.arange(net.n_people)[None, :])[0])
    p = monte_carlo_p(same, null, alternative)
    if exact or compat == "sna":
        _, greater, less = two_sided_p(same, null, exact=exact, corrected=compat is None)
        p = {"greater": greater, "less": less, "two-sided": min(1.0, 2 * min(greater, less))}[alternative]
    options = {
        "other": name,
        "within": within,
        "two_mode": two_mode,
        "weighted": weighted,
        "alternative": alternative,
        "compat": compat,
    }
    cells = int((np.isfinite(a) & np.isfinite(b) & ~np.eye(len(a), dtype=bool)).sum())
    total = len(a) * (len(a) - 1) if allowed is None else int(allowed.sum())
    return HypothesisTest(
        name=f"Correlation of the ties with {name}",
        observed=observed,
        null=null,
        null_model=f"people change places{shuffle.words}" + (", every arrangement" if exact else ""),
        alternative=alternative,
        p_value=p,
        estimand="correlation over ordered pairs of different people, rows teach, columns learn",
        would_count_against="an observed correlation inside the range that people who change places produce",
        assumptions=(f"people are exchangeable{shuffle.words}",),
        provenance=provenance(
            "hypotheses.qap_correlation",
            net,
            options={**options, "n_draws": n_draws},
            rng=used,
            used={"cells_used": cells, "cells_left_out": total - cells, "exact": exact},
        ),
    )


def _second(
    net: PeerNetwork, other: Any, networks: Mapping[str, Any] | None, weighted: bool
) -> tuple[str, Floats]:
    """Return the second matrix and its name."""
    if isinstance(other, str):
        reader = parse(f"tie ~ {other}")
        if len(reader.products) != 1 or len(reader.products[0]) != 1:
            raise ValueError(f"other must be one term; got {other!r}. For several use mrqap.")
        columns = _design.term_matrix(net, reader.products[0][0], networks)
        if len(columns) != 1:
            names = ", ".join(c for c, _ in columns)
            raise DataError(
                f"other: {other} stands for {len(columns)} matrices ({names}). Use mrqap for all at once."
            )
        return columns[0][0], columns[0][1]
    values = _design._aligned(net, other, "other")
    if not weighted and not isinstance(other, pd.DataFrame):
        values = np.where(np.isnan(values), np.nan, values > 0)
    return "the other network" if not isinstance(other, pd.DataFrame) else "the other table", values


def _correlation(a: Floats, b: Floats) -> tuple[Callable[[NDArray[np.intp]], Floats], float]:
    """Return the correlation as a function of the relabelling of ``b``, and its value on the data."""
    n = len(a)
    off = ~np.eye(n, dtype=bool)
    known_a, known_b = np.isfinite(a) & off, np.isfinite(b) & off
    both = known_a & known_b
    for values, which in ((a, "net"), (b, "other")):
        if not both.any() or np.ptp(values[both]) == 0:
            raise DataError(
                f"qap_correlation: {which} does not vary over the {both.sum()} pairs known in both."
            )
    observed = float(np.corrcoef(a[both], b[both])[0, 1])
    if both.sum() == n * (n - 1):
        return _complete(a, b, off), observed
    shift_a, shift_b = a[both].mean(), b[both].mean()
    za, zb = np.where(known_a, a - shift_a, 0.0), np.where(known_b, b - shift_b, 0.0)
    moved, still = np.stack([known_b, zb, zb**2]), np.stack([known_a, za, za**2])

    def statistic(perms: NDArray[np.intp]) -> Floats:
        c = inner_products(perms, moved, still)
        size, sa, sb = c[:, 0, 0], c[:, 0, 1], c[:, 1, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            ssa, ssb = c[:, 0, 2] - sa**2 / size, c[:, 2, 0] - sb**2 / size
            r: Floats = (c[:, 1, 1] - sa * sb / size) / np.sqrt(ssa * ssb)
        return r

    return statistic, observed


def _complete(a: Floats, b: Floats, off: NDArray[np.bool_]) -> Callable[[NDArray[np.intp]], Floats]:
    """Return the correlation where every cell is known: one inner product a relabelling."""
    n = len(a)
    mean_a, mean_b = a[off].mean(), b[off].mean()
    scale = np.sqrt(((a[off] - mean_a) ** 2).sum() * ((b[off] - mean_b) ** 2).sum())
    ties_a, ties_b = np.count_nonzero(a[off]), np.count_nonzero(b[off])
    few, dense = (a, b) if ties_a <= ties_b else (b, a)
    center = mean_b if ties_a <= ties_b else mean_a
    if min(ties_a, ties_b) < 0.3 * n * n and n > 64:
        teacher, learner = np.nonzero(np.where(off, few, 0.0))
        weight = few[teacher, learner]
        lost = center * weight.sum()
        ptr = np.searchsorted(teacher, np.arange(n + 1))
        unit = np.empty(0) if (weight == 1).all() else weight
        # Single precision fits the cache twice as well; the observed value is compared in the same precision.
        table, ends = dense.astype(np.float32), learner.astype(np.uint16 if n < 2**16 else np.int64)

        def sparse(perms: NDArray[np.intp]) -> Floats:
            from peernet.hypotheses import _kernels

            out = np.empty(len(perms))
            _kernels.sparse_cross(perms.astype(ends.dtype), ptr, ends, unit, table, out)
            r: Floats = (out - lost) / scale
            return r

        return sparse
    za, zb = np.where(off, a - mean_a, 0.0)[None], np.where(off, b - mean_b, 0.0)[None]

    def whole(perms: NDArray[np.intp]) -> Floats:
        r: Floats = inner_products(perms, zb, za)[:, 0, 0] / scale
        return r

    return whole


# ---- conditional uniform graphs -------------------------------------------------------------------------------------


def cug_test(
    net: PeerNetwork,
    statistic: str | Callable[[PeerNetwork], float],
    *,
    null: CugNull = "dyad census",
    group: str | None = None,
    alternative: Alternative = "two-sided",
    compat: Literal["sna"] | None = None,
    n_draws: int = 1000,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> HypothesisTest:
    r"""Statistic of a network against random networks that share some of its features (CUG).

    Each draw is a network over the same people, chosen uniformly among those with the features that ``null`` names:

    - "size": nothing but the people, every tie a fair coin. Nearly useless for sparse networks;
    - "ties": also the number of ties;
    - "dyad census": also the numbers of mutual, one-way and absent pairs;
    - "degrees": how many each person teaches and learns from (:func:`peernet.nulls.rewire`);
    - "block densities": the number of ties from each group to each group.

    Parameters
    ----------
    net : PeerNetwork
        Ties count as present or absent. Cells that silent people would have filled stay empty in the data and in every
        draw, and the features are those of the known cells.
    statistic : str or callable
        "reciprocity" (share of ties returned), "transitivity" (share of chains i -> j -> k with i -> k),
        "teacher_centralization" or "learner_centralization" (Freeman, 0 to 1); or any function of a PeerNetwork that
        returns a number, NaN = undefined. A function gets networks whose ties all weigh 1, reported by nobody in
        particular: everybody counts as having answered.
    null : {"size", "ties", "dyad census", "degrees", "block densities"}
        What the draws share with the data.
    group : str, optional
        Column of people for "block densities"; a missing group is a group of its own.
    alternative : {"two-sided", "greater", "less"}
        Two-sided is twice the smaller tail.
    compat : {"sna"}, optional
        p-values as b / R, as in ``sna::cug.test``.
    n_draws : int
        Random networks.
    rng : Generator, BitGenerator, seed or None
        Source of randomness.
    n_jobs : int
        Workers; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    HypothesisTest
        Reciprocity given the dyad census does not vary: p is then 1 and z is NaN.

    Raises
    ------
    ValueError
        For unknown words, or "block densities" without ``group``.

    References
    ----------
    Anderson, Butts, Carley (1999). Social Networks 21, 239-267. doi:10.1016/S0378-8733(99)00011-8
    Roberts (2000). Social Networks 22, 273-283. doi:10.1016/S0378-8733(00)00026-5
    """
    rng = as_rng(rng)
    _design.check_given(net, None)
    if null in ("edges", "edge", "density", "edge count"):
        raise ValueError(f"null={null!r}: the number of edges is kept by null='ties'.")
    if null in ("dyads", "dyad", "dyad.census", "mutual"):
        raise ValueError(f"null={null!r}: mutual, one-way and absent pairs are kept by null='dyad census'.")
    literal("null", null, ("size", "ties", "dyad census", "degrees", "block densities"))
    literal("alternative", alternative, _ALTERNATIVES)
    literal("compat", compat, ("sna", None))
    if (null == "block densities") != (group is not None):
        raise ValueError('group is the column for null="block densities"; pass both or neither.')
    n_draws, used = count("n_draws", n_draws), record(rng)
    known = _design.known_cells(net)
    seen = (net.adjacency.toarray() > 0) & known
    measure, name = _graphs.measure(statistic, net.people)
    observed = measure(seen)
    draw = _graphs.drawer(null, seen, known, net.codes(group)[0] if group else None, n_draws)
    parts = run_blocks(
        lambda size, stream: np.array([measure(draw(stream)) for _ in range(size)]),
        n_draws,
        rng=rng,
        block=16,
        n_jobs=n_jobs,
        progress=progress,
        desc="networks",
    )
    null_values = np.concatenate(parts)
    p = monte_carlo_p(observed, null_values, alternative)
    if compat == "sna":
        _, greater, less = two_sided_p(observed, null_values, exact=False, corrected=False)
        p = {"greater": greater, "less": less, "two-sided": min(1.0, 2 * min(greater, less))}[alternative]
    total = net.n_people * (net.n_people - 1)
    options = {"statistic": name, "null": null, "group": group, "alternative": alternative, "compat": compat}
    return HypothesisTest(
        name=name[:1].upper() + name[1:],
        observed=observed,
        null=null_values,
        null_model=_graphs.MODELS[null] + (f" of {group}" if group else ""),
        alternative=alternative,
        p_value=p,
        estimand=f"{name} of the network among random networks with the same {null}",
        would_count_against="an observed value inside the range that such random networks produce",
        assumptions=("under the null every network with these features is equally likely",),
        provenance=provenance(
            "hypotheses.cug_test",
            net,
            options={**options, "n_draws": n_draws},
            rng=used,
            used={"cells_used": int(known.sum()), "cells_left_out": total - int(known.sum())},
        ),
    )
