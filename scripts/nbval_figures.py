"""A pytest plugin: beside nbval's comparison of text, compare the PNG figures of each notebook cell.

nbval skips pictures. Two drawings count as the same when they have the same size and differ by less than half a
grey level in 256 on average and in fewer than one pixel in a hundred by more than a sixteenth of the scale: fonts
may be smoothed otherwise elsewhere, a bar of another length may not pass.
"""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Generator, Iterable
from typing import Any

import nbval.kernel
import numpy as np
import pytest
from jupyter_client.manager import KernelManager
from PIL import Image

MEAN_TOLERANCE = 0.5
PIXEL_STEP = 16
SHARE_TOLERANCE = 0.01

# What cells show may be about people: talk to the kernel encrypted where this Jupyter can (8.10 and newer).
if "transport_encryption" in KernelManager.class_trait_names():
    nbval.kernel.KernelManager = functools.partial(KernelManager, transport_encryption="auto")


def figures(outputs: Iterable[Any]) -> list[np.ndarray]:
    """Return the decoded PNG figures among the outputs of one cell, as (height, width, 3) arrays."""
    drawn = []
    for output in outputs:
        if png := output.get("data", {}).get("image/png"):
            text = "".join(png) if isinstance(png, list) else png
            image = Image.open(io.BytesIO(base64.b64decode(text)))
            drawn.append(np.asarray(image.convert("RGB"), dtype=np.int16))
    return drawn


def difference(stored: np.ndarray, drawn: np.ndarray) -> str:
    """Say in words how two figures differ, or return an empty text when they are the same."""
    if stored.shape != drawn.shape:
        return (
            f"stored {stored.shape[1]} x {stored.shape[0]} pixels, drawn {drawn.shape[1]} x {drawn.shape[0]}"
        )
    gap = np.abs(stored - drawn)
    mean, share = float(gap.mean()), float((gap.max(axis=2) > PIXEL_STEP).mean())
    if mean > MEAN_TOLERANCE or share > SHARE_TOLERANCE:
        return f"mean difference {mean:.2f} of 255, {share:.1%} of pixels clearly different"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Compare the figures once nbval has run and compared a cell."""
    result = yield
    stored_cell = getattr(item, "cell", None)
    if stored_cell is None or getattr(item, "test_outputs", None) is None:
        return result
    if stored_cell.get("execution_count") is None or item.options.get("check") is False:
        return result
    stored, drawn = figures(stored_cell.get("outputs", [])), figures(item.test_outputs)
    assert len(stored) == len(drawn), f"{len(stored)} figures stored, {len(drawn)} drawn"
    for number, (old, new) in enumerate(zip(stored, drawn, strict=True), start=1):
        gap = difference(old, new)
        assert not gap, f"figure {number} of this cell is not the stored one: {gap}"
    return result
