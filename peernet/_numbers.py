"""How numbers and small tables are written for people."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["MOST_ROWS", "cell", "format_number", "format_p", "html_table"]

MOST_ROWS = 30


def format_number(value: float, digits: int = 3) -> str:
    """Write a number with ``digits`` significant digits; missing as ``n/a``.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Significant digits.

    Returns
    -------
    str
        For people: thousands in groups, no exponent between 0.0001 and a million.
    """
    if value is None or np.isnan(value):
        return "n/a"
    if np.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    if value != 0 and (abs(value) >= 10**6 or abs(value) < 10**-4):
        return f"{value:.{digits - 1}e}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace(",", " ")
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text else text


def format_p(p: float) -> str:
    """Write a p-value as ``p = .032`` or ``p < .001``.

    Parameters
    ----------
    p : float
        In [0, 1] or NaN.

    Returns
    -------
    str
        With three decimals.
    """
    if np.isnan(p):
        return "p n/a"
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def cell(value: Any) -> str:
    """Write one cell."""
    if isinstance(value, (float, np.floating)):
        return format_number(float(value), 4)
    return str(value).replace("|", "\\|")


def html_table(frame: pd.DataFrame) -> str:
    """Write a small frame as plain semantic HTML."""
    head = "".join(f'<th scope="col">{escape(str(c))}</th>' for c in frame.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell(v))}</td>" for v in row) + "</tr>"
        for row in frame.head(MOST_ROWS).itertuples(index=False)
    )
    more = f"<caption>first {MOST_ROWS} of {len(frame)} rows</caption>" if len(frame) > MOST_ROWS else ""
    return f"<table>{more}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
