"""What `import peernet` costs beside the packages that it uses."""

from __future__ import annotations

import subprocess
import sys

from _measure import compare, quick, seconds

REPEAT = 3 if quick() else 9


def start(code: str) -> list[float]:
    """Time fresh interpreters that run some code."""
    return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), repeat=REPEAT)


if __name__ == "__main__":
    ours = start("import peernet")
    for name in ("numpy", "pandas", "networkx"):
        compare(
            "import, fresh interpreter", ours=ours, peer=f"import {name}", theirs=start(f"import {name}"),
            note="interpreter's own start included",
        )  # fmt: skip
    bare = start("pass")
    extra = sorted(ours)[len(ours) // 2] - sorted(bare)[len(bare) // 2]
    print(f"import peernet adds {extra * 1000:.0f} ms to a bare interpreter")
