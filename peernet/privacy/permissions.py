"""What a study allows, and the one place where a function asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peernet.errors import PermissionLocked

__all__ = ["Permissions", "allows", "require"]


@dataclass(frozen=True)
class Permissions:
    """What the study behind a network allows; a network without a study has none and locks nothing.

    Attributes
    ----------
    study : str
        Name of the study, for messages.
    analyses : tuple of str
        What is listed under ``analyses`` in study.toml, such as "person_level" or "attitudes".
    floor : int
        Smallest group whose numbers are shown.
    floor_attitudes : int
        The same for attitudes.
    """

    study: str = ""
    analyses: tuple[str, ...] = ()
    floor: int = 5
    floor_attitudes: int = 8

    def allows(self, analysis: str) -> bool:
        """Say whether an analysis is listed.

        Parameters
        ----------
        analysis : str
            Such as "person_level".

        Returns
        -------
        bool
            True where it is.
        """
        return analysis in self.analyses


def allows(net: Any, analysis: str) -> bool:
    """Whether an analysis may run on a network: always without a study, else where the study lists it.

    Parameters
    ----------
    net : PeerNetwork, Study, Permissions or None
        Anything with ``permissions``, or the permissions themselves.
    analysis : str
        Such as "person_level".

    Returns
    -------
    bool
        True where nothing forbids it.
    """
    granted = net if isinstance(net, Permissions) else getattr(net, "permissions", None)
    return granted is None or bool(granted.allows(analysis))


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
    if allows(net, analysis):
        return
    granted = net if isinstance(net, Permissions) else net.permissions
    listed = ", ".join(repr(a) for a in granted.analyses) or "none"
    raise PermissionLocked(
        f"{function} needs the analysis {analysis!r}, which study {granted.study!r} does not allow "
        f"(analyses: {listed}). "
        f"If the agreement covers it, add {analysis!r} to the list analyses in study.toml and say so to "
        "those concerned."
    )
