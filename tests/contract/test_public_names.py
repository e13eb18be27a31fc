"""Every public name documents itself, keeps to the spelling of docs/conventions.md, and types its signature."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import peernet

SECTIONS = (
    "Parameters", "Other Parameters", "Attributes", "Methods", "Returns", "Yields", "Raises", "Warns", "Warnings",
    "See Also", "Notes", "References", "Examples",
)  # fmt: skip
# One word per idea (docs/conventions.md): the key is what people would write, the value what peernet says.
BANNED = {
    "seed": "rng", "random_state": "rng", "random_seed": "rng", "generator": "rng",
    "n_perm": "n_draws", "nperm": "n_draws", "n_permutations": "n_draws", "permutations": "n_draws",
    "n_iter": "n_draws", "n_boot": "n_draws", "n_bootstrap": "n_draws", "n_samples": "n_draws",
    "n_sim": "n_draws", "nsim": "n_draws", "n_simulations": "n_draws", "reps": "n_draws",
    "return_type": "one return type per function", "as_frame": "one return type per function",
    "alpha": "level", "conf_level": "level", "confidence": "level", "confidence_level": "level",
    "sender": "teacher", "receiver": "learner",
    "ego": "teacher or learner", "alter": "teacher or learner",
    "graph": "net", "network": "net", "attribute": "group", "attr": "group",
    "workers": "n_jobs", "n_workers": "n_jobs", "njobs": "n_jobs", "verbose": "progress", "show_progress": "progress",
    "tail": "alternative", "tails": "alternative", "sides": "alternative", "weights": "weight", "timestamp": "time",
}  # fmt: skip
# Words that mean something else there: another package's object at the border, a survey's design weights.
ALLOWED_WORDS: dict[str, set[str]] = {
    "from_networkx": {"graph"},
    "from_igraph": {"graph"},
    "bootstrap_mean": {"weights"},
    "design_mean": {"weights"},
    "design_ratio": {"weights"},
    "fit_fractional_logit": {"weights"},
}
ALWAYS_KEYWORD_ONLY = ("rng", "n_jobs", "progress")
# Of functions over a network, whose callers read better with these spelt out.
KEYWORD_ONLY = (*ALWAYS_KEYWORD_ONLY, "n_draws", "level", "alternative", "weighted", "min_group", "compat")
TAKES_COLUMNS_BY_NAME = {"with_people", "where"}
# What results are made with: the name of the calling function comes before its network.
NET_NOT_FIRST = {"peernet.results.provenance"}


def public_modules() -> list[str]:
    """Return peernet and the modules and packages directly below it: their ``__all__`` is what is public."""
    below = sorted(found.name for found in pkgutil.iter_modules(peernet.__path__, "peernet."))
    return ["peernet", *(name for name in below if not name.startswith("peernet._"))]


def owned(thing: Any) -> bool:
    """Say whether a name was written here and is a function or a class."""
    return getattr(thing, "__module__", "").startswith("peernet") and (
        inspect.isfunction(thing) or inspect.isclass(thing)
    )


def public_things() -> tuple[dict[str, Any], list[str]]:
    """Return every public function and class once, by module and name, and the names that cannot be had."""
    found: dict[str, Any] = {}
    broken: list[str] = []
    for module_name in public_modules():
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            broken.append(f"{module_name}: {error}")
            continue
        listed = getattr(module, "__all__", ())
        broken += [
            f"{module_name}.__all__ names {name} twice" for name in set(listed) if listed.count(name) > 1
        ]
        broken += [f"dir({module_name}) hides {name}" for name in set(listed) - set(dir(module))]
        for name in listed:
            try:
                thing = getattr(module, name)
            except (ImportError, AttributeError) as error:
                broken.append(f"{module_name}.{name}: {error}")
                continue
            if owned(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found, broken


def methods_of(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the public methods that a class defines itself, or takes from a private module, unwrapped."""
    hidden = [base for base in cls.__mro__[1:] if base.__module__.startswith("peernet._")]
    for name, value in {k: v for part in (*hidden, cls) for k, v in vars(part).items()}.items():
        if name.startswith("_"):
            continue
        bare = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        bare = getattr(bare, "fget", None) or getattr(bare, "func", None) or bare
        inherited = any(
            hasattr(base, name) for base in cls.__mro__ if not base.__module__.startswith("peernet")
        )
        if inspect.isfunction(bare) and not inherited:
            yield name, bare


THINGS, BROKEN = public_things()
FUNCTIONS = {name: thing for name, thing in THINGS.items() if inspect.isfunction(thing)}
CLASSES = {name: thing for name, thing in THINGS.items() if inspect.isclass(thing)}
METHODS = {f"{owner}.{name}": method for owner, cls in CLASSES.items() for name, method in methods_of(cls)}
CALLABLES = FUNCTIONS | METHODS


def sections(doc: str) -> dict[str, str]:
    """Split a numpydoc docstring in its sections; the part before the first is called ''."""
    parts = re.split(rf"^({'|'.join(SECTIONS)})\n-{{3,}}[ ]*\n?", inspect.cleandoc(doc), flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section: str) -> set[str]:
    """Return the names that a Parameters or Attributes section explains."""
    names: set[str] = set()
    for line in section.splitlines():
        if line and not line[0].isspace():
            head = line.split(" : ")[0]
            names |= {word.strip().lstrip("*") for word in head.split(",")}
    return names


