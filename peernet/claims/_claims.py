"""The claims themselves: what decides each, what it needs, and how small an effect so many data could show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from peernet.claims._evidence import EVIDENCE, MISQUOTED, Evidence
from peernet.claims._facts import Facts
from peernet.hypotheses.power import needed_shift, share_power, smallest_correlation, smallest_difference

__all__ = ["CLAIMS", "Claim", "Need", "Smallest"]


@dataclass(frozen=True)
class Need:
    """One kind of data that a claim needs.

    Attributes
    ----------
    words : str
        What it is.
    key : str
        Name among the counted facts.
    least : float
        Smallest count with which it is there.
    """

    words: str
    key: str
    least: float = 1

    def lacking(self, facts: Facts) -> str:
        """Name what is lacking; where there is some, say how much.

        Parameters
        ----------
        facts : dict
            Counts by name.

        Returns
        -------
        str
            Words, with the count where it is not zero.
        """
        there = facts.get(self.key, 0)
        return f"{self.words} (only {there:.0f} of {self.least:.0f})" if there > 0 else self.words


@dataclass(frozen=True)
class Smallest:
    """How to work out the smallest effect that the data could show.

    Attributes
    ----------
    unit : str
        What the number is measured in.
    of : callable
        From the counted facts to the number; NaN where it cannot be said.
    """

    unit: str
    of: Callable[[Facts], float]


@dataclass(frozen=True, eq=False)
class Claim:
    """A claim as a question that data can answer.

    Attributes
    ----------
    key : str
        Short name: H1 to H15, and ACC, RUT, DIF, STK.
    wording : str
        The claim as people put it.
    estimand : str
        The quantity that decides it.
    claimed : str
        The claimed value or direction.
    needs : tuple of Need
        Data without which it cannot be answered.
    function : str
        Public name of the method.
    family : str
        Claims tested together are corrected together (Holm).
    would_count_against : str
        What result would speak against it.
    smallest : Smallest
        Smallest effect that so many could show (two-sided 5 %, power 80 %), from counts alone; each row of
        :func:`peernet.claims.evaluate` has that of its own test.
    """

    key: str
    wording: str
    estimand: str
    claimed: str
    needs: tuple[Need, ...]
    function: str
    family: str
    would_count_against: str
    smallest: Smallest

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Published findings, with their sources."""
        return EVIDENCE.get(self.key, ())

    @property
    def misquoted(self) -> str:
        """How the evidence is misquoted; empty where it is not."""
        return MISQUOTED.get(self.key, "")

    def missing(self, facts: Facts) -> list[Need]:
        """Return the needs that these data do not meet.

        Parameters
        ----------
        facts : dict
            Counts by name.

        Returns
        -------
        list of Need
            Empty where everything is there.
        """
        return [need for need in self.needs if facts.get(need.key, 0) < need.least]


def _hazard(f: Facts) -> float:
    """Hazard ratio per standard deviation of exposure that so many adoptions show (Schoenfeld)."""
    n = f["adopters_per_item"]
    return float(np.exp(2.8016 / np.sqrt(n))) if n > 0 else float("nan")


def _d(first: str, second: str) -> Smallest:
    """Difference between two groups."""
    return Smallest("standard deviations", lambda f: smallest_difference(int(f[first]), int(f[second])))


def _r(key: str, unit: str = "correlation") -> Smallest:
    """Correlation over so many pairs; also the slope between two quantities in standard deviations."""
    return Smallest(unit, lambda f: smallest_correlation(int(f[key])))


