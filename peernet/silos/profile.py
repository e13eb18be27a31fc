"""All indices of segregation side by side, against both kinds of chance and against what the work needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.nulls._labels import label_strata, lanes, segments
from peernet.nulls._rewire import BURN_IN, THIN, advance, pace
from peernet.results import Estimate, Verdict, format_number, format_p, monte_carlo_p, provenance
from peernet.silos._common import Grouped, collapse, grouped, known_pairs, require_network, unknown_people
from peernet.silos._response import require_response
from peernet.silos._tables import TableResult
from peernet.silos.mixing import pair_counts
from peernet.silos.segregation import _freeman, _odds_ratio, assortativity_of, gupta_of, modularity_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["SegregationProfile", "need_gap", "segregation_profile"]


def _ei(counts: NDArray[Any], pairs: NDArray[Any]) -> float:
    """E-I of a mixing table."""
    total = counts.sum()
    return float(1 - 2 * np.trace(counts) / total) if total > 0 else float("nan")


_MEASURES: dict[str, Callable[[NDArray[Any], NDArray[Any]], float]] = {
    "E-I index": _ei,
    "assortativity": lambda counts, pairs: assortativity_of(counts),
    "Freeman segregation": lambda counts, pairs: _freeman(counts, pairs),
    "log odds ratio within": lambda counts, pairs: _log(_odds_ratio(counts, pairs)),
    "Gupta-Anderson-May": lambda counts, pairs: gupta_of(counts + counts.T),
    "modularity": lambda counts, pairs: modularity_of(counts),
}


def _log(value: float) -> float:
    """Natural logarithm; NaN for 0, infinity and NaN."""
    return float(np.log(value)) if 0 < value < np.inf else float("nan")


def _all(counts: NDArray[Any], pairs: NDArray[Any]) -> list[float]:
    """Return every measure of one directed mixing table."""
    return [measure(counts, pairs) for measure in _MEASURES.values()]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SegregationProfile(TableResult):
    """Indices of segregation with their null distributions.

    Attributes
    ----------
    group : str
        The column compared.
    """

    group: str = ""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how far each index is from each kind of chance, in standard deviations of the null.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _pictures

        return _pictures.plot_profile(self.table, f"Segregation by {self.group}, index by index", ax=ax)


def segregation_profile(
    net: PeerNetwork,
    group: str,
    *,
    within: str | Sequence[str] | None = None,
    need: PeerNetwork | None = None,
    min_response: float | None = None,
    level: float = 0.95,
    n_draws: int = 999,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> SegregationProfile:
    """All indices of segregation on one network, each with what chance gives, side by side.

    Rows: E-I index, assortativity, Freeman, log odds ratio within groups, Gupta-Anderson-May, modularity, all on
    directed ties, under ``labels`` (groups dealt out again) and ``degrees`` (ties rewired), and, with ``within``, under
    labels shuffled inside the strata. Where some did not report, labels move among those who did and among those who
    did not, and pairs of which nothing is known do not count. The p-values of one null model are corrected by Holm for
    the number of indices.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. People whose group is missing, and their ties, are left out.
    group : str
        Column of ``net.people``.
    within : str or list of str, optional
        Strata for a third null: is there a silo beyond what the site explains?
    need : PeerNetwork, optional
        Who has to work with whom (workflow, co-change), over the same person ids; direction does not matter. Adds the
        E-I index of the needed ties as a reference, so that "less than chance" and "less than needed" are told apart
        (:func:`need_gap` puts an interval to it).
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
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
    SegregationProfile
        ``table``: ``measure, null, observed, null_mean, null_low, null_high, z, p_value, p_holm`` and, with ``need``,
        ``needed``. ``verdict`` is on "ties stay inside more than chance" by the E-I index, under every null at once
        (5 %, after Holm). NaN without ties and for indices that are not defined (one group).

    Raises
    ------
    DataError
        If a column is not in ``net.people``, or ``need`` is over other people, or too few people told of their ties.

    References
    ----------
    .. [1] Bojanowski, M. & Corten, R. (2014). Measuring segregation in social networks. Social Networks 39, 14-32.
       doi:10.1016/j.socnet.2014.04.001
    """
    require_response(net, "segregation_profile", min_response)
    rng = as_rng(rng)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    size = count("n_draws", n_draws, 1)
    start = record(rng)
    data = grouped(net, group)
    pairs = known_pairs(net, data)
    observed = _all(_counts(data.codes, data.teacher, data.learner, len(data.names)), pairs)
    draws = {"labels": _labels(net, data, None, size, rng, n_jobs, progress)}
    if within is not None:
        words = within if isinstance(within, str) else " x ".join(within)
        draws[f"labels within {words}"] = _labels(net, data, within, size, rng, n_jobs, progress)
    draws["degrees"] = _degrees(net, data, size, rng, n_jobs, progress)
    needed = None if need is None else _needed(net, need, group)
    parts = [_rows(name, observed, drawn, level, needed) for name, drawn in draws.items()]
    table = pd.concat(parts, ignore_index=True)
    options = {"group": group, "within": within, "need": need is not None, "level": level, "n_draws": size}
    return SegregationProfile(
        name=f"segregation by {group}",
        table=table,
        group=group,
        headline=_headline(table, group) + _few_draws(size),
        verdict=_verdict(table),
        would_count_against="an E-I index above what every null gives",
        estimand=f"how far teaching stays inside {group}",
        assumptions=(
            "under each null every such network is equally likely",
            "unknown ties are like known ones",
        ),
        provenance=provenance("silos.segregation_profile", net, options=options, rng=start),
    )


def _counts(codes: NDArray[Any], teacher: NDArray[Any], learner: NDArray[Any], k: int) -> NDArray[np.float64]:
    """Return the mixing table of one labelling."""
    cells: NDArray[np.float64] = np.bincount(codes[teacher] * k + codes[learner], minlength=k * k).astype(
        np.float64
    )
    return cells.reshape(k, k)


def _labels(
    net: PeerNetwork,
    data: Grouped,
    within: Any,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return every measure under label shuffles, (n_draws, n_measures)."""
    people = np.flatnonzero(data.codes >= 0)
    rows = np.cumsum(data.codes >= 0) - 1
    parts = segments(label_strata(net, within)[people])
    teacher, learner, k = parts.rank[rows[data.teacher]], parts.rank[rows[data.learner]], len(data.names)
    pairs = known_pairs(net, data)

    def block(size: int, stream: np.random.Generator) -> list[list[float]]:
        drawn = lanes(data.codes[people], parts, size, stream, compiled=size * len(people) > 2e6)
        return [_all(_counts(drawn[:, d], teacher, learner, k), pairs) for d in range(size)]

    found = run_blocks(block, n_draws, rng=rng, n_jobs=n_jobs, progress=progress, desc="label shuffles")
    return np.array([row for part in found for row in part])


