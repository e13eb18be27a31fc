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
    "hazard": "peernet.diffusion.adoption",
    "exposure": "peernet.diffusion._exposure",
    "structural_equivalence": "peernet.diffusion._exposure",
    "thresholds": "peernet.diffusion.categories",
    "adopter_categories": "peernet.diffusion.categories",
    "infectiousness": "peernet.diffusion.contagion",
    "susceptibility": "peernet.diffusion.contagion",
    "opinion_leaders": "peernet.diffusion.leaders",
    "moran": "peernet.diffusion.contagion",
    "OpinionLeaders": "peernet.diffusion.leaders",
    "structure_test": "peernet.diffusion.structure",
    "fit_bass": "peernet.diffusion.bass",
    "BassFit": "peernet.diffusion.bass",
    "fit_event_history": "peernet.diffusion.event_history",
    "tie_change": "peernet.diffusion.changes",
    "crossings": "peernet.diffusion.changes",
    "wrong_knowledge_test": "peernet.diffusion.changes",
    "fit_nbda": "peernet.diffusion.transmission",
    "NBDAFit": "peernet.diffusion._fitted",
    "fit_item_effects": "peernet.diffusion.item_effects",
    "ItemEffects": "peernet.diffusion.item_effects",
    "compare_nbda": "peernet.diffusion.compare",
    "NBDAComparison": "peernet.diffusion.compare",
    "social_transmission_share": "peernet.diffusion.share",
    "TransmissionShare": "peernet.diffusion.share",
    "simulate_nbda": "peernet.diffusion.simulate",
    "DiffusionSimulation": "peernet.diffusion.simulate",
    "nbda_power": "peernet.diffusion.power",
    "NBDAPower": "peernet.diffusion.power",
    "plot_share": "peernet.diffusion._pictures",
    "plot_thresholds": "peernet.diffusion._pictures",
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
    from peernet.diffusion._exposure import exposure, structural_equivalence
    from peernet.diffusion._fitted import NBDAFit
    from peernet.diffusion._pictures import plot_share, plot_thresholds
    from peernet.diffusion.adoption import adoption_curve, hazard
    from peernet.diffusion.bass import BassFit, fit_bass
    from peernet.diffusion.categories import adopter_categories, thresholds
    from peernet.diffusion.changes import crossings, tie_change, wrong_knowledge_test
    from peernet.diffusion.compare import NBDAComparison, compare_nbda
    from peernet.diffusion.contagion import infectiousness, moran, susceptibility
    from peernet.diffusion.event_history import fit_event_history
    from peernet.diffusion.item_effects import ItemEffects, fit_item_effects
    from peernet.diffusion.leaders import OpinionLeaders, opinion_leaders
    from peernet.diffusion.power import NBDAPower, nbda_power
    from peernet.diffusion.share import TransmissionShare, social_transmission_share
    from peernet.diffusion.simulate import DiffusionSimulation, simulate_nbda
    from peernet.diffusion.sources import adoptions_from
    from peernet.diffusion.structure import structure_test
    from peernet.diffusion.transmission import fit_nbda
