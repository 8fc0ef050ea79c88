"""Nodes that an operator wants to be empty, and later no more."""

from __future__ import annotations

from simulator.faults.scene import Scene
from simulator.leaving import check_left_empty
from simulator.story import Violation
from taskyard.clock import timestamp

_DEADLINES = (None, 0.0, 0.0, 4.0, 9.0)
"""Seconds; 0 is `--force`."""


def drain(scene: Scene) -> str:
    """What is there leaves, with a deadline or without; some do not cordon the node. Now and then it is asked
    for again, with another deadline."""
    host, seconds = scene.host(), scene.random.uniform(8.0, 50.0)
    told = _ask(scene, host.name)
    if scene.random.random() < 0.3:
        again = scene.random.uniform(1.0, seconds)
        scene.cluster.later(again, lambda: None if scene.cluster.healed else scene.cluster.note(_ask(scene, host.name)))
    scene.cluster.later(seconds, lambda: scene.cluster.operator.cordon(host.name, False))
    if scene.random.random() < 0.4:
        scene.cluster.later(seconds / 2, lambda: _withdraw(scene, host.name))
    return f"{told}, for {seconds:.0f} s"


def leave(scene: Scene) -> str:
    """An agent is asked to end once its node is empty, and is there again later; some have little time for that."""
    agent = scene.agent()
    if agent is None:
        return ""
    limit = scene.random.choice((4.0, 30.0, 30.0, 60.0))
    cluster, began = scene.cluster, scene.cluster.clock.monotonic()
    cluster.checker.leaving.asked(agent.incarnation, began)

    def emptied() -> None:
        if cluster.clock.monotonic() < began + limit:
            try:
                check_left_empty(agent.host, cluster.checker.mirror)
            except Violation as found:
                cluster.driver.fail(found)
        cluster.note(f"{agent.name} ends")
        cluster.kill(agent)

    agent.drain(limit, emptied)
    return f"{agent.name} is to end once its node is empty, within {limit:.0f} s"


def _withdraw(scene: Scene, node: str) -> None:
    """It is drained no more, and takes no new tasks yet where the drain had cordoned it."""
    if not scene.cluster.healed:
        scene.cluster.operator.undrain(node)
        scene.cluster.note(f"{node} is drained no more")


def _ask(scene: Scene, node: str) -> str:
    lasts, cordons = scene.random.choice(_DEADLINES), scene.random.random() < 0.7
    deadline = timestamp(scene.cluster.clock.now() + lasts) if lasts is not None else ""
    scene.cluster.operator.drain(node, deadline, cordons=cordons, force=lasts == 0.0)
    return f"{node} is drained{f', by {deadline}' if deadline else ''}"
