from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from peernet import cli
from peernet.cli import _lab


def run(*arguments: str) -> int:
    return cli.main(list(arguments))


def stored(path: Path) -> Path:
    """A notebook with a parameters cell and one stored output."""
    nb = new_notebook(
        cells=[
            new_markdown_cell("# Stored"),
            new_code_cell(
                "floor = 5  # smallest group\nfolder = '.'",
                metadata={"tags": ["parameters"]},
                execution_count=1,
            ),
            new_code_cell(
                "x", execution_count=2, outputs=[new_output("stream", name="stdout", text="kept\n")]
            ),
        ]
    )
    nbformat.write(nb, path)
    return path


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys; from peernet.cli import main; assert main(['--help']) == 0; "
        "heavy = {'numpy', 'pandas', 'nbconvert', 'matplotlib', 'argparse'}; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    for name, command in cli.COMMANDS.items():
        assert f"  {name} " in done.stdout and command.summary in done.stdout


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert f"usage: peernet {name}" in capsys.readouterr().out


def test_wrong_usage_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert run("reprot") == 2
    assert "peernet: there is no command 'reprot'. Did you mean 'report'?" in capsys.readouterr().err
    assert run("report") == 2
    assert "NOTEBOOK" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version") == 0 and run("--version") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("peernet ") and any(line.startswith("pandas ") for line in lines)


def test_data_errors_are_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("report", str(tmp_path / "none.ipynb"), "-q") == 2
    said = capsys.readouterr().err
    assert said == f"peernet: {tmp_path / 'none.ipynb'} is not a file. Name a notebook (.ipynb).\n"


def test_debug_shows_where(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a file"):
        run("report", str(tmp_path / "none.ipynb"), "-q", "--debug")


def test_report_prints_the_path(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    notebook = stored(tmp_path / "n.ipynb")
    assert run("report", str(notebook), "--no-run", "-o", str(tmp_path / "deep" / "r.html")) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'deep' / 'r.html'}\n"
    assert "kept" in (tmp_path / "deep" / "r.html").read_text(encoding="utf-8")


def test_report_without_a_browser_says_so_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEERNET_BROWSER", "")
    assert run("report", str(stored(tmp_path / "n.ipynb")), "--no-run", "--pdf", "-q") == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'n.html'}\n"
    assert (
        captured.err.startswith("peernet: no Chromium or Chrome was found") and captured.err.count("\n") == 1
    )


def test_report_lists_parameters(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("report", str(stored(tmp_path / "n.ipynb")), "--list-parameters") == 0
    assert capsys.readouterr().out == "floor = 5  (whole number)  # smallest group\nfolder = '.'  (text)\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["flor=8"], "no parameter 'flor'. Did you mean 'floor'"),
        (["floor=eight"], "parameter floor: 'eight' is not a whole number"),
        (["floor"], "write it as NAME=VALUE"),
        (["floor=8", "floor=9"], "-p floor is given twice"),
    ],
)
def test_report_refuses_parameters(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    flags = [part for item in given for part in ("-p", item)]
    assert run("report", str(stored(tmp_path / "n.ipynb")), "-q", *flags) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("peernet: ") and said in captured and captured.count("\n") == 1
    assert list(tmp_path.glob("*.html")) == []


def test_a_failing_notebook_is_two_and_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nb = new_notebook(cells=[new_markdown_cell("## Start"), new_code_cell("1/0")])
    nbformat.write(nb, tmp_path / "n.ipynb")
    assert run("report", str(tmp_path / "n.ipynb"), "-q") == 2
    said = capsys.readouterr().err
    assert said.startswith(
        'peernet: n.ipynb: cell 2 (under "Start") failed with ZeroDivisionError: division by zero\n'
    )
    assert list(tmp_path.glob("*.html")) == []


def test_lab_opens_the_study_on_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    called: list[list[str]] = []
    monkeypatch.setattr("subprocess.call", lambda command: called.append(command) or 0)
    assert run("lab", str(tmp_path), "--no-browser", "--port", "8899") == 0
    assert called == [_lab.lab_command(tmp_path, browser=False, port=8899)]
    assert f"--ServerApp.root_dir={tmp_path}" in called[0] and "--ServerApp.ip=127.0.0.1" in called[0]
    assert (
        "--no-browser" in called[0]
        and "--port=8899" in called[0]
        and "--LabApp.default_url=/lab/tree/notebooks" in called[0]
    )


def test_lab_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("lab", str(tmp_path / "none")) == 2
    assert "peernet new-study" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run("lab", str(tmp_path)) == 2
    assert "pip install 'peernet[lab]'" in capsys.readouterr().err
