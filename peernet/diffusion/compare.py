"""Which diffusion model the data prefer, and what they say on average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from peernet.diffusion._fitted import NBDAFit
from peernet.errors import DataError
from peernet.results import Result, provenance

__all__ = ["NBDAComparison", "compare_nbda"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBDAComparison(Result):
    """Models side by side.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a model, best first: ``model, networks, baseline, k, log_likelihood, aicc, delta, weight``.
    network_support : pandas.Series
        Sum of Akaike weights of the models with each set of networks; "none" = without teaching.
    averaged : pandas.DataFrame
        ``term, estimate, std_error, support``: averaged over models with Akaike weights, an absent term counting as 0;
        the standard error includes the disagreement between models. NaN where a model has no finite estimate.
    """

    table: pd.DataFrame
    network_support: pd.Series[Any]
    averaged: pd.DataFrame

    def summary(self) -> str:
        """Name the best model and the support for teaching at all."""
        best = self.table.iloc[0]
        social = 1 - float(self.network_support.get("none", 0.0))
        return (
            f"Best by AICc: {best['model']} (weight {best['weight']:.2f}); models with teaching hold {social:.0%} of "
            "the weight; a shared cause that reaches connected people together would look the same."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table of models."""
        return self.table.copy()

    def plot(self, ax: Any = None) -> Any:
        """Draw the Akaike weights.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_weights

        return plot_weights(self, ax=ax)


def compare_nbda(fits: Mapping[str, NBDAFit]) -> NBDAComparison:
    r"""Compare models of the same acquisitions by AICc, with support for each network and averaged estimates.

    Akaike weights :math:`w_i \propto e^{-(\mathrm{AICc}_i - \min)/2}`. The asocial twin of every model enters once for
    each baseline. Models of the order, of times and of periods explain different things and are not compared.

    Parameters
    ----------
    fits : dict of NBDAFit
        Models by name, fitted to the same adoptions with the same timing and demonstrators.

    Returns
    -------
    NBDAComparison
        The table, the support and the averages.

    Raises
    ------
    DataError
        When the models do not explain the same acquisitions in the same way.
    """
    if not isinstance(fits, Mapping) or not fits or not all(isinstance(f, NBDAFit) for f in fits.values()):
        raise DataError("compare_nbda takes a dict from a name to a fit of fit_nbda.")
    everything = dict(fits)
    for name, fit in fits.items():
        twin = fit.asocial
        if twin is None:
            continue
        same = [
            f
            for f in everything.values()
            if not f.networks and abs(f.aicc - twin.aicc) < 1e-7 and f.k == twin.k
        ]
        if not same:
            everything[f"{name}, without teaching"] = twin
    _comparable(everything)
    rows = [
        (name, " + ".join(f.networks) or "none", f.baseline, f.k, f.log_likelihood, f.aicc)
        for name, f in everything.items()
    ]
    table = pd.DataFrame(rows, columns=["model", "networks", "baseline", "k", "log_likelihood", "aicc"])
    best = table["aicc"].min()
    table["delta"] = table["aicc"] - best if np.isfinite(best) else np.nan
    raw = np.exp(-table["delta"] / 2).fillna(0.0)
    table["weight"] = raw / raw.sum() if raw.sum() > 0 else np.nan
    averaged = _average(everything, table["weight"].to_numpy())
    support = table.groupby("networks")["weight"].sum().sort_values(ascending=False).rename("support")
    table = table.sort_values("aicc", kind="stable").reset_index(drop=True)
    return NBDAComparison(
        table=table, network_support=support, averaged=averaged,
        estimand="Relative support of diffusion models by AICc",
        provenance=provenance("diffusion.compare_nbda", options={"models": list(fits)}),
    )  # fmt: skip


def _comparable(fits: dict[str, NBDAFit]) -> None:
    """Refuse models that explain different things."""

    def kind(fit: NBDAFit) -> tuple[Any, ...]:
        ordered = fit.timing == "continuous" and fit.baseline == "free"
        d = fit._engine.design
        ties = "efron" if fit.timing == "continuous" and d.ties == "apart" else d.ties
        prepared = fit._engine.prepared
        rows = np.argsort(prepared.net.ids.to_numpy(dtype=object), kind="stable")
        who = tuple(
            part[rows].tobytes()
            for h in d.histories
            for part in (np.nan_to_num(h.time, nan=np.inf), h.knew, h.passive)
        )
        span = () if ordered or fit.timing == "order" else tuple(prepared.edges)
        there = () if prepared.presence is None else tuple(part.tobytes() for part in prepared.presence)
        return "order" if ordered else fit.timing, fit.n, fit.items, ties, span, who, there

    kinds = {name: kind(f) for name, f in fits.items()}
    first_name, first = next(iter(kinds.items()))
    for name, one in kinds.items():
        if one != first:
            raise DataError(
                f"compare_nbda: {name!r} and {first_name!r} do not explain the same acquisitions in the same way "
                "(timing, span, who learned what when, demonstrators, silent people, presence, ties). "
                "AICc of different data is not compared."
            )


def _average(fits: dict[str, NBDAFit], weight: Any) -> pd.DataFrame:
    """Average estimates over models."""
    terms: dict[str, list[tuple[float, float, float]]] = {}
    for fit, w in zip(fits.values(), weight, strict=True):
        for row in fit.params.to_dict("records"):
            terms.setdefault(str(row["term"]), []).append((w, row["estimate"], row["std_error"]))
    out = []
    for term, values in terms.items():
        w, estimate, error = (np.array(v, dtype=float) for v in zip(*values, strict=True))
        mean = float(np.sum(w * estimate))
        absent = 1 - float(w.sum())
        spread = np.sqrt(np.where(np.isfinite(error), error, 0.0) ** 2 + (estimate - mean) ** 2)
        out.append((term, mean, float(np.sum(w * spread)) + absent * abs(mean), float(w.sum())))
    return pd.DataFrame(out, columns=["term", "estimate", "std_error", "support"])
