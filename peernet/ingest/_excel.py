"""Spreadsheets to rows of text: numbers as they are shown, dates in ISO, formulas by their stored value."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

from peernet.errors import DataError

__all__ = ["sheet_rows"]

_ZEROS = re.compile(r"^0{2,}$")
MAX_CELLS = 20_000_000


def sheet_rows(path: Path) -> list[list[str]]:
    """Return the rows of the first sheet that holds anything."""
    from peernet.ingest._files import Archive

    with Archive(path, path.name):
        pass  # the checks against bombs and broken zips
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path.name}: reading xlsx needs openpyxl. Install peernet[ingest], or save as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = _first_filled(book)
        book.close()
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{path.name} is not a workbook that can be read ({type(error).__name__}). Save it again."
        ) from None
    if rows is None:
        raise DataError(f"{path.name} is empty (0 rows). Export it again.")
    return rows


def _first_filled(book: Any) -> list[list[str]] | None:
    """Return the rows of the first sheet with a filled cell."""
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        rows = []
        cells = 0
        for row in sheet.iter_rows():
            cells += len(row)
            if cells > MAX_CELLS:
                raise DataError(f"the sheet {sheet.title!r} has more than {MAX_CELLS} cells. Save it as CSV.")
            rows.append([_text(cell) for cell in row])
        if any(any(row) for row in rows):
            width = max(len(row) for row in rows)
            return [row + [""] * (width - len(row)) for row in rows]
    return None


def _text(cell: Any) -> str:
    """Write a cell as it is meant."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        shape = str(getattr(cell, "number_format", "") or "")
        return str(value).zfill(len(shape)) if _ZEROS.match(shape) else str(value)
    return repr(value) if isinstance(value, float) else str(value)
