"""Concentration of teaching: Gini coefficient, top share, even draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from peernet import PeerNetwork, silos
from peernet.errors import DataError
from peernet.silos.load import _deal, _gini_influence, _interval, _top_influence, _top_share


def slow_gini(x: list[float]) -> float:
    """Half the mean absolute difference over the mean."""
    return sum(abs(a - b) for a in x for b in x) / (2 * len(x) * sum(x))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
def test_gini_equals_its_definition(x: list[int]) -> None:
    assert silos.gini(x) == pytest.approx(slow_gini(x), abs=1e-12)
    assert silos.gini([1e200 * k for k in x]) == pytest.approx(slow_gini(x), abs=1e-9)


def test_gini_at_the_ends() -> None:
    assert silos.gini([3, 3, 3]) == pytest.approx(0)
    assert silos.gini([0, 0, 0, 5]) == pytest.approx(0.75)
    assert np.isnan(silos.gini([])) and np.isnan(silos.gini([0, 0]))
    with pytest.raises(DataError, match="0 or more"):
        silos.gini([-1, 2])


def test_top_share_counts_a_part_of_a_person_in_part() -> None:
    x = np.array([10.0, 5, 3, 2])
    assert _top_share(x, 0.25) == pytest.approx(0.5)
    assert _top_share(x, 0.375) == pytest.approx(0.625)
    assert _top_share(x, 0.99) < 1


def test_influence_equals_the_jackknife() -> None:
    rng = np.random.default_rng(4)
    x = rng.gamma(1.0, 1.0, 400)
    left = np.array([silos.gini(np.delete(x, i)) for i in range(len(x))])
    jack = np.sqrt((len(x) - 1) / len(x) * np.sum((left - left.mean()) ** 2))
    _, _, error = _interval(silos.gini(x), _gini_influence(x, silos.gini(x)), 0.95)
    assert error == pytest.approx(jack, rel=0.02)


def star(n: int = 40) -> PeerNetwork:
    """One person teaches everybody, the others one each."""
    ids = [f"p{i:02d}" for i in range(n)]
    ties = pd.DataFrame({"teacher": [ids[0]] * (n - 1) + ids[1:], "learner": ids[1:] + ids[2:] + ids[:1]})
    return PeerNetwork(ids, ties)


def test_a_star_is_more_uneven_than_an_even_draw() -> None:
    found = silos.expert_load(star(), top=0.025, rng=1, n_draws=200)
    assert found.top_share == pytest.approx(0.5) and found.p_value < 0.02
    assert found.null_mean < found.observed == pytest.approx(slow_gini([39] + [1] * 39))
    assert (
        found.lorenz["teaching"].iloc[-1] == pytest.approx(1)
        and found.lorenz["teaching"].is_monotonic_increasing
    )
    assert "a line to look at, not a norm" in found.summary()
    assert found.to_frame()["value"].tolist() == [found.observed, found.top_share]
    assert found.plot().get_xlabel().startswith("people, from those who teach least")


def test_nobody_is_named() -> None:
    net = star()
    found = silos.expert_load(net, rng=1, n_draws=20)
    text = found.summary() + found._repr_html_() + found.lorenz.to_string()
    assert not any(i in text for i in net.ids)


def test_even_draws_repeat_nobody_and_are_even() -> None:
    rng = np.random.default_rng(0)
    learner = np.repeat(np.arange(5), 3)
    pool = np.array([0, 1, 2, 3, 4, 6])
    times = np.zeros(7)
    for _ in range(4000):
        teacher = _deal(learner, pool, 7, rng)
        assert len(set(zip(learner.tolist(), teacher.tolist(), strict=True))) == 15
        assert (teacher != learner).all()
        times += np.bincount(teacher, minlength=7)
    # 0 to 4 can teach four learners with 3 of 5 places, 6 can teach five.
    assert times / 4000 == pytest.approx([2.4] * 5 + [0, 3.0], abs=0.08)


def test_load_a_working_day_and_its_floor(records_of) -> None:
    records = records_of("meridian")
    net = records.network()
    found = silos.expert_load(net, weighted=True, hours=0.5, n_draws=20, rng=1)
    days = found.provenance["options"]["working_days"]
    assert days == np.busday_count("2025-02-01", "2026-01-01")
    assert found.hours["per_working_day"].iloc[0] == pytest.approx(net.weight.sum() * 0.5 / 238 / days)
    assert found.hours["n"].tolist() == [238, 12]  # two of the 240 object
    assert not len(silos.expert_load(net, top=0.01, n_draws=20, rng=1).hours)  # two people
    assert silos.expert_load(net, working_days=10, n_draws=20, rng=1).hours["unit"].iloc[0] == "learners"


def test_people_whose_load_is_unknown_are_left_out() -> None:
    net = star(12)
    status = dict.fromkeys(net.ids, "answered") | {"p00": "silent", "p01": "objected"}
    seen = {
        role: silos.expert_load(
            PeerNetwork(net.people, net.ties, observed=status, respondent_is=role), n_draws=20, rng=1
        )
        for role in ("teacher", "learner")
    }
    assert (seen["teacher"].n, seen["learner"].n) == (10, 11)
    assert seen["teacher"].observed == pytest.approx(slow_gini([1] * 10))
    assert seen["learner"].n_left_out == 1


def test_scale_order_and_workers_do_not_matter() -> None:
    net = star()
    one = silos.expert_load(net, weighted=True, rng=2, n_draws=60)
    heavy = PeerNetwork(net.people, net.ties.assign(weight=1e300))
    two = silos.expert_load(heavy, weighted=True, rng=2, n_draws=60, n_jobs=2)
    assert two.observed == pytest.approx(one.observed) and two.null.tolist() == pytest.approx(
        one.null.tolist()
    )


@pytest.mark.parametrize("n", [1, 2, 5])
def test_small_and_odd(n: int) -> None:
    net = PeerNetwork([f"p{i}" for i in range(n)], pd.DataFrame({"teacher": [], "learner": []}))
    found = silos.expert_load(net, n_draws=5, rng=1)
    assert np.isnan(found.observed) and np.isnan(found.p_value) and "n/a" in found.summary()


def coverage(n_sim: int, n: int, shape: float, entropy: int) -> tuple[int, int]:
    """How often the intervals hold the Gini coefficient and top share of the population (gamma-Poisson loads)."""
    big = np.random.default_rng(1).poisson(np.random.default_rng(2).gamma(shape, 8 / shape, 2_000_000))
    truth, top = silos.gini(big), _top_share(big.astype(float), 0.1)
    hit = [0, 0]
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        x = rng.poisson(rng.gamma(shape, 8 / shape, n)).astype(float)
        g, t = silos.gini(x), _top_share(x, 0.1)
        low, high, _ = _interval(g, _gini_influence(x, g), 0.95)
        hit[0] += low <= truth <= high
        low, high, _ = _interval(t, _top_influence(x, 0.1, t), 0.95)
        hit[1] += low <= top <= high
    return hit[0], hit[1]


def test_coverage_of_the_intervals() -> None:
    low = binom.ppf(0.0005, 300, 0.93)
    assert min(coverage(300, 200, 2.0, 7)) >= low


@pytest.mark.long
@pytest.mark.parametrize(("n", "shape"), [(50, 2.0), (200, 2.0), (50, 0.5), (200, 0.5), (1000, 0.5)])
def test_coverage_of_the_intervals_long(n: int, shape: float) -> None:
    found = coverage(4000, n, shape, 20260201)
    print(
        f"| expert_load | gamma-Poisson, shape {shape:g} | {n} | 4000 | {found[0] / 4000:.4f} | {found[1] / 4000:.4f} |"
    )
    assert min(found) / 4000 > 0.85
