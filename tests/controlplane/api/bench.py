"""The API over a store in memory, without a network and without threads of its own: what its tests stand on."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from falcon.testing import Result, TestClient

from controlplane.api.application import Api, ApiParts
from controlplane.api.etcd_contact import EtcdContact
from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import unavailable
from taskyard import keys
from taskyard.clock import ManualClock
from taskyard.objects import Task, TaskState, decode
from taskyard.store.faulty import FaultyStore
from taskyard.store.memory import MemoryStore
from tests.support.plane import Plane

SEED_BODY = {
    "name": "web-server",
    "image": "nginx:latest",
    "memory": 512,
    "cpu": 1.0,
    "disk": 1,
    "exposedPorts": {"80/tcp": {}},
}
"""As the seed's README has it."""


def manifest(name: str = "web", *, image: str = "busybox:1.35", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Task",
        "metadata": {"name": name, **metadata},
        "spec": {"image": image},
    }


class Pumped(Freshness):
    """Where nobody else pumps the informer: whoever waits for a revision does."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    def reach(self, revision: int) -> bool:
        with self._plane.pumping:
            while self._plane.informer.revision < revision and self._plane.informer.pump(0):
                pass
        return self._plane.informer.revision >= revision

    def reach_now(self) -> None:
        if not self.reach(self._plane.store.list(keys.LEADERS).revision):
            raise unavailable("the watch lags", "Lagging")


class ApiBench:
    """`plane` has the store, the cache and the loops; nothing but a write pumps."""

    def __init__(self, *, allowed_hosts: Collection[str] = (), synced: bool = True) -> None:
        self.clock = ManualClock()
        self.store = FaultyStore(MemoryStore(self.clock))
        self.plane = Plane(clock=self.clock, store=self.store)
        self.contact = EtcdContact(self.store, self.clock)
        self.api = Api(
            ApiParts(
                store=self.store,
                cache=self.plane.cache,
                clock=self.clock,
                contact=self.contact,
                losses=self.plane.losses,
                freshness=Pumped(self.plane),
                allowed_hosts=allowed_hosts,
                scheduler=self.plane.scheduler.metrics,
            )
        )
        self.app = self.api.application()
        self.client = TestClient(self.app)
        if synced:
            self.plane.pump()
            self.contact.probe()

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Result:
        """One request; `body` bytes go as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        typed = {"Content-Type": content_type} if raw is not None else {}
        path, _, query = path.partition("?")
        return self.client.simulate_request(
            method, path, query_string=query, body=raw, headers={**typed, **(headers or {})}, host="localhost"
        )

    def stored(self, name: str, namespace: str = "default") -> Task | None:
        entry = self.store.get(keys.task(namespace, name))
        return decode(entry.value, Task) if entry else None

    def bind(self, *names: str) -> None:
        """A node with room, and the scheduler has done its work."""
        self.plane.add_node("n1")
        self.plane.lead()
        self.plane.settle(self.plane.scheduler)
        for name in names:
            assert self.plane.node_of(name) == "n1"

    def settle(self, runs: TaskState = TaskState.RUNNING) -> None:
        """Until nothing happens any more: agents that obey at once run what is bound, and stop what is to stop.

        `runs`: what they say of a task that they have not told of before.
        """
        for _ in range(50):
            self.plane.settle(self.plane.scheduler, self.plane.tasks, self.plane.evictions)
            if not self._obey(runs):
                return
        raise AssertionError("it does not settle")

    def _obey(self, runs: TaskState) -> bool:
        """What agents would report; whether there was anything."""
        told = False
        for record in list(self.plane.cache.tasks.values()):
            binding = record.task.binding
            node = self.plane.cache.nodes.get(record.node)
            held = self.plane.cache.assignment_on(record.uid, record.node)
            if binding is None or held is None or node is None or not node.ready:
                continue
            status = self.plane.cache.status_on(record.uid, record.node)
            stopped = held.assignment.desired == "Stopped"
            told_of = status is not None and status.status.epoch == held.assignment.epoch
            if told_of and not (stopped and status and not status.status.state.terminal):
                continue
            self.plane.report(record.key.name, TaskState.COMPLETED if stopped else runs)
            told = True
        return told


def problem(result: Result, status: int) -> dict[str, Any]:
    """The problem in an answer that must be one."""
    assert result.status_code == status, result.text
    assert result.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = result.json
    assert body["status"] == status
    assert body["type"].startswith("urn:taskyard:problem:")
    return body
