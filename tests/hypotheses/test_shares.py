"""social_share: hand-worked strata, readings, sums, silence, small units, Records, refusals, words."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses import design_mean, social_share
from peernet.results import VERDICTS

mpl.use("Agg")

SOURCES = ["peers", "manager", "courses", "trial"]


def organisation(
    n: int = 240, units: int = 8, response: float = 0.7, rng: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return everybody's true percentages and the roster, with a column that says who answered."""
    draw = np.random.default_rng(rng)
    unit = draw.integers(0, units, n)
    parts = draw.dirichlet([4, 2, 2, 2], n)
    parts[:, 0] += 0.05 * unit
    parts /= parts.sum(axis=1, keepdims=True)
    ids = pd.Index([f"p{k:03}" for k in range(n)], name="person")
    people = pd.DataFrame({"unit": [f"u{k}" for k in unit], "told": draw.random(n) < response}, index=ids)
    return pd.DataFrame(100 * parts, index=ids, columns=SOURCES), people


TRUE, PEOPLE = organisation()
SAID = TRUE[PEOPLE["told"]]


def tiny() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two units: 4 people of whom 2 answered, 6 of whom 3 did."""
    said = pd.DataFrame(
        {"peers": [50, 70, 20, 40, 60], "manager": [10, 10, 0, 30, 20], "courses": [40, 20, 80, 30, 20]},
        index=["a1", "a2", "b1", "b2", "b3"],
    )
    ids = ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4", "b5", "b6"]
    return said, pd.DataFrame({"unit": [i[0] for i in ids]}, index=ids)


@pytest.fixture
def quiet() -> Any:
    """Let the warning about few answers pass where small numbers are the point."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PeerNetWarning)
        yield


def test_hand_worked_strata(quiet: None) -> None:
    said, people = tiny()
    found = social_share(said, people=people, min_group=1)
    # wide: a .6 .8, b .2 .7 .8; unit means .7 and 17/30, sizes 4 and 6
    assert found.value == pytest.approx(0.4 * 0.7 + 0.6 * 17 / 30)
    s2a, s2b = np.var([0.6, 0.8], ddof=1), np.var([0.2, 0.7, 0.8], ddof=1)
    variance = 0.4**2 * (1 - 2 / 4) * s2a / 2 + 0.6**2 * (1 - 3 / 6) * s2b / 3
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert found.row()["df"] == 3
    # silent people at 0 and at 1
    told = 0.6 + 0.8 + 0.2 + 0.7 + 0.8
    assert found.row()["bound_low"] == pytest.approx(told / 10)
    assert found.ceiling == pytest.approx((told + 5) / 10)
    assert found.row()["breakdown"] == pytest.approx((8 - told) / 5)
    above = found.row("at least claim")
    assert above["value"] == pytest.approx(0.4 * 0.5 + 0.6 / 3)
    assert (above["bound_low"], above["bound_high"]) == pytest.approx((0.2, 0.7))
    strict = found.row(reading="strict")
    assert strict["value"] == pytest.approx(0.4 * 0.6 + 0.6 * 0.4)
    units = found.units.set_index("unit")
    assert units.loc["b", "value"] == pytest.approx(17 / 30)
    assert units.loc["a", ["people", "asked", "answered", "response"]].tolist() == [4, 4, 2, 0.5]


def test_equals_the_plain_estimator() -> None:
    found = social_share(SAID, people=PEOPLE)
    wide = (SAID["peers"] + SAID["manager"]) / SAID.sum(axis=1)
    plain = design_mean(wide, strata=PEOPLE["unit"], population=PEOPLE["unit"].value_counts().to_dict())
    np.testing.assert_allclose(
        [found.value, found.std_error, found.low, found.high],
        [plain.value, plain.std_error, plain.low, plain.high],
    )


def test_without_a_roster_nothing_is_said_about_silence() -> None:
    found = social_share(SAID)
    wide = (SAID["peers"] + SAID["manager"]) / 100
    assert found.value == pytest.approx(wide.mean())
    assert found.std_error == pytest.approx(wide.std(ddof=1) / np.sqrt(len(wide)))
    assert np.isnan(found.ceiling)
    assert "silent" not in found.summary()


