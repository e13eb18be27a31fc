"""Who bridges silos, and is it more than chance? Every number comes with its null model and its convention."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_exports: dict[str, str] = {
    # do ties stay inside groups?
    "EIEstimate": "peernet.silos.ei",
    "ei_index": "peernet.silos.ei",
    "ei_by_unit": "peernet.silos.ei",
    "ei_estimate": "peernet.silos.ei",
    "ei_test": "peernet.silos.ei_chance",
    "expected_ei": "peernet.silos.ei",
    "EITest": "peernet.silos.ei_chance",
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
    "bridges": "peernet.silos.bridging",
    "Bridges": "peernet.silos.bridging",
    "TableResult": "peernet.silos._tables",
    # informal against formal
    "communities": "peernet.silos.informal",
    "Communities": "peernet.silos.informal",
    "formal_overlap": "peernet.silos.formal",
    "FormalOverlap": "peernet.silos.formal",
    # all indices side by side
    "segregation_profile": "peernet.silos.profile",
    "SegregationProfile": "peernet.silos.profile",
    "need_gap": "peernet.silos.profile",
    "segregation_by_unit": "peernet.silos.unit_profile",
    "UnitSegregation": "peernet.silos.unit_profile",
    # silent people
    "missing_sensitivity": "peernet.silos.missing",
    "missing_overview": "peernet.silos.overview",
    "MissingSensitivity": "peernet.silos.missing",
    "make_silent": "peernet.silos.silence",
    "impute_reversed": "peernet.silos.reversal",
    "return_rates": "peernet.silos.reversal",
    "correct_cap": "peernet.silos.caps",
    "CapCorrection": "peernet.silos.caps",
    "response_thresholds": "peernet.silos._response",
    "known_share": "peernet.silos._response",
    # health
    "reciprocity": "peernet.silos.cohesion",
    "isolates": "peernet.silos.cohesion",
    "core_number": "peernet.silos.cohesion",
    "krackhardt_dimensions": "peernet.silos.cohesion",
    "triad_census": "peernet.silos.cohesion",
    "transitivity": "peernet.silos.cohesion",
    "pagerank": "peernet.silos.cohesion",
    "knowledge_risk": "peernet.silos.risk",
    "key_people": "peernet.silos.risk",
    "KnowledgeRisk": "peernet.silos.risk",
    "expert_load": "peernet.silos.load",
    "gini": "peernet.silos.load",
    "ExpertLoad": "peernet.silos.load",
    "onboarding": "peernet.silos.newcomers",
    "Onboarding": "peernet.silos.newcomers",
    "ruts": "peernet.silos.repetition",
    "RutsTest": "peernet.silos.repetition",
    "turnover": "peernet.silos.changes",
    "Turnover": "peernet.silos.changes",
    # pictures of what is a plain table or one number a person
    "plot_mixing": "peernet.silos.pictures",
    "plot_ei": "peernet.silos.pictures",
    "plot_people": "peernet.silos.pictures",
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
    from peernet.silos._response import (
        known_share,
        response_thresholds,
    )
    from peernet.silos._tables import (
        TableResult,
    )
    from peernet.silos.bridging import (
        Bridges,
        bridges,
    )
    from peernet.silos.brokers import (
        BrokerageTest,
        brokerage,
        brokerage_test,
    )
    from peernet.silos.caps import (
        CapCorrection,
        correct_cap,
    )
    from peernet.silos.changes import (
        Turnover,
        turnover,
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
        EIEstimate,
        ei_by_unit,
        ei_estimate,
        ei_index,
        expected_ei,
    )
    from peernet.silos.ei_chance import (
        EITest,
        ei_test,
    )
    from peernet.silos.formal import (
        FormalOverlap,
        formal_overlap,
    )
    from peernet.silos.holes import (
        constraint,
        effective_size,
        efficiency,
        hierarchy,
        structural_holes,
    )
    from peernet.silos.informal import (
        Communities,
        communities,
    )
    from peernet.silos.load import (
        ExpertLoad,
        expert_load,
        gini,
    )
    from peernet.silos.missing import (
        MissingSensitivity,
        missing_sensitivity,
    )
    from peernet.silos.mixing import (
        mixing_table,
    )
    from peernet.silos.newcomers import (
        Onboarding,
        onboarding,
    )
    from peernet.silos.overview import (
        missing_overview,
    )
    from peernet.silos.paths import (
        betweenness,
        betweenness_sample,
    )
    from peernet.silos.pictures import (
        plot_ei,
        plot_mixing,
        plot_people,
    )
    from peernet.silos.profile import (
        SegregationProfile,
        need_gap,
        segregation_profile,
    )
    from peernet.silos.repetition import (
        RutsTest,
        ruts,
    )
    from peernet.silos.reversal import (
        impute_reversed,
        return_rates,
    )
    from peernet.silos.risk import (
        KnowledgeRisk,
        key_people,
        knowledge_risk,
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
    from peernet.silos.silence import (
        make_silent,
    )
    from peernet.silos.spread import (
        bridging_share,
        participation,
        within_module_z,
    )
    from peernet.silos.unit_profile import (
        UnitSegregation,
        segregation_by_unit,
    )
