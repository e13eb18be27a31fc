"""How a PeerNetwork is made from codes, survey answers, other graphs, matrices and events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from peernet import _convert
from peernet._check import literal
from peernet._permissions import Permissions, join_permissions, marked
from peernet._tables import Policy, Unknown, clean_observed, clean_people

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array

__all__ = ["Constructors", "Role"]

Role = Literal["learner", "teacher"]


class Constructors:
    """The fields of a :class:`peernet.PeerNetwork` and every way to fill them but the plain one."""

    _people: pd.DataFrame
    _rows: pd.DataFrame | None
    _row_ends: tuple[NDArray[np.int32], NDArray[np.int32]] | None
    _observed: pd.Series[Any]
    _respondent_is: Role | None
    _provenance: dict[str, Any]
    _permissions: Permissions | None
    _matrix: csr_array | None

    if TYPE_CHECKING:

        def __init__(self, people: Any, ties: Any, **options: Any) -> None: ...

    def _set(self, **fields: Any) -> None:
        """Fill a new object; the only place that writes."""
        self.__dict__.update({f"_{name}": value for name, value in fields.items()})

    def _bound_by(self, *things: Any) -> Self:
        """Take over the permissions that the tables or graphs bear from which this was made."""
        self._set(permissions=join_permissions([self._permissions, marked(*things)]))
        return self

    @classmethod
    def from_codes(
        cls,
        teacher: ArrayLike,
        learner: ArrayLike,
        weight: ArrayLike | None = None,
        *,
        people: pd.DataFrame | Iterable[str] | int,
        self_ties: Policy = "error",
        bad_weights: Policy = "error",
    ) -> Self:
        """Build from integer rows of ``people``: the way for millions of ties.

        Rows of the same pair are folded at once (weights added); the ``ties`` frame is made on demand.

        Parameters
        ----------
        teacher, learner : array_like of int, shape (n_rows,)
            Row of the person in ``people``, from 0.
        weight : array_like, shape (n_rows,), optional
            Above 0; 1 by default.
        people : pandas.DataFrame, list of str or int
            The people, or how many there are (ids are then "0", "1", ...).
        self_ties, bad_weights : {"error", "drop"}
            As in the constructor.

        Raises
        ------
        DataError
            For codes out of range, self-ties and bad weights.
        """
        table = pd.DataFrame(index=pd.RangeIndex(people)) if isinstance(people, (int, np.integer)) else people
        frame = clean_people(table)
        matrix, dropped, given = _convert.fold_codes(
            len(frame), teacher, learner, weight, self_ties, bad_weights
        )
        return cls._from_matrix(frame, matrix, {"rows_given": given, "dropped": dropped})

    @classmethod
    def _from_matrix(
        cls,
        people: pd.DataFrame,
        matrix: csr_array,
        provenance: dict[str, Any],
        *,
        observed: pd.Series[Any] | None = None,
        respondent_is: Role | None = None,
        permissions: Permissions | None = None,
    ) -> Self:
        """Build from a checked matrix whose rows teach."""
        net = cls.__new__(cls)
        net._set(
            people=people,
            rows=None,
            row_ends=None,
            observed=clean_observed(observed, people),
            respondent_is=respondent_is,
            provenance=provenance,
            permissions=permissions,
        )
        net.__dict__["_matrix"] = matrix
        return net._bound_by(people)

    @classmethod
    def from_nominations(
        cls,
        people: pd.DataFrame | Iterable[str],
        nominations: pd.DataFrame,
        *,
        respondent_is: Role,
        respondents: Iterable[str] | None = None,
        observed: Any = None,
        unknown: Unknown = "error",
        self_ties: Policy = "error",
        bad_weights: Policy = "error",
    ) -> Self:
        """Build from survey answers, where the question decides who teaches.

        Parameters
        ----------
        people : pandas.DataFrame or list of str
            Everybody on the roster.
        nominations : pandas.DataFrame
            Columns ``respondent`` and ``named`` (also taken: ego and alter), one row per name given; ``weight``,
            ``relation``, ``topic``, ``time`` are kept.
        respondent_is : {"learner", "teacher"}
            "learner" for "whom do I learn from?", "teacher" for "who comes to me?". No default: a transposed network
            can fit better than the right one.
        respondents : list of str, optional
            Who answered, those who named nobody included. Without it (and without ``observed``) people with no row
            count as silent, because a list of names cannot tell "named nobody" from "did not answer".
        observed : mapping or pandas.Series, optional
            Status of every person, instead of ``respondents``.
        unknown, self_ties, bad_weights : str
            As in the constructor.

        Raises
        ------
        DataError
            As the constructor, in the words of the nominations.
        """
        literal("respondent_is", respondent_is, ("learner", "teacher"))
        table = clean_people(people)
        ties = _convert.nominations_to_ties(nominations, respondent_is)
        if observed is None:
            observed = _convert.status_of(table, ties[respondent_is], respondents)
        elif respondents is not None:
            raise ValueError("pass respondents or observed, not both.")
        return cls(
            table,
            ties,
            observed=observed,
            respondent_is=respondent_is,
            unknown=unknown,
            self_ties=self_ties,
            bad_weights=bad_weights,
        )._bound_by(people, nominations)

    @classmethod
    def from_networkx(
        cls,
        graph: nx.Graph[Any],
        *,
        edge_means: Literal["teaches", "asks"],
        weight: str = "weight",
        self_ties: Policy = "error",
        bad_weights: Policy = "error",
    ) -> Self:
        """Build from a directed networkx graph.

        Parameters
        ----------
        graph : networkx.DiGraph or MultiDiGraph
            Node attributes become columns of ``people``, edge attributes columns of ``ties``.
        edge_means : {"teaches", "asks"}
            Whether u -> v says "u teaches v" or "u asks v" (then v teaches). No default.
        weight : str
            Edge attribute with the strength; edges without it weigh 1.
        self_ties, bad_weights : {"error", "drop"}
            As in the constructor.

        Raises
        ------
        DataError
            For undirected graphs, and as the constructor.
        """
        literal("edge_means", edge_means, ("teaches", "asks"))
        people, ties = _convert.tables_of_networkx(graph, edge_means, weight)
        return cls(people, ties, self_ties=self_ties, bad_weights=bad_weights)._bound_by(graph)

    @classmethod
    def from_adjacency(
        cls,
        matrix: Any,
        *,
        row_is: Role,
        ids: Iterable[str] | None = None,
        people: pd.DataFrame | None = None,
        self_ties: Policy = "error",
    ) -> Self:
        """Build from a square matrix of tie strengths; 0 is no tie.

        Parameters
        ----------
        matrix : array_like, scipy sparse or pandas.DataFrame, shape (n, n)
            A DataFrame brings its ids; its columns may stand in another order than its rows. A row that is missing
            throughout (NaN) is a person who did not answer.
        row_is : {"learner", "teacher"}
            Who stands in the row. No default.
        ids : list of str, optional
            Ids of the rows of a bare matrix.
        people : pandas.DataFrame, optional
            Attributes, matched by id when ids are known, else in row order.
        self_ties : {"error", "drop"}
            What to do with a diagonal that is not 0.

        Raises
        ------
        DataError
            For matrices that are not square, ids that do not match, negative or partly missing cells.
        """
        literal("row_is", row_is, ("learner", "teacher"))
        literal("self_ties", self_ties, ("error", "drop"))
        table, folded, observed, dropped = _convert.tables_of_matrix(matrix, row_is, ids, people, self_ties)
        role = row_is if (observed == "silent").any() else None
        facts = {"rows_given": int(folded.nnz) + sum(dropped.values()), "dropped": dropped}
        net = cls._from_matrix(clean_people(table), folded, facts, observed=observed, respondent_is=role)
        return net._bound_by(matrix, people)

    @classmethod
    def from_events(
        cls,
        events: Any,
        people: pd.DataFrame | Iterable[str] | None = None,
        *,
        weight: str | None = None,
        time: str | None = "time",
        start: Any = None,
        end: Any = None,
        half_life: float | None = None,
        by: str | Iterable[str] | None = None,
        unknown: Unknown = "error",
        self_ties: Policy = "error",
        bad_weights: Policy = "error",
    ) -> Self:
        """Fold a stream of teaching episodes into weighted ties, in the engine that holds the events.

        With episode weights w_e (1 unless ``weight`` names a column) and ages a_e in days back from ``end``, the weight
        of a tie is the sum over its episodes of w_e * 2 ** (-a_e / half_life), or of w_e without ``half_life``.

        Parameters
        ----------
        events : pandas, Polars, DuckDB, PySpark, Dask or sqlframe frame, or a path
            Columns ``teacher`` and ``learner``. A path to Parquet, CSV or JSONL is read by DuckDB, larger than memory
            if need be. Only the tie list leaves the engine.
        people : pandas.DataFrame or list of str, optional
            Everybody who could teach or learn. Default: those in the events, in order of id.
        weight : str, optional
            Column with the weight of an episode, above 0.
        time : str, optional
            Column with the UTC time (or a number, in days). Ignored where events have no such column.
        start, end : time or number, optional
            Keep [start, end). ``end`` is also where the decay is measured back from; default: the last episode,
            which is then kept.
        half_life : float, optional
            Days in which an episode loses half its weight.
        by : str or list of str, optional
            Further columns that keep ties apart, such as ``relation`` or ``topic``.
        unknown, self_ties, bad_weights : str
            As in the constructor; counted in episodes.

        Raises
        ------
        DataError
            For missing columns or times, unknown people, self-ties, bad weights.
        """
        from peernet import _events

        ties, facts = _events.fold(
            events,
            weight=weight,
            time=time,
            start=start,
            end=end,
            half_life=half_life,
            by=[by] if isinstance(by, str) else list(by or ()),
            self_ties=self_ties,
            bad_weights=bad_weights,
        )
        if isinstance(ties, _events.Coded):
            coded = _convert.network_of_codes(cls, ties, facts, people)
            if coded is not None:
                return coded._bound_by(events, people)
            ties = ties.frame()  # somebody is not in people: the constructor refuses, drops or adds
        if people is None:
            people = sorted(set(ties["teacher"]) | set(ties["learner"]))
        net = cls(people, ties, unknown=unknown)
        net._set(provenance=_events.join_facts(net._provenance, facts, ties, net._people.index, unknown))
        return net._bound_by(events, people)
