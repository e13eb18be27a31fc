"""What became of the ties: kept, lost and new between two waves, apart from people who came or went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.nulls._labels import strata_codes
from peernet.nulls._rewire import BURN_IN, THIN, advance
from peernet.results import Alternative, HypothesisTest, format_number, format_p, provenance
from peernet.silos._common import percent, require_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["Turnover", "turnover"]

_BLOCK = 16
_ROWS = ("all", "inside", "across", "with a mover")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Turnover(HypothesisTest):
    """What became of the ties among people who were there both times; ``observed`` is the share of ties kept.

    Attributes
    ----------
    low, high : float
        Interval of the share kept.
    level : float
        Coverage of the intervals.
    jaccard : float
        kept / (kept + lost + new).
    table : pandas.DataFrame
        One row for all ties and, with ``group``, for those inside a group, across groups, and with somebody who
        changed group: ``ties, kept, lost, new, share_kept, low, high, jaccard, jaccard_low, jaccard_high, null_mean``.
    people : dict
        ``stayers, joiners, leavers, answered_both``.
    apart : dict
        Ties that are not change among stayers: ``lost_with_leavers, new_with_joiners, unknown_before, unknown_after``
        (silent or objecting in one of the waves).
    """

    low: float
    high: float
    level: float
    jaccard: float
    table: pd.DataFrame
    people: dict[str, int]
    apart: dict[str, int]

    def headline(self) -> str:
        """Say what share was kept, and what chance keeps."""
        if np.isnan(self.observed):
            return "No tie of the first wave can be compared."
        return (
            f"{percent(self.observed)} of {int(self.table['kept'].iloc[0] + self.table['lost'].iloc[0])} teaching ties "
            f"among people who stayed were kept; chance keeps {percent(self.null_mean)}"
        )

    def summary(self) -> str:
        """State what was kept, what chance keeps, and what came and went with people."""
        first, a, p = self.table.iloc[0], self.apart, self.people
        parts = [
            f"{self.headline()} ({percent(self.level)} interval {percent(self.low)} to {percent(self.high)}; "
            f"{self.alternative} {format_p(self.p_value)}; null model: {self.null_model}, {self.n_draws} draws).",
            f"Kept {first['kept']:.0f}, lost {first['lost']:.0f}, new {first['new']:.0f}; Jaccard "
            f"{format_number(self.jaccard)}.",
        ]
        rows = self.table.iloc[1:]
        parts += [
            f"{r['ties'].capitalize()}: {percent(r['share_kept'])} of {r['kept'] + r['lost']:.0f} kept."
            for _, r in rows.iterrows()
            if r["kept"] + r["lost"]
        ]
        parts.append(
            f"Apart from that: {p['leavers']} people left (with {a['lost_with_leavers']} ties), {p['joiners']} came "
            f"(with {a['new_with_joiners']}); {a['unknown_before']} ties of the first wave and {a['unknown_after']} of "
            "the second cannot be compared because somebody was silent or objected."
        )
        return " ".join(parts)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for all ties and for each kind of tie."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of ties kept, by kind, beside what chance keeps.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _health_pictures

        return _health_pictures.plot_turnover(self, ax=ax)


class _Waves(NamedTuple):
    """Ties of two waves in the rows of the first, and which of them can be compared."""

    n: int
    before: tuple[NDArray[np.int64], NDArray[np.int64]]
    after: tuple[NDArray[np.int64], NDArray[np.int64]]
    people: dict[str, int]
    apart: dict[str, int]


def turnover(
    net: PeerNetwork,
    after: PeerNetwork,
    *,
    group: str | None = None,
    within: str | Sequence[str] | None = None,
    alternative: Alternative = "greater",
    level: float = 0.95,
    n_draws: int = 500,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Turnover:
    r"""Share of teaching ties kept between two waves, new and lost ones, against what chance would keep.

    Among pairs of people who were there both times, neither of whom objected, and whose reporter answered both times,

    .. math:: \text{share kept} = \frac{\text{kept}}{\text{kept} + \text{lost}}, \qquad
        J = \frac{\text{kept}}{\text{kept} + \text{lost} + \text{new}}.

    Ties that went with leavers or came with joiners are counted apart: that is staff turnover, not forgetting. Ties of
    silent people are unknown, not lost.

    Intervals let ties that share a person hang together (dyadic-robust variance, t with people less one, logit scale);
    they describe people like these. Under the null the second wave is rewired, everybody's number of learners and of
    teachers kept: what would be kept by a firm that forgets who taught whom but not how active people are.

    Parameters
    ----------
    net : PeerNetwork
        The first wave; ties point from teacher to learner.
    after : PeerNetwork
        The second wave, with the same ids.
    group : str, optional
        Column of people in both waves: also ties inside a group, across groups, and with somebody who changed group.
    within : str or list of str, optional
        Columns of people (of the second wave): the null also keeps the number of ties from each stratum to each other.
        Asks: are the same *people* kept, beyond the same units?
    alternative : {"two-sided", "greater", "less"}
        "greater": more is kept than chance would have it.
    level : float
        Coverage of the intervals.
    n_draws : int
        Rewirings.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    Turnover
        ``observed`` = share kept, in [0, 1]; NaN where no tie of the first wave can be compared. Intervals are NaN
        where all or none were kept, or with fewer than four people.

    Raises
    ------
    DataError
        When nobody is in both waves, or people reported in different roles.

    See Also
    --------
    peernet.records.changes_between : the same counts from survey records, relation by relation.

    References
    ----------
    .. [1] Snijders, T. A. B., van de Bunt, G. G. & Steglich, C. E. G. (2010). Introduction to stochastic actor-based
       models for network dynamics. Social Networks 32(1), 44-60. doi:10.1016/j.socnet.2009.02.004
    .. [2] Aronow, P. M., Samii, C. & Assenova, V. A. (2015). Cluster-robust variance estimation for dyadic data.
       Political Analysis 23(4), 564-577. doi:10.1093/pan/mpv018
    """
    require_network(net, "turnover")
    require_network(after, "turnover", name="after")
    rng = as_rng(rng)
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    draws = count("n_draws", n_draws)
    start = record(rng)
    waves = _compare(net, after)
    kind_before, kind_after, labels = _kinds(net, after, group, waves)
    key = [t * waves.n + u for t, u in (waves.before, waves.after)]
    kept = np.isin(key[0], key[1])
    new = ~np.isin(key[1], key[0])
    strata = np.zeros(waves.n, dtype=np.int64)
    if within is not None:
        rows = net.ids.get_indexer(after.ids)
        codes = strata_codes(after, within)
        strata[rows[rows >= 0]] = codes[rows >= 0]
    null = _null(waves, key[0], kind_before, len(labels), strata, draws, rng, n_jobs, progress)
    table = _table(waves, kept, new, kind_before, kind_after, labels, null.mean(axis=0), level)
    first = table.iloc[0]
    beside = "" if within is None else f" within {within if isinstance(within, str) else ' x '.join(within)}"
    return Turnover(
        name="share of ties kept",
        observed=float(first["share_kept"]),
        null=null[:, 0],
        null_model=f"second wave rewired, numbers of learners and teachers kept{beside}",
        alternative=alternative,
        low=float(first["low"]),
        high=float(first["high"]),
        level=level,
        jaccard=float(first["jaccard"]),
        table=table,
        people=waves.people,
        apart=waves.apart,
        estimand="share of the first wave's teaching ties, among people who stayed, that are there in the second",
        assumptions=(
            "ids mean the same people in both waves",
            "both waves asked the same question with the same cap",
        ),
        provenance=provenance(
            "silos.turnover",
            net,
            options={"group": group, "within": within, "alternative": alternative, "level": level, "n_draws": draws},
            rng=start,
            used={**waves.people, **waves.apart, "people_after": after.n_people, "ties_after": after.n_ties},
        ),
    )  # fmt: skip


def _compare(net: PeerNetwork, after: PeerNetwork) -> _Waves:
    """Bring both waves to the rows of the first and sort ties by what can be said of them."""
    if net.respondent_is != after.respondent_is:
        raise DataError(
            f"turnover: people reported as {net.respondent_is or 'nobody (ties were seen)'} in the first wave and as "
            f"{after.respondent_is or 'nobody (ties were seen)'} in the second; a change would be one of method. "
            "Compare waves that asked the same."
        )
    rows = net.ids.get_indexer(after.ids)
    stays = np.zeros(net.n_people, dtype=bool)
    stays[rows[rows >= 0]] = True
    if not stays.any():
        raise DataError(
            "turnover: no id is in both waves. Were they made pseudonyms with different keys? Use one key, or real ids."
        )
    status = net.observed.to_numpy()
    later = np.full(net.n_people, "gone", dtype=object)
    later[rows[rows >= 0]] = after.observed.to_numpy()[rows >= 0]
    objected = (status == "objected") | (later == "objected")
    reports = (status == "answered") & (later == "answered")
    if net.respondent_is is None:
        reports = stays & ~objected

    def sort(teacher: NDArray[Any], learner: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return ties among stayers, and those of them that can be compared."""
        among = (teacher >= 0) & (learner >= 0)
        among[among] = stays[teacher[among]] & stays[learner[among]]
        reporter = teacher if net.respondent_is == "teacher" else learner
        fine = among & ~objected[teacher] & ~objected[learner] & reports[reporter]
        if net.respondent_is is None:
            fine &= reports[teacher]
        return among, fine

    one = net.teacher.astype(np.int64), net.learner.astype(np.int64)
    two = rows[after.teacher].astype(np.int64), rows[after.learner].astype(np.int64)
    among1, fine1 = sort(*one)
    among2, fine2 = sort(*two)
    people = {
        "stayers": int(stays.sum()),
        "joiners": int((rows < 0).sum()),
        "leavers": int((~stays).sum()),
        "answered_both": int(reports.sum()),
    }
    apart = {
        "lost_with_leavers": int((~among1).sum()),
        "new_with_joiners": int((~among2).sum()),
        "unknown_before": int((among1 & ~fine1).sum()),
        "unknown_after": int((among2 & ~fine2).sum()),
    }
    return _Waves(net.n_people, (one[0][fine1], one[1][fine1]), (two[0][fine2], two[1][fine2]), people, apart)


