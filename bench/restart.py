"""A container is killed: how long until its task runs again, with no backoff left to wait, beside the bare minimum.

Ours and Swarm's (restart delay 0) are told by the engine's events, from the kill to the start of the next container;
the minimum is docker-py's create and start of such a container, in turn with them on the same dockerd.
"""

from __future__ import annotations

import statistics
import time

from bench.environment import cluster, docker_client, engine_with_swarm, manifest
from bench.peers import DockerPy, killed_and_back, swarm
from bench.report import Figure, Goal, Report

KILLS = 7
"""Of each kind in one repeat."""
BACKOFF = {"initial": "1ms", "max": "1ms"}
NETWORK = "bridge"


def run(repeats: int) -> Report:
    ours: list[float] = []
    theirs: list[float] = []
    direct: list[float] = []
    overhead: list[float] = []
    with engine_with_swarm() as host, swarm(host) as service, cluster(host) as live, service.one() as name:
        client, bare = docker_client(host), DockerPy(host, NETWORK)
        task = manifest("killed")
        task["spec"] = {**task["spec"], "restart": {"policy": "always", "backoff": BACKOFF}}
        live.apply(task)
        uid = live.wait_state("killed", "Running")["metadata"]["uid"]
        for _ in range(repeats):
            ours_now, direct_now = [], []
            for _ in range(KILLS):
                direct_now.append(_create_and_start(bare))
                running = live.until(lambda: live.containers(uid, running=True), 30, "it runs again")[0]
                found = killed_and_back(client, running, {"label": f"taskyard/uid={uid}"}) * 1000
                ours_now.append(found)
                theirs.append(service.restarted(name) * 1000)
            ours += ours_now
            direct += direct_now
            overhead.append(statistics.median(ours_now) - statistics.median(direct_now))
    return Report(
        "restart",
        [
            Figure("docker-py create and start", "ms", direct),
            Figure("taskyard, killed to running", "ms", ours),
            Figure("swarm, killed to running", "ms", theirs),
            Figure("taskyard less docker-py, by repeat", "ms", overhead),
        ],
        [
            Goal("taskyard less docker-py, median", statistics.median(overhead), 60, "at most", "ms"),
            Goal("taskyard / swarm, medians", statistics.median(ours) / statistics.median(theirs), 1.0, "at most"),
        ],
    )


def _create_and_start(bare: DockerPy) -> float:
    began = time.perf_counter()
    container = bare.start()
    took = time.perf_counter() - began
    bare.remove(container)
    return took * 1000
