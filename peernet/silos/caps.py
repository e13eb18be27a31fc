"""Questionnaires that take so many names and no more: what the names left out would have added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column, count, literal, number
from peernet.errors import DataError
from peernet.results import format_number, provenance
from peernet.silos._tables import TableResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["CapCorrection", "correct_cap"]

Model = Literal["best", "negative binomial", "com-poisson", "poisson"]
Unnamed = Literal["like named", "like last"]
_FEWEST = 20
_GROUPS = 400  # people are left out one by one up to here, in as many groups above


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CapCorrection(TableResult):
    """Numbers as named and as they would be without the cap.

    Attributes
    ----------
    cap : int
        Most names the questionnaire took.
    n_capped : int
        People who gave that many.
    n_answered : int
        People who answered.
    fitted : pandas.DataFrame
        Names given: observed and fitted numbers of people, the last row "cap or more".
    """

    cap: int
    n_capped: int
    n_answered: int
    fitted: pd.DataFrame

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each unit's share of ties inside, corrected; without groups the numbers of names beside the fit.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        import peernet.plots as plots

        own = self.table[(self.table["quantity"] == "share") & (self.table["unit"] == self.table["to"])]
        if len(own):
            frame = own.rename(columns={"unit": "label"}).dropna(subset=["value"])
            xlabel = "share of reported ties inside the own unit, without the cap"
            return plots.plot_intervals(frame, label="label", xlabel=xlabel, title=self.headline, ax=ax)
        axes = plots.axes(ax)
        axes.bar(self.fitted["names"], self.fitted["observed"], color=plots.OKABE_ITO[0], alpha=0.5)
        axes.plot(self.fitted["names"], self.fitted["fitted"], "o", color=plots.GREY)
        axes.set_xlabel("names given (dots: fitted)")
        axes.set_ylabel("people")
        plots.set_title(axes, self.headline)
        return axes


def correct_cap(
    net: PeerNetwork,
    cap: int,
    group: str | None = None,
    *,
    model: Model = "best",
    unnamed: Unnamed = "like named",
    slot: str | None = None,
    level: float = 0.95,
) -> CapCorrection:
    r"""Mean number of ties, E-I and shares of ties as they would be if the questionnaire had taken any number of names.

    Whoever filled all ``cap`` = c places has c ties or more. The numbers of ties d are taken as draws from one law p,
    fitted by maximum likelihood with those people censored:

    .. math:: \ell = \sum_{d_i < c} \ln p(d_i) + n_c \ln P(d \ge c).

    A person who filled all places then stands for :math:`\omega = E[d \mid d \ge c]` ties, of which c are named. For
    shares and for E-I their unnamed :math:`\omega - c` ties are divided between groups like the ones they named
    (``unnamed="like named"``), or like the last places of everybody in their group who filled all (``"like last"``, for
    questionnaires in which the strongest come to mind first):

    .. math:: \mathrm{EI} = \frac{\sum_i (E_i + u_i e_i) - \sum_i (I_i + u_i (1 - e_i))}{\sum_i (d_i + u_i)},
       \quad u_i = (\omega - c) [d_i = c],

    e_i the share outside. Standard errors: jackknife over the people who answered. ``bound_low`` and ``bound_high`` put
    *all* unnamed ties inside, or outside (for a cell: none or all of the unnamed ties of its unit there), at the fitted
    mean: what no assumption on who was left out can leave. Those of the mean: no tie beyond the cap, or everybody.

    It does not mend ties that did not come to mind, silent people (the mean is that of those who answered), or people
    who stop early because the list is long. Whether the model fits shows in ``fitted``, below the cap only.

    Parameters
    ----------
    net : PeerNetwork
        Built from reports, so that ``net.respondent_is`` is known.
    cap : int
        Most names that the questionnaire took.
    group : str, optional
        Column of ``net.people``. Adds E-I and the shares of each unit's reported ties that go to each unit. People
        whose group is missing, and ties to them, are left out of these.
    model : {"best", "negative binomial", "com-poisson", "poisson"}
        Law of the numbers of ties. Negative binomial: more uneven than Poisson; Conway-Maxwell-Poisson,
        :math:`p(d) \propto \lambda^d / (d!)^\nu`: more or less uneven; best: the likelier of these two.
    unnamed : {"like named", "like last"}
        What the unnamed ties are like.
    slot : str, optional
        Column of ``net.ties`` with the place at which a name was given, 1 first; for "like last". Default: ``"slot"``.
    level : float
        Coverage of the intervals.

    Returns
    -------
    CapCorrection
        ``table``: ``quantity`` ("mean ties", "E-I index", "share"), ``unit`` (whose reports) and ``to``, ``named`` (as
        given), ``value`` (corrected), ``low, high, std_error, bound_low, bound_high``. Shares are of a unit's ties. NaN
        where a unit has no ties.

    Raises
    ------
    DataError
        If ties were seen, not reported; somebody gave more names than the cap; fewer than 20 people answered; or so
        many filled all places (more than 9 in 10) that nothing can be seen of the shape beyond.

    References
    ----------
    .. [1] Holland, P. W. & Leinhardt, S. (1973). The structural implications of measurement error in sociometry.
       Journal of Mathematical Sociology 3(1), 85-111. doi:10.1080/0022250X.1973.9989825
    .. [2] Kossinets, G. (2006). Effects of missing data in social networks. Social Networks 28(3), 247-268.
       doi:10.1016/j.socnet.2005.07.002
    .. [3] Hilbe, J. M. (2011). Negative Binomial Regression, 2nd ed., chapter 12 (censored counts). Cambridge.
    .. [4] Shmueli, G. et al. (2005). A useful distribution for fitting discrete data: revival of the Conway-Maxwell-
       Poisson distribution. Applied Statistics 54(1), 127-142. doi:10.1111/j.1467-9876.2005.00474.x
    """
    literal("model", model, ("best", "negative binomial", "com-poisson", "poisson"))
    literal("unnamed", unnamed, ("like named", "like last"))
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    places = count("cap", cap, 1)
    data = _reports(net, places, group, unnamed, slot)
    families = ("negative binomial", "com-poisson") if model == "best" else (model,)
    fits = {family: _fit(data.histogram, places, data.most, family) for family in families}
    family = min(families, key=lambda name: fits[name].loss)
    fit = fits[family]
    whole = _quantities(data, np.ones(len(data.given)), fit)
    table = pd.DataFrame(_jackknife(data, whole, family, level))
    capped = int((data.given == places).sum())
    n_answered = len(data.given)
    mean = table.iloc[0]
    said = (
        f"{capped} of {n_answered} people filled all {places} places. Mean ties: {format_number(mean['named'])} as "
        f"named, {format_number(mean['value'])} without the cap ({level:.0%} interval [{format_number(mean['low'])}, "
        f"{format_number(mean['high'])}], {family})."
    )
    if group is not None:
        ei = table.iloc[1]
        said += (
            f" E-I by {group}: {format_number(ei['named'])} as named, {format_number(ei['value'])} "
            f"[{format_number(ei['low'])}, {format_number(ei['high'])}]; between {format_number(ei['bound_low'])} and "
            f"{format_number(ei['bound_high'])} whoever was left out."
        )
    expected = fit.probabilities * n_answered
    labels = [*map(str, range(places)), f"{places} or more"]
    fitted = pd.DataFrame({"names": labels, "observed": data.histogram, "fitted": expected})
    options = {"cap": places, "group": group, "model": family, "unnamed": unnamed, "level": level}
    return CapCorrection(
        name=f"ties beyond a cap of {places} names",
        table=table,
        cap=places,
        n_capped=capped,
        n_answered=n_answered,
        fitted=fitted,
        headline=said,
        estimand="ties that people who answered would have reported had there been room",
        assumptions=(
            f"numbers of ties are {family}, also beyond the cap",
            f"unnamed ties are {unnamed} ones"
            if unnamed == "like named"
            else "unnamed ties are like those named last",
            "people stop naming for want of room only",
        ),
        provenance=provenance("silos.correct_cap", net, options=options, used={"capped": capped}),
    )


@dataclass(frozen=True)
class _Reports:
    """Names given, person by person who answered.

    ``cells[i]`` are the names that person i gave in each group, ``beyond[i]`` the shares in which unnamed ones fall.
    """

    cap: int
    given: NDArray[np.int64]
    cells: NDArray[np.float64]
    beyond: NDArray[np.float64]
    mine: NDArray[np.int64]
    names: pd.Index[Any]
    most: int

    @property
    def histogram(self) -> NDArray[np.float64]:
        counts: NDArray[np.float64] = np.bincount(self.given, minlength=self.cap + 1).astype(np.float64)
        return counts


def _reports(net: PeerNetwork, cap: int, group: str | None, unnamed: str, slot: str | None) -> _Reports:
    """Count the names that each person who answered gave."""
    if net.respondent_is is None:
        raise DataError(
            "correct_cap: the ties of this network were seen, not reported (respondent_is is None): no cap applies. "
            "Build it with from_nominations, or PeerNetwork(..., respondent_is='learner' or 'teacher')."
        )
    reporter, named = (
        (net.learner, net.teacher) if net.respondent_is == "learner" else (net.teacher, net.learner)
    )
    answered = (net.observed == "answered").to_numpy()
    if answered.sum() < _FEWEST:
        raise DataError(f"correct_cap: {answered.sum()} people answered; at least {_FEWEST} are needed.")
    given = np.bincount(reporter, minlength=net.n_people)
    over = answered & (given > cap)
    if over.any():
        raise DataError(
            f"correct_cap: {over.sum()} people gave more than {cap} names (up to {given[over].max()}): the cap is "
            "another one, or the network joins several questions; take one relation."
        )
    full = (given == cap) & answered
    if full.sum() > 0.9 * answered.sum():
        raise DataError(
            f"correct_cap: {full.sum()} of {answered.sum()} people filled all {cap} places; nothing can be seen of how "
            "many ties there are beyond. Ask again with more places."
        )
    if group is None:
        codes, names = np.zeros(net.n_people, dtype=np.int64), pd.Index([])
    else:
        codes, names = net.codes(group)
        codes = codes.astype(np.int64)
    k = max(len(names), 1)
    live = answered[reporter] & (codes[named] >= 0) & (codes[reporter] >= 0)
    cells = np.zeros((net.n_people, k))
    np.add.at(cells, (reporter[live], codes[named[live]]), 1.0)
    total = cells.sum(axis=1, keepdims=True)
    beyond = np.divide(cells, total, out=np.zeros_like(cells), where=total > 0)
    if unnamed == "like last" and group is not None:
        beyond = _last(net, cap, slot, full, codes, k)
    return _Reports(
        cap, given[answered], cells[answered], beyond[answered], codes[answered], names, net.n_people - 1
    )


def _last(
    net: PeerNetwork, cap: int, slot: str | None, full: NDArray[np.bool_], codes: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    """Return where the last places of people who filled all go, by group of the person."""
    ties = net.ties
    place = pd.to_numeric(column(ties, slot or "slot", "ties"), errors="coerce").to_numpy()
    ends = {end: net.ids.get_indexer(pd.Index(ties[end])) for end in ("teacher", "learner")}
    reporter = ends[str(net.respondent_is)]
    named = ends["teacher" if net.respondent_is == "learner" else "learner"]
    # The last third of the places, at least one: a single place is seldom filled often enough in a small unit.
    late = full[reporter] & (place > cap - max(1, cap // 3)) & (codes[reporter] >= 0) & (codes[named] >= 0)
    counts = np.zeros((k, k))
    np.add.at(counts, (codes[reporter[late]], codes[named[late]]), 1.0)
    if not counts.sum():
        raise DataError(
            f"correct_cap: nobody who filled all {cap} places has a tie with a late place in {slot or 'slot'}."
        )
    # Small units lean on the whole: as many last names again as five people would give, in or out as everywhere.
    inside = float(np.trace(counts) / counts.sum())
    size = np.bincount(codes[codes >= 0], minlength=k).astype(np.float64)
    outside = np.tile(size, (k, 1))
    np.fill_diagonal(outside, 0.0)
    prior = (1 - inside) * outside / np.maximum(outside.sum(axis=1, keepdims=True), 1)
    prior[np.diag_indices(k)] = inside
    rows = counts + 5 * prior
    rows = rows / rows.sum(axis=1, keepdims=True)
    out: NDArray[np.float64] = np.where((codes >= 0)[:, None], rows[np.maximum(codes, 0)], 0.0)
    return out


@dataclass(frozen=True)
class _Fit:
    """A fitted law of numbers of ties: mean, mean at the cap or beyond, cell probabilities, loss."""

    mean: float
    beyond: float
    probabilities: NDArray[np.float64]
    loss: float


def _law(family: str, x: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """Return the chances of 0 .. top ties; ``x`` are the family's parameters, free to take any value."""
    from scipy.special import gammaln

    d = np.arange(top + 1, dtype=np.float64)
    if family == "com-poisson":
        log = d * x[0] - np.exp(x[1]) * gammaln(d + 1)
    elif family == "poisson":
        log = d * x[0] - gammaln(d + 1)
    else:
        size = np.exp(x[1])
        log = gammaln(size + d) - gammaln(d + 1) + d * (x[0] - np.logaddexp(x[0], x[1]))
    out = np.exp(log - log.max())
    law: NDArray[np.float64] = out / out.sum()
    return law


