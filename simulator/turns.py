"""Whether a task that waits once all has settled does so rightly: it fits nowhere, room is kept for others, or its gang
is not complete; and nobody of lower priority runs where it could.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from controlplane.cluster.demand import demand_of
from controlplane.placement.quotas import Allowance, over
from simulator.checker import Checker
from simulator.contention import spent
from simulator.fitting import obstacles
from simulator.mirror import Mirror
from simulator.story import Violation
from taskyard.objects import Task


def check_turn(task: Task, checker: Checker, nodes: Iterable[str], found: Sequence[set[str]]) -> None:
    """`found`: what keeps it off each node."""
    name, uid, names = task.metadata.name, task.metadata.uid, list(nodes)
    if task.spec.gang is not None:
        _check_gang(task, checker, names)
        return
    fitting = next((node for node, there in zip(names, found, strict=True) if not there), None)
    if fitting is not None and not _kept_for_others(task, fitting, checker, names):
        raise Violation(f"{name} waits although {fitting} has room for it", uid, name)
    below = next((node for node in names if _runs_for_less(task, node, checker, names)), None)
    if below is not None:
        raise Violation(f"{name} waits although tasks of lower priority run on {below} in its place", uid, name)


def _kept_for_others(
    task: Task, node: str, checker: Checker, nodes: Sequence[str], *, without: Collection[str] = ()
) -> bool:
    """What is free on one node, or would be `without` some, is kept for a task that has waited for long, that fits
    nowhere either, and that is as important. It is kept from nobody who needs no more than they have there."""
    mirror, allowed = checker.mirror, checker.contention.quota(task.metadata.namespace)
    if _needs_no_more(task, node, mirror):
        return False
    for other in mirror.tasks.values():
        if other is task or not mirror.waits(other) or other.spec.priority < task.spec.priority:
            continue
        if not all(obstacles(mirror, other, each, allowed) for each in nodes):
            continue
        if obstacles(mirror, task, node, allowed, besides=[other], without=without):
            return True
    return False


def _needs_no_more(task: Task, node: str, mirror: Mirror) -> bool:
    """Than it has there, and it is not to leave."""
    held = mirror.assignments.get(node, {}).get(task.metadata.uid)
    if held is None or held.desired == "Stopped" or mirror.is_over(node, task.metadata.uid):
        return False
    had, needs = mirror.demands[node, task.metadata.uid], demand_of(task.spec)
    return needs.cpu <= had.cpu and needs.memory <= had.memory and set(needs.ports) <= set(had.ports)


def _check_gang(task: Task, checker: Checker, nodes: Sequence[str]) -> None:
    """It does not wait where one node has room for all of the gang that wait, their namespace is allowed as much, and
    they are enough."""
    mirror, gang = checker.mirror, task.spec.gang
    allowed = checker.contention.quota(task.metadata.namespace)
    members = [other for other in mirror.tasks.values() if gang is not None and other.spec.gang == gang]
    waiting = [other for other in members if mirror.waits(other)]
    if (
        gang is None
        or len(members) < gang.size
        or any(mirror.waits(o) for o in mirror.tasks.values() if o not in waiting)
        or _beyond_quota(waiting, mirror, allowed)
    ):
        return
    for node in nodes:
        if not any(
            obstacles(mirror, other, node, allowed, besides=[one for one in waiting if one is not other])
            for other in waiting
        ):
            name = task.metadata.name
            raise Violation(f"{name} waits although {node} has room for its whole gang", task.metadata.uid, name)


def _beyond_quota(together: Sequence[Task], mirror: Mirror, allowed: Allowance) -> bool:
    """All of them besides what the others of their namespace have, though each of them alone may not be."""
    taken = spent(mirror, together[0].metadata.namespace, without={one.metadata.uid for one in together})
    for one in together:
        demand = demand_of(one.spec)
        if over(allowed, taken, demand):
            return True
        taken = taken.plus(demand)
    return False


def _runs_for_less(task: Task, node: str, checker: Checker, nodes: Sequence[str]) -> bool:
    """It would fit there without those that may be stopped for it, besides what is kept for others as important."""
    mirror, allowed = checker.mirror, checker.contention.quota(task.metadata.namespace)
    here = {uid: held for uid, held in mirror.assignments.get(node, {}).items() if not mirror.is_over(node, uid)}
    assigned = (held for there in mirror.assignments.values() for held in there.values())
    protected = [held.labels for held in assigned if held.spec.min_available]
    protected += [other.metadata.labels for other in mirror.tasks.values() if other.spec.min_available]
    lower = {
        uid
        for uid, held in here.items()
        if held.spec.priority < task.spec.priority
        and not any(labels.items() <= held.labels.items() for labels in protected)
    }
    if not lower or obstacles(mirror, task, node, allowed, without=lower):
        return False
    return not _kept_for_others(task, node, checker, nodes, without=lower)
