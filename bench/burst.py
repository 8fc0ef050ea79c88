"""Ten, fifty and a hundred tasks at once on one node: started, then removed; beside docker-py and Docker Swarm.

Throughput is tasks divided by the time until the last runs. Ours: from sending one apply until a watch of the
API shows it. docker-py's, with the number of threads that it is best with: from the first create until the last start
returns. Swarm's: from the creation of one service until all replicas run. Removing is timed from the one request that
`taskyard delete` sends (for Swarm, from scaling to nothing; for docker-py from the first call) until no container is
left. All on the same dockerd, taking turns, image local; docker-py and ours next to each other, in either order.
Swarm, which takes as long as both together and has no goal here, has its turn in the first repeat.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from statistics import median

from bench.environment import cluster, engine_with_swarm, manifest
from bench.peers import DockerPy, swarm
from bench.report import Figure, Goal, Report
from bench.watching import StateWatch
from tests.support.cluster import LiveCluster

SIZES = (10, 50, 100)
START_GOALS = {"bridge": 0.97, "host": 0.95}
REMOVE_GOAL = 0.95
PEERS = ("docker-py", "taskyard", "swarm")

Rates = defaultdict[tuple[str, str, int], list[float]]
"""Tasks a second, by side, network and size; one for each repeat, from the first on."""


def run(repeats: int) -> Report:
    started: Rates = defaultdict(list)
    removed: Rates = defaultdict(list)
    threads: dict[str, int] = {}
    flags = ("--allow-host-network",)
    with (
        engine_with_swarm() as host,
        swarm(host) as service,
        cluster(host, *flags) as live,
        StateWatch(live.url) as watch,
    ):
        allowed = {"limits": {"hostNetwork": True}}  # As the agent's flag does on the node.
        live.apply({"apiVersion": "taskyard/v1", "kind": "Namespace", "metadata": {"name": "default"}, "spec": allowed})
        _ours(live, watch, "warm-up", 4, "bridge")
        for network in START_GOALS:
            direct = DockerPy(host, network)
            direct.calibrate()
            threads[network] = direct.threads
            for repeat in range(repeats):
                for size in SIZES:
                    name = f"{network}-{repeat}-{size}"
                    turns: list[tuple[str, Callable[[], tuple[float, float]]]] = [
                        ("docker-py", partial(direct.burst, size)),
                        ("taskyard", partial(_ours, live, watch, name, size, network)),
                    ]
                    if repeat % 2:
                        turns.reverse()
                    if repeat == 0:
                        turns.append(("swarm", partial(service.burst, size, network)))
                    for side, burst in turns:
                        start, removal = burst()
                        started[side, network, size].append(size / start)
                        removed[side, network, size].append(size / removal)
    figures: list[Figure] = []
    goals: list[Goal] = []
    for network, goal in START_GOALS.items():
        for size in SIZES:
            for verb, rates, bound in (("started", started, goal), ("removed", removed, REMOVE_GOAL)):
                what = f"{size} {verb}, {network}"
                figures += [Figure(f"{what}, {side}", "tasks/s", rates[side, network, size]) for side in PEERS]
                shares = {side: _shares(rates, side, network, size) for side in PEERS[1:]}
                figures += [Figure(f"{what}, {side} / docker-py", "ratio", shares[side]) for side in shares]
                goals.append(Goal(f"{what}, share of docker-py's", median(shares["taskyard"]), bound, "at least"))
    notes = [f"docker-py with {count} threads for {network}" for network, count in threads.items()]
    return Report("burst", figures, goals, notes)


def _shares(rates: Rates, side: str, network: str, size: int) -> list[float]:
    pairs = zip(rates[side, network, size], rates["docker-py", network, size], strict=False)
    return [mine / their for mine, their in pairs]


def _ours(live: LiveCluster, watch: StateWatch, prefix: str, count: int, network: str) -> tuple[float, float]:
    names = {f"{prefix}-{index}" for index in range(count)}
    began = time.perf_counter()
    live.apply(*(manifest(name, network) for name in sorted(names)))
    watch.wait(names, "Running")
    started = time.perf_counter() - began
    began = time.perf_counter()
    live.delete(*sorted(names))
    watch.wait(names, "")
    return started, time.perf_counter() - began
