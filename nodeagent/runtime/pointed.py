"""A container runtime with failpoints around what it is asked to do.

Put around the real runtime by the composition root, only when failpoints are switched on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from nodeagent.runtime.port import (
    ContainerInfo,
    ContainerSpec,
    ContainerSummary,
    EventStream,
    LogOptions,
    LogStream,
    Runtime,
    RuntimeUnavailable,
    Transfer,
)
from taskyard.failpoints import Failed, Failpoints

RUNTIME_EFFECTS = ("agent.create", "agent.start", "agent.signal", "agent.remove", "agent.pull")


class PointedRuntime(Runtime):
    def __init__(self, inner: Runtime, points: Failpoints) -> None:
        self._inner = inner
        self._points = points

    def create(self, spec: ContainerSpec) -> str:
        with around(self._points, "agent.create"):
            return self._inner.create(spec)

    def start(self, container: str) -> None:
        with around(self._points, "agent.start"):
            self._inner.start(container)

    def kill(self, container: str, signal: str) -> None:
        with around(self._points, "agent.signal"):
            self._inner.kill(container, signal)

    def remove(self, container: str, *, force: bool) -> None:
        with around(self._points, "agent.remove"):
            self._inner.remove(container, force=force)

    def pull(self, image: str) -> Transfer:
        return _PointedTransfer(self._inner.pull(image), self._points)

    def describe(self) -> str:
        return self._inner.describe()

    def inspect(self, container: str) -> ContainerInfo | None:
        return self._inner.inspect(container)

    def list(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        return self._inner.list(labels)

    def has_image(self, image: str) -> bool:
        return self._inner.has_image(image)

    def events(self, labels: Mapping[str, str], since: float) -> EventStream:
        return self._inner.events(labels, since)

    def logs(self, container: str, options: LogOptions) -> LogStream:
        return self._inner.logs(container, options)

    def close(self) -> None:
        self._inner.close()


class _PointedTransfer(Transfer):
    def __init__(self, inner: Transfer, points: Failpoints) -> None:
        self._inner = inner
        self._points = points

    def run(self) -> None:
        with around(self._points, "agent.pull"):
            self._inner.run()

    def close(self) -> None:
        self._inner.close()


@contextmanager
def around(points: Failpoints, effect: str) -> Iterator[None]:
    try:
        points.hit(f"{effect}.before")
        yield
        points.hit(f"{effect}.after")
    except Failed as error:
        raise RuntimeUnavailable(str(error)) from error
