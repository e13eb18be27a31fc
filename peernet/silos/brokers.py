"""The five roles of Gould and Fernandez between groups, in the direction in which knowledge flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import count, literal
from peernet._parallel import run_blocks
from peernet._rng import RNGLike, SeedLike, as_rng, record
from peernet.nulls._labels import label_strata, label_words, lanes, segments
from peernet.nulls._rewire import BURN_IN, THIN, advance, pace
from peernet.privacy.permissions import require
from peernet.results import Alternative, Verdict, monte_carlo_p, provenance
from peernet.silos._common import grouped, grouped_to_show, shown, unknown_people
from peernet.silos._gould_fernandez import ROLES, person_moments, whole_moments
from peernet.silos._response import require_response
from peernet.silos._tables import TableResult
from peernet.silos.profile import holm

if TYPE_CHECKING:
    from peernet.network import PeerNetwork

__all__ = ["BrokerageTest", "brokerage", "brokerage_test"]

_COMPILED_FROM = 2e6
Null = Literal["ties", "labels", "blocks", "degrees"]


def _pieces(
    net: PeerNetwork, group: str, function: str | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], Any]:
    """Return pointers and learners of the ties between people with a group, group codes, and the grouped data."""
    data = grouped(net, group) if function is None else grouped_to_show(net, group, function)
    ptr = np.searchsorted(data.teacher, np.arange(net.n_people + 1)).astype(np.int64)
    return ptr, np.ascontiguousarray(data.learner), data.codes.astype(np.int32), data


def _roles(ptr: NDArray[Any], idx: NDArray[Any], codes: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Return how often each person holds each role, shape (n, 5)."""
    out = np.diff(ptr)
    if float(np.sum(out[idx])) >= _COMPILED_FROM:
        from peernet.silos import _kernels

        fast: NDArray[np.int64] = _kernels.brokerage_roles(ptr, idx, codes, k)
        return fast
    a, v, b = _open_paths(ptr, idx)
    return _count_roles(a, v, b, codes, len(out))


