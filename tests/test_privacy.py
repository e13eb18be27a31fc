"""Pseudonyms, floors under attack, erasure, permissions, exports."""

from __future__ import annotations

import csv
import hashlib
import hmac
import stat
import zipfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from peernet import DataError, PeerNetwork, privacy
from peernet.errors import PermissionLocked
from peernet.privacy import Permissions

KEY = b"0123456789abcdef0123456789abcdef"
SLICES = {"unit by role": ["unit", "role"], "unit by site": ["unit", "site"]}


# ---- pseudonyms ----------------------------------------------------------------------------------------------------


def test_pseudonyms_join_tables_and_hide_the_ids() -> None:
    ties = pd.DataFrame({"teacher": ["ana", "bo", None], "learner": ["bo", "ana", "cy"], "weight": [1, 2, 3]})
    out = privacy.pseudonymise(ties, ["teacher", "learner"], key=KEY)
    assert out.at[0, "teacher"] == out.at[1, "learner"] == privacy.pseudonym("ana", key=KEY)
    assert pd.isna(out.at[2, "teacher"])
    assert ties.at[0, "teacher"] == "ana"
    assert not out.isin(["ana", "bo", "cy"]).any().any()
    people = pd.DataFrame({"unit": ["A"]}, index=pd.Index(["ana"], name="person"))
    assert privacy.pseudonymise(people, "person", key=KEY).index[0] == out.at[0, "teacher"]


def test_pseudonym_is_hmac_sha256() -> None:
    import base64

    digest = hmac.new(KEY, "josé".encode(), hashlib.sha256).digest()[:10]
    assert privacy.pseudonym("josé", key=KEY) == "p" + base64.b32encode(digest).decode().lower()
    assert privacy.pseudonym("josé", key=KEY) != privacy.pseudonym("josé", key=b"f" * 32)


