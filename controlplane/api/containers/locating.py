"""Which agent has the container of a task, or why there is none. Used by the routes that look into containers."""

from __future__ import annotations

from controlplane.api.containers.agents import AgentOf
from controlplane.api.http.problem import ApiError, unavailable
from controlplane.api.objects.tasks_service import TaskService
from controlplane.cluster import view
from taskyard.objects import TaskState


def locate(service: TaskService, ident: str, namespace: str, *, running: bool = False) -> AgentOf:
    """Raises ApiError: 404 for no such task, 409 while there is no container (or, for `running`, none that runs), 503
    when its node is gone. Blocking, for worker threads."""
    service.ready()
    cache = service.cache
    with cache.lock:
        record = service.find(ident, namespace)
        status = view(cache, record, service.why)
        node = cache.nodes.get(status.node) if status.node else None
    name = f"task/{record.task.metadata.name}"
    awaited = f"{name} has no container yet, it is {status.state}" + (f": {status.message}" if status.message else "")
    if status.state in (TaskState.PENDING, TaskState.SCHEDULED):
        raise ApiError(409, "NoContainer", awaited)
    if node is None or node.lease is None:
        detail = f"{name} ran on node {status.node}, which is gone; ask again once the node is back"
        raise unavailable(detail, "NodeLost", retry_after=10)
    if running and status.state not in (TaskState.STARTING, TaskState.RUNNING, TaskState.STOPPING):
        why = f": {status.message}" if status.message else ""
        raise ApiError(409, "NotRunning", f"{name} does not run, it is {status.state}{why}")
    return AgentOf(record.uid, node.name, node.lease, awaited if status.state is TaskState.STARTING else "")
