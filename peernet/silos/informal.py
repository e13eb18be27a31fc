"""Communities: who teaches and learns together, whatever the org chart says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.privacy.permissions import allows, require
from peernet.results import (
    HypothesisTest,
    Result,
    Verdict,
    format_number,
    format_p,
    monte_carlo_p,
    provenance,
)
from peernet.silos._agreement import adjusted_rand, crossed, overlap
from peernet.silos._common import counted, require_network
from peernet.silos._engines import check_engine, leiden_of_igraph, leiden_of_networkit
from peernet.silos._response import require_response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["Communities", "communities"]

Engine = Literal["peernet", "igraph", "networkit"]
BEST_OF = 5  # runs behind each statistic of the null, and behind the observed one
BURN_IN, THIN = 20, 5  # steps a pair before the first draw of a block and between draws


class Pairs(NamedTuple):
    """Pairs of people as a symmetric sparse matrix without diagonal."""

    ptr: NDArray[np.int64]
    idx: NDArray[np.int64]
    w: NDArray[np.float64]

    @property
    def owner(self) -> NDArray[np.int64]:
        """Row of each entry."""
        return np.repeat(np.arange(len(self.ptr) - 1), np.diff(self.ptr))

    def kept(self, mask: NDArray[np.bool_]) -> Pairs:
        """Return the entries under a (symmetric) mask."""
        ptr = np.concatenate([[0], np.cumsum(np.bincount(self.owner[mask], minlength=len(self.ptr) - 1))])
        return Pairs(ptr.astype(np.int64), self.idx[mask], self.w[mask])


def pairs_of(net: PeerNetwork, *, weighted: bool) -> Pairs:
    """Return pairs of people: 1 each, or the weights of both directions added."""
    from peernet.silos.holes import symmetric

    ptr, idx, w = symmetric(net, directed=False, weighted=weighted)
    return Pairs(ptr, idx.astype(np.int64), np.asarray(w, dtype=np.float64))


def _one_run(pairs: Pairs, resolution: float, engine: str, start: int) -> tuple[NDArray[np.int64], float]:
    """Run one engine once; communities numbered from 0, and their modularity."""
    from peernet.silos import _kernels_leiden

    if engine == "peernet":
        found, quality = _kernels_leiden.leiden(*pairs, resolution, start)
        return found, float(quality)
    first = pairs.owner < pairs.idx
    ends, w = np.column_stack([pairs.owner[first], pairs.idx[first]]), pairs.w[first]
    n = len(pairs.ptr) - 1
    part = (leiden_of_igraph if engine == "igraph" else leiden_of_networkit)(n, ends, w, resolution, start)
    found = np.unique(part, return_inverse=True)[1].astype(np.int64)
    return found, float(_kernels_leiden._modularity(*pairs, found, resolution))


def many_runs(
    pairs: Pairs,
    resolution: float,
    n_runs: int,
    rng: np.random.Generator,
    *,
    engine: str = "peernet",
    n_jobs: int = 1,
    progress: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the communities of many runs, (n_runs, n_people), and their modularity."""

    def block(size: int, stream: np.random.Generator) -> list[tuple[NDArray[np.int64], float]]:
        return [_one_run(pairs, resolution, engine, int(s)) for s in stream.integers(0, 2**62, size)]

    # The packages keep one random state a process, so they are not called from several threads.
    jobs = n_jobs if engine == "peernet" else 1
    found = run_blocks(block, n_runs, rng=rng, block=4, n_jobs=jobs, progress=progress, desc="Leiden runs")
    flat = [one for part in found for one in part]
    return np.array([c for c, _ in flat]), np.array([q for _, q in flat])


def consensus_of(
    pairs: Pairs, runs: NDArray[np.int64], rng: np.random.Generator, *, engine: str = "peernet"
) -> NDArray[np.int64]:
    """Fold many runs into one partition (Lancichinetti and Fortunato 2012, over the pairs that have a tie).

    Each pair is weighed by the share of runs in which its two are together, shares up to one half are dropped, and
    Leiden runs on that again, until all runs agree (ten rounds at most; then the run closest to the others).
    """
    n_runs = len(runs)
    for _ in range(10):
        first: NDArray[np.int64] = runs[0]
        if (runs == first).all():
            return first
        together = np.mean([run[pairs.owner] == run[pairs.idx] for run in runs], axis=0)
        mask = together > 0.5
        pairs = Pairs(*pairs.kept(mask)[:2], together[mask])
        runs, _ = many_runs(pairs, 1.0, n_runs, rng, engine=engine)
    scores = np.zeros(n_runs)
    for i in range(n_runs):
        scores[i] = np.nansum([adjusted_rand(crossed(runs[i], run)) for run in runs])
    closest: NDArray[np.int64] = runs[int(scores.argmax())]
    return closest


