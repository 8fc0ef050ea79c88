"""From apply to Running, one task at a time, beside docker-py's create and start of the same container.

Ours is the time from sending `POST /apply` until a watch of the API shows the task Running; docker-py's from the call
of create until start returns. The two take turns on the same dockerd, image local. The `taskyard apply --wait` command
is timed as a whole process too, since that is what people type.
"""

from __future__ import annotations

import subprocess
import sys
import time

import docker

from bench.environment import SLEEP, cluster, docker_client, engine, manifest
from bench.report import Figure, Goal, Report
from bench.watching import StateWatch
from taskyard.local import demo_image
from tests.support.cluster import LiveCluster

STARTS = 10
"""Of each kind in one repeat."""


def run(repeats: int) -> Report:
    ours: list[float] = []
    direct: list[float] = []
    command: list[float] = []
    overhead: list[float] = []
    with engine() as host, cluster(host) as live, StateWatch(live.url) as watch:
        client = docker_client(host)
        _direct_start(client, "warm-up")
        _our_start(live, watch, "warm-up")
        for repeat in range(repeats):
            ours_now, direct_now = [], []
            for index in range(STARTS):
                name = f"t{repeat}-{index}"
                direct_now.append(_direct_start(client, name))
                ours_now.append(_our_start(live, watch, name))
            command.append(_command_start(live, f"c{repeat}"))
            ours += ours_now
            direct += direct_now
            overhead.append(_median(ours_now) - _median(direct_now))
    return Report(
        "start-latency",
        [
            Figure("docker-py create and start", "ms", direct),
            Figure("apply to Running", "ms", ours),
            Figure("difference of the medians, by repeat", "ms", overhead),
            Figure("`taskyard apply --wait`, whole process", "ms", command),
        ],
        [Goal("apply to Running less docker-py, median", _median(overhead), 60, "at most", "ms")],
    )


def _direct_start(client: docker.APIClient, name: str) -> float:
    began = time.perf_counter()
    config = client.create_host_config(network_mode="bridge")
    container = client.create_container(demo_image.REFERENCE, SLEEP, name=f"direct-{name}", host_config=config)
    client.start(container["Id"])
    took = time.perf_counter() - began
    client.remove_container(container["Id"], force=True)
    return took * 1000


def _our_start(live: LiveCluster, watch: StateWatch, name: str) -> float:
    began = time.perf_counter()
    live.apply(manifest(name))
    watch.wait({name}, "Running")
    took = time.perf_counter() - began
    live.call("DELETE", f"/tasks/{name}")
    watch.wait({name}, "")
    return took * 1000


def _command_start(live: LiveCluster, name: str) -> float:
    text = f"apiVersion: taskyard/v1\nkind: Task\nmetadata: {{name: {name}}}\nspec:\n"
    text += f"  image: {demo_image.REFERENCE}\n  command: [sleep, '3600']\n  stop: {{gracePeriod: 0}}\n"
    began = time.perf_counter()
    subprocess.run(
        [f"{sys.prefix}/bin/taskyard", "--server", live.url, "apply", "--wait", "--stable", "0s", "-f", "-"],
        input=text.encode(),
        check=True,
        capture_output=True,
    )
    took = time.perf_counter() - began
    live.call("DELETE", f"/tasks/{name}")
    live.until(lambda: live.task(name) is None, 30, f"{name} is gone")
    return took * 1000


def _median(samples: list[float]) -> float:
    return Figure("", "", samples).median
