"""Silence is not absence: ties that silent people would have reported are unknown, whatever the measure."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet import nulls, silos
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.silos._cell_moments import cell_moments


def firm(rng: np.random.Generator, silent: int, n: int = 40, objectors: int = 0) -> PeerNetwork:
    """Ten people of A, the others of B, ties regardless; some of A did not say from whom they learn."""
    tied = rng.random((n, n)) < 0.15
    np.fill_diagonal(tied, False)
    quiet = rng.permutation(10)[:silent]
    tied[:, quiet] = False
    status = np.full(n, "answered", dtype=object)
    status[quiet] = "silent"
    status[n - objectors :] = "objected"
    tied[:, n - objectors :] = tied[n - objectors :] = False
    ids = [f"p{k:02d}" for k in range(n)]
    people = pd.DataFrame({"unit": ["A"] * 10 + ["B"] * (n - 10)}, index=ids)
    i, j = np.nonzero(tied)
    ties = pd.DataFrame({"teacher": np.array(ids)[i], "learner": np.array(ids)[j]})
    return PeerNetwork(people, ties, observed=pd.Series(status, index=ids), respondent_is="learner")


def rejected(p: list[float]) -> int:
    """Tests at 5 %."""
    return int(np.sum(np.array(p) <= 0.05))


def test_silence_in_one_unit_is_no_silo() -> None:
    rng = np.random.default_rng(3)
    found: dict[str, list[float]] = {name: [] for name in ("ei", "profile", "unit", "roles")}
    z, ratio = [], []
    for k in range(120):
        net = firm(rng, 6)
        found["ei"].append(silos.ei_test(net, "unit", n_draws=0).p_value)
        z.append(silos.mixing_table(net, "unit", value="z").to_numpy())
        ratio.append(silos.mixing_table(net, "unit", value="ratio").to_numpy())
        if k < 24:
            table = silos.segregation_profile(net, "unit", n_draws=99, rng=k).table
            found["profile"].append(table.loc[table["null"] == "labels", "p_value"].iloc[3])
            table = silos.segregation_by_unit(net, "unit", n_draws=99, rng=k).table
            found["unit"].append(table.loc[table["null"] == "labels", "p_value"].iloc[0])
            table = silos.brokerage_test(net, "unit", null="labels", n_draws=99, min_response=0, rng=k).table
            found["roles"].append(table["p_value"].iloc[2])
    for name, p in found.items():
        assert rejected(p) <= binom.ppf(0.9995, len(p), 0.05), (name, rejected(p), len(p))
    assert np.mean(np.abs(z) > 1.96) < 0.09
    assert np.mean(ratio, axis=0) == pytest.approx(np.ones((2, 2)), abs=0.06)


def test_density_and_odds_count_pairs_that_are_known() -> None:
    net = firm(np.random.default_rng(1), 6, objectors=3)
    answered = (net.observed == "answered").to_numpy()
    there = (net.observed != "objected").to_numpy()
    unit = net.people["unit"].to_numpy()
    tied = net.adjacency.toarray() > 0
    known = np.outer(there, answered) & ~np.eye(40, dtype=bool)
    density = silos.mixing_table(net, "unit", value="density")
    both = silos.mixing_table(net, "unit", value="density", directed=False)
    either, some = tied | tied.T, known | known.T
    for a, b in itertools.product("AB", repeat=2):
        cell = np.outer(unit == a, unit == b)
        assert density.loc[a, b] == pytest.approx(tied[cell & known].mean())
        assert both.loc[a, b] == pytest.approx(either[cell & some].mean())
    same = unit[:, None] == unit[None, :]
    odds = [tied[known & x].mean() / (1 - tied[known & x].mean()) for x in (same, ~same)]
    assert silos.odds_ratio_within(net, "unit") == pytest.approx(odds[0] / odds[1])


def test_labels_stay_among_those_who_reported() -> None:
    net = firm(np.random.default_rng(2), 6, objectors=2)
    status = net.observed.to_numpy()
    before = net.people["unit"].to_numpy()
    for seed in range(5):
        after = nulls.shuffle_labels(net, "unit", rng=seed).people["unit"].to_numpy()
        for word in np.unique(status):
            assert sorted(after[status == word]) == sorted(before[status == word])
    test = silos.ei_test(net, "unit", n_draws=20, rng=1)
    assert "among those who did not" in test.null_model


@pytest.mark.parametrize(
    "strata", [[0, 0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1, 2], [0] * 7, [0, 0, 1, 1, 1, 1, 1]]
)
def test_moments_of_cells_within_strata_equal_full_enumeration(strata: list[int]) -> None:
    rng = np.random.default_rng(len(set(strata)) + sum(strata))
    at = np.array(strata)
    codes = rng.permutation([0, 0, 0, 1, 1, 2, 2])
    a = (rng.random((7, 7)) < 0.5) * rng.random((7, 7))
    np.fill_diagonal(a, 0)
    i, j = np.nonzero(a)
    tables = []
    for order in itertools.permutations(range(7)):
        if (at[list(order)] == at).all():
            one = np.eye(3)[codes[list(order)]]
            tables.append(one.T @ a @ one)
    mean, sd = cell_moments(codes, i, j, a[i, j], at, 3)
    assert mean == pytest.approx(np.mean(tables, axis=0), abs=1e-12)
    assert sd == pytest.approx(np.std(tables, axis=0), abs=1e-12)


@pytest.mark.parametrize("value", ["ratio", "residual", "z"])
@pytest.mark.parametrize("null", ["labels", "degrees"])
def test_the_unit_of_weights_does_not_matter(value: str, null: str) -> None:
    if value == "z" and null == "degrees":
        pytest.skip("z is for labels")
    rng = np.random.default_rng(4)
    net = firm(rng, 3)
    for directed in (True, False):
        options = {"value": value, "null": null, "weighted": True, "directed": directed}
        heavy = PeerNetwork(
            net.people, net.ties.assign(weight=60.0), observed=net.observed, respondent_is="learner"
        )
        mild = silos.mixing_table(net, "unit", **options)
        pd.testing.assert_frame_equal(silos.mixing_table(heavy, "unit", **options), mild)
        if directed:  # a mutual pair weighs 2
            pd.testing.assert_frame_equal(
                silos.mixing_table(net, "unit", **options | {"weighted": False}), mild
            )


def everything(net: PeerNetwork) -> dict[str, pd.DataFrame | pd.Series]:
    """Every measure of single people that needs both directions of their ties."""
    return {
        "brokerage": silos.brokerage(net, "unit", min_response=0),
        "betweenness": silos.betweenness(net, min_response=0),
        "sample": silos.betweenness_sample(net, min_response=0, rng=1),
        "ei": silos.ei_index(net, "unit"),
        "participation": silos.participation(net, "unit"),
        "z": silos.within_module_z(net, "unit"),
        "share": silos.bridging_share(net, "unit", role="both"),
        "holes": silos.structural_holes(net),
        "core": silos.core_number(net, min_response=0),
        "spectral": silos.spectral_segregation(net, "unit"),
        "bridges": silos.bridges(net, "unit", min_response=0, n_draws=20, rng=1).table[
            ["brokerage", "betweenness", "constraint", "bridging_share", "participation"]
        ],
    }


def test_numbers_of_people_who_did_not_report_are_unknown_not_zero() -> None:
    net = firm(np.random.default_rng(5), 6, objectors=2)
    status = net.observed
    for name, found in everything(net).items():
        frame = found.to_frame() if isinstance(found, pd.Series) else found
        quiet = frame[status.reindex(frame.index) != "answered"]
        assert quiet.isna().all(axis=None), name
        assert frame[status.reindex(frame.index) == "answered"].notna().any(axis=None), name
    assert silos.betweenness(net, min_response=0).attrs["people_unknown"] == 8
    taught = silos.bridging_share(net, "unit", role="teacher")
    assert taught[status == "silent"].notna().any()
    assert taught[status == "objected"].isna().all()


def test_objectors_have_no_row_in_tables_of_people() -> None:
    net = firm(np.random.default_rng(6), 2, objectors=3)
    gone = net.ids[(net.observed == "objected").to_numpy()]
    tables = [
        silos.bridges(net, "unit", n_draws=20, rng=1).table,
        silos.bridges(net, "unit", n_draws=20, rng=1).ranks,
        silos.key_people(net),
        silos.isolates(net),
        silos.brokerage_test(net, "unit", by="person").table.set_index("person"),
    ]
    for table in tables:
        assert not table.index.isin(gone).any()
    assert silos.communities(net, n_runs=3, n_draws=0, rng=1).membership()[gone].isna().all()


def test_spread_in_a_group_is_that_of_people_who_reported() -> None:
    net = firm(np.random.default_rng(7), 5)
    matrix = net.adjacency.toarray() > 0
    answered = (net.observed == "answered").to_numpy()
    same = (net.people["unit"].to_numpy()[:, None] == net.people["unit"].to_numpy()) & (matrix | matrix.T)
    here = answered & (net.people["unit"] == "A").to_numpy()
    count = same.sum(axis=1)[here]
    z = silos.within_module_z(net, "unit")
    assert z[here].to_numpy() == pytest.approx((count - count.mean()) / count.std())


@pytest.mark.parametrize("silent", [0, 5])
def test_teaching_that_nobody_could_report_is_not_a_gap(silent: int) -> None:
    rng = np.random.default_rng(2)
    n, below, values = 42, 0, []
    ids = [f"p{k:02d}" for k in range(n)]
    people = pd.DataFrame({"unit": ["A"] * 34 + ["B"] * 8}, index=ids)
    for _ in range(60):
        tied = rng.random((n, n)) < 0.25
        np.fill_diagonal(tied, False)
        tied[:, 34 : 34 + silent] = False
        status = ["silent" if 34 <= k < 34 + silent else "answered" for k in range(n)]
        ends = [np.array(ids)[e] for e in np.nonzero(tied)]
        ties = pd.DataFrame({"teacher": ends[0], "learner": ends[1]})
        net = PeerNetwork(people, ties, observed=pd.Series(status, index=ids), respondent_is="learner")
        ends = [np.array(ids)[e] for e in np.nonzero(np.triu(rng.random((n, n)) < 0.4, 1))]
        need = PeerNetwork(ids, pd.DataFrame({"teacher": ends[0], "learner": ends[1]}))
        found = silos.need_gap(net, "unit", need)
        below += found.verdict == "supported"
        values.append(found.value)
        assert (found.provenance["pairs_unknown"] > 0) == (silent > 0)
    assert below <= binom.ppf(0.9995, 60, 0.025)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(60)
    if silent:
        with pytest.raises(DataError, match="told of their ties"):
            silos.need_gap(net, "unit", need, min_response=0.99)


def test_communities_of_few_answers_are_refused() -> None:
    net = silos.make_silent(firm(np.random.default_rng(8), 0), [f"p{k:02d}" for k in range(20)])
    with pytest.raises(DataError, match="communities: only 50%"):
        silos.communities(net, n_runs=2, n_draws=0)
    assert silos.communities(net, n_runs=2, n_draws=0, min_response=0, rng=1).n_communities


def test_a_low_reliability_does_not_show_that_the_order_is_noise() -> None:
    found = silos.bridges(firm(np.random.default_rng(9), 0), "unit", n_draws=20, rng=1)
    assert set(found.reliability["verdict"]) <= {"supported", "inconclusive", "not answered by these data"}