def _fit(histogram: NDArray[np.float64], cap: int, most: int, family: str) -> _Fit:
    """Fit the censored law to a histogram of names given, the last cell the cap or more."""
    from scipy.optimize import minimize

    n = histogram.sum()
    named = float(histogram @ np.arange(cap + 1) / n)
    # Nobody can have more ties than there are others; beyond some hundreds the laws have nothing left.
    top = int(min(most, max(200, 20 * cap)))
    if named == 0:
        return _Fit(0.0, float("nan"), np.concatenate([np.ones(1), np.zeros(cap)]), 0.0)

    def loss(x: NDArray[np.float64]) -> float:
        p = _law(family, x, top)
        cells = np.append(p[:cap], p[cap:].sum())
        return float(-(histogram @ np.log(np.maximum(cells, 1e-300))) / n)

    starts = {"poisson": [np.log(named)], "com-poisson": [np.log(named), 0.0]}.get(
        family, [np.log(named), 2.0]
    )
    found = minimize(
        loss, starts, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-11, "maxiter": 1000}
    )
    p = _law(family, found.x, top)
    d = np.arange(top + 1)
    rest = float(p[cap:].sum())
    beyond = float(d[cap:] @ p[cap:]) / max(rest, 1e-300)
    return _Fit(float(d @ p), max(beyond, float(cap)), np.append(p[:cap], rest), float(found.fun))


