"""What can go wrong between a notebook and its report."""

from __future__ import annotations

from peernet.errors import PeerNetError

__all__ = ["ReportError"]


class ReportError(PeerNetError):
    """A report cannot be made from this notebook; the message says which cell and what to do."""
