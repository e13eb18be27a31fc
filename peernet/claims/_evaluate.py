"""Every claim that the data can carry, tested once, corrected within families, with a verdict from the closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.claims._claims import CLAIMS, Claim
from peernet.claims._facts import Facts, facts_of, records_of
from peernet.claims._inputs import at_wave, span_of
from peernet.claims._jobs import accuracy_row, blank_row, jobs, row_of, ruts_row, share_rows
from peernet.claims._register import resolved
from peernet.errors import DataError, FitError
from peernet.hypotheses._guards import as_share
from peernet.hypotheses.shares import percent
from peernet.results import Result, Verdict, format_number, format_p, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Scorecard", "evaluate", "holm"]


def holm(p_values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    r"""p-values corrected for testing several claims at once (Holm).

    Sorted, :math:`\tilde p_{(k)} = \max_{j \le k} \min(1, (m - j + 1) p_{(j)})`.

    Parameters
    ----------
    p_values : array-like
        Raw p-values; NaN are left out of the count and stay NaN.

    Returns
    -------
    numpy.ndarray
        In the order given.

    Raises
    ------
    ValueError
        For what is no p-value.

    References
    ----------
    .. [1] Holm, S. (1979). A simple sequentially rejective multiple test procedure. *Scandinavian J. Statistics*
    6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    try:
        p = np.asarray(p_values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"p_values must be numbers between 0 and 1; got {p_values!r}.") from error
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"p_values must lie between 0 and 1; got {p[(p < 0) | (p > 1)][:3].tolist()}.")
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    running = 0.0
    for rank, k in enumerate(order):
        running = max(running, min(1.0, (len(order) - rank) * p[k]))
        out[k] = running
    return out


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Scorecard(Result):
    """All claims of the register, each on its own scale, with verdict and what would settle it.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per test or unanswered claim: ``claim, wording, quantity, claimed, value, low, high, unit, n, p_value,
        p_holm, verdict, smallest, how, why, would settle``; ``smallest`` is the smallest effect that this test, with
        its own error, would have shown (two-sided, power 80 %, before Holm), in the row's unit; NaN for H15, whose
        error grows with the effect.
    level : float
        Coverage of the intervals; one minus the family-wise error.
    response : dict
        People asked and answered.
    """

    table: pd.DataFrame
    level: float = 0.95
    response: dict[str, int] = field(default_factory=dict)

    def summary(self) -> str:
        """Count verdicts, say who was asked, then one line a test with what its verdict leaves open."""
        counts = self.table["verdict"].value_counts()
        text = [", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + "."]
        if self.response.get("asked"):
            text.append(
                f"{self.response['asked']} people were asked and {self.response['answered']} answered. What follows "
                "are their reports, and traces of what they did, not measurements of learning; n is the people behind "
                "each row."
            )
        several = self.table["claim"].duplicated(keep=False)
        for row, parts in zip(self.table.to_dict("records"), several, strict=True):
            if np.isnan(row["value"]):
                what = row["quantity"] if parts else row["wording"]
                text.append(f"{row['claim']} ({what}): {row['verdict']}, because {row['why']}")
                continue
            p = "" if np.isnan(row["p_holm"]) else f", {format_p(row['p_holm'])} after Holm"
            text.append(
                f"{row['claim']} ({row['quantity']}): {_measured(row)}, n = {row['n']}{p}: "
                f"{row['verdict']}.{_leaves_open(row)}"
            )
        return "\n".join(text)

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each estimate against its claimed value, every row on its own scale, with the verdict beside it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            The area to divide; by default a page of 11 x 9 inches.
        """
        from peernet.claims._pictures import plot_scorecard

        return plot_scorecard(self, ax=ax)


def _measured(row: Mapping[Any, Any]) -> str:
    """Write estimate and interval in the row's unit; shares as percentages, with what was claimed."""
    unit = str(row["unit"])
    if not unit.startswith("share of"):
        return f"{format_number(row['value'])} [{format_number(row['low'])}, {format_number(row['high'])}] {unit}"
    value, low, high = (percent(float(row[k])) for k in ("value", "low", "high"))
    claimed = "" if np.isnan(row["claimed"]) else f" against {percent(float(row['claimed']))}"
    return f"{value} [{low}, {high}] of {unit.removeprefix('share of ')}{claimed}"


def _direction(low: float, high: float, p_holm: float, level: float) -> Verdict:
    """A claimed direction: its interval and its corrected p-value have to agree on a side."""
    if p_holm < 1 - level and low > 0:
        return "supported"
    return "contradicted" if p_holm < 1 - level and high < 0 else "inconclusive"


def evaluate(
    source: Any,
    *,
    claim: float = 0.8,
    start: Any = None,
    end: Any = None,
    wave: Any = None,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
) -> Scorecard:
    """Every claim of the register that these data can carry: estimate, interval, corrected test, verdict.

    Claims with a direction are tested against zero with errors clustered by person; p-values are corrected by Holm
    within
    the families of the register. A claim is supported only by a corrected rejection on its own side, contradicted by
    one on the other side; all else is inconclusive, and never support. Claims without data or without a method in this
    package are "not answerable", with the reason.

    Parameters
    ----------
    source : Study or Records
        What was read.
    claim : float
        The claimed social share of learning, in (0, 1).
    start, end : time, optional
        Span of the adoptions, [start, end); never guessed. Without them diffusion is left out.
    wave : str, optional
        Survey wave that all questions and names are taken from; needed where there are several.
    level : float
        Coverage of the intervals; one minus the error allowed per family.
    rng : Generator, seed or None
        For the starting points of the diffusion fit.

    Returns
    -------
    Scorecard
        One row a test, and one for every claim without one.

    Raises
    ------
    TypeError
        For a source that is neither a study nor records.
    DataError
        When several waves were held and none is named.
    ValueError
        For half a span, one that ends before it starts, and a wave that does not exist.
    """
    rng = as_rng(rng)
    number("level", level, 0, 1, open_low=True, open_high=True)
    as_share("claim", claim)
    span = span_of("evaluate", start, end)
    whole, seed = records_of(source), record(rng)
    records = at_wave(whole, wave, "evaluate")
    # Waves are counted over all of them, everything else in the one that is asked.
    facts, every = facts_of(records), facts_of(whole)
    facts |= {"waves": every["waves"], "dated": max(facts["traces"], float(every["waves"] > 1))}
    rows: list[dict[str, Any]] = []
    own: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "H1": lambda: share_rows(records, claim, level),
        "ACC": lambda: [accuracy_row(records, level)],
        "RUT": lambda: [ruts_row(whole, level, rng)],
    }
    for key, run in own.items():
        if not _claim(key).missing(facts):
            try:
                rows += run()
            except (DataError, FitError) as error:
                rows.append(blank_row(key, _claim(key).estimand, str(error)))
    for job in jobs(records, level, span, rng):
        if _claim(job.claim).missing(facts):
            continue
        try:
            found = job.run()
        except (DataError, FitError) as error:
            rows.append(blank_row(job.claim, job.quantity, str(error)))
            continue
        rows.append(
            row_of(
                job.claim, job.quantity, job.claimed, found._asdict(), found.unit, found.n, found.how, found.p
            )
        )
        rows[-1]["smallest"] = found.smallest
    _correct(rows, level)
    table = pd.DataFrame([*rows, *_unanswered(rows, facts, span is None)])
    keys = [c.key for c in CLAIMS]
    table = table.sort_values("claim", key=lambda s: s.map(keys.index), kind="stable").reset_index(drop=True)
    table.insert(1, "wording", [_claim(k).wording for k in table["claim"]])
    table["would settle"] = [_settles(r, facts) for r in table.to_dict("records")]
    return Scorecard(
        table=table,
        level=level,
        response={k: int(facts[k]) for k in ("asked", "answered")},
        estimand="one quantity a row",
        margin=None,
        would_count_against="see the register, claim by claim",
        assumptions=(
            "people who answered speak for those who did not, except in the bounds of H1",
            "reports, not measurements",
        ),
        provenance=provenance(
            "claims.evaluate",
            options={"claim": claim, "start": str(start), "end": str(end), "wave": wave, "level": level},
            rng=seed,
        ),
    )


