from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from peernet.reports._markdown import markdown_html, restore_math
from peernet.reports._math import mathml


@pytest.mark.parametrize(
    "tex",
    [
        r"b_i = \sum_{j : g_j \ne g_i} w_{ij} \big/ \sum_j w_{ij}",
        r"\frac{b+1}{R+1}",
        r"\hat\beta \in \mathbb{R}^{n \times n}",
        r"\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{equation} x < 1 \end{equation}",
        r"50\,\% \& more",
        r"\text{a < b & c}",
        r"\text{<script>alert(1)</script>}",
        r"\href{http://evil.example}{x}",
        r"\style{background:url(http://evil.example)}{x}",
    ],
)
@pytest.mark.parametrize("display", [True, False])
def test_formulas_are_well_formed_and_harmless(tex: str, display: bool) -> None:
    written = mathml(tex, display=display)
    root = ET.fromstring(written)
    names = {node.tag for node in root.iter()}
    assert "script" not in names
    attributes = {name for node in root.iter() if node.tag != "math" for name in node.attrib}
    assert not attributes & {"href", "style"}
    assert "block" in written.split(">")[1] if display else 'display="inline"' in written


def test_fractions_are_fractions() -> None:
    root = ET.fromstring(mathml(r"\frac{1}{2}", display=False))
    assert ["".join(part.itertext()) for part in root.iter("mfrac")] == ["12"]


def test_unreadable_formulas_show_their_source() -> None:
    assert mathml(r"x \right) <b>", display=False) == '<code class="tex">x \\right) &lt;b&gt;</code>'


def test_formulas_survive_markdown_and_cannot_be_forged() -> None:
    formulas: list[str] = []
    html = markdown_html("a $x_1 * y_1$ b *c* \ue0000\ue001 \\$5", formulas)
    assert len(formulas) == 1
    shown = restore_math(html, formulas)
    assert shown.count("<math") == 1 and "<em>c</em>" in shown
    assert restore_math("\ue00099\ue001", formulas) == ""