def test_a_superpopulation_has_no_finite_population_correction() -> None:
    roster = social_share(SAID, people=PEOPLE)
    process = social_share(SAID, people=PEOPLE, target="superpopulation")
    assert process.value == pytest.approx(roster.value)
    assert process.std_error > 1.4 * roster.std_error
    assert process.row()["outer_low"] < process.row()["bound_low"]


def test_when_everybody_answered_the_interval_is_a_point() -> None:
    found = social_share(TRUE, people=PEOPLE)
    truth = (TRUE["peers"] + TRUE["manager"]).mean() / 100
    assert (found.low, found.value, found.high) == pytest.approx((truth, truth, truth))
    assert found.row()["bound_low"] == pytest.approx(found.row()["bound_high"])
    assert np.isnan(found.row()["breakdown"])
    assert found.verdict == "contradicted"


def test_silent_people_who_all_learn_socially_stay_inside_the_bounds() -> None:
    wide = (TRUE["peers"] + TRUE["manager"]) / 100
    silent = wide > wide.median()
    found = social_share(TRUE[~silent], people=PEOPLE)
    row = found.row()
    assert row["bound_low"] <= wide.mean() <= row["bound_high"]
    assert not row["low"] <= wide.mean() <= row["high"]


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.95))
def test_bounds_always_contain_the_roster_mean(rng: int, response: float) -> None:
    true, people = organisation(60, 4, response, rng)
    wide = (true["peers"] + true["manager"]) / 100
    chance = np.random.default_rng(rng).random(60) < np.where(wide > 0.6, response, 1 - response)
    if chance.sum() < 20:
        return
    found = social_share(true[chance], people=people)
    for quantity, truth in (("mean", wide.mean()), ("at least claim", (wide >= 0.8).mean())):
        row = found.row(quantity)  # type: ignore[arg-type]
        assert row["bound_low"] - 1e-12 <= truth <= row["bound_high"] + 1e-12
        assert row["bound_low"] - 1e-12 <= row["value"] <= row["bound_high"] + 1e-12


def test_order_of_rows_and_columns_does_not_matter() -> None:
    one = social_share(SAID, people=PEOPLE)
    other = social_share(
        SAID.sample(frac=1, random_state=3)[SOURCES[::-1]], people=PEOPLE.sample(frac=1, random_state=4)
    )
    np.testing.assert_allclose([other.value, other.std_error], [one.value, one.std_error], rtol=1e-12)
    pd.testing.assert_frame_equal(one.units, other.units)


def test_inputs_are_left_alone() -> None:
    said, people = SAID.copy(), PEOPLE.copy()
    social_share(said, people=people)
    pd.testing.assert_frame_equal(said, SAID)
    pd.testing.assert_frame_equal(people, PEOPLE)


def test_heaps_at_the_claim_count_as_at_least_the_claim() -> None:
    said = pd.DataFrame({"peers": [10.0] * 30, "manager": [70.0] * 30, "courses": [20.0] * 30})
    assert social_share(said).row("at least claim")["value"] == 1


# sources and readings


def test_sources_are_declared_or_known() -> None:
    renamed = SAID.rename(columns={"trial": "Lernen im Tun"})
    with pytest.raises(DataError, match=r"what kind of source is 'Lernen im Tun'\?.*kinds: social, manager"):
        social_share(renamed)
    declared = {"peers": "social", "manager": "manager", "courses": "formal", "Lernen im Tun": "solo"}
    assert social_share(renamed, sources=declared).value == pytest.approx(social_share(SAID).value)
    with pytest.raises(DataError, match=r"'socal' is not a kind of source\. Did you mean 'social'"):
        social_share(renamed, sources={**declared, "peers": "socal"})
    with pytest.raises(DataError, match="declared but no column: 'mentors'"):
        social_share(renamed, sources={**declared, "mentors": "social"})


