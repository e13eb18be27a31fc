"""The one central object: a table of people and a table of directed teaching ties."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet import _convert
from peernet._check import column as check_column
from peernet._check import literal, quoted
from peernet._constructors import Constructors, Role
from peernet._permissions import Permissions, checked, join_permissions, mark, marked
from peernet._tables import Policy, Unknown, as_ids, clean_observed, clean_people, clean_ties
from peernet.errors import DataError

if TYPE_CHECKING:
    import networkx as nx
    from scipy.sparse import csr_array

__all__ = ["PeerNetwork", "Role"]

_FLIP: dict[str | None, Role | None] = {"learner": "teacher", "teacher": "learner", None: None}


@final
class PeerNetwork(Constructors):
    """People who could teach or learn, and who teaches whom.

    A tie is a flow of knowledge, teacher -> learner; ``adjacency[i, j]`` is how much person i teaches person j.
    The object does not change: every operation returns a new one.

    Parameters
    ----------
    people : pandas.DataFrame or list of str
        One row per person who *could* teach or learn; index (or column ``person``) = unique id. Any further column
        is an attribute (unit, role, site ...). People without ties are rows, never fake ties.
    ties : pandas.DataFrame
        Columns ``teacher``, ``learner`` and, when given, ``weight`` (> 0, default 1), ``relation``, ``topic``,
        ``time`` (UTC or a number); one row per teaching relation, or per episode when ``time`` is present.
    observed : mapping or pandas.Series, optional
        For each person ``answered``, ``silent``, ``not_asked`` or ``objected``. Default: everybody answered.
    respondent_is : {"learner", "teacher"}, optional
        The role in which people reported their ties. The ties that a person who is not ``answered`` would have
        reported in that role are unknown, not absent. None: ties were seen, not reported.
    unknown : {"error", "drop", "add"}
        What to do with ties that name somebody who is not in ``people``.
    self_ties : {"error", "drop"}
        What to do with people who teach themselves.
    bad_weights : {"error", "drop"}
        What to do with weights that are missing, infinite, zero or negative.

    Raises
    ------
    DataError
        With what is wrong, in which rows, and what to do about it. Opt-outs are counted in ``provenance``.

    Examples
    --------
    >>> ties = pd.DataFrame({"teacher": ["ana", "ana"], "learner": ["bo", "cy"]})
    >>> PeerNetwork(["ana", "bo", "cy"], ties)
    PeerNetwork: 3 people, 2 teaching ties, 0 people with no ties
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        people: pd.DataFrame | Iterable[str],
        ties: pd.DataFrame,
        *,
        observed: Any = None,
        respondent_is: Role | None = None,
        unknown: Unknown = "error",
        self_ties: Policy = "error",
        bad_weights: Policy = "error",
    ) -> None:
        if respondent_is is not None:
            literal("respondent_is", respondent_is, ("learner", "teacher"))
        table = clean_people(people)
        clean = clean_ties(table, ties, unknown=unknown, self_ties=self_ties, bad_weights=bad_weights)
        status = clean_observed(observed, table).reindex(clean.people.index)
        self._set(
            people=clean.people,
            rows=clean.frame,
            row_ends=(clean.teacher, clean.learner),
            observed=status.fillna("not_asked"),
            respondent_is=respondent_is,
            provenance={"rows_given": len(ties), "dropped": clean.dropped},
            permissions=marked(people, ties),
            matrix=None,
        )

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse changes in place."""
        raise AttributeError(
            f"a PeerNetwork does not change: {name} cannot be set. Use with_people, where, subset ..."
        )

    # ---- views --------------------------------------------------------------------------------------------------

    @property
    def people(self) -> pd.DataFrame:
        """The people table; a cheap copy, so edits do not reach the network."""
        table = self._people.copy(deep=False)
        mark(table.attrs, self._permissions)
        return table

    @property
    def ties(self) -> pd.DataFrame:
        """The tie rows as given; a cheap copy, so edits do not reach the network."""
        rows = self._rows
        if rows is None:
            coded = self.__dict__.get("_coded")
            rows = coded.frame() if coded else _convert.frame_of_matrix(self.ids, self.adjacency)
            self._set(rows=rows)
        table = rows.copy(deep=False)
        mark(table.attrs, self._permissions)
        return table

    @property
    def observed(self) -> pd.Series[Any]:
        """Status of each person: answered, silent, not_asked or objected."""
        return self._observed.copy(deep=False)

    @property
    def respondent_is(self) -> Role | None:
        """The role in which people reported ties, or None where ties were seen, not reported."""
        return self._respondent_is

    @property
    def provenance(self) -> dict[str, Any]:
        """What was given and what was dropped on the way."""
        return copy.deepcopy(self._provenance)

    @property
    def permissions(self) -> Permissions | None:
        """What the study behind this network allows, or None: nothing is locked without a study."""
        return self._permissions

    @property
    def ids(self) -> pd.Index[Any]:
        """Person ids in row order."""
        return self._people.index

    @property
    def n_people(self) -> int:
        """Number of people, those without ties included."""
        return len(self._people)

    @property
    def n_ties(self) -> int:
        """Number of distinct (teacher, learner) pairs."""
        return int(self._folded.nnz)

    @property
    def adjacency(self) -> csr_array:
        """Sparse matrix, ``[i, j]`` = summed weight with which i teaches j; columns sorted within rows.

        Each call returns its own matrix over the same read-only arrays, so that nothing done to it reaches the
        network; ``.copy()`` gives one to write into.
        """
        return _convert.guarded(self._folded)

    @cached_property
    def _folded(self) -> csr_array:
        """The matrix behind ``adjacency``."""
        if self._matrix is not None:
            return self._matrix
        rows, ends = self._rows, self._row_ends
        assert rows is not None and ends is not None  # else the matrix was set when the network was built
        return _convert.to_csr(self.n_people, *ends, rows["weight"].to_numpy())

    @cached_property
    def teacher(self) -> NDArray[np.int32]:
        """Row of the teacher of each distinct pair, int32, sorted; pairs as in ``learner`` and ``weight``."""
        counts = np.diff(self._folded.indptr)
        return _frozen(np.repeat(np.arange(self.n_people, dtype=np.int32), counts))

    @cached_property
    def learner(self) -> NDArray[np.int32]:
        """Row of the learner of each distinct pair, int32."""
        return _frozen(self._folded.indices)

    @cached_property
    def weight(self) -> NDArray[np.float64]:
        """Summed weight of each distinct pair."""
        return _frozen(self._folded.data)

    def column(self, name: str) -> pd.Series[Any]:
        """Return an attribute of the people.

        Parameters
        ----------
        name : str
            Column of ``people``.

        Raises
        ------
        DataError
            Listing the columns there are.
        """
        return check_column(self._people, name).copy(deep=False)

    def codes(self, group: str) -> tuple[NDArray[np.intp], pd.Index[Any]]:
        """Return each person's group as a number and the sorted group names; -1 = group missing.

        Parameters
        ----------
        group : str
            Column of ``people``.
        """
        values = self.column(group)
        numbers, names = pd.factorize(values, sort=True)
        return numbers, pd.Index(names, name=group)

    # ---- changes: a new object each -----------------------------------------------------------------------------

    def _replace(self, **fields: Any) -> PeerNetwork:
        """Return a copy with other fields and no cached views, except those that still hold."""
        new = PeerNetwork.__new__(PeerNetwork)
        kept = {k: v for k, v in self.__dict__.items() if k.startswith("_") and k != "_folded"}
        new.__dict__.update(kept)
        if "rows" in fields or "row_ends" in fields:
            new._set(matrix=None, coded=None)
        new._set(**fields)
        return new

    def subset(self, people: Iterable[str] | pd.Series[Any] | Callable[[pd.DataFrame], Any]) -> PeerNetwork:
        """Keep some people and the ties among them.

        Parameters
        ----------
        people : list of str, boolean Series indexed by id, or callable
            Who stays. A callable gets the people table and returns either.

        Raises
        ------
        DataError
            For ids that are not in people.
        """
        chosen: Any = people(self.people) if callable(people) else people
        if isinstance(chosen, pd.Series) and pd.api.types.is_bool_dtype(chosen.dtype):
            chosen = chosen.index[chosen.to_numpy(dtype=bool)]
        keep = as_ids(list(chosen), "subset")
        stranger = keep.difference(self.ids)
        if len(stranger):
            raise DataError(f"subset: {len(stranger)} ids are not in people ({quoted(stranger)}).")
        mask = np.asarray(self.ids.isin(keep))
        table = self._people[mask]
        if self._row_ends is None:
            rows = np.flatnonzero(mask)
            matrix = _convert.sorted_csr(self.adjacency[rows][:, rows])
            new = self._replace(people=table, observed=self._observed[mask], rows=None)
            new.__dict__["_matrix"] = matrix
            return new
        teacher, learner = self._row_ends
        return self._with_rows(mask[teacher] & mask[learner], people=table, observed=self._observed[mask])

    def _with_rows(self, keep: NDArray[np.bool_], **fields: Any) -> PeerNetwork:
        """Keep some tie rows."""
        frame = self.ties[keep].reset_index(drop=True)
        people: pd.DataFrame = fields.get("people", self._people)
        ends = _convert.ends_of(frame, people.index)
        return self._replace(rows=frame, row_ends=ends, **fields)

    def where(self, condition: Any = None, /, **columns: Any) -> PeerNetwork:
        """Keep some ties and all people.

        Parameters
        ----------
        condition : boolean array or Series over ``ties``, or callable, optional
            Which rows stay. A callable gets the ties.
        **columns : value or list of values
            Rows whose column equals the value, or is one of the values: ``where(relation="advice")``.

        Raises
        ------
        DataError
            For columns that are not there or a condition of another length.
        """
        frame = self.ties
        keep = np.ones(len(frame), dtype=bool)
        if condition is not None:
            mask = np.asarray(condition(frame) if callable(condition) else condition)
            if mask.shape != keep.shape or mask.dtype != bool:
                raise DataError(
                    f"where: the condition must be True/False for each of the {len(frame)} tie rows."
                )
            keep &= mask
        for name, value in columns.items():
            values = check_column(frame, name, "ties")
            wanted = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
            keep &= values.isin(wanted).to_numpy()
        return self._mask(keep) if self._row_ends is None else self._with_rows(keep)

    def _mask(self, keep: NDArray[np.bool_]) -> PeerNetwork:
        """Keep some pairs of a network that was built from codes."""
        matrix = _convert.to_csr(self.n_people, self.teacher[keep], self.learner[keep], self.weight[keep])
        new = self._replace(rows=None, row_ends=None)
        new.__dict__["_matrix"] = matrix
        return new

    def window(self, start: Any = None, end: Any = None) -> PeerNetwork:
        """Keep the episodes in [start, end).

        Parameters
        ----------
        start, end : time or number, optional
            Bounds in the kind of ``ties["time"]``; text is read as a UTC time.

        Raises
        ------
        DataError
            When the ties have no time.
        """
        keep = _convert.in_window(check_column(self.ties, "time", "ties"), start, end)
        return self.where(keep)

    def aggregate(self, by: str | Iterable[str] | None = None) -> PeerNetwork:
        """Fold rows into one per (teacher, learner), weights added.

        Parameters
        ----------
        by : str or list of str, optional
            Columns of ``ties`` that keep rows apart, such as ``relation``.

        Returns
        -------
        PeerNetwork
            Ties with ``weight``, ``n_episodes`` and, where there is a time, ``first`` and ``last``.
        """
        keys = [by] if isinstance(by, str) else list(by or ())
        frame = _convert.fold_rows(self.ties, keys)
        return self._replace(rows=frame, row_ends=_convert.ends_of(frame, self.ids))

    def reverse(self) -> PeerNetwork:
        """Swap teacher and learner in every tie, and the role in which people report."""
        if self._row_ends is None:
            new = self._replace(rows=None, row_ends=None, respondent_is=_FLIP[self._respondent_is])
            new.__dict__["_matrix"] = _convert.sorted_csr(self.adjacency.T.tocsr())
            return new
        frame = self.ties.rename(columns={"teacher": "learner", "learner": "teacher"})
        first = ["teacher", "learner", "weight"]
        frame = frame[first + [c for c in frame.columns if c not in first]]
        ends = self._row_ends[::-1]
        return self._replace(rows=frame, row_ends=ends, respondent_is=_FLIP[self._respondent_is])

    def with_people(self, **columns: Any) -> PeerNetwork:
        """Add or replace attributes.

        Parameters
        ----------
        **columns : Series or dict by person id, scalar, or array in the order of ``ids``
            New columns. People a Series or dict does not name get a missing value; ids it names that are not in
            people are refused.

        Raises
        ------
        DataError
            For ids that are not in people, or an array of another length.
        """
        table = self.people
        for name, values in columns.items():
            table[name] = _convert.align(name, values, self.ids)
        new = self._replace(people=table)
        new.__dict__.update({k: v for k, v in self.__dict__.items() if not k.startswith("_")})
        return new

    def with_permissions(self, permissions: Permissions | None) -> PeerNetwork:
        """Attach what a study allows, beside what the network carries already: what all of them allow, never more.

        Parameters
        ----------
        permissions : Permissions or None
            The study's permissions; None changes nothing. To allow more, change study.toml and make the network anew.

        Raises
        ------
        DataError
            For anything else.
        """
        new = self._replace(permissions=join_permissions([self._permissions, checked(permissions)]))
        new.__dict__.update({k: v for k, v in self.__dict__.items() if not k.startswith("_")})
        return new

    # ---- conversions and looks ----------------------------------------------------------------------------------

    def to_networkx(self, *, edge_means: Literal["teaches", "asks"] = "teaches") -> nx.DiGraph[Any]:
        """Return a ``networkx.DiGraph`` with people's attributes on nodes and the summed weight on edges.

        Parameters
        ----------
        edge_means : {"teaches", "asks"}
            Direction of the edges.
        """
        literal("edge_means", edge_means, ("teaches", "asks"))
        return _convert.networkx_of(self, edge_means)

    def to_igraph(self, *, edge_means: Literal["teaches", "asks"] = "teaches") -> Any:
        """Return a directed ``igraph.Graph`` (extra ``peernet[communities]``), vertices in the order of ``ids``.

        Parameters
        ----------
        edge_means : {"teaches", "asks"}
            Direction of the edges.
        """
        literal("edge_means", edge_means, ("teaches", "asks"))
        return _convert.igraph_of(self, edge_means)

    def __eq__(self, other: object) -> bool:
        """Same people with the same attributes and answers, same tie rows in any order."""
        if not isinstance(other, PeerNetwork):
            return NotImplemented
        return _convert.same(self, other)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the tables, not the cached views (unless the matrix is all there is)."""
        kept = {k: v for k, v in self.__dict__.items() if k.startswith("_") and k != "_folded"}
        if self._row_ends is None:
            kept["_matrix"] = self._folded
            kept["_rows"] = None
        return kept

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Restore a pickled network."""
        self.__dict__.update(state)

    def __repr__(self) -> str:
        """One line: people, ties, time, people without ties."""
        from peernet import _card

        return _card.line(self)

    def _repr_html_(self) -> str:
        """Return a short card for notebooks, without names."""
        from peernet import _card

        return _card.html(self)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view."""
    view = array.view()
    view.setflags(write=False)
    return view
