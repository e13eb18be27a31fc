"""A notebook made by hand that holds everything a report must not let through, and everything it must keep."""

from __future__ import annotations

import base64
import io
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

WIDGET = "application/vnd.jupyter.widget-view+json"
COVER = "application/vnd.peernet.report+json"

SVG = (
    '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90pt" height="60pt" '
    'viewBox="0 0 90 60"><metadata><a href="http://purl.org/dc">x</a></metadata>'
    '<script>fetch("http://evil.example/s")</script><image xlink:href="http://evil.example/i.png"/>'
    '<rect width="80" height="40" fill="#0072B2" onclick="alert(1)"/></svg>'
)


def png(width: int = 40, height: int = 30) -> str:
    """A small valid PNG in base64."""
    import matplotlib.image
    import numpy as np

    buffer = io.BytesIO()
    matplotlib.image.imsave(
        buffer, np.full((height, width, 3), 0.5), format="png", metadata={"Software": None}
    )
    return base64.b64encode(buffer.getvalue()).decode()


def display(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> NotebookNode:
    return new_output("display_data", data=data, metadata=metadata or {})


def stderr(text: str) -> NotebookNode:
    return new_output("stream", name="stderr", text=text)


def code(source: str, outputs: list[NotebookNode], *tags: str, **metadata: Any) -> NotebookNode:
    cell = new_code_cell(
        source, outputs=outputs, execution_count=1, metadata={"tags": list(tags), **metadata}
    )
    return cell


def trap_notebook() -> NotebookNode:
    """Every trap once."""
    facts = {
        "title": 'Who teaches <script>alert("t")</script> whom',
        "organisation": 'M</style><script>alert("o")</script>',
        "purpose": "To learn & improve",
        "sources": ["Roster <b>x</b>", "Chat"],
        "floor": 5,
        "hashes": {"roster.csv": "ab" * 32},
    }
    table = (
        "<div><style scoped>.dataframe {background: url(http://evil.example/c)}</style>"
        '<table border="1" class="dataframe">'
        "<thead><tr><th></th><th>ties</th></tr></thead><tbody><tr><th>R&amp;D</th><td>12</td></tr></tbody></table></div>"
    )
    evil = (
        '<p onclick="alert(1)" style="color: red; background: url(http://evil.example/b)">kept words</p>'
        '<script src=http://evil.example/x.js></script><iframe src="https://evil.example"></iframe>'
        '<img src="http://evil.example/p.png" alt="tracker"><link rel="stylesheet" href="//evil.example/c.css">'
        '<object data="http://evil.example/o"></object><form action="http://evil.example"><input></form>'
        '<a href="javascript:alert(1)">click</a><svg onload="alert(1)" aria-label="a spark"><circle r="4"/></svg>'
        '<table id="report"><tr><td background="http://evil.example/t">cell</td></tr></table><base href="http://evil.example/">'
        '<noscript><img src=x onerror=alert(1)></noscript><math><mi xlink:href="http://evil.example">m</mi></math>'
    )
    bar = {WIDGET: {"model_id": "1"}, "text/plain": "  0%|          | 0/10 [00:00<?, ?it/s]"}
    warning = (
        "/home/ana/study/x.py:3: UserWarning: rows 17, 40: 'p091', 'Zoe Quill' unknown, "
        "mail zoe.quill@example.org\n  f(x)\n"
    )
    cells = [
        new_markdown_cell("# The notebook's own title"),
        code("seed = 1", [], "parameters"),
        code("cover", [display({COVER: facts, "text/html": "<b>card</b>", "text/plain": "Report"})]),
        new_markdown_cell(
            '## Who <script>alert("h")</script> *bridges* & <b>why</b>?\n\n'
            "Inline $b_i < 3$ and $\\text{<script>alert(2)</script>}$, and\n\n$$\\sum_j w_{ij}$$\n\n"
            "[paper](https://doi.org/10.2307/2786835), [site](https://evil.example/page), [on](#Same-name), "
            "[mail](mailto:a@example.org), https://bare.example/x, [js](javascript:alert(1)), [nowhere](#none)\n\n"
            "![far away](http://evil.example/far.png)\n\n<iframe src='http://evil.example'></iframe>"
        ),
        new_markdown_cell("## Same name"),
        new_markdown_cell("## Same name"),
        code("frame", [display({"text/html": table, "text/plain": "12"})]),
        code(
            "fig",
            [
                display(
                    {"image/png": png()},
                    {"image/png": {"alt": 'A "grey" <box>', "caption": "One <i>box</i>."}},
                )
            ],
        ),
        code("svg", [display({"image/svg+xml": SVG}, {"image/svg+xml": {"alt": "A blue box"}})]),
        code("warn", [stderr(warning), stderr(" 50%|#####     | 5/10 [00:01<00:01]\r"), stderr(warning)]),
        code("evil", [display({"text/html": evil, "text/plain": "evil"})]),
        code("js", [display({"application/javascript": "fetch('http://evil.example')"})]),
        code("bar", [display(bar)]),
        code("setup_secret", [stderr("a.py:1: FutureWarning: hidden cell warned\n")], "remove-cell"),
        code("input_secret", [new_output("stream", name="stdout", text="shown output\n")], "remove-input"),
        code(
            "output_cell_code", [new_output("stream", name="stdout", text="output_secret\n")], "remove-output"
        ),
        code(
            "print", [new_output("stream", name="stdout", text="\x1b[31m<script>alert(3)</script>\x1b[0m\n")]
        ),
        code(
            "obj",
            [
                new_output(
                    "execute_result", data={"text/plain": "<Axes: title={'left': 'x'}>"}, execution_count=1
                )
            ],
        ),
    ]
    nb = new_notebook(cells=cells, metadata={"language_info": {"name": "python", "version": "3.11.1"}})
    nbformat.validate(nb)
    return nb
