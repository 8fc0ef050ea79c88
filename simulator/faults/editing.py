"""Edits that meet what they change at a bad moment."""

from __future__ import annotations

from msgspec.structs import replace

from simulator.faults.scene import Scene
from simulator.specs import LOCAL, loners
from taskyard.objects import Restart, TaskSpec

_BRIEF = 3
"""Tasks."""
_AT_ONCE = 4
_LATE = 4.0
"""Seconds."""


def outlived(scene: Scene) -> str:
    """Tasks that end by themselves are edited a moment before, and the leader hears of the end after it has bound the
    edited version in the place of the one before: what that had is not free, though others wait for it."""
    mirror = scene.cluster.checker.mirror
    running = {held.name for here in mirror.assignments.values() for held in here.values() if not held.spec.run_once}
    names = sorted(running.intersection(scene.users.tasks))
    if scene.cluster.leader() is None or not names:
        return ""
    chosen = scene.random.sample(names, k=min(len(names), _BRIEF))

    def edit(change: TaskSpec) -> TaskSpec:
        return replace(change, env={"VERSION": str(scene.random.randrange(1000))})

    def end_soon(spec: TaskSpec) -> TaskSpec:
        return replace(edit(spec), image=LOCAL, args=["brief"], restart=Restart(policy="never"), health_check=None)

    for name in chosen:
        scene.users.edit(scene.random, name, end_soon)

    def hear_late() -> None:
        leader = scene.cluster.leader()
        if leader is None or scene.cluster.healed:
            return
        delivery = leader.store.delivery
        delivery.lag, delivery.steady = _LATE, True
        scene.cluster.note(f"{leader.name} hears news just {_LATE:g} s late")

        def heal() -> None:
            delivery.lag = 0.0
            delivery.awake(0.0)

        scene.cluster.later(2.5 * _LATE, heal)

    def edit_all() -> None:
        for name in chosen if not scene.cluster.healed else ():
            scene.users.edit(scene.random, name, edit)

    scene.cluster.later(4.5, hear_late)
    scene.cluster.later(6.0, edit_all)
    return f"{', '.join(chosen)} are to end by themselves soon"


def important(scene: Scene) -> str:
    """Where room is short, more that is important at once than there is room for: others are stopped for it, one after
    the other, while the first of them are still on their way out."""
    if not scene.users.contends:
        return ""
    names = scene.random.sample(loners(scene.users.tasks), k=_AT_ONCE)

    def raised(spec: TaskSpec) -> TaskSpec:
        resources = replace(spec.resources, cpu="1")
        return replace(spec, priority=10, min_available=0, resources=resources, node_selector={}, image=LOCAL)

    for name in names:
        scene.users.edit(scene.random, name, raised)
    return f"{', '.join(names)} are important now"
