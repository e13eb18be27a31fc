"""What silence and caps do to each measure on fresh worlds, and whether what mends it does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from peernet import datasets, silos
from peernet.network import PeerNetwork
from peernet.silos._measures import CATALOGUE
from peernet.silos._response import THRESHOLDS

# The rule behind the thresholds: how much silence at random, in steps of a tenth, a measure stands.
KEEPS = 0.6  # median rank correlation among those who answered, measures per person
MOVES = 0.1  # root mean square error, measures that are one number or cells (all of them between -1 and 1 but two)
RELATIVE = ("mean_ties", "odds_ratio_within")  # of these, a fifth of their value
SHARES = tuple(round(0.1 * k, 1) for k in range(1, 9))


def world(stream: np.random.SeedSequence, n_people: int = 240) -> PeerNetwork:
    """A firm in which everybody names all teachers."""
    rng = np.random.default_rng(stream)
    firm = datasets.make_organisation(n_people=n_people, silo_strength=float(rng.uniform(0, 2)), rng=rng)
    return PeerNetwork(firm.people, firm.ties[["teacher", "learner", "weight"]], respondent_is="learner")


def silence(measure: str, n_worlds: int, n_draws: int, entropy: int) -> pd.DataFrame:
    """Mean over worlds of what silence does, by pattern and share."""
    parts = []
    for stream in np.random.SeedSequence(entropy).spawn(n_worlds):
        found = silos.missing_sensitivity(
            world(stream),
            measure,
            "unit",
            patterns=("random", "central"),
            shares=SHARES,
            n_draws=n_draws,
            rng=1,
        )
        first = found.table["quantity"].iloc[0]
        parts.append(found.table[found.table["quantity"] == first])
    table = pd.concat(parts)
    scale = table["complete"].abs() if measure in RELATIVE else 1.0
    table = table.assign(square=(table["error"] / scale) ** 2)
    out = table.groupby(["pattern", "share"])[["median", "square"]].mean()
    return out.assign(error=np.sqrt(out["square"]), kind=found.kind).drop(columns="square")


def stands(table: pd.DataFrame, pattern: str) -> float:
    """Least share of people who must answer for the rule to hold there and at every share above."""
    part = table.loc[pattern]
    part = part[np.isclose(np.round(part.index * 10), part.index * 10)]
    good = (part["median"] >= KEEPS) if (part["kind"] == "people").all() else (part["error"] <= MOVES * 1.0)
    bad = part.index[~good.to_numpy(dtype=bool)]
    last = float(min(bad)) - 0.1 if len(bad) else max(SHARES)
    return round(1 - last, 1)


def settled(measure: str, table: pd.DataFrame, pattern: str) -> float:
    """``stands`` with the wider margin of relative measures."""
    if measure in RELATIVE:
        table = table.assign(error=table["error"] * MOVES / 0.2)
    return stands(table, pattern)


@pytest.mark.long
@pytest.mark.parametrize("measure", [m for m in CATALOGUE if m != "triad_census"])
def test_thresholds_long(measure: str) -> None:
    table = silence(measure, 8, 2, 20260107)
    at = [table.loc[("random", s)] for s in (0.2, 0.4, 0.6)]
    quantity = "median" if table["kind"].iloc[0] == "people" else "error"
    random, central = settled(measure, table, "random"), settled(measure, table, "central")
    cells = " | ".join(f"{row[quantity]:.3f}" for row in at)
    worst = f"{table.loc[('central', 0.4)][quantity]:.3f}"
    stated = THRESHOLDS.get(measure, (0.0, ""))[0]
    print(
        f"| {measure} | {table['kind'].iloc[0]} | {cells} | {worst} | {random} | {central} | {stated or 'none'} |"
    )
    if stated:
        assert stated >= random - 1e-9


# ---- caps -----------------------------------------------------------------------------------------------------------

UNITS = np.array([0.5, 0.3, 0.2])
LAWS = {
    "negative binomial, size 2": lambda n, rng: rng.negative_binomial(2, 1 / 3, n),
    "Poisson": lambda n, rng: rng.poisson(4.0, n),
    "1 + Poisson": lambda n, rng: 1 + rng.poisson(3.0, n),
}


def capped(law: str, cap: int, fading: bool, rng: np.random.Generator) -> tuple[PeerNetwork, PeerNetwork]:
    """150 people who name colleagues, all of them and up to the cap; mean 4.

    A name is of the own unit with chance .7; ``fading``: .9 at the first place, less by .1 at each, .3 at least.
    """
    n = 150
    unit = rng.choice(3, size=n, p=UNITS)
    rows = []
    for i, d in enumerate(LAWS[law](n, rng)):
        taken: set[int] = {i}
        for place in range(int(d)):
            inside = rng.random() < (max(0.9 - 0.1 * place, 0.3) if fading else 0.7)
            there = [j for j in np.flatnonzero((unit == unit[i]) == inside).tolist() if j not in taken]
            if there:
                j = int(rng.choice(there))
                taken.add(j)
                rows.append((f"p{j}", f"p{i}", place + 1))
    people = pd.DataFrame({"unit": unit}, index=[f"p{i}" for i in range(n)])
    ties = pd.DataFrame(rows, columns=["teacher", "learner", "slot"])
    nets = [PeerNetwork(people, t, respondent_is="learner") for t in (ties, ties[ties["slot"] <= cap])]
    return nets[0], nets[1]


def cap_errors(law: str, cap: int, fading: bool, unnamed: str, n_sim: int, entropy: int) -> dict[str, float]:
    """Bias as named and corrected, coverage, of mean ties and E-I; truth: 4, and E-I of 300,000 names."""
    full, found = [], []
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        whole, net = capped(law, cap, fading, np.random.default_rng(stream))
        full.append(silos.ei_estimate(whole, "unit").value)
        found.append(silos.correct_cap(net, cap, "unit", unnamed=unnamed).table.iloc[:2])
    truth = {"mean ties": 4.0, "E-I index": float(np.mean(full))}
    out = {}
    for q, (name, true) in enumerate(truth.items()):
        rows = pd.DataFrame([f.iloc[q] for f in found])
        out |= {
            f"{name} named": float((rows["named"] - true).mean()),
            f"{name} value": float((rows["value"] - true).mean()),
            f"{name} covered": float(((rows["low"] <= true) & (true <= rows["high"])).mean()),
        }
    return out


def test_cap_correction_brings_the_mean_nearer() -> None:
    found = cap_errors("Poisson", 5, False, "like named", 6, 81)
    assert abs(found["mean ties value"]) < 0.5 * abs(found["mean ties named"])


@pytest.mark.long
@pytest.mark.parametrize("fading", [False, True])
@pytest.mark.parametrize("cap", [3, 5])
@pytest.mark.parametrize("law", LAWS)
def test_cap_correction_long(law: str, cap: int, fading: bool) -> None:
    for unnamed in ("like named", "like last") if fading else ("like named",):
        found = cap_errors(law, cap, fading, unnamed, 100, 20260108)
        cells = " | ".join(f"{x:+.3f}" if "covered" not in k else f"{x:.2f}" for k, x in found.items())
        print(f"| {law} | {cap} | {'strongest first' if fading else 'at random'} | {unnamed} | {cells} |")
        assert abs(found["mean ties value"]) < abs(found["mean ties named"])


# ---- reversal -------------------------------------------------------------------------------------------------------


def reversal(mutual: float, silent: float, n_sim: int, entropy: int) -> dict[str, list[float]]:
    """Mean ties left out or invented (share of the truth), gap of E-I, rank correlation of betweenness, by method."""
    sums: dict[str, list[list[float]]] = {}
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        n = 80
        unit = np.arange(n) % 4
        tied = rng.random((n, n)) < np.where(unit[:, None] == unit, 0.12, 0.02)
        tied |= tied.T & (rng.random((n, n)) < mutual)
        np.fill_diagonal(tied, False)
        net = PeerNetwork.from_codes(*np.nonzero(tied), people=n).with_people(unit=unit)
        net = PeerNetwork(net.people, net.ties, respondent_is="learner")
        quiet = silos.make_silent(net, list(net.ids[rng.random(n) < silent]))
        truth = silos.betweenness(net)
        told = truth.notna()
        for name in ("none", "chance", "all"):
            got = quiet if name == "none" else silos.impute_reversed(quiet, method=name, rng=rng)
            score = silos.betweenness(got, min_response=0)
            told = score.notna() if name == "none" else told  # the same people each time: those who answered
            rank = score[told].corr(truth[told], method="spearman")
            gap = silos.ei_estimate(got, "unit").value - silos.ei_estimate(net, "unit").value
            sums.setdefault(name, []).append([got.n_ties / net.n_ties - 1, gap, rank])
    return {name: list(np.mean(rows, axis=0)) for name, rows in sums.items()}


def test_reversal_helps_where_ties_are_returned() -> None:
    found = reversal(0.7, 0.3, 3, 92)
    assert abs(found["chance"][0]) < abs(found["none"][0])
    assert found["chance"][2] > found["none"][2]


@pytest.mark.long
@pytest.mark.parametrize("silent", [0.2, 0.4])
@pytest.mark.parametrize("mutual", [0.0, 0.3, 0.7])
def test_reversal_long(mutual: float, silent: float) -> None:
    for name, (ties, ei, rank) in reversal(mutual, silent, 30, 20260110).items():
        print(f"| {mutual} | {silent} | {name} | {ties:+.2f} | {ei:+.3f} | {rank:.2f} |")
