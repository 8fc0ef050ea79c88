"""EtcdStore: the Store protocol on a real etcd. The parts are in etcd_*.py; gRPC's errors and types end here.

The `etcd3` module is used for its generated messages and stubs alone: its own watch, locks and leases do not survive a
lost connection.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from etcd3.etcdrpc import rpc_pb2

from taskyard.store import etcd_codec, etcd_lease
from taskyard.store.api import Commit, Compacted, Compare, Entry, Listing, Operation, Store, StoreUnavailable
from taskyard.store.etcd_channel import REQUIRE_LEADER, Begun, Endpoints, Link, RevisionGone
from taskyard.store.etcd_watch import EtcdWatch

_PAGE = 10_000
_LIST_TRIES = 3


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What the member that answered says of itself; `size` is its database in bytes, as on disk, and `in_use` what of
    that is not free for new data."""

    endpoint: str
    version: str
    size: int
    in_use: int
    has_leader: bool


class EtcdStore(Store):
    """Connects with the first call; `endpoints` are host:port of members of one cluster.

    `timeout`: seconds that one call may take, all endpoints together (in `list`: one page of it). `watch_silence`:
    seconds without a frame after which a watch connects anew.
    """

    def __init__(self, endpoints: Sequence[str], *, timeout: float = 5.0, watch_silence: float = 10.0) -> None:
        self._endpoints = Endpoints(endpoints, timeout)
        self._watch_silence = watch_silence
        self._watches: weakref.WeakSet[EtcdWatch] = weakref.WeakSet()

    def connect(self) -> None:
        """Raises StoreUnavailable when no endpoint answers; every other call connects by itself."""
        self.status()

    def status(self) -> MemberStatus:
        def send(link: Link, timeout: float) -> MemberStatus:
            answer = link.maintenance.Status(rpc_pb2.StatusRequest(), timeout=timeout)
            in_use = etcd_codec.size_in_use(answer)
            return MemberStatus(link.endpoint, answer.version, answer.dbSize, in_use, answer.leader != 0)

        return self._endpoints.call("status", send, repeatable=True)

    def get(self, key: str, *, revision: int = 0) -> Entry | None:
        request = rpc_pb2.RangeRequest(key=etcd_codec.encode(key), revision=revision)
        try:
            answer = self._range(f"get {key}", request)
        except RevisionGone as error:
            raise Compacted(self._compacted_revision(key, revision)) from error
        return etcd_codec.entry(answer.kvs[0]) if answer.kvs else None

    def list(self, prefix: str, *, revision: int = 0) -> Listing:
        what = f"list {prefix}"
        for _ in range(_LIST_TRIES):
            try:
                pages = list(self._pages(what, prefix, revision))
                return Listing(tuple(entry for page in pages for entry in page.entries), pages[0].revision)
            except RevisionGone as error:
                if revision:
                    raise Compacted(self._compacted_revision(prefix, revision)) from error
                # The revision of the first page was compacted before the last page was read: begin again.
        raise StoreUnavailable(f"{what}: etcd was compacted {_LIST_TRIES} times while it was read; try again")

    def pages(self, prefix: str) -> Iterator[Listing]:
        try:
            yield from self._pages(f"list {prefix}", prefix, 0)
        except RevisionGone as error:
            raise Compacted(self._compacted_revision(prefix, 1)) from error

    def commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Commit:
        return self._commit(compares, operations, None)

    def begin_commit(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Callable[[], Commit]:
        request = etcd_codec.transaction(compares, operations)

        def send(link: Link, timeout: float) -> Any:
            return link.kv.Txn.future(request, timeout=timeout, metadata=REQUIRE_LEADER)

        return partial(self._commit, compares, operations, self._endpoints.begin(send))

    def _commit(self, compares: Sequence[Compare], operations: Sequence[Operation], begun: Begun | None) -> Commit:
        def send(link: Link, timeout: float) -> Any:
            request = etcd_codec.transaction(compares, operations)
            return link.kv.Txn(request, timeout=timeout, metadata=REQUIRE_LEADER)

        what = f"commit ({len(operations)} operations, first {operations[0].key!r})" if operations else "commit"
        answer = self._endpoints.call(what, send, repeatable=not operations, begun=begun)
        return etcd_codec.outcome(answer, compares)

    def watch(self, prefix: str, *, start_revision: int) -> EtcdWatch:
        watch = EtcdWatch(self._endpoints, prefix, start_revision, silence=self._watch_silence)
        self._watches.add(watch)
        return watch

    def grant(self, ttl: float) -> int:
        return etcd_lease.grant(self._endpoints, ttl)

    def keep_alive(self, lease: int) -> float:
        return etcd_lease.keep_alive(self._endpoints, lease)

    def revoke(self, lease: int) -> None:
        etcd_lease.revoke(self._endpoints, lease)

    def compact(self, revision: int) -> None:
        """Raises Compacted when that much was compacted already, RequestRefused for a revision of the future."""
        request = rpc_pb2.CompactionRequest(revision=revision)

        def send(link: Link, timeout: float) -> Any:
            return link.kv.Compact(request, timeout=timeout, metadata=REQUIRE_LEADER)

        try:
            self._endpoints.call(f"compact up to {revision}", send, repeatable=True)
        except RevisionGone as error:
            raise Compacted(self._compacted_revision("", revision)) from error

    def close(self) -> None:
        for watch in list(self._watches):
            watch.close()
        self._endpoints.close()

    def _range(self, what: str, request: Any, begun: Begun | None = None) -> Any:
        def send(link: Link, timeout: float) -> Any:
            return link.kv.Range(request, timeout=timeout, metadata=REQUIRE_LEADER)

        return self._endpoints.call(what, send, repeatable=True, begun=begun)

    def _begin_range(self, request: Any) -> Begun | None:
        def send(link: Link, timeout: float) -> Any:
            return link.kv.Range.future(request, timeout=timeout, metadata=REQUIRE_LEADER)

        return self._endpoints.begin(send)

    def _pages(self, what: str, prefix: str, revision: int) -> Iterator[Listing]:
        """In pages, as one answer is limited by time and memory; all at the revision of the first. The next one is on
        its way while this one is looked at."""
        start, end = etcd_codec.bounds(prefix)
        begun: Begun | None = None
        while True:
            request = rpc_pb2.RangeRequest(key=start, range_end=end, limit=_PAGE, revision=revision)
            answer = self._range(what, request, begun)
            revision = revision or answer.header.revision
            if answer.more:
                start = answer.kvs[-1].key + b"\0"
                begun = self._begin_range(
                    rpc_pb2.RangeRequest(key=start, range_end=end, limit=_PAGE, revision=revision)
                )
            yield Listing(tuple(map(etcd_codec.entry, answer.kvs)), revision)
            if not answer.more:
                return

    def _compacted_revision(self, prefix: str, revision: int) -> int:
        """etcd names it only to a watch that asks for what is gone; the one asked for when that does not answer."""
        watch = self.watch(prefix, start_revision=revision)
        try:
            watch.poll(self._endpoints.timeout)
        except Compacted as gone:
            return gone.revision
        finally:
            watch.close()
        return revision
