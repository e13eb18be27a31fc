"""Features of networks that a model was not fitted to, and how they compare with draws from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet.results import Result, format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GoodnessOfFit", "compare", "features", "triad_census"]

Present = NDArray[np.bool_]
FEATURES = ("teaches", "learns from", "shared partners", "distance", "triads")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GoodnessOfFit(Result):
    """Features of the data beside the same features of networks drawn from a model.

    Attributes
    ----------
    table : pandas.DataFrame
        feature, value, observed, mean, low, high (95 % of draws), p_value (two-sided).
    n_draws : int
        Networks drawn.
    """

    table: pd.DataFrame
    n_draws: int

    def summary(self) -> str:
        """Name the features that fall outside the draws."""
        t = self.table
        outside = t[(t["observed"] < t["low"]) | (t["observed"] > t["high"])]
        lines = [
            f"{len(outside)} of {len(self.table)} features lie outside the central 95 % of {self.n_draws} networks "
            f"drawn from the model ({0.05 * len(self.table):.0f} would by chance if all were independent)."
        ]
        for row in outside.head(8).to_dict("records"):
            span = f"[{format_number(row['low'])}, {format_number(row['high'])}]"
            lines.append(
                f"  {row['feature']} {row['value']}: {format_number(row['observed'])} against {span}"
            )
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, feature: str = "triads") -> Axes:
        """Draw one family of features: the data as dots over the range of the draws.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        feature : {"teaches", "learns from", "shared partners", "distance", "triads"}
            Which family.
        """
        from peernet._check import literal
        from peernet.hypotheses import _network_pictures

        literal("feature", feature, FEATURES)
        return _network_pictures.plot_goodness(self.table[self.table["feature"] == feature], feature, ax=ax)


def triad_census(present: Present) -> dict[str, int]:
    """Count the sixteen kinds of triads (Holland and Leinhardt), ties from teacher to learner."""
    a = present.astype(np.float64)
    m = a * a.T
    c = a - m
    n = 1.0 - np.minimum(a + a.T, 1.0)
    np.fill_diagonal(n, 0.0)
    ct = c.T
    both, cc, out, into = m @ m, c @ c, ct @ c, c @ ct

    def total(left: Any, right: Any, share: int) -> int:
        return round(float((left * right).sum()) / share)

    nn = n @ n
    return {
        "003": total(n, nn, 6), "012": total(c, nn, 1), "102": total(m, nn, 2), "021D": total(n, out, 2),
        "021U": total(n, into, 2), "021C": total(n, cc, 1), "111D": total(n, m @ ct, 1), "111U": total(n, m @ c, 1),
        "030T": total(c, cc, 1), "030C": total(ct, cc, 3), "201": total(n, both, 2), "120D": total(m, out, 2),
        "120U": total(m, into, 2), "120C": total(m, cc, 1), "210": total(c, both, 1), "300": total(m, both, 6),
    }  # fmt: skip


def features(present: Present) -> dict[tuple[str, str], float]:
    """Return people by degrees, ties by shared partners (i -> k -> j), ordered pairs by distance, triads by kind."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    n = len(present)
    out: dict[tuple[str, str], float] = {}
    for name, degree in (("teaches", present.sum(axis=1)), ("learns from", present.sum(axis=0))):
        out |= {(name, str(k)): float(v) for k, v in enumerate(np.bincount(degree, minlength=1))}
    a = present.astype(np.float64)
    shared = (a @ a)[present].astype(np.intp)
    out |= {("shared partners", str(k)): float(v) for k, v in enumerate(np.bincount(shared, minlength=1))}
    far = shortest_path(csr_array(a), unweighted=True)[~np.eye(n, dtype=bool)]
    steps = np.bincount(far[np.isfinite(far)].astype(np.intp), minlength=2)
    out |= {("distance", str(k)): float(v) for k, v in enumerate(steps) if k}
    out[("distance", "none")] = float(np.isinf(far).sum())
    return out | {("triads", k): float(v) for k, v in triad_census(present).items()}


def compare(
    seen: dict[tuple[str, str], float], drawn: list[dict[tuple[str, str], float]], facts: dict[str, Any]
) -> GoodnessOfFit:
    """Line the data up with the draws; a value that a network does not have counts 0."""
    order = {name: at for at, name in enumerate(FEATURES)}
    keys = sorted(
        set(seen).union(*drawn),
        key=lambda k: (order[k[0]], k[0] != "triads" and (int(k[1]) if k[1].isdigit() else 10**9), k[1]),
    )
    rows = []
    for key in keys:
        draws = np.array([d.get(key, 0.0) for d in drawn])
        value = seen.get(key, 0.0)
        low, high = np.quantile(draws, [0.025, 0.975])
        r = len(draws) + 1
        p = 2 * min((1 + (draws >= value).sum()) / r, (1 + (draws <= value).sum()) / r)
        rows.append((*key, value, draws.mean(), low, high, min(1.0, float(p))))
    table = pd.DataFrame(rows, columns=["feature", "value", "observed", "mean", "low", "high", "p_value"])
    return GoodnessOfFit(
        table=table,
        n_draws=len(drawn),
        estimand="features of the network beside those of networks drawn from the model",
        would_count_against="features of the data outside the range of the draws",
        provenance=facts,
    )
