"""Brokerage: role names, direction, closed-form moments against every graph, compiled twin."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import silos
from peernet.network import PeerNetwork
from peernet.silos import _gould_fernandez as gf
from peernet.silos import _kernels
from peernet.silos import brokers as module

ROLES = ["coordinator", "itinerant", "gatekeeper", "representative", "liaison", "total"]


def make(pairs, team) -> PeerNetwork:
    ids = [f"p{i}" for i in range(len(team))]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    return PeerNetwork(pd.DataFrame({"team": list(team)}, index=ids), ties)


def random_net(seed: int, n: int, density: float, k: int) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((n, n)) < density) if i != j]
    return make(pairs, rng.choice(list("abcdef")[:k], n))


networks = st.builds(
    random_net, st.integers(0, 10**6), st.integers(2, 14), st.floats(0, 0.8), st.integers(1, 4)
)


def slow_twin(dense: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Count roles by three loops."""
    n = len(dense)
    out = np.zeros((n, 6))
    for a, v, b in itertools.permutations(range(n), 3):
        if dense[a, v] and dense[v, b] and not dense[a, b]:
            ga, gv, gb = codes[a], codes[v], codes[b]
            if ga == gv == gb:
                role = 0
            elif ga == gb:
                role = 1
            elif gv == gb:
                role = 2
            elif ga == gv:
                role = 3
            else:
                role = 4
            out[v, role] += 1
            out[v, 5] += 1
    return out


@pytest.mark.parametrize(
    ("team", "role"),
    [
        ("aaa", "coordinator"),
        ("aba", "itinerant"),
        ("abb", "gatekeeper"),
        ("aab", "representative"),
        ("abc", "liaison"),
    ],
)
def test_roles_are_named_for_the_way_knowledge_flows(team: str, role: str) -> None:
    net = make([(0, 1), (1, 2)], team)  # p0 teaches p1, p1 teaches p2
    table = silos.brokerage(net, "team")
    assert table.loc["p1", role] == 1
    assert table.loc["p1", "total"] == 1
    assert table.to_numpy().sum() == 2


def test_closed_paths_do_not_count() -> None:
    assert silos.brokerage(make([(0, 1), (1, 2), (0, 2)], "abc"), "team").to_numpy().sum() == 0
    assert silos.brokerage(make([(0, 1), (1, 0)], "ab"), "team").to_numpy().sum() == 0


@given(networks)
def test_reversing_swaps_gatekeeper_and_representative_and_nothing_else(net: PeerNetwork) -> None:
    one = silos.brokerage(net, "team")
    two = silos.brokerage(net.reverse(), "team")
    swapped = two.rename(columns={"gatekeeper": "representative", "representative": "gatekeeper"})[
        one.columns
    ]
    pd.testing.assert_frame_equal(one, swapped)


@given(networks)
def test_all_paths_equal_three_loops(net: PeerNetwork) -> None:
    codes = net.codes("team")[0]
    slow = slow_twin(net.adjacency.toarray() > 0, codes)
    np.testing.assert_array_equal(silos.brokerage(net, "team")[ROLES], slow)
    ptr = net.adjacency.indptr.astype(np.int64)
    fast = _kernels.brokerage_roles(
        ptr, np.array(net.learner), codes.astype(np.int32), max(codes.max() + 1, 1)
    )
    np.testing.assert_array_equal(fast, slow[:, :5])


@given(networks, st.integers(0, 99))
def test_row_order_changes_nothing(net: PeerNetwork, seed: int) -> None:
    other = PeerNetwork(
        net.people.sample(frac=1, random_state=seed), net.ties.sample(frac=1, random_state=seed)
    )
    pd.testing.assert_frame_equal(
        silos.brokerage(net, "team"), silos.brokerage(other, "team").reindex(net.ids)
    )


@pytest.mark.parametrize("codes", [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 3]])
def test_closed_form_equals_every_graph_of_four_people(codes: list[int]) -> None:
    p, group = 0.37, np.array(codes)
    cells = [(i, j) for i in range(4) for j in range(4) if i != j]
    probability, values = [], []
    for bits in itertools.product([0, 1], repeat=12):
        dense = np.zeros((4, 4), dtype=bool)
        for cell, bit in zip(cells, bits, strict=True):
            dense[cell] = bit
        probability.append(p ** sum(bits) * (1 - p) ** (12 - sum(bits)))
        values.append(slow_twin(dense, group))
    weight, seen = np.array(probability), np.array(values)

    def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = np.tensordot(weight, x, 1)
        return mean, np.sqrt(np.maximum(np.tensordot(weight, (x - mean) ** 2, 1), 0))

    sizes = np.bincount(group)
    for found, true in (
        (gf.whole_moments(sizes, p), moments(seen.sum(axis=1))),
        (tuple(x[group] for x in gf.person_moments(sizes, p)), moments(seen)),
        (
            gf.whole_moments(sizes, p, by_unit=True),
            moments(np.stack([seen[:, group == g].sum(axis=1) for g in range(len(sizes))], axis=1)),
        ),
    ):
        np.testing.assert_allclose(np.squeeze(found[0]), np.squeeze(true[0]), atol=1e-12)
        np.testing.assert_allclose(np.squeeze(found[1]), np.squeeze(true[1]), atol=1e-12)


