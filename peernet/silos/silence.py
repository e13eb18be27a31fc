"""People who fall silent: what of a network they take with them, and in which order they go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import literal, quoted
from peernet.errors import DataError

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["Pattern", "Reports", "make_silent"]

Pattern = Literal["random", "central", "peripheral", "unit"]
Reports = Literal["learner", "teacher", "both"]
WORDS = {
    "random": "at random", "central": "central people", "peripheral": "people at the edge", "unit": "whole units",
}  # fmt: skip


def reports_of(net: PeerNetwork, role: str | None) -> str:
    """Return the role in which people report: as asked, as recorded, or both where ties were seen."""
    if role is not None:
        literal("role", role, ("learner", "teacher", "both"))
        return role
    return net.respondent_is or "both"


def without(net: PeerNetwork, silent: NDArray[np.bool_], role: str) -> PeerNetwork:
    """Return the network without what some people would have reported."""
    status = net.observed
    status[silent & (status == "answered").to_numpy()] = "silent"
    plain = net._row_ends is None or net.ties.shape[1] == 3
    if plain:
        teacher, learner = np.asarray(net.teacher), np.asarray(net.learner)
    else:
        assert net._row_ends is not None
        teacher, learner = net._row_ends
    gone = {
        "learner": silent[learner],
        "teacher": silent[teacher],
        "both": silent[teacher] | silent[learner],
    }[role]
    kept = net._mask(~gone) if plain else net._with_rows(~gone)
    return kept._replace(observed=status)


def make_silent(net: PeerNetwork, people: Iterable[str], *, role: Reports | None = None) -> PeerNetwork:
    """Return the network as it would be if some people had not answered.

    What a silent person would have *reported* goes: the ties in which they are what ``net.respondent_is`` says. What
    others report about them stays.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner.
    people : list of str
        Ids of those who keep silent.
    role : {"learner", "teacher", "both"}, optional
        The role in which people report. Default: ``net.respondent_is``; where ties were seen, not reported, a person
        who is not seen has none, so "both".

    Returns
    -------
    PeerNetwork
        The same people; those who had answered are now ``silent``.

    Raises
    ------
    DataError
        For ids that are not in people.
    """
    reports = reports_of(net, role)
    chosen = list(people)
    rows = net.ids.get_indexer(pd.Index(chosen, dtype=net.ids.dtype))
    if (rows < 0).any():
        lost = [p for p, r in zip(chosen, rows, strict=True) if r < 0]
        raise DataError(f"make_silent: {len(lost)} ids are not in people ({quoted(lost)}).")
    silent = np.zeros(net.n_people, dtype=bool)
    silent[rows] = True
    return without(net, silent, reports)


def patterns_of(patterns: Sequence[str] | None, unit: str | None) -> list[str]:
    """Return the patterns asked for."""
    if patterns is None:
        return ["random", "central", *(["unit"] if unit is not None else [])]
    chosen = [patterns] if isinstance(patterns, str) else list(patterns)
    for pattern in chosen:
        literal("patterns", pattern, tuple(WORDS))
    if "unit" in chosen and unit is None:
        raise ValueError('patterns: "unit" needs unit=, a column of net.people.')
    if not chosen:
        raise ValueError("patterns is empty; leave it out or name some.")
    return list(dict.fromkeys(chosen))


def odds_of(net: PeerNetwork, pattern: str) -> NDArray[np.float64]:
    """Return the odds with which each person falls silent next."""
    contacts = np.bincount(net.teacher, minlength=net.n_people) + np.bincount(
        net.learner, minlength=net.n_people
    )
    base: NDArray[np.float64] = (1.0 + contacts.astype(np.float64)) ** 2
    return {"central": base, "peripheral": 1 / base}.get(pattern, np.ones(net.n_people))


def order_of(
    pattern: str,
    odds: NDArray[np.float64],
    units: NDArray[Any] | None,
    answered: NDArray[np.intp],
    stream: np.random.Generator,
) -> NDArray[np.intp]:
    """Draw the order in which people fall silent, one by one with these odds (exponential keys)."""
    keys = stream.exponential(size=len(odds)) / odds
    if pattern == "unit" and units is not None:
        turn = stream.permutation(int(units.max()) + 2)[units[answered]]
        return np.lexsort((keys, turn))
    return np.argsort(keys, kind="stable")
