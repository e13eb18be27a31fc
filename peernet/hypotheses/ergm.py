"""Exponential random graph models: exact where pairs are independent, handed over to ergmx where they are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, number, quoted, suggest
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError, FitError
from peernet.hypotheses import _goodness
from peernet.hypotheses._design import build, check_given, known_cells
from peernet.hypotheses._formula import (
    COLUMN_VERBS,
    DEPENDENT,
    FOREIGN,
    INTERCEPT,
    MEANT,
    NETWORK_VERBS,
    STRUCTURE,
    Formula,
    parse,
)
from peernet.hypotheses._goodness import GoodnessOfFit
from peernet.results import ModelFit, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["ErgmFit", "GoodnessOfFit", "fit_ergm"]

Floats = NDArray[np.float64]
Present = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ErgmFit(ModelFit):
    """A random graph model whose pairs of people are independent of each other, fitted exactly.

    Attributes
    ----------
    vcov : pandas.DataFrame
        Covariance of the estimates: the inverse of the observed information.
    aic, bic : float
        With as many observations as known cells.
    probabilities : numpy.ndarray, shape (n_pairs, 4)
        For each pair i < j: no tie, only i teaches j, only j teaches i, both.
    pairs : numpy.ndarray, shape (n_pairs, 2)
        The rows i and j of each pair.
    net : PeerNetwork
        The network fitted.
    """

    vcov: pd.DataFrame
    aic: float
    bic: float
    probabilities: Floats = field(repr=False)
    pairs: NDArray[np.intp] = field(repr=False)
    net: PeerNetwork = field(repr=False)

    def simulate(self, n_draws: int = 1, *, rng: RNGLike | SeedLike | None = None) -> list[PeerNetwork]:
        """Draw networks from the model; pairs whose covariates are unknown have no ties.

        Parameters
        ----------
        n_draws : int
            Networks.
        rng : Generator, BitGenerator, seed or None
            Source of randomness.

        Returns
        -------
        list of PeerNetwork
            Over the same people, every tie of weight 1.
        """
        from peernet.network import PeerNetwork

        rng = as_rng(rng)
        people = self.net.people
        return [
            PeerNetwork.from_codes(*np.nonzero(self._draw(rng)), people=people)
            for _ in range(count("n_draws", n_draws))
        ]

    def _draw(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Draw one network as a boolean matrix."""
        n = self.net.n_people
        state = (rng.random(len(self.pairs))[:, None] > np.cumsum(self.probabilities, axis=1)).sum(axis=1)
        i, j = self.pairs.T
        out = np.zeros((n, n), dtype=bool)
        out[i, j] = (state == 1) | (state == 3)
        out[j, i] = (state == 2) | (state == 3)
        return out

    def goodness(
        self,
        *,
        n_draws: int = 100,
        rng: RNGLike | SeedLike | None = None,
        n_jobs: int = 1,
        progress: bool = False,
    ) -> GoodnessOfFit:
        """Hold features that the model was not fitted to against networks drawn from it.

        Parameters
        ----------
        n_draws : int
            Networks drawn.
        rng : Generator, BitGenerator, seed or None
            Source of randomness.
        n_jobs : int
            Workers; the answer does not depend on it.
        progress : bool
            Show a bar.

        Returns
        -------
        GoodnessOfFit
            People by how many they teach and learn from, ties by shared partners, pairs by distance, triads by type.
            Cells that silent people would have filled are left empty on both sides.
        """
        rng = as_rng(rng)
        used = record(rng)
        known = known_cells(self.net)
        seen = (self.net.adjacency.toarray() > 0) & known

        def draw(size: int, stream: np.random.Generator) -> list[dict[tuple[str, str], float]]:
            return [_goodness.features(self._draw(stream) & known) for _ in range(size)]

        n_draws = count("n_draws", n_draws)
        parts = run_blocks(draw, n_draws, rng=rng, block=8, n_jobs=n_jobs, progress=progress, desc="networks")
        facts = provenance("hypotheses.ErgmFit.goodness", self.net, options={"n_draws": n_draws}, rng=used)
        return _goodness.compare(_goodness.features(seen), [f for part in parts for f in part], facts)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the terms but the intercept with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses import _network_pictures

        return _network_pictures.plot_estimates(self, "change in log-odds of a tie", ax=ax)


