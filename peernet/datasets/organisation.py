"""A synthetic organisation whose every truth is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.datasets import _people, _programmes, _spread, _survey, _ties, _traces
from peernet.datasets._design import SOURCES, YEAR, Design
from peernet.datasets._people import Floats, Structure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peernet.network import PeerNetwork

__all__ = ["Organisation", "make_organisation"]

# Each part has a stream of its own, so that it comes out the same whichever parts are looked at, and in which order.
_PARTS = (
    "structure", "names", "shares", "response", "reports", "lunches", "groups", "ties", "ratings", "nominations",
    "typed", "skills", "attitudes", "skill_a", "skill_b", "skill_c", "skill_d", "launches", "chat", "completions",
    "mentoring", "survey_file", "slack_file", "roster_file", "other_files",
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
        return _people.people_frame(self.design, self.structure, self.stream("names"))

    @cached_property
    def ids(self) -> pd.Index[str]:
        """Employee ids, text with leading zeros."""
        return self.people.index

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
        """True teaching ties: teacher, learner, weight (episodes a year), since (day), origin, trust, usefulness, direction."""
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
        return self.shares[(self._status == "answered")]

    @cached_property
    def _reported(self) -> tuple[Floats, NDArray[np.str_]]:
        """Percentages as written by everybody, and the wording shown."""
        return _survey.reported_shares(self.design, self._shares, self.stream("reports"))

    @cached_property
    def reported_shares(self) -> pd.DataFrame:
        """Percentages as written by those who answered: rounded, not always summing to 100; column ``version`` = wording."""
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
            "C": _spread.taste_days(d, where, self.stream("skill_c")),
        }
        return days | ({"D": self.spreads["D"].day} if "D" in self.spreads else {}), due

    @cached_property
    def adoptions(self) -> pd.DataFrame:
        """When each person took up each skill: person, item, time in days from the first day of the year (NaN = never seen)."""
        frames = [
            pd.DataFrame({"person": self.ids, "item": item, "time": np.where(np.isfinite(day), day, np.nan)})
            for item, day in self._days[0].items()
        ]
        return pd.concat(frames, ignore_index=True)

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
        """Every answered question: time (UTC), teacher, learner, kind, place, topic; also those that no export shows."""
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
        """Platform rows by id: person, item (course), author, chosen, done, day, due (day, -1 = none), score, minutes."""
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
    def truth(self) -> dict[str, Any]:
        """Every true value by name; see docs/worlds.md."""
        from peernet.datasets._truth import truth_of

        return truth_of(self)

    def social_shares(self) -> pd.DataFrame:
        """True social share of each person, strict (peers) and wide (peers, manager, people outside), in [0, 1]."""
        wide = self.shares[list(_WIDE)].sum(axis=1)
        return pd.DataFrame({"strict": self.shares["peers"], "wide": wide})

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


def make_organisation(
    n_people: int = 240,
    n_units: int = 8,
    n_sites: int = 3,
    *,
    mean_teachers: float = 5.0,
    activity_spread: float = 0.6,
    seniority: float = 0.2,
    silo_strength: float = 1.5,
    site_strength: float = 0.8,
    team_strength: float = 1.2,
    homophily: float = 0.5,
    authority: float = 1.0,
    social_share: float = 0.62,
    strict_share: float | None = None,
    share_spread: float = 0.2,
    unit_share_spread: float = 0.2,
    response_rate: float = 0.75,
    silence_bias: float = 0.0,
    heaping: float = 0.6,
    sum_errors: float = 0.1,
    wording_shift: float = 0.0,
    cap: int = 5,
    recall: float = 0.9,
    typos: float = 0.05,
    objectors: float = 0.01,
    split_ids: float = 0.0,
    teach_expected: float = 0.5,
    teach_impromptu: float = 0.0,
    teacher_selection: float = 0.5,
    similarity_trust: float = 0.4,
    trust_usefulness: float = 0.5,
    peer_advantage: float = 0.3,
    safety_effect: float = 0.5,
    lunches_per_month: float = 4.0,
    lunch_effect: float = 0.3,
    lunch_saturation: float = 1.5,
    mentoring_effect: float = 0.3,
    match_effect: float = 0.3,
    mentor_selection: float = 0.5,
    mentor_spread: float = 0.4,
    choice_effect: float = 0.6,
    mixing_effect: float = 0.06,
    media_effect: float = 0.28,
    course_equivalence: float = 0.9,
    formal_informal: float = 0.2,
    launch_effect: float = 0.4,
    transmission: float = 1.0,
    adoption_rate: float = 0.9,
    deadline: float = 0.85,
    taste: float = 0.5,
    small_skill: int = 0,
    chat_rate: float = 0.9,
    movers: float = 0.0,
    turnover: float = 0.0,
    vanishing_silo: bool = False,
    small_unit: bool = False,
    lookalikes: bool = False,
    sole_expert: bool = False,
    same_names: bool = False,
    hidden_team: int = 0,
    rng: RNGLike | SeedLike | None = None,
) -> Organisation:
    """Draw an organisation of which everything is known: one knob per claim and per confounder.

    A firm watched for the year 2025, surveyed in November. Learner j takes teachers i one by one with odds
    ``exp(u_ij)``, ``u_ij = activity_i + seniority (grade_i - 2) + silo_strength [same unit] + team_strength [same team] +
    site_strength [same site] + homophily (same trade + nearness in service) + authority [i manages j]``.

    Parts are drawn when first looked at, each from a stream of its own: shares alone cost about a millisecond.

    Parameters
    ----------
    n_people, n_units, n_sites : int
        Size of the firm. Units are of unequal size.
    mean_teachers : float
        Mean number of teachers a person has (1 + Poisson).
    activity_spread : float
        Standard deviation of the log-odds of being asked.
    seniority : float
        Log-odds of being asked, per grade.
    silo_strength, site_strength, team_strength, homophily, authority : float
        Log-odds pulls of unit, site, team, likeness (claim H3) and own manager (H4); 0 = none.
    social_share : float
        Roster mean of the share of learning from peers, manager and people outside (H1, wide reading). The mean over
        the people asked equals it exactly, in every draw.
    strict_share : float, optional
        Roster mean of the share from peers alone (strict reading). Default: 41/62 of ``social_share``.
    share_spread, unit_share_spread : float
        Standard deviation of the wide share between people; of its log-odds between units.
    response_rate : float
        Expected share of those asked who answer.
    silence_bias : float
        Change in the log-odds of answering per SD of the social share; 0 = answering at random, above 0 = silent people
        share less.
    heaping : float
        Share of people who round to tens.
    sum_errors : float
        Share of people whose percentages sum to 110, 90, 130 or 1.
    wording_shift : float
        What wording B adds to the share of peers.
    cap : int
        Most names that the questionnaire takes.
    recall : float
        Chance that a tie comes to mind.
    typos : float
        Share of names mistyped.
    objectors : float
        Share of people who refuse the use of their answers.
    split_ids : float
        Share of people whose chat account carries another address than the roster.
    teach_expected, teach_impromptu : float
        Gain of the teacher in SD of the unexplained rating, when teaching was expected, and when not (H2).
    teacher_selection : float
        Log-odds of teaching per SD of prior skill: a confounder of H2.
    similarity_trust, trust_usefulness : float
        Trust per SD of likeness; usefulness per SD of trust (H3).
    peer_advantage : float
        Usefulness of peers over managers and reports, in SD (H4).
    safety_effect : float
        Asking for help per SD of psychological safety (H5).
    lunches_per_month : float
        Lunch talks a month.
    lunch_effect, lunch_saturation : float
        Chance of a new tie across units after many talks; talks after which 63 % of it is reached (H6).
    mentoring_effect, match_effect : float
        Gain of the protégé in SD; more when the mentor is of the same trade (H7).
    mentor_selection : float
        Log-odds of getting a mentor per SD of prior performance: a confounder of H7.
    mentor_spread : float
        SD of mentors' own effects (H13).
    choice_effect : float
        Log-odds of completing a self-chosen course over an assigned one (H8).
    mixing_effect : float
        Chance of a new tie between two members of a mixed group (H9).
    media_effect : float
        Score per further medium of a course, in units of 10 points (H10).
    course_equivalence : float
        How much of a replaced course hour an hour of peer teaching is worth (H11).
    formal_informal : float
        Interaction of formal and informal learning on performance (H12).
    launch_effect : float
        Log rate of help in chat once the platform is there (H14).
    transmission : float
        s: strength of one informed teacher relative to learning alone, skills A and D (H15).
    adoption_rate : float
        Asocial rate of adoption a year.
    deadline : float
        Share of people who finish skill B because it is due: a confounder of H15.
    taste : float
        Log rate of adopting skill C per step of taste, which ties follow too: a confounder of H15.
    small_skill : int
        Number of people who take up skill D in the year; 0 = no such skill.
    chat_rate : float
        Episodes of help in chat per unit of tie weight and year.
    movers, turnover : float
        Share of people who change unit; who join or leave during the year.
    vanishing_silo : bool
        Units 2 and 3 fill the last site alone and are drawn together by the place, not by the unit.
    small_unit : bool
        The last unit has four people.
    lookalikes : bool
        Two hubs, "Maria Oliveira" and "Mario Oliveira", of two units: taken for one they are the top broker.
    sole_expert : bool
        One person answers everything on one topic.
    same_names : bool
        Two people are both called Jan Kowalski.
    hidden_team : int
        Size of a team across units that is on no org chart; 0 = none.
    rng : Generator, seed or None
        As in SPEC 7.

    Returns
    -------
    Organisation
        With ``truth``, a dict of every true value.

    Raises
    ------
    ValueError
        For knobs out of range, with the range.

    Examples
    --------
    >>> firm = make_organisation(n_people=60, n_units=4, n_sites=2, rng=1)
    >>> float(firm.social_shares()["wide"].mean().round(6))
    0.62
    """
    knobs = dict(locals())
    generator = as_rng(knobs.pop("rng"))
    if strict_share is None:
        knobs["strict_share"] = social_share * 41 / 62
    design = Design(**knobs)
    return Organisation(design, tuple(int(k) for k in generator.integers(0, 2**32, size=4)))
