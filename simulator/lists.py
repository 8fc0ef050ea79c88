"""Somebody who lists all tasks and nodes again and again: each is shown there as it is shown alone.

A list is made ahead, from what a control plane hears of; what one object looks like is worked out when it is asked.
"""

from __future__ import annotations

from typing import Protocol

from controlplane.api.shown.objects import show_node
from simulator.driver import Driver
from simulator.plane import PlaneProcess
from simulator.story import Violation

LISTED_EVERY = 10.0
"""Seconds."""


class World(Protocol):
    driver: Driver

    def planes(self) -> list[PlaneProcess]: ...


def list_all(world: World) -> float:
    """From every control plane that answers; seconds until the next time."""
    for plane in world.planes():
        try:
            _check(plane)
        except Violation as found:
            world.driver.fail(found)
    return LISTED_EVERY


def _check(plane: PlaneProcess) -> None:
    cache, tasks, nodes = plane.cache, plane.tasks, plane.nodes
    if not plane.informer.synced:
        return
    tasks.feed.begin()
    nodes.feed.begin()
    for key in sorted(tasks.feed.shown.keys() | cache.tasks.keys()):
        if tasks.feed.shown.get(key) != tasks.show(key):
            raise Violation(f"{plane.name} lists {key.name} otherwise than it shows it", key.name)
    for name in sorted(nodes.feed.shown.keys() | cache.nodes.keys()):
        record = cache.nodes.get(name)
        if nodes.feed.shown.get(name) != (show_node(cache, record) if record is not None else None):
            raise Violation(f"{plane.name} lists {name} otherwise than it shows it", name)
