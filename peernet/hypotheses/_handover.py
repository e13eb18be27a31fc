"""Models that other packages fit: a call to ergmx, files for statnet and RSiena."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from peernet._check import literal, number, suggest
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.errors import DataError, FitError
from peernet.hypotheses._design import _aligned, known_cells
from peernet.hypotheses._formula import MEANT
from peernet.privacy.permissions import require
from peernet.results import ModelFit, provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from peernet.network import PeerNetwork

__all__ = ["ErgmxFit", "fit_ergmx", "to_rsiena", "to_statnet"]

# Terms of ergm that stand alone. Others in one word go to ergmx as they are, unless they look like one of these.
BARE = ("edges", "mutual", "density", "triangle", "triangles", "ttriple", "ctriple", "ttriad", "ctriad", "isolates",
        "twopath", "m2star", "asymmetric", "transitive", "intransitive", "transitiveties", "cyclicalties", "sender",
        "receiver", "meandeg", "balance", "simmelian", "nearsimmelian", "opentriad", "tripercent")  # fmt: skip
EdgeMeans = Literal["teaches", "asks"]
_VERB = re.compile(r"\b(same|diff|teacher|learner|mix)\(\s*['\"]?([^()'\"]+?)['\"]?\s*\)")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ErgmxFit(ModelFit):
    """A random graph model with dependent pairs, as the package ergmx fitted it.

    Attributes
    ----------
    fit : ergmx.ErgmFit
        The fit itself, with ``gof()``, ``mcmc_diagnostics()``, ``simulate()``.
    aic, bic : float
        As ergmx gives them.
    """

    fit: Any = field(repr=False)
    aic: float = float("nan")
    bic: float = float("nan")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the terms but the intercept with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw.
        """
        from peernet.hypotheses import _network_pictures

        return _network_pictures.plot_estimates(self, "change in log-odds of a tie", ax=ax)


def _translate(net: PeerNetwork, formula: str, names: Sequence[str]) -> str:
    """Write a formula in ergm's words; edges run from teacher to learner."""
    text = str(formula).partition("~")[2] or str(formula)

    def words(found: re.Match[str]) -> str:
        verb, name = found.group(1), found.group(2)
        numeric = pd.api.types.is_numeric_dtype(net.column(name).dtype)
        side = {"teacher": "nodeo", "learner": "nodei"}.get(verb)
        if side:
            return f"{side}{'cov' if numeric else 'factor'}('{name}')"
        word = {"same": "nodematch", "diff": "absdiff", "mix": "nodemix"}[verb]
        return f"{word}('{name}')"

    text = _VERB.sub(words, text)
    terms = [t.strip() for t in text.split("+")]
    for bare in (t for t in terms if t.isidentifier() and t not in (*names, *BARE)):
        meant = MEANT.get(bare.lower())
        if near := f" Did you mean {meant!r}?" if meant else suggest(bare, [*names, *BARE]):
            raise DataError(f"formula: {bare!r} is neither a term nor one of networks.{near}")
    return " + ".join(f"edgecov('{t}')" if t in names else t for t in terms)


