"""One connected watch stream: what is sent on it, how its answers are read, and how it is noticed that it died.

It ends with its connection; etcd_watch opens the next one. Everything here runs in that watch's thread, but `hang_up`
and `silent_for`, which any thread may call.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from etcd3.etcdrpc import rpc_pb2

from taskyard.store.etcd_channel import REQUIRE_LEADER, Endpoints, Link

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_ASKED_FOR = -1  # the watch id of an answer to a progress request


class WatchStream:
    """Iterates over WatchResponses. `ask_every` is how often it asks etcd for a sign of life, in seconds.

    It asks because etcd by itself says nothing for 10 minutes when there is nothing to say.
    """

    def __init__(self, endpoints: Endpoints, endpoint: str, ask_every: float) -> None:
        self.link: Link = endpoints.dial(endpoint)
        self._ask_every = ask_every
        self._ended = threading.Event()
        self._waiting_since: float | None = None
        self._progress_is_ordered = False

    def responses(self, start: bytes, end: bytes, first_revision: int, connect_timeout: float) -> Iterator[Any]:
        """Raises grpc.RpcError when the connection fails, and ValueError when it was hung up before it began."""
        status = self.link.maintenance.Status(rpc_pb2.StatusRequest(), timeout=connect_timeout)
        self._progress_is_ordered = orders_progress(status.version)
        create = rpc_pb2.WatchCreateRequest(
            key=start, range_end=end, start_revision=first_revision, progress_notify=True
        )
        self._waiting_since = time.monotonic()
        for response in self.link.watch.Watch(self._requests(create), metadata=REQUIRE_LEADER):
            self._waiting_since = None
            yield response
            self._waiting_since = time.monotonic()

    def progress(self, response: Any) -> int:
        """The revision up to which this response says that all was seen; 0 when it says nothing of the kind."""
        if response.events or response.created or response.canceled:
            return 0
        if response.watch_id == _ASKED_FOR and not self._progress_is_ordered:
            return 0
        return int(response.header.revision)

    def silent_for(self, now: float) -> float:
        """Seconds that we have waited for a response; 0 while one is being dealt with."""
        since = self._waiting_since
        return 0.0 if since is None else now - since

    def hang_up(self) -> None:
        """Ends it, whatever it is doing. Safe to call twice."""
        self._ended.set()
        self.link.channel.close()

    def _requests(self, create: Any) -> Iterator[Any]:
        # gRPC runs this in a thread of its own.
        yield rpc_pb2.WatchRequest(create_request=create)
        while not self._ended.wait(self._ask_every):
            # While the reader is held up, answers would only pile up behind what it has not read.
            if self._waiting_since is not None:
                yield rpc_pb2.WatchRequest(progress_request=rpc_pb2.WatchProgressRequest())


def orders_progress(version: str) -> bool:
    """Whether an answer to a progress request comes after all events up to its revision.

    In older versions it overtakes them (etcd issue 15220), so that it proves life and nothing more. The versions are
    those from which Kubernetes relies on it: fixed in 3.4.25 and 3.5.8, and once more in 3.4.31 and 3.5.13.
    """
    found = _VERSION.match(version)
    if not found:
        return False
    major, minor, patch = (int(part) for part in found.groups())
    return (
        (major, minor) > (3, 5)
        or ((major, minor) == (3, 5) and patch >= 13)
        or ((major, minor) == (3, 4) and patch >= 31)
    )
