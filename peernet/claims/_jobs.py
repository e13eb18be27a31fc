"""Rows of the scorecard: which tests exist, and how each claim with a method of its own is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from peernet.claims import _tests
from peernet.claims._inputs import as_numbers, learned_relations, waves_of
from peernet.claims._sides import diffusion_methods, free_items, learning_network, says_share
from peernet.claims._tests import Finding
from peernet.errors import DataError
from peernet.hypotheses._guards import FEW_ANSWERS, settled
from peernet.hypotheses.power import needed_shift
from peernet.hypotheses.shares import percent
from peernet.records import empty_table

__all__ = ["Job", "accuracy_row", "blank_row", "jobs", "row_of", "ruts_row", "share_rows"]

NOT_THESE = "not answered by these data"
Span = tuple[pd.Timestamp, pd.Timestamp]


class Job(NamedTuple):
    """One test of one claim: what is measured, what is claimed, and how to get it."""

    claim: str
    quantity: str
    run: Callable[[], Finding]
    claimed: float = 0.0


def jobs(records: Any, level: float, span: Span | None, rng: np.random.Generator) -> list[Job]:
    """List the tests of a direction."""
    found = [
        Job("H2", "gain of those who expected to teach", lambda: _tests.teaching(records, True, level)),
        Job("H2", "gain of those who helped when asked", lambda: _tests.teaching(records, False, level)),
        Job("H3", "usefulness by trust", lambda: _tests.trust_useful(records, level)),
        Job("H3", "trust by likeness", lambda: _tests.trusted_like(records, level)),
        Job("H4", "usefulness of peers less managers", lambda: _tests.peers_or_managers(records, level)),
        Job("H5", "asking by safety, within units", lambda: _tests.safety_asking(records, level)),
        Job("H5", "asking by safety, between units", lambda: _tests.safety_between(records, level)),
        Job("H8", "finishing self-chosen less assigned courses", lambda: _tests.choice(records, level)),
        Job("H12", "formal x informal learning", lambda: _tests.formal_informal(records, level)),
    ]
    if span is not None:
        found.append(
            Job("H15", "extra rate per informed teacher", lambda: _spread(records, span, level, rng))
        )
    return found


def _spread(records: Any, span: Span, level: float, rng: np.random.Generator) -> Finding:
    """Strength of teaching in the spread of the self-chosen item with most adoptions."""
    adopted, items = free_items(records, span[0])
    if not items:
        raise DataError("no item was taken up by 20 or more people who chose it themselves.")
    fit = diffusion_methods().fit_nbda(
        learning_network(records, None),
        adopted[adopted["item"] == items[0]],
        start=span[0],
        end=span[1],
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


def share_rows(records: Any, claim: float, level: float) -> list[dict[str, Any]]:
    """Rows of the first claim: two readings of the mean, and most people at or above it."""
    share = says_share(records, claim, "learning_share", None, level)
    asked = share.response.get("asked", share.n)
    who = f"{share.n} of {asked} people asked"
    rows = []
    for name in ("strict", "wide"):
        if name not in share.counted:
            continue
        row = share.row(reading=name)
        quantity = f"mean share of learning ({name})"
        sources = ", ".join(map(str, share.counted[name]))
        bounds = f"{percent(row['bound_low'])} to {percent(row['bound_high'])}"
        exact = f"{percent(row['whole_low'])} to {percent(row['whole_high'])}"
        how = (
            f"{who}; {name}: {sources}; with what round numbers and odd sums leave open {exact}; silent people at "
            f"their worst {bounds}"
        )
        rows.append(
            row_of("H1", quantity, claim, row, "share of learning", share.n, how, float(row["p_value"]))
        )
        rows[-1]["verdict"] = settled(row["verdict"], row["worst_case_verdict"])
        rows[-1]["smallest"] = needed_shift(float(row["df"]), level=level) * float(row["std_error"])
    if "wide" in share.counted:
        rows.append(_most(share, claim, level, who))
    return rows


def _most(share: Any, claim: float, level: float, who: str) -> dict[str, Any]:
    """Row of the people at or above the claim; silence, rounding and sampling are taken at their worst together."""
    above = share.row("at least claim", "wide")
    quantity = f"people at {100 * claim:.0f} % or more (wide), claimed: most"
    most = row_of("H1", quantity, 0.5, above, "share of people", share.n, "", np.nan)
    most["smallest"] = needed_shift(float(above["df"]), level=level) * float(above["std_error"])
    most["how"] = (
        f"wide; before rounding {percent(above['rounding_low'])} to {percent(above['rounding_high'])} of people, "
        f"{percent(above['rounding_even'])} if they rounded up as often as down; with silence and sampling at their "
        f"worst too {percent(above['all_low'])} to {percent(above['all_high'])}; {who}"
    )
    below, over = above["all_high"] < 0.5, above["all_low"] > 0.5
    most["verdict"] = "contradicted" if below else "supported" if over else "inconclusive"
    if share.n < FEW_ANSWERS:
        most["verdict"] = NOT_THESE
    return most


def accuracy_row(records: Any, level: float) -> dict[str, Any]:
    """Share of peers' answers judged right, people as clusters; without experts to compare with it decides nothing."""
    from peernet.hypotheses.survey import design_mean

    mine = records.answers[records.answers["question"] == "correct"]
    value = as_numbers(mine, "correct")
    wrong = mine.index[value.notna() & ~value.isin([0.0, 1.0])]
    if len(wrong):
        raise DataError(
            f"question 'correct': {len(wrong)} of {len(mine)} judgements are neither 0 (wrong) nor 1 (right)."
        )
    found = design_mean(value.to_numpy(), clusters=mine["person"].to_numpy(), level=level)
    n = int(mine.loc[value.notna(), "person"].nunique())
    row = row_of(
        "ACC", "share of peers' answers that are right", np.nan, found.to_frame().iloc[0], "share of answers", n,
        f"{int(value.notna().sum())} answers; errors by person", np.nan,
    )  # fmt: skip
    row["verdict"] = NOT_THESE
    row["why"] = "it takes as many answers of experts, judged alike, to say whether peers do worse."
    row["smallest"] = needed_shift(float(found.df), level=level) * found.std_error
    return row


