"""How each kind that is no task is shown: its spec, and what the cluster makes of it. Pure over the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controlplane.api.shown.objects import ShownObject, show_metadata
from controlplane.cluster import ClusterCache
from controlplane.crons.gather import standing as cron_standing
from controlplane.jobs.standing import standing as job_standing
from controlplane.placement.quotas import used_by
from controlplane.services.standing import standing
from taskyard.objects import AnyObject, Cron, Job, Namespace, Quota, Secret, Service, Wire
from taskyard.quantity import format_bytes, format_cpu


class ShownSecretStatus(Wire, frozen=True, kw_only=True):
    """`sizes`: bytes of each value, by name. The values themselves are in no answer."""

    sizes: dict[str, int]


class ShownNamespaceStatus(Wire, frozen=True, kw_only=True):
    """`used`: of its quota, by all of its tasks that have a node; in the quota's units."""

    used: Quota


def show_object(cache: ClusterCache, value: AnyObject, revision: int) -> ShownObject:
    """Under the cache's lock."""
    spec, status = _SHOW[value.kind](cache, value) if value.kind in _SHOW else (value.spec, None)
    return ShownObject(kind=value.kind, metadata=show_metadata(value.metadata, revision), spec=spec, status=status)


def _secret(_: ClusterCache, value: AnyObject) -> tuple[Any, Any]:
    assert isinstance(value, Secret)
    return None, ShownSecretStatus(sizes={name: len(text.encode()) for name, text in sorted(value.spec.data.items())})


def _service(cache: ClusterCache, value: AnyObject) -> tuple[Any, Any]:
    assert isinstance(value, Service)
    return value.spec, standing(cache, value)


def _job(cache: ClusterCache, value: AnyObject) -> tuple[Any, Any]:
    assert isinstance(value, Job)
    return value.spec, job_standing(cache, value)


def _cron(cache: ClusterCache, value: AnyObject) -> tuple[Any, Any]:
    assert isinstance(value, Cron)
    return value.spec, cron_standing(cache, value)


def _namespace(cache: ClusterCache, value: AnyObject) -> tuple[Any, Any]:
    """Without a quota nothing is counted: that costs a look at every task."""
    assert isinstance(value, Namespace)
    if value.spec.quota == Quota():
        return value.spec, None
    had = used_by(cache, value.metadata.name)
    used = Quota(cpu=format_cpu(had.cpu), memory=format_bytes(had.memory), disk=format_bytes(had.disk), tasks=had.tasks)
    return value.spec, ShownNamespaceStatus(used=used)


_SHOW: dict[str, Callable[[ClusterCache, AnyObject], tuple[Any, Any]]] = {
    "Secret": _secret,
    "Service": _service,
    "Job": _job,
    "Cron": _cron,
    "Namespace": _namespace,
}
"""By kind: spec and status; of any other kind the spec as it is, and no status."""
