"""Exposure and structural equivalence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import DataError, PeerNetwork
from peernet.diffusion import exposure, structural_equivalence

IDS = ["ana", "bo", "cy", "di"]
TIES = pd.DataFrame(
    {"teacher": ["ana", "bo", "cy"], "learner": ["cy", "cy", "di"], "weight": [3.0, 1.0, 2.0]}
)
NET = PeerNetwork(IDS, TIES)
SEEN = pd.DataFrame({"person": ["ana", "bo", "cy"], "time": [1, 2, 3]})


def test_hand_worked_exposure_follows_teachers_one_period_back() -> None:
    got = exposure(NET, SEEN, start=1, end=4)
    assert got.loc["cy", 2] == 0.75
    assert got.loc["cy", 3] == 1.0
    assert got.loc["di"].tolist()[1:] == [0.0, 0.0, 1.0]
    assert got.loc[["ana", "bo"]].isna().all().all()
    assert got[1].isna().all()


def test_counts_weights_and_direction() -> None:
    assert exposure(NET, SEEN, start=1, end=4, lag=0, normalised=False).loc["cy", 2] == 4.0
    assert exposure(NET, SEEN, start=1, end=4, lag=0, weighted=False).loc["cy", 1] == 0.5
    assert exposure(NET, SEEN, start=1, end=4, lag=0, through="learners").loc["ana", 3] == 1.0
    heavy = pd.Series({"ana": 0.0, "bo": 1.0, "cy": 1.0, "di": 1.0})
    assert exposure(NET, SEEN, start=1, end=4, lag=0, teacher_weight=heavy).loc["cy", 1] == 0.0


def test_silent_people_have_unknown_teachers() -> None:
    net = PeerNetwork(
        IDS, TIES, observed=dict.fromkeys(IDS, "answered") | {"di": "silent"}, respondent_is="learner"
    )
    got = exposure(net, SEEN, start=1, end=4)
    assert got.loc["di"].isna().all()
    assert got.loc["cy", 3] == 1.0


def test_a_network_a_period() -> None:
    none = PeerNetwork(IDS, TIES.iloc[:0])
    got = exposure([NET, NET, none, NET], SEEN, start=1, end=4)
    assert got.loc["cy", 3] == 1.0
    assert np.isnan(got.loc["cy", 4])


def test_several_items_have_two_levels() -> None:
    two = pd.concat([SEEN.assign(item="s"), SEEN.assign(item="t", time=[2, 1, 4])])
    got = exposure(NET, two, start=1, end=4)
    assert got.columns.names == ["item", "period"]
    pd.testing.assert_frame_equal(got["s"], exposure(NET, two, start=1, end=4, item="s"))
    assert got["t"].loc["cy", 2] == 0.25


def test_structural_equivalence_by_hand() -> None:
    # ana and bo both teach cy only: the same position, so all their attention goes to each other
    se = structural_equivalence(NET)
    assert se.loc["ana", "bo"] == se.loc["ana"].max()
    np.testing.assert_allclose(se.sum(axis=1), 1.0)
    assert (np.diag(se) == 0).all()


def slow_distance(z: np.ndarray) -> np.ndarray:
    n = len(z)
    d = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j:
                total = (z[i, j] - z[j, i]) ** 2
                for k in range(n):
                    if k not in (i, j):
                        total += (z[i, k] - z[j, k]) ** 2 + (z[k, i] - z[k, j]) ** 2
                d[i, j] = np.sqrt(total)
    return d


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda t: t[0] != t[1]), max_size=20))
def test_structural_equivalence_is_its_slow_twin(pairs: list[tuple[int, int]]) -> None:
    import networkx as nx

    ids = [str(k) for k in range(7)]
    net = PeerNetwork(
        ids, pd.DataFrame({"teacher": [ids[a] for a, _ in pairs], "learner": [ids[b] for _, b in pairs]})
    )
    graph = net.to_networkx(edge_means="asks")
    length = dict(nx.all_pairs_shortest_path_length(graph))
    far = max((v for row in length.values() for v in row.values()), default=0) + 1
    full = all(len(row) == 7 for row in length.values())
    z = np.array([[length[a].get(b, far) for b in ids] for a in ids], dtype=float)
    z /= far - 1 if full else far
    d = slow_distance(z)
    gap = d.max(axis=1, keepdims=True) - d
    np.fill_diagonal(gap, 0)
    gap[gap < 1e-9] = 0
    want = np.divide(
        gap, gap.sum(1, keepdims=True), out=np.zeros_like(gap), where=gap.sum(1, keepdims=True) > 0
    )
    np.testing.assert_allclose(structural_equivalence(net), want, atol=1e-6)


@given(st.lists(st.integers(1, 6), min_size=5, max_size=5), st.floats(0.1, 9))
def test_exposure_ignores_the_unit_of_weight_and_grows(times: list[int], factor: float) -> None:
    ids = list("abcde")
    ties = pd.DataFrame({"teacher": list("aabcd"), "learner": list("bcdea"), "weight": [1.0, 2, 3, 4, 5]})
    seen = pd.DataFrame({"person": ids, "time": times})
    one = exposure(PeerNetwork(ids, ties), seen, start=1, end=6)
    other = exposure(PeerNetwork(ids, ties.assign(weight=ties["weight"] * factor)), seen, start=1, end=6)
    np.testing.assert_allclose(one, other)
    assert (one[[2, 3, 4, 5, 6]].diff(axis=1).iloc[:, 1:].fillna(0) >= -1e-12).all().all()


def test_bad_input() -> None:
    with pytest.raises(DataError, match="2 networks for 4 periods"):
        exposure([NET, NET], SEEN, start=1, end=4)
    with pytest.raises(DataError, match="other people"):
        exposure([NET, PeerNetwork(IDS[::-1], TIES)], SEEN, start=1, end=2)
    with pytest.raises(DataError, match="no weight for 3 people"):
        exposure(NET, SEEN, start=1, end=4, teacher_weight=pd.Series({"ana": 1.0}))
    with pytest.raises(ValueError, match="through must be one of"):
        exposure(NET, SEEN, start=1, end=4, through="peers")
    with pytest.raises(ValueError, match="lag must be a whole number"):
        exposure(NET, SEEN, start=1, end=4, lag=0.5)
