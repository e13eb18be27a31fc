"""Who bridges silos, and is it more than chance? Every number comes with its null model and its convention."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    # do ties stay inside groups?
    "ei_index": "peernet.silos.ei",
    "ei_by_unit": "peernet.silos.ei",
    "ei_estimate": "peernet.silos.ei",
    "ei_test": "peernet.silos.ei",
    "expected_ei": "peernet.silos.ei",
    "EITest": "peernet.silos.ei",
    "mixing_table": "peernet.silos.mixing",
    "coleman_index": "peernet.silos.segregation",
    "assortativity": "peernet.silos.segregation",
    "freeman_segregation": "peernet.silos.segregation",
    "odds_ratio_within": "peernet.silos.segregation",
    "gupta_anderson_may": "peernet.silos.segregation",
    "modularity": "peernet.silos.segregation",
    "spectral_segregation": "peernet.silos.segregation",
    # who bridges?
    "brokerage": "peernet.silos.brokers",
    "brokerage_test": "peernet.silos.brokers",
    "BrokerageTest": "peernet.silos.brokers",
    "structural_holes": "peernet.silos.holes",
    "constraint": "peernet.silos.holes",
    "effective_size": "peernet.silos.holes",
    "efficiency": "peernet.silos.holes",
    "hierarchy": "peernet.silos.holes",
    "participation": "peernet.silos.spread",
    "within_module_z": "peernet.silos.spread",
    "bridging_share": "peernet.silos.spread",
    "betweenness": "peernet.silos.paths",
    "betweenness_sample": "peernet.silos.paths",
    "TableResult": "peernet.silos._tables",
    # all indices side by side
    "segregation_profile": "peernet.silos.profile",
    "SegregationProfile": "peernet.silos.profile",
    "need_gap": "peernet.silos.profile",
    # health
    "reciprocity": "peernet.silos.cohesion",
    "isolates": "peernet.silos.cohesion",
    "core_number": "peernet.silos.cohesion",
    "krackhardt_dimensions": "peernet.silos.cohesion",
    "triad_census": "peernet.silos.cohesion",
    "transitivity": "peernet.silos.cohesion",
    "pagerank": "peernet.silos.cohesion",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.silos' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


if TYPE_CHECKING:
    from peernet.silos._tables import (
        TableResult,
    )
    from peernet.silos.brokers import (
        BrokerageTest,
        brokerage,
        brokerage_test,
    )
    from peernet.silos.cohesion import (
        core_number,
        isolates,
        krackhardt_dimensions,
        pagerank,
        reciprocity,
        transitivity,
        triad_census,
    )
    from peernet.silos.ei import (
        EITest,
        ei_by_unit,
        ei_estimate,
        ei_index,
        ei_test,
        expected_ei,
    )
    from peernet.silos.holes import (
        constraint,
        effective_size,
        efficiency,
        hierarchy,
        structural_holes,
    )
    from peernet.silos.mixing import (
        mixing_table,
    )
    from peernet.silos.paths import (
        betweenness,
        betweenness_sample,
    )
    from peernet.silos.profile import (
        SegregationProfile,
        need_gap,
        segregation_profile,
    )
    from peernet.silos.segregation import (
        assortativity,
        coleman_index,
        freeman_segregation,
        gupta_anderson_may,
        modularity,
        odds_ratio_within,
        spectral_segregation,
    )
    from peernet.silos.spread import (
        bridging_share,
        participation,
        within_module_z,
    )
