"""Untrusted HTML made safe, self-contained and accessible before it enters a report."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peernet.reports import _svg
from peernet.reports.offline import LINK_PREFIXES

__all__ = ["Cleaner", "Heading", "slug"]

_TAGS = set(
    "a abbr b bdi blockquote br caption cite code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 "
    "h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td "
    "tfoot th thead time tr u ul var wbr".split()
)
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir", "style", "aria-label"},
    "a": {"href"}, "img": {"src", "alt", "width", "height"}, "th": {"scope", "colspan", "rowspan", "abbr"},
    "td": {"colspan", "rowspan"}, "ol": {"start", "type"}, "time": {"datetime"}, "details": {"open"},
    "col": {"span"}, "colgroup": {"span"},
}  # fmt: skip
_STYLES = set(
    "align-items background background-color border border-bottom border-collapse border-color border-left "
    "border-radius border-right border-spacing border-style border-top border-width color column-gap display flex "
    "flex-wrap font font-family font-size font-style font-variant-numeric font-weight gap grid-template-columns height "
    "justify-content letter-spacing line-height margin margin-bottom margin-left margin-right margin-top max-width "
    "min-width opacity padding padding-bottom padding-left padding-right padding-top row-gap text-align "
    "text-decoration vertical-align white-space width".split()
)
_REMOVED = (
    "script style iframe frame frameset object embed applet noscript template link meta base title form input button "
    "select textarea math svg audio video source canvas portal marquee dialog slot noembed noframes xmp plaintext "
    "listing".split()
)
_QUIETLY = {"style", "title", "meta", "input"}
_DATA_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+$")
_CSS_FETCHES = re.compile(r"url|image|expression|import|\\|@", re.I)
_NUMBER = re.compile(r"[<>≤≥]?\s?[-−+]?[\d.,\s\u202f\u2009]*\d(e[-+]\d+)?\s?%?$")
_MAX_PICTURE = 8_000_000
_MATH_MARK = re.compile("[\ue000-\ue001]")


@dataclass(frozen=True)
class Heading:
    """One line of the table of contents."""

    level: int
    text: str
    anchor: str


def slug(text: str) -> str:
    """A heading as the readable part of an address: ``"Who bridges?" -> "who-bridges"``."""
    words = re.sub(r"[^\w\s-]", "", _MATH_MARK.sub("", text).lower())
    return re.sub(r"[\s_-]+", "-", words).strip("-") or "section"


@dataclass
class Cleaner:
    """Cleans the pieces of one report and remembers what was found on the way.

    Attributes
    ----------
    folder : Path or None
        Where pictures that Markdown names by a relative path may be read from; None: nowhere.
    headings : list of Heading
        Filled in reading order.
    problems : list of str
        Pictures without alternative text, by cell; a report with any is refused.
    removed : list of (int, str)
        What was taken out, by cell.
    """

    folder: Path | None = None
    headings: list[Heading] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    removed: list[tuple[int, str]] = field(default_factory=list)
    _anchors: set[str] = field(default_factory=set)

    def clean(
        self,
        html: str,
        *,
        cell: int,
        headings: bool = False,
        attachments: dict[str, dict[str, str]] | None = None,
        shift: int = 0,
    ) -> str:
        """A fragment of HTML that can stand in a report as it is.

        Parameters
        ----------
        html : str
            Anything: from Markdown, or from the output of a cell.
        cell : int
            Number of the cell, for messages.
        headings : bool
            Whether its headings go into the table of contents.
        attachments : dict, optional
            The cell's attached pictures, by name and media type, base64.
        shift : int
            By how many levels headings are lowered.

        Returns
        -------
        str
            Well-formed HTML of allowed elements and attributes only.
        """
        from bs4 import BeautifulSoup

        html = _svg.SVG_ELEMENT.sub(lambda m: self._inline_svg(m.group(), cell), html)
        # A line break first: a text that is only an address must not look like one to the parser.
        soup = BeautifulSoup("\n" + html.replace("<![", "&lt;!["), "html.parser")
        taken = sorted({tag.name for tag in soup.find_all(_REMOVED)})
        for tag in soup.find_all(_REMOVED):
            tag.decompose()
        loud = [name for name in taken if name not in _QUIETLY]
        if loud:
            self.removed.append((cell, "an output held " + ", ".join(f"<{name}>" for name in loud)))
        for image in soup.find_all("img"):
            self._image(soup, image, cell, attachments or {})
        for link in soup.find_all("a"):
            _link(link)
        self._headings(soup, headings, shift)
        for table in soup.find_all("table"):
            _scopes(table)
        return _bleach(str(soup), frozenset(self._anchors))

    def resolve_links(self, html: str) -> str:
        """Point links within the notebook at the report's headings; drop those that lead nowhere."""
        known = {heading.anchor for heading in self.headings}

        def point(match: re.Match[str]) -> str:
            target = slug(match.group(1))
            return f'<a href="#{target}">{match.group(2)}</a>' if target in known else match.group(2)

        return re.sub(r'<a href="#([^"]*)">(.*?)</a>', point, html, flags=re.S)

    def picture(
        self, raw: str, kind: str, *, alt: str | None, cell: int, size: tuple[Any, Any] = (None, None)
    ) -> str:
        """An ``<img>`` for a picture that a cell displayed (base64, or XML for SVG)."""
        from html import escape

        if kind == "image/svg+xml":
            cleaned = _svg.clean_svg(raw)
            if cleaned is None:
                self.removed.append((cell, "a picture that is not well-formed SVG"))
                return ""
            alt = alt or _svg.svg_alt(cleaned)
            size = size if size[0] else (_svg.svg_size(cleaned) or size)
            source = _svg.data_address(cleaned.encode(), kind)
        else:
            source = f"data:{kind};base64,{''.join(raw.split())}"
            if not _DATA_IMAGE.match(source):
                self.removed.append((cell, f"a picture ({kind}) that is not valid base64"))
                return ""
        if not (alt or "").strip():
            self.problems.append(f"cell {cell}: a figure has no alternative text")
        sides = "".join(
            f' {name}="{int(value)}"'
            for name, value in zip(("width", "height"), size, strict=True)
            if isinstance(value, int | float) and value > 0
        )
        return f'<img src="{source}" alt="{escape(" ".join((alt or "").split()))}"{sides}>'

    def _inline_svg(self, text: str, cell: int) -> str:
        cleaned = _svg.clean_svg(text)
        if cleaned is None:
            self.removed.append((cell, "a drawing that is not well-formed SVG"))
            return ""
        alt = _svg.svg_alt(cleaned)
        if re.match(r"<svg[^>]*aria-hidden\s*=\s*[\"']true", text, re.I):
            source = _svg.data_address(cleaned.encode(), "image/svg+xml")
            return f'<img src="{source}" alt="" class="decorative">'
        return self.picture(text, "image/svg+xml", alt=alt, cell=cell)

    def _image(self, soup: Any, image: Any, cell: int, attachments: dict[str, dict[str, str]]) -> None:
        source = str(image.get("src", "")).strip()
        alt = image.get("alt")
        if source.startswith("attachment:"):
            kinds = attachments.get(source.removeprefix("attachment:"), {})
            kind = next((k for k in kinds if k.startswith("image/")), "")
            source = f"data:{kind};base64,{''.join(kinds[kind].split())}" if kind else ""
        elif source[:5].lower() != "data:":
            source = self._local_picture(source)
        if source.startswith("data:image/svg+xml"):
            source = _clean_svg_address(source)
        if not _DATA_IMAGE.match(source):
            self.removed.append((cell, "a picture from outside the report" if source == "" else "a picture"))
            image.replace_with(
                soup.new_string(f"[picture not included: {alt}]" if alt else "[picture not included]")
            )
            return
        decorative = alt == "" and "decorative" in (image.get("class") or [])
        if not (alt or "").strip() and not decorative:
            self.problems.append(f"cell {cell}: a picture has no alternative text")
        image["src"] = source

    def _local_picture(self, source: str) -> str:
        """Read a picture that lies in the notebook's own folder, and nowhere else."""
        kind = mimetypes.guess_type(source)[0] or ""
        if (
            self.folder is None
            or not kind.startswith("image/")
            or re.match(r"[a-zA-Z][\w+.-]*:|//|/|\\", source)
        ):
            return ""
        folder = self.folder.resolve()
        path = (folder / source).resolve()
        if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > _MAX_PICTURE:
            return ""
        return _svg.data_address(path.read_bytes(), kind)

    def _headings(self, soup: Any, listed: bool, shift: int) -> None:
        headings = re.compile("^h[1-6]$")
        for tag in soup.find_all(headings):
            for inner in tag.find_all(headings):
                inner.unwrap()
        for tag in soup.find_all(headings):
            if not listed:
                tag.name = "h4"
                continue
            level = min(int(tag.name[1]) + shift, 6)
            tag.name = f"h{level}"
            text = " ".join(tag.get_text().split())
            if not text:
                tag.decompose()
                continue
            base = anchor = slug(text)
            n = 1
            while anchor in self._anchors:
                n += 1
                anchor = f"{base}-{n}"
            self._anchors.add(anchor)
            tag.attrs = {"id": anchor}
            self.headings.append(Heading(level, text, anchor))


