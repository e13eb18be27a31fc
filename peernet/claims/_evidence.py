"""What has been published on each claim, and how it was misquoted.

``seen`` says whether the figure stands in a page or abstract that was read; the others are from general knowledge and
have to be checked before they are printed elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVIDENCE", "MISQUOTED", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """One published finding.

    Attributes
    ----------
    source : str
        Authors, year, where.
    finding : str
        What it measured and found.
    seen : bool
        Whether the figure was read in the source itself.
    """

    source: str
    finding: str
    seen: bool = True


_E = Evidence

EVIDENCE: dict[str, tuple[Evidence, ...]] = {
    "H1": (
        _E(
            "showd.me and hr-gazette.com, citing Bersin and Associates",
            "80 % of learning 'takes place "
            "through on-the-job "
            "interactions with peers, experts, and managers': no study, sample, question or year stands "
            "behind it",
        ),
        _E(
            "Cross 2003, Informal Learning - the other 80 % (draft)",
            "formal learning is the source of "
            "10 to 20 %: the 80 % is "
            "informal, trial and error alone included, not social",
        ),
        _E(
            "Lombardo & Eichinger 1996; McCall, Lombardo & Morrison 1988",
            "70-20-10 from 191 successful executives recalling key events; the social part is 20 %",
        ),
        _E(
            "C4LPT Learning in the Workplace, over 5,000 people, self-selected, half of them trainers",
            "88 to 90 % rate sharing knowledge in the team very important or essential, classroom training 31 %: "
            "ratings, not shares of learning",
        ),
        _E(
            "Degreed 2016, 519 people in the US",
            "nearly 70 % learn from peers or articles each week: a share of people who do it, not a share of learning",
        ),
        _E(
            "BT internal survey 2008 (towardsmaturity.org)",
            "78 % prefer to learn from peers: a share of people and a preference",
        ),
        _E(
            "Frazis, Gittleman, Horrigan & Joyce 1998 (US BLS 1995)",
            "70 % of training hours were informal",
            seen=False,
        ),
        _E(
            "Cerasoli et al. 2018, J Bus Psychol 33, 203-230",
            "repeats '70 % to 90 % occurs informally' as consensus while 'primary data remain sparse'",
        ),
    ),
    "H2": (
        _E("Kobayashi 2019", "preparing to teach g .35, teaching after preparing g .56 (28 studies)"),
        _E(
            "Kobayashi 2024",
            "39 studies: g .27 [.15, .39]; expecting to teach .48 [.34, .63]; not expecting -.02 [-.14, .11]",
        ),
    ),
    "H3": (
        _E("Levin & Cross 2004", "weak but trusted ties gave the most useful knowledge"),
        _E("Eby et al. 2013", "deep similarity and mentoring quality rho .38 to .59"),
        _E("Burt 2004; Hansen 1999", "the opposite prediction: novelty comes from unlike people", seen=False),
    ),
    "H4": (
        _E("Borgatti & Cross 2003", "knowing, valuing and access predict seeking; cost did not"),
        _E(
            "Lazega's lawyers (shipped with this package)",
            "associates ask partners: status, not peerage, drives advice there",
        ),
    ),
    "H5": (
        _E(
            "Frazier et al. 2017",
            "136 samples, over 22,000 people: safety goes with learning behaviour and sharing",
        ),
        _E("Sanner & Bunderson", "the link depends on the motivation to learn", seen=False),
    ),
    "H6": (
        _E(
            "Sandvik et al. 2020, QJE",
            "randomly paired, structured meetings raised sales by over 15 % "
            "for 20 weeks and more; "
            "no study of the dose of lunches was found",
        ),
    ),
    "H7": (
        _E("Eby et al. 2008", "effects of mentoring generally small, larger at work than for youth"),
        _E("Kammeyer-Mueller & Judge 2008", "partly spurious once other predictors are in"),
    ),
    "H8": (
        _E(
            "Patall, Cooper & Robinson 2008",
            "41 studies: choice raises intrinsic motivation; "
            "stronger for children and for 2 to 4 "
            "choices without reward",
        ),
    ),
    "H9": (
        _E(
            "van Dijk et al. 2012",
            "diversity and team performance: task-related r about .05 to .10",
            seen=False,
        ),
    ),
    "H10": (
        _E("Pashler et al. 2008", "no support for matching media to learning styles", seen=False),
        _E("Noetel et al. 2021", "video d about .28", seen=False),
    ),
    "H11": (
        _E(
            "computing.co.uk, about 2005",
            "BT 'saved in the region of 12m pounds' by replacing "
            "instructor-led courses with "
            "e-learning: 70 % of training delivered electronically",
        ),
        _E("vendor page", "107 thousand dollars: the vendor's own average, no n and no method"),
    ),
    "H12": (
        _E(
            "Cerasoli et al. 2018",
            "informal learning behaviours go with performance (k 49, N "
            "55,514); the interaction with "
            "formal learning is not tested",
        ),
    ),
    "H13": (
        _E(
            "teacher value-added research",
            "teachers differ; small classes make the estimates unreliable",
            seen=False,
        ),
    ),
    "H14": (_E("Leonardi 2014", "visible communication raised knowledge of who knows what", seen=False),),
    "H15": (
        _E("Coleman, Katz & Menzel 1966", "doctors adopted tetracycline along advice ties"),
        _E(
            "Van den Bulte & Lilien 2001",
            "the same data: contagion goes away once marketing effort is in",
            seen=False,
        ),
        _E(
            "Shalizi & Thomas 2011",
            "homophily and contagion cannot be told apart from ties and adoptions alone",
        ),
    ),
    "ACC": (),
    "RUT": (
        _E(
            "Uzzi & Lancaster 2003; Lazer & Friedman 2007",
            "dense networks settle early on what is already there",
            seen=False,
        ),
    ),
    "DIF": (
        _E(
            "Pashler et al. 2008",
            "differences between groups need a group by method interaction, which is rarely tested",
            seen=False,
        ),
    ),
    "STK": (
        _E(
            "Sandvik et al. 2020",
            "the only workplace experiment with a follow-up: gains lasted 20 weeks and more",
        ),
    ),
}

MISQUOTED: dict[str, str] = {
    "H1": "Three quantities are mixed up: the share of learning, the share of people who learn from "
    "peers at all, and the share "
    "who prefer it (BT 2008: 78 % prefer). Informal (Cross) was turned into social. No study "
    "measured 80 %.",
    "H2": "The effect of preparing and expecting to teach is quoted for any teaching; impromptu help "
    "showed none.",
    "H4": "Studies of seeking among colleagues are quoted as peers against authorities, which they did "
    "not compare.",
    "H6": "An experiment with structured, randomly paired meetings is quoted for informal lunches.",
    "H8": "A finding mostly on children and small choices is quoted for employee-driven training.",
    "H10": "Variety of media is defended with learning styles, which have no support.",
    "H11": "The 12 million (pounds, not dollars) came from e-learning replacing courses, not from peers "
    "teaching.",
    "H12": "Evidence for informal learning is quoted as evidence for mixing it with formal learning.",
    "H15": "Adoption along ties is quoted as proof of influence; likeness gives the same picture.",
}