def test_keys(tmp_path: Path) -> None:
    path = privacy.new_key(tmp_path / "safe" / "key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(privacy.load_key(path)) == 32
    with pytest.raises(DataError, match="there is a key in 'key' already"):
        privacy.new_key(path)
    with pytest.raises(DataError, match="there is no key file 'nowhere'"):
        privacy.load_key(tmp_path / "nowhere")
    with pytest.raises(DataError, match="the key has 5 bytes; at least 16"):
        privacy.pseudonym("a", key=b"short")
    with pytest.raises(DataError, match="frame has no column 'person'"):
        privacy.pseudonymise(pd.DataFrame({"who": ["a"]}), "person", key=KEY)


def test_redact() -> None:
    text = "people: 2 ids stand twice (rows 3, 17: 'p1', '00417'). Write to bo@x.org about a thing."
    assert privacy.redact(text, ["00417", "p1", "bo@x.org", "a"]) == (
        "people: 2 ids stand twice (rows 3, 17: '[withheld]', '[withheld]'). Write to [withheld] about a thing."
    )


# ---- floors under attack -------------------------------------------------------------------------------------------


def firm(rng: np.random.Generator) -> pd.DataFrame:
    """Draw 20 to 90 people over units, roles and sites, some of them present from the second date on only."""
    n = int(rng.integers(20, 90))
    frame = pd.DataFrame(
        {
            "unit": rng.choice(list("ABC"), n, p=rng.dirichlet([2, 2, 2])),
            "role": rng.choice(["junior", "senior"], n, p=rng.dirichlet([2, 2])),
            "site": rng.choice(["north", "south"], n, p=rng.dirichlet([2, 2])),
        }
    )
    return frame.assign(since=np.where(rng.random(n) < 0.15, 2, 1))


def equations(frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> tuple[Any, ...]:
    """Write what is printed as equations over the finest groups, independently of the package."""
    levels = {c: sorted(frame[c].unique()) for c in ("unit", "role", "site")}
    atoms = [
        (u, r, s, d) for u in levels["unit"] for r in levels["role"] for s in levels["site"] for d in (1, 2)
    ]
    cells, values, truth = [], [], []
    for title, table in tables.items():
        name, date = title.split(" @ ")
        second = SLICES[name][1]
        for row in table.index:
            for column in table.columns:
                member = [
                    (row in (a[0], "total"))
                    and column in (a[1] if second == "role" else a[2], "total")
                    and a[3] <= int(date)
                    for a in atoms
                ]
                cells.append(member)
                values.append(float(table.loc[row, column]))
                here = frame[frame["since"] <= int(date)]
                hit = (here["unit"].eq(row) | (row == "total")) & (
                    here[second].eq(column) | (column == "total")
                )
                truth.append(int(hit.sum()))
    return np.array(cells, dtype=float), np.array(values), np.array(truth)


def bounds(cells: Any, values: Any, goal: Any) -> tuple[float, float]:
    """Return the range of a sum of atoms that agrees with everything printed."""
    known = np.isfinite(values)
    ends = []
    for sign in (1, -1):
        out = linprog(sign * goal, A_eq=cells[known], b_eq=values[known], bounds=(0, None), method="highs")
        ends.append(out.fun * sign if out.status == 0 else np.inf)
    return ends[0], ends[1]


def recovered(frame: pd.DataFrame, tables: dict[str, pd.DataFrame], floor: int) -> list[str]:
    """Attack by linear programming and by subtracting printed cells; return what was found out."""
    cells, values, truth = equations(frame, tables)
    shown = np.isfinite(values)
    assert np.array_equal(values[shown], truth[shown])
    found = []
    for c in np.flatnonzero(~shown):
        low, high = bounds(cells, values, cells[c])
        if high - low < 1 or (0 < truth[c] < floor and (high < floor or high - low < floor)):
            found.append(f"cell {c} = {truth[c]} is in [{low:g}, {high:g}]")
    for a, b in combinations(np.flatnonzero(shown), 2):
        for big, small in ((a, b), (b, a)):
            rest = cells[big] - cells[small]
            if (rest >= 0).all() and rest.any() and 0 < truth[big] - truth[small] < floor:
                found.append(f"{truth[big]} - {truth[small]} people stand alone")
    return found


def naive(frame: pd.DataFrame, floor: int) -> dict[str, pd.DataFrame]:
    """Withhold what is small and nothing else."""
    tables = {}
    for name, (one, two) in SLICES.items():
        for date in (1, 2):
            here = frame[frame["since"] <= date]
            table = pd.crosstab(here[one], here[two], margins=True, margins_name="total").astype(float)
            tables[f"{name} @ {date}"] = table.mask((table > 0) & (table < floor))
    return tables


def run_attack(n: int, rng: np.random.Generator) -> tuple[int, int, int, float]:
    """Attack n random firms; return firms leaking, firms leaking under the naive floor, cells shown, share shown."""
    leaks = naive_leaks = shown = cells = 0
    for _ in range(n):
        frame = firm(rng)
        tables = privacy.suppress_slices(frame, SLICES, floor=5, since="since", dates=[1, 2])
        leaks += bool(recovered(frame, tables, 5))
        naive_leaks += bool(recovered(frame, naive(frame, 5), 5))
        shown += sum(int(t.notna().sum().sum()) for t in tables.values())
        cells += sum(t.size for t in tables.values())
    return leaks, naive_leaks, shown, shown / cells


def test_attack_on_margins_overlapping_slices_and_two_dates() -> None:
    leaks, naive_leaks, _, share = run_attack(6, np.random.default_rng(20))
    assert leaks == 0
    assert naive_leaks > 4
    assert share > 0.3


@pytest.mark.long
def test_attack_on_a_thousand_firms() -> None:
    leaks, naive_leaks, _, share = run_attack(1000, np.random.default_rng(1))
    print(f"leaks {leaks}, naive floor leaks {naive_leaks}, share of cells shown {share:.3f}")
    assert leaks == 0
    assert naive_leaks > 900


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4), st.booleans())
def test_one_table_holds(rows: list[list[int]], totals: bool) -> None:
    table = pd.DataFrame(rows, columns=list("xyz"))
    out = privacy.suppress(table, floor=5, totals=totals)
    full = table.copy()
    if totals:
        full["total"] = full.sum(axis=1)
        full.loc["total"] = full.sum()
    small = (full.to_numpy() > 0) & (full.to_numpy() < 5)
    assert out.isna().to_numpy()[small].all()
    assert np.array_equal(out.to_numpy()[out.notna()], full.to_numpy()[out.notna()])
    spans = privacy.attack(out, totals=totals)
    assert (spans["high"] - spans["low"] > 0.5).all()
    if not small.any():
        assert out.notna().all().all()


def test_nothing_small_nothing_withheld_and_zeros_are_shown() -> None:
    table = pd.DataFrame({"x": [20, 0], "y": [0, 30]})
    assert privacy.suppress(table).notna().all().all()


