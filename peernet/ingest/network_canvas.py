"""Network Canvas exports: CSVs of egos, alters and ties between alters, zipped."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.ingest._answers import read_number
from peernet.ingest._files import Archive, PathLike, decode, need_column, shape
from peernet.ingest._tie_tables import Role, tie_records
from peernet.ingest.survey import Aliases, People
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_network_canvas"]

_EGO = "networkCanvasEgoUUID"


def read_network_canvas(
    path: PathLike,
    *,
    people: People,
    relation: str,
    respondent_is: Role,
    case: str = "networkCanvasCaseID",
    name: str = "name",
    ratings: Iterable[str] = (),
    node_type: str | None = None,
    wave: str = "1",
    aliases: Aliases = None,
) -> Records:
    """Nominations from interviews with Network Canvas: every alter is a person that the ego names.

    Alters belong to one interview each; they become people of the organisation only where their name
    matches the roster. Ties between alters are what one person believes about others; they are counted and
    not read.

    Parameters
    ----------
    path : path
        Zip or folder of ``*_ego.csv`` and ``*_attributeList_<type>.csv`` (one a session, or merged).
    people : Records or pandas.DataFrame
        The roster.
    relation : str
        Name of the relation that the alters were asked for.
    respondent_is : {"learner", "teacher"}
        Role of the one interviewed. No default.
    case : str
        Column of the ego file that says who was interviewed: id, e-mail or name on the roster.
    name : str
        Column of the alter file with the name as typed, or an id of the roster.
    ratings : list of str
        Numeric columns of the alters to keep.
    node_type : str, optional
        Type of node to read, where there are several.
    wave : str
        Name of this wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.

    Returns
    -------
    Records
        ``nominations`` and ``respondents``: everybody interviewed has answered, those who named nobody included.

    Raises
    ------
    DataError
        When the files are not there, several node types are and none is chosen, or nobody is on the roster.
    """
    ledger = Ledger("read_network_canvas")
    with Archive(path, "read_network_canvas") as archive:
        ledger.files.append(archive.facts)
        egos = _stack(archive, lambda n: n.lower().endswith("ego.csv"))
        types = sorted({_type(n) for n in archive.names() if "attributelist_" in n.lower()})
        if egos is None or not types:
            raise DataError(
                f"{archive.name} holds no ego.csv and attributeList files ({quoted(archive.names())}). "
                "Export CSV from Network Canvas."
            )
        if node_type is None and len(types) > 1:
            raise DataError(
                f"{archive.name} holds several types of nodes ({quoted(types)}). Pass node_type=."
            )
        chosen = node_type or types[0]
        if chosen not in types:
            raise DataError(f"{archive.name} holds no nodes of type {chosen!r}. Types: {quoted(types)}.")
        alters = _stack(archive, lambda n: "attributelist_" in n.lower() and _type(n) == chosen)
        n_edges = sum(len(_read(archive, n)) for n in archive.names() if "edgelist_" in n.lower())
    if alters is None:
        raise DataError(f"{archive.name} holds no alters.")
    if n_edges:
        ledger.not_read.append(f"{n_edges} ties between alters: beliefs about others")
    who = _who(egos, case, archive.name)
    table = pd.DataFrame({"ego": need_column(alters, _EGO, archive.name).str.strip()})
    table["named"] = need_column(alters, name, archive.name).str.strip()
    node = alters["nodeID"].str.strip() if "nodeID" in alters.columns else table["named"]
    ledger.read("rows", len(table))
    empty = (node == "") | (table["named"] == "")
    ledger.drop(
        "rows", "interview without alters, or alter without a name", table.index[empty], stage="match"
    )
    for column in ratings:
        table[column] = need_column(alters, column, archive.name).map(read_number).astype("float64")
    table = table[~empty]
    stray = ~table["ego"].isin(who.index)
    ledger.drop("rows", "the interview is not in the ego file", table.index[stray], stage="match")
    table = table[~stray]
    table["respondent"] = table["ego"].map(who).astype("str")
    table = table.drop(columns="ego").assign(relation=relation, wave=wave, weight=1.0)
    table["slot"] = table.groupby("respondent").cumcount() + 1
    from peernet.ingest.survey import roster_of
    from peernet.records.identity import match_names

    answered = match_names(who, roster_of(people), aliases=aliases).person.dropna()
    return tie_records(
        table,
        people,
        ledger,
        file=archive.name,
        respondent_is=respondent_is,
        aliases=aliases,
        respondents=list(answered),
    )


def _who(egos: pd.DataFrame, case: str, file: str) -> pd.Series[Any]:
    """Return who was interviewed, by the id of the interview."""
    key = need_column(egos, _EGO, file).str.strip()
    said = need_column(egos, case, file).str.strip()
    if key.duplicated().any():
        raise DataError(
            f"{file}: interviews stand more than once in the ego file ({quoted(key[key.duplicated()].unique())})."
        )
    if len(said) and (said == "").all():
        raise DataError(f"{file}: column {case!r} is empty: nobody can be joined to the roster. Pass case=.")
    return said.set_axis(key)


def _type(name: str) -> str:
    """Return the node type of an alter file."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return stem[stem.lower().rindex("attributelist_") + len("attributelist_") :]


def _read(archive: Archive, name: str) -> pd.DataFrame:
    """Read one CSV member."""
    text = decode(archive.read(name), name)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(
            f"{archive.name}: {name} breaks off or is not a table: {error}. Export it again."
        ) from None
    return shape(rows, f"{archive.name}: {name}", {}, n_header=1, unique=True).frame


def _stack(archive: Archive, wanted: Any) -> pd.DataFrame | None:
    """Stack the CSVs of all sessions; rows are numbered through."""
    parts = [_read(archive, n) for n in archive.names() if n.lower().endswith(".csv") and wanted(n)]
    if not parts:
        return None
    out = pd.concat(parts, ignore_index=True).fillna("").astype("str")
    out.index = pd.Index(range(2, len(out) + 2), name="row")
    return out
