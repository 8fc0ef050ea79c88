"""A list that keeps itself up to date: list once, then watch from its revision, over any number of broken connections.

Nothing is missed and nothing comes twice: a broken stream resumes after the last revision seen, and when that was
compacted the list is read again and only the differences are reported. Used by `get -w`, by everything that waits, and
through `Client.watch_tasks` by scripts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec

from taskyard.client.errors import (
    BadAnswer,
    ClientError,
    Problem,
    ServerFailed,
    ServerUnreachable,
    TooOld,
    refusal,
)
from taskyard.client.transport import Query, Transport
from taskyard.client.views import Listed, View, WatchLine
from taskyard.clock import Clock, SystemClock

V = TypeVar("V", bound=View)


@dataclass(frozen=True, slots=True)
class Item(Generic[V]):
    """An object as its view, and as the JSON that the server sent."""

    view: V
    raw: bytes

    def data(self) -> Any:
        """The JSON as plain Python data."""
        return msgspec.json.decode(self.raw)


@dataclass(frozen=True, slots=True)
class Items(Generic[V]):
    """All that matched, as of `revision`."""

    items: list[Item[V]]
    revision: int


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """One object that came, changed or went; of one that went, as it was last seen."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    item: Item[V]


@dataclass(frozen=True, slots=True)
class Resource(Generic[V]):
    """What can be listed and watched: where, how it is read, and what tells two of them apart."""

    path: str
    view: type[V]
    identity: Callable[[V], str]


@dataclass(frozen=True, slots=True)
class Patience:
    """How a watch goes on. Waits between attempts double from `first` to `longest` seconds.

    `deadline` is a moment of the clock's monotonic time at which the watch just ends. `on_break` is told of an outage
    once a first attempt to connect again failed, and gets None when the stream is back.
    """

    clock: Clock = field(default_factory=SystemClock)
    sleep: Callable[[float], None] = time.sleep
    deadline: float | None = None
    first: float = 0.2
    longest: float = 5.0
    on_break: Callable[[ClientError | None], None] | None = None

    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - self.clock.monotonic()


def list_once(transport: Transport, resource: Resource[V], query: Query) -> Items[V]:
    body = transport.request("GET", resource.path, query=query).body
    listed = _decoded(transport, body, Listed)
    items = [_item(transport, resource, raw) for raw in listed.items]
    return Items(items, listed.metadata.revision)


def watch(transport: Transport, resource: Resource[V], query: Query, patience: Patience) -> Iterator[list[Change[V]]]:
    """First a batch with everything there is (perhaps nothing), then a batch for each change, until the deadline.

    Raises what the first list raises; after that only refusals, as outages are waited out.
    """
    known: dict[str, Item[V]] = {}
    listed = list_once(transport, resource, query)
    yield difference(known, listed, resource)
    revision = listed.revision
    failures = 0
    while patience.left() > 0:
        try:
            for line in _lines(transport, resource, {**query, "watch": True, "revision": revision}, patience):
                if line.type == "ERROR":
                    raise refusal(_decoded_problem(transport, line.object))
                if failures > 1 and patience.on_break:
                    patience.on_break(None)
                failures = 0
                revision = max(revision, line.revision)
                if change := _apply(transport, resource, known, line):
                    yield [change]
            failures += 1
        except TooOld:
            listed = list_once(transport, resource, query)
            revision = listed.revision
            if batch := difference(known, listed, resource):
                yield batch
        except (ServerUnreachable, ServerFailed) as error:
            failures += 1
            if failures == 2 and patience.on_break and patience.left() > 0:
                patience.on_break(error)
        if failures > 1:
            pause = min(patience.first * 2.0 ** (failures - 2), patience.longest, max(patience.left(), 0))
            patience.sleep(pause)


def _lines(transport: Transport, resource: Resource[V], query: Query, patience: Patience) -> Iterator[WatchLine]:
    def left() -> float:
        return max(patience.left(), 0.001)

    idle = min(transport.timeouts.idle, left())
    with transport.stream(resource.path, query=query, idle=idle, left=left) as pieces:
        rest = b""
        for piece in pieces:
            if patience.left() <= 0:
                return
            *complete, rest = (rest + piece).split(b"\n")
            for line in complete:
                if line.strip():
                    yield _decoded(transport, line, WatchLine)


def _apply(transport: Transport, resource: Resource[V], known: dict[str, Item[V]], line: WatchLine) -> Change[V] | None:
    if line.type == "BOOKMARK":
        return None
    item = _item(transport, resource, line.object)
    key = resource.identity(item.view)
    if line.type == "DELETED":
        gone = known.pop(key, None)
        return Change("DELETED", gone) if gone else None
    before = known.get(key)
    known[key] = item
    return Change("MODIFIED" if before else "ADDED", item)


def difference(known: dict[str, Item[V]], listed: Items[V], resource: Resource[V]) -> list[Change[V]]:
    """What the list says that `known` does not; afterwards `known` is the list."""
    now = {resource.identity(item.view): item for item in listed.items}
    changes: list[Change[V]] = [Change("DELETED", item) for key, item in known.items() if key not in now]
    for key, item in now.items():
        before = known.get(key)
        if before is None or before.raw != item.raw:
            changes.append(Change("MODIFIED" if before else "ADDED", item))
    known.clear()
    known.update(now)
    return changes


def _decoded_problem(transport: Transport, raw: msgspec.Raw) -> Problem:
    """The last line of a stream that the server gives up."""
    try:
        return msgspec.json.decode(raw, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(f"{transport.url} ended a watch with an unreadable problem: {error}") from error


def _item(transport: Transport, resource: Resource[V], raw: msgspec.Raw) -> Item[V]:
    return Item(_decoded(transport, bytes(raw), resource.view), bytes(raw))


def _decoded(transport: Transport, raw: bytes, kind: type[V]) -> V:
    return decoded(transport.url, raw, kind)


def decoded(url: str, raw: bytes, kind: type[V]) -> V:
    """BadAnswer when the JSON is not of that shape."""
    try:
        value: V = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(
            f"{url} answered something that is not a {kind.__name__}: {error}",
            "is that a Taskyard server, and of this version? see `taskyard version -a`",
        ) from error
    return value
