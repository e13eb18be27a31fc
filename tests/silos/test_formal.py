"""formal_overlap: planted units and teams, the sample worlds, direction and order, locks, odd networks."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from peernet import datasets, silos
from peernet.errors import PermissionLocked
from peernet.network import PeerNetwork
from peernet.privacy import Permissions
from peernet.silos import _hidden, formal
from peernet.silos.informal import pairs_of, rewired


def firm(seed: int, team: int = 0, n: int = 240) -> tuple[PeerNetwork, list[str]]:
    """People in six units who mostly stay inside, and a dense team of some people of all units."""
    rng = np.random.default_rng(seed)
    unit = np.arange(n) % 6
    rate = np.where(unit[:, None] == unit, 19.2 / n, 2.4 / n)
    rate[:team, :team] = 0.5
    np.fill_diagonal(rate, 0)
    i, j = np.nonzero(rng.random((n, n)) < rate)
    ids = pd.Index([f"p{x:03d}" for x in range(n)])
    people = pd.DataFrame({"unit": np.array(list("abcdef"))[unit], "site": np.arange(n) % 2}, index=ids)
    ties = pd.DataFrame({"teacher": ids[i], "learner": ids[j]})
    return PeerNetwork(people, ties), list(ids[:team])


def test_a_planted_team_is_found_and_units_agree() -> None:
    net, team = firm(1, team=10)
    found = silos.formal_overlap(net, "unit", n_runs=6, n_draws=39, rng=1)
    assert found.verdict == "supported"
    members = found.members().dropna()
    inside = set(members[members == "H1"].index)
    assert len(inside & set(team)) / len(inside | set(team)) > 0.6
    row = found.hidden_teams.iloc[0]
    assert row["people"] == len(inside)
    assert row["n_units"] >= 3
    assert row["pairs_across"] > row["expected"]
    assert row["p_value"] == found.hidden_p_value == pytest.approx(1 / 40)
    agreement = found.agreement.set_index("measure")
    assert agreement.loc["AMI", "value"] > 0.6
    assert agreement.loc["ARI", "p_value"] == pytest.approx(1 / 40)
    assert abs(agreement.loc["ARI", "null_mean"]) < 0.03
    assert "people of" in found.summary()


def test_nothing_is_found_where_nothing_is() -> None:
    verdicts = [
        silos.formal_overlap(firm(seed, n=120)[0], "unit", n_runs=4, n_draws=39, rng=seed).verdict
        for seed in range(4)
    ]
    assert verdicts.count("supported") <= 1


def test_modularity_of_units_is_that_of_the_measure() -> None:
    net, _ = firm(2)
    found = silos.formal_overlap(net, "unit", n_runs=4, n_draws=4, rng=1)
    table = found.modularity.set_index("of")["value"]
    assert table["unit"] == pytest.approx(silos.modularity(net, "unit"), abs=1e-12)
    assert table["best found"] >= table["unit"] - 0.02
    assert found.units["unit"].tolist() == list("abcdef")
    assert found.units["people"].sum() == (np.diff(pairs_of(net, weighted=False).ptr) > 0).sum()


def test_scores_equal_their_definition() -> None:
    net, _ = firm(3)
    codes = net.codes("unit")[0].astype(np.int64)
    pairs = pairs_of(net, weighted=False)
    across = pairs.kept(codes[pairs.owner] != codes[pairs.idx])
    part = np.arange(net.n_people) // 10
    score, ties, expected = _hidden._scores(across, part, codes, 5)
    a = np.zeros((net.n_people,) * 2)
    a[across.owner, across.idx] = 1
    k = a.sum(1)
    apart = codes[:, None] != codes
    room = np.outer(k, k) * apart
    for c in range(24):
        rows = part == c
        x = a[np.ix_(rows, rows)].sum() / 2
        mu = a.sum() / 2 * room[np.ix_(rows, rows)].sum() / room.sum()
        assert ties[c] == x
        assert expected[c] == pytest.approx(mu, abs=1e-12)
        deviance = 2 * ((x * np.log(x / mu) if x else 0) - x + mu)
        assert score[c] == pytest.approx(np.sqrt(deviance) if x > mu else 0, abs=1e-9)


def test_drawn_networks_have_no_tie_of_two_silent_people() -> None:
    net, _ = firm(7, n=120)
    quiet = pd.Series(np.where(np.arange(120) % 4 == 0, "silent", "answered"), index=net.ids)
    told = net.ties[~net.ties["learner"].isin(quiet.index[quiet == "silent"])]
    net = PeerNetwork(net.people, told, observed=quiet, respondent_is="learner")
    codes = net.codes("unit")[0].astype(np.int64)
    pairs = pairs_of(net, weighted=False)
    across = pairs.kept(codes[pairs.owner] != codes[pairs.idx])
    silent = (quiet == "silent").to_numpy()
    cells = formal._cells(net, codes, None)
    for drawn in rewired(across, cells, 3, np.random.default_rng(1)):
        assert (drawn.idx != across.idx).any()
        assert not (silent[drawn.owner] & silent[drawn.idx]).any()
    plain = rewired(across, codes, 1, np.random.default_rng(1))[0]
    assert (silent[plain.owner] & silent[plain.idx]).any()


def test_small_units_have_no_numbers_and_members_are_locked() -> None:
    net, _ = firm(4, n=60)
    unit = net.people["unit"].to_numpy().copy()
    unit[:3] = "legal"
    small = net.with_people(unit=unit).with_permissions(Permissions(study="Pilot"))
    found = silos.formal_overlap(small, "unit", n_runs=4, n_draws=4, rng=1)
    assert "legal" not in set(found.units["unit"])
    assert found.units.iloc[-1]["unit"] == "1 below 5 people"
    with pytest.raises(PermissionLocked, match=r"silos\.formal_overlap is locked"):
        found.members()
    assert not any(person.encode() in pickle.dumps(found) for person in net.ids)
    allowed = net.with_people(unit=unit).with_permissions(
        Permissions(study="Pilot", analyses={"person_level": ("silos.formal_overlap",)})
    )
    again = silos.formal_overlap(allowed, "unit", n_runs=4, n_draws=4, rng=1)
    assert len(again.members()) == net.n_people


def test_reversed_shuffled_and_relabelled_ties_give_the_same() -> None:
    net, _ = firm(5, team=8)
    rng = np.random.default_rng(0)
    other = PeerNetwork(net.people, net.ties.iloc[rng.permutation(net.n_ties)])
    one, two, three = (
        silos.formal_overlap(x, "unit", n_runs=4, n_draws=9, rng=1) for x in (net, other, net.reverse())
    )
    pd.testing.assert_frame_equal(one.agreement, two.agreement)
    pd.testing.assert_frame_equal(one.agreement, three.agreement)
    pd.testing.assert_series_equal(one.members(), three.members())


# What docs/worlds.md says of the question "hidden-team", by source.
SOURCES = [
    ("meridian", None, "supported"),
    ("meridian", "learn_from", "inconclusive"),
    ("null_meridian", None, "inconclusive"),
    ("null_meridian", "learn_from", "inconclusive"),
    ("bad_meridian", None, "inconclusive"),
    ("bad_meridian", "learn_from", "not answered by these data"),
]


@pytest.mark.parametrize("world", datasets.WORLDS)
def test_hidden_team_of_the_sample_worlds(world: str, records_of) -> None:
    records = records_of(world)
    expected = datasets.expected_verdicts().loc["hidden-team", world]
    seen = []
    for name, relation, verdict in SOURCES:
        if name != world:
            continue
        net = records.network(relation=relation) if relation else records.network()
        found = silos.formal_overlap(net, "unit", n_runs=6, n_draws=119 if world == "meridian" else 39, rng=1)
        assert found.verdict == verdict, (world, relation, found.summary())
        seen.append(found)
    assert expected in [x.verdict for x in seen]
    if world == "meridian":
        team = datasets.load_truth(world)["planted"]["hidden_team"]
        assert set(seen[0].members().dropna().index) == set(team)
        assert seen[0].hidden_teams["n_units"].iloc[0] >= 5


@pytest.mark.parametrize(
    ("pairs", "unit"),
    [
        ([], ""),
        ([], "a"),
        ([], "ab"),
        ([(0, 1)], "ab"),
        ([(0, 1)], "aa"),
        ([(0, 1), (2, 3)], "abcd"),
        ([], "aabbc"),
    ],
)
def test_small_and_odd_networks(pairs: list, unit: str) -> None:
    ids = [f"p{i}" for i in range(len(unit))]
    ties = pd.DataFrame([(ids[i], ids[j]) for i, j in pairs], columns=["teacher", "learner"])
    net = PeerNetwork(pd.DataFrame({"unit": list(unit)}, index=ids), ties)
    found = silos.formal_overlap(net, "unit", n_runs=4, n_draws=4, rng=1)
    assert found.verdict == "not answered by these data"
    assert found.hidden_teams.empty
    assert isinstance(found.summary(), str)
    assert isinstance(found._repr_html_(), str)
    assert len(found.members()) == net.n_people


def test_extreme_weights_and_missing_units() -> None:
    net, _ = firm(6, n=60)
    weight = np.where(np.arange(net.n_ties) % 2 == 0, 1e300, 1e-300)
    heavy = PeerNetwork(net.people, net.ties.assign(weight=weight))
    found = silos.formal_overlap(heavy, "unit", weighted=True, n_runs=4, n_draws=9, rng=1)
    assert np.isfinite(found.agreement["value"].iloc[0])
    unit = net.people["unit"].astype(object).to_numpy().copy()
    unit[:6] = None
    part = silos.formal_overlap(net.with_people(unit=unit), "unit", n_runs=4, n_draws=9, rng=1)
    assert part.units["people"].sum() <= 54
