"""Learners of one moment whose order nobody recorded: the likelihood summed over all orders.

For k people who learned at the same moment, the sum over k! orders runs over the 2^k sets of those who were first: with
R_l(S) the rate of l and D(S) the rate of everybody still naive once the set S knows,

    f(empty) = 1,  f(S + l) += f(S) R_l(S) / D(S),  likelihood of the moment = f(everybody),

so that people early in an order teach those later in it. In continuous time, where a moment takes no time, D drops out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from peernet.diffusion._risk import Design

__all__ = ["MOST_TOGETHER", "Orders", "Sums"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
MOST_TOGETHER = 12


class Sums(NamedTuple):
    """What the sums over orders give, by event and by link, with derivatives of the log-likelihood."""

    value: Floats  # log-likelihood of each moment
    item: Ints  # of each moment
    by_rate: Floats  # derivative by the rate of each event before the moment
    by_total: Floats  # derivative by the summed rate of each interval before the moment
    by_link: Floats  # derivative by the teaching that a link adds
    inverse: Floats  # expected 1 / rate of each event when it happens
    inverse_link: Floats  # the same over those orders in which the link's teacher came first


class _Sets:
    """Subsets of k people by size, with whom they can lose."""

    def __init__(self, k: int) -> None:
        sets = np.arange(1 << k)
        self.k, self.full = k, (1 << k) - 1
        self.bits = ((sets[None, :] >> np.arange(k)[:, None]) & 1).astype(np.float64)
        size = self.bits.sum(axis=0).astype(int)
        self.levels = []  # from the empty set on: sets of one size, who can come next, the sets they lead to
        for c in range(k):
            mine = sets[size == c]
            free = np.array([[j for j in range(k) if not s >> j & 1] for s in mine])
            self.levels.append((mine, free, mine[:, None] | (1 << free)))


class _Group(NamedTuple):
    """Moments with the same number of learners: their events, inner links and outer links."""

    sets: _Sets
    events: Ints  # moments x k
    inner: Ints  # rows of links between learners of one moment
    at: tuple[Ints, Ints, Ints]  # moment, teacher's place, learner's place of each
    outer: Ints
    out_at: tuple[Ints, Ints]  # moment, teacher's place


class Orders:
    """All moments of a design at which several people learned."""

    def __init__(self, design: Design, partial: bool) -> None:
        d = self.design = design
        self.partial = partial
        size = np.bincount(d.e_g, minlength=d.n_intervals)
        self.tied = size[d.e_g] > 1
        order = np.lexsort((np.arange(d.n_events), d.e_g))
        order = order[self.tied[order]]
        interval = d.e_g[order]
        place = np.full(d.n_events, -1)
        begin = np.searchsorted(interval, interval, side="left")
        place[order] = np.arange(len(order)) - begin
        self.groups: list[_Group] = []
        moments = np.unique(interval)
        for k in np.unique(size[moments]):
            mine = moments[size[moments] == k]
            row = np.full(d.n_intervals, -1)
            row[mine] = np.arange(len(mine))
            events = order[np.isin(interval, mine)].reshape(len(mine), int(k))
            here = row[d.e_g[d.l_event]] if len(d.l_event) else np.zeros(0, dtype=np.intp)
            inner = np.flatnonzero((here >= 0) & (d.l_pupil >= 0))
            outer = np.flatnonzero((here >= 0) & (d.l_pupil < 0))
            self.groups.append(
                _Group(
                    _Sets(int(k)),
                    events,
                    inner,
                    (here[inner], place[d.l_event[inner]], place[d.l_pupil[inner]]),
                    outer,
                    (here[outer], place[d.l_event[outer]]),
                )
            )

    def sums(self, rate: Floats, total: Floats, link: Floats) -> Sums:
        """Sum over all orders, given rates and risk sums before each moment and the teaching that links add."""
        d = self.design
        by_rate, by_total, by_link = np.zeros(d.n_events), np.zeros(d.n_intervals), np.zeros(len(link))
        inverse, inverse_link = 1.0 / rate, np.zeros(len(link))
        values, items = [], []
        for group in self.groups:
            values.append(
                self._group(group, rate, total, link, by_rate, by_total, by_link, inverse, inverse_link)
            )
            items.append(d.e_item[group.events[:, 0]])
        value = np.concatenate(values) if values else np.zeros(0)
        item = np.concatenate(items) if items else np.zeros(0, dtype=np.intp)
        return Sums(value, item, by_rate, by_total, by_link, inverse, inverse_link)

    def _group(
        self, group: _Group, rate: Floats, total: Floats, link: Floats, by_rate: Floats, by_total: Floats,
        by_link: Floats, inverse: Floats, inverse_link: Floats,
    ) -> Floats:  # fmt: skip
        """Work through moments of one size; derivatives are written into the arrays given."""
        sets, events = group.sets, group.events
        bits, outside = sets.bits, 1.0 - sets.bits
        start = rate[events]
        among = np.zeros((len(events), sets.k, sets.k))
        np.add.at(among, group.at, link[group.inner])
        beyond = np.zeros((len(events), sets.k))
        np.add.at(beyond, group.out_at, link[group.outer])
        taught = np.einsum("bjl,js->bls", among, bits)
        rates = start[:, :, None] + taught
        if self.partial:
            left = total[self.design.e_g[events[:, 0]], None] + (beyond - start) @ bits
            left = left + np.einsum("bls,ls->bs", taught, outside)
            below = np.maximum(left, np.einsum("bls,ls->bs", rates, outside))
            below[:, sets.full] = 1.0
        else:
            below = np.repeat(start.mean(axis=1, keepdims=True), sets.full + 1, axis=1)
        step = rates / below[:, None, :]
        forward, backward = _passes(sets, step)
        whole = forward[:, sets.full]
        flow = np.zeros_like(step)
        for mine, free, after in sets.levels:
            flow[:, free, mine[:, None]] = forward[:, mine, None] * backward[:, after]
        flow /= whole[:, None, None]
        chance = flow * step
        by_r = flow / below[:, None, :]
        by_d = -chance.sum(axis=1) / below if self.partial else np.zeros_like(below)
        by_rate[events] = by_r.sum(axis=2) - by_d @ bits.T
        by_total[self.design.e_g[events[:, 0]]] = by_d.sum(axis=1)
        moment, teacher, learner = group.at
        pull = by_r + by_d[:, None, :] * outside
        by_link[group.inner] = np.einsum("bls,js->bjl", pull, bits)[moment, teacher, learner]
        by_link[group.outer] = (by_d @ bits.T)[group.out_at]
        thin = np.divide(chance, rates)
        inverse[events] = thin.sum(axis=2)
        inverse_link[group.inner] = np.einsum("bls,js->bjl", thin, bits)[moment, teacher, learner]
        shift: Floats = np.zeros(len(events)) if self.partial else sets.k * np.log(below[:, 0])
        out: Floats = np.log(whole) + shift
        return out


def _passes(sets: _Sets, step: Floats) -> tuple[Floats, Floats]:
    """Return the weight of all ways into each set, and of all ways on from it."""
    forward, backward = np.zeros((len(step), sets.full + 1)), np.zeros((len(step), sets.full + 1))
    forward[:, 0] = backward[:, sets.full] = 1.0
    for mine, free, after in sets.levels:
        for c in range(free.shape[1]):
            np.add.at(forward.T, after[:, c], (forward[:, mine] * step[:, free[:, c], mine]).T)
    for mine, free, after in reversed(sets.levels):
        backward[:, mine] = (step[:, free, mine[:, None]] * backward[:, after]).sum(axis=2)
    return forward, backward
