"""What reads and writes the objects of each kind over one cache: that of the cluster as it is, or as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controlplane.admission import NodeWriter, ObjectWriter
from controlplane.api.http.freshness import Freshness
from controlplane.api.objects.nodes_service import NodeService
from controlplane.api.objects.objects_service import ObjectService, ServiceOf, Services
from controlplane.api.objects.tasks_service import TaskService
from controlplane.cluster import ClusterCache
from controlplane.nodeloss import NodeLosses
from controlplane.placement import PendingReasons
from taskyard.clock import Clock
from taskyard.kinds import OBJECT_KINDS
from taskyard.store.api import Store


@dataclass(frozen=True, slots=True)
class Readers:
    """`kinds`: tasks among them."""

    writer: ObjectWriter
    tasks: TaskService
    kinds: Services
    nodes: NodeService


def readers_over(cache: ClusterCache, store: Store, clock: Clock, freshness: Freshness, losses: NodeLosses) -> Readers:
    """Create them before the cache is filled."""
    writer = ObjectWriter(store, clock, guess=cache.informer.entries.get)
    tasks = TaskService(cache, writer, freshness, PendingReasons(cache, clock), clock, losses)
    kinds: dict[str, ServiceOf[Any]] = {
        kind: ObjectService(kind, cache, writer, freshness) for kind in OBJECT_KINDS if kind != "Task"
    }
    nodes = NodeService(cache, NodeWriter(store, clock), freshness)
    return Readers(writer, tasks, {**kinds, "Task": tasks}, nodes)
