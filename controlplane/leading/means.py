"""What a leader's loops work with: their process's store and view of it, its clock, and the proof that it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.cluster import ClusterCache
from controlplane.nodeloss import NodeLosses
from taskyard.clock import Clock
from taskyard.events import EventRecorder
from taskyard.store.api import Compare, Store


@dataclass(frozen=True, slots=True)
class Means:
    store: Store
    cache: ClusterCache
    """Of that store."""
    clock: Clock
    fence: Callable[[], Compare]
    """The elector's."""
    events: EventRecorder
    losses: NodeLosses
    new_uid: Callable[[], str]
    """12 lower-case hex digits that were never used."""
