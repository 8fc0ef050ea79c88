"""Checks of a container that runs: by HTTP, by TCP or by a command in it. The parts of schemas/checks.json."""

from __future__ import annotations

from taskyard.objects.base import Wire
from taskyard.quantity import Duration


class HttpCheck(Wire, frozen=True, kw_only=True):
    port: int
    path: str = "/"


class TcpCheck(Wire, frozen=True, kw_only=True):
    port: int


class Check(Wire, frozen=True, kw_only=True):
    """One of `http`, `tcp` and `command`. `failures` in a row, or `successes`, change the verdict."""

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    command: list[str] = []
    delay: Duration = "0s"
    interval: Duration = "10s"
    timeout: Duration = "5s"
    failures: int = 3
    successes: int = 1


class Checks(Wire, frozen=True, kw_only=True):
    """`startup` comes before the others; it and `liveness` decide on a restart, `readiness` on traffic."""

    startup: Check | None = None
    liveness: Check | None = None
    readiness: Check | None = None


class Hook(Wire, frozen=True, kw_only=True):
    command: list[str]
    timeout: Duration = "10s"


class Hooks(Wire, frozen=True, kw_only=True):
    """Run in the container: right after its start, and before its stop signal within the grace period."""

    post_start: Hook | None = None
    pre_stop: Hook | None = None
