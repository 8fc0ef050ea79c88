"""`taskyard down`: ends what `up` started and removes the containers of its cluster. Data stays unless it is purged."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from taskyard.local.dockerd import Dockerd
from taskyard.local.engine import Container, Engine, EngineError
from taskyard.local.errors import LocalError
from taskyard.local.process import stop
from taskyard.local.state import Settings, StateFolder
from taskyard.local.steps import Steps

_AT_ONCE = 4
"""Containers stopped at a time: dockerd 20.10 can wedge on many."""
_SUPERVISOR_GRACE = 60.0


def take_down(folder: StateFolder, steps: Steps, *, purge: bool) -> None:
    with folder.locked("up"):
        settings = folder.settings()
        if stop_processes(folder, steps) == 0 and settings is None:
            steps.say(f"nothing is running in {folder.path}")
        if settings is not None:
            _remove_containers(folder, settings, steps)
        folder.forget()
    if purge:
        Dockerd(folder.docker).purge()
        shutil.rmtree(folder.path, ignore_errors=True)
        steps.say(f"deleted {folder.path}")


def stop_processes(folder: StateFolder, steps: Steps) -> int:
    """Supervisor and children, but for a Docker Engine of our own, which holds the containers. How many ran."""
    report = folder.report()
    plan = folder.plan()
    if report is None or plan is None:
        return 0
    outliving = {child.name for child in plan.children if child.outlives}
    children = [c.process for c in report.children if c.process is not None and c.name not in outliving]
    running = [process for process in [report.supervisor, *children] if process.alive()]
    if not running:
        return 0
    names = ", ".join(child.name for child in reversed(report.children) if child.name not in outliving)
    with steps.step(f"stopping {names}") as result:
        stop([report.supervisor], grace=_SUPERVISOR_GRACE)
        killed = stop(children, grace=10.0)  # those that a dead supervisor left
        result.append(f"stopped {names}" + (f" ({len(killed)} had to be killed)" if killed else ""))
    return len(running)


def our_containers(settings: Settings) -> list[Container]:
    """Those of this cluster, running or not; empty when the engine does not answer."""
    try:
        return Engine(settings.docker).containers(f"taskyard/cluster={settings.cluster}")
    except EngineError:
        return []


def _remove_containers(folder: StateFolder, settings: Settings, steps: Steps) -> None:
    dockerd = Dockerd(folder.docker)
    engine = Engine(settings.docker)
    if settings.own_docker and dockerd.running() is None:
        if not dockerd.has_containers():
            dockerd.stop()
            return
        with steps.step("starting the Docker Engine once more, to remove its containers"):
            dockerd.start()
            dockerd.wait_ready()
    try:
        containers = engine.containers(f"taskyard/cluster={settings.cluster}")
    except EngineError as error:
        raise LocalError(
            f"the containers cannot be removed: {error}", hint="start that Docker Engine, then repeat"
        ) from error
    if containers:
        with steps.step(f"removing {len(containers)} containers") as result:
            _remove(engine, containers)
            result.append(f"removed {len(containers)} containers")
    if settings.own_docker:
        with steps.step("stopping the Docker Engine") as result:
            dockerd.stop()
            result.append("stopped the Docker Engine")


def _remove(engine: Engine, containers: Sequence[Container]) -> None:
    """Each is asked to stop first, with its own signal and grace period."""

    def remove(container: Container) -> str:
        try:
            if container.state == "running":
                engine.stop_container(container.id)
            engine.remove_container(container.id)
        except EngineError as error:
            return f"{container.name}: {error}"
        return ""

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failures = [failure for failure in pool.map(remove, containers) if failure]
    if failures:
        raise LocalError("not every container could be removed: " + "; ".join(failures), hint="repeat the command")
