"""Tests of claims about peer learning: survey shares, network permutation tests, dyadic and peer-effect models."""

from __future__ import annotations

import importlib
from typing import Any

# Public names by topic; each is loaded when it is first used.
_exports: dict[str, str] = {
    # shares: is 80 % of learning social?
    "DesignEstimate": "peernet.hypotheses.survey",
    "ShareEstimate": "peernet.hypotheses.shares",
    "breakdown_point": "peernet.hypotheses.bounds",
    "design_mean": "peernet.hypotheses.survey",
    "design_ratio": "peernet.hypotheses.survey",
    "imbens_manski": "peernet.hypotheses.bounds",
    "manski_bounds": "peernet.hypotheses.bounds",
    "plot_ladder": "peernet.hypotheses._pictures",
    "CompositionTest": "peernet.hypotheses.composition",
    "EquivalenceTest": "peernet.hypotheses.equivalence",
    "Heaping": "peernet.hypotheses._heaping",
    "ImputedShare": "peernet.hypotheses.imputation",
    "PooledMeans": "peernet.hypotheses.pooling",
    "SharePosterior": "peernet.hypotheses.bayes",
    "ShareQuantile": "peernet.hypotheses.quantiles",
    "ShareSensitivity": "peernet.hypotheses.sensitivity",
    "bootstrap_mean": "peernet.hypotheses.bootstrap",
    "composition_test": "peernet.hypotheses.composition",
    "equivalence_test": "peernet.hypotheses.equivalence",
    "fit_fractional_logit": "peernet.hypotheses.fractional",
    "heaping": "peernet.hypotheses._heaping",
    "impute_share": "peernet.hypotheses.imputation",
    "jzs_bayes_factor": "peernet.hypotheses.bayes",
    "pool_imputations": "peernet.hypotheses.imputation",
    "pool_organisations": "peernet.hypotheses.pooling",
    "rake": "peernet.hypotheses.raking",
    "raked_mean": "peernet.hypotheses.raking",
    "share_posterior": "peernet.hypotheses.bayes",
    "share_quantile": "peernet.hypotheses.quantiles",
    "share_sensitivity": "peernet.hypotheses.sensitivity",
    "unit_shares": "peernet.hypotheses.pooling",
    "SharePower": "peernet.hypotheses.power",
    "share_power": "peernet.hypotheses.power",
    "smallest_correlation": "peernet.hypotheses.power",
    "smallest_difference": "peernet.hypotheses.power",
    "social_share": "peernet.hypotheses.shares",
    "t_power": "peernet.hypotheses.power",
    # networks: permutation tests and regressions over pairs
    "cug_test": "peernet.hypotheses.permutation",
    "qap_correlation": "peernet.hypotheses.permutation",
    "mrqap": "peernet.hypotheses._mrqap",
    "dyadic_regression": "peernet.hypotheses.dyadic",
    "NetworkRegression": "peernet.hypotheses._fits",
    "fit_peer_effects": "peernet.hypotheses.peer_effects",
    "PeerEffects": "peernet.hypotheses.peer_effects",
    "fit_ergm": "peernet.hypotheses.ergm",
    "ErgmFit": "peernet.hypotheses.ergm",
    "GoodnessOfFit": "peernet.hypotheses._goodness",
    "fit_ergmx": "peernet.hypotheses._handover",
    "ErgmxFit": "peernet.hypotheses._handover",
    "to_rsiena": "peernet.hypotheses._handover",
    "to_statnet": "peernet.hypotheses._handover",
}

__all__ = [*_exports]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _exports:
        raise AttributeError(f"module 'peernet.hypotheses' has no attribute {name!r}")
    value = getattr(importlib.import_module(_exports[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
