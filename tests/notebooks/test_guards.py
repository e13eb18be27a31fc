"""What nbval lets pass: stripped, disordered or failed notebooks, broken pictures, typed numbers."""

from __future__ import annotations

import base64
import copy
import io
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[!.]*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]

# Digits that prose may hold: they are names or claims, not results of these data.
ALLOWED_DIGITS = (
    r"`[^`]*`",  # code
    r"\$[^$]*\$",  # formulas
    r"\]\([^)]*\)|https?://\S+|doi:\S+|\b10\.\d{4,}/\S+",  # links
    r"\(?(?:18|19|20)\d\d[a-z]?(?:[-–/]\d{1,4})*\)?",  # years and dates
    r"\b(?:80|70|20|10)\s?(?:%|percent|per cent)",  # the claims under test
    r"\b70[-–:/ ]+20[-–:/ ]+10\b",
    r"^\s*#+\s+\d+(?:\.\d+)*[.)]?\s|^\s*(?:>\s*)?\d+(?:\.\d+)*[.)]\s",  # headings, list items
    r"\b(?:section|figure|table|question|step|part|page|chapter|level|notebook)s?\s+\d+(?:\s*(?:-|–|to|and)\s*\d+)?",
    r"\b[A-Za-z_]+[-_]?\d+\w*\b",  # names such as p091, C4 or R2
    r"\b(?:95|99)\s?%\s+(?:interval|confidence|limits|level|band)s?",
)


def load(path: Path) -> Any:
    """Read a notebook as it is stored."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    """Return the code cells that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def order_problems(notebook: Any) -> list[str]:
    """Say where execution counts do not run 1..n: a stripped or disordered notebook."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}, not 1..n"]


def output_problems(notebook: Any) -> list[str]:
    """Name cells that failed, or print to stderr, and say so if nothing at all is shown."""
    problems, shown = [], 0
    for cell in code_cells(notebook):
        for output in cell.outputs:
            shown += 1
            if output.output_type == "error":
                problems.append(f"{cell.source[:40]!r} failed with {output.ename}")
            if output.output_type == "stream" and output.name == "stderr":
                problems.append(f"{cell.source[:40]!r} prints to stderr: {output.text[:80]!r}")
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                problems.append(f"{cell.source[:40]!r} shows a widget, which needs a server")
    return problems or ([] if shown else ["no cell shows anything: the outputs were stripped"])


def figure_problems(notebook: Any) -> list[str]:
    """Name figures that cannot be decoded, are blank, or have no alt text."""
    problems = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            for kind in ("image/png", "image/svg+xml"):
                if kind not in data:
                    continue
                where = f"figure of {cell.source[:40]!r}"
                alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
                if len(alt.strip()) < 15:
                    problems.append(f"{where} has no alt text")
                problem = png_problem("".join(data[kind])) if kind == "image/png" else svg_problem(data[kind])
                problems += [f"{where} {problem}"] if problem else []
    return problems


def png_problem(text: str) -> str:
    """Say what is wrong with a base64 PNG; an empty text when nothing is."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=False))) as image:
            pixels = np.asarray(image.convert("RGB"))
    except Exception as error:
        return f"cannot be decoded: {type(error).__name__}"
    if min(pixels.shape[:2]) < 50:
        return f"is only {pixels.shape[1]} x {pixels.shape[0]} pixels"
    return "is blank" if int(pixels.max()) - int(pixels.min()) < 16 else ""


def svg_problem(text: str | list[str]) -> str:
    """Say what is wrong with an SVG; an empty text when nothing is."""
    whole = "".join(text)
    return (
        "" if "</svg>" in whole and re.search(r"<(path|use|rect|text|circle)\b", whole) else "draws nothing"
    )


def typed_numbers(source: str) -> list[str]:
    """Return the numbers in a markdown cell that look like results typed by hand."""
    text = re.sub(r"```.*?```|<!--.*?-->", " ", source, flags=re.DOTALL)
    for allowed in ALLOWED_DIGITS:
        text = re.sub(allowed, " ", text, flags=re.IGNORECASE | re.MULTILINE)
    return re.findall(r"[-+]?\d[\d.,]*\s?%?", text)


