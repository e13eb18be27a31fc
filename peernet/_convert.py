"""The work behind PeerNetwork's constructors and conversions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet._check import literal, quoted, rows_text, some
from peernet._permissions import MARK, mark
from peernet._tables import as_ids, clean_people
from peernet.errors import DataError

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array

    from peernet._constructors import Constructors
    from peernet._events import Coded
    from peernet.network import PeerNetwork

__all__ = [
    "align",
    "ends_of",
    "fold_codes",
    "fold_rows",
    "frame_of_matrix",
    "guarded",
    "igraph_of",
    "in_window",
    "network_of_codes",
    "networkx_of",
    "nominations_to_ties",
    "same",
    "sorted_csr",
    "status_of",
    "tables_of_matrix",
    "tables_of_networkx",
    "to_csr",
]

Made = TypeVar("Made", bound="Constructors")


def to_csr(n: int, teacher: NDArray[Any], learner: NDArray[Any], weight: NDArray[np.float64]) -> csr_array:
    """Fold rows into a matrix with sorted columns, weights of a pair added."""
    from scipy.sparse import coo_array

    return sorted_csr(coo_array((weight, (teacher, learner)), shape=(n, n)).tocsr())


def sorted_csr(matrix: Any) -> csr_array:
    """Return a csr_array with int32 indices, sorted columns and no duplicates."""
    from scipy.sparse import csr_array

    out = csr_array(matrix)
    out.sum_duplicates()
    out.sort_indices()
    out.indices = out.indices.astype(np.int32, copy=False)
    return out


def guarded(matrix: csr_array) -> csr_array:
    """Return another matrix over the same arrays, which cannot be written to."""
    from scipy.sparse import csr_array

    arrays = []
    for array in (matrix.data, matrix.indices, matrix.indptr):
        view = array.view()
        view.setflags(write=False)
        arrays.append(view)
    out = csr_array(tuple(arrays), shape=matrix.shape, copy=False)
    out.has_sorted_indices = out.has_canonical_format = True
    return out


def fold_codes(
    n: int, teacher: ArrayLike, learner: ArrayLike, weight: ArrayLike | None, self_ties: str, bad_weights: str
) -> tuple[csr_array, dict[str, int], int]:
    """Check integer ends and fold them into a matrix."""
    literal("self_ties", self_ties, ("error", "drop"))
    literal("bad_weights", bad_weights, ("error", "drop"))
    ends = []
    for name, codes in (("teacher", teacher), ("learner", learner)):
        array = np.asarray(codes)
        array = array.astype(np.int32) if array.ndim == 1 and not len(array) else array
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise DataError(f"from_codes: {name} must be a flat array of whole numbers; got {array.dtype}.")
        if len(array) and (array.min() < 0 or array.max() >= n):
            rows = np.flatnonzero((array < 0) | (array >= n))
            raise DataError(
                f"from_codes: {len(rows)} {name} codes are outside 0..{n - 1} ({rows_text(rows, array[rows])})."
            )
        ends.append(array.astype(np.int32, copy=False))
    t, k = ends
    if len(t) != len(k):
        raise DataError(f"from_codes: {len(t)} teachers but {len(k)} learners.")
    w = np.ones(len(t)) if weight is None else np.asarray(weight, dtype=np.float64)
    if len(w) != len(t):
        raise DataError(f"from_codes: {len(w)} weights for {len(t)} ties.")
    wrong = ~(np.isfinite(w) & (w > 0))
    own = t == k
    for mask, policy, what, option in (
        (wrong, bad_weights, "weights are missing, infinite, zero or negative", "bad_weights"),
        (own, self_ties, "rows are self-ties", "self_ties"),
    ):
        if mask.any() and policy == "error":
            rows = np.flatnonzero(mask)
            raise DataError(
                f'from_codes: {mask.sum()} {what} ({rows_text(rows)}). Pass {option}="drop" to drop them.'
            )
    dropped = {"unknown": 0, "self_ties": int((own & ~wrong).sum()), "bad_weights": int(wrong.sum())}
    given = len(t)
    if dropped["self_ties"] or dropped["bad_weights"]:
        keep = ~(wrong | own)
        t, k, w = t[keep], k[keep], w[keep]
    return to_csr(n, t, k, w), dropped, given


def network_of_codes(cls: type[Made], ties: Coded, facts: dict[str, Any], people: Any) -> Made | None:
    """Build a network from a coded tie list, whose frame is then made on demand; None = somebody is unknown."""
    frame = clean_people(ties.ids if people is None else people)
    row = frame.index.get_indexer(ties.ids).astype(np.int32)
    if (row < 0).any():
        return None
    n, ends = len(frame), (row[ties.teacher], row[ties.learner])
    if len(row) == n and (np.diff(row) > 0).all():  # in the order of the ties: nothing to sort
        from scipy.sparse import csr_array

        starts = np.searchsorted(ties.teacher, np.arange(n + 1, dtype=np.int32)).astype(np.int32)
        matrix = csr_array((ties.columns["weight"], ties.learner, starts), shape=(n, n))
    else:
        matrix = to_csr(n, *ends, ties.columns["weight"])
    net = cls._from_matrix(frame, matrix, facts)
    net._set(coded=ties, row_ends=ends)
    return net


def frame_of_matrix(ids: pd.Index[Any], matrix: csr_array) -> pd.DataFrame:
    """Write a matrix out as tie rows."""
    teacher = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return pd.DataFrame({"teacher": ids[teacher], "learner": ids[matrix.indices], "weight": matrix.data})


_RESPONDENT = ("respondent", "ego", "chooser")
_NAMED = ("named", "alter", "nominee", "chosen")


def nominations_to_ties(nominations: pd.DataFrame, respondent_is: str) -> pd.DataFrame:
    """Rename the two ends of nominations to teacher and learner."""
    if not isinstance(nominations, pd.DataFrame):
        raise DataError(f"nominations must be a DataFrame; got {type(nominations).__name__}.")
    found = {}
    for end, names in (("respondent", _RESPONDENT), ("named", _NAMED)):
        match = [c for c in names if c in nominations.columns]
        if not match:
            columns = ", ".join(str(c) for c in nominations.columns) or "none"
            raise DataError(
                f"nominations has no column {end!r} (also taken: {', '.join(names[1:])}). Columns: {columns}."
            )
        found[end] = match[0]
    other = "teacher" if respondent_is == "learner" else "learner"
    return nominations.rename(columns={found["respondent"]: respondent_is, found["named"]: other})


def status_of(
    people: pd.DataFrame, named_by: pd.Series[Any], respondents: Iterable[str] | None
) -> pd.Series[Any]:
    """Say who answered: the respondents given, or those with a row."""
    source = named_by if respondents is None else list(respondents)
    answered = as_ids(
        pd.unique(pd.Series(source, dtype=object if len(list(source)) == 0 else None)), "respondents"
    )
    if respondents is not None:
        stranger = answered.difference(people.index)
        if len(stranger):
            raise DataError(f"respondents: {len(stranger)} ids are not in people ({quoted(stranger)}).")
        unasked = pd.Index(pd.unique(as_ids(named_by, "nominations (respondent)"))).difference(answered)
        if len(unasked):
            raise DataError(
                f"nominations: {len(unasked)} people name somebody but are not in respondents ({quoted(unasked)}). "
                "Add them to respondents, or leave their rows out."
            )
    status = np.where(people.index.isin(answered), "answered", "silent")
    return pd.Series(status, index=people.index)


def tables_of_networkx(
    graph: nx.Graph[Any], edge_means: str, weight: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read people and ties off a directed networkx graph."""
    if not graph.is_directed():
        raise DataError(
            "from_networkx: the graph has no directions. Build a DiGraph; an edge must say who teaches."
        )
    nodes = list(graph.nodes(data=True))
    people = pd.DataFrame([data for _, data in nodes], index=as_ids([n for n, _ in nodes], "graph nodes"))
    if weight != "weight" and not any(weight in data for _, _, data in graph.edges(data=True)):
        raise DataError(
            f"from_networkx: no edge has an attribute {weight!r}. Name the one that holds the strength."
        )
    u_is, v_is = ("teacher", "learner") if edge_means == "teaches" else ("learner", "teacher")
    rows = []
    for u, v, data in graph.edges(data=True):
        rest = {k: x for k, x in data.items() if k not in (weight, "teacher", "learner")}
        rows.append({u_is: u, v_is: v, "weight": data.get(weight, 1.0), **rest})
    ties = pd.DataFrame(rows, columns=None if rows else ["teacher", "learner", "weight"])
    return people, ties


