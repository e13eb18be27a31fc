"""The register of claims about peer learning: wording, estimand, data, method, evidence, and how far data reach."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from peernet._check import literal
from peernet.claims._claims import CLAIMS, Claim
from peernet.claims._facts import Facts, facts_of
from peernet.results import Result, format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Register", "register", "resolved", "smallest_text"]


def resolved(function: str) -> str:
    """Return a public name if the package has it, else ``not yet``."""
    module, _, name = function.rpartition(".")
    try:
        return function if hasattr(importlib.import_module(f"peernet.{module}"), name) else "not yet"
    except (ImportError, AttributeError):
        return "not yet"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Register(Result):
    """All claims, with what is known about each and what your data could say.

    Attributes
    ----------
    claims : tuple of Claim
        In order.
    table : pandas.DataFrame
        One row per claim: ``claim, wording, estimand, claimed, data needed, function, evidence, misquoted,
        would count against, smallest effect, unit``.
    """

    claims: tuple[Claim, ...] = ()
    table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def __getitem__(self, key: str) -> Claim:
        """Return one claim by its key."""
        literal("claim", key, [claim.key for claim in self.claims])
        return next(claim for claim in self.claims if claim.key == key)

    def __len__(self) -> int:
        """Number of claims."""
        return len(self.claims)

    def summary(self) -> str:
        """Say how many claims there are and how many have a method here."""
        ready = int((self.table["function"] != "not yet").sum())
        n = len(self.claims)
        return f"{n} claims about peer learning; {ready} have a method in this package, the others are open."

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how much published evidence was read at its source, per claim.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        keys = [claim.key for claim in self.claims][::-1]
        seen = [sum(e.seen for e in self[key].evidence) for key in keys]
        rest = [sum(not e.seen for e in self[key].evidence) for key in keys]
        axes.barh(keys, seen, color=plots.OKABE_ITO[0], label="read at the source")
        axes.barh(keys, rest, left=seen, color=plots.GREY, label="not checked at the source")
        axes.set_xlabel("published findings listed")
        plots.set_title(axes, "Most claims rest on few studies that fit them")
        axes.legend(frameon=False)
        return axes


def smallest_text(claim: Claim, facts: Facts) -> tuple[float, str]:
    """Return the smallest effect that these data could show, and its words."""
    with np.errstate(all="ignore"):
        value = claim.smallest.of(facts)
    if not np.isfinite(value):
        return float("nan"), "n/a"
    return value, f"{format_number(value, 2)} {claim.smallest.unit}"


def register(source: Any = None) -> Register:
    """Claims about peer learning: what would decide each, what was published, and what your data could show.

    Parameters
    ----------
    source : Study or Records, optional
        Your data, for the smallest effect that they could show (two-sided 5 %, power 80 %), worked out from counts
        alone, before any test; :func:`evaluate` gives that of each test. NaN where the data needed are not there.

    Returns
    -------
    Register
        H1 to H15 and four more questions (are peers right, ruts, different methods, will it stick). Methods that this
        package does not have yet are marked ``not yet``.

    Raises
    ------
    TypeError
        For a source that is neither a study nor records.

    Examples
    --------
    >>> register()["H1"].claimed
    '80 %'
    """
    facts = None if source is None else facts_of(source)
    rows = []
    for claim in CLAIMS:
        there = facts is not None and not claim.missing(facts)
        value = smallest_text(claim, facts)[0] if facts is not None and there else float("nan")
        rows.append(
            {
                "claim": claim.key,
                "wording": claim.wording,
                "estimand": claim.estimand,
                "claimed": claim.claimed,
                "data needed": "; ".join(need.words for need in claim.needs),
                "function": resolved(claim.function),
                "family": claim.family,
                "evidence": "; ".join(
                    f"{e.source}: {e.finding}{'' if e.seen else ' (not checked at the source)'}"
                    for e in claim.evidence
                )
                or "none found",
                "misquoted": claim.misquoted,
                "would count against": claim.would_count_against,
                "smallest effect": value,
                "unit": claim.smallest.unit,
            }
        )
    return Register(claims=CLAIMS, table=pd.DataFrame(rows))