def _quantities(data: _Reports, weight: NDArray[np.float64], fit: _Fit) -> NDArray[np.float64]:
    """Return mean, E-I and shares row by row with people counting ``weight`` times, at a given fit.

    Shape (n_quantities, 4): named, value, bound_low, bound_high.
    """
    named = float(weight @ data.given / weight.sum())
    full = data.given == data.cap
    highest = float(weight @ np.where(full, data.most, data.given) / weight.sum())
    rows = [[named, fit.mean, named, highest]]
    k = len(data.names)
    if k:
        extra = np.where(full, fit.beyond - data.cap, 0.0) if full.any() else np.zeros(len(full))
        # Names outside the known groups share the unnamed ties in proportion.
        extra = extra * data.cells.sum(axis=1) / np.maximum(data.given, 1)
        table, more, unnamed = np.zeros((k, k)), np.zeros((k, k)), np.zeros(k)
        known = data.mine >= 0
        np.add.at(table, data.mine[known], weight[known, None] * data.cells[known])
        np.add.at(more, data.mine[known], (weight * extra)[known, None] * data.beyond[known])
        np.add.at(unnamed, data.mine[known], (weight * extra)[known])
        rows.append(_ei_row(table, more, unnamed))
        rows += [_share_row(table, more, unnamed, a, b) for a in range(k) for b in range(k)]
    return np.array(rows, dtype=np.float64)


