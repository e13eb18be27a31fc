"""How knowledge spreads: who took up what and when, exposure to teachers, and how much of it was learned from others.

Functions over a :class:`~peernet.network.PeerNetwork` and a table of adoptions (``person, item, time``; a missing time
means never seen to adopt), with the observed span always given, never guessed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    "adoptions_from": "peernet.diffusion.sources",
    "adoption_curve": "peernet.diffusion.adoption",
    "exposure": "peernet.diffusion._exposure",
    "fit_nbda": "peernet.diffusion.transmission",
    "NBDAFit": "peernet.diffusion.transmission",
    "social_transmission_share": "peernet.diffusion.share",
    "TransmissionShare": "peernet.diffusion.share",
    "structural_equivalence": "peernet.diffusion._exposure",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.diffusion' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.diffusion.adoption import adoption_curve
    from peernet.diffusion._exposure import exposure, structural_equivalence
    from peernet.diffusion.share import TransmissionShare, social_transmission_share
    from peernet.diffusion.sources import adoptions_from
    from peernet.diffusion.transmission import NBDAFit, fit_nbda
