"""The ledger of released tables: sequential release under attack, repetition, changed data, the file."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from peernet import DataError
from peernet.privacy import ReleaseLedger, _joint

KEY = b"0123456789abcdef0123456789abcdef"
QUESTIONS: list[tuple[list[str], str | None]] = [
    (["unit", "role"], None),
    (["unit", "site"], None),
    (["unit", "site"], "answered"),
]


def firm(rng: np.random.Generator) -> list[pd.DataFrame]:
    """Draw a firm at two dates: some leave, some come, some change unit in between."""
    n = int(rng.integers(20, 90))
    rate = rng.dirichlet([2, 2, 2])
    first = pd.DataFrame(
        {
            "unit": rng.choice(list("ABC"), n, p=rate),
            "role": rng.choice(["junior", "senior"], n, p=rng.dirichlet([2, 2])),
            "site": rng.choice(["north", "south"], n, p=rng.dirichlet([2, 2])),
            "answered": rng.random(n) < 0.8,
        },
        index=[f"p{i}" for i in range(n)],
    )
    second = first[rng.random(n) >= rng.choice([0.0, 0.1])].copy()
    move = rng.random(len(second)) < rng.choice([0.0, 0.1])
    second.loc[move, "unit"] = rng.choice(list("ABC"), int(move.sum()))
    come = first.sample(int(rng.integers(0, 8)), random_state=int(rng.integers(1 << 30)))
    come = come.set_axis([f"q{i}" for i in range(len(come))])
    return [first, pd.concat([second, come])]


Cell = tuple[frozenset[str], float]


def printed(frame: pd.DataFrame, by: list[str], where: str | None, table: pd.DataFrame) -> list[Cell]:
    """Return who is counted in each cell of a table, and what it prints, worked out from the people."""
    here = frame if where is None else frame[frame[where]]
    people, one, two = (x.to_numpy(dtype=object) for x in (here.index, here[by[0]], here[by[1]]))
    shown = table.to_numpy(dtype=float)
    out = []
    for (i, row), (j, column) in product(enumerate(table.index), enumerate(table.columns)):
        hit = ((one == row) | (row == "total")) & ((two == column) | (column == "total"))
        out.append((frozenset(people[hit]), float(shown[i, j])))
    return out


def naive(cells: list[Cell]) -> list[Cell]:
    """Withhold what is small and nothing else."""
    return [(who, np.nan if 0 < len(who) < 5 else float(len(who))) for who, _ in cells]


def recovered(cells: list[Cell], floor: int, only_whether: bool = False) -> list[str]:
    """Attack everything printed: linear programming over the groups it tells apart, and subtraction."""
    inside: dict[str, list[int]] = {}
    for number, (members, _) in enumerate(cells):
        for person in members:
            inside.setdefault(person, []).append(number)
    kinds = list(Counter(tuple(v) for v in inside.values()))
    matrix = np.array([[float(c in kind) for kind in kinds] for c in range(len(cells))])
    value = np.array([v for _, v in cells])
    truth = np.array([len(m) for m, _ in cells])
    shown = np.isfinite(value)
    assert np.array_equal(value[shown], truth[shown])
    found: list[str] = []
    low, high = truth.astype(float), truth.astype(float)
    for c in np.flatnonzero(~shown & (truth > 0)):
        need, reach = (float(floor), float(floor)) if truth[c] < floor else (1.0, 0.0)
        for sign in (1, -1):
            if high[c] - low[c] >= need and high[c] >= reach:
                break  # an earlier answer shows already that the cell is open
            out = linprog(sign * matrix[c], A_eq=matrix[shown], b_eq=value[shown], method="highs")
            if out.status == 0:  # what fits everything printed is a world that the reader cannot rule out
                low, high = np.minimum(low, matrix @ out.x), np.maximum(high, matrix @ out.x)
            else:
                high[c] = np.inf
        if high[c] - low[c] < need - 1e-6 or high[c] < reach - 1e-6:
            found.append(f"{truth[c]} people are in [{low[c]:g}, {high[c]:g}]")
            if only_whether:
                return found
    for a, b in combinations({m for (m, v) in cells if np.isfinite(v)}, 2):
        for big, small in ((a, b), (b, a)):
            if small < big and len(big) - len(small) < floor and len(small):
                found.append(f"{len(big)} - {len(small)} people stand alone")
    return found


def one_table_at_a_time(frame: pd.DataFrame, by: list[str], where: str | None, path: Path) -> pd.DataFrame:
    """Complementary suppression within the table, no memory of earlier ones."""
    path.unlink(missing_ok=True)
    return ReleaseLedger(path, key=KEY).release(frame, by, name="only", where=where)


def run_attack(n: int, rng: np.random.Generator, place: Path) -> dict[str, float]:
    """Release three questions at two dates, one after the other, for n firms; count those that leak."""
    leaks = forgetful = floor_alone = shown = cells = 0
    for number in range(n):
        path = place / f"{number}.jsonl"
        mine: list[Cell] = []
        theirs: list[Cell] = []
        simple: list[Cell] = []
        for date, frame in enumerate(firm(rng)):
            for by, where in QUESTIONS:
                book = ReleaseLedger(path, key=KEY)  # read again each time, as by another report
                table = book.release(frame, by, name=f"{by} {where} {date}", where=where)
                shown += int(table.notna().sum().sum())
                cells += table.size
                mine += printed(frame, by, where, table)
                simple += naive(mine[-table.size :])
                if number < 100:  # enough to see that memory is what protects
                    alone = one_table_at_a_time(frame, by, where, place / "alone.jsonl")
                    theirs += printed(frame, by, where, alone)
        leaks += bool(recovered(mine, 5, True))
        forgetful += bool(theirs and recovered(theirs, 5, True))
        floor_alone += bool(recovered(simple, 5, True))
    return {"leaks": leaks, "forgetful": forgetful, "floor": floor_alone, "share": shown / cells}


def test_reports_one_after_the_other_give_nothing_away(tmp_path: Path) -> None:
    out = run_attack(4, np.random.default_rng(4), tmp_path)
    assert out["leaks"] == 0
    assert out["forgetful"] > 2 and out["floor"] > 2
    assert out["share"] > 0.3


def test_every_small_group_stays_open_for_later_tables(tmp_path: Path) -> None:
    """All unions of groups that the tables tell apart, by brute force: a later table may ask for any of them."""
    rng = np.random.default_rng(29)
    for number in range(2):
        cells: list[Cell] = []
        for date, frame in enumerate(firm(rng)):
            for by, where in QUESTIONS:
                book = ReleaseLedger(tmp_path / f"{number}.jsonl", key=KEY)
                table = book.release(frame, by, name=f"{by} {where} {date}", where=where)
                cells += printed(frame, by, where, table)
            inside: dict[str, list[int]] = {}
            for at, (members, _) in enumerate(cells):
                for person in members:
                    inside.setdefault(person, []).append(at)
            kinds = Counter(tuple(v) for v in inside.values())
            size = list(kinds.values())
            matrix = np.array([[float(c in kind) for kind in kinds] for c in range(len(cells))])
            shown = np.isfinite([v for _, v in cells])
            given = {"A_eq": matrix[shown], "b_eq": np.array([v for _, v in cells])[shown], "method": "highs"}
            small = [i for i, n in enumerate(size) if n < 5]
            worlds = [np.array(size, dtype=float)]
            for width in range(1, 5):
                for union in combinations(small, width):
                    if sum(size[i] for i in union) >= 5:
                        continue
                    goal = np.isin(np.arange(len(size)), union).astype(float)
                    held = [float(goal @ w) for w in worlds]
                    for sign in (-1, 1):
                        if max(held) - min(held) >= 5 and max(held) >= 5:
                            break
                        out = linprog(sign * goal, **given)
                        worlds += [out.x] if out.status == 0 else []
                        held.append(float(goal @ out.x) if out.status == 0 else np.inf)
                    assert max(held) - min(held) >= 5 - 1e-6 and max(held) >= 5 - 1e-6, (union, held)


@given(st.integers(0, 10_000))
def test_unions_that_no_world_opens_are_all_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 4, 8).astype(float)
    alone = np.diag(rng.integers(5, 9, 8)).astype(float)  # each atom reaches 5 in a world of its own
    crowd = rng.integers(0, 4, (6, 8)) * (rng.random((6, 8)) < 0.7)
    world = np.vstack([size, alone + crowd[rng.integers(0, 6, 8)], crowd])
    open_alone = [i for i in range(8) if np.ptp(world[:, i]) >= 5]
    world, size = world[:, open_alone], size[open_alone]
    found = _joint._narrow(world, size, 5) or set()
    unions = [u for k in (2, 3, 4) for u in combinations(range(len(size)), k) if size[list(u)].sum() < 5]
    narrow = {u for u in unions if np.ptp(world[:, list(u)].sum(axis=1)) < 5}
    assert found <= narrow
    assert all(any(set(f) <= set(u) for f in found) for u in narrow)


@pytest.mark.long
def test_a_thousand_firms(tmp_path: Path) -> None:
    out = run_attack(1000, np.random.default_rng(1), tmp_path)
    print(out)
    assert out["leaks"] == 0
    assert out["floor"] > 900


# ---- what users rely on --------------------------------------------------------------------------------------------


def people(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "unit": rng.choice(list("ABCD"), n, p=[0.4, 0.3, 0.25, 0.05]),
            "site": rng.choice(["n", "s"], n),
            "safety": rng.integers(1, 6, n).astype(float),
            "asked": True,
        },
        index=pd.Index([f"p{i}" for i in range(n)], name="person"),
    )


def book(tmp_path: Path) -> ReleaseLedger:
    return ReleaseLedger(tmp_path / "releases.jsonl", key=KEY)


def test_the_same_question_gives_the_same_table(tmp_path: Path) -> None:
    frame = people()
    first = book(tmp_path).release(frame, ["unit", "site"], name="one")
    book(tmp_path).release(frame, "site", name="two")
    for shuffled in (frame, frame.sample(frac=1, random_state=1), frame.assign(more=1)):
        again = book(tmp_path).release(shuffled, ["unit", "site"], name="one")
        pd.testing.assert_frame_equal(first, again)
    assert len(book(tmp_path).tables) == 2
    # under another name it is the same question, and is not recorded twice
    pd.testing.assert_frame_equal(first, book(tmp_path).release(frame, ["unit", "site"], name="three"))
    assert len(book(tmp_path).tables) == 2


def test_what_was_withheld_stays_withheld_and_what_was_shown_stays_shown(tmp_path: Path) -> None:
    frame = people()
    first = book(tmp_path).release(frame, "unit", name="by unit")["n"]
    both = book(tmp_path).release(frame, ["unit", "site"], name="by both")["total"]
    assert first.isna().sum() >= 2
    assert both.isna().equals(first.isna())


def test_a_pool_does_not_give_its_small_part_away(tmp_path: Path) -> None:
    frame = people().assign(wide=lambda f: f["unit"].replace({"C": "C or D", "D": "C or D"}))
    ledger = book(tmp_path)
    ledger.release(frame, "wide", name="pooled")
    fine = ledger.release(frame, "unit", name="fine")["n"]
    assert np.isnan(fine["C"]) and np.isnan(fine["D"])


def test_two_joiners_are_not_the_difference_of_two_reports(tmp_path: Path) -> None:
    before = pd.DataFrame({"unit": ["A"] * 20 + ["B"] * 30}, index=[f"p{i}" for i in range(50)])
    new = pd.DataFrame({"unit": ["A"] * 2}, index=["q1", "q2"])
    ledger = book(tmp_path)
    assert ledger.release(before, "unit", name="March").notna().all().all()
    april = ledger.release(pd.concat([before, new]), "unit", name="April")["n"]
    assert np.isnan(april["A"]) and np.isnan(april["total"]) and april["B"] == 30
    # with people who left as well, nobody can tell the two apart
    ledger = ReleaseLedger(tmp_path / "other.jsonl", key=KEY)
    ledger.release(before, "unit", name="March")
    may = ledger.release(pd.concat([before.iloc[3:], new]), "unit", name="May")["n"]
    assert may["A"] == 19


def test_means_are_shown_where_counts_may_be(tmp_path: Path) -> None:
    frame = people()
    frame.loc[frame.index[:3], "safety"] = np.nan
    ledger = book(tmp_path)
    table = ledger.release(frame, "unit", name="safety", value="safety", floor=8)["mean"]
    known = frame.dropna(subset="safety")
    truth = known.groupby("unit")["safety"].mean()
    assert np.isnan(table["D"])
    for unit in "AB":
        assert table[unit] == pytest.approx(truth[unit])
    assert table["total"] == pytest.approx(known["safety"].mean())
    assert ledger.tables.loc[0, ["people", "floor", "value"]].tolist() == [57, 8, "safety"]
    # the units with their floor of 8 are not printed with a floor of 5 the next day
    small = ledger.release(known, "unit", name="heads", floor=5)["n"]
    assert small.isna().equals(table.isna())


def test_looking_records_nothing(tmp_path: Path) -> None:
    ledger = book(tmp_path)
    look = ledger.release(people(), "unit", name="look", record=False)
    assert not (tmp_path / "releases.jsonl").exists() and not len(ledger.tables)
    pd.testing.assert_frame_equal(look, ledger.release(people(), "unit", name="look"))
    ledger.withdraw("look")
    assert not len(book(tmp_path).tables)
    with pytest.raises(DataError, match="withdraw: no table 'look'"):
        ledger.withdraw("look")


def test_the_file_names_nobody_and_erasure_unlinks(tmp_path: Path) -> None:
    ledger = book(tmp_path)
    first = ledger.release(people(), "unit", name="one")
    text = (tmp_path / "releases.jsonl").read_text()
    marks = set(json.loads(text)["people"])
    assert len(marks) == 60 and not {f"p{i}" for i in range(60)} & marks
    ledger.erase("p7")
    after = set(json.loads((tmp_path / "releases.jsonl").read_text())["people"])
    assert len(after) == 60 and len(marks - after) == 1
    less = book(tmp_path).release(people().drop(index="p7"), "unit", name="two")
    assert first.notna().sum().sum() >= less.notna().sum().sum()
    with pytest.raises(DataError, match="line 1 is no table of a ledger"):
        (tmp_path / "releases.jsonl").write_text("{}\n")
        book(tmp_path)


def test_attack_of_the_ledger_finds_nothing(tmp_path: Path) -> None:
    ledger = book(tmp_path)
    ledger.release(people(), ["unit", "site"], name="one")
    ledger.release(people(), "unit", name="two", where="asked")
    spans = ledger.attack()
    assert len(spans) and (spans["high"] - spans["low"] >= 1).all()
    assert "tables released" in repr(ledger)


def test_what_cannot_be_released(tmp_path: Path) -> None:
    ledger, frame = book(tmp_path), people()
    with pytest.raises(DataError, match="by names 3 columns"):
        ledger.release(frame, ["unit", "site", "safety"], name="deep")
    with pytest.raises(DataError, match="frame has no column 'team'"):
        ledger.release(frame, "team", name="x")
    with pytest.raises(DataError, match="1 people have more than one row"):
        ledger.release(pd.concat([frame, frame.iloc[:1]]), "unit", name="x")
    with pytest.raises(DataError, match="a group is called 'total'"):
        ledger.release(frame.assign(unit="total"), "unit", name="x")
    with pytest.raises(DataError, match="give the table a name"):
        ledger.release(frame, "unit", name=" ")
    ledger.release(frame, "unit", name="x")
    with pytest.raises(DataError, match="another table 'x' was released on"):
        ledger.release(frame, "site", name="x")


Firm = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ns")), min_size=1, max_size=40)


@settings(max_examples=15)
@given(Firm, st.integers(2, 6))
def test_any_firm(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], floor: int) -> None:
    frame = pd.DataFrame(rows, columns=["unit", "site"], index=[f"p{i}" for i in range(len(rows))])
    ledger = ReleaseLedger(tmp_path_factory.mktemp("x") / "r", key=KEY, floor=floor)
    cells: list[Cell] = []
    for name, part in (("all", frame), ("half", frame.iloc[::2])):
        table = ledger.release(part, ["unit", "site"], name=name)
        cells += printed(part, ["unit", "site"], None, table)
    assert recovered(cells, floor) == []
    assert all(np.isnan(v) or not 0 < len(m) < floor for m, v in cells)


def test_another_key_is_refused(tmp_path: Path) -> None:
    frame, place = people(), tmp_path / "releases.jsonl"
    ReleaseLedger(place, key=KEY).release(frame, "unit", name="heads")
    with pytest.raises(DataError, match="written with another key"):
        ReleaseLedger(place, key=b"quite another key 1")


def test_two_notebooks_share_one_ledger(tmp_path: Path) -> None:
    frame, place = people(), tmp_path / "releases.jsonl"
    frame["most"] = [False] + [True] * 59
    one, other = ReleaseLedger(place, key=KEY), ReleaseLedger(place, key=KEY)
    whole = one.release(frame, "site", name="heads")["n"]
    sub = other.release(frame, "site", name="most", where="most")["n"]
    assert whole.notna().all()
    assert not (whole - sub).eq(1).any()  # the one who is left out is not to be had by subtraction
    assert one.release(frame, "site", name="heads").equals(whole.to_frame())
    assert set(ReleaseLedger(place, key=KEY).tables["name"]) == {"heads", "most"}


@pytest.mark.parametrize(
    ("column", "option", "words"),
    [
        (["no"] + ["yes"] * 59, "where", "True and False"),
        (["True"] * 60, "where", "True and False"),
        ([2] * 60, "where", "True and False"),
        (["1,5"] * 60, "value", "60 of 60 values"),
        ([np.inf] + [1.0] * 59, "value", "1 of 60 values"),
    ],
)
def test_columns_of_words_are_refused(tmp_path: Path, column: list[object], option: str, words: str) -> None:
    frame = people().assign(odd=column)
    book = ReleaseLedger(tmp_path / "releases.jsonl", key=KEY)
    with pytest.raises(DataError, match=words):
        book.release(frame, "unit", name="t", **{option: "odd"})
    assert not len(book.tables)
