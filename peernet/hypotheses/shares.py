"""Is 80 % of learning social? The share that people report, with everything that is uncertain about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet._tables import as_ids
from peernet.errors import DataError
from peernet.hypotheses._composition import (
    READINGS,
    BadSums,
    Composition,
    close_shares,
    declared_sources,
    read_sources,
    reading_values,
    rounding_grid,
    rounding_range,
)
from peernet.hypotheses._estimation import Sampled, Target, quantity_row, rounding_row, unit_table
from peernet.hypotheses._guards import FEW_ANSWERS, as_share, settled, warn_few
from peernet.hypotheses._inexact import exact_ends, inexact_slack, judge
from peernet.hypotheses._roster import NotAsked, first_answer, from_records, make_roster, question_text
from peernet.results import Estimate, format_number, format_p, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ShareEstimate", "percent", "social_share"]


def percent(share: float, digits: int = 0) -> str:
    """Write a share as a percentage; missing as ``n/a``."""
    return "n/a" if np.isnan(share) else f"{100 * share:.{digits}f} %"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ShareEstimate(Estimate):
    """The share of learning that people call social, read in declared ways.

    ``value, low, high`` are the mean of the chosen reading, in [0, 1].

    Attributes
    ----------
    reading : str
        The reading that ``value`` belongs to.
    claim : float
        The claimed share, in [0, 1].
    ceiling : float
        The largest mean that the roster could have: every silent person at 100 % (NaN without a roster).
    readings : pandas.DataFrame
        One row per reading and quantity (``mean``, ``at least claim``): ``value, low, high, std_error, df, n,
        p_value`` (mean = claim, two-sided); ``bound_low, bound_high`` (worst cases for silent people, with
        ``bound_low_error, bound_high_error``), ``outer_low, outer_high`` (Imbens-Manski interval), ``breakdown`` (mean
        that silent people would need); ``verdict`` (if silent people are like those of their unit who answered),
        ``worst_case_verdict`` (whatever they would say; the result's own ``verdict`` is contradicted only if both are);
        ``rounding_low, rounding_high`` (least and most before people rounded), ``rounding_even`` (if they rounded up as
        often as down), ``all_low, all_high`` (with rounding, silence and sampling all at their worst); ``whole_low,
        whole_high`` (the interval with what rounding and closed sums leave open; both verdicts rest on it).
    units : pandas.DataFrame
        One row per unit: ``people, asked, answered, response``, and ``value, low, high, at_least`` of the chosen
        reading where ``shown`` (enough answers).
    response : dict
        People, asked, answered, silent, not asked, objected.
    sums : dict
        Answers that were exact, rescaled, dropped, incomplete.
    counted : dict
        Per reading, the sources that count as social.
    asked_as : str
        The question as people read it, where a codebook has it.
    people : pandas.DataFrame
        People who answered x readings, in [0, 1]; for the analyst, never printed.
    rounding : pandas.DataFrame
        Least and most that each person's share can have been before rounding: columns (reading, ``least`` or ``most``);
        for the analyst, never printed.
    strata : pandas.DataFrame
        Per person on the roster: ``stratum``, ``answered``, ``asked``.
    exact : pandas.DataFrame
        Per reading and end (``low``, ``high``): the mean with rounding and closed sums at their worst (``value,
        std_error, df``), and the same with silent people at their worst (``bound, bound_error``).
    """

    reading: str
    claim: float = 0.8
    ceiling: float = float("nan")
    readings: pd.DataFrame = field(default_factory=pd.DataFrame)
    units: pd.DataFrame = field(default_factory=pd.DataFrame)
    response: dict[str, int] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    counted: dict[str, list[Any]] = field(default_factory=dict)
    asked_as: str = ""
    people: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    rounding: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    strata: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    exact: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def row(
        self, quantity: Literal["mean", "at least claim"] = "mean", reading: str | None = None
    ) -> pd.Series[Any]:
        """Return one row of ``readings``.

        Parameters
        ----------
        quantity : {"mean", "at least claim"}
            Mean share, or share of people at or above the claim.
        reading : str, optional
            The chosen reading by default.

        Returns
        -------
        pandas.Series
            Columns of ``readings``.
        """
        literal("quantity", quantity, ("mean", "at least claim"))
        name = self.reading if reading is None else reading
        literal("reading", name, list(self.counted))
        table = self.readings
        return table[(table["reading"] == name) & (table["quantity"] == quantity)].iloc[0]

    def summary(self) -> str:
        """State the mean, who answered, the claim, the people at or above it, and what silence could hide."""
        mean, above, claim = self.row(), self.row("at least claim"), percent(self.claim)
        asked, answered = self.response.get("asked", self.n), self.response["answered"]
        known = "asked" in self.response
        who = f"{answered} of {asked} people asked gave shares" if known else f"{self.n} people answered"
        span = f"{percent(mean['low'])} to {percent(mean['high'])}"
        start = f"Asked '{self.asked_as}', people" if self.asked_as else "People"
        text = [
            f"{start} say that {percent(self.value)} of their learning is social ({self.reading} reading: "
            f"{', '.join(map(str, self.counted[self.reading]))}; {self.level:.0%} interval {span}, for "
            f"sampling alone: it takes those who did not answer to be like those who did, and answers to measure "
            f"learning); {who}.",
            self._claim_sentence(mean),
            f"{percent(above['value'])} of people ({percent(above['low'])} to {percent(above['high'])}) put it at "
            f"{claim} or more: another quantity than the mean.",
        ]
        if above["rounding_high"] > above["rounding_low"]:
            text.append(self._rounding_sentence(mean, above))
        if sum(self.response.get(k, 0) for k in ("silent", "unusable", "objected")):
            text.append(self._silence_sentence(mean))
        left_out = self.sums["dropped_sums"] + self.sums["incomplete"]
        if left_out:
            text.append(f"{left_out} answers were left out because their parts make no whole.")
        for other in (name for name in self.counted if name != self.reading):
            row = self.row(reading=other)
            text.append(
                f"Read as {other} ({', '.join(map(str, self.counted[other]))}) it is {percent(row['value'])} "
                f"({percent(row['low'])} to {percent(row['high'])})."
            )
        return "\n".join(text)

    def _claim_sentence(self, mean: pd.Series[Any]) -> str:
        """Say what the interval does and does not contradict."""
        claim = percent(self.claim)
        if self.n < FEW_ANSWERS:
            return f"{self.n} answers are fewer than {FEW_ANSWERS}: the interval only indicates; nothing is decided."
        if mean["low"] - 1e-12 <= self.claim <= mean["high"] + 1e-12:
            return f"A mean of {claim} lies inside this interval: not contradicted, which is not support."
        p = "" if np.isnan(mean["p_value"]) else f" ({format_p(mean['p_value'])})"
        start = f"A mean of {claim} lies outside this interval{p}"
        if self.verdict == "contradicted":
            return f"{start}: contradicted for this roster and this reading."
        if mean["verdict"] == "contradicted":
            return f"{start}, but silent people could bring it there: inconclusive."
        return f"{start}, but round numbers and odd sums alone could bring it there: inconclusive."

    def _rounding_sentence(self, mean: pd.Series[Any], above: pd.Series[Any]) -> str:
        """Say what people's own rounding could have moved."""
        return (
            f"People answer in round numbers, and {percent(self.claim)} is one: before rounding, "
            f"{percent(above['rounding_low'])} to {percent(above['rounding_high'])} of them could have been at or "
            f"above it ({percent(above['rounding_even'])} if they rounded up as often as down), and the mean "
            f"{percent(mean['rounding_low'])} to {percent(mean['rounding_high'])}, had all of them rounded one way. "
            f"The intervals do not hold this; verdicts on the mean use {percent(mean['whole_low'])} to "
            f"{percent(mean['whole_high'])}, the interval with what round numbers and odd sums leave open."
        )

    def _silence_sentence(self, mean: pd.Series[Any]) -> str:
        """Say what the silent people could have changed."""
        silent, objected = self.response["silent"], self.response.get("objected", 0)
        unusable = self.response.get("unusable", 0)
        more = [f"{unusable} gave shares that cannot be used"] if unusable else []
        more += [f"{objected} objected"] if objected else []
        who = (
            " and ".join([f"{silent} people are silent", *more])
            if len(more) < 2
            else (f"{silent} people are silent, {more[0]} and {more[1]}")
        )
        low, high = percent(mean["bound_low"]), percent(mean["bound_high"])
        start = f"{who}; whatever they would say, the mean is {low} to {high}"
        need = mean["breakdown"]
        if 0 <= need <= 1:
            return f"{start}; to reach {percent(self.claim)} they would have to average {percent(need)}."
        return f"{start}; no answers of theirs would make it {percent(self.claim)}."

    def to_frame(self) -> pd.DataFrame:
        """Return the table of readings."""
        return self.readings.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the 80 ladder.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses._pictures import plot_ladder

        return plot_ladder(self, ax=ax)


def social_share(
    shares: Any,
    *,
    sources: Mapping[Any, str] | None = None,
    reading: str = "wide",
    readings: Mapping[str, Sequence[str]] | None = None,
    people: pd.DataFrame | pd.Series | None = None,
    unit: str | None = "unit",
    respondents: Any = None,
    claim: float = 0.8,
    target: Target = "roster",
    not_asked: NotAsked = "outside",
    total: float = 100.0,
    tolerance: float = 10.0,
    bad_sums: BadSums = "error",
    question: str = "learning_share",
    wave: Any = None,
    min_group: int = 8,
    level: float = 0.95,
) -> ShareEstimate:
    r"""Share of learning that people call social, against a claimed share.

    Each person divides learning over sources; sources are of declared kinds, and a reading says which kinds count:
    *strict* = social (peers); *wide* = social + manager + outside (people elsewhere) + search (of what peers wrote).
    With units h as strata of
    :math:`N_h` people, of whom :math:`n_h` answered, the mean of the roster is estimated by
    :math:`m = \sum_h N_h \bar x_h / N`, :math:`V = \sum_h (N_h / N)^2 (1 - n_h / N_h) s_h^2 / n_h`: a unit that
    was asked is a stratum, not a sampled cluster. Silent people are then taken at their worst: all at 0, all
    at 100 %. The share of people at or above the claim is another quantity and has its own interval (Wilson with the
    effective number of answers). ``low, high`` are for sampling alone; verdicts use a wider interval, which leaves open
    what round numbers (up to a quarter of a grid for each source with zero) and sums off the whole (all of the gap on
    one side) can do to the mean.

    Parameters
    ----------
    shares : DataFrame or Records
        People (index) x sources, percentages that sum to ``total``; blank beside a full sum is zero, all blank is no
        answer. Of Records the answers to ``question`` are taken, and people and respondents unless given.
    sources : mapping, optional
        Source -> kind: ``social, manager, outside, search, formal, solo``; by default by codebook or plain names
        (peers, manager, courses ...).
    reading : str
        The reading that the answer is about; all are in ``readings``.
    readings : mapping, optional
        Reading -> kinds that count. By default strict and wide.
    people : DataFrame or Series, optional
        The roster: everybody whose learning the answer is about. Without it nothing is said about silent people and
        no finite population is assumed.
    unit : str or None
        Column of ``people`` whose values are the strata; None = one stratum. Units with fewer than two answers are
        pooled.
    respondents : DataFrame, Series or mapping, optional
        Status by person: answered, silent, not_asked, objected. By default everybody without shares is silent. People
        who objected count as heads of whom nothing is known, and appear nowhere by name.
    claim : float
        The claimed share, in (0, 1).
    not_asked : {"outside", "sampled"}
        People not asked are outside the population (leavers, newcomers), or belong to it because a random part of
        every unit was asked.
    target : {"roster", "superpopulation"}
        The mean of these people (finite population correction), or of the process that made them (none).
    total, tolerance : float
        What a full answer sums to, and how far off it may be before it is no composition.
    bad_sums : {"error", "drop", "rescale"}
        What to do with answers further off.
    question, wave
        Of Records: the question and the wave.
    min_group : int
        Smallest number of answers for which a unit's mean is shown.
    level : float
        Coverage of the intervals.

    Returns
    -------
    ShareEstimate
        Shares in [0, 1]. ``ceiling`` and bounds are NaN without a roster; intervals are points when everybody
        answered.

    Raises
    ------
    DataError
        For sources without a kind, answers that are no composition, people who are not on the roster.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 answers: nothing is decided then.

    References
    ----------
    .. [1] Lumley, T. (2010). *Complex Surveys*. Wiley. doi:10.1002/9780470580066
    .. [2] Manski, C. F. (1989). Anatomy of the selection problem. *J. Human Resources* 24, 343-360. doi:10.2307/145818

    Examples
    --------
    >>> import pandas as pd
    >>> said = pd.DataFrame({"peers": [50, 70] * 15, "manager": 10, "courses": [40, 20] * 15})
    >>> round(social_share(said).value, 2)
    0.7
    """
    options = {
        "sources": sources, "reading": reading, "readings": readings, "claim": claim, "target": target, "total": total,
        "tolerance": tolerance, "bad_sums": bad_sums, "level": level, "min_group": min_group, "unit": unit,
        "question": question, "wave": wave, "not_asked": not_asked,
    }  # fmt: skip
    meaning, first, asked_as = _meaning(options), "", ""
    if isinstance(shares, pd.Series) or not (isinstance(shares, pd.DataFrame) or hasattr(shares, "answers")):
        raise DataError(
            f"shares must be a table, people x sources in percent, or the records of a study; got "
            f"{type(shares).__name__}. One column is no composition: give every source."
        )
    if not isinstance(shares, pd.DataFrame):
        questions = getattr(shares, "questions", None)
        shares, found, roster_people = from_records(shares, question, wave)
        sources = declared_sources(questions, question, list(shares.columns)) if sources is None else sources
        first, asked_as = first_answer(found), question_text(questions, question)
        respondents = found if respondents is None else respondents
        people = roster_people if people is None else people
    shares = shares.set_axis(as_ids(shares.index, "shares"), axis=0)
    options["sources"] = kinds = read_sources(list(shares.columns), sources)
    closed = close_shares(shares, total=total, tolerance=tolerance, bad_sums=bad_sums)
    roster = make_roster(people, unit, respondents, closed.parts.index, not_asked)
    values = reading_values(closed.parts.reindex(roster.ids[roster.answered]), kinds, meaning)
    frame = Sampled(roster, target)
    warn_few("social_share", len(values), so="The verdict is 'not answered by these data'; use the worst-case bounds, "
             "or collect more answers.")  # fmt: skip
    rounding, slack = _rounding(closed, values.index, kinds, meaning, total)
    table, exact = _readings(frame, values, rounding, slack, claim, level)
    used = {
        "answers": roster.counts, "sums": closed.counts, "pooled_units": [str(u) for u in frame.pooled],
        "n_strata": len(frame.answers.n_h), "stratum_sizes": frame.sizes(), "first_answer": first,
    }  # fmt: skip
    chosen = table[(table["reading"] == reading) & (table["quantity"] == "mean")].iloc[0]
    return ShareEstimate(
        name=f"share of learning that is social ({reading} reading)",
        method=f"t with {format_number(float(chosen['df']))} df, people in {len(frame.answers.n_h)} strata",
        value=float(chosen["value"]), low=float(chosen["low"]), high=float(chosen["high"]), level=level,
        std_error=float(chosen["std_error"]), n=len(values), ceiling=float(chosen["bound_high"]),
        reading=reading, claim=claim, readings=table, response=roster.counts, sums=closed.counts, people=values,
        rounding=rounding, asked_as=asked_as,
        units=unit_table(frame, values[reading].to_numpy(), claim, level, min_group),
        counted={r: [c for c, kind in kinds.items() if kind in meaning[r]] for r in meaning},
        strata=frame.table(), exact=exact, estimand=_estimand(target, roster.known),
        verdict=settled(chosen["verdict"], chosen["worst_case_verdict"]),
        would_count_against=f"an interval of the mean that leaves out {percent(claim)}",
        assumptions=_assumptions(roster.known),
        provenance=provenance("hypotheses.social_share", options=options, used=used),
    )  # fmt: skip


def _meaning(options: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Check the options and return what every reading counts."""
    literal("target", options["target"], ("roster", "superpopulation"))
    literal("not_asked", options["not_asked"], ("outside", "sampled"))
    as_share("claim", options["claim"])
    number("level", options["level"], 0, 1, open_low=True, open_high=True)
    count("min_group", options["min_group"])
    readings = options["readings"] or READINGS
    meaning = {k: tuple(v) if not isinstance(v, str) else (v,) for k, v in readings.items()}
    literal("reading", options["reading"], list(meaning))
    return meaning


def _rounding(
    closed: Composition,
    ids: pd.Index[Any],
    kinds: Mapping[Any, str],
    meaning: Mapping[str, Sequence[str]],
    total: float,
) -> tuple[pd.DataFrame, dict[str, tuple[Any, Any]]]:
    """Return least and most before rounding, people x (reading, end), and how far the mean may be off, by reading."""
    parts = closed.parts.reindex(ids)
    whole = parts.to_numpy()
    grid, given = rounding_grid(whole)
    sums = closed.sums.reindex(ids).to_numpy(dtype=np.float64) / total
    sums = np.where((total == 100) & (sums < 0.02), 100 * sums, sums)  # answers in fractions
    found, slack = {}, {}
    for name, counted in meaning.items():
        social = np.array([kinds[c] in counted for c in parts.columns])
        found[name, "least"], found[name, "most"] = rounding_range(whole, social, grid, given)
        slack[name] = inexact_slack(whole, social, grid, given, sums)
    return pd.DataFrame(found, index=parts.index), slack


def _readings(
    frame: Sampled,
    values: pd.DataFrame,
    rounding: pd.DataFrame,
    slack: Mapping[str, tuple[Any, Any]],
    claim: float,
    level: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate the mean and the share of people at or above the claim, under every reading; and the means' far ends."""
    rows: list[dict[str, Any]] = []
    far: dict[tuple[str, str], dict[str, float]] = {}
    for name in values.columns:
        x = values[name].to_numpy()
        least, most = (rounding[name, end].to_numpy() for end in ("least", "most"))
        for quantity, y in (("mean", x), ("at least claim", (x >= claim - 1e-9).astype(np.float64))):
            share = quantity != "mean"
            found = quantity_row(frame, y, share=share, claim=claim, level=level)
            found |= rounding_row(frame, least, most, claim if share else None, level, found)
            if not share:
                ends = exact_ends(frame, x, slack[name], level, found)
                found |= judge(found, ends, claim, level)
                far |= {(name, side): end for side, end in zip(("low", "high"), ends, strict=True)}
            rows.append({"reading": name, "quantity": quantity, **found})
    return pd.DataFrame(rows), pd.DataFrame(far).T.rename_axis(["reading", "end"])


def _estimand(target: Target, known: bool) -> str:
    """Say in words what is estimated."""
    who = "people like those who answered" if not known else "everybody on the roster"
    if known and target == "superpopulation":
        who = "people like those on the roster"
    return f"mean over {who} of the share of their learning that they call social"


def _assumptions(known: bool) -> tuple[str, ...]:
    """Say what the interval needs."""
    silent = (
        "silent people of a unit would answer like those who did (the bounds do without this)"
        if known
        else ""
    )
    return tuple(a for a in ("self-reports, not measured learning", "sources count as declared", silent) if a)
