"""Files for other programs, in which no cell can turn into a formula and no person appears unasked."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from peernet.errors import DataError
from peernet.privacy.permissions import require

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["neutralise", "to_csv", "to_gexf", "to_graphml", "to_xlsx"]

_FORMULA = re.compile(r"^[\s\x00-\x1f\x7f-\x9f\u00a0\u200b-\u200f\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
# Where a spreadsheet splits at semicolons (German Excel), what follows one begins a cell, also inside quotation marks.
_INNER = re.compile(r"([;\t\n][\s\x00-\x1f\u00a0\ufeff]*)(?=[=+@\uff1d\uff0b\uff20]|[-\uff0d](?![\s\d]))")
_NUMBER = re.compile(r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*%?$")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def neutralise(value: Any) -> Any:
    """Cell that no spreadsheet takes for a formula: an apostrophe in front of ``=``, ``+``, ``-``, ``@``.

    The same inside the text after a semicolon, a tab or a line break, where some spreadsheets begin a new cell.

    Parameters
    ----------
    value : object
        Text is guarded (numbers written as text stay), everything else is returned as it is.

    Returns
    -------
    object
        The same kind of thing.

    Examples
    --------
    >>> neutralise("=cmd()"), neutralise("-5"), neutralise("Bo")
    ("'=cmd()", '-5', 'Bo')
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # a bare CR would open a new row
    text = _INNER.sub(r"\1'", text)
    return "'" + text if _FORMULA.match(text) and not _NUMBER.match(text.strip()) else text


def _guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Neutralise cells, headings and labels."""
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"give a DataFrame; got {type(frame).__name__}.")
    out = frame.copy()
    for position in range(out.shape[1]):
        values = out.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_datetime64_any_dtype(
            values.dtype
        ):
            out.isetitem(position, values.astype("object").map(neutralise))  # type: ignore[arg-type]
    labels: list[Any] = list(out.columns)
    heads = [" / ".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in labels]
    out.columns = pd.Index([neutralise(c) for c in heads])
    names = [neutralise(n) for n in out.index.names]
    if isinstance(out.index, pd.MultiIndex):
        out.index = pd.MultiIndex.from_tuples(
            [tuple(neutralise(v) for v in label) for label in out.index], names=names
        )
    elif not isinstance(out.index, pd.RangeIndex):
        out.index = pd.Index([neutralise(v) for v in out.index], name=names[0])
    return out


def to_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """CSV file (UTF-8 with BOM, for Excel) in which no cell is a formula; every text stands in quotation marks.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table; a meaningful index is written, headings of several levels as ``a / b``.
    path : path
        Where to write.

    Returns
    -------
    pathlib.Path
        The file.
    """
    where = Path(path)
    safe = _guarded(frame)
    safe.to_csv(
        where,
        index=not isinstance(frame.index, pd.RangeIndex),
        encoding="utf-8-sig",
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC,
    )
    return where


def to_xlsx(frames: pd.DataFrame | dict[str, pd.DataFrame], path: str | os.PathLike[str]) -> Path:
    """Workbook with one sheet a table, every text stored as text and never as a formula.

    Parameters
    ----------
    frames : pandas.DataFrame or dict of pandas.DataFrame
        Tables by sheet name.
    path : path
        Where to write.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DataError
        When openpyxl is not installed, or there is no table.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError("writing xlsx needs openpyxl. Install peernet[ingest], or use to_csv.") from None
    tables = {"table": frames} if isinstance(frames, pd.DataFrame) else frames
    if not tables:
        raise DataError("to_xlsx: there is no table to write. Give a DataFrame, or a dict with at least one.")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, frame in tables.items():
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", str(name))[:31] or "table")
        safe = _guarded(frame)
        named = not isinstance(frame.index, pd.RangeIndex)
        rows = [([n or "" for n in safe.index.names] if named else []) + list(safe.columns)]
        rows += [
            (list(label) if isinstance(label, tuple) else [label] if named else []) + list(row)
            for label, row in zip(safe.index, safe.itertuples(index=False), strict=True)
        ]
        for i, row in enumerate(rows, 1):
            for j, value in enumerate(row, 1):
                cell = sheet.cell(i, j)
                cell.value = _plain(value)
                if isinstance(cell.value, str):
                    cell.data_type = "s"
    where = Path(path)
    book.save(where)
    return where


def _plain(value: Any) -> Any:
    """Turn a value into what a workbook can hold."""
    if value is None or value is pd.NaT or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return (
            value.tz_localize(None).to_pydatetime()
            if value.tzinfo is None
            else value.tz_convert("UTC").tz_localize(None).to_pydatetime()
        )
    if isinstance(value, str):
        return _NOT_XML.sub("", value)[:32_767]
    return value.item() if hasattr(value, "item") else value


def _graph(net: PeerNetwork, function: str, attributes: list[str] | None) -> Any:
    """Make a directed graph for writing: chosen attributes, texts clean, nothing that is not a plain value."""
    require(net, "person_level", function=function)
    graph = net.to_networkx(edge_means="teaches")
    graph.graph.clear()  # what the study allows is not written into the file
    for _, data in graph.nodes(data=True):
        for key in list(data):
            if attributes is not None and key not in attributes:
                del data[key]
            else:
                _clean_value(data, key)
    for _, _, data in graph.edges(data=True):
        for key in list(data):
            _clean_value(data, key)
    import networkx as nx

    safe = {node: neutralise(_NOT_XML.sub("", str(node))) for node in graph}
    if len(set(safe.values())) < len(safe):
        raise DataError(
            f"{function}: two ids are the same once control characters are removed. Correct the ids."
        )
    return nx.relabel_nodes(graph, safe, copy=True)


def _clean_value(data: dict[str, Any], key: str) -> None:
    """Make one attribute writable, or remove it where it is missing."""
    value = data.pop(key)
    key = neutralise(_NOT_XML.sub("", str(key)))
    if value is None or value is pd.NaT or (not isinstance(value, (str, list, dict)) and pd.isna(value)):
        return
    if isinstance(value, str):
        data[key] = neutralise(_NOT_XML.sub("", value))
    elif hasattr(value, "item"):
        data[key] = value.item()
    elif isinstance(value, (bool, int, float)):
        data[key] = value
    else:
        data[key] = neutralise(_NOT_XML.sub("", str(value)))


def to_graphml(
    net: PeerNetwork, path: str | os.PathLike[str], *, attributes: list[str] | None = None
) -> Path:
    """GraphML file (Gephi, yEd, igraph); an edge points from teacher to learner.

    Parameters
    ----------
    net : PeerNetwork
        One node a person: person-level, locked where the study does not list it.
    path : path
        Where to write.
    attributes : list of str, optional
        Columns of people to write; all by default, none with an empty list.

    Returns
    -------
    pathlib.Path
        The file.
    """
    import networkx as nx

    nx.write_graphml_xml(_graph(net, "privacy.to_graphml", attributes), str(path))
    return Path(path)


def to_gexf(net: PeerNetwork, path: str | os.PathLike[str], *, attributes: list[str] | None = None) -> Path:
    """GEXF file (Gephi); an edge points from teacher to learner.

    Parameters
    ----------
    net : PeerNetwork
        One node a person: person-level, locked where the study does not list it.
    path : path
        Where to write.
    attributes : list of str, optional
        Columns of people to write; all by default, none with an empty list.

    Returns
    -------
    pathlib.Path
        The file.
    """
    import networkx as nx

    nx.write_gexf(_graph(net, "privacy.to_gexf", attributes), str(path))
    return Path(path)
