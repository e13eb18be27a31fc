"""Ruts: whether people keep asking the same teachers, more than who was there to be asked explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.nulls._labels import strata_codes
from peernet.nulls._rewire import BURN_IN, THIN, advance
from peernet.results import Alternative, HypothesisTest, format_p, provenance
from peernet.silos._common import floored, percent
from peernet.silos._episodes import Episodes, bound, episodes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["RutsTest", "ruts"]

Period = Literal["week", "month", "quarter", "year"] | float
_WORDS = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}
_BLOCK = 32
_MOST = 5_000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RutsTest(HypothesisTest):
    """How often people went back to the same teachers; ``observed`` is the share of askings that did.

    Attributes
    ----------
    low, high : float
        Interval of the share, learners as the units.
    level : float
        Coverage of the interval.
    n : int
        Askings that could have gone back: distinct teachers of a learner in a period, where the learner had teachers
        before.
    n_learners : int
        Learners behind them.
    n_periods : int
        Periods with ties.
    memory : {"previous", "any"}
        What counts as the same teacher.
    period : str
        Length of a period, in words.
    by_group : pandas.DataFrame
        By group of the learner, small groups pooled; empty unless asked for.
    """

    low: float
    high: float
    level: float
    n: int
    n_learners: int
    n_periods: int
    memory: str
    period: str
    by_group: pd.DataFrame

    def summary(self) -> str:
        """State how often people went back, what chance gives, and how to read it."""
        if not self.n:
            return f"Nobody learned in two periods ({self.period}) that can be compared."
        before = f"the {self.period} before" if self.memory == "previous" else f"any {self.period} before"
        low, high = self.interval()
        return (
            f"{percent(self.observed)} of {self.n} askings went to a teacher of {before} ({percent(self.level)} "
            f"interval "
            f"{percent(self.low)} to {percent(self.high)}, {self.n_learners} learners, {self.n_periods} periods); "
            f"chance gives {percent(self.null_mean)}, 95 % of draws in [{percent(low)}, {percent(high)}] "
            f"({self.alternative} {format_p(self.p_value)}; null model: {self.null_model}, {self.n_draws} "
            "draws). Going back is no fault: a mentor is asked again and again."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for everybody, then one a group."""
        first = {
            "group": "all", "n_learners": self.n_learners, "n_askings": self.n, "share": self.observed,
            "low": self.low, "high": self.high, "null_mean": self.null_mean, "null_sd": self.null_sd, "z": self.z,
            "p_value": self.p_value,
        }  # fmt: skip
        return pd.DataFrame([first, *self.by_group.to_dict("records")])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share under the null as a histogram, the observed one as a line.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        share, chance = percent(self.observed), percent(self.null_mean)
        title = f"{share} of askings went back to the same teacher; chance gives {chance}"
        return plots.plot_null(self, title=title if self.n else "", ax=ax)


class _Layer(NamedTuple):
    """Distinct ties of one period, sorted by teacher."""

    ptr: NDArray[np.int64]
    teacher: NDArray[np.int32]
    learner: NDArray[np.int32]


