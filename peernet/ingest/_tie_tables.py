"""Names given, in whatever layout, to records: matching, self-mentions, repeats, who answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pandas as pd

from peernet._check import literal, quoted, rows_text
from peernet.errors import DataError
from peernet.ingest.survey import Aliases, People, _response, roster_of
from peernet.records.identity import match_names
from peernet.records.report import Ledger
from peernet.records.tables import Records, empty_table

__all__ = ["Role", "tie_records"]

Role = Literal["learner", "teacher"]


def tie_records(
    rows: pd.DataFrame,
    people: People,
    ledger: Ledger,
    *,
    file: str,
    respondent_is: Role,
    aliases: Aliases,
    respondents: Iterable[str] | None,
) -> Records:
    """Turn ``respondent, named, relation, wave, weight`` (text; index = row of the file) into records."""
    literal("respondent_is", respondent_is, ("learner", "teacher"))
    roster = roster_of(people)
    ends = {end: match_names(rows[end], roster, aliases=aliases) for end in ("respondent", "named")}
    out = rows.copy()
    for end, found in ends.items():
        out[end] = found.person.set_axis(rows.index)
    for end, reason in (
        ("respondent", "respondent is not on the roster"),
        ("named", "fits nobody on the roster"),
    ):
        lost = out[end].isna()
        ledger.drop("rows", reason, out.index[lost], stage="match")
        out = out[~lost]
    if len(rows) and not len(out):
        raise DataError(
            f"{file}: no row joins two people on the roster ({rows_text(rows.index, rows['respondent'])}). "
            "Is it the right roster, "
            "or have ids lost their leading zeros?"
        )
    alone = out["respondent"] == out["named"]
    ledger.drop("rows", "names themselves", out.index[alone])
    out = out[~alone]
    again = out.duplicated(["respondent", "named", "relation", "wave"])
    ledger.drop("rows", "named twice by the same person", out.index[again])
    out = out[~again]
    shape = empty_table("nominations")
    extra = [c for c in out.columns if c not in shape.columns]
    names = (
        out.reindex(columns=[*shape.columns, *extra])
        .reset_index(drop=True)
        .astype(dict(shape.dtypes.items()))
    )
    asked = _asked(roster, names, respondents, aliases, ledger)
    words = {"learner": "the person named teaches", "teacher": "the person named learns"}
    relations = [str(r) for r in pd.unique(names["relation"])]
    review = pd.concat([f.review for f in ends.values()], ignore_index=True).drop_duplicates(
        ["given", "suggested"]
    )
    ledger.facts.update(
        direction="; ".join(f"{r}: {words[respondent_is]}" for r in relations), unmatched=review.reset_index(drop=True),
        response=_response(roster, asked.drop_duplicates("person")),
    )  # fmt: skip
    return Records(
        people=roster, nominations=names, respondents=asked, roles=dict.fromkeys(relations, respondent_is),
        report=ledger.report(),
    )  # fmt: skip


def _asked(
    roster: pd.DataFrame,
    names: pd.DataFrame,
    respondents: Iterable[str] | None,
    aliases: Aliases,
    ledger: Ledger,
) -> pd.DataFrame:
    """Say who answered: those listed, else those with a row (and then naming nobody looks like silence)."""
    waves = list(pd.unique(names["wave"])) or ["1"]
    answered: dict[str, set[str]] = {w: set(names.loc[names["wave"] == w, "respondent"]) for w in waves}
    if respondents is not None:
        found = match_names([str(r) for r in respondents], roster, aliases=aliases)
        if found.person.isna().any():
            raise DataError(
                f"respondents: {quoted(found.review['given'].unique())} are not on the roster. Correct the list."
            )
        answered = {w: a | set(found.person) for w, a in answered.items()}
    else:
        ledger.notes.append(
            "who named nobody cannot be told from who did not answer; both count as silent (respondents= tells)"
        )
    parts = [
        pd.DataFrame(
            {
                "person": roster.index,
                "wave": w,
                "status": ["answered" if p in answered[w] else "silent" for p in roster.index],
            }
        )
        for w in waves
    ]
    frame = pd.concat(parts, ignore_index=True)
    for column in ("started", "finished"):
        frame[column] = pd.Series(pd.NaT, index=frame.index).dt.tz_localize("UTC")
    return frame.astype(dict(empty_table("respondents").dtypes.items()))
