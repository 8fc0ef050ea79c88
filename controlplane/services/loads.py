"""What an autoscaled service goes by: what its tasks used, as their agents measured it. Under the cache's lock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from controlplane.cluster import ClusterCache
from controlplane.services.scaling import Load, bound
from controlplane.services.slots import SlotTask
from taskyard.keys import NamedKey
from taskyard.objects import Autoscale, NodeStats, Rollout, Service, Task, TaskUsage
from taskyard.quantity import byte_count, cpu_millis

Reader = Callable[[str], NodeStats | None]
"""By node: decoding is dear, and many tasks share one."""


def scaled(service: Service, rollout: Rollout | None) -> Service:
    """With the replicas that its autoscaler has decided on, in place of those that it declares."""
    scale = rollout.scale if rollout is not None else None
    autoscale = service.spec.autoscale
    if autoscale is None:
        return service
    replicas = bound(autoscale, scale.replicas if scale is not None else service.spec.replicas)
    return replace(service, spec=replace(service.spec, replicas=replicas))


def reader(cache: ClusterCache) -> Reader:
    """Decodes each node's once; for one look."""
    known: dict[str, NodeStats | None] = {}

    def read(node: str) -> NodeStats | None:
        if node not in known:
            record = cache.nodes.get(node)
            known[node] = record.stats if record is not None else None
        return known[node]

    return read


def loads_of(
    cache: ClusterCache, autoscale: Autoscale, replicas: int, tasks: Sequence[SlotTask], read: Reader
) -> list[Load]:
    """Of the tasks of its slots, those that are still to come included. One that is not ready says nothing."""
    usages = [_usage(cache, each, read) for each in tasks if _counts(each, replicas)]
    missing = (None,) * (replicas - len(usages))
    found = []
    for name, target in (("cpu", autoscale.cpu), ("memory", autoscale.memory)):
        if target is not None:
            values = (*(_percent(name, *each) if each is not None else None for each in usages), *missing)
            found.append(Load(name, target, values))
    for metric in autoscale.metrics:
        told = [_told(metric.name, *each) if each is not None else None for each in usages]
        why = next((text for each in usages if each is not None and (text := _unread(metric.name, *each))), "")
        found.append(Load(metric.name, metric.target, (*told, *missing), "", why))
    return found


def _counts(each: SlotTask, replicas: int) -> bool:
    return not each.going and each.slot.isdecimal() and int(each.slot) < replicas


def _usage(cache: ClusterCache, each: SlotTask, read: Reader) -> tuple[Task, TaskUsage] | None:
    metadata = each.task.metadata
    record = cache.tasks.get(NamedKey(metadata.namespace, metadata.name))
    stats = read(record.node) if record is not None and record.node and each.ready else None
    usage = stats.tasks.get(metadata.uid) if stats is not None else None
    return (each.task, usage) if usage is not None else None


def _percent(name: str, task: Task, usage: TaskUsage) -> float | None:
    """Of what the task set aside; None where it set nothing aside."""
    resources = task.spec.resources
    if name == "cpu":
        used, whole = usage.cpu_millis, cpu_millis(resources.cpu) if resources.cpu else 0
    else:
        used, whole = usage.memory_bytes, byte_count(resources.memory) if resources.memory else 0
    return max(used, 0) / whole * 100 if whole else None


def _told(name: str, _task: Task, usage: TaskUsage) -> float | None:
    """What somebody put there by hand may be any number."""
    value = usage.metrics.get(name)
    return None if value is None or not math.isfinite(value) else max(value, 0.0)


def _unread(name: str, task: Task, usage: TaskUsage) -> str:
    return f"task/{task.metadata.name}: {usage.unread[name]}" if name in usage.unread else ""
