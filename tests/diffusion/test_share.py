"""The share of learning that was social: value, interval, ceiling, attribution, sensitivities; simulation and power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import DataError, FitError, PeerNetwork
from peernet.diffusion import compare_nbda, fit_nbda, nbda_power, simulate_nbda, social_transmission_share


def world(n: int = 40, seed: int = 1) -> PeerNetwork:
    rng = np.random.default_rng(seed)
    a = (rng.random((n, n)) < 5 / n).astype(float)
    np.fill_diagonal(a, 0)
    people = pd.DataFrame({"unit": rng.choice(["x", "y"], n)}, index=[f"p{k:02d}" for k in range(n)])
    return PeerNetwork.from_adjacency(a, row_is="teacher", ids=people.index, people=people)


NET = world()
SEEN = simulate_nbda(NET, s=0.6, rate=0.04, end=12, n_items=3, rng=3).adoptions()
FIT = fit_nbda(NET, SEEN, start=1, end=12, timing="discrete", rng=1)


def test_by_hand_in_a_world_of_three() -> None:
    ties = pd.DataFrame({"teacher": ["a", "b"], "learner": ["b", "c"]})
    seen = pd.DataFrame({"person": ["a", "b", "c"], "time": [1, 2, 3]})
    fit = fit_nbda(
        PeerNetwork(list("abc"), ties), seen, start=1, end=4, timing="discrete", baseline="constant"
    )
    share = social_transmission_share(fit, sensitivity=False)
    s = fit.params["estimate"][0]
    want = 2 * s / (1 + s) / 2 if np.isfinite(s) else 1.0
    assert share.value == pytest.approx(want, abs=1e-5)
    assert share.ceiling == 1.0 and share.ceiling_no_first_period == 1.0
    assert share.events["teachers"].tolist() == [0, 1, 1]


def test_shares_add_up() -> None:
    share = social_transmission_share(FIT, group="unit", rng=1)
    denominator = FIT.n - 3
    assert share.value == pytest.approx(share.events["social"].sum() / denominator)
    assert share.attribution["social"].sum() == pytest.approx(share.events["social"].sum())
    assert share.by_group.to_numpy().sum() == pytest.approx(share.events["social"].sum())
    assert share.by_network.sum() == pytest.approx(share.value)
    assert 0 <= share.low <= share.value <= share.high <= share.ceiling <= 1
    assert share.ceiling == pytest.approx((share.events["teachers"] > 0).sum() / denominator)
    assert share.value_no_first_period >= share.value
    assert 0 <= share.share_across <= 1
    assert share.cause_estimate > 1 and share.cause_interval <= share.cause_estimate
    assert share.missing_ties["ceiling"].is_monotonic_decreasing
    assert all("shared cause" in line for line in share.summary().splitlines()[:3])
    assert share.by_item.index.tolist() == list(FIT.items) and share.by_item.between(0, 1).all()


def test_the_interval_holds_the_profile() -> None:
    share = social_transmission_share(FIT, sensitivity=False)
    s = FIT.params.iloc[0]
    for bound, strength in ((share.low, s["low"]), (share.high, s["high"])):
        part = FIT._engine.model.e_teaching[:, 0] * strength
        assert bound == pytest.approx((part / (1 + part)).sum() / (FIT.n - 3), abs=1e-6)
    wide = social_transmission_share(FIT, level=0.99, sensitivity=False)
    assert wide.low <= share.low and share.high <= wide.high


def test_constrained_profile_agrees_with_a_grid() -> None:
    two = {"one": NET, "two": NET.reverse()}
    rng = np.random.default_rng(4)
    age = pd.Series(rng.normal(size=NET.n_people), index=NET.ids, name="age")
    fit = fit_nbda(two, SEEN, start=1, end=12, timing="discrete", baseline="constant", asocial=age, rng=1)
    share = social_transmission_share(fit, sensitivity=False)
    engine = fit._engine
    from peernet.diffusion._share_profile import ShareProfile, social_parts

    profile = ShareProfile(engine.surface, engine.summit, engine.free, fit.n - 3)
    best = {}
    for s1 in np.linspace(0, 2, 41):
        for s2 in np.linspace(0, 1, 21):
            for b in np.linspace(-0.5, 0.5, 11):
                p = np.array([s1, s2, b])
                total = round(float(social_parts(engine.model, p)[0].sum()) / (fit.n - 3), 2)
                best[total] = max(best.get(total, -np.inf), engine.model.evaluate(p).value)
    for c in (0.1, 0.3, 0.5):
        assert profile.likelihood(c) >= best[c] - 0.15
        assert profile.likelihood(c) <= fit.log_likelihood + 1e-9
    assert profile.likelihood(share.high) == pytest.approx(fit.log_likelihood - 1.920729, abs=1e-3)
    assert fit.log_likelihood >= max(best.values()) - 1e-9


def test_verdicts() -> None:
    low = social_transmission_share(FIT, against=0.05, sensitivity=False)
    assert low.verdict == ("supported" if low.low >= 0.05 else "inconclusive")
    none = fit_nbda(NET, SEEN, start=1, end=12, timing="discrete").asocial
    assert none is not None
    with pytest.raises(FitError, match="no teaching in it"):
        social_transmission_share(none)
    bare = PeerNetwork(NET.people, NET.ties.iloc[:0])
    empty = social_transmission_share(fit_nbda(bare, SEEN, start=1, end=12, timing="discrete"))
    assert (empty.value, empty.ceiling, empty.verdict) == (0.0, 0.0, "not answered by these data")


def test_bootstrap_is_centred_and_does_not_depend_on_n_jobs() -> None:
    one = social_transmission_share(FIT, n_draws=16, sensitivity=False, rng=5)
    two = social_transmission_share(FIT, n_draws=16, sensitivity=False, rng=5, n_jobs=2)
    pd.testing.assert_frame_equal(one.bootstrap, two.bootstrap)
    assert abs(one.bias) < 0.1
    low, high = one.bootstrap_interval
    assert low < one.value < high <= one.ceiling
    assert "simulated from the model" in one.summary()
    assert np.isnan(social_transmission_share(FIT, sensitivity=False).bootstrap_interval[0])


@pytest.mark.parametrize(
    "options",
    [
        {"timing": "order", "start": 0}, {"timing": "continuous", "baseline": "weibull", "start": 0},
        {"timing": "continuous", "baseline": "gamma", "start": 0},
        {"timing": "continuous", "baseline": "constant", "start": 0},
        {"timing": "discrete", "baseline": "constant", "start": 1, "asocial": ["unit"]},
    ],
)  # fmt: skip
def test_simulating_a_fit_gives_its_adoptions_back(options: dict) -> None:
    seen = simulate_nbda(NET, s=0.5, rate=0.05, end=10, n_items=2, timing="continuous", rng=8).adoptions()
    if options["timing"] == "discrete":
        seen["time"] = np.ceil(seen["time"])
    fit = fit_nbda(NET, seen, end=10, rng=1, **options)
    again = simulate_nbda(fit, n_draws=60, rng=2)
    assert again.draws.shape == (60, 2, NET.n_people)
    finite = np.isfinite(again.draws)
    assert finite.sum(axis=(1, 2)).mean() == pytest.approx(fit.n, rel=0.12)
    times = again.draws[finite]
    assert times.min() >= options["start"] and times.max() <= 10
    assert np.median(times) == pytest.approx(seen["time"].median(), rel=0.3)


def test_simulation_has_the_chance_that_the_model_says() -> None:
    ids = ["teacher", "learner", "alone"]
    net = PeerNetwork(ids, pd.DataFrame({"teacher": ["teacher"], "learner": ["learner"]}))
    draws = simulate_nbda(net, s=3.0, rate=0.1, end=1, demonstrators=["teacher"], n_draws=4000, rng=1).draws[
        :, 0
    ]
    taught, alone = np.isfinite(draws[:, 1]).mean(), np.isfinite(draws[:, 2]).mean()
    assert taught == pytest.approx(1 - np.exp(-0.4), abs=0.03)
    assert alone == pytest.approx(1 - np.exp(-0.1), abs=0.02)
    assert np.isneginf(draws[:, 0]).all()


@pytest.mark.parametrize(
    "more",
    [
        {"s": 3},
        {"rate": 0.1},
        {"end": 9},
        {"start": 1},
        {"trend": [1.0]},
        {"n_items": 2},
        {"timing": "discrete"},
    ],
)
def test_a_fit_is_drawn_from_as_it_was_fitted(more: dict) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(more))}: a fit is drawn from as it was fitted"):
        simulate_nbda(FIT, **more)
    with pytest.raises(ValueError, match="demonstrators"):
        simulate_nbda(FIT, demonstrators="p00")


def test_one_demonstrator_is_one_person() -> None:
    net = PeerNetwork(["a", "b", "ab"], pd.DataFrame({"teacher": ["a"], "learner": ["b"]}))
    draws = simulate_nbda(net, s=1, rate=0.0, end=1, demonstrators="ab", rng=1).draws[0, 0]
    assert np.isneginf(draws).tolist() == [False, False, True]


def test_acquisitions_of_people_without_a_group_are_said() -> None:
    people = NET.people.copy()
    people.loc[people.index[:8], "unit"] = None
    share = social_transmission_share(
        fit_nbda(PeerNetwork(people, NET.ties), SEEN, start=1, end=12, timing="discrete", rng=1), group="unit"
    )
    left = share.attribution["social"].sum() - share.by_group.to_numpy().sum()
    assert left > 0 and any(f"{left:.2f} of" in note and "without 'unit'" in note for note in share.notes)
    with pytest.raises(DataError, match="must come from fit_nbda"):
        social_transmission_share(SEEN)


def test_same_seed_same_draws_whatever_the_jobs() -> None:
    a = simulate_nbda(NET, s=0.5, rate=0.05, end=8, n_draws=40, rng=7)
    b = simulate_nbda(NET, s=0.5, rate=0.05, end=8, n_draws=40, rng=7, n_jobs=2)
    np.testing.assert_array_equal(a.draws, b.draws)


def test_power_grows_with_items() -> None:
    power = nbda_power(NET, s=0.8, rate=0.05, end=10, n_items=(1, 4), n_draws=24, rng=1)
    more = nbda_power(NET, s=0.8, rate=0.05, end=10, n_items=(1,), n_people=(15, 60), n_draws=24, rng=1)
    assert more.table[["people", "items"]].to_numpy().tolist() == [[15, 1], [60, 1]]
    assert more.table["width"][1] < more.table["width"][0]
    assert more.table["power"][1] >= more.table["power"][0]
    assert "no shared cause" in more.summary() and more.plot() is not None
    table = power.table
    assert table["items"].tolist() == [1, 4]
    assert table["power"][1] >= table["power"][0]
    assert table["width"][1] < table["width"][0]
    assert table["coverage"].min() > 0.75
    assert "items" in power.summary()
    single = nbda_power(NET, s=0.8, rate=0.05, end=10, n_items=1, n_people=15, n_draws=2, rng=1)
    assert single.table[["people", "items"]].to_numpy().tolist() == [[15, 1]]


def test_a_resized_network_keeps_how_people_are_asked() -> None:
    from peernet.diffusion.power import resized

    rng = np.random.default_rng(1)
    drawn = [resized(NET, 120, rng) for _ in range(8)]
    teachers = np.mean([net.n_ties / net.n_people for net in drawn])
    assert teachers == pytest.approx(NET.n_ties / NET.n_people, rel=0.1)
    assert all((net.teacher != net.learner).all() and net.n_people == 120 for net in drawn)
    hub = PeerNetwork(list("abcdef"), pd.DataFrame({"teacher": ["a"] * 5, "learner": list("bcdef")}))
    spread = [np.bincount(resized(hub, 60, rng).teacher, minlength=60) for _ in range(5)]
    assert np.mean([s.max() for s in spread]) > 4 * np.mean([s.mean() for s in spread])


def test_comparison() -> None:
    fits = {
        "teachers": FIT,
        "reversed": fit_nbda(NET.reverse(), SEEN, start=1, end=12, timing="discrete", rng=1),
        "both": fit_nbda(
            {"network": NET, "back": NET.reverse()}, SEEN, start=1, end=12, timing="discrete", rng=1
        ),
    }
    out = compare_nbda(fits)
    assert len(out.table) == 4
    assert out.table["weight"].sum() == pytest.approx(1)
    assert out.network_support.sum() == pytest.approx(1)
    assert out.table["delta"].iloc[0] == 0
    assert "none" in out.network_support.index
    best = out.table.iloc[0]["model"]
    assert best in out.summary()
    order = fit_nbda(NET, SEEN, start=0, end=12, rng=1)
    with pytest.raises(DataError, match="do not explain the same acquisitions"):
        compare_nbda({"a": FIT, "b": order})
    swapped, free = SEEN.copy(), {"start": 1, "end": 12, "timing": "discrete", "rng": 1}
    rows = swapped["time"].dropna().sort_values().index[[0, -1]]
    swapped.loc[rows, "time"] = swapped.loc[rows[::-1], "time"].to_numpy()
    longer = fit_nbda(NET, SEEN, **{**free, "end": 14})
    there = fit_nbda(NET, SEEN, presence=pd.DataFrame({"person": NET.ids}), **free)
    for other in (fit_nbda(NET, swapped, **free), longer, there):
        with pytest.raises(DataError, match="span, who learned what when"):
            compare_nbda({"a": FIT, "b": other})
    assert (
        len(compare_nbda({"a": FIT, "b": fit_nbda(NET, SEEN.sample(frac=1, random_state=1), **free)}).table)
        == 3
    )


def test_silent_people_are_not_people_without_teachers() -> None:
    status = dict.fromkeys(NET.ids, "answered") | {"p00": "silent", "p01": "objected"}
    ties = NET.ties[~NET.ties["learner"].isin(["p00", "p01"])]
    net = PeerNetwork(NET.people, ties, observed=status, respondent_is="learner")
    fit = fit_nbda(net, SEEN, start=1, end=12, timing="discrete", rng=1)
    assert any("2 people did not say who teaches them" in note for note in fit.notes)
    events = social_transmission_share(fit, sensitivity=False).events
    assert not events["person"].isin(["p00", "p01"]).any()
    kept = fit_nbda(net, SEEN, start=1, end=12, timing="discrete", rng=1, silent="keep")
    assert kept.n > fit.n
