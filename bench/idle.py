"""What the control plane and the agent cost while nothing happens: CPU and memory with two hundred running tasks.

CPU is the process's own time (user and system) over a minute, as a share of one core; memory is resident set size. What
one task more costs is the difference to twenty, divided. The limit is a fixed goal: there is no peer that does the same
in the same shape.
"""

from __future__ import annotations

import time

import psutil

from bench.environment import cluster, engine, manifest
from bench.report import Figure, Goal, Report
from bench.watching import StateWatch
from tests.support.cluster import LiveCluster

FEW, MANY = 20, 200
SETTLE = 20.0
WINDOW = 60.0
ROLES = ("controlplane", "agent")
MOST = {"controlplane": (1.5, 100e6 / 2**20), "agent": (2.0, 90e6 / 2**20)}
"""% of a core, and MiB, with MANY tasks."""


def run(repeats: int) -> Report:
    cpu: dict[str, list[float]] = {role: [] for role in ROLES}
    memory: dict[str, list[float]] = {role: [] for role in ROLES}
    with engine() as host, cluster(host) as live, StateWatch(live.url) as watch:
        processes = {role: psutil.Process(live.pid(role)) for role in ROLES}
        _start(live, watch, range(FEW))
        few = _window(processes)
        _start(live, watch, range(FEW, MANY))
        for _ in range(repeats):
            for role, (share, size) in _window(processes).items():
                cpu[role].append(share)
                memory[role].append(size)
    figures = [Figure(f"{role} cpu, {MANY} tasks", "% of a core", cpu[role]) for role in ROLES]
    figures += [Figure(f"{role} memory, {MANY} tasks", "MiB", memory[role]) for role in ROLES]
    figures += [Figure(f"{role} cpu, {FEW} tasks", "% of a core", [few[role][0]]) for role in ROLES]
    figures += [Figure(f"{role} cpu per task", "% of a core", _per_task(cpu[role], few[role][0])) for role in ROLES]
    figures += [Figure(f"{role} memory per task", "MiB", _per_task(memory[role], few[role][1])) for role in ROLES]
    goals = [Goal(f"{role} cpu", max(cpu[role]), MOST[role][0], "at most", "% of a core") for role in ROLES]
    goals += [Goal(f"{role} memory", max(memory[role]), MOST[role][1], "at most", "MiB") for role in ROLES]
    return Report("idle", figures, goals)


def _start(live: LiveCluster, watch: StateWatch, indexes: range) -> None:
    names = {f"idle-{index}" for index in indexes}
    live.apply(*(manifest(name) for name in sorted(names)))
    watch.wait(names, "Running", timeout=300)
    time.sleep(SETTLE)


def _window(processes: dict[str, psutil.Process]) -> dict[str, tuple[float, float]]:
    """For each role its share of a core in % over WINDOW seconds, and its memory in MiB at the end."""
    before = {role: _cpu_seconds(process) for role, process in processes.items()}
    time.sleep(WINDOW)
    return {
        role: ((_cpu_seconds(process) - before[role]) / WINDOW * 100, process.memory_info().rss / 2**20)
        for role, process in processes.items()
    }


def _per_task(many: list[float], few: float) -> list[float]:
    return [(value - few) / (MANY - FEW) for value in many]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
