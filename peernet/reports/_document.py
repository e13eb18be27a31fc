"""An executed notebook as the parts of a report: cover, contents, body, notes, facts."""

from __future__ import annotations

import html
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from peernet.reports._clean import Cleaner
from peernet.reports._errors import ReportError
from peernet.reports._markdown import markdown_html, restore_math
from peernet.reports._notes import Note, redact, strip_ansi, warnings_in

__all__ = ["COVER_MIME", "Document", "Gathered", "build", "cell_numbers", "has_tag"]

COVER_MIME = "application/vnd.peernet.report+json"

_WIDGET = "application/vnd.jupyter.widget-view+json"
_PICTURES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_PACKAGES = ("numpy", "scipy", "pandas", "networkx", "statsmodels", "matplotlib", "numba", "duckdb")
_PLAIN_NOISE = re.compile(
    r"\[?<[^>]*\bat 0x[0-9a-fA-F]+>|<(?:Axes|Figure|Subplot)[^>]*>|\[?<matplotlib|Text\(|^\[\]$|^None$"
)
_COVER_TEXT = (
    "title",
    "subtitle",
    "organisation",
    "study",
    "purpose",
    "period",
    "date",
    "authors",
    "note",
    "lang",
    "layout",
)


@dataclass(frozen=True)
class Gathered:
    """A note, said once, with the number of times and the places it was said."""

    kind: str
    text: str
    times: int
    where: str


@dataclass
class Document:
    """What the template lays out. Fields named ``*_html`` are safe HTML; all others are plain text."""

    cover: dict[str, Any]
    contents: list[tuple[int, str, str]]
    body_html: list[str]
    warnings: list[Gathered]
    removed: list[Gathered]
    hashes: dict[str, str]
    versions: dict[str, str]
    has_code: bool
    lang: str = "en"


def has_tag(cell: Any, name: str) -> bool:
    """Whether a cell carries a tag, in either spelling (``remove-cell``, ``remove_cell``)."""
    tags = {str(tag).replace("_", "-") for tag in cell.get("metadata", {}).get("tags", [])}
    return name in tags


def cell_numbers(nb: Any) -> list[int]:
    """Number of each cell as the notebook's author counts: injected parameters take their predecessor's."""
    numbers: list[int] = []
    for cell in nb.cells:
        last = numbers[-1] if numbers else 0
        numbers.append(last if has_tag(cell, "injected-parameters") else last + 1)
    return numbers


def build(nb: Any, *, name: str = "", folder: Path | None = None, show_code: bool = False) -> Document:
    """Take a notebook apart and clean every piece.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        Executed.
    name : str
        Title where the notebook gives none.
    folder : Path, optional
        The notebook's folder: pictures that Markdown names are read from it.
    show_code : bool
        Keep the code, folded away.

    Returns
    -------
    Document

    Raises
    ------
    ReportError
        Where figures have no alternative text; every one is named.
    """
    work = _Builder(nb, folder, show_code, shift=0)
    title = (
        work.cleaner.headings[0] if work.cleaner.headings and work.cleaner.headings[0].level == 1 else None
    )
    rest = work.cleaner.headings[1:] if title else work.cleaner.headings
    if any(heading.level == 1 for heading in rest):
        work = _Builder(nb, folder, show_code, shift=1)
    if work.cleaner.problems:
        listed = "; ".join(dict.fromkeys(work.cleaner.problems))
        raise ReportError(
            f"{listed}. Show figures with peernet.reports.show(fig, alt='what the figure says'), "
            "or give the cell an 'alt' in its metadata."
        )
    cover = work.cover
    if title is not None:
        work.drop_heading(title.anchor)
        cover.setdefault("title", re.sub("[\ue000\ue001]", "", title.text))
    cover.setdefault("title", str(nb.metadata.get("title") or name or "Report").replace("_", " "))
    lang = str(cover.get("lang", "en"))
    return Document(
        cover=cover,
        contents=work.contents(),
        body_html=work.pieces(),
        warnings=work.gathered(work.notes),
        removed=work.gathered([Note("left out", text, cell) for cell, text in work.cleaner.removed]),
        hashes={str(k): str(v) for k, v in cover.pop("hashes", {}).items()},
        versions=_versions(nb),
        has_code=work.has_code,
        lang=lang if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", lang) else "en",
    )


