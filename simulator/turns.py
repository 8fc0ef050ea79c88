"""Whether a task that waits once all has settled does so rightly: it fits nowhere, room is kept for others, or its gang
is not complete; and nobody of lower priority runs where it could.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    below = next((node for node in names if _runs_for_less(task, node, checker)), None)
    if below is not None:
        raise Violation(f"{name} waits although tasks of lower priority run on {below} in its place", uid, name)


def _kept_for_others(task: Task, node: str, checker: Checker, nodes: Sequence[str]) -> bool:
    """What is free on one node is kept for a task that has waited for long, and that fits nowhere either."""
    mirror, allowed = checker.mirror, checker.contention.quota(task.metadata.namespace)
    for other in mirror.tasks.values():
        if other is task or not mirror.waits(other) or not all(obstacles(mirror, other, n, allowed) for n in nodes):
            continue
        if obstacles(mirror, task, node, allowed, besides=[other]):
            return True
    return False


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


def _runs_for_less(task: Task, node: str, checker: Checker) -> bool:
    """It would fit there without those that may be stopped for it."""
    mirror, allowed = checker.mirror, checker.contention.quota(task.metadata.namespace)
    here = {uid: held for uid, held in mirror.assignments.get(node, {}).items() if not mirror.is_over(node, uid)}
    assigned = (held for there in mirror.assignments.values() for held in there.values())
    protected = [held.labels for held in assigned if held.spec.min_available]
    protected += [task.metadata.labels] if task.spec.min_available else []
    lower = {
        uid
        for uid, held in here.items()
        if held.spec.priority < task.spec.priority
        and not any(labels.items() <= held.labels.items() for labels in protected)
    }
    return bool(lower) and not obstacles(mirror, task, node, allowed, without=lower)
