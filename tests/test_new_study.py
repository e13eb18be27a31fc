from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest

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
    with pytest.raises(DataError, match=r"01_who_teaches_whom\.ipynb is not installed"):
        _new_study.lay_out(tmp_path / "study")
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


def test_the_main_notebook_comes_empty_and_pointed_at_the_study(tmp_path: Path) -> None:
    _new_study.lay_out(tmp_path / "study")
    copy = nbformat.read(tmp_path / "study" / "notebooks" / "01_who_teaches_whom.ipynb", as_version=4)
    nbformat.validate(copy)
    main = nbformat.read(_new_study.main_notebook(), as_version=4)
    assert len(copy.cells) == len(main.cells)
    for mine, theirs in zip(copy.cells, main.cells, strict=True):
        if "parameters" not in mine.metadata.get("tags", []):
            assert mine.source == theirs.source
        if mine.cell_type == "code":
            assert mine.outputs == [] and mine.execution_count is None
    parameters, before = reports.notebook_parameters(copy), reports.notebook_parameters(main)
    assert list(parameters) == list(before)
    assert parameters["source"].source == "'../data'"
    assert "Meridian" not in parameters["organisation"].source


def test_only_the_named_parameters_change() -> None:
    source = 'source = "meridian"  # ä folder\nother = "x"\nn: int = 5\nsource_of = 1\n'
    cell = {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": ["parameters"], "execution": {}},
        "outputs": [1],
    }
    copy = _new_study.starter({"cells": [cell]}, {"source": "../dätä", "absent": 1})
    assert "".join(copy["cells"][0]["source"]) == source.replace('"meridian"', '"../dätä"')
    assert copy["cells"][0]["outputs"] == [] and copy["cells"][0]["metadata"] == {"tags": ["parameters"]}


def test_a_missing_main_notebook_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_new_study, "_PACKAGE", tmp_path / "peernet")
    with pytest.raises(DataError, match=r"01_who_teaches_whom\.ipynb is not installed"):
        _new_study.main_notebook()


def test_a_report_keeps_to_what_the_study_allows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "study"
    _new_study.lay_out(folder)
    settings = (folder / "study.toml").read_text(encoding="utf-8")
    settings = settings.replace("floor = 5 ", "floor = 9 ").replace('"survey", ', "")
    (folder / "study.toml").write_text(settings, encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell(
            'min_group = 5\nsurvey = "s.csv"\nchat = "c.zip"\ncompletions = "d.csv"',
            metadata={"tags": ["parameters"]},
        ),
        nbformat.v4.new_code_cell("print([min_group, survey, chat, completions])"),
    ]
    path = folder / "notebooks" / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert cli.main(["report", str(path), "-q"]) == 0
    page = (folder / "reports" / "n.html").read_text(encoding="utf-8")
    assert re.search(r"\[9, .*d.csv", page), re.findall(r"\[9.{0,80}", page)
    said = capsys.readouterr().err
    assert "groups of fewer than 9 people are not shown" in said
    assert "survey is left out: 'survey' is not allowed" in said and "chat is left out" in said
    assert cli.main(["report", str(path), "-q", "-p", "min_group=12"]) == 0
    assert cli.main(["report", str(path), "-q", "-p", "min_group=3"]) == 2
    assert "min_group=3 is below the floor of 'Who learns from whom' (9" in capsys.readouterr().err
    late = settings.replace('retention = "" ', 'retention = "2001-01-01" ')
    (folder / "study.toml").write_text(late, encoding="utf-8")
    assert cli.main(["report", str(path), "-q"]) == 2
    assert "were to be deleted on 2001-01-01" in capsys.readouterr().err
