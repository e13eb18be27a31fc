"""Who can teach what: experts per topic from ties, events or ratings, and teachers per learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import number, quoted
from peernet.errors import DataError
from peernet.silos._episodes import ends_of

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = [
    "Holdings",
    "holdings",
    "impute",
    "impute_learners",
    "learner_sets",
    "reported",
    "unknown_people",
    "wilson",
]

_LEADING = 0.2  # a teacher with less than this share of the leading teacher's weight is no expert


class Holdings(NamedTuple):
    """Experts of each item.

    Attributes
    ----------
    kind : str
        "ties" or "ratings".
    names : list
        Topics.
    weight : numpy.ndarray, shape (n_items, n_people)
        Teaching given (ties), rating (ratings, NaN = not rated).
    cut : float
        What makes an expert.
    learners : numpy.ndarray of int
        People who learn the topic, or whose rating of it is known.
    left_out : dict
        Rows left out, by reason.
    """

    kind: str
    names: list[Any]
    weight: NDArray[np.float64]
    cut: float
    learners: NDArray[np.intp]
    left_out: dict[str, int]

    def experts(self, weight: NDArray[np.float64] | None = None) -> NDArray[np.bool_]:
        """Return who is an expert of what, shape (n_items, n_people)."""
        w = self.weight if weight is None else weight
        if self.kind == "ratings":
            return np.asarray(np.nan_to_num(w, nan=-np.inf) >= self.cut)
        top = w.max(axis=1, keepdims=True, initial=0.0)
        return np.asarray((w > 0) & (w >= self.cut * top * (1 - 1e-12)))


def wilson(share: Any, n: Any, z: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Wilson's interval of a share of n."""
    n = np.asarray(n, dtype=np.float64)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def holdings(
    net: PeerNetwork, topics: pd.DataFrame | None, topic: str, expert_at: float | None, function: str
) -> Holdings:
    """Read experts per topic from whatever was given.

    Raises
    ------
    DataError
        When there are no topics.
    """
    if topics is not None and not {"teacher", "learner"} <= set(topics.columns):
        return _of_ratings(net, topics, expert_at, function)
    frame, table = (net.ties, "ties") if topics is None else (topics, "topics")
    if topic not in frame.columns:
        raise DataError(
            f"{function}: {table} have no column {topic!r}, so nobody knows what was taught. Name the column "
            f"(topic=...; there are {quoted(map(str, frame.columns), 12)}), pass events with one, such as the "
            'channel of a chat (records.events, topic="context"), or pass ratings (one row a person, one column a '
            'topic) with expert_at=. Without topics: of="learners".'
        )
    return _of_ties(net, frame, table, topic, expert_at)


def _of_ties(
    net: PeerNetwork, frame: pd.DataFrame, table: str, topic: str, expert_at: float | None
) -> Holdings:
    """Read who teaches how much of each topic."""
    cut = number("expert_at", _LEADING if expert_at is None else expert_at, 0, 1, open_low=True)
    teacher, learner = ends_of(net, frame, table)
    label = frame[topic].astype("str").where(frame[topic].notna(), "").str.strip()
    known = (label != "").to_numpy()
    strange = (teacher < 0) | (learner < 0)
    if not known.any():
        raise DataError(
            f"{table}: column {topic!r} is empty in all {len(frame)} rows. Name another column with topic=; there are "
            f"{quoted(map(str, frame.columns), 12)}."
        )
    keep = known & ~strange & (teacher != learner)
    weight = frame["weight"].to_numpy(dtype=np.float64) if "weight" in frame.columns else np.ones(len(frame))
    codes, names = pd.factorize(label[keep], sort=True)
    out = np.zeros((len(names), net.n_people))
    np.add.at(out, (codes, teacher[keep]), weight[keep])
    pairs = np.unique(codes * net.n_people + learner[keep]) // max(net.n_people, 1)
    left_out = {
        "without a topic": int((~known).sum()),
        "people not in the network": int((known & strange).sum()),
    }
    return Holdings("ties", list(names), out, cut, np.bincount(pairs, minlength=len(names)), left_out)


def _of_ratings(net: PeerNetwork, table: pd.DataFrame, expert_at: float | None, function: str) -> Holdings:
    """Read a table of people by topics."""
    if expert_at is None:
        raise DataError(
            f"{function}: ratings (people by topics) need expert_at=, the rating from which "
            "somebody can teach the topic."
        )
    cut = number("expert_at", expert_at)
    frame = table.set_index("person") if "person" in table.columns else table
    odd = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].infer_objects().dtype)]
    if odd or not frame.shape[1]:
        raise DataError(
            f"{function}: topics must be a table of events (teacher, learner, {{topic}}) or of ratings with numbers "
            f"only; columns that hold no numbers: {quoted(map(str, odd))}."
        )
    rows = net.ids.get_indexer(pd.Index(frame.index.astype("str")))
    if frame.index.duplicated().any():
        raise DataError(
            f"{function}: {quoted(frame.index[frame.index.duplicated()].unique())} stand twice in the ratings."
        )
    values = np.full((frame.shape[1], net.n_people), np.nan)
    inside = rows >= 0
    values[:, rows[inside]] = frame.to_numpy(dtype=np.float64)[inside].T
    if not inside.any():
        raise DataError(
            f"{function}: no id of the ratings is in people. Is the index (or column person) the id?"
        )
    rated = np.isfinite(values).sum(axis=1)
    left_out = {"people not in the network": int((~inside).sum())}
    return Holdings("ratings", [str(c) for c in frame.columns], values, cut, rated, left_out)


