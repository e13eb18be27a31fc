"""Who bridges units, in one table, with intervals that keep anybody from ranking noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.privacy.permissions import require
from peernet.results import Result, Verdict, format_number, provenance
from peernet.silos._bridge_errors import READABLE, even_scale, one_measure
from peernet.silos._bridge_values import COUNTS, MEASURES, values_of
from peernet.silos._common import grouped, unknown_people
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["Bridges", "bridges"]

MANY = 2000  # people above which betweenness is left out unless asked for
Resample = Literal["both", "respondents", "ties"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Bridges(Result):
    """Who bridges units, and how sure that is.

    Attributes
    ----------
    group : str
        The units.
    table : pandas.DataFrame
        Index = person id, objectors left out: ``unit``, ``n_ties``, and for each measure its value (missing for people
        who did not report their ties), ``<measure>_low``, ``<measure>_high``
        (missing for people with fewer than ``min_ties`` ties, and where dropping changes nothing).
    ranks : pandas.DataFrame
        Index = person id: for each measure ``<measure>`` (1 = bridges most; missing unless the interval is narrow and
        the order can be read), ``<measure>_low``, ``<measure>_high``.
    reliability : pandas.DataFrame
        One row a measure: ``measure``, ``people`` (with an interval), ``reliability`` (share of the variance between
        people that is not noise), ``low``, ``high``, ``wider`` (the scheme that gave the wider intervals), ``above``,
        ``below`` (people whose interval lies wholly above or below the median), ``ranked``, ``verdict``, ``words``.
    level : float
        Of the intervals.
    left_out : tuple of str
        Measures left out because too few people answered (:func:`response_thresholds`).
    """

    group: str
    table: pd.DataFrame
    ranks: pd.DataFrame
    reliability: pd.DataFrame
    level: float = 0.95
    left_out: tuple[str, ...] = ()
    _first: str = field(repr=False, default="bridging_share")

    def summary(self) -> str:
        """State for each measure whether the order of people can be read."""
        head = f"Bridging by {self.group}, {len(self.table)} people; intervals from dropping respondents and ties."
        lines = [f"{r.measure}: {r.words}." for r in self.reliability.itertuples()]
        lines += [f"{name}: left out, too few people answered." for name in self.left_out]
        return "\n".join([head, *lines, "Not for the assessment of single people."])

    def to_frame(self) -> pd.DataFrame:
        """Return the table, one row a person."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, measure: str | None = None, names: bool = False) -> Axes:
        """Draw one dot with its interval a person, in the order of the values, without names.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        measure : str, optional
            Which measure; the first by default.
        names : bool
            Write ids beside the dots.
        """
        from peernet.silos import _pictures

        name = measure or self._first
        literal("measure", name, tuple(self.reliability["measure"]))
        return _pictures.plot_bridges(self, name, names=names, ax=ax)


