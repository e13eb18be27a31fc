"""How many people and skills a study needs before it can say how much was learned from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from peernet._check import count, literal, number
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._fitted import PROVISO
from peernet.diffusion._generate import Generator
from peernet.diffusion.share import social_transmission_share
from peernet.diffusion.simulate import DiffusionSimulation, true_share
from peernet.diffusion.transmission import fit_nbda
from peernet.network import PeerNetwork
from peernet.results import Result, format_number, provenance

__all__ = ["NBDAPower", "nbda_power"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NBDAPower(Result):
    """What studies of several sizes could find.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a number of people and of items: ``people, items, acquisitions, truth`` (mean true share), ``ceiling,
        power`` (data sets in which no transmission is rejected), ``power_low, power_high`` (binomial error of the
        simulation), ``width`` (mean interval), ``coverage``, ``contradicts`` (data sets whose interval lies below
        ``against``).
    against : float
        The stated share.
    """

    table: pd.DataFrame
    against: float

    def summary(self) -> str:
        """Say from how many people and items on four in five studies would find it."""
        enough = self.table[self.table["power"] >= 0.8]
        row = enough.iloc[0] if len(enough) else self.table.iloc[-1]
        items = "1 item" if row["items"] == 1 else f"{int(row['items'])} items"
        head = (
            f"{'With' if len(enough) else 'Even with'} {int(row['people'])} people and {items} (about "
            f"{row['acquisitions']:.0f} acquisitions) {'' if len(enough) else 'only '}about "
            f"{100 * row['power']:.0f} % of studies ({100 * row['power_low']:.0f} to {100 * row['power_high']:.0f} %) "
            f"would detect a true share of {100 * row['truth']:.0f} %, {PROVISO}."
        )
        return f"{head} The interval would be {format_number(row['width'])} wide on average."

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def plot(self, ax: Any = None) -> Any:
        """Draw power against the number of items, one line a number of people.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_power

        return plot_power(self, ax=ax)


