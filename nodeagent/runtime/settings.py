"""The parts of a ContainerSpec, in our own terms. Empty: what the runtime does by itself. 0: no limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """`ulimits`: soft and hard by name, -1 unlimited. `shm_size`: bytes."""

    init: bool = False
    tty: bool = False
    shm_size: int = 0
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    hostname: str = ""
    dns_servers: tuple[str, ...] = ()
    dns_searches: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=dict)


PROCESS_DEFAULTS = ProcessSettings()
NETWORK_DEFAULTS = NetworkSettings()
