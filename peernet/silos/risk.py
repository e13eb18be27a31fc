"""Knowledge at risk: topics that hang on few people, and what is lost when somebody leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number
from peernet._rng import RNGLike, SeedLike, as_rng, record, streams
from peernet.nulls._labels import strata_codes
from peernet.results import Result, Verdict, provenance
from peernet.silos._bus_factor import Exact, exact_least, greedy_removals, needed
from peernet.silos._common import floored, percent
from peernet.silos._topics import (
    Holdings,
    holdings,
    impute,
    impute_learners,
    learner_sets,
    reported,
    unknown_people,
    wilson,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["KnowledgeRisk", "key_people", "knowledge_risk"]

_COMPILED_FROM = 500_000  # people times ties from which numba's start-up is worth paying
_EXACT_IN_DRAWS = 12  # topics up to which every draw of the missing is solved exactly
Sets = list[NDArray[np.intp]]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class KnowledgeRisk(Result):
    """How few people carry what is known.

    Attributes
    ----------
    of : {"topics", "learners"}
        What would be left without anybody.
    bus_factor : float
        Fewest people whose leaving leaves more than ``lost`` of the items without an expert (a teacher). NaN, like the
        other numbers, where there are no items: nothing is known, not no risk.
    greedy : float
        What simple rules find; never below ``bus_factor``.
    lower : float
        No smaller number is possible; equal to ``bus_factor`` where that is proved.
    low, high : float
        Central range of the greedy number (of the exact one with few topics) when the silent are filled in with the
        answers of others; equal to ``bus_factor`` when nobody is silent.
    lost : float
        Share of items from which the loss counts.
    n_items : int
        Topics, or learners with a teacher.
    table : pandas.DataFrame
        One row a topic; empty for learners.
    curve : pandas.DataFrame
        ``n_left`` people gone (in the greedy order) and ``share_lost``.
    withheld : int
        Topics with too few people to be shown by name.
    n_people : int
        People in the network.
    """

    of: str
    bus_factor: float
    greedy: float
    lower: float
    low: float
    high: float
    lost: float
    n_items: int
    table: pd.DataFrame
    curve: pd.DataFrame
    withheld: int = 0
    n_people: int = 0

    @property
    def exact(self) -> bool:
        """Whether the bus factor is proved to be the smallest."""
        return self.lower == self.bus_factor

    @property
    def gap(self) -> float:
        """How many people more the greedy rules need."""
        return self.greedy - self.bus_factor

    def summary(self) -> str:
        """Say how few people it takes, how sure that is, and which topics hang on one person."""
        if not self.n_items:
            return f"Not answered by these data: there are no {self.of} in them."
        things = (
            f"{self.n_items} topics have nobody left who can teach them"
            if self.of == "topics"
            else f"{self.n_items} learners have no teacher left"
        )
        proof = "exact" if self.exact else f"at least {self.lower}; the search was cut off"
        silent = (
            ""
            if self.low == self.high == self.bus_factor
            else f"; they find {self.low:g} to {self.high:g} when the silent are filled in"
        )
        who = "people leaves" if self.bus_factor == 1 else "people leave"
        out = (
            f"If the right {self.bus_factor} of {self.n_people} {who}, more than {percent(self.lost)} of {things} "
            f"({proof}; greedy rules find {self.greedy}{silent})."
        )
        return f"{out}{self._single()}"

    def _single(self) -> str:
        """Name the topics with one expert."""
        if self.of != "topics":
            return ""
        single = self.table[self.table["n_experts"] == 1]
        few = "topic with too few people is" if self.withheld == 1 else "topics with too few people are"
        hidden = f" {self.withheld} {few} not shown." if self.withheld else ""
        if not len(single):
            return f" No topic shown has one expert only.{hidden}"
        words = []
        for name, row in single.iterrows():
            span = f"{percent(row['low'])} to {percent(row['high'])}"
            share = (
                f" ({percent(row['leading_share'])} of the teaching from one person, interval {span})"
                if np.isfinite(row["leading_share"])
                else ""
            )
            more = f", {row['n_unknown']:.0f} people not rated" if row["n_unknown"] else ""
            words.append(f"{name!r}{share}{more}")
        return f" One expert only: {_joined(words)}.{hidden}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a topic; for learners, the curve."""
        if self.of == "learners":
            return self.curve.copy()
        return self.table.rename_axis("topic").reset_index()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw experts per topic, fewest at the top; for learners, what is lost as people leave.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _health_pictures

        return _health_pictures.plot_risk(self, ax=ax)


def _joined(words: list[str], limit: int = 5) -> str:
    """Join a few phrases."""
    return "; ".join(words[:limit]) + (f"; ... ({len(words)} in all)" if len(words) > limit else "")


