"""Processes that are killed or frozen, at any moment or between two effects, once or again and again."""

from __future__ import annotations

from simulator.faults.scene import Scene
from simulator.plane import PlaneProcess

_UNHEARD = 12.0
"""Seconds: for longer than the lease of a leader that has died."""
_PARTS = ("", "scheduler", "scheduler", "tasks", "user")


def kill(scene: Scene) -> str:
    victim = scene.victim()
    if victim is None:
        return ""
    scene.cluster.kill(victim)
    return f"{victim.name} is killed"


def crash_loop(scene: Scene) -> str:
    """It comes back each time, and dies of one of its first effects."""
    victim, seconds = scene.victim(), scene.random.uniform(5.0, 20.0)
    if victim is None:
        return ""
    scene.cluster.let_crash(victim.name, scene.random, seconds)
    scene.cluster.kill(victim)
    return f"{victim.name} is killed, and crashes again and again for {seconds:.0f} s"


def crash_later(scene: Scene) -> str:
    victim = scene.victim()
    if victim is not None:
        victim.fuse.left, victim.fuse.seconds = scene.random.randint(1, 12), 0.0
        victim.fuse.only, victim.fuse.meanwhile = "", None
    return ""


def freeze_later(scene: Scene) -> str:
    victim, random = scene.victim(), scene.random
    if victim is not None:
        victim.fuse.left, victim.fuse.seconds = random.randint(1, 5), random.choice((0.5, 2.0, 7.0, 14.0, 25.0))
        victim.fuse.only = random.choice(_PARTS if isinstance(victim, PlaneProcess) else ("", "loop"))
        victim.fuse.meanwhile = random.choice((None, scene.lose_host, scene.rush, scene.rush))
        if scene.users.services and isinstance(victim, PlaneProcess) and random.random() < 0.3:
            # What is made and changed for a service rests on the service, so that is what has to change.
            victim.fuse.only, victim.fuse.seconds, victim.fuse.meanwhile = "services", 0.5, scene.rush_services
        if scene.users.jobs and isinstance(victim, PlaneProcess) and random.random() < 0.4:
            victim.fuse.only, victim.fuse.seconds = random.choice(("jobs", "tasks")), random.choice((0.5, 7.0))
            victim.fuse.meanwhile = random.choice((None, scene.rush_jobs))
    return ""


def hurry(scene: Scene) -> str:
    """A control plane freezes in the middle of a binding or of an answer; what that rests on changes meanwhile."""
    victim, part = scene.cluster.leader(), "scheduler"
    if scene.random.random() < 0.5:
        # Not the leader, which has to bind meanwhile.
        part, others = "user", [one for one in scene.cluster.planes() if one is not victim]
        victim = scene.random.choice(others) if others else None
    if victim is None:
        return ""
    victim.fuse.left, victim.fuse.seconds, victim.fuse.only = 1, 0.5, part
    hosts = part == "scheduler" and scene.random.random() < 0.4
    victim.fuse.meanwhile = scene.lose_host if hosts else scene.rush
    scene.users.rush(scene.random)
    return ""


def orphan(scene: Scene) -> str:
    """The leader freezes before it writes, and nobody can take its place."""
    planes = scene.cluster.planes()
    if len(planes) < 2:
        return ""
    leader, other = scene.random.sample(planes, 2)
    leader.fuse.left, leader.fuse.seconds, leader.fuse.meanwhile = 1, 7.0, None
    leader.fuse.only = scene.random.choice(("scheduler", "tasks"))
    other.store.down = True

    def heal() -> None:
        other.store.down = False
        scene.cluster.note(f"{other.name} reaches the store again")

    scene.cluster.later(25.0, heal)
    return f"{other.name} is cut off from the store for 25 s"


def succeed(scene: Scene) -> str:
    """A leader with much to do dies, and the other takes its place before it has heard what that one did last."""
    leader = scene.cluster.leader()
    heirs = [one for one in scene.cluster.planes() if one is not leader]
    if leader is None or not heirs:
        return ""
    heir = heirs[0]
    heir.store.delivery.lag, heir.store.delivery.steady = _UNHEARD, True

    def end() -> None:
        if leader.alive and not leader.frozen:
            scene.cluster.note(f"{leader.name} is killed")
            scene.cluster.kill(leader)

    def heal() -> None:
        heir.store.delivery.lag = 0.0
        heir.store.delivery.awake(0.0)

    scene.crowd()
    scene.cluster.later(scene.random.uniform(2.0, 4.0), end)
    scene.cluster.later(2 * _UNHEARD, heal)
    return f"{heir.name} hears news just {_UNHEARD:g} s late, and {leader.name} is soon killed"
