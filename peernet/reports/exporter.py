"""nbconvert exporter: ``jupyter nbconvert --to peernet_report notebook.ipynb``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from traitlets import Bool, default

from peernet.reports._document import build
from peernet.reports._errors import ReportError
from peernet.reports.offline import check_offline

__all__ = ["ReportExporter"]

_TEMPLATES = Path(__file__).parent / "templates"


class ReportExporter(HTMLExporter):
    """One HTML page that needs nothing from outside itself.

    The notebook is taken apart and cleaned in Python (`peernet.reports._document`); the template only lays the
    parts out. The page carries a Content-Security-Policy under which it cannot fetch or run anything.

    Attributes
    ----------
    show_code : bool
        Keep the code of the cells, folded away (``--ReportExporter.show_code=True``).

    Raises
    ------
    ReportError
        Where a figure has no alternative text, or the finished page would still name an outside address.
    """

    export_from_notebook = "peernet report"

    show_code = Bool(False, help="Keep the code of the cells, folded away.").tag(config=True)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "peernet_report"

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        return [str(_TEMPLATES), str(Path.cwd())]

    def _create_environment(self) -> Any:
        environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        environment.filters["css_string"] = css_string
        environment.filters["safe_html"] = Markup
        return environment

    def _preprocess(self, nb: Any, resources: Any) -> Any:
        nb, resources = super()._preprocess(nb, resources)  # type: ignore[no-untyped-call]
        facts = resources.get("metadata", {})
        folder = Path(facts["path"]) if facts.get("path") else None
        document = build(nb, name=str(facts.get("name", "")), folder=folder, show_code=self.show_code)
        resources["report"] = document
        resources["report_css"] = Markup(_style_sheet(document.has_code or _fenced(document.body_html)))
        return nb, resources

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Lay out one notebook; see the class for what can go wrong."""
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        page = re.sub(r"[ \t]+\n", "\n", page)
        found = check_offline(page)
        if found:
            raise ReportError(
                "the report would reach outside itself: "
                + "; ".join(found[:5])
                + ". Remove this from the notebook."
            )
        return page, resources


def css_string(text: object) -> Markup:
    """Any text as a CSS string that cannot end the string, the rule or the style element."""
    letters = (c if c.isascii() and (c.isalnum() or c == " ") else f"\\{ord(c):x} " for c in str(text))
    return Markup('"' + "".join(letters) + '"')


def _fenced(pieces: list[str]) -> bool:
    return any('class="highlight"' in piece for piece in pieces)


def _style_sheet(with_code: bool) -> str:
    sheet = (_TEMPLATES / "peernet_report" / "report.css").read_text(encoding="utf-8")
    if with_code:
        from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped, unused-ignore]

        sheet += HtmlFormatter(style="xcode").get_style_defs(".highlight")
    return sheet
