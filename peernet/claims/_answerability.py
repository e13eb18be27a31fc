"""Which questions these data can answer, what is lacking for the others, and how small an effect they could show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.claims._claims import CLAIMS, Claim, Need, Smallest
from peernet.claims._facts import Facts, facts_of, records_of
from peernet.claims._register import resolved, smallest_text
from peernet.results import Result, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Answerability", "answerability"]

_ANSWERS = ("yes", "data only", "partly", "no")


def _shift(f: Facts) -> float:
    """Smallest shift of the E-I index: 2.80 standard deviations of the label-shuffle null of these ties."""
    return 2.8016 * f["ei_sd"] if f.get("ei_sd", 0) > 0 else float("nan")


def _density(f: Facts) -> float:
    """Error of the number of teachers a person names, 95 %."""
    return 1.96 * float(np.sqrt(f["names"])) / f["name_givers"] if f["name_givers"] > 0 else float("nan")


_BASIC: tuple[Claim, ...] = (
    Claim(
        "WHO",
        "Who teaches whom?",
        "teaching ties between the people of the roster",
        "",
        (Need("the roster", "people"), Need("ties of who teaches whom (names or traces)", "ties")),
        "network.PeerNetwork",
        "structure",
        "",
        Smallest("names a person (interval half-width)", _density),
    ),
    Claim(
        "SILO",
        "Are we siloed?",
        "E-I index of the teaching ties between units, against label shuffles",
        "more than chance",
        (Need("units of people", "units", 2), Need("ties of who teaches whom (names or traces)", "ties")),
        "silos.ei_test",
        "structure",
        "an E-I index inside what shuffled unit labels give",
        Smallest("of the E-I index", _shift),
    ),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Answerability(Result):
    """The first page of a report: what can be asked of these data.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per question: ``question, key, data needed, have, lack, answerable, method, smallest effect``;
        ``answerable`` is ``yes``, ``data only`` (the data are there, the method is not yet), ``partly`` (some data) or
        ``no``.
    facts : dict
        The counts that it rests on.
    """

    table: pd.DataFrame
    facts: Facts = field(default_factory=dict, repr=False)

    def summary(self) -> str:
        """Say how many questions can be answered and what would open most of the others."""
        n = self.table["answerable"].value_counts()
        text = (
            f"{n.get('yes', 0)} of {len(self.table)} questions can be answered with these data; for "
            f"{n.get('data only', 0)} "
            "more the data are there but the method is not yet; the others lack data."
        )
        lack = self.table.loc[self.table["lack"] != "", "lack"].str.split("; ").explode()
        most = lack.str.replace(r" \(only .*\)$", "", regex=True).value_counts().sort_index()
        if len(most) and most.max() > 1:
            text += f" Most often lacking: {most.idxmax()} ({most.max()} questions)."
        return text

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw, per question, how many of the data it needs are there.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        shown = self.table.iloc[::-1]
        colours = {
            "yes": plots.OKABE_ITO[2],
            "data only": plots.OKABE_ITO[0],
            "partly": plots.OKABE_ITO[1],
            "no": plots.GREY,
        }
        needed, there = shown["n_needed"], shown["n_there"]
        axes.barh(shown["question"], needed, color="#eeeeee")
        axes.barh(shown["question"], there, color=[colours[a] for a in shown["answerable"]])
        for y, answer in enumerate(shown["answerable"]):
            axes.annotate(
                answer,
                (needed.iloc[y], y),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
                color=colours[answer],
            )
        axes.set_xlabel("kinds of data needed (filled: there)")
        axes.set_xlim(0, needed.max() + 1)
        axes.set_xticks(range(int(needed.max()) + 1))
        yes = int((shown["answerable"] == "yes").sum())
        plots.set_title(axes, f"{yes} of {len(shown)} questions can be answered with these data", 36)
        return axes


def _ei_sd(records: Any) -> float:
    """Standard deviation of the E-I index under label shuffles, 0 where there are no ties or units."""
    from peernet.errors import PeerNetError
    from peernet.silos.ei_chance import ei_test

    people = records.people
    if "unit" not in people.columns or people["unit"].nunique() < 2:
        return 0.0
    relations = list(getattr(records, "roles", {}) or {})
    try:
        wave = records.waves()[-1] if relations and records.waves() else None
        net = records.network(relation=relations[0], wave=wave) if relations else records.network()
        sd = float(ei_test(net, "unit", n_draws=1, rng=0).null_sd)
    except PeerNetError:
        return 0.0
    return sd if np.isfinite(sd) else 0.0


def _row(claim: Claim, facts: Facts) -> dict[str, Any]:
    """Compare what a question needs with what is there."""
    lack = claim.missing(facts)
    have = [need for need in claim.needs if need not in lack]
    method = resolved(claim.function)
    answer = "no"
    if not lack:
        answer = "yes" if method != "not yet" else "data only"
    elif have:
        answer = "partly"
    return {
        "question": claim.wording,
        "key": claim.key,
        "data needed": "; ".join(n.words for n in claim.needs),
        "have": "; ".join(f"{n.words} ({facts.get(n.key, 0):.0f})" for n in have),
        "lack": "; ".join(n.lacking(facts) for n in lack),
        "answerable": answer,
        "method": method,
        "smallest effect": smallest_text(claim, facts)[1] if not lack else "",
        "n_needed": len(claim.needs),
        "n_there": len(have),
    }


def answerability(source: Any) -> Answerability:
    """Questions that these data can answer, what the others lack, and the smallest effect that this many people show.

    Smallest effects are for a two-sided test at 5 % with a power of 80 %: what is smaller would probably be missed.

    Parameters
    ----------
    source : Study or Records
        What was read.

    Returns
    -------
    Answerability
        One row per question: who teaches whom, silos, then the register of claims.

    Raises
    ------
    TypeError
        For a source that is neither a study nor records.
    """
    records = records_of(source)
    facts = facts_of(records)
    facts["ei_sd"] = _ei_sd(records)
    table = pd.DataFrame([_row(claim, facts) for claim in (*_BASIC, *CLAIMS)])
    return Answerability(
        table=table,
        facts=facts,
        estimand="not an estimate: what can be asked",
        assumptions=("counts of rows say nothing about their quality",),
        provenance=provenance("claims.answerability", used={"facts": facts}),
    )
