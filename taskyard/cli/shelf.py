"""Where each kind is kept on the server: how it is listed, fetched, watched, and shown as rows.

The commands that work on any kind (`get`, `events`, completion) go through this and never ask which kind it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from taskyard.cli.kinds import Kind
from taskyard.cli.rows import (
    AUTOSCALE_COLUMNS,
    EVENT_COLUMNS,
    JOB_COLUMNS,
    NODE_COLUMNS,
    OBJECT_COLUMNS,
    SERVICE_COLUMNS,
    TASK_COLUMNS,
    Column,
)
from taskyard.client.api import Client
from taskyard.client.selection import EventSelection, Selection
from taskyard.client.service_views import ServiceView
from taskyard.client.views import EventView, JobView, NodeView, ObjectView, TaskView, View
from taskyard.client.watch import Change, Item, Items, Patience

V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[V]):
    kind: Kind
    list_kind: str
    """What a list of them calls itself: `TaskList`."""
    columns: list[Column[V]]
    find: Callable[[Selection], Items[V]]
    fetch: Callable[[str, str], Item[V]]
    """By namespace and name; raises NotFound."""
    watch: Callable[[Selection, Patience], Iterator[list[Change[V]]]]
    label: Callable[[V], str]
    """`task/web`"""


def shelf(client: Client, kind: Kind) -> Shelf[Any]:
    if kind is Kind.TASK:
        return tasks(client)
    if kind is Kind.SERVICE:
        return services(client)
    if kind is Kind.JOB:
        return jobs(client)
    if kind in OBJECT_COLUMNS:
        return objects(client, kind)
    return nodes(client) if kind is Kind.NODE else events(client, EventSelection())


def tasks(client: Client) -> Shelf[TaskView]:
    return Shelf(
        Kind.TASK,
        "TaskList",
        TASK_COLUMNS,
        client.tasks,
        client.task,
        client.watch_tasks,
        lambda task: f"task/{task.metadata.name}",
    )


def services(client: Client) -> Shelf[ServiceView]:
    return Shelf(
        Kind.SERVICE,
        Kind.SERVICE.names.list_kind,
        SERVICE_COLUMNS,
        client.services,
        client.service,
        client.watch_services,
        lambda service: f"service/{service.metadata.name}",
    )


def autoscalers(client: Client) -> Shelf[ServiceView]:
    """Services that are autoscaled, by what they go by."""

    def find(selection: Selection) -> Items[ServiceView]:
        found = client.services(selection)
        return Items([item for item in found.items if item.view.status.autoscale is not None], found.revision)

    return replace(services(client), columns=AUTOSCALE_COLUMNS, find=find)


def jobs(client: Client) -> Shelf[JobView]:
    return Shelf(
        Kind.JOB,
        Kind.JOB.names.list_kind,
        JOB_COLUMNS,
        client.jobs,
        client.job,
        client.watch_jobs,
        lambda job: f"job/{job.metadata.name}",
    )


def objects(client: Client, kind: Kind) -> Shelf[ObjectView]:
    names = kind.names
    return Shelf(
        kind,
        names.list_kind,
        OBJECT_COLUMNS[kind],
        partial(client.objects, names),
        partial(client.object, names),
        partial(client.watch_objects, names),
        lambda found: f"{kind}/{found.metadata.name}",
    )


def nodes(client: Client) -> Shelf[NodeView]:
    return Shelf(
        Kind.NODE,
        "NodeList",
        NODE_COLUMNS,
        client.nodes,
        lambda _namespace, name: client.node(name),
        client.watch_nodes,
        lambda node: f"node/{node.metadata.name}",
    )


def events(client: Client, wanted: EventSelection) -> Shelf[EventView]:
    def fetch(_namespace: str, name: str) -> Item[EventView]:
        from taskyard.cli.failure import Failed

        raise Failed(
            f"events have no names of their own ('{name}')", "one object's are: taskyard events --for task/web"
        )

    def listed(selection: Selection) -> Items[EventView]:
        found = client.events(replace(wanted, namespace=selection.namespace))
        return Items(sorted(found.items, key=lambda item: item.view.last_seen), found.revision)

    return Shelf(
        Kind.EVENT,
        "EventList",
        EVENT_COLUMNS,
        listed,
        fetch,
        lambda selection, patience: client.watch_events(replace(wanted, namespace=selection.namespace), patience),
        lambda event: f"event/{event.about.kind.lower()}.{event.about.name}.{event.reason}",
    )
