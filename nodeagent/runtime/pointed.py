"""A container runtime with failpoints around what it is asked to do.

Put around the real runtime by the composition root, only when failpoints are switched on.
"""

from __future__ import annotations

from collections.abc import Callable

from nodeagent.runtime.forwarding import ForwardingRuntime
from nodeagent.runtime.port import (
    ContainerSpec,
    Login,
    Runtime,
    RuntimeUnavailable,
    Transfer,
    Transferred,
    nobody,
)
from taskyard.failpoints import Failpoints

RUNTIME_EFFECTS = ("agent.create", "agent.start", "agent.signal", "agent.remove", "agent.pull")


class PointedRuntime(ForwardingRuntime):
    def __init__(self, inner: Runtime, points: Failpoints) -> None:
        super().__init__(inner)
        self._points = points

    def create(self, spec: ContainerSpec) -> str:
        with self._points.around("agent.create", RuntimeUnavailable):
            return self._inner.create(spec)

    def start(self, container: str) -> None:
        with self._points.around("agent.start", RuntimeUnavailable):
            self._inner.start(container)

    def kill(self, container: str, signal: str) -> None:
        with self._points.around("agent.signal", RuntimeUnavailable):
            self._inner.kill(container, signal)

    def remove(self, container: str, *, force: bool) -> None:
        with self._points.around("agent.remove", RuntimeUnavailable):
            self._inner.remove(container, force=force)

    def pull(self, image: str) -> Transfer:
        return _PointedTransfer(self._inner.pull(image), self._points)


class _PointedTransfer(Transfer):
    def __init__(self, inner: Transfer, points: Failpoints) -> None:
        self._inner = inner
        self._points = points

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        with self._points.around("agent.pull", RuntimeUnavailable):
            self._inner.run(login, told)

    def close(self) -> None:
        self._inner.close()
