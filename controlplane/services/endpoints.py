"""Where a service is reached right now: by its tasks that are ready, and the ports they publish."""

from __future__ import annotations

from controlplane.cluster import ClusterCache, view
from controlplane.services.digests import has_revision
from controlplane.services.gather import rollout_of, slot_tasks
from controlplane.services.slots import SlotTask
from taskyard.keys import NamedKey
from taskyard.objects import Rollout, Service, TaskState, Wire

_ANYWHERE = ("", "0.0.0.0", "::")


class EndpointPort(Wire, frozen=True, kw_only=True):
    """`address` and `port`: where it is reached. `container`: what the program listens on."""

    name: str = ""
    container: int
    protocol: str = "tcp"
    address: str
    port: int


class Endpoint(Wire, frozen=True, kw_only=True):
    """`revision`: the service's, whose template the task has, so that a proxy can weigh; 0: none that is kept."""

    task: str
    slot: str
    node: str
    revision: int
    ports: list[EndpointPort]


def endpoints_of(cache: ClusterCache, service: Service) -> list[Endpoint]:
    """In the order of their slots, under the cache's lock. A task that is on its way out gets no more traffic, nor one
    that is ready because it has done its work: its port may be another's by now."""
    tasks = [each for each in slot_tasks(cache, service) if each.ready and not each.going]
    rollout = rollout_of(cache, service)
    return [_endpoint(cache, each, _revision(service, rollout, each)) for each in tasks if _runs(cache, each)]


def _runs(cache: ClusterCache, each: SlotTask) -> bool:
    metadata = each.task.metadata
    return view(cache, cache.tasks[NamedKey(metadata.namespace, metadata.name)]).state is TaskState.RUNNING


def _revision(service: Service, rollout: Rollout | None, each: SlotTask) -> int:
    revisions = reversed(rollout.revisions) if rollout is not None else ()
    same = (r.number for r in revisions if has_revision(service, r, each))
    return next(same, 0)


def _endpoint(cache: ClusterCache, each: SlotTask, revision: int) -> Endpoint:
    record = cache.tasks[NamedKey(each.task.metadata.namespace, each.task.metadata.name)]
    node = cache.nodes.get(record.node)
    host = node.lease.address.rpartition(":")[0] if node is not None and node.lease is not None else ""
    ports = [
        EndpointPort(
            name=port.name,
            container=port.container,
            protocol=port.protocol,
            address=host if port.address in _ANYWHERE else port.address,
            port=port.host,
        )
        for port in view(cache, record).ports
    ]
    return Endpoint(task=each.task.metadata.name, slot=each.slot, node=record.node, revision=revision, ports=ports)
