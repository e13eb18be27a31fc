"""What a study allows, and the mark by which tables, graphs and networks made from it carry that along."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from peernet.errors import DataError

__all__ = ["MARK", "Permissions", "checked", "join_permissions", "mark", "marked"]

# Key under which pandas attrs and the attributes of networkx and igraph graphs hold the permissions, as text: so that
# they survive copies, pickles, Parquet and GraphML.
MARK = "peernet_permissions"


@dataclass(frozen=True)
class Permissions:
    """What the study behind a network allows; a network without a study has none and locks nothing.

    Attributes
    ----------
    study : str
        Title of the study, for messages.
    analyses : dict
        Analysis -> functions that may do it, as under ``[analyses]`` in study.toml: ``{"person_level":
        ("silos.constraint",)}``; ``"*"`` stands for all functions.
    floor : int
        Smallest group whose numbers are shown.
    floor_attitudes : int
        The same for attitudes.
    """

    study: str = ""
    analyses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    floor: int = 5
    floor_attitudes: int = 8

    def allows(self, analysis: str, *, function: str = "*") -> bool:
        """Say whether an analysis is listed.

        Parameters
        ----------
        analysis : str
            Such as "person_level".
        function : str
            Public name of the function; "*" asks for all functions at once.

        Returns
        -------
        bool
            True where it is.
        """
        listed = self.analyses.get(analysis, ())
        return "*" in listed or function in listed


def join_permissions(granted: Iterable[Permissions | None]) -> Permissions | None:
    """Join what several studies allow: what all of them do, with the highest floors; None where none has a say."""
    said = [g for g in granted if g is not None]
    if not said:
        return None
    out = said[0]
    for other in said[1:]:
        if other == out:
            continue
        analyses = {
            name: tuple(
                sorted(
                    f for f in {*one, *two} if out.allows(name, function=f) and other.allows(name, function=f)
                )
            )
            for name, one in out.analyses.items()
            if (two := other.analyses.get(name))
        }
        out = Permissions(
            study=" + ".join(dict.fromkeys([*out.study.split(" + "), *other.study.split(" + ")])),
            analyses=analyses,
            floor=max(out.floor, other.floor),
            floor_attitudes=max(out.floor_attitudes, other.floor_attitudes),
        )
    return out


def checked(permissions: Any) -> Permissions | None:
    """Return permissions as they are, or refuse anything else.

    Raises
    ------
    DataError
        For something that is neither permissions nor None: it would lock nothing, or everything.
    """
    if permissions is None or isinstance(permissions, Permissions):
        return permissions
    own = getattr(permissions, "permissions", None)
    has = " It has permissions: pass those." if isinstance(own, Permissions) else ""
    raise DataError(
        f"with_permissions takes the permissions of a study (study.permissions, or privacy.Permissions(...)); got "
        f"{type(permissions).__name__}.{has}"
    )


def mark(attributes: dict[Any, Any], permissions: Permissions | None) -> None:
    """Write permissions among the attributes of a table or graph; take an old mark away where there are none."""
    if permissions is None:
        attributes.pop(MARK, None)
    else:
        attributes[MARK] = json.dumps(asdict(permissions), ensure_ascii=False)


def marked(*things: Any) -> Permissions | None:
    """Return what all the studies allow that tables or graphs come from; None where none bears a mark.

    A mark that cannot be read locks everything.
    """
    found = []
    for thing in things:
        attributes = getattr(thing, "attrs", None)
        attributes = attributes if isinstance(attributes, Mapping) else getattr(thing, "graph", None)
        text = attributes.get(MARK) if isinstance(attributes, Mapping) else None
        if text is not None:
            found.append(_read(text))
    return join_permissions(found)


def _read(text: Any) -> Permissions:
    """Read a mark."""
    try:
        kept = json.loads(text)
        analyses = {str(k): tuple(map(str, v)) for k, v in kept["analyses"].items()}
        return Permissions(str(kept["study"]), analyses, int(kept["floor"]), int(kept["floor_attitudes"]))
    except (TypeError, ValueError, KeyError, AttributeError):
        return Permissions(study="unknown")