def ruts(
    net: PeerNetwork,
    events: pd.DataFrame | None = None,
    *,
    period: Period = "month",
    start: Any = None,
    end: Any = None,
    memory: Literal["previous", "any"] = "previous",
    within: str | Sequence[str] | None = None,
    group: str | None = None,
    min_group: int = 5,
    alternative: Alternative = "greater",
    level: float = 0.95,
    n_draws: int = 500,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> RutsTest:
    r"""Share of askings that went back to the same teacher, against who was there to be asked.

    With :math:`T_{it}` the teachers of learner i in period t and :math:`B_{it}` those of the period before (or of any
    before), over learners and periods with :math:`B_{it}` not empty,

    .. math:: R = \sum_{it} |T_{it} \cap B_{it}| \Big/ \sum_{it} |T_{it}|.

    A firm with three teachers repeats itself without any rut. So the null is one of opportunity: in each period, on its
    own, the ties are rewired with every learner's number of teachers and every teacher's number of learners in that
    period kept. Popular teachers are met again by chance, too; what is beyond that is a habit of pairs. With
    ``within="unit"`` the number of ties from each unit to each other one is kept as well: then only going back to the
    same *person* counts, not to the same unit.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner. Ties with ``time``, one row an episode, unless ``events`` are given. Ties
        of silent people are unknown; they are neither repeated nor new.
    events : pandas.DataFrame, optional
        ``teacher``, ``learner``, ``time``, such as ``records.events``. People who are not in ``net`` are left out and
        counted.
    period : {"week", "month", "quarter", "year"} or float
        Calendar periods, or a number of days (of units of time, where times are numbers) counted from ``start``. Two
        askings of one teacher in one period count once.
    start, end : time or number, optional
        Keep [start, end). Default: all episodes. Give whole periods: a short last one has fewer teachers.
    memory : {"previous", "any"}
        Whether a teacher of the period before counts as the same, or one of any before.
    within : str or list of str, optional
        Strata of people for the null.
    group : str, optional
        Column of people: also a row for the learners of each group.
    min_group : int
        Groups with fewer learners are pooled.
    alternative : {"two-sided", "greater", "less"}
        "greater": people go back more than chance would have it.
    level : float
        Coverage of the interval (learners as the units, linearised ratio, logit scale).
    n_draws : int
        Draws from the null model.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    RutsTest
        ``observed`` in [0, 1]; NaN where nobody learned in two periods that can be compared.

    Raises
    ------
    DataError
        Without times, or where fewer than two periods hold ties.

    References
    ----------
    .. [1] Holme, P. & Saramaki, J. (2012). Temporal networks. Physics Reports 519(3), 97-125 (randomised reference
       models). doi:10.1016/j.physrep.2012.03.001
    .. [2] Gauvin, L. et al. (2022). Randomized reference models for temporal networks. SIAM Review 64(4), 763-830.
       doi:10.1137/19M1242252
    """
    rng = as_rng(rng)
    literal("memory", memory, ("previous", "any"))
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    floor, draws = floored(net, count("min_group", min_group)), count("n_draws", n_draws)
    began = record(rng)
    rows = episodes(net, events, function="silos.ruts")
    if events is None and "time" not in net.ties.columns and len(rows.day):
        raise DataError(
            "silos.ruts: the ties are folded (only 'first' and 'last' are known), so repeats cannot be seen. Pass the "
            "episodes, such as records.events, or build the network with one row an episode."
        )
    codes, words = _periods(rows, period, start, end)
    layers = _layers(net.n_people, rows, codes)
    if len(layers) < 2:
        raise DataError(
            f"silos.ruts: {len(layers)} of the periods ({words}) hold ties; two are needed. Choose a shorter period."
        )
    labels, names = _groups(net, group, floor, layers)
    hit, at_risk = _repeats(net.n_people, layers, [layer.learner for layer in layers], memory)
    null, by_label = _draws(
        net, layers, memory, strata_codes(net, within), labels, len(names), at_risk, draws, rng, n_jobs, progress
    )  # fmt: skip
    observed, low, high = _share(hit, at_risk, level)
    beside = "" if within is None else f" within {within if isinstance(within, str) else ' x '.join(within)}"
    options = {"period": period, "start": str(start), "end": str(end), "memory": memory, "within": within}
    return RutsTest(
        name="share of askings that went back",
        observed=observed,
        null=null,
        null_model=f"each {words} rewired on its own, numbers of learners and teachers kept{beside}",
        alternative=alternative,
        low=low,
        high=high,
        level=level,
        n=int(at_risk.sum()),
        n_learners=int((at_risk > 0).sum()),
        n_periods=len(layers),
        memory=memory,
        period=words,
        by_group=_by_group(hit, at_risk, labels, names, by_label, level, alternative),
        estimand="how often a learner goes back to a teacher, beyond what activity and opportunity give",
        assumptions=(
            "under the null periods are independent given how active everybody was",
            "the null knows only the strata of within: likes and needs that last also look like ruts",
        ),
        provenance=provenance(
            "silos.ruts",
            net,
            options=options | {"group": group, "min_group": floor, "n_draws": draws, "level": level},
            rng=began,
            used={"episodes": len(rows.day), "episodes_left_out": rows.left_out},
        ),
    )


def _periods(rows: Episodes, period: Period, start: Any, end: Any) -> tuple[NDArray[np.int64], str]:
    """Return the period of each episode (-1 = outside the span) and its length in words."""
    low = -np.inf if start is None else bound(start, "start", rows.moments)
    high = np.inf if end is None else bound(end, "end", rows.moments)
    if not low < high:
        raise DataError(f"silos.ruts: the end ({end}) is not after the start ({start}).")
    inside = (rows.day >= low) & (rows.day < high)
    codes = np.full(len(rows.day), -1, dtype=np.int64)
    if isinstance(period, str):
        literal("period", period, (*_WORDS, "a number"))
        if not rows.moments:
            raise DataError(
                f"silos.ruts: times are numbers, so period is a number of their units, not {period!r}."
            )
        stamps = pd.to_datetime(rows.day[inside], unit="D").to_period(_WORDS[period])
        codes[inside] = np.asarray(stamps.asi8) - (stamps.asi8.min() if inside.any() else 0)
        return codes, period
    size = number("period", period, 0, open_low=True)
    first = (rows.day[inside].min() if inside.any() else 0.0) if start is None else low
    codes[inside] = np.floor((rows.day[inside] - first) / size).astype(np.int64)
    return codes, f"{size:g} days" if rows.moments else f"period of {size:g}"


def _layers(n: int, rows: Episodes, codes: NDArray[np.int64]) -> list[_Layer]:
    """Return the distinct ties of each period from the first to the last; empty ones in between stay."""
    if not (codes >= 0).any():
        return []
    first, last = codes[codes >= 0].min(), codes.max()
    if last - first > _MOST:
        raise DataError(f"silos.ruts: {last - first + 1} periods are too many; choose a longer one.")
    out = []
    for p in range(int(first), int(last) + 1):
        mine = codes == p
        key = np.unique(rows.teacher[mine].astype(np.int64) * n + rows.learner[mine])
        teacher, learner = (key // n).astype(np.int32), (key % n).astype(np.int32)
        out.append(_Layer(np.searchsorted(teacher, np.arange(n + 1)).astype(np.int64), teacher, learner))
    return out if sum(len(layer.teacher) > 0 for layer in out) > 1 else out[:1]


def _repeats(
    n: int, layers: list[_Layer], learners: list[NDArray[np.int32]], memory: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return askings that went back, and that could have, for each learner."""
    hit, at_risk = np.zeros(n), np.zeros(n)
    before = np.empty(0, dtype=np.int64)
    had = np.zeros(n, dtype=bool)
    for layer, learner in zip(layers, learners, strict=True):
        key = learner.astype(np.int64) * n + layer.teacher
        able = had[learner]
        back = able & np.isin(key, before)
        at_risk += np.bincount(learner[able], minlength=n)
        hit += np.bincount(learner[back], minlength=n)
        now = np.zeros(n, dtype=bool)
        now[learner] = True
        if memory == "previous":
            before, had = key, now
        else:
            before, had = np.union1d(before, key), had | now
    return hit, at_risk


def _draws(
    net: PeerNetwork,
    layers: list[_Layer],
    memory: str,
    strata: NDArray[np.int64],
    labels: NDArray[np.intp],
    n_labels: int,
    at_risk: NDArray[np.float64],
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of each draw, and the share of each group in each draw."""
    total = at_risk.sum()
    if not total:
        return np.full(n_draws, np.nan), np.full((n_draws, n_labels), np.nan)
    m = sum(len(layer.teacher) for layer in layers)
    compiled = n_draws * (THIN + BURN_IN / _BLOCK) * m >= 3e4
    base = np.bincount(labels[labels >= 0], at_risk[labels >= 0], n_labels)

    def block(size: int, stream: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        learners = [layer.learner.copy() for layer in layers]
        share, grouped = np.empty(size), np.full((size, n_labels), np.nan)
        for d in range(size):
            for layer, learner in zip(layers, learners, strict=True):
                if len(learner):
                    steps = (THIN if d else BURN_IN) * len(learner)
                    advance(
                        layer.ptr, layer.teacher, learner, steps, stream, strata=strata, compiled=compiled
                    )
            hit, _ = _repeats(net.n_people, layers, learners, memory)
            share[d] = hit.sum() / total
            part = np.bincount(labels[labels >= 0], hit[labels >= 0], n_labels)
            np.divide(part, base, out=grouped[d], where=base > 0)
        return share, grouped

    parts = run_blocks(
        block, n_draws, rng=rng, block=_BLOCK, n_jobs=n_jobs, progress=progress, desc="rewired periods"
    )
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _share(hit: NDArray[Any], at_risk: NDArray[Any], level: float) -> tuple[float, float, float]:
    """Return a ratio of sums over learners with its interval."""
    from scipy.special import stdtrit

    mine = at_risk > 0
    n, total = int(mine.sum()), float(at_risk.sum())
    if not total:
        return float("nan"), float("nan"), float("nan")
    share = float(hit.sum() / total)
    if n < 3 or not 0 < share < 1:
        return share, float("nan"), float("nan")
    score = hit[mine] - share * at_risk[mine]
    error = float(np.sqrt(n / (n - 1) * np.sum(score**2))) / total
    reach = float(stdtrit(n - 1, (1 + level) / 2)) * error / (share * (1 - share))
    centre = np.log(share / (1 - share))
    low, high = (float(1 / (1 + np.exp(-(centre + side)))) for side in (-reach, reach))
    return share, low, high


def _groups(
    net: PeerNetwork, group: str | None, floor: int, layers: list[_Layer]
) -> tuple[NDArray[np.intp], list[Any]]:
    """Return the group of each learner with ties, small groups pooled, and the names."""
    from peernet.privacy import pool_small_groups

    none = np.full(net.n_people, -1, dtype=np.intp)
    if group is None:
        return none, []
    learns = np.unique(np.concatenate([layer.learner for layer in layers]))
    values = net.column(group).iloc[learns]
    codes, names = pd.factorize(pool_small_groups(values, floor=floor), sort=True)
    none[learns] = codes
    return none, list(names)


def _by_group(
    hit: NDArray[np.float64],
    at_risk: NDArray[np.float64],
    labels: NDArray[np.intp],
    names: list[Any],
    null: NDArray[np.float64],
    level: float,
    alternative: Alternative,
) -> pd.DataFrame:
    """Return one row a group."""
    from peernet.results import monte_carlo_p

    rows = []
    for k, name in enumerate(names):
        mine = labels == k
        share, low, high = _share(hit[mine], at_risk[mine], level)
        draws = null[:, k]
        mean, sd = float(draws.mean()), float(draws.std(ddof=1)) if len(draws) > 1 else float("nan")
        rows.append(
            {
                "group": name,
                "n_learners": int((at_risk[mine] > 0).sum()),
                "n_askings": int(at_risk[mine].sum()),
                "share": share,
                "low": low,
                "high": high,
                "null_mean": mean,
                "null_sd": sd,
                "z": (share - mean) / sd if sd > 0 else float("nan"),
                "p_value": monte_carlo_p(share, draws, alternative),
            }
        )
    return pd.DataFrame(rows)
