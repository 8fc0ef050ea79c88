"""Nodes with little room, and tasks that want it."""

from __future__ import annotations

import msgspec

from controlplane.cluster.effective import view
from controlplane.placement import PendingReasons
from taskyard import keys
from taskyard.keys import NamedKey
from taskyard.objects import (
    Event,
    TaskSpec,
    decode,
)
from tests.support.plane import GI, Plane, a_spec, a_task, a_uid


def plane_with(nodes: int = 1) -> Plane:
    plane = Plane()
    for number in range(nodes):
        plane.add_node(f"n{number + 1}", memory=4 * GI)
    plane.lead()
    return plane


def add(plane: Plane, number: int, name: str, memory: str, priority: int = 0, **changes: object) -> None:
    spec: TaskSpec = msgspec.structs.replace(a_spec(memory=memory, priority=priority), **changes)
    plane.add_task(a_task(name, a_uid(number), spec, created=number))
    plane.live(1)


def shown(plane: Plane, name: str) -> tuple[str, str]:
    plane.pump()
    record = plane.cache.tasks[NamedKey("default", name)]
    status = view(plane.cache, record, PendingReasons(plane.cache, plane.clock))
    return status.state, status.reason


def events(plane: Plane, reason: str, name: str = "") -> list[str]:
    plane.events.flush()
    found = [decode(entry.value, Event) for entry in plane.store.list(keys.EVENTS).entries]
    return [event.message for event in found if event.reason == reason and name in ("", event.about.name)]


def revisions(plane: Plane, *where: str) -> set[int]:
    """Those of the last writes there; one: they were written together."""
    found = set()
    for key in where:
        entry = plane.store.get(key)
        assert entry is not None, key
        found.add(entry.mod_revision)
    return found
