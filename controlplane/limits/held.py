"""Which tasks get no node because of their namespace's limits: those that came past admission. Pure over the cache.

Put by hand, made from a template that is older than the limits, or written while these were. What runs is left alone.
"""

from __future__ import annotations

from controlplane.cluster import ClusterCache, TaskRecord
from controlplane.limits.beyond import beyond
from controlplane.limits.loosened import asks_for_more
from taskyard.keys import ObjectKey
from taskyard.objects import Namespace, TaskLimits

_UNSAID = TaskLimits()


def held_by_limits(cache: ClusterCache, record: TaskRecord) -> str:
    """A sentence that says what is beyond them, and what to do; empty when nothing is, or it has a node for this spec.

    Call it under the cache's lock.
    """
    namespace = record.task.metadata.namespace
    known = cache.objects.get(ObjectKey("Namespace", "default", namespace))
    limits = known.value.spec.limits if known and isinstance(known.value, Namespace) else _UNSAID
    if limits == _UNSAID and not asks_for_more(record.task.spec):
        return ""
    binding = record.task.binding
    if binding is not None and binding.spec_hash == record.spec_hash:
        return ""
    found = beyond(limits, record.task.spec)
    if not found:
        return ""
    return (
        f"beyond the limits of namespace {namespace}: {'; '.join(found)}; change that, or spec.limits of the namespace"
    )