def knowledge_risk(
    net: PeerNetwork,
    topics: pd.DataFrame | None = None,
    *,
    topic: str = "topic",
    expert_at: float | None = None,
    of: Literal["topics", "learners"] = "topics",
    lost: float = 0.5,
    within: str | None = None,
    min_group: int = 5,
    n_draws: int = 200,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
) -> KnowledgeRisk:
    r"""Fewest people whose leaving would leave more than half of the topics without an expert, and experts per topic.

    With :math:`E_t` the experts of topic t among T, the bus factor is

    .. math:: \min \{ |S| : \#\{t : E_t \subseteq S\} > \text{lost} \cdot T \}

    with ``lost`` = .5 as in Avelino et al. (2016). It is solved exactly (enumeration, else an integer programme with
    its bound), and beside it by greedy rules (Avelino's, whoever holds most of what is left, and the weakest topic
    first; the better of the two). ``lost=0`` asks for the weakest topic alone.

    An expert of a topic, by *ties or events*: whoever gives at least ``expert_at`` (.2) of what its leading teacher
    gives; stray answers make no expert. By *ratings*: a rating of ``expert_at`` or more.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    topics : pandas.DataFrame, optional
        Events with ``teacher``, ``learner`` and a column named by ``topic`` (``records.events`` with
        ``topic="context"`` reads the channels of a chat), or ratings: index = person (or a column ``person``), one
        numeric column a topic, as from ``records.wide``. Default: the column ``topic`` of ``net.ties``.
    topic : str
        Column of ties or events with the topic. Rows without one are left out and counted.
    expert_at : float, optional
        Ties: least share of the leading teacher's weight. Ratings: least rating; required.
    of : {"topics", "learners"}
        "learners": fewest people whose leaving leaves more than ``lost`` of the learners without any teacher.
    lost : float
        Share of items, in [0, 1).
    within : str, optional
        Column of people: the silent are filled in with answers from the same group where there are some.
    min_group : int
        Topics in which fewer people learn (or are rated) are left out of the table, not of the bus factor. The number
        of experts itself is shown however small: it is the finding, and colleagues know whom it means. Speak with that
        person before it is shown to others.
    n_draws : int
        Draws in which the silent are filled in, for ``low`` and ``high``. Objectors are never filled in.
    level : float
        Coverage of ``low``, ``high``, and of the interval of the leading share.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    KnowledgeRisk
        ``bus_factor``, ``greedy``, ``lower``, ``low``, ``high``, and ``table`` with a row a topic: ``n_experts``;
        ``n_teachers`` (ties: whoever teaches it at all); ``n_people`` (who learn it, or are rated); ``n_unknown``
        (people whose part is not known: with all of them experts there would be ``n_experts + n_unknown``);
        ``leading_share`` of the teaching from one person, ``low`` and ``high`` (Wilson with learners as the units,
        Bonferroni over topics; NaN for ratings). ``verdict`` is on "some topic hangs on one person".

    Raises
    ------
    DataError
        Without topics, with nothing in them, or with ratings of nobody in the network.

    References
    ----------
    .. [1] Avelino, G., Passos, L., Hora, A. & Valente, M. T. (2016). A novel approach for estimating truck factors.
       ICPC 2016. doi:10.1109/ICPC.2016.7503718
    .. [2] Vinterbo, S. A. (2002). A note on the hardness of the k-ambiguity problem. Harvard Medical School
       DSG-TR-2002-006: the smallest union of k sets is NP-hard.
    """
    rng = as_rng(rng)
    literal("of", of, ("topics", "learners"))
    lost = number("lost", lost, 0, 1, open_high=True)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    floor, draws = floored(net, count("min_group", min_group)), count("n_draws", n_draws, 0)
    start = record(rng)
    if of == "learners" and topics is not None:
        raise ValueError('of="learners" looks at who teaches whom in net; leave topics out.')
    data = None if of == "learners" else holdings(net, topics, topic, expert_at, "silos.knowledge_risk")
    sets = list(learner_sets(net).values()) if data is None else _sets(data.experts())
    goal = needed(len(sets), lost)
    removal = greedy_removals(sets, goal) if sets else []
    best = exact_least(sets, goal, len(removal)) if sets else Exact(0, 0)
    low, high, n_unknown = _missing(net, data, topics is None, topic, lost, best, within, draws, level, rng)
    table, withheld = _table(net, data, n_unknown, level, floor)
    single = table[table["n_experts"] == 1] if data is not None else table
    sure = (single["low"] > 0.5) | (single["leading_share"].isna() & (single["n_unknown"] == 0))
    options = {"topic": topic, "expert_at": expert_at, "of": of, "lost": lost, "within": within}
    return KnowledgeRisk(
        of=of,
        bus_factor=best.size if sets else float("nan"),
        greedy=len(removal) if sets else float("nan"),
        lower=best.lower if sets else float("nan"),
        low=low if sets else float("nan"),
        high=high if sets else float("nan"),
        lost=lost,
        n_items=len(sets),
        table=table,
        curve=_curve(sets, removal),
        withheld=withheld,
        n_people=net.n_people,
        estimand="fewest people whose leaving leaves more than the stated share without anybody who teaches them",
        verdict=_verdict(data, len(sets), bool(sure.any())),
        would_count_against="two or more experts in every topic, with nobody's part unknown",
        assumptions=(
            "who taught (or is rated high) can teach, and nobody else can",
            "what is not on record is not seen",
        ),
        provenance=provenance(
            "silos.knowledge_risk",
            net,
            options=options | {"min_group": floor, "n_draws": draws, "level": level},
            rng=start,
            used={"rows_left_out": data.left_out if data else {}, "people_unknown": n_unknown},
        ),
    )


