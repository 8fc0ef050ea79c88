"""Fifty tasks at once on one node, beside docker-py with the same number of threads as the agent starts with.

Throughput is tasks divided by the time from sending one apply of them all until the last is Running; docker-py's from
the first create until the last start returns. Both on the same dockerd, taking turns, image local, bridge network.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import docker

from bench.environment import SLEEP, cluster, docker_client, engine, manifest
from bench.report import Figure, Goal, Report
from bench.watching import StateWatch
from nodeagent.lanes import WIDTH, Lane
from taskyard.local import demo_image
from tests.support.cluster import LiveCluster

TASKS = 50
THREADS = WIDTH[Lane.START]


def run(repeats: int) -> Report:
    ours: list[float] = []
    direct: list[float] = []
    with engine() as host, cluster(host) as live, StateWatch(live.url) as watch:
        for repeat in range(repeats):
            direct.append(_direct(docker_client(host), repeat))
            ours.append(_ours(live, watch, repeat))
    ratios = [mine / theirs for mine, theirs in zip(ours, direct, strict=True)]
    return Report(
        "burst",
        [
            Figure(f"docker-py, {THREADS} threads", "containers/s", direct),
            Figure("taskyard", "tasks/s", ours),
            Figure("taskyard / docker-py, by repeat", "ratio", ratios),
        ],
        [Goal("throughput of docker-py's", Figure("", "", ratios).median, 0.9, "at least")],
    )


def _direct(client: docker.APIClient, repeat: int) -> float:
    config = client.create_host_config(network_mode="bridge")

    def start(index: int) -> str:
        name = f"direct-{repeat}-{index}"
        container = client.create_container(demo_image.REFERENCE, SLEEP, name=name, host_config=config)
        client.start(container["Id"])
        return str(container["Id"])

    with ThreadPoolExecutor(THREADS) as pool:
        began = time.perf_counter()
        ids = list(pool.map(start, range(TASKS)))
        took = time.perf_counter() - began
    for container in ids:
        client.remove_container(container, force=True)
    return TASKS / took


def _ours(live: LiveCluster, watch: StateWatch, repeat: int) -> float:
    names = {f"burst-{repeat}-{index}" for index in range(TASKS)}
    began = time.perf_counter()
    live.apply(*(manifest(name) for name in sorted(names)))
    watch.wait(names, "Running")
    took = time.perf_counter() - began
    for name in names:
        live.call("DELETE", f"/tasks/{name}")
    watch.wait(names, "")
    return TASKS / took
