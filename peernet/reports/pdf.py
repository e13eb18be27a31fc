"""A report printed to PDF by a browser that is already installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from peernet.reports._errors import ReportError

__all__ = ["find_browser", "print_pdf"]

_NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge",
)  # fmt: skip
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def find_browser() -> str | None:
    """The first Chromium, Chrome or Edge on this machine that can print without a window.

    Returns
    -------
    str or None
        Its path. The environment variable ``PEERNET_BROWSER`` names another; empty, it says that there is none.
    """
    chosen = os.environ.get("PEERNET_BROWSER")
    if chosen is not None:
        return shutil.which(chosen) if chosen else None
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    return found or next((place for place in _PLACES if Path(place).is_file()), None)


def print_pdf(page: str | Path, out: str | Path, *, timeout: float = 120.0) -> Path:
    """Print an HTML report to PDF, with the network switched off.

    Parameters
    ----------
    page : path
        The HTML file.
    out : path
        The PDF file.
    timeout : float
        Seconds.

    Returns
    -------
    Path
        The PDF file.

    Raises
    ------
    ReportError
        Where no browser is found, or it does not print.
    """
    browser = find_browser()
    if browser is None:
        raise ReportError("no Chromium or Chrome was found to print the PDF with")
    target = Path(out)
    with tempfile.TemporaryDirectory(prefix="peernet-pdf-") as scratch:
        printed = Path(scratch) / "report.pdf"
        command = [
            browser,
            "--headless=new",
            "--disable-gpu",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={scratch}/profile",
            "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            f"--print-to-pdf={printed}",
            Path(page).resolve().as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReportError(f"{Path(browser).name} did not print the PDF: {error}") from error
        if not printed.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise ReportError(
                f"{Path(browser).name} did not print the PDF: {said[-1] if said else 'no message'}"
            )
        half = target.with_name(f".{target.name}.part")
        shutil.copyfile(printed, half)
        os.replace(half, target)
    return target
