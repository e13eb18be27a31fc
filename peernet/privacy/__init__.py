"""Keeping people out of sight: pseudonyms, floors that hold, erasure, permissions, exports that cannot bite."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    "new_key": "pseudonyms",
    "load_key": "pseudonyms",
    "pseudonym": "pseudonyms",
    "pseudonymise": "pseudonyms",
    "redact": "pseudonyms",
    "suppress": "suppression",
    "suppress_slices": "suppression",
    "attack": "suppression",
    "pool_small_groups": "pooling",
    "erase": "erasure",
    "Permissions": "permissions",
    "require": "permissions",
    "allows": "permissions",
    "neutralise": "exports",
    "to_csv": "exports",
    "to_xlsx": "exports",
    "to_graphml": "exports",
    "to_gexf": "exports",
}

__all__ = list(_exports)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_exports[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.privacy.erasure import erase
    from peernet.privacy.exports import neutralise, to_csv, to_gexf, to_graphml, to_xlsx
    from peernet.privacy.permissions import Permissions, allows, require
    from peernet.privacy.pooling import pool_small_groups
    from peernet.privacy.pseudonyms import load_key, new_key, pseudonym, pseudonymise, redact
    from peernet.privacy.suppression import attack, suppress, suppress_slices