def fit_ergmx(
    net: PeerNetwork,
    formula: str,
    *,
    networks: Mapping[str, Any] | None = None,
    constraints: str | None = None,
    level: float = 0.95,
    rng: RNGLike | SeedLike | None = None,
) -> ErgmxFit:
    """Random graph model with dependent pairs (closure, popularity), fitted by the package ergmx.

    ergmx is licensed under the GPL and is an extra, ``peernet[ergm]``; it is called, not copied. Such models are fitted
    by simulation and may be *degenerate*: the model then describes networks nearly empty or full, and no estimate
    should be read. Terms with decay (gwesp, gwidegree) are steadier than counts of triangles or stars.

    Parameters
    ----------
    net : PeerNetwork
        Ties count as present or absent; edges run from teacher to learner. Cells that silent people would have filled
        are handed over as unknown.
    formula : str
        ergm's own terms in R syntax, ``"edges + mutual + gwesp(0.5, fixed=TRUE)"``, and peernet's ``same(x)``,
        ``diff(x)``, ``teacher(x)``, ``learner(x)``, ``mix(x)`` and names of ``networks``.
    networks : mapping of str to PeerNetwork or pandas.DataFrame
        Networks that the formula names, all cells known.
    constraints : str, optional
        In R syntax, such as ``"bd(maxin=5)"`` where people could name five teachers.
    level : float
        Coverage of the intervals.
    rng : Generator, BitGenerator, seed or None
        Source of the seed that ergmx gets.

    Returns
    -------
    ErgmxFit
        Tidy table; ``fit`` is ergmx's own object.

    Raises
    ------
    ImportError
        If ergmx is not installed.
    FitError
        If the model is degenerate or did not converge.
    """
    import networkx as nx

    level = number("level", level, 0, 1, open_low=True, open_high=True)
    text = _translate(net, formula, list(networks or {}))
    try:
        import ergmx
    except ImportError as error:
        raise ImportError("fit_ergmx needs the package ergmx (GPL): pip install 'peernet[ergm]'.") from error
    rng = as_rng(rng)
    used = record(rng)
    graph = nx.DiGraph()
    values = net.people.to_dict("index")
    graph.add_nodes_from((i, {str(k): _plain(v) for k, v in values[i].items()}) for i in net.ids)
    unknown = ~known_cells(net)
    np.fill_diagonal(unknown, False)
    ids = list(net.ids)
    graph.add_edges_from(
        (ids[i], ids[j]) for i, j in zip(net.teacher, net.learner, strict=True) if not unknown[i, j]
    )
    graph.add_edges_from((ids[i], ids[j], {"na": True}) for i, j in np.argwhere(unknown))
    for name, other in (networks or {}).items():
        table = _aligned(net, other, name)
        if np.isnan(table[~np.eye(len(table), dtype=bool)]).any():
            raise DataError(f"networks: {name} has unknown cells, which ergmx cannot take in a covariate.")
        graph.graph[name] = np.nan_to_num(table)
    try:
        fit = ergmx.ergm(graph, text, constraints=constraints, seed=int(rng.integers(0, 2**31 - 1)))
    except ergmx.DegeneracyError as error:
        raise FitError(
            f"ergmx: {text} is degenerate here: networks drawn from the model look nothing like the data, so there "
            "is no estimate to read. Use terms with decay (gwesp, not triangle), fewer structural terms, or fit_ergm."
        ) from error
    return _tidy(
        net, fit, text, level, {"formula": formula, "constraints": constraints, "level": level}, used
    )


def _plain(value: Any) -> Any:
    """Return numbers as float, missing values as None, the rest as text."""
    if pd.isna(value):
        return None
    return float(value) if isinstance(value, (int, float, np.number)) else str(value)


def _tidy(
    net: PeerNetwork, fit: Any, text: str, level: float, options: dict[str, Any], used: dict[str, Any]
) -> ErgmxFit:
    """Put ergmx's numbers in peernet's table."""
    from scipy import stats

    estimate = np.array([fit.coef[n] for n in fit.names], dtype=np.float64)
    given = fit.stderr
    error = np.array([given[n] if isinstance(given, Mapping) else given[i] for i, n in enumerate(fit.names)])
    z = estimate / error
    half = stats.norm.ppf((1 + level) / 2) * error
    columns = [
        list(fit.names),
        estimate,
        error,
        z,
        2 * stats.norm.sf(np.abs(z)),
        estimate - half,
        estimate + half,
    ]
    heads = ["term", "estimate", "std_error", "statistic", "p_value", "low", "high"]
    converged = bool(fit.converged)
    notes = ["Fitted by simulation in ergmx: read fit.gof() and fit.mcmc_diagnostics() before any p-value."]
    if not converged:
        notes.append("The simulation did not converge: do not read these numbers.")
    return ErgmxFit(
        name=f"Random graph model (ergmx), {text}",
        params=pd.DataFrame(dict(zip(heads, columns, strict=True))),
        log_likelihood=float(fit.loglik),
        n=int(known_cells(net).sum()),
        n_unit="ordered pairs",
        level=level,
        converged=converged,
        notes=tuple(notes),
        fit=fit,
        aic=float(fit.aic),
        bic=float(fit.bic),
        estimand="log-odds of a tie for one more of each configuration, the rest of the network given",
        provenance=provenance("hypotheses.fit_ergmx", net, options={**options, "translated": text}, rng=used),
    )


