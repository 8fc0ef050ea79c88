"""What runs before and beside a task: its init tasks, sidecars and the container that holds their network.

Judged by the calls of container runtimes and by what the containers are, never by the agent's words: an attempt's init
tasks succeed in their order before anything else of it starts, sidecars start in theirs, and all are stopped after the
task itself, before its end is told.
"""

from __future__ import annotations

from nodeagent.runtime.port import ContainerInfo, ContainerState
from simulator.mirror import Mirror
from simulator.node import Host
from simulator.promises import check_due, check_wait
from simulator.runs import PREFIX, Run, run_of
from simulator.story import Violation
from taskyard.objects import TaskSpec, TaskStatus

_WINDS_DOWN = 15.0
"""Seconds that sidecars which ignore their signal may take to be stopped, one after the other."""


class Beside:
    def __init__(self) -> None:
        self._names: dict[str, dict[str, str]] = {}
        """By host, id → name, of all that were ever asked to start."""
        self._heard: dict[str, int] = {}
        """Of the ends of each host's containers, how many."""
        self._succeeded: set[tuple[str, str]] = set()
        """Host and container."""
        self._started: set[tuple[str, str]] = set()
        self._last: dict[tuple[str, str], tuple[float, int]] = {}
        """When each sidecar was last started, on the monotonic clock, and after how many restarts."""

    def check_start(self, host: Host, run: Run, container: ContainerInfo, spec: TaskSpec) -> None:
        """Before a start: of whatever has to have happened in this attempt."""
        self._hear(host)
        name = container.name
        inits = [f"init{number}" for number in range(1, len(spec.init) + 1)]
        before = inits[: run.number - 1] if run.part.startswith("init") else inits
        for part in before:
            if (host.key, run.beside(part)) not in self._succeeded:
                raise Violation(f"{name} is started on {host.name} before {part} has succeeded", run.uid)
        for part in _started_before(run, spec):
            if (host.key, run.beside(part)) not in self._started:
                raise Violation(f"{name} is started on {host.name} before {part or 'the task itself'} was", run.uid)
        self._names.setdefault(host.key, {})[container.id] = name
        self._started.add((host.key, name))

    def check_restart(self, host: Host, run: Run, status: TaskStatus, spec: TaskSpec) -> None:
        """Of a sidecar, before its start: its own wait is over, by what its agent has written, and has grown."""
        known = {one.name: one for one in status.sidecars}
        one = known.get(spec.sidecars[run.number - 1].name)
        if one is None or run[:3] != (status.uid, status.epoch, status.attempt):
            return
        name, now = run.beside(run.part), host.clock.monotonic()
        check_due(one.next_start_at, name, run.uid, host.clock)
        at, restarts = self._last.get((host.key, name), (now, one.restarts))
        self._last[host.key, name] = now, one.restarts
        if restarts < one.restarts:
            check_wait(one.restarts, name, run.uid, now - at, host.clock)

    def _hear(self, host: Host) -> None:
        ends = host.runtime.containers.ends
        news = ends[self._heard.get(host.key, 0) :]
        self._heard[host.key] = len(ends)
        names = self._names.get(host.key, {})
        for end in news:
            if end.exit_code == 0 and end.id in names:
                self._succeeded.add((host.key, names[end.id]))


def _started_before(run: Run, spec: TaskSpec) -> list[str]:
    """Parts of the attempt, whatever became of them since."""
    if run.part == "net" or run.part.startswith("init"):
        return []
    parts = [("", "main"), *((f"side{number}", one.start) for number, one in enumerate(spec.sidecars, start=1))]
    early = [part for part, start in parts if start == "before"]
    if run.part in early:
        early = early[: early.index(run.part)]
    elif run.part:
        early.append("")
    return ["net", *early] if spec.sidecars else []


def check_stop(host: Host, run: Run, container: ContainerInfo) -> None:
    """Before it is killed or removed: what has to be stopped before it runs no more."""
    if container.state is not ContainerState.RUNNING:
        return
    others = {run_of(one.name) for one in ours(host, run.uid) if one.state is ContainerState.RUNNING}
    for other in sorted(others):
        same = other.stem == run.stem and other != run
        if same and (run.part == "net" or (run.is_sidecar and (not other.part or other > run))):
            raise Violation(
                f"{container.name} is stopped on {host.name} while {other.part or 'the task itself'} runs", run.uid
            )


def check_over(host: Host, status: TaskStatus) -> None:
    """When its agent tells the end of a task: nothing of it runs any more on that host."""
    if not status.state.terminal:
        return
    running = [one.name for one in ours(host, status.uid) if one.state is ContainerState.RUNNING]
    if running:
        raise Violation(f"{status.name} is {status.state} on {host.name}, and {running[0]} runs", status.uid)


def check_left(host: Host, mirror: Mirror) -> None:
    """Once all has settled: nothing of an ended task runs, though somebody may have started it late."""
    for status in mirror.statuses.get(host.name, {}).values():
        check_over(host, status)


def check_company(host: Host, status: TaskStatus, spec: TaskSpec) -> None:
    """Once all has settled, of a task that runs, and whose sidecars do not end by themselves."""
    running = {run_of(one.name) for one in ours(host, status.uid) if one.state is ContainerState.RUNNING}
    wanted = [
        "",
        *(f"side{number}" for number in range(1, len(spec.sidecars) + 1)),
        *(["net"] if spec.sidecars else []),
    ]
    found = sorted(run.part for run in running)
    if found != sorted(wanted):
        raise Violation(f"of {status.name} run {found} on {host.name}, not {sorted(wanted)}", status.uid)
    ill = [one.name for one in status.sidecars if one.state != "Running"]
    if ill or not status.ready or len(status.sidecars) != len(spec.sidecars):
        raise Violation(f"{status.name} is shown as not ready, or {ill} as not running, and all of it runs", status.uid)


def is_being_prepared(host: Host, status: TaskStatus, since: float) -> bool:
    """An init task of it runs, or has ended since then, on the host's clock: its agent may not have heard of it yet."""
    there = ours(host, status.uid)
    runs = [run_of(one.name) for one in there if one.state is ContainerState.RUNNING or one.finished_at > since]
    return any(run.part.startswith("init") and run.attempt == status.attempt for run in runs)


def winds_down(host: Host, found: ContainerInfo | None) -> bool:
    """It has ended, and its sidecars may still be being stopped."""
    return found is not None and found.finished_at > host.clock.now() - _WINDS_DOWN


def ours(host: Host, uid: str) -> list[ContainerInfo]:
    """The task's containers there."""
    stem = f"{PREFIX}{uid}-"
    return [one for one in host.runtime.everything() if one.name.startswith(stem) and one.id not in host.foreign]
