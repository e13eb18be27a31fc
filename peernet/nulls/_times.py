"""Shuffled times: who taught whom is kept, when is chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from peernet._check import column
from peernet._rng import RNGLike, SeedLike, as_rng
from peernet.network import PeerNetwork
from peernet.nulls._labels import lanes, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shuffle_times"]


@overload
def shuffle_times(
    net: PeerNetwork, *, within: str | Sequence[str] | None = ..., rng: RNGLike | SeedLike | None = ...
) -> PeerNetwork: ...


@overload
def shuffle_times(
    net: pd.DataFrame, *, within: str | Sequence[str] | None = ..., rng: RNGLike | SeedLike | None = ...
) -> pd.DataFrame: ...


def shuffle_times(
    net: PeerNetwork | pd.DataFrame,
    *,
    within: str | Sequence[str] | None = None,
    rng: RNGLike | SeedLike | None = None,
) -> PeerNetwork | pd.DataFrame:
    """The same episodes with their times dealt out again at random.

    Keeps who is tied to whom, how often, and the set of all times; destroys the order of events. Rows without a time
    keep none.

    Parameters
    ----------
    net : PeerNetwork or pandas.DataFrame
        Ties (of a network) or a table of events or adoptions, with a column ``time``.
    within : str or list of str, optional
        Columns whose joint values keep their own times (``"teacher"``: how active each teacher was when).
    rng : numpy.random.Generator, int, sequence of int or None
        Generator or seed.

    Returns
    -------
    PeerNetwork or pandas.DataFrame
        As given, with other times.

    Raises
    ------
    DataError
        If there is no column ``time``, or ``within`` names a column that is not there.
    """
    rng = as_rng(rng)
    if isinstance(net, pd.DataFrame):
        return _shuffled(net, within, rng, "the frame")
    frame = _shuffled(net.ties, within, rng, "ties")
    ends = tuple(net.ids.get_indexer(pd.Index(frame[end])).astype(np.int32) for end in ("teacher", "learner"))
    return net._replace(rows=frame, row_ends=ends)


def _shuffled(
    frame: pd.DataFrame, within: str | Sequence[str] | None, rng: np.random.Generator, table: str
) -> pd.DataFrame:
    """Deal the times of a frame out again."""
    times = column(frame, "time", table)
    known = np.flatnonzero(times.notna().to_numpy())
    strata: NDArray[Any] = np.zeros(len(frame), dtype=np.int64)
    if within is not None:
        names = [within] if isinstance(within, str) else list(within)
        keys = pd.DataFrame({str(k): column(frame, name, table).to_numpy() for k, name in enumerate(names)})
        strata = keys.groupby(list(keys.columns), dropna=False, sort=False).ngroup().to_numpy()
    parts = segments(strata[known])
    moved = lanes(np.arange(len(known)), parts, 1, rng, compiled=len(known) > 1_000_000)[:, 0][parts.rank]
    taken = np.arange(len(frame))
    taken[known] = known[moved]
    out = frame.copy(deep=False)
    out["time"] = times.iloc[taken].set_axis(frame.index)
    return out
