"""Turnover of ties between two waves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet import PeerNetwork, nulls, silos
from peernet.errors import DataError
from peernet.records import Records, changes_between, empty_table
from peernet.silos.changes import dyadic_interval


def net(people: dict[str, str], pairs: list[str], **options: object) -> PeerNetwork:
    table = pd.DataFrame({"unit": list(people.values())}, index=list(people))
    ties = pd.DataFrame({"teacher": [p[0] for p in pairs], "learner": [p[1] for p in pairs]})
    return PeerNetwork(table, ties, **options)


def waves() -> tuple[PeerNetwork, PeerNetwork]:
    """g leaves, h joins, f moves from y to x."""
    before = net(dict(zip("abcdefg", "xxxyyyy", strict=True)), ["ab", "bc", "ad", "de", "ef", "cf", "ag"])
    after = net(dict(zip("hfedcba", "xxyyxxx", strict=True)), ["ab", "ca", "ad", "ef", "ha", "be"])
    return before, after


def test_worked_by_hand() -> None:
    found = silos.turnover(*waves(), group="unit", n_draws=40, rng=1)
    rows = found.table.set_index("ties")[["kept", "lost", "new"]].T.to_dict("list")
    assert rows == {"all": [3, 3, 2], "inside": [1, 2, 1], "across": [1, 0, 1], "with a mover": [1, 1, 0]}
    assert (found.observed, found.jaccard) == (0.5, 3 / 8)
    assert found.people == {"stayers": 6, "joiners": 1, "leavers": 1, "answered_both": 6}
    assert found.apart["lost_with_leavers"] == found.apart["new_with_joiners"] == 1
    assert "1 people left (with 1 ties)" in found.summary()
    assert found.plot().get_xlabel().startswith("ties kept")


def test_silent_people_are_unknown_not_lost() -> None:
    a, b = waves()
    one = PeerNetwork(a.people, a.ties, observed=dict.fromkeys(a.ids, "answered"), respondent_is="learner")
    status = dict.fromkeys(b.ids, "answered") | {"c": "silent", "d": "objected"}
    two = PeerNetwork(b.people, b.ties, observed=status, respondent_is="learner")
    found = silos.turnover(one, two, n_draws=20, rng=1)
    # Left to compare: ab, ef, cf before (c teaches, f reports); bc unknown, ad and de touch an objector.
    assert found.table[["kept", "lost", "new"]].iloc[0].tolist() == [2, 1, 2]
    assert (found.apart["unknown_before"], found.apart["unknown_after"]) == (3, 1)


def test_same_counts_as_the_records() -> None:
    rng = np.random.default_rng(4)
    people = [f"p{i:02d}" for i in range(25)]
    names, asked = [], []
    for wave, group in (("1", people[:22]), ("2", people[3:])):
        status = rng.choice(["answered", "silent", "objected"], len(group), p=[0.75, 0.2, 0.05])
        asked.append(pd.DataFrame({"person": group, "wave": wave, "status": status}))
        for p in np.array(group)[status == "answered"]:
            named = rng.choice([q for q in group if q != p], 4, replace=False)
            rows = {"respondent": p, "named": named, "relation": "advice", "wave": wave, "weight": 1.0}
            names.append(pd.DataFrame(rows))
    records = Records(
        people=pd.DataFrame(index=pd.Index(people, name="person")),
        nominations=pd.concat([empty_table("nominations"), *names], ignore_index=True),
        respondents=pd.concat([empty_table("respondents"), *asked], ignore_index=True),
        roles={"advice": "learner"},
    )
    expected = changes_between(records, "1", "2").iloc[0]
    nets = []
    for _wave, part in zip("12", asked, strict=True):
        objected = set(pd.concat(asked).query("status == 'objected'")["person"])
        status = part.set_index("person")["status"]
        status[status.index.isin(objected)] = "objected"
        mine = pd.concat(names).query("wave == @_wave")
        nets.append(
            PeerNetwork.from_nominations(list(part["person"]), mine, respondent_is="learner", observed=status)
        )
    found = silos.turnover(*nets, n_draws=20, rng=1)
    first = found.table.iloc[0]
    assert [first["kept"], first["lost"], first["new"]] == [
        expected["kept"],
        expected["lost"],
        expected["gained"],
    ]
    assert found.jaccard == pytest.approx(expected["stability"])
    assert found.people["answered_both"] == expected["answered_both"]


def test_the_same_wave_twice_and_no_common_tie() -> None:
    before, after = waves()
    same = silos.turnover(before, before, n_draws=20, rng=1)
    assert same.observed == same.jaccard == 1 and np.isnan(same.low)
    none = silos.turnover(before, after.where(teacher="h"), n_draws=20, rng=1)
    assert none.observed == 0 and none.null_mean == 0
    empty = silos.turnover(before.where(teacher="nobody"), after, n_draws=5, rng=1)
    assert np.isnan(empty.observed) and "No tie of the first wave" in empty.summary()


def test_refusals() -> None:
    before, after = waves()
    with pytest.raises(DataError, match="no id is in both"):
        silos.turnover(before, net({"q": "x", "r": "x"}, ["qr"]))
    told = PeerNetwork(after.people, after.ties, respondent_is="teacher")
    with pytest.raises(DataError, match="one of method"):
        silos.turnover(before, told)


def random_net(rng: np.random.Generator, n: int, m: int) -> PeerNetwork:
    rate = np.outer(rng.gamma(1.5, 1.0, n), rng.gamma(1.5, 1.0, n))
    rate *= m / rate.sum()
    i, j = np.nonzero((rng.random((n, n)) < np.minimum(rate, 0.9)) & ~np.eye(n, dtype=bool))
    return PeerNetwork.from_codes(i, j, people=n)


def rejected(n_sim: int, alternative: str, entropy: int) -> int:
    """Tests rejected at 5 % where the second wave is a rewiring, blind to the first."""
    count = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        before = random_net(rng, 30, 110)
        after = nulls.rewire(before, n_steps=80 * before.n_ties, rng=rng)
        count += silos.turnover(before, after, alternative=alternative, n_draws=99, rng=rng).p_value <= 0.05
    return count


def coverage(n_sim: int, n: int, spread: float, entropy: int) -> float:
    """Coverage where keeping depends on teacher and learner (normal effects on the probit scale)."""
    from scipy.special import ndtr, ndtri

    mean = float(ndtri(0.6)) * np.sqrt(1 + 2 * spread**2)  # 60 % kept on average
    hit = 0
    for stream in np.random.SeedSequence(entropy).spawn(n_sim):
        rng = np.random.default_rng(stream)
        i, j = rng.integers(0, n, (2, 5 * n))
        key = np.unique(i[i != j] * n + j[i != j])
        teacher, learner = key // n, key % n
        t, u = rng.normal(0, spread, (2, n))
        kept = rng.random(len(key)) < ndtr(mean + t[teacher] + u[learner])
        low, high = dyadic_interval(kept, teacher, learner, n, 0.95)
        hit += low <= 0.6 <= high
    return hit / n_sim


def test_size_and_coverage() -> None:
    assert rejected(40, "greater", 8) <= binom.ppf(0.9995, 40, 0.05)
    assert coverage(300, 80, 0.5, 9) >= binom.ppf(0.0005, 300, 0.93) / 300


@pytest.mark.long
@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_size_long(alternative: str) -> None:
    found = rejected(500, alternative, 20260206)
    low, high = (binom.ppf(q, 500, 0.05) / 500 for q in (0.0005, 0.9995))
    print(f"| turnover | {alternative} | 500 | {found / 500:.4f} | {low:.4f} to {high:.4f} |")
    assert found / 500 <= high


@pytest.mark.long
@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("n", [20, 50, 200])
def test_coverage_long(n: int, spread: float) -> None:
    print(
        f"| turnover | {n} people, person effects {spread:g} | 4000 | {coverage(4000, n, spread, 20260207):.4f} |"
    )
