"""Covariates, presence and time-varying networks, laid out as values in force from a moment on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from peernet._check import column, quoted, rows_text
from peernet._tables import as_ids
from peernet.diffusion._adopted import times_as_numbers
from peernet.errors import DataError
from peernet.network import PeerNetwork

__all__ = ["Covariates", "Spans", "read_covariates", "read_networks", "read_presence", "read_teacher_weight"]

Number = Callable[[Any, str], NDArray[np.float64]]


class Covariates(NamedTuple):
    """Covariate rows: whose, of which item (-1 = all), in force from when (-inf = always), and the values by role."""

    person: NDArray[np.intp]
    item: NDArray[np.intp]
    since: NDArray[np.float64]
    values: NDArray[np.float64]
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    @property
    def varies(self) -> bool:
        """Whether any covariate changes with time or item."""
        return bool(len(self.since)) and bool((self.since > -np.inf).any() or (self.item >= 0).any())

    def at(self, item: int, time: float, n: int) -> NDArray[np.intp]:
        """Return each person's row in force at a moment."""
        out = np.zeros(n, dtype=np.intp)
        mine = np.flatnonzero(((self.item < 0) | (self.item == item)) & (self.since <= time))
        order = mine[np.argsort(self.since[mine], kind="stable")]
        out[self.person[order]] = order
        return out


class Spans(NamedTuple):
    """Who was there, for which item (-1 = all), from when until when."""

    person: NDArray[np.intp]
    item: NDArray[np.intp]
    start: NDArray[np.float64]
    end: NDArray[np.float64]


def person_rows(values: Any, ids: pd.Index[Any], what: str) -> NDArray[np.intp]:
    """Return the row of each person, refusing strangers."""
    named = as_ids(values, what)
    rows = ids.get_indexer(named)
    lost = np.flatnonzero(rows < 0)
    if len(lost):
        raise DataError(
            f"{what}: {len(lost)} rows name a person who is not in people ({rows_text(lost, named[lost])}). "
            "Add them to people, or remove the rows."
        )
    return rows


def item_rows(frame: pd.DataFrame, items: Sequence[str], what: str) -> NDArray[np.intp]:
    """Return the item of each row; -1 = all items."""
    if "item" not in frame.columns:
        return np.full(len(frame), -1, dtype=np.intp)
    names = frame["item"].astype("object").where(frame["item"].notna(), None)
    known = {name: k for k, name in enumerate(items)}
    out = np.array([-1 if name is None else known.get(str(name), -2) for name in names], dtype=np.intp)
    lost = np.flatnonzero(out == -2)
    if len(lost):
        raise DataError(
            f"{what}: {len(lost)} rows name an item that is not in adoptions "
            f"({rows_text(lost, frame['item'].iloc[lost])}). "
            f"Items: {quoted(items, 8)}."
        )
    return out


