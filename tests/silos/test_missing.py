"""Silent people, reversal, caps: what is removed, put back and corrected, and what is refused."""

from __future__ import annotations

import inspect
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import silos
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.silos._measures import CATALOGUE, rank_correlation, top_kept
from peernet.silos._response import THRESHOLDS, known_share, waived


def firm(
    seed: int = 3, n: int = 40, role: str | None = "learner", status=None, mutual: float = 0.4
) -> PeerNetwork:
    """People in four units; some ties are returned."""
    rng = np.random.default_rng(seed)
    unit = np.arange(n) % 4
    tied = rng.random((n, n)) < np.where(unit[:, None] == unit, 0.3, 0.05)
    tied |= tied.T & (rng.random((n, n)) < mutual)
    np.fill_diagonal(tied, False)
    i, j = np.nonzero(tied)
    ids = [f"p{k:02d}" for k in range(n)]
    people = pd.DataFrame({"unit": unit}, index=pd.Index(ids, name="person"))
    ties = pd.DataFrame(
        {"teacher": people.index[i], "learner": people.index[j], "weight": rng.random(len(i)) + 0.5}
    )
    return PeerNetwork(people, ties, respondent_is=role, observed=status)


def pairs(net: PeerNetwork) -> set[tuple[str, str]]:
    return set(zip(net.ids[net.teacher], net.ids[net.learner], strict=True))


# ---- silence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "end"), [("learner", 1), ("teacher", 0)])
def test_silence_takes_what_a_person_would_have_reported_and_nothing_else(role: str, end: int) -> None:
    net = firm(role=role)
    quiet = silos.make_silent(net, ["p03", "p11"])
    assert pairs(quiet) == {p for p in pairs(net) if p[end] not in ("p03", "p11")}
    assert any(p[1 - end] == "p03" for p in pairs(quiet))
    assert quiet.observed["p03"] == "silent" and (quiet.observed == "answered").sum() == net.n_people - 2
    assert (net.observed == "answered").all()
    assert quiet.respondent_is == role


def test_where_ties_were_seen_an_unseen_person_has_none() -> None:
    net = firm(role=None)
    assert pairs(silos.make_silent(net, ["p03"])) == {p for p in pairs(net) if "p03" not in p}
    assert pairs(silos.make_silent(net, ["p03"], role="learner")) == {p for p in pairs(net) if p[1] != "p03"}


def test_silence_keeps_other_columns_of_ties_and_status_of_others() -> None:
    net = firm()
    ties = net.ties.assign(topic=np.arange(len(net.ties)) % 3)
    status = pd.Series("answered", index=net.ids)
    status["p01"] = "objected"
    net = PeerNetwork(net.people, ties, respondent_is="learner", observed=status)
    quiet = silos.make_silent(net, ["p01", "p02"])
    assert set(quiet.ties["topic"]) == {0, 1, 2}
    assert quiet.observed[["p01", "p02"]].tolist() == ["objected", "silent"]
    with pytest.raises(DataError, match="'zoe'"):
        silos.make_silent(net, ["zoe"])


def test_silence_mirrors_when_all_ties_are_reversed() -> None:
    net = firm()
    assert silos.make_silent(net.reverse(), ["p05"]) == silos.make_silent(net, ["p05"]).reverse()


# ---- sensitivity ----------------------------------------------------------------------------------------------------


def test_mean_ties_fall_by_the_share_that_is_silent() -> None:
    net = firm()
    found = silos.missing_sensitivity(
        net, "mean_ties", patterns=["random"], shares=(0.25, 0.5), n_draws=200, rng=1
    )
    table = found.table.set_index("share")
    whole = net.n_ties / net.n_people
    assert (table["complete"] == whole).all()
    for share in (0.25, 0.5):
        assert table.loc[share, "bias"] == pytest.approx(-share * whole, abs=0.1)
        assert table.loc[share, "n_silent"] == share * 40
        assert table.loc[share, "answered"] == 1 - share
    assert (table["low"] <= table["median"]).all() and (table["median"] <= table["high"]).all()


