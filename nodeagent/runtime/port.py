"""The Runtime protocol: what the agent asks of a container runtime, in our own types. No I/O lives here.

`DockerRuntime` and `FakeRuntime` implement it and pass one contract suite (tests/nodeagent/runtime). The agent speaks
to this and never sees Docker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from nodeagent.runtime.settings import (
    LIMIT_DEFAULTS,
    NETWORK_DEFAULTS,
    PROCESS_DEFAULTS,
    SECURITY_DEFAULTS,
    LimitSettings,
    NetworkSettings,
    ProcessSettings,
    SecuritySettings,
)

MOST_IMAGES = 100
"""Names that a node tells of: they are in its lease."""


PAUSE_IMAGE = "taskyard/pause:1"
"""Its program does nothing until it is killed."""


class RuntimeFault(Exception):
    """Anything that a runtime raises."""


class RuntimeUnavailable(RuntimeFault):
    """No answer in time, or none that makes sense: the call may or may not have worked. Look, then try again."""


class ImageMissing(RuntimeFault):
    """The image is not on this node."""


class NameConflict(RuntimeFault):
    """A container of that name is there already, ours or somebody else's."""


class RuntimeRefused(RuntimeFault):
    """The runtime understood and said no; the message is its reason. Repeating it at once will not help."""


class WrongPlatform(RuntimeRefused):
    """There is such an image, but none for machines of this kind."""


class ContainerState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    DEAD = "dead"
    """Being removed, or half removed; it does not run."""


class PortMapping(msgspec.Struct, frozen=True):
    """`host` None: not published; 0: any free port of the node. `address` empty: on all addresses of the node."""

    container: int
    protocol: str
    host: int | None
    address: str = ""


class Mount(msgspec.Struct, frozen=True):
    """`source` empty: a tmpfs when `tmpfs`, else a volume that goes with the container; with a slash: a path of the
    node. `size`: bytes, 0: no limit. `labels`: of a volume that is made for it."""

    target: str
    source: str = ""
    tmpfs: bool = False
    size: int = 0
    read_only: bool = False
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)


class Probe(msgspec.Struct, frozen=True):
    """A command that the runtime runs inside the container; times in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float


class ContainerSpec(msgspec.Struct, frozen=True):
    """A container to create. Empty: what the image says. 0: no limit."""

    name: str
    image: str
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    """`NAME=value`"""
    workdir: str = ""
    user: str = ""
    ports: tuple[PortMapping, ...] = ()
    mounts: tuple[Mount, ...] = ()
    devices: tuple[str, ...] = ()
    """Paths of device files on the node, and in the container."""
    process: ProcessSettings = PROCESS_DEFAULTS
    network: NetworkSettings = NETWORK_DEFAULTS
    security: SecuritySettings = SECURITY_DEFAULTS
    limits: LimitSettings = LIMIT_DEFAULTS
    stop_signal: str = "SIGTERM"
    stop_grace: float = 10.0
    probe: Probe | None = None


class PublishedPort(msgspec.Struct, frozen=True):
    """`address` empty: on all addresses of the node."""

    container: int
    protocol: str
    host: int
    address: str = ""


class ContainerInfo(msgspec.Struct, frozen=True):
    """One container as it was when looked at. Times are seconds since the epoch, 0 when it has not happened."""

    id: str
    name: str
    labels: Mapping[str, str]
    state: ContainerState
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: float = 0.0
    finished_at: float = 0.0
    health: str = ""
    """`starting`, `healthy`, `unhealthy`; empty without a probe."""
    ports: tuple[PublishedPort, ...] = ()
    pid: int = 0
    address: str = ""
    """Where the node reaches it on a bridge, once it runs and was inspected."""
    stop_signal: str = "SIGTERM"
    stop_grace: float = 10.0
    """Seconds; both as it was created."""
    error: str = ""
    """Why it could not start, in the runtime's words."""
    image: str = ""
    """As it was named when the container was created."""


class ContainerSummary(msgspec.Struct, frozen=True):
    """What a list tells: enough to see that something changed."""

    id: str
    name: str
    labels: Mapping[str, str]
    state: ContainerState
    health: str = ""


class VolumeSummary(msgspec.Struct, frozen=True):
    name: str
    labels: Mapping[str, str]


class ContainerEvent(msgspec.Struct, frozen=True):
    """Something happened to a container; it may be told late, or twice."""

    id: str
    labels: Mapping[str, str]
    action: str
    at: float
    """Seconds since the epoch, on the runtime's clock."""
    exit_code: int | None = None
    """Of a `die`."""


class ContainerEnd(msgspec.Struct, frozen=True):
    """All processes of a container have ended: the kernel's word, which the runtime may not have noticed yet."""

    id: str
    exit_code: int
    """As the runtime will tell it."""
    at: float
    """Seconds since the epoch."""


