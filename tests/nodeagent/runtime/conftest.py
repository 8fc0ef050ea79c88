"""Containers made from task specs on a real Docker Engine, all the way that a manifest goes."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import docker
import msgspec
import pytest

from nodeagent.container_spec import container_spec
from nodeagent.names import Owner, Run
from nodeagent.preparation import NOTHING_PREPARED, Preparation
from nodeagent.runtime.docker import DockerRuntime
from nodeagent.runtime.port import ContainerInfo, ContainerState
from taskyard.manifest import read_object
from taskyard.objects import Assignment, Task
from tests.nodeagent.runtime.harness import RealHarness
from tests.support.docker_engine import DockerEngine


@dataclass
class RealTasks:
    engine: DockerEngine
    runtime: DockerRuntime
    client: docker.APIClient
    """For what our runtime does not tell."""
    cluster: str
    name: str = "web"
    """Of the tasks that are made next."""
    _uids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def create(self, spec: dict[str, Any], prepared: Preparation = NOTHING_PREPARED) -> str:
        """A container for a task with this spec; its id."""
        manifest = {"apiVersion": "taskyard/v1", "kind": "Task", "metadata": {"name": self.name}}
        task = read_object(manifest | {"spec": {"image": "busybox:1.35"} | spec})
        assert isinstance(task, Task)
        # As it arrives on the node: through etcd.
        wanted = msgspec.json.decode(msgspec.json.encode(task.spec), type=type(task.spec))
        run = Run(f"{next(self._uids):012x}", 3, 2)
        assignment = Assignment(uid=run.uid, namespace="shop", name=self.name, epoch=3, spec_hash="0a", spec=wanted)
        made = container_spec(assignment, run, Owner(self.cluster, "n1"), prepared)
        return self.runtime.create(made)

    def start(self, spec: dict[str, Any], prepared: Preparation = NOTHING_PREPARED) -> str:
        container = self.create(spec, prepared)
        self.runtime.start(container)
        return container

    def ended(self, container: str) -> ContainerInfo:
        def look() -> ContainerInfo | None:
            found = self.runtime.inspect(container)
            return found if found is not None and found.state is ContainerState.EXITED else None

        RealHarness(self.runtime).until(lambda: look() is not None)
        found = look()
        assert found is not None
        return found

    def output(self, spec: dict[str, Any], prepared: Preparation = NOTHING_PREPARED) -> str:
        """What a task prints that ends by itself."""
        container = self.start(spec, prepared)
        self.ended(container)
        return self.said(container).decode()

    def said(self, container: str) -> bytes:
        return bytes(self.client.logs(container))

    def until_printed(self, container: str, word: str) -> None:
        def printed() -> bool:
            return word.encode() in self.said(container)

        RealHarness(self.runtime).until(printed)

    def prints(self, script: str, **spec: Any) -> str:
        """The same of a shell script, without the last line break."""
        return self.output({"command": ["sh", "-c", script], **spec}).strip()

    def remove_all(self) -> None:
        """Every container that was made here."""
        self.engine.remove_all(f"taskyard/cluster={self.cluster}")


@pytest.fixture
def tasks(docker_engine: DockerEngine) -> Iterator[RealTasks]:
    cluster = f"test-{uuid.uuid4().hex[:12]}"
    runtime, client = DockerRuntime(docker_engine.host), docker_engine.client()
    made = RealTasks(docker_engine, runtime, client, cluster)
    yield made
    runtime.close()
    client.close()
    made.remove_all()
