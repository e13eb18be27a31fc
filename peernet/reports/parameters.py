"""The parameters of a notebook: what they are, and how a caller sets them."""

from __future__ import annotations

import ast
import datetime as dt
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peernet._check import suggest
from peernet.errors import DataError
from peernet.reports._document import has_tag
from peernet.reports._errors import ReportError

__all__ = ["Parameter", "inject", "notebook_parameters", "parse_value", "resolve_path"]

_PATH_NAME = re.compile(r"(^|_)(path|paths|dir|folder|file|files|data|study|root|export|source)(_|$)")
_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True)
class Parameter:
    """One name that a notebook's ``parameters`` cell assigns.

    Attributes
    ----------
    name : str
        Its name.
    source : str
        The default, as written in the cell.
    kind : {"text", "path", "whole number", "number", "yes or no", "any"}
        What it takes, judged by the annotation or else the default.
    optional : bool
        Whether it may be ``None``.
    help : str
        The comment behind it.
    """

    name: str
    source: str
    kind: str
    optional: bool
    help: str = ""


def notebook_parameters(nb: Any) -> dict[str, Parameter]:
    """The parameters that a notebook declares in its cell tagged ``parameters``.

    Parameters
    ----------
    nb : NotebookNode or path
        The notebook.

    Returns
    -------
    dict of str to Parameter
        In the order of the cell; empty where no cell is tagged.

    Raises
    ------
    ReportError
        Where several cells are tagged, or the cell is not valid Python.
    """
    if isinstance(nb, str | Path):
        from peernet.reports.rendering import read_notebook

        nb = read_notebook(Path(nb))
    code = [(n, cell) for n, cell in enumerate(nb.cells, 1) if cell.cell_type == "code"]
    cells = [(n, cell) for n, cell in code if has_tag(cell, "parameters")]
    if not cells:
        return {}
    if len(cells) > 1:
        raise ReportError(
            f"cells {', '.join(str(n) for n, _ in cells)} are all tagged 'parameters'; tag one only."
        )
    number, cell = cells[0]
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        raise ReportError(f"cell {number} (tagged 'parameters') is not valid Python: {error.msg}.") from error
    lines = cell.source.splitlines()
    found: dict[str, Parameter] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            names, hint = [node.target.id], ast.unparse(node.annotation)
        elif isinstance(node, ast.Assign):
            names, hint = [target.id for target in node.targets if isinstance(target, ast.Name)], ""
        else:
            continue
        comment = re.search(r"#\s*(.*)$", lines[node.end_lineno - 1][_column(node, lines) :])
        for name in names:
            kind, optional = _kind(name, hint, node.value)
            text = comment.group(1).strip() if comment else ""
            found[name] = Parameter(name, ast.unparse(node.value), kind, optional, text)
    return found


def _column(node: ast.stmt, lines: list[str]) -> int:
    line = lines[(node.end_lineno or 1) - 1]
    return len(line.encode()[: node.end_col_offset or 0].decode(errors="ignore"))


def _kind(name: str, hint: str, default: ast.expr) -> tuple[str, bool]:
    value: Any = ...
    try:
        value = ast.literal_eval(default)
    except ValueError:
        pass
    parts = {part.strip(" '\"") for part in re.split(r"\||\[|\]|,", hint)}
    optional = value is None or "None" in parts or "Optional" in parts
    words = parts - {"None", "Optional", ""}
    call = isinstance(default, ast.Call) and ast.unparse(default.func).endswith("Path")
    if call or words & {"Path", "pathlib.Path"}:
        return "path", optional
    for types, kind in (
        ({"bool"}, "yes or no"),
        ({"int"}, "whole number"),
        ({"float"}, "number"),
        ({"str"}, "text"),
    ):
        if words and words <= types:
            return kind, optional
    if words:
        return "any", optional
    for sort, kind in ((bool, "yes or no"), (int, "whole number"), (float, "number"), (str, "text")):
        if isinstance(value, sort):
            return kind, optional
    return ("path" if value is None and _PATH_NAME.search(name) else "any"), optional


