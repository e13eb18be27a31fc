"""Run a notebook with the caller's parameters and write its report."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from peernet.errors import DataError
from peernet.reports._document import cell_numbers
from peernet.reports._errors import ReportError
from peernet.reports._notes import strip_ansi
from peernet.reports.parameters import check_names, inject, notebook_parameters, parse_value, resolve_path

__all__ = ["execute", "read_notebook", "render"]

_ENVIRONMENT = {
    "TQDM_DISABLE": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
}
_FRAME_LINES = 14


def render(
    notebook: str | Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    pdf: bool = False,
    show_code: bool = False,
    run: bool = True,
    timeout: float = 600.0,
    cwd: str | Path | None = None,
    save_notebook: str | Path | None = None,
    progress: bool = False,
) -> Path:
    """Run a notebook and write its report as one HTML file that needs nothing from outside.

    The notebook itself is not changed. Nothing is written unless every cell ran and the page passed
    `check_offline`; files appear whole or not at all.

    Parameters
    ----------
    notebook : path
        The notebook, with one cell tagged ``parameters`` if it takes any.
    parameters : mapping, optional
        Values by name. Strings are read as text from a command line would be, see `parse_value`; paths
        are taken from the caller's working directory.
    out : path, optional
        The HTML file. Default: ``reports/<name>.html`` in the study that the notebook belongs to, or else beside it.
    pdf : bool
        Also print it to PDF, if a Chromium or Chrome is found (else a `PeerNetWarning` says so).
    show_code : bool
        Keep the code, folded away.
    run : bool
        False: take the outputs that the notebook holds.
    timeout : float
        Seconds that one cell may take.
    cwd : path, optional
        Where the notebook runs. Default: its own folder.
    save_notebook : path, optional
        Where to keep the executed notebook.
    progress : bool
        Name each cell on stderr as it runs.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    DataError
        Unknown parameters or values that cannot be read; a notebook that is not there.
    ReportError
        A failing cell (which one, and the exception), figures without alternative text.
    """
    import nbformat

    from peernet.reports.exporter import ReportExporter

    path = Path(notebook)
    nb = read_notebook(path)
    target = _target(path, out)
    folder = Path(cwd) if cwd is not None else path.resolve().parent
    if parameters and not run:
        raise DataError("parameters can only be set when the notebook is run; leave out run=False.")
    _set_parameters(nb, path, parameters or {})
    if run:
        execute(nb, cwd=folder, timeout=timeout, name=path.name, progress=progress)
    elif not any(cell.get("outputs") for cell in nb.cells):
        raise ReportError(f"{path.name} holds no outputs; run it first, or leave out run=False.")
    exporter = ReportExporter(show_code=show_code)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"name": path.stem, "path": str(path.resolve().parent)}}
    page, _ = exporter.from_notebook_node(nb, resources)
    _write(target, page)
    if save_notebook is not None:
        _write(Path(save_notebook), nbformat.writes(nb) + "\n")  # type: ignore[no-untyped-call]
    if pdf:
        _pdf_beside(target)
    return target


def read_notebook(path: Path) -> Any:
    """Read a notebook, or say why not."""
    import warnings

    import nbformat

    if not path.is_file():
        raise DataError(f"{path} is not a file. Name a notebook (.ipynb).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=nbformat.warnings.MissingIDFieldWarning)
            return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except Exception as error:  # nbformat raises many unrelated types on broken files
        raise DataError(f"{path} is not a notebook that can be read ({type(error).__name__}).") from error


def execute(
    nb: Any,
    *,
    cwd: str | Path,
    timeout: float = 600.0,
    name: str = "notebook",
    progress: bool = False,
) -> None:
    """Run every cell of a notebook in this Python, in place, stopping at the first that fails.

    Parameters
    ----------
    nb : NotebookNode
        Gets the outputs.
    cwd : path
        Working directory of the kernel.
    timeout : float
        Seconds that one cell may take.
    name : str
        For messages.
    progress : bool
        Name each cell on stderr as it runs.

    Raises
    ------
    ReportError
        Naming the cell and the exception.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    language = nb.metadata.get("kernelspec", {}).get("language", "python")
    if language.lower() != "python":
        raise ReportError(f"{name} is written in {language}; only Python notebooks can be run.")
    if not Path(cwd).is_dir():
        raise DataError(f"{cwd} is not a folder that {name} could run in.")
    nb.metadata.pop("widgets", None)
    config = Config({"KernelManager": {"transport_encryption": "auto"}})
    client = NotebookClient(
        nb,
        timeout=timeout,
        kernel_name="python3",
        kernel_manager_class=_kernel_manager_class(),
        resources={"metadata": {"path": str(cwd)}},
        on_cell_start=_progress(nb) if progress else None,
        config=config,
    )
    try:
        client.execute(env=_environment())
    except CellTimeoutError as error:
        text = f"{name}: {_running(nb)} took longer than {timeout:g} s. Allow more with --timeout."
        raise ReportError(text) from error
    except CellExecutionError as error:
        raise ReportError(_failure(nb, name, error)) from error
    except DeadKernelError as error:
        raise ReportError(f"{name}: {_running(nb)} ended Python itself (out of memory?).") from error


