"""A survey and its codebook to records, whatever tool wrote the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from peernet._check import literal, quoted, rows_text, suggest
from peernet.errors import DataError
from peernet.ingest._answers import BadShares, parse_labels, read_items, read_shares
from peernet.ingest._files import PathLike, read_table
from peernet.ingest._survey_names import nominations_of
from peernet.ingest._times import DateOrder, parse_times
from peernet.ingest._vendor import expand_lists, split_names
from peernet.ingest.codebook import Codebook
from peernet.records.identity import match_names
from peernet.records.report import Ledger, tuples
from peernet.records.tables import Records, empty_table

__all__ = ["read_survey", "survey_records"]

People = Records | pd.DataFrame
Aliases = pd.DataFrame | Mapping[str, str] | None
_NO = {"0", "2", "no", "nein", "non", "false", "n", "disagree", "i do not agree"}
_YES = {"1", "yes", "ja", "oui", "true", "y", "agree", "i agree"}


def read_survey(
    path: PathLike,
    codebook: PathLike | pd.DataFrame | Codebook,
    *,
    people: People,
    wave: str = "1",
    aliases: Aliases = None,
    bad_shares: BadShares = "drop",
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Records:
    """Answers of a survey with one header row (CSV, TSV or xlsx), read by its codebook.

    Parameters
    ----------
    path : path
        One row a respondent.
    codebook : path, pandas.DataFrame or Codebook
        Which column means what; see :class:`Codebook` and :func:`draft_codebook`.
    people : Records or pandas.DataFrame
        The roster: who was asked, and whom the names given can mean.
    wave : str
        Name of this survey wave.
    aliases : pandas.DataFrame or dict, optional
        Confirmed name matches: ``report.unmatched`` of a first reading with ``person`` filled in.
    bad_shares : {"drop", "error"}
        What to do with learning shares that cannot be scaled to 100.
    time_zone : str, optional
        Zone of times that state none.
    date_order : {"auto", "ymd", "dmy", "mdy"}
        Order of day and month where the file does not tell.
    encoding, delimiter : str, optional
        Where they cannot be told from the file.

    Returns
    -------
    Records
        ``people``, ``respondents``, ``nominations``, ``answers``, ``questions`` and the report.

    Raises
    ------
    DataError
        When a column of the codebook is not in the file, nobody can be joined to the roster, or a direction
        is open.
    """
    ledger = Ledger("read_survey")
    raw = read_table(path, ledger, encoding=encoding, delimiter=delimiter)
    ledger.read("rows", len(raw.frame))
    return survey_records(
        raw.frame,
        Codebook.read(codebook),
        people,
        ledger,
        file=raw.name,
        wave=wave,
        aliases=aliases,
        bad_shares=bad_shares,
        time_zone=time_zone,
        date_order=date_order,
    )


def roster_of(people: People) -> pd.DataFrame:
    """Return the roster behind ``people=``."""
    if isinstance(people, Records):
        table = people.people
    elif isinstance(people, pd.DataFrame):
        from peernet._tables import clean_people

        table = clean_people(people)
    else:
        raise DataError(
            "people must be the Records of read_people or a DataFrame indexed by person; got "
            f"{type(people).__name__}."
        )
    if not len(table):
        raise DataError("people: the roster is empty. Read it with read_people first.")
    return table


def survey_records(
    frame: pd.DataFrame,
    book: Codebook,
    people: People,
    ledger: Ledger,
    *,
    file: str,
    wave: str,
    aliases: Aliases,
    bad_shares: BadShares,
    time_zone: str | None = None,
    date_order: DateOrder = "auto",
) -> Records:
    """Turn rows of text into records: the engine behind every survey reader."""
    literal("bad_shares", bad_shares, ("drop", "error"))
    roster = roster_of(people)
    known = [
        *roster.index.astype("str"),
        *(str(n) for c in ("name", "email") if c in roster for n in roster[c].dropna()),
    ]
    frame, book = expand_lists(frame, book, lambda cell: split_names(cell, known))
    _need_columns(frame, book, file)
    if not len(frame):
        raise DataError(f"{file} has a header and no answers below it (0 rows). Export it again.")
    frame = _only_complete(frame, book, ledger)
    who, how = _respondents(frame, book, roster, aliases, file, ledger)
    frame, who = frame[who.notna()], who.dropna()
    empty = _says_nothing(frame, book)
    ledger.drop("rows", "every answer is empty: did not answer", frame.index[empty])
    frame, who = frame[~empty], who[~empty]
    frame, who, times = _last_of_each(frame, who, book, ledger, time_zone, date_order)
    objected = _objections(frame, book)
    ledger.drop("rows", "objects to the use of the answers", frame.index[objected])
    objectors = set(who[objected])
    frame = frame[~objected]
    names, review = nominations_of(frame, who, book, roster, aliases, objectors, wave, ledger)
    answers = _answers(frame, who, book, ledger, wave, bad_shares)
    respondents = _status(roster, who, objectors, times, wave)
    reviews = [r for r in (how, review) if len(r)]
    both = (
        pd.concat(reviews, ignore_index=True).drop_duplicates(["given", "suggested"], ignore_index=True)
        if reviews
        else review
    )
    ledger.facts.update(
        direction=_direction(book),
        unmatched=both,
        response=_response(roster, respondents),
        time_zone=times.attrs.get("zone", ""),
        start=_edge(times["started"], "min"),
        end=_edge(times["finished"], "max"),
    )
    return Records(
        people=roster,
        nominations=names,
        respondents=respondents,
        answers=answers,
        questions=_questions(book),
        roles=book.roles,
        report=ledger.report(),
    )


def _edge(times: pd.Series[Any], which: str) -> Any:
    """Return the first or last time, None where there is none."""
    value = getattr(times, which)() if len(times) else pd.NaT
    return None if pd.isna(value) else value


def _need_columns(frame: pd.DataFrame, book: Codebook, file: str) -> None:
    """Refuse a codebook that names columns the file does not have."""
    lost = [c for c in book.table["column"] if c not in frame.columns]
    if lost:
        have = ", ".join(str(c) for c in frame.columns[:25])
        raise DataError(
            f"{file}: {len(lost)} columns of {book.name} are not in the file "
            f"({quoted(lost)}).{suggest(lost[0], frame.columns)} "
            f"Is the header row missing? Row 1 reads: {have}."
        )


def _only_complete(frame: pd.DataFrame, book: Codebook, ledger: Ledger) -> pd.DataFrame:
    """Leave out rows that were broken off."""
    for column in book.of("complete")["column"]:
        done = ~frame[column].str.strip().str.lower().isin(["", "0", "no", "false", "incomplete"])
        ledger.drop("rows", "broken off before the end", frame.index[~done], stage="match")
        frame = frame[done]
    return frame


def _respondents(
    frame: pd.DataFrame, book: Codebook, roster: pd.DataFrame, aliases: Aliases, file: str, ledger: Ledger
) -> tuple[pd.Series[Any], pd.DataFrame]:
    """Find out who answered, by id, then e-mail, then name."""
    keys = pd.concat([book.of(kind) for kind in ("person", "email", "name")])
    if not len(keys):
        raise DataError(f"{book.name}: no column says who answered. Give one the kind person, email or name.")
    given = pd.DataFrame({c: frame[c].str.strip() for c in keys["column"]})
    anonymous = given.apply(lambda c: c.str.lower().isin(["", "anonymous"])).all(axis=1)
    if len(frame) and anonymous.all():
        raise DataError(
            f"{file}: all {len(frame)} answers are anonymous ({quoted(keys['column'])} empty or "
            "'anonymous'): an anonymous link "
            "was used, so nobody can be joined to the roster. Ties and response by unit cannot be had from "
            "this file; send "
            "personal links next time."
        )
    who = pd.Series(None, index=frame.index, dtype="str")
    reviews = []
    for column in keys["column"]:
        open_rows = who.isna() & ~given[column].str.lower().isin(["", "anonymous"])
        found = match_names(given.loc[open_rows, column], roster, aliases=aliases)
        who[open_rows] = found.person.to_numpy()
        reviews.append(found.review.assign(_column=column))
    lost = who.isna()
    ledger.drop("rows", "anonymous: no id, e-mail or name", frame.index[anonymous & lost], stage="match")
    ledger.drop("rows", "respondent is not on the roster", frame.index[lost & ~anonymous], stage="match")
    review = pd.concat(reviews, ignore_index=True)
    still = set(given.loc[lost].to_numpy().ravel())
    review = review[review["given"].isin(still)].drop(columns="_column")
    if len(frame) and lost.all():
        shown = given[~anonymous].iloc[:, 0]
        raise DataError(
            f"{file}: none of the {len(frame)} respondents is on the roster ({rows_text(shown.index, shown)}). "
            "Is it the right roster, or have ids lost their leading zeros?"
        )
    return who, review


def _last_of_each(
    frame: pd.DataFrame,
    who: pd.Series[Any],
    book: Codebook,
    ledger: Ledger,
    time_zone: str | None,
    date_order: DateOrder,
) -> tuple[pd.DataFrame, pd.Series[Any], pd.DataFrame]:
    """Keep the last answer of people who answered twice."""
    times = pd.DataFrame({"person": who})
    for name in ("started", "finished"):
        columns = list(book.of(name)["column"])
        if not columns:
            times[name] = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
            continue
        parsed = parse_times(
            frame[columns[0]], f"column {columns[0]}", time_zone=time_zone, date_order=date_order
        )
        ledger.flag("rows", f"{name} is not a time", parsed.unreadable)
        ledger.flag("rows", f"{name} lies in the hour that the clocks repeat or skip", parsed.doubtful)
        times[name] = parsed.time
        times.attrs["zone"] = parsed.zone
    zone = times.attrs.get("zone", "")
    order = times["finished"].fillna(times["started"]).fillna(pd.Timestamp("1900-01-01", tz="UTC"))
    last = order.sort_values(kind="stable").groupby(who, sort=False).tail(1).index
    older = frame.index.difference(last)
    ledger.drop("rows", "answered again later (the last answer counts)", older)
    keep = frame.index.isin(last)
    times = times[keep]
    times.attrs["zone"] = zone
    return frame[keep], who[keep], times


def _says_nothing(frame: pd.DataFrame, book: Codebook) -> np.ndarray[Any, Any]:
    """Mark rows that hold nothing but who: no answer, no word about consent, no time of sending."""
    about = book.table["kind"].isin(["person", "email", "name", "started", "skip"])
    answers = list(book.table.loc[~about, "column"])
    if not answers:
        return np.zeros(len(frame), dtype=bool)
    out: np.ndarray[Any, Any] = (frame[answers].map(str.strip) == "").all(axis=1).to_numpy(dtype=bool)
    return out


def _objections(frame: pd.DataFrame, book: Codebook) -> np.ndarray[Any, Any]:
    """Mark people who said no to the use of their answers."""
    out = np.zeros(len(frame), dtype=bool)
    for entry in tuples(book.of("consent")):
        cells = frame[entry.column].str.strip().str.lower()
        labels = {k.lower(): v.lower() for k, v in parse_labels(str(entry.labels)).items()}
        text = cells.map(lambda c, known=labels: known.get(c, c))
        said = text.isin(_YES) | text.isin(_NO) | (text == "")
        if not said.all():
            bad = frame[entry.column][~said]
            raise DataError(
                f"column {entry.column}: {rows_text(bad.index, bad)} are neither yes nor no. Give labels in "
                "the codebook (1=yes|2=no)."
            )
        out |= text.isin(_NO).to_numpy()
    return out


def _answers(
    frame: pd.DataFrame, who: pd.Series[Any], book: Codebook, ledger: Ledger, wave: str, bad_shares: BadShares
) -> pd.DataFrame:
    """Collect shares and items in one long table."""
    parts = [
        p
        for p in (read_shares(frame, book, ledger, bad_shares=bad_shares), read_items(frame, book, ledger))
        if len(p)
    ]
    if not parts:
        return empty_table("answers")
    long = pd.concat([p.astype({"value": "object"}) for p in parts], ignore_index=True)
    long["person"] = long["row"].map(who)
    long["wave"] = wave
    out = long[list(empty_table("answers").columns)]
    return out.astype({"person": "str", "wave": "str", "question": "str", "item": "str"})


def _status(
    roster: pd.DataFrame, who: pd.Series[Any], objectors: set[str], times: pd.DataFrame, wave: str
) -> pd.DataFrame:
    """Say for everybody on the roster whether they answered, were silent, were not asked or objected."""
    status = pd.Series("silent", index=roster.index, dtype="str")
    first, last = (
        _edge(times["started"].fillna(times["finished"]), "min"),
        _edge(times["finished"].fillna(times["started"]), "max"),
    )
    for column in ("end", "start"):
        if column in roster.columns and first is not None and last is not None:
            moment = pd.to_datetime(roster[column], utc=True, errors="coerce")
            away = moment <= first if column == "end" else moment >= last
            status[(moment.notna() & away).to_numpy()] = "not_asked"
    status[who.to_numpy()] = "answered"
    status[sorted(objectors)] = "objected"
    seen = times.set_index("person")
    frame = pd.DataFrame({"person": roster.index.to_numpy(), "wave": wave, "status": status.to_numpy()})
    for name in ("started", "finished"):
        frame[name] = frame["person"].map(seen[name]) if len(seen) else pd.NaT
    return frame.astype(dict(empty_table("respondents").dtypes.items()))


def _response(roster: pd.DataFrame, respondents: pd.DataFrame) -> pd.DataFrame:
    """Count answers by unit."""
    unit = (
        roster["unit"].fillna("(no unit)")
        if "unit" in roster.columns
        else pd.Series("everybody", index=roster.index)
    )
    status = respondents.set_index("person")["status"].reindex(roster.index)
    asked = (status != "not_asked").groupby(unit, sort=True).sum()
    answered = (status == "answered").groupby(unit, sort=True).sum()
    share = answered.astype("float64") / asked.where(asked > 0).astype("float64")
    return pd.DataFrame(
        {
            "unit": asked.index,
            "asked": asked.to_numpy(),
            "answered": answered.to_numpy(),
            "share": share.to_numpy(),
        }
    )


def _direction(book: Codebook) -> str:
    """Say in words who teaches in each relation."""
    words = {"learner": "the person named teaches", "teacher": "the person named learns"}
    return "; ".join(f"{relation}: {words[role]}" for relation, role in book.roles.items())


def _questions(book: Codebook) -> pd.DataFrame:
    """Keep what was asked."""
    rows = book.of("learning_share", "likert", "rating", "number", "choice", "wording", "date", "text")
    share = rows["kind"] == "learning_share"
    frame = pd.DataFrame(
        {
            "question": rows["question"].where(
                rows["question"] != "", rows["column"].where(~share, "learning_share")
            ),
            "item": rows["item"].where(~share, rows["source"]),
            "low": pd.to_numeric(rows["low"].where(rows["low"] != "")),
            "high": pd.to_numeric(rows["high"].where(rows["high"] != "")),
            "reverse": rows["reverse"].str.lower().isin(["1", "yes", "true", "x"]),
            "reading": rows["reading"],
            "social_in": rows["social_in"],
            "text": rows["text"],
        }
    ).reset_index(drop=True)
    return frame.astype(dict(empty_table("questions").dtypes.items()))
