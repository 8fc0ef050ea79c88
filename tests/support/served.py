"""A control plane in this process, with its API on a port of its own: what the command line is tested against.

The store is in memory and the clock stands still. Nothing happens but what a request does, until `settle`: then the
loops run, and obedient agents do on every node that lives what they are told.
"""

from __future__ import annotations

import threading
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
        self._stepping = threading.Lock()
        self.plane.lead()

    def __enter__(self) -> ServedPlane:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop()
        self.api.close()

    def settle(self) -> None:
        """Until nothing happens any more: everything that is bound runs, everything that was to stop has stopped."""
        plane = self.plane
        with self._stepping:
            for _ in range(50):
                plane.settle(plane.scheduler, plane.tasks)
                if not self._obey():
                    return
            raise AssertionError("it does not settle")

    def _obey(self) -> bool:
        """What agents would report; whether there was anything."""
        told = False
        for record in list(self.plane.cache.tasks.values()):
            binding = record.task.binding
            node = self.plane.cache.nodes.get(record.node)
            held = self.plane.cache.assignments_of(record.uid).get(record.node)
            if binding is None or held is None or node is None or not node.ready:
                continue
            status = self.plane.cache.statuses_of(record.uid).get(record.node)
            state = TaskState.COMPLETED if held.assignment.desired == "Stopped" else TaskState.RUNNING
            if status is None or (status.status.epoch, status.status.state) != (held.assignment.epoch, state):
                self.plane.report(record.key.name, state)
                told = True
        return told