def _divide(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")


def _ei_row(
    table: NDArray[np.float64], more: NDArray[np.float64], unnamed: NDArray[np.float64]
) -> list[float]:
    """Return E-I as named, corrected, and with all unnamed ties inside or outside."""
    total, inside, extra = float(table.sum()), float(np.trace(table)), float(unnamed.sum())
    whole = table + more
    return [
        _divide(total - 2 * inside, total),
        _divide(float(whole.sum()) - 2 * float(np.trace(whole)), float(whole.sum())),
        _divide(total - 2 * inside - extra, total + extra),
        _divide(total - 2 * inside + extra, total + extra),
    ]


def _share_row(
    table: NDArray[np.float64], more: NDArray[np.float64], unnamed: NDArray[np.float64], a: int, b: int
) -> list[float]:
    """Return the share of one unit's ties that go to another."""
    total, whole = float(table[a].sum()), table[a] + more[a]
    return [
        _divide(float(table[a, b]), total),
        _divide(float(whole[b]), float(whole.sum())),
        _divide(float(table[a, b]), total + float(unnamed[a])),
        _divide(float(table[a, b]) + float(unnamed[a]), total + float(unnamed[a])),
    ]


def _jackknife(data: _Reports, whole: NDArray[np.float64], family: str, level: float) -> list[dict[str, Any]]:
    """Return the rows of the table, with intervals from leaving out each person (or group of people) in turn."""
    from scipy.special import stdtrit

    n = len(data.given)
    groups = np.arange(n) % min(n, _GROUPS)
    n_groups = int(groups.max()) + 1
    left, fits = np.empty((n_groups, len(whole))), {}
    for g in range(n_groups):
        weight = np.where(groups == g, 0.0, 1.0)
        histogram = np.bincount(data.given, weight, data.cap + 1).astype(np.float64)
        # The fit knows people by their number of names only: one for each number, not for each person.
        key = tuple(histogram)
        if key not in fits:
            fits[key] = _fit(histogram, data.cap, data.most, family)
        left[g] = _quantities(data, weight, fits[key])[:, 1]
    reach = float(stdtrit(n_groups - 1, (1 + level) / 2))
    names = [("mean ties", "all", "all")]
    if len(data.names):
        names += [("E-I index", "all", "all"), *(("share", a, b) for a in data.names for b in data.names)]
    rows = []
    for q, (quantity, unit, target) in enumerate(names):
        named, value, bound_low, bound_high = whole[q]
        low, high, error = _interval(quantity, value, left[:, q], n_groups, reach)
        rows.append(
            {
                "quantity": quantity, "unit": str(unit), "to": str(target), "named": named, "value": value, "low": low,
                "high": high, "std_error": error, "bound_low": bound_low, "bound_high": bound_high,
            }
        )  # fmt: skip
    return rows


def _interval(
    quantity: str, value: float, left: NDArray[np.float64], n: int, reach: float
) -> tuple[float, float, float]:
    """Return an interval on the scale on which the quantity is free: logarithm or log odds."""
    lowest, highest = {"mean ties": (0.0, np.inf), "E-I index": (-1.0, 1.0)}.get(quantity, (0.0, 1.0))
    if not lowest < value < highest:
        return float("nan"), float("nan"), float("nan")

    def free(x: Any) -> Any:
        up = np.log(np.maximum(x - lowest, 1e-12))
        return up if np.isinf(highest) else up - np.log(np.maximum(highest - x, 1e-12))

    left = left[np.isfinite(left)]
    if ((left <= lowest) | (left >= highest)).any():
        # A handful of ties, one of whose owners carries them all: nothing to be had on a logarithm.
        error = float(np.sqrt((n - 1) / n * np.sum((left - left.mean()) ** 2)))
        return max(value - reach * error, lowest), min(value + reach * error, highest), error
    moved = free(left)
    spread = float(np.sqrt((n - 1) / n * np.sum((moved - moved.mean()) ** 2)))
    slope = (
        (value - lowest) if np.isinf(highest) else (value - lowest) * (highest - value) / (highest - lowest)
    )
    centre = float(free(np.array(value)))
    ends = []
    for side in (-reach * spread, reach * spread):
        x = centre + side
        ends.append(
            float(np.exp(x)) if np.isinf(highest) else float(lowest + (highest - lowest) / (1 + np.exp(-x)))
        )
    return ends[0], ends[1], spread * float(slope)
