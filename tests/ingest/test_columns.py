"""Compact columns hold what lists would, in the order that sorting rows would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peernet.ingest import _columns
from peernet.ingest._columns import Texts, Words, in_order, text_column
from peernet.ingest._traces import Traces

TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_texts_are_a_list_of_texts(values: list[str]) -> None:
    held = Texts()
    held.extend(values)
    assert [held[i] for i in range(len(held))] == values
    rows = np.arange(len(values))[::-1]
    column = held.column(rows)
    assert column.tolist() == values[::-1]
    assert str(column.dtype) == "str"
    places = sorted(set(values))
    assert held.ranks(rows).tolist() == [places.index(v) for v in values[::-1]]
    codes = held.codes()
    assert [[a == b for b in codes] for a in codes] == [[a == b for b in values] for a in values]


def test_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_columns, "hash", lambda _: 7, raising=False)
    held = Texts()
    held.extend(["a", "b", "a"])
    assert not held.last_is("b")
    assert held.last_is("a")
    codes = held.codes()
    assert codes[0] == codes[2] != codes[1]


def test_words_and_columns_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Words()
    codes = np.array([words.code(w) for w in ("b", "a", "b", "")])
    held = Texts()
    held.extend(["x", "é"])
    want = words.column(codes), text_column(["p", "q"], np.array([1, 0])), held.column(np.array([1, 0]))
    plain = pd.StringDtype("python", na_value=np.nan)
    monkeypatch.setattr(pd, "StringDtype", lambda **_: plain)
    got = words.column(codes), text_column(["p", "q"], np.array([1, 0])), held.column(np.array([1, 0]))
    assert [c.tolist() for c in got] == [c.tolist() for c in want]
    assert words.ranks().tolist() == [2, 1, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", "aa", "é"]), st.integers(0, 2)), max_size=25
    )
)
def test_order_is_that_of_sorted_rows(rows: list[tuple[int, str, int]]) -> None:
    held = Texts()
    held.extend([r[1] for r in rows])
    time, rank = (np.array([r[k] for r in rows], dtype=np.int64) for k in (0, 2))
    at = in_order(time, held, np.arange(len(rows)), rank)
    assert [rows[i] for i in at] == sorted(rows)


def slow(trace: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Events as rows, sorted, the second of the same evidence numbered."""
    seen: dict[str, int] = {}
    out = []
    for time, evidence, kind, teacher, learner, weight in sorted(trace):
        seen[evidence] = seen.get(evidence, 0) + 1
        name = evidence if seen[evidence] == 1 else f"{evidence}#{seen[evidence]}"
        out.append((name, time, teacher, learner, kind, weight))
    return out


def test_a_trace_is_a_sorted_table_of_its_ties_and_attendances() -> None:
    rng = np.random.default_rng(2)
    trace, rows, seen = Traces("read_x", "x"), [], {}
    for k in range(300):
        a, b = (int(i) for i in rng.choice(9, 2, replace=False))
        time, kind, evidence = (
            int(rng.integers(0, 40)) * 10**6,
            str(rng.choice(["answer", "ask"])),
            f"m{k % 170}",
        )
        trace.tie(
            time, trace.account(f"p{a}"), trace.account(f"p{b}"), kind, weight=k + 1.0, evidence=evidence
        )
        rows.append((time, evidence, kind, f"p{a}", f"p{b}", k + 1.0))
        session, role = f"s{int(rng.integers(0, 20)):02d}", str(rng.choice(["host", "guest"]))
        trace.attend(session, trace.account(f"p{a}"), time, role, "talk")
        key = (session, f"p{a}", role)
        seen[key] = min(seen.get(key, time), time)
    found = trace.records(None, None, direction="told")
    events = found.events
    micro = events["time"].astype("int64").tolist()
    columns = [events[c].tolist() for c in ("teacher", "learner", "kind", "weight")]
    assert list(zip(events["event_id"].tolist(), micro, *columns, strict=True)) == slow(rows)
    sessions = found.sessions
    got = {
        (r.session, r.person, r.role): r.time.value // 1000 if r.time.unit == "ns" else r.time.value
        for r in sessions.itertuples()
    }
    assert got.keys() == seen.keys()
    assert sessions["time"].astype("int64").tolist() == sorted(seen.values())
