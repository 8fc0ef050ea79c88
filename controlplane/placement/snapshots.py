"""Snapshots of the cache's nodes that cost what changed since the last one, not what there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import is_not

from controlplane.cluster import CacheChange, ClusterCache, NodeRecord, Usage
from controlplane.placement.homes import HomeKeeper
from controlplane.placement.nodes import NodeFacts, NodeState, Snapshot
from controlplane.placement.quotas import Allowance, allowance_of
from taskyard.objects import Amounts, Namespace, NodeLease, NodeSpec, Quota


class SnapshotKeeper:
    """Subscribes to the cache; each reader that wants snapshots of its own pace has one of its own."""

    def __init__(self, cache: ClusterCache) -> None:
        self._cache = cache
        self._dirty: set[str] = set()
        self._snapshot: Snapshot | None = None
        self._facts: dict[str, tuple[tuple[NodeLease | None, int, NodeSpec | None], NodeFacts]] = {}
        """By node, with what they were read from."""
        self._quotas: dict[str, Allowance] | None = None
        self._homes = HomeKeeper(cache)
        cache.on_change(self._mark, ("node", "assignment", "status", "object"))

    def take(self) -> Snapshot:
        """The nodes as of the cache's revision; the same object as before when nothing that matters has changed."""
        with self._cache.lock:
            if self._snapshot is None:
                nodes = {name: self._state(node) for name, node in self._cache.nodes.items()}
                self._snapshot = Snapshot(self._cache.revision, nodes, self._cache.strategy)
            elif self._dirty:
                changed = {name: self._read(name) for name in self._dirty}
                known = self._snapshot.nodes
                if any(known.get(name) != state for name, state in changed.items()):
                    merged = {**known, **changed}
                    present = {name: state for name, state in merged.items() if state is not None}
                    self._snapshot = Snapshot(self._cache.revision, present, self._cache.strategy)
            self._dirty.clear()
            if self._quotas is None:
                self._quotas = self._read_quotas()
            if self._snapshot.quotas != self._quotas:
                self._snapshot = replace(self._snapshot, quotas=self._quotas)
            if self._snapshot.volumes is not (homes := self._homes.take()):
                self._snapshot = replace(self._snapshot, volumes=homes)
            return self._snapshot

    def _read_quotas(self) -> dict[str, Allowance]:
        found = {}
        for key, record in self._cache.objects.items():
            if isinstance(record.value, Namespace) and record.value.spec.quota != Quota():
                found[key.name] = allowance_of(record.value.spec.quota)
        return found

    def _read(self, name: str) -> NodeState | None:
        node = self._cache.nodes.get(name)
        if node is None:
            self._facts.pop(name, None)
            return None
        return self._state(node)

    def _state(self, node: NodeRecord) -> NodeState:
        """Each task that comes or goes changes a node's room; its facts are of its lease and of its spec."""
        known = self._facts.get(node.name)
        source = (node.lease, node.lease_create_revision, node.spec)
        if known is None or any(map(is_not, known[0], source)):
            known = self._facts[node.name] = source, _facts_of(node)
        return _state_of(known[1], self._cache.usage(node.name))

    def _mark(self, changes: Sequence[CacheChange]) -> None:
        for change in changes:
            if change.kind == "node" or change.room:
                self._dirty.add(change.node)
            elif change.object is not None and change.object.kind == "Namespace":
                self._quotas = None
            elif change.object is not None and change.object.kind == "Volume":
                self._homes.note(change.object)


def _facts_of(node: NodeRecord) -> NodeFacts:
    capacity = node.lease.capacity if node.lease else Amounts()
    return NodeFacts(
        name=node.name,
        ready=node.lease is not None,
        life=node.lease_create_revision,
        stopping=node.stopping,
        cordoned=node.spec is not None and node.spec.cordoned,
        labels=node.labels,
        taints=tuple(node.taints),
        capacity=capacity,
        images=frozenset(node.lease.images) if node.lease else frozenset(),
        runtime=node.lease.runtime if node.lease else "",
        version=node.lease.version if node.lease else "",
    )


def _state_of(facts: NodeFacts, usage: Usage) -> NodeState:
    capacity = facts.capacity
    return NodeState(
        facts=facts,
        cpu=capacity.cpu_millis - usage.cpu,
        memory=capacity.memory_bytes - usage.memory,
        disk=capacity.disk_bytes - usage.disk,
        nominal_cpu=capacity.cpu_millis - usage.nominal_cpu,
        nominal_memory=capacity.memory_bytes - usage.nominal_memory,
        ports=frozenset(usage.ports),
        tasks=len(usage.by_uid),
        generic={
            name: capacity.generic.get(name, 0) - usage.generic.get(name, 0)
            for name in capacity.generic.keys() | usage.generic.keys()
        },
        tenants=tuple(usage.by_uid.values()),
    )
