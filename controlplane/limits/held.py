"""Which tasks get no node because of their namespace's limits: those that came past admission. Pure over the cache.

Put by hand, made from a template that is older than the limits, or written while these were. What runs is left alone.
"""

from __future__ import annotations

from controlplane.cluster import ClusterCache, TaskRecord
from controlplane.limits.beyond import beyond
from taskyard.keys import ObjectKey
from taskyard.objects import Namespace, TaskLimits


def held_by_limits(cache: ClusterCache, record: TaskRecord) -> str:
    """A sentence that says what is beyond them, and what to do; empty when nothing is, or it has a node for this spec.

    Call it under the cache's lock.
    """
    namespace = record.task.metadata.namespace
    known = cache.objects.get(ObjectKey("Namespace", "default", namespace))
    if known is None or not isinstance(known.value, Namespace) or known.value.spec.limits == TaskLimits():
        return ""
    binding = record.task.binding
    if binding is not None and binding.spec_hash == record.spec_hash:
        return ""
    found = beyond(known.value.spec.limits, record.task.spec)
    if not found:
        return ""
    return (
        f"beyond the limits of namespace {namespace}: {'; '.join(found)}; change that, or spec.limits of the namespace"
    )
