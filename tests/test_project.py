"""The rails: what the packaging files promise holds, and they agree with one another."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/conventions.md")


def script(name: str, folder: str = "scripts") -> ModuleType:
    """Load a file of scripts/ or benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(name: str) -> str:
    """Read a file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(text("pyproject.toml"))["project"]
    return table


def pins() -> dict[str, list[Requirement]]:
    """Return the lines of constraints.txt by normalised name."""
    found: dict[str, list[Requirement]] = {}
    for line in text("constraints.txt").splitlines():
        need = Requirement(line)
        found.setdefault(str(canonicalize_name(need.name)), []).append(need)
    return found


def tracked_files() -> list[Path]:
    """Return the files that git keeps, or skip where there is no git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_versions_agree(project: dict[str, Any]) -> None:
    import peernet

    assert peernet.__version__ == project["version"]
    assert f"version: {project['version']}" in text("CITATION.cff")
    assert re.search(rf"^## {re.escape(project['version'])}\b", text("CHANGELOG.md"), flags=re.MULTILINE)


def test_licence_is_bsd(project: dict[str, Any]) -> None:
    assert project["license"] == "BSD-3-Clause"
    assert text("LICENSE").startswith("BSD 3-Clause License")
    assert "license: BSD-3-Clause" in text("CITATION.cff")


def test_constraints_pin_every_requirement_once_per_environment(project: dict[str, Any]) -> None:
    pinned = pins()
    wanted = [Requirement(line) for line in project["dependencies"]]
    for lines in project["optional-dependencies"].values():
        wanted += [Requirement(line) for line in lines]
    for need in wanted:
        name = str(canonicalize_name(need.name))
        assert name in pinned, f"{name} is not pinned: run make lock"
        for pin in pinned[name]:
            (exact,) = pin.specifier
            assert exact.operator == "=="
            assert need.specifier.contains(Version(exact.version)), f"{pin} is outside {need}: run make lock"


def test_constraints_name_no_address() -> None:
    assert not re.search(r"://|@|^-", text("constraints.txt"), flags=re.MULTILINE)


def test_every_gpl_package_is_an_extra(project: dict[str, Any]) -> None:
    core = {Requirement(line).name for line in project["dependencies"]}
    assert not core & {"igraph", "python-igraph", "leidenalg", "ergmx", "netgraph"}


def test_environment_yml_agrees_with_pyproject_and_makefile(project: dict[str, Any]) -> None:
    lines = [line.strip() for line in text("environment.yml").splitlines()]
    assert f"- python{project['requires-python']}" in lines
    (install,) = [line for line in lines if line.startswith("- -e ")]
    extras = re.fullmatch(r"- -e \.\[([\w,]+)\]", install)
    assert extras
    in_makefile = re.search(r"^EXTRAS := (\S+)$", text("Makefile"), flags=re.MULTILINE)
    assert in_makefile
    assert extras[1] == in_makefile[1]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    assert "- -c constraints.txt" in lines


def test_makefile_has_the_promised_targets() -> None:
    makefile = text("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    promised = {
        "report",
        "setup",
        "test",
        "notebooks",
        "lab",
        "bench",
        "test-engines",
        "test-long",
        "test-pythons",
    }
    assert promised | {"clean", "help"} <= targets
    assert ".DEFAULT_GOAL := report" in makefile