def _leaves_open(row: Mapping[Any, Any]) -> str:
    """Say what a verdict does not contradict and does not show."""
    if row["why"]:
        return f" {str(row['why'])[:1].upper()}{str(row['why'])[1:]}"
    if row["verdict"] == "inconclusive":
        if row["claim"] == "H1":
            return " Silence and rounding leave both sides open."
        known = np.isfinite(row["smallest"])
        missed = (
            f": less than {format_number(row['smallest'], 2)} would probably have been missed"
            if known
            else ""
        )
        return f" Neither shown nor ruled out{missed}."
    if row["verdict"] == "contradicted" and row["claim"] == "H1":
        return " Not contradicted: that other people are the largest source, or that some people learn that much so."
    if row["verdict"] == "supported":
        return " Not shown: that one is the cause of the other, or that it holds elsewhere."
    return ""


def _claim(key: str) -> Claim:
    """Return a claim by its key."""
    return next(c for c in CLAIMS if c.key == key)


def _correct(rows: list[dict[str, Any]], level: float) -> None:
    """Add Holm's p-values by family, and the verdicts of claims with a direction."""
    for row in rows:
        row["p_holm"] = np.nan
    # A test that could not be done has no p-value and cannot reject: it does not count.
    for family in {c.family for c in CLAIMS}:
        mine = [r for r in rows if _claim(r["claim"]).family == family]
        for row, p in zip(mine, holm([r["p_value"] for r in mine]), strict=True):
            row["p_holm"] = float(p)
            if not row["verdict"]:
                row["verdict"] = _direction(row["low"], row["high"], float(p), level)


