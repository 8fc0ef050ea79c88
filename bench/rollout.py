"""A service of 20 replicas is brought to another version, five at a time: ours beside `docker service update`, in turn
on the same dockerd, stop-first and start-first. And what a load on a proxy before it loses meanwhile.

An update has ended when Docker has 20 running containers of the new version and none of the old one: asked of the
engine on both sides, every 30 ms. Neither waits for anything else: no health checks, no delays, a stop grace of 0.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import docker

from bench.environment import SLEEP, cluster, docker_client, engine_with_swarm
from bench.peers import swarm
from bench.report import Figure, Goal, Report
from taskyard.local import demo_image
from tests.support.cluster import LiveCluster
from tests.support.proxy import GRACEFUL, followed_by_haproxy, under_load

REPLICAS, PARALLELISM = 20, 5
VERSION = "bench.version"
"""A container label, by which versions are told apart."""
Order = Literal["stop-first", "start-first"]
_POLL = 0.03
_PATIENCE = 180.0


def run(repeats: int) -> Report:
    figures: list[Figure] = []
    goals: list[Goal] = []
    ours: dict[Order, list[float]] = {"stop-first": [], "start-first": []}
    theirs: dict[Order, list[float]] = {"stop-first": [], "start-first": []}
    lost, answered = 0, 0
    with engine_with_swarm() as host, cluster(host) as live:
        client = docker_client(host)
        with swarm(host):
            for _ in range(repeats):
                for order in ours:
                    theirs[order].append(_swarm_update(client, order))
                    ours[order].append(_our_update(client, live, order))
        for _ in range(repeats):
            failures, answers = _under_load(live)
            lost, answered = lost + failures, answered + answers
    for order in ours:
        figures += [Figure(f"taskyard, {order}", "s", ours[order]), Figure(f"swarm, {order}", "s", theirs[order])]
        ratio = statistics.median(ours[order]) / statistics.median(theirs[order])
        goals.append(Goal(f"taskyard / swarm, {order}, medians", ratio, 1.0, "at most"))
    goals.append(Goal(f"requests lost, start-first, of {lost + answered}", lost, 0, "at most"))
    return Report("rollout", figures, goals)


def _our_update(client: docker.APIClient, live: LiveCluster, order: Order) -> float:
    manifest = _manifest("rolled", "1", order)
    live.apply(manifest)
    _until(lambda: _running(client, "1") == REPLICAS)
    live.until(lambda: _phase(live, "rolled") == "Complete", _PATIENCE, "the service is complete")
    began = time.perf_counter()
    live.apply(_manifest("rolled", "2", order))
    took = _until_replaced(client, began)
    live.call("DELETE", "/services/rolled")
    _until(lambda: _running(client, "2") == 0)
    return took


def _swarm_update(client: docker.APIClient, order: Order) -> float:
    name = f"rolled-{time.monotonic_ns()}"
    settings = docker.types.UpdateConfig(parallelism=PARALLELISM, delay=0, order=order)
    replicas = docker.types.ServiceMode("replicated", replicas=REPLICAS)
    client.create_service(_swarm_template("1"), name=name, mode=replicas, update_config=settings)
    _until(lambda: _running(client, "1") == REPLICAS)
    began = time.perf_counter()
    version = client.inspect_service(name)["Version"]["Index"]
    client.update_service(
        name, version, _swarm_template("2"), name=name, mode=replicas, update_config=settings, fetch_current_spec=False
    )
    took = _until_replaced(client, began)
    client.remove_service(name)
    _until(lambda: _running(client, "2") == 0)
    return took


def _under_load(live: LiveCluster) -> tuple[int, int]:
    """Requests that failed, none of them made again, and that were answered, while a service behind HAProxy changed."""
    manifest = _manifest("served", "1", "start-first")
    spec = manifest["spec"]["template"]["spec"]
    spec |= {
        **GRACEFUL,
        "command": ["sh", "-c", "echo ok > /index.html; trap 'exit 0' TERM; httpd -f -p 80 -h / & wait $!"],
        "ports": [{"container": 80, "host": "auto", "name": "http"}],
    }
    manifest["spec"]["replicas"] = 4
    live.apply(manifest)
    live.until(lambda: _phase(live, "served") == "Complete", _PATIENCE, "the service is complete")
    with (
        tempfile.TemporaryDirectory(prefix="typ-") as folder,
        followed_by_haproxy(live, "served", Path(folder)) as url,
        under_load(url) as loads,
    ):
        spec["containerLabels"] = {VERSION: "2"}
        live.apply(manifest)
        live.until(lambda: _phase(live, "served") == "Progressing", _PATIENCE, "the update has begun")
        live.until(lambda: _phase(live, "served") == "Complete", _PATIENCE, "the service is complete")
    live.call("DELETE", "/services/served")
    live.until(lambda: live.call("GET", "/services/served")[0] == 404, _PATIENCE, "all are gone")
    return sum(len(load.failures) for load in loads), sum(load.answers.total() for load in loads)


def _manifest(name: str, version: str, order: Order) -> dict[str, Any]:
    template = {
        "spec": {
            "image": demo_image.REFERENCE,
            "command": SLEEP,
            "containerLabels": {VERSION: version},
            "stop": {"gracePeriod": 0},
        }
    }
    update = {"order": order, "parallelism": PARALLELISM}
    return {
        "apiVersion": "taskyard/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"replicas": REPLICAS, "update": update, "template": template},
    }


def _swarm_template(version: str) -> Any:
    container = docker.types.ContainerSpec(demo_image.REFERENCE, SLEEP, stop_grace_period=0, labels={VERSION: version})
    return docker.types.TaskTemplate(container, restart_policy=docker.types.RestartPolicy("any", delay=0))


def _phase(live: LiveCluster, name: str) -> str:
    _, found = live.call("GET", f"/services/{name}")
    return str(found.get("status", {}).get("phase", ""))


def _running(client: docker.APIClient, version: str) -> int:
    return len(client.containers(filters={"label": f"{VERSION}={version}"}))


def _until_replaced(client: docker.APIClient, began: float) -> float:
    _until(lambda: _running(client, "2") == REPLICAS and _running(client, "1") == 0)
    return time.perf_counter() - began


def _until(condition: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_PATIENCE:.0f} s")
        time.sleep(_POLL)
