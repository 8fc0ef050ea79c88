"""What a task's spec says about its container beyond image and command: the parts of schemas/container.json.

Only shapes; `nodeagent.container_spec` says what becomes of them.
"""

from __future__ import annotations

from typing import Literal

from taskyard.objects.base import Wire
from taskyard.objects.checks import Checks
from taskyard.quantity import Cpu, CpuLimit, Size


class EnvSource(Wire, frozen=True, kw_only=True):
    """Where an environment variable's value comes from. `field`: of the task itself, `ports.NAME` for a host port; else
    the `key` of a Secret or Config of its namespace."""

    field: str = ""
    secret: str = ""
    config: str = ""
    key: str = ""


class InitTask(Wire, frozen=True, kw_only=True):
    """Run before the task itself, with all that is the task's but what stands here. `image` empty: the task's."""

    name: str
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}


class SidecarResources(Wire, frozen=True, kw_only=True):
    cpu: Cpu | None = None
    memory: Size | None = None


class Sidecar(Wire, frozen=True, kw_only=True):
    """Run beside the task itself, for as long as that does, in its network: see `nodeagent.sidecars`. With all that is
    the task's but what stands here. `image` empty: the task's."""

    name: str
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    env: dict[str, str] = {}
    start: Literal["before", "after"] = "before"
    """The task itself."""
    resources: SidecarResources = SidecarResources()
    """On top of the task's."""
    checks: Checks = Checks()


class Ulimit(Wire, frozen=True, kw_only=True):
    """-1: unlimited. `hard` absent: as `soft`."""

    soft: int
    hard: int | None = None


class Process(Wire, frozen=True, kw_only=True):
    init: bool = False
    tty: bool = False
    shm_size: Size | None = None
    ulimits: dict[str, Ulimit] = {}
    sysctls: dict[str, str] = {}


class Dns(Wire, frozen=True, kw_only=True):
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []


class Network(Wire, frozen=True, kw_only=True):
    """`group`: a network that tasks of a namespace share on a node, with their names as DNS."""

    mode: Literal["bridge", "none", "host"] = "bridge"
    group: str = ""
    hostname: str = ""
    dns: Dns = Dns()
    extra_hosts: dict[str, str] = {}
    """An address, or `host-gateway`, by name."""


class Security(Wire, frozen=True, kw_only=True):
    """`cap_add` and `cap_drop` change the usual capabilities; see `nodeagent.allowance`."""

    read_only_root: bool = False
    cap_add: list[str] = []
    cap_drop: list[str] = []


class Io(Wire, frozen=True, kw_only=True):
    """Of the disk that the node's containers are on; rates in bytes and operations per second."""

    weight: int | None = None
    read_rate: Size | None = None
    write_rate: Size | None = None
    read_ops: int | None = None
    write_ops: int | None = None


class Limits(Wire, frozen=True, kw_only=True):
    """The most that it may use. `cpu` and `memory` absent: what the resources say."""

    cpu: CpuLimit | None = None
    memory: Size | None = None
    swap: Size | None = None
    pids: int = 2048
    io: Io = Io()


class Logs(Wire, frozen=True, kw_only=True):
    max_size: Size = "10Mi"
    max_files: int = 3
