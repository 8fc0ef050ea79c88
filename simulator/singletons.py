"""What is promised of singletons: never two at a time, on whatever nodes, by what the runtimes show."""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.watchdog.sentinel import EAGER
from simulator.checker import Checker
from simulator.node import Host
from simulator.runs import run_of
from simulator.story import Violation

TOO_LATE = 2 * EAGER
"""Seconds that a container may live whose start was on its way when its lease ended: docs/singletons.md."""
_RESTORED = 15.0
"""Seconds after the store was restored in which a copy may go on that it knows nothing of: until its lease is over."""


def check_alone(checker: Checker, hosts: Mapping[str, Host], started: ContainerInfo, now: float) -> None:
    """`TOO_LATE` after the start of a container: it is the only one of its task, or has been killed."""
    past, name, uid = checker.past, started.labels["taskyard/task"], started.labels["taskyard/uid"]
    if uid not in past.singletons:
        return
    known = past.singletons - past.orphaned
    running = {
        f"{run_of(one.name).stem} on {host.key}"
        for host in hosts.values()
        for one in host.runtime.everything()
        if one.state is ContainerState.RUNNING
        and one.labels.get("taskyard/task") == name
        and one.labels.get("taskyard/uid") in known
        and now > past.restored_at.get(one.labels["taskyard/uid"], -_RESTORED) + _RESTORED
        and one.id not in host.foreign
    }
    if len(running) > 1:
        raise Violation(f"the singleton {name} runs twice: {', '.join(sorted(running))}", uid)


def check_all_alone(checker: Checker, hosts: Mapping[str, Host], now: float) -> None:
    for host in hosts.values():
        for one in host.runtime.everything():
            if one.state is ContainerState.RUNNING and one.id not in host.foreign:
                check_alone(checker, hosts, one, now)
