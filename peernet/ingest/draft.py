"""A first codebook, proposed from a survey file: the analyst confirms who teaches."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from peernet._check import literal, quoted, suggest
from peernet.errors import DataError
from peernet.ingest._answers import read_number
from peernet.ingest._files import PathLike, RawTable, read_table
from peernet.ingest.codebook import COLUMNS
from peernet.records.report import Ledger

__all__ = ["confirm_directions", "draft_codebook"]

_LEARNER = re.compile(
    r"from whom|whom? (do|did|have) you (learn|ask|turn|go)|who (helps|helped|taught|teaches|explains|advises) you|"
    r"(learn|learned|learnt) (most )?from|go to for (help|advice)|"
    r"turn to for|ask for (help|advice)|advice from|von wem|wen fragst",
    re.IGNORECASE,
)
_TEACHER = re.compile(
    r"who (comes|came|turns|turned|goes) to you|who (asks|asked) you|"
    r"whom? (do|did|have) you (teach|taught|help|advise|mentor|explain)|"
    r"come to you|comes to you|learns? from you|wem (hilfst|erklärst)|wer fragt (dich|sie)",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\bname\b|\bperson \d|colleague \d|whom\b|who (comes|asks|helps|taught)", re.IGNORECASE)
_SHARE = re.compile(r"percent|percentage|\bshare of\b|sum to 100|what part of|prozent", re.IGNORECASE)
_SOURCES = (
    ("manager", "social", "wide", r"manager|supervisor|boss|vorgesetzt"),
    ("peers", "social", "strict", r"colleague|peer|co-?worker|team ?mate|kolleg"),
    ("outside", "social", "wide", r"outside|external|other (firm|compan)|customer"),
    ("courses", "formal", "", r"course|training|class|seminar|formal|schulung"),
    ("reading", "solo", "", r"read|search|book|internet|article|video|lesen"),
    ("trial", "solo", "", r"trial|own experience|doing|practice|experiment|on the job"),
)
_FIXED = {
    "externalreference": "person",
    "employee id": "person",
    "employee_id": "person",
    "person": "person",
    "id code": "person",
    "recipientemail": "email",
    "email address": "email",
    "email": "email",
    "username": "email",
    "work email": "email",
    "startdate": "started",
    "start date": "started",
    "start time": "started",
    "enddate": "finished",
    "end date": "finished",
    "completion time": "finished",
    "timestamp": "finished",
    "submitdate": "finished",
}
_SKIP = re.compile(
    r"^(status|ipaddress|ip address|ipaddr|progress|duration|finished$|recordeddate|"
    r"responseid|recipient(last|first)|location|"
    r"distribution|userlanguage|respondent id|collector|first name|last name|custom data|id$|seed|refurl|lastpage|"
    r"startlanguage|datestamp|last modified)",
    re.IGNORECASE,
)


def draft_codebook(
    path: PathLike, *, to: str | os.PathLike[str] | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """Proposal of a codebook for a survey file, to be edited: kinds, sources, scales, and directions to confirm.

    Qualtrics (three header rows), SurveyMonkey (two) and files with one header row are recognised. Where a
    question asks for names, ``proposed_respondent_is`` says who would teach and ``because`` quotes the
    words that say so; ``respondent_is`` stays empty, and no reader takes the codebook before somebody has
    filled it in.

    Parameters
    ----------
    path : path
        The survey export.
    to : path, optional
        CSV to write, safe for spreadsheets.
    encoding : str, optional
        Where the file is not UTF-8.

    Returns
    -------
    pandas.DataFrame
        One row a column of the file, in the form that :class:`Codebook` reads; ``skip`` = not read.

    Raises
    ------
    DataError
        When the file is empty or not a table, or ``to`` exists already.
    """
    frame, texts = _look(path, encoding)
    rows = [_propose(str(c), texts[str(c)], frame.iloc[:, k]) for k, c in enumerate(frame.columns)]
    _number_slots(rows)
    table = pd.DataFrame(
        [{c: row.get(c, "") for c in COLUMNS} for row in rows], columns=list(COLUMNS)
    ).astype("str")
    if to is not None:
        where = Path(to)
        if where.exists():
            raise DataError(f"{where.name} exists already; your edits would be lost. Choose another name.")
        from peernet.privacy.exports import to_csv

        to_csv(table, where)
    return table


def confirm_directions(
    codebook: PathLike | pd.DataFrame, directions: Mapping[str, Literal["learner", "teacher"]]
) -> pd.DataFrame:
    """Codebook in which the direction of each relation is written down as confirmed.

    Parameters
    ----------
    codebook : path or pandas.DataFrame
        Draft, as from :func:`draft_codebook`.
    directions : dict
        Relation -> "learner" (the person named teaches) or "teacher" (the person named learns).

    Returns
    -------
    pandas.DataFrame
        The same table with ``respondent_is`` filled.

    Raises
    ------
    DataError
        When a relation is not in the codebook.
    """
    table = (
        codebook
        if isinstance(codebook, pd.DataFrame)
        else read_table(codebook, Ledger("codebook"), short_rows=True).frame
    )
    out = table.copy()
    if not {"kind", "relation"} <= set(out.columns):
        raise DataError("confirm_directions: the codebook needs the columns kind and relation.")
    known = [r for r in pd.unique(out["relation"]) if r]
    for relation, role in directions.items():
        literal("direction", role, ("learner", "teacher"))
        if relation not in known:
            raise DataError(
                f"confirm_directions: no relation {relation!r}.{suggest(relation, known)} Relations: "
                f"{quoted(known)}."
            )
        hit = (out["relation"] == relation) & out["kind"].isin(["nomination", "nomination_list", "roster"])
        current = (
            out["respondent_is"]
            if "respondent_is" in out.columns
            else pd.Series("", index=out.index, dtype="str")
        )
        out["respondent_is"] = current.mask(hit, role)
    return out


def _look(path: PathLike, encoding: str | None) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read a survey file with whatever header rows it has."""
    from peernet.ingest.qualtrics import header_ids
    from peernet.ingest.surveymonkey import joined_headers

    one = read_table(path, Ledger("draft_codebook"), encoding=encoding, unique=False)
    if len(one.frame) > 1 and str(one.frame.iloc[1, 0]).startswith("{"):
        raw: RawTable = read_table(path, Ledger("draft_codebook"), n_header=3, encoding=encoding)
        if header_ids(raw) is not None:
            return raw.frame, dict(zip(raw.frame.columns, raw.head[1], strict=False))
    if str(one.frame.columns[0] if one.frame.shape[1] else "") == "Respondent ID":
        joined = joined_headers(
            read_table(path, Ledger("draft_codebook"), n_header=2, encoding=encoding, unique=False)
        )
        return joined, {str(c): str(c) for c in joined.columns}
    from peernet.ingest._vendor import number_repeats

    frame = one.frame.set_axis(pd.Index(number_repeats(list(one.frame.columns)), dtype="str"), axis=1)
    return frame, {str(c): str(c) for c in frame.columns}


