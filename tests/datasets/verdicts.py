"""One honest analysis a question: the verdict that the public functions give on the records of a world."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from peernet import DataError, PeerNetwork, Records, claims, diffusion, silos
from peernet.datasets import WORLDS, expected_verdicts, make_organisation

START, END = pd.Timestamp("2025-01-01", tz="UTC"), pd.Timestamp("2026-01-01", tz="UTC")
SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
NOT_THESE, NEVER = "not answered by these data", "not answerable"
N_DRAWS = 999

# Rows of expected_verdicts() for which the package has no function yet, or none that reads the files concerned.
NO_FUNCTION = {
    "H6": "new ties by number of lunch talks",
    "H7-gain": "mentored against juniors without a mentor",
    "H7-match": "mentors by match",
    "H9": "new ties after mixed groups",
    "H10": "media",
    "H11": "the cost model",
    "H13": "spread of mentors' effects",
    "H14": "staggered launches",
}  # fmt: skip
# Rows held against their function beside it.
ELSEWHERE = {"hidden-team": "tests/silos/test_formal.py", "bus-factor": "tests/silos/test_risk.py"}
# What claims.evaluate tests, by its words; several quantities of one question have to agree.
EVALUATED = {
    "H1-strict": ["mean share of learning (strict)"],
    "H1-wide": ["mean share of learning (wide)"],
    "H1-most": ["people at 80 % or more (wide), claimed: most"],
    "H2-expected": ["gain of those who expected to teach"],
    "H2-impromptu": ["gain of those who helped when asked"],
    "H3": ["usefulness by trust", "trust by likeness"],
    "H4": ["usefulness of peers less managers"],
    "H5-person": ["asking by safety, within units"],
    "H5-unit": ["asking by safety, between units"],
    "H8": ["finishing self-chosen less assigned courses"],
    "H12": ["formal x informal learning"],
}


def evaluated(records: Records) -> dict[str, str]:
    """Return the verdicts of claims.evaluate by question."""
    table = claims.evaluate(records, rng=1).table.set_index("quantity")["verdict"]
    out = {}
    for question, quantities in EVALUATED.items():
        found = {str(table[q]) for q in quantities if q in table.index}
        out[question] = found.pop() if len(found) == 1 else INCONCLUSIVE
    return out


def below_chance(net: PeerNetwork, group: str, within: str | None = None) -> tuple[float, float]:
    """Return E-I and its one-sided p-value: fewer ties across groups than shuffled labels give."""
    test = silos.ei_test(net, group, within=within, alternative="less", n_draws=N_DRAWS, rng=1)
    return float(test.observed), float(test.p_value)


def silo_unit(records: Records) -> str:
    """Units are silos: E-I below chance."""
    return SUPPORTED if below_chance(survey(records), "unit")[1] < 0.05 else INCONCLUSIVE


def silo_vanishing(records: Records) -> str:
    """Two units are silos among the people of their own sites."""
    net = survey(records)
    two = net.subset(net.ids[net.column("unit").isin(["Operations", "Customer Support"])])
    return SUPPORTED if below_chance(two, "unit", "site")[1] < 0.05 else INCONCLUSIVE


def open_team(records: Records) -> str:
    """Teams are open: E-I by team above 0, if that is above chance as well."""
    observed, p = below_chance(survey(records), "team")
    return CONTRADICTED if p < 0.05 else SUPPORTED if observed > 0 and p > 0.95 else INCONCLUSIVE


def top_broker(records: Records) -> str:
    """Maria Oliveira has the largest betweenness of the firm."""
    found = records.people.index[records.people["name"] == "Maria Oliveira"]
    if not len(found):
        return NEVER
    try:
        score = silos.betweenness(survey(records))
    except DataError as refused:
        assert "says more about who answered than about the firm" in str(refused)
        return NOT_THESE
    return SUPPORTED if score.idxmax() in set(found) else CONTRADICTED


def survey(records: Records) -> PeerNetwork:
    """Return who teaches whom according to the survey."""
    return records.network(relation="learn_from")


def spread_fit(records: Records, skill: str, **options: Any) -> Any:
    """Fit the spread of one skill along the survey's ties."""
    adopted = diffusion.adoptions_from(records, start=START)
    mine = adopted[adopted["item"] == f"C-{skill}"]
    net = options.pop("net", None) or survey(records)
    return diffusion.fit_nbda(net, mine, start=START, end=END, rng=1, **options)


