from __future__ import annotations

import datetime as dt
import math
import os
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from peernet.errors import DataError
from peernet.reports import Parameter, ReportError, notebook_parameters
from peernet.reports.parameters import check_names, inject, parse_value, resolve_path

CELL = """
from pathlib import Path
study = Path("..")        # the study's folder
data: str | None = None   # "a # in a comment"
relation = "ad#vice"      # which relation
floor: int = 5
level = 0.95
names = False
topics = ["a", "b"]
when: "str" = "2024"
_total = floor * 2
"""


def notebook(*sources: str) -> Any:
    return new_notebook(
        cells=[new_code_cell(source, metadata={"tags": ["parameters"]}) for source in sources]
    )


def kinds() -> dict[str, Parameter]:
    return notebook_parameters(notebook(CELL))


def test_what_a_notebook_declares() -> None:
    found = {name: (p.kind, p.optional, p.source) for name, p in kinds().items()}
    assert found == {
        "study": ("path", False, "Path('..')"),
        "data": ("text", True, "None"),
        "relation": ("text", False, "'ad#vice'"),
        "floor": ("whole number", False, "5"),
        "level": ("number", False, "0.95"),
        "names": ("yes or no", False, "False"),
        "topics": ("any", False, "['a', 'b']"),
        "when": ("text", False, "'2024'"),
        "_total": ("any", False, "floor * 2"),
    }
    assert kinds()["relation"].help == "which relation"
    assert kinds()["study"].help == "the study's folder"


def test_no_or_many_or_broken_cells() -> None:
    assert notebook_parameters(new_notebook(cells=[new_code_cell("a = 1")])) == {}
    with pytest.raises(ReportError, match="cells 1, 2 are all tagged"):
        notebook_parameters(notebook("a = 1", "b = 2"))
    with pytest.raises(ReportError, match=r"cell 1 .* not valid Python"):
        notebook_parameters(notebook("a = "))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("relation", "007", "007"),
        ("relation", "'quoted text'", "quoted text"),
        ("relation", "__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("data", "None", None),
        ("data", "x.csv", "x.csv"),
        ("floor", "8", 8),
        ("level", "0.9", 0.9),
        ("names", "yes", True),
        ("names", "False", False),
        ("topics", "['x', 2]", ["x", 2]),
        ("topics", "just text", "just text"),
        ("topics", "true", True),
        ("_total", "12", 12),
        ("_total", "os.getcwd()", "os.getcwd()"),
    ],
)
def test_values_are_read_as_what_the_parameter_takes(name: str, text: str, value: Any) -> None:
    read = parse_value(text, kinds()[name])
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text"), [("floor", "5.5"), ("floor", "many"), ("level", "x"), ("names", "maybe")]
)
def test_values_that_do_not_fit_are_refused(name: str, text: str) -> None:
    with pytest.raises(DataError, match=f"parameter {name}: '{text}' is not a"):
        parse_value(text, kinds()[name])


def test_unknown_names_are_refused_with_a_suggestion() -> None:
    with pytest.raises(
        DataError, match=r"no parameter 'flor'. Did you mean 'floor'\?.*Parameters: study, data"
    ):
        check_names({"flor": 1}, kinds(), "n.ipynb")
    with pytest.raises(DataError, match="no cell tagged 'parameters'"):
        check_names({"floor": 1}, {}, "n.ipynb")


def test_paths_are_the_callers(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("survey.csv", "advice"):
        (here / name).touch()
    known = kinds()

    def resolved(text: object, name: str) -> object:
        return resolve_path(text, known[name], here)

    assert resolved("mine", "study") == str(here / "mine")
    assert resolved("../mine", "study") == str(tmp_path / "mine")
    assert resolved("survey.csv", "data") == str(here / "survey.csv")
    assert resolved(".", "data") == str(here)
    assert resolved("not-here.csv", "data") == "not-here.csv"
    assert resolved("advice", "relation") == "advice"
    assert resolved("./advice", "relation") == str(here / "advice")
    assert resolved(str(tmp_path), "data") == str(tmp_path)
    assert resolved(Path("x"), "relation") == str(here / "x")
    assert (resolved("", "data"), resolved(5, "floor")) == ("", 5)


def test_injected_values_mean_the_same() -> None:
    nb = notebook(CELL)
    values = {
        "study": "../x",
        "data": 'it\'s "q"\n',
        "level": math.inf,
        "topics": [1, (2,), {"k": None}],
        "when": dt.date(2024, 5, 1),
        "names": True,
    }
    inject(nb, values, kinds())
    inject(nb, values, kinds())
    assert [cell.metadata.tags for cell in nb.cells] == [["parameters"], ["injected-parameters"]]
    space: dict[str, Any] = {}
    exec(nb.cells[0].source + "\n" + nb.cells[1].source, space)
    assert space["study"] == Path("../x")
    assert {name: space[name] for name in list(values)[1:]} == {
        **{name: values[name] for name in ("data", "level", "topics", "names")},
        "when": "2024-05-01",
    }


def test_numpy_scalars_and_paths_can_be_injected_and_objects_cannot() -> None:
    import numpy as np

    nb = notebook("a = 1\nb = 'x'")
    inject(nb, {"a": np.float64(0.5), "b": Path("x") / "y"}, notebook_parameters(nb))
    assert nb.cells[1].source.splitlines()[1:] == ["a = 0.5", f"b = {os.path.join('x', 'y')!r}"]
    with pytest.raises(DataError, match="parameter a: a object cannot be written"):
        inject(nb, {"a": object()}, notebook_parameters(nb))
