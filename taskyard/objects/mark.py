"""Mark: what time it was, by the leading control plane, when one revision of the store came about."""

from __future__ import annotations

from taskyard.objects.base import Wire


class Mark(Wire, frozen=True, kw_only=True):
    """The value of `history/mark`."""

    at: str