def _propose(column: str, text: str, cells: pd.Series[Any]) -> dict[str, str]:
    """Propose one row."""
    row = {"column": column, "text": " ".join(text.split()), "kind": "text"}
    fixed = _FIXED.get(column.lower())
    if fixed:
        return row | {"kind": fixed}
    if _SKIP.match(column):
        return row | {"kind": "skip"}
    values = cells.str.strip()
    values = values[values != ""]
    numbers = values.map(read_number).astype("float64")
    numeric = len(values) > 0 and bool(numbers.notna().mean() > 0.9)
    words = row["text"]
    if _SHARE.search(words) and (numeric or not len(values)):
        return row | {"kind": "learning_share", "question": "learning_share"} | _source(words)
    asks, tells = _LEARNER.search(words), _TEACHER.search(words)
    if (asks or tells or _NAMES.search(words)) and not numeric:
        said = tells or asks
        role = "teacher" if tells else "learner" if asks else ""
        stem = re.sub(r"[_\W]*\d+$", "", column) or column
        return row | {
            "kind": "nomination",
            "relation": _slug(stem),
            "proposed_respondent_is": role,
            "because": said.group(0) if said else "",
            "slot": "1",
        }
    if numeric:
        low, high = float(numbers.min()), float(numbers.max())
        small = 1 <= low and high <= 11 and numbers.nunique() <= 11
        top = "7" if 5 < high <= 7 else "5" if high <= 5 else f"{high:g}"
        scale = {"kind": "likert", "low": "1", "high": top} if small else {"kind": "number"}
        return row | scale | {"question": _slug(re.sub(r"[_\W]*\d+$", "", column) or column), "item": column}
    return row | {"kind": "text" if values.nunique() > 12 else "choice", "question": _slug(column)}


def _slug(text: str) -> str:
    """Make a short name."""
    return re.sub(r"\W+", "_", text.lower()).strip("_")[:40] or "question"


def _source(text: str) -> dict[str, str]:
    """Propose the source of a learning share from the end of its text, where the row label stands."""
    tail = re.split(r" - |\||\[", text)[-1]
    for source, reading, social, pattern in _SOURCES:
        if re.search(pattern, tail, re.IGNORECASE):
            return {
                "source": source,
                "item": source,
                "reading": reading,
                "social_in": social,
                "low": "0",
                "high": "100",
            }
    return {"source": _slug(tail), "item": _slug(tail), "low": "0", "high": "100"}


def _number_slots(rows: list[dict[str, str]]) -> None:
    """Number the columns of each name generator."""
    seen: dict[str, int] = {}
    for row in rows:
        if row["kind"] == "nomination":
            seen[row["relation"]] = seen.get(row["relation"], 0) + 1
            row["slot"] = str(seen[row["relation"]])
