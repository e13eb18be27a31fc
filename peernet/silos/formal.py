"""The organisation as it teaches against the organisation as it is drawn: informal communities and formal units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.nulls._labels import reporting
from peernet.privacy.permissions import allows, require
from peernet.results import Result, Verdict, format_number, format_p, monte_carlo_p, provenance
from peernet.silos import _hidden
from peernet.silos._agreement import adjusted_information, adjusted_rand, crossed
from peernet.silos._common import floored
from peernet.silos.informal import BEST_OF, Pairs, consensus_of, many_runs, null_of, pairs_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["FormalOverlap", "formal_overlap"]

STABLE = 0.75
_FEWEST = 20  # people with a unit and a contact, below which nothing is said about hidden teams


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FormalOverlap(Result):
    """How far informal communities follow the org chart, and who works together across it.

    Attributes
    ----------
    group : str
        The formal units.
    agreement : pandas.DataFrame
        ``measure`` (AMI, ARI, modularity of the units as a share of the best found), ``value`` (of the consensus),
        ``low``, ``high`` (central range over runs: how much the search itself moves the number), ``null_mean``,
        ``null_sd``, ``z``, ``p_value`` (units dealt out again among people).
    modularity : pandas.DataFrame
        ``of`` (the units; the best found; the best in networks with the same numbers of contacts), ``value``, ``low``,
        ``high`` (central range of the draws, for the last).
    units : pandas.DataFrame
        One row a unit: ``people``, ``n_communities`` (with at least one of them), ``largest_share`` (of its people in
        one community), ``entropy`` (0 all in one, 1 spread evenly over all communities). Units below ``min_group`` are
        in one row at the end, without numbers.
    hidden_teams : pandas.DataFrame
        Groups across units that hold together more than chance allows: ``team``, ``people``, ``n_units``,
        ``largest_unit_share``, ``pairs_across`` (of people in different units with a tie), ``expected``,
        ``resolution``, ``z``, ``p_value`` (over all teams and resolutions together), ``stability``.
    hidden_p_value : float
        Of the best candidate, found or not.
    response : float
        Share of those asked who answered; NaN where nobody was asked.
    reason : str
        Why nothing is said about hidden teams; empty where something is.
    """

    group: str
    agreement: pd.DataFrame
    modularity: pd.DataFrame
    units: pd.DataFrame
    hidden_teams: pd.DataFrame
    hidden_p_value: float
    response: float
    reason: str = ""
    _members: pd.Series[Any] | None = field(repr=False)
    _permissions: Any = field(repr=False, default=None)

    def members(self) -> pd.Series[Any]:
        """Return the hidden team of each person who is in one.

        Returns
        -------
        pandas.Series
            ``"H1"``, ``"H2"`` ..., named ``"hidden_team"``; missing for everybody else.

        Raises
        ------
        PermissionLocked
            When the study does not allow numbers about single people.
        """
        require(self._permissions, "person_level", function="silos.formal_overlap")
        assert self._members is not None  # left out only where the line above refuses
        return self._members.copy()

    def summary(self) -> str:
        """State agreement, what chance gives, and what was found across units."""
        row = self.agreement.iloc[0]
        if np.isnan(row["value"]):
            first = f"Communities and {self.group} cannot be compared: {self.reason or 'one of them does not divide'}."
        else:
            first = (
                f"Informal communities agree with {self.group} by {format_number(row['value'])} (adjusted mutual "
                f"information: 0 chance, 1 the same; over runs [{format_number(row['low'])}, "
                f"{format_number(row['high'])}]; {format_p(row['p_value'])}, {self.group} dealt out again)."
            )
        return f"{first} {self._hidden_words()}"

    def _hidden_words(self) -> str:
        """Say what was found across units."""
        if self.verdict == "not answered by these data":
            return f"Whether a team works across units is not answered by these data: {self.reason}."
        null = "ends of ties between units swapped"
        if self.hidden_teams.empty:
            return (
                f"No team across units was found beyond chance ({format_p(self.hidden_p_value)}, {null}); "
                "that is not evidence that there is none."
            )
        parts = [
            f"{r['people']} people of {r['n_units']} units with {r['pairs_across']:g} ties across where "
            f"{format_number(r['expected'])} are expected ({format_p(r['p_value'])}, stability {r['stability']:.2f})"
            for r in self.hidden_teams.to_dict("records")
        ]
        return f"Across units, beyond chance ({null}): {'; '.join(parts)}."

    def to_frame(self) -> pd.DataFrame:
        """Return the table of agreement."""
        return self.agreement.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw for each unit the share of its people in one community, against all units together.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        shown = self.units.dropna(subset=["largest_share"]).sort_values("largest_share")
        place = np.arange(len(shown))
        axes.barh(place, 100 * shown["largest_share"], color=plots.OKABE_ITO[0], height=0.6)
        words = [
            f"{r.unit} ({r.people:.0f} people, {r.n_communities:.0f} communities)" for r in shown.itertuples()
        ]
        axes.set_yticks(place, [plots.wrap(w, 40) for w in words])
        axes.set_xlim(0, 100)
        axes.set_xlabel("people of the unit who are in its largest community (%)")
        found = len(self.hidden_teams)
        also = f"; {found} team{'s' if found > 1 else ''} across units beyond chance" if found else ""
        text = (
            f"Communities follow {self.group} by {format_number(self.agreement['value'].iloc[0])} (AMI){also}"
        )
        plots.set_title(axes, text)
        return axes


def formal_overlap(
    net: PeerNetwork,
    group: str,
    *,
    within: str | Sequence[str] | None = None,
    resolution: float = 1.0,
    weighted: bool = False,
    n_runs: int = 50,
    n_draws: int = 200,
    min_group: int = 5,
    min_response: float = 0.6,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> FormalOverlap:
    r"""How far who teaches whom follows the org chart, and whether a team works across units that is on no chart.

    *Agreement.* Communities (:func:`communities`, consensus of many runs) against units: mutual information and Rand
    index, both adjusted for chance (0 when units are dealt out again, 1 when the two are the same).

    *Hidden teams.* Communities are sought in the ties between units alone, at resolutions 1, 2, 4 ... A candidate has
    at least ``min_group`` people (and 5), at least three units, and no unit with more than half of its people. Its x
    ties across units are scored against the :math:`\mu` that numbers of contacts give,
    :math:`\sqrt{2 (x \ln(x/\mu) - x + \mu)}`, and the best score over all candidates and resolutions is compared with
    that of networks whose ends of pairs were swapped: everybody keeps the number of contacts in other units, and each
    two units keep their ties (people who told of their ties and people who did not counted apart). So a unit pair that
    works together closely is no hidden team, and neither is chance, which makes such groups in any network. ``within``
    keeps the same for a site or a trade.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; direction is dropped.
    group : str
        Column of ``net.people`` with the formal units. People without one are left out.
    within : str or list of str, optional
        Further columns that the null keeps: ties between each two cells of unit by these. A group explained by them is
        then no hidden team.
    resolution : float
        Of the communities compared with the units.
    weighted : bool
        Use weights for the communities compared with the units; hidden teams are sought among pairs that count 1.
    n_runs : int
        Runs behind the consensus and the stability of a team.
    n_draws : int
        Networks of each null model, at least 19 for a verdict.
    min_group : int
        Smallest unit with numbers of its own, and smallest team.
    min_response : float
        Share of those asked who must have answered; below it no verdict on hidden teams is given: half of the people
        silent leaves a quarter of the pairs with both sides heard (docs/validation/silos.md has the power).
    level : float
        1 - level is the probability of finding any hidden team where there is none.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    FormalOverlap
        ``summary``, ``agreement``, ``modularity``, ``units``, ``hidden_teams``, ``plot``, ``members()`` where the study
        allows it. The verdict is on "a team works across units that is on no org chart": supported where one was found
        whose stability over runs is at least .75.

    References
    ----------
    .. [1] Hubert, L. & Arabie, P. (1985). Comparing partitions. Journal of Classification 2, 193-218.
       doi:10.1007/BF01908075
    .. [2] Vinh, N. X., Epps, J. & Bailey, J. (2010). Information theoretic measures for clusterings comparison. Journal
       of Machine Learning Research 11, 2837-2854.
    .. [3] Hennig, C. (2007). Cluster-wise assessment of cluster stability. Computational Statistics & Data Analysis
       52(1), 258-271. doi:10.1016/j.csda.2006.11.025
    """
    rng = as_rng(rng)
    gamma = number("resolution", resolution, 0, np.inf, open_low=True)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    least = number("min_response", min_response, 0, 1)
    runs, draws, floor = (
        count("n_runs", n_runs, 2),
        count("n_draws", n_draws, 0),
        floored(net, count("min_group", min_group, 1)),
    )
    start = record(rng)
    codes, names = net.codes(group)
    pairs = pairs_of(net, weighted=weighted)
    pairs = pairs.kept((codes[pairs.owner] >= 0) & (codes[pairs.idx] >= 0))
    live = (codes >= 0) & (np.diff(pairs.ptr) > 0)
    found, quality = many_runs(pairs, gamma, runs, rng, n_jobs=n_jobs, progress=progress)
    whole = consensus_of(pairs, found, rng) if len(pairs.w) else found[0]
    best = null_of(pairs, gamma, draws, rng, "peernet", n_jobs, progress)[:, 0]
    organised = _unit_modularity(pairs, codes, gamma)
    agreement = _agreement(codes[live], whole[live], found[:, live], organised, quality, draws, rng)
    cells = _cells(net, codes, within)
    # Candidates are scored as counts, so weights do not enter here.
    across = pairs._replace(w=np.ones(len(pairs.w))).kept(codes[pairs.owner] != codes[pairs.idx])
    response = _response(net)
    reason = _reason(response, least, int(live.sum()), len(names), across)
    seen = _hidden.scan(
        across, np.maximum(codes, 0).astype(np.int64), cells, _hidden.ladder(int(live.sum()), max(floor, 5)),
        smallest=max(floor, 5), n_runs=runs, n_draws=0 if reason else draws, level=level, rng=rng, n_jobs=n_jobs,
        progress=progress,
    )  # fmt: skip
    teams, members = _teams(net, seen, codes)
    return FormalOverlap(
        group=group,
        agreement=agreement,
        modularity=_modularities(organised, float(quality.max()), best, group),
        units=_units(codes[live], whole[live], names, floor),
        hidden_teams=teams,
        hidden_p_value=seen.p_value,
        response=response,
        reason=reason,
        _members=members if allows(net, "person_level", function="silos.formal_overlap") else None,
        _permissions=net.permissions,
        estimand="a team works across units that is on no org chart",
        verdict=_verdict(reason, teams, draws),
        would_count_against="no group across units with more ties than swapped ends give",
        assumptions=("silent people are silent at random", "units are as on the day of the ties"),
        provenance=provenance(
            "silos.formal_overlap",
            net,
            options={
                "group": group, "within": within, "resolution": gamma, "weighted": weighted, "n_runs": runs,
                "n_draws": draws, "min_group": floor, "min_response": least, "level": level,
            },
            rng=start,
            used={"people_compared": int(live.sum()), "best_of": BEST_OF},
        ),
    )  # fmt: skip


def _verdict(reason: str, teams: pd.DataFrame, n_draws: int) -> Verdict:
    """Say whether a hidden team was found."""
    if reason:
        return "not answered by these data"
    if not n_draws:
        return ""
    return "supported" if (teams["stability"] >= STABLE).any() else "inconclusive"


def _reason(response: float, least: float, n_people: int, n_units: int, across: Pairs) -> str:
    """Say why nothing can be said about hidden teams; empty where something can."""
    if response < least:
        return f"{response:.0%} of those asked answered, {least:.0%} are needed"
    if n_units < 3:
        there = "there is 1 unit" if n_units == 1 else f"there are {n_units} units"
        return f"{there}, and a team across units needs three"
    if n_people < _FEWEST:
        return f"{n_people} people have a unit and a tie, {_FEWEST} are needed"
    return "" if len(across.w) else "there is no tie between units"


def _response(net: PeerNetwork) -> float:
    """Share of those asked who answered; NaN where nobody reports."""
    if net.respondent_is is None:
        return float("nan")
    answered, silent = (int((net.observed == word).sum()) for word in ("answered", "silent"))
    return answered / (answered + silent) if answered + silent else float("nan")


def _cells(net: PeerNetwork, codes: NDArray[Any], within: str | Sequence[str] | None) -> NDArray[np.int64]:
    """Return unit by who reported, by further columns, as one number a person.

    Two silent people have no tie on record: swaps that made one would thin out those among people who answered.
    """
    cell = 3 * (codes.astype(np.int64) + 1) + reporting(net)
    for name in [within] if isinstance(within, str) else within or []:
        other, names = net.codes(name)
        cell = cell * (len(names) + 1) + other + 1
    return np.asarray(cell, dtype=np.int64)


def _unit_modularity(pairs: Pairs, codes: NDArray[Any], resolution: float) -> float:
    """Modularity of the org chart."""
    from peernet.silos import _kernels_leiden

    part = np.maximum(codes, 0).astype(np.int64)
    return float(_kernels_leiden._modularity(*pairs, part, resolution)) if len(part) else float("nan")


def _agreement(
    codes: NDArray[Any],
    whole: NDArray[Any],
    runs: NDArray[Any],
    organised: float,
    quality: NDArray[np.float64],
    n_draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """AMI and ARI with their range over runs and their null, and the modularity of the units beside the best."""
    rows = []
    dealt = [rng.permutation(codes) for _ in range(n_draws)]
    for name, measure in (("AMI", adjusted_information), ("ARI", adjusted_rand)):
        value = measure(crossed(codes, whole)) if len(codes) else float("nan")
        over = np.array([measure(crossed(codes, run)) for run in runs]) if len(codes) else np.empty(0)
        over = over[np.isfinite(over)]
        null = np.array([measure(crossed(d, whole)) for d in dealt]) if len(codes) else np.empty(0)
        null = null[np.isfinite(null)]
        mean, sd = (null.mean(), null.std(ddof=1)) if len(null) > 1 else (np.nan, np.nan)
        low, high = np.quantile(over, [0.025, 0.975]) if len(over) else (np.nan, np.nan)
        z = (value - mean) / sd if sd > 1e-12 else np.nan
        rows.append((name, value, low, high, mean, sd, z, monte_carlo_p(value, null, "greater")))
    share = organised / quality if len(quality) and quality.max() > 0 else np.full(1, np.nan)
    low, high = np.quantile(share, [0.025, 0.975])
    best = organised / quality.max() if quality.max() > 0 else np.nan
    rows.append(("modularity of units / best", best, low, high, np.nan, np.nan, np.nan, np.nan))
    columns = ["measure", "value", "low", "high", "null_mean", "null_sd", "z", "p_value"]
    return pd.DataFrame(rows, columns=columns)


def _modularities(organised: float, best: float, null: NDArray[np.float64], group: str) -> pd.DataFrame:
    """Modularity of the units, of the best found, and of the best in networks with the same numbers of contacts."""
    mean = null.mean() if len(null) else np.nan
    low, high = np.quantile(null, [0.025, 0.975]) if len(null) else (np.nan, np.nan)
    rows = [(group, organised, np.nan, np.nan), ("best found", best, np.nan, np.nan)]
    rows += [("best found, ends swapped", mean, low, high)]
    return pd.DataFrame(rows, columns=["of", "value", "low", "high"])


def _units(codes: NDArray[Any], whole: NDArray[Any], names: pd.Index[Any], floor: int) -> pd.DataFrame:
    """How each unit is split over communities; small units in one row without numbers."""
    rows: list[tuple[Any, ...]] = []
    table = (
        crossed(codes, whole)[:, np.bincount(whole, minlength=1) > 1] if len(codes) else np.zeros((0, 0), int)
    )
    alone = np.bincount(codes, minlength=len(names)) if len(codes) else np.zeros(len(names), dtype=int)
    for unit, size in enumerate(alone):
        if size < floor:
            continue
        share = table[unit] / max(table[unit].sum(), 1)
        spread = -np.sum(share[share > 0] * np.log(share[share > 0]))
        n_communities = table.shape[1]
        even = float(spread / np.log(n_communities)) if n_communities > 1 else np.nan
        rows.append(
            (str(names[unit]), float(size), float(np.sum(table[unit] > 0)), float(share.max()), abs(even))
        )
    small = int(np.sum(alone < floor))
    if small:
        rows.append((f"{small} below {floor} people", np.nan, np.nan, np.nan, np.nan))
    return pd.DataFrame(rows, columns=["unit", "people", "n_communities", "largest_share", "entropy"])


def _teams(net: PeerNetwork, seen: _hidden.Scan, codes: NDArray[Any]) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Lay out the teams found, and who is in which."""
    rows = []
    label = np.full(net.n_people, None, dtype=object)
    for rank, team in enumerate(seen.teams, start=1):
        units = np.bincount(codes[team.people])
        rows.append(
            (
                f"H{rank}", len(team.people), int(np.sum(units > 0)), float(units.max() / len(team.people)), team.ties,
                team.expected, team.resolution, team.z, team.p_value, team.stability,
            )
        )  # fmt: skip
        label[team.people[[label[p] is None for p in team.people]]] = f"H{rank}"
    columns = [
        "team", "people", "n_units", "largest_unit_share", "pairs_across", "expected", "resolution", "z", "p_value",
        "stability",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns), pd.Series(
        label, index=net.ids, name="hidden_team", dtype=object
    )
