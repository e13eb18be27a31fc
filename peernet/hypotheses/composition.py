"""Is learning divided 70-20-10? A test of a whole composition at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number, quoted
from peernet.errors import DataError
from peernet.hypotheses._composition import BadSums, close_shares
from peernet.hypotheses._guards import settled, warn_few
from peernet.results import HypothesisTest, Verdict, format_p, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CompositionTest", "composition_test"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CompositionTest(HypothesisTest):
    """A mean composition against a claimed one.

    ``observed`` is the F statistic; ``null_mean`` its expected value.

    Attributes
    ----------
    parts : pandas.DataFrame
        One row a part: ``part, claimed, value, low, high``, in [0, 1]; intervals hold for all parts together
        (Bonferroni).
    t2 : float
        Hotelling's T squared.
    df : tuple of int
        Degrees of freedom of F.
    n : int
        People.
    asked : int or None
        People who were asked, where that was said.
    alike_verdict : str
        The verdict if silent people divide their learning like those who answered; ``verdict`` holds whatever they
        would say.
    """

    parts: pd.DataFrame = field(default_factory=pd.DataFrame)
    t2: float = float("nan")
    df: tuple[int, int] = (0, 0)
    n: int = 0
    asked: int | None = None
    alike_verdict: str = ""

    def summary(self) -> str:
        """State what people say and what was claimed, then the test."""
        said = "-".join(f"{100 * v:.0f}" for v in self.parts["value"])
        claimed = "-".join(f"{100 * v:.0f}" for v in self.parts["claimed"])
        names = ", ".join(map(str, self.parts["part"]))
        of = f" of {self.asked} asked" if self.asked else ""
        p = (
            ""
            if np.isnan(self.p_value)
            else f" (F({self.df[0]}, {self.df[1]}) = {self.observed:.3g}, {format_p(self.p_value)})"
        )
        text = (
            f"{self.n} people{of} divide their learning {said} ({names}); claimed is {claimed}. "
            "The claim as a whole is "
        )
        if self.verdict == self.alike_verdict:
            silent = (
                ", whatever silent people would say" if self.asked and self.verdict == "contradicted" else ""
            )
            return f"{text}{self.verdict}{silent}{p}."
        return (
            f"{text}{self.alike_verdict} if silent people are like those who answered{p}, but their answers could "
            f"bring the mean there: {self.verdict}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the parts."""
        return self.parts.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every part with its interval, and the claimed value.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet import plots

        axes = plots.axes(ax)
        frame = self.parts.iloc[::-1].reset_index(drop=True)
        rows = np.arange(len(frame))
        axes.hlines(rows, 100 * frame["low"], 100 * frame["high"], color=plots.OKABE_ITO[0], linewidth=2.5)
        axes.plot(100 * frame["value"], rows, "o", color=plots.OKABE_ITO[0], label="said")
        axes.plot(100 * frame["claimed"], rows, "|", color=plots.OKABE_ITO[5], markersize=18, label="claimed")
        axes.set_yticks(rows, [str(p) for p in frame["part"]])
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(frame) - 0.4)
        axes.set_xlabel("percent of learning")
        plots.set_title(axes, "How people divide their learning, and the claimed division")
        axes.legend(frameon=False)
        return axes


def _groups(
    shares: pd.DataFrame, parts: Mapping[Any, Sequence[Any]] | None, against: Mapping[Any, float]
) -> dict[Any, list[Any]]:
    """Return the columns of every part, refusing sources in none or in two."""
    wanted = (
        {p: [p] for p in against} if parts is None else {p: list(columns) for p, columns in parts.items()}
    )
    if set(wanted) != set(against):
        raise DataError(
            f"parts {quoted(wanted)} and claimed parts {quoted(against)} differ. Give the same names in both."
        )
    flat = [c for columns in wanted.values() for c in columns]
    lost, extra = [c for c in shares.columns if c not in flat], [c for c in flat if c not in shares.columns]
    if lost or extra or len(flat) != len(set(flat)):
        raise DataError(
            f"parts: every source belongs to one part. In no part: {quoted(lost) or 'none'}; not a source: "
            f"{quoted(extra) or 'none'}."
        )
    return wanted


