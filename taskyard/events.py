"""EventRecorder: what happened, to what, and why, for people to read; counted rather than repeated.

Anyone may emit at any time: it never waits for the store, never fails, and what the store is too slow for is dropped
and counted. Nothing may depend on an event having arrived.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from taskyard import keys
from taskyard.clock import Clock, timestamp
from taskyard.event_pace import Pace
from taskyard.objects import BadValue, Event, ObjectRef, decode, encode
from taskyard.similar_events import SimilarEvents
from taskyard.store.api import (
    MAX_OPERATIONS,
    Entry,
    LeaseExpired,
    Put,
    RequestRefused,
    Store,
    StoreError,
    unchanged_since,
)

_log = logging.getLogger(__name__)

_TTL = 3600.0
_LEASE_USED_FOR = 300.0
"""Seconds of events that share one lease: a lease for each event would be most of what etcd has to keep."""
_BUFFERED = 1024
"""Different events that wait for the store before the oldest are dropped."""
_REMEMBERED = 4096
"""Keys whose last written event is known here, so that counting on needs no read."""
_TRIES = 3
_FLUSH_EVERY = 0.5
_LONGEST_MESSAGE = 1024
"""Characters, as in Kubernetes."""
ROOM_KEPT: Literal["RoomKept"] = "RoomKept"
"""The reason of the event about a task that waits while the room that it fits in is kept for others."""


@dataclass(frozen=True, slots=True)
class _Written:
    """The key as this process last knew it; revision 0 and no event: not there."""

    revision: int
    event: Event | None


_NOT_THERE = _Written(0, None)


class EventRecorder:
    """`component` says who tells: `scheduler`, `agent/n1`. Safe for use by many threads."""

    def __init__(self, store: Store, clock: Clock, component: str, noted: Callable[[], None] = lambda: None) -> None:
        """`noted` is called, in any thread, when there is something to flush."""
        self._noted = noted
        self._store = store
        self._clock = clock
        self._component = component
        self._similar = SimilarEvents()
        self._pace = Pace()
        self._pending: OrderedDict[str, Event] = OrderedDict()
        """By key; the count is of what is not written yet."""
        self._dropped = 0
        self._written: OrderedDict[str, _Written] = OrderedDict()
        self._lease = 0
        self._lease_until = 0.0
        self._buffer_lock = threading.Lock()
        self._flush_lock = threading.Lock()

    def emit(self, about: ObjectRef, namespace: str, reason: str, message: str, *, warning: bool = False) -> None:
        """Notes it for the next flush. Never blocks, never raises."""
        try:
            self._buffer(self._event(about, namespace, reason, message, warning=warning))
        except Exception:
            # Whoever tells of a failure must not fail by it.
            _log.exception("an event about %s %a could not be noted: %s", about.kind, about.name, reason)

    def _event(self, about: ObjectRef, namespace: str, reason: str, message: str, *, warning: bool) -> Event:
        moment = timestamp(self._clock.now())
        readable = message if message.isascii() else message.encode(errors="backslashreplace").decode()
        return Event(
            namespace=namespace,
            about=about,
            type="Warning" if warning else "Normal",
            reason=reason,
            message=readable if len(readable) <= _LONGEST_MESSAGE else readable[: _LONGEST_MESSAGE - 1] + "…",
            component=self._component,
            first_seen=moment,
            last_seen=moment,
        )

    def _buffer(self, event: Event) -> None:
        with self._buffer_lock:
            key, event = self._similar.placed(event, self._clock.monotonic())
            key.encode()  # raises here, in emit, for a name that is not Unicode: in flush it would hold up all others
            self._pending[key] = _joined(self._pending.get(key), event)
            self._drop_oldest()
        self._noted()

    @property
    def waiting(self) -> bool:
        """There is something to flush."""
        return bool(self._pending or self._dropped)

    def _drop_oldest(self) -> None:
        while len(self._pending) > _BUFFERED:
            self._dropped += self._pending.popitem(last=False)[1].count

    def flush(self, *, all_counts: bool = False) -> None:
        """Writes what waits, as much as the store takes; the rest goes on waiting. Swallows the store's failures. A
        count that was written lately waits for its turn, unless `all_counts` are to be written: at the end."""
        if not self.waiting:
            return
        with self._flush_lock:
            waiting = list(self._drain(all_counts=all_counts).items())
            while waiting:
                chunk, waiting = waiting[:MAX_OPERATIONS], waiting[MAX_OPERATIONS:]
                unwritten = self._write(chunk)
                if unwritten:
                    self._put_back(unwritten + waiting)
                    return

    def _drain(self, *, all_counts: bool) -> OrderedDict[str, Event]:
        with self._buffer_lock:
            dropped, self._dropped = self._dropped, 0
            now, drained, held = self._clock.monotonic(), OrderedDict[str, Event](), OrderedDict[str, Event]()
            for key, event in self._pending.items():
                (drained if all_counts or self._due(key, event, now) else held)[key] = event
            self._pending = held
        if dropped:
            note = self._event(
                ObjectRef(kind="Component", name=self._component.replace("/", "-")),
                keys.CLUSTER_NAMESPACE,
                "EventsDropped",
                "the store could not take events as fast as they came; the count says how many were dropped",
                warning=True,
            )
            # An earlier note may still be waiting among the others.
            key = _key(note)
            drained[key] = _joined(drained.get(key), msgspec.structs.replace(note, count=dropped))
        return drained

    def _due(self, key: str, event: Event, now: float) -> bool:
        before, about = self._written.get(key, _NOT_THERE).event, event.about
        if before is None or before.about.uid != about.uid:
            return True
        return self._pace.take((event.namespace, about.kind, about.name), now)

    def _put_back(self, unwritten: list[tuple[str, Event]]) -> None:
        with self._buffer_lock:
            newer, self._pending = self._pending, OrderedDict(unwritten)
            for key, event in newer.items():
                self._pending[key] = _joined(self._pending.get(key), event)
            self._drop_oldest()

    def _write(self, chunk: list[tuple[str, Event]]) -> list[tuple[str, Event]]:
        """What could not be written. A lost answer makes it count twice: an event happened at least `count` times."""
        try:
            for _ in range(_TRIES):
                if self._commit(chunk):
                    return []
        except RequestRefused as error:
            if len(chunk) == 1:
                _log.warning("the store refuses the event %s, which is dropped: %s", chunk[0][0], error)
                return []
            middle = len(chunk) // 2
            unwritten = self._write(chunk[:middle])
            return unwritten + chunk[middle:] if unwritten else self._write(chunk[middle:])
        except StoreError as error:
            _log.info("%d events wait for the store: %s", len(chunk), error)
        except Exception:
            # Kept, they would hold up all others for ever.
            _log.exception("%d events could not be written and are dropped", len(chunk))
            return []
        return chunk

    def _commit(self, chunk: list[tuple[str, Event]]) -> bool:
        """False when a key was not as remembered (it never was, others wrote it, it expired): now it is, try again."""
        known = {key: self._written.get(key, _NOT_THERE) for key, _ in chunk}
        events = {key: _joined(known[key].event, event) for key, event in chunk}
        try:
            lease = self._current_lease()
            commit = self._store.commit(
                [unchanged_since(key, written.revision) for key, written in known.items()],
                [Put(key, encode(event), lease) for key, event in events.items()],
            )
        except LeaseExpired:
            self._lease = 0
            return False
        if commit.succeeded:
            self._remember({key: _Written(commit.revision, event) for key, event in events.items()})
        else:
            self._remember({key: _read(entry) for key, entry in commit.current.items()})
        return commit.succeeded

    def _current_lease(self) -> int:
        now = self._clock.monotonic()
        if not self._lease or now >= self._lease_until:
            self._lease = self._store.grant(_TTL)
            self._lease_until = now + _LEASE_USED_FOR
        return self._lease

    def _remember(self, written: dict[str, _Written]) -> None:
        for key, value in written.items():
            self._written[key] = value
            self._written.move_to_end(key)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def run(self, stop: threading.Event) -> None:
        """Flushes twice a second until `stop` is set, and once more then."""
        while not stop.wait(_FLUSH_EVERY):
            self.flush()
        self.flush(all_counts=True)


def _key(event: Event) -> str:
    about = event.about
    return keys.event(event.namespace, about.kind, about.name, event.component, event.reason, event.message)


def _joined(old: Event | None, new: Event) -> Event:
    if old is None or old.about.uid != new.about.uid:
        # Of another object of the same name, which is gone: what was told of it never happened to this one.
        return new
    return msgspec.structs.replace(new, count=old.count + new.count, first_seen=old.first_seen)


def _read(entry: Entry | None) -> _Written:
    if entry is None:
        return _NOT_THERE
    try:
        return _Written(entry.mod_revision, decode(entry.value, Event))
    except BadValue:
        return _Written(entry.mod_revision, None)
