"""The records that a perfect reader would make of an organisation's files, without writing or reading any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets._design import SOURCES, SURVEY_DAY, YEAR
from peernet.datasets._traces import COURSES
from peernet.datasets._write_slack import EXPORT_FROM
from peernet.datasets._write_survey import codebook, contents

if TYPE_CHECKING:
    from peernet.datasets.organisation import Organisation
    from peernet.records import Records

__all__ = ["records_of"]

_UNIT = "datetime64[us, UTC]"


def records_of(firm: Organisation, *, as_written: bool, events: bool) -> Records:
    """Collect the tables: everybody is recognised, whoever is silent stays silent, the cap holds."""
    from peernet.records import IngestReport, Records

    people = firm.people.drop(columns=["first", "last", "asked", "tenure"]).rename(
        columns={"family": "job_family"}
    )
    for column in ("start", "end"):
        people[column] = people[column].dt.tz_localize("UTC").astype(_UNIT)
    people["grade"] = people["grade"].astype("str")
    written = contents(firm)
    tables: dict[str, Any] = {
        "people": people,
        "spells": _spells(firm, people),
        "nominations": _nominations(firm, written),
        "respondents": _respondents(firm),
        "answers": _answers(firm, written, as_written),
        "questions": _questions(firm),
    }
    if events:
        tables |= {"events": _events(firm), "completions": _completions(firm)}
    roles: dict[str, Any] = {"learn_from": "learner", "comes_to_me": "teacher"}
    return Records(**tables, roles=roles, report=IngestReport(reader="make_organisation"))


def _when(seconds: Any) -> pd.Series[Any]:
    """Turn seconds since the first day of the year into UTC times; NaN into NaT."""
    times: Any = pd.Timestamp(YEAR, tz="UTC") + pd.to_timedelta(pd.Series(seconds, dtype=float), unit="s")
    found: pd.Series[Any] = times.astype(_UNIT)
    return found


def _spells(firm: Organisation, people: pd.DataFrame) -> pd.DataFrame:
    """Return who was where from when to when."""
    where, units = firm.structure, np.array(firm.design.unit_names())
    now = people[["unit", "site", "role", "grade", "manager"]].copy()
    now.insert(0, "person", people.index)
    now.insert(1, "start", people["start"])
    now.insert(2, "end", people["end"])
    moved = where.moved >= 0
    change = _when(where.moved[moved] * 86_400.0)
    before = now[moved].assign(unit=units[where.old_unit[moved]])
    before["end"] = change.set_axis(before.index)
    now.loc[moved, "start"] = before["end"]
    return pd.concat([now, before], ignore_index=True).sort_values(["person", "start"], ignore_index=True)


def _nominations(firm: Organisation, written: list[dict[str, str]]) -> pd.DataFrame:
    """Return names given, with trust and usefulness of those one learns from."""
    rows = firm._nominations
    learns = (rows["relation"] == "learn_from").to_numpy()
    out = pd.DataFrame(
        {
            "respondent": firm.ids[rows["respondent"]], "named": firm.ids[rows["named"]], "relation": rows["relation"],
            "wave": "1", "slot": rows["slot"].astype("Int64"), "weight": 1.0,
        }
    )  # fmt: skip
    cells = zip(rows["respondent"], rows["slot"], learns, strict=True)
    told = [(written[row], slot, mine) for row, slot, mine in cells]
    for stem, column in (("Q1T", "trust"), ("Q1U", "usefulness")):
        out[column] = [
            float(cell.get(f"{stem}_{slot}", "nan")) if mine else np.nan for cell, slot, mine in told
        ]
    objects = (firm.status == "objected")[out["named"]].to_numpy()
    return out[~objects].reset_index(drop=True)


def _respondents(firm: Organisation) -> pd.DataFrame:
    """Return the status of everybody."""
    opened = _when(np.where(firm.status == "answered", SURVEY_DAY * 86_400.0, np.nan))
    return pd.DataFrame(
        {
            "person": firm.ids,
            "wave": "1",
            "status": firm.status.to_numpy(),
            "started": opened,
            "finished": opened,
        }
    )


def _questions(firm: Organisation) -> pd.DataFrame:
    """Return what was asked."""
    book = codebook(firm.design.cap)
    book = book[(book["question"] != "") & ~book["kind"].isin(["consent", "tie_rating"])]
    out = book[["question", "item", "low", "high", "reverse", "reading", "social_in", "text"]].reset_index(
        drop=True
    )
    return out.assign(
        low=pd.to_numeric(out["low"]), high=pd.to_numeric(out["high"]), reverse=out["reverse"] == "1"
    )


def _answers(firm: Organisation, written: list[dict[str, str]], as_written: bool) -> pd.DataFrame:
    """Return answers, long; shares as written (closed to 100, hopeless sums left out) or as they truly are."""
    book = codebook(firm.design.cap)
    book = book[(book["question"] != "") & ~book["kind"].isin(["consent", "tie_rating", "learning_share"])]
    rows: list[tuple[str, str, str, Any]] = []
    answered = np.flatnonzero((firm.status == "answered").to_numpy())
    asked = book[["column", "question", "item", "kind", "missing", "reverse"]].to_numpy().tolist()
    for row in answered.tolist():
        for column, question, item, kind, missing, reverse in asked:
            text = written[row].get(column, "")
            if not text or text == missing:
                continue
            value: Any = text if kind in ("wording", "date") else float(text)
            rows.append((firm.ids[row], question, item, 8 - value if reverse == "1" else value))
    out = pd.DataFrame(rows, columns=["person", "question", "item", "value"])
    out = pd.concat([_share_answers(firm, as_written), out], ignore_index=True)
    out.insert(1, "wave", "1")
    return out.astype({"person": "str", "wave": "str", "question": "str", "item": "str", "value": "object"})


def _share_answers(firm: Organisation, as_written: bool) -> pd.DataFrame:
    """Return learning shares in percent, long."""
    if as_written:
        percent = firm.reported_shares[list(SOURCES)]
        total = percent.sum(axis=1)
        usable = percent[((total >= 90) & (total <= 110)) | (total < 2)]
        percent = usable.div(usable.sum(axis=1), axis=0) * 100
    else:
        percent = firm.answered_shares * 100
    long = percent.stack()
    return pd.DataFrame(
        {
            "person": long.index.get_level_values(0), "question": "learning_share",
            "item": long.index.get_level_values(1), "value": long.to_numpy(),
        }
    )  # fmt: skip


def _events(firm: Organisation) -> pd.DataFrame:
    """Return the answers that a chat export shows: public places, from the day on which it begins."""
    rows = firm._chat
    seen = ~rows["place"].isin(["dm", "private"]) & (rows["answered"] >= EXPORT_FROM * 86_400)
    rows = (
        rows[seen & (rows["answered"] < 365 * 86_400)]
        .sort_values("answered", kind="stable")
        .reset_index(drop=True)
    )
    names = [f"e{k:05d}" for k in range(len(rows))]
    return pd.DataFrame(
        {
            "event_id": names, "time": _when(rows["answered"]), "teacher": firm.ids[rows["teacher"]],
            "learner": firm.ids[rows["learner"]], "kind": "answer", "weight": 1.0, "context": rows["place"],
            "topic": rows["topic"], "source": "slack", "evidence": names, "confirmed": rows["thanks"],
        }
    )  # fmt: skip


def _completions(firm: Organisation) -> pd.DataFrame:
    """Return platform rows."""
    rows, ids = firm._completions, firm.ids
    codes = np.array([code for code, _, _ in COURSES])[rows["course"]]
    titles = np.array([title for _, title, _ in COURSES])[rows["course"]]
    manager = firm.structure.manager[rows["row"]]
    done, chosen = rows["done"].to_numpy(), rows["chosen"].to_numpy()
    boss = pd.Series(ids[manager], dtype="str").mask(chosen | (manager < 0))
    due = rows["due"].to_numpy()
    state = np.where(done, "completed", np.where((due >= 0) & (due < 365), "overdue", "in_progress"))
    return pd.DataFrame(
        {
            "person": ids[rows["row"]], "item": codes, "title": titles, "author": ids[rows["author"]],
            "time": _when(np.where(done, rows["day"] * 86_400.0, np.nan)), "started": _when(rows["begun"] * 86_400.0),
            "assigned": pd.array(~chosen, dtype="boolean"), "assigned_by": boss,
            "due": _when(np.where(due >= 0, due * 86_400.0, np.nan)), "status": state,
            "already_known": pd.array([pd.NA] * len(rows), dtype="boolean"),
        }
    )  # fmt: skip