def learner_sets(net: PeerNetwork) -> dict[int, NDArray[np.intp]]:
    """Return the teachers of everybody who has one."""
    back = net.adjacency.T.tocsr()
    ptr, idx = back.indptr, back.indices.astype(np.intp)
    return {j: np.sort(idx[ptr[j] : ptr[j + 1]]) for j in range(net.n_people) if ptr[j + 1] > ptr[j]}


def impute_learners(
    net: PeerNetwork, strata: NDArray[Any], stream: np.random.Generator
) -> dict[int, NDArray[np.intp]]:
    """Return teachers per learner, the silent filled in with the ties of somebody who answered."""
    sets = {j: set(s.tolist()) for j, s in learner_sets(net).items()}
    missing = unknown_people(net, None)
    donors = np.flatnonzero((net.observed == "answered").to_numpy())
    if len(donors):
        by_teacher = net.adjacency
        for person, donor in zip(
            missing.tolist(), _donor(missing, donors, strata, stream).tolist(), strict=True
        ):
            if net.respondent_is == "learner":
                sets.setdefault(person, set()).update(p for p in sets.get(donor, ()) if p != person)
            else:
                row = by_teacher.indices[by_teacher.indptr[donor] : by_teacher.indptr[donor + 1]]
                for learner in row.tolist():
                    if learner != person:
                        sets.setdefault(learner, set()).add(person)
    return {j: np.array(sorted(s), dtype=np.intp) for j, s in sorted(sets.items()) if s}


def unknown_people(net: PeerNetwork, data: Holdings | None) -> NDArray[np.intp]:
    """Return people whose part is unknown and may be filled in: never those who objected."""
    status = net.observed.to_numpy()
    if data is not None and data.kind == "ratings":
        lacking = ~np.isfinite(data.weight).any(axis=0)
        return np.flatnonzero(lacking & (status != "objected"))
    if net.respondent_is is None:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero((status == "silent") | (status == "not_asked"))


def impute(
    net: PeerNetwork,
    data: Holdings,
    ties: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]] | None,
    strata: NDArray[Any],
    stream: np.random.Generator,
) -> NDArray[np.float64]:
    """Fill the silent in with the answers of somebody who answered (of the same stratum where there is one)."""
    missing = unknown_people(net, data)
    if data.kind == "ratings":
        donors = np.flatnonzero(np.isfinite(data.weight).any(axis=0))
        weight = data.weight.copy()
        weight[:, missing] = data.weight[:, _donor(missing, donors, strata, stream)]
        return weight
    donors = np.flatnonzero((net.observed == "answered").to_numpy())
    if not len(donors) or ties is None:
        return data.weight
    item, reporter, other, w = ties
    chosen = _donor(missing, donors, strata, stream)
    weight = data.weight.copy()
    order = np.argsort(reporter, kind="stable")
    begin = np.searchsorted(reporter[order], np.arange(net.n_people + 1))
    for person, donor in zip(missing.tolist(), chosen.tolist(), strict=True):
        rows = order[begin[donor] : begin[donor + 1]]
        rows = rows[other[rows] != person]
        teacher = other[rows] if net.respondent_is == "learner" else np.full(len(rows), person)
        np.add.at(weight, (item[rows], teacher), w[rows])
    return weight


def _donor(
    missing: NDArray[np.intp], donors: NDArray[np.intp], strata: NDArray[Any], stream: np.random.Generator
) -> NDArray[np.intp]:
    """Choose a donor for each missing person."""
    out = donors[stream.integers(0, len(donors), len(missing))] if len(donors) else missing
    for s in np.unique(strata[missing]):
        near = donors[strata[donors] == s]
        if len(near):
            mine = np.flatnonzero(strata[missing] == s)
            out[mine] = near[stream.integers(0, len(near), len(mine))]
    return out


def reported(
    net: PeerNetwork, frame: pd.DataFrame, topic: str, names: Sequence[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return item, reporter, the other end and weight of each row of ties with a topic."""
    teacher, learner = ends_of(net, frame, "ties")
    item = pd.Index(names).get_indexer(pd.Index(frame[topic].astype("str").str.strip()))
    keep = (item >= 0) & (teacher >= 0) & (learner >= 0)
    one, two = (learner, teacher) if net.respondent_is == "learner" else (teacher, learner)
    weight = frame["weight"].to_numpy(dtype=np.float64) if "weight" in frame.columns else np.ones(len(frame))
    return item[keep], one[keep], two[keep], weight[keep]