def read_model(formula: str) -> tuple[Formula, list[str]]:
    """Split a formula into its tie covariates and its mutuality terms.

    Raises
    ------
    ValueError
        For terms that make pairs depend on each other.
    """
    text = formula if "~" in str(formula) else f"tie ~ 0 + {formula}"
    if found := re.search(rf"\b({'|'.join(DEPENDENT)})\b", text):
        raise ValueError(
            f"formula: {found.group()!r} makes pairs depend on each other, so there is no exact fit. fit_ergmx(...) "
            "hands such models over to the package ergmx (simulation; may degenerate)."
        )
    verbs = (*COLUMN_VERBS, *NETWORK_VERBS, "mutual")
    for word in re.findall(r"([^\W\d]\w*)\s*\(", text):
        if word not in (*verbs, *FOREIGN) and (near := suggest(word, DEPENDENT)):
            raise ValueError(f"formula: {word}(...) is no term.{near} Such terms are for fit_ergmx.")
    model = parse(text, verbs=verbs)
    plain: list[Any] = []
    mutual: list[str] = []
    intercept = model.intercept
    for product in model.products:
        first = product[0]
        if len(product) == 1 and first.verb == "network" and first.argument == "edges":
            intercept = True
        elif len(product) == 1 and first.verb == "network" and first.argument == "mutual":
            mutual.append("")
        elif len(product) == 1 and first.verb == "mutual":
            mutual.append(first.argument)
        else:
            plain.append(product)
    return Formula(model.response, tuple(plain), intercept), mutual


def _refuse_unknown(
    model: Formula, formula: str, networks: Mapping[str, Any] | None, net: PeerNetwork
) -> None:
    """Refuse words that are no network, no column and no term, offering what was probably meant.

    Raises
    ------
    DataError
        Naming the word and the nearest terms.
    """
    bare = {t.argument for p in model.products for t in p if t.verb == "network"}
    for word in sorted(bare - set(networks or {}) - set(net.people.columns)):
        terms = [*STRUCTURE, *DEPENDENT, *(networks or {})]
        meant = MEANT.get(word.lower(), "")
        near = f" Did you mean {meant!r}?" if meant else suggest(word, terms)
        known = ", ".join(map(repr, networks or {})) or "none"
        raise DataError(
            f"formula: {word!r} in {formula!r} is neither a term (edges, mutual, same(x) ...) nor a network.{near} "
            f"networks holds: {known}."
        )


