"""What lies between a process and the store: cut, in both directions or in one; slow; told twice; one call lost."""

from __future__ import annotations

from simulator.faults.scene import Scene
from simulator.watches import RECONNECT
from taskyard.store.faulty import Call, OneWay

_STRANDED = 55.0
"""Seconds: long after the lease is over, and what hung on it."""
_CALLS: tuple[Call, ...] = ("commit", "commit", "commit", "grant", "keep_alive", "get", "list")
_TOLD = {"request lost": "nothing that it asks arrives", "answer lost": "hears no answers, and no news"}


def cut(scene: Scene) -> str:
    victim = scene.victim()
    if victim is None:
        return ""
    store, seconds = victim.store, scene.random.choice((0.5, 3.0, 8.0, 15.0))
    store.down, finds_out = True, scene.random.uniform(0.0, RECONNECT)

    def heal() -> None:
        store.down = False
        store.delivery.awake(finds_out)
        scene.cluster.note(f"{victim.name} reaches the store again")

    scene.cluster.later(seconds, heal)
    return f"{victim.name} is cut off from the store for {seconds:g} s"


def strand(scene: Scene) -> str:
    """A node is lost for long, with tasks that stay there; towards the end something else of services changes."""
    victim = scene.agent()
    if victim is None:
        return ""
    store = victim.store
    store.down = True

    def heal() -> None:
        store.down = False
        store.delivery.awake(0.0)
        scene.cluster.note(f"{victim.name} reaches the store again")

    for before in (12.0, 8.0, 4.0):
        scene.cluster.later(_STRANDED - before, scene.rush_services)
    scene.cluster.later(_STRANDED, heal)
    return f"{victim.name} is cut off from the store for {_STRANDED:g} s"


def cut_one_way(scene: Scene) -> str:
    victim = scene.victim()
    if victim is None:
        return ""
    store, seconds = victim.store, scene.random.choice((0.5, 3.0, 8.0, 15.0))
    how: OneWay = scene.random.choice(("request lost", "answer lost"))
    store.cut, finds_out = how, scene.random.uniform(0.0, RECONNECT)

    def heal() -> None:
        store.cut = ""
        store.delivery.awake(finds_out)
        scene.cluster.note(f"{victim.name} and the store hear each other again")

    scene.cluster.later(seconds, heal)
    return f"{victim.name} and the store, for {seconds:g} s: {_TOLD[how]}"


def lose_a_call(scene: Scene) -> str:
    victim = scene.victim()
    if victim is None:
        return ""
    store, call = victim.store, scene.random.choice(_CALLS)
    fault = scene.random.choice(("answer lost", "answer lost", "request lost", "unreachable"))
    if call == "commit" and scene.random.random() < 0.3:
        store.fail(call, "request late")
        scene.cluster.later(scene.random.uniform(0.05, 6.0), store.deliver)
        return f"{victim.name}'s next commit will be late"
    store.fail(call, fault)  # type: ignore[arg-type]
    return f"{victim.name}'s next {call}: {fault}"


def create_late(scene: Scene) -> str:
    """A create gets no answer, is made again, and what it made is deleted; only then the first request arrives."""
    planes, names = scene.cluster.planes(), scene.users.absent(scene.cluster.checker.mirror.tasks)
    if not planes or not names:
        return ""
    plane, name = scene.random.choice(planes), scene.random.choice(names)
    plane.store.fail("commit", "request late")
    scene.cluster.note(f"{plane.name} is asked for {name}, and its commit will be late")
    scene.users.apply(scene.random, plane, name)
    scene.cluster.later(scene.random.uniform(0.0, 1.0), lambda: scene.users.delete(scene.random, name))
    scene.cluster.later(scene.random.uniform(4.0, 12.0), plane.store.deliver)
    return ""


def disconnect(scene: Scene) -> str:
    scene.cluster.storage.disconnect(compact=scene.random.random() < 0.7)
    for member in scene.cluster.everybody():
        member.store.delivery.awake(scene.random.uniform(0.0, RECONNECT))
    return "all watches are disconnected, and history is compacted before they are back"


def repeat(scene: Scene) -> str:
    victim = scene.victim()
    if victim is None:
        return ""
    delivery = victim.store.delivery
    delivery.repeats = True

    def heal() -> None:
        delivery.repeats = False

    scene.cluster.later(30.0, heal)
    return f"{victim.name} is told old news again, in disorder, for 30 s"


def lag(scene: Scene) -> str:
    """News come late to one process, while it decides; the leader in half of the cases, with much to decide on."""
    leader = scene.cluster.leader()
    victim = leader if scene.random.random() < 0.5 else scene.victim()
    if victim is None:
        return ""
    delivery, seconds = victim.store.delivery, scene.random.uniform(5.0, 20.0)
    delivery.lag, delivery.steady = scene.random.choice((0.3, 1.0, 4.0)), scene.random.random() < 0.5

    def heal() -> None:
        delivery.lag = 0.0
        delivery.awake(0.0)

    scene.cluster.later(seconds, heal)
    if victim is leader:
        scene.cluster.later(scene.random.uniform(0.0, 2.0), scene.crowd)
        scene.cluster.later(scene.random.uniform(2.0, 5.0), scene.crowd if delivery.steady else scene.rush)
    how = "just" if delivery.steady else "up to"
    return f"{victim.name} hears news {how} {delivery.lag:g} s late, for {seconds:.0f} s"
