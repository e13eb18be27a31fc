"""A module imports only from lower layers (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "peernet"

# Names on one line may import those before them on the same line, except where ALONE says otherwise.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "_check", "_rng", "_parallel", "_numbers"),
    (
        "_graph",
        "_portable",
        "_tables",
        "_permissions",
        "_convert",
        "_events",
        "_card",
        "_constructors",
        "network",
        "privacy",
    ),
    ("nulls", "_canvas", "plots", "records"),
    ("results",),
    ("ingest", "silos", "diffusion", "hypotheses"),
    ("claims", "planning"),
    ("datasets", "reports", "cli", "__init__"),
)
ALONE = {"ingest", "silos", "diffusion", "hypotheses"}
PLACE = {name: (level, place) for level, row in enumerate(LAYERS, 1) for place, name in enumerate(row)}
FORBIDDEN_AT_TOP = {"matplotlib", "statsmodels", "scipy.stats", "numba", "networkx", "duckdb"}


def unit_of(module: str) -> str:
    """Return the layer name of a dotted module: its first part below the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a file, e.g. peernet.silos.mixing."""
    parts = list(path.relative_to(root.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def for_types_only(node: ast.AST) -> bool:
    """Say whether a node is an ``if TYPE_CHECKING:`` block."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted target) of every import that runs, wherever in the file it stands."""
    for node in ast.iter_child_nodes(tree):
        if for_types_only(node):
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.split(".") if is_package else module.split(".")[:-1]
                kept = here[: len(here) - node.level + 1]
                base = ".".join([*kept, base] if base else kept)
            names = [f"{base}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name if base == "peernet" else base) for name in names)
        else:
            yield from imports(node, module, is_package)


def broken_rules(root: Path) -> list[str]:
    """Return one line per import that goes sideways or upwards, and per module that has no layer."""
    lines = []
    for path in sorted(root.rglob("*.py")):
        module = module_name(path, root)
        unit = unit_of(module)
        where = path.relative_to(root.parent)
        if unit not in PLACE:
            lines.append(f"{where}: {unit} has no layer; give it one here and in docs/architecture.md")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, target in imports(tree, module, path.name == "__init__.py"):
            if target.split(".")[0] != "peernet" or target == "peernet.__version__":
                continue
            to = unit_of(target)
            to = to if to in PLACE else "__init__"
            if to == unit or (to == "__init__" and unit in LAYERS[-1]):
                continue
            (level, place), (to_level, to_place) = PLACE[unit], PLACE[to]
            sideways = to_level == level and (unit in ALONE or to_place > place)
            if to_level > level or sideways:
                lines.append(f"{where}:{line}: {unit} (layer {level}) imports {to} (layer {to_level})")
    return lines


def test_every_module_imports_only_from_lower_layers() -> None:
    assert broken_rules(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        ("network.py", "from peernet.silos import mixing_table", "network (layer 2) imports silos (layer 5)"),
        (
            "silos/a.py",
            "def f():\n    from peernet import diffusion",
            "silos (layer 5) imports diffusion (layer 5)",
        ),
        ("silos/a.py", "from ..claims import register", "silos (layer 5) imports claims (layer 6)"),
        ("silos/a.py", "from peernet import PeerNetwork", "silos (layer 5) imports __init__ (layer 7)"),
        ("nulls.py", "import peernet.records", "nulls (layer 3) imports records (layer 3)"),
        ("helpers.py", "x = 1", "helpers has no layer"),
        ("silos/a.py", "from peernet.network import PeerNetwork\nfrom . import b\nimport numpy", ""),
        ("plots.py", "if TYPE_CHECKING:\n    from peernet.results import Result", ""),
        ("records.py", "from peernet.nulls import shuffle", ""),
    ],
)
def test_the_walk_sees_what_it_should(tmp_path: Path, path: str, text: str, complaint: str) -> None:
    file = tmp_path / "peernet" / path
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    found = broken_rules(tmp_path / "peernet")
    assert complaint in found[0] if complaint else found == []


def top_level_imports(tree: ast.AST) -> Iterator[str]:
    """Yield what a file imports as soon as it is itself imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or for_types_only(node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from top_level_imports(node)


def test_slow_packages_are_imported_where_they_are_used() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        names = list(top_level_imports(ast.parse(path.read_text(encoding="utf-8"))))
        slow = {bad for bad in FORBIDDEN_AT_TOP for name in names if f"{name}.".startswith(f"{bad}.")}
        if path.name == "_kernels.py" or path.name.startswith("_kernels_"):
            slow.discard("numba")
        found += [f"{path.relative_to(ROOT)}: imports {name} at the top" for name in sorted(slow)]
    assert found == []


def test_no_file_or_function_runs_away() -> None:
    # The guides are 500 and 60 (docs/conventions.md); this is where the fence stands.
    long_ones = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(ROOT)
        if (n_lines := text.count("\n")) > 750:
            long_ones.append(f"{where}: {n_lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > 80:
                    long_ones.append(f"{where}:{node.lineno}: {node.name} has {length} lines")
    assert long_ones == []


def test_no_module_hides_the_function_of_its_name() -> None:
    """Importing pkg.name sets pkg.name to the module, so that a function of the same name could not be called."""
    hidden = []
    for init in PACKAGE.glob("*/__init__.py"):
        modules = {p.stem for p in init.parent.glob("*.py")} | {
            p.parent.name for p in init.parent.glob("*/__init__.py")
        }
        tree = ast.parse(init.read_text(encoding="utf-8"))
        keys = {
            k.value
            for d in ast.walk(tree)
            if isinstance(d, ast.Dict)
            for k in d.keys
            if isinstance(k, ast.Constant)
        }
        hidden += [f"{init.parent.name}.{name}" for name in sorted(modules & keys)]
    assert hidden == []
