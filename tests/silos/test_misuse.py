"""What analysts get wrong: the answer says so, and a study's floor holds for numbers of groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.errors import DataError, PeerNetWarning
from peernet.network import PeerNetwork
from peernet.privacy import Permissions


def firm(seed: int = 1, n: int = 30) -> PeerNetwork:
    """Three units of ten; nobody is silent."""
    rng = np.random.default_rng(seed)
    i, j = np.nonzero((rng.random((n, n)) < 0.2) & ~np.eye(n, dtype=bool))
    ids = [f"p{k:02d}" for k in range(n)]
    people = pd.DataFrame({"unit": np.repeat(["a", "b", "c"], n // 3), "me": ids}, index=ids)
    return PeerNetwork(people, pd.DataFrame({"teacher": np.array(ids)[i], "learner": np.array(ids)[j]}))


BY_GROUP: dict[str, Callable[[PeerNetwork, str], Any]] = {
    "ei_by_unit": silos.ei_by_unit,
    "mixing_table": silos.mixing_table,
    "coleman_index": silos.coleman_index,
    "segregation_by_unit": lambda net, group: silos.segregation_by_unit(net, group, n_draws=19, rng=1).table,
    "brokerage_test": lambda net, group: silos.brokerage_test(net, group, by="unit").table,
}


@pytest.mark.parametrize("name", BY_GROUP)
def test_groups_under_the_floor_of_a_study_are_shown_together(name: str) -> None:
    call = BY_GROUP[name]
    unit = ["a"] * 12 + ["b"] * 12 + ["c"] * 4 + ["d", "e"]
    net = firm().with_people(small=unit)
    free = call(net, "small")
    locked = net.with_permissions(Permissions(study="x"))
    with pytest.warns(PeerNetWarning, match="3 of 5 groups .* fewer than 5"):
        shown = call(locked, "small")
    text = str(shown)
    assert "pooled" in text and len(shown) < len(free)
    labels = shown["unit"] if "unit" in shown else shown.index
    assert set(labels) == {"a", "b", "small units, pooled"}
    with pytest.warns(PeerNetWarning, match="30 of 30 groups"):
        alone = call(locked, "me")
    assert "p07" not in str(alone)
    open_ = Permissions(study="x", analyses={"person_level": ("*",)})
    assert len(call(net.with_permissions(open_), "small")) == len(free)


def test_no_option_goes_under_the_floor() -> None:
    net = firm().with_people(small=["a"] * 14 + ["b"] * 12 + ["c"] * 4)
    net = net.with_permissions(Permissions(study="x"))
    units = silos.formal_overlap(net, "small", n_draws=0, n_runs=2, min_group=1, rng=1).units
    assert "c" not in units.index


def test_columns_that_are_no_groups() -> None:
    net = firm()
    salary = net.with_people(salary=np.linspace(2, 3, 30))
    with pytest.raises(DataError, match="bands"):
        silos.ei_test(salary, "salary")
    unit = net.people["unit"].to_list()
    with pytest.warns(PeerNetWarning, match="'A ' and 'a'"):
        silos.ei_by_unit(net.with_people(unit=["A ", *unit[1:]]), "unit")
    table = silos.ei_by_unit(net.with_people(unit=["", " ", *unit[2:]]), "unit")
    assert table.index.tolist() == ["a", "b", "c"] and table["n_people"].sum() == 28
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        silos.ei_by_unit(net.with_people(level=np.arange(30) % 4), "level")


def test_a_null_that_cannot_vary_has_no_p() -> None:
    net = firm()
    test = silos.ei_test(net, "unit", within="unit", n_draws=50, rng=1)
    assert np.isnan(test.p_value) and test.verdict == "not answered by these data"
    assert "This null cannot vary" in test.summary()
    table = silos.segregation_profile(net, "unit", within="unit", n_draws=40, rng=1).table
    assert table.loc[table["null"].str.contains("within"), "p_value"].isna().all()
    site = net.with_people(site=[None, None, *["x"] * 28])
    assert (
        silos.ei_test(site, "unit", within="site", n_draws=5, rng=1).provenance["people_without_stratum"] == 2
    )


@pytest.mark.parametrize("weighted", ["no", 1, None])
def test_weighted_is_yes_or_no(weighted: Any) -> None:
    for call in (silos.ei_test, silos.mixing_table, silos.participation):
        with pytest.raises(TypeError, match="weighted must be True or False"):
            call(firm(), "unit", weighted=weighted)


def test_options_out_of_range() -> None:
    net = firm()
    for resolution in (0, -1):
        with pytest.raises(ValueError, match="resolution"):
            silos.modularity(net, "unit", resolution=resolution)
    for bad in (["a", "b"], np.ones((2, 2))):
        with pytest.raises(DataError, match="one number a person"):
            silos.gini(bad)
    with pytest.raises(ValueError, match="n_jobs"):
        silos.ei_test(net, "unit", n_jobs=0)
    with pytest.raises(ValueError, match="measures is empty"):
        silos.segregation_by_unit(net, "unit", measures=[])
    table = silos.segregation_by_unit(net.with_people(unit=[None] * 30), "unit", n_draws=19).table
    assert table.empty
    assert silos.betweenness_sample(net.subset([])).empty
    assert len(silos.missing_sensitivity(net, "reciprocity", shares=0.1, n_draws=2, rng=1).table)
    assert "239 are needed" in silos.segregation_profile(net, "unit", n_draws=199, rng=1).headline


def test_what_is_not_a_network_is_named() -> None:
    net = firm()
    for call in (silos.ei_test, silos.mixing_table, silos.brokerage, silos.segregation_by_unit):
        with pytest.raises(TypeError, match="net must be a PeerNetwork, got DataFrame"):
            call(net.ties, "unit")
        with pytest.raises(TypeError, match=r"got DiGraph; PeerNetwork\.from_networkx"):
            call(net.to_networkx(), "unit")
        with pytest.raises(TypeError, match="name of a column"):
            call(net, net.people["unit"])
    with pytest.raises(TypeError, match="need must be a PeerNetwork"):
        silos.need_gap(net, "unit", net.ties)
    with pytest.raises(TypeError, match="after must be a PeerNetwork"):
        silos.turnover(net, net.ties)
    with pytest.raises(TypeError, match="net must be"):
        silos.betweenness(net.ties)


def test_verdicts() -> None:
    rng = np.random.default_rng(3)
    unit = np.repeat(["a", "b", "c"], 10)
    tied = rng.random((30, 30)) < np.where(unit[:, None] == unit, 0.4, 0.05)
    np.fill_diagonal(tied, False)
    ids = [f"p{k}" for k in range(30)]
    ends = [np.array(ids)[e] for e in np.nonzero(tied)]
    ties = pd.DataFrame({"teacher": ends[0], "learner": ends[1]})
    silo = PeerNetwork(pd.DataFrame({"unit": unit}, index=ids), ties)
    assert silos.ei_test(silo, "unit", n_draws=99, rng=1).verdict == "supported"
    assert silos.ei_test(firm(), "unit", n_draws=99, rng=1).verdict == "inconclusive"
    crossed = PeerNetwork(silo.people, ties).with_people(unit=[*"abc"] * 10)
    assert silos.ei_test(crossed, "unit", n_draws=99, rng=1).verdict in ("inconclusive", "contradicted")
    assert silos.segregation_profile(silo, "unit", n_draws=299, rng=1).verdict == "supported"
    assert silos.segregation_profile(firm(), "unit", n_draws=299, rng=1).verdict == "inconclusive"
    found = silos.brokerage_test(silo, "unit", null="labels", n_draws=299, rng=1)
    assert found.verdict == "supported"
    assert silos.need_gap(silo, "unit", silo.with_people(x=1)).verdict in silos_verdicts()


def silos_verdicts() -> tuple[str, ...]:
    """The closed list."""
    from peernet.results import VERDICTS

    return VERDICTS
