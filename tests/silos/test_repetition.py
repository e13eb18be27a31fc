"""Ruts: partner repetition against opportunity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet import PeerNetwork, nulls, silos
from peernet.errors import DataError
from peernet.silos.repetition import _share


def table(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["teacher", "learner", "time"])


PEOPLE = PeerNetwork(list("abcdef"), pd.DataFrame({"teacher": [], "learner": []}))
ROWS = [("a", "b", 0), ("a", "b", 0.5), ("c", "b", 0.1), ("a", "d", 0), ("a", "b", 1), ("e", "b", 1.2),
        ("e", "d", 1), ("a", "d", 2), ("c", "b", 2), ("f", "c", 1)]  # fmt: skip


def slow(events: pd.DataFrame, memory: str) -> tuple[int, int]:
    """Count askings that went back and that could have, by sets."""
    hit = total = 0
    for _, mine in events.groupby("learner"):
        by = {int(t): set(g["teacher"]) for t, g in mine.groupby(np.floor(mine["time"]))}
        for t, now in by.items():
            past = [by[s] for s in by if (s == t - 1 if memory == "previous" else s < t)]
            before = set().union(*past)
            if before:
                hit, total = hit + len(now & before), total + len(now)
    return hit, total


@pytest.mark.parametrize("memory", ["previous", "any"])
def test_counts_by_hand(memory: str) -> None:
    found = silos.ruts(PEOPLE, table(ROWS), period=1, start=0, memory=memory, n_draws=20, rng=1)
    hit, total = slow(table(ROWS), memory)
    assert (hit, total) == ((1, 5) if memory == "previous" else (3, 5))
    assert (found.observed, found.n, found.n_periods) == (pytest.approx(hit / total), total, 3)


def test_counts_on_meridian_equal_sets(records_of) -> None:
    records = records_of("meridian")
    month = records.events["time"].dt.year * 12 + records.events["time"].dt.month
    found = silos.ruts(records.network(), records.events, n_draws=20, rng=1, group="unit")
    hit, total = slow(records.events.assign(time=month), "previous")
    assert (found.n, found.observed) == (total, pytest.approx(hit / total))
    assert found.by_group["n_askings"].sum() == total and "Legal" not in found.to_frame().to_string()
    assert found.p_value <= 2 / 21 and found.plot().get_title(loc="left").startswith("33 % of askings")


def world(
    rng: np.random.Generator, loyal: float, n: int = 40, periods: int = 4
) -> tuple[PeerNetwork, pd.DataFrame]:
    """Uneven activity; with probability ``loyal`` an asking repeats one of the period before; each period is a
    uniform network given its degrees when loyal = 0."""
    popular = rng.gamma(1.0, 1.0, n)
    frames, last = [], np.empty((0, 2), dtype=int)
    for t in range(periods):
        rate = np.outer(popular, rng.gamma(2.0, 1.0, n))
        rate *= 80 / rate.sum()
        i, j = np.nonzero((rng.random((n, n)) < np.minimum(rate, 0.9)) & ~np.eye(n, dtype=bool))
        net = nulls.rewire(PeerNetwork.from_codes(i, j, people=n), n_steps=60 * len(i), rng=rng)
        pairs = np.column_stack([net.teacher, net.learner])
        again = last[rng.random(len(last)) < loyal]
        last = np.unique(np.concatenate([pairs, again]), axis=0)
        ends = {"teacher": last[:, 0].astype(str), "learner": last[:, 1].astype(str)}
        frames.append(pd.DataFrame(ends | {"time": float(t)}))
    return PeerNetwork.from_codes([], [], people=n), pd.concat(frames, ignore_index=True)


def p_values(n_sim: int, loyal: float, entropy: int, memory: str = "previous") -> list[float]:
    out = []
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        net, events = world(rng, loyal)
        out.append(silos.ruts(net, events, period=1, memory=memory, n_draws=59, rng=rng).p_value)
    return out


def test_size_and_power() -> None:
    assert sum(p <= 0.05 for p in p_values(25, 0.0, 5)) <= binom.ppf(0.9995, 25, 0.05)
    assert sum(p <= 0.05 for p in p_values(5, 0.3, 6)) >= 4


def coverage(n_sim: int, n: int, entropy: int) -> float:
    """Coverage of the interval: learners with their own loyalty (beta 2, 3) and number of askings."""
    hit = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        asked = rng.poisson(6, n) + 1.0
        went = rng.binomial(asked.astype(int), rng.beta(2, 3, n)).astype(float)
        _, low, high = _share(went, asked, 0.95)
        hit += low <= 0.4 <= high
    return hit / n_sim


def test_coverage() -> None:
    assert coverage(400, 40, 3) >= binom.ppf(0.0005, 400, 0.95) / 400


@pytest.mark.long
@pytest.mark.parametrize("memory", ["previous", "any"])
def test_size_long(memory: str) -> None:
    found = p_values(150, 0.0, 20260203, memory)
    size = np.mean([p <= 0.05 for p in found])
    power = np.mean([p <= 0.05 for p in p_values(30, 0.1, 20260204, memory)])
    print(f"| ruts | {memory} | 150 | {size:.4f} | {binom.ppf(0.0005, 150, 0.05) / 150:.4f} to "
          f"{binom.ppf(0.9995, 150, 0.05) / 150:.4f} | {power:.3f} |")  # fmt: skip
    assert size <= binom.ppf(0.9995, 150, 0.05) / 150


@pytest.mark.long
@pytest.mark.parametrize("n", [15, 40, 200])
def test_coverage_long(n: int) -> None:
    print(f"| ruts | interval, {n} learners | 4000 | {coverage(4000, n, 20260205):.4f} |")


def test_units_explain_what_units_explain() -> None:
    rng = np.random.default_rng(3)
    unit = np.repeat(list("xyz"), 10)
    frames = []
    for t in range(3):
        i, j = rng.integers(0, 30, (2, 600))
        keep = (i != j) & (unit[i] == unit[j]) & (rng.random(600) < 0.4)
        frames.append(
            pd.DataFrame({"teacher": i[keep].astype(str), "learner": j[keep].astype(str), "time": float(t)})
        )
    events = pd.concat(frames)
    net = PeerNetwork.from_codes([], [], people=30).with_people(unit=unit)
    free = silos.ruts(net, events, period=1, n_draws=99, rng=1)
    inside = silos.ruts(net, events, period=1, within="unit", n_draws=99, rng=1)
    assert free.p_value <= 0.02 < inside.p_value
    assert free.null_mean < inside.null_mean


def test_refusals_and_odd(records_of) -> None:
    with pytest.raises(DataError, match="two are needed"):
        silos.ruts(PEOPLE, table([("a", "b", 0)]), period=1)
    with pytest.raises(DataError, match="period is a number"):
        silos.ruts(PEOPLE, table(ROWS))
    with pytest.raises(ValueError, match="period must be one of"):
        silos.ruts(PEOPLE, table(ROWS).assign(time=pd.Timestamp("2025-01-01")), period="fortnight")
    with pytest.raises(DataError, match="folded"):
        silos.ruts(records_of("meridian").network())
    apart = silos.ruts(PEOPLE, table([("a", "b", 0), ("a", "c", 1)]), period=1, n_draws=5)
    assert apart.n == 0 and np.isnan(apart.observed) and "Nobody learned in two periods" in apart.summary()
    strangers = silos.ruts(PEOPLE, table([*ROWS, ("zz", "a", 1)]), period=1, start=0, n_draws=5)
    assert strangers.provenance["episodes_left_out"]["people not in the network"] == 1