def _verdict(data: Holdings | None, n_items: int, sure: bool) -> Verdict:
    """Say whether some topic hangs on one person."""
    if not n_items:
        return "not answered by these data"
    return "" if data is None else "supported" if sure else "inconclusive"


def _sets(experts: NDArray[np.bool_]) -> Sets:
    """Return the experts of each topic."""
    return [np.flatnonzero(row) for row in experts]


def _size(sets: Sets, lost: float) -> int:
    """Return the bus factor of one draw: exact with few topics, else greedy."""
    goal = needed(len(sets), lost)
    found = len(greedy_removals(sets, goal))
    return exact_least(sets, goal, found).size if len(sets) <= _EXACT_IN_DRAWS else found


def _missing(
    net: PeerNetwork,
    data: Holdings | None,
    own_ties: bool,
    topic: str,
    lost: float,
    best: Exact,
    within: str | None,
    n_draws: int,
    level: float,
    rng: np.random.Generator,
) -> tuple[float, float, int]:
    """Return the range of the bus factor when the silent are filled in, and how many they are."""
    seen = data is not None and data.kind == "ties" and not own_ties
    unknown = np.empty(0, dtype=np.intp) if seen else unknown_people(net, data)
    if not len(unknown) or not n_draws or not best.size:
        return float(best.size), float(best.size), len(unknown)
    strata = strata_codes(net, within)
    ties = reported(net, net.ties, topic, data.names) if data is not None and data.kind == "ties" else None
    sizes = np.empty(n_draws)
    for d, stream in enumerate(streams(rng, n_draws)):
        if data is None:
            sets = list(impute_learners(net, strata, stream).values())
        else:
            sets = _sets(data.experts(impute(net, data, ties, strata, stream)))
        sizes[d] = _size(sets, lost)
    low = np.quantile(sizes, (1 - level) / 2, method="lower")
    return float(low), float(np.quantile(sizes, (1 + level) / 2, method="higher")), len(unknown)


def _table(
    net: PeerNetwork, data: Holdings | None, n_unknown: int, level: float, floor: int
) -> tuple[pd.DataFrame, int]:
    """Return one row a topic, and how many have too few people to be shown."""
    from scipy.special import ndtri

    columns = ["n_experts", "n_teachers", "n_people", "n_unknown", "leading_share", "low", "high"]
    if data is None:
        return pd.DataFrame({c: pd.Series(dtype="float64") for c in columns}), 0
    experts = data.experts().sum(axis=1)
    k = len(data.names)
    share = low = high = np.full(k, np.nan)
    teachers = np.full(k, np.nan)
    missing = np.full(k, n_unknown)
    if data.kind == "ties":
        total = data.weight.sum(axis=1)
        share = np.divide(
            data.weight.max(axis=1, initial=0.0), total, out=np.full(k, np.nan), where=total > 0
        )
        z = float(ndtri(1 - (1 - level) / (2 * max(k, 1))))
        low, high = wilson(share, np.maximum(data.learners, 1), z)
        teachers = (data.weight > 0).sum(axis=1).astype(np.float64)
    else:
        objected = (net.observed == "objected").to_numpy()
        missing = (~np.isfinite(data.weight[:, ~objected])).sum(axis=1)
    values = [experts, teachers, data.learners, missing, share, low, high]
    table = pd.DataFrame(dict(zip(columns, values, strict=True)), index=pd.Index(data.names, name="topic"))
    shown = data.learners >= floor
    return table[shown].sort_values(
        ["n_experts", "leading_share"], ascending=[True, False], kind="stable"
    ), int((~shown).sum())


