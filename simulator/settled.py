"""What must hold once faults and users have been quiet for long enough: everything is as the specs say, and still."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.cluster.demand import demand_of
from nodeagent.runtime.port import ContainerState
from simulator.checker import Checker
from simulator.node import CAPACITY, Host
from simulator.plane import PlaneProcess
from simulator.story import Violation
from taskyard.objects import Assignment, Task, TaskState, TaskStatus, spec_hash

STATUS_WRITES = 6
"""A crash looper's writes for each restart are few, and its backoff makes restarts rare; everybody else writes none."""


NEWS = 2.0
"""Seconds within which what happened to a container is in the store, by the simulated latencies."""


def check_settled(checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    missing = sorted(set(hosts) - checker.leases)
    if missing:
        raise Violation(f"not registered again: {', '.join(missing)}", *missing)
    for task in checker.tasks.values():
        _check_task(task, checker, hosts, planes)
    for host in hosts.values():
        _check_host(host, checker)
    for plane in planes:
        _check_answers(plane, checker)


def _check_task(task: Task, checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    name, uid, binding = task.metadata.name, task.metadata.uid, task.binding
    if task.metadata.deletion_timestamp:
        raise Violation(f"{name} is being deleted for ever", uid, name)
    if binding is None or binding.spec_hash != spec_hash(task.spec):
        _check_waiting(task, checker, hosts, planes)
        return
    status = checker.statuses.get(binding.node, {}).get(uid)
    if status is None or status.epoch != binding.epoch:
        raise Violation(f"{binding.node} never reported on epoch {binding.epoch} of {name}", uid, name)
    _check_status(task, status, hosts[binding.node])


def _check_waiting(task: Task, checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    name, demand = task.metadata.name, demand_of(task.spec)
    for node in hosts:
        cpu, memory, ports = CAPACITY.cpu_millis, CAPACITY.memory_bytes, set(demand.ports)
        for uid, assignment in checker.assignments.get(node, {}).items():
            if uid == task.metadata.uid or _over(assignment, checker.statuses.get(node, {}).get(uid)):
                continue
            other = demand_of(assignment.spec)
            cpu, memory = cpu - other.cpu, memory - other.memory
            if ports.intersection(other.ports):
                break
        else:
            if demand.cpu <= cpu and demand.memory <= memory:
                raise Violation(f"{name} waits although {node} has room for it", task.metadata.uid, name)
    for plane in planes:
        shown = plane.tasks.get(name, "default").status
        if task.binding is None and (shown.state is not TaskState.PENDING or shown.reason != "Unschedulable"):
            raise Violation(f"{name} fits nowhere and is shown as {shown.state} ({shown.reason})", name)


def _over(assignment: Assignment, status: TaskStatus | None) -> bool:
    return status is not None and status.state.terminal and status.epoch >= assignment.epoch


def _check_status(task: Task, status: TaskStatus, host: Host) -> None:
    name, program, policy = task.metadata.name, task.spec.args[0], task.spec.restart
    run = f"ty-{status.uid}-{status.epoch}-{status.attempt}"
    found = next((one for one in host.runtime.everything() if one.name == run), None)
    running = found is not None and found.state is ContainerState.RUNNING
    state = status.state
    if found is not None and max(found.started_at, found.finished_at) > host.clock.now() - NEWS:
        return  # The agent cannot have heard, and told, of it yet.
    if running != (state is TaskState.RUNNING):
        raise Violation(
            f"{name} is {state} on {host.name}, and its container {'runs' if running else 'does not'}", name
        )
    match program:
        case "serve" | "stubborn":
            right = state is TaskState.RUNNING
        case "job":
            right = state in (TaskState.COMPLETED, TaskState.RUNNING) or policy.policy == "never"
        case _ if policy.max_restarts is not None:
            right = state in (TaskState.FAILED, TaskState.STARTING, TaskState.RUNNING)
        case _:
            right = state in (TaskState.STARTING, TaskState.RUNNING)
    if not right or (state is TaskState.STARTING and not status.next_attempt_at):
        raise Violation(f"{name} ({program}) ended up {state}: {status.reason} {status.message}", status.uid, name)


def _check_host(host: Host, checker: Checker) -> None:
    running = {one.id for one in host.runtime.everything() if one.state is ContainerState.RUNNING}
    if not running.issuperset(host.foreign):
        raise Violation(f"a foreign container on {host.name} does not run any more", host.name)
    for one in host.runtime.everything():
        if not one.name.startswith("ty-"):
            continue
        uid, epoch, _ = one.name.removeprefix("ty-").split("-")
        assignment = checker.assignments.get(host.name, {}).get(uid)
        if assignment is None or assignment.epoch != int(epoch):
            raise Violation(f"{one.name} is left on {host.name}, where nothing like it is assigned", uid)


def _check_answers(plane: PlaneProcess, checker: Checker) -> None:
    """What the API shows is what the store has."""
    shown = {f"/{key.namespace}/{key.name}": record.task for key, record in plane.cache.tasks.items()}
    stored = {f"/{task.metadata.namespace}/{task.metadata.name}": task for task in checker.tasks.values()}
    for key in sorted(shown.keys() | stored.keys()):
        if shown.get(key) != stored.get(key):
            raise Violation(f"{plane.name} shows {key} otherwise than the store has it", key.rpartition("/")[2])


def check_still(checker: Checker, crash_loopers: set[str]) -> None:
    """Over the quiet time, in `checker.writes`."""
    for key, count in checker.writes.items():
        looping = key.rpartition("/")[2] in crash_loopers
        if count > (STATUS_WRITES if looping else 2):
            raise Violation(f"{key} was written {count} times while nothing happened", key.rpartition("/")[2])
