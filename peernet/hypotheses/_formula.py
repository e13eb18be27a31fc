"""Formulas over pairs of people: ``tie ~ friendship + teacher(seniority) + same(office) + diff(age)``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peernet._check import literal, quoted

__all__ = ["Formula", "Term", "parse"]

COLUMN_VERBS = ("teacher", "learner", "same", "diff", "signed", "mix")
NETWORK_VERBS = ("tie", "weight", "reverse")
# Words of other packages and of people in a hurry: who is meant has to be said, not guessed.
_ROLES = ("teacher(x) is about the one who teaches (the row), learner(x) about the one who learns (the column). "
          "Say which is meant.")  # fmt: skip
FOREIGN = {
    **dict.fromkeys(("sender", "receiver", "ego", "alter", "source", "target", "sending", "receiving"), _ROLES),
    **dict.fromkeys(("nodeicov", "nodeocov", "nodeifactor", "nodeofactor", "nodecov", "nodefactor"), _ROLES),
    **dict.fromkeys(("nodematch", "match", "homophily"), "Write same(x)."),
    **dict.fromkeys(("absdiff", "distance", "difference"), "Write diff(x)."),
    **dict.fromkeys(("edgecov", "dyadcov"), "Write the name of the network alone, and give it in networks={...}."),
    **dict.fromkeys(("log", "sqrt", "exp", "scale", "I", "C", "factor"),
                    "Add the changed column first, net.with_people(new=...), and name it here."),
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>'[^']*'|\"[^\"]*\"|`[^`]*`)|(?P<name>[^\W\d][\w.]*)|(?P<other>[-+:*()01~]))"
)
INTERCEPT = "intercept"
# Terms of random graph models, and the words that people write for them.
STRUCTURE = ("edges", "mutual")
DEPENDENT = (
    "gwesp",
    "gwdsp",
    "gwidegree",
    "gwodegree",
    "triangle",
    "ttriple",
    "ctriple",
    "istar",
    "ostar",
    "twopath",
)
MEANT = {
    **dict.fromkeys(("edge", "ties", "density", "intercept", "constant"), "edges"),
    **dict.fromkeys(("mutuals", "mutuality", "reciprocity", "reciprocal", "recip"), "mutual"),
    **dict.fromkeys(("triangles", "triads", "transitivity", "closure"), "gwesp"),
}


@dataclass(frozen=True)
class Term:
    """One factor of a formula: a network by name, or a verb with what it is applied to."""

    verb: str
    argument: str

    @property
    def name(self) -> str:
        """The term as it is written in tables."""
        return self.argument if self.verb == "network" else f"{self.verb}({self.argument})"


@dataclass(frozen=True)
class Formula:
    """A parsed formula: response, products of terms, and whether there is an intercept."""

    response: str
    products: tuple[tuple[Term, ...], ...]
    intercept: bool


def _tokens(text: str) -> list[str]:
    """Cut a formula in names, quoted names and signs."""
    out: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"formula: cannot read {text[at:].strip()[:20]!r} in {text!r}.")
        out.append(found.group().strip())
        at = found.end()
    return out


class _Reader:
    """Recursive descent over the tokens of the right-hand side."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self.text, self.at = tokens, text, 0

    def peek(self) -> str:
        """Next token, or nothing."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        """Consume a token."""
        token = self.peek()
        if not token or (wanted and token != wanted):
            place = f"before {token!r}" if token else "at the end"
            raise ValueError(f"formula: expected {wanted or 'a term'!r} {place} in {self.text!r}.")
        self.at += 1
        return token

    def atom(self) -> Term:
        """Read a network name or a verb with its argument."""
        word = self.take()
        if word in "+-:*()~01":
            raise ValueError(f"formula: expected a term instead of {word!r} in {self.text!r}.")
        if self.peek() != "(":
            return Term("network", word.strip("'\"`"))
        self.take("(")
        argument = self.take()
        if argument in "+-:*()~" or self.peek() != ")":
            raise ValueError(
                f"formula: {word}(...) takes one name in {self.text!r}. Quote names with blanks; for a transformed "
                "column add it first, net.with_people(log_age=...)."
            )
        self.take(")")
        return Term(word, argument.strip("'\"`"))

    def product(self) -> list[tuple[Term, ...]]:
        """Read a:b (the product) or a*b (both and the product)."""
        found: list[tuple[Term, ...]] = [(self.atom(),)]
        while self.peek() in (":", "*"):
            sign, right = self.take(), self.atom()
            product = [(*left, right) for left in found]
            found = product if sign == ":" else [*found, (right,), *product]
        return found


def parse(text: str, *, verbs: tuple[str, ...] = (*COLUMN_VERBS, *NETWORK_VERBS)) -> Formula:
    """Read a formula.

    Raises
    ------
    ValueError
        For what cannot be read, unknown verbs and terms given twice.
    """
    if not isinstance(text, str):
        raise TypeError(f"formula must be text such as 'tie ~ friendship + same(office)'; got {text!r}.")
    left, sign, right = text.partition("~")
    if not sign or "~" in right:
        raise ValueError(f"formula: {text!r} needs one '~', for example 'tie ~ friendship + same(office)'.")
    reader = _Reader(_tokens(right), text)
    products: list[tuple[Term, ...]] = []
    intercept, positive = True, True
    while reader.peek() or not products:
        if reader.peek() in ("0", "1"):
            intercept = (reader.take() == "1") == positive
        elif not positive:
            raise ValueError(f"formula: only the intercept can be taken away (- 1) in {text!r}.")
        else:
            products += reader.product()
        if not reader.peek():
            break
        positive = reader.take() == "+"
        if reader.tokens[reader.at - 1] not in "+-" or not reader.peek():
            raise ValueError(f"formula: expected '+' between terms in {text!r}.")
    for term in (factor for product in products for factor in product):
        if term.verb in FOREIGN and term.verb not in verbs:
            raise ValueError(
                f"formula: {term.name}: {term.verb} is no word of formulas here. {FOREIGN[term.verb]}"
            )
        if term.verb not in (*verbs, "network"):
            literal(f"formula: the verb of {term.name}", term.verb, verbs)
    names = [":".join(t.name for t in p) for p in products]
    double = sorted({n for n in names if names.count(n) > 1})
    if double:
        raise ValueError(f"formula: {quoted(double)} stands twice in {text!r}.")
    return Formula(left.strip().strip("'\"`"), tuple(products), intercept)
