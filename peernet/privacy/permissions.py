"""What a study allows, and the one place where a function asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peernet.errors import PermissionLocked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Permissions", "allows", "join_permissions", "require", "withhold_ids"]


@dataclass(frozen=True)
class Permissions:
    """What the study behind a network allows; a network without a study has none and locks nothing.

    Attributes
    ----------
    study : str
        Title of the study, for messages.
    analyses : dict
        Analysis -> functions that may do it, as under ``[analyses]`` in study.toml: ``{"person_level":
        ("silos.constraint",)}``; ``"*"`` stands for all functions.
    floor : int
        Smallest group whose numbers are shown.
    floor_attitudes : int
        The same for attitudes.
    """

    study: str = ""
    analyses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    floor: int = 5
    floor_attitudes: int = 8

    def allows(self, analysis: str, *, function: str = "*") -> bool:
        """Say whether an analysis is listed.

        Parameters
        ----------
        analysis : str
            Such as "person_level".
        function : str
            Public name of the function; "*" asks for all functions at once.

        Returns
        -------
        bool
            True where it is.
        """
        listed = self.analyses.get(analysis, ())
        return "*" in listed or function in listed


def join_permissions(granted: Iterable[Permissions | None]) -> Permissions | None:
    """Join what several studies allow: what all of them do, with the highest floors; None where none has a say."""
    said = [g for g in granted if g is not None]
    if not said:
        return None
    out = said[0]
    for other in said[1:]:
        if other == out:
            continue
        analyses = {
            name: tuple(
                sorted(
                    f for f in {*one, *two} if out.allows(name, function=f) and other.allows(name, function=f)
                )
            )
            for name, one in out.analyses.items()
            if (two := other.analyses.get(name))
        }
        out = Permissions(
            study=out.study if out.study == other.study else f"{out.study} + {other.study}",
            analyses=analyses,
            floor=max(out.floor, other.floor),
            floor_attitudes=max(out.floor_attitudes, other.floor_attitudes),
        )
    return out


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