def parse_value(text: str, parameter: Parameter) -> Any:
    """Read a value typed on a command line as what the parameter takes.

    Text stays text (``unit=007`` stays ``"007"``); yes/no words, whole numbers and numbers are read as such;
    where the default tells nothing, Python literals are read and all else is text. Nothing is evaluated.

    Parameters
    ----------
    text : str
        As typed.
    parameter : Parameter
        Which one it is for.

    Returns
    -------
    object
        The value.

    Raises
    ------
    DataError
        Where it cannot be read.
    """
    bare = text.strip()
    if parameter.optional and bare in ("None", "none", ""):
        return None
    if parameter.kind in ("text", "path"):
        quoted = len(bare) >= 2 and bare[0] == bare[-1] and bare[0] in "'\""
        return bare[1:-1] if quoted else text
    try:
        if parameter.kind == "yes or no":
            return _WORDS[bare.lower()]
        if parameter.kind == "whole number":
            return int(bare.replace("_", ""))
        if parameter.kind == "number":
            return float(bare)
    except (KeyError, ValueError):
        raise DataError(
            f"parameter {parameter.name}: {text!r} is not a {parameter.kind} (its default is {parameter.source})."
        ) from None
    if bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    try:
        return ast.literal_eval(bare)
    except (ValueError, SyntaxError):
        return text


def check_names(given: Mapping[str, Any], known: Mapping[str, Parameter], notebook: str) -> None:
    """Refuse names that the notebook does not declare."""
    for name in given:
        if name in known:
            continue
        if not known:
            raise DataError(
                f"{notebook} has no cell tagged 'parameters', so parameter {name!r} cannot be set."
            )
        listed = ", ".join(known)
        raise DataError(f"{notebook} has no parameter {name!r}.{suggest(name, known)} Parameters: {listed}.")


def resolve_path(value: Any, parameter: Parameter, cwd: Path) -> Any:
    """A path that the caller wrote, from where the caller stands.

    Text is taken for a path when the parameter is one, or when something of that name is there beside the caller
    and either the parameter's name or the text looks like a path. Paths are made absolute, so that the notebook
    finds them from its own folder and also where it joins them to another.
    """
    if not isinstance(value, str | os.PathLike) or value == "":
        return value
    text = os.fspath(value)
    looks_like = (
        "/" in text or os.sep in text or bool(Path(text).suffix) or bool(_PATH_NAME.search(parameter.name))
    )
    is_path = parameter.kind == "path" or not isinstance(value, str)
    full = Path(os.path.normpath(cwd / Path(text).expanduser()))
    return str(full) if is_path or (looks_like and full.exists()) else value


def inject(nb: Any, values: Mapping[str, Any], known: Mapping[str, Parameter]) -> None:
    """Put a cell that sets the parameters behind the one that declares them.

    The cell is tagged ``injected-parameters``; one that an earlier run left is replaced.
    """
    import nbformat

    nb.cells = [cell for cell in nb.cells if not has_tag(cell, "injected-parameters")]
    if not values:
        return
    position = next(i for i, cell in enumerate(nb.cells) if has_tag(cell, "parameters"))
    lines = ["# Set by the caller of this report"]
    paths = [name for name in values if "Path(" in known[name].source and isinstance(values[name], str)]
    if paths:
        lines.append("from pathlib import Path")
    lines += [f"{name} = {_literal(value, name, as_path=name in paths)}" for name, value in values.items()]
    tags = {"tags": ["injected-parameters"]}
    cell = nbformat.v4.new_code_cell("\n".join(lines), metadata=tags, id="injected-parameters")  # type: ignore[no-untyped-call]
    nb.cells.insert(position + 1, cell)


def _literal(value: Any, name: str, *, as_path: bool = False) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, dt.date):
        value = value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, str):
        return f"Path({value!r})" if as_path else repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, bool | int | float | None):
        return repr(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(_literal(item, name) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(k, name)}: {_literal(v, name)}" for k, v in value.items()) + "}"
    raise DataError(
        f"parameter {name}: a {type(value).__name__} cannot be written into a notebook. "
        "Give numbers, text, yes/no, dates, paths, or lists of them."
    )