def _environment() -> dict[str, str]:
    """What the kernel sees; where peernet runs from a checkout, the kernel takes it from there too."""
    environment = {**os.environ, **_ENVIRONMENT}
    home = Path(__file__).resolve().parents[2]
    if home.name not in ("site-packages", "dist-packages"):
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(home), *([inherited] if inherited else [])])
    return environment


def _kernel_manager_class() -> Any:
    """A kernel of the Python that runs peernet, whatever kernels are registered on this machine."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnPython(AsyncKernelManager):  # type: ignore[misc, unused-ignore]
        """Starts ``sys.executable``."""

        @property
        def kernel_spec(self) -> Any:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(**{**get_kernel_dict(), "argv": argv})

    return OwnPython


def _progress(nb: Any) -> Callable[..., None]:
    numbers = cell_numbers(nb)

    def say(cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code" and cell.source.strip():
            title = _heading_above(nb, cell_index)
            where = f"  cell {numbers[cell_index]} of {numbers[-1]}"
            print(f"{where}  {title}".rstrip(), file=sys.stderr)  # noqa: T201

    return say


def _heading_above(nb: Any, index: int) -> str:
    for cell in reversed(nb.cells[: index + 1]):
        if cell.cell_type == "markdown":
            found = re.findall(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", cell.source, re.M)
            if found:
                return str(found[-1])
    return ""


def _describe(nb: Any, index: int) -> str:
    title = _heading_above(nb, index)
    return f"cell {cell_numbers(nb)[index]}" + (f' (under "{title}")' if title else "")


def _running(nb: Any) -> str:
    """The cell that was at work when the run stopped."""
    started = [i for i, cell in enumerate(nb.cells) if cell.get("metadata", {}).get("execution")]
    return _describe(nb, started[-1]) if started else "a cell"


def _failure(nb: Any, name: str, error: Any) -> str:
    index = next(
        (
            i
            for i, cell in enumerate(nb.cells)
            if any(output.output_type == "error" for output in cell.get("outputs", []))
        ),
        None,
    )
    if index is None:
        return f"{name}: a cell failed: {strip_ansi(str(error)).strip()}"
    output = next(o for o in nb.cells[index].outputs if o.output_type == "error")
    frames = strip_ansi("\n".join(output.traceback)).splitlines()
    shown = "\n".join(f"    {line}".rstrip() for line in frames[-_FRAME_LINES:])
    value = strip_ansi(output.evalue).strip()
    return f"{name}: {_describe(nb, index)} failed with {output.ename}: {value}\n{shown}"


def _set_parameters(nb: Any, path: Path, given: Mapping[str, Any]) -> None:
    known = notebook_parameters(nb)
    check_names(given, known, path.name)
    values: dict[str, Any] = {}
    for name in known:
        if name in given:
            value = given[name]
            value = parse_value(value, known[name]) if isinstance(value, str) else value
            values[name] = resolve_path(value, known[name], Path.cwd())
    inject(nb, values, known)


def _target(notebook: Path, out: str | Path | None) -> Path:
    if out is None:
        here = notebook.resolve().parent
        shelf = next((f / "reports" for f in (here, here.parent) if (f / "reports").is_dir()), here)
        return shelf / f"{notebook.stem}.html"
    target = Path(out)
    if target.is_dir():
        return target / f"{notebook.stem}.html"
    if target.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"{out} must end in .html (a PDF is written beside it with --pdf).")
    return target


def _write(target: Path, text: str) -> None:
    """Write a file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _pdf_beside(target: Path) -> None:
    import warnings

    from peernet.errors import PeerNetWarning
    from peernet.reports.pdf import find_browser, print_pdf

    if find_browser() is None:
        text = "no Chromium or Chrome was found, so no PDF was made; the HTML report prints from any browser"
        warnings.warn(text, PeerNetWarning, stacklevel=3)
    else:
        print_pdf(target, target.with_suffix(".pdf"))