# ---- files ----------------------------------------------------------------------------------------------------------


def _matrix(net: PeerNetwork, edge_means: str, *, ones: bool = True) -> pd.DataFrame:
    """Return the ties as 0/1 (or weights), NaN = unknown, rows as ``edge_means`` asks."""
    table = net.adjacency.toarray().astype(np.float64)
    if ones:
        table = (table > 0).astype(np.float64)
    table[~known_cells(net)] = np.nan
    np.fill_diagonal(table, 0.0)
    frame = pd.DataFrame(table, index=net.ids, columns=net.ids)
    return frame if edge_means == "teaches" else frame.T


def _folder(folder: str | Path) -> Path:
    """Return an empty or new folder."""
    where = Path(folder)
    if where.exists() and (not where.is_dir() or any(where.iterdir())):
        raise DataError(f"{where} exists and is not an empty folder. Name a new one: nothing is overwritten.")
    where.mkdir(parents=True, exist_ok=True)
    return where


def to_statnet(
    net: PeerNetwork, folder: str | Path, *, edge_means: EdgeMeans, columns: Sequence[str] = ()
) -> Path:
    """Write a network for R's statnet: ``ties.csv`` (matrix, NA = unknown), ``people.csv``, ``read.R``.

    Parameters
    ----------
    net : PeerNetwork
        The network.
    folder : str or pathlib.Path
        A new or empty folder on this machine.
    edge_means : {"teaches", "asks"}
        Whether row -> column says "teaches" or "asks". No default: most of that literature writes the one who asks in
        the row.
    columns : list of str
        Attributes to write; none by default, since files are passed on.

    Returns
    -------
    pathlib.Path
        The folder; ``source("read.R")`` there makes ``net``.

    Raises
    ------
    DataError
        If the folder holds files, or a column is not there.
    PermissionLocked
        When the study behind the network does not list ``hypotheses.to_statnet``.
    """
    require(net, "person_level", function="hypotheses.to_statnet")
    literal("edge_means", edge_means, ("teaches", "asks"))
    people = pd.DataFrame({c: net.column(c) for c in columns}, index=net.ids)
    where = _folder(folder)
    _matrix(net, edge_means).to_csv(where / "ties.csv", na_rep="NA", float_format="%.0f")
    people.to_csv(where / "people.csv", na_rep="NA")
    lines = [
        "library(network)",
        f"# row -> column: the row {edge_means} the column",
        'ties <- as.matrix(read.csv("ties.csv", row.names = 1, check.names = FALSE))',
        'people <- read.csv("people.csv", stringsAsFactors = FALSE)',
        'net <- network(ties, directed = TRUE, matrix.type = "adjacency")',
        'for (name in setdiff(names(people), "person")) net %v% name <- people[[name]]',
    ]
    (where / "read.R").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return where


