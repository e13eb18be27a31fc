"""What silent people hide: any measure again and again with more of them silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number, quoted
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError
from peernet.results import format_number, provenance
from peernet.silos._measures import CATALOGUE, Numbers, numbers_of, rank_correlation, resolve, top_kept
from peernet.silos._response import known_share, waived
from peernet.silos._tables import TableResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["MissingSensitivity", "make_silent", "missing_overview", "missing_sensitivity"]

Pattern = Literal["random", "central", "peripheral", "unit"]
Reports = Literal["learner", "teacher", "both"]
_WORDS = {
    "random": "at random", "central": "central people", "peripheral": "people at the edge", "unit": "whole units",
}  # fmt: skip
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_BLOCK = 4
_MOST = 0.8  # further silence tried, as a share of those who answered


def _reports(net: PeerNetwork, role: str | None) -> str:
    """Return the role in which people report: as asked, as recorded, or both where ties were seen."""
    if role is not None:
        literal("role", role, ("learner", "teacher", "both"))
        return role
    return net.respondent_is or "both"


def _without(net: PeerNetwork, silent: NDArray[np.bool_], role: str) -> PeerNetwork:
    """Return the network without what some people would have reported."""
    status = net.observed
    status[silent & (status == "answered").to_numpy()] = "silent"
    plain = net._row_ends is None or net.ties.shape[1] == 3
    if plain:
        teacher, learner = np.asarray(net.teacher), np.asarray(net.learner)
    else:
        assert net._row_ends is not None
        teacher, learner = net._row_ends
    gone = {
        "learner": silent[learner],
        "teacher": silent[teacher],
        "both": silent[teacher] | silent[learner],
    }[role]
    kept = net._mask(~gone) if plain else net._with_rows(~gone)
    return kept._replace(observed=status)


def make_silent(net: PeerNetwork, people: Iterable[str], *, role: Reports | None = None) -> PeerNetwork:
    """Return the network as it would be if some people had not answered.

    What a silent person would have *reported* goes: the ties in which they are what ``net.respondent_is`` says. What
    others report about them stays.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    people : list of str
        Ids of those who keep silent.
    role : {"learner", "teacher", "both"}, optional
        The role in which people report. Default: ``net.respondent_is``; where ties were seen, not reported, a person
        who is not seen has none, so "both".

    Returns
    -------
    PeerNetwork
        The same people; those who had answered are now ``silent``.

    Raises
    ------
    DataError
        For ids that are not in people.
    """
    reports = _reports(net, role)
    chosen = list(people)
    rows = net.ids.get_indexer(pd.Index(chosen, dtype=net.ids.dtype))
    if (rows < 0).any():
        lost = [p for p, r in zip(chosen, rows, strict=True) if r < 0]
        raise DataError(f"make_silent: {len(lost)} ids are not in people ({quoted(lost)}).")
    silent = np.zeros(net.n_people, dtype=bool)
    silent[rows] = True
    return _without(net, silent, reports)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MissingSensitivity(TableResult):
    """A measure under more and more silent people.

    Attributes
    ----------
    measure : str
        The measure.
    kind : str
        "number", "people" (one number a person) or "cells" (one a group, pair of groups or kind).
    response : float
        Share of people whose ties are known in the network given.
    at_response : pandas.DataFrame
        The rows at as much further silence as there is already: the size of the error to expect.
    extrapolated : float
        A number only: the curve under silence at random, carried on to where everybody had answered. NaN where
        everybody did.
    """

    measure: str
    kind: str
    response: float
    at_response: pd.DataFrame
    extrapolated: float = float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curve of each pattern of silence with a band of draws.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.silos import _pictures

        first = self.table["quantity"].iloc[0]
        part = self.table[self.table["quantity"] == first].assign(measure=f"{self.measure}: {first}")
        part = part.assign(pattern=part["pattern"].map(lambda p: _WORDS[p]))
        title = f"{self.measure} when more people keep silent ({self.response:.0%} told of their ties)"
        return _pictures.plot_curves(part, title, ax=ax)


def missing_sensitivity(
    net: PeerNetwork,
    measure: str | Callable[[PeerNetwork], Any],
    group: str | None = None,
    *,
    column: str | None = None,
    patterns: Sequence[Pattern] | None = None,
    shares: Sequence[float] = _SHARES,
    unit: str | None = None,
    role: Reports | None = None,
    level: float = 0.9,
    n_draws: int = 50,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> MissingSensitivity:
    r"""How far a measure moves when more people keep silent: what the silence there is may already have done.

    In each draw people who answered are put in an order; the first share :math:`s` of them is made silent
    (:func:`make_silent`) and the measure taken again, for every s. Orders: ``"random"``; ``"central"``, drawn one by
    one with odds :math:`(1 + d_i)^2` for d_i ties; ``"peripheral"``, with the inverse; ``"unit"``, unit after unit.

    With r the share of people who answered, a further share 1 - r of them made silent repeats the loss that has already
    happened. The rows at that share (``at_response``) are therefore the size of the error to expect, *if* people kept
    silent then as the pattern says; whether they did, these data cannot tell. They are no bounds.

    A measure that is one number also gets ``extrapolated``: a parabola through its means under silence at random,
    against the share r (1 - s) who answered, read off at 1 (simulation extrapolation). It mends what silence at random
    does in a smooth way (counts, reciprocity), and nothing else.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    measure : str or callable
        Name of a measure of :mod:`peernet.silos` (also ``"ei"``, ``"mean_ties"``, ``"n_learners"``,
        ``"n_teachers"``), or a function of a network that gives a number, a Series, a frame or a Result.
    group : str, optional
        Column of ``net.people``, for measures that compare groups.
    column : str, optional
        Which column of a frame counts.
    patterns : list of {"random", "central", "peripheral", "unit"}, optional
        Who falls silent. Default: at random and by degree, and by unit where ``group`` or ``unit`` is given.
    shares : list of float
        Further silence, as shares of those who answered.
    unit : str, optional
        Column of ``net.people`` for the pattern "unit". Default: ``group``.
    role : {"learner", "teacher", "both"}, optional
        The role in which people report, as in :func:`make_silent`.
    level : float
        Share of draws between ``low`` and ``high``.
    n_draws : int
        Draws of each pattern.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    MissingSensitivity
        ``table``: ``measure, pattern, share, answered`` (share of all people), ``n_silent, quantity, complete`` (on
        the network given), ``median, low, high, bias`` (mean less complete) and ``error`` (root mean square).
        ``quantity`` is "value" for a number; for numbers per person "rank correlation" (Spearman, with those of the
        network given) and "top tenth kept"; for cells "mean absolute change". NaN where the measure is not defined.

    Raises
    ------
    DataError
        If nobody answered, or a column is not in ``net.people``.
    ValueError
        For a measure or pattern that is none, or a group that is missing.

    References
    ----------
    .. [1] Smith, J. A. & Moody, J. (2013). Structural effects of network sampling coverage I: nodes missing at random.
       Social Networks 35(4), 652-668. doi:10.1016/j.socnet.2013.09.003
    .. [2] Smith, J. A., Moody, J. & Morgan, J. H. (2017). Network sampling coverage II: the effect of non-random
       missing data on network measurement. Social Networks 48, 78-99. doi:10.1016/j.socnet.2016.04.005
    .. [3] Cook, J. R. & Stefanski, L. A. (1994). Simulation-extrapolation estimation in parametric measurement error
       models. Journal of the American Statistical Association 89, 1314-1328. doi:10.1080/01621459.1994.10476871
    """
    rng = as_rng(rng)
    start = record(rng)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    size = count("n_draws", n_draws, 1)
    name, call = resolve(measure, group)
    if isinstance(measure, str):
        # Nothing about single people leaves this function for a measure of our own.
        net = net.with_permissions(None)
    reports = _reports(net, role)
    chosen = _patterns(patterns, unit or group)
    answered = np.flatnonzero((net.observed == "answered").to_numpy())
    if not len(answered):
        raise DataError("missing_sensitivity: nobody in this network answered, so nobody can fall silent.")
    response = len(answered) / net.n_people
    own = min(1 - response, _MOST) if response < 1 else 0.3
    steps = sorted({*(number("shares", s, 0, 1, open_high=True) for s in shares), own})
    with waived():
        complete = numbers_of(call(net), net, name, column)
    weight = {p: _odds(net, p) for p in chosen}
    units = net.codes(unit or str(group))[0] if "unit" in chosen else None
    parts = []
    for pattern in chosen:

        def block(size: int, stream: np.random.Generator, pattern: str = pattern) -> NDArray[np.float64]:
            out = []
            for _ in range(size):
                order = answered[_order(pattern, weight[pattern][answered], units, answered, stream)]
                out.append([_again(net, call, name, column, order, s, reports, complete) for s in steps])
            return np.array(out, dtype=np.float64)

        found = run_blocks(
            block,
            size,
            rng=rng,
            block=_BLOCK,
            n_jobs=n_jobs,
            progress=progress,
            desc=f"silent {_WORDS[pattern]}",
        )
        parts.append(
            _rows(np.concatenate(found), steps, complete, name, pattern, len(answered), net.n_people, level)
        )
    table = pd.concat(parts, ignore_index=True)
    now = table[np.isclose(table["share"], own)].reset_index(drop=True)
    back = _extrapolate(table, complete, response) if complete.kind == "number" else float("nan")
    options = {
        "measure": name,
        "group": group,
        "patterns": chosen,
        "role": reports,
        "n_draws": size,
        "level": level,
    }
    return MissingSensitivity(
        name=f"{name} under silent people",
        table=table,
        measure=name,
        kind=complete.kind,
        response=response,
        at_response=now,
        extrapolated=back,
        headline=_headline(name, complete, now, response, own, level, back),
        estimand="change of the measure when a further share of those who answered keeps silent",
        assumptions=(
            "the silence there is was like the pattern",
            "ties among the silent are like those reported",
        ),
        provenance=provenance(
            "silos.missing_sensitivity", net, options=options | {"shares": steps}, rng=start
        ),
    )


def _patterns(patterns: Sequence[str] | None, unit: str | None) -> list[str]:
    """Return the patterns asked for."""
    if patterns is None:
        return ["random", "central", *(["unit"] if unit is not None else [])]
    chosen = [patterns] if isinstance(patterns, str) else list(patterns)
    for pattern in chosen:
        literal("patterns", pattern, tuple(_WORDS))
    if "unit" in chosen and unit is None:
        raise ValueError('patterns: "unit" needs unit=, a column of net.people.')
    if not chosen:
        raise ValueError("patterns is empty; leave it out or name some.")
    return list(dict.fromkeys(chosen))


def _odds(net: PeerNetwork, pattern: str) -> NDArray[np.float64]:
    """Return the odds with which each person falls silent next."""
    contacts = np.bincount(net.teacher, minlength=net.n_people) + np.bincount(
        net.learner, minlength=net.n_people
    )
    base: NDArray[np.float64] = (1.0 + contacts.astype(np.float64)) ** 2
    return {"central": base, "peripheral": 1 / base}.get(pattern, np.ones(net.n_people))


def _order(
    pattern: str,
    odds: NDArray[np.float64],
    units: NDArray[Any] | None,
    answered: NDArray[np.intp],
    stream: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw the order in which people fall silent, one by one with these odds (exponential keys)."""
    keys = stream.exponential(size=len(odds)) / odds
    if pattern == "unit" and units is not None:
        turn = stream.permutation(int(units.max()) + 2)[units[answered]]
        return np.lexsort((keys, turn))
    return np.argsort(keys, kind="stable")