def nbda_power(
    net: PeerNetwork,
    *,
    s: float,
    rate: float,
    end: int,
    n_items: int | Sequence[int] = (1, 2, 4, 8),
    n_people: int | Sequence[int] | None = None,
    timing: Literal["order", "discrete"] = "order",
    baseline: Literal["free", "constant", "weibull"] = "free",
    against: float = 0.8,
    test_level: float = 0.05,
    n_draws: int = 200,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> NBDAPower:
    """How many people and skills a study needs, for a given strength of teaching.

    Parameters
    ----------
    net : PeerNetwork
        The people and ties that would be observed, or such as they are elsewhere; ``make_organisation`` draws others.
    s, rate : float
        Assumed strength per unit of tie weight, and asocial rate per period.
    end : int
        Number of periods that would be observed.
    n_items : int or list of int
        Numbers of skills to try.
    n_people : int or list of int, optional
        Numbers of people to try: every study then draws a network of that size in which people have as many teachers,
        and are asked as unequally, as in ``net``; units and clusters are not kept. Default: ``net`` itself.
    timing, baseline : str
        The analysis that is planned, as in ``fit_nbda``.
    against : float
        The stated share that the study is to judge.
    test_level : float
        Size of the test of no transmission.
    n_draws : int
        Simulated studies for each design.
    rng, n_jobs, progress
        As everywhere.

    Returns
    -------
    NBDAPower
        A row a design.
    """
    rng = as_rng(rng)
    literal("timing", timing, ("order", "discrete"))
    literal("baseline", baseline, ("free", "constant", "weibull"))
    number("s", s, 0)
    number("rate", rate, 0)
    number("test_level", test_level, 0, 1, open_low=True, open_high=True)
    count("end", end)
    count("n_draws", n_draws)
    state = record(rng)
    rows = []
    counts = [n_items] if isinstance(n_items, int) else list(n_items)
    sizes = (
        [n_people] if isinstance(n_people, int) else [net.n_people] if n_people is None else list(n_people)
    )
    for people in sizes:
        count("n_people", people, 2)
        for items in counts:
            count("n_items", items)
            study = _study(
                net, None if n_people is None else people, s, rate, end, items, timing, baseline, against
            )

            def block(size: int, stream: np.random.Generator, study: Any = study) -> list[tuple[float, ...]]:
                rows_ = (study(stream) for _ in range(size))
                return [r for r in rows_ if r is not None]

            words = f"{people} people, {items} items"
            parts = run_blocks(block, n_draws, rng=rng, block=8, n_jobs=n_jobs, progress=progress, desc=words)
            rows.append(_row(people, items, [r for part in parts for r in part], test_level))
    columns = [
        "people",
        "items",
        "acquisitions",
        "truth",
        "ceiling",
        "power",
        "power_low",
        "power_high",
        "width",
    ]
    options = {"s": s, "rate": rate, "end": end, "timing": timing, "baseline": baseline, "n_draws": n_draws}
    return NBDAPower(
        table=pd.DataFrame(rows, columns=[*columns, "coverage", "contradicts"]), against=against,
        provenance=provenance("diffusion.nbda_power", net, options=options, rng=state),
        estimand="Power of the test of no social transmission, and width of the interval of the share",
    )  # fmt: skip


def _study(
    net: PeerNetwork, people: int | None, s: float, rate: float, end: int, items: int, timing: Any, baseline: Any,
    against: float,
) -> Callable[[np.random.Generator], tuple[float, ...] | None]:  # fmt: skip
    """Return a function that simulates and analyses one study; None where nobody learned."""
    kind = "discrete" if timing == "discrete" else "continuous"
    names = tuple(f"item {k + 1}" for k in range(items))

    def one(stream: np.random.Generator) -> tuple[float, ...] | None:
        here = net if people is None else resized(net, people, stream)
        knew = np.zeros(here.n_people, dtype=bool)
        source = Generator.from_network(here, s, rate, 1, end, items, knew, None, kind)
        draws = source.draw(stream)[None]
        frame = DiffusionSimulation(name="", draws=draws, ids=tuple(here.ids), items=names).adoptions()
        if not np.isfinite(frame["time"]).any():
            return None
        fit = fit_nbda(
            here, frame, start=int(timing == "discrete"), end=end, timing=timing, baseline=baseline, rng=stream,
            n_starts=3,
        )  # fmt: skip
        share = social_transmission_share(fit, against=against, sensitivity=False)
        truth = true_share(fit, np.append(np.array([s]), fit._engine.natural[1:]))
        covers = share.low - 1e-9 <= truth <= share.high + 1e-9
        return (
            fit.n, truth, share.ceiling, share.zero_p, share.high - share.low, float(covers),
            float(share.high < against),
        )  # fmt: skip

    return one


def resized(net: PeerNetwork, n: int, rng: np.random.Generator) -> PeerNetwork:
    """Draw a network of n people with the numbers of teachers, and the inequality of being asked, of another.

    People are copied at random from ``net``; each learner draws as many distinct teachers as the copied person has,
    with chances in proportion to (1/2 + learners of the copied person). Weights are drawn from those of ``net``.
    """
    like = rng.integers(0, net.n_people, n)
    wanted = np.minimum(np.bincount(net.learner, minlength=net.n_people)[like], n - 1)
    pull = np.log(0.5 + np.bincount(net.teacher, minlength=net.n_people)[like])
    teachers = []
    for i in range(n):
        key = pull + rng.gumbel(size=n)
        key[i] = -np.inf
        teachers.append(np.argpartition(-key, int(wanted[i]))[: int(wanted[i])])
    learner = np.repeat(np.arange(n), wanted)
    weight = rng.choice(net.weight, len(learner)) if len(net.weight) else np.ones(len(learner))
    return PeerNetwork.from_codes(np.concatenate(teachers), learner, weight=weight, people=n)


def _row(people: int, items: int, found: list[tuple[float, ...]], test_level: float) -> tuple[float, ...]:
    """Average over studies."""
    table = np.array(found, dtype=float).reshape(-1, 7)
    table[:, 3] = table[:, 3] < test_level
    with np.errstate(invalid="ignore"):
        mean = np.nanmean(table, axis=0) if len(table) else np.full(7, np.nan)
    half = 1.96 * float(np.sqrt(mean[3] * (1 - mean[3]) / max(len(table), 1)))
    low, high = max(0.0, mean[3] - half), min(1.0, mean[3] + half)
    return (people, items, mean[0], mean[1], mean[2], mean[3], low, high, mean[4], mean[5], mean[6])
