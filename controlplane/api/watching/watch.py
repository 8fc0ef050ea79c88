"""A watch as lines of JSON: what there is, then what changes, with a bookmark when it is quiet.

Each line's `revision` is where to resume after it. A client that reads too slowly is told so in a last line of type
ERROR, and lists again. The memory behind it is feed.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from controlplane.api.http.freshness import Freshness
from controlplane.api.http.problem import ApiError
from controlplane.api.http.streams import OpenStream
from controlplane.api.watching.feed import Feed, TooOld, Update

T = TypeVar("T")

QUIET = 15.0
"""Seconds without a line before a bookmark shows that the connection lives and how far it has seen."""
_BATCH = 256
MEDIA_TYPE = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Watching(Generic[T]):
    """`initial` None: the client resumes, and gets only what is new after `position`. `revision` says what has been
    seen now, and where in the feed that is."""

    feed: Feed[T]
    position: int
    initial: Sequence[T] | None
    initial_revision: int
    admits: Callable[[T], bool]
    encode: Callable[[T], bytes]
    bookmark: Callable[[], tuple[int, int]]


def reached(revision: int, freshness: Freshness) -> None:
    """Waits until the cache has seen `revision`. Raises ApiError (410) for one that it does not see."""
    if not freshness.reach(revision):
        raise ApiError(410, "TooNew", f"revision {revision} has not happened here: list again, then watch from there")


def position(feed: Feed[T], revision: int) -> int:
    """Where a watch that has seen `revision` goes on. Raises ApiError (410) when that is not remembered."""
    try:
        return feed.position(revision)
    except TooOld as error:
        raise ApiError(410, "TooOld", f"{error}: list again, then watch from there") from error


async def lines(watching: Watching[T], stream: OpenStream) -> AsyncIterator[bytes]:
    """Until the client leaves, falls behind, or the server closes."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    watching.feed.listen(wake)
    position = watching.position
    try:
        for start in range(0, len(watching.initial or ()), _BATCH):
            batch = (watching.initial or ())[start : start + _BATCH]
            yield b"".join(_line("ADDED", 0, watching.encode(each)) for each in batch)
        if watching.initial is not None:
            yield _line("BOOKMARK", watching.initial_revision)
        while not stream.ended.is_set():
            changed.clear()
            updates, position = watching.feed.read(position, _BATCH)
            if text := b"".join(_lines(update, watching) for update in updates):
                yield text
            if updates or await stream.first(changed, QUIET) or stream.ended.is_set():
                continue
            revision, seen = watching.bookmark()
            if seen == position:
                yield _line("BOOKMARK", revision)
    except TooOld as error:
        problem = ApiError(410, "TooOld", f"{error}: list again, then watch from there").problem
        yield _line("ERROR", 0, msgspec.json.encode(problem))
    finally:
        watching.feed.forget(wake)
        stream.close()


def _lines(update: Update[T], watching: Watching[T]) -> bytes:
    """What a watch with a selector sees of it: an object may come into its view, change in it, or leave it."""
    before = update.before is not None and watching.admits(update.before)
    after = update.after is not None and watching.admits(update.after)
    shown = update.after if update.after is not None else update.before
    if shown is None or not (before or after):
        return b""
    kind = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
    return _line(kind, update.resume, watching.encode(shown))


def _line(kind: str, revision: int, json: bytes = b"") -> bytes:
    """Without a revision while there is nothing to resume from yet."""
    text = f'{{"type":"{kind}"'.encode()
    if revision:
        text += f',"revision":{revision}'.encode()
    if json:
        text += b',"object":' + json
    return text + b"}\n"
