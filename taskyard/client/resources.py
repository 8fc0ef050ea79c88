"""What can be listed and watched."""

from __future__ import annotations

from taskyard.client.service_views import ServiceView
from taskyard.client.views import EndpointsView, EventView, JobView, NodeView, ObjectView, TaskView
from taskyard.client.watch import Resource
from taskyard.kinds import KindNames

TASKS = Resource("/tasks", TaskView, lambda task: f"{task.metadata.namespace}/{task.metadata.name}")
NODES = Resource("/nodes", NodeView, lambda node: node.metadata.name)
SERVICES = Resource("/services", ServiceView, lambda service: f"{service.metadata.namespace}/{service.metadata.name}")
JOBS = Resource("/jobs", JobView, lambda job: f"{job.metadata.namespace}/{job.metadata.name}")
ENDPOINTS = Resource("/endpoints", EndpointsView, lambda found: f"{found.metadata.namespace}/{found.metadata.name}")
EVENTS = Resource(
    "/events",
    EventView,
    lambda event: "\0".join(
        (event.namespace, event.about.kind, event.about.name, event.component, event.reason, event.message)
    ),
)


def objects_of(names: KindNames) -> Resource[ObjectView]:
    """Of any kind that is kept whole under one key."""
    return Resource(f"/{names.plural}", ObjectView, lambda found: f"{found.metadata.namespace}/{found.metadata.name}")
