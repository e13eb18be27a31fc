"""Build the sdist and the wheel, install the wheel with its core requirements elsewhere, and use it there.

The wheel is built from the sdist, so a file that the sdist forgets is noticed. Nothing of the checkout is on the
path of the second environment, and no extra is installed in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED_IN_WHEEL = ("peernet/py.typed", "peernet/__init__.py", "peernet/_samples/README.md")
NEEDED_IN_SDIST = (
    "pyproject.toml",
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "constraints.txt",
    "tests/conftest.py",
)
USE = """
import importlib.metadata as metadata, pathlib, sys
import peernet
assert not {"numpy", "pandas", "matplotlib"} & set(sys.modules), "import peernet is not lazy"
assert "site-packages" in peernet.__file__, peernet.__file__
assert peernet.__version__ == metadata.version("peernet"), peernet.__version__
import pandas as pd
people = pd.DataFrame({"unit": ["x", "x", "y"]}, index=["ana", "bo", "cy"])
ties = pd.DataFrame({"teacher": ["ana", "ana"], "learner": ["bo", "cy"], "weight": [3, 1]})
net = peernet.PeerNetwork(people, ties)
assert (net.n_people, net.n_ties) == (3, 2), net
assert net.adjacency[0, 1] == 3, "the teacher is in the row"
for name in peernet.__all__:
    getattr(peernet, name)
points = metadata.entry_points(group="nbconvert.exporters")
assert "peernet_report" in points.names, "the report exporter is not registered"
points["peernet_report"].load()
samples = pathlib.Path(peernet.__file__).with_name("_samples")
assert any(samples.iterdir()), "the samples are not in the wheel"
print("smoke: the installed wheel works:", net)
"""


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Smoke\n\nShares: $s_i = 1 / n$."},
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "b",
            "metadata": {},
            "outputs": [],
            "source": "import peernet\nprint('run by', peernet.__version__)",
        },
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def call(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command and stop with its output if it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, check=False, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"smoke: {' '.join(command)} failed\n{done.stdout}\n{done.stderr}")


def build(into: Path) -> tuple[Path, Path]:
    """Build both archives and check that nothing needed is missing from them."""
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(into))
    (sdist,), (wheel,) = into.glob("*.tar.gz"), into.glob("*.whl")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    missing = [name for name in NEEDED_IN_SDIST if name not in inside]
    with zipfile.ZipFile(wheel) as zipped:
        inside = set(zipped.namelist())
    missing += [name for name in NEEDED_IN_WHEEL if name not in inside]
    if missing:
        sys.exit(f"smoke: missing from the archives: {', '.join(missing)}")
    strays = [name for name in inside if name.startswith(("tests/", "data/", "notebooks/"))]
    if strays:
        sys.exit(f"smoke: the wheel would install {', '.join(strays[:3])} outside the package")
    print(
        f"smoke: {sdist.name} {sdist.stat().st_size / 1e6:.1f} MB, {wheel.name} {wheel.stat().st_size / 1e6:.1f} MB"
    )
    return sdist, wheel


def main() -> None:
    """Build, install, use."""
    with tempfile.TemporaryDirectory(prefix="peernet-smoke-") as name:
        folder = Path(name)
        _, wheel = build(folder / "dist")
        there = folder / "venv"
        uv = Path(sys.executable).with_name("uv")
        venv.create(there, with_pip=not uv.exists(), symlinks=os.name != "nt")
        python = there / ("Scripts" if os.name == "nt" else "bin") / "python"
        if uv.exists():
            (python.parent / "uv").symlink_to(uv)
        script = ROOT / "scripts" / "install.sh"
        call(str(script), str(python), "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel))
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        done = subprocess.run([str(python), "-c", USE], cwd=folder, env=clean, check=False)
        if done.returncode:
            sys.exit("smoke: the installed wheel does not work")
        (folder / "smoke.ipynb").write_text(json.dumps(NOTEBOOK), encoding="utf-8")
        peernet = str(python.parent / "peernet")
        call(peernet, "report", "smoke.ipynb", "-o", "smoke.html", cwd=folder, env=clean)
        if "run by" not in (folder / "smoke.html").read_text(encoding="utf-8"):
            sys.exit("smoke: the report does not show what its notebook printed")
        call(peernet, "new-study", "study", cwd=folder, env=clean)
        if not (folder / "study" / "study.toml").exists():
            sys.exit("smoke: peernet new-study laid out no study.toml")
        print("smoke: peernet report and peernet new-study work with the core requirements alone")


if __name__ == "__main__":
    main()
