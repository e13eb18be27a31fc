"""Records: the tables that every reader returns, and their merging."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from peernet._check import literal
from peernet._permissions import Permissions, join_permissions, mark, marked
from peernet.errors import DataError
from peernet.records.report import IngestReport

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["FRAMES", "Records", "empty_table"]

Covers = Literal["everything", "survey"]
TableName = Literal[
    "people", "spells", "rosters", "events", "nominations", "respondents", "answers", "sessions", "completions",
    "adoptions", "questions", "aliases",
]  # fmt: skip
_TIME = "datetime64[us, UTC]"
_COLUMNS: dict[str, dict[str, str]] = {
    "people": {},
    "spells": {"person": "str", "start": _TIME, "end": _TIME},
    "rosters": {"person": "str", "wave": "str"},
    "events": {
        "event_id": "str", "time": _TIME, "teacher": "str", "learner": "str", "kind": "str", "weight": "float64",
        "context": "str", "topic": "str", "source": "str", "evidence": "str",
    },
    "nominations": {"respondent": "str", "named": "str", "relation": "str", "wave": "str", "slot": "Int64",
                    "weight": "float64"},
    "respondents": {"person": "str", "wave": "str", "status": "str", "started": _TIME, "finished": _TIME},
    "answers": {"person": "str", "wave": "str", "question": "str", "item": "str", "value": "object"},
    "sessions": {"session": "str", "person": "str", "time": _TIME, "role": "str", "kind": "str"},
    "completions": {
        "person": "str", "item": "str", "title": "str", "author": "str", "time": _TIME, "started": _TIME,
        "assigned": "boolean", "assigned_by": "str", "due": _TIME, "status": "str", "already_known": "boolean",
    },
    "adoptions": {"person": "str", "item": "str", "time": _TIME},
    "questions": {"question": "str", "item": "str", "low": "float64", "high": "float64", "reverse": "bool",
                  "reading": "str", "social_in": "str", "text": "str"},
    "aliases": {"person": "str", "system": "str", "id": "str"},
}  # fmt: skip
FRAMES = tuple(_COLUMNS)
KEYS = {
    "spells": ["person", "start"],
    "rosters": ["person", "wave"],
    "events": ["source", "event_id"],
    "respondents": ["person", "wave"],
    "aliases": ["system", "id"],
    "questions": ["question", "item"],
}
# Columns that hold person ids, by table; "people" is keyed by its index.
PERSON_COLUMNS: dict[str, tuple[str, ...]] = {
    "spells": ("person", "manager"),
    "rosters": ("person", "manager", "dotted_line"),
    "events": ("teacher", "learner"),
    "nominations": ("respondent", "named"),
    "respondents": ("person",),
    "answers": ("person",),
    "sessions": ("person",),
    "completions": ("person", "author", "assigned_by"),
    "adoptions": ("person",),
    "aliases": ("person",),
}


def empty_table(name: TableName) -> pd.DataFrame:
    """Table of :class:`Records` without rows, every column in its type.

    Parameters
    ----------
    name : str
        One of the tables of :class:`Records`.

    Returns
    -------
    pandas.DataFrame
        No rows; ``people`` has the index ``person`` and no columns.
    """
    literal("name", name, FRAMES)
    frame = pd.DataFrame({c: pd.Series(dtype=t) for c, t in _COLUMNS[name].items()})
    if name == "people":
        frame.index = pd.Index([], dtype="str", name="person")
    return frame


@dataclass(frozen=True, eq=False, kw_only=True)
class Records:
    """Everything that was read about an organisation, as tables that join by person id.

    Attributes
    ----------
    people : pandas.DataFrame
        Index ``person``; name, email, unit, site, role, manager, start, end and further attributes. Latest
        known values.
    spells : pandas.DataFrame
        ``person, start, end`` and what held in [start, end): unit, site, role, manager. Missing end: still holds.
    rosters : pandas.DataFrame
        ``person, wave`` and the facts of that wave's own roster (unit, site, manager ...), where waves that were
        merged have different rosters; see :meth:`roster`. Empty where one roster says it all.
    events : pandas.DataFrame
        ``event_id, time`` (UTC), ``teacher, learner, kind, weight, context, topic, source, evidence``.
    nominations : pandas.DataFrame
        ``respondent, named, relation, wave, slot, weight`` and the ratings of each tie.
    respondents : pandas.DataFrame
        ``person, wave, status`` (answered, silent, not_asked, objected), ``started, finished``.
    answers : pandas.DataFrame
        Long: ``person, wave, question, item, value``.
    sessions : pandas.DataFrame
        ``session, person, time, role, kind``.
    completions : pandas.DataFrame
        ``person, item, title, author, time`` (completed, UTC), ``started, assigned, assigned_by, due,
        status, already_known``.
    adoptions : pandas.DataFrame
        ``person, item, time``, only where a file states adoptions as such.
    questions : pandas.DataFrame
        What was asked: ``question, item, low, high, reverse, reading, social_in, text``.
    aliases : pandas.DataFrame
        ``person, system, id``: who is who in mail, chat, git and platforms.
    roles : dict
        Relation -> role of the respondent, ``"learner"`` or ``"teacher"``.
    report : IngestReport
        What was read, used, dropped and why.
    permissions : Permissions or None
        What the study allows that read them; every network made of them carries it. None locks nothing.
    objectors : frozenset of str or None
        People of whom nothing but the roster is used. None: everybody whose status is ``objected``.
    """

    people: pd.DataFrame = field(default_factory=lambda: empty_table("people"))
    spells: pd.DataFrame = field(default_factory=lambda: empty_table("spells"))
    rosters: pd.DataFrame = field(default_factory=lambda: empty_table("rosters"))
    events: pd.DataFrame = field(default_factory=lambda: empty_table("events"))
    nominations: pd.DataFrame = field(default_factory=lambda: empty_table("nominations"))
    respondents: pd.DataFrame = field(default_factory=lambda: empty_table("respondents"))
    answers: pd.DataFrame = field(default_factory=lambda: empty_table("answers"))
    sessions: pd.DataFrame = field(default_factory=lambda: empty_table("sessions"))
    completions: pd.DataFrame = field(default_factory=lambda: empty_table("completions"))
    adoptions: pd.DataFrame = field(default_factory=lambda: empty_table("adoptions"))
    questions: pd.DataFrame = field(default_factory=lambda: empty_table("questions"))
    aliases: pd.DataFrame = field(default_factory=lambda: empty_table("aliases"))
    roles: dict[str, Literal["learner", "teacher"]] = field(default_factory=dict)
    report: IngestReport = field(default_factory=lambda: IngestReport(reader="none"))
    permissions: Permissions | None = None
    objectors: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Let every table bear what the study allows, so that a network made of it by hand is locked as well."""
        frames = {name: getattr(self, name) for name in FRAMES}
        object.__setattr__(
            self, "permissions", join_permissions([self.permissions, marked(*frames.values())])
        )
        for name, frame in frames.items():
            if self.permissions is not None and marked(frame) != self.permissions:
                copy = frame.copy(deep=False)
                mark(copy.attrs, self.permissions)
                object.__setattr__(self, name, copy)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables that hold something, by name."""
        return {name: getattr(self, name) for name in FRAMES if len(getattr(self, name))}

    def merge(self, *others: Records, consent_covers: Covers = "everything") -> Records:
        """Join with other records by person id; who objects is left out of everything but the roster.

        See :func:`peernet.records.merge_records`.

        Parameters
        ----------
        *others : Records
            From other readers.
        consent_covers : {"everything", "survey"}
            What a no to the survey's question about consent is about: everything known of the person, or the
            survey alone.
        """
        from peernet.records._merging import merge_records

        return merge_records([self, *others], consent_covers=consent_covers)

    def waves(self) -> list[str]:
        """Names of the survey waves, in order of their first answer."""
        frame = self.respondents
        if not len(frame):
            return []
        first = frame.groupby("wave", sort=True)["finished"].min()
        return [str(w) for w in first.sort_values(kind="stable", na_position="last").index]

    def roster(self, wave: str | None = None) -> pd.DataFrame:
        """Return everybody who was there in a survey wave, with the unit and the facts of that wave's own roster.

        Parameters
        ----------
        wave : str, optional
            Survey wave; everybody of all waves by default, with the latest facts.

        Returns
        -------
        pandas.DataFrame
            Index ``person``. The table ``people`` where all waves share one roster: dated rosters say in ``spells``
            who was where when.

        Raises
        ------
        DataError
            When there is no such wave.
        """
        from peernet.records._rosters import roster_of

        if wave is not None and wave not in self.waves():
            raise DataError(f"roster: no wave {wave!r}. Waves: {', '.join(self.waves()) or 'none'}.")
        return roster_of(self, wave).copy(deep=False)

    def network(
        self,
        *,
        relation: str | None = None,
        wave: str | None = None,
        kind: str | Iterable[str] | None = None,
        weight: str | None = None,
        start: Any = None,
        end: Any = None,
        half_life: float | None = None,
    ) -> PeerNetwork:
        """Who teaches whom, from nominations (``relation``) or from events.

        Parameters
        ----------
        relation : str, optional
            Relation of ``nominations``; its recorded direction decides who teaches. Without it the events
            are used, or the only relation where there are no events.
        wave : str, optional
            Survey wave; needed where a relation was asked in several.
        kind : str or list of str, optional
            Kinds of events to use; all by default.
        weight : str, optional
            Rating of ``nominations`` to weigh ties by; 1 a name by default. Names without the rating are left out.
        start, end : time, optional
            Keep events in [start, end).
        half_life : float, optional
            Days in which an event loses half its weight.

        Returns
        -------
        PeerNetwork
            All people of the roster, those without ties included, with who answered in ``observed``; where waves
            have rosters of their own (undated, different), the people and units of the wave.

        Raises
        ------
        DataError
            When there is no such relation, wave or kind.
        """
        from peernet.records import _networks

        net = _networks.build(
            self,
            relation=relation,
            wave=wave,
            kind=kind,
            weight=weight,
            start=start,
            end=end,
            half_life=half_life,
        )
        return net if self.permissions is None else net.with_permissions(self.permissions)

    def shares(self, question: str = "learning_share", *, wave: str | None = None) -> pd.DataFrame:
        """Percentages of a constant-sum question, one row a person and one column a source.

        Parameters
        ----------
        question : str
            Name in ``answers``.
        wave : str, optional
            Survey wave; needed where several asked.

        Returns
        -------
        pandas.DataFrame
            Index ``person``; percent; rows sum to 100. Only people with a usable answer: the rest is
            missing, not zero.

        Raises
        ------
        DataError
            When nobody was asked.
        """
        return self.wide(question, wave=wave).astype("float64")

    def wide(self, question: str, *, wave: str | None = None) -> pd.DataFrame:
        """Answers to a question, one row a person and one column an item.

        Parameters
        ----------
        question : str
            Name in ``answers``.
        wave : str, optional
            Survey wave; needed where several asked.

        Returns
        -------
        pandas.DataFrame
            Index ``person``; NaN where an item was not answered.

        Raises
        ------
        DataError
            When the question is not there, or was asked in several waves and none is named.
        """
        from peernet.records import _networks

        return _networks.wide(self, question, wave)

    def pseudonymise(self, *, key: Any) -> Records:
        """Copy in which ids are keyed hashes and names, e-mails and aliases are gone.

        Parameters
        ----------
        key : path or bytes
            As in :func:`peernet.privacy.pseudonymise`.
        """
        from peernet.records import _people

        return _people.pseudonymise(self, key)

    def erase(self, person: str) -> Records:
        """Copy without a person: no row, tie, answer or alias is left.

        Parameters
        ----------
        person : str
            The id.
        """
        from peernet.records import _people

        return _people.erase(self, person)

    def summary(self) -> str:
        """Say how much there is of what, then the account of the reading."""
        return f"{self!r}\n{self.report.summary()}"

    def __repr__(self) -> str:
        """Count the tables on one line."""
        counts = ", ".join(
            f"{len(frame):,} {name}".replace(",", " ") for name, frame in self.tables().items()
        )
        return f"Records: {counts or 'nothing'}"

    def _repr_html_(self) -> str:
        """Return the counts and the account of the reading, without names."""
        return f'<div class="peernet-records"><p>{escape(repr(self))}</p>{self.report._repr_html_()}</div>'
