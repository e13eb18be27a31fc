"""Write the sample worlds: ``python -m peernet.datasets.build [folder] [world ...]``."""

from __future__ import annotations

import sys
from pathlib import Path

from peernet.datasets.worlds import WORLDS, make_world

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Write all worlds, or those named, below a folder (default: data/samples of the checkout).

    Parameters
    ----------
    arguments : list of str, optional
        Folder, then names of worlds. Default: those of the command line.

    Returns
    -------
    int
        0 when written.
    """
    given = sys.argv[1:] if arguments is None else arguments
    base = Path(given[0]) if given else Path(__file__).resolve().parents[2] / "data" / "samples"
    names = given[1:] or list(WORLDS)
    for name in names:
        folder = make_world(name).write(base / name)  # type: ignore[arg-type]
        size = sum(path.stat().st_size for path in folder.iterdir())
        sys.stdout.write(f"{name}: {len(list(folder.iterdir()))} files, {size / 1e6:.2f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
