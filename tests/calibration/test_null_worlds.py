"""False alarms in firms without silos, and the verdicts that the sample worlds must give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from peernet import datasets, silos
from peernet.datasets import WORLDS
from peernet.network import PeerNetwork

OFF = dict.fromkeys(
    (
        "silo_strength",
        "site_strength",
        "team_strength",
        "homophily",
        "authority",
        "lunch_effect",
        "mixing_effect",
    ),
    0.0,
)
TESTS: dict[str, dict[str, Any]] = {
    "labels": {"null": "labels"},
    "labels within site": {"null": "labels", "within": "site"},
    "degrees": {"null": "degrees"},
}


def null_firm(stream: np.random.SeedSequence) -> PeerNetwork:
    """What a survey sees of a firm in which nothing draws people together; three quarters answer."""
    firm = datasets.make_organisation(**OFF, rng=np.random.default_rng(stream))
    names = firm.nominations
    return PeerNetwork.from_nominations(
        firm.people,
        names.loc[names["relation"] == "learn_from", ["respondent", "named"]],
        respondent_is="learner",
        observed=firm.status,
    )


def alarms(n_worlds: int, entropy: int) -> dict[str, int]:
    """Worlds in which each test rejects at 5 %."""
    found = dict.fromkeys(TESTS, 0)
    for stream in np.random.SeedSequence(entropy).spawn(n_worlds):
        net = null_firm(stream)
        for name, options in TESTS.items():
            test = silos.ei_test(net, "unit", n_draws=199, rng=np.random.default_rng(stream), **options)
            found[name] += bool(test.p_value <= 0.05)
    return found


def test_few_false_alarms_without_silos() -> None:
    most = binom.ppf(0.9995, 10, 0.05)
    assert all(count <= most for count in alarms(10, 91).values())


@pytest.mark.long
def test_few_false_alarms_without_silos_long() -> None:
    n = 200
    low, high = binom.ppf([0.0005, 0.9995], n, 0.05) / n
    found = alarms(n, 20260109)
    for name, count in found.items():
        print(f"| ei_test | {name} | {n} | {count / n:.3f} | {low:.3f} to {high:.3f} |")
    assert all(count / n <= high for count in found.values())


def profile_alarms(n_worlds: int, entropy: int) -> dict[tuple[str, str], int]:
    """Worlds in which each index rejects at 5 %, and in which any does after Holm, by null model."""
    found: dict[tuple[str, str], int] = {}
    for stream in np.random.SeedSequence(entropy).spawn(n_worlds):
        net = null_firm(stream)
        rng = np.random.default_rng(stream)
        table = silos.segregation_profile(net, "unit", within="site", n_draws=399, rng=rng).table
        for null, part in table.groupby("null"):
            for name, p in zip(part["measure"], part["p_value"], strict=True):
                found[str(null), name] = found.get((str(null), name), 0) + bool(p <= 0.05)
            key = (str(null), "any, after Holm")
            found[key] = found.get(key, 0) + bool((part["p_holm"] <= 0.05).any())
    return found


def test_profile_raises_few_false_alarms_without_silos() -> None:
    most = binom.ppf(0.9995, 3, 0.05)
    assert all(count <= most for count in profile_alarms(3, 92).values())


@pytest.mark.long
def test_profile_raises_few_false_alarms_without_silos_long() -> None:
    n = 200
    low, high = binom.ppf([0.0005, 0.9995], n, 0.05) / n
    found = profile_alarms(n, 20260113)
    for (null, name), count in found.items():
        print(f"| segregation_profile | {null}, {name} | {n} | {count / n:.3f} | {low:.3f} to {high:.3f} |")
    assert all(count / n <= high for count in found.values())


# What else than the place draws in the two units that fill a site: managers (inside) and lunch talks (across).
PLACE_ALONE: dict[str, Any] = {
    "authority": 0.0, "homophily": 0.0, "lunch_effect": 0.0, "mixing_effect": 0.0, "lookalikes": False,
    "hidden_team": 0,
}  # fmt: skip


def silos_within_site(n_worlds: int, entropy: int, **knobs: Any) -> int:
    """Fresh Meridians in which two units of one site pass for silos (5 %, one-sided, labels within sites)."""
    found = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_worlds):
        firm = datasets.make_organisation(
            **(WORLDS["meridian"][1] | knobs), rng=np.random.default_rng(stream)
        )
        net = firm.records(as_written=True).network(relation="learn_from")
        two = net.subset(net.ids[net.column("unit").isin(["Operations", "Customer Support"])])
        options = {"within": "site", "alternative": "less", "n_draws": 199}
        found += silos.ei_test(two, "unit", rng=np.random.default_rng(stream), **options).p_value <= 0.05
    return found


def test_few_silos_where_the_place_alone_draws() -> None:
    assert silos_within_site(8, 93, **PLACE_ALONE) <= binom.ppf(0.9995, 8, 0.05)


@pytest.mark.long
@pytest.mark.parametrize(
    "knobs", [{}, {"authority": 0.0}, PLACE_ALONE], ids=["as is", "no authority", "place alone"]
)
def test_silos_within_site_long(knobs: dict[str, Any]) -> None:
    n = 400
    found = silos_within_site(n, 20260114, **knobs)
    print(f"| {', '.join(knobs) or 'as is'} | {n} | {found / n:.3f} |")
    if "lookalikes" in knobs:
        assert found <= binom.ppf(0.9995, n, 0.05)


VERDICTS = {
    # world: (units below chance over the firm, the two units of the last site below chance within the site)
    "meridian": True,
    "null_meridian": False,
    "bad_meridian": True,
}


@pytest.mark.parametrize("world", VERDICTS)
def test_verdicts_on_the_sample_worlds(world: str) -> None:
    expected = datasets.expected_verdicts()[world]
    net = datasets.load_meridian(world).network(relation="learn_from")
    unit = silos.ei_test(net, "unit", alternative="less", n_draws=399, rng=1)
    assert (unit.p_value <= 0.05) == VERDICTS[world] == (expected["silo-unit"] == "supported")
    # Teams are small: E-I by team may lie above 0 and still far below what chance gives.
    team = silos.ei_test(net, "team", alternative="less", n_draws=399, rng=1)
    assert team.observed > 0 and team.null_mean > 0.9
    assert (team.p_value <= 0.05) == (expected["open-team"] == "contradicted")
    two = net.subset(net.ids[net.people["unit"].isin(["Operations", "Customer Support"])])
    everywhere = silos.ei_by_unit(net, "unit").loc[["Operations", "Customer Support"]]
    inside = silos.ei_test(two, "unit", within="site", n_draws=399, rng=1)
    assert (inside.p_value > 0.05) == (expected["silo-vanishing"] == "inconclusive")
    if world != "null_meridian":
        assert (everywhere["ei"] < everywhere["expected"]).all()