def _taught(f: Facts) -> float:
    """Difference between people who taught and as many who did not."""
    return smallest_difference(int(f["taught"]) // 2, int(f["taught"]) - int(f["taught"]) // 2)


def _gap(f: Facts) -> float:
    """Gap between the mean and the claim that so many answers contradict, in points."""
    n, people = int(f["shares"]), int(max(f["people"], f["shares"]))
    return 100 * share_power(n=n, population=people).gap if n > 2 else float("nan")


_NAMES = Need("who learns from whom (names)", "names")
_SHARES = Need("learning shares by source, from 20 people or more", "shares", 20)
_TIMES = Need("when each person took something up", "adopters_per_item", 10)
_TIES = Need("ties of who teaches whom (names or traces)", "ties")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "H1",
        "Up to 80 % of learning is social.",
        "mean share of learning from peers (strict) or people (wide); share of people at 80 or more",
        "80 %",
        (_SHARES,),
        "hypotheses.social_share",
        "shares",
        "an interval of the mean that leaves out 80 %",
        Smallest("points of a mean share", _gap),
    ),
    Claim(
        "H2",
        "Teaching benefits the teacher.",
        "gain in the taught topic: teachers against others, "
        "after earlier skill; "
        "expecting to teach apart from impromptu help",
        "g > 0",
        (
            Need("skill before", "skill_before", 20),
            Need("skill after", "skill_after", 20),
            Need("who taught what", "taught", 20),
        ),
        "claims.evaluate",
        "teaching",
        "an interval of the gain that lies at or below zero",
        Smallest("standard deviations", _taught),
    ),
    Claim(
        "H3",
        "Shared experience brings trust, and trust learning.",
        "usefulness of a tie by its trust; trust by likeness",
        "positive",
        (
            _NAMES,
            Need("trust in each person named", "rated_trust", 30),
            Need("usefulness of each person named", "rated_usefulness", 30),
        ),
        "claims.evaluate",
        "trust and comfort",
        "usefulness that does not go with trust, or trust that does not go with likeness",
        _r("rated_within", "standard deviations per standard deviation"),
    ),
    Claim(
        "H4",
        "Peers teach better than authorities.",
        "usefulness of peers (who manage nobody) minus that of the own manager, within learner",
        "positive",
        (
            _NAMES,
            Need("usefulness of each person named", "rated_usefulness", 30),
            Need("who manages whom", "managers", 5),
        ),
        "claims.evaluate",
        "trust and comfort",
        "managers rated as useful or more useful than peers by the same learners",
        Smallest("standard deviations", lambda f: smallest_difference(int(f["rated_both"]))),
    ),
    Claim(
        "H5",
        "Who feels safe asks and learns.",
        "asking by safety, within units; between units as a second row",
        "positive",
        (Need("safety items", "safety", 20), Need("asking items", "asking", 20)),
        "claims.evaluate",
        "trust and comfort",
        "a slope at or below zero within units",
        _r("safety", "standard deviations per standard deviation"),
    ),
    Claim(
        "H6",
        "Lunch talks: more often is better.",
        "new ties between units per talk, as a curve of the dose",
        "positive, rising",
        (
            Need("lunch talks with who came", "lunches", 8),
            Need("two waves of names, or dated traces", "dated", 1),
        ),
        "hypotheses.lunch_effect",
        "programmes",
        "no new ties after talks, or a curve that flattens at once",
        Smallest(
            "standard deviations between sites",
            lambda f: smallest_difference(max(int(f["lunches"]) // 2, 0), int(f["lunches"]) // 2),
        ),
    ),
    Claim(
        "H7",
        "Mentoring helps both, and the match matters.",
        "gain of the mentored against juniors without a mentor; by match",
        "positive",
        (Need("mentoring pairs", "mentored", 10), Need("an outcome before and after", "skill_before", 20)),
        "hypotheses.mentoring_effect",
        "programmes",
        "no gain over unmentored juniors of the same start",
        _d("mentored", "people"),
    ),
    Claim(
        "H8",
        "Choosing for oneself brings engagement.",
        "completion of self-chosen against assigned courses, within person",
        "positive",
        (
            Need("courses people chose", "self_chosen", 10),
            Need("courses people were assigned", "assigned", 10),
        ),
        "claims.evaluate",
        "courses",
        "assigned courses finished as often by the same people",
        Smallest(
            "difference in the share of courses finished",
            lambda f: (
                0.5 * needed_shift(f["both_kinds"] - 1) * f["choice_error"] if f["both_kinds"] > 2 else np.nan
            ),
        ),
    ),
    Claim(
        "H9",
        "Mixing groups opens viewpoints.",
        "new ties between people who shared a mixed group against those who did not",
        "positive",
        (
            Need("who was in which mixed group", "groups", 4),
            Need("two waves of names, or dated traces", "dated", 1),
        ),
        "hypotheses.mixing_effect",
        "programmes",
        "no more new ties inside groups than outside",
        Smallest("standard deviations", lambda f: smallest_difference(int(f["groups"]), int(f["groups"]))),
    ),
    Claim(
        "H10",
        "Variety of media widens reach.",
        "completion by number of media, same person and topic",
        "positive",
        (Need("courses with their format", "media", 2), Need("who finished", "finishers", 30)),
        "hypotheses.media_effect",
        "courses",
        "no difference within person and topic",
        Smallest(
            "standard deviations",
            lambda f: smallest_difference(int(f["finishers"]) // 2, int(f["finishers"]) // 2),
        ),
    ),
    Claim(
        "H11",
        "Peer learning saves money.",
        "cost of the courses replaced minus time, platform, coordination; chance of a saving",
        "saving > 0",
        (Need("a cost sheet with ranges", "costs"),),
        "planning.cost_model",
        "money",
        "a break-even equivalence above what anybody believes",
        Smallest("not a test", lambda f: float("nan")),
    ),
    Claim(
        "H12",
        "Formal and informal learning together are best.",
        "performance by formal x informal learning",
        "positive interaction",
        (
            Need("hours of formal and of informal learning", "hours", 20),
            Need("performance", "performance", 20),
        ),
        "claims.evaluate",
        "teaching",
        "an interaction at or below zero",
        Smallest(
            "standard deviations per product of standard deviations",
            lambda f: smallest_correlation(int(f["hours"])),
        ),
    ),
    Claim(
        "H13",
        "Not everybody is cut out to be a mentor.",
        "spread of mentors' effects after shrinkage",
        "spread > 0",
        (
            Need("mentors with several mentees", "mentors", 10),
            Need("an outcome before and after", "skill_before", 20),
        ),
        "hypotheses.mentor_effects",
        "programmes",
        "a spread no larger than chance",
        Smallest("share of variance", lambda f: smallest_correlation(int(f["mentors"])) ** 2),
    ),
    Claim(
        "H14",
        "Making sharing easy is enough.",
        "ties and traces after a platform's launch, by unit and date",
        "positive",
        (Need("launch dates that differ between units", "launches", 8), Need("dated traces", "traces", 100)),
        "hypotheses.launch_effect",
        "programmes",
        "no change after launch against units still waiting",
        Smallest("standard deviations between units", lambda f: smallest_difference(int(f["launches"]))),
    ),
    Claim(
        "H15",
        "Knowledge spreads along who teaches whom.",
        "adoption rate by teachers who had already adopted; share of adoptions that was social",
        "positive",
        (_TIES, _TIMES),
        "diffusion.fit_nbda",
        "diffusion",
        "adoption no faster next to adopters than times shuffled among people give",
        Smallest("hazard ratio per standard deviation of exposure", _hazard),
    ),
    Claim(
        "ACC",
        "Are peers right?",
        "share of answers by peers that are correct",
        "no worse than experts",
        (Need("answers judged right or wrong", "correct", 20),),
        "hypotheses.design_mean",
        "quality",
        "more errors among peers' answers than among experts'",
        Smallest(
            "points of a mean share",
            lambda f: (
                100 * share_power(n=int(f["correct"]), sd=0.5).gap if f["correct"] > 2 else float("nan")
            ),
        ),
    ),
    Claim(
        "RUT",
        "Do we fall into ruts?",
        "share of ties that repeat between waves; variety of teachers and topics",
        "no decline",
        (Need("three waves of names", "waves", 3), _NAMES),
        "silos.ruts",
        "quality",
        "the same ties and topics, more than turnover gives",
        _r("name_givers"),
    ),
    Claim(
        "DIF",
        "Different groups need different methods.",
        "difference between groups in the effect of a method (interaction)",
        "some",
        (
            Need("people randomised or assigned to methods", "methods", 2),
            Need("outcome after", "skill_after", 20),
        ),
        "hypotheses.interaction_effect",
        "quality",
        "the same effect in every group",
        Smallest("standard deviations", lambda f: 2 * _taught(f)),
    ),
    Claim(
        "STK",
        "Will it stick after launch?",
        "use and ties three and twelve months after launch, against their own past",
        "no decline",
        (Need("a launch date", "launches", 1), Need("twelve months of traces after it", "months_after", 12)),
        "hypotheses.interrupted_series",
        "programmes",
        "use back at its level before launch",
        Smallest(
            "standard deviations of a month", lambda f: smallest_difference(int(f.get("months_after", 0)), 6)
        ),
    ),
)
