"""Who is meant: names, e-mails and ids matched to the roster; near misses are proposed, never applied."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from peernet._check import quoted
from peernet.errors import DataError
from peernet.records.report import UNMATCHED

__all__ = ["Matches", "clean_text", "findings_if_wrong", "match_names", "normalise_name"]

_TAG = re.compile(r"<[^>@]*>")
_UNSEEN = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_EMAIL = re.compile(r"[^\s<>,;\"']+@[^\s<>,;\"']+")


class Matches(NamedTuple):
    """Outcome of a matching.

    Attributes
    ----------
    person : pandas.Series
        Id, or missing; as long as the values given.
    how : pandas.Series
        exact, normalised, token-sorted, alias, or empty.
    review : pandas.DataFrame
        Unmatched names with suggestions, ready to be confirmed.
    """

    person: pd.Series[Any]
    how: pd.Series[Any]
    review: pd.DataFrame


def clean_text(text: str) -> str:
    """Text without HTML tags and invisible characters, blanks folded; the words stay."""
    if _UNSEEN.search(text):
        text = _UNSEEN.sub("", text)
    if "<" in text:
        text = _TAG.sub("", text).replace("<", "").replace(">", "") if "@" not in text else _TAG.sub("", text)
    return " ".join(text.split())


def normalise_name(text: str) -> str:
    """Name without accents, case and surplus blanks: NFKD, marks removed, casefolded.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    str
        May be empty.

    Examples
    --------
    >>> normalise_name("  José  GARCÍA ")
    'jose garcia'
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", str(text)) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def _tokens(text: str) -> str:
    """Words of a name in alphabetic order, so that 'Alm, Bo' is 'bo alm'."""
    return " ".join(sorted(_WORD.findall(normalise_name(text))))


def match_names(
    given: Iterable[str],
    people: pd.DataFrame,
    *,
    aliases: pd.DataFrame | Mapping[str, str] | None = None,
    columns: Iterable[str] = ("email", "name"),
    n_suggestions: int = 1,
    cutoff: float = 0.72,
) -> Matches:
    """Person id of each name, e-mail or id as typed; what fits nobody comes back with suggestions.

    Tried in order, and only where exactly one person fits: exact id, confirmed alias, exact e-mail or name,
    the same without accents and case, the same with the words sorted. Similar spellings are *proposed* in
    ``review`` and never applied: one wrong merge of two people in two units makes the top broker.

    Parameters
    ----------
    given : list of str
        As typed. Empty text matches nobody and is not reviewed.
    people : pandas.DataFrame
        The roster, index = person id.
    aliases : pandas.DataFrame or dict, optional
        Confirmed matches: ``given`` (or ``id``) and ``person``; rows with an empty ``person`` say nothing.
    columns : list of str
        Columns of ``people`` to match against.
    n_suggestions : int
        Suggestions kept for each unmatched name.
    cutoff : float
        Similarity in [0, 1] below which nothing is suggested.

    Returns
    -------
    Matches
        ``person`` and ``how`` in the order of ``given``; ``review`` with ``given, n, suggested,
        suggested_name, score, why, person`` (``person`` empty: fill it in to confirm).

    Raises
    ------
    DataError
        When an alias names a person who is not in the roster, or gives one name to two people.
    """
    values = [str(v) for v in given]
    confirmed = _alias_map(aliases, people)
    exact, folded, sorted_words = _indexes(people, list(columns))
    steps: tuple[tuple[str, dict[str, set[str]], Callable[[str], str]], ...] = (
        ("exact", exact, str.strip),
        ("normalised", folded, normalise_name),
        ("token-sorted", sorted_words, _tokens),
    )
    ids = set(people.index)
    known: dict[str, tuple[str | None, str]] = {}
    why: dict[str, tuple[str, set[str]]] = {}
    for value in dict.fromkeys(values):
        known[value], why[value] = _find(value, ids, confirmed, steps)
    person = pd.Series([known[v][0] for v in values], dtype="str")
    how = pd.Series([known[v][1] for v in values], dtype="str")
    counts = Counter(v for v in values if v.strip() and known[v][0] is None)
    review = _review(counts, why, people, n_suggestions, cutoff)
    return Matches(person, how, review)


