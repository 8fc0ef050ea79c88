"""Tasks that stand in for those which a drain or a maintenance drives off their nodes: they are started first.

The service controller makes one for each such task of a service with `order: start-first`, `maxSurge` at a time, and
takes it away once the task is available on another node. While it updates the service it moves what has the old
template by that. Evictions ask here how far the stand-in is.
Pure over the cache, under its lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from controlplane.cluster import ClusterCache, TaskRecord, view
from controlplane.cluster.effective import runs
from controlplane.cluster.rules import pinned
from controlplane.services.ready import is_ready
from controlplane.services.slots import task_name
from taskyard.annotations import STANDS_IN_FOR
from taskyard.keys import NamedKey, ObjectKey
from taskyard.objects import DRAIN_TAINT, MAINTENANCE_TAINT, Service, Task
from taskyard.objects.service import SLOT
from taskyard.tolerations import patience

Stage = Literal["none", "queued", "updating", "unplaced", "starting", "ready"]


@dataclass(frozen=True, slots=True)
class StandIn:
    """How far it is. `none`: it has not been made; `queued`: nor has it, as others of the service are made first;
    `updating`: as an update of the service is under way."""

    stage: Stage
    service: Service
    name: str = ""
    life: str = ""
    """Its uid and epoch: another one begins anew."""


def leaves(cache: ClusterCache, service: Service, record: TaskRecord) -> bool:
    """It is ready and driven off its node, and another one may run before it is stopped."""
    node = cache.nodes.get(record.node)
    update, spec = service.spec.update, record.task.spec
    if node is None or service.spec.mode == "per-node" or update.order != "start-first" or not update.surge:
        return False
    driven = [each for each in node.taints if each in (DRAIN_TAINT, MAINTENANCE_TAINT)]
    if all(patience(spec.tolerations, taint) is not None for taint in driven) or pinned(spec):
        return False
    return runs(cache, record) and is_ready(cache, record, view(cache, record))


def stand_in_of(cache: ClusterCache, record: TaskRecord) -> StandIn | None:
    """None: nothing stands in for this task, nor is to."""
    owner = record.task.metadata.owner
    found = cache.objects.get(ObjectKey("Service", record.key.namespace, owner.name)) if owner is not None else None
    service = found.value if found is not None else None
    if not isinstance(service, Service) or owner is None or service.metadata.uid != owner.uid:
        return None
    if service.metadata.deletion_timestamp or record.task.metadata.annotations.get(STANDS_IN_FOR):
        return None
    if not leaves(cache, service, record):
        return None
    others = [each for each in _stand_ins(cache, owner.uid) if not each.task.metadata.deletion_timestamp]
    slot = record.task.metadata.labels.get(SLOT)
    mine = next((each for each in others if each.task.metadata.annotations[STANDS_IN_FOR] == slot), None)
    if mine is None:
        placed = any(each.task.binding is not None for each in others)
        waits: Stage = "updating" if _is_updated(cache, service) else "queued" if placed else "none"
        return StandIn(waits, service)
    binding = mine.task.binding
    if binding is None:
        return StandIn("unplaced", service, mine.key.name, mine.uid)
    ready = runs(cache, mine) and is_ready(cache, mine, view(cache, mine))
    return StandIn("ready" if ready else "starting", service, mine.key.name, f"{mine.uid}/{binding.epoch}")


def stood_in_for(task: Task) -> NamedKey | None:
    """The task for which this one stands in."""
    metadata, slot = task.metadata, task.metadata.annotations.get(STANDS_IN_FOR, "")
    if not slot or metadata.owner is None:
        return None
    return NamedKey(metadata.namespace, task_name(metadata.owner.name, slot, per_node=False))


def _is_updated(cache: ClusterCache, service: Service) -> bool:
    record = cache.rollouts.get(NamedKey(service.metadata.namespace, service.metadata.name))
    rollout = record.rollout if record is not None else None
    return rollout is not None and rollout.service_uid == service.metadata.uid and rollout.phase.under_way


def _stand_ins(cache: ClusterCache, uid: str) -> list[TaskRecord]:
    found = (cache.tasks.get(NamedKey(key.namespace, key.name)) for key in cache.owned_by(uid) if key.kind == "Task")
    return [each for each in found if each is not None and each.task.metadata.annotations.get(STANDS_IN_FOR)]