def tables_of_matrix(
    matrix: Any, row_is: str, ids: Iterable[str] | None, people: pd.DataFrame | None, self_ties: str
) -> tuple[pd.DataFrame, csr_array, pd.Series[Any], dict[str, int]]:
    """Read a checked matrix (rows teach) and the answer status off a square matrix."""
    from scipy.sparse import coo_array, issparse

    if isinstance(matrix, pd.DataFrame):
        rows, columns = as_ids(matrix.index, "matrix rows"), as_ids(matrix.columns, "matrix columns")
        if set(rows) != set(columns) or not rows.is_unique or not columns.is_unique:
            lost = rows.symmetric_difference(columns)
            raise DataError(
                f"from_adjacency: rows and columns must name the same people once ({quoted(lost)})."
            )
        matrix = (
            matrix.set_axis(rows, axis=0).set_axis(columns, axis=1)[list(rows)].to_numpy(dtype=np.float64)
        )
        if ids is not None:
            raise ValueError("pass ids or a labelled DataFrame, not both.")
        ids = list(rows)
    if not issparse(matrix):
        try:
            matrix = np.asarray(matrix, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"from_adjacency: the cells must be numbers ({error}).") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise DataError(f"from_adjacency: the matrix must be square; got shape {matrix.shape}.")
    table, names = _people_of_matrix(matrix.shape[0], ids, people)
    silent = np.zeros(len(names), dtype=bool)
    if not issparse(matrix):
        matrix = matrix.copy()
        off = ~np.eye(len(names), dtype=bool)
        silent = (np.isnan(matrix) | ~off).all(axis=1) & (np.isnan(matrix) & off).any(axis=1)
        matrix[silent] = 0.0
        own_cells = np.diagonal(matrix)
        np.fill_diagonal(matrix, np.where(np.isnan(own_cells), 0.0, own_cells))
    coo = coo_array(matrix)
    wrong = np.flatnonzero(~(np.isfinite(coo.data) & (coo.data >= 0)))
    if len(wrong):
        cells = [f"[{coo.row[i]}, {coo.col[i]}]" for i in wrong]
        raise DataError(
            f"from_adjacency: {len(wrong)} cells are negative, infinite or missing ({some(cells, 3)}). "
            "Only a row that is missing throughout (a person who did not answer) is allowed."
        )
    own = (coo.row == coo.col) & (coo.data > 0)
    if own.any() and self_ties == "error":
        raise DataError(
            f"from_adjacency: the diagonal is not 0 ({rows_text(coo.row[own], names[coo.row[own]])}): self-ties. "
            'Set it to 0, or pass self_ties="drop".'
        )
    keep = ~own & (coo.data > 0)
    ends = (coo.row[keep], coo.col[keep])
    teacher, learner = ends if row_is == "teacher" else ends[::-1]
    folded = to_csr(len(names), teacher, learner, coo.data[keep].astype(np.float64))
    observed = pd.Series(np.where(silent, "silent", "answered"), index=names)
    return table, folded, observed, {"unknown": 0, "self_ties": int(own.sum()), "bad_weights": 0}


