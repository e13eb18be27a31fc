"""The kinds of answer: words, tables, escaping, p-values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peernet import Estimate, HypothesisTest, ModelFit, PeerNetwork, Plan, Result, Simulation
from peernet.results import format_number, format_p, monte_carlo_p, provenance


def test_p_is_never_zero_and_counts_the_data_as_one_draw() -> None:
    null = np.arange(99.0)
    assert monte_carlo_p(1000.0, null, "greater") == 1 / 100
    assert monte_carlo_p(1000.0, null, "less") == 1.0
    assert monte_carlo_p(1000.0, null) == 2 / 100
    assert monte_carlo_p(49.0, null) == 1.0
    assert np.isnan(monte_carlo_p(np.nan, null))
    assert np.isnan(monte_carlo_p(1.0, np.array([])))


def test_draws_that_differ_by_rounding_count_as_ties() -> None:
    observed = 0.1 + 0.2
    null = np.full(9, 0.3)
    assert monte_carlo_p(observed, null, "greater") == 1.0
    assert monte_carlo_p(observed, null, "less") == 1.0


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_p_of_a_draw_like_the_others_is_uniform_on_its_grid(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = rng.permutation(n + 1).astype(float)
    p = monte_carlo_p(sample[0], sample[1:], "greater")
    assert p == (n + 1 - sample[0]) / (n + 1)


def test_a_test_speaks_in_order() -> None:
    test = HypothesisTest(
        name="E-I", observed=0.5, null=np.linspace(-1, 1, 201), null_model="labels shuffled"
    )
    words = test.summary()
    assert words.index("E-I is 0.5") < words.index("chance gives") < words.index("p = ")
    assert "null model: labels shuffled, 201 draws" in words
    assert test.z == pytest.approx(0.5 / test.null_sd)
    frame = test.to_frame()
    assert list(frame.columns) == [
        "name", "observed", "null_mean", "null_sd", "z", "p_value", "alternative", "n_draws", "null_model",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        test.null[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        test.observed = 1.0  # type: ignore[misc]


def test_exact_moments_are_kept_and_a_null_that_does_not_vary_has_no_z() -> None:
    exact = HypothesisTest(
        name="x", observed=1.0, null=np.array([]), null_mean=0.0, null_sd=0.5, p_value=0.04
    )
    assert (exact.z, exact.p_value) == (2.0, 0.04)
    flat = HypothesisTest(name="x", observed=1.0, null=np.ones(9))
    assert np.isnan(flat.z)
    assert flat.p_value == 1.0


def test_wrong_words_are_refused() -> None:
    with pytest.raises(
        ValueError, match="alternative must be one of 'two-sided', 'greater', 'less'; got 'both'"
    ):
        HypothesisTest(name="x", observed=1.0, null=np.ones(2), alternative="both")  # type: ignore[arg-type]


ANSWERS: list[Result] = [
    Estimate(name="share <b>", value=0.62, low=0.55, high=0.69, unit="of learning", n=171, verdict="contradicted"),
    HypothesisTest(name="E-I <b>", observed=0.5, null=np.linspace(-1, 1, 50)),
    ModelFit(
        name="model <b>",
        params=pd.DataFrame(
            {"term": ["<b>a"], "estimate": [1.0], "std_error": [np.nan], "statistic": [2.0], "p_value": [0.04],
             "low": [0.1], "high": [1.9]}
        ),
        n=420,
        n_unit="dyads",
    ),
    Simulation(name="reach <b>", draws=np.arange(12.0)),
    Plan(name="ties <b>", choices=pd.DataFrame({"teacher": ["a"], "learner": ["<b>"]}), gain=0.078, unit="reach"),
]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda a: type(a).__name__)
def test_every_answer_has_words_a_table_html_and_markdown(answer: Result) -> None:
    assert repr(answer) == answer.summary()
    assert len(answer.to_frame()) >= 1
    html = answer._repr_html_()
    assert "<b>" not in html.replace("<b>Verdict:</b>", "")
    assert html == answer._repr_html_()
    assert answer._repr_markdown_().startswith(answer.summary())


@pytest.mark.parametrize("answer", ANSWERS[:4], ids=lambda a: type(a).__name__)
def test_every_answer_draws_on_the_axes_given(answer: Result) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    ax = plt.subplots()[1]
    assert answer.plot(ax) is ax
    ax.figure.canvas.draw()
    plt.close("all")
    assert dict(mpl.rcParams) == before


def test_numbers_are_written_for_people() -> None:
    assert [format_number(x) for x in (0.5, 12345.6, float("nan"), 0.0, -1.25, float("inf"), 99.96)] == [
        "0.5", "12 346", "n/a", "0", "-1.25", "infinity", "100",
    ]  # fmt: skip
    assert [format_p(x) for x in (0.0321, 0.0001, 1.0, float("nan"))] == [
        "p = .032",
        "p < .001",
        "p = 1.000",
        "p n/a",
    ]


def test_provenance_counts_people_ties_and_answers() -> None:
    net = PeerNetwork(
        ["a", "b"],
        pd.DataFrame({"teacher": ["a"], "learner": ["b"]}),
        observed={"a": "silent", "b": "answered"},
    )
    record = provenance("silos.ei_test", net, options={"n_draws": 9}, used={"left_out": 1})
    assert record["answers"] == {"silent": 1, "answered": 1}
    assert (record["people"], record["ties"], record["left_out"]) == (2, 1, 1)