def _numeric(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Turn text columns into indicators (first level = reference) and refuse missing or infinite values."""
    parts = []
    for name in frame.columns:
        values = frame[name]
        if values.isna().any():
            lost = np.flatnonzero(values.isna())
            raise DataError(
                f"{what}: {name!r} is missing for {len(lost)} rows ({rows_text(lost, frame.index[lost])}). "
                "Fill it in, or leave these people out."
            )
        if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
            parts.append(values.astype(np.float64).rename(str(name)))
            continue
        levels = sorted(values.astype("str").unique())
        parts += [(values.astype("str") == v).astype(np.float64).rename(f"{name}={v}") for v in levels[1:]]
    out = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=frame.index)
    wrong = ~np.isfinite(out.to_numpy()).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{what}: {wrong.sum()} rows hold infinite values ({rows_text(np.flatnonzero(wrong))})."
        )
    return out


def _role(
    given: Any, role: str, people: pd.DataFrame, items: Sequence[str], number: Number
) -> tuple[pd.DataFrame, NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]] | None:
    """Read the covariates of one role as (values, person row, item, since)."""
    if given is None or (isinstance(given, (list, tuple)) and not given):
        return None
    if isinstance(given, str):
        given = [given]
    if isinstance(given, (list, tuple)):
        frame = pd.DataFrame({name: column(people, name) for name in given})
    elif isinstance(given, pd.Series):
        frame = given.to_frame(given.name if given.name is not None else role)
    elif isinstance(given, pd.DataFrame):
        frame = given
    else:
        raise DataError(
            f"{role}: give names of columns of people, or a DataFrame indexed by person (or with columns person, time "
            f"and the covariates); got {type(given).__name__}."
        )
    if "person" in frame.columns:
        persons = person_rows(frame["person"], people.index, role)
    else:
        persons = person_rows(frame.index, people.index, role)
    of_item = item_rows(frame, items, role)
    since = np.full(len(frame), -np.inf)
    if "time" in frame.columns:
        since = number(frame["time"], f"{role} (time)")
        if np.isnan(since).any():
            raise DataError(
                f"{role}: {int(np.isnan(since).sum())} rows have no time. Say from when each value is in force."
            )
    values = _numeric(frame.drop(columns=[c for c in ("person", "item", "time") if c in frame.columns]), role)
    key = pd.DataFrame({"p": persons, "i": of_item, "t": since})
    if key.duplicated().any():
        raise DataError(
            f"{role}: {int(key.duplicated(keep=False).sum())} rows give a person two values at once. Keep one."
        )
    return values, persons, of_item, since


def read_covariates(
    roles: Sequence[tuple[str, Any]], people: pd.DataFrame, items: Sequence[str], number: Number
) -> Covariates:
    """Merge the covariates of the three roles into rows that hold until the next row of the person."""
    n = len(people)
    read = [(role, _role(given, role, people, items, number)) for role, given in roles]
    names: list[tuple[str, ...]] = [
        () if part is None else tuple(map(str, part[0].columns)) for _, part in read
    ]
    triple = (names[0], names[1], names[2])
    width = sum(map(len, names))
    present = [(role, part) for role, part in read if part is not None]
    plain = all((p[3] == -np.inf).all() and (p[2] < 0).all() for _, p in present)
    if plain:
        values = np.zeros((n, width))
        at = 0
        for role, part in present:
            filled = np.full((n, part[0].shape[1]), np.nan)
            filled[part[1]] = part[0].to_numpy()
            values[:, at : at + filled.shape[1]] = _complete(filled, people.index, role)
            at += filled.shape[1]
        nobody = np.full(n, -1, dtype=np.intp)
        return Covariates(np.arange(n), nobody, np.full(n, -np.inf), values, triple)
    return _merge(present, people.index, len(items), triple)


def _complete(values: NDArray[np.float64], ids: pd.Index[Any], role: str) -> NDArray[np.float64]:
    """Refuse people without a value."""
    lost = np.asarray(np.isnan(values).any(axis=1))
    if lost.any():
        raise DataError(
            f"{role}: no value for {lost.sum()} people ({quoted(ids[lost])}). Give one for everybody."
        )
    return values


def _merge(present: list[Any], ids: pd.Index[Any], n_items: int, names: Any) -> Covariates:
    """Join roles whose values change at different moments: each row carries all values then in force."""
    by_item = any((part[2] >= 0).any() for _, part in present)
    spread = []
    at = 0
    for _, (values, person, item, since) in present:
        frame = values.set_axis(range(at, at + values.shape[1]), axis=1).reset_index(drop=True)
        at += values.shape[1]
        frame["person"], frame["item"], frame["since"] = person, item, since
        if by_item:
            everywhere = frame[frame["item"] < 0]
            copies = [everywhere.assign(item=k) for k in range(n_items)]
            frame = pd.concat([*copies, frame[frame["item"] >= 0]], ignore_index=True)
        spread.append(frame)
    table = pd.concat(spread).sort_values(["person", "item", "since"], kind="stable")
    columns = list(range(at))
    keys = ["person", "item", "since"]
    table = table.groupby(keys, as_index=False, sort=True)[columns].last()
    table[columns] = table.groupby(["person", "item"])[columns].ffill()
    table[columns] = table.groupby(["person", "item"])[columns].bfill()
    first = table.groupby(["person", "item"])["since"].transform("min")
    table.loc[table["since"] == first, "since"] = -np.inf
    for role, part in present:
        short = np.setdiff1d(np.arange(len(ids)), part[1])
        if len(short):
            raise DataError(
                f"{role}: no value for {len(short)} people ({quoted(ids[short])}). Give one for everybody."
            )
    if table[columns].isna().any().any():
        rows = table.index[table[columns].isna().any(axis=1)]
        who = ids[table.loc[rows, "person"].unique()]
        raise DataError(
            f"covariates: {len(who)} people have no value at first ({quoted(who)}). Give one from the start on."
        )
    return Covariates(
        table["person"].to_numpy(dtype=np.intp),
        table["item"].to_numpy(dtype=np.intp),
        table["since"].to_numpy(dtype=np.float64),
        table[columns].to_numpy(dtype=np.float64),
        names,
    )


def read_presence(given: Any, ids: pd.Index[Any], items: Sequence[str], number: Number) -> Spans | None:
    """Read who was there and when; None = everybody always."""
    if given is None:
        return None
    if not isinstance(given, pd.DataFrame) or "person" not in given.columns:
        raise DataError(
            "presence must be a DataFrame with columns person and, where known, item, start, end."
        )
    strange = [str(c) for c in given.columns if c not in ("person", "item", "start", "end")]
    if strange:
        raise DataError(
            f"presence has the columns {quoted(strange)}, which nothing reads. It takes person, item, start, end: "
            "rename or drop the others."
        )
    person = person_rows(given["person"], ids, "presence")
    item = item_rows(given, items, "presence")
    start, end = np.full(len(given), -np.inf), np.full(len(given), np.inf)
    if "start" in given.columns:
        found = number(given["start"], "presence (start)")
        start = np.where(np.isnan(found), -np.inf, found)
    if "end" in given.columns:
        found = number(given["end"], "presence (end)")
        end = np.where(np.isnan(found), np.inf, found)
    back = np.flatnonzero(end < start)
    if len(back):
        raise DataError(f"presence: {len(back)} rows end before they start ({rows_text(given.index[back])}).")
    return Spans(person, item, start, end)


def read_teacher_weight(given: Any, ids: pd.Index[Any]) -> pd.DataFrame:
    """Return the weights of the people as teachers, one or several columns, with everybody named once."""
    table = given.to_frame() if isinstance(given, pd.Series) else given
    table = table.set_axis(as_ids(table.index, "teacher_weight"))
    twice = table.index[table.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"teacher_weight: {len(twice)} people have several weights ({quoted(twice)}). Keep one each."
        )
    strange = table.index.difference(ids)
    if len(strange):
        raise DataError(
            f"teacher_weight: {len(strange)} ids are not in people ({quoted(strange)}). Keep those of the network: "
            "weights[weights.index.isin(net.ids)]."
        )
    absent = ids.difference(table.index)
    if len(absent):
        raise DataError(f"teacher_weight: no weight for {len(absent)} people ({quoted(absent)}).")
    numbers = table.reindex(ids)
    text = [c for c in numbers.columns if not pd.api.types.is_numeric_dtype(numbers[c].dtype)]
    if text:
        raise DataError("teacher_weight must be numbers, one a person (and period).")
    values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0)).all(axis=1)
    if wrong.any():
        raise DataError(
            f"teacher_weight: missing, infinite or negative for {wrong.sum()} people ({quoted(ids[wrong])})."
        )
    return numbers.astype(np.float64)


class Edges(NamedTuple):
    """Ties of one network version, in force in [since, until): learner row, teacher row, weight."""

    network: int
    since: float
    until: float
    learner: NDArray[np.intp]
    teacher: NDArray[np.intp]
    weight: NDArray[np.float64]


def read_networks(
    networks: Any, normalise: bool, number: Callable[[Any, str], float], starts: NDArray[np.float64] | None
) -> tuple[PeerNetwork, tuple[str, ...], list[Edges]]:
    """Read one network, a dict of them, or versions in force from a moment on."""
    table: dict[str, Any] = dict(networks) if isinstance(networks, Mapping) else {"network": networks}
    if not table:
        raise DataError("networks is empty. Give a PeerNetwork, or a dict of them by name.")
    moments = [name for name in table if not isinstance(name, str) or re.match(r"\s*\d{4}-\d{2}", name)]
    if moments and len(table) > 1:
        raise DataError(
            f"networks: the keys of the dict name networks that teach side by side; {quoted(moments, 3)} look like "
            "moments. For one network that changes give {'ties': {moment: network, ...}}; otherwise use names."
        )
    first: PeerNetwork | None = None
    edges: list[Edges] = []
    for k, (name, value) in enumerate(table.items()):
        for since, until, net in _versions(str(name), value, number, starts):
            if not isinstance(net, PeerNetwork):
                raise DataError(f"networks: {name!r} must be a PeerNetwork; got {type(net).__name__}.")
            if first is None:
                first = net
            elif not net.ids.equals(first.ids):
                raise DataError(
                    f"networks: {name!r} has other people (or another order) than the first. Use the same."
                )
            edges.append(_edges(k, since, until, net, normalise))
    assert first is not None
    return first, tuple(map(str, table)), edges


def _versions(
    name: str, value: Any, number: Callable[[Any, str], float], starts: NDArray[np.float64] | None
) -> list[tuple[float, float, Any]]:
    """Return (since, until, network) for each version of a network."""
    if isinstance(value, PeerNetwork):
        return [(-np.inf, np.inf, value)]
    if isinstance(value, Mapping):
        pairs = sorted(
            ((number(t, f"networks ({name})"), net) for t, net in value.items()), key=lambda p: p[0]
        )
    elif isinstance(value, (list, tuple)):
        if starts is None:
            raise DataError(
                f"networks: {name!r} is a list; give a dict from the moment each network holds to the network."
            )
        if len(value) != len(starts):
            raise DataError(
                f"networks: {name!r} has {len(value)} networks for {len(starts)} periods. Give one a period."
            )
        pairs = list(zip(starts.tolist(), value, strict=True))
    else:
        raise DataError(
            f"networks: {name!r} must be a PeerNetwork, or several by time; got {type(value).__name__}."
        )
    if not pairs:
        raise DataError(f"networks: {name!r} has no versions.")
    bounds = [-np.inf, *[t for t, _ in pairs[1:]], np.inf]
    return [(bounds[k], bounds[k + 1], net) for k, (_, net) in enumerate(pairs)]


def _edges(network: int, since: float, until: float, net: PeerNetwork, normalise: bool) -> Edges:
    """Lay one network out as learner, teacher, weight."""
    learner, teacher = net.learner.astype(np.intp), net.teacher.astype(np.intp)
    weight = np.asarray(net.weight, dtype=np.float64)
    if normalise:
        total = np.bincount(learner, weight, net.n_people)
        weight = weight / total[learner]
    return Edges(network, since, until, learner, teacher, weight)


def times_of(values: pd.Series[Any], what: str, moments: bool) -> NDArray[np.float64]:
    """Return times in the kind of the adoptions."""
    numbers, found = times_as_numbers(pd.Series(values), what)
    if np.isfinite(numbers).any() and found != moments:
        raise DataError(
            f"{what}: adoption times are {'moments' if moments else 'numbers'}; give the same kind."
        )
    return numbers
