from __future__ import annotations

import base64
import urllib.parse

import pytest

from peernet.reports import check_offline


@pytest.mark.parametrize(
    "html",
    [
        '<img src="http://a.example/x.png">',
        "<img src=//a.example/x.png>",
        '<img src="figures/x.png">',
        '<img srcset="data:image/png;base64,AA 1x, https://a.example/2.png 2x">',
        '<script src="https://a.example/x.js"></script>',
        "<script>fetch('/x')</script>",
        '<script type="module">import("https://a.example/m.js")</script>',
        '<link rel="stylesheet" href="https://a.example/c.css">',
        '<link rel="preconnect" href="//a.example">',
        "<style>@import 'https://a.example/c.css';</style>",
        "<style>@import url(https://a.example/c.css);</style>",
        "<style>body { background: url(https://a.example/b.png) }</style>",
        "<style>body { background: u\\72l(https://a.example/b.png) }</style>",
        "<style>@font-face { src: url('f.woff2') }</style>",
        "<p style=\"background-image: url('https://a.example/b.png')\">x</p>",
        "<p style=\"background: image-set('https://a.example/b.png' 1x)\">x</p>",
        '<a href="https://example.org">x</a>',
        '<a href="http://doi.org/10.1/x">x</a>',
        '<a href="https://doi.org.evil.example/10.1/x">x</a>',
        '<a href="https://doi.org/10.1/x" ping="https://a.example">x</a>',
        '<a href="other.html">x</a>',
        '<iframe src="https://a.example"></iframe>',
        '<iframe srcdoc="&lt;img src=&quot;https://a.example/x.png&quot;&gt;"></iframe>',
        '<object data="https://a.example/x"></object>',
        '<video poster="https://a.example/x.png"></video>',
        '<form action="https://a.example"></form>',
        '<button formaction="https://a.example">x</button>',
        '<base href="https://a.example/">',
        '<meta http-equiv="Refresh" content="0; url=https://a.example">',
        '<svg><image xlink:href="https://a.example/x.png"/></svg>',
        '<svg><rect fill="url(https://a.example/x.svg#g)"/></svg>',
        '<table background="https://a.example/x.png"></table>',
        '<IMG SRC=" https://a.example/x.png">',
        '<!--><img src="https://a.example/x.png">-->',
        '<![x](<img src="https://a.example/x.png">',
    ],
)
def test_every_way_out_is_found(html: str) -> None:
    assert check_offline(f"<!DOCTYPE html><html><body>{html}</body></html>")
    assert check_offline(f"<p>{html}")


@pytest.mark.parametrize("coding", ["base64", "percent"])
def test_pictures_inside_are_read_too(coding: str) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="https://a.example/x.png"/></svg>'
    if coding == "base64":
        source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    else:
        source = "data:image/svg+xml," + urllib.parse.quote(svg)
    found = check_offline(f'<img alt="x" src="{source}">')
    assert len(found) == 1 and "https://a.example/x.png" in found[0]


def test_what_stays_inside_passes() -> None:
    html = (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><link rel="icon" href="data:,">'
        '<style>p { background: url("data:image/png;base64,AA") } a { color: #0b5a72 }</style>'
        '<img src="data:image/png;base64,AA">'
        '<a href="#here">here</a><a href="https://doi.org/10.2307/2786835">paper</a> http://words.example in text'
        '<p title="url(https://words.example/x)">words</p><img alt="url(https://words.example)" src="data:,">'
        '<svg><rect fill="url(#g)"/></svg><math xmlns="http://www.w3.org/1998/Math/MathML"></math>'
    )
    assert check_offline(html) == []


def test_findings_name_the_line() -> None:
    assert check_offline('\n\n<img src="https://a.example/x.png">') == [
        "line 3: <img src> names https://a.example/x.png"
    ]
