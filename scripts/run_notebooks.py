"""Run notebooks in place and keep what they show.

Usage: run_notebooks.py [NOTEBOOK ...]     (all of notebooks/ without arguments)

A notebook is only rewritten when every cell ran. The metadata are the same on every machine: no times, no paths,
no interpreter version. Notebooks in notebooks/published need PEERNET_DATA and are left alone without it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}
KEPT_METADATA = ("title", "authors", "peernet")


def notebooks(published: bool) -> list[Path]:
    """Return the numbered notebooks, and the published case studies if asked for."""
    folder = ROOT / "notebooks"
    found = sorted(folder.glob("[0-9]*.ipynb"))
    return found + sorted((folder / "published").glob("*.ipynb")) if published else found


def tidy(notebook: Any) -> None:
    """Leave in a notebook only what a reader needs and what is the same in every run."""
    kept = {key: notebook.metadata[key] for key in KEPT_METADATA if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict({**METADATA, **kept})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        words = re.findall(r"[a-z0-9]+", cell.source.lower())[:4]
        name = "-".join(words)[:48] or "empty"
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop("application/vnd.jupyter.widget-view+json", None)


def run(path: Path, timeout: int) -> float:
    """Execute one notebook, write it back, and return how long it took in seconds."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(path.parent)}},
    )
    started = time.perf_counter()
    client.execute()
    took = time.perf_counter() - started
    tidy(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return took


def main() -> int:
    """Run what was asked for; return 1 if nothing was there to run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebook", nargs="*", type=Path)
    parser.add_argument("--timeout", type=int, default=300, help="seconds that one cell may take")
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    have_data = bool(os.environ.get("PEERNET_DATA"))
    chosen = options.notebook or notebooks(published=have_data)
    if not have_data:
        print("notebooks: PEERNET_DATA is not set, the published case studies are left as they are")
    for path in chosen:
        took = run(path.resolve(), options.timeout)
        print(f"notebooks: {path.name} ran in {took:.0f} s")
    return 0 if chosen else 1


if __name__ == "__main__":
    sys.exit(main())
