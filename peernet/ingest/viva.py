"""Viva Insights queries: collaboration between people, or between groups; who taught is not in them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from peernet.errors import DataError
from peernet.ingest._files import PathLike, read_table
from peernet.ingest._times import DateOrder, parse_times
from peernet.ingest._traces import Traces
from peernet.ingest.survey import Aliases, People
from peernet.records.tables import Records

__all__ = ["read_viva"]

_PRIMARY, _SECONDARY = "PrimaryCollaborator_", "SecondaryCollaborator_"
_STAND_INS = {
    "other_collaborators",
    "other collaborators",
    "unclassified collaborators",
    "unclassified_collaborators",
    "#n/a",
    "",
}
_NAMES = {
    "Organization": "unit",
    "LevelDesignation": "grade",
    "FunctionType": "role",
    "Office": "site",
    "Location": "site",
}


def read_viva(
    path: PathLike,
    *,
    people: People | None = None,
    score: str | None = None,
    date_order: DateOrder = "auto",
    encoding: str | None = None,
    aliases: Aliases = None,
) -> Records:
    """Collaboration from a Viva Insights query (CSV), person to person or group to group.

    Direction: **none**. The query counts mails, chats and meetings of two people and does not know who
    learned; each row becomes two events of half the score, one each way (kind "collaboration, direction
    unknown"). A pair that the query writes from both sides on one date is one row with the mean of the two scores.
    A group-to-group query has no people: the "people" of its records are groups (column
    ``size``), time within a group is the column ``within``, and rows of "Other_Collaborators" or
    "Unclassified Collaborators" are counted and left out.

    Parameters
    ----------
    path : path
        The CSV.
    people : Records or pandas.DataFrame, optional
        The roster, for person-to-person queries whose ``PersonId`` it holds. Without it, the attributes in
        the file (unit, grade, role ...) make the people table; the latest value of each person is taken.
    score : str, optional
        Column that weighs a row. Default: ``Strong_tie_score`` where it is above 0, or
        ``Group_collaboration_time_invested``.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month in ``MetricDate``.
    encoding : str, optional
        Where it is not UTF-8.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: PersonId -> person.

    Returns
    -------
    Records
        ``people``, ``events`` (time = date of the metric at midnight UTC, weight = the score, ``context`` = type of
        tie, ``evidence`` = row of the file) and the report. The file says that two people worked together, not who
        taught: every row counts both ways, half each. It tells of no meetings, so there are no ``sessions``.

    Raises
    ------
    DataError
        When it is neither kind of query.
    """
    trace = Traces("read_viva", "viva")
    raw = read_table(path, trace.ledger, encoding=encoding)
    frame = raw.frame
    trace.ledger.read("rows", len(frame))
    if {f"{_PRIMARY}PersonId", f"{_SECONDARY}PersonId"} <= set(frame.columns):
        ends, score = (
            ("PersonId", "PersonId"),
            score or _first(frame, raw.name, "Strong_tie_score", "Diverse_tie_score"),
        )
        groups = False
    else:
        heads = [
            c.removeprefix(_PRIMARY)
            for c in frame.columns
            if c.startswith(_PRIMARY) and not c.endswith("_GroupSize")
        ]
        shared = [h for h in heads if f"{_SECONDARY}{h}" in frame.columns]
        if not shared:
            raise DataError(
                f"{raw.name} has neither {_PRIMARY}PersonId and {_SECONDARY}PersonId nor the same group "
                "on both sides. Columns: "
                f"{', '.join(frame.columns[:12])}."
            )
        ends, score = (
            (shared[0], shared[0]),
            score or _first(frame, raw.name, "Group_collaboration_time_invested"),
        )
        groups = True
    if score not in frame.columns:
        raise DataError(f"{raw.name} has no column {score!r}. Columns: {', '.join(frame.columns[:20])}.")
    rows = _rows(trace, frame, raw.name, ends[0], score, date_order)
    table = _groups(rows, frame) if groups else None
    _ties(trace, rows, frame, groups)
    found = people if people is not None and not groups else table if groups else _people(rows, frame)
    records = trace.records(
        found,
        aliases,
        time_zone="dates, taken as UTC midnights",
        direction="none: collaboration is symmetric, half the score each way; who taught is unknown",
        notes=[
            "the rows are groups, not people"
            if groups
            else "scores are made by the vendor from mails, chats and meetings"
        ],
    )
    return records


def _first(frame: pd.DataFrame, name: str, *columns: str) -> str:
    """Return the first column that is there."""
    hit = next((c for c in columns if c in frame.columns), None)
    if hit is None:
        raise DataError(f"{name} has none of the columns {', '.join(columns)}. Pass score=.")
    return hit


def _rows(
    trace: Traces, frame: pd.DataFrame, name: str, end: str, score: str, order: DateOrder
) -> pd.DataFrame:
    """Read ends, date and score; leave out what says nothing."""
    if "MetricDate" not in frame.columns:
        raise DataError(f"{name} has no column 'MetricDate'. Export the query with its dates.")
    times = parse_times(frame["MetricDate"], f"{name}, column MetricDate", date_order=order)
    out = pd.DataFrame(
        {
            "one": frame[f"{_PRIMARY}{end}"].str.strip(),
            "two": frame[f"{_SECONDARY}{end}"].str.strip(),
            "time": times.time,
            "score": pd.to_numeric(frame[score].str.replace(",", ".", regex=False), errors="coerce"),
        }
    )
    stands_in = out["one"].str.casefold().isin(_STAND_INS) | out["two"].str.casefold().isin(_STAND_INS)
    undated = out["time"].isna() & ~stands_in
    empty = ~((out["score"] > 0) & (out["score"] < float("inf"))) & ~stands_in & ~undated
    for bad, reason in (
        (stands_in, "stands for people who are not in the query"),
        (undated, "the date cannot be read"),
        (empty, "score is missing or zero"),
    ):
        trace.ledger.drop("rows", reason, out.index[bad], stage="match")
    out = out[~(stands_in | undated | empty)]
    inside = out["two"].str.casefold().isin(("within group", "within_group"))
    out["two"] = out["two"].mask(inside, out["one"])
    return out


def _ties(trace: Traces, rows: pd.DataFrame, frame: pd.DataFrame, groups: bool) -> None:
    """Add each row both ways."""
    kind = next((c for c in ("Strong_tie_type", "Diverse_tie_type") if c in frame.columns), None)
    own = rows["one"] == rows["two"]
    trace.ledger.drop(
        "rows",
        "within the group (see people.within)" if groups else "a person with themselves",
        rows.index[own],
    )
    kept = rows[~own]
    if not groups:
        kept = _once(trace, kept)
    micros = kept["time"].dt.tz_localize(None).astype("datetime64[us]").astype("int64").tolist()
    columns = zip(
        kept.index, kept["one"].tolist(), kept["two"].tolist(), micros, kept["score"].tolist(), strict=True
    )
    for i, first, second, micro, score in columns:
        a, b = trace.account(first), trace.account(second)
        context = str(frame.at[i, kind]) if kind else ""
        for one, two in ((a, b), (b, a)):
            trace.tie(
                micro,
                one,
                two,
                "collaboration, direction unknown",
                weight=score / 2,
                context=context,
                evidence=f"row/{i}",
            )


def _once(trace: Traces, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one row a pair and date: where both are primary collaborators the query writes the pair from either side.

    The score of a tie belongs to the pair; where the two rows differ it is their mean.
    """
    swapped = rows["one"] > rows["two"]
    pair = [rows["one"].mask(swapped, rows["two"]), rows["two"].mask(swapped, rows["one"]), rows["time"]]
    again = pd.concat(pair, axis=1, keys=["a", "b", "t"]).duplicated()
    trace.ledger.drop("rows", "the same pair and date again (from the other side)", rows.index[again])
    return rows.assign(score=rows["score"].groupby(pair).transform("mean"))[~again]


def _people(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Make the people table from the attributes in the file, the latest of each person."""
    parts = []
    for prefix, end in ((_PRIMARY, "one"), (_SECONDARY, "two")):
        attributes = [c for c in frame.columns if c.startswith(prefix) and c != f"{prefix}PersonId"]
        part = frame.loc[rows.index, attributes].rename(
            columns={c: c.removeprefix(prefix) for c in attributes}
        )
        parts.append(part.assign(person=rows[end], _time=rows["time"]))
    both = pd.concat(parts, ignore_index=True).sort_values("_time", kind="stable")
    latest = (
        both.drop_duplicates("person", keep="last").set_index("person").drop(columns="_time").sort_index()
    )
    names: dict[Any, str] = {}
    for column in latest.columns:
        name = _NAMES.get(str(column), str(column))
        names[column] = name if name not in names.values() else str(column)
    return latest.rename(columns=names)


def _groups(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Make a table of groups with their size and the time spent within."""
    names = sorted(set(rows["one"]) | set(rows["two"]))
    table = pd.DataFrame(index=pd.Index(names, dtype="str", name="person"))
    table["name"] = names
    for prefix, end in ((_PRIMARY, "one"), (_SECONDARY, "two")):
        size = next((c for c in frame.columns if c.startswith(prefix) and c.endswith("GroupSize")), None)
        if size is not None:
            number = pd.to_numeric(frame.loc[rows.index, size], errors="coerce").groupby(rows[end]).max()
            table["size"] = (
                number.reindex(table.index)
                if "size" not in table.columns
                else table["size"].fillna(number.reindex(table.index))
            )
    own = rows[rows["one"] == rows["two"]].groupby("one")["score"].sum()
    table["within"] = own.reindex(table.index)
    return table
