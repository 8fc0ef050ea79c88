"""The values that are not what their keys promise: set aside with the reason, and otherwise treated as absent."""

from __future__ import annotations

from controlplane.cluster.records import CacheChange
from taskyard.store.informer import Change


class Quarantine:
    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        """By the key in the store."""

    def judge(self, change: Change, reason: str, changes: list[CacheChange]) -> None:
        """Set the value aside for this reason, or lift what its predecessor was under."""
        if not reason and not self.reasons:
            return
        known = self.reasons.pop(change.key, "")
        if reason and change.new is not None:
            self.reasons[change.key] = reason
        elif not known:
            return
        changes.append(CacheChange("quarantine", change.key, change.revision))
