"""Static proof that a page needs nothing from outside itself."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from html.parser import HTMLParser

__all__ = ["LINK_PREFIXES", "check_offline"]

LINK_PREFIXES = ("https://doi.org/",)

_FETCHING = set(
    "src href xlink:href data poster action formaction background ping manifest longdesc codebase archive classid "
    "profile cite usemap lowsrc dynsrc icon".split()
)
_WORDS = set(
    "alt alttext title class id lang dir content abbr summary placeholder value label name datetime".split()
)
_CSS_ADDRESS = re.compile(
    r"""url\(\s*(?P<q>["']?)(?P<url>.*?)(?P=q)\s*\)|@import\s+(?P<imp>[^;]+)""", re.I | re.S
)
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_IMAGE_SET = re.compile(r"""image-set\(\s*["']([^"']+)""", re.I)
_SCRIPT_ADDRESS = re.compile(
    r"(?:https?:|wss?:)?//[\w.-]+\.[a-z]{2,}|\bimport\s*\(|\bfetch\s*\(|XMLHttpRequest|WebSocket|sendBeacon",
    re.I,
)


def check_offline(html: str) -> list[str]:
    """Every place where a page would fetch from, or point to, something outside itself.

    The page is read as a browser would read it: attributes that fetch (``src``, ``srcset``, ``href``,
    ``data``, ``poster``, ``action`` ...), style sheets and style attributes (``url()``, ``@import``,
    ``image-set()``), scripts, ``<base>``, ``<meta http-equiv=refresh>``, ``<iframe srcdoc>``, and pictures and
    pages that are themselves embedded as ``data:`` addresses. Relative addresses count as outside, because a
    report is one file. Links to https://doi.org/ and within the page are allowed.

    Parameters
    ----------
    html : str
        The page.

    Returns
    -------
    list of str
        One line per finding, with the line number in ``html``; empty when the page is self-contained.

    Examples
    --------
    >>> check_offline('<img src="https://example.org/a.png" alt="a">')
    ['line 1: <img src> names https://example.org/a.png']
    >>> check_offline('<a href="https://doi.org/10.2307/2786835">Krackhardt</a>')
    []
    """
    scanner = _Scanner()
    scanner.feed(
        html.replace("<![", " ![")
    )  # html.parser raises on some marked sections; a browser skips them
    scanner.close()
    return scanner.found


class _Scanner(HTMLParser):
    """Collects outside addresses while reading a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes of one element."""
        self._inside = tag if tag in ("style", "script") else ""
        names = dict(attrs)
        if tag == "base":
            self._add("<base> changes where addresses lead", names.get("href") or "")
        if tag == "meta" and (names.get("http-equiv") or "").lower() == "refresh":
            self._add("<meta refresh> leads to", names.get("content") or "")
        for name, value in attrs:
            text = (value or "").strip()
            if name == "style":
                self._css(text, f"<{tag} style>")
            elif name == "srcdoc":
                self._nested(text, f"<{tag} srcdoc>")
            elif name in ("srcset", "imagesrcset"):
                for part in re.split(r",\s+", text):
                    self._address(tag, name, part.split()[0] if part.split() else "")
            elif name in _FETCHING:
                self._address(tag, name, text)
            elif "url(" in text.lower() and name not in _WORDS and not name.startswith(("aria-", "data-")):
                self._css(text, f"<{tag} {name}>")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        """Leave a style sheet or script."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Look into style sheets and scripts."""
        if self._inside == "style":
            self._css(data, "<style>")
        elif self._inside == "script":
            for match in _SCRIPT_ADDRESS.finditer(data):
                self._add("<script> would fetch", match.group())

    def handle_comment(self, data: str) -> None:
        """Look into comments that browsers end earlier than some parsers do."""
        if data.startswith((">", "->")) or "--!>" in data:
            self._nested(data, "<!-- -->")

    def _add(self, what: str, address: str) -> None:
        shown = address if len(address) <= 120 else address[:117] + "..."
        self.found.append(f"line {self.getpos()[0]}: {what} {shown}".rstrip())

    def _address(self, tag: str, name: str, value: str) -> None:
        bare = re.sub(r"[\x00-\x20]", "", value)
        if not bare or bare.startswith("#"):
            return
        if bare[:5].lower() == "data:":
            self._data(bare, f"<{tag} {name}>")
        elif not (tag == "a" and name == "href" and bare.startswith(LINK_PREFIXES)):
            self._add(f"<{tag} {name}> names", value)

    def _css(self, css: str, where: str) -> None:
        plain = _CSS_ESCAPE.sub(lambda m: chr(min(int(m.group(1), 16), 0x10FFFF)), css)
        for match in _CSS_ADDRESS.finditer(plain):
            address = (match.group("url") or match.group("imp") or "").strip().strip("\"'")
            if address[:5].lower() == "data:":
                self._data(address, where)
            elif not address.startswith("#") and not (match.group("imp") and "url(" in match.group("imp")):
                self._add(f"{where} names", address)
            elif match.group("imp"):
                self._add(f"{where} imports", address)
        for match in _IMAGE_SET.finditer(plain):
            if match.group(1)[:5].lower() != "data:":
                self._add(f"{where} names", match.group(1))

    def _data(self, address: str, where: str) -> None:
        head, _, body = address.partition(",")
        kind = head[5:].lower()
        if not kind.startswith(
            ("image/svg", "text/html", "application/xhtml", "text/css", "text/javascript")
        ):
            return
        try:
            raw = base64.b64decode(body) if kind.endswith(";base64") else urllib.parse.unquote_to_bytes(body)
        except (binascii.Error, ValueError):
            self._add(f"{where} holds data that cannot be decoded:", head)
            return
        text = raw.decode("utf-8", "replace")
        if kind.startswith("text/css"):
            self._css(text, f"{where} (inside data:)")
        else:
            self._nested(text, where)

    def _nested(self, html: str, where: str) -> None:
        for line in check_offline(html):
            self._add(f"{where} holds a page in which", line)