def _find(
    value: str,
    ids: set[str],
    confirmed: Mapping[str, str],
    steps: tuple[tuple[str, dict[str, set[str]], Callable[[str], str]], ...],
) -> tuple[tuple[str | None, str], tuple[str, set[str]]]:
    """Match one value; also say why not, with the candidates."""
    text = value.strip()
    nobody: tuple[str, set[str]] = ("", set())
    if not text:
        return (None, ""), nobody
    for form in (text, normalise_name(text)):
        if form in confirmed:
            return (confirmed[form], "alias"), nobody
    if text in ids:
        return (text, "exact"), nobody
    mail = _EMAIL.search(text)
    forms = [mail.group(0), text] if mail else [text]
    for how, index, fold in steps:
        for form in forms:
            hits = index.get(fold(form)) if fold(form) else None
            if hits and len(hits) == 1:
                return (next(iter(hits)), how), nobody
            if hits:
                return (None, ""), ("several people have this name", hits)
    return (None, ""), nobody


def _alias_map(aliases: pd.DataFrame | Mapping[str, str] | None, people: pd.DataFrame) -> dict[str, str]:
    """Read confirmed aliases."""
    if aliases is None:
        return {}
    if isinstance(aliases, Mapping):
        pairs = [(str(k), str(v)) for k, v in aliases.items()]
    else:
        column = next((c for c in ("given", "id") if c in aliases.columns), None)
        if column is None or "person" not in aliases.columns:
            have = ", ".join(str(c) for c in aliases.columns) or "none"
            raise DataError(f"aliases needs the columns given (or id) and person. Columns: {have}.")
        rows = aliases[[column, "person"]].dropna().astype("str")
        pairs = [(g, p) for g, p in rows.itertuples(index=False) if p.strip()]
    out: dict[str, str] = {}
    strangers = [p for _, p in pairs if p not in people.index]
    if strangers:
        raise DataError(
            f"aliases: {len(strangers)} name people who are not in the roster ({quoted(strangers)}). Correct "
            "person."
        )
    for given, person in pairs:
        for form in dict.fromkeys((given.strip(), normalise_name(given))):
            if out.setdefault(form, person) != person:
                raise DataError(
                    f"aliases: {given!r} is given to two people ({out[form]!r} and {person!r}). Keep one."
                )
    return out


def _indexes(people: pd.DataFrame, columns: list[str]) -> tuple[dict[str, set[str]], ...]:
    """Index the roster three ways: as written, folded, words sorted."""
    exact: dict[str, set[str]] = defaultdict(set)
    folded: dict[str, set[str]] = defaultdict(set)
    words: dict[str, set[str]] = defaultdict(set)
    for column in columns:
        if column not in people.columns:
            continue
        for person, value in people[column].dropna().items():
            text = str(value).strip()
            if text:
                exact[text].add(str(person))
                folded[normalise_name(text)].add(str(person))
                if "@" not in text:
                    words[_tokens(text)].add(str(person))
    return exact, folded, words


def _review(
    counts: Counter[str],
    why: Mapping[str, tuple[str, set[str]]],
    people: pd.DataFrame,
    n_suggestions: int,
    cutoff: float,
) -> pd.DataFrame:
    """Propose people for the names that fit nobody."""
    if not counts:
        return pd.DataFrame(columns=UNMATCHED)
    rows: list[dict[str, Any]] = []
    names = (
        people["name"].astype("str")
        if "name" in people.columns
        else pd.Series("", index=people.index, dtype="str")
    )
    pool, initials = _pool(people), _initials(people)
    near = _nearest(list(counts), list(pool), n_suggestions, cutoff)
    for given, n in counts.items():
        reason, candidates = why[given]
        found = [(p, 1.0, reason) for p in sorted(candidates)]
        found = found or [(p, 1.0, "initials fit") for p in sorted(initials.get(_initial_key(given), set()))]
        found = found or [
            (p, score, _reason(given, p)) for text, score in near[given] for p in sorted(pool[text])
        ]
        found = found or [("", float("nan"), "nobody is near")]
        for person, score, reason in found[: max(n_suggestions, len(candidates), 1)]:
            shown = "" if not person or pd.isna(names[person]) else str(names[person])
            rows.append(
                {
                    "given": given,
                    "n": n,
                    "suggested": person,
                    "suggested_name": shown,
                    "score": round(score, 3),
                    "why": reason,
                    "person": "",
                }
            )
    return pd.DataFrame(rows, columns=UNMATCHED)


def _reason(given: str, person: str) -> str:
    """Say in words why somebody is proposed."""
    digits = given.strip().removesuffix(".0")
    if digits.isdigit() and person.isdigit() and digits.lstrip("0") == person.lstrip("0"):
        return "leading zeros differ"
    return "similar spelling"


