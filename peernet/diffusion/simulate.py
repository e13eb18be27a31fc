"""Diffusions drawn from a model: to check intervals, to plan studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal, number, quoted
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.diffusion._fitted import NBDAFit
from peernet.diffusion._fitting import Plan_, fit_prepared
from peernet.diffusion._generate import Generator, histories_of
from peernet.diffusion._risk import build_design
from peernet.diffusion._share_profile import social_parts
from peernet.diffusion.share import social_transmission_share
from peernet.errors import DataError
from peernet.network import PeerNetwork
from peernet.results import Simulation, provenance

__all__ = ["DiffusionSimulation", "simulate_nbda"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DiffusionSimulation(Simulation):
    """Simulated adoption times.

    Attributes
    ----------
    ids : tuple of str
        People, the last axis of ``draws``.
    items : tuple of str
        Items, the second axis. Times are NaN for those who never adopt; people who knew from the start carry -inf.
    moments : bool
        Whether ``draws`` are days since 1970, because the fit was of moments; ``adoptions`` gives moments then.
    """

    ids: tuple[str, ...]
    items: tuple[str, ...]
    moments: bool = False

    def adoptions(self, draw: int = 0) -> pd.DataFrame:
        """Return one draw as an adoption table.

        Parameters
        ----------
        draw : int
            Which draw.

        Returns
        -------
        pandas.DataFrame
            ``person, item, time, already_knew``.
        """
        time = self.draws[draw]
        knew = np.isneginf(time)
        n_items, n = time.shape
        frame = pd.DataFrame(
            {
                "person": np.tile(np.array(self.ids, dtype=object), n_items),
                "item": np.repeat(np.array(self.items, dtype=object), n),
                "time": np.where(knew, np.nan, time).ravel(),
                "already_knew": knew.ravel(),
            }
        )
        if self.moments:
            frame["time"] = pd.to_datetime(frame["time"] * 86_400_000, unit="ms", utc=True)
        return frame

    def plot(self, ax: Any = None) -> Any:
        """Draw the cumulative share of adopters of each item, with the spread of the draws.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.diffusion._pictures import plot_simulated

        return plot_simulated(self, ax=ax)

    def summary(self) -> str:
        """State how many draws there are and how many people adopt."""
        reached = np.isfinite(self.draws).mean() if self.draws.size else float("nan")
        return f"{self.name}: {len(self.draws)} draws; {reached:.0%} of people adopt on average."


