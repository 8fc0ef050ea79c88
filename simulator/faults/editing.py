"""Edits that meet what they change at a bad moment."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from simulator.faults.scene import Scene
from simulator.specs import LOCAL, labels_of, loners, movable
from taskyard.objects import NODE_NAME, Constraint, Resources, Restart, Stop, TaskSpec

_BRIEF = 3
"""Tasks."""
_AT_ONCE = 4
_LATE = 4.0
"""Seconds."""
_IN_A_ROW = 4
"""Each while the one before is still being stopped for."""


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


def outnumbered(scene: Scene) -> str:
    """Tasks of one kind, which take their time to stop, fill a node, and one more of them than is there now may not be
    missed; then others that are more important come to that node one after the other, each before what was stopped for
    the last one is gone."""
    if not scene.users.contends:
        return ""
    names, node = loners(scene.users.tasks), scene.random.choice(scene.cluster.nodes())
    app = scene.random.choice(sorted({labels_of(name)["app"] for name in names}))
    kind = [name for name in names if labels_of(name)["app"] == app]
    others = [name for name in names if name not in kind and movable(name)]
    if len(kind) < _IN_A_ROW - 1 or len(others) < _IN_A_ROW:
        return ""
    others = scene.random.sample(others, k=_IN_A_ROW)

    def filling(spec: TaskSpec, priority: int = -5, least: int = 0, program: str = "stubborn") -> TaskSpec:
        return replace(
            spec,
            image=LOCAL,
            args=[program],
            resources=Resources(cpu="100m", memory="1Gi"),
            ports=[],
            health_check=None,
            restart=Restart(),
            stop=Stop(grace_period="5s"),
            node_selector={},
            constraints=[Constraint(key=NODE_NAME, value=node)],
            priority=priority,
            min_available=least,
        )

    def guard() -> None:
        """The first of them says how many have to be left: all but one of those there are."""
        held = [one for here in scene.cluster.checker.mirror.assignments.values() for one in here.values()]
        least = sum(one.labels.get("app") == app and one.desired == "Running" for one in held) - 1
        if least > 0 and not scene.cluster.healed:
            scene.users.edit(scene.random, kind[0], lambda spec: filling(spec, priority=10, least=least))

    def come(name: str) -> None:
        if not scene.cluster.healed:
            scene.users.edit(scene.random, name, lambda spec: filling(spec, priority=10, program="serve"))

    for name in kind:
        scene.users.edit(scene.random, name, filling)
    scene.cluster.later(6.0, guard)
    for number, name in enumerate(others):
        scene.cluster.later(9.0 + 0.8 * number, partial(come, name))
    return f"{', '.join(kind)} fill {node}, and {', '.join(others)} are to have room there soon"


def withdrawn(scene: Scene) -> str:
    """Somebody deletes tasks of jobs while they run: others have their turn only once these have ended."""
    mirror = scene.cluster.checker.mirror
    names = sorted(
        task.metadata.name
        for task in mirror.tasks.values()
        if task.metadata.owner is not None and task.metadata.owner.kind == "Job" and task.binding is not None
    )
    chosen = scene.random.sample(names, k=min(len(names), _BRIEF))
    for name in chosen:
        scene.users.delete(scene.random, name)
    return f"somebody deletes {', '.join(chosen)}, which are tasks of jobs" if chosen else ""