def test_readings_can_be_declared() -> None:
    found = social_share(
        SAID,
        readings={"strict": ("social",), "all but courses": ("social", "manager", "solo")},
        reading="all but courses",
    )
    assert found.value == pytest.approx(1 - SAID["courses"].mean() / 100)
    assert found.counted["all but courses"] == ["peers", "manager", "trial"]
    with pytest.raises(ValueError, match="reading must be one of 'strict', 'wide'"):
        social_share(SAID, reading="loose")
    with pytest.raises(DataError, match="no source of this survey is of a kind that 'online' counts"):
        social_share(SAID, readings={"online": ("search",)}, reading="online")


def test_strict_is_never_above_wide() -> None:
    found = social_share(SAID, people=PEOPLE)
    assert (found.people["strict"] <= found.people["wide"]).all()


# sums


def messy() -> pd.DataFrame:
    """Return 25 good answers and one of each kind of trouble."""
    good = [[50.0, 20.0, 30.0]] * 25
    rows = [
        [55, 25, 25],
        [65, 35, 30],
        [0.5, 0.2, 0.3],
        [np.nan] * 3,
        [0, 0, 0],
        [60, np.nan, 40],
        [30, np.nan, 20],
    ]
    ids = [f"g{k}" for k in range(25)] + ["near", "far", "fraction", "blank", "zero", "gap", "short"]
    return pd.DataFrame(good + rows, index=ids, columns=["peers", "manager", "courses"])


def test_every_kind_of_sum_is_counted() -> None:
    found = social_share(messy(), bad_sums="drop")
    assert found.sums == {
        "rows": 32, "exact": 26, "rescaled": 1, "fractions": 1, "blanks_as_zero": 1, "dropped_sums": 1,
        "incomplete": 1, "no_answer": 2,
    }  # fmt: skip
    assert found.people.loc["near", "wide"] == pytest.approx(80 / 105)
    assert found.people.loc["fraction", "wide"] == pytest.approx(0.7)
    assert found.people.loc["gap", "wide"] == pytest.approx(0.6)
    assert not {"far", "blank", "zero", "short"} & set(found.people.index)
    assert "2 answers were left out because their parts make no whole" in found.summary()


def test_shares_that_are_no_composition_are_refused_with_rows_and_ids() -> None:
    with pytest.raises(
        DataError,
        match=r"1 of 30 answers do not sum to 100 within 10 \(row 26: 'far'; sums 130\).*no composition",
    ):
        social_share(messy())
    kept = social_share(messy(), bad_sums="rescale")
    assert kept.people.loc["far", "wide"] == pytest.approx(100 / 130)


def test_other_broken_shares_are_refused() -> None:
    with pytest.raises(DataError, match=r"negative or infinite share \(row 1: 'g1'\)"):
        bad = messy()
        bad.loc["g1", "peers"] = -5
        social_share(bad)
    with pytest.raises(
        DataError, match=r"most rows sum to about 1, not 100: these are fractions\. Pass total=1"
    ):
        social_share(SAID / 100)
    assert social_share(SAID / 100, total=1, tolerance=0.1).value == pytest.approx(social_share(SAID).value)
    with pytest.raises(DataError, match="not all cells are numbers"):
        text = SAID.astype(object)
        text.iloc[0, 0] = "60 %"
        social_share(text)
    with pytest.raises(DataError, match="1 people stand twice"):
        social_share(pd.concat([SAID, SAID.iloc[:1]]))
    with pytest.raises(DataError, match="nobody answered"):
        social_share(messy().loc[["blank", "zero"]])


# roster, status, units


def test_people_who_are_not_on_the_roster_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"1 of \d+ people who answered are not in people \('p000'\)|are not in people"
    ):
        social_share(SAID, people=PEOPLE.drop(SAID.index[0]))
    with pytest.raises(DataError, match="people has no column 'team' for the units"):
        social_share(SAID, people=PEOPLE, unit="team")


