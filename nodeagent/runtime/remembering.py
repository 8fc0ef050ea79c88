"""A container runtime that remembers for a moment what it found out about images.

Each start asks which image its tag stands for: a hundred tasks of one image, started at once, ask the engine one time.
Put around the real runtime by the composition root.
"""

from __future__ import annotations

from collections.abc import Callable

from nodeagent.runtime.forwarding import ForwardingRuntime
from nodeagent.runtime.port import (
    ContainerSpec,
    ImageInfo,
    ImageMissing,
    Login,
    Runtime,
    Transfer,
    Transferred,
    nobody,
)
from taskyard.clock import Clock

KEPT = 10.0
"""Seconds. Somebody else may give a tag to another image."""


class RememberingRuntime(ForwardingRuntime):
    """What is not there is not remembered. Any thread may call."""

    def __init__(self, inner: Runtime, clock: Clock) -> None:
        super().__init__(inner)
        self._clock = clock
        self._images: dict[str, tuple[float, ImageInfo]] = {}

    def find_image(self, image: str) -> ImageInfo | None:
        now = self._clock.monotonic()
        until, known = self._images.get(image, (0.0, None))
        if known is not None and now < until:
            return known
        self._images = {name: kept for name, kept in list(self._images.items()) if now < kept[0]}
        found = self._inner.find_image(image)
        if found is not None:
            self._images[image] = (now + KEPT, found)
        return found

    def create(self, spec: ContainerSpec) -> str:
        try:
            return self._inner.create(spec)
        except ImageMissing:
            self._images = {}
            raise

    def remove_image(self, image: str) -> bool:
        self._images.pop(image, None)
        return self._inner.remove_image(image)

    def pull(self, image: str) -> Transfer:
        return _ForgettingTransfer(self._inner.pull(image), lambda: self._images.pop(image, None))


class _ForgettingTransfer(Transfer):
    def __init__(self, inner: Transfer, forget: Callable[[], object]) -> None:
        self._inner = inner
        self._forget = forget

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        try:
            self._inner.run(login, told)
        finally:
            self._forget()

    def close(self) -> None:
        self._inner.close()