def to_rsiena(
    waves: Sequence[PeerNetwork],
    folder: str | Path,
    *,
    edge_means: EdgeMeans,
    behaviour: str | None = None,
    columns: Sequence[str] = (),
) -> Path:
    """Write waves of a network for RSiena: one matrix a wave (NA = unknown), covariates, behaviour, ``model.R``.

    Parameters
    ----------
    waves : list of PeerNetwork
        At least two, over the same people (others: NA is not known, so they are refused).
    folder : str or pathlib.Path
        A new or empty folder on this machine.
    edge_means : {"teaches", "asks"}
        Whether row -> column says "teaches" or "asks". In RSiena the row is the one who chooses.
    behaviour : str, optional
        Whole-number column of every wave's people, the dependent behaviour.
    columns : list of str
        Constant numeric attributes, taken from the first wave.

    Returns
    -------
    pathlib.Path
        The folder; ``model.R`` reads the data and sets up a first model.

    Raises
    ------
    DataError
        For fewer than two waves, other people, or columns that are not numbers.
    PermissionLocked
        When the study behind a network does not list ``hypotheses.to_rsiena``.
    """
    for net in waves:
        require(net, "person_level", function="hypotheses.to_rsiena")
    literal("edge_means", edge_means, ("teaches", "asks"))
    if len(waves) < 2:
        raise DataError(f"to_rsiena: {len(waves)} wave; a model of change needs at least two.")
    ids = waves[0].ids
    for at, net in enumerate(waves[1:], start=2):
        if len(net.ids.symmetric_difference(ids)):
            raise DataError(
                f"to_rsiena: wave {at} is not over the people of wave 1. Use one roster for all waves."
            )
    numbers = {c: _whole(waves[0], c, "columns", whole=False) for c in columns}
    levels = None if behaviour is None else [_whole(n, behaviour, "behaviour")[ids] for n in waves]
    where = _folder(folder)
    names = []
    for at, net in enumerate(waves, start=1):
        names.append(f"ties{at}.txt")
        table = _matrix(net, edge_means).loc[ids, ids]
        table.to_csv(where / names[-1], sep=" ", na_rep="NA", float_format="%.0f", header=False, index=False)
    pd.Series(ids).to_csv(where / "ids.csv", index=False)
    read = ", ".join(f'as.matrix(read.table("{n}"))' for n in names)
    n, w = len(ids), len(waves)
    lines = [
        "library(RSiena)",
        f"# row -> column: the row {edge_means} the column; people in the order of ids.csv",
        f"ties <- sienaDependent(array(c({read}), dim = c({n}, {n}, {w})))",
    ]
    parts = ["ties"]
    for at, (name, values) in enumerate(numbers.items(), start=1):
        values.to_csv(where / f"covariate{at}.txt", na_rep="NA", header=False, index=False)
        lines.append(f'covariate{at} <- coCovar(scan("covariate{at}.txt"))  # {name}')
        parts.append(f"covariate{at}")
    if levels is not None:
        table = pd.concat(levels, axis=1)
        table.to_csv(
            where / "behaviour.txt", sep=" ", na_rep="NA", float_format="%.0f", header=False, index=False
        )
        lines.append('behaviour <- sienaDependent(as.matrix(read.table("behaviour.txt")), type = "behavior")')
        parts.append("behaviour")
    lines += [
        f"data <- sienaDataCreate({', '.join(parts)})",
        "effects <- includeEffects(getEffects(data), transTrip)",
        'model <- sienaAlgorithmCreate(projname = "peernet", seed = 1)',
        "# answer <- siena07(model, data = data, effects = effects)",
        "# Repeat with prevAns = answer until every |t-conv| < 0.1 and tconv.max < 0.25.",
    ]
    (where / "model.R").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return where


def _whole(net: PeerNetwork, name: str, what: str, *, whole: bool = True) -> pd.Series[Any]:
    """Return a numeric column, whole numbers where needed."""
    values = net.column(name)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        raise DataError(f"to_rsiena: {what} {name!r} is not made of numbers.")
    if whole and (values.dropna() % 1 != 0).any():
        raise DataError(f"to_rsiena: {what} {name!r} needs whole numbers (levels). Round or cut it first.")
    return values
