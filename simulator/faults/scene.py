"""What one fault works with: the cluster, its users, and a chance of its own. Says who can be struck now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from simulator.node import AgentProcess, Host
from simulator.users import Users

if TYPE_CHECKING:
    from simulator.cluster import Cluster, Member


@dataclass(frozen=True, slots=True)
class Scene:
    cluster: Cluster
    users: Users
    random: Random

    def victim(self) -> Member | None:
        planes, agents = self.cluster.planes(), self.cluster.agents()
        # Control planes are few, and most of the protocol is theirs.
        chosen: list[Member] = [*planes] if planes and self.random.random() < 0.5 else [*agents]
        return self.random.choice(chosen) if chosen else None

    def agent(self) -> AgentProcess | None:
        agents = self.cluster.agents()
        return self.random.choice(agents) if agents else None

    def host(self) -> Host:
        return self.random.choice(self.cluster.hosts_in_order)

    def lose_host(self) -> None:
        self._lose(self.agent())

    def lose(self, host: Host) -> None:
        self._lose(next((agent for agent in self.cluster.agents() if agent.host is host), None))

    def _lose(self, lost: AgentProcess | None) -> None:
        if lost is not None:
            self.cluster.lose(lost)
            self.cluster.note(f"{lost.name} is killed, and its lease ends early")

    def rush(self) -> None:
        self.cluster.note("users are in a hurry")
        self.users.rush(self.random)

    def rush_services(self) -> None:
        self.cluster.note("users ask for all services at once")
        self.users.rush_services(self.random)

    def rush_jobs(self) -> None:
        self.cluster.note("users ask for all jobs at once")
        self.users.rush_jobs(self.random)

    def crowd(self) -> None:
        self.cluster.note("users come in a crowd")
        self.users.crowd(self.random)


Fault = Callable[[Scene], str]
"""Begins it; what is to be told, empty when nothing happens, or not yet."""
