"""Re-run every notebook and compare what it prints and draws with what is stored in it.

nbval compares text; the plugin nbval_figures beside this file compares pictures. The published case studies are
compared where PEERNET_DATA is set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from run_notebooks import ROOT, notebooks  # noqa: E402


def main() -> int:
    """Run nbval strictly on each notebook; return its exit status."""
    have_data = bool(os.environ.get("PEERNET_DATA"))
    if not have_data:
        print("notebooks: published case studies skipped, PEERNET_DATA is not set")
    chosen = notebooks(published=have_data)
    if not chosen:
        print("notebooks: none found, nothing was checked", file=sys.stderr)
        return 1
    environment = os.environ | {"PYTHONPATH": str(HERE), "TQDM_DISABLE": "1"}
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "nbval_figures", "-p", "no:cacheprovider"),
        *("-n", os.environ.get("NOTEBOOK_WORKERS", "2"), "--dist", "loadfile"),
        *("--nbval", "--nbval-current-env", "--nbval-cell-timeout", "300"),
        *("--nbval-sanitize-with", "notebooks/sanitize.cfg"),
        *sys.argv[1:],
        *(str(path.relative_to(ROOT)) for path in chosen),
    ]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