def test_ci_runs_make_test() -> None:
    ci = ROOT / ".ci" / "run"
    if not ci.exists():
        pytest.skip("not a checkout: the sdist has no .ci")
    assert os.access(ci, os.X_OK)
    assert re.search(r"^make test\b", ci.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_project_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", text(page)):
        assert (folder / target).exists(), f"{page} links to {target}, which is not there"


def test_architecture_page_names_what_is_there() -> None:
    page = text("docs/architecture.md")
    parts = {path.stem for path in (ROOT / "peernet").glob("*.py")} | {
        path.parent.name for path in (ROOT / "peernet").glob("*/__init__.py")
    }
    missing = sorted(part for part in parts if not re.search(rf"(?<!\w){re.escape(part)}(?!\w)", page))
    assert not missing, f"docs/architecture.md does not mention {missing}"


def test_validation_ledger_links_every_page() -> None:
    index = text("docs/validation.md")
    for page in sorted((ROOT / "docs" / "validation").glob("*.md")):
        assert f"(validation/{page.name})" in index, f"docs/validation.md does not link {page.name}"


def test_nothing_of_one_machine_is_kept() -> None:
    ours = re.compile(r"/(?:home|Users)/[a-z]\w*/|/(?:root|work)/|\.\./shared")
    suffixes = {
        ".py",
        ".md",
        ".toml",
        ".txt",
        ".yml",
        ".sh",
        ".cfg",
        ".json",
        ".ipynb",
        ".html",
        ".j2",
        ".css",
        "",
    }
    found = []
    for path in tracked_files():
        if path.suffix in suffixes and path != Path(__file__):
            hits = ours.findall(path.read_text(encoding="utf-8", errors="ignore"))
            found += [f"{path.relative_to(ROOT)}: {hit}" for hit in sorted(set(hits))]
    # The guards name such paths in order to find them; .ci/run looks for published data beside the checkout.
    assert [line for line in found if not line.startswith(("tests/", ".ci/run"))] == []


def test_nothing_big_is_kept() -> None:
    sizes = {path.relative_to(ROOT): path.stat().st_size for path in tracked_files()}
    assert {name: size for name, size in sizes.items() if size > 5_000_000} == {}
    worlds: dict[str, int] = {}
    for name, size in sizes.items():
        if name.parts[:2] == ("data", "samples"):
            worlds[name.parts[2]] = worlds.get(name.parts[2], 0) + size
    assert {world: size for world, size in worlds.items() if size > 5_000_000} == {}
    assert sum(worlds.values()) < 12_000_000


def test_core_licences_are_permissive() -> None:
    licences = script("check_licences")
    found = licences.installed_closure(licences.core_requirements())
    assert {"numpy", "pandas", "statsmodels", "nbconvert"} <= set(found)
    assert licences.problems(found) == []


@pytest.mark.parametrize(
    ("headers", "copyleft"),
    [
        ({"License-Expression": "BSD-3-Clause"}, False),
        ({"License-Expression": "GPL-3.0-only"}, True),
        ({"License-Expression": "MIT OR GPL-2.0-or-later"}, False),
        ({"License-Expression": "BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1"}, False),
        ({"License-Expression": "AGPL-3.0-or-later"}, True),
        ({"License-Expression": "LGPL-2.1-or-later"}, False),
        ({"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU Affero General Public License v3"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"}, False),
        ({"License": "GPLv2\nlong text"}, True),
        ({"License": "BSD\nnot the GPL"}, False),
    ],
)
def test_licence_check_tells_them_apart(headers: dict[str, str], copyleft: bool) -> None:
    licences = script("check_licences")

    class Stub:
        metadata = Message()
        version = "1"

    stub = Stub()
    stub.metadata = Message()
    for key, value in headers.items():
        stub.metadata[key] = value
    assert licences.is_copyleft(licences.licence_of(stub)) is copyleft
    assert bool(licences.problems({"stub": stub})) is copyleft


def test_figure_comparison_of_notebooks_sees_a_changed_bar() -> None:
    import numpy as np

    plugin = script("nbval_figures")
    old = np.full((100, 200, 3), 255, dtype=np.int16)
    old[20:80, 20:60] = 0
    smoothed, longer = old.copy(), old.copy()
    smoothed[20, 20:60] += 12
    longer[20:80, 60:70] = 0
    assert plugin.difference(old, old) == ""
    assert plugin.difference(old, smoothed) == ""
    assert plugin.difference(old, longer) != ""
    assert plugin.difference(old, old[:50]) != ""


def test_scripts_are_runnable() -> None:
    for path in sorted((ROOT / "scripts").glob("*.sh")):
        assert os.access(path, os.X_OK), f"{path.name} is not executable"
        subprocess.run(["bash", "-n", str(path)], check=True)
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "run_notebooks.py"), "--help"],
        check=True,
        capture_output=True,
    )
    assert b"NOTEBOOK" in done.stdout


def test_benchmarks_print_what_the_runner_reads(capsys: pytest.CaptureFixture[str]) -> None:
    measure, runner = script("_measure", "benchmarks"), script("run", "benchmarks")
    ratio = measure.compare("a", ours=[1.0, 2.0, 3.0], peer="b", theirs=[4.0], scale=10, at_least=30)
    assert ratio == 20.0
    line = json.loads(capsys.readouterr().out)
    one = {"failed": False, "comparisons": [line]}
    assert runner.bad(one)
    assert "MISSED" in runner.table([one])
    line["at_least"] = 12
    assert not runner.bad(one)
    assert "kept" in runner.table([one])


def test_stored_benchmarks_do_not_name_the_machine() -> None:
    machine = script("run", "benchmarks").machine()
    told = json.dumps(machine)
    assert machine["versions"]["numpy"]
    assert set(machine) == {"processor", "cores", "memory_gib", "system", "python", "versions"}
    assert str(ROOT) not in told