def _link(link: Any) -> None:
    """Keep links within the page and to doi.org; show the address of any other as text."""
    target = re.sub(r"[\x00-\x20]", "", str(link.get("href", "")))
    if target.startswith("#") and len(target) > 1:
        link.attrs = {"href": target}
        return
    doi = re.sub(r"^https?://(dx\.)?doi\.org/", LINK_PREFIXES[0], target)
    if doi.startswith(LINK_PREFIXES):
        link.attrs = {"href": doi}
        return
    shown = re.sub(r"^(https?:)?//|^mailto:", "", target).rstrip("/")
    said = link.get_text()
    if shown and re.match(r"https?:|//|mailto:", target) and shown not in said.replace(" ", ""):
        link.append(f" ({shown})")
    link.name = "span"
    link.attrs = {"class": "address"}


def _scopes(table: Any) -> None:
    for cell in table.find_all("th"):
        if not cell.get("scope"):
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
    if table.get("border"):
        del table["border"]
    rows = [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]
    longest = [0] * max(map(len, rows), default=0)
    for row in rows:
        for column, cell in enumerate(row):
            longest[column] = max(longest[column], len(cell.get_text().strip()))
    crowded = sum(min(length, 40) + 2 for length in longest) > 110
    size = [name for name, holds in (("short", len(rows) <= 14), ("crowded", crowded)) if holds]
    table["class"] = sorted({*(table.get("class") or []), *size})
    _align_numbers(table)


