from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from peernet.reports._table import html_table


def table(frame: pd.DataFrame, **options: Any) -> str:
    given: dict[str, Any] = {
        "caption": "c",
        "formats": {},
        "missing": "no evidence",
        "index": True,
        "max_rows": 60,
    }
    return html_table(frame, **{**given, **options})


def cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html.split("<tbody>")[1])
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_every_text_is_escaped() -> None:
    frame = pd.DataFrame({"<b>": ["<script>"]}, index=pd.Index(["R&D"], name="<i>"))
    html = table(frame, caption="<u>")
    for raw in ("<b>", "<script>", "R&D", "<i>", "<u>"):
        assert raw not in html
    assert '<th scope="row">R&amp;D</th><td>&lt;script&gt;</td>' in html


def test_numbers_read_well() -> None:
    frame = pd.DataFrame(
        {
            "n": [1964, 1_234_567],
            "share": [0.12345, -0.5],
            "big": [12.345, 100.5],
            "p_value": [0.00004, 0.0312],
            "whole": [1.0, -2.0],
            "two": [0.25, 0.5],
            "zero": [0.0, 0.0],
        }
    )
    assert cells(table(frame, index=False)) == [
        ["1\u202f964", "0.123", "12.3", "&lt;0.001", "1", "0.25", "0"],
        ["1\u202f234\u202f567", "\u22120.500", "100.5", "0.031", "\u22122", "0.50", "0"],
    ]


def test_missing_is_a_dash_with_a_legend_and_not_zero() -> None:
    frame = pd.DataFrame({"x": [0.0, np.nan], "y": ["a", None], "t": [pd.NaT, pd.Timestamp("2024-05-01")]})
    html = table(frame, index=False)
    assert cells(html) == [["0", "a", "–"], ["–", "–", "2024-05-01"]]
    assert '<p class="table-note">– no evidence</p>' in html
    assert "table-note" not in table(frame[["x"]].iloc[:1])


def test_infinities_booleans_and_intervals() -> None:
    frame = pd.DataFrame(
        {"a": [np.inf, -np.inf], "b": [True, False], "c": pd.IntervalIndex.from_breaks([0, 1, 2])}
    )
    assert cells(table(frame, index=False)) == [["∞", "yes", "0 to 1"], ["\u2212∞", "no", "1 to 2"]]


def test_formats_by_column() -> None:
    frame = pd.DataFrame({"share": [0.123, np.nan], "unit": ["a", "b"]})
    html = table(frame, index=False, formats={"share": ".0%", "unit": lambda unit: f"<{unit}>"})
    assert cells(html) == [["12%", "&lt;a&gt;"], ["–", "&lt;b&gt;"]]


def test_long_words_may_break() -> None:
    frame = pd.DataFrame({"x": ["hypotheses.dyadic_regression", "short.name", "a" * 30]})
    shown = [row[0] for row in cells(table(frame, index=False))]
    assert shown == ["hypotheses.<wbr>dyadic_<wbr>regression", "short.name", "a" * 30]


def test_long_tables_say_what_they_leave_out() -> None:
    html = table(pd.DataFrame({"x": range(1500)}), max_rows=2)
    assert len(cells(html)) == 2
    assert "First 2 of 1\u202f500 rows." in html


def test_two_levels_of_columns_and_rows() -> None:
    columns = pd.MultiIndex.from_tuples([("teach", "a"), ("teach", "b"), ("learn", "a")])
    index = pd.MultiIndex.from_tuples([("x", 1)], names=["site", "wave"])
    html = table(pd.DataFrame([[1, 2, 3]], index=index, columns=columns))
    assert '<th scope="colgroup" colspan="2">teach</th>' in html
    assert html.count('<th scope="col" class="num">') == 4
    assert cells(html) == [["x", "1", "1", "2", "3"]]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_same_frame_same_bytes(n: int) -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, n), "u": list("abc")[:n]})
    assert table(frame) == table(frame.copy())
    assert len(cells(table(frame))) == n