def _people_of_matrix(
    n: int, ids: Iterable[str] | None, people: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.Index[Any]]:
    """Match the rows of a matrix with people."""
    if people is None:
        names = as_ids(list(ids) if ids is not None else np.arange(n), "ids")
        table = pd.DataFrame(index=names)
    else:
        table = clean_people(people)
        if ids is not None:
            names = as_ids(list(ids), "ids")
            if set(names) != set(table.index):
                raise DataError(
                    f"from_adjacency: ids and people differ ({quoted(names.symmetric_difference(table.index))})."
                )
            table = table.loc[names]
        names = table.index
    if len(names) != n:
        raise DataError(f"from_adjacency: {len(names)} people for a matrix of {n} rows.")
    return table, names


def ends_of(frame: pd.DataFrame, ids: pd.Index[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the rows of people at both ends of ties."""
    teacher, learner = (
        ids.get_indexer(pd.Index(frame[end])).astype(np.int32) for end in ("teacher", "learner")
    )
    return teacher, learner


def _in_wrong_order(bounds: pd.Series[Any]) -> bool:
    """Say whether a window ends before or when it starts."""
    first, last = bounds
    if isinstance(first, str):
        first = pd.Timestamp(first)
    if isinstance(last, str):
        last = pd.Timestamp(last)
    first, last = (
        b.tz_localize("UTC") if isinstance(b, pd.Timestamp) and b.tzinfo is None else b for b in (first, last)
    )
    return bool(last <= first)


def in_window(times: pd.Series[Any], start: Any, end: Any) -> NDArray[np.bool_]:
    """Mark times in [start, end)."""
    if start is not None and end is not None and pd.Series([start, end]).pipe(_in_wrong_order):
        raise DataError(
            f"window: the end ({end}) is not after the start ({start}); windows are [start, end)."
        )
    keep = np.ones(len(times), dtype=bool)
    for bound, is_start in ((start, True), (end, False)):
        if bound is None:
            continue
        if pd.api.types.is_datetime64_any_dtype(times.dtype):
            stamp = pd.Timestamp(bound)
            aware = getattr(times.dt, "tz", None) is not None
            if aware:
                stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
            elif stamp.tzinfo is not None:
                stamp = stamp.tz_convert("UTC").tz_localize(None)
            bound = stamp
        keep &= (times >= bound).to_numpy() if is_start else (times < bound).to_numpy()
    return keep


def fold_rows(ties: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Add up tie rows of the same pair (and of the same value in ``by``)."""
    missing = [c for c in by if c not in ties.columns]
    if missing:
        columns = ", ".join(str(c) for c in ties.columns)
        raise DataError(f"aggregate: ties has no column {quoted(missing)}. Columns: {columns}.")
    grouped = ties.groupby(["teacher", "learner", *by], sort=True, dropna=False)
    out = grouped.agg(weight=("weight", "sum"), n_episodes=("weight", "size"))
    if "time" in ties.columns:
        out = out.join(grouped["time"].agg(first="min", last="max"))
    out = out.reset_index()
    first = ["teacher", "learner", "weight"]
    return out[first + [c for c in out.columns if c not in first]]


def align(name: str, values: Any, ids: pd.Index[Any]) -> Any:
    """Match a new attribute with people by id."""
    if isinstance(values, Mapping):
        values = pd.Series(dict(values))
    if isinstance(values, pd.Series):
        index = as_ids(values.index, name)
        stranger = index.difference(ids)
        if len(stranger):
            raise DataError(
                f"with_people: {name} names {len(stranger)} ids that are not in people ({quoted(stranger)})."
            )
        if not index.is_unique:
            raise DataError(
                f"with_people: {name} names a person twice ({quoted(index[index.duplicated()])})."
            )
        return values.set_axis(index).reindex(ids)
    if isinstance(values, str) or np.ndim(values) == 0:
        return values
    if len(values) != len(ids):
        raise DataError(
            f"with_people: {name} has {len(values)} values for {len(ids)} people. Pass a Series by id."
        )
    return values


def networkx_of(net: PeerNetwork, edge_means: str) -> nx.DiGraph[Any]:
    """Write a network as a networkx graph."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph()
    mark(graph.graph, net.permissions)
    records: list[Any] = net.people.to_dict("records") if len(net.people.columns) else [{}] * net.n_people
    graph.add_nodes_from(zip(net.ids, records, strict=True))
    tail, head = (net.teacher, net.learner) if edge_means == "teaches" else (net.learner, net.teacher)
    graph.add_weighted_edges_from(zip(net.ids[tail], net.ids[head], net.weight.tolist(), strict=True))
    return graph


def igraph_of(net: PeerNetwork, edge_means: str) -> Any:
    """Write a network as an igraph graph."""
    try:
        import igraph
    except ImportError as error:
        raise ImportError('to_igraph needs igraph (GPL): pip install "peernet[communities]".') from error
    tail, head = (net.teacher, net.learner) if edge_means == "teaches" else (net.learner, net.teacher)
    graph = igraph.Graph(
        n=net.n_people, edges=list(zip(tail.tolist(), head.tolist(), strict=True)), directed=True
    )
    if net.permissions is not None:
        attributes: dict[Any, Any] = {}
        mark(attributes, net.permissions)
        graph[MARK] = attributes[MARK]
    graph.es["weight"] = net.weight.tolist()
    graph.vs["name"] = list(net.ids)
    for column in net.people.columns:
        graph.vs[str(column)] = net.people[column].tolist()
    return graph


def same(a: PeerNetwork, b: PeerNetwork) -> bool:
    """Compare two networks; the order of tie rows does not matter."""
    checks: list[Callable[[], bool]] = [
        lambda: a.respondent_is == b.respondent_is,
        lambda: a.people.equals(b.people),
        lambda: a.observed.equals(b.observed),
        lambda: _ordered(a.ties).equals(_ordered(b.ties)),
    ]
    return all(check() for check in checks)


def _ordered(ties: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by all columns, columns by name."""
    frame = ties[sorted(ties.columns, key=str)]
    return frame.sort_values(list(frame.columns), kind="stable", ignore_index=True)
