"""Time to the first teacher: Kaplan-Meier with late entry, censoring, groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet import PeerNetwork, silos
from peernet.errors import DataError
from peernet.silos._survival import kaplan_meier, logrank, median, restricted_mean


def firm() -> tuple[PeerNetwork, pd.DataFrame]:
    """n1 to n6 join on day 10; old was there before; teachers t (unit x) and u (unit y)."""
    people = pd.DataFrame(
        {
            "unit": ["x", "y", *["x"] * 6, "x"],
            "start": [0.0, 0, 10, 10, 10, 10, 10, 10, 0],
            "end": [np.nan, np.nan, np.nan, np.nan, 16, np.nan, np.nan, np.nan, np.nan],
        },
        index=["t", "u", "n1", "n2", "n3", "n4", "n5", "n6", "old"],
    )
    rows = [("t", "n1", 12), ("u", "n1", 14), ("t", "n2", 13), ("t", "n2", 11), ("u", "n4", 18)]
    rows += [("t", "n5", 40), ("t", "n6", 5), ("t", "old", 15), ("t", "n3", 20)]
    events = pd.DataFrame(rows, columns=["teacher", "learner", "time"])
    return PeerNetwork(people, pd.DataFrame({"teacher": [], "learner": []})), events


def test_worked_by_hand() -> None:
    net, events = firm()
    found = silos.onboarding(net, events, start=10, end=30, min_group=1)
    # Events on days 1 (n2), 2 (n1), 8 (n4); n3 left on day 6 (taught after leaving), n5 still waits on day 20;
    # n6 had a teacher before joining.
    assert found.curve["day"].tolist() == [0, 1, 2, 8]
    assert found.curve["at_risk"].tolist() == [5, 5, 4, 2]
    assert found.curve["waiting"].tolist() == pytest.approx([1, 0.8, 0.6, 0.3])
    row = found.table.iloc[0]
    assert row[["n", "n_events", "n_left", "n_waiting", "median"]].tolist() == [5, 3, 1, 1, 8]
    assert row["mean"] == pytest.approx(1 + 0.8 + 0.6 * 6 + 0.3 * 12) and found.horizon == 20
    assert found.left_out["who had it before they joined"] == 1
    assert found.left_out["who joined before the window"] == 3
    assert "Half of 5 newcomers had their first teacher within 8 days" in found.summary()


def test_outside_the_unit_and_several_teachers() -> None:
    net, events = firm()
    outside = silos.onboarding(net, events, start=10, end=30, outside="unit", min_group=1)
    assert outside.curve["day"].tolist() == [0, 4, 8] and "outside their unit" in outside.headline()
    two = silos.onboarding(net, events, start=10, end=30, n_teachers=2, min_group=1)
    assert two.table["n_events"].iloc[0] == 1 and two.curve["day"].tolist() == [0, 4]
    assert np.isinf(two.table["median"].iloc[0]) and two.headline().startswith("Fewer than half")
    then = events.assign(unit_teacher="y", unit_learner="y")  # at the time all were together
    assert (
        silos.onboarding(net, then, start=10, end=30, outside="unit", min_group=1).table["n_events"].iloc[0]
        == 0
    )


def test_ties_of_the_network_and_moments_give_the_same() -> None:
    net, events = firm()
    base = pd.Timestamp("2025-01-01", tz="UTC")
    people = net.people
    for c in ("start", "end"):
        people[c] = base + pd.to_timedelta(people[c], unit="D")
    ties = events.assign(time=base + pd.to_timedelta(events["time"], unit="D"))
    dated = PeerNetwork(people, ties)
    one = silos.onboarding(net, events, start=10, end=30, min_group=1).curve
    two = silos.onboarding(dated, start="2025-01-11", end="2025-01-31", min_group=1).curve
    pd.testing.assert_frame_equal(one, two, check_dtype=False)
    with pytest.raises(DataError, match="never guessed"):
        silos.onboarding(dated, start=None, end="2025-01-31")
    with pytest.raises(DataError, match="give a moment"):
        silos.onboarding(dated, start=10, end=30)


def test_silent_learners_are_left_out() -> None:
    net, events = firm()
    status = dict.fromkeys(net.ids, "answered") | {"n5": "silent", "n4": "objected"}
    told = PeerNetwork(net.people, events, observed=status, respondent_is="learner")
    found = silos.onboarding(told, start=10, end=30, min_group=1)
    assert found.left_out["whose teachers are unknown"] == 2 and found.table["n"].iloc[0] == 3


def test_late_entry_counts_from_the_window_on() -> None:
    net, events = firm()
    found = silos.onboarding(net, events, start=12, end=30, before="late entry", min_group=1)
    # n2 (day 11) and n6 had it before; t, u, old, n1, n3, n4, n5 enter late.
    assert found.table["n"].iloc[0] == 7
    assert found.left_out["who had it before the window"] == 1
    # On day 2 n1, n3, n4 and n5 are at risk; n3 has left by day 8; t, u and old are seen from their day 12 on.
    assert found.curve["day"].tolist() == [0, 2, 8, 15]
    assert found.curve["at_risk"].tolist() == [4, 4, 2, 4]


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    entry = np.where(rng.random(n) < 0.5, -1.0, rng.integers(0, 8, n))
    time = np.floor(entry.clip(0)) + rng.integers(1, 15, n)
    return entry, time.astype(float), rng.random(n) < 0.7, rng.integers(0, 3, n)


def test_curves_equal_statsmodels() -> None:
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff

    rng = np.random.default_rng(3)
    for _ in range(10):
        entry, time, event, group = draw(rng, 40)
        with np.errstate(all="ignore"):
            other = SurvfuncRight(time, event.astype(int), entry=entry)
        mine = kaplan_meier(entry, time, event, 0.95)
        at = np.searchsorted(other.surv_times, mine.time)
        np.testing.assert_allclose(mine.waiting, np.asarray(other.surv_prob)[at], atol=1e-12)
        np.testing.assert_array_equal(mine.at_risk, np.asarray(other.n_risk)[at])
        zero = np.full(40, -1.0)
        chi, p = survdiff(time, event.astype(int), group)
        mine_chi, df, mine_p = logrank(zero, time, event, group)
        assert (mine_chi, mine_p, df) == (pytest.approx(chi), pytest.approx(p), 2)


def test_greenwood_and_the_mean_wait_by_hand() -> None:
    entry, time = np.full(4, -1.0), np.array([2.0, 4, 5, 6])
    curve = kaplan_meier(entry, time, np.array([True, True, False, True]), 0.95)
    assert curve.waiting.tolist() == pytest.approx([0.75, 0.5, 0])
    variance = 1 / 12 + 1 / 6  # Greenwood at day 4
    spread = 1.959963984540054 * np.sqrt(variance) / abs(np.log(0.5))
    assert curve.low[1] == pytest.approx(0.5 ** np.exp(spread))
    assert median(curve)[0] == 4
    mean, error = restricted_mean(curve, 6)
    assert mean == pytest.approx(2 + 1.5 + 1.0)
    assert error**2 == pytest.approx((1.5 + 1.0) ** 2 / 12 + 1.0**2 / 6)


def simulated(rng: np.random.Generator, n: int, late: bool) -> tuple[PeerNetwork, pd.DataFrame]:
    """Joining days over 100, exponential waits of mean 30, leaving at rate 1/120; window 40 to 130."""
    start = rng.uniform(0, 100, n)
    wait = rng.exponential(30, n)
    left = start + rng.exponential(120, n)
    ids = [f"p{i}" for i in range(n)]
    people = pd.DataFrame(
        {"start": [0.0, *start], "end": [np.inf, *left], "unit": ["s", *rng.choice(["x", "y"], n)]},
        index=["t", *ids],
    )
    people["end"] = people["end"].where(people["end"] < 130)
    events = pd.DataFrame({"teacher": "t", "learner": ids, "time": start + wait})
    events = events[(events["time"] < left) & (events["time"] < 130)]
    return PeerNetwork(people, pd.DataFrame({"teacher": [], "learner": []})), events


def holds(n_sim: int, n: int, before: str, entropy: int) -> dict[str, float]:
    """Coverage of the band at day 20, of the median and of the mean wait; size of the log-rank test."""
    hit = dict.fromkeys(("band", "median", "mean", "log-rank"), 0)
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        net, events = simulated(np.random.default_rng(stream), n, before == "late entry")
        net = net.subset([i for i in net.ids if i != "t"] + ["t"])
        found = silos.onboarding(net, events, start=40, end=130, before=before, by="unit", horizon=40)
        curve = found.curve[found.curve["group"] == "all"]
        at = curve[curve["day"] <= 20].iloc[-1]
        row = found.table.iloc[0]
        hit["band"] += at["low"] <= np.exp(-20 / 30) <= at["high"]
        hit["median"] += row["median_low"] <= 30 * np.log(2) <= row["median_high"]
        hit["mean"] += row["mean_low"] <= 30 * (1 - np.exp(-40 / 30)) <= row["mean_high"]
        hit["log-rank"] += found.p_value <= 0.05
    return {k: v / n_sim for k, v in hit.items()}


@pytest.mark.parametrize("before", ["leave out", "late entry"])
def test_coverage_and_size(before: str) -> None:
    found = holds(60, 150, before, 11)
    least = binom.ppf(0.0005, 60, 0.95) / 60
    assert min(found["band"], found["median"], found["mean"]) >= least
    assert found["log-rank"] <= binom.ppf(0.9995, 60, 0.05) / 60


@pytest.mark.long
@pytest.mark.parametrize("before", ["leave out", "late entry"])
@pytest.mark.parametrize("n", [40, 150])
def test_coverage_and_size_long(n: int, before: str) -> None:
    found = holds(300, n, before, 20260202)
    print(f"| onboarding | {before} | {n} | 300 | " + " | ".join(f"{v:.3f}" for v in found.values()) + " |")
    assert min(found["band"], found["median"], found["mean"]) > 0.9 and found["log-rank"] < 0.08


def test_groups_are_pooled_under_the_floor_and_drawn() -> None:
    net, events = simulated(np.random.default_rng(5), 200, False)
    unit = net.people["unit"].copy()
    unit.iloc[-3:] = "tiny"
    net = net.with_people(unit=unit)
    found = silos.onboarding(net, events, start=40, end=130, by="unit")
    assert "tiny" not in found.to_frame().to_string() + found.summary()
    assert set(found.table["group"]) == {"all", "x", "small units, pooled"} or len(found.table) == 3
    assert np.isfinite(found.p_value) and np.isfinite(found.difference[0])
    assert found.plot().get_xlabel() == "days since joining"


def test_meridian_and_refusals(records_of) -> None:
    records = records_of("meridian")
    net = records.network()
    found = silos.onboarding(net, records.events, start="2025-02-01", end="2026-01-01")
    assert found.table["n"].iloc[0] == 7 and np.isnan(found.p_value)
    pd.testing.assert_frame_equal(
        silos.onboarding(net, start="2025-02-01", end="2026-01-01").curve, found.curve
    )
    with pytest.raises(DataError, match="fewer than"):
        silos.onboarding(net, records.events, start="2025-11-01", end="2026-01-01")
    with pytest.raises(DataError, match="no column 'hired'"):
        silos.onboarding(net, records.events, start="2025-02-01", end="2026-01-01", joined="hired")
    with pytest.raises(DataError, match="is not after"):
        silos.onboarding(net, records.events, start="2025-02-01", end="2025-02-01")
    with pytest.raises(DataError, match="no column 'time'"):
        silos.onboarding(records.network(relation="learn_from"), start="2025-02-01", end="2026-01-01")
