"""`taskyard up`, `status` and `down` as a user types them, on a real etcd and a real Docker Engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskyard.local.engine import Container, Engine
from taskyard.local.process import ProcessId
from taskyard.local.state import StateFolder
from tests.support.docker_engine import DockerEngine
from tests.support.waiting import until

pytestmark = [pytest.mark.docker, pytest.mark.etcd]

MANIFEST = """
apiVersion: taskyard/v1
kind: Task
metadata: {name: sleeper}
spec: {image: 'busybox:1.35', command: [sleep, '600'], stop: {gracePeriod: 0s}}
"""


class Machine:
    """Runs the commands in a folder of their own, on an engine that runs already."""

    def __init__(self, path: Path, engine: DockerEngine) -> None:
        self.path = path
        self.folder = StateFolder(path / "state")
        self.engine = Engine(engine.host)
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("TASKYARD_")}
        self._environment |= {"DOCKER_HOST": engine.host, "TASKYARD_STATE_DIR": str(self.folder.path)}
        (path / "manifests").mkdir()
        (path / "manifests" / "sleeper.yaml").write_text(MANIFEST)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "taskyard.cli.main", *arguments],
            cwd=self.path,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def up(self, *arguments: str) -> tuple[int, str]:
        return self.run("up", "--detach", "--etcd", "own", *arguments)

    def processes(self) -> dict[str, ProcessId]:
        report = self.folder.report()
        assert report is not None
        children = {child.name: child.process for child in report.children if child.process is not None}
        return {"supervisor": report.supervisor, **children}

    def containers(self) -> list[Container]:
        settings = self.folder.settings()
        return self.engine.containers(f"taskyard/cluster={settings.cluster}") if settings is not None else []


@pytest.fixture
def machine(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[Machine]:
    machine = Machine(tmp_path, docker_engine)
    yield machine
    machine.run("down", "--purge")


def test_up_again_and_down(machine: Machine) -> None:
    code, output = machine.up()
    assert code == 0, output
    assert "applied the manifests: 1 created" in output
    assert "task/sleeper: Running" in output
    assert "The API is at http://127.0.0.1:" in output
    before = machine.processes()
    assert set(before) == {"supervisor", "etcd", "controlplane", "agent"}
    container = [one.id for one in machine.containers()]
    assert len(container) == 1

    code, output = machine.up()
    assert code == 0, output
    assert "already running" in output
    assert "1 unchanged" in output
    assert machine.processes() == before
    assert [one.id for one in machine.containers()] == container
    assert machine.run("status")[0] == 0

    settings = machine.folder.settings()
    assert settings is not None
    code, output = machine.run("down")
    assert code == 0, output
    assert not [name for name, process in before.items() if process.alive()]
    assert machine.engine.containers(f"taskyard/cluster={settings.cluster}") == []
    assert (machine.folder.etcd / "data").is_dir()
    assert machine.run("status")[0] == 1
    code, output = machine.run("down", "--purge")
    assert (code, machine.folder.path.exists()) == (0, False), output


def test_only_what_died_is_started_again_also_after_the_supervisor(machine: Machine) -> None:
    code, output = machine.up()
    assert code == 0, output
    before = machine.processes()
    for name in ("supervisor", "agent"):
        before[name].signal(signal.SIGKILL)
        until(lambda name=name: not before[name].alive())
    code, output = machine.up()
    assert code == 0, output
    after = machine.processes()
    assert {name for name in before if before[name] != after[name]} == {"supervisor", "agent"}
    assert len(machine.containers()) == 1


def test_ctrl_c_stops_all_but_the_containers(machine: Machine) -> None:
    process = machine.start("up", "--etcd", "own")
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    running = machine.processes()
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(60) == 0, "".join(lines) + rest
    assert "1 container keeps running" in rest
    assert "down" in rest
    assert not [name for name, one in running.items() if one.alive()]
    assert [one.state for one in machine.containers()] == ["running"]


def test_a_taken_port_is_refused_by_name_and_a_usual_one_passed_over(machine: Machine) -> None:
    code, output = machine.up()
    assert code == 0, output
    settings = machine.folder.settings()
    assert settings is not None
    code, output = machine.run("up", "--detach", "--state-dir", "other", "--etcd", "own", "--port", str(settings.port))
    assert code == 1
    assert f"port {settings.port} on 127.0.0.1 is held by" in output
    assert f"pid {machine.processes()['controlplane'].pid}" in output
