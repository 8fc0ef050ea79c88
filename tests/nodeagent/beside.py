"""A node on which tasks have sidecars, and what was asked of their containers."""

from __future__ import annotations

from typing import Any

from nodeagent.runtime.fake_program import Program
from taskyard.objects import SidecarStatus
from tests.nodeagent.world import UID, World

PROXY, SHIPPER, SHORT, WORK = ("proxy",), ("shipper",), ("short",), ("work",)

BESIDE: list[dict[str, Any]] = [
    {"name": "proxy", "args": PROXY, "env": {"A": "proxy"}, "resources": {"cpu": "250m", "memory": "32Mi"}},
    {"name": "shipper", "image": "tool:1", "args": SHIPPER, "start": "after"},
]

ALL = ["1-1", "1-1-net", "1-1-side1", "1-1-side2"]


def a_world() -> World:
    world = World(programs={SHORT: Program(runs=3.0, exit_code=2), WORK: Program(runs=10.0)})
    world.runtime.registry.add("tool:1")
    return world


def running(world: World) -> list[str]:
    return [name.removeprefix(f"ty-{UID}-") for name in world.running()]


def done(world: World, *kinds: str) -> list[str]:
    """What was asked of which container, in order."""
    names = {one.id: one.name.removeprefix(f"ty-{UID}-") for one in world.containers()}
    calls = [call.split() for call in world.runtime.calls]
    return [names.get(call[1], "gone") for call in calls if call[0] in kinds]


def beside(world: World) -> dict[str, SidecarStatus]:
    return {one.name: one for one in world.status().sidecars}