def fit_ergm(
    net: PeerNetwork,
    formula: str,
    *,
    networks: Mapping[str, Any] | None = None,
    level: float = 0.95,
) -> ErgmFit:
    r"""Exact random graph model for ties that depend on each other only within a pair.

    A pair i < j is in one of four states with weights

    .. math:: 1,\; e^{\eta_{ij}},\; e^{\eta_{ji}},\; e^{\eta_{ij} + \eta_{ji} + \rho_{ij}}, \quad
              \eta_{ij} = x_{ij}'\beta,\; \rho_{ij} = z_{ij}'\mu,

    so the likelihood is a product of four-state choices, maximised by Newton's method: no simulation, no degeneracy.
    Where one of the two answers is unknown the pair's likelihood sums over it (silent people stay in).

    Parameters
    ----------
    net : PeerNetwork
        Ties count as present or absent.
    formula : str
        ``"edges + mutual + same(office) + teacher(seniority)"`` or ``"tie ~ mutual + ..."`` (edges is then the
        intercept). ``mutual`` or ``mutual(office)``, mutual pairs within the same office; other terms as in
        :func:`mrqap`.
    networks : mapping of str to PeerNetwork or pandas.DataFrame
        Networks that terms may name.
    level : float
        Coverage of the intervals.

    Returns
    -------
    ErgmFit
        Log-odds scale; ``goodness()`` says what the model leaves unexplained.

    Raises
    ------
    ValueError
        For terms such as gwesp or triangle: see :func:`fit_ergmx`.
    DataError
        For unknown names, constant or collinear terms.
    FitError
        Where a term predicts ties perfectly, so that its estimate is infinite.

    References
    ----------
    Holland, Leinhardt (1981). Journal of the American Statistical Association 76, 33-50. doi:10.2307/2287037
    """
    check_given(net, networks)
    level = number("level", level, 0, 1, open_low=True, open_high=True)
    model, mutual = read_model(formula)
    if model.response != "tie":
        raise ValueError(f"formula: fit_ergm models ties, 'tie ~ ...'; got {model.response!r}.")
    if not (model.products or model.intercept or mutual):
        raise ValueError(f"formula: {formula!r} has no term.")
    _refuse_unknown(model, formula, networks, net)
    data = _pairs(net, model, mutual, networks)
    theta, info, log_likelihood = _newton(data)
    return _answer(net, formula, data, theta, info, log_likelihood, level)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Features of the three states with ties, and which states agree with the answers."""

    features: Floats
    consistent: NDArray[np.bool_]
    pairs: NDArray[np.intp]
    names: tuple[str, ...]
    cells: int
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()


def _pairs(net: PeerNetwork, model: Formula, mutual: list[str], networks: Mapping[str, Any] | None) -> _Pairs:
    """Lay a network out by pairs."""
    notes: tuple[str, ...] = ()
    if model.products or model.intercept:
        design = build(net, model, networks, keep_unanswered=True)
        notes = design.notes
        x, names = design.x, [("edges" if n == INTERCEPT else n) for n in design.names]
    else:
        x, names = np.empty((0, net.n_people, net.n_people)), []
    z, more = _mutual_terms(net, mutual)
    i, j = np.triu_indices(net.n_people, 1)
    k, m = len(x), len(z)
    up, down, both = x[:, i, j].T, x[:, j, i].T, z[:, i, j].T
    features = np.zeros((len(i), 4, k + m))
    features[:, 1, :k], features[:, 2, :k] = up, down
    features[:, 3, :k], features[:, 3, k:] = up + down, both
    known = known_cells(net)
    usable = np.isfinite(features).all(axis=(1, 2)) & (known[i, j] | known[j, i])
    tie = net.adjacency.toarray() > 0
    states = np.array([[False, False], [True, False], [False, True], [True, True]])
    fits_up = ~known[i, j][:, None] | (tie[i, j][:, None] == states[:, 0])
    fits_down = ~known[j, i][:, None] | (tie[j, i][:, None] == states[:, 1])
    _refuse_pairs(features[usable], [*names, *more], x, tie, known)
    cells = int((known[i, j][usable].sum()) + known[j, i][usable].sum())
    lost = {
        "answers unknown": int((~known).sum() - len(known)),
        "covariates unknown": int(known.sum()) - cells,
    }
    pairs = np.column_stack([i, j])[usable]
    return _Pairs(features[usable], (fits_up & fits_down)[usable], pairs, (*names, *more), cells, lost, notes)


def _refuse_pairs(features: Floats, names: list[str], x: Floats, tie: Present, known: Present) -> None:
    """Refuse features that follow from those before, and the network itself as its own covariate."""
    both = known & known.T
    for name, values in zip(names, x, strict=False):
        if np.array_equal(values[both] != 0, tie.T[both]):
            raise DataError(f"formula: {name} is the modelled network turned round. Use mutual.")
    flat = features[:, 1:].reshape(-1, len(names))
    scale = np.sqrt((flat**2).mean(axis=0))
    r = np.abs(np.diagonal(np.linalg.qr(flat / np.where(scale > 0, scale, 1.0), mode="r"))) / np.sqrt(
        len(flat)
    )
    bad = np.flatnonzero(r < 1e-7)
    if len(bad):
        raise DataError(
            f"formula: {quoted([names[b] for b in bad])} follows from the terms before it, or is 0 for every pair: "
            "its effect cannot be told. Drop it."
        )


def _mutual_terms(net: PeerNetwork, mutual: list[str]) -> tuple[Floats, list[str]]:
    """Return the covariates of mutual pairs."""
    n = net.n_people
    parts = []
    for name in mutual:
        if not name:
            parts.append(np.ones((n, n)))
            continue
        codes, _ = net.codes(name)
        same = (codes[:, None] == codes[None, :]).astype(np.float64)
        same[(codes < 0)[:, None] | (codes < 0)[None, :]] = np.nan
        parts.append(same)
    names = ["mutual" + (f"({m})" if m else "") for m in mutual]
    return (np.stack(parts) if parts else np.empty((0, n, n))), names


def _moments(weight: Floats, features: Floats) -> tuple[Floats, Floats, Floats]:
    """Return log normaliser, mean and summed covariance of the features under weights (log scale) of the states."""
    top = weight.max(axis=1, keepdims=True)
    p = np.exp(weight - top)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    mean = np.einsum("ps,psk->pk", p, features)
    second = np.einsum("ps,psk,psl->kl", p, features, features, optimize=True)
    return (np.log(total) + top)[:, 0], mean, second - mean.T @ mean


def _newton(data: _Pairs) -> tuple[Floats, Floats, float]:
    """Maximise the observed-data likelihood; return estimates, information and log-likelihood.

    Raises
    ------
    FitError
        Where the maximum does not exist or is not reached.
    """
    theta = np.zeros(data.features.shape[2])

    def evaluate(at: Floats) -> tuple[float, Floats, Floats]:
        score = data.features @ at
        whole, mean, spread = _moments(score, data.features)
        part, seen, left = _moments(np.where(data.consistent, score, -np.inf), data.features)
        return float((part - whole).sum()), (seen - mean).sum(axis=0), spread - left

    value, gradient, info = evaluate(theta)
    start = np.diagonal(info).copy()
    for _ in range(100):
        try:
            step = np.linalg.solve(info + 1e-12 * np.diag(np.diagonal(info)), gradient)
        except np.linalg.LinAlgError:
            break
        if gradient @ step < 0:
            step = gradient / max(float(np.abs(np.diagonal(info)).max()), 1e-12)
        size = 1.0
        while size > 1e-8:
            new = evaluate(theta + size * step)
            if new[0] >= value - 1e-12 * abs(value):
                break
            size /= 2
        theta, (value, gradient, info) = theta + size * step, new
        if np.abs(data.features @ theta).max() > 60:
            break
        if float(np.abs(size * step).max()) < 1e-10 * (1 + float(np.abs(theta).max())):
            # A term that tells ties for sure has no information left at its huge estimate.
            now = np.diagonal(info)
            if (now > 1e-9 * start).all() and np.linalg.cond(info / np.sqrt(np.outer(now, now))) < 1e14:
                return theta, info, value
            break
    scale = np.abs(theta) * np.abs(data.features).max(axis=(0, 1))
    worst = data.names[int(np.argmax(scale))]
    raise FitError(
        f"fit_ergm: {worst} predicts ties perfectly in these data (or hardly varies), so its estimate is infinite. "
        "Drop or merge it, or use dyadic_regression(model='logit'), which takes Firth's penalty."
    )


def _answer(
    net: PeerNetwork,
    formula: str,
    data: _Pairs,
    theta: Floats,
    info: Floats,
    log_likelihood: float,
    level: float,
) -> ErgmFit:
    """Put the table together."""
    from scipy import stats

    vcov = np.linalg.inv(info)
    error = np.sqrt(np.diagonal(vcov))
    z = theta / error
    half = stats.norm.ppf((1 + level) / 2) * error
    params = pd.DataFrame(
        {
            "term": list(data.names),
            "estimate": theta,
            "std_error": error,
            "statistic": z,
            "p_value": 2 * stats.norm.sf(np.abs(z)),
            "low": theta - half,
            "high": theta + half,
        }
    )
    score = data.features @ theta
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    k = len(theta)
    half_known = int((data.consistent.sum(axis=1) == 2).sum())
    notes = [
        "Pairs are taken as independent: no closure, no popularity. Look at goodness() before believing p-values."
    ]
    if half_known:
        notes.append(f"{half_known} pairs have one of two answers unknown; their likelihood sums over it.")
    return ErgmFit(
        name=f"Exact random graph model, {formula}",
        params=params,
        log_likelihood=log_likelihood,
        n=data.cells,
        n_unit="ordered pairs",
        level=level,
        notes=(*notes, *data.notes),
        vcov=pd.DataFrame(vcov, index=list(data.names), columns=list(data.names)),
        aic=2 * k - 2 * log_likelihood,
        bic=float(np.log(data.cells) * k - 2 * log_likelihood),
        probabilities=weight / weight.sum(axis=1, keepdims=True),
        pairs=data.pairs,
        net=net,
        estimand="log-odds of a tie for a unit of the term, given the rest of the pair",
        would_count_against="an interval that holds 0 well inside",
        assumptions=("pairs of people are independent given the terms", "teachers first in ordered terms"),
        provenance=provenance(
            "hypotheses.fit_ergm",
            net,
            options={"formula": formula, "level": level},
            used={"cells_used": data.cells, "cells_left_out": data.left_out},
        ),
    )
