"""A container runtime that notes which images were fetched through it, and were not there before.

Put around the real runtime by the composition root; the notes are nodeagent/images.py's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from nodeagent.runtime.forwarding import ForwardingRuntime
from nodeagent.runtime.port import Login, Runtime, Transfer, Transferred, nobody

log = logging.getLogger(__name__)


class RecordingRuntime(ForwardingRuntime):
    """`fetched` is told of each such image once it is there; it may raise OSError."""

    def __init__(self, inner: Runtime, fetched: Callable[[str], None]) -> None:
        super().__init__(inner)
        self._fetched = fetched

    def pull(self, image: str) -> Transfer:
        return _RecordedTransfer(self._inner, image, self._fetched)


class _RecordedTransfer(Transfer):
    def __init__(self, runtime: Runtime, image: str, fetched: Callable[[str], None]) -> None:
        self._runtime = runtime
        self._image = image
        self._fetched = fetched
        self._inner = runtime.pull(image)

    def run(self, login: Login | None = None, told: Callable[[Transferred], None] = nobody) -> None:
        was_here = self._runtime.find_image(self._image) is not None
        self._inner.run(login, told)
        if not was_here:
            try:
                self._fetched(self._image)
            except OSError as error:
                log.warning("that image %s was fetched cannot be noted, so it is kept: %s", self._image, error)

    def close(self) -> None:
        self._inner.close()
