"""What must hold at every call of a container runtime, before it is carried out. Reads the store's history alone."""

from __future__ import annotations

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.beside import check_stop, ours
from simulator.checker import Checker
from simulator.hooks import check_signal
from simulator.node import Host
from simulator.promises import check_backoff, check_spacing
from simulator.runs import PREFIX, Run, run_of
from simulator.story import Violation


def check_call(checker: Checker, who: str, host: Host, call: str, container: ContainerInfo | None, name: str) -> None:
    if container is not None and container.id in host.foreign:
        raise Violation(f"{who} touched the foreign container {container.name}: {call}", host.name)
    if call == "create":
        _check_create(checker, who, host, name)
    elif call == "start":
        _check_start(checker, who, host, container, name)
    elif not call.startswith("run "):
        _check_end(checker, who, host, call, container)


def _check_end(checker: Checker, who: str, host: Host, call: str, container: ContainerInfo | None) -> None:
    if container is None or not container.name.startswith(PREFIX):
        return
    run, past = run_of(container.name), checker.past
    kept = past.has_to_stay(host.name, run.uid, container) and container.state is ContainerState.RUNNING
    if kept and run.uid not in checker.mirror.assignments.get(host.name, {}):
        raise Violation(
            f"{who} ends {container.name} ({call}), whose assignment was lost with the store's data", run.uid
        )
    check_stop(host, run, container)
    if call.startswith("kill "):
        check_signal(host, run, call, container, checker.past.specs[container.labels["taskyard/spec-hash"]])
    if call == "remove" and container.started_at and not run.is_sidecar:
        past.note_ended(host.key, run.uid, container.name)


def _check_assigned(checker: Checker, who: str, host: Host, call: str, name: str) -> Run:
    if not name.startswith(PREFIX):
        raise Violation(f"{who} was to {call} {name}", host.name)
    run = run_of(name)
    if (host.name, run.uid, run.epoch) not in checker.past.assigned:
        raise Violation(f"{call} {name} on {host.name}, where it never was assigned", run.uid)
    return run


def _check_create(checker: Checker, who: str, host: Host, name: str) -> None:
    uid, epoch, *_ = _check_assigned(checker, who, host, "create", name)
    checker.secrecy.note_create(host, name, checker.now())
    if (uid, epoch) not in checker.past.intended:
        raise Violation(f"{name} is created on {host.name} without a durable intent", uid)
    if (host.key, name) in checker.past.ended:
        raise Violation(f"{name}, which has run and ended, is made again on {host.name}", uid)


def _check_start(checker: Checker, who: str, host: Host, container: ContainerInfo | None, name: str) -> None:
    name = container.name if container is not None else name
    run = _check_assigned(checker, who, host, "start", name)
    status = checker.mirror.statuses.get(host.name, {}).get(run.uid)
    told = checker.past.reporters.get((host.name, run.uid)) == host.key
    if told:
        # Else it is what the agent of another machine has written, which had the name meanwhile.
        check_backoff(status, run, host.clock)
    if not run.is_sidecar:
        _check_spacing(checker, host, run)
    running = [one.name for one in ours(host, run.uid) if one.state is ContainerState.RUNNING and one.name != name]
    others = [other for other in running if run_of(other).stem != run.stem]
    if others:
        raise Violation(f"{name} is started on {host.name} while {others[0]} runs", run.uid)
    if container is None:
        return
    if container.state is ContainerState.EXITED and not run.is_sidecar:
        raise Violation(f"{name}, which has ended, is started again on {host.name}", run.uid)
    spec = checker.past.specs[container.labels["taskyard/spec-hash"]]
    checker.beside.check_start(host, run, container, spec)
    if not run.part:
        checker.mounts.check_start(host, run.uid, container, spec)
        checker.secrecy.check_start(host, container.id, spec)
    if told and status is not None and run.is_sidecar:
        checker.beside.check_restart(host, run, status, spec)


def _check_spacing(checker: Checker, host: Host, run: Run) -> None:
    """A singleton that was fenced starts again at once, which is no restart."""
    past, now = checker.past, checker.now()
    status = checker.mirror.statuses.get(host.name, {}).get(run.uid)
    if status is None:
        return
    before = run._replace(attempt=run.attempt - 1).stem
    at, restarts = past.starts.get((host.key, before), (now, status.restarts))
    past.starts[host.key, run.stem] = now, status.restarts
    if restarts < status.restarts and run.uid not in past.restored_at:
        check_spacing(status, run, now - at, host.clock)
