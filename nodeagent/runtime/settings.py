"""The parts of a ContainerSpec, in our own terms. Empty: what the runtime does by itself. 0: no limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class ProcessSettings(msgspec.Struct, frozen=True):
    """`ulimits`: soft and hard by name, -1 unlimited. `shm_size`: bytes."""

    init: bool = False
    tty: bool = False
    shm_size: int = 0
    ulimits: Mapping[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    sysctls: Mapping[str, str] = msgspec.field(default_factory=dict)


class NetworkSettings(msgspec.Struct, frozen=True):
    """`group`: the name of a network that is there, on which others find it as `alias`; empty: the default one."""

    mode: Literal["bridge", "none", "host"] = "bridge"
    group: str = ""
    alias: str = ""
    joins: str = ""
    """The name of a container that runs, whose network it has; all else of a network is that one's."""
    hostname: str = ""
    dns_servers: tuple[str, ...] = ()
    dns_searches: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = msgspec.field(default_factory=dict)


class SecuritySettings(msgspec.Struct, frozen=True):
    """`capabilities`: all that there are."""

    read_only_root: bool = False
    capabilities: tuple[str, ...] = ()


class IoSettings(msgspec.Struct, frozen=True):
    """Of the disk that the containers are on. Bytes and operations per second."""

    weight: int = 0
    read_rate: int = 0
    write_rate: int = 0
    read_ops: int = 0
    write_ops: int = 0


class LimitSettings(msgspec.Struct, frozen=True):
    """Millicores, bytes. `cpu_request` and `memory_request` matter when others want more than there is."""

    cpu_request: int = 0
    cpu: int = 0
    memory_request: int = 0
    memory: int = 0
    swap: int = 0
    """On top of the memory; without effect without a limit of memory."""
    pids: int = 0
    io: IoSettings = IoSettings()
    log_size: int = 10 * 2**20
    """Bytes of one file of output."""
    log_files: int = 3


PROCESS_DEFAULTS = ProcessSettings()
NETWORK_DEFAULTS = NetworkSettings()
SECURITY_DEFAULTS = SecuritySettings()
LIMIT_DEFAULTS = LimitSettings()