def ruts_row(records: Any, level: float, rng: np.random.Generator) -> dict[str, Any]:
    """Share of ties that repeat between waves, against who was there to be named; people who answered every wave."""
    from peernet.silos import ruts

    names, asked = records.nominations, records.respondents
    relation = learned_relations(records)[0]
    waves = [w for w in records.waves() if w in set(waves_of(records))]
    told = asked[asked["status"] == "answered"].groupby("person")["wave"].nunique()
    every = set(told.index[told == asked["wave"].nunique()])
    mine = names[(names["relation"] == relation) & names["respondent"].isin(every)]
    if mine["wave"].nunique() < 3:
        raise DataError(f"{relation!r} was asked in {mine['wave'].nunique()} waves; three are needed.")
    events = pd.DataFrame(
        {
            "teacher": mine["named"].to_numpy(),
            "learner": mine["respondent"].to_numpy(),
            "time": mine["wave"].map({w: float(k) for k, w in enumerate(waves)}).to_numpy(),
        }
    )
    # Everybody of all waves: names were given to people who have left since.
    net = replace(records, rosters=empty_table("rosters")).network(relation=relation, wave=waves[-1])
    found = ruts(net, events, period=1.0, start=0.0, end=float(len(waves)), level=level, rng=rng)
    if not found.n_learners >= FEW_ANSWERS:
        raise DataError(
            f"{found.n_learners} people gave names in two waves in a row; {FEW_ANSWERS} are needed."
        )
    span = {"value": found.observed, "low": found.low, "high": found.high}
    row = row_of(
        "RUT", "ties that repeat from wave to wave, claimed: as chance gives", float(found.null_mean), span,
        "share of ties", found.n_learners, f"{len(waves)} waves; rewired within waves", float(found.p_value),
    )  # fmt: skip
    row["verdict"] = "contradicted" if found.p_value < 1 - level else "inconclusive"
    row["why"] = "going back is no fault: a mentor is asked again and again."
    return row


def row_of(
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
        "p_holm": float("nan"),
        "smallest": float("nan"),
        "how": how,
        "why": "",
        "verdict": "",
    }


def blank_row(claim: str, quantity: str, why: str, verdict: str = NOT_THESE) -> dict[str, Any]:
    """Build the row of a quantity without an estimate, with the reason."""
    nan = float("nan")
    row = row_of(claim, quantity, nan, {"value": nan, "low": nan, "high": nan}, "", 0, "", nan)
    return row | {"why": why, "verdict": verdict}