def _align_numbers(table: Any) -> None:
    """Mark the columns that hold numbers only, so that digits stand below digits."""
    rows = [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]
    if not rows or any(cell.get("colspan") or cell.get("rowspan") for row in rows for cell in row):
        return
    for column in range(max(map(len, rows))):
        cells = [row[column] for row in rows if len(row) > column]
        texts = [cell.get_text().strip() for cell in cells if cell.name == "td"]
        known = [text for text in texts if text not in ("", "–", "NaN", "nan", "<NA>")]
        if known and all(_NUMBER.match(text) for text in known):
            for cell in cells:
                in_body = cell.name == "td"
                if in_body or cell.get("scope") == "col":
                    cell["class"] = sorted({*(cell.get("class") or []), "num"})


def _clean_svg_address(source: str) -> str:
    head, _, body = source.partition(",")
    if not head.endswith(";base64"):
        return ""
    try:
        cleaned = _svg.clean_svg(base64.b64decode(body).decode())
    except (binascii.Error, ValueError):
        return ""
    return _svg.data_address(cleaned.encode(), "image/svg+xml") if cleaned else ""


def _allowed(anchors: frozenset[str]) -> Callable[[str, str, str], bool]:
    def allowed(tag: str, name: str, value: str) -> bool:
        if name == "href":
            return tag == "a" and value.startswith(("#", *LINK_PREFIXES))
        if name == "src":
            return tag == "img" and _DATA_IMAGE.match(value) is not None
        if name == "id":
            return tag in {"h1", "h2", "h3", "h4", "h5", "h6"} and value in anchors
        return name in _ATTRIBUTES["*"] or name in _ATTRIBUTES.get(tag, set())

    return allowed


def _bleach(html: str, anchors: frozenset[str]) -> str:
    """The guard that decides: whatever came before, only these elements and attributes pass."""
    import bleach  # type: ignore[import-untyped, unused-ignore]
    from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped, unused-ignore]

    class Styles(CSSSanitizer):  # type: ignore[misc, unused-ignore]
        """Styles that cannot fetch."""

        def sanitize_css(self, style: str) -> str:
            """Leave out declarations that could name an address."""
            kept = [part for part in style.split(";") if not _CSS_FETCHES.search(part)]
            return str(super().sanitize_css(";".join(kept)))

    cleaner = bleach.Cleaner(
        tags=_TAGS,
        attributes=_allowed(anchors),
        protocols={"https", "data"},
        strip=True,
        strip_comments=True,
        css_sanitizer=Styles(allowed_css_properties=_STYLES, allowed_svg_properties=()),
    )
    return str(cleaner.clean(html))
