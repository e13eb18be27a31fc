"""Ties of silent people put back from what others report about them, where reciprocity suggests it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["impute_reversed", "return_rates"]

_FEWEST = 20


def _pairs(net: PeerNetwork) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return reporter and named of each tie, and whether the named person reports the tie back."""
    n = net.n_people
    if net.respondent_is == "learner":
        reporter, named = net.learner.astype(np.int64), net.teacher.astype(np.int64)
    else:
        reporter, named = net.teacher.astype(np.int64), net.learner.astype(np.int64)
    returned = np.isin(named * n + reporter, reporter * n + named)
    return reporter, named, returned


def _reported(net: PeerNetwork, function: str) -> None:
    """Refuse a network in which nothing is unknown."""
    if net.respondent_is is None:
        raise DataError(
            f"{function}: the ties of this network were seen, not reported (respondent_is is None), so nobody's "
            "silence hides any. Build it with from_nominations, or PeerNetwork(..., respondent_is='learner' or "
            "'teacher')."
        )


def return_rates(net: PeerNetwork, group: str | None = None) -> pd.DataFrame:
    r"""How often a tie is returned, among people who both answered: what reversal can rest on.

    Parameters
    ----------
    net : PeerNetwork
        Built from reports, so that ``net.respondent_is`` is known.
    group : str, optional
        Column of ``net.people``: ties inside groups and across apart. A missing group counts as across.

    Returns
    -------
    pandas.DataFrame
        Index "all", or "inside" and "across"; ``n_ties`` between two people who both answered, ``returned`` of them,
        ``rate`` = returned / n_ties (NaN without ties), ``density``: the chance of a tie between two such people,
        whatever is reported the other way. Where the rate is no higher than the density, a tie says nothing about its
        reverse.

    Raises
    ------
    DataError
        If ties were seen, not reported.
    """
    _reported(net, "return_rates")
    reporter, named, returned = _pairs(net)
    answered = (net.observed == "answered").to_numpy()
    both = answered[reporter] & answered[named]
    same = _same(net, group, reporter, named)
    n = int(answered.sum())
    pairs = float(n * (n - 1))
    if group is None:
        cells = {"all": (both, pairs)}
    else:
        codes = net.codes(group)[0][answered]
        sizes = np.bincount(codes[codes >= 0]).astype(np.float64)
        inside = float(np.sum(sizes * (sizes - 1)))
        cells = {"inside": (both & same, inside), "across": (both & ~same, pairs - inside)}
    rows = {
        name: {"n_ties": int(at.sum()), "returned": int((at & returned).sum()), "pairs": total}
        for name, (at, total) in cells.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table["rate"] = table["returned"] / table["n_ties"].where(table["n_ties"] > 0)
    table["density"] = table["n_ties"] / table["pairs"].where(table["pairs"] > 0)
    return table.drop(columns="pairs")


def _same(
    net: PeerNetwork, group: str | None, a: NDArray[np.int64], b: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which ties stay inside a group."""
    if group is None:
        return np.ones(len(a), dtype=bool)
    codes = net.codes(group)[0]
    inside: NDArray[np.bool_] = (codes[a] == codes[b]) & (codes[a] >= 0)
    return inside


def impute_reversed(
    net: PeerNetwork,
    group: str | None = None,
    *,
    method: Literal["chance", "all"] = "chance",
    return_rate: float | None = None,
    not_asked: bool = False,
    rng: RNGLike | SeedLike | None = None,
) -> PeerNetwork:
    r"""Put back ties of silent people: whoever is named by somebody may well name them too.

    Where i, who answered, reports a tie with j, who kept silent, the tie that j would have reported with i is unknown.
    It is imputed with the chance :math:`\rho` that a tie is returned among people who both answered
    (:func:`return_rates`), inside and across groups apart if ``group`` is given, or always (``method="all"``, the
    reconstruction of Stork and Richards). Ties between two silent people stay unknown.

    It helps counts, reciprocity and betweenness where ties are often returned. It cannot help where they are not
    (``"all"`` then invents a network: asking for advice goes up, not down), and it adds only people's ties with those
    who named them, so that a silent person still looks less active than they are. docs/calibration/silos.md has the
    table. One draw is one guess: repeat it with other seeds and look at the spread.

    Parameters
    ----------
    net : PeerNetwork
        Built from reports, so that ``net.respondent_is`` is known.
    group : str, optional
        Column of ``net.people``; ties inside and across then have return rates of their own.
    method : {"chance", "all"}
        Impute each with chance rho, or every one.
    return_rate : float, optional
        Take this instead of the rate among those who answered.
    not_asked : bool
        Impute ties of people who were not asked as well. People who objected are never imputed.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed; for ``method="chance"``.

    Returns
    -------
    PeerNetwork
        The same people and answers; ``ties`` has a column ``imputed`` (an imputed tie weighs what the tie it answers
        weighs) and ``provenance["imputed"]`` says how many of how many possible ones, for how many people, at which
        rate.

    Raises
    ------
    DataError
        If ties were seen, not reported, or fewer than 20 ties between people who both answered say how often a tie is
        returned (pass ``return_rate``).

    References
    ----------
    .. [1] Stork, D. & Richards, W. D. (1992). Nonrespondents in communication network studies. Group & Organization
       Management 17(2), 193-209. doi:10.1177/1059601192172006
    .. [2] Huisman, M. (2009). Imputation of missing network data: some simple procedures. Journal of Social Structure
       10(1), 1-29.
    .. [3] Smith, J. A., Morgan, J. H. & Moody, J. (2021). Network sampling coverage III: imputation of missing network
       data under different network and missing data conditions. Social Networks 68, 148-178.
       doi:10.1016/j.socnet.2021.05.002
    """
    rng = as_rng(rng)
    start = record(rng)
    literal("method", method, ("chance", "all"))
    _reported(net, "impute_reversed")
    reporter, named, returned = _pairs(net)
    status = net.observed.to_numpy()
    hidden = (status == "silent") | (not_asked & (status == "not_asked"))
    open_ = (status[reporter] == "answered") & hidden[named] & ~returned
    chance = _chances(net, group, method, return_rate, reporter[open_], named[open_])
    rows = np.flatnonzero(open_)[rng.random(int(open_.sum())) < chance]
    facts = {
        "method": method, "n_possible": int(open_.sum()), "n_imputed": len(rows),
        "people": len(np.unique(named[rows])), "mean_rate": float(chance.mean()) if len(chance) else float("nan"),
        "group": group, "not_asked": not_asked, "rng": start if method == "chance" else None,
    }  # fmt: skip
    return _with_ties(net, rows, facts)


def _chances(
    net: PeerNetwork,
    group: str | None,
    method: str,
    return_rate: float | None,
    reporter: NDArray[np.int64],
    named: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the chance with which each possible tie is imputed."""
    if method == "all":
        if return_rate is not None:
            raise ValueError('return_rate goes with method="chance"; "all" imputes every tie.')
        return np.ones(len(reporter))
    if return_rate is not None:
        return np.full(len(reporter), number("return_rate", return_rate, 0, 1))
    rates = return_rates(net, group)
    few = rates.index[rates["n_ties"] < _FEWEST]
    if len(few) and len(reporter):
        where = "" if group is None else f" {few[0]}"
        raise DataError(
            f"impute_reversed: only {int(rates['n_ties'].min())} ties{where} run between two people who both "
            f"answered, too few (under {_FEWEST}) to say how often a tie is returned. Pass return_rate=, or leave "
            "group out."
        )
    if group is None:
        return np.full(len(reporter), rates["rate"].to_numpy(dtype=np.float64)[0])
    inside, across = rates["rate"].to_numpy(dtype=np.float64)
    chance: NDArray[np.float64] = np.where(_same(net, group, reporter, named), inside, across)
    return chance


def _with_ties(net: PeerNetwork, rows: NDArray[np.intp], facts: dict[str, Any]) -> PeerNetwork:
    """Add the reverse of some ties, marked."""
    frame = net.ties
    before = (
        frame["imputed"].to_numpy(dtype=bool)
        if "imputed" in frame.columns
        else np.zeros(len(frame), dtype=bool)
    )
    new = pd.DataFrame(
        {
            "teacher": net.ids[net.learner[rows]],
            "learner": net.ids[net.teacher[rows]],
            "weight": net.weight[rows],
            "imputed": True,
        }
    )
    frame = pd.concat([frame.assign(imputed=before), new], ignore_index=True)
    frame["imputed"] = frame["imputed"].astype(bool)
    ends = tuple(net.ids.get_indexer(pd.Index(frame[end])).astype(np.int32) for end in ("teacher", "learner"))
    return net._replace(rows=frame, row_ends=ends, provenance=net.provenance | {"imputed": facts})
