"""Markdown cells to HTML, with formulas as MathML."""

from __future__ import annotations

import re
from typing import Any

from peernet.reports._math import mathml

__all__ = ["markdown_html", "restore_math"]

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKS = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def markdown_html(source: str, formulas: list[str]) -> str:
    """Markdown as HTML that still has to be cleaned.

    Formulas are set aside so that cleaning does not touch them: their MathML goes to ``formulas`` and a mark
    stays in the text. Marks that the source itself contains are removed first, so it cannot forge one.

    Parameters
    ----------
    source : str
        Markdown with TeX between dollar signs.
    formulas : list of str
        Appended to.

    Returns
    -------
    str
        HTML with marks, see `restore_math`.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):  # type: ignore[misc, unused-ignore]
        """Sets formulas aside; no anchor links, no scripts for diagrams."""

        def inline_math(self, body: str) -> str:
            """Set an inline formula aside."""
            return _aside(mathml(body, display=False))

        def block_math(self, body: str) -> str:
            """Set a formula on its own line aside."""
            return _aside(mathml(body, display=True))

        def latex_environment(self, name: str, body: str) -> str:
            """Set a LaTeX environment aside."""
            return _aside(mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True))

        def block_mermaidjs(self, code: str) -> str:
            """Show a diagram's source: drawing it would need a script."""
            return str(super().block_code(code, info=None))

    def _aside(formula: str) -> str:
        formulas.append(formula)
        return f"{_OPEN}{len(formulas) - 1}{_CLOSE}"

    renderer: Any = Renderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(re.sub(f"[{_OPEN}{_CLOSE}]", "", source)))


def restore_math(html: str, formulas: list[str]) -> str:
    """Put the formulas back in the place of their marks."""

    def formula(match: re.Match[str]) -> str:
        number = int(match.group(1))
        return formulas[number] if number < len(formulas) else ""

    return _MARKS.sub(formula, html)