def _reachable(
    mean: NDArray[np.floating[Any]], claimed: NDArray[np.floating[Any]], n: int, asked: int
) -> bool:
    """Say whether some division by the silent people would have given the claimed one."""
    count("asked", asked)
    if asked < n:
        raise ValueError(
            f"asked={asked} is fewer than the {n} people who answered. Count everybody who was asked."
        )
    r = n / asked
    # Within rounding; with everybody answering only the claim itself is reachable.
    return bool((claimed - r * mean >= -1e-12).all()) and r < 1


def composition_test(
    shares: pd.DataFrame,
    against: Mapping[Any, float],
    *,
    parts: Mapping[Any, Sequence[Any]] | None = None,
    total: float = 100.0,
    tolerance: float = 10.0,
    bad_sums: BadSums = "error",
    asked: int | None = None,
    population: int | None = None,
    level: float = 0.95,
) -> CompositionTest:
    r"""Mean composition of learning against a claimed one, such as 70-20-10.

    The parts sum to one, so one of them is left out: with p = parts - 1 and the means :math:`m`, covariance S of the
    others, :math:`T^2 = n (m - m_0)' S^{-1} (m - m_0)` and :math:`\frac{n - p}{p (n - 1)} T^2 \sim F(p, n - p)`; which
    part is left out does not matter. It compares arithmetic means of the shares (log-ratio methods test geometric
    centres, another quantity, and cannot take zeros). With ``asked``, silent people are taken at their worst: the claim
    stays possible if :math:`(m_0 - r m) / (1 - r) \ge 0` in every part (r the share who answered), that is, if some
    division of theirs would have given it.

    Parameters
    ----------
    shares : DataFrame
        People x sources, percentages.
    against : mapping
        Part -> claimed share; they sum to 1 (or to ``total``).
    parts : mapping, optional
        Part -> sources; by default each source is a part.
    total, tolerance, bad_sums
        As in :func:`social_share`.
    asked : int, optional
        People who were asked, silent ones included. Without it the test speaks of people like those who answered.
    population : int, optional
        Everybody whose learning it is about: the covariance is then multiplied by 1 - n / population (one stratum; for
        strata and weights use :func:`social_share`, part by part). Without it people count as drawn from very many,
        and a census is tested as though it were a small sample.
    level : float
        Joint coverage of the intervals of the parts.

    Returns
    -------
    CompositionTest
        F test, exact for normal answers, good from about 20 people a part on; decided only if silent people could not
        change it.

    Raises
    ------
    DataError
        For claimed parts that make no whole, sources without a part, too few people, or a part that does not vary.

    Warns
    -----
    PeerNetWarning
        With fewer than 20 people.

    References
    ----------
    .. [1] Hotelling, H. (1931). The generalization of Student's ratio. *Annals of Mathematical Statistics* 2, 360-378.
       doi:10.1214/aoms/1177732979

    Examples
    --------
    >>> import pandas as pd
    >>> work, others = [60, 70, 55, 65] * 6, [25, 20, 30, 15] * 6
    >>> said = pd.DataFrame({"work": work, "others": others, "courses": [15, 10, 15, 20] * 6})
    >>> composition_test(said, {"work": 0.7, "others": 0.2, "courses": 0.1}).df
    (2, 22)
    """
    number("level", level, 0, 1, open_low=True, open_high=True)
    claimed = _claimed(against, total)
    groups = _groups(shares, parts, against)
    closed = close_shares(shares, total=total, tolerance=tolerance, bad_sums=bad_sums).parts
    x = np.column_stack([closed[columns].to_numpy().sum(axis=1) for columns in groups.values()])
    target = claimed.reindex(list(groups)).to_numpy()
    n, p = len(x), x.shape[1] - 1
    if p < 1 or n <= p + 1:
        raise DataError(
            f"shares: {n} people cannot test {p + 1} parts. It takes more than {p + 1}, and better 20 a part."
        )
    mean, spread = x.mean(axis=0), np.cov(x[:, :p], rowvar=False, ddof=1).reshape(p, p)
    if np.linalg.matrix_rank(spread) < p:
        raise DataError(
            "shares: a part does not vary, or two move together exactly. Merge parts with parts=."
        )
    free = _free(n, population)
    if free == 0:  # Everybody: nothing is left to test.
        return _census(mean, target, list(groups), dict(against), n, asked, level)
    spread = free * spread
    t2 = float(n * (mean - target)[:p] @ np.linalg.solve(spread, (mean - target)[:p]))
    from scipy.special import fdtrc, stdtrit

    f = t2 * (n - p) / (p * (n - 1))
    p_value = float(fdtrc(p, n - p, f))
    half = stdtrit(n - 1, 1 - (1 - level) / 2 / (p + 1)) * np.sqrt(free / n) * x.std(axis=0, ddof=1)
    table = pd.DataFrame(
        {"part": list(groups), "claimed": target, "value": mean, "low": mean - half, "high": mean + half}
    )
    alike: Verdict = "contradicted" if p_value < 1 - level else "inconclusive"
    if warn_few("composition_test", n, so="The verdict is 'not answered by these data'."):
        alike = "not answered by these data"
    reachable = asked is not None and _reachable(mean, target, n, asked)
    return CompositionTest(
        name="distance between said and claimed composition (F)",
        observed=f,
        null=np.empty(0),
        null_model="mean composition as claimed",
        alternative="greater",
        null_mean=(n - p) / (n - p - 2) if n - p > 2 else float("nan"),
        p_value=p_value,
        parts=table,
        t2=t2,
        df=(p, n - p),
        n=n,
        asked=asked,
        alike_verdict=alike,
        verdict=settled(alike, "inconclusive" if reachable else alike),
        estimand="the mean division of learning over the parts",
        would_count_against="a mean composition that F tells apart from the claimed one",
        assumptions=_assumptions(asked, population),
        provenance=provenance(
            "hypotheses.composition_test",
            options={"against": dict(against), "level": level, "asked": asked, "population": population},
        ),
    )


