"""What an honest analysis should conclude in each sample world."""

from __future__ import annotations

import pandas as pd

__all__ = ["expected_verdicts"]

_S, _C, _I = "supported", "contradicted", "inconclusive"
_NOT, _NEVER = "not answered by these data", "not answerable"

# id, question, the truth at Meridian, verdicts in meridian / null_meridian / bad_meridian, why
_ROWS: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    (
        "H1-wide", "mean share of learning that is social (wide) is 80 %", "0.62", _C, _C, _I,
        "level, not an effect: .62 in every world; Bad-Meridian's worst-case bounds reach 80 %",
    ),
    (
        "H1-strict", "mean share of learning from peers (strict) is 80 %", "0.41", _C, _C, _C,
        "even worst-case bounds stay below 80 %",
    ),
    (
        "H1-most", "most people are at 80 % or more (wide)", "22 % are", _I, _I, _I,
        "silence, rounding and sampling together reach 57 %, 55 % and 82 %; each alone stays below a half at Meridian",
    ),
    (
        "silo-unit", "units are silos: E-I by unit below chance", "-.08 against .72", _S, _I, _S,
        "labels shuffled over the firm",
    ),
    (
        "silo-vanishing", "Operations and Customer Support are silos within their site",
        "no: the place draws, not the unit",
        _I, _I, _I,
        "far below chance over the firm, near chance within their site: own managers draw in a little, lunch talks out",
    ),
    (
        "open-team", "teams are open, for E-I by team is above 0", ".67 against .96 by chance", _C, _I, _C,
        "above 0 is no sign of openness when teams are small",
    ),
    (
        "hidden-team", "a team works across units that is on no org chart", "nine people", _S, _I, _NOT,
        "in the chat, beyond swapped ends of ties (p .01); the survey alone cannot say; Bad-Meridian: 45 % answered",
    ),
    (
        "bus-factor", "one topic hangs on one person", "billing engine", _S, _I, _S,
        "all answers in help-billing-engine come from one person",
    ),
    (
        "top-broker", "Maria Oliveira is the firm's top broker", "two people taken for one", _C, _NEVER, _NOT,
        "`M. Oliveira` and fuzzy matches: findings_if_wrong must show it; Bad-Meridian: 45 % answered, too few for "
        "betweenness",
    ),
    (
        "H15-A", "skill A spread along who teaches whom", "s = 1.2", _S, _I, _S,
        "missing ties attenuate the share (.54, at Bad-Meridian .39, of .60) but do not forge it",
    ),
    (
        "H15-A-80", "80 % of the adoptions of skill A were social", ".60, ceiling .84", _NOT, _NOT, _NOT,
        "the survey's ties carry .798, .67 and .70 at most: 80 % is out of their reach; on fresh draws of Meridian "
        "contradicted in 78 of 100",
    ),
    (
        "H15-B", "skill B spread along who teaches whom", "no: a deadline", _NOT, _NOT, _NOT,
        "assigned with a due date by unit: imitates contagion, to be refused, also where nobody hurries",
    ),
    (
        "H15-C", "skill C spread along who teaches whom", "no: taste by trade", _I, _I, _I,
        "looks social (gain in log-likelihood 7) until trade is held fixed",
    ),
    (
        "H15-C-transposed", "the transposed survey fits skill C better", "yes, and it is wrong", _S, _I, _S,
        "a better fit is no licence to turn the ties round",
    ),
    (
        "H15-D", "skill D spread along who teaches whom", "s = 1.2, but 12 learners", _I, _I, _NOT,
        "too few to say, the ceiling is .27; at Bad-Meridian no learner has an informed teacher on record",
    ),
    ("H2-expected", "expecting to teach helps the teacher", "g = .5", _S, _I, _S, "adjusted for prior rating"),
    ("H2-impromptu", "impromptu teaching helps the teacher", "g = 0", _I, _I, _I, "non-rejection is not support"),
    ("H3", "likeness brings trust, and trust usefulness", ".4, .5 per SD", _S, _I, _S, "clustered by learner"),
    (
        "H4", "peers teach more usefully than managers", ".3 SD", _I, _NOT, _NOT,
        "53, 7 and 12 people rated both their manager and a peer who manages nobody; 20 are needed",
    ),
    ("H5-person", "people who feel safe ask more", ".5 per SD", _S, _I, _S, "among people of one unit"),
    ("H5-unit", "units that feel safe ask more", ".5 per SD", _NOT, _NOT, _NOT, "eight units; twenty are needed"),
    ("H6", "ever more lunch talks, ever more new ties", "saturates at .3", _I, _I, _I, "30 new ties"),
    ("H7-gain", "mentoring raises the protégé's performance", ".3 SD", _S, _I, _S, "selection adjusted"),
    ("H7-match", "mentors of the same trade do better", ".3 SD", _I, _I, _I, "48 pairs"),
    (
        "H8", "self-chosen courses are completed more", "log-odds .6", _S, _I, _S,
        "within person; about 560 choices; on fresh draws found in 41 of 60",
    ),
    ("H9", "mixed groups bring new ties", "6 % of pairs", _S, _I, _S, "drawn at random: groups against the rest"),
    ("H10", "more media, better scores", ".28 per medium", _NOT, _NOT, _NOT, "twelve courses: media and topic are one"),
    ("H11", "peer teaching saves money", "7,290 EUR at likely values", _I, _C, _I, "the range of the inputs covers 0"),
    (
        "H12", "formal and informal learning help each other", "interaction .2", _S, _I, _I,
        "power is about a half at this size: on fresh draws found in 34 of 60, badly measured in 28 of 60",
    ),
    ("H13", "mentors differ", "SD .4", _S, _I, _S, "eight mentors of six"),
    ("H14", "making sharing easy raises helping", "log rate .4", _S, _I, _S, "seven launches in turn, one unit never"),
)  # fmt: skip


def expected_verdicts() -> pd.DataFrame:
    """List what an honest analysis of each sample world should conclude, question by question.

    A verdict follows from the truth *and* from what the files can show: an effect that is there but too small for these
    data is "inconclusive", a confounded one is "not answered by these data".

    Returns
    -------
    pandas.DataFrame
        Index ``question_id``; columns ``question``, ``truth`` (at Meridian), ``meridian``, ``null_meridian``,
        ``bad_meridian`` (one of the five verdicts) and ``why``.
    """
    columns = ["question_id", "question", "truth", "meridian", "null_meridian", "bad_meridian", "why"]
    return pd.DataFrame(_ROWS, columns=columns).set_index("question_id")