def mates(pairs: Pairs) -> NDArray[np.int64]:
    """Return for each entry the place of the same pair in the other row."""
    n = len(pairs.ptr) - 1
    place = np.searchsorted(pairs.owner * n + pairs.idx, pairs.idx * n + pairs.owner)
    return np.asarray(place, dtype=np.int64)


def rewired(pairs: Pairs, blocks: NDArray[np.int64], size: int, stream: np.random.Generator) -> list[Pairs]:
    """Return networks of pairs in which everybody has as many contacts as before, the ends swapped at random."""
    from peernet.silos import _kernels_leiden

    idx, mate, w = pairs.idx.copy(), mates(pairs), pairs.w.copy()
    out = []
    for d, start in enumerate(stream.integers(0, 2**62, size)):
        steps = (BURN_IN if d == 0 else THIN) * len(idx)
        _kernels_leiden.swap_pairs(pairs.ptr, idx, mate, w, blocks, steps, int(start))
        out.append(Pairs(pairs.ptr, idx.copy(), w.copy()))
    return out


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Communities(Result):
    """Groups of people who teach and learn with each other more than degrees alone would give.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a community of the consensus: ``community`` (C1 the largest), ``people``, ``pairs_inside``,
        ``pairs_outside``, ``stability`` (mean over runs of the Jaccard index of its best match; above .75 stable, below
        .6 not to be relied on).
    modularity : float
        Of the consensus, at ``resolution``.
    best_modularity : float
        Of the best run.
    agreement : pandas.Series
        Adjusted Rand index of each pair of runs: 1 the same, 0 no more alike than by chance.
    runs : pandas.DataFrame
        One row a run: ``modularity``, ``n_communities``.
    tests : pandas.DataFrame
        ``statistic`` (modularity; number of communities), ``observed``, ``null_mean``, ``null_sd``, ``z``, ``p_value``.
    test : HypothesisTest
        The modularity test with its draws.
    resolution : float
        As asked.
    people_left_out : int
        People without ties, who belong to no community.
    """

    table: pd.DataFrame
    modularity: float
    best_modularity: float
    agreement: pd.Series[Any]
    runs: pd.DataFrame
    tests: pd.DataFrame
    test: HypothesisTest
    resolution: float
    people_left_out: int
    _members: pd.Series[Any] | None = field(repr=False)
    _permissions: Any = field(repr=False, default=None)

    @property
    def n_communities(self) -> int:
        """Communities of two people or more in the consensus."""
        return len(self.table)

    def membership(self) -> pd.Series[Any]:
        """Return each person's community; missing for people without ties and for objectors.

        Returns
        -------
        pandas.Series, shape (n_people,)
            ``"C1"``, ``"C2"`` ..., named ``"community"``: a column for ``net.with_people(community=...)``.

        Raises
        ------
        PermissionLocked
            When the study does not allow numbers about single people.
        """
        require(self._permissions, "person_level", function="silos.communities")
        assert self._members is not None  # left out only where the line above refuses
        return self._members.copy()

    def summary(self) -> str:
        """State how many, how much more than chance, and how stable."""
        if not self.n_communities:
            return "No communities: there are no ties."
        many = counted(self.n_communities, "community", "communities")
        rand = self.agreement.median() if len(self.agreement) else np.nan
        test = self.test
        chance = (
            f"; a network with the same numbers of contacts has {format_number(test.null_mean)} "
            f"(z = {format_number(test.z)}, {format_p(test.p_value)}, {test.n_draws} draws)"
            if test.n_draws
            else ""
        )
        return (
            f"{many} at resolution {self.resolution:g}, modularity {self.modularity:.3f} "
            f"(consensus of {len(self.runs)} runs). Best of {BEST_OF} runs: {test.observed:.3f}{chance}. Two runs "
            f"agree by {format_number(rand)} (adjusted Rand index, median); "
            f"{int((self.table['stability'] >= 0.75).sum())} of {self.n_communities} communities are stable."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table of communities."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw modularity against that of networks with the same numbers of contacts.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        more = {"supported": "more divided than", "": "beside"}.get(self.verdict, "no more divided than")
        many = counted(self.n_communities, "community", "communities")
        title = f"{many}: {more} networks with the same numbers of contacts"
        return plots.plot_null(self.test, title=title, ax=ax)


def communities(
    net: PeerNetwork,
    *,
    resolution: float = 1.0,
    weighted: bool = False,
    engine: Engine = "peernet",
    n_runs: int = 50,
    n_draws: int = 200,
    min_response: float | None = None,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Communities:
    r"""Communities by the Leiden algorithm: consensus of many runs, its stability, and whether chance does as well.

    Sought is the division with the highest modularity

    .. math:: Q = \sum_c \Big(\frac{e_c}{m} - \gamma \Big(\frac{k_c}{2m}\Big)^2\Big)

    with :math:`m` the pairs of people with a tie, :math:`e_c` those inside community c, :math:`k_c` the contacts of its
    people and :math:`\gamma` the resolution. Direction is dropped. Q is high in *any* sparse network, so it is
    compared with networks in which everybody keeps the number of contacts and ends of pairs are swapped (200 draws,
    the best of five runs in each, and for the observed network too).

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; a pair counts once.
    resolution : float
        :math:`\gamma` above 0: larger values give more and smaller communities. At 1 a community smaller than about
        :math:`\sqrt{2m}` ties can hide in a larger one.
    weighted : bool
        Add the weights of both directions instead of counting each pair once.
    engine : {"peernet", "igraph", "networkit"}
        ``"peernet"`` is Leiden written here: needs nothing, repeats with a seed, any number of threads; its modularity
        equals igraph's on average (docs/validation/silos.md). The others are called where installed.
    n_runs : int
        Runs from different seeds behind the consensus; 50 or more for anything that is shown.
    n_draws : int
        Networks of the null model; 0 leaves the test out.
    min_response : float, optional
        Share of people who must have told of their ties (:func:`response_thresholds`); 0 never refuses.
    level : float
        1 - level is the size of the test behind the verdict.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    Communities
        ``summary``, ``table``, ``tests``, ``agreement``, ``plot``; ``membership()`` if the study allows it.

    Raises
    ------
    ImportError
        When the engine is not installed.

    References
    ----------
    .. [1] Traag, V. A., Waltman, L. & van Eck, N. J. (2019). From Louvain to Leiden: guaranteeing well-connected
       communities. Scientific Reports 9, 5233. doi:10.1038/s41598-019-41695-z
    .. [2] Lancichinetti, A. & Fortunato, S. (2012). Consensus clustering in complex networks. Scientific Reports 2,
       336. doi:10.1038/srep00336
    .. [3] Fortunato, S. & Barthelemy, M. (2007). Resolution limit in community detection. PNAS 104(1), 36-41.
       doi:10.1073/pnas.0605965104
    .. [4] Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational Statistics & Data Analysis
       52(1), 258-271. doi:10.1016/j.csda.2006.11.025
    """
    require_network(net, "communities")
    require_response(net, "communities", min_response)
    rng = as_rng(rng)
    check_engine(engine)
    gamma = number("resolution", resolution, 0, np.inf, open_low=True)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    size, draws = count("n_runs", n_runs, 2), count("n_draws", n_draws, 0)
    start = record(rng)
    pairs = pairs_of(net, weighted=weighted)
    found, quality = many_runs(pairs, gamma, size, rng, engine=engine, n_jobs=n_jobs, progress=progress)
    null = null_of(pairs, gamma, draws, rng, engine, n_jobs, progress)
    one = int(np.argmax(quality[:BEST_OF])) if len(pairs.w) else 0
    observed = (float(quality[one]), float(_many(found[one])))
    test = HypothesisTest(
        name="modularity",
        observed=observed[0],
        null=null[:, 0],
        null_model="ends of pairs swapped, everybody's number of contacts kept",
        alternative="greater",
    )
    whole = consensus_of(pairs, found, rng, engine=engine) if len(pairs.w) else found[0]
    table, members = _table(net, pairs, whole, found)
    members = members.where((net.observed != "objected").to_numpy())
    agreement = [adjusted_rand(crossed(found[i], found[j])) for i in range(size) for j in range(i)]
    return Communities(
        table=table,
        modularity=_quality(pairs, whole, gamma),
        best_modularity=float(quality.max()),
        agreement=pd.Series(agreement, name="adjusted_rand").fillna(1.0),
        runs=pd.DataFrame({"modularity": quality, "n_communities": [_many(run) for run in found]}),
        tests=_tests(test, observed, null),
        test=test,
        resolution=gamma,
        people_left_out=int(np.sum(np.diff(pairs.ptr) == 0)),
        _members=members if allows(net, "person_level", function="silos.communities") else None,
        _permissions=net.permissions,
        estimand="division of the people with the highest modularity",
        verdict=_verdict(test, level),
        would_count_against="modularity no higher than in networks with the same numbers of contacts",
        assumptions=("ties that were not reported are missing at random", "direction does not matter"),
        provenance=provenance(
            "silos.communities",
            net,
            options={
                "resolution": gamma, "weighted": weighted, "engine": engine, "n_runs": size, "n_draws": draws,
            },
            rng=start,
        ),
    )  # fmt: skip


def _verdict(test: HypothesisTest, level: float) -> Verdict:
    """Say whether the network is more divided than chance makes it."""
    if np.isnan(test.observed):
        return "not answered by these data"
    if not test.n_draws:
        return ""
    return "supported" if test.p_value <= 1 - level + 1e-12 else "inconclusive"


def _quality(pairs: Pairs, found: NDArray[np.int64], resolution: float) -> float:
    """Return the modularity of a partition."""
    from peernet.silos import _kernels_leiden

    return float(_kernels_leiden._modularity(*pairs, found, resolution))


def _many(found: NDArray[np.int64]) -> int:
    """Count communities of two people or more."""
    return int(np.sum(np.bincount(found) > 1)) if len(found) else 0


def null_of(
    pairs: Pairs, resolution: float, n_draws: int, rng: np.random.Generator, engine: str, n_jobs: int, progress: bool
) -> NDArray[np.float64]:  # fmt: skip
    """Modularity and number of communities, best of five runs, in networks with swapped ends: (n_draws, 2)."""
    everybody = np.zeros(len(pairs.ptr) - 1, np.int64)

    def block(size: int, stream: np.random.Generator) -> list[tuple[float, float]]:
        out = []
        for drawn in rewired(pairs, everybody, size, stream):
            starts = stream.integers(0, 2**62, BEST_OF)
            runs = [_one_run(drawn, resolution, engine, int(s)) for s in starts]
            best = max(runs, key=lambda run: run[1])
            out.append((best[1], float(_many(best[0]))))
        return out

    if not len(pairs.w) or not n_draws:
        return np.empty((0, 2))
    jobs = n_jobs if engine == "peernet" else 1
    found = run_blocks(
        block, n_draws, rng=rng, block=16, n_jobs=jobs, progress=progress, desc="null networks"
    )
    return np.array([row for part in found for row in part])


def _tests(test: HypothesisTest, observed: tuple[float, float], null: NDArray[np.float64]) -> pd.DataFrame:
    """Lay out modularity and number of communities beside the null."""
    many = HypothesisTest(
        name="number of communities", observed=observed[1], null=null[:, 1], null_model=test.null_model
    )
    if len(null):
        object.__setattr__(many, "p_value", monte_carlo_p(observed[1], null[:, 1]))
    columns = ["statistic", "observed", "null_mean", "null_sd", "z", "p_value", "alternative"]
    rows = [(t.name, t.observed, t.null_mean, t.null_sd, t.z, t.p_value, t.alternative) for t in (test, many)]
    return pd.DataFrame(rows, columns=columns)


def _table(
    net: PeerNetwork, pairs: Pairs, whole: NDArray[np.int64], runs: NDArray[np.int64]
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Lay out the communities, the largest first, and who belongs to which."""
    k = int(whole.max(initial=-1)) + 1
    sizes = np.bincount(whole, minlength=k)
    same = whole[pairs.owner] == whole[pairs.idx]
    inside = np.bincount(whole[pairs.owner][same], minlength=k) // 2
    outside = np.bincount(whole[pairs.owner][~same], minlength=k)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 1]
    names = [f"C{rank + 1}" for rank in range(len(order))]
    label = np.full(k, None, dtype=object)
    label[order] = names
    stability = overlap(whole, runs)
    table = pd.DataFrame(
        {
            "community": names,
            "people": sizes[order],
            "pairs_inside": inside[order],
            "pairs_outside": outside[order],
            "stability": stability[order],
        }
    )
    return table, pd.Series(label[whole], index=net.ids, name="community", dtype=object)