def _open_paths(ptr: NDArray[Any], idx: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return every path a -> v -> b without a -> b, a and b different."""
    n = len(ptr) - 1
    out = np.diff(ptr)
    first = np.repeat(np.arange(n), out)
    steps = out[idx]
    a, v = np.repeat(first, steps), np.repeat(idx, steps)
    offset = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    b = idx[ptr[v] + offset]
    keys = first.astype(np.int64) * n + idx
    wanted = a.astype(np.int64) * n + b
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    closed = keys[place] == wanted if len(keys) else np.zeros(0, dtype=bool)
    keep = (a != b) & ~closed
    return a[keep], v[keep], b[keep]


def _count_roles(
    a: NDArray[Any], v: NDArray[Any], b: NDArray[Any], codes: NDArray[Any], n: int
) -> NDArray[np.int64]:
    """Sort open paths into roles."""
    role = _role_of(codes[a], codes[v], codes[b])
    return np.bincount(v.astype(np.int64) * 5 + role, minlength=5 * n).reshape(n, 5)


def _role_of(ga: NDArray[Any], gv: NDArray[Any], gb: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of the role: coordinator, itinerant, gatekeeper, representative, liaison."""
    left, right, ends = ga == gv, gv == gb, ga == gb
    return np.select([left & right, ends & ~left, right & ~left, left & ~right], [0, 1, 2, 3], 4)


def brokerage(
    net: PeerNetwork, group: str, *, compat: Literal["sna"] | None = None, min_response: float | None = None
) -> pd.DataFrame:
    r"""How often each person stands between two others, by the groups of the three.

    Counted are ordered open paths :math:`a \to v \to b` (a teaches v, v teaches b, a does not teach b). Knowledge
    flows along the arrow, so the roles of v are

    ================== =============== =========================================================================
    role               groups a, v, b  reads
    ================== =============== =========================================================================
    ``coordinator``    A A A           passes on inside the own group
    ``itinerant``      A B A           an outsider passes on inside another group (consultant)
    ``gatekeeper``     A B B           takes up from outside and teaches the own group
    ``representative`` A A B           takes up in the own group and teaches outside
    ``liaison``        A B C           passes on between two groups, belonging to neither
    ================== =============== =========================================================================

    R's ``sna::brokerage`` reads :math:`a \to v` as "a asks v". There the one who is asked for what he gets from
    outside (our gatekeeper) has the code ``b_IO`` and the name representative: reversing all ties swaps gatekeeper and
    representative and nothing else. ``compat="sna"`` returns its column names in its order for the same people.

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; weights do not matter.
    group : str
        Column of ``net.people``. People whose group is missing, and their ties, are left out.
    compat : {"sna"}, optional
        Columns ``w_I, w_O, b_IO, b_OI, b_O, t`` as sna has them on the ties learner -> teacher.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.

    Returns
    -------
    pandas.DataFrame, shape (n_people, 6)
        Counts in the five roles and ``total``. 0 is no such path (an isolate has none); with two groups a liaison is
        impossible and the column is 0. People without a group have missing values, and so have people who did not
        report their ties (whom they learn from or teach is unknown; counted in ``attrs["people_unknown"]``), and
        objectors.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Gould, R. V. & Fernandez, R. M. (1989). Structures of mediation: a formal approach to brokerage in
       transaction networks. Sociological Methodology 19, 89-126. doi:10.2307/270949
    """
    require(net, "person_level", function="silos.brokerage")
    require_response(net, "brokerage", min_response)
    if compat is not None:
        literal("compat", compat, ("sna",))
    ptr, idx, codes, data = _pieces(net, group)
    counts = _roles(ptr, idx, codes, len(data.names))
    table = pd.DataFrame(counts, index=net.ids, columns=pd.Index(ROLES[:5]))
    table["total"] = counts.sum(axis=1)
    if (data.codes < 0).any():
        table = table.astype(np.float64)
        table.loc[data.codes < 0] = np.nan
    table = shown(net, table)
    if compat == "sna":
        table = table[["coordinator", "itinerant", "gatekeeper", "representative", "liaison", "total"]]
        table.columns = pd.Index(["w_I", "w_O", "b_IO", "b_OI", "b_O", "t"])
    return table


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BrokerageTest(TableResult):
    """Brokerage roles of the whole network, its units or its people against chance.

    Attributes
    ----------
    null_model : str
        The null model, in words.
    """

    null_model: str = ""


def brokerage_test(
    net: PeerNetwork,
    group: str,
    *,
    null: Null = "ties",
    by: Literal["whole", "unit", "person"] = "whole",
    within: str | None = None,
    alternative: Alternative = "two-sided",
    min_response: float | None = None,
    n_draws: int = 500,
    rng: RNGLike | SeedLike | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> BrokerageTest:
    """Brokerage roles beside what chance gives, to tell whether there is more than such a network has anyway.

    Null models: ``"ties"``, every possible tie is there with the same probability, independently (Gould and Fernandez;
    exact mean and SD by closed form). It is a poor null: any clustered network has far fewer open paths than
    that, and it takes ties that silent people did not report as absent. ``"labels"``, groups dealt out again (among
    people who reported, and among those who did not), ties kept: does it matter who is in which group?
    ``"degrees"``, ties rewired, everybody's numbers of learners and teachers kept. ``"blocks"``, the same with the
    number of ties from each group to each other kept too: are *these* people between the groups more than their
    degrees and the flows between groups require?

    Parameters
    ----------
    net : PeerNetwork
        Ties point from teacher to learner; weights do not matter.
    group : str
        Column of ``net.people``. People whose group is missing, and their ties, are left out.
    null : {"ties", "labels", "degrees", "blocks"}
        The null model.
    by : {"whole", "unit", "person"}
        Sum of the roles over everybody, over the brokers of each group, or each person (closed form only under
        ``"ties"``; draws otherwise).
    within : str, optional
        With ``null="labels"``: labels move only inside these strata.
    alternative : {"two-sided", "greater", "less"}
        Which departures count.
    min_response : float, optional
        Share of people who must have told of their ties, or the measure is refused. Default: the one stated by
        :func:`response_thresholds`; 0 never refuses.
    n_draws : int
        Draws, where the null is not closed.
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.
    n_jobs : int
        Threads; the answer does not depend on it.
    progress : bool
        Show a bar.

    Returns
    -------
    BrokerageTest
        ``table``: columns ``unit`` or ``person``, ``role``, ``observed``, ``null_mean``, ``null_sd``, ``z``,
        ``p_value`` (normal curve under ``"ties"``). z and p are NaN where the null cannot vary: a liaison with two
        groups is impossible, not rare. Single people who did not report their ties, or objected, are left out of the
        table (``provenance["people_unknown"]``). ``verdict`` is on "some role differs from chance" (5 %, after Holm),
        for the whole and for units.

    Raises
    ------
    DataError
        If too few people told of their ties.

    References
    ----------
    .. [1] Gould, R. V. & Fernandez, R. M. (1989). Structures of mediation: a formal approach to brokerage in
       transaction networks. Sociological Methodology 19, 89-126. doi:10.2307/270949
    """
    require_response(net, "brokerage_test", min_response)
    rng = as_rng(rng)
    literal("null", null, ("ties", "labels", "degrees", "blocks"))
    literal("by", by, ("whole", "unit", "person"))
    literal("alternative", alternative, ("two-sided", "greater", "less"))
    if within is not None and null != "labels":
        raise ValueError('within goes with null="labels".')
    size = count("n_draws", n_draws, 1)
    if by == "person":
        require(net, "person_level", function="silos.brokerage_test")
    start = record(rng)
    ptr, idx, codes, data = _pieces(net, group, "silos.brokerage_test" if by == "unit" else None)
    observed = _folded(_roles(ptr, idx, codes, len(data.names)), data.codes, len(data.names), by)
    if null == "ties":
        mean, sd = _closed(data, by)
        draws = None
    else:
        strata = label_strata(net, within)
        draws = _draws(net, data, null, by, strata, size, rng, n_jobs, progress)
        mean, sd = (
            draws.mean(axis=0),
            draws.std(axis=0, ddof=1) if size > 1 else np.full(observed.shape, np.nan),
        )
    names = {"whole": ["all"], "unit": list(data.names), "person": list(net.ids[data.codes >= 0])}[by]
    table = _table(observed, mean, sd, draws, alternative, names, by)
    unknown = unknown_people(net)[data.codes >= 0]
    if by == "person" and unknown.any():
        table = table[~np.repeat(unknown, len(ROLES))].reset_index(drop=True)
    words = {
        "ties": "independent ties of one probability",
        "labels": "group labels shuffled",
        "degrees": "ties rewired, numbers of learners and teachers kept",
        "blocks": "ties rewired, numbers of learners and teachers and ties between groups kept",
    }
    return BrokerageTest(
        name=f"brokerage by {group}",
        table=table,
        null_model=words[null]
        + (label_words(net) if null == "labels" else "")
        + (f" within {within}" if within else ""),
        headline=_headline(table, words[null]),
        verdict="" if by == "person" else _verdict(table),
        would_count_against="no role that differs from the null, with draws enough to see it",
        estimand="ordered open paths through a broker, by role",
        provenance=provenance(
            "silos.brokerage_test",
            net,
            options={"group": group, "null": null, "by": by, "within": within, "n_draws": size},
            rng=start,
            used={
                "ties_left_out_without_group": data.left_out,
                "people_unknown": int(unknown.sum()),
            },
        ),
    )


def _verdict(table: pd.DataFrame) -> Verdict:
    """Say whether some role differs from the null at 5 %, after Holm over roles and units."""
    p = holm(table.loc[table["role"] != "total", "p_value"].to_numpy(dtype=np.float64))
    if np.isnan(p).all():
        return "not answered by these data"
    return "supported" if np.nanmin(p) <= 0.05 else "inconclusive"


def _headline(table: pd.DataFrame, null: str) -> str:
    """Name the role that is furthest from chance."""
    known = table.dropna(subset=["z"])
    if known.empty:
        return "No role can be compared with chance."
    row = known.iloc[int(known["z"].abs().to_numpy().argmax())]
    first = str(known.columns[0])
    # People are named in the table only, where somebody asked for them.
    where = " of one person" if first == "person" else "" if row[first] == "all" else f" in {row[first]}"
    return (
        f"Furthest from chance ({null}): {row['role']}{where}, {row['observed']:.0f} open paths, chance gives "
        f"{row['null_mean']:.1f} (z = {row['z']:.1f})."
    )


def _folded(roles: NDArray[Any], codes: NDArray[Any], k: int, by: str) -> NDArray[np.float64]:
    """Add the total and sum over brokers: (units, 6)."""
    counts = np.column_stack([roles, roles.sum(axis=1)]).astype(np.float64)
    known = codes >= 0
    if by == "whole":
        whole: NDArray[np.float64] = counts[known].sum(axis=0, keepdims=True)
        return whole
    if by == "person":
        people: NDArray[np.float64] = counts[known]
        return people
    by_unit: NDArray[np.float64] = np.column_stack(
        [np.bincount(codes[known], counts[known, r], k) for r in range(6)]
    )
    return by_unit


def _closed(data: Any, by: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and SD under independent ties."""
    n = data.n
    density = len(data.teacher) / (n * (n - 1)) if n > 1 else 0.0
    if by == "person":
        mean, sd = person_moments(data.sizes, density)
        code = data.codes[data.codes >= 0]
        return mean[code], sd[code]
    if by == "whole":
        return whole_moments(data.sizes, density)
    return whole_moments(data.sizes, density, by_unit=True)


def _draws(
    net: PeerNetwork,
    data: Any,
    null: str,
    by: str,
    strata: NDArray[Any],
    n_draws: int,
    rng: np.random.Generator,
    n_jobs: int,
    progress: bool,
) -> NDArray[np.float64]:
    """Roles of many draws from a null model, shape (n_draws, units, 6)."""
    n, k, m = net.n_people, len(data.names), len(data.teacher)
    ptr = np.searchsorted(data.teacher, np.arange(n + 1)).astype(np.int64)
    teacher, learner = np.ascontiguousarray(data.teacher), np.ascontiguousarray(data.learner)
    if null == "labels":
        people = np.flatnonzero(data.codes >= 0)
        parts = segments(strata[people])
        few = float(np.sum(np.diff(ptr)[learner])) < _COMPILED_FROM
        paths = _open_paths(ptr, learner) if few else None

        def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
            drawn = lanes(data.codes[people], parts, size, stream, compiled=False)[parts.rank]
            out = []
            for d in range(size):
                codes = np.full(n, -1)
                codes[people] = drawn[:, d]
                if paths is not None:
                    roles = _count_roles(*paths, codes, n)
                else:
                    roles = _roles(ptr, learner, codes.astype(np.int32), k)
                out.append(_folded(roles, codes, k, by))
            return np.array(out)
    else:
        blocks = data.codes.astype(np.int64) if null == "blocks" else np.zeros(n, dtype=np.int64)
        more = m * pace(n, m)
        compiled = n_draws * THIN * more >= 3e4

        def block(size: int, stream: np.random.Generator) -> NDArray[np.float64]:
            moved, out = learner.copy(), []
            for d in range(size):
                advance(
                    ptr,
                    teacher,
                    moved,
                    (THIN if d else BURN_IN) * more,
                    stream,
                    strata=blocks,
                    compiled=compiled,
                )
                ordered = moved[np.lexsort((moved, teacher))]
                out.append(_folded(_roles(ptr, ordered, data.codes.astype(np.int32), k), data.codes, k, by))
            return np.array(out)

    found = run_blocks(
        block, n_draws, rng=rng, block=32, n_jobs=n_jobs, progress=progress, desc=f"null: {null}"
    )
    return np.concatenate(found)


def _table(
    observed: NDArray[np.float64],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    draws: NDArray[np.float64] | None,
    alternative: Alternative,
    names: list[Any],
    by: str,
) -> pd.DataFrame:
    """Lay out one row a unit and role."""
    from scipy.special import ndtr

    still = ~(sd > 1e-9 * np.maximum(np.abs(mean), 1.0))
    z = np.divide(observed - mean, sd, out=np.full(observed.shape, np.nan), where=~still)
    if draws is None:
        less, greater = ndtr(z), ndtr(-z)
        p = {"less": less, "greater": greater, "two-sided": np.minimum(1, 2 * np.minimum(less, greater))}[
            alternative
        ]
    else:
        cells = np.ndindex(observed.shape)
        p = np.array(
            [monte_carlo_p(float(observed[c]), draws[(slice(None), *c)], alternative) for c in cells]
        )
    fixed = still & np.isclose(observed, mean)
    p = np.where(fixed, np.nan, np.asarray(p).reshape(observed.shape))
    return pd.DataFrame(
        {
            ("person" if by == "person" else "unit"): np.repeat(np.array(names, dtype=object), 6),
            "role": list(ROLES) * len(names),
            "observed": observed.ravel(),
            "null_mean": mean.ravel(),
            "null_sd": sd.ravel(),
            "z": z.ravel(),
            "p_value": np.asarray(p).ravel(),
        }
    )
