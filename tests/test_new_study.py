from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from peernet import cli, reports
from peernet.cli import _new_study
from peernet.errors import DataError

TEMPLATE = Path(_new_study.__file__).resolve().parents[1] / "_study_template"


def test_a_study_is_laid_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deep" / "study"
    assert cli.main(["new-study", str(folder)]) == 0
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"study.toml", "README.md", ".gitignore", "data/README.md", "reports/README.md"} <= made
    assert "notebooks/00_what_is_here.ipynb" in made
    assert "gitignore" not in made
    assert str(folder / "study.toml") in capsys.readouterr().out
    settings = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    assert (settings["privacy"]["floor"], settings["privacy"]["floor_attitudes"]) == (5, 8)
    assert settings["analyses"]["person_level"] == []
    assert [path.name for path in folder.parent.iterdir()] == ["study"]


def test_data_stay_out_of_version_control(tmp_path: Path) -> None:
    _new_study.lay_out(tmp_path / "study")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path / "study", check=True)
    (tmp_path / "study" / "data" / "survey.csv").touch()
    (tmp_path / "study" / "reports" / "r.html").touch()
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=tmp_path / "study",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "data/README.md" in listed and "study.toml" in listed
    assert not {"data/survey.csv", "reports/r.html"} & set(listed)


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    assert cli.main(["new-study", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err == f"peernet: {tmp_path} is there already and not empty. Name a new folder.\n"
    )
    assert cli.main(["new-study", str(tmp_path / "mine.txt")]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert cli.main(["new-study", str(tmp_path / "empty")]) == 0


def test_no_half_study_when_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(_new_study, "_fill_in", full)
    sample = fake_sample(tmp_path / "sample")
    monkeypatch.setattr(_new_study, "sample_folder", lambda: sample)
    with pytest.raises(OSError, match="no space"):
        _new_study.lay_out(tmp_path / "study", from_sample=True)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def fake_sample(folder: Path) -> Path:
    folder.mkdir()
    for name in ("hr_roster.csv", "completions.csv", "truth.json"):
        (folder / name).write_text(name)
    return folder


def test_the_sample_comes_without_its_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = fake_sample(tmp_path / "sample")
    monkeypatch.setattr(_new_study, "sample_folder", lambda: sample)
    assert cli.main(["new-study", str(tmp_path / "study"), "--from-sample"]) == 0
    data = tmp_path / "study" / "data"
    assert sorted(path.name for path in data.iterdir()) == ["README.md", "completions.csv", "hr_roster.csv"]
    settings = tomllib.loads((tmp_path / "study" / "study.toml").read_text(encoding="utf-8"))
    assert "synthetic" in settings["study"]["organisation"]
    assert "slack" in settings["sources"]["allowed"]


def test_a_missing_sample_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_new_study, "_PACKAGE", tmp_path / "peernet")
    with pytest.raises(DataError, match="leave out --from-sample"):
        _new_study.lay_out(tmp_path / "study", from_sample=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sorted(TEMPLATE.glob("notebooks/*.ipynb")), ids=lambda path: path.name)
def test_template_notebooks_are_whole_and_empty(path: Path) -> None:
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert reports.notebook_parameters(nb)
    for cell in nb.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            compile(cell.source, str(path), "exec")


def test_the_first_notebook_says_what_is_answerable(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    _new_study.lay_out(folder)
    for name in ("hr_roster.csv", "survey_qualtrics.csv", "codebook.csv", "slack_export.zip"):
        (folder / "data" / name).write_text(name)
    out = reports.render(folder / "notebooks" / "00_what_is_here.ipynb")
    assert out == folder / "reports" / "00_what_is_here.html"
    page = out.read_text(encoding="utf-8")
    assert reports.check_offline(page) == []
    assert "<strong>3 of 4 questions</strong>" in page
    assert '<th scope="row">Does knowledge get around?</th><td>no</td><td>completions.csv</td>' in page
    assert "<code>purpose</code>, <code>agreement</code>, <code>retention</code>" in page
    assert 'id="end-notes"' not in page


def sync_script(root: Path) -> object:
    spec = spec_from_file_location("sync_study_template", root / "scripts" / "sync_study_template.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_copy_of_the_main_notebook_is_up_to_date(project_root: Path) -> None:
    if not (project_root / "notebooks" / "01_who_teaches_whom.ipynb").is_file():
        pytest.skip("notebooks/01_who_teaches_whom.ipynb is not there")
    script = project_root / "scripts" / "sync_study_template.py"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert done.returncode == 0, "run scripts/sync_study_template.py"


def test_a_starter_points_at_the_study(project_root: Path) -> None:
    source = 'study = "../data/samples/meridian"\ndata: str = "../data/samples/meridian/hr_roster.csv"\nother = "x"'
    cell = new_code_cell(source, metadata={"tags": ["parameters"]}, execution_count=4)
    copy = sync_script(project_root).starter(new_notebook(cells=[cell]))  # type: ignore[attr-defined]
    assert copy.cells[0].source == 'study = ".."\ndata: str = "../data/hr_roster.csv"\nother = "x"'
    assert copy.cells[0].execution_count is None
