"""Nodes that an operator wants to be empty, and later no more."""

from __future__ import annotations

from simulator.faults.scene import Scene
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
    return f"{told}, for {seconds:.0f} s"


def _ask(scene: Scene, node: str) -> str:
    lasts, cordons = scene.random.choice(_DEADLINES), scene.random.random() < 0.7
    deadline = timestamp(scene.cluster.clock.now() + lasts) if lasts is not None else ""
    scene.cluster.operator.drain(node, deadline, cordons=cordons, force=lasts == 0.0)
    return f"{node} is drained{f', by {deadline}' if deadline else ''}"
