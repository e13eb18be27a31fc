"""The notebooks on silos: verdicts as stored, and a page for managers that is one page and names nobody."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from peernet import datasets, ingest, reports

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "notebooks" / "08_silos_on_one_page.ipynb"
SILOED = ROOT / "notebooks" / "04_are_we_siloed.ipynb"
RENDERED = ROOT / "reports" / "meridian_page.html"


def text_of(path: Path) -> str:
    """Return everything readable that a notebook stores: prose, tables, alternative texts; no pictures."""
    notebook: Any = nbformat.read(path, as_version=4)
    parts = []
    for cell in notebook.cells:
        parts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts += ["".join(v) for k, v in data.items() if k.startswith("text/")]
            parts += [str(output.get("metadata", {})), output.get("text", "")]
    return "\n".join(parts)


def without_pictures(page: str) -> str:
    return re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=]+", "", page)


@cache
def roster(world: str) -> pd.DataFrame:
    return ingest.read_people(datasets.sample_dir(world) / "hr_roster.csv").people


def named(text: str) -> list[str]:
    """Return ids, e-mails and full names of people of any sample world that stand in a text."""
    found = []
    for world in datasets.WORLDS:
        people = roster(world)
        ids = set(re.findall(r"(?<![\d.])\d{5}(?![\d.])", text)) & set(people.index)
        words = [w for column in ("name", "email") for w in people[column].dropna() if str(w) in text]
        found += [f"{world}: {w}" for w in (*sorted(ids), *words)]
    return found


def test_the_search_finds_people() -> None:
    people = roster("meridian")
    first = people.iloc[0]
    assert named(f"asked {people.index[0]}, twice")
    assert named(str(first["name"])) and named(str(first["email"]))
    assert not named("E-I 0.00104 of 12 345 ties")


@pytest.mark.parametrize("path", [SILOED, PAGE], ids=lambda p: p.stem)
def test_nobody_is_named(path: Path) -> None:
    assert named(text_of(path)) == []


def test_the_rendered_page_names_nobody_and_shows_three_findings() -> None:
    page = without_pictures(RENDERED.read_text(encoding="utf-8"))
    assert named(page) == []
    assert [int(k) for k in re.findall(r"<h2[^>]*>(\d)\. ", page)] == [1, 2, 3]
    assert page.count("How sure:") == page.count("What to look at:") == 3
    assert "Groups of fewer than 5 people are not shown" in page and "Legal" not in page
    assert page.count("<img") == 1 and "Contents" not in page
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert len(shown.split()) < 400, "more than fits on one sheet"


def test_every_verdict_on_silos_is_the_expected_one() -> None:
    text = text_of(SILOED)
    asked = ("silo-unit", "silo-vanishing", "open-team", "hidden-team", "bus-factor", "top-broker")
    n = len(asked) * len(datasets.WORLDS)
    assert f"**{n} of {n} verdicts" in text
    assert all(question in text for question in asked)


def test_lazega_shows_the_published_values() -> None:
    text = text_of(ROOT / "notebooks" / "published" / "lazega.ipynb")
    for value in (
        "E-I **-0.5695**",
        "expected -0.0503",
        "z = -9.459",
        "Coleman 0.74",
        "(-0.08)",
        "**39% of",
        "78% for",
    ):
        assert value in text, value


def pages(pdf: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes()))


@pytest.mark.browser
@pytest.mark.parametrize("world", datasets.WORLDS)
def test_the_page_is_one_page(world: str, tmp_path: Path) -> None:
    if reports.find_browser() is None:
        pytest.skip("no Chromium or Chrome on this machine")
    out = tmp_path / "page.html"
    reports.render(PAGE, parameters={"source": world, "n_draws": 199}, out=out)
    assert pages(reports.print_pdf(out, tmp_path / "page.pdf")) == 1
    assert named(without_pictures(out.read_text(encoding="utf-8"))) == []
