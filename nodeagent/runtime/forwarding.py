"""A container runtime that passes everything on to another: the base of those that only change some calls.

Nothing is decided here. The runtime with failpoints stands on it, and the simulator's.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodeagent.runtime.port import (
    ContainerInfo,
    ContainerSpec,
    ContainerSummary,
    EndStream,
    EventStream,
    ImageInfo,
    Runtime,
    Transfer,
    VolumeSummary,
)


class ForwardingRuntime(Runtime):
    def __init__(self, inner: Runtime) -> None:
        self._inner = inner

    def describe(self) -> str:
        return self._inner.describe()

    def create(self, spec: ContainerSpec) -> str:
        return self._inner.create(spec)

    def start(self, container: str) -> None:
        self._inner.start(container)

    def inspect(self, container: str) -> ContainerInfo | None:
        return self._inner.inspect(container)

    def list(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        return self._inner.list(labels)

    def kill(self, container: str, signal: str) -> None:
        self._inner.kill(container, signal)

    def remove(self, container: str, *, force: bool) -> None:
        self._inner.remove(container, force=force)

    def volumes(self, labels: Mapping[str, str]) -> tuple[VolumeSummary, ...]:
        return self._inner.volumes(labels)

    def remove_volume(self, name: str) -> None:
        self._inner.remove_volume(name)

    def make_network(self, name: str, labels: Mapping[str, str]) -> None:
        self._inner.make_network(name, labels)

    def make_pause_image(self) -> None:
        self._inner.make_pause_image()

    def networks(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return self._inner.networks(labels)

    def remove_network(self, name: str) -> None:
        self._inner.remove_network(name)

    def run(self, container: str, command: tuple[str, ...], timeout: float) -> int | None:
        return self._inner.run(container, command, timeout)

    def find_image(self, image: str) -> ImageInfo | None:
        return self._inner.find_image(image)

    def remove_image(self, image: str) -> bool:
        return self._inner.remove_image(image)

    def storage(self) -> str:
        return self._inner.storage()

    def image_names(self) -> frozenset[str]:
        return self._inner.image_names()

    def pull(self, image: str) -> Transfer:
        return self._inner.pull(image)

    def folders(self, container: str) -> tuple[str, ...]:
        return self._inner.folders(container)

    def free_port(self, protocol: str, address: str = "") -> int:
        return self._inner.free_port(protocol, address)

    def events(self, labels: Mapping[str, str], since: float) -> EventStream:
        return self._inner.events(labels, since)

    def ends(self) -> EndStream:
        return self._inner.ends()

    def close(self) -> None:
        self._inner.close()
