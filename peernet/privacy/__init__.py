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
    "ReleaseLedger": "ledger",
    "pool_small_groups": "pooling",
    "erase": "erasure",
    "Permissions": "permissions",
    "require": "permissions",
    "allows": "permissions",
    "withhold_ids": "permissions",
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
    from peernet.privacy.erasure import erase as erase
    from peernet.privacy.exports import neutralise as neutralise
    from peernet.privacy.exports import to_csv as to_csv
    from peernet.privacy.exports import to_gexf as to_gexf
    from peernet.privacy.exports import to_graphml as to_graphml
    from peernet.privacy.exports import to_xlsx as to_xlsx
    from peernet.privacy.ledger import ReleaseLedger as ReleaseLedger
    from peernet.privacy.permissions import Permissions as Permissions
    from peernet.privacy.permissions import allows as allows
    from peernet.privacy.permissions import require as require
    from peernet.privacy.permissions import withhold_ids as withhold_ids
    from peernet.privacy.pooling import pool_small_groups as pool_small_groups
    from peernet.privacy.pseudonyms import load_key as load_key
    from peernet.privacy.pseudonyms import new_key as new_key
    from peernet.privacy.pseudonyms import pseudonym as pseudonym
    from peernet.privacy.pseudonyms import pseudonymise as pseudonymise
    from peernet.privacy.pseudonyms import redact as redact
    from peernet.privacy.suppression import attack as attack
    from peernet.privacy.suppression import suppress as suppress
    from peernet.privacy.suppression import suppress_slices as suppress_slices
