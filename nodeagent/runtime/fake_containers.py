"""The containers of the fake runtime, and what becomes of each as its program says and as time passes.

Whether the runtime answers at all is `fake.py`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import (
    ContainerEnd,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    PublishedPort,
    RuntimeRefused,
)
from taskyard.clock import Clock

_FIRST_FREE_PORT = 32768


@dataclass(slots=True)
class FakeContainer:
    spec: ContainerSpec
    info: ContainerInfo
    program: Program
    began: float = 0.0
    """On the monotonic clock: programs run by it, whatever becomes of the time of day."""
    unnoticed: ContainerInfo | None = None
    """As it was before it ended, while the runtime has not noticed that."""

    def to_come(self) -> Iterator[float]:
        return self.program.to_come(self.began, self.info.health if self.spec.probe else "")

    @property
    def told(self) -> ContainerInfo:
        """What the runtime tells of it."""
        return self.unnoticed or self.info

    @property
    def running(self) -> bool:
        return self.info.state is ContainerState.RUNNING


class FakeContainers:
    """Time passes only when the clock does; what is due by then has happened once `settle` was called.

    `notices_after`: seconds from an end that the runtime has not brought about until it knows of it. Until then it
    tells that the container runs, and the ports are taken."""

    def __init__(self, clock: Clock, notices_after: float = 0.0) -> None:
        self._clock = clock
        self._notices_after = notices_after
        self._notices: dict[str, float] = {}
        """When each end that is unnoticed will be noticed, on the monotonic clock, by id."""
        self._by_id: dict[str, FakeContainer] = {}
        self._by_name: dict[str, FakeContainer] = {}
        self._restless: dict[str, FakeContainer] = {}
        """Those that run, and of which something may become by itself."""
        self._ids = itertools.count(1)
        self._ports = itertools.count(_FIRST_FREE_PORT)
        self.events: list[ContainerEvent] = []
        self.ends: list[ContainerEnd] = []
        """As the kernel knows of them."""

    @property
    def all(self) -> Collection[FakeContainer]:
        """In the order in which they were made."""
        return self._by_id.values()

    @property
    def running(self) -> Iterator[FakeContainer]:
        return (one for one in self.all if one.running)

    def find(self, container: str) -> FakeContainer | None:
        """By id or name."""
        return self._by_id.get(container) or self._by_name.get(container)

    def free_port(self) -> int:
        return next(self._ports)

    def next_event(self) -> float | None:
        """When, on the monotonic clock, the next one ends by itself, or feels otherwise; None when none will."""
        to_come = (due for one in self._restless.values() for due in one.to_come())
        return min((*to_come, *self._notices.values()), default=None)

    def add(self, spec: ContainerSpec, program: Program) -> str:
        identity = f"{next(self._ids):064x}"
        info = ContainerInfo(
            identity,
            spec.name,
            dict(spec.labels),
            ContainerState.CREATED,
            stop_signal=spec.stop_signal,
            stop_grace=round(spec.stop_grace),
            image=spec.image,
        )
        self._by_id[identity] = self._by_name[spec.name] = FakeContainer(spec, info, program)
        return identity

    def remove(self, found: FakeContainer) -> None:
        """One that runs ends first."""
        if found.running:
            self._end(found, 137, self._clock.now(), noticed=True)
        self._notice(found)
        del self._by_id[found.info.id], self._by_name[found.info.name]
        self._tell(found, "destroy", self._clock.now())

    def signal(self, found: FakeContainer, signal: str, *, noticed: bool = False) -> None:
        """`noticed`: the runtime waits for the end."""
        if found.running and signal not in found.program.ignores:
            code = 137 if signal == "SIGKILL" else found.program.signalled
            self._end(found, code, self._clock.now(), noticed=noticed)

    def settle(self) -> None:
        """What has become of each by now."""
        for container in list(self._restless.values()) if self._restless else ():
            self._settle(container)
        now = self._clock.monotonic()
        for identity in [one for one, at in self._notices.items() if at <= now] if self._notices else ():
            self._notice(self._by_id[identity])

    def launch(self, found: FakeContainer) -> None:
        """Raises RuntimeRefused."""
        taken = [(port.protocol, port.host, port.address) for other in self.all for port in other.told.ports]
        clash = [
            port
            for port in found.spec.ports
            for protocol, host, address in taken
            if port.host and (port.protocol, port.host) == (protocol, host) and _overlap(port.address, address)
        ]
        if found.program.refuses_to_start or clash:
            reason = found.program.refuses_to_start or f"host port {clash[0].host} is already in use on the node"
            found.info = replace(found.info, error=reason)
            raise RuntimeRefused(reason)
        joins = found.spec.network.joins
        other = self.find(joins)
        if joins and not (other and other.running):
            raise RuntimeRefused(f"cannot join network of a non running container: {joins}")
        found.info = replace(
            found.info,
            state=ContainerState.RUNNING,
            started_at=self._clock.now(),
            finished_at=0.0,
            exit_code=None,
            oom_killed=False,
            health="starting" if found.spec.probe else "",
            ports=tuple(
                PublishedPort(port.container, port.protocol, port.host or self.free_port(), port.address)
                for port in found.spec.ports
                if port.host is not None and found.spec.network.mode == "bridge"
            ),
            address="192.0.2.1" if found.spec.network.mode == "bridge" and not joins else "",
            pid=int(found.info.id, 16),
        )
        found.began = self._clock.monotonic()
        if found.spec.probe or found.program.runs is not None:
            self._restless[found.info.id] = found

    def _settle(self, found: FakeContainer) -> None:
        program, info = found.program, found.info
        ran = self._clock.monotonic() - found.began
        if found.spec.probe:
            health = "healthy" if ran >= program.healthy_after else "starting"
            if program.unhealthy_after is not None and ran >= program.unhealthy_after:
                health = "unhealthy"
            if health != info.health:
                found.info = replace(info, health=health)
                self._tell(found, f"health_status: {health}", self._clock.now())
                if next(found.to_come(), None) is None:
                    del self._restless[info.id]
        if program.runs is not None and ran >= program.runs:
            ended = self._clock.now() - (ran - program.runs)
            if program.out_of_memory or program.child_out_of_memory:
                found.info = replace(found.info, oom_killed=True)
                self._tell(found, "oom", ended)
            self._end(found, 137 if program.out_of_memory else program.exit_code, ended)

    def _end(self, found: FakeContainer, exit_code: int, at: float, *, noticed: bool = False) -> None:
        self._restless.pop(found.info.id, None)
        before = found.info
        found.info = replace(
            found.info, state=ContainerState.EXITED, exit_code=exit_code, finished_at=at, ports=(), pid=0, address=""
        )
        self.ends.append(ContainerEnd(found.info.id, exit_code, at))
        if noticed or not self._notices_after:
            self._tell(found, "die", at)
        else:
            found.unnoticed = before
            self._notices[found.info.id] = self._clock.monotonic() + self._notices_after

    def _notice(self, found: FakeContainer) -> None:
        if self._notices.pop(found.info.id, None) is not None:
            found.unnoticed = None
            self._tell(found, "die", self._clock.now())

    def _tell(self, found: FakeContainer, action: str, at: float) -> None:
        code = found.info.exit_code if action == "die" else None
        self.events.append(ContainerEvent(found.info.id, found.info.labels, action, at, code))


def _overlap(one: str, other: str) -> bool:
    return not one or not other or one == other
