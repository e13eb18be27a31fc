"""Sociometric files without a survey tool: the square roster grid and the long edge list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from peernet._check import quoted, rows_text
from peernet.errors import DataError
from peernet.ingest._answers import code_cells, read_number
from peernet.ingest._files import PathLike, need_column, read_table
from peernet.ingest._tie_tables import Role, tie_records
from peernet.ingest.people import _plain, same_heading
from peernet.ingest.survey import Aliases, People, roster_of
from peernet.records.identity import match_names
from peernet.records.report import Ledger
from peernet.records.tables import Records

__all__ = ["read_edge_list", "read_roster_grid"]

_ENDS = {
    "respondent": ("respondent", "ego", "respondent id", "ego id", "rater", "nominator"),
    "named": ("named", "alter", "alter id", "nominee", "named id", "nominated"),
    "relation": ("relation", "tie type", "question", "network"),
    "wave": ("wave", "round", "time point"),
    "weight": ("weight", "value", "strength", "frequency", "rating"),
}
_BARE = {"from", "to", "source", "target", "i", "j", "sender", "receiver"}


_MISSING = (98, 99, 999)  # usual codes for "no answer"; ratings themselves on scales above 10


def read_roster_grid(
    path: PathLike,
    *,
    people: People,
    relation: str,
    respondent_is: Role,
    cut: float | None = None,
    labels: str = "",
    id_column: str | None = None,
    wave: str = "1",
    aliases: Aliases = None,
    encoding: str | None = None,
) -> Records:
    """Nominations from a grid: one row a respondent, one column a person of the roster, cells 0/1 or a rating.

    Columns are joined to people by their heading (id, name or e-mail), never by their place. A row in which
    every cell is empty did not answer; an empty cell in another row is no tie, nor is a negative number, or
    98, 99 or 999 on a scale up to 10 (missing codes, flagged). The diagonal must be empty:
    what stands there is dropped and counted.

    Parameters
    ----------
    path : path
        CSV, TSV or xlsx.
    people : Records or pandas.DataFrame
        The roster.
    relation : str
        Name of the relation.
    respondent_is : {"learner", "teacher"}
        "learner" for "whom do I learn from", "teacher" for "who comes to me". No default.
    cut : float, optional
        Smallest rating that is a tie; needed where ratings are above 1.
    labels : str
        Words of the scale: ``"0=never|1=monthly"``.
    id_column : str, optional
        Column that says whose row it is; the first by default.
    wave : str
        Name of this wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    encoding : str, optional
        Where the file is not UTF-8.

    Returns
    -------
    Records
        ``nominations`` with the rating as weight; everybody who filled the grid has answered.

    Raises
    ------
    DataError
        When a heading is nobody, a respondent stands twice, or ratings have no cut.
    """
    ledger = Ledger("read_roster_grid")
    raw = read_table(path, ledger, encoding=encoding)
    key = id_column or str(raw.frame.columns[0])
    who = need_column(raw.frame, key, raw.name).str.strip()
    roster = roster_of(people)
    heads = [str(c) for c in raw.frame.columns if c != key]
    _known_heads(heads, roster, aliases, raw.name)
    double = who[who.duplicated(keep=False) & (who != "")]
    if len(double):
        raise DataError(
            f"{raw.name}: respondents stand more than once ({rows_text(double.index, double)}). Keep one row each."
        )
    cells = raw.frame[heads].map(str.strip)
    filled = (cells != "").any(axis=1)
    ledger.read("people in the grid", len(cells))
    ledger.drop("people in the grid", "the row is empty: did not answer", cells.index[~filled])
    tie = _ties_of(cells[filled], labels, cut, raw.name, ledger)
    ledger.read("rows", len(tie))
    table = pd.DataFrame(
        {"respondent": who.reindex(tie.index.get_level_values(0)).to_numpy(), "named": tie.index.get_level_values(1),
         "relation": relation, "wave": wave, "weight": tie.to_numpy()},
        index=tie.index.get_level_values(0),
    )  # fmt: skip
    known = match_names(who[filled], roster, aliases=aliases).person.dropna()
    return tie_records(
        table,
        people,
        ledger,
        file=raw.name,
        respondent_is=respondent_is,
        aliases=aliases,
        respondents=list(known),
    )


def _known_heads(heads: list[str], roster: pd.DataFrame, aliases: Aliases, file: str) -> None:
    """Refuse headings of a grid that are nobody, or several people."""
    found = match_names(heads, roster, aliases=aliases)
    lost = [h for h, p in zip(heads, found.person, strict=True) if pd.isna(p)]
    if lost:
        near = {
            r.given: r.suggested_name or r.suggested
            for r in found.review.itertuples(index=False)
            if r.suggested
        }
        same = roster.index[roster["name"] == lost[0]] if "name" in roster.columns else roster.index[:0]
        hint = f" Perhaps {lost[0]!r} is {near[lost[0]]!r}." if lost[0] in near else ""
        if len(same) > 1:
            hint = f" {len(same)} people are called {lost[0]!r} ({quoted(same)}): use ids as headings."
        raise DataError(
            f"{file}: {len(lost)} headings are nobody on the roster ({quoted(lost)}).{hint} Pass aliases=."
        )


def _ties_of(
    cells: pd.DataFrame, labels: str, cut: float | None, file: str, ledger: Ledger
) -> pd.Series[Any]:
    """Return the ratings of a grid that are ties, by row and heading."""
    long: pd.Series[Any] = cells.stack()  # type: ignore[assignment]
    value = code_cells(long.where(long != "", "0"), labels)
    rows = value.index.get_level_values(0)
    bad = value.isna().to_numpy()
    if bad.any():
        raise DataError(
            f"{file}: {bad.sum()} cells are neither numbers nor known labels "
            f"({rows_text(rows[bad], long[bad])}). Pass labels=."
        )
    usual = value[(value >= 0) & ~value.isin(_MISSING)]
    coded = (value < 0) | (value.isin(_MISSING) & (not len(usual) or usual.max() <= 10))
    ledger.flag("people in the grid", "a missing code or a negative number (no tie)", rows[coded.to_numpy()])
    value = value.mask(coded, 0.0)
    if cut is None and (value > 1).any():
        high = (value > 1).to_numpy()
        raise DataError(
            f"{file}: ratings above 1 ({rows_text(rows[high])}) and no cut: from which rating on is it a "
            "tie? Pass cut=."
        )
    return value[(value >= (1.0 if cut is None else cut)) & (value > 0)]


def read_edge_list(
    path: PathLike,
    *,
    people: People,
    respondent_is: Role,
    relation: str | None = None,
    columns: Mapping[str, str] | None = None,
    respondents: Iterable[str] | None = None,
    wave: str = "1",
    aliases: Aliases = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Records:
    """Nominations from a long list: one row a name given (``ego, alter, relation, wave, weight``).

    Parameters
    ----------
    path : path
        CSV, TSV or xlsx.
    people : Records or pandas.DataFrame
        The roster: people who named nobody have no row here.
    respondent_is : {"learner", "teacher"}
        Role of the one who answered. No default.
    relation : str, optional
        Name of the relation, where the file has no such column.
    columns : dict, optional
        Field -> heading: respondent, named, relation, wave, weight.
    respondents : list of str, optional
        Everybody who answered, those who named nobody included.
    wave : str
        Name of the wave, where the file has no such column.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches.
    encoding, delimiter : str, optional
        Where they cannot be told from the file.

    Returns
    -------
    Records
        ``nominations`` and ``respondents``.

    Raises
    ------
    DataError
        When the ends are not named, a weight is no number above 0, or nobody is on the roster.
    """
    ledger = Ledger("read_edge_list")
    raw = read_table(path, ledger, encoding=encoding, delimiter=delimiter)
    given = dict(columns or {})
    wrong = [f for f in given if f not in _ENDS]
    if wrong:
        raise ValueError(f"columns: no field {quoted(wrong)}. Fields: {', '.join(_ENDS)}.")
    found = {f: need_column(raw.frame, h, raw.name) for f, h in given.items()}
    for field, words in _ENDS.items():
        hit = next((c for c in raw.frame.columns for w in words if same_heading(_plain(c), w)), None)
        if field not in found and hit is not None:
            found[field] = raw.frame[hit]
    lost = [f for f in ("respondent", "named") if f not in found]
    if lost:
        bare = [str(c) for c in raw.frame.columns if _plain(c) in _BARE]
        hint = f" {quoted(bare)} do not say who answered." if bare else ""
        have = ", ".join(str(c) for c in raw.frame.columns[:12])
        raise DataError(
            f"{raw.name} has no column for {quoted(lost)}. Columns: {have}.{hint} Pass "
            f"columns={{'respondent': ..., 'named': ...}}."
        )
    if relation is None and "relation" not in found:
        raise DataError(f"{raw.name} has no column relation. Pass relation=, the name of the question.")
    table = pd.DataFrame({f: s.str.strip() for f, s in found.items()})
    table["relation"] = table["relation"] if "relation" in table.columns and relation is None else relation
    table["wave"] = table["wave"].mask(table["wave"] == "", wave) if "wave" in table.columns else wave
    if "weight" in table.columns:
        number = table["weight"].map(lambda c: read_number(c) if c else 1.0).astype("float64")
        bad = ~(number > 0)
        if bad.any():
            raise DataError(
                f"{raw.name}: weights must be above 0 ({rows_text(table.index[bad], table['weight'][bad])}). "
                "Leave absent ties out."
            )
        table["weight"] = number
    else:
        table["weight"] = 1.0
    ledger.read("rows", len(table))
    blank = (table["respondent"] == "") | (table["named"] == "")
    ledger.drop("rows", "an end is empty", table.index[blank], stage="match")
    return tie_records(
        table[~blank],
        people,
        ledger,
        file=raw.name,
        respondent_is=respondent_is,
        aliases=aliases,
        respondents=respondents,
    )