def parameters(thing: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters that a caller gives, without self and cls."""
    found = inspect.signature(thing).parameters
    return {name: value for name, value in found.items() if name not in ("self", "cls")}


def wants_sections(name: str) -> bool:
    """Say whether a callable is a function of its own, or a method that takes more than itself."""
    return name in FUNCTIONS or len(parameters(CALLABLES[name])) > 1


def test_there_is_something_to_look_at() -> None:
    assert "PeerNetwork" in peernet.__all__
    assert len(CALLABLES) > 10
    assert "peernet.network.PeerNetwork.from_events" in METHODS


def test_the_parser_reads_a_numpydoc_page() -> None:
    doc = "Number.\n\nParameters\n----------\nnet : PeerNetwork\n    Ties.\na, b : int\n    Two.\n"
    doc += "\nReturns\n-------\nfloat\n"
    found = sections(doc)
    assert list(found) == ["", "Parameters", "Returns"]
    assert documented(found["Parameters"]) == {"net", "a", "b"}


def test_every_listed_name_can_be_had() -> None:
    assert BROKEN == []


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_docstring(name: str) -> None:
    thing = CALLABLES[name]
    doc = thing.__doc__
    assert doc, f"{name} has no docstring"
    found = sections(doc)
    first = found[""].splitlines()[0]
    assert first.endswith("."), f"{name}: the first line is not a sentence: {first!r}"
    takes = parameters(thing)
    if not wants_sections(name):
        return
    if takes:
        told = documented(found.get("Parameters", "")) | documented(found.get("Other Parameters", ""))
        assert not set(takes) - told, f"{name} does not document {sorted(set(takes) - told)}"
        assert not told - set(takes), f"{name} documents {sorted(told - set(takes))}, which it does not take"
    returns = str(inspect.signature(thing).return_annotation).strip("'")
    own_class = name.split(".")[-2] if name in METHODS else ""
    if returns not in ("None", "Self", "Axes", own_class, str(inspect.Signature.empty)):
        assert "Returns" in found or "Yields" in found, f"{name} does not say what it returns"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_class_docstring(name: str) -> None:
    cls = CLASSES[name]
    doc = vars(cls).get("__doc__")
    assert doc, f"{name} has no docstring"
    found = sections(doc)
    assert found[""].splitlines()[0].endswith("."), f"{name}: the first line is not a sentence"
    if issubclass(cls, BaseException):
        return
    told = set().union(*(documented(found.get(key, "")) for key in ("Parameters", "Attributes")))
    if dataclasses.is_dataclass(cls):
        own = {
            field.name
            for field in dataclasses.fields(cls)
            if field.name in vars(cls).get("__annotations__", {})
        }
        missing = {field for field in own if not field.startswith("_")} - told
    elif "__init__" in vars(cls):
        missing = set(parameters(cls)) - told
    else:
        missing = set()
    assert not missing, f"{name} does not document {sorted(missing)}"


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_annotations_are_complete(name: str) -> None:
    thing = CALLABLES[name]
    bare = [key for key, value in parameters(thing).items() if value.annotation is inspect.Parameter.empty]
    assert not bare, f"{name} does not annotate {bare}"
    assert inspect.signature(thing).return_annotation is not inspect.Signature.empty, (
        f"{name}: no return annotation"
    )


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_spelling(name: str) -> None:
    allowed = ALLOWED_WORDS.get(name.rsplit(".", 1)[-1], set())
    wrong = {key: BANNED[key] for key in parameters(CALLABLES[name]) if key in BANNED and key not in allowed}
    assert not wrong, f"{name}: say {wrong}"
    assert not {"source", "target"} <= set(parameters(CALLABLES[name])), f"{name}: say teacher and learner"


@pytest.mark.parametrize("name", sorted(CALLABLES))
def test_shape_of_the_signature(name: str) -> None:
    takes = parameters(CALLABLES[name])
    kinds = inspect.Parameter
    loose = [key for key, value in takes.items() if value.kind is kinds.VAR_KEYWORD]
    columns_by_name = name.rsplit(".", 1)[-1] in TAKES_COLUMNS_BY_NAME
    assert not loose or columns_by_name, f"{name} takes **{loose[0]}: a misspelt option would pass unseen"
    spelt_out = KEYWORD_ONLY if name in FUNCTIONS and "net" in takes else ALWAYS_KEYWORD_ONLY
    positional = [key for key in spelt_out if key in takes and takes[key].kind is not kinds.KEYWORD_ONLY]
    assert not positional, f"{name}: {positional} must be keyword-only"
    if name in FUNCTIONS and "net" in takes and name not in NET_NOT_FIRST:
        by_place = [
            k for k, v in takes.items() if v.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
        ]
        assert by_place[0] == "net", f"{name}: net comes first"
        assert len(by_place) <= 3, f"{name}: at most two positionals after net, not {by_place[1:]}"


@pytest.mark.parametrize("name", sorted(name for name in CALLABLES if "rng" in parameters(CALLABLES[name])))
def test_rng_is_optional(name: str) -> None:
    rng = parameters(CALLABLES[name])["rng"]
    assert rng.default is None, f"{name}: rng=None is the default"
    assert "None" in str(rng.annotation), f"{name}: rng is RNGLike | SeedLike | None"


@pytest.mark.parametrize("name", sorted(name for name in CALLABLES if "ax" in parameters(CALLABLES[name])))
def test_ax_is_optional(name: str) -> None:
    assert parameters(CALLABLES[name])["ax"].default is None, f"{name}: ax=None is the default"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_word_options_are_literals(name: str) -> None:
    for key, value in parameters(FUNCTIONS[name]).items():
        words = typing.get_args(value.annotation) if not isinstance(value.annotation, str) else ()
        text = str(value.annotation)
        is_free_text = text in ("str", "<class 'str'>") and not words
        looks_like_option = key in (
            "alternative",
            "null",
            "compat",
            "edge_means",
            "row_is",
            "respondent_is",
            "method",
        )
        assert not (is_free_text and looks_like_option), f"{name}: {key} is a word option; make it a Literal"