@pytest.mark.parametrize("by", ["whole", "unit", "person"])
def test_label_null_mean_is_that_of_all_relabellings(by: str) -> None:
    net = random_net(3, 7, 0.4, 2)
    codes = net.codes("team")[0]
    dense = net.adjacency.toarray() > 0
    totals = [slow_twin(dense, codes[list(o)]).sum(0) for o in itertools.permutations(range(7))]
    table = silos.brokerage_test(net, "team", null="labels", by=by, n_draws=2000, rng=1).to_frame()
    found = table.groupby("role", sort=False)["null_mean"].sum()
    if by != "unit":
        slack = 4 * np.std(totals, axis=0) / np.sqrt(2000) + 1e-9
        assert (np.abs(found.to_numpy() - np.mean(totals, axis=0)) < slack).all()
    assert found["total"] == pytest.approx(totals[0][5])


@pytest.mark.parametrize("null", ["degrees", "blocks"])
def test_rewiring_nulls_run_and_say_so(null: str) -> None:
    net = random_net(3, 20, 0.2, 3)
    test = silos.brokerage_test(net, "team", null=null, by="unit", n_draws=40, rng=1)
    again = silos.brokerage_test(net, "team", null=null, by="unit", n_draws=40, rng=1, n_jobs=2)
    pd.testing.assert_frame_equal(test.to_frame(), again.to_frame())
    assert "rewired" in test.null_model
    moves = test.table["null_sd"] > 0
    assert test.table.loc[moves, "p_value"].between(0, 1, inclusive="right").all()
    same = ~moves & (test.table["observed"] == test.table["null_mean"])
    assert test.table.loc[same, "p_value"].isna().all()


def test_blocks_null_keeps_gatekeeping_that_flows_require() -> None:
    # One person of team b teaches it all that comes from team a: beyond degrees, and beyond the flow between teams.
    pairs = [(i, 5) for i in range(5)] + [(5, j) for j in range(6, 12)] + [(6, 7), (8, 9), (0, 1), (2, 3)]
    net = make(pairs, "a" * 5 + "b" * 7)
    table = silos.brokerage_test(net, "team", null="labels", n_draws=400, rng=1).to_frame().set_index("role")
    assert table.loc["gatekeeper", "z"] > 3


def test_impossible_roles_have_no_z() -> None:
    table = silos.brokerage_test(random_net(1, 10, 0.4, 2), "team").to_frame().set_index("role")
    assert table.loc["liaison", "observed"] == 0
    assert np.isnan(table.loc["liaison", "z"])


@pytest.mark.parametrize(
    ("pairs", "team"), [([], "ab"), ([(0, 1)], "ab"), ([], "aaaa"), ([(0, 1), (1, 2)], "abc"), ([], "")]
)
@pytest.mark.parametrize("null", ["ties", "labels", "degrees", "blocks"])
def test_small_and_odd_networks(pairs: list, team: str, null: str) -> None:
    test = silos.brokerage_test(make(pairs, team), "team", null=null, n_draws=5, rng=1)
    assert isinstance(test.summary(), str)
    assert len(test.to_frame()) == 6


def test_people_without_a_group_have_no_counts() -> None:
    table = silos.brokerage(make([(0, 1), (1, 2)], ["a", None, "b"]), "team")
    assert table.loc["p1"].isna().all()
    assert table.loc["p0", "total"] == 0


def test_large_paths_take_the_compiled_way(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net(5, 20, 0.3, 3)
    slow = silos.brokerage(net, "team")
    monkeypatch.setattr(module, "_COMPILED_FROM", 0)
    pd.testing.assert_frame_equal(slow, silos.brokerage(net, "team"))


def test_wrong_words() -> None:
    with pytest.raises(ValueError, match="'ties', 'labels'"):
        silos.brokerage_test(random_net(0, 5, 0.5, 2), "team", null="bernoulli")
