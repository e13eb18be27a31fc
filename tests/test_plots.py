"""Pictures claim what the data say: every number drawn is read back."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from peernet import DataError, HypothesisTest, PeerNetwork, plots

mpl.use("agg")
UNITS = ["Sales", "Data", "Care"]
COUNTS = pd.DataFrame([[10, 0, 2], [5, 8, 7], [1, 1, 9]], index=UNITS, columns=UNITS)
RATIO = COUNTS / 4.0


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    from matplotlib import pyplot as plt

    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


def texts(ax: object) -> list[str]:
    return [t.get_text() for t in ax.texts]  # type: ignore[attr-defined]


def test_heatmap_prints_count_and_ratio_of_every_cell_and_hatches_hidden_ones() -> None:
    hidden = COUNTS == 7
    ax = plots.plot_heatmap(COUNTS, RATIO, hidden=hidden, title="A message")
    assert "0\n×0" in texts(ax)
    assert "10\n×2.5" in texts(ax)
    assert not any(t.startswith("7\n") for t in texts(ax))
    assert sum(p.get_hatch() is not None for p in ax.patches) == 1
    assert ax.get_ylabel() == "who teaches"
    ax.figure.canvas.draw()


def test_heatmap_refuses_tables_of_other_groups() -> None:
    with pytest.raises(DataError, match="same groups"):
        plots.plot_heatmap(COUNTS, RATIO.iloc[::-1])


def test_flow_leaves_the_diagonal_out_and_says_so() -> None:
    ax = plots.plot_flow(COUNTS)
    words = " ".join(texts(ax))
    assert "cross groups: 16" in words
    assert "within groups (left out): 27" in words
    assert "Data  12" in words  # what Data teaches to others
    assert "9  Care" in words  # what Care learns from others


def test_null_picture_shows_the_observed_line() -> None:
    test = HypothesisTest(name="E-I", observed=0.4, null=np.linspace(-1, 1, 500))
    ax = plots.plot_null(test)
    assert any(line.get_xdata()[0] == 0.4 for line in ax.lines)
    assert "observed 0.4" in texts(ax)
    exact = HypothesisTest(
        name="E-I", observed=0.4, null=np.array([]), null_mean=0.0, null_sd=0.1, p_value=0.01
    )
    plots.plot_null(exact)


def test_network_picture_has_one_dot_a_person_in_the_box_of_the_unit() -> None:
    rng = np.random.default_rng(2)
    people = pd.DataFrame({"unit": rng.choice(UNITS, 30)}, index=[f"p{i}" for i in range(30)])
    people.loc["p3", "unit"] = None
    ties = pd.DataFrame(
        {"teacher": [f"p{i}" for i in range(20)], "learner": [f"p{i + 5}" for i in range(20)]}
    )
    net = PeerNetwork(people, ties)
    ax = plots.plot_network(net, "unit")
    dots = ax.collections[-1].get_offsets()
    assert len(dots) == 30
    codes, _ = net.codes("unit")
    for k in range(3):
        spread = np.ptp(dots[codes == k], axis=0)
        assert (spread < 1).all()
    assert not any("p1" in t for t in texts(ax))  # no names unless asked
    with pytest.raises(DataError, match="at most 300 people"):
        plots.plot_network(PeerNetwork.from_codes([0], [1], people=301).with_people(unit="x"), "unit")


def test_curve_and_intervals_draw() -> None:
    frame = pd.DataFrame(
        {
            "time": [1, 2, 3] * 2,
            "value": [0, 0.2, 0.5] * 2,
            "low": 0.0,
            "high": 0.6,
            "skill": ["a"] * 3 + ["b"] * 3,
        }
    )
    ax = plots.plot_curve(frame, line="skill", xlabel="month", ylabel="share of people")
    assert texts(ax) == ["a", "b"]
    ax = plots.plot_intervals(frame.head(2), label="skill", reference=0.8, xlabel="share")
    assert ax.get_xlabel() == "share"


def test_hues_are_six_then_grey() -> None:
    colour = plots.hues(list("abcdefgh"), pd.Series({"a": 1, "h": 9, "b": 8, "c": 7, "d": 6, "e": 5, "f": 4}))
    assert colour["a"] == plots.GREY
    assert colour["g"] == plots.GREY
    assert len(set(colour.values())) == 7
