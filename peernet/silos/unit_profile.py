"""Each unit's segregation beside what chance gives, by three indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.nulls._labels import label_strata, lanes, segments
from peernet.nulls._rewire import BURN_IN, THIN, advance, pace
from peernet.results import format_number, format_p, monte_carlo_p, provenance
from peernet.silos._common import Grouped, collapse, grouped_to_show, known_pairs
from peernet.silos._tables import TableResult
from peernet.silos.profile import fixed, holm
from peernet.silos.segregation import coleman_of, spectral_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["UnitSegregation", "segregation_by_unit"]

Measure = Literal["E-I index", "Coleman index", "spectral segregation"]
_MEASURES = ("E-I index", "Coleman index", "spectral segregation")
_Draw = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class UnitSegregation(TableResult):
    """Indices of segregation of every unit with their null distributions.

    Attributes
    ----------
    group : str
        The column compared.
    """

    group: str = ""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each unit's first index (diamond) on the range that chance gives (line), labels null, within if given.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        axes = plots.axes(ax)
        labels = [null for null in self.table["null"].unique() if null.startswith("labels")]
        part = self.table[
            (self.table["null"] == labels[-1]) & (self.table["measure"] == self.table["measure"].iloc[0])
        ].dropna(subset=["observed"])
        part = part.sort_values("observed", ascending=False)
        rows = np.arange(len(part))
        axes.hlines(rows, part["null_low"], part["null_high"], color=plots.GREY, linewidth=4, alpha=0.5)
        axes.plot(part["observed"], rows, "D", color=plots.OKABE_ITO[0])
        axes.set_yticks(rows, [f"{u} ({n})" for u, n in zip(part["unit"], part["n_people"], strict=True)])
        axes.set_xlabel(
            f"{part['measure'].iloc[0] if len(part) else ''}: observed (diamond), chance (line; {labels[-1]})"
        )
        differ = int((part["p_holm"] < 0.05).sum())
        title = f"{differ} of {len(part)} units differ from chance ({labels[-1]}; 5 %, after Holm)"
        plots.set_title(axes, title)
        return axes


def segregation_by_unit(
    net: PeerNetwork,
    group: str,
    *,
    measures: Sequence[Measure] = ("E-I index", "Coleman index"),
    role: Literal["teacher", "learner"] = "learner",
    within: str | Sequence[str] | None = None,
    level: float = 0.95,
    n_draws: int = 1999,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> UnitSegregation:
    r"""Which units are silos: three indices of each unit against shuffled labels and rewired ties.

    E-I of the unit's ties in either direction, :math:`(E_k - I_k)/(E_k + I_k)`; Coleman's index of the ties in which
    its people hold the ``role`` (:func:`coleman_index`); the mean of :func:`spectral_segregation` over its people. Ties
    are counted, not weighed. Where some people did not report, labels move among those who did and among those who did
    not. p-values are two-sided and corrected by Holm over the units of one index and null model.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. People whose group is missing, and their ties, are left out.
    group : str
        Column of ``net.people``. Groups under the floor of the study, where the network carries its permissions, are
        pooled.
    measures : list of {"E-I index", "Coleman index", "spectral segregation"}
        Which indices. The spectral one is some fifty times slower than the others.
    role : {"teacher", "learner"}
        Whose ties count for Coleman's index.
    within : str or list of str, optional
        Strata for a third null: labels shuffled inside them.
    level : float
        Share of draws between ``null_low`` and ``null_high``.
    n_draws : int
        Draws from each null model.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    UnitSegregation
        ``table``: ``unit, n_people, measure, null, observed, null_mean, null_low, null_high, z, p_value, p_holm``. NaN
        where an index is not defined: units without ties, units of one for Coleman's.

    Raises
    ------
    DataError
        If a column is not in ``net.people``.

    References
    ----------
    .. [1] Coleman, J. S. (1958). Relational analysis. Human Organization 17(4), 28-36.
    .. [2] Echenique, F. & Fryer, R. G. (2007). A measure of segregation based on social interactions. Quarterly
       Journal of Economics 122(2), 441-485. doi:10.1162/qjec.122.2.441
    """
    rng = as_rng(rng)
    start = record(rng)
    literal("role", role, ("teacher", "learner"))
    chosen = [measures] if isinstance(measures, str) else list(dict.fromkeys(measures))
    for measure in chosen:
        literal("measures", measure, _MEASURES)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    size = count("n_draws", n_draws, 1)
    if not chosen:
        raise ValueError(f"measures is empty; name some of {', '.join(_MEASURES)}.")
    data = grouped_to_show(net, group, "silos.segregation_by_unit")
    known = np.flatnonzero(data.codes >= 0)
    place = np.cumsum(data.codes >= 0) - 1
    teacher, learner = place[data.teacher], place[data.learner]
    take = _taker(data, known_pairs(net, data), chosen, role)
    observed = take(data.codes[known], teacher, learner)
    nulls = {"labels": None} if within is None else {"labels": None, _words(within): within}
    draws = {
        name: _labels(net, data, strata, known, (teacher, learner), take, size, rng, n_jobs, progress)
        for name, strata in nulls.items()
    }
    draws["degrees"] = _degrees(data.codes[known], teacher, learner, take, size, rng, n_jobs, progress)
    parts = [
        _rows(data, measure, null, observed[m], drawn[:, m], level)
        for null, drawn in draws.items()
        for m, measure in enumerate(chosen)
    ]
    table = pd.concat(parts, ignore_index=True)
    options = {
        "group": group,
        "measures": chosen,
        "role": role,
        "within": within,
        "n_draws": size,
        "level": level,
    }
    return UnitSegregation(
        group=group,
        name=f"segregation by {group}, unit by unit",
        table=table,
        headline=_headline(table, group, size),
        estimand=f"how far each {group}'s ties stay inside it, beyond chance",
        assumptions=(
            "under each null every such network is equally likely",
            "unknown ties are like known ones",
        ),
        provenance=provenance(
            "silos.segregation_by_unit",
            net,
            options=options,
            rng=start,
            used={"people_with_group": data.n, "ties_left_out_without_group": data.left_out},
        ),
    )


def _words(within: str | Sequence[str]) -> str:
    """Name the null within strata."""
    return f"labels within {within if isinstance(within, str) else ' x '.join(within)}"


def _taker(data: Grouped, pairs: NDArray[np.float64], chosen: Sequence[str], role: str) -> _Draw:
    """Return the function that takes every index of every unit: (n_measures, n_units)."""
    k = len(data.names)
    possible = pairs if role == "teacher" else pairs.T

    def take(codes: NDArray[Any], teacher: NDArray[Any], learner: NDArray[Any]) -> NDArray[np.float64]:
        cell = codes[teacher] * k + codes[learner]
        counts = np.bincount(cell, minlength=k * k).astype(np.float64).reshape(k, k)
        inside = np.diag(counts)
        out = []
        for measure in chosen:
            if measure == "E-I index":
                total = counts.sum(axis=0) + counts.sum(axis=1) - inside
                out.append(np.divide(total - 2 * inside, total, out=np.full(k, np.nan), where=total > 0))
            elif measure == "Coleman index":
                out.append(coleman_of(counts if role == "teacher" else counts.T, possible))
            else:
                i, j, w = collapse(len(codes), teacher, learner, np.ones(len(teacher)), weighted=False)
                value = spectral_of(codes, i, j, w)
                tied = np.isfinite(value)
                people = np.bincount(codes[tied], minlength=k)
                total = np.bincount(codes[tied], value[tied], k)
                out.append(np.divide(total, people, out=np.full(k, np.nan), where=people > 0))
        return np.array(out, dtype=np.float64)

    return take


def _labels(
    net: PeerNetwork,
    data: Grouped,
    within: Any,
    known: NDArray[np.intp],
    ends: tuple[NDArray[Any], NDArray[Any]],
    take: _Draw,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return every index under label shuffles, (n_draws, n_measures, n_units)."""
    parts = segments(label_strata(net, within)[known])

    def block(size: int, stream: np.random.Generator) -> list[NDArray[np.float64]]:
        drawn = lanes(data.codes[known], parts, size, stream, compiled=size * len(known) > 2e6)
        return [take(drawn[parts.rank, d], *ends) for d in range(size)]

    found = run_blocks(block, n_draws, rng=rng, n_jobs=n_jobs, progress=progress, desc="label shuffles")
    return np.array([row for part in found for row in part])


