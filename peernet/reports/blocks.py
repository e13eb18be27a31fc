"""What notebooks write a report with: a cover, figures with alternative text, tables, computed prose."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from peernet._check import literal
from peernet.reports._document import COVER_MIME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from pandas import DataFrame, Series

    from peernet.reports._table import Format

__all__ = ["cover", "file_hashes", "plain", "prose", "show", "table"]

_DPI = 160


def cover(
    *,
    title: str,
    subtitle: str = "",
    organisation: str = "",
    study: str = "",
    purpose: str = "",
    period: str = "",
    sources: Sequence[str] = (),
    floor: int | None = None,
    date: str = "",
    authors: str = "",
    note: str = "",
    hashes: Mapping[str, str] | None = None,
    lang: str = "en",
    layout: Literal["report", "page"] = "report",
) -> None:
    """Display the facts that every report states about itself: its cover and its footer.

    In the notebook a card is shown; the exporter reads the same facts (media type
    ``application/vnd.peernet.report+json``). A second call replaces single facts and adds hashes. Fields left
    empty are not shown. There is no date unless one is given, so that the same data give the same file.

    Parameters
    ----------
    title, subtitle : str
        What the report is called.
    organisation, study : str
        Whose report it is, and as part of which study.
    purpose : str
        What the people in the data were told it is for.
    period : str
        The time that the data cover, in words.
    sources : sequence of str
        One line per source.
    floor : int, optional
        Groups of fewer people are not shown; 1 says that there is no floor.
    date, authors, note : str
        Shown as given.
    hashes : mapping of str to str, optional
        SHA-256 by file name, see `file_hashes`.
    lang : str
        Language of the report, such as ``"en"``.
    layout : {"report", "page"}
        A report has a cover, contents and a footer. A page has a head line and a foot line, for one sheet of A4
        (whether it fits is for the author to see: print it).

    Raises
    ------
    ValueError
        If ``title`` is empty or ``floor`` is below 1.
    """
    from IPython.display import display

    literal("layout", layout, ("report", "page"))
    if not title.strip():
        raise ValueError("title must not be empty: it heads the cover")
    if floor is not None and floor < 1:
        raise ValueError(f"floor must be at least 1 (no floor); got {floor}")
    if isinstance(sources, str):
        raise ValueError("sources must be a list with one line per source, not one string")
    facts: dict[str, Any] = {
        "title": title, "subtitle": subtitle, "organisation": organisation, "study": study, "purpose": purpose,
        "period": period, "date": date, "authors": authors, "note": note, "lang": lang,
        "layout": "" if layout == "report" else layout,
    }  # fmt: skip
    facts = {key: str(value) for key, value in facts.items() if value}
    if sources:
        facts["sources"] = [str(source) for source in sources]
    if floor is not None:
        facts["floor"] = int(floor)
    if hashes:
        facts["hashes"] = {str(name): str(digest) for name, digest in hashes.items()}
    bundle = {COVER_MIME: facts, "text/html": _card(facts), "text/plain": f"Report: {title}"}
    display(bundle, raw=True)  # type: ignore[no-untyped-call, unused-ignore]


def _card(facts: Mapping[str, Any]) -> str:
    """The cover as it looks in a notebook."""
    rows = []
    labels = {
        "organisation": "Organisation", "study": "Study", "purpose": "Purpose", "period": "Period",
        "sources": "Sources", "floor": "Smallest group shown", "date": "Date", "authors": "Prepared by", "note": "Note",
    }  # fmt: skip
    for key, label in labels.items():
        value = facts.get(key)
        if value is None:
            continue
        if key == "floor":
            value = f"{value} people" if value > 1 else "no floor"
        text = "; ".join(value) if isinstance(value, list) else str(value)
        rows.append(
            f'<tr><th scope="row" style="text-align:left">{label}</th>'
            f'<td style="text-align:left">{escape(text)}</td></tr>'
        )
    subtitle = f"<p>{escape(facts['subtitle'])}</p>" if "subtitle" in facts else ""
    return (
        '<div style="border-left:4px solid #0b5a72;padding:0.4em 1em;margin:0.5em 0">'
        f'<p style="font-size:1.5em;font-weight:600;margin:0.2em 0">{escape(facts["title"])}</p>'
        f"{subtitle}<table>{''.join(rows)}</table></div>"
    )


def file_hashes(*paths: str | Path) -> dict[str, str]:
    """SHA-256 of files, for the footer of a report.

    Parameters
    ----------
    *paths : path
        Files, or folders whose files are all taken, hidden ones left out.

    Returns
    -------
    dict of str to str
        Hexadecimal digest by file name; files in a folder are named ``folder/file``. In order.

    Raises
    ------
    FileNotFoundError
        If a path does not exist.
    """
    found: dict[str, str] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file())
            files = {f"{path.resolve().name}/{p.relative_to(path).as_posix()}": p for p in inside}
            files = {name: p for name, p in files.items() if not re.search(r"/\.", name)}
        else:
            files = {path.name: path}
        for name, file in files.items():
            with file.open("rb") as handle:
                found[name] = hashlib.file_digest(handle, "sha256").hexdigest()
    return found


def show(
    figure: Figure | SubFigure | Axes | Any,
    *,
    alt: str,
    caption: str = "",
    format: Literal["png", "svg"] = "png",
) -> None:
    """Display a figure with a description in words, and close it.

    The bytes are the same in every run on the same machine: no date and no version are written into the picture.

    Parameters
    ----------
    figure : Figure, Axes, or an array of Axes
        What to show; for axes, the figure that they stand in.
    alt : str
        What the figure says, for those who cannot see it: the message and the main numbers, not the shapes.
    caption : str
        Shown below the figure in the report, numbered.
    format : {"png", "svg"}
        How the picture is stored.

    Raises
    ------
    ValueError
        If ``alt`` is empty.
    TypeError
        If there is no figure.
    """
    import base64
    import io

    import matplotlib as mpl
    from IPython.display import display

    literal("format", format, ("png", "svg"))
    if not alt.strip():
        raise ValueError("alt must say in words what the figure shows; it is empty")
    whole = _whole_figure(figure)
    facts: dict[str, Any] = {"alt": " ".join(alt.split())}
    if caption:
        facts["caption"] = " ".join(caption.split())
    buffer = io.BytesIO()
    if format == "png":
        whole.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
        raw = buffer.getvalue()
        pixels = (int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big"))
        facts["width"], facts["height"] = (round(side * 96 / _DPI) for side in pixels)
        kind, content = "image/png", base64.b64encode(raw).decode("ascii")
    else:
        with mpl.rc_context({"svg.hashsalt": "peernet", "svg.fonttype": "path"}):
            whole.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        kind, content = "image/svg+xml", buffer.getvalue().decode("utf-8")
    _close(whole)
    bundle = {kind: content, "text/plain": f"Figure: {facts['alt']}"}
    display(bundle, raw=True, metadata={kind: facts})  # type: ignore[no-untyped-call, unused-ignore]


def _whole_figure(figure: Any) -> Figure:
    from matplotlib.figure import Figure, FigureBase

    if not isinstance(figure, FigureBase) and hasattr(figure, "flat"):
        figure = next(iter(figure.flat))
    elif isinstance(figure, list | tuple) and figure:
        figure = figure[0]
    whole = figure if isinstance(figure, FigureBase) else getattr(figure, "figure", None)
    while whole is not None and not isinstance(whole, Figure):
        whole = getattr(whole, "figure", None)
    if whole is None:
        raise TypeError(f"figure must be a matplotlib Figure or Axes; got {type(figure).__name__}")
    return whole


def _close(figure: Figure) -> None:
    """Take the figure out of pyplot, so that the notebook does not show it again without its description."""
    import sys

    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)


def prose(text: str) -> None:
    """Display Markdown that was computed, so that no number in a report is typed by hand.

    Parameters
    ----------
    text : str
        Markdown, usually an f-string. Common indentation is taken off. Names that come from data belong
        through `plain`.
    """
    import textwrap

    from IPython.display import Markdown, display

    display(Markdown(textwrap.dedent(text).strip()))  # type: ignore[no-untyped-call, unused-ignore]


def plain(value: object) -> str:
    """A value from data as Markdown that shows as exactly that text.

    Parameters
    ----------
    value : object
        Such as the name of a unit.

    Returns
    -------
    str
        With every character that Markdown, HTML or TeX would read escaped.

    Examples
    --------
    >>> print(plain("R&D *core* <b>"))
    R&amp;D &#42;core&#42; &lt;b&gt;
    """
    text = " ".join(str(value).split())
    return "".join(_MARKDOWN.get(c, c) for c in text)


_MARKDOWN = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {c: f"&#{ord(c)};" for c in "\\`*_{}[]()#+!|~$@:^='\""}


def table(
    frame: DataFrame | Series | Any,
    *,
    caption: str,
    formats: Mapping[Any, Format] | None = None,
    missing: str = "no evidence",
    index: bool = True,
    max_rows: int = 60,
) -> None:
    """Display a table with a caption that a screen reader can walk through.

    Whole numbers are grouped by thousands; other numbers get the decimals that give the largest of their column
    three significant digits; a column named ``p_value`` never shows 0. What is missing is shown as an en dash
    with a legend. All text is escaped, and the same frame always gives the same bytes.

    Parameters
    ----------
    frame : DataFrame, Series, or a result with ``to_frame()``
        What to show.
    caption : str
        What the table says.
    formats : mapping, optional
        By column: a format such as ``".0%"``, or a function from value to text.
    missing : str
        What the en dash means.
    index : bool
        Whether to show the index, as row headers.
    max_rows : int
        Rows beyond this are left out, and the table says so.

    Raises
    ------
    ValueError
        If ``caption`` is empty, or ``formats`` names a column that is not there.
    """
    import pandas as pd
    from IPython.display import display

    from peernet._check import quoted, suggest
    from peernet.reports._table import html_table

    if not caption.strip():
        raise ValueError("caption must say what the table shows; it is empty")
    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    elif not isinstance(frame, pd.DataFrame):
        frame = frame.to_frame()
    unknown = [name for name in formats or {} if name not in frame.columns]
    if unknown:
        raise ValueError(
            f"formats names {quoted(unknown)}, which are not columns of the table."
            f"{suggest(unknown[0], frame.columns)} Columns: {', '.join(map(str, frame.columns))}"
        )
    page = html_table(
        frame, caption=caption, formats=formats or {}, missing=missing, index=index, max_rows=max_rows
    )
    said = f"Table: {caption} ({len(frame)} rows, {frame.shape[1]} columns)"
    display({"text/html": page, "text/plain": said}, raw=True)  # type: ignore[no-untyped-call, unused-ignore]
