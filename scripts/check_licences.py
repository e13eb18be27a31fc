"""List the licences of everything that peernet cannot do without; fail on a copyleft one.

Walks the installed distributions from peernet's core requirements down, extras left out. LGPL and MPL are fine
for a library that is imported and not copied; GPL and AGPL are not, unless a permissive alternative is offered.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
COPYLEFT = re.compile(r"(?<![A-Za-z])A?GPL|(?<!Lesser )General Public License|Affero", re.IGNORECASE)
EXCEPTION = re.compile(r"A?GPL[\w.\-]* WITH [\w.\-]+", re.IGNORECASE)


def core_requirements() -> list[str]:
    """Return what pyproject.toml asks for without any extra."""
    with (ROOT / "pyproject.toml").open("rb") as handle:
        return list(tomllib.load(handle)["project"]["dependencies"])


def installed_closure(requirements: list[str]) -> dict[str, metadata.Distribution]:
    """Return every installed distribution that the requirements lead to, by normalised name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [(text, "") for text in requirements]
    while waiting:
        text, extra = waiting.pop()
        need = Requirement(text)
        if need.marker and not need.marker.evaluate({"extra": extra}):
            continue
        name = str(canonicalize_name(need.name))
        if name not in found:
            found[name] = metadata.distribution(name)
            waiting += [(line, "") for line in found[name].requires or []]
        for wanted in need.extras:
            waiting += [(line, wanted) for line in found[name].requires or []]
    return found


def licence_of(distribution: metadata.Distribution) -> str:
    """Return the licence as the distribution states it: expression, else classifiers, else a short text."""
    meta = distribution.metadata
    if expression := meta.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in meta.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    if classifiers:
        return " AND ".join(classifiers)
    first_line = str(meta.get("License") or "").strip().split("\n", 1)[0]
    return first_line[:80]


def is_copyleft(licence: str) -> bool:
    """Say whether every alternative that a licence offers is a GPL or an AGPL."""
    plain = EXCEPTION.sub("", licence)
    return all(COPYLEFT.search(choice) for choice in re.split(r"\s+OR\s+", plain))


def problems(found: dict[str, metadata.Distribution]) -> list[str]:
    """Return one line per distribution that must not be a core dependency."""
    lines = []
    for name, distribution in sorted(found.items()):
        licence = licence_of(distribution)
        if not licence or licence.upper() == "UNKNOWN":
            lines.append(
                f"{name} {distribution.version} states no licence: look, and leave it out if it has none"
            )
        elif is_copyleft(licence):
            lines.append(f"{name} {distribution.version} is {licence}: only an optional extra may need it")
    return lines


def main() -> int:
    """Print the table and the problems; return 1 if there are any."""
    found = installed_closure(core_requirements())
    for name, distribution in sorted(found.items()):
        print(f"{name:28} {distribution.version:16} {licence_of(distribution)}")
    bad = problems(found)
    for line in bad:
        print(f"licences: {line}", file=sys.stderr)
    print(f"licences: {len(found)} distributions in the core, {len(bad)} problems")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