def prose_problems(notebook: Any) -> list[str]:
    """Name markdown cells that hold numbers which ought to come from code."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return [f"{cell.source[:40]!r} holds {found}" for cell in cells if (found := typed_numbers(cell.source))]


def metadata_problems(notebook: Any) -> list[str]:
    """Say what is stored about the machine that ran the notebook."""
    problems = []
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        problems.append("the kernel is not called python3")
    if "version" in notebook.metadata.get("language_info", {}):
        problems.append("the interpreter's version is stored; run make notebooks")
    if "widgets" in notebook.metadata or any("execution" in cell.metadata for cell in notebook.cells):
        problems.append("widget states or execution times are stored; run make notebooks")
    text = nbformat.writes(notebook)
    paths = re.findall(r"(?:/(?:home|root|Users)/|[A-Z]:\\\\Users)[^\s\"']*", text)
    return problems + [f"a path of one machine is stored: {path}" for path in paths]


GUARDS = {
    "order": order_problems,
    "outputs": output_problems,
    "figures": figure_problems,
    "prose": prose_problems,
    "metadata": metadata_problems,
}


@pytest.mark.parametrize("guard", sorted(GUARDS))
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook(path: Path, guard: str) -> None:
    assert GUARDS[guard](load(path)) == []


def test_notebooks_are_numbered_and_validate() -> None:
    for path in NOTEBOOKS:
        nbformat.validate(load(path))
        assert re.match(r"\d\d_[a-z0-9_]+$|[a-z0-9_]+$", path.stem), f"{path.name}: small letters, digits, _"
    numbers = [path.stem[:2] for path in NOTEBOOKS if path.parent.name == "notebooks"]
    assert len(set(numbers)) == len(numbers), "two notebooks have the same number"


def picture(shade: int) -> str:
    """Draw a small PNG: a square of one shade on white."""
    pixels = np.full((80, 80, 3), 255, dtype=np.uint8)
    pixels[20:60, 20:60] = shade
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def sound() -> Any:
    """Make a notebook that passes every guard."""
    v4 = nbformat.v4
    figure = v4.new_output(
        "display_data",
        data={"image/png": picture(0)},
        metadata={"image/png": {"alt": "A dark square on a white ground."}},
    )
    text = v4.new_output("stream", name="stdout", text="12 ties\n")
    prose = v4.new_markdown_cell("## 1. Is it 80 %?\nLazega (2001) asked; see `p091` and $x_1 = 3$.")
    return v4.new_notebook(
        cells=[
            prose,
            v4.new_code_cell("print(n)", execution_count=1, outputs=[text]),
            v4.new_code_cell("draw()", execution_count=2, outputs=[figure]),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        },
    )


def strip(notebook: Any) -> None:
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def truncate(notebook: Any) -> None:
    data = notebook.cells[2].outputs[0].data
    data["image/png"] = data["image/png"][: len(data["image/png"]) // 2]


TAMPERS = {
    "order": lambda nb: nb.cells[1].update(execution_count=3),
    "outputs": strip,
    "figures": truncate,
    "prose": lambda nb: nb.cells[0].update(source="People teach 3.4 others, 12 % across units."),
    "metadata": lambda nb: nb.metadata["language_info"].update(version="3.11.7"),
}


@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_guards_see_tampering_and_nothing_else(sound: Any, guard: str) -> None:
    assert GUARDS[guard](sound) == []
    tampered = copy.deepcopy(sound)
    TAMPERS[guard](tampered)
    assert GUARDS[guard](tampered) != []


def test_figure_guard_sees_blank_pictures_and_missing_alt_text(sound: Any) -> None:
    output = sound.cells[2].outputs[0]
    output.data["image/png"] = picture(255)
    output.metadata["image/png"]["alt"] = ""
    assert len(figure_problems(sound)) == 2


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Answers since 2024-01-08, as in Krackhardt (1987).", []),
        ("The share is 0.56 (p = 0.03).", ["0.56", "0.03"]),
        ("The 70-20-10 rule says 80 % is social.", []),
        ("## 3 Silos\n1. First\n2. Second, see section 4 and doi:10.2307/2786835", []),
        ("with a 95 % interval", []),
        ("12 of 240 people", ["12", "240"]),
    ],
)
def test_the_prose_lint(text: str, numbers: list[str]) -> None:
    assert [n.strip() for n in typed_numbers(text)] == numbers