def _degrees(
    net: PeerNetwork, data: Grouped, n_draws: int, rng: np.random.Generator, n_jobs: int, progress: bool
) -> NDArray[np.float64]:
    """Return every measure under rewiring, (n_draws, n_measures)."""
    n, m, k = net.n_people, len(data.teacher), len(data.names)
    ptr = np.searchsorted(data.teacher, np.arange(n + 1)).astype(np.int64)
    teacher, free = np.ascontiguousarray(data.teacher), np.zeros(n, dtype=np.int64)
    more = m * pace(n, m)
    compiled = n_draws * THIN * more >= 3e4
    pairs = known_pairs(net, data)

    def block(size: int, stream: np.random.Generator) -> list[list[float]]:
        learner, out = np.array(data.learner), []
        for d in range(size):
            steps = (THIN if d else BURN_IN) * more
            advance(ptr, teacher, learner, steps, stream, strata=free, compiled=compiled)
            out.append(_all(_counts(data.codes, teacher, learner, k), pairs))
        return out

    found = run_blocks(block, n_draws, rng=rng, block=32, n_jobs=n_jobs, progress=progress, desc="rewirings")
    return np.array([row for part in found for row in part])


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values; NaN stays NaN and does not count."""
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    stepped = p[order] * (len(order) - np.arange(len(order)))
    out[order] = np.minimum(1.0, np.maximum.accumulate(stepped)) if len(order) else stepped
    return out


def fixed(observed: float, drawn: NDArray[np.float64]) -> bool:
    """Say whether the null cannot vary: every draw is the observed number."""
    return bool(len(drawn) and np.allclose(drawn, observed, rtol=1e-9, atol=1e-12))


def _rows(
    null: str, observed: list[float], drawn: NDArray[np.float64], level: float, needed: list[float] | None
) -> pd.DataFrame:
    """Lay out one row a measure."""
    rows = []
    for c, name in enumerate(_MEASURES):
        known = drawn[np.isfinite(drawn[:, c]), c]
        mean, sd = (known.mean(), known.std(ddof=1)) if len(known) > 1 else (np.nan, np.nan)
        low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (np.nan, np.nan)
        moves = sd > 1e-12 * max(abs(mean), 1e-300)
        row = {
            "measure": name, "null": null, "observed": observed[c], "null_mean": mean, "null_low": low,
            "null_high": high, "z": (observed[c] - mean) / sd if moves else np.nan,
            "p_value": np.nan if fixed(observed[c], known) else monte_carlo_p(observed[c], known),
        }  # fmt: skip
        rows.append(row if needed is None else row | {"needed": needed[c]})
    frame = pd.DataFrame(rows)
    frame["p_holm"] = holm(frame["p_value"].to_numpy(dtype=np.float64))
    return frame


def _headline(table: pd.DataFrame, group: str) -> str:
    """Say what E-I is beside both kinds of chance."""
    rows = table[table["measure"] == "E-I index"]
    first = rows.iloc[0]
    parts = [
        f"{r['null_mean']:.2f} under {r['null']} (z = {format_number(r['z'])}, {format_p(r['p_holm'])} after Holm)"
        for _, r in rows.iterrows()
    ]
    needed = f"; the work needs {first['needed']:.2f}" if "needed" in table.columns else ""
    return f"E-I by {group} is {format_number(first['observed'])}; chance gives {'; '.join(parts)}{needed}."


def _few_draws(n_draws: int) -> str:
    """Say where so few draws cannot reach 5 % after Holm."""
    least = 2 * len(_MEASURES) / (n_draws + 1)
    if least <= 0.05:
        return ""
    return f" With {n_draws} draws no p after Holm is below {least:.2g}; {40 * len(_MEASURES) - 1} are needed to tell."


def _verdict(table: pd.DataFrame) -> Verdict:
    """Say whether ties stay inside more than every null has them."""
    rows = table[table["measure"] == "E-I index"].dropna(subset=["p_holm"])
    if not len(rows):
        return "not answered by these data"
    clear = rows["p_holm"] <= 0.05
    inside = rows["observed"] < rows["null_mean"]
    return (
        "supported"
        if (clear & inside).all()
        else "contradicted"
        if (clear & ~inside).all()
        else "inconclusive"
    )


def _same_people(net: PeerNetwork, need: PeerNetwork) -> PeerNetwork:
    """Return the needed ties over the people of net, or say who is missing."""
    require_network(need, "need_gap", name="need")
    stranger = need.ids.difference(net.ids)
    if len(stranger):
        raise DataError(
            f"need: {len(stranger)} of {need.n_people} people are not in the network (first: {stranger[0]!r}). Keep "
            "the same person ids in both, or use need.subset(net.ids)."
        )
    from peernet.network import PeerNetwork as Network

    return Network(net.people, need.ties[["teacher", "learner", "weight"]])


def _needed(net: PeerNetwork, need: PeerNetwork, group: str) -> list[float]:
    """Return every measure of the needed ties, each pair in both directions."""
    data = grouped(_same_people(net, need), group)
    i, j, _ = collapse(net.n_people, data.teacher, data.learner, data.weight, weighted=False)
    counts = _counts(data.codes, i, j, len(data.names))
    return _all(counts + counts.T, pair_counts(data.sizes))


def need_gap(
    net: PeerNetwork,
    group: str,
    need: PeerNetwork,
    *,
    min_response: float | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""Whether people who have to work together teach each other less across groups than inside.

    Over the pairs of people who need each other and have both told of their ties, the log odds ratio of teaching
    (either way) across against inside

    .. math:: \lambda = \ln \frac{t_a / (n_a - t_a)}{t_i / (n_i - t_i)},

    half a pair added to each cell. Below 0: less is taught across than the work needs, given what is taught inside.
    The interval is from the jackknife over people, as in :func:`ei_estimate`.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people``. Pairs with a missing group are left out.
    need : PeerNetwork
        Who has to work with whom, over the same person ids; direction and weights do not matter.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    level : float
        Coverage of the interval.

    Returns
    -------
    Estimate
        Log odds ratio; ``provenance["pairs"]`` holds the four counts, ``provenance["pairs_unknown"]`` needed pairs left
        out because one of the two did not report. NaN without needed pairs of both kinds. ``verdict`` is on "less is
        taught across than the work needs": supported where the interval lies below 0, contradicted where above,
        not answered by these data without an interval.

    Raises
    ------
    DataError
        If ``need`` names people who are not in the network, or too few people told of their ties.

    References
    ----------
    .. [1] Cataldo, M., Herbsleb, J. D. & Carley, K. M. (2008). Socio-technical congruence. ESEM 2008, 2-11.
       doi:10.1145/1414004.1414008
    """
    from scipy.special import stdtrit

    require_network(net, "need_gap")
    require_response(net, "need_gap", min_response)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    data = grouped(_same_people(net, need), group)
    n = net.n_people
    i, j, _ = collapse(n, data.teacher, data.learner, data.weight, weighted=False)
    silent = unknown_people(net)
    known = ~(silent[i] | silent[j])
    unknown = int(len(known) - known.sum())
    i, j = i[known], j[known]
    a, b, _ = collapse(n, net.teacher, net.learner, net.weight, weighted=False)
    taught = np.isin(i * np.int64(n) + j, a * np.int64(n) + b)
    cell = 2 * (data.codes[i] == data.codes[j]) + taught
    whole = np.bincount(cell, minlength=4).astype(np.float64)
    mine = np.stack(
        [np.bincount(np.concatenate([i[cell == c], j[cell == c]]), minlength=n) for c in range(4)], axis=1
    )

    def odds(x: NDArray[np.float64]) -> Any:
        y = np.log(np.maximum(x, 0) + 0.5)
        return (y[..., 1] - y[..., 0]) - (y[..., 3] - y[..., 2])

    value = low = high = error = float("nan")
    if whole[:2].sum() and whole[2:].sum():
        live = mine.sum(axis=1) > 0
        left = odds(whole - mine[live])
        size = int(live.sum())
        # A pair hangs on two people: its own chance is in the sum twice, what people bring with them once.
        own = float(np.sum(whole / (whole + 0.5) ** 2))
        spread = (size - 1) / size * float(np.sum((left - left.mean()) ** 2)) - own
        error = float(np.sqrt(max(spread, own))) if size > 2 else np.nan
        value = float(odds(whole))
        reach = float(stdtrit(max(size - 1, 1), (1 + level) / 2)) * error
        low, high = value - reach, value + reach
    names = ("across_untaught", "across_taught", "inside_untaught", "inside_taught")
    return Estimate(
        name=f"teaching where it is needed, across against inside {group}",
        value=value, low=low, high=high, level=level, std_error=error, unit="log odds ratio",
        method="jackknife over people", n=int(whole.sum()),
        estimand="odds that people who need each other teach each other, across against inside groups",
        provenance=provenance(
            "silos.need_gap", net, options={"group": group, "level": level},
            used={
                "pairs": dict(zip(names, whole.astype(int).tolist(), strict=True)), "pairs_unknown": unknown,
            },
        ),
        verdict=_gap_verdict(low, high),
        margin=0.0,
        would_count_against="an interval above 0",
    )  # fmt: skip


def _gap_verdict(low: float, high: float) -> Verdict:
    """Say whether less is taught across than needed."""
    if np.isnan(low):
        return "not answered by these data"
    return "supported" if high < 0 else "contradicted" if low > 0 else "inconclusive"
