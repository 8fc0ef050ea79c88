"""What the controller remembers of time: since when a task is ready, and since when a rollout has made no progress.

Nothing here is stored: whoever begins to look counts anew, and can only be later than it has to, never sooner.
"""

from __future__ import annotations

from collections.abc import Hashable

from taskyard.clock import Clock
from taskyard.keys import NamedKey


class Since:
    """On the monotonic clock. `mark` says what holds for a key; a wait begins anew when that changes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[NamedKey, dict[str, tuple[Hashable, float]]] = {}

    def clear(self) -> None:
        self._known.clear()

    def held_for(self, service: NamedKey, what: str, mark: Hashable) -> float:
        """Seconds for which this has been the mark."""
        known = self._known.setdefault(service, {})
        now = self._clock.monotonic()
        if what not in known or known[what][0] != mark:
            known[what] = (mark, now)
        return now - known[what][1]

    def keep(self, service: NamedKey, whats: set[str]) -> None:
        """Forgets all others of the service."""
        known = self._known.get(service, {})
        for gone in known.keys() - whats:
            del known[gone]
        if not known:
            self._known.pop(service, None)
