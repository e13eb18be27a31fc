"""A roster, and short ways to look at records, for the tests of readers of traces."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from peernet import DataError
from peernet.records import Records

ROSTER = pd.DataFrame(
    {
        "name": ["Ana Alm", "Bo Berg", "Cy Ødegård", "Di Dahl"],
        "email": ["ana@firm.example", "bo@firm.example", "cy@firm.example", "di@firm.example"],
        "login": ["ana", "bo.b", "cy", "di"],
    },
    index=pd.Index(["007", "p2", "p3", "p4"], name="person"),
)
ANA, BO, CY, DI = ROSTER.index


def triples(records: Records) -> list[tuple[str, str, str]]:
    """Kind, teacher and learner of every event, in order of time."""
    return [(r.kind, r.teacher, r.learner) for r in records.events.itertuples()]


def balance(records: Records) -> dict[str, list[int]]:
    """Read, matched, used by kind of thing; checks that the books balance."""
    report = records.report
    for row in report.ledger.itertuples():
        lost = report.dropped.loc[report.dropped["what"] == row.what, "n"].sum()
        assert row.read == row.used + lost
    return {r.what: [r.read, r.matched, r.used] for r in report.ledger.itertuples()}


def well_formed(records: Records) -> None:
    """Whatever was read, the tables keep their promises."""
    events = records.events
    assert events["event_id"].is_unique
    assert str(events["time"].dtype) == "datetime64[us, UTC]"
    assert events["time"].notna().all()
    assert (events["weight"] > 0).all()
    assert (events["teacher"] != events["learner"]).all()
    assert set(events["teacher"]) | set(events["learner"]) <= set(records.people.index)
    assert records.report.direction
    assert records.report.time_zone
    assert len(records.report.files)
    balance(records)


def dump(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def pack(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(name, value)
    return path


def only_data_errors(read: Callable[[], Records]) -> None:
    """A damaged file is read, or refused in words: nothing else."""
    try:
        records = read()
    except DataError as error:
        assert len(str(error)) > 20
        assert "Traceback" not in str(error)
    else:
        well_formed(records)


NESTED = {
    "deep list": b"[" * 1000 + b"]" * 1000,
    "very deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "utf-16": '[{"id": "1"}]'.encode("utf-16"),
    "latin": '["é"]'.encode("latin-1"),
    "empty": b"",
    "a number": b"7",
    "null": b"null",
    "nan": b"[NaN, Infinity, 1e999]",
    "huge number": b'[{"id": ' + b"9" * 5000 + b"}]",
    "strings": b'["a", "b"]',
    "binary": bytes(range(256)),
    "nul": b'{"a": "\x00"}',
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["2024-01-01T00:00:00Z", "=cmd()", "1512085950.000216", "message", "ana", "?"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@st.composite
def damaged_json(draw: st.DrawFn, value: Any) -> bytes:
    """A document in which one value, somewhere, is replaced by another, or which is cut or garbled."""
    how = draw(st.sampled_from(["swap", "swap", "swap", "cut", "byte"]))
    raw = json.dumps(value, ensure_ascii=False).encode()
    if how == "cut":
        return raw[: draw(st.integers(0, len(raw)))]
    if how == "byte":
        at = draw(st.integers(0, len(raw) - 1))
        return raw[:at] + bytes([draw(st.integers(0, 255))]) + raw[at + 1 :]
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in (
            list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        ):
            places.append((node, key))
            walk(node[key])

    copy = json.loads(raw)
    walk(copy)
    node, key = draw(st.sampled_from(places))
    node[key] = draw(json_values)
    return json.dumps(copy, ensure_ascii=True).encode()
