"""Pictures as data: addresses; SVG is cleaned first."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

__all__ = ["SVG_ELEMENT", "clean_svg", "data_address", "svg_alt", "svg_size"]

SVG_ELEMENT = re.compile(r"<svg\b.*?</svg\s*>", re.I | re.S)

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_DROPPED = {"script", "foreignObject", "metadata", "iframe", "audio", "video", "handler", "listener"}
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*>", re.I)
_OUTSIDE = re.compile(r"url\(\s*[\"']?(?!#|data:)|@import|image-set|\\", re.I)
_LENGTH = re.compile(r"\s*([\d.]+)\s*(px|pt|in|cm|mm)?\s*$")
_PIXELS = {None: 1.0, "px": 1.0, "pt": 96 / 72, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}


def data_address(raw: bytes, kind: str) -> str:
    """Bytes of a picture as a ``data:`` address."""
    return f"data:{kind};base64,{base64.b64encode(raw).decode('ascii')}"


def clean_svg(text: str) -> str | None:
    """An SVG picture that runs nothing and fetches nothing.

    Scripts, event handlers, foreign content, metadata and outside addresses are taken out.

    Parameters
    ----------
    text : str
        The picture as XML.

    Returns
    -------
    str or None
        None where it is not well-formed XML, or declares entities.
    """
    if "<!ENTITY" in text.upper():
        return None
    try:
        root = ET.fromstring(_DOCTYPE.sub("", text).strip())
    except ET.ParseError:
        return None
    if root.tag == "svg":
        for node in root.iter():
            node.tag = (
                f"{{{_SVG}}}{node.tag}" if isinstance(node.tag, str) and "}" not in node.tag else node.tag
            )
    if root.tag != f"{{{_SVG}}}svg":
        return None
    _clean_node(root)
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    return ET.tostring(root, encoding="unicode")


def svg_alt(text: str) -> str | None:
    """The picture's own description: its ``aria-label``, or its first-level ``<title>``."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return None
    label = root.get("aria-label")
    title = root.find(f"{{{_SVG}}}title")
    words = label or (title.text if title is not None else None)
    return " ".join(words.split()) if words and words.strip() else None


def svg_size(text: str) -> tuple[int, int] | None:
    """Width and height in CSS pixels where the picture states them."""
    root = ET.fromstring(text)
    sizes = [_LENGTH.match(root.get(side, "")) for side in ("width", "height")]
    if sizes[0] is None or sizes[1] is None:
        return None
    width, height = (round(float(m.group(1)) * _PIXELS[m.group(2)]) for m in sizes if m is not None)
    return width, height


def _clean_node(node: ET.Element) -> None:
    for child in list(node):
        name = child.tag.rsplit("}", 1)[-1] if isinstance(child.tag, str) else ""
        if not name or name in _DROPPED:
            node.remove(child)
        else:
            _clean_node(child)
    if node.tag == f"{{{_SVG}}}style" and node.text and _OUTSIDE.search(node.text):
        node.text = ""
    for attribute, value in list(node.attrib.items()):
        local = attribute.rsplit("}", 1)[-1].lower()
        outside = local in ("href", "src") and not re.match(r"\s*(#|data:image/(png|jpeg|gif|webp);)", value)
        if local.startswith("on") or outside or (local not in ("href", "src") and _OUTSIDE.search(value)):
            del node.attrib[attribute]
