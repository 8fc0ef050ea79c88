"""What must hold once faults and users have been quiet for long enough: everything is as the specs say, and still."""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.fetching import PULLING
from nodeagent.runtime.port import ContainerState
from simulator.beside import check_company, check_left, is_being_prepared, ours, winds_down
from simulator.checker import Checker
from simulator.conditions import check_over
from simulator.digests import statuses_of
from simulator.drawn_beside import company_rests, is_prepared
from simulator.fitting import obstacles, wrong_reason
from simulator.mounts import check_files_left
from simulator.node import Host
from simulator.plane import PlaneProcess
from simulator.runs import PREFIX, Run, run_of
from simulator.singletons import check_all_alone
from simulator.specs import RESTLESS
from simulator.story import Violation
from simulator.timeouts import REASON
from simulator.turns import check_turn
from taskyard import keys
from taskyard.clock import parse_timestamp
from taskyard.keys import NamedKey
from taskyard.objects import Assignment, Task, TaskSpec, TaskState, TaskStatus
from taskyard.objects.service import SLOT
from taskyard.objects.status import IMAGE_UNFETCHED
from taskyard.quantity import seconds

SETTLE = 60.0
"""Seconds after the last fault within which everything has converged: two lists of containers and a full backoff."""
SWEPT = 90.0
"""Seconds more where tasks are stopped for others: room is kept for 120 s and a grace period for who may never get
it."""
_SCALED = 120.0
"""Seconds more where services are autoscaled: each step down waits for its window, and may bring about the next."""
_GOING_BACK = 30.0
"""Seconds more where tasks go back to nodes that were lost: such a node first has to stay for 30 s."""
_PATIENT = 4.0
"""Seconds, at least, that a task waits by then which has asked for its image in vain all the time."""
EMPTIED = 60.0
"""Seconds more where a node is drained in the end: what has a stand-in goes once that is ready, one after the other."""
QUIET = 120.0
"""Seconds after that in which nothing may be written but what crash loops need."""
_STARTS = 30.0
"""Seconds that a task which has waited for others may take until it is up: images are far."""
NEWS = 3.0
"""Seconds within which what happened to a container is in the store, by the simulated latencies."""


