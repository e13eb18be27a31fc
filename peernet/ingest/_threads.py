"""The rule that all chats share: in a thread, those who answer teach whoever asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from peernet._check import literal, number
from peernet.ingest._traces import Traces

__all__ = ["Answers", "Post", "Rule", "Threads", "asks", "is_thanks", "thread_rule", "thread_ties"]

Threads = Literal["all", "questions"]
Answers = Literal["all", "first"]
THANKS = {
    "pray", "thank_you", "thanks", "thankyou", "white_check_mark", "heavy_check_mark", "check_mark", "check", "bulb",
    "light_bulb", "+1", "thumbsup", "thumbs_up", "heart", "raised_hands", "tada", "100", "clap", "like", "🙏", "✅",
    "💡", "👍", "❤", "🎉",
}  # fmt: skip
_ENDS = ("?", "？", "؟", "?)", '?"', "?»")
# Colours of skin as chats write them: "+1::skin-tone-3" (Slack), "+1_medium_skin_tone" (Mattermost), a sign after
# the hand (Teams); and the sign after a heart that says whether it is drawn or written.
_TONE = re.compile(
    "::.*|_(?:(?:medium_)?(?:light|dark)|medium)_skin_tone$|[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]"
)
_TAG = re.compile(r"<[^>]*>")
DIRECTION = "in a thread, everybody who answers teaches the person who opened it"


class Rule(NamedTuple):
    """What makes a reply an answer."""

    threads: Threads
    answers: Answers
    hours: float | None
    weight: Literal["reply", "share"]


class Post(NamedTuple):
    """What is kept of a message: no text."""

    evidence: str
    author: int
    time: int
    asks: bool
    thanked: frozenset[int]
    bot: bool = False


def thread_rule(
    threads: Threads, answers: Answers, hours: float | None, weight: Literal["reply", "share"]
) -> Rule:
    """Check the options of a reader of threads."""
    literal("threads", threads, ("all", "questions"))
    literal("answers", answers, ("all", "first"))
    literal("weight", weight, ("reply", "share"))
    if hours is not None:
        number("hours", hours, 0, open_low=True)
    return Rule(threads, answers, hours, weight)


def asks(body: str, *, html: bool = False) -> bool:
    """Say whether a text ends with a question mark."""
    plain = _TAG.sub("", body).replace("&nbsp;", " ") if html else body
    return plain.rstrip().endswith(_ENDS)


def is_thanks(reaction: str) -> bool:
    """Say whether a reaction says thank you or solved."""
    return _TONE.sub("", reaction.strip(":")).lower() in THANKS


def thread_ties(
    trace: Traces,
    posts: Sequence[Post],
    rule: Rule,
    *,
    what: str,
    context: str = "",
    topic: str = "",
    question: bool = False,
) -> None:
    """Add the events of one thread; the first post asks, unless bots or nobody wrote it.

    Posts are in order; what does not become an event is counted under ``what``. With ``question`` the thread
    counts as a question whatever its first post says.
    """
    ledger = trace.ledger
    if not posts:
        return
    first, rest = posts[0], posts[1:]
    ledger.drop(what, "opens a thread" if rest else "stands alone, unanswered", (), n=1)
    found: list[Post] = []
    for post in rest:
        if post.bot:
            reason = "written by a bot or app"
        elif first.bot:
            reason = "answers a bot or app"
        elif post.author == first.author:
            reason = "the opener writes in their own thread"
        elif rule.threads == "questions" and not (question or first.asks):
            reason = "the thread does not open with a question"
        elif rule.hours is not None and post.time - first.time > rule.hours * 3.6e9:
            reason = f"later than {rule.hours:g} hours after the question"
        elif rule.answers == "first" and found:
            reason = "not the first answer"
        else:
            found.append(post)
            continue
        ledger.drop(what, reason, (), n=1)
    for post in found:
        trace.tie(
            post.time, post.author, first.author, "answer", weight=1.0 / len(found) if rule.weight == "share" else 1.0,
            context=context, topic=topic, evidence=post.evidence, confirmed=first.author in post.thanked,
        )  # fmt: skip
    for post in posts:
        if not post.bot:
            trace.attend(
                first.evidence, post.author, post.time, "opener" if post is first else "answer", "thread"
            )
