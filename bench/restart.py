"""A container is killed: how long until its task runs again, with no backoff left to wait, beside the bare minimum.

Ours and Swarm's (restart delay 0) are told by the engine's events, from the kill to the start of the next container;
the minimum is docker-py's create and start of such a container, in turn with them on the same dockerd. Between the two
lies what the engine takes to tell of the end and to take the old network down, which nobody who waits for its word can
avoid: so docker-py is timed as well as the least supervisor that there can be, one that waits for that word, creates
and starts.
"""

from __future__ import annotations

import statistics
import time

import docker

from bench.environment import cluster, docker_client, engine_with_swarm, manifest
from bench.peers import LABELS, DockerPy, killed_and_back, swarm
from bench.report import Figure, Goal, Report

KILLS = 7
"""Of each kind in one repeat."""
BACKOFF = {"initial": "1ms", "max": "1ms"}
NETWORK = "bridge"


def run(repeats: int) -> Report:
    ours: list[float] = []
    theirs: list[float] = []
    direct: list[float] = []
    least: list[float] = []
    told: list[float] = []
    overhead: list[float] = []
    beside: list[float] = []
    with engine_with_swarm() as host, swarm(host) as service, cluster(host) as live, service.one() as name:
        client, bare = docker_client(host), DockerPy(host, NETWORK)
        task = manifest("killed")
        task["spec"] = {**task["spec"], "restart": {"policy": "always", "backoff": BACKOFF}}
        live.apply(task)
        uid = live.wait_state("killed", "Running")["metadata"]["uid"]
        for _ in range(repeats):
            ours_now, direct_now, least_now = [], [], []
            for _ in range(KILLS):
                direct_now.append(_create_and_start(bare))
                running = live.until(lambda: live.containers(uid, running=True), 30, "it runs again")[0]
                found = killed_and_back(client, running, {"label": f"taskyard/uid={uid}"}) * 1000
                ours_now.append(found)
                word, back = _least(bare, client)
                told.append(word)
                least_now.append(back)
                theirs.append(service.restarted(name) * 1000)
            ours += ours_now
            direct += direct_now
            least += least_now
            beside.append(statistics.median(ours_now) - statistics.median(least_now))
            overhead.append(statistics.median(ours_now) - statistics.median(direct_now))
    return Report(
        "restart",
        [
            Figure("docker-py create and start", "ms", direct),
            Figure("docker-py, killed to the engine's word of it", "ms", told),
            Figure("docker-py, killed to running", "ms", least),
            Figure("taskyard, killed to running", "ms", ours),
            Figure("swarm, killed to running", "ms", theirs),
            Figure("taskyard less docker-py's create and start, by repeat", "ms", overhead),
            Figure("taskyard less docker-py, both from the kill, by repeat", "ms", beside),
        ],
        [
            Goal("taskyard less docker-py's create and start", statistics.median(overhead), 60, "at most", "ms"),
            Goal("taskyard less docker-py, both from the kill", statistics.median(beside), 60, "at most", "ms"),
            Goal("taskyard / swarm, medians", statistics.median(ours) / statistics.median(theirs), 1.0, "at most"),
        ],
    )


def _create_and_start(bare: DockerPy) -> float:
    began = time.perf_counter()
    container = bare.start()
    took = time.perf_counter() - began
    bare.remove(container)
    return took * 1000


def _least(bare: DockerPy, client: docker.APIClient) -> tuple[float, float]:
    """Milliseconds from a kill until the engine tells of it, and until docker-py has started another container."""
    first = bare.start()
    told: list[float] = []
    second: list[str] = []

    def ended() -> None:
        told.append(time.perf_counter())
        second.append(bare.start())

    (label,) = (f"{name}={value}" for name, value in LABELS.items())
    began = time.perf_counter()
    took = killed_and_back(client, first, {"label": label}, ended)
    for container in (first, *second):
        bare.remove(container)
    return (told[0] - began) * 1000, took * 1000
