"""Nothing is applied whose tasks would be beyond their namespace's limits: as they are, or as the same apply has them.

What gets past, because the limits are written meanwhile, or were and the cache is late, gets no node: see
`controlplane.limits`.
"""

from __future__ import annotations

from controlplane.admission.decide import Refused
from controlplane.limits import beyond_of, templates_of
from taskyard.objects import AnyObject, TaskLimits, key_of


def beyond_limits(value: AnyObject, existing: AnyObject | None, limits: TaskLimits) -> Refused | None:
    """What was accepted under other limits may stay, and be scaled or labelled."""
    made = templates_of(value)
    if not made or (existing is not None and made == templates_of(existing)):
        return None
    found = beyond_of(limits, value)
    if not found:
        return None
    namespace = value.metadata.namespace
    return Refused(
        "BeyondLimits",
        f"{key_of(value).label} is beyond the limits of namespace {namespace}: {'; '.join(found)}",
        f"change that, or spec.limits of namespace/{namespace}",
    )