def test_who_objected_is_a_head_of_whom_nothing_is_known() -> None:
    status = pd.Series("answered", index=PEOPLE.index).where(PEOPLE["told"], "silent")
    status.iloc[:10] = "objected"
    found = social_share(SAID, people=PEOPLE, respondents=status)
    assert found.response["objected"] == 10
    assert found.response["people"] == 240
    same = social_share(SAID.drop(PEOPLE.index[:10], errors="ignore"), people=PEOPLE)
    assert found.value == pytest.approx(same.value)
    assert found.ceiling == pytest.approx(same.ceiling)
    assert not set(PEOPLE.index[:10]) & set(found.people.index)
    assert not set(PEOPLE.index[:10]) & set(found.strata.index)


def test_people_who_were_not_asked_leave_the_population_or_are_sampled() -> None:
    status = pd.Series("answered", index=PEOPLE.index)
    status[~PEOPLE["told"]] = "not_asked"
    outside = social_share(SAID, people=PEOPLE, respondents=status)
    assert outside.low == outside.high
    sampled = social_share(SAID, people=PEOPLE, respondents=status, not_asked="sampled")
    assert sampled.value == pytest.approx(social_share(SAID, people=PEOPLE).value)
    row = sampled.row()
    assert row["bound_low"] == pytest.approx(row["value"])  # nobody asked was silent
    assert row["outer_low"] < row["bound_low"]
    odd = status.copy()
    odd[SAID.index[0]] = "not_asked"
    with pytest.raises(DataError, match="have shares but the status not_asked"):
        social_share(SAID, people=PEOPLE, respondents=odd)
    odd[SAID.index[0]] = "silent"
    with pytest.raises(DataError, match="1 people have shares but the status silent"):
        social_share(SAID, people=PEOPLE, respondents=odd)
    with pytest.raises(DataError, match="statuses are not known"):
        social_share(SAID, people=PEOPLE, respondents={"p000": "refused"})


def test_units_with_fewer_than_two_answers_are_pooled() -> None:
    people = PEOPLE.copy()
    lone = SAID.index[:1]
    people.loc[lone, "unit"] = "solo"
    people.loc[PEOPLE.index[~PEOPLE["told"]][:3], "unit"] = "mute"
    found = social_share(SAID, people=people)
    assert found.provenance["pooled_units"] == ["mute"]
    counts = found.strata.groupby("stratum")["answered"].agg(["size", "sum"])
    assert counts["size"].sum() == len(PEOPLE)
    assert ((counts["sum"] >= 2) | (counts["sum"] == counts["size"])).all()


def test_small_units_are_withheld_and_one_more_so_that_none_follows() -> None:
    people = PEOPLE.copy()
    people.loc[SAID.index[:3], "unit"] = "tiny"
    found = social_share(SAID, people=people)
    units = found.units.set_index("unit")
    assert not units.loc["tiny", "shown"]
    assert np.isnan(units.loc["tiny", "value"])
    assert (~units["shown"]).sum() == 2


def test_fewer_than_twenty_answers_decide_nothing() -> None:
    with pytest.warns(PeerNetWarning, match="12 answers are fewer than 20"):
        found = social_share(SAID.iloc[:12])
    assert found.verdict == "not answered by these data"
    assert "nothing is decided" in found.summary()


# records


def records(wave: str | None = None) -> SimpleNamespace:
    """Return what readers return, as far as this question goes."""
    long = SAID.stack().rename("value").rename_axis(["person", "item"]).reset_index()
    long["question"], long["wave"] = "learning_share", wave
    other = pd.DataFrame(
        {"person": ["p000"], "item": ["q1"], "value": [4.0], "question": ["safety"], "wave": [wave]}
    )
    status = np.where(PEOPLE["told"], "answered", "silent")
    respondents = pd.DataFrame({"person": PEOPLE.index, "wave": wave, "status": status})
    return SimpleNamespace(answers=pd.concat([long, other]), people=PEOPLE, respondents=respondents)


