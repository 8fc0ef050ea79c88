"""A control plane in this process, with its API on a port of its own: what the command line is tested against.

The store is in memory and the clock stands still. Nothing happens but what a request does, until `settle`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from controlplane.api.server import Server
from taskyard.listening import listen
from taskyard.objects import TaskState
from tests.controlplane.api.bench import ApiBench


class ServedPlane(ApiBench):
    """`with ServedPlane() as served:` serves at `served.port`."""

    def __init__(self) -> None:
        super().__init__()
        self._bound = listen("127.0.0.1", 0)
        self.port: int = self._bound.getsockname()[1]
        self._server = Server(self.app, self._bound, self.api.close_streams)
        self.plane.lead()

    def __enter__(self) -> ServedPlane:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop()
        self.api.close()

    @contextmanager
    def running(self, runs: TaskState = TaskState.RUNNING) -> Iterator[None]:
        """The loops go on in a thread meanwhile; agents say `runs` of what is new to them."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.01):
                self.settle(runs)
                self.plane.events.flush()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
