"""bridges: values equal the single measures, intervals cover, noise is not ranked, odd networks answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.errors import DataError
from peernet.network import PeerNetwork


def firm(seed: int, spread: float | None, n: int = 120, k: int = 14) -> tuple[PeerNetwork, np.ndarray]:
    """People in six units who each teach about k others; their propensity to cross units is Beta, or one half."""
    rng = np.random.default_rng(seed)
    unit = np.arange(n) % 6
    p = np.full(n, 0.5) if spread is None else rng.beta(spread, spread, n)
    rate = np.where(unit[:, None] == unit, (1 - p)[:, None] / (n / 6 - 1), p[:, None] / (n - n / 6)) * k
    np.fill_diagonal(rate, 0)
    i, j = np.nonzero(rng.random((n, n)) < rate)
    ids = pd.Index([f"p{x:03d}" for x in range(n)])
    ties = pd.DataFrame({"teacher": ids[i], "learner": ids[j]})
    across = np.where(unit[:, None] != unit, np.minimum(rate, 1), 0)
    both = np.minimum(rate, 1)
    truth = (across.sum(1) + across.sum(0)) / (both.sum(1) + both.sum(0))
    return PeerNetwork(pd.DataFrame({"unit": unit}, index=ids), ties, respondent_is="teacher"), truth


def test_values_are_those_of_the_single_measures() -> None:
    net, _ = firm(1, 0.7, n=40)
    table = silos.bridges(net, "unit", n_draws=20, rng=1).table
    pd.testing.assert_series_equal(
        table["bridging_share"],
        silos.bridging_share(net, "unit", role="both", weighted=False),
        check_names=False,
    )
    pd.testing.assert_series_equal(
        table["participation"], silos.participation(net, "unit"), check_names=False
    )
    roles = silos.brokerage(net, "unit")
    np.testing.assert_allclose(table["brokerage"], roles["total"] - roles["coordinator"])
    pd.testing.assert_series_equal(table["constraint"], silos.constraint(net), check_names=False)
    pd.testing.assert_series_equal(table["betweenness"], silos.betweenness(net), check_names=False)
    for name in ("bridging_share", "participation", "brokerage", "constraint", "betweenness"):
        known = table.dropna(subset=[f"{name}_low"])
        assert (known[f"{name}_low"] <= known[name] + 1e-9).all()
        assert (known[name] <= known[f"{name}_high"] + 1e-9).all()


def test_intervals_cover_the_expected_share_and_reliability_is_near_the_truth() -> None:
    covered, gaps = [], []
    for seed in range(4):
        net, truth = firm(seed, 0.5)
        found = silos.bridges(net, "unit", measures=["bridging_share"], n_draws=80, rng=seed)
        t = found.table
        covered.append(((t["bridging_share_low"] <= truth) & (truth <= t["bridging_share_high"])).mean())
        real = np.corrcoef(t["bridging_share"], truth)[0, 1] ** 2
        gaps.append(found.reliability["reliability"].iloc[0] - real)
    assert 0.93 <= np.mean(covered) <= 1.0
    assert -0.15 < np.mean(gaps) < 0.05


def test_noise_is_not_ranked_and_signal_is_read() -> None:
    flat = silos.bridges(firm(2, None)[0], "unit", n_draws=60, rng=1)
    assert (flat.reliability["ranked"] == 0).all()
    assert flat.reliability.set_index("measure").loc["bridging_share", "reliability"] < 0.3
    assert flat.verdict in ("contradicted", "inconclusive")
    sharp = silos.bridges(firm(2, 0.2, k=40)[0], "unit", measures=["bridging_share"], n_draws=60, rng=1)
    row = sharp.reliability.iloc[0]
    assert row["verdict"] == sharp.verdict == "supported"
    assert row["ranked"] == sharp.ranks["bridging_share"].notna().sum()
    ranked = sharp.ranks.dropna(subset=["bridging_share"])
    assert (ranked["bridging_share_high"] - ranked["bridging_share_low"] <= 12).all()
    assert "Not for the assessment" in sharp.summary()


def test_names_are_drawn_only_when_asked_for() -> None:
    import matplotlib.pyplot as plt

    found = silos.bridges(firm(3, 0.5, n=36)[0], "unit", n_draws=20, rng=1)
    assert [t.get_text() for t in found.plot().get_yticklabels()] == []
    assert "p000" in [t.get_text() for t in found.plot(measure="constraint", names=True).get_yticklabels()]
    with pytest.raises(ValueError, match="measure"):
        found.plot(measure="closeness")
    plt.close("all")


def test_schemes_and_bad_options() -> None:
    net, _ = firm(1, 0.7, n=30)
    seen = PeerNetwork(net.people, net.ties)
    with pytest.raises(DataError, match="respondent_is"):
        silos.bridges(seen, "unit", resample="respondents")
    assert set(silos.bridges(seen, "unit", n_draws=20, rng=1).reliability["wider"]) == {"ties"}
    with pytest.raises(ValueError, match="measures"):
        silos.bridges(net, "unit", measures=["closeness"])
    with pytest.raises(ValueError, match="once"):
        silos.bridges(net, "unit", measures=[])
    with pytest.raises(ValueError, match="drop"):
        silos.bridges(net, "unit", drop=0.9)
    with pytest.raises(DataError, match="unti"):
        silos.bridges(net, "unti")


def test_order_of_rows_and_names_of_people_do_not_matter() -> None:
    net, _ = firm(5, 0.5, n=30)
    rng = np.random.default_rng(0)
    other = PeerNetwork(
        net.people.iloc[rng.permutation(30)],
        net.ties.iloc[rng.permutation(net.n_ties)],
        respondent_is="teacher",
    )
    one, two = (silos.bridges(x, "unit", n_draws=20, rng=1).table for x in (net, other))
    values = ["n_ties", "bridging_share", "participation", "brokerage", "constraint", "betweenness"]
    pd.testing.assert_frame_equal(one[values], two[values].reindex(one.index))


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
    for respondent in (None, "learner"):
        net = PeerNetwork(pd.DataFrame({"unit": list(unit)}, index=ids), ties, respondent_is=respondent)
        found = silos.bridges(net, "unit", n_draws=20, rng=1)
        assert found.verdict == "not answered by these data"
        assert found.table.index.equals(net.ids)
        assert found.ranks.isna().all().all()


def test_extreme_weights_change_nothing() -> None:
    net, _ = firm(6, 0.5, n=30)
    weight = np.where(np.arange(net.n_ties) % 2 == 0, 1e300, 1e-300)
    heavy = PeerNetwork(net.people, net.ties.assign(weight=weight), respondent_is="teacher")
    one, two = (silos.bridges(x, "unit", n_draws=20, rng=1).table for x in (net, heavy))
    pd.testing.assert_frame_equal(one, two)


def test_measures_below_their_response_threshold_are_left_out_and_said_so() -> None:
    net, _ = firm(1, 0.7, n=40)
    status = pd.Series("answered", index=net.ids)
    status.iloc[:26] = "silent"
    quiet = PeerNetwork(
        net.people,
        net.ties[~net.ties["teacher"].isin(net.ids[:26])],
        observed=status,
        respondent_is="teacher",
    )
    limits = silos.response_thresholds()["min_response"]
    names = ("bridging_share", "participation", "brokerage", "constraint", "betweenness")
    below = [name for name in names if limits.get(name, 0.0) > 14 / 40]
    if 0 < len(below) < len(names):
        found = silos.bridges(quiet, "unit", n_draws=20, rng=1)
        assert list(found.left_out) == below
        assert "too few people answered" in found.summary()
    if below:
        with pytest.raises(DataError, match="told of their ties"):
            silos.bridges(quiet, "unit", measures=below, n_draws=20, rng=1)
    everything = silos.bridges(quiet, "unit", min_response=0, n_draws=20, rng=1)
    assert everything.left_out == ()
