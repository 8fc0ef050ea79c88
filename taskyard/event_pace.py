"""How often the events of one object are written again as they are counted on. Pure; its caller holds a lock.

What is new is written as it comes, and taskyard/similar_events.py bounds how much of it there can be. A task that fails
every second tells the same each time: only the count differs, and each write of it is one more revision in etcd and one
more line for everybody who watches.
"""

from __future__ import annotations

from collections import OrderedDict

AT_ONCE = 5
"""Writes of one object's counts that need not wait."""
APART = 10.0
"""Seconds after which one more of them may be."""
_REMEMBERED = 4096
"""Objects; beyond, the one that was written of least recently may begin anew."""

Key = tuple[str, str, str]
"""Namespace, kind and name."""


class Pace:
    def __init__(self) -> None:
        self._used: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        """Of what may be written at once, how much is used up, and as of when."""

    def take(self, about: Key, now: float) -> bool:
        """Whether a count of this object may be written now; then it is taken. `now`: seconds on a clock that only
        goes on."""
        used, at = self._used.pop(about, (0.0, now))
        used = max(used - (now - at) / APART, 0.0)
        taken = used + 1.0 <= AT_ONCE
        self._used[about] = (used + 1.0 if taken else used, now)
        if len(self._used) > _REMEMBERED:
            self._used.popitem(last=False)
        return taken
