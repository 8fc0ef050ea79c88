"""What is promised of singletons: never two at a time, on whatever nodes, by what the runtimes show."""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.runtime.port import ContainerInfo, ContainerState
from nodeagent.watchdog.sentinel import EAGER
from simulator.checker import Checker
from simulator.node import Host
from simulator.story import Violation

TOO_LATE = 2 * EAGER
"""Seconds that a container may live whose start was on its way when its lease ended: docs/singletons.md."""


def check_alone(checker: Checker, hosts: Mapping[str, Host], started: ContainerInfo) -> None:
    """`TOO_LATE` after the start of a container: it is the only one of its task, or has been killed."""
    name, uid = started.labels["taskyard/task"], started.labels["taskyard/uid"]
    if uid not in checker.singletons:
        return
    running = [
        f"{one.name} on {host.name}"
        for host in hosts.values()
        for one in host.runtime.everything()
        if one.state is ContainerState.RUNNING
        and one.labels.get("taskyard/task") == name
        and one.labels.get("taskyard/uid") in checker.singletons
        and one.id not in host.foreign
    ]
    if len(running) > 1:
        raise Violation(f"the singleton {name} runs twice: {', '.join(running)}", uid)