def _unanswered(rows: list[dict[str, Any]], facts: Facts, no_span: bool) -> list[dict[str, Any]]:
    """Say for every other claim why there is no answer."""
    out = []
    for claim in CLAIMS:
        if any(r["claim"] == claim.key for r in rows):
            continue
        lack = claim.missing(facts)
        verdict = "not answerable" if lack else "not answered by these data"
        method = resolved(claim.function)
        few = any(facts.get(n.key, 0) > 0 for n in lack)
        missing = (
            f"these are missing{' or too few' if few else ''}: "
            + "; ".join(n.lacking(facts) for n in lack)
            + "."
        )
        if lack:
            why = missing if method != "not yet" else f"this package has no method for it yet, and {missing}"
        elif claim.key == "H15" and no_span:
            why = "the span of the adoptions was not said (start=, end=)."
        elif method != "not yet":
            why = f"the data are there, but not in a form that is tested here: use peernet.{method}."
        else:
            verdict, why = "not answerable", "the data are there, but this package has no method for it yet."
        out.append(blank_row(claim.key, claim.estimand, why, verdict))
    return out


def _settles(row: Mapping[Any, Any], facts: Facts) -> str:
    """Say what would settle an open claim."""
    claim = _claim(row["claim"])
    if row["verdict"] in ("supported", "contradicted"):
        return "a second study, agreed on beforehand"
    if row["verdict"] == "inconclusive":
        if row["claim"] == "H1":
            return "answers of the people who are silent"
        if not np.isfinite(row["smallest"]):
            return "more people"
        return (
            f"more people (these {row['n']} show {format_number(row['smallest'], 2)} {row['unit']} or more)"
        )
    lack = "; ".join(n.lacking(facts) for n in claim.missing(facts))
    if resolved(claim.function) == "not yet":
        return f"a method for it; {lack}" if lack else "a method for it"
    return lack or row["why"]