def check_settled(checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    missing = sorted(set(hosts) - checker.mirror.leases.keys())
    if missing:
        raise Violation(f"not registered again: {', '.join(missing)}", *missing)
    check_over(checker.mirror.leases, checker.mirror.specs)
    if checker.mirror.wishes:
        raise Violation(f"nothing became of the wish that {sorted(checker.mirror.wishes)[0]} be moved")
    for task in checker.mirror.tasks.values():
        _check_task(task, checker, hosts, planes)
    _check_assigned(checker)
    checker.services.check_settled(checker.mirror, hosts, checker.now())
    checker.drains.check_settled(checker.mirror)
    checker.jobs.check_settled(
        checker.mirror.tasks,
        lambda task: _name_is_taken(_status_of(task, checker)),
        lambda uid: checker.garbage.under_way(uid, checker.now()),
    )
    checker.published.check_settled(checker.mirror, hosts)
    for host in hosts.values():
        _check_host(host, checker)
        check_left(host, checker.mirror)
        assigned = checker.mirror.assignments.get(host.name, {}).keys()
        check_files_left(host, set(assigned), checker.past, checker.now() - NEWS)
    check_all_alone(checker, hosts, checker.now())
    for plane in planes:
        _check_answers(plane, checker)
        _check_services_shown(plane, checker)


def slow_to_settle(checker: Checker) -> float:
    """Seconds more. Users may have asked for such things until just after the last fault."""
    some_go_back = any(
        task.binding is not None and task.binding.lost_from and task.spec.on_node_loss.on_return != "keep-newest"
        for task in checker.mirror.tasks.values()
    )
    return (_SCALED if checker.services.autoscaled else 0.0) + (_GOING_BACK if some_go_back else 0.0)


def restless(checker: Checker, hosts: Mapping[str, Host]) -> set[str]:
    """uids of what goes on failing, or going up and down. What runs counts, which is an older spec where the new one
    finds no room."""
    found = checker.names_taken | checker.garbage.collected
    found |= checker.dependents.freed_since(checker.now() - QUIET - NEWS)
    for node, here in checker.mirror.assignments.items():
        for uid, held in here.items():
            status = checker.mirror.statuses.get(node, {}).get(uid)
            # A port that a container has whose assignment went with the store's data stays so.
            port = status is not None and _port_is_taken(status)
            ill = is_restless(held.spec) or hosts[node].registry.lacks(held.spec.image)
            waits = checker.services.waits_for_config(held.spec) or checker.mounts.waits(held.spec, status, hosts[node])
            if ill or port or waits:
                found.add(uid)
    return found


def _check_task(task: Task, checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    name, uid, binding = task.metadata.name, task.metadata.uid, task.binding
    if not uid:
        raise Violation(f"{name} was put by hand and never completed", name)
    if task.metadata.deletion_timestamp and checker.garbage.under_way(uid, checker.now()):
        return
    if task.metadata.deletion_timestamp:
        raise Violation(f"{name} is being deleted for ever", uid, name)
    if binding is None or checker.mirror.waits(task):
        _check_waiting(task, checker, hosts, planes)
        return
    status = checker.mirror.statuses.get(binding.node, {}).get(uid)
    spec = checker.mirror.specs.get(binding.node)
    drives_out = spec is not None and any(taint.effect == "NoExecute" for taint in spec.taints)
    assigned = [held for here in checker.mirror.assignments.values() for held in here.values()]
    in_time = not any(held.spec.min_available for held in assigned)
    if drives_out and in_time and (status is None or not status.state.terminal):
        raise Violation(f"{name} stays on {binding.node}, which has a taint NoExecute", uid, name)
    if status is None or status.epoch != binding.epoch:
        raise Violation(f"{binding.node} never reported on epoch {binding.epoch} of {name}", uid, name)
    if uid not in checker.dependents.freed_since(checker.now() - _STARTS):
        _check_status(task, status, hosts[binding.node], checker)
    _check_returned(task, status, hosts, checker)


def _check_assigned(checker: Checker) -> None:
    """To every node just what is bound there: nothing is left of a task that is gone, though another has its name."""
    mirror = checker.mirror
    for node, here in mirror.assignments.items():
        for uid, held in here.items():
            task, key = mirror.of_uid(uid), keys.task(held.namespace, held.name)
            there = task is not None and task.binding is not None and task.binding.node == node
            if not there and not mirror.is_unsettled(key):
                raise Violation(f"{held.name} is assigned on {node}, and no task that has this uid is", uid, held.name)


def _check_returned(task: Task, status: TaskStatus, hosts: Mapping[str, Host], checker: Checker) -> None:
    """Back where it was when its node was lost, if it wants to be, fits there, and all else runs that counts."""
    binding, mirror = task.binding, checker.mirror
    if binding is None or binding.lost_from not in hosts or task.metadata.owner is not None:
        return
    if task.spec.on_node_loss.on_return != "keep-original" or status.state is not TaskState.RUNNING:
        return
    protected = any(held.spec.min_available for here in mirror.assignments.values() for held in here.values())
    if task.spec.restart.policy != "always" or is_restless(task.spec) or protected:
        return
    allowed = checker.contention.quota(task.metadata.namespace)
    if not obstacles(mirror, task, binding.lost_from, allowed, without=(task.metadata.uid,)):
        raise Violation(f"{task.metadata.name} was not brought back to {binding.lost_from}", task.metadata.uid)


def _check_waiting(task: Task, checker: Checker, hosts: Mapping[str, Host], planes: list[PlaneProcess]) -> None:
    name, mirror = task.metadata.name, checker.mirror
    if checker.allowed.beyond_now(task):
        if task.binding is None:
            _check_held_back(name, planes, "BeyondLimits")
        return
    if checker.dependents.held_back(task, checker.now()):
        if not checker.dependents.holds_now(task):
            _check_held_back(name, planes, "Dependencies", REASON)
            checker.timeouts.check_settled(task, planes)
        return
    allowed = checker.contention.quota(task.metadata.namespace)
    found = [obstacles(mirror, task, node, allowed) for node in hosts]
    check_turn(task, checker, hosts, found)
    for plane in planes:
        shown = plane.tasks.get(name, "default").status
        reasons = ("Unschedulable",) if all(found) else ("Unschedulable", "Scheduling")
        if task.binding is None and (shown.state is not TaskState.PENDING or shown.reason not in reasons):
            raise Violation(f"{name} fits nowhere and is shown as {shown.state} ({shown.reason})", name)
        status = mirror.statuses.get(task.binding.node, {}).get(task.metadata.uid) if task.binding is not None else None
        over = status is not None and status.state.terminal
        if wrong := "" if over else wrong_reason(shown.message, found):
            raise Violation(f"{name} is shown as waiting for another reason than {wrong}: {shown.message}", name)


def _check_held_back(name: str, planes: list[PlaneProcess], *reasons: str) -> None:
    for plane in planes:
        shown = plane.tasks.get(name, "default").status
        if shown.state is not TaskState.PENDING or shown.reason not in reasons:
            raise Violation(f"{name} is held back ({reasons[0]}) and is shown as {shown.state} ({shown.reason})", name)


def _status_of(task: Task, checker: Checker) -> TaskStatus | None:
    there = checker.mirror.statuses.get(task.binding.node, {}) if task.binding is not None else {}
    return there.get(task.metadata.uid)


def _port_is_taken(status: TaskStatus) -> bool:
    return "already in use" in f"{status.message} {status.last_exit}"


def _name_is_taken(status: TaskStatus | None) -> bool:
    """Somebody else's container has the name of its own, and stays."""
    return status is not None and status.state is TaskState.STARTING and status.reason == "NameTaken"


def _check_status(task: Task, status: TaskStatus, host: Host, checker: Checker) -> None:
    name, program, policy = task.metadata.name, task.spec.args[0], task.spec.restart
    run = Run(status.uid, status.epoch, status.attempt, "")
    found = next((one for one in ours(host, status.uid) if one.name == run.stem), None)
    running = found is not None and found.state is ContainerState.RUNNING
    state = status.state
    if found is not None and max(found.started_at, found.finished_at) > host.clock.now() - NEWS:
        return  # The agent cannot have heard, and told, of it yet.
    if running and state is TaskState.STOPPING:
        allowed = seconds(task.spec.stop.grace_period) + NEWS
        if parse_timestamp(status.updated_at) > host.clock.now() - allowed:
            return  # It is ill again, and has just been asked to stop.
    if task.spec.sidecars and not running and winds_down(host, found):
        return
    if running != (state is TaskState.RUNNING):
        raise Violation(
            f"{name} is {state} on {host.name}, and its container {'runs' if running else 'does not'}", name
        )
    if _name_is_taken(status) or _waits_for_image(task, status, host):
        return
    if status.reason == "ConfigMissing" and checker.services.waits_for_config(task.spec):
        return
    if state is TaskState.STARTING and checker.mounts.waits(task.spec, status, host):
        return
    if _port_is_taken(status) and _keeps_something(host, checker):
        return  # Perhaps the port, which the version before the assigned one has.
    match program if is_prepared(task.spec) else "unprepared":
        case "unprepared":
            right = state in (TaskState.STARTING, TaskState.FAILED)
        case "serve" | "slow" | "stubborn":
            right = state is TaskState.RUNNING
        case "brief" | "tough":
            right = state in (TaskState.COMPLETED, TaskState.FAILED, TaskState.RUNNING)  # Somebody may have killed it.
        case "job":
            right = state in (TaskState.COMPLETED, TaskState.RUNNING) or policy.policy == "never"
        case "sick":
            right = state in (TaskState.STARTING, TaskState.RUNNING, TaskState.STOPPING)
        case "crash" | "refused" if policy.policy == "never":
            right = state in (TaskState.FAILED, TaskState.RUNNING)
        case _ if policy.max_restarts is not None:
            right = state in (TaskState.FAILED, TaskState.STARTING, TaskState.RUNNING)
        case _:
            right = state in (TaskState.STARTING, TaskState.RUNNING)
    under_way = bool(status.next_attempt_at) or is_being_prepared(host, status, host.clock.now() - NEWS)
    if right and state is TaskState.RUNNING and company_rests(task.spec) and program not in RESTLESS:
        check_company(host, status, task.spec)
    if state is TaskState.RUNNING and found is not None:
        checker.mounts.check_settled(host, status.uid, found, task.spec)
    if not right or (state is TaskState.STARTING and not under_way):
        raise Violation(f"{name} ({program}) ended up {state}: {status.reason} {status.message}", status.uid, name)


def _waits_for_image(task: Task, status: TaskStatus, host: Host) -> bool:
    if not host.registry.lacks(task.spec.image) or status.state is not TaskState.STARTING:
        return False
    if status.reason == IMAGE_UNFETCHED:
        wait = parse_timestamp(status.next_attempt_at) - parse_timestamp(status.updated_at)
        if wait < _PATIENT:
            raise Violation(f"{task.metadata.name} asks again {wait:.1f} s after its image was not found", status.uid)
    return status.reason in (PULLING, IMAGE_UNFETCHED)


def _lacks_image(host: Host, held: Assignment) -> bool:
    return host.registry.lacks(held.spec.image)


def _keeps_something(host: Host, checker: Checker) -> bool:
    """A container runs there whose assignment was lost, or one of the version before, whose successor has no image."""
    here = checker.mirror.assignments.get(host.name, {})
    for one in host.runtime.everything():
        uid = one.labels.get("taskyard/uid", "")
        if one.state is not ContainerState.RUNNING:
            continue
        if checker.past.may_be_left(host.name, uid, one) or (uid in here and _lacks_image(host, here[uid])):
            return True
    return False


def _check_host(host: Host, checker: Checker) -> None:
    running = {one.id for one in host.runtime.everything() if one.state is ContainerState.RUNNING}
    if not running.issuperset(host.foreign):
        raise Violation(f"a foreign container on {host.name} does not run any more", host.name)
    for one in host.runtime.everything():
        if not one.name.startswith(PREFIX):
            continue
        uid, epoch, *_ = run_of(one.name)
        assignment = checker.mirror.assignments.get(host.name, {}).get(uid)
        if one.id in host.foreign or (assignment is None and checker.past.may_be_left(host.name, uid, one)):
            continue
        if assignment is None and checker.past.just_taken(host.name, uid, checker.now() - NEWS):
            continue
        if assignment is not None and _lacks_image(host, assignment) and epoch != assignment.epoch:
            continue  # The version before runs on until the image of the new one is here.
        if assignment is None or assignment.epoch != epoch:
            raise Violation(f"{one.name} is left on {host.name}, where nothing like it is assigned", uid)
        if one.state is ContainerState.RUNNING and one.labels["taskyard/spec-hash"] != assignment.spec_hash:
            raise Violation(f"{one.name} runs on {host.name} with another spec than is assigned there", uid)


def is_restless(spec: TaskSpec) -> bool:
    """Its status goes on changing, for its own sake or for that of what is beside it."""
    return spec.args[0] in RESTLESS or not company_rests(spec)


def _check_answers(plane: PlaneProcess, checker: Checker) -> None:
    """What the API shows is what the store has."""
    shown = {f"/{key.namespace}/{key.name}": record.task for key, record in plane.cache.tasks.items()}
    stored = {f"/{task.metadata.namespace}/{task.metadata.name}": task for task in checker.mirror.tasks.values()}
    for key in sorted(shown.keys() | stored.keys()):
        if checker.garbage.under_way(key.rpartition("/")[2], checker.now()):
            continue
        if shown.get(key) != stored.get(key):
            raise Violation(f"{plane.name} shows {key} otherwise than the store has it", key.rpartition("/")[2])


def _check_services_shown(plane: PlaneProcess, checker: Checker) -> None:
    """What the API says of a service: as its rollout says, and that its image is gone where it is."""
    services, mirror = checker.services, checker.mirror
    for key, service in sorted(services.now.items()):
        rollout = services.rollouts.now.get(keys.rollout(key.namespace, key.name))
        shown = plane.services.show(NamedKey(key.namespace, key.name))
        if rollout is None or shown is None or service.spec.paused:
            continue
        if shown.status.phase != rollout.phase:
            raise Violation(
                f"{key.label} is {rollout.phase}, and {plane.name} shows it as {shown.status.phase}", key.name
            )
        own = {
            task.metadata.name: task
            for task in services.own(service, mirror.tasks)
            if services.is_wanted(service, task.metadata.labels.get(SLOT, ""))
        }
        services.digests.check_told(key.name, rollout, own, statuses_of(mirror, own), shown.status.message)
