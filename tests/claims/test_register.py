"""The register of claims and the answerability table: complete, honest about what is not there, numbers recomputed."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from peernet.claims import answerability, register
from peernet.records import Records

mpl.use("Agg")
KEYS = [f"H{k}" for k in range(1, 16)] + ["ACC", "RUT", "DIF", "STK"]


def survey(n: int = 60) -> Records:
    """Return a roster of three units, of whom two thirds answered a question on shares and named each other."""
    ids = pd.Index([f"p{k:02}" for k in range(n)], name="person")
    people = pd.DataFrame({"unit": [f"u{k % 3}" for k in range(n)]}, index=ids)
    told = ids[: 2 * n // 3]
    rng = np.random.default_rng(3)
    shares = pd.DataFrame(
        [(p, "1", "learning_share", s, v) for p in told for s, v in (("peers", 40.0), ("courses", 60.0))],
        columns=["person", "wave", "question", "item", "value"],
    )
    named = pd.DataFrame(
        [
            (p, ids[(k + d) % n], "learn_from", "1")
            for k, p in enumerate(told)
            for d in rng.choice(range(1, 20), 3, False)
        ],
        columns=["respondent", "named", "relation", "wave"],
    )
    status = np.where(ids.isin(told), "answered", "silent")
    respondents = pd.DataFrame({"person": ids, "wave": "1", "status": status, "finished": pd.NaT})
    return Records(
        people=people,
        answers=shares,
        nominations=named,
        respondents=respondents,
        roles={"learn_from": "learner"},
    )


def test_every_claim_is_there_once_and_says_everything() -> None:
    found = register()
    assert [claim.key for claim in found.claims] == KEYS
    assert len(found) == 19
    for claim in found.claims:
        for text in (
            claim.wording,
            claim.estimand,
            claim.claimed,
            claim.function,
            claim.family,
            claim.would_count_against,
        ):
            assert text, claim.key
        assert claim.needs, claim.key
    table = found.to_frame()
    assert table["claim"].is_unique
    assert not table.drop(columns=["misquoted", "smallest effect"]).isna().any().any()


def test_methods_that_are_named_exist_and_the_others_are_said_to_be_missing() -> None:
    for name in register().table["function"]:
        if name == "not yet":
            continue
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"peernet.{module}"), function))
    assert register().table.set_index("claim").loc["H1", "function"] == "hypotheses.social_share"


def test_evidence_has_a_source_and_says_how_it_was_misquoted() -> None:
    found = register()
    assert "no study" in " ".join(e.finding for e in found["H1"].evidence)
    assert "e-learning" in found["H11"].misquoted
    assert "pounds" in found["H11"].misquoted
    for claim in found.claims:
        for evidence in claim.evidence:
            assert evidence.source
            assert evidence.finding
    unseen = found.table.loc[found.table["claim"] == "H9", "evidence"].item()
    assert "not checked at the source" in unseen


def test_an_unknown_claim_names_the_known() -> None:
    with pytest.raises(ValueError, match="claim must be one of 'H1', 'H2'"):
        register()["H99"]
    with pytest.raises(TypeError, match="give a Study or Records"):
        register(pd.DataFrame())


def test_the_smallest_effect_is_that_of_your_n() -> None:
    from statsmodels.stats.power import TTestPower

    table = register(survey()).table.set_index("claim")
    # 40 answers of 60, spread 20 points
    d = TTestPower().solve_power(nobs=40, alpha=0.05, power=0.8)
    expected = 100 * d * 0.2 * np.sqrt(1 - 40 / 60)
    assert table.loc["H1", "smallest effect"] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(table.loc["H2", "smallest effect"])


def test_answerability_compares_need_with_have() -> None:
    found = answerability(survey())
    table = found.table.set_index("key")
    assert list(table.index) == ["WHO", "SILO", *KEYS]
    assert table.loc["H1", "answerable"] == "yes"
    assert table.loc["H1", "have"] == "learning shares by source, from 20 people or more (40)"
    assert table.loc["SILO", "answerable"] == "yes"
    assert "2" not in table.loc["H2", "have"]
    assert table.loc["H2", "lack"] == "skill before; skill after; who taught what"
    assert table.loc["H2", "answerable"] == "no"
    assert table.loc["H4", "answerable"] == "partly"
    assert table.loc["H4", "smallest effect"] == ""
    assert set(table["answerable"]) <= {"yes", "data only", "partly", "no"}
    assert "questions can be answered with these data" in found.summary()


def test_the_smallest_shift_of_the_silo_index_rests_on_the_ties() -> None:
    from peernet.silos import ei_test

    records = survey()
    sd = ei_test(records.network(), "unit", n_draws=9, rng=1).null_sd
    found = answerability(records)
    assert found.facts["ei_sd"] == pytest.approx(sd, rel=1e-9)
    assert found.table.set_index("key").loc["SILO", "smallest effect"].startswith(f"{2.8016 * sd:.2g}")


def test_empty_records_answer_nothing() -> None:
    found = answerability(Records())
    assert (found.table["answerable"] == "no").all()
    assert found.summary().startswith("0 of 21 questions")


def test_a_study_is_taken_by_its_records() -> None:
    assert answerability(SimpleNamespace(records=survey())).facts == answerability(survey()).facts


def test_pictures_name_every_question() -> None:
    from matplotlib import pyplot as plt

    for found, n in ((answerability(survey()), 21), (register(), 19)):
        ax = found.plot()
        assert len(ax.get_yticklabels()) == n
        plt.close(ax.figure)
