"""What a study allows, and the one place where a function asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from peernet._permissions import Permissions, join_permissions
from peernet.errors import PermissionLocked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Permissions", "allows", "join_permissions", "require", "withhold_ids"]


def allows(net: Any, analysis: str, *, function: str = "*") -> bool:
    """Whether an analysis may run on a network: always without a study, else where the study lists it.

    Parameters
    ----------
    net : PeerNetwork, Study, Permissions or None
        Anything with ``permissions``, or the permissions themselves.
    analysis : str
        Such as "person_level".
    function : str
        Public name of the function; "*" asks for all functions at once.

    Returns
    -------
    bool
        True where nothing forbids it.
    """
    granted = net if isinstance(net, Permissions) else getattr(net, "permissions", None)
    return granted is None or bool(granted.allows(analysis, function=function))


def require(net: Any, analysis: str, *, function: str) -> None:
    """Pass where an analysis is allowed, refuse with the line of study.toml that would allow it.

    Parameters
    ----------
    net : PeerNetwork, Study, Permissions or None
        What the function was called with.
    analysis : str
        "person_level" for numbers about single people.
    function : str
        Public name of the function that asks, such as ``"silos.constraint"``.

    Raises
    ------
    PermissionLocked
        When the study behind ``net`` does not list the analysis.

    Examples
    --------
    >>> require(None, "person_level", function="silos.constraint")
    """
    if allows(net, analysis, function=function):
        return
    granted = net if isinstance(net, Permissions) else net.permissions
    raise PermissionLocked(
        f"{function} is locked: the study {granted.study!r} does not allow it ({analysis}). If the agreement "
        "covers it, write "
        f'{analysis} = ["{function}"] under [analyses] in study.toml, and tell those concerned.'
    )


def withhold_ids(net: Any, frame: pd.DataFrame, columns: Iterable[str], *, function: str) -> pd.DataFrame:
    """Table whose numbers may be read by everybody, without the ids where the study does not list the function.

    For results about groups that carry a table of single people along: the result is not refused, its ids are.

    Parameters
    ----------
    net : PeerNetwork, Study, Permissions or None
        What the function was called with.
    frame : pandas.DataFrame
        The table.
    columns : list of str
        Columns with ids: single ones, or tuples of them.
    function : str
        Public name of the function that asks.

    Returns
    -------
    pandas.DataFrame
        The table itself where the function is listed; else ``"withheld"`` for every id, empty tuples for tuples.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"person": ["ana"], "social": [0.5]})
    >>> withhold_ids(Permissions(), table, ["person"], function="diffusion.f")["person"].tolist()
    ['withheld']
    """
    if allows(net, "person_level", function=function):
        return frame
    import pandas as pd

    out = frame.copy(deep=False)
    for name in columns:
        tuples = len(out) > 0 and isinstance(out[name].iloc[0], tuple)
        hidden: list[Any] = [()] * len(out) if tuples else ["withheld"] * len(out)
        out[name] = pd.Series(hidden, index=out.index, dtype="object" if tuples else "str")
    return out