def _degrees(
    codes: NDArray[Any],
    teacher: NDArray[Any],
    learner: NDArray[Any],
    take: _Draw,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return every index under rewiring, (n_draws, n_measures, n_units)."""
    n, m = len(codes), len(teacher)
    ptr = np.searchsorted(teacher, np.arange(n + 1)).astype(np.int64)
    fixed, free = teacher.astype(np.int32), np.zeros(n, dtype=np.int64)
    more = m * pace(n, m)
    compiled = n_draws * THIN * more >= 3e4

    def block(size: int, stream: np.random.Generator) -> list[NDArray[np.float64]]:
        moved, out = learner.astype(np.int32), []
        for d in range(size):
            if m:
                steps = (THIN if d else BURN_IN) * more
                advance(ptr, fixed, moved, steps, stream, strata=free, compiled=compiled)
            out.append(take(codes, fixed, moved))
        return out

    found = run_blocks(block, n_draws, rng=rng, block=32, n_jobs=n_jobs, progress=progress, desc="rewirings")
    return np.array([row for part in found for row in part])


def _rows(
    data: Grouped,
    measure: str,
    null: str,
    observed: NDArray[np.float64],
    drawn: NDArray[np.float64],
    level: float,
) -> pd.DataFrame:
    """Lay out one row a unit."""
    rows = []
    for u, name in enumerate(data.names):
        known = drawn[np.isfinite(drawn[:, u]), u]
        mean, sd = (known.mean(), known.std(ddof=1)) if len(known) > 1 else (np.nan, np.nan)
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (np.nan, np.nan)
        moves = sd > 1e-12 * max(abs(mean), 1e-300)
        rows.append(
            {
                "unit": name, "n_people": int(data.sizes[u]), "measure": measure, "null": null,
                "observed": observed[u], "null_mean": mean, "null_low": low, "null_high": high,
                "z": (observed[u] - mean) / sd if moves else np.nan,
                "p_value": np.nan if fixed(observed[u], known) else monte_carlo_p(observed[u], known),
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p_value"].to_numpy(dtype=np.float64)) if rows else []
    return frame


def _headline(table: pd.DataFrame, group: str, n_draws: int) -> str:
    """Name the unit furthest from chance on the first index, and count the others."""
    first = (
        table[(table["measure"] == table["measure"].iloc[0]) & (table["null"] == "labels")]
        if len(table)
        else table
    )
    known = first.dropna(subset=["z"]) if len(first) else first
    if known.empty:
        return f"No {group} can be compared with chance."
    row = known.iloc[int(known["z"].abs().to_numpy().argmax())]
    clear = int((known["p_holm"] <= 0.05).sum())
    least = 2 * len(known) / (n_draws + 1)
    more = (
        "" if least <= 0.05 else f" With {len(known)} units {40 * len(known) - 1} draws are needed to tell."
    )
    return (
        f"{clear} of {len(known)} units differ from shuffled labels on the {row['measure']} (5 %, after Holm); "
        f"furthest is {row['unit']}, {format_number(row['observed'])} against {format_number(row['null_mean'])} "
        f"[{format_number(row['null_low'])}, {format_number(row['null_high'])}] ({format_p(row['p_holm'])}).{more}"
    )
