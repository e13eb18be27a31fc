from __future__ import annotations

import base64
import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from peernet import reports
from peernet.reports._document import COVER_MIME


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """What was handed to the notebook, in order."""
    import IPython.display

    shown: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(IPython.display, "display", lambda value, **options: shown.append((value, options)))
    return shown


def page_of(displayed: list[tuple[Any, dict[str, Any]]]) -> str:
    """The report of a notebook that displayed these things."""
    outputs = []
    for value, options in displayed:
        data = value if isinstance(value, dict) else {"text/markdown": value.data}
        outputs.append(new_output("display_data", data=data, metadata=options.get("metadata", {})))
    nb = new_notebook(cells=[new_code_cell("x", outputs=outputs, execution_count=1)])
    page, _ = reports.ReportExporter().from_notebook_node(nb)
    return str(page)


def draw() -> Any:
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, 1], [0, 1])
    return fig


def test_cover_reaches_the_report_and_the_notebook(displayed: list[Any]) -> None:
    reports.cover(
        title="T & <b>", purpose="Why", sources=["s1", "s2"], floor=8, hashes={"f": "00"}, date="May 2024"
    )
    bundle = displayed[0][0]
    assert bundle[COVER_MIME]["floor"] == 8
    assert "&lt;b&gt;" in bundle["text/html"] and "<b>" not in bundle["text/html"]
    page = page_of(displayed)
    assert "<h1>T &amp; &lt;b&gt;</h1>" in page
    assert "fewer than 8 people" in page and "May 2024" in page and "<li>s2</li>" in page
    assert "<dt>Period</dt>" not in page


def test_a_page_has_a_head_line_and_a_foot_line_only(displayed: list[Any]) -> None:
    reports.cover(title="T", purpose="Why", sources=["s1"], floor=8, hashes={"f": "0" * 64}, layout="page")
    reports.prose("## First\n\n## Second")
    page = page_of(displayed)
    assert '<body class="page">' in page and '<p class="line">Why</p>' in page
    assert "Contents" not in page and "<dl" not in page and "About this report" not in page
    assert (
        "Not for assessing individuals." in page
        and "fewer than 8 people" in page
        and f"f ({'0' * 12})" in page
    )
    reports.cover(title="T")
    assert '<body class="page">' in page_of(displayed), "a second cover keeps what the first said"


def test_published_data_have_no_floor(displayed: list[Any]) -> None:
    reports.cover(title="T", floor=1)
    assert "every group is shown" in page_of(displayed)


def test_a_second_cover_adds(displayed: list[Any]) -> None:
    reports.cover(title="T", purpose="First", hashes={"a": "11"})
    reports.cover(title="T", period="2024", hashes={"b": "22"})
    page = page_of(displayed)
    for word in ("First", "2024", ">11<", ">22<"):
        assert word in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"title": " "}, "title"),
        ({"title": "T", "floor": 0}, "floor"),
        ({"title": "T", "sources": "one"}, "sources"),
        ({"title": "T", "layout": "sheet"}, "layout"),
    ],
)
def test_cover_refuses(options: dict[str, Any], said: str, displayed: list[Any]) -> None:
    with pytest.raises(ValueError, match=said):
        reports.cover(**options)


@pytest.mark.parametrize("format", ["png", "svg"])
def test_figures_carry_words_and_are_deterministic(format: Any, displayed: list[Any]) -> None:
    reports.show(draw(), alt='A line "up"', caption="Up.", format=format)
    reports.show(draw().axes[0], alt='A line "up"', caption="Up.", format=format)
    assert displayed[0] == displayed[1]
    assert plt.get_fignums() == []
    kind = "image/png" if format == "png" else "image/svg+xml"
    assert displayed[0][1]["metadata"][kind]["alt"] == 'A line "up"'
    page = page_of(displayed[:1])
    assert 'alt="A line &quot;up&quot;"' in page and "<b>Figure 1.</b> Up." in page


def test_pictures_hold_no_date_and_no_version(displayed: list[Any]) -> None:
    reports.show(draw(), alt="a")
    raw = base64.b64decode(displayed[0][0]["image/png"])
    assert b"Software" not in raw and b"matplotlib" not in raw
    reports.show(draw(), alt="a", format="svg")
    svg = displayed[1][0]["image/svg+xml"]
    assert "dc:date" not in svg
    ET.fromstring(svg)


def test_size_on_screen_is_the_size_that_was_drawn(displayed: list[Any]) -> None:
    reports.show(draw(), alt="a")
    facts = displayed[0][1]["metadata"]["image/png"]
    assert 2.5 * 96 < facts["width"] < 3.5 * 96


def test_arrays_of_axes_and_subfigures(displayed: list[Any]) -> None:
    fig, axes = plt.subplots(2, 2)
    reports.show(axes, alt="four")
    whole = plt.figure()
    reports.show(whole.subfigures(1, 2)[0].subplots(), alt="left half")
    assert len(displayed) == 2 and plt.get_fignums() == []
    assert fig.number not in plt.get_fignums()


def test_show_refuses(displayed: list[Any]) -> None:
    with pytest.raises(ValueError, match="alt must say in words"):
        reports.show(draw(), alt="  ")
    with pytest.raises(ValueError, match="'png', 'svg'"):
        reports.show(draw(), alt="a", format="jpg")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Figure or Axes; got str"):
        reports.show("fig", alt="a")


def test_prose_and_plain(displayed: list[Any]) -> None:
    nasty = "R&D *a* _b_ <i> $x$ [l](http://e.example) `c` # ~~d~~ https://e.example a|b"
    reports.prose(f"""
        ## Found

        Unit {reports.plain(nasty)} teaches **{0.5:.0%}**.
    """)
    page = page_of(displayed)
    assert '<h2 id="found">Found</h2>' in page and "<strong>50%</strong>" in page
    body = page.split("<main")[1].split("</main>")[0]
    for tag in ("<em>", "<i>", "<a ", "<math", "<code", "<del"):
        assert tag not in body
    import html

    assert nasty in html.unescape(body)


def test_tables_from_frames_series_and_results(displayed: list[Any]) -> None:
    series = pd.Series([0.5, np.nan], index=pd.Index(["a", "b"], name="person"), name="share")

    class Answer:
        def to_frame(self) -> pd.DataFrame:
            return series.to_frame()

    reports.table(series, caption="Shares")
    reports.table(Answer(), caption="Shares")
    assert displayed[0] == displayed[1]
    page = page_of(displayed[:1])
    assert (
        "<caption>Shares</caption>" in page and '<th scope="row">a</th>' in page and "– no evidence" in page
    )


def test_table_refuses(displayed: list[Any]) -> None:
    frame = pd.DataFrame({"share": [1]})
    with pytest.raises(ValueError, match="caption"):
        reports.table(frame, caption="")
    with pytest.raises(ValueError, match=r"'shar'.*Did you mean 'share'"):
        reports.table(frame, caption="c", formats={"shar": ".0%"})


def test_hashes_of_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / ".hidden").write_bytes(b"h")
    (tmp_path / "in" / "deep" / "b.csv").write_bytes(b"b")
    (tmp_path / "a.csv").write_bytes(b"a")
    assert reports.file_hashes(tmp_path / "a.csv", tmp_path / "in") == {
        "a.csv": hashlib.sha256(b"a").hexdigest(),
        "in/deep/b.csv": hashlib.sha256(b"b").hexdigest(),
    }
    with pytest.raises(FileNotFoundError):
        reports.file_hashes(tmp_path / "none.csv")
