"""Draw a synthetic organisation: one knob per claim and per confounder."""

from __future__ import annotations

from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.datasets._design import Design
from peernet.datasets.organisation import Organisation

__all__ = ["make_organisation"]


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
    taste: float = 1.0,
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
    ``exp(u_ij)``, ``u_ij = activity_i + seniority (grade_i - 2) + silo_strength [same unit] + team_strength [same team]
    + site_strength [same site] + homophily (same trade + nearness in service) + authority [i manages j]``.

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