def test_records_give_the_same_answer_as_the_frame() -> None:
    one, other = social_share(records("w1")), social_share(SAID, people=PEOPLE)
    assert (one.value, one.std_error) == pytest.approx((other.value, other.std_error))
    assert one.response == other.response


def test_records_with_trouble_are_refused() -> None:
    with pytest.raises(
        DataError, match=r"no answers to the question 'shares'.*Questions: 'learning_share', 'safety'"
    ):
        social_share(records(), question="shares")
    two = records("w1")
    two.answers = pd.concat([two.answers, records("w2").answers])
    with pytest.raises(DataError, match=r"asked in waves 'w1', 'w2'\. Pass wave="):
        social_share(two)
    assert social_share(two, wave="w2").n == len(SAID)
    with pytest.raises(DataError, match="records hold no answers"):
        social_share(SimpleNamespace(answers=None, people=PEOPLE, respondents=None))


# words and picture


def test_words_stand_before_a_sceptic() -> None:
    found = social_share(SAID, people=PEOPLE)
    text = found.summary()
    assert text.startswith("People say that")
    assert f"{len(SAID)} of 240 people asked gave shares" in text
    assert "contradicted for this roster and this reading" in text
    assert "another quantity than the mean" in text
    assert found.verdict in VERDICTS
    near = social_share(SAID, people=PEOPLE, claim=round(found.value, 3))
    assert "not contradicted, which is not support" in near.summary()
    assert near.verdict == "inconclusive"
    assert "p000" not in text + found._repr_html_()


def test_the_test_of_the_mean_is_the_interval_turned_round() -> None:
    found = social_share(SAID, people=PEOPLE)
    at_end = social_share(SAID, people=PEOPLE, claim=found.high)
    assert at_end.row()["p_value"] == pytest.approx(0.05, abs=1e-9)


def test_result_is_frozen_and_has_a_tidy_table() -> None:
    found = social_share(SAID, people=PEOPLE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.value = 0.8  # type: ignore[misc]
    table = found.to_frame()
    assert len(table) == 4
    assert table["verdict"].isin(["", *VERDICTS]).all()
    table["value"] = 0
    assert found.readings["value"].gt(0).any()


def test_the_ladder_draws_every_rung_and_the_claim() -> None:
    from matplotlib import pyplot as plt

    found = social_share(SAID, people=PEOPLE)
    ax = found.plot()
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == [
        "strict: mean share of learning", "strict: people at 80 % or more",
        "wide: mean share of learning", "wide: people at 80 % or more",
    ]  # fmt: skip
    assert len(ax.patches) == 4  # one pale bar a rung
    assert any(np.allclose(line.get_xdata(), 80) for line in ax.lines)
    assert ax.get_xlim() == (0, 100)
    plt.close(ax.figure)


def test_the_codebook_declares_the_sources() -> None:
    said = records("w1")
    said.questions = pd.DataFrame(
        {
            "question": "learning_share", "item": SOURCES,
            "reading": ["social", "social", "formal", "solo"], "social_in": ["strict", "wide", "", ""],
        }
    )  # fmt: skip
    assert social_share(said).counted == {"strict": ["peers"], "wide": ["peers", "manager"]}
    said.questions["social_in"] = ["wide", "", "", "strict"]
    assert social_share(said).counted == {"strict": ["trial"], "wide": ["peers", "trial"]}
    assert social_share(said, sources={**dict.fromkeys(SOURCES, "solo"), "courses": "social"}).counted[
        "wide"
    ] == ["courses"]


def test_a_wave_that_was_not_asked_names_those_that_were() -> None:
    from peernet.datasets import load_meridian

    with pytest.raises(DataError, match=r"'learning_share' has no answers in wave '9'. Waves: '1'"):
        social_share(load_meridian(), wave="9")


def test_the_question_stands_in_the_answer() -> None:
    from peernet.datasets import load_meridian

    found = social_share(load_meridian())
    assert found.asked_as.startswith("Of everything you learned for your job")
    assert found.summary().startswith(f"Asked '{found.asked_as}', people say that")
