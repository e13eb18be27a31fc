"""Names that hide in texts: answers in people's own words, titles of meetings, names of channels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

__all__ = ["FLOOR", "people_in_words", "scrub_answers", "scrub_words"]

FLOOR = 5  # a text that so many people gave is an answer, not a person
WITHHELD = "[withheld]"
_MOST_WORDS = 5
_PLAIN = re.compile(r"^[\d\s.,:/%+-]*$|^\d{4}-\d{2}(-\d{2}.*)?$")
_WORD = re.compile(r"[^\s,;:()\[\]<>\"'/|]+")


def people_in_words(people: pd.DataFrame, columns: Iterable[str]) -> dict[str, str]:
    """Return every way in which the roster writes somebody (id, name, e-mail), folded, with the id."""
    from peernet.records.identity import normalise_name

    out = {normalise_name(str(p)): str(p) for p in people.index}
    for column in columns:
        if column in people.columns:
            for person, value in people[column].dropna().items():
                text = normalise_name(str(value))
                # A first name alone is a word like others; only whole names say who.
                if text and (" " in text or "@" in text or column == "login"):
                    out.setdefault(text, str(person))
    return {" ".join(_WORD.findall(k)): p for k, p in out.items() if k}


def scrub_words(text: str, known: Mapping[str, str]) -> str:
    """Replace runs of up to five words that are somebody's id, name or e-mail; ids of one or two letters stay."""
    from peernet.records.identity import normalise_name

    spots = [(m.start(), m.end()) for m in _WORD.finditer(text)]
    words = [normalise_name(text[a:b]) for a, b in spots]
    cut: list[tuple[int, int]] = []
    at = 0
    while at < len(words):
        for size in range(min(_MOST_WORDS, len(words) - at), 0, -1):
            run = " ".join(words[at : at + size])
            if len(run) > 2 and run in known:
                cut.append((spots[at][0], spots[at + size - 1][1]))
                at += size - 1
                break
        at += 1
    for start, end in reversed(cut):
        text = text[:start] + WITHHELD + text[end:]
    return text


def scrub_answers(
    answers: pd.DataFrame, known: Mapping[str, str], pseudonym: Mapping[str, str]
) -> tuple[pd.DataFrame, int]:
    """Answers in which texts name nobody: a person becomes a pseudonym, what fewer than five people wrote is withheld.

    Numbers, dates and labels stay; so do words that at least five people gave to the same question.
    """
    text = answers["value"].map(lambda v: isinstance(v, str) and not _PLAIN.match(v))
    if not text.any():
        return answers, 0
    from peernet.records.identity import normalise_name

    mine = answers[text]
    givers = mine.groupby(["question", "value"])["person"].transform("nunique")
    folded = mine["value"].map(lambda v: " ".join(_WORD.findall(normalise_name(v))))
    person = folded.map(known)
    rare = (givers < FLOOR) & person.isna()
    new: pd.Series[Any] = mine["value"].map(lambda v: scrub_words(v, known)).astype("object")
    new = new.mask(rare, WITHHELD).mask(person.notna(), person.map(pseudonym))
    out = answers.copy()
    out.loc[text, "value"] = new
    return out, int(rare.sum())
