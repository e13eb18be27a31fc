"""Ties that change with adoption, boundaries that knowledge crosses, and knowledge that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column as check_column
from peernet._check import count, quoted
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._adopted import choose, read_adoptions
from peernet.diffusion._exposure import answered, as_networks
from peernet.diffusion._missing import periods_of
from peernet.diffusion._time import Period, check_lag, timeline
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.privacy.permissions import withhold_ids
from peernet.results import HypothesisTest, provenance

__all__ = ["crossings", "tie_change", "wrong_knowledge_test"]


def tie_change(
    nets: Sequence[PeerNetwork],
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    item: str | None = None,
) -> pd.DataFrame:
    """Ties made, dropped and kept from one period to the next, by who had adopted: choosing teachers, or being taught.

    Ties that are made towards people who have already adopted point to selection (people seek out those who know);
    adoption along ties that were there before points to influence.

    Parameters
    ----------
    nets : list of PeerNetwork
        One network a period, same people.
    adoptions, start, end, period, item
        As in ``adoption_curve``; one item.

    Returns
    -------
    pandas.DataFrame
        One row a period (from the second), and state of learner and teacher: ``period``, ``learner`` and ``teacher``
        ("adopts", "has adopted", "has not": "adopts" = in this period), ``made``, ``dropped``, ``kept``, ``absent``
        (pairs without a tie in both), ``made_share`` (of pairs without a tie before) and ``dropped_share``. Pairs whose
        reporter did not answer in both periods are unknown and left out.

    Raises
    ------
    DataError
        Unless there is one network a period.
    """
    networks = as_networks(nets)
    items, moments = read_adoptions(adoptions, networks[0].ids, item)
    one = choose(items, "tie_change")
    periods = timeline(moments, start, end, period)
    if len(networks) != periods.n:
        raise DataError(f"nets: {len(networks)} networks for {periods.n} periods. Give one a period.")
    tau = periods_of(one, periods)
    words = np.array(["has adopted", "adopts", "has not"], dtype=object)
    rows = []
    for t in range(1, periods.n):
        state = np.where(tau < t, 0, np.where(tau == t, 1, 2))
        known, learner_told = _known(networks[t - 1], networks[t])
        sizes, heard = np.bincount(state, minlength=3), np.bincount(state[known], minlength=3)
        before, after = _pairs(networks[t - 1], known, learner_told), _pairs(networks[t], known, learner_told)
        kept = np.intersect1d(before, after, assume_unique=True)
        found = {"kept": kept, "made": np.setdiff1d(after, kept), "dropped": np.setdiff1d(before, kept)}
        n = networks[0].n_people
        tables = {
            k: np.bincount(state[v % n] * 3 + state[v // n], minlength=9).reshape(3, 3)
            for k, v in found.items()
        }
        pairs = (np.outer(heard, sizes) if learner_told else np.outer(sizes, heard)) - np.diag(heard)
        for a in range(3):
            for b in range(3):
                made, dropped, same = (int(tables[k][a, b]) for k in ("made", "dropped", "kept"))
                rows.append(
                    (
                        periods.labels[t],
                        words[a],
                        words[b],
                        made,
                        dropped,
                        same,
                        int(pairs[a, b]) - made - dropped - same,
                    )
                )
    out = pd.DataFrame(rows, columns=["period", "learner", "teacher", "made", "dropped", "kept", "absent"])
    out["made_share"] = out["made"] / (out["made"] + out["absent"]).where(lambda x: x > 0)
    out["dropped_share"] = out["dropped"] / (out["dropped"] + out["kept"]).where(lambda x: x > 0)
    return out


def _known(before: PeerNetwork, after: PeerNetwork) -> tuple[NDArray[np.bool_], bool]:
    """Return who told of their ties both times, and whether it is learners who tell."""
    known = np.ones(before.n_people, dtype=bool)
    for net in (before, after):
        if net.respondent_is is not None:
            known &= (net.observed == "answered").to_numpy()
    return known, before.respondent_is != "teacher"


def _pairs(net: PeerNetwork, known: NDArray[np.bool_], learner_told: bool) -> NDArray[np.int64]:
    """Return each tie of people who told as one number: teacher * n + learner."""
    keep = known[net.learner if learner_told else net.teacher]
    return net.teacher[keep].astype(np.int64) * net.n_people + net.learner[keep].astype(np.int64)


def crossings(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    group: str,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    lag: int = 1,
    item: str | None = None,
) -> pd.DataFrame:
    """When knowledge first reached each group, and from which group it could have come.

    Parameters
    ----------
    net : PeerNetwork
        Who teaches whom.
    adoptions : pandas.DataFrame
        As in ``adoption_curve``.
    group : str
        Column of people; people without a group are left out.
    start, end, period, item
        As in ``adoption_curve``.
    lag : int
        Periods that teaching takes: a teacher counts when informed at least so much earlier.

    Returns
    -------
    pandas.DataFrame
        One row an item and group: ``first`` (period of the first adopter, missing = never reached; the first period's
        label also for people who knew before), ``by`` (their ids), ``adopters``, ``origin`` (knew before or nobody
        informed taught them: the group did not get it along a measured tie; missing where one of the first did not say
        who teaches them), ``came_from`` (groups of the informed
        teachers of the first adopters), ``taught_by`` (their ids), and ``share_across``: of all exposure of the group's
        later adopters at their adoption, the part from other groups (NaN without any). ``by`` and ``taught_by`` are
        empty where the study behind the network does not list ``diffusion.crossings``.

    Raises
    ------
    DataError
        As ``adoption_curve``.
    """
    items, moments = read_adoptions(adoptions, net.ids, item)
    periods = timeline(moments, start, end, period)
    lag = check_lag(lag, periods, before=True, least=0)
    codes, names = net.codes(group)
    ids = net.ids
    rows: list[tuple[Any, ...]] = []
    told = answered(net, "teachers")
    for one in items:
        tau = periods_of(one, periods)
        adopted = tau < periods.n
        inform = adopted[net.teacher] & adopted[net.learner] & (tau[net.teacher] <= tau[net.learner] - lag)
        inform &= (codes[net.teacher] >= 0) & (tau[net.learner] >= 0)
        for g, name in enumerate(names):
            mine = np.flatnonzero((codes == g) & adopted)
            if not len(mine):
                rows.append((one.item, name, None, (), 0, False, (), (), float("nan")))
                continue
            earliest = tau[mine].min()
            first = mine[tau[mine] == earliest]
            ties = np.flatnonzero(inform & (codes[net.learner] == g))
            outside = codes[net.teacher[ties]] != g
            to_first = ties[np.isin(net.learner[ties], first)]
            teachers = np.unique(net.teacher[to_first])
            origin = (
                pd.NA if not len(teachers) and earliest >= 0 and not told[first].all() else not len(teachers)
            )
            weight = net.weight[ties]
            across = float(weight[outside].sum() / weight.sum()) if len(ties) else float("nan")
            rows.append(
                (
                    one.item, name, periods.labels[max(int(earliest), 0)], tuple(ids[first]), len(mine),
                    origin, tuple(sorted({str(names[c]) for c in codes[teachers]})),
                    tuple(ids[teachers]), across,
                )
            )  # fmt: skip
    columns = ["item", group, "first", "by", "adopters", "origin", "came_from", "taught_by", "share_across"]
    return withhold_ids(
        net,
        pd.DataFrame(rows, columns=columns).astype({"origin": "boolean"}),
        ["by", "taught_by"],
        function="diffusion.crossings",
    )


def wrong_knowledge_test(
    net: PeerNetwork,
    adoptions: pd.DataFrame,
    *,
    start: Any,
    end: Any,
    period: Period = None,
    lag: int = 1,
    correct: str = "correct",
    item: str | None = None,
    n_draws: int = 1000,
    rng: RNGLike | SeedLike | None = None,
) -> HypothesisTest:
    """Whether people who were taught by people in error are in error themselves.

    The statistic is the difference in the share of wrong learners between those whose informed teachers were mostly
    wrong and those whose informed teachers were mostly right (ties left out). Under the null, who is wrong is dealt out
    anew among the adopters of an item.

    Parameters
    ----------
    net, adoptions, start, end, period, item
        As in ``adoption_curve``; several items are pooled.
    lag : int
        Periods that teaching takes.
    correct : str
        Column of ``adoptions``: True where what was learned is right, False where wrong; missing = not checked.
    n_draws : int
        Shuffles.
    rng : generator or seed, optional
        For the shuffles.

    Returns
    -------
    HypothesisTest
        One-sided (greater). NaN when nobody was taught by mostly wrong, or nobody by mostly right teachers.

    Raises
    ------
    DataError
        Without the column, or as ``adoption_curve``.
    """
    rng = as_rng(rng)
    count("n_draws", n_draws)
    state = record(rng)
    items, moments = read_adoptions(adoptions, net.ids, item)
    marks = _marks(check_column(adoptions, correct, "adoptions"), correct)
    periods = timeline(moments, start, end, period)
    lag = check_lag(lag, periods, before=True, least=0)
    learners, wrongs, ties, strata, offset = [], [], [], [], 0
    names = (
        adoptions["item"].astype("str")
        if "item" in adoptions.columns
        else pd.Series("item", index=adoptions.index)
    )
    rows = net.ids.get_indexer(pd.Index(adoptions["person"].astype("str")))
    for k, one in enumerate(items):
        tau = periods_of(one, periods)
        wrong = np.full(net.n_people, np.nan)
        here = (names == one.item).to_numpy() & marks.notna().to_numpy()
        wrong[rows[here]] = 1.0 - marks[here].to_numpy(dtype=float)
        known = np.isfinite(wrong) & (tau < periods.n)
        inform = known[net.teacher] & known[net.learner] & (tau[net.teacher] <= tau[net.learner] - lag)
        inform &= tau[net.learner] >= 0
        learners.append(np.flatnonzero(known) + offset)
        strata.append(np.full(int(known.sum()), k))
        wrongs.append(wrong)
        ties.append(np.column_stack([net.teacher[inform], net.learner[inform]]) + offset)
        offset += net.n_people
    who = np.concatenate(learners) if learners else np.zeros(0, dtype=np.int64)
    group = np.concatenate(strata) if strata else np.zeros(0, dtype=np.int64)
    values = np.concatenate(wrongs) if wrongs else np.zeros(0)
    pairs = np.concatenate(ties).astype(np.int64) if ties else np.zeros((0, 2), dtype=np.int64)
    observed = _difference(values, pairs)
    draws = np.empty(n_draws)
    for d in range(n_draws):
        shuffled = values.copy()
        order = np.lexsort((rng.random(len(who)), group))
        shuffled[who[np.argsort(group, kind="stable")]] = values[who[order]]
        draws[d] = _difference(shuffled, pairs)
    name = "share of wrong learners, taught wrong less taught right"
    if not np.isfinite(observed):
        name += ", not defined: nobody " + (
            "whose knowledge was checked had an informed teacher whose knowledge was checked"
            if not len(pairs)
            else "was taught by mostly wrong teachers, or nobody by mostly right ones"
        )
    return HypothesisTest(
        name=name, observed=observed, null=draws,
        alternative="greater", null_model="who is wrong dealt out anew among the adopters of an item",
        estimand="Passing on of wrong knowledge along teaching ties",
        provenance=provenance("diffusion.wrong_knowledge_test", net, rng=state,
        options={"lag": lag, "n_draws": n_draws}),
    )  # fmt: skip


def _marks(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Read right or wrong, missing where nothing was recorded."""
    try:
        return values.astype("boolean")
    except (TypeError, ValueError):
        given = [v for v in values.dropna().unique() if not (isinstance(v, (bool, np.bool_)) or v in (0, 1))]
        raise DataError(
            f"adoptions: {name!r} is True or False (or 1 and 0) for each row, missing where it was not recorded; got "
            f"{quoted(given)}. Turn it into True and False."
        ) from None


def _difference(wrong: NDArray[np.float64], pairs: NDArray[np.int64]) -> float:
    """Return the share of wrong learners under mostly wrong less mostly right teachers."""
    n = len(wrong)
    bad = np.bincount(pairs[:, 1], wrong[pairs[:, 0]], n)
    total = np.bincount(pairs[:, 1], minlength=n)
    taught_wrong, taught_right = (total > 0) & (2 * bad > total), (total > 0) & (2 * bad < total)
    if not taught_wrong.any() or not taught_right.any():
        return float("nan")
    return float(wrong[taught_wrong].mean() - wrong[taught_right].mean())
