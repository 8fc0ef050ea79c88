"""What goes wrong on a machine: its containers, its runtime, its disk, its clock, and others that want its name."""

from __future__ import annotations

from nodeagent.runtime.fake import Breakdown
from nodeagent.runtime.port import ContainerState, NameConflict
from simulator.faults.scene import Scene
from simulator.watches import RECONNECT
from taskyard.clock import timestamp

_JUMPS = (-3600.0, -40.0, -3.0, 3.0, 40.0, 3600.0)


def lose_lease(scene: Scene) -> str:
    """An operator revokes it, having seen to it that no singleton runs on (docs/singletons.md); the agent lives."""
    agent = scene.agent()
    if agent is None or not scene.cluster.end_lease(agent.host):
        return ""
    return f"the lease of {agent.host.name} ends early"


def harm_container(scene: Scene) -> str:
    host = scene.host()
    running = [
        one
        for one in host.runtime.everything()
        if one.state is ContainerState.RUNNING and one.name.startswith("ty-") and one.id not in host.foreign
    ]
    if not running or host.broken:
        return ""
    one, gone = scene.random.choice(running), scene.random.random() < 0.3
    gone = gone and not one.name.endswith("-net")  # That is refused while others have its network.
    if gone:
        host.runtime.remove(one.id, force=True)
    else:
        host.runtime.kill(one.id, "SIGKILL")
    scene.cluster.containers_changed(host)
    return f"somebody {'removes' if gone else 'kills'} {one.name} on {host.name}"


def break_runtime(scene: Scene) -> str:
    host = scene.host()
    how: Breakdown = scene.random.choice(("hangs", "late", "late", "answers lost"))
    host.runtime.break_down(how)
    host.broken = True

    def heal() -> None:
        host.runtime.break_down("")
        scene.cluster.woken_up(host)
        host.broken = False

    # Now and then for so long that its node is known to be no place for anything.
    longest = scene.random.choice((12.0, 12.0, 12.0, 60.0))
    scene.cluster.later(scene.random.uniform(0.5, longest), heal)
    return f"the container runtime of {host.name}: {how}"


def fill_disk(scene: Scene) -> str:
    host, seconds = scene.host(), scene.random.uniform(2.0, 12.0)
    host.fill(True)

    def heal() -> None:
        host.fill(False)
        scene.cluster.note(f"the disk of {host.name} has room again")

    scene.cluster.later(seconds, heal)
    return f"the disk of {host.name} is full for {seconds:.0f} s"


def jump_clock(scene: Scene) -> str:
    """The time of day is set, of a host or of a control plane's machine, and set right again later."""
    name, clock = scene.random.choice(scene.cluster.clocks())
    ahead = scene.random.choice(_JUMPS)
    clock.set_ahead(ahead)

    def heal() -> None:
        clock.set_ahead(0.0)
        scene.cluster.note(f"the clock of {name} is set right")

    scene.cluster.later(scene.random.uniform(5.0, 40.0), heal)
    return f"the clock of {name} jumps by {ahead:+g} s"


def lose_time(scene: Scene) -> str:
    """The time of day is set ahead where somebody counts how long his lease lasts, and then he cannot renew it."""
    victim, ahead = scene.victim(), scene.random.choice((40.0, 3600.0))
    if victim is None:
        return ""
    clock, store = scene.cluster.clock_of(victim), victim.store
    clock.set_ahead(ahead)

    def cut() -> None:
        store.down = not scene.cluster.healed

    def heal() -> None:
        store.down = False
        store.delivery.awake(scene.random.uniform(0.0, RECONNECT))
        clock.set_ahead(0.0)
        scene.cluster.note(f"{victim.name} reaches the store again, and its clock is set right")

    scene.cluster.later(4.0, cut)
    scene.cluster.later(scene.random.uniform(22.0, 34.0), heal)
    return f"the clock of {victim.name} jumps by {ahead:+g} s; 4 s later it is cut off from the store"


def take_a_name(scene: Scene) -> str:
    """Somebody else's container has a name that one of ours is to get next, with labels that imitate ours."""
    host, mirror = scene.host(), scene.cluster.checker.mirror
    here = mirror.assignments.get(host.name, {})
    if not here or host.broken or host.runtime.full:
        return ""
    uid = scene.random.choice(sorted(here))
    status, epoch = mirror.statuses.get(host.name, {}).get(uid), here[uid].epoch
    attempt = status.attempt + 1 if status is not None and status.epoch == epoch else 1
    if scene.random.random() < 0.5:
        epoch, attempt = epoch + 1, 1
    name = f"ty-{uid}-{epoch}-{attempt}"
    try:
        host.add_foreign(name, host.imitation(uid) if scene.random.random() < 0.5 else {})
    except NameConflict:
        return ""
    scene.cluster.checker.names_taken.add(uid)
    return f"somebody else's container takes the name {name} on {host.name}"


def twin(scene: Scene) -> str:
    """Another machine's agent wants the name of one that is there."""
    name, seconds = scene.host().name, scene.random.uniform(10.0, 40.0)
    if not scene.cluster.begin_twin(name):
        return ""
    scene.cluster.later(seconds, lambda: scene.cluster.end_twin(name))
    return f"the agent of another machine wants to be {name} too, for {seconds:.0f} s"


def cordon(scene: Scene) -> str:
    """What is edited meanwhile has to move."""
    host = scene.host()
    scene.cluster.operator.cordon(host.name, True)
    scene.cluster.later(scene.random.uniform(5.0, 40.0), lambda: scene.cluster.operator.cordon(host.name, False))
    return f"{host.name} is cordoned"


def maintain(scene: Scene) -> str:
    """What is there leaves; the machine goes down for a part of the time, in half of the cases, and comes back."""
    host, seconds = scene.host(), scene.random.uniform(10.0, 50.0)
    scene.cluster.operator.maintain(host.name, timestamp(scene.cluster.clock.now() + seconds))
    if scene.random.random() < 0.5:
        scene.cluster.later(seconds / 2, lambda: scene.lose(host))
    return f"{host.name} is in maintenance for {seconds:.0f} s"