class ImageInfo(msgspec.Struct, frozen=True):
    """`digest`: `sha256:…`, by which its registry knows it; empty when it came from none. `foreign`: `linux/arm64`, the
    kind of machine that it is for, when that is not the node's."""

    digest: str = ""
    foreign: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """`source` says in messages whose it is: `secret/registry-login`."""

    registry: str
    username: str
    password: str = field(repr=False)
    source: str = ""


class Transferred(msgspec.Struct, frozen=True):
    """Bytes. `total` is what the registry has told of so far, and grows."""

    done: int
    total: int


def nobody(amount: Transferred) -> None:
    """For transfers that nobody follows."""
    del amount


class Transfer(Protocol):
    """An image that is to be fetched. Nothing has happened before run()."""

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        """Returns when it is here; `told` is called often on the way. Without a login, the one that the runtime's host
        has, if any. Raises RuntimeRefused with the registry's reason, WrongPlatform."""
        ...

    def close(self) -> None:
        """Gives it up from any thread: a run that goes on soon ends with RuntimeUnavailable, unless it is done."""
        ...


class EventStream(Protocol):
    """Ends (StopIteration) when the connection does; open a new one from the last `at` seen."""

    def __iter__(self) -> Iterator[ContainerEvent]: ...

    def close(self) -> None: ...


class EndStream(Protocol):
    """Ends that nobody asked for, as they come. It may tell of none at all, but of none twice."""

    def __iter__(self) -> Iterator[ContainerEnd]: ...

    def close(self) -> None: ...


class Runtime(Protocol):
    """Every call ends within the runtime's time limit for it, with RuntimeUnavailable. Safe for use by many threads."""

    def describe(self) -> str:
        """Name and version, `docker 20.10.24`; asks the runtime, so it tells too whether it answers."""
        ...

    def create(self, spec: ContainerSpec) -> str:
        """The new container's id. Raises ImageMissing, NameConflict, RuntimeRefused."""
        ...

    def start(self, container: str) -> None:
        """Nothing when it runs already. Raises RuntimeRefused (port taken, no such command, not there)."""
        ...

    def inspect(self, container: str) -> ContainerInfo | None:
        """By id or name; None when there is no such container."""
        ...

    def list(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        """All containers, running or not, that have all these labels."""
        ...

    def kill(self, container: str, signal: str) -> None:
        """Sends a signal; nothing when the container does not run or is not there."""
        ...

    def remove(self, container: str, *, force: bool) -> None:
        """Also its own volumes; nothing when it is not there. RuntimeRefused when it runs and not `force`."""
        ...

    def volumes(self, labels: Mapping[str, str]) -> tuple[VolumeSummary, ...]:
        """All volumes that have all these labels."""
        ...

    def remove_volume(self, name: str) -> None:
        """Nothing when it is not there. RuntimeRefused while a container has it, running or not."""
        ...

    def make_network(self, name: str, labels: Mapping[str, str]) -> None:
        """A bridge on which containers find each other by name; nothing when it is there."""
        ...

    def networks(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """The names of all networks that have all these labels."""
        ...

    def remove_network(self, name: str) -> None:
        """Nothing when it is not there. RuntimeRefused while a container that runs is on it."""
        ...

    def run(self, container: str, command: tuple[str, ...], timeout: float) -> int | None:
        """Runs a program in a container that runs; its exit code, or None when it takes longer than `timeout` seconds
        (it goes on then). Raises RuntimeRefused when there is no such program, or the container does not run."""
        ...

    def find_image(self, image: str) -> ImageInfo | None:
        """None when the image is not on this node."""
        ...

    def make_pause_image(self) -> None:
        """Makes PAUSE_IMAGE on this node. RuntimeRefused for a kind of machine that there is no such program for."""
        ...

    def remove_image(self, image: str) -> bool:
        """Its name, and what no other name holds. False when a container, running or not, is made of it; True also
        when it is not there."""
        ...

    def storage(self) -> str:
        """The folder on its host where it keeps images and containers; empty when it does not say."""
        ...

    def image_names(self) -> frozenset[str]:
        """What is on this node, by names with tag: MOST_IMAGES of them at most, the newest."""
        ...

    def pull(self, image: str) -> Transfer: ...

    def folders(self, container: str) -> tuple[str, ...]:
        """Where on the node it writes, but for volumes; none when that cannot be known. Never raises."""
        ...

    def free_port(self, protocol: str, address: str = "") -> int:
        """A port that is free now at this address of the node, or at all; somebody may take it before a container."""
        ...

    def events(self, labels: Mapping[str, str], since: float) -> EventStream:
        """Exits, OOM kills, health changes and removals of containers with these labels."""
        ...

    def ends(self) -> EndStream:
        """Of containers that were started or inspected here: what is told past the runtime, before it has noticed or
        while it does not answer. For one follower."""
        ...

    def close(self) -> None: ...
