from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from peernet import reports
from peernet.errors import DataError, PeerNetWarning
from peernet.reports import ReportError, check_offline, pdf, render

GOOD = [
    ("md", "# A small study"),
    ("parameters", "folder = '.'  # where the data are\nseed: int = 3"),
    (
        "",
        "import os, sys, warnings\nfrom pathlib import Path\nfrom peernet import reports\n"
        "text = (Path(folder) / 'data.txt').read_text()\n"
        "reports.cover(title='Small', floor=5, hashes=reports.file_hashes(Path(folder) / 'data.txt'))",
    ),
    ("md", "## What was found"),
    (
        "",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 2)); ax.plot([0, seed])\n"
        "reports.show(ax, alt=f'A line up to {seed}')",
    ),
    (
        "",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass\n"
        "warnings.warn('rows 1, 2: \\'p001\\', \\'p002\\' left out')\n"
        "reports.prose(f'Seed **{seed}**, text {text}, tqdm {os.environ[\"TQDM_DISABLE\"]}, {Path.cwd().name}')\n"
        "Path('touched').touch()",
    ),
]


def write(path: Path, cells: list[tuple[str, str]], **metadata: Any) -> Path:
    nb = new_notebook(metadata=metadata)
    for tag, source in cells:
        if tag == "md":
            nb.cells.append(new_markdown_cell(source))
        else:
            nb.cells.append(new_code_cell(source, metadata={"tags": [tag] if tag else []}))
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write(tmp_path / "study" / "notebooks" / "small.ipynb", GOOD)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.txt").write_text("hello")
    return tmp_path


def test_a_notebook_becomes_a_report(
    study: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(study)
    (study / "study" / "reports").mkdir()
    notebook = Path("study/notebooks/small.ipynb")
    before = notebook.read_bytes()
    out = render(
        notebook, parameters={"folder": "mine", "seed": "9"}, progress=True, save_notebook="kept.ipynb"
    )
    assert out == (study / "study" / "reports" / "small.html")
    page = out.read_text(encoding="utf-8")
    assert check_offline(page) == []
    assert "Seed <strong>9</strong>, text hello, tqdm 1, notebooks" in page
    assert 'alt="A line up to 9"' in page
    assert hashlib.sha256(b"hello").hexdigest() in page
    assert "rows 1, 2: [2 ids] left out" in page and "p001" not in page
    assert "without encryption" not in page
    assert notebook.read_bytes() == before
    said = capfd.readouterr().err
    assert "cell 5 of 6  What was found" in said
    assert "without encryption" not in said
    kept = nbformat.read(study / "kept.ipynb", as_version=4)
    assert [cell.metadata.get("tags") for cell in kept.cells if cell.cell_type == "code"][1] == [
        "injected-parameters"
    ]
    again = render("kept.ipynb", run=False, out="again.html")
    assert (
        again.read_text().split("<main")[1].split("<footer")[0] == page.split("<main")[1].split("<footer")[0]
    )


def test_unknown_parameters_are_refused_before_anything_runs(study: Path) -> None:
    notebook = study / "study" / "notebooks" / "small.ipynb"
    with pytest.raises(DataError, match=r"no parameter 'sed'\. Did you mean 'seed'"):
        render(notebook, parameters={"sed": 1})
    assert not (notebook.parent / "touched").exists()
    assert list(study.rglob("*.html")) == []


def test_a_failing_cell_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    cells = [
        ("md", "# T"),
        ("", "a = 1"),
        ("md", "## Who bridges?"),
        ("", "def f():\n    raise KeyError('unit')\nf()"),
        ("", "1"),
    ]
    notebook = write(tmp_path / "n.ipynb", cells)
    (tmp_path / "n.html").write_text("the report of last week")
    with pytest.raises(ReportError) as caught:
        render(notebook)
    said = str(caught.value)
    assert said.startswith("n.ipynb: cell 4 (under \"Who bridges?\") failed with KeyError: 'unit'\n")
    assert "raise KeyError('unit')" in said and "\x1b" not in said
    assert (tmp_path / "n.html").read_text() == "the report of last week"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.html", "n.ipynb"]


def test_a_slow_cell_is_stopped(tmp_path: Path) -> None:
    notebook = write(tmp_path / "n.ipynb", [("", "import time; time.sleep(60)")])
    with pytest.raises(ReportError, match=r"cell 1 took longer than 1 s. Allow more with --timeout"):
        render(notebook, timeout=1)
    assert list(tmp_path.glob("*.html")) == []


def executed(path: Path, data: dict[str, Any]) -> Path:
    """A notebook that holds one output, so that no kernel is needed."""
    nb = new_notebook(cells=[new_code_cell("x", execution_count=1)])
    nb.cells[0].outputs = [nbformat.v4.new_output("display_data", data=data)]
    nbformat.write(nb, path)
    return path


def test_a_page_that_is_refused_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(tmp_path / "n.ipynb", {"text/plain": "x"})
    monkeypatch.setattr(
        "peernet.reports.exporter.check_offline", lambda page: ["line 1: <img src> names http://x"]
    )
    with pytest.raises(ReportError, match="reach outside itself: line 1"):
        render(notebook, run=False)
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_no_half_file_when_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed(tmp_path / "n.ipynb", {"text/plain": "x"})

    def full(*args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        render(notebook, run=False)
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_inputs_that_cannot_be_rendered(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a file"):
        render(tmp_path / "none.ipynb")
    (tmp_path / "broken.ipynb").write_text("{")
    with pytest.raises(DataError, match="not a notebook that can be read"):
        render(tmp_path / "broken.ipynb")
    notebook = write(tmp_path / "n.ipynb", [("", "1")])
    with pytest.raises(DataError, match=r"must end in \.html"):
        render(notebook, out=tmp_path / "n.pdf")
    with pytest.raises(ReportError, match="holds no outputs"):
        render(notebook, run=False)
    with pytest.raises(DataError, match="run=False"):
        render(notebook, run=False, parameters={"a": 1})
    other = write(
        tmp_path / "r.ipynb", [("", "1")], kernelspec={"name": "ir", "display_name": "R", "language": "R"}
    )
    with pytest.raises(ReportError, match="written in R"):
        render(other)
    with pytest.raises(DataError, match=r"not a folder that n\.ipynb could run in"):
        render(notebook, cwd=tmp_path / "nowhere")


def test_without_a_browser_the_html_is_still_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERNET_BROWSER", "")
    notebook = executed(tmp_path / "n.ipynb", {"text/plain": "x"})
    with pytest.warns(PeerNetWarning, match="no Chromium or Chrome was found"):
        out = render(notebook, run=False, pdf=True)
    assert out.is_file() and not out.with_suffix(".pdf").exists()
    with pytest.raises(ReportError, match="no Chromium"):
        pdf.print_pdf(out, tmp_path / "n.pdf")


def test_a_browser_that_does_not_print_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERNET_BROWSER", "false")
    if reports.find_browser() is None:
        pytest.skip("no command named 'false' here")
    notebook = executed(tmp_path / "n.ipynb", {"text/plain": "x"})
    with pytest.raises(ReportError, match="did not print the PDF"):
        render(notebook, run=False, pdf=True)
    assert (tmp_path / "n.html").is_file()