def _again(
    net: PeerNetwork,
    call: Callable[[PeerNetwork], Any],
    name: str,
    column: str | None,
    order: NDArray[np.intp],
    share: float,
    role: str,
    complete: Numbers,
) -> tuple[float, float]:
    """Take the measure with the first people of an order silent; compare."""
    silent = np.zeros(net.n_people, dtype=bool)
    silent[order[: round(share * len(order))]] = True
    with waived():
        values = numbers_of(call(_without(net, silent, role)), net, name, column).values
    if complete.kind == "number":
        return float(values.iloc[0]), float("nan")
    if not values.index.equals(complete.values.index):
        values = values.reindex(complete.values.index)
    a, b = complete.values.to_numpy(), values.to_numpy()
    if complete.kind == "people":
        return rank_correlation(a, b), top_kept(a, b)
    gap = np.abs(a - b)
    return float(np.mean(gap[np.isfinite(gap)])) if np.isfinite(gap).any() else float("nan"), float("nan")


_QUANTITIES = {
    "number": (("value", None),),
    "people": (("rank correlation", 1.0), ("top tenth kept", np.nan)),
    "cells": (("mean absolute change", 0.0),),
}


def _rows(
    found: NDArray[np.float64],
    shares: list[float],
    complete: Numbers,
    name: str,
    pattern: str,
    n_answered: int,
    n_people: int,
    level: float,
) -> pd.DataFrame:
    """Lay out one row a share and quantity; ``found`` is (n_draws, n_shares, 2)."""
    rows = []
    for q, (quantity, ideal) in enumerate(_QUANTITIES[complete.kind]):
        whole = float(complete.values.iloc[0]) if ideal is None else ideal
        if np.isnan(whole) and complete.kind == "people":
            # Where more than a tenth share the largest value, even the same numbers agree in part only.
            whole = top_kept(complete.values.to_numpy(), complete.values.to_numpy())
        for s, share in enumerate(shares):
            drawn = found[:, s, q]
            drawn = drawn[np.isfinite(drawn)]
            silent = round(share * n_answered)
            edges = (
                np.quantile(drawn, [0.5, (1 - level) / 2, (1 + level) / 2])
                if len(drawn)
                else np.full(3, np.nan)
            )
            rows.append(
                {
                    "measure": name, "pattern": pattern, "share": share, "answered": (n_answered - silent) / n_people,
                    "n_silent": silent, "quantity": quantity, "complete": whole, "median": edges[0], "low": edges[1],
                    "high": edges[2], "bias": drawn.mean() - whole if len(drawn) else np.nan,
                    "error": np.sqrt(np.mean((drawn - whole) ** 2)) if len(drawn) else np.nan,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _extrapolate(table: pd.DataFrame, complete: Numbers, response: float) -> float:
    """Read a parabola through the means under silence at random off at an answer from everybody."""
    part = table[(table["pattern"] == "random") & table["bias"].notna()]
    value = float(complete.values.iloc[0])
    if response == 1 or len(part) < 3 or not np.isfinite(value):
        return float("nan")
    x = np.concatenate([[response], part["answered"]]) - response
    y = np.concatenate([[0.0], part["bias"]])
    # Through the value itself, which is known: no constant.
    slope, bend = np.linalg.lstsq(np.stack([x, x**2], axis=1), y, rcond=None)[0]
    gap = 1 - response
    return float(value + slope * gap + bend * gap**2)


def _headline(
    name: str, complete: Numbers, now: pd.DataFrame, response: float, own: float, level: float, back: float
) -> str:
    """Say how far off the measure may be at this response rate."""
    quantity = now["quantity"].iloc[0]
    said = []
    for _, row in now[now["quantity"] == quantity].iterrows():
        band = f"{level:.0%} of draws {format_number(row['low'])} to {format_number(row['high'])}"
        typical = row["error"] if complete.kind == "number" else row["median"]
        said.append(f"{format_number(typical)} ({_WORDS[row['pattern']]}; {band})")
    what = {
        "number": f"is {format_number(float(complete.values.iloc[0]))}, with a typical error of",
        "people": "keeps a rank correlation with itself of",
        "cells": "moves, per cell, by",
    }[complete.kind]
    if response < 1:
        how = f"{response:.0%} of the people told of their ties; with that loss once more ({own:.0%} of them silent)"
    else:
        how = f"everybody told of their ties; if {own:.0%} kept silent"
    more = (
        f" Carried on to everybody (silence at random): {format_number(back)}." if np.isfinite(back) else ""
    )
    return f"{how[0].upper()}{how[1:]}, {name} {what} {'; '.join(said)}.{more}"


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
