"""A synthetic organisation whose every truth is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet.datasets import _people, _programmes, _spread, _survey, _ties, _traces
from peernet.datasets._design import SOURCES, YEAR, Design
from peernet.datasets._people import Floats, Structure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peernet.network import PeerNetwork
    from peernet.records import Records

__all__ = ["Organisation"]

# Each part has a stream of its own, so that it comes out the same whichever parts are looked at, and in which order.
_PARTS = (
    "structure", "names", "shares", "response", "reports", "lunches", "groups", "ties", "ratings", "nominations",
    "typed", "skills", "attitudes", "skill_a", "skill_b", "skill_c", "skill_d", "launches", "chat", "completions",
    "mentoring", "survey_file", "slack_file", "calendar_file", "git_file", "commits", "ids", "survey_cells", "split",
)  # fmt: skip
_WIDE = ("peers", "manager", "outside")


@dataclass(frozen=True, eq=False, repr=False)
class Organisation:
    """A firm with everything that is true of it, and what surveys and systems would see.

    Made by :func:`make_organisation`. Parts are drawn when first looked at, each from a stream of its own.

    Attributes
    ----------
    design : Design
        The knobs it was made with.
    root : tuple of int
        Entropy behind its streams.
    """

    design: Design
    root: tuple[int, ...]

    def stream(self, part: str) -> np.random.Generator:
        """Return the generator of one part, always from its beginning.

        Parameters
        ----------
        part : str
            Name of the part.

        Returns
        -------
        numpy.random.Generator
            The same stream at every call.
        """
        return np.random.default_rng(np.random.SeedSequence(self.root, spawn_key=(_PARTS.index(part),)))

    def __repr__(self) -> str:
        """One line: people, units, sites."""
        d = self.design
        return f"Organisation: {d.n_people} people, {d.n_units} units, {d.n_sites} sites (synthetic, truth known)"

    @cached_property
    def structure(self) -> Structure:
        """Integer codes of units, teams, sites, managers; one entry per person."""
        return _people.structure(self.design, self.stream("structure"))

    @cached_property
    def people(self) -> pd.DataFrame:
        """Everybody on the roster: name, email, unit, team, site, family, role, grade, manager, start, end, asked."""
        return _people.people_frame(self.design, self.structure, self.ids, self.stream("names"))

    @cached_property
    def ids(self) -> pd.Index[str]:
        """Employee ids, text with leading zeros."""
        return _people.draw_ids(self.design.n_people, self.stream("ids"))

    # ---- the truth ----------------------------------------------------------------------------------------------

    @cached_property
    def _lunches(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Lunch sessions and the ties they brought."""
        return _ties.lunches(self.design, self.structure, self.stream("lunches"))

    @cached_property
    def _groups(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Mixed groups and the ties they brought."""
        return _ties.groups(self.design, self.structure, self.stream("groups"))

    @cached_property
    def _ties(self) -> _ties.Ties:
        """True ties by rows."""
        late = [self._lunches[1], self._groups[1]]
        return _ties.draw_ties(self.design, self.structure, late, self.stream("ties"))

    @cached_property
    def ties(self) -> pd.DataFrame:
        """True teaching ties: teacher, learner, weight (episodes a year), since (day), origin, and how they feel."""
        rows = self._ties
        felt = _ties.tie_ratings(self.design, self.structure, rows, self.stream("ratings"))
        ends = {"teacher": self.ids[rows.teacher], "learner": self.ids[rows.learner]}
        return pd.DataFrame({**ends, "weight": rows.weight, "since": rows.since, "origin": rows.origin}).join(
            felt
        )

    @cached_property
    def network(self) -> PeerNetwork:
        """The true network: who taught whom during the year, however little."""
        from peernet.network import PeerNetwork

        return PeerNetwork(self.people, self.ties[["teacher", "learner", "weight"]])

    def network_at(self, day: float = 0) -> PeerNetwork:
        """Return the true ties that stood on a day; skills A and D spread along those of day 0.

        Parameters
        ----------
        day : float
            Day of the year, from 0.

        Returns
        -------
        PeerNetwork
            All people; the ties with ``since <= day``.
        """
        from peernet.network import PeerNetwork

        return PeerNetwork(
            self.people, self.ties.loc[self.ties["since"] <= day, ["teacher", "learner", "weight"]]
        )

    @cached_property
    def _shares(self) -> Floats:
        """Learning shares by rows."""
        return _survey.true_shares(self.design, self.structure, self.stream("shares"))

    @cached_property
    def shares(self) -> pd.DataFrame:
        """True share of each person's learning by source, in [0, 1]; rows sum to 1, everybody on the roster."""
        return pd.DataFrame(self._shares, index=self.ids, columns=list(SOURCES))

    @cached_property
    def _status(self) -> NDArray[np.str_]:
        """Status in the survey by rows."""
        return _survey.respondents(self.design, self.structure, self._shares, self.stream("response"))

    @cached_property
    def status(self) -> pd.Series[str]:
        """Status of each person in the survey: answered, silent, not_asked, objected."""
        return pd.Series(self._status, index=self.ids, name="status", dtype="str")

    @cached_property
    def answered_shares(self) -> pd.DataFrame:
        """True shares of those who answered, as they were before anybody rounded."""
        answered: pd.DataFrame = self.shares[self._status == "answered"]
        return answered

    @cached_property
    def _reported(self) -> tuple[Floats, NDArray[np.str_]]:
        """Percentages as written by everybody, and the wording shown."""
        return _survey.reported_shares(self.design, self._shares, self.stream("reports"))

    @cached_property
    def reported_shares(self) -> pd.DataFrame:
        """Percentages as written by those who answered, not always summing to 100; ``version`` = wording."""
        percent, version = self._reported
        answered = self._status == "answered"
        frame = pd.DataFrame(percent[answered], index=self.ids[answered], columns=list(SOURCES))
        return frame.assign(version=version[answered])

    @cached_property
    def _nominations(self) -> pd.DataFrame:
        """Names given, by rows."""
        return _survey.nominations(self.design, self._ties, self._status, self.stream("nominations"))

    @cached_property
    def nominations(self) -> pd.DataFrame:
        """Names given in the survey, by id: respondent, named, relation, slot, typed (the name as written)."""
        rows = self._nominations
        typed = _survey.typed_names(self.design, rows["named"], self.people, self.stream("typed"))
        ends = {"respondent": self.ids[rows["respondent"]], "named": self.ids[rows["named"]]}
        return pd.DataFrame({**ends, "relation": rows["relation"], "slot": rows["slot"], "typed": typed})

    @cached_property
    def skills(self) -> pd.DataFrame:
        """Ratings of five topics: row, topic, before, after (0-100), taught (1 no, 2 when asked, 3 expecting to)."""
        return _survey.skills(self.design, self.structure, self.stream("skills"))

    @cached_property
    def mentoring(self) -> pd.DataFrame:
        """Juniors with and without a mentor: row, mentor (row or -1), matched, before, after, mentor_effect."""
        return _programmes.mentoring(self.design, self.structure, self.stream("mentoring"))

    @cached_property
    def attitudes(self) -> pd.DataFrame:
        """Safety, asking, motivation, engagement, formal, informal, performance on standard scales, by row."""
        mentored = np.zeros(self.design.n_people)
        has = self.mentoring[self.mentoring["mentor"] >= 0]
        mentored[has["row"]] = self.design.mentoring_effect
        return _survey.attitudes(self.design, self.structure, mentored, self.stream("attitudes"))

    # ---- traces -------------------------------------------------------------------------------------------------

    @cached_property
    def spreads(self) -> dict[str, _spread.Spread]:
        """Skills A and D, which spread along the ties: day of adoption by row, true strength, share and ceiling."""
        d, where, ties = self.design, self.structure, self._ties
        out = {"A": _spread.social_days(d, where, ties, self.stream("skill_a"))}
        if d.small_skill:
            out["D"] = _spread.social_days(d, where, ties, self.stream("skill_d"), only=d.small_skill)
        return out

    @cached_property
    def _days(self) -> tuple[dict[str, Floats], NDArray[np.int64]]:
        """Day of adoption of all skills, and due days of skill B."""
        d, where = self.design, self.structure
        day_b, due = _spread.deadline_days(d, where, self.stream("skill_b"))
        days = {
            "A": self.spreads["A"].day,
            "B": day_b,
            "C": _spread.taste_days(d, where, self._ties, self.stream("skill_c")),
        }
        return days | ({"D": self.spreads["D"].day} if "D" in self.spreads else {}), due

    @cached_property
    def adoptions(self) -> pd.DataFrame:
        """When each person took up each skill: person, item, time in days of the year from 0 (NaN = never seen)."""
        frames = [
            pd.DataFrame({"person": self.ids, "item": item, "time": np.where(np.isfinite(day), day, np.nan)})
            for item, day in self._days[0].items()
        ]
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def split(self) -> NDArray[np.bool_]:
        """Whose chat account carries another address than the roster, by row."""
        return np.asarray(self.stream("split").random(self.design.n_people) < self.design.split_ids)

    @cached_property
    def launches(self) -> pd.Series[Any]:
        """Day on which each unit got the sharing platform; -1 = never."""
        day = _traces.launches(self.design, self.structure, self.stream("launches"))
        return pd.Series(day, index=pd.Index(self.design.unit_names(), name="unit"), name="launch")

    @cached_property
    def _chat(self) -> pd.DataFrame:
        """Help episodes by rows and seconds."""
        launch = self.launches.to_numpy()
        return _traces.chat_events(self.design, self.structure, self._ties, launch, self.stream("chat"))

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every answered question: time (UTC), teacher, learner, kind, place, topic; those that no export shows too."""
        rows, start = self._chat, pd.Timestamp(YEAR, tz="UTC")
        return pd.DataFrame(
            {
                "time": start + pd.to_timedelta(rows["answered"], unit="s"),
                "teacher": self.ids[rows["teacher"]],
                "learner": self.ids[rows["learner"]],
                "kind": "answer",
                "place": rows["place"],
                "topic": rows["topic"],
            }
        )

    @cached_property
    def _completions(self) -> pd.DataFrame:
        """Platform rows."""
        days, due = self._days
        return _traces.completions(self.design, self.structure, days, due, self.stream("completions"))

    @cached_property
    def completions(self) -> pd.DataFrame:
        """Platform rows by id: person, item (course), author, chosen, done, day, due (-1 = none), score, minutes."""
        rows = self._completions
        codes = np.array([code for code, _, _ in _traces.COURSES])
        frame = pd.DataFrame({"person": self.ids[rows["row"]], "item": codes[rows["course"]]})
        return frame.assign(
            author=self.ids[rows["author"]], **rows[["chosen", "done", "day", "due", "score", "minutes"]]
        )

    @cached_property
    def lunches(self) -> pd.DataFrame:
        """Lunch talks: talk, day, person, role (teacher = speaker, learner = guest)."""
        rows = self._lunches[0]
        return rows.assign(person=self.ids[rows["row"]])[["talk", "day", "person", "role"]]

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Mixed groups, drawn at random from day 120: person, group (-1 = none), treated."""
        rows = self._groups[0]
        return rows.assign(person=self.ids[rows["row"]])[["person", "group", "treated"]]

    @cached_property
    def commits(self) -> pd.DataFrame:
        """Commits of engineers and analysts: second of the year, author and helper (rows; -1 = nobody), how."""
        from peernet.datasets._write_git import commits

        return commits(self.structure, self._ties, self.stream("commits"))

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Every true value by name; see docs/worlds.md."""
        from peernet.datasets._truth import truth_of

        return truth_of(self)

    def social_shares(self) -> pd.DataFrame:
        """True social share of each person, strict (peers) and wide (peers, manager, people outside), in [0, 1]."""
        wide = self.shares[list(_WIDE)].sum(axis=1)
        return pd.DataFrame({"strict": self.shares["peers"], "wide": wide})

    def records(self, *, as_written: bool = True, events: bool = True) -> Records:
        """Return the tables that a perfect reader would make of the files, without writing or reading any.

        Everybody is recognised whatever was typed; silence, the cap on names, private places and the window of the chat
        export stay. For trying a method on many organisations. As in the files, people who object in the survey have
        traces in the chat and on the platform: ``records().merge()`` leaves them out, as :func:`load_meridian` does.

        Parameters
        ----------
        as_written : bool
            Learning shares as people wrote them, scaled to 100 where the sum lies in [90, 110]; False: their true
            shares, before rounding and wording.
        events : bool
            Chat answers and platform completions too.

        Returns
        -------
        Records
            People, spells, nominations, respondents, answers, questions, and with ``events`` events and completions.
        """
        from peernet.datasets._records import records_of

        return records_of(self, as_written=as_written, events=events)

    def knobs(self) -> dict[str, Any]:
        """Return the knobs as a dict that :func:`make_organisation` takes back."""
        return asdict(self.design)

    def write(self, folder: str | Path) -> Path:
        """Write the files that an analyst would be handed, with truth.json and SHA256SUMS.

        Parameters
        ----------
        folder : path
            Made when missing; files of the same names are replaced.

        Returns
        -------
        pathlib.Path
            The folder.
        """
        from peernet.datasets._write import write_all

        return write_all(self, Path(folder))
