"""`taskyard up`: from a bare machine to running tasks, one step after the other, each of which is safe to repeat.

What to run is settled in taskyard/local/settle.py; keeping it running is the supervisor's work, in a process of its
own, so that it goes on when this command ends.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from taskyard.cli.manifests import Manifest, read_manifests
from taskyard.cli.waiting import Awaited, Verdict, awaited_after
from taskyard.client.api import Client, Sent
from taskyard.local import demo_image, etcd
from taskyard.local.engine import Engine
from taskyard.local.errors import LocalError
from taskyard.local.process import identify, spawn
from taskyard.local.readiness import api_ready, log_of, node_ready, wait_until
from taskyard.local.settle import Wishes, disagreements, plan, settle
from taskyard.local.state import Settings, StateFolder
from taskyard.local.steps import Steps
from taskyard.local.tasktable import watch_tasks

_START_TIMEOUT = 60.0
"""For each part, in seconds: on a machine busy with other things 30 were too few."""
_TASKS_TIMEOUT = 120.0
_TITLES = {"docker": "Docker Engine", "etcd": "etcd", "controlplane": "control plane", "agent": "agent"}


@dataclass(frozen=True, slots=True)
class Started:
    """What `up` leaves behind. `verdicts`: on each task of the manifests."""

    settings: Settings
    verdicts: dict[str, Verdict]


def bring_up(folder: StateFolder, wishes: Wishes, manifests: Path | None, steps: Steps) -> Started:
    """Raises LocalError; what was started by then keeps running, and the next `up` goes on from there."""
    documents = read_manifests([str(manifests)], None) if manifests is not None else []
    with folder.locked("up"):
        settings = _start(folder, wishes, steps)
        client = Client(settings.url)
        _await_parts(folder, settings, client, steps)
        awaited = _apply(client, documents, steps)
    verdicts = watch_tasks(client, awaited, steps.console, _TASKS_TIMEOUT) if awaited else {}
    return Started(settings, verdicts)


def _start(folder: StateFolder, wishes: Wishes, steps: Steps) -> Settings:
    """The settings in force."""
    earlier = folder.settings()
    supervisor = folder.supervisor()
    alive = folder.running_children()
    differing = disagreements(earlier, wishes) if earlier is not None and alive else []
    if differing:
        raise LocalError(
            f"it runs already, with other settings: {'; '.join(differing)}",
            hint="`taskyard down` first, then up again; or repeat without those options",
        )
    if earlier is not None and supervisor is not None:
        steps.say(f"already running in {folder.path} (supervisor: pid {supervisor.pid})")
        return earlier
    if alive:
        steps.say(f"still running from before, and kept: {', '.join(alive)}")
    with steps.step("looking for a Docker Engine and an etcd") as result:
        settings = settle(folder, wishes, earlier, alive, steps.say)
        result.append(f"using {_docker_words(settings)} and {_etcd_words(settings)}")
    folder.write(settings)
    folder.write(plan(folder, settings))
    with steps.step("starting the supervisor") as result:
        argv = [sys.executable, "-m", "taskyard.local.supervisor", str(folder.path)]
        started = spawn(argv, log_of(folder, "supervisor"))
        _wait_for_supervisor(folder, started)
        result.append(f"started the supervisor (pid {started.pid}), which keeps the rest running")
    return settings


def _wait_for_supervisor(folder: StateFolder, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while folder.supervisor() != identify(started.pid):
        if started.poll() is not None or time.monotonic() > deadline:
            raise LocalError("the supervisor did not start", log=log_of(folder, "supervisor"))
        time.sleep(0.05)


def _await_parts(folder: StateFolder, settings: Settings, client: Client, steps: Steps) -> None:
    engine = Engine(settings.docker)
    if settings.own_docker:
        _await(steps, folder, "docker", engine.ping, _START_TIMEOUT, lambda: f"Docker Engine {engine.version()}")
    with steps.step(f"looking for the image {demo_image.REFERENCE}") as result:
        result.append(demo_image.ensure(engine))
    endpoint = settings.etcd[0]
    if settings.own_etcd:
        _await(steps, folder, "etcd", lambda: etcd.healthy(endpoint), _START_TIMEOUT, lambda: f"etcd at {endpoint}")
    _await(
        steps,
        folder,
        "controlplane",
        lambda: api_ready(client),
        _START_TIMEOUT,
        lambda: f"control plane at {settings.url}",
    )
    _await(
        steps,
        folder,
        "agent",
        lambda: node_ready(client, settings.node),
        _START_TIMEOUT,
        lambda: f"agent, as node {settings.node}",
    )


def _await(
    steps: Steps, folder: StateFolder, child: str, ready: Callable[[], bool], timeout: float, done: Callable[[], str]
) -> None:
    with steps.step(f"waiting for the {_TITLES[child]}") as result:
        wait_until(f"the {_TITLES[child]}", ready, folder, child, timeout)
        result.append(done())


def _apply(client: Client, documents: list[Manifest], steps: Steps) -> list[Awaited]:
    """Applies them all, and returns the tasks that are to run."""
    if not documents:
        return []
    with steps.step("applying the manifests") as result:
        answer = client.apply([Sent(document.source, document.data) for document in documents])
        counts = {
            word: sum(r.result == word for r in answer.results) for word in ("created", "configured", "unchanged")
        }
        result.append(f"applied the manifests: {', '.join(f'{n} {word}' for word, n in counts.items() if n)}")
    return [awaited_after(result) for result in answer.results if result.kind == "Task"]


def _docker_words(settings: Settings) -> str:
    return "a Docker Engine of its own" if settings.own_docker else f"the Docker Engine at {settings.docker}"


def _etcd_words(settings: Settings) -> str:
    return "an etcd of its own" if settings.own_etcd else f"the etcd at {','.join(settings.etcd)}"