def spread_along_ties(records: Records, skill: str, **options: Any) -> str:
    """Is there any spread along ties: the share's test against none."""
    try:
        share = diffusion.social_transmission_share(spread_fit(records, skill, **options), sensitivity=False)
    except DataError as refused:
        assert "A deadline imitates contagion" in str(refused)
        return NOT_THESE
    if not share.ceiling > 0:
        return NOT_THESE  # nobody had an informed teacher among those on record
    return SUPPORTED if share.zero_p < 0.05 else INCONCLUSIVE


def eighty_of_a(records: Records) -> str:
    """80 % of the adoptions of skill A were social: the verdict of the share itself."""
    return str(diffusion.social_transmission_share(spread_fit(records, "A"), sensitivity=False).verdict)


def c_by_taste(records: Records) -> str:
    """Spread of skill C along ties, with trade and how many people one teaches held fixed."""
    net = survey(records)
    learners = np.log1p(np.bincount(net.teacher, minlength=net.n_people))
    held = net.with_people(asked=(learners - learners.mean()) / learners.std())
    return spread_along_ties(records, "C", net=held, multiplicative=["job_family", "asked"])


def transposed_c(records: Records) -> str:
    """Turned round, the survey fits skill C better: the same learners both ways, so silent people stay in."""
    nets = (survey(records), survey(records).reverse())
    right, wrong = (spread_fit(records, "C", net=n, silent="keep") for n in nets)
    better = wrong.log_likelihood - right.log_likelihood
    return SUPPORTED if better > 1 else CONTRADICTED if better < -1 else INCONCLUSIVE


BY_FUNCTION: dict[str, Callable[[Records], str]] = {
    "silo-unit": silo_unit,
    "silo-vanishing": silo_vanishing,
    "open-team": open_team,
    "top-broker": top_broker,
    "H15-A": lambda r: spread_along_ties(r, "A"),
    "H15-A-80": eighty_of_a,
    "H15-B": lambda r: spread_along_ties(r, "B"),
    "H15-C": c_by_taste,
    "H15-C-transposed": transposed_c,
    "H15-D": lambda r: spread_along_ties(r, "D"),
}


def verdicts(records: Records) -> dict[str, str]:
    """Return the verdict of every question that has a function."""
    return evaluated(records) | {name: analyse(records) for name, analyse in BY_FUNCTION.items()}


def fresh_table(n: int, seed: int = 10_000) -> pd.DataFrame:
    """Count the verdicts on n fresh draws of every world (rows of claims.evaluate and of units and teams)."""
    rows = (*EVALUATED, "silo-unit", "silo-vanishing", "open-team")
    counts = {(question, world): Counter[str]() for question in rows for world in WORLDS}
    for world, (_, knobs) in WORLDS.items():
        for i in range(n):
            records = make_organisation(**knobs, rng=seed + i).records(as_written=True)
            found = evaluated(records) | {name: BY_FUNCTION[name](records) for name in rows[-3:]}
            for question in rows:
                counts[question, world][found[question]] += 1
    short = {SUPPORTED: "S", CONTRADICTED: "C", INCONCLUSIVE: "I", NOT_THESE: "N", NEVER: "X"}
    text = {key: ", ".join(f"{short[v]} {k}" for v, k in c.most_common()) for key, c in counts.items()}
    table = pd.Series(text).unstack()[list(WORLDS)].loc[list(rows)]
    expected = expected_verdicts().loc[list(rows), list(WORLDS)].map(lambda v: short[v])
    table["expected"] = expected.agg(" / ".join, axis=1)
    return table


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = fresh_table(int(sys.argv[1]), *map(int, sys.argv[2:]))
    for question, row in found.iterrows():
        print(f"| {question} | " + " | ".join(row) + " |")
