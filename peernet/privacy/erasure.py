"""Erasure (article 17 GDPR): a person leaves every table, and the tables are searched afterwards."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from peernet.errors import DataError

__all__ = ["erase"]

# A row in which the person is the subject goes; where they are only mentioned the cell is emptied.
_SUBJECT = {"person", "teacher", "learner", "respondent", "named", "id", "email", "given", "suggested"}


def erase(
    frames: Mapping[str, pd.DataFrame], person: str, *, columns: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, pd.DataFrame]:
    """Tables without a person: their rows go, mentions in the rows of others are emptied.

    A row goes when the person stands in its index or in a column ``person, teacher, learner, respondent,
    named``; elsewhere (``manager, author, assigned_by`` ...) the cell becomes missing. Afterwards no cell
    of any table equals the id.

    Parameters
    ----------
    frames : dict of pandas.DataFrame
        The tables by name.
    person : str
        The id.
    columns : dict, optional
        Further columns by table that may hold the id.

    Returns
    -------
    dict of pandas.DataFrame
        New tables; those given are unchanged.

    Raises
    ------
    DataError
        When the id is empty, or something is not a table.

    Examples
    --------
    >>> ties = pd.DataFrame({"teacher": ["a", "b"], "learner": ["b", "c"]})
    >>> erase({"ties": ties}, "a")["ties"].to_numpy().tolist()
    [['b', 'c']]
    """
    if not isinstance(person, str) or not person.strip():
        raise DataError(f"erase: give the id of a person; got {person!r}.")
    out: dict[str, pd.DataFrame] = {}
    for name, frame in frames.items():
        if not isinstance(frame, pd.DataFrame):
            raise DataError(f"erase: {name} is not a table but {type(frame).__name__}.")
        extra = tuple((columns or {}).get(name, ()))
        out[name] = _without(frame, person, extra)
    return out


def _without(frame: pd.DataFrame, person: str, extra: tuple[str, ...]) -> pd.DataFrame:
    """Remove a person from one table."""
    keyed = frame.index.name in _SUBJECT
    keep = pd.Series(frame.index != person if keyed else True, index=range(len(frame))).to_numpy(dtype=bool)
    mentions = []
    for position, column in enumerate(frame.columns):
        values = frame.iloc[:, position]
        if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
            continue
        hit = (values == person).fillna(False).to_numpy(dtype=bool)
        if column in _SUBJECT:
            keep = keep & ~hit
        elif hit.any() or column in extra:
            mentions.append((column, hit))
    out = frame.copy()
    for column, hit in mentions:
        if hit.any():
            out[column] = out[column].mask(hit)
    out = out[keep]
    return out if keyed else out.reset_index(drop=True)
