"""NodeLosses: the present state of the fold in losses.py, over the cache and on the clock. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.cluster import CacheChange, ChangeKind, ClusterCache, TaskRecord, unread_volumes
from controlplane.cluster.effective import on_lost_node
from controlplane.cluster.rules import pinned_volumes
from controlplane.nodeloss.losses import Losses, Sighting, observe
from controlplane.nodeloss.outlook import Outlook, outlook
from taskyard.annotations import OUT_OF_SERVICE
from taskyard.clock import Clock
from taskyard.keys import ObjectKey
from taskyard.objects import MAINTENANCE_TAINT, NamedVolume

_TOUCHING: tuple[ChangeKind, ...] = ("node", "task", "assignment")
"""Kinds of changes after which another node may be lost: one counts that holds tasks."""


class NodeLosses:
    """One for each process. Create it before the loops that ask it, so that it has seen each change before they do."""

    def __init__(self, cache: ClusterCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._losses = Losses()
        self._changed: set[str] = set()
        cache.on_change(self._note, (*_TOUCHING, "object"))

    @property
    def now(self) -> Losses:
        return self._losses

    def restart(self) -> None:
        """A term begins: whatever was counted before, each lost node is lost since now."""
        with self._cache.lock:
            self._losses = Losses()
            self._observe()

    def take_changed(self) -> set[str]:
        """The nodes of whose tasks something else holds than when this was last called. Under the cache's lock."""
        changed, self._changed = self._changed, set()
        return changed

    def outlook(self, record: TaskRecord) -> Outlook | None:
        """None for a task that stays as it is: its node is there, or it has ended. Under the cache's lock."""
        if not on_lost_node(self._cache, record):
            return None
        spec = record.task.spec
        if where := unread_volumes(self._cache, record):
            # It may be on this very node.
            return Outlook(None, "NodeLost", f"it waits for its node: {where}")
        if record.node in self._losses.expected and record.demand.rules.tolerates(MAINTENANCE_TAINT):
            return Outlook(None, "Maintenance", "it waits for its node, which is in maintenance")
        return outlook(
            self._losses, record.node, spec.on_node_loss, singleton=spec.singleton, data=self._data_there(record)
        )

    def _data_there(self, record: TaskRecord) -> list[str]:
        """The volumes that tie it to its node."""
        found = []
        for name in pinned_volumes(record.task.spec):
            home = self._cache.objects.get(ObjectKey("Volume", record.key.namespace, name))
            if home is not None and isinstance(home.value, NamedVolume) and home.value.spec.node == record.node:
                found.append(name)
        return found

    def wall_time(self, due: float) -> float:
        """A moment on the monotonic clock as seconds since the epoch."""
        return self._clock.now() + due - self._clock.monotonic()

    def _note(self, changes: Sequence[CacheChange]) -> None:
        nodes = self._cache.nodes
        if any(change.object is not None and change.object.kind == "Volume" for change in changes):
            self._changed |= self._losses.lost.keys()
        for change in changes:
            if change.kind not in _TOUCHING or not change.node:
                continue
            node = nodes.get(change.node)
            away = node is not None and not node.ready
            if change.kind == "node" or (away and change.node not in self._losses.lost):
                self._observe()
                return

    def _observe(self) -> None:
        before, cache = self._losses, self._cache
        leases = {name: node.lease for name, node in cache.nodes.items() if node.lease is not None}
        away = [node for name, node in cache.nodes.items() if name not in leases]
        seen = Sighting(
            ready=frozenset(leases),
            holding=frozenset(node.name for node in away if cache.bound_to(node.name)),
            known=frozenset(node.name for node in away),
            confirmed=frozenset(
                node.name
                for node in away
                if node.spec is not None and node.spec.metadata.annotations.get(OUT_OF_SERVICE) == "true"
            ),
            maintained=frozenset(name for name, node in cache.nodes.items() if node.maintenance is not None),
            period=max((lease.ttl for lease in leases.values()), default=0.0),
        )
        self._losses = observe(before, seen, self._clock.monotonic())
        self._changed |= before.differing(self._losses)
