"""What the control plane and the agent cost while nothing happens: CPU and memory with twenty running tasks.

CPU is the process's own time (user and system) over a minute, as a share of one core; memory is resident set size. The
limit is a fixed goal: there is no peer that does the same in the same shape.
"""

from __future__ import annotations

import time

import psutil

from bench.environment import cluster, engine, manifest
from bench.report import Figure, Goal, Report
from bench.watching import StateWatch

TASKS = 20
SETTLE = 20.0
WINDOW = 60.0


def run(repeats: int) -> Report:
    roles = ("controlplane", "agent")
    cpu: dict[str, list[float]] = {role: [] for role in roles}
    memory: dict[str, list[float]] = {role: [] for role in roles}
    with engine() as host, cluster(host) as live:
        names = {f"idle-{index}" for index in range(TASKS)}
        with StateWatch(live.url) as watch:
            live.apply(*(manifest(name) for name in sorted(names)))
            watch.wait(names, "Running")
        processes = {role: psutil.Process(live.pid(role)) for role in roles}
        time.sleep(SETTLE)
        for _ in range(repeats):
            before = {role: _cpu_seconds(process) for role, process in processes.items()}
            time.sleep(WINDOW)
            for role, process in processes.items():
                cpu[role].append((_cpu_seconds(process) - before[role]) / WINDOW * 100)
                memory[role].append(process.memory_info().rss / 2**20)
    figures = [Figure(f"{role} cpu", "% of a core", cpu[role]) for role in roles]
    figures += [Figure(f"{role} memory", "MiB", memory[role]) for role in roles]
    goals = [Goal(f"{role} cpu", max(cpu[role]), 1.5, "at most", "% of a core") for role in roles]
    goals += [Goal(f"{role} memory", max(memory[role]), 100e6 / 2**20, "at most", "MiB") for role in roles]
    return Report("idle", figures, goals)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
