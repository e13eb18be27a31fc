"""Every claim that the data can carry, tested once, corrected within families, with a verdict from the closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import number
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.claims import _tests
from peernet.claims._claims import CLAIMS, Claim
from peernet.claims._eighty import says_share
from peernet.claims._facts import Facts, facts_of, records_of
from peernet.claims._register import resolved
from peernet.claims._tests import Finding
from peernet.errors import DataError, FitError
from peernet.hypotheses._guards import FEW_ANSWERS, as_share, settled
from peernet.hypotheses.power import needed_shift
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

    References
    ----------
    .. [1] Holm, S. (1979). A simple sequentially rejective multiple test procedure. *Scandinavian J. Statistics*
    6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
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
    """

    table: pd.DataFrame
    level: float = 0.95

    def summary(self) -> str:
        """Count verdicts, then one line a test."""
        counts = self.table["verdict"].value_counts()
        text = [", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + "."]
        for row in self.table.to_dict("records"):
            if np.isnan(row["value"]):
                text.append(f"{row['claim']} ({row['wording']}): {row['verdict']}, because {row['why']}")
                continue
            span = f"[{format_number(row['low'])}, {format_number(row['high'])}]"
            p = "" if np.isnan(row["p_holm"]) else f", {format_p(row['p_holm'])} after Holm"
            text.append(
                f"{row['claim']} ({row['quantity']}): {format_number(row['value'])} {span} "
                f"{row['unit']}{p}: {row['verdict']}."
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
            The area to divide; tall ones read best (10 x 9 inches).
        """
        from peernet.claims._pictures import plot_scorecard

        return plot_scorecard(self, ax=ax)


class _Job:
    """One test of one claim: what is measured, what is claimed, and how to get it."""

    def __init__(self, claim: str, quantity: str, claimed: float, run: Callable[[], Finding]) -> None:
        """Keep what is needed to run the test."""
        self.claim, self.quantity, self.claimed, self.run = claim, quantity, claimed, run


def _jobs(records: Any, level: float, span: tuple[Any, Any] | None, rng: np.random.Generator) -> list[_Job]:
    """List the tests that exist."""
    jobs = [
        _Job("H2", "gain of those who expected to teach", 0.0, lambda: _tests.teaching(records, True, level)),
        _Job(
            "H2", "gain of those who helped when asked", 0.0, lambda: _tests.teaching(records, False, level)
        ),
        _Job("H3", "usefulness by trust", 0.0, lambda: _tests.trust_useful(records, level)),
        _Job("H3", "trust by likeness", 0.0, lambda: _tests.trusted_like(records, level)),
        _Job(
            "H4", "usefulness of peers less managers", 0.0, lambda: _tests.peers_or_managers(records, level)
        ),
        _Job("H5", "asking by safety", 0.0, lambda: _tests.safety_asking(records, level)),
        _Job("H8", "finishing self-chosen less assigned courses", 0.0, lambda: _tests.choice(records, level)),
        _Job("H12", "formal x informal learning", 0.0, lambda: _tests.formal_informal(records, level)),
    ]
    if span is not None:
        jobs.append(
            _Job("H15", "extra rate per informed teacher", 0.0, lambda: _spread(records, span, level, rng))
        )
    return jobs


def _spread(records: Any, span: tuple[Any, Any], level: float, rng: np.random.Generator) -> Finding:
    """Strength of teaching in the spread of the self-chosen item with most adoptions."""
    from peernet.claims._eighty import diffusion_methods, free_items, learning_network

    adopted, items = free_items(records, span[0])
    if not items:
        raise DataError("no item was taken up by 20 or more people who chose it themselves.")
    fit = diffusion_methods().fit_nbda(
        learning_network(records, None),
        adopted[adopted["item"] == items[0]],
        start=pd.Timestamp(span[0], tz="UTC"),
        end=pd.Timestamp(span[1], tz="UTC"),
        assigned="exclude",
        level=level,
        rng=rng,
    )
    row = fit.params.iloc[0]
    return Finding(
        float(row["estimate"]),
        float(row["low"]),
        float(row["high"]),
        float(row["p_value"]),
        fit.n,
        f"times the rate of learning alone ({items[0]})",
        "order of adoption (NBDA); likeness gives the same picture",
    )


def _shares(records: Any, claim: float, level: float) -> list[dict[str, Any]]:
    """Rows of the first claim: two readings of the mean, and most people at or above it."""
    share = says_share(records, claim, "learning_share", None, level)
    rows = []
    for name in ("strict", "wide"):
        if name not in share.counted:
            continue
        row = share.row(reading=name)
        rows.append(
            _row(
                "H1",
                f"mean share of learning ({name})",
                claim,
                row,
                "share of learning",
                share.n,
                name,
                row["p_value"],
            )
        )
        rows[-1]["verdict"] = settled(row["verdict"], row["worst_case_verdict"])
        rows[-1]["smallest"] = needed_shift(float(row["df"]), level=level) * float(row["std_error"])
    above = share.row("at least claim", "wide")
    most = _row(
        "H1",
        f"people at {100 * claim:.0f} % or more (wide), claimed: most",
        0.5,
        above,
        "share of people",
        share.n,
        "wide",
        np.nan,
    )
    known = np.isfinite(above["outer_high"])
    top, bottom = (above["outer_high"], above["outer_low"]) if known else (above["high"], above["low"])
    # Neither silence nor rounding may be able to change it: many people stand exactly at the claim.
    below = max(top, above["rounding_high"]) < 0.5
    over = min(bottom, above["rounding_low"]) > 0.5
    most["smallest"] = needed_shift(float(above["df"]), level=level) * float(above["std_error"])
    most["how"] = (
        f"wide; before rounding {percent(above['rounding_low'])} to {percent(above['rounding_high'])} of people, "
        f"{percent(above['rounding_even'])} if they rounded up as often as down"
    )
    most["verdict"] = "contradicted" if below else "supported" if over else "inconclusive"
    if share.n < FEW_ANSWERS:
        most["verdict"] = "not answered by these data"
    return [*rows, most]


def _row(
    claim: str, quantity: str, claimed: float, found: Any, unit: str, n: int, how: str, p: float
) -> dict[str, Any]:
    """Build one row from an interval."""
    return {
        "claim": claim,
        "quantity": quantity,
        "claimed": claimed,
        "value": float(found["value"]),
        "low": float(found["low"]),
        "high": float(found["high"]),
        "unit": unit,
        "n": n,
        "p_value": float(p),
        "smallest": float("nan"),
        "how": how,
        "why": "",
        "verdict": "",
    }


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
    """
    rng = as_rng(rng)
    number("level", level, 0, 1, open_low=True, open_high=True)
    as_share("claim", claim)
    if (start is None) != (end is None):
        raise ValueError("evaluate: give both start and end of the span, or neither.")
    records, seed = records_of(source), record(rng)
    facts = facts_of(records)
    rows: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    if not _claim("H1").missing(facts):
        try:
            rows += _shares(records, claim, level)
        except DataError as error:
            refused["H1"] = str(error)
    for job in _jobs(records, level, None if start is None else (start, end), rng):
        if _claim(job.claim).missing(facts):
            continue
        try:
            found = job.run()
        except (DataError, FitError) as error:
            refused.setdefault(job.claim, str(error))
            continue
        rows.append(
            _row(
                job.claim, job.quantity, job.claimed, found._asdict(), found.unit, found.n, found.how, found.p
            )
        )
        rows[-1]["smallest"] = found.smallest
    _correct(rows, level)
    table = pd.DataFrame([*rows, *_unanswered(rows, refused, facts, start is None)])
    keys = [c.key for c in CLAIMS]
    table = table.sort_values("claim", key=lambda s: s.map(keys.index), kind="stable").reset_index(drop=True)
    table.insert(1, "wording", [_claim(k).wording for k in table["claim"]])
    table["would settle"] = [_settles(r, facts) for r in table.to_dict("records")]
    return Scorecard(
        table=table,
        level=level,
        estimand="one quantity a row",
        margin=None,
        would_count_against="see the register, claim by claim",
        assumptions=(
            "people who answered speak for those who did not, except in the bounds of H1",
            "reports, not measurements",
        ),
        provenance=provenance(
            "claims.evaluate",
            options={"claim": claim, "start": str(start), "end": str(end), "level": level},
            rng=seed,
        ),
    )


def _claim(key: str) -> Claim:
    """Return a claim by its key."""
    return next(c for c in CLAIMS if c.key == key)


def _correct(rows: list[dict[str, Any]], level: float) -> None:
    """Add Holm's p-values by family, and the verdicts of claims with a direction."""
    for row in rows:
        row["p_holm"] = np.nan
    for family in {c.family for c in CLAIMS}:
        mine = [r for r in rows if _claim(r["claim"]).family == family]
        for row, p in zip(mine, holm([r["p_value"] for r in mine]), strict=True):
            row["p_holm"] = float(p)
            if not row["verdict"]:
                row["verdict"] = _direction(row["low"], row["high"], float(p), level)


def _unanswered(
    rows: list[dict[str, Any]], refused: dict[str, str], facts: Facts, no_span: bool
) -> list[dict[str, Any]]:
    """Say for every other claim why there is no answer."""
    out = []
    for claim in CLAIMS:
        if any(r["claim"] == claim.key for r in rows):
            continue
        lack = claim.missing(facts)
        verdict = "not answerable" if lack else "not answered by these data"
        method = resolved(claim.function)
        missing = "these are missing: " + "; ".join(n.words for n in lack) + "."
        if lack:
            why = missing if method != "not yet" else f"this package has no method for it yet, and {missing}"
        elif claim.key in refused:
            why = refused[claim.key]
        elif claim.key == "H15" and no_span:
            why = "the span of the adoptions was not said (start=, end=)."
        elif method != "not yet":
            why = f"the data are there, but not in a form that is tested here: use peernet.{method}."
        else:
            verdict, why = "not answerable", "the data are there, but this package has no method for it yet."
        nan = float("nan")
        out.append(
            {
                "claim": claim.key,
                "quantity": claim.estimand,
                "claimed": nan,
                "value": nan,
                "low": nan,
                "high": nan,
                "unit": "",
                "n": 0,
                "p_value": nan,
                "p_holm": nan,
                "smallest": nan,
                "how": "",
                "why": why,
                "verdict": verdict,
            }
        )
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
    lack = "; ".join(n.words for n in claim.missing(facts))
    if resolved(claim.function) == "not yet":
        return f"a method for it; {lack}" if lack else "a method for it"
    return lack or row["why"]