def simulate_nbda(
    model: NBDAFit | PeerNetwork,
    *,
    s: float | None = None,
    rate: float | None = None,
    start: int | None = None,
    end: int | None = None,
    n_items: int | None = None,
    demonstrators: str | Iterable[str] = (),
    trend: Sequence[float] | None = None,
    timing: Literal["discrete", "continuous"] | None = None,
    n_draws: int = 1,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> DiffusionSimulation:
    """Adoption times drawn from a fitted model, or from a network with a given strength of teaching.

    A naive person adopts at rate h0(t) (A + B s T), T being the teaching by those informed before, as in
    ``fit_nbda``. From a fit, covariates, presence, several networks, demonstrators and the baseline are its own; the
    order model draws the next learner in proportion to the rates, at the observed moments.

    Parameters
    ----------
    model : NBDAFit or PeerNetwork
        Where to draw from. The further parameters but the last four describe a diffusion on a network; a fit has its
        own and refuses them.
    s : float
        Strength of teaching per unit of tie weight, relative to the asocial rate.
    rate : float
        Asocial rate per period.
    start, end : int
        First (default 1) and last period, both included (continuous: the span from ``start`` - 1 to ``end``).
    n_items : int
        Independent items; default 1.
    demonstrators : str or list of str
        Who knows from the start.
    trend : list of float, optional
        Factor on the asocial rate, one a period: a common cause over time.
    timing : {"discrete", "continuous"}
        Whether those of the same period can have taught each other; default discrete: they cannot.
    n_draws : int
        Data sets.
    rng : generator or seed, optional
        Random numbers; the answer does not depend on ``n_jobs``.
    n_jobs, progress : int, bool
        As everywhere.

    Returns
    -------
    DiffusionSimulation
        ``draws`` of shape (n_draws, n_items, n_people); ``adoptions(k)`` gives a table for ``fit_nbda``.

    Raises
    ------
    ValueError
        When a fit is given a strength, rate, span, trend or demonstrators: to ask what another strength would do, draw
        from the network.
    DataError
        For fits whose covariates or presence change within continuous time or the order.
    """
    rng = as_rng(rng)
    count("n_draws", n_draws)
    state = record(rng)
    known = [demonstrators] if isinstance(demonstrators, str) else list(demonstrators)
    if isinstance(model, NBDAFit):
        given = {
            "s": s,
            "rate": rate,
            "start": start,
            "end": end,
            "n_items": n_items,
            "trend": trend,
            "timing": timing,
        }
        named = [k for k, v in given.items() if v is not None] + ["demonstrators"] * bool(known)
        if named:
            raise ValueError(
                f"{', '.join(named)}: a fit is drawn from as it was fitted. Leave them out, or draw from the network: "
                "simulate_nbda(net, s=..., rate=..., end=...)."
            )
        source, net = Generator.from_fit(model), model._engine.prepared.net
        items: tuple[str, ...] = model.items
        moments = model._engine.prepared.moments
    elif isinstance(model, PeerNetwork):
        timing = "discrete" if timing is None else timing
        literal("timing", timing, ("discrete", "continuous"))
        start, n_items = 1 if start is None else start, 1 if n_items is None else n_items
        if s is None or rate is None or end is None:
            raise ValueError("a simulation on a network needs s, rate and end.")
        number("s", s, 0)
        number("rate", rate, 0)
        count("n_items", n_items)
        if end < start:
            raise DataError(f"end ({end!r}) lies before start ({start!r}).")
        strange = [p for p in known if p not in model.ids]
        if strange:
            raise DataError(f"demonstrators: {quoted(strange)} are not in people.")
        knew = np.asarray(model.ids.isin(known))
        source = Generator.from_network(model, s, rate, start, end, n_items, knew, trend, timing)
        net, items, moments = model, tuple(f"item {k + 1}" for k in range(n_items)), False
    else:
        raise DataError(f"model must be a fit of fit_nbda or a PeerNetwork; got {type(model).__name__}.")

    def block(size: int, stream: np.random.Generator) -> Floats:
        return np.stack([source.draw(stream) for _ in range(size)])

    parts = run_blocks(block, n_draws, rng=rng, block=16, n_jobs=n_jobs, progress=progress, desc="simulating")
    facts = provenance(
        "diffusion.simulate_nbda", net, options={"n_draws": n_draws, "s": s, "rate": rate}, rng=state
    )
    return DiffusionSimulation(
        name="Simulated diffusion",
        draws=np.concatenate(parts),
        ids=tuple(net.ids),
        items=items,
        moments=moments,
        provenance=facts,
    )


def refit(fit: NBDAFit, times: Floats, rng: np.random.Generator, *, n_starts: int = 3) -> NBDAFit | None:
    """Fit the same model to other adoption times; None where nobody learned."""
    engine = fit._engine
    prepared = engine.prepared
    old = engine.design
    design = build_design(
        histories_of(old, times), ids=prepared.net.ids, timing=old.timing, ties=old.ties, edges=prepared.edges,
        networks=old.networks, ties_of=prepared.ties_of, covariates=prepared.covariates, presence=prepared.presence,
        teacher_weight=prepared.teacher_weight,
    )  # fmt: skip
    if not design.n_events:
        return None
    plan = Plan_(
        engine.model.baseline, engine.model.own_social, engine.model.own_baseline, fit.level, n_starts
    )
    return fit_prepared(prepared._replace(design=design), plan, rng, {})


def true_share(fit: NBDAFit, natural: Floats) -> float:
    """Return the share that given parameters imply on the history of a fit."""
    engine = fit._engine
    d = engine.design
    began = np.bincount(d.e_item, minlength=len(d.items)) > 0
    denominator = d.n_events - int(np.count_nonzero(~d.seeded & began))
    return float(social_parts(engine.model, natural)[0].sum()) / denominator if denominator else float("nan")


def bootstrap_share(
    fit: NBDAFit, n_draws: int, rng: np.random.Generator, n_jobs: int, progress: bool
) -> pd.DataFrame:
    """Simulate from a fit, refit, and compare the share with the truth on each simulated history."""
    source = Generator.from_fit(fit)
    natural = fit._engine.natural

    def block(size: int, stream: np.random.Generator) -> list[tuple[float, float, float, float]]:
        rows = []
        for _ in range(size):
            again = refit(fit, source.draw(stream), stream)
            if again is None:
                continue
            share = social_transmission_share(again, sensitivity=False)
            rows.append((share.value, share.low, share.high, true_share(again, natural)))
        return rows

    parts = run_blocks(block, n_draws, rng=rng, block=8, n_jobs=n_jobs, progress=progress, desc="bootstrap")
    frame = pd.DataFrame([r for part in parts for r in part], columns=["value", "low", "high", "truth"])
    return frame.dropna(subset=["value", "truth"]).reset_index(drop=True)
