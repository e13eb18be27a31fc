"""TeX to MathML that a browser draws without any script, safe for untrusted text."""

from __future__ import annotations

import html
import re
from typing import Any

__all__ = ["mathml"]

_TAGS = set(
    "math mrow mi mo mn mtext mspace ms mfrac msqrt mroot mstyle merror mpadded mphantom msub msup msubsup munder "
    "mover munderover mmultiscripts mprescripts mtable mtr mtd menclose none".split()
)
_ATTRIBUTES = set(
    "display displaystyle scriptlevel mathvariant stretchy fence form separator accent accentunder movablelimits "
    "minsize maxsize lspace rspace width height depth linethickness columnalign rowspacing columnspacing columnlines "
    "rowlines rowspan columnspan largeop symmetric notation".split()
)
_VALUE = re.compile(r"[\w.%+ -]{0,60}$")
_SPACED = re.compile(r"\\begin\{(aligned|split|gathered)\}(.*?)\\end\{\1\}", re.S)


def mathml(tex: str, *, display: bool) -> str:
    r"""A formula as MathML, or as its source text where it cannot be read.

    The converter passes text through unescaped (``\text{<script>}``), so its element tree is written out here,
    through a list of allowed elements and attributes, with everything else escaped.

    Parameters
    ----------
    tex : str
        Formula without its dollar signs.
    display : bool
        Whether the formula stands on a line of its own.

    Returns
    -------
    str
        HTML that is safe to insert as it stands.
    """
    from latex2mathml.converter import Converter

    source = _SPACED.sub(r"\\begin{align*}\2\\end{align*}", tex.strip())
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(source)
        body = _write(tree)
    except Exception:  # the converter raises a dozen unrelated types on malformed input
        return f'<code class="tex">{html.escape(tex.strip())}</code>'
    label = html.escape(" ".join(tex.split()), quote=True)
    body = body.replace("<math ", f'<math alttext="{label}" ', 1)
    return f'<span class="equation">{body}</span>' if display else body


def _write(node: Any) -> str:
    inner = html.escape(html.unescape(node.text or "")) + "".join(
        _write(child) + html.escape(html.unescape(child.tail or "")) for child in node
    )
    tag = str(node.tag)
    if tag not in _TAGS:
        return inner
    if tag == "mo" and inner == "^":
        inner = "\u02c6"
    attributes = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in node.attrib.items()
        if name in _ATTRIBUTES and _VALUE.match(value)
    )
    return f"<{tag}{attributes}>{inner}</{tag}>"