def _versions(nb: Any) -> dict[str, str]:
    """Versions of what computed the numbers: Python from the notebook, packages from this environment."""
    language = nb.metadata.get("language_info", {})
    found: dict[str, str] = {}
    for package in ("peernet", *_PACKAGES):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    python = str(language.get("version") or platform.python_version())
    return {"peernet": found.pop("peernet", "not installed"), "Python": python, **found}


@dataclass
class _Builder:
    """One pass over the cells."""

    nb: Any
    folder: Path | None
    show_code: bool
    shift: int
    cover: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    has_code: bool = False

    def __post_init__(self) -> None:
        self.cleaner = Cleaner(self.folder)
        self.formulas: list[str] = []
        self._pieces: list[str] = []
        self._section: dict[int, str] = {}
        self._figures = 0
        self._merge_cover(self.nb.metadata.get("peernet", {}))
        for number, cell in zip(cell_numbers(self.nb), self.nb.cells, strict=True):
            if cell.cell_type == "markdown":
                if not has_tag(cell, "remove-cell"):
                    self._add(self._markdown(cell.source, number, cell.get("attachments")))
            elif cell.cell_type == "code":
                self._code_cell(cell, number)
            self._section[number] = self.cleaner.headings[-1].text if self.cleaner.headings else ""

    def pieces(self) -> list[str]:
        """The body, in order."""
        return [self.cleaner.resolve_links(piece) for piece in self._pieces if piece.strip()]

    def contents(self) -> list[tuple[int, str, str]]:
        """Level (1, 2 ...), safe HTML and anchor of each heading down to the second level used."""
        if not self.cleaner.headings:
            return []
        top = min(heading.level for heading in self.cleaner.headings)
        return [
            (heading.level - top + 1, restore_math(html.escape(heading.text), self.formulas), heading.anchor)
            for heading in self.cleaner.headings
            if heading.level <= top + 1
        ]

    def drop_heading(self, anchor: str) -> None:
        """Leave out the notebook's own title: the cover has it."""
        tag = re.compile(rf'<h([1-6]) id="{re.escape(anchor)}">.*?</h\1>\s*', re.S)
        pieces = [tag.sub("", piece, count=1) for piece in self._pieces]
        self._pieces = [piece for piece in pieces if not re.fullmatch(r'<div class="prose">\s*</div>', piece)]
        self.cleaner.headings = [heading for heading in self.cleaner.headings if heading.anchor != anchor]

    def gathered(self, notes: list[Note]) -> list[Gathered]:
        """Say each thing once."""
        places: dict[tuple[str, str], list[int]] = {}
        for note in notes:
            places.setdefault((note.kind, note.text), []).append(note.cell)
        return [
            Gathered(kind, text, len(cells), self._where(cells)) for (kind, text), cells in places.items()
        ]

    def _where(self, cells: list[int]) -> str:
        named = [self._section.get(cell, "") for cell in dict.fromkeys(cells)]
        sections = [re.sub("[\ue000\ue001]\\d*", "", name).strip() for name in dict.fromkeys(named) if name]
        numbers = ", ".join(str(cell) for cell in dict.fromkeys(cells))
        cell = f"cell{'s' if len(set(cells)) > 1 else ''} {numbers}"
        return f"{cell}, under {'; '.join(f'“{name}”' for name in sections)}" if sections else cell

    def _add(self, piece: str) -> None:
        self._pieces.append(piece)

    def _merge_cover(self, facts: Any) -> None:
        if not isinstance(facts, Mapping):
            return
        for key in _COVER_TEXT:
            if isinstance(facts.get(key), str) and facts[key].strip():
                self.cover[key] = " ".join(facts[key].split())
        sources = facts.get("sources")
        if isinstance(sources, list | tuple):
            self.cover["sources"] = [
                " ".join(str(source).split()) for source in sources if str(source).strip()
            ]
        if isinstance(facts.get("floor"), int) and not isinstance(facts.get("floor"), bool):
            self.cover["floor"] = facts["floor"]
        if isinstance(facts.get("hashes"), Mapping):
            self.cover.setdefault("hashes", {}).update(facts["hashes"])

    def _markdown(self, source: str, number: int, attachments: Any = None) -> str:
        raw = markdown_html(source, self.formulas)
        clean = self.cleaner.clean(raw, cell=number, headings=True, attachments=attachments, shift=self.shift)
        return f'<div class="prose">{restore_math(clean, self.formulas)}</div>' if clean.strip() else ""

    def _code_cell(self, cell: Any, number: int) -> None:
        stderr = "".join(
            output.text
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stderr"
        )
        self.notes.extend(warnings_in(stderr, number))
        for output in cell.outputs:
            self._merge_cover(output.get("data", {}).get(COVER_MIME))
        if has_tag(cell, "remove-cell"):
            return
        hidden = has_tag(cell, "remove-input") or cell.metadata.get("transient", {}).get("remove_source")
        if self.show_code and cell.source.strip() and not hidden:
            self.has_code = True
            injected = has_tag(cell, "injected-parameters")
            self._add(_code(_without_folders(cell.source) if injected else cell.source, number))
        if not has_tag(cell, "remove-output"):
            for piece in self._outputs(cell, number):
                self._add(piece)

    def _outputs(self, cell: Any, number: int) -> Iterator[str]:
        text = ""
        for output in cell.outputs:
            if output.output_type == "stream":
                text += output.text if output.name == "stdout" else ""
                continue
            yield _pre(text)
            text = ""
            if output.output_type == "error":
                said = redact(strip_ansi(f"{output.ename}: {output.evalue}"))
                yield f'<p class="failed"><strong>This step failed.</strong> {html.escape(said)}</p>'
            else:
                yield self._display(output, cell, number)
        yield _pre(text)

    def _display(self, output: Any, cell: Any, number: int) -> str:
        data = output.get("data", {})
        if COVER_MIME in data:
            return ""
        if _WIDGET in data and "text/html" not in data:
            if not re.search(r"Progress|%\|", str(data.get("text/plain", ""))):
                self.cleaner.removed.append((number, "a live widget, which a printed page cannot hold"))
            return ""
        if "text/html" in data:
            return self._html(data["text/html"], number)
        if "text/markdown" in data:
            return self._markdown(data["text/markdown"], number)
        for kind in _PICTURES:
            if kind in data:
                return self._figure(data[kind], kind, output, cell, number)
        if "text/latex" in data:
            return self._markdown(data["text/latex"], number)
        if "text/plain" in data:
            said = strip_ansi(data["text/plain"])
            return "" if _PLAIN_NOISE.match(said) else _pre(said)
        if "application/javascript" in data:
            self.cleaner.removed.append((number, "an output held <script>"))
        return ""

    def _html(self, source: str, number: int) -> str:
        clean = self.cleaner.clean(source, cell=number)
        return f'<div class="output">{clean}</div>' if clean.strip() else ""

    def _figure(self, raw: str, kind: str, output: Any, cell: Any, number: int) -> str:
        facts = output.get("metadata", {}).get(kind, {})
        alt = facts.get("alt") or cell.metadata.get("alt")
        size = (facts.get("width"), facts.get("height"))
        image = self.cleaner.picture(raw, kind, alt=alt, cell=number, size=size)
        if not image:
            return ""
        caption = ""
        if facts.get("caption"):
            self._figures += 1
            words = html.escape(" ".join(str(facts["caption"]).split()))
            caption = f"<figcaption><b>Figure {self._figures}.</b> {words}</figcaption>"
        return f'<figure class="figure">{image}{caption}</figure>'


def _pre(text: str) -> str:
    shown = strip_ansi(text).strip("\n")
    return f'<pre class="printed">{html.escape(shown)}</pre>' if shown.strip() else ""


def _without_folders(source: str) -> str:
    """The caller's parameters without the folders of this machine."""
    return re.sub(r"(?<=['\"])(?:[A-Za-z]:)?[/\\][^'\"\n]*[/\\](?=[^'\"/\\\n]+['\"])", "…/", source)


def _code(source: str, number: int) -> str:
    from pygments import highlight  # type: ignore[import-untyped, unused-ignore]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped, unused-ignore]
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped, unused-ignore]

    shown = highlight(source, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    return f'<details class="code"><summary>Code of cell {number}</summary>{shown}</details>'
