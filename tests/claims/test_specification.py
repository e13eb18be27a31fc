"""specification_curve: every combination, folded as said, reproducible, with nothing hidden."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from peernet import silos
from peernet.claims import specification_curve
from peernet.errors import DataError
from peernet.network import PeerNetwork

mpl.use("Agg")
PEOPLE = pd.DataFrame({"unit": list("aabbcc")}, index=[f"p{k}" for k in range(6)])
YEAR, HALF = ("2025-01-01", "2026-01-01"), ("2025-07-01", "2026-01-01")


def events(n: int = 300, rng: int = 1) -> pd.DataFrame:
    draw = np.random.default_rng(rng)
    teacher = draw.integers(0, 6, n)
    learner = (teacher + draw.integers(1, 6, n)) % 6
    day = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 365, n), unit="D")
    ids = PEOPLE.index
    return pd.DataFrame({"teacher": ids[teacher], "learner": ids[learner], "time": day, "weight": 1.0})


def total(net: PeerNetwork) -> float:
    return float(net.weight.sum())


def test_every_combination_is_there_and_folded_by_hand() -> None:
    found = specification_curve(
        events(), total, windows={"year": YEAR, "half": HALF}, half_lives=(None, 30), people=PEOPLE,
        weightings=("sum", "log", "presence"), thresholds=(0, 5),
    )  # fmt: skip
    table = found.table.set_index(["window", "half_life", "weighting", "threshold"])
    assert len(table) == 2 * 2 * 3 * 2
    assert table.index.is_unique
    count = events().groupby(["teacher", "learner"]).size()
    assert table.loc[("year", "none", "sum", 0), "value"] == pytest.approx(300)
    assert table.loc[("year", "none", "sum", 5), "value"] == pytest.approx(count[count >= 5].sum())
    assert table.loc[("year", "none", "log", 0), "value"] == pytest.approx(np.log1p(count).sum())
    assert table.loc[("year", "none", "presence", 5), "value"] == (count >= 5).sum()
    late = events()[events()["time"] >= pd.Timestamp("2025-07-01", tz="UTC")]
    assert table.loc[("half", "none", "sum", 0), "value"] == len(late)
    age = (pd.Timestamp("2026-01-01", tz="UTC") - events()["time"]) / pd.Timedelta(days=1)
    assert table.loc[("year", "30 days", "sum", 0), "value"] == pytest.approx((2 ** (-age / 30)).sum())


def test_what_moves_it_most_is_named() -> None:
    found = specification_curve(
        events(), total, windows=[YEAR, HALF], weightings=("sum", "presence"), people=PEOPLE
    )
    means = found.table.groupby("weighting")["value"].mean()
    assert found.moved_by["weighting"] == pytest.approx(means.max() - means.min())
    assert found.moved_by.idxmax() == "weighting"
    assert "It moves most with the weighting" in found.summary()


def ei(net: PeerNetwork, null: Any, rng: Any) -> Any:
    return silos.ei_test(net, "unit", null=null, n_draws=50, rng=rng)


def test_null_models_and_p_values_and_workers() -> None:
    options: dict[str, Any] = {
        "windows": [YEAR, HALF],
        "nulls": ("labels", "degrees"),
        "people": PEOPLE,
        "rng": 7,
    }
    few = events(25)  # with everybody tied to everybody no null could vary
    one = specification_curve(few, ei, **options)
    two = specification_curve(few, ei, n_jobs=2, **options)
    pd.testing.assert_frame_equal(one.table, two.table)
    assert one.table["p_value"].between(0, 1).all()
    assert one.table.groupby("window")["value"].nunique().eq(1).all()
    assert "tell it apart from their null model" in one.summary()


def test_combinations_without_an_answer_say_why() -> None:
    found = specification_curve(
        events(), ei, windows=[YEAR], thresholds=(0, 1000), nulls=("labels",), people=PEOPLE, rng=1
    )
    empty = found.table[found.table["threshold"] == 1000].iloc[0]
    assert np.isnan(empty["value"])
    assert empty["why"]
    assert "1 give no value" in found.summary()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="does not run from a start to a later end"):
        specification_curve(events(), total, windows=[("2026-01-01", "2025-01-01")])
    with pytest.raises(ValueError, match="headline takes no null="):
        specification_curve(events(), total, windows=[YEAR], nulls=("labels",))
    with pytest.raises(ValueError, match="weightings must be one of"):
        specification_curve(events(), total, windows=[YEAR], weightings=("square",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must return a number"):
        specification_curve(events(), lambda net: "much", windows=[YEAR])
    with pytest.raises(DataError, match="events have no column time"):
        specification_curve(events().drop(columns="time"), total, windows=[YEAR])


def test_the_picture_shows_every_combination_and_its_choices() -> None:
    from matplotlib import pyplot as plt

    found = specification_curve(
        events(),
        total,
        windows=[YEAR, HALF],
        thresholds=(0, 3),
        people=PEOPLE,
        reference=100.0,
        name="episodes",
    )
    ax = found.plot()
    top, bottom = ax.child_axes
    assert sum(len(line.get_xdata()) for line in top.lines if line.get_marker() == "o") == 4
    labels = [t.get_text() for t in bottom.get_yticklabels()]
    assert len(labels) == 4
    assert any("threshold" in label for label in labels)
    plt.close(ax.figure)


def judged_world(seed: int | list[int], judged: int = 120, n_draws: int = 12) -> tuple[float, float, Any]:
    """True and naive share of teaching that crosses units, and the same with the rule's precision carried.

    Answers are right nine times in ten and mostly inside units, mentions four times in ten and mostly across.
    """
    from peernet import ingest
    from peernet.records.tables import Records

    rng = np.random.default_rng(seed)
    n, parts = 60, []
    for kind, m, right, inside in (("answer", 480, 0.9, 0.8), ("mention", 320, 0.4, 0.2)):
        teacher = rng.integers(0, n, m)
        near = 4 * rng.integers(1, n // 4, m)
        far = 4 * rng.integers(0, n // 4, m) + rng.integers(1, 4, m)
        learner = (teacher + np.where(rng.random(m) < inside, near, far)) % n
        parts.append(pd.DataFrame({"t": teacher, "l": learner, "kind": kind, "true": rng.random(m) < right}))
    frame = pd.concat(parts, ignore_index=True)
    crosses = frame["t"] % 4 != frame["l"] % 4
    ids = np.array([f"p{k:02d}" for k in range(n)])
    names = "e" + frame.index.astype("str")
    frame = frame.assign(
        teacher=ids[frame["t"]], learner=ids[frame["l"]], event_id=names, evidence=names, source="chat", weight=1.0,
        context="", topic="", time=pd.Timestamp("2024-01-01", tz="UTC"),
    )  # fmt: skip
    people = pd.DataFrame({"unit": [str(k % 4) for k in range(n)]}, index=pd.Index(ids, name="person"))
    records = Records(people=people, events=frame.drop(columns=["t", "l", "true"]))
    sheet = ingest.precision_sample(records, judged, rng=rng)
    sheet["teaching"] = np.where(sheet["event_id"].map(frame.set_index("event_id")["true"]), "yes", "no")
    sheet["direction"] = "yes"
    found = specification_curve(
        records, crossing, windows=[("2024-01-01", "2024-06-01")], precision=ingest.precision_of(sheet),
        n_draws=n_draws, rng=rng,
    )  # fmt: skip
    return float(crosses[frame["true"]].mean()), float(crosses.mean()), found.table.iloc[0]


def crossing(net: PeerNetwork) -> float:
    unit = net.column("unit").to_numpy()
    return float(net.weight[unit[net.teacher] != unit[net.learner]].sum() / net.weight.sum())


def test_precision_of_the_rule_moves_the_headline_towards_the_truth() -> None:
    worlds = [judged_world(seed) for seed in range(3)]
    naive = np.array([b - a for a, b, _ in worlds])
    carried = np.array([row["value"] - a for a, _, row in worlds])
    assert naive.min() > 0.05
    assert abs(carried.mean()) < 0.03 < naive.mean() / 2
    assert sum(row["low"] <= a <= row["high"] for a, _, row in worlds) >= 2
    assert all(0 < row["n_ties"] < 800 for _, _, row in worlds)


def test_precision_says_nothing_about_kinds_that_were_not_judged() -> None:
    from peernet.ingest.precision import Precision

    by = pd.DataFrame({"source": ["chat"], "kind": ["answer"], "judged": [9], "teaching": [8]})
    known = Precision(name="p", value=0.9, low=0.8, high=1.0, by=by.assign(right_way=8, wrong_way=0))
    windows = [YEAR]
    with pytest.raises(DataError, match="no column source, kind"):
        specification_curve(events(), total, windows=windows, precision=known)
    other = events().assign(source="git", kind="review")
    with pytest.raises(DataError, match="'review of git' were never judged"):
        specification_curve(other, total, windows=windows, precision=known)
    good = events().assign(source="chat", kind="answer")
    found = specification_curve(good, total, windows=windows, precision=known, n_draws=20, rng=1).table.iloc[
        0
    ]
    assert 180 < found["value"] < 300
    assert found["low"] < found["value"] < found["high"]
    again = specification_curve(
        good, total, windows=windows, precision=known, n_draws=20, rng=1, n_jobs=2
    ).table
    assert again.iloc[0]["value"] == found["value"]
