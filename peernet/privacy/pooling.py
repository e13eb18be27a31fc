"""Groups too small to be shown, pooled until nobody in them can be told apart."""

from __future__ import annotations

from typing import Any

import pandas as pd

from peernet._check import count
from peernet.errors import DataError

__all__ = ["pool_small_groups"]


def pool_small_groups(
    groups: pd.Series[Any], *, floor: int, label: str = "small units, pooled"
) -> pd.Series[Any]:
    """Group of each person, with groups under the floor joined into one that is large enough.

    Groups of fewer than ``floor`` people are joined, and with them the next smallest groups until the joint
    group has at least ``floor`` people. One small group is therefore never the difference between a total
    and the groups shown: it shares its label with at least one other group.

    Parameters
    ----------
    groups : pandas.Series
        Group of each person; missing groups stay missing.
    floor : int
        Smallest group that may be shown; 1 changes nothing.
    label : str
        Name of the joint group.

    Returns
    -------
    pandas.Series
        Indexed like ``groups``.

    Raises
    ------
    DataError
        When even all people together are fewer than ``floor``.

    Examples
    --------
    >>> pool_small_groups(pd.Series(["a"] * 6 + ["b"] * 5 + ["c"]), floor=5).value_counts().to_dict()
    {'a': 6, 'small units, pooled': 6}
    """
    floor = count("floor", floor)
    sizes = groups.value_counts().sort_index(kind="stable").sort_values(kind="stable")
    small = list(sizes.index[sizes < floor])
    if not small:
        return groups.copy()
    if int(sizes.sum()) < floor:
        raise DataError(
            f"{int(sizes.sum())} people in all are fewer than the floor of {floor}: nothing can be shown by group."
        )
    rest = [g for g in sizes.index if g not in small]
    while rest and (sizes[small].sum() < floor or len(small) < 2):
        small.append(rest.pop(0))
    return groups.astype("object").where(~groups.isin(small), label).astype("str").where(groups.notna())
