"""A data frame as a semantic HTML table."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

__all__ = ["Format", "html_table"]

Format = str | Callable[[Any], str]

_DASH = "–"
_LONG_WORD = re.compile(r"[\w./]{20,}")
_THIN = "\u202f"
_MINUS = "\u2212"


def html_table(
    frame: pd.DataFrame,
    *,
    caption: str,
    formats: Mapping[Any, Format],
    missing: str,
    index: bool,
    max_rows: int,
) -> str:
    """Write a frame as ``<table>`` with caption, header cells with scope, and every text escaped."""
    shown = frame.iloc[:max_rows]
    columns = [_column(shown.iloc[:, j], formats.get(label)) for j, label in enumerate(frame.columns)]
    numeric = [_is_numeric(frame.iloc[:, j]) for j in range(frame.shape[1])]
    head = _head(frame, numeric, index)
    body = []
    for i in range(len(shown)):
        label = frame.index[i]
        parts = (label if isinstance(label, tuple) else (label,)) if index else ()
        cells = [f'<th scope="row">{_text(part)}</th>' for part in parts]
        for j, texts in enumerate(columns):
            cells.append(f'<td class="num">{texts[i]}</td>' if numeric[j] else f"<td>{texts[i]}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    notes = []
    if any(_DASH == text for texts in columns for text in texts):
        notes.append(f"{_DASH} {escape(missing)}")
    if len(shown) < len(frame):
        notes.append(f"First {len(shown)} of {_grouped(len(frame), 0)} rows.")
    below = f'<p class="table-note">{" · ".join(notes)}</p>' if notes else ""
    title = f"<caption>{escape(caption)}</caption>"
    rows = "\n".join(body)
    return f'<table class="peernet-table">{title}<thead>{head}</thead>\n<tbody>{rows}</tbody></table>{below}'


def _head(frame: pd.DataFrame, numeric: Sequence[bool], index: bool) -> str:
    levels = frame.columns.nlevels
    rows = []
    for level in range(levels):
        cells = []
        if index:
            names = frame.index.names
            for name in names:
                shown = _text(name) if name is not None and level == levels - 1 else ""
                cells.append(f'<th scope="col">{shown}</th>' if shown else "<td></td>")
        labels = [label[level] if levels > 1 else label for label in frame.columns]
        for label, span, j in _runs(labels, merge=level < levels - 1):
            extra = f' colspan="{span}"' if span > 1 else ""
            scope = "colgroup" if span > 1 else "col"
            kind = ' class="num"' if numeric[j] and span == 1 else ""
            cells.append(f'<th scope="{scope}"{extra}{kind}>{_text(label)}</th>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return "".join(rows)


def _runs(labels: Sequence[Any], *, merge: bool) -> Iterable[tuple[Any, int, int]]:
    start = 0
    while start < len(labels):
        end = start + 1
        while merge and end < len(labels) and labels[end] == labels[start]:
            end += 1
        yield labels[start], end - start, start
        start = end


def _is_numeric(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column.dtype):
        return False
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    known = [value for value in column if not _missing(value)]
    return bool(known) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _column(column: pd.Series, form: Format | None) -> list[str]:
    if form is not None:
        write = form if callable(form) else lambda value: format(value, form)
        return [_DASH if _missing(value) else escape(str(write(value))) for value in column]
    if _is_numeric(column):
        values = [None if _missing(value) else float(value) for value in column]
        if str(column.name).lower() in ("p", "p_value", "p-value"):
            return [_DASH if value is None else _p_value(value) for value in values]
        places = _places(values)
        return [_DASH if value is None else _grouped(value, places) for value in values]
    return [_text(value) for value in column]


def _places(values: Sequence[float | None]) -> int:
    """Decimals that give the largest value three significant digits; none where all are whole."""
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    if not known or all(value == int(value) for value in known):
        return 0
    places = min(max(2 - math.floor(math.log10(max(known))), 1), 4)
    while places > 1 and all(round(value, places - 1) == round(value, places) for value in known):
        places -= 1
    return places


def _grouped(value: float, places: int) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    text = f"{value:,.{places}f}".replace(",", _THIN)
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0." + _THIN) else _MINUS + text[1:]
    return text


def _p_value(value: float) -> str:
    return "&lt;0.001" if value < 0.001 else f"{value:.3f}"


def _text(value: Any) -> str:
    if _missing(value):
        return _DASH
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, pd.Interval):
        return escape(f"{value.left:g} to {value.right:g}")
    if isinstance(value, pd.Timestamp | dt.datetime):
        day = value.time() == dt.time(0)
        return escape(value.strftime("%Y-%m-%d" if day else "%Y-%m-%d %H:%M"))
    if isinstance(value, float):
        return escape(f"{value:.6g}".replace("-", _MINUS))
    return _LONG_WORD.sub(_breakable, escape(str(value))) or "&nbsp;"


def _breakable(word: re.Match[str]) -> str:
    return re.sub(r"(?<=[._/])(?=\w)", "<wbr>", word.group())
