"""The generator keeps its word: what it says is true comes back out of what it draws."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pandas as pd
import pytest

from peernet.datasets import Organisation, make_organisation
from peernet.datasets._design import SOURCES, SURVEY_DAY, Design
from peernet.datasets._spread import social_truth


@pytest.fixture(scope="module")
def firm() -> Organisation:
    return make_organisation(
        movers=0.05, turnover=0.06, small_unit=True, lookalikes=True, sole_expert=True, same_names=True,
        vanishing_silo=True, hidden_team=9, small_skill=12, silence_bias=0.8, rng=11,
    )  # fmt: skip


def firms(n: int, **knobs: object) -> list[Organisation]:
    return [make_organisation(**knobs, rng=[77, k]) for k in range(n)]  # type: ignore[arg-type]


def within(values: list[float], truth: float, errors: float = 4.0) -> None:
    """Hold the mean of repeated estimates against the truth, in standard errors of the mean."""
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    assert abs(mean - truth) < errors * spread, (
        f"mean {mean:.4f}, truth {truth:.4f}, standard error {spread:.4f}"
    )


def test_every_knob_is_an_argument_and_documented() -> None:
    takes = inspect.signature(make_organisation).parameters
    assert set(takes) - {"rng"} == {field.name for field in dataclasses.fields(Design)}


def test_same_seed_same_organisation_whatever_is_looked_at_first() -> None:
    one, two = make_organisation(rng=5), make_organisation(rng=5)
    two.events, two.completions, two.nominations, two.people  # noqa: B018
    pd.testing.assert_frame_equal(one.people, two.people)
    pd.testing.assert_frame_equal(one.shares, two.shares)
    pd.testing.assert_frame_equal(one.events, two.events)
    pd.testing.assert_frame_equal(one.ties, two.ties)
    assert not make_organisation(rng=6).shares.equals(one.shares)


def test_a_generator_is_taken_and_moved_on() -> None:
    rng = np.random.default_rng(1)
    assert make_organisation(rng=rng).root != make_organisation(rng=rng).root


def test_turning_a_knob_of_the_survey_leaves_the_firm_alone() -> None:
    one, two = make_organisation(rng=5), make_organisation(rng=5, response_rate=0.4, heaping=0.0, cap=3)
    pd.testing.assert_frame_equal(one.people, two.people)
    pd.testing.assert_frame_equal(one.ties, two.ties)
    pd.testing.assert_frame_equal(one.shares, two.shares)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"response_rate": 0.0}, r"response_rate must be a number in \(0, 1\]; got 0"),
        ({"heaping": 1.2}, r"heaping must be a number in \[0, 1\]"),
        ({"n_people": 10, "n_units": 8}, "too few for 8 units"),
        ({"strict_share": 0.7}, "cannot exceed"),
        ({"social_share": 1.0}, "strictly between 0 and 1"),
        ({"lookalikes": 1}, "lookalikes must be True or False"),
        ({"vanishing_silo": True, "n_units": 4}, "need n_units >= 7"),
        ({"hidden_team": 5, "n_people": 40, "n_units": 4}, "need n_people >= 60"),
        ({"cap": 0}, "cap must be a whole number of at least 1"),
        ({"mean_teachers": float("nan")}, "mean_teachers must be a number"),
    ],
)
def test_knobs_out_of_range_are_refused(knobs: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_organisation(**knobs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n_people", "n_units", "n_sites"), [(8, 1, 1), (30, 3, 2), (61, 9, 4), (1000, 12, 5)]
)
def test_any_size(n_people: int, n_units: int, n_sites: int) -> None:
    firm = make_organisation(n_people, n_units, n_sites, rng=1)
    assert len(firm.people) == n_people
    assert firm.people["unit"].nunique() == n_units
    assert firm.people["site"].nunique() <= n_sites
    assert firm.truth["people"]["on_roster"] == n_people


# ---- people ---------------------------------------------------------------------------------------------------------


def test_roster_is_one_tree(firm: Organisation) -> None:
    manager = firm.people["manager"]
    roots = manager.index[manager.isna()]
    assert len(roots) == 1
    for person in firm.people.index:
        seen = set()
        while person != roots[0]:
            assert person not in seen
            seen.add(person)
            person = manager[person]


def test_ids_are_text_with_leading_zeros_and_mail_is_unique(firm: Organisation) -> None:
    assert firm.people.index.str.fullmatch(r"0\d{4}").all()
    assert firm.people.index.is_unique
    assert firm.people["email"].is_unique
    assert firm.people["name"].duplicated(keep=False).sum() == 2


def test_joiners_and_leavers_were_not_asked(firm: Organisation) -> None:
    people = firm.people
    survey = pd.Timestamp("2025-01-01") + pd.Timedelta(days=SURVEY_DAY)
    there = (people["start"] <= survey) & (people["end"].isna() | (people["end"] > survey))
    assert (there == people["asked"]).all()
    assert (firm.status[~people["asked"]] == "not_asked").all()
    assert (~people["asked"]).any()


def test_one_unit_is_below_the_floor(firm: Organisation) -> None:
    assert firm.people["unit"].value_counts()[firm.truth["planted"]["unit_below_floor"]] == 4


def test_units_of_the_vanishing_silo_fill_their_site_alone(firm: Organisation) -> None:
    units = firm.truth["planted"]["vanishing_silo_units"]
    site = firm.people.loc[firm.people["unit"].isin(units), "site"].unique()
    assert len(site) == 1
    assert set(firm.people.loc[firm.people["site"] == site[0], "unit"]) == set(units)


# ---- ties -----------------------------------------------------------------------------------------------------------


def test_ties_are_pairs_once_and_nobody_teaches_themselves(firm: Organisation) -> None:
    ties = firm.ties
    assert not ties.duplicated(["teacher", "learner"]).any()
    assert (ties["teacher"] != ties["learner"]).all()
    assert (ties["weight"] >= 1).all()
    assert firm.network.n_ties == len(ties)


def test_without_pulls_the_mixing_is_that_of_chance() -> None:
    flat = {
        "silo_strength": 0.0, "site_strength": 0.0, "team_strength": 0.0, "homophily": 0.0, "authority": 0.0,
        "seniority": 0.0, "lunch_effect": 0.0, "mixing_effect": 0.0,
    }  # fmt: skip
    gap = []
    for flat_firm in firms(40, **flat):
        found = flat_firm.truth["network"]
        gap.append(found["ei_unit"] - found["ei_unit_by_chance"])
    within(gap, 0.0)


def test_silo_strength_is_the_log_odds_of_a_teacher_in_the_unit() -> None:
    knobs = {
        "silo_strength": 1.0, "site_strength": 0.0, "team_strength": 0.0, "homophily": 0.0, "authority": 0.0,
        "seniority": 0.0, "activity_spread": 0.0, "lunch_effect": 0.0, "mixing_effect": 0.0, "n_people": 400,
        "n_units": 4, "mean_teachers": 3.0,
    }  # fmt: skip
    odds = []
    for silo in firms(12, **knobs):
        unit = silo.structure.unit
        rows = silo._ties
        same = unit[rows.teacher] == unit[rows.learner]
        size = np.bincount(unit)[unit[rows.learner]] - 1
        chance = size / (len(unit) - 1 - size)
        odds.append(float(np.log(same.sum() / (~same).sum()) - np.log(chance[same | ~same].mean())))
    assert np.mean(odds) == pytest.approx(1.0, abs=0.1)


def test_hidden_team_is_dense_and_crosses_units(firm: Organisation) -> None:
    team = firm.truth["planted"]["hidden_team"]
    inside = firm.ties["teacher"].isin(team) & firm.ties["learner"].isin(team)
    density = inside.sum() / (len(team) * (len(team) - 1))
    assert len(team) == 9
    assert density > 10 * len(firm.ties) / (240 * 239)
    assert firm.people.loc[team, "unit"].nunique() >= 4


def test_mean_number_of_teachers() -> None:
    found = [len(f.ties.query("origin == 'work'")) / 240 for f in firms(15, mean_teachers=4.0)]
    within(found, 4.0)


# ---- survey ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [0.2, 0.62, 0.8])
def test_roster_means_are_exact(wide: float) -> None:
    firm = make_organisation(social_share=wide, strict_share=wide / 2, turnover=0.1, rng=3)
    asked = firm.people["asked"]
    social = firm.social_shares()[asked]
    assert social["wide"].mean() == pytest.approx(wide, abs=1e-9)
    assert social["strict"].mean() == pytest.approx(wide / 2, abs=1e-9)
    assert np.allclose(firm.shares.sum(axis=1), 1)
    assert (firm.shares >= 0).all().all()


def test_spread_of_shares_between_people() -> None:
    spread = [f.social_shares()["wide"].std() for f in firms(15, unit_share_spread=0.0, share_spread=0.2)]
    assert np.mean(spread) == pytest.approx(0.2, abs=0.01)


def test_answering_at_random_is_unbiased_and_has_its_rate() -> None:
    rate, gap = [], []
    for f in firms(150, response_rate=0.6, objectors=0.0):
        answered = f.status == "answered"
        rate.append(answered.mean())
        gap.append(f.answered_shares[["peers", "manager", "outside"]].sum(axis=1).mean() - 0.62)
    within(rate, 0.6)
    within(gap, 0.0)


def test_silent_people_share_less_and_the_rate_still_holds() -> None:
    rate, gap = [], []
    for f in firms(40, response_rate=0.6, silence_bias=0.8, objectors=0.0):
        social = f.social_shares()["wide"]
        rate.append((f.status == "answered").mean())
        gap.append(social[f.status == "answered"].mean() - social[f.status == "silent"].mean())
    within(rate, 0.6)
    assert np.mean(gap) > 0.08


def test_stratified_interval_covers_the_roster_mean() -> None:
    """Strata with finite population correction on 300 draws (99.9 % binomial bounds)."""
    covered = 0
    for f in firms(300, objectors=0.0):
        social = f.social_shares()["wide"].to_numpy()
        unit, answered = f.structure.unit, (f.status == "answered").to_numpy()
        mean = variance = 0.0
        for u in range(8):
            mine, heard = unit == u, (unit == u) & answered
            n_all, n = mine.sum(), heard.sum()
            mean += n_all / len(unit) * social[heard].mean()
            variance += (n_all / len(unit)) ** 2 * (1 - n / n_all) * social[heard].var(ddof=1) / n
        covered += abs(mean - 0.62) <= 1.974 * np.sqrt(variance)
    assert 0.95 * 300 - 3.3 * np.sqrt(300 * 0.95 * 0.05) <= covered <= 298


def test_heaping_and_sums() -> None:
    firm = make_organisation(heaping=1.0, sum_errors=0.0, wording_shift=0.0, rng=2)
    written = firm.reported_shares[list(SOURCES)].to_numpy()
    assert (written % 10 == 0).all()
    exact = make_organisation(heaping=0.0, sum_errors=0.0, rng=2).reported_shares[list(SOURCES)].to_numpy()
    assert (exact % 10 != 0).mean() > 0.5
    astray = make_organisation(sum_errors=1.0, rng=2).reported_shares[list(SOURCES)].sum(axis=1)
    assert (astray < 2).mean() == pytest.approx(0.25, abs=0.1)
    assert (astray > 120).mean() > 0.1


def test_wording_moves_the_answers_to_list_b_only() -> None:
    shift = []
    for f in firms(30, wording_shift=0.1, heaping=0.0, sum_errors=0.0):
        told = f.reported_shares
        gap = told["peers"] / 100 - f.shares.loc[told.index, "peers"]
        shift.append(gap[told["version"] == "B"].mean() - gap[told["version"] == "A"].mean())
    assert np.mean(shift) == pytest.approx(0.1, abs=0.012)


def test_nominations_keep_the_cap_and_come_from_those_who_answered() -> None:
    firm = make_organisation(cap=3, rng=4)
    names = firm.nominations
    assert names.groupby(["respondent", "relation"]).size().max() == 3
    assert (firm.status[names["respondent"]] == "answered").all()
    assert not names.duplicated(["respondent", "relation", "named"]).any()
    pairs = set(zip(firm.ties["teacher"], firm.ties["learner"], strict=True))
    learn = names[names["relation"] == "learn_from"]
    assert set(zip(learn["named"], learn["respondent"], strict=True)) <= pairs
    comes = names[names["relation"] == "comes_to_me"]
    assert set(zip(comes["respondent"], comes["named"], strict=True)) <= pairs


def test_everything_comes_to_mind_with_full_recall_and_no_cap() -> None:
    firm = make_organisation(cap=100, recall=1.0, response_rate=1.0, objectors=0.0, typos=0.0, rng=4)
    learn = firm.nominations.query("relation == 'learn_from'")
    assert len(learn) == len(firm.ties)
    assert (firm.people.loc[learn["named"], "name"].to_numpy() == learn["typed"].to_numpy()).mean() > 0.98


def test_typos_have_their_rate() -> None:
    firm = make_organisation(typos=0.2, rng=4)
    names = firm.nominations
    wrong = firm.people.loc[names["named"], "name"].to_numpy() != names["typed"].to_numpy()
    assert wrong.mean() == pytest.approx(0.2, abs=0.03)


# ---- skills ---------------------------------------------------------------------------------------------------------


def test_social_truth_by_hand() -> None:
    # 0 teaches 1 and 2, 1 teaches 2; all adopt in order 0, 1, 2.
    learns_from = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], dtype=float)
    share, ceiling = social_truth(learns_from, np.array([1.0, 2.0, 3.0]), 0.5)
    assert share == pytest.approx((0.5 / 1.5 + 1.0 / 2.0) / 2)
    assert ceiling == 1.0
    assert np.isnan(social_truth(learns_from, np.array([1.0, np.inf, np.inf]), 0.5)[0])


def test_transmission_is_recovered_from_the_order_of_adoption() -> None:
    """Maximise the order likelihood of s on the true ties; the mean of log s over worlds is the true one."""
    from scipy.optimize import minimize_scalar

    found = []
    for f in firms(20, transmission=1.0, lunch_effect=0.0, mixing_effect=0.0):
        day = f.spreads["A"].day
        order = np.argsort(day, kind="stable")[: np.isfinite(day).sum()]
        learns = np.zeros((240, 240))
        learns[f._ties.learner, f._ties.teacher] = 1
        informed, waiting, past = [], [], np.zeros(240)
        for who in order:
            informed.append(learns @ past)
            waiting.append(past == 0)
            past[who] = 1
        teachers, here = np.array(informed), np.array(waiting)

        def minus_log(log_s: float, t=teachers, h=here, o=order) -> float:
            rate = (1 + np.exp(log_s) * t) * h
            return float(-np.log(rate[np.arange(len(o)), o] / rate.sum(axis=1)).sum())

        found.append(minimize_scalar(minus_log, bounds=(-6, 4), method="bounded").x)
    assert np.median(found) == pytest.approx(0.0, abs=0.25)


def test_small_skill_has_exactly_so_many_learners(firm: Organisation) -> None:
    assert firm.adoptions.query("item == 'D'")["time"].notna().sum() == 12


def test_a_deadline_bunches_adoptions() -> None:
    firm = make_organisation(deadline=1.0, rng=3)
    due = firm._days[1]
    day = firm._days[0]["B"]
    done = np.isfinite(day)
    assert np.mean((due - day)[done] < 20) > 0.9
    spread = make_organisation(deadline=0.0, rng=3)
    assert np.mean((spread._days[1] - spread._days[0]["B"])[np.isfinite(spread._days[0]["B"])] < 20) < 0.9


# ---- planted effects ------------------------------------------------------------------------------------------------


def test_expecting_to_teach_helps_and_being_asked_does_not() -> None:
    expected, asked = [], []
    for f in firms(15, teach_expected=0.5, teach_impromptu=0.0):
        for _, rated in f.skills.groupby("topic"):
            x = np.column_stack([np.ones(240), rated["before"], rated["taught"] == 3, rated["taught"] == 2])
            beta = np.linalg.lstsq(x, rated["after"].to_numpy(float), rcond=None)[0]
            expected.append(beta[2] / 12)
            asked.append(beta[3] / 12)
    assert np.mean(expected) == pytest.approx(0.5, abs=0.07)
    assert np.mean(asked) == pytest.approx(0.0, abs=0.05)


def test_likeness_brings_trust_and_trust_usefulness() -> None:
    first, second, peers = [], [], []
    for f in firms(10):
        ties = f.ties
        first.append(np.polyfit(ties["alike"], ties["trust"], 1)[0])
        x = np.column_stack([np.ones(len(ties)), ties["trust"], ties["direction"] == "peer"])
        beta = np.linalg.lstsq(x, ties["usefulness"].to_numpy(), rcond=None)[0]
        second.append(beta[1])
        peers.append(beta[2])
    within(first, 0.4)
    within(second, 0.5)
    within(peers, 0.3)


def test_safety_asking_and_the_interaction_on_performance() -> None:
    safety, cross = [], []
    for f in firms(30, mentoring_effect=0.0):
        feel = f.attitudes
        safety.append(np.polyfit(feel["safety"], feel["asking"], 1)[0])
        x = np.column_stack(
            [np.ones(240), feel["formal"], feel["informal"], feel["formal"] * feel["informal"]]
        )
        cross.append(np.linalg.lstsq(x, feel["performance"].to_numpy(), rcond=None)[0][3])
    within(safety, 0.5)
    within(cross, 0.2)


def test_lunches_saturate() -> None:
    """Chance of a new tie by number of talks heard, among pairs of different units without an older tie."""
    dose, tied = [], []
    for f in firms(25, lunches_per_month=12, lunch_effect=0.5, lunch_saturation=1.5):
        sessions = f._lunches[0]
        unit = f.structure.unit
        heard: dict[tuple[int, int], int] = {}
        for _, rows in sessions.groupby("talk"):
            speaker = int(rows.loc[rows["role"] == "teacher", "row"].iloc[0])
            for guest in rows.loc[rows["role"] == "learner", "row"]:
                if unit[guest] != unit[speaker]:
                    heard[speaker, guest] = heard.get((speaker, guest), 0) + 1
        made = set(zip(f._lunches[1]["teacher"], f._lunches[1]["learner"], strict=True))
        dose += list(heard.values())
        tied += [pair in made for pair in heard]
    table = pd.DataFrame({"dose": dose, "tied": tied}).groupby("dose")["tied"].agg(["mean", "size"])
    for d, row in table[table["size"] > 300].iterrows():
        truth = 0.5 * (1 - np.exp(-float(d) / 1.5))  # type: ignore[arg-type]
        assert row["mean"] == pytest.approx(truth, abs=4 * np.sqrt(truth * (1 - truth) / row["size"]))
    assert (table["size"] > 300).sum() >= 3


def test_mixed_groups_bring_new_ties() -> None:
    found = []
    for f in firms(15, mixing_effect=0.06):
        sizes = f.groups.query("treated").groupby("group").size()
        found.append(len(f._groups[1]) / (sizes * (sizes - 1)).sum())
    within(found, 0.06)


def test_choice_and_media() -> None:
    from peernet.datasets._traces import COURSES

    n_media = np.array([formats.count("+") for _, _, formats in COURSES])
    odds, media = [], []
    for f in firms(40, choice_effect=0.6, media_effect=0.3):
        rows = f._completions
        other = rows[rows["course"] >= 4]
        rate = other.groupby("chosen")["done"].mean()
        odds.append(np.log(rate[True] / (1 - rate[True])) - np.log(rate[False] / (1 - rate[False])))
        media.append(np.polyfit(n_media[rows["course"]], rows["score"], 1)[0] / 10)
    # People differ in ability (SD .8), so the pooled odds lie nearer to 1: .6 / sqrt(1 + .346 * .64).
    within(odds, 0.6 / np.sqrt(1 + 0.346 * 0.64))
    assert np.mean(media) == pytest.approx(0.3, abs=0.04)


def test_platform_raises_the_rate_of_help() -> None:
    ratio = []
    for f in firms(12, launch_effect=0.5, lunch_effect=0.0, mixing_effect=0.0):
        launch = f.launches.to_numpy()[f.structure.unit]
        chat = f._chat
        day, since = chat["asked"].to_numpy() / 86_400, launch[chat["learner"]]
        after = np.sum((since >= 0) & (day >= since))
        before = np.sum((since >= 0) & (day < since))
        ties = f._ties
        served = launch[ties.learner] >= 0
        exposed = (ties.weight * (365 - launch[ties.learner]))[served].sum() / (
            ties.weight * launch[ties.learner]
        )[served].sum()
        ratio.append(np.log(after / before / exposed))
    assert np.mean(ratio) == pytest.approx(0.5, abs=0.06)


def test_mentoring_gain_and_selection() -> None:
    gain, matched = [], []
    for f in firms(40, mentoring_effect=0.4, match_effect=0.3, mentor_selection=0.8):
        m = f.mentoring
        x = np.column_stack([np.ones(len(m)), m["before"], m["mentor"] >= 0, m["matched"]])
        beta = np.linalg.lstsq(x, m["after"].to_numpy(), rcond=None)[0]
        gain.append(beta[2])
        matched.append(beta[3])
    within(gain, 0.4)
    within(matched, 0.3)


# ---- traps ----------------------------------------------------------------------------------------------------------


def test_the_sole_expert_answers_everything_on_the_topic(firm: Organisation) -> None:
    asked = firm.events.query("topic == 'billing engine'")
    assert asked["teacher"].unique().tolist() == [firm.truth["planted"]["sole_expert"]["person"]]
    assert firm.people.loc[asked["learner"], "unit"].nunique() >= 6


def test_two_people_taken_for_one_make_the_top_broker(firm: Organisation) -> None:
    import networkx as nx

    one, two = firm.truth["planted"]["lookalikes"]
    assert firm.people.loc[[one, two], "name"].tolist() == ["Maria Oliveira", "Mario Oliveira"]
    graph = nx.DiGraph(list(zip(firm.ties["teacher"], firm.ties["learner"], strict=True)))
    right = pd.Series(nx.betweenness_centrality(graph))
    merged = nx.relabel_nodes(graph, {two: one})
    merged.remove_edges_from(list(nx.selfloop_edges(merged)))
    wrong = pd.Series(nx.betweenness_centrality(merged))
    assert wrong[one] > right[[one, two]].sum()
    assert wrong.rank(ascending=False)[one] < right.rank(ascending=False)[[one, two]].min()


def test_truth_is_plain_json(firm: Organisation) -> None:
    import json

    again = json.loads(json.dumps(firm.truth, allow_nan=False))
    assert again["knobs"] == firm.knobs()
    assert again["learning_shares"]["social_wide"] == pytest.approx(0.62)
