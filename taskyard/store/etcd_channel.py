"""Connections to etcd's members: which endpoint is used, when another one is tried, and what may be sent twice.

Neither keys nor values are known here. EtcdStore makes its calls through `Endpoints.call`; a watch dials a connection
of its own, so that what it does to that one (back-pressure, hanging up) cannot touch a call.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import grpc
from etcd3.etcdrpc import rpc_pb2_grpc

from taskyard.store import etcd_errors
from taskyard.store.api import OutcomeUnknown, StoreUnavailable
from taskyard.store.etcd_errors import Fault

REQUIRE_LEADER = (("hasleader", "true"),)
"""A member that is cut off from the others then says so at once, and ends its watches, instead of going quiet."""

_ENDPOINT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}", re.ASCII)
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to one member and etcd's services on it (generated stubs, untyped)."""

    endpoint: str
    channel: grpc.Channel
    kv: Any
    lease: Any
    watch: Any
    maintenance: Any


class Begun(NamedTuple):
    """A call that was sent, and whose answer is still to come."""

    link: Link
    answer: Any
    """A future of gRPC's."""

    def wait(self, _link: Link, _timeout: float) -> Any:
        """In place of sending it. It has its own timeout, from when it was sent."""
        return self.answer.result()


class Endpoints:
    """The members' addresses, and one shared connection to each that was needed so far.

    All use the same member until it fails, then the next one. `timeout` is in seconds and bounds every call.
    """

    def __init__(self, addresses: Sequence[str], timeout: float) -> None:
        for address in addresses:
            if not _ENDPOINT.fullmatch(address):
                raise ValueError(f"etcd endpoint {address!r} is not host:port, for instance 127.0.0.1:2379")
        if not addresses:
            raise ValueError("no etcd endpoint was given; name at least one, for instance 127.0.0.1:2379")
        self._addresses = tuple(addresses)
        self.timeout = timeout
        self._lock = threading.Lock()
        # Many agents with the same list must not all lean on its first member.
        self._at = random.randrange(len(self._addresses))
        self._links: dict[str, Link] = {}
        self._closed = threading.Event()

    @property
    def current(self) -> str:
        return self._addresses[self._at]

    def failed(self, endpoint: str) -> None:
        """Moves on to the next endpoint, unless another thread did already."""
        with self._lock:
            if self.current == endpoint:
                self._at = (self._at + 1) % len(self._addresses)

    def dial(self, endpoint: str) -> Link:
        """A connection that nobody else uses; the caller closes its channel."""
        channel = grpc.insecure_channel(endpoint, options=self._options())
        return Link(
            endpoint,
            channel,
            rpc_pb2_grpc.KVStub(channel),
            rpc_pb2_grpc.LeaseStub(channel),
            rpc_pb2_grpc.WatchStub(channel),
            rpc_pb2_grpc.MaintenanceStub(channel),
        )

    def begin(self, send: Callable[[Link, float], Any]) -> Begun | None:
        """What `call` is to wait for; None when nothing could be sent, and `call` will say why."""
        try:
            link = self._link("")
            return Begun(link, send(link, self.timeout))
        except (StoreUnavailable, ValueError):
            return None

    def call(
        self, what: str, send: Callable[[Link, float], Answer], *, repeatable: bool, begun: Begun | None = None
    ) -> Answer:
        """Runs `send(link, timeout)` until a member answers or the time is up; `begun` is the first try, if any.

        What is not `repeatable` is sent again only where it is certain that it was not carried out. Raises Compacted's
        cause as `RevisionGone`, LeaseExpired, RequestRefused, StoreUnavailable, OutcomeUnknown.
        """
        deadline = time.monotonic() + self.timeout
        # A member that hangs must leave time to ask another one; a write gets all of it, as it is not asked twice.
        share = max(self.timeout / len(self._addresses), 0.5) if repeatable else self.timeout
        pause = _FIRST_PAUSE
        for attempt in range(1, 1_000_000):
            link, once = (begun.link, begun.wait) if begun is not None else (self._link(what), send)
            begun = None
            try:
                return once(link, max(min(share, deadline - time.monotonic()), 0.01))
            except grpc.RpcError as error:
                cause = error
            except grpc.FutureCancelledError as error:
                raise OutcomeUnknown(f"{what}: the store was closed before it answered") from error
            except ValueError as error:
                if self._closed.is_set():  # gRPC's way to say that the channel was closed before the call began
                    raise StoreUnavailable(f"{what}: the store was closed") from error
                raise
            fault = etcd_errors.fault(cause)
            if fault is Fault.COMPACTED:
                raise RevisionGone(what) from cause
            if fault is Fault.REFUSED:
                raise etcd_errors.refusal(cause, what) from cause
            self.failed(link.endpoint)
            told = f"etcd at {link.endpoint}: {etcd_errors.describe(cause)}"
            if fault is Fault.UNKNOWN and not repeatable:
                raise OutcomeUnknown(
                    f"{what}: no answer, so it may or may not have happened; read again ({told})"
                ) from cause
            if attempt % len(self._addresses) == 0:
                self._closed.wait(min(pause, max(deadline - time.monotonic(), 0.0)))
                pause = min(pause * 2, _LONGEST_PAUSE)
            if time.monotonic() >= deadline or self._closed.is_set():
                raise StoreUnavailable(
                    f"{what}: no endpoint answered within {self.timeout:g} s (last, {told})"
                ) from cause
        raise AssertionError("a deadline ends this loop")

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            links = list(self._links.values())
        for link in links:
            link.channel.close()

    def _link(self, what: str) -> Link:
        with self._lock:
            if self._closed.is_set():
                raise StoreUnavailable(f"{what}: the store was closed")
            endpoint = self.current
            if endpoint not in self._links:
                self._links[endpoint] = self.dial(endpoint)
            return self._links[endpoint]

    def _options(self) -> list[tuple[str, int]]:
        return [
            # etcd drops a client that pings more often than every 5 s, or with no call open.
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 0),
            ("grpc.http2.max_pings_without_data", 0),
            # How long connecting may take (gRPC's default is 20 s): less than a call, so that a write which finds a
            # member that accepts but never speaks is certain not to have been sent, and can go to the next one.
            ("grpc.min_reconnect_backoff_ms", int(1000 * min(self.timeout / 3, 2.0))),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            # One page of a list, or 1,000 revisions in one watch response, can be far beyond the default 4 MiB.
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # Else channels to the same address share one connection behind our back.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
        ]


class RevisionGone(Exception):
    """etcd said that a revision was compacted, but not up to which one; never leaves EtcdStore."""