def _kinds(
    net: PeerNetwork, after: PeerNetwork, group: str | None, waves: _Waves
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Return the kind of each tie: 0 none, 1 inside, 2 across, 3 with somebody who moved or has no group."""
    if group is None:
        zero = [np.zeros(len(t), dtype=np.int64) for t, _ in (waves.before, waves.after)]
        return zero[0], zero[1], _ROWS[:1]
    first, second = net.column(group), after.column(group).reindex(net.ids)
    fixed = (first.notna() & second.notna() & (first.astype("object") == second.astype("object"))).to_numpy()
    codes = pd.factorize(first)[0]
    out = []
    for teacher, learner in (waves.before, waves.after):
        same = np.where(codes[teacher] == codes[learner], 1, 2)
        out.append(np.where(fixed[teacher] & fixed[learner], same, 3).astype(np.int64))
    return out[0], out[1], _ROWS


def _null(
    waves: _Waves,
    before: NDArray[np.int64],
    kind: NDArray[np.int64],
    n_kinds: int,
    strata: NDArray[np.int64],
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Return shares kept (all, then each kind) when the second wave is rewired, shape (n_draws, n_kinds)."""
    order = np.lexsort((waves.after[1], waves.after[0]))
    teacher = waves.after[0][order].astype(np.int32)
    learner = waves.after[1][order].astype(np.int32)
    m = len(teacher)
    total = np.bincount(kind, minlength=n_kinds).astype(np.float64)
    total[0] = len(before)
    if not m or not len(before):
        return np.full((n_draws, n_kinds), np.nan if not len(before) else 0.0)
    ptr = np.searchsorted(teacher, np.arange(waves.n + 1)).astype(np.int64)
    compiled = n_draws * (THIN + BURN_IN / _BLOCK) * m >= 3e4

    def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
        drawn = learner.copy()
        out = np.empty((size, n_kinds))
        for d in range(size):
            advance(
                ptr, teacher, drawn, (THIN if d else BURN_IN) * m, stream, strata=strata, compiled=compiled
            )
            hit = np.isin(before, teacher.astype(np.int64) * waves.n + drawn)
            kept = np.bincount(kind[hit], minlength=n_kinds).astype(np.float64)
            kept[0] = hit.sum()
            out[d] = np.divide(kept, total, out=np.full(n_kinds, np.nan), where=total > 0)
        return out

    parts = run_blocks(
        block, n_draws, rng=rng, block=_BLOCK, n_jobs=n_jobs, progress=progress, desc="rewirings"
    )
    return np.concatenate(parts)


def dyadic_interval(
    hit: NDArray[np.bool_], teacher: NDArray[np.int64], learner: NDArray[np.int64], n: int, level: float
) -> tuple[float, float]:
    """Return an interval of a share of ties; ties that share a person hang together."""
    from scipy.special import stdtrit

    m = len(hit)
    people = len(np.unique(np.concatenate([teacher, learner])))
    share = float(hit.mean()) if m else float("nan")
    if people < 4 or not 0 < share < 1:
        return float("nan"), float("nan")
    score = hit - share
    by_person = np.bincount(teacher, score, n) + np.bincount(learner, score, n)
    pair = np.minimum(teacher, learner) * n + np.maximum(teacher, learner)
    by_pair = np.bincount(np.unique(pair, return_inverse=True)[1], score)
    variance = float(by_person @ by_person - by_pair @ by_pair) * people / (people - 1)
    # Ties that repel each other can make the sum smaller than that of independent ones; keep the larger.
    error = float(np.sqrt(max(variance, float(by_pair @ by_pair)))) / m
    reach = float(stdtrit(people - 1, (1 + level) / 2)) * error / (share * (1 - share))
    centre = np.log(share / (1 - share))
    low, high = (float(1 / (1 + np.exp(-(centre + side)))) for side in (-reach, reach))
    return low, high


def _table(
    waves: _Waves,
    kept: NDArray[np.bool_],
    new: NDArray[np.bool_],
    kind_before: NDArray[np.int64],
    kind_after: NDArray[np.int64],
    labels: tuple[str, ...],
    null_mean: NDArray[np.float64],
    level: float,
) -> pd.DataFrame:
    """Return counts, shares and intervals, one row a kind of tie."""
    rows = []
    for k, label in enumerate(labels):
        a = np.ones(len(kept), dtype=bool) if not k else kind_before == k
        b = np.ones(len(new), dtype=bool) if not k else kind_after == k
        n_kept, n_lost, n_new = int(kept[a].sum()), int((~kept[a]).sum()), int(new[b].sum())
        low, high = dyadic_interval(kept[a], waves.before[0][a], waves.before[1][a], waves.n, level)
        both = [np.concatenate([waves.before[e][a], waves.after[e][b & new]]) for e in (0, 1)]
        hit = np.concatenate([kept[a], np.zeros(n_new, dtype=bool)])
        j_low, j_high = dyadic_interval(hit, both[0], both[1], waves.n, level)
        either = n_kept + n_lost + n_new
        rows.append(
            {
                "ties": label,
                "kept": n_kept,
                "lost": n_lost,
                "new": n_new,
                "share_kept": n_kept / (n_kept + n_lost) if n_kept + n_lost else float("nan"),
                "low": low,
                "high": high,
                "jaccard": n_kept / either if either else float("nan"),
                "jaccard_low": j_low,
                "jaccard_high": j_high,
                "null_mean": float(null_mean[k]),
            }
        )
    return pd.DataFrame(rows)
