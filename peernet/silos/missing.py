"""What silent people hide: any measure again and again with more of them silent."""

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
from peernet.results import format_number, provenance
from peernet.silos._measures import Numbers, numbers_of, rank_correlation, resolve, top_kept
from peernet.silos._response import waived
from peernet.silos._tables import TableResult
from peernet.silos.silence import WORDS, Pattern, Reports, odds_of, order_of, patterns_of, reports_of, without

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["MissingSensitivity", "missing_sensitivity"]

_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_BLOCK = 4
_MOST = 0.8  # further silence tried, as a share of those who answered


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
        part = part.assign(pattern=part["pattern"].map(lambda p: WORDS[p]))
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
        net = net._replace(permissions=None)
    reports = reports_of(net, role)
    chosen = patterns_of(patterns, unit or group)
    answered = np.flatnonzero((net.observed == "answered").to_numpy())
    if not len(answered):
        raise DataError("missing_sensitivity: nobody in this network answered, so nobody can fall silent.")
    response = len(answered) / net.n_people
    own = min(1 - response, _MOST) if response < 1 else 0.3
    given = (shares,) if isinstance(shares, (int, float)) else tuple(shares)
    steps = sorted({*(number("shares", s, 0, 1, open_high=True) for s in given), own})
    with waived():
        complete = numbers_of(call(net), net, name, column)
    weight = {p: odds_of(net, p) for p in chosen}
    units = net.codes(unit or str(group))[0] if "unit" in chosen else None
    parts = []
    for pattern in chosen:

        def block(size: int, stream: np.random.Generator, pattern: str = pattern) -> NDArray[np.float64]:
            out = []
            for _ in range(size):
                order = answered[order_of(pattern, weight[pattern][answered], units, answered, stream)]
                out.append([_again(net, call, name, column, order, s, reports, complete) for s in steps])
            return np.array(out, dtype=np.float64)

        found = run_blocks(
            block,
            size,
            rng=rng,
            block=_BLOCK,
            n_jobs=n_jobs,
            progress=progress,
            desc=f"silent {WORDS[pattern]}",
        )
        parts.append(
            _rows(np.concatenate(found), steps, complete, name, pattern, len(answered), net.n_people, level)
        )
    options = {
        "measure": name,
        "group": group,
        "patterns": chosen,
        "role": reports,
        "n_draws": size,
        "level": level,
    }
    used = provenance("silos.missing_sensitivity", net, options=options | {"shares": steps}, rng=start)
    return _result(pd.concat(parts, ignore_index=True), complete, name, response, own, level, used)


def _result(
    table: pd.DataFrame,
    complete: Numbers,
    name: str,
    response: float,
    own: float,
    level: float,
    used: dict[str, Any],
) -> MissingSensitivity:
    """Put the answer together: the rows at the silence there is, and the curve carried on to everybody."""
    now = table[np.isclose(table["share"], own)].reset_index(drop=True)
    back = _extrapolate(table, complete, response) if complete.kind == "number" else float("nan")
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
        provenance=used,
    )


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
        values = numbers_of(call(without(net, silent, role)), net, name, column).values
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
        said.append(f"{format_number(typical)} ({WORDS[row['pattern']]}; {band})")
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
