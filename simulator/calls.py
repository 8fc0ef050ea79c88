"""What must hold at every call of a container runtime, before it is carried out. Reads the store's history alone."""

from __future__ import annotations

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.checker import Checker
from simulator.node import Host
from simulator.promises import check_backoff, check_spacing
from simulator.story import Violation

_RUN = "ty-"


def check_call(checker: Checker, who: str, host: Host, call: str, container: ContainerInfo | None, name: str) -> None:
    if container is not None and container.id in host.foreign:
        raise Violation(f"{who} touched the foreign container {container.name}: {call}", host.name)
    if call == "create":
        _check_create(checker, who, host, name)
    elif call == "start":
        _check_start(checker, who, host, container, name)
    else:
        _check_end(checker, who, host, call, container)


def _check_end(checker: Checker, who: str, host: Host, call: str, container: ContainerInfo | None) -> None:
    if container is None or not container.name.startswith(_RUN):
        return
    uid, past = _parts(container.name)[0], checker.past
    kept = past.has_to_stay(host.name, uid, container) and container.state is ContainerState.RUNNING
    if kept and uid not in checker.mirror.assignments.get(host.name, {}):
        raise Violation(f"{who} ends {container.name} ({call}), whose assignment was lost with the store's data", uid)
    if call == "remove" and container.started_at:
        past.note_ended(host.key, uid, container.name)


def _check_assigned(checker: Checker, who: str, host: Host, call: str, run: str) -> tuple[str, int]:
    if not run.startswith(_RUN):
        raise Violation(f"{who} was to {call} {run}", host.name)
    uid, epoch = _parts(run)
    if (host.name, uid, epoch) not in checker.past.assigned:
        raise Violation(f"{call} {run} on {host.name}, where it never was assigned", uid)
    return uid, epoch


def _check_create(checker: Checker, who: str, host: Host, run: str) -> None:
    uid, epoch = _check_assigned(checker, who, host, "create", run)
    if (uid, epoch) not in checker.past.intended:
        raise Violation(f"{run} is created on {host.name} without a durable intent", uid)
    if (host.key, run) in checker.past.ended:
        raise Violation(f"{run}, which has run and ended, is made again on {host.name}", uid)


def _check_start(checker: Checker, who: str, host: Host, container: ContainerInfo | None, name: str) -> None:
    run = container.name if container is not None else name
    uid, _ = _check_assigned(checker, who, host, "start", run)
    if checker.past.reporters.get((host.name, uid)) == host.key:
        # Else it is what the agent of another machine has written, which had the name meanwhile.
        check_backoff(checker.mirror.statuses.get(host.name, {}).get(uid), run, host.clock)
    _check_spacing(checker, host, run)
    others = [
        one.name
        for one in host.runtime.everything()
        if one.state is ContainerState.RUNNING
        and one.name != run
        and one.name.startswith(f"{_RUN}{uid}-")
        and one.id not in host.foreign
    ]
    if others:
        raise Violation(f"{run} is started on {host.name} while {others[0]} runs", uid)
    if container is not None and container.state is ContainerState.EXITED:
        raise Violation(f"{run}, which has ended, is started again on {host.name}", uid)


def _check_spacing(checker: Checker, host: Host, run: str) -> None:
    """A singleton that was fenced starts again at once, which is no restart."""
    past, now, (uid, _) = checker.past, checker.now(), _parts(run)
    status = checker.mirror.statuses.get(host.name, {}).get(uid)
    if status is None:
        return
    stem, _, number = run.rpartition("-")
    at, restarts = past.starts.get((host.key, f"{stem}-{int(number) - 1}"), (now, status.restarts))
    past.starts[host.key, run] = now, status.restarts
    if restarts < status.restarts and uid not in past.restored_at:
        check_spacing(status, run, now - at, host.clock)


def _parts(run: str) -> tuple[str, int]:
    """uid and epoch."""
    uid, epoch, _ = run.removeprefix(_RUN).split("-")
    return uid, int(epoch)