def _curve(sets: Sets, removal: list[int]) -> pd.DataFrame:
    """Return the share of items lost after each leaving, in the greedy order."""
    at = {p: k + 1 for k, p in enumerate(removal)}
    last = np.array([max((at.get(int(p), 10**9) for p in s), default=0) for s in sets])
    steps = np.arange(len(removal) + 1)
    share = [(last <= k).mean() if len(sets) else float("nan") for k in steps]
    return pd.DataFrame({"n_left": steps, "share_lost": share})


def key_people(
    net: PeerNetwork,
    topics: pd.DataFrame | None = None,
    *,
    topic: str = "topic",
    expert_at: float | None = None,
) -> pd.DataFrame:
    r"""What would be lost with each person: learners no longer reached, learners without a teacher, topics.

    With :math:`R` the ordered pairs (i, j) joined by a path of teaching from i to j, and :math:`R_{-v}` those that
    remain without v,

    .. math:: \text{pairs\_lost}_v = \#\{(i, j) \in R : i, j \ne v\} - \#R_{-v},

    the directed loss of reach of Borgatti's key player problem (fragmentation). It is found for all people at once from
    the dominator trees of all sources, O(n m) in all.

    For whom a loss is: those who plan hand-overs with the person concerned. The rows keep the order of ``net.ids``:
    this is no ranking, and a high value is a risk of the organisation, not a merit or fault of the person. Silent
    people's ties are unknown: with more of them, paths round v could only grow, so ``pairs_lost`` among the pairs
    seen is an upper bound, and so is ``sole_teacher_of`` where teachers report.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    topics : pandas.DataFrame, optional
        As in :func:`knowledge_risk`; without it, and without a column ``topic`` in the ties, topics are left out.
    topic : str
        Column of ties or events with the topic.
    expert_at : float, optional
        As in :func:`knowledge_risk`.

    Returns
    -------
    pandas.DataFrame, shape (n_people, 6)
        ``n_learners``; ``sole_teacher_of`` (learners who have no other teacher); ``pairs_lost``; ``share_lost`` of the
        pairs among others (NaN where there are none); ``n_sole_topics`` and ``sole_expert_of`` (topics of which the
        person is the only expert; NaN and "" without topics). Objectors have no row.

    Raises
    ------
    PermissionLocked
        When the study behind the network does not allow ``person_level``.

    References
    ----------
    .. [1] Borgatti, S. P. (2006). Identifying sets of key players in a social network. Computational and Mathematical
       Organization Theory 12, 21-34. doi:10.1007/s10588-006-7084-x
    .. [2] Cooper, K. D., Harvey, T. J. & Kennedy, K. (2006). A simple, fast dominance algorithm. Rice University
       TR-06-33870.
    """
    from peernet.privacy import require

    require(net, "person_level", function="silos.key_people")
    n = net.n_people
    lost, reaches, reached = _losses(net)
    others = int(reaches.sum()) - reaches - reached
    share = np.divide(lost, others, out=np.full(n, np.nan), where=others > 0)
    degree = np.bincount(net.learner, minlength=n)
    sole = np.bincount(net.teacher, degree[net.learner] == 1, n).astype(np.int64)
    n_topics, names = np.full(n, np.nan), [""] * n
    if topics is not None or topic in net.ties.columns:
        data = holdings(net, topics, topic, expert_at, "silos.key_people")
        experts = data.experts()
        single = experts[experts.sum(axis=1) == 1]
        n_topics = single.sum(axis=0).astype(np.float64)
        labels = [t for t, row in zip(data.names, experts, strict=True) if row.sum() == 1]
        for label, row in zip(labels, single, strict=True):
            p = int(np.argmax(row))
            names[p] = f"{names[p]}, {label}".removeprefix(", ")
    return pd.DataFrame(
        {
            "n_learners": np.bincount(net.teacher, minlength=n),
            "sole_teacher_of": sole,
            "pairs_lost": lost,
            "share_lost": share,
            "n_sole_topics": n_topics,
            "sole_expert_of": names,
        },
        index=net.ids,
    )[(net.observed != "objected").to_numpy()]


def _losses(net: PeerNetwork) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs lost without each person, people they reach, people who reach them."""
    n = net.n_people
    out = tuple(np.zeros(n, dtype=np.int64) for _ in range(3))
    forward = net.adjacency
    back = forward.T.tocsr()
    if n * net.n_ties >= _COMPILED_FROM:
        from peernet.silos import _kernels

        step: Any = _kernels.dominated
    else:
        from peernet.silos._dominators import dominated as step
    step(forward.indptr, forward.indices, back.indptr, back.indices, 0, n, *out)
    return out[0], out[1], out[2]
