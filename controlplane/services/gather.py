"""What is known of a service's tasks, from the cache: for the controller and for what the API shows. Under the lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from controlplane.cluster import CacheChange, ClusterCache, EffectiveStatus, NodeRecord, unread, view
from controlplane.services.ready import is_ready
from controlplane.services.slots import SlotTask, task_name
from controlplane.services.standins import leaves
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import Rollout, Service, TaskState
from taskyard.objects.service import SLOT
from taskyard.objects.status import IMAGE_UNFETCHED

_SPARE = 100
"""Of a surge, at most."""
_CRASHES = 3
"""Restarts after which a task that is not ready is taken not to become so."""
_LONGEST_LABEL = 63


def slot_tasks(
    cache: ClusterCache, service: Service, ready_for: Callable[[str, bool], float] = lambda _uid, _ready: 0.0
) -> list[SlotTask]:
    """In the order of their slots. `ready_for` is told the uid of each, with its epoch, and whether it is ready."""
    found = []
    for key in cache.owned_by(service.metadata.uid):
        record = cache.tasks.get(NamedKey(key.namespace, key.name)) if key.kind == "Task" else None
        slot = record.task.metadata.labels.get(SLOT, "") if record is not None else ""
        if record is None or not slot:
            continue
        status = view(cache, record)
        settled = record.task.binding is not None and record.task.binding.spec_hash == record.spec_hash
        ready = settled and is_ready(cache, record, status)
        found.append(
            SlotTask(
                slot,
                record.task,
                record.entry,
                ready,
                ready_for(f"{record.uid}/{status.epoch}", ready),
                _trouble(status) if settled and not ready else "",
                status.image_digest if settled and status.state is TaskState.RUNNING else "",
                status.message if settled and status.reason == IMAGE_UNFETCHED else "",
                ready and leaves(cache, service, record),
            )
        )
    return sorted(found, key=lambda each: _order(each.slot))


def rollout_of(cache: ClusterCache, service: Service) -> Rollout | None:
    """This very service's, not that of an earlier one by the same name."""
    record = cache.rollouts.get(NamedKey(service.metadata.namespace, service.metadata.name))
    return record.rollout if record is not None and record.rollout.service_uid == service.metadata.uid else None


def unread_record(cache: ClusterCache, service: NamedKey) -> str:
    """What holds the service, and what to do, where nobody can read its revisions and how far it is; empty: nothing."""
    why = unread(
        cache, keys.rollout(*service), "to have the service begin anew, without its revisions, with what it declares"
    )
    return why and f"none of its tasks is made, changed or removed, as {why}"


def services_on(cache: ClusterCache, node: str) -> list[NamedKey]:
    """The services that have a task bound to this node."""
    bound = [record.task.metadata for record in cache.bound_to(node)]
    return [NamedKey(m.namespace, m.owner.name) for m in bound if m.owner is not None and m.owner.kind == "Service"]


def services_touched(cache: ClusterCache, change: CacheChange) -> list[NamedKey]:
    """What is shown of a service hangs on its tasks, and on whether their nodes are there."""
    named = [key for key in (change.object, change.owner) if key is not None and key.kind == "Service"]
    on_node = services_on(cache, change.node) if change.kind == "node" else []
    return [*(NamedKey(*key[1:]) for key in named), *on_node]


def slots_of(
    cache: ClusterCache, service: Service, tasks: Sequence[SlotTask], given_up: Set[str] = frozenset()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that are to be there, and those that a surge may use. `given_up`: nodes that are not waited for."""
    if service.spec.mode == "per-node":
        present = {each.slot for each in tasks}
        nodes = [name for name, node in cache.nodes.items() if _takes(node, service, name in present, given_up)]
        return tuple(sorted(nodes)), ()
    count = service.spec.replicas
    return tuple(map(str, range(count))), tuple(map(str, range(count, count + _SPARE)))


def taken_slots(cache: ClusterCache, service: Service, slots: tuple[str, ...]) -> frozenset[str]:
    """Slots whose name is that of a task which is not the service's."""
    metadata, per_node = service.metadata, service.spec.mode == "per-node"
    found = set()
    for slot in slots:
        record = cache.tasks.get(NamedKey(metadata.namespace, task_name(metadata.name, slot, per_node=per_node)))
        owner = record.task.metadata.owner if record is not None else None
        if record is not None and (owner is None or owner.uid != metadata.uid):
            found.add(slot)
    return frozenset(found)


def _takes(node: NodeRecord, service: Service, present: bool, given_up: Set[str]) -> bool:
    """A node that is away, cordoned, drained or in maintenance keeps the task that it has and gets none."""
    if node.lease is None or len(node.name) > _LONGEST_LABEL:
        return present and node.name not in given_up
    closed = node.drain is not None or node.maintenance is not None or (node.spec is not None and node.spec.cordoned)
    if closed and not present:
        return False
    labels = node.labels
    return all(labels.get(key) == value for key, value in service.spec.template.spec.node_selector.items())


def _trouble(status: EffectiveStatus) -> str:
    if status.state is TaskState.FAILED:
        return f"failed: {status.message or status.reason}"
    if (status.restarts or 0) >= _CRASHES and status.state is not TaskState.RUNNING:
        return f"was started {status.restarts} times again and does not stay up: {status.message or status.reason}"
    return ""


def _order(slot: str) -> tuple[int, int, str]:
    return (0, int(slot), "") if slot.isdecimal() else (1, 0, slot)
