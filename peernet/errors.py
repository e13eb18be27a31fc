"""The few ways in which peernet says no."""

from __future__ import annotations

__all__ = ["DataError", "FitError", "PeerNetError", "PeerNetWarning", "PermissionLocked"]


class PeerNetError(Exception):
    """Base of every error that peernet raises on purpose."""


class DataError(PeerNetError, ValueError):
    """The data cannot be used as given; the message says what, where, and what to do."""


class FitError(PeerNetError, RuntimeError):
    """A model could not be fitted; the message says why and what would help."""


class PermissionLocked(PeerNetError, PermissionError):
    """The study does not allow this analysis; the message names the line of study.toml that would."""


class PeerNetWarning(UserWarning):
    """Something an analyst should know before believing a number."""