def test_growth_since_an_earlier_report_is_hidden_too() -> None:
    before = pd.DataFrame({"x": [20, 30], "y": [40, 50]}, index=["a", "b"])
    now = before + pd.DataFrame({"x": [2, 0], "y": [20, 30]}, index=["a", "b"])
    first = privacy.suppress(before)
    assert first.notna().all().all()
    careless = privacy.suppress(now)
    assert careless.at["a", "x"] - first.at["a", "x"] == 2
    second = privacy.suppress(now, earlier=first)
    assert np.isnan(second.at["a", "x"])
    assert second.isna().sum().sum() >= 2
    with pytest.raises(DataError, match="has shrunk from 20 to 1"):
        privacy.suppress(pd.DataFrame({"x": [1, 30], "y": [40, 50]}, index=["a", "b"]), earlier=first)


def test_a_slice_of_some_people_does_not_give_the_others_away() -> None:
    frame = pd.DataFrame(
        {"unit": ["A"] * 20 + ["B"] * 20, "manager": [True] * 2 + [False] * 18 + [True] * 8 + [False] * 12}
    )
    frame["staff"] = ~frame["manager"]
    tables = privacy.suppress_slices(frame, {"all": ["unit"], "staff": ["unit"]}, where={"staff": "staff"})
    everybody, staff = tables["all"]["n"], tables["staff"]["n"]
    assert np.isnan(everybody["A"]) or np.isnan(staff["A"])
    assert not (everybody.notna() & staff.notna() & (everybody - staff).between(1, 4)).any()


def test_counts_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 cells are not counts \(\('b', 'x'\)\)"):
        privacy.suppress(pd.DataFrame({"x": [1, -2]}, index=["a", "b"]))
    with pytest.raises(DataError, match="slice 'deep' has 3 columns"):
        privacy.suppress_slices(pd.DataFrame({"a": [1], "b": [1], "c": [1]}), {"deep": ["a", "b", "c"]})


# ---- erasure -------------------------------------------------------------------------------------------------------


def test_erase_leaves_no_cell() -> None:
    frames = {
        "people": pd.DataFrame(
            {"manager": ["bo", None, "ana"]}, index=pd.Index(["ana", "bo", "cy"], name="person")
        ),
        "ties": pd.DataFrame(
            {"teacher": ["ana", "bo", "cy"], "learner": ["bo", "cy", "bo"], "weight": [1, 2, 3]}
        ),
        "completions": pd.DataFrame({"person": ["ana", "bo"], "author": ["bo", "ana"]}),
    }
    out = privacy.erase(frames, "ana")
    assert list(out["people"].index) == ["bo", "cy"]
    assert out["people"]["manager"].isna().all()
    assert out["ties"]["teacher"].tolist() == ["bo", "cy"]
    assert out["completions"]["person"].tolist() == ["bo"]
    assert out["completions"]["author"].isna().all()
    assert frames["people"].at["cy", "manager"] == "ana"
    assert not any((f == "ana").any().any() or "ana" in f.index for f in out.values())
    with pytest.raises(DataError, match="give the id of a person"):
        privacy.erase(frames, "")


# ---- permissions ---------------------------------------------------------------------------------------------------


def test_permissions() -> None:
    net = PeerNetwork(["a", "b"], pd.DataFrame({"teacher": ["a"], "learner": ["b"]}))
    privacy.require(net, "person_level", function="silos.constraint")
    granted = Permissions(study="Pilot", analyses={"person_level": ("silos.bridging_share",)})
    locked = net.with_permissions(granted)
    said = r"silos.constraint is locked: the study 'Pilot' does not allow it .* person_level = \["
    with pytest.raises(PermissionLocked, match=said):
        privacy.require(locked, "person_level", function="silos.constraint")
    privacy.require(locked, "person_level", function="silos.bridging_share")
    assert not privacy.allows(locked, "person_level")
    assert privacy.allows(locked, "person_level", function="silos.bridging_share")
    everything = net.with_permissions(Permissions(analyses={"person_level": ("*",)}))
    privacy.require(everything, "person_level", function="f")


# ---- exports -------------------------------------------------------------------------------------------------------

NASTY = ["=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1", " =1", "plain", "-5", "1,5", "\r=1"]


