"""Every measure of silos under the same silence, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.results import provenance
from peernet.silos._measures import CATALOGUE, resolve
from peernet.silos._response import known_share
from peernet.silos._tables import TableResult
from peernet.silos.missing import missing_sensitivity
from peernet.silos.silence import Reports

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["missing_overview"]


def missing_overview(
    net: PeerNetwork,
    group: str | None = None,
    *,
    measures: Sequence[str] | None = None,
    share: float | None = None,
    role: Reports | None = None,
    n_draws: int = 20,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> TableResult:
    """Every measure side by side: how far each moves under further silence at random, by degree and by unit.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str, optional
        Column of ``net.people``. Without it, measures that compare groups are left out.
    measures : list of str, optional
        Names, as in :func:`missing_sensitivity`. Default: all measures of :mod:`peernet.silos` that need no more than
        a group.
    share : float, optional
        Share of those who answered who fall silent. Default: as much as is silent already, or .3.
    role : {"learner", "teacher", "both"}, optional
        The role in which people report, as in :func:`make_silent`.
    n_draws : int
        Draws of each pattern for each measure.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    TableResult
        Rows and columns of :func:`missing_sensitivity` at one share.
    """
    rng = as_rng(rng)
    start = record(rng)
    names = list(CATALOGUE) if measures is None else list(measures)
    tables = []
    for name in names:
        try:
            resolve(name, group)
        except ValueError:
            if measures is None:
                continue
            raise
        shares = () if share is None else (share,)
        found = missing_sensitivity(
            net,
            name,
            group,
            shares=shares,
            role=role,
            n_draws=n_draws,
            rng=rng,
            n_jobs=n_jobs,
            progress=progress,
        )
        rows = found.at_response if share is None else found.table[np.isclose(found.table["share"], share)]
        tables.append(rows)
    table = pd.concat(tables, ignore_index=True)
    people = table[(table["quantity"] == "rank correlation") & (table["pattern"] == "random")].dropna(
        subset=["median"]
    )
    said = f"{table['measure'].nunique()} measures with {table['share'].iloc[0]:.0%} of those who answered silent."
    if len(people):
        order = people.sort_values("median")
        worst, best = order.iloc[0], order.iloc[-1]
        said += (
            f" Per person at random, {worst['measure']} suffers most (rank correlation {worst['median']:.2f}), "
            f"{best['measure']} least ({best['median']:.2f})."
        )
    return _Overview(
        name="measures under silent people",
        table=table,
        headline=said,
        estimand="change of each measure when a further share of those who answered keeps silent",
        provenance=provenance(
            "silos.missing_overview",
            net,
            options={"group": group, "n_draws": n_draws, "known": known_share(net)},
            rng=start,
        ),
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Overview(TableResult):
    """Measures under one share of silence."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how well each measure per person keeps its order under silence at random."""
        import peernet.plots as plots

        part = self.table[
            (self.table["quantity"] == "rank correlation") & (self.table["pattern"] == "random")
        ]
        frame = part.rename(columns={"median": "value"}).assign(label=part["measure"])
        frame = frame.dropna(subset=["value"]).sort_values("value", ascending=False)
        xlabel = "rank correlation with the network as given"
        return plots.plot_intervals(frame, label="label", xlabel=xlabel, title=self.headline, ax=ax)