def test_the_error_is_that_of_the_draws_one_by_one() -> None:
    # A slow twin: with all but one silent at random, every draw leaves one person's reports.
    net = firm(n=8)
    found = silos.missing_sensitivity(
        net, lambda n: n.n_ties, patterns=["random"], shares=(0.5,), n_draws=60, level=0.9999, rng=4
    ).table.iloc[-1]
    possible = np.bincount(net.learner, minlength=8)
    totals = [sum(c) for c in __import__("itertools").combinations(possible, 4)]
    assert found["low"] >= min(totals) - 1e-9 and found["high"] <= max(totals) + 1e-9
    assert found["bias"] + net.n_ties == pytest.approx(np.mean(totals), abs=4 * np.std(totals) / np.sqrt(60))


@pytest.mark.parametrize("measure", ["ei", "betweenness", "mixing_table"])
def test_sensitivity_does_not_depend_on_threads(measure: str) -> None:
    one, two = (
        silos.missing_sensitivity(firm(), measure, "unit", shares=(0.3,), n_draws=9, rng=5, n_jobs=k).table
        for k in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("measure", CATALOGUE)
def test_every_measure_has_a_curve(measure: str) -> None:
    found = silos.missing_sensitivity(firm(n=24), measure, "unit", shares=(0.2,), n_draws=2, rng=1)
    assert set(found.table["pattern"]) == {"random", "central", "unit"}
    assert found.summary() and found.kind in ("number", "people", "cells")
    if found.kind == "people":
        assert found.table["quantity"].unique().tolist() == ["rank correlation", "top tenth kept"]


def test_nobody_more_silent_changes_nothing() -> None:
    found = silos.missing_sensitivity(firm(), "constraint", shares=(0.0,), n_draws=2, rng=1).table
    still = found[found["share"] == 0]
    np.testing.assert_allclose(still["median"], still["complete"])


def test_central_people_silent_hide_more_ties_than_people_at_the_edge() -> None:
    rng = np.random.default_rng(0)
    rate = np.outer(rng.gamma(1, 1, 60), rng.gamma(1, 1, 60)) * 0.1
    i, j = np.nonzero((rng.random((60, 60)) < rate) & ~np.eye(60, dtype=bool))
    net = PeerNetwork.from_codes(i, j, people=60)
    found = silos.missing_sensitivity(
        net, "mean_ties", patterns=["central", "random", "peripheral"], shares=(0.2,), n_draws=40, rng=2
    )
    left = found.table[found.table["share"] == 0.2].set_index("pattern")["median"]
    assert left["central"] < left["random"] < left["peripheral"]


def test_the_answer_repeats_the_loss_there_is_and_carries_on_to_everybody() -> None:
    net = firm(n=80)
    quiet = silos.make_silent(net, list(net.ids[::4]))
    found = silos.missing_sensitivity(quiet, "mean_ties", patterns=["random"], n_draws=60, rng=3)
    assert found.response == 0.75
    assert found.at_response["share"].tolist() == [0.25]
    assert found.extrapolated == pytest.approx(quiet.n_ties / 80 / 0.75, rel=0.02)
    assert found.summary().startswith("75% of the people told of their ties")
    assert np.isnan(silos.missing_sensitivity(net, "mean_ties", n_draws=2, rng=1).extrapolated)


def test_silence_only_falls_on_those_who_answered() -> None:
    net = firm()
    status = pd.Series("answered", index=net.ids)
    status.iloc[:10] = "objected"
    net = silos.make_silent(PeerNetwork(net.people, net.ties, respondent_is="learner", observed=status), [])
    found = silos.missing_sensitivity(net, "mean_ties", shares=(0.5,), n_draws=3, rng=1).table
    assert set(found.loc[found["share"] == 0.5, "n_silent"]) == {15}


@pytest.mark.parametrize(
    ("measure", "options", "words"),
    [
        ("ei_tset", {}, "has no .ei_tset"),
        ("ei", {}, "group="),
        ("need_gap", {"group": "unit"}, "lambda net"),
        ("betweenness", {"patterns": ["unit"]}, "unit="),
        ("betweenness", {"patterns": ["degree"]}, "central"),
        (7, {}, "name or a function"),
        (lambda net: "red", {}, "not numbers"),
    ],
)
def test_what_cannot_be_asked_says_why(measure, options, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        silos.missing_sensitivity(firm(), measure, n_draws=1, rng=1, **options)


def test_overview_has_every_measure_once_a_pattern() -> None:
    found = silos.missing_overview(firm(n=24), "unit", n_draws=2, rng=1)
    assert set(found.table["measure"]) == set(CATALOGUE)
    assert "rank correlation" in found.summary()
    few = silos.missing_overview(firm(n=24), measures=["betweenness"], share=0.5, n_draws=2, rng=1)
    assert few.table["share"].unique().tolist() == [0.5]
    assert set(silos.missing_overview(firm(n=24), n_draws=1, rng=1).table["measure"]).isdisjoint(
        {"ei", "brokerage"}
    )


def test_pictures_are_drawn() -> None:
    import matplotlib.pyplot as plt

    found = silos.missing_sensitivity(firm(), "ei", "unit", n_draws=3, rng=1)
    assert found.plot().get_xlabel().startswith("people made silent")
    assert silos.missing_overview(firm(n=24), measures=["pagerank"], n_draws=2, rng=1).plot().get_xlabel()
    plt.close("all")


@given(st.lists(st.integers(0, 5), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(values: list[int]) -> None:
    from scipy.stats import rankdata

    a = np.array(values, dtype=np.float64)
    b = np.arange(len(a), dtype=np.float64)
    x, y = rankdata(a), rankdata(b)
    expected = np.corrcoef(x, y)[0, 1] if x.std() else np.nan
    assert rank_correlation(a, b) == pytest.approx(expected, nan_ok=True)
    assert 0 <= top_kept(a, b) <= 1


def test_top_tenth_by_hand() -> None:
    a = np.arange(20.0)
    assert top_kept(a, a) == 1
    assert top_kept(a, -a) == 0
    assert top_kept(a, np.zeros(20)) == pytest.approx(0.1)


# ---- thresholds -----------------------------------------------------------------------------------------------------


def test_known_share_counts_everybody_whose_ties_are_unknown() -> None:
    status = ["answered"] * 10 + ["silent"] * 20 + ["not_asked"] * 5 + ["objected"] * 5
    net = firm(status=pd.Series(status, index=firm().ids))
    assert known_share(net) == 0.25
    assert known_share(firm(role=None)) == 1


@pytest.mark.parametrize("measure", sorted(THRESHOLDS))
def test_too_few_answers_are_refused_and_the_way_out_is_named(measure: str) -> None:
    net = firm(n=60)
    least = THRESHOLDS[measure][0]
    call = getattr(silos, measure)
    arguments = ("unit",) if "group" in inspect.signature(call).parameters else ()
    if measure == "need_gap":
        arguments = ("unit", net)
    if measure == "communities":
        call = partial(call, n_runs=2, n_draws=0)
    call(net, *arguments)
    few = silos.make_silent(net, list(net.ids[: int(60 * (1 - least)) + 2]))
    with pytest.raises(DataError, match=rf"{measure}: only .* silent\).*min_response=0"):
        call(few, *arguments)
    call(few, *arguments, min_response=0)
    with waived():
        call(few, *arguments)
    enough = silos.make_silent(net, list(net.ids[: int(60 * (1 - least)) - 2]))
    call(enough, *arguments)
    with pytest.raises(DataError):
        call(enough, *arguments, min_response=1)


def test_thresholds_are_stated_with_reasons() -> None:
    table = silos.response_thresholds()
    assert table.loc["betweenness", "min_response"] >= 0.5
    assert (table["reason"].str.len() > 20).all()
    assert table["min_response"].between(0, 1).all()


# ---- reversal -------------------------------------------------------------------------------------------------------


def small(**status: str) -> PeerNetwork:
    """Five people; a and b answered and named each other, both named c."""
    ties = pd.DataFrame(
        {
            "teacher": ["b", "a", "c", "c", "d"],
            "learner": ["a", "b", "a", "b", "a"],
            "weight": [1, 1, 2, 3, 1],
        }
    )
    observed = dict.fromkeys("abcde", "answered") | status
    return PeerNetwork(list("abcde"), ties, respondent_is="learner", observed=observed)


def test_reversal_by_hand() -> None:
    net = small(c="silent", d="objected", e="silent")
    found = silos.impute_reversed(net, method="all")
    new = found.ties[found.ties["imputed"]]
    assert set(zip(new["teacher"], new["learner"], new["weight"], strict=True)) == {
        ("a", "c", 2.0),
        ("b", "c", 3.0),
    }
    facts = found.provenance["imputed"]
    assert (facts["n_possible"], facts["n_imputed"], facts["people"]) == (2, 2, 1)
    assert found.observed["c"] == "silent" and found.respondent_is == "learner"
    assert not net.ties.columns.isin(["imputed"]).any()
    pd.testing.assert_frame_equal(found.where(imputed=False).ties.drop(columns="imputed"), net.ties)


def test_objectors_never_and_people_not_asked_only_when_asked_for() -> None:
    net = small(c="not_asked", d="objected")
    assert not silos.impute_reversed(net, method="all").ties["imputed"].any()
    found = silos.impute_reversed(net, method="all", not_asked=True).ties
    assert set(found.loc[found["imputed"], "learner"]) == {"c"}


def test_reversal_in_the_other_role_is_the_mirror() -> None:
    net = small(c="silent")
    there = silos.impute_reversed(net.reverse(), method="all").reverse()
    assert pairs(there) == pairs(silos.impute_reversed(net, method="all"))


def test_return_rate_is_that_among_people_who_both_answered() -> None:
    net = small(c="silent")
    table = silos.return_rates(net)
    assert table.loc["all", ["n_ties", "returned"]].tolist() == [3, 2]
    assert table.loc["all", "rate"] == pytest.approx(2 / 3)
    assert table.loc["all", "density"] == pytest.approx(3 / 12)
    by = silos.return_rates(net.with_people(unit=list("xxyyy")), "unit")
    assert by["n_ties"].tolist() == [2, 1] and by["returned"].tolist() == [2, 0]


def test_chance_imputes_at_the_return_rate_and_is_seeded() -> None:
    net = silos.make_silent(firm(n=60), [f"p{k:02d}" for k in range(0, 60, 3)])
    rate = silos.return_rates(net).loc["all", "rate"]
    facts = [silos.impute_reversed(net, rng=s).provenance["imputed"] for s in range(30)]
    mean = np.mean([f["n_imputed"] for f in facts]) / facts[0]["n_possible"]
    assert mean == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 30 / facts[0]["n_possible"]))
    assert silos.impute_reversed(net, rng=1) == silos.impute_reversed(net, rng=1)
    assert not silos.impute_reversed(net, return_rate=0.0).ties["imputed"].any()


@given(st.integers(0, 10**6))
def test_reversal_only_adds_reverses_of_reports_about_silent_people(seed: int) -> None:
    rng = np.random.default_rng(seed)
    net = firm(seed % 7, n=16)
    status = pd.Series(rng.choice(["answered", "silent", "not_asked", "objected"], 16), index=net.ids)
    net = PeerNetwork(net.people, net.ties, respondent_is="learner", observed=status)
    net = silos.make_silent(net, []).where(net.observed[net.ties["learner"]].eq("answered").to_numpy())
    found = silos.impute_reversed(net, return_rate=0.7, rng=seed)
    new = pairs(found) - pairs(net)
    assert pairs(net) <= pairs(found)
    assert len(new) == found.provenance["imputed"]["n_imputed"] == int(found.ties["imputed"].sum())
    for teacher, learner in new:
        assert (
            status[learner] == "silent" and status[teacher] == "answered" and (learner, teacher) in pairs(net)
        )


def test_reversal_refuses_what_it_cannot_know() -> None:
    with pytest.raises(DataError, match="seen, not reported"):
        silos.impute_reversed(firm(role=None))
    with pytest.raises(DataError, match="too few"):
        silos.impute_reversed(small(c="silent"))
    with pytest.raises(ValueError, match="method"):
        silos.impute_reversed(small(), method="every")
    with pytest.raises(ValueError, match="return_rate"):
        silos.impute_reversed(small(), method="all", return_rate=0.5)


# ---- caps -----------------------------------------------------------------------------------------------------------


def named(counts: list[int], cap: int, n: int = 60) -> PeerNetwork:
    """People of two units who name so many others, the next ones on the list."""
    ids = [f"p{i:02d}" for i in range(n)]
    given = [min(counts[i % len(counts)], cap) for i in range(n)]
    rows = [(ids[(i + 1 + k) % n], ids[i], k + 1) for i in range(n) for k in range(given[i])]
    people = pd.DataFrame({"unit": np.arange(n) % 2}, index=ids)
    return PeerNetwork(
        people, pd.DataFrame(rows, columns=["teacher", "learner", "slot"]), respondent_is="learner"
    )


def test_without_anybody_at_the_cap_nothing_is_added() -> None:
    net = named([0, 1, 2, 3, 2, 1], 8)
    found = silos.correct_cap(net, 8, "unit").table
    assert found["named"][0] == 1.5
    assert found["value"][0] == pytest.approx(1.5, abs=0.01)
    assert found["value"][1] == pytest.approx(found["named"][1], abs=1e-9)
    assert found["bound_low"][1] == found["bound_high"][1] == pytest.approx(found["named"][1])


def test_censored_poisson_is_the_maximum_of_its_likelihood() -> None:
    from scipy.optimize import minimize_scalar
    from scipy.stats import poisson

    net = named([0, 1, 2, 3, 5, 6], 3)
    found = silos.correct_cap(net, 3, model="poisson")
    histogram = found.fitted["observed"].to_numpy()

    def loss(mu: float) -> float:
        return -float(histogram[:3] @ poisson.logpmf(range(3), mu) + histogram[3] * poisson.logsf(2, mu))

    best = minimize_scalar(loss, bounds=(0.1, 20), method="bounded", options={"xatol": 1e-10}).x
    assert found.table["value"][0] == pytest.approx(best, rel=1e-4)
    # Those at the cap stand for E[d | d >= 3].
    d = np.arange(200)
    beyond = (d * poisson.pmf(d, best))[3:].sum() / poisson.sf(2, best)
    capped, answered = found.n_capped, found.n_answered
    extra = capped * (beyond - 3) / answered
    bounds = silos.correct_cap(net, 3, "unit", model="poisson").table.iloc[1]
    total = net.n_ties + extra * answered
    inside = net.n_ties * (1 - bounds["named"]) / 2
    assert bounds["bound_high"] == pytest.approx((total - 2 * inside) / total, rel=1e-3)
    assert bounds["bound_low"] == pytest.approx((total - 2 * (inside + extra * answered)) / total, rel=1e-3)


def test_shares_of_a_unit_sum_to_one_and_lie_between_their_bounds() -> None:
    table = silos.correct_cap(named([1, 2, 3, 5, 7], 4), 4, "unit").table
    share = table[table["quantity"] == "share"]
    np.testing.assert_allclose(share.groupby("unit")["value"].sum(), 1)
    assert (share["bound_low"] <= share["value"]).all() and (share["value"] <= share["bound_high"]).all()
    live = table.dropna(subset=["low"])
    assert (live["low"] < live["value"]).all() and (live["value"] < live["high"]).all()


def test_last_places_count_for_the_unnamed() -> None:
    # The first names are of the other unit (next on the list), the last are drawn into the own one.
    net = named([1, 2, 3, 6], 3)
    ties = net.ties
    late = ties["slot"] == 3
    position = net.ids.get_indexer(pd.Index(ties.loc[late, "learner"]))
    ties.loc[late, "teacher"] = net.ids[(position + 4) % 60]
    net = PeerNetwork(net.people, ties, respondent_is="learner")
    like, last = (
        silos.correct_cap(net, 3, "unit", unnamed=u).table["value"][1] for u in ("like named", "like last")
    )
    assert last < like


def test_cap_refusals_say_what_to_do() -> None:
    net = named([1, 2, 3, 5], 5)
    with pytest.raises(DataError, match="more than 3 names"):
        silos.correct_cap(net, 3)
    with pytest.raises(DataError, match="filled all 2 places"):
        silos.correct_cap(named([5], 2), 2)
    with pytest.raises(DataError, match="seen, not reported"):
        silos.correct_cap(firm(role=None), 3)
    with pytest.raises(DataError, match="at least 20"):
        silos.correct_cap(small(), 3)
    with pytest.raises(DataError, match="slot"):
        silos.correct_cap(firm(), 39, "unit", unnamed="like last")
