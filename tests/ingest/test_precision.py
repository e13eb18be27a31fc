"""precision_sample and precision_of: formula by hand, the sheet there and back, coverage with known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from peernet import DataError
from peernet.ingest import precision_of, precision_sample, read_events
from peernet.records import Records
from peernet.results import Estimate


def world(n: int = 600, seed: int = 0) -> Records:
    rng = np.random.default_rng(seed)
    teacher = rng.integers(0, 20, n)
    table = pd.DataFrame(
        {
            "teacher": [f"p{i}" for i in teacher],
            "learner": [f"p{i}" for i in (teacher + rng.integers(1, 20, n)) % 20],
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
            "kind": np.where(np.arange(n) < n // 3, "mention", "answer"),
        }
    )
    return read_events(table)


def judge(sheet: pd.DataFrame, truth: pd.Series[bool]) -> pd.DataFrame:
    return sheet.assign(teaching=np.where(sheet["event_id"].map(truth), "yes", "no"), direction="yes")


def test_the_sheet_holds_ids_only_and_comes_back(tmp_path: Path) -> None:
    records = world()
    sheet = precision_sample(records, 90, rng=1)
    assert len(sheet) == 90
    assert sheet["kind"].value_counts().to_dict() == {"answer": 60, "mention": 30}
    assert set(sheet.columns) == {
        "event_id", "source", "kind", "time", "teacher", "learner", "evidence", "n_of_kind", "teaching", "direction",
    }  # fmt: skip
    assert sheet["event_id"].is_unique
    pd.testing.assert_frame_equal(sheet, precision_sample(records, 90, rng=1))
    truth = records.events.set_index("event_id")["kind"] == "answer"
    judged = judge(sheet, truth)
    judged.to_csv(tmp_path / "sheet.csv", index=False)
    a, b = precision_of(judged), precision_of(tmp_path / "sheet.csv")
    assert (a.value, a.low, a.high) == (b.value, b.low, b.high)
    assert a.value == pytest.approx(2 / 3)


def test_formula_by_hand() -> None:
    sheet = pd.DataFrame(
        {
            "source": "s",
            "kind": ["a"] * 4 + ["b"] * 5,
            "n_of_kind": [100] * 4 + [300] * 5,
            "teaching": ["yes", "yes", "no", "yes", "no", "yes", "no", "no", ""],
            "direction": ["yes", "no", "", "yes", "", "yes", "", "", ""],
        }
    )
    got = precision_of(sheet)
    p = 0.25 * 0.75 + 0.75 * 0.25
    v = 0.25**2 * 0.96 * (0.75 * 0.25 / 3) + 0.75**2 * (1 - 4 / 300) * (0.25 * 0.75 / 3)
    assert got.value == pytest.approx(p)
    assert got.std_error == pytest.approx(v**0.5)
    n = p * (1 - p) / v
    z = 1.959963984540054
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    assert (got.low, got.high) == (pytest.approx(middle - half), pytest.approx(middle + half))
    assert got.n == 8
    assert got.by[["judged", "teaching", "right_way", "wrong_way"]].to_numpy().tolist() == [
        [4, 3, 2, 1],
        [4, 1, 1, 0],
    ]
    assert got.provenance["open"] == 1


def test_all_judged_leaves_no_doubt_and_unanimity_does() -> None:
    few = pd.DataFrame({"source": "s", "kind": "a", "n_of_kind": 3, "teaching": ["yes", "no", "yes"]})
    got = precision_of(few)
    assert got.low == got.high == got.value == pytest.approx(2 / 3)
    many = pd.DataFrame({"source": "s", "kind": "a", "n_of_kind": 1000, "teaching": ["yes"] * 20})
    got = precision_of(many)
    assert got.value == 1.0
    assert 0.8 < got.low < 0.9


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.drop(columns="kind"), "no column 'kind'"),
        (lambda s: s.assign(teaching="perhaps"), "yes or no"),
        (lambda s: s.assign(teaching=""), "no row of the sheet is judged"),
        (lambda s: s.assign(n_of_kind="many"), "n_of_kind"),
    ],
)
def test_bad_sheets(change: object, text: str) -> None:
    sheet = precision_sample(world(), 30, rng=0).assign(teaching="yes")
    with pytest.raises(DataError, match=text):
        precision_of(change(sheet))  # type: ignore[operator]


def test_no_events_and_kinds_never_judged() -> None:
    records = world()
    with pytest.raises(DataError, match="no events"):
        precision_sample(
            read_events(pd.DataFrame({"teacher": [], "learner": [], "time": pd.to_datetime([])}))
        )
    sheet = precision_sample(records, 50, rng=0).assign(teaching="yes")
    part = precision_of(sheet[sheet["kind"] == "answer"])
    with pytest.raises(DataError, match="'mention of table' were never judged"):
        part.carry(records, lambda r: float(len(r.events)))


def test_doubt_is_carried_into_a_count() -> None:
    records = world()
    truth = records.events.set_index("event_id")["kind"] == "answer"
    rule = precision_of(judge(precision_sample(records, 90, rng=1), truth))
    got = rule.carry(records, lambda r: float(len(r.events)), n_draws=200, rng=2)
    assert got.low < truth.sum() < got.high
    assert abs(got.value - truth.sum()) < 15
    again = rule.carry(records, lambda r: float(len(r.events)), n_draws=200, rng=2, n_jobs=2)
    assert (got.value, got.low, got.high) == (again.value, again.low, again.high)


def test_rubin_joins_both_doubts() -> None:
    records = world()
    sheet = precision_sample(records, 60, rng=1).assign(teaching="yes", direction="yes")
    rule = precision_of(sheet)

    def measure(r: Records) -> Estimate:
        return Estimate(name="x", value=float(len(r.events)), low=0.0, high=0.0, std_error=100.0)

    got = rule.carry(records, measure, n_draws=50, rng=3)
    plain = rule.carry(records, lambda r: float(len(r.events)), n_draws=50, rng=3)
    between = plain.std_error**2
    assert got.value == plain.value
    assert got.std_error == pytest.approx((100**2 + (1 + 1 / 50) * between) ** 0.5)
    assert got.high - got.value == pytest.approx(1.959963984540054 * got.std_error)


def test_wrong_directions_turn_ties_round() -> None:
    table = pd.DataFrame({"teacher": ["a"] * 400, "learner": ["b"] * 400, "time": pd.Timestamp("2024-01-01")})
    records = read_events(table)
    sheet = precision_sample(records, 200, rng=0)
    sheet["teaching"] = "yes"
    sheet["direction"] = np.where(np.arange(200) % 4 == 0, "no", "yes")
    got = precision_of(sheet).carry(
        records, lambda r: float((r.events["teacher"] == "b").mean()), rng=1, n_draws=60
    )
    assert got.value == pytest.approx(0.25, abs=0.02)


def test_coverage_of_the_interval() -> None:
    hits = 0
    for k in range(200):
        rng = np.random.default_rng([7, k])
        truth = np.r_[rng.random(300) < 0.4, rng.random(900) < 0.85]
        n = [40, 120]
        sheet = pd.DataFrame(
            {
                "source": "s",
                "kind": ["a"] * n[0] + ["b"] * n[1],
                "n_of_kind": [300] * n[0] + [900] * n[1],
                "teaching": np.where(
                    np.r_[
                        rng.choice(truth[:300], n[0], replace=False),
                        rng.choice(truth[300:], n[1], replace=False),
                    ],
                    "yes",
                    "no",
                ),
            }
        )
        got = precision_of(sheet)
        hits += got.low <= truth.mean() <= got.high
    assert 180 <= hits <= 198  # 95 % of 200, three binomial standard errors
