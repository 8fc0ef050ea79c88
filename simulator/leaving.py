"""What is promised of agents that are asked to have their node emptied before they end (`taskyard agent drain`).

They say so in their lease for as long as they live, their successors do not, and before their time is over they end
only once nothing is left that is to leave. That all goes elsewhere is judged in drains.py, as of any other drain.
"""

from __future__ import annotations

import math

from nodeagent.runtime.port import ContainerState
from simulator.available import NEWS
from simulator.mirror import Mirror
from simulator.node import Host
from simulator.runs import PREFIX, run_of
from simulator.story import Violation
from taskyard.objects import DRAIN_TAINT, NodeLease
from taskyard.tolerations import patience


class Leaving:
    def __init__(self) -> None:
        self._asked: dict[str, float] = {}
        """By incarnation of an agent, when it was asked."""

    def asked(self, incarnation: str, now: float) -> None:
        self._asked.setdefault(incarnation, now)

    def check_said(self, node: str, lease: NodeLease, now: float) -> None:
        """At each registration. One may arrive late that was sent before."""
        asked = self._asked.get(lease.incarnation, math.inf)
        if lease.draining and asked == math.inf:
            raise Violation(f"the agent of {node} says that it is drained, and nobody asked it", node)
        if not lease.draining and asked < now - NEWS:
            raise Violation(f"the agent of {node} has forgotten that it is drained", node)


def check_left_empty(host: Host, mirror: Mirror) -> None:
    """When its agent ends before its time is over. What runs there with no word of an assignment is not its to wait
    for, as what somebody else's runtime hides."""
    here = mirror.assignments.get(host.name, {})
    for one in host.runtime.everything():
        if one.state is not ContainerState.RUNNING or not one.name.startswith(PREFIX) or one.id in host.foreign:
            continue
        held = here.get(run_of(one.name).uid)
        if held is not None and patience(held.spec.tolerations, DRAIN_TAINT) != math.inf and not host.broken:
            raise Violation(f"the agent of {host.name} ended, and {one.name} runs there", held.uid, host.name)
