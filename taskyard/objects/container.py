"""What a task's spec says about its container beyond image and command: the parts of schemas/container.json.

Only shapes; `nodeagent.container_spec` says what becomes of them.
"""

from __future__ import annotations

from taskyard.objects.base import Wire
from taskyard.quantity import Size


class EnvSource(Wire, frozen=True, kw_only=True):
    """Where an environment variable's value comes from. `field`: of the task itself, `ports.NAME` for a host port."""

    field: str


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
    hostname: str = ""
    dns: Dns = Dns()
    extra_hosts: dict[str, str] = {}
    """An address, or `host-gateway`, by name."""