def _claimed(against: Mapping[Any, float], total: float) -> pd.Series[Any]:
    """Return the claimed parts as shares of one, refusing parts that make no whole."""
    claimed = pd.Series(dict(against), dtype="float64")
    if np.isclose(claimed.sum(), total) and total != 1:
        claimed = claimed / total
    if (claimed < 0).any() or not np.isclose(claimed.sum(), 1):
        raise DataError(
            f"against: the claimed parts sum to {claimed.sum():g}, not to 1. They must make a whole."
        )
    return claimed


def _assumptions(asked: int | None, population: int | None) -> tuple[str, ...]:
    """Say what the test takes for granted."""
    return (
        "people answered at random",
        "self-reports",
        "silent people taken at their worst" if asked else "silent people are not looked at (asked=)",
        "drawn from very many people, no finite population correction (population=)"
        if population is None
        else f"drawn from {population} people, one stratum",
    )


def _free(n: int, population: int | None) -> float:
    """Return the share of the population that was not seen; 1 where nothing was said of its size."""
    if population is None:
        return 1.0
    count("population", population)
    if population < n:
        raise ValueError(f"population={population} is fewer than the {n} people who answered.")
    return 1 - n / population


def _census(
    mean: NDArray[np.floating[Any]],
    target: NDArray[np.floating[Any]],
    names: list[Any],
    against: dict[Any, float],
    n: int,
    asked: int | None,
    level: float,
) -> CompositionTest:
    """Everybody answered: the means are known and either are the claimed ones or are not, to half a point."""
    verdict: Verdict = "contradicted" if np.abs(mean - target).max() > 0.005 else "supported"
    return CompositionTest(
        name="distance between said and claimed composition",
        observed=float(np.abs(mean - target).max()), null=np.empty(0), null_model="mean composition as claimed",
        alternative="greater", null_mean=0.0, p_value=float("nan"),
        parts=pd.DataFrame({"part": names, "claimed": target, "value": mean, "low": mean, "high": mean}),
        n=n, asked=asked, alike_verdict=verdict, verdict=verdict,
        estimand="the mean division of learning over the parts",
        would_count_against="means that differ from the claimed ones by more than half a point",
        assumptions=("everybody answered: no sampling error", "self-reports"),
        provenance=provenance(
            "hypotheses.composition_test",
            options={"against": against, "level": level, "asked": asked, "population": n},
        ),
    )  # fmt: skip
