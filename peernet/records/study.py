"""A study: what it may do (study.toml), enforced while its files are read, and its records."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from peernet._check import quoted, suggest
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.privacy.ledger import ReleaseLedger
from peernet.privacy.permissions import Permissions
from peernet.records.report import UNMATCHED, IngestReport
from peernet.records.tables import Covers, Records

__all__ = ["Study"]

# Where files are looked for when study.toml lists none: name in data/ -> kind of source.
_USUAL = {
    "hr_roster.csv": "people",
    "survey_qualtrics.csv": "qualtrics",
    "slack_export.zip": "slack",
    "completions.csv": "completions",
}
# What each section may say. [analyses] names kinds of analysis; [[source]] takes the options of its reader.
_KEYS = {
    "study": (
        "title",
        "name",
        "organisation",
        "purpose",
        "agreement",
        "period_start",
        "period_end",
        "retention",
    ),
    "privacy": ("floor", "floor_attitudes", "pseudonymise", "key", "consent_covers"),
    "sources": ("allowed", "channels", "private"),
    "analyses": ("person_level",),
}
_SECTIONS = {*_KEYS, "source"}


@dataclass(eq=False)
class Study:
    """A folder with study.toml and exports: purpose, agreement, what may be read and shown, and the joined records.

    Attributes
    ----------
    folder : pathlib.Path
        Where study.toml is.
    settings : dict
        What study.toml says.

    Notes
    -----
    Enforced: a source, channel or private conversation that ``[sources]`` does not allow is not opened, and
    the report says so; after the retention date nothing is read; ids are pseudonyms unless ``[privacy]
    pseudonymise = false``; networks made here carry the permissions, so that person-level functions not
    listed under ``[analyses]`` refuse.
    """

    folder: Path
    settings: dict[str, Any]
    _records: Records | None = field(default=None, repr=False)
    _review: pd.DataFrame | None = field(default=None, repr=False)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Study:
        """Study in a folder; nothing but study.toml is read yet.

        Parameters
        ----------
        folder : path
            The folder, or its study.toml.

        Raises
        ------
        DataError
            When there is no study.toml, or a setting has the wrong kind.
        """
        where = Path(folder)
        file = where if where.suffix == ".toml" else where / "study.toml"
        if not file.is_file():
            raise DataError(
                f"{where} holds no study.toml. Lay out a study with: peernet new-study {where.name}"
            )
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"study.toml cannot be read: {error}. Correct that line.") from None
        study = cls(file.parent, settings)
        study._check()
        return study

    def _check(self) -> None:
        """Refuse settings of the wrong kind, so that nothing is allowed by a typing error."""
        odd = set(self.settings) - _SECTIONS
        if odd:
            raise DataError(
                f"study.toml: unknown section {quoted(sorted(odd))}.{suggest(sorted(odd)[0], _SECTIONS)} "
                f"Sections: {', '.join(sorted(_SECTIONS))}."
            )
        for section, keys in _KEYS.items():
            self._get(section, "")
            wrong = sorted(set(self.settings.get(section, {})) - set(keys))
            if wrong:
                raise DataError(
                    f"study.toml: [{section}] has no setting {quoted(wrong)}.{suggest(wrong[0], keys)} "
                    f"Settings: {', '.join(keys)}."
                )
        for section, key in (("sources", "allowed"), ("sources", "channels"), ("sources", "private")):
            value = self._get(section, key, [])
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise DataError(
                    f"study.toml: {key} under [{section}] must be a list of words; it is {value!r}."
                )
        for key in ("floor", "floor_attitudes"):
            value = self._get("privacy", key, 5)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise DataError(
                    f"study.toml: {key} under [privacy] must be a whole number of at least 1; it is {value!r}."
                )
        if not isinstance(self._get("privacy", "pseudonymise", True), bool):
            raise DataError(
                "study.toml: pseudonymise under [privacy] must be true or false, without quotation marks."
            )
        if self.consent_covers not in ("everything", "survey"):
            raise DataError(
                'study.toml: consent_covers under [privacy] must be "everything" or "survey"; it is '
                f"{self.consent_covers!r}."
            )
        from peernet.records import _reading

        for kind in self.allowed:
            _reading.known_kind(kind)
        for analysis, functions in self.permissions.analyses.items():
            _reading.known_functions(analysis, functions)
        _ = self.retention

    def _get(self, section: str, key: str, default: Any = None) -> Any:
        """Return one setting."""
        part = self.settings.get(section, {})
        if not isinstance(part, dict):
            raise DataError(f"study.toml: {section} must be a section, [{section}].")
        return part.get(key, default)

    @property
    def title(self) -> str:
        """Title, or the folder's name."""
        return str(self._get("study", "title") or self._get("study", "name") or self.folder.resolve().name)

    @property
    def purpose(self) -> str:
        """Purpose as the people in the data were told; empty where nothing is said."""
        return str(self._get("study", "purpose", ""))

    @property
    def agreement(self) -> str:
        """Reference of the agreement that covers the study."""
        return str(self._get("study", "agreement", ""))

    @property
    def retention(self) -> dt.date | None:
        """Day on which the raw data are to be deleted."""
        value = self._get("study", "retention", "") or None
        if value is None or isinstance(value, dt.date):
            return value.date() if isinstance(value, dt.datetime) else value
        try:
            return dt.date.fromisoformat(str(value))
        except ValueError:
            raise DataError(f"study.toml: retention must be a day, YYYY-MM-DD; it is {value!r}.") from None

    @property
    def permissions(self) -> Permissions:
        """What analyses of this study may do; networks made here carry it."""
        analyses: dict[str, tuple[str, ...]] = {}
        for name, value in self.settings.get("analyses", {}).items():
            listed = ["*"] if value is True else [] if value is False else value
            if not isinstance(listed, list) or not all(isinstance(v, str) for v in listed):
                raise DataError(
                    f"study.toml: {name} under [analyses] must be a list of function names, or true; it is "
                    f"{value!r}."
                )
            analyses[str(name)] = tuple(listed)
        return Permissions(
            study=self.title,
            analyses=analyses,
            floor=int(self._get("privacy", "floor", 5)),
            floor_attitudes=int(self._get("privacy", "floor_attitudes", 8)),
        )

    @property
    def allowed(self) -> list[str]:
        """Kinds of sources that may be read."""
        return list(self._get("sources", "allowed", []))

    @property
    def pseudonymous(self) -> bool:
        """Whether ids are replaced on reading; true unless study.toml says otherwise."""
        return bool(self._get("privacy", "pseudonymise", True))

    @property
    def consent_covers(self) -> Covers:
        """What a no to the survey's question about consent is about: ``everything`` (the default) or the ``survey``."""
        word: Covers = self._get("privacy", "consent_covers", "everything")
        return word

    @property
    def records(self) -> Records:
        """Everything the study may read, joined; read on first use."""
        if self._records is None:
            self.read()
        assert self._records is not None
        return self._records

    @property
    def report(self) -> IngestReport:
        """What was read, used, dropped and left alone."""
        return self.records.report

    def allows_source(self, kind: str) -> bool:
        """Say whether a kind of source may be read; ``survey`` stands for every survey tool.

        Parameters
        ----------
        kind : str
            Such as "slack": the reader is ``ingest.read_slack``.

        Returns
        -------
        bool
            True where ``[sources]`` lists it.
        """
        from peernet.records import _reading

        return _reading.is_allowed(self, kind)

    def allows_channels(self) -> bool:
        """Say whether every public channel may be read; else only those under ``channels``."""
        channels = self._get("sources", "channels", None)
        return channels is None or "*" in channels

    def still_kept(self, *, today: dt.date | None = None) -> None:
        """Pass before the retention date, refuse from that day on.

        Parameters
        ----------
        today : datetime.date, optional
            The day; today by default.

        Raises
        ------
        DataError
            When the data were to be deleted.
        """
        now = today or dt.date.today()
        if self.retention is not None and now >= self.retention:
            raise DataError(
                f"the data of {self.title!r} were to be deleted on {self.retention}; they are not read any more. "
                f"Delete them with: peernet purge {self.folder.name}"
            )

    def sources(self) -> list[dict[str, Any]]:
        """Files of the study with their kind: those of ``[[source]]``, else the usual names in ``data/``.

        A roster (kind ``people``) may say to which survey wave it belongs, ``wave = "1"``, as the surveys do: units,
        joiners and leavers of a wave are then those of its own roster.
        """
        listed = self.settings.get("source")
        if listed is not None:
            if not isinstance(listed, list) or not all(isinstance(s, dict) for s in listed):
                raise DataError("study.toml: write each source as a table, [[source]] with kind and file.")
            for number, entry in enumerate(listed, 1):
                if not isinstance(entry.get("kind"), str) or not isinstance(entry.get("file"), str):
                    raise DataError(
                        f"study.toml: source {number} needs kind and file, both in quotation marks."
                    )
            return [dict(s) for s in listed]
        found = [{"kind": kind, "file": f"data/{name}"} for name, kind in _USUAL.items()]
        out = [s for s in found if (self.folder / s["file"]).is_file()]
        for entry in out:
            if entry["kind"] == "qualtrics":
                entry["codebook"] = "data/codebook.csv"
        return out

    def read(self, *, today: dt.date | None = None) -> Records:
        """Read every source that is allowed, join them by person, and replace ids by pseudonyms.

        Confirmed name matches are taken from ``aliases.csv`` beside study.toml (columns ``given`` and
        ``person``); ``review()`` returns the names that still fit nobody. People listed in
        ``objections.csv`` (column ``person``) appear in no table but the roster, with the status objected;
        people erased before stay erased.

        Parameters
        ----------
        today : datetime.date, optional
            For the retention date.

        Returns
        -------
        Records
            Also kept as ``study.records``.

        Raises
        ------
        DataError
            When the retention date has passed, no roster is allowed, or a file cannot be read.
        """
        from peernet.records import _reading

        self.still_kept(today=today)
        records, self._review = _reading.read_all(self)
        self._records = records
        return records

    def review(self) -> pd.DataFrame:
        """Names that fit nobody, with suggestions; put the right ones with their ``person`` into aliases.csv.

        Returns
        -------
        pandas.DataFrame
            Names and ids in clear: for the one who matches them, not for a report.
        """
        _ = self.records
        return self._review if self._review is not None else pd.DataFrame(columns=UNMATCHED)

    def network(
        self,
        *,
        relation: str | None = None,
        wave: str | None = None,
        kind: str | list[str] | None = None,
        weight: str | None = None,
        start: Any = None,
        end: Any = None,
        half_life: float | None = None,
    ) -> PeerNetwork:
        """Who teaches whom, with the permissions of the study attached.

        Parameters
        ----------
        relation, wave, kind, weight, start, end, half_life : optional
            As in :meth:`Records.network`.

        Returns
        -------
        PeerNetwork
            All people of the roster; functions about single people refuse where the study does not list them.
        """
        net = self.records.network(
            relation=relation, wave=wave, kind=kind, weight=weight, start=start, end=end, half_life=half_life
        )
        return net.with_permissions(self.permissions)

    def erase(self, person: str) -> Records:
        """Remove a person now and from every later reading (article 17 GDPR).

        The records lose every row about the person. ``erased.txt`` keeps a keyed hash of the id, which says
        nothing by itself, so that reading the same exports again does not bring the person back. The
        exports themselves are not rewritten: delete the person there, or the exports with ``peernet purge``.

        Parameters
        ----------
        person : str
            Id on the roster, or its pseudonym.

        Returns
        -------
        Records
            Without the person; also kept as ``study.records``.

        Raises
        ------
        DataError
            When there is no such person.
        """
        from peernet.records import _reading

        self._records = _reading.erase(self, person)
        return self._records

    @property
    def ledger(self) -> ReleaseLedger:
        """Tables released so far (``releases.jsonl`` beside study.toml)."""
        return ReleaseLedger(self.folder / "releases.jsonl", key=self.key(), floor=self.permissions.floor)

    def release(
        self,
        by: str | list[str],
        *,
        name: str,
        frame: pd.DataFrame | pd.Series[Any] | None = None,
        where: str | None = None,
        value: str | None = None,
        attitudes: bool = False,
        totals: bool = True,
        record: bool = True,
    ) -> pd.DataFrame:
        """Table of people that is safe beside everything this study has released, written into its ledger.

        Parameters
        ----------
        by : str or list of str
            One or two columns of ``frame`` or of ``study.records.people``.
        name : str
            What the table is called in the ledger.
        frame : pandas.DataFrame or Series, optional
            Answers or other facts, index = person; the people of the records by default. Columns that it lacks
            are taken from the people.
        where : str, optional
            True/False column: only those people are counted.
        value : str, optional
            Numeric column whose means are shown instead of counts.
        attitudes : bool
            Use the higher floor of the study.
        totals : bool
            Whether totals are shown too.
        record : bool
            False only looks; see :meth:`peernet.privacy.ReleaseLedger.release`.

        Returns
        -------
        pandas.DataFrame
            NaN = withheld.

        Raises
        ------
        DataError
            When a column is missing, ``frame`` holds ids that are nobody in the study, or the name is taken by
            another table.
        """
        people = self.records.people
        table = people if frame is None else frame.to_frame() if isinstance(frame, pd.Series) else frame
        strange = int((~table.index.isin(people.index)).sum())
        if strange:
            raise DataError(
                f"release: {strange} of the {len(table)} rows of frame are nobody in the study. The index must be ids "
                "as in study.records.people"
                + (": pseudonyms, not the ids of the files." if self.pseudonymous else ".")
            )
        more = [c for c in people.columns if c not in table.columns]
        floors = self.permissions
        return self.ledger.release(
            table.join(people[more]) if more else table,
            by,
            name=name,
            where=where,
            value=value,
            floor=floors.floor_attitudes if attitudes else floors.floor,
            totals=totals,
            record=record,
        )

    def key(self) -> Path:
        """File with the key of the pseudonyms, outside the study; made when it is first needed."""
        from peernet.records import _reading

        return _reading.key_of(self)

    def summary(self) -> str:
        """Say what the study is for and what it may do."""
        grants = [f"{a}: {', '.join(f)}" for a, f in self.permissions.analyses.items() if f]
        channels = self._get("sources", "channels", ["*"])
        lines = [
            f"Study: {self.title}",
            f"  Purpose: {self.purpose or 'not stated'}",
            f"  Agreement: {self.agreement or 'not stated'}",
            f"  Sources allowed: {', '.join(self.allowed) or 'none'}; channels: {', '.join(channels) or 'none'}",
            f"  Locked analyses opened: {'; '.join(grants) or 'none, so nothing about single people is shown'}",
            f"  Smallest group shown: {self.permissions.floor} ({self.permissions.floor_attitudes} for attitudes)",
            f"  Ids: {'pseudonyms' if self.pseudonymous else 'as in the files'}; data deleted on "
            f"{self.retention or 'no day (not stated)'}",
            "  Not for assessing individuals.",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return the summary."""
        return self.summary()

    def _repr_html_(self) -> str:
        """Return the summary as a list."""
        head, *rest = self.summary().split("\n")
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        return f'<div class="peernet-study"><p>{escape(head)}</p><ul>{items}</ul></div>'
