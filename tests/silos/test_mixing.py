"""Mixing tables: conventions, chance, exact z."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import silos
from peernet.network import PeerNetwork
from peernet.silos import mixing


def make(pairs, team, weight=None) -> PeerNetwork:
    ids = [f"p{i}" for i in range(len(team))]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    if weight is not None:
        ties["weight"] = weight
    return PeerNetwork(pd.DataFrame({"team": list(team)}, index=ids), ties)


def random_net(seed: int, n: int = 12, density: float = 0.3, k: int = 3) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(rng.random((n, n)) < density) if i != j]
    return make(pairs, rng.choice(list("abcdef")[:k], n), rng.random(len(pairs)) + 0.1)


HAND = make([(0, 1), (0, 2), (1, 2), (2, 0), (3, 4)], "aabbb", [5, 1, 1, 2, 4])


def test_rows_teach_and_columns_learn() -> None:
    table = silos.mixing_table(HAND, "team")
    assert table.loc["a", "b"] == 2  # p0 -> p2, p1 -> p2
    assert table.loc["b", "a"] == 1
    assert table.to_numpy().tolist() == [[1, 2], [1, 1]]
    assert (table.index.name, table.columns.name) == ("teacher", "learner")
    assert silos.mixing_table(HAND, "team", weighted=True).to_numpy().tolist() == [[5, 2], [2, 4]]


def test_hand_worked_values() -> None:
    def cell(value: str, **options) -> list:
        return silos.mixing_table(HAND, "team", value=value, **options).to_numpy().tolist()

    assert cell("share") == [[1 / 5, 2 / 5], [1 / 5, 1 / 5]]
    assert cell("row_share") == [[1 / 3, 2 / 3], [1 / 2, 1 / 2]]
    assert cell("column_share") == [[1 / 2, 2 / 3], [1 / 2, 1 / 3]]
    assert cell("density") == [[1 / 2, 2 / 6], [1 / 6, 1 / 6]]
    assert cell("expected") == [[5 * 2 / 20, 5 * 6 / 20], [5 * 6 / 20, 5 * 6 / 20]]
    assert cell("ratio")[0][0] == 2
    np.testing.assert_allclose(cell("expected", null="degrees"), [[6 / 5, 9 / 5], [4 / 5, 6 / 5]])
    np.testing.assert_allclose(
        cell("residual", null="degrees")[0][0], (1 - 1.2) / np.sqrt(1.2 * (1 - 3 / 5) * (1 - 2 / 5))
    )


def test_undirected_table_counts_a_pair_once() -> None:
    table = silos.mixing_table(HAND, "team", directed=False)
    assert table.to_numpy().tolist() == [[1, 2], [2, 1]]
    density = silos.mixing_table(HAND, "team", directed=False, value="density")
    assert density.to_numpy().tolist() == [[1, 2 / 6], [2 / 6, 1 / 3]]
    expected = silos.mixing_table(HAND, "team", directed=False, value="expected").to_numpy()
    assert np.triu(expected).sum() == pytest.approx(4)
    degrees = silos.mixing_table(HAND, "team", directed=False, value="expected", null="degrees").to_numpy()
    assert np.triu(degrees).sum() == pytest.approx(4)


@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(0, 0.8))
def test_reversing_all_ties_transposes(seed: int, n: int, density: float) -> None:
    net = random_net(seed, n, density)
    for value in mixing.VALUES:
        swap = {"row_share": "column_share", "column_share": "row_share"}.get(value, value)
        one = silos.mixing_table(net, "team", value=value, weighted=True).to_numpy()
        two = silos.mixing_table(net.reverse(), "team", value=swap, weighted=True).to_numpy()
        np.testing.assert_allclose(one, two.T, atol=1e-9)


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_exact_z_equals_all_relabellings(directed: bool, weighted: bool) -> None:
    net = random_net(5, 7, 0.5, k=2)
    options = {"directed": directed, "weighted": weighted}
    tables = []
    # Each different labelling stands for equally many of the 5040 relabellings.
    for labels in sorted(set(itertools.permutations(net.people["team"]))):
        shuffled = net.with_people(team=list(labels))
        tables.append(silos.mixing_table(shuffled, "team", **options).to_numpy())
    mean, sd = np.mean(tables, axis=0), np.std(tables, axis=0)
    seen = silos.mixing_table(net, "team", **options)
    np.testing.assert_allclose(
        silos.mixing_table(net, "team", value="z", **options), (seen - mean) / sd, atol=1e-10
    )
    np.testing.assert_allclose(silos.mixing_table(net, "team", value="expected", **options), mean, atol=1e-12)


def test_compiled_counts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    net = random_net(3, 30)
    for weighted in (False, True):
        slow = silos.mixing_table(net, "team", weighted=weighted)
        monkeypatch.setattr(mixing, "BIG", 0)
        pd.testing.assert_frame_equal(slow, silos.mixing_table(net, "team", weighted=weighted))
        monkeypatch.undo()


def test_rows_without_teaching_have_no_shares() -> None:
    net = make([(0, 1)], "aab")
    share = silos.mixing_table(net, "team", value="row_share")
    assert share.loc["a", "a"] == 1
    assert share.loc["b"].isna().all()
    assert np.isnan(silos.mixing_table(net, "team", value="density").loc["b", "b"])


@pytest.mark.parametrize("value", mixing.VALUES)
@pytest.mark.parametrize("team", ["ab", "aa", "abc"])
def test_no_ties(value: str, team: str) -> None:
    table = silos.mixing_table(make([], team), "team", value=value)
    assert table.shape == (len(set(team)),) * 2
    if value in ("count", "density"):
        assert np.nansum(table.to_numpy()) == 0
    else:
        assert table.isna().all().all()


def test_extreme_weights() -> None:
    net = make([(0, 1), (1, 2)], "aab", [1e300, 1e-300])
    table = silos.mixing_table(net, "team", weighted=True, value="z")
    assert np.isfinite(table.to_numpy()[0]).all()


def test_wrong_words_name_the_right_ones() -> None:
    with pytest.raises(ValueError, match="'count', 'share'"):
        silos.mixing_table(HAND, "team", value="counts")
    with pytest.raises(ValueError, match="exact for"):
        silos.mixing_table(HAND, "team", value="z", null="degrees")
