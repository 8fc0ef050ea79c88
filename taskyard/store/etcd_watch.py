"""The watch over etcd: a thread that keeps one stream open, and a bounded queue between it and `poll`.

It reconnects to any member and resumes after the last revision it queued, so nothing is lost or told twice; only
compaction ends it. No revision is ever split, because etcd splits one only for those who ask for fragments.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from typing import Any

import grpc

from taskyard.store import etcd_codec, etcd_errors
from taskyard.store.api import Compacted, HistoryLost, Watch, WatchBatch
from taskyard.store.etcd_anchor import Anchor
from taskyard.store.etcd_channel import Endpoints
from taskyard.store.etcd_stream import WatchStream

log = logging.getLogger(__name__)

_MAX_QUEUED_EVENTS = 10_000
_MAX_BATCH_EVENTS = 1_000
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 1.0
"""Seconds; with it a host that was cut off hears again of its tasks soon after it is healed."""
_CONNECT_TIMEOUT = 3.0


class EtcdWatch(Watch):
    """`silence`: seconds without any frame after which the stream counts as dead.

    Its thread starts with the first poll. Reading stops while the queue is full, and etcd then holds events back.
    """

    def __init__(self, endpoints: Endpoints, prefix: str, start_revision: int, *, silence: float) -> None:
        if start_revision < 1:
            raise ValueError(
                f"watch of {prefix!r}: start_revision {start_revision} is below 1; list, then watch from revision + 1"
            )
        self._endpoints = endpoints
        self._prefix = prefix
        self._bounds = etcd_codec.bounds(prefix)
        self._next_revision = start_revision
        self._silence = silence
        self._reached = 0
        self._behind_since: float | None = None
        self._condition = threading.Condition()
        self._anchor = Anchor()
        self._batches: deque[WatchBatch] = deque()
        self._queued_events = 0
        self._gap: Compacted | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self._stream: WatchStream | None = None

    def poll(self, timeout: float) -> WatchBatch | None:
        deadline = time.monotonic() + timeout
        with self._condition:
            self._start()
            while not self._closed:
                if self._batches:
                    return self._take()
                if self._gap is not None:
                    raise self._gap
                now = time.monotonic()
                self._hang_up_if_silent(now)
                if now >= deadline:
                    return None
                self._condition.wait(min(deadline - now, self._silence / 4))
            return None

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._batches.clear()
            stream = self._stream
            self._condition.notify_all()
        if stream is not None:
            stream.hang_up()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name=f"etcd-watch {self._prefix}", daemon=True)
            self._thread.start()

    def _take(self) -> WatchBatch:
        """All that is queued as one batch, within reason: batches of one event each are slow to apply."""
        first = self._batches.popleft()
        self._queued_events -= len(first.events)
        if self._batches and len(first.events) < _MAX_BATCH_EVENTS:
            events = list(first.events)
            revision = first.revision
            while self._batches and len(events) < _MAX_BATCH_EVENTS:
                batch = self._batches.popleft()
                self._queued_events -= len(batch.events)
                events += batch.events
                revision = batch.revision
            first = WatchBatch(tuple(events), revision)
        self._condition.notify_all()
        return first

    def _hang_up_if_silent(self, now: float) -> None:
        if self._stream is not None and self._stream.silent_for(now) > self._silence:
            log.warning(
                "watch of %s: no sign of life from etcd for %.0f s, connecting anew", self._prefix, self._silence
            )
            self._stream.hang_up()
            self._stream = None

    def _run(self) -> None:
        delay = _FIRST_DELAY
        while True:
            endpoint = self._endpoints.current
            stream = WatchStream(self._endpoints, endpoint, self._silence / 4)
            with self._condition:
                if self._closed:
                    break
                self._stream = stream
            before = self._next_revision
            why = self._follow(stream)
            stream.hang_up()
            with self._condition:
                self._stream = None
                if self._closed or self._gap is not None:
                    self._condition.notify_all()
                    break
            self._endpoints.failed(endpoint)
            delay = _FIRST_DELAY if self._next_revision > before else min(delay * 2, _LONGEST_DELAY)
            log.info(
                "watch of %s: etcd at %s: %s; resuming at revision %d", self._prefix, endpoint, why, self._next_revision
            )
            with self._condition:
                self._condition.wait_for(lambda: self._closed, delay * random.uniform(0.5, 1.0))
        stream.hang_up()

    def _follow(self, stream: WatchStream) -> str:
        """Queues what comes until the stream ends; says why it did."""
        try:
            if lost := self._anchor.lost(stream.link, _CONNECT_TIMEOUT):
                self._gap = HistoryLost(lost)
                return "its history is another one"
            for response in stream.responses(*self._bounds, self._next_revision, _CONNECT_TIMEOUT):
                if response.compact_revision:
                    self._gap = Compacted(int(response.compact_revision))
                    return "compacted"
                if response.canceled:
                    return f"canceled: {response.cancel_reason}"
                if self._went_back(response.header.revision):
                    self._gap = HistoryLost(int(response.header.revision))
                    return "etcd lost its history"
                batch = self._batch(stream, response)
                if batch is not None and not self._queue(batch):
                    break
        except grpc.RpcError as error:
            return etcd_errors.describe(error)
        except ValueError as error:  # gRPC's way to say that the channel was closed before the call began
            return str(error)
        except Exception as error:
            # A thread that ends by it would leave a watch that is silent for ever.
            log.exception("watch of %s: an answer of etcd could not be used", self._prefix)
            return f"{type(error).__name__}: {error}"
        return "the stream ended"

    def _went_back(self, revision: int) -> bool:
        """Whether etcd is behind what it told before, for so long that it was restored or lost its data.

        A member may be behind for a moment. Without this, the watch would be quiet until etcd comes to where it was.
        """
        now = time.monotonic()
        if revision >= self._reached:
            self._reached = revision
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        return self._behind_since is not None and now - self._behind_since > self._silence

    def _batch(self, stream: WatchStream, response: Any) -> WatchBatch | None:
        if response.events:
            events = etcd_codec.events(response.events, self._next_revision)
            # Not the header's revision: while a watcher catches up, that is ahead of the events sent so far.
            return WatchBatch(events, events[-1].revision) if events else None
        progress = stream.progress(response)
        return WatchBatch((), progress) if progress >= self._next_revision else None

    def _queue(self, batch: WatchBatch) -> bool:
        """False when the watch was closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._closed or self._queued_events < _MAX_QUEUED_EVENTS)
            if self._closed:
                return False
            self._batches.append(batch)
            self._queued_events += len(batch.events)
            self._next_revision = batch.revision + 1
            self._anchor.remember(batch.events)
            self._condition.notify_all()
            return True
