"""A small container runtime in memory, on an injected clock. Tests and simulations run whole agents over it.

Containers run programs (how long, how they end, how they take signals) instead of processes; time passes only when the
clock does, and whatever is due by then has happened by the next call. `break_down` makes it hang as a stopped dockerd
does. It passes the same contract suite as Docker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from nodeagent.runtime.fake_containers import FakeContainers
from nodeagent.runtime.fake_program import Program
from nodeagent.runtime.port import (
    PAUSE_IMAGE,
    ContainerEnd,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    ContainerState,
    ContainerSummary,
    EndStream,
    EventStream,
    ImageInfo,
    ImageMissing,
    Login,
    NameConflict,
    RuntimeFault,
    RuntimeRefused,
    RuntimeUnavailable,
    Transfer,
    Transferred,
    VolumeSummary,
    nobody,
)
from taskyard.clock import Clock

T = TypeVar("T")
Breakdown = Literal["", "hangs", "late", "answers lost"]


@dataclass(slots=True)
class FakeRuntime:
    """`images`: those on the node; `registry`: those that a pull finds. Programs go by (command, *args), by image,
    or run for ever."""

    clock: Clock
    images: set[str] = field(default_factory=lambda: {"busybox:1.35"})
    registry: set[str] = field(default_factory=set)
    infos: dict[str, ImageInfo] = field(default_factory=dict)
    """Of images that have a digest, or are for other machines."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What tags stand for in the registry at present; a pull notes it in `infos`."""
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """User and password without which the registry does not give an image."""
    programs: dict[tuple[str, ...], Program] = field(default_factory=dict)
    inside: dict[tuple[str, ...], int | None] = field(default_factory=dict)
    """How programs run in containers end: exit code, or None for one that takes too long. Others succeed."""
    ran: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    """The containers that programs were run in, by id, and which. For a simulation and its checks."""
    full: bool = False
    """There is no room on the disk for an image or a container."""
    crowded: bool = False
    """There are no addresses left for another network."""
    notices_after: float = 0.0
    """Seconds until it notices that a container has ended by itself; that the kernel tells at once."""
    containers: FakeContainers = field(init=False)
    calls: list[str] = field(default_factory=list)
    """What was asked, `start ty-…`, for tests that count."""
    _volumes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _networks: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _asked_to_end: set[str] = field(default_factory=set)
    """Ids of those that were signalled or removed through it."""
    _broken: Breakdown = ""
    _late: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.containers = FakeContainers(self.clock, self.notices_after)

    def break_down(self, how: Breakdown) -> None:
        """`hangs`: nothing is done; `late`: what is asked is done once it works again, though the caller has long given
        up; `answers lost`: done, but the caller never learns; empty: works again."""
        self._broken = how
        if how:
            return
        late, self._late = self._late, []
        for call in late:
            with contextlib.suppress(RuntimeFault):
                call()

    def next_event(self) -> float | None:
        """When, on the monotonic clock, the next container ends by itself, or feels otherwise; None when none will.
        For a simulation."""
        return self.containers.next_event()

    @property
    def happenings(self) -> int:
        """How many events there were, ever."""
        return len(self.containers.events)

    def happened(self, after: int) -> tuple[list[ContainerEvent], int]:
        """The events after the first so many, and how many there are now. For a simulation."""
        self._begin("events")
        self._answer()
        return self.containers.events[after:], len(self.containers.events)

    def ended(self, after: int) -> tuple[list[ContainerEnd], int]:
        """As `happened`: what the kernel tells of, whether the runtime works or not."""
        self.containers.settle()
        ends = self.containers.ends
        return [one for one in ends[after:] if one.id not in self._asked_to_end], len(ends)

    def everything(self) -> list[ContainerInfo]:
        """All containers as they are, also while it is broken. For a simulation and its checks."""
        self.containers.settle()
        return [container.info for container in self.containers.all]

    def look_up(self, container: str) -> ContainerInfo | None:
        """One of `everything`, by id or name."""
        self.containers.settle()
        found = self.containers.find(container)
        return found.info if found else None

    def spec_of(self, container: str) -> ContainerSpec:
        """What it was made from. For tests."""
        found = self.containers.find(container)
        assert found is not None, f"there is no container {container}"
        return found.spec

    def end(self, container: str, signal: str) -> None:
        """Its processes get the signal from outside, whether the runtime works or not."""
        found = self.containers.find(container)
        if found:
            self.containers.signal(found, signal)

    def describe(self) -> str:
        self._begin("describe")
        self._answer()
        return "fake 1.0"

    def create(self, spec: ContainerSpec) -> str:
        self._begin(f"create {spec.name}", lambda: self.create(spec))
        self._check_space()
        if not self._has(spec.image):
            raise ImageMissing(f"image {spec.image} is not on this node")
        if self.containers.find(spec.name):
            raise NameConflict(f"the name {spec.name} is in use")
        if spec.network.group and spec.network.group not in self._networks:
            raise RuntimeRefused(f"network {spec.network.group} not found")
        identity = self.containers.add(spec, self._program(spec))
        for mount in spec.mounts:
            if mount.source and "/" not in mount.source:
                self._volumes.setdefault(mount.source, dict(mount.labels))
        self._answer()
        return identity

    def start(self, container: str) -> None:
        self._begin(f"start {container}", lambda: self.start(container))
        found = self.containers.find(container)
        if not found:
            raise RuntimeRefused(f"no such container: {container}")
        if found.told.state is not ContainerState.RUNNING:
            self.containers.launch(found)
        self._answer()

    def inspect(self, container: str) -> ContainerInfo | None:
        self._begin(f"inspect {container}")
        found = self.containers.find(container)
        self._answer()
        return found.told if found else None

    def list(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        self._begin("list")
        self._answer()
        return [
            ContainerSummary(one.id, one.name, one.labels, one.state, one.health)
            for one in (container.told for container in self.containers.all)
            if labels.items() <= one.labels.items()
        ]

    def kill(self, container: str, signal: str) -> None:
        self._begin(f"kill {container} {signal}", lambda: self.kill(container, signal))
        found = self.containers.find(container)
        if found:
            self._asked_to_end.add(found.info.id)
            self.containers.signal(found, signal, noticed=signal == "SIGKILL")
        self._answer()

    def remove(self, container: str, *, force: bool) -> None:
        self._begin(f"remove {container}", lambda: self.remove(container, force=force))
        found = self.containers.find(container)
        if found:
            self._asked_to_end.add(found.info.id)
            if found.told.state is ContainerState.RUNNING and not force:
                raise RuntimeRefused(f"{container} is running: stop it first")
            if any(one.spec.network.joins == found.info.name for one in self.containers.all):
                # As Podman; Docker would remove it.
                raise RuntimeRefused(f"{container} has dependent containers which must be removed before it")
            self.containers.remove(found)
        self._answer()

    def volumes(self, labels: Mapping[str, str]) -> tuple[VolumeSummary, ...]:
        self._begin("volumes")
        self._answer()
        return tuple(
            VolumeSummary(name, found) for name, found in self._volumes.items() if labels.items() <= found.items()
        )

    def remove_volume(self, name: str) -> None:
        self._begin(f"remove volume {name}", lambda: self.remove_volume(name))
        if any(mount.source == name for one in self.containers.all for mount in one.spec.mounts):
            raise RuntimeRefused(f"remove {name}: volume is in use")
        self._volumes.pop(name, None)
        self._answer()

    def make_network(self, name: str, labels: Mapping[str, str]) -> None:
        self._begin(f"network {name}", lambda: self.make_network(name, labels))
        if self.crowded and name not in self._networks:
            raise RuntimeRefused("could not find an available, non-overlapping IPv4 address pool")
        self._networks.setdefault(name, dict(labels))
        self._answer()

    def networks(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        self._begin("networks")
        self._answer()
        return tuple(name for name, found in self._networks.items() if labels.items() <= found.items())

    def remove_network(self, name: str) -> None:
        self._begin(f"remove network {name}", lambda: self.remove_network(name))
        if any(one.spec.network.group == name for one in self.containers.running):
            raise RuntimeRefused(f"network {name} has active endpoints")
        self._networks.pop(name, None)
        self._answer()

    def run(self, container: str, command: tuple[str, ...], timeout: float) -> int | None:
        del timeout
        self._begin(f"run {container}")
        found = self.containers.find(container)
        if found and found.running:
            self.ran.add((found.info.id, command))
        self._answer()
        if not found or not found.running:
            raise RuntimeRefused(f"container {container} is not running")
        return self.inside.get(command, 0)

    def find_image(self, image: str) -> ImageInfo | None:
        self._begin(f"image {image}")
        self._answer()
        return self.infos.get(image, ImageInfo()) if image in self.images else None

    def make_pause_image(self) -> None:
        self._begin("pause image", self.make_pause_image)
        self._check_space()
        self.images.add(PAUSE_IMAGE)
        self._answer()

    def remove_image(self, image: str) -> bool:
        self._begin(f"remove image {image}", lambda: self.remove_image(image))
        used = any(image in (container.spec.image, _tag(container.spec.image)) for container in self.containers.all)
        if not used:
            self.images.discard(image)
        self._answer()
        return not used

    def storage(self) -> str:
        return ""

    def image_names(self) -> frozenset[str]:
        return frozenset(self.images)

    def pull(self, image: str) -> Transfer:
        """What it takes in time is the caller's business: run() is its end."""
        return _FakeTransfer(self, image)

    def folders(self, container: str) -> tuple[str, ...]:
        del container
        return ()

    def free_port(self, protocol: str, address: str = "") -> int:
        del protocol, address
        return self.containers.free_port()

    def fetch(self, image: str, login: Login | None) -> None:
        """What a transfer does."""
        self._begin(f"pull {image}")
        self._check_space()
        if image not in self.registry:
            raise RuntimeRefused(f"pull access denied for {image}, repository does not exist")
        if image in self.logins and (login is None or (login.username, login.password) != self.logins[image]):
            raise RuntimeRefused("unauthorized: authentication required")
        self.images.add(image)
        if image in self.tags:
            self.infos[image] = ImageInfo(digest=self.tags[image])
        self._answer()

    def events(self, labels: Mapping[str, str], since: float) -> EventStream:
        """Those that have happened by now; then the stream ends, as when a connection drops."""
        self._begin("events")
        self._answer()
        return _FixedStream(
            event
            for event in self.containers.events
            if event.at >= int(since) and labels.items() <= event.labels.items()
        )

    def ends(self) -> EndStream:
        """Those that have come by now; then the stream ends."""
        return _FixedStream(self.ended(0)[0])

    def close(self) -> None:
        pass

    def _begin(self, call: str, again: Callable[[], object] | None = None) -> None:
        if self._broken == "late" and again is not None:
            self._late.append(again)
        if self._broken in ("hangs", "late"):
            raise RuntimeUnavailable(f"{call}: no answer in time")
        self.calls.append(call)
        self.containers.settle()

    def _answer(self) -> None:
        if self._broken:
            raise RuntimeUnavailable("the answer was lost")

    def _has(self, image: str) -> bool:
        """A tag stands for one digest at a time here."""
        tag, _, digest = image.partition("@")
        known = self.infos.get(tag, ImageInfo()).digest
        return image in self.images or (tag in self.images and (not known or known == digest))

    def _check_space(self) -> None:
        if self.full:
            raise RuntimeRefused("no space left on device")

    def _program(self, spec: ContainerSpec) -> Program:
        by_image: tuple[str, ...] = (_tag(spec.image),)
        return self.programs.get((*spec.entrypoint, *spec.args)) or self.programs.get(by_image) or Program()


def _tag(image: str) -> str:
    return image.partition("@")[0]


@dataclass(slots=True)
class _FakeTransfer:
    runtime: FakeRuntime
    image: str
    closed: bool = False

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        if self.closed:
            raise RuntimeUnavailable(f"pull {self.image}: given up")
        self.runtime.fetch(self.image, login)
        told(Transferred(1, 1))

    def close(self) -> None:
        self.closed = True


class _FixedStream(Generic[T]):
    def __init__(self, events: Iterable[T]) -> None:
        self._events = list(events)

    def __iter__(self) -> Iterator[T]:
        return iter(self._events)

    def close(self) -> None:
        self._events = []
