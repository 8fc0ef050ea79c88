"""What is promised of restarts, of statuses, of room and of lost nodes. Judged by what the store holds at the moment;
the checker asks.

Pure, and without a memory: what needs the history is in checker.py.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from controlplane.cluster.rules import pinned_volumes
from simulator.clocks import MachineClock
from simulator.mirror import Mirror
from simulator.node import CAPACITY
from simulator.runs import Run
from simulator.story import Violation
from taskyard.clock import parse_timestamp
from taskyard.objects import Assignment, Move, Task, TaskStatus

_LONGEST_BACKOFF = 300.0
_ROUNDING = 0.01
"""Seconds: a timestamp in the store is not as fine as the clock."""


def check_backoff(status: TaskStatus | None, run: Run, clock: MachineClock) -> None:
    """Before any container of an attempt is started: it is due, by what its agent itself has written."""
    if status is not None and run[:3] == (status.uid, status.epoch, status.attempt):
        check_due(status.next_attempt_at, run.beside(run.part), run.uid, clock)


def check_due(at: str, container: str, uid: str, clock: MachineClock) -> None:
    """`at` empty: at once. Not judged once the time of day was set: that must not turn seconds into hours."""
    early = parse_timestamp(at) - clock.now() if at else 0.0
    if early > _ROUNDING and clock.jumped_at < clock.monotonic() - _LONGEST_BACKOFF:
        raise Violation(f"{container} is started {early:.1f} s before its backoff is over", uid)


def check_spacing(status: TaskStatus | None, run: Run, gap: float, clock: MachineClock) -> None:
    """Before a container is started, `gap` seconds after that of the attempt before it on that host: the waits grow,
    twofold with each restart, up to five minutes, less a tenth at most. One step may be missing, of an agent that died
    or could not write. No run here is so long that the waits begin anew, unless the time of day made it look so."""
    if status is None or not status.restarts or run[:3] != (status.uid, status.epoch, status.attempt):
        return
    check_wait(status.restarts, run.beside(run.part), run.uid, gap, clock)


def check_wait(restarts: int, container: str, uid: str, gap: float, clock: MachineClock) -> None:
    """`gap`: seconds since the start before it."""
    wait = 0.9 * min(2.0 ** (restarts - 2), _LONGEST_BACKOFF)
    if gap < wait - _ROUNDING and clock.jumped_at == -math.inf:
        raise Violation(f"{container} is started {gap:.1f} s after the time before, not {wait:.1f} s", uid)


def check_home(task: Task, homes: Mapping[str, str]) -> None:
    """A task is bound where the data of its volumes is, as far as that is on record."""
    binding = task.binding
    for name in pinned_volumes(task.spec) if binding is not None else ():
        home = homes.get(name)
        if binding is not None and home is not None and home != binding.node:
            raise Violation(f"{task.metadata.name} is bound to {binding.node}, and its data is on {home}", name)


def check_returning(wish: Move, task: Task | None) -> None:
    """Nobody wishes a task back that does not want it, or to where it never was."""
    binding = task.binding if task is not None else None
    if task is None or binding is None or binding.epoch != wish.epoch:
        return  # Bound anew meanwhile: the wish means nothing.
    if wish.to != binding.lost_from or task.spec.on_node_loss.on_return == "keep-newest":
        raise Violation(f"{task.metadata.name} is wished back to {wish.to}, unasked", task.metadata.uid)


def check_lost_from(old: Task, new: Task, homes: Collection[str]) -> None:
    """What a binding says that the task was driven away from is what it was on, or what that said."""
    before, after = old.binding, new.binding
    if after is None or not after.lost_from:
        return
    if before is None or after.lost_from not in (before.node, before.lost_from) or after.lost_from == after.node:
        raise Violation(f"{new.metadata.name} was never on {after.lost_from}", new.metadata.uid)
    if after.lost_from == before.node and before.node in homes:
        raise Violation(f"{before.node} is there, and {new.metadata.name} says that it was lost", new.metadata.uid)


def check_moved(old: Task, new: Task, leases: Collection[str], wish: Move | None, *, evicted: bool) -> None:
    """A task leaves its node for another one with the same spec only because somebody asked for just that, because it
    was `evicted` and has stopped, or because that node is lost, and where it may."""
    before, after = old.binding, new.binding
    if before is None or after is None or before.node == after.node or before.spec_hash != after.spec_hash:
        return
    name, uid = new.metadata.name, new.metadata.uid
    if wish is not None and (wish.uid, wish.epoch, wish.to) == (uid, before.epoch, after.node):
        if new.spec.singleton:
            raise Violation(f"{name}, a singleton, was moved off {before.node} since somebody asked", uid, before.node)
        return
    if evicted:
        return
    if before.node in leases:
        raise Violation(f"{name} was moved from {before.node}, which is there, to {after.node}", uid, before.node)
    if new.spec.on_node_loss.policy == "stay":
        raise Violation(f"{name} was moved from {before.node}, where it is to stay", uid, before.node)


def check_forward(old: TaskStatus, new: TaskStatus, assignment: Assignment) -> None:
    """Of a status that takes another's place: attempts, restarts and states never go back."""
    name, uid = new.name, new.uid
    if (new.epoch, new.attempt) < (old.epoch, old.attempt):
        raise Violation(f"{name} went back to attempt {new.attempt} of epoch {new.epoch}", uid)
    if new.epoch == old.epoch and new.restarts < old.restarts:
        raise Violation(f"{name} forgot restarts", uid)
    if (new.epoch, new.attempt) == (old.epoch, old.attempt):
        if new.state.rank < old.state.rank:
            raise Violation(f"{name} went back from {old.state} to {new.state}", uid)
        if old.state.terminal and new.state is not old.state and assignment.desired == "Running":
            raise Violation(f"{name} was {old.state} and is {new.state}", uid)


def check_room(mirror: Mirror, node: str) -> None:
    """What has not ended there has room, and each host port for itself."""
    cpu = memory = 0
    ports: set[object] = set()
    for uid in mirror.assignments.get(node, ()):
        if mirror.is_over(node, uid):
            continue
        demand = mirror.demands[node, uid]
        cpu, memory = cpu + demand.cpu, memory + demand.memory
        if ports.intersection(demand.ports):
            raise Violation(f"a host port is given out twice on {node}", uid, node)
        ports.update(demand.ports)
    if cpu > CAPACITY.cpu_millis or memory > CAPACITY.memory_bytes:
        raise Violation(f"{node} is over its capacity: {cpu} millicores, {memory} bytes", node)
