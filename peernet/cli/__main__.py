"""Lets ``python -m peernet.cli`` do what ``peernet`` does."""

from __future__ import annotations

import sys

from peernet.cli import main

if __name__ == "__main__":
    sys.exit(main())
