"""The peers of the node's benchmarks, on the same dockerd: docker-py with threads, and Docker Swarm.

Each starts and removes many containers that sleep, and tells how long that took.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker

from bench.environment import SLEEP, docker_client
from taskyard.local import demo_image

LABELS = {"bench": "peer"}
_THREADS = (4, 8)
"""What is tried. Of 2, 4 and 8 it was best with 8 on a bridge and with 4 on the host's network, on two cores."""
_POLL = 0.03
_PATIENCE = 180.0


class DockerPy:
    """As many threads as it is best with: `calibrate` finds out."""

    def __init__(self, host: str, network: str) -> None:
        self._client = docker_client(host)
        self._network = network
        self.threads = 4

    def calibrate(self, sample: int = 16) -> None:
        rates: dict[int, float] = {}
        for self.threads in _THREADS:
            took, _ = self.burst(sample)
            rates[self.threads] = sample / took
        self.threads = max(rates, key=lambda threads: rates[threads])

    def burst(self, count: int) -> tuple[float, float]:
        """Seconds until all run, and until all are gone."""
        with ThreadPoolExecutor(self.threads) as pool:
            began = time.perf_counter()
            containers = list(pool.map(lambda _: self.start(), range(count)))
            started = time.perf_counter() - began
            began = time.perf_counter()
            list(pool.map(self.remove, containers))
            return started, time.perf_counter() - began

    def start(self) -> str:
        """One container, created and started."""
        config = self._client.create_host_config(network_mode=self._network)
        made = self._client.create_container(demo_image.REFERENCE, SLEEP, labels=LABELS, host_config=config)
        self._client.start(made["Id"])
        return str(made["Id"])

    def remove(self, container: str) -> None:
        self._client.remove_container(container, force=True)


class Swarm:
    """One service of as many replicas; stop grace and restart delay 0."""

    def __init__(self, client: docker.APIClient) -> None:
        self._client = client
        self._count = 0

    def burst(self, count: int, network: str) -> tuple[float, float]:
        """Seconds until all run, and until, scaled to nothing, no container of it is left."""
        name, spec = self._spec()
        networks = [{"Target": "host"}] if network == "host" else None
        began = time.perf_counter()
        self._client.create_service(spec, name=name, mode=_replicas(count), networks=networks)
        _until(lambda: self._running(name) == count)
        started = time.perf_counter() - began
        began = time.perf_counter()
        version = self._client.inspect_service(name)["Version"]["Index"]
        self._client.update_service(name, version, spec, name=name, mode=_replicas(0), networks=networks)
        _until(lambda: not self.containers(name))
        stopped = time.perf_counter() - began
        self._client.remove_service(name)
        return started, stopped

    @contextlib.contextmanager
    def one(self) -> Iterator[str]:
        """The name of a service with one replica that runs."""
        name, spec = self._spec()
        self._client.create_service(spec, name=name, mode=_replicas(1))
        try:
            _until(lambda: self._running(name) == 1)
            yield name
        finally:
            self._client.remove_service(name)
            _until(lambda: not self.containers(name))

    def containers(self, name: str, *, running: bool = False) -> list[str]:
        """Swarm keeps some that have ended."""
        filters = {"label": f"com.docker.swarm.service.name={name}"}
        found = self._client.containers(all=not running, filters=filters)
        return [str(one["Id"]) for one in found]

    def restarted(self, name: str) -> float:
        """Seconds from a kill of the service's container until its replacement runs, by Docker's own events."""
        _until(lambda: len(self.containers(name, running=True)) == 1)
        (container,) = self.containers(name, running=True)
        return killed_and_back(self._client, container, {"label": f"com.docker.swarm.service.name={name}"})

    def _running(self, name: str) -> int:
        tasks = self._client.tasks(filters={"service": name, "desired-state": "running"})
        return sum(task["Status"]["State"] == "running" for task in tasks)

    def _spec(self) -> tuple[str, Mapping[str, Any]]:
        self._count += 1
        container = docker.types.ContainerSpec(demo_image.REFERENCE, SLEEP, stop_grace_period=0)
        policy = docker.types.RestartPolicy("any", delay=0)
        template = docker.types.TaskTemplate(container, restart_policy=policy)
        return f"bench-{self._count}-{time.monotonic_ns()}", template


@contextlib.contextmanager
def swarm(host: str) -> Iterator[Swarm]:
    """dockerd as a swarm of one for as long."""
    client = docker_client(host)
    client.init_swarm(advertise_addr="127.0.0.1", listen_addr="127.0.0.1:2377")
    try:
        yield Swarm(client)
    finally:
        client.leave_swarm(force=True)
        client.close()


def killed_and_back(
    client: docker.APIClient, container: str, filters: Mapping[str, Any], ended: Callable[[], object] = lambda: None
) -> float:
    """Seconds from a SIGKILL until another container that passes the filters has started, by the engine's clock.
    `ended` is called at the engine's word of the end."""
    events = client.events(filters={**filters, "type": "container", "event": ["die", "start"]}, decode=True)
    try:
        with ThreadPoolExecutor(1) as pool:
            began = time.time_ns()
            # The engine answers only when it has taken the container down, long after its word of the end.
            killing = pool.submit(client.kill, container, "SIGKILL")
            for event in events:
                if event["Action"] == "die" and event["Actor"]["ID"] == container:
                    ended()
                if event["Action"] == "start" and event["Actor"]["ID"] != container:
                    killing.result()
                    return float(event["timeNano"] - began) / 1e9
    finally:
        events.close()
    raise RuntimeError("Docker's events ended before the container was back")


def _replicas(count: int) -> Any:
    return docker.types.ServiceMode("replicated", replicas=count)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Swarm was not done within {_PATIENCE:.0f} s")
        time.sleep(_POLL)
