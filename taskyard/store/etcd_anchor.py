"""Whether the etcd that a watch comes back to has the history that it left.

An etcd that was wiped or restored from a backup may be past the revision to resume at, and would go on from there in a
history in which other things happened before. Called by the watch's thread whenever it connects.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from etcd3.etcdrpc import rpc_pb2

from taskyard.store import etcd_codec, etcd_errors
from taskyard.store.api import KeyEvent
from taskyard.store.etcd_channel import REQUIRE_LEADER, Link
from taskyard.store.etcd_errors import Fault

_FUTURE = "required revision is a future revision"


class Anchor:
    """The last write that the watch was told of: the same history has it at the same revision."""

    def __init__(self) -> None:
        self._key = b""
        self._revision = 0

    def remember(self, events: Sequence[KeyEvent]) -> None:
        for event in reversed(events):
            if event.entry is not None:
                self._key, self._revision = etcd_codec.encode(event.key), event.revision
                return

    def lost(self, link: Link, timeout: float) -> int:
        """0 while the history is the same, as far as that can be known; else the revision of the other one.

        Raises grpc.RpcError when it cannot be asked.
        """
        if not self._revision:
            return 0
        request = rpc_pb2.RangeRequest(key=self._key, revision=self._revision, keys_only=True)
        try:
            answer = link.kv.Range(request, timeout=timeout, metadata=REQUIRE_LEADER)
        except grpc.RpcError as error:
            if etcd_errors.fault(error) is Fault.COMPACTED:
                return 0
            if _FUTURE not in etcd_errors.details(error):
                raise
        else:
            if any(kv.mod_revision == self._revision for kv in answer.kvs):
                return 0
        return int(link.maintenance.Status(rpc_pb2.StatusRequest(), timeout=timeout).header.revision)