def _pool(people: pd.DataFrame) -> dict[str, set[str]]:
    """Texts to compare with: sorted words of names, local parts of e-mails, ids without leading zeros."""
    pool: dict[str, set[str]] = defaultdict(set)
    for person in people.index:
        if str(person).isdigit():
            pool[str(person).lstrip("0")].add(str(person))
    for column in ("name", "email"):
        if column in people.columns:
            for person, value in people[column].dropna().items():
                text = str(value).split("@")[0] if column == "email" else str(value)
                for form in {_tokens(text), normalise_name(text)} - {""}:
                    pool[form].add(str(person))
    return pool


def _initials(people: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    """Index the roster by one initial and the word at the other end of the name."""
    index: dict[tuple[str, str], set[str]] = defaultdict(set)
    if "name" in people.columns:
        for person, value in people["name"].dropna().items():
            words = _WORD.findall(normalise_name(str(value)))
            if len(words) > 1:
                index[words[0][0], words[-1]].add(str(person))
                index[words[-1][0], words[0]].add(str(person))
    return index


def _initial_key(given: str) -> tuple[str, str]:
    """Read 'B. Alm', 'Alm, B.' as ('b', 'alm'), 'Bo A.' as ('a', 'bo')."""
    words = _WORD.findall(normalise_name(given))
    short, long = [w for w in words if len(w) == 1], [w for w in words if len(w) > 1]
    return (short[0], long[-1]) if short and long else ("", "")


def _nearest(given: list[str], pool: list[str], n: int, cutoff: float) -> dict[str, list[tuple[str, float]]]:
    """Return the most similar texts of the pool for each name."""
    out: dict[str, list[tuple[str, float]]] = {}
    for name in given:
        hits: dict[str, float] = {}
        for shape in _shapes(name):
            for text, score in _similar(shape, pool, n, cutoff):
                hits[text] = max(score, hits.get(text, 0.0))
        out[name] = sorted(hits.items(), key=lambda hit: (-hit[1], hit[0]))[:n]
    return out


def _shapes(given: str) -> list[str]:
    """Forms of a name to compare: as written and with its words sorted; ids without leading zeros."""
    text = given.split("@")[0].strip().removesuffix(".0")
    if text.isdigit():
        return [text.lstrip("0")] if text.lstrip("0") else []
    return [shape for shape in dict.fromkeys((normalise_name(text), _tokens(text))) if shape]


def _similar(shape: str, pool: list[str], n: int, cutoff: float) -> list[tuple[str, float]]:
    """Return the most similar texts of the pool with their similarity in [0, 1]."""
    try:
        from rapidfuzz import fuzz, process
    except ImportError:
        import difflib

        near = difflib.get_close_matches(shape, pool, n=n, cutoff=cutoff)
        return [(text, difflib.SequenceMatcher(None, text, shape).ratio()) for text in near]
    found = process.extract(shape, pool, scorer=fuzz.ratio, limit=n, score_cutoff=100 * cutoff)
    return [(str(text), float(score) / 100) for text, score, _ in found]


def findings_if_wrong(
    confirmed: pd.DataFrame, measure: Callable[[pd.DataFrame], float | pd.Series[Any]], *, top: int = 10
) -> pd.DataFrame:
    """How far each finding moves if one confirmed match is wrong, largest first.

    Parameters
    ----------
    confirmed : pandas.DataFrame
        The table of confirmed matches, with ``given`` and ``person``.
    measure : callable
        Takes a table of confirmed matches (one row left out at a time) and returns a number or a Series; it
        reads the file with ``aliases=`` that table and computes the finding.
    top : int
        Rows returned.

    Returns
    -------
    pandas.DataFrame
        ``given, person, finding, with_match, without, change``.

    Raises
    ------
    DataError
        When the table holds no confirmed match.
    """
    rows = confirmed[confirmed["person"].fillna("").astype("str").str.strip() != ""]
    if not len(rows):
        raise DataError("findings_if_wrong: no match is confirmed (column person is empty everywhere).")

    def numbers(table: pd.DataFrame) -> pd.Series[Any]:
        value = measure(table)
        return value if isinstance(value, pd.Series) else pd.Series({"finding": float(value)})

    base = numbers(rows)
    out = []
    for label, row in rows.iterrows():
        less = numbers(rows.drop(index=label)).reindex(base.index)
        for name in base.index:
            before, after = float(base[name]), float(less[name])
            out.append(
                {
                    "given": row["given"],
                    "person": row["person"],
                    "finding": name,
                    "with_match": before,
                    "without": after,
                    "change": after - before,
                }
            )
    frame = pd.DataFrame(out)
    order = frame["change"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].head(top).reset_index(drop=True)