def bridges(
    net: PeerNetwork,
    group: str,
    *,
    measures: Sequence[str] | None = None,
    resample: Resample = "both",
    drop: float = 0.1,
    min_ties: int = 5,
    min_response: float | None = None,
    level: float = 0.95,
    n_draws: int = 200,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Bridges:
    r"""Who bridges units: one table a person, an interval beside every number, and no rank that is noise.

    Measures: ``bridging_share`` (of all ties, taught and learned, that cross units), ``participation`` (how evenly ties
    are spread over units), ``brokerage`` (open paths a -> v -> b through the person that cross a boundary: every role
    but coordinator), ``constraint`` (Burt; *low* bridges), ``betweenness`` (hops; only up to 2000 people unless asked
    for). Ties count 1.

    *Intervals.* Two schemes, each with ``n_draws`` draws. ``"respondents"``: a share ``drop`` of those who answered is
    dropped with all that they reported (a person dropped has no value in that draw). ``"ties"``: a share ``drop``
    of the ties is dropped. With f the share dropped, the standard error is that of a delete-d jackknife,

    .. math:: \mathrm{se}^2 = \frac{1 - f}{f} \, \mathrm{var}(\theta^*)

    on the scale on which errors are about even (fourth root of paths, logarithm of constraint), paths first multiplied
    by the ratio of their sum to that in the draw.
    ``"both"`` takes the wider of the two for each person; networks without respondents have the second only. The
    interval of a share also contains that of Agresti and Coull for the person's ties, since dropping cannot move a
    share of 0 or 1.

    *Reliability* is one less the mean squared error over the variance between people. The errors are the wider of two,
    so it is on the low side: an order is called readable where it is surely above .7 (95 % bootstrap over people), but
    a low value does not show that the order is noise, and the verdict is then inconclusive. A person gets a rank only
    where moreover the interval of the rank spans at most a tenth of the people.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    group : str
        Column of ``net.people`` with the units. People without one have no value in the first three measures.
    measures : list of str, optional
        Some of the five; by default all (betweenness up to 2000 people).
    resample : {"both", "respondents", "ties"}
        What is dropped.
    drop : float
        Share dropped, above 0, at most 0.5.
    min_ties : int
        People with fewer ties get a value but no interval and no rank.
    min_response : float, optional
        Share of people who must have told of their ties, in place of each measure's own (:func:`response_thresholds`).
    level : float
        Level of the intervals.
    n_draws : int
        Draws in each scheme, at least 20.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    Bridges
        ``summary``, ``table``, ``ranks``, ``reliability``, ``plot``. The verdict is on "the order of people is more
        than noise", for each measure in ``reliability`` and, where they all agree, for the whole.

    Raises
    ------
    PermissionLocked
        When the study does not allow numbers about single people.
    DataError
        When ``resample="respondents"`` and the network has no respondents; when a measure asked for (by default: each
        of them) is below its response threshold.

    References
    ----------
    .. [1] Shao, J. & Wu, C. F. J. (1989). A general theory for jackknife variance estimation. Annals of Statistics
       17(3), 1176-1197. doi:10.1214/aos/1176347263
    .. [2] Agresti, A. & Coull, B. A. (1998). Approximate is better than "exact" for interval estimation of binomial
       proportions. American Statistician 52(2), 119-126. doi:10.1080/00031305.1998.10480550
    """
    require(net, "person_level", function="silos.bridges")
    rng = as_rng(rng)
    literal("resample", resample, ("both", "respondents", "ties"))
    share = number("drop", drop, 0, 0.5, open_low=True)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    draws, few = count("n_draws", n_draws, 20), count("min_ties", min_ties, 2)
    chosen, left_out = _chosen(net, measures, min_response)
    schemes = _schemes(net, resample)
    start = record(rng)
    data = grouped(net, group)
    everything = np.ones(net.n_ties, dtype=bool)
    value = values_of(net, data, everything, chosen)
    n_ties = np.bincount(net.teacher, minlength=net.n_people) + np.bincount(
        net.learner, minlength=net.n_people
    )
    sampled = {s: _errors(net, data, value, chosen, s, share, draws, rng, n_jobs, progress) for s in schemes}
    table = pd.DataFrame({"unit": net.column(group).to_numpy(), "n_ties": n_ties}, index=net.ids)
    ranks, rows = pd.DataFrame(index=net.ids), []
    for c, name in enumerate(chosen):
        mine = {s: (sampled[s][0][:, c], sampled[s][1][:, :, c]) for s in schemes}
        numbers, places, row = one_measure(name, value[:, c], n_ties, mine, few, level, rng)
        table[[name, f"{name}_low", f"{name}_high"]] = numbers
        ranks[[name, f"{name}_low", f"{name}_high"]] = places
        rows.append(row)
    reliability = _worded(pd.DataFrame(rows))
    there = (net.observed != "objected").to_numpy()
    table, ranks = table[there], ranks[there]
    return Bridges(
        group=group,
        table=table,
        ranks=ranks,
        reliability=reliability,
        level=level,
        left_out=left_out,
        _first=chosen[0],
        estimand="the order of people by each measure",
        verdict=_overall(reliability),
        margin=READABLE,
        would_count_against=f"nothing here: reliability is on the low side; above {READABLE:g} it counts for",
        assumptions=("who answered, and which ties were named, could as well have been others",),
        provenance=provenance(
            "silos.bridges",
            net,
            options={
                "group": group, "measures": list(chosen), "resample": list(schemes), "drop": share,
                "min_ties": few, "n_draws": draws,
            },
            rng=start,
            used={
                "ties_left_out_without_group": data.left_out,
                "people_unknown": int(unknown_people(net).sum()),
            },
        ),
    )  # fmt: skip


def _chosen(
    net: PeerNetwork, measures: Sequence[str] | None, min_response: float | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the measures to give, and those left out because too few people answered."""
    if measures is None:
        every = MEASURES if net.n_people <= MANY else MEASURES[:-1]
        given = tuple(name for name in every if _answered(net, name, min_response))
        if not given:
            require_response(net, every[0], min_response)
        return given, tuple(name for name in every if name not in given)
    asked = (measures,) if isinstance(measures, str) else tuple(measures)
    for name in asked:
        literal("measures", name, MEASURES)
    if not asked or len(set(asked)) < len(asked):
        raise ValueError("measures: name each measure once, and at least one.")
    for name in asked:
        require_response(net, name, min_response)
    return asked, ()


def _answered(net: PeerNetwork, measure: str, min_response: float | None) -> bool:
    """Say whether enough people answered for a measure."""
    try:
        require_response(net, measure, min_response)
    except DataError:
        return False
    return True


def _schemes(net: PeerNetwork, resample: str) -> tuple[str, ...]:
    """Return the schemes that the network allows."""
    reports = net.respondent_is is not None and int((net.observed == "answered").sum()) >= 2
    if resample == "respondents" and not reports:
        raise DataError(
            'resample="respondents": the network does not say who reported its ties (respondent_is), so nobody can be '
            'dropped. Pass resample="ties".'
        )
    return {"both": ("respondents", "ties") if reports else ("ties",)}.get(resample, (resample,))


def _errors(
    net: PeerNetwork,
    data: Any,
    value: NDArray[np.float64],
    chosen: tuple[str, ...],
    scheme: str,
    drop: float,
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard errors (n_people, measures) and inflated deviations (n_draws, n_people, measures), even scale."""
    people = np.flatnonzero((net.observed == "answered").to_numpy())
    by = np.asarray(net.learner if net.respondent_is == "learner" else net.teacher)
    pool = len(people) if scheme == "respondents" else net.n_ties
    gone = min(max(round(drop * pool), 1), max(pool - 1, 0))
    counts = np.array([name in COUNTS for name in chosen])

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        out = np.full((size, *value.shape), np.nan)
        for d in range(size):
            picked = stream.choice(pool, gone, replace=False) if gone else np.empty(0, dtype=np.intp)
            keep, silent = np.ones(net.n_ties, dtype=bool), np.zeros(net.n_people, dtype=bool)
            if scheme == "respondents":
                silent[people[picked]] = True
                keep = ~silent[by]
            else:
                keep[picked] = False
            found = values_of(net, data, keep, chosen)
            for c in np.flatnonzero(counts).tolist():
                total = np.nansum(found[:, c])
                found[:, c] *= np.nansum(value[:, c]) / total if total > 0 else np.nan
            for c, name in enumerate(chosen):
                found[:, c] = even_scale(name, found[:, c])
            found[silent] = np.nan
            out[d] = found
        return out

    parts = run_blocks(
        block, n_draws, rng=rng, block=16, n_jobs=n_jobs, progress=progress, desc=f"dropping {scheme}"
    )
    drawn = np.concatenate(parts)
    seen = np.isfinite(drawn)
    n_seen: Any = seen.sum(axis=0)
    filled = np.where(seen, drawn, 0.0)
    mean = np.divide(filled.sum(axis=0), n_seen, out=np.full(value.shape, np.nan), where=n_seen > 0)
    away = np.where(seen, drawn - mean, 0.0)
    inflate = (pool - gone) / gone if gone else np.nan
    enough = n_seen >= max(10, n_draws // 4)
    variance = np.divide(np.sum(away**2, axis=0), n_seen - 1, out=np.full(value.shape, np.nan), where=enough)
    return np.sqrt(inflate * variance), np.sqrt(inflate) * away


def _worded(table: pd.DataFrame) -> pd.DataFrame:
    """Add what each row means, in words."""
    words = []
    for r in table.to_dict("records"):
        if r["verdict"] == "not answered by these data":
            words.append(f"only {r['people']} people have an interval, so nothing is said about their order")
            continue
        said = {
            "supported": f"the order is more than noise; {r['ranked']} people have a rank",
            "inconclusive": "these data cannot show that the order is more than noise, nobody is ranked",
        }[r["verdict"]]
        share, low, high = (format_number(float(r[c]), 2) for c in ("reliability", "low", "high"))
        words.append(
            f"{said} (reliability {share} [{low}, {high}]); {r['above']} people are surely above the median and "
            f"{r['below']} below it, of {r['people']}"
        )
    columns = [
        "measure",
        "people",
        "reliability",
        "low",
        "high",
        "wider",
        "above",
        "below",
        "ranked",
        "verdict",
    ]
    return table[columns].assign(words=words)


def _overall(table: pd.DataFrame) -> Verdict:
    """Return the verdict that all measures share, else inconclusive."""
    said = set(table["verdict"])
    only: Verdict = said.pop() if len(said) == 1 else "inconclusive"
    return only