def network() -> PeerNetwork:
    people = pd.DataFrame({"name": ["=cmd()", "Bo\x0b<x>"], "grade": [1.0, np.nan]}, index=["a", "b"])
    return PeerNetwork(people, pd.DataFrame({"teacher": ["a"], "learner": ["b"], "weight": [2.0]}))


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    frame = pd.DataFrame({"=head": NASTY, "n": [-1] * len(NASTY)}, index=pd.Index(NASTY, name="=id"))
    path = privacy.to_csv(frame, tmp_path / "t.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [c for c in cells if c.strip()[:1] in tuple("=+@＝") and c.strip() != "+"]
    assert "-5" in cells and "-1" in cells and "'-2+3" in cells


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    frame = pd.DataFrame(
        {"name": NASTY[:6], "n": [1, 2, 3, 4, None, 6], "t": pd.Timestamp("2025-01-01", tz="UTC")}
    )
    path = privacy.to_xlsx({"a/b": frame}, tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert not [c for row in sheet.iter_rows() for c in row if c.data_type == "f"]
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_labels_of_several_levels_separators_and_control_characters(tmp_path: Path) -> None:
    rows = pd.MultiIndex.from_tuples([("=cmd()", "a"), ("b", "=1+1")], names=["=x", None])
    wide = pd.DataFrame(
        [[1, 2.5], [2, np.nan]], index=rows, columns=pd.MultiIndex.from_tuples([("=a", "b"), ("c", "d")])
    )
    got = list(
        csv.reader(privacy.to_csv(wide, tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert got == [["'=x", "", "'=a / b", "c / d"], ["'=cmd()", "a", "1", "2.5"], ["b", "'=1+1", "2", ""]]
    texts = pd.DataFrame({"t": ["x;=cmd()", "\x00=cmd()", "a\n@b", "a; b - c", "3;-4"]})
    path = privacy.to_csv(texts, tmp_path / "u.csv")
    assert path.read_text(encoding="utf-8-sig").startswith('"t"\n"x;\'=cmd()"\n')
    assert privacy.neutralise("\x00=cmd()").startswith("'") and privacy.neutralise("a\n@b") == "a\n'@b"
    assert [privacy.neutralise(t) for t in texts["t"][3:]] == ["a; b - c", "3;-4"]
    openpyxl = pytest.importorskip("openpyxl")
    sheet = openpyxl.load_workbook(privacy.to_xlsx(wide, tmp_path / "t.xlsx")).active
    assert [[c.value for c in row] for row in sheet] == [
        ["'=x", None, "'=a / b", "c / d"],
        ["'=cmd()", "a", 1, 2.5],
        ["b", "'=1+1", 2, None],
    ]
    with pytest.raises(DataError, match="there is no table to write"):
        privacy.to_xlsx({}, tmp_path / "v.xlsx")


@pytest.mark.parametrize("kind", ["graphml", "gexf"])
def test_names_of_attributes_are_clean_too(kind: str, tmp_path: Path) -> None:
    people = pd.DataFrame({"=col": ["p", "q"], "n": [1, 2]}, index=["ana", "bo"])
    net = PeerNetwork(people, pd.DataFrame({"teacher": ["ana"], "learner": ["bo"]}))
    text = getattr(privacy, f"to_{kind}")(net, tmp_path / "g").read_text(encoding="utf-8")
    assert "'=col" in text and '"=col' not in text


@pytest.mark.parametrize("kind", ["graphml", "gexf"])
def test_graph_files_point_from_teacher_to_learner(kind: str, tmp_path: Path) -> None:
    import networkx as nx

    path = getattr(privacy, f"to_{kind}")(network(), tmp_path / f"g.{kind}")
    graph = getattr(nx, f"read_{kind}")(str(path))
    assert list(graph.edges) == [("a", "b")]
    assert graph.nodes["a"]["name"] == "'=cmd()"
    assert graph.nodes["b"]["name"] == "Bo<x>"
    bare = getattr(privacy, f"to_{kind}")(network(), tmp_path / f"h.{kind}", attributes=[])
    assert "cmd" not in bare.read_text()


def test_person_level_exports_are_locked_in_a_study(tmp_path: Path) -> None:
    locked = network().with_permissions(Permissions(study="Pilot"))
    with pytest.raises(PermissionLocked, match=r"privacy.to_graphml is locked"):
        privacy.to_graphml(locked, tmp_path / "g.graphml")
    assert not (tmp_path / "g.graphml").exists()
