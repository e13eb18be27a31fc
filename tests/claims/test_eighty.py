"""The three sides of the 80 %: each checked by hand, kept apart, and honest where there is no answer."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from peernet.claims import eighty_percent, trace_curve
from peernet.datasets import load_meridian
from peernet.errors import DataError, PeerNetWarning
from peernet.hypotheses import social_share
from peernet.records import Records
from peernet.results import VERDICTS

mpl.use("Agg")
SPAN = {"start": "2025-01-01", "end": "2026-01-01"}


@pytest.fixture(scope="module")
def meridian() -> Records:
    return load_meridian()


def test_trace_curve_by_hand() -> None:
    answers, courses = pd.Series({"a": 4, "b": 6, "c": 2}), pd.Series({"a": 1, "b": 2, "d": 3})
    with pytest.warns(PeerNetWarning, match="trace_curve: 4 learners are fewer than 20"):
        found = trace_curve(answers, courses, claim=0.8)
    with pytest.warns(PeerNetWarning, match="4 learners"):
        assert trace_curve(answers, courses, exchange=(0.1, 0.2)).verdict == "not answered by these data"
    # 12 answers, 6 courses: 12 x / (12 x + 6) = .8 at x = 2
    assert found.value == pytest.approx(2.0)
    assert found.share(2.0) == pytest.approx(0.8)
    assert found.share(0.5) == pytest.approx(0.5)
    row = found.curve.iloc[100]
    assert row["share"] == pytest.approx(12 * row["rate"] / (12 * row["rate"] + 6))
    assert (
        (found.curve["low"] <= found.curve["share"]) & (found.curve["share"] <= found.curve["high"])
    ).all()
    assert found.verdict == "not answerable"


def test_believable_rates_have_to_be_said_beforehand() -> None:
    rng = np.random.default_rng(1)
    ids = [f"p{k}" for k in range(200)]
    answers, courses = pd.Series(rng.poisson(6, 200), ids), pd.Series(rng.poisson(3, 200), ids)
    assert trace_curve(answers, courses, exchange=(0.01, 0.2)).verdict == "contradicted"
    assert trace_curve(answers, courses, exchange=(1.0, 4.0)).verdict == "inconclusive"
    with pytest.raises(ValueError, match="exchange must run from low to high"):
        trace_curve(answers, courses, exchange=(2.0, 1.0))
    with pytest.raises(DataError, match="It takes both"):
        trace_curve(answers, courses * 0)


def test_the_interval_of_the_rate_covers() -> None:
    rng = np.random.default_rng(20261123)
    hits, draws = 0, 400
    for _ in range(draws):
        busy = rng.gamma(2, 1, 150)
        found = trace_curve(pd.Series(rng.poisson(4 * busy)), pd.Series(rng.poisson(2 * busy)))
        hits += found.low <= 4 * 2 / 4 <= found.high
    low, high = binom.interval(0.999, draws, 0.95)
    assert low <= hits <= high


def test_three_sides_with_their_own_quantities(meridian: Records) -> None:
    found = eighty_percent(meridian, **SPAN, rng=1)
    assert set(found.table["side"]) == {"says", "traces", "diffusion"}
    assert found.table["unit"].nunique() == 3
    assert set(found.table["verdict"]) <= set(VERDICTS)
    says = social_share(meridian)
    wide = found.table[found.table["reading"] == "wide"].iloc[0]
    assert wide["value"] == says.value
    assert wide["ceiling"] == says.ceiling
    assert wide["verdict"] == "contradicted"
    traces = found.table[found.table["side"] == "traces"].iloc[0]
    assert traces["verdict"] == "not answerable"
    implied = found.implied.set_index("item")
    assert (implied["value"] <= implied["ceiling"]).all()
    assert "C-B" not in implied.index  # assigned with a due date
    assert "neither averaged nor drawn on one axis" in found.summary()


def test_without_a_span_only_the_survey_speaks(meridian: Records) -> None:
    found = eighty_percent(meridian)
    assert found.traces is None
    assert len(found.implied) == 0
    silent = found.table[found.table["side"] != "says"]
    assert (silent["verdict"] == "not answered by these data").all()
    assert silent["why"].str.contains("start=, end=").all()
    with pytest.raises(ValueError, match="both start and end"):
        eighty_percent(meridian, start="2025-01-01")


def test_records_without_a_survey_still_show_traces(meridian: Records) -> None:
    bare = Records(people=meridian.people, events=meridian.events, completions=meridian.completions)
    found = eighty_percent(bare, **SPAN, rng=1)
    assert found.says is None
    assert "nobody said" in found.lacking["What people say"]
    assert found.traces is not None
    assert found.traces.answers == len(meridian.events)


def test_three_panels_no_shared_axis(meridian: Records) -> None:
    from matplotlib import pyplot as plt

    found = eighty_percent(meridian, **SPAN, rng=1)
    ax = found.plot()
    panels = ax.child_axes
    assert len(panels) == 3
    labels = [p.get_xlabel().replace("\n", " ") for p in panels]
    assert len(set(labels)) == 3
    assert [p.get_title().split("\n")[0] for p in panels] == [
        "What people say",
        "What traces show",
        "What diffusion implies",
    ]
    # a verdict per reading stands in the picture
    words = [t.get_text() for p in panels for t in p.texts] + [panels[1].get_title().split("\n")[1]]
    assert sorted(w for w in words if "%" not in w) == sorted(found.table["verdict"])
    # and so does every estimate but the exchange rate, which is no share
    shares = found.table[found.table["side"] != "traces"]["value"]
    assert sorted(w for w in words if "%" in w) == sorted(f"{100 * v:.0f} %" for v in shares)
    plt.close(ax.figure)
    empty = eighty_percent(Records()).plot()
    assert all("No answer" in p.texts[0].get_text() for p in empty.child_axes)
    plt.close(empty.figure)


def test_without_ties_diffusion_says_so(meridian: Records) -> None:
    import dataclasses

    bare = dataclasses.replace(
        meridian,
        nominations=meridian.nominations.iloc[:0],
        events=meridian.events.iloc[:0],
        answers=meridian.answers.iloc[:0],
        respondents=meridian.respondents.iloc[:0],
    )
    found = eighty_percent(bare, **SPAN, rng=1)
    assert found.lacking["What diffusion implies"].startswith("there are no ties of who teaches whom")
