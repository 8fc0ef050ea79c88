"""A tag that stands for something else from one moment to the next."""

from __future__ import annotations

from simulator.faults.scene import Scene
from simulator.specs import MOVING


def push(scene: Scene) -> str:
    """Somebody pushes it twice, and services are changed meanwhile."""

    def again() -> None:
        if not scene.cluster.healed:
            scene.cluster.note(f"{MOVING} stands for {scene.cluster.registry.push()}")

    scene.cluster.later(scene.random.uniform(0.5, 6.0), scene.rush_services)
    scene.cluster.later(scene.random.uniform(1.0, 12.0), again)
    return f"{MOVING} stands for {scene.cluster.registry.push()}"


def sweep(scene: Scene) -> str:
    """The tag is pushed, and its registry throws away what it stood for before, which services may have still."""
    told = scene.cluster.registry.push()
    scene.cluster.registry.sweep()
    scene.cluster.later(scene.random.uniform(0.5, 6.0), scene.rush_services)
    return f"{MOVING} stands for {told}, and what it stood for is gone"
