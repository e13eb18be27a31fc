"""The search for teams across units: communities of the ties between units, scored against swapped ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from peernet._parallel import run_blocks
from peernet.silos._agreement import crossed, overlap
from peernet.silos.informal import Pairs, many_runs, rewired

__all__ = ["Scan", "Team", "ladder", "scan"]


_RUNS = 4  # behind each score, of observed and drawn networks alike


class Team(NamedTuple):
    """A group of people across units that holds together more than chance allows."""

    people: NDArray[np.intp]
    resolution: float
    ties: float
    expected: float
    score: float
    z: float
    p_value: float
    stability: float


class Scan(NamedTuple):
    """All candidates found, the smallest p-value, and the null's largest z."""

    teams: list[Team]
    p_value: float
    null: NDArray[np.float64]
    observed: float


def ladder(n_people: int, smallest: int) -> NDArray[np.float64]:
    """Return the resolutions looked at: 1, 2, 4 ... up to one that can tell teams of the smallest size apart."""
    top = max(n_people / (6 * smallest), 1.0)
    return np.asarray(2.0 ** np.arange(int(np.log2(top)) + 1), dtype=np.float64)


def _scores(
    pairs: Pairs, part: NDArray[np.int64], codes: NDArray[Any], smallest: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Signed root of the deviance of each community's ties from those expected, its ties, and the expected ties.

    Expected are the ties between units that the numbers of contacts give: all of them, times the community's share of
    the products of contacts of two people in different units.
    """
    k, n_units = int(part.max(initial=-1)) + 1, int(codes.max(initial=-1)) + 1
    owner = pairs.owner
    degree = np.bincount(owner, pairs.w, len(part))
    same = part[owner] == part[pairs.idx]
    ties = np.bincount(part[owner][same], pairs.w[same], k) / 2
    by_unit = np.bincount(part * n_units + codes, degree, k * n_units).reshape(k, n_units)
    whole = by_unit.sum(axis=0)
    room = by_unit.sum(axis=1) ** 2 - np.sum(by_unit**2, axis=1)
    everything = whole.sum() ** 2 - np.sum(whole**2)
    expected = degree.sum() / 2 * room / everything if everything > 0 else np.zeros(k)
    people = crossed(part, codes)
    size = people.sum(axis=1)
    fits = (
        (size >= smallest) & (2 * people.max(axis=1, initial=0) <= size) & (np.sum(people > 0, axis=1) >= 3)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = 2 * (np.where(ties > 0, ties * np.log(ties / expected), 0.0) - (ties - expected))
    score = np.where(fits & (ties > expected), np.sqrt(np.maximum(deviance, 0.0)), 0.0)
    return np.nan_to_num(score), ties, expected


def _best(pairs: Pairs, resolution: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the best of a few runs."""
    runs, quality = many_runs(pairs, resolution, _RUNS, rng)
    found: NDArray[np.int64] = runs[int(np.nanargmax(quality))]
    return found


def scan(
    pairs: Pairs,
    codes: NDArray[np.int64],
    blocks: NDArray[np.int64],
    resolutions: NDArray[np.float64],
    *,
    smallest: int,
    n_runs: int,
    n_draws: int,
    level: float,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> Scan:
    """Look for teams at every resolution and keep what the largest z of the null, over all of them, seldom reaches.

    Scores are put on one scale by the mean and SD of the best score at that resolution among observed and drawn
    networks; the p-value of a team is that of the largest over resolutions, so all teams together raise a false alarm
    with probability 1 - level at most.
    """
    if not len(pairs.w) or not n_draws:
        return Scan([], float("nan"), np.empty(0), float("nan"))
    parts = [_best(pairs, r, rng) for r in resolutions]
    found = [_scores(pairs, part, codes, smallest) for part in parts]
    top = np.array([score.max(initial=0.0) for score, *_ in found])

    def block(size: int, stream: np.random.Generator) -> list[list[float]]:
        return [
            [
                float(_scores(drawn, _best(drawn, r, stream), codes, smallest)[0].max(initial=0.0))
                for r in resolutions
            ]
            for drawn in rewired(pairs, blocks, size, stream)
        ]

    drawn = run_blocks(
        block, n_draws, rng=rng, block=16, n_jobs=n_jobs, progress=progress, desc="null networks"
    )
    null = np.array([row for part in drawn for row in part])
    everything = np.vstack([top, null])
    mean, sd = everything.mean(axis=0), everything.std(axis=0)
    scaled = np.divide(null - mean, sd, out=np.full(null.shape, -np.inf), where=sd > 1e-12).max(axis=1)

    def p_of(z: float) -> float:
        return float((1 + np.count_nonzero(scaled >= z - 1e-9)) / (len(scaled) + 1))

    candidates = []
    for r, (part, (score, ties, expected)) in enumerate(zip(parts, found, strict=True)):
        for c in np.flatnonzero(score > 0).tolist() if sd[r] > 1e-12 else []:
            z = float((score[c] - mean[r]) / sd[r])
            candidates.append((z, r, int(c), part, float(score[c]), float(ties[c]), float(expected[c])))
    candidates.sort(key=lambda row: -row[0])
    observed = candidates[0][0] if candidates else float("nan")
    teams: list[Team] = []
    for z, rung, c, part, score_, ties_, expected_ in candidates:
        people = np.flatnonzero(part == c)
        if p_of(z) > 1 - level + 1e-12:
            break
        if any(2 * len(np.intersect1d(people, t.people)) > min(len(people), len(t.people)) for t in teams):
            continue
        runs, _ = many_runs(pairs, float(resolutions[rung]), n_runs, rng, n_jobs=n_jobs)
        alone = (part != c).astype(np.int64)
        stability = float(overlap(alone, runs)[0])
        teams.append(Team(people, float(resolutions[rung]), ties_, expected_, score_, z, p_of(z), stability))
    return Scan(teams, p_of(observed) if candidates else 1.0, scaled, observed)
